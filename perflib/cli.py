"""The command line: `perflib run`, `issue`, `verify`, `open`, `check`, `new`, `rows`, `sample`, `list` and `init`.

What the user can mend is one line on standard error, and exit status 2 (a parameter, a date, an option) or 1 (the
extract, or a report that failed).
"""

from __future__ import annotations

import itertools
import json
import logging
import os
import re
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import pandas as pd
import typer
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from perflib.errors import DataError, ParameterError, PerfError, counted
from perflib.rules.calendar import day as to_day
from perflib.rules.calendar import month as to_month
from perflib.rules.contract import Contract, contracts, load_contract, load_programme, new_file, programmes
from perflib.rules.new_contract import new_contract

if TYPE_CHECKING:
    from perflib.batch import run as run_batch
    from perflib.batch.job import Job, Limits, Result
    from perflib.batch.workers import Workshop
    from perflib.records.snapshot import Snapshot

app = typer.Typer(
    pretty_exceptions_enable=False,
    help="Performance reports for employment programmes.",
)

UsageError: Any = typer.BadParameter.__mro__[1]
"""What an unknown command or option is; typer gives it no name of its own."""

INTERRUPTED = 130
STOPPED = {INTERRUPTED, 143, 129}
"""Exit statuses of a run that was ended by SIGINT, SIGTERM or SIGHUP."""


def _contracts() -> list[str]:
    """Return the contracts of the parameter folder here, to complete an id or name what is missing."""
    try:
        return contracts("params")
    except PerfError:
        return []


def _notebooks() -> list[str]:
    """Return the notebooks that come with perflib, to complete a name."""
    from perflib.batch.run import find_notebooks

    return [path.stem for path in find_notebooks()]


def _programmes() -> list[str]:
    """Return the programmes that are known here, to complete an id."""
    return programmes("params")


Params = Annotated[Path, typer.Option(help="Folder of parameter files.")]
Out = Annotated[Path, typer.Option(help="The reports folder.")]


AcceptLosses = Annotated[
    bool,
    typer.Option(
        "--accept-losses", help="Go on where more is lost than `tolerance:` allows; reports say so at the top."
    ),
]


def _say_version(asked: bool) -> None:
    if asked:
        print(f"perflib {version('perflib')}")
        raise typer.Exit


@app.callback()
def options(
    show_version: Annotated[
        bool, typer.Option("--version", callback=_say_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Performance reports for employment programmes."""
    del show_version  # its callback has said it


class Audience(StrEnum):
    """Who a report is for."""

    internal = "internal"
    external = "external"


@app.command()
def run(
    contract: Annotated[
        list[str] | None,
        typer.Option(help="Contract id; by default all in --params.", autocompletion=_contracts),
    ] = None,
    month: Annotated[str | None, typer.Option(help="YYYY-MM; by default the last whole month.")] = None,
    first: Annotated[str | None, typer.Option("--from", help="First month of several, YYYY-MM.")] = None,
    last: Annotated[str | None, typer.Option("--to", help="Last month of several, YYYY-MM.")] = None,
    date: Annotated[str | None, typer.Option(help="A day, YYYY-MM-DD: its month, as known that day.")] = None,
    known_at: Annotated[str | None, typer.Option(help="Leave out what was recorded later, YYYY-MM-DD.")] = None,
    notebook: Annotated[
        list[str] | None,
        typer.Option(
            help="Notebook by name or path; by default all, for a --date the summary.", autocompletion=_notebooks
        ),
    ] = None,
    audience: Annotated[Audience, typer.Option(help="Who the reports are for.")] = Audience.internal,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Processes; by default one for each processor. 1: this one alone.")
    ] = None,
    cluster: Annotated[
        str | None, typer.Option(help="Address of a Dask scheduler whose workers make the reports.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Make again what is up to date.")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be made and why, and make nothing.")
    ] = False,
    accept_losses: AcceptLosses = False,
    time_limit: Annotated[float, typer.Option(min=1, help="Seconds that one report may take.")] = 600,
    memory_limit: Annotated[
        int | None, typer.Option(min=64, help="Megabytes of data that one report may take; by default no limit.")
    ] = None,
    log: Annotated[Path | None, typer.Option(help="Add a line of JSON for each job to this file.")] = None,
    params: Params = Path("params"),
    out: Out = Path("reports"),
) -> None:
    """Make the reports of contracts and months: HTML, notebooks, workbook, headlines and an index.

    What is up to date is left as it is, so that a run that was broken off goes on where it was.
    """
    from perflib.batch import run as run_batch
    from perflib.batch.job import Limits
    from perflib.batch.workers import workshop

    names = contract or contracts(params)
    if not names:
        raise ParameterError(f"--params {params}: holds no contract. Write one with `perflib new`.")
    if date is not None:
        if any(option is not None for option in (month, first, last, known_at)):
            raise ParameterError("--date: says the month and the day by itself; leave the other dates out.")
        month, known_at = str(pd.Period(to_day(date), "M")), date
        notebook = notebook or ["performance_summary"]
    months, notebooks = _months(month, first, last), run_batch.find_notebooks(notebook or ())
    known_at = known_at and str(to_day(known_at))
    requests = [run_batch.Request(name, months, known_at, str(params), audience.value, accept_losses) for name in names]
    if len(names) == 1:
        load_contract(names[0], params)  # what is wrong there is said before anything is started
    if dry_run:
        _say_what_would_run(requests, notebooks, out, force)
        return
    shops = workshop(out, len(names) * len(months) * len(notebooks), workers)
    if cluster is not None:
        from perflib.batch.dask_cluster import cluster as on_cluster

        shops = on_cluster(out, cluster)
    with _logging(log), shops as shop:
        jobs, refused = run_batch.plan_in(shop, requests, notebooks)
        if refused and len(names) == 1:
            _stop(refused[0].error, refused[0].exit_status)
        results = _with_progress(shop, jobs, refused, out, force, Limits(time_limit, memory_limit))
    failed = [result for result in results if result.status == "failed"]
    lines = [f"{refusal.contract}: {refusal.error}" for refusal in refused]
    for line in lines + [f"{result.job.report}: {result.error}" for result in failed]:
        print(f"failed: {line}", file=sys.stderr)
    if results:
        print(f"{_summary(results)}; {out / 'index.html'}")
    if failed or refused:
        raise typer.Exit(1)


def _summary(results: list[Result]) -> str:
    """Return how many reports were made, of how many, and which of them are of a month that was issued."""
    count = Counter(result.status for result in results)
    revised = sum(result.status == "made" and result.job.revision for result in results)
    words = f"{count['made']} of {len(results)} reports made"
    words += f", {revised} of them as a revision of what was issued" if revised else ""
    words += f", {count['kept']} up to date" if count["kept"] else ""
    return words + (f", {count['issued']} up to date (issued)" if count["issued"] else "")


def _say_what_would_run(requests: list[run_batch.Request], notebooks: list[Path], out: Path, force: bool) -> None:
    from perflib.batch import run as run_batch

    planned = [
        job for request in requests for job in run_batch.jobs_of(request, run_batch.read_periods(request), notebooks)
    ]
    jobs = [run_batch.edition(job, out) for job in planned]
    issued = [run_batch.is_issued(job, out) for job in jobs]
    reasons = [
        "--force" if force and not frozen else run_batch.why(job, out) for job, frozen in zip(jobs, issued, strict=True)
    ]
    for job, reason, frozen in zip(jobs, reasons, issued, strict=True):
        kept = "up to date (issued)" if frozen else "up to date"
        print(f"{job.report}: {f'would be made: {reason}' if reason else kept}")
    print(f"{sum(reason is not None for reason in reasons)} of {len(reasons)} reports would be made")


@contextmanager
def _logging(path: Path | None) -> Iterator[None]:
    """Write warnings to standard error, and what becomes of each job to a file, a line of JSON each."""
    logger = logging.getLogger("perflib")
    handlers: list[logging.Handler] = [logging.StreamHandler()]
    handlers[0].setLevel(logging.WARNING)
    handlers[0].setFormatter(logging.Formatter("perflib: %(message)s"))
    if path is not None:
        handlers.append(logging.FileHandler(path, encoding="utf-8"))
        handlers[-1].setFormatter(_Lines())
        logger.setLevel(logging.INFO)
    for handler in handlers:
        logger.addHandler(handler)
    try:
        yield
    finally:
        for handler in handlers:
            logger.removeHandler(handler)
            handler.close()


class _Lines(logging.Formatter):
    """A record as one line of JSON: when, and its fields."""

    default_time_format = "%Y-%m-%dT%H:%M:%S"

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        fields = {
            name: getattr(record, name) for name in ("event", "report", "seconds", "error") if hasattr(record, name)
        }
        return json.dumps({"time": self.formatTime(record)} | fields, ensure_ascii=False)


def _months(month: str | None, first: str | None, last: str | None) -> tuple[str | None, ...]:
    if month is not None and (first is not None or last is not None):
        raise ParameterError("--month: give one month, or --from and --to, not both.")
    if (first is None) != (last is None):
        raise ParameterError("--from and --to: give both, as in --from 2020-01 --to 2020-06.")
    if first is None or last is None:
        return (month and str(to_month(month)),)
    span = pd.period_range(to_month(first), to_month(last), freq="M")
    if not len(span):
        raise ParameterError(f"--from {first} --to {last}: the first month is after the last.")
    return tuple(str(item) for item in span)


class _Rate(ProgressColumn):
    """How many are done a minute."""

    def render(self, task: Task) -> Text:
        """Return it, once there is one."""
        return Text(f"{60 * task.speed:.0f} a minute" if task.speed else "")


def _with_progress(
    shop: Workshop, jobs: list[Job], refused: list[run_batch.Refusal], out: Path, force: bool, limits: Limits
) -> list[Result]:
    """Run jobs with a bar on a terminal, a line each elsewhere."""
    from perflib.batch import run as run_batch

    run_jobs = partial(run_batch.run_in, shop, jobs, out, refused=refused, force=force, limits=limits)
    console = Console(stderr=True)
    if not console.is_terminal:
        done = itertools.count(1)

        def line(result: Result) -> None:
            print(f"[{next(done)}/{len(jobs)}] {result.status} {result.job.report}", file=sys.stderr, flush=True)

        return run_jobs(report=line)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        _Rate(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console) as progress:
        task = progress.add_task("Making reports", total=len(jobs))

        def advance(result: Result) -> None:
            progress.update(task, advance=1, description=result.job.report)

        return run_jobs(report=advance)


@app.command()
def issue(
    contract: Annotated[str, typer.Argument(help="Contract id.", autocompletion=_contracts)],
    month: Annotated[str, typer.Argument(help="YYYY-MM.")],
    on: Annotated[str | None, typer.Option(help="The day of issue, YYYY-MM-DD.")] = None,
    store: Annotated[
        Path | None,
        typer.Option(help="Where what the reports were made from is kept; by default `issued` beside the reports."),
    ] = None,
    out: Out = Path("reports"),
) -> None:
    """Freeze a month's reports as they were issued: a later run writes a revision beside them."""
    from perflib.batch import issue as issue_batch

    place = issue_batch.issue(contract, str(to_month(month)), out, store, None if on is None else to_day(on))
    print(f"{out / contract / month}: issued{'' if on is None else f' on {on}'}, and read-only from now on.")
    print(f"{place}: what the reports were made from. It names participants: keep it as such data must be kept.")


@app.command()
def verify(
    report: Annotated[Path, typer.Argument(help="A file of a month's folder of reports, or the folder.")],
) -> None:
    """Make a report again and say whether it is the same: status 0, or 1; 2 if that cannot be checked."""
    from perflib.batch import issue as issue_batch

    try:
        verdict = issue_batch.verify(report)
    except PerfError as error:
        _stop(f"cannot be checked: {error}", ParameterError.exit_status)
    print(verdict.words)
    if not verdict.same:
        raise typer.Exit(1)


@app.command("open")
def open_copy(
    notebook: Annotated[str, typer.Argument(help="Notebook by name or path.", autocompletion=_notebooks)],
    contract: Annotated[str, typer.Argument(help="Contract id.", autocompletion=_contracts)],
    month: Annotated[str, typer.Argument(help="YYYY-MM.")],
    jupyter: Annotated[
        list[str] | None, typer.Argument(metavar="[-- OPTIONS]", help="Passed on to JupyterLab, as -- --no-browser.")
    ] = None,
    known_at: Annotated[str | None, typer.Option(help="Leave out what was recorded later, YYYY-MM-DD.")] = None,
    to: Annotated[Path, typer.Option(help="Folder to write the copy to.")] = Path("work"),
    force: Annotated[bool, typer.Option("--force", help="Write it anew, whatever was changed in it.")] = False,
    launch: Annotated[bool, typer.Option(help="Open it in JupyterLab.")] = True,
    params: Params = Path("params"),
) -> None:
    """Write a copy of a notebook with its parameters set, and open it in JupyterLab."""
    from perflib.batch import working_copy

    path = working_copy.write(
        notebook, contract, to_month(month), to_day(known_at) if known_at else None, params, to, force
    )
    print(f"{path}: written" if not launch else f"{path}: opening in JupyterLab", flush=True)
    if launch:
        working_copy.launch(path, jupyter or ())


@app.command()
def check(
    contract: Annotated[str, typer.Argument(help="Contract id.", autocompletion=_contracts)],
    month: Annotated[str | None, typer.Option(help="YYYY-MM; by default the last whole month.")] = None,
    known_at: Annotated[str | None, typer.Option(help="Leave out what was recorded later, YYYY-MM-DD.")] = None,
    accept_losses: AcceptLosses = False,
    params: Params = Path("params"),
) -> None:
    """Read the parameters and the extract; say what is not used and why, and what can have no data."""
    over = _check(load_contract(contract, params), month, known_at)
    if over is not None and not accept_losses:
        _stop(f"{over} Mend it, or go on with what is left: --accept-losses.", DataError.exit_status)


def _check(rules: Contract, month: str | None = None, known_at: str | None = None) -> str | None:
    """Print what an extract holds; return what to mend where more is lost than the contract tolerates."""
    from perflib.records.snapshot import load_extract, take_snapshot
    from perflib.reporting import checked

    extract = load_extract(rules)
    snapshot = take_snapshot(extract, month, known_at)
    print("\n".join(checked.lines(extract, snapshot)))
    return snapshot.account.over(rules.tolerance)


@app.command()
def new(
    contract: Annotated[str, typer.Argument(help="Id of the new contract: small letters, digits and hyphens.")],
    programme: Annotated[
        str | None,
        typer.Option(
            help="Programme id, e.g. whp; with --from, by default the one that fits best.", autocompletion=_programmes
        ),
    ] = None,
    extract: Annotated[
        Path | None, typer.Option("--from", help="Folder of an extract, to look at and propose how it is read.")
    ] = None,
    params: Params = Path("params"),
) -> None:
    """Write a commented parameter file to fill in."""
    if not re.fullmatch(r"[a-z0-9][a-z0-9-]*", contract):
        raise ParameterError(f"contract {contract!r}: use small letters, digits and hyphens, as in whp-north.")
    if programme is None and extract is None:
        raise ParameterError("--programme: say which, e.g. --programme whp, or give an extract to look at with --from.")
    path, known = new_file(contract, params), params if params.is_dir() else Path("params")
    if path.exists():
        raise ParameterError(f"{path}: is there already. Choose another id, or edit the file.")
    rules = [load_programme(name, known) for name in ([programme] if programme else programmes(known))]
    if extract is None:
        text, left = new_contract(contract, rules[0]), ["Set `source:`, then:"]
    else:
        from perflib.records.proposal import propose

        proposal = propose(extract, rules, os.path.relpath(extract.resolve(), path.parent.resolve()))
        text = new_contract(contract, proposal.programme, proposal.source, proposal.history)
        left = [] if programme else [f"Fits {proposal.programme.programme} best: {proposal.programme.name}."]
        assumed = ["nation: ENG is assumed", f"history: {proposal.history} is assumed"]
        left += [f"Left to ask: {question}" for question in [*assumed, *proposal.questions]]
        left += ["Look at its comments, then:"]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    wrong = None if extract is None else _check_new(load_contract(contract, path.parents[1]))
    state = "written." if wrong is None else "written, but the extract cannot be used with it yet."
    if wrong is not None:
        left += [f"To mend first: {wrong}"]
    print("\n  ".join([f"{path}: {state}", *left, f"perflib check {contract}; perflib run --contract {contract}"]))
    if wrong is not None:
        raise typer.Exit(DataError.exit_status)


def _check_new(rules: Contract) -> str | None:
    """Check an extract with a file that was just proposed; return what is to be mended before it can be used."""
    try:
        return _check(rules)
    except PerfError as error:
        return str(error)


@app.command()
def rows(
    contract: Annotated[str, typer.Argument(help="Contract id.", autocompletion=_contracts)],
    month: Annotated[str, typer.Argument(help="YYYY-MM.")],
    measure: Annotated[
        str,
        typer.Argument(
            help="Event or outcome (start, outcome), what is overdue (overdue:css1a, overdue:review), or what differs "
            "from the department's MI pack of a month (difference:start:2020-06)."
        ),
    ],
    to: Annotated[Path, typer.Option(help="CSV file to write, outside any reports folder.")],
    known_at: Annotated[str | None, typer.Option(help="Leave out what was recorded later, YYYY-MM-DD.")] = None,
    params: Params = Path("params"),
) -> None:
    """Write the referrals behind a figure, for those who are allowed to see them."""
    from perflib.analysis import journey, reconciliation
    from perflib.records.loading import load_snapshot

    _refuse_reports_folder(to)
    snapshot = load_snapshot(contract, month, known_at, params)
    match measure.split(":"):
        case ["overdue", what]:
            found = journey.overdue(snapshot, what)
        case ["difference", figure, of]:
            found = reconciliation.rows_behind(snapshot, figure, to_month(of))
        case ["difference", *_]:
            raise ParameterError(
                f"measure {measure!r}: name a figure and the pack's month, as difference:start:2020-06."
            )
        case _:
            found = _reached(snapshot, measure)
    to.parent.mkdir(parents=True, exist_ok=True)
    found.to_csv(to, index=False, date_format="%Y-%m-%d")
    print(f"{to}: {counted(len(found), 'row')}. They name participants: keep the file as such data must be kept.")


def _reached(snapshot: Snapshot, measure: str) -> pd.DataFrame:
    """Return the journeys that reached a measure, each time they did."""
    from perflib.analysis import measures

    reached, programme = measures.occurrences(snapshot, measure), snapshot.programme
    kept = ["referral_id", "participant_id", programme.group, *([programme.area] if programme.area else [])]
    people = snapshot.journeys[[*kept, *programme.units, "referral", "start"]]
    found = people.iloc[reached["place"]].reset_index(drop=True)
    found = found.assign(
        measure=measure, happened=reached["event"].to_numpy(), first_recorded=reached["recorded"].to_numpy()
    )
    return found.sort_values(["happened", "referral_id"])


def _refuse_reports_folder(path: Path) -> None:
    """Refuse a place whose files are meant to be shared."""
    for folder in path.resolve().parents:
        if folder.name == "reports" or (folder / "manifest.json").is_file():
            raise ParameterError(f"--to {path}: lies in a reports folder, which is shared. Choose a place outside it.")


@app.command()
def sample(
    contract: Annotated[
        str, typer.Argument(help="A contract whose source is a sample, e.g. whp-sample.", autocompletion=_contracts)
    ],
    out: Annotated[Path, typer.Option(help="Folder to write the tables to, as CSV.")],
    params: Params = Path("params"),
) -> None:
    """Write a synthetic extract, as a provider would send one."""
    from perflib.records.source_reader import read_source

    rules = load_contract(contract, params)
    if not hasattr(rules.source, "sample"):
        raise ParameterError(f"{rules.path}: its source is no sample. Choose whp-sample, or a contract like it.")
    out.mkdir(parents=True, exist_ok=True)
    for name, table in read_source(rules).items():
        table.frame.to_csv(out / f"{name}.csv", index=False, date_format="%Y-%m-%d")
        print(f"{out / f'{name}.csv'}: {counted(len(table.frame), 'row')}")


@app.command("list")
def list_all(params: Params = Path("params")) -> None:
    """List the contracts with their months, the programmes, and the notebooks."""
    print("Contracts (first and last whole month, programme):")
    for name in contracts(params):
        print(f"  {name}: {_months_of(name, params)}")
    print("Programmes:")
    for name in programmes(params):
        print(f"  {name}: {load_programme(name, params).name}")
    print("Notebooks:")
    for name in _notebooks():
        print(f"  {name}")


def _months_of(contract: str, params: Path) -> str:
    """Return the months that a contract's extract holds; or why that cannot be said."""
    from perflib.records.snapshot import load_extract, take_snapshot

    try:
        rules = load_contract(contract, params)
        snapshot = take_snapshot(load_extract(rules))
    except PerfError as error:
        return f"cannot be used: {error}"
    return f"{snapshot.first_month} to {snapshot.month}, {rules.programme.programme}"


@app.command()
def init(folder: Annotated[Path, typer.Argument(help="Folder to write to; a new one, or an empty one.")]) -> None:
    """Write a folder to work in: parameters of the samples, the notebooks, and a README that says what to do next."""
    from perflib.batch import starter

    for path in starter.write(folder):
        print(f"{path}: written")
    print(f"cd {folder}; perflib list; perflib run --contract whp-sample --notebook performance_summary")


@app.command()
def docs(out: Annotated[Path, typer.Option(help="Folder to write to.")] = Path("docs")) -> None:
    """Write the data dictionary and the list of parameters: extracts.md and parameters.md."""
    from perflib.reporting.data_dictionary import documents

    out.mkdir(parents=True, exist_ok=True)
    for name, text in documents().items():
        (out / name).write_text(text, encoding="utf-8")
        print(f"{out / name}: written")


def main() -> None:
    """Run a command; print what the user can mend as one line."""
    try:
        status = app(sys.argv[1:] or ["--help"], prog_name="perflib", standalone_mode=False)
    except PerfError as error:
        _stop(str(error), error.exit_status)
    except UsageError as error:
        message = error.format_message().replace("Value error, ", "") + _offered(error)
        _stop(message, ParameterError.exit_status, error.ctx.command_path if error.ctx else "perflib")
    except OSError as error:
        if error.filename is None:
            raise
        _stop(f"{error.filename}: cannot be read or written: {error.strerror}.", PerfError.exit_status)
    except (KeyboardInterrupt, typer.Abort):
        status = INTERRUPTED
    except SystemExit as stop:  # SIGTERM or SIGHUP
        status = stop.code if isinstance(stop.code, int) else 1
    if status in STOPPED:
        _stop("interrupted; reports already made are whole.", status)
    raise SystemExit(status)


def _offered(error: Any) -> str:
    """Name the contracts, where the id of one is missing."""
    missing = isinstance(error, typer.BadParameter) and getattr(error.param, "name", None) == "contract"
    return f" Give one of: {', '.join(known)}." if missing and (known := _contracts()) else ""


def _stop(message: str, status: int, command: str = "perflib") -> NoReturn:
    print(f"{command}: {' '.join(message.split())}", file=sys.stderr)
    raise SystemExit(status) from None


if __name__ == "__main__":
    main()
