"""How two looks at one month differ."""

from collections import Counter
from dataclasses import replace

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perflib.analysis.revisions import CONTENT, KEY, KINDS, changes, changes_elsewhere

KNOWN_AT, LATER = "2018-03-31", "2018-06-30"

# Seen at the end of March and at the end of June: what each line is an example of.
FIRST = """
a start=2018-02-01 job_start=2018-03-01#J1 exit=2018-03-20
b start=2018-02-02
c start=2018-02-03
d start=2018-02-05 peer_group=2018-03-05
"""
SECOND = """
a start=2018-02-01 job_start=2018-03-02/2018-04-04#J1
b start=2018-02-02 job_start=2018-03-09/2018-04-09#J1 job_start=2018-03-19/2018-04-19#J2
c start=2018-02-03/2018-03-30 first_earnings=2018-03-15/2018-03-16
d start=2018-02-05 peer_group=2018-03-05
"""


def counted(frame: pd.DataFrame) -> dict[str, dict[str, int]]:
    """Return the numbers that are not nought, by event and kind."""
    rows = frame.set_index("event").to_dict("index")
    return {event: {kind: number for kind, number in row.items() if number} for event, row in rows.items()}


def test_each_record_that_differs_is_counted_once_under_what_became_of_it(make):
    """By hand, a line each: what was recorded since, what moved, what is gone, what was not there though it might be.

    a: the job's first day moved from 1 to 2 March, and the exit is gone. b: two jobs that were recorded in April.
    c: the start is first recorded on 30 March and no longer on 3 February, and earnings that were recorded on 16 March
    were not there at the end of March.
    """
    found = changes(make(FIRST, "2018-03", KNOWN_AT), make(SECOND, "2018-03", LATER))
    assert counted(found) == {
        "start": {"altered": 1},
        "job_start": {"late": 2, "moved": 1},
        "first_earnings": {"found": 1},
        "exit": {"gone": 1},
    }
    assert list(found.columns) == ["event", *KINDS]


def test_a_record_of_another_value_is_altered(make):
    before = make(FIRST, "2018-03", KNOWN_AT)
    groups = before.events["event"] == "peer_group"
    values = before.events["value"].astype("str").mask(groups, "2")
    assert groups.sum() == 1
    assert counted(changes(before, replace(before, events=before.events.assign(value=values)))) == {
        "peer_group": {"altered": 1}
    }


def test_a_record_that_was_confirmed_is_no_change(make):
    before = make("a start=2018-02-01", "2018-03", KNOWN_AT)
    after = make("a start=2018-02-01 start=2018-02-01/2018-05-05", "2018-03", LATER)
    assert after.events["recorded_date"].max() == pd.Timestamp("2018-05-05")
    assert changes(before, after).empty


def test_what_has_moved_out_of_the_month_is_gone(make):
    before = make("a start=2018-03-31", "2018-03", KNOWN_AT)
    after = make("a start=2018-03-31 start=2018-04-01/2018-04-01", "2018-03", LATER)
    assert counted(changes(before, after)) == {"start": {"gone": 1}}


def test_events_come_in_the_order_of_the_programme(make):
    before, after = make(FIRST, "2018-03", KNOWN_AT), make(SECOND, "2018-03", LATER)
    order = list(after.programme.events)
    found = [order.index(event) for event in changes(before, after)["event"]]
    assert found == sorted(found)


def test_a_month_differs_in_nothing_from_itself(make):
    one, other = (make(FIRST, "2018-03", KNOWN_AT) for _ in range(2))
    assert changes(one, other).empty
    assert changes_elsewhere(one, other).empty


# A second implementation, record by record, and what must hold of any two looks

RECORDS = st.lists(
    st.tuples(
        st.sampled_from("ab"),
        st.sampled_from(["start", "review", "job_start"]),
        st.sampled_from([None, "J1"]),
        st.sampled_from(["2018-03-01", "2018-03-02"]),
        st.sampled_from([None, "1", "2"]),
        st.sampled_from(["2018-03-05", "2018-04-05"]),
    ),
    max_size=8,
)
COLUMNS = ["referral_id", "event", "ref", "event_date", "value", "recorded_date"]


def look(snapshot, records):
    """Return the snapshot with other events."""
    frame = pd.DataFrame(records, columns=COLUMNS).astype("str")
    for name in ("event_date", "recorded_date"):
        frame[name] = pd.to_datetime(frame[name])
    frame = frame.assign(first_recorded=frame["recorded_date"], detail=None)
    return replace(snapshot, events=frame)


def by_hand(before, after, known_at=KNOWN_AT) -> dict[str, dict[str, int]]:
    """Go through the records of the second look one by one, three times, less and less strictly."""
    found: Counter[tuple[str, str]] = Counter()
    old, new = list(before), list(after)
    for alike, kind in ((lambda r: r, None), (lambda r: r[:4], "altered"), (lambda r: r[:3], "moved")):
        left = []
        for record in new:
            match = next((other for other in old if alike(other) == alike(record)), None)
            if match is None:
                left.append(record)
                continue
            old.remove(match)
            if kind is not None:
                found[record[1], kind] += 1
        new = left
    found.update((record[1], "late" if record[5] > known_at else "found") for record in new)
    found.update((record[1], "gone") for record in old)
    rows: dict[str, dict[str, int]] = {}
    for (event, kind), number in found.items():
        rows.setdefault(event, {})[kind] = number
    return rows


@pytest.fixture(scope="module")
def empty(make):
    return make("a start=2018-02-01", "2018-03", KNOWN_AT)


@given(first=RECORDS, second=RECORDS)
@settings(deadline=None, max_examples=60)
def test_any_two_looks_differ_as_a_comparison_record_by_record_finds(empty, first, second):
    assert counted(changes(look(empty, first), look(empty, second))) == by_hand(first, second)


@given(first=RECORDS, second=RECORDS)
@settings(deadline=None, max_examples=60)
def test_seen_the_other_way_round_what_came_is_gone_and_what_changed_changed(empty, first, second):
    """And what was there, less what is gone, with what came, is what is there."""
    looks = look(empty, first), look(empty, second)
    there, back = (changes(*pair).set_index("event") for pair in (looks, looks[::-1]))
    there, back = (frame.reindex(["start", "review", "job_start"], fill_value=0) for frame in (there, back))
    came = there["late"] + there["found"]
    pd.testing.assert_series_equal(came, back["gone"], check_names=False)
    pd.testing.assert_frame_equal(there[["moved", "altered"]], back[["moved", "altered"]])
    held = [one.events["event"].value_counts().reindex(there.index, fill_value=0) for one in looks]
    pd.testing.assert_series_equal(held[0] - there["gone"] + came, held[1], check_names=False, check_dtype=False)


# Everything but the events


def test_an_attribute_that_reads_otherwise_is_counted_by_participant(make):
    before = make("a customer_group=ltu\nb customer_group=ltu\nc", "2018-03", KNOWN_AT)
    after = make("a customer_group=disability\nb customer_group=ltu\nc customer_group=ltu\nd", "2018-03", KNOWN_AT)
    assert changes_elsewhere(before, after).to_dict("records") == [
        {"table": "participants", "column": "customer_group", "changed": 2, "added": 0, "gone": 0}
    ]


def test_the_rows_of_other_tables_are_counted_whether_they_came_or_went(supplied):
    def consent(*given_on):
        rows = [{"referral_id": "a", "purpose": "contact", "given": "yes", "from_date": day} for day in given_on]
        return supplied("a start=2018-02-01", consent=[row | {"recorded_date": row["from_date"]} for row in rows])

    found = changes_elsewhere(consent("2018-02-01", "2018-02-02"), consent("2018-02-02", "2018-02-03", "2018-02-04"))
    assert found.to_dict("records") == [{"table": "consent", "column": "", "changed": 0, "added": 2, "gone": 1}]
    found = changes_elsewhere(supplied("a start=2018-02-01"), consent("2018-02-02"))
    assert found.to_dict("records") == [{"table": "consent", "column": "", "changed": 0, "added": 1, "gone": 0}]


def test_what_tells_one_record_from_another_are_columns_of_the_events(empty):
    assert {*KEY, *CONTENT} <= set(empty.events.columns)
