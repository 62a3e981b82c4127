"""The chain ladder against published reserves and standard errors, statsmodels, and laws that it must keep."""

from pathlib import Path

import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from perflib.analysis.forecast.chain_ladder import chain_ladder, fitted, mack, odp_bootstrap, odp_means, residuals
from perflib.errors import DataError

ANSWERS = Path(__file__).parents[2] / "answers"


def triangle(name):
    return np.genfromtxt(ANSWERS / f"{name}.csv", delimiter=",", comments="#")


@pytest.mark.parametrize(
    ("name", "reserve", "error"),
    [
        ("raa", 52_135, 26_909),  # Mack (1994), table of the example
        ("taylor_ashe", 18_680_856, 2_447_095),  # Mack (1993), table 3
    ],
)
def test_reserve_and_standard_error_are_macks_own(name, reserve, error):
    found = mack(triangle(name))
    assert round(found.reserve.sum()) == reserve
    assert round(found.total_standard_error) == error


def test_the_standard_error_of_each_year_is_as_published():
    """Mack (1993), table 3: standard errors of accident years 2 to 10 as percentages of their reserves."""
    found = mack(triangle("taylor_ashe"))
    percent = 100 * found.standard_error[1:] / found.reserve[1:]
    assert percent.round().tolist() == [80, 26, 19, 27, 29, 26, 22, 23, 29]


def poisson_model(cumulative):
    """An over-dispersed Poisson regression on cohort and age with statsmodels, and the error of its total forecast."""
    increments = np.diff(cumulative, axis=1, prepend=0)
    size = len(increments)
    row, column = np.indices(increments.shape)
    cohort, age = (np.eye(size)[index.ravel()] for index in (row, column))
    design = np.column_stack([cohort, age[:, 1:]])
    seen = np.isfinite(increments.ravel())
    fit = sm.GLM(increments.ravel()[seen], design[seen], family=sm.families.Poisson()).fit(scale="X2")
    ahead = design[~seen]
    mean = fit.predict(ahead)
    gradient = mean @ ahead
    return fit, mean.sum(), np.sqrt(fit.scale * mean.sum() + gradient @ fit.cov_params() @ gradient)


def test_the_fit_is_that_of_an_over_dispersed_poisson_regression():
    cumulative = triangle("taylor_ashe")
    fit, reserve, error = poisson_model(cumulative)
    assert round(error) == 2_945_646  # England and Verrall (1999), analytic prediction error of the total
    seen = np.isfinite(cumulative)
    assert_allclose(fitted(cumulative)[seen], fit.fittedvalues, rtol=1e-6)
    assert_allclose(residuals(cumulative).dispersion, fit.scale, rtol=1e-6)
    assert_allclose(mack(cumulative).reserve.sum(), reserve, rtol=1e-6)


@pytest.mark.slow
def test_the_bootstrap_is_within_simulation_error_of_the_analytic_prediction_error():
    """Of 1,000 draws the standard deviation has itself one of about 1 in 40, the reserve's tail being long.

    The analytic error is of first order; the bootstrap's, of very many draws, is 1.2 % larger.
    """
    draws = odp_bootstrap(triangle("taylor_ashe"), 1000, np.random.default_rng(1999)).sum(axis=(1, 2))
    assert abs(draws.std(ddof=1) / 2_945_646 - 1) < 2 / 40
    assert abs(draws.mean() / 18_680_856 - 1) < 2 * 2_945_646 / 18_680_856 / 1000**0.5


def test_the_bootstraps_means_lie_about_the_chain_ladders_own_forecast():
    cumulative = triangle("raa")
    means = odp_means(cumulative, 50, np.random.default_rng(1))
    assert_allclose(means.mean(axis=0).sum(axis=1), mack(cumulative).reserve, rtol=1e-9, atol=1e-6)


def test_the_last_sigma_is_by_macks_rule_from_the_two_before():
    found = mack(triangle("raa")).variances
    assert_allclose(found[-1], min(found[-2] ** 2 / found[-3], found[-2], found[-3]))


counts = st.lists(st.lists(st.integers(0, 30), min_size=5, max_size=5), min_size=5, max_size=5)


@settings(deadline=None)
@given(counts)
def test_zeros_anywhere_give_finite_forecasts_and_nothing_comes_of_nothing(cells):
    cumulative = np.array(cells, dtype=float).cumsum(axis=1)
    cumulative[np.add.outer(range(5), range(5)) > 4] = np.nan
    found = mack(cumulative)
    assert np.isfinite(found.reserve).all()
    assert np.isfinite(found.standard_error).all()
    assert (found.reserve[found.latest == 0] == 0).all()
    draws = odp_bootstrap(cumulative, 20, np.random.default_rng(0))
    assert np.isfinite(draws).all()
    assert (draws[:, np.isfinite(cumulative)] == 0).all()


@settings(deadline=None)
@given(counts, st.integers(2, 9))
def test_a_triangle_in_another_unit_has_the_same_forecast_in_that_unit(cells, scale):
    cumulative = 1.0 + np.array(cells, dtype=float).cumsum(axis=1)
    cumulative[np.add.outer(range(5), range(5)) > 4] = np.nan
    one, other = mack(cumulative), mack(scale * cumulative)
    assert_allclose(other.reserve, scale * one.reserve, rtol=1e-9, atol=1e-9)
    assert_allclose(other.total_standard_error, scale * one.total_standard_error, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("row", [[np.nan, np.nan, np.nan], [1, np.nan, 3], [np.nan, 2, 3]])
def test_a_row_with_a_gap_or_without_anything_is_refused(row):
    with pytest.raises(DataError, match="triangle row 2: its observed cells must be its first ones"):
        mack(np.array([[1.0, 2, 3], row]))


# The forecasting model


def test_paths_have_the_chain_ladders_own_forecast_as_their_mean(developed):
    """Six cohorts that have all had outcomes, over ages that the first has all reached."""
    increments = np.random.default_rng(2).poisson([5, 40, 30, 20, 10, 5], (6, 6)).astype(float)
    known = developed([1000] * 6, increments, np.linspace(0, 0.1, 6))
    paths, _ = chain_ladder(known, 4000, np.random.default_rng(3))
    by_cohort = paths.sum(axis=2)
    expected = mack(known.increments.to_numpy().cumsum(axis=1)).reserve
    # the youngest, with five outcomes, is left out: draws of its mean below zero are cut there
    assert (np.abs(by_cohort.mean(axis=0) - expected)[:-1] <= 4 * by_cohort.std(axis=0)[:-1] / 4000**0.5 + 0.2).all()


def test_where_there_is_nothing_to_multiply_the_bid_stands_in_and_is_named(developed):
    """The second cohort has had nothing; both have an age that nobody has reached. Promised: .1 a start, twice."""
    known = developed([10_000, 10_000], [[0, 500, 0], [0, 0, 0]], [0, 0.1, 0.2])
    paths, basis = chain_ladder(known, 20_000, np.random.default_rng(1))
    by_cohort = paths.sum(axis=2).mean(axis=0)
    assert_allclose(by_cohort, [1000, 2000], rtol=0.03)
    assert "About 100% of it is the bid's" in basis[-1]
