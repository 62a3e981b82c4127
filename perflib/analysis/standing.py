"""Where a contract stands, now and at the end, and which signals call for a decision.

Conventions
-----------
- Now: outcomes recorded against what was expected to be recorded so far. At the end: what the forecast expects of
  everybody who has started, against their whole profile.
- The reason is the fall of the milestone, furthest along the way to the outcome, whose chart shows one; without any,
  of another measure that is charted. Fewer referrals and starts are no reason: those who have started are counted.
- What a signal costs is counted in outcomes where it can be (a level: profile less expected in the end, both as whole
  numbers; a unit:
  expected less recorded), else in people (a trend: what the months since the shift lack of the level before; a
  standard: cases late or missed). *148 a month for six months, 263 before: 690 fewer.*
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from perflib.analysis import cohorts, comparison, forecast, standards, trend_charts
from perflib.analysis.forecast import early_warning
from perflib.records.snapshot import Snapshot, remembered
from perflib.rules.programme import CORE_EVENTS

LEVEL, UNIT, TREND, STANDARD = "level", "unit", "trend", "standard"
COLUMNS = ["kind", "name", "way", "cost", "outcomes", "measure", "made_of"]


Row = dict[str, Any]


@dataclass(frozen=True)
class Lever:
    """How many of a measure a month are expected, and needed if nothing else changes."""

    measure: str
    expected: float
    needed: float


@dataclass(frozen=True)
class Standing:
    """Where a contract stands on its outcomes.

    Attributes
    ----------
    starts, recorded : int
        Started referrals, and their outcomes recorded so far.
    expected_so_far, status : float, str
        As in `cohorts.conversion`; NaN and 'no profile' where there is none.
    expected, lower, upper, profile : float
        In the end, of those who have started: forecast with its 95 % interval, and profile (NaN: none).
    miss : float
        Probability that fewer come than the profile; NaN without one.
    at_risk : bool
        Whether `miss` reaches the contract's `early_warning.probability`.
    reason : TrendChart or None
        The fall that explains it.
    lever : Lever or None
        What a month must bring, of the reason's measure, else of the first that would do.
    """

    starts: int
    recorded: int
    expected_so_far: float
    status: str
    expected: float
    lower: float
    upper: float
    profile: float
    miss: float
    at_risk: bool
    reason: trend_charts.TrendChart | None
    lever: Lever | None

    @property
    def short(self) -> float:
        """How many fewer than the profile are expected in the end, both as the whole numbers that are printed."""
        return float(round(self.profile) - round(self.expected))


def started(snapshot: Snapshot) -> bool:
    """Test whether anybody has started."""
    return bool(cohorts.started(snapshot).any())


@remembered
def standing(snapshot: Snapshot) -> Standing | None:
    """Join where the contract stands now with where it will end; None while nobody has started.

    Examples
    --------
    >>> from perflib import sample_snapshot
    >>> found = standing(sample_snapshot())
    >>> found.recorded, round(found.expected_so_far, 1), found.status
    (28, 19.5, 'in line')
    """
    if not started(snapshot):
        return None
    now = cohorts.conversion(snapshot)
    level = now.iloc[0] if len(now) else None
    end = early_warning.levels(snapshot).iloc[0]
    reason = _reason(snapshot)
    whole = cohorts.against_profile(snapshot)
    return Standing(
        starts=int(end["starts"]),
        recorded=int(end["recorded"]),
        expected_so_far=float(level["expected"] if level is not None else whole["expected"].sum(min_count=1)),
        status=str(level["status"]) if level is not None else "no profile",
        expected=float(end["expected"]),
        lower=float(end["lower_95"]),
        upper=float(end["upper_95"]),
        profile=float(end["promised"]) if end["promised"] > 0 else np.nan,
        miss=float(end["miss"]),
        at_risk=end["status"] == "may be missed",
        reason=reason,
        lever=_lever(snapshot, reason),
    )


def _reason(snapshot: Snapshot) -> trend_charts.TrendChart | None:
    """Find the fall that explains what is lacking: of the furthest milestone, else of anything before it."""
    milestones = snapshot.programme.milestones
    falls = [trend for trend in falling(snapshot) if trend.measure not in CORE_EVENTS]
    order = [None, *milestones]
    return max(falls, key=lambda one: order.index(one.measure if one.measure in milestones else None), default=None)


def falling(snapshot: Snapshot) -> list[trend_charts.TrendChart]:
    """List the trends that have fallen, in the order of the programme.

    Examples
    --------
    >>> from perflib import sample_snapshot
    >>> falling(sample_snapshot())
    []
    """
    trends = [trend for trend in trend_charts.all_trends(snapshot) if trend.shift is not None]
    return [trend for trend in trends if trend.shift is not None and trend.shift.after < trend.shift.before]


def lost_since(trend: trend_charts.TrendChart) -> float:
    """Count how many fewer there were since a shift than at the level before; negative after a rise.

    Only complete months count, which are those that make the shift.
    """
    if trend.shift is None:
        return 0.0
    since = _since(trend)
    if trend.per is None:
        return float((trend.shift.before - since["value"]).sum())
    return float((trend.shift.before * since["denominator"] - since["numerator"]).sum())


def _since(trend: trend_charts.TrendChart) -> pd.DataFrame:
    """Complete points of a chart since its shift."""
    assert trend.shift is not None, "the trend has a shift"
    return trend.chart.points[trend.chart.points["complete"]].loc[trend.shift.since :]


def _lever(snapshot: Snapshot, reason: trend_charts.TrendChart | None) -> Lever | None:
    table = early_warning.needed(snapshot, forecast.outcomes(snapshot))
    table = table[table["needed"].notna() & (table["needed"] > table["expected"])]
    if table.empty:
        return None
    named = table[table["measure"] == (reason.measure if reason is not None else "")]
    row = (named if len(named) else table).iloc[0]
    return Lever(str(row["measure"]), float(row["expected"]), float(row["needed"]))


@remembered
def signals(snapshot: Snapshot) -> pd.DataFrame:
    """List what calls for attention, dearest first.

    Returns
    -------
    DataFrame
        One row a signal: `kind` (level, unit, trend, standard), `name` (of the level, the unit, the measure or the
        standard), `way` ('at risk', 'below', 'above', 'fallen', 'risen', 'not met'), `cost` (0 for what is good),
        `outcomes` (whether the cost is in outcomes; else it is in people), `measure` (of what; '' for a standard) and
        `made_of` (the count that the cost rests on: where it may not be shown, nor may the cost).

    Examples
    --------
    >>> from perflib import sample_snapshot
    >>> signals(sample_snapshot())[["kind", "name", "way"]].head(2).values.tolist()
    [['level', 'tmpl3', 'at risk'], ['standard', 'ks_reviews', 'not met']]
    """
    rows = [*_levels(snapshot), *_units(snapshot), *_trends(snapshot), *_standards(snapshot)]
    found = pd.DataFrame(rows, columns=COLUMNS)
    return found.sort_values(["outcomes", "cost"], ascending=False, kind="stable", ignore_index=True)


def _levels(snapshot: Snapshot) -> Iterator[Row]:
    if not started(snapshot):
        return
    levels = early_warning.levels(snapshot)
    for row in levels[levels["status"] == "may be missed"].to_dict("records"):
        name = row["level"] or row["name"]
        yield {
            "kind": LEVEL,
            "name": f"{name} ({row['value']})" if row["kind"] == "area" else name,
            "way": "at risk",
            "cost": float(round(row["promised"]) - round(row["expected"])),
            "outcomes": True,
            "measure": "outcome",
            "made_of": int(row["recorded"]),
        }


def _units(snapshot: Snapshot) -> Iterator[Row]:
    """Yield the units of the largest kind that differ, with what it costs on the measure nearest the outcome."""
    if not snapshot.programme.units:
        return
    board = comparison.board(snapshot, snapshot.programme.units[0])
    flagged = board[(board["signal"] != "") & (board["apart"] == "")]
    order = [name for name in comparison.measures_compared(snapshot) if name != "outcome"] + ["outcome"]
    for (unit, side), rows in flagged.groupby(["unit", "signal"], sort=True):
        nearest = max(rows.index.get_level_values("measure"), key=order.index)
        row = rows.xs(nearest, level="measure").iloc[0]
        yield {
            "kind": UNIT,
            "name": str(unit),
            "way": str(side),
            "cost": max(float(row["expected"] - row["observed"]), 0.0) if side == "below" else 0.0,
            "outcomes": nearest == "outcome",
            "measure": str(nearest),
            "made_of": int(row["observed"]),
        }


def _trends(snapshot: Snapshot) -> Iterator[Row]:
    for trend in trend_charts.all_trends(snapshot):
        if trend.shift is not None:
            yield {
                "kind": TREND,
                "name": trend.measure,
                "way": "fallen" if trend.shift.after < trend.shift.before else "risen",
                "cost": max(lost_since(trend), 0.0),
                "outcomes": trend.measure in snapshot.programme.outcomes,
                "measure": trend.measure,
                "made_of": int(_since(trend)["value" if trend.per is None else "numerator"].sum()),
            }


def _standards(snapshot: Snapshot) -> Iterator[Row]:
    for row in standards.of_provider(snapshot).query("status == 'not_met'").to_dict("records"):
        late = int(row["not_met"] + row["open_late"])
        yield {
            "kind": STANDARD,
            "name": str(row["standard"]),
            "way": "not met",
            "cost": float(late),
            "outcomes": False,
            "measure": "",
            "made_of": late,
        }


def since(before: Snapshot, after: Snapshot) -> pd.DataFrame:
    """List signals that are new in a later month, and those that have gone.

    Returns
    -------
    DataFrame
        `kind`, `name`, `way` and `change` ('new' or 'gone'), new ones first, in the order of `signals`.

    Examples
    --------
    >>> from perflib import sample_snapshot
    >>> len(since(sample_snapshot(), sample_snapshot()))
    0
    """
    key = ["kind", "name", "way"]
    then, now = signals(before)[key], signals(after)[key]
    was, is_now = pd.MultiIndex.from_frame(then), pd.MultiIndex.from_frame(now)
    new, gone = now[~is_now.isin(was)], then[~was.isin(is_now)]
    return pd.concat([new.assign(change="new"), gone.assign(change="gone")], ignore_index=True)
