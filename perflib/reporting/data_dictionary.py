"""The data dictionary and the list of parameters, written from the schemas and models that read the files.

`perflib docs --out docs` writes `extracts.md` and `parameters.md`. A test compares the copies in the repository with
what this module writes.

A site generator cannot do this from the source: the tables of an extract are data (`TABLES`), and a parameter file has
other names and types than its model (`from`, not `begins`; "dated whole number", not `Dated[int]`).
"""

from __future__ import annotations

import inspect
import types
from collections.abc import Iterable, Iterator
from datetime import date
from decimal import Decimal
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import pandas as pd
from pydantic import BaseModel, RootModel
from pydantic.fields import FieldInfo

from perflib.records import cells
from perflib.records.cells import FIRST_DATE, LAST_DATE
from perflib.records.sample import PROCESSES
from perflib.records.sample.draws import Parameters
from perflib.records.schemas import REQUIRED_TABLES, TABLES
from perflib.rules import data_source
from perflib.rules.contract import BUILT_IN, Contract, load_programme
from perflib.rules.management import Management
from perflib.rules.programme import Attribute, Programme

KINDS = {
    "id": "text, compared letter by letter; blanks at its ends are ignored",
    "code": "text; blanks at its ends and capitals are ignored",
    "text": "text",
    "prose": "text that reports may repeat",
    "date": f"day from {FIRST_DATE.year} to {LAST_DATE.year}: 2020-12-31, 31/12/2020 or 31 December 2020 (or Dec), "
    "with or without a time",
    "integer": "whole number",
    "number": "number",
}
"""How a cell of each kind is read."""

WORDS: dict[Any, str] = {
    str: "text",
    int: "whole number",
    float: "number",
    Decimal: "number",
    bool: "true or false",
    date: "day, YYYY-MM-DD",
    pd.Period: "month, YYYY-MM",
    Any: "anything",
}
LIMITS = {"ge": "at least", "gt": "more than", "le": "at most", "lt": "less than"}

EXTRACTS = """\
# Extracts

The tables of an extract, their columns, what a cell may hold, and how to map an extract with other names.
`perflib docs` writes this page from `perflib/records/schemas.py`, `perflib/rules/data_source.py` and
`params/programmes`. Do not edit it by hand.

An extract is a folder of files, or a database. See *Where the extract is*, below. The files may be

- CSV, also as .csv.gz or alone in a .zip;
- Parquet;
- Excel: .xlsx and .xlsm; also .xls, .xlsb and .ods where the package python-calamine is installed.

What must be there:

- Only the tables {required} are required.
- *Required* columns must be in the table. The other columns are optional.
- A row with a blank in a *filled* column is not used.
- Any other cell that cannot be used counts as not recorded.
- Every report counts both. `perflib check CONTRACT` lists them by file and row.
- Columns that are not listed here are not read. `perflib check CONTRACT` names them.
"""

ACCOUNT = """\
## The account of every line

`perflib check CONTRACT` prints for each table where its lines went:

- lines = header + blank + continuation of a cell in quotation marks + records
- records = used + repeats + set aside + outside (recorded after the day that is looked at, or after the period's end)

An account that does not add up stops the run. Rows of a CSV file have the number of the line at which they begin. Rows
of a workbook have the number that it shows.

These are set aside: lines that a stray quotation mark joins, a row with more cells than the header, and a row with a
cell of 131,072 characters or more. A repeated header, a total and text at the foot are named as such. Where more cannot
be used than the contract's `tolerance` allows, of a table's records or of a column's cells, one line says what to mend.
"""

PARAMETERS = """\
# Parameters

Every key of the files under `params/`: what it may hold, its default, and what it means. `perflib docs` writes this
page from the models that read the files. Do not edit it by hand.

- A key without a default is required.
- A key that is not listed here is an error. The message gives its line and the nearest key that exists.
- `source` names the document, clause or table that a value is from.
- `invented: true` says that no document gives the value. The reports repeat that.
- A *dated* value is one mapping `{value, from, source}`, or a list of them in the order of `from`. The value that holds
  on a day is the one with the latest `from` on or before it. The day is that of the start or the referral, never that
  of the report.
"""


def documents() -> dict[str, str]:
    """Return the text of each document by its file name."""
    return {"extracts.md": _extracts(), "parameters.md": _parameters()}


def _extracts() -> str:
    parts = [EXTRACTS.format(required=" and ".join(f"`{name}`" for name in REQUIRED_TABLES))]
    parts.append(_table("How cells are read", ("kind", "a cell holds"), KINDS.items(), level=2))
    parts.append(f"{_conventions(cells)}\n")
    parts.append(ACCOUNT)
    parts.append("## Tables\n")
    for name, columns in TABLES.items():
        rows = [
            (
                f"`{key}`",
                column.kind,
                "yes" if column.required else "",
                "yes" if column.filled else "",
                column.description,
            )
            for key, column in columns.items()
        ]
        parts.append(_table(f"`{name}`", ("column", "kind", "required", "filled", "meaning"), rows, level=3))
    parts.append("A `participants` table may also have the attributes of its programme, each as a column.\n")
    names = sorted(path.stem for path in (BUILT_IN / "programmes").glob("*.yaml"))
    parts += [_programme(load_programme(name, BUILT_IN)) for name in names]
    parts.append("## Where the extract is\n\nThe contract file gives it under `source:`. " + _body(data_source) + "\n")
    sources: tuple[type[BaseModel], ...] = (data_source.FolderSource, data_source.DatabaseSource)
    mapped = dict.fromkeys(model for source in sources for model in _reached(source))
    parts += [_model(model) for model in mapped]
    parts.append(_model(data_source.SampleSource))
    return "\n".join(parts)


def _programme(programme: Programme) -> str:
    """Return the attributes and events of a programme."""
    attributes = [(f"`{name}`", item.label, _values(item), item.source) for name, item in programme.attributes.items()]
    events = [
        (f"`{name}`", item.label, ", ".join(f"`{alias}`" for alias in item.aliases), _yes(item.repeats), item.source)
        for name, item in programme.events.items()
    ]
    return "\n".join(
        [
            f"## {programme.name} (`{programme.programme}`)\n\nRules: {programme.source}.\n",
            _table("Attributes", ("column", "meaning", "allowed values", "source"), attributes, level=3),
            _table("Events", ("code", "meaning", "also called", "repeats", "source"), events, level=3),
        ]
    )


def _values(item: Attribute) -> str:
    """Return what an attribute may hold."""
    if item.numeric:
        return f"whole number from {item.minimum} to {item.maximum}"
    blank = f"; blank means {item.blank}" if item.blank is not None else ""
    codes = ", ".join(
        f"`{code}`" + (f" (or {', '.join(f'`{alias}`' for alias in entry.aliases)})" if entry.aliases else "")
        for code, entry in item.codes.items()
    )
    return (codes or "any text") + blank


def _parameters() -> str:
    kinds: list[tuple[str, str, type[BaseModel]]] = [
        ("Programmes", "`params/programmes/<id>.yaml`: what a programme demands.", Programme),
        ("Management", "`params/management/<id>.yaml`: how a provider manages performance.", Management),
        ("Contracts", "`params/contracts/<id>.yaml`: what one contract agreed, and where its extract is.", Contract),
    ]
    parts, seen = [PARAMETERS], set[type[BaseModel]]()
    for title, about, model in kinds:
        parts.append(f"## {title}\n\n{about}\n")
        for found in _reached(model):
            if found not in seen:
                seen.add(found)
                parts.append(_model(found))
    parts.append(
        "## Samples\n\nThe keys under `source: {sample: ...}`. `process` chooses how the synthetic extract is made.\n"
    )
    for process in PROCESSES.values():
        for found in _reached(process):
            if found not in seen:
                seen.add(found)
                parts.append(_model(found))
    return "\n".join(parts)


def _reached(model: type[BaseModel]) -> Iterator[type[BaseModel]]:
    """Yield a model and those that its fields hold, in the order of the fields; not what another file is read by."""
    waiting, seen = [model], set[type[BaseModel]]()
    while waiting:
        found = waiting.pop(0)
        if found in seen:
            continue
        seen.add(found)
        if not issubclass(found, RootModel):
            yield found
        held = [part for field in found.model_fields.values() for part in _models_in(field.annotation)]
        waiting = [part for part in held if part not in (Programme, Management)] + waiting


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in get_args(annotation):
        yield from _models_in(part)


def _model(model: type[BaseModel]) -> str:
    """Return one model as a heading, what it is, and a table of its keys."""
    rows = [
        (f"`{field.alias or name}`", _holds(field), _default(field), field.description or "")
        for name, field in model.model_fields.items()
        if (model, name) not in READ_FROM_ELSEWHERE
    ]
    about = inspect.getdoc(model) or ""
    return _table(model.__name__, ("key", "holds", "default", "meaning"), rows, level=3, about=about)


READ_FROM_ELSEWHERE = {(Contract, "path")}
"""Fields that no file gives."""


def _holds(field: FieldInfo) -> str:
    limits = [
        f"{words} {getattr(limit, name)}"
        for limit in field.metadata
        for name, words in LIMITS.items()
        if hasattr(limit, name)
    ]
    return ", ".join([_words(field.annotation), *limits])


def _words(annotation: Any) -> str:
    """Return what an annotation allows, in words.

    >>> _words(tuple[str, ...]), _words(int | None), _words(Literal["a", "b"])
    ('list of text', 'whole number', '`a`, `b`')
    """
    origin, args = get_origin(annotation), get_args(annotation)
    if annotation in WORDS:
        return WORDS[annotation]
    if origin is Annotated:
        return _words(args[0])
    if origin is Literal:
        return ", ".join(f"`{value}`" for value in args)
    if origin in (Union, types.UnionType):
        return " or ".join(dict.fromkeys(_words(part) for part in args if part is not type(None)))
    if origin is tuple:
        inner = list(dict.fromkeys(_words(part) for part in args if part is not Ellipsis))
        return f"list of {' and '.join(inner)}"
    if origin is dict:
        return f"{_words(args[0])}: {_words(args[1])}"
    if isinstance(annotation, type) and issubclass(annotation, RootModel):
        (item, _) = get_args(annotation.model_fields["root"].annotation)
        return f"dated {_words(item.model_fields['value'].annotation)}"
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return f"[{annotation.__name__}](#{annotation.__name__.casefold()})"
    return str(getattr(annotation, "__name__", annotation))


def _default(field: FieldInfo) -> str:
    """Return a default as a file would hold it; blank where the key must be given."""
    if field.is_required():
        return ""
    value = field.get_default(call_default_factory=True)
    if isinstance(value, Parameters | tuple | dict) and len(f"{value}") > 60:
        return "long: see the module"
    if isinstance(value, BaseModel):
        value = value.model_dump(mode="json", by_alias=True, exclude_none=True)
    if value is None or value in ((), {}, ""):
        return "none"
    if isinstance(value, tuple):
        return ", ".join(f"`{item}`" for item in value)
    if isinstance(value, bool):
        return str(value).casefold()
    return f"`{value}`" if not isinstance(value, dict) else ", ".join(f"`{key}: {item}`" for key, item in value.items())


def _table(title: str, header: tuple[str, ...], rows: Iterable[tuple[str, ...]], *, level: int, about: str = "") -> str:
    """Return a heading, a paragraph and a table in Markdown."""
    lines = [f"{'#' * level} {title}", "", *([about.strip(), ""] if about else [])]
    lines += [f"| {' | '.join(header)} |", f"|{'---|' * len(header)}"]
    lines += [f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |" for row in rows]
    return "\n".join([*lines, ""])


def _yes(value: bool) -> str:
    return "yes" if value else ""


def _conventions(module: types.ModuleType) -> str:
    """Return the list of conventions in a module's docstring."""
    return _body(module).partition("**Conventions.**")[2].strip()


def _body(module: types.ModuleType) -> str:
    """Return a module's docstring, with its underlined headings as words in bold."""
    lines = (inspect.getdoc(module) or "").splitlines()
    headed = [
        f"**{line}.**\n" if following and set(following) == {"-"} else line
        for line, following in zip(lines, [*lines[1:], ""], strict=True)
    ]
    return "\n".join(line for line in headed if not line or set(line) != {"-"})
