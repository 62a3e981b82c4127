"""How long a snapshot and a triangle of a large extract take, beside DuckDB on the same Parquet files.

Run from the project's root: `python benchmarks/records/speed.py`. Makes extracts of ten thousand, a hundred thousand
and a million participants (twelve events each) in a temporary folder and rewrites `speed.csv` beside it, in some ten
minutes. Each task is done in processes of its own, in turn with the others. Both triangles are asserted to be the same.

- `perflib`: `load_snapshot` and `cohorts.triangle`: the whole snapshot, with what is set aside and why. Parquet is
  read with a thread a processor, all else is done in one; the rows say one.
- `scan`: DuckDB reads the events once and groups them by referral and event, with their first and last dates.
- `triangle`: DuckDB makes the same triangle (`triangle.sql`), and nothing else.
- `seconds` is the median; `processor` the same in seconds of processor time, which other work on the machine disturbs
  less; `megabytes` the most that a process held, its libraries included.
- `slope` is that of processor time to the size before, both as logarithms: 1 is time in proportion to size.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
from pathlib import Path
from time import perf_counter, process_time

import numpy as np
import pandas as pd

HERE = Path(__file__).parent
SIZES = {10_000: 5, 100_000: 3, 1_000_000: 3}
"""Participants: how many processes of each kind."""

MONTH, KNOWN_AT = "2022-06", "2022-07-31"

CONTRACT = """\
contract: large
name: Made for a benchmark
programme: whp
nation: ENG
source: {folder: extract, known_to: 2022-12-31}
disclosure: {source: none, invented: true}
"""

SCAN = """
SELECT referral_id, event, min(event_date), max(event_date), min(recorded_date) FROM read_parquet($events)
GROUP BY referral_id, event
"""


def perflib(folder: Path) -> pd.DataFrame:
    """Return the triangle as cohort, age (-1: without an outcome), referrals."""
    from perflib import load_snapshot
    from perflib.analysis import cohorts

    triangle = cohorts.triangle(load_snapshot("large", MONTH, KNOWN_AT, folder / "params"))
    reached = triangle.counts.diff(axis=1).fillna(triangle.counts).assign(without=triangle.starts - triangle.latest)
    cells = reached.rename(columns={"without": -1}).rename_axis(columns="age").melt(ignore_index=False).reset_index()
    return cells.rename(columns={"value": "referrals"}).astype({"cohort": str}).fillna({"referrals": 0})


def duckdb(folder: Path, threads: int, query: str) -> pd.DataFrame:
    """Run a query; `triangle` gives cohort, age (-1: without an outcome), referrals."""
    import duckdb

    extract = folder / "params/contracts/extract"
    given = {"events": str(extract / "events.parquet")}
    if query != SCAN:
        period_end = str(pd.Period(MONTH, "M").end_time.date())
        given |= {"participants": str(extract / "participants.parquet"), "known_at": KNOWN_AT, "period_end": period_end}
    with duckdb.connect(config={"threads": threads}) as database:
        if query == SCAN:
            database.execute(f"CREATE TEMP TABLE grouped AS {query}", given)
            return pd.DataFrame()
        return database.execute(query, given).df().fillna({"age": -1})


TASKS = {
    "perflib": lambda folder, _: perflib(folder),
    "scan": lambda folder, threads: duckdb(folder, threads, SCAN),
    "triangle": lambda folder, threads: duckdb(folder, threads, (HERE / "triangle.sql").read_text(encoding="utf-8")),
}


def once(folder: Path, task: str, threads: int) -> None:
    """Do a task in this process, and print seconds, processor seconds, megabytes and the triangle."""
    import duckdb  # noqa: F401 - what is imported is not timed

    import perflib.analysis.cohorts  # noqa: F401

    begun, worked = perf_counter(), process_time()
    found = TASKS[task](folder, threads)
    spent = (perf_counter() - begun, process_time() - worked)
    cells = {}
    if len(found):
        found = found[found["referrals"] > 0].astype({"age": int, "referrals": int}).sort_values(["cohort", "age"])
        cells = {f"{row.cohort} {row.age}": row.referrals for row in found.itertuples()}
    print(json.dumps([*spent, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, cells]))


def measured(folder: Path, rounds: int) -> pd.DataFrame:
    """Return the median seconds and the most megabytes of each task."""
    tasks = [("perflib", 1), *((task, threads) for task in ("scan", "triangle") for threads in (1, 2))]
    rows, triangles = [], []
    for _ in range(rounds):
        for task, threads in tasks:
            command = [sys.executable, __file__, "--once", task, "--threads", str(threads), "--folder", str(folder)]
            said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
            *numbers, cells = json.loads(said)
            rows.append((task, threads, *numbers))
            triangles += [cells] if cells else []
    assert all(cells == triangles[0] for cells in triangles), "the triangles differ"
    runs = pd.DataFrame(rows, columns=["task", "threads", "seconds", "processor", "megabytes"])
    return runs.groupby(["task", "threads"], sort=False).agg(
        {"seconds": "median", "processor": "median", "megabytes": "max"}
    )


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--once", choices=TASKS)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--folder", type=Path)
    given = parser.parse_args()
    if given.once:
        once(given.folder, given.once, given.threads)
        return

    from extract import make

    tables = {}
    for participants, rounds in SIZES.items():
        with tempfile.TemporaryDirectory() as place:
            contracts = Path(place) / "params" / "contracts"
            make(contracts / "extract", participants)
            (contracts / "large.yaml").write_text(CONTRACT, encoding="utf-8")
            found = measured(Path(place), rounds)
        own = found.loc[("perflib", 1)]
        tables[participants] = found.assign(
            ratio=own["seconds"] / found["seconds"], processor_ratio=own["processor"] / found["processor"]
        )
    table = pd.concat(tables, names=["participants"])
    logs = np.log(table.reset_index()[["participants", "processor"]]).set_index(table.index)
    steps = logs.groupby(["task", "threads"]).diff()
    table["slope"] = steps["processor"] / steps["participants"]
    table.round(2).to_csv(HERE / "speed.csv")
    print(table.round(2).to_string())


if __name__ == "__main__":
    main()
