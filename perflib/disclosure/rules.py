"""What an audience may see: small counts hidden, counts rounded, staff not named.

Conventions
-----------
- A count x is small, and hidden, where 0 < x < `suppress_below`. Zero is shown: it says that nobody is there to be
  recognised. The mark of a hidden value is `[c]`.
- A number made of counts is hidden with any of them, and so is a share whose remainder (denominator less numerator)
  is small.
- Where cells are tied by a sum (a total row, a total column, a share and its remainder), further cells are hidden,
  the smallest first and totals last, until the shown cells say no more of a small count than the mark does: that it
  may be anything from 1 to `suppress_below` - 1. This is checked by linear programming over all the table's sums.
- Rounding comes after hiding. Totals are rounded on their own, so parts may not add up. Shares and ratios are worked
  out from the rounded counts: a share of exact counts, even in whole per cent, can give the exact counts away.

The protection is within one table. Between tables (a cumulative count this month and last) it is the rounding that
protects, so an audience that counts are hidden from should have them rounded too.

References
----------
Hundepool et al. (2012), Statistical Disclosure Control, chapter 4 (primary and secondary suppression, and the
intruder's feasibility intervals).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pandas.api.types import is_numeric_dtype

from perflib.disclosure.columns import Column, count, number, percent, percent_words
from perflib.disclosure.suppression import TOLERANCE, Sum, cells_to_hide
from perflib.errors import DisclosureError

MARK = "[c]"


@dataclass(frozen=True)
class Disclosed:
    """A table as an audience may see it.

    Attributes
    ----------
    frame : DataFrame
        The columns asked for and no others; NaN where hidden.
    hidden : DataFrame of bool
        Of the same shape: where a value is there but not shown.
    columns : dict of str to Column
        The columns, with the decimal places that suit the rounding.
    """

    frame: pd.DataFrame
    hidden: pd.DataFrame
    columns: dict[str, Column]


@dataclass(frozen=True)
class Disclosure:
    """The rule for one audience.

    Parameters
    ----------
    audience : {"internal", "external"}
        Who reads it.
    suppress_below : int
        Counts from 1 to this less 1 are hidden; 0 or 1 hides none. 2 is refused: the mark would then mean 1.
    round_to : int
        Counts are rounded to a multiple of this, halves up; 1 rounds none.
    names : bool
        Whether members of staff may be named.

    Raises
    ------
    DisclosureError
        If `suppress_below` is negative or 2, or `round_to` is less than 1.

    Examples
    --------
    >>> rule = Disclosure("external", suppress_below=10, round_to=5)
    >>> rule.count(1234), rule.count(3), rule.count(0)
    ('1,235', 'fewer than 10', '0')
    >>> rule.percent(40, 160), rule.percent(3, 160), rule.percent(155, 160)
    ('25%', 'not shown (fewer than 10)', 'not shown (fewer than 10)')
    """

    audience: Literal["internal", "external"] = "internal"
    suppress_below: int = 0
    round_to: int = 1
    names: bool = True

    def __post_init__(self) -> None:
        if self.suppress_below < 0 or self.suppress_below == 2:
            raise DisclosureError(
                f"suppress_below is {self.suppress_below}: give 0 to hide no count, or 3 or more (2 would hide"
                " only ones, so the mark would give them away)"
            )
        if self.round_to < 1:
            raise DisclosureError(f"round_to is {self.round_to}: give 1 to round nothing, or a larger base such as 5")

    def hides(self, value: float) -> bool:
        """Return whether a count is small."""
        return 0 < value < self.suppress_below

    def count(self, value: float) -> str:
        """Return a count for a sentence: "1,234", or "fewer than 10"."""
        if self.hides(value):
            return f"fewer than {self.suppress_below}"
        return count("").text(self.rounded(value))

    def percent(self, numerator: float, denominator: float, *, places: int = 0, target: float | None = None) -> str:
        """Return a share for a sentence, worked out from the counts as shown: "25%", or "not shown (fewer than 10)".

        `target` is as in `columns.percent_words`. Hidden where the numerator, the denominator or what is left over is
        small; "not available" of nobody.
        """
        if any(self.hides(value) for value in (numerator, denominator, denominator - numerator)):
            return self._not_shown
        below = self.rounded(denominator)
        if not below:
            return percent("").text(np.nan)
        return percent_words(self.rounded(numerator) / below, places, target=target)

    def number(
        self,
        value: float,
        *,
        of: Iterable[float] = (),
        people: bool = False,
        places: int = 1,
        signed: bool = False,
    ) -> str:
        """Return a number for a sentence, hidden where one of the counts it is made `of` is small.

        `people` and `signed` are as in `columns.number`.
        """
        if any(self.hides(source) for source in of):
            return self._not_shown
        column = self._written(number("", people=people, places=places, signed=signed))
        return column.text(self.rounded(value) if people else value)

    def notes(self, disclosed: Disclosed) -> list[str]:
        """Return the sentences that explain the marks and the rounding of a table."""
        notes = []
        if disclosed.hidden.to_numpy().any():
            notes.append(
                f"{MARK}: not shown, because it rests on fewer than {self.suppress_below} or would let such a number"
                " be worked out. Zeros are shown."
            )
        if self.round_to > 1:
            notes.append(
                f"Counts are rounded to the nearest {self.round_to}, so parts may not add up to totals; rates are"
                " worked out from the rounded counts."
            )
        return notes

    def apply(
        self,
        frame: pd.DataFrame,
        columns: Mapping[str, Column],
        *,
        total: str | None = None,
        within: str | None = None,
        order: Sequence[str] = (),
    ) -> Disclosed:
        """Return the table as this audience may see it.

        Parameters
        ----------
        frame : DataFrame
            One row a line of the table. May hold more columns than are shown.
        columns : mapping of str to Column
            The columns to show, in order; the first names the rows. Those with a numerator and denominator, or
            with `make`, need not be in the frame.
        total : str, optional
            The value of the first column in the row that is the sum of the others.
        within : str, optional
            A column that splits the other rows into blocks, each of which adds up to the total row: the one in the
            block where there is one, else the one of the table.
        order : sequence of str
            Columns to sort the rows by, once units are called as this audience may know them.

        Returns
        -------
        Disclosed

        Raises
        ------
        DisclosureError
            If a column is not in the frame, a count is negative or has a fraction, or parts do not add up to their
            total.

        Examples
        --------
        >>> from perflib.disclosure.columns import text
        >>> frame = pd.DataFrame({"group": ["A", "B", "C", "All"], "starts": [3, 40, 12, 55]})
        >>> columns = {"group": text("Group"), "starts": count("Starts")}
        >>> Disclosure(suppress_below=5).apply(frame, columns, total="All").frame["starts"].tolist()
        [nan, 40.0, nan, 55.0]
        """
        named = self._named(frame, columns)
        frame = named.sort_values(list(order)) if order else _without_order_of_names(frame, named, columns)
        frame = frame.reset_index(drop=True)
        counts = _counts(frame, columns)
        exact = frame[counts].astype(float)
        sums, unprinted = _sums(frame, exact, columns, total, within)
        hidden = self._hide(exact, sums, unprinted)
        shown = frame.assign(**self.rounded(exact.mask(hidden)))
        for key in sorted(columns, key=lambda key: not columns[key].people):
            column = columns[key]
            hide = _hidden_with_sources(key, columns, hidden)
            if column.sources or column.make or column.people:
                frame[key] = _worked_out(frame, key, column)
                values = _worked_out(shown, key, column)
                shown[key] = (self.rounded(values) if column.people else values).mask(hide)
            hidden[key] = hide & frame[key].notna()
        keys = list(columns)
        return Disclosed(shown[keys], hidden[keys], {key: self._written(columns[key]) for key in keys})

    def _named(self, frame: pd.DataFrame, columns: Mapping[str, Column]) -> pd.DataFrame:
        """Return the frame with its units called as this audience may know them."""
        called = {key: column.names for key, column in columns.items() if column.names is not None}
        return frame.assign(
            **{key: [who.disclosed(cell, shown=self.names) for cell in frame[key]] for key, who in called.items()}
        )

    def _hide(self, exact: pd.DataFrame, sums: list[Sum], unprinted: list[float]) -> pd.DataFrame:
        values = np.concatenate([exact.to_numpy().ravel(), unprinted])
        if self.suppress_below > 1:
            extra = range(exact.size, values.size)
            hidden = cells_to_hide(values, sums, self.suppress_below, unprinted=extra)[: exact.size]
        else:
            hidden = np.zeros(exact.size, dtype=bool)
        return pd.DataFrame(hidden.reshape(exact.shape), columns=exact.columns)

    def _written(self, column: Column) -> Column:
        """Return the column with the decimal places that rounded counts bear."""
        whole = self.round_to > 1 and (column.people or column.kind == "percent")
        return replace(column, places=0) if whole else column

    def rounded(self, value: Any) -> Any:
        """Return a count, or an array of them, rounded as this audience sees it."""
        return value if self.round_to == 1 else np.floor(value / self.round_to + 0.5) * self.round_to

    @property
    def _not_shown(self) -> str:
        return f"not shown (fewer than {self.suppress_below})"


def _without_order_of_names(frame: pd.DataFrame, named: pd.DataFrame, columns: Mapping[str, Column]) -> pd.DataFrame:
    """Sort rows that stand in the order of names not shown by what their units are called; other rows stay in place.

    The order of the names would tell which unit is which. Rows in another order, such as that of a rate, keep it.
    """
    key = next(iter(columns), None)
    if key is None or key not in frame or columns[key].names is None:
        return named
    moved = np.array([str(a) != str(b) for a, b in zip(frame[key], named[key], strict=True)], dtype=bool)
    own = list(dict.fromkeys(frame.loc[moved, key].astype("str")))
    if own != sorted(own):
        return named
    rows = np.flatnonzero(moved)
    called = named[key].astype("str")
    places = np.arange(len(named))
    places[rows] = sorted(rows, key=lambda row: _by_number(called.iloc[row]))
    return named.iloc[places]


def _by_number(name: str) -> list[tuple[int, str]]:
    """Sort key that puts 'Subcontractor 9' before 'Subcontractor 10'."""
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", name)]


def _counts(frame: pd.DataFrame, columns: Mapping[str, Column]) -> list[str]:
    """Return the columns that are counts: those declared so, and whole numbers that a column is made of."""
    named = {key: None for column in columns.values() for key in (*column.sources, *column.parts)}
    counts = []
    for key in dict.fromkeys((*columns, *named)):
        column = columns.get(key)
        if key not in frame:
            if column is None or not (column.make or column.numerator):
                raise DisclosureError(f"column {key!r} is not in the frame, which has {', '.join(map(str, frame))}")
            continue
        if column is not None and column.kind != "count":
            continue
        values = frame[key].astype(float) if column is not None or is_numeric_dtype(frame[key]) else None
        fault = values is None or ((values < 0) | (values % 1 != 0) & values.notna()).any()
        if column is not None and fault:
            raise DisclosureError(
                f"column {key!r} is a count and has a negative value or a fraction: make it"
                " number(..., people=True, of=...), naming the counts it is made of"
            )
        if not fault:
            counts.append(key)
    return counts


def _worked_out(frame: pd.DataFrame, key: str, column: Column) -> pd.Series[Any]:
    """Return the values of a column that is made of others, where the caller has not left them out."""
    if column.make is not None:
        values = column.make(frame)
    elif column.numerator is not None and column.denominator is not None:
        below = frame[column.denominator].astype(float)
        values = frame[column.numerator].astype(float) / below.where(below != 0)
    else:
        return frame[key]
    return values.where(frame[key].notna()) if key in frame else values


def _hidden_with_sources(key: str, columns: Mapping[str, Column], hidden: pd.DataFrame) -> pd.Series[bool]:
    """Return where a column is hidden: itself, or with anything it is made of."""
    hide = hidden[key] if key in hidden else pd.Series(False, index=hidden.index)
    for source in columns[key].sources if key in columns else ():
        hide = hide | _hidden_with_sources(source, columns, hidden)
    return hide


def _sums(
    frame: pd.DataFrame, exact: pd.DataFrame, columns: Mapping[str, Column], total: str | None, within: str | None
) -> tuple[list[Sum], list[float]]:
    """Return what adds up to what among the cells of `exact`, row by row, and the remainders that follow them."""
    place = {str(key): number for number, key in enumerate(exact)}
    cells = np.arange(exact.size).reshape(exact.shape)
    values = np.nan_to_num(exact.to_numpy().ravel())
    sums = []
    blocks = [] if total is None or frame.empty else _blocks(frame, next(iter(columns)), total, within)
    for key in place:
        column = columns.get(key)
        parts = column.parts if column else ()
        if wrong := [part for part in parts if part not in place]:
            raise DisclosureError(f"column {key!r}: its part {wrong[0]!r} is not a count; name count columns as parts")
        across = [place[part] for part in parts]
        mine = [Sum(row[place[key]], tuple(row[across])) for row in cells if across]
        if column is None or column.adds_up:
            mine += [Sum(cells[whole, place[key]], tuple(cells[rows, place[key]])) for whole, rows in blocks]
        for one in mine:
            if abs(values[one.total] - values[list(one.parts)].sum()) < TOLERANCE:
                sums.append(one)
            elif column is not None and exact.notna().to_numpy().ravel()[one.total]:
                raise DisclosureError(
                    f"row {one.total // len(place) + 1}, column {key!r}: the parts do not add up to the total; add the"
                    ' missing part (such as "Not recorded"), or say count(..., adds_up=False)'
                )
    remainders: list[float] = []
    shares = [(column.numerator, column.denominator) for column in columns.values() if column.kind == "percent"]
    for above, below in dict.fromkeys(shares):
        if above in place and below in place:
            left = (exact[below] - exact[above]).to_numpy()
            for row in np.flatnonzero(left >= 0):
                sums.append(Sum(cells[row, place[below]], (cells[row, place[above]], exact.size + len(remainders))))
                remainders.append(left[row])
    return sums, remainders


def _blocks(frame: pd.DataFrame, first: str, total: str, within: str | None) -> list[tuple[int, NDArray[Any]]]:
    """Return, for each block of rows, the row of its total and the rows of its parts."""
    is_total = (frame[first].astype(str) == total).to_numpy()
    block = pd.Series(0, index=frame.index) if within is None else frame[within]
    number = pd.factorize(block, use_na_sentinel=False)[0]
    outside = [row for row in np.flatnonzero(is_total) if within and (number == number[row]).sum() == 1]
    blocks: list[tuple[int, NDArray[Any]]] = []
    for each in pd.unique(number[~is_total]):
        totals = np.flatnonzero(is_total & (number == each)).tolist() or outside
        if len(totals) != 1:
            raise DisclosureError(
                f"total={total!r}: column {first!r} must have it in one row for each block of rows, and has it in"
                f" {len(totals)}"
            )
        blocks.append((int(totals[0]), np.flatnonzero(~is_total & (number == each))))
    return blocks
