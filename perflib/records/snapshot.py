"""One contract, one reporting month, as known on one day.

Conventions
-----------
- Rows recorded after `known_at` do not exist, except those of `consent`, which is always the latest known.
- Events that happened after the month's end stay out; whether they stay out is decided after corrections.
- A participants row of whose referral no event is known yet is not part of the snapshot.
- An attribute is read at the start (at the referral where there is none): the latest `from_date` on or before that day,
  then the latest recorded; where the attributes table has none, the participants table's value, which is as last known.

Nothing here reads the clock: the same files, month and `known_at` give the same snapshot.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Hashable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from functools import cached_property, wraps
from inspect import signature
from typing import Any, Concatenate, Literal, ParamSpec, TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pandas.api.types import is_numeric_dtype

from perflib.errors import DataError, ParameterError, counted
from perflib.records.account import NO_REFERRAL, REFERRAL_LOST, Account, Complaint
from perflib.records.accounting import (
    Way,
    Ways,
    Whence,
    account,
    by_number,
    column_accounts,
    lost_rows,
    rows_without_events,
)
from perflib.records.cells import REMEDIES, Reading, form_of, listed_words
from perflib.records.current_rows import (
    CONFLICT,
    DAY,
    as_text,
    codes,
    day_numbers,
    distinct,
    in_order,
    is_after,
    is_unique_key,
    isin_codes,
    resolve,
    run_starts,
    shared_event_ids,
    take_rows,
    to_date,
    union_categories,
)
from perflib.records.display import table_html
from perflib.records.identifiers import hide, holding, identifiers
from perflib.records.mapping import Cells, Origin, Part, RawTable, as_in_the_extract, same
from perflib.records.schemas import KEYS, NOT_RECORDED, ROW_NOT_USED, SET_ASIDE, TABLES, parse
from perflib.records.source_reader import read_source
from perflib.rules.calendar import month as to_month
from perflib.rules.calendar import working_days
from perflib.rules.contract import Contract
from perflib.rules.programme import Attribute, Programme

P = ParamSpec("P")
R = TypeVar("R")
At = Literal["at_start", "at_referral", "at_event", "at_period_end"]

REFERRALS_OF_A_BLOCK = 1 << 16
REPEAT, ONCE = "repeat of another row", "counted once"
NO_FAULTS = pd.DataFrame(columns=[*SET_ASIDE, "recorded_date"]).astype(
    {"row": "int64", "recorded_date": "datetime64[s]"}
)
SHARED_ID = "an event_id that stands for another referral or event too"
SHARED_REMEDY = "Each is taken as an event of its own: give every event an event_id of its own."
NO_EVENT_AT_ALL = "a referral of which the extract has no event"
LISTED_WORD = "a word that stands for a blank elsewhere, and is taken as an identifier, since it is listed once"
STRAY, UNKNOWN = "not a referral of the participants table", "no such referral is known"


@dataclass(frozen=True, eq=False)
class Extract:
    """Everything that a contract's source holds, read and checked, before any question of when.

    Attributes
    ----------
    tables : mapping of str to DataFrame
        Rows that can be read; index the row number in the file. The events are put in order, and have text and dates
        as categories.
    faults : DataFrame
        What cannot be used: columns of `SET_ASIDE`, and the row's `recorded_date` where it has one.
    files : mapping of str to str
        What each table's file is called.
    unused : mapping of str to list of str
        Columns of each file that nothing here reads.
    parts : mapping of str to sequence of Part
        Where the rows of a mapped table stand in the extract.
    origins : mapping of str to sequence of Origin
        The files, sheets or database tables of each table, and what became of their lines.
    listed : mapping of str to frozenset of str
        By column, words that stand for a blank elsewhere and are identifiers here.
    """

    contract: Contract
    tables: Mapping[str, pd.DataFrame]
    faults: pd.DataFrame
    files: Mapping[str, str]
    unused: Mapping[str, list[str]]
    parts: Mapping[str, Sequence[Part]] = field(default_factory=dict)
    origins: Mapping[str, Sequence[Origin]] = field(default_factory=dict)
    listed: Mapping[str, frozenset[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "tables", {**self.tables, "events": in_order(self.tables["events"])})

    def with_tables(self, tables: Mapping[str, pd.DataFrame]) -> Extract:
        """Same extract with other rows, which are accounted for as they stand: no line of a file is asked for."""
        return replace(self, tables=tables, origins={})

    @cached_property
    def alone(self) -> NDArray[np.bool_]:
        """Which rows of the events are seen to share their key with no other."""
        return is_unique_key(self.tables["events"], self.contract.programme.repeating)

    @cached_property
    def account(self) -> Account:
        """The account of the whole extract, before any question of when: what cannot be read is set aside."""
        ways = {}
        for name, table in self.tables.items():
            lost = _flagged(table.index, _rows_lost(self.faults, name))
            ways[name] = np.where(lost, Way.SET_ASIDE, Way.USED).astype(np.int8)
        set_aside = pd.concat([self.faults[SET_ASIDE], self._lost], ignore_index=True)
        columns = column_accounts(self.faults, self.tables, {})
        return account(self._whence(ways), set_aside, (), columns)

    @cached_property
    def _lost(self) -> pd.DataFrame:
        """Lines of `set_aside` for records that were lost before any cell was read."""
        lost = [pd.DataFrame(columns=SET_ASIDE)]
        for name, origins in self.origins.items():
            mapped = len(self.parts.get(name, ())) > 0
            for origin in {origin.place: origin for origin in origins}.values():
                if origin.lost:
                    numbers, reasons = [row.row for row in origin.lost], [row.reason for row in origin.lost]
                    lost.append(lost_rows(origin.place if mapped else name, numbers, reasons))
        every = [origin for origins in self.origins.values() for origin in origins]
        lost.append(rows_without_events(every, self.parts))
        return pd.concat(lost, ignore_index=True).drop_duplicates(ignore_index=True)

    def _whence(self, ways: Mapping[str, Ways]) -> dict[str, Whence]:
        """Return where the rows of each table came from and, by the order of its rows here, where they went."""
        return {
            name: Whence(
                self.files.get(name, name),
                self.origins.get(name) or [Origin.of(Cells.of_records(self.files.get(name, name), table))],
                self.parts.get(name, ()),
                by_number(table, ways[name]),
            )
            for name, table in self.tables.items()
        }

    @cached_property
    def known_to(self) -> date:
        """The day to which the extract knows everything: declared, or the last recorded date of any table."""
        declared = getattr(self.contract.source, "known_to", None)
        if declared is not None:
            return declared
        recorded = [day_numbers(table["recorded_date"]) for table in self.tables.values() if "recorded_date" in table]
        return to_date(max(table.max() for table in recorded if len(table)))

    @cached_property
    def last_month(self) -> pd.Period:
        """The last month that the extract holds to its last working day."""
        month = pd.Period(self.known_to, "M")
        return month - 1 if _works(self.contract, self.known_to, month.end_time) else month


def _none(table: str) -> pd.DataFrame:
    """Return a table without rows."""
    kinds = {name: "datetime64[s]" if column.kind == "date" else "str" for name, column in TABLES[table].items()}
    return pd.DataFrame(columns=list(kinds)).astype(kinds)


def _works(contract: Contract, after: date, until: date) -> bool:
    """Return whether any working day lies after one day, up to another."""
    days = pd.date_range(pd.Timestamp(after) + DAY, pd.Timestamp(until).normalize()).to_numpy()
    return bool(working_days(contract.nation).is_working(days).any())


@dataclass(frozen=True, eq=False, repr=False)
class Snapshot:
    """One contract's month as known on one day. Frames must not be changed.

    Attributes
    ----------
    contract : Contract
        With `.programme` resolved.
    month : Period[M]
        The reporting month; `period_end` is its last day, and `as_of` the day at whose close things stand.
    known_at : date
        Rows recorded later do not exist.
    first_day : date
        The contract's day one: stated, or the day of the first referral.
    journeys : DataFrame
        One row a referral: `referral_id`, `participant_id`, attributes as at the start, and for each event E of the
        programme its first current date in `E` and the day that was first recorded in `E_recorded`.
    events : DataFrame
        Current rows only, with `first_recorded`; index the row number in the file.
    set_aside : DataFrame
        Cells and rows not used: table, row, column, value, reason, effect.
    tables : mapping of str to DataFrame
        Every other table of the extract, as known.
    not_yet_known : int
        Participants rows of whose referral no event was recorded by `known_at`.
    known_to : date, optional
        The day to which the extract knows everything; where it is before `known_at`, what was recorded between the two
        is not in the snapshot.
    other_rows : DataFrame
        The other rows of the events table that are known, repeats left out: those that another row replaced or
        withdrew, those of a day after the month's end, and those set aside; index the row number in the file.
    account : Account
        Where every line of the extract went.
    whole : Snapshot, optional
        The snapshot that this one is a part of, where only some of its referrals were chosen.
    """

    contract: Contract
    month: pd.Period
    known_at: date
    first_day: date
    journeys: pd.DataFrame
    events: pd.DataFrame
    set_aside: pd.DataFrame
    tables: Mapping[str, pd.DataFrame]
    not_yet_known: int = 0
    known_to: date | None = None
    other_rows: pd.DataFrame = field(default_factory=lambda: _none("events"))
    account: Account = field(default_factory=Account)
    whole: Snapshot | None = None
    _memory: dict[Hashable, Any] = field(default_factory=dict, init=False, repr=False)

    def __repr__(self) -> str:
        facts = "; ".join(f"{name} {value}" for name, value in self._facts().items())
        return f"<Snapshot of {self.contract.contract}: {facts}>"

    def _repr_html_(self) -> str:
        facts = pd.DataFrame({"": self._facts().values()}, index=pd.Index(self._facts(), name=""))
        return table_html(facts, f"Snapshot of {self.contract.name or self.contract.contract}")

    def _facts(self) -> dict[str, str]:
        """Return what a snapshot holds, in words; nothing of any person."""
        started = int(self.journeys["start"].notna().sum())
        facts = {
            "month": str(self.month),
            "known at": str(self.known_at),
            "programme": self.programme.name,
            "first day": str(self.first_day),
            "referrals": f"{len(self.journeys):,}, of which {started:,} started",
            "events": f"{len(self.events):,}",
            "set aside": f"{len(self.set_aside):,}",
            "other tables": ", ".join(sorted(name for name in self.tables if name != "participants")) or "none",
        }
        return facts | ({"part of": f"{len(self.whole.journeys):,} referrals"} if self.whole is not None else {})

    @property
    def programme(self) -> Programme:
        """The rules of the contract's programme."""
        return self.contract.programme

    @property
    def period_end(self) -> date:
        """The reporting month's last day."""
        return self.month.end_time.date()

    @property
    def as_of(self) -> date:
        """The day at whose close things stand: `period_end`, or `known_at` where the month had not ended by then."""
        return min(self.period_end, self.known_at)

    @property
    def ends_early(self) -> bool:
        """Whether a working day of which the extract knows nothing lies before the end of `known_at`."""
        return self.known_to is not None and _works(self.contract, self.known_to, self.known_at)

    @property
    def first_month(self) -> pd.Period:
        """The contract's first month."""
        return pd.Period(self.first_day, "M")

    @property
    def months(self) -> pd.PeriodIndex:
        """Every month from the contract's first to the reporting month."""
        return pd.period_range(self.first_month, self.month, freq="M")

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of the rows used, row numbers aside; the same for any order and form of the files."""
        digest = hashlib.sha256()
        for name, table in {"journeys": self.journeys, "events": self.events, **self.tables}.items():
            digest.update(f"{name}:{','.join(table.columns)}".encode())
            hashed = pd.util.hash_pandas_object(table, index=False, categorize=True).to_numpy()
            digest.update(np.sort(hashed).tobytes())
        return digest.hexdigest()

    def equals(self, other: Snapshot) -> bool:
        """Return whether two snapshots hold the same, row numbers aside."""
        mine, its = self._comparable(), other._comparable()
        return mine.keys() == its.keys() and all(mine[name].equals(its[name]) for name in mine)

    def _comparable(self) -> dict[str, pd.DataFrame]:
        aside = self.set_aside.drop(columns="row")
        aside = aside.sort_values(list(aside.columns), kind="stable")
        named = {"journeys": self.journeys, "events": self.events, "set_aside": aside, **self.tables}
        return {name: as_text(frame).reset_index(drop=True) for name, frame in named.items()}

    def rows_of(self, referrals: pd.Series) -> NDArray[np.int64]:
        """Return the row in `journey` of each referral, -1 where it has none."""
        if isinstance(referrals.dtype, pd.CategoricalDtype) and referrals.dtype == self.events["referral_id"].dtype:
            return self._rows_of_names[codes(referrals)]
        return pd.Index(self.journeys["referral_id"]).get_indexer(pd.Index(referrals))

    @cached_property
    def _rows_of_names(self) -> NDArray[np.int64]:
        """The row in `journey` of each category of the events' referrals, and -1 for a missing one."""
        mine, names = pd.Index(self.journeys["referral_id"]), self.events["referral_id"].cat.categories
        rows = np.arange(len(names)) if mine.equals(names) else mine.get_indexer(names)
        return np.append(rows, -1)

    def attribute(self, name: str, at: At | pd.Series = "at_start") -> pd.Series:
        """Return an attribute of every journey as it held on a day.

        Parameters
        ----------
        name : str
            An attribute of the programme.
        at : {'at_start', 'at_referral', 'at_period_end'} or Series of datetime64
            The day; a Series is aligned with `journey`. Where it is missing the day of the referral is taken.

        Returns
        -------
        Series aligned with `journey`
            Missing where it was not recorded.

        Raises
        ------
        ParameterError
            The programme has no such attribute, or `at` is no such moment.
        """
        if name not in self.programme.attributes:
            raise ParameterError(f"attribute {name!r}: the programme has {', '.join(self.programme.attributes)}.")
        if isinstance(at, str):
            moments = {
                "at_start": self.journeys["start"],
                "at_referral": self.journeys["referral"],
                "at_period_end": pd.Series(pd.Timestamp(self.as_of), index=self.journeys.index),
            }
            if at not in moments:
                raise ParameterError(f"at={at!r}: give {', '.join(moments)}, or a date for each journey.")
            at = moments[at]
        current = self.tables["participants"][name].reset_index(drop=True)
        held = _held(self.history, name, self.journeys["referral_id"], at.fillna(self.journeys["referral"]), current)
        return _typed(held, self.programme.attributes[name])

    @property
    def history(self) -> pd.DataFrame:
        """The attributes table as known; empty where the extract has none."""
        return self.tables.get("attributes", pd.DataFrame())

    def current(self, table: str) -> pd.DataFrame | None:
        """Return the items of an optional table as they stand: of rows alike in its key the latest recorded.

        Parameters
        ----------
        table : str
            One of `schemas.KEYS`.

        Returns
        -------
        DataFrame or None
            Every column of the data dictionary, in the order of the key; None where the extract has no such table,
            which is not the same as an empty one.
        """
        if table not in self.tables:
            return None
        key = list(KEYS[table])
        rows = self.tables[table].sort_values("recorded_date", kind="stable").drop_duplicates(key, keep="last")
        return rows.sort_values(key, kind="stable", ignore_index=True)


def remembered(function: Callable[Concatenate[Snapshot, P], R]) -> Callable[Concatenate[Snapshot, P], R]:
    """Keep what a function of a snapshot returned, in the snapshot, for the next call with the same arguments.

    An argument that is left out is its default. A list is taken as a tuple; with an argument that cannot be hashed,
    such as a mask, nothing is kept. What is returned must not be changed.
    """
    parameters = signature(function)

    @wraps(function)
    def recall(snapshot: Snapshot, /, *args: P.args, **kwargs: P.kwargs) -> R:
        given = parameters.bind(snapshot, *map(_hashable, args), **{name: _hashable(kwargs[name]) for name in kwargs})
        given.apply_defaults()
        key = (function, *given.args[1:], *given.kwargs.values())
        try:
            hash(key)
        except TypeError:
            return function(*given.args, **given.kwargs)
        if key not in snapshot._memory:
            snapshot._memory[key] = function(*given.args, **given.kwargs)
        return snapshot._memory[key]

    return recall


def _hashable(value: object) -> object:
    return tuple(value) if isinstance(value, list) else value


def load_extract(contract: Contract) -> Extract:
    """Read and check a contract's source.

    Raises
    ------
    DataError
        A file cannot be read, a required column is missing, or no row can be used.
    """
    raw = read_source(contract)
    reading = _reading(contract, raw)
    read = {name: parse(name, table.frame, table.file, contract.programme, reading) for name, table in raw.items()}
    tables = {name: frame for name, (frame, _) in read.items()}
    for name in ("participants", "events"):
        if tables[name].empty:
            _refuse_if_all_is_lost(raw[name])
            raise DataError(f"{raw[name].file}: holds a header and no rows. There is nothing to report yet.")
    having = [table for table in tables.values() if "referral_id" in table]
    for table, referrals in zip(having, union_categories([table["referral_id"] for table in having]), strict=True):
        table["referral_id"] = referrals
    people = identifiers(tables)
    hidden = [hide(name, frame, people, contract.programme) for name, frame in tables.items()]
    faults = pd.concat([*(found for _, found in read.values()), *hidden], ignore_index=True).astype({"row": "int64"})
    faults["value"] = faults["value"].mask(holding(faults["value"], people), "")
    faults["recorded_date"] = _recorded(tables, faults)
    unused = {
        name: [*(str(header) for header in table.frame if same(header) not in tables[name]), *table.unread]
        for name, table in raw.items()
    }
    parts = {name: table.parts for name, table in raw.items()}
    origins = {name: table.origins for name, table in raw.items()}
    files = {name: table.file for name, table in raw.items()}
    extract = Extract(contract, tables, faults, files, unused, parts, origins, reading.listed)
    if tables["events"]["recorded_date"].isna().all():
        undated = faults[(faults["table"] == "events") & (faults["column"] == "recorded_date")].iloc[:1]
        first = as_in_the_extract(undated, parts).iloc[0]
        raise DataError(
            f"{raw['events'].file}: no {first['column']} can be read "
            f"(row {first['row']} has {first['value']!r}). Write dates as 2020-12-31 or 31/12/2020."
        )
    return extract


def _refuse_if_all_is_lost(table: RawTable) -> None:
    """Say why no row of a table can be used, where it has some."""
    records = sum(origin.lines.records for origin in table.origins)
    for origin in table.origins:
        if origin.lost:
            row, reason, _ = origin.lost[0]
            are = "is" if records == 1 else "are"
            raise DataError(
                f"{origin.place}: no row can be used: {records:,} of {records:,} {are} set aside (row {row}: {reason})."
            )


def _reading(contract: Contract, raw: Mapping[str, RawTable]) -> Reading:
    """Return how cells are read, with the words for a blank that the extract lists as identifiers."""
    reading, listed = Reading.of(contract), {}
    for table, name in (("participants", "referral_id"), ("participants", "participant_id"), ("units", "unit_id")):
        for position, header in enumerate(raw[table].frame.columns if table in raw else ()):
            if same(header) == name:
                listed[name] = listed_words(raw[table].frame.iloc[:, position], reading.missing)
    return replace(reading, listed=listed)


def take_snapshot(
    extract: Extract, month: str | pd.Period | None = None, known_at: str | date | None = None
) -> Snapshot:
    """Return a month of an extract as known on one day; `loading.load_snapshot` has the parameters."""
    contract = extract.contract
    period = extract.last_month if month is None else to_month(month)
    known = known_on(period, known_at, contract)
    at = pd.Timestamp(known)
    asides: list[pd.DataFrame] = []

    events = extract.tables["events"]
    faults = extract.faults[~is_after(extract.faults["recorded_date"], known)]
    referrals = events["referral_id"]
    seen = ~is_after(events["recorded_date"], known)
    told = distinct(referrals, seen)
    faulty = _flagged(events.index, _rows_lost(faults, "events"))
    sound = seen & ~faulty
    listed = isin_codes(referrals, extract.tables["participants"]["referral_id"])
    stray = np.flatnonzero(sound & ~listed)
    strays = events.iloc[stray].sort_index()
    repeated = strays.duplicated()
    asides.append(_aside("events", strays.index[repeated], "", REPEAT, ONCE))
    asides.append(_aside("events", strays.index[~repeated], "referral_id", STRAY))

    holds, first_recorded, conflicts, repeats, withdrawn = resolve(
        events, extract.alone, sound & listed, contract.programme.repeating, contract.source_order
    )
    asides.append(_aside("events", events.index[repeats], "", REPEAT, ONCE))

    participants, referral_asides, not_yet_known = _referrals(extract, told, faults)
    asides += referral_asides
    standing = events[holds & (events["event"] == "referral").to_numpy()]
    referred = isin_codes(participants["referral_id"], standing["referral_id"])
    asides.append(_aside("participants", participants.index[~referred], "referral_id", NO_REFERRAL))
    mine = participants["referral_id"][referred]
    theirs = isin_codes(referrals, mine)
    lost = np.flatnonzero(sound & listed & ~theirs)
    lost = lost[~np.isin(lost, repeats)]
    asides.append(_aside("events", events.index[lost], "referral_id", REFERRAL_LOST))
    conflicts = conflicts[theirs[conflicts]]
    asides.append(_aside("events", events.index[conflicts], "event_date", CONFLICT, "the earliest date is used"))
    standing = standing[isin_codes(standing["referral_id"], mine)]
    first_day = _first_day(
        extract, day_numbers(standing["event_date"]), period, known, strays["referral_id"], default=month is None
    )

    last = period.end_time.date()
    reported = standing["referral_id"][~is_after(standing["event_date"], last)]
    participants = participants[isin_codes(participants["referral_id"], reported)]
    participants = as_text(participants.iloc[np.argsort(codes(participants["referral_id"]))])
    theirs_reported = isin_codes(referrals, reported)
    held, ways = holds, np.full(len(events), Way.CORRECTED, dtype=np.int8)
    holds = holds & ~is_after(events["event_date"], last) & theirs_reported
    ways[~theirs_reported | (held & ~holds)] = Way.AFTER_PERIOD
    ways[holds] = Way.USED
    ways[withdrawn[theirs_reported[withdrawn]]] = Way.WITHDRAWN
    ways[faulty] = ways[stray] = ways[lost] = Way.SET_ASIDE
    ways[repeats] = ways[events.index.get_indexer(strays.index[repeated])] = Way.REPEAT
    ways[~seen] = Way.AFTER_KNOWN_AT
    current = _chosen(events.drop(columns="action").assign(first_recorded=first_recorded), holds)
    seen[repeats] = False
    other_rows = _chosen(events, seen & ~holds)

    tables, other_asides, table_ways = _as_known(extract, at, told)
    asides += other_asides
    kept = faults[
        ~(
            (faults["table"] == "participants")
            & ~faults["row"].isin(participants.index)
            & (faults["effect"] == NOT_RECORDED)
        )
    ]
    set_aside = pd.concat([kept[SET_ASIDE], *asides, extract._lost], ignore_index=True)
    set_aside = set_aside.astype(dict.fromkeys(SET_ASIDE, "str") | {"row": "int64"})
    table_ways |= {"events": ways, "participants": _ways_of_people(extract, participants.index, told, set_aside)}
    seen_rows = {"events": ways != Way.AFTER_KNOWN_AT}
    whole_account = account(
        extract._whence({name: table_ways[name] for name in extract.tables}),
        set_aside,
        _notes(extract, events, ways),
        column_accounts(kept, extract.tables, seen_rows),
        {STRAY: _forms(strays["referral_id"], extract)} if len(strays) else {},
    )
    set_aside = as_in_the_extract(set_aside, extract.parts)
    set_aside = set_aside.sort_values(["table", "row", "column"], kind="stable").reset_index(drop=True)
    attributes = tables.get("attributes", pd.DataFrame())
    tables["participants"] = participants
    journeys = _journeys(participants, current, attributes, contract.programme)
    whole = (not_yet_known, extract.known_to, other_rows, whole_account)
    return Snapshot(contract, period, known, first_day, journeys, current, set_aside, tables, *whole)


def known_on(month: pd.Period, known_at: str | date | None, contract: Contract) -> date:
    """Return the day on which a month is looked at: as given, else its last day plus the contract's report lag.

    Raises
    ------
    ParameterError
        `known_at` is no date, or lies before the month.
    """
    if known_at is None:
        return month.end_time.date() + timedelta(days=contract.report_lag)
    try:
        known = known_at if isinstance(known_at, date) else date.fromisoformat(known_at)
    except ValueError:
        raise ParameterError(f"known_at {known_at!r}: is no date. Write it as 2020-06-30.") from None
    if pd.Timestamp(known) < month.start_time:
        raise ParameterError(
            f"known_at {known}: is before {month} began, of which nothing was known then. "
            f"Give {month.start_time:%Y-%m-%d} or later, or an earlier month."
        )
    return known


def _chosen(events: pd.DataFrame, rows: NDArray[np.bool_]) -> pd.DataFrame:
    """Return some of the events, with their dates as dates, and their text in the categories that are left."""
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        columns = dict(zip(events, pool.map(lambda values: take_rows(values[1], rows), events.items()), strict=True))
    return pd.DataFrame(columns, index=events.index[rows], copy=False)


def _first_day(
    extract: Extract,
    referrals: NDArray[np.int32],
    month: pd.Period,
    known: date,
    strays: pd.Series,
    *,
    default: bool,
) -> date:
    """Return the contract's day one; refuse a month that lies before it or after the extract.

    `referrals` are the days of the referrals that are used; `strays` the referrals of events that no participant has.
    """
    path, latest = extract.contract.path, pd.Period(extract.known_to, "M")
    later = f"Choose a later month, or state `first_day` in {path}."
    day = extract.contract.first_day or (to_date(referrals.min()) if len(referrals) else None)
    if day is None and default and not len(strays):
        strays = _strays_alone(extract)
    if day is None and len(strays):
        files = extract.files["events"], extract.files["participants"]
        raise DataError(
            f"{files[0]}: no referral can be used; {len(strays):,} of its events are of referrals that {files[1]} does "
            f"not have. {_forms(strays, extract)} Export the column as text in both."
        )
    if default and (day is None or month < pd.Period(day, "M")):
        raise ParameterError(
            f"{path}: no whole month is recorded yet: the extract holds what was recorded to {extract.known_to}. "
            f"Name the month so far: --month {latest}."
        )
    if day is None:
        lost = _most_often_lost(extract, known)
        why = f"no referral can be used by {known}. {lost}" if lost else f"no referral was recorded by {known}. {later}"
        raise DataError(f"{extract.files['events']}: {why}")
    first = pd.Period(day, "M")
    if month < first:
        raise ParameterError(
            f"month {month}: is before the contract's first month, {first}. Choose {first} or a later month."
        )
    if month > latest:
        whole = extract.last_month
        choose = f"{whole} or earlier" if whole > first else first
        raise ParameterError(
            f"month {month}: is after the extract, which holds what was recorded to {extract.known_to}. "
            f"Choose {choose}, or supply a later extract; if nothing was recorded since, say "
            f"so: source: {{known_to: {month.end_time:%Y-%m-%d}, ...}} in {path}."
        )
    return day


def _strays_alone(extract: Extract) -> pd.Series:
    """Referrals of all events, where the participants table has none of them: nothing is recorded too late then."""
    referrals, listed = extract.tables["events"]["referral_id"], extract.tables["participants"]["referral_id"]
    return referrals.iloc[:0] if isin_codes(referrals, listed).any() else referrals


def _most_often_lost(extract: Extract, known: date) -> str:
    """Say why events are set aside, where some are: the reason met most often, with an example."""
    faults = extract.faults[~is_after(extract.faults["recorded_date"], known)]
    lost = faults[(faults["table"] == "events") & (faults["effect"] == ROW_NOT_USED)]
    if lost.empty:
        return ""
    first = lost[lost["reason"] == lost["reason"].mode()[0]].iloc[0]
    where = _placed(extract, "events", int(first["row"]), str(first["column"]))
    example = f", e.g. {first['value']!r}" if pd.notna(first["value"]) and first["value"] else ""
    remedy = REMEDIES.get(str(first["reason"]), "Mend the extract.").format(column=f"events.{first['column']}")
    events = counted(lost["row"].nunique(), "event")
    return f"{events} set aside, most often: {first['reason']}{example} ({where}). {remedy}"


def _forms(strays: pd.Series, extract: Extract) -> str:
    """Say in what form the identifiers of events differ from those of the participants; never what they are."""
    here, there = form_of(_texts(strays)), form_of(_texts(extract.tables["participants"]["referral_id"]))
    same_form = " (the same form)" if here == there else ""
    return f"Their referral_id: {here}; that of participants: {there}{same_form}."


def _texts(identifiers: pd.Series) -> list[str]:
    """Return some of the distinct identifiers of a column."""
    return distinct(identifiers, identifiers.notna().to_numpy()).iloc[:1000].astype("str").tolist()


def _notes(extract: Extract, events: pd.DataFrame, ways: Ways) -> list[Complaint]:
    """Return what is told besides what is set aside."""
    notes = []
    shared = shared_event_ids(events)
    shared = shared[np.isin(ways[shared], (Way.USED, Way.CORRECTED, Way.WITHDRAWN))]
    if len(shared):
        where = _placed(extract, "events", int(events.index[shared].min()), "event_id")
        notes.append(Complaint("events", "event_id", SHARED_ID, "", len(shared), 1, where, "", SHARED_REMEDY))
    people = extract.tables["participants"]["referral_id"]
    never = people.notna() & ~isin_codes(people, events["referral_id"])
    if never.any():
        where = _placed(extract, "participants", int(people.index[never].min()), "referral_id")
        notes.append(Complaint("participants", "referral_id", NO_EVENT_AT_ALL, "", int(never.sum()), 1, where))
    for column, words in extract.listed.items():
        if words:
            table = "units" if column == "unit_id" else "participants"
            notes.append(Complaint(table, column, LISTED_WORD, "", len(words), 1, extract.files.get(table, table)))
    return notes


def _placed(extract: Extract, table: str, row: int, column: str) -> str:
    """Say where a row stands in the extract."""
    placed = as_in_the_extract(_aside(table, pd.Index([row]), column, ""), extract.parts).iloc[0]
    file = extract.files.get(table, table) if placed["table"] == table else placed["table"]
    return f"{file} row {placed['row']}"


def _ways_of_people(extract: Extract, used: pd.Index, seen: pd.Series, set_aside: pd.DataFrame) -> Ways:
    """Return where each row of the participants table went."""
    rows = extract.tables["participants"]
    ways = np.full(len(rows), Way.AFTER_PERIOD, dtype=np.int8)
    ways[~isin_codes(rows["referral_id"], seen)] = Way.AFTER_KNOWN_AT
    ways[rows.index.get_indexer(used)] = Way.USED
    _mark(ways, rows.index, set_aside[set_aside["table"] == "participants"])
    return ways


def _mark(ways: Ways, index: pd.Index, set_aside: pd.DataFrame) -> None:
    """Mark rows that are set aside or repeats, by the lines of `set_aside` of one table."""
    for effect, way in ((ONCE, Way.REPEAT), (ROW_NOT_USED, Way.SET_ASIDE)):
        places = index.get_indexer(pd.Index(set_aside.loc[set_aside["effect"] == effect, "row"].unique()))
        ways[places[places >= 0]] = way


def _aside(table: str, rows: pd.Index, column: str, reason: str, effect: str = ROW_NOT_USED) -> pd.DataFrame:
    """Return lines of `set_aside` for whole rows; they carry no value, since it might identify someone."""
    fixed = {"table": table, "row": rows, "column": column, "value": "", "reason": reason, "effect": effect}
    return pd.DataFrame(fixed, columns=SET_ASIDE)


def _rows_lost(faults: pd.DataFrame, table: str) -> pd.Series:
    """Return the numbers of the rows of a table that cannot be used."""
    return faults.loc[(faults["table"] == table) & (faults["effect"] == ROW_NOT_USED), "row"]


def _flagged(index: pd.Index, rows: pd.Series) -> NDArray[np.bool_]:
    """Return which rows of a table are among those numbered."""
    return np.isin(index.to_numpy(), rows.to_numpy())


def _recorded(tables: Mapping[str, pd.DataFrame], faults: pd.DataFrame) -> pd.Series:
    """Return when the rows with faults were recorded; missing where they have no date, and of consent."""
    found = pd.Series(pd.NaT, index=faults.index, dtype="datetime64[s]")
    for name, table in tables.items():
        if "recorded_date" in table and name != "consent":
            mine = (faults["table"] == name).to_numpy()
            found[mine] = table["recorded_date"].reindex(faults["row"][mine]).astype("datetime64[s]").to_numpy()
    return found


def _referrals(extract: Extract, seen: pd.Series, faults: pd.DataFrame) -> tuple[pd.DataFrame, list[pd.DataFrame], int]:
    """Return the participants rows that are known and can be used, one a referral."""
    rows = extract.tables["participants"]
    named = ~_flagged(rows.index, _rows_lost(faults, "participants"))
    known = isin_codes(rows["referral_id"], seen)
    several = rows["referral_id"].duplicated(keep=False).to_numpy()
    copies = rows[named & known & several]
    repeated = copies.duplicated()
    single = copies[~repeated]
    conflicting = single["referral_id"].duplicated(keep=False)
    asides = [
        _aside("participants", copies.index[repeated], "", REPEAT, ONCE),
        _aside("participants", single.index[conflicting], "referral_id", "conflicting copies of one referral"),
    ]
    used = named & known & (~several | _flagged(rows.index, single.index[~conflicting].to_series()))
    return rows[used], asides, int((named & ~known).sum())


def _as_known(
    extract: Extract, at: pd.Timestamp, seen: pd.Series
) -> tuple[dict[str, pd.DataFrame], list[pd.DataFrame], dict[str, Ways]]:
    """Return the other tables: usable rows recorded by then, in an order that does not depend on the file's.

    Also what is set aside of them, and where each of their rows went.
    """
    known: dict[str, pd.DataFrame] = {}
    asides: list[pd.DataFrame] = []
    ways: dict[str, Ways] = {}
    referrals = extract.tables["participants"]["referral_id"]
    referrals = referrals[isin_codes(referrals, seen)]
    for name, table in extract.tables.items():
        if name in ("participants", "events"):
            continue
        lost = extract.faults.loc[(extract.faults["table"] == name) & (extract.faults["effect"] == ROW_NOT_USED), "row"]
        rows = table[~table.index.isin(lost)]
        if "recorded_date" in rows:
            rows = rows[rows["recorded_date"] <= at]
        repeated = rows.duplicated()
        own = [_aside(name, rows.index[repeated], "", REPEAT, ONCE)]
        rows = rows[~repeated]
        if "referral_id" in rows:
            unknown = rows["referral_id"].notna() & ~isin_codes(rows["referral_id"], referrals)
            own.append(_aside(name, rows.index[unknown], "referral_id", UNKNOWN))
            rows = rows[~unknown]
        asides += own
        ways[name] = np.full(len(table), Way.USED, dtype=np.int8)
        _mark(ways[name], table.index, pd.concat([*own, _aside(name, pd.Index(lost.unique()), "", "")]))
        if "recorded_date" in table:
            ways[name][(table["recorded_date"] > at).to_numpy()] = Way.AFTER_KNOWN_AT
        rows = rows.sort_values(list(rows.columns), kind="stable")
        known[name] = as_text(rows)
    return known, asides, ways


def _journeys(
    participants: pd.DataFrame, events: pd.DataFrame, attributes: pd.DataFrame, programme: Programme
) -> pd.DataFrame:
    """Return one row a referral: attributes, then each event's first current date and when that was recorded.

    Both frames are in the order of their referrals, and have the same; events are then in the order of kind and date.
    """
    journeys = participants.reset_index(drop=True)
    for name, attribute in programme.attributes.items():
        journeys[name] = _typed(journeys[name], attribute)
    dates = _first_dates(events, len(journeys), list(programme.events))
    journeys = pd.concat([journeys, pd.DataFrame(dates, copy=False)], axis="columns")
    if len(attributes):
        moment = journeys["start"].fillna(journeys["referral"])
        for name in attributes["attribute"].unique():
            held = _held(attributes, name, journeys["referral_id"], moment, journeys[name])
            journeys[name] = _typed(held, programme.attributes[name])
    return journeys


def _first_dates(events: pd.DataFrame, referrals: int, names: Sequence[str]) -> dict[str, NDArray[np.datetime64]]:
    """Return columns of a row a referral: the first date of each event, and when that was first recorded.

    The events are in the order of `_journeys`, and so are worked through a block of referrals at a time.
    """
    place, kind = codes(events["referral_id"]), codes(events["event"])
    happened, recorded = (events[name].to_numpy() for name in ("event_date", "first_recorded"))
    told = events["event"].cat.categories
    nothing = np.full(referrals, np.datetime64("NaT", "s"))
    columns: dict[str, NDArray[np.datetime64]] = {
        column: np.empty_like(nothing) if name in told else nothing
        for name in names
        for column in (name, f"{name}_recorded")
    }

    def fill(first: int) -> None:
        block = slice(*np.searchsorted(place, [first, first + REFERRALS_OF_A_BLOCK]))
        who, event, day = place[block], kind[block], happened[block]
        another = run_starts(who) | run_starts(event)
        days_of = np.flatnonzero(another | run_starts(day))
        since = np.minimum.reduceat(recorded[block], days_of)[another[days_of]] if len(days_of) else recorded[:0]
        who, event, day = who[another], event[another], day[another]
        for number, name in enumerate(told):
            mine = np.flatnonzero(event == number)
            for column, dates in ((columns[name], day), (columns[f"{name}_recorded"], since)):
                column[first : first + REFERRALS_OF_A_BLOCK] = np.datetime64("NaT", "s")
                column[who[mine]] = dates[mine]

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(fill, range(0, referrals, REFERRALS_OF_A_BLOCK)))
    return columns


def _typed(values: pd.Series, attribute: Attribute) -> pd.Series:
    """Return an attribute's values as whole numbers where it is one."""
    return pd.to_numeric(values).astype("Int16") if attribute.numeric else values


def _held(attributes: pd.DataFrame, name: str, referrals: pd.Series, on: pd.Series, current: pd.Series) -> pd.Series:
    """Return the value of an attribute on a day for each referral; `current` where its history has none."""
    if attributes.empty:
        return current
    history = attributes[attributes["attribute"] == name]
    place = pd.Index(referrals).get_indexer(pd.Index(history["referral_id"]))
    history = history.assign(place=place)[place >= 0]
    history = history[history["from_date"].to_numpy() <= on.to_numpy()[history["place"]]]
    history = history.sort_values(
        ["place", "from_date", "recorded_date", "value"], ascending=[True, True, True, False], na_position="first"
    )
    held = history.drop_duplicates("place", keep="last")
    values = current.astype("object") if is_numeric_dtype(current) else current.copy()
    values.iloc[held["place"]] = held["value"].to_numpy()
    return values
