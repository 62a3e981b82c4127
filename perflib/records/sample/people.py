"""Who is referred, when, and to whom: the arrivals of a synthetic contract and the staff who take them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Literal, Self

import numpy as np
from pydantic import Field, model_validator
from scipy.special import ndtr, ndtri

from perflib.records.sample.draws import (
    NEVER,
    Days,
    Flags,
    Floats,
    Ints,
    Parameters,
    Part,
    Share,
    choose,
    uniform,
    workday,
)

ETHNICITIES = {"white": 0.815, "asian": 0.073, "black": 0.058, "mixed": 0.032, "other": 0.022}
PRIORITIES = {"ex_offender": 0.32, "carer": 0.25, "homeless": 0.24, "veteran": 0.10, "care_leaver": 0.09}
"""Codes and their shares, invented."""


class Group(Parameters):
    """A customer group."""

    code: str = Field(description="Its code in the programme file.")
    share: Share = Field(description="Share of new people, 0 to 1.")
    effect: float = Field(default=0, description="Added to the log hazard of entering work.")
    disabled: Share = Field(default=0.2, description="Share with a disability.")
    prioritised: Share = Field(default=0.13, description="Share in a priority group.")
    suspended: tuple[date, date] | None = Field(default=None, description="First and last day without referrals.")


class Subcontractor(Parameters):
    """A unit of the supply chain. A specialist is allocated no referrals."""

    unit_id: str = Field(description="What the extract calls it.")
    share: Share = Field(default=0, description="Share of referrals, 0 to 1.")
    effect: float = Field(default=0, description="Added to the log hazard of entering work: its true strength.")
    pace: float = Field(default=1, gt=0, description="Multiplies median delays in working days: 1.3 is slow.")
    role: Literal["end_to_end", "specialist", "own"] = Field(default="end_to_end", description="What it does.")
    caseworkers: int = Field(default=2, ge=1, description="How many work there.")
    centres: int = Field(default=1, ge=1, description="Caseworkers are spread evenly over them.")


class Shock(Parameters):
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


class Arrivals(Parameters):
    """The parameters of who is referred and when; values are invented unless a source is named."""

    seed: int = Field(default=16, ge=0, description="The same parameters and seed give the same extract.")
    first_day: date = Field(default=date(2018, 1, 15), description="Day one of the contract.")
    last_day: date = Field(
        default=date(2020, 9, 30), le=date(2039, 12, 31), description="The last day on which a row is recorded."
    )
    people_per_month: float = Field(default=210, ge=0, description="New people a month at the full rate.")
    ramp_up_months: int = Field(default=9, ge=1, description="Months until the full rate, reached evenly.")
    season: tuple[Annotated[float, Field(ge=0)], ...] = Field(
        default=(1.08, 1.02, 1.05, 0.98, 1.00, 1.00, 0.98, 0.92, 1.05, 1.08, 1.06, 0.78),
        min_length=12,
        max_length=12,
        description="Multiplies new people, January to December.",
    )
    shock: Shock | None = Field(default=None, description="A sudden change; none: no shock.")
    groups: tuple[Group, ...] = Field(min_length=1, description="The customer groups; their shares add up to 1.")
    arms: dict[str, dict[str, Share]] = Field(
        default={}, description="Other attributes that are drawn by lot: name, then code and share; each adds up to 1."
    )
    devolution_areas: dict[str, Share] = Field(
        default={}, description="Share of people in each devolution area; the rest are in none."
    )
    male: Share = Field(default=0.5, description="Share of men.")
    age_mean: float = Field(default=41, description="Years, before cutting to 18 to 65 at the first referral.")
    age_sd: float = Field(default=11.5, gt=0, description="Years.")
    frailty: float = Field(default=0.8, ge=0, description="S.d. between people of the log hazard.")
    age_effect: float = Field(default=-0.12, description="On the log hazard, of being ten years older.")
    female_effect: float = Field(default=-0.05, description="On the log hazard.")
    priority_effect: float = Field(default=-0.15, description="On the log hazard, of being in a priority group.")

    @model_validator(mode="after")
    def _adds_up(self) -> Self:
        if self.last_day < self.first_day:
            raise ValueError(f"last_day {self.last_day} is before first_day {self.first_day}")
        check_shares("groups", [group.share for group in self.groups])
        for name, shares in self.arms.items():
            check_shares(name, list(shares.values()))
        if sum(self.devolution_areas.values()) > 1:
            raise ValueError("the shares of devolution_areas add up to more than 1")
        return self


def check_shares(name: str, shares: Sequence[float]) -> None:
    """Refuse shares that do not add up to 1.

    Raises
    ------
    ValueError
        The shares do not add up to 1.
    """
    if abs(sum(shares) - 1) > 1e-6:
        raise ValueError(f"the shares of {name} add up to {sum(shares):g}, not to 1")


@dataclass(frozen=True)
class People:
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
    arms: dict[str, Ints]
    frailty: Floats  # standard normal
    effect: Floats  # on the log hazard of entering work


def arrive(process: Arrivals) -> People:
    """Return the people of a contract: month by month as many as a Poisson draw gives, on its working days."""
    months = np.arange(np.datetime64(process.first_day, "M"), np.datetime64(process.last_day, "M") + 1)
    begin = np.maximum(months.astype("M8[D]"), np.datetime64(process.first_day, "D"))
    end = (months + 1).astype("M8[D]")
    since, working_days = np.arange(len(months)), np.busday_count(begin, end)
    shares = np.array([group.share for group in process.groups])
    expected = process.people_per_month * np.minimum(1, (since + 1) / process.ramp_up_months)
    expected *= np.array(process.season)[months.astype(np.int64) % 12]
    expected *= working_days / np.busday_count(months.astype("M8[D]"), end)
    expected *= ~suspended(process, begin) @ shares
    if process.shock:
        expected *= process.shock.factor(begin, process.shock.referrals)
    counts = np.random.default_rng([process.seed, int(Part.VOLUME)]).poisson(expected)
    month = np.repeat(since, counts)
    size = len(month)
    nth = np.floor(uniform(process.seed, Part.REFERRED, size, 1)[:, 0] * working_days[month]).astype(np.int64)
    referred = np.sort(workday(begin[month], nth))

    columns = uniform(process.seed, Part.PERSON, size, 9).T
    sex, age, ethnicity, disability, priority, which, joins, place, frailty = columns
    group = choose(joins, np.where(suspended(process, referred), 0, shares))
    female = sex >= process.male
    prioritised = priority < np.array([group.prioritised for group in process.groups])[group]
    youngest, oldest = (ndtr((limit - process.age_mean) / process.age_sd) for limit in (18, 66))
    years = process.age_mean + process.age_sd * ndtri(youngest + age * (oldest - youngest))
    areas = list(process.devolution_areas.values())
    area = choose(place, [*areas, 1 - sum(areas)])
    lots = uniform(process.seed, Part.ARMS, size, len(process.arms)).T
    effect = np.array([group.effect for group in process.groups])[group] + process.frailty * ndtri(frailty)
    effect += process.age_effect * (years - process.age_mean) / 10
    effect += process.female_effect * female + process.priority_effect * prioritised
    return People(
        horizon=end[-1],
        referred=referred,
        born=referred - np.ceil(years * 365.25).astype(np.int64),
        female=female,
        disabled=disability < np.array([group.disabled for group in process.groups])[group],
        ethnicity=choose(ethnicity, list(ETHNICITIES.values())),
        priority=np.where(prioritised, choose(which, list(PRIORITIES.values())), -1),
        group=group,
        area=np.where(area < len(areas), area, -1),
        arms={
            name: choose(lot, list(arm.values())) for (name, arm), lot in zip(process.arms.items(), lots, strict=True)
        },
        frailty=ndtri(frailty),
        effect=effect,
    )


def suspended(process: Arrivals, days: Days) -> Flags:
    """Return, for each day and group, whether referrals of the group are suspended."""
    spans = np.array([group.suspended or (NEVER, NEVER) for group in process.groups], dtype="M8[D]")
    barred: Flags = (days[:, None] >= spans[:, 0]) & (days[:, None] <= spans[:, 1])
    return barred


@dataclass(frozen=True)
class Staff:
    """One row a desk that referrals come to: where it is, and what share of them it takes."""

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
