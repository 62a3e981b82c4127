"""Months, windows, quarters and working days.

Where the expected values come from:

- `answers/bank_holidays_*.csv`: the GOV.UK lists of UK bank holidays, typed in, 2016 to 2026; one-off days with the
  announcement they come from.
- `answers/calendar_clocks.csv`: working days between dates around the holidays, counted by hand.
- For every year from 2000 to 2040: the rules of the Banking and Financial Dealings Act 1971 with the proclaimed
  one-off days, written out below with a computus of their own. Nothing here uses the `holidays` package.
"""

from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perflib.errors import ParameterError
from perflib.rules.calendar import (
    BASES,
    NATIONS,
    QUARTER_BASES,
    WorkingDays,
    month,
    quarter,
    quarter_of,
    running_quarter,
    window,
    working_days,
)

ANSWERS = Path(__file__).parents[1] / "answers"
LISTS = {"ENG": "england_wales", "WLS": "england_wales", "SCT": "scotland", "NIR": "northern_ireland"}
MID_JANUARY = date(2018, 1, 15)

days = st.dates(date(2016, 1, 1), date(2030, 12, 31))
day_lists = st.lists(days, min_size=1, max_size=30)
nations = st.sampled_from(NATIONS)
limits = st.integers(0, 60)
laws = settings(deadline=None, derandomize=True)  # the first call for a nation builds its calendar


def day_array(values: list[date]) -> np.ndarray:
    return np.array(values, dtype="datetime64[D]")


def gov_uk(nation: str) -> list[date]:
    table = pd.read_csv(ANSWERS / f"bank_holidays_{LISTS[nation]}.csv", parse_dates=["date"])
    return list(table["date"].dt.date)


# ---------------------------------------------------------------------------------------------------------- months


def test_a_month_is_written_yyyy_mm() -> None:
    assert month("2020-06") == pd.Period("2020-06", "M")
    assert month(pd.Period("2020-06", "M")) == pd.Period("2020-06", "M")


@pytest.mark.parametrize(
    "value",
    [
        *("2020-6", "2020-13", "2020-00", "06/2020", "June 2020", "2020-06-01", "202006", " 2020-06", "2020-06\n", ""),
        *(None, 202006, date(2020, 6, 1), pd.Timestamp("2020-06-01"), pd.Period("2020-06-01", "D"), pd.NaT),
    ],
)
def test_anything_else_is_refused_with_the_value_and_the_form(value: object) -> None:
    with pytest.raises(ParameterError, match="YYYY-MM") as error:
        month(value)  # type: ignore[arg-type]
    assert repr(str(value)) in str(error.value)


# --------------------------------------------------------------------------------------------------------- windows


@pytest.mark.requirement("WHP-06")
@pytest.mark.parametrize(
    ("basis", "report_month", "first", "label"),
    [
        # The design's case: contract from 15 January 2018, seen in March 2018.
        ("rolling_12", "2018-03", "2018-01", "3 of 12 months, first partial"),
        ("rolling_3", "2018-03", "2018-01", "3 months, first partial"),
        ("rolling_3", "2018-02", "2018-01", "2 of 3 months, first partial"),
        ("rolling_12", "2018-12", "2018-01", "12 months, first partial"),
        ("rolling_12", "2019-01", "2018-02", "12 months"),
        ("rolling_1", "2018-03", "2018-03", "1 month"),
        ("rolling_6", "2018-03", "2018-01", "3 of 6 months, first partial"),
        ("month", "2018-03", "2018-03", "March 2018"),
        ("month", "2018-01", "2018-01", "January 2018, partial"),
        ("cumulative", "2018-03", "2018-01", "3 months, first partial"),
        ("cumulative", "2018-01", "2018-01", "1 month, first partial"),
    ],
)
def test_a_window_ends_with_the_report_month_and_is_cut_at_the_contracts_first(
    basis: str, report_month: str, first: str, label: str
) -> None:
    held = window(basis, month(report_month), MID_JANUARY)
    assert (str(held.first), str(held.last), held.label) == (first, report_month, label)


def test_a_contract_that_begins_on_the_1st_has_no_partial_month() -> None:
    assert window("rolling_12", month("2018-03"), date(2018, 1, 1)).label == "3 of 12 months"
    assert window("month", month("2018-01"), date(2018, 1, 1)).label == "January 2018"


def test_a_window_gives_its_first_and_last_day_and_its_months_by_name() -> None:
    held = window("rolling_3", month("2020-02"), MID_JANUARY)
    assert (held.start, held.end, held.months) == (date(2019, 12, 1), date(2020, 2, 29), 3)
    assert held.span == "December 2019 to February 2020"


@laws
@given(st.dates(date(2016, 1, 1), date(2020, 12, 31)), st.integers(0, 60))
def test_the_bases_nest_and_a_rolling_window_holds_n_months_or_all_there_are(first_day: date, age: int) -> None:
    report_month = pd.Period(first_day, "M") + age
    held = [window(basis, report_month, first_day) for basis in BASES]
    assert [item.months for item in held] == [1, min(3, age + 1), min(12, age + 1), age + 1]
    assert {item.last for item in held} == {report_month}
    every_month = pd.period_range(first_day, report_month, freq="M")
    inside = [item.contains(every_month) for item in held]
    assert [int(item.sum()) for item in inside] == [item.months for item in held]
    assert all(not (inner & ~outer).any() for inner, outer in pairwise(inside))


def test_contains_takes_periods_dates_and_month_numbers_and_a_missing_month_is_outside() -> None:
    held = window("rolling_3", month("2020-06"), MID_JANUARY)  # April to June 2020
    dates = pd.Series(
        pd.to_datetime(["2020-03-31", "2020-04-01", None, "2020-06-30", "2020-07-01"]), index=list("abcde")
    )
    expected = [False, True, False, True, False]
    for series in (dates, dates.dt.to_period("M")):
        pd.testing.assert_series_equal(held.contains(series), pd.Series(expected, index=dates.index))
    assert held.contains(pd.PeriodIndex(dates.dt.to_period("M"))).tolist() == expected
    assert held.contains(dates.to_numpy()).tolist() == expected
    # June 2020 is month 605 since January 1970: 50 years of 12, and 5.
    assert held.contains([602, 603, 605, 606]).tolist() == [False, True, True, False]
    assert held.contains(pd.PeriodIndex([], freq="M")).tolist() == []


def test_periods_of_another_frequency_are_not_taken_for_months() -> None:
    with pytest.raises(TypeError, match="frequency M"):
        window("month", month("2020-06"), MID_JANUARY).contains(pd.period_range("2020Q1", "2020Q2", freq="Q"))


@pytest.mark.parametrize("basis", ["rolling", "rolling_0", "rolling_x", "quarterly", ""])
def test_an_unknown_basis_is_refused_with_those_allowed(basis: str) -> None:
    with pytest.raises(ParameterError, match="must be month, cumulative or rolling_<n>"):
        window(basis, month("2018-03"), MID_JANUARY)


def test_a_month_before_the_contract_is_refused_with_the_first_one_allowed() -> None:
    message = "month 2017-12: the contract began on 2018-01-15. Give 2018-01 or later."
    with pytest.raises(ParameterError, match=message):
        window("month", month("2017-12"), MID_JANUARY)
    with pytest.raises(ParameterError, match=message):
        quarter(month("2017-12"), "financial", MID_JANUARY)
    with pytest.raises(ParameterError, match=message):
        running_quarter(month("2017-12"), "financial", MID_JANUARY)


# -------------------------------------------------------------------------------------------------------- quarters


@pytest.mark.parametrize(
    ("report_month", "basis", "headline", "running"),
    [
        # The design's case: February 2020, financial.
        ("2020-02", "financial", "October to December 2019", "January to February 2020, 2 of 3 months so far"),
        ("2020-02", "calendar", "October to December 2019", "January to February 2020, 2 of 3 months so far"),
        ("2020-03", "financial", "January to March 2020", None),
        ("2020-04", "financial", "January to March 2020", "April 2020, 1 of 3 months so far"),
        # The department's releases hold data to the end of February, May, August and November.
        ("2020-02", "department", "December 2019 to February 2020", None),
        ("2020-01", "department", "September to November 2019", "December 2019 to January 2020, 2 of 3 months so far"),
        ("2020-08", "department", "June to August 2020", None),
        # From 15 January 2018 the contract's quarters are January to March and so on.
        ("2020-02", "contract", "October to December 2019", "January to February 2020, 2 of 3 months so far"),
    ],
)
def test_the_headline_is_the_last_quarter_ended_by_the_report_month(
    report_month: str, basis: str, headline: str, running: str | None
) -> None:
    ended = quarter(month(report_month), basis, MID_JANUARY)
    in_progress = running_quarter(month(report_month), basis, MID_JANUARY)
    assert ended is not None
    assert ended.label == headline
    assert (in_progress.label if in_progress else None) == running


def test_contract_quarters_count_from_the_contracts_first_month() -> None:
    first_day = date(2017, 11, 1)  # November to January, February to April, ...
    assert quarter(month("2018-01"), "contract", first_day).label == "November 2017 to January 2018"
    assert quarter(month("2018-03"), "contract", first_day).label == "November 2017 to January 2018"
    assert quarter(month("2018-04"), "contract", first_day).label == "February to April 2018"


def test_a_quarter_cut_by_the_contracts_start_says_so() -> None:
    assert quarter(month("2018-03"), "financial", MID_JANUARY).label == "January to March 2018, first partial"
    cut = quarter(month("2018-04"), "financial", date(2018, 2, 1))
    assert (cut.label, cut.first_partial) == ("February to March 2018, 2 of 3 months", False)
    assert quarter(month("2018-04"), "financial", date(2018, 3, 5)).label == "March 2018, 1 of 3 months, first partial"
    running = running_quarter(month("2018-01"), "department", MID_JANUARY)
    assert running.label == "January 2018, 1 of 3 months so far, first partial"


def test_there_is_no_headline_before_a_quarter_has_ended_in_the_contract() -> None:
    assert quarter(month("2018-02"), "financial", MID_JANUARY) is None
    assert quarter(month("2018-02"), "financial") is not None


@laws
@given(days, st.integers(0, 40), st.sampled_from(QUARTER_BASES))
def test_headline_and_running_quarter_join_without_gap_or_overlap(first_day: date, age: int, basis: str) -> None:
    report_month = pd.Period(first_day, "M") + age
    ended, running = quarter(report_month, basis, first_day), running_quarter(report_month, basis, first_day)
    parts = [part for part in (ended, running) if part is not None]
    held = [item for part in parts for item in pd.period_range(part.first, part.last, freq="M")]
    assert held == list(pd.period_range(held[0], report_month, freq="M"))
    assert all(part.months <= 3 and part.first >= pd.Period(first_day, "M") for part in parts)
    ends = quarter_of(pd.PeriodIndex(held, freq="M"), basis, first_day)
    assert (ends <= report_month).tolist() == [ended is not None and item <= ended.last for item in held]
    assert len(set(ends)) == len(parts)


def test_quarter_of_names_the_last_month_of_each_quarter() -> None:
    year = pd.period_range("2019-01", "2019-12", freq="M")
    march = [f"2019-{end:02}" for end in (3, 6, 9, 12) for _ in range(3)]
    assert quarter_of(year, "financial").astype(str).tolist() == march
    assert quarter_of(year, "calendar").astype(str).tolist() == march
    february = ["2019-02"] * 2 + ["2019-05"] * 3 + ["2019-08"] * 3 + ["2019-11"] * 3 + ["2020-02"]
    assert quarter_of(year, "department").astype(str).tolist() == february
    january = ["2019-01"] + ["2019-04"] * 3 + ["2019-07"] * 3 + ["2019-10"] * 3 + ["2020-01"] * 2
    assert quarter_of(year, "contract", date(2017, 11, 1)).astype(str).tolist() == january


@pytest.mark.parametrize(
    ("basis", "ends"), [("financial", ["2019-03", "2019-06"]), ("department", ["2019-02", "2019-08"])]
)
def test_quarter_of_keeps_a_series_index_and_name_and_a_missing_month(basis: str, ends: list[str]) -> None:
    months = pd.Series(pd.PeriodIndex(["2019-01", None, "2019-06"], freq="M"), index=[7, 8, 8], name="cohort")
    expected = pd.Series(pd.PeriodIndex([ends[0], None, ends[1]], freq="M"), index=[7, 8, 8], name="cohort")
    pd.testing.assert_series_equal(quarter_of(months, basis), expected)
    pd.testing.assert_series_equal(quarter_of(months.dt.to_timestamp(), basis), expected)


def test_quarter_of_takes_month_numbers_and_none_at_all() -> None:
    assert quarter_of([588], "financial").astype(str).tolist() == ["2019-03"]  # 49 years of 12: January 2019
    assert len(quarter_of(pd.PeriodIndex([], freq="M"), "financial")) == 0


def test_an_unknown_quarter_basis_is_refused_and_contract_needs_a_first_day() -> None:
    with pytest.raises(ParameterError, match="'fiscal': must be one of financial, calendar, contract, department"):
        quarter(month("2020-02"), "fiscal")
    with pytest.raises(ParameterError, match="needs the contract's first day"):
        running_quarter(month("2020-02"), "contract")


# --------------------------------------------------------------------------------------------------- bank holidays


def easter_sunday(year: int) -> date:
    """Gregorian Easter by the anonymous algorithm (Meeus, Astronomical Algorithms, chapter 8)."""
    a, (b, c) = year % 19, divmod(year, 100)
    (d, e), (i, k) = divmod(b, 4), divmod(c, 4)
    h = (19 * a + b - d - (b - (b + 8) // 25 + 1) // 3 + 15) % 30
    weekday = (32 + 2 * e + 2 * i - h - k) % 7
    n, day = divmod(h + weekday - 7 * ((a + 11 * h + 22 * weekday) // 451) + 114, 31)
    return date(year, n, day + 1)


def first_monday(year: int, number: int) -> date:
    first = date(year, number, 1)
    return first + timedelta(-first.weekday() % 7)


def last_monday(year: int, number: int) -> date:
    first_of_next = date(year, number + 1, 1)
    return first_of_next - timedelta((first_of_next.weekday() - 1) % 7 + 1)


def by_the_rules(nation: str, year: int) -> set[date]:
    """The bank holidays of a year by the Act and the proclamations, substitute and one-off days included."""
    easter = easter_sunday(year)
    early_may = date(2020, 5, 8) if year == 2020 else first_monday(year, 5)
    spring = {2002: date(2002, 6, 4), 2012: date(2012, 6, 4), 2022: date(2022, 6, 2)}
    kept = {easter - timedelta(2), early_may, spring.get(year, last_monday(year, 5))}
    dated = [[(12, 25), (12, 26)]]
    if nation == "SCT":
        kept |= {first_monday(year, 8)}
        dated += [[(1, 1), (1, 2)]] + [[(11, 30)]] * (year >= 2007)
    else:
        kept |= {easter + timedelta(1), last_monday(year, 8)}
        dated += [[(1, 1)]] + [[(3, 17)], [(7, 12)]] * (nation == "NIR")
    one_off = {2002: ["06-03"], 2011: ["04-29"], 2012: ["06-05"], 2022: ["06-03", "09-19"], 2023: ["05-08"]}
    one_off[2026] = ["06-15"] if nation == "SCT" else []
    kept |= {date.fromisoformat(f"{year}-{day}") for day in one_off.get(year, [])}
    for group in dated:
        holidays = [date(year, *day) for day in group]
        kept |= {day for day in holidays if day.weekday() < 5}
        for day in holidays:  # one at the weekend is kept on the next weekday that is not already taken
            if day.weekday() >= 5:
                while day.weekday() >= 5 or day in kept:
                    day += timedelta(1)
                kept.add(day)
    return kept


@pytest.mark.parametrize("nation", NATIONS)
def test_bank_holidays_are_those_of_the_gov_uk_lists(nation: str) -> None:
    held = working_days(nation).holidays
    assert held[(held >= np.datetime64("2016-01-01")) & (held < np.datetime64("2027-01-01"))].tolist() == gov_uk(nation)


@pytest.mark.parametrize("nation", NATIONS)
def test_bank_holidays_follow_the_rules_in_every_year(nation: str) -> None:
    expected = sorted(day for year in range(2000, 2041) for day in by_the_rules(nation, year))
    assert working_days(nation).holidays.tolist() == expected


def test_in_2020_the_early_may_holiday_was_friday_8_may_not_monday_4_may() -> None:
    # GOV.UK, 7 June 2019: moved for the 75th anniversary of VE Day, in all four nations.
    both = day_array([date(2020, 5, 4), date(2020, 5, 8)])
    for nation in NATIONS:
        assert working_days(nation).is_working(both).tolist() == [True, False]
    # Thursday 7 May is day 0, Monday 11 day 1; Friday 1 May is day 0, Monday 4 day 1.
    assert working_days("ENG").deadline(date(2020, 5, 7), 1) == date(2020, 5, 11)
    assert working_days("ENG").deadline(date(2020, 5, 1), 1) == date(2020, 5, 4)


def test_in_2022_the_spring_holiday_moved_to_2_june_beside_the_jubilee_on_3_june() -> None:
    # GOV.UK, 12 November 2020: Thursday 2 June for Monday 30 May, and Friday 3 June added.
    dates = day_array([date(2022, 5, 30), date(2022, 6, 1), date(2022, 6, 2), date(2022, 6, 3), date(2022, 6, 6)])
    for nation in NATIONS:
        assert working_days(nation).is_working(dates).tolist() == [True, True, False, False, True]
    # Friday 27 May is day 0; 30, 31 May and 1 June are days 1 to 3; Monday 6 June is day 4.
    assert working_days("WLS").deadline(date(2022, 5, 27), 4) == date(2022, 6, 6)


def test_19_september_2022_was_a_bank_holiday() -> None:
    # Royal Proclamation of 10 September 2022: the State Funeral of Queen Elizabeth II.
    for nation in NATIONS:
        assert working_days(nation).deadline(date(2022, 9, 16), 1) == date(2022, 9, 20)


def test_8_may_2023_was_a_bank_holiday_beside_1_may() -> None:
    # GOV.UK, 6 November 2022: the coronation of King Charles III. From Friday 28 April: 2 May is day 1, 9 May day 5.
    for nation in NATIONS:
        calendar = working_days(nation)
        assert calendar.deadline(date(2023, 4, 28), 1) == date(2023, 5, 2)
        assert calendar.deadline(date(2023, 4, 28), 5) == date(2023, 5, 9)


def test_scotland_keeps_2_january_and_its_substitute_days() -> None:
    # GOV.UK, Scotland: 2 January 2020; 4 January 2021 (2 January a Saturday); 3 and 4 January 2022 (a weekend).
    after_new_year = {nation: working_days(nation).deadline(date(2019, 12, 31), 1) for nation in NATIONS}
    assert after_new_year == dict.fromkeys(NATIONS, date(2020, 1, 2)) | {"SCT": date(2020, 1, 3)}
    scotland, england = working_days("SCT"), working_days("ENG")
    assert (scotland.day0(date(2021, 1, 4)), england.day0(date(2021, 1, 4))) == (date(2021, 1, 5), date(2021, 1, 4))
    assert (scotland.day0(date(2022, 1, 1)), england.day0(date(2022, 1, 1))) == (date(2022, 1, 5), date(2022, 1, 4))


def test_scotlands_summer_holiday_is_the_first_monday_of_august_elsewhere_the_last() -> None:
    # GOV.UK: 3 August 2020 in Scotland, 31 August 2020 in England, Wales and Northern Ireland.
    both = day_array([date(2020, 8, 3), date(2020, 8, 31)])
    worked = {nation: working_days(nation).is_working(both).tolist() for nation in NATIONS}
    assert worked == {"ENG": [True, False], "WLS": [True, False], "SCT": [False, True], "NIR": [True, False]}


def test_only_scotland_works_on_easter_monday_and_not_on_st_andrews_day() -> None:
    # GOV.UK: Easter Monday 13 April 2020; St Andrew's Day Monday 30 November 2020, and 2 December 2019 for a Saturday.
    dates = day_array([date(2020, 4, 13), date(2020, 11, 30), date(2019, 12, 2)])
    worked = {nation: working_days(nation).is_working(dates).tolist() for nation in NATIONS}
    assert worked.pop("SCT") == [True, False, False]
    assert list(worked.values()) == [[False, True, True]] * 3


def test_st_andrews_day_was_first_kept_in_2007() -> None:
    # St Andrew's Day Bank Holiday (Scotland) Act 2007 (asp 2), section 1.
    both = day_array([date(2006, 11, 30), date(2007, 11, 30)])
    assert working_days("SCT").is_working(both).tolist() == [True, False]


def test_only_northern_ireland_keeps_17_march_and_12_july_and_their_substitutes() -> None:
    # GOV.UK, Northern Ireland: 17 March 2020; 18 March 2019 for a Sunday; 12 July 2019; 13 July 2020 for a Sunday.
    dates = day_array([date(2020, 3, 17), date(2019, 3, 18), date(2019, 7, 12), date(2020, 7, 13)])
    worked = {nation: working_days(nation).is_working(dates).tolist() for nation in NATIONS}
    assert worked.pop("NIR") == [False] * 4
    assert list(worked.values()) == [[True] * 4] * 3


def test_an_extra_day_is_not_worked_and_leaves_the_nations_own_calendar_alone() -> None:
    closed, england = working_days("ENG", extra=[date(2020, 6, 2), date(2020, 6, 6)]), working_days("ENG")
    assert closed.deadline(date(2020, 6, 1), 1) == date(2020, 6, 3)
    assert england.deadline(date(2020, 6, 1), 1) == date(2020, 6, 2)
    # Saturday 6 June changes nothing.
    assert sorted({*closed.holidays.tolist()} - {*england.holidays.tolist()}) == [date(2020, 6, 2)]


def test_an_unknown_nation_and_an_extra_day_out_of_range_are_refused() -> None:
    with pytest.raises(ParameterError, match="nation 'GB': must be one of ENG, WLS, SCT, NIR"):
        working_days("GB")
    with pytest.raises(ParameterError, match="extra: 1999-12-31 is outside 2000-01-01 to 2040-12-31"):
        working_days("ENG", extra=[date(1999, 12, 31)])


# ---------------------------------------------------------------------------------------------------- working days


@pytest.mark.requirement("WHP-37")
def test_the_worked_cases_of_the_definition() -> None:
    england = working_days("ENG")
    assert england.deadline(date(2020, 4, 4), 2) == date(2020, 4, 8)  # Saturday + 2 = Wednesday
    assert england.deadline(date(2020, 4, 3), 10) == date(2020, 4, 21)  # across Easter


@pytest.mark.parametrize(
    "case", list(pd.read_csv(ANSWERS / "calendar_clocks.csv").itertuples()), ids=lambda row: row.case
)
def test_clocks_counted_by_hand(case: tuple[str, ...]) -> None:
    start, end = date.fromisoformat(case.start), date.fromisoformat(case.end)
    england = working_days("ENG")
    assert england.count(start, end) == case.working_days
    assert england.deadline(start, case.working_days) == end


@pytest.mark.requirement("WHP-40")
def test_an_age_stands_still_over_a_weekend_while_what_is_done_then_is_late() -> None:
    england = working_days("ENG")
    # Thursday 1 October 2020 is day 0; Thursday 15 is day 10, Friday 16 day 11, Monday 19 day 12.
    ends = day_array([date(2020, 10, 15 + i) for i in range(5)])
    assert england.count(date(2020, 10, 1), ends).tolist() == [10, 11, 11, 11, 12]
    assert (ends <= england.deadline(date(2020, 10, 1), 11)).tolist() == [True, True, False, False, False]


def test_a_count_before_day_0_is_negative() -> None:
    england = working_days("ENG")
    # Day 0 of a clock started on Saturday 4 April 2020 is Monday 6.
    ends = day_array([date(2020, 4, 2), date(2020, 4, 3), date(2020, 4, 4), date(2020, 4, 5), date(2020, 4, 6)])
    assert england.count(date(2020, 4, 4), ends).tolist() == [-2, -1, -1, -1, 0]


NUMPY = {
    nation: np.busdaycalendar(holidays=[day for year in range(2015, 2032) for day in by_the_rules(nation, year)])
    for nation in NATIONS
}


@laws
@given(nations, day_lists, limits)
def test_deadlines_and_counts_are_those_of_numpy(nation: str, values: list[date], n: int) -> None:
    ours, theirs = working_days(nation), NUMPY[nation]
    starts, ends = day_array(values), day_array(values[::-1])
    assert (ours.is_working(starts) == np.is_busday(starts, busdaycal=theirs)).all()
    assert (ours.deadline(starts, n) == np.busday_offset(starts, n, roll="forward", busdaycal=theirs)).all()
    day0 = np.busday_offset(starts, 0, roll="forward", busdaycal=theirs)
    last = np.busday_offset(ends, 0, roll="backward", busdaycal=theirs)
    assert (ours.count(starts, ends) == np.busday_count(day0, last, busdaycal=theirs)).all()


@laws
@given(nations, days, days, limits, limits)
def test_a_later_start_or_a_longer_limit_never_gives_an_earlier_deadline(
    nation: str, one: date, other: date, n: int, more: int
) -> None:
    calendar = working_days(nation)
    assert calendar.deadline(min(one, other), n) <= calendar.deadline(max(one, other), n)
    assert calendar.deadline(one, n) < calendar.deadline(one, n + more + 1)


@laws
@given(nations, days, limits)
def test_the_deadline_is_working_day_n_and_day_0_its_own_day_0(nation: str, start: date, n: int) -> None:
    calendar = working_days(nation)
    assert calendar.count(start, calendar.deadline(start, n)) == n
    assert calendar.is_working(calendar.deadline(start, n))
    assert start <= calendar.day0(start) == calendar.day0(calendar.day0(start)) == calendar.deadline(start, 0)


@laws
@given(nations, days, days, limits)
def test_on_a_working_day_in_time_means_a_count_within_the_limit(nation: str, start: date, end: date, n: int) -> None:
    calendar = working_days(nation)
    done = calendar.day0(end)
    assert (done <= calendar.deadline(start, n)) == (calendar.count(start, done) <= n)


@laws
@given(nations, day_lists, limits)
def test_many_dates_at_once_equal_one_at_a_time(nation: str, values: list[date], n: int) -> None:
    calendar, dates, end = working_days(nation), day_array(values), values[0]
    assert calendar.deadline(dates, n).tolist() == [calendar.deadline(day, n) for day in values]
    assert calendar.day0(dates).tolist() == [calendar.day0(day) for day in values]
    assert calendar.count(dates, end).tolist() == [calendar.count(day, end) for day in values]
    assert calendar.is_working(dates).tolist() == [calendar.is_working(day) for day in values]


def test_each_row_may_have_its_own_limit() -> None:
    dates = day_array([date(2020, 4, 3), date(2020, 4, 3)])
    assert working_days("ENG").deadline(dates, [2, 10]).tolist() == [date(2020, 4, 7), date(2020, 4, 21)]


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_a_series_keeps_its_index_name_and_unit_and_its_missing_dates(unit: str) -> None:
    england, index = working_days("ENG"), [5, 3, 3]
    dates = pd.Series(pd.to_datetime(["2020-04-04 17:30", None, "2020-04-03 09:00"]), index=index, name="referral")
    dates = dates.astype(f"datetime64[{unit}]")
    expected = pd.Series(pd.to_datetime(["2020-04-08", None, "2020-04-07"]), index=index, name="referral")
    pd.testing.assert_series_equal(england.deadline(dates, 2), expected.astype(f"datetime64[{unit}]"))
    ages = pd.Series([2.0, np.nan, 3.0], index=index, name="referral")
    pd.testing.assert_series_equal(england.count(dates, date(2020, 4, 8)), ages)
    worked = pd.Series([False, False, True], index=index, name="referral")
    pd.testing.assert_series_equal(england.is_working(dates), worked)
    assert england.count(date(2020, 4, 1), dates).isna().tolist() == [False, True, False]


@pytest.mark.parametrize("dtype", ["object", "date32[pyarrow]", "timestamp[us][pyarrow]"])
def test_a_series_of_another_kind_of_date_is_read_too(dtype: str) -> None:
    dates = pd.Series([pd.Timestamp("2020-04-04"), pd.NaT]).astype(dtype)
    expected = pd.Series([pd.Timestamp("2020-04-06"), pd.NaT]).astype(dtype)
    pd.testing.assert_series_equal(working_days("ENG").day0(dates), expected)


def test_a_series_with_a_time_zone_is_refused_rather_than_moved_by_an_hour() -> None:
    dates = pd.Series(pd.to_datetime(["2020-06-01 00:30"]).tz_localize("Europe/London"))
    with pytest.raises(TypeError, match="tz_localize"):
        working_days("ENG").count(dates, date(2020, 6, 2))


def test_missing_dates_stay_missing_in_arrays_and_alone() -> None:
    england, dates = working_days("ENG"), np.array(["NaT", "2020-04-04"], dtype="datetime64[D]")
    assert np.isnat(england.deadline(dates, 2)).tolist() == [True, False]
    assert np.isnan(england.count(dates, dates)).tolist() == [True, False]
    assert england.is_working(dates).tolist() == [False, False]
    assert england.day0(pd.NaT) is pd.NaT
    assert np.isnan(england.count(pd.NaT, date(2020, 4, 4)))


def test_one_date_gives_one_of_its_own_kind() -> None:
    england = working_days("ENG")
    for start in (date(2020, 4, 4), pd.Timestamp("2020-04-04 09:00"), np.datetime64("2020-04-04")):
        assert type(england.day0(start)) is type(start)
        assert pd.Timestamp(england.day0(start)) == pd.Timestamp("2020-04-06")


def test_no_dates_give_no_dates() -> None:
    england, none = working_days("ENG"), np.array([], dtype="datetime64[D]")
    empty = pd.Series([], dtype="datetime64[us]")
    assert [len(england.deadline(none, 2)), len(england.count(none, none)), len(england.is_working(none))] == [0, 0, 0]
    assert england.deadline(empty, 2).dtype == empty.dtype
    assert len(england.count(empty, date(2020, 4, 4))) == 0


def test_two_series_that_do_not_share_an_index_are_refused() -> None:
    starts = pd.Series(pd.to_datetime(["2020-04-03", "2020-04-04"]))
    with pytest.raises(ValueError, match="same index"):
        working_days("ENG").count(starts, starts.iloc[::-1])


@pytest.mark.parametrize("day", ["1999-12-31", "2041-01-01"])
def test_a_date_whose_bank_holidays_are_not_known_is_refused(day: str) -> None:
    england = working_days("ENG")
    dates = np.array(["2020-04-04", day], dtype="datetime64[D]")
    for attempt in (lambda: england.deadline(dates, 2), lambda: england.is_working(dates)):
        with pytest.raises(ParameterError, match=f"dates: {day} is outside 2000-01-01 to 2040-12-31"):
            attempt()
    with pytest.raises(ParameterError, match=f"end: {day} is outside"):
        england.count(date(2020, 4, 4), dates)


def test_a_deadline_that_leaves_the_known_years_is_refused() -> None:
    with pytest.raises(ParameterError, match="a deadline is outside"):
        working_days("ENG").deadline(date(2040, 12, 24), 10)
    with pytest.raises(ParameterError, match="a deadline is outside"):
        working_days("ENG").deadline(date(2000, 1, 10), -10)


def test_the_shared_calendar_cannot_be_changed() -> None:
    england = working_days("ENG")
    assert isinstance(england, WorkingDays)
    assert england is working_days("ENG")
    with pytest.raises(ValueError, match="read-only"):
        england.holidays[0] = np.datetime64("2020-06-02")
