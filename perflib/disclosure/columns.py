"""What a column of a table is: its header, how its values are written, and what they are made of.

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
            case "percent":
                written = f"{100 * value:{'+' if self.signed else ''}.{self.places}f}%"
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
        places = self.places + 2 * (self.kind == "percent")
        return round(float(value), places) if places else round(value)


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
