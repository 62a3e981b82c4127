"""The cells of a workbook: text as a spreadsheet shows it, with the row numbers that it shows.

Conventions
-----------
- Dates become 2020-12-31, whole numbers have no point, and a number shown with leading zeros keeps them.
- Rows and columns that hold nothing are never made, however far off a stray cell stands. Columns after a gap of `GAP`
  are not read. A row number beyond Excel's own, or a workbook that unfolds to more than `RATIO` times its size, is
  refused.
- A formula whose value was never saved, as programs other than a spreadsheet write it, is told as such: it is no blank.
- Charts, styles and links are not read: what is wrong with them stops nothing.
- .xls, .xlsb and .ods are read by python-calamine, where it is installed.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Collection, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from zipfile import BadZipFile, ZipFile

import openpyxl  # type: ignore[import-untyped]
import pandas as pd
from openpyxl.reader.excel import ExcelReader  # type: ignore[import-untyped]

from perflib.errors import DataError, PerfError
from perflib.records.account import Lines
from perflib.records.cells import EXACT_IN_EXCEL, UNSAVED, text_of
from perflib.records.header import TOP, header, header_row, no_records
from perflib.records.mapping import Cells

OPENPYXL, CALAMINE = (".xlsx", ".xlsm"), (".xls", ".xlsb", ".ods")

MOST_ROWS, GAP = 2**20, 256
"""Excel's own number of rows, and blank columns after which nothing is part of the table."""

NO_VALUE = re.compile(rb"(</f>|<f[^>]*/>)\s*(<v\s*/>|<v></v>)?\s*</c>")
"""A formula in the XML of a sheet, without its value."""

RATIO, FREE = 150, 64 * 2**20
"""A workbook may unfold to so many times its size; below so many bytes it is never asked."""


@dataclass(frozen=True)
class Grid:
    """The filled rows of a sheet as text, with their numbers; all are as long as the first of them."""

    rows: list[list[str | None]]
    numbers: list[int]


def sheet_names(path: Path) -> list[str]:
    """Return the sheets of a workbook, in order; those of charts are none."""
    if path.suffix.casefold() in CALAMINE:
        with _explained(path):
            return [str(name) for name in _calamine(path).sheet_names]
    with _open(path) as book:
        return [sheet.title for sheet in book.worksheets]


def read_grid(path: Path, name: str) -> Grid:
    """Return the filled rows of a sheet.

    Raises
    ------
    DataError
        The sheet cannot be read, or is not what a person made.
    """
    if path.suffix.casefold() in CALAMINE:
        _refuse_bombs(path)
        with _explained(path, name):
            rows = _calamine(path).get_sheet_by_name(name).to_python(skip_empty_area=False)
            return _grid([(number, [_typed(cell) for cell in row]) for number, row in enumerate(rows, 1)])
    with _open(path, name) as book:
        sheet, unsaved = book[name], _unsaved(path, name)
        sheet.reset_dimensions()  # what other programs say of a sheet's size may be wrong
        width = _width(sheet)
        filled, before = [], None
        for number, row in enumerate(sheet.iter_rows(max_col=width), 1):
            if number > MOST_ROWS:
                raise DataError(
                    f"{path.name} ({name}): has a row beyond {MOST_ROWS:,}, which Excel does not have. "
                    f"Copy the table into a new sheet."
                )
            texts = [] if row is before else [_text(cell) for cell in row]  # openpyxl fills gaps with one empty row
            before = row
            if number in unsaved:
                texts = [text or (UNSAVED if place in unsaved[number] else None) for place, text in enumerate(texts)]
            if any(texts):
                filled.append((number, texts))
        return _grid(filled)


def _unsaved(path: Path, name: str) -> dict[int, set[int]]:
    """Find formulas without a saved value: row numbers, and positions in the row from 0."""
    with ZipFile(path) as file:
        sheets = [part for part in file.namelist() if part.startswith("xl/worksheets/")]
        if not any(NO_VALUE.search(file.read(part)) for part in sheets):
            return {}
    with _open(path, name, values=False) as formulas, _open(path, name) as book:
        pairs = zip(formulas[name].iter_rows(), book[name].iter_rows(), strict=False)
        found = {
            number: {
                place
                for place, (formula, cell) in enumerate(zip(row, values, strict=False))
                if formula.value is not None and cell.value is None
            }
            for number, (row, values) in enumerate(pairs, 1)
        }
    return {number: places for number, places in found.items() if places}


def below_header(place: str, grid: Grid, wanted: Collection[str] | None) -> Cells:
    """Return the cells below the header of a sheet, and what became of its rows."""
    top = grid.rows[:TOP]
    row = header_row(top, wanted)
    names = header(top, row) if top else []
    cells = pd.DataFrame(grid.rows[row + 1 :], columns=range(len(names)), dtype="str")
    numbers = pd.Index(grid.numbers[row + 1 :], dtype="int64", name="row")
    cells = cells.set_axis(names, axis="columns").set_axis(numbers, axis="index")
    lines, first = max(grid.numbers, default=0), grid.numbers[row] if grid.numbers else 0
    lost = no_records(cells)
    kept = cells.drop(index=[one.row for one in lost]) if lost else cells
    return Cells(place, kept, Lines(lines, first, lines - first - len(cells), 0, len(cells)), tuple(lost))


def _grid(rows: Sequence[tuple[int, list[str | None]]]) -> Grid:
    filled = [(number, row) for number, row in rows if any(row)]
    width = max((len(row) for _, row in filled), default=0)
    return Grid([row + [None] * (width - len(row)) for _, row in filled], [number for number, _ in filled])


def _width(sheet: Any) -> int:
    """Return how many columns the table has, by its first rows; what stands after a wide gap is not part of it."""
    columns: set[int] = set()
    for number, row in enumerate(sheet.iter_rows(), 1):
        filled = [position for position, cell in enumerate(row, 1) if cell.value not in (None, "")]
        columns.update(filled)
        if number >= 2 * TOP:
            break
    last = 0
    for column in sorted(columns):
        if column - last > GAP:
            break
        last = column
    return max(last, 1)


def _text(cell: Any) -> str | None:
    """Return a cell as a spreadsheet shows it, dates as 2020-12-31."""
    value = cell.value
    if isinstance(value, int) and not isinstance(value, bool):
        form = cell.number_format
        return f"{value:0{len(form)}d}" if set(form) == {"0"} else str(value)
    return text_of(value, EXACT_IN_EXCEL)


def _typed(cell: Any) -> str | None:
    return text_of(cell, EXACT_IN_EXCEL)


@contextmanager
def _open(path: Path, sheet: str = "", *, values: bool = True) -> Iterator[openpyxl.Workbook]:
    _refuse_bombs(path)
    with _explained(path, sheet), warnings.catch_warnings(action="ignore"):  # of styles and validations, not needed
        reader = ExcelReader(path, read_only=True, data_only=values, keep_links=False)
        reader.read_chartsheet = lambda *_: None
        reader.read()
        with closing(reader.wb):
            yield reader.wb


def _refuse_bombs(path: Path) -> None:
    try:
        with ZipFile(path) as archive:
            size = sum(part.file_size for part in archive.infolist())
    except (BadZipFile, OSError, ValueError, RuntimeError):
        return  # what it is instead is said when it is opened
    if size > max(FREE, RATIO * path.stat().st_size):
        raise DataError(
            f"{path.name}: unfolds to {size // 2**20:,} MB, more than {RATIO} times its size. "
            f"Copy the tables into a new workbook, or save them as CSV."
        )


@contextmanager
def _explained(path: Path, sheet: str = "") -> Iterator[None]:
    """Turn whatever a reader raises into one line."""
    try:
        yield
    except PerfError:
        raise
    except MemoryError:
        raise
    except Exception as error:  # readers raise anything at all from a damaged file
        kind = "an Excel workbook" if path.suffix.casefold() in OPENPYXL else "a workbook"
        said = " ".join(str(error).split())[:120].rstrip(".") or type(error).__name__
        raise DataError(
            f"{path.name}{f' ({sheet})' if sheet else ''}: cannot be read as {kind}: {said}. "
            f"Save it as .xlsx without a password."
        ) from None


def _calamine(path: Path) -> Any:
    if find_spec("python_calamine") is None:
        raise DataError(
            f"{path.name}: {path.suffix} is read by the package python-calamine, which is not installed. "
            f"Install it (pip install python-calamine), or save the file as .xlsx."
        )
    from python_calamine import CalamineWorkbook

    return CalamineWorkbook.from_path(str(path))
