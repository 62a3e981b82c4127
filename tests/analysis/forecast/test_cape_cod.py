"""Decaying Cape Cod against a reading of Gluck's formula, and the honesty of its interval by simulation."""

import numpy as np
import pytest

from perflib.analysis.forecast.cape_cod import DECAY, LEVEL, SHAPE, cape_cod, expected_increments
from perflib.analysis.forecast.uncertainty import BID_WEIGHT, in_months

PROFILE = [0, 0.1, 0.15, 0.2]


def test_levels_and_pattern_are_those_of_the_formula_worked_cell_by_cell(developed):
    """Three cohorts of 100, 200 and 50 starts, four months; every sum is written out as a loop."""
    starts = [100, 200, 50]
    increments = np.array([[1.0, 14, 9, 0], [3, 30, 0, 0], [2, 0, 0, 0]])
    known = developed(starts, increments, PROFILE)
    cells = [(c, d) for c in range(3) for d in range(4) if c + d <= 2]
    rises = np.diff(PROFILE, prepend=0)
    bid_level = (BID_WEIGHT + sum(increments[cell] for cell in cells)) / (
        BID_WEIGHT + sum(starts[c] * rises[d] for c, d in cells)
    )
    worth = SHAPE / (bid_level * sum(rises))
    pattern = []
    for d in range(4):
        outcomes = sum(increments[cell] for cell in cells if cell[1] == d)
        exposed = sum(starts[c] for c, seen in cells if seen == d)
        pattern.append((outcomes + worth * bid_level * rises[d]) / (exposed + worth))
    due = [sum(starts[c] * pattern[d] for row, d in cells if row == c) for c in range(3)]
    had = [sum(increments[c, d] for row, d in cells if row == c) for c in range(3)]
    coming = np.zeros((3, 4))
    for c in range(3):
        above = LEVEL + sum(DECAY ** abs(c - j) * had[j] for j in range(3))
        below = LEVEL + sum(DECAY ** abs(c - j) * due[j] for j in range(3))
        coming[c] = [starts[c] * pattern[d] * above / below for d in range(4)]
    np.testing.assert_allclose(expected_increments(known), in_months(known, coming), rtol=1e-12)


@pytest.mark.slow
@pytest.mark.parametrize("step", [0.0, 0.1])
def test_its_interval_of_the_total_holds_what_came_as_often_as_it_says(programmes, step):
    """40 programmes of 24 cohorts about 60; levels that stand still, and that walk by 10 % a month."""
    held = []
    for known, came in programmes(40, step):
        total = cape_cod(known, 300, np.random.default_rng(1))[0].sum(axis=(1, 2))
        low, high = np.quantile(total, [0.025, 0.975])
        held.append(low <= came.sum() <= high)
    assert np.mean(held) > 0.95 - 3 * (0.95 * 0.05 / 40) ** 0.5


def test_a_later_level_weighs_more_than_an_early_one(developed):
    """Early cohorts had twice the bid, late ones half: the youngest are expected at less than the whole's level."""
    rises = np.diff(PROFILE, prepend=0)
    increments = 1000 * rises * np.repeat([[2.0], [0.5]], 6, axis=0)
    known = developed([1000] * 12, increments, PROFILE)
    coming = expected_increments(known)
    promised = known.promised
    whole = known.recorded.sum() / sum(1000 * rises[: age + 1].sum() for age in known.age)
    assert coming[-1].sum() < 0.95 * whole * promised[-1].sum()
