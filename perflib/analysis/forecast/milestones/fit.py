"""The chance of moving on in a month, by state, clock, duration, calendar month and cohort: a Bayesian logit.

Model
-----
Of n participants of cohort c in state s with clock v at the beginning of recorded month d after the start, y move on::

    y ~ Binomial(n, p),   logit p = m + a[s, v] + e[s, d] + g[t] + b[c],   t = c + d

    a[s, .], e[s, .]   random walks, s.d. of a step `CLOCK_STEP` and `DURATION_STEP`, level N(0, `LEVEL`^2); over months
                       in it and from pace to pace where the clock has both
    g                  calendar: stationary AR(1), correlation rho, s.d. sigma; plus, with a chance of `BREAK_A_MONTH`
                       in each month T, a break delta * 1[t >= T] * 0.5^((t - T) / h), delta ~ N(0, `BREAK_SIZE`^2):
                       for good, or with a half-life of h months, one as likely as the other (`HALF_LIVES`)
    b                  cohorts: N(0, `COHORT`^2 + drift^2 min(i, j) + iid^2 1[i = j])

The calendar of the months to come follows from the last month's by the same AR(1), and what is left of the break.

Inference
---------
The likelihood is expanded to second order around its joint mode (Newton), so that given (rho, sigma, drift, iid, T, h)
everything is normal. a and e are eliminated by the Schur complement, which leaves calendar and cohorts; delta is one
more normal variable. (rho, sigma, drift, iid) are integrated over a grid, and (T, h) over recent months, weighted by
the evidence of the expansion and exponential priors of sigma, drift and iid.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import product
from typing import NamedTuple

import numpy as np
from scipy import linalg, sparse

from perflib.analysis.cohorts import Floats
from perflib.analysis.forecast.development import CLOCKS, PACES, STAY, Ints

CLOCK_STEP, DURATION_STEP, LEVEL = 1.0, 1.0, 2.0
"""Standard deviations on the logit scale."""

COHORT = 0.2
BREAK_SIZE, BREAK_A_MONTH, SETTLED, RECENT = 0.5, 0.01, 3, 24
"""Breaks are looked for in the last `RECENT` months, from month `SETTLED` on."""

HALF_LIVES = (np.inf, 6.0)
"""Months; the first is for good."""

RHO = (0.5, 0.8, 0.95, 0.99)
SIGMA = (0.01, 0.03, 0.07, 0.14, 0.25, 0.45)
DRIFT = (0.001, 0.008, 0.025)
IID = (0.02, 0.07, 0.14)
"""The grid."""

PRIOR_MEAN = {"sigma": 0.25, "drift": 0.007, "iid": 0.06}

STEPS, LONGEST_STEP, CONVERGED = 10, 2.0, 1e-4
"""Of Newton's method, on the logit scale."""


class Hyper(NamedTuple):
    """One point of the grid."""

    rho: float
    sigma: float
    drift: float
    iid: float


GRID = [Hyper(*point) for point in product(RHO, SIGMA, DRIFT, IID)]
COARSE = [Hyper(*point) for point in product((0.5, 0.95), (0.03, 0.14, 0.45), (0.008,), (0.07,))]
"""For forecasts that are made again of many earlier months."""


@dataclass(frozen=True, eq=False)
class Cells:
    """What was seen, a row a cell: how many of `trials` moved on, and the level of each factor.

    Attributes
    ----------
    moved, trials : ndarray of float, shape (cells,)
    levels : ndarray of int, shape (4, cells)
        Indices of (s, v), of (s, d), of the calendar month and of the cohort.
    sizes : tuple of int
        Number of states, clocks, durations, calendar months and cohorts.
    paced : tuple of bool
        Of each state, whether its clock is of pace and months in it.
    ahead : int
        Calendar months to come.
    """

    moved: Floats
    trials: Floats
    levels: Ints
    sizes: tuple[int, int, int, int, int]
    paced: tuple[bool, ...]
    ahead: int


@dataclass(frozen=True, eq=False)
class Effects:
    """Draws of the parameters; the first axis is the draw.

    Attributes
    ----------
    clock : ndarray of shape (draws, states, clocks)
        a, with the overall level m in it.
    duration : ndarray of shape (draws, states, durations)
    calendar : ndarray of shape (draws, months)
        g and the break, months to come included.
    cohort : ndarray of shape (draws, cohorts)
    """

    clock: Floats
    duration: Floats
    calendar: Floats
    cohort: Floats

    def mean(self) -> Effects:
        """Average all draws into one."""
        parts = (self.clock, self.duration, self.calendar, self.cohort)
        return Effects(*(part.mean(axis=0, keepdims=True) for part in parts))


def walk_precision(size: int, step: float) -> Floats:
    """Precision matrix of a random walk with a normal level.

    >>> walk_precision(2, 1.0).round(3).tolist()
    [[1.125, -1.0], [-1.0, 1.125]]
    """
    difference = np.diff(np.eye(size), axis=0)
    return np.asarray(difference.T @ difference / step**2 + np.eye(size) / (size * LEVEL**2))


def paced_precision() -> Floats:
    """Precision matrix of a later milestone's clock: random walks over months in it, and from pace to pace."""
    stay, pace = (np.diff(np.eye(size), axis=0) for size in (STAY, len(PACES)))
    walks = np.kron(np.eye(len(PACES)), stay.T @ stay) + np.kron(pace.T @ pace, np.eye(STAY))
    return np.asarray(walks / CLOCK_STEP**2 + np.eye(CLOCKS) / (CLOCKS * LEVEL**2))


@lru_cache(maxsize=64)
def calendar_precision(size: int, rho: float, sigma: float) -> Floats:
    """Precision matrix of a stationary AR(1).

    >>> np.linalg.inv(calendar_precision(2, 0.5, 2.0)).round(3).tolist()
    [[4.0, 2.0], [2.0, 4.0]]
    """
    innovation = sigma**2 * (1 - rho**2)
    diagonal = np.full(size, 1 + rho**2)
    diagonal[[0, -1]] = 1.0
    beside = np.full(size - 1, -rho)
    return (np.diag(diagonal) + np.diag(beside, 1) + np.diag(beside, -1)) / innovation


@lru_cache(maxsize=64)
def cohort_precision(size: int, drift: float, iid: float) -> Floats:
    """Precision matrix of the cohort effects."""
    i = np.arange(size)
    return np.asarray(np.linalg.inv(COHORT**2 + drift**2 * np.minimum.outer(i, i) + iid**2 * np.eye(size)), dtype=float)


@dataclass(frozen=True, eq=False)
class Normal:
    """The likelihood of (calendar, cohorts) to second order, the other factors eliminated.

    With x the calendar and cohort effects, log-likelihood = -x'Sx/2 + h'x + constant.
    """

    information: Floats
    score: Floats


class Factored(NamedTuple):
    """The posterior of (calendar, cohorts) at one point of the grid, for every month of a break.

    Entry 0 of the arrays is for no break; `root` is the lower Cholesky factor of the precision, `mean` the mean without
    a break, `slope` (effects, breaks) minus the change of the mean for a unit of delta.
    """

    root: Floats
    mean: Floats
    slope: Floats
    delta_mean: Floats
    delta_precision: Floats
    log_evidence: Floats


def factored(likelihood: Normal, prior: Floats, log_determinant: float, steps: Floats, moved: Floats) -> Factored:
    """Laplace posterior at one point of the grid, and the log evidence of each break.

    Parameters
    ----------
    likelihood : Normal
    prior : ndarray of shape (effects, effects)
        Precision of calendar and cohorts.
    log_determinant : float
        Of `prior`.
    steps : ndarray of shape (effects, breaks)
        What a unit of delta adds to each effect.
    moved : ndarray of shape (effects, breaks)
        Information times steps.

    Notes
    -----
    log evidence = h'P^-1 h / 2 - log|P| / 2 + log|Q| / 2 with P = S + Q; and for a break, delta being one more normal
    variable of information i = 1/size^2 + z'Sz - (Sz)'P^-1(Sz) and score u = z'h - (Sz)'P^-1 h, plus
    u^2 / 2i - log(i size^2) / 2.
    """
    root = np.asarray(np.linalg.cholesky(likelihood.information + prior), dtype=float)
    solved = linalg.cho_solve((root, True), np.column_stack([likelihood.score, moved]), check_finite=False)
    mean, slope = solved[:, 0], solved[:, 1:]
    information = BREAK_SIZE**-2 + np.einsum("ij,ij->j", steps, moved) - np.einsum("ij,ij->j", moved, slope)
    score = steps.T @ likelihood.score - moved.T @ mean
    base = (likelihood.score @ mean + log_determinant) / 2 - np.log(np.diag(root)).sum()
    gain = score**2 / information / 2 - np.log(information * BREAK_SIZE**2) / 2
    return Factored(root, mean, slope, score / information, information, base + np.concatenate([[0.0], gain]))


@dataclass(frozen=True, eq=False)
class Posterior:
    """The posterior of all effects, from which `draw` draws.

    Attributes
    ----------
    weights : ndarray of shape (grid points, breaks + 1)
        Posterior probability of each point of the grid and month of a break; column 0: no break.
    breaks : ndarray of int
        Calendar month of each break.
    steps : ndarray of shape (calendar months, those to come included, breaks)
        What a break of 1 adds to each month.
    """

    cells: Cells
    grid: tuple[Hyper, ...]
    level: float
    likelihood: Normal
    root: Floats
    cross: Floats
    score: Floats
    weights: Floats
    breaks: Ints
    steps: Floats

    @cached_property
    def break_chance(self) -> Floats:
        """Posterior probability of each of the breaks."""
        return np.asarray(self.weights.sum(axis=0)[1:])

    def draw(self, draws: int, rng: np.random.Generator) -> Effects:
        """Draw all effects jointly."""
        states, clocks, durations, months, cohorts = self.cells.sizes
        choice = rng.choice(self.weights.size, draws, p=self.weights.ravel())
        point, when = np.divmod(choice, self.weights.shape[1])
        noise = rng.standard_normal((draws, len(self.score) + months + cohorts + 1))
        effects = np.empty((draws, months + cohorts))
        ahead = np.empty((draws, self.cells.ahead))
        steps, moved = _on_effects(self.likelihood, self.steps[:months], cohorts)
        for number in np.unique(point):
            mine = np.flatnonzero(point == number)
            prior, log_determinant = _prior(self.grid[number], months, cohorts)
            at = factored(self.likelihood, prior, log_determinant, steps, moved)
            broken = when[mine] > 0
            place = np.maximum(when[mine] - 1, 0)
            delta = broken * (at.delta_mean[place] + noise[mine, -1] / np.sqrt(at.delta_precision[place]))
            scatter = linalg.solve_triangular(at.root.T, noise[mine, len(self.score) : -1].T)
            usual = (at.mean[:, None] - at.slope[:, place] * delta + scatter).T
            broken_by = (self.steps[:, place] * delta).T
            effects[mine] = usual
            effects[mine, :months] += broken_by[:, :months]
            ahead[mine] = _carried_forward(usual[:, months - 1], self.grid[number], self.cells.ahead, rng)
            ahead[mine] += broken_by[:, months:]
        mean = self.score[:, None] - self.cross @ effects.T
        scaled = linalg.solve_triangular(self.root, mean, lower=True) + noise[:, : len(self.score)].T
        own = linalg.solve_triangular(self.root.T, scaled).T
        return Effects(
            clock=self.level + own[:, : states * clocks].reshape(draws, states, clocks),
            duration=own[:, states * clocks :].reshape(draws, states, durations),
            calendar=np.concatenate([effects[:, :months], ahead], axis=1),
            cohort=effects[:, months:],
        )


def _carried_forward(last: Floats, point: Hyper, ahead: int, rng: np.random.Generator) -> Floats:
    """Return the AR(1) of the months to come, shape (draws, ahead)."""
    path = np.empty((len(last), ahead))
    noise = point.sigma * np.sqrt(1 - point.rho**2) * rng.standard_normal(path.shape)
    for month in range(ahead):
        last = path[:, month] = point.rho * last + noise[:, month]
    return path


def _prior(point: Hyper, months: int, cohorts: int) -> tuple[Floats, float]:
    """Return the prior precision of calendar and cohorts, and its log determinant."""
    precision = np.zeros((months + cohorts, months + cohorts))
    precision[:months, :months] = calendar_precision(months, point.rho, point.sigma)
    precision[months:, months:] = cohort_precision(cohorts, point.drift, point.iid)
    calendar = _log_determinant(calendar_precision, months, point.rho, point.sigma)
    return precision, calendar + _log_determinant(cohort_precision, cohorts, point.drift, point.iid)


@lru_cache(maxsize=256)
def _log_determinant(precision: Callable[[int, float, float], Floats], size: int, one: float, other: float) -> float:
    return float(np.linalg.slogdet(precision(size, one, other))[1])


def fit(cells: Cells, grid: Sequence[Hyper] = GRID) -> Posterior:
    """Fit the posterior of the effects by Laplace's method, with (rho, sigma, drift, iid) on a grid."""
    states, clocks, durations, months, cohorts = cells.sizes
    own = states * (clocks + durations)
    smooth = linalg.block_diag(
        *(paced_precision() if paced else walk_precision(clocks, CLOCK_STEP) for paced in cells.paced),
        np.kron(np.eye(states), walk_precision(durations, DURATION_STEP)),
    )
    design = _design(cells)
    level = float(np.log((cells.moved.sum() + 0.5) / ((cells.trials - cells.moved).sum() + 4.5)))

    breaks, steps = _breaks(months, cells.ahead)
    a_break = np.full(len(breaks), min(BREAK_A_MONTH, 0.5 / RECENT) / len(HALF_LIVES))
    log_break = np.log(np.concatenate([[1 - a_break.sum()], a_break]))

    best = Hyper(0.95, 0.14, 0.008, 0.07)
    effects = np.zeros(own + months + cohorts)
    for tried in (steps[:, :0], steps):  # around the mode at a typical point of the grid, then at the best one
        effects = _mode(cells, design, level, linalg.block_diag(smooth, _prior(best, months, cohorts)[0]), effects)
        information, score = _expand(cells, design, level, effects)
        root = np.asarray(np.linalg.cholesky(information[:own, :own] + smooth), dtype=float)
        cross = information[:own, own:]
        scaled = linalg.solve_triangular(root, np.column_stack([score[:own], cross]), lower=True)
        likelihood = Normal(
            information[own:, own:] - scaled[:, 1:].T @ scaled[:, 1:], score[own:] - scaled[:, 1:].T @ scaled[:, 0]
        )
        of_break = _on_effects(likelihood, tried[:months], cohorts)
        log_weight = np.array([_log_weight(likelihood, point, months, cohorts, *of_break) for point in grid])
        log_weight += log_break[: log_weight.shape[1]]
        best = grid[int(np.argmax(log_weight.max(axis=1)))]
    weights = np.exp(log_weight - log_weight.max())
    weights /= weights.sum()
    return Posterior(cells, tuple(grid), level, likelihood, root, cross, score[:own], weights, breaks, steps)


def _breaks(months: int, ahead: int) -> tuple[Ints, Floats]:
    """Return the month of each break that there may have been, and what it adds to each month if its size is 1."""
    when = np.arange(max(min(SETTLED, months - 1), months - RECENT), months)
    since = np.arange(months + ahead)[:, None] - when
    steps = [np.where(since >= 0, 0.5 ** (np.maximum(since, 0) / half_life), 0.0) for half_life in HALF_LIVES]
    return np.tile(when, len(HALF_LIVES)), np.hstack(steps)


def _on_effects(likelihood: Normal, steps: Floats, cohorts: int) -> tuple[Floats, Floats]:
    """Return what a break of 1 adds to each effect, calendar and cohorts, and the information times that."""
    padded = np.vstack([steps, np.zeros((cohorts, steps.shape[1]))])
    return padded, likelihood.information @ padded


def _log_weight(likelihood: Normal, point: Hyper, months: int, cohorts: int, steps: Floats, moved: Floats) -> Floats:
    prior, log_determinant = _prior(point, months, cohorts)
    penalty = sum(getattr(point, name) / mean for name, mean in PRIOR_MEAN.items())
    return factored(likelihood, prior, log_determinant, steps, moved).log_evidence - penalty


def _design(cells: Cells) -> sparse.csr_array:
    """Return the matrix with a one in each row for the level of each factor."""
    states, clocks, durations, months, cohorts = cells.sizes
    first = np.cumsum([0, states * clocks, states * durations, months])
    column = (cells.levels + first[:, None]).T.ravel()
    row = np.repeat(np.arange(len(cells.trials)), len(first))
    shape = (len(cells.trials), int(first[-1]) + cohorts)
    return sparse.csr_array((np.ones(len(row)), (row, column)), shape=shape)


def _expand(cells: Cells, design: sparse.csr_array, level: float, effects: Floats) -> tuple[Floats, Floats]:
    """Return information H and score h of the likelihood around `effects`: -x'Hx/2 + h'x to second order."""
    p = 1 / (1 + np.exp(-(level + design @ effects)))
    weight = cells.trials * p * (1 - p)
    information = (design.T @ (design * weight[:, None])).toarray()
    return information, information @ effects + design.T @ (cells.moved - cells.trials * p)


def _mode(cells: Cells, design: sparse.csr_array, level: float, prior: Floats, effects: Floats) -> Floats:
    """Return the joint mode by Newton's method, no effect moving more than `LONGEST_STEP` at a time."""
    for _ in range(STEPS):
        information, score = _expand(cells, design, level, effects)
        step = linalg.solve(information + prior, score, assume_a="pos") - effects
        longest = np.abs(step).max()
        effects = effects + step * min(1.0, LONGEST_STEP / max(longest, 1e-12))
        if longest < CONVERGED:
            break
    return effects
