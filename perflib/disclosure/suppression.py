"""Which cells of a table of counts to hide, so that what is shown does not give the small ones away.

A table is a flat array of cells and the sums that tie them. The reader is taken to know all the shown cells and all
the sums, that a hidden cell is at least 1 (zeros are shown), and nothing about which hidden cells are small.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linprog

TOLERANCE = 1e-6


@dataclass(frozen=True)
class Sum:
    """One cell that is the sum of others, by position."""

    total: int
    parts: tuple[int, ...]

    @property
    def cells(self) -> tuple[int, ...]:
        """The total and its parts."""
        return (self.total, *self.parts)


def cells_to_hide(
    values: NDArray[np.float64], sums: Sequence[Sum], below: int, *, unprinted: Iterable[int] = ()
) -> NDArray[np.bool_]:
    """Return which cells to hide: the small ones, and those that would give a small one away.

    Further cells are hidden one at a time, parts before totals and the smallest first, until each small cell may be
    anything from 1 to `below` - 1 for all the reader can work out. Hiding more only ever widens what is possible, so
    each small cell is looked at once.

    Parameters
    ----------
    values : array of shape (cells,)
        Counts; NaN where there is none.
    sums : sequence of Sum
        What adds up to what. Each must hold in `values`, NaN counting as nothing.
    below : int
        Cells with 0 < value < `below` are small.
    unprinted : iterable of int
        Cells that the table does not print, zero or not (what is left of a whole).

    Returns
    -------
    array of bool of shape (cells,)
        Unprinted cells are in it.

    Examples
    --------
    >>> cells_to_hide(np.array([3.0, 40, 12, 55]), [Sum(3, (0, 1, 2))], below=5)
    array([ True, False,  True, False])
    """
    small = (values > 0) & (values < below)
    never = np.zeros_like(small)
    never[list(unprinted)] = True
    hidden = small | never
    for cell in np.flatnonzero(small).tolist():
        while _exposed(cell, values, hidden, never, sums, below):
            further = _next(cell, values, hidden, sums)
            if further is None:
                break
            hidden[further] = True
    return hidden


def _tied(cell: int, hidden: NDArray[np.bool_], sums: Sequence[Sum]) -> list[Sum]:
    """Return the sums tied to a cell through hidden cells."""
    reached = {cell}
    tied: list[Sum] = []
    rest = list(sums)
    while found := [one for one in rest if not reached.isdisjoint(one.cells)]:
        tied += found
        rest = [one for one in rest if reached.isdisjoint(one.cells)]
        reached.update(other for one in found for other in one.cells if hidden[other])
    return tied


def _exposed(
    cell: int,
    values: NDArray[np.float64],
    hidden: NDArray[np.bool_],
    unprinted: NDArray[np.bool_],
    sums: Sequence[Sum],
    below: int,
) -> bool:
    """Return whether the shown cells rule out a value from 1 to below - 1 that they would not rule out if hidden."""
    least, most = _possible(cell, values, hidden, unprinted, sums)
    if least > 1 + TOLERANCE:
        least -= _possible(cell, values, hidden | (values > 0), unprinted, sums)[0] - 1
    return least > 1 + TOLERANCE or most < below - 1 - TOLERANCE


def _possible(
    cell: int,
    values: NDArray[np.float64],
    hidden: NDArray[np.bool_],
    unprinted: NDArray[np.bool_],
    sums: Sequence[Sum],
) -> tuple[float, float]:
    """Return the least and the most that a hidden cell can be, given the shown cells and the sums."""
    tied = _tied(cell, hidden, sums)
    if not tied:
        return 1.0, np.inf
    unknown = sorted({other for one in tied for other in one.cells if hidden[other]})
    place = {other: column for column, other in enumerate(unknown)}
    left = np.zeros((len(tied), len(unknown)))
    right = np.zeros(len(tied))
    for row, one in enumerate(tied):
        for other, sign in ((one.total, -1.0), *((part, 1.0) for part in one.parts)):
            if hidden[other]:
                left[row, place[other]] += sign
            else:
                right[row] -= sign * np.nan_to_num(values[other])
    bounds = [(0 if unprinted[other] else 1, None) for other in unknown]
    towards = np.eye(len(unknown))[place[cell]]
    least, most = (linprog(sign * towards, A_eq=left, b_eq=right, bounds=bounds).fun for sign in (1, -1))
    return 1.0 if least is None else least, np.inf if most is None else -most


def _next(cell: int, values: NDArray[np.float64], hidden: NDArray[np.bool_], sums: Sequence[Sum]) -> int | None:
    """Return the next cell to hide: the smallest shown part of the tied sum with the fewest hidden cells, else a total.

    Zeros stay, since they are known to be shown. Of sums alike, one that the cell itself is in comes first.
    """
    tied = sorted(_tied(cell, hidden, sums), key=lambda one: (hidden[list(one.cells)].sum(), cell not in one.cells))
    for choice in (*(one.parts for one in tied), [one.total for one in tied]):
        shown = [other for other in choice if not hidden[other] and values[other] > 0]
        if shown:
            return min(shown, key=lambda other: (values[other], other))
    return None
