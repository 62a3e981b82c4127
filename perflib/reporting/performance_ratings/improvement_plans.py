"""Improvement plans in a report: how they stand, what they lack, what became of what they were about.

All of it is for internal readers: plans are about units and people that can be told by them.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from perflib.analysis import kpis, oversight
from perflib.disclosure.columns import count, date, month, number, status, text
from perflib.disclosure.presenter import Showable, Table
from perflib.disclosure.sentences import ByAudience, Choice, Name, Sentence, sentence
from perflib.disclosure.words import month_words
from perflib.records.snapshot import Snapshot
from perflib.reporting import kpi_tables
from perflib.reporting.contract_review.evidence import not_supplied
from perflib.reporting.performance_ratings.tables import (
    NO_REGIME,
    all_ratings,
    kinds,
    unit_column,
    unit_names,
)
from perflib.reporting.subcontractor_comparison.tables import unit_of

Row = Mapping[Hashable, Any]


def _internal(shown: Showable, outside: Sentence) -> Choice:
    """Show to internal readers, and say to others that it is theirs."""
    return ByAudience(internal=shown, outside=outside)


def plans(snapshot: Snapshot) -> Choice | Sentence:
    """Plans, notices and other instruments as they stand."""
    found = oversight.plans(snapshot)
    if found is None:
        return not_supplied("plans")
    frame = found.assign(
        of=[_kpi_name(snapshot, name) for name in found["kpi"]],
        done=[_of(row, "actions_done", "actions") for row in found.to_dict("records")],
        held=[_of(row, "reviews_held", "reviews_due") for row in found.to_dict("records")],
    )
    table = Table(
        frame,
        f"Plans, notices and sanctions, to {month_words(snapshot.month)}",
        {
            "name": text("What"),
            "unit": text("For", names=unit_names(snapshot)),
            "of": text("About", missing="not said"),
            "opened": date("Opened"),
            "due": date("Due", missing="none"),
            "state": status("State"),
            "done": text("Actions done", missing="not supplied"),
            "held": text("Reviews held", missing="not supplied"),
        },
        internal_only=True,
        empty="none has been opened",
    )
    return _internal(table, sentence("The list of plans is for internal readers and is not shown here."))


def _of(row: Row, part: str, whole: str) -> str | float:
    return np.nan if pd.isna(row[whole]) or pd.isna(row[part]) else f"{row[part]:.0f} of {row[whole]:.0f}"


def _kpi_name(snapshot: Snapshot, name: object) -> str | float:
    """Return what a KPI, a standard or a measure is called."""
    if not isinstance(name, str):
        return np.nan
    contract, programme = snapshot.contract, snapshot.programme
    if name in contract.kpis:
        return contract.kpis[name].name
    if name in contract.standards:
        return contract.standards[name].name
    known = name in programme.events or name in programme.outcomes
    return programme.label(name) if known else name.replace("_", " ")


def exceptions(snapshot: Snapshot) -> Choice:
    """What is missing: plans, actions, owners, dates, reviews."""
    outside = sentence("What is missing from plans is for internal readers and is not shown here.")
    shown = kinds(snapshot)
    if not shown:
        return _internal(NO_REGIME, outside)
    found = oversight.exceptions(snapshot, all_ratings(snapshot, shown))
    if found is None:
        return _internal(not_supplied("plans"), outside)
    named = found.assign(above=found["nested"].map(tuple))
    alike = named.groupby(["what", "name", "since", "days", "above"], sort=False, dropna=False)["unit"]
    frame = alike.agg(list).reset_index()
    table = Table(
        frame.assign(what=frame["what"].str[:1].str.upper() + frame["what"].str[1:]),
        "What is not as the regime wants it",
        {
            "what": text("What"),
            "unit": text("Whose", names=unit_names(snapshot)),
            "name": text("Plan", missing="none"),
            "since": date("Since"),
            "days": number("Days", places=0),
            "above": text("A plan is open above it, for", names=unit_names(snapshot), missing="none"),
        },
        internal_only=True,
        empty="nothing is missing",
    )
    return _internal(table, outside)


def effect(snapshot: Snapshot) -> Choice | Sentence:
    """What became of the figure that each plan was about, beside what was to be expected anyway."""
    unit = unit_of(snapshot)
    outside = sentence("The effect of plans is for internal readers, of units that have KPIs.")
    if unit not in kinds(snapshot):
        return outside
    found = oversight.effect(snapshot, unit)
    if found is None:
        return _internal(not_supplied("plans"), outside)
    rules = snapshot.contract.kpis
    columns = ("before", "after", "expected", "lower", "upper")
    frame = found.assign(
        kpi=[_kpi_name(snapshot, name) for name in found["kpi"]],
        **{
            name: [
                kpi_tables.value_words(value, rules[kpi]) for value, kpi in zip(found[name], found["kpi"], strict=True)
            ]
            for name in columns
        },
        reads=[_reading(row) for row in found.to_dict("records")],
    )
    table = Table(
        frame,
        "Before and after each plan that has ended",
        {
            "unit": unit_column(snapshot, unit),
            "kpi": text("KPI"),
            "before": text("Before", missing="no figure"),
            "after": text("After", missing="no figure"),
            "expected": text("Expected anyway", missing="cannot be told"),
            "lower": text("95% from", missing="none"),
            "upper": text("to", missing="none"),
            "reads": text("Reads"),
        },
        internal_only=True,
        empty="no plan with a KPI has ended",
    )
    return _internal([sentence("{caution}", caution=Name(oversight.CAUTION)), table], outside)


def _reading(row: Row) -> str:
    if row["why_not"]:
        return str(row["why_not"])
    if pd.isna(row["lower"]):
        return "nothing to compare with"
    inside = row["lower"] <= row["after"] <= row["upper"]
    return "no more than would have come anyway" if inside else "more than would have come anyway"


def recurrence(snapshot: Snapshot) -> Choice | Sentence:
    """Whether what a plan was about has been missed again."""
    unit = unit_of(snapshot)
    outside = sentence("What came back after a plan is for internal readers, of units that have KPIs.")
    if unit not in kinds(snapshot):
        return outside
    found = oversight.recurrence(snapshot, kpis.scores(snapshot, unit))
    if found is None:
        return _internal(not_supplied("plans"), outside)
    table = Table(
        found.assign(kpi=[_kpi_name(snapshot, name) for name in found["kpi"]]),
        "After each plan was closed",
        {
            "unit": text("For", names=unit_names(snapshot)),
            "kpi": text("KPI", missing="not said"),
            "closed": date("Closed"),
            "state": status("Since then"),
            "missed_in": month("Missed again in the quarter to", missing="none"),
        },
        internal_only=True,
        empty="no plan has been closed",
    )
    return _internal(table, outside)


def ladder(snapshot: Snapshot) -> Choice:
    """Measures taken with partners step by step, and targets that were changed."""
    return _internal(
        [[part] if isinstance(part, Sentence) else part for part in (_steps(snapshot), _own_targets(snapshot))],
        sentence("Measures taken with single partners are for internal readers and are not shown here."),
    )


def _steps(snapshot: Snapshot) -> Table | Sentence | None:
    """Return the measures taken with partners; nothing where the regime has none."""
    if not any(instrument.steps for instrument in snapshot.contract.instruments.values()):
        return None
    found = oversight.ladder(snapshot)
    if found is None:
        return not_supplied("plans")
    return Table(
        found,
        "Measures taken with partners",
        {
            "unit": text("Partner", names=unit_names(snapshot)),
            "step": number("Step", places=0),
            "step_name": text("What"),
            "opened": date("From"),
            "closed": date("To", missing="still"),
            "state": status("State"),
            "maturing": count("Starts still maturing", missing="not known"),
        },
        note="A suspended partner's participants can still reach outcomes: they stay its own.",
        internal_only=True,
        empty="none has been taken",
    )


def _own_targets(snapshot: Snapshot) -> Table | Sentence:
    """Return the targets that were set for single units."""
    changed = oversight.targets(snapshot)
    if changed is None:
        return not_supplied("targets")
    rules = snapshot.contract.kpis
    words = {
        name: [
            kpi_tables.value_words(value, rules[kpi]) if kpi in rules else value
            for value, kpi in zip(changed[name], changed["kpi"], strict=True)
        ]
        for name in ("original", "target")
    }
    return Table(
        changed.assign(reason=changed["reason"].str.replace("_", " "), **words),
        "Targets that were set for single units",
        {
            "unit": text("For", names=unit_names(snapshot)),
            "name": text("KPI"),
            "since": date("From"),
            "original": text("The regime's", missing="none"),
            "target": text("Its own", missing="no number"),
            "reason": text("Why", missing="not said"),
        },
        note="A quarter is held to the target in force on its first day.",
        internal_only=True,
        empty="none has been set",
    )
