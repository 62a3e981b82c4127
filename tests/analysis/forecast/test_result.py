"""The shape of forecasts, their intervals, groups that add up, and starts still to come."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from threadpoolctl import threadpool_info, threadpool_limits

from perflib.analysis import forecast
from perflib.analysis.forecast.development import development
from perflib.analysis.forecast.models import MODELS, project
from perflib.analysis.forecast.result import COLUMNS, forecast_of, seed_of, split, summary
from perflib.analysis.forecast.volumes import Volumes, coming_starts, thinned
from perflib.errors import ParameterError
from perflib.rules.contract import load_programme

COMMON = {"from": "2018-01", "source": "none", "invented": True}
GROUPS = ("disability", "early_access", "ltu")
DRAWS = 60


@pytest.fixture(scope="module")
def lines():
    """120 journeys in six months, in three groups; outcomes of the earlier ones."""
    said = []
    for i in range(120):
        month, group = 1 + i % 6, GROUPS[i % 3]
        line = f"P{i:03} start=2018-{month:02}-{5 + i % 20:02} customer_group={group}"
        if i % 4 == 0:
            line += f" first_earnings=2018-{month + 2:02}-11/2018-{month + 3:02}-02"
        if i % 8 == 0:
            line += f" job_outcome=2018-{month + 4:02}-20/2018-{month + 5:02}-09"
        said.append(line)
    return said


@pytest.fixture(scope="module")
def snapshot(make, lines):
    curve = {"values": [0, 0, 0, 0.02, 0.05, 0.09, 0.13, 0.16, 0.18, 0.2]}
    volume = COMMON | {"measure": "start", "values": [20, 20, 20, 20, 20, 20, 0, 0, 30, 30, 30]}
    return make(lines, "2018-08", profiles=[COMMON | curve], volumes=[volume])


def test_every_model_returns_the_same_shape(snapshot):
    for model in MODELS:
        found = forecast.outcomes(snapshot, model=model, draws=DRAWS)
        part = found.development

        assert found.model == model
        assert list(found.cohorts) == list(found.months) == list(found.total) == COLUMNS
        assert found.cohorts.index.equals(part.starts.index)
        assert found.months.index[0] == pd.Period("2018-09", "M")
        assert found.paths.shape == (DRAWS, len(found.cohorts), len(found.months))
        assert found.paths.min() >= 0
        assert found.basis
        recorded = part.recorded.to_numpy()
        assert (recorded + found.paths.sum(axis=2) <= part.starts.to_numpy()).all()


def test_while_a_model_works_linear_algebra_has_one_thread_and_then_as_many_as_before(snapshot, monkeypatch):
    def threads():
        return [library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"]

    seen = []

    def model(part, draws, _):
        seen.extend(threads())
        return np.zeros((draws, len(part.starts), len(part.months)), dtype=int), ("nothing",)

    monkeypatch.setitem(MODELS, "idle", model)
    with threadpool_limits(2, "blas"):
        project(development(snapshot, "outcome"), "idle", DRAWS)
        assert set(threads()) == {2}
    assert set(seen) == {1}


def test_a_cohorts_forecast_is_of_its_final_outcomes_and_a_months_of_what_comes(snapshot):
    found = forecast.outcomes(snapshot, draws=DRAWS)
    recorded = found.development.recorded.sum()

    assert recorded > 0
    assert (found.cohorts["lower_95"] >= found.development.recorded).all()
    assert_allclose(found.cohorts["expected"].sum(), found.total["expected"])
    assert_allclose(found.months["expected"].sum() + recorded, found.total["expected"])


def test_intervals_are_numbers_that_can_happen_with_at_least_their_share_between_them():
    """Forty draws 1 to 40: 2.5 % of the draws are at or below 1, 97.5 % at or below 39; 10 and 90 %: 4 and 36."""
    row = summary(np.arange(40, 0, -1)[:, None], pd.Index(["total"])).iloc[0]

    assert row.to_dict() == {"expected": 20.5, "lower_80": 4, "upper_80": 36, "lower_95": 1, "upper_95": 39}


@given(st.lists(st.integers(0, 30), min_size=2, max_size=50))
@settings(max_examples=50, deadline=None)
def test_the_wider_interval_holds_the_narrower_and_the_share_it_promises(draws):
    column = np.array(draws)[:, None]
    row = summary(column, pd.Index(["total"])).iloc[0]

    assert row["lower_95"] <= row["lower_80"] <= row["upper_80"] <= row["upper_95"]
    assert ((column >= row["lower_80"]) & (column <= row["upper_80"])).mean() >= 0.8 - 1e-9
    assert {row["lower_95"], row["upper_95"]} <= set(draws)


@pytest.mark.parametrize("model", ["milestones", "profile"])
def test_groups_add_up_to_the_whole_in_every_path(snapshot, model):
    whole = forecast.outcomes(snapshot, model=model, draws=DRAWS)
    groups = forecast.outcomes(snapshot, model=model, by="customer_group", draws=DRAWS)

    assert list(groups) == sorted(GROUPS)
    assert_array_equal(sum(part.paths for part in groups.values()), whole.paths)
    assert sum(part.total["expected"].iloc[0] for part in groups.values()) == pytest.approx(
        whole.total["expected"].iloc[0]
    )


def test_a_group_is_forecast_as_its_own_records_tell(make, lines):
    """Nobody of one group ever has an outcome recorded, and all of another's have: shares follow."""
    changed = []
    for line in lines:
        group = line.split("customer_group=")[1].split()[0]
        start = " ".join(line.split()[:3])
        month = int(start.split("2018-")[1][:2])
        late = f" first_earnings=2018-{month + 2:02}-11 job_outcome=2018-{month + 4:02}-20"
        changed.append(start + (late if group == "ltu" else ""))
    groups = forecast.outcomes(make(changed, "2018-08"), by="customer_group", draws=DRAWS)

    to_come = {name: part.paths.sum() / DRAWS / part.development.standing.sum() for name, part in groups.items()}
    assert to_come["ltu"] > 2 * to_come["disability"]


def test_splitting_keeps_the_doubt_of_chance(snapshot):
    """Of two equal groups each has half of every path's outcomes, give or take the binomial's standard deviation."""
    whole = forecast.outcomes(snapshot, draws=2000)
    paths = np.full_like(whole.paths, 0)
    paths[:, 0, 0] = 40
    fixed = forecast_of(paths, whole.development, model="none", seed=1)
    halves = split(fixed, {"a": fixed, "b": fixed})

    assert halves["a"].paths[:, 0, 0].mean() == pytest.approx(20, abs=0.3)
    assert halves["a"].paths[:, 0, 0].std() == pytest.approx(10**0.5, rel=0.1)


def test_starts_still_to_come_are_those_that_the_contract_promises(snapshot):
    """30 a month in September to November; July and August promised none: 20 a month to June all started."""
    without, found = (forecast.outcomes(snapshot, draws=DRAWS, starts=starts) for starts in (False, True))

    assert list(found.cohorts.index[-3:].astype(str)) == ["2018-09", "2018-10", "2018-11"]
    assert len(found.cohorts) == len(without.cohorts) + 3
    assert found.total["expected"].iloc[0] > without.total["expected"].iloc[0] + 3
    assert any("still to start" in words for words in found.basis)
    groups = forecast.outcomes(snapshot, draws=DRAWS, starts=True, by="customer_group")
    assert_array_equal(sum(part.paths for part in groups.values()), found.paths)


def test_simulated_starts_have_the_promised_mean_at_the_pace_of_late(snapshot):
    """Of 80 promised from March to August, 80 started: the level is 1, and 30 are expected of each month."""
    volumes = coming_starts(snapshot, pd.Period("2018-08", "M"), 4000, 1)

    assert_allclose(volumes.starts.mean(axis=0), [30, 30, 30], rtol=0.05)
    assert (volumes.starts.var(axis=0) > 30).all()


def test_nothing_is_added_where_no_starts_are_promised(make, lines):
    without, found = (forecast.outcomes(make(lines, "2018-08"), draws=DRAWS, starts=starts) for starts in (False, True))

    assert_array_equal(without.paths, found.paths)


def test_thinned_paths_have_the_mean_of_each_draws_own_starts():
    """50 outcomes of at most 100 starts; 40 starts keep two in five."""
    starts = np.full((500, 1), 40, dtype=np.int32)
    volumes = Volumes(starts, pd.Series([100], index=pd.period_range("2018-09", periods=1, freq="M")), "")
    paths = np.full((500, 2, 1), 50)

    kept = thinned(paths, volumes)

    assert (kept[:, 0] == 50).all()
    assert kept[:, 1].mean() == pytest.approx(20, abs=0.5)


def test_the_same_call_gives_the_same_numbers_and_another_month_others(make, lines, snapshot):
    again = make(lines[::-1], "2018-08", **{key: getattr(snapshot.contract, key) for key in ("profiles", "volumes")})

    assert_array_equal(forecast.outcomes(snapshot, draws=DRAWS).paths, forecast.outcomes(again, draws=DRAWS).paths)
    assert seed_of("a", pd.Period("2018-08", "M")) != seed_of("a", pd.Period("2018-09", "M"))
    assert seed_of("a", pd.Period("2018-08", "M")) != seed_of("b", pd.Period("2018-08", "M"))


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"model": "chain"}, "model='chain': give milestones, "),
        ({"draws": 1}, "draws=1: give 2 or more"),
        ({"measure": "outcomes"}, "measure 'outcomes'"),
        ({"by": "colour"}, "by='colour'"),
    ],
)
def test_what_there_is_not_is_refused_in_one_line(snapshot, keys, said):
    with pytest.raises(ParameterError, match=said) as error:
        forecast.outcomes(snapshot, **({"draws": DRAWS} | keys))
    assert "\n" not in str(error.value)


def test_a_small_contract_of_every_kind_has_a_forecast_by_every_model(edge_snapshot):
    for model in MODELS:
        found = forecast.outcomes(edge_snapshot, model=model, draws=DRAWS)

        assert np.isfinite(found.cohorts.to_numpy()).all()
        assert np.isfinite(found.months.to_numpy()).all()
        if found.development.starts.sum() > 5:
            assert found.total["upper_95"].iloc[0] > 0


@pytest.mark.parametrize(
    ("programme", "line", "states"),
    [
        ("ses", "start=2018-11-05 job_start=2019-01-10", ("job_start", "outcome")),
        ("jobs2", "start=2018-11-05 course_start=2018-11-20 exit=2018-12-10", ("course_start", "outcome")),
    ],
)
def test_other_programmes_are_forecast_by_their_own_milestones(make, programme, line, states):
    found = forecast.outcomes(make([f"A {line}"], "2019-03", programme=load_programme(programme)), draws=DRAWS)

    assert found.development.states == ("on programme", "left", *states)
    assert found.total["upper_95"].iloc[0] <= 1
