"""The values of sentences: numbers, names and days, each with the rule by which an audience may read it.

To be imported from `perflib.disclosure.sentences`, which says how they are used.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import pandas as pd

from perflib.disclosure.columns import percent_words
from perflib.disclosure.rules import Disclosure
from perflib.disclosure.words import day_words, month_words


class Value(ABC):
    """A part of a sentence that becomes words for one audience."""

    @abstractmethod
    def _words(self, disclosure: Disclosure) -> str | None: ...

    def _is_shown(self, disclosure: Disclosure) -> bool:
        del disclosure
        return True

    def _begins_with_figure(self) -> bool:
        return False

    def words(self, disclosure: Disclosure) -> str | None:
        """Write for an audience; None where there is nothing to say."""
        return self._words(disclosure)

    def is_shown(self, disclosure: Disclosure) -> bool:
        """Tell whether the audience sees the value itself, not "fewer than 10"."""
        return self._is_shown(disclosure)

    @property
    def is_figure(self) -> bool:
        """Whether a sentence that begins with it may begin in lower case: "fewer than 10"."""
        return self._begins_with_figure()


@dataclass(frozen=True)
class Count(Value):
    """A count of people, referrals, starts and the like.

    Parameters
    ----------
    value : int
        A whole number, not negative; NaN is "not available".

    Raises
    ------
    TypeError
        It is negative, has a fraction or is no number.

    Examples
    --------
    >>> Count(9).words(Disclosure("external", suppress_below=10))
    'fewer than 10'
    """

    value: float

    def __post_init__(self) -> None:
        _check_number(self, self.value)
        if self.value < 0 or self.value % 1 > 0:
            raise TypeError(f"{self}: a count is a whole number; use Amount(..., of=...) for what is made of counts")

    def _words(self, disclosure: Disclosure) -> str:
        return disclosure.count(self.value)

    def _is_shown(self, disclosure: Disclosure) -> bool:
        return not disclosure.hides(self.value)

    def _begins_with_figure(self) -> bool:
        return True


@dataclass(frozen=True)
class Share(Value):
    """A share of two counts, worked out from the counts as the audience sees them.

    Parameters
    ----------
    numerator, denominator : int
        Counts. The share is hidden where one of them, or what is left over, is small.
    places : int
        Decimal places.
    target : float, optional
        A fraction that it is held against; see `columns.percent_words`.
    """

    numerator: float
    denominator: float
    places: int = 0
    target: float | None = None

    def __post_init__(self) -> None:
        _check_number(self, self.numerator, self.denominator)

    def _words(self, disclosure: Disclosure) -> str:
        return disclosure.percent(self.numerator, self.denominator, places=self.places, target=self.target)

    def _is_shown(self, disclosure: Disclosure) -> bool:
        counts = (self.numerator, self.denominator, self.denominator - self.numerator)
        return not any(map(disclosure.hides, counts)) and disclosure.rounded(self.denominator) > 0

    def _begins_with_figure(self) -> bool:
        return True


@dataclass(frozen=True)
class Amount(Value):
    """A number that is made of counts: a difference, a ratio, a median, a number of people expected.

    Parameters
    ----------
    value : float or callable
        The number; or a function that works it out from `of` and `beside` as the audience sees them.
    of : sequence of int
        The counts that it is made of: it is hidden with any of them.
    beside : sequence of float
        Numbers of people that are no counts (expected ones), which a callable takes after the counts.
    people : bool
        Whether it is a number of people, which is rounded as counts are.
    places, signed
        Decimal places; whether a plus sign is printed.
    none_if_zero : bool
        Whether there is nothing to say where it is printed as 0.

    Raises
    ------
    TypeError
        It is neither made of counts nor of people: then it is `Plain`.

    Examples
    --------
    >>> Amount(-3.24, of=(40, 43)).words(Disclosure())
    '−3.2'
    >>> Amount(-3.24, of=(4, 7)).words(Disclosure("external", suppress_below=5))
    'not shown (fewer than 5)'
    """

    value: float | Callable[..., float]
    of: Sequence[float] = ()
    beside: Sequence[float] = ()
    people: bool = False
    places: int = 1
    signed: bool = False
    none_if_zero: bool = False

    def __post_init__(self) -> None:
        _check_number(self, *self.of, *self.beside, *(() if callable(self.value) else (self.value,)))
        if not self.of and not self.people:
            raise TypeError(f"{self}: name the counts it is made of, or say people=True; of neither: Plain")

    def _words(self, disclosure: Disclosure) -> str | None:
        value = self.value
        if callable(value):
            seen = (disclosure.rounded(part) for part in (*self.of, *self.beside))
            value = float(value(*seen)) if self.is_shown(disclosure) else math.nan
        written = disclosure.number(value, of=self.of, people=self.people, places=self.places, signed=self.signed)
        return None if self.none_if_zero and not written.strip("0.") else written

    def _is_shown(self, disclosure: Disclosure) -> bool:
        return not any(map(disclosure.hides, self.of))

    def _begins_with_figure(self) -> bool:
        return True


@dataclass(frozen=True)
class Plain(Value):
    """A number that tells nothing of people, and is shown to everybody: of a rule, of months, of units, of a model.

    Parameters
    ----------
    value : float or None
        None and NaN are "not available".
    places : int, optional
        Decimal places; by default as many as it has.
    percent : bool
        Whether it is a fraction, printed per cent.
    target : float, optional
        A fraction that it is held against; see `columns.percent_words`. For percentages with `places`.

    Examples
    --------
    >>> Plain(1500).words(Disclosure()), Plain(0.075, percent=True).words(Disclosure())
    ('1,500', '7.5%')
    """

    value: float | None
    places: int | None = None
    percent: bool = False
    target: float | None = None

    def __post_init__(self) -> None:
        _check_number(self, *(() if self.value is None else (self.value,)))

    def _words(self, disclosure: Disclosure) -> str:
        if self.value is None or self.value != self.value:
            return "not available"
        if self.percent and self.places is not None:
            return percent_words(self.value, self.places, target=self.target)
        value = 100 * self.value if self.percent else self.value
        written = f"{value:,.12g}" if self.places is None else disclosure.number(value, places=self.places)
        return written + "%" * self.percent


@dataclass(frozen=True)
class Name(Value):
    """A name from the data or the parameters: of a measure, a level, a group, a unit. It holds no figure.

    Parameters
    ----------
    text : str
    outside : str, optional
        What it is called before an audience that may see no names; by default the same.

    Raises
    ------
    TypeError
        It is no string.
    """

    text: Any
    outside: str | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.text, str):
            raise TypeError(f"{self}: a name is a string; a number is Count, Share, Amount or Plain")

    def _words(self, disclosure: Disclosure) -> str:
        return self.text if disclosure.names or self.outside is None else self.outside


@dataclass(frozen=True)
class Month(Value):
    """A month: "June 2020"."""

    month: pd.Period

    def _words(self, disclosure: Disclosure) -> str:
        del disclosure
        return month_words(self.month)


@dataclass(frozen=True)
class Day(Value):
    """A day: "3 June 2020"."""

    day: date

    def _words(self, disclosure: Disclosure) -> str:
        del disclosure
        return day_words(self.day)


@dataclass(frozen=True)
class Listed(Value):
    """Values as a list in words. Items with nothing to say are left out.

    Parameters
    ----------
    items : sequence of Value
    between, last : str
        What stands between items, and before the last one; `last` is by default `between`.

    Examples
    --------
    >>> Listed([Name("a"), Name("b"), Name("c")]).words(Disclosure())
    'a, b and c'
    >>> Listed([Name("a"), Name("b"), Name("c")], "; ").words(Disclosure())
    'a; b; c'
    """

    items: Sequence[Value]
    between: str | None = None
    last: str | None = None

    def __post_init__(self) -> None:
        check_values(self.items)

    def _words(self, disclosure: Disclosure) -> str | None:
        between = ", " if self.between is None else self.between
        last = self.last or self.between or " and "
        written = [words for item in self.items if (words := item.words(disclosure)) is not None]
        return last.join([between.join(written[:-1]), written[-1]] if len(written) > 1 else written) or None

    def _begins_with_figure(self) -> bool:
        return len(self.items) > 0 and self.items[0].is_figure


def name_list(names: Iterable[str], between: str | None = None, last: str | None = None) -> Listed:
    """List names in words; see `Listed`."""
    return Listed([Name(name) for name in names], between, last)


def _check_number(owner: object, *values: Any) -> None:
    for value in values:
        if isinstance(value, bool | str) or not hasattr(value, "__float__"):
            raise TypeError(f"{type(owner).__name__}: {value!r} is no number")


def check_values(values: Iterable[object]) -> None:
    """Refuse bare numbers and strings: nobody says how they are disclosed."""
    for value in values:
        if isinstance(value, str):
            raise TypeError(f"{value!r}: text in a sentence is Name(...), or words of the template")
        if not isinstance(value, Value):
            raise TypeError(f"{value!r}: a number in a sentence is Count, Share, Amount or Plain, which say how it is"
                            " disclosed")  # fmt: skip
