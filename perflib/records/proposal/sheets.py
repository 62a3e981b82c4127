"""The sheets of an extract that nobody has described, and what the cells of their columns look like."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd

from perflib.records.cells import DAY_NUMBER, MONTH_FIRST_ONLY, Reading, read_dates
from perflib.records.files import Files, stem
from perflib.records.mapping import MONTH_FIRST, same
from perflib.records.proposal.names import LIKELY, RECORDED, words
from perflib.records.schemas import TABLES, parse_dates

ENCODINGS = ("utf-8", "utf-16", "cp1252")


class Cells:
    """One column of a sheet: its header and what its cells look like."""

    def __init__(self, header: str, values: pd.Series) -> None:
        self.header, self.words = header, words(header)
        places, distinct = pd.factorize(values)
        self.cells = values[~np.append(Reading().blank(pd.Series(distinct)), True)[places]]
        self.filled = len(self.cells)

    @cached_property
    def dates(self) -> int:
        """How many cells are dates, with the day first."""
        return int(parse_dates(self.cells).notna().sum())

    @cached_property
    def american(self) -> int:
        """How many cells are dates with the month first."""
        texts = self.cells.astype("str").str.strip()
        return int(parse_dates(texts.str.replace(MONTH_FIRST, r"\2/\1/\3", regex=True)).notna().sum())

    @cached_property
    def reasons(self) -> Mapping[str, int]:
        """How many cells are no date with the day first, by what they are instead."""
        places, words = pd.factorize(self.cells.astype("str"))
        _, reasons = read_dates(pd.Series(words))
        times = np.bincount(places, minlength=len(words))
        found = Counter[str]()
        for position, reason in reasons.items():
            found[reason] += int(times[position])
        return found

    @property
    def month_above_twelve(self) -> int:
        """How many cells are a date only with the month first."""
        return self.reasons.get(MONTH_FIRST_ONLY, 0)

    @cached_property
    def day_above_twelve(self) -> int:
        """How many cells are a date only with the day first."""
        texts = self.cells.astype("str").str.strip()
        return int((texts.str.match(r"(?:1[3-9]|2\d|3[01])/(?:0?\d|1[0-2])/\d{4}")).sum())

    @cached_property
    def undecided(self) -> int:
        """How many cells are a date with the day first and another with the month first."""
        texts = self.cells.astype("str").str.strip()
        return int(texts.str.match(r"(?:0?[1-9]|1[0-2])/(?:0?[1-9]|1[0-2])/\d{4}").sum())

    @property
    def day_numbers(self) -> int:
        """How many cells are day numbers of Excel."""
        return self.reasons.get(DAY_NUMBER, 0)

    @cached_property
    def zoned(self) -> int:
        """How many cells are instants with a zone."""
        if isinstance(self.cells.dtype, pd.DatetimeTZDtype):
            return self.filled
        if isinstance(self.cells.dtype, pd.CategoricalDtype):
            return self.filled * isinstance(self.cells.cat.categories.dtype, pd.DatetimeTZDtype)
        return int(self.cells.astype("str").str.contains(r"\d:\d\d\S*\s?(?:Z|UTC|[+-]\d\d(?::?\d\d)?)$").sum())

    @property
    def distinct(self) -> int:
        """How many words differ."""
        return len(self.counts)

    @property
    def said(self) -> str:
        """How many cells are dates, for a comment."""
        return f"{max(self.dates, self.american, self.day_numbers):,} of {self.filled:,} filled cells are dates"

    @property
    def is_date(self) -> bool:
        """Whether most filled cells are dates."""
        numbers = self.day_numbers if {"date", "on", "day"} | RECORDED & set(self.words) else 0
        return self.filled > 0 and max(self.dates, self.american, numbers) >= LIKELY * self.filled

    @cached_property
    def counts(self) -> pd.Series:
        """How often each word occurs, as codes are compared."""
        return self.cells.astype("str").str.strip().str.casefold().value_counts()

    def share(self, known: Iterable[str]) -> float:
        """Return the share of filled cells that are among the words known."""
        return float(self.counts[self.counts.index.isin(list(known))].sum() / self.filled) if self.filled else 0.0


@dataclass(frozen=True, eq=False)
class Sheet:
    """A file, part files of one form, or a sheet: cells with a header."""

    file: str
    sheet: str | None
    frame: pd.DataFrame

    @property
    def place(self) -> str:
        """What messages call it."""
        return f"{self.file} ({self.sheet})" if self.sheet else self.file

    @cached_property
    def columns(self) -> list[Cells]:
        """Columns with a name of their own."""
        named = self.frame.columns.str.strip() != ""
        once = ~self.frame.columns.duplicated(keep=False)
        return [Cells(str(header), self.frame[header]) for header in self.frame.columns[named & once]]

    @cached_property
    def has_header(self) -> bool:
        """Whether it looks like names: a date, or what is a cell of its own column, is a row of data."""
        headers = pd.Series([column.header for column in self.columns], dtype="str")
        cells = any(same(column.header) in column.counts.index for column in self.columns)
        return not (cells or parse_dates(headers).notna().any())

    @cached_property
    def dates(self) -> list[Cells]:
        """Columns of dates."""
        return [column for column in self.columns if column.is_date]

    @cached_property
    def recorded(self) -> list[Cells]:
        """Columns of dates on which something was recorded, by their names."""
        return [column for column in self.dates if RECORDED & set(column.words)]

    @cached_property
    def own_dates(self) -> list[Cells]:
        """Columns of dates on which something happened, or may have."""
        return [column for column in self.dates if column not in self.recorded]

    @cached_property
    def others(self) -> list[Cells]:
        """Columns of anything else."""
        return [column for column in self.columns if not column.is_date]

    def is_plain(self, table: str) -> bool:
        """Whether this is a table of the data dictionary under its own name, in its own columns."""
        own = stem(self.file) == table or (self.sheet is not None and same(self.sheet) == table)
        headers = {same(header) for header in self.frame.columns}
        return own and all(name in headers for name, column in TABLES[table].items() if column.required)


def encoding_of(folder: Path) -> str:
    """Return the first encoding in which every CSV file of the folder can be read."""
    files = [path for path in sorted(folder.iterdir()) if path.suffix.casefold() == ".csv" and path.is_file()]
    return next((name for name in ENCODINGS if all(_reads(path, name) for path in files)), ENCODINGS[0])


def _reads(path: Path, encoding: str) -> bool:
    try:
        with path.open(encoding=encoding) as file:
            return all("\0" not in line for line in file)
    except UnicodeError:
        return False


def sheets_of(files: Files) -> list[Sheet]:
    """Return the sheets of a folder; files whose names differ in numbers alone, with one header, are parts of one."""
    found: dict[tuple[str, str | None, tuple[str, ...]], list[tuple[str, pd.DataFrame]]] = {}
    for name in files.names():
        for sheet in files.sheets(name):
            frame = files.read(name, sheet, None).frame
            if len(frame):
                key = (_pattern(name, files.names()), sheet, tuple(sorted(map(same, frame.columns))))
                found.setdefault(key, []).append((name, frame))
    several = {name for name in files.names() if len(files.sheets(name)) > 1}
    return [
        Sheet(
            pattern if len(parts) > 1 else parts[0][0],
            sheet if parts[0][0] in several else None,
            pd.concat([frame for _, frame in parts], ignore_index=True),
        )
        for (pattern, sheet, _), parts in found.items()
    ]


def _pattern(name: str, others: Sequence[str]) -> str:
    """Return a name with * for its numbers, where that fits no file but those that differ in numbers alone."""
    numbers = re.compile(r"\d+(?:[-_.]\d+)*(?=.*[.])")
    pattern = numbers.sub("*", name)
    return pattern if all(numbers.sub("*", other) == pattern for other in others if fnmatch(other, pattern)) else name
