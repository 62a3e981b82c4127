"""The bid as a forecast, against hand working; and what models owe to contracts of which little is known."""

import numpy as np
import pytest

from perflib.analysis.forecast.bid import profile
from perflib.analysis.forecast.cape_cod import cape_cod
from perflib.analysis.forecast.chain_ladder import chain_ladder
from perflib.analysis.forecast.hazard import hazard
from perflib.analysis.forecast.result import forecast_of
from perflib.analysis.forecast.uncertainty import BID_ERROR, counts, within_room

MODELS = [profile, chain_ladder, cape_cod, hazard]
BID = [0, 0.1, 0.2, 0.2]


def test_the_bid_promises_each_cohort_what_its_profile_still_has_to_come(developed):
    """Two cohorts of 10,000 starts, three and two months to go.

    The older, at d = 1 in December: .1 a start in January (d = 2), none after. The younger, at d = 0: .1 in January and
    .1 in February. So 2,000 in January and 1,000 in February.
    """
    known = developed([10_000, 10_000], np.zeros((2, 4)), BID)
    paths, _ = profile(known, 20_000, np.random.default_rng(1))
    by_month = paths.sum(axis=1).mean(axis=0)
    error = np.sqrt(np.exp(BID_ERROR**2) - 1) / 20_000**0.5  # of a log-normal mean
    np.testing.assert_allclose(by_month, [2000, 1000, 0], rtol=4 * error)


def test_the_bids_level_is_doubted_as_published_bids_have_missed(developed):
    """log(actual / expected): .036/.119, .576/.44, .463/.33, .25/.15; the root of their mean square is .69."""
    missed = np.log([0.036 / 0.119, 0.576 / 0.44, 0.463 / 0.33, 0.25 / 0.15])
    assert round(np.sqrt((missed**2).mean()), 2) == BID_ERROR
    known = developed([1_000_000], np.zeros((1, 4)), [0, 0.001, 0.002, 0.002])
    total = profile(known, 20_000, np.random.default_rng(1))[0].sum(axis=(1, 2))
    assert np.log(total).std() == pytest.approx(BID_ERROR, rel=0.03)


def test_where_nothing_was_promised_outcomes_come_evenly_at_the_pace_so_far(developed):
    """1,000 starts of five months ago, 50 outcomes in the six months 0 to 5, six more months to go: 50 more."""
    increments = np.zeros((6, 12))
    increments[0, :6] = [0, 10, 10, 10, 10, 10]
    known = developed([1000, 0, 0, 0, 0, 0], increments)
    paths, basis = profile(known, 20_000, np.random.default_rng(1))
    expected = 6 * 1000 * (50 + 0.5) / (6 * 1000 + 2 * 12)
    assert paths.sum(axis=(1, 2)).mean() == pytest.approx(expected, rel=0.02)
    assert "Nothing was promised" in basis[0]


@pytest.mark.parametrize("model", MODELS)
def test_of_a_contract_of_which_little_is_known_there_is_a_forecast_that_says_so_and_is_in_doubt(model, extreme):
    paths, basis = model(extreme, 500, np.random.default_rng(0))
    room = (extreme.starts - extreme.recorded).to_numpy()
    assert paths.shape == (500, len(extreme.starts), len(extreme.months))
    assert np.issubdtype(paths.dtype, np.integer)
    assert (paths >= 0).all()
    assert (paths.sum(axis=2) <= room).all()
    assert (paths[:, extreme.coming_d < 0] == 0).all()
    assert any("bid" in sentence for sentence in basis)
    total = forecast_of(paths, extreme, model=model.__name__).total.iloc[0]
    if room[extreme.age < extreme.last].sum() > 1:
        assert total["upper_95"] > total["lower_95"]
        assert total["expected"] > extreme.recorded.sum()


@pytest.mark.parametrize("model", MODELS)
def test_the_same_seed_gives_the_same_paths(model, extreme):
    one, other = (model(extreme, 50, np.random.default_rng(7))[0] for _ in range(2))
    np.testing.assert_array_equal(one, other)


def test_counts_have_the_mean_and_the_dispersion_asked_for():
    drawn = counts(np.full(200_000, 4.0), 2.5, np.random.default_rng(3))
    assert drawn.mean() == pytest.approx(4, rel=0.01)
    assert drawn.var() == pytest.approx(10, rel=0.03)


def test_a_cohort_has_no_more_outcomes_than_people_without_one(developed):
    """Ten starts, four outcomes: six are left; a path of 3, 2, 5 is cut to 3, 2, 1."""
    increments = np.zeros((1, 4))
    increments[0, 0] = 4
    known = developed([10], increments, BID)
    assert within_room(np.array([[[3, 2, 5]]]), known).tolist() == [[[3, 2, 1]]]
