"""Counts on every period basis beside what was promised, equality of outcomes, and trends.

The independent count is `Reading` in `conftest.py`: pandas on the files, nothing of perflib.
"""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy.stats import hypergeom

from perflib.analysis import cohorts, counts, journey, trend_charts
from perflib.errors import ParameterError
from perflib.records.snapshot import take_snapshot
from perflib.rules.contract import load_programme
from perflib.rules.programme import EventType, Trend

BASES = ("month", "rolling_3", "rolling_12", "cumulative")


def month(text):
    return pd.Period(text, "M")


def profile(values, group=None, first="2018-01", measure="outcome"):
    return {"measure": measure, "group": group, "from": first, "source": "none", "values": values}


def many(number, said, name="P"):
    return [f"{name}{i:03} {said}" for i in range(number)]


# An independent count, straight from the files


@pytest.fixture(scope="module", params=[("2020-06", None), ("2020-06", "2020-09-30"), ("2018-09", None)])
def both(request, part, reading):
    return take_snapshot(part, *request.param), reading(*request.param)


@pytest.mark.requirement("WHP-06")
@pytest.mark.requirement("WHP-23")
@pytest.mark.parametrize("clock", ["event", "recorded"])
def test_counts_on_every_basis_agree_with_a_count_straight_from_the_files(both, clock):
    snapshot, reading = both
    dates = reading.happened.groupby("event")["event_date" if clock == "event" else "first_recorded"]
    dates = dict(list(dates)) | {"outcome": reading.journeys["outcome" if clock == "event" else "outcome_recorded"]}
    first = reading.journeys["referral"].min().to_period("M")

    frame = counts.summary(snapshot, clock).set_index(["measure", "basis"])["actual"].unstack()
    assert set(frame.index) == set(snapshot.programme.measures)
    for measure, row in frame[list(BASES)].iterrows():
        when = dates[measure].dt.to_period("M") if measure in dates else pd.Series(dtype="period[M]")
        back = [max(reading.month - months, first) for months in (0, 2, 11)]
        assert row.tolist() == [((when >= since) & (when <= reading.month)).sum() for since in (*back, first)], measure
    assert frame.loc["start", "cumulative"] > 5


@pytest.mark.requirement("WHP-06")
@pytest.mark.requirement("WHP-18")
def test_what_was_promised_agrees_with_a_sum_over_participants(both, promises, volumes):
    """Outcomes: for each participant the rise of the profile in each month; else the stated volumes."""
    snapshot, reading = both
    months = pd.period_range(reading.journeys["referral"].min(), reading.month, freq="M")
    outcomes = np.zeros(len(months))
    started = reading.journeys.dropna(subset="start")
    for row in started.itertuples():
        age = (reading.month - row.start.to_period("M")).n
        outcomes[-1 - age :] += np.diff(promises(row.customer_group, row.devolution_area)[: age + 1], prepend=0)
    stated = {name: np.array((values + [np.nan] * 40)[: len(months)]) for name, values in volumes.items()}

    frame = counts.summary(snapshot, "event").set_index(["measure", "basis"])
    for name, monthly in (stated | {"outcome": outcomes}).items():
        rows = frame.loc[[(name, basis) for basis in BASES]]
        expected = np.array([monthly[-last:].sum() for last in (1, 3, 12, len(months))])
        assert_allclose(rows["profile"], expected)
        assert_allclose(rows["difference"], rows["actual"] - expected)
        assert_allclose(rows["of_profile"], rows["actual"] / np.where(expected > 0, expected, np.nan))
    unpromised = frame["profile"].unstack().drop([*stated, "outcome"])
    assert len(unpromised) == len(snapshot.programme.measures) - 3
    assert unpromised.isna().all(axis=None)


# Periods and promises


@pytest.mark.requirement("WHP-06")
def test_a_window_longer_than_the_contract_is_cut_and_says_so(make):
    """From 15 January 2018, seen in March: 3 of 12, first partial."""
    lines = ["A referral=2018-01-15", "B referral=2018-02-01", "C referral=2018-03-31"]
    frame = counts.summary(make(lines, "2018-03", first_day="2018-01-15"))
    row = frame[(frame["measure"] == "referral") & (frame["basis"] == "rolling_12")].iloc[0]

    assert row[["period", "months", "partial", "actual"]].tolist() == ["3 of 12 months, first partial", 3, True, 3]
    whole = frame[(frame["measure"] == "referral") & (frame["basis"] == "month")].iloc[0]
    assert whole[["period", "months", "partial", "actual"]].tolist() == ["March 2018", 1, False, 1]


def test_a_window_is_partial_when_months_are_missing_though_the_first_is_whole(make):
    frame = counts.summary(make("A", "2018-03")).set_index(["measure", "basis"]).loc["referral"]

    assert frame["partial"].to_dict() == {"month": False, "rolling_3": False, "rolling_12": True, "cumulative": False}
    assert frame["period"].tolist() == ["March 2018", "3 months", "3 of 12 months", "3 months"]


def test_a_recorded_count_is_of_the_month_in_which_it_was_recorded(make):
    snapshot = make("A start=2018-01-10/2018-02-03 job_start=2018-01-20/2018-03-01", "2018-02", "2018-03-31")

    happened = counts.monthly(snapshot, ["start", "job_start"])
    recorded = counts.monthly(snapshot, ["start", "job_start"], "recorded")
    assert happened.to_numpy().tolist() == [[1, 1], [0, 0]]
    assert recorded.to_numpy().tolist() == [[0, 0], [1, 0]]  # the job start was recorded after the report month


@pytest.mark.requirement("KS-19")
def test_every_measure_that_the_programme_lists_is_counted_on_every_basis(make, whp):
    events = whp.events | {"sustained_outcome": EventType(label="Sustained job outcomes")}
    names = ("referral", "start", "job_start", "outcome", "sustained_outcome")
    line = "A start=2018-01-05 job_start=2018-02-01 job_outcome=2018-03-01 sustained_outcome=2018-04-01"
    programme = whp.model_copy(update={"events": events, "measures": names})
    volume = [{"measure": "sustained_outcome", "from": "2018-01", "source": "none", "values": [0, 0, 0, 4]}]

    frame = counts.summary(make(line, "2018-04", programme=programme, volumes=volume))
    assert frame["measure"].tolist() == [name for name in names for _ in BASES]
    assert frame["basis"].tolist() == [*BASES] * 5
    assert frame["actual"].tolist() == [0, 0, 1, 1, 0, 0, 1, 1, 0, 1, 1, 1, 0, 1, 1, 1, 1, 1, 1, 1]
    assert frame[frame["measure"] == "sustained_outcome"]["of_profile"].tolist() == [0.25] * 4


@pytest.mark.requirement("WHP-18")
def test_what_is_promised_month_by_month_adds_up_to_what_each_cohort_is_expected_to_have(make):
    """At the end of every month the promises so far are those to all cohorts at the ages they then have."""
    lines = (
        many(3, "start=2018-01-15 customer_group=ltu")
        + many(2, "start=2018-03-01", "Q")
        + many(7, "start=2018-04-30", "R")
    )
    promise = {"profiles": [profile([0, 0.01, 0.05, 0.2]), profile([0.1, 0.3], "ltu")]}
    so_far = counts.promised(make(lines, "2018-08", **promise), ["outcome"])["outcome"].cumsum()

    for seen, total in so_far.items():
        snapshot = make(lines, str(seen), **promise)
        assert total == pytest.approx(
            cohorts.against_profile(cohorts.triangle(snapshot), snapshot.contract)["expected"].sum()
        )
    # by hand: 3 x .1; 3 x .3; + 2 x 0; + 2 x .01 + 7 x 0; ... 3 x .3 + 2 x .2 + 7 x .2
    assert so_far.tolist() == pytest.approx([0.3, 0.9, 0.9, 0.92, 1.07, 1.65, 2.7, 2.7])


def test_a_month_in_which_something_was_promised_to_no_start_at_all_is_missing(make):
    """A cohort before the profile leaves unknown what its months expected of everybody."""
    lines = ["A start=2018-01-15", "B start=2018-02-15"]
    promised = counts.promised(make(lines, "2018-03", profiles=[profile([0.1], first="2018-02")]), ["outcome"])

    assert promised["outcome"].isna().all()


def test_a_stated_volume_comes_before_what_the_profile_says(make):
    volume = [{"measure": "outcome", "from": "2018-02", "source": "none", "values": [9]}]
    snapshot = make(many(10, "start=2018-01-15"), "2018-03", profiles=[profile([0.1, 0.2, 0.4])], volumes=volume)

    assert counts.promised(snapshot, ["outcome"])["outcome"].tolist() == pytest.approx([1, 9, 2])


@pytest.mark.requirement("SES-15", "JII-15", "JII-22")
@pytest.mark.parametrize(("programme", "measure"), [("ses", "start"), ("jobs2", "start"), ("jobs2", "course_start")])
def test_starts_are_held_to_the_profiled_number_in_the_month_and_to_date(make, programme, measure):
    """Two in November and one in December, of four profiled in each: a quarter in the month, 3 of 8 to date."""
    begun = {"A": "2018-11-05", "B": "2018-11-20", "C": "2018-12-03"}
    lines = [f"{name} referral=2018-11-01 start={day} {measure}={day}" for name, day in begun.items()]
    volume = [{"measure": measure, "from": "2018-11", "source": "none", "values": [4, 4]}]
    rules = {"programme": load_programme(programme), "first_day": "2018-11-01", "volumes": volume}

    frame = counts.summary(make(lines, "2018-12", **rules)).set_index(["measure", "basis"]).loc[measure]
    assert frame.loc[["month", "cumulative"], ["actual", "profile", "of_profile"]].to_numpy().tolist() == [
        [1, 4, 0.25],
        [3, 8, 0.375],
    ]


def test_where_nothing_happened_and_nothing_was_promised_the_tables_say_so(make):
    snapshot = make("A", "2018-02")

    frame = counts.summary(snapshot).set_index(["measure", "basis"])
    assert frame["actual"].sum() == 3  # the referral of January, in every window but the month's own
    assert frame["profile"].isna().all()
    assert counts.time_to_start(snapshot)["starts"].tolist() == [0, 0, 0, 0]
    assert counts.time_to_start(snapshot)[["median", "p90"]].isna().all(axis=None)
    assert counts.equality(snapshot).empty
    assert counts.demographics(snapshot)[["month", "cumulative"]].sum().tolist() == [0, 0]


# From referral to start, and who started


@pytest.mark.requirement("SES-25")
def test_time_to_start_is_of_the_starts_of_the_period_in_calendar_days(make):
    """5, 10 and 30 days: median 10; the ninetieth percentile is .8 of the way from the second to the third, 26."""
    lines = [
        "A referral=2018-01-01 start=2018-01-06",
        "B referral=2018-03-01 start=2018-03-11",
        "C referral=2018-03-01 start=2018-03-31",
        "D referral=2018-03-01",
    ]
    frame = counts.time_to_start(make(lines, "2018-03"))

    assert frame["starts"].to_dict() == {"month": 2, "rolling_3": 3, "rolling_12": 3, "cumulative": 3}
    assert frame[["median", "p90"]].loc[["month", "cumulative"]].to_numpy().tolist() == [[20, 28], [10, 26]]


def test_one_person_with_two_started_referrals_is_two_starts_and_one_individual(make):
    lines = ["A start=2018-01-10 participant_id=X", "B start=2019-01-20 participant_id=X", "C participant_id=Y"]

    assert counts.individuals(make(lines)).to_numpy().tolist() == [[3, 2], [2, 1]]


def test_journeys_whose_person_was_not_recorded_are_people_of_their_own(make):
    lines = ["A start=2018-01-10 participant_id=", "B start=2018-01-20 participant_id=", "C start=2018-01-20"]

    assert counts.individuals(make(lines)).loc["start"].tolist() == [3, 3]


@pytest.mark.requirement("WL-10")
def test_demographics_add_up_to_the_starts_of_each_period(both):
    snapshot, _ = both
    frame = counts.demographics(snapshot)
    starts = counts.summary(snapshot).set_index(["measure", "basis"])["actual"]["start"]

    sums = frame.groupby("attribute")[["month", "rolling_12", "cumulative", "share"]].sum()
    assert len(sums) == 6
    assert (sums[["month", "rolling_12", "cumulative"]] == starts[["month", "rolling_12", "cumulative"]].to_list()).all(
        axis=None
    )
    assert_allclose(sums["share"], 1)


def test_demographics_are_as_at_the_start_and_name_what_was_not_recorded(make):
    lines = ["A start=2018-01-05 sex=f age=24", "B start=2018-02-01 sex=m age=25", "C start=2018-02-01"]
    frame = counts.demographics(make(lines, "2018-02"), ("sex", "age"))

    assert frame.to_numpy().tolist() == [
        ["Sex", "Female", 0, 1, 1, 1 / 3],
        ["Sex", "Male", 1, 1, 1, 1 / 3],
        ["Sex", "Not recorded", 1, 1, 1, 1 / 3],
        ["Age at referral", "16 to 24", 0, 1, 1, 1 / 3],
        ["Age at referral", "25 to 34", 1, 1, 1, 1 / 3],
        ["Age at referral", "Not recorded", 1, 1, 1, 1 / 3],
    ]


def test_shares_of_the_starts_to_date_add_up_though_one_came_before_the_contract(make):
    frame = counts.demographics(make(["A start=2017-12-29 sex=f", "B start=2018-01-05 sex=m"], "2018-02"), ("sex",))

    assert frame["share"].sum() == 1


def test_a_programme_that_names_no_attributes_has_an_empty_table_of_them(make, whp):
    snapshot = make("A start=2018-01-05", programme=whp.model_copy(update={"demographics": ()}))

    assert counts.demographics(snapshot).empty
    assert counts.equality(snapshot).empty


# Equality of outcomes


def of_two(x, n, y, m):
    """Women: x of n reached the outcome within 3 months; men: y of m. All started in January 2018."""
    done = "start=2018-01-15 job_outcome=2018-03-20"
    lines = many(x, f"sex=f {done}") + many(n - x, "sex=f start=2018-01-15", "Q")
    return lines + many(y, f"sex=m {done}", "R") + many(m - y, "sex=m start=2018-01-15", "S")


@pytest.mark.requirement("WL-23")
def test_the_gap_between_groups_has_the_interval_that_newcombe_published(make):
    """56/70 less 48/80: .2, .0524 to .3339; R. G. Newcombe, Statistics in Medicine 17 (1998), 873-890, method 10."""
    frame = counts.equality(make(of_two(56, 70, 48, 80), "2018-06"), attributes=("sex",)).set_index("value")

    assert frame.loc["Female", ["starts", "outcomes", "rate"]].tolist() == [70, 56, 0.8]
    assert frame.loc["Female", ["gap", "gap_lower", "gap_upper"]].tolist() == pytest.approx(
        [0.2, 0.0524, 0.3339], abs=5e-5
    )
    assert frame.loc["Male", ["gap", "gap_lower", "gap_upper"]].tolist() == pytest.approx(
        [-0.2, -0.3339, -0.0524], abs=5e-5
    )


@pytest.mark.requirement("WL-23")
def test_small_groups_have_newcombes_interval_too(make):
    """9/10 less 3/10: .6, .1705 to .8090; the same table."""
    frame = counts.equality(make(of_two(9, 10, 3, 10), "2018-06"), attributes=("sex",)).set_index("value")

    assert frame.loc["Female", ["gap", "gap_lower", "gap_upper"]].tolist() == pytest.approx(
        [0.6, 0.1705, 0.8090], abs=5e-5
    )


@pytest.mark.requirement("WL-23")
def test_the_p_value_of_a_gap_is_fishers(make):
    """R. A. Fisher's convictions of like-sex twins, 10 of 13 against 2 of 17: as great a gap or greater has the chance
    619/1330665 (The Logic of Inductive Inference, 1935). Both ways: all tables no likelier than this one.
    """
    frame = counts.equality(make(of_two(10, 13, 2, 17), "2018-06"), attributes=("sex",)).set_index("value")

    tables = hypergeom(30, 12, 13).pmf(np.arange(13))
    assert tables[10:].sum() == pytest.approx(619 / 1330665)
    # the two comparisons are one, so that the adjusted p is p itself
    assert frame["p_adjusted"].tolist() == pytest.approx([tables[tables < tables[10] * 1.0001].sum()] * 2)
    assert frame["signal"].to_dict() == {"Female": "higher", "Male": "lower"}


@pytest.mark.requirement("WL-23")
def test_p_values_are_adjusted_for_the_number_of_comparisons(make):
    """Two attributes of two values: four p values, p p q q. Benjamini and Hochberg: the smaller becomes 4 p / 2."""
    lines = [f"{line} disability={'y' if i % 2 else 'n'}" for i, line in enumerate(of_two(16, 24, 6, 20))]
    snapshot = make(lines, "2018-06")
    alone = counts.equality(snapshot, attributes=("sex",))["p_adjusted"].iloc[0]
    together = counts.equality(snapshot, attributes=("sex", "disability"))["p_adjusted"]

    assert 0.025 < alone < 0.05
    assert together.tolist()[:2] == pytest.approx([2 * alone] * 2)
    assert (counts.equality(snapshot, attributes=("sex", "disability"))["signal"] == "").all()


@pytest.mark.requirement("WL-23")
def test_groups_are_compared_at_one_age_by_cohorts_that_have_reached_it(make):
    """Seen in June 2018, the greatest age of 12, 6 and 3 that a start has reached is 3: January to March."""
    lines = ["A sex=f start=2018-02-01 job_outcome=2018-05-31", "B sex=m start=2018-03-31 job_outcome=2018-07-01"]
    lines += ["C sex=m start=2018-04-01 job_outcome=2018-04-02", "D sex=f start=2018-01-01 job_outcome=2018-05-01"]
    snapshot = make(lines, "2018-06")

    assert counts.equal_age(snapshot) == 3
    frame = counts.equality(snapshot, attributes=("sex",)).set_index("value")
    assert frame[["starts", "outcomes"]].to_numpy().tolist() == [[2, 1], [1, 0]]
    assert [counts.equal_age(make(lines, seen)) for seen in ("2018-03", "2018-07", "2019-01")] == [None, 6, 12]


def test_a_group_by_itself_is_compared_with_nobody(make):
    frame = counts.equality(make(many(4, "start=2018-01-15 sex=f"), "2018-06"), attributes=("sex",))

    assert frame[["value", "starts", "rate"]].to_numpy().tolist() == [["Female", 4, 0]]
    # Clopper-Pearson for 0 of 4: 0 to 1 - .025 ** (1 / 4)
    assert frame[["lower", "upper"]].iloc[0].tolist() == pytest.approx([0, 1 - 0.025**0.25])
    assert frame[["gap", "gap_lower", "p_adjusted"]].isna().all(axis=None)
    assert frame["signal"].tolist() == [""]


@settings(max_examples=10, deadline=None)
@given(st.lists(st.tuples(st.sampled_from("fm-"), st.sampled_from("yn-"), st.booleans()), min_size=1, max_size=40))
def test_every_attribute_compares_all_that_started(make, people):
    lines = []
    for i, (sex, disability, done) in enumerate(people):
        words = [
            f"P{i} start=2018-01-15",
            *[f"sex={sex}"] * (sex != "-"),
            *[f"disability={disability}"] * (disability != "-"),
        ]
        lines.append(" ".join([*words, *["job_outcome=2018-02-01"] * done]))
    frame = counts.equality(make(lines, "2018-06"), attributes=("sex", "disability"))

    sums = frame.groupby("attribute")[["starts", "outcomes"]].sum()
    assert sums.to_numpy().tolist() == [[len(people), sum(done for *_, done in people)]] * 2
    assert not (frame["p_adjusted"] > 1).any()
    assert ((frame["gap_lower"] <= frame["gap"]) & (frame["gap"] <= frame["gap_upper"]) | frame["gap"].isna()).all()


# Trends


def weekly(first, last, delay=0):
    """A referral a week, recorded after a delay."""
    for i, day in enumerate(pd.date_range(first, last, freq="7D")):
        yield f"W{i:03} referral={day.date()}/{(day + pd.Timedelta(days=delay)).date()}"


def test_a_month_with_few_events_is_complete_when_the_recording_allowance_has_passed(make):
    """31 January 2018 + 130 days is 10 June."""
    rule = Trend(measure="referral")
    complete = {
        known: trend_charts.trend_of(make("A", "2018-05", known), rule).chart.points["complete"].tolist()
        for known in ("2018-06-09", "2018-06-10", "2018-07-08")
    }

    assert complete["2018-06-09"] == [False] * 5
    assert complete["2018-06-10"] == [True] + [False] * 4
    assert complete["2018-07-08"] == [True, True] + [False] * 3


@pytest.mark.requirement("WL-22")
def test_months_still_being_recorded_take_no_part(make):
    """Everything is recorded 75 days late: on 30 June, nothing of what happened after 16 April."""
    trend = trend_charts.trend_of(
        make(weekly("2018-01-01", "2019-06-30", delay=75), "2019-06"), Trend(measure="referral")
    )

    assert trend.recorded[-4:].round(2).tolist() == [1, 0.53, 0, 0]  # 16 days of 30
    assert trend.chart.points["complete"].tolist() == [True] * 15 + [False] * 3
    assert trend.chart.points["signal"][-3:].isna().all()


def journeys_of_all_kinds():
    """A referral a week and a start a week later; every other has a job, earnings and an outcome."""
    for i, day in enumerate(pd.date_range("2018-01-01", "2020-11-30", freq="7D")):
        dates = [str((day + pd.Timedelta(days=days)).date()) for days in (0, 7, 40, 70, 200)]
        names = ["referral", "start", "job_start", "first_earnings", "job_outcome"][: 2 if i % 2 else 5]
        yield " ".join([f"J{i:03}", *map("=".join, zip(names, dates, strict=False))])


@pytest.mark.requirement("WL-22")
def test_the_trends_of_a_programme_are_those_its_file_lists(make):
    trends = trend_charts.all_trends(make(journeys_of_all_kinds(), "2020-12"))

    assert [(trend.measure, trend.per, trend.by_cohort) for trend in trends] == [
        ("referral", None, False),
        ("start", None, False),
        ("job_start", "participants on the programme without a job", False),
        ("first_earnings", "participants on the programme", False),
        ("outcome", "starts", True),
    ]
    assert [(trend.unit, trend.scale) for trend in trends][::4] == [("a month", 1), ("for each 100 starts", 100)]
    assert [trend.chart.kind for trend in trends] == ["xmr", "xmr", "u_prime", "u_prime", "p_prime"]
    assert all(trend.seasonal is not None for trend in trends[:2])


def test_a_rate_by_cohort_is_complete_when_the_month_of_that_age_is(make):
    """Of few outcomes: 31 July 2019 + 130 days is 8 December; July is age 7 of the cohort of December 2018."""
    lines = [line for line in journeys_of_all_kinds() if int(line[1:4]) % 4 == 0]
    snapshot = make(lines, "2019-12")
    trend = trend_charts.trend_of(snapshot, Trend(measure="outcome", at_age=7))

    points = trend.chart.points
    assert trend.recorded.isna().all()
    assert points.index.equals(pd.period_range("2018-01", "2019-05", freq="M"))  # December 2019 less 7
    assert points.index[points["complete"]].max() == month("2018-12")
    reached = cohorts.triangle(snapshot).rate_at(7)
    assert (
        points[["numerator", "denominator"]].to_numpy().tolist() == reached[["outcomes", "starts"]].to_numpy().tolist()
    )


def test_events_for_each_person_are_of_those_who_could_have_had_one(make):
    lines = ["A start=2018-01-10 job_start=2018-02-10", "B start=2018-01-20", "C start=2018-02-20 job_start=2018-03-01"]
    snapshot = make(lines, "2018-04")
    points = trend_charts.trend_of(snapshot, Trend(measure="job_start", per="out_of_work")).chart.points

    assert points["numerator"].tolist() == [0, 1, 1, 0]
    assert points["denominator"].tolist() == journey.caseload(snapshot)["out_of_work"].tolist() == [0, 2, 1, 1]


def test_stated_changes_begin_a_phase_in_the_measures_they_concern(make):
    changes = [{"month": "2019-01", "measures": ["referral"], "reason": "referrals were suspended"}]
    snapshot = make(weekly("2018-01-01", "2019-12-30"), "2019-12", changes=changes)
    phases = {
        name: trend_charts.trend_of(snapshot, Trend(measure=name)).chart.points["phase"]
        for name in ("referral", "start")
    }

    assert phases["referral"].tolist() == [1] * 12 + [2] * 12
    assert set(phases["start"]) == {1}


def test_a_contract_of_two_months_has_trends_of_two_points_and_none_by_cohort(make):
    trends = trend_charts.all_trends(make(["A start=2018-01-20", "B referral=2018-02-05"], "2018-02"))

    assert [trend.measure for trend in trends] == ["referral", "start", "job_start", "first_earnings"]
    assert [trend.chart.points["value"].tolist() for trend in trends[:2]] == [[1, 1], [1, 0]]
    assert all(trend.seasonal is None and trend.shift is None for trend in trends)


def test_a_rate_by_cohort_begins_when_the_first_cohort_has_reached_the_age(make):
    """January 2018 is at age 12 in January 2019, the contract's thirteenth month."""
    charted = [
        [trend.measure for trend in trend_charts.all_trends(make("A start=2018-01-20", seen))]
        for seen in ("2018-12", "2019-01")
    ]

    assert ["outcome" in measures for measures in charted] == [False, True]


def test_no_limit_of_a_count_is_below_zero(make):
    """Counts of 0 and 9 in turn: the mean is near 4.5 and the limits 2.66 x 9 away."""
    lines = [f"R{i:02} referral=2018-{2 * (i // 9 + 1):02}-05" for i in range(36)]  # nine in every other month
    points = trend_charts.trend_of(make(lines, "2018-08", "2019-08-31"), Trend(measure="referral")).chart.points

    assert points["value"].tolist() == [0, 9] * 4
    assert points[["centre", "lower", "upper"]].iloc[0].tolist() == pytest.approx([4.5, 0, 4.5 + 2.66 * 9])


def test_a_contract_three_weeks_old_has_trends_of_one_point(make):
    trends = trend_charts.all_trends(make("A referral=2018-01-11 start=2018-01-30", "2018-01", first_day="2018-01-10"))

    assert [trend.chart.points["value"].tolist() for trend in trends[:2]] == [[1], [1]]


def test_a_record_older_than_the_date_it_was_corrected_to_tells_nothing_of_the_delay(make):
    """Recorded on 10 January as of that day, corrected in March to 2 March: no record comes before its event."""
    corrected = [f"C{i} start=2018-01-10/2018-01-10 start=2018-03-02/2018-03-20" for i in range(40)]
    trend = trend_charts.trend_of(make(corrected, "2018-03"), Trend(measure="start"))

    assert trend.chart.points["value"].tolist() == [0, 0, 40]
    assert trend.recorded.isna().all()


def test_an_unknown_measure_or_attribute_is_refused(make):
    snapshot = make("A start=2018-01-05", "2018-06")
    with pytest.raises(ParameterError, match="measure 'job_starts'"):
        counts.monthly(snapshot, ["job_starts"])
    with pytest.raises(ParameterError, match="by='town'"):
        counts.equality(snapshot, attributes=("town",))
