"""The participant journey page: what it says, counted again from the extract's own rows, and for both audiences."""

import re

import pandas as pd
import pytest
from bs4 import BeautifulSoup

from perflib import month_before
from perflib.analysis import journey
from perflib.analysis.journey import peer_groups
from perflib.disclosure.presenter import Presenter
from perflib.disclosure.rules import Disclosure
from perflib.disclosure.sentences import as_text
from perflib.records.loading import load_snapshot
from perflib.reporting import front_matter
from perflib.reporting import participant_journey as page
from perflib.reporting.participant_journey import figures, tables

OUTSIDE = Disclosure("external", suppress_below=10, round_to=5, names=False)
INTERNAL, EXTERNAL = Presenter(Disclosure()), Presenter(OUTSIDE)
TABLES = (page.flows, page.step_times, page.stage_times)
FIGURES = (page.positions, page.occupancy, page.milestone_curves)
SHOWN = (page.groups, page.reviews, page.work)


def text_of(shown):
    return BeautifulSoup(shown.html, "html.parser").get_text(" ")


@pytest.fixture(scope="module")
def dates(town_place):
    """Return the dates of `town` known at the end of March 2020, a row a referral."""
    events = pd.read_csv(
        town_place.root / "extracts" / "town" / "events.csv", parse_dates=["event_date", "recorded_date"]
    )
    known = events[(events["event_date"] <= "2020-03-31") & (events["recorded_date"] <= "2020-05-28")]
    return known.pivot(index="referral_id", columns="event", values="event_date")


@pytest.fixture(scope="module")
def sample():
    return load_snapshot("whp-sample", "2020-06")


@pytest.mark.requirement("Q-01")
def test_the_areas_are_how_many_stood_where_at_each_months_end(town_snapshot, dates):
    rows = INTERNAL.figure(page.occupancy(town_snapshot)).data["rows"]
    assert [rows[0]["Day"], rows[-1]["Day"], len(rows)] == ["31 Mar 2019", "31 Mar 2020", 13]
    for line in rows:
        day = pd.Timestamp(line["Day"])
        by_then = dates.where(dates <= day)
        resolved = by_then["start"].notna() | by_then["did_not_attend"].notna()
        assert line["Referred, not resolved"] == (by_then["referral"].notna() & ~resolved).sum()
        milestones = ["first_earnings", "earnings_1000", "earnings_2000", "job_outcome"]
        assert line["Left"] == (by_then["exit"].notna() & by_then[milestones].isna().all(axis=1)).sum()
        assert line["£2,000 earned"] == (by_then["earnings_2000"].notna() & by_then["job_outcome"].isna()).sum()


@pytest.mark.requirement("Q-01")
def test_a_report_of_a_day_says_where_everybody_stood_that_day():
    """922 had left and 439 were past the last day, counted outside the project from the sample's events."""
    snapshot = load_snapshot("whp-sample", "2020-06", "2020-06-10")
    said = as_text(page.findings(snapshot), Disclosure())
    assert "on 10 June 2020:" in said[0]
    assert "922 left" in said[0]
    assert "439 past the last day" in said[0]
    rows = INTERNAL.figure(page.positions(snapshot)).data["rows"]
    assert sum(row["Left"] for row in rows) == 922
    assert INTERNAL.figure(page.occupancy(snapshot)).data["rows"][-1]["Day"] == "10 Jun 2020"
    assert "June 2020 had not ended by 10 June 2020." in text_of(INTERNAL(front_matter.front(snapshot)))


@pytest.mark.requirement("Q-01")
def test_steps_have_limits_and_are_drawn_by_day(town_snapshot, dates):
    """Nobody leaves before day 64: the share is nearly that of those followed to day 64, the others adding a little."""
    rows = INTERNAL.figure(page.milestone_curves(town_snapshot)).data["rows"]
    line = next(line for line in rows if line["Step"] == "Job starts" and line["Days since start"] == 64)
    started = dates[dates["start"].notna()]
    old = started[started["start"] <= "2020-01-27"]
    share = ((old["job_start"] - old["start"]).dt.days <= 64).mean()
    assert line["Share that has reached it"] == pytest.approx(share, abs=0.03)
    assert line["95% from"] < line["Share that has reached it"] < line["95% to"]


@pytest.mark.requirement("KS-13")
@pytest.mark.requirement("KS-18")
def test_groups_are_shown_with_those_who_came_and_left(sample):
    rows = INTERNAL.figure(figures.group_changes(sample)).data["rows"]
    then = peer_groups.occupancy(sample, [pd.Timestamp("2019-06-30").date()]).iloc[0]
    now = peer_groups.occupancy(sample, [sample.period_end]).iloc[0]
    table = pd.DataFrame(rows).set_index("On 30 June 2019")
    assert table.loc["4 Candidate Pool"].sum() == then["4"]
    assert table["4 Candidate Pool"].sum() == now["4"]
    assert table.loc["Not on the programme yet"].sum() > 0 < table["Left"].sum()
    said = INTERNAL.figure(figures.group_changes(sample)).data["alt"]
    place = {name: number for number, name in enumerate(table.index[:5])}
    higher = sum(table.loc[was, now_in] for was in place for now_in in place if place[now_in] > place[was])
    assert f"numbers shown, {higher:,} are in a higher group" in said


@pytest.mark.requirement("KS-18")
def test_caseworkers_stand_on_the_page_inside_and_nowhere_outside(sample):
    inside, outside = (show(page.groups(sample)) for show in (INTERNAL, EXTERNAL))
    names = sample.journeys["caseworker"].dropna().unique()
    assert sum(name in text_of(inside) for name in names) > 1
    assert not any(name in text_of(outside) for name in names)
    assert "This is for internal readers" in text_of(outside)


@pytest.mark.requirement("KS-12")
def test_who_is_in_work_again_after_a_job_is_shown_by_days(sample):
    rows = INTERNAL.table(tables.job_gaps(sample)).data["rows"]
    curve = journey.job_gaps(sample)
    assert [line["Days since the end"] for line in rows] == [28, 91, 182, 364]
    assert [line["In work again"] for line in rows] == curve.at(tables.GAP_DAYS)["share"].round(3).tolist()
    assert all(line["In work again"] + line["Left without"] <= 1 for line in rows)


def test_what_the_programme_or_the_extract_lacks_is_one_sentence(town_snapshot, sample):
    group_work = load_snapshot("jobs2-sample")
    for make, words in (
        (page.groups, "Group Work (JOBS II) has no peer support groups."),
        (page.reviews, "Group Work (JOBS II) names no reviews, and no management regime of the contract does."),
        (page.work, "Group Work (JOBS II) has no jobs in its file."),
    ):
        assert text_of(INTERNAL(make(group_work))).strip() == words
    assert "in work" not in " ".join(as_text(page.findings(group_work), Disclosure()))
    assert text_of(INTERNAL(page.groups(town_snapshot))).strip() == (
        "The extract holds no placement in a peer support group."
    )
    assert "Action Plan reviews: of those on the programme all month" in text_of(INTERNAL(page.reviews(sample)))


@pytest.mark.requirement("Q-01")
def test_what_is_seen_differently_since_the_last_report_is_said_with_the_reason(town_place):
    later = load_snapshot("town", "2020-03", params=town_place.params)
    (said,) = as_text(page.changes(month_before(later), later), Disclosure())
    assert re.fullmatch(
        r"\d+ journeys of the report for February 2020, as known on 29 February 2020, are seen differently now: "
        r"\d+ recorded late\.",
        said,
    )


@pytest.mark.parametrize("show", [INTERNAL, EXTERNAL], ids=["internal", "external"])
def test_everything_is_shown_or_says_why_not_for_every_extract(show, edge_snapshot):
    shown = [show.table(make(edge_snapshot)) for make in TABLES] + [
        show.figure(make(edge_snapshot)) for make in FIGURES
    ]
    shown += [show(make(edge_snapshot)) for make in SHOWN]
    shown.append(show(page.findings(edge_snapshot)))
    for one in shown:
        text = text_of(one)
        assert not re.search(r"\b(nan|NaT|inf)\b", text), text
        cells = BeautifulSoup(one.html, "html.parser").find_all(["th", "td"])
        assert all(cell.text.strip() for cell in cells)


def small_or_unrounded(snapshot):
    shown = [EXTERNAL.table(make(snapshot)) for make in TABLES] + [EXTERNAL.figure(make(snapshot)) for make in FIGURES]
    for data in (one.data for one in shown):
        headers = [column["header"] for column in data.get("columns", []) if column["kind"] == "count"]
        cells = pd.Series([line[h] for line in data.get("rows", []) for h in headers], dtype=object)
        counts = pd.to_numeric(cells, errors="coerce").dropna()
        yield from counts[(counts != 0) & ((counts < 10) | (counts % 5 != 0))]


def test_outside_no_count_is_small_or_unrounded(edge_snapshot):
    assert list(small_or_unrounded(edge_snapshot)) == []


def test_outside_no_count_of_a_large_contract_is_small_or_unrounded(sample):
    assert list(small_or_unrounded(sample)) == []
