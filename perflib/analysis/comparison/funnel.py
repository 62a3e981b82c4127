"""Funnel limits, tail probabilities and overdispersion: how far a unit may be from the average by chance.

Conventions
-----------
- A unit's count is held to a binomial of `n` participants with chance `rate`. Both may be the matched ones of unequal
  chances (`matched`): the binomial with the same mean and variance as the sum of the participants' own chances, whose
  `n` need not be whole.
- Limits are the interpolated binomial limits of Spiegelhalter (2005): with r the least count of which F(r) >= p, and
  a = (F(r) - p) / f(r), the limit is (r - a) / n, kept within 0 and 1.
- A count is judged by its mid-P value: the chance of anything further out plus half the chance of itself, twice the
  smaller of the two sides, at most 1. It has the stated rate of false signals on both sides at small n, where the
  interpolated upper limit has up to three times as many. A point within half a participant of a line may therefore
  stand on the other side of it than its signal says.
- Overdispersion is measured on the arcsine scale, on which the spread of chance does not depend on the rate; limits are
  never taken from that scale alone.

References
----------
Spiegelhalter 2005, Statistics in Medicine 24, 1185-1202 (limits, overdispersion, winsorising). DerSimonian and Laird
1986, Controlled Clinical Trials 7, 177-188. Benjamini and Hochberg 1995, JRSS B 57, 289-300.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special, stats

from perflib.errors import ParameterError

Floats = NDArray[np.float64]

WINSORISED = 0.1
"""The share of units at each end whose z is drawn in before overdispersion is measured."""

SIMULATED = 400_000
"""How many standard normals the correction for winsorising is measured on."""


def matched(expected: ArrayLike, squares: ArrayLike) -> tuple[Floats, Floats]:
    """Match a binomial to the mean and variance of a sum of unequal chances.

    Parameters
    ----------
    expected : array
        The sum of the participants' chances.
    squares : array
        The sum of their squares.

    Returns
    -------
    n, rate : array of float
        NaN where nothing is expected. Equal chances give their own number and rate.

    Examples
    --------
    Two participants with a chance of .5 and two with .1: variance .68, as of 2.77 participants with a chance of .433.

    >>> n, rate = matched(1.2, 0.52)
    >>> round(float(n), 2), round(float(rate), 3)
    (2.77, 0.433)
    """
    mean, square = np.asarray(expected, dtype=float), np.asarray(squares, dtype=float)
    known = mean > 0
    mean, square = np.where(known, mean, np.nan), np.where(known, square, np.nan)
    return mean**2 / square, square / mean


def _cumulative(count: Floats, n: Floats, rate: Floats) -> Floats:
    """Return F(count) of a binomial whose n need not be whole."""
    inside = np.clip(count, 0, np.maximum(n - 1e-9, 0))
    share = special.betainc(np.maximum(n - inside, 1e-12), inside + 1, 1 - rate)
    return np.where(count < 0, 0.0, np.where(count >= n, 1.0, share))


def limits(n: ArrayLike, rate: ArrayLike, level: float = 0.95) -> tuple[Floats, Floats]:
    """Interpolated binomial limits of a rate, for a funnel plot.

    Parameters
    ----------
    n : array
        Participants.
    rate : array
        The rate they are held to, 0 to 1.
    level : float
        The share of equal units that lies between the limits.

    Returns
    -------
    lower, upper : array of float
        Rates, 0 to 1; NaN where n or rate is.

    References
    ----------
    Spiegelhalter 2005, Statistics in Medicine 24, 1185-1202.

    Examples
    --------
    Of 10 with a chance of .2: F(0) = .1074 and F(4) = .9672, F(5) = .9936, f(5) = .0264, so that the upper limit is
    (5 - (.9936 - .975) / .0264) / 10.

    >>> [round(float(limit), 4) for limit in limits(10, 0.2)]
    [0.0, 0.4295]
    """
    tail = (1 - _level(level)) / 2
    return _limit(n, rate, tail), _limit(n, rate, 1 - tail)


def _level(level: float) -> float:
    if not 0 < level < 1:
        raise ParameterError(f"level={level!r}: must be between 0 and 1, e.g. 0.95 or 0.998.")
    return level


def _limit(n: ArrayLike, rate: ArrayLike, share: float) -> Floats:
    size, chance = np.broadcast_arrays(np.asarray(n, dtype=float), np.asarray(rate, dtype=float))
    known = np.isfinite(size) & np.isfinite(chance) & (size > 0)
    result = np.full(size.shape, np.nan)
    size, chance = size[known], chance[known]
    low, high = np.full(size.shape, -1.0), np.ceil(size)  # F(low) < share <= F(high)
    while (high - low > 1).any():
        middle = np.floor((low + high) / 2)
        reached = _cumulative(middle, size, chance) >= share
        low, high = np.where(reached, low, middle), np.where(reached, middle, high)
    at, before = _cumulative(high, size, chance), _cumulative(high - 1, size, chance)
    result[known] = np.clip((high - (at - share) / (at - before)) / size, 0, 1)
    return result


def mid_p(observed: ArrayLike, n: ArrayLike, rate: ArrayLike) -> Floats:
    """Two-sided mid-P value of a count: twice the smaller of the two sides, at most 1.

    Examples
    --------
    6 of 10 with a chance of .2: 2 x (.00086 + .00551 / 2).

    >>> round(float(mid_p(6, 10, 0.2)), 5)
    0.00723
    """
    count, size, chance = (np.asarray(values, dtype=float) for values in (observed, n, rate))
    known = np.isfinite(size) & np.isfinite(chance)
    size, chance = np.where(known, size, 1.0), np.where(known, chance, 0.5)
    upto, below = _cumulative(count, size, chance), _cumulative(count - 1, size, chance)
    side = below + (upto - below) / 2
    return np.where(known, np.clip(2 * np.minimum(side, 1 - side), 0, 1), np.nan)


@dataclass(frozen=True)
class Overdispersion:
    """How much more units differ than chance makes them differ.

    Attributes
    ----------
    ratio : float
        The mean of z squared, as winsorised and corrected for it; 1 where there is chance alone.
    variance : float
        Of true differences between units, on the arcsine scale; 0 where chance explains all.
    units : int
        From how many.
    """

    ratio: float
    variance: float
    units: int

    def limits(self, n: ArrayLike, rate: ArrayLike, level: float = 0.95) -> tuple[Floats, Floats]:
        """Funnel limits widened for overdispersion; where chance is alone, those of `limits`.

        References
        ----------
        Spiegelhalter 2005, Statistics in Medicine 24, 1185-1202.
        """
        if self.variance == 0:
            return limits(n, rate, level)
        size, centre = np.asarray(n, dtype=float), np.arcsin(np.sqrt(np.asarray(rate, dtype=float)))
        reach = stats.norm.ppf((1 + _level(level)) / 2) * np.sqrt(0.25 / size + self.variance)
        low, high = (np.sin(np.clip(centre + side, 0, np.pi / 2)) ** 2 for side in (-reach, reach))
        return low, high


def overdispersion(
    observed: ArrayLike, n: ArrayLike, rate: ArrayLike, winsorised: float = WINSORISED
) -> Overdispersion:
    """Measure how much more units differ from their rates than chance makes them.

    z is the difference on the arcsine scale over its standard error, 1 / (2 √n). The tenth of the units at each end is
    drawn in to the next, so that a few outliers do not widen the limits that are to show them; that alone would make
    the spread too small, so the mean of z squared is divided by what winsorising leaves of it under chance.

    Parameters
    ----------
    observed, n, rate : array of shape (units,)
    winsorised : float
        The share drawn in at each end; 0 for none.

    Returns
    -------
    Overdispersion
        Its variance is the method of moments' (DerSimonian and Laird): max(0, (I φ - (I - 1)) / (Σw - Σw² / Σw)) with
        w = 4 n.

    Raises
    ------
    ParameterError
        A share that is not from 0 to below .5.

    References
    ----------
    Spiegelhalter 2005, Statistics in Medicine 24, 1185-1202. DerSimonian and Laird 1986, Controlled Clinical Trials 7,
    177-188.

    Examples
    --------
    Two units of 100 with 30 and 10, held to .2: z = 2.32 and -2.83 with weights 400, φ = 6.72.

    >>> found = overdispersion([30, 10], [100, 100], [0.2, 0.2], winsorised=0)
    >>> round(found.ratio, 2), round(found.variance, 4)
    (6.72, 0.0311)
    """
    if not 0 <= winsorised < 0.5:
        raise ParameterError(f"winsorised={winsorised!r}: must be from 0 to below 0.5, e.g. 0.1.")
    count, size, chance = (np.asarray(values, dtype=float) for values in (observed, n, rate))
    known = np.isfinite(size) & np.isfinite(chance)
    count, size, chance = count[known], size[known], chance[known]
    units = len(size)
    if units < 2:
        return Overdispersion(np.nan, 0.0, units)
    share = np.clip(count / size, 0, 1)
    z = (np.arcsin(np.sqrt(share)) - np.arcsin(np.sqrt(chance))) * 2 * np.sqrt(size)
    ratio = float((_drawn_in(z, winsorised) ** 2).mean()) / _left_under_chance(units, winsorised)
    weight = 4 * size
    variance = (units * ratio - (units - 1)) / (weight.sum() - (weight**2).sum() / weight.sum())
    return Overdispersion(ratio, max(0.0, float(variance)), units)


def _drawn_in(z: Floats, share: float) -> Floats:
    """Return z with its tails, along the last axis, set to the quantile at which they begin."""
    if share == 0:
        return z
    low, high = np.quantile(z, [share, 1 - share], axis=-1, keepdims=True)
    return np.clip(z, low, high)


@cache
def _left_under_chance(units: int, share: float) -> float:
    """Return what winsorising leaves of the mean of z² of standard normals: at a tenth .69 of 40, .68 of many."""
    if share == 0:
        return 1.0
    z = np.random.default_rng(units).standard_normal((max(SIMULATED // units, 1000), units))
    return float((_drawn_in(z, share) ** 2).mean() / (z**2).mean())
