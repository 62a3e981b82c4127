"""Rows of the optional tables: whose each is, which are decided, and which have come by the period's end."""

from collections.abc import Callable
from typing import Any

import pandas as pd
import pytest

from perflib.analysis import supporting_tables
from perflib.errors import ParameterError
from perflib.records.snapshot import Snapshot
from perflib.rules.management import Kpi

Make = Callable[..., Snapshot]

CHECKED = Kpi(
    name="Checks",
    source="made up",
    kind="share",
    table="checks",
    where={"kind": "compliance"},
    passes={"result": "pass"},
    fails={"result": "fail"},
)
JOURNEYS = "A start=2018-01-08 subcontractor=SC1 caseworker=CW1\nB start=2018-01-08 subcontractor=SC2 caseworker=CW2"
UNITS = [
    {"unit_id": "CW1", "unit_type": "caseworker", "parent": "TEAM", "from_date": "2018-01-01"},
    {"unit_id": "TEAM", "unit_type": "team", "parent": "SC1", "from_date": "2018-01-01"},
    {"unit_id": "SC1", "unit_type": "subcontractor", "from_date": "2018-01-01"},
]


def check(number: int, result: str | None = "pass", day: str = "2018-02-01", **columns: str) -> dict[str, object]:
    row = {"check_id": f"C{number}", "kind": "compliance", "check_date": day, "result": result}
    return row | {"recorded_date": day} | columns


def owners(snapshot: Snapshot, unit: str) -> list[str]:
    found = supporting_tables.rows(snapshot, CHECKED, unit)
    assert found is not None
    return found["unit"].tolist()


def test_a_row_is_the_units_that_it_names_else_the_referrals_else_that_of_the_unit_above(supplied: Make) -> None:
    rows = [
        check(1, unit_type="subcontractor", unit_id="SC9", referral_id="A"),  # it names one of the kind asked for
        check(2, unit_type="caseworker", unit_id="CW1", referral_id="B"),  # B's subcontractor at the start is SC2
        check(3, unit_type="caseworker", unit_id="CW1"),  # CW1 is in TEAM, which is SC1's
        check(4, unit_type="caseworker", unit_id="CW7"),  # in no table
        check(5),
    ]
    snapshot = supplied(JOURNEYS, checks=rows, units=UNITS)
    assert owners(snapshot, "subcontractor") == ["SC9", "SC2", "SC1", "not recorded", "not recorded"]
    assert owners(snapshot, "caseworker") == ["CW1", "CW1", "CW1", "CW7", "not recorded"]
    assert owners(snapshot, "contract") == ["made-here"] * 5


@pytest.mark.requirement("KS-38b")
def test_no_check_at_all_is_no_data_and_no_table_is_not_supplied(supplied: Make) -> None:
    assert supporting_tables.rows(supplied(JOURNEYS), CHECKED, "contract") is None
    none = supporting_tables.rows(supplied(JOURNEYS, checks=[check(1, kind="evidence")]), CHECKED, "contract")
    assert none is not None
    assert none.empty


@pytest.mark.requirement("KS-31")
def test_what_is_pending_or_blank_is_not_decided(supplied: Make) -> None:
    rows = [check(1, "pass"), check(2, "fail"), check(3, "pending"), check(4, None)]
    found = supporting_tables.rows(supplied(JOURNEYS, checks=rows), CHECKED, "contract")
    assert found is not None
    assert found["passed"].fillna(-1).tolist() == [1, 0, -1, -1]


def test_without_codes_that_fail_every_other_code_does(supplied: Make) -> None:
    rows = [check(1, "pass"), check(2, "pending"), check(3, None)]
    kpi = CHECKED.model_copy(update={"fails": {}})
    found = supporting_tables.rows(supplied(JOURNEYS, checks=rows), kpi, "contract")
    assert found is not None
    assert found["passed"].fillna(-1).tolist() == [1, 0, -1]


def test_the_latest_record_of_a_check_holds_and_one_after_the_period_has_not_come(supplied: Make) -> None:
    rows = [
        check(1, "fail"),
        check(1, "pass", recorded_date="2018-02-20"),  # corrected
        check(2, "fail", day="2018-04-02"),  # after March, though known by then
    ]
    found = supporting_tables.rows(
        supplied(JOURNEYS, month="2018-03", known_at="2018-04-10", checks=rows), CHECKED, "contract"
    )
    assert found is not None
    assert found["passed"].tolist() == [1]


@pytest.mark.requirement("KS-35")
def test_who_was_asked_and_who_answered(supplied: Make) -> None:
    asked = {"kind": "survey", "unit_type": "caseworker", "unit_id": "CW1", "asked_date": "2018-02-01"}
    rows = [
        asked | {"feedback_id": "F1", "received_date": "2018-02-05", "score": 5, "recorded_date": "2018-02-05"},
        asked | {"feedback_id": "F2", "received_date": None, "recorded_date": "2018-02-01"},
        asked | {"feedback_id": "F3", "received_date": "2018-02-07", "score": 2, "recorded_date": "2018-02-07"},
        asked
        | {"feedback_id": "F4", "kind": "complaint", "received_date": "2018-02-07", "recorded_date": "2018-02-07"},
    ]
    snapshot = supplied(JOURNEYS, feedback=rows, units=UNITS)
    found = supporting_tables.answered(snapshot, "subcontractor")
    assert found is not None
    assert found.loc["SC1"].round(3).tolist() == [3, 2, 0.667]
    satisfied = Kpi(
        name="S", source="made up", kind="share", table="feedback", where={"kind": "survey"}, more_than={"score": 2}
    )
    scores = supporting_tables.rows(snapshot, satisfied, "subcontractor")
    assert scores is not None
    assert scores["passed"].tolist() == [1, 0]  # strictly more than 2; the unanswered one is of no month
    assert supporting_tables.answered(supplied(JOURNEYS), "subcontractor") is None


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"table": "chekcs"}, "'chekcs' is no table that is counted; did you mean 'checks'?"),
        ({"where": {"knid": ("compliance",)}}, "the table checks has no column 'knid'; did you mean 'kind'?"),
    ],
)
def test_a_kpi_that_names_what_an_extract_does_not_have_is_refused(
    supplied: Make, changed: dict[str, Any], says: str
) -> None:
    with pytest.raises(ParameterError, match=says.replace("?", r"\?")):
        supporting_tables.rows(supplied(JOURNEYS, checks=[check(1)]), CHECKED.model_copy(update=changed), "contract")


def test_rows_in_any_order_give_the_same(supplied: Make) -> None:
    rows = [check(n, result) for n, result in enumerate(["pass", "fail", "pass", "pending"])]
    first, second = (
        supporting_tables.rows(supplied(JOURNEYS, checks=given), CHECKED, "contract") for given in (rows, rows[::-1])
    )
    assert first is not None
    pd.testing.assert_frame_equal(first, second)


@pytest.mark.requirement("KS-37b")
def test_activities_are_added_up_by_kind_on_each_period_basis(supplied: Make) -> None:
    def activity(number: int, kind: str, day: str, many: int | None = None) -> dict[str, object]:
        return {"activity_id": f"A{number}", "kind": kind, "date": day, "number": many, "recorded_date": day}

    rows = [
        activity(1, "employer_meeting", "2018-01-10", 3),
        activity(2, "employer_meeting", "2018-03-05"),  # a blank number is one
        activity(3, "session", "2018-03-05", 9),
        activity(4, "placement", "2018-03-05", 2),  # not asked for
    ]
    found = supporting_tables.activities(
        supplied(JOURNEYS, "2018-03", activities=rows), ["employer_meeting", "session"]
    )
    assert found is not None
    assert found[["month", "rolling_3", "cumulative"]].to_dict("index") == {
        "employer_meeting": {"month": 1, "rolling_3": 4, "cumulative": 4},
        "session": {"month": 9, "rolling_3": 9, "cumulative": 9},
    }
