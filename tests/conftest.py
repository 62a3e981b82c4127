"""A place as a new user of perflib has it, small extracts, notebooks without a kernel, and a browser for pages."""

import ast
import json
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import axe_playwright_python
import nbformat
import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, settings
from nbformat import NotebookNode
from papermill.exceptions import PapermillExecutionError
from papermill.iorw import load_notebook_node
from papermill.parameterize import parameterize_notebook
from playwright.sync_api import sync_playwright

from perflib.batch import run
from perflib.batch.forked_kernels import ordinary_kernels
from perflib.cli import main
from perflib.records.loading import load_snapshot
from perflib.records.snapshot import Snapshot
from perflib.rules.contract import load_programme
from perflib.rules.new_contract import new_contract

settings.register_profile("unhurried", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("unhurried")  # the machine may be busy

Tables = Mapping[str, pd.DataFrame]

KNOWN_TO = "2020-06-30"
MONTH = "2020-03"
EVENTS = ("referral_id", "event", "event_date", "recorded_date")

# What a contract file may add to what `perflib new` writes.
PROMISES = """
mix: {disability: 0.6, early_access: 0.2, ltu: 0.2}
profiles:
  - {group: disability, from: 2019-01, source: made up, values: [0, 0, 0, 0, 0, 0, 0.02, 0.04, 0.06, 0.08, 0.1, 0.12]}
  - {group: early_access, from: 2019-01, source: made up, values: [0, 0, 0, 0, 0, 0, 0.1, 0.2, 0.3, 0.4, 0.5]}
  - {group: ltu, from: 2019-01, source: made up, values: [0, 0, 0, 0, 0, 0, 0.02, 0.04, 0.06, 0.08, 0.1, 0.2]}
volumes:
  - {measure: start, from: 2019-01, source: made up, values: [10, 11, 12, 12, 12, 12, 12, 12, 12, 12, 12, 12, 12, 12]}
"""
PUBLISHED = "2020-05-28"
RELEASES = f"""
releases:
  - {{through: {MONTH}, on: {PUBLISHED}}}
"""


@dataclass(frozen=True)
class Said:
    """What a command printed, and the status it left with."""

    status: int
    out: str
    err: str


@dataclass(frozen=True)
class Place:
    """A folder with `params/contracts` and `extracts`."""

    root: Path

    @property
    def params(self) -> Path:
        return self.root / "params"

    def contract(self, name: str = "town", more: str = "", source: str | None = None, **keys: str) -> Path:
        """Write a contract file as `perflib new` does, with its `source:`; `keys` replace lines, `more` is added."""
        lines = new_contract(name, load_programme("whp")).splitlines()
        keys |= {"source": source or f"{{folder: ../../extracts/{name}, known_to: {KNOWN_TO}}}"}
        for key, value in keys.items():
            (at,) = (at for at, line in enumerate(lines) if line.startswith(f"{key}:"))
            lines[at] = f"{key}: {value}"
        path = self.params / "contracts" / f"{name}.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("\n".join(lines) + more + "\n", encoding="utf-8")
        return path

    def extract(self, name: str = "town", tables: Tables | None = None) -> Path:
        """Write the tables of an extract as CSV; without any, those of `town`."""
        folder = self.root / "extracts" / name
        folder.mkdir(parents=True, exist_ok=True)
        for table, frame in (town() if tables is None else tables).items():
            frame.to_csv(folder / f"{table}.csv", index=False)
        return folder


def rows(text: str) -> Tables:
    """Return an extract of events, one a line (referral, event, date, day recorded), and a person for each referral."""
    events = pd.DataFrame([line.split() for line in text.strip().splitlines()], columns=list(EVENTS))
    referrals = events["referral_id"].unique()
    people = [f"person-{name}" for name in referrals]
    return {"participants": pd.DataFrame({"referral_id": referrals, "participant_id": people}), "events": events}


def town(months: int = 15, a_month: int = 14) -> Tables:
    """Return the extract of a small contract from January 2019, made by counting.

    Each fifth referral does not start: half of these did not attend, the others are open. Others start after a week.
    Of all referrals each third gets a job and each sixth an outcome; each seventh leaves. One person in twenty has two
    referrals.
    """
    n = np.arange(months * a_month)
    first = pd.Series(pd.period_range("2019-01", periods=months, freq="M").to_timestamp().repeat(a_month))
    referred = first + pd.to_timedelta(n % a_month * 2, unit="D")
    started = n % 5 != 4
    working, reaching = started & (n % 3 == 0), started & (n % 6 == 0)
    happened = {
        "referral": (n >= 0, 0, 0),
        "start": (started, 7, 2),
        "did_not_attend": (n % 10 == 4, 7, 1),
        "job_start": (working, 40 + n % 30, 20),
        "first_earnings": (working, 60 + n % 30, 30),
        "earnings_1000": (reaching, 100, 30),
        "earnings_2000": (reaching, 140, 30),
        "job_outcome": (reaching, 170, 30),
        "claim_submitted": (reaching, 175, 30),
        "exit": (started & (n % 7 == 0), 200, 3),
    }
    referral = pd.Series([f"ref-{i:05d}x" for i in n])
    events = []
    for name, (chosen, days, delay) in happened.items():
        when = referred + pd.to_timedelta(np.broadcast_to(days, n.shape), unit="D")
        columns = (referral, name, when, when + pd.Timedelta(days=delay))
        events.append(pd.DataFrame(dict(zip(EVENTS, columns, strict=True)))[chosen])
    known = pd.concat(events)
    known = known[known["recorded_date"] <= KNOWN_TO]
    participants = pd.DataFrame(
        {
            "referral_id": referral,
            "participant_id": [f"person-{i - (i % 20 == 19):05d}x" for i in n],
            "customer_group": np.resize(["disability", "disability", "ltu", "disability", "early_access"], n.size),
            "devolution_area": np.where(n % 4 == 0, "GM", ""),
            "subcontractor": np.resize(["SC1", "SC2", "SC3"], n.size),
            "centre": np.resize(["SC1-A", "SC2-A", "SC3-A"], n.size),
            "caseworker": np.resize(["Casey Worker", "Robin Helper"], n.size),
            "age": 18 + n % 45,
            "sex": np.resize(["F", "M"], n.size),
            "ethnicity": np.resize(["white", "white", "asian", "black"], n.size),
            "disability": np.resize(["Y", "N"], n.size),
            "priority_group": np.where(n % 30 == 0, "veteran", ""),
        }
    )
    return {"participants": participants, "events": known}


def without(tables: Tables, *events: str) -> Tables:
    return dict(tables) | {"events": tables["events"][~tables["events"]["event"].isin(events)]}


def three_weeks() -> Tables:
    names = [f"ref-{i:02d}y" for i in range(12)]
    lines = [f"{name} referral 2020-03-{9 + i % 5:02d} 2020-03-{9 + i % 5:02d}" for i, name in enumerate(names)]
    lines += [f"{name} start 2020-03-{16 + i:02d} 2020-03-{17 + i:02d}" for i, name in enumerate(names[:8])]
    return rows("\n".join(lines))


@dataclass(frozen=True)
class Edge:
    """A contract of which little can be said."""

    name: str
    tables: Callable[[], Tables]
    month: str = MONTH
    promised: bool = True
    says: tuple[str, ...] = ()
    """Sentences of the report on it."""


HAPPY = ("job_start", "first_earnings", "earnings_1000", "earnings_2000", "job_outcome", "claim_submitted")

EDGES = [
    Edge(
        "one-participant",
        lambda: rows("ref-1z referral 2020-01-06 2020-01-06\nref-1z start 2020-01-20 2020-01-21"),
        says=("No cohort is old enough for a fair comparison of groups yet.",),
    ),
    Edge(
        "nobody-started",
        lambda: rows("\n".join(f"ref-{i}z referral 2020-01-{6 + i:02d} 2020-01-{6 + i:02d}" for i in range(4))),
        promised=False,
        says=("Nobody has started yet, so nothing can be said of outcomes.",),
    ),
    Edge(
        "three-weeks-old",
        three_weeks,
        says=("No cohort is final yet: no final rate of job outcomes can be given.",),
    ),
    Edge(
        "no-optional-columns",
        lambda: town() | {"participants": town()["participants"][["referral_id", "participant_id"]]},
        says=("Recorded of nobody: customer group, ",),
    ),
    Edge(
        "no-exits",
        lambda: without(town(), "exit"),
        says=("Without leavers, everybody who has started counts as on the programme.",),
    ),
    Edge(
        "no-outcomes",
        lambda: without(town(), *HAPPY),
        promised=False,
        says=(
            "0 job outcomes so far. They cannot be compared with a profile: the contract file gives no profile.",
            "No claim has been recorded: outcomes that need one are counted without it.",
        ),
    ),
    Edge("one-cohort", lambda: town(months=1, a_month=40)),
    Edge(
        "starts-before-referrals",
        lambda: rows(
            "\n".join(
                f"ref-{i:02d}z referral 2020-02-03 2020-02-03\nref-{i:02d}z start 2020-01-2{i % 10} 2020-02-1{i % 10}"
                for i in range(12)
            )
        ),
    ),
]


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    """Return the current folder, which is empty."""
    monkeypatch.chdir(tmp_path)
    return Place(tmp_path)


@pytest.fixture
def perflib(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Said]:
    """Return a function that runs a command."""

    def run(*arguments: object) -> Said:
        monkeypatch.setattr(sys, "argv", ["perflib", *map(str, arguments)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as stop:
            main()
        out, err = capsys.readouterr()
        return Said(int(stop.value.code or 0), out, err)

    return run


@pytest.fixture
def in_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Run notebooks in this process, for speed; test_batch holds that to the page that a kernel makes."""
    run_without_kernel(monkeypatch)


def run_without_kernel(patch: pytest.MonkeyPatch) -> None:
    patch.setattr("papermill.execute_notebook", execute)
    patch.setattr("perflib.batch.workers.forking_parent", ordinary_kernels)
    patch.setattr("perflib.batch.workers.processes", lambda: 1)


def execute(path: str, output_path: object, parameters: dict[str, Any], **options: object) -> NotebookNode:
    """Execute a notebook as papermill does, without a kernel."""
    del output_path, options
    notebook = parameterize_notebook(load_notebook_node(path), parameters)
    names: dict[str, Any] = {"__name__": "__main__"}
    for number, cell in enumerate(notebook.cells):
        if cell.cell_type != "code":
            continue
        statements = ast.parse(cell.source)
        last = statements.body.pop() if statements.body and isinstance(statements.body[-1], ast.Expr) else None
        try:
            exec(compile(statements, f"cell {number}", "exec"), names)
            shown = last and eval(compile(ast.Expression(last.value), f"cell {number}", "eval"), names)
        except Exception as error:
            said = (type(error).__name__, str(error), [])
            raise PapermillExecutionError(number, number, cell.source, *said) from None
        if shown is not None:
            cell.outputs = [nbformat.v4.new_output("execute_result", data=bundle(shown))]
    return notebook


def bundle(shown: object) -> dict[str, Any]:
    """Return how an object shows itself, as a notebook file keeps it."""
    if hasattr(shown, "_repr_mimebundle_"):
        return json.loads(json.dumps(shown._repr_mimebundle_()))
    return {"text/html": shown._repr_html_()} if hasattr(shown, "_repr_html_") else {"text/plain": repr(shown)}


@pytest.fixture(scope="session")
def town_place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """Return a place with the contract `town`, for reading only."""
    place = Place(tmp_path_factory.mktemp("town"))
    place.contract(more=PROMISES + RELEASES)
    place.extract()
    return place


@pytest.fixture(scope="session")
def town_reports(town_place: Place, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the reports folder of `town` for March 2020, internal, as known when published; to be read only."""
    folder = tmp_path_factory.mktemp("reports")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(town_place.root)
        run_without_kernel(patch)
        run.run(run.plan(["town"], [MONTH], run.find_notebooks(["cohort_trends"]), known_at=PUBLISHED), folder)
    return folder


@pytest.fixture(scope="session")
def town_snapshot(town_place: Place) -> Snapshot:
    """Return the snapshot of `town` for March 2020, as known when it is published."""
    return load_snapshot("town", MONTH, PUBLISHED, town_place.params)


@pytest.fixture(scope="session")
def wales(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Snapshot]:
    """Return a function that gives a month of `whp-wales-part`.

    Those are the journeys of a provider's extract known to 30 September 2020, cut to the columns and events that job
    starts, first earnings and outcomes need. Its description: job starts halve from April 2020 (58 in February, 53 in
    March, 26 in April, by the date they happened).
    """
    place = Place(tmp_path_factory.mktemp("wales"))
    folder = Path(__file__).parent / "answers" / "whp-wales-part"
    place.contract("wales", source=f"{{folder: {json.dumps(str(folder))}, known_to: 2020-09-30}}", nation="WLS")
    return cache(lambda month: load_snapshot("wales", month, params=place.params))


@pytest.fixture(scope="session", params=EDGES, ids=lambda edge: edge.name)
def edge(request: pytest.FixtureRequest) -> Edge:
    """Return each of the contracts of which little can be said."""
    return request.param


@pytest.fixture(scope="session")
def edge_place(edge: Edge, tmp_path_factory: pytest.TempPathFactory) -> Place:
    """Return a place with the contract of an edge."""
    place = Place(tmp_path_factory.mktemp(edge.name))
    place.contract(edge.name, PROMISES if edge.promised else "")
    place.extract(edge.name, edge.tables())
    return place


@pytest.fixture(scope="session")
def edge_snapshot(edge: Edge, edge_place: Place) -> Snapshot:
    """Return the snapshot of an edge."""
    return load_snapshot(edge.name, edge.month, params=edge_place.params)


AXE = (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text(encoding="utf-8")
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]

FIRST_FINDING = """() => {
  const heading = document.querySelector('main h2');
  const follows = one => heading && heading.compareDocumentPosition(one) & Node.DOCUMENT_POSITION_FOLLOWING;
  const found = [...document.querySelectorAll('.findings')].find(follows);
  return found ? Math.round(found.querySelector('li, p').getBoundingClientRect().bottom) : null;
}"""
"""Where the first finding below the first heading ends, in pixels from the top; null where there is none."""

Audit = Callable[[Path, int], dict[str, Any]]


@pytest.fixture(scope="session")
def audit() -> Iterator[Audit]:
    """Return a function that opens a page at a width, all details open, and says what axe and the network saw."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        pytest.fail("there is no browser to check the pages in: apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS)

        def look(path: Path, width: int) -> dict[str, Any]:
            context = browser.new_context(bypass_csp=True, viewport={"width": width, "height": 900})
            page = context.new_page()
            requests: list[str] = []
            page.on("request", lambda request: requests.append(request.url))
            page.goto(path.resolve().as_uri())
            first = page.evaluate(FIRST_FINDING)
            page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
            page.evaluate(AXE)
            violations = page.evaluate("async () => (await axe.run(document)).violations")
            found = {
                "violations": [f"{one['id']}: {one['nodes'][0]['html'][:120]}" for one in violations],
                "requests": [url for url in requests if not url.startswith(("file:", "data:"))],
                "width": page.evaluate("document.documentElement.scrollWidth"),
                "first_finding": first,
            }
            context.close()
            return found

        yield look
        browser.close()
