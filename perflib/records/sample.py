"""The built-in synthetic contract: a documented process that makes an extract in memory from a seed.

Nobody in it is real. It is a process of persons, not of monthly totals, so that cohorts, pipeline, delays and
comparisons hang together as they do in an extract:

1. *Referral.* New people arrive month by month (Poisson; ramp-up, season, shock), each with characteristics,
   a customer group and a frailty; a referral is allocated to a caseworker of a subcontractor.
2. *Service.* The referral is acknowledged, then resolved as a start, `did_not_attend` or `did_not_start`,
   after some working days that depend on the subcontractor's pace. Assessment, action plan, forms, reviews
   and peer groups follow a start.
3. *Work.* While out of work a participant enters work with a weekly hazard, the product of time since the
   start, frailty, characteristics, customer group, subcontractor (that of the start, even after a move),
   disengagement and the calendar (the shock). A job, employed or self-employed, has hours, an hourly wage,
   a length and a pay period; when it ends the search goes on.
4. *Milestones.* Pay from employed jobs accumulates to first earnings, £1,000, £2,000 and the outcome, each
   dated by the first pay day on which the sum has been earned, up to day 639 only. Days of self-employment
   accumulate to an outcome that is claimed.
5. *Exit.* Those who disengage leave at once if out of work. Others leave on day 456 or, in work then, when
   that job ends or on day 639. HMRC sees earnings after an exit; the provider's records of jobs stop there.
6. *Return.* Some who did not start, and a few early leavers who never worked, are referred again later.
7. *Recording.* Every row is recorded some time after it happened. Some first records are wrong (a start or
   an outcome dated too late, a customer group) and corrected later; some outcomes are withdrawn; some first
   earnings are estimated in the CRM before HMRC gives the date.

The horizon only cuts: nothing that is drawn depends on `last_day`, so an extract with an earlier `last_day`
is the later one less the rows recorded after it. Each part of the process has a random stream of its own:
a change to the chance of a review moves no job.

Conventions: day 0 is the start date; "working days" are Monday to Friday (no bank holidays); delays are
lognormal, cut to whole days. Provider and department act on working days only; jobs end, and pay days fall,
on any day.

Not modelled: overlapping jobs, wage rates under 25, pay that varies within a job, units that open or close,
jobs lost in the shock.

Values are invented unless a source is named. "WHP statistics": DWP, Work and Health Programme statistics to
February 2020, published 28 May 2020. "WHP guidance": provider guidance, chapter 13.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from datetime import date
from typing import Annotated, Any, Literal, Self, TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, model_validator
from scipy.special import ndtr, ndtri

Days: TypeAlias = NDArray[np.datetime64]
Floats: TypeAlias = NDArray[np.float64]
Ints: TypeAlias = NDArray[np.int64]
Flags: TypeAlias = NDArray[np.bool_]

Share = Annotated[float, Field(ge=0, le=1)]

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

OUTCOME_HOURS = 16 * 26
"""Hours at the living wage that make an employed outcome: 16 a week for 182 days (WHP guidance). The rate is that
of the start date; which year's rate the department applies to a cohort is not published."""

SELF_EMPLOYED_DAYS = 182
"""Days of self-employment that make a self-employed outcome (WHP guidance)."""

WINDOW, SUPPORT = 639, 456
"""Days from the start in which an outcome counts, and days of support for those out of work (WHP guidance)."""

SPELLS, ATTEMPTS = 6, 3
"""The most jobs in a journey, and the most referrals of a person."""

ETHNICITIES = {"white": 0.815, "asian": 0.073, "black": 0.058, "mixed": 0.032, "other": 0.022}
PRIORITIES = {"ex_offender": 0.32, "carer": 0.25, "homeless": 0.24, "veteran": 0.10, "care_leaver": 0.09}
LEAVING = {"disengaged": 0.5, "health": 0.25, "moved_area": 0.15, "ineligible": 0.1}
PEER_GROUPS = {"1": 0.25, "2": 0.30, "3": 0.28, "4": 0.17}
WEEKLY_HOURS = {16.0: 0.20, 20.0: 0.15, 25.0: 0.15, 30.0: 0.15, 37.5: 0.35}
"""Codes (or hours) and their shares, all invented. Peer group 4 is closest to work."""

PEER_REVIEWS = (120, 240, 360)
"""Days from the start on which a participant's peer group is looked at again (invented)."""

NEVER = np.datetime64("2200-01-01", "D")
"""The date of what does not happen: later than any `last_day`, so never recorded."""


class _Parameters(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Delay(_Parameters):
    """A lognormal delay, cut to whole days: working or calendar days, as its use says."""

    median: float = Field(gt=0, description="Days.")
    p95: float = Field(gt=0, description="Days within which 95 % of cases fall.")

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.p95 < self.median:
            raise ValueError(f"p95 ({self.p95:g}) is less than the median ({self.median:g})")
        return self

    def days(self, u: Floats, pace: Floats | float = 1.0) -> Ints:
        """Return whole days for uniform draws; `pace` multiplies the median.

        >>> Delay(median=34, p95=76).days(np.array([0.5, 0.95])).tolist()
        [34, 76]
        """
        spread = np.log(self.p95 / self.median) / ndtri(0.95)
        days: Floats = pace * self.median * np.exp(spread * ndtri(u))
        return np.floor(days + 1e-9).astype(np.int64)


class Group(_Parameters):
    """A customer group."""

    code: str
    share: Share = Field(description="Share of new people, 0 to 1.")
    effect: float = Field(default=0, description="Added to the log hazard of entering work.")
    disabled: Share = Field(default=0.2, description="Share with a disability.")
    prioritised: Share = Field(default=0.13, description="Share in a priority group.")
    suspended: tuple[date, date] | None = Field(default=None, description="First and last day without referrals.")


class Subcontractor(_Parameters):
    """A unit of the supply chain. A specialist is allocated no referrals."""

    unit_id: str
    share: Share = Field(default=0, description="Share of referrals, 0 to 1.")
    effect: float = Field(default=0, description="Added to the log hazard of entering work: its true strength.")
    pace: float = Field(default=1, gt=0, description="Multiplies median delays in working days: 1.3 is slow.")
    role: Literal["end_to_end", "specialist", "own"] = "end_to_end"
    caseworkers: int = Field(default=2, ge=1)
    centres: int = Field(default=1, ge=1, description="Caseworkers are spread evenly over them.")


class Shock(_Parameters):
    """A sudden change from one month on, fading in a straight line on the log scale."""

    month: str = Field(default="2020-04", pattern=r"^\d{4}-(0[1-9]|1[0-2])$", description="First month, YYYY-MM.")
    job_entry: float = Field(default=0.45, gt=0, description="Multiplies the hazard of work in the first month.")
    referrals: float = Field(default=0.65, gt=0, description="Multiplies new people in the first month.")
    recovery_months: float = Field(default=18, gt=0, description="Months until nothing of it is left.")

    def factor(self, days: Days, first: float) -> Floats:
        """Return what multiplies a rate on each day, `first` being the factor in the first month.

        >>> days = np.array(["2020-03-31", "2020-04-30", "2020-06-01"], dtype="M8[D]")
        >>> Shock(month="2020-04", recovery_months=2).factor(days, 0.5).tolist()
        [1.0, 0.5, 1.0]
        """
        months = (days.astype("M8[M]") - np.datetime64(self.month, "M")).astype(np.int64)
        left: Floats = np.where(months < 0, 0, np.clip(1 - months / self.recovery_months, 0, 1))
        return np.power(first, left)


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

_SEASON = (1.08, 1.02, 1.05, 0.98, 1.00, 1.00, 0.98, 0.92, 1.05, 1.08, 1.06, 0.78)


class SampleProcess(_Parameters):
    """The parameters of the process, as a contract gives them under `source: {sample: {...}}`.

    Each has a default; values are invented unless a source is named.
    """

    seed: int = Field(default=16, ge=0, description="The same parameters and seed give the same extract.")
    first_day: date = Field(default=date(2018, 1, 15), description="Day one of the contract.")
    last_day: date = Field(
        default=date(2020, 9, 30), le=date(2039, 12, 31), description="The last day on which a row is recorded."
    )

    people_per_month: float = Field(default=210, ge=0, description="New people a month at the full rate.")
    ramp_up_months: int = Field(default=9, ge=1, description="Months until the full rate, reached evenly.")
    season: tuple[Annotated[float, Field(ge=0)], ...] = Field(
        default=_SEASON, min_length=12, max_length=12, description="Multiplies new people, January to December."
    )
    shock: Shock | None = Field(default=Shock(), description="None: no shock.")
    groups: tuple[Group, ...] = Field(
        default=_GROUPS,
        min_length=1,
        description="Shares: starts in the WHP statistics, disability 72 %, long-term unemployed 19 %, early access "
        "9 %. Suspension of the long-term unemployed: to May 2022, WHP statistics to February 2023.",
    )
    devolution_areas: dict[str, Share] = Field(
        default={"GM": 0.25}, description="Share of people in each devolution area; the rest are in none."
    )
    subcontractors: tuple[Subcontractor, ...] = Field(default=_SUBCONTRACTORS, min_length=1)

    male: Share = Field(default=0.63, description="Share of men (WHP statistics).")
    age_mean: float = Field(default=41, description="Years, before cutting to 18 to 65 at the first referral.")
    age_sd: float = Field(default=11.5, gt=0, description="Years.")

    acknowledged: Delay = Field(default=Delay(median=1, p95=2.9), description="Working days from the referral.")
    resolved: Delay = Field(default=Delay(median=6, p95=12.5), description="Working days from the referral.")
    start_share: Share = Field(
        default=0.63,
        description="Share of referrals that start: 0.62, 103,300 of 166,160 (WHP statistics).",
    )
    non_attendance: Share = Field(default=0.65, description="Share of the others who did not attend.")
    returns: Share = Field(
        default=0.5,
        description="Share of those who did not start who are referred again, so that there are 1.2 referrals "
        "an individual: 166,160 of 138,330 (WHP statistics).",
    )
    leavers_return: Share = Field(default=0.06, description="The same, of early leavers who never worked.")
    return_delay: Delay = Field(default=Delay(median=45, p95=150), description="Calendar days until then.")
    assessed: Delay = Field(default=Delay(median=1.5, p95=6), description="Working days from the start.")
    planned: Delay = Field(default=Delay(median=6, p95=15), description="Working days from start to action plan.")
    never_planned: Share = Field(default=0.02, description="Share of starts without an action plan.")
    esf_forms: bool = Field(default=True, description="Whether ESF1420 forms are signed and sent (England).")
    unsigned: Share = Field(default=0.03, description="Share of starts without a signed form.")
    sent: Delay = Field(default=Delay(median=2, p95=5.9), description="Working days from signature to sending.")
    review_every: int = Field(default=28, ge=14, description="Days between planned reviews, give or take five.")
    reviews_held: Share = Field(default=0.7, description="Share of planned reviews that are held.")
    moved: Share = Field(default=0.03, description="Share of starts offered a move to another subcontractor.")

    job_entry: float = Field(default=0.0115, gt=0, description="Weekly hazard of work, before what multiplies it.")
    warm_up_weeks: float = Field(default=4, gt=0, description="Weeks in which it rises to 63 % of its level.")
    fade_weeks: float = Field(default=42, gt=0, description="Weeks in which it fades to 37 % of its level.")
    frailty: float = Field(default=0.8, ge=0, description="S.d. between people of the log hazard.")
    age_effect: float = Field(default=-0.12, description="On the log hazard, of being ten years older.")
    female_effect: float = Field(default=-0.05, description="On the log hazard.")
    priority_effect: float = Field(default=-0.15, description="On the log hazard, of being in a priority group.")
    disengaged: Share = Field(default=0.28, description="Share who disengage, evenly over days 30 to 456.")
    disengaged_factor: Share = Field(default=0.3, description="Multiplies their hazard from then on.")
    self_employed: Share = Field(default=0.06, description="Share of jobs that are self-employed.")
    job_length: float = Field(default=300, gt=0, description="Scale of the Weibull length of a job, days.")
    job_length_shape: float = Field(default=0.75, gt=0, description="Its shape; below 1 most ends come early.")
    pay_premium: float = Field(default=0.12, ge=0, description="Mean pay above the living wage, a share of it.")
    weekly_paid: Share = Field(default=0.35, description="Share of jobs paid each week; others every 30 days.")

    recorded: Delay = Field(default=Delay(median=1.2, p95=5), description="Working days, for what a provider does.")
    job_recorded: Delay = Field(default=Delay(median=8, p95=15), description="Calendar days, for job starts.")
    job_end_recorded: Delay = Field(default=Delay(median=12, p95=20), description="Calendar days, for job ends.")
    exit_recorded: Delay = Field(default=Delay(median=3, p95=8), description="Working days, for exits.")
    hmrc: Delay = Field(default=Delay(median=34, p95=76), description="Calendar days, for HMRC's milestones.")
    estimated: Share = Field(default=0.35, description="Share of first earnings that the CRM estimates.")
    start_corrected: Share = Field(
        default=0.06, description="Share of starts recorded late that are first dated by the day of recording."
    )
    outcome_corrected: Share = Field(default=0.03, description="Share of outcomes first dated up to 27 days late.")
    outcome_withdrawn: Share = Field(default=0.02, description="Share of outcomes that HMRC withdraws.")
    group_corrected: Share = Field(default=0.01, description="Share of referrals with a wrong group at first.")
    correction: Delay = Field(default=Delay(median=30, p95=90), description="Working days to any of these.")
    claimed: Delay = Field(default=Delay(median=21, p95=60), description="Days from self-employed outcome to claim.")
    decided: Delay = Field(default=Delay(median=15, p95=25), description="Working days to a claim's decision.")
    claims_rejected: Share = Field(default=0.1, description="Share of first claims; half are repeated and paid.")

    @model_validator(mode="after")
    def _adds_up(self) -> Self:
        if self.last_day < self.first_day:
            raise ValueError(f"last_day {self.last_day} is before first_day {self.first_day}")
        group_total = sum(group.share for group in self.groups)
        unit_total = sum(unit.share for unit in self.subcontractors)
        for name, total in (("groups", group_total), ("subcontractors", unit_total)):
            if abs(total - 1) > 1e-6:
                raise ValueError(f"the shares of {name} add up to {total:g}, not to 1")
        if any(unit.role == "specialist" and unit.share for unit in self.subcontractors):
            raise ValueError("a specialist is allocated no referrals: leave its share at 0")
        if sum(self.devolution_areas.values()) > 1:
            raise ValueError("the shares of devolution_areas add up to more than 1")
        return self


def make_extract(process: SampleProcess) -> dict[str, pd.DataFrame]:
    """Make the extract of a synthetic contract.

    Parameters
    ----------
    process : SampleProcess
        The parameters. The same process gives the same frames.

    Returns
    -------
    dict of str to DataFrame
        `participants` (one row a referral, by id), `events` (by recorded date, then referral), `attributes`
        (history of group, subcontractor, centre and caseworker, from the referral on) and `units`. Text is `str`,
        dates are `datetime64[us]`. Nothing recorded after `last_day` is in them; the participants table has the
        attributes as last known then.

    Examples
    --------
    >>> tables = make_extract(SampleProcess(last_day=date(2018, 1, 16)))
    >>> tables["events"][["referral_id", "event", "event_date", "source"]].head(2)
      referral_id         event event_date source
    0     S000001      referral 2018-01-15   PRaP
    1     S000001  acknowledged 2018-01-16   PRaP
    """
    people, staff = _people(process), _Staff.of(process.subcontractors)
    log = _Log(np.datetime64(process.last_day, "D"))
    person, day = np.arange(len(people.referred)), people.referred
    rounds: list[_Journeys] = []
    for attempt in range(ATTEMPTS):
        first = sum(len(done.person) for done in rounds)
        these = _Round(process, people, log, person, first + np.arange(len(person)), attempt)
        journeys, day_back = _follow(these, staff, day)
        rounds.append(journeys)
        back = day_back < people.horizon
        person, day = person[back], day_back[back]
    journeys = _Journeys.join(rounds)
    order = np.lexsort((journeys.person, journeys.day))  # numbered by date, whatever round made them
    number = np.empty_like(order)
    number[order] = np.arange(len(order))
    known = journeys.take(order[journeys.day[order] <= log.last_day])
    ids = _numbered("S", len(known.person))
    return {
        "participants": _participants(process, people, staff, known, ids, log.last_day),
        "events": log.frame(number, ids),
        "attributes": _attributes(process, people, staff, known, ids, log.last_day),
        "units": _units(process),
    }


# The parts of the process, each with a random stream of its own.
(
    _VOLUME,
    _REFERRED,
    _PERSON,
    _ALLOCATION,
    _SERVICE,
    _RETURNING,
    _SUPPORT,
    _REVIEWS,
    _DISENGAGING,
    _JOBS,
    _LEAVING,
    _MOVING,
    _JOBS_RECORDED,
    _EARNINGS,
    _CLAIMS,
) = range(15)


def _draws(process: SampleProcess, part: int, rows: int, columns: int, attempt: int = 0) -> Floats:
    """Return uniform draws, one row a person, from the stream of one part of the process.

    Row i is the same however many rows are asked for: this is what lets `last_day` only cut.
    """
    return np.random.default_rng([process.seed, part, attempt]).random((rows, columns))


def _choose(u: Floats, shares: Sequence[float] | Floats) -> Ints:
    """Return the place each draw falls in among shares: one list for all, or one row a draw."""
    limits = np.cumsum(np.atleast_2d(shares), axis=1)
    places: Ints = (u[:, None] * limits[:, -1:] >= limits[:, :-1]).sum(axis=1)
    return places


def _workday(days: Days, later: Ints | int = 0) -> Days:
    """Return the working day so many working days later; a weekend counts as the Monday after it."""
    return np.busday_offset(days, later, roll="forward")


def _numbered(letter: str, size: int) -> list[str]:
    return [f"{letter}{number:06d}" for number in range(1, size + 1)]


def _text(values: Sequence[str | None], places: Ints) -> Any:
    """Return the texts at the given places; -1 is missing."""
    return pd.array(list(values), dtype="str").take(places, allow_fill=True)


def _dates(days: Days) -> Days:
    return days.astype("M8[us]")


class _Log:
    """The events, gathered in batches that share their texts; what is recorded after the last day is left out."""

    def __init__(self, last_day: np.datetime64) -> None:
        self.last_day = last_day
        self._texts: list[tuple[str | None, ...]] = []
        self._rows: list[tuple[Ints, Days, Days]] = []

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
        keep = where & (recorded <= self.last_day)
        self._rows.append((journey[keep], happened[keep], recorded[keep]))
        self._texts.append((event, value, detail, ref, source, action))

    def frame(self, number: Ints, ids: list[str]) -> pd.DataFrame:
        """Return the events by recorded date, then referral; `number` is each journey's place in `ids`."""
        batch = np.repeat(np.arange(len(self._rows)), [len(journey) for journey, _, _ in self._rows])
        journey, happened, recorded = (np.concatenate(column) for column in zip(*self._rows, strict=True))
        order = np.lexsort((happened, batch, number[journey], recorded))
        texts = [_text(column, batch[order]) for column in zip(*self._texts, strict=True)]
        event, value, detail, ref, source, action = texts
        return pd.DataFrame(
            {
                "referral_id": _text(ids, number[journey][order]),
                "event": event,
                "event_date": _dates(happened[order]),
                "recorded_date": _dates(recorded[order]),
                "value": value,
                "detail": detail,
                "ref": ref,
                "source": source,
                "action": action,
            }
        )


@dataclass(frozen=True)
class _People:
    """One row a person, in the order of their first referral."""

    horizon: np.datetime64  # no referral is made on or after it
    referred: Days
    born: Days
    female: Flags
    disabled: Flags
    ethnicity: Ints
    priority: Ints  # -1: none
    group: Ints
    area: Ints  # -1: none
    frailty: Floats  # standard normal
    effect: Floats  # on the log hazard of entering work


def _people(process: SampleProcess) -> _People:
    months = np.arange(np.datetime64(process.first_day, "M"), np.datetime64(process.last_day, "M") + 1)
    begin = np.maximum(months.astype("M8[D]"), np.datetime64(process.first_day, "D"))
    end = (months + 1).astype("M8[D]")
    since, working_days = np.arange(len(months)), np.busday_count(begin, end)
    shares = np.array([group.share for group in process.groups])
    expected = process.people_per_month * np.minimum(1, (since + 1) / process.ramp_up_months)
    expected *= np.array(process.season)[months.astype(np.int64) % 12]
    expected *= working_days / np.busday_count(months.astype("M8[D]"), end)
    expected *= ~_suspended(process, begin) @ shares
    if process.shock:
        expected *= process.shock.factor(begin, process.shock.referrals)
    month = np.repeat(since, np.random.default_rng([process.seed, _VOLUME]).poisson(expected))
    size = len(month)
    nth = np.floor(_draws(process, _REFERRED, size, 1)[:, 0] * working_days[month]).astype(np.int64)
    referred = np.sort(_workday(begin[month], nth))

    sex, age, ethnicity, disability, priority, which, joins, place, frailty = _draws(process, _PERSON, size, 9).T
    group = _choose(joins, np.where(_suspended(process, referred), 0, shares))
    female = sex >= process.male
    prioritised = priority < np.array([group.prioritised for group in process.groups])[group]
    youngest, oldest = (ndtr((limit - process.age_mean) / process.age_sd) for limit in (18, 66))
    years = process.age_mean + process.age_sd * ndtri(youngest + age * (oldest - youngest))
    areas = list(process.devolution_areas.values())
    area = _choose(place, [*areas, 1 - sum(areas)])
    effect = np.array([group.effect for group in process.groups])[group] + process.frailty * ndtri(frailty)
    effect += process.age_effect * (years - process.age_mean) / 10
    effect += process.female_effect * female + process.priority_effect * prioritised
    return _People(
        horizon=end[-1],
        referred=referred,
        born=referred - np.ceil(years * 365.25).astype(np.int64),
        female=female,
        disabled=disability < np.array([group.disabled for group in process.groups])[group],
        ethnicity=_choose(ethnicity, list(ETHNICITIES.values())),
        priority=np.where(prioritised, _choose(which, list(PRIORITIES.values())), -1),
        group=group,
        area=np.where(area < len(areas), area, -1),
        frailty=ndtri(frailty),
        effect=effect,
    )


def _suspended(process: SampleProcess, days: Days) -> Flags:
    """Return, for each day and group, whether referrals of the group are suspended."""
    spans = np.array([group.suspended or (NEVER, NEVER) for group in process.groups], dtype="M8[D]")
    suspended: Flags = (days[:, None] >= spans[:, 0]) & (days[:, None] <= spans[:, 1])
    return suspended


@dataclass(frozen=True)
class _Staff:
    """One row a caseworker: where they work, and what share of referrals comes to them."""

    subcontractor: list[str]
    centre: list[str]
    caseworker: list[str]
    share: Floats
    effect: Floats
    pace: Floats

    @classmethod
    def of(cls, units: Sequence[Subcontractor]) -> Self:
        """Return the caseworkers of the units."""
        rows = [(unit, k) for unit in units if unit.share for k in range(unit.caseworkers)]
        return cls(
            subcontractor=[unit.unit_id for unit, _ in rows],
            centre=[f"{unit.unit_id}-{k % unit.centres + 1}" for unit, k in rows],
            caseworker=[f"{unit.unit_id}-CW{k + 1}" for unit, k in rows],
            share=np.array([unit.share / unit.caseworkers for unit, _ in rows]),
            effect=np.array([unit.effect for unit, _ in rows]),
            pace=np.array([unit.pace for unit, _ in rows]),
        )


@dataclass(frozen=True)
class _Journeys:
    """One row a referral: who, when, with whom, and what of that changed later (NEVER: not)."""

    person: Ints
    day: Days
    desk: Ints  # place in _Staff
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


@dataclass(frozen=True)
class _Round:
    """Referrals that are followed together, one a person: first referrals, then first returns, and so on."""

    process: SampleProcess
    people: _People
    log: _Log
    person: Ints
    journey: Ints
    attempt: int

    def draw(self, part: int, columns: int) -> Floats:
        """Return uniform draws, shape (columns, referrals)."""
        return _draws(self.process, part, len(self.people.referred), columns, self.attempt)[self.person].T

    def take(self, rows: Ints) -> _Round:
        """Return some of the referrals."""
        return replace(self, person=self.person[rows], journey=self.journey[rows])


def _follow(these: _Round, staff: _Staff, day: Days) -> tuple[_Journeys, Days]:
    """Follow referrals through the programme into the log; return them, and the day each person is back."""
    process, people = these.process, these.people
    seat, misfiled, mended = these.draw(_ALLOCATION, 3)
    desk, group = _choose(seat, staff.share), people.group[these.person]
    other = (group + 1) % len(process.groups)
    wrong = (misfiled < process.group_corrected) & (other != group)
    started, ended, known = _resolve(these, day, staff.pace[desk])
    chance = np.where(started, 0, process.returns)

    rows = np.flatnonzero(started)
    those, start, own = these.take(rows), ended[rows], desk[rows]
    jobs, tires = _search(those, start, people.effect[those.person] + staff.effect[own])
    leaves, left_known, early = _leave(those, start, jobs, tires)
    _support(those, start, leaves, staff.pace[own])
    _record_jobs(those, jobs, leaves)
    _record_earnings(those, start, jobs, leaves)
    _record_self_employment(those, start, jobs)
    known[rows] = left_known
    chance[rows] = np.where(early & (jobs.days[:, 0] == 0), process.leavers_return, 0)

    moved, move_recorded, new_desk = np.full(len(day), NEVER), np.full(len(day), NEVER), desk.copy()
    moved[rows], move_recorded[rows], new_desk[rows] = _move(those, staff, start, leaves, own)
    comes, gap = these.draw(_RETURNING, 2)
    back = _workday(known + 1 + process.return_delay.days(gap))
    barred = _suspended(process, back)[np.arange(len(day)), group]
    journeys = _Journeys(
        person=these.person,
        day=day,
        desk=desk,
        moved=moved,
        move_recorded=move_recorded,
        new_desk=new_desk,
        first_group=np.where(wrong, other, group),
        group_corrected=np.where(wrong, _workday(day, 1 + process.correction.days(mended)), NEVER),
    )
    return journeys, np.where((comes < chance) & ~barred, back, NEVER)


def _resolve(these: _Round, day: Days, pace: Floats) -> tuple[Flags, Days, Days]:
    """Log a referral up to its resolution; return whether it is a start, its day and the day it was recorded."""
    process, log, journey = these.process, these.log, these.journey
    taken, settled, typed, result, attends, late, mended = these.draw(_SERVICE, 7)
    log.add("referral", journey, day, day, source="PRaP")
    wait = process.acknowledged.days(taken, pace)
    log.add("acknowledged", journey, _workday(day, wait), _workday(day, wait), source="PRaP")
    resolved = _workday(day, np.maximum(process.resolved.days(settled, pace), np.maximum(wait, 1)))
    known = _workday(resolved, process.recorded.days(typed, pace))
    started = result < process.start_share
    absent = attends < process.non_attendance
    log.add("did_not_attend", journey, resolved, known, ~started & absent, source="PRaP")
    log.add("did_not_start", journey, resolved, known, ~started & ~absent, source="PRaP")
    mistaken = (late < process.start_corrected) & (known > resolved)
    log.add("start", journey, np.where(mistaken, known, resolved), known, started, source="PRaP")
    mend = _workday(known, 1 + process.correction.days(mended))
    log.add("start", journey, resolved, mend, started & mistaken, source="PRaP")
    return started, resolved, known


def _support(these: _Round, start: Days, leaves: Days, pace: Floats) -> None:
    """Log what the provider does with a participant from the start until they leave."""
    process, log, journey = these.process, these.log, these.journey
    meets, typed, plans, planned, plan_typed, signs, posted, seen, *moods = these.draw(_SUPPORT, 8 + len(PEER_REVIEWS))
    assessed = _workday(start, process.assessed.days(meets, pace))
    known = _workday(assessed, process.recorded.days(typed, pace))
    log.add("assessment", journey, assessed, known, assessed < leaves)
    agreed = _workday(start, process.planned.days(planned, pace))
    plan_known = _workday(agreed, process.recorded.days(plan_typed, pace))
    log.add("action_plan_agreed", journey, agreed, plan_known, (plans >= process.never_planned) & (agreed < leaves))
    if process.esf_forms:
        signed = signs >= process.unsigned
        log.add("esf1420_signed", journey, start, start, signed)
        sent = _workday(start, process.sent.days(posted, pace))
        log.add("esf1420_sent", journey, sent, sent, signed)

    mindset = 0.6 * these.people.frailty[these.person] + 0.8 * ndtri(seen)  # what shows of the chance of work
    group = _choose(ndtr(mindset), list(PEER_GROUPS.values()))
    _log_peer_group(these, group, assessed, known, assessed < leaves)
    for days, mood in zip(PEER_REVIEWS, moods, strict=True):
        reviewed, before = _workday(start + days), group
        group = np.clip(group + _choose(mood, [0.1, 0.55, 0.35]) - 1, 0, len(PEER_GROUPS) - 1)
        _log_peer_group(these, group, reviewed, _workday(reviewed, 1), (group != before) & (reviewed < leaves))

    nth = np.arange(1, WINDOW // process.review_every + 1)[:, None]
    held, shift = these.draw(_REVIEWS, 2 * len(nth)).reshape(2, len(nth), -1)
    met = _workday(start + process.review_every * nth + np.floor(11 * shift).astype(np.int64) - 5)
    takes_place = (held < process.reviews_held) & (met < leaves)
    log.add("review", np.broadcast_to(journey, met.shape), met, _workday(met, 1), takes_place)


def _log_peer_group(these: _Round, group: Ints, day: Days, known: Days, where: Flags) -> None:
    for place, code in enumerate(PEER_GROUPS):
        these.log.add("peer_group", these.journey, day, known, where & (group == place), value=code)


@dataclass(frozen=True)
class _Jobs:
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


def _search(these: _Round, start: Days, effect: Floats) -> tuple[_Jobs, Days]:
    """Return the jobs of each participant, and the day on which they disengage (NEVER: they do not).

    The next job begins where the cumulated weekly hazard has grown by an exponential draw since the last ended.
    """
    process, size = these.process, len(start)
    rows, week = np.arange(size), np.arange(-(-WINDOW // 7))
    tiring, when = these.draw(_DISENGAGING, 2)
    tires = np.where(tiring < process.disengaged, start + (30 + (SUPPORT - 30) * when).astype(np.int64), NEVER)
    middle = start[:, None] + (7 * week + 3)
    shape = (1 - np.exp(-(week + 0.5) / process.warm_up_weeks)) * np.exp(-week / process.fade_weeks)
    hazard: Floats = process.job_entry * np.exp(effect)[:, None] * shape
    hazard *= np.where(middle < tires[:, None], 1, process.disengaged_factor)
    if process.shock:
        hazard *= process.shock.factor(middle, process.shock.job_entry)
    cumulated = np.concatenate([np.zeros((size, 1)), hazard.cumsum(axis=1)], axis=1)

    draws = these.draw(_JOBS, 6 * SPELLS).reshape(6, SPELLS, size)
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
        first = _workday(start + np.where(found, 7 * (passed + part), 0).astype(np.int64))
        begin[:, spell] = np.where(found, first, NEVER)
        days[:, spell] = np.where(found, length[:, spell], 0)
        free = np.where(found, (first + length[:, spell] - start).astype(np.int64) / 7, len(week))
        free = np.minimum(free, len(week))

    worked = np.array(list(WEEKLY_HOURS))[_choose(hours.ravel(), list(WEEKLY_HOURS.values()))].reshape(hours.shape)
    wage = _living_wage(begin) * (1 - process.pay_premium * np.log1p(-premium))
    jobs = _Jobs(
        begin=begin,
        days=days,
        self_employed=alone < process.self_employed,
        daily_pay=worked * wage / 7,
        pay_period=np.where(paid < process.weekly_paid, 7, 30),
    )
    return jobs, tires


def _living_wage(days: Days) -> Floats:
    later = np.array(list(LIVING_WAGE)[1:], dtype="M8[D]")
    return np.array(list(LIVING_WAGE.values()))[np.searchsorted(later, days, side="right")]


def _leave(these: _Round, start: Days, jobs: _Jobs, tires: Days) -> tuple[Days, Days, Flags]:
    """Log exits; return the day, the day it was recorded, and whether it was before support ended."""
    why, typed = these.draw(_LEAVING, 2)
    support_ends, window_ends = start + SUPPORT, start + WINDOW
    early = (tires < support_ends) & ~jobs.on(tires).any(axis=1)
    working = jobs.on(support_ends)
    until = np.where(working, jobs.end, support_ends[:, None]).max(axis=1)
    leaves = _workday(np.where(early, tires, np.minimum(until, window_ends)))
    known = _workday(leaves, these.process.exit_recorded.days(typed))
    in_work = working.any(axis=1) & (until >= window_ends)
    reason = np.where(early, _choose(why, list(LEAVING.values())), len(LEAVING) + in_work)
    for place, detail in enumerate([*LEAVING, "completed", "completed_in_work"]):
        these.log.add("exit", these.journey, leaves, known, reason == place, detail=detail)
    return leaves, known, early


def _move(these: _Round, staff: _Staff, start: Days, leaves: Days, desk: Ints) -> tuple[Days, Days, Ints]:
    """Return when participants move to another subcontractor, when that was recorded, and to which caseworker."""
    process = these.process
    offered, when, where, typed = these.draw(_MOVING, 4)
    new_desk, unit = _choose(where, staff.share), np.array(staff.subcontractor)
    day = _workday(start + (30 + 210 * when).astype(np.int64))
    moves = (offered < process.moved) & (day < leaves) & (unit[desk] != unit[new_desk])
    known = _workday(day, process.recorded.days(typed))
    return np.where(moves, day, NEVER), np.where(moves, known, NEVER), new_desk


def _record_jobs(these: _Round, jobs: _Jobs, leaves: Days) -> None:
    """Log the jobs the provider comes to know of: what happens up to the exit."""
    process, log, journey = these.process, these.log, these.journey
    begun, ended = these.draw(_JOBS_RECORDED, 2 * SPELLS).reshape(2, SPELLS, -1)
    for spell in range(SPELLS):
        begin, end, alone = jobs.begin[:, spell], jobs.end[:, spell], jobs.self_employed[:, spell]
        known = _workday(begin + process.job_recorded.days(begun[spell]))
        end_known = np.maximum(_workday(end + process.job_end_recorded.days(ended[spell])), known)
        ref = f"J{spell + 1}"
        for detail, kind in (("employed", ~alone), ("self_employed", alone)):
            log.add("job_start", journey, begin, known, kind & (begin <= leaves), detail=detail, ref=ref)
        log.add("job_end", journey, end, end_known, end <= leaves, ref=ref)


def _reached(jobs: _Jobs, a_day: Floats, period: Ints, goal: Floats | float) -> Days:
    """Return the first pay day on which `goal` was earned at `a_day`, job after job; NEVER where it is not."""
    earned = (jobs.days * a_day).cumsum(axis=1)
    before = (goal > earned.T).sum(axis=0)
    at = np.arange(len(earned)), np.minimum(before, SPELLS - 1)
    missing = goal - (earned[at] - jobs.days[at] * a_day[at])
    worked = np.ceil(missing / np.where(before < SPELLS, a_day[at], 1) - 1e-9)
    paid = (np.ceil(worked / period[at]) * period[at]).astype(np.int64)
    return np.where(before < SPELLS, jobs.begin[at] + paid, NEVER)


def _record_earnings(these: _Round, start: Days, jobs: _Jobs, leaves: Days) -> None:
    """Log the milestones that HMRC sees inside the window, with estimates, corrections and withdrawals."""
    process, log, journey = these.process, these.log, these.journey
    lag, guessed, off, guess_typed, spoiled, by, mended = these.draw(_EARNINGS, 7)
    pay = np.where(jobs.self_employed, 0, jobs.daily_pay)
    outcome = OUTCOME_HOURS * _living_wage(start)
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
        day = np.where(day <= start + WINDOW, day, NEVER)
        dates[event] = day, _workday(day + process.hmrc.days(lag))  # one delay a journey: milestones arrive in order

    day, _ = dates["first_earnings"]
    guess = day + (11 * off).astype(np.int64) - 5
    typed = _workday(guess, 1 + process.recorded.days(guess_typed))
    log.add("first_earnings", journey, guess, typed, (guessed < process.estimated) & (guess <= leaves))
    for event in ("first_earnings", "earnings_1000", "earnings_2000"):
        log.add(event, journey, *dates[event], source="HMRC")

    day, known = dates["job_outcome"]
    withdrawn = spoiled < process.outcome_withdrawn
    late = ~withdrawn & (spoiled < process.outcome_withdrawn + process.outcome_corrected)
    late_day = np.minimum(np.minimum(day + 1 + (27 * by).astype(np.int64), start + WINDOW), known)
    mend = _workday(known, 1 + process.correction.days(mended))
    log.add("job_outcome", journey, np.where(late, late_day, day), known, source="HMRC")
    log.add("job_outcome", journey, day, mend, late & (late_day > day), source="HMRC")
    log.add("job_outcome", journey, day, mend, withdrawn, source="HMRC", action="withdraw")


def _record_self_employment(these: _Round, start: Days, jobs: _Jobs) -> None:
    """Log self-employed outcomes inside the window and their claims."""
    process, log, journey = these.process, these.log, these.journey
    asked, decided, refused, repeats, asked_again, decided_again = these.draw(_CLAIMS, 6)
    a_day = jobs.self_employed.astype(np.float64)
    day = _reached(jobs, a_day, np.ones_like(jobs.days), SELF_EMPLOYED_DAYS)
    counts = day <= start + WINDOW
    claim = _workday(day + process.claimed.days(asked))
    decision = _workday(claim, 1 + process.decided.days(decided))
    second = _workday(decision, 1 + process.decided.days(asked_again))
    paid = _workday(second, 1 + process.decided.days(decided_again))
    rejected = counts & (refused < process.claims_rejected)
    repeated = rejected & (repeats < 0.5)
    log.add("self_employed_outcome", journey, day, claim, counts, ref="C1", source="claim")
    log.add("claim_submitted", journey, claim, claim, counts, ref="C1", source="claim")
    log.add("claim_rejected", journey, decision, decision, rejected, ref="C1", source="claim")
    log.add("claim_paid", journey, decision, decision, counts & ~rejected, ref="C1", source="claim")
    log.add("claim_submitted", journey, second, second, repeated, ref="C2", source="claim")
    log.add("claim_paid", journey, paid, paid, repeated, ref="C2", source="claim")


def _participants(
    process: SampleProcess, people: _People, staff: _Staff, known: _Journeys, ids: list[str], last_day: np.datetime64
) -> pd.DataFrame:
    """Return the referrals with their attributes as last known."""
    person, groups = known.person, [group.code for group in process.groups]
    desk = np.where(known.move_recorded <= last_day, known.new_desk, known.desk)
    group = np.where(known.group_corrected <= last_day, people.group[person], known.first_group)
    years = ((known.day - people.born[person]).astype(np.int64) / 365.25).astype(np.int64)
    return pd.DataFrame(
        {
            "referral_id": pd.array(ids, dtype="str"),
            "participant_id": _text(_numbered("P", len(people.referred)), person),
            "customer_group": _text(groups, group),
            "devolution_area": _text(list(process.devolution_areas), people.area[person]),
            "subcontractor": _text(staff.subcontractor, desk),
            "centre": _text(staff.centre, desk),
            "caseworker": _text(staff.caseworker, desk),
            "age": pd.array(years, dtype="str"),
            "sex": _text(["M", "F"], people.female[person].astype(np.int64)),
            "ethnicity": _text(list(ETHNICITIES), people.ethnicity[person]),
            "disability": _text(["N", "Y"], people.disabled[person].astype(np.int64)),
            "priority_group": _text(list(PRIORITIES), people.priority[person]),
        }
    )


def _attributes(
    process: SampleProcess, people: _People, staff: _Staff, known: _Journeys, ids: list[str], last_day: np.datetime64
) -> pd.DataFrame:
    """Return what was recorded of each referral at first, then corrections and moves."""
    groups, day = [group.code for group in process.groups], known.day
    blocks: list[tuple[str, list[str], Ints, Days, Days]] = [
        ("customer_group", groups, known.first_group, day, day),
        ("customer_group", groups, people.group[known.person], day, known.group_corrected),
    ]
    for attribute in ("subcontractor", "centre", "caseworker"):
        names = getattr(staff, attribute)
        blocks.append((attribute, names, known.desk, day, day))
        blocks.append((attribute, names, known.new_desk, known.moved, known.move_recorded))
    tables = [
        pd.DataFrame(
            {
                "row": np.flatnonzero(keep),
                "attribute": _text([attribute], np.zeros(keep.sum(), dtype=np.int64)),
                "value": _text(names, places[keep]),
                "from_date": _dates(since[keep]),
                "recorded_date": _dates(recorded[keep]),
            }
        )
        for attribute, names, places, since, recorded in blocks
        for keep in [recorded <= last_day]
    ]
    history = pd.concat(tables).sort_values(["recorded_date", "row"], kind="stable", ignore_index=True)
    history.insert(0, "referral_id", _text(ids, history["row"].to_numpy()))
    return history.drop(columns="row")


def _units(process: SampleProcess) -> pd.DataFrame:
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
