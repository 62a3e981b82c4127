"""Where journeys stood and how they moved: worked by hand on journeys written a line each; laws on extracts."""

from datetime import date
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from perflib.analysis import earlier_day, journey
from perflib.analysis.survival import ANY
from perflib.errors import ParameterError
from perflib.records.snapshot import load_extract, take_snapshot
from perflib.rules.contract import load_contract

few = settings(deadline=None, max_examples=6)
"""Journeys are many in each example and do not touch each other: to read them is what takes the time."""


def moved(table):
    """The cells of a table that are not 0."""
    return {(was, now): n for was, row in table.iterrows() for now, n in row.items() if n}


@pytest.fixture(scope="module")
def extract():
    return load_extract(load_contract("whp-sample"))


@pytest.fixture(scope="module")
def sample(extract):
    return take_snapshot(extract, "2020-06")


@pytest.fixture(scope="module")
def five(make):
    """Referred on 1 January 2018. The window of those who started on 10 January ends on 11 October 2019 (day 639)."""
    return make(
        """
        A start=2018-01-10 first_earnings=2018-03-01 earnings_1000=2018-04-01 job_outcome=2018-09-01
        B start=2018-01-10 exit=2018-05-01 first_earnings=2018-06-01
        C start=2018-01-10 exit=2018-05-01
        D did_not_attend=2018-01-12
        E referral=2018-05-20
        """,
        month="2019-12",
    )


# Where everybody stood


@pytest.mark.requirement("Q-01")
@pytest.mark.parametrize(
    ("day", "places"),
    [
        (date(2018, 1, 9), ["open", "open", "open", "open", "not_referred"]),
        (date(2018, 1, 12), ["on_programme", "on_programme", "on_programme", "did_not_attend", "not_referred"]),
        (date(2018, 3, 1), ["first_earnings", "on_programme", "on_programme", "did_not_attend", "not_referred"]),
        (date(2018, 4, 30), ["earnings_1000", "on_programme", "on_programme", "did_not_attend", "not_referred"]),
        (date(2018, 5, 20), ["earnings_1000", "left", "left", "did_not_attend", "open"]),
        (date(2018, 6, 1), ["earnings_1000", "first_earnings", "left", "did_not_attend", "open"]),
        (date(2019, 10, 11), ["outcome", "first_earnings", "left", "did_not_attend", "open"]),
        (date(2019, 10, 12), ["outcome", "past_last_day", "past_last_day", "did_not_attend", "open"]),
    ],
)
def test_where_each_journey_stood_at_the_close_of_a_day(five, day, places):
    assert journey.place_at(five, day).tolist() == places
    spells = journey.stage_spells(five)
    held = spells[(spells["from_date"] <= pd.Timestamp(day)) & ~(spells["to_date"] <= pd.Timestamp(day))]
    assert held["stage"].tolist() == [place for place in places if place in journey.stages(five)]


@pytest.mark.requirement("Q-01")
def test_a_claim_does_not_stand_before_it_was_submitted(make):
    """Day 200 is 20 July; claimed on 1 August, rejected on 1 September, claimed again on 1 October."""
    claims = "claim_submitted=2018-08-01#1 claim_rejected=2018-09-01#1 claim_submitted=2018-10-01#2"
    snapshot = make(
        [
            f"A start=2018-01-01 self_employed_outcome=2018-07-20 {claims}",
            "B start=2018-01-01 self_employed_outcome=2018-07-20 claim_submitted=2018-07-20#1",
        ],
        month="2018-12",
    )
    months = [date(2018, 7, 31), date(2018, 8, 31), date(2018, 9, 30), date(2018, 10, 31)]

    found = [journey.place_at(snapshot, day).iloc[0] for day in months]

    assert found == ["on_programme", "outcome", "on_programme", "outcome"]
    assert journey.occupancy(snapshot, months)["outcome"].tolist() == [1, 2, 1, 2]


@pytest.mark.requirement("Q-01")
@pytest.mark.parametrize("month", ["2018-01", "2019-06"])
def test_the_last_day_of_a_month_is_the_snapshot_of_that_month_as_known_now(extract, sample, month):
    """Of the sample, with its corrections, withdrawals and moves of subcontractor: every table is the same."""
    then = take_snapshot(extract, month, sample.known_at)

    assert earlier_day.at(sample, then.period_end).equals(then)
    assert journey.position_at(sample, then.period_end).equals(journey.position(then))


@pytest.mark.parametrize("month", pd.period_range("2018-01", "2020-05", freq="M")[::4])
def test_an_extract_with_oddities_too_is_cut_as_it_is_read(part, month):
    now = take_snapshot(part, "2020-06", "2020-08-31")

    assert earlier_day.at(now, month.end_time.date()).equals(take_snapshot(part, month, "2020-08-31"))


@pytest.mark.parametrize("day", [date(2020, 7, 1), date(2017, 12, 31)])
def test_a_day_that_the_snapshot_does_not_hold_is_refused(sample, day):
    with pytest.raises(ParameterError, match=f"day {day}: must be from 2018-01-01 to 2020-06-30"):
        earlier_day.at(sample, day)


event = st.sampled_from(
    ["start", "did_not_attend", "did_not_start", "exit", "first_earnings", "earnings_1000", "job_outcome"]
)
line = st.lists(st.tuples(event, st.integers(0, 800), st.integers(0, 200)), max_size=4)
"""Events of a journey: what, on which day of 2018 and later, and after how many days it was recorded."""


def written(lines):
    first = pd.Timestamp("2018-01-01")

    def on(day):
        return f"{first + pd.Timedelta(days=day):%Y-%m-%d}"

    return [
        " ".join([f"A{n}", *(f"{name}={on(day)}/{on(day + late)}" for name, day, late in events)])
        for n, events in enumerate(lines)
    ]


@pytest.mark.requirement("Q-01")
@few
@given(st.lists(line, min_size=8, max_size=16), st.integers(0, 729))
def test_on_every_day_positions_add_up_to_the_cohorts(make, lines, number):
    """Whatever the dates, to the end of 2019: each start by then stands in one place of its cohort, each referral in
    one of all."""
    snapshot = make(written(lines), month="2019-12", known_at="2022-12-31")
    day = (pd.Timestamp("2018-01-01") + pd.Timedelta(days=number)).date()
    starts = snapshot.journeys["start"]
    starts = starts[starts <= pd.Timestamp(day)].dt.to_period("M").value_counts()

    position = journey.position_at(snapshot, day)
    places = journey.occupancy(snapshot, [day]).iloc[0]

    assert position.sum(axis=1).tolist() == starts.reindex(position.index, fill_value=0).tolist()
    assert places.sum() == len(lines)
    assert places[position.columns].tolist() == position.sum().tolist()


@few
@given(st.lists(line, min_size=8, max_size=16), st.integers(0, 729))
def test_spells_in_stages_say_where_everybody_stood(make, lines, number):
    """Two ways to the same place: spells cut from all dates at once, and the stage worked out anew for the day."""
    snapshot = make(written(lines), month="2019-12", known_at="2022-12-31")
    day = pd.Timestamp("2018-01-01") + pd.Timedelta(days=number)
    spells = journey.stage_spells(snapshot)
    held = spells[(spells["from_date"] <= day) & ~(spells["to_date"] <= day)].set_index("place")["stage"]

    found = journey.place_at(snapshot, day.date())

    assert held.index.is_unique
    stages = list(journey.stages(snapshot))
    assert found[found.isin(stages)].to_dict() == held.to_dict()


# Flows


@pytest.mark.requirement("Q-01")
def test_flows_say_from_where_to_where_with_those_who_came_between(five):
    """From 28 February to 31 May 2018 A moved to £1,000, B and C left, E was referred, D stayed."""
    found = journey.flows(five, date(2018, 2, 28), date(2018, 5, 31))

    assert moved(found) == {
        ("on_programme", "earnings_1000"): 1,
        ("on_programme", "left"): 2,
        ("did_not_attend", "did_not_attend"): 1,
        ("not_referred", "open"): 1,
    }
    with pytest.raises(ParameterError, match="earlier=2018-05-31: is after 2018-02-28"):
        journey.flows(five, date(2018, 5, 31), date(2018, 2, 28))


@pytest.mark.requirement("Q-01")
def test_flows_begin_with_where_all_stood_on_one_day_and_end_where_they_stood_on_the_other(sample):
    days = [date(2019, 3, 31), date(2020, 6, 30)]
    found = journey.flows(sample, days[0])
    before, after = journey.occupancy(sample, days).to_numpy()

    assert found.sum(axis=1).drop("not_referred").tolist() == before.tolist()
    assert found.sum().drop("not_referred").tolist() == after.tolist()
    assert found.loc["not_referred"].sum() == after.sum() - before.sum() > 0


# Time in stage


@pytest.mark.requirement("Q-01")
def test_time_in_a_stage_counts_those_still_in_it_for_as_long_as_they_have_been(make):
    """On the programme from 10 January: A 50 days, to first earnings; B 111, to an exit; C 141, to the end of May. A
    has been at first earnings for 91 days; D passed over it, to £2,000 on day 20."""
    snapshot = make(
        """
        A start=2018-01-10 first_earnings=2018-03-01
        B start=2018-01-10 exit=2018-05-01
        C start=2018-01-10
        D start=2018-01-10 earnings_2000=2018-01-30 first_earnings=2018-02-15
        """,
        month="2018-05",
    )
    found = journey.time_in_stage(snapshot, "on_programme")

    assert found.causes == ("first_earnings", "earnings_2000", "left")
    assert found.events[ANY].to_dict() == {20: 1, 50: 1, 111: 1, 141: 0}
    assert found.censored[141] == 1
    assert journey.time_in_stage(snapshot, "first_earnings").censored.to_dict() == {91: 1}
    table = journey.stage_times(snapshot)
    assert table.loc["on_programme", ["entered", "moved_on", "still", "median"]].tolist() == [4, 3, 1, 50]
    assert table.loc["earnings_2000", ["entered", "moved_on", "still"]].tolist() == [1, 0, 1]
    assert np.isnan(table.loc["earnings_2000", "median"])
    with pytest.raises(ParameterError, match="stage='lft': did you mean 'left'"):
        journey.time_in_stage(snapshot, "lft")


def test_a_stage_that_nobody_has_entered_has_nobody_in_it(five):
    found = journey.time_in_stage(five, "earnings_2000")

    assert (found.followed, found.last_day) == (0, -1)


# Reviews


@pytest.mark.requirement("KS-06")
def test_each_calendar_month_counts_those_there_all_month_and_who_had_a_review(make):
    """March: A (two reviews), B (from the 1st), E are there all month; C starts on the 2nd, D leaves on the 31st. In
    April only B has one. At its end A's last is 31 days ago, B's 5, C's start 59, E's of 1 March 60."""
    snapshot = make(
        """
        A start=2018-02-10 review=2018-03-10 review=2018-03-30 exit=2018-05-01
        B start=2018-03-01 review=2018-03-20 review=2018-04-25
        C start=2018-03-02 review=2018-02-01
        D start=2018-02-10 review=2018-03-05 exit=2018-03-31
        E start=2018-02-01 review=2018-03-01
        """,
        month="2018-04",
    )
    found = journey.reviews(snapshot)

    assert found["participants"].tolist() == [0, 1, 3, 4]
    assert found["reviewed"].tolist() == [0, 0, 3, 1]
    assert_allclose(found["share"], [np.nan, 0, 1, 0.25])
    assert found["longest_gap"].fillna(-1).tolist() == [-1, 27, 30, 60]


@pytest.mark.requirement("KS-06")
def test_a_start_on_the_first_is_no_review_but_a_review_on_that_day_is_one(make):
    """B has not started: its review is nobody's."""
    lines = ["A start=2018-03-01", "B review=2018-03-02", "C start=2018-03-01 review=2018-03-01"]
    found = journey.reviews(make(lines, month="2018-03"))

    assert found.loc["2018-03", ["participants", "reviewed", "longest_gap"]].tolist() == [2, 1, 30]


@pytest.mark.requirement("KS-06", "WL-10")
def test_reviews_can_be_cut_by_an_attribute_and_add_up(sample):
    everybody = journey.reviews(sample)
    each = journey.reviews(sample, by="subcontractor")

    counts = ["participants", "reviewed"]
    assert each.groupby(level="month")[counts].sum().equals(everybody[counts])
    assert each["longest_gap"].groupby(level="month").max().equals(everybody["longest_gap"])
    assert 0.6 < everybody["share"].iloc[-1] < 0.8  # the sample holds 70 % of those planned every 28 days


def test_without_any_review_known_there_is_no_share(make):
    found = journey.reviews(make("A start=2018-02-10", month="2018-04"))

    assert found["participants"].tolist() == [0, 0, 1, 1]
    assert found[["share", "longest_gap"]].isna().all(axis=None)


# Work


@pytest.mark.requirement("KS-12")
def test_job_survival_follows_spells_to_their_end_the_exit_or_the_end_of_the_month(make):
    """A: two jobs that overlap, 1 February to 12 March, 39 days. B: from 1 March, open at an exit on 31 March, 30 days,
    whatever is known of its end. C: from 1 April, open at the end of April, 29 days. D: a job since before the start.
    E: a job begun after the exit."""
    snapshot = make(
        """
        A start=2018-01-10 job_start=2018-02-01#1 job_end=2018-03-01#1 job_start=2018-02-20#2 job_end=2018-03-12#2
        B start=2018-01-10 job_start=2018-03-01#1 job_end=2018-04-12#1 exit=2018-03-31
        C start=2018-01-10 job_start=2018-04-01
        D start=2018-01-10 job_start=2018-01-02
        E start=2018-01-10 job_start=2018-04-01 exit=2018-03-01
        """,
        month="2018-04",
    )
    found = journey.job_survival(snapshot)

    assert found.events["job_end"].to_dict() == {29: 0, 30: 0, 39: 1}
    assert found.censored.to_dict() == {29: 1, 30: 1, 39: 0}
    assert (found.followed, found.before) == (3, 1)
    assert found.waiting["share"].to_dict() == {29: 1, 30: 1, 39: 0}


@pytest.mark.requirement("KS-12")
def test_gaps_between_jobs_end_with_the_next_job_or_the_exit(make):
    """A: out of work from 1 March, in work again on 11 March (10 days), and from 1 April to the end of the month (29).
    B: out of work from 1 March, left on 16 March (15), in work later. C: its job ends with the exit (0)."""
    snapshot = make(
        """
        A start=2018-01-10 job_start=2018-02-01#1 job_end=2018-03-01#1 job_start=2018-03-11#2 job_end=2018-04-01#2
        B start=2018-01-10 job_start=2018-02-01#1 job_end=2018-03-01#1 exit=2018-03-16 job_start=2018-03-20#2
        C start=2018-01-10 job_start=2018-02-01#1 job_end=2018-03-01#1 exit=2018-03-01
        """,
        month="2018-04",
    )
    found = journey.job_gaps(snapshot)

    assert found.events["job_start"].to_dict() == {0: 0, 10: 1, 15: 0, 29: 0}
    assert found.events["exit"].to_dict() == {0: 1, 10: 0, 15: 1, 29: 0}
    assert found.censored.to_dict() == {0: 0, 10: 0, 15: 0, 29: 1}


@pytest.mark.requirement("KS-12")
def test_the_live_in_work_caseload_is_shown_by_how_long_the_spell_has_lasted(make):
    """At the end of June: A 27 days (3 weeks), B 28 (4 weeks), C 182 (26 weeks, since before the start). D's job has
    ended, E has left in work, F never worked."""
    snapshot = make(
        """
        A start=2018-01-10 sex=f job_start=2018-06-03
        B start=2018-01-10 sex=f job_start=2018-06-02
        C start=2018-01-10 sex=m job_start=2017-12-30
        D start=2018-01-10 sex=m job_start=2018-02-01 job_end=2018-06-30
        E start=2018-01-10 sex=m job_start=2018-02-01 exit=2018-06-30
        F start=2018-01-10
        """,
        month="2018-06",
    )
    found = journey.in_work(snapshot)

    assert found.loc["all"].to_dict() == {
        "on_programme": 5,
        "in_work": 3,
        "0 to 3 weeks": 1,
        "4 to 12 weeks": 1,
        "13 to 25 weeks": 0,
        "26 weeks and over": 1,
    }
    each = journey.in_work(snapshot, by="sex")
    assert each["on_programme"].to_dict() == {"f": 2, "m": 2, "not recorded": 1}
    assert each["in_work"].to_dict() == {"f": 2, "m": 1, "not recorded": 0}


def test_with_nobody_on_the_programme_nobody_is_in_work(make):
    assert journey.in_work(make("A exit=2018-01-20 start=2018-01-10", month="2018-06")).loc["all"].sum() == 0


@pytest.mark.requirement("KS-12")
def test_the_live_in_work_caseload_is_that_of_the_monthly_caseloads(sample):
    """A month's caseload is of its first day: here of 1 June."""
    snapshot = earlier_day.at(sample, date(2020, 6, 1))

    found = journey.in_work(snapshot).loc["all"]

    assert found[["on_programme", "in_work"]].tolist() == (
        journey.caseload(sample).loc["2020-06", ["on_programme", "in_work"]].tolist()
    )


# Who is overdue


@pytest.mark.requirement("KS-06", "WL-12")
def test_a_review_is_overdue_a_calendar_month_after_the_last_or_the_start(make):
    """At the end of June: A's last was on 29 May, due on 29 June; B's on 30 May, due that day, which is not over; C has
    had none since 10 January; D has left; E has had one."""
    snapshot = make(
        """
        A start=2018-01-10 caseworker=W1 review=2018-05-29
        B start=2018-01-10 caseworker=W1 review=2018-05-30
        C start=2018-01-10 caseworker=W2
        D start=2018-01-10 exit=2018-06-30
        E start=2018-01-10 review=2018-06-20
        """,
        month="2018-06",
    )
    found = journey.overdue(snapshot, "review")

    assert found["referral_id"].tolist() == ["C", "A"]
    assert found["caseworker"].tolist() == ["W2", "W1"]
    assert [f"{day:%Y-%m-%d}" for day in found["due"]] == ["2018-02-10", "2018-06-29"]
    assert found["days_over"].tolist() == [140, 1]


@pytest.mark.requirement("SES-11")
def test_of_a_standard_the_cases_open_late_are_overdue(make):
    """CSS 1a: resolved in 10 working days. Referred on Friday 1 June, due on Friday 15; on 18 June, due on 2 July."""
    snapshot = make(
        ["A referral=2018-06-01", "B referral=2018-06-18", "C referral=2018-06-01 start=2018-06-29"], "2018-06"
    )

    found = journey.overdue(snapshot, "css1a")

    assert found[["referral_id", "days_over"]].to_numpy().tolist() == [["A", 15]]
    with pytest.raises(ParameterError, match="what='css1'"):
        journey.overdue(snapshot, "css1")


# What later knowledge changes


def changes(earlier, later):
    found = journey.changed_since(earlier, later)
    return {(row["was"], row["now"], row["reason"]): row["journeys"] for _, row in found.iterrows()}


@pytest.mark.requirement("Q-01")
def test_what_changed_is_counted_with_the_reason(make):
    """At the end of March: A's earnings were recorded in April; B's start of 31 March was corrected, in April, to 1
    April; C was referred in March, recorded in April; D's did_not_attend was taken back; E's exit happened in April."""
    lines = """
    A start=2018-02-01 first_earnings=2018-03-20/2018-04-12
    B start=2018-03-31/2018-03-31 start=2018-04-01/2018-04-03
    C referral=2018-03-25/2018-04-01
    D did_not_attend=2018-03-05
    E start=2018-02-01 exit=2018-04-10
    """
    earlier = make(lines, month="2018-03")
    later = make(lines.replace("did_not_attend=2018-03-05", ""), month="2018-04")

    assert changes(earlier, later) == {
        ("on_programme", "first_earnings", "recorded late"): 1,
        ("on_programme", "open", "corrected"): 1,
        ("not_referred", "open", "recorded late"): 1,
        ("did_not_attend", "open", "withdrawn"): 1,
    }


def test_a_late_record_explains_more_than_a_correction(make):
    """First earnings were dated anew, and £1,000 became known: the place changed because of the latter."""
    earnings = "first_earnings=2018-03-01 first_earnings=2018-02-26/2018-04-02 earnings_1000=2018-03-30/2018-04-20"
    lines = [f"A start=2018-01-05 {earnings}"]

    assert changes(make(lines, month="2018-03"), make(lines, month="2018-04")) == {
        ("first_earnings", "earnings_1000", "recorded late"): 1
    }


def test_a_claim_of_somebody_else_may_change_what_counts(make):
    """Without any claim known a self-employed outcome counts; B's claim of March, recorded in April, ends that."""
    lines = """
    A start=2018-01-05 self_employed_outcome=2018-03-10
    B start=2018-01-05 claim_submitted=2018-03-20/2018-04-05
    """

    assert changes(make(lines, month="2018-03"), make(lines, month="2018-04")) == {
        ("outcome", "on_programme", "changed elsewhere"): 1
    }


def test_snapshots_in_the_wrong_order_or_of_two_contracts_are_refused(make):
    march, april = (make("A start=2018-02-01", month=month) for month in ("2018-03", "2018-04"))

    with pytest.raises(ParameterError, match="Give the two the other way round"):
        journey.changed_since(april, march)
    with pytest.raises(ParameterError, match="later: is of another, not of made-here"):
        journey.changed_since(march, make("A start=2018-02-01", month="2018-04", contract="another"))


@pytest.mark.requirement("Q-01")
@few
@given(st.lists(line, min_size=8, max_size=16), st.integers(0, 300))
def test_a_later_snapshot_changes_the_past_only_through_late_or_corrected_records(make, lines, wait):
    """At the end of June 2019, as known then and up to 300 days later: without the rows recorded in between nothing
    changes, and with them the count is that of the journeys that stand elsewhere."""
    known = pd.Timestamp("2019-06-30")
    until = known + pd.Timedelta(days=wait)
    text = written(lines)
    earlier = make(text, month="2019-06")
    later = make(text, month="2019-06", known_at=f"{until:%Y-%m-%d}")
    timely = [
        [(name, day, late) for name, day, late in events if not 545 < day + late <= 545 + wait] for events in lines
    ]  # 30 June 2019 is day 545

    found = journey.changed_since(earlier, later)

    stood, stands = (journey.place(whole).set_axis(whole.journeys["referral_id"]) for whole in (earlier, later))
    assert found["journeys"].sum() == (stood != stands).sum()
    assert set(found["reason"]) <= {"recorded late", "corrected", "withdrawn"}
    assert journey.changed_since(earlier, make(written(timely), month="2019-06", known_at=f"{until:%Y-%m-%d}")).empty


@pytest.mark.requirement("Q-01")
@pytest.mark.parametrize("month", ["2018-06", "2019-10"])
def test_what_happens_later_does_not_change_the_past(extract, sample, month):
    """Held against the report of a later month, or against the same month asked again then: it is all the same."""
    earlier, asked_again = take_snapshot(extract, month), take_snapshot(extract, month, sample.known_at)

    found = journey.changed_since(earlier, sample)

    assert found.equals(journey.changed_since(earlier, asked_again))
    assert set(found["reason"]) <= {"recorded late", "corrected", "withdrawn"}
    assert found["journeys"].sum() > 0


def test_occupancy_by_default_ends_with_the_month_and_begins_a_year_before(sample):
    found = journey.occupancy(sample)

    assert [f"{day:%Y-%m-%d}" for day in found.index[[0, -1]]] == ["2019-06-30", "2020-06-30"]
    assert len(found) == 13
    assert found.iloc[-1].tolist() == journey.place(sample).value_counts().reindex(found.columns).tolist()
    assert all(earlier.sum() <= later.sum() for (_, earlier), (_, later) in pairwise(found.iterrows()))
