"""Run notebooks for contracts and months, and write their reports.

A job is one notebook, contract and month. Each is executed by papermill in a kernel of its own and rendered by `job`,
in the processes of a `workshop`; this module plans the jobs, leaves out those whose report is up to date, and is alone
in writing to the reports folder: `<out>/<contract>/<month>/<notebook>.html` and `.ipynb`, and beside them
`manifest.json`, which says what each report was made from. When all jobs are done, each month's `tables.xlsx` and
`headlines.json` are written from what its reports show, so that they hold nothing that was not disclosed; at the end
the index and the manifest of all. Every file is written beside its place, then renamed. A failed job stops no other.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import os
import tempfile
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

from perflib.errors import ParameterError, PerfError
from perflib.records import prepared
from perflib.records.snapshot import Snapshot, load_extract, take_snapshot
from perflib.reporting.audience import PARAMETERS, check_released
from perflib.reporting.job import Job, Limits, Result, report_key
from perflib.reporting.markup import MIME
from perflib.reporting.site import Entry, label, write_index
from perflib.reporting.words import day_words, listed
from perflib.reporting.workshop import MAKING, Workshop, workshop
from perflib.rules.contract import built_in, load_contract

NOTEBOOKS = built_in("notebooks")
"""The notebooks that come with perflib."""

MANIFEST = "manifest.json"

log = logging.getLogger("perflib.batch")
"""Told what becomes of each job; the fields of its records are `event`, `report`, `seconds` and `error`."""


@dataclass(frozen=True)
class Period:
    """A contract's month that can be reported.

    Attributes
    ----------
    contract, month, known_at, fingerprint : str
        As in a job.
    rules : str
        A digest of the contract's parameters, resolved.
    state : str
        A digest of what the snapshot, and that of the month before it, hold.
    """

    contract: str
    month: str
    known_at: str
    fingerprint: str
    rules: str
    state: str


@dataclass(frozen=True)
class Request:
    """Which months of a contract to report, and to whom."""

    contract: str
    months: tuple[str | None, ...]
    known_at: str | None = None
    params: str = "params"
    audience: str = "internal"


@dataclass(frozen=True)
class Refusal:
    """A contract of which nothing can be reported, and why."""

    contract: str
    error: str
    exit_status: int


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
        found = set(PARAMETERS) if name in known else _parameters(path)
        missing = [parameter for parameter in PARAMETERS if parameter not in found]
        if missing:
            raise ParameterError(
                f"{path}: has no parameter {missing[0]!r}; its first code cell must give it a default."
            )
        chosen.append(path)
    return chosen


def _parameters(path: Path) -> set[str]:
    import papermill  # slow to import, and of use for other notebooks than ours alone

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return set(papermill.inspect_notebook(str(path)))


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
    requests = [Request(name, tuple(months), known_at, params, audience) for name in contracts]
    return [job for request in requests for job in jobs_of(request, read_periods(request), notebooks)]


def plan_in(shop: Workshop, requests: Sequence[Request], notebooks: Sequence[Path]) -> tuple[list[Job], list[Refusal]]:
    """Return the jobs of a run and the contracts that cannot be reported; snapshots are left in the workshop."""
    jobs: dict[Request, list[Job]] = {}
    refused: dict[Request, Refusal] = {}
    for request, found in shop.here(partial(_periods_or_refusal, folder=shop.folder), requests):
        if isinstance(found, Refusal):
            refused[request] = found
        elif found is None:
            refused[request] = Refusal(request.contract, "the process that read its extract was killed, twice.", 1)
        else:
            jobs[request] = jobs_of(request, found, notebooks)
    return [job for request in requests for job in jobs.get(request, [])], [
        refused[request] for request in requests if request in refused
    ]


def _periods_or_refusal(request: Request, folder: Path) -> list[Period] | Refusal:
    try:
        return read_periods(request, folder)
    except PerfError as error:
        return Refusal(request.contract, str(error), error.exit_status)


def read_periods(request: Request, folder: Path | None = None) -> list[Period]:
    """Read a contract's extract, and return the months of it that were asked for.

    Parameters
    ----------
    request : Request
    folder : Path, optional
        Where to keep the snapshots for the notebooks.

    Raises
    ------
    PerfError
        A contract, month, date or extract is not one that can be reported to this audience.
    """
    contract = load_contract(request.contract, request.params)
    extract = load_extract(contract)
    rules = prepared.rules(contract).hex()
    periods = []
    for month in request.months:
        snapshot = take_snapshot(extract, month, request.known_at)
        if request.audience == "external":
            check_released(contract, snapshot.month, snapshot.known_at)
        held = [snapshot]
        if snapshot.month > snapshot.first_month:  # of which the notebooks say what has changed since
            held.append(take_snapshot(extract, snapshot.month - 1))
        if folder is not None:
            for item in held:
                prepared.keep(item, prepared.place(folder, contract.contract, item.month, item.known_at))
        state = "".join(_state(item) for item in held)
        periods.append(
            Period(request.contract, str(snapshot.month), str(snapshot.known_at), snapshot.fingerprint, rules, state)
        )
    return periods


def _state(snapshot: Snapshot) -> str:
    """Return a digest of everything in a snapshot that a report may show."""
    digest = hashlib.sha256(snapshot.fingerprint.encode())
    digest.update(snapshot.set_aside.to_csv(index=False).encode())
    digest.update(repr((snapshot.first_day, snapshot.not_yet_known)).encode())
    return digest.hexdigest()


def jobs_of(request: Request, periods: Sequence[Period], notebooks: Sequence[Path]) -> list[Job]:
    """Return a job for each month of a contract and notebook."""
    jobs = []
    for period in periods:
        for path in notebooks:
            job = Job(
                str(path),
                period.contract,
                period.month,
                period.known_at,
                request.params,
                request.audience,
                period.fingerprint,
            )
            jobs.append(replace(job, key=report_key(job, period.rules, period.state)))
    return jobs


def why(job: Job, out: Path) -> str | None:
    """Return why a report must be made; None if it is up to date."""
    known = {entry["report"]: entry for entry in _read(out / job.folder)["reports"]}
    entry = known.get(job.report)
    if entry is None or not all((out / f"{job.report}{ending}").is_file() for ending in (".html", ".ipynb")):
        return "is not there"
    if entry["status"] == "failed":
        return "failed"
    if entry["key"] == job.key:
        return None
    if (entry["known_at"], entry["audience"]) != (job.known_at, job.audience):
        return f"was made as known at {entry['known_at']}, for the {entry['audience']} audience"
    if entry["fingerprint"] != job.fingerprint:
        return "the data have changed"
    return "the parameters, the notebook or the software have changed"


def run(
    jobs: Sequence[Job],
    out: Path,
    *,
    workers: int | None = None,
    force: bool = False,
    limits: Limits = Limits(),  # noqa: B008
    report: Callable[[Result], None] | None = None,
) -> list[Result]:
    """Make reports in a workshop of their own; `run_in` has the parameters."""
    with workshop(out, len(jobs), workers) as shop:
        return run_in(shop, jobs, out, force=force, limits=limits, report=report)


def run_in(
    shop: Workshop,
    jobs: Sequence[Job],
    out: Path,
    *,
    refused: Sequence[Refusal] = (),
    force: bool = False,
    limits: Limits = Limits(),  # noqa: B008
    report: Callable[[Result], None] | None = None,
) -> list[Result]:
    """Make the reports, and the pages and files that gather them.

    Parameters
    ----------
    shop : Workshop
    jobs : sequence of Job
    out : Path
        The reports folder.
    refused : sequence of Refusal
        Contracts of which nothing can be reported, for the index.
    force : bool
        Whether to make what is up to date again.
    limits : Limits
        What each report may take.
    report : callable
        Told each result as it comes.

    Returns
    -------
    list of Result
        In the order of `jobs`; without the files, which are in their place.

    Raises
    ------
    ParameterError
        The folder holds reports for another audience.
    """
    _refuse_other_audience(jobs, out)
    results: dict[Job, Result] = {}

    def settle(result: Result) -> None:
        results[result.job] = _placed(result, out)
        done = results[result.job]
        fields = {"event": done.status, "report": done.job.report, "seconds": round(done.seconds, 3)}
        log.info("%s", done.job.report, extra=fields | ({"error": done.error} if done.error else {}))
        if report is not None:
            report(done)

    wanted = []
    for job in jobs:
        if force or why(job, out) is not None:
            wanted.append(job)
        else:
            settle(Result(job, job.name, "kept"))
    again = []
    for job, made in shop.make(wanted, limits):
        if made is not None and made.again:
            log.warning("%s", job.report, extra={"event": "again", "report": job.report, "error": made.error})
            again.append(job)
        else:
            settle(made or _lost(job))
    for job, made in shop.make(again, limits):
        settle(made or _lost(job))
    for folder, files in shop.here(partial(gather, out), list(dict.fromkeys(job.folder for job in jobs))):
        for name, content in (files or {}).items():
            _replace(out / folder / name, content)
    _write_manifest(out, refused)
    return [results[job] for job in jobs]


def _lost(job: Job) -> Result:
    return Result(job, job.name, "failed", "the process that made it was killed, twice.")


def _refuse_other_audience(jobs: Sequence[Job], out: Path) -> None:
    """Refuse to mix reports for internal readers with those for publication: who gets the folder gets all of it."""
    wanted = {job.audience for job in jobs}
    held = {entry["audience"] for entry in _read(out)["reports"]}
    if wanted and (other := sorted(held - wanted)):
        raise ParameterError(
            f"--out {out}: holds reports for the {other[0]} audience. Give those for the {min(wanted)} audience a "
            f"folder of their own, e.g. --out {out}-{min(wanted)}."
        )


def _placed(result: Result, out: Path) -> Result:
    """Put what a job made in its place and enter it in its folder's manifest; return the result without the files."""
    if result.status == "kept":
        return result
    folder = out / result.job.folder
    try:
        for name, content in result.files.items():
            _replace(folder / name, content)
        result = replace(result, files={})
        _enter(folder, result)
    except OSError as error:
        said = f"{error.filename or folder}: cannot be written: {error.strerror}."
        result = replace(result, status="failed", error=said, files={})
        with contextlib.suppress(OSError):
            _enter(folder, result)
    return result


def _enter(folder: Path, result: Result) -> None:
    """Write what became of a job into the manifest of its folder."""
    job, manifest = result.job, _read(folder)
    entry = {
        "report": job.report,
        "title": result.title,
        "status": result.status,
        "error": result.error,
        "trace": list(result.trace),
        "known_at": job.known_at,
        "audience": job.audience,
        "fingerprint": job.fingerprint,
        "key": job.key,
        "perflib": version("perflib"),
    }
    known = {item["report"]: item for item in manifest["reports"]} | {job.report: entry}
    _replace(folder / MANIFEST, _json(manifest | {"reports": [known[report] for report in sorted(known)]}))


def gather(out: Path, folder: Path) -> dict[str, bytes]:
    """Return a month's workbook, headlines and manifest from what its reports show; nothing if they are up to date.

    Parameters
    ----------
    out : Path
        The reports folder.
    folder : Path
        The month's, below it.
    """
    from perflib.reporting.workbook import write_workbook

    manifest = _read(out / folder)
    made = [entry for entry in manifest["reports"] if entry["status"] == "made"]
    keys = hashlib.sha256(_json([(entry["report"], entry["key"]) for entry in made])).hexdigest()
    if not made or manifest.get("gathered") == keys:
        return {}
    shown = {entry["report"]: list(_shown(out / f"{entry['report']}.ipynb")) for entry in made}
    contract, month = folder.parts
    headlines = {
        "contract": contract,
        "month": month,
        "audience": made[0]["audience"],
        "notebooks": {
            Path(entry["report"]).name: {
                "known_at": entry["known_at"],
                "fingerprint": entry["fingerprint"],
                "values": _merged(shown[entry["report"]], "values"),
                "labels": _merged(shown[entry["report"]], "labels"),
                "shown": _merged(shown[entry["report"]], "shown"),
                "findings": [
                    line for item in shown[entry["report"]] if item["kind"] == "text" for line in item["sentences"]
                ],
            }
            for entry in made
        },
    }
    known = sorted({entry["known_at"] for entry in made})
    with tempfile.TemporaryDirectory(prefix="perflib-") as workplace:
        book = Path(workplace) / "tables.xlsx"
        write_workbook(
            book,
            [item for items in shown.values() for item in items if item["kind"] in ("table", "figure")],
            title=f"{contract}, {label(month)}",
            about=[
                f"As known on {listed([day_words(date.fromisoformat(day)) for day in known])}.",
                *(f"Data fingerprint: {value}." for value in sorted({entry["fingerprint"] for entry in made})),
            ],
        )
        return {
            "headlines.json": _json(headlines),
            "tables.xlsx": book.read_bytes(),
            MANIFEST: _json(manifest | {"gathered": keys}),
        }


def _shown(path: Path) -> Iterator[dict[str, Any]]:
    """Yield what a notebook displayed, as data; groups taken apart."""
    for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
        for output in cell.get("outputs", []):
            if MIME in output.get("data", {}):
                data = output["data"][MIME]
                yield from data["items"] if data["kind"] == "group" else [data]


def _merged(shown: Sequence[Mapping[str, Any]], key: str) -> dict[str, Any]:
    return {name: value for item in shown if item["kind"] == "headlines" for name, value in item[key].items()}


def _write_manifest(out: Path, refused: Sequence[Refusal]) -> None:
    """Write the manifest of all reports and the index, from the manifests of the months and this run's refusals."""
    entries = [entry for path in sorted(out.glob(f"*/*/{MANIFEST}")) for entry in _read(path.parent)["reports"]]
    stopped = [{"contract": refusal.contract, "error": refusal.error} for refusal in refused]
    _replace(out / MANIFEST, _json({"reports": entries, "refused": stopped}))
    failures = [Entry(item["contract"], "", "", "no report", "failed", "", item["error"]) for item in stopped]
    beside = out / f"{MAKING}index.html"
    write_index(beside, [*failures, *(_entry(out, entry) for entry in entries)])
    os.replace(beside, out / "index.html")


def _entry(out: Path, entry: Mapping[str, Any]) -> Entry:
    contract, month, notebook = entry["report"].split("/")
    page = f"{entry['report']}.html"
    href = page if entry["status"] == "made" and (out / page).is_file() else ""
    return Entry(contract, month, notebook, entry["title"], entry["status"], href, entry["error"] or "")


def _read(folder: Path) -> dict[str, Any]:
    """Return the manifest of a folder, empty if it has none."""
    path = folder / MANIFEST
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {"reports": []}
    return found


def _json(data: Any) -> bytes:
    return (json.dumps(data, indent=1, ensure_ascii=False) + "\n").encode()


def _replace(path: Path, content: bytes) -> None:
    """Write a file whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f"{MAKING}{path.name}")
    try:
        beside.write_bytes(content)
        os.replace(beside, path)
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from None
    finally:
        beside.unlink(missing_ok=True)
