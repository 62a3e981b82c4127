"""Triangles, maturity and profiles: the worked cases of the definitions, published intervals, an independent count.

The independent count is `Reading` in `conftest.py`: pandas on the files, nothing of perflib.
"""

from datetime import date, timedelta
from typing import NamedTuple

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from pandas.testing import assert_frame_equal, assert_series_equal
from scipy.stats import binomtest
from statsmodels.stats.proportion import proportion_confint
from statsmodels.stats.rates import confint_poisson

from perflib.analysis import cohorts
from perflib.analysis.cohorts import exact_interval, poisson_ratio, triangle
from perflib.errors import ParameterError
from perflib.records.snapshot import take_snapshot
from perflib.rules.contract import load_programme
from perflib.rules.programme import Outcome, Target

FEW = settings(max_examples=10, deadline=None)


def month(text):
    return pd.Period(text, "M")


def profile(values, group=None, area=None, first="2018-01", measure="outcome"):
    return {"measure": measure, "group": group, "area": area, "from": first, "source": "none", "values": values}


def many(number, said, name="P"):
    return [f"{name}{i:03} {said}" for i in range(number)]


# The worked cases of "Definitions" in the design


@pytest.mark.requirement("SES-28")
def test_a_cohort_is_the_month_of_the_current_start_and_moves_when_that_is_corrected(make):
    """Corrected from 1 February to 31 January: the January cohort."""
    line = "A start=2018-02-01/2018-02-01 start=2018-01-31/2018-03-05"

    before, after = (triangle(make(line, "2018-02", known)).starts for known in ("2018-02-28", "2018-03-05"))

    assert before.to_dict() == {month("2018-01"): 0, month("2018-02"): 1}
    assert after.to_dict() == {month("2018-01"): 1, month("2018-02"): 0}


def test_age_is_in_calendar_months_whatever_the_days_between(make):
    """Start 31 January, outcome 1 February: age 1."""
    t = triangle(make("A start=2018-01-31 job_outcome=2018-02-01", "2018-03"))

    assert t.counts.loc[month("2018-01")].tolist() == [0, 1, 1]


@pytest.mark.requirement("SES-31")
def test_a_cell_is_observed_when_its_month_is_not_after_the_report_month(make):
    """January seen in March: ages 0 to 2."""
    t = triangle(make(["A start=2018-01-31", "B start=2018-03-31"], "2018-03"))

    assert t.counts.notna().to_numpy().tolist() == [[True, True, True], [True, True, False], [True, False, False]]
    assert t.observed_age.tolist() == [2, 1, 0]


def test_on_either_clock_the_cohort_is_by_start(make):
    """January start, outcome 20 May, recorded 3 July: age 4 or 6."""
    snapshot = make("A start=2018-01-31/2018-04-02 job_outcome=2018-05-20/2018-07-03", "2018-08")
    happened, recorded = (
        triangle(snapshot, clock=clock).counts.loc[month("2018-01")] for clock in ("event", "recorded")
    )

    assert happened.tolist() == [0, 0, 0, 0, 1, 1, 1, 1]
    assert recorded.tolist() == [0, 0, 0, 0, 0, 0, 1, 1]


@pytest.mark.requirement("SES-30")
@pytest.mark.requirement("WHP-18")
def test_a_profile_is_cumulative_by_the_end_of_the_month_of_that_age(make):
    """[0, 0, .01], 100 January starts, in March: 1. The last value holds afterwards."""
    promise = {"profiles": [profile([0, 0, 0.01])]}
    for seen, expected in (("2018-01", 0), ("2018-02", 0), ("2018-03", 1), ("2018-04", 1)):
        snapshot = make(many(100, "start=2018-01-15"), seen, **promise)
        january = cohorts.against_profile(triangle(snapshot), snapshot.contract).loc[month("2018-01")]
        assert (january["starts"], january["expected"]) == (100, expected)


@pytest.mark.requirement("WHP-31")
def test_the_expected_number_is_each_groups_starts_times_its_own_profile(make):
    """60 x .10 + 40 x .05 = 8."""
    lines = many(60, "start=2018-01-15 customer_group=disability") + many(
        40, "start=2018-01-20 customer_group=ltu", "Q"
    )
    snapshot = make(lines, "2018-03", profiles=[profile([0, 0, 0.10], "disability"), profile([0, 0, 0.05], "ltu")])

    assert cohorts.against_profile(triangle(snapshot), snapshot.contract)["expected"].tolist() == [8, 0, 0]
    assert cohorts.conversion(snapshot).set_index("target")["expected"][["tmpl1", "tmpl2", "tmpl4"]].tolist() == [
        8,
        6,
        2,
    ]


@pytest.mark.requirement("WHP-19")
@pytest.mark.requirement("WHP-20")
def test_a_cohort_is_final_when_nothing_more_can_be_recorded(make):
    """January 2018: from 10 March 2020, 639 + 130 days after 31 January 2018."""
    final_from = cohorts.final_from(make("A start=2018-01-31", "2020-02"))
    assert final_from[month("2018-01")] == pd.Timestamp("2020-03-10")

    final = [cohorts.is_final(make("A", "2020-02", known)) for known in ("2020-03-09", "2020-03-10")]
    assert [one[month("2018-01")] for one in final] == [False, True]
    assert not final[1][month("2018-02") :].any()


def test_a_cohort_waits_for_the_last_claim_where_everything_is_recorded_sooner(make):
    """639 + 10 days is before day 700: 31 January 2018 + 700 days is 1 January 2020."""
    final_from = cohorts.final_from(make("A", "2020-02", recording_allowance=10))

    assert final_from[month("2018-01")] == pd.Timestamp("2020-01-01")


def test_a_measure_without_a_last_day_is_never_final(make, whp):
    assert cohorts.final_from(make("A"), "first_earnings").isna().all()
    assert not cohorts.is_final(make("A"), "first_earnings").any()

    routes = [*whp.outcomes["outcome"].routes, {"event": "earnings_2000"}]
    open_ended = Outcome(label="Outcomes", source="none", routes=routes)
    programme = whp.model_copy(update={"outcomes": {"outcome": open_ended}})
    assert not cohorts.is_final(make("A", "2025-12", programme=programme)).any()


@pytest.mark.requirement("SES-17")
def test_a_rate_at_an_age_is_of_the_cohorts_observed_at_it_above_and_below_the_line(make):
    """March is too young for age 1: its start and its outcome are in neither."""
    lines = [
        "A start=2018-01-31 job_outcome=2018-02-01",
        "B start=2018-02-01",
        "C start=2018-03-01 job_outcome=2018-03-02",
    ]
    t = triangle(make(lines, "2018-03"))

    reached = t.rate_at(1)
    assert reached.index.astype(str).tolist() == ["2018-01", "2018-02"]
    assert reached.to_numpy().tolist() == [[1, 1, 1], [1, 0, 0]]
    assert t.rate_at(0)["starts"].sum() == 3
    assert t.rate_at(3).empty
    assert t.rate_at(99).empty


def test_a_rate_of_no_starts_is_missing(make):
    t = triangle(make("A start=2018-02-01", "2018-03"))

    assert t.rate_at(0).loc[month("2018-01")].isna().tolist() == [False, False, True]


# What a triangle counts


def test_what_was_reached_before_the_cohorts_month_is_reached_by_age_0(make):
    """A start corrected to a later month: the earnings had been recorded before the cohort began."""
    line = "A start=2018-01-10/2018-01-10 start=2018-03-02/2018-03-20 first_earnings=2018-03-02/2018-03-02"
    snapshot = make([line, "B start=2018-03-01 first_earnings=2018-02-05/2018-02-06"], "2018-05")

    for clock in ("event", "recorded"):
        assert triangle(snapshot, "first_earnings", clock=clock).counts.loc[month("2018-03"), 0] == 2


def test_what_is_recorded_after_the_report_month_is_not_yet_in_the_recorded_triangle(make):
    snapshot = make("A start=2018-01-10 job_outcome=2018-03-20/2018-04-02", "2018-03", "2018-04-30")

    assert triangle(snapshot).latest.tolist() == [1, 0, 0]
    assert triangle(snapshot, clock="recorded").latest.tolist() == [0, 0, 0]


def test_a_referral_that_never_started_is_in_no_cohort(make):
    t = triangle(make(["A job_outcome=2018-03-20", "B start=2018-02-01", "C"], "2018-03"))

    assert (t.starts.sum(), t.latest.sum()) == (1, 0)


@pytest.mark.requirement("SES-28")
def test_one_person_with_two_started_referrals_is_two_starts(make):
    snapshot = make(["A start=2018-01-10 participant_id=X", "B start=2018-01-20 participant_id=X"], "2018-01")

    assert triangle(snapshot).starts.tolist() == [2]


def test_a_start_before_the_contracts_first_month_has_a_cohort_too(make):
    snapshot = make(["A start=2017-12-29", "B start=2018-01-05"], "2018-02", profiles=[profile([0, 0, 0.5])])

    assert triangle(snapshot).starts.to_dict() == {month("2017-12"): 1, month("2018-01"): 1, month("2018-02"): 0}
    assert cohorts.final_from(snapshot).index.equals(triangle(snapshot).starts.index)
    assert cohorts.conversion(snapshot)["starts"].iloc[0] == 2


def test_a_triangle_is_of_the_clocks_and_attributes_there_are(make):
    with pytest.raises(ParameterError, match=r"clock='claim': give 'event' or 'recorded'"):
        triangle(make("A"), clock="claim")
    with pytest.raises(
        ParameterError, match=r"by='town': is no attribute of Work and Health Programme \(customer_group,"
    ):
        triangle(make("A"), by="town")


@pytest.mark.requirement("WL-10")
def test_ages_are_cut_into_the_bands_of_the_programme_and_what_is_missing_is_said(make):
    lines = [f"A{age} start=2018-01-05 age={age}" for age in (16, 24, 25, 34, 35, 49, 50, 99)] + ["B start=2018-01-05"]
    starts = triangle(make(lines, "2018-01"), by="age").starts.groupby(level="age").sum()

    assert starts.to_dict() == {"16 to 24": 2, "25 to 34": 2, "35 to 49": 2, "50 and over": 2, "not recorded": 1}


@pytest.mark.requirement("SES-02", "SES-17", "SES-30", "SES-32", "SES-35")
def test_each_outcome_has_a_triangle_and_a_profile_of_its_own(make):
    """Four start in November. Two have short outcomes in January, age 2, by which half of them were promised one; one
    of these is sustained in March, age 4, by which a quarter were. One who starts in March had no time for either."""
    lines = ["A start=2018-11-05 short_outcome=2019-01-07 sustained_outcome=2019-03-04"]
    lines += ["B start=2018-11-05 short_outcome=2019-01-14", "C start=2018-11-05", "D start=2018-11-05"]
    lines += ["E start=2019-03-04"]
    promised = [
        profile([0, 0, 0.5], first="2018-11"),
        profile([0, 0, 0, 0, 0.25], first="2018-11", measure="sustained"),
    ]
    at_once = {"recording_delay": ()}
    programme = load_programme("ses").model_copy(update=at_once)
    rules = {"programme": programme, "recording_allowance": 0, "first_day": "2018-11-01", "profiles": promised}
    snapshot = make([f"{line} referral=2018-11-01" for line in lines], "2019-03", **rules)

    short, sustained = triangle(snapshot), triangle(snapshot, "sustained")
    assert short.counts.loc[month("2018-11")].tolist() == [0, 0, 2, 2, 2]
    assert sustained.counts.loc[month("2018-11")].tolist() == [0, 0, 0, 0, 1]
    assert short.rate_at(2)["rate"].dropna().tolist() == [0.5]
    for t, expected in ((short, [2, 0]), (sustained, [1, 0])):
        frame = cohorts.against_profile(t, snapshot.contract).loc[[month("2018-11"), month("2019-03")]]
        assert frame["expected"].tolist() == expected
    level = cohorts.conversion(snapshot).set_index("target").loc["mpl"]
    assert level[["starts", "observed", "expected", "level", "status"]].tolist() == [5, 2, 2, 0.5, "in line"]


# An independent count, straight from the files


@pytest.fixture(scope="module", params=[("2020-06", None), ("2020-06", "2020-09-30"), ("2020-09", None)])
def both(request, part, reading):
    """The same month of the same extract, as perflib has it and as a second reading has it."""
    return take_snapshot(part, *request.param), reading(*request.param)


def number(dates):
    """Months as whole numbers, missing ones as NaN."""
    return (dates.dt.year * 12 + dates.dt.month).to_numpy()


def count(journeys, column, cohort, last):
    """Starts of a month, and how many of them had reached something by the end of another."""
    mine = number(journeys["start"]) == cohort
    return mine.sum(), (mine & (number(journeys[column]) <= last)).sum()


def recorded_within(rows, last):
    """Share recorded within k months, backwards from the longest delay: each month's part of what was recorded by then,
    of events old enough to show it; with fewer than ten of these nothing is taken to be that late.
    """
    late = (number(rows["outcome_recorded"]) - number(rows["outcome"])).astype(int)
    seen = (last - number(rows["outcome"])).astype(int)
    shares, share = {}, 1.0
    for k in range(max(late), -1, -1):
        shares[k] = share
        old = seen >= k
        if (old & (late <= k)).sum() >= 10:
            share *= 1 - (old & (late == k)).sum() / (old & (late <= k)).sum()
    return lambda k: shares.get(k, 1.0)


def column_of(measure, clock):
    return measure if clock == "event" else f"{measure}_recorded"


@pytest.mark.requirement("SES-31")
@pytest.mark.requirement("WHP-18")
@pytest.mark.parametrize("clock", ["event", "recorded"])
@pytest.mark.parametrize("measure", ["outcome", "first_earnings", "job_start"])
def test_triangles_agree_with_a_count_straight_from_the_files(both, measure, clock):
    snapshot, reading = both
    t = triangle(snapshot, measure, clock=clock)
    started, reached = number(reading.journeys["start"]), number(reading.journeys[column_of(measure, clock)])
    months = [cohort.year * 12 + cohort.month for cohort in t.starts.index]

    cells = [
        [
            ((started == m) & (reached <= m + age)).sum() if m + age <= months[-1] else np.nan
            for age in range(len(months))
        ]
        for m in months
    ]
    assert months[0] == number(reading.journeys["referral"]).min()
    assert months[-1] == reading.month.year * 12 + reading.month.month
    np.testing.assert_array_equal(t.starts, [(started == m).sum() for m in months])
    np.testing.assert_array_equal(t.counts, cells)
    assert t.latest.sum() > 20


@pytest.mark.requirement("WHP-02")
@pytest.mark.parametrize("clock", ["event", "recorded"])
def test_triangles_by_group_agree_with_a_count_straight_from_the_files(both, clock):
    snapshot, reading = both
    t = triangle(snapshot, by="customer_group", clock=clock)
    last = reading.month.year * 12 + reading.month.month

    assert set(t.starts.index.get_level_values(0)) == set(reading.journeys["customer_group"])
    for (group, cohort), latest in t.latest.items():
        mine = reading.journeys[reading.journeys["customer_group"] == group]
        counts = count(mine, column_of("outcome", clock), cohort.year * 12 + cohort.month, last)
        assert (t.starts[group, cohort], latest) == counts


@pytest.mark.requirement("WHP-18")
@pytest.mark.requirement("WHP-31")
@pytest.mark.parametrize("clock", ["event", "recorded"])
def test_the_comparison_with_the_profile_agrees_with_a_sum_over_participants(both, promises, clock):
    """Expected: for each participant the profile of the group (in the area, if it has one) at the cohort's age."""
    snapshot, reading = both
    frame = cohorts.against_profile(triangle(snapshot, clock=clock), snapshot.contract)
    last = reading.month.year * 12 + reading.month.month

    for cohort, mine in reading.journeys.groupby(number(reading.journeys["start"])):
        expected = sum(
            promises(group, area)[int(last - cohort)]
            for group, area in zip(mine["customer_group"], mine["devolution_area"], strict=True)
        )
        starts, observed = count(mine, column_of("outcome", clock), cohort, last)
        low, high = np.array(binomtest(observed, starts).proportion_ci(method="exact")) * starts
        row = frame.loc[pd.Period(year=int(cohort - 1) // 12, month=int(cohort - 1) % 12 + 1, freq="M")]
        assert_allclose(
            row.astype(float), [last - cohort, starts, observed, expected, observed - expected, low, high], atol=1e-9
        )


@pytest.mark.requirement("WHP-31")
@pytest.mark.requirement("WHP-32")
@pytest.mark.requirement("WHP-33")
@pytest.mark.requirement("WHP-34")
@pytest.mark.requirement("WHP-35")
def test_tender_levels_agree_with_a_sum_over_participants(both, promises):
    snapshot, reading = both
    started = reading.journeys.dropna(subset="start")
    last = reading.month.year * 12 + reading.month.month
    recorded = started["outcome_recorded"] <= reading.month.end_time
    known = pd.Period(pd.Timestamp(snapshot.known_at) + pd.Timedelta(days=1), "M") - 1  # delays: of all that is known
    by_then = started["outcome_recorded"] <= known.end_time
    shares = recorded_within(started[by_then], known.year * 12 + known.month)

    def so_far(group, area, age):
        """Each rise of the profile, as far as it is recorded by now."""
        profile = [0, *promises(group, area)[: age + 1]]
        return sum((profile[j + 1] - profile[j]) * shares(age - j) for j in range(age + 1))

    who = zip(started["customer_group"], started["devolution_area"], last - number(started["start"]), strict=True)
    month_end = started["start"] + pd.offsets.MonthEnd(0)
    started = started.assign(
        outcome=started["outcome"].where(recorded),
        expected=[so_far(group, area, int(months)) for group, area, months in who],
        final=month_end + pd.Timedelta(days=639 + 130) <= pd.Timestamp(snapshot.known_at),
    )
    rows = {
        "tmpl1": started,
        "tmpl2": started[started["customer_group"] == "disability"],
        "tmpl3": started[started["customer_group"] == "early_access"],
        "tmpl4": started[started["customer_group"] == "ltu"],
        "tmpl5": started[started["devolution_area"] == "GM"],
    }
    frame = cohorts.conversion(snapshot).set_index("target")
    assert list(frame.index) == list(rows)
    for target, mine in rows.items():
        observed, row = mine["outcome"].notna().sum(), frame.loc[target]
        old = mine[mine["final"]]
        low, high = confint_poisson(observed, mine["expected"].sum(), method="exact-c")
        assert_allclose(
            row[["starts", "observed", "expected", "final_starts", "final_observed"]].astype(float),
            [len(mine), observed, mine["expected"].sum(), len(old), old["outcome"].notna().sum()],
        )
        # wider than the exact limits, by the uncertainty of the delays
        assert low * 0.8 < row["lower"] < low * 1.03
        assert high * 0.97 < row["upper"] < high * 1.25
    parts = frame.loc["tmpl2":"tmpl4", ["starts", "observed", "expected"]].sum()
    assert_allclose(parts, frame.loc["tmpl1", ["starts", "observed", "expected"]].astype(float))


# Tender levels


def promise(**values):
    return [profile(curve, group) for group, curve in values.items()]


@pytest.mark.requirement("WHP-31")
def test_the_effect_of_the_mix_is_shown_apart_from_performance_within_the_groups(make):
    """Tender: half and half, so 100 x (.5 x .10 + .5 x .05) = 7.5. The actual mix is promised 8, and 9 were reached."""
    lines = many(9, "start=2018-01-15 customer_group=disability job_outcome=2018-03-01")
    lines += many(51, "start=2018-01-15 customer_group=disability", "Q") + many(
        40, "start=2018-01-15 customer_group=ltu", "R"
    )
    snapshot = make(
        lines,
        "2018-03",
        mix={"disability": 0.5, "early_access": 0, "ltu": 0.5},
        profiles=promise(disability=[0, 0, 0.10], early_access=[0.9], ltu=[0, 0, 0.05]),
    )

    row = cohorts.conversion(snapshot).set_index("target").loc["tmpl1"]
    assert row[["expected_tender", "expected", "observed"]].tolist() == pytest.approx([7.5, 8, 9])
    assert row[["mix_effect", "within_groups", "level"]].tolist() == pytest.approx([0.5, 1, 0.075])


@pytest.mark.requirement("WHP-04")
@pytest.mark.requirement("WHP-31")
@pytest.mark.parametrize(
    ("observed", "status"),
    [(2, "below"), (3, "in line"), (14, "in line"), (15, "above")],  # limits 7.225, 8.767, 7.654 and 8.395, about 8
)
def test_a_level_is_missed_or_exceeded_when_the_exact_limits_say_so(make, observed, status):
    lines = many(observed, "start=2018-01-15 job_outcome=2018-03-01") + many(80 - observed, "start=2018-01-15", "Q")
    snapshot = make(lines, "2018-03", profiles=[profile([0, 0, 0.1])])

    assert cohorts.conversion(snapshot).set_index("target").loc["tmpl1", "status"] == status


@pytest.mark.requirement("WHP-25")
@pytest.mark.requirement("WHP-35")
def test_an_area_is_measured_apart_and_inside_the_whole(make):
    """An area's own profile is its share of both; 10 x .2 apart, 10 x .2 + 30 x .1 in the whole."""
    lines = many(10, "start=2018-01-15 customer_group=ltu devolution_area=GM job_outcome=2018-02-01")
    lines += many(30, "start=2018-01-15 customer_group=ltu", "Q")
    snapshot = make(lines, "2018-03", profiles=[profile([0.1], "ltu"), profile([0.2], "ltu", "GM")])

    frame = cohorts.conversion(snapshot).set_index(["target", "area"])[["starts", "observed", "expected", "level"]]
    assert frame.loc[("tmpl5", "GM")].tolist() == pytest.approx([10, 10, 2, np.nan], nan_ok=True)
    assert frame.loc[("tmpl4", None)].tolist() == pytest.approx([40, 10, 5, 0.1])


@pytest.mark.requirement("WHP-35")
def test_an_area_counts_the_same_outcomes_apart_as_inside_the_whole(make):
    """A self-employed outcome without a claim counts in neither, though the area has no claim at all."""
    area = "A start=2018-01-15 devolution_area=GM self_employed_outcome=2018-02-01"
    snapshot = make([area, "B start=2018-01-15 claim_submitted=2018-02-01"], "2018-03", profiles=[profile([0.1])])

    assert cohorts.conversion(snapshot).set_index("target")["observed"].loc[["tmpl1", "tmpl5"]].tolist() == [0, 0]


@pytest.mark.requirement("WHP-35")
def test_where_there_is_no_area_there_is_no_level_of_one(make):
    assert "tmpl5" not in cohorts.conversion(make("A start=2018-01-15"))["target"].tolist()


@pytest.mark.requirement("WHP-03")
def test_a_group_within_an_area_is_an_indicator(make, whp):
    within = Target(name="LTU in the area", group="ltu", area=True, indicator=True, source="ch. 16 para 3")
    programme = whp.model_copy(update={"targets": whp.targets | {"pi4": within}})
    lines = many(3, "start=2018-01-15 customer_group=ltu devolution_area=GM")
    lines += [
        "Q start=2018-01-15 customer_group=ltu",
        "R start=2018-01-15 customer_group=disability devolution_area=GM",
    ]

    frame = cohorts.conversion(make(lines, "2018-03", programme=programme)).set_index("target")
    assert frame["starts"].to_dict() == {"tmpl1": 5, "tmpl2": 1, "tmpl3": 0, "tmpl4": 4, "tmpl5": 4, "pi4": 3}
    assert frame.index[frame["indicator"]].tolist() == ["pi4"]


def test_the_final_rate_is_of_cohorts_that_can_change_no_more(make):
    lines = (
        many(1, "start=2018-01-15 job_outcome=2018-02-01")
        + many(3, "start=2018-01-15", "Q")
        + many(5, "start=2018-02-01", "R")
    )
    row = cohorts.conversion(make(lines, "2020-02", "2020-03-10", profiles=[profile([0.1])])).iloc[0]

    assert row[["final_starts", "final_observed", "final_rate"]].tolist() == [4, 1, 0.25]


# Intervals


@pytest.mark.parametrize(
    ("x", "n", "low", "high"),
    [(81, 263, 0.2527, 0.3676), (15, 148, 0.0578, 0.1617), (0, 20, 0, 0.1684), (1, 29, 0.0009, 0.1776)],
)
def test_exact_intervals_of_a_proportion_are_those_published(x, n, low, high):
    """R. G. Newcombe, Statistics in Medicine 17 (1998), 857-872, table I, method 5 (Clopper-Pearson)."""
    assert [limit.round(4) for limit in exact_interval(x, n)] == [low, high]
    assert [limit.round(4) for limit in exact_interval(n - x, n)] == pytest.approx([1 - high, 1 - low])


@pytest.mark.parametrize(
    ("x", "low", "high"),
    [
        (0, 0, 3.689),
        (1, 0.0253, 5.572),
        (2, 0.2422, 7.225),
        (5, 1.623, 11.668),
        (10, 4.795, 18.390),
        (100, 81.364, 121.627),
    ],
)
def test_exact_limits_of_a_count_are_those_published(x, low, high):
    """F. Garwood, Biometrika 28 (1936), 437-442; the values as in Pearson and Hartley, table 40."""
    assert [float(value) for value in poisson_ratio(x, 1)] == pytest.approx([x, low, high], abs=5e-4)


@given(x=st.integers(0, 300), more=st.integers(0, 300), level=st.sampled_from([0.8, 0.95, 0.99]))
def test_exact_intervals_equal_those_of_another_library(x, more, level):
    n = x + more
    if n:
        assert_allclose(exact_interval(x, n, level), proportion_confint(x, n, 1 - level, method="beta"), atol=1e-12)
    assert_allclose(poisson_ratio(x, 1, level)[1:], confint_poisson(x, 1, "exact-c", 1 - level), atol=1e-9)


def test_nothing_is_said_of_no_starts_and_of_nothing_promised():
    assert np.isnan(exact_interval(0, 0)).all()
    assert np.isnan(poisson_ratio(3, 0)).all()
    assert np.isnan(poisson_ratio(3, np.nan)).all()


# Laws


class Journey(NamedTuple):
    """A journey drawn at random: days, from 1 January 2018 on."""

    start: int | None
    wait: int | None  # from the start to the outcome
    delay: int  # from the outcome to its record
    group: str | None
    route: str

    def dates(self):
        """Start, its record (a quarter of the delay later), outcome, its record; None for what never happened."""
        if self.start is None:
            return None, None, None, None
        days = [0, self.delay // 4, *([] if self.wait is None else [self.wait, self.wait + self.delay])]
        first = date(2018, 1, 1) + timedelta(days=self.start)
        return tuple([first + timedelta(days=day) for day in days] + [None] * (4 - len(days)))


several = st.lists(
    st.builds(
        Journey,
        start=st.none() | st.integers(0, 330),
        wait=st.none() | st.integers(0, 200),
        delay=st.integers(0, 120),
        group=st.sampled_from(["disability", "early_access", "ltu", None]),
        route=st.sampled_from(["job_outcome", "self_employed_outcome"]),
    ),
    max_size=30,
)


def written(journeys):
    """Write journeys as lines; that there are claims is known from the first day."""
    lines = ["another claim_submitted=2018-01-01"]
    for i, journey in enumerate(journeys):
        start, start_recorded, outcome, outcome_recorded = journey.dates()
        words = [f"J{i}"]
        words += [f"customer_group={journey.group}"] if journey.group else []
        words += [f"start={start}/{start_recorded}"] if start else []
        words += [f"{journey.route}={outcome}/{outcome_recorded}", f"claim_submitted={outcome}"] if outcome else []
        lines.append(" ".join(words))
    return lines


clocks = st.sampled_from(["event", "recorded"])


@FEW
@given(several, clocks)
def test_a_triangle_is_what_counting_one_by_one_gives(make, journeys, clock):
    t = triangle(make(written(journeys), "2018-09"), clock=clock)

    known = date(2018, 9, 30)
    dates = [one.dates() for one in journeys if one.start is not None]
    for cohort in range(1, 10):
        mine = [one for one in dates if (one[0].year, one[0].month) == (2018, cohort) and one[1] <= known]
        assert t.starts.iloc[cohort - 1] == len(mine)
        reached = [one[2] if clock == "event" else one[3] for one in mine if one[3] and one[3] <= known]
        for age in range(9):
            counted = sum((when.year - 2018) * 12 + when.month <= cohort + age for when in reached)
            np.testing.assert_equal(t.counts.iloc[cohort - 1, age], counted if cohort + age <= 9 else np.nan)


@pytest.mark.requirement("WHP-02")
@FEW
@given(several, clocks)
def test_groups_add_up_to_the_whole(make, journeys, clock):
    snapshot = make(written(journeys), "2018-12", profiles=[profile([0, 0.1, 0.2])])
    whole = triangle(snapshot, clock=clock)
    parts = triangle(snapshot, by="customer_group", clock=clock)
    assert_series_equal(
        parts.starts.groupby(level="cohort").sum().reindex(whole.starts.index, fill_value=0), whole.starts
    )
    assert (parts.latest.groupby(level="cohort").sum().reindex(whole.starts.index, fill_value=0) == whole.latest).all()
    expected = cohorts.against_profile(parts, snapshot.contract)["expected"].groupby(level="cohort").sum()
    assert_allclose(
        expected.reindex(whole.starts.index, fill_value=0),
        cohorts.against_profile(whole, snapshot.contract)["expected"],
    )


@FEW
@given(several)
def test_a_triangle_never_falls_and_is_missing_just_where_its_month_is_to_come(make, journeys):
    snapshot = make(written(journeys), "2018-12")
    happened, recorded = triangle(snapshot).counts, triangle(snapshot, clock="recorded").counts
    ages = np.arange(12)

    for counts in (happened, recorded):
        assert (counts.notna().to_numpy() == (ages[:, None] + ages < 12)).all()
        assert not (np.diff(counts.to_numpy()) < 0).any()
        assert not counts.gt(triangle(snapshot).starts, axis="index").any(axis=None)
    assert not (recorded > happened).any(axis=None)  # nothing is recorded before it happened


@FEW
@given(several, st.randoms(use_true_random=False), clocks)
def test_the_order_of_the_rows_does_not_matter(make, journeys, random, clock):
    lines = written(journeys)
    mixed = [" ".join([line.split()[0], *random.sample(line.split()[1:], len(line.split()) - 1)]) for line in lines]
    random.shuffle(mixed)
    promised = {"profiles": [profile([0, 0.1])]}
    one, other = (make(each, "2018-12", **promised) for each in (lines, mixed))

    assert one.equals(other)
    first, second = (triangle(each, by="customer_group", clock=clock) for each in (one, other))
    assert_frame_equal(first.counts, second.counts)
    assert_frame_equal(cohorts.conversion(one), cohorts.conversion(other))


@FEW
@given(several, st.integers(0, 200), st.integers(0, 200), clocks)
def test_without_corrections_a_later_look_only_adds(make, journeys, first, more, clock):
    looks = [pd.Timestamp("2018-09-30") + pd.Timedelta(days=days) for days in (first, first + more)]
    earlier, later = (triangle(make(written(journeys), "2018-09", str(day.date())), clock=clock) for day in looks)

    assert (later.starts >= earlier.starts).all()
    assert (later.counts >= earlier.counts)[later.counts.notna()].all(axis=None)


# Little or nothing to count


def test_one_participant_makes_a_triangle(make):
    snapshot = make("A start=2018-01-31 job_outcome=2018-02-01", "2018-02", profiles=[profile([0, 0.1])])

    row = cohorts.against_profile(triangle(snapshot), snapshot.contract).loc[month("2018-01")]
    # Clopper-Pearson for 1 of 1: .025 to 1
    assert row.tolist() == pytest.approx([1, 1, 1, 0.1, 0.9, 0.025, 1])


def test_where_nobody_started_there_are_months_and_no_starts(make):
    snapshot = make("A", "2018-02", profiles=[profile([0, 0.1])])
    t = triangle(snapshot)

    assert t.starts.tolist() == [0, 0]
    assert t.counts.fillna(-1).to_numpy().tolist() == [[0, 0], [0, -1]]
    assert (
        cohorts.against_profile(t, snapshot.contract)[["starts", "observed", "expected"]].to_numpy().tolist()
        == [[0, 0, 0]] * 2
    )
    assert cohorts.against_profile(snapshot)["status"].tolist() == ["too early", "too early"]
    assert triangle(snapshot, by="customer_group").starts.empty
    assert cohorts.conversion(snapshot)["starts"].tolist() == [0, 0, 0, 0]
    assert set(cohorts.conversion(snapshot)["status"]) == {"too early"}


def test_a_contract_three_weeks_old_has_one_cohort_at_age_0(make):
    snapshot = make(
        "A referral=2018-01-11 start=2018-01-30", "2018-01", first_day="2018-01-10", profiles=[profile([0, 0.1])]
    )

    assert triangle(snapshot).counts.to_numpy().tolist() == [[0]]
    assert cohorts.conversion(snapshot)["expected"].iloc[0] == 0
    assert not cohorts.is_final(snapshot).any()


def test_months_without_starts_are_rows_of_their_own(make):
    t = triangle(make(["A start=2018-01-05", "B start=2018-04-05"], "2018-05"), by="customer_group")

    assert t.starts.tolist() == [1, 0, 0, 1, 0]
    assert t.starts.index.get_level_values(0).unique().tolist() == ["not recorded"]


def test_without_a_profile_nothing_is_expected_and_nothing_signalled(make):
    snapshot = make(many(50, "start=2018-01-15"), "2018-03")
    frame = cohorts.against_profile(snapshot)

    assert frame.loc[month("2018-01"), ["expected", "difference"]].isna().all()
    assert frame["status"].tolist() == ["no profile", "too early", "too early"]
    assert cohorts.conversion(snapshot).iloc[0][["status", "observed"]].tolist() == ["no profile", 0]


def test_cohorts_before_the_profile_are_promised_nothing_and_the_whole_cannot_be_compared(make):
    lines = ["A start=2018-01-15", "B start=2018-02-15"]
    snapshot = make(lines, "2018-03", profiles=[profile([0, 0.1], first="2018-02")])
    expected = cohorts.against_profile(triangle(snapshot), snapshot.contract)["expected"]

    assert expected.tolist() == pytest.approx([np.nan, 0.1, 0], nan_ok=True)
    row = cohorts.conversion(snapshot).iloc[0]
    assert row["status"] == "no profile"
    assert row[["expected", "mix_effect", "ratio"]].isna().all()


def test_a_profile_holds_from_its_month_until_the_next(make):
    lines = ["A start=2018-01-15", "B start=2018-02-15", "C start=2018-03-15"]
    snapshot = make(lines, "2018-04", profiles=[profile([0.1]), profile([0.3], first="2018-03")])

    assert cohorts.against_profile(triangle(snapshot), snapshot.contract)["expected"].tolist() == [0.1, 0.1, 0.3, 0]


def test_a_group_that_was_not_recorded_is_promised_the_tenders_mix(make):
    """.75 x .2 + .25 x .1 = .175; without a mix nothing is known of it, nor of its cohort."""
    profiles = promise(disability=[0.2], early_access=[0.1], ltu=[0.1])
    mix = {"disability": 0.75, "early_access": 0.25, "ltu": 0}
    lines = [
        "A start=2018-01-15 customer_group=disability",
        "B start=2018-01-15",
        "C start=2018-02-15 customer_group=ltu",
    ]

    for keys, expected in (({"mix": mix}, [0.2 + 0.175, 0.1]), ({}, [np.nan, 0.1])):
        snapshot = make(lines, "2018-02", profiles=profiles, **keys)
        frame = cohorts.against_profile(triangle(snapshot), snapshot.contract)
        assert frame["expected"].tolist() == pytest.approx(expected, nan_ok=True)


def test_a_month_before_the_profile_in_which_nobody_started_does_not_matter(make):
    profiles = [profile([0.1], "ltu", first="2018-02"), profile([0.2], "disability", first="2018-02")]
    snapshot = make("A start=2018-02-15 customer_group=ltu", "2018-03", profiles=profiles, mix={"disability": 1})

    row = cohorts.conversion(snapshot).iloc[0]
    assert row[["expected", "expected_tender", "mix_effect"]].tolist() == pytest.approx([0.1, 0.2, -0.1])
