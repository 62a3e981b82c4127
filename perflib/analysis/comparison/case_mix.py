"""Case mix: each participant's chance of reaching a measure by now, given when they began and who they are.

Model
-----
A logistic model of having reached it, with an effect for each month of start and one for each value of each
characteristic. A month of start is time at risk in whole months: its participants have had the same months, the same
calendar and the same time for records to arrive, so a young cohort counts for what it has had, and a shock to the
labour market is no unit's fault.

- Participants with the same month and values are one cell, and are counted before anything is fitted.
- A month in which nobody, or everybody, has reached it says nothing of anybody, and stays out of the fit: its chance is
  0, or 1.
- What was not recorded is a value of its own.
- Every value has an effect, none is the reference; a faint penalty on the values' effects (`RIDGE`) makes them unique,
  and keeps that of a value that nobody reached finite. Fitted chances are, to the fourth decimal, those of the usual
  model with references; those of a month add up to what was reached.
- Units take no part in the fit: an effect of a unit would explain away what is to be seen. Characteristics are those of
  the start; what a unit can influence must not be among them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import special, stats

from perflib.errors import DataError

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

COHORT, REACHED = "cohort", "reached"
RIDGE = 1e-3
CLOSE_ENOUGH = 1e-6
"""A step on the logit after which the next would be lost in rounding: Newton's steps square their error."""

LEAST_SHARE, ROUNDING = 1e-6, 1e-7
MOST_STEPS = 50
GROUPS = 10
"""Into how many groups of equal size calibration is cut."""


@dataclass(frozen=True, eq=False)
class CaseMix:
    """A fitted case mix.

    Attributes
    ----------
    characteristics : tuple of str
        What was adjusted for besides the month of start.
    cells : DataFrame
        One row a cell: `cohort` and the characteristics, `n`, `reached`, `chance`.
    of_case : array of int, shape (cases,)
        The row in `cells` of each case.
    effects : DataFrame
        One row a value of a characteristic: `characteristic`, `value`, `n`, `reached`, `odds_ratio` against the most
        frequent value, `lower`, `upper` (95 %; missing for that value itself, and where nobody or
        everybody reached it).
    place : array of int, shape (1 + characteristics, cells)
        Which coefficients of the model each cell has.
    covariance : array
        Of the coefficients.
    """

    characteristics: tuple[str, ...]
    cells: pd.DataFrame
    of_case: Integers
    effects: pd.DataFrame
    place: Integers
    covariance: Floats

    @property
    def chance(self) -> Floats:
        """Predict the chance of each case."""
        return self.cells["chance"].to_numpy()[self.of_case]

    def own_share(self, group: NDArray[np.integer], groups: int) -> Floats:
        """Share of each group's own count in its expected count (its leverage); 0 where the group adds nothing.

        Observed less expected has that much less variance than the chances have of themselves (the variance of a score
        test; of months alone, of a log-rank test).

        Parameters
        ----------
        group : array of int, shape (cases,)
            From 0.
        groups : int
            How many there are.
        """
        size, chance = len(self.covariance), self.chance
        weight = chance * (1 - chance)
        variance = np.bincount(group, weight, minlength=groups)
        first, shared = group.astype(np.int64) * size, np.zeros(groups * size)
        for factor in self.place:
            shared += np.bincount(first + factor[self.of_case], weight, minlength=groups * size)
        by_group = shared.reshape(groups, size)
        own = ((by_group @ self.covariance) * by_group).sum(axis=1)
        return np.clip(own / np.where(variance > 0, variance, np.inf), 0, 1)

    def calibration(self) -> pd.DataFrame:
        """Compare observed with expected in groups of equal size, from the lowest chance to the highest.

        Returns
        -------
        DataFrame
            Index `group`, 1 to 10: `n`, `reached`, `expected`, `lower` and `upper` (the 95 % interval of the expected
            number by chance). Months that say nothing are left out.
        """
        cells = self.cells[self.cells["chance"].between(0, 1, inclusive="neither")].sort_values("chance")
        through = cells["n"].cumsum() - cells["n"] / 2
        group = np.minimum((GROUPS * through / max(cells["n"].sum(), 1)).astype(int), GROUPS - 1) + 1
        sums = cells.assign(
            group=group,
            expected=cells["n"] * cells["chance"],
            variance=cells["n"] * cells["chance"] * (1 - cells["chance"]),
        )
        table = sums.groupby("group")[["n", "reached", "expected", "variance"]].sum()
        reach = stats.norm.ppf(0.975) * np.sqrt(table.pop("variance"))
        return table.assign(lower=(table["expected"] - reach).clip(lower=0), upper=table["expected"] + reach)

    def discrimination(self) -> float:
        """Concordance (c statistic) within cohorts: how often the case that reached had the greater chance, ties half.

        .5 is a coin's; NaN where no month has both.
        """
        cells = self.cells.assign(missed=self.cells["n"] - self.cells["reached"], chance=self.cells["chance"].round(12))
        ranked = cells.groupby([COHORT, "chance"], observed=True)[["reached", "missed"]].sum()
        month = ranked.groupby(level=COHORT, observed=True)
        lower = month["missed"].cumsum() - ranked["missed"]
        pairs = (month["reached"].sum() * month["missed"].sum()).sum()
        return float((ranked["reached"] * (lower + ranked["missed"] / 2)).sum() / pairs) if pairs else np.nan


def fit(cases: pd.DataFrame, characteristics: Sequence[str] = ()) -> CaseMix:
    """Fit the chance of having reached a measure.

    Parameters
    ----------
    cases : DataFrame
        One row a case: `cohort` (when it began), `reached` (bool) and the characteristics. Categorical columns are
        fastest.
    characteristics : sequence of str
        Columns to adjust for besides the cohort.

    Returns
    -------
    CaseMix

    Raises
    ------
    DataError
        A column is missing, or the fit does not settle.

    Examples
    --------
    >>> cases = pd.DataFrame({"cohort": "2020-01", "reached": [1, 0, 0, 1, 1, 0], "sex": list("fffmmm")})
    >>> fit(cases, ["sex"]).chance.round(2).tolist()
    [0.33, 0.33, 0.33, 0.67, 0.67, 0.67]
    """
    columns = [COHORT, *characteristics]
    if missing := [name for name in (*columns, REACHED) if name not in cases]:
        raise DataError(f"cases: column {missing[0]!r} is missing; it has {', '.join(map(str, cases))}.")
    of_case, levels, values = _cells(cases, columns)
    number = levels.shape[1]
    n = np.bincount(of_case, minlength=number).astype(float)
    x = np.bincount(of_case, cases[REACHED].to_numpy(dtype=float), minlength=number).astype(float)
    sizes = np.array([len(names) for names in values])
    cohort = levels[0]
    total, hits = (np.bincount(cohort, weights, minlength=sizes[0]) for weights in (n, x))
    without = (hits == 0) | (hits == total)
    silent = without[cohort]
    chance = np.where(silent, (hits / np.maximum(total, 1))[cohort], 0.0)
    place = levels + np.concatenate([[0], sizes.cumsum()[:-1]])[:, None]
    began, penalty = np.zeros(sizes.sum()), np.full(sizes.sum(), RIDGE)
    began[: sizes[0]] = np.where(without, 0.0, special.logit((hits + 0.5) / (total + 1)))
    penalty[: sizes[0]] *= without
    beta, information = _newton(place[:, ~silent], n[~silent], x[~silent], began, penalty)
    chance[~silent] = special.expit(beta[place[:, ~silent]].sum(axis=0))

    cells = pd.DataFrame({name: names.take(codes) for name, names, codes in zip(columns, values, levels, strict=True)})
    cells = cells.assign(n=n.astype(np.int64), reached=np.rint(x).astype(np.int64), chance=chance)
    covariance = np.asarray(np.linalg.inv(information), dtype=np.float64)
    effects = _effects(columns, values, place, (n, x), beta, covariance)
    return CaseMix(tuple(characteristics), cells, of_case, effects, place, covariance)


def _cells(cases: pd.DataFrame, columns: Sequence[str]) -> tuple[Integers, Integers, list[pd.Index]]:
    """Return the cell of each case, the codes of each cell (columns, cells), and the values of each column."""
    codes, values = zip(*(coded(cases[name]) for name in columns), strict=True)
    key = np.zeros(len(cases), dtype=np.int64)
    for code, names in zip(codes, values, strict=True):
        key = key * max(len(names), 1) + code
    space = int(np.prod([max(len(names), 1) for names in values], dtype=float))
    if space <= max(4 * len(cases), 1000):
        found = np.flatnonzero(np.bincount(key, minlength=space))
        number = np.zeros(space, dtype=np.int64)
        number[found] = np.arange(len(found))
        of_case = number[key]
    else:
        found, of_case = np.unique(key, return_inverse=True)
    levels = np.empty((len(columns), len(found)), dtype=np.int64)
    for at in range(len(columns) - 1, -1, -1):
        found, levels[at] = np.divmod(found, max(len(values[at]), 1))
    return of_case, levels, list(values)


def coded(column: pd.Series) -> tuple[NDArray[np.integer], pd.Index]:
    """Category codes of a column and its values in order; missing values are refused.

    Raises
    ------
    DataError
        The column has missing values.
    """
    if isinstance(column.dtype, pd.CategoricalDtype):
        codes, values = column.cat.codes.to_numpy(), column.cat.categories
    else:
        codes, values = pd.factorize(column, sort=True)
    if len(codes) and codes.min() < 0:
        raise DataError(f"cases: column {column.name!r} has missing values; name them, e.g. 'not recorded'.")
    return codes, pd.Index(values)


def _newton(place: Integers, n: Floats, x: Floats, beta: Floats, penalty: Floats) -> tuple[Floats, Floats]:
    """Return the penalised maximum-likelihood effects of each value, and their information matrix.

    `place` (factors, cells) says which effects each cell has; `beta` is where to begin. The information is a table of
    weights for every pair of factors, so that no design matrix is ever made.
    """
    size = len(beta)
    pairs = [a * size + b for i, a in enumerate(place) for b in place[i:]]

    def likelihood(at: Floats) -> tuple[float, Floats]:
        p = special.expit(at[place].sum(axis=0))
        value = (special.xlogy(x, p) + special.xlogy(n - x, 1 - p)).sum() - (penalty * at * at).sum() / 2
        return float(value), p

    value, p = likelihood(beta)
    for _ in range(MOST_STEPS):
        weight = n * p * (1 - p)
        gradient = -penalty * beta
        for factor in place:
            gradient += np.bincount(factor, x - n * p, minlength=size)
        upper = np.zeros(size * size)
        for at in pairs:
            upper += np.bincount(at, weight, minlength=size * size)
        table = upper.reshape(size, size)
        information = table + table.T - np.diag(np.diag(table)) + np.diag(penalty)
        step = np.linalg.solve(information, gradient)
        largest = np.abs(step).max(initial=0.0)
        if largest < CLOSE_ENOUGH:
            return beta + step, information
        share, before = min(1.0, 4 / largest), value
        value, p = likelihood(beta + share * step)
        while value < before - ROUNDING and share > LEAST_SHARE:  # a whole step may leap over the top, and back again
            share /= 2
            value, p = likelihood(beta + share * step)
        beta = beta + share * step
    raise DataError(f"case mix: the logistic model has not settled in {MOST_STEPS} steps; adjust for less.")


def _effects(
    columns: Sequence[str],
    values: Sequence[pd.Index],
    place: Integers,
    counts: tuple[Floats, Floats],
    beta: Floats,
    covariance: Floats,
) -> pd.DataFrame:
    """Return the odds ratio of each value of each characteristic against its most frequent one."""
    cells = place.ravel()
    total, hits = (np.bincount(cells, np.tile(weights, len(place)), len(beta)) for weights in counts)
    frames, first = [], 0
    for name, names in zip(columns, values, strict=True):
        mine = np.arange(first, first + len(names))
        first += len(names)
        if name == COHORT or not len(names):
            continue
        usual = mine[total[mine].argmax()]
        log_odds = beta[mine] - beta[usual]
        variance = covariance[mine, mine] + covariance[usual, usual] - 2 * covariance[mine, usual]
        bounded = (mine != usual) & (hits[mine] > 0) & (hits[mine] < total[mine])
        reach = np.where(~bounded, np.nan, stats.norm.ppf(0.975) * np.sqrt(np.maximum(variance, 0)))
        frame = pd.DataFrame({"characteristic": name, "value": names.astype("str")})
        frame["n"], frame["reached"] = (np.rint(found[mine]).astype(int) for found in (total, hits))
        frame["odds_ratio"] = np.exp(log_odds)
        frame["lower"], frame["upper"] = np.exp(log_odds - reach), np.exp(log_odds + reach)
        frames.append(frame)
    empty = pd.DataFrame(columns=["characteristic", "value", "n", "reached", "odds_ratio", "lower", "upper"])
    return pd.concat(frames, ignore_index=True) if frames else empty
