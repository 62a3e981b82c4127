"""Service standards: states worked by hand from the sources, a second computation with numpy's business days, and laws.

Where the expected values come from:

- `answers/whp-hard/answers.csv`: answers worked by hand from the source text, made outside the project.
- The tables below: worked by hand on a calendar, each with its reason. In February and March 2019 there is no bank
  holiday. From Monday 4 February 2019, day 0, working days 5, 10, 12, 14, 15 and 16 are 11, 18, 20, 22, 25 and 26
  February; 20, 21, 25, 26 and 30 are 4, 5, 11, 12 and 18 March.
- `answers/whp-north-part`: read by `Reading` without perflib, and counted with numpy's business-day functions and the
  bank holidays of `answers/bank_holidays_england_wales.csv`, which were typed in from the GOV.UK lists.
"""

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import date, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perflib.analysis import standards
from perflib.analysis.standards.clocks import Journeys, run
from perflib.analysis.standards.results import STATES
from perflib.errors import ParameterError
from perflib.records.snapshot import Extract, Snapshot, load_extract, take_snapshot
from perflib.rules.contract import Contract, FolderSource, load_management, load_programme
from perflib.rules.programme import Programme

ANSWERS = Path(__file__).parents[1] / "answers"
HOLIDAYS = pd.read_csv(ANSWERS / "bank_holidays_england_wales.csv")["date"].to_numpy(dtype="datetime64[D]")
CSS = ["css1a", "css1b", "css2", "css3", "css4", "css5", "css6"]

Make = Callable[..., Snapshot]
Found = dict[tuple[str, str], str]


def states(snapshot: Snapshot, standard: str, on: date | None = None) -> dict[str, str]:
    """State by referral."""
    frame = standards.cases(snapshot, [standard], on)
    return dict(zip(frame["referral_id"], frame["state"].astype("str"), strict=True))


def states_of(snapshot: Snapshot) -> Found:
    """State by referral and standard."""
    frame = standards.cases(snapshot)
    return dict(zip(zip(frame["referral_id"], frame["standard"], strict=True), frame["state"], strict=True))


def with_table(snapshot: Snapshot, name: str, rows: list[dict[str, Any]]) -> Snapshot:
    frame = pd.DataFrame(rows)
    for column in frame.columns[frame.columns.str.endswith("_date")]:
        frame[column] = pd.to_datetime(frame[column]).astype("datetime64[s]")
    return replace(snapshot, tables={**snapshot.tables, name: frame})


# ------------------------------------------------------------------------- answers worked by hand outside the project


def clock_answers() -> list[dict[str, str]]:
    table = pd.read_csv(ANSWERS / "whp-hard" / "answers.csv", dtype="str").fillna("")
    return table[table["question"].str.startswith("css")].to_dict("records")


@pytest.fixture(scope="module")
def hard(contract: Callable[..., Contract]) -> Found:
    """State by referral and standard."""
    source = FolderSource(folder=str(ANSWERS / "whp-hard"))
    extract = load_extract(contract(first_day=None).model_copy(update={"source": source}))
    return states_of(take_snapshot(extract, "2020-12"))


@pytest.mark.requirement("WHP-37", "WHP-38", "WHP-39", "WHP-40", "WHP-41", "WHP-42", "WHP-43")
@pytest.mark.parametrize("answer", clock_answers(), ids=lambda answer: " ".join(answer.values())[:40])
def test_the_answers_worked_by_hand(answer: dict[str, str], hard: Found) -> None:
    assert answer["month"] == "2020-12"
    state = hard[answer["referral"], answer["question"]]
    if answer["question"] == "css3":  # asked as a state of the referral, not of the standard
        state = "backlog" if state == "open_late" else "not backlog"
    assert state == answer["answer"], answer["why"]


def test_all_the_clock_answers_are_asked() -> None:
    assert len(clock_answers()) == 29


# ---------------------------------------------------------------- every limit of the Work and Health Programme, by hand

BY_HAND = {
    # id of the register: standard, month, state, journey (referred on 4 February 2019 unless it says otherwise), why
    "WHP-37": [
        ("css1a", "2019-03", "met", "start=2019-02-18", "day 10"),
        ("css1a", "2019-03", "not_met", "start=2019-02-19", "day 11"),
        ("css1a", "2019-03", "met", "did_not_attend=2019-02-18", "a failure to attend resolves"),
        ("css1a", "2019-03", "met", "did_not_start=2019-02-18", "so does a declined offer"),
        ("css1a", "2019-03", "not_met", "referral=2019-02-01 start=2019-02-16", "Saturday after day 10, a Friday"),
        ("css1a", "2019-03", "met", "referral=2019-02-02 start=2019-02-18", "Saturday: day 0 is Monday 4 February"),
        ("css1a", "2019-05", "met", "referral=2019-04-19 start=2019-05-08", "Good Friday: day 0 is Tuesday 23 April"),
        ("css1a", "2019-05", "not_met", "referral=2019-04-19 start=2019-05-09", "6 May was a bank holiday: day 11"),
        ("css1a", "2019-02", "not_due", "referral=2019-02-14", "28 February is day 10"),
        ("css1a", "2019-02", "open_late", "referral=2019-02-13", "28 February is day 11"),
        ("css1a", "2019-03", "met", "did_not_attend=2019-02-06 start=2019-03-18", "the first of them"),
    ],
    "WHP-38": [
        ("css1a", "2019-03", "not_met", "start=2019-02-20/2019-02-22", "resolved on day 12"),
        ("css1b", "2019-03", "met", "start=2019-02-20/2019-02-22", "and recorded on day 14"),
        ("css1a", "2019-03", "met", "start=2019-02-18/2019-02-26", "resolved on day 10"),
        ("css1b", "2019-03", "not_met", "start=2019-02-18/2019-02-26", "and recorded on day 16"),
        ("css1a", "2019-03", "not_met", "start=2019-02-19/2019-02-26", "resolved on day 11"),
        ("css1b", "2019-03", "not_met", "start=2019-02-19/2019-02-26", "and recorded on day 16"),
        ("css1b", "2019-03", "met", "did_not_attend=2019-02-05/2019-02-25", "recorded on day 15"),
        (
            "css1b",
            "2019-03",
            "met",
            "start=2019-02-06/2019-02-20 start=2019-02-07/2019-03-18",
            "recorded on day 12, corrected on day 30",
        ),
        ("css1b", "2019-03", "open_late", "referral=2019-03-08", "day 15 is Friday 29 March: past on Sunday 31"),
    ],
    "WHP-39": [
        ("css2", "2019-12", "met", "referral=2019-12-23 acknowledged=2019-12-27", "25 and 26 are holidays: day 2"),
        ("css2", "2019-12", "not_met", "referral=2019-12-23 acknowledged=2019-12-30", "day 3"),
        ("css2", "2019-12", "met", "referral=2019-12-21 acknowledged=2019-12-21", "before day 0, which is Monday 23"),
    ],
    "WHP-40": [
        ("css3", "2019-03", "not_due", "referral=2019-03-08", "day 15 is Friday 29 March, as old on Sunday 31"),
        ("css3", "2019-03", "open_late", "referral=2019-03-07", "Sunday 31 March: 16 working days old"),
        ("css3", "2019-03", "met", "start=2019-02-25", "resolved on day 15"),
        ("css3", "2019-03", "not_met", "start=2019-02-26", "resolved on day 16"),
        ("css3", "2019-03", "met", "referral=2019-02-01 start=2019-02-23", "resolved on the Saturday after day 15"),
    ],
    "WHP-41": [
        ("css4", "2019-03", "met", "start=2019-03-11", "resolved on day 25"),
        ("css4", "2019-03", "not_met", "start=2019-03-12", "resolved on day 26"),
        ("css4", "2019-03", "not_met", "start=2019-03-18", "resolved on day 30: a breach all the same"),
        ("css4", "2019-03", "met", "referral=2019-02-01 start=2019-03-09", "resolved on the Saturday after day 25"),
        ("css4", "2019-03", "not_due", "referral=2019-02-22", "Sunday 31 March: 25 working days old"),
        ("css4", "2019-03", "open_late", "referral=2019-02-21", "Sunday 31 March: 26 working days old"),
    ],
    "WHP-42": [
        ("css5", "2019-03", "met", "start=2019-03-01 action_plan_agreed=2019-03-04", "day 20"),
        ("css5", "2019-03", "not_met", "start=2019-02-04 action_plan_agreed=2019-03-05", "day 21"),
        ("css5", "2019-03", "open_late", "start=2019-02-04", "no plan"),
        ("css5", "2019-02", "not_due", "start=2019-02-04", "28 February is day 18"),
        ("css5", "2019-03", "not_applicable", "", "not started"),
        ("css5", "2019-03", "not_applicable", "did_not_start=2019-02-08", "did not start"),
    ],
    "WHP-43": [
        (
            "css6",
            "2019-03",
            "met",
            "referral=2019-02-01 start=2019-02-04 esf1420_signed=2019-02-04 esf1420_sent=2019-02-11",
            "day 5 from the signature",
        ),
        (
            "css6",
            "2019-03",
            "not_met",
            "referral=2019-02-01 start=2019-02-04 esf1420_signed=2019-02-04 esf1420_sent=2019-02-12",
            "day 6",
        ),
        ("css6", "2019-03", "open_late", "referral=2019-02-01 start=2019-02-04 esf1420_signed=2019-02-04", "not sent"),
        ("css6", "2019-03", "not_applicable", "referral=2019-02-01 start=2019-02-04", "not signed: no clock has begun"),
        (
            "css6",
            "2022-12",
            "not_met",
            "referral=2022-10-20 start=2022-10-31 esf1420_signed=2022-11-01 esf1420_sent=2022-11-09",
            "day 6; started on 31 October 2022, the last day that needs the form",
        ),
        (
            "css6",
            "2022-12",
            "not_applicable",
            "referral=2022-10-20 start=2022-11-01 esf1420_signed=2022-11-01 esf1420_sent=2022-11-09",
            "not for starts on or after 1 November 2022",
        ),
        (
            "css6",
            "2023-08",
            "open_late",
            "referral=2022-10-20 start=2022-10-31 esf1420_signed=2023-07-21",
            "signed before 24 July 2023",
        ),
        (
            "css6",
            "2023-08",
            "not_applicable",
            "referral=2022-10-20 start=2022-10-31 esf1420_signed=2023-07-24",
            "forms are no longer needed from 24 July 2023",
        ),
    ],
}  # fmt: skip

# Journeys of other people, so that the extract has every kind of event.
OTHERS = (
    "Z referral=2018-01-02 start=2018-01-02 acknowledged=2018-01-02 action_plan_agreed=2018-01-02 "
    "esf1420_signed=2018-01-02 esf1420_sent=2018-01-02"
)


def hand_made(table: dict[str, list[tuple[str, ...]]]) -> list[Any]:
    """A parameter for each case."""
    return [pytest.param(*case, id=f"{case[0]} {case[-1]}") for cases in table.values() for case in cases]


def people(journeys: Iterable[str]) -> dict[str, str]:
    """A referral for each journey: what is said of it, and its id. It is made on 4 February 2019 unless it says so."""
    return {words: f"R{i}" for i, words in enumerate(dict.fromkeys(journeys))}


def told(referrals: dict[str, str]) -> list[str]:
    return [
        f"{name} {words if 'referral=' in words else f'referral=2019-02-04 {words}'}"
        for words, name in referrals.items()
    ]


@pytest.fixture(scope="module")
def by_hand(make: Make) -> Callable[..., str]:
    """Return a function of a standard, a month and a journey's words that gives its state."""
    cases = [case for row in BY_HAND.values() for case in row]
    referrals = people(case[3] for case in cases)
    known = {month: states_of(make([*told(referrals), OTHERS], month)) for month in {case[1] for case in cases}}
    return lambda standard, month, words: known[month][referrals[words], standard]


@pytest.mark.requirement("WHP-37", "WHP-38", "WHP-39", "WHP-40", "WHP-41", "WHP-42", "WHP-43")
@pytest.mark.parametrize(("standard", "month", "state", "journey", "why"), hand_made(BY_HAND))
def test_the_limits_worked_by_hand(
    standard: str, month: str, state: str, journey: str, why: str, by_hand: Callable[..., str]
) -> None:
    assert by_hand(standard, month, journey) == state, why


def test_a_referral_still_open_changes_state_on_the_day_after_its_last(make: Make) -> None:
    snapshot = make("A referral=2019-02-04", "2019-03")
    days = {
        "css1a": date(2019, 2, 18),
        "css1b": date(2019, 2, 25),
        "css3": date(2019, 2, 25),
        "css4": date(2019, 3, 11),
    }
    for standard, due in days.items():
        assert states(snapshot, standard, due) == {"A": "not_due"}
        assert states(snapshot, standard, due + timedelta(1)) == {"A": "open_late"}


def test_the_nation_decides_the_calendar(make: Make) -> None:
    # 2 January 2020 is a holiday in Scotland only: from 31 December day 2 is Friday 3 January there Monday 6.
    line = "A referral=2019-12-31 acknowledged=2020-01-06"
    assert states(make(line, "2020-01", nation="ENG"), "css2") == {"A": "not_met"}
    assert states(make(line, "2020-01", nation="SCT"), "css2") == {"A": "met"}


@pytest.mark.requirement("WHP-43")
def test_no_esf_form_is_asked_for_in_wales(make: Make) -> None:
    snapshot = make(OTHERS, "2019-03", nation="WLS")
    assert states(snapshot, "css6") == {"Z": "not_applicable"}
    assert measured(snapshot).loc["css6", "status"] == "not_applicable"


@pytest.mark.requirement("WHP-37")
def test_a_declined_offer_resolves_only_where_the_programme_says_so(whp: Programme, make: Make) -> None:
    strict = whp.model_copy(update={"resolves": ("start", "did_not_attend")})
    line = "A referral=2019-02-04 did_not_start=2019-02-05"
    assert states(make(line, "2019-03"), "css1a") == {"A": "met"}
    assert states(make(line, "2019-03", programme=strict), "css1a") == {"A": "open_late"}


# ------------------------------------------------------------------------------------------- what the extract lacks


def measured(snapshot: Snapshot, **options: Any) -> pd.DataFrame:
    return standards.measure(snapshot, **options).set_index("standard")


def test_what_the_extract_does_not_hold_is_no_data_and_never_a_pass(make: Make) -> None:
    snapshot = make("A referral=2019-02-04 start=2019-02-05\nB referral=2019-02-04", "2019-03")
    assert states(snapshot, "css2") == {"A": "no_data", "B": "no_data"}
    assert states(snapshot, "css5") == {"A": "no_data", "B": "not_applicable"}
    assert states(snapshot, "css6") == {"A": "no_data", "B": "not_applicable"}
    frame = measured(snapshot)
    assert frame.loc[["css2", "css5", "css6"], "status"].tolist() == ["no_data"] * 3
    assert frame.loc[["css2", "css5", "css6"], "rate"].isna().all()
    assert (standards.backlog(snapshot)["status"] != "no_data").all()


def test_that_nobody_has_started_yet_is_no_lack_of_data(make: Make) -> None:
    snapshot = make("A referral=2019-02-04", "2019-02")
    assert states(snapshot, "css1a") == {"A": "open_late"}
    assert states(snapshot, "css4") == {"A": "not_due"}


# ------------------------------------------------------------------------------------------------ rates and targets


def lines(**counts: tuple[int, str]) -> list[str]:
    return [f"{name}{i} {words}" for name, (number, words) in counts.items() for i in range(number)]


def test_eight_met_one_late_one_open_and_five_not_due_are_80_per_cent(make: Make) -> None:
    snapshot = make(
        lines(
            met=(8, "referral=2019-02-04 acknowledged=2019-02-06"),
            late=(1, "referral=2019-02-04 acknowledged=2019-02-07"),
            open=(1, "referral=2019-02-04"),
            due=(5, "referral=2019-02-28"),
        ),
        "2019-02",
    )
    row = measured(snapshot).loc["css2"]
    assert row[list(STATES)].tolist() == [8, 1, 1, 5, 0, 0, 0]
    assert row["rate"] == 0.8
    assert row["status"] == "not_met"
    assert row["worst"] == 18  # open since 4 February; 28 February is day 18


@pytest.mark.requirement("WHP-37")
@pytest.mark.parametrize(("late", "status"), [(0, "met"), (1, "not_met")])
def test_of_one_hundred_per_cent_any_miss_is_a_miss(late: int, status: str, make: Make) -> None:
    journeys = lines(
        met=(999, "referral=2019-02-04 start=2019-02-04"), late=(late, "referral=2019-02-04 start=2019-02-19")
    )
    assert measured(make(journeys, "2019-03")).loc["css1a", "status"] == status


def test_what_is_done_on_a_day_off_took_until_the_next_working_day_and_an_age_stands_still(make: Make) -> None:
    # From Friday 1 February day 10 is Friday 15; from Thursday 31 January day 41 is Friday 29 March.
    done = measured(make("A referral=2019-02-01 start=2019-02-16", "2019-03"))
    assert done.loc[["css1a", "css3"], "worst"].tolist() == [11, 10]
    still_open = measured(make("A referral=2019-01-31", "2019-03"))
    assert still_open.loc[["css1a", "css3"], "worst"].tolist() == [41, 41]


@pytest.mark.requirement("WHP-42")
def test_a_sampled_standard_has_the_exact_interval_of_clopper_and_pearson(make: Make) -> None:
    # 8 of 10: 44.39 % to 97.48 %, as in published tables of exact binomial intervals.
    snapshot = make(
        lines(
            met=(8, "referral=2019-02-04 start=2019-02-04 action_plan_agreed=2019-02-04"),
            late=(2, "referral=2019-02-04 start=2019-02-04 action_plan_agreed=2019-03-05"),
        ),
        "2019-03",
    )
    frame = measured(snapshot)
    assert frame.loc["css5", ["lower", "upper"]].round(4).tolist() == [0.4439, 0.9748]
    assert frame.loc["css1a", ["lower", "upper"]].isna().all()


def test_a_standard_by_group_reads_the_group_at_the_referral(make: Make) -> None:
    snapshot = make(
        [
            "A referral=2019-02-04 start=2019-02-18 customer_group=ltu",
            "B referral=2019-02-04 start=2019-02-19 customer_group=ltu",
            "C referral=2019-02-04 start=2019-02-18 customer_group=disability",
        ],
        "2019-03",
    )
    history = {"referral_id": "A", "attribute": "customer_group", "recorded_date": "2019-02-04"}
    changed = [
        history | {"value": "ltu", "from_date": "2019-02-04"},
        history | {"value": "disability", "from_date": "2019-02-10"},  # after the referral, before the start
    ]
    frame = standards.measure(with_table(snapshot, "attributes", changed), by="customer_group")
    frame = frame[frame["standard"] == "css1a"].set_index("customer_group")
    assert frame["rate"].to_dict() == {"disability": 1.0, "ltu": 0.5}
    assert frame["status"].to_dict() == {"disability": "met", "ltu": "not_met"}


def test_a_period_holds_the_referrals_of_its_months(make: Make) -> None:
    snapshot = make(
        ["A referral=2019-01-07 start=2019-03-01", "B referral=2019-02-04 start=2019-02-04", "C referral=2019-03-04"],
        "2019-03",
    )
    counts = {
        basis: measured(snapshot, basis=basis).loc["css1a", ["met", "not_met", "open_late"]].tolist()
        for basis in ("month", "rolling_2", "cumulative")
    }
    assert counts == {"month": [0, 0, 1], "rolling_2": [1, 0, 1], "cumulative": [1, 1, 1]}


# ------------------------------------------------------------------------------------------------------ the backlog


@pytest.mark.requirement("WHP-40")
@pytest.mark.parametrize(("open_late", "resolved", "status"), [(4, 96, "met"), (5, 119, "not_met"), (0, 1, "met")])
def test_exactly_four_per_cent_passes(open_late: int, resolved: int, status: str, make: Make) -> None:
    # 5 of 124 are 4.03 %
    snapshot = make(
        lines(late=(open_late, "referral=2019-02-04"), done=(resolved, "referral=2019-02-04 start=2019-02-05")),
        "2019-02",
    )
    row = measured(snapshot).loc["css3"]
    assert (row["rate"], row["status"]) == (open_late / (open_late + resolved), status)
    last = standards.backlog(snapshot).iloc[-1]
    assert (last["late"], last["all"], last["status"]) == (open_late, open_late + resolved, status)


@pytest.mark.requirement("WHP-40")
@pytest.mark.requirement("WHP-45")
def test_a_referral_resolved_late_counts_for_the_time_it_was_late(make: Make) -> None:
    snapshot = make("A referral=2019-02-04 start=2019-03-18\nB referral=2019-02-04 start=2019-02-05", "2019-04")
    assert standards.backlog(snapshot).loc["2019":, "late"].to_dict() == {
        pd.Timestamp("2019-01-31"): 0,
        pd.Timestamp("2019-02-28"): 1,
        pd.Timestamp("2019-03-31"): 0,
        pd.Timestamp("2019-04-30"): 0,
    }
    every_day = pd.date_range("2019-02-01", "2019-04-30")
    daily = standards.backlog(snapshot, [day.date() for day in every_day])
    assert daily.index[daily["late"] == 1].tolist() == pd.date_range("2019-02-26", "2019-03-17").tolist()
    assert daily.index[daily["open"] > 0].tolist() == pd.date_range("2019-02-04", "2019-03-17").tolist()
    # of the oldest: day 18 on Thursday 28 February, day 29 on Friday 15 March and on the weekend after it
    assert daily.loc[["2019-02-28", "2019-03-15", "2019-03-17"], "oldest"].tolist() == [18, 29, 29]
    assert daily.loc["2019-03-18":, "oldest"].isna().all()


@pytest.mark.requirement("WHP-40")
def test_what_is_resolved_on_day_16_is_late_but_was_in_no_backlog(make: Make) -> None:
    snapshot = make("A referral=2019-02-04 start=2019-02-26", "2019-03")
    days = [day.date() for day in pd.date_range("2019-02-04", "2019-03-31")]
    assert states(snapshot, "css3") == {"A": "not_met"}
    assert (standards.backlog(snapshot, days)["late"] == 0).all()


@pytest.mark.requirement("WHP-40")
def test_the_backlog_has_three_denominators_of_which_the_contract_chooses_one(make: Make) -> None:
    # On 28 February: 2 in backlog; 8 referred to date, 5 of them in February; 4 open.
    journeys = lines(
        old=(3, "referral=2019-01-07 start=2019-01-08"),
        late=(2, "referral=2019-02-01"),  # the month's first day is in it
        open=(2, "referral=2019-02-25"),
        done=(1, "referral=2019-02-25 start=2019-02-26"),
    )
    row = standards.backlog(make(journeys, "2019-02")).iloc[-1]
    assert row[["late", "all", "month", "open"]].tolist() == [2, 8, 5, 4]
    assert row[["of_all", "of_month", "of_open"]].tolist() == [2 / 8, 2 / 5, 2 / 4]
    for share_of, rate in {"all": 2 / 8, "month": 2 / 5, "open": 2 / 4, "count": 2}.items():
        own = {"css3": {"share_of": share_of, "target": {"at_most": rate}, "source": "Schedule 2"}}
        frame = measured(make(journeys, "2019-02", standards=own))
        assert frame.loc["css3", ["rate", "status"]].tolist() == [rate, "met"]


@pytest.mark.requirement("WHP-41")
def test_the_absolute_limit_is_seen_on_each_day_too(make: Make) -> None:
    snapshot = make("A referral=2019-02-04 start=2019-03-18", "2019-03")
    days = [date(2019, 3, 11), date(2019, 3, 12), date(2019, 3, 17), date(2019, 3, 18)]
    daily = standards.backlog(snapshot, days, "css4")
    assert daily["late"].tolist() == [0, 1, 1, 0]
    assert daily["status"].tolist() == ["met", "not_met", "not_met", "met"]
    assert daily["oldest"].iloc[:3].tolist() == [25, 26, 29]
    assert measured(snapshot).loc["css4", ["status", "worst"]].tolist() == ["not_met", 30]


# ----------------------------------------------------------------------------------------------------- as known when


def test_a_report_made_within_the_month_is_judged_on_the_day_it_is_known_at(make: Make) -> None:
    line = "A referral=2019-02-04 start=2019-02-22"
    assert states(make(line, "2019-02", known_at="2019-02-18"), "css1a") == {"A": "not_due"}
    assert states(make(line, "2019-02", known_at="2019-02-19"), "css1a") == {"A": "open_late"}
    assert states(make(line, "2019-02"), "css1a") == {"A": "not_met"}


def test_what_is_recorded_after_the_month_was_not_recorded_in_it(make: Make) -> None:
    # Resolved on day 10; recorded on day 20, known because the report was made later.
    snapshot = make("A referral=2019-02-04 start=2019-02-18/2019-03-04", "2019-02", known_at="2019-03-10")
    assert states(snapshot, "css1a") == {"A": "met"}
    assert states(snapshot, "css1b") == {"A": "open_late"}


def test_revisions_count_what_a_later_report_sees_differently_and_why(make: Make) -> None:
    journeys = [
        "A referral=2019-02-04 start=2019-02-05/2019-03-05",  # open when February was reported: recorded late
        "B referral=2019-02-04 start=2019-02-19 start=2019-02-18/2019-03-05",  # late then, corrected since
        "C referral=2019-02-04/2019-03-05 start=2019-02-05/2019-03-05",  # not known then
        "D referral=2019-02-04 start=2019-02-05",
        "E referral=2019-02-04 start=2019-03-05",  # happened since: nothing to revise
    ]
    earlier, later = make(journeys, "2019-02"), make(journeys, "2019-03")
    frame = standards.revisions(earlier, later)
    assert frame[frame["standard"] == "css1a"].to_dict("records") == [
        {"standard": "css1a", "was": "not_met", "now": "met", "reason": "corrected", "cases": 1},
        {"standard": "css1a", "was": "open_late", "now": "met", "reason": "recorded late", "cases": 1},
        {"standard": "css1a", "was": "unknown", "now": "met", "reason": "recorded late", "cases": 1},
    ]
    assert standards.revisions(earlier, earlier).empty


@pytest.mark.requirement("WHP-45")
def test_the_history_has_every_month_since_day_one(make: Make) -> None:
    snapshot = make(
        ["A referral=2018-01-02 start=2018-01-16", "B referral=2018-01-02 start=2018-01-17", "C referral=2018-03-29"],
        "2018-03",
    )
    frame = standards.history(snapshot).loc["css1a"]
    assert frame.index.astype(str).tolist() == ["2018-01", "2018-02", "2018-03"]
    assert frame[["met", "not_met", "not_due"]].to_numpy().tolist() == [[1, 1, 0], [0, 0, 0], [0, 0, 1]]
    assert frame["rate"].tolist()[0] == 0.5
    assert frame["rate"].isna().tolist() == [False, True, True]
    assert frame["complete"].tolist() == [True, True, False]


# ------------------------------------------------------------------------------------------------------- exemptions


@pytest.mark.requirement("JII-40")
def test_only_an_approved_exemption_counts_and_results_are_shown_without_it_too(make: Make) -> None:
    snapshot = make([f"{name} referral=2019-02-04 start=2019-02-19" for name in "ABCDEF"], "2019-03")
    asked = {"standard": "css1a", "decision": "requested", "recorded_date": "2019-02-20"}
    decided = asked | {"recorded_date": "2019-03-01"}
    snapshot = with_table(
        snapshot,
        "exemptions",
        [
            asked | {"referral_id": "A"},
            decided | {"referral_id": "A", "decision": "approved"},
            asked | {"referral_id": "B"},  # pending
            decided | {"referral_id": "C", "decision": "refused"},
            asked | {"referral_id": "D", "decision": "approved"},
            decided | {"referral_id": "D", "decision": "refused"},  # the later decision holds
            decided | {"referral_id": "E", "standard": "css2", "decision": "approved"},  # of another standard
            decided | {"referral_id": "F", "decision": "approved"},
            decided | {"referral_id": "F", "decision": "refused"},  # on one day both: not known to be approved
        ],
    )
    assert states(snapshot, "css1a") == {"A": "exempt"} | dict.fromkeys("BCDEF", "not_met")
    assert set(standards.cases(snapshot, ["css1a"], exemptions=False)["state"]) == {"not_met"}
    row = measured(snapshot).loc["css1a"]
    assert row[["not_met", "exempt", "rate", "rate_unexempted"]].tolist() == [5, 1, 0, 0]


@pytest.mark.requirement("JII-40")
def test_an_exempted_case_leaves_the_rate_above_and_below_the_line(make: Make) -> None:
    snapshot = make(lines(met=(3, "referral=2019-02-04 start=2019-02-04"), late=(1, "referral=2019-02-04")), "2019-02")
    approved = {"decision": "approved", "recorded_date": "2019-02-20"}
    rows = [
        approved | {"referral_id": name, "standard": code} for name in ("met0", "late0") for code in ("css1a", "css3")
    ]
    snapshot = with_table(snapshot, "exemptions", rows)
    frame = measured(snapshot)
    assert frame.loc["css1a", ["rate", "rate_unexempted"]].tolist() == [1.0, 0.75]
    assert frame.loc["css1a", ["status", "status_unexempted"]].tolist() == ["met", "not_met"]
    assert frame.loc["css3", ["rate", "rate_unexempted"]].tolist() == [0.0, 0.25]
    assert standards.backlog(snapshot).iloc[-1][["late", "all"]].tolist() == [0, 2]


# --------------------------------------------------------------------- the limits of other programmes and of regimes


@pytest.fixture(scope="module")
def places(make: Make) -> dict[str, Make]:
    """`make` of the other programmes, and of the regimes with the Work and Health Programme."""
    of: dict[str, dict[str, Any]] = {name: {"programme": load_programme(name)} for name in ("ses", "jobs2")}
    of |= {name: {"management": load_management(name)} for name in ("ks", "wl")}
    return {name: partial(make, month="2019-03", **keys) for name, keys in of.items()}


@pytest.fixture(scope="module")
def ks(places: dict[str, Make]) -> Make:
    return places["ks"]


@pytest.fixture(scope="module")
def wl(places: dict[str, Make]) -> Make:
    return places["wl"]


@pytest.fixture(scope="module")
def jobs2(places: dict[str, Make]) -> Make:
    return places["jobs2"]


OTHERS_BY_HAND = {
    "SES-20": [
        ("start_recorded", "met", "start=2019-02-20/2019-03-04", "recorded on day 20"),
        ("start_recorded", "not_met", "start=2019-02-20/2019-03-05", "recorded on day 21"),
        ("start_recorded", "open_late", "", "no start"),
        ("start_recorded", "not_applicable", "did_not_attend=2019-02-06", "outside the denominator"),
        ("start_recorded", "not_applicable", "did_not_start=2019-02-06", "outside the denominator"),
        ("start_recorded", "met", "did_not_attend=2019-02-06 start=2019-02-20", "started all the same"),
    ],
    "SES-01": [
        ("start_recorded", "not_applicable", "referral=2018-10-31 start=2019-02-20", "of earlier guidance"),
        ("start_recorded", "not_met", "referral=2018-11-01 start=2019-02-20", "the first day of the extension"),
    ],
    "JII-26": [
        ("reception", "met", "acknowledged=2019-02-05 reception_interview=2019-02-11", "both by day 5"),
        ("reception", "not_met", "acknowledged=2019-02-05 reception_interview=2019-02-12", "one on day 6"),
        ("reception_acknowledged", "met", "acknowledged=2019-02-05 reception_interview=2019-02-12", "the first part"),
        ("reception_interviewed", "not_met", "acknowledged=2019-02-05 reception_interview=2019-02-12", "the other"),
        ("reception", "open_late", "acknowledged=2019-02-05", "only one of the two"),
        ("reception", "not_applicable", "acknowledged=2019-02-05 did_not_attend=2019-02-08", "did not attend it"),
        ("reception_acknowledged", "not_met", "acknowledged=2019-02-12 did_not_attend=2019-02-08", "day 6"),
    ],
    "JII-27": [
        ("result_recorded", "met", "did_not_start=2019-02-05/2019-02-13", "recorded on day 7"),
        ("result_recorded", "not_met", "did_not_start=2019-02-05/2019-02-14", "recorded on day 8"),
    ],
    "JII-31": [
        ("course_day_1", "met", "start=2019-02-08 course_start=2019-02-25", "day 15"),
        ("course_day_1", "not_met", "start=2019-02-08 course_start=2019-02-26", "day 16"),
        ("course_day_1", "not_applicable", "did_not_start=2019-02-08", "did not join"),
    ],
    "JII-32": [
        ("course_recorded", "met", "start=2019-02-08 course_start=2019-02-25/2019-02-27", "recorded on day 17"),
        ("course_recorded", "not_met", "start=2019-02-08 course_start=2019-02-25/2019-02-28", "on day 18"),
        ("course_recorded", "met", "start=2019-02-08 exit=2019-02-25/2019-02-27", "an exit recorded on day 17"),
    ],
    "JII-33": [
        (
            "exit_recorded",
            "met",
            "referral=2019-01-07 start=2019-01-08 course_start=2019-02-04 course_complete=2019-02-08 "
            "exit=2019-02-08/2019-02-12",
            "completed on a Friday, recorded on Tuesday: day 2",
        ),
        (
            "exit_recorded",
            "not_met",
            "referral=2019-01-07 start=2019-01-08 course_start=2019-02-04 course_complete=2019-02-08 "
            "exit=2019-02-08/2019-02-13",
            "day 3",
        ),
        (
            "exit_recorded",
            "met",
            "referral=2019-01-07 start=2019-01-08 course_start=2019-02-01 exit=2019-02-04/2019-02-06",
            "an early exit, recorded on day 2",
        ),
        (
            "exit_recorded",
            "not_met",
            "referral=2019-01-07 start=2019-01-08 course_start=2019-02-01 exit=2019-02-04/2019-02-07",
            "an early exit, recorded on day 3",
        ),
        (
            "exit_recorded",
            "open_late",
            "referral=2019-01-07 start=2019-01-08 course_start=2019-02-04 course_complete=2019-02-08",
            "no exit recorded",
        ),
        (
            "exit_recorded",
            "not_applicable",
            "referral=2019-01-07 start=2019-01-08 course_start=2019-02-04",
            "still on the course",
        ),
    ],
    "WL-04": [
        ("mpl1", "met", "did_not_start=2019-03-29", "resolved: no deadline is printed"),
        ("mpl1", "open_late", "referral=2019-03-29", "counts until it is resolved"),
    ],
    "WL-05": [
        ("mpl2", "met", "start=2019-02-20", "started"),
        ("mpl2", "not_met", "referral=2019-03-25 did_not_attend=2019-03-26", "cannot be met any more"),
        ("mpl2", "not_due", "referral=2019-03-25", "may still start"),
        ("mpl2", "met", "start=2019-03-14/2019-03-14", "a start on day 28 is a start"),
        ("mpl2", "met", "start=2019-02-20/2019-03-14", "and so is one recorded on day 28"),
        ("mpl2", "not_due", "referral=2019-03-01", "Sunday 31 March: open for 20 working days, no longer"),
        ("mpl2", "open_late", "referral=2019-02-28", "open for 21"),
    ],
    "WL-08": [
        ("mpl5", "not_due", "referral=2019-02-22", "Sunday 31 March: 25 working days old"),
        ("mpl5", "open_late", "referral=2019-02-21", "26"),
    ],
}  # fmt: skip

PLACE_OF = {"SES": "ses", "JII": "jobs2", "WL": "wl"}

# Journeys of other people, so that the extract has every kind of event.
COMPANY = {
    "ses": "Z start=2018-12-03",
    "jobs2": "Z start=2018-12-03 acknowledged=2018-12-03 reception_interview=2018-12-03 course_start=2018-12-03 "
    "course_complete=2018-12-07 exit=2018-12-07",
    "wl": "Z start=2018-12-03 did_not_attend=2018-12-03",
}


@pytest.fixture(scope="module")
def others_by_hand(places: dict[str, Make]) -> Callable[..., str]:
    """Return a function of a standard and a journey's words that gives its state on 31 March 2019."""
    referrals = people(case[2] for row in OTHERS_BY_HAND.values() for case in row)
    known: Found = {}
    for place, company in COMPANY.items():
        mine = {
            case[2] for row, cases in OTHERS_BY_HAND.items() if PLACE_OF[row.split("-")[0]] == place for case in cases
        }
        snapshot = places[place]([*told({words: referrals[words] for words in sorted(mine)}), company])
        known |= states_of(snapshot)
    return lambda standard, words: known[referrals[words], standard]


@pytest.mark.requirement("SES-01", "SES-20", "WL-04", "WL-05", "WL-08")
@pytest.mark.requirement("JII-26", "JII-27", "JII-31", "JII-32", "JII-33")
@pytest.mark.parametrize(("standard", "state", "journey", "why"), hand_made(OTHERS_BY_HAND))
def test_other_programmes_limits_worked_by_hand(
    standard: str, state: str, journey: str, why: str, others_by_hand: Callable[..., str]
) -> None:
    assert others_by_hand(standard, journey) == state, why


@pytest.mark.requirement("WL-05")
@pytest.mark.parametrize(
    ("day", "part", "whole"),
    [
        ("2019-02-28", 0, 2),  # day 18: the two that do not start have a result, the others are not open for long
        ("2019-03-05", 0, 10),  # day 21: the others have been open for longer than the limit
        ("2019-03-14", 8, 10),  # day 28: they start
        ("2019-03-31", 8, 10),
    ],
)
def test_eight_of_ten_referrals_that_start_on_day_28_are_80_per_cent(wl: Make, day: str, part: int, whole: int) -> None:
    lines = [f"S{i} referral=2019-02-04 start=2019-03-14" for i in range(8)]
    lines += [f"N{i} referral=2019-02-04 did_not_start=2019-02-11" for i in range(2)]
    snapshot = wl(lines, month=day[:7], known_at=day)
    found = standards.measure(snapshot).set_index("standard").loc["mpl2"]
    assert (found["part"], found["whole"]) == (part, whole)


@pytest.mark.requirement("JII-26")
def test_where_one_of_two_events_is_in_no_row_both_together_are_no_data(jobs2: Make) -> None:
    snapshot = jobs2("A referral=2019-02-04 acknowledged=2019-02-05")
    assert [
        states(snapshot, name)["A"] for name in ("reception", "reception_acknowledged", "reception_interviewed")
    ] == ["no_data", "met", "no_data"]


@pytest.mark.requirement("JII-37")
def test_wellbeing_is_collected_within_five_working_days_of_its_trigger(jobs2: Make) -> None:
    snapshot = jobs2("A referral=2019-01-07 start=2019-01-08")
    row = {"referral_id": "A", "instrument": "who5"}
    rows = [
        row | {"wave": "outset", "trigger_date": "2019-02-04", "collected_date": "2019-02-11"},  # day 5
        row | {"wave": "completion", "trigger_date": "2019-02-08", "collected_date": "2019-02-18"},  # day 6
        row | {"wave": "follow_up", "trigger_date": None, "collected_date": "2019-03-01"},  # nobody can say
        row | {"wave": "late", "trigger_date": "2019-03-04", "collected_date": None},
        row | {"wave": "later", "trigger_date": "2019-04-01", "collected_date": None},  # not yet
        {"referral_id": "nobody", "instrument": "who5", "wave": "outset", "trigger_date": "2019-02-04"},
    ]
    frame = standards.cases(with_table(snapshot, "assessments", rows), ["wellbeing"])
    assert dict(zip(frame["item"], frame["state"].astype("str"), strict=True)) == {
        "outset who5": "met",
        "completion who5": "not_met",
        "follow_up who5": "no_data",
        "late who5": "open_late",
    }
    assert set(frame["referral_id"]) == {"A"}
    then = standards.cases(with_table(snapshot, "assessments", rows), ["wellbeing"], date(2019, 2, 9))
    assert then[["item", "state"]].astype("str").to_numpy().tolist() == [
        ["outset who5", "not_due"],
        ["completion who5", "not_due"],
        ["follow_up who5", "no_data"],
    ]


@pytest.mark.requirement("JII-37")
def test_an_extract_without_the_table_has_no_data(jobs2: Make) -> None:
    row = measured(jobs2("A referral=2019-01-07")).loc["wellbeing"]
    assert (row["status"], row[list(STATES)].sum()) == ("no_data", 0)


def test_a_table_without_the_columns_of_a_standard_is_an_error(jobs2: Make) -> None:
    snapshot = with_table(
        jobs2("A referral=2019-01-07"), "assessments", [{"referral_id": "A", "triger_date": "2019-02-04"}]
    )
    with pytest.raises(ParameterError, match="assessments has no column 'trigger_date'; did you mean 'triger_date'"):
        standards.cases(snapshot)


def test_a_table_that_no_extract_has_is_an_error(jobs2: Make) -> None:
    own = {"wellbeing": {"table": "assesments", "source": "Schedule 2"}}
    with pytest.raises(ParameterError, match="'assesments' is no table of an extract; did you mean 'assessments'"):
        standards.cases(jobs2("A referral=2019-01-07", standards=own))


@pytest.mark.requirement("KS-06")
def test_a_review_is_due_in_every_calendar_month_wholly_on_the_programme(ks: Make) -> None:
    snapshot = ks(
        [
            "A start=2019-01-15 review=2019-02-05 review=2019-02-26 review=2019-04-10 exit=2019-05-20",
            "B referral=2018-12-31 start=2019-01-01 review=2019-01-01",
            "C referral=2019-01-07",
        ],
        month="2019-06",
    )
    frame = standards.cases(snapshot, ["ks_reviews"])
    found = frame.groupby("referral_id")[["item", "state"]].agg(list).to_dict("index")
    assert found == {
        "A": {"item": ["2019-02", "2019-03", "2019-04"], "state": ["met", "not_met", "met"]},  # May is not whole
        "B": {"item": [f"2019-0{i}" for i in range(1, 7)], "state": ["met"] + ["not_met"] * 5},
    }
    assert frame.loc[0, ["day0", "due", "done"]].tolist() == [
        pd.Timestamp("2019-02-01"),
        pd.Timestamp("2019-02-28"),
        pd.Timestamp("2019-02-05"),
    ]
    history = standards.history(snapshot).loc["ks_reviews"].loc["2019-01":]
    assert history["rate"].tolist() == [1, 1 / 2, 0, 1 / 2, 0, 0]


@pytest.mark.requirement("KS-06")
def test_a_month_that_has_not_ended_is_not_due_unless_it_has_its_review(ks: Make) -> None:
    journeys = ["A referral=2019-01-07 start=2019-01-15", "B referral=2019-01-07 start=2019-01-15 review=2019-02-05"]
    snapshot = ks(journeys, month="2019-02", known_at="2019-02-20")
    assert states(snapshot, "ks_reviews") == {"A": "not_due", "B": "met"}
    assert states(snapshot, "ks_reviews", date(2019, 2, 4)) == {"A": "not_due", "B": "not_due"}


@pytest.mark.requirement("WL-13")
def test_reviews_may_be_counted_from_each_to_the_next(wl: Make) -> None:
    snapshot = wl(
        [
            # 28 days on is 29 January; then 26 February, before which it ended
            "A referral=2018-12-31 start=2019-01-01 review=2019-01-29 exit=2019-02-20",
            # from 1 January 29 days to the next, from 30 January none by 27 February
            "B referral=2018-12-31 start=2019-01-01 review=2019-01-30",
            # left after the day on which a review was due
            "C referral=2018-12-31 start=2019-01-01 exit=2019-01-30",
            "D referral=2019-03-01 start=2019-03-10",
            # left on the day on which a review was due: it could still have been held
            "E referral=2018-12-31 start=2019-01-01 exit=2019-01-29",
        ]
    )
    frame = standards.cases(snapshot, ["wl_updates"])
    assert frame[["referral_id", "item", "state"]].astype("str").to_numpy().tolist() == [
        ["A", "2019-01-01", "met"],
        ["B", "2019-01-01", "not_met"],
        ["B", "2019-01-30", "open_late"],
        ["C", "2019-01-01", "not_met"],
        ["D", "2019-03-10", "not_due"],
    ]
    assert measured(snapshot).loc["wl_updates", "worst"] == 60  # 30 January to 31 March


@pytest.mark.requirement("SES-19", "SES-24")
def test_a_support_plan_is_agreed_and_then_maintained(places: dict[str, Make]) -> None:
    """No limit is given, so who has started and has no plan has none yet: two of three have one.

    Maintained: a review in every month that lies wholly after the agreement; for A February and March, for B none.
    """
    own = {"name": "Reviewed", "source": "made up", "kind": "every", "from": "support_plan_agreed", "to": "review"}
    snapshot = places["ses"](
        [
            "A referral=2019-01-07 start=2019-01-14 support_plan_agreed=2019-01-21 review=2019-02-11",
            "B referral=2019-01-07 start=2019-01-14 support_plan_agreed=2019-03-29",
            "C referral=2019-01-07 start=2019-01-14",
            "D referral=2019-01-07 did_not_attend=2019-01-14",
        ],
        standards={"maintained": own | {"until": "exit", "applies_to": "start"}},
    )
    table = measured(snapshot)
    assert table.loc["support_plan", ["met", "open_late", "not_due", "not_applicable"]].tolist() == [2, 1, 0, 1]
    assert table.loc["support_plan", "rate"] == 2 / 3
    assert table.loc["maintained", ["met", "not_met", "rate"]].tolist() == [1, 1, 1 / 2]


@pytest.mark.requirement("SES-21")
def test_an_action_that_the_guidance_gives_no_limit_has_the_contracts_own(places: dict[str, Make]) -> None:
    """From Monday 7 January day 2 is Wednesday 9. Without a limit in the contract there is no such standard."""
    own = {"name": "Acknowledged", "source": "Schedule 3", "to": "acknowledged", "limit": 2}
    lines = ["A referral=2019-01-07 acknowledged=2019-01-09", "B referral=2019-01-07 acknowledged=2019-01-10"]
    snapshot = places["ses"](lines, standards={"acknowledged": own})
    assert states(snapshot, "acknowledged") == {"A": "met", "B": "not_met"}
    register = standards.register(snapshot).set_index("standard")
    assert register.loc["acknowledged", "asks"] == "referral to acknowledged: within 2 working days"
    assert "acknowledged" not in standards.register(places["ses"](lines))["standard"].tolist()


@pytest.mark.requirement("WHP-30")
def test_each_standard_says_whether_it_is_measured_on_a_sample(make: Make) -> None:
    # ch. 16 para 26: IT-based MI, and compliance checks; paras 29 and 30: CSS 5 and 6 are sample-based
    register = standards.register(make("A referral=2019-02-04", "2019-03")).set_index("standard")
    assert register.index[register["sampled"]].tolist() == ["css5", "css6"]


@pytest.mark.requirement("WL-06")
def test_cumulative_starts_are_held_against_the_profile_in_every_month(wl: Make) -> None:
    # Promised 10 a month from February. Starts 9, 10, 6 and 15: shares to date .90, .95, .8333, 1.
    begun = {"2018-02": 9, "2018-03": 10, "2018-04": 6, "2018-05": 15}
    journeys = [f"R{month}-{i} start={month}-20" for month, number in begun.items() for i in range(number)]
    promised = {"measure": "start", "from": "2018-01", "values": [0, 10, 10, 10, 10], "source": "tender"}
    snapshot = wl(journeys, month="2018-06", volumes=[promised])
    months = standards.against_profile(snapshot, "mpl3")
    assert months["actual"].tolist() == [0, 9, 19, 25, 40, 40]
    # nothing was to be done by January, and nothing is promised for June
    assert months["state"].tolist() == ["not_applicable", "met", "met", "not_met", "met", "no_data"]
    row = measured(snapshot).loc["mpl3"]
    assert row[list(STATES)].tolist() == [3, 1, 0, 0, 0, 1, 1]
    assert (row["rate"], row["status"]) == (25 / 30, "not_met")  # never: the catching up in May does not mend April
    assert measured(snapshot, basis="rolling_2").loc["mpl3", "status"] == "met"


@pytest.mark.requirement("WL-07")
@pytest.mark.parametrize(("number", "status"), [(1, "met"), (2, "not_met")])
def test_a_backlog_below_a_number(number: int, status: str, wl: Make) -> None:
    own = {"mpl4": {"share_of": "count", "target": {"less_than": 2}, "source": "made for this test"}}
    snapshot = wl(lines(late=(number, "referral=2019-02-04")), standards=own)
    assert measured(snapshot).loc["mpl4", ["rate", "status"]].tolist() == [number, status]


@pytest.mark.requirement("WL-04")
def test_the_share_resolved_is_of_all_referrals(wl: Make) -> None:
    snapshot = wl(lines(done=(9, "referral=2019-03-04 start=2019-03-05"), open=(1, "referral=2019-03-29")))
    assert measured(snapshot).loc["mpl1", ["rate", "status"]].tolist() == [0.9, "met"]


@pytest.mark.requirement("WL-07")
@pytest.mark.parametrize(("others", "status"), [(48, "not_met"), (49, "met")])
def test_a_backlog_below_a_share_is_missed_when_it_is_reached(others: int, status: str, wl: Make) -> None:
    """2 of 50 is 4 %, which is not below 4 %; 2 of 51 is."""
    snapshot = wl(
        lines(late=(2, "referral=2019-02-04"), done=(others, "referral=2019-02-04 start=2019-02-05")),
    )
    assert measured(snapshot).loc["mpl4", "status"] == status


@pytest.mark.requirement("WL-19")
def test_each_request_for_a_plan_has_a_clock_of_its_own(wl: Make) -> None:
    """Asked for on Monday 4 February: sent on the 11th, day 5; on the 12th, day 6. A later row corrects an earlier."""
    row = {"referral_id": "A", "recorded_date": "2019-02-04"}
    rows = [
        row | {"requested_date": "2019-02-04", "sent_date": "2019-02-11"},
        row | {"requested_date": "2019-02-05", "sent_date": None},
        row | {"requested_date": "2019-02-05", "sent_date": "2019-02-13", "recorded_date": "2019-02-13"},
        row | {"requested_date": "2019-03-20", "sent_date": None},
        row | {"requested_date": "2019-03-25", "sent_date": None},
    ]
    frame = standards.cases(with_table(wl("A start=2019-02-01"), "plan_requests", rows), ["wl_plan_sent"])
    assert frame["state"].tolist() == ["met", "open_late", "not_due", "not_met"]
    assert set(frame["referral_id"]) == {"A"}


NOTICES = [
    {"kind": "red_flag", "notice_id": "N1", "identified_date": "2019-02-04", "notified_date": "2019-02-04"},
    {"kind": "red_flag", "notice_id": "N2", "identified_date": "2019-02-04", "notified_date": "2019-02-11"},
    {"kind": "red_flag", "notice_id": "N3", "identified_date": "2019-02-04", "notified_date": "2019-02-12"},
    {"kind": "red_flag", "notice_id": "N4", "identified_date": "2019-02-09", "notified_date": "2019-02-11"},
    {"kind": "red_flag", "notice_id": "N5", "identified_date": "2019-03-29", "notified_date": None},
]
"""Found on Monday 4 February, told on that day, on day 5 and on day 6; found on a Saturday, told on Monday, day 0;
found on Friday 29 March and not told by Sunday 31."""


@pytest.mark.requirement("WL-45")
@pytest.mark.requirement("KS-56")
@pytest.mark.parametrize(
    ("place", "standard", "expected"),
    [
        ("wl", "wl_notices", ["met", "met", "not_met", "met", "not_due"]),
        ("ks", "ks_red_flags", ["met", "not_met", "not_met", "met", "open_late"]),
    ],
)
def test_the_department_is_told_of_an_issue_in_time(
    place: str, standard: str, expected: list[str], places: dict[str, Make]
) -> None:
    snapshot = with_table(places[place](["A start=2019-02-01 sex=f", "B sex=m"]), "notices", NOTICES)
    frame = standards.cases(snapshot, [standard])
    assert dict(zip(frame["item"], frame["state"], strict=True)) == dict(
        zip((row["notice_id"] for row in NOTICES), expected, strict=True)
    )
    assert frame["referral_id"].isna().all()  # the contract's, nobody's
    row = measured(snapshot).loc[standard]
    assert [row[state] for state in ("met", "not_met", "open_late", "not_due")] == [
        expected.count(state) for state in ("met", "not_met", "open_late", "not_due")
    ]
    assert standard not in measured(snapshot, by="sex").index
    assert measured(places[place]("A start=2019-02-01")).loc[standard, "status"] == "no_data"


@pytest.mark.requirement("WHP-52")
def test_a_sample_is_sent_at_least_five_days_before_the_checks(make: Make) -> None:
    """Five calendar days from Friday 1 February end on Wednesday 6. In working days day 5 would be Friday 8."""
    rows = [
        {"sample_id": "S1", "sent_date": "2019-02-01", "check_date": "2019-02-06"},
        {"sample_id": "S2", "sent_date": "2019-02-01", "check_date": "2019-02-05"},
        {"sample_id": "S3", "sent_date": "2019-02-01", "check_date": None},
    ]
    working = {"sample_notice": {"days": "working", "source": "made for this test"}}
    for own, expected in (({}, ["met", "not_met", "not_due"]), (working, ["not_met", "not_met", "not_due"])):
        snapshot = with_table(make("A start=2019-02-01", "2019-03", standards=own), "samples", rows)
        assert standards.cases(snapshot, ["sample_notice"])["state"].tolist() == expected


@pytest.mark.requirement("WHP-66")
def test_an_assurance_review_lasts_no_more_than_twenty_weeks(make: Make) -> None:
    """140 days from Monday 1 October 2018 end on Monday 18 February 2019; from 12 November, on 1 April."""
    rows = [
        {"review_id": "R1", "start_date": "2018-10-01", "end_date": "2019-02-18"},
        {"review_id": "R2", "start_date": "2018-10-01", "end_date": "2019-02-19"},
        {"review_id": "R3", "start_date": "2018-10-01", "end_date": None},
        {"review_id": "R4", "start_date": "2018-11-12", "end_date": None},
    ]
    snapshot = with_table(make("A start=2019-02-01", "2019-03"), "assurance", rows)
    assert standards.cases(snapshot, ["assurance_length"])["state"].tolist() == [
        "met",
        "not_met",
        "open_late",
        "not_due",
    ]


@pytest.mark.requirement("WL-04")
def test_what_a_document_redacts_is_the_contracts_to_say(wl: Make) -> None:
    own = {"mpl1": {"target": {"at_least": 0.95}, "source": "Schedule 2"}}
    snapshot = wl("A referral=2019-02-04", standards=own)
    register = standards.register(snapshot).set_index("standard")
    assert register.loc["mpl1", ["target", "source", "invented"]].tolist() == ["at least 95 %", "Schedule 2", False]
    assert register.loc["mpl2", "invented"]


# ------------------------------------------------------------------------------------------- the contract's own


@pytest.mark.requirement("WHP-44")
def test_a_contract_adds_tender_standards_and_changes_those_of_the_programme(make: Make) -> None:
    own = {
        "tcss1": {
            "name": "tCSS 1: assessed",
            "source": "Schedule 2",
            "to": "assessment",
            "limit": 3,
            "days": "calendar",
        },
        "css2": {"limit": 1, "source": "Schedule 2, variation 3"},
    }
    snapshot = make("A referral=2019-02-01 acknowledged=2019-02-05 assessment=2019-02-04", "2019-03", standards=own)
    assert list(snapshot.contract.standards)[: len(CSS)] == CSS
    assert list(snapshot.contract.standards)[-1] == "tcss1"
    assert states(snapshot, "tcss1") == {"A": "met"}  # three calendar days, from a Friday to Monday
    assert states(snapshot, "css2") == {"A": "not_met"}  # one working day
    frame = standards.register(snapshot).set_index("standard")
    assert frame.loc["css2", ["asks", "source"]].tolist() == [
        "referral to acknowledged: within 1 working day",
        "Schedule 2, variation 3",
    ]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda s: standards.cases(s, ["css9"]), "standard 'css9': .*did you mean"),
        (lambda s: standards.cases(s, on=date(2019, 4, 1)), "on=2019-04-01: is after 2019-03-31"),
        (lambda s: standards.backlog(s, [date(2019, 4, 1)]), "dates: 2019-04-01 is after 2019-03-31"),
        (lambda s: standards.backlog(s, standard="css2"), "standard='css2': no such backlog; known: css3, css4"),
        (lambda s: standards.against_profile(s, "css2"), "standard='css2': .* no such standard of kind 'profile'"),
        (lambda s: standards.measure(s, by="colour"), "colour"),
    ],
)
def test_what_cannot_be_asked_is_one_clear_error(call: Callable[[Snapshot], Any], message: str, make: Make) -> None:
    with pytest.raises(ParameterError, match=message):
        call(make("A referral=2019-02-04", "2019-03"))


def test_a_contract_without_standards_has_empty_tables(whp: Programme, make: Make) -> None:
    snapshot = make("A referral=2019-02-04", "2019-03", programme=whp.model_copy(update={"standards": {}}))
    assert standards.cases(snapshot).empty
    assert standards.measure(snapshot).empty
    assert standards.history(snapshot).empty
    assert standards.register(snapshot).empty


# ------------------------------------------- a second computation: numpy's business days, straight from the CSV


def second_computation(journeys: pd.DataFrame, on: str) -> pd.DataFrame:
    """State by referral and standard, from `Reading.journeys`, with numpy's business-day functions alone."""
    calendar = np.busdaycalendar(holidays=HOLIDAYS)
    today = np.datetime64(on)

    def dates(*names: str) -> np.ndarray:
        columns = [journeys[name] if name in journeys else pd.Series(pd.NaT, journeys.index) for name in names]
        return pd.concat(columns, axis=1).min(axis=1).to_numpy(dtype="datetime64[D]")

    def within(n: int, begun: np.ndarray, done: np.ndarray) -> list[str]:
        found = []
        for start, end in zip(begun, done, strict=True):
            due = np.busday_offset(start, n, roll="forward", busdaycal=calendar)
            if np.isnat(end) or end > today:
                found.append("open_late" if today > due else "not_due")
            else:
                found.append("met" if end <= due else "not_met")
        return found

    def age(n: int, begun: np.ndarray, done: np.ndarray) -> list[str]:
        found = []
        for start, end in zip(begun, done, strict=True):
            open_still = np.isnat(end)
            last = today if open_still else end
            old = np.busday_count(start, last + 1, busdaycal=calendar) - 1  # of its working days the first is day 0
            late = old > n
            found.append(("open_late" if late else "not_due") if open_still else ("not_met" if late else "met"))
        return found

    resolves = ["start", "did_not_attend", "did_not_start"]
    referral, resolved = dates("referral"), dates(*resolves)
    recorded = dates(*(f"{name}_recorded" for name in resolves))
    signed = dates("esf1420_signed")
    started = ~np.isnat(dates("start"))
    some_day = np.where(np.isnat(signed), today, signed)
    return pd.DataFrame(
        {
            "css1a": within(10, referral, resolved),
            "css1b": within(15, referral, recorded),
            "css2": within(2, referral, dates("acknowledged")),
            "css3": age(15, referral, resolved),
            "css4": age(25, referral, resolved),
            "css5": np.where(started, within(20, referral, dates("action_plan_agreed")), "not_applicable"),
            "css6": np.where(started & ~np.isnat(signed), within(5, some_day, dates("esf1420_sent")), "not_applicable"),
        },
        index=journeys.index,
    )


@pytest.mark.parametrize(
    ("month", "on"), [("2019-12", "2019-12-31"), ("2018-05", "2018-05-31"), ("2020-05", "2020-05-31")]
)
def test_every_state_equals_a_second_computation_from_the_csv(
    month: str, on: str, part: Extract, reading: Callable[..., Any]
) -> None:
    snapshot = take_snapshot(part, month)
    frame = standards.cases(snapshot).pivot(index="referral_id", columns="standard", values="state").astype("str")
    expected = second_computation(reading(month, None).journeys, on)
    frame.columns = list(frame)
    pd.testing.assert_frame_equal(frame[CSS].sort_index(), expected.sort_index(), check_names=False, check_dtype=False)
    counts = measured(snapshot)
    for name in CSS:
        assert (
            counts.loc[name, list(STATES)].to_dict()
            == expected[name].value_counts().reindex(STATES, fill_value=0).to_dict()
        )
    known = expected[expected["css3"] != "not_applicable"]
    assert counts.loc["css3", "rate"] == (known["css3"] == "open_late").mean()
    if month == "2019-12":  # enough of it to mean something
        assert len(frame) > 150
        assert (counts.loc[CSS, "not_met"] > 0).sum() >= 5


# ------------------------------------------------------------------------------------------------------------- laws

FIRST = date(2019, 1, 1)
EVENTS = [
    "acknowledged",
    "start",
    "did_not_attend",
    "did_not_start",
    "action_plan_agreed",
    "esf1420_signed",
    "esf1420_sent",
]


@st.composite
def records(draw: st.DrawFn, late: bool = True) -> str:
    """One journey: each event after some days, recorded after some more, and perhaps corrected."""
    referred = FIRST + timedelta(draw(st.integers(0, 75)))
    words = [f"referral={referred}"]
    for event in draw(st.lists(st.sampled_from(EVENTS), unique=True)):
        for _ in range(draw(st.sampled_from([1, 1, 2])) if late else 1):
            happened = referred + timedelta(draw(st.integers(0, 45)))
            recorded = happened + timedelta(draw(st.integers(0, 40)) if late else 0)
            words.append(f"{event}={happened}/{recorded}")
    return " ".join(words)


def journeys_of(strategy: st.SearchStrategy[str]) -> st.SearchStrategy[list[str]]:
    return st.lists(strategy, min_size=1, max_size=8).map(lambda rows: [f"R{i} {row}" for i, row in enumerate(rows)])


@settings(max_examples=12, deadline=None)
@given(journeys=journeys_of(records()))
def test_states_partition_the_referrals(journeys: list[str], make: Make) -> None:
    snapshot = make(journeys, "2019-03", first_day="2019-01-01")
    frame = standards.cases(snapshot)
    assert frame.groupby("standard", observed=False).size()[CSS].tolist() == [len(snapshot.journeys)] * len(CSS)
    assert not frame.duplicated(["referral_id", "standard"]).any()
    assert frame["state"].notna().all()
    table = measured(snapshot)
    assert (table.loc[CSS, list(STATES)].sum(axis=1) == len(snapshot.journeys)).all()
    months = standards.history(snapshot)[list(STATES)].groupby(level="standard", sort=False).sum()
    assert months.to_numpy().tolist() == table[list(STATES)].to_numpy().tolist()
    within = table.drop(index="css3")
    counted = within[["met", "not_met", "open_late"]].sum(axis=1)
    np.testing.assert_array_equal(within["rate"], within["met"] / counted.where(counted > 0))


@settings(max_examples=12, deadline=None)
@given(journeys=journeys_of(records()))
def test_a_case_was_done_late_just_when_it_took_more_days_than_its_limit(journeys: list[str], make: Make) -> None:
    snapshot = make(journeys, "2019-03", first_day="2019-01-01")
    for name in CSS:
        part = run(Journeys(snapshot), name)
        state, longer = np.array(STATES)[part.state], part.taken > part.rule.limit
        assert longer[state == "not_met"].all()
        assert not longer[np.isin(state, ["met", "not_due"])].any()


@settings(max_examples=12, deadline=None)
@given(journeys=journeys_of(records()), month=st.sampled_from(["2019-02", "2019-03"]), days=st.integers(0, 40))
def test_a_later_snapshot_changes_the_past_only_through_late_or_corrected_records(
    journeys: list[str], month: str, days: int, make: Make
) -> None:
    earlier = make(journeys, "2019-02", first_day="2019-01-01")
    known_at = earlier.known_at + timedelta(days + 31 * (month == "2019-03"))
    later = make(journeys, month, known_at=str(known_at), first_day="2019-01-01")
    both = standards.cases(earlier).merge(
        standards.cases(later, on=earlier.period_end), "outer", on=["standard", "referral_id"], suffixes=("", "_later")
    )
    changed = both[both["state"].astype("str") != both["state_later"].astype("str")]
    since = {
        line.split()[0]
        for line in journeys
        for word in line.split()[1:]
        if str(earlier.known_at) < word.split("=")[1].split("/")[-1] <= str(known_at)
    }
    by_themselves = changed[~changed["state"].isin(["no_data"]) | ~changed["state_later"].isin(["no_data"])]
    new_kind = (by_themselves["state"] == "no_data") ^ (by_themselves["state_later"] == "no_data")
    assert set(by_themselves.loc[~new_kind, "referral_id"]) <= since
    assert since or changed.empty
    assert standards.revisions(earlier, later)["cases"].sum() == len(changed)


@settings(max_examples=12, deadline=None)
@given(journeys=journeys_of(records(late=False)), day=st.dates(date(2019, 1, 1), date(2019, 3, 31)))
def test_where_nothing_is_recorded_late_the_past_is_seen_as_it_was(journeys: list[str], day: date, make: Make) -> None:
    month, first = f"{day:%Y-%m}", "2019-01-01"
    then = make([*journeys, OTHERS.replace("2018", "2019")], month, known_at=str(day), first_day=first)
    now = make([*journeys, OTHERS.replace("2018", "2019")], "2019-03", first_day=first)
    key = ["standard", "referral_id"]
    mine, its = (
        frame.sort_values(key, ignore_index=True) for frame in (standards.cases(then), standards.cases(now, on=day))
    )
    if day >= date(2019, 1, 2):  # by then every kind of event is known
        pd.testing.assert_frame_equal(mine, its)


@settings(max_examples=12, deadline=None)
@given(
    journeys=journeys_of(records()),
    days=st.lists(st.dates(date(2019, 1, 1), date(2019, 3, 31)), min_size=1, max_size=5),
)
def test_a_backlog_is_what_is_counted_one_by_one(journeys: list[str], days: list[date], make: Make) -> None:
    snapshot = make(journeys, "2019-03", first_day="2019-01-01")
    closed = snapshot.journeys[["start", "did_not_attend", "did_not_start"]].min(axis=1)
    calendar = np.busdaycalendar(holidays=HOLIDAYS)
    for day, row in zip(days, standards.backlog(snapshot, days).to_dict("records"), strict=True):
        ages = [
            int(np.busday_count(begun.date(), day + timedelta(1), busdaycal=calendar)) - 1
            for begun, end in zip(snapshot.journeys["referral"], closed, strict=True)
            if begun.date() <= day and not end <= pd.Timestamp(day)
        ]
        assert row["open"] == len(ages)
        assert row["late"] == sum(age > 15 for age in ages)
        assert row["oldest"] == max(ages) if ages else np.isnan(row["oldest"])
        assert row["all"] == (snapshot.journeys["referral"] <= pd.Timestamp(day)).sum()
