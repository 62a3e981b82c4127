"""Read a parameter file and say, in one line, what is wrong with it and where.

Every file under `params/` goes through `read`: the file, the place in the YAML (with its line), the value and what
is allowed are in the message.
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Sequence
from datetime import date
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from perflib.errors import ParameterError
from perflib.rules import forms
from perflib.rules.dated import Misplaced, hint

Model = TypeVar("Model", bound=BaseModel)

TAG = "tag:yaml.org,2002:"
LONGEST = 80
"""Values that take more characters are not repeated in a message; nor is a URL, which may hold a password."""


def _mapping(loader: Any, node: yaml.MappingNode) -> dict[Hashable, Any]:
    seen: set[Hashable] = set()
    for key_node, _ in node.value:
        if key_node.tag == f"{TAG}merge":
            continue
        key = loader.construct_object(key_node)
        if not isinstance(key_node, yaml.ScalarNode):
            raise yaml.MarkedYAMLError(problem="a key must be one word", problem_mark=key_node.start_mark)
        if key in seen:
            raise yaml.MarkedYAMLError(problem=f"the key {key!r} stands twice", problem_mark=key_node.start_mark)
        seen.add(key)
    return loader.construct_mapping(node, deep=True)


def _date(loader: Any, node: yaml.ScalarNode) -> Any:
    try:
        return loader.construct_yaml_timestamp(node)
    except ValueError:
        return loader.construct_scalar(node)


def _loader(kind: Any) -> Any:
    """Return a loader of YAML in which a key given twice is an error: the second would silently win.

    As in YAML 1.2, only true and false are truth values: `on`, `yes` and `no` are words. A date that the calendar does
    not have stays a word, so that the model that expects a date can say where it stands.
    """
    loader: Any = type("Loader", (kind,), {})
    loader.yaml_implicit_resolvers = {
        first: [(tag, pattern) for tag, pattern in resolvers if tag != f"{TAG}bool"]
        for first, resolvers in kind.yaml_implicit_resolvers.items()
    }
    loader.add_implicit_resolver(f"{TAG}bool", re.compile("^(?:true|True|TRUE|false|False|FALSE)$"), list("tTfF"))
    loader.add_constructor(f"{TAG}map", _mapping)
    loader.add_constructor(f"{TAG}timestamp", _date)
    return loader


# That of libyaml takes a fifth of the time; what is wrong with a file, the other says better.
_LOADERS = [_loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)), _loader(yaml.SafeLoader)]


DEEPEST, LARGEST = 50, 200_000
"""How deep a file may nest, and how many values it may hold when its anchors are written out."""


def _check_events(text: str) -> None:
    """Refuse tags, and what nests so deep, or repeats an anchor so often, that reading it would not end well.

    The events of a file come one by one, so that this is found before anything is built from them.
    """
    sizes: list[int] = [0]
    names: list[str | None] = []
    anchored: dict[str, int] = {}
    for event in yaml.parse(text, Loader=_LOADERS[0]):
        match event:
            case yaml.ScalarEvent():
                sizes[-1] += 1
            case yaml.CollectionStartEvent():
                sizes.append(1)
                names.append(event.anchor)
            case yaml.CollectionEndEvent():
                size, name = sizes.pop(), names.pop()
                sizes[-1] += size
                anchored |= {name: size} if name else {}
            case yaml.AliasEvent():
                sizes[-1] += anchored.get(str(event.anchor), 1)
        if (tag := getattr(event, "tag", None)) is not None:
            raise _Refused(f"the tag {tag.replace(TAG, '!!')} is not allowed; write the value alone", event)
        if len(sizes) > DEEPEST + 1:
            raise _Refused(f"nests more than {DEEPEST} levels deep; no parameter stands so deep", event)
        if sizes[-1] > LARGEST:
            raise _Refused(f"holds more than {LARGEST:,} values, once its anchors are written out", event)


class _Refused(yaml.MarkedYAMLError):
    """A file that is not read further."""

    def __init__(self, problem: str, event: Any) -> None:
        super().__init__(problem=problem, problem_mark=event.start_mark)


def _parsed(text: str) -> Any:
    try:
        _check_events(text)
        return yaml.load(text, Loader=_LOADERS[0])
    except _Refused:
        raise
    except yaml.YAMLError:
        return yaml.load(text, Loader=_LOADERS[1])


PROBLEMS = {
    "found character '\\t'": "a tab stands before a word; indent with spaces",
    "expected ',' or": "a bracket is not closed, or a comma is missing before this line",
    "another document": "a second document begins here; write one file for each",
    "mapping values are not allowed here": "a colon stands where none can; put words that hold one in quotation marks",
    "could not find expected ':'": "no colon after a key; write `key: value`, with a space after the colon",
    "expected <block end>": "the indentation differs from the lines above; keys of one thing begin in one column",
    "while scanning a quoted scalar": "a quotation mark is not closed",
    "found unexpected end of stream": "a quotation mark is not closed",
    "unconstructable recursive": "an anchor holds itself; write out what is meant",
}
"""What PyYAML says, by a part of its words, and what it means for who wrote the file."""


def _problem(error: yaml.MarkedYAMLError) -> str:
    said = " ".join(str(error.problem).split())
    return next((words for part, words in PROBLEMS.items() if part in said), said)


def quoted(text: str) -> str:
    """Write a text as YAML reads it as that text: in quotation marks where it would be a number, a date or nothing.

    >>> quoted("north"), quoted("007"), quoted("2020-06-30")
    ('north', '"007"', '"2020-06-30"')
    """
    return text if _parsed(text) == text else f'"{text}"'


def load(path: Path) -> dict[str, Any]:
    """Load the mapping that a YAML file holds.

    Raises
    ------
    ParameterError
        The file cannot be read, is not YAML, repeats a key, or is not a mapping.
    """
    text = ""
    try:
        text = path.read_text(encoding="utf-8")
        data = _parsed(text)
    except (OSError, UnicodeDecodeError) as error:
        raise ParameterError(f"{path}: cannot be read ({error}). It must be a UTF-8 text file.") from None
    except (ValueError, RecursionError):
        raise ParameterError(f"{path}: holds a number too long, or lists too deep, to read. Shorten it.") from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        number = f" line {mark.line + 1}" if mark else ""
        told = "" if isinstance(error, _Refused) else "not valid YAML: "
        raise ParameterError(f"{path}{number}: {told}{_problem(error)}.") from None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise ParameterError(
            f"{path} line {line}: not valid YAML: a character that cannot be shown (#x{ord(text[error.position]):04x}) "
            f"stands here; delete it."
        ) from None
    if not isinstance(data, dict):
        raise ParameterError(f"{path}: holds no keys. Write `name: value` lines, as in params/contracts/.")
    return data


def read(path: Path, model: type[Model], /, **resolved: Any) -> Model:
    """Validate a parameter file as `model`; `resolved` replaces keys that name another file.

    Raises
    ------
    ParameterError
        One line: file, line, place in the YAML, value, what is allowed.
    """
    data = load(path)
    try:
        return model.model_validate(data | resolved)
    except ValidationError as error:
        raise ParameterError(_explain(path, model, error)) from None


def _explain(path: Path, model: type[BaseModel], error: ValidationError) -> str:
    """Word one fault, a misspelt key before what it leaves missing, and count the others."""
    places = [item["loc"] for item in error.errors()]  # a list that holds a fault is itself called too short
    faults = [item for item in error.errors() if not _holds_another(item["loc"], places)]
    fault = next((item for item in faults if item["type"] == "extra_forbidden"), faults[0])
    location = [part for part in fault["loc"] if not _is_tag(part)]
    location += getattr(fault.get("ctx", {}).get("error"), "place", ())
    more = f" ({len(faults) - 1} more after this one)" if len(faults) > 1 else ""
    return f"{at(path, *location)}: {_reason(fault, path, location, model)}{more}"


def _holds_another(place: tuple[int | str, ...], places: Sequence[tuple[int | str, ...]]) -> bool:
    return any(len(other) > len(place) and other[: len(place)] == place for other in places)


def _is_tag(part: int | str) -> bool:
    """Whether a part of the location is pydantic's own name for a branch of a union, not a key of the file."""
    return isinstance(part, str) and ("[" in part or part.endswith(("Source", "-instance")))


def _reason(fault: Any, path: Path, location: list[int | str], model: type[BaseModel]) -> str:
    if fault["type"] == "extra_forbidden":
        return f"unknown key; {hint(str(location[-1]), forms.keys(model, location[:-1]))}"
    key = next((str(part) for part in reversed(location) if isinstance(part, str)), "")
    allowed = forms.form(model, location)
    if fault["type"] == "missing":
        return f"missing; this key is required, for example {key}: {allowed.example}."
    value = written(path, *location) or _shown(fault["input"])
    own = fault["type"] == "value_error" and allowed.kind != forms.MONTH
    if own:
        message = fault["msg"].removeprefix("Value error, ")
    elif fault["type"] == "string_type" and isinstance(fault["input"], int | float | date):
        message = f'write it in quotation marks: {"" if isinstance(location[-1], int) else f"{key}: "}"{value}"'
    elif allowed.kind == "a list" and isinstance(fault["input"], str | int | float) and len(value) < LONGEST // 2:
        message = f"write a list, for example {key}: [{value}]"
    else:
        message = f"write {allowed.words}"
    message += "" if message.endswith((".", "?")) else "."
    if isinstance(fault.get("ctx", {}).get("error"), Misplaced) or (own and (len(value) > LONGEST or "://" in value)):
        return message
    value = "this value" if len(value) > LONGEST or "://" in value else value
    return f"{value} is not allowed: {message}"


def _shown(value: Any) -> str:
    return str(value) if isinstance(value, str | int | float | date) else repr(value)


def at(path: Path, *location: int | str) -> str:
    """Format a location as 'file line N: place.in[0].file', with the line of the deepest part that the file holds.

    Where the file has one thing in place of a list of one, the number 0 is left out.
    """
    mark, _, named = _found(path.read_text(encoding="utf-8"), location)
    place = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in named).lstrip(".")
    line = "" if mark is None else f" line {mark.line + 1}"
    return f"{path}{line}: {place}" if place else f"{path}"


def written(path: Path, *location: int | str) -> str:
    """Return the value at a place letter for letter, on one line; empty where the file does not have the place."""
    text = path.read_text(encoding="utf-8")
    _, node, _ = _found(text, location)
    return " ".join(text[node.start_mark.index : node.end_mark.index].split()) if node else ""


def _found(text: str, location: Sequence[int | str]) -> tuple[Any, yaml.Node | None, list[int | str]]:
    """Follow a location in a file: the mark of its deepest part there, its node if all is there, and its names."""
    node: yaml.Node | None = yaml.compose(text, Loader=_LOADERS[0])
    mark, named = None, list(location)
    for number, part in enumerate(location):
        if isinstance(node, yaml.MappingNode) and part == 0:
            named[number] = ""
            continue
        pair: tuple[yaml.Node, yaml.Node] | None = None
        if isinstance(node, yaml.MappingNode):
            pair = next((pair for pair in node.value if pair[0].value == str(part)), None)
        elif isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
            pair = (node.value[part],) * 2
        if pair is None:
            return mark, None, [part for part in named if part != ""]
        mark, node = pair[0].start_mark, pair[1]
    return mark, node, [part for part in named if part != ""]
