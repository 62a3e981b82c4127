"""An analyst's own section, a new cut and a new chart, in a copy of a notebook: run, disclosed, and nothing leaks."""

import json
import re
from pathlib import Path

import nbformat
import pandas as pd
import pytest
from bs4 import BeautifulSoup

from perflib.analysis import cohorts
from perflib.disclosure.columns import count, text
from perflib.disclosure.presenter import Presenter
from perflib.disclosure.rules import Disclosure
from perflib.errors import DisclosureError, RenderError
from perflib.reporting.own_section import AttributeColumns

ROOT = Path(__file__).parents[2]
MONTH, PUBLISHED = "2020-03", "2020-05-28"

SECTION = "## The over-30s by subcontractor\n\nRates of cohorts that are nine months old."
CUT = """
from perflib.analysis import cohorts
over_30 = cohorts.rates(snapshot, 9, by="subcontractor", where={"age": slice(31, None)})
kinds = {"subcontractor": "text", "starts": "count", "outcomes": "count", "rate": "outcomes / starts"}
show.table(over_30, caption="The over-30s by subcontractor, at nine months", columns=kinds)
"""
CHART = """
import seaborn
def draw(axes, frame):
    seaborn.barplot(frame, x="starts", y="subcontractor", ax=axes)
show.figure(draw, data=over_30, columns=kinds, alt="Bars of starts by subcontractor.", caption="Starts of the over-30s")
"""


def own_copy(path: Path, *cells) -> Path:
    """A copy of cohort_trends with a section at its end."""
    copy = nbformat.read(ROOT / "notebooks" / "cohort_trends.ipynb", as_version=4)
    copy.cells += cells
    for number, cell in enumerate(copy.cells):
        cell["id"] = f"cell-{number:02d}"
    path.write_text(nbformat.writes(copy), encoding="utf-8")
    return path


@pytest.mark.parametrize(("audience", "named"), [("internal", True), ("external", False)])
def test_a_new_cut_and_a_new_chart_in_a_copy_of_a_report_run_and_are_disclosed(
    audience, named, place, town_place, perflib, monkeypatch
):
    monkeypatch.chdir(town_place.root)
    page = own_copy(
        place.root / f"over_30_{audience}.ipynb",
        nbformat.v4.new_markdown_cell(SECTION),
        nbformat.v4.new_code_cell(CUT),
        nbformat.v4.new_code_cell(CHART),
    )
    out = place.root / f"reports-{audience}"
    command = ("run", "--contract", "town", "--month", MONTH, "--known-at", PUBLISHED, "--notebook", page)
    said = perflib(*command, "--audience", audience, "--out", out)
    assert said.status == 0, said.err
    html = BeautifulSoup((out / "town" / MONTH / f"over_30_{audience}.html").read_text("utf-8"), "html.parser")
    (shown,) = [one for one in html.find_all("table") if "The over-30s by subcontractor" in one.caption.get_text()]
    cells = [[cell.get_text(strip=True) for cell in row.find_all(["th", "td"])] for row in shown.find_all("tr")[1:]]
    (figure,) = [one for one in html.find_all("figure") if "Starts of the over-30s" in one.get_text()]
    assert figure.img["alt"] == "Bars of starts by subcontractor."
    units = {row[0] for row in cells if row[0] != "Subcontractor"}
    assert units
    assert all(re.fullmatch(r"Subcontractor \d+", unit) for unit in units) != named
    assert any("[c]" in cell for row in cells for cell in row[1:]) != named
    counted = [cell.replace(",", "") for row in cells for cell in row[1:3] if cell.replace(",", "").isdigit()]
    if not named:
        assert all(int(number) % 5 == 0 and not 0 < int(number) < 10 for number in counted)


@pytest.fixture
def over_30(town_snapshot) -> pd.DataFrame:
    return cohorts.rates(town_snapshot, 9, by="subcontractor", where={"age": slice(31, None)})


def shows(snapshot, audience="external") -> Presenter:
    return Presenter(Disclosure(audience, 10, 5, audience == "internal"), AttributeColumns(snapshot))


KINDS = {"subcontractor": "text", "starts": "count", "outcomes": "count", "rate": "outcomes / starts"}


def test_without_kinds_a_frame_is_shown_inside_and_refused_outside(town_snapshot, over_30):
    inside = shows(town_snapshot, "internal").table(over_30, "By subcontractor")
    assert [column["header"] for column in inside.data["columns"]][:3] == ["Subcontractor", "Starts", "Outcomes"]
    with pytest.raises(DisclosureError, match="is shown outside only with the kinds of its columns"):
        shows(town_snapshot).table(over_30, "By subcontractor")


def test_what_is_hidden_in_the_table_is_hidden_from_what_is_drawn(town_snapshot, over_30):
    drawn = []

    def draw(axes, frame):
        axes.barh(frame["subcontractor"], frame["starts"])
        drawn.append(frame.copy())

    table = shows(town_snapshot).table(over_30, "By subcontractor", KINDS)
    shows(town_snapshot).figure(draw, data=over_30, columns=KINDS, alt="Bars.", caption="Starts")
    hidden = pd.DataFrame(table.data["rows"]) == "[c]"
    assert hidden.to_numpy().any()
    assert drawn[0]["outcomes"].isna().tolist() == hidden["Outcomes"].tolist()
    assert not set(drawn[0]["subcontractor"]) & set(over_30.index)


@pytest.mark.parametrize(
    ("frame", "kinds", "error", "says"),
    [
        ({"referral_id": ["r"], "n": [20]}, {"referral_id": "text", "n": "count"}, DisclosureError, "never shown"),
        (
            {"unit": ["UNIT"], "n": [20]},
            {"unit": "text", "n": "count"},
            DisclosureError,
            "names units of subcontractor",
        ),
        ({"g": ["a"], "n": [20]}, {"g": "text", "n": "text"}, RenderError, "holds numbers, and is no text"),
        ({"g": ["a"], "n": [20]}, {"g": "text", "n": "number"}, RenderError, "'number' is no kind"),
        ({"g": ["a"], "n": [20]}, {"g": "text", "m": "count"}, RenderError, "does not have it; it has g, n"),
        ({"g": ["a"], "n": [20]}, {"g": "text", "r": "n / m"}, RenderError, "is of 'm'"),
    ],
)
def test_what_could_not_be_disclosed_is_refused(town_snapshot, over_30, frame, kinds, error, says):
    frame = pd.DataFrame(frame).replace("UNIT", over_30.index[0])
    with pytest.raises(error, match=says):
        shows(town_snapshot).table(frame, "A table", kinds)


def test_a_caption_alt_text_and_a_frame_are_asked_for(town_snapshot, over_30):
    show = shows(town_snapshot)
    with pytest.raises(RenderError, match="has no caption"):
        show.table(over_30, columns=KINDS)
    with pytest.raises(RenderError, match="no alternative text"):
        show.figure(lambda *_: None, data=over_30, columns=KINDS, caption="Starts")
    with pytest.raises(RenderError, match="give the frame that is drawn"):
        show.figure(lambda *_: None, columns=KINDS, alt="Bars", caption="Starts")


def test_columns_of_the_suite_and_names_of_attributes_are_kinds_too(town_snapshot, over_30):
    frame = over_30.rename_axis("who").reset_index()
    kinds = {"who": "subcontractor", "starts": count("People who started"), "age": text("Age band")}
    shown = shows(town_snapshot).table(frame.assign(age="over 30"), "By subcontractor", kinds)
    assert list(shown.data["rows"][0]) == ["Subcontractor", "People who started", "Age band"]
    assert not set(over_30.index) & set(json.dumps(shown.data).split('"'))


def test_codes_are_shown_by_their_labels(town_snapshot):
    frame = cohorts.rates(town_snapshot, 6, by="sex")
    rows = shows(town_snapshot, "internal").table(frame, "By sex", {"sex": "text", "starts": "count"}).data["rows"]
    assert {row["Sex"] for row in rows} <= {"Female", "Male", "not recorded"}


@pytest.mark.parametrize(
    "cell",
    ["snapshot", "cohorts.triangle(snapshot)", "cohorts.triangle(snapshot).plot()", "over_30"],
)
def test_what_is_for_the_analyst_alone_stops_a_run(cell, place, town_place, perflib, monkeypatch):
    monkeypatch.chdir(town_place.root)
    page = own_copy(
        place.root / "bare.ipynb",
        nbformat.v4.new_markdown_cell(SECTION),
        nbformat.v4.new_code_cell(CUT),
        nbformat.v4.new_code_cell(cell),
    )
    command = ("run", "--contract", "town", "--month", MONTH, "--known-at", PUBLISHED, "--notebook", page)
    said = perflib(*command, "--out", place.root / "reports")
    assert said.status == 1
    assert "cell 44" in said.err
