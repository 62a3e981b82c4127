"""The service standards page: what it says, counted again from the extract's own rows, and for both audiences."""

import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from bs4 import BeautifulSoup

from perflib import month_before
from perflib.analysis import standards
from perflib.disclosure.presenter import Presenter
from perflib.disclosure.rules import Disclosure
from perflib.disclosure.sentences import as_text
from perflib.errors import ParameterError
from perflib.records.loading import load_snapshot
from perflib.reporting import contract_review, performance_summary
from perflib.reporting import service_standards as page
from perflib.reporting.service_standards import figures, tables

INTERNAL = Presenter(Disclosure())
EXTERNAL = Presenter(Disclosure("external", suppress_below=10, round_to=5, names=False))
NEW_YEAR = "2019-01-01"
TABLES = (
    tables.overview,
    tables.held_by_the_day,
    tables.of_department,
    page.bases,
    page.exemptions,
    page.recent,
    page.by_unit,
    page.register,
)
SHOWN = (page.everything, page.month_ends, page.charts)


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
    line = rows(tables.overview(town_snapshot))["CSS 1a: referral resolved"]
    done = journeys["done"].notna()
    assert line["Met"] == (done & ~journeys["late"]).sum()
    assert line["Open and late"] == (~done & journeys["late"]).sum() > 0
    assert line["Not due yet"] == (~done & ~journeys["late"]).sum() > 0
    assert line["Rate"] == round(line["Met"] / (line["Met"] + line["Done late"] + line["Open and late"]), 3)
    assert (line["Target"], line["Status"]) == ("all", "not met")


@pytest.mark.requirement("WHP-37")
def test_what_is_missed_is_said_with_its_numbers_and_what_cannot_be_judged_by_name(town_snapshot):
    line = rows(tables.overview(town_snapshot))["CSS 1a: referral resolved"]
    said = as_text(page.findings(town_snapshot), Disclosure())
    late = line["Open and late"]
    assert said[0].startswith(
        f"CSS 1a: referral resolved: not met. {100 * line['Rate']:.1f}% of {line['Met'] + late} on time "
        f"(target: all). {late} late or missed, {late} of them still open. The longest"
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


def rows_of(text):
    """Return an extract of events, one a line, as `conftest.rows` does."""
    events = [line.split() for line in text.strip().splitlines()]
    events = pd.DataFrame(events, columns=["referral_id", "event", "event_date", "recorded_date"])
    names = events["referral_id"].unique()
    return {"participants": pd.DataFrame({"referral_id": names, "participant_id": names}), "events": events}


def oldest_on_any_day(journeys, month):
    """Return the greatest age in working days of a referral open at the close of any day of a month of 2019."""
    holidays = ["2019-04-19", "2019-04-22", "2019-05-06", "2019-05-27", "2019-08-26", "2019-12-25", "2019-12-26"]
    ages = []
    for day in pd.date_range(month, periods=28):
        open_then = journeys[(journeys["referral"] <= day) & ~(journeys["done"] <= day)]
        if open_then.empty:
            continue
        first = np.busday_offset(
            open_then["referral"].min().to_datetime64().astype("datetime64[D]"), 0, "forward", holidays=holidays
        )
        ages.append(np.busday_count(first, day.to_datetime64().astype("datetime64[D]") + 1, holidays=holidays) - 1)
    return max(ages)


@pytest.mark.requirement("WHP-41")
def test_the_oldest_open_referral_on_any_day_is_drawn_for_every_month(town_snapshot, journeys):
    shown = INTERNAL.figure(figures.oldest(town_snapshot, "css4")).data
    line = next(line for line in shown["rows"] if line["Month"] == "Feb 2019")
    assert line["Oldest on any day (working days)"] == oldest_on_any_day(journeys, "2019-02")
    assert f"In March 2020 it was {shown['rows'][-1]['Oldest on any day (working days)']} working days" in shown["alt"]


@pytest.mark.requirement("WHP-41")
def test_a_referral_that_was_too_long_in_the_backlog_is_drawn_in_its_month_though_it_was_resolved_by_the_end(place):
    """From Monday 4 February 2019 day 25 is 11 March: open on the 12th, resolved on the 13th."""
    place.contract(more="\nfirst_day: 2019-02-01")
    place.extract(
        tables=rows_of(
            """
            ref-1 referral 2019-02-04 2019-02-04
            ref-1 start 2019-03-13 2019-03-13
            ref-2 referral 2019-02-04 2019-02-04
            ref-2 start 2019-03-11 2019-03-11
            ref-3 referral 2019-03-25 2019-03-25
            """
        )
    )
    shown = INTERNAL.figure(figures.oldest(load_snapshot("town", "2019-04"), "css4")).data
    headers = ("Month", "Oldest on any day (working days)", "Passed 25 working days")
    assert [tuple(row[header] for header in headers) for row in shown["rows"]] == [
        ("Feb 2019", 18, 0),
        ("Mar 2019", 26, 1),
        ("Apr 2019", 24, 0),
    ]
    assert [row["That month"] for row in shown["rows"]] == ["met", "not met", "met"]
    assert "1 referral passed 25 working days: 1 in March 2019." in shown["alt"]
    line = rows(tables.overview(load_snapshot("town", "2019-04")))["CSS 4: longest in backlog"]
    assert (line["Met"], line["Done late"], line["Rate"]) == (1, 1, 0.5)


WHOSE = """
            ref-1 referral 2019-02-04 2019-02-04
            ref-1 start 2019-02-06 2019-02-06
"""


def test_what_the_department_must_meet_stands_apart_and_in_no_figure_of_the_providers(place):
    """Notice of a sample on 4 March, looked at on 6 March: two days, where five are asked."""
    place.contract(more="\nfirst_day: 2019-02-01\nmanagement: ks")
    samples = pd.DataFrame(
        [("Q1", "2019-03-04", "2019-03-06", "2019-03-06")],
        columns=["sample_id", "sent_date", "check_date", "recorded_date"],
    )
    place.extract(tables=rows_of(WHOSE) | {"samples": samples})
    snapshot = load_snapshot("town", "2019-03")
    notice = "Compliance checks: notice of the sample"

    assert notice not in rows(tables.overview(snapshot))
    assert rows(tables.of_department(snapshot))[notice]["Status"] == "not met"
    assert standards.measure(snapshot).set_index("name")["status"][notice] == "not_met"
    missed = standards.of_provider(snapshot).query("status == 'not_met'")["name"].tolist()
    assert notice not in missed
    said = as_text(page.findings(snapshot), Disclosure())
    assert said[-1].startswith(f"For DWP to meet: {notice}: not met;")
    assert not any(sentence.startswith(notice) for sentence in said)
    tiles = INTERNAL.tiles(contract_review.key_figures(snapshot)).data
    assert tiles["values"]["standards"] == len(missed)
    for spoken in (contract_review.findings, performance_summary.findings):
        assert not any(notice in sentence for sentence in as_text(spoken(snapshot), Disclosure()))
    own = "{name: Notice, kind: standard, standard: sample_notice, source: none}"
    place.contract(more=f"\nmanagement: ks\nkpis:\n  notice: {own}")
    with pytest.raises(ParameterError, match="'sample_notice' is for the department to meet"):
        load_snapshot("town", "2019-03")


@pytest.mark.requirement("WL-06")
@pytest.mark.requirement("WL-07")
def test_a_regime_adds_its_limits_to_the_page(place):
    """Promised 10 starts a month; 11 or 12 of 14 referred start, a week after."""
    volumes = "\nvolumes:\n  - {measure: start, from: 2019-01, source: made, values: [" + "10, " * 14 + "10]}"
    place.contract(more="\nmanagement: wl" + volumes)
    place.extract()
    snapshot = load_snapshot("town", "2020-03")
    shown = INTERNAL.figure(figures.against_profile(snapshot, "mpl3")).data["rows"]
    recorded = snapshot.journeys["start_recorded"].dropna()
    assert [line["Expected to date"] for line in shown] == pytest.approx(list(range(10, 160, 10)), abs=2)
    assert [line["Recorded to date"] for line in shown] == [(recorded < str(m + 1)).sum() for m in snapshot.months]
    names = [line["Standard"] for line in INTERNAL.table(page.register(snapshot)).data["rows"]]
    assert names[-8:] == [rule.name for rule in snapshot.contract.management.standards.values()]
    html = INTERNAL(page.month_ends(snapshot)).html
    assert html.count("<figure") == 5  # CSS 3 and 4, MPL 3, 4 and 5
    said = " ".join(as_text(page.findings(snapshot), Disclosure()))
    assert "MPL 5: longest in backlog: not met." in said
    own = snapshot.contract.standards["mpl4"].model_copy(update={"share_of": "count"})
    rules = {**snapshot.contract.standards, "mpl4": own}
    counted = replace(snapshot, contract=snapshot.contract.model_copy(update={"standards": rules}))
    line = rows(tables.held_by_the_day(counted))[own.name]
    assert (line["Of"], line["Rate"], line["Target"]) == (None, None, "less than 0.04")
    line = rows(tables.held_by_the_day(snapshot))[own.name]
    waiting = snapshot.journeys[["start", "did_not_attend"]].isna().all(axis=1)
    late = waiting & (snapshot.journeys["referral"] < "2020-03-10")  # 15 working days before 31 March
    assert (line["Counted"], line["Of"]) == (late.sum(), len(late))
    assert line["Rate"] == round(line["Counted"] / line["Of"], 3)


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
    line = rows(tables.overview(town_snapshot), EXTERNAL)["CSS 1a: referral resolved"]
    inside = rows(tables.overview(town_snapshot))["CSS 1a: referral resolved"]
    met, all_counted = inside["Met"], inside["Met"] + inside["Open and late"]
    assert line["Rate"] == round(5 * round(met / 5) / (5 * round(all_counted / 5)), 2)


def test_a_programme_without_standards_has_a_page_that_says_so(town_snapshot):
    none = replace(town_snapshot, contract=town_snapshot.contract.model_copy(update={"standards": {}}))
    assert as_text(page.findings(none), Disclosure())[0].endswith("the contract adds none.")
    assert INTERNAL.table(tables.overview(none)).data["kind"] == "withheld"
    assert "No standard here is of a backlog" in INTERNAL(page.month_ends(none)).html
