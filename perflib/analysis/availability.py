"""What can have no data here: KPIs, standards and sections of reports that this programme, regime or extract rules out.

Nothing recorded is not zero. What is listed here shows "no data" whatever happened, so somebody must supply it, or take
it out of the contract's file.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import pandas as pd

from perflib.analysis import kpis, standards
from perflib.records.snapshot import Snapshot
from perflib.rules.management import Kpi
from perflib.rules.standards import Standard

COLUMNS = ["kind", "id", "name", "why"]


@dataclass(frozen=True)
class Section:
    """A section of a report and what it needs: a promise, a rating, or one of these events, tables or attributes."""

    report: str
    heading: str
    tables: tuple[str, ...] = ()
    events: tuple[str, ...] = ()
    needs: str = ""


SECTIONS = (
    Section("cohort_trends", "Against the tender levels", needs="profiles"),
    Section("outcome_forecast", "Which levels may be missed", needs="profiles"),
    Section("outcome_forecast", "What would put it right", needs="profiles"),
    Section("participant_journey", "Peer support groups", events=("peer_group",)),
    Section("participant_journey", "Reviews", events=("review",)),
    Section("participant_journey", "In work", events=("job_start",)),
    Section("service_standards", "Exemptions", ("exemptions",)),
    Section("service_standards", "What the standards show", needs="standards"),
    Section("subcontractor_comparison", "Beside what could be expected", needs="units"),
    Section("subcontractor_comparison", "KPIs by role", needs="roles"),
    Section("performance_ratings", "Ratings, quarter by quarter", needs="rating"),
    Section("performance_ratings", "Plans", ("plans",)),
    Section("performance_ratings", "Did it help, and did it last?", ("plans",)),
    Section("contract_review", "Outstanding action points", ("plans", "actions")),
    Section("contract_review", "Action Plan review", ("plans",)),
    Section("contract_review", "Employer engagement", ("notes", "activities")),
    Section("contract_review", "Collaborative working", ("notes",)),
    Section("contract_review", "Decision Making and Appeals", ("notes",)),
    Section("contract_review", "Participant experience", ("notes", "feedback")),
    Section("contract_review", "Compliance Monitoring", ("checks", "assurance", "notices")),
    Section("contract_review", "Performance Manager checks", ("checks",)),
    Section("contract_review", "Exit feedback, CV and references", ("notes",), ("exit",)),
    Section("contract_review", "DWP policy changes", ("notes",)),
)
"""Sections that not every programme, regime or extract can fill. One that has any of its tables or events is filled."""


def without_data(snapshot: Snapshot) -> pd.DataFrame:
    """List the KPIs, standards and report sections that can have no data, and why.

    Parameters
    ----------
    snapshot : Snapshot

    Returns
    -------
    DataFrame
        One row each: `kind` ('KPI', 'standard' or 'section'), `id` (of a section its report), `name`, `why`: in words,
        without a full stop. Empty where all can be filled.

    Examples
    --------
    >>> from perflib import load_snapshot
    >>> found = without_data(load_snapshot("whp-sample", "2020-06"))
    >>> found.loc[found["id"] == "sustained_outcomes", "why"].item()
    'the programme has no event or outcome sustained_outcome'
    """
    contract = snapshot.contract
    rows: list[tuple[str, str, str, str]] = []
    for name, standard in contract.standards.items():
        rows += [("standard", name, standard.name, why) for why in islice(_of_standard(snapshot, name, standard), 1)]
    for name, kpi in contract.kpis.items():
        rows += [("KPI", name, kpi.name, why) for why in islice(_of_kpi(snapshot, kpi), 1)]
    for section in SECTIONS:
        rows += [("section", section.report, section.heading, why) for why in _why_no_section(snapshot, section)]
    return pd.DataFrame(rows, columns=COLUMNS)


def _of_standard(snapshot: Snapshot, name: str, rule: Standard) -> Iterator[str]:
    if rule.nations and snapshot.contract.nation not in rule.nations:
        yield f"it holds only in {_listed(rule.nations)}, and the contract is in {snapshot.contract.nation}"
    if rule.kind == "profile":
        yield from _not_recorded(snapshot, rule.to)
        yield from _not_promised(snapshot, rule.to)
        return
    if rule.table is not None:
        yield from _not_in_table(snapshot, rule.table, rule.where)
        return
    stops = rule.to or snapshot.programme.resolves
    for events in (rule.begins, (rule.applies_to,), *([(stop,) for stop in stops] if rule.needs == "all" else [stops])):
        yield from _not_recorded(snapshot, events)
    states = standards.cases(snapshot, [name])["state"]
    if states.isin(["no_data", "not_applicable"]).all():
        yield "it holds for none of the referrals so far"


def _of_kpi(snapshot: Snapshot, kpi: Kpi) -> Iterator[str]:
    measure = None if kpi.of is None else kpis.measure_of(snapshot, kpi)
    if kpi.of is not None:
        yield from _not_recorded(snapshot, (measure or kpi.of,))
    if kpi.table is not None:
        yield from _not_in_table(snapshot, kpi.table, kpi.where)
    match kpi.kind:
        case "profile":
            yield from _not_promised(snapshot, (str(measure or kpi.of),))
        case "advances":
            yield from _not_recorded(snapshot, ("peer_group",))
        case "standard":
            rule = snapshot.contract.standards.get(str(kpi.standard))
            if rule is None:
                yield f"neither the programme nor the regime has a standard {kpi.standard}"
            else:
                yield from _of_standard(snapshot, str(kpi.standard), rule)
        case "share":
            table = snapshot.tables[str(kpi.table)]
            decided = list({**kpi.passes, **kpi.least, **kpi.more_than})
            if table.reindex(columns=decided).isna().all().all():
                yield f"the table {kpi.table} says nothing under {_listed(decided)}"
    if kpi.per == "on_programme":
        yield from _not_recorded(snapshot, ("start",))


def _why_no_section(snapshot: Snapshot, section: Section) -> list[str]:
    contract, regime = snapshot.contract, snapshot.contract.management
    units = snapshot.programme.units
    reasons = {
        "profiles": [] if contract.profiles else ["the contract file gives no profile"],
        "standards": [] if contract.standards else ["neither the programme nor the regime has a standard"],
        "roles": [] if regime is not None and regime.roles else ["the contract file names no regime with roles"],
        "rating": [] if contract.rating is not None else ["the contract file names no regime that rates"],
        "units": []
        if any(snapshot.journeys[name].notna().any() for name in units)
        else [f"the extract does not say who delivers ({_listed(units, 'or')})" if units else "nobody delivers apart"],
    }
    if section.needs:
        return reasons[section.needs]
    if any(name in snapshot.tables for name in section.tables):
        return []
    why = _not_recorded(snapshot, section.events) if section.events else []
    if section.tables and (why or not section.events):
        why = [*why, f"the extract has no table {_listed(section.tables, 'or')}"]
    return [" and ".join(why)] if why else []


def _not_recorded(snapshot: Snapshot, measures: Sequence[str]) -> list[str]:
    """Say that none of some events or outcomes is in the programme, or that none was recorded."""
    programme = snapshot.programme
    known = [name for name in measures if name in programme.events or name in programme.outcomes]
    if not known:
        return [f"the programme has no event or outcome {_listed(measures, 'or')}"]
    events = [event for name in known for event in _events(snapshot, name)]
    if any(snapshot.journeys[event].notna().any() for event in events if event in snapshot.journeys):
        return []
    labels = [programme.label(name) for name in known]
    labels = [label.lower() if label[1:].islower() else label for label in labels]
    return [f"the extract has no {_listed(labels, 'or')} by {snapshot.known_at}"]


def _events(snapshot: Snapshot, measure: str) -> list[str]:
    outcome = snapshot.programme.outcomes.get(measure)
    return [measure] if outcome is None else [route.event for route in outcome.routes]


def _not_promised(snapshot: Snapshot, measures: Sequence[str]) -> list[str]:
    contract = snapshot.contract
    promised = {item.measure for item in contract.profiles} | {item.measure for item in contract.volumes}
    missing = [measure for measure in measures if measure not in promised]
    return [f"the contract file gives no profile or volume of {missing[0]}"] if missing else []


def _not_in_table(snapshot: Snapshot, name: str, where: Any) -> list[str]:
    """Say that a table is not in the extract, or has no row with the codes asked for."""
    table = snapshot.tables.get(name)
    if table is None:
        return [f"the extract has no table {name}"]
    for column, codes in where.items():
        table = table[table[column].isin(codes)] if column in table else table[:0]
    if table.empty:
        asked = [f"{column} {_listed(codes, 'or')}" for column, codes in where.items()]
        return [f"the table {name} has no row{' with ' if asked else ''}{' and '.join(asked)} by {snapshot.known_at}"]
    return []


def _listed(words: Sequence[str], last: str = "and") -> str:
    return f" {last} ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)
