"""Tables of the contract review."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from perflib.analysis import cohorts, oversight, ratings
from perflib.analysis import counts as counts_analysis
from perflib.disclosure.columns import Column, count, date, month, number, status, text
from perflib.disclosure.names import Names
from perflib.disclosure.presenter import Showable, Table
from perflib.disclosure.sentences import Day, Name, Plain, Sentence, sentence
from perflib.disclosure.words import day_words, listed, month_words
from perflib.records.snapshot import Snapshot
from perflib.reporting import kpi_tables
from perflib.reporting.cohort_trends import tables
from perflib.reporting.contract_review.evidence import not_supplied
from perflib.reporting.outcome_forecast.tables import chance
from perflib.reporting.subcontractor_comparison.tables import names, unit_of
from perflib.rules.management import CONTRACT

RECENT = 6
"""Months shown of what leads to outcomes."""


STATES = {"not yet": "not begun", "open": "open", "overdue": "overdue", "closed": "closed"}


def is_staff(snapshot: Snapshot, kinds: pd.Series[Any]) -> pd.Series[Any]:
    """Return which kinds of unit are single members of staff: neither the contract nor known to be anything else."""
    rules = snapshot.programme.attributes
    others = {CONTRACT, *(name for name in snapshot.programme.units if not rules[name].staff)}
    return ~kinds.isin(others)


def contract_plans(snapshot: Snapshot) -> pd.DataFrame | None:
    """Return the plans that the meeting may see."""
    found = oversight.plans(snapshot)
    return None if found is None else found[~is_staff(snapshot, found["unit_type"])]


def outstanding(snapshot: Snapshot) -> Table | Sentence:
    """Actions that are not done, with who answers for them and by when."""
    found = oversight.open_actions(snapshot)
    if found is None:
        return not_supplied("plans", "actions")
    mine = found[~is_staff(snapshot, found["unit_type"])]
    frame = mine.assign(who=mine["owner"].str.replace("_", " "))
    return Table(
        frame,
        f"Actions not done by {day_words(snapshot.as_of)}",
        {
            "action": text("Action"),
            "name": text("Under"),
            "unit": text("For", names=_names(snapshot)),
            "who": text("Owner", missing="nobody is named"),
            "due": date("Due", missing="none"),
            "state": status("State"),
        },
        empty="every action of an open plan is done",
    )


def _names(snapshot: Snapshot) -> Names:
    """Return what units are called, the contract among them; centres and teams have no letter of their own."""
    contract = {snapshot.contract.contract: "the whole contract"}
    return Names(names(snapshot).outside, contract, otherwise="a centre or team")


def areas(snapshot: Snapshot) -> Table:
    """Each devolved area by itself, and as part of the whole."""
    frame = cohorts.areas(snapshot)
    named = frame["name"].where(frame["area"].isna(), frame["name"] + " (" + frame["area"].astype("str") + ")")
    return Table(
        frame.assign(name=named),
        "The devolved area distinctly from, and as part of, the package area",
        {
            "name": text("Area"),
            "starts": count("Starts"),
            "observed": count("Recorded"),
            "expected": number("Expected so far", of=("starts",), people=True, missing=tables.NO_PROFILE),
        },
        total=str(named.iloc[-1]) if len(frame) else None,
        note="The last row is the sum of those before it: nobody is counted twice. Participant groups within a "
        "devolved area are indicators: a miss there is no breach.",
        empty="no participant is recorded in a devolved area",
    )


def indicators(snapshot: Snapshot) -> Table:
    """Which levels the forecast says may be missed, and what has been done about it."""
    frame = oversight.indicators(snapshot)
    frame = frame[frame["points"].astype(bool)].reset_index(drop=True)
    answered = frame["answered"].map({True: "yes", False: "no"})
    frame = frame.assign(chance=[chance(value) for value in frame["miss"]], replied=answered)
    return Table(
        frame,
        "What points to a level that will be missed",
        {
            "name": text("Level, group or area"),
            "chance": text("Chance of a miss", of=("expected",)),
            "replied": text("Notice or plan open", missing="not supplied"),
            "since": date("Since", missing="none"),
        },
        note=f"From a chance of {100 * snapshot.contract.early_warning.probability:g}% on; whether to act is for "
        "the department to decide.",
        empty="the forecast says of no level that it may be missed",
    )


def action_plan(snapshot: Snapshot) -> list[Showable] | Sentence:
    """The plans agreed with the department, in five parts."""
    plans = contract_plans(snapshot)
    if plans is None:
        return not_supplied("plans")
    mine = plans[plans["answers_warning"] & plans["state"].isin(["open", "overdue"])]
    if mine.empty:
        return sentence("No plan agreed with the department is open.")
    agreed = [_plan_words(row) for row in mine.to_dict("records")]
    return [agreed, _reviews(snapshot, mine), recent(snapshot)]


def _plan_words(row: Mapping[Hashable, Any]) -> Sentence:
    return sentence(
        "{plan}, open since {opened}, {due}. Improvement expected: {expected}.{done}{held}",
        plan=Name(row["name"]),
        opened=Day(row["opened"]),
        due=sentence("no due date") if pd.isna(row["due"]) else sentence("due on {day}", day=Day(row["due"])),
        expected=Name(row["expected"] if isinstance(row["expected"], str) else "not recorded"),
        done=sentence("")
        if pd.isna(row["actions"])
        else sentence(
            " Actions done: {done} of {all}.", done=Plain(row["actions_done"], 0), all=Plain(row["actions"], 0)
        ),
        held=sentence("")
        if pd.isna(row["reviews_held"])
        else sentence(
            " Reviews held: {held} of {due}.", held=Plain(row["reviews_held"], 0), due=Plain(row["reviews_due"], 0)
        ),
    )


def _reviews(snapshot: Snapshot, plans: pd.DataFrame) -> Table:
    rows = snapshot.current("reviews")
    rows = pd.DataFrame(columns=["plan_id", "due_date", "held_date", "result"]) if rows is None else rows
    mine = rows[rows["plan_id"].isin(plans["plan_id"])].sort_values("due_date", ignore_index=True)
    end = pd.Timestamp(snapshot.as_of)
    held = mine["held_date"].where(mine["held_date"] <= end)
    frame = mine.assign(
        plan=mine["plan_id"].map(plans.set_index("plan_id")["name"]),
        held=held,
        found=mine["result"].where(held.notna()),
    )
    return Table(
        frame,
        "Dates of review, and what was found",
        {
            "plan": text("Plan"),
            "due_date": date("Due"),
            "held": date("Held", missing="not held"),
            "found": text("Found", missing="not recorded"),
        },
        empty="no date of review is recorded",
    )


def recent(snapshot: Snapshot) -> Table:
    """What leads to outcomes, recorded in the last months: the incremental performance and the pipeline."""
    names = [name for name in snapshot.programme.measures if name in _leading(snapshot)]
    frame = counts_analysis.monthly(snapshot, names, "recorded").tail(RECENT).reset_index()
    return Table(
        frame,
        f"What leads to outcomes, recorded month by month to {month_words(snapshot.month)}",
        {"month": month("Month"), **{name: count(snapshot.programme.label(name)) for name in names}},
        empty="the contract has no month yet",
    )


def _leading(snapshot: Snapshot) -> tuple[str, ...]:
    programme = snapshot.programme
    return ("start", "job_start", *programme.milestones, *programme.outcomes)


def supply_chain(snapshot: Snapshot) -> Table | Sentence:
    """The rating that each unit of the supply chain holds, and its open plans."""
    unit = unit_of(snapshot)
    if snapshot.contract.rating is None or not kpi_tables.has_kpis(snapshot, unit):
        return sentence("Not rated: the contract names no regime of management with ratings for its units.")
    held = ratings.held(ratings.rate(snapshot, unit))
    plans = contract_plans(snapshot)
    running = None if plans is None else plans[plans["state"].isin(["open", "overdue"])].groupby("unit").size()
    frame = held.assign(
        now=held["rating"].str.capitalize().mask(held["rating"] == ""),
        was=held["before"].str.capitalize().mask(held["before"] == ""),
        missed=[_kpi_names(snapshot, names) for names in held["missed_kpis"]],
        open=np.nan if running is None else held["unit"].map(running).fillna(0),
    )
    return Table(
        frame,
        "The rating that each holds",
        {
            "unit": text(snapshot.programme.attributes[unit].label, names=_names(snapshot)),
            "now": status("Rating"),
            "period": month("Quarter to", missing="none yet"),
            "was": status("Before", missing="none"),
            "missed": text("Targets missed", missing="none"),
            "open": number("Plans open", places=0, missing="not supplied"),
        },
        note="Green: targets hit. Amber: missed for one quarter. Red: missed in consecutive quarters. How units "
        "differ by more than chance is in the subcontractor comparison.",
        empty="no quarter has ended yet",
    )


def _kpi_names(snapshot: Snapshot, names: Sequence[str]) -> str | float:
    rules = snapshot.contract.kpis
    return listed([rules[name].name for name in names]) if len(names) else np.nan


def department_levels(snapshot: Snapshot) -> Table | Sentence:
    """The levels of the department's regime, which run beside each other."""
    found = oversight.levels(snapshot)
    if found is None:
        return not_supplied("plans")
    frame = found.assign(
        state=np.where(found["running"], "running", "not running"),
        by=[listed(list(names)) if len(names) else np.nan for names in found["instruments"]],
    )
    return Table(
        frame,
        "The department's levels",
        {
            "name": text("Level"),
            "state": status("State"),
            "since": date("Since", missing="none"),
            "by": text("By", missing="none"),
            "times": number("Used", places=0),
        },
        note="Levels may run at any time, alone or beside each other; none follows from another.",
        empty="the programme's documents name no levels",
    )


def notices(snapshot: Snapshot) -> Table | Sentence:
    """Issues that the department is to be told of."""
    found = oversight.notice_counts(snapshot)
    if found is None:
        return not_supplied("notices")
    columns: dict[str, Column] = {"kind": text("Kind")}
    words = {"notices": "Found", "sent": "Told in time", "late": "Told late", "open": "Not told yet"}
    words |= {"open_late": "Not told, and late", "complete": "Say all they must"}
    columns |= {name: number(header, places=0) for name, header in words.items()}
    return Table(
        found.assign(kind=found["kind"].str.replace("_", " ").str.capitalize()),
        "Issues and notices to the department",
        columns,
        empty="no issue has been found",
    )


def calendar(snapshot: Snapshot) -> Table | Sentence:
    """Reports, returns and meetings: last made, next due, missed."""
    found = oversight.calendar(snapshot)
    if found is None:
        return not_supplied("issued_reports")
    known = found[found["last_period"].notna() | (found["every"] == "month")]
    return Table(
        known,
        "Reports, returns and meetings",
        {
            "name": text("What"),
            "every": text("Every"),
            "last_period": date("Last made for the period to", missing="never"),
            "last_issued": date("On", missing="never"),
            "next_due": date("Next due", missing="none"),
            "missed": number("Missed", places=0),
            "late": number("Late", places=0),
        },
        note="Without a number of days in the regime, a report is due by the end of the next period. Those that "
        "are recorded, and those of every month.",
        empty="the contract's regime and programme name none",
    )


def performance_return(snapshot: Snapshot) -> Table:
    """The key data that drive performance: every measure recorded in the last months, and what was expected."""
    months = snapshot.months[-RECENT:]
    counts = counts_analysis.monthly(snapshot, clock="recorded").tail(RECENT).T
    expects = counts_analysis.expected_recorded(snapshot).reindex(snapshot.months).iloc[-1]
    frame = counts.set_axis([str(name) for name in months], axis="columns").assign(
        label=[snapshot.programme.label(str(name)) for name in counts.index], expected=expects
    )
    return Table(
        frame.reset_index(drop=True),
        f"Performance return for {month_words(snapshot.month)}",
        {
            "label": text("Measure"),
            **{str(name): count(f"{name:%b %Y}") for name in months},
            "expected": number("Expected in the last month", people=True, places=0, missing="no profile"),
        },
        note="By the month in which it was first recorded, and what was expected to be recorded: earlier months do not "
        "change, unless a record is withdrawn.",
    )
