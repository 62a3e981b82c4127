"""Cape Cod with decay: one pattern for all cohorts, and a level for each that leans on its neighbours.

Conventions
-----------
- The pattern is outcomes a start at each d, of the cohorts observed there. It leans on the bid's shape, at the level of
  all outcomes so far, by `SHAPE` outcomes in all; where no cohort has been observed it is the bid's alone.
- The level of a cohort is outcomes to date over what the pattern expects of them, of all cohorts, each with a weight of
  `DECAY` to the power of the months between them; it leans on 1 by `LEVEL` outcomes.

References
----------
Gluck (1997), Balancing development and trend in loss reserve analyses, PCAS 84.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from perflib.analysis.cohorts import Floats
from perflib.analysis.forecast.development import Development
from perflib.analysis.forecast.uncertainty import (
    BID_WEIGHT,
    Counts,
    bid_rates,
    bid_words,
    counts,
    dispersion,
    drift,
    in_months,
    within_room,
)

DECAY, SHAPE, LEVEL = 0.93, 5.0, 2.0


@dataclass(frozen=True)
class _Fit:
    """Pattern and levels; a gamma distribution of shape `weight` and rate `at` holds what is known of the pattern."""

    seen: NDArray[np.bool_]
    weight: Floats
    at: Floats
    due: Floats
    """What the pattern expects of each cohort to date."""

    level: Floats

    @property
    def pattern(self) -> Floats:
        return self.weight / self.at


def _fit(development: Development) -> _Fit:
    starts = development.starts.to_numpy()
    observed, seen = development.increments.to_numpy(), development.increments.notna().to_numpy()
    bid = bid_rates(development)
    level = (BID_WEIGHT + np.nansum(observed)) / (BID_WEIGHT + (seen * starts[:, None] * bid).sum())
    share = starts / starts.sum() if starts.sum() else np.full(len(starts), 1 / len(starts))
    leaning = level * (share @ bid)
    worth = SHAPE / leaning.sum()
    weight, at = np.nansum(observed, axis=0) + worth * leaning, starts @ seen + worth
    due = (seen * (weight / at)).sum(axis=1) * starts
    return _Fit(seen, weight, at, due, _levels(np.nansum(observed, axis=1), due))


def _levels(observed: Floats, due: Floats) -> Floats:
    """Return each cohort's level, over the last axis."""
    place = np.arange(len(due))
    near = DECAY ** np.abs(np.subtract.outer(place, place))
    return (observed @ near + LEVEL) / (due @ near + LEVEL)


def expected_increments(development: Development) -> Floats:
    """Expected increments of Cape Cod with decay, by cohort and coming month.

    References
    ----------
    Gluck 1997, PCAS 84.
    """
    fit = _fit(development)
    return in_months(development, (development.starts.to_numpy() * fit.level)[:, None] * fit.pattern)


def cape_cod(development: Development, draws: int, rng: np.random.Generator) -> tuple[Counts, tuple[str, ...]]:
    """Simulate the coming months by decaying Cape Cod.

    The interval holds chance, with the dispersion that the cells show; the doubt about the pattern, and about the bid
    where it stands in; that about the cohorts' levels, drawn anew from what is expected of them; and the drift of
    levels in the months to come.

    Parameters
    ----------
    development : Development
    draws : int
        Number of paths.
    rng : Generator
        Source of chance.

    Returns
    -------
    paths : ndarray of int, shape (draws, cohorts, months)
        Newly recorded outcomes.
    basis : tuple of str
        What the forecast rests on.

    References
    ----------
    Gluck 1997, PCAS 84.
    """
    fit, starts = _fit(development), development.starts.to_numpy()
    observed = np.nan_to_num(development.increments.to_numpy())
    explained = fit.seen * (starts * fit.level)[:, None] * fit.pattern
    spread = dispersion(observed, explained)

    known = rng.gamma(fit.weight, size=(draws, len(fit.weight))) / fit.at
    outcomes = BID_WEIGHT + observed.sum()
    bid = fit.pattern * rng.gamma(outcomes, size=(draws, 1)) / outcomes
    pattern = np.where(fit.seen.any(axis=0), known, bid)
    again = counts(np.broadcast_to(explained.sum(axis=1), (draws, len(starts))), spread, rng)
    means = in_months(development, pattern[:, None, :] * (starts * _levels(again.astype(float), fit.due))[:, :, None])
    factors, doubt = drift(development, expected_increments, spread, draws, rng)
    return within_room(counts(means * factors, spread, rng), development), (*bid_words(development), doubt)
