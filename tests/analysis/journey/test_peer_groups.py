"""Peer support groups: each convention on journeys written a line each and worked by hand; laws on the sample."""

from dataclasses import replace
from datetime import date

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from perflib import load_snapshot
from perflib.analysis import journey
from perflib.analysis.journey import peer_groups
from perflib.analysis.journey.peer_groups import NOT_PLACED
from perflib.errors import ParameterError


def days_of(table):
    return [day.strftime("%Y-%m-%d") for day in table]


@pytest.fixture(scope="session")
def grouped(make):
    """Return a function that makes a snapshot of journeys; what stands before `'` in a placement's ref is its group."""

    def snapshot(lines, month="2018-12", attributes=None, **keys):
        made = make(lines, month=month, **keys)
        events = made.events.assign(value=made.events["ref"].astype("str").str.replace("'.*", "", regex=True))
        tables = dict(made.tables)
        if attributes is not None:
            columns = ["referral_id", "attribute", "value", "from_date", "recorded_date"]
            history = pd.DataFrame([line.split() for line in attributes.strip().splitlines()], columns=columns)
            for name in columns[3:]:
                history[name] = pd.to_datetime(history[name]).astype("datetime64[s]")
            tables["attributes"] = history.astype(dict.fromkeys(columns[:3], "str"))
        return replace(made, events=events, tables=tables)

    return snapshot


@pytest.fixture(scope="module")
def sample():
    return load_snapshot("whp-sample", "2019-06")


@pytest.fixture
def four(grouped):
    """A is placed, moves on, is confirmed, moves back and leaves. B skips on. C is never placed. D leaves unplaced."""
    of_a = "peer_group=2018-02-05#2 peer_group=2018-03-05#3 peer_group=2018-04-05#3' peer_group=2018-05-05#2'"
    return grouped(
        [
            f"A start=2018-02-01 {of_a} exit=2018-06-01",
            "B start=2018-02-01 peer_group=2018-02-01#1 peer_group=2018-08-01#4",
            "C start=2018-02-01",
            "D start=2018-02-01 exit=2018-03-01",
        ]
    )


# Who is in which group


@pytest.mark.requirement("KS-13")
def test_a_group_holds_from_its_placement_until_the_next_or_the_exit(four):
    found = peer_groups.spells(four)
    found = found.assign(who=four.journeys["referral_id"].to_numpy()[found["place"]])

    assert list(zip(found["who"], found["group"], days_of(found["from_date"]), strict=True)) == [
        ("A", NOT_PLACED, "2018-02-01"),
        ("A", "2", "2018-02-05"),
        ("A", "3", "2018-03-05"),
        ("A", "2", "2018-05-05"),
        ("B", "1", "2018-02-01"),
        ("B", "4", "2018-08-01"),
        ("C", NOT_PLACED, "2018-02-01"),
        ("D", NOT_PLACED, "2018-02-01"),
    ]
    assert days_of(found.loc[found["who"] == "A", "to_date"]) == [
        "2018-02-05",
        "2018-03-05",
        "2018-05-05",
        "2018-06-01",
    ]
    assert found["next"].fillna("").tolist() == ["2", "3", "2", "left", "4", "", "", "left"]


@pytest.mark.requirement("KS-13", "KS-14", "KS-15", "KS-16", "KS-17")
def test_those_on_the_programme_are_counted_in_one_group_each_on_any_day(four):
    """On 28 February D is there still; on 1 March, the day of the exit, no more; a group counts on its first day."""
    days = [date(2018, 1, 31), date(2018, 2, 4), date(2018, 2, 28), date(2018, 3, 5), date(2018, 8, 1)]
    found = peer_groups.occupancy(four, days)

    assert found.to_dict("list") == {
        NOT_PLACED: [0, 3, 2, 1, 1],
        "1": [0, 1, 1, 1, 0],
        "2": [0, 0, 1, 0, 0],
        "3": [0, 0, 0, 1, 0],
        "4": [0, 0, 0, 0, 1],
    }


@pytest.mark.requirement("KS-13")
def test_the_group_of_each_participant_on_a_day_is_missing_off_the_programme(four):
    found = peer_groups.group_at(four, date(2018, 4, 30)).set_axis(four.journeys["referral_id"])

    assert found.fillna("").to_dict() == {"A": "3", "B": "1", "C": NOT_PLACED, "D": ""}


@pytest.mark.requirement("KS-13")
def test_moves_between_two_days_are_those_of_the_two_days_with_who_came_and_left(four):
    found = peer_groups.transitions(four, date(2018, 2, 10), date(2018, 6, 30))

    assert {was: row[row > 0].to_dict() for was, row in found.iterrows() if row.any()} == {
        NOT_PLACED: {NOT_PLACED: 1, "left": 1},
        "1": {"1": 1},
        "2": {"left": 1},
    }
    came = peer_groups.transitions(four, date(2018, 1, 10), date(2018, 2, 28)).loc["not_on_programme"]
    assert came[came > 0].to_dict() == {NOT_PLACED: 2, "1": 1, "2": 1}


def test_two_days_in_the_wrong_order_or_after_what_is_known_are_refused(four):
    with pytest.raises(ParameterError, match="earlier=2018-06-30: is after 2018-02-10"):
        peer_groups.transitions(four, date(2018, 6, 30), date(2018, 2, 10))
    with pytest.raises(ParameterError, match="day 2019-01-01: is after 2018-12-31"):
        peer_groups.occupancy(four, [date(2019, 1, 1)])
    with pytest.raises(ParameterError, match="group='5': give one of not_placed, 1, 2, 3, 4"):
        peer_groups.time_in_group(four, "5")


@pytest.mark.requirement("KS-13")
def test_moves_are_counted_by_direction_with_skips_and_those_never_placed(four):
    """A: on one, back one, confirmed once. B: on by three. C and D were never placed, and D has left."""
    found = peer_groups.summary(four)

    assert found.to_dict() == {
        "participants": 4,
        "never_placed": 2,
        "never_placed_left": 1,
        "placements": 6,
        "first": 2,
        "confirmed": 1,
        "advances": 2,
        "retreats": 1,
        "skips_on": 1,
        "skips_back": 0,
        "set_aside": 0,
    }


def test_placements_that_do_not_count_are_set_aside_by_reason(grouped):
    """5, 0 and a word are no group; B never started; C was placed on the day it left; of D's two on 5 March the one
    recorded on the 7th holds, of its two before the start the later, which holds from the start."""
    found = grouped(
        """
        A start=2018-02-01 peer_group=2018-02-05#5 peer_group=2018-02-06#0 peer_group=2018-02-07#high
        B peer_group=2018-02-05#2
        C start=2018-02-01 peer_group=2018-03-01#2 exit=2018-03-01
        D referral=2018-01-02 start=2018-02-01 peer_group=2018-01-10#1 peer_group=2018-01-20#2
        E start=2018-02-01 peer_group=2018-03-05/2018-03-07#4 peer_group=2018-03-05/2018-03-06#1
        F start=2018-02-01 peer_group=2018-03-05#4 peer_group=2018-03-05#3
        """
    )

    assert peer_groups.set_aside(found).to_dict() == {
        "not a group": 3,
        "no start": 1,
        "on or after the exit": 1,
        "a later placement holds from that day": 3,
    }
    held = peer_groups.group_at(found, date(2018, 12, 31)).set_axis(found.journeys["referral_id"])
    assert held.fillna("").to_dict() == {"A": NOT_PLACED, "B": "", "C": "", "D": "2", "E": "4", "F": "3"}
    assert peer_groups.group_at(found, date(2018, 2, 1)).iloc[3] == "2"


def test_without_a_placement_everybody_is_not_placed_and_it_says_so(make):
    found = make("A start=2018-02-01", month="2018-03")

    assert not peer_groups.known(found)
    assert peer_groups.occupancy(found)[NOT_PLACED].tolist() == [0, 1, 1]
    assert peer_groups.advances(found)["caseload_days"].tolist() == [0, 28, 31]
    assert peer_groups.job_starts(found).loc[NOT_PLACED, "days"] == 58
    assert peer_groups.times_in_group(found).loc[NOT_PLACED, ["entered", "still"]].tolist() == [1, 1]


def test_a_programme_without_such_placements_is_refused(whp, make):
    programme = whp.model_copy(update={"events": {k: v for k, v in whp.events.items() if k != "peer_group"}})

    with pytest.raises(ParameterError, match="measure 'peer_group'"):
        peer_groups.spells(make("A start=2018-02-01", month="2018-03", programme=programme))


# How long, and for whose caseload


@pytest.mark.requirement("KS-13")
def test_time_in_a_group_goes_on_for_those_still_in_it(four):
    """2: A for 28 days (then on) and for 27 (then out). 4: B, for 152 days so far."""
    second, pool = peer_groups.time_in_group(four, "2"), peer_groups.time_in_group(four, "4")

    assert second.events.loc[28, "on"] == second.events.loc[27, "left"] == 1
    assert pool.censored.to_dict() == {152: 1}
    found = peer_groups.times_in_group(four)
    assert found.loc["2", ["entered", "on", "back", "left", "still", "median"]].tolist() == [2, 1, 0, 1, 0, 27]
    assert found.loc["3", ["entered", "back", "median"]].tolist() == [1, 1, 61]
    assert found.loc["4", ["entered", "still"]].tolist() == [1, 1]
    assert np.isnan(found.loc["4", "median"])
    assert found.loc[NOT_PLACED, ["entered", "on", "left", "still"]].tolist() == [3, 1, 1, 1]


@pytest.mark.requirement("KS-18")
def test_advances_and_retreats_are_held_against_the_days_of_the_caseload(four):
    """In February four have 28 days each. In March D has none: 93, and A's advance makes 1 x 3000 / 93 = 32.26."""
    found = peer_groups.advances(four)

    assert found["caseload_days"].to_list()[:6] == [0, 112, 93, 90, 93, 60]
    assert found.loc["2018-03", ["advances", "retreats", "net"]].tolist() == [1, 0, 1]
    assert found.loc["2018-05", ["advances", "retreats", "net"]].tolist() == [0, 1, -1]
    assert found.loc["2018-08", ["advances", "skips"]].tolist() == [1, 1]
    assert_allclose(found.loc["2018-03", ["advance_rate", "retreat_rate"]].tolist(), [32.258, 0], atol=1e-3)
    assert np.isnan(found.loc["2018-01", "advance_rate"])


def test_limits_of_a_rate_are_exact_poisson_limits(four):
    """One advance: .0253 to 5.5716 (Garwood 1936), in 93 days; and none at all: up to 3.6889."""
    found = peer_groups.advances(four)

    assert_allclose(
        found.loc["2018-03", ["lower", "upper"]].tolist(), np.array([0.0253, 5.5716]) * 3000 / 93, rtol=1e-3
    )
    assert_allclose(found.loc["2018-04", ["lower", "upper"]].tolist(), [0, 3.6889 * 3000 / 90], rtol=1e-4)


HISTORY = """
A caseworker W1 2018-01-01 2018-01-01
A caseworker W2 2018-03-11 2018-03-12
A caseworker W2 2018-03-21 2018-03-21
A caseworker W9 2018-01-15 2018-01-15
"""


@pytest.mark.requirement("KS-18")
def test_a_move_belongs_to_whoever_had_the_participant_on_the_day(grouped):
    """A starts with W9 (who has had A since 15 January) and is W2's from 11 March, as W2 again from the 21st: of March
    W9 has 10 days, W2 21. The advance of 5 March is W9's, the retreat of 20 March W2's."""
    line = "A start=2018-02-01 caseworker=W2 peer_group=2018-02-01#2 peer_group=2018-03-05#3 peer_group=2018-03-20#1"
    snapshot = grouped(line, month="2018-03", attributes=HISTORY)
    found = peer_groups.advances(snapshot, "caseworker")

    assert found.loc[("W9", "2018-03"), ["caseload_days", "advances", "retreats"]].tolist() == [10, 1, 0]
    assert found.loc[("W2", "2018-03"), ["caseload_days", "advances", "retreats"]].tolist() == [21, 0, 1]
    assert found.loc[("W9", "2018-02"), "caseload_days"] == 28
    total = peer_groups.advances(snapshot, "caseworker", "cumulative")
    assert total["caseload_days"].to_dict() == {"W2": 21, "W9": 38}
    assert peer_groups.summary(snapshot)[["skips_on", "skips_back"]].tolist() == [0, 1]


@pytest.mark.requirement("KS-18")
def test_at_the_start_a_move_belongs_to_whoever_had_the_participant_then(grouped):
    """The snapshot's own reading of the caseworker at the start, here W1, has all of it."""
    lines = "A start=2018-02-01 caseworker=W1 peer_group=2018-02-01#2 peer_group=2018-03-05#4"
    found = peer_groups.advances(grouped(lines, month="2018-03", attributes=HISTORY), "caseworker", at="at_start")

    assert found.index.get_level_values(0).unique().tolist() == ["W1"]
    assert found["caseload_days"].tolist() == [0, 28, 31]
    assert found["skips"].tolist() == [0, 0, 1]
    with pytest.raises(ParameterError, match="at='now': give one of at_event, at_start"):
        peer_groups.advances(grouped(lines), "caseworker", at="now")


def test_months_of_a_basis_are_summed(four):
    """Of October to December: 92 days each of B and C."""
    found = peer_groups.advances(four, basis="rolling_3")

    assert found["caseload_days"].to_dict() == {"all": 184}


# Jobs


@pytest.mark.requirement("KS-17", "KS-18")
def test_jobs_come_of_the_group_held_on_the_day_before(grouped):
    """A: not placed for 4 days, in 3 for the 10 days to 15 February, when the job begins and the pool is entered on one
    day. In work to 25 February, then 3 days in the pool. B: in the pool from the start, a job on the 11th day."""
    snapshot = grouped(
        """
        A start=2018-02-01 peer_group=2018-02-05#3 job_start=2018-02-15#J peer_group=2018-02-15#4 job_end=2018-02-25#J
        B start=2018-02-01 peer_group=2018-02-01#4 job_start=2018-02-12#J
        """,
        month="2018-02",
    )
    found = peer_groups.job_starts(snapshot)

    assert found["days"].to_dict() == {NOT_PLACED: 4, "1": 0, "2": 0, "3": 10, "4": 3 + 11}
    assert found["job_starts"].to_dict() == {NOT_PLACED: 0, "1": 0, "2": 0, "3": 1, "4": 1}
    assert found["out_of_work"].to_dict() == {NOT_PLACED: 0, "1": 0, "2": 0, "3": 0, "4": 1}
    assert_allclose(found.loc["4", ["rate", "expected"]].tolist(), [3000 / 14, 30 / 14])


@pytest.mark.requirement("KS-17")
def test_the_hazard_of_a_month_counts_that_months_days_and_jobs_alone(grouped):
    """In the pool from 1 February: a job from 20 February to 10 March, another on 21 March. Of March there are 11 days
    at risk, to the 21st; of February to the 20th, 19."""
    line = (
        "A start=2018-02-01 peer_group=2018-02-01#4 job_start=2018-02-20#1 job_end=2018-03-10#1 job_start=2018-03-21#2"
    )
    snapshot = grouped(line, month="2018-03")

    assert peer_groups.job_starts(snapshot, "month").loc["4", ["days", "job_starts"]].tolist() == [11, 1]
    assert peer_groups.job_starts(snapshot).loc["4", ["days", "job_starts"]].tolist() == [30, 2]


@pytest.mark.requirement("KS-17")
def test_time_from_the_pool_to_a_job_has_moves_and_exits_competing(grouped):
    """A gets a job after 20 days; B falls back after 10; C leaves after 15; D waits for 28 days, to the month's end; E
    gets a job on the day of falling back; F enters the pool in work."""
    snapshot = grouped(
        """
        A start=2018-11-01 peer_group=2018-11-05#4 job_start=2018-11-25
        B start=2018-11-01 peer_group=2018-11-05#4 peer_group=2018-11-15#3 job_start=2018-11-20
        C start=2018-11-01 peer_group=2018-11-05#4 exit=2018-11-20
        D start=2018-11-01 peer_group=2018-11-02#4
        E start=2018-11-01 peer_group=2018-11-05#4 peer_group=2018-11-17#2 job_start=2018-11-17
        F start=2018-11-01 peer_group=2018-11-05#4 job_start=2018-11-03
        """,
        month="2018-11",
    )
    found = peer_groups.time_to_job(snapshot)

    assert found.events["job_start"].loc[[12, 20]].tolist() == [1, 1]
    assert found.events.loc[10, "moved"] == found.events.loc[15, "left"] == 1
    assert found.censored[28] == 1
    assert (found.followed, found.before) == (5, 1)


# Laws


@pytest.mark.requirement("KS-13")
def test_on_every_day_the_groups_add_up_to_those_on_the_programme(sample):
    """The caseload on the first of a month is worked out from starts and exits alone; a group is as at the close."""
    firsts = sample.months.to_timestamp()
    found = peer_groups.occupancy(sample, [day.date() for day in firsts])

    assert found.sum(axis=1).tolist() == journey.caseload(sample)["on_programme"].tolist()
    assert found.to_numpy()[-1].min() > 0


def test_transitions_start_from_one_days_occupancy_and_end_at_anothers(sample):
    earlier, later = date(2018, 12, 31), date(2019, 6, 30)
    found = peer_groups.transitions(sample, earlier, later)
    before, after = peer_groups.occupancy(sample, [earlier, later]).to_numpy()

    assert found.loc[peer_groups.PLACES].sum(axis=1).tolist() == before.tolist()
    assert found[peer_groups.PLACES].sum().tolist() == after.tolist()


def test_caseworkers_advances_and_days_add_up_to_those_of_all(sample):
    counts = ["caseload_days", "advances", "retreats", "skips"]
    everybody = peer_groups.advances(sample)[counts]

    for at in ("at_event", "at_start"):
        each = peer_groups.advances(sample, "caseworker", at=at)[counts]
        assert each.groupby(level="month").sum().equals(everybody)
    assert (
        peer_groups.advances(sample, basis="cumulative")["advances"].item() == (peer_groups.summary(sample)["advances"])
    )


def test_days_at_risk_equal_a_count_day_by_day(sample):
    """Everybody on the programme and not in work at the close of a day is at risk of a job on the next."""
    days = pd.date_range("2019-06-01", "2019-06-30") - pd.Timedelta(days=1)
    work = journey.work_spells(sample).merge(sample.journeys[["referral_id"]].reset_index(), on="referral_id")
    at_risk = dict.fromkeys(peer_groups.PLACES, 0)
    for day in days:
        held = peer_groups.group_at(sample, day.date())
        busy = work.loc[(work["from_date"] <= day) & ~(work["to_date"] <= day), "index"]
        for group, n in held.drop(index=busy.unique()).value_counts().items():
            at_risk[group] += n
    begun = work[work["from_date"] > days[0]].merge(
        sample.journeys[["start", "exit"]], left_on="index", right_index=True
    )
    begun = begun[(begun["from_date"] > begun["start"]) & ~(begun["from_date"] > begun["exit"])]

    found = peer_groups.job_starts(sample, "month")

    assert found["days"].to_dict() == at_risk
    assert found["job_starts"].sum() == len(begun) > 20


placements = st.lists(st.tuples(st.integers(0, 200), st.integers(1, 4)), max_size=6, unique_by=lambda item: item[0])


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(placements, st.none() | st.integers(1, 200)), min_size=1, max_size=6))
def test_whatever_the_placements_everybody_is_in_one_group_a_day_and_moves_add_up(grouped, people):
    """Started on 1 February 2018; on each day the group is that of the last placement by then."""
    first = pd.Timestamp("2018-02-01")

    def on(day):
        return f"{first + pd.Timedelta(days=day):%Y-%m-%d}"

    lines = [
        " ".join(
            [f"A{n} start={on(0)}", *(f"peer_group={on(day)}#{group}'{day}" for day, group in placed)]
            + ([f"exit={on(leave)}"] if leave else [])
        )
        for n, (placed, leave) in enumerate(people)
    ]
    snapshot = grouped(lines, month="2018-06")  # to day 149

    for day in (0, 70, 149):
        expected = [
            None
            if leave is not None and leave <= day
            else str(dict(sorted(placed)).get(max((d for d, _ in placed if d <= day), default=-1), NOT_PLACED))
            for placed, leave in people
        ]
        found = peer_groups.group_at(snapshot, (first + pd.Timedelta(days=day)).date())
        found = found.set_axis(snapshot.journeys["referral_id"]).loc[[f"A{n}" for n in range(len(people))]]
        assert [None if pd.isna(group) else group for group in found] == expected

    counts = peer_groups.summary(snapshot)
    steps = peer_groups.moves(snapshot)["steps"]
    assert counts["placements"] == counts["first"] + counts["confirmed"] + counts["advances"] + counts["retreats"]
    assert (steps != 0).all()
    spells = peer_groups.spells(snapshot)
    net = steps.groupby(peer_groups.moves(snapshot)["place"]).sum()
    placed = spells[spells["group"] != NOT_PLACED].groupby("place")["group"].agg(["first", "last"]).astype(int)
    assert (placed["last"] - placed["first"]).equals(net.reindex(placed.index, fill_value=0).rename(None).astype(int))
