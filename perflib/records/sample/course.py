"""A programme whose outcome is a course completed: Group Work's process.

1. *Reception.* The participant is told of an interview in one of several ways, attends it or not, and joins or not.
2. *Course.* Each centre begins a course every so many weeks, on a Monday. Who has joined goes to the next one of their
   centre that is not cancelled; the longer the wait, the fewer come. A course is a session a day, five days long; each
   day some drop out. It is completed by those who stay to the end and attended enough sessions.
3. *Consent* to the evaluation is asked for on joining; some withdraw it later.
4. *Assessments* of those who consent, in three waves: at the outset, on completion and some months later. Scores share
   one latent state of each person. Some are collected late, and some not at all: these stand there without a day.
5. *Exemptions.* Where a course comes too late for the standard, the provider may ask for the case to be exempted.

A course is one row, as last known: its day one and its cancellation are blank until they come. Its `recorded_date` is
the day on which it was planned. Not modelled: courses that are full, courses cancelled because few had joined.

The course has five sessions of four hours in one working week, and the trial ran from January 2017 to March 2018 in
five districts (DWP research report 991, summary). The mean of job-search self-efficacy on completion is set to 4.0, as
in the American trial (4.04; the data `jobs` of the R package `mediation`). All else is invented.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import ClassVar, Literal, Self

import numpy as np
import pandas as pd
from pydantic import Field, model_validator
from scipy.special import ndtri

from perflib.records.sample.draws import (
    NEVER,
    Days,
    Delay,
    Flags,
    Floats,
    Ints,
    Part,
    Share,
    choose,
    dates,
    text,
    uniform,
    workday,
)
from perflib.records.sample.journeys import Lived, Process, Round, resolve
from perflib.records.sample.people import Group, Staff, check_shares

WAVES = ("outset", "completion", "follow_up")
REASONS = {"job": 0.31, "unknown": 0.29, "health": 0.2, "caring": 0.2}
DECISIONS = {"approved": 0.6, "refused": 0.2, "requested": 0.2}
"""Codes and their shares, all invented."""

BEYOND = 120
"""Days after the last one for which courses are planned: more than anybody waits for one."""


@dataclass(frozen=True)
class Instrument:
    """A questionnaire: its range, and what it gives at the outset and after, in points."""

    lowest: float
    highest: float
    step: float
    mean: tuple[float, ...]  # by wave; NaN where it is not asked
    spread: float
    better: Literal[-1, 1]  # whether a high score is good


NOT_ASKED = float("nan")
INSTRUMENTS = {
    "who5": Instrument(0, 25, 1, (10.8, 11.8, 12.4), 5.2, 1),
    "phq9": Instrument(0, 27, 1, (12.9, 12.2, 11.7), 5.6, -1),
    "gad7": Instrument(0, 21, 1, (10.6, 10.0, 9.6), 5.1, -1),
    "jobsearch_self_efficacy": Instrument(1, 5, 0.1, (3.5, 4.0, 3.9), 0.75, 1),
    "jobsearch_hours": Instrument(0, 60, 1, (9.0, NOT_ASKED, 11.0), 6.0, 1),
    "applications": Instrument(0, 60, 1, (8.0, NOT_ASKED, 10.0), 6.0, 1),
    "interviews": Instrument(0, 10, 1, (0.6, NOT_ASKED, 1.0), 1.0, 1),
    "satisfaction": Instrument(1, 5, 1, (NOT_ASKED, 4.2, NOT_ASKED), 0.8, 1),
}
"""What is asked in each wave. Ranges: WHO-5 raw score 0 to 25, PHQ-9 0 to 27, GAD-7 0 to 21; the rest are ours."""


class Course(Process):
    """The parameters of the process; values are invented unless a source is named."""

    ATTRIBUTES: ClassVar[tuple[str, ...]] = ("customer_group", "centre", "age", "sex", "ethnicity")

    process: Literal["course"] = Field(default="course", description="A course completed is the outcome.")
    first_day: date = Field(default=date(2017, 1, 3), description="Day one of the contract.")
    last_day: date = Field(
        default=date(2018, 3, 31), le=date(2039, 12, 31), description="The last day on which a row is recorded."
    )
    people_per_month: float = Field(default=165, ge=0, description="New people a month at the full rate.")
    ramp_up_months: int = Field(default=3, ge=1, description="Months until the full rate, reached evenly.")
    groups: tuple[Group, ...] = Field(
        default=(
            Group(code="uc", share=0.45),
            Group(code="jsa", share=0.34),
            Group(code="esa", share=0.18),
            Group(code="is", share=0.03),
        ),
        min_length=1,
        description="The benefits that people claim; their shares add up to 1.",
    )
    arms: dict[str, dict[str, Share]] = Field(
        default={"notification_method": {"letter": 0.34, "call": 0.33, "text": 0.33}},
        description="Other attributes that are drawn by lot: name, then code and share; each adds up to 1.",
    )
    centres: dict[str, Share] = Field(
        default={"C1": 0.24, "C2": 0.22, "C3": 0.22, "C4": 0.18, "C5": 0.14},
        min_length=1,
        description="Share of referrals that each centre takes; they add up to 1.",
    )
    resolved: Delay = Field(default=Delay(median=4, p95=6.9), description="Working days to the reception interview.")
    recorded: Delay = Field(default=Delay(median=1, p95=3.5), description="Working days, for what a provider does.")
    exit_recorded: Delay = Field(default=Delay(median=1.1, p95=3.4), description="Working days, for exits.")
    returns: Share = Field(default=0.08, description="Share of those who did not start who are referred again.")
    attends: Share = Field(default=0.66, description="Share of referrals that attend the reception interview.")
    told: dict[str, float] = Field(
        default={"call": 0.06, "text": 0.01, "letter": -0.05},
        description="Added to `attends`, by how the participant was told of it (a code of `arms`).",
    )
    joins: Share = Field(default=0.72, description="Share of those who attend who join.")

    weeks_between: int = Field(default=2, ge=1, description="Weeks between the courses of one centre.")
    sessions: int = Field(default=5, ge=1, le=5, description="Sessions of a course, one a day: five (DWP, report 991).")
    complete_sessions: int = Field(default=4, ge=1, description="Sessions attended that make a course completed.")
    cancelled: Share = Field(default=0.06, description="Share of courses that are cancelled.")
    postponed: Share = Field(default=0.05, description="Share of courses that are held a week later.")
    notice: Delay = Field(default=Delay(median=13, p95=20), description="Days before a course that DWP is told of it.")
    shows_up: Share = Field(default=0.92, description="Share of those joined who come, if there were no wait.")
    lost_a_day: float = Field(default=0.022, ge=0, description="Log share lost for each working day of waiting.")
    drops_out: Share = Field(default=0.045, description="Share who drop out after each session but the last.")
    misses: Share = Field(default=0.05, description="Share of later sessions that are missed by those still there.")

    consents: Share = Field(default=0.88, description="Share of those joined who consent to the evaluation.")
    withdraws: Share = Field(default=0.05, description="Share of these who withdraw it, 10 to 160 days later.")
    collected: Delay = Field(default=Delay(median=0.8, p95=5.5), description="Working days from trigger to collection.")
    unanswered: tuple[Share, Share, Share] = Field(
        default=(0.03, 0.08, 0.42), description="Share of each wave that is never collected."
    )
    follow_up: int = Field(default=182, ge=1, description="Calendar days from the course's end to the third wave.")
    likeness: Share = Field(default=0.6, description="Share of a score's variance that is the person's own state.")
    exempts: str | None = Field(default=None, description="The standard that a late course may be exempted from.")
    late_after: int = Field(default=15, ge=0, description="Working days from the referral after which it is late.")
    asked: Share = Field(default=0.4, description="Share of late courses for which an exemption is asked.")

    @model_validator(mode="after")
    def _has_centres(self) -> Self:
        check_shares("centres", list(self.centres.values()))
        if self.complete_sessions > self.sessions:
            raise ValueError(f"complete_sessions {self.complete_sessions} is more than sessions {self.sessions}")
        return self

    def staff(self) -> Staff:
        """Return the centres, each one desk."""
        size = len(self.centres)
        return Staff(
            subcontractor=[""] * size,
            centre=list(self.centres),
            caseworker=[""] * size,
            share=np.array(list(self.centres.values())),
            effect=np.zeros(size),
            pace=np.ones(size),
        )

    def other_tables(self) -> dict[str, pd.DataFrame]:
        """Return the courses planned by the last day."""
        timetable, last_day = _Timetable.of(self), np.datetime64(self.last_day, "D")
        order = np.flatnonzero(timetable.recorded <= last_day)
        order = order[np.lexsort((order, timetable.planned[order]))]
        seen = {
            "day1_date": timetable.day1[order],
            "cancelled_date": timetable.cancelled[order],
            "notified_date": timetable.notified[order],
        }
        return {
            "courses": pd.DataFrame(
                {
                    "course_id": text(timetable.course_id, order),
                    "centre": text(list(self.centres), timetable.centre[order]),
                    "planned_date": dates(timetable.planned[order]),
                    **{name: dates(np.where(day <= last_day, day, NEVER)) for name, day in seen.items()},
                    "recorded_date": dates(timetable.recorded[order]),
                }
            )
        }

    def live(self, these: Round, staff: Staff, desk: Ints, day: Days) -> Lived:
        """Follow referrals into the log: reception, course, consent, assessments, exit."""
        attends = np.full(len(day), self.attends)
        for name, arm in self.arms.items():
            attends += np.array([self.told.get(code, 0) for code in arm])[these.people.arms[name]][these.person]
        starts = attends * self.joins
        absent_share = (1 - attends) / (1 - starts)
        started, absent, ended, known = resolve(these, day, staff.pace[desk], starts, absent_share)
        these.log.add("reception_interview", these.journey, ended, known, ~absent)
        again = np.where(started, 0, self.returns)
        rows = np.flatnonzero(started)
        those, start = these.take(rows), ended[rows]
        course, day1 = _Timetable.of(self).next_course(desk[rows], start)
        comes, leaves, completes = _attend(self, those, start, course, day1)
        consents = _consent(self, those, start)
        _assess(self, those, consents, day1, leaves, comes, completes)
        _exempt(self, those, day[rows], day1)
        known[rows] = workday(leaves, 1)
        again[rows] = 0
        return Lived(known, again, rows, start, leaves)


@dataclass(frozen=True)
class _Timetable:
    """One row a course, centre by centre, in the order of the days planned; NEVER for what does not happen."""

    course_id: list[str]
    centre: Ints
    planned: Days
    day1: Days
    cancelled: Days
    notified: Days
    recorded: Days

    @classmethod
    def of(cls, process: Course) -> Self:
        """Return the courses of a process, some way beyond its last day."""
        first = np.busday_offset(np.datetime64(process.first_day, "D") + 14, 0, "forward", weekmask="Mon")
        last, every = np.datetime64(process.last_day, "D") + BEYOND, 7 * process.weeks_between
        size, centres = int((last - first).astype(np.int64)) // every + 1, len(process.centres)
        offset = 7 * (np.arange(centres) % process.weeks_between)
        planned = (first + offset[:, None] + every * np.arange(size)).ravel()
        draws = [uniform(process.seed, Part.COURSES, size, 4, centre) for centre in range(centres)]
        fate, gap, notice, typed = np.concatenate(draws).T
        off = fate < process.cancelled
        late = ~off & (fate < process.cancelled + process.postponed)
        notified = np.busday_offset(planned - process.notice.days(notice), 0, "backward")
        return cls(
            course_id=[f"G{centre + 1}{nth:03d}" for centre in range(centres) for nth in range(1, size + 1)],
            centre=np.repeat(np.arange(centres), size),
            planned=planned,
            day1=np.where(off, NEVER, planned + 7 * late),
            cancelled=np.where(off, np.busday_offset(planned, -np.floor(4 * gap).astype(np.int64)), NEVER),
            notified=notified,
            recorded=np.busday_offset(notified, -1 - np.floor(8 * typed).astype(np.int64)),
        )

    def next_course(self, centre: Ints, joined: Days) -> tuple[Ints, Days]:
        """Return the first course of the centre that is held after the day of joining, and its day one."""
        course = np.full(len(joined), -1)
        for place in np.unique(centre):
            held = np.flatnonzero((self.centre == place) & (self.day1 < NEVER))
            held = held[np.argsort(self.day1[held], kind="stable")]
            mine = np.flatnonzero(centre == place)
            nth = np.searchsorted(self.day1[held], joined[mine], side="right")
            course[mine] = np.where(nth < len(held), held[np.minimum(nth, len(held) - 1)], -1)
        return course, np.where(course >= 0, self.day1[course], NEVER)


def _attend(process: Course, these: Round, start: Days, course: Ints, day1: Days) -> tuple[Flags, Days, Flags]:
    """Log the course and the exit; return who came to it, when they left, and who completed it."""
    log, journey, sessions = these.log, these.journey, process.sessions
    turns_up, typed, exit_typed, why, *days = these.draw(Part.SESSIONS, 4 + 2 * 5)
    wait = np.busday_count(start, np.minimum(day1, np.datetime64(process.last_day, "D") + BEYOND))
    comes = turns_up < process.shows_up * np.exp(-process.lost_a_day * wait)
    drops = np.array(days[: sessions - 1]).reshape(sessions - 1, -1) < process.drops_out
    stays = (np.cumsum(drops, axis=0) == 0).sum(axis=0) + 1  # sessions until they leave
    missed = np.array(days[5 : 5 + sessions - 1]).reshape(sessions - 1, -1) < process.misses
    missed &= np.arange(2, sessions + 1)[:, None] <= stays
    completes = comes & (stays == sessions) & (sessions - missed.sum(axis=0) >= process.complete_sessions)
    leaves = np.where(comes, workday(day1, np.where(comes, stays - 1, 0)), day1)
    known, left_known = (
        workday(day1, process.recorded.days(typed)),
        workday(leaves, process.exit_recorded.days(exit_typed)),
    )
    identifiers = _Timetable.of(process).course_id
    for place in np.unique(course[course >= 0]):
        mine = comes & (course == place)
        log.add("course_start", journey, day1, known, mine, ref=identifiers[place])
        log.add("course_complete", journey, leaves, left_known, mine & completes, ref=identifiers[place])
    log.add("exit", journey, leaves, left_known, ~comes, detail="did not attend day 1")
    log.add("exit", journey, leaves, left_known, completes, detail="completed")
    reason = choose(why, list(REASONS.values()))
    for place, detail in enumerate(REASONS):
        log.add("exit", journey, leaves, left_known, comes & ~completes & (reason == place), detail=detail)
    return comes, leaves, completes


def _consent(process: Course, these: Round, start: Days) -> Days:
    """Note who consented, and until when; return the first day without consent."""
    given, later, when = these.draw(Part.CONSENT, 3)
    yes = given < process.consents
    ends = start + (10 + 150 * when).astype(np.int64)
    withdraws = yes & (later < process.withdraws)
    everybody = np.ones(len(start), dtype=bool)
    for where, day, answer in (
        (everybody & yes, start, "Y"),
        (everybody & ~yes, start, "N"),
        (withdraws, ends, "N"),
    ):
        these.log.note("consent", these.journey, day, where, purpose="evaluation", given=answer, from_date=dates(day))
    return np.where(withdraws, ends, np.where(yes, NEVER, start))


def _assess(
    process: Course, these: Round, consents: Days, day1: Days, leaves: Days, comes: Flags, completes: Flags
) -> None:
    """Note the scores of each wave and instrument; one that is never collected has neither day nor value."""
    size, many = len(day1), len(INSTRUMENTS)
    state = ndtri(these.draw(Part.SCORES, 1)[0])
    triggers = {"outset": day1, "completion": leaves, "follow_up": workday(leaves + process.follow_up)}
    asked = {"outset": comes, "completion": completes, "follow_up": completes}
    for nth, (wave, trigger) in enumerate(triggers.items()):
        draws = these.draw(Part.SCORES, 1 + len(WAVES) * (2 + many))[1 + nth * (2 + many) :]
        silent, wait = draws[:2]
        answers = asked[wave] & (trigger < consents)
        given = silent >= process.unanswered[nth]
        collected = workday(trigger, process.collected.days(wait))
        known = np.where(given, collected, workday(trigger, 1))
        for noise, (name, instrument) in zip(draws[2 : 2 + many], INSTRUMENTS.items(), strict=True):
            if np.isnan(instrument.mean[nth]):
                continue
            these.log.note(
                "assessments",
                these.journey,
                known,
                answers,
                wave=wave,
                instrument=name,
                value=pd.array(_score(process, instrument, nth, state, noise), dtype="str").take(
                    np.where(given, np.arange(size), -1), allow_fill=True
                ),
                trigger_date=dates(trigger),
                collected_date=dates(np.where(given, collected, NEVER)),
                recorded_date=dates(known),
            )


def _score(process: Course, instrument: Instrument, wave: int, state: Floats, noise: Floats) -> list[str]:
    """Return scores in words: a normal one, cut to the instrument's range and steps."""
    own, chance = np.sqrt(process.likeness), np.sqrt(1 - process.likeness)
    normal = own * state + chance * ndtri(noise)
    score = instrument.mean[wave] + instrument.better * instrument.spread * normal
    steps = np.round(np.clip(score, instrument.lowest, instrument.highest) / instrument.step)
    return [f"{value:g}" for value in np.round(steps * instrument.step, 6)]


def _exempt(process: Course, these: Round, day: Days, day1: Days) -> None:
    """Note the exemptions asked for where the course came too late."""
    if process.exempts is None:
        return
    asks, when, decided = these.draw(Part.EXEMPTIONS, 3)
    horizon = np.datetime64(process.last_day, "D") + BEYOND
    late = np.busday_count(day, np.minimum(day1, horizon)) > process.late_after
    requested = workday(day, process.late_after + 1 + np.floor(5 * when).astype(np.int64))
    decision = choose(decided, list(DECISIONS.values()))
    known = np.where(decision < 2, workday(requested, 15), requested)
    these.log.note(
        "exemptions",
        these.journey,
        known,
        late & (asks < process.asked),
        standard=process.exempts,
        requested_date=dates(requested),
        decision=text(list(DECISIONS), decision),
        recorded_date=dates(known),
    )
