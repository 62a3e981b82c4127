"""The cells of CSV, Parquet and Excel files: text as an analyst sees it, with the row numbers a spreadsheet shows.

Conventions
-----------
- The header is the first of the `TOP` first rows that names most of the columns asked for; a blank cell in it takes
  what stands above it, as where cells are merged. Lines of title may stand above it.
- Cells are text; blank ones are missing, and rows of blank cells are left out. Parquet keeps its types; its text and
  dates, which are many cells of few values, are read as categories.
- Excel dates become 2020-12-31, whole numbers have no point, and a number shown with leading zeros keeps them. In a
  column of numbers 1234.0 is 1234: it is how whole numbers are written where other cells of the column are blank.
- The delimiter of a CSV file is declared, or whichever its header has most of.
"""

from __future__ import annotations

import csv
import re
import statistics
import warnings
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any, TypeAlias
from xml.etree.ElementTree import ParseError
from zipfile import BadZipFile

import openpyxl  # type: ignore[import-untyped]
import pandas as pd
from openpyxl.utils.exceptions import InvalidFileException  # type: ignore[import-untyped]

from perflib.errors import DataError
from perflib.records.mapping import same
from perflib.records.parquet import read_parquet
from perflib.rules.data_source import FolderSource

TOP = 20
"""Rows among which the header is looked for."""

DELIMITERS = {",": ",", ";": ";", "|": "|", "tab": "\t"}
EXCEL = (".xlsx", ".xlsm")
ENDINGS = (".csv", ".parquet", *EXCEL)
"""The kinds of file that an extract may hold."""

Rows: TypeAlias = Sequence[Sequence[str | None]]


class Files:
    """The files of one folder. What is read is kept: several tables may stand in one sheet."""

    def __init__(self, source: FolderSource, folder: Path) -> None:
        self.source, self.folder = source, folder
        self._kept: dict[tuple[object, ...], Any] = {}

    def names(self) -> list[str]:
        """Return the files that can be read, in order; what an open workbook leaves beside itself is none."""
        found = [path.name for path in self.folder.iterdir() if path.suffix.casefold() in ENDINGS]
        return sorted(name for name in found if name[0] not in "~.")

    def sheets(self, name: str) -> list[str | None]:
        """Return the sheets of a workbook, in order; of any other file, None alone."""
        path = self.folder / name
        return list(self._once(_sheets, path)) if path.suffix.casefold() in EXCEL else [None]

    def read(self, name: str, sheet: str | None, wanted: Collection[str] | None) -> pd.DataFrame:
        """Return the cells of a file or sheet: columns as its header has them, index the row numbers.

        Parameters
        ----------
        name : str
            A file of the folder.
        sheet : str or None
            Of a workbook, one of its sheets.
        wanted : collection of str or None
            Headers, as `same` writes them, by which the header is found; None: it is the row with most texts.

        Raises
        ------
        DataError
            The file cannot be read.
        """
        path = self.folder / name
        if path.suffix.casefold() == ".parquet":
            return self._once(_parquet, path)
        if path.suffix.casefold() in EXCEL:
            return _below_header(self._once(_sheet, path, sheet), wanted)
        encoding = "utf-8-sig" if self.source.encoding.casefold() in ("utf-8", "utf8") else self.source.encoding
        return self._once(_csv, path, encoding, self.source.delimiter, None if wanted is None else frozenset(wanted))

    def _once(self, read: Callable[..., Any], *args: Any) -> Any:
        if (read, *args) not in self._kept:
            self._kept[read, *args] = read(*args)
        return self._kept[read, *args]


def _header_row(top: Rows, wanted: Collection[str] | None) -> int:
    """Return the place of the header: the first of the rows with most of what is wanted, or with most texts."""
    if wanted is None:
        scores = [len({cell for cell in row if cell and not _NUMBER.fullmatch(cell)}) for row in top]
    else:
        scores = [len({same(cell) for cell in _header(top, row)} & set(wanted)) for row in range(len(top))]
    return scores.index(max(scores)) if scores else 0


def _header(top: Rows, row: int) -> list[str]:
    """Return the names in a header row; a blank one takes the nearest above it."""
    names = []
    for place in range(len(top[row])):
        above = [line[place] for line in top[: row + 1] if place < len(line) and (line[place] or "").strip()]
        names.append(above[-1] or "" if above else "")
    return names


def _numbered(cells: pd.DataFrame, first: int) -> pd.DataFrame:
    """Number the rows as a spreadsheet does and leave blank lines out."""
    cells = cells.set_axis(pd.RangeIndex(first, len(cells) + first, name="row"), axis="index")
    whole = any(values.notna().all() for _, values in cells.items())  # looks at one column of most files
    return cells if whole else cells.dropna(how="all")


# ---------------------------------------------------------------------------------------------------------------- CSV


def _csv(path: Path, encoding: str, delimiter: str | None, wanted: Collection[str] | None) -> pd.DataFrame:
    try:
        with path.open(encoding=encoding, newline="") as file:
            lines = list(islice(file, TOP))
        between = DELIMITERS[delimiter] if delimiter else _delimiter(lines, wanted)
        top = list(csv.reader(lines, delimiter=between))
        row = _header_row(top, wanted)
        cells = pd.read_csv(
            path,
            header=None,
            skiprows=row,
            sep=between,
            dtype="str",
            encoding=encoding,
            keep_default_na=False,
            na_values=[""],
            skip_blank_lines=False,
        )
    except pd.errors.EmptyDataError:
        raise DataError(f"{path.name}: the file is empty. It must hold a header and a row for each record.") from None
    except UnicodeDecodeError as error:
        byte = error.object[error.start]
        likely = "utf-16" if byte in (0xFE, 0xFF) and error.start == 0 else "cp1252"
        raise DataError(
            f"{path.name}: is not {encoding.removesuffix('-sig')} (it holds the byte {byte:#04x}). "
            f"Name its encoding in the contract file, e.g. `source: {{folder: ..., encoding: {likely}}}`."
        ) from None
    except (pd.errors.ParserError, csv.Error, UnicodeError, LookupError, OSError) as error:
        raise DataError(f"{path.name}: cannot be read: {' '.join(str(error).split())}.") from None
    names = _header(top, row) if row < len(top) else []
    names += [""] * (cells.shape[1] - len(names))
    return _without_points(_numbered(cells.iloc[1:].set_axis(names[: cells.shape[1]], axis="columns"), row + 2))


def _delimiter(lines: Sequence[str], wanted: Collection[str] | None) -> str:
    """Return the delimiter that shows most of the wanted headers or, between equals, most cells in a line."""

    def found(delimiter: str) -> tuple[int, float]:
        rows = list(csv.reader(lines, delimiter=delimiter))
        named = max((len({same(cell) for cell in row} & set(wanted or ())) for row in rows), default=0)
        return named, statistics.median(map(len, rows)) if rows else 0

    return max(DELIMITERS.values(), key=found)


_NUMBER = re.compile(r"-?\d+(\.\d+)?")


def _without_points(frame: pd.DataFrame) -> pd.DataFrame:
    """Write whole numbers without a point in columns that hold nothing but numbers."""
    for place in range(frame.shape[1]):
        values = frame.iloc[:, place]
        first = values.first_valid_index()
        if first is None or not _NUMBER.fullmatch(str(values.loc[first]).strip()):
            continue
        codes, unique = pd.factorize(values)
        words = [str(word).strip() for word in unique]
        if all(map(_NUMBER.fullmatch, words)) and any(word.endswith(".0") for word in words):
            texts = pd.array([word.removesuffix(".0") for word in words], dtype="str")
            frame.isetitem(place, texts.take(codes, allow_fill=True))
    return frame


# ------------------------------------------------------------------------------------------------------------ Parquet


def _parquet(path: Path) -> pd.DataFrame:
    try:
        return _numbered(read_parquet(path), 2)
    except (OSError, ValueError) as error:
        raise DataError(
            f"{path.name}: cannot be read as Parquet: {' '.join(str(error).split()).rstrip('.')}."
        ) from None


# -------------------------------------------------------------------------------------------------------------- Excel


@contextmanager
def _open(path: Path) -> Iterator[openpyxl.Workbook]:
    try:
        with warnings.catch_warnings(action="ignore"):  # of styles and validations, which nothing here needs
            book = openpyxl.load_workbook(path, read_only=True, data_only=True)
            with closing(book):
                yield book
    except (InvalidFileException, BadZipFile, ParseError, KeyError, ValueError, OSError) as error:
        raise DataError(
            f"{path.name}: cannot be read as an Excel workbook: {' '.join(str(error).split())}. "
            f"Save it as .xlsx without a password."
        ) from None


def _sheets(path: Path) -> list[str]:
    with _open(path) as book:
        return [sheet.title for sheet in book.worksheets]


def _sheet(path: Path, name: str) -> list[list[str | None]]:
    """Return the cells of a sheet as text, a list a row."""
    with _open(path) as book:
        sheet = book[name]
        sheet.reset_dimensions()  # what other programs say of a sheet's size may be wrong
        grid = [[_text(cell) for cell in row] for row in sheet.iter_rows()]
    width = max(map(len, grid), default=0)
    return [row + [None] * (width - len(row)) for row in grid]


def _text(cell: Any) -> str | None:
    """Return a cell as a spreadsheet shows it, dates as 2020-12-31."""
    match cell.value:
        case None:
            return None
        case str() as text:
            return text or None
        case datetime() as moment:
            return f"{moment:%Y-%m-%d}" if moment.time() == datetime.min.time() else f"{moment:%Y-%m-%d %H:%M:%S}"
        case bool() as truth:
            return "true" if truth else "false"
        case int() as number:
            form = cell.number_format
            return f"{number:0{len(form)}d}" if set(form) == {"0"} else str(number)
        case float() as number:
            return str(number).removesuffix(".0")
        case other:
            return str(other)


def _below_header(grid: list[list[str | None]], wanted: Collection[str] | None) -> pd.DataFrame:
    row = _header_row(grid[:TOP], wanted)
    names = _header(grid, row) if grid else []
    cells = pd.DataFrame(grid[row + 1 :], columns=range(len(names)), dtype="str")
    return _numbered(cells.set_axis(names, axis="columns"), row + 2)
