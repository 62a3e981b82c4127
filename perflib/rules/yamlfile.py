"""Read a parameter file and say, in one line, what is wrong with it and where.

Every file under `params/` goes through `read`: the file, the place in the YAML (with its line), the value and what
is allowed are in the message.
"""

from __future__ import annotations

from collections.abc import Hashable
from difflib import get_close_matches
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from perflib.errors import ParameterError

Model = TypeVar("Model", bound=BaseModel)


class _UniqueKeys(yaml.SafeLoader):
    """YAML in which a key given twice is an error: the second would silently win."""


def _mapping(loader: _UniqueKeys, node: yaml.MappingNode) -> dict[Hashable, Any]:
    seen: set[Hashable] = set()
    for key_node, _ in node.value:
        key = loader.construct_object(key_node)
        if key in seen:
            raise yaml.MarkedYAMLError(problem=f"the key {key!r} stands twice", problem_mark=key_node.start_mark)
        seen.add(key)
    return loader.construct_mapping(node, deep=True)


_UniqueKeys.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _mapping)


def load(path: Path) -> dict[str, Any]:
    """Return the mapping that a YAML file holds.

    Raises
    ------
    ParameterError
        The file cannot be read, is not YAML, repeats a key, or is not a mapping.
    """
    try:
        data = yaml.load(path.read_text(encoding="utf-8"), Loader=_UniqueKeys)
    except (OSError, UnicodeDecodeError) as error:
        raise ParameterError(f"{path}: cannot be read ({error}). It must be a UTF-8 text file.") from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = f" line {mark.line + 1}" if mark else ""
        raise ParameterError(f"{path}{line}: not valid YAML: {error.problem}.") from None
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
    """Word the first fault and count the others."""
    faults = error.errors()
    fault = faults[0]
    location = [part for part in fault["loc"] if not _is_tag(part)]
    place = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in location).lstrip(".")
    line = _line(path, location)
    more = f" ({len(faults) - 1} more after this one)" if len(faults) > 1 else ""
    return f"{path}{line}: {place}: {_reason(fault, location, model)}{more}"


def _is_tag(part: int | str) -> bool:
    """Whether a part of the location is pydantic's own name for a branch of a union, not a key of the file."""
    return isinstance(part, str) and ("[" in part or part.endswith(("Source", "-instance")))


def _reason(fault: Any, location: list[int | str], model: type[BaseModel]) -> str:
    value = fault["input"]
    if fault["type"] == "extra_forbidden":
        allowed = _keys(model, location[:-1])
        close = get_close_matches(str(location[-1]), allowed, n=1)
        hint = f"did you mean `{close[0]}`?" if close else f"allowed here: {', '.join(allowed)}."
        return f"unknown key; {hint}"
    if fault["type"] == "missing":
        return "missing; this key is required."
    message = fault["msg"].removeprefix("Value error, ").rstrip(".")
    return f"{value!r} is not allowed: {message[0].lower()}{message[1:]}."


def _keys(model: type[BaseModel], location: list[int | str]) -> list[str]:
    """Return the keys that may stand at a place, following the models' own annotations."""
    current: Any = model
    for part in location:
        if isinstance(current, type) and issubclass(current, BaseModel):
            fields = {field.alias or name: field for name, field in current.model_fields.items()}
            current = fields[part].annotation if part in fields else None
        models = _models_in(current)
        current = models[0] if models else current
    if isinstance(current, type) and issubclass(current, BaseModel):
        return sorted(field.alias or name for name, field in current.model_fields.items())
    return []


def _models_in(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [found for part in getattr(annotation, "__args__", ()) for found in _models_in(part)]


def _line(path: Path, location: list[int | str]) -> str:
    """Return ' line N' for the deepest part of the location that the file holds."""
    node: yaml.Node | None = yaml.compose(path.read_text(encoding="utf-8"))
    line = None
    for part in location:
        if isinstance(node, yaml.MappingNode):
            pair = next(((key, value) for key, value in node.value if key.value == str(part)), None)
            if pair is None:
                break
            line, node = pair[0].start_mark.line + 1, pair[1]
        elif isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
            node = node.value[part]
            line = node.start_mark.line + 1
        else:
            break
    return f" line {line}" if line else ""
