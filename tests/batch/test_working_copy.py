"""`perflib open`: an analyst's own copy of a notebook, its parameters set."""

import os
import sys
from pathlib import Path
from unittest.mock import Mock

import nbformat
import pytest

from perflib import load_snapshot
from perflib.batch import working_copy

COPY = Path("work/town/2020-03/performance_summary.ipynb")
OPEN = ("open", "performance_summary", "town", "2020-03", "--no-launch")


@pytest.fixture(autouse=True)
def town(place):
    """Return a place with the contract `town`."""
    place.contract()
    place.extract()
    return place


def test_the_copy_is_of_the_contract_and_month_from_wherever_it_is_run(town, perflib, monkeypatch):
    assert perflib(*OPEN, "--known-at", "2020-04-15").out == f"{COPY}: written\n"
    cells = nbformat.read(COPY, as_version=4).cells
    tagged = [tag for cell in cells for tag in cell.metadata.get("tags", [])]
    assert tagged[:2] == ["parameters", "injected-parameters"]  # the second has the last word
    (given,) = (cell.source for cell in cells if "injected-parameters" in cell.metadata.get("tags", []))
    names: dict[str, str] = {}
    exec(given, {}, names)
    monkeypatch.chdir("/")
    snapshot = load_snapshot(**names)
    assert (str(snapshot.month), str(snapshot.known_at)) == ("2020-03", "2020-04-15")
    assert snapshot.contract.path == town.root / "params" / "contracts" / "town.yaml"


def test_the_same_copy_is_written_twice_with_the_same_bytes_and_without_the_results_of_running_it(perflib):
    perflib(*OPEN)
    before = COPY.read_bytes()
    assert perflib(*OPEN).status == 0
    assert COPY.read_bytes() == before
    cells = nbformat.read(COPY, as_version=4).cells
    assert not [cell for cell in cells if cell.get("outputs")]


def test_a_copy_that_was_changed_is_kept_unless_it_is_to_be_written_anew(perflib):
    perflib(*OPEN)
    before = COPY.read_bytes()
    COPY.write_bytes(before.replace(b"Scores on the doors", b"My own words"))
    said = perflib(*OPEN)
    assert (said.status, said.out) == (2, "")
    assert f"{COPY}: is there already and differs" in said.err
    assert "--force" in said.err
    assert b"My own words" in COPY.read_bytes()
    assert perflib(*OPEN, "--force").status == 0
    assert COPY.read_bytes() == before


@pytest.mark.parametrize(
    ("command", "says"),
    [
        (("open", "trends", "town", "2020-03"), "no such notebook"),
        (("open", "cohort_trends", "twon", "2020-03"), "did you mean 'town'?"),
        (("open", "cohort_trends", "town", "March"), "YYYY-MM"),
    ],
)
def test_what_is_wrong_is_said_before_anything_is_written(command, says, perflib):
    said = perflib(*command)
    assert said.status == 2
    assert says in said.err
    assert said.err.count("\n") == 1
    assert not Path("work").exists()


def test_jupyterlab_is_opened_on_the_copy(perflib, monkeypatch):
    launched = Mock()
    monkeypatch.setattr(os, "execv", launched)
    assert perflib(*OPEN[:-1]).status == 0
    launched.assert_called_once_with(sys.executable, [sys.executable, "-m", "jupyterlab", str(COPY)])


def test_what_follows_two_dashes_is_passed_on_to_jupyterlab(perflib, monkeypatch):
    launched = Mock()
    monkeypatch.setattr(os, "execv", launched)
    assert perflib(*OPEN[:-1], "--", "--no-browser", "--port=8890").status == 0
    expected = [sys.executable, "-m", "jupyterlab", str(COPY), "--no-browser", "--port=8890"]
    launched.assert_called_once_with(sys.executable, expected)


def test_without_jupyterlab_there_is_one_clear_line_and_the_copy(perflib, monkeypatch):
    monkeypatch.setattr(working_copy, "find_spec", lambda _: None)
    said = perflib(*OPEN[:-1])
    assert said.status == 2
    install = "Run: pip install 'perflib[lab]'"
    assert said.err == f"perflib: JupyterLab is not installed. {install}. The notebook is {COPY}.\n"
    assert COPY.is_file()
