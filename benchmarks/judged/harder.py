"""Providers exactly on their profile, where recording or starts are not as simple as in `study.py`.

Run from the project's root: `python benchmarks/judged/harder.py`. It writes `harder.csv` beside it, in about three
minutes on one core. The providers, their profile and their judgement are those of `study.py`; 200 seeds for each case.
The programme's own delays, used for providers with fewer than 30 records, stay those of `study.py`, right or wrong.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import study

from perflib.analysis import expected

HERE = Path(__file__).parent
Late = Callable[[np.random.Generator, np.ndarray], np.ndarray]
"""Draws how many days after an event it is recorded, from the months of the events."""


def exponential(months: float, rng: np.random.Generator, event: np.ndarray) -> np.ndarray:
    return np.floor(rng.exponential(months * study.MONTH_DAYS, len(event))) if months else np.zeros(len(event))


def mixture(rng: np.random.Generator, event: np.ndarray) -> np.ndarray:
    """Four of five with a mean of half a month, one of five of six months."""
    quick, slow = exponential(0.5, rng, event), exponential(6, rng, event)
    return np.where(rng.random(len(event)) < 0.2, slow, quick)


def lognormal(rng: np.random.Generator, event: np.ndarray) -> np.ndarray:
    return np.floor(study.MONTH_DAYS * np.exp(rng.normal(-0.3, 1.2, len(event))))


def changed(before: float, after: float, month: int, rng: np.random.Generator, event: np.ndarray) -> np.ndarray:
    return np.where(event < month, exponential(before, rng, event), exponential(after, rng, event))


@dataclass(frozen=True)
class Case:
    """How late things are recorded, how many start a month, how old the contract is, whether starts are seasonal."""

    name: str
    late: Late
    a_month: int = 60
    months: int = study.MONTHS
    seasonal: bool = False


CASES = [
    Case("four of five half a month late, one of five six months", mixture),
    Case("lognormal delay", lognormal),
    *(
        Case(
            f"mean delay {before:g} month, {after:g} from month {month} of 27 on",
            partial(changed, before, after, month - 1),
        )
        for before, after in ((1.0, 4.0), (4.0, 1.0), (0.5, 2.0))
        for month in (14, 21, 25)
    ),
    *(Case(f"seasonal starts, mean delay {late}", partial(exponential, late), seasonal=True) for late in (1, 4)),
    *(
        Case(f"{months} months old, mean delay {late}", partial(exponential, late), months=months)
        for months in (3, 6, 9)
        for late in (1, 4)
    ),
    *(Case(f"10 starts a month, mean delay {late}", partial(exponential, late), a_month=10) for late in (0, 1, 4)),
    Case("10 starts a month, four of five half a month late, one of five six months", mixture, a_month=10),
]


def allowance(case: Case) -> int:
    """99th percentile of the delays, the slower ones where they change."""
    rng = np.random.default_rng(5)
    return int(max(np.ceil(np.quantile(case.late(rng, np.full(100_000, month)), 0.99)) for month in (0, 26)))


def judge(case: Case, days: int, seed: int) -> dict[str, object]:
    """Judge one provider in the report's month, with the functions that reports use."""
    rng = np.random.default_rng([seed, 7])
    each = np.full(study.MONTHS, float(case.a_month))
    each = each * (1 + 0.6 * np.sin(2 * np.pi * np.arange(study.MONTHS) / 12)) if case.seasonal else each
    who = study.people(rng, rng.poisson(each))
    recorded_on = who["outcome"] + case.late(rng, study.in_months(who["outcome"].fillna(0)))
    cohort, last = study.in_months(who["start"]), case.months - 1
    inside = cohort <= last
    has = who["outcome"].notna().to_numpy() & inside
    event, record = study.in_months(who["outcome"][has]), study.in_months(recorded_on[has])
    happens, eventually, starts = np.zeros((case.months, case.months)), np.zeros(case.months), np.zeros(case.months)
    for item in study.profiles():
        curve = np.asarray(item["values"], dtype=float)
        mine = inside & (who["group"] == item["group"]).to_numpy()
        size = np.bincount(cohort[mine], minlength=case.months)
        rise = np.diff(np.append(curve, np.repeat(curve[-1], case.months))[: case.months], prepend=0.0)
        happens += [np.append(np.zeros(c), number * rise[: case.months - c]) for c, number in enumerate(size)]
        starts, eventually = starts + size, eventually + size * curve[-1]
    counted = record <= last
    by_cohort = np.bincount(cohort[has][counted], minlength=case.months)
    by_month = np.bincount(record[counted], minlength=case.months)
    stated = np.append(study.STATED[: int(days // study.MONTH_DAYS)], 1.0)
    slowest = expected.of_allowance(days) if stated[0] < 1 else None
    delay = expected.estimate_parts(
        (record - event)[counted], last - event[counted], stated, "programme", seed, slowest, last, last
    )
    whole = happens.sum(axis=0)[None]
    level = expected.compare([by_cohort.sum()], whole, delay, eventually=[eventually.sum()]).iloc[0]
    cells = expected.compare(by_cohort, happens, delay, starts=starts, eventually=eventually)
    cells = cells[cells["status"] != expected.TOO_EARLY]
    quarters = pd.concat(
        expected.compare([by_month[first : first + 3].sum()], whole, delay, first, first + 2)
        for first in range(0, case.months - 2, 3)
    )
    judged = quarters["expected"] >= 5
    missed = judged & (quarters["upper"] < 1)
    return {
        "status": level["status"],
        "ratio": level["ratio"],
        "expected": level["expected"],
        "change_found": delay.earlier is not None,
        "cohorts": len(cells),
        "signals": int(cells["status"].isin([expected.ABOVE, expected.BELOW]).sum()),
        "quarters": int(judged.sum()),
        "hits": int((judged & ~missed).sum()),
        "last_missed": float(missed.iloc[-1]) if judged.iloc[-1] else np.nan,
    }


def summary(case: Case) -> dict[str, object]:
    """Judge 200 providers."""
    days = allowance(case)
    rows = pd.DataFrame([judge(case, days, seed) for seed in study.SEEDS])
    status = rows["status"].value_counts()
    names = (expected.IN_LINE, expected.BELOW, expected.ABOVE, expected.TOO_EARLY)
    return {
        "case": case.name,
        **{name.replace(" ", "_"): int(status.get(name, 0)) for name in names},
        "mean_ratio": round(rows["ratio"].mean(), 3),
        "mean_expected": round(rows["expected"].mean(), 1),
        "change_found": round(rows["change_found"].mean(), 3),
        "cohort_signals": round(rows["signals"].sum() / max(rows["cohorts"].sum(), 1), 4),
        "cohorts_judged": int(rows["cohorts"].sum()),
        "quarters_not_missed": round(rows["hits"].sum() / max(rows["quarters"].sum(), 1), 4),
        "last_quarter_missed": round(rows["last_missed"].mean(), 4),
    }


if __name__ == "__main__":
    table = pd.DataFrame([summary(case) for case in CASES])
    table.to_csv(HERE / "harder.csv", index=False)
    print(table.to_string())
