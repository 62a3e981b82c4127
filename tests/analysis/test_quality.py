"""What an extract does not say, counted."""

from dataclasses import replace

import pandas as pd
import pytest

from perflib.analysis import measures, quality
from perflib.records.schemas import SET_ASIDE
from perflib.records.snapshot import take_snapshot


@pytest.fixture(scope="module")
def north(part):
    return take_snapshot(part, "2020-09")


def test_what_is_not_used_is_counted_by_reason_with_the_first_rows(north):
    """Counted in the files by hand."""
    frame = quality.not_used(north)
    counts = frame.set_index(["table", "column", "reason"])["count"]

    assert counts["events", "event", "not an event of the programme"] == 5
    assert counts["events", "event_date", "dated after it was recorded"] == 5
    assert counts["participants", "age", "not a whole number from 16 to 100"] == 4
    assert frame["count"].sum() == len(north.set_aside)
    assert frame["count"].is_monotonic_decreasing
    unknown = frame[frame["column"] == "event"].iloc[0]
    rows = north.set_aside[north.set_aside["column"] == "event"]["row"]
    assert unknown["rows"] == ", ".join(str(row) for row in sorted(rows))
    assert unknown["example"] == "teleported"


def test_the_example_is_the_first_value_that_is_not_blank(make):
    rows = [
        ("events", row, "event", value, "not an event", "row not used") for row, value in ((5, ""), (7, "a"), (9, "b"))
    ]
    rows.append(("events", 8, "event_date", "", "blank", "row not used"))
    aside = pd.DataFrame(rows, columns=SET_ASIDE)

    assert quality.not_used(replace(make("A"), set_aside=aside))["example"].tolist() == ["a", ""]


def test_more_than_five_rows_are_cut_and_nobody_is_named(north):
    frame = quality.not_used(north)

    many = frame[frame["count"] > 5]
    assert len(many)
    assert many["rows"].str.fullmatch(r"(\d+, ){4}\d+ \.\.\.").all()
    people = set(north.journeys["referral_id"]) | set(north.journeys["participant_id"])
    assert people.isdisjoint(frame.astype("str").to_numpy().ravel())


@pytest.mark.requirement("WL-09")
def test_how_often_each_attribute_was_recorded(make):
    snapshot = make(["A sex=f age=30", "B sex=m", "C sex=f", "D"])
    frame = quality.completeness(snapshot).set_index("attribute")

    assert frame.loc["Sex"].tolist() == [4, 3, 0.75]
    assert frame.loc["Age at referral"].tolist() == [4, 1, 0.25]
    assert "Ethnic group" not in frame.index  # nowhere recorded
    assert frame.loc["Priority group", "share"] == 1  # a blank one means that there is none


def test_what_looks_wrong_and_what_does_not_count_is_counted(make):
    lines = [
        "A referral=2018-02-01 start=2018-01-20",
        "B start=2018-03-01 exit=2018-02-01 first_earnings=2018-02-10",
        "C exit=2018-02-01 first_earnings=2018-02-10",
        "D start=2018-03-01 job_outcome=2018-02-01",
        "E start=2018-01-10 job_outcome=2020-06-01",
        "F start=2018-01-10 self_employed_outcome=2018-06-01",
        "G job_outcome=2018-06-01 claim_submitted=2018-06-02",
        "H start=2018-01-01 exit=2018-01-01 first_earnings=2018-01-01 job_outcome=2018-06-01",  # all as it may be
        "I start=2017-12-31",
        "J start=2018-01-01 job_start=2018-02-01#1 job_end=2018-03-01#1 job_end=2018-03-05#2",
        "K start=2018-01-01 job_end=2018-01-20 job_start=2018-02-01 job_end=2018-03-01",
    ]
    snapshot = make(lines)
    frame = quality.oddities(snapshot)

    assert frame.set_index("what")["count"].to_dict() == {
        "starts dated before their referral": 2,
        "starts dated before the contract's first month: in totals, in no month's count": 1,
        "ends of jobs that end none": 2,
        "leavers dated before their start": 1,
        "leavers without a start": 1,
        "First earnings: dated before the start": 1,
        "First earnings: without a start": 1,
        "Job outcomes that do not count: after the window": 1,
        "Job outcomes that do not count: before the start": 1,
        "Job outcomes that do not count: no start": 1,
        "Job outcomes that do not count: no standing claim in time": 1,
    }
    assert measures.first(snapshot, "outcome")["event"].notna().sum() == 1


def test_a_clean_extract_has_nothing_to_count(make):
    snapshot = make("A start=2018-01-20 sex=f")

    assert quality.not_used(snapshot).empty
    assert quality.oddities(snapshot).empty


@pytest.mark.requirement("WHP-20")
def test_every_outcome_of_a_real_extract_counts_or_has_a_reason_why_not(north, reading):
    """Each employed and self-employed outcome is the one that counts, comes with an earlier one, or has its reason."""
    journeys = reading("2020-09", None).journeys
    routes = journeys[["job_outcome", "self_employed_outcome"]].notna()
    counted = journeys["outcome"].notna()
    reasons = quality.oddities(north).set_index("what")["count"].filter(like="do not count").sum()

    assert pd.notna(measures.first(north, "outcome")["event"]).sum() == counted.sum()
    assert routes.any(axis=1).sum() - counted.sum() == reasons > 0
    assert (routes.all(axis=1)).sum() == 0
