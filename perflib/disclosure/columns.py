"""What a column of a table is: its header, how its values are written, and what they are made of.

A rounded share never reaches what was not reached: 6,669 of 6,672 is 99.9%, not 100.0%; one of 6,000 is <0.1%, not
0.0%. A file, which keeps numbers, has .999 and .001 there. Differences of shares (`signed`) are rounded as usual.

A column that is made of counts names them (`numerator`, `denominator`, `of`, `parts`). That is all `disclosure`
has to know to hide it with them, so a column that forgets to say what it is made of is not protected.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, Protocol

import pandas as pd

Kind = Literal["count", "number", "percent", "text", "status", "staff", "month", "date"]
Make = Callable[[pd.DataFrame], "pd.Series[Any]"]


class UnitNames(Protocol):
    """What calls units by their names, or otherwise where names may not be shown (`names.Names`)."""

    def disclosed(self, cell: Any, *, shown: bool) -> Any:
        """Name the unit, or the units, of a cell."""


@dataclass(frozen=True)
class Column:
    """One column; made with the functions of this module (`count`, `percent`, ...), which say what each field is for.

    Examples
    --------
    >>> percent("Outcome rate", "outcomes", "starts").text(0.1234)
    '12.3%'
    >>> number("Difference", of=("outcomes", "expected"), people=True, signed=True, places=1).text(-3.24)
    '−3.2'
    >>> month("Cohort").text(pd.Period("2020-06", "M"))
    'Jun 2020'
    """

    header: str
    kind: Kind
    places: int = 0
    signed: bool = False
    missing: str = "not available"
    people: bool = False
    parts: tuple[str, ...] = ()
    adds_up: bool = True
    numerator: str | None = None
    denominator: str | None = None
    of: tuple[str, ...] = ()
    make: Make | None = None
    names: UnitNames | None = None

    @property
    def numeric(self) -> bool:
        """Whether the values are numbers, set to the right."""
        return self.kind in ("count", "number", "percent")

    @property
    def sources(self) -> tuple[str, ...]:
        """The columns the values are made of."""
        return tuple(key for key in (self.numerator, self.denominator, *self.of) if key is not None)

    def text(self, value: Any) -> str:
        """Return the value as it is printed, `missing` where there is none."""
        if pd.isna(value):
            return self.missing
        match self.kind:
            case "count" | "number":
                written = f"{value:{'+' if self.signed else ''},.{self.places}f}"
            case "percent" if not self.signed:
                return percent_words(value, self.places)
            case "percent":
                written = f"{100 * value:+.{self.places}f}%"
            case "month" if not _is_label(value):
                return f"{pd.Period(value, freq='M'):%b %Y}"
            case "date" if not _is_label(value):
                day = pd.Timestamp(value)
                return f"{day.day} {day:%b %Y}"
            case _:
                return str(value)
        if not any(digit in written for digit in "123456789"):
            written = written.lstrip("+-")
        return written.replace("-", "\N{MINUS SIGN}")

    def value(self, value: Any) -> int | float | str | None:
        """Return the value as a file keeps it: a number to the places printed, a text, or None where there is none."""
        if pd.isna(value):
            return None
        if not self.numeric:
            return self.text(value)
        if self.kind == "percent" and not self.signed:
            return _unreached(float(value), self.places)
        places = self.places + 2 * (self.kind == "percent")
        return round(float(value), places) if places else round(value)


EQUAL = 1e-9
"""Shares nearer than this are the same: what is left of 1 − 1 in floating point."""


def percent_words(share: float, places: int = 0, *, target: float | None = None) -> str:
    """Write a share per cent, so that rounding never reaches what was not reached.

    Parameters
    ----------
    share : float
        A fraction.
    places : int
        Decimal places.
    target : float, optional
        A fraction that it is held against: up to three more places are given where rounding would make the two look
        alike.

    Examples
    --------
    >>> percent_words(6669 / 6672, 1), percent_words(1 / 6000, 1), percent_words(1, 1), percent_words(0, 1)
    ('99.9%', '<0.1%', '100.0%', '0.0%')
    >>> percent_words(0.0404, 1), percent_words(0.0404, 1, target=0.04)
    ('4.0%', '4.04%')
    """
    if target is not None and EQUAL < target < 1 - EQUAL and abs(share - target) > EQUAL:
        looks = f"{100 * target:.{places + 3}f}"
        places = next(
            (more for more in range(places, places + 3) if float(f"{100 * share:.{more}f}") != float(looks)), places + 3
        )
    if 0 < share < 1 and float(f"{100 * share:.{places}f}") == 0 and share > EQUAL:
        return f"<{10**-places:.{places}f}%"
    written = f"{100 * _unreached(share, places):.{places}f}%"
    return (written if any(digit in written for digit in "123456789") else written.lstrip("-")).replace(
        "-", "\N{MINUS SIGN}"
    )


def _unreached(share: float, places: int) -> float:
    """Round a share to so many places per cent, neither up to the whole nor down to nothing."""
    rounded, least = round(share, places + 2), float(f"1e-{places + 2}")
    if rounded == 1 and share < 1 - EQUAL:
        return round(1 - least, places + 2)
    return least if rounded == 0 and share > EQUAL else rounded


def _is_label(value: Any) -> bool:
    """Return whether a month or day is a word instead, such as the name of the total row."""
    return isinstance(value, str) and not any(character.isdigit() for character in value)


def count(header: str, *, parts: Sequence[str] = (), adds_up: bool = True, missing: str = "not available") -> Column:
    """Return a column of counts of people, referrals, starts and the like.

    Parameters
    ----------
    header : str
        The printed header, with the unit where it is not plain.
    parts : sequence of str
        The count columns whose sum this column is, where it is a total.
    adds_up : bool
        Whether the total row is the sum of the others. Individuals counted once in each month do not add up.
    missing : str
        What is printed where there is no value ("not yet", "too young").
    """
    return Column(header, "count", parts=tuple(parts), adds_up=adds_up, missing=missing)


def percent(
    header: str,
    numerator: str | None = None,
    denominator: str | None = None,
    *,
    of: Sequence[str] = (),
    make: Make | None = None,
    places: int = 1,
    signed: bool = False,
    missing: str = "not available",
) -> Column:
    """Return a column of shares of a whole, printed per cent, held as fractions.

    With `numerator` and `denominator` the share is worked out here from the counts as they are shown. What is left
    over (denominator less numerator) is a count too: where it is small, the share is hidden and the numerator with it.
    For what is not a share (outcomes against a target) use `number`.

    Parameters
    ----------
    header : str
        The printed header.
    numerator, denominator : str, optional
        Count columns of the frame; they need not be shown.
    of : sequence of str
        The columns it is made of, where it is not their plain ratio (a limit, an adjusted rate).
    make : callable, optional
        Works the values out from the frame as shown (counts hidden and rounded, columns for people and columns
        before this one worked out), so that rounding goes before arithmetic.
    places, signed, missing
        Decimal places; whether a plus sign is printed; what is printed where there is no value.
    """
    column = number(header, numerator, denominator, of=of, make=make, places=places, signed=signed, missing=missing)
    return replace(column, kind="percent")


def number(
    header: str,
    numerator: str | None = None,
    denominator: str | None = None,
    *,
    of: Sequence[str] = (),
    make: Make | None = None,
    people: bool = False,
    places: int = 1,
    signed: bool = False,
    missing: str = "not available",
) -> Column:
    """Return a column of numbers that are not counts: days, ratios, expected numbers, differences of counts.

    Parameters
    ----------
    header : str
        The printed header, with the unit: "Median wait (days)".
    numerator, denominator, of, make
        As for `percent`; what is left over is not looked at.
    people : bool
        True for a number of people that is worked out and not counted (expected outcomes, a difference of two
        counts): it is rounded as counts are.
    places, signed, missing
        Decimal places; whether a plus sign is printed; what is printed where there is no value.
    """
    return Column(
        header,
        "number",
        numerator=numerator,
        denominator=denominator,
        of=tuple(of),
        make=make,
        people=people,
        places=places,
        signed=signed,
        missing=missing,
    )


def text(
    header: str, *, of: Sequence[str] = (), names: UnitNames | None = None, missing: str = "not recorded"
) -> Column:
    """Return a column of words; `of` names the counts that give rise to them.

    With `names` its cells are units, or tuples of units, that are called as the audience may know them.
    """
    return Column(header, "text", of=tuple(of), names=names, missing=missing)


def status(header: str, *, of: Sequence[str] = (), missing: str = "not rated") -> Column:
    """Return a column of verdicts in words ("Green", "Amber", "Red"), to which the page adds a colour."""
    return Column(header, "status", of=tuple(of), missing=missing)


def staff(header: str, *, names: UnitNames | None = None, missing: str = "not recorded") -> Column:
    """Return a column of names of staff: a table that has one is for audiences that may see names."""
    return Column(header, "staff", names=names, missing=missing)


def month(header: str, *, missing: str = "not available") -> Column:
    """Return a column of months (periods, dates or "YYYY-MM")."""
    return Column(header, "month", missing=missing)


def date(header: str, *, missing: str = "not available") -> Column:
    """Return a column of days."""
    return Column(header, "date", missing=missing)
