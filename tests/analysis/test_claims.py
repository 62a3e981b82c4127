"""Claims and income, worked by hand: deadlines to the day, states, evidence, prices, accelerator.

"Self-employed only: claim may be submitted until 700 days from Start Date; outcome still by 639" (ch. 16 para 16). A
start on 1 January 2018 is day 0: day 639 is 2 October 2019 and day 700 is 2 December 2019. From 1 March 2019 day 700
is 29 January 2021, since February 2020 has 29 days.
"""

import numpy as np
import pandas as pd
import pytest

from perflib.analysis import claims, forecast, income
from perflib.errors import ParameterError

EVENTS = {
    "job": "job_outcome",
    "own": "self_employed_outcome",
    "claim": "claim_submitted",
    "paid": "claim_paid",
    "rejected": "claim_rejected",
}

CASES = """
R01 no_claim_needed no_claim_needed 1000 | job=2019-06-30
R02 no_claim_needed no_claim_needed 1200 | job=2019-07-01
R03 -               -               0    | job=2019-10-03
R04 to_claim        lapsed          1000 | own=2019-03-01
R05 submitted       submitted       1200 | own=2019-10-02 claim=2019-10-20
R06 paid            paid            1200 | own=2019-08-01 claim=2019-08-05 paid=2019-09-01
R07 rejected        lapsed          1000 | own=2019-03-01 claim=2019-03-05 rejected=2019-04-01
R08 submitted       submitted       1000 | own=2019-03-01 claim=2019-03-05#1 rejected=2019-04-01#1 claim=2019-11-01#2
R09 paid            paid            1000 | own=2019-03-01 claim=2019-03-05 rejected=2019-04-01 paid=2019-05-01
R10 no_claim_needed no_claim_needed 1000 | own=2019-02-01 job=2019-03-01
R11 -               -               0    | own=2019-10-03 claim=2019-10-04
R12 to_claim        to_claim        1200 | start=2019-03-01 own=2019-11-15
R13 -               -               0    | start=none own=2019-03-01
R14 -               -               0    | own=2017-12-31
R15 submitted       submitted       1000 | own=2019-06-30 claim=2019-07-15
R16 paid            paid            1000 | own=2019-03-01 paid=2019-05-01
R17 rejected        lapsed          1000 | own=2019-03-01 claim=2019-03-05 paid=2019-04-01 rejected=2019-05-01
R18 paid            paid            1000 | own=2019-03-01 claim=2019-03-05 paid=2019-04-01 rejected=2019-04-01
R19 to_claim        submitted       1200 | own=2019-11-01/2019-11-05 claim=2019-12-01
R20 to_claim        lapsed          1200 | own=2019-10-02 claim=2019-12-03
"""
"""Referral, its state on 30 November and on 31 December 2019, what it is worth, and what happened. R19's outcome is
after its window."""

PRICES = {
    "outcomes": {
        "outcome": [
            {"value": 1000, "from": "2018-01-01", "source": "made here"},
            {"value": 1200, "from": "2019-07-01", "source": "made here"},
        ]
    }
}


def rows() -> list[list[str]]:
    lines = [line.split("|") for line in CASES.strip().splitlines()]
    table = [[*facts.split(), said.strip()] for facts, said in lines]
    for row in table:
        if row[0] == "R19":
            row[4] = row[4].replace("own=2019-11-01/2019-11-05", "own=2019-10-01/2019-11-05")
    return table


def journeys() -> list[str]:
    made = []
    for referral, *_, said in rows():
        words = [word.split("=") for word in said.split()]
        start = dict(words).get("start", "2018-01-01")
        begun = [] if start == "none" else [f"start={start}"]
        rest = [f"{EVENTS[name]}={day}" for name, day in words if name != "start"]
        made.append(" ".join([referral, *begun, *rest]))
    return made


@pytest.fixture(scope="module", params=["2019-11", "2019-12"])
def seen(request, make):
    return make(journeys(), request.param, prices=PRICES), 1 if request.param == "2019-11" else 2


def test_each_of_twenty_claims_is_in_the_state_worked_by_hand(seen):
    snapshot, column = seen
    found = income.priced(snapshot)
    names = snapshot.journeys["referral_id"].to_numpy()[found["place"].astype(int)]
    assert dict(zip(names, found["state"], strict=True)) == {r[0]: r[column] for r in rows() if r[column] != "-"}
    assert dict(zip(names, found["amount"], strict=True)) == {r[0]: float(r[3]) for r in rows() if r[column] != "-"}


def test_pounds_by_state_add_up_by_hand(make):
    then = income.totals(make(journeys(), "2019-11", prices=PRICES))
    later = income.totals(make(journeys(), "2019-12", prices=PRICES))
    assert then["outcomes"].to_dict() == {
        "no_claim_needed": 3, "paid": 4, "submitted": 3, "to_claim": 4, "rejected": 2, "lapsed": 0
    }  # fmt: skip
    assert then["amount"].to_dict() == {
        "no_claim_needed": 3200, "paid": 4200, "submitted": 3200, "to_claim": 4600, "rejected": 2000, "lapsed": 0
    }  # fmt: skip
    assert later["amount"].to_dict() == {
        "no_claim_needed": 3200, "paid": 4200, "submitted": 4400, "to_claim": 1200, "rejected": 0, "lapsed": 4200
    }  # fmt: skip


def test_days_left_count_to_the_last_day_and_a_leap_year_has_its_day(make):
    found = claims.ledger(make(journeys(), "2019-11"))
    by = dict(zip(found["last_day"].dt.strftime("%Y-%m-%d"), found["days_left"], strict=True))
    assert by == {"2019-12-02": 2, "2021-01-29": 426}
    bands = claims.to_submit(make(journeys(), "2019-11"))
    assert bands.to_numpy().tolist() == [[3, 2], [0, 0], [0, 0], [1, 0]]


@pytest.mark.parametrize(("known_at", "state"), [("2019-12-02", "to_claim"), ("2019-12-03", "lapsed")])
def test_a_claim_may_still_be_submitted_on_its_last_day(make, known_at, state):
    snapshot = make(["A start=2018-01-01 self_employed_outcome=2019-03-01", *paid_elsewhere()], "2019-12", known_at)
    assert claims.ledger(snapshot)["state"].tolist()[0] == state


def paid_elsewhere() -> list[str]:
    """A claim of somebody else: with none at all known, an outcome counts without one."""
    return ["Z start=2018-06-01 self_employed_outcome=2019-03-01 claim_submitted=2019-03-05 claim_paid=2019-04-01"]


def test_who_can_still_reach_the_outcome_is_counted_by_days_left_and_milestone(make):
    lines = [
        "A start=2018-01-01",  # day 639 is 2 October 2019: 2 days left
        "B start=2018-01-01 first_earnings=2018-05-01",
        "C start=2018-01-01 job_outcome=2019-05-01",
        "D start=2017-12-29",  # day 639 is 29 September: over
        "E start=2018-03-01 first_earnings=2018-05-01 earnings_1000=2018-06-01 exit=2018-07-01",  # 30 November: 61
        "F start=2019-09-01",
        "G did_not_start=2018-02-01",
    ]
    found = claims.to_reach(make(lines, "2019-09"))
    assert found.to_dict("list") == {
        "none": [1, 0, 0, 1], "first_earnings": [1, 0, 0, 0], "earnings_1000": [0, 0, 1, 0], "earnings_2000": [0] * 4
    }  # fmt: skip


def test_a_claims_own_day_may_decide_its_price(make):
    found = income.priced(make(journeys(), "2019-11", prices=PRICES | {"priced_on": "claim_date"}))
    by = found.groupby("state")["amount"].sum()
    assert by["submitted"] == 3600  # R08 by its second claim, of November, and R15, claimed in July
    assert by["no_claim_needed"] == 3200


@pytest.mark.parametrize(("pays", "worth"), [("excess", [1000, 1000, 1000, 2000, 2000]), ("all", [2000] * 5)])
def test_the_accelerator_pays_the_excess_or_all(make, pays, worth):
    lines = [f"R{n} start=2018-01-01 job_outcome=2018-0{n + 2}-01" for n in range(5)]
    higher = {"above": 3, "price": 2000, "pays": pays, "source": "made here"}
    assert income.priced(make(lines, "2018-12", prices=PRICES | {"accelerator": higher}))["amount"].tolist() == worth


def test_below_the_volume_all_is_paid_at_the_ordinary_price(make):
    lines = [f"R{n} start=2018-01-01 job_outcome=2018-0{n + 2}-01" for n in range(3)]
    higher = {"above": 3, "price": 2000, "pays": "all", "source": "made here"}
    found = income.priced(make(lines, "2018-12", prices=PRICES | {"accelerator": higher}))
    assert found["amount"].tolist() == [1000] * 3


@pytest.mark.parametrize("pays", [None, "excess", "all"])
def test_expected_income_is_what_each_simulated_outcome_is_paid_one_by_one(make, pays):
    """Every outcome of every draw is priced by itself, in a loop, in place of array arithmetic."""
    lines = [f"R{n:02} start=2018-0{1 + n % 6}-01" + " job_outcome=2018-09-01" * (n % 4 == 0) for n in range(40)]
    prices = dict(PRICES)
    if pays:
        prices["accelerator"] = {"above": 12, "price": 2000, "pays": pays, "source": "made here"}
    snapshot = make(lines, "2018-10", prices=prices, profiles=[profile()])
    paths = forecast.outcomes(snapshot, model="milestones")
    months = paths.development.months
    ordinary = [1000 if month < pd.Period("2019-07", "M") else 1200 for month in months]
    worth = []
    for draw in paths.paths.sum(axis=1)[:200]:
        paid = [1000] * 10 + [price for price, number in zip(ordinary, draw, strict=True) for _ in range(number)]
        if pays:
            paid = [price if nth < 12 else 2000 for nth, price in enumerate(paid)]
        if pays == "all" and len(paid) > 12:
            paid = [2000] * len(paid)
        worth.append(sum(paid) - 10 * 1000)
    made = income._worth(snapshot.contract.prices, "outcome", paths, 10, 10_000)[:200]
    np.testing.assert_allclose(made, worth)


def profile() -> dict:
    return {"from": "2018-01", "source": "made here", "values": [0, 0, 0, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4]}


def test_fees_are_of_whole_months_from_the_first(make):
    fee = [{"value": 500, "from": "2018-02-10", "source": "x"}, {"value": 700, "from": "2018-04-01", "source": "x"}]
    snapshot = make(["A start=2018-01-01 job_outcome=2018-03-01"], "2018-04", prices=PRICES | {"service_fee": fee})
    found = income.by_month(snapshot)
    assert found["service_fee"].tolist() == [0, 500, 500, 700]
    assert found["earned"].tolist() == [0, 0, 1000, 0]


EVIDENCE_CASES = {
    "in order": [("declaration", "2018-03-01", "a"), ("record", "2018-03-05", "a")],
    "checked after submission": [("declaration", "2018-03-01", "a"), ("record", "2018-03-06", "a")],
    "not checked": [("declaration", "2018-03-01", "a"), ("record", None, None)],
    "not recorded": [],
}


@pytest.mark.parametrize("state", EVIDENCE_CASES)
def test_evidence_is_in_order_when_every_item_was_checked_by_the_day_of_submission(supplied, state):
    line = "A start=2018-01-01 self_employed_outcome=2018-02-01#S claim_submitted=2018-03-05#C"
    items = [
        {"referral_id": "A", "ref": "C" if n else "S", "item": item, "checked_by": by, "checked_date": day,
         "submitted_by": "b", "recorded_date": "2018-03-07"}
        for n, (item, day, by) in enumerate(EVIDENCE_CASES[state])
    ]  # fmt: skip
    other = {"referral_id": "A", "ref": "another", "item": "x", "checked_by": "b", "checked_date": "2018-03-09",
             "submitted_by": "b", "recorded_date": "2018-03-09"}  # fmt: skip
    found = claims.ledger(supplied(line, evidence=[*items, other]))
    assert found["evidence"].tolist() == [state]
    assert found["duties_apart"].tolist() == ([True] if items else [pytest.approx(np.nan, nan_ok=True)])


def test_one_person_who_checks_an_item_and_submits_the_claim_is_seen(supplied):
    line = "A start=2018-01-01 self_employed_outcome=2018-02-01#S claim_submitted=2018-03-05#C"
    items = [
        {"referral_id": "A", "ref": "C", "item": item, "checked_by": by, "checked_date": "2018-03-01",
         "submitted_by": "b", "recorded_date": "2018-03-07"}
        for item, by in (("declaration", "a"), ("record", "b"))
    ]  # fmt: skip
    assert claims.ledger(supplied(line, evidence=items))["duties_apart"].tolist() == [False]


def test_without_prices_money_is_refused_in_one_line(make):
    with pytest.raises(ParameterError, match="no `prices:`"):
        income.priced(make(["A start=2018-01-01"], "2018-04"))
