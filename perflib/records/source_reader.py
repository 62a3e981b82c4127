"""Where an extract comes from: a folder of files, a database, or the built-in sample. The only way to read data."""

from __future__ import annotations

from dataclasses import replace
from fnmatch import fnmatch
from pathlib import Path
from typing import NoReturn

import pandas as pd

from perflib.errors import DataError, ParameterError
from perflib.records.files import EXCEL, Files, stem
from perflib.records.mapping import Cells, map_tables, named, same, wanted
from perflib.records.mapping import RawTable as RawTable
from perflib.records.schemas import REQUIRED_TABLES, TABLES
from perflib.rules import yaml_errors
from perflib.rules.contract import Contract
from perflib.rules.data_source import EVERY_DATE, DatabaseSource, FileTable, FolderSource, SampleSource
from perflib.rules.dated import hint


def read_source(contract: Contract) -> dict[str, RawTable]:
    """Return the tables of a contract's extract, in the columns of the data dictionary.

    Raises
    ------
    DataError
        The folder or a required table is missing, a file cannot be read, or what the contract's mapping names is not
        there.
    """
    source = contract.source
    if isinstance(source, SampleSource):
        return _sample(source, contract.path)
    _check_dates(source, contract)
    for table in source.tables:
        if table not in TABLES:
            place = yaml_errors.at(contract.path, "source", "tables", table)
            raise DataError(f"{place}: {table!r} is no table of the data dictionary; {hint(table, TABLES)}")
    if isinstance(source, DatabaseSource):
        from perflib.records.database import read_database

        tables = read_database(contract)
    else:
        tables = _folder(contract, source)
    return {table: tables[table] for table in TABLES if table in tables}


def _check_dates(source: FolderSource | DatabaseSource, contract: Contract) -> None:
    """Refuse a table or column under `dates` that the data dictionary does not have."""
    known = [
        f"{table}.{name}" for table, own in TABLES.items() for name, column in own.items() if column.kind == "date"
    ]
    for name in source.dates:
        if name not in (EVERY_DATE, *TABLES, *known):
            place = yaml_errors.at(contract.path, "source", "dates", name)
            raise DataError(
                f"{place}: {name!r} is no table or date of the data dictionary, such as events.recorded_date; "
                f"{hint(name, [*known, *TABLES])}"
            )


def folder_of(source: FolderSource, path: Path) -> Path:
    """Return the folder that a contract file names.

    Raises
    ------
    DataError
        There is none.
    """
    folder = path.parent / source.folder
    if not folder.is_dir():
        raise DataError(f"{path}: source: {source.folder!r} is no folder (looked for {folder}). Correct the path.")
    return folder


def _sample(source: SampleSource, path: Path) -> dict[str, RawTable]:
    from perflib.records.sample import make_extract, read_process

    try:
        tables = make_extract(read_process(source.sample))
    except ParameterError as error:
        raise ParameterError(f"{path}: {error}") from None
    numbered = {
        name: frame.set_axis(pd.RangeIndex(2, len(frame) + 2, name="row"), axis="index")
        for name, frame in tables.items()
    }
    return {name: RawTable.of(Cells.of_records(f"sample/{name}", frame)) for name, frame in numbered.items()}


def _folder(contract: Contract, source: FolderSource) -> dict[str, RawTable]:
    """Return the mapped tables, and from files or sheets of their own name the others."""
    files = Files(source, folder_of(source, contract.path))
    tables = map_tables(
        contract,
        {
            table: [(number, cells) for number in range(len(parts)) for cells in _cells(contract, files, table, number)]
            for table, parts in source.tables.items()
        },
    )
    for table in [name for name in TABLES if name not in source.tables]:
        found = _own_file(files, table, contract)
        if found is not None:
            tables[table] = found
        elif table in REQUIRED_TABLES:
            there = [*files.names(), *files.others()]
            raise DataError(
                f"{files.folder}: {table}.csv (or .parquet, .xlsx) is missing. The table {table!r} is required. "
                f"The folder holds {', '.join(there[:10]) or 'nothing'}{' ...' if len(there) > 10 else ''}. "
                f"Where another file or sheet holds it, say so in {contract.path}, `source: {{tables: ...}}`."
            )
    return tables


def _cells(contract: Contract, files: Files, table: str, number: int) -> list[Cells]:
    """Return the cells of one mapped part: of a file or sheet, or of each file that fits a pattern."""
    part = contract.source.tables[table][number]  # type: ignore[union-attr]
    assert isinstance(part, FileTable)

    def stop(message: str, *key: str) -> NoReturn:
        raise DataError(f"{yaml_errors.at(contract.path, 'source', 'tables', table, number, *key)}: {message}")

    there = files.names()
    fitting = [name for name in there if fnmatch(name.casefold(), part.file.casefold())]
    chosen_files = [name for name in there if name == part.file] or fitting
    if not chosen_files:
        stop(f"{files.folder} has no file {part.file!r}; {hint(part.file, there)}", "file")
    found: list[Cells] = []
    for name in chosen_files:
        sheets = files.sheets(name)
        chosen = [sheet for sheet in sheets if part.sheet is None or same(sheet) == same(part.sheet)]
        if sheets == [None] and part.sheet is not None:
            stop(f"{name} is no workbook: it has no sheets. Leave `sheet` out.", "sheet")
        if not chosen:
            stop(f"{name} has no sheet {part.sheet!r}; {hint(str(part.sheet), map(str, sheets))}", "sheet")
        if len(chosen) > 1:
            stop(f"{name} has the sheets {', '.join(map(str, sheets))}. Say which one with `sheet:`.", "file")
        place = f"{name} ({chosen[0]})" if len(sheets) > 1 else name
        needed = {*named(table, part), *_ours(table, contract)}
        found.append(replace(files.read(name, chosen[0], wanted(table, part), needed), place=place))
    first = {same(header) for header in found[0].frame} - {""}
    for cells in found[1:]:
        own = {same(header) for header in cells.frame} - {""}
        if own.isdisjoint(wanted(table, part)):  # its first row may be a person's, and is not repeated
            stop(f"{cells.place} has no header: none of its first rows names a column that is needed.", "file")
        if own != first:
            one, other = (cells, found[0]) if own - first else (found[0], cells)
            extra = min(own - first or first - own)
            stop(
                f"{one.place} has a column {extra!r} that {other.place} has not. Part files must have the same "
                f"columns; give those that differ a part of their own.",
                "file",
            )
    return found


def _ours(table: str, contract: Contract) -> list[str]:
    """Return the columns that a table may have under our names."""
    return [*TABLES[table], *(contract.programme.attributes if table == "participants" else ())]


def _own_file(files: Files, table: str, contract: Contract) -> RawTable | None:
    """Return a table that stands in a file of its own name, or in a sheet of the folder's only file, a workbook."""
    there = files.names()
    own = [name for name in there if stem(name) == table]
    if len(own) > 1:
        raise DataError(f"{files.folder}: {table} stands there as {' and '.join(own)}. Keep one.")
    wanted = {name for name, column in TABLES[table].items() if column.required}
    needed = _ours(table, contract)
    if own:
        sheets = files.sheets(own[0])
        sheet = next((sheet for sheet in sheets if sheet and same(sheet) == table), sheets[0] if sheets else None)
        if len(sheets) > 1 and sheet and same(sheet) != table:
            raise DataError(f"{own[0]}: has {len(sheets)} sheets, none of them {table!r}. Name one so.")
        return RawTable.of(files.read(own[0], sheet, wanted, needed))
    if len(there) == 1 and there[0].casefold().endswith(EXCEL):
        for sheet in files.sheets(there[0]):
            if same(sheet) == table:
                cells = files.read(there[0], sheet, wanted, needed)
                if table in REQUIRED_TABLES or not wanted.isdisjoint(map(same, cells.frame)):  # not other notes
                    return RawTable.of(replace(cells, place=f"{there[0]} ({sheet})"))
    return None
