"""Run notebooks for contracts and months, and write their reports.

A job is one notebook, contract and month. Each is executed by papermill in a kernel of its own and rendered by `job`,
in the processes of a `workshop`; this module plans the jobs, leaves out those whose report is up to date, and is alone
in writing to the reports folder: `<out>/<contract>/<month>/<notebook>.html` and `.ipynb`, and beside them
`manifest.json`, which says what each report was made from. When all jobs are done, what gathers the reports is written
(`overview`). Every file is written beside its place, then renamed. A failed job stops no other.

What was issued (`issued`) is never written to: where a report would be different now it is made as a revision, in
`<out>/<contract>/<month>-revision/`, with a page that says what changed. There is one revision, replaced as a whole by
that of another look at the data: a schedule that runs each morning would leave a hundred of them.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pandas as pd

from perflib.batch import manifest
from perflib.batch.job import Job, Limits, Result, report_key
from perflib.batch.manifest import MANIFEST, as_json, digests
from perflib.batch.overview import GATHERED, damaged_headlines, gather_or_say, write_overview
from perflib.batch.workers import Workshop, workshop
from perflib.errors import DataError, ParameterError, PerfError, where
from perflib.records import snapshot_cache
from perflib.records.loading import PARAMETERS
from perflib.records.snapshot import Snapshot, load_extract, take_snapshot
from perflib.reporting.release import check_released
from perflib.rules.calendar import month as to_month
from perflib.rules.contract import built_in, load_contract

NOTEBOOKS = built_in("notebooks")
"""The notebooks that come with perflib."""

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
    accept_losses: bool = False
    """Whether to report what is left where more of the extract is lost than the contract tolerates."""


@dataclass(frozen=True)
class Refusal:
    """A contract of which nothing can be reported, and why."""

    contract: str
    error: str
    exit_status: int
    trace: tuple[str, ...] = ()


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
    accept_losses: bool = False,
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
    accept_losses : bool
        Whether to report what is left where more is lost than the contract tolerates; the reports say so at the top.

    Raises
    ------
    PerfError
        A contract, month, date or extract is not one that can be reported to this audience.
    """
    requests = [Request(name, tuple(months), known_at, params, audience, accept_losses) for name in contracts]
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
    except Exception as error:  # what fails here must not stop the other contracts; its words might come from the data
        said = f"{type(error).__name__} while its extract was read. Run `perflib check {request.contract}` to see why."
        return Refusal(request.contract, said, 1, tuple(where(error)))


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
        A contract, month, date or extract is not one that can be reported to this audience, or more of the extract is
        lost than the contract tolerates.
    """
    contract = load_contract(request.contract, request.params)
    extract = load_extract(contract)
    rules = snapshot_cache.rules(contract).hex()

    @lru_cache(maxsize=3)  # in a run of months each is also the one before the next, which is looked at first
    def look(month: pd.Period | None, known_at: str | None) -> tuple[Snapshot, str]:
        snapshot = take_snapshot(extract, month, known_at)
        if folder is not None:
            snapshot_cache.keep(
                snapshot, snapshot_cache.place(folder, contract.contract, snapshot.month, snapshot.known_at)
            )
        return snapshot, _state(snapshot)

    periods = []
    for month in request.months:
        snapshot, state = look(None if month is None else to_month(month), request.known_at)
        if not request.accept_losses:
            check_tolerance(snapshot)
        if request.audience == "external":
            check_released(contract, snapshot.month, snapshot.known_at)
        if snapshot.month > snapshot.first_month:  # of which the notebooks say what has changed since
            state += look(snapshot.month - 1, None)[1]
        periods.append(
            Period(request.contract, str(snapshot.month), str(snapshot.known_at), snapshot.fingerprint, rules, state)
        )
    return periods


def check_tolerance(snapshot: Snapshot) -> None:
    """Refuse a snapshot to which more of the extract is lost than the contract tolerates.

    Raises
    ------
    DataError
        In one line what to mend first, and how to go on without.
    """
    over = snapshot.account.over(snapshot.contract.tolerance)
    if over is not None:
        raise DataError(f"{over} Mend it, or go on with what is left: --accept-losses.")


def _state(snapshot: Snapshot) -> str:
    """Return a digest of everything in a snapshot that a report may show."""
    digest = hashlib.sha256(snapshot.fingerprint.encode())
    digest.update(snapshot.set_aside.to_csv(index=False).encode())
    digest.update(pd.util.hash_pandas_object(snapshot.other_rows, index=False).to_numpy().tobytes())
    known = [(one.table, one.files, one.known, one.used, one.repeats, one.set_aside) for one in snapshot.account.tables]
    lost = snapshot.account.over(snapshot.contract.tolerance)
    digest.update(repr((snapshot.first_day, snapshot.not_yet_known, known, lost)).encode())
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


def edition(job: Job, out: Path) -> Job:
    """Return a job as it is to be made: as a revision where its month was issued and it would be different now."""
    if job.revision or manifest.issued(out / job.folder) is None:
        return job
    entry = _entry(job, out)
    return job if entry is not None and entry["key"] == job.key else replace(job, revision=True)


def is_issued(job: Job, out: Path) -> bool:
    """Return whether a report's folder is one that was issued, which nothing may write to."""
    return manifest.issued(out / job.folder) is not None


def why(job: Job, out: Path) -> str | None:
    """Return why a report must be made; None if it is up to date."""
    if is_issued(job, out):
        return None
    entry = _entry(job, out)
    if entry is None and job.revision:
        issued = _entry(replace(job, revision=False), out)
        return "was not among what was issued" if issued is None else f"is issued, and {_difference(issued, job)}"
    if entry is None or not all((out / f"{job.report}{ending}").is_file() for ending in (".html", ".ipynb")):
        return "is not there"
    if entry["status"] == "failed":
        return "failed"
    if entry["key"] != job.key:
        return _difference(entry, job)
    changed = any(manifest.altered(out / job.folder, entry.get("files", {})))
    return "was changed since it was made" if changed else None


def _difference(entry: dict[str, Any], job: Job) -> str:
    """Return what a report was made from that is otherwise now."""
    if (entry["known_at"], entry["audience"]) != (job.known_at, job.audience):
        return f"was made as known at {entry['known_at']}, for the {entry['audience']} audience"
    if entry["fingerprint"] != job.fingerprint:
        return "the data have changed"
    return "the parameters, the notebook or the software have changed"


def _entry(job: Job, out: Path) -> dict[str, Any] | None:
    """Return what the manifest says of a report."""
    return next((entry for entry in manifest.read(out / job.folder)["reports"] if entry["report"] == job.report), None)


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
        In the order of `jobs`; without the files, which are in their place. Then one for each month whose workbook and
        headlines could not be made.

    Raises
    ------
    ParameterError
        The folder holds reports for another audience.
    """
    for line in (*manifest.damaged(out), *damaged_headlines(out)):
        log.warning("%s", line, extra={"event": "damaged", "error": line})
    _refuse_other_audience(jobs, out)
    jobs = [edition(job, out) for job in jobs]
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
        if is_issued(job, out):
            settle(Result(job, job.name, "issued"))
        elif force or why(job, out) is not None:
            wanted.append(job)
        else:
            settle(Result(job, job.name, "kept"))
    again = []
    for job, made in shop.make(wanted, limits):
        if made is not None and made.again:
            fields = {"event": "again", "report": job.report, "error": made.error}
            log.warning("%s: %s Trying again.", job.report, made.error, extra=fields)
            again.append(job)
        else:
            settle(made or _lost(job))
    for job, made in shop.make(again, limits):
        settle(made or _lost(job))
    looks = {job.folder: job for job in jobs if not is_issued(job, out)}
    for job in looks.values():
        if job.revision:
            _clear_other_looks(job, out)
    lost = []
    for folder, found in shop.here(partial(gather_or_say, out=out, snapshots=shop.folder), list(looks)):
        files, error, trace = found or ({}, "the process that made them was killed, twice.", ())
        for name, content in files.items():
            manifest.write(out / folder / name, content)
        if error is not None:
            lost.append(Result(replace(looks[folder], notebook="tables.xlsx"), GATHERED, "failed", error, trace))
            log.warning("%s", folder, extra={"event": "failed", "report": str(folder), "error": error})
    told: list[dict[str, Any]]
    told = [{"contract": item.contract, "error": item.error, "trace": item.trace} for item in refused]
    told += [{"contract": str(item.job.folder), "error": item.error, "trace": item.trace} for item in lost]
    write_overview(out, told)
    return [*(results[job] for job in jobs), *lost]


def _clear_other_looks(job: Job, out: Path) -> None:
    """Take out of a revision what was made as known on another day, or from other rows, so that it is one look."""
    held = manifest.read(out / job.folder)
    stay = [
        entry
        for entry in held["reports"]
        if (entry["known_at"], entry["fingerprint"]) == (job.known_at, job.fingerprint)
    ]
    for entry in held["reports"]:
        if entry not in stay:
            for ending in (".html", ".ipynb"):
                (out / f"{entry['report']}{ending}").unlink(missing_ok=True)
    if len(stay) < len(held["reports"]):
        manifest.write(out / job.folder / MANIFEST, as_json(held | {"reports": stay}))


def _lost(job: Job) -> Result:
    return Result(job, job.name, "failed", "the process that made it was killed, twice.")


def _refuse_other_audience(jobs: Sequence[Job], out: Path) -> None:
    """Refuse to mix reports for internal readers with those for publication: who gets the folder gets all of it."""
    wanted = {job.audience for job in jobs}
    whole = manifest.read(out)["reports"]
    folders = [out] if whole else [path.parent for path in out.glob(f"*/*/{MANIFEST}")]  # broken off, or damaged
    held = {entry["audience"] for folder in folders for entry in manifest.read(folder)["reports"]}
    if wanted and (other := sorted(held - wanted)):
        raise ParameterError(
            f"--out {out}: holds reports for the {other[0]} audience. Give those for the {min(wanted)} audience a "
            f"folder of their own, e.g. --out {out}-{min(wanted)}."
        )


def _placed(result: Result, out: Path) -> Result:
    """Put what a job made in its place and enter it in its folder's manifest; return the result without the files."""
    if result.status in ("kept", "issued"):
        return result
    folder = out / result.job.folder
    try:
        for name, content in result.files.items():
            manifest.write(folder / name, content)
        _enter(folder, result)
        result = replace(result, files={})
    except OSError as error:
        said = f"{error.filename or folder}: cannot be written: {error.strerror}."
        result = replace(result, status="failed", error=said, files={})
        with contextlib.suppress(OSError):
            _enter(folder, result)
    return result


def _enter(folder: Path, result: Result) -> None:
    """Write what became of a job into the manifest of its folder."""
    job, held = result.job, manifest.read(folder)
    entry = {
        "report": job.report,
        "title": result.title,
        "status": result.status,
        "error": result.error,
        "trace": list(result.trace),
        "notebook": job.name if Path(job.notebook).parent == NOTEBOOKS else job.notebook,
        "params": job.params,
        "known_at": job.known_at,
        "audience": job.audience,
        "fingerprint": job.fingerprint,
        "key": job.key,
        "perflib": version("perflib"),
        "files": digests(result.files),
    }
    known = {item["report"]: item for item in held["reports"]} | {job.report: entry}
    manifest.write(folder / MANIFEST, as_json(held | {"reports": [known[report] for report in sorted(known)]}))
