"""What every synthetic contract does: referrals are made, resolved and followed, and all of it is recorded later.

A programme's own process is a `Process` whose `live` follows referrals from the first day to the last; everything
around it (who comes, who comes back, delays of recording, corrections, planted faults, the tables) is here.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass, fields, replace
from typing import Any, ClassVar, Literal, Self

import numpy as np
import pandas as pd
from pydantic import Field

from perflib.records.sample.draws import (
    NEVER,
    Days,
    Delay,
    Flags,
    Floats,
    Ints,
    Parameters,
    Part,
    Share,
    choose,
    dates,
    numbered,
    text,
    uniform,
    workday,
)
from perflib.records.sample.people import ETHNICITIES, PRIORITIES, Arrivals, People, Staff, arrive, suspended
from perflib.records.sample.supporting_tables import Registers, registers
from perflib.records.schemas import TABLES

ATTEMPTS = 3
"""The most referrals of a person."""


class Faults(Parameters):
    """Faults planted in the extract, for the reports to find: shares of referrals."""

    repeated: Share = Field(default=0, description="Referral row sent twice.")
    impossible_age: Share = Field(default=0, description="Age of -3.")
    dated_ahead: Share = Field(default=0, description="Exit dated a year after it was recorded.")


class Process(Arrivals):
    """The parameters that every process has; values are invented unless a source is named."""

    ATTRIBUTES: ClassVar[tuple[str, ...]]
    """The attributes that its participants table has, in order, before those drawn by lot."""

    process: Literal["earnings", "sustainment", "course"] = Field(
        default="earnings", description="What leads to the outcome: sums earned, a job that lasts, or a course."
    )
    acknowledged: Delay = Field(default=Delay(median=1, p95=2.9), description="Working days from the referral.")
    resolved: Delay = Field(default=Delay(median=6, p95=12.5), description="Working days from the referral.")
    returns: Share = Field(default=0, description="Share of those who did not start who are referred again.")
    leavers_return: Share = Field(default=0, description="The same, of early leavers who never worked.")
    return_delay: Delay = Field(default=Delay(median=45, p95=150), description="Calendar days until then.")
    moved: Share = Field(default=0, description="Share of starts offered a move to another subcontractor.")
    recorded: Delay = Field(default=Delay(median=1.2, p95=5), description="Working days, for what a provider does.")
    exit_recorded: Delay = Field(default=Delay(median=3, p95=8), description="Working days, for exits.")
    start_corrected: Share = Field(
        default=0.06, description="Share of starts recorded late that are first dated by the day of recording."
    )
    group_corrected: Share = Field(default=0.01, description="Share of referrals with a wrong group at first.")
    correction: Delay = Field(default=Delay(median=30, p95=90), description="Working days to any correction.")
    faults: Faults = Field(default=Faults(), description="Faults planted for the reports to find.")
    registers: Registers | None = Field(
        default=None, description="What is recorded about performance; none: those tables are not supplied."
    )

    @abstractmethod
    def staff(self) -> Staff:
        """Return the desks that referrals come to."""

    @abstractmethod
    def live(self, these: Round, staff: Staff, desk: Ints, day: Days) -> Lived:
        """Follow referrals made on `day` at their desks into the log."""

    @abstractmethod
    def other_tables(self) -> dict[str, pd.DataFrame]:
        """Return the tables that are not about single referrals, as known on the last day."""


class Log:
    """What is recorded, gathered in batches that share their texts; what is recorded after the last day is left out."""

    def __init__(self, last_day: np.datetime64) -> None:
        self.last_day = last_day
        self._texts: list[tuple[str | None, ...]] = []
        self._rows: list[tuple[Ints, Days, Days]] = []
        self._notes: dict[str, list[pd.DataFrame]] = {}

    def add(
        self,
        event: str,
        journey: Ints,
        happened: Days,
        recorded: Days,
        where: Flags | Literal[True] = True,
        *,
        value: str | None = None,
        detail: str | None = None,
        ref: str | None = None,
        source: str = "CRM",
        action: str = "record",
    ) -> None:
        """Add an event of the journeys named."""
        keep = where & (recorded <= self.last_day)
        self._rows.append((journey[keep], happened[keep], recorded[keep]))
        self._texts.append((event, value, detail, ref, source, action))

    def note(self, table: str, journey: Ints, known: Days, where: Flags, **columns: Any) -> None:
        """Add rows to a table about referrals, known on a day; `columns` are one value a row, or one for all."""
        frame = pd.DataFrame({"journey": journey, "known": known} | columns)
        self._notes.setdefault(table, []).append(frame[where & (known <= self.last_day)])

    def events(self, number: Ints, ids: list[str]) -> pd.DataFrame:
        """Return the events by recorded date, then referral; `number` is each journey's place in `ids`."""
        batch = np.repeat(np.arange(len(self._rows)), [len(journey) for journey, _, _ in self._rows])
        journey, happened, recorded = (np.concatenate(column) for column in zip(*self._rows, strict=True))
        order = np.lexsort((happened, batch, number[journey], recorded))
        texts = [text(column, batch[order]) for column in zip(*self._texts, strict=True)]
        event, value, detail, ref, source, action = texts
        return pd.DataFrame(
            {
                "referral_id": text(ids, number[journey][order]),
                "event": event,
                "event_date": dates(happened[order]),
                "recorded_date": dates(recorded[order]),
                "value": value,
                "detail": detail,
                "ref": ref,
                "source": source,
                "action": action,
            }
        )

    def tables(self, number: Ints, ids: list[str]) -> dict[str, pd.DataFrame]:
        """Return the other tables about referrals by the day their rows were known, then referral."""
        found = {}
        for name, notes in self._notes.items():
            rows = pd.concat(notes, ignore_index=True)
            place = number[rows["journey"].to_numpy()]
            order = np.lexsort((place, rows["known"].to_numpy()))
            frame = rows.iloc[order].drop(columns=["journey", "known"]).reset_index(drop=True)
            frame.insert(0, "referral_id", text(ids, place[order]))
            found[name] = frame
        return found


@dataclass(frozen=True)
class Round:
    """Referrals that are followed together, one a person: first referrals, then first returns, and so on."""

    process: Process
    people: People
    log: Log
    person: Ints
    journey: Ints
    attempt: int

    def draw(self, part: Part, columns: int) -> Floats:
        """Return uniform draws, shape (columns, referrals)."""
        return uniform(self.process.seed, part, len(self.people.referred), columns, self.attempt)[self.person].T

    def take(self, rows: Ints) -> Round:
        """Return some of the referrals."""
        return replace(self, person=self.person[rows], journey=self.journey[rows])


@dataclass(frozen=True)
class Lived:
    """How referrals went: one row a referral, but for `rows`, `start` and `leaves`, which are of those that started."""

    known: Days  # the day on which the result, or of starts the exit, was recorded
    again: Floats  # chance of being referred again
    rows: Ints  # places of those that started
    start: Days
    leaves: Days


@dataclass(frozen=True)
class _Journeys:
    """One row a referral: who, when, with whom, and what of that changed later (NEVER: not)."""

    person: Ints
    day: Days
    desk: Ints  # place in Staff
    moved: Days
    move_recorded: Days
    new_desk: Ints
    first_group: Ints  # as recorded at the referral
    group_corrected: Days

    @classmethod
    def join(cls, parts: list[Self]) -> Self:
        """Return all of them, one after the other."""
        return cls(*(np.concatenate([getattr(part, column.name) for part in parts]) for column in fields(cls)))

    def take(self, rows: Ints) -> _Journeys:
        """Return some of them."""
        return _Journeys(*(getattr(self, column.name)[rows] for column in fields(self)))


def make_extract(process: Process) -> dict[str, pd.DataFrame]:
    """Make the extract of a synthetic contract.

    Parameters
    ----------
    process : Process
        The parameters. The same process gives the same frames.

    Returns
    -------
    dict of str to DataFrame
        `participants` (one row a referral, by id), `events` (by recorded date, then referral), `attributes`
        (history of group, subcontractor, centre and caseworker, from the referral on) and the process's own. Text is
        `str`, dates are `datetime64[us]`. Nothing recorded after `last_day` is in them; the participants table has the
        attributes as last known then.
    """
    people, staff = arrive(process), process.staff()
    log = Log(np.datetime64(process.last_day, "D"))
    person, day = np.arange(len(people.referred)), people.referred
    rounds: list[_Journeys] = []
    for attempt in range(ATTEMPTS):
        first = sum(len(done.person) for done in rounds)
        these = Round(process, people, log, person, first + np.arange(len(person)), attempt)
        journeys, day_back = _follow(these, staff, day)
        rounds.append(journeys)
        back = day_back < people.horizon
        person, day = person[back], day_back[back]
    journeys = _Journeys.join(rounds)
    order = np.lexsort((journeys.person, journeys.day))  # numbered by date, whatever round made them
    number = np.empty_like(order)
    number[order] = np.arange(len(order))
    known = journeys.take(order[journeys.day[order] <= log.last_day])
    ids = numbered("S", len(known.person))
    tables = {
        "participants": _participants(process, people, staff, known, ids, log.last_day),
        "events": log.events(number, ids),
        "attributes": _attributes(process, people, staff, known, ids, log.last_day),
    }
    tables |= process.other_tables() | log.tables(number, ids)
    tables = _with_faults(_with_registers(tables, process, staff), process)
    return {name: tables[name] for name in TABLES if name in tables}


def _follow(these: Round, staff: Staff, day: Days) -> tuple[_Journeys, Days]:
    """Follow referrals through the programme into the log; return them, and the day each person is back."""
    process, people = these.process, these.people
    seat, misfiled, mended = these.draw(Part.ALLOCATION, 3)
    desk, group = choose(seat, staff.share), people.group[these.person]
    other = (group + 1) % len(process.groups)
    wrong = (misfiled < process.group_corrected) & (other != group)
    lived = process.live(these, staff, desk, day)

    moved, move_recorded, new_desk = np.full(len(day), NEVER), np.full(len(day), NEVER), desk.copy()
    own = desk[lived.rows]
    moved[lived.rows], move_recorded[lived.rows], new_desk[lived.rows] = _move(
        these.take(lived.rows), staff, lived.start, lived.leaves, own
    )
    comes, gap = these.draw(Part.RETURNING, 2)
    back = workday(lived.known + 1 + process.return_delay.days(gap))
    barred = suspended(process, back)[np.arange(len(day)), group]
    journeys = _Journeys(
        person=these.person,
        day=day,
        desk=desk,
        moved=moved,
        move_recorded=move_recorded,
        new_desk=new_desk,
        first_group=np.where(wrong, other, group),
        group_corrected=np.where(wrong, workday(day, 1 + process.correction.days(mended)), NEVER),
    )
    return journeys, np.where((comes < lived.again) & ~barred, back, NEVER)


def resolve(
    these: Round, day: Days, pace: Floats, start_share: Floats | float, non_attendance: Floats | float
) -> tuple[Flags, Flags, Days, Days]:
    """Log referrals up to their resolution; `non_attendance` is the share, of those who do not start, who did not come.

    Returns
    -------
    started, absent : ndarray of bool
        Whether it is a start; whether, if not, they did not attend.
    resolved, known : ndarray of datetime64
        The day of the result and the day it was recorded.
    """
    process, log, journey = these.process, these.log, these.journey
    taken, settled, typed, result, attends, late, mended = these.draw(Part.SERVICE, 7)
    log.add("referral", journey, day, day, source="PRaP")
    wait = process.acknowledged.days(taken, pace)
    log.add("acknowledged", journey, workday(day, wait), workday(day, wait), source="PRaP")
    resolved = workday(day, np.maximum(process.resolved.days(settled, pace), np.maximum(wait, 1)))
    known = workday(resolved, process.recorded.days(typed, pace))
    started = result < start_share
    absent = ~started & (attends < non_attendance)
    log.add("did_not_attend", journey, resolved, known, absent, source="PRaP")
    log.add("did_not_start", journey, resolved, known, ~started & ~absent, source="PRaP")
    mistaken = (late < process.start_corrected) & (known > resolved)
    log.add("start", journey, np.where(mistaken, known, resolved), known, started, source="PRaP")
    mend = workday(known, 1 + process.correction.days(mended))
    log.add("start", journey, resolved, mend, started & mistaken, source="PRaP")
    return started, absent, resolved, known


def _move(these: Round, staff: Staff, start: Days, leaves: Days, desk: Ints) -> tuple[Days, Days, Ints]:
    """Return when participants move to another subcontractor, when that was recorded, and to which caseworker."""
    process = these.process
    offered, when, where, typed = these.draw(Part.MOVING, 4)
    new_desk, unit = choose(where, staff.share), np.array(staff.subcontractor)
    day = workday(start + (30 + 210 * when).astype(np.int64))
    moves = (offered < process.moved) & (day < leaves) & (unit[desk] != unit[new_desk])
    known = workday(day, process.recorded.days(typed))
    return np.where(moves, day, NEVER), np.where(moves, known, NEVER), new_desk


def _participants(
    process: Process, people: People, staff: Staff, known: _Journeys, ids: list[str], last_day: np.datetime64
) -> pd.DataFrame:
    """Return the referrals with their attributes as last known."""
    person, groups = known.person, [group.code for group in process.groups]
    desk = np.where(known.move_recorded <= last_day, known.new_desk, known.desk)
    group = np.where(known.group_corrected <= last_day, people.group[person], known.first_group)
    years = ((known.day - people.born[person]).astype(np.int64) / 365.25).astype(np.int64)
    columns = {
        "customer_group": text(groups, group),
        "devolution_area": text(list(process.devolution_areas), people.area[person]),
        "subcontractor": text(staff.subcontractor, desk),
        "centre": text(staff.centre, desk),
        "caseworker": text(staff.caseworker, desk),
        "age": pd.array(years, dtype="str"),
        "sex": text(["M", "F"], people.female[person].astype(np.int64)),
        "ethnicity": text(list(ETHNICITIES), people.ethnicity[person]),
        "disability": text(["N", "Y"], people.disabled[person].astype(np.int64)),
        "priority_group": text(list(PRIORITIES), people.priority[person]),
    }
    return pd.DataFrame(
        {
            "referral_id": pd.array(ids, dtype="str"),
            "participant_id": text(numbered("P", len(people.referred)), person),
            **{name: columns[name] for name in process.ATTRIBUTES},
            **{name: text(list(process.arms[name]), lot[person]) for name, lot in people.arms.items()},
        }
    )


def _attributes(
    process: Process, people: People, staff: Staff, known: _Journeys, ids: list[str], last_day: np.datetime64
) -> pd.DataFrame:
    """Return what was recorded of each referral at first, then corrections and moves."""
    groups, day = [group.code for group in process.groups], known.day
    blocks: list[tuple[str, list[str], Ints, Days, Days]] = [
        ("customer_group", groups, known.first_group, day, day),
        ("customer_group", groups, people.group[known.person], day, known.group_corrected),
    ]
    for attribute in ("subcontractor", "centre", "caseworker"):
        if attribute in process.ATTRIBUTES:
            names = getattr(staff, attribute)
            blocks.append((attribute, names, known.desk, day, day))
            blocks.append((attribute, names, known.new_desk, known.moved, known.move_recorded))
    tables = [
        pd.DataFrame(
            {
                "row": np.flatnonzero(keep),
                "attribute": text([attribute], np.zeros(keep.sum(), dtype=np.int64)),
                "value": text(names, places[keep]),
                "from_date": dates(since[keep]),
                "recorded_date": dates(recorded[keep]),
            }
        )
        for attribute, names, places, since, recorded in blocks
        for keep in [recorded <= last_day]
    ]
    history = pd.concat(tables).sort_values(["recorded_date", "row"], kind="stable", ignore_index=True)
    history.insert(0, "referral_id", text(ids, history["row"].to_numpy()))
    return history.drop(columns="row")


def _with_registers(tables: dict[str, pd.DataFrame], process: Process, staff: Staff) -> dict[str, pd.DataFrame]:
    """Return the tables with those of what is recorded about performance; its units are added to the process's own."""
    if process.registers is None:
        return tables
    units = tables.get("units", pd.DataFrame({"unit_id": [], "role": []}))
    specialists = units.loc[units["role"] == "specialist", "unit_id"].tolist()
    days, given = (process.first_day, process.last_day), process.registers
    found = registers(given, process.seed, *days, staff, specialists, tables["events"], tables["attributes"])
    if "units" in tables:
        found["units"] = pd.concat([tables["units"], found["units"]], ignore_index=True)
    return tables | found


def _with_faults(tables: dict[str, pd.DataFrame], process: Process) -> dict[str, pd.DataFrame]:
    """Return the tables with the faults that were asked for, each in referrals of its own drawing."""
    faults, people, events = process.faults, tables["participants"].copy(), tables["events"].copy()
    repeat, age, ahead = uniform(process.seed, Part.FAULTS, len(people), 3).T
    people.loc[age < faults.impossible_age, "age"] = "-3"
    careless = events["referral_id"].isin(people.loc[ahead < faults.dated_ahead, "referral_id"])
    events.loc[careless & (events["event"] == "exit"), "event_date"] += pd.Timedelta(days=365)
    twice = events["referral_id"].isin(people.loc[repeat < faults.repeated, "referral_id"])
    events = pd.concat([events, events[twice & (events["event"] == "referral")]])
    events = events.sort_values(["recorded_date", "referral_id"], kind="stable", ignore_index=True)
    return tables | {"participants": people, "events": events}
