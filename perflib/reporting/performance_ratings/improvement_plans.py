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
from perflib.disclosure.presenter import Presenter, Shown, Table
from perflib.disclosure.words import listed, month_words
from perflib.records.snapshot import Snapshot
from perflib.reporting import kpi_tables, subcontractor_comparison
from perflib.reporting.contract_review.evidence import not_supplied
from perflib.reporting.front_matter import together
from perflib.reporting.performance_ratings.tables import NO_REGIME, all_ratings, called, kinds, unit_column

Row = Mapping[Hashable, Any]


def plans(snapshot: Snapshot, show: Presenter) -> Shown:
    """Plans, notices and other instruments as they stand."""
    found = oversight.plans(snapshot)
    if found is None:
        return show.say(not_supplied("plans"))
    if show.disclosure.audience != "internal":
        return show.say("The list of plans is for internal readers and is not shown here.")
    frame = found.assign(
        whose=called(snapshot, show.disclosure, found["unit"]),
        of=[_kpi_name(snapshot, name) for name in found["kpi"]],
        done=[_of(row, "actions_done", "actions") for row in found.to_dict("records")],
        held=[_of(row, "reviews_held", "reviews_due") for row in found.to_dict("records")],
    )
    return show.table(
        Table(
            frame,
            f"Plans, notices and sanctions, to {month_words(snapshot.month)}",
            {
                "name": text("What"),
                "whose": text("For"),
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
    )


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


def exceptions(snapshot: Snapshot, show: Presenter) -> Shown:
    """What is missing: plans, actions, owners, dates, reviews."""
    if show.disclosure.audience != "internal":
        return show.say("What is missing from plans is for internal readers and is not shown here.")
    shown = kinds(snapshot, show.disclosure)
    found = oversight.exceptions(snapshot, all_ratings(snapshot, shown)) if shown else None
    if found is None:
        return show.say(not_supplied("plans") if shown else NO_REGIME)
    words = called(snapshot, show.disclosure, found["unit"])
    above = [tuple(called(snapshot, show.disclosure, pd.Series(list(names), dtype="str"))) for names in found["nested"]]
    named = found.assign(what=found["what"], whose=words, above=[listed(names) for names in above])
    alike = named.groupby(["what", "name", "since", "days", "above"], sort=False, dropna=False)["whose"]
    frame = alike.agg(lambda names: listed(list(names))).reset_index()
    frame = frame.assign(
        what=frame["what"].str[:1].str.upper() + frame["what"].str[1:], above=frame["above"].mask(frame["above"] == "")
    )
    return show.table(
        Table(
            frame,
            "What is not as the regime wants it",
            {
                "what": text("What"),
                "whose": text("Whose"),
                "name": text("Plan", missing="none"),
                "since": date("Since"),
                "days": number("Days", places=0),
                "above": text("A plan is open above it, for", missing="none"),
            },
            internal_only=True,
            empty="nothing is missing",
        )
    )


def effect(snapshot: Snapshot, show: Presenter) -> Shown:
    """What became of the figure that each plan was about, beside what was to be expected anyway."""
    unit = subcontractor_comparison.unit_of(snapshot)
    if show.disclosure.audience != "internal" or unit not in kinds(snapshot, show.disclosure):
        return show.say("The effect of plans is for internal readers, of units that have KPIs.")
    found = oversight.effect(snapshot, unit)
    if found is None:
        return show.say(not_supplied("plans"))
    rules = snapshot.contract.kpis
    columns = ("before", "after", "expected", "lower", "upper")
    frame = found.assign(
        called=called(snapshot, show.disclosure, found["unit"]),
        kpi=[_kpi_name(snapshot, name) for name in found["kpi"]],
        **{
            name: [
                kpi_tables.value_words(value, rules[kpi]) for value, kpi in zip(found[name], found["kpi"], strict=True)
            ]
            for name in columns
        },
        reads=[_reading(row) for row in found.to_dict("records")],
    )
    return together(
        show.say(oversight.CAUTION),
        show.table(
            Table(
                frame,
                "Before and after each plan that has ended",
                {
                    "called": unit_column(snapshot, unit),
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
        ),
    )


def _reading(row: Row) -> str:
    if row["why_not"]:
        return str(row["why_not"])
    if pd.isna(row["lower"]):
        return "nothing to compare with"
    inside = row["lower"] <= row["after"] <= row["upper"]
    return "no more than would have come anyway" if inside else "more than would have come anyway"


def recurrence(snapshot: Snapshot, show: Presenter) -> Shown:
    """Whether what a plan was about has been missed again."""
    unit = subcontractor_comparison.unit_of(snapshot)
    if show.disclosure.audience != "internal" or unit not in kinds(snapshot, show.disclosure):
        return show.say("What came back after a plan is for internal readers, of units that have KPIs.")
    found = oversight.recurrence(snapshot, kpis.scores(snapshot, unit))
    if found is None:
        return show.say(not_supplied("plans"))
    frame = found.assign(
        called=called(snapshot, show.disclosure, found["unit"]),
        kpi=[_kpi_name(snapshot, name) for name in found["kpi"]],
    )
    return show.table(
        Table(
            frame,
            "After each plan was closed",
            {
                "called": text("For"),
                "kpi": text("KPI", missing="not said"),
                "closed": date("Closed"),
                "state": status("Since then"),
                "missed_in": month("Missed again in the quarter to", missing="none"),
            },
            internal_only=True,
            empty="no plan has been closed",
        )
    )


def ladder(snapshot: Snapshot, show: Presenter) -> Shown:
    """Measures taken with partners step by step, and targets that were changed."""
    if show.disclosure.audience != "internal":
        return show.say("Measures taken with single partners are for internal readers and are not shown here.")
    parts = []
    steps = {name for name, instrument in snapshot.contract.instruments.items() if instrument.steps}
    found = oversight.ladder(snapshot)
    if steps and found is None:
        parts.append(show.say(not_supplied("plans")))
    elif steps and found is not None:
        frame = found.assign(called=called(snapshot, show.disclosure, found["unit"]))
        parts.append(
            show.table(
                Table(
                    frame,
                    "Measures taken with partners",
                    {
                        "called": text("Partner"),
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
            )
        )
    changed = oversight.targets(snapshot)
    if changed is None:
        parts.append(show.say(not_supplied("targets")))
    else:
        rules = snapshot.contract.kpis
        for name in ("original", "before", "target"):
            changed[name] = [
                kpi_tables.value_words(value, rules[kpi]) if kpi in rules else value
                for value, kpi in zip(changed[name], changed["kpi"], strict=True)
            ]
        parts.append(
            show.table(
                Table(
                    changed.assign(
                        called=called(snapshot, show.disclosure, changed["unit"]),
                        reason=changed["reason"].str.replace("_", " "),
                    ),
                    "Targets that were set for single units",
                    {
                        "called": text("For"),
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
            )
        )
    return together(*parts)
