"""Developments written out by hand, and programmes simulated in a few lines, for the models that work on counts."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from perflib.analysis.forecast.development import Development

Developed = Callable[..., Development]


def development_of(starts, increments, profile=None, month: str = "2019-12") -> Development:
    """Return the development of cohorts that began `len(starts)` - 1 months before `month`, one a month.

    `increments` has a row a cohort and a column a month since start, all of them; what lies after `month` is cut off.
    `profile` is cumulative outcomes a start, the same for all cohorts.
    """
    starts = np.asarray(starts, dtype=float)
    increments = np.asarray(increments, dtype=float)
    n, size = increments.shape
    cohorts = pd.period_range(end=month, periods=n, freq="M", name="cohort")
    unseen = np.add.outer(np.arange(n), np.arange(size)) > n - 1
    promised = np.full(size, np.nan) if profile is None else np.asarray(profile, dtype=float)
    columns = pd.RangeIndex(size, name="d")
    return Development(
        contract="made-here",
        measure="outcome",
        month=cohorts[-1],
        starts=pd.Series(starts, index=cohorts),
        increments=pd.DataFrame(increments, cohorts, columns).mask(unseen),
        profile=pd.DataFrame(np.tile(promised, (n, 1)), cohorts, columns),
        states=("on programme", "left", "outcome"),
        moves=np.zeros((n, size, 2, 12, 3), dtype=np.int64),
        standing=np.zeros((n, 2, 12), dtype=np.int64),
    )


@pytest.fixture(scope="session")
def developed() -> Developed:
    """Return `development_of`."""
    return development_of


PROFILE = np.array([0, 0, 0.01, 0.03, 0.06, 0.09, 0.12, 0.15, 0.17, 0.18, 0.19, 0.2])
NONE = np.zeros((3, 12))

EXTREMES = {
    "three months old, no outcome yet": ([20, 30, 40], NONE, PROFILE),
    "nothing promised, no outcome yet": ([20, 30, 40], NONE, None),
    "a cohort of one": ([1], NONE[:1], PROFILE),
    "one outcome of one": ([1, 0, 0], np.pad([[1.0]], ((0, 2), (1, 10))), PROFILE),
    "empty months": ([0, 25, 0, 0, 30, 0], np.zeros((6, 12)), PROFILE),
    "a promise of nothing": ([20, 30, 40], NONE, np.zeros(12)),
    "one outcome in two years": ([5] * 24, np.pad([[1.0]], ((3, 20), (5, 6))), PROFILE),
    "an outcome of everybody": ([2] * 24, np.pad(np.full((24, 1), 2.0), ((0, 0), (4, 7))), PROFILE),
}


@pytest.fixture(params=EXTREMES)
def extreme(request: pytest.FixtureRequest) -> Development:
    """Return each of the developments of which little can be said."""
    return development_of(*EXTREMES[request.param])


@pytest.fixture(scope="session")
def programmes() -> Callable[..., list[tuple[Development, np.ndarray]]]:
    """Return a function that simulates programmes: what is known of each, and what is to come by cohort.

    Outcomes by hazard: starts Poisson about 60, hazards of the profile's shape times 1.2, a level that walks from month
    to month with steps of s.d. `step`.
    """

    def simulate(number: int, step: float, cohorts: int = 24) -> list[tuple[Development, np.ndarray]]:
        rng = np.random.default_rng(60)
        rises = np.diff(PROFILE, prepend=0.0)
        hazards = 1.2 * rises / (1 - PROFILE + rises)
        made = []
        for _ in range(number):
            starts = rng.poisson(60, cohorts)
            level = np.exp(step * rng.standard_normal(cohorts + len(rises)).cumsum())
            left, increments = starts.copy(), np.zeros((cohorts, len(rises)))
            for d, hazard in enumerate(hazards):
                increments[:, d] = rng.binomial(left, np.minimum(hazard * level[np.arange(cohorts) + d], 1))
                left = left - increments[:, d].astype(int)
            known = development_of(starts, increments, PROFILE)
            made.append((known, increments.sum(axis=1) - known.recorded.to_numpy()))
        return made

    return simulate
