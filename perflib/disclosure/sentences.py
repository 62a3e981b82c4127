"""Sentences that hold no number of people until the presenter discloses them, as it does tables.

A sentence is a literal template and named values. What may be shown is decided by the type of each value, and only
where the sentence becomes text: in `Presenter`, or in `as_text`. A bare number or string in it is refused.

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

Where the words depend on what may be shown: `IfShown` (a count is large enough), `ByAudience`, `ByNumber` (one item
of a list, or more), `FirstOf` (the first that has something to say). What has nothing to say is None: a sentence that
holds it is left out, and so is an item of a list; a list without items has nothing to say.

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
>>> as_text(findings(596, 504.2, ["tMPL 1"]), Disclosure("internal"))
['596 outcomes are recorded, 504 expected (+18.2%).', 'Below profile: tMPL 1.']
>>> as_text(findings(9, 504.2, []), Disclosure("external", suppress_below=10, round_to=5))
['Fewer than 10 outcomes: too few to compare.']
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from string import Formatter
from typing import Any

from perflib.disclosure.rules import Disclosure
from perflib.disclosure.values import (
    Amount,
    Count,
    Day,
    Listed,
    Month,
    Name,
    Plain,
    Share,
    Value,
    check_values,
    name_list,
)
from perflib.disclosure.words import capital

__all__ = [
    "Amount",
    "ByAudience",
    "ByNumber",
    "Choice",
    "Count",
    "Day",
    "FirstOf",
    "IfShown",
    "Listed",
    "Month",
    "Name",
    "Plain",
    "Sentence",
    "Share",
    "Value",
    "as_text",
    "chosen",
    "is_sequence",
    "name_list",
    "sentence",
]


@dataclass(frozen=True)
class Sentence(Value):
    """A template and its values; made with `sentence`."""

    template: str
    values: Mapping[str, Value]

    def __post_init__(self) -> None:
        check_values(self.values.values())
        named = {name for _, name, form, conversion in self._parts() if name is not None}
        if any(form or conversion for _, _, form, conversion in self._parts()):
            raise TypeError(f"{self.template!r}: how a value is written is said by its type, not in the template")
        if named != set(self.values):
            raise TypeError(f"{self.template!r} names {sorted(named)}, and the values are {sorted(self.values)}")

    def _parts(self) -> Iterator[tuple[str, str | None, str | None, str | None]]:
        yield from Formatter().parse(self.template)

    def _words(self, disclosure: Disclosure) -> str | None:
        written = {name: value.words(disclosure) for name, value in self.values.items()}
        return None if None in written.values() else self.template.format_map(written)

    def _begins_with_figure(self) -> bool:
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
    def _choose(self, disclosure: Disclosure) -> Any:
        """Choose what is shown; None for nothing."""

    def choose(self, disclosure: Disclosure) -> Any:
        """Choose what is shown to an audience; None for nothing."""
        return self._choose(disclosure)

    def _words(self, disclosure: Disclosure) -> str | None:
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

    def _choose(self, disclosure: Disclosure) -> Any:
        values = [self.values] if isinstance(self.values, Value) else self.values
        return self.shown if all(value.is_shown(disclosure) for value in values) else self.hidden


@dataclass(frozen=True)
class ByAudience(Choice):
    """Show one thing to internal readers, and another, or nothing, to those outside."""

    internal: Any
    outside: Any = None

    def _choose(self, disclosure: Disclosure) -> Any:
        return self.internal if disclosure.audience == "internal" else self.outside


@dataclass(frozen=True)
class ByNumber(Choice):
    """Show one thing where one item of a list is said, and another where more are: "its" and "their" profile."""

    items: Sequence[Value]
    one: Any
    more: Any

    def _choose(self, disclosure: Disclosure) -> Any:
        said = sum(item.words(disclosure) is not None for item in self.items)
        return self.one if said == 1 else self.more


@dataclass(frozen=True, init=False)
class FirstOf(Choice):
    """Show the first of these that has something to say to the audience."""

    options: tuple[Any, ...]

    def __init__(self, *options: Any) -> None:
        object.__setattr__(self, "options", options)

    def _choose(self, disclosure: Disclosure) -> Any:
        return next((option for option in self.options if _has_content(option, disclosure)), None)


def chosen(content: Any, disclosure: Disclosure) -> Any:
    """Resolve choices until what is left is none."""
    while isinstance(content, Choice):
        content = content.choose(disclosure)
    return content


def is_sequence(content: Any) -> bool:
    """Tell sequences of what is shown from single things."""
    return isinstance(content, Sequence) and not isinstance(content, str)


def as_text(findings: Any, disclosure: Disclosure) -> list[str]:
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
        return [text for item in content for text in as_text(item, disclosure)]
    if not isinstance(content, Sentence):
        raise TypeError(f"{content!r} is no sentence: make one with sentence(template, name=value)")
    words = content.words(disclosure)
    return [] if words is None else [capital(words) if content.is_figure else words]


def _has_content(content: Any, disclosure: Disclosure) -> bool:
    content = chosen(content, disclosure)
    if is_sequence(content):
        return any(_has_content(item, disclosure) for item in content)
    return bool(content.words(disclosure)) if isinstance(content, Value) else content is not None
