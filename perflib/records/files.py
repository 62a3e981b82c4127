"""The files of a folder: which can be read, and the cells of each, with what became of its lines.

Conventions
-----------
- CSV (.csv, .csv.gz, or alone in a .zip), Parquet, and workbooks: .xlsx and .xlsm; .xls, .xlsb and .ods where the
  package python-calamine is installed. Names fold case.
- Cells are text; blank ones are missing, and rows of blank cells are left out and counted. Parquet keeps its types; its
  text and dates, which are many cells of few values, are read as categories.
- The delimiter of a CSV file is declared, or whichever its header has most of.
- Columns that nobody needs never stop a file.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

import pandas as pd

from perflib.errors import DataError
from perflib.records.account import Lines
from perflib.records.csv_file import read_csv
from perflib.records.excel import CALAMINE, OPENPYXL, below_header, read_grid, sheet_names
from perflib.records.mapping import Cells
from perflib.records.parquet import read_parquet
from perflib.rules.data_source import FolderSource

CSV = (".csv", ".csv.gz", ".csv.zip", ".zip")
EXCEL = (*OPENPYXL, *CALAMINE)
ENDINGS = (*CSV, ".parquet", *EXCEL)
"""The kinds of file that an extract may hold."""


class Files:
    """The files of one folder. What is read is kept: several tables may stand in one sheet."""

    def __init__(self, source: FolderSource, folder: Path) -> None:
        self.source, self.folder = source, folder
        self._kept: dict[tuple[object, ...], Any] = {}

    def names(self) -> list[str]:
        """Return the files that can be read, in order; what an open workbook leaves beside itself is none."""
        found = [path.name for path in self.folder.iterdir() if path.name.casefold().endswith(ENDINGS)]
        return sorted(name for name in found if name[0] not in "~.")

    def others(self) -> list[str]:
        """Return what else stands in the folder, to be named where a table is missing."""
        there = sorted(path.name for path in self.folder.iterdir() if path.name[0] not in "~.")
        return [name for name in there if name not in self.names()]

    def sheets(self, name: str) -> list[str | None]:
        """Return the sheets of a workbook, in order; of any other file, None alone."""
        path = self.folder / name
        if not name.casefold().endswith(EXCEL):
            return [None]
        _refuse_what_is_no_file(path)
        return list(self._once(sheet_names, path))

    def read(
        self, name: str, sheet: str | None, wanted: Collection[str] | None, needed: Collection[str] | None = None
    ) -> Cells:
        """Return the cells of a file or sheet: columns as its header has them, index the row numbers.

        Parameters
        ----------
        name : str
            A file of the folder.
        sheet : str or None
            Of a workbook, one of its sheets.
        wanted : collection of str or None
            Headers, as `same` writes them, by which the header is found; None: it is the row with most texts.
        needed : collection of str or None
            Headers of the columns that are read, those wanted among them; None: all.

        Raises
        ------
        DataError
            The file cannot be read.
        """
        path, kind = self.folder / name, name.casefold()
        _refuse_what_is_no_file(path)
        asked = None if wanted is None else frozenset(wanted)
        columns = None if needed is None else frozenset(needed) | (asked or frozenset())
        if kind.endswith(".parquet"):
            return self._once(_parquet, path, columns)
        if kind.endswith(EXCEL):
            return below_header(name, self._once(read_grid, path, sheet), wanted)
        return self._once(read_csv, path, self.source.encoding, self.source.delimiter, asked, columns)

    def _once(self, read: Callable[..., Any], *args: Any) -> Any:
        if (read, *args) not in self._kept:
            self._kept[read, *args] = read(*args)
        return self._kept[read, *args]


def stem(name: str) -> str:
    """Return a file's name without its ending, in small letters.

    >>> stem("EVENTS.CSV.GZ"), stem("events.2020.csv")
    ('events', 'events.2020')
    """
    folded = name.casefold()
    return folded.removesuffix(max((ending for ending in ENDINGS if folded.endswith(ending)), key=len, default=""))


def _refuse_what_is_no_file(path: Path) -> None:
    """Refuse a folder, a pipe or a broken link at once: to open a pipe would wait without end."""
    if not path.is_file():
        kind = "a folder" if path.is_dir() else "a link to nothing" if path.is_symlink() else "a pipe or device"
        raise DataError(f"{path.name}: is {kind}, not a file. Put the file itself into the folder.")


def _parquet(path: Path, needed: Collection[str] | None) -> Cells:
    try:
        frame = read_parquet(path, needed)
    except (OSError, ValueError, TypeError, OverflowError, KeyError, RuntimeError) as error:
        raise DataError(
            f"{path.name}: cannot be read as Parquet: {' '.join(str(error).split()).rstrip('.')}."
        ) from None
    numbered = frame.set_axis(pd.RangeIndex(2, len(frame) + 2, name="row"), axis="index")
    whole = any(values.notna().all() for _, values in numbered.items())  # looks at one column of most files
    cells = numbered if whole else numbered.dropna(how="all")
    return Cells(path.name, cells, Lines(len(frame), 0, len(frame) - len(cells), 0, len(cells)))
