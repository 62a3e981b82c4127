"""Futures of the cohorts, given draws of the chances of moving on.

Given the parameters, everybody moves independently of everybody else. So the chance that somebody's outcome is recorded
in each coming month follows from where they stand, by pushing the shares in each state and clock forward a month at a
time (`outcome_chances`); and the outcomes of those in one state of one cohort are multinomial over the coming months.

Where those go who move on from state s::

    share(t | s, v, d)  proportional to  share(t | s, v) share(t | s, d) / share(t | s)

each Dirichlet: of the moves seen at that clock, and in the three months around that duration, shrunk to the share of
all. Leaving, of those on programme who do not move on, is binomial by duration alone: support ends on one day, so that
neighbouring months say little.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from perflib.analysis.cohorts import Floats
from perflib.analysis.forecast.development import (
    LEFT,
    ON_PROGRAMME,
    PACES,
    STAY,
    Development,
    Ints,
    pace_of,
)
from perflib.analysis.forecast.milestones.fit import Effects
from perflib.analysis.forecast.result import Counts

LOOKING = 2
"""The first two states, on programme and left, come before the first milestone."""

ALL_AGAINST_CLOCK, ALL_AGAINST_DURATION, ALL_AGAINST_LEAVING = 10.0, 4.0, 1.0
"""Moves that the share of all counts for, against those seen at one clock or duration."""

MIDDLE = (0.0, 1.0, 2.5, 4.0)
"""Months from the first milestone that each pace is taken for."""

NEXT, FURTHER = 0.5, 0.1
"""Moves taken as seen to the next milestone and to each further one, so that no share is zero for want of data."""


@dataclass(frozen=True, eq=False)
class Destinations:
    """Draws of where those who move on go, and of leaving.

    Attributes
    ----------
    by_clock : ndarray of shape (draws, states, clocks, targets)
        Shares; the targets are the milestones and the outcome.
    by_duration : ndarray of shape (durations, draws, states, targets)
        Shares, over those of all durations.
    leaving : ndarray of shape (durations, draws)
        Chance of leaving in a month.
    """

    by_clock: Floats
    by_duration: Floats
    leaving: Floats

    def mean(self) -> Destinations:
        """Average all draws into one."""
        by_duration, leaving = (part.mean(axis=1, keepdims=True) for part in (self.by_duration, self.leaving))
        return Destinations(self.by_clock.mean(axis=0, keepdims=True), by_duration, leaving)

    def arrivals(self, d: int) -> Floats:
        """Destinations of those who move on in month d, shape (draws, states x clocks, positions).

        Places are the outcome, the first milestone, and each later one at each pace. The pace follows from the clock
        that is left: exactly, but for those whose own pace spans some months, who are taken to have had the middle.
        """
        shares = self.by_clock * self.by_duration[d][:, :, None, :]
        shares /= np.maximum(shares.sum(axis=-1, keepdims=True), 1e-300)
        draws, states, clocks, targets = shares.shape
        clock = np.arange(clocks)
        took = np.zeros((states, clocks), dtype=np.int64)
        took[LOOKING : LOOKING + 1] = clock + 1
        took[LOOKING + 1 :] = np.ceil(np.array(MIDDLE)[clock // STAY] + clock % STAY + 1)
        state, pace = np.arange(states)[:, None], pace_of(took)
        later = max(targets - 2, 0)
        arrivals = np.zeros((draws, states, clocks, min(targets, 2) + len(PACES) * later))
        arrivals[..., 0] = shares[..., -1]
        if targets > 1:
            arrivals[..., 1] = shares[..., 0]
        for k in range(later):
            arrivals[:, state, clock, 2 + len(PACES) * k + pace] = shares[..., 1 + k]
        return arrivals.reshape(draws, states * clocks, -1)


def draw_destinations(development: Development, draws: int, rng: np.random.Generator) -> Destinations:
    """Draw where those who move on go, and the chance of leaving."""
    moves = development.moves.sum(axis=0).astype(float)  # (d, state, clock, state after)
    states = moves.shape[1]
    state, target = np.arange(states)[:, None], np.arange(LOOKING, states + 1)
    onward = np.where((target > state)[:, None, :], moves[..., LOOKING:], 0)
    nearest = np.where(state < LOOKING, LOOKING, state + 1)
    few = np.where(target == nearest, NEXT, np.where(target > state, FURTHER, 0))
    of_all = onward.sum(axis=(0, 2)) + few
    of_all /= of_all.sum(axis=-1, keepdims=True)
    by_clock = _dirichlet(onward.sum(axis=0) + ALL_AGAINST_CLOCK * of_all[:, None], draws, rng)
    by_duration = _dirichlet(_windowed(onward.sum(axis=2)) + ALL_AGAINST_DURATION * of_all, draws, rng)

    waiting = moves[:, ON_PROGRAMME, :, [ON_PROGRAMME, LEFT]].sum(axis=-1).T  # (d, stayed or left)
    share = (waiting.sum(axis=0) + np.array([1, 0])) / (waiting.sum() + 1)
    alpha = waiting + ALL_AGAINST_LEAVING * share
    beside_all = np.moveaxis(by_duration / np.where(of_all > 0, of_all, 1), 1, 0)
    return Destinations(by_clock, beside_all, _dirichlet(alpha, draws, rng)[..., 1].T)


def _windowed(counts: Floats) -> Floats:
    """Return the counts, first axis d, summed over d - 1, d and d + 1."""
    padded = np.concatenate([counts[:1] * 0, counts, counts[:1] * 0])
    return np.asarray(padded[:-2] + padded[1:-1] + padded[2:])


def _dirichlet(alpha: Floats, draws: int, rng: np.random.Generator) -> Floats:
    """Draw shares along the last axis; a component of zero stays zero."""
    gamma = rng.standard_gamma(alpha, (draws, *alpha.shape))
    return np.asarray(gamma / np.maximum(gamma.sum(axis=-1, keepdims=True), 1e-300))


def outcome_chances(
    development: Development,
    looking: Effects,
    working: Effects | None,
    destinations: Destinations,
    horizon: int | None = None,
) -> Floats:
    """Chance of an outcome recorded in each coming month, by state.

    Parameters
    ----------
    development : Development
    looking, working : Effects
        Of moving on from the first two states, and from the milestones; None where there is no milestone.
    destinations : Destinations
    horizon : int, optional
        Only the first so many of the coming months.

    Returns
    -------
    ndarray of shape (draws, cohorts, states, months)
        For a participant of that cohort in that state, whatever the clock: those of the state now are averaged.
    """
    people, age = development.standing.sum(axis=2), development.age
    draws, seen = len(looking.clock), int((age >= 0).sum())
    months = len(development.months) if horizon is None else horizon
    chances = np.zeros((draws, *people.shape, months))
    share = {}
    for c in np.flatnonzero((people.sum(axis=1) > 0) & (age < development.last)).tolist():
        states = np.flatnonzero(people[c])
        share[c] = np.zeros((draws, len(states), *development.standing.shape[1:]))
        share[c][:, np.arange(len(states)), states] = development.standing[c, states] / people[c, states, None]
    for d in range(development.last + 1):
        arrivals = destinations.arrivals(d)
        for c in share.keys() & set(np.flatnonzero((age < d) & (d <= age + months)).tolist()):
            month = int(d - age[c] - 1)
            move = _chance(looking, d, seen + month, c)
            if working is not None:
                move = np.concatenate([move, _chance(working, d, seen + month, c)], axis=1)
            share[c], outcome = _a_month(share[c], move, arrivals, destinations.leaving[d])
            chances[:, c, np.flatnonzero(people[c]), month] = outcome
    return chances


def _chance(effects: Effects, d: int, month: int, cohort: int) -> Floats:
    """Return the chance of moving on in month d, shape (draws, states, clocks)."""
    common = effects.calendar[:, month] + effects.cohort[:, cohort]
    logit = effects.clock + effects.duration[:, :, d, None] + common[:, None, None]
    return np.asarray(1 / (1 + np.exp(-logit)))


def _a_month(share: Floats, move: Floats, arrivals: Floats, leaving: Floats) -> tuple[Floats, Floats]:
    """Push shares of people one month forward.

    Parameters
    ----------
    share : ndarray of shape (draws, groups, states, clocks)
        Of each group of people, the share in each state and clock.
    move : ndarray of shape (draws, states, clocks)
        Chance of moving on.
    arrivals : ndarray of shape (draws, states x clocks, places)
        Where those arrive.
    leaving : ndarray of shape (draws,)
        Chance of leaving, of those on programme who do not move on.

    Returns
    -------
    share : ndarray
        A month later; those with the outcome are gone.
    outcome : ndarray of shape (draws, groups)
    """
    draws, groups, states, clocks = share.shape
    gone = share * move[:, None]
    arriving = gone.reshape(draws, groups, -1) @ arrivals
    stay = share - gone

    later = np.zeros_like(share)
    left = stay[:, :, ON_PROGRAMME, 0] * leaving[:, None]
    later[:, :, ON_PROGRAMME, 0] = stay[:, :, ON_PROGRAMME, 0] - left
    _grow_older(later[:, :, LEFT], stay[:, :, LEFT])
    later[:, :, LEFT, 0] = left
    if states > LOOKING:
        _grow_older(later[:, :, LOOKING], stay[:, :, LOOKING])
        later[:, :, LOOKING, 0] = arriving[:, :, 1]
        paced = (draws, groups, states - LOOKING - 1, len(PACES), STAY)
        further = later[:, :, LOOKING + 1 :].reshape(paced)
        _grow_older(further, stay[:, :, LOOKING + 1 :].reshape(paced))
        further[..., 0] = arriving[:, :, 2:].reshape(paced[:-1])
        later[:, :, LOOKING + 1 :] = further.reshape(draws, groups, -1, clocks)
    return later, arriving[:, :, 0]


def _grow_older(later: Floats, stay: Floats) -> None:
    """Move shares one up the last axis, in place; the last value keeps its own."""
    later[..., 1:] = stay[..., :-1]
    later[..., -1] += stay[..., -1]


def draw_paths(people: Ints, chances: Floats, draws: int, rng: np.random.Generator) -> Counts:
    """Draw outcomes by cohort and coming month.

    Parameters
    ----------
    people : ndarray of int, shape (cohorts, states)
    chances : ndarray of shape (parameter draws, cohorts, states, months)
        What adds up to less than 1 over months is the chance of no outcome.
    draws : int
        Parameter draws are used in turn until there are as many.
    rng : Generator

    Returns
    -------
    ndarray of int, shape (draws, cohorts, months)
    """
    months = chances.shape[-1]
    paths = np.zeros((draws, len(people), months), dtype=np.int32)
    which = np.arange(draws) % len(chances)
    for c, s in zip(*np.nonzero(people), strict=True):
        mine = chances[:, c, s]
        none = np.maximum(1 - mine.sum(axis=1, keepdims=True), 0)
        paths[:, c] += rng.multinomial(people[c, s], np.concatenate([mine, none], axis=1)[which])[:, :months]
    return paths
