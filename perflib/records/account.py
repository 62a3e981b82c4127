"""The account of an extract: where every line of every table went, and what is wrong with those not used.

Conventions
-----------
- lines = header + blank + continuation + records. Lines of title above the header count as header. A continuation is a
  line of a cell in quotation marks that holds line breaks.
- records = used + repeats + set aside + outside. Used includes rows that a later row corrected or withdrew. Outside are
  rows recorded after `known_at`, rows of after the period's end, and rows of other contracts.
- A row of a wide table is used if any event of it is. Its events have an account of their own, with `counts` events.
- An account that does not add up is never made: it raises `AccountError`.
- One complaint for each kind of fault: how many rows or cells, in how many files, and the first of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from perflib.errors import DataError, counted

if TYPE_CHECKING:
    from perflib.rules.data_source import Tolerance

NO_REFERRAL, REFERRAL_LOST = "no usable referral event", "its referral is not used"
FOLLOWS = (NO_REFERRAL, REFERRAL_LOST)
"""Reasons for which a row is lost because others are."""


class AccountError(DataError):
    """The parts of an account do not add up: a fault of the reader, so that no figure can be trusted."""


@dataclass(frozen=True)
class Lines:
    """How the lines of a file or sheet divide.

    >>> Lines(lines=4, header=1, records=3) + Lines(lines=2, records=2)
    Lines(lines=6, header=1, blank=0, continuation=0, records=5)
    """

    lines: int = 0
    header: int = 0
    blank: int = 0
    continuation: int = 0
    records: int = 0

    def __add__(self, other: Lines) -> Lines:
        return Lines(
            self.lines + other.lines,
            self.header + other.header,
            self.blank + other.blank,
            self.continuation + other.continuation,
            self.records + other.records,
        )


@dataclass(frozen=True)
class TableAccount:
    """Where the lines of one table went.

    Attributes
    ----------
    table : str
        Its name in the data dictionary.
    counts : {'rows', 'events'}
        What a record is: a row, or an event of a wide row.
    lines, header, blank, continuation, records : int
        How the lines of its files divide. Of a database, a Parquet file and the events of wide rows a line is a record.
    used : int
        Records that are used, those that a later one corrected or withdrew among them.
    corrected, withdrawn : int
        How many of `used` were replaced by another row, or withdrawn.
    repeats : int
        Records wholly equal to another, which counts once.
    set_aside : int
        Records that cannot be used; `swallowed` of them are lines that a stray quotation mark joined to another.
    after_known_at, after_period, other_contracts : int
        Records outside: recorded after `known_at`, of after the period's end, of other contracts.
    files : tuple of str
        The files, sheets or database tables that it was read from.

    Raises
    ------
    AccountError
        The equations do not hold.
    """

    table: str
    counts: Literal["rows", "events"] = "rows"
    lines: int = 0
    header: int = 0
    blank: int = 0
    continuation: int = 0
    records: int = 0
    used: int = 0
    corrected: int = 0
    withdrawn: int = 0
    repeats: int = 0
    set_aside: int = 0
    swallowed: int = 0
    after_known_at: int = 0
    after_period: int = 0
    other_contracts: int = 0
    files: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        lines = self.header + self.blank + self.continuation + self.records
        records = self.used + self.repeats + self.set_aside + self.outside
        for whole, parts, what in ((self.lines, lines, "lines"), (self.records, records, "records")):
            if whole != parts:
                raise AccountError(
                    f"{self.table} ({', '.join(self.files)}): {whole:,} {what} were read and {parts:,} are accounted "
                    f"for. Nothing is reported from it. Send the first lines of the file's form to the maintainers."
                )
        if self.corrected + self.withdrawn > self.used or self.swallowed > self.set_aside:
            raise AccountError(f"{self.table}: more rows are corrected, withdrawn or swallowed than there are.")

    @property
    def outside(self) -> int:
        """Records outside the snapshot."""
        return self.after_known_at + self.after_period + self.other_contracts

    @property
    def known(self) -> int:
        """Records of this contract that were known by the snapshot's day; a later extract has the same."""
        return self.records - self.after_known_at - self.other_contracts

    @property
    def words(self) -> str:
        """The account in one line.

        >>> TableAccount("events", lines=5, header=1, records=4, used=3, set_aside=1, files=("events.csv",)).words
        'events (events.csv): 5 lines = 1 header + 4 records; 4 records = 3 used + 1 set aside'
        """
        parts = [(self.header, "header"), (self.blank, "blank"), (self.continuation, "continuation")]
        lines = [f"{count:,} {name}" for count, name in parts if count]
        lines += [counted(self.records, "record")] if self.records else []
        used = [(self.corrected, "corrected later"), (self.withdrawn, "withdrawn later")]
        among = ", ".join(f"{count:,} {name}" for count, name in used if count)
        went = [
            (self.repeats, "repeat" if self.repeats == 1 else "repeats"),
            (self.set_aside, "set aside"),
            (self.after_known_at, "recorded later"),
            (self.after_period, "of after the period"),
            (self.other_contracts, "of other contracts"),
        ]
        records = " + ".join(
            [
                f"{self.used:,} used{f' ({among})' if among else ''}",
                *(f"{count:,} {name}" for count, name in went if count),
            ]
        )
        unit = "record" if self.counts == "rows" else "event"
        first = f"{counted(self.lines, 'line')} = {' + '.join(lines) or 0}; " if self.lines != self.records else ""
        name = self.table if self.counts == "rows" else f"{self.table}, event by event"
        shown = self.files if len(self.files) < 4 else (self.files[0], f"{len(self.files) - 1} more files")
        return f"{name} ({', '.join(shown)}): {first}{counted(self.records, unit)} = {records}"


@dataclass(frozen=True)
class Complaint:
    """One kind of fault.

    Attributes
    ----------
    table, column : str
        Of the data dictionary; the column is empty where it is about whole rows.
    reason, effect : str
        As in `snapshot.set_aside`; the effect is empty where the rows are used and only told.
    count : int
        How many rows or cells.
    files : int
        In how many files, sheets or database tables.
    first : str
        Where the first one stands: events.csv row 17.
    example : str
        A value that is not blank, never an identifier.
    remedy : str
        What to do about it, where that is known.
    """

    table: str
    column: str
    reason: str
    effect: str
    count: int
    files: int
    first: str
    example: str = ""
    remedy: str = ""

    @property
    def words(self) -> str:
        """The complaint in one line.

        >>> Complaint("events", "event_date", "not a date", "row not used", 3, 2, "a.csv row 7", "soon").words
        "3 of events.event_date in 2 files: not a date, e.g. 'soon' (row not used; first: a.csv row 7)"
        """
        where = f"{self.table}.{self.column}" if self.column else self.table
        files = f" in {self.files} files" if self.files > 1 else ""
        example = f", e.g. {self.example!r}" if self.example else ""
        known = "; ".join([*([self.effect] if self.effect else []), f"first: {self.first}"])
        remedy = f" {self.remedy}" if self.remedy else ""
        return f"{self.count:,} of {where}{files}: {self.reason}{example} ({known}){'.' + remedy if remedy else ''}"


@dataclass(frozen=True)
class ColumnAccount:
    """How many cells of a column hold anything, and how many of those cannot be used."""

    table: str
    column: str
    filled: int
    unusable: int


@dataclass(frozen=True)
class Account:
    """The account of all tables of an extract or snapshot.

    Attributes
    ----------
    tables : tuple of TableAccount
        In the order of the data dictionary. A table with wide rows has two: its rows, and its events.
    complaints : tuple of Complaint
        One a kind, the most frequent first.
    columns : tuple of ColumnAccount
        Columns with cells that cannot be used.
    """

    tables: tuple[TableAccount, ...] = ()
    complaints: tuple[Complaint, ...] = ()
    columns: tuple[ColumnAccount, ...] = ()

    def of(self, table: str, counts: Literal["rows", "events"] = "rows") -> TableAccount:
        """Return the account of one table.

        Raises
        ------
        KeyError
            The extract has no such table.
        """
        found = [one for one in self.tables if (one.table, one.counts) == (table, counts)]
        if not found:
            raise KeyError(table)
        return found[0]

    @property
    def loses(self) -> bool:
        """Whether any row was set aside or any cell could not be used."""
        return any(table.set_aside for table in self.tables) or any(complaint.effect for complaint in self.complaints)

    def over(self, tolerance: Tolerance) -> str | None:
        """Say in one line what to mend, where more was lost than the contract tolerates; None where it was not.

        Repeats and rows outside never count. The worst table or column is named, with the most frequent reason; what
        is lost only because other rows are (`FOLLOWS`) is named after what it follows from.

        Examples
        --------
        >>> from perflib.rules.data_source import Tolerance
        >>> Account((TableAccount("events", lines=9, records=9, used=4, set_aside=5),)).over(Tolerance())
        'events: 5 of 9 rows are set aside (56 %; tolerance 2 %).'
        """
        found = [
            (table.set_aside / table.known, table.table, "", table.set_aside, table.known)
            for table in self.tables
            if table.known
        ]
        found += [
            (column.unusable / column.filled, column.table, column.column, column.unusable, column.filled)
            for column in self.columns
            if column.filled
        ]
        beyond = [one for one in found if one[0] > tolerance.share and one[3] >= tolerance.least]
        if not beyond:
            return None
        mains = {(name, column): self._main(name, column) for _, name, column, _, _ in beyond}
        worst = max(beyond, key=lambda one: (not _follows(mains[one[1], one[2]]), one[0], one[2]))
        columns = [one for one in beyond if one[2] and one[1] == worst[1] and 2 * one[3] >= worst[3]]
        if not worst[2] and columns:  # most of the rows are lost for the sake of one column
            worst = max(columns)
        share, name, column_name, count, of = worst
        main = mains[name, column_name]
        what = (
            f"{name}.{column_name}: {count:,} of {of:,} cells cannot be used"
            if column_name
            else (f"{name}: {count:,} of {of:,} rows are set aside")
        )
        said = f"{what} ({percent(share)}; tolerance {percent(tolerance.share)})"
        if main is None:
            return f"{said}."
        why = f"most often: {main.reason}" + (f", e.g. {main.example!r}" if main.example else "")
        where = f"{main.column} of {main.first}" if main.column and not column_name else main.first
        return f"{said}; {why} ({where}). {main.remedy}".rstrip()

    def _main(self, table: str, column: str) -> Complaint | None:
        """Return the most frequent complaint about a table or column."""
        reasons = [c for c in self.complaints if c.table == table and c.effect and column in ("", c.column)]
        return max(reasons, key=lambda c: c.count, default=None)


def _follows(complaint: Complaint | None) -> bool:
    return complaint is not None and complaint.reason in FOLLOWS


def percent(share: float) -> str:
    """Write a share as a percentage that never reaches what was not reached.

    >>> percent(0.9999), percent(0.0001), percent(0.02)
    ('99.9 %', '0.1 %', '2 %')
    """
    if share in (0, 1):
        return f"{100 * share:.0f} %"
    shown = min(max(round(100 * share, 1), 0.1), 99.9)
    return f"{shown:.0f} %" if 10 <= shown < 99 or shown.is_integer() else f"{shown:.1f} %"


def total(accounts: Sequence[TableAccount]) -> TableAccount:
    """Add up the accounts of one table."""
    first, *rest = accounts
    for other in rest:
        numbers = {
            name: getattr(first, name) + getattr(other, name)
            for name, value in vars(first).items()
            if isinstance(value, int)
        }
        first = replace(first, **numbers, files=tuple(dict.fromkeys(first.files + other.files)))
    return first
