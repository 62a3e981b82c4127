"""The cells of a CSV file, and what became of each of its lines.

Conventions
-----------
- A row's number is that of its first line, as a text editor shows it.
- The file is read at once, so that it cannot change meanwhile. It may be compressed: .csv.gz, or the only file of a
  .zip. What unfolds to more than `RATIO` times its size is not read.
- pandas reads it where each line is a record. Where lines and records differ in number (a cell in quotation marks
  holds line breaks, or a quotation mark was never closed) the `csv` module reads it record by record.
- A cell that holds line breaks and the delimiter as often as the header has swallowed other records: its lines are set
  aside, each as a record. So are rows with more cells than the header, and rows with a cell of `LONGEST` characters.
"""

from __future__ import annotations

import csv
import gzip
import io
import statistics
import sys
import zlib
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import IO
from zipfile import BadZipFile, ZipFile

import pandas as pd

from perflib.errors import DataError
from perflib.records.account import Lines
from perflib.records.cells import without_points
from perflib.records.header import TOP, header, header_row, no_records
from perflib.records.mapping import Cells, Lost, same

DELIMITERS = {",": ",", ";": ";", "|": "|", "tab": "\t"}

RATIO, FREE = 200, 64 * 2**20
"""A compressed file may unfold to so many times its size; below so many bytes it is never asked."""

LONGEST = 131_072
"""A cell of so many characters is none: a quotation mark is missing, or the file is not a table."""

PIECE = 50_000
"""Records that are held as Python's own texts at a time."""

SWALLOWED = "lines that a stray quotation mark joins into one"
TOO_MANY, TOO_LONG = "more cells than the header has", f"a cell of {LONGEST:,} characters or more"


def read_csv(
    path: Path,
    encoding: str,
    delimiter: str | None,
    wanted: Collection[str] | None,
    needed: Collection[str] | None = None,
) -> Cells:
    """Return the cells of a CSV file.

    Parameters
    ----------
    path : Path
    encoding : str
        As Python names it.
    delimiter : str, optional
        A key of `DELIMITERS`; by default whichever shows most of the header.
    wanted, needed : collection of str, optional
        As for `Files.read`.

    Raises
    ------
    DataError
        The file cannot be read.
    """
    text = _decoded(path, _content(path), encoding)
    if not text.strip("\r\n"):
        raise DataError(f"{path.name}: the file is empty. It must hold a header and a row for each record.")
    with _long_cells():
        lines = list(islice(io.StringIO(text, newline=""), TOP))
        between = DELIMITERS[delimiter] if delimiter else _delimiter(lines, wanted)
        top = list(csv.reader(lines, delimiter=between))
        row = header_row(top, wanted)
        if any("\n" in cell and between in cell for cell in top[row]):
            raise DataError(
                f"{path.name}: a quotation mark in the header (line {row + 1}) is closed on a later line, so that the"
                " header has swallowed records. Close it in the header, or take it out."
            )
        found = _by_pandas(text, between, row, header(top, row)) or _by_record(
            text, between, row, header(top, row), needed
        )
    cells, lost, account = found
    above = sum(not any(cell.strip() for cell in line) for line in top[:row])  # blank lines above are no header
    account = replace(account, header=account.header - above, blank=account.blank + above)
    rest = no_records(cells)
    cells = cells.drop(index=[one.row for one in rest]) if rest else cells
    return Cells(path.name, without_points(cells), account, tuple(sorted([*lost, *rest])))


# ------------------------------------------------------------------------------------------------------------- content


def _content(path: Path) -> bytes:
    """Return the bytes of a file, unfolded where it is compressed."""
    ending = path.suffix.casefold()
    try:
        if ending == ".gz":
            with gzip.open(path) as file:
                return _unfolded(file, path)  # type: ignore[arg-type]
        if ending == ".zip":
            with ZipFile(path) as archive:
                tables = [name for name in archive.namelist() if name.casefold().endswith((".csv", ".txt"))]
                if len(tables) != 1:
                    raise DataError(f"{path.name}: holds {len(tables)} CSV files. Put one into each .zip.")
                with archive.open(tables[0]) as file:
                    return _unfolded(file, path)
        return path.read_bytes()
    except (EOFError, zlib.error, BadZipFile, RuntimeError, OSError) as error:
        raise DataError(f"{path.name}: cannot be read: {' '.join(str(error).split())}.") from None


def _unfolded(file: IO[bytes], path: Path) -> bytes:
    most, parts, size = max(FREE, RATIO * path.stat().st_size), [], 0
    while part := file.read(2**20):
        parts.append(part)
        size += len(part)
        if size > most:
            raise DataError(
                f"{path.name}: unfolds to more than {RATIO} times its size ({most // 2**20:,} MB). Put the CSV file "
                f"itself into the folder if that is right."
            )
    return b"".join(parts)


def _decoded(path: Path, content: bytes, encoding: str) -> str:
    try:
        if encoding.casefold() in ("utf-16", "utf16") and content[:2] not in (b"\xff\xfe", b"\xfe\xff"):
            raise UnicodeError("UTF-16 stream does not start with BOM")
        return content.decode("utf-8-sig" if encoding.casefold() in ("utf-8", "utf8") else encoding)
    except UnicodeDecodeError as error:
        byte, line = content[error.start], content.count(b"\n", 0, error.start) + 1
        likely = "utf-16" if byte in (0xFE, 0xFF) and error.start == 0 else "cp1252"
        raise DataError(
            f"{path.name}: is not {encoding.removesuffix('-sig')} (it holds the byte {byte:#04x}). Name its encoding "
            f"in the contract file, e.g. `source: {{folder: ..., encoding: {likely}}}`. The byte is in row {line}."
        ) from None
    except (UnicodeError, LookupError) as error:
        raise DataError(f"{path.name}: cannot be read: {' '.join(str(error).split())}.") from None


@contextmanager
def _long_cells() -> Iterator[None]:
    """Let the csv module read cells of any length, to say where they stand."""
    before = csv.field_size_limit(min(sys.maxsize, 2**31 - 1))
    try:
        yield
    finally:
        csv.field_size_limit(before)


def _delimiter(lines: Sequence[str], wanted: Collection[str] | None) -> str:
    """Return the delimiter that shows most of the wanted headers or, between equals, most cells in a line."""

    def found(delimiter: str) -> tuple[int, float]:
        rows = list(csv.reader(lines, delimiter=delimiter))
        named = max((len({same(cell) for cell in row} & set(wanted or ())) for row in rows), default=0)
        return named, statistics.median(map(len, rows)) if rows else 0

    return max(DELIMITERS.values(), key=found)


# ------------------------------------------------------------------------------------------------------------- records

_Found = tuple[pd.DataFrame, list[Lost], Lines]


def _lines(text: str) -> int:
    """Count the lines of a text, as the csv module does."""
    count = text.count("\n")
    if "\r" in text:
        count += text.count("\r") - text.count("\r\n")
    return count + (not text.endswith(("\n", "\r")))


def _by_pandas(text: str, between: str, row: int, names: Sequence[str]) -> _Found | None:
    """Read a text in which each line is a record; None where one is not."""
    if "\0" in text or _has_long_line(text):
        return None
    try:
        cells = pd.read_csv(
            io.StringIO(text, newline=""),
            header=None,
            skiprows=row,
            sep=between,
            dtype="str",
            keep_default_na=False,
            na_values=[""],
            skip_blank_lines=False,
        )
    except (pd.errors.ParserError, pd.errors.EmptyDataError):
        return None
    lines = _lines(text)
    if lines != row + len(cells):
        return None
    cells = _named(cells.iloc[1:], names).set_axis(pd.RangeIndex(row + 2, lines + 1, name="row"), axis="index")
    whole = any(values.notna().all() for _, values in cells.items())  # looks at one column of most files
    filled = cells if whole else cells.dropna(how="all")
    return filled, [], Lines(lines, row + 1, len(cells) - len(filled), 0, len(filled))


def _has_long_line(text: str) -> bool:
    """Look whether a line is so long that a cell of it may be too long."""
    step = LONGEST // 2
    return any(text.find("\n", start, start + step) < 0 for start in range(0, len(text) - step, step))


def _named(cells: pd.DataFrame, names: Sequence[str]) -> pd.DataFrame:
    names = [*names, *[""] * (cells.shape[1] - len(names))]
    return cells.set_axis(names[: cells.shape[1]], axis="columns")


@dataclass
class _Records:
    """The records of a text, as they are gone through."""

    width: int
    delimiter: str
    checked: Sequence[int]
    blank: int = 0
    continuation: int = 0

    def why_lost(self, record: Sequence[str]) -> str | None:
        """Say why a record cannot be used, by its cells."""
        if any(cell for cell in record[self.width :]):
            return TOO_MANY
        if any(len(record[position]) >= LONGEST for position in self.checked if position < len(record)):
            return TOO_LONG
        return None

    def has_swallowed(self, record: Sequence[str]) -> bool:
        """Look whether cells with line breaks hold the delimiter, or hand on cells, as often as the header has it."""
        inside = sum(cell.count(self.delimiter) for cell in record if "\n" in cell or "\r" in cell)
        return inside + max(len(record) - self.width, 0) >= max(self.width - 1, 1)


def _by_record(text: str, between: str, row: int, names: Sequence[str], needed: Collection[str] | None) -> _Found:
    """Read a text record by record."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=between)
    for _ in range(row + 1):
        next(reader, None)
    first = reader.line_num
    checked = [position for position, name in enumerate(names) if needed is None or same(name) in needed]
    records, lost = _Records(len(names), between, checked), list[Lost]()
    numbers, kept, pieces = list[int](), list[list[str]](), list[pd.DataFrame]()
    before = first
    for record in reader:
        line, before = before + 1, reader.line_num
        joined = before - line
        if not any(record):
            records.blank += 1
            records.continuation += joined
        elif joined and records.has_swallowed(record):
            lost += [Lost(at, SWALLOWED, at > line) for at in range(line, before + 1)]
        else:
            records.continuation += joined
            reason = records.why_lost(record)
            if reason is None:
                kept.append(record[: len(names)] + [""] * (len(names) - len(record)))
                numbers.append(line)
            else:
                lost.append(Lost(line, reason))
        if len(kept) == PIECE:
            pieces.append(_frame(kept, len(names)))
            kept = []
    pieces.append(_frame(kept, len(names)))
    cells = pd.concat(pieces, ignore_index=True) if len(pieces) > 1 else pieces[0]
    cells = cells.set_axis(list(names), axis="columns").set_axis(
        pd.Index(numbers, dtype="int64", name="row"), axis="index"
    )
    account = Lines(_lines(text), first, records.blank, records.continuation, len(numbers) + len(lost))
    return cells, lost, account


def _frame(rows: Sequence[Sequence[str]], width: int) -> pd.DataFrame:
    columns = zip(*rows, strict=True) if rows else [()] * width
    read: dict[int, pd.Series] = {
        position: pd.Series(pd.array([cell or None for cell in column], dtype="str"))
        for position, column in enumerate(columns)
    }
    return pd.DataFrame(read, copy=False)
