"""Read a parameter file and say, in one line, what is wrong with it and where.

Every file under `params/` goes through `read`: the file, the place in the YAML (with its line), the value and what
is allowed are in the message.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Hashable, Sequence
from datetime import date
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, RootModel, ValidationError

from perflib.errors import ParameterError
from perflib.rules.dated import hint

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


def _parsed(text: str) -> Any:
    with contextlib.suppress(yaml.YAMLError):
        return yaml.load(text, Loader=_LOADERS[0])
    return yaml.load(text, Loader=_LOADERS[1])


def load(path: Path) -> dict[str, Any]:
    """Load the mapping that a YAML file holds.

    Raises
    ------
    ParameterError
        The file cannot be read, is not YAML, repeats a key, or is not a mapping.
    """
    try:
        data = _parsed(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise ParameterError(f"{path}: cannot be read ({error}). It must be a UTF-8 text file.") from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        number = f" line {mark.line + 1}" if mark else ""
        raise ParameterError(f"{path}{number}: not valid YAML: {error.problem}.") from None
    except yaml.YAMLError as error:
        raise ParameterError(f"{path}: not valid YAML: {' '.join(str(error).split())}.") from None
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
    return f"{at(path, *location)}: {_reason(fault, location, model)}{more}"


def _holds_another(place: tuple[int | str, ...], places: Sequence[tuple[int | str, ...]]) -> bool:
    return any(len(other) > len(place) and other[: len(place)] == place for other in places)


def _is_tag(part: int | str) -> bool:
    """Whether a part of the location is pydantic's own name for a branch of a union, not a key of the file."""
    return isinstance(part, str) and ("[" in part or part.endswith(("Source", "-instance")))


def _reason(fault: Any, location: list[int | str], model: type[BaseModel]) -> str:
    if fault["type"] == "extra_forbidden":
        return f"unknown key; {hint(str(location[-1]), _keys(model, location[:-1]))}"
    if fault["type"] == "missing":
        return "missing; this key is required."
    value = repr(str(fault["input"]) if isinstance(fault["input"], date) else fault["input"])
    message = re.sub(" or instance of .*", "", fault["msg"].removeprefix("Value error, "))
    if fault["type"].startswith("date"):
        message = "write a date as YYYY-MM-DD"
    message += "" if message.endswith((".", "?")) else "."
    if len(value) > LONGEST or "://" in value:
        return message
    return f"{value} is not allowed: {message[0].lower()}{message[1:]}"


def _keys(model: type[BaseModel], location: Sequence[int | str]) -> list[str]:
    """Return the keys that may stand at a place, following the models' own annotations."""
    annotation: Any = model
    for part in location:  # a name in a mapping or a number in a list leads to no other model
        annotation = next((keys[part] for keys in map(_fields, _models_in(annotation)) if part in keys), annotation)
    return sorted({str(name) for found in _models_in(annotation) for name in _fields(found)})


def _fields(model: type[BaseModel]) -> dict[int | str, Any]:
    return {field.alias or name: field.annotation for name, field in model.model_fields.items()}


def _models_in(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, RootModel):
        return _models_in(annotation.model_fields["root"].annotation)
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [found for part in getattr(annotation, "__args__", ()) for found in _models_in(part)]


def at(path: Path, *location: int | str) -> str:
    """Format a location as 'file line N: place.in[0].file', with the line of the deepest part that the file holds.

    Where the file has one thing in place of a list of one, the number 0 is left out.
    """
    node: yaml.Node | None = yaml.compose(path.read_text(encoding="utf-8"))
    line, alone = "", set()
    for number, part in enumerate(location):
        if isinstance(node, yaml.MappingNode) and part == 0:
            alone.add(number)
        elif isinstance(node, yaml.MappingNode):
            pair = next(((key, value) for key, value in node.value if key.value == str(part)), None)
            if pair is None:
                break
            line, node = f" line {pair[0].start_mark.line + 1}", pair[1]
        elif isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
            node = node.value[part]
            line = f" line {node.start_mark.line + 1}"
        else:
            break
    named = [part for number, part in enumerate(location) if number not in alone]
    place = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in named).lstrip(".")
    return f"{path}{line}: {place}" if place else f"{path}"
