"""Results show themselves: within a screen, accessibly, naming nobody; completion shows what is meant."""

import subprocess
import sys

import pytest
from bs4 import BeautifulSoup

import perflib.reporting
from perflib.analysis import cohorts, comparison, forecast, regression, survival
from perflib.errors import ParameterError
from perflib.records.display import ROWS, ShowsItself
from perflib.reporting.plots import Plot


@pytest.fixture(scope="module")
def snapshot():
    return perflib.load_snapshot("whp-sample", "2020-06")


RESULTS = {
    "triangle": lambda s: cohorts.triangle(s),
    "triangle by sex": lambda s: cohorts.triangle(s, by="sex"),
    "forecast": lambda s: forecast.outcomes(s, model="chain_ladder", draws=200),
    "comparison": lambda s: comparison.compare(s),
    "incidence": lambda s: survival.time_to(s, "job_start"),
    "before and after": lambda s: regression.before_after(s, "2018-10"),
    "pair": lambda s: comparison.pair(s, "SC01", "SC02"),
}


@pytest.mark.parametrize("name", RESULTS)
def test_a_result_shows_a_table_of_a_screens_height_with_caption_and_headers(snapshot, name):
    result = RESULTS[name](snapshot)
    html = BeautifulSoup(result._repr_html_(), "html.parser")
    assert html.caption.get_text() == result.caption
    rows = html.tbody.find_all("tr")
    assert len(rows) == min(ROWS, len(result.frame))
    assert all(cell.get("scope") == "col" for cell in html.thead.find_all("th"))
    assert all(row.th["scope"] == "row" for row in rows)
    assert len(result._repr_html_()) < 6000
    assert len(repr(result)) < 200


@pytest.mark.parametrize("name", RESULTS)
def test_a_result_explains_itself(snapshot, name):
    explained = RESULTS[name](snapshot).explain()
    parts = (explained.definition, explained.formula, explained.denominator, explained.source)
    assert all(len(part) > 10 for part in parts)
    assert all(part in str(explained) for part in parts)


@pytest.mark.parametrize("name", [name for name in RESULTS if name != "pair"])
def test_a_result_draws_itself_with_words_for_what_there_is_to_see(snapshot, name):
    drawn = RESULTS[name](snapshot).plot()
    assert isinstance(drawn, Plot)
    image = BeautifulSoup(drawn._repr_html_(), "html.parser").img
    assert image["alt"] == drawn.alt
    assert image["src"].startswith("data:image/svg")
    assert drawn.figure.axes[0].get_xlabel() or name == "forecast" or name == "before and after"


def test_a_triangle_by_a_group_has_a_line_for_each_cohort_and_group(snapshot):
    whole, by_sex = (RESULTS[name](snapshot) for name in ("triangle", "triangle by sex"))
    lines = [len(result.plot().figure.axes[0].get_lines()) for result in (whole, by_sex)]
    handles = whole.starts.index.year.nunique()
    assert [number - handles for number in lines] == [int((t.starts > 0).sum()) for t in (whole, by_sex)]


def test_what_has_no_picture_says_so(snapshot):
    with pytest.raises(ParameterError, match="Pair has no picture"):
        RESULTS["pair"](snapshot).plot()


def test_without_reporting_nothing_is_drawn_and_the_line_says_what_to_import():
    code = (
        "from perflib import sample_snapshot; from perflib.analysis import cohorts\n"
        "try: cohorts.triangle(sample_snapshot()).plot()\n"
        "except Exception as error: print(error)"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert said == "plot(): charts are drawn by perflib.reporting. Import it first.\n"


def test_a_snapshot_says_what_it_is_in_a_line_and_names_nobody(snapshot):
    assert len(repr(snapshot)) < 500
    assert len(snapshot._repr_html_()) < 2000
    for text in (repr(snapshot), snapshot._repr_html_()):
        assert "2020-06" in text
        assert f"{len(snapshot.journeys):,}" in text
        assert not any(name in text for name in snapshot.journeys["referral_id"].head(50))


def test_completion_shows_what_is_meant_to_be_used():
    assert {"triangle", "against_profile", "rates", "Triangle"} <= set(dir(cohorts))
    assert not {"np", "pd", "annotations", "Snapshot", "dataclass", "measures"} & set(dir(cohorts))
    assert "pair" in dir(comparison)
    assert issubclass(cohorts.Triangle, ShowsItself)
