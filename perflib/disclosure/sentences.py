"""Sentences that hold no number of people until the presenter discloses them, as it does tables.

A sentence is a literal template and named values. What may be shown is decided by the type of each value, and only
where the sentence becomes text: in `Presenter`, or in `said`. A bare number or string in it is refused.

| value | for |
|---|---|
| `Count(596)` | people, referrals, starts: "596", or "fewer than 10" |
| `Share(40, 160)` | a share of two counts: "25%", or "not shown (fewer than 10)" |
| `Amount(504.2, of=(596,), people=True)` | a number made of counts, hidden with any of them |
| `Plain(12)` | a number that tells nothing of people: of a rule, of months, of units, of a model |
| `Name("SC05")`, `names[unit]` | a name from the data or the parameters; of a unit, by what the audience may know |
| `Month(period)`, `Day(date)` | June 2020, 3 June 2020 |
| `Listed([...])`, `name_list([...])` | values as a list: "a, b and c" |
| `sentence(...)` | words that are part of others |

Where the words depend on what may be shown: `IfShown` (a count is large enough), `ByAudience`, `FirstOf` (the first
that has something to say). What has nothing to say is None: a sentence that holds it is left out, and so is an item of
a list; a list without items has nothing to say.

Examples
--------
>>> from perflib.disclosure.rules import Disclosure
>>> def findings(recorded, expected, below):
...     change = Amount(lambda seen, due: 100 * (seen / due - 1), of=(recorded,), beside=(expected,), signed=True)
...     against = sentence(
...         "{recorded} outcomes are recorded, {expected} expected ({change}%).",
...         recorded=Count(recorded),
...         expected=Amount(expected, people=True, places=0),
...         change=change,
...     )
...     return [
...         IfShown(Count(recorded), against, sentence("{n} outcomes: too few to compare.", n=Count(recorded))),
...         sentence("Below profile: {names}.", names=name_list(below)),
...     ]
>>> said(findings(596, 504.2, ["tMPL 1"]), Disclosure("internal"))
['596 outcomes are recorded, 504 expected (+18.2%).', 'Below profile: tMPL 1.']
>>> said(findings(9, 504.2, []), Disclosure("external", suppress_below=10, round_to=5))
['Fewer than 10 outcomes: too few to compare.']
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from string import Formatter
from typing import Any

import pandas as pd

from perflib.disclosure.rules import Disclosure
from perflib.disclosure.words import capital, day_words, month_words


class Value(ABC):
    """A part of a sentence that becomes words for one audience."""

    @abstractmethod
    def words(self, disclosure: Disclosure) -> str | None:
        """Write for an audience; None where there is nothing to say."""

    def is_shown(self, disclosure: Disclosure) -> bool:
        """Tell whether the audience sees the value itself, not "fewer than 10"."""
        del disclosure
        return True

    @property
    def is_figure(self) -> bool:
        """Whether a sentence that begins with it may begin in lower case: "fewer than 10"."""
        return False


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

    def words(self, disclosure: Disclosure) -> str:
        return disclosure.count(self.value)

    def is_shown(self, disclosure: Disclosure) -> bool:
        return not disclosure.hides(self.value)

    @property
    def is_figure(self) -> bool:
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
    """

    numerator: float
    denominator: float
    places: int = 0

    def __post_init__(self) -> None:
        _check_number(self, self.numerator, self.denominator)

    def words(self, disclosure: Disclosure) -> str:
        return disclosure.percent(self.numerator, self.denominator, places=self.places)

    def is_shown(self, disclosure: Disclosure) -> bool:
        counts = (self.numerator, self.denominator, self.denominator - self.numerator)
        return not any(map(disclosure.hides, counts)) and disclosure.rounded(self.denominator) > 0

    @property
    def is_figure(self) -> bool:
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

    def words(self, disclosure: Disclosure) -> str | None:
        value = self.value
        if callable(value):
            seen = (disclosure.rounded(part) for part in (*self.of, *self.beside))
            value = float(value(*seen)) if self.is_shown(disclosure) else math.nan
        written = disclosure.number(value, of=self.of, people=self.people, places=self.places, signed=self.signed)
        return None if self.none_if_zero and not written.strip("0.") else written

    def is_shown(self, disclosure: Disclosure) -> bool:
        return not any(map(disclosure.hides, self.of))

    @property
    def is_figure(self) -> bool:
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

    Examples
    --------
    >>> Plain(1500).words(Disclosure()), Plain(0.075, percent=True).words(Disclosure())
    ('1,500', '7.5%')
    """

    value: float | None
    places: int | None = None
    percent: bool = False

    def __post_init__(self) -> None:
        _check_number(self, *(() if self.value is None else (self.value,)))

    def words(self, disclosure: Disclosure) -> str:
        if self.value is None or self.value != self.value:
            return "not available"
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

    text: str
    outside: str | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.text, str):
            raise TypeError(f"{self}: a name is a string; a number is Count, Share, Amount or Plain")

    def words(self, disclosure: Disclosure) -> str:
        return self.text if disclosure.names or self.outside is None else self.outside


@dataclass(frozen=True)
class Month(Value):
    """A month: "June 2020"."""

    month: pd.Period

    def words(self, disclosure: Disclosure) -> str:
        del disclosure
        return month_words(self.month)


@dataclass(frozen=True)
class Day(Value):
    """A day: "3 June 2020"."""

    day: date

    def words(self, disclosure: Disclosure) -> str:
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
        _check_values(self.items)

    def words(self, disclosure: Disclosure) -> str | None:
        between = ", " if self.between is None else self.between
        last = self.last or self.between or " and "
        written = [words for item in self.items if (words := item.words(disclosure)) is not None]
        return last.join([between.join(written[:-1]), written[-1]] if len(written) > 1 else written) or None


def name_list(names: Iterable[str], between: str | None = None, last: str | None = None) -> Listed:
    """List names in words; see `Listed`."""
    return Listed([Name(name) for name in names], between, last)


@dataclass(frozen=True)
class Sentence(Value):
    """A template and its values; made with `sentence`."""

    template: str
    values: Mapping[str, Value]

    def __post_init__(self) -> None:
        _check_values(self.values.values())
        named = {name for _, name, form, conversion in self._parts() if name is not None}
        if any(form or conversion for _, _, form, conversion in self._parts()):
            raise TypeError(f"{self.template!r}: how a value is written is said by its type, not in the template")
        if named != set(self.values):
            raise TypeError(f"{self.template!r} names {sorted(named)}, and the values are {sorted(self.values)}")

    def _parts(self) -> Iterator[tuple[str, str | None, str | None, str | None]]:
        yield from Formatter().parse(self.template)

    def words(self, disclosure: Disclosure) -> str | None:
        written = {name: value.words(disclosure) for name, value in self.values.items()}
        return None if None in written.values() else self.template.format_map(written)

    @property
    def is_figure(self) -> bool:
        literal, name, *_ = next(self._parts(), ("", None, None, None))
        return not literal and name is not None and self.values[name].is_figure


def sentence(template: str, /, **values: Value) -> Sentence:
    """Make a sentence, or a part of one, of a literal template and its values.

    Parameters
    ----------
    template : str
        A literal: a number or a name written into it would not be disclosed.
    **values : Value
        One for each name in the template.

    Raises
    ------
    TypeError
        A value is a bare number or string, or values and template do not name the same.

    Examples
    --------
    >>> sentence("{n} have started.", n=3)
    Traceback (most recent call last):
      ...
    TypeError: 3: a number in a sentence is Count, Share, Amount or Plain, which say how it is disclosed
    """
    return Sentence(template, values)


class Choice(Value):
    """What is said, or shown, depends on the audience: sentences, sequences of them, tables and figures."""

    @abstractmethod
    def choose(self, disclosure: Disclosure) -> Any:
        """Choose what is shown; None for nothing."""

    def words(self, disclosure: Disclosure) -> str | None:
        content = chosen(self, disclosure)
        if content is not None and not isinstance(content, Value):
            raise TypeError(f"{content!r} cannot be a part of a sentence")
        return None if content is None else content.words(disclosure)


@dataclass(frozen=True)
class IfShown(Choice):
    """Show one thing where all these values may be shown, another where one of them is hidden.

    Parameters
    ----------
    values : Value or sequence of Value
    shown, hidden : Sentence, sequence, Table, ... or None
        None for nothing.
    """

    values: Value | Sequence[Value]
    shown: Any
    hidden: Any = None

    def choose(self, disclosure: Disclosure) -> Any:
        values = [self.values] if isinstance(self.values, Value) else self.values
        return self.shown if all(value.is_shown(disclosure) for value in values) else self.hidden


@dataclass(frozen=True)
class ByAudience(Choice):
    """Show one thing to internal readers, and another, or nothing, to those outside."""

    internal: Any
    outside: Any = None

    def choose(self, disclosure: Disclosure) -> Any:
        return self.internal if disclosure.audience == "internal" else self.outside


@dataclass(frozen=True, init=False)
class FirstOf(Choice):
    """Show the first of these that has something to say to the audience."""

    options: tuple[Any, ...]

    def __init__(self, *options: Any) -> None:
        object.__setattr__(self, "options", options)

    def choose(self, disclosure: Disclosure) -> Any:
        return next((option for option in self.options if _has_content(option, disclosure)), None)


def chosen(content: Any, disclosure: Disclosure) -> Any:
    """Resolve choices until what is left is none."""
    while isinstance(content, Choice):
        content = content.choose(disclosure)
    return content


def is_sequence(content: Any) -> bool:
    """Tell sequences of what is shown from single things."""
    return isinstance(content, Sequence) and not isinstance(content, str)


def said(findings: Any, disclosure: Disclosure) -> list[str]:
    """Write sentences for an audience, in order; those with nothing to say are left out.

    Parameters
    ----------
    findings : Sentence, Choice or (nested) sequence of them
    disclosure : Disclosure

    Raises
    ------
    TypeError
        There is something else among them, such as a bare string.
    """
    content = chosen(findings, disclosure)
    if content is None:
        return []
    if is_sequence(content):
        return [text for item in content for text in said(item, disclosure)]
    if not isinstance(content, Sentence):
        raise TypeError(f"{content!r} is no sentence: make one with sentence(template, name=value)")
    words = content.words(disclosure)
    return [] if words is None else [capital(words) if content.is_figure else words]


def _has_content(content: Any, disclosure: Disclosure) -> bool:
    content = chosen(content, disclosure)
    if is_sequence(content):
        return any(_has_content(item, disclosure) for item in content)
    return bool(content.words(disclosure)) if isinstance(content, Value) else content is not None


def _check_number(owner: object, *values: Any) -> None:
    for value in values:
        if isinstance(value, bool | str) or not hasattr(value, "__float__"):
            raise TypeError(f"{type(owner).__name__}: {value!r} is no number")


def _check_values(values: Iterable[object]) -> None:
    for value in values:
        if isinstance(value, str):
            raise TypeError(f"{value!r}: text in a sentence is Name(...), or words of the template")
        if not isinstance(value, Value):
            raise TypeError(f"{value!r}: a number in a sentence is Count, Share, Amount or Plain, which say how it is"
                            " disclosed")  # fmt: skip
