"""The milestones model: against people simulated one by one, numerical integration, and programmes it can know."""

import hashlib
import os
import subprocess
import sys
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import stats

from perflib.analysis.forecast.development import CLOCKS, NEVER, STAY, counted
from perflib.analysis.forecast.milestones import (
    calibration,
    cells,
    leaning_on_the_bid,
    milestones,
    recentred,
    spread_out,
)
from perflib.analysis.forecast.milestones.fit import (
    GRID,
    PRIOR_MEAN,
    Cells,
    Effects,
    Normal,
    calendar_precision,
    cohort_precision,
    factored,
    fit,
    walk_precision,
)
from perflib.analysis.forecast.milestones.simulate import Destinations, draw_destinations, draw_paths, outcome_chances
from perflib.analysis.forecast.models import project

NAMES = ("first", "second", "third")
ENTRY = np.array([0.02, 0.06, 0.08, 0.07, 0.06, 0.05, 0.04, 0.03, 0.02, 0.02, 0.0])
LAST = len(ENTRY) - 1


def rng(number=0):
    return np.random.default_rng(number)


def programme(seed, a_month=80, months=18, calendar=None, cohort=None, bid=0.3, milestones=NAMES):
    """A programme as the model takes it to be: monthly chances of entry, and of half going on from each milestone."""
    random = rng(seed)
    row = np.repeat(np.arange(months), random.poisson(a_month, months))
    pace = np.zeros(months + LAST) if calendar is None else calendar
    own = np.zeros(months) if cohort is None else cohort
    count = len(milestones) + 1
    reached = np.full((len(row), count), NEVER)
    state = np.zeros(len(row), dtype=int)
    for d in range(LAST + 1):
        odds = ENTRY[d] / (1 - ENTRY[d]) * np.exp(pace[row + d] + own[row])
        chance = np.where(state == 0, odds / (1 + odds), 0.4)
        moves = (state < count) & (random.random(len(row)) < chance)
        reached[moves, state[moves]] = d
        state += moves
    return row, reached, np.full((months, LAST + 1), np.linspace(0, bid, LAST + 1)), milestones


def development(made, month=None):
    row, reached, profile, names = made
    month = len(profile) - 1 if month is None else month
    mine = row <= month
    cohorts = pd.period_range("2018-01", periods=month + 1, freq="M", name="cohort")
    left = np.full(mine.sum(), NEVER)
    whose = {"contract": "made", "measure": "done"}
    return counted(cohorts, row[mine], reached[mine], left, profile[: month + 1], names, **whose)


def final(made, month):
    row, reached, *_ = made
    return np.bincount(row[(reached[:, -1] <= LAST) & (row <= month)], minlength=month + 1)


@cache
def forecast(seed, month=12, **keys):
    return project(development(programme(seed, **keys), month), draws=400)


# The chance of the outcome, against participants simulated one by one


@pytest.mark.slow
def test_the_chance_of_an_outcome_is_that_of_participants_simulated_one_by_one():
    """100,000 people walked through states, clocks and months with the same chances; three standard errors."""
    random = rng(3)
    part = development(programme(5, a_month=4, months=4), 3)
    states, months = 5, len(part.months)
    looking = Effects(
        random.normal(-1.5, 0.3, (1, 2, CLOCKS)),
        random.normal(0, 0.3, (1, 2, LAST + 1)),
        random.normal(0, 0.3, (1, 4 + months)),
        random.normal(0, 0.3, (1, 4)),
    )
    working = Effects(
        random.normal(-0.5, 0.3, (1, 3, CLOCKS)),
        random.normal(0, 0.3, (1, 3, LAST + 1)),
        random.normal(0, 0.3, (1, 4 + months)),
        random.normal(0, 0.3, (1, 4)),
    )
    allowed = np.arange(2, 6) > np.arange(5)[:, None]
    to = Destinations(
        random.gamma(2, size=(1, states, CLOCKS, 4)) * allowed[:, None],
        random.gamma(5, size=(LAST + 1, 1, states, 4)) * allowed,
        random.uniform(0.05, 0.2, (LAST + 1, 1)),
    )
    chances = outcome_chances(part, looking, working, to)[0]

    def walk(cohort, state, clock, people):
        """Outcomes by coming month of people who stand in one place."""
        where, since = np.full(people, state), np.full(people, clock)
        took = np.zeros(people, dtype=int)  # months from the first milestone to the present one
        done = np.zeros(months)
        for month in range(months):
            d = 3 - cohort + 1 + month
            if d > LAST:
                break
            new, fresh = where.copy(), since + 1
            for s in range(states):
                here = np.flatnonzero(where == s)
                clocks = np.minimum(since[here], CLOCKS - 1)
                if s == 0:
                    clocks = np.zeros(len(here), dtype=int)
                if s > 2:
                    pace = np.searchsorted([0, 1, 2, 4], took[here], side="right") - 1
                    clocks = STAY * pace + np.minimum(since[here], STAY - 1)
                effects, i = (looking, s) if s < 2 else (working, s - 2)
                logit = effects.clock[0, i, clocks] + effects.duration[0, i, d]
                logit = logit + effects.calendar[0, 4 + month] + effects.cohort[0, cohort]
                moves = random.random(len(here)) < 1 / (1 + np.exp(-logit))
                share = to.by_clock[0, s, clocks] * to.by_duration[d, 0, s]
                share = (share / share.sum(axis=1, keepdims=True)).cumsum(axis=1)
                target = 2 + (random.random((len(here), 1)) > share).sum(axis=1)
                go = here[moves]
                new[go], fresh[go] = target[moves], 0
                took[go] += (s >= 2) * (since[go] + 1)
                if s == 0:
                    stay = here[~moves]
                    leave = stay[random.random(len(stay)) < to.leaving[d, 0]]
                    new[leave], fresh[leave] = 1, 0
            done[month] = ((new == 5) & (where != 5)).sum()
            where, since = new, fresh
        return done / people

    # from on programme and from the first milestone, whose paces are exact but for those of a pace of several months
    for cohort, state in [(3, 0), (1, 0), (2, 2)]:
        part.standing[cohort] = 0
        part.standing[cohort, state, 0] = 1
        expected = outcome_chances(part, looking, working, to)[0, cohort, state]
        simulated = walk(cohort, state, 0, 100_000)
        error = np.sqrt(expected * (1 - expected) / 100_000)
        assert (np.abs(simulated - expected) <= 3 * error + 0.02 * expected).all()
        assert simulated.sum() == pytest.approx(expected.sum(), abs=0.005)
    assert chances.shape == (4, 5, months)


def test_paths_have_the_mean_and_variance_of_independent_participants():
    """Two states of one cohort: variance is the sum of n p (1 - p), less than that of one multinomial of all."""
    people = np.array([[20, 10]])
    chances = np.array([[[[0.01, 0.02], [0.5, 0.3]]]])
    paths = draw_paths(people, chances, 40_000, rng())

    assert_allclose(paths.mean(axis=(0, 1)), [20 * 0.01 + 5, 20 * 0.02 + 3], rtol=0.01)
    assert paths.sum(axis=(1, 2)).var() == pytest.approx(20 * 0.03 * 0.97 + 10 * 0.8 * 0.2, rel=0.03)
    assert paths.sum(axis=2).max() <= 30


# The posterior, against other ways to the same numbers


def simple(moved, trials):
    """Cells of one state, clock, duration and cohort: the calendar alone."""
    months = len(trials)
    levels = np.stack([np.zeros(months, int), np.zeros(months, int), np.arange(months), np.zeros(months, int)])
    return Cells(np.array(moved, float), np.array(trials, float), levels, (1, 1, 1, months, 1), (False,), 2)


def test_the_evidence_is_that_of_numerical_integration():
    """A binomial of two months with a bivariate normal prior, summed over a fine grid; for two priors."""
    moved, trials = np.array([30.0, 55.0]), np.array([100.0, 100.0])
    x = np.stack(np.meshgrid(np.linspace(-2.5, 2.5, 801), np.linspace(-2.5, 2.5, 801)), axis=-1)
    log_likelihood = (moved * x - trials * np.log1p(np.exp(x))).sum(axis=-1)

    def integrated(rho, sigma):
        prior = stats.multivariate_normal(cov=sigma**2 * np.array([[1, rho], [rho, 1]]))
        return np.exp(log_likelihood - log_likelihood.max() + prior.logpdf(x)).sum()

    def laplace(rho, sigma):
        prior = calendar_precision(2, rho, sigma)
        x = np.zeros(2)
        for _ in range(20):
            p = 1 / (1 + np.exp(-x))
            weight = trials * p * (1 - p)
            x = np.linalg.solve(np.diag(weight) + prior, weight * x + moved - trials * p)
        p = 1 / (1 + np.exp(-x))
        information, score = np.diag(trials * p * (1 - p)), trials * p * (1 - p) * x + moved - trials * p
        none = np.zeros((2, 0))
        found = factored(Normal(information, score), prior, np.linalg.slogdet(prior)[1], none, none)
        at_mode = moved @ np.log(p) + (trials - moved) @ np.log(1 - p)
        return float(found.log_evidence[0]) + at_mode + x @ information @ x / 2 - score @ x

    exact = np.log(integrated(0.5, 0.45) / integrated(0.95, 0.25))
    assert laplace(0.5, 0.45) - laplace(0.95, 0.25) == pytest.approx(exact, abs=0.02)


def test_a_break_adds_a_normal_variable_to_the_evidence():
    """With delta integrated out, effects are normal with covariance Q^-1 + size^2 z z': the same evidence directly."""
    random = rng(1)
    root = random.normal(size=(4, 4))
    information, score, prior = root @ root.T, random.normal(size=4), np.diag([1.0, 2, 3, 4])
    step = np.array([[0.0], [0], [1], [1]])
    determinant = np.linalg.slogdet(prior)[1]
    found = factored(Normal(information, score), prior, determinant, step, information @ step).log_evidence

    broken = np.linalg.inv(np.linalg.inv(prior) + 0.5**2 * step @ step.T)
    none = np.zeros((4, 0))
    other = factored(Normal(information, score), broken, np.linalg.slogdet(broken)[1], none, none).log_evidence
    assert found[1] == pytest.approx(other[0])


def test_draws_have_the_mean_and_covariance_of_the_posterior():
    """A calendar of three months with much data: rates as seen, with their binomial standard errors."""
    posterior = fit(simple([4000, 4500, 6000], [40_000, 40_000, 40_000]))
    draws = posterior.draw(20_000, rng())
    rate = 1 / (1 + np.exp(-(draws.clock[:, 0] + draws.duration[:, 0] + draws.cohort + draws.calendar[:, :3])))

    assert_allclose(rate.mean(axis=0), [0.1, 0.1125, 0.15], atol=0.002)
    assert_allclose(rate.std(axis=0), np.sqrt([0.09 / 40_000, 0.1125 * 0.8875 / 40_000, 0.1275 / 40_000]), rtol=0.1)
    assert draws.calendar.shape == (20_000, 5)


def test_a_calendar_ahead_is_less_sure_than_one_that_was_seen():
    calendar = fit(simple([40] * 12, [400] * 12)).draw(4000, rng()).calendar.std(axis=0)

    assert calendar[13] > calendar[12] > calendar[11]


def test_priors_are_those_that_the_model_states():
    i = np.arange(4)
    assert_allclose(np.linalg.inv(calendar_precision(4, 0.8, 0.3)), 0.09 * 0.8 ** abs(i[:, None] - i))
    covariance = 0.2**2 + 0.1**2 * np.minimum.outer(i, i) + 0.05**2 * np.eye(4)
    assert_allclose(np.linalg.inv(cohort_precision(4, 0.1, 0.05)), covariance)
    steps = np.linalg.inv(walk_precision(30, 0.5))
    difference = np.diff(np.eye(30), axis=0)
    assert_allclose(np.diag(difference @ steps @ difference.T), 0.25, rtol=0.02)
    assert set(GRID[0]._fields) >= set(PRIOR_MEAN)


# Programmes it can know


def test_chances_and_shares_are_recovered():
    part = development(programme(1, a_month=4000), 17)
    draws = fit(cells(part, slice(0, 2))).draw(200, rng())
    d = np.arange(1, 10)
    logit = draws.clock[:, 0, :1] + draws.duration[:, 0, d] + draws.calendar[:, :18].mean(axis=1, keepdims=True)
    chance = (1 / (1 + np.exp(-(logit + draws.cohort.mean(axis=1, keepdims=True))))).mean(axis=0)

    assert_allclose(chance, ENTRY[d], rtol=0.08)
    assert_allclose(draw_destinations(part, 200, rng()).mean().by_clock[0, 2, 0, 1], 1, atol=0.02)


def test_a_forecast_of_a_large_programme_is_near_the_truth():
    made = programme(2, a_month=3000)
    found = project(development(made, 12), draws=400)
    truth = final(made, 12)

    assert found.total["expected"].iloc[0] == pytest.approx(truth.sum(), rel=0.03)
    assert_allclose(found.cohorts["expected"], truth, rtol=0.12)


@pytest.mark.slow
def test_intervals_cover_what_they_say():
    """20 programmes of 80 a month with calendar and cohort effects: bounds of a binomial, 1 in 1,000 either side."""
    inside = {"total": [], "cohorts": [], "months": []}
    for seed in range(20):
        random = rng([seed, 9])
        calendar = stats.norm.rvs(0, 0.1, 18 + LAST, random_state=random)
        made = programme(seed, calendar=calendar, cohort=random.normal(0, 0.1, 18))
        part = development(made, 12)
        found = project(part, draws=200)
        row, reached, *_ = made
        came = row + reached[:, -1]
        months = np.array([((came == 13 + h) & (row <= 12)).sum() for h in range(6)])
        scored = (
            ("total", found.total, final(made, 12).sum()),
            ("cohorts", found.cohorts[3:], final(made, 12)[3:]),
            ("months", found.months[:6], months),
        )
        for name, frame, truth in scored:
            inside[name].append(np.mean((truth >= frame["lower_80"]) & (truth <= frame["upper_80"])))
    low, high = stats.binom.ppf([0.001, 0.999], 20, 0.8) / 20
    assert low <= np.mean(inside["total"]) <= high
    assert 0.72 <= np.mean(inside["cohorts"]) <= 0.92
    assert 0.70 <= np.mean(inside["months"]) <= 0.92


def test_a_lasting_fall_of_entry_is_seen_said_and_carried_forward():
    """Odds of entry halve from month 9 of 13."""
    calendar = np.where(np.arange(18 + LAST) >= 9, np.log(0.5), 0)
    made = programme(3, a_month=400, calendar=calendar)
    part = development(made, 12)
    posterior = fit(cells(part, slice(0, 2)))
    found = forecast(3, a_month=400)  # the same programme without the fall, to compare
    fallen = project(part, draws=400)

    assert posterior.break_chance[posterior.breaks == 9].sum() > 0.5
    assert fallen.total["expected"].iloc[0] == pytest.approx(final(made, 12).sum(), rel=0.08)
    assert any("below its average here" in words and "2018-10" in words for words in fallen.basis)
    assert not any("average here" in words for words in found.basis)


def test_a_new_cohort_is_not_read_as_a_fall():
    """Nothing of the youngest cohorts is recorded yet: their expected outcomes a start are those of the others."""
    found = forecast(4, a_month=800)
    rate = found.cohorts["expected"] / found.development.starts

    assert_allclose(rate.iloc[-3:], rate.iloc[3:8].mean(), rtol=0.15)


@pytest.mark.slow
def test_doubt_is_spread_where_earlier_forecasts_were_surer_than_right():
    """Three times as many outcomes as the moves tell of: each of 6 origins is off by the most that counts, 9, beside 6
    at which all was well: the root of (6 + 6 x 9) / 12."""
    part = development(programme(14, a_month=150, months=34))
    more = replace(part, increments=3 * part.increments)

    assert calibration(part, rng()) == (pytest.approx(1, abs=0.25), 6)
    assert calibration(more, rng()) == (pytest.approx(5**0.5), 6)


def test_a_young_contract_is_not_calibrated_on_its_past_and_says_so():
    part = development(programme(14, a_month=150, months=16))

    assert calibration(part, rng()) == (1.0, 0)
    assert any("too young" in words for words in milestones(part, 50, rng())[1])


def test_spreading_multiplies_the_distance_of_the_logs_from_their_mean():
    chances = rng().uniform(0.01, 0.05, (200, 1, 1, 3))
    total = np.log(spread_out(chances, np.array([[7]]), 1.5).sum(axis=(1, 2, 3)))
    before = np.log(chances.sum(axis=(1, 2, 3)))

    assert total.std() == pytest.approx(1.5 * before.std())
    assert total.mean() == pytest.approx(before.mean())


# The bid, and extremes


def test_the_bid_has_the_weight_of_one_more_observation():
    """Chances with a log variance of total v: weight B^2 / (B^2 + v), and the mean in between on the log scale."""
    random = rng(0)
    spread, people = 0.68, np.array([[1000]])
    total = 100 * np.exp(random.normal(0, spread, 40_000))
    chances = np.broadcast_to(total[:, None, None, None] / 1000 / 4, (40_000, 1, 1, 4))
    promised = np.array([[0.0, 0, 0, 25]])
    found, weight = leaning_on_the_bid(np.minimum(chances, 0.2), people, promised, random)

    assert weight == pytest.approx(0.5, abs=0.03)
    assert np.exp(np.log(found.sum(axis=(1, 2, 3)) * 1000).mean()) == pytest.approx(
        np.sqrt(100 * 25 * np.exp(-(spread**2) / 2)), rel=0.05
    )
    assert found[:, 0, 0, 3].mean() > 3 * found[:, 0, 0, 0].mean()  # and half of the bid's own timing


def test_without_a_bid_the_records_stand_alone():
    chances = np.full((3, 1, 1, 2), 0.1)
    found, weight = leaning_on_the_bid(chances, np.array([[5]]), np.full((1, 2), np.nan), rng())

    assert weight == 1
    assert_array_equal(found, chances)


def test_recentred_chances_have_the_mean_of_the_centre():
    chances = rng().uniform(0.01, 0.1, (50, 2, 3, 4))
    centre = np.full((2, 3, 4), 0.08)

    assert_allclose(recentred(chances, centre).sum(axis=-1).mean(axis=0), centre.sum(axis=-1))


EXTREMES = {
    "three months old": {"months": 3},
    "one month old": {"months": 1},
    "few starts": {"months": 12, "a_month": 1},
    "nobody has started": {"months": 6, "a_month": 0},
    "one milestone": {"months": 12, "milestones": ("only",)},
    "no milestone": {"months": 12, "milestones": ()},
}


@pytest.mark.parametrize("case", EXTREMES)
def test_an_extreme_contract_has_a_forecast_with_doubt(case):
    part = development(programme(6, **({"a_month": 30} | EXTREMES[case])))
    paths, basis = milestones(part, 400, rng())
    recorded, starts = part.recorded.to_numpy(), part.starts.to_numpy()
    total = recorded.sum() + paths.sum(axis=(1, 2))

    assert paths.shape == (400, len(part.starts), len(part.months))
    assert (recorded + paths.sum(axis=2) <= starts).all()
    assert all(words.endswith(".") for words in basis)
    if starts.sum():
        assert np.quantile(total, 0.95) > np.quantile(total, 0.05)


def test_a_young_contract_leans_on_the_bid_says_so_and_is_less_sure_than_an_old_one():
    young = project(development(programme(7, months=3, bid=0.3)), draws=400)
    old = forecast(7, month=17)
    promised = young.development.promised.sum()

    assert any(words.startswith("These say little yet: the bid has a weight of") for words in young.basis)
    assert promised / 3 < young.total["expected"].iloc[0] < promised * 2.5
    width = [(f.total["upper_80"] - f.total["lower_80"]).iloc[0] / f.total["expected"].iloc[0] for f in (young, old)]
    assert width[0] > 4 * width[1]


def test_without_records_or_a_bid_it_says_that_there_is_none():
    basis = project(development(programme(8, months=2, bid=np.nan)), draws=100).basis

    assert any("there is no bid to lean on" in words for words in basis)


def test_no_outcome_yet_is_not_a_forecast_of_none():
    row, reached, profile, names = programme(9, months=8)
    reached[:, -1] = NEVER
    found = project(development((row, reached, profile, names)), draws=400)

    assert found.development.recorded.sum() == 0
    assert found.total["expected"].iloc[0] > 5
    assert (found.cohorts["upper_95"].iloc[2:] > 0).all()


def test_a_cohort_of_one_is_no_more_than_one():
    row, reached, profile, names = programme(10, months=12)
    keep = (row != 11) | (np.cumsum(row == 11) == 1)
    found = project(development((row[keep], reached[keep], profile, names)), draws=400)

    assert found.development.starts.iloc[-1] == 1
    assert 0 < found.cohorts["expected"].iloc[-1] < 1
    assert found.cohorts["upper_95"].iloc[-1] == 1


def test_an_empty_month_has_no_outcomes_and_harms_no_other():
    row, reached, profile, names = programme(11, months=12)
    keep = row != 6
    found = project(development((row[keep], reached[keep], profile, names)), draws=400)

    assert found.cohorts.iloc[6].tolist() == [0] * 5
    assert (found.cohorts["expected"].drop(found.cohorts.index[6]) > 0).all()


# The same numbers, every time


def digest():
    """A digest of every path of a forecast."""
    return hashlib.sha256(project(development(programme(12), 12), draws=100).paths.tobytes()).hexdigest()


@pytest.mark.parametrize("threads", [1, 2])
def test_the_same_numbers_in_another_process_with_as_many_threads_as_it_likes(threads):
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
    environment = os.environ | dict.fromkeys(names, str(threads)) | {"PYTHONPATH": os.pathsep.join(sys.path)}
    script = f"import sys; sys.path.insert(0, {str(Path(__file__).parent)!r}); import {Path(__file__).stem} as here; "
    command = [sys.executable, "-c", script + "print(here.digest())"]
    said = subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout

    assert said.strip() == digest()


def test_how_many_participants_makes_no_difference_to_how_much_there_is_to_compute():
    """Ten times the participants: the same arrays, of the same shapes."""
    few, many = (development(programme(13, a_month=size), 12) for size in (40, 400))

    assert few.moves.shape == many.moves.shape
    assert len(cells(many, slice(0, 2)).trials) <= np.prod(many.moves.shape[:4])
    assert len(cells(many, slice(0, 2)).trials) < many.starts.sum()
