"""Programmes for the simulation study, made by another process than any of the models assumes.

A participant has a frailty, characteristics and a subcontractor. Week by week, those out of work enter it with a hazard
that depends on these, on the time since the start, on the calendar (season, slow drift, and in a shocked programme a
fall of job entry) and falls after fifteen months. A job has hours, a wage and a length; pay comes every four weeks, and
adds up to first earnings, £1,000, £2,000 and the outcome, by day 639. When a job ends the search goes on. Some give up
and leave; the others leave on day 456 if they are out of work. Everything is recorded some weeks after it happened.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from perflib.analysis.forecast.development import NEVER, Development, counted

FIRST, MONTHS = pd.Period("2018-01", "M"), 49
WINDOW, SUPPORT, WEEKS = 639, 456, 92
AMOUNTS = (1.0, 1000.0, 2000.0, 3480.0)
"""Pounds for first earnings, the two milestones, and the outcome: 16 hours x 26 weeks at 8.36."""
NAMES = ("first_earnings", "earnings_1000", "earnings_2000")
LAST = 26
SHOCK = 22
"""The month, counted from 0, from which job entry falls in a shocked programme."""
AS_OF = (SHOCK + 3, SHOCK + 6, SHOCK + 12, SHOCK + 18)


@dataclass(frozen=True)
class Programme:
    """One simulated programme: who starts when, and what drives them."""

    start: np.ndarray  # day, from the first of the first month
    cohort: np.ndarray
    log_hazard: np.ndarray
    calendar: np.ndarray  # log effect on job entry, by month
    seed: int


def programme(a_month: int, shocked: bool, seed: int) -> Programme:
    """Draw a programme of 49 monthly cohorts."""
    rng = np.random.default_rng([seed, a_month, shocked])
    month = np.arange(MONTHS)
    build_up = np.minimum(1, 0.25 + month / 8)
    season = 1 + 0.12 * np.cos(2 * np.pi * (month - 1) / 12)
    starts = rng.poisson(a_month * build_up * season * np.exp(rng.normal(0, 0.06, MONTHS)))
    cohort = np.repeat(month, starts)
    first_day = (pd.period_range(FIRST, periods=MONTHS, freq="M").to_timestamp() - FIRST.to_timestamp()).days.to_numpy()
    start = first_day[cohort] + rng.integers(0, 28, len(cohort))

    units = rng.normal(0, 0.25, 6)
    unit = rng.choice(6, len(cohort), p=rng.dirichlet(np.full(6, 6.0)))
    trend = rng.normal(0, 0.12) * (cohort / 24 - 1)  # who is referred changes slowly
    health, qualified = rng.random(len(cohort)) < 0.7, rng.random(len(cohort)) < 0.4
    frailty = np.log(rng.gamma(1.2, 1 / 1.2, len(cohort)))
    log_hazard = -4.6 + units[unit] + trend - 0.35 * health + 0.3 * qualified + frailty + rng.normal(0, 0.1)

    ahead = MONTHS + 30
    drift = np.cumsum(rng.normal(0, 0.015, ahead))
    calendar = 0.08 * np.cos(2 * np.pi * (np.arange(ahead) - 9) / 12) + drift + rng.normal(0, 0.04, ahead)
    if shocked:
        since = np.arange(ahead) - SHOCK
        half_life = np.inf if rng.random() < 0.5 else rng.uniform(4, 12)
        calendar = calendar + np.where(since >= 0, np.log(rng.uniform(0.4, 0.7)) * 0.5 ** (since / half_life), 0)
    return Programme(start, cohort, log_hazard, calendar, seed)


def journeys(p: Programme) -> tuple[np.ndarray, np.ndarray]:
    """Simulate everybody's journey.

    Returns
    -------
    reached, left : ndarray of int
        Months from the cohort's month to the recorded month of each milestone and the outcome, and of leaving.
    """
    rng = np.random.default_rng([p.seed, len(p.start)])
    people = len(p.start)
    busy_until = np.zeros(people)
    pay = np.zeros(people)
    earned, unpaid, payday = np.zeros(people), np.zeros(people), np.zeros(people)
    happened = np.full((people, len(AMOUNTS)), np.inf)
    left = np.full(people, np.inf)
    willing = np.ones(people, dtype=bool)
    for week in range(WEEKS):
        day = p.start + 7 * week
        u = rng.random((people, 6))
        working = busy_until > week
        since = 7 * week / 30.4
        base = p.log_hazard + 0.55 * np.log1p(since) - 0.11 * since - 0.7 * (7 * week > SUPPORT)
        month = np.minimum((day / 30.4375).astype(int), len(p.calendar) - 1)
        hazard = np.exp(np.minimum(base + p.calendar[month] - 1.5 * ~willing, 0))
        begins = ~working & (u[:, 0] < 1 - np.exp(-hazard))
        hours = np.array([12.0, 16.0, 20.0, 25.0, 30.0, 37.5])[(u[:, 1] * 6).astype(int)]
        wage = 8.2 + 1.6 * u[:, 2] ** 2
        length = 1 + 24 * (-np.log(np.maximum(u[:, 3], 1e-12))) ** 1.25  # weeks, Weibull
        pay = np.where(begins, hours * wage, pay)
        payday = np.where(begins, (u[:, 4] * 4).astype(int), payday)
        busy_until = np.where(begins, week + length, busy_until)
        working |= begins
        unpaid += np.where(working, pay, 0)
        paid = (week - payday) % 4 == 3
        earned += np.where(paid, unpaid, 0)
        unpaid = np.where(paid, 0, unpaid)
        for k, amount in enumerate(AMOUNTS):
            now = (earned >= amount) & np.isinf(happened[:, k]) & (7 * week + 6 <= WINDOW)
            happened[now, k] = day[now] + 6
        gives_up = willing & ~working & (u[:, 5] < 0.006)
        willing &= ~gives_up
        leaves = np.isinf(left) & (gives_up | (~working & (7 * week >= SUPPORT)))
        left[leaves] = day[leaves] + 5
    noise = rng.standard_normal((people, 5))
    delay = np.floor(33 * np.exp(0.5 * noise[:, :4]) + np.minimum(5 * np.abs(noise[:, [4]]), 14))
    day = np.column_stack([happened + delay, left + 4])
    first_day = pd.Series(pd.period_range(FIRST, periods=MONTHS + 60, freq="M").to_timestamp()) - FIRST.to_timestamp()
    month = np.searchsorted(first_day.dt.days.to_numpy(), np.where(np.isinf(day), 0, day), side="right") - 1
    months = np.where(np.isinf(day), NEVER, np.clip(month - p.cohort[:, None], 0, LAST))
    return months[:, :-1], months[:, -1]


def bid() -> np.ndarray:
    """Return what calm programmes of this kind deliver on average: cumulative recorded outcomes a start, by d."""
    curves = []
    for seed in range(40):
        p = programme(100, False, 10_000 + seed)
        reached, _ = journeys(p)
        counts = np.bincount(np.minimum(reached[:, -1], LAST + 1), minlength=LAST + 2)[: LAST + 1]
        curves.append(np.cumsum(counts) / len(p.cohort))
    return np.mean(curves, axis=0)


def as_known(p: Programme, reached: np.ndarray, left: np.ndarray, month: int, profile: np.ndarray) -> Development:
    """Return what is known of a programme at the end of a month, counted from 0."""
    mine = p.cohort <= month
    cohorts = pd.period_range(FIRST, periods=month + 1, freq="M", name="cohort")
    promised = np.broadcast_to(profile, (month + 1, len(profile)))
    names = {"contract": f"simulated {p.seed}", "measure": "outcome"}
    return counted(cohorts, p.cohort[mine], reached[mine], left[mine], promised, NAMES, **names)
