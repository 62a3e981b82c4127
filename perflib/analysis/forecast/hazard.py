"""Discrete-time hazards: the chance of an outcome in each month since start, of those who have not had it yet.

Conventions
-----------
- Time is in whole months. Who is followed to month d and no further was at risk in month d: exits come before the end
  of being followed. Any number of exits of any causes may fall in one month; the model has one multinomial trial for
  each person and month, so ties are no approximation.
- The hazard of a cause is its exits over those at risk; its incidence is the chance of having left by it.

References
----------
Allison (1982), Discrete-time methods for the analysis of event histories, Sociological Methodology 13.
Kalbfleisch and Prentice (2002), The Statistical Analysis of Failure Time Data, 2.4 and 8.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from perflib.analysis.cohorts import Floats
from perflib.analysis.forecast.development import Development
from perflib.analysis.forecast.uncertainty import BID_WEIGHT, Counts, bid_rates, bid_words, drift
from perflib.errors import DataError

SHAPE = 5.0
"""How many outcomes the bid's hazards are worth."""

MOST = 0.95
"""The largest share of starts that the bid's hazards may reach, at whatever level."""


@dataclass(frozen=True)
class LifeTable:
    """Exits by cause, month by month.

    Attributes
    ----------
    at_risk : ndarray of shape (m,)
        Who was there at the beginning of each month, and was followed to its end.
    exits : ndarray of shape (m, k)
        Who left in it, by each cause.
    """

    at_risk: Floats
    exits: Floats

    @property
    def hazards(self) -> Floats:
        """Exits of each cause over those at risk; NaN where nobody was."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return self.exits / self.at_risk[:, None]

    @property
    def survival(self) -> Floats:
        """The chance of being there still at the end of each month."""
        return np.cumprod(1 - self.hazards.sum(axis=1))

    @property
    def incidence(self) -> Floats:
        """The chance of having left by each cause, by the end of each month."""
        before = np.concatenate([[1.0], self.survival[:-1]])
        return (before[:, None] * self.hazards).cumsum(axis=0)


def life_table(months: ArrayLike, causes: ArrayLike) -> LifeTable:
    """Life table of durations with competing exits.

    Parameters
    ----------
    months : array_like of int, shape (n,)
        The month, from 0, in which each left or was last followed.
    causes : array_like of int, shape (n,)
        0 where the person had not left, else the number of the cause, from 1.

    Returns
    -------
    LifeTable

    Raises
    ------
    DataError
        A month or cause is negative, or the two are not of one length.

    References
    ----------
    Kalbfleisch and Prentice 2002, The Statistical Analysis of Failure Time Data, 2.4 and 8.

    Examples
    --------
    Four people: one leaves by the first cause in month 0, two leave in month 1, and one is followed to month 1.

    >>> table = life_table([0, 1, 1, 1], [1, 1, 2, 0])
    >>> table.at_risk.tolist(), table.exits.tolist()
    ([4.0, 3.0], [[1.0, 0.0], [1.0, 1.0]])
    >>> table.incidence[-1].tolist()
    [0.5, 0.25]
    """
    month, cause = np.asarray(months, dtype=np.int64), np.asarray(causes, dtype=np.int64)
    if month.shape != cause.shape or month.ndim != 1:
        raise DataError(f"months and causes: {month.shape} and {cause.shape}, but must be two lists of one length.")
    if len(month) and min(month.min(), cause.min()) < 0:
        raise DataError(
            f"months and causes: {int(min(month.min(), cause.min()))} is below 0. Count months from 0; 0 is no cause."
        )
    length, kinds = int(month.max(initial=-1)) + 1, int(cause.max(initial=1)) + 1
    table = np.bincount(month * kinds + cause, minlength=length * kinds).reshape(length, kinds).astype(float)
    at_risk = table.sum(axis=1)[::-1].cumsum()[::-1]
    return LifeTable(at_risk, table[:, 1:])


def hazard(development: Development, draws: int, rng: np.random.Generator) -> tuple[Counts, tuple[str, ...]]:
    """Simulate the coming months by the outcome's hazard in each month since start.

    All cohorts share the hazards, each with a beta distribution: outcomes among those who could have had one, leaning
    on the bid's hazards, at the level of all outcomes so far, by `SHAPE` outcomes in all. Participants without an
    outcome yet go on month by month, with the hazards of the draw and a level that may drift.

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
    Allison 1982, Sociological Methodology 13. Kalbfleisch and Prentice 2002, The Statistical Analysis of Failure Time
    Data, 2.4 and 8.
    """
    exits, waiting, reached = _posterior(development)
    known = rng.beta(exits, waiting, size=(draws, len(exits)))
    outcomes = BID_WEIGHT + development.recorded.sum()
    bid = exits / (exits + waiting) * rng.gamma(outcomes, size=(draws, 1)) / outcomes
    by_d = np.where(reached, known, np.minimum(bid, 1.0))
    factors, doubt = drift(development, expected_increments, 1.0, draws, rng)
    starts, d = development.starts.to_numpy(), development.coming_d
    chance = np.where(d >= 0, by_d[:, np.maximum(d, 0)], 0.0)
    chance = np.minimum(chance * factors, 1.0)
    left = np.broadcast_to((starts - development.recorded.to_numpy()).astype(np.int64), (draws, len(starts)))
    paths = np.zeros(chance.shape, dtype=np.int64)
    for month in range(chance.shape[2]):
        paths[:, :, month] = rng.binomial(left, chance[:, :, month])
        left = left - paths[:, :, month]
    return paths, (*bid_words(development), doubt)


def expected_increments(development: Development) -> Floats:
    """Expected increments of the hazards, by cohort and coming month."""
    exits, waiting, _ = _posterior(development)
    d = development.coming_d
    chance = np.where(d >= 0, (exits / (exits + waiting))[np.maximum(d, 0)], 0.0)
    left = (development.starts - development.recorded).to_numpy()[:, None]
    stay = np.cumprod(1 - chance, axis=1)
    return left * -np.diff(stay, axis=1, prepend=1.0)


def _posterior(development: Development) -> tuple[Floats, Floats, NDArray[np.bool_]]:
    """Return the two parameters of the beta distribution of each month's hazard, and which months were observed."""
    starts, seen = development.starts.to_numpy()[:, None], development.increments.notna().to_numpy()
    increments = np.nan_to_num(development.increments.to_numpy())
    table = LifeTable(
        (seen * (starts - increments.cumsum(axis=1) + increments)).sum(axis=0), increments.sum(axis=0)[:, None]
    )
    bid = bid_rates(development)
    level = (BID_WEIGHT + increments.sum()) / (BID_WEIGHT + (seen * starts * bid).sum())
    share = starts[:, 0] / starts.sum() if starts.sum() else np.full(len(starts), 1 / len(starts))
    promised = share @ bid
    gained = promised * min(level, MOST / promised.sum())
    leaning = gained / (1 - gained.cumsum() + gained)
    worth = SHAPE / gained.sum()
    exits = table.exits[:, 0] + np.maximum(worth * leaning, 1e-6)
    return exits, table.at_risk - table.exits[:, 0] + worth * (1 - leaning), np.asarray(seen.any(axis=0))
