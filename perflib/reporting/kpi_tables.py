"""The KPIs of a regime in words and tables: for all units of a kind, and for one."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from perflib.analysis import expected, kpis, supporting_tables
from perflib.disclosure.columns import count, number, percent, percent_words, status, text
from perflib.disclosure.presenter import Table
from perflib.disclosure.sentences import Count, Name, Sentence, Share, sentence
from perflib.records.snapshot import Snapshot
from perflib.rules.calendar import Window, quarter
from perflib.rules.management import Kpi
from perflib.rules.standards import Threshold

RESULTS = {
    "hit": "hit",
    "not_clear": "not clear",
    "missed": "missed",
    "so_far": "so far",
    "no_data": "no data",
    "no_target": "no target",
}
NOT_CLEAR = (
    "Not clear: short of the target, but the 95% interval still holds it. Too early: less than 95% of the quarter is "
    "expected to be recorded yet."
)
Row = Mapping[Hashable, Any]


def has_kpis(snapshot: Snapshot, unit: str) -> bool:
    """Return whether the contract's regime has KPIs for such units."""
    management = snapshot.contract.management
    return management is not None and any(role.unit == unit for role in management.roles.values())


def last_quarter(snapshot: Snapshot) -> Window | None:
    """Return the last quarter that has ended, on the contract's own basis; None where none has."""
    month = expected.last_month(snapshot)
    if month < snapshot.first_month:
        return None
    return quarter(month, snapshot.contract.quarter_basis, snapshot.first_day)


def _of_quarter(snapshot: Snapshot, unit: str) -> pd.DataFrame:
    """Return the scores of the last quarter that has ended."""
    ended = last_quarter(snapshot)
    found = kpis.scores(snapshot, unit)
    return found[found["period"] == (pd.Period(ended.end, "M") if ended is not None else pd.NaT)]


def value_words(value: float, kpi: Kpi, target: float = np.nan) -> str | float:
    """Return a KPI's value: a number where it is a bare count, else per cent; missing where there is none.

    With the target that it is held against, it never looks as though it had reached what it has not.
    """
    if np.isnan(value):
        return np.nan
    if kpi.kind == "count" and kpi.per is None:
        return f"{value:,.0f}"
    return percent_words(value, 1, target=None if np.isnan(target) else target)


def target_words(row: Row, kpi: Kpi) -> str | float:
    """Return a target and, where it was revised, what it had been."""
    if not row["rule"]:
        return np.nan
    bare = kpi.kind == "count" and kpi.per is None
    asked, original = (f"{row[name]:g}" if bare else f"{100 * row[name]:g}%" for name in ("target", "original"))
    revised = row["original"] == row["original"] and row["original"] != row["target"]
    return f"{row['rule']} {asked}{f' (was {original})' if revised else ''}"


def threshold_words(asked: Threshold, kpi: Kpi) -> str:
    """Return a target as the regime has it.

    >>> threshold_words(Threshold(at_least="0.95"), Kpi(name="Starts", source="line 95", kind="profile", of="start"))
    'at least 95%'
    """
    bare = kpi.kind == "count" and kpi.per is None
    return f"{asked.rule} {float(asked.value):g}" if bare else f"{asked.rule} {100 * float(asked.value):g}%"


def by_kpi(snapshot: Snapshot, unit: str, heading: str = "") -> Table:
    """Each KPI in the last quarter: the figure of all units together, and how many of them hit their targets."""
    ended = last_quarter(snapshot)
    rules = snapshot.contract.kpis
    mine = _of_quarter(snapshot, unit)
    results = mine.groupby(["kpi", "result"]).size().unstack(fill_value=0).reindex(columns=list(RESULTS), fill_value=0)
    absent = kpis.not_in_programme(snapshot)
    held = [name for name in rules if name in results.index and name not in absent]
    without = [rules[name].name for name in rules if name in results.index and name in absent]
    frame = results.loc[held].astype(float)
    frame.loc[frame["no_target"] > 0, ["hit", "not_clear", "missed", "so_far"]] = np.nan
    added = mine.groupby("kpi")[["numerator", "denominator"]].sum(min_count=1).reindex(held)
    frame = frame.assign(
        name=[rules[name].name for name in held],
        asked=[target_words(row, rules[str(row["kpi"])]) for row in _one_each(mine, held)],
        counted=added["numerator"].where(frame["no_data"] < frame.sum(axis=1)),
        of=added["denominator"],
    )
    return Table(
        frame.reset_index(drop=True),
        f"{heading}KPIs by role, {ended.label if ended is not None else 'before the first quarter has ended'}",
        {
            "name": text("KPI"),
            "asked": text("Target", missing="none"),
            "counted": count("All units: counted", missing="no data"),
            "of": number("Of", of=("counted",), people=True, places=0, missing="none"),
            "share": percent("Share", make=_share, of=("counted", "of"), missing="none"),
            "hit": number("Units: hit", places=0, missing="no target"),
            "not_clear": number("Not clear", places=0, missing="no target"),
            "missed": number("Missed", places=0, missing="no target"),
            "so_far": number("Too early", places=0, missing="no target"),
            "no_data": number("No data", places=0),
        },
        note="Of: what was expected to be recorded, the participants on the programme on the first day of each month, "
        "or the rows that are decided. A KPI whose table the extract does not have has no data. The target is that of "
        f"most units; a unit's own stands in its sheet. {NOT_CLEAR}"
        + (f" {snapshot.programme.name} has nothing of: {'; '.join(without)}." if without else ""),
        empty="no quarter has ended yet",
    )


def _share(frame: pd.DataFrame) -> pd.Series[Any]:
    return frame["counted"] / frame["of"].where(frame["of"] > 0)


def _one_each(scores: pd.DataFrame, held: list[str]) -> Sequence[Row]:
    """Return, for each KPI, the score of a unit with the regime's own target where there is one."""
    order = scores.assign(own=scores["target"] != scores["original"]).sort_values("own", kind="stable")
    return order.drop_duplicates("kpi").set_index("kpi", drop=False).loc[held].to_dict("records")


def of_unit(snapshot: Snapshot, unit: str, name: str, called: Name) -> Table:
    """Every KPI of one unit that the programme knows: in the last quarter, and so far in the one that is running."""
    rules = snapshot.contract.kpis
    found = kpis.scores(snapshot, unit)
    mine = found[(found["unit"] == name) & (found["why"] != kpis.NOT_NAMED)]
    ended = last_quarter(snapshot)
    last = mine[mine["period"] == (pd.Period(ended.end, "M") if ended is not None else pd.NaT)].set_index("kpi")
    running = mine[mine["period"] > expected.last_month(snapshot)].set_index("kpi")
    held = list(dict.fromkeys([*last.index, *running.index]))
    rows = [
        {
            "name": rules[key].name,
            "asked": target_words(_row(last, running, key), rules[key]),
            "last": _value(last, key, rules[key]),
            "result": _result(_row(last, running, key)) if key in last.index else np.nan,
            "running": _value(running, key, rules[key]),
        }
        for key in held
    ]
    so_far = {"running": text("So far in the running quarter", missing="no data")} if len(running) else {}
    return Table(
        pd.DataFrame(rows, columns=["name", "asked", "last", "result", "running"]),
        sentence("{unit}: its KPIs", unit=called),
        {
            "name": text("KPI"),
            "asked": text("Target", missing="none"),
            "last": text(ended.label if ended is not None else "Last quarter", missing="no data"),
            "result": status("Result", missing="no quarter yet"),
        }
        | so_far,
        internal_only=True,
        empty="it has none",
    )


def _value(rows: pd.DataFrame, key: str, kpi: Kpi) -> str | float:
    return value_words(rows["value"].get(key, np.nan), kpi, rows["target"].get(key, np.nan))


def _row(last: pd.DataFrame, running: pd.DataFrame, key: str) -> Row:
    row: Row = (last if key in last.index else running).loc[key].to_dict()
    return row


def _result(row: Row) -> str:
    words = RESULTS[row["result"]]
    if row["result"] == "so_far":
        return f"so far, about {100 * row['recorded_share']:.0f}% recorded"
    return f"{words}: {row['why']}" if row["why"] else words


def answers(snapshot: Snapshot, unit: str, name: str) -> Sentence | None:
    """Return how many of a unit's participants answered when they were asked; None where nobody was."""
    asked = supporting_tables.answered(snapshot, unit)
    if asked is None or name not in asked.index:
        return None
    row = asked.loc[name].to_dict()
    return sentence(
        "Of {asked} participants asked for feedback to date {answered} answered ({rate}): those who did not may think "
        "otherwise.",
        asked=Count(row["asked"]),
        answered=Count(row["answered"]),
        rate=Share(row["answered"], row["asked"]),
    )
