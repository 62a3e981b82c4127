"""How long a snapshot and a triangle of a large extract take, beside DuckDB on the same Parquet files.

Run from the project's root: `python benchmarks/records/speed.py`. Makes extracts of ten thousand, a hundred thousand
and a million participants (twelve events each) in a temporary folder and rewrites `speed.csv` beside it, in some ten
minutes. Each task is done in processes of its own, in turn with the others, on one processor and on two. The triangles
are asserted to be the same.

- `perflib`: `load_snapshot` and `cohorts.triangle`: the whole snapshot, with what is set aside and why.
- `scan`: DuckDB scans the files and groups them: every column, a row for each event's key and each referral.
- `narrow`: DuckDB scans four columns of the events alone, and groups them by referral and event.
- `triangle`: DuckDB makes the same triangle (`triangle.sql`), and nothing else.
- `seconds` is the median; `processor` the same in seconds of processor time, which other work on the machine disturbs
  less; `megabytes` the most that a process held, its libraries included.
- `ratio` is perflib's time to that of the task on as many processors.
- `slope` is that of processor time to the size before, both as logarithms: 1 is time in proportion to size.

A virtual machine that hands free memory back to its host is slow to touch memory for the first time: here 2 MB take
about 3 ms, and a third of perflib's processor time is that.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
from itertools import product
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

EVENTS = """
SELECT referral_id, event, ref, min(event_date), max(event_date), min(recorded_date), max(recorded_date), min(source),
       max(source), max(action)
FROM read_parquet($events) GROUP BY referral_id, event, ref
"""
PEOPLE = """
SELECT referral_id, min(COLUMNS(* EXCLUDE referral_id)) FROM read_parquet($participants) GROUP BY referral_id
"""
NARROW = """
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


def duckdb(folder: Path, processors: int, *queries: str) -> pd.DataFrame:
    """Group the files, or make the triangle: cohort, age (-1: without an outcome), referrals."""
    import duckdb

    extract = folder / "params/contracts/extract"
    given = {name: str(extract / f"{name}.parquet") for name in ("events", "participants")}
    given |= {"known_at": KNOWN_AT, "period_end": str(pd.Period(MONTH, "M").end_time.date())}
    with duckdb.connect(config={"threads": processors}) as database:
        for number, query in enumerate(queries):
            needed = {name: value for name, value in given.items() if f"${name}" in query}
            database.execute(f"CREATE TEMP TABLE found_{number} AS {query}", needed)
        if len(queries) == 1 and queries[0] != NARROW:
            return database.execute("SELECT * FROM found_0").df().fillna({"age": -1})
    return pd.DataFrame()


TASKS = {
    "perflib": lambda folder, _: perflib(folder),
    "scan": lambda folder, processors: duckdb(folder, processors, EVENTS, PEOPLE),
    "narrow": lambda folder, processors: duckdb(folder, processors, NARROW),
    "triangle": lambda folder, processors: duckdb(folder, processors, (HERE / "triangle.sql").read_text("utf-8")),
}


def once(folder: Path, task: str, processors: int) -> None:
    """Do a task in this process, and print seconds, processor seconds, megabytes and the triangle."""
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:processors])
    import duckdb  # noqa: F401 - what is imported is not timed

    import perflib.analysis.cohorts  # noqa: F401

    begun, worked = perf_counter(), process_time()
    found = TASKS[task](folder, processors)
    spent = (perf_counter() - begun, process_time() - worked)
    cells = {}
    if len(found):
        found = found[found["referrals"] > 0].astype({"age": int, "referrals": int}).sort_values(["cohort", "age"])
        cells = {f"{row.cohort} {row.age}": row.referrals for row in found.itertuples()}
    most = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text("utf-8"))
    print(json.dumps([*spent, int(most[1]) / 1024, cells]))


def measured(folder: Path, rounds: int) -> pd.DataFrame:
    """Return the median seconds and the most megabytes of each task."""
    rows, triangles = [], []
    for _, processors, task in product(range(rounds), (1, 2), TASKS):
        command = [sys.executable, __file__, "--once", task, "--processors", str(processors), "--folder", str(folder)]
        said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        *numbers, cells = json.loads(said)
        rows.append((task, processors, *numbers))
        triangles += [cells] if cells else []
    assert all(cells == triangles[0] for cells in triangles), "the triangles differ"
    runs = pd.DataFrame(rows, columns=["task", "processors", "seconds", "processor", "megabytes"])
    return runs.groupby(["processors", "task"], sort=False).agg(
        {"seconds": "median", "processor": "median", "megabytes": "max"}
    )


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--once", choices=TASKS)
    parser.add_argument("--processors", type=int, default=1)
    parser.add_argument("--folder", type=Path)
    given = parser.parse_args()
    if given.once:
        once(given.folder, given.once, given.processors)
        return

    from extract import make

    tables = {}
    for participants, rounds in SIZES.items():
        with tempfile.TemporaryDirectory() as place:
            contracts = Path(place) / "params" / "contracts"
            make(contracts / "extract", participants)
            (contracts / "large.yaml").write_text(CONTRACT, encoding="utf-8")
            found = measured(Path(place), rounds)
        own = found.xs("perflib", level="task")["seconds"]
        tables[participants] = found.assign(ratio=own.reindex(found.index, level="processors") / found["seconds"])
    table = pd.concat(tables, names=["participants"])
    logs = np.log(table.reset_index()[["participants", "processor"]]).set_index(table.index)
    steps = logs.groupby(["processors", "task"]).diff()
    table["slope"] = steps["processor"] / steps["participants"]
    table.round(2).to_csv(HERE / "speed.csv")
    print(table.round(2).to_string())


if __name__ == "__main__":
    main()
