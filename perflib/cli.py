"""The command line: `perflib run`, `check`, `new`, `rows` and `sample`.

What the user can mend is one line on standard error, and exit status 2 (a parameter, a date, an option) or 1 (the
extract, or a report that failed).
"""

from __future__ import annotations

import re
import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import pandas as pd
import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from perflib.errors import ParameterError, PerfError
from perflib.rules.calendar import day as to_day
from perflib.rules.calendar import month as to_month
from perflib.rules.contract import contracts, load_contract, load_programme, new_file
from perflib.rules.new_contract import new_contract

if TYPE_CHECKING:
    from perflib.records.snapshot import Snapshot
    from perflib.reporting import batch

app = typer.Typer(
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Performance reports for employment programmes.",
)

UsageError: Any = typer.BadParameter.__mro__[1]
"""What an unknown command or option is; typer gives it no name of its own."""

INTERRUPTED = 130

Params = Annotated[Path, typer.Option(help="Folder of parameter files.")]


class Audience(StrEnum):
    """Who a report is for."""

    internal = "internal"
    external = "external"


@app.command()
def run(
    contract: Annotated[list[str] | None, typer.Option(help="Contract id; by default all in --params.")] = None,
    month: Annotated[str | None, typer.Option(help="YYYY-MM; by default the last whole month.")] = None,
    first: Annotated[str | None, typer.Option("--from", help="First month of several, YYYY-MM.")] = None,
    last: Annotated[str | None, typer.Option("--to", help="Last month of several, YYYY-MM.")] = None,
    date: Annotated[str | None, typer.Option(help="A day, YYYY-MM-DD: its month, as known that day.")] = None,
    known_at: Annotated[str | None, typer.Option(help="Leave out what was recorded later, YYYY-MM-DD.")] = None,
    notebook: Annotated[
        list[str] | None, typer.Option(help="Notebook by name or path; by default all, for a --date the summary.")
    ] = None,
    audience: Annotated[Audience, typer.Option(help="Who the reports are for.")] = Audience.internal,
    workers: Annotated[int | None, typer.Option(min=1, help="Processes; by default one a processor.")] = None,
    params: Params = Path("params"),
    out: Annotated[Path, typer.Option(help="Where the reports go.")] = Path("reports"),
) -> None:
    """Make the reports of contracts and months: HTML, notebooks, workbook, headlines and an index."""
    from perflib.reporting import batch

    names = contract or contracts(params)
    if not names:
        raise ParameterError(f"--params {params}: holds no contract. Write one with `perflib new`.")
    if date is not None:
        if any(option is not None for option in (month, first, last, known_at)):
            raise ParameterError("--date: says the month and the day by itself; leave the other dates out.")
        month, known_at = str(pd.Period(to_day(date), "M")), date
        notebook = notebook or ["performance_summary"]
    months, notebooks = _months(month, first, last), batch.find_notebooks(notebook or ())
    known_at = known_at and str(to_day(known_at))
    jobs: list[batch.Job] = []
    refused: list[str] = []
    for name in names:
        try:
            jobs += batch.plan(
                [name], months, notebooks, known_at=known_at, params=str(params), audience=audience.value
            )
        except PerfError as error:
            if len(names) == 1:
                raise
            refused.append(f"failed: {name}: {error}")
    results = _with_progress(jobs, out, workers) if jobs else []
    failed = [result for result in results if result.error is not None]
    for line in refused:
        print(line, file=sys.stderr)
    for result in failed:
        print(f"failed: {result.job.folder}/{result.job.name}: {result.error}", file=sys.stderr)
    if results:
        print(f"{len(results) - len(failed)} of {len(results)} reports made; {out / 'index.html'}")
    if failed or refused:
        raise typer.Exit(1)


def _months(month: str | None, first: str | None, last: str | None) -> list[str | None]:
    if month is not None and (first is not None or last is not None):
        raise ParameterError("--month: give one month, or --from and --to, not both.")
    if (first is None) != (last is None):
        raise ParameterError("--from and --to: give both, as in --from 2020-01 --to 2020-06.")
    if first is None or last is None:
        return [month and str(to_month(month))]
    span = pd.period_range(to_month(first), to_month(last), freq="M")
    if not len(span):
        raise ParameterError(f"--from {first} --to {last}: the first month is after the last.")
    return [str(item) for item in span]


def _with_progress(jobs: list[batch.Job], out: Path, workers: int | None) -> list[batch.Result]:
    """Run jobs with a bar on a terminal, a line each elsewhere."""
    from perflib.reporting import batch

    console = Console(stderr=True)
    if not console.is_terminal:
        done = 0

        def line(result: batch.Result) -> None:
            nonlocal done
            done += 1
            state = "made" if result.error is None else "failed"
            print(f"[{done}/{len(jobs)}] {state} {result.job.folder}/{result.job.name}", file=sys.stderr, flush=True)

        return batch.run(jobs, out, workers=workers, report=line)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console) as progress:
        task = progress.add_task("Making reports", total=len(jobs))

        def advance(result: batch.Result) -> None:
            progress.update(task, advance=1, description=f"{result.job.folder}/{result.job.name}")

        return batch.run(jobs, out, workers=workers, report=advance)


@app.command()
def check(
    contract: Annotated[str, typer.Argument(help="Contract id.")],
    month: Annotated[str | None, typer.Option(help="YYYY-MM; by default the last whole month.")] = None,
    known_at: Annotated[str | None, typer.Option(help="Leave out what was recorded later, YYYY-MM-DD.")] = None,
    params: Params = Path("params"),
) -> None:
    """Read the parameters and the extract; say what is not used and why."""
    from perflib.analysis import quality
    from perflib.records.snapshot import load_extract, take_snapshot

    rules = load_contract(contract, params)
    extract = load_extract(rules)
    snapshot = take_snapshot(extract, month, known_at)
    print(f"{contract}: {rules.programme.name}, from {rules.path}")
    for name, table in extract.tables.items():
        unused = f"; columns not read: {', '.join(extract.unused[name])}" if extract.unused[name] else ""
        print(f"  {extract.files[name]}: {len(table):,} rows{unused}")
    print(f"  recorded to {extract.known_to}; last whole month {extract.last_month}")
    print(f"Month {snapshot.month}, as known at {snapshot.known_at}; day one {snapshot.first_day}")
    if snapshot.known_at > extract.known_to:
        print(f"  what was recorded after {extract.known_to} is not in the extract")
    print(f"  {len(snapshot.journeys):,} referrals and {len(snapshot.events):,} events are used")
    if snapshot.not_yet_known:
        print(f"  {snapshot.not_yet_known:,} referrals have no event recorded by then")
    aside = quality.not_used(snapshot)
    print(f"  {aside['count'].sum():,} rows or cells are not used" + (":" if len(aside) else ""))
    for row in aside.to_dict("records"):
        place = f"{row['table']}.{row['column']}" if row["column"] else row["table"]
        example = f", e.g. {row['example']!r}" if row["example"] else ""
        print(f"    {row['count']:>6,}  {place}: {row['reason']}{example} ({row['effect']}; row {row['rows']})")
    for row in quality.oddities(snapshot).to_dict("records"):
        print(f"  {row['count']:>6,}  used, but look: {row['what']}")
    for kind in rules.invented:
        print(f"  the {kind} in {rules.path.name} are placeholders")
    if not rules.profiles:
        print(f"  {rules.path.name} gives no profile: outcomes cannot be compared with what was promised")


@app.command()
def new(
    contract: Annotated[str, typer.Argument(help="Id of the new contract: small letters, digits and hyphens.")],
    programme: Annotated[str, typer.Option(help="Programme id, e.g. whp.")],
    params: Params = Path("params"),
) -> None:
    """Write a commented parameter file to fill in."""
    if not re.fullmatch(r"[a-z0-9][a-z0-9-]*", contract):
        raise ParameterError(f"contract {contract!r}: use small letters, digits and hyphens, as in whp-north.")
    text = new_contract(contract, load_programme(programme, params if params.is_dir() else "params"))
    path = new_file(contract, params)
    if path.exists():
        raise ParameterError(f"{path}: is there already. Choose another id, or edit the file.")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    print(f"{path}: written. Set `source:`, then: perflib check {contract}; perflib run --contract {contract}")


@app.command()
def rows(
    contract: Annotated[str, typer.Argument(help="Contract id.")],
    month: Annotated[str, typer.Argument(help="YYYY-MM.")],
    measure: Annotated[
        str,
        typer.Argument(help="Event or outcome (start, outcome), or what is overdue (overdue:css1a, overdue:review)."),
    ],
    to: Annotated[Path, typer.Option(help="CSV file to write, outside any reports folder.")],
    known_at: Annotated[str | None, typer.Option(help="Leave out what was recorded later, YYYY-MM-DD.")] = None,
    params: Params = Path("params"),
) -> None:
    """Write the referrals behind a figure, for those who are allowed to see them."""
    from perflib.analysis import progress
    from perflib.records.snapshot import load_snapshot

    _refuse_reports_folder(to)
    snapshot = load_snapshot(contract, month, known_at, params)
    what = measure.removeprefix("overdue:")
    found = progress.overdue(snapshot, what) if what != measure else _reached(snapshot, measure)
    to.parent.mkdir(parents=True, exist_ok=True)
    found.to_csv(to, index=False, date_format="%Y-%m-%d")
    print(f"{to}: {len(found):,} rows. They name participants: keep the file as such data must be kept.")


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
    contract: Annotated[str, typer.Argument(help="A contract whose source is a sample, e.g. whp-sample.")],
    out: Annotated[Path, typer.Option(help="Folder to write the tables to, as CSV.")],
    params: Params = Path("params"),
) -> None:
    """Write a synthetic extract, as a provider would send one."""
    from perflib.records.sources import read_source

    rules = load_contract(contract, params)
    if not hasattr(rules.source, "sample"):
        raise ParameterError(f"{rules.path}: its source is no sample. Choose whp-sample, or a contract like it.")
    out.mkdir(parents=True, exist_ok=True)
    for name, table in read_source(rules).items():
        table.frame.to_csv(out / f"{name}.csv", index=False, date_format="%Y-%m-%d")
        print(f"{out / f'{name}.csv'}: {len(table.frame):,} rows")


def main() -> None:
    """Run a command; print what the user can mend as one line."""
    try:
        status = app(sys.argv[1:] or ["--help"], prog_name="perflib", standalone_mode=False)
    except PerfError as error:
        _stop(str(error), error.exit_status)
    except UsageError as error:
        message = error.format_message().replace("Value error, ", "")
        _stop(message, ParameterError.exit_status, error.ctx.command_path if error.ctx else "perflib")
    except OSError as error:
        if error.filename is None:
            raise
        _stop(f"{error.filename}: cannot be read or written: {error.strerror}.", PerfError.exit_status)
    except (KeyboardInterrupt, typer.Abort):
        status = INTERRUPTED
    if status == INTERRUPTED:
        _stop("interrupted; reports already made are whole.", INTERRUPTED)
    raise SystemExit(status)


def _stop(message: str, status: int, command: str = "perflib") -> NoReturn:
    print(f"{command}: {' '.join(message.split())}", file=sys.stderr)
    raise SystemExit(status) from None


if __name__ == "__main__":
    main()
