"""A programme whose outcome is a job that lasts, short and sustained, and is claimed: specialist support's process.

1. *Service.* An initial assessment comes before the start, an Individual Support Plan and its reviews after it.
2. *Work.* As in `jobs`.
3. *Outcomes.* The first job that lasts `short_days` is a short outcome on that day, and the first that lasts
   `sustained_days` a sustained one, while the customer has not left.
4. *Claims.* An outcome is recorded with its claim. A rejected claim takes the outcome back; half are claimed again,
   with better evidence, and paid.

Levels are those of Fair Start Scotland, another voluntary programme for disabled people, of which alone staged
figures are published: to September 2022, 66 % of referrals started, and of starters who had had time 37 % entered
work, 27 % reached 13 weeks and 22 % reached 26 (Scottish Government, Scotland's Devolved Employment Services,
November 2022, "FSS statistics" below). All else is invented.
"""

from __future__ import annotations

from datetime import date
from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from perflib.records.sample.draws import NEVER, Days, Delay, Flags, Floats, Ints, Part, Share, workday
from perflib.records.sample.jobs import SPELLS, JobProcess, Jobs, hold_reviews, leave, record_jobs, search
from perflib.records.sample.journeys import Lived, Round, resolve
from perflib.records.sample.people import Group, Staff, Subcontractor


class Sustainment(JobProcess):
    """The parameters of the process; values are invented unless a source is named."""

    ATTRIBUTES: ClassVar[tuple[str, ...]] = (
        "customer_group",
        "subcontractor",
        "centre",
        "caseworker",
        "age",
        "sex",
        "ethnicity",
        "disability",
        "priority_group",
    )

    process: Literal["sustainment"] = Field(default="sustainment", description="A job that lasts is the outcome.")
    first_day: date = Field(default=date(2018, 11, 1), description="Day one of the contract.")
    people_per_month: float = Field(default=65, ge=0, description="New people a month at the full rate.")
    groups: tuple[Group, ...] = Field(
        default=(
            Group(code="mental_health", share=0.37, effect=0.05, disabled=1),
            Group(code="learning", share=0.29, effect=-0.10, disabled=1),
            Group(code="physical", share=0.20, effect=0.10, disabled=1),
            Group(code="sensory", share=0.14, disabled=1),
        ),
        min_length=1,
        description="The customer groups; their shares add up to 1.",
    )
    subcontractors: tuple[Subcontractor, ...] = Field(
        default=(
            Subcontractor(unit_id="SP01", share=0.28, role="own", caseworkers=4, centres=2),
            Subcontractor(unit_id="SP02", share=0.24, effect=0.1, caseworkers=4, centres=2),
            Subcontractor(unit_id="SP03", share=0.20, pace=1.4, caseworkers=3),
            Subcontractor(unit_id="SP04", share=0.16, effect=-0.4, caseworkers=3),
            Subcontractor(unit_id="SP05", share=0.12, effect=0.2, caseworkers=2),
        ),
        min_length=1,
        description="Who delivers; shares add up to 1.",
    )
    support: int = Field(default=365, ge=1, description="Days of support, from the start, for those out of work.")
    window: int = Field(default=547, ge=1, description="Days after which everybody has left.")
    resolved: Delay = Field(default=Delay(median=9, p95=17), description="Working days from the referral.")
    start_share: Share = Field(default=0.66, description="Share of referrals that start: 66 % (FSS statistics).")
    returns: Share = Field(default=0.1, description="Share of those who did not start who are referred again.")
    moved: Share = Field(default=0.02, description="Share of starts offered a move to another subcontractor.")
    recorded: Delay = Field(default=Delay(median=2, p95=9), description="Working days: starts are recorded late.")

    planned: Delay = Field(default=Delay(median=8, p95=22), description="Working days from start to support plan.")
    never_planned: Share = Field(default=0.06, description="Share of starts without a support plan.")
    job_entry: float = Field(default=0.0178, gt=0, description="Weekly hazard of work, before what multiplies it.")
    job_length: float = Field(default=540, gt=0, description="Scale of the Weibull length of a job, days.")
    short_days: int = Field(default=91, ge=1, description="Days that a job lasts for a short outcome: 13 weeks.")
    sustained_days: int = Field(default=182, ge=1, description="Days that a job lasts for a sustained one: 26 weeks.")

    def live(self, these: Round, staff: Staff, desk: Ints, day: Days) -> Lived:
        """Follow referrals into the log: assessment, support, work, outcomes, exit."""
        pace = staff.pace[desk]
        started, absent, ended, known = resolve(these, day, pace, self.start_share, self.non_attendance)
        _assess(these, day, ended, ~absent)
        again = np.where(started, 0, self.returns)
        rows = np.flatnonzero(started)
        those, start, own = these.take(rows), ended[rows], desk[rows]
        jobs, tires = search(self, those, start, these.people.effect[those.person] + staff.effect[own])
        leaves, left_known, early = leave(self, those, start, jobs, tires)
        _plan(self, those, start, leaves, pace[rows])
        hold_reviews(self, those, start, leaves)
        record_jobs(self, those, jobs, leaves)
        for nth, (event, days) in enumerate(
            {"short_outcome": self.short_days, "sustained_outcome": self.sustained_days}.items()
        ):
            _claim(self, those, jobs, leaves, event, days, nth)
        known[rows] = left_known
        again[rows] = np.where(early & (jobs.days[:, 0] == 0), self.leavers_return, 0)
        return Lived(known, again, rows, start, leaves)


def _assess(these: Round, day: Days, ended: Days, attended: Flags) -> None:
    """Log the initial assessment, between the referral and its result."""
    way, typed = these.draw(Part.SERVICE, 9)[7:]
    wait = np.busday_count(day, ended)
    assessed = workday(day, np.floor(wait * (0.4 + 0.6 * way)).astype(np.int64))
    known = workday(assessed, these.process.recorded.days(typed))
    these.log.add("assessment", these.journey, assessed, known, attended)


def _plan(process: Sustainment, these: Round, start: Days, leaves: Days, pace: Floats) -> None:
    """Log the support plan."""
    plans, planned, typed = these.draw(Part.SUPPORT, 3)
    agreed = workday(start, process.planned.days(planned, pace))
    known = workday(agreed, process.recorded.days(typed, pace))
    kept = (plans >= process.never_planned) & (agreed < leaves)
    these.log.add("support_plan_agreed", these.journey, agreed, known, kept)


def _claim(process: Sustainment, these: Round, jobs: Jobs, leaves: Days, event: str, days: int, nth: int) -> None:
    """Log an outcome that the first job to last so many days gives, its claim and what becomes of that."""
    log, journey = these.log, these.journey
    asked, decided, refused, repeats, asked_again, decided_again = these.draw(Part.CLAIMS, 12)[6 * nth : 6 * nth + 6]
    lasting = jobs.days >= days
    job = lasting.argmax(axis=1)
    reached: Days = np.where(lasting.any(axis=1), jobs.begin[np.arange(len(job)), job] + (days - 1), NEVER)
    counts = reached <= leaves
    claim = workday(reached + process.claimed.days(asked))
    decision = workday(claim, 1 + process.decided.days(decided))
    second = workday(decision, 1 + process.decided.days(asked_again))
    paid = workday(second, 1 + process.decided.days(decided_again))
    rejected = counts & (refused < process.claims_rejected)
    repeated = rejected & (repeats < 0.5)
    for spell in range(SPELLS):
        this, ref = job == spell, f"J{spell + 1}"
        log.add(event, journey, reached, claim, counts & this, ref=ref, source="claim")
        log.add(event, journey, reached, decision, rejected & this, ref=ref, source="claim", action="withdraw")
        log.add(event, journey, reached, second, repeated & this, ref=ref, source="claim")
    first_ref, second_ref = f"C{2 * nth + 1}", f"C{2 * nth + 2}"
    log.add("claim_submitted", journey, claim, claim, counts, ref=first_ref, source="claim")
    log.add("claim_rejected", journey, decision, decision, rejected, ref=first_ref, source="claim")
    log.add("claim_paid", journey, decision, decision, counts & ~rejected, ref=first_ref, source="claim")
    log.add("claim_submitted", journey, second, second, repeated, ref=second_ref, source="claim")
    log.add("claim_paid", journey, paid, paid, repeated, ref=second_ref, source="claim")
