"""Which row of an event holds: rules 1 to 5 of design.md, "What counts", a few rows at a time.

Every case is one referral, and all of them stand in one extract, so that no case can lean on another's absence. The
expected rows are worked by hand from the words of the rule that the case names.
"""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perflib.records.current_rows import CONFLICT, in_order, is_unique_key, resolve, sort_positions
from perflib.records.snapshot import ONCE, REPEAT, Snapshot

# Rows of one referral -> what stands: event, its date, the day it was first recorded.
STANDS: dict[str, tuple[str, list[str]]] = {
    "rule 1: a row wholly equal to another is one record": (
        "start 2018-02-01\nstart 2018-02-01",
        ["start 2018-02-01 2018-02-01"],
    ),
    "rule 1: codes are trimmed and casefolded and aliases applied first": (
        "FTA 2018-02-01\nfailed_to_attend 2018-02-01\ndid_not_attend 2018-02-01 source=CRM\nDNA 2018-02-01 source=crm",
        ["did_not_attend 2018-02-01 2018-02-01"],
    ),
    "rule 1: action is record where nothing is said": (
        "start 2018-02-01\nstart 2018-02-01 action=record\nstart 2018-02-01 action=Record",
        ["start 2018-02-01 2018-02-01"],
    ),
    "rule 3: another ref is another event": (
        "claim_submitted 2019-01-01 ref=C1\nclaim_submitted 2019-03-01 ref=C2",
        ["claim_submitted 2019-01-01 2019-01-01", "claim_submitted 2019-03-01 2019-03-01"],
    ),
    "rule 3: the same ref is the same event": (
        "claim_submitted 2019-01-01 ref=C1\nclaim_submitted 2019-03-01 ref=C1",
        ["claim_submitted 2019-03-01 2019-01-01"],
    ),
    "rule 3: an event that repeats, without ref or event_id, is told by its date": (
        "job_start 2019-01-01\njob_start 2019-03-01",
        ["job_start 2019-01-01 2019-01-01", "job_start 2019-03-01 2019-03-01"],
    ),
    "rule 3: an event that repeats is corrected by its ref": (
        "job_start 2019-01-01 ref=J1\njob_start 2019-01-07 2019-02-01 ref=J1",
        ["job_start 2019-01-07 2019-01-01"],
    ),
    "rule 3: an event that does not repeat is one, whatever its dates": (
        "exit 2019-01-01\nexit 2019-03-01",
        ["exit 2019-03-01 2019-01-01"],
    ),
    "rule 3: event_id is the key within its event, whatever the ref and the date": (
        "job_start 2019-01-01 event_id=A ref=J1\njob_start 2019-01-02 2019-02-01 event_id=A",
        ["job_start 2019-01-02 2019-01-01"],
    ),
    "rule 3: an event_id that stands for another event too is two events": (
        "job_start 2019-01-01 event_id=A ref=J1\nfirst_earnings 2019-01-02 2019-02-01 event_id=A",
        ["first_earnings 2019-01-02 2019-02-01", "job_start 2019-01-01 2019-01-01"],
    ),
    "rule 3: other event_ids are other events": (
        "exit 2019-01-01 event_id=B\nexit 2019-03-01 event_id=C",
        ["exit 2019-01-01 2019-01-01", "exit 2019-03-01 2019-03-01"],
    ),
    "rule 4: the best source holds, though another was recorded later": (
        "first_earnings 2019-04-05 2019-04-06 source=HMRC\nfirst_earnings 2019-04-20 2019-05-20 source=CRM",
        ["first_earnings 2019-04-05 2019-04-06"],
    ),
    "rule 4: each of the named sources comes before the next, and before none": (
        "job_outcome 2019-01-04 2019-02-04 source=claim\njob_outcome 2019-01-05 2019-02-05 source=crm\n"
        "job_outcome 2019-01-03 2019-02-03 source=prap\njob_outcome 2019-01-06 2019-02-06",
        ["job_outcome 2019-01-03 2019-02-03"],
    ),
    "rule 4: a source that is not named comes after those that are": (
        "job_outcome 2019-01-01 2019-02-01 source=crm\njob_outcome 2019-01-02 2019-02-02 source=paper",
        ["job_outcome 2019-01-01 2019-02-01"],
    ),
    "rule 4: of sources that are not named, and none, the latest recorded holds": (
        "job_outcome 2019-01-01 2019-02-03 source=paper\njob_outcome 2019-01-02 2019-02-02",
        ["job_outcome 2019-01-01 2019-02-02"],
    ),
    "rule 4: among rows still equal the earliest date holds": (
        "start 2019-01-08 2019-02-01\nstart 2019-01-01 2019-02-01\nstart 2019-01-15 2019-02-01",
        ["start 2019-01-01 2019-02-01"],
    ),
    "rule 5: a later row corrects an earlier one": (
        "start 2018-02-01\nstart 2018-01-31 2018-03-05",
        ["start 2018-01-31 2018-02-01"],
    ),
    "rule 5: the latest of several corrections holds": (
        "start 2018-02-01\nstart 2018-01-31 2018-03-05\nstart 2018-01-29 2018-03-06",
        ["start 2018-01-29 2018-02-01"],
    ),
    "rule 5: withdraw removes the row": (
        "job_outcome 2019-05-01 2019-06-10\njob_outcome 2019-05-01 2019-08-01 action=withdraw",
        [],
    ),
    "rule 5: withdraw removes every earlier row of the key, whatever date it gives": (
        "start 2018-02-01\nstart 2018-01-31 2018-03-05\nstart 2018-02-01 2018-04-01 action=Withdraw",
        [],
    ),
    "rule 5: a later record restores; what was withdrawn no longer counts as first recorded": (
        "start 2018-02-01\nstart 2018-02-01 2018-03-01 action=withdraw\nstart 2018-02-01 2018-04-01",
        ["start 2018-02-01 2018-04-01"],
    ),
    "rule 5: withdraw removes only its own source's rows": (
        "first_earnings 2019-04-05 2019-04-06 source=CRM\nfirst_earnings 2019-04-20 2019-05-20 source=HMRC\n"
        "first_earnings 2019-04-20 2019-06-01 source=HMRC action=withdraw",
        ["first_earnings 2019-04-05 2019-04-06"],
    ),
    "rule 5: a withdrawal without source does not remove a source's row": (
        "exit 2019-04-05 source=CRM\nexit 2019-04-05 2019-06-01 action=withdraw",
        ["exit 2019-04-05 2019-04-05"],
    ),
    "rule 5: withdraw removes only its own key": (
        "claim_submitted 2019-01-01 ref=C1\nclaim_submitted 2019-01-02 ref=C2\n"
        "claim_submitted 2019-01-01 2019-02-01 ref=C1 action=withdraw",
        ["claim_submitted 2019-01-02 2019-01-02"],
    ),
    "rule 5: a withdrawal of a repeating event needs the date of the one it means": (
        "review 2019-01-01\nreview 2019-02-01\nreview 2019-01-01 2019-02-02 action=withdraw\n"
        "review 2019-01-31 2019-02-02 action=withdraw",
        ["review 2019-02-01 2019-02-01"],
    ),
    "rule 5: a withdrawal alone removes nothing and is nothing": (
        "exit 2019-01-01 action=withdraw",
        [],
    ),
    # Rule 5 says "earlier"; on one day the date that the withdrawal names tells which row it means (current.py).
    "rule 5: withdrawn and recorded anew on one day, with another date, stands": (
        "start 2018-02-01\nstart 2018-02-01 2018-03-05 action=withdraw\nstart 2018-01-31 2018-03-05",
        ["start 2018-01-31 2018-03-05"],
    ),
    "rule 5: recorded and withdrawn on one day, with the same date, is withdrawn": (
        "start 2018-02-01\nstart 2018-02-01 action=withdraw",
        [],
    ),
    "rule 5: first recorded is the earliest row that stands, whichever source it is from": (
        "first_earnings 2019-04-05 2019-04-06 source=CRM\nfirst_earnings 2019-04-20 2019-05-20 source=HMRC",
        ["first_earnings 2019-04-20 2019-04-06"],
    ),
}
REFERRAL = {case: f"C{number:02}" for number, case in enumerate(STANDS)}


@pytest.fixture(scope="module")
def snapshot(made: Callable) -> Snapshot:
    lines = []
    for case, (text, _) in STANDS.items():
        lines += [f"{REFERRAL[case]} {line}" for line in ["referral 2018-01-01", *text.splitlines()]]
    return made("\n".join(lines)).snapshot()


@pytest.mark.parametrize("case", STANDS)
def test_what_stands(case: str, snapshot: Snapshot) -> None:
    mine = snapshot.events[snapshot.events["referral_id"] == REFERRAL[case]]
    found = [
        f"{row.event} {row.event_date:%Y-%m-%d} {row.first_recorded:%Y-%m-%d}"
        for row in mine.itertuples()
        if row.event != "referral"
    ]
    assert found == STANDS[case][1]


def set_aside(snapshot: Snapshot, reason: str) -> pd.DataFrame:
    return snapshot.set_aside[snapshot.set_aside["reason"] == reason]


def test_repeats_are_counted_but_for_one(made: Callable) -> None:
    text = "A referral 2018-01-01\n" + "A start 2018-02-01\n" * 3
    repeats = set_aside(made(text).snapshot(), REPEAT)

    assert list(repeats["row"]) == [4, 5]  # the file's rows, the header being row 1
    assert set(repeats["table"]) == {"events"}
    assert set(repeats["effect"]) == {ONCE}


@pytest.mark.requirement("WHP-21")
@pytest.mark.parametrize(
    ("rows", "conflicts"),
    [
        ("start 2019-01-08 2019-02-01\nstart 2019-01-01 2019-02-01", [3]),  # the later date gives way
        ("start 2019-01-08 2019-02-01 source=a\nstart 2019-01-01 2019-02-01 source=b", [3]),  # neither is named
        ("start 2019-01-01 2019-02-01 detail=x\nstart 2019-01-01 2019-02-01 detail=y", [4]),  # same date, other detail
        ("start 2019-01-01 2019-02-01 source=a\nstart 2019-01-01 2019-02-01 source=b", []),  # they agree
        ("start 2019-01-08 2019-02-01\nstart 2019-01-01 2019-02-02", []),  # a correction
        ("start 2019-01-08 2019-02-01 source=crm\nstart 2019-01-01 2019-02-01 source=hmrc", []),  # the better source
        ("start 2019-01-08 2019-02-01\nstart 2019-01-01 2019-02-01\nstart 2019-01-05 2019-03-01", []),  # both corrected
    ],
)
def test_rows_still_equal_are_counted_as_conflicts(made: Callable, rows: str, conflicts: list[int]) -> None:
    lines = [f"A {line}" for line in ["referral 2018-01-01", *rows.splitlines()]]
    found = set_aside(made("\n".join(lines)).snapshot(), CONFLICT)
    assert list(found["row"]) == conflicts


def test_the_order_of_the_file_never_matters() -> None:
    # Rows that nothing but their order, their referral or their words tells apart.
    rows = pd.DataFrame(
        [
            ("A", "exit", "2019-01-01", "2019-02-01", "1", "E"),
            ("B", "exit", "2019-01-01", "2019-02-01", "1", "E"),
            ("B", "exit", "2019-01-01", "2019-02-01", "2", "E"),
            ("A", "start", "2019-01-01", "2019-02-01", None, None),
            ("A", "start", "2019-01-01", "2019-02-01", "1", None),
            ("A", "start", "2019-01-01", "2019-02-01", "2", None),
        ],
        columns=["referral_id", "event", "event_date", "recorded_date", "value", "event_id"],
    ).assign(detail=None, ref=None, source=None, action="record")
    rows[["event_date", "recorded_date"]] = rows[["event_date", "recorded_date"]].astype("datetime64[s]")

    def resolved(rows: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
        rows = in_order(rows)
        found = resolve(rows, is_unique_key(rows, []), np.full(len(rows), True), [], ["hmrc"])
        current = rows.assign(first_recorded=found.first_recorded.astype("datetime64[s]"))[found.holds]
        return current, rows.take(found.conflicts).sort_index()

    first, conflicts = resolved(rows)
    assert (len(first), len(conflicts)) == (3, 3)
    for seed in range(20):
        again, others = resolved(rows.iloc[np.random.default_rng(seed).permutation(len(rows))])
        pd.testing.assert_frame_equal(again, first)
        pd.testing.assert_frame_equal(others, conflicts)


@settings(max_examples=60, deadline=None)
@given(
    rows=st.lists(st.tuples(*[st.integers(-(2**bits), 2**bits) for bits in (2, 40, 30, 1)]), max_size=40),
    parts=st.integers(1, 4),
)
def test_rows_are_put_in_order_however_many_columns_fit_into_one_number(rows: list[tuple], parts: int) -> None:
    columns = np.array(rows, dtype=np.int64).reshape(-1, 4).T[:parts]
    assert sort_positions(*columns).tolist() == sorted(range(len(rows)), key=lambda at: rows[at][:parts])
