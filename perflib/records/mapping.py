"""Tables in an extract's own columns and codes, turned into those of the data dictionary.

What a contract's `source: {tables: ...}` says is applied to cells that a reader has found: columns are renamed, words
become codes, and a wide table (one date column an event) becomes rows of events. Nothing is judged here: what cannot
be used is found by `schemas`, as for any other table.

Conventions
-----------
- Headers are compared without regard to case and to the number of spaces or line breaks; cells as codes are, trimmed
  and casefolded.
- A blank date cell of a wide row is no event, unless the event's own recorded column is filled: then a date is missing.
- Every row knows where it stands in the extract, so that messages name the file, row and column that an analyst sees.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, NoReturn

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from perflib.errors import DataError
from perflib.records.account import Lines
from perflib.records.cells import Reading
from perflib.records.schemas import TABLES
from perflib.rules import yaml_errors
from perflib.rules.contract import Contract
from perflib.rules.data_source import Mapped
from perflib.rules.dated import Place, hint

OF_THE_ROW = ("referral_id", "source")
"""Columns that all events of a wide row share, where the extract has them under our names."""

MONTH_FIRST = re.compile(r"^\s*(\d{1,2})/(\d{1,2})/(\d{4})\b")

FIRST = 2
"""The number of a mapped table's first row, as the header of a file is row 1."""


class Lost(NamedTuple):
    """A row that is no record or cannot be told apart from others: its number, why, and whether another joined it."""

    row: int
    reason: str
    swallowed: bool = False


@dataclass(frozen=True)
class Cells:
    """Cells as they stand somewhere in an extract.

    Attributes
    ----------
    place : str
        What an analyst calls it: referrals.xlsx (Jobs).
    frame : DataFrame
        Text, or typed where the extract has types; columns as the header has them, index the row numbers there.
    lines : Lines
        How its lines divide. Its records are the rows of `frame` and those lost.
    lost : tuple of Lost
        Rows that are not in `frame`.
    wide : bool
        Whether each row is read as several events.
    """

    place: str
    frame: pd.DataFrame
    lines: Lines = field(default_factory=Lines)
    lost: tuple[Lost, ...] = ()
    wide: bool = False

    @classmethod
    def of_records(cls, place: str, frame: pd.DataFrame) -> Cells:
        """Return cells of which each line is a record, as in a database."""
        return cls(place, frame, Lines(lines=len(frame), records=len(frame)))


@dataclass(frozen=True)
class Origin:
    """Where a table, or a part of it, was read from, without the cells.

    Attributes
    ----------
    place : str
        As `Cells.place`.
    lines : Lines
        How its lines divide.
    lost : tuple of Lost
        Records that were set aside before any cell was read.
    rows : Index of int, optional
        Where each row is read as several events: the numbers of its rows.
    """

    place: str
    lines: Lines
    lost: tuple[Lost, ...] = ()
    rows: pd.Index | None = None

    @classmethod
    def of(cls, cells: Cells, *, wide: bool = False) -> Origin:
        """Return where some cells stand."""
        return cls(cells.place, cells.lines, cells.lost, cells.frame.index if wide else None)


@dataclass(frozen=True)
class Part:
    """Rows of a mapped table that come from one place.

    Attributes
    ----------
    place : str
        As `Cells.place`.
    rows : ndarray of int
        The number that each row has there.
    columns : mapping of str to str
        What a column of ours is called there.
    """

    place: str
    rows: NDArray[np.int64]
    columns: Mapping[str, str]


@dataclass(frozen=True)
class RawTable:
    """The cells of one table in the columns of the data dictionary.

    Attributes
    ----------
    file : str
        What messages call it.
    frame : DataFrame
        Cells as text, blank ones missing (or typed, where the file has types); index the number of each row: as a
        spreadsheet shows it, the header being row 1, or in a mapped table from 2 through all its parts.
    parts : sequence of Part
        Of a mapped table, where its rows come from, in order.
    unread : sequence of str
        Columns that the mapping leaves out.
    origins : sequence of Origin
        The files, sheets or database tables that it was read from, and what became of their lines.
    """

    file: str
    frame: pd.DataFrame
    parts: Sequence[Part] = ()
    unread: Sequence[str] = ()
    origins: Sequence[Origin] = ()

    @classmethod
    def of(cls, cells: Cells) -> RawTable:
        """Return a table that stands somewhere in our own columns."""
        return cls(cells.place, cells.frame, origins=(Origin.of(cells),))


def same(header: object) -> str:
    """Return a header as headers are compared.

    >>> same(" Start   Date ")
    'start date'
    """
    return " ".join(str(header).split()).casefold()


def wanted(table: str, mapped: Mapped) -> set[str]:
    """Return the headers, as they are compared, of the columns that a mapping needs.

    A header that stands below lines of title is found by them.
    """
    needed = set()
    for rows in _as_long(table, mapped):
        named = {same(header) for name, (header, _) in rows.columns.items() if name not in rows.copied}
        needed |= named | {name for name in _required(table) if name not in {*rows.columns, *rows.values}}
    return needed


def named(table: str, mapped: Mapped) -> dict[str, str]:
    """Return the headers, as they are compared, that a mapping names, and the column of ours that each becomes."""
    return {same(header): name for rows in _as_long(table, mapped) for name, (header, _) in rows.columns.items()}


def map_tables(contract: Contract, found: Mapping[str, Sequence[tuple[int, Cells]]]) -> dict[str, RawTable]:
    """Return tables in the columns of the data dictionary.

    Parameters
    ----------
    contract : Contract
        Its source says how the tables are mapped.
    found : mapping of str to sequence
        For each table, the number of a part under `source.tables.<table>` and the cells found for it; the part files
        of one pattern have one number.

    Raises
    ------
    DataError
        Something that the mapping names is not there: place in the contract file, value, what there is.
    """
    frames, parts, unread = {}, {}, {}
    for table, places in found.items():
        pieces = [piece for number, cells in places for piece in _pieces(contract, table, number, cells)]
        frame = pd.concat([piece for piece, _ in pieces], ignore_index=True)
        frames[table] = frame.set_axis(pd.RangeIndex(FIRST, len(frame) + FIRST, name="row"), axis="index")
        parts[table] = [part for _, part in pieces]
    read = {(part.place, name) for own in parts.values() for part in own for name in part.columns.values()}
    told: set[tuple[str, str]] = set()
    for table, places in found.items():  # a column that several tables could read is told once, with the first
        left = {(cells.place, str(name)): None for _, cells in places for name in cells.frame}
        unread[table] = [name for place, name in left if (place, name) not in read | told]
        told |= left.keys()
    return {
        table: RawTable(
            _listed(cells.place for _, cells in places),
            frames[table],
            parts[table],
            unread[table],
            [
                Origin.of(cells, wide=bool(contract.source.tables[table][number].events))  # type: ignore[union-attr]
                for number, cells in places
            ],
        )
        for table, places in found.items()
    }


def as_in_the_extract(set_aside: pd.DataFrame, parts: Mapping[str, Sequence[Part]]) -> pd.DataFrame:
    """Say where the rows and cells of mapped tables stand, as the extract numbers and names them.

    Parameters
    ----------
    set_aside : DataFrame
        Columns `table`, `row`, `column` and others.
    parts : mapping of str to sequence of Part
        By table, the places it was read from; what is not mapped has none and stays as it is.
    """
    told = set_aside.copy()
    for table, own in parts.items():
        mine = np.flatnonzero(set_aside["table"] == table)
        rows = set_aside["row"].to_numpy()[mine]
        first = FIRST
        for part in own:
            here = (rows >= first) & (rows < first + len(part.rows))
            lines = set_aside.index[mine[here]]
            told.loc[lines, "table"] = part.place
            told.loc[lines, "row"] = part.rows[rows[here] - first]
            told.loc[lines, "column"] = [part.columns.get(name, name) for name in set_aside.loc[lines, "column"]]
            first += len(part.rows)
    twice = told.assign(row=set_aside["row"]).duplicated()  # one cell that is read as two columns
    return told[~(twice & set_aside["table"].isin([table for table, own in parts.items() if own]))]


@dataclass(frozen=True)
class _Long:
    """How the rows of one long table, or of one event of a wide one, are made.

    Attributes
    ----------
    columns : mapping of str to (str, Place)
        Our column: the extract's, and where the mapping says so, below the part.
    values : mapping of str to str
        What is the same in all rows.
    copied : mapping of str to str
        Our column: that other column of ours which it repeats.
    event : bool
        Whether this is one event of a wide table.
    """

    columns: Mapping[str, tuple[str, Place]]
    values: Mapping[str, str]
    copied: Mapping[str, str]
    event: bool = False


def _as_long(table: str, mapped: Mapped) -> Iterator[_Long]:
    """Yield the one long table that is mapped, or one for each event of a wide one."""
    named: dict[str, tuple[str, Place]] = {name: (header, ("columns", name)) for name, header in mapped.columns.items()}
    if not mapped.events:
        yield _Long(named, mapped.values, _copied(table, named))
    for event, places in mapped.events.items():
        for number, place in enumerate(places):
            given = {"event_date": "date", "recorded_date": "recorded"} | {
                key: key for key in ("value", "detail", "ref")
            }
            own = {
                name: (getattr(place, key), ("events", event, number, key))
                for name, key in given.items()
                if getattr(place, key) is not None
            }
            yield _Long(named | own, mapped.values | {"event": event}, _copied(table, own), event=True)


def _copied(table: str, columns: Mapping[str, tuple[str, Place]]) -> dict[str, str]:
    """Return the recorded date, where it is said to be another date of the row, e.g. `recorded_date: event_date`."""
    header, _ = columns.get("recorded_date", ("recorded_date", ()))
    other = TABLES[table].get(header)
    return {"recorded_date": header} if header != "recorded_date" and other and other.kind == "date" else {}


def _required(table: str) -> list[str]:
    return [name for name, column in TABLES[table].items() if column.required]


def _pieces(contract: Contract, table: str, number: int, cells: Cells) -> Iterator[tuple[pd.DataFrame, Part]]:
    """Yield the rows of one part in our columns: at once, or an event at a time."""
    mapped: Mapped = contract.source.tables[table][number]  # type: ignore[union-attr]
    headers = _Headers(contract, ("source", "tables", table, number), cells)
    known = [*TABLES[table], *(contract.programme.attributes if table == "participants" else ())]
    for key in ("columns", "codes", "values"):
        for name in getattr(mapped, key):
            if name not in known:
                headers.stop(f"{name!r} is no column of {table}; {hint(name, known)}", key, name)
    every, reading = list(_as_long(table, mapped)), Reading.of(contract)
    recorded = Counter(rows.columns["recorded_date"][0] for rows in every if rows.event)
    coded: set[str] = set()
    for rows in every:
        columns = {
            name: headers.find(header, *place)
            for name, (header, place) in rows.columns.items()
            if name not in rows.copied
        }
        for name in OF_THE_ROW if rows.event else known:
            if name not in {*rows.columns, *rows.values} and name in headers:
                columns[name] = headers.find(name)
        for name in _required(table):
            if name not in {*columns, *rows.values, *rows.copied}:
                headers.lacks(name, *(("columns",) if mapped.columns else ()))
        frame = cells.frame[list(columns.values())].set_axis(list(columns), axis="columns")
        if rows.event:
            happened = _filled(frame["event_date"], reading)
            alone = "recorded_date" in frame and recorded[rows.columns["recorded_date"][0]] == 1
            frame = frame[happened | _filled(frame["recorded_date"], reading)] if alone else frame[happened]
        frame = frame.assign(**rows.values, **{name: frame[other] for name, other in rows.copied.items()})
        for name in frame.columns.intersection(list(mapped.codes)):
            frame[name] = _recoded(frame[name], mapped.codes[name])
            coded.add(name)
        told = columns | {name: columns[other] for name, other in rows.copied.items()}
        yield frame, Part(cells.place, frame.index.to_numpy(dtype=np.int64), told)
    for name in mapped.codes:
        if name not in coded:
            headers.lacks(name, "codes", name)


class _Headers:
    """The header of some cells, to look a column up by what the contract file calls it."""

    def __init__(self, contract: Contract, place: Place, cells: Cells) -> None:
        self.contract, self.place, self.cells = contract, place, cells
        self.known: dict[str, list[str]] = {}
        for header in cells.frame:
            self.known.setdefault(same(header), []).append(str(header))
        mapped = contract.source.tables[place[2]][place[3]]  # type: ignore[union-attr, index]
        self.is_header = not wanted(str(place[2]), mapped).isdisjoint(self.known)

    def __contains__(self, name: str) -> bool:
        return name in self.known

    def find(self, header: str, *place: int | str) -> str:
        """Return the column as the extract writes it."""
        found = self.known.get(same(header), [])
        if not found:
            self.stop(f"{self.cells.place} has no column {header!r}; {self._hint(header)}", *place)
        if len(found) > 1:
            self.stop(f"{self.cells.place} has {len(found)} columns {header!r}. Give them different names.", *place)
        return found[0]

    def lacks(self, name: str, *place: int | str) -> NoReturn:
        self.stop(f"nothing says which column of {self.cells.place} is {name}; {self._hint(name)}", *place)

    def stop(self, message: str, *place: int | str) -> NoReturn:
        raise DataError(f"{yaml_errors.at(self.contract.path, *self.place, *place)}: {message}")

    def _hint(self, name: str) -> str:
        """Return what may be meant; a row that is no header is not repeated, since it may be a person's."""
        if not self.is_header:
            return "none of its first rows names the columns that are given here."
        return hint(name, [str(header) for header in self.cells.frame if str(header).strip()])


def _filled(values: pd.Series, reading: Reading) -> NDArray[np.bool_]:
    """Mask the cells that hold anything. Works on the distinct words only."""
    place, words = pd.factorize(values)
    return np.append(~reading.blank(pd.Series(words)), False)[place]


def _recoded(values: pd.Series, codes: Mapping[str, str]) -> pd.Series:
    """Return our code for every word that has one, and other words as they are. Works on the distinct words only."""
    place, words = pd.factorize(values)
    ours = [codes.get(str(word).strip().casefold(), word) for word in words]
    return pd.Series(np.array([*ours, np.nan], dtype=object)[place], index=values.index, name=values.name)


def _listed(places: Iterator[str]) -> str:
    every = list(dict.fromkeys(places))
    return ", ".join(every) if len(every) < 4 else f"{every[0]} and {len(every) - 1} more"
