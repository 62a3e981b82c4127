"""The pipeline: who stands where on the way to the outcome, and what may be expected of them.

Conventions
-----------
- A step is one recorded month. Chances of going from one state to another are shares of what this contract's own
  participants did at the same d, over all cohorts, leaning on all d by `LEANING` participants.
- Those expectations tell how a forecast's outcomes divide by where people stand now; how many there are in all is the
  forecast's to say, and everything is scaled to it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from perflib.analysis.cohorts import Floats
from perflib.analysis.forecast.development import Development

LEANING = 10
AGES = {0: "0 to 5 months", 6: "6 to 11 months", 12: "12 to 17 months", 18: "18 months and over"}


@dataclass(frozen=True)
class Flows:
    """What is expected of those who stand in the pipeline, and of cohorts still to start.

    Attributes
    ----------
    entries : ndarray of shape (states - 1, states, months)
        How many who stand in the first state now will newly be in the second, or beyond it, in each coming month.
    states : tuple of str
        As in `Development`.
    """

    entries: Floats
    states: tuple[str, ...]

    def to_come(self, state: str) -> float:
        """Expected number who reach a state, or pass it, in all coming months."""
        return float(self.entries[:, self.states.index(state)].sum())

    def outcomes_from(self, state: str) -> float:
        """Expected outcomes of those who have reached a state by now."""
        return float(self.entries[self.states.index(state) :, -1].sum())


def step_chances(development: Development) -> Floats:
    """Transition chances to each next state, shape (last + 1, states - 1, states)."""
    moves = development.moves.sum(axis=(0, 3)).astype(float)
    pooled = moves.sum(axis=0)
    idle = pooled.sum(axis=1) == 0
    pooled[idle, idle.nonzero()[0]] = 1
    pooled /= pooled.sum(axis=1, keepdims=True)
    return (moves + LEANING * pooled) / (moves.sum(axis=2, keepdims=True) + LEANING)


def flows(development: Development) -> Flows:
    """Expected flows through the pipeline, by state and coming month.

    Parameters
    ----------
    development : Development
        With or without cohorts that have yet to start.

    Returns
    -------
    Flows
    """
    chances, places = step_chances(development), len(development.states) - 1
    people = np.zeros((places, len(development.starts), places))  # from, cohort, now
    people[np.arange(places), :, np.arange(places)] = development.standing.sum(axis=2).T
    entries = np.zeros((places, places + 1, len(development.months)))
    beyond = np.arange(places + 1)
    for month, d in enumerate(development.coming_d.T):
        open_now = d >= 0
        moved = people[:, open_now, :, None] * chances[d[open_now]]  # from, cohort, before, after
        for state in range(1, places + 1):
            entries[:, state, month] = moved[:, :, :state][..., beyond >= state].sum(axis=(1, 2, 3))
        people[:, open_now] = moved[..., :-1].sum(axis=2)
    return Flows(entries, development.states)


def standing(development: Development) -> pd.DataFrame:
    """Count participants in each state by months since start, with the outcomes expected of them.

    Returns
    -------
    DataFrame
        One row a state (without the outcome) and band of ages: `state`, `age`, `people` (who may still have an outcome
        recorded), `expected` outcomes of them by the pipeline's own chances.
    """
    chances, places = step_chances(development), len(development.states) - 1
    value = np.zeros((development.last + 2, places + 1))  # before month d
    value[:, -1] = 1
    for d in range(development.last, -1, -1):
        value[d, :-1] = chances[d] @ value[d + 1]
    value[development.last + 1, -1] = 0
    age = np.clip(development.age, -1, development.last)
    open_still = (development.age >= 0) & (development.age < development.last)
    people = development.standing.sum(axis=2)[open_still]
    band = pd.cut(age[open_still], [*AGES, np.inf], right=False, labels=list(AGES.values())).astype("str")
    rows = []
    for name in AGES.values():
        mine = band == name
        expected = (people[mine] * value[age[open_still][mine] + 1, :-1]).sum(axis=0)
        for state, (number, outcomes) in enumerate(zip(people[mine].sum(axis=0), expected, strict=True)):
            rows.append({"state": development.states[state], "age": name, "people": number, "expected": outcomes})
    return pd.DataFrame(rows, columns=["state", "age", "people", "expected"])
