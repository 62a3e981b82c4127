"""Early warning: chances, needs and scenarios against hand working and against the contract's own promises."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from perflib.analysis.forecast import early_warning
from perflib.analysis.forecast.development import Development
from perflib.analysis.forecast.early_warning import (
    against_profile,
    chance_of_missing,
    levels,
    needed,
    promised_by,
    scenarios,
)
from perflib.analysis.forecast.models import outcomes
from perflib.analysis.forecast.pipeline import flows, standing
from perflib.analysis.forecast.result import forecast_of

BID = [0, 0.1, 0.2, 0.2]


@pytest.fixture
def four_futures(developed):
    """One cohort of 100 starts in its first month; 10 promised next month, 20 in the end; four futures of it."""
    known = developed([100], np.zeros((1, 4)), BID)
    return forecast_of(np.array([[[9, 9, 1]], [[9, 12, 0]], [[10, 10, 0]], [[30, 0, 0]]]), known, model="by hand")


def test_a_level_is_missed_in_the_futures_with_fewer_outcomes_than_promised(four_futures):
    """In the end 19, 21, 20 and 30 against 20: one of four. Next month 9, 9, 10 and 30 against 10: two of four."""
    assert promised_by(four_futures.development, 3) == 20
    assert chance_of_missing(four_futures) == 0.25
    assert promised_by(four_futures.development, 1) == 10
    assert chance_of_missing(four_futures, 1) == 0.5


def test_against_the_profile_months_are_cumulative(four_futures):
    table = against_profile(four_futures)
    assert table["promised"].tolist() == [10, 20, 20]
    assert table["expected"].tolist() == [14.5, 22.25, 22.5]  # (9 + 9 + 10 + 30) / 4 and so on
    assert table["below"].tolist() == [0.5, 0.25, 0.25]


def test_without_a_promise_there_is_no_chance_of_missing_it(developed):
    found = forecast_of(np.ones((4, 1, 3), dtype=int), developed([100], np.zeros((1, 4))), model="by hand")
    assert np.isnan(chance_of_missing(found))
    assert against_profile(found)["below"].isna().all()


MILLION = 1_000_000


@pytest.fixture
def two_steps():
    """A programme with one milestone, `first`, of which all is known.

    Of a million, half reach it in month 1 and half of these the outcome in month 2, which is the last. Now 40 of the
    second cohort have reached it and 60 not, in month 1; the third has 100 in its month of start.
    """
    cohorts = pd.period_range("2020-01", periods=3, freq="M", name="cohort")
    on, first, outcome = 0, 2, 3
    moves = np.zeros((3, 3, 3, 12, 4), dtype=np.int64)
    moves[0, 0, on, 0, on] = MILLION
    moves[0, 1, on, 0, [on, first]] = MILLION // 2
    moves[0, 2, on, 0, on] = MILLION // 2
    moves[0, 2, first, 0, [first, outcome]] = MILLION // 4
    standing = np.zeros((3, 3, 12), dtype=np.int64)
    standing[1, [on, first], 0] = 60, 40
    standing[2, on, 0] = 100
    increments = np.array([[0, 0, MILLION // 4], [0, 0, np.nan], [0, np.nan, np.nan]])
    return Development(
        contract="by-hand",
        measure="outcome",
        month=cohorts[-1],
        starts=pd.Series([MILLION, 100, 100], index=cohorts, dtype=float),
        increments=pd.DataFrame(increments, cohorts),
        profile=pd.DataFrame([[0, 0, 0.25], [0, 0, 0.35], [0, 0, 0.35]], cohorts),
        states=("on programme", "left", "job_start", "outcome"),
        moves=moves,
        standing=standing,
    )


def test_the_pipeline_goes_on_as_people_who_stood_there_went_before(two_steps):
    """Of the 40, 20 reach it; of the 100, 50 the milestone next month and 25 the outcome after; of the 60 none.

    The lean on all months is 10 people in a million.
    """
    found = flows(two_steps)
    assert found.to_come("outcome") == pytest.approx(45, rel=1e-3)
    assert found.outcomes_from("job_start") == pytest.approx(20, rel=1e-3)
    assert found.entries[:, 2].sum(axis=0) == pytest.approx([50, 0], abs=1e-2)
    table = standing(two_steps).set_index(["state", "age"])
    young = table.xs("0 to 5 months", level="age")
    assert young["people"].to_dict() == {"on programme": 160, "left": 0, "job_start": 40}
    assert young.loc[["on programme", "job_start"], "expected"].tolist() == pytest.approx([25, 20], rel=1e-3)


@pytest.mark.requirement("KS-27")
def test_what_is_needed_of_a_step_is_what_those_beyond_it_will_not_bring(two_steps, make):
    """Promised 250,000 + 35 + 35, recorded 250,000: 70 are needed. 45 are expected, 20 of them of those who are at it.

    So 50 must come of people who reach it anew, where 25 are expected: twice as many. Expected are 50 in two months.
    Of outcomes 70 in two months are needed, where 45 are expected.
    """
    snapshot = make("A start=2020-03-02 job_start=2020-03-05", month="2020-03")
    paths = np.zeros((2, 3, 2), dtype=int)
    paths[:, 1, 0], paths[:, 2, 1] = 20, 25
    table = needed(snapshot, forecast_of(paths, two_steps, model="by hand")).set_index("measure")
    assert table.loc["job_start", ["expected", "needed"]].tolist() == pytest.approx([25, 50], rel=1e-3)
    assert table.loc["outcome", ["expected", "needed"]].tolist() == pytest.approx([22.5, 35], rel=1e-3)
    assert table.loc["job_start", "recent"] == pytest.approx(1 / 3)


def test_recent_are_the_last_three_months_by_the_month_of_recording(two_steps, make):
    """First recorded: four in December, one in January, two in February, three in March, five in April: 6 in three."""
    recorded = ["2019-12-31"] * 4 + ["2020-01-01"] + ["2020-02-15"] * 2 + ["2020-03-31"] * 3 + ["2020-04-01"] * 5
    lines = [f"A{n} start=2019-11-04 job_start=2019-12-02/{day}" for n, day in enumerate(recorded)]
    snapshot = make(lines, month="2020-03", known_at="2020-04-30")
    found = needed(snapshot, forecast_of(np.zeros((1, 3, 2), dtype=int), two_steps, model="by hand"))
    assert found.set_index("measure").loc["job_start", "recent"] == 6 / 3


# The contract `town`: see tests/conftest.py

FINAL = {"disability": 0.12, "early_access": 0.5, "ltu": 0.2}


@pytest.fixture(scope="module")
def table(town_snapshot):
    return levels(town_snapshot, "hazard", 400)


@pytest.mark.requirement("WHP-04")
@pytest.mark.requirement("WHP-16")
def test_every_level_group_and_area_has_a_chance_of_being_missed(town_snapshot, table):
    """Nobody of the early access group starts, so there is nothing in which tMPL 3 could be missed."""
    assert table["level"].tolist() == ["tmpl1", "tmpl2", "tmpl4", "tmpl5"]
    people = town_snapshot.journeys.dropna(subset="start")
    cut_by = {"contract": people["start"].notna(), "group": people["customer_group"], "area": people["devolution_area"]}
    for row in table.to_dict("records"):
        mine = people[cut_by[row["kind"]] == (row["value"] or True)]
        assert row["starts"] == len(mine)
        assert row["promised"] == pytest.approx(mine["customer_group"].map(FINAL).astype(float).sum())
        assert 0 <= row["miss"] <= 1


def test_the_chance_is_the_share_of_futures_below_the_promise(town_snapshot, table):
    found = outcomes(town_snapshot, model="hazard", draws=400)
    total = found.development.recorded.sum() + found.paths.sum(axis=(1, 2))
    assert table["miss"].iloc[0] == (total < table["promised"].iloc[0]).mean()


@pytest.mark.requirement("WHP-09")
def test_a_level_may_be_missed_from_the_contracts_own_threshold_on(town_snapshot, table):
    status = dict(zip(table["level"], table["status"], strict=True))
    threshold = town_snapshot.contract.early_warning.probability
    assert threshold == 0.5
    for row in table.to_dict("records"):
        assert (row["miss"] >= threshold) == (status[row["level"]] == "may be missed")
    half = table["miss"].max() / 2
    warned = town_snapshot.contract.early_warning.model_copy(update={"probability": half})
    contract = town_snapshot.contract.model_copy(update={"early_warning": warned})
    other = levels(replace(town_snapshot, contract=contract), "hazard", 400)
    assert other.loc[other["miss"].idxmax(), "status"] == "may be missed"


def statuses(snapshot, **early_warning):
    """The status of each level where the contract warns in another way."""
    warned = snapshot.contract.early_warning.model_copy(update=early_warning)
    contract = snapshot.contract.model_copy(update={"early_warning": warned})
    return levels(replace(snapshot, contract=contract), "hazard", 400)["status"]


def test_a_threshold_is_reached_by_a_chance_that_equals_it(town_snapshot, table):
    """And is not by one that is less by as little as can be."""
    place = table["miss"].between(0, 1, inclusive="neither").idxmax()
    chance = table.loc[place, "miss"]
    assert 0 < chance < 1
    assert statuses(town_snapshot, probability=chance, least=0)[place] == "may be missed"
    assert statuses(town_snapshot, probability=np.nextafter(chance, 1), least=0)[place] != "may be missed"


@pytest.mark.parametrize(("soon", "status"), [(0.5, "behind profile"), (np.nextafter(0.5, 0), "on course")])
@pytest.mark.parametrize("months", [3, 6])
def test_below_the_profile_in_three_or_six_months_alone_is_behind_it(town_snapshot, monkeypatch, months, soon, status):
    """The threshold is .5, which the chance in so many months reaches, or misses by as little as can be."""
    chances = {None: 0.2, 3: 0.1, 6: 0.1} | {months: soon}
    monkeypatch.setattr(early_warning, "chance_of_missing", lambda found, months=None: chances[months])  # noqa: ARG005
    assert set(statuses(town_snapshot, probability=0.5, least=0)) == {status}


def test_enough_is_promised_where_it_equals_the_least(town_snapshot, table):
    promised = table["promised"].iloc[0]
    assert statuses(town_snapshot, least=promised).iloc[0] != "too few"
    assert statuses(town_snapshot, least=np.nextafter(promised, np.inf)).iloc[0] == "too few"


@pytest.mark.requirement("SES-14")
def test_scenarios_stand_beside_the_base_and_change_what_they_name(town_snapshot):
    """Starts at the pace of the last six months, rounded; more starts are promised more, more job entry is not."""
    found = scenarios(town_snapshot, "hazard", 400)
    base, rows = found.iloc[0], found.set_index(["scenario", "change"])
    start = town_snapshot.journeys["start"].dt.to_period("M")
    pace = round((start > town_snapshot.month - 6).sum() / 6)
    assert (base["scenario"], base["change"], base["difference"], base["starts"]) == ("base", 0, 0, 12 * pace)
    up, down = rows.loc[("referrals", 0.2)], rows.loc[("referrals", -0.2)]
    assert (up["starts"], down["starts"]) == pytest.approx((14.4 * pace, 9.6 * pace))
    assert up["promised"] - base["promised"] == pytest.approx(base["promised"] - down["promised"])
    assert up["difference"] == pytest.approx(-down["difference"])
    more, less = rows.loc[("job_entry", 0.2)], rows.loc[("job_entry", -0.2)]
    assert more["promised"] == less["promised"] == base["promised"]
    assert more["expected"] > base["expected"] > less["expected"]
    assert more["miss"] <= base["miss"] <= less["miss"]


def test_no_more_than_all_who_are_referred_can_start(town_snapshot):
    """Of ten referrals of `town` eight start and one does not attend: 8 of 9 are resolved so; 1/8 more can."""
    found = scenarios(town_snapshot, "profile", 50)
    table = town_snapshot.journeys
    year = table[table["referral"].dt.to_period("M") > town_snapshot.month - 12]
    resolved = year["start"].notna() | year["did_not_attend"].notna()
    conversion = year["start"].notna().sum() / resolved.sum()
    most = found.loc[found["scenario"] == "conversion", "change"].max()
    assert most == pytest.approx(min(0.2, 1 / conversion - 1))
    assert most < 0.2
