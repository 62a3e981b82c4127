"""Forecasts from providers' extracts, made as things were known on earlier days, against what was recorded since.

Run from the project's root: `python benchmarks/forecast/extracts.py FOLDER`, where FOLDER holds the extracts
`whp-north` and `whp-wales`, both known to 30 September 2020. Prints a table; about half a minute on one core.

In `whp-wales` job starts halve from April 2020. The profiles are the sample contract's, which are invented: only
`profile`, and models that have little else, lean on them.
"""

import sys
from pathlib import Path

import numpy as np
import pandas as pd

from perflib.analysis.forecast import MODELS, development, project
from perflib.analysis.forecast.backtest import crps
from perflib.records.snapshot import load_extract, take_snapshot
from perflib.rules.contract import FolderSource, load_contract

END = "2020-09"
ORIGINS = {"whp-north": ["2019-12"], "whp-wales": ["2020-02", "2020-05", "2020-08"]}
HORIZONS = (3, 6, 9)


def extract_of(folder: Path, name: str):
    """The extract, under the sample contract's promises."""
    source = FolderSource(folder=str((folder / name).resolve()), known_to="2020-09-30")
    keys = {"contract": name, "source": source, "first_day": None, "nation": "WLS" if "wales" in name else "ENG"}
    return load_extract(load_contract("whp-sample").model_copy(update=keys))


def scored(found, then, now):
    """A forecast against what was recorded in the next months, each horizon that has passed."""
    size, passed = len(then.starts), now.month.ordinal - then.month.ordinal
    increments = np.nan_to_num(now.increments.to_numpy()[:size])
    ahead = now.cohorts.asi8[:size, None] + np.arange(increments.shape[1]) - then.month.ordinal
    for months in sorted({min(horizon, passed) for horizon in HORIZONS}):
        drawn = found.paths[:, :, :months].sum(axis=(1, 2))
        came = increments[(ahead > 0) & (ahead <= months)].sum()
        low_80, high_80, low_95, high_95 = np.quantile(drawn, [0.1, 0.9, 0.025, 0.975])
        yield {
            "model": found.model,
            "months": months,
            "came": int(came),
            "forecast": round(float(drawn.mean()), 1),
            "error_pct": round(100 * (float(drawn.mean()) / came - 1), 1),
            "interval_80": f"{low_80:.0f}-{high_80:.0f}{' *' if not low_80 <= came <= high_80 else ''}",
            "interval_95": f"{low_95:.0f}-{high_95:.0f}{' *' if not low_95 <= came <= high_95 else ''}",
            "crps": round(float(crps(drawn[:, None], [came])[0]), 1),
        }


if __name__ == "__main__":
    given = Path(sys.argv[1])
    rows, said = [], []
    for name, origins in ORIGINS.items():
        extract = extract_of(given, name)
        now = development(take_snapshot(extract, END))
        for origin in origins:
            then = development(take_snapshot(extract, origin))
            for model in MODELS:
                found = project(then, model, 2000)
                rows += [{"extract": name, "known_at": origin, **row} for row in scored(found, then, now)]
                said += [f"{name}, {origin}: {' '.join(found.basis)}"] * (model == "milestones")
    print(pd.DataFrame(rows).to_string(index=False))
    print("\n* what came is outside\n", *said, sep="\n")
