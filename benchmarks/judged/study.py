"""Providers exactly on their profile, or 20 % below it, judged while part of what happened is not recorded yet.

Run from the project's root: `python benchmarks/judged/study.py`. It writes `study.csv` beside it, in about two minutes
on one core. The providers are judged on their arrays with the functions that reports use; for the first of each delay
it is checked that snapshots give the same.

A provider starts Poisson (60) participants a month for 27 months, in two groups. Each has an outcome by a process that
no model in perflib assumes: a share that ever has one, and a gamma time to it; 20 % below means every fifth outcome
does not come about. The profile is what 120,000 further referrals did, by month since the start, so that a provider
is on it but for chance. Recording takes an exponential time of mean nought, one or four months of 30.4 days, another
for each outcome; `recording_allowance` is its 99th percentile. Seeds 1 to 200.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd

from perflib.analysis import cohorts, expected
from perflib.analysis import kpis as kpis_analysis
from perflib.records.schemas import TABLES
from perflib.records.snapshot import NO_FAULTS, Extract, take_snapshot
from perflib.rules.contract import Contract, load_management, load_programme

FIRST, MONTHS, A_MONTH = pd.Period("2018-01", "M"), 27, 60
REPORT, LATER = "2020-03", "2021-03-31"
EVER, SHAPE, SCALE = {"disability": 0.26, "ltu": 0.34}, 3.2, 70.0
SHARE = {"disability": 0.7, "ltu": 0.3}
WINDOW, MONTH_DAYS = 639, 30.4375
DELAYS = (0, 1, 4)
SEEDS = range(1, 201)
STATED = [0.20, 0.70, 0.90, 0.97, 1.0]
"""The programme's own delays of outcomes, for providers with fewer than 30 records."""
HERE = Path(__file__).parent


def people(rng: np.random.Generator, starts: np.ndarray, below: float = 0.0) -> pd.DataFrame:
    """Draw participants: day of start, group, and the day of the outcome (missing without one)."""
    first = (
        pd.period_range(FIRST, periods=len(starts), freq="M").to_timestamp() - FIRST.to_timestamp()
    ).days.to_numpy()
    start = np.repeat(first, starts) + rng.integers(0, 28, starts.sum())
    group = np.where(rng.random(len(start)) < SHARE["disability"], "disability", "ltu")
    ever = rng.random(len(start)) < np.where(group == "disability", EVER["disability"], EVER["ltu"])
    after = np.ceil(60 + rng.gamma(SHAPE, SCALE, len(start)))
    reached = ever & (after <= WINDOW) & (rng.random(len(start)) >= below)
    return pd.DataFrame({"start": start, "group": group, "outcome": np.where(reached, start + after, np.nan)})


def drawn(rng: np.random.Generator, months: float, below: float, scale: float) -> tuple[pd.DataFrame, pd.Series]:
    """Draw one provider's participants, and the day on which each outcome is recorded."""
    who = people(rng, rng.poisson(A_MONTH * scale, MONTHS), below)
    late = np.floor(rng.exponential(months * MONTH_DAYS, len(who))) if months else np.zeros(len(who))
    return who, who["outcome"] + late


def dates(days: pd.Series | np.ndarray) -> pd.Series:
    return pd.Series(FIRST.to_timestamp() + pd.to_timedelta(days, unit="D")).astype("datetime64[s]")


@cache
def profiles() -> list[dict[str, object]]:
    """Cumulative outcomes a start, by group, of 120,000 further referrals."""
    many = people(np.random.default_rng(0), np.full(MONTHS, 120_000 // MONTHS))
    start, outcome = (dates(many[name]).dt.to_period("M") for name in ("start", "outcome"))
    age = (outcome.array.asi8 - start.array.asi8)[many["outcome"].notna()]
    found = []
    for group in SHARE:
        mine = (many["group"] == group).to_numpy()
        counts = np.bincount(age[mine[many["outcome"].notna()]], minlength=23)
        values = [round(float(value), 6) for value in counts.cumsum() / mine.sum()]
        found.append({"group": group, "from": str(FIRST), "source": "simulated", "values": values})
    return found


@cache
def contract(months: float) -> Contract:
    """Return the contract: KS's regime, with the KPI of outcomes at the profile itself."""
    target = {"value": {"at_least": 1}, "from": "2018-01-01", "source": "simulated"}
    kpi = {"name": "Outcomes", "source": "simulated", "kind": "profile", "of": "outcome", "target": target}
    regime = load_management("ks").model_copy(update={"kpis": {}})
    programme = load_programme("whp")
    programme = programme.model_copy(update={"targets": {"tmpl1": programme.targets["tmpl1"]}})
    return Contract.model_validate(
        {
            "contract": "simulated",
            "name": "Simulated",
            "nation": "ENG",
            "first_day": "2018-01-01",
            "source": "extract",
            "path": "simulated.yaml",
            "disclosure": {"source": "none"},
            "programme": programme,
            "management": regime,
            "mix": SHARE,
            "kpis": {"outcomes": kpi | {"roles": ["contract_manager"]}},
            "profiles": profiles(),
            "recording_allowance": int(np.ceil(-np.log(0.01) * months * MONTH_DAYS)),
        }
    )


def extract(rules: Contract, seed: int, months: float, below: float, scale: float = 1.0) -> Extract:
    """Make one provider's extract in memory; `scale` multiplies its starts."""
    rng = np.random.default_rng([seed, int(10 * months), int(100 * below)])
    who, recorded_on = drawn(rng, months, below, scale)
    name = pd.Series([f"R{number:06}" for number in range(len(who))])
    has = who["outcome"].notna().to_numpy()
    rows = [(name, "referral", who["start"], who["start"]), (name, "start", who["start"], who["start"])]
    rows.append((name[has], "job_outcome", who["outcome"][has], recorded_on[has]))
    events = pd.concat(
        pd.DataFrame(
            {
                "referral_id": ids.to_numpy(),
                "event": event,
                "event_date": dates(day.to_numpy()).to_numpy(),
                "recorded_date": dates(recorded.to_numpy()).to_numpy(),
            }
        )
        for ids, event, day, recorded in rows
    )
    events = events.reindex(columns=list(TABLES["events"])).assign(action="record")
    participants = pd.DataFrame({"referral_id": name, "participant_id": name, "customer_group": who["group"]})
    participants = participants.reindex(columns=["referral_id", "participant_id", *rules.programme.attributes])
    participants["age"] = participants["age"].astype(float)
    tables = {"participants": participants, "events": events}
    for key, table in tables.items():
        texts = [name for name in table if name not in ("event_date", "recorded_date", "age")]
        tables[key] = table.astype(dict.fromkeys(texts, "str")).set_axis(
            pd.RangeIndex(2, len(table) + 2, name="row"), axis="index"
        )
    tables["participants"]["devolution_area"] = "none"
    return Extract(rules, tables, NO_FAULTS, {key: f"{key}.csv" for key in tables}, {})


def judge(seed: int, months: float, below: float, scale: float = 1.0) -> dict[str, float]:
    """Judge one provider in the report's month and a year later, with the functions that reports use."""
    rng = np.random.default_rng([seed, int(10 * months), int(100 * below)])
    who, recorded_on = drawn(rng, months, below, scale)
    has = who["outcome"].notna().to_numpy()
    cohort = in_months(who["start"])
    event, record = in_months(who["outcome"][has]), in_months(recorded_on[has])
    last = MONTHS - 1
    happens, eventually, starts = np.zeros((MONTHS, MONTHS)), np.zeros(MONTHS), np.zeros(MONTHS)
    for item in profiles():
        curve = np.asarray(item["values"], dtype=float)
        size = np.bincount(cohort[(who["group"] == item["group"]).to_numpy()], minlength=MONTHS)
        rise = np.diff(np.append(curve, np.repeat(curve[-1], MONTHS))[:MONTHS], prepend=0.0)
        happens += [np.append(np.zeros(c), number * rise[: MONTHS - c]) for c, number in enumerate(size)]
        starts, eventually = starts + size, eventually + size * curve[-1]
    stated = np.append(STATED[: int(contract(months).recording_allowance // MONTH_DAYS)], 1.0)
    slowest = expected.of_allowance(contract(months).recording_allowance) if stated[0] < 1 else None
    counted = record <= last
    by_cohort = np.bincount(cohort[has][counted], minlength=MONTHS)
    by_month = np.bincount(record[counted], minlength=MONTHS)
    whole = happens.sum(axis=0)[None]
    found: dict[str, float] = {}
    for name, known in (("", last), ("_later", last + 12)):
        seen = (event <= last) & (record <= known)
        delay = expected.estimate_parts(
            (record - event)[seen], known - event[seen], stated, "programme", seed, slowest, known, last
        )
        level = expected.compare([by_cohort.sum()], whole, delay).iloc[0]
        cells = expected.compare(by_cohort, happens, delay, starts=starts, eventually=eventually)
        cells = cells[cells["status"] != expected.TOO_EARLY]
        quarters = pd.concat(
            expected.compare([by_month[first : first + 3].sum()], whole, delay, first, first + 2)
            for first in range(0, MONTHS, 3)
        )
        quarters = quarters[quarters["expected"] >= 5]
        found |= {
            f"in_line{name}": level["status"] == "in line",
            f"below{name}": level["status"] == "below",
            f"ratio{name}": level["ratio"],
            f"expected{name}": level["expected"],
            f"cohorts{name}": len(cells),
            f"signals{name}": int(cells["status"].isin(["above", "below"]).sum()),
            f"quarters{name}": len(quarters),
            f"hits{name}": int(((quarters["ratio"] >= 1) | (quarters["upper"] >= 1)).sum()),
        }
    return found


def in_months(days: pd.Series) -> np.ndarray:
    """Turn days into months from the first one."""
    return dates(days.to_numpy()).to_numpy().astype("datetime64[M]").astype(np.int64) - FIRST.ordinal


def through_snapshots(seed: int, months: float) -> dict[str, float]:
    """Judge one provider on its profile as reports do: extract, snapshot, level, cohorts, KPI."""
    whole = extract(contract(months), seed, months, 0.0)
    found: dict[str, float] = {}
    for name, known_at in (("", None), ("_later", LATER)):
        snapshot = take_snapshot(whole, REPORT, known_at)
        level = cohorts.conversion(snapshot).iloc[0]
        cells = cohorts.against_profile(snapshot)
        kpis = kpis_analysis.scores(snapshot, "contract").query("kpi == 'outcomes' and denominator >= 5")
        found |= {
            f"ratio{name}": level["ratio"],
            f"expected{name}": level["expected"],
            f"cohorts{name}": int((cells["status"] != "too early").sum()),
            f"quarters{name}": len(kpis),
            f"hits{name}": int(kpis["result"].isin(["hit", "not_clear"]).sum()),
        }
    return found


def summary(rows: pd.DataFrame) -> pd.DataFrame:
    """Return one row a delay, share below the profile, and day of looking."""
    frames = []
    for name, words in (("", "in the report's month"), ("_later", "a year later")):
        mine = rows.dropna(subset=f"ratio{name}") if f"ratio{name}" in rows else rows[:0]
        grouped = mine.groupby(["below_profile", "delay", "records"], sort=False)
        columns = {
            "known": words,
            "providers": grouped.size(),
            "in_line": grouped[f"in_line{name}"].sum(),
            "called_below": grouped[f"below{name}"].sum(),
            "mean_ratio": grouped[f"ratio{name}"].mean().round(3),
            "mean_expected": grouped[f"expected{name}"].mean().round(1),
            "cohort_signals": (grouped[f"signals{name}"].sum() / grouped[f"cohorts{name}"].sum()).round(4),
            "quarters_not_missed": (grouped[f"hits{name}"].sum() / grouped[f"quarters{name}"].sum()).round(4),
        }
        frames.append(pd.DataFrame(columns))
    return pd.concat(frames).reset_index()


def judged(months: float, below: float, records: str = "late", scale: float = 1.0) -> list[dict[str, object]]:
    """Judge 200 providers."""
    late = months if records == "late" else 0
    kind = {"delay": months, "below_profile": below, "records": records}
    return [kind | judge(seed, late, below, scale) for seed in SEEDS]


if __name__ == "__main__":
    for months in DELAYS:  # the short way gives what reports give
        short, long = judge(1, months, 0.0), through_snapshots(1, months)
        assert all(np.isclose(short[name], value) for name, value in long.items()), (months, short, long)
    rows = [row for months in DELAYS for row in judged(months, 0.0)]
    expects = {months: np.mean([row["expected"] for row in rows if row["delay"] == months]) for months in DELAYS}
    for months in DELAYS[1:]:
        rows += judged(months, 0.2)
        rows += judged(months, 0.2, "complete", expects[months] / expects[0])
    table = summary(pd.DataFrame(rows))
    table.to_csv(HERE / "study.csv", index=False)
    print(table.to_string())
