"""Where a contract stands, and its signals: costs worked by hand, and an extract of which it is known what happened."""

import pandas as pd
import pytest

from perflib.analysis import standing, trend_charts


def referrals(counts: dict[str, int]) -> list[str]:
    """Write so many referrals of each month, a line each."""
    return [f"{month}-{n} referral={month}-{1 + n % 28:02d}" for month, number in counts.items() for n in range(number)]


@pytest.fixture(scope="module")
def fallen(make):
    """Return a year of some 20 referrals a month, then half a year of 8."""
    months = [f"{month}" for month in pd.period_range("2018-01", "2019-06", freq="M")]
    counts = {month: (19 + 2 * (n % 2) if n < 12 else 8) for n, month in enumerate(months)}
    return make(referrals(counts), "2019-06", "2019-12-31")


def test_a_fall_costs_what_its_months_lack_of_the_level_before(fallen):
    """Six months of 8 where 20 came before: 72."""
    (trend,) = standing.falling(fallen)
    assert trend.measure == "referral"
    assert str(trend.shift.since) == "2019-01"
    assert standing.lost_since(trend) == pytest.approx(6 * (20 - 8), abs=1)


def test_a_trend_without_a_shift_costs_nothing(make):
    steady = {f"2018-{month:02d}": 19 + 2 * (month % 2) for month in range(1, 13)}
    snapshot = make(referrals(steady), "2018-12", "2019-12-31")
    (trend,) = (one for one in trend_charts.all_trends(snapshot) if one.measure == "referral")
    assert standing.lost_since(trend) == 0
    assert standing.falling(snapshot) == []


def test_while_nobody_has_started_there_is_no_standing_and_the_fall_is_still_a_signal(fallen):
    assert standing.standing(fallen) is None
    found = standing.signals(fallen)
    assert ("trend", "referral", "fallen") in set(found[["kind", "name", "way"]].itertuples(index=False, name=None))


def test_fewer_referrals_are_no_reason_for_what_those_who_started_lack(fallen):
    assert standing._reason(fallen) is None


def test_the_fall_in_wales_is_the_reason_from_april_2020_and_none_before(wales):
    """Job starts halve from April 2020, by the description of the extract."""
    found = standing.standing(wales("2020-09"))
    assert found.reason is not None
    assert str(found.reason.shift.since) == "2020-04"
    assert standing.standing(wales("2020-02")).reason is None


def test_signals_that_came_and_went_are_told_apart(wales):
    before, after = wales("2020-02"), wales("2020-09")
    there = standing.since(before, after)
    back = standing.since(after, before)
    assert ("trend", "job_start", "fallen", "new") in set(there.itertuples(index=False, name=None))
    swap = {"new": "gone", "gone": "new"}
    assert {(*row[:3], swap[row[3]]) for row in there.itertuples(index=False, name=None)} == set(
        back.itertuples(index=False, name=None)
    )
