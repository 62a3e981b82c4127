"""The notebooks run as plain papermill runs them, and make a page of whatever extract there is."""

import json
import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from bs4 import BeautifulSoup

from perflib.batch import run
from perflib.disclosure.presenter import MIME
from perflib.errors import DataError, ParameterError, PerfError

ROOT = Path(__file__).parents[1]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
TRENDS = ROOT / "notebooks" / "cohort_trends.ipynb"
SUMMARY = ROOT / "notebooks" / "performance_summary.ipynb"


def papermill(folder: Path, notebook: Path, made: Path, **parameters: object) -> subprocess.Popen[str]:
    """Start papermill's own command line in a folder."""
    given = [word for name, value in parameters.items() for word in ("-p", name, str(value))]
    command = [sys.executable, "-m", "papermill", str(notebook), str(made), "--no-progress-bar", *given]
    return subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def shown(path: Path) -> list[dict]:
    """Return what an executed notebook displays, as data."""
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return [
        output["data"][MIME] for cell in cells for output in cell.get("outputs", []) if MIME in output.get("data", {})
    ]


def test_plain_papermill_runs_a_notebook_from_the_checkout_and_from_anywhere_else(town_place, town_reports, tmp_path):
    """From the checkout with a folder of parameters elsewhere; elsewhere, with none, on the built-in sample.

    Of `town` it shows what a run of perflib shows. A misspelt parameter ends it in one line, kept in the notebook.
    """
    given = {"contract": "town", "month": "2020-03", "known_at": "2020-05-28", "params": town_place.params}
    (tmp_path / "work").mkdir()
    runs = {
        "checkout.ipynb": papermill(ROOT, TRENDS.relative_to(ROOT), tmp_path / "checkout.ipynb", **given),
        "elsewhere.ipynb": papermill(tmp_path / "work", SUMMARY, tmp_path / "elsewhere.ipynb", month="2018-06"),
        "misspelt.ipynb": papermill(tmp_path, TRENDS, tmp_path / "misspelt.ipynb", mnth="2018-06"),
    }
    said = {name: run.communicate(timeout=300) for name, run in runs.items()}
    assert {name: run.returncode for name, run in runs.items()} == {
        "checkout.ipynb": 0,
        "elsewhere.ipynb": 0,
        "misspelt.ipynb": 1,
    }
    assert shown(tmp_path / "checkout.ipynb") == shown(town_reports / "town" / "2020-03" / "cohort_trends.ipynb")
    first = shown(tmp_path / "elsewhere.ipynb")[0]["items"][0]["sentences"][0]
    assert "Sample Work and Health Programme contract" in first
    assert "June 2018, as known on 30 June 2018" in first
    assert not list((tmp_path / "work").iterdir())

    line = "ParameterError: 'mnth' is no parameter of this notebook; did you mean 'month'?"
    (failed,) = (
        output
        for cell in nbformat.read(tmp_path / "misspelt.ipynb", as_version=4).cells
        for output in cell.get("outputs", [])
    )
    assert failed.traceback == [line]
    assert said["misspelt.ipynb"][1].rstrip().endswith(line)


@pytest.mark.parametrize("error", [ParameterError, DataError, PerfError])
def test_an_error_of_ours_is_one_line_in_a_notebook_without_a_traceback(error):
    """IPython asks an exception for `_render_traceback_` before it makes a traceback of its own."""
    from IPython.core.interactiveshell import InteractiveShell

    shell = InteractiveShell()
    told = []
    shell._showtraceback = lambda _, __, lines: told.append(lines)
    shell.user_ns["error"] = error("events.csv: column 'event_date' is missing.")
    shell.run_cell("def deep():\n    raise error\n\ndeep()")
    assert told == [[f"{error.__name__}: events.csv: column 'event_date' is missing."]]


@pytest.mark.usefixtures("in_process")
def test_a_notebook_makes_a_page_of_an_extract_of_which_little_can_be_said(edge, edge_place, tmp_path, monkeypatch):
    """Of the smallest extracts, every notebook does."""
    monkeypatch.chdir(edge_place.root)
    notebooks = NOTEBOOKS if len(edge.tables()["events"]) < 10 else [TRENDS]
    results = run.run(run.plan([edge.name], [edge.month], notebooks), tmp_path, workers=1)
    assert [result.error for result in results] == [None] * len(notebooks)
    for notebook in notebooks:
        page = (tmp_path / edge.name / edge.month / f"{notebook.stem}.html").read_text(encoding="utf-8")
        text = BeautifulSoup(page, "html.parser").main.get_text(" ", strip=True)
        assert not re.search(r"\b(nan|NaT)\b|within None", text)
        if notebook == TRENDS:
            assert all(words in text for words in edge.says)


@pytest.mark.requirement("KS-23")
def test_the_trend_report_has_demographics_flows_and_outcomes(town_reports):
    page = (town_reports / "town" / "2020-03" / "cohort_trends.html").read_text(encoding="utf-8")
    captions: dict[str, list[str]] = {}
    for element in BeautifulSoup(page, "html.parser").select("main :is(h2, caption, figcaption)"):
        if element.name == "h2":
            captions[element.text] = shown_in = []
        else:
            shown_in.append(element.text)
    assert "Starts by characteristic, as recorded at the start" in captions["Who the participants are"]
    assert "What happened, by period, to March 2020" in captions["Flows and referrals"]
    assert "Where the participants of each cohort stood on 31 March 2020" in captions["Outcomes and milestones"]
