"""How long the adjusted comparison of a million participants takes, beside DuckDB grouping the same rows.

Run from the project's root: `python benchmarks/comparison/speed.py`. Rewrites `speed.csv` beside it, in about a minute.
Each round groups the rows by unit and the eight characteristics with DuckDB, and compares the units with perflib, in
turn in one run; times are medians, of the machine at hand, and `ratio` is between them.

- `two values`: eight characteristics of two values each, one month of start: 51,200 groups.
- `programme`: eight of the kinds of the Work and Health Programme, of 2 to 6 values, one month of start.
- `cohorts`: the same with 33 months of start, by which DuckDB groups too.

The comparison is all of it: chances with their effects, limits, overdispersion, shrunken rates, ranks.
"""

from pathlib import Path
from time import perf_counter

import duckdb
import numpy as np
import pandas as pd

from perflib.analysis.comparison import compare_cases

PARTICIPANTS, UNITS, ROUNDS = 1_000_000, 200, 7
TASKS = {
    "two values": ([2] * 8, 1),
    "programme": ([3, 4, 2, 5, 2, 6, 3, 4], 1),
    "cohorts": ([3, 4, 2, 5, 2, 6, 3, 4], 33),
}


def million(levels, months):
    """Return cases, and the names of their characteristics; chances differ by characteristic, month and unit."""
    random = np.random.default_rng(20200930)
    frame, logit = {}, np.full(PARTICIPANTS, -1.5)
    sizes = {"unit": UNITS, "cohort": months, **{f"characteristic_{i}": number for i, number in enumerate(levels)}}
    for name, number in sizes.items():
        codes = random.choice(number, PARTICIPANTS, p=random.dirichlet(np.full(number, 3.0)))
        logit += 0.2 * random.standard_normal(number)[codes]
        frame[name] = pd.Categorical.from_codes(codes, [f"{name} {value:03d}" for value in range(number)])
    reached = random.random(PARTICIPANTS) < 1 / (1 + np.exp(-logit))
    return pd.DataFrame(frame | {"reached": reached}), [name for name in sizes if name.startswith("char")]


def timed(call):
    begun = perf_counter()
    call()
    return perf_counter() - begun


def main():
    rows = []
    for task, (levels, months) in TASKS.items():
        cases, characteristics = million(levels, months)
        keys = ", ".join(["unit", "cohort", *characteristics] if months > 1 else ["unit", *characteristics])
        database = duckdb.connect()
        database.register("cases", cases)
        query = f"select {keys}, count(*) as n, sum(reached::int) as reached from cases group by {keys}"

        def group(database=database, query=query):
            return database.execute(query).df()

        def compare(cases=cases, characteristics=characteristics):
            return compare_cases(cases, characteristics)

        groups = len(group())
        compare()
        ours, theirs = np.median([(timed(compare), timed(group)) for _ in range(ROUNDS)], axis=0)
        rows.append((task, groups, round(1000 * ours), round(1000 * theirs), round(ours / theirs, 2)))
    table = pd.DataFrame(rows, columns=["task", "groups", "milliseconds", "duckdb_milliseconds", "ratio"])
    table.to_csv(Path(__file__).with_name("speed.csv"), index=False)
    print(table.to_string(index=False))


if __name__ == "__main__":
    main()
