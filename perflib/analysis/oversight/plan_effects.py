"""What happened to a figure after a plan, beside what would have happened anyway.

Conventions
-----------
- Before: the two whole quarters that ended before the plan was opened, together. After: up to two whole quarters that
  began after it was closed, or after it was due where it is overdue. Quarters of a share or rate are pooled, numerators
  over denominators; those of a bare count are averaged.
- A plan is opened when a figure is at its worst, and part of what makes it the worst is chance that does not come back:
  it gets better on average whatever is done. What would have happened anyway is read from units that had had no plan
  about the figure when the quarters after began, over all quarters as far apart: of a distance from their mean before,
  the share r (`slope`) was left after. It is estimated by least squares within quarters, so that what went up or down
  for everybody plays no part.
- Expected = mean after + r x (before - mean before), both means those of the units without a plan. Change = after -
  before; beyond = after - expected.
- The limits (95 %) are those of one unit about the line, which takes pairs of quarters as independent and units as of
  one size: they are a guide, and for a large unit too wide.
- Units that had a plan before are not among those compared with, since it may have worked for good; those that get one
  later are, since leaving them out would leave out who fell: where that plan works at once, `beyond` is a little small.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from perflib.analysis import kpis
from perflib.analysis.oversight.as_of import last_day
from perflib.analysis.oversight.improvement import CLOSED, NOT_YET, plans
from perflib.records.schemas import LAST_DATE
from perflib.records.snapshot import Snapshot

Floats = NDArray[np.float64]

BEFORE = AFTER = 2
"""Quarters that are looked at on either side of a plan."""

LEAST_UNITS, LEAST_PAIRS = 3, 8
"""With fewer units in a quarter there is no mean to differ from; with fewer pairs of quarters there is no line."""

CAUTION = (
    "A plan is opened when a figure is at its worst, and figures at their worst get better on average, whatever is "
    "done: the change alone says little. What is beyond the expectation is what is left once that is allowed for; for "
    "a single plan it is mostly chance, and without a trial nothing here proves that a plan worked or did not."
)

NO_FIGURES, NOT_OVER, TOO_FEW = "no figures before it", "no whole quarter after it yet", "too few to compare with"
GIVEN = ["plan_id", "name", "unit", "kpi", "opened", "ended"]
COLUMNS = ["plan_id", "name", "unit", "kpi", "rule", "opened", "ended", "before", "after", "quarters_after", "change"]
COLUMNS += ["expected", "lower", "upper", "expected_change", "beyond", "slope", "pairs", "why_not"]


@dataclass(frozen=True, eq=False)
class Line:
    """What is left later of a distance from the mean before.

    Attributes
    ----------
    slope : float
        The share of it.
    spread : float
        The standard deviation about the line.
    pairs, free : int
        Of how many pairs, and how many degrees of freedom those leave.
    squares : float
        The sum of squares of the distances before.
    """

    slope: float
    spread: float
    pairs: int
    free: int
    squares: float

    def width(self, distance: float, units: int) -> float:
        """Half width of the 95 % limits for a unit at a distance from the mean of so many others."""
        far = 1 + 1 / units + distance**2 / self.squares
        return float(stats.t.ppf(0.975, self.free) * self.spread * np.sqrt(far))


def effect(snapshot: Snapshot, unit: str = "subcontractor") -> pd.DataFrame | None:
    """Effect of plans: each unit's figures before and after, beside the regression to the mean expected anyway.

    `CAUTION` says in words how to read it.

    Parameters
    ----------
    snapshot : Snapshot
    unit : str
        As for `kpis.scores`.

    Returns
    -------
    DataFrame or None
        None where the extract has no table `plans`; else what `effects` returns.

    Examples
    --------
    >>> from perflib import sample_snapshot
    >>> effect(sample_snapshot("2020-06"))[["plan_id", "unit", "kpi"]]
      plan_id  unit         kpi
    0      P1  SC03  job_starts
    """
    found = plans(snapshot)
    if found is None:
        return None
    due = found["due"].where(found["due"] <= last_day(snapshot))
    found = found.assign(ended=found["closed"].where(found["state"] == CLOSED, due))
    return effects(found[found["state"] != NOT_YET], kpis.scores(snapshot, unit))


def effects(plans: pd.DataFrame, scores: pd.DataFrame) -> pd.DataFrame:
    """Compare figures before and after plans with what units without one went on to do.

    Parameters
    ----------
    plans : DataFrame
        `plan_id`, `name`, `unit`, `kpi`, `opened` and `ended` (from when on an effect is looked for, missing until
        then). Those that have ended and name a KPI of their unit are looked at; the others, and those that name none,
        only say that a unit was not without a plan.
    scores : DataFrame
        What `kpis.scores` returns, by quarter; quarters that are not whole, or not judged yet, are left out.

    Returns
    -------
    DataFrame
        One row a plan: `plan_id`, `name`, `unit`, `kpi`, `rule` (whether more or less is asked for), `opened`, `ended`;
        `before`, `after` (of so many `quarters_after`), `change`; `expected`, its limits `lower` and `upper`,
        `expected_change`, `beyond`; the `slope` and the number of `pairs` that say so; `why_not`, where a figure is
        missing.
    """
    frames: list[pd.DataFrame] = []
    judged = scores["result"] != "so_far" if "result" in scores else True
    whole = scores[scores["whole"].astype(bool) & judged]
    for kpi, of_kpi in whole.groupby("kpi"):
        mine = plans[plans["ended"].notna() & (plans["kpi"] == kpi) & plans["unit"].isin(of_kpi["unit"])]
        if len(mine):
            table = _Table(of_kpi, plans[(plans["kpi"] == kpi) | plans["kpi"].isna()])
            rule = of_kpi["rule"][of_kpi["rule"] != ""].iloc[-1:].tolist()
            places = zip(mine["unit"], table.quarter(mine["opened"]), table.quarter(mine["ended"]), strict=True)
            figures = pd.DataFrame([table.compare(*place) for place in places], index=mine.index)
            frames.append(mine[GIVEN].join(figures).assign(rule="".join(rule)))
    frame = pd.concat(frames).reindex(columns=COLUMNS) if frames else pd.DataFrame(columns=COLUMNS)
    return frame.sort_values(["opened", "plan_id"], ignore_index=True)


class _Table:
    """One KPI by quarter (rows, without a gap) and unit (columns), and the quarter of each unit's first plan on it."""

    def __init__(self, scores: pd.DataFrame, plans: pd.DataFrame) -> None:
        number = scores["period"].dt.year * 12 + scores["period"].dt.month
        self.first = int(number.min())
        place, self.units = (number - self.first) // 3, pd.Index(scores["unit"].unique()).sort_values()
        shape = (int(place.max()) + 1, len(self.units))
        value, top, below = (np.full(shape, np.nan) for _ in range(3))
        cells = place.to_numpy(), self.units.get_indexer(scores["unit"])
        value[cells] = scores["value"]
        top[cells], below[cells] = scores["numerator"], scores["denominator"]
        bare = np.isnan(below)
        self.top, self.below = np.where(bare, value, top), np.where(bare, 1.0, below)
        self.top[np.isnan(value)] = self.below[np.isnan(value)] = np.nan
        opened = plans.groupby("unit")["opened"].min().reindex(self.units)
        self.planned = np.array(self.quarter(opened.fillna(LAST_DATE)))
        self._lines: dict[tuple[int, int], Line | None] = {}

    def quarter(self, days: pd.Series) -> list[int]:
        """Index of the quarter of each day."""
        place: list[int] = (-((self.first - days.dt.year * 12 - days.dt.month) // 3)).tolist()
        return place

    def pooled(self, first: int, quarters: int) -> Floats:
        """Pool each unit's figure over some quarters; missing where one of them has none."""
        if first < 0 or first + quarters > len(self.top):
            return np.full(len(self.units), np.nan)
        span = slice(first, first + quarters)
        below = self.below[span].sum(axis=0)
        return np.divide(self.top[span].sum(axis=0), below, out=np.full_like(below, np.nan), where=below > 0)

    def stood(self, last: int, first: int, quarters: int) -> tuple[Floats, Floats, NDArray[np.bool_]]:
        """Figures before (to the quarter `last`) and after (from `first` on), and the mask of units without a plan."""
        before, after = self.pooled(last - BEFORE + 1, BEFORE), self.pooled(first, quarters)
        return before, after, ~np.isnan(before) & ~np.isnan(after) & (self.planned >= first)

    def line(self, apart: int, quarters: int) -> Line | None:
        """Regression line of units without a plan, over so many quarters that begin `apart` after the last before."""
        if (apart, quarters) not in self._lines:
            self._lines[apart, quarters] = self._fitted(apart, quarters)
        return self._lines[apart, quarters]

    def _fitted(self, apart: int, quarters: int) -> Line | None:
        x, y, times = [np.empty(0)], [np.empty(0)], 0
        for last in range(BEFORE - 1, len(self.top) - apart - quarters + 1):
            before, after, free = self.stood(last, last + apart, quarters)
            if free.sum() >= LEAST_UNITS:
                x.append(before[free] - before[free].mean())
                y.append(after[free] - after[free].mean())
                times += 1
        distance, left = np.concatenate(x), np.concatenate(y)
        squares, free_pairs = float((distance**2).sum()), len(distance) - times - 1
        if len(distance) < LEAST_PAIRS or free_pairs < 1 or not squares > 0:
            return None
        slope = float((distance * left).sum() / squares)
        spread = float(np.sqrt(((left - slope * distance) ** 2).sum() / free_pairs))
        return Line(slope, spread, len(distance), free_pairs, squares)

    def compare(self, unit: str, opened: int, ended: int) -> dict[str, object]:
        """Compare the figures of a unit before the quarter in which its plan was opened, and after that of its end."""
        mine = int(self.units.get_indexer([unit])[0])
        last, first = opened - 1, max(opened, ended) + 1
        quarters = next((n for n in range(AFTER, 0, -1) if not np.isnan(self.pooled(first, n)[mine])), 0)
        befores, afters, free = self.stood(last, first, quarters or 1)
        before, after = float(befores[mine]), float(afters[mine])
        row: dict[str, object] = {"before": before, "after": after, "quarters_after": quarters}
        row |= {"change": after - before}
        if np.isnan(before) or not quarters:
            return row | {"why_not": NO_FIGURES if np.isnan(before) else NOT_OVER}
        line = self.line(first - last, quarters)
        if line is None or free.sum() < LEAST_UNITS:
            return row | {"why_not": TOO_FEW}
        distance = before - float(befores[free].mean())
        expected = float(afters[free].mean()) + line.slope * distance
        width = line.width(distance, int(free.sum()))
        row |= {"expected": expected, "lower": expected - width, "upper": expected + width}
        row |= {"expected_change": expected - before, "beyond": after - expected}
        return row | {"slope": line.slope, "pairs": line.pairs, "why_not": ""}
