"""Say what may stand at a key of a parameter file, in the file's own words and with an example.

The models of `rules` are the one source: what a key takes follows from its annotation and bounds.

>>> from perflib.rules.contract import Contract
>>> form(Contract, ["report_lag"]).words
'a whole number, 0 or more, for example 5'
>>> form(Contract, ["profiles"]).example
'[{from: 2020-06, source: Schedule 3, values: [0.5]}]'
"""

from __future__ import annotations

import re
import types
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import pandas as pd
from annotated_types import Ge, Gt, Le, Lt, MinLen
from pydantic import BaseModel, RootModel
from pydantic.fields import FieldInfo

NUMBERS = (5, 0.5, 1, 2, 10, 100)
"""Examples of numbers: the first inside the bounds is shown."""

EXAMPLES = {
    "source": "Schedule 3",
    "measure": "start",
    "event": "start",
    "of": "start",
    "programme": "whp",
    "management": "ks",
    "reason": "new rule",
    "file": "events.csv",
    "folder": "../extracts/north",
    "source_order": "hmrc",
    "table": "events",
    "label": "Job starts",
    "name": "North",
    "date": "Start date",
    "recorded": "Date recorded",
    "notice": "Figures to be checked",
}
"""Examples of words, by the key that they stand at; elsewhere the key itself is shown."""

Choice = tuple[Any, tuple[Any, ...]]
"""A plain type and its bounds."""


@dataclass(frozen=True)
class Form:
    """What may stand at a key.

    Attributes
    ----------
    kind : str
        What it is: 'a list', 'a whole number'.
    words : str
        The same with an example, for a message.
    example : str
        As YAML.
    """

    kind: str
    words: str
    example: str


def form(model: type[BaseModel], location: Sequence[int | str]) -> Form:
    """Describe what a place in a file takes, following the annotations of `model`."""
    choices = _at(model, location)
    key = next((str(part) for part in reversed(location) if isinstance(part, str)), "name")
    kinds = list(dict.fromkeys(_kind(*choice) for choice in choices))
    example = _example(*choices[0], key)
    shown = "" if kinds[0] == TRUTH or kinds[0].startswith("one of") else f", for example {example}"
    return Form(kinds[0], f"{' or '.join(kinds[:2])}{shown}", example)


def keys(model: type[BaseModel], location: Sequence[int | str]) -> list[str]:
    """List the keys that may stand at a place."""
    return sorted({str(name) for kind, _ in _at(model, location) if _is_model(kind) for name in _fields(kind)})


def _at(model: type[BaseModel], location: Sequence[int | str]) -> list[Choice]:
    """Follow a location; what it does not lead to is passed over."""
    choices: list[Choice] = [(model, ())]
    for part in location:
        choices = [found for choice in choices for found in _step(choice[0], part)] or choices
    return choices


def _step(kind: Any, part: int | str) -> Iterator[Choice]:
    if _is_model(kind) and part in (fields := _fields(kind)):
        yield from _choices(fields[part].annotation, tuple(fields[part].metadata))
    elif get_origin(kind) is tuple and isinstance(part, int):
        yield from _choices(get_args(kind)[0])
    elif get_origin(kind) is dict:
        yield from _choices(get_args(kind)[1])


def _choices(annotation: Any, bounds: tuple[Any, ...] = ()) -> Iterator[Choice]:
    """Yield the plain types that an annotation allows, None left out."""
    origin = get_origin(annotation)
    if origin is Annotated:
        kind, *more = get_args(annotation)
        yield from _choices(kind, (*bounds, *more))
    elif origin in (Union, types.UnionType):
        for part in get_args(annotation):
            if part is not type(None):
                yield from _choices(part, bounds)
    elif isinstance(annotation, type) and issubclass(annotation, RootModel):
        root = annotation.model_fields["root"]
        yield from _choices(root.annotation, tuple(root.metadata))
    else:
        yield annotation, tuple(_plain(bounds))


def _plain(bounds: tuple[Any, ...]) -> Iterator[Any]:
    """Yield bounds, those inside a `Field` too."""
    for bound in bounds:
        yield from bound.metadata if isinstance(bound, FieldInfo) else (bound,)


def _is_model(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseModel)


def _fields(kind: Any) -> dict[int | str, Any]:
    return {field.alias or name: field for name, field in kind.model_fields.items()}


TRUTH, MONTH = "true or false", "a month as YYYY-MM"
KINDS = {bool: TRUTH, date: "a date as YYYY-MM-DD", pd.Period: MONTH, str: "words"}


def _kind(kind: Any, bounds: tuple[Any, ...]) -> str:
    origin = get_origin(kind)
    if origin is Literal:
        values = [_word(value) for value in get_args(kind)]
        return f"one of {', '.join(values)}" if len(values) > 1 else values[0]
    if origin is tuple:
        return "a list" if _least(bounds) == 1 else f"a list of {_least(bounds)} or more"
    if origin is dict or _is_model(kind):
        return "keys with values"
    if kind in (int, float, Decimal):
        return ", ".join(["a whole number" if kind is int else "a number", *_bounds(bounds)])
    return KINDS.get(kind, "a value")


def _bounds(bounds: tuple[Any, ...]) -> Iterator[str]:
    for bound in bounds:
        match bound:
            case Ge(least):
                yield f"{least} or more"
            case Gt(least):
                yield f"more than {least}"
            case Le(most):
                yield f"{most} or less"
            case Lt(most):
                yield f"less than {most}"


def _least(bounds: tuple[Any, ...]) -> int:
    """How many a list must hold: one, to be shown at all, or more."""
    return max([1, *(bound.min_length for bound in bounds if isinstance(bound, MinLen))])


def _inside(number: float, bounds: tuple[Any, ...]) -> bool:
    return all(
        (not isinstance(bound, Ge) or number >= bound.ge)  # type: ignore[operator]
        and (not isinstance(bound, Gt) or number > bound.gt)  # type: ignore[operator]
        and (not isinstance(bound, Le) or number <= bound.le)  # type: ignore[operator]
        and (not isinstance(bound, Lt) or number < bound.lt)  # type: ignore[operator]
        for bound in bounds
    )


def _example(kind: Any, bounds: tuple[Any, ...], key: str) -> str:
    """Write the least that is allowed as YAML on one line."""
    origin = get_origin(kind)
    if origin is Literal:
        return _word(get_args(kind)[0])
    if origin is tuple:
        each = _example(*_first(get_args(kind)[0]), key)
        return f"[{', '.join([each] * _least(bounds))}]"
    if origin is dict:
        name, value = get_args(kind)
        return f"{{{1 if name is int else 'name'}: {_example(*_first(value), key)}}}"
    if _is_model(kind):
        fields = _fields(kind)
        needed = [name for name, field in fields.items() if field.is_required()] or list(fields)[:1]
        shown = [
            f"{name}: {_example(*_first(fields[name].annotation, tuple(fields[name].metadata)), str(name))}"
            for name in sorted(needed, key=str)
        ]
        return f"{{{', '.join(shown)}}}"
    if kind in (int, float, Decimal):
        numbers = NUMBERS if kind is int else NUMBERS[1:]
        return str(next((number for number in numbers if _inside(number, bounds)), NUMBERS[0]))
    others = {bool: "true", date: "2020-06-30", pd.Period: "2020-06"}
    return others.get(kind, EXAMPLES.get(key, key))


def _word(value: Any) -> str:
    return str(value) if re.fullmatch(r"[\w-]+", str(value)) else repr(value)


def _first(annotation: Any, bounds: tuple[Any, ...] = ()) -> Choice:
    return next(_choices(annotation, bounds))
