"""Chain ladder: Mack's standard errors and the over-dispersed Poisson bootstrap, on any development triangle.

Conventions
-----------
- A triangle is cumulative: rows are cohorts in order, columns are ages, NaN where not observed. What is observed of a
  row is its first columns, without gaps.
- The factor of an age is volume-weighted: all that the rows observed at the next age had grown to, over what they were.
- The reserve is what is still to come: ultimate less latest.
- Nothing to date times any factor is nothing: a cohort without an outcome yet, and ages that no cohort has reached, are
  beyond this method. `chain_ladder` takes the bid there, and says so.

References
----------
Mack (1993), Distribution-free calculation of the standard error of chain ladder reserve estimates, ASTIN Bulletin 23.
England and Verrall (1999), Analytic and bootstrap estimates of prediction errors in claims reserving, Insurance:
Mathematics and Economics 25; and (2002), Stochastic claims reserving in general insurance, BAJ 8.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from perflib.analysis.cohorts import Floats
from perflib.analysis.forecast.development import Development
from perflib.analysis.forecast.uncertainty import (
    BID_ERROR,
    Counts,
    bid_rates,
    bid_words,
    counts,
    in_months,
    within_room,
)
from perflib.errors import DataError


@dataclass(frozen=True)
class Mack:
    """What Mack's method says of a triangle of n cohorts and m ages.

    Attributes
    ----------
    factors : ndarray of shape (m - 1,)
        Growth from each age to the next.
    variances : ndarray of shape (m - 1,)
        Mack's sigma squared of each factor.
    latest, ultimate, standard_error : ndarray of shape (n,)
        Of each cohort; the standard error is of the ultimate, and so of the reserve: process and estimation.
    total_standard_error : float
        Of all reserves together: larger than if the cohorts' errors were independent, since they share the factors.
    """

    factors: Floats
    variances: Floats
    latest: Floats
    ultimate: Floats
    standard_error: Floats
    total_standard_error: float

    @property
    def reserve(self) -> Floats:
        """What each cohort has still to come."""
        return self.ultimate - self.latest


def factors(cumulative: Floats) -> tuple[Floats, Floats]:
    """Development factors by age, volume-weighted, with the volume behind each.

    Where nothing had been reached by an age, or nobody has been observed at the next, the factor is 1 and its volume 0.

    References
    ----------
    Mack 1993, ASTIN Bulletin 23.

    Examples
    --------
    >>> growth, volume = factors(np.array([[10.0, 20.0], [30.0, 40.0], [5.0, np.nan]]))
    >>> growth.tolist(), volume.tolist()
    ([1.5], [40.0])
    """
    seen = np.isfinite(cumulative[..., 1:])
    before = np.where(seen, cumulative[..., :-1], 0).sum(axis=-2)
    after = np.where(seen, cumulative[..., 1:], 0).sum(axis=-2)
    usable = before > 0
    return np.where(usable, after / np.where(usable, before, 1), 1.0), np.where(usable, before, 0.0)


def mack(cumulative: Floats) -> Mack:
    """Complete a triangle by the chain ladder, with Mack's standard errors.

    The last sigma, of which one cohort cannot tell, is by Mack's own rule: its square is the least of the one before
    it, the one before that, and the square of the former over the latter.

    Parameters
    ----------
    cumulative : ndarray of shape (n, m)
        A triangle; see the module.

    Returns
    -------
    Mack

    Raises
    ------
    DataError
        A row has a gap, or none of it is observed.

    References
    ----------
    Mack 1993, ASTIN Bulletin 23.
    """
    reach = _reach(cumulative)
    rows, ages = cumulative.shape
    growth, volume = factors(cumulative)
    variance = _sigma_squared(cumulative, growth)
    latest = cumulative[np.arange(rows), reach]
    ahead = np.arange(ages - 1) >= reach[:, None]
    path = _completed(cumulative, growth, reach)
    with np.errstate(divide="ignore", invalid="ignore"):
        relative = np.where(growth > 0, variance / growth**2, 0.0)
        process = np.where(ahead & (path[:, :-1] > 0), relative / path[:, :-1], 0.0)
        estimation = np.where(ahead & (volume > 0), relative / volume, 0.0)
    ultimate = path[:, -1]
    error = ultimate**2 * (process + estimation).sum(axis=1)
    # cohorts i and j share the errors of the factors that both have ahead of them: all those of the older
    shared = np.minimum.outer(estimation.sum(axis=1), estimation.sum(axis=1))
    cross = np.outer(ultimate, ultimate) * shared
    total = error.sum() + cross.sum() - np.trace(cross)
    return Mack(growth, variance, latest, ultimate, np.sqrt(error), float(np.sqrt(total)))


def _reach(cumulative: Floats) -> NDArray[np.int64]:
    """Return the last observed age of each row."""
    seen = np.isfinite(cumulative)
    reach = seen.sum(axis=1) - 1
    faulty = (reach < 0) | (seen != (np.arange(cumulative.shape[1]) <= reach[:, None])).any(axis=1)
    if faulty.any():
        raise DataError(
            f"triangle row {int(np.flatnonzero(faulty)[0]) + 1}: its observed cells must be its first ones, without a "
            f"gap, and at least one. Leave the row out, or fill the gap."
        )
    return reach


def _completed(cumulative: Floats, growth: Floats, reach: NDArray[np.int64]) -> Floats:
    """Return the triangle with what is not observed grown from the latest."""
    path = cumulative.copy()
    for age in range(1, cumulative.shape[-1]):
        path[..., age] = np.where(age > reach, path[..., age - 1] * growth[..., age - 1, None], path[..., age])
    return path


def _sigma_squared(cumulative: Floats, growth: Floats) -> Floats:
    """Return Mack's variance parameter of each age, the last by his rule."""
    before, after = cumulative[:, :-1], cumulative[:, 1:]
    usable = np.isfinite(after) & (before > 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        squares = np.where(usable, before * (after / before - growth) ** 2, 0.0).sum(axis=0)
    spare = usable.sum(axis=0) - 1
    variance = np.where(spare > 0, squares / np.maximum(spare, 1), np.nan)
    for age in np.flatnonzero(np.isnan(variance)):
        known = variance[:age][np.isfinite(variance[:age])]
        if len(known) < 2 or known[-2] == 0:
            variance[age] = known[-1] if len(known) else 0.0
        else:
            variance[age] = min(known[-1] ** 2 / known[-2], known[-1], known[-2])
    return variance


def fitted(cumulative: Floats) -> Floats:
    """Fitted increments of the chain ladder, worked back from the latest diagonal.

    These are the fitted values of an over-dispersed Poisson model with a level for each cohort and each age.

    Returns
    -------
    ndarray shaped as `cumulative`
        Increments; NaN where not observed.

    References
    ----------
    England and Verrall 1999, Insurance: Mathematics and Economics 25; and 2002, BAJ 8.
    """
    reach = _reach(cumulative)
    growth, _ = factors(cumulative)
    to_end = np.append(np.cumprod(growth[::-1])[::-1], 1.0)
    share = 1 / np.where(to_end > 0, to_end, 1)
    rows = np.arange(len(cumulative))
    back = cumulative[rows, reach][:, None] * share / share[reach][:, None]
    return np.where(np.isfinite(cumulative), np.diff(back, axis=1, prepend=0), np.nan)


@dataclass(frozen=True)
class Residuals:
    """How a triangle strays from the chain ladder's own fit.

    Attributes
    ----------
    values : ndarray of shape (k,)
        Pearson residuals, (observed - fitted) / root of fitted, of the cells whose fitted value is not zero.
    freedom : int
        Cells less parameters, a parameter for each cohort and each age but one.
    """

    values: Floats
    freedom: int

    @property
    def dispersion(self) -> float:
        """The sum of squares over the degrees of freedom; 1 is Poisson."""
        return float((self.values**2).sum() / self.freedom)

    @property
    def inflation(self) -> float:
        """By how much estimates vary more than residuals drawn anew would have them vary."""
        return float(np.sqrt(max(len(self.values), 1) / self.freedom))


def residuals(cumulative: Floats) -> Residuals:
    """Pearson residuals of the chain ladder's fit.

    References
    ----------
    England and Verrall 1999, Insurance: Mathematics and Economics 25; and 2002, BAJ 8.

    Examples
    --------
    >>> found = residuals(np.array([[10.0, 30.0], [10.0, 10.0], [5.0, np.nan]]))
    >>> found.freedom, round(found.dispersion, 3)
    (1, 13.333)
    """
    expected = fitted(cumulative)
    observed = np.diff(cumulative, axis=1, prepend=0)
    used = np.isfinite(expected) & (expected != 0)
    parameters = used.any(axis=1).sum() + used.any(axis=0).sum() - 1
    values = (observed[used] - expected[used]) / np.sqrt(np.abs(expected[used]))
    return Residuals(values, max(int(used.sum() - parameters), 1))


def odp_means(cumulative: Floats, draws: int, rng: np.random.Generator) -> Floats:
    """Bootstrap the expected future increments: parameter uncertainty without process variance.

    Residuals, less their mean, are drawn anew for every cell, and the triangle of each draw is fitted as the first one
    was. The draws' deviations from their own mean, widened for the degrees of freedom, are laid about the chain
    ladder's forecast (England and Verrall 1999), so that their mean is the forecast.

    Parameters
    ----------
    cumulative : ndarray of shape (n, m)
        A triangle; see the module.
    draws : int
        Number of draws.
    rng : Generator
        Source of chance.

    Returns
    -------
    ndarray of shape (draws, n, m)
        Expected increments; 0 where the cell is observed.

    Raises
    ------
    DataError
        A row has a gap, or none of it is observed.

    References
    ----------
    England and Verrall 1999, Insurance: Mathematics and Economics 25; and 2002, BAJ 8.
    """
    reach, growth = _reach(cumulative), factors(cumulative)[0]
    forecast = _ahead(cumulative, growth, reach)
    expected, found = fitted(cumulative), residuals(cumulative)
    if len(found.values) == 0:
        return np.broadcast_to(forecast, (draws, *forecast.shape)).copy()
    seen = np.isfinite(expected)
    noise = rng.choice(found.values - found.values.mean(), (draws, int(seen.sum())))
    pseudo = np.full((draws, *cumulative.shape), np.nan)
    pseudo[:, seen] = expected[seen] + noise * np.sqrt(np.abs(expected[seen]))
    cells = pseudo.cumsum(axis=2)
    means = _ahead(cells, factors(cells)[0], reach)
    return forecast + found.inflation * (means - means.mean(axis=0))


def odp_bootstrap(cumulative: Floats, draws: int, rng: np.random.Generator) -> Floats:
    """Bootstrap the future increments: parameter uncertainty and process variance.

    Chance is a gamma distribution with the mean of the draw and a variance of dispersion times the mean (England and
    Verrall 2002); a mean below zero keeps its sign.

    Parameters
    ----------
    cumulative : ndarray of shape (n, m)
        A triangle; see the module.
    draws : int
        Number of draws.
    rng : Generator
        Source of chance.

    Returns
    -------
    ndarray of shape (draws, n, m)
        Increments; 0 where the cell is observed.

    Raises
    ------
    DataError
        A row has a gap, or none of it is observed.

    References
    ----------
    England and Verrall 1999, Insurance: Mathematics and Economics 25; and 2002, BAJ 8.
    """
    means, phi = odp_means(cumulative, draws, rng), residuals(cumulative).dispersion
    if phi == 0:
        return means
    return np.sign(means) * rng.gamma(np.abs(means) / phi) * phi


def _ahead(cumulative: Floats, growth: Floats, reach: NDArray[np.int64]) -> Floats:
    """Return the expected future increments, 0 where a cell is observed."""
    path = _completed(cumulative, growth, reach)
    return np.where(np.arange(path.shape[-1]) > reach[:, None], np.diff(path, axis=-1, prepend=0.0), 0.0)


def chain_ladder(development: Development, draws: int, rng: np.random.Generator) -> tuple[Counts, tuple[str, ...]]:
    """Simulate the coming months by the bootstrapped chain ladder.

    Chance is Poisson, or a gamma mixture of it with the dispersion that the triangle shows, so that paths are whole
    numbers. Where the chain ladder has nothing to multiply, the bid stands in, its level doubted as in `profile`.

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
    England and Verrall 1999, Insurance: Mathematics and Economics 25; and 2002, BAJ 8.
    """
    increments, starts = development.increments.to_numpy(), development.starts.to_numpy()
    begun = development.age >= 0
    triangle = increments[begun].cumsum(axis=1)
    ahead = np.zeros((draws, *increments.shape))
    ahead[:, begun] = np.maximum(odp_means(triangle, draws, rng), 0.0)
    promised = bid_rates(development) * starts[:, None]
    level = np.exp(BID_ERROR * rng.standard_normal((draws, 1, 1)) - BID_ERROR**2 / 2)
    beyond = np.arange(increments.shape[1]) > max(development.age.max(), 0)
    nothing = development.recorded.to_numpy()[:, None] == 0
    bids = beyond | nothing
    by_d = np.where(bids, promised * level, ahead)
    means = in_months(development, by_d)
    spread = residuals(triangle).dispersion if np.nansum(triangle) > 0 else 1.0
    paths = within_room(counts(means, spread, rng), development)
    share = in_months(development, np.where(bids, promised, 0.0)).sum() / max(means.sum() / draws, 1e-9)
    words = f"About {100 * min(share, 1.0):.0f}% of it is the bid's, where the chain ladder has nothing to multiply."
    return paths, (*bid_words(development), words)
