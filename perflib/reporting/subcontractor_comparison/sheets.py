"""One sheet a subcontractor, for the monthly meeting."""

from __future__ import annotations

import numpy as np
import pandas as pd

from perflib.analysis import comparison, oversight
from perflib.disclosure.columns import count, number, status, text
from perflib.disclosure.presenter import Showable, Table
from perflib.disclosure.sentences import (
    Amount,
    ByAudience,
    Choice,
    Count,
    Day,
    Listed,
    Month,
    Name,
    Sentence,
    sentence,
)
from perflib.records.snapshot import Snapshot
from perflib.reporting import kpi_tables
from perflib.reporting.subcontractor_comparison.tables import Row, names, reading, unit_of, units

ROLES = {"end_to_end": "end-to-end", "specialist": "added-value specialist", "own": "own delivery"}


BESIDE = ["observed", "expected", "ratio", "ratio_before", "interval", "place"]
"""What a sheet says of a unit beside the others, where it is judged."""


def sheets(snapshot: Snapshot) -> Choice:
    """A sheet for the monthly meeting of each unit: for internal readers."""
    called = names(snapshot)
    shown: Showable = [part for name in units(snapshot) for part in _sheet(snapshot, name, called[name])]
    return ByAudience(
        internal=shown or sentence("No unit is known yet."),
        outside=sentence("The sheets for the units' meetings are for internal readers and are not shown here."),
    )


def _sheet(snapshot: Snapshot, name: str, called: Name) -> list[Showable]:
    """Return what one unit's meeting needs: signals, caseload, actions, and a table of its KPIs."""
    unit = unit_of(snapshot)
    board = comparison.board(snapshot, unit)
    mine = board[board.index.get_level_values("unit") == name].droplevel("unit")
    role = comparison.roles(snapshot, unit).get(name)
    specialist = role == "specialist"
    sentences = [_load(snapshot, unit, name, called, role), *_sheet_signals(mine), *_sheet_trend(snapshot, unit, name)]
    if specialist:
        sentences.append(
            sentence(
                "A specialist owns no outcome: only its standards, the quality of its records and its participants' "
                "feedback are looked at."
            )
        )
    answered = kpi_tables.answers(snapshot, unit, name)
    sentences += [answered] if answered is not None else []
    sentences += _actions(snapshot, unit, name)
    of = ("observed",)
    happened = Table(
        _happened(snapshot, unit, name, specialist),
        sentence("{unit}: what happened, to {month}", unit=called, month=Month(snapshot.month)),
        {
            "kpi": text("KPI"),
            "month": count("Month"),
            "rolling_3": count("3 months"),
            "rolling_12": count("12 months"),
            "cumulative": count("To date"),
        },
        internal_only=True,
        empty="a specialist owns none of it" if specialist else "nothing yet",
    )
    beside = Table(
        _beside(mine),
        sentence("{unit}: beside the other units, at equal maturity and caseload", unit=called),
        {
            "label": text("KPI"),
            "observed": count("To date", missing="not judged"),
            "expected": number("Expected", of=of, people=True, missing="not judged"),
            "ratio": number("Ratio", of=of, places=2, missing="not judged"),
            "ratio_before": number("Last quarter", of=of, places=2, missing="not judged"),
            "interval": text("95% interval", of=of, missing="not judged"),
            "place": text("Place", of=of, missing="not judged"),
            "reading": status("Reads"),
        },
        note="Ratio: observed over what all units together reach with such participants in the same time. Last "
        "quarter: the ratio at its close. Place: 1 is the highest, with a 95% interval.",
        internal_only=True,
        empty="it has no case that could be compared",
    )
    kpis = [kpi_tables.of_unit(snapshot, unit, name, called)] if kpi_tables.has_kpis(snapshot, unit) else []
    return [sentences, *kpis, happened, beside]


def _load(snapshot: Snapshot, unit: str, name: str, called: Name, role: str | None) -> Sentence:
    """Return how many participants a unit has."""
    load = comparison.caseload(snapshot, unit).reindex([name]).fillna(0).astype(int).iloc[0]
    return sentence(
        "{unit}{role}: {there} on the programme on {day}, {in_work} of them in work; {started} started in {month}.",
        unit=called,
        role=sentence(" ({role})", role=Name(ROLES.get(role, role))) if role else sentence(""),
        there=Count(load["on_programme"]),
        day=Day(snapshot.as_of),
        in_work=Count(load["in_work"]),
        started=Count(load["started"]),
        month=Month(snapshot.month),
    )


def _sheet_signals(mine: pd.DataFrame) -> list[Sentence]:
    """Return a unit's signals and what nears one, to ask about first."""
    sentences = []
    for rows, words in (
        (mine[mine["signal"] == "below"], "Ask first about"),
        (mine[mine["signal"] == "above"], "Ahead of the others, and worth learning from"),
        (
            mine[(mine["signal"] == "") & (mine["outside"] != "") & mine["matters"].astype(bool)],
            "Beyond its own 95% limit, as one unit in twenty is by chance",
        ),
    ):
        measures = [
            sentence(
                "{measure} (ratio {ratio})",
                measure=Name(row["label"]),
                ratio=Amount(row["ratio"], of=(row["observed"], row["n"]), places=2),
            )
            for row in rows.to_dict("records")
        ]
        if measures:
            sentences.append(sentence("{words}: {measures}.", words=Name(words), measures=Listed(measures)))
    return sentences or [sentence("Nothing differs significantly from the other units, and by enough to matter.")]


def _sheet_trend(snapshot: Snapshot, unit: str, name: str) -> list[Sentence]:
    """Return how a unit's ratio went over the last four quarters of start of which something can be told."""
    measure = comparison.headline_measures(snapshot)[0]
    quarters = comparison.compare(snapshot, unit, measure).quarters
    told = quarters[(quarters["expected"] >= 1) & (quarters.index.get_level_values("unit") == name)].tail(4)
    ratios = [Amount(row["ratio"], of=(row["observed"], row["n"]), places=2) for row in told.to_dict("records")]
    if not ratios:
        return []
    return [
        sentence(
            "Trend: {measure} over expected, by quarter of start to {month}: {ratios}.",
            measure=Name(comparison.measures_compared(snapshot)[measure]),
            month=Month(told.index.get_level_values("quarter")[-1]),
            ratios=Listed(ratios, ", "),
        )
    ]


def _actions(snapshot: Snapshot, unit: str, name: str) -> list[Sentence]:
    """Return a unit's open plans and what is to be done under them."""
    plans, actions = oversight.plans(snapshot), oversight.open_actions(snapshot)
    if plans is None:
        return [sentence("Open actions: not supplied.")]
    mine = plans[plans["state"].isin(["open", "overdue"]) & (plans["unit_type"] == unit) & (plans["unit"] == name)]
    sentences = []
    for plan in mine.to_dict("records"):
        expected = plan["expected"] if isinstance(plan["expected"], str) else "no aim is recorded"
        sentences.append(
            sentence(
                "{plan}, open since {opened}{due}: {expected}.",
                plan=Name(plan["name"]),
                opened=Day(plan["opened"]),
                due=sentence(", due on {day}", day=Day(plan["due"])) if pd.notna(plan["due"]) else sentence(""),
                expected=Name(expected),
            )
        )
        if actions is not None:
            to_do = actions[actions["plan_id"] == plan["plan_id"]].to_dict("records")
            sentences += [_action(row) for row in to_do]
    return sentences or [sentence("Open actions: no plan is open.")]


def _action(row: Row) -> Sentence:
    """Return an action that is not done, with what is missing or late."""
    owner = row["owner"].replace("_", " ") if isinstance(row["owner"], str) else "nobody is named"
    when = {"no date": "no date is set", "overdue": "overdue since", "open": "by"}[row["state"]]
    return sentence(
        "To do: {action} ({owner}; {when}{day}).",
        action=Name(row["action"]),
        owner=Name(owner),
        when=Name(when),
        day=sentence(" {day}", day=Day(row["due"])) if row["state"] != "no date" else sentence(""),
    )


def _happened(snapshot: Snapshot, unit: str, name: str, specialist: bool) -> pd.DataFrame:
    """Return how often each of the programme's measures happened to a unit's participants."""
    activity = comparison.activity(snapshot, unit)
    mine = activity[activity.index.get_level_values("unit") == name].droplevel("unit")
    labels = [snapshot.programme.label(str(key)) for key in mine.index]
    return mine.assign(kpi=labels).reset_index(drop=True)[: 0 if specialist else None]


def _beside(mine: pd.DataFrame) -> pd.DataFrame:
    """Return where a unit stands on each measure it has a case of; only reasons where it is not judged."""
    had = mine[mine["n"] > 0]
    rows = had.to_dict("records")
    frame = had.assign(
        interval=[f"{row['ratio_lower']:.2f} to {row['ratio_upper']:.2f}" for row in rows],
        place=[f"{row['rank_lower']:.0f} to {row['rank_upper']:.0f}" for row in rows],
    )
    frame = frame[["label", *BESIDE]].mask(had["apart"] != "")
    return frame.assign(label=had["label"], reading=[reading(row) or np.nan for row in rows]).reset_index(drop=True)
