"""How good the forecasts are on programmes whose future is known: the simulation study.

Run from the project's root; one core, about four hours for everything::

    python benchmarks/forecast/study.py run --replicates 100      adds what is missing to the rows kept in --rows
    python benchmarks/forecast/study.py table                     rewrites study.csv beside this file

`run` can be stopped and started again, and goes on from its rows; --scenario, --model and --replicates choose a part of
it. Programmes come from `simulator.py`, which shares no structure with the models: calm and shocked (job entry falls by
30 to 60 % from month 22, for good in half of them), about 60 and 250 starts a month, as known at the end of months 25,
28, 34 and 40.

Scores, a row a programme, as-of month and model; only cohorts that can still have outcomes recorded are scored.

- wmape: sum over cohorts of |expected - true final outcomes| / true final outcomes; bias the same without the bars.
- quarter: |expected - true| / true outcomes recorded in the next three months, all cohorts together.
- crps: sum over cohorts of the CRPS / true final outcomes; crps_months the same for the next twelve months,
  crps_total for the total.
- covered_80 and _95 of cohorts, of the next twelve months, of the total.
- floor: what chance alone would have a forecast miss by, given where everybody stands and with no doubt of parameters.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
import pandas as pd
import simulator

from perflib.analysis.forecast.milestones import cells
from perflib.analysis.forecast.milestones.fit import fit
from perflib.analysis.forecast.milestones.simulate import draw_destinations, draw_paths, outcome_chances
from perflib.analysis.forecast.models import MODELS, project

HERE = Path(__file__).parent
SCENARIOS = {f"{kind} {size}": (size, kind == "shocked") for kind in ("calm", "shocked") for size in (60, 250)}
MONTHS = 12
FLOOR = "floor"


def crps(draws, truth):
    """CRPS of each column of draws: E|X - y| - E|X - X'| / 2."""
    ranked = np.sort(draws, axis=0)
    n = len(ranked)
    weight = 2 * np.arange(1, n + 1)[:, None] - n - 1
    return np.abs(ranked - truth).mean(axis=0) - (weight * ranked).sum(axis=0) / n**2


def covered(frame, truth, level):
    return float(((truth >= frame[f"lower_{level}"]) & (truth <= frame[f"upper_{level}"])).mean())


def truth_of(development, cohort, reached):
    """Outcomes by cohort and coming month, as they came."""
    d = reached[:, -1]
    table = np.zeros((len(development.starts), development.last + 1))
    mine = (cohort < len(table)) & (d <= development.last)
    np.add.at(table, (cohort[mine], d[mine]), 1)
    coming = development.coming_d
    return np.where(coming >= 0, np.take_along_axis(table, np.maximum(coming, 0), axis=1), 0)


def score(forecast, truth, still_open):
    """One row of scores."""
    recorded = forecast.development.recorded.to_numpy()
    final = recorded + truth.sum(axis=1)
    cohorts, months = forecast.cohorts[still_open], forecast.months[:MONTHS]
    draws = recorded + forecast.paths.sum(axis=2)
    by_month = forecast.paths.sum(axis=1)[:, :MONTHS]
    came, goal = truth.sum(axis=0)[:MONTHS], final[still_open].sum()
    total = forecast.total.iloc[0]
    row = {
        "wmape": np.abs(cohorts["expected"] - final[still_open]).sum() / goal,
        "bias": (cohorts["expected"].sum() - goal) / goal,
        "quarter": abs(months["expected"][:3].sum() - came[:3].sum()) / max(came[:3].sum(), 1),
        "crps": crps(draws[:, still_open], final[still_open]).sum() / goal,
        "crps_months": crps(by_month, came).sum() / max(came.sum(), 1),
        "crps_total": crps(draws.sum(axis=1)[:, None], final.sum())[0] / goal,
        "width_95": (total["upper_95"] - total["lower_95"]) / goal,
    }
    for level in (80, 95):
        row[f"cohorts_{level}"] = covered(cohorts, final[still_open], level)
        row[f"months_{level}"] = covered(months, came, level)
        row[f"total_{level}"] = float(total[f"lower_{level}"] <= final.sum() <= total[f"upper_{level}"])
    return row


def floor_of(development, truth, still_open):
    """The error of chance alone: how far paths of `milestones` at its mean parameters are from their own mean."""
    people = development.standing.sum(axis=2)
    rng = np.random.default_rng(0)
    effects = (
        fit(cells(development, slice(0, 2))).draw(400, rng),
        fit(cells(development, slice(2, None))).draw(400, rng),
    )
    to = draw_destinations(development, 400, rng)
    chances = outcome_chances(development, *(part.mean() for part in effects), to.mean())
    paths = draw_paths(people, chances, 1000, rng)
    goal = (development.recorded.to_numpy() + truth.sum(axis=1))[still_open].sum()
    final, quarter = paths.sum(axis=2)[:, still_open], paths.sum(axis=1)[:, :3].sum(axis=1)
    return {
        "wmape": np.abs(final - final.mean(axis=0)).mean(axis=0).sum() / goal,
        "quarter": np.abs(quarter - quarter.mean()).mean() / max(truth.sum(axis=0)[:3].sum(), 1),
    }


def replicate(scenario, seed, month, models, profile, draws):
    """Rows for one programme at one as-of month."""
    size, shocked = SCENARIOS[scenario]
    programme = simulator.programme(size, shocked, seed)
    reached, left = simulator.journeys(programme)
    bid = np.random.default_rng([seed, 3]).lognormal(-(0.2**2) / 2, 0.2) * profile
    known = simulator.as_known(programme, reached, left, month, bid)
    truth = truth_of(known, programme.cohort, reached)
    still_open = known.age < known.last
    rows = []
    for model in models:
        began = time.perf_counter()
        if model == FLOOR:
            row = floor_of(known, truth, still_open)
        else:
            row = score(project(known, model, draws), truth, still_open)
        row |= {"scenario": scenario, "seed": seed, "month": month, "model": model}
        rows.append(row | {"seconds": time.perf_counter() - began})
    return rows


KEYS = ["scenario", "seed", "month", "model"]
SCORES = ["wmape", "bias", "quarter", "crps", "crps_months", "crps_total", "width_95"]
SCORES += [f"{what}_{level}" for what in ("cohorts", "months", "total") for level in (80, 95)]
COLUMNS = [*KEYS, *SCORES, "seconds"]


def run(rows, scenarios, models, replicates, draws):
    rows.parent.mkdir(parents=True, exist_ok=True)
    done = set()
    if rows.exists():
        done = set(pd.read_csv(rows)[KEYS].itertuples(index=False, name=None))
    else:
        rows.write_text(",".join(COLUMNS) + "\n", encoding="utf-8")
    profile = simulator.bid()
    for seed in range(replicates):
        for scenario in scenarios:
            for month in simulator.AS_OF:
                missing = [model for model in models if (scenario, seed, month, model) not in done]
                if missing:
                    found = pd.DataFrame(replicate(scenario, seed, month, missing, profile, draws), columns=COLUMNS)
                    found.to_csv(rows, mode="a", header=False, index=False, float_format="%.6g")


def table(rows):
    """Means by scenario (and as-of month) and model."""
    frame = pd.read_csv(rows)
    pooled = frame.assign(month="all")
    by = ["scenario", "month", "model"]
    both = pd.concat([pooled, frame.astype({"month": "str"})])
    means = both.groupby(by)[[*SCORES, "seconds"]].mean()
    means.insert(0, "programmes", both.groupby(by)["seed"].nunique())
    order = [*MODELS, FLOOR]
    return means.reset_index().sort_values(by, key=lambda c: c.map(order.index) if c.name == "model" else c)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["run", "table"])
    parser.add_argument("--rows", type=Path, default=HERE / "study-rows.csv")
    parser.add_argument("--replicates", type=int, default=100)
    parser.add_argument("--draws", type=int, default=1000)
    parser.add_argument("--scenario", action="append", choices=list(SCENARIOS))
    parser.add_argument("--model", action="append", choices=[*MODELS, FLOOR])
    chosen = parser.parse_args()
    if chosen.what == "run":
        models = chosen.model or [*MODELS, FLOOR]
        run(chosen.rows, chosen.scenario or list(SCENARIOS), models, chosen.replicates, chosen.draws)
    else:
        means = table(chosen.rows)
        means.to_csv(HERE / "study.csv", index=False, float_format="%.4f")
        print(means.to_string(index=False, float_format=lambda x: f"{x:.3f}"))
