"""Run notebooks for contracts and months, and write their reports.

A job is one notebook, contract and month. It is executed by papermill in a kernel of its own, rendered, and put in its
place whole: `<out>/<contract>/<month>/<notebook>.ipynb` and `.html`. When all jobs of a run are done, each month's
`tables.xlsx` and `headlines.json`, the index and the manifest are written from what the reports show, so that they
hold nothing that was not disclosed. A job that fails stops no other.
"""

from __future__ import annotations

import json
import os
import tempfile
import warnings
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from datetime import date
from importlib.metadata import version
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import nbformat
import papermill
from nbformat import NotebookNode
from papermill.exceptions import PapermillExecutionError
from traitlets.config import Config

from perflib import errors
from perflib.errors import ParameterError, PerfError
from perflib.records.snapshot import load_extract, take_snapshot
from perflib.reporting.present import MIME
from perflib.reporting.render import render
from perflib.reporting.report import AUDIENCE, PARAMETERS, check_released
from perflib.reporting.site import Entry, write_index
from perflib.reporting.words import day_words, month_words
from perflib.reporting.workbook import write_workbook
from perflib.rules.calendar import month as to_month
from perflib.rules.contract import built_in, load_contract

NOTEBOOKS = built_in("notebooks")
"""The notebooks that come with perflib."""

KNOWN_ERRORS = {name for name, kind in vars(errors).items() if isinstance(kind, type) and issubclass(kind, PerfError)}
"""Errors whose words were written for the user; those of any other might quote the data."""


@dataclass(frozen=True)
class Job:
    """One report to make; everything in it is plain, so that it can be sent to another process."""

    notebook: str
    contract: str
    month: str
    known_at: str
    params: str
    audience: str
    fingerprint: str

    @property
    def name(self) -> str:
        """The notebook's own name, without folder and ending."""
        return Path(self.notebook).stem

    @property
    def folder(self) -> Path:
        """Where its report goes, below the reports folder: that of its month or, before that has ended, of its day."""
        ended = date.fromisoformat(self.known_at) >= to_month(self.month).end_time.date()
        return Path(self.contract) / (self.month if ended else self.known_at)


@dataclass(frozen=True)
class Result:
    """What became of a job: `title` and `shown` (what the notebook displayed) when made, else `error` in one line."""

    job: Job
    title: str
    shown: tuple[dict[str, Any], ...] = ()
    error: str | None = None


def find_notebooks(names: Sequence[str] = ()) -> list[Path]:
    """Return notebooks by name or path; all that come with perflib if none is named.

    Raises
    ------
    ParameterError
        There is no such notebook, or it has other parameters than it must.
    """
    known = {path.stem: path for path in sorted(NOTEBOOKS.glob("*.ipynb"))}
    chosen = []
    for name in names or known:
        path = known.get(name, Path(name))
        if not path.is_file():
            raise ParameterError(f"--notebook {name}: no such notebook (known: {', '.join(known)}).")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = papermill.inspect_notebook(str(path))
        missing = [parameter for parameter in PARAMETERS if parameter not in found]
        if missing:
            raise ParameterError(
                f"{path}: has no parameter {missing[0]!r}; its first code cell must give it a default."
            )
        chosen.append(path)
    return chosen


def plan(
    contracts: Sequence[str],
    months: Sequence[str | None],
    notebooks: Sequence[Path],
    *,
    known_at: str | None = None,
    params: str = "params",
    audience: str = "internal",
) -> list[Job]:
    """Return the jobs of a run, after making sure that each contract and month can be reported.

    Parameters
    ----------
    contracts : sequence of str
    months : sequence of str or None
        YYYY-MM; None is the last whole month of each extract.
    notebooks : sequence of Path
    known_at : str, optional
        YYYY-MM-DD; by default each month's last day plus the contract's report lag.
    params : str
        As the notebooks are told it.
    audience : {'internal', 'external'}

    Raises
    ------
    PerfError
        A contract, month, date or extract is not one that can be reported to this audience.
    """
    jobs = []
    for name in contracts:
        extract = load_extract(load_contract(name, params))
        for month in months:
            snapshot = take_snapshot(extract, month, known_at)
            if audience == "external":
                check_released(extract.contract, snapshot.month, snapshot.known_at)
            jobs += [
                Job(
                    str(path), name, str(snapshot.month), str(snapshot.known_at), params, audience, snapshot.fingerprint
                )
                for path in notebooks
            ]
    return jobs


def run(
    jobs: Sequence[Job],
    out: Path,
    *,
    workers: int | None = None,
    report: Callable[[Result], None] | None = None,
) -> list[Result]:
    """Make the reports, and the pages and files that gather them.

    Parameters
    ----------
    jobs : sequence of Job
    out : Path
        The reports folder.
    workers : int, optional
        Processes; by default one for each processor.
    report : callable
        Told each result as it comes.

    Returns
    -------
    list of Result
        In the order of `jobs`.
    """
    out.mkdir(parents=True, exist_ok=True)
    count = min(workers or os.cpu_count() or 1, len(jobs))
    results = {}
    for result in _results(jobs, out, count):
        results[result.job] = result
        if report is not None:
            report(result)
    ordered = [results[job] for job in jobs]
    for folder in dict.fromkeys(job.folder for job in jobs):
        _gather(out / folder, [result for result in ordered if result.job.folder == folder])
    _write_manifest(out, ordered)
    return ordered


def _results(jobs: Sequence[Job], out: Path, workers: int) -> Iterator[Result]:
    """Yield results as they come."""
    if workers <= 1:
        yield from (make_report(job, out) for job in jobs)
        return
    executor = ProcessPoolExecutor(workers, mp_context=get_context("spawn"))
    try:
        futures = {executor.submit(make_report, job, out): job for job in jobs}
        for future in as_completed(futures):
            broken, job = future.exception(), futures[future]
            yield future.result() if broken is None else Result(job, job.name, error=type(broken).__name__)
    finally:
        executor.shutdown(cancel_futures=True)


def make_report(job: Job, out: Path) -> Result:
    """Execute one notebook and write its report; what goes wrong is in the result, not raised.

    Parameters
    ----------
    job : Job
    out : Path
        The reports folder.
    """
    title = _title(job)
    try:
        with tempfile.TemporaryDirectory(dir=out, prefix=".making-") as workplace:
            notebook = _execute(job, Path(workplace))
            page = render(
                notebook,
                title=f"{title}: {job.contract}, {month_words(to_month(job.month))}",
                facts={
                    "Contract": job.contract,
                    "Month": month_words(to_month(job.month)),
                    "As known on": day_words(date.fromisoformat(job.known_at)),
                    "For": "internal readers" if job.audience == "internal" else "publication",
                },
                provenance=[f"perflib {version('perflib')}."],
            )
            folder = out / job.folder
            folder.mkdir(parents=True, exist_ok=True)
            for ending, content in ((".ipynb", _written(notebook)), (".html", page)):
                made = Path(workplace) / f"{job.name}{ending}"
                made.write_text(content, encoding="utf-8")
                os.replace(made, folder / made.name)
    except PapermillExecutionError as error:
        return Result(job, title, error=_one_line(error))
    except PerfError as error:
        return Result(job, title, error=str(error))
    except OSError as error:
        return Result(job, title, error=f"{error.filename}: cannot be read or written: {error.strerror}.")
    except Exception as error:  # what fails here must not stop the other jobs; its words might come from the data
        return Result(job, title, error=f"{type(error).__name__}. Run the notebook in JupyterLab to see why.")
    return Result(job, title, tuple(_shown(notebook)))


def _title(job: Job) -> str:
    notebook: Any = nbformat.read(job.notebook, as_version=4)  # type: ignore[no-untyped-call]
    return str(notebook.metadata.get("title", job.name.replace("_", " ").capitalize()))


def _written(notebook: NotebookNode) -> str:
    return str(nbformat.writes(notebook)) + "\n"  # type: ignore[no-untyped-call]


def _execute(job: Job, workplace: Path) -> NotebookNode:
    """Run the notebook in a kernel of its own and take out what differs from run to run."""
    os.environ[AUDIENCE] = job.audience
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    given = {"contract": job.contract, "month": job.month, "known_at": job.known_at, "params": job.params}
    with warnings.catch_warnings(), tempfile.TemporaryDirectory(prefix="perflib-") as sockets:
        warnings.simplefilter("ignore")
        notebook = papermill.execute_notebook(
            job.notebook,
            str(workplace / "executed.ipynb"),
            given,
            progress_bar=False,
            extra_arguments=["--IPKernelApp.log_level=CRITICAL"],
            config=Config(KernelManager=_transport(sockets)),
        )
    times = ("start_time", "end_time", "duration", "input_path", "output_path")
    for metadata in (notebook.metadata, *(cell.metadata for cell in notebook.cells)):
        for key in times:
            metadata.get("papermill", {}).pop(key, None)
        metadata.pop("execution", None)
    for number, cell in enumerate(notebook.cells):
        cell["id"] = f"cell-{number:02d}"
        if cell.cell_type == "code":
            cell.outputs = [output for output in cell.outputs if output.get("name") != "stderr"]
    return notebook


def _transport(folder: str) -> dict[str, str]:
    """Return how to talk to a kernel: through sockets of its own, since two kernels that start at one moment can take
    the same TCP port.
    """
    return {"transport": "ipc", "ip": f"{folder}/kernel"} if os.name == "posix" else {}


def _one_line(error: PapermillExecutionError) -> str:
    """Return what went wrong in a cell, without words that might come from the data."""
    if error.ename in KNOWN_ERRORS:
        return " ".join(str(error.evalue).split())
    return f"{error.ename} in cell {error.cell_index + 1}. Run the notebook in JupyterLab to see why."


def _shown(notebook: NotebookNode) -> Iterator[dict[str, Any]]:
    """Yield what the notebook displayed, as data; groups taken apart."""
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            if MIME in output.get("data", {}):
                data = output["data"][MIME]
                yield from data["items"] if data["kind"] == "group" else [data]


def _gather(folder: Path, results: Sequence[Result]) -> None:
    """Write a month's workbook and headlines from what its reports show."""
    made = [result for result in results if result.error is None]
    if not made:
        return
    job = made[0].job
    headlines = {
        "contract": job.contract,
        "month": job.month,
        "known_at": job.known_at,
        "audience": job.audience,
        "fingerprint": job.fingerprint,
        "notebooks": {
            result.job.name: {
                "values": _merged(result, "values"),
                "labels": _merged(result, "labels"),
                "shown": _merged(result, "shown"),
                "findings": [line for item in result.shown if item["kind"] == "text" for line in item["sentences"]],
            }
            for result in made
        },
    }
    _replace(folder / "headlines.json", json.dumps(headlines, indent=1, ensure_ascii=False) + "\n")
    tables = [item for result in made for item in result.shown if item["kind"] in ("table", "figure")]
    with tempfile.TemporaryDirectory(dir=folder.parent.parent, prefix=".making-") as workplace:
        book = Path(workplace) / "tables.xlsx"
        write_workbook(
            book,
            tables,
            title=f"{job.contract}, {month_words(to_month(job.month))}",
            about=[
                f"As known on {day_words(date.fromisoformat(job.known_at))}.",
                f"Data fingerprint: {job.fingerprint}.",
            ],
        )
        os.replace(book, folder / book.name)


def _merged(result: Result, key: str) -> dict[str, Any]:
    return {name: value for item in result.shown if item["kind"] == "headlines" for name, value in item[key].items()}


def _write_manifest(out: Path, results: Sequence[Result]) -> None:
    """Add this run's results to the manifest, and write the index from it."""
    path = out / "manifest.json"
    known: dict[str, dict[str, Any]] = {}
    if path.is_file():
        known = {entry["report"]: entry for entry in json.loads(path.read_text(encoding="utf-8"))["reports"]}
    for result in results:
        job = result.job
        report = f"{job.folder}/{job.name}"
        known[report] = {
            "report": report,
            "title": result.title,
            "status": "made" if result.error is None else "failed",
            "error": result.error,
            "known_at": job.known_at,
            "audience": job.audience,
            "fingerprint": job.fingerprint,
            "perflib": version("perflib"),
        }
    entries = [known[report] for report in sorted(known)]
    _replace(path, json.dumps({"reports": entries}, indent=1, ensure_ascii=False) + "\n")
    write_index(out / "index.html", [_entry(out, entry) for entry in entries])


def _entry(out: Path, entry: dict[str, Any]) -> Entry:
    contract, month, notebook = entry["report"].split("/")
    page = f"{entry['report']}.html"
    href = page if entry["status"] == "made" and (out / page).is_file() else ""
    return Entry(contract, month, notebook, entry["title"], entry["status"], href, entry["error"] or "")


def _replace(path: Path, text: str) -> None:
    """Write a file whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".making-{path.name}")
    beside.write_text(text, encoding="utf-8")
    os.replace(beside, path)
