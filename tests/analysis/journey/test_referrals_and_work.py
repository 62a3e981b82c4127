"""Stages, spells of work and caseloads: the worked cases, and naive counts a day and a participant at a time."""

from datetime import date, timedelta
from typing import NamedTuple

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perflib.analysis import cohorts, counts, journey
from perflib.errors import ParameterError
from perflib.records.snapshot import take_snapshot
from perflib.rules.programme import Outcome

FEW = settings(max_examples=12, deadline=None)


def day(number):
    return date(2018, 1, 1) + timedelta(days=number)


def said(spells):
    return [
        f"{row.from_date.date()} to {'' if pd.isna(row.to_date) else row.to_date.date()}".rstrip()
        for row in spells.itertuples()
    ]


# Spells of work

SPELLS = {
    "an end closes the job of its ref": (
        "job_start=2018-02-01#J1 job_start=2018-03-01#J2 job_end=2018-04-01#J1 job_end=2018-06-01#J2",
        ["2018-02-01 to 2018-06-01"],
    ),
    "jobs apart are spells apart": (
        "job_start=2018-02-01#J1 job_end=2018-02-15#J1 job_start=2018-03-01#J2 job_end=2018-06-01#J2",
        ["2018-02-01 to 2018-02-15", "2018-03-01 to 2018-06-01"],
    ),
    "overlapping jobs are one spell": (  # the case of the definition
        "job_start=2019-02-01#J1 job_end=2019-03-15#J1 job_start=2019-03-10#J2 job_end=2019-06-30#J2",
        ["2019-02-01 to 2019-06-30"],
    ),
    "a job within another adds nothing": (
        "job_start=2018-02-01#J1 job_end=2018-12-01#J1 job_start=2018-03-01#J2 job_end=2018-04-01#J2"
        " job_start=2018-06-01#J3 job_end=2018-07-01#J3",
        ["2018-02-01 to 2018-12-01"],
    ),
    "a job that begins on the day another ends goes on with it": (
        "job_start=2018-02-01#J1 job_end=2018-03-01#J1 job_start=2018-03-01#J2 job_end=2018-06-01#J2",
        ["2018-02-01 to 2018-06-01"],
    ),
    "a job that begins the day after is another spell": (
        "job_start=2018-02-01#J1 job_end=2018-03-01#J1 job_start=2018-03-02#J2 job_end=2018-06-01#J2",
        ["2018-02-01 to 2018-03-01", "2018-03-02 to 2018-06-01"],
    ),
    "an open job has no end, whatever comes after": (
        "job_start=2018-02-01#J1 job_start=2018-03-01#J2 job_end=2018-06-01#J2",
        ["2018-02-01 to"],
    ),
    "an end of another ref closes nothing": ("job_start=2018-02-01#J1 job_end=2018-03-01#J9", ["2018-02-01 to"]),
    "an end before the start of its ref closes nothing": (
        "job_start=2018-02-01#J1 job_end=2018-01-15#J1",
        ["2018-02-01 to"],
    ),
    "an end without a start is no job": ("job_end=2018-03-01", []),
    "without refs the next end closes": (
        "job_start=2018-02-01 job_end=2018-03-01 job_start=2018-04-01 job_end=2018-06-01",
        ["2018-02-01 to 2018-03-01", "2018-04-01 to 2018-06-01"],
    ),
    "an end before every start closes nothing": (
        "job_end=2018-01-15 job_start=2018-02-01 job_end=2018-03-01",
        ["2018-02-01 to 2018-03-01"],
    ),
    "without an end before the next start the job is open": (
        "job_start=2018-02-01 job_start=2018-04-01 job_end=2018-06-01",
        ["2018-02-01 to"],
    ),
    "of two ends before the next start the first closes": (
        "job_start=2018-02-01 job_end=2018-03-01 job_end=2018-03-20 job_start=2018-04-01",
        ["2018-02-01 to 2018-03-01", "2018-04-01 to"],
    ),
    "an end closes one job only": (  # not the one that starts on its day, too
        "job_start=2018-02-01 job_end=2018-03-01 job_start=2018-03-01 job_end=2018-06-01",
        ["2018-02-01 to 2018-06-01"],
    ),
    "a job of one day": ("job_start=2018-02-01 job_end=2018-02-01", ["2018-02-01 to 2018-02-01"]),
    "an end without a ref leaves a job with one open": (
        "job_start=2018-02-01#J1 job_end=2018-03-01",
        ["2018-02-01 to"],
    ),
    "jobs with and without refs are one spell where they overlap": (
        "job_start=2018-02-01#J1 job_end=2018-03-01#J1 job_start=2018-02-10 job_end=2018-04-01",
        ["2018-02-01 to 2018-04-01"],
    ),
}


@pytest.mark.parametrize("case", SPELLS)
def test_a_spell_of_work(make, case):
    events, spells = SPELLS[case]

    assert said(journey.work_spells(make([f"A start=2018-01-10 {events}"]))) == spells


def test_spells_are_of_one_journey(make):
    snapshot = make(["A job_start=2018-02-01 job_end=2018-03-01", "B job_start=2018-02-10 job_end=2018-04-01"])
    spells = journey.work_spells(snapshot)

    assert spells["referral_id"].tolist() == ["A", "B"]
    assert said(spells) == ["2018-02-01 to 2018-03-01", "2018-02-10 to 2018-04-01"]


def test_where_nobody_worked_there_are_no_spells(make):
    spells = journey.work_spells(make("A start=2018-01-10"))

    assert spells.empty
    assert spells.columns.tolist() == ["referral_id", "from_date", "to_date"]


few_days = st.lists(st.integers(0, 25), max_size=6, unique=True)


@FEW
@given(st.lists(st.tuples(few_days, few_days), min_size=1, max_size=12))
def test_jobs_without_refs_are_closed_one_after_the_other(make, people):
    """Naively: a start takes the first end after it that is not after the next start, or else a free one of its day."""
    lines, expected = [], {}
    for i, (starts, ends) in enumerate(people):
        dates = [f"job_start={day(d)}" for d in starts] + [f"job_end={day(d)}" for d in ends]
        lines.append(" ".join([f"P{i:02}", *dates]))
        free, spells = sorted(ends), []
        for start, following in zip(sorted(starts), [*sorted(starts)[1:], 999], strict=False):
            found = next((e for e in free if start < e <= following), start if start in free else None)
            free = [e for e in free if e != found]
            end = 999 if found is None else found
            if spells and start <= spells[-1][1]:
                spells[-1][1] = max(spells[-1][1], end)
            else:
                spells.append([start, end])
        expected[f"P{i:02}"] = [f"{day(a)} to {'' if b == 999 else day(b)}".rstrip() for a, b in spells]

    spells = journey.work_spells(make(lines))
    assert {name: said(spells[spells["referral_id"] == name]) for name in expected} == expected


@FEW
@given(st.lists(st.tuples(st.integers(0, 60), st.integers(0, 30) | st.none()), max_size=8))
def test_spells_are_jobs_joined_until_no_two_overlap(make, jobs):
    words = [f"job_start={day(a)}#J{i}" for i, (a, _) in enumerate(jobs)]
    words += [f"job_end={day(a + length)}#J{i}" for i, (a, length) in enumerate(jobs) if length is not None]
    joined = [(a, 999 if length is None else a + length) for a, length in jobs]
    while pair := next(
        ((p, q) for i, p in enumerate(joined) for q in joined[:i] if p[0] <= q[1] and q[0] <= p[1]), None
    ):
        joined.remove(pair[0])
        joined.remove(pair[1])
        joined.append((min(a for a, _ in pair), max(b for _, b in pair)))

    spells = journey.work_spells(make([" ".join(["A", *words])]))
    assert said(spells) == [f"{day(a)} to {'' if b == 999 else day(b)}".rstrip() for a, b in sorted(joined)]


# Where everybody stands

STANDS = {
    "A": ("start=2018-03-01", "on_programme"),
    "B": ("start=2018-03-01 exit=2018-05-01", "left"),
    "C": ("start=2018-03-01 first_earnings=2018-04-01", "first_earnings"),
    "D": ("start=2018-03-01 first_earnings=2018-04-01 earnings_1000=2018-05-01", "earnings_1000"),
    "E": ("start=2018-03-01 earnings_2000=2018-04-01 first_earnings=2018-05-01", "earnings_2000"),
    "F": ("start=2018-03-01 earnings_1000=2018-04-01 exit=2018-04-02", "earnings_1000"),  # may still reach the outcome
    "G": ("start=2018-03-01 job_outcome=2018-12-01 exit=2018-12-02", "outcome"),
    "H": ("start=2018-03-01 job_outcome=2018-02-01 exit=2018-12-02", "left"),  # an outcome that does not count
    "I": ("earnings_1000=2018-04-01", None),
}


@pytest.mark.requirement("KS-08")
@pytest.mark.requirement("WHP-15")
def test_a_participant_stands_at_the_furthest_that_was_reached(make):
    snapshot = make([f"{name} {words}" for name, (words, _) in STANDS.items()], "2019-01")

    stage = journey.stage(snapshot)
    assert [None if pd.isna(one) else one for one in stage] == [stands for _, stands in STANDS.values()]


def test_the_stages_are_in_the_order_of_the_programme(make):
    assert list(journey.stages(make("A"))) == [
        "outcome",
        "earnings_2000",
        "earnings_1000",
        "first_earnings",
        "on_programme",
        "left",
        "past_last_day",
    ]


@pytest.mark.requirement("WHP-19")
def test_who_has_no_outcome_is_past_the_last_day_for_one_from_the_day_after(make):
    """Day 639 of a start on 1 December 2018 is 31 August 2020."""
    lines = ["A start=2018-12-01", "B start=2018-12-01 earnings_2000=2019-05-01", "C start=2018-11-30"]
    lines += ["D start=2018-11-30 earnings_2000=2019-05-01", "E start=2018-11-30 exit=2019-05-01"]

    stage = journey.stage(make(lines, "2020-08"))
    assert stage.tolist() == ["on_programme", "earnings_2000", "past_last_day", "past_last_day", "past_last_day"]


def test_where_a_route_has_no_last_day_nobody_is_past_it(make, whp):
    routes = [*whp.outcomes["outcome"].routes, {"event": "earnings_2000"}]
    outcome = Outcome(label="Outcomes", source="none", routes=routes)
    programme = whp.model_copy(update={"outcomes": {"outcome": outcome}})

    assert journey.stage(make("A start=2018-01-10", "2025-12", programme=programme)).tolist() == ["on_programme"]


MILESTONES = ["first_earnings", "earnings_1000", "earnings_2000", "job_outcome"]


class Journey(NamedTuple):
    """A journey drawn at random: the start in days from 1 January 2018, all else in days from the start."""

    start: int | None
    leaves: int | None
    jobs: list[tuple[int, int | None]]  # begin and length
    reached: list[int | None]  # MILESTONES

    def there(self, today):
        left = self.leaves is not None and self.start is not None and self.start + self.leaves <= today
        return self.start is not None and self.start <= today and not left

    def working(self, today):
        now = today - (self.start or 0)
        return self.there(today) and any(a <= now and (long is None or now < a + long) for a, long in self.jobs)

    def stands(self, today):
        waited = today - self.start
        done = [
            name for name, wait in zip(MILESTONES, self.reached, strict=True) if wait is not None and wait <= waited
        ]
        if "job_outcome" in done and self.reached[-1] <= 639:
            return "outcome"
        if waited > 639:
            return "past_last_day"
        return done[-1] if done else "on_programme" if self.there(today) else "left"


drawn = st.lists(
    st.builds(
        Journey,
        start=st.none() | st.integers(0, 300),
        leaves=st.none() | st.integers(-40, 300),
        jobs=st.lists(st.tuples(st.integers(-40, 250), st.none() | st.integers(0, 90)), max_size=3),
        reached=st.lists(st.none() | st.integers(0, 800), min_size=4, max_size=4),
    ),
    max_size=15,
)


def written(people):
    for i, one in enumerate(people):
        words = [f"P{i:02}"]
        if one.start is not None:
            words += [f"start={day(one.start)}"]
            words += [f"exit={day(one.start + one.leaves)}"] if one.leaves is not None else []
            for name, wait in zip(MILESTONES, one.reached, strict=True):
                words += [f"{name}={day(one.start + wait)}"] if wait is not None else []
            for j, (begin, length) in enumerate(one.jobs):
                words += [f"job_start={day(one.start + begin)}#J{j}"]
                words += [f"job_end={day(one.start + begin + length)}#J{j}"] if length is not None else []
        yield " ".join(words)


@pytest.mark.requirement("WHP-15")
@FEW
@given(drawn, st.sampled_from(["2018-06", "2019-12", "2020-12"]))
def test_positions_are_those_counted_one_by_one_and_add_up_to_each_cohorts_starts(make, people, month):
    snapshot = make(written(people), month)
    table = journey.position(snapshot)

    end = (pd.Period(month).end_time.date() - day(0)).days
    expected = pd.DataFrame(0, table.index, table.columns)
    for one in people:
        if one.start is not None and one.start <= end:
            expected.loc[pd.Period(day(one.start), "M"), one.stands(end)] += 1

    pd.testing.assert_frame_equal(table, expected, check_dtype=False, check_names=False)
    assert table.sum(axis=1).equals(cohorts.triangle(snapshot).starts)


def test_positions_of_a_real_extract_add_up_to_the_starts_of_each_cohort(part):
    for seen in ("2018-02", "2019-06", "2020-09"):
        snapshot = take_snapshot(part, seen)
        table = journey.position(snapshot)
        assert table.sum(axis=1).tolist() == cohorts.triangle(snapshot).starts.tolist()
        assert table["outcome"].tolist() == cohorts.triangle(snapshot).latest.tolist()


def test_a_start_before_the_contracts_first_month_stands_somewhere_too(make):
    table = journey.position(make(["A start=2017-11-29", "B start=2018-01-05"], "2018-01"))

    assert table.index.astype(str).tolist() == ["2017-11", "2017-12", "2018-01"]
    assert table["on_programme"].tolist() == [1, 0, 1]


# What became of referrals


@pytest.mark.requirement("JII-28", "JII-29", "JII-30", "JII-47")
def test_a_referral_is_what_first_resolved_it(make):
    """On one day the programme's order decides: start, did not attend, did not start."""
    lines = [
        "A referral=2018-01-05 start=2018-02-01",
        "B referral=2018-01-05 did_not_attend=2018-01-10 start=2018-02-01",
        "C referral=2018-01-05 did_not_start=2018-01-10 did_not_attend=2018-01-11",
        "D referral=2018-01-05 did_not_attend=2018-01-10 did_not_start=2018-01-10",
        "E referral=2018-01-05",
        "F referral=2018-02-05 did_not_attend=2018-02-10 start=2018-02-10",
    ]
    table = journey.referrals(make(lines, "2018-03"))

    assert table.columns.tolist() == ["referral", "start", "did_not_attend", "did_not_start", "open"]
    assert table.to_numpy().tolist() == [[5, 1, 2, 1, 1], [1, 1, 0, 0, 0], [0, 0, 0, 0, 0]]


@pytest.mark.requirement("KS-23")
def test_what_became_of_the_referrals_of_a_real_extract_adds_up(part):
    snapshot = take_snapshot(part, "2020-06")
    table = journey.referrals(snapshot)

    assert table["referral"].tolist() == counts.monthly(snapshot, ["referral"])["referral"].tolist()
    assert table.drop(columns="referral").sum(axis=1).tolist() == table["referral"].tolist()
    assert table["open"].sum() < table["referral"].sum() / 10


# Caseload


@pytest.mark.requirement("WL-22")
@FEW
@given(drawn)
def test_the_caseload_is_what_counting_on_each_day_gives(make, people):
    """On the programme from the start until the day before the exit; in work from a job's start until the day before
    its end. Who left before starting was never on it.
    """
    table = journey.caseload(make(written(people), "2018-12"))

    for month, row in table.iterrows():
        today = (month.start_time.date() - day(0)).days
        there = sum(one.there(today) for one in people)
        working = sum(one.working(today) for one in people)
        assert row.tolist() == [there, working, there - working]


def test_the_first_day_counts_and_the_day_of_leaving_does_not(make):
    lines = ["A start=2018-02-01 exit=2018-03-01", "B start=2018-01-10 job_start=2018-02-01 job_end=2018-03-01"]

    assert journey.caseload(make(lines, "2018-03")).to_numpy().tolist() == [[0, 0, 0], [2, 1, 1], [1, 0, 1]]


def test_who_left_before_the_start_was_never_on_the_programme(make):
    lines = ["A start=2018-03-10 exit=2018-02-05", "B start=2018-01-10"]

    assert journey.caseload(make(lines, "2018-05"))["on_programme"].tolist() == [0, 1, 1, 1, 1]


def test_a_job_held_without_a_start_is_nobodys_on_the_programme(make):
    table = journey.caseload(make(["A job_start=2018-01-05", "B start=2018-01-10 job_start=2017-12-01"], "2018-03"))

    assert table.to_numpy().tolist() == [[0, 0, 0], [1, 1, 0], [1, 1, 0]]


def test_where_nobody_started_everything_is_zero(make):
    snapshot = make("A", "2018-02")

    assert journey.caseload(snapshot).to_numpy().tolist() == [[0, 0, 0]] * 2
    assert journey.position(snapshot).to_numpy().tolist() == [[0] * 7] * 2
    assert journey.stage(snapshot).isna().all()
    assert journey.referrals(snapshot)["open"].tolist() == [1, 0]


LAST_DAY = (
    "A start=2018-01-01",  # day 639 is 2 October 2019
    "B start=2018-01-01 exit=2019-10-20",
    "C start=2018-06-01 exit=2019-10-02",
    "D start=2018-06-01 first_earnings=2019-10-03",
    "E referral=2019-10-01 start=2019-10-15",
)
BY_DAY = [
    (date(2019, 10, 2), {"on_programme": 3, "left": 1}),
    (date(2019, 10, 3), {"first_earnings": 1, "left": 1, "past_last_day": 2}),
    (date(2019, 10, 31), {"first_earnings": 1, "left": 1, "past_last_day": 2, "on_programme": 1}),
]


@pytest.mark.requirement("Q-01")
@pytest.mark.parametrize(("day", "stood"), BY_DAY)
def test_a_day_inside_the_month_is_that_day_and_never_the_months_end(make, day, stood):
    whole = make(LAST_DAY, month="2019-10")
    later = make(LAST_DAY, month="2019-12")
    then = make(LAST_DAY, month="2019-10", known_at=str(day))

    for found in (journey.position(whole, day), journey.position(later, day), journey.position(then)):
        counts = found.sum()
        assert counts[counts > 0].to_dict() == stood
        assert found.index[-1] == pd.Period("2019-10", "M")


def test_a_day_after_what_is_known_is_refused(make):
    snapshot = make(LAST_DAY, month="2019-10", known_at="2019-10-10")
    with pytest.raises(ParameterError, match="day 2019-10-11: must be from 2018-01-01 to 2019-10-10"):
        journey.position(snapshot, date(2019, 10, 11))
