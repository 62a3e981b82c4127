"""How good forecasts would have been here: made again as things were known then, and scored on what came.

Conventions
-----------
- An origin is an earlier reporting month. Its forecast is made from the snapshot of that month as it was known when it
  was reported, from the one extract; nothing recorded later is in it.
- Scored are the outcomes recorded in the `HORIZONS` months after the origin, of the cohorts that had started by then,
  as the later snapshot has them; and final outcomes, of those cohorts alone that are final in the later snapshot and
  were not at the origin. A start recorded after the origin counts against a forecast that could not know of it.
- Error is forecast less observed. wMAPE is the sum of absolute errors over the sum observed; bias the sum of errors
  over the sum observed. CRPS is in outcomes: the lower the better, and of a forecast without doubt its absolute error.
- Origins a month apart share most of what they are scored on: twelve of them are worth fewer.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from perflib.analysis import cohorts
from perflib.analysis.cohorts import Floats
from perflib.analysis.forecast.development import Development, development
from perflib.analysis.forecast.models import MODELS, project
from perflib.analysis.forecast.result import QUANTILES
from perflib.records.snapshot import Extract, Snapshot, load_extract, remembered, take_snapshot
from perflib.rules.programme import CORE_EVENTS, Programme

HORIZONS = (3, 6)
FINAL = "final"
FIRST_AGE = 3
"""Months that a contract must be old for a forecast of it to be scored."""

ENOUGH, ENOUGH_CAME = 6, 30
"""Origins, and outcomes in all that came after them, below which it is not said which model would have served best."""

BANDS = {0: "0 to 5 months", 6: "6 to 11 months", 12: "12 to 17 months", 18: "18 months and over"}
COLUMNS = ["model", "origin", "horizon", "cohorts", "forecast", "observed", "error", "crps", "covered_80", "covered_95"]


def crps(paths: Floats, outcome: ArrayLike) -> Floats:
    """Continuous ranked probability score (CRPS) of simulated paths.

    The mean distance of the paths from what came, less half their mean distance from each other.

    Parameters
    ----------
    paths : ndarray of shape (draws, ...)
    outcome : array_like of shape (...)

    Returns
    -------
    ndarray of shape (...)

    References
    ----------
    Gneiting and Raftery (2007), Strictly proper scoring rules, prediction, and estimation, JASA 102.

    Examples
    --------
    >>> float(crps(np.array([1.0, 3.0]), 2.0))
    0.5
    """
    ranked = np.sort(paths, axis=0)
    draws = len(ranked)
    rank = np.arange(1, draws + 1).reshape(-1, *[1] * (ranked.ndim - 1))
    spread = ((2 * rank - draws - 1) * ranked).sum(axis=0) / draws**2
    return np.abs(ranked - np.asarray(outcome)).mean(axis=0) - spread


def backtest(
    snapshot: Snapshot,
    origins: int = 12,
    *,
    measure: str = "outcome",
    models: Sequence[str] = (),
    draws: int = 500,
    extract: Extract | None = None,
) -> pd.DataFrame:
    """Score every model's forecasts of the months before a snapshot.

    The contract's source is read once; a source that is overwritten cannot say what was known, and gives no row.

    Parameters
    ----------
    snapshot : Snapshot
        What came is read off it.
    origins : int
        The most months to forecast from: the latest that have `HORIZONS[0]` months after them.
    measure : str
        An outcome or an event of the programme.
    models : sequence of str
        Of `MODELS`; none: all.
    draws : int
        Simulated futures of each forecast.
    extract : Extract, optional
        Where the earlier snapshots are taken from; by default the contract's source.

    Returns
    -------
    DataFrame
        One row a model, origin and horizon ("3 months", "6 months", "final"): `cohorts` scored, `forecast`, `observed`,
        `error`, `crps`, `covered_80`, `covered_95`, all of the cohorts' total.

    Raises
    ------
    ParameterError
        There is no such model or measure.

    References
    ----------
    Gneiting and Raftery 2007, JASA 102.

    Examples
    --------
    >>> from perflib import sample_snapshot
    >>> found = backtest(sample_snapshot("2019-03"), origins=4, models=["chain_ladder"], draws=50)
    >>> found[["origin", "horizon", "cohorts", "observed"]].tail(2)
        origin   horizon  cohorts  observed
    3  2018-11  3 months       11       1.0
    4  2018-12  3 months       12       0.0
    """
    return _scored(snapshot, origins, measure, tuple(models), draws, extract)[0]


def by_maturity(
    snapshot: Snapshot,
    origins: int = 12,
    *,
    measure: str = "outcome",
    models: Sequence[str] = (),
    draws: int = 500,
    extract: Extract | None = None,
) -> pd.DataFrame:
    """Score the same forecasts cohort by cohort, by the age that the cohorts had at the origin.

    Parameters
    ----------
    snapshot, origins, measure, models, draws, extract
        As for `backtest`.

    Returns
    -------
    DataFrame
        One row a model, horizon and band of ages: `cells` (cohorts x origins), `observed`, `wmape`, `bias`, `crps` (for
        each outcome observed), `covered_80`, `covered_95` (shares).

    References
    ----------
    Gneiting and Raftery 2007, JASA 102.

    Examples
    --------
    >>> from perflib import sample_snapshot
    >>> found = by_maturity(sample_snapshot("2019-03"), origins=4, models=["chain_ladder"], draws=50)
    >>> found[["horizon", "age", "cells", "observed"]].head(2)
        horizon             age  cells  observed
    0  3 months  6 to 11 months     18       3.0
    1  3 months   0 to 5 months     24       3.0
    """
    cells = _scored(snapshot, origins, measure, tuple(models), draws, extract)[1]
    return _summed(cells, ["model", "horizon", "age"])


def summary(scores: pd.DataFrame) -> pd.DataFrame:
    """Average the scores of each model and horizon over all origins.

    Returns
    -------
    DataFrame
        One row a model and horizon, in the order of `scores`: `cells` (origins), `observed`, `wmape`, `bias`, `crps`,
        `covered_80`, `covered_95`, as in `by_maturity`.

    References
    ----------
    Gneiting and Raftery 2007, JASA 102.
    """
    return _summed(scores, ["model", "horizon"])


def _summed(rows: pd.DataFrame, keys: list[str]) -> pd.DataFrame:
    groups = rows.assign(size=rows["error"].abs()).groupby(keys, sort=False)
    sums = groups[["observed", "size", "error", "crps"]].sum()
    per = sums["observed"].where(sums["observed"] > 0)
    table = pd.DataFrame({"cells": groups.size(), "observed": sums["observed"]})
    shares = {"wmape": sums["size"] / per, "bias": sums["error"] / per, "crps": sums["crps"] / per}
    covered = groups[["covered_80", "covered_95"]].mean()
    return table.assign(**shares).join(covered).reset_index()


@dataclass(frozen=True)
class Best:
    """Which model would have served best.

    Attributes
    ----------
    model : str
        The one with the lowest mean CRPS over the origins and the horizons of months.
    origins : int
        How many months it was judged by.
    ahead : int
        In how many of them it beat the model that came second over all.
    second : str or None
        That model; None where there is no other.
    enough : bool
        Whether these origins are enough to say so.
    """

    model: str
    origins: int
    ahead: int
    second: str | None
    enough: bool


def best(scores: pd.DataFrame) -> Best | None:
    """Pick the model with the lowest CRPS so far; None where nothing could be scored."""
    rows = scores[scores["horizon"] != FINAL]
    if rows.empty:
        return None
    wide = rows.pivot_table(index="origin", columns="model", values="crps", aggfunc="sum", sort=False)
    ranked = wide.sum().sort_values(kind="stable").index
    first, second = ranked[0], ranked[1] if len(ranked) > 1 else None
    ahead = int((wide[first] < wide[second]).sum()) if second is not None else len(wide)
    came = rows.loc[rows["model"] == first, "observed"].sum()
    return Best(str(first), len(wide), ahead, second, len(wide) >= ENOUGH and came >= ENOUGH_CAME)


@remembered
def _scored(
    snapshot: Snapshot, origins: int, measure: str, models: tuple[str, ...], draws: int, extract: Extract | None
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the scores of totals, and those of cohorts."""
    now = development(snapshot, measure)
    final = cohorts.is_final(snapshot, measure).reindex(now.starts.index, fill_value=False).to_numpy()
    totals: list[dict[str, object]] = []
    cells: list[pd.DataFrame] = []
    for earlier in _snapshots(snapshot, now.month, origins, extract):
        then = development(earlier, measure)
        for model in models or tuple(MODELS):
            paths = project(then, model, draws).paths
            for horizon, kept, simulated, came in _what_came(then, now, final, paths):
                if kept.any():
                    row = _score(simulated[:, kept].sum(axis=1)[:, None], np.array([came[kept].sum()])).iloc[0]
                    named: dict[str, Any] = {"model": model, "origin": then.month, "horizon": horizon}
                    totals.append({**named, "cohorts": int(kept.sum()), **row})
                    age = pd.cut(then.age[kept], [*BANDS, np.inf], right=False, labels=list(BANDS.values()))
                    cells.append(_score(simulated[:, kept], came[kept]).assign(**named, age=age.astype("str")))
    per_cohort = pd.concat(cells) if cells else pd.DataFrame(columns=[*COLUMNS, "age"])
    return pd.DataFrame(totals, columns=COLUMNS), per_cohort


def _snapshots(snapshot: Snapshot, last: pd.Period, origins: int, extract: Extract | None) -> Iterable[Snapshot]:
    """Yield earlier months as they were known then, the oldest first."""
    months = pd.period_range(snapshot.first_month + FIRST_AGE - 1, last - HORIZONS[0], freq="M")
    if snapshot.contract.history == "overwritten" or not len(months):
        return
    whole = extract or load_extract(snapshot.contract)
    needed = _needed(snapshot.programme)
    events = whole.tables["events"]
    cut = whole.with_tables({**whole.tables, "events": events[events["event"].isin(needed)]})
    for month in months[-origins:]:
        yield take_snapshot(cut, month)


def _needed(programme: Programme) -> set[str]:
    """Return the events that a development is made of."""
    routes = [route for outcome in programme.outcomes.values() for route in outcome.routes]
    claims = [route.claim for route in routes if route.claim]
    names = {name for claim in claims for name in (claim.submitted, claim.paid, claim.rejected)}
    return {*CORE_EVENTS, *programme.milestones, *programme.measures, "exit", *(r.event for r in routes), *names}


def _what_came(
    then: Development, now: Development, final: np.ndarray, paths: np.ndarray
) -> Iterable[tuple[str, np.ndarray, np.ndarray, np.ndarray]]:
    """Yield each horizon with the cohorts it is scored on, what was simulated of them and what came."""
    size = len(then.starts)
    started = then.starts.to_numpy() > 0
    increments = np.nan_to_num(now.increments.to_numpy()[:size])
    month = now.cohorts.asi8[:size, None] + np.arange(increments.shape[1]) - then.month.ordinal
    for horizon in HORIZONS:
        if then.month + horizon <= now.month:
            came = (increments * ((month > 0) & (month <= horizon))).sum(axis=1)
            yield f"{horizon} months", started & (then.age < then.last), paths[:, :, :horizon].sum(axis=2), came
    open_then = started & final[:size] & (then.age < then.last)
    yield FINAL, open_then, then.recorded.to_numpy() + paths.sum(axis=2), increments.sum(axis=1)


def _score(simulated: Floats, came: Floats) -> pd.DataFrame:
    """Score simulated numbers, shape (draws, columns), against what came of each column."""
    place = np.ceil(np.array(QUANTILES) * len(simulated) - 1e-9).astype(int) - 1
    low_80, high_80, low_95, high_95 = np.sort(simulated, axis=0)[place]
    forecast = simulated.mean(axis=0)
    return pd.DataFrame(
        {
            "forecast": forecast,
            "observed": came,
            "error": forecast - came,
            "crps": crps(simulated, came),
            "covered_80": (low_80 <= came) & (came <= high_80),
            "covered_95": (low_95 <= came) & (came <= high_95),
        }
    )
