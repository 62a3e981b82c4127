"""Programmes that lead to work: looking for it, finding it, losing it, and leaving.

While out of work a participant enters work with a weekly hazard, the product of time since the start, frailty,
characteristics, customer group, subcontractor (that of the start, even after a move), disengagement and the calendar
(the shock). A job, employed or self-employed, has hours, an hourly wage, a length and a pay period; when it ends the
search goes on. Those who disengage leave at once if out of work. Others leave when support ends or, in work then, when
that job ends or the window does.

Not modelled: overlapping jobs, wage rates under 25, pay that varies within a job, units that open or close, jobs lost
in the shock.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
import pandas as pd
from pydantic import Field, model_validator

from perflib.records.sample.draws import NEVER, Days, Delay, Flags, Floats, Ints, Part, Share, choose, workday
from perflib.records.sample.journeys import Process, Round
from perflib.records.sample.people import Staff, Subcontractor, check_shares

LIVING_WAGE = {
    "2017-04-01": 7.50,
    "2018-04-01": 7.83,
    "2019-04-01": 8.21,
    "2020-04-01": 8.72,
    "2021-04-01": 8.91,
    "2022-04-01": 9.50,
    "2023-04-01": 10.42,
    "2024-04-01": 11.44,
    "2025-04-01": 12.21,
}
"""National Living Wage, £ an hour, from each date (gov.uk); the first also stands for any day before it."""

SPELLS = 6
"""The most jobs in a journey."""

LEAVING = {"disengaged": 0.5, "health": 0.25, "moved_area": 0.15, "ineligible": 0.1}
WEEKLY_HOURS = {16.0: 0.20, 20.0: 0.15, 25.0: 0.15, 30.0: 0.15, 37.5: 0.35}
"""Codes (or hours) and their shares, all invented."""


class JobProcess(Process):
    """The parameters of looking for work; values are invented unless a source is named."""

    subcontractors: tuple[Subcontractor, ...] = Field(min_length=1, description="Who delivers; shares add up to 1.")
    support: int = Field(ge=1, description="Days of support, from the start, for those out of work.")
    window: int = Field(ge=1, description="Days from the start within which an outcome can be reached.")

    review_every: int = Field(default=28, ge=14, description="Days between planned reviews, give or take five.")
    reviews_held: Share = Field(default=0.7, description="Share of planned reviews that are held.")
    start_share: Share = Field(default=0.63, description="Share of referrals that start.")
    non_attendance: Share = Field(default=0.65, description="Share of the others who did not attend.")
    job_entry: float = Field(default=0.0115, gt=0, description="Weekly hazard of work, before what multiplies it.")
    warm_up_weeks: float = Field(default=4, gt=0, description="Weeks in which it rises to 63 % of its level.")
    fade_weeks: float = Field(default=42, gt=0, description="Weeks in which it fades to 37 % of its level.")
    disengaged: Share = Field(default=0.28, description="Share who disengage, evenly from day 30 to support's end.")
    disengaged_factor: Share = Field(default=0.3, description="Multiplies their hazard from then on.")
    self_employed: Share = Field(default=0.06, description="Share of jobs that are self-employed.")
    job_length: float = Field(default=300, gt=0, description="Scale of the Weibull length of a job, days.")
    job_length_shape: float = Field(default=0.75, gt=0, description="Its shape; below 1 most ends come early.")
    pay_premium: float = Field(default=0.12, ge=0, description="Mean pay above the living wage, a share of it.")
    weekly_paid: Share = Field(default=0.35, description="Share of jobs paid each week; others every 30 days.")
    job_recorded: Delay = Field(default=Delay(median=8, p95=15), description="Calendar days, for job starts.")
    job_end_recorded: Delay = Field(default=Delay(median=12, p95=20), description="Calendar days, for job ends.")
    claimed: Delay = Field(default=Delay(median=21, p95=60), description="Days from a claimed outcome to its claim.")
    decided: Delay = Field(default=Delay(median=15, p95=25), description="Working days to a claim's decision.")
    claims_rejected: Share = Field(default=0.1, description="Share of first claims; half are repeated and paid.")

    @model_validator(mode="after")
    def _has_staff(self) -> Self:
        check_shares("subcontractors", [unit.share for unit in self.subcontractors])
        if any(unit.role == "specialist" and unit.share for unit in self.subcontractors):
            raise ValueError("a specialist is allocated no referrals: leave its share at 0")
        return self

    def staff(self) -> Staff:
        """Return the caseworkers of the subcontractors."""
        return Staff.of(self.subcontractors)

    def other_tables(self) -> dict[str, pd.DataFrame]:
        """Return the units of the supply chain."""
        return {"units": _units(self)}


@dataclass(frozen=True)
class Jobs:
    """Jobs in order, shape (journeys, SPELLS); those that never begin have NEVER and no days."""

    begin: Days
    days: Ints
    self_employed: Flags
    daily_pay: Floats  # £ a day, weekends included
    pay_period: Ints  # days

    @property
    def end(self) -> Days:
        """The last day of each job, NEVER for those that never begin."""
        return np.where(self.days > 0, self.begin + self.days - 1, NEVER)

    def on(self, day: Days) -> Flags:
        """Return whether each job is held on a day."""
        held: Flags = (self.begin <= day[:, None]) & (day[:, None] <= self.end)
        return held


def search(process: JobProcess, these: Round, start: Days, effect: Floats) -> tuple[Jobs, Days]:
    """Return the jobs of each participant, and the day on which they disengage (NEVER: they do not).

    The next job begins where the cumulated weekly hazard has grown by an exponential draw since the last ended.
    """
    size = len(start)
    rows, week = np.arange(size), np.arange(-(-process.window // 7))
    tiring, when = these.draw(Part.DISENGAGING, 2)
    tires = np.where(tiring < process.disengaged, start + (30 + (process.support - 30) * when).astype(np.int64), NEVER)
    middle = start[:, None] + (7 * week + 3)
    shape = (1 - np.exp(-(week + 0.5) / process.warm_up_weeks)) * np.exp(-week / process.fade_weeks)
    hazard: Floats = process.job_entry * np.exp(effect)[:, None] * shape
    hazard *= np.where(middle < tires[:, None], 1, process.disengaged_factor)
    if process.shock:
        hazard *= process.shock.factor(middle, process.shock.job_entry)
    cumulated = np.concatenate([np.zeros((size, 1)), hazard.cumsum(axis=1)], axis=1)

    draws = these.draw(Part.JOBS, 6 * SPELLS).reshape(6, SPELLS, size)
    wait, long, hours, premium, alone, paid = np.swapaxes(draws, 1, 2)
    length = 1 + (process.job_length * (-np.log1p(-long)) ** (1 / process.job_length_shape)).astype(np.int64)
    begin, days = np.full((size, SPELLS), NEVER), np.zeros((size, SPELLS), dtype=np.int64)
    free, last = np.zeros(size), len(week) - 1  # weeks since the start when the search goes on
    for spell in range(SPELLS):
        whole = np.minimum(free.astype(np.int64), last)
        target = cumulated[rows, whole] + (free - whole) * hazard[rows, whole] - np.log1p(-wait[:, spell])
        passed = (cumulated[:, 1:] <= target[:, None]).sum(axis=1)
        found, passed = passed <= last, np.minimum(passed, last)
        part = (target - cumulated[rows, passed]) / np.maximum(hazard[rows, passed], 1e-12)
        first = workday(start + np.where(found, 7 * (passed + part), 0).astype(np.int64))
        begin[:, spell] = np.where(found, first, NEVER)
        days[:, spell] = np.where(found, length[:, spell], 0)
        free = np.where(found, (first + length[:, spell] - start).astype(np.int64) / 7, len(week))
        free = np.minimum(free, len(week))

    worked = np.array(list(WEEKLY_HOURS))[choose(hours.ravel(), list(WEEKLY_HOURS.values()))].reshape(hours.shape)
    wage = living_wage(begin) * (1 - process.pay_premium * np.log1p(-premium))
    jobs = Jobs(
        begin=begin,
        days=days,
        self_employed=alone < process.self_employed,
        daily_pay=worked * wage / 7,
        pay_period=np.where(paid < process.weekly_paid, 7, 30),
    )
    return jobs, tires


def living_wage(days: Days) -> Floats:
    """Return the National Living Wage on each day, £ an hour."""
    later = np.array(list(LIVING_WAGE)[1:], dtype="M8[D]")
    return np.array(list(LIVING_WAGE.values()))[np.searchsorted(later, days, side="right")]


def leave(process: JobProcess, these: Round, start: Days, jobs: Jobs, tires: Days) -> tuple[Days, Days, Flags]:
    """Log exits; return the day, the day it was recorded, and whether it was before support ended."""
    why, typed = these.draw(Part.LEAVING, 2)
    support_ends, window_ends = start + process.support, start + process.window
    early = (tires < support_ends) & ~jobs.on(tires).any(axis=1)
    working = jobs.on(support_ends)
    until = np.where(working, jobs.end, support_ends[:, None]).max(axis=1)
    leaves = workday(np.where(early, tires, np.minimum(until, window_ends)))
    known = workday(leaves, process.exit_recorded.days(typed))
    in_work = working.any(axis=1) & (until >= window_ends)
    reason = np.where(early, choose(why, list(LEAVING.values())), len(LEAVING) + in_work)
    for place, detail in enumerate([*LEAVING, "completed", "completed_in_work"]):
        these.log.add("exit", these.journey, leaves, known, reason == place, detail=detail)
    return leaves, known, early


def record_jobs(process: JobProcess, these: Round, jobs: Jobs, leaves: Days) -> None:
    """Log the jobs the provider comes to know of: what happens up to the exit."""
    log, journey = these.log, these.journey
    begun, ended = these.draw(Part.JOBS_RECORDED, 2 * SPELLS).reshape(2, SPELLS, -1)
    for spell in range(SPELLS):
        begin, end, alone = jobs.begin[:, spell], jobs.end[:, spell], jobs.self_employed[:, spell]
        known = workday(begin + process.job_recorded.days(begun[spell]))
        end_known = np.maximum(workday(end + process.job_end_recorded.days(ended[spell])), known)
        ref = f"J{spell + 1}"
        for detail, kind in (("employed", ~alone), ("self_employed", alone)):
            log.add("job_start", journey, begin, known, kind & (begin <= leaves), detail=detail, ref=ref)
        log.add("job_end", journey, end, end_known, end <= leaves, ref=ref)


def hold_reviews(process: JobProcess, these: Round, start: Days, leaves: Days) -> None:
    """Log the planned reviews that are held."""
    nth = np.arange(1, process.window // process.review_every + 1)[:, None]
    held, shift = these.draw(Part.REVIEWS, 2 * len(nth)).reshape(2, len(nth), -1)
    met = workday(start + process.review_every * nth + np.floor(11 * shift).astype(np.int64) - 5)
    takes_place = (held < process.reviews_held) & (met < leaves)
    these.log.add("review", np.broadcast_to(these.journey, met.shape), met, workday(met, 1), takes_place)


def _units(process: JobProcess) -> pd.DataFrame:
    units = process.subcontractors
    return pd.DataFrame(
        {
            "unit_id": pd.array([unit.unit_id for unit in units], dtype="str"),
            "unit_type": pd.array(["subcontractor"] * len(units), dtype="str"),
            "role": pd.array([unit.role for unit in units], dtype="str"),
            "parent": pd.array([None] * len(units), dtype="str"),
            "from_date": np.full(len(units), process.first_day, dtype="M8[us]"),
            "to_date": np.full(len(units), "NaT", dtype="M8[us]"),
        }
    )
