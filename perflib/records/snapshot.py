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
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import cached_property, wraps
from pathlib import Path
from typing import Any, Concatenate, Literal, ParamSpec, TypeVar

import numpy as np
import pandas as pd
from pandas.api.types import is_numeric_dtype

from perflib.errors import DataError, ParameterError
from perflib.records.current import CONFLICT, DAY, among, codes, days, resolve
from perflib.records.schemas import NOT_RECORDED, ROW_NOT_USED, SET_ASIDE, parse
from perflib.records.sources import read_source
from perflib.rules.calendar import month as to_month
from perflib.rules.calendar import working_days
from perflib.rules.contract import Contract, load_contract
from perflib.rules.programme import Attribute, Programme

P = ParamSpec("P")
R = TypeVar("R")
At = Literal["at_start", "at_referral", "at_event", "at_period_end"]

REPEAT, ONCE = "repeat of another row", "counted once"
STRAY, UNKNOWN = "not a referral of the participants table", "no such referral is known"


@dataclass(frozen=True, eq=False)
class Extract:
    """Everything that a contract's source holds, read and checked, before any question of when.

    Attributes
    ----------
    tables : mapping of str to DataFrame
        Rows that can be read; index the row number in the file.
    faults : DataFrame
        What cannot be used: columns of `SET_ASIDE`, index the row number, with `recorded_date` where there is one.
    files : mapping of str to str
        What each table's file is called.
    unused : mapping of str to list of str
        Columns of each file that nothing here reads.
    """

    contract: Contract
    tables: Mapping[str, pd.DataFrame]
    faults: pd.DataFrame
    files: Mapping[str, str]
    unused: Mapping[str, list[str]]

    @cached_property
    def known_to(self) -> date:
        """The day to which the extract knows everything: declared, or the last recorded date of any table."""
        declared = getattr(self.contract.source, "known_to", None)
        if declared is not None:
            return declared
        recorded = [table["recorded_date"].max() for table in self.tables.values() if "recorded_date" in table]
        return max(day for day in recorded if pd.notna(day)).date()

    @cached_property
    def last_month(self) -> pd.Period:
        """The last month that the extract holds to its last working day."""
        month = pd.Period(self.known_to, "M")
        days_left = pd.date_range(pd.Timestamp(self.known_to) + DAY, month.end_time.normalize()).to_numpy()
        return month - 1 if working_days(self.contract.nation).is_working(days_left).any() else month


@dataclass(frozen=True, eq=False)
class Snapshot:
    """One contract's month as known on one day. Frames must not be changed.

    Attributes
    ----------
    contract : Contract
        With `.programme` resolved.
    month : Period[M]
        The reporting month; `period_end` is its last day.
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
    _memory: dict[Hashable, Any] = field(default_factory=dict, init=False, repr=False)

    @property
    def programme(self) -> Programme:
        """The rules of the contract's programme."""
        return self.contract.programme

    @property
    def period_end(self) -> date:
        """The reporting month's last day."""
        return self.month.end_time.date()

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
        return {name: frame.reset_index(drop=True) for name, frame in named.items()}

    def attribute(self, name: str, at: At | pd.Series = "at_start") -> pd.Series:
        """Return an attribute of every journey as it held on a day.

        Parameters
        ----------
        name : str
            An attribute of the programme.
        at : {'at_start', 'at_referral', 'at_period_end'} or Series of datetime64
            The day; a Series is aligned with `journeys`. Where it is missing the day of the referral is taken.

        Returns
        -------
        Series aligned with `journeys`
            Missing where it was not recorded.
        """
        if name not in self.programme.attributes:
            raise ParameterError(f"attribute {name!r}: the programme has {', '.join(self.programme.attributes)}.")
        if isinstance(at, str):
            moments = {
                "at_start": self.journeys["start"],
                "at_referral": self.journeys["referral"],
                "at_period_end": pd.Series(pd.Timestamp(self.period_end), index=self.journeys.index),
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


def remembered(function: Callable[Concatenate[Snapshot, P], R]) -> Callable[Concatenate[Snapshot, P], R]:
    """Keep what a function of a snapshot returned, in the snapshot, for the next call with the same arguments.

    The arguments must be hashable, and what is returned must not be changed.
    """

    @wraps(function)
    def recall(snapshot: Snapshot, /, *args: P.args, **kwargs: P.kwargs) -> R:
        key = (function, args, tuple(sorted(kwargs.items())))
        if key not in snapshot._memory:
            snapshot._memory[key] = function(snapshot, *args, **kwargs)
        return snapshot._memory[key]

    return recall


def load_snapshot(
    contract: str | Contract,
    month: str | pd.Period | None = None,
    known_at: str | date | None = None,
    params: str | Path = "params",
) -> Snapshot:
    """Return one contract's month as it was known on one day.

    Parameters
    ----------
    contract : str or Contract
        Id of a contract file, or a contract already read.
    month : str or Period, optional
        Reporting month, YYYY-MM; by default the last whole month that the extract holds.
    known_at : str or date, optional
        Rows recorded later are left out; by default the month's last day plus the contract's `report_lag`.
    params : str or Path
        Folder of parameter files.

    Returns
    -------
    Snapshot

    Raises
    ------
    ParameterError
        The contract, month or date is not one that can be reported.
    DataError
        The extract cannot be read, or holds no referral.

    Examples
    --------
    >>> load_snapshot("whp-sample", "2020-06").period_end
    datetime.date(2020, 6, 30)
    """
    resolved = load_contract(contract, params) if isinstance(contract, str) else contract
    return take_snapshot(load_extract(resolved), month, known_at)


def month_before(snapshot: Snapshot) -> Snapshot | None:
    """Return the same contract's month before, as it was known when it was reported; None for the first month."""
    if snapshot.month <= snapshot.first_month:
        return None
    return load_snapshot(snapshot.contract, snapshot.month - 1)


def load_extract(contract: Contract) -> Extract:
    """Read and check a contract's source.

    Raises
    ------
    DataError
        A file cannot be read, a required column is missing, or no row can be used.
    """
    raw = read_source(contract)
    parsed = {name: parse(name, table.frame, table.file, contract.programme) for name, table in raw.items()}
    tables = {name: frame for name, (frame, _) in parsed.items()}
    for name in ("participants", "events"):
        if tables[name].empty:
            raise DataError(f"{raw[name].file}: holds a header and no rows. There is nothing to report yet.")
    faults = pd.concat([found for _, found in parsed.values()], ignore_index=True)
    faults["value"] = _without_identifiers(faults["value"], tables)
    unused = {
        name: [str(column) for column in table.frame if str(column).strip().casefold() not in tables[name]]
        for name, table in raw.items()
    }
    extract = Extract(contract, tables, faults, {name: table.file for name, table in raw.items()}, unused)
    if tables["events"]["recorded_date"].isna().all():
        undated = faults[(faults["table"] == "events") & (faults["column"] == "recorded_date")].iloc[0]
        raise DataError(
            f"{raw['events'].file}: no recorded_date can be read (row {undated['row']} has {undated['value']!r}). "
            f"Write dates as 2020-12-31 or 31/12/2020."
        )
    return extract


def _without_identifiers(values: pd.Series, tables: Mapping[str, pd.DataFrame]) -> pd.Series:
    """Blank the values that hold the identifier of a referral or person, as the cells of a shifted row may."""
    if values.empty:
        return values
    names = [table[name] for table in tables.values() for name in ("referral_id", "participant_id") if name in table]
    identifiers = set(pd.concat(names).dropna().unique())
    return values.map(lambda cell: cell if identifiers.isdisjoint([cell.strip(), *cell.split()]) else "")


def take_snapshot(
    extract: Extract, month: str | pd.Period | None = None, known_at: str | date | None = None
) -> Snapshot:
    """Return a month of an extract as known on one day; `load_snapshot` has the parameters."""
    contract = extract.contract
    period = extract.last_month if month is None else to_month(month)
    known = _known_at(period, known_at, contract)
    at = pd.Timestamp(known)
    asides: list[pd.DataFrame] = []

    events = extract.tables["events"]
    seen = events["recorded_date"].isna() | (events["recorded_date"] <= at)
    faults = _known_faults(extract, at)
    unusable = events.index.isin(faults.loc[faults["table"] == "events", "row"])
    usable = events[seen & ~unusable]
    repeated = usable.duplicated()
    asides.append(_aside("events", usable.index[repeated], "", REPEAT, ONCE))
    usable = usable[~repeated]

    participants, referral_asides, not_yet_known = _referrals(extract, events.loc[seen, "referral_id"], faults)
    asides += referral_asides
    stray = ~among(usable["referral_id"], extract.tables["participants"]["referral_id"])
    asides.append(_aside("events", usable.index[stray], "referral_id", STRAY))
    usable = usable[~stray]

    repeating = [name for name, event in contract.programme.events.items() if event.repeats]
    current, conflicts = resolve(usable, repeating, contract.source_order)

    referred = current.loc[current["event"] == "referral", "referral_id"]
    without = participants.index[~among(participants["referral_id"], referred)]
    asides.append(_aside("participants", without, "referral_id", "no usable referral event"))
    participants = participants.drop(index=without)
    lost = usable.index[~among(usable["referral_id"], participants["referral_id"])]
    asides.append(_aside("events", lost, "referral_id", "its referral is not used"))
    conflicts = conflicts.drop(index=lost, errors="ignore")
    asides.append(_aside("events", conflicts.index, "event_date", CONFLICT, "the earliest date is used"))
    first_day = contract.first_day or _first_referral(current[~current.index.isin(lost)], extract, known)

    period_end = pd.Timestamp(period.end_time.date())
    current = current[
        (current["event_date"] <= period_end) & among(current["referral_id"], participants["referral_id"])
    ]
    referred = current.loc[current["event"] == "referral", "referral_id"]
    participants = participants[among(participants["referral_id"], referred)].sort_values("referral_id")
    current = current[among(current["referral_id"], referred)]

    tables, other_asides = _as_known(extract, at, events.loc[seen, "referral_id"])
    asides += other_asides
    kept = faults[
        ~(
            (faults["table"] == "participants")
            & ~faults["row"].isin(participants.index)
            & (faults["effect"] == NOT_RECORDED)
        )
    ]
    set_aside = pd.concat([kept[SET_ASIDE], *asides], ignore_index=True)
    set_aside = set_aside.astype(dict.fromkeys(SET_ASIDE, "str") | {"row": "int64"})
    set_aside = set_aside.sort_values(["table", "row", "column"], kind="stable").reset_index(drop=True)
    if period < pd.Period(first_day, "M"):
        raise ParameterError(
            f"month {period}: is before the contract's first month, {pd.Period(first_day, 'M')}. Choose a later month."
        )
    if period > pd.Period(extract.known_to, "M"):
        raise ParameterError(
            f"month {period}: is after the extract, which holds what was recorded to {extract.known_to}. "
            f"Choose {extract.last_month} or earlier, or supply a later extract; if nothing was recorded since, say "
            f"so: source: {{known_to: {period.end_time:%Y-%m-%d}, ...}} in {contract.path}."
        )
    attributes = tables.get("attributes", pd.DataFrame())
    tables["participants"] = participants
    journeys = _journeys(participants, current, attributes, contract.programme)
    return Snapshot(contract, period, known, first_day, journeys, current, set_aside, tables, not_yet_known)


def _known_at(month: pd.Period, known_at: str | date | None, contract: Contract) -> date:
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


def _first_referral(current: pd.DataFrame, extract: Extract, known: date) -> date:
    referrals = current.loc[current["event"] == "referral", "event_date"]
    if len(referrals):
        return referrals.min().date()
    raise DataError(
        f"{extract.files['events']}: no referral was recorded by {known}. "
        f"Choose a later month, or state `first_day` in {extract.contract.path}."
    )


def _aside(table: str, rows: pd.Index, column: str, reason: str, effect: str = ROW_NOT_USED) -> pd.DataFrame:
    """Return lines of `set_aside` for whole rows; they carry no value, since it might identify someone."""
    fixed = {"table": table, "row": rows, "column": column, "value": "", "reason": reason, "effect": effect}
    return pd.DataFrame(fixed, columns=SET_ASIDE)


def _known_faults(extract: Extract, at: pd.Timestamp) -> pd.DataFrame:
    """Return the faults in rows recorded by then; a row that cannot be dated is always among them."""
    faults = extract.faults
    known = pd.Series(True, index=faults.index)
    for name, table in extract.tables.items():
        if "recorded_date" in table and name != "consent":
            mine = faults["table"] == name
            known[mine] = ~(table["recorded_date"].reindex(faults.loc[mine, "row"]) > at).to_numpy()
    return faults[known]


def _referrals(extract: Extract, seen: pd.Series, faults: pd.DataFrame) -> tuple[pd.DataFrame, list[pd.DataFrame], int]:
    """Return the participants rows that are known and can be used, one a referral."""
    rows = extract.tables["participants"]
    nameless = faults.loc[(faults["table"] == "participants") & (faults["effect"] == ROW_NOT_USED), "row"]
    rows = rows[~rows.index.isin(nameless)]
    known = among(rows["referral_id"], seen)
    rows, not_yet_known = rows[known], int((~known).sum())
    repeated = rows.duplicated()
    single = rows[~repeated]
    conflicting = single["referral_id"].duplicated(keep=False)
    asides = [
        _aside("participants", rows.index[repeated], "", REPEAT, ONCE),
        _aside("participants", single.index[conflicting], "referral_id", "conflicting copies of one referral"),
    ]
    return single[~conflicting], asides, not_yet_known


def _as_known(
    extract: Extract, at: pd.Timestamp, seen: pd.Series
) -> tuple[dict[str, pd.DataFrame], list[pd.DataFrame]]:
    """Return the other tables: usable rows recorded by then, in an order that does not depend on the file's."""
    known, asides = {}, []
    referrals = extract.tables["participants"]["referral_id"]
    referrals = referrals[among(referrals, seen)]
    for name, table in extract.tables.items():
        if name in ("participants", "events"):
            continue
        lost = extract.faults.loc[(extract.faults["table"] == name) & (extract.faults["effect"] == ROW_NOT_USED), "row"]
        rows = table[~table.index.isin(lost)]
        if "recorded_date" in rows:
            rows = rows[rows["recorded_date"] <= at]
        repeated = rows.duplicated()
        asides.append(_aside(name, rows.index[repeated], "", REPEAT, ONCE))
        rows = rows[~repeated]
        if "referral_id" in rows:
            unknown = ~among(rows["referral_id"], referrals)
            asides.append(_aside(name, rows.index[unknown], "referral_id", UNKNOWN))
            rows = rows[~unknown]
        known[name] = rows.sort_values(list(rows.columns), kind="stable")
    return known, asides


def _journeys(
    participants: pd.DataFrame, events: pd.DataFrame, attributes: pd.DataFrame, programme: Programme
) -> pd.DataFrame:
    """Return one row a referral: attributes, then each event's first current date and when that was recorded."""
    journeys = participants.reset_index(drop=True)
    for name, attribute in programme.attributes.items():
        journeys[name] = _typed(journeys[name], attribute)
    place = pd.Index(journeys["referral_id"]).get_indexer(pd.Index(events["referral_id"]))
    first = events.assign(place=place)[["place", "event", "event_date", "first_recorded"]]
    number = np.lexsort((days(first["first_recorded"]), days(first["event_date"]), codes(first["event"]), place))
    first = first.iloc[number].drop_duplicates(["place", "event"])
    dates = {}
    empty = np.full(len(journeys), np.datetime64("NaT", "s"))
    for name in programme.events:
        mine = first[first["event"] == name]
        for column, values in ((name, mine["event_date"]), (f"{name}_recorded", mine["first_recorded"])):
            dates[column] = empty.copy()
            dates[column][mine["place"]] = values.to_numpy(dtype="datetime64[s]")
    journeys = pd.concat([journeys, pd.DataFrame(dates)], axis="columns")
    if len(attributes):
        moment = journeys["start"].fillna(journeys["referral"])
        for name in attributes["attribute"].unique():
            held = _held(attributes, name, journeys["referral_id"], moment, journeys[name])
            journeys[name] = _typed(held, programme.attributes[name])
    return journeys


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
