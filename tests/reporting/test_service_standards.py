"""The service standards page: what it says, counted again from the extract's own rows, and for both audiences."""

import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from bs4 import BeautifulSoup

from perflib import month_before
from perflib.disclosure.presenter import Presenter
from perflib.disclosure.rules import Disclosure
from perflib.disclosure.sentences import as_text
from perflib.records.loading import load_snapshot
from perflib.reporting import service_standards as page
from perflib.reporting.service_standards import figures

INTERNAL = Presenter(Disclosure())
EXTERNAL = Presenter(Disclosure("external", suppress_below=10, round_to=5, names=False))
NEW_YEAR = "2019-01-01"
TABLES = (page.overview, page.bases, page.exemptions, page.recent, page.by_unit, page.register)
SHOWN = (page.month_ends, page.charts)


def rows(table, show=INTERNAL):
    """Return the lines of a table by what stands in their first column."""
    return {next(iter(line.values())): line for line in show.table(table).data["rows"]}


@pytest.fixture(scope="module")
def journeys(town_place):
    """Return the dates of `town` known at the end of March 2020 by referral, and the age in working days when resolved.

    Counted with numpy's business days; England had bank holidays on the days given.
    """
    events = pd.read_csv(
        town_place.root / "extracts" / "town" / "events.csv", parse_dates=["event_date", "recorded_date"]
    )
    known = events[(events["event_date"] <= "2020-03-31") & (events["recorded_date"] <= "2020-05-28")]
    dates = known.pivot(index="referral_id", columns="event", values="event_date")
    holidays = "2019-01-01 2019-04-19 2019-04-22 2019-05-06 2019-05-27 2019-08-26 2019-12-25 2019-12-26 2020-01-01"
    calendar = np.busdaycalendar(holidays=holidays.split())
    begun = np.busday_offset(dates["referral"].to_numpy("datetime64[D]"), 0, roll="forward", busdaycal=calendar)
    done = dates[["start", "did_not_attend"]].min(axis=1)
    last = done.fillna(pd.Timestamp("2020-04-01")).to_numpy("datetime64[D]")
    due = np.busday_offset(begun, 10, busdaycal=calendar)
    return dates.assign(done=done, late=last > due)


@pytest.mark.requirement("WHP-37")
def test_the_overview_counts_what_the_extracts_rows_give(town_snapshot, journeys):
    line = rows(page.overview(town_snapshot))["CSS 1a: referral resolved"]
    done = journeys["done"].notna()
    assert line["Met"] == (done & ~journeys["late"]).sum()
    assert line["Open and late"] == (~done & journeys["late"]).sum() > 0
    assert line["Not due yet"] == (~done & ~journeys["late"]).sum() > 0
    assert line["Rate"] == round(line["Met"] / (line["Met"] + line["Done late"] + line["Open and late"]), 3)
    assert (line["Target"], line["Status"]) == ("all", "not met")


@pytest.mark.requirement("WHP-37")
def test_what_is_missed_is_said_with_its_numbers_and_what_cannot_be_judged_by_name(town_snapshot):
    line = rows(page.overview(town_snapshot))["CSS 1a: referral resolved"]
    said = as_text(page.findings(town_snapshot), Disclosure())
    assert said[0].startswith(
        f"CSS 1a: referral resolved: not met. {line['Open and late']} of {line['Met'] + line['Open and late']} were "
        f"late or missed, {line['Open and late']} of them still open; "
    )
    assert any(sentence.startswith("No data: CSS 2: referral acknowledged; ") for sentence in said)


def test_the_four_bases_count_the_cases_that_began_in_each(town_snapshot, journeys):
    line = rows(page.bases(town_snapshot))["CSS 1a: referral resolved"]
    counted = journeys[journeys["done"].notna() | journeys["late"]]
    for header, first in (
        ("Rolling 3 months", "2020-01-01"),
        ("Rolling 12 months", "2019-04-01"),
        ("Since day one", NEW_YEAR),
    ):
        mine = counted[counted["referral"] >= first]
        assert line[header] == round((~mine["late"]).mean(), 3)


@pytest.mark.requirement("WHP-41")
def test_the_oldest_open_referral_is_drawn_at_every_months_end(town_snapshot, journeys):
    shown = INTERNAL.figure(figures.oldest(town_snapshot, "css4")).data
    open_then = journeys[(journeys["referral"] <= "2019-12-31") & ~(journeys["done"] <= "2019-12-31")]
    line = next(line for line in shown["rows"] if line["Day"] == "31 Dec 2019")
    assert line["Open"] == len(open_then)
    first = open_then["referral"].min().to_datetime64().astype("datetime64[D]")
    holidays = ["2019-04-19", "2019-04-22", "2019-05-06", "2019-05-27", "2019-08-26", "2019-12-25", "2019-12-26"]
    age = np.busday_count(first, np.datetime64("2020-01-01"), holidays=holidays) - 1
    assert line["Oldest (working days)"] == age
    assert f"On 31 March 2020 it was {shown['rows'][-1]['Oldest (working days)']} working days" in shown["alt"]


@pytest.mark.requirement("WL-06")
@pytest.mark.requirement("WL-07")
def test_a_regime_adds_its_limits_to_the_page(place):
    """Promised 10 starts a month; 11 or 12 of 14 referred start, a week after."""
    volumes = "\nvolumes:\n  - {measure: start, from: 2019-01, source: made, values: [" + "10, " * 14 + "10]}"
    place.contract(more="\nmanagement: wl" + volumes)
    place.extract()
    snapshot = load_snapshot("town", "2020-03")
    shown = INTERNAL.figure(figures.against_profile(snapshot, "mpl3")).data["rows"]
    starts = snapshot.journeys["start"].dropna()
    assert [line["Promised to date"] for line in shown] == list(range(10, 160, 10))
    assert [line["Actual to date"] for line in shown] == [(starts < str(m + 1)).sum() for m in snapshot.months]
    names = [line["Standard"] for line in INTERNAL.table(page.register(snapshot)).data["rows"]]
    assert names[-8:] == [rule.name for rule in snapshot.contract.management.standards.values()]
    html = INTERNAL(page.month_ends(snapshot)).html
    assert html.count("<figure") == 5  # CSS 3 and 4, MPL 3, 4 and 5
    said = " ".join(as_text(page.findings(snapshot), Disclosure()))
    assert "MPL 5: longest in backlog: not met." in said
    own = snapshot.contract.standards["mpl4"].model_copy(update={"share_of": "count"})
    rules = {**snapshot.contract.standards, "mpl4": own}
    counted = replace(snapshot, contract=snapshot.contract.model_copy(update={"standards": rules}))
    line = rows(page.overview(counted))[own.name]
    assert (line["Rate"], line["Target"]) == (None, "less than 0.04")


def test_what_is_seen_differently_since_the_last_report_is_said_with_the_reason(town_place):
    """Starts are recorded two days after, absences one: the report of February, made on 29 February, lacks them."""
    earlier = month_before(load_snapshot("town", "2020-03", params=town_place.params))
    later = load_snapshot("town", "2020-03", params=town_place.params)
    (said,) = as_text(page.changes(earlier, later), Disclosure())
    assert re.fullmatch(
        r"\d+ cases of the report for February 2020, as known on 29 February 2020, are seen differently now: "
        r"\d+ recorded late\.",
        said,
    )
    assert as_text(page.changes(later, later), Disclosure())[0].startswith("Nothing in the report for March 2020")
    assert as_text(page.changes(None, later), Disclosure())[0].startswith("This is the contract's first month")


@pytest.mark.parametrize("show", [INTERNAL, EXTERNAL], ids=["internal", "external"])
def test_everything_is_shown_or_says_why_not_for_every_extract(show, edge_snapshot):
    shown = [show.table(make(edge_snapshot)) for make in TABLES] + [show(make(edge_snapshot)) for make in SHOWN]
    shown.append(show([*page.findings(edge_snapshot), *page.conventions(edge_snapshot)]))
    for one in shown:
        text = BeautifulSoup(one.html, "html.parser").get_text(" ")
        assert not re.search(r"\b(nan|NaT|inf)\b", text), text
        cells = BeautifulSoup(one.html, "html.parser").find_all(["th", "td"])
        assert all(cell.text.strip() for cell in cells)


def test_outside_no_count_is_small_or_unrounded_and_rates_are_of_rounded_counts(town_snapshot):
    for make in TABLES:
        shown = EXTERNAL.table(make(town_snapshot)).data
        headers = [column["header"] for column in shown.get("columns", []) if column["kind"] == "count"]
        counts = pd.to_numeric(
            pd.Series([line[h] for line in shown.get("rows", []) for h in headers], dtype=object), errors="coerce"
        )
        assert ((counts.dropna() == 0) | (counts.dropna() >= 10) & (counts.dropna() % 5 == 0)).all()
    line = rows(page.overview(town_snapshot), EXTERNAL)["CSS 1a: referral resolved"]
    inside = rows(page.overview(town_snapshot))["CSS 1a: referral resolved"]
    met, all_counted = inside["Met"], inside["Met"] + inside["Open and late"]
    assert line["Rate"] == round(5 * round(met / 5) / (5 * round(all_counted / 5)), 2)


def test_a_programme_without_standards_has_a_page_that_says_so(town_snapshot):
    none = replace(town_snapshot, contract=town_snapshot.contract.model_copy(update={"standards": {}}))
    assert as_text(page.findings(none), Disclosure())[0].endswith("the contract adds none.")
    assert INTERNAL.table(page.overview(none)).data["kind"] == "withheld"
    assert "No standard here is of a backlog" in INTERNAL(page.month_ends(none)).html
