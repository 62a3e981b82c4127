"""Outcomes from the recorded journey: a multi-state model of the milestones, with a calendar that is carried forward.

Model
-----
Month by recorded month, a participant moves from on programme (or left) to a milestone, on to further ones, and to the
outcome. Both chances of moving on, from the states before the first milestone and from the milestones, are logits with
effects of clock, duration, calendar month and cohort (`fit`). Where one goes, and leaving, are shares of what was seen
(`simulate`). A participant who has had no outcome by the last d has none. Recording delay needs no model of its own:
all of this is by recorded month, so that a month's late records are part of what later months bring.

A forecast
----------
1. Draw parameters from the posterior, the calendar of the months to come included.
2. Push those who stand in each state forward, for the chance that their outcome is recorded in each coming month.
3. Calibrate: the same model, on a coarse grid, forecasts the next three months from earlier months of the contract,
   three apart. Where it was surer than right, the logs of the draws' totals are spread by the root of the mean squared
   standardised error (`calibration`).
4. Recentre: a mean over uncertain logits is not the chance at the mean logit (Jensen); the draws are scaled so that
   their mean is the chance at the mean parameters.
5. Lean on the bid: the profile counts as one more observation of what is still to come, with a standard deviation of
   `BID_ERROR` on the log scale. With u the variance of the log of the model's own total over draws, the records have
   weight w = BID_ERROR^2 / (BID_ERROR^2 + u), the bid 1 - w: after years of records w is near 1, after three months
   small.
6. Draw outcomes: multinomial, by cohort and state.

A measure without milestones before it goes from on programme straight to the outcome; the basis says so.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from perflib.analysis.cohorts import Floats
from perflib.analysis.forecast.development import Development, Ints
from perflib.analysis.forecast.milestones.fit import (
    COARSE,
    GRID,
    Cells,
    Effects,
    Hyper,
    Posterior,
    fit,
)
from perflib.analysis.forecast.milestones.simulate import LOOKING, draw_destinations, draw_paths, outcome_chances
from perflib.analysis.forecast.result import Counts
from perflib.analysis.forecast.uncertainty import BID_ERROR

PARAMETER_DRAWS = 400


MOST = 0.999
"""The greatest chance of an outcome."""

AHEAD, ORIGINS, FIRST_YEAR, CALIBRATION_DRAWS = 3, 6, 12, 60
ENOUGH_COMING, ENOUGH_ORIGINS, USUAL, MOST_SQUARED = 10, 4, 6, 9.0
"""Of the calibration, as `calibration` says; the first year of a contract is no origin."""

LITTLE = 0.5
"""Below this weight of the records the forecast says that they say little."""


def milestones(development: Development, draws: int, rng: np.random.Generator) -> tuple[Counts, tuple[str, ...]]:
    """Simulate the outcomes of every cohort in every coming month.

    Parameters
    ----------
    development : Development
    draws : int
        Paths; `PARAMETER_DRAWS` draws of the parameters serve all of them in turn.
    rng : Generator

    Returns
    -------
    paths : ndarray of int, shape (draws, cohorts, months)
    basis : tuple of str
        What the forecast leans on.
    """
    size = min(draws, PARAMETER_DRAWS)
    people = development.standing.sum(axis=2)
    posteriors = _fitted(development, GRID)
    effects = [posterior.draw(size, rng) for posterior in posteriors]
    destinations = draw_destinations(development, size, rng)
    chances = outcome_chances(development, *_pair(effects), destinations)
    at_mean = outcome_chances(development, *_pair([part.mean() for part in effects]), destinations.mean())

    spread, origins = calibration(development, rng)
    chances = recentred(spread_out(chances, people, spread), at_mean[0])
    chances, weight = leaning_on_the_bid(chances, people, development.promised, rng)
    paths = draw_paths(people, chances, draws, rng)
    return paths, _basis(development, weight, spread, origins, list(zip(posteriors, effects, strict=True)))


def _fitted(development: Development, grid: Sequence[Hyper]) -> list[Posterior]:
    """Return the posterior of the states before the first milestone, and of the milestones where there are any."""
    blocks = [slice(0, LOOKING), slice(LOOKING, None)][: 1 + (development.standing.shape[1] > LOOKING)]
    return [fit(cells(development, block), grid) for block in blocks]


def _pair(effects: list[Effects]) -> tuple[Effects, Effects | None]:
    return effects[0], effects[1] if len(effects) > 1 else None


def calibration(development: Development, rng: np.random.Generator) -> tuple[float, int]:
    """Factor that widens the model's uncertainty, at least 1, and the number of earlier months behind it.

    From each of up to `ORIGINS` earlier months, three apart, outcomes of the next three months are forecast again and
    compared with what came, where at least `ENOUGH_COMING` were expected. The mean of squared error over variance, each
    at most `MOST_SQUARED`, counts beside `USUAL` origins at which it was 1; with less than `ENOUGH_ORIGINS` origins
    nothing is spread.
    """
    squares = []
    for back in range(AHEAD, AHEAD * ORIGINS + 1, AHEAD):
        origin = development.month - back
        if origin < development.cohorts[0] + FIRST_YEAR:
            break
        earlier = development.at(origin)
        effects = [posterior.draw(CALIBRATION_DRAWS, rng) for posterior in _fitted(earlier, COARSE)]
        destinations = draw_destinations(earlier, CALIBRATION_DRAWS, rng)
        chances = outcome_chances(earlier, *_pair(effects), destinations, horizon=AHEAD)
        coming = draw_paths(earlier.standing.sum(axis=2), chances, CALIBRATION_DRAWS, rng).sum(axis=(1, 2))
        later = development.at(origin + AHEAD).recorded[: len(earlier.starts)]
        if coming.mean() >= ENOUGH_COMING:
            error = float(later.sum() - earlier.recorded.sum()) - coming.mean()
            squares.append(min(error**2 / coming.var(), MOST_SQUARED))
    if len(squares) < ENOUGH_ORIGINS:
        return 1.0, 0
    return max(1.0, float(np.sqrt((USUAL + sum(squares)) / (USUAL + len(squares))))), len(squares)


def spread_out(chances: Floats, people: Ints, spread: float) -> Floats:
    """Multiply the distance of the log of each draw's total from the mean of the logs."""
    total = np.log(np.maximum(np.einsum("bcsh,cs->b", chances, people), 1e-12))
    return chances * np.exp((spread - 1) * (total - total.mean()))[:, None, None, None]


def cells(development: Development, states: slice) -> Cells:
    """Count moves out of some states by clock, duration, calendar month and cohort."""
    moves = development.moves[:, :, states]
    state = np.arange(development.moves.shape[2])[states]
    trials = moves.sum(axis=-1)
    stayed = moves[:, :, np.arange(len(state)), :, state]  # the state comes first, as numpy has it
    stayed = np.moveaxis(stayed, 0, 2)
    if state[0] < LOOKING:
        stayed = stayed + np.where(np.arange(len(state))[:, None] == 0, moves[..., 1], 0)  # leaving is not moving on
    cohort, d, s, v = np.nonzero(trials)
    _, durations, count, clocks = trials.shape
    age = development.age
    return Cells(
        moved=(trials - stayed)[cohort, d, s, v].astype(float),
        trials=trials[cohort, d, s, v].astype(float),
        levels=np.stack([s * clocks + v, s * durations + d, cohort + d, cohort]),
        sizes=(count, clocks, durations, len(age[age >= 0]), len(age)),
        paced=tuple(bool(number > LOOKING) for number in state),
        ahead=len(development.months),
    )


def recentred(chances: Floats, centre: Floats) -> Floats:
    """Scale draws so that the mean chance of an outcome in any coming month is that of `centre`.

    Parameters
    ----------
    chances : ndarray of shape (draws, cohorts, states, months)
    centre : ndarray of shape (cohorts, states, months)
    """
    mean = chances.sum(axis=-1).mean(axis=0)
    scale = np.where(mean > 0, centre.sum(axis=-1) / np.where(mean > 0, mean, 1), 1)
    return _capped(chances * scale[:, :, None])


def leaning_on_the_bid(
    chances: Floats, people: Floats, promised: Floats, rng: np.random.Generator
) -> tuple[Floats, float]:
    """Shrink the chances towards the profile, taken as one more observation; with the weight of the model.

    Parameters
    ----------
    chances : ndarray of shape (draws, cohorts, states, months)
    people : ndarray of shape (cohorts, states)
    promised : ndarray of shape (cohorts, months)
        Outcomes that the profile promises; NaN where it promises nothing: then the model stands alone.
    rng : Generator
    """
    total = np.einsum("bcsh,cs->b", chances, people)
    bid = float(promised.sum())
    if not (bid > 0 and total.min() > 0):
        return chances, 1.0
    weight = BID_ERROR**2 / (BID_ERROR**2 + np.log(total).var())
    drawn = np.log(bid) - BID_ERROR**2 / 2 + BID_ERROR * rng.standard_normal(len(total))
    level = np.exp((1 - weight) * (drawn - np.log(total)))
    open_cases = np.maximum(people.sum(axis=1), 1)[:, None]
    as_bid = (total / bid)[:, None, None, None] * (promised / open_cases)[None, :, None, :]
    return _capped(level[:, None, None, None] * (weight * chances + (1 - weight) * as_bid)), float(weight)


def _capped(chances: Floats) -> Floats:
    total = chances.sum(axis=-1, keepdims=True)
    return chances * np.minimum(1.0, MOST / np.maximum(total, MOST))


def _basis(
    development: Development,
    weight: float,
    spread: float,
    origins: int,
    fitted: Sequence[tuple[Posterior, Effects]],
) -> tuple[str, ...]:
    """Return what the forecast leans on, in sentences."""
    months = int((development.age >= 0).sum())
    said = [f"Leans on the records of {months} months to {development.month}."]
    if not development.promised.sum() > 0:
        said.append("The contract makes no promise for all of these cohorts, so that there is no bid to lean on.")
    elif weight < LITTLE:
        said.append(f"These say little yet: the bid has a weight of {1 - weight:.0%}, the records have {weight:.0%}.")
    else:
        said.append(f"The bid has a weight of {1 - weight:.0%} beside them.")
    names = [state.replace("_", " ") for state in development.states[LOOKING:]]
    seen = development.moves.sum(axis=(0, 1, 2, 3))[LOOKING:-1]
    lacking = [name for name, number in zip(names, seen, strict=False) if not number]
    if lacking or len(fitted) == 1:
        which = f"No {' or '.join(lacking)} is recorded" if lacking else "No milestone comes before it"
        said.append(f"{which}: the way to the outcome is forecast from the states that are.")
    if not origins:
        said.append("The contract is too young, or has too few outcomes, to calibrate the intervals on its own past.")
    elif spread >= 1.05:
        said.append(
            f"Forecasts from {origins} earlier months were surer than right: intervals are {spread - 1:.0%} wider."
        )
    else:
        said.append(f"Forecasts from {origins} earlier months were off by no more than they said.")
    said += [
        _calendar_words(towards, development, *block)
        for towards, block in zip((names[0], "the milestones after it"), fitted, strict=False)
    ]
    return tuple(words for words in said if words)


def _calendar_words(towards: str, development: Development, posterior: Posterior, effects: Effects) -> str:
    """Return whether the pace of moving on is other than usual now, in a sentence; nothing where it may not be."""
    cells = posterior.cells
    months = cells.sizes[3]
    weight = np.bincount(cells.levels[2], cells.trials, months)
    if not weight.sum() > 0:
        return ""
    now = effects.calendar[:, months - 1] - effects.calendar[:, :months] @ weight / weight.sum()
    lower, middle, upper = np.expm1(np.quantile(now, [0.025, 0.5, 0.975]))
    if lower < 0 < upper:
        return ""
    side = "below" if middle < 0 else "above"
    range_of = " to ".join(f"{share:.0%}" for share in sorted([abs(lower), abs(upper)]))
    words = f"The pace towards {towards} is about {abs(middle):.0%} {side} its average here ({range_of})"
    if posterior.break_chance.sum() > 0.5:
        since = development.cohorts[0] + int(posterior.breaks[posterior.break_chance.argmax()])
        words += f", since about {since} (a break with a probability of {posterior.break_chance.sum():.0%})"
    return words + ". The forecast carries it forward, with the chance that it fades."
