"""Every notebook on every programme under every regime, each optional table missing, for each audience.

What runs is what the notebooks' own cells say. In each cell of the matrix a notebook may raise nothing, and may show
nothing empty without saying why. Charts are drawn and not rendered, and forecasts have few draws: what they look like
and how good they are is tested elsewhere.
"""

import ast
import os
import re
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from itertools import product
from pathlib import Path
from types import CodeType
from typing import Any

import nbformat
import pandas as pd
import pytest
import yaml
from bs4 import BeautifulSoup

from perflib.batch import run as run_batch
from perflib.disclosure.audience import AUDIENCE
from perflib.disclosure.presenter import Shown
from perflib.records.snapshot import Extract, Snapshot, load_extract, take_snapshot
from perflib.rules.contract import load_contract

ROOT = Path(__file__).parents[2]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
AUDIENCES = ("internal", "external")

SAMPLES = {"whp": "whp-sample", "ses": "ses-sample", "jobs2": "jobs2-sample"}
REGIMES = ("none", "ks", "wl")
SMALL: dict[str, dict[str, Any]] = {
    "whp": {"first_day": "2019-01-07", "last_day": "2020-04-30", "people_per_month": 24},
    "ses": {"first_day": "2019-01-07", "last_day": "2020-04-30", "people_per_month": 24},
    "jobs2": {"first_day": "2017-03-06", "last_day": "2018-04-30", "people_per_month": 40},
}
MONTH = {"whp": "2020-03", "ses": "2020-03", "jobs2": "2018-03"}
REGISTERS = {"checks": 1, "surveys": 2, "reports": {"performance_report": "month", "contract_review": "month"}}
OF_REGIME = ("kpis", "rating")
"""What a contract file changes of its regime, which another regime does not have."""

NOTHING, OFFICERS, ALL = "nothing", "rows of officers", "every optional table"
OF_ALL = ["attributes", "checks", "feedback", "issued_reports", "units"]
HELD = {
    "whp": [
        *OF_ALL,
        *("actions", "activities", "assurance", "labour_market", "mi_pack", "notes", "notices", "plans", "reviews"),
        *("samples", "targets"),
    ],
    "ses": [*OF_ALL, "actions", "mi_pack", "notices", "plans", "targets"],
    "jobs2": [*OF_ALL, "activities", "assessments", "consent", "courses", "exemptions"],
}
"""The optional tables of each sample."""

CELLS = [
    (programme, regime, missing, audience)
    for programme, regime in product(SAMPLES, REGIMES)
    for missing in (NOTHING, OFFICERS, ALL, *HELD[programme])
    for audience in AUDIENCES
]


def _stands_for_others(programme: str, regime: str, missing: str, audience: str) -> bool:
    """Choose one cell for each programme and missing table: regimes and audiences take turns."""
    if missing == NOTHING:
        return False
    number = (OFFICERS, ALL, *HELD[programme]).index(missing)
    chosen = REGIMES[number % len(REGIMES)], AUDIENCES[number % len(AUDIENCES)]
    return (regime, audience) == chosen


WHOLE = [cell for cell in CELLS if cell[2] == NOTHING]
EACH_MISSING = [cell for cell in CELLS if _stands_for_others(*cell)]
REST = [cell for cell in CELLS if cell not in WHOLE and cell not in EACH_MISSING]
RUN_OF_REST = REST if os.environ.get("PERFLIB_MATRIX") == "all" else REST[::30]
"""The rest takes an hour of one processor: PERFLIB_MATRIX=all runs it, by hand."""


@pytest.fixture(scope="module")
def params(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder of parameters with a small contract for each programme and regime."""
    folder = tmp_path_factory.mktemp("matrix") / "params"
    for programme, regime in product(SAMPLES, REGIMES):
        write_contract(folder, programme, regime)
    return folder


def write_contract(folder: Path, programme: str, regime: str, source: dict[str, Any] | None = None) -> None:
    """Write the contract of a sample, small, under another regime or none; of another source, if one is given."""
    text = (ROOT / "params" / "contracts" / f"{SAMPLES[programme]}.yaml").read_text(encoding="utf-8")
    rules = yaml.safe_load(text)
    if rules.get("management") != regime:
        rules = {key: value for key, value in rules.items() if key not in OF_REGIME}
    rules.pop("management", None)
    if regime != "none":
        rules["management"] = regime
    sample = rules["source"]["sample"]
    sample |= SMALL[programme]
    given = sample.get("registers", {})
    if False in given:  # `off` is a word of ours, and false to other readers of YAML
        given["off"] = given.pop(False)
    sample["registers"] = given | REGISTERS
    end = pd.Period(MONTH[programme], "M").end_time
    published = {"through": MONTH[programme], "on": f"{end + pd.Timedelta(days=20):%Y-%m-%d}"}
    rules |= {"contract": f"{programme}-{regime}", "first_day": SMALL[programme]["first_day"], "releases": [published]}
    rules["source"] = rules["source"] if source is None else source
    path = folder / "contracts" / f"{programme}-{regime}.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.safe_dump(rules, allow_unicode=True), encoding="utf-8")


@pytest.fixture(scope="module")
def extract_of(params: Path) -> Callable[[str, str, str], Extract]:
    """Return a function that gives the extract of a cell; the whole one is made once."""

    @cache
    def whole(programme: str, regime: str) -> Extract:
        return load_extract(load_contract(f"{programme}-{regime}", params))

    def cut(programme: str, regime: str, missing: str) -> Extract:
        extract = whole(programme, regime)
        if missing == OFFICERS:
            return extract.with_tables({name: without_officers(table) for name, table in extract.tables.items()})
        gone = set(HELD[programme]) if missing == ALL else {missing}
        tables = {name: table for name, table in extract.tables.items() if name not in gone}
        kept = extract.faults[~extract.faults["table"].isin(gone)]
        return replace(extract.with_tables(tables), faults=kept)

    return cut


def without_officers(table: pd.DataFrame) -> pd.DataFrame:
    if "unit_type" not in table:
        return table
    return table[~table["unit_type"].isin(["engagement_officer", "employer_account_manager"])]


@cache
def code_of(path: Path) -> tuple[tuple[CodeType, CodeType | None], ...]:
    """Return the code cells of a notebook, each with the expression that it shows."""
    cells = []
    for number, cell in enumerate(nbformat.read(path, as_version=4).cells):
        if cell.cell_type == "code":
            body = ast.parse(cell.source)
            last = body.body.pop() if body.body and isinstance(body.body[-1], ast.Expr) else None
            name = f"{path.stem} cell {number}"
            shown = compile(ast.Expression(last.value), name, "eval") if last is not None else None
            cells.append((compile(body, name, "exec"), shown))
    return tuple(cells)


def run(path: Path) -> list[Shown]:
    """Run the code cells of a notebook and return what they show."""
    names: dict[str, Any] = {"__name__": "__main__"}
    shown = []
    for statements, expression in code_of(path):
        exec(statements, names)
        if expression is not None:
            shown.append(eval(expression, names))
    return shown


def faults_of(shown: Shown) -> list[str]:
    """Return what is empty without a reason, and what was printed though it is no number or day."""
    page = BeautifulSoup(shown.html, "html.parser")
    for picture in page.find_all("img"):
        if not picture["alt"].strip():
            return ["a chart without words"]
    text = page.get_text(" ")
    faults = re.findall(r"(?:\S+ ){0,4}\b(?:nan|NaN|NaT|inf|<NA>)\b(?: \S+){0,4}", text)
    empty = [cell.name for cell in page.find_all(["th", "td", "dd", "dt", "li", "p"]) if not cell.get_text().strip()]
    return faults + [f"an empty {name}" for name in empty] + ([] if text.strip() else ["nothing at all"])


@pytest.fixture
def quickly(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Draw charts without rendering them, and forecast with few draws."""
    monkeypatch.setattr("perflib.disclosure.presenter.image_uri", lambda *_, **__: "data:,")
    monkeypatch.setattr("perflib.reporting.outcome_forecast.tables.ORIGINS", 2)
    monkeypatch.setattr("perflib.reporting.outcome_forecast.tables.BACKTEST_DRAWS", 10)
    monkeypatch.setattr("perflib.analysis.forecast.milestones.ORIGINS", 1)
    monkeypatch.setattr("perflib.analysis.forecast.milestones.PARAMETER_DRAWS", 20)
    return monkeypatch


def check(extract: Extract, month: str, audience: str, patch: pytest.MonkeyPatch) -> None:
    """Run every notebook on an extract."""
    known_at = str((pd.Period(month, "M").end_time + pd.Timedelta(days=29)).date())

    @cache
    def snapshot(period: str) -> Snapshot:
        return take_snapshot(extract, period, known_at)

    patch.setattr("perflib.load_snapshot", lambda *_: snapshot(month))
    patch.setattr("perflib.month_before", lambda _: snapshot(str(pd.Period(month, "M") - 1)))
    found = []
    patch.setenv(AUDIENCE, audience)
    for notebook in NOTEBOOKS:
        try:
            faults = [f"{fault}" for shown in run(notebook) for fault in faults_of(shown)]
        except Exception as error:
            at = error.__traceback__
            while at is not None and at.tb_next is not None:
                at = at.tb_next
            where = "" if at is None else f" ({Path(at.tb_frame.f_code.co_filename).name}:{at.tb_lineno})"
            faults = [f"{type(error).__name__}: {error}{where}"]
        found += [f"{notebook.stem}: {fault}" for fault in faults]
    assert not found, "\n".join(found)


@pytest.mark.parametrize(("programme", "regime", "missing", "audience"), WHOLE)
def test_every_notebook_shows_something_or_says_why_not(
    extract_of, quickly, programme, regime, missing, audience
) -> None:
    check(extract_of(programme, regime, missing), MONTH[programme], audience, quickly)


@pytest.mark.slow
@pytest.mark.parametrize(("programme", "regime", "missing", "audience"), EACH_MISSING + RUN_OF_REST)
def test_every_notebook_without_a_table(extract_of, quickly, programme, regime, missing, audience) -> None:
    check(extract_of(programme, regime, missing), MONTH[programme], audience, quickly)


@pytest.mark.slow
@pytest.mark.parametrize(("programme", "regime", "missing", "audience"), (WHOLE + EACH_MISSING)[::9])
def test_a_part_of_the_matrix_in_kernels(extract_of, tmp_path, programme, regime, missing, audience) -> None:
    """Written as an extract, and run as `perflib run` does."""
    extract, params = extract_of(programme, regime, missing), tmp_path / "params"
    write_contract(params, programme, regime, source={"folder": "../../extract"})
    (tmp_path / "extract").mkdir()
    for name, table in extract.tables.items():
        table.to_csv(tmp_path / "extract" / f"{name}.csv", index=False)
    known_at = f"{pd.Period(MONTH[programme], 'M').end_time + pd.Timedelta(days=29):%Y-%m-%d}"
    name = f"{programme}-{regime}"
    jobs = run_batch.plan(
        [name], [MONTH[programme]], NOTEBOOKS, known_at=known_at, params=str(params), audience=audience
    )
    results = run_batch.run(jobs, tmp_path / "reports", workers=1)
    assert {result.job.name: result.error for result in results} == {path.stem: None for path in NOTEBOOKS}


@pytest.mark.parametrize("programme", SAMPLES)
def test_the_matrix_has_every_table_of_the_samples(extract_of, programme: str) -> None:
    assert sorted(HELD[programme]) == sorted(
        set(extract_of(programme, "ks", NOTHING).tables) - {"participants", "events"}
    )


def test_the_parts_that_run_have_every_programme_under_every_regime_and_without_each_table() -> None:
    assert {cell[:2] for cell in WHOLE} == set(product(SAMPLES, REGIMES))
    assert {(cell[0], cell[2]) for cell in WHOLE + EACH_MISSING} == {(cell[0], cell[2]) for cell in CELLS}
