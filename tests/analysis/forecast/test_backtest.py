"""Earlier forecasts made again and scored, against forecasts made on the day, a second reading and hand working."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from perflib.analysis.forecast import outcomes
from perflib.analysis.forecast.backtest import backtest, best, by_maturity, crps, summary
from perflib.errors import ParameterError
from perflib.records.snapshot import Extract, Snapshot, take_snapshot

END = "2020-06"
MODELS = ("hazard", "profile")


@pytest.fixture(scope="module")
def latest(part: Extract) -> Snapshot:
    return take_snapshot(part, END)


@pytest.fixture(scope="module")
def scores(part: Extract, latest: Snapshot) -> pd.DataFrame:
    return backtest(latest, 5, models=MODELS, draws=60, extract=part)


def test_the_score_is_that_of_an_independent_library():
    import scoringrules

    rng = np.random.default_rng(5)
    paths, came = rng.poisson(5, (40, 6)), rng.poisson(5, 6)
    theirs = scoringrules.crps_ensemble(came.astype(float), paths.T.astype(float), estimator="nrg")
    np.testing.assert_allclose(crps(paths, came), theirs)


def test_a_forecast_without_doubt_scores_its_absolute_error():
    assert crps(np.full((9, 1), 4.0), [7.0]).tolist() == [3.0]


def test_forecasts_are_those_that_were_made_on_the_day(part, scores):
    """The whole extract, of which later rows are left out, and the extract as it was sent on that day."""
    events = part.tables["events"]
    recorded = events["recorded_date"].astype("datetime64[s]")
    for origin in ("2019-11", "2020-03"):
        end = pd.Period(origin, "M").end_time
        then = part.with_tables({**part.tables, "events": events[~(recorded > end)]})
        found = outcomes(take_snapshot(then, origin), model="hazard", draws=60)
        row = scores[(scores["model"] == "hazard") & (scores["origin"] == origin) & (scores["horizon"] == "3 months")]
        open_then = (found.development.starts > 0) & (found.development.age < found.development.last)
        assert row["forecast"].item() == found.paths[:, open_then, :3].sum(axis=(1, 2)).mean()


def test_what_came_is_what_a_second_reading_counts(reading, scores):
    """Outcomes first recorded after the origin and within three or six months of it, of who had started by then."""
    journeys = reading(END, None).journeys
    recorded, start = (journeys[name].dt.to_period("M") for name in ("outcome_recorded", "start"))
    seen = scores[scores["model"] == "profile"]
    assert set(seen["horizon"]) >= {"3 months", "6 months"}
    for row in seen[seen["horizon"] != "final"].to_dict("records"):
        months = int(row["horizon"].split()[0])
        came = (recorded > row["origin"]) & (recorded <= row["origin"] + months) & (start <= row["origin"])
        assert row["observed"] == came.sum()
        assert row["error"] == row["forecast"] - came.sum()


def test_origins_are_the_latest_that_have_three_months_after_them(scores):
    assert sorted({str(origin) for origin in scores["origin"]}) == [
        "2019-11",
        "2019-12",
        "2020-01",
        "2020-02",
        "2020-03",
    ]
    six = scores.loc[scores["horizon"] == "6 months", "origin"].astype(str)
    assert set(six) == {"2019-11", "2019-12"}


def test_final_outcomes_are_scored_of_cohorts_that_are_final_now_and_were_not_then(reading, scores):
    """639 and 130 days from the end of April 2018 are over on 7 June 2020, from the end of May on 8 July.

    All cohorts since January 2018 were open in November 2019.
    """
    journeys = reading(END, None).journeys
    cohort = journeys["start"].dt.to_period("M")
    final = journeys[(cohort >= "2018-01") & (cohort <= "2018-04")]
    rows = scores[(scores["horizon"] == "final") & (scores["origin"] == "2019-11")]
    assert rows["observed"].tolist() == [final["outcome_recorded"].notna().sum()] * 2
    assert rows["cohorts"].tolist() == [cohort[final.index].nunique()] * 2


def test_a_source_that_is_overwritten_cannot_be_scored(part, latest):
    contract = latest.contract.model_copy(update={"history": "overwritten"})
    assert backtest(replace(latest, contract=contract), 5, models=MODELS, extract=part).empty


def test_a_young_contract_cannot_be_scored(part):
    young = take_snapshot(part, str(take_snapshot(part, END).first_month + 4))
    found = backtest(young, 5, models=MODELS, extract=part)
    assert found.empty
    assert best(found) is None


def test_an_unknown_model_is_refused(part, latest):
    with pytest.raises(ParameterError, match="model='oracle': give milestones"):
        backtest(latest, 1, models=("oracle",), extract=part)


def test_cohorts_add_up_to_the_contract(part, latest, scores):
    ages = by_maturity(latest, 5, models=MODELS, draws=60, extract=part)
    whole = summary(scores).set_index(["model", "horizon"])["observed"]
    pd.testing.assert_series_equal(
        ages.groupby(["model", "horizon"], sort=False)["observed"].sum(), whole, check_dtype=False
    )


def scored(model, crps_by_origin, observed=10.0, error=2.0):
    origins = pd.period_range("2020-01", periods=len(crps_by_origin), freq="M")
    common = {"cohorts": 1, "forecast": observed + error, "observed": observed, "error": error}
    common |= {"covered_80": False, "covered_95": True, "horizon": "3 months", "model": model}
    return pd.DataFrame({"origin": origins, "crps": crps_by_origin}).assign(**common)


def test_errors_bias_and_coverage_are_over_all_that_came():
    """Two origins: errors +2 and -1 of 10 each: 3 of 20, and 1 of 20."""
    rows = scored("a", [1.0, 3.0])
    rows.loc[1, ["error", "covered_80"]] = [-1.0, True]
    row = summary(rows).iloc[0]
    assert (row["wmape"], row["bias"], row["crps"]) == (0.15, 0.05, 0.2)
    assert (row["covered_80"], row["covered_95"], row["cells"], row["observed"]) == (0.5, 1.0, 2, 20)


def test_the_best_model_has_the_lowest_score_and_says_how_often_it_was_ahead():
    """Sums 11 and 12; `a` was ahead in all but the fourth of six months."""
    found = best(pd.concat([scored("b", [2, 2, 2, 2, 2, 2]), scored("a", [1, 1, 1, 6, 1, 1])]))
    assert (found.model, found.second, found.ahead, found.origins, found.enough) == ("a", "b", 5, 6, True)
    assert not best(scored("a", [1.0] * 5)).enough
    assert not best(scored("a", [1.0] * 6, observed=4.0)).enough  # 24 outcomes in six months
