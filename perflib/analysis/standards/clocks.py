"""The clocks of service standards, run for everybody at once.

`standards` has the conventions and the tables made of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import cached_property, reduce
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from perflib.errors import ParameterError
from perflib.records.schemas import TABLES
from perflib.records.snapshot import Snapshot
from perflib.rules.calendar import Days, WorkingDays, since_first, working_days
from perflib.rules.dated import hint
from perflib.rules.programme import CORE_EVENTS
from perflib.rules.standards import Standard

STATES = ("met", "not_met", "open_late", "not_due", "exempt", "no_data", "not_applicable")
MET, NOT_MET, OPEN_LATE, NOT_DUE, EXEMPT, NO_DATA, NOT_APPLICABLE = (np.uint8(number) for number in range(7))
APPROVED = "approved"

MISSING = np.datetime64("NaT", "s")
DAY = np.timedelta64(1, "D")

Flags = NDArray[np.bool_]
Numbers = NDArray[np.int64]
States = NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class Clocks:
    """The clocks of one standard, a column each.

    Attributes
    ----------
    journey : array of int, or None
        The row of each clock's journey, -1 for a clock of no journey; None: every journey has one, in order.
    item : Series of str, or None
        What tells the clocks of one journey apart.
    begun, day0, due : arrays of datetime64[s]
        The day it begins, the day it counts from, the last day in time.
    last : array of datetime64[s]
        The last day on which it is not late: `due`, or the day off after it for an age.
    done : array of datetime64[s]
    ended : array of bool, or None
        Where what has not been done cannot be done any more.
    """

    journey: Numbers | None
    item: pd.Series | None
    begun: Days
    day0: Days
    due: Days
    last: Days
    done: Days
    ended: Flags | None = None

    def of_journeys(self, values: NDArray[Any]) -> NDArray[Any]:
        """Broadcast what is known of each journey to each clock; 0 or False for a clock of no journey."""
        return values if self.journey is None else np.append(values, np.zeros(1, values.dtype))[self.journey]


@dataclass(frozen=True, eq=False)
class Cases:
    """What has become of the clocks of one standard by the close of a day.

    Attributes
    ----------
    journeys : Journeys
    name : str
        The standard's id.
    rule : Standard
    clocks : Clocks
    state : array of uint8
        Places in `STATES`, as though nothing was exempt.
    """

    journeys: Journeys
    name: str
    rule: Standard
    clocks: Clocks
    state: States

    @property
    def referral_id(self) -> pd.Series:
        """The referral of each case, missing where it is the contract's."""
        ids = self.journeys.frame["referral_id"]
        if self.clocks.journey is None:
            return ids
        return pd.Series(ids.array.take(self.clocks.journey, allow_fill=True))

    @cached_property
    def month(self) -> Numbers:
        """The month of each case's referral, since January 1970; of several of a referral, that in which each began."""
        if self.clocks.journey is None:
            return self.journeys.month
        months: Numbers = month_number(self.clocks.begun)
        return months

    @cached_property
    def exempted(self) -> States:
        """Places in `STATES`, with approved exemptions."""
        exempt = self.journeys.exempt(self.name)
        if exempt is None:
            return self.state
        return np.where(self.clocks.of_journeys(exempt) & (self.state < EXEMPT), EXEMPT, self.state)

    @cached_property
    def taken(self) -> NDArray[np.float64]:
        """The days that each case took, or has taken so far.

        What is done on a day off was done within the working days up to the next one, so that a case took more than
        its limit just when it was done late; an age stands still.
        """
        if self.rule.kind == "notice" or (self.rule.kind == "every" and self.rule.limit is None):
            return np.full(len(self.state), np.nan)
        undone, done = np.isnat(self.clocks.done), self.clocks.done
        if self.rule.days == "working" and not self.rule.rests:
            done = self.journeys.calendar.day0(since_first(done))
        days = self.age(self.clocks.begun, np.where(undone, self.journeys.on, done))
        return np.where(undone & (self.state == NOT_MET), np.nan, days)

    def age(self, begun: Days, on: Days) -> NDArray[np.float64]:
        """Age on a day of what began on another, in the standard's days."""
        if self.rule.days == "calendar":
            return (on - begun) / DAY
        return self.journeys.calendar.count(since_first(begun), since_first(on))


class Journeys:
    """The journeys referred by a day, with what had happened by its close; each date is read once.

    Parameters
    ----------
    snapshot : Snapshot
    on : date, optional
        By default the month's last day, or `known_at` if that is earlier.

    Raises
    ------
    ParameterError
        A later day.
    """

    def __init__(self, snapshot: Snapshot, on: date | None = None) -> None:
        known = snapshot.as_of
        if on is not None and on > known:
            raise ParameterError(f"on={on}: is after {known}, the last day that is known. Choose an earlier day.")
        self.snapshot = snapshot
        self.on = np.datetime64(on or known, "s")
        referred = (snapshot.journeys["referral"] <= self.on).to_numpy()
        self.frame = snapshot.journeys if referred.all() else snapshot.journeys[referred].reset_index(drop=True)
        self.calendar = working_days(snapshot.contract.nation)
        self._dates: dict[tuple[tuple[str, ...], bool, str], Days] = {}
        self._days: dict[tuple[str, ...], DayByDay] = {}

    @cached_property
    def month(self) -> Numbers:
        """The month of each referral, since January 1970."""
        months: Numbers = month_number(self.dates(("referral",)))
        return months

    def dates(self, events: tuple[str, ...], recorded: bool = False, needs: str = "any") -> Days:
        """First date of some events in each journey; of those that are all needed, the last."""
        key = (events, recorded, needs)
        if key not in self._dates:
            names = (f"{event}_recorded" if recorded else event for event in events)
            columns = (self.frame[name].to_numpy(dtype="datetime64[s]") for name in names)
            found = reduce(np.maximum if needs == "all" else np.fmin, columns)  # only fmin passes over what is missing
            after = found > self.on
            self._dates[key] = np.where(after, MISSING, found) if after.any() else found
        return self._dates[key]

    def happened(self, events: tuple[str, ...]) -> Flags:
        """Mask the journeys in which one of some events has happened."""
        return ~np.isnat(self.dates(events))

    def lacks(self, events: tuple[str, ...], needs: str = "any") -> bool:
        """Test for an extract without any event of these kinds; where all are needed, without one of them."""
        known = self.frame if self.snapshot.whole is None else self.snapshot.whole.journeys
        held = (event in CORE_EVENTS or not np.isnat(known[event].to_numpy()).all() for event in events)
        return not (all(held) if needs == "all" else any(held))

    def place(self, referral_ids: pd.Series) -> Numbers:
        """Look up the row of each referral, -1 where there is none."""
        places: Numbers = pd.Index(self.frame["referral_id"]).get_indexer(pd.Index(referral_ids))
        return places

    def applies(self, rule: Standard) -> Flags:
        """Mask the journeys for which a standard holds."""
        if not self.in_nation(rule):
            return np.zeros(len(self.frame), dtype=bool)
        held = self.happened((rule.applies_to,))
        for validity in rule.valid:
            when = self.dates((validity.by,))
            if validity.since:
                held &= ~(when < np.datetime64(validity.since))
            if validity.until:
                held &= ~(when > np.datetime64(validity.until))
        return held

    def in_nation(self, rule: Standard) -> bool:
        """Test for a standard that holds in the contract's nation."""
        return not rule.nations or self.snapshot.contract.nation in rule.nations

    def exempt(self, name: str) -> Flags | None:
        """Mask the journeys whose cases an approved exemption covers; None where there is none."""
        rows = self.snapshot.tables.get("exemptions", pd.DataFrame({"standard": []}))
        rows = rows[rows["standard"] == name]
        if rows.empty:
            return None
        latest = rows[rows["recorded_date"] == rows.groupby("referral_id")["recorded_date"].transform("max")]
        approved = (latest["decision"] == APPROVED).groupby(latest["referral_id"]).all()
        return self.frame["referral_id"].isin(approved.index[approved]).to_numpy()

    def days(self, events: tuple[str, ...]) -> DayByDay:
        """Days on which the clocks of some events begin."""
        if events not in self._days:
            self._days[events] = DayByDay(self.dates(events))
        return self._days[events]


class DayByDay:
    """Dates as places in a list of every day from the first to the last of them.

    When something is due depends on the day alone: it is worked out once a day, and looked up once a case.
    """

    def __init__(self, dates: Days) -> None:
        found = dates.astype("datetime64[D]")
        first = np.fmin.reduce(found, initial=np.datetime64("NaT", "D"))
        last = np.fmax.reduce(found, initial=first)
        self.days: Days = found[:0] if np.isnat(first) else np.arange(first, last + DAY)
        place: Numbers = (found - first).view(np.int64)
        self._place = np.maximum(place, -1, out=place)  # what is missing is numpy's least number
        self._day0: dict[bool, Days] = {}

    def limits(self, rule: Standard, calendar: WorkingDays) -> tuple[Days, Days, Days]:
        """Day 0 of the clock begun on each date, its last day in time, and the last on which it is not late."""
        working = rule.days == "working"
        days = since_first(self.days) if working else self.days
        if working not in self._day0:  # the same for all standards that begin with these events
            self._day0[working] = self._look_up(calendar.day0(days) if working else days)
        day0 = self._day0[working]
        if rule.limit is None:
            return day0, np.full_like(day0, MISSING), np.full_like(day0, MISSING)
        due = self._look_up(calendar.deadline(days, rule.limit) if working else days + rule.limit)
        if working and rule.rests:
            return day0, due, self._look_up(calendar.deadline(days, rule.limit + 1) - DAY)
        return day0, due, due

    def _look_up(self, values: Days) -> Days:
        found: Days = np.append(values.astype("datetime64[s]"), MISSING)  # the place -1 is the last
        return found[self._place]


def run(journeys: Journeys, name: str) -> Cases:
    """Run the clock of one standard for everybody; of any kind but `profile`, which is about months."""
    rule = journeys.snapshot.contract.standards[name]
    stops = rule.to or journeys.snapshot.programme.resolves
    if rule.table is not None:
        clocks = _one_a_row(journeys, rule, rule.table)
    elif rule.kind == "every":
        clocks = _one_each_time(journeys, rule)
    else:
        clocks = _one_a_journey(journeys, rule, stops)
    undone = np.isnat(clocks.done)
    late = undone if rule.unlimited else (clocks.done > clocks.last) | (undone & (clocks.last < journeys.on))
    if rule.kind == "notice":
        late = clocks.done < clocks.due
    elif rule.done_late == "met":
        late &= undone
    state: States = undone * NOT_DUE ^ late.view(np.uint8)  # late: open_late instead of not_due, not_met instead of met
    if clocks.ended is not None:
        state[undone & clocks.ended] = NOT_MET
    # The last states are in order: each overrides those before it.
    if rule.table is None and journeys.lacks(stops, rule.needs):
        state[:] = NO_DATA
    unbegun = NO_DATA if rule.table is not None or journeys.lacks(rule.begins) else NOT_APPLICABLE
    state = np.maximum(state, np.isnat(clocks.begun) * unbegun)
    if of_contract(rule):
        outside = np.full(len(state), not journeys.in_nation(rule))
    else:
        outside = ~clocks.of_journeys(journeys.applies(rule))
    if rule.excused_by:
        outside |= undone & clocks.of_journeys(journeys.happened(rule.excused_by))
    state = np.maximum(state, outside * NOT_APPLICABLE)
    return Cases(journeys, name, rule, clocks, state)


def _one_a_journey(journeys: Journeys, rule: Standard, stops: tuple[str, ...]) -> Clocks:
    """Return the clocks that run from one event to another."""
    done = journeys.dates(stops, rule.recorded, rule.needs)
    ended = journeys.happened(rule.failed_by) if rule.failed_by else None
    limits = journeys.days(rule.begins).limits(rule, journeys.calendar)
    return Clocks(None, None, journeys.dates(rule.begins), *limits, done, ended)


def _one_a_row(journeys: Journeys, rule: Standard, table: str) -> Clocks:
    """Return the clocks that run from one date column of a table to another."""
    referral = [] if of_contract(rule) else ["referral_id"]
    columns = list(dict.fromkeys([*referral, *rule.begins, *rule.to, *rule.item, *rule.where]))
    if table not in journeys.snapshot.tables and table not in TABLES:
        raise ParameterError(f"{rule.name}: {table!r} is no table of an extract; {hint(table, TABLES)}")
    rows = journeys.snapshot.tables.get(table, pd.DataFrame(columns=columns))
    for name in columns:
        if name not in rows:
            raise ParameterError(f"{rule.name}: the table {table} has no column {name!r}; {hint(name, rows.columns)}")
        if name in (*rule.begins, *rule.to) and len(rows) and not pd.api.types.is_datetime64_any_dtype(rows[name]):
            raise ParameterError(f"{rule.name}: the column {name!r} of the table {table} holds no dates.")
    rows = rows[~(rows[rule.begins[0]] > pd.Timestamp(journeys.on))]
    if rule.item and "recorded_date" in rows:
        rows = rows.sort_values("recorded_date", kind="stable")
        rows = rows.drop_duplicates([*referral, *rule.item], keep="last")
    for name, codes in rule.where.items():
        rows = rows[rows[name].isin(codes)]
    place = np.full(len(rows), -1)
    if referral:
        place = journeys.place(rows["referral_id"])
        rows, place = rows[place >= 0], place[place >= 0]
    begun, done = (rows[name].to_numpy(dtype="datetime64[s]") for name in (*rule.begins, *rule.to))
    done = np.where(done > journeys.on, MISSING, done)
    names = [rows[name].astype("str") for name in rule.item]
    item = reduce(lambda left, right: left + " " + right, names) if len(rows) and names else None
    return Clocks(place, item, begun, *DayByDay(begun).limits(rule, journeys.calendar), done)


def of_contract(rule: Standard) -> bool:
    """Test for a standard whose cases are the contract's: rows of a table that names no referrals."""
    return rule.table in TABLES and "referral_id" not in TABLES[rule.table]


def _one_each_time(journeys: Journeys, rule: Standard) -> Clocks:
    """Return the clocks of what is to be repeated: one a calendar month, or from each time to the next."""
    events = journeys.snapshot.events
    mine = events[events["event"].isin(rule.to) & (events["event_date"] <= journeys.on)]
    place, when = journeys.place(mine["referral_id"]), mine["event_date"].to_numpy(dtype="datetime64[s]")
    place, when = place[place >= 0], when[place >= 0]
    begun = np.where(journeys.applies(rule), journeys.dates(rule.begins), MISSING)
    end = journeys.dates(rule.until) if rule.until else np.full_like(begun, MISSING)
    if rule.limit is None:
        return _one_a_month(begun, end, place, when, journeys.on)
    return _one_after_another(journeys, rule, begun, end, place, when)


def _one_a_month(begun: Days, end: Days, place: Numbers, when: Days, on: np.datetime64) -> Clocks:
    """Return a clock for each calendar month that lies between two dates, judged when it is over."""
    first = month_number(begun - DAY) + 1
    last = np.where(np.isnat(end), month_number(on), np.minimum(month_number(end) - 1, month_number(on)))
    count = np.where(np.isnat(begun), 0, np.maximum(last - first + 1, 0))
    journey = np.repeat(np.arange(len(begun)), count)
    month = first[journey] + np.arange(len(journey)) - np.repeat(np.cumsum(count) - count, count)
    opens, closes = first_day(month), first_day(month + 1) - DAY

    earliest_first = np.argsort(when, kind="stable")
    place, when = place[earliest_first], when[earliest_first]
    done = pd.Series(when, index=pd.MultiIndex.from_arrays([place, month_number(when)]))
    done = done[~done.index.duplicated()].reindex(pd.MultiIndex.from_arrays([journey, month]))
    item = pd.Series(opens.astype("datetime64[M]").astype(str), dtype="str")
    return Clocks(journey, item, opens, opens, closes, closes, done.to_numpy(dtype="datetime64[s]"), closes <= on)


def _one_after_another(
    journeys: Journeys, rule: Standard, begun: Days, end: Days, place: Numbers, when: Days
) -> Clocks:
    """Return a clock from the beginning, and from each time, to the next; none where the end came before it was due."""
    inside = (when > begun[place]) & ~(when > end[place])
    starts = np.flatnonzero(~np.isnat(begun))
    times = pd.DataFrame(
        {"place": np.append(starts, place[inside]), "when": np.append(begun[starts], when[inside])}
    ).drop_duplicates()
    times = times.sort_values(["place", "when"], ignore_index=True)
    place, when = times["place"].to_numpy(), times["when"].to_numpy()
    done = times.groupby("place")["when"].shift(-1).to_numpy()
    day0, due, last = DayByDay(when).limits(rule, journeys.calendar)
    ended = ~np.isnat(end[place])
    asked = ~(np.isnat(done) & (end[place] <= due))
    item = pd.Series(when.astype("datetime64[D]").astype(str), dtype="str")
    return Clocks(
        place[asked], item[asked], when[asked], day0[asked], due[asked], last[asked], done[asked], ended[asked]
    )


def month_number(dates: Any) -> Any:
    """Months since January 1970 of one or more dates."""
    return dates.astype("datetime64[M]").astype(np.int64)


def first_day(months: Numbers) -> Days:
    """First day of months given as numbers since January 1970."""
    return months.astype("datetime64[M]").astype("datetime64[s]")
