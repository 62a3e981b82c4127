"""What every forecasting model returns: simulated futures, and the expected values and intervals read off them.

Conventions
-----------
- A path is one possible future: outcomes recorded of each cohort in each coming month, as whole numbers.
- Expected is the mean over paths; an interval runs from the smallest number of which at least 2.5 % (10 %) of the paths
  are at or below it to the same for 97.5 % (90 %), so that both ends are numbers that can happen.
- A cohort's expected value is of its final outcomes, those recorded to date included; a month's is what will be
  recorded in it; the total is of all cohorts when all are final.
- The random numbers come from the contract and the month alone.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from perflib.analysis.forecast.development import Development
from perflib.records.display import Explanation, ShowsItself

Counts = NDArray[np.integer[Any]]

COLUMNS = ["expected", "lower_80", "upper_80", "lower_95", "upper_95"]
QUANTILES = (0.1, 0.9, 0.025, 0.975)


@dataclass(frozen=True, eq=False, repr=False)
class Forecast(ShowsItself):
    """What will be recorded, and how sure that is.

    Attributes
    ----------
    cohorts : DataFrame
        Final outcomes; index `cohort`, columns `expected`, `lower_80`, `upper_80`, `lower_95`, `upper_95`.
    months : DataFrame
        Outcomes recorded in each coming month; index `month`, columns as above.
    total : DataFrame
        Outcomes of all cohorts when all are final; one row, columns as above.
    paths : ndarray of int, shape (draws, cohorts, coming months)
        The simulated futures: outcomes newly recorded.
    model : str
        Which model made it.
    basis : tuple of str
        Sentences on what it leans on. They hold no count of people, so that every audience may read them.
    seed : int
        Of the random numbers.
    development : Development
        What it was made from.
    """

    cohorts: pd.DataFrame
    months: pd.DataFrame
    total: pd.DataFrame
    paths: Counts
    model: str
    basis: tuple[str, ...]
    seed: int
    development: Development

    explanation = Explanation(
        definition="What will be recorded of the cohorts that have started, as simulated futures.",
        formula="expected = mean over paths; limits = quantiles over paths",
        denominator="Every start of every cohort that is known by the report month.",
        source="docs/methods.md, Forecasts.",
    )

    @property
    def frame(self) -> pd.DataFrame:
        """Final outcomes of each cohort."""
        return self.cohorts

    @property
    def caption(self) -> str:
        """What it is, in a line."""
        return f"Forecast of final outcomes by cohort ({self.model})"


def forecast_of(
    paths: Counts, development: Development, *, model: str, basis: tuple[str, ...] = (), seed: int = 0
) -> Forecast:
    """Summarise simulated paths as a `Forecast`.

    Parameters
    ----------
    paths : ndarray of int, shape (draws, cohorts, coming months)
        Outcomes newly recorded, by `development.cohorts` and `development.months`.
    development : Development
    model : str
        Which model made them.
    basis : tuple of str
        Sentences on what the model leaned on.
    seed : int
        Of its random numbers.

    Examples
    --------
    >>> summary(np.array([0, 1, 1, 2, 6])[:, None], pd.Index(["total"])).round(1).to_dict("records")
    [{'expected': 2.0, 'lower_80': 0.0, 'upper_80': 6.0, 'lower_95': 0.0, 'upper_95': 6.0}]
    """
    recorded = development.recorded.to_numpy()
    return Forecast(
        cohorts=summary(recorded + paths.sum(axis=2), development.starts.index),
        months=summary(paths.sum(axis=1), development.months),
        total=summary(recorded.sum() + paths.sum(axis=(1, 2))[:, None], pd.Index(["total"])),
        paths=paths.astype(np.int32),
        model=model,
        basis=basis,
        seed=seed,
        development=development,
    )


def summary(draws: NDArray[np.number[Any]], index: pd.Index) -> pd.DataFrame:
    """Mean and intervals of each column of simulated numbers, shape (draws, columns)."""
    ranked = np.sort(draws, axis=0)
    place = np.ceil(np.array(QUANTILES) * len(ranked) - 1e-9).astype(int) - 1
    return pd.DataFrame(np.vstack([draws.mean(axis=0), ranked[place]]).T.astype(float), index=index, columns=COLUMNS)


def seed_of(contract: str, month: pd.Period) -> int:
    """Derive the random seed of a contract and month.

    >>> seed_of("whp-sample", pd.Period("2020-06", "M")) == seed_of("whp-sample", pd.Period("2020-06", "M"))
    True
    """
    return int.from_bytes(hashlib.sha256(f"{contract} {month}".encode()).digest()[:8], "big")


def split(whole: Forecast, parts: Mapping[str, Forecast]) -> dict[str, Forecast]:
    """Share the paths of the whole among groups, so that the groups of every path add up to it.

    Each path's outcomes of a cohort and month are allotted to groups by chance (multinomial), with shares in proportion
    to what the same model, on each group alone, expects there, times a level that is uncertain: its variance is what
    the group's own total varies by beyond chance, less what the whole varies by too.

    Parameters
    ----------
    whole : Forecast
    parts : mapping of str to Forecast
        The forecast of each group alone, by the same model.

    Returns
    -------
    dict of str to Forecast
    """
    rng = np.random.default_rng([whole.seed, len(parts)])
    draws = len(whole.paths)
    common = _excess(whole.paths)
    weights = []
    for part in parts.values():
        own = max(_excess(part.paths) - common, 0.0)
        level = np.exp(rng.normal(-own / 2, np.sqrt(own), draws))
        starts = part.development.starts.to_numpy()[:, None]
        weights.append(level[:, None, None] * (part.paths.mean(axis=0) + 1e-6 * starts + 1e-12))
    left, weight_left = whole.paths.astype(np.int64), np.sum(weights, axis=0)
    forecasts = {}
    for place, ((value, part), weight) in enumerate(zip(parts.items(), weights, strict=True)):
        last_one = place == len(parts) - 1
        mine = left if last_one else rng.binomial(left, np.clip(weight / weight_left, 0, 1))
        left, weight_left = left - mine, np.maximum(weight_left - weight, 1e-300)
        forecasts[value] = forecast_of(mine, part.development, model=part.model, basis=part.basis, seed=whole.seed)
    return forecasts


def _excess(paths: Counts) -> float:
    """Return the variance of the log of the total over draws beyond that of a Poisson count."""
    total = paths.sum(axis=(1, 2), dtype=np.int64)
    mean = max(float(total.mean()), 0.5)
    return float(np.log1p(max(total.var() / mean**2 - 1 / mean, 0.0)))
