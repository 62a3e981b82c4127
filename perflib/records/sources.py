"""Where an extract comes from: a folder of files, or the built-in sample. The only module that reads data."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from pydantic import ValidationError

from perflib.errors import DataError, ParameterError
from perflib.records.schemas import REQUIRED_TABLES, TABLES
from perflib.rules.contract import Contract, FolderSource, SampleSource


@dataclass(frozen=True)
class RawTable:
    """The cells of one table as its file has them.

    Attributes
    ----------
    file : str
        What messages call it.
    frame : DataFrame
        Cells as text, blank ones missing (or typed, where the file has types); index the number of each row as a
        spreadsheet shows it, the header being row 1.
    """

    file: str
    frame: pd.DataFrame


def read_source(contract: Contract) -> dict[str, RawTable]:
    """Return the tables of a contract's extract.

    Raises
    ------
    DataError
        The folder or a required table is missing, or a file cannot be read.
    """
    if isinstance(contract.source, SampleSource):
        return _sample(contract.source, contract.path)
    return _folder(contract.source, contract.path)


def _sample(source: SampleSource, path: Path) -> dict[str, RawTable]:
    from perflib.records.sample import SampleProcess, make_extract

    try:
        process = SampleProcess.model_validate(source.sample)
    except ValidationError as error:
        fault = error.errors()[0]
        place = ".".join(str(part) for part in fault["loc"])
        raise ParameterError(f"{path}: source.sample.{place}: {fault['input']!r}: {fault['msg']}.") from None
    tables = make_extract(process)
    return {name: RawTable(f"sample/{name}", _numbered(frame)) for name, frame in tables.items()}


def _folder(source: FolderSource, path: Path) -> dict[str, RawTable]:
    folder = (path.parent / source.folder).resolve()
    if not folder.is_dir():
        raise DataError(f"{path}: source: {source.folder!r} is no folder (looked for {folder}). Correct the path.")
    tables = {}
    for name in TABLES:
        found = [folder / f"{name}{ending}" for ending in READERS if (folder / f"{name}{ending}").is_file()]
        if len(found) > 1:
            raise DataError(f"{folder}: {name} stands there as {' and '.join(f.name for f in found)}. Keep one.")
        if found:
            tables[name] = RawTable(found[0].name, _numbered(READERS[found[0].suffix](found[0], source)))
        elif name in REQUIRED_TABLES:
            raise DataError(f"{folder}: {name}.csv (or .parquet) is missing. The table {name!r} is required.")
    return tables


def _numbered(frame: pd.DataFrame) -> pd.DataFrame:
    """Number the rows as a spreadsheet does and leave blank lines out."""
    frame = frame.set_axis(pd.RangeIndex(2, len(frame) + 2, name="row"), axis="index")
    return frame.dropna(how="all")


def _csv(path: Path, source: FolderSource) -> pd.DataFrame:
    try:
        cells = pd.read_csv(
            path,
            header=None,
            dtype="str",
            encoding="utf-8-sig" if source.encoding.casefold() in ("utf-8", "utf8") else source.encoding,
            keep_default_na=False,
            na_values=[""],
            skip_blank_lines=False,
        )
    except pd.errors.EmptyDataError:
        raise DataError(f"{path.name}: the file is empty. It must hold a header and a row for each record.") from None
    except UnicodeDecodeError as error:
        raise DataError(
            f"{path.name}: is not {source.encoding} (it holds the byte {error.object[error.start]:#04x}). "
            f"Name its encoding in the contract file, e.g. `source: {{folder: ..., encoding: cp1252}}`."
        ) from None
    except (pd.errors.ParserError, UnicodeError, LookupError, OSError) as error:
        raise DataError(f"{path.name}: cannot be read: {' '.join(str(error).split())}.") from None
    return cells.iloc[1:].set_axis(cells.iloc[0].fillna("").to_list(), axis="columns")


def _parquet(path: Path, source: FolderSource) -> pd.DataFrame:  # noqa: ARG001 - the same form as the other readers
    try:
        return pd.read_parquet(path)
    except (OSError, ValueError) as error:
        raise DataError(f"{path.name}: cannot be read as Parquet: {' '.join(str(error).split())}.") from None


READERS: dict[str, Callable[[Path, FolderSource], pd.DataFrame]] = {".csv": _csv, ".parquet": _parquet}
"""Ending, reader: the kinds of file that a folder may hold."""
