"""What models see: worked journeys by hand, and a second count of random ones, a month and a person at a time."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from pandas.testing import assert_frame_equal, assert_series_equal

from perflib.analysis.cohorts import triangle
from perflib.analysis.forecast.development import (
    CLOCKS,
    NEVER,
    chain,
    counted,
    development,
    developments,
    last_whole_month,
    total,
)
from perflib.errors import ParameterError
from perflib.rules.contract import load_programme

COMMON = {"from": "2018-01", "source": "none", "invented": True}
ON, LEFT, EARNING, THOUSAND, TWO, OUTCOME = range(6)


def month(text):
    return pd.Period(text, "M")


def same(one, other):
    """Whether two developments hold the same."""
    assert_series_equal(one.starts, other.starts)
    assert_frame_equal(one.increments, other.increments)
    assert_frame_equal(one.profile, other.profile)
    assert_array_equal(one.moves, other.moves)
    assert_array_equal(one.standing, other.standing)


def test_every_month_has_a_cohort_also_without_starts(make):
    found = development(make(["A start=2018-01-31", "B start=2018-03-01"], "2018-04"))

    assert found.starts.tolist() == [1, 0, 1, 0]
    assert found.cohorts.equals(pd.period_range("2018-01", "2018-04", freq="M"))
    assert found.age.tolist() == [3, 2, 1, 0]


def test_outcomes_develop_by_the_month_they_were_first_recorded(make):
    """January start, outcome on 20 May, recorded on 3 July: d is 6."""
    found = development(make("A start=2018-01-31 job_outcome=2018-05-20/2018-07-03", "2018-08"))

    assert found.increments.loc[month("2018-01")].dropna().tolist() == [0, 0, 0, 0, 0, 0, 1, 0]
    assert found.recorded.sum() == 1


def test_a_month_that_is_not_over_is_missing_never_zero(make):
    found = development(make("A start=2018-01-31", "2018-03"))

    assert found.increments.notna().sum(axis=1).tolist() == [3, 2, 1]


@pytest.mark.requirement("WHP-19")
def test_the_last_month_is_that_of_the_window_and_the_recording_allowance(make):
    """Cohort month's last day, 31 January 2018, + 639 + 130 days = 10 March 2020, which is month 26."""
    assert development(make("A start=2018-01-31", "2018-03")).last == 26


def test_an_outcome_recorded_later_than_allowed_lengthens_what_can_be_recorded(make):
    """Outcome inside the window (day 455), recorded in June 2020: month 29."""
    found = development(make("A start=2018-01-31 job_outcome=2019-05-01/2020-06-03", "2020-07"))

    assert found.last == 29
    assert found.recorded.sum() == 1


def test_what_is_recorded_after_the_report_month_is_not_used_even_if_known(make):
    line = "A start=2018-01-31 job_outcome=2018-05-20/2018-07-03"

    assert development(make(line, "2018-06", "2018-08-31")).recorded.sum() == 0


def test_a_report_known_before_its_month_was_over_reads_whole_months_only(make):
    lines = ["A start=2018-01-31", "B start=2018-03-05"]
    early, late = make(lines, "2018-03", "2018-03-20"), make(lines, "2018-03", "2018-03-31")

    assert [last_whole_month(snapshot) for snapshot in (early, late)] == [month("2018-02"), month("2018-03")]
    assert development(early).starts.tolist() == [1, 0]


def test_a_start_corrected_to_later_than_its_outcomes_record_counts_from_month_0(make):
    """An outcome recorded in the month before the cohort's cannot be at d = -1."""
    found = development(make("A start=2018-02-01/2018-02-01 earnings_1000=2018-02-01/2018-01-31", "2018-03"))

    assert found.standing[1, EARNING:].sum() == 1


def test_someone_who_returns_is_another_journey(make):
    lines = ["A start=2018-01-31 exit=2018-02-05", "A2 start=2018-03-05 job_outcome=2018-03-20"]
    found = development(make(lines, "2018-03"))

    assert found.starts.tolist() == [1, 0, 1]
    assert found.recorded.tolist() == [0, 0, 1]


@pytest.mark.parametrize(
    ("line", "state", "clock"),
    [
        ("A start=2018-01-10", ON, 0),
        ("A start=2018-01-10 exit=2018-02-05", LEFT, 4),  # February seen from the end of June: four months
        ("A start=2018-01-10 first_earnings=2018-03-05", EARNING, 3),
        # March to May took two months: pace 2 of 9 months each; in it one month by the end of June
        ("A start=2018-01-10 first_earnings=2018-03-05 earnings_1000=2018-05-05", THOUSAND, 19),
        # in one month: pace 0
        ("A start=2018-01-10 first_earnings=2018-03-05 earnings_1000=2018-03-25", THOUSAND, 3),
        # a milestone implies those before it, and takes somebody out of `left`
        ("A start=2018-01-10 exit=2018-02-05 earnings_2000=2018-04-05", TWO, 2),
        # seen in the order of the chain, whatever order they are recorded in
        ("A start=2018-01-10 first_earnings=2018-05-05 earnings_1000=2018-04-05", THOUSAND, 2),
    ],
)
def test_where_somebody_stands(make, line, state, clock):
    standing = development(make(line, "2018-06")).standing

    assert np.argwhere(standing).tolist() == [[0, state, clock]]


def test_moves_follow_somebody_month_by_month(make):
    """January start; left, seen in February; first earnings in April; the outcome in June."""
    line = "A start=2018-01-10 exit=2018-02-05 first_earnings=2018-04-05 job_outcome=2018-06-05"
    found = development(make(line, "2018-07"))

    steps = [[0, ON, 0, ON], [1, ON, 0, LEFT], [2, LEFT, 0, LEFT], [3, LEFT, 1, EARNING]]
    steps += [[4, EARNING, 0, EARNING], [5, EARNING, 1, OUTCOME]]
    assert np.argwhere(found.moves[0]).tolist() == steps
    assert found.standing.sum() == 0


journey = st.tuples(
    st.integers(0, 5), st.lists(st.integers(0, 9), min_size=4, max_size=4), st.integers(0, 9), st.booleans()
)


@given(st.lists(journey, max_size=12))
@settings(max_examples=60, deadline=None)
def test_moves_and_standing_agree_with_a_count_of_one_person_and_month_at_a_time(people):
    """A second count, written from the conventions with loops and no arrays."""
    last, cohorts = 7, pd.period_range("2018-01", periods=6, freq="M", name="cohort")
    row = np.array([c for c, *_ in people], dtype=np.int64)
    reached = np.array([[d if d < 9 else NEVER for d in ds] for _, ds, *_ in people], dtype=np.int64).reshape(-1, 4)
    left = np.array([d if leaves else NEVER for *_, d, leaves in people], dtype=np.int64)
    found = counted(cohorts, row, reached, left, np.zeros((6, 8)), "abc", contract="x", measure="o")

    def state(person, d):
        """State and clock of somebody at the end of month d."""
        ds = [min(reached[person, k:]) for k in range(4)]  # a later milestone implies the earlier
        passed = sum(month <= d for month in ds)
        if passed == 0:
            return (LEFT, min(d - left[person], CLOCKS - 1)) if left[person] <= d else (ON, 0)
        if passed == 1:
            return EARNING, min(d - ds[0], CLOCKS - 1)
        took = ds[passed - 1] - ds[0]
        pace = 0 if took == 0 else 1 if took == 1 else 2 if took < 4 else 3
        return passed + 1, 9 * pace + min(d - ds[passed - 1], 8)

    moves, standing = np.zeros_like(found.moves), np.zeros_like(found.standing)
    for person, cohort in enumerate(row):
        age = 5 - cohort
        hidden = [np.where(x <= age, x, NEVER) for x in (reached[person], left[person])]
        reached[person], left[person] = hidden
        for d in range(min(age, last) + 1):
            before, clock = state(person, d - 1)
            if before < OUTCOME:
                moves[cohort, d, before, clock, state(person, d)[0]] += 1
        now, clock = state(person, min(age, last))
        if now < OUTCOME:
            standing[cohort, now, clock] += 1
    assert_array_equal(found.moves, moves)
    assert_array_equal(found.standing, standing)
    assert found.recorded.sum() + found.standing.sum() == len(people)


LINES = [
    "A start=2018-01-10 first_earnings=2018-02-20 earnings_1000=2018-03-05 customer_group=ltu",
    "B start=2018-01-20 job_outcome=2018-04-20/2018-05-04 customer_group=disability",
    "C start=2018-02-10 exit=2018-03-05",
    "D start=2018-04-10 first_earnings=2018-04-20/2018-06-05 customer_group=ltu",
]
GROUPS = [
    COMMON | {"group": "ltu", "values": [0, 0.1, 0.2]},
    COMMON | {"group": "disability", "values": [0, 0.3, 0.6]},
    COMMON | {"group": "early_access", "values": [0, 0.3, 0.6]},
]


def test_the_order_of_rows_changes_nothing(make):
    same(development(make(LINES, "2018-06")), development(make(LINES[::-1], "2018-06")))


def test_groups_add_up_to_the_whole(make):
    snapshot = make(LINES, "2018-06", profiles=GROUPS, mix={"ltu": 0.5, "disability": 0.5})
    parts = developments(snapshot, "outcome", "customer_group")
    whole, together = development(snapshot), total(list(parts.values()))

    assert sorted(parts) == ["disability", "ltu", "not recorded"]
    assert_array_equal(together.moves, whole.moves)
    assert_array_equal(together.standing, whole.standing)
    assert_frame_equal(together.increments, whole.increments)
    started = whole.starts > 0
    assert_allclose(together.profile[started], whole.profile[started])


def test_a_development_taken_back_is_that_of_the_earlier_month(make):
    """Nothing here was corrected since, so that the snapshot of the earlier month is a second count."""
    same(development(make(LINES, "2018-06")).at(month("2018-03")), development(make(LINES, "2018-03")))


@pytest.mark.parametrize("asked", ["2017-12", "2018-07"])
def test_only_to_a_month_it_has(make, asked):
    with pytest.raises(ParameterError, match=f"month {asked}: give one from 2018-01 to 2018-06"):
        development(make(LINES, "2018-06")).at(month(asked))


def test_increments_are_those_of_the_triangle_by_recorded_month(make):
    """The triangle is counted elsewhere; it cuts at its own width."""
    snapshot = make(LINES, "2018-06")
    counts = triangle(snapshot, clock="recorded").counts

    found = development(snapshot).increments.iloc[:, : counts.shape[1]].cumsum(axis=1)

    assert_array_equal(found, counts)


def test_the_profile_is_of_the_cohorts_own_mix_by_recorded_month(make):
    """Without delay (allowance of 0 days). January: one ltu, one disability; February: not recorded: the mix."""
    common = {"recording_allowance": 0, "mix": {"ltu": 0.25, "disability": 0.75}}
    found = development(make(LINES, "2018-06", profiles=GROUPS, **common)).profile

    assert_allclose(found.loc[month("2018-01")].iloc[:3], [0, 0.2, 0.4])
    assert_allclose(found.loc[month("2018-02")].iloc[:3], [0, 0.25, 0.5])
    assert_allclose(found.loc[month("2018-04")].iloc[:3], [0, 0.1, 0.2])
    # nobody started in March: the mix of all to date, 2 ltu, 1 disability, 1 not recorded
    assert_allclose(found.loc[month("2018-03")].iloc[2], (2 * 0.2 + 0.6 + 0.5) / 4)


def test_a_promise_by_recorded_month_is_not_moved(make):
    snapshot = make(LINES, "2018-06", profiles=[COMMON | {"values": [0, 0.3, 0.6]}], profile_clock="recorded")

    assert development(snapshot).profile.iloc[0, :4].tolist() == [0, 0.3, 0.6, 0.6]


def test_the_profile_is_moved_by_the_measures_own_delays(make):
    """40 outcomes, every fourth recorded in the next month; 40 first earnings at once."""
    lines = [
        f"P{i} start=2018-01-10 first_earnings=2018-02-01 "
        f"job_outcome=2018-02-20/{'2018-03-01' if i % 4 == 0 else '2018-02-28'}"
        for i in range(40)
    ]
    promised = {"profiles": [{"from": "2018-01", "values": [0, 0.4], "source": "none"}]}

    moved = development(make(lines, "2019-01", **promised)).profile.loc[pd.Period("2018-01", "M")]
    assert moved[:4].tolist() == pytest.approx([0, 0.3, 0.4, 0.4])


def test_nothing_promised_is_missing_never_zero(make):
    assert development(make(LINES, "2018-06")).profile.isna().all(axis=None)


@pytest.mark.parametrize(
    ("programme", "measure", "states"),
    [
        ("whp", "outcome", ("first_earnings", "earnings_1000", "earnings_2000")),
        ("whp", "earnings_1000", ("first_earnings",)),
        ("whp", "exit", ()),
        ("ses", "outcome", ("job_start",)),
        ("ses", "sustained", ("job_start", "outcome")),
        ("jobs2", "outcome", ("course_start",)),
    ],
)
def test_the_chain_is_what_the_programme_file_names(programme, measure, states):
    assert chain(load_programme(programme), measure) == states


def test_an_unknown_measure_is_refused(make):
    with pytest.raises(ParameterError, match="measure 'outcomes'"):
        development(make(LINES, "2018-06"), "outcomes")


def test_what_is_promised_in_coming_months_is_the_rise_of_the_profile(make):
    """Two January starts, one each in February and April; seen at the end of April, .3 a start in each of d = 1, 2."""
    snapshot = make(LINES, "2018-04", profiles=[COMMON | {"values": [0, 0.3, 0.6]}], profile_clock="recorded")
    promised = development(snapshot).promised

    assert_allclose(promised.sum(axis=0)[:3], [0.3, 0.3, 0])
    assert_allclose(promised[3, :2], [0.3, 0.3])


def test_cohorts_still_to_start_stand_on_programme_and_are_promised_the_latest_profile(make):
    snapshot = make(LINES, "2018-04", profiles=[COMMON | {"values": [0, 0.3, 0.6]}], profile_clock="recorded")
    found = development(snapshot).with_starts(pd.Series([5], index=pd.period_range("2018-05", periods=1, freq="M")))

    assert found.age.tolist() == [3, 2, 1, 0, -1]
    assert found.standing[-1].sum() == found.standing[-1, ON, 0] == 5
    assert_allclose(found.promised[-1, :4], [0, 1.5, 1.5, 0])  # its own month is the first to come
    assert len(found.months) == found.last + 1
