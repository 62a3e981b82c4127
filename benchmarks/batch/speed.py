"""How long a run of the suite's own notebooks takes, HTML included, beside other ways to run notebooks.

Run from the project's root, on a machine that does nothing else:

- `python benchmarks/batch/speed.py` does the runs in each way and rewrites `speed.csv`, in about half an hour.
- `python benchmarks/batch/speed.py --many 36 144 300 1000` does that many jobs with perflib and rewrites `many.csv`.

Sets of runs, for the built-in samples. `four`: four notebooks (`NOTEBOOKS`) for three months of each, 36 runs. `main`:
the same in three ways and three rounds, close together, since a machine's speed may drift by a third within minutes.
`year`: four notebooks for twelve months, 144 runs. `all`: all eight for the last month, 24 runs; forecasts and
comparisons take most of their time, in every way. `--sets NAME` measures one of them and leaves the others' rows as
they are. Each way is a process of its own that is given the same runs, with one thread for linear algebra, and must
leave an HTML page for each. jupyter-cache and ploomber-engine are not among the project's packages: `--peers PYTHON`
names an interpreter that has them beside those (here jupyter-cache 1.0.1 and ploomber-engine 0.0.33).

- `perflib`: a run as `perflib run` does it. When all pages are made it writes workbooks, headlines and index, which the
  others lack: `seconds_a_page` and `ratio_of_pages` are until the last page was in its place.
- `papermill + nbconvert, 1` and `, 2`: the two command lines for each run, one run at a time and two.
- `papermill in 2 processes`: its Python interface, and one HTML exporter a process, used again.
- `jupyter-cache`: its parallel executor (notebooks that papermill has given their parameters), and HTML as above.
- `ploomber-engine`: its engine without kernels, in two processes, and HTML as above. What a run leaves behind in
  rcParams, environment and pandas' options, the next one finds.
- `limit`: the processor time of the cells, imports done, each extract read once, over the processors; without HTML.
  The cells have all processors busy, as in a run.
- `limit, own extract`: the same with the extract read in each notebook, as it is in all ways but perflib's.

`seconds` from start to end, after two runs that are not counted and leave Python's bytecode. Each way is taken in turn,
as often as `SETS` says, and its fastest round counts: other work on the machine only adds. `runs` were done: all by
perflib and for the limit, by the others a part of them that has all samples and notebooks (in `all`, the notebooks that
take longest fall to the two smaller samples, so that the command lines look faster than they are); `pages` were made;
`processor` seconds of all processes; `megabytes` the most that they had resident at one time, each with all that it
shares, and `unshared` with what is shared counted once, both sampled; `ratio` of the seconds a run to perflib's, of
which that of the limit is the one to turn round.

In `many.csv` all jobs are performance_summary, for twelve months each of as many contracts as it takes: copies of the
samples with seeds of their own. `further` is the seconds that each job more took, compared with the row before;
`slope` that of seconds to jobs, both as logarithms. `processes_left` are of this run and alive after its end;
`files_left` are in its temporary folder, in Jupyter's, or half written among the reports.
"""

import argparse
import itertools
import json
import multiprocessing
import os
import re
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from functools import cache, partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import psutil

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
CORES = len(os.sched_getaffinity(0))

NOTEBOOKS = ("cohort_trends", "participant_journey", "performance_summary", "service_standards")
YEARS = {"whp-sample": "2019-10", "ses-sample": "2019-10", "jobs2-sample": "2017-04"}
"""The first of twelve months of each sample."""

MARK = "PERFLIB_BENCHMARK"
"""The environment variable by which the processes of a run are known."""

PAGES = "pages"
"""The file that is touched when a page is in its place, by a way that does more when all are."""

PAUSE, SHARED_EVERY = 0.25, 8
"""Seconds between two looks at memory; how many of them to one look at what is shared, which takes longer."""


class Run(NamedTuple):
    """One notebook to run and to make a page of."""

    notebook: str
    contract: str
    month: str
    params: str

    @property
    def path(self) -> Path:
        """Where the notebook is."""
        return ROOT / "notebooks" / f"{self.notebook}.ipynb"

    @property
    def given(self) -> dict[str, str]:
        """Its parameters."""
        return {"contract": self.contract, "month": self.month, "params": self.params}

    def result(self, out: Path) -> Path:
        """Where the executed notebook goes."""
        return out / f"{self.contract}-{self.month}-{self.notebook}.ipynb"


# The ways -------------------------------------------------------------------------------------------------------------


def perflib(runs: Sequence[Run], out: Path) -> None:
    """Do as `perflib run` does, which takes the same months for all its contracts."""
    from perflib.batch import run as run_batch
    from perflib.batch.workers import workshop

    requests = [
        run_batch.Request(contract, tuple(dict.fromkeys(run.month for run in own)), params=own[0].params)
        for contract, own in ((name, list(own)) for name, own in itertools.groupby(runs, lambda run: run.contract))
    ]
    notebooks = run_batch.find_notebooks(tuple(dict.fromkeys(run.notebook for run in runs)))
    with workshop(out, len(runs)) as shop:
        jobs, refused = run_batch.plan_in(shop, requests, notebooks)
        results = run_batch.run_in(shop, jobs, out, refused=refused, report=lambda _: (out.parent / PAGES).touch())
    for line in [f"{item.contract}: {item.error}" for item in refused] + [
        f"{result.job.report}: {result.error}" for result in results if result.status != "made"
    ]:
        print(line, file=sys.stderr)


def _commands(run: Run, out: Path) -> None:
    given = [word for name, value in run.given.items() for word in ("-p", name, value)]
    executed = str(run.result(out))
    papermill = [sys.executable, "-m", "papermill", str(run.path), executed, *given, "--no-progress-bar"]
    for command in (papermill, [sys.executable, "-m", "nbconvert", "--to", "html", executed]):
        subprocess.run(command, check=True, capture_output=True)


def command_lines(runs: Sequence[Run], out: Path, at_once: int) -> None:
    """Run the two command lines for each."""
    with ThreadPoolExecutor(at_once) as pool:
        list(pool.map(partial(_commands, out=out), runs))


@cache
def _exporter() -> Any:
    from nbconvert.exporters import HTMLExporter

    return HTMLExporter()


def _page(executed: Path) -> None:
    html, _ = _exporter().from_filename(str(executed))
    executed.with_suffix(".html").write_text(html, encoding="utf-8")


def _papermill(run: Run, out: Path) -> None:
    import papermill

    papermill.execute_notebook(str(run.path), str(run.result(out)), run.given, progress_bar=False)
    _page(run.result(out))


def _ploomber(run: Run, out: Path) -> None:
    from ploomber_engine import execute_notebook

    execute_notebook(run.path, run.result(out), parameters=run.given, progress_bar=False)
    _page(run.result(out))


def two_processes(runs: Sequence[Run], out: Path, work: Callable[[Run, Path], None]) -> None:
    """Share the runs out to two processes."""
    with ProcessPoolExecutor(2, multiprocessing.get_context("spawn")) as pool:
        list(pool.map(partial(work, out=out), runs))


def jupyter_cache(runs: Sequence[Run], out: Path) -> None:
    """Execute all in a cache of their own, then make the pages."""
    import nbformat
    from jupyter_cache import get_cache
    from jupyter_cache.executors import load_executor
    from papermill.parameterize import parameterize_notebook

    store = get_cache(out / "cache")
    for run in runs:
        notebook = nbformat.read(run.path, as_version=4)
        nbformat.write(parameterize_notebook(_prepared(notebook), run.given), run.result(out))
        store.add_nb_to_project(str(run.result(out)))
    load_executor("local-parallel", store).run_and_cache()
    for run in runs:
        _, executed = store.merge_match_into_file(run.result(out))
        nbformat.write(executed, run.result(out))
    with ProcessPoolExecutor(2, multiprocessing.get_context("spawn")) as pool:
        list(pool.map(_page, [run.result(out) for run in runs]))


def _prepared(notebook: Any) -> Any:
    """Give a notebook what papermill adds to one when it reads it."""
    for part in (notebook, *notebook.cells):
        part.metadata.setdefault("papermill", {})
        part.metadata.setdefault("tags", [])
    return notebook


def cells(runs: Sequence[Run], out: Path, read_once: bool) -> None:
    """Write the processor seconds of the cells alone, each run in a process in which all is imported."""
    from perflib.batch import forked_kernels
    from perflib.batch import run as run_batch
    from perflib.records import snapshot_cache

    os.environ["MPLBACKEND"] = "agg"
    forked_kernels._import_all()
    spent = 0.0
    if read_once:
        os.environ[snapshot_cache.FOLDER] = str(out)
        begun = time.process_time()
        for contract in dict.fromkeys(run.contract for run in runs):
            own = [run for run in runs if run.contract == contract]
            run_batch.read_periods(
                run_batch.Request(contract, tuple({run.month for run in own}), params=own[0].params), out
            )
        spent = time.process_time() - begun
    with multiprocessing.get_context("fork").Pool(CORES, maxtasksperchild=1) as pool:
        spent += sum(pool.map(_cells, runs, chunksize=1))
    (out / "processor").write_text(str(spent))


def _cells(run: Run) -> float:
    import nbformat
    from IPython.core.interactiveshell import InteractiveShell
    from IPython.utils.capture import capture_output

    warnings.simplefilter("ignore")
    shell = InteractiveShell.instance()
    shell.display_formatter.active_types = shell.display_formatter.format_types
    first, *sources = [cell.source for cell in nbformat.read(run.path, as_version=4).cells if cell.cell_type == "code"]
    shell.run_cell(first)
    shell.push(run.given)
    begun = time.process_time()
    for source in sources:
        with capture_output():
            done = shell.run_cell(source)
        done.raise_error()
    return time.process_time() - begun


WAYS: dict[str, Callable[[Sequence[Run], Path], None]] = {
    "perflib": perflib,
    "papermill + nbconvert, 1": partial(command_lines, at_once=1),
    "papermill + nbconvert, 2": partial(command_lines, at_once=2),
    "papermill in 2 processes": partial(two_processes, work=_papermill),
    "jupyter-cache": jupyter_cache,
    "ploomber-engine": partial(two_processes, work=_ploomber),
    "limit": partial(cells, read_once=True),
    "limit, own extract": partial(cells, read_once=False),
}
PEERS = {"jupyter-cache": "jupyter_cache", "ploomber-engine": "ploomber_engine"}
"""Ways that need a package which is not among the project's, and its module."""

ALL = ("perflib", "limit")
"""Ways that do all runs."""

MAIN = ("perflib", "papermill + nbconvert, 2", "limit")
SETS: dict[str, tuple[Sequence[str], int, Sequence[str], int, int]] = {
    "four": (NOTEBOOKS, 3, tuple(WAYS), 3, 2),
    "main": (NOTEBOOKS, 3, MAIN, 3, 3),
    "year": (NOTEBOOKS, 12, MAIN, 13, 1),
    "all": (sorted(path.stem for path in (ROOT / "notebooks").glob("*.ipynb")), 1, MAIN, 3, 2),
}
"""Notebooks, months, ways, of how many runs the others do one, and rounds."""


# Their measurement ----------------------------------------------------------------------------------------------------


def measured(way: str, runs: Sequence[Run], place: Path, python: str = sys.executable) -> dict[str, Any]:
    """Return what doing runs in one way took; `place` is an empty folder."""
    out, own = place / "out", {"TMPDIR": place / "tmp", "JUPYTER_RUNTIME_DIR": place / "jupyter"}
    for folder in (out, *own.values()):
        folder.mkdir()
    given = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "PLOOMBER_STATS_ENABLED": "false"}
    given |= {MARK: str(place), "PYTHONPATH": str(HERE), **{name: str(folder) for name, folder in own.items()}}
    (place / "runs.json").write_text(json.dumps(runs))
    begun, since = time.perf_counter(), time.time()
    # As a module of its own name, since what runs cells in its own process takes the name of the main module.
    command = [python, "-c", "import speed; speed.main()", "--once", way, "--place", str(place)]
    inherited = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    process = subprocess.Popen(command, cwd=ROOT, env=inherited | given)
    most, most_unshared = 0.0, 0.0
    for look in itertools.count():
        ended, status, used = os.wait4(process.pid, os.WNOHANG)
        if ended:
            break
        tree = _tree(process.pid)
        most = max(most, sum(_resident(item) for item in tree))
        if look % SHARED_EVERY == 0:
            most_unshared = max(most_unshared, sum(_unshared(item.pid) for item in tree))
        time.sleep(PAUSE)
    seconds, processor = time.perf_counter() - begun, used.ru_utime + used.ru_stime
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{way}: ended with status {process.returncode}.")
    time.sleep(1)  # what ends with a run may take a moment to do so
    until = (place / PAGES).stat().st_mtime - since if (place / PAGES).is_file() else seconds
    pages = len([page for page in out.rglob("*.html") if page.name != "index.html"])
    if (out / "processor").is_file():  # of the cells alone
        processor = float((out / "processor").read_text())
        seconds = until = processor / CORES
        pages, most, most_unshared = 0, np.nan, np.nan
    return {
        "runs": len(runs),
        "pages": pages,
        "seconds": seconds,
        "seconds_a_run": seconds / len(runs),
        "seconds_a_page": until / len(runs),
        "processor": processor,
        "megabytes": most,
        "unshared": most_unshared,
        "processes_left": len(list(_marked(place))),
        "files_left": len([path for folder in own.values() for path in folder.rglob("*")])
        + len(list(out.rglob(".making-*"))),
    }


def _tree(pid: int) -> list[psutil.Process]:
    try:
        process = psutil.Process(pid)
        return [process, *process.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def _resident(process: psutil.Process) -> float:
    try:
        return float(process.memory_info().rss) / 2**20
    except psutil.NoSuchProcess:
        return 0.0


def _unshared(pid: int) -> float:
    """Return the megabytes of a process, of each page that it shares its part."""
    try:
        rows = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except OSError:  # it has ended
        return 0.0
    found = re.search(r"^Pss: +(\d+) kB", rows, re.MULTILINE)
    return int(found[1]) / 1024 if found else 0.0


def _marked(place: Path) -> Iterator[int]:
    """Yield the processes that were started for a run and are still there."""
    for process in psutil.process_iter():
        try:
            if process.environ().get(MARK) == str(place):
                yield process.pid
        except psutil.Error:
            continue


# The two tables -------------------------------------------------------------------------------------------------------


def runs_of(notebooks: Sequence[str], last: int) -> list[Run]:
    """Return the runs of some notebooks for the last of the twelve months of each sample."""
    return [
        Run(notebook, sample, str(month), str(ROOT / "params"))
        for sample, first in YEARS.items()
        for month in pd.period_range(first, periods=12, freq="M")[-last:]
        for notebook in notebooks
    ]


def compare(runs: Sequence[Run], ways: Sequence[str], step: int, rounds: int, peers: str) -> pd.DataFrame:
    """Return a row for each way; by those that do not do all runs, one in `step` is done."""
    pythons = {way: peers if way in PEERS else sys.executable for way in ways}
    for way, module in PEERS.items():
        if way in ways and subprocess.run([peers, "-c", f"import {module}"], capture_output=True).returncode:
            raise SystemExit(f"{way}: is not installed. Name an interpreter that has it: --peers PYTHON")
    rows = []
    for round_ in range(rounds + 1):  # the first of them is not counted
        for way in ways:
            own = runs if way in ALL else runs[::step]
            with tempfile.TemporaryDirectory(prefix="speed-") as place:
                found = measured(way, own if round_ else own[:2], Path(place), pythons[way])
            print(round_, way, {name: round(value, 2) for name, value in found.items()}, flush=True)
            rows += [{"way": way} | found] if round_ else []
    table = pd.DataFrame(rows).sort_values("seconds").drop_duplicates("way").set_index("way").reindex(ways)
    table["ratio"] = table["seconds_a_run"] / table.loc["perflib", "seconds_a_run"]
    table["ratio_of_pages"] = table["seconds_a_page"] / table.loc["perflib", "seconds_a_page"]
    return table.drop(columns=["processes_left", "files_left"])


def many(size: int, params: Path) -> list[Run]:
    """Return that many jobs, after writing the contracts that they need."""
    (params / "contracts").mkdir(parents=True)
    runs = []
    for number, sample in zip(range(-(-size // 12)), itertools.cycle(YEARS), strict=False):
        contract = f"{sample}-{number:02d}"
        text = (ROOT / "params" / "contracts" / f"{sample}.yaml").read_text(encoding="utf-8")
        text = re.sub(rf"^contract: {sample}$", f"contract: {contract}", text, flags=re.MULTILINE)
        text = re.sub(r"^(    seed:) \d+$", rf"\1 {1000 + number}", text, flags=re.MULTILINE)
        (params / "contracts" / f"{contract}.yaml").write_text(text, encoding="utf-8")
        months = pd.period_range(YEARS[sample], periods=12, freq="M")
        runs += [Run("performance_summary", contract, str(month), str(params)) for month in months]
    return runs[:size]


def grow(sizes: Sequence[int]) -> pd.DataFrame:
    """Return a row for each number of jobs."""
    rows = []
    for size in sizes:
        with tempfile.TemporaryDirectory(prefix="speed-") as place:
            rows.append(measured("perflib", many(size, Path(place) / "params"), Path(place)))
        table = pd.DataFrame(rows).drop(columns="seconds_a_page")
        table = table.rename(columns={"runs": "jobs", "seconds_a_run": "seconds_a_job"}).set_index("jobs")
        step = table.reset_index()[["jobs", "seconds"]].set_index(table.index)
        table["further"] = step["seconds"].diff() / step["jobs"].diff()
        table["slope"] = np.log(step["seconds"]).diff() / np.log(step["jobs"]).diff()
        print(table.round(2).tail(1).to_string(), flush=True)
        table.round(2).to_csv(HERE / "many.csv")
    return table


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--once", choices=WAYS)
    parser.add_argument("--place", type=Path)
    parser.add_argument("--peers", default=sys.executable)
    parser.add_argument("--sets", choices=SETS, nargs="+", default=list(SETS))
    parser.add_argument("--many", type=int, nargs="+")
    given = parser.parse_args()
    if given.once:
        runs = [Run(*run) for run in json.loads((given.place / "runs.json").read_text())]
        WAYS[given.once](runs, given.place / "out")
    elif given.many:
        print(grow(given.many).round(2).to_string())
    else:
        rows = pd.read_csv(HERE / "speed.csv", index_col=["set", "way"])
        for name in given.sets:
            notebooks, months, ways, step, rounds = SETS[name]
            found = compare(runs_of(notebooks, months), ways, step, rounds, given.peers)
            rows = pd.concat([rows.drop(name, errors="ignore"), pd.concat({name: found}, names=["set"])])
        table = rows.loc[[name for name in SETS if name in rows.index]]
        table.round(2).to_csv(HERE / "speed.csv")
        print(table.round(2).to_string())


if __name__ == "__main__":
    main()
