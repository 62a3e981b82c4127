"""The table of the briefing: each tender level, now and at the end."""

from __future__ import annotations

import pandas as pd

from perflib.analysis.forecast import early_warning
from perflib.disclosure.columns import Column, count, number, text
from perflib.disclosure.presenter import Table
from perflib.records.snapshot import Snapshot
from perflib.reporting.cohort_trends.tables import levels as so_far
from perflib.reporting.outcome_forecast.tables import NO_PROMISE, chance


def levels(snapshot: Snapshot) -> Table:
    """Outcomes of each level: recorded, expected so far, expected and profiled in the end, chance of missing."""
    columns: dict[str, Column] = {
        "name": text("Level"),
        "recorded": count("Recorded"),
        "so_far": number("Expected so far", people=True, places=0, missing=NO_PROMISE),
        "expected": number("Expected in the end", of=("recorded",), people=True, places=0),
        "promised": number("Profile in the end", of=("starts",), people=True, places=0, missing=NO_PROMISE),
        "miss_words": text("Chance of missing it", of=("recorded",)),
    }
    return Table(
        _frame(snapshot),
        "Outcomes of those who have started: now, and in the end",
        columns,
        note="Expected so far: what the profile leads one to expect to be recorded by now.",
        empty="nobody has started yet",
    )


def _frame(snapshot: Snapshot) -> pd.DataFrame:
    if not snapshot.journeys["start"].notna().any():
        return pd.DataFrame(columns=["name", "starts", "recorded", "so_far", "expected", "promised", "miss_words"])
    now = so_far(snapshot).set_index("name")["expected"]
    end = early_warning.levels(snapshot)
    end = end[(end["level"] != "") | (end["kind"] == "contract")]
    return end.assign(
        so_far=end["name"].map(now[~now.index.duplicated()]).astype(float),
        promised=end["promised"].where(end["promised"] > 0),
        miss_words=end["miss"].map(chance),
    )
