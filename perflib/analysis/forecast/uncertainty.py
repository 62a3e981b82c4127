"""What the models that work on counts share: the bid as a rate, chance, room, and how far a level may drift.

Conventions
-----------
- Values by cohort and d, or by cohort and coming month, are the last two axes of an array; draws come before them.
- A bid's level is doubted by `BID_ERROR`: the root mean square of log(actual / expected) in four published results, the
  Work Programme to July 2012 (3.6 % where 11.9 % were expected, PAC HC 936), its third year (57.6 for 44 and 46.3 for
  33, ERSA) and Restart to April 2023 (25 for 15).
- Levels drift: log(actual / forecast) is taken to be a random walk from the last recorded month on. Its steps are
  estimated from what the model's own forecasts of the last year missed by, beyond chance.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from perflib.analysis.cohorts import Floats
from perflib.analysis.forecast.development import Development

Counts = NDArray[np.int64]
Expect = Callable[[Development], Floats]
"""A model's expected increments, by cohort and coming month."""

BID_ERROR = 0.69
BID_WEIGHT = 1 / BID_ERROR**2
"""How many outcomes a bid's level is worth: a gamma distribution of this shape has the bid's error."""

HINDCASTS, AHEAD = 12, 3
"""Earlier forecasts that are made again, and how many of their months are looked at."""

USUAL_STEP, USUAL_WEIGHT = 0.08, 4
"""A monthly step of the drift before anything is known, and how many hindcasts that is worth: an assumption."""

FEW = 10
"""With fewer outcomes than this a forecast says that it is mostly the bid."""


def bid_rates(development: Development) -> Floats:
    """Profiled increments a start, by cohort and d.

    Where nothing was promised, outcomes are taken to come evenly over the months in which they can be recorded, at the
    pace so far, with half an outcome added in the time of two starts: none yet is not never.
    """
    rates = np.diff(development.profile.to_numpy(), axis=1, prepend=0.0)
    exposure = (development.increments.notna().to_numpy() * development.starts.to_numpy()[:, None]).sum()
    even = (development.recorded.sum() + 0.5) / (exposure + 2 * (development.last + 1))
    return np.where(_bare(development)[:, None], even, rates)


def bid_words(development: Development) -> tuple[str, ...]:
    """Describe the profile in sentences, and say where there is little else."""
    bare, recorded = _bare(development), int(development.recorded.sum())
    whom = "" if bare.all() else " to some of the cohorts"
    bid = f"Nothing was promised{whom}: in place of a bid, outcomes are taken to come evenly, at the pace so far."
    few = "Few are recorded so far: this is mostly the bid."
    return (*([few] if recorded < FEW else []), bid if bare.any() else "The bid is the contract's profile.")


def _bare(development: Development) -> NDArray[np.bool_]:
    """Return the cohorts that nothing was promised to."""
    return ~(development.profile.to_numpy()[:, -1] > 0)


def in_months(development: Development, by_d: Floats) -> Floats:
    """Shift values from cohort and d to cohort and coming month; 0 where nothing can be recorded."""
    d = np.broadcast_to(development.coming_d, (*by_d.shape[:-2], *development.coming_d.shape))
    return np.where(d >= 0, np.take_along_axis(by_d, np.maximum(d, 0), axis=-1), 0.0)


def counts(means: Floats, dispersion: float, rng: np.random.Generator) -> Counts:
    """Draw whole numbers with given means and variance `dispersion` times the mean, at least Poisson."""
    extra = dispersion - 1
    return rng.poisson(rng.gamma(means / extra) * extra if extra > 0.01 else means)


def within_room(paths: Counts, development: Development) -> Counts:
    """Cut paths where a cohort would have more outcomes than it has participants without one."""
    room = (development.starts - development.recorded).to_numpy(dtype=np.int64)
    reached = np.minimum(paths.cumsum(axis=-1), room[:, None])
    return np.diff(reached, axis=-1, prepend=0)


def dispersion(observed: Floats, expected: Floats) -> float:
    """Estimate the dispersion of counts: the sum of squares over the sum expected, at least 1."""
    total = expected.sum()
    return max(1.0, float(((observed - expected) ** 2).sum() / total)) if total >= FEW else 1.0


def drift(
    development: Development, expect: Expect, spread: float, draws: int, rng: np.random.Generator
) -> tuple[Floats, str]:
    """Draw the drift of the level in each coming month, with its ground in words.

    Parameters
    ----------
    development : Development
    expect : callable
        The model's expected increments of a development.
    spread : float
        Variance of a count over its mean, which is chance and no drift.
    draws : int
        Number of draws.
    rng : Generator
        Source of chance.

    Returns
    -------
    factors : ndarray of shape (draws, 1, months)
        With a mean of 1 in every month.
    basis : str
    """
    squares, steps, used = 0.0, 0.0, 0
    for origin in development.cohorts[development.cohorts < development.month][-HINDCASTS:]:
        earlier = development.at(origin)
        ahead = min(AHEAD, development.month.ordinal - origin.ordinal)
        came = np.nan_to_num(development.increments.to_numpy()[: len(earlier.starts)])
        actual = in_months(earlier, came).sum(axis=0)[:ahead].sum()
        forecast = expect(earlier).sum(axis=0)[:ahead].sum()
        if forecast >= 1:
            squares += np.log((actual + 0.5) / (forecast + 0.5)) ** 2 - spread / forecast
            steps += (ahead + 1) / 2
            used += 1
    own = max(squares, 0.0) / steps if used else 0.0
    step = float(np.sqrt((USUAL_WEIGHT * USUAL_STEP**2 + used * own) / (USUAL_WEIGHT + used)))
    months = np.arange(1, len(development.months) + 1)
    walk = step * rng.standard_normal((draws, 1, len(months))).cumsum(axis=-1)
    ground = (
        f"as {used} earlier forecasts were off" if used else "an assumption: there is no earlier forecast to learn of"
    )
    return np.exp(walk - step**2 * months / 2), (
        f"The intervals let the level drift by about {100 * step:.0f}% in a month ({ground})."
    )
