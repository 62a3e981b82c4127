"""Starts that are still to come, from the start volumes that the contract promises.

Conventions
-----------
- Starts of a coming month ~ Poisson(promised volume x level x month's own effect). The level is what the contract has
  started of its promise in its last `RECENT` months; its uncertainty and that of a month are the spread of those
  months' ratios beyond chance, never less than `LEAST`.
- Outcomes of coming cohorts are simulated for the most starts of any path, then thinned: each outcome is kept with the
  chance starts of the path / most starts. For outcomes that come independently of each other this is exact.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from perflib.analysis.forecast.result import Counts
from perflib.records.snapshot import Snapshot

RECENT = 6
"""Months in which starts are compared with the promise."""

LEAST = 0.05
"""The least relative standard deviation of the level and of a month."""


@dataclass(frozen=True, eq=False)
class Volumes:
    """Simulated starts of the coming months.

    Attributes
    ----------
    starts : ndarray of int, shape (draws, months)
    most : Series of int
        The most of any draw; index the coming months.
    basis : str
        What the forecast leans on, as a sentence.
    """

    starts: Counts
    most: pd.Series
    basis: str


def coming_starts(snapshot: Snapshot, month: pd.Period, draws: int, seed: int) -> Volumes | None:
    """Simulate the starts of the months after `month` for which the contract promises a volume; None where it does not.

    Parameters
    ----------
    snapshot : Snapshot
    month : Period[M]
        The last month of which the starts are known.
    draws : int
    seed : int

    Returns
    -------
    Volumes or None

    Examples
    --------
    >>> from perflib import sample_snapshot
    >>> snapshot = sample_snapshot()
    >>> coming_starts(snapshot, snapshot.month, draws=100, seed=1).starts.shape
    (100, 6)
    """
    items = [item for item in snapshot.contract.volumes if item.measure == "start"]
    ends = [item.since + len(item.values) - 1 for item in items]
    if not ends or max(ends) <= month:
        return None
    ahead = pd.period_range(month + 1, max(ends), freq="M")
    promised = snapshot.contract.volume("start", ahead).fillna(0.0).to_numpy()
    recent = pd.period_range(max(month - RECENT + 1, snapshot.first_month), month, freq="M")
    expected = snapshot.contract.volume("start", recent).fillna(0.0)
    started = snapshot.journeys["start"].dt.to_period("M").value_counts().reindex(recent, fill_value=0)
    compared = expected[expected > 0].index
    level, spread = 1.0, 0.3
    if len(compared) > 1 and started[compared].sum() > 0:
        level = float(started[compared].sum() / expected[compared].sum())
        ratio = started[compared] / (expected[compared] * level)
        chance = float((1 / (expected[compared] * level)).mean())
        spread = float(np.sqrt(max(ratio.var() - chance, LEAST**2)))
    rng = np.random.default_rng([seed, 1])
    shared = np.exp(rng.normal(0.0, max(spread / np.sqrt(max(len(compared), 1)), LEAST), (draws, 1)))
    own = np.exp(rng.normal(-(spread**2) / 2, spread, (draws, len(ahead))))
    starts = rng.poisson(promised * level * shared * own)
    basis = (
        f"Cohorts still to start are taken from the promised start volumes, {promised.sum():,.0f} from {ahead[0]} to "
        f"{ahead[-1]}, times {level:.2f}, the share of the promise that started in the last {len(compared)} months."
    )
    most = pd.Series(starts.max(axis=0), index=ahead)
    return Volumes(starts.astype(np.int32), most, basis)


def thinned(paths: Counts, volumes: Volumes) -> Counts:
    """Thin paths made for the most starts to each draw's own starts."""
    rng = np.random.default_rng(int(volumes.starts.sum()))
    kept = volumes.starts / np.maximum(volumes.most.to_numpy(), 1)
    coming = paths[:, -len(volumes.most) :]
    return np.concatenate([paths[:, : -len(volumes.most)], rng.binomial(coming, kept[:, :, None])], axis=1)
