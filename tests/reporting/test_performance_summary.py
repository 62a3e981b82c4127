"""The performance summary: scores on the doors for any day, counted again from the extract's own rows."""

import pandas as pd
import pytest
from bs4 import BeautifulSoup

from perflib.disclosure.presenter import Presenter
from perflib.disclosure.rules import Disclosure
from perflib.disclosure.sentences import as_text
from perflib.records.loading import load_snapshot
from perflib.reporting import performance_summary as page

INTERNAL = Presenter(Disclosure())


@pytest.fixture(scope="module")
def recorded(town_place):
    """Return the recording days of the events of `town`."""
    events = pd.read_csv(town_place.root / "extracts" / "town" / "events.csv", parse_dates=["recorded_date"])
    return events[events["recorded_date"] <= "2020-03-18"].set_index("event")["recorded_date"]


@pytest.fixture(scope="module")
def wednesday(town_place):
    return load_snapshot("town", "2020-03", "2020-03-18", town_place.params)


@pytest.mark.requirement("KS-20")
@pytest.mark.requirement("KS-21")
def test_the_doors_count_what_was_recorded_today_this_week_and_this_month(wednesday, recorded):
    """Wednesday 18 March 2020; the week began on Monday 16, the one before on Monday 9."""
    rows = INTERNAL.table(page.doors(wednesday)).data["rows"]
    spans = {
        "Today": ("2020-03-18", "2020-03-18"),
        "This week": ("2020-03-16", "2020-03-18"),
        "Week before": ("2020-03-09", "2020-03-15"),
        "Month to date": ("2020-03-01", "2020-03-18"),
        "Since day one": ("2019-01-01", "2020-03-18"),
    }
    for label, event in (("Referrals", "referral"), ("Starts", "start"), ("Leavers", "exit")):
        line = next(line for line in rows if line["Measure"] == label)
        assert {name: line[name] for name in spans} == {
            name: recorded[event].between(*map(pd.Timestamp, span)).sum() for name, span in spans.items()
        }


@pytest.mark.requirement("KS-20")
def test_a_day_off_and_missed_standards_are_said(town_place):
    saturday = load_snapshot("town", "2020-03", "2020-03-14", town_place.params)
    said = as_text(page.findings(saturday), Disclosure())
    assert said[0] == "14 March 2020 is not a working day."
    assert said[-1].startswith("Standards missed since day one: CSS 1a: referral resolved; ")


@pytest.mark.requirement("KS-26")
@pytest.mark.requirement("WL-20")
def test_the_tiles_and_units_are_the_months_to_the_day(wednesday, recorded):
    shown = INTERNAL.tiles(page.key_figures(wednesday)).data["values"]
    month = recorded[recorded >= "2020-03-01"]
    assert (shown["referral"], shown["start"]) == (len(month["referral"]), len(month["start"]))
    rows = INTERNAL.table(page.units(wednesday)).data["rows"]
    assert [line["Subcontractor"] for line in rows] == ["SC1", "SC2", "SC3"]
    assert sum(line["Referrals"] for line in rows) == shown["referral"]


def test_every_extract_has_a_summary(edge_snapshot):
    shown = [INTERNAL.table(make(edge_snapshot)) for make in (page.doors, page.units)]
    shown.append(INTERNAL(page.findings(edge_snapshot)))
    assert all("nan" not in BeautifulSoup(one.html, "html.parser").get_text(" ").split() for one in shown)
