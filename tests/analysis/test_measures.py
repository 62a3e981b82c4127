"""What counts as an outcome: windows, routes and claims, each worked by hand from the words of the definition.

"Outcome (WHP): the first employed outcome inside the window, or a self-employed one inside the window whose claim was
submitted by day 700 and stands; employed claims do not matter. Where an extract has no claims at all, the outcome
counts and the report says so." A start on 1 January 2018 is day 0; day 639 is 2 October and day 700 is 2 December 2019.
The hard cases of `tests/answers/whp-hard` are asked in `tests/records`.
"""

import re

import pandas as pd
import pytest

from perflib.analysis import measures
from perflib.errors import ParameterError
from perflib.rules.programme import Outcome

CASES = """
2018-01-01 | day 0                          | job=2018-01-01
2019-10-02 | job on day 639                 | job=2019-10-02
late       | job on day 640                 | job=2019-10-03
early      | job before the start           | job=2017-12-31
2019-03-01 | job, its claim rejected        | job=2019-03-01 claim=2019-03-05 rejected=2019-03-20
2019-10-02 | own business, claim day 700    | own=2019-10-02 claim=2019-12-02
no claim   | own business, claim day 701    | own=2019-10-02 claim=2019-12-03
late       | own business on day 640        | own=2019-10-03 claim=2019-10-04
no claim   | own business, not claimed      | own=2019-03-01
2019-03-01 | claim paid                     | own=2019-03-01 claim=2019-03-05 paid=2019-04-01
no claim   | claim rejected                 | own=2019-03-01 claim=2019-03-05 rejected=2019-04-01
2019-03-01 | rejected, then paid            | own=2019-03-01 claim=2019-03-05 rejected=2019-04-01 paid=2019-05-01
no claim   | paid, then rejected            | own=2019-03-01 claim=2019-03-05 paid=2019-04-01 rejected=2019-05-01
2019-03-01 | paid and rejected on one day   | own=2019-03-01 claim=2019-03-05 paid=2019-04-01 rejected=2019-04-01
no claim   | rejected on the day submitted  | own=2019-03-01 claim=2019-03-05 rejected=2019-03-05
2019-03-01 | a second claim stands          | own=2019-03-01 claim=2019-03-05#1 rejected=2019-04-01#1 claim=2019-12-02#2
no claim   | a second claim comes too late  | own=2019-03-01 claim=2019-03-05#1 rejected=2019-04-01#1 claim=2019-12-03#2
no claim   | the only claim is a job's      | own=2019-03-01 job=2019-11-01#J claim=2019-11-05#J
2019-03-01 | its own claim beside a job's   | own=2019-03-01#S claim=2019-04-05#S job=2019-11-01#J claim=2019-11-05#J
2019-02-01 | two routes: the first          | job=2019-03-01 own=2019-02-01 claim=2019-03-05
2019-03-01 | two routes, one counts         | job=2019-03-01 own=2019-02-01
2019-03-01 | paid, never submitted          | own=2019-03-01 paid=2019-12-02
no claim   | paid too late, never submitted | own=2019-03-01 paid=2019-12-03
"""
"""Journeys that started on 1 January 2018: the date of the outcome or why there is none, what else happened."""

EVENTS = {
    "job": "job_outcome",
    "own": "self_employed_outcome",
    "claim": "claim_submitted",
    "paid": "claim_paid",
    "rejected": "claim_rejected",
}
COUNTS = {
    case: (said, answer) for answer, case, said in (re.split(" *[|] ", row) for row in CASES.strip().splitlines())
}


def line(name: str, said: str) -> str:
    words = [word.split("=") for word in said.split()]
    return " ".join([name, "start=2018-01-01", *(f"{EVENTS[event]}={date}" for event, date in words)])


@pytest.fixture(scope="module")
def judged(make):
    return make(line(f"H{number:02}", said) for number, (said, _) in enumerate(COUNTS.values()))


@pytest.mark.requirement("WHP-19")
@pytest.mark.requirement("WHP-20")
@pytest.mark.parametrize("case", COUNTS)
def test_an_outcome_counts_inside_its_window_with_a_claim_where_one_is_needed(judged, case):
    found = measures.first(judged, "outcome")["event"].iloc[list(COUNTS).index(case)]
    _, answer = COUNTS[case]

    assert (None if pd.isna(found) else str(found.date())) == (answer if answer.startswith("20") else None)


def test_outcomes_that_do_not_count_are_counted_by_their_reason(judged):
    """As often as the cases give it; a route that does not count beside one that does is counted too."""
    assert measures.excluded(judged).to_dict() == {
        "before the start": 1,
        "after the window": 2 + 2,  # and the jobs of the two that have a job's claim
        "no standing claim in time": 8 + 1,  # and the first of two routes that has none
    }


def test_an_outcome_without_a_start_counts_nowhere_and_is_counted(make):
    snapshot = make("A job_outcome=2018-05-01")

    assert measures.first(snapshot, "outcome").isna().all(axis=None)
    assert measures.excluded(snapshot).to_dict() == {"no start": 1}


@pytest.mark.requirement("WHP-19")
def test_where_the_start_is_day_1_the_window_ends_a_day_earlier(make, whp):
    snapshot = make(
        ["A start=2018-01-01 job_outcome=2019-10-01", "B start=2018-01-01 job_outcome=2019-10-02"],
        programme=whp.model_copy(update={"start_day": 1}),
    )

    assert measures.first(snapshot, "outcome")["event"].notna().tolist() == [True, False]


def test_a_window_is_the_one_that_held_at_the_start(make, whp):
    """639 days for starts until June 2018, 100 days from July: 1 July 2018 + 100 is 9 October 2018."""
    days = [
        {"value": 639, "from": "2017-11-01", "source": "none"},
        {"value": 100, "from": "2018-07-01", "source": "none"},
    ]
    route = {"event": "job_outcome", "within_days": days}
    outcome = Outcome.model_validate({"label": "Job outcomes", "source": "none", "routes": [route]})
    snapshot = make(
        [
            "A start=2018-06-30 job_outcome=2019-10-01",
            "B start=2018-07-01 job_outcome=2018-10-09",
            "C start=2018-07-01 job_outcome=2018-10-10",
        ],
        programme=whp.model_copy(update={"outcomes": {"outcome": outcome}}),
    )

    assert measures.first(snapshot, "outcome")["event"].notna().tolist() == [True, True, False]


@pytest.mark.parametrize(
    ("another", "known"),
    [("", False), ("claim=2018-06-01", True), ("paid=2018-06-01", True), ("rejected=2018-06-01", True)],
)
def test_only_where_no_claim_at_all_is_known_does_an_outcome_count_without_one(make, another, known):
    snapshot = make([line("A", "own=2018-05-01"), line("B", another)])

    assert measures.claims_known(snapshot) is known
    assert measures.first(snapshot, "outcome")["event"].notna().tolist() == [not known, False]


def test_a_rejection_is_all_that_needs_to_be_known_of_a_claim(make):
    snapshot = make(line("A", "own=2018-05-01 rejected=2018-06-01"))

    assert measures.first(snapshot, "outcome")["event"].isna().all()


def test_a_claim_counts_from_the_day_it_is_known(make):
    lines = [line("A", "own=2018-05-01/2018-05-09 claim=2018-05-20/2018-07-02"), line("B", "claim=2018-03-01")]

    before = measures.first(make(lines, "2018-06", "2018-07-01"), "outcome")
    after = measures.first(make(lines, "2018-06", "2018-07-02"), "outcome")

    assert before["event"].isna().all()
    # and the outcome keeps the day on which it was itself recorded
    assert after.loc[0].tolist() == [pd.Timestamp("2018-05-01"), pd.Timestamp("2018-05-09")]


def test_the_first_outcome_is_the_first_that_happened_whichever_was_recorded_first(make):
    snapshot = make(line("A", "own=2018-05-01/2018-08-01 claim=2018-05-02 job=2018-06-01/2018-06-02"))

    assert measures.first(snapshot, "outcome").loc[0].tolist() == [
        pd.Timestamp("2018-05-01"),
        pd.Timestamp("2018-08-01"),
    ]


def test_an_event_that_repeats_counts_each_time_and_an_outcome_once(make):
    snapshot = make(line("A", "job=2018-08-01#1 job=2018-09-01#2") + " job_start=2018-02-01 job_start=2018-05-01")

    assert measures.occurrences(snapshot, "job_start")["event"].dt.month.tolist() == [2, 5]
    assert measures.occurrences(snapshot, "outcome")["event"].dt.month.tolist() == [8]
    assert measures.first(snapshot, "job_start").loc[0, "event"] == pd.Timestamp("2018-02-01")


def test_a_start_counts_once_a_referral_though_it_was_recorded_under_two_references(make):
    snapshot = make("A start=2018-02-01#X start=2018-03-05#Y")

    assert measures.occurrences(snapshot, "start")["event"].dt.month.tolist() == [2]


def test_an_unknown_measure_is_refused_with_those_there_are(make):
    with pytest.raises(ParameterError, match=r"measure 'outcomes': Work and Health Programme has outcome, referral"):
        measures.first(make("A"), "outcomes")
