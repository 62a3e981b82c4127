"""A programme whose outcome is a sum earned, which the tax authority sees: the Work and Health Programme's process.

1. *Service.* Assessment, action plan, forms, reviews and peer groups follow a start.
2. *Work.* As in `jobs`.
3. *Milestones.* Pay from employed jobs accumulates to first earnings, £1,000, £2,000 and the outcome, each dated by the
   first pay day on which the sum has been earned, up to day 639 only. Days of self-employment accumulate to an outcome
   that is claimed.
4. *Exit.* HMRC sees earnings after an exit; the provider's records of jobs stop there.
5. *Recording.* Some first records are wrong (a start or an outcome dated too late, a customer group) and corrected
   later; some outcomes are withdrawn; some first earnings are estimated in the CRM before HMRC gives the date.

"WHP statistics": DWP, Work and Health Programme statistics to February 2020, published 28 May 2020. "WHP guidance":
provider guidance, chapter 13.
"""

from __future__ import annotations

from datetime import date
from typing import ClassVar, Literal

import numpy as np
from pydantic import Field
from scipy.special import ndtr, ndtri

from perflib.records.sample.draws import NEVER, Days, Delay, Flags, Floats, Ints, Part, Share, choose, workday
from perflib.records.sample.jobs import (
    SPELLS,
    JobProcess,
    Jobs,
    hold_reviews,
    leave,
    living_wage,
    record_jobs,
    search,
)
from perflib.records.sample.journeys import Lived, Round, resolve
from perflib.records.sample.people import Group, Shock, Staff, Subcontractor

OUTCOME_HOURS = 16 * 26
"""Hours at the living wage that make an employed outcome: 16 a week for 182 days (WHP guidance). The rate is that
of the start date; which year's rate the department applies to a cohort is not published."""

SELF_EMPLOYED_DAYS = 182
"""Days of self-employment that make a self-employed outcome (WHP guidance)."""

PEER_GROUPS = {"1": 0.25, "2": 0.30, "3": 0.28, "4": 0.17}
"""Codes and their shares, all invented. Peer group 4 is closest to work."""

PEER_REVIEWS = (120, 240, 360)
"""Days from the start on which a participant's peer group is looked at again (invented)."""

_GROUPS = (
    Group(code="disability", share=0.72, disabled=1),
    Group(code="ltu", share=0.19, effect=0.15, suspended=(date(2020, 4, 1), date(2022, 4, 30))),
    Group(code="early_access", share=0.09, effect=-0.15, prioritised=1),
)

_SUBCONTRACTORS = (
    Subcontractor(unit_id="SC01", share=0.26, role="own", caseworkers=12, centres=4),
    Subcontractor(unit_id="SC02", share=0.18, effect=0.10, caseworkers=8, centres=3),
    Subcontractor(unit_id="SC03", share=0.14, effect=-0.05, caseworkers=6, centres=2),
    Subcontractor(unit_id="SC04", share=0.12, effect=-0.55, caseworkers=5, centres=2),
    Subcontractor(unit_id="SC05", share=0.10, effect=0.35, caseworkers=5, centres=2),
    Subcontractor(unit_id="SC06", share=0.08, pace=1.35, caseworkers=4, centres=2),
    Subcontractor(unit_id="SC07", share=0.06, effect=0.10, caseworkers=3),
    Subcontractor(unit_id="SC08", share=0.04, effect=-0.15, caseworkers=2),
    Subcontractor(unit_id="SC09", share=0.02, caseworkers=1),
    Subcontractor(unit_id="SP01", role="specialist"),
    Subcontractor(unit_id="SP02", role="specialist"),
)


class Earnings(JobProcess):
    """The parameters of the process; values are invented unless a source is named."""

    ATTRIBUTES: ClassVar[tuple[str, ...]] = (
        "customer_group",
        "devolution_area",
        "subcontractor",
        "centre",
        "caseworker",
        "age",
        "sex",
        "ethnicity",
        "disability",
        "priority_group",
    )

    process: Literal["earnings"] = Field(default="earnings", description="A sum earned leads to the outcome.")
    shock: Shock | None = Field(default=Shock(), description="A sudden change; none: no shock.")
    groups: tuple[Group, ...] = Field(
        default=_GROUPS,
        min_length=1,
        description="Shares: starts in the WHP statistics, disability 72 %, long-term unemployed 19 %, early access "
        "9 %. Suspension of the long-term unemployed: to May 2022, WHP statistics to February 2023.",
    )
    devolution_areas: dict[str, Share] = Field(
        default={"GM": 0.25}, description="Share of people in each devolution area; the rest are in none."
    )
    subcontractors: tuple[Subcontractor, ...] = Field(
        default=_SUBCONTRACTORS, min_length=1, description="Who delivers; shares add up to 1."
    )
    male: Share = Field(default=0.63, description="Share of men (WHP statistics).")
    support: int = Field(default=456, ge=1, description="Days of support for those out of work (WHP guidance).")
    window: int = Field(default=639, ge=1, description="Days from the start in which an outcome counts (WHP guidance).")
    start_share: Share = Field(
        default=0.63,
        description="Share of referrals that start: 0.62, 103,300 of 166,160 (WHP statistics).",
    )
    returns: Share = Field(
        default=0.5,
        description="Share of those who did not start who are referred again, so that there are 1.2 referrals "
        "an individual: 166,160 of 138,330 (WHP statistics).",
    )
    leavers_return: Share = Field(default=0.06, description="The same, of early leavers who never worked.")
    moved: Share = Field(default=0.03, description="Share of starts offered a move to another subcontractor.")

    assessed: Delay = Field(default=Delay(median=1.5, p95=6), description="Working days from the start.")
    planned: Delay = Field(default=Delay(median=6, p95=15), description="Working days from start to action plan.")
    never_planned: Share = Field(default=0.02, description="Share of starts without an action plan.")
    esf_forms: bool = Field(default=True, description="Whether ESF1420 forms are signed and sent (England).")
    unsigned: Share = Field(default=0.03, description="Share of starts without a signed form.")
    sent: Delay = Field(default=Delay(median=2, p95=5.9), description="Working days from signature to sending.")

    hmrc: Delay = Field(default=Delay(median=34, p95=76), description="Calendar days, for HMRC's milestones.")
    estimated: Share = Field(default=0.35, description="Share of first earnings that the CRM estimates.")
    outcome_corrected: Share = Field(default=0.03, description="Share of outcomes first dated up to 27 days late.")
    outcome_withdrawn: Share = Field(default=0.02, description="Share of outcomes that HMRC withdraws.")

    def live(self, these: Round, staff: Staff, desk: Ints, day: Days) -> Lived:
        """Follow referrals into the log: service, work, milestones, exit."""
        started, _, ended, known = resolve(these, day, staff.pace[desk], self.start_share, self.non_attendance)
        again = np.where(started, 0, self.returns)
        rows = np.flatnonzero(started)
        those, start, own = these.take(rows), ended[rows], desk[rows]
        jobs, tires = search(self, those, start, these.people.effect[those.person] + staff.effect[own])
        leaves, left_known, early = leave(self, those, start, jobs, tires)
        _support(self, those, start, leaves, staff.pace[own])
        record_jobs(self, those, jobs, leaves)
        _record_earnings(self, those, start, jobs, leaves)
        _record_self_employment(self, those, start, jobs)
        known[rows] = left_known
        again[rows] = np.where(early & (jobs.days[:, 0] == 0), self.leavers_return, 0)
        return Lived(known, again, rows, start, leaves)


def _support(process: Earnings, these: Round, start: Days, leaves: Days, pace: Floats) -> None:
    """Log what the provider does with a participant from the start until they leave."""
    log, journey = these.log, these.journey
    meets, typed, plans, planned, plan_typed, signs, posted, seen, *moods = these.draw(
        Part.SUPPORT, 8 + len(PEER_REVIEWS)
    )
    assessed = workday(start, process.assessed.days(meets, pace))
    known = workday(assessed, process.recorded.days(typed, pace))
    log.add("assessment", journey, assessed, known, assessed < leaves)
    agreed = workday(start, process.planned.days(planned, pace))
    plan_known = workday(agreed, process.recorded.days(plan_typed, pace))
    log.add("action_plan_agreed", journey, agreed, plan_known, (plans >= process.never_planned) & (agreed < leaves))
    if process.esf_forms:
        signed = signs >= process.unsigned
        log.add("esf1420_signed", journey, start, start, signed)
        sent = workday(start, process.sent.days(posted, pace))
        log.add("esf1420_sent", journey, sent, sent, signed)

    mindset = 0.6 * these.people.frailty[these.person] + 0.8 * ndtri(seen)  # what shows of the chance of work
    group = choose(ndtr(mindset), list(PEER_GROUPS.values()))
    _log_peer_group(these, group, assessed, known, assessed < leaves)
    for days, mood in zip(PEER_REVIEWS, moods, strict=True):
        reviewed, before = workday(start + days), group
        group = np.clip(group + choose(mood, [0.1, 0.55, 0.35]) - 1, 0, len(PEER_GROUPS) - 1)
        _log_peer_group(these, group, reviewed, workday(reviewed, 1), (group != before) & (reviewed < leaves))

    hold_reviews(process, these, start, leaves)


def _log_peer_group(these: Round, group: Ints, day: Days, known: Days, where: Flags) -> None:
    for place, code in enumerate(PEER_GROUPS):
        these.log.add("peer_group", these.journey, day, known, where & (group == place), value=code)


def _reached(jobs: Jobs, a_day: Floats, period: Ints, goal: Floats | float) -> Days:
    """Return the first pay day on which `goal` was earned at `a_day`, job after job; NEVER where it is not."""
    earned = (jobs.days * a_day).cumsum(axis=1)
    before = (goal > earned.T).sum(axis=0)
    at = np.arange(len(earned)), np.minimum(before, SPELLS - 1)
    missing = goal - (earned[at] - jobs.days[at] * a_day[at])
    worked = np.ceil(missing / np.where(before < SPELLS, a_day[at], 1) - 1e-9)
    paid = (np.ceil(worked / period[at]) * period[at]).astype(np.int64)
    return np.where(before < SPELLS, jobs.begin[at] + paid, NEVER)


def _record_earnings(process: Earnings, these: Round, start: Days, jobs: Jobs, leaves: Days) -> None:
    """Log the milestones that HMRC sees inside the window, with estimates, corrections and withdrawals."""
    log, journey = these.log, these.journey
    lag, guessed, off, guess_typed, spoiled, by, mended = these.draw(Part.EARNINGS, 7)
    pay = np.where(jobs.self_employed, 0, jobs.daily_pay)
    outcome = OUTCOME_HOURS * living_wage(start)
    goals: dict[str, Floats | float] = {
        "first_earnings": 0.01,
        "earnings_1000": 1000.0,
        "earnings_2000": 2000.0,
        "job_outcome": outcome,
    }
    dates: dict[str, tuple[Days, Days]] = {}
    day = start
    for event, goal in goals.items():
        day = np.maximum(day, _reached(jobs, pay, jobs.pay_period, goal))
        day = np.where(day <= start + process.window, day, NEVER)
        dates[event] = day, workday(day + process.hmrc.days(lag))  # one delay a journey: milestones arrive in order

    day, _ = dates["first_earnings"]
    guess = day + (11 * off).astype(np.int64) - 5
    typed = workday(guess, 1 + process.recorded.days(guess_typed))
    log.add("first_earnings", journey, guess, typed, (guessed < process.estimated) & (guess <= leaves))
    for event in ("first_earnings", "earnings_1000", "earnings_2000"):
        log.add(event, journey, *dates[event], source="HMRC")

    day, known = dates["job_outcome"]
    withdrawn = spoiled < process.outcome_withdrawn
    late = ~withdrawn & (spoiled < process.outcome_withdrawn + process.outcome_corrected)
    late_day = np.minimum(np.minimum(day + 1 + (27 * by).astype(np.int64), start + process.window), known)
    mend = workday(known, 1 + process.correction.days(mended))
    log.add("job_outcome", journey, np.where(late, late_day, day), known, source="HMRC")
    log.add("job_outcome", journey, day, mend, late & (late_day > day), source="HMRC")
    log.add("job_outcome", journey, day, mend, withdrawn, source="HMRC", action="withdraw")


def _record_self_employment(process: Earnings, these: Round, start: Days, jobs: Jobs) -> None:
    """Log self-employed outcomes inside the window and their claims."""
    log, journey = these.log, these.journey
    asked, decided, refused, repeats, asked_again, decided_again = these.draw(Part.CLAIMS, 6)
    a_day = jobs.self_employed.astype(np.float64)
    day = _reached(jobs, a_day, np.ones_like(jobs.days), SELF_EMPLOYED_DAYS)
    counts = day <= start + process.window
    claim = workday(day + process.claimed.days(asked))
    decision = workday(claim, 1 + process.decided.days(decided))
    second = workday(decision, 1 + process.decided.days(asked_again))
    paid = workday(second, 1 + process.decided.days(decided_again))
    rejected = counts & (refused < process.claims_rejected)
    repeated = rejected & (repeats < 0.5)
    log.add("self_employed_outcome", journey, day, claim, counts, ref="C1", source="claim")
    log.add("claim_submitted", journey, claim, claim, counts, ref="C1", source="claim")
    log.add("claim_rejected", journey, decision, decision, rejected, ref="C1", source="claim")
    log.add("claim_paid", journey, decision, decision, counts & ~rejected, ref="C1", source="claim")
    log.add("claim_submitted", journey, second, second, repeated, ref="C2", source="claim")
    log.add("claim_paid", journey, paid, paid, repeated, ref="C2", source="claim")
