"""The briefing: one sentence for each state of a contract, now and at the end."""

from dataclasses import replace

import numpy as np
import pytest

from perflib.analysis.standing import Lever, Standing
from perflib.disclosure.rules import Disclosure
from perflib.disclosure.sentences import as_text
from perflib.reporting import briefing
from perflib.reporting.briefing import findings

INTERNAL, EXTERNAL = Disclosure("internal"), Disclosure("external", suppress_below=10, round_to=5, names=False)

STATE = Standing(
    starts=4170,
    recorded=596,
    expected_so_far=502.4,
    status="above",
    expected=764.8,
    lower=707.0,
    upper=844.0,
    profile=867.4,
    miss=0.996,
    at_risk=True,
    reason=None,
    lever=None,
)

CASES = {
    "ahead, and short in the end": (
        {},
        "Job outcomes: ahead of profile so far (596 recorded, 502 expected) but likely to end about 102 short (765 of "
        "867).",
    ),
    "what would help": (
        {"lever": Lever("first_earnings", 18.6, 39.7)},
        "Job outcomes: ahead of profile so far (596 recorded, 502 expected) but likely to end about 102 short (765 of "
        "867). 40 first earnings a month are needed; 19 are expected.",
    ),
    "behind, and short in the end": (
        {"status": "below", "expected_so_far": 700.0},
        "Job outcomes: behind profile so far (596 recorded, 700 expected) and likely to end about 102 short (765 of "
        "867).",
    ),
    "behind, and made up for": (
        {"status": "below", "expected_so_far": 700.0, "at_risk": False, "miss": 0.3, "expected": 880.0},
        "Job outcomes: behind profile so far (596 recorded, 700 expected) but likely to end near its profile (880, "
        "profile 867).",
    ),
    "ahead, and above in the end": (
        {"at_risk": False, "miss": 0.01, "expected": 990.0},
        "Job outcomes: ahead of profile so far (596 recorded, 502 expected) and likely to end above profile (990, "
        "profile 867).",
    ),
    "too early to judge": (
        {
            "status": "too early",
            "recorded": 0,
            "expected_so_far": 0.0,
            "at_risk": False,
            "miss": 0.4,
            "expected": 860.0,
        },
        "Job outcomes: too early to judge (0 recorded) and likely to end near its profile (860, profile 867).",
    ),
    "no profile": (
        {"status": "no profile", "profile": np.nan, "miss": np.nan, "at_risk": False},
        "596 job outcomes are recorded, and 765 are expected in the end of the 4,170 who have started. The contract "
        "gives no profile to compare them with.",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_the_sentence_of_each_state(case, town_snapshot, monkeypatch):
    changed, words = CASES[case]
    monkeypatch.setattr(findings.standing, "standing", lambda _: replace(STATE, **changed))
    assert as_text(briefing.headline(town_snapshot), INTERNAL) == [words]


def test_where_nobody_has_started_that_is_said(town_snapshot, monkeypatch):
    monkeypatch.setattr(findings.standing, "standing", lambda _: None)
    assert as_text(briefing.headline(town_snapshot), INTERNAL) == [
        "Nobody has started yet: there are no outcomes to judge or to forecast."
    ]


def test_outside_few_outcomes_say_nothing_of_where_it_will_end(town_snapshot, monkeypatch):
    monkeypatch.setattr(findings.standing, "standing", lambda _: replace(STATE, recorded=7))
    assert as_text(briefing.headline(town_snapshot), EXTERNAL) == [
        "Fewer than 10 outcomes are recorded: too few to say where the contract stands."
    ]


def test_points_are_five_at_most_and_each_says_where_it_is_argued(wales):
    found = briefing.points(wales("2020-09"))
    assert 1 <= len(found) <= findings.MOST
    reports = [point.report for point in found]
    assert len(set(reports)) == len(reports)
    (fall,) = (point for point in found if point.report == "cohort_trends")
    (words,) = as_text(fall.text, INTERNAL)
    assert words.startswith("Below their earlier level: job starts (since April 2020, ")


def test_the_first_month_has_nothing_to_compare_with(town_snapshot):
    assert as_text(briefing.changes(None, town_snapshot), INTERNAL) == [
        "This is the contract's first month: there is no earlier one to compare with."
    ]


def test_outside_a_cost_is_hidden_with_the_count_that_it_is_made_of(wales):
    """There were some 26 job starts a month after the fall: hidden where fewer than 1,000 in all are."""
    (fall,) = (point for point in briefing.points(wales("2020-09")) if point.report == "cohort_trends")
    hiding = Disclosure("external", suppress_below=1000, round_to=5, names=False)
    (shown,), (hidden,) = as_text(fall.text, EXTERNAL), as_text(fall.text, hiding)
    assert "job starts (since April 2020, " in shown
    assert "job starts (since April 2020)" in hidden
    assert "fewer" not in hidden
