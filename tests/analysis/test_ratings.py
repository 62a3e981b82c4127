"""Ratings: every case of the tender's rule, worked by hand, and laws that hold for any rule.

The rule is in the KS tender answer (S0), lines 126 to 132: "targets are being hit"; "targets missed for one quarter";
"targets missed in consecutive quarters". What it leaves open is a key of `Rating`; each is tried here by hand.
"""

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perflib import load_snapshot
from perflib.analysis import ratings
from perflib.analysis.ratings import held, rate, rate_scores, recoveries, transitions
from perflib.errors import ParameterError
from perflib.records.snapshot import Snapshot
from perflib.rules.contract import Contract, load_management
from perflib.rules.management import Rating

FIRST = pd.Period("2019-06", "M")
LETTERS = {"h": "hit", "m": "missed", "n": "no_data", "t": "no_target"}
Make = Callable[..., Snapshot]


def rule(**keys: Any) -> Rating:
    return Rating(source="made for a test", **keys)


def scores(**units: str) -> pd.DataFrame:
    """Return scores: a word a quarter from April to June 2019 on, a letter a KPI (h, m, n: no data, t: no target).

    A digit before a word is how many months the unit was there; `-` is a quarter without rows.
    """
    rows = []
    for unit, words in units.items():
        for place, word in enumerate(words.split()):
            months = int(word[0]) if word[0].isdigit() else 3
            for number, letter in enumerate(word.lstrip("0123").replace("-", "")):
                rows.append(
                    {
                        "unit": unit,
                        "role": "end_to_end",
                        "period": FIRST + 3 * place,
                        "months": months,
                        "whole": months == 3,
                        "kpi": f"kpi_{number}",
                        "denominator": 100.0,
                        "target": float("nan") if letter == "t" else 0.9,
                        "result": LETTERS[letter],
                        "rated": True,
                    }
                )
    return pd.DataFrame(rows)


def found(frame: pd.DataFrame, given: Rating | None = None, column: str = "rating") -> list[Any]:
    return rate_scores(frame, given or rule())[column].tolist()


# --------------------------------------------------------------------------------------------------- the rule by hand


@pytest.mark.requirement("KS-44")
def test_hitting_every_target_is_green() -> None:
    assert found(scores(SC1="hh hhh h")) == ["green", "green", "green"]


def test_a_kind_of_unit_that_nobody_holds_changes_nothing_of_the_others() -> None:
    rated = rate_scores(scores(SC1="m m h"), rule())
    nobody = rate_scores(scores(SC1="m")[:0], rule())
    for frame in (pd.concat([nobody, rated]), pd.concat([rated, nobody])):
        assert (~frame["consistent"]).tolist() == [True] * 3
        assert held(frame)["rating"].tolist() == ["green"]


@pytest.mark.requirement("KS-45")
def test_missing_for_one_quarter_is_amber() -> None:
    assert found(scores(SC1="hh hm hh")) == ["green", "amber", "green"]


@pytest.mark.requirement("KS-46")
def test_missing_in_consecutive_quarters_is_red() -> None:
    assert found(scores(SC1="h m m m h m")) == ["green", "amber", "red", "red", "green", "amber"]


@pytest.mark.requirement("KS-46")
def test_miss_met_miss_is_amber() -> None:
    assert found(scores(SC1="m h m")) == ["amber", "green", "amber"]
    assert found(scores(SC1="m h m"), column="run") == [1, 0, 1]


def test_red_after_three_needs_three() -> None:
    assert found(scores(SC1="m m m"), rule(red_after=3)) == ["amber", "amber", "red"]


@pytest.mark.requirement("KS-44")
@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ({"hit": "all"}, ["green", "amber", "red", "red"]),
        ({"hit": "any"}, ["green", "green", "green", "amber"]),
        ({"hit": "share", "share": 0.5}, ["green", "green", "amber", "red"]),
        ({"hit": "share", "share": 0.66}, ["green", "green", "amber", "red"]),
        ({"hit": "share", "share": 0.67}, ["green", "amber", "red", "red"]),
    ],
)
def test_which_targets_must_be_hit_is_a_parameter(keys: dict[str, Any], expected: list[str]) -> None:
    # of three KPIs 3, 2, 1 and 0 are hit: 2 of 3 is more than 66 % and less than 67 %
    assert found(scores(SC1="hhh hhm hmm mmm"), rule(**keys)) == expected


def test_a_share_that_is_just_reached_is_enough() -> None:
    # 11 of 20 is 55 %, though .55 x 20 is a little more than 11 in binary
    assert found(scores(SC1="h" * 11 + "m" * 9), rule(hit="share", share=0.55)) == ["green"]


@pytest.mark.requirement("KS-46")
@pytest.mark.parametrize(
    ("words", "any_kpi", "same_kpi"),
    [
        ("mh hm", ["amber", "red"], ["amber", "amber"]),
        ("mh mh", ["amber", "red"], ["amber", "red"]),
        ("mh mm hm", ["amber", "red", "red"], ["amber", "red", "red"]),  # the first KPI twice, then the second twice
        ("mh nm mh", ["amber", "red", "red"], ["amber", "amber", "amber"]),  # not judged is not missed
        ("mh nn mh", ["amber", "", "red"], ["amber", "", "red"]),  # but a quarter without figures is passed over
        ("mh hh mh", ["amber", "green", "amber"], ["amber", "green", "amber"]),
    ],
)
def test_same_kpi_or_any_kpi_is_a_parameter(words: str, any_kpi: list[str], same_kpi: list[str]) -> None:
    assert found(scores(SC1=words)) == any_kpi
    assert found(scores(SC1=words), rule(same_kpi=True)) == same_kpi


def test_with_the_same_kpi_a_kpi_missed_in_a_quarter_that_was_hit_does_not_count() -> None:
    # one of two is enough for a hit: the first quarter is hit although kpi_0 was missed
    given = rule(hit="any", same_kpi=True)
    assert found(scores(SC1="mh mm mm"), given) == ["green", "amber", "red"]


# ------------------------------------------------------------------------------------------------------ what is unrated


@pytest.mark.requirement("KS-45")
def test_a_running_quarter_is_shown_so_far_and_not_rated() -> None:
    frame = rate_scores(scores(SC1="m m 1m"), rule(), ended=FIRST + 4)
    assert frame["rating"].tolist() == ["amber", "red", ""]
    assert frame["why_not"].tolist() == ["", "", "so far"]
    assert frame["so_far"].tolist() == [False, False, True]
    assert (frame["judged"].iloc[2], frame["missed"].iloc[2], frame["missed_kpis"].iloc[2]) == (1, 1, ("kpi_0",))


@pytest.mark.requirement("KS-45")
def test_a_part_quarter_is_not_rated_and_neither_misses_nor_resets() -> None:
    frame = rate_scores(scores(SC1="m 2m m", SC2="h h h"), rule())
    assert frame["rating"].tolist()[:3] == ["amber", "", "red"]
    assert frame["why_not"].tolist()[:3] == ["", "part quarter", ""]


def test_a_unit_that_joined_lately_is_told_from_a_contract_that_began_in_the_quarter() -> None:
    frame = rate_scores(scores(SC1="2m m", SC2="- 1m m"), rule())
    assert frame["why_not"].tolist() == ["part quarter", "", "joined lately", ""]
    assert frame["rating"].tolist() == ["", "amber", "", "amber"]


@pytest.mark.parametrize(
    ("least", "expected"), [(1, ["amber"] * 2), (2, ["", "amber"]), (3, ["", ""])], ids=["one", "two", "three"]
)
def test_how_many_months_a_quarter_needs_is_a_parameter(least: int, expected: list[str]) -> None:
    assert found(scores(SC1="1m", SC2="2m"), rule(least_months=least)) == expected


def test_three_months_that_are_not_whole_are_a_part_quarter_where_three_are_asked_for() -> None:
    # a contract that began on 15 April was there in all three months, but not for all of the quarter
    frame = scores(SC1="m").assign(whole=False)
    assert found(frame, column="why_not") == ["part quarter"]
    assert found(frame, rule(least_months=2)) == ["amber"]


@pytest.mark.requirement("KS-45")
@pytest.mark.parametrize(
    ("no_data", "expected"),
    [
        ("skips", ["amber", "", "red"]),  # neither misses nor resets
        ("resets", ["amber", "", "amber"]),
        ("misses", ["amber", "red", "red"]),
    ],
)
@pytest.mark.parametrize("same_kpi", [False, True])
def test_what_a_quarter_without_figures_means_is_a_parameter(no_data: str, expected: list[str], same_kpi: bool) -> None:
    frame = rate_scores(scores(SC1="mh nn mh"), rule(no_data=no_data, same_kpi=same_kpi))
    assert frame["rating"].tolist() == expected
    assert frame["why_not"].iloc[1] == ("" if no_data == "misses" else "no data")
    assert frame["judged"].iloc[1] == 0


def test_a_single_kpi_without_figures_is_only_not_judged() -> None:
    frame = rate_scores(scores(SC1="hn mn"), rule(no_data="misses"))
    assert frame["rating"].tolist() == ["green", "amber"]
    assert frame["asked"].tolist() == [2, 2]
    assert frame["judged"].tolist() == [1, 1]


def test_without_a_target_there_is_no_rating() -> None:
    assert found(scores(SC1="tt"), column="why_not") == ["no target"]
    assert found(scores(SC1="th")) == ["green"]


def test_a_kpi_that_is_not_rated_is_not_judged() -> None:
    frame = scores(SC1="hm")
    frame["rated"] = frame["kpi"] == "kpi_0"
    assert found(frame) == ["green"]
    assert found(frame.assign(rated=False), column="why_not") == ["no target"]


def test_a_kpi_of_fewer_than_the_smallest_is_not_judged_and_a_bare_count_always_is() -> None:
    frame = scores(SC1="mh")
    frame["denominator"] = [9.0, 10.0]
    assert found(frame, rule(smallest=10)) == ["green"]
    assert found(frame, rule(smallest=11), "why_not") == ["too few"]
    assert found(frame, rule(smallest=9)) == ["amber"]
    assert found(frame.assign(denominator=float("nan")), rule(smallest=11)) == ["amber"]


def test_a_quarter_too_small_to_be_judged_is_passed_over_whatever_one_without_figures_is() -> None:
    frame = scores(SC1="m m m")
    frame["denominator"] = [100.0, 1.0, 100.0]
    for no_data in ("skips", "resets", "misses"):
        assert found(frame, rule(smallest=10, no_data=no_data)) == ["amber", "", "red"]


# ---------------------------------------------------------------------------------------------------- changes of hands


@pytest.mark.requirement("KS-46")
def test_a_unit_that_changed_hands_begins_anew() -> None:
    frame = scores(SC1="m m m m")
    frame["role"] = ["own", "own", "end_to_end", "end_to_end"]
    rated = rate_scores(frame, rule())
    assert rated["rating"].tolist() == ["amber", "red", "amber", "red"]
    assert rated["run"].tolist() == [1, 2, 1, 2]
    assert rated["changed_hands"].tolist() == [False, False, True, False]
    assert rated["role"].tolist() == ["own", "own", "end_to_end", "end_to_end"]


@pytest.mark.requirement("KS-46")
@pytest.mark.parametrize("no_data", ["skips", "misses"])
def test_hands_that_changed_in_an_unrated_quarter_have_changed_too(no_data: str) -> None:
    frame = scores(SC1="m n m").assign(hands=["A", "B", "B"])
    assert found(frame, rule(no_data=no_data))[2] == ("amber" if no_data == "skips" else "red")


def test_hands_that_are_not_known_have_not_changed() -> None:
    assert found(scores(SC1="m m m m").assign(hands=["", "A", "", "A"]))[1:] == ["red", "red", "red"]
    assert found(scores(SC1="m m m").assign(hands=["A", "", "B"])) == ["amber", "red", "amber"]


def test_a_unit_that_was_away_for_a_quarter_goes_on() -> None:
    assert found(scores(SC1="m - m", SC2="h h h")) == ["amber", "red", "green", "green", "green"]


# ------------------------------------------------------------------------------------------------------- of a snapshot

PEOPLE = [
    f"{unit}{i} subcontractor={unit} referral=2019-{month:02d}-03 start=2019-{month:02d}-10"
    + (f" job_start=2019-{month:02d}-20" if unit == "SC1" or month < 7 else "")
    for unit in ("SC1", "SC2")
    for month in range(4, 13)
    for i in (f"a{month}", f"b{month}")
]
"""Two starts a month from April 2019 for each of two units; those of SC2 get no jobs from July on."""


def kpi(target: float) -> dict[str, Any]:
    return {
        "name": "Job starts a month, of participants on the programme",
        "source": "made for a test",
        "roles": ["end_to_end"],
        "of": "job_start",
        "per": "on_programme",
        "target": {"value": {"at_least": target}, "from": "2000-01-01", "source": "made for a test"},
    }


@pytest.fixture(scope="module")
def regime() -> Any:
    """A way of managing with one KPI: job starts a month, of those on the programme on its first day."""
    ks = load_management("ks")
    kpis = {"jobs": kpi(0.01)}
    dumped = ks.model_dump(by_alias=True, exclude_unset=True)
    return type(ks).model_validate(
        dumped | {"kpis": kpis, "rating": {"source": "made for a test", "not_clear": "missed"}}
    )


@pytest.fixture(scope="module")
def two(make: Make, regime: Any) -> Callable[..., Snapshot]:
    def snapshot(month: str = "2019-12", units: list[dict[str, Any]] | None = None) -> Snapshot:
        made = make(PEOPLE, month, management=regime, first_day="2019-04-01")
        if units is None:
            return made
        table = pd.DataFrame(units).reindex(columns=["unit_id", "unit_type", "role", "parent", "from_date", "to_date"])
        for name in ("from_date", "to_date"):
            table[name] = pd.to_datetime(table[name]).astype("datetime64[s]")
        return replace(made, tables={**made.tables, "units": table})

    return snapshot


@pytest.mark.requirement("KS-43")
@pytest.mark.requirement("KS-46")
def test_units_of_a_contract_are_rated_by_its_own_rule(two: Callable[..., Snapshot]) -> None:
    frame = rate(two())
    assert frame.columns.tolist() == ratings.COLUMNS
    assert frame.set_index(["unit", "period"])["rating"].unstack().to_numpy().tolist() == [
        ["green", "green", "green"],
        ["green", "amber", "red"],
    ]


@pytest.mark.requirement("KS-43")
def test_between_quarters_the_last_whole_quarter_is_held_and_the_running_one_shown(
    two: Callable[..., Snapshot],
) -> None:
    frame = held(rate(two("2019-11"))).set_index("unit")
    assert frame["rating"].to_dict() == {"SC1": "green", "SC2": "amber"}
    assert frame.loc["SC2", "period"] == pd.Period("2019-09", "M")
    assert frame["so_far_missed"].to_dict() == {"SC1": 0, "SC2": 0}  # a running quarter has no status
    assert (rate(two("2019-11"))["why_not"] == "so far").sum() == 2


def test_a_month_that_has_not_ended_when_it_is_looked_at_ends_no_quarter(make: Make, regime: Any) -> None:
    early = make(PEOPLE, "2019-12", "2019-12-15", management=regime, first_day="2019-04-01")
    last = rate(early).groupby("unit").tail(1)
    assert last["why_not"].tolist() == ["so far", "so far"]


@pytest.mark.requirement("KS-46")
def test_a_centre_taken_over_by_another_subcontractor_is_not_red_for_what_was_before(
    two: Callable[..., Snapshot],
) -> None:
    base = {"unit_id": "SC2", "unit_type": "subcontractor", "role": "end_to_end"}
    moved = [
        base | {"parent": "old", "from_date": "2019-04-01", "to_date": "2019-10-31"},
        base | {"parent": "new", "from_date": "2019-11-01"},
    ]
    stays = [base | {"parent": "old", "from_date": "2019-04-01"}]
    for table, expected in ((stays, ["green", "amber", "red"]), (moved, ["green", "amber", "amber"])):
        frame = rate(two(units=table))
        assert frame.loc[frame["unit"] == "SC2", "rating"].tolist() == expected


def test_the_whole_contract_is_rated_too(make: Make, regime: Any) -> None:
    given = regime.model_copy(update={"kpis": {}})
    own = {"jobs": kpi(0.2) | {"roles": ["contract_manager"]}}
    frame = rate(make(PEOPLE, "2019-12", management=given, kpis=own, first_day="2019-04-01"), "contract")
    # job starts 12, 6, 6; on the programme on the first of each month 0 + 4 + 8, 12 + 16 + 20, 24 + 28 + 32
    assert frame["unit"].unique().tolist() == ["made-here"]
    assert frame["rating"].tolist() == ["green", "amber", "red"]


def test_without_a_regime_or_a_rule_nothing_can_be_rated(make: Make, contract: Callable[..., Contract]) -> None:
    with pytest.raises(ParameterError, match=r"^made-here.yaml: names no regime of management.*Add `management: ") as e:
        rate(make(PEOPLE))
    assert "\n" not in str(e.value)
    assert contract(management=load_management("wl")).rating is None
    with pytest.raises(ParameterError, match=r"^made-here.yaml: Working Links has no rule of rating. Add `rating:`"):
        rate(make(PEOPLE, management=load_management("wl")))


def test_where_there_is_nothing_to_rate_the_table_has_its_columns_and_no_rows(make: Make, regime: Any) -> None:
    frame = rate(make(["A referral=2019-04-03"], management=regime))
    assert frame.empty
    assert frame.columns.tolist() == ratings.COLUMNS
    assert held(frame).columns.tolist() == ratings.HELD_COLUMNS
    assert transitions(frame).to_numpy().sum() == 0


# --------------------------------------------------------------------------------------------- held, steps, recoveries


@pytest.mark.requirement("KS-43")
def test_the_held_rating_is_the_last_one_with_the_one_before_and_since_when() -> None:
    frame = held(rate_scores(scores(A="h m m m", B="m h n", C="n n n", D="m m h"), rule())).set_index("unit")
    assert frame["rating"].to_dict() == {"A": "red", "B": "green", "C": "", "D": "green"}
    assert frame["before"].to_dict() == {"A": "red", "B": "amber", "C": "", "D": "red"}
    assert frame["way"].to_dict() == {"A": "same", "B": "improved", "C": "", "D": "improved"}
    assert frame["why_not"].to_dict() == {"A": "", "B": "no data", "C": "no data", "D": ""}
    assert frame.loc["A", "since"] == FIRST + 6  # red since the third quarter
    assert (frame.loc["B", "period"], frame.loc["B", "before_period"]) == (FIRST + 3, FIRST)
    assert frame["run"].to_dict() == {"A": 3, "B": 0, "C": 0, "D": 0}


@pytest.mark.requirement("KS-55")
def test_amber_or_red_for_so_many_quarters_running_is_consistent() -> None:
    frame = rate_scores(scores(SC1="m m n m m h m"), rule(consistent=4))
    assert frame["run"].tolist() == [1, 2, 2, 3, 4, 0, 1]
    assert frame["consistent"].tolist() == [False] * 4 + [True] + [False] * 2


@pytest.mark.requirement("KS-55")
def test_steps_from_one_rating_to_the_next_are_counted_by_hand() -> None:
    # A: green amber red red green; B: amber (no data) red; C: amber, then other hands: amber
    frame = scores(A="h m m m h", B="m n m", C="m m")
    frame["hands"] = ["A"] * 5 + ["B"] * 3 + ["C", "D"]
    steps = transitions(rate_scores(frame, rule()))
    assert steps.index.tolist() == ["green", "amber", "red"]
    assert steps.columns.tolist() == ["green", "amber", "red", "improved", "same", "worsened"]
    assert steps.to_numpy().tolist() == [[0, 1, 0, 0, 0, 1], [0, 0, 2, 0, 0, 2], [1, 0, 1, 1, 1, 0]]


@pytest.mark.requirement("KS-55")
def test_a_recovery_is_the_first_green_quarter_that_ended_after_the_plan_was_opened() -> None:
    rated = rate_scores(scores(A="m m h h", B="h m m m", C="m m m h"), rule())
    plans = pd.DataFrame(
        {
            "plan_id": ["P1", "P2", "P3", "P4", "P5"],
            "unit": ["A", "B", "C", "C", "elsewhere"],
            "opened": pd.to_datetime(["2019-10-01", "2019-05-01", "2019-10-01", "2019-10-01", "2019-10-01"]),
            "closed": [pd.Timestamp("2020-02-01")] + [pd.NaT] * 4,
            "state": ["closed", "open", "not yet", "open", "open"],
            "answers_rating": [True, True, True, False, True],
        }
    )
    found = recoveries(rated, plans)
    assert found["plan_id"].tolist() == ["P1", "P2"]
    assert found["at"].tolist() == ["red", ""]  # P2 was opened before B's first quarter ended
    assert found["now"].tolist() == ["green", "red"]
    assert found["way"].tolist() == ["improved", ""]
    assert found["green"].tolist() == [pd.Period("2019-12", "M"), pd.Period("2019-06", "M")]
    assert found["quarters"].iloc[0] == 1
    assert recoveries(rated, plans.iloc[2:]).empty


# ---------------------------------------------------------------------------------------------------------------- laws

WORDS = st.lists(st.text("hmnt", min_size=2, max_size=2), min_size=1, max_size=7).map(" ".join)
RULES = st.builds(
    rule,
    hit=st.sampled_from(["all", "any"]),
    same_kpi=st.booleans(),
    red_after=st.integers(2, 3),
    no_data=st.sampled_from(["skips", "resets", "misses"]),
)


@settings(deadline=None, max_examples=40)
@given(a=WORDS, b=WORDS, given_rule=RULES, seed=st.integers(0, 1000))
def test_the_order_of_the_rows_does_not_matter(a: str, b: str, given_rule: Rating, seed: int) -> None:
    frame = scores(A=a, B=b)
    shuffled = frame.sample(frac=1, random_state=seed)
    pd.testing.assert_frame_equal(rate_scores(frame, given_rule), rate_scores(shuffled, given_rule))


@settings(deadline=None, max_examples=25)
@given(words=WORDS, given_rule=RULES)
def test_a_later_quarter_only_adds_rows(words: str, given_rule: Rating) -> None:
    frame = scores(SC1=words)
    whole = rate_scores(frame, given_rule)
    for period in frame["period"].unique():
        then = rate_scores(frame[frame["period"] <= period], given_rule)
        pd.testing.assert_frame_equal(then, whole.iloc[: len(then)])


@settings(deadline=None, max_examples=60)
@given(a=WORDS, b=WORDS, given_rule=RULES)
def test_counts_add_up(a: str, b: str, given_rule: Rating) -> None:
    frame = scores(A=a, B=b)
    rated = rate_scores(frame, given_rule)
    assert len(rated) == len(frame[["unit", "period"]].drop_duplicates())
    assert (rated["hit"] + rated["missed"] == rated["judged"]).all()
    assert (rated["judged"] <= rated["asked"]).all()
    assert (rated["missed_kpis"].map(len) == rated["missed"]).all()
    assert ((rated["rating"] == "") == (rated["why_not"] != "")).all()
    assert ((rated["rating"] == "green") <= (rated["run"] == 0)).all()
    steps = transitions(rated)
    of_each = rated[rated["rating"] != ""].groupby("unit").size()
    assert steps[["green", "amber", "red"]].to_numpy().sum() == (of_each - 1).sum()
    assert (steps[["improved", "same", "worsened"]].sum(axis=1) == steps[["green", "amber", "red"]].sum(axis=1)).all()


@settings(deadline=None, max_examples=100)
@given(words=WORDS, given_rule=RULES)
def test_a_walk_through_the_quarters_one_by_one_gives_the_same(words: str, given_rule: Rating) -> None:
    """An independent reading of the rule: a loop over quarters, with what each KPI has behind it."""
    run, kpis, expected = 0, {0: 0, 1: 0}, []
    for word in words.split():
        judged = [letter for letter in word if letter in "hm"]
        asked = [letter for letter in word if letter != "t"]
        if judged:
            missed = "m" in judged if given_rule.hit == "all" else "h" not in judged
            behind = {n: kpis[n] + 1 if word[n] == "m" else 0 for n in kpis}
        elif asked and given_rule.no_data == "misses":
            missed, behind = True, {n: kpis[n] + 1 if word[n] != "t" else 0 for n in kpis}
        else:
            expected.append("")
            if asked and given_rule.no_data == "resets":
                run, kpis = 0, {0: 0, 1: 0}
            continue
        run, kpis = (run + 1, behind) if missed else (0, {0: 0, 1: 0})
        length = max(kpis.values()) if given_rule.same_kpi else run
        expected.append(("red" if length >= given_rule.red_after else "amber") if missed else "green")
    assert found(scores(SC1=words), given_rule) == expected


def test_a_red_quarter_follows_an_amber_or_red_one_however_many_units_there_are() -> None:
    rated = rate_scores(scores(**{f"U{n}": f"{n % 2 * 'm' or 'h'} m m h" for n in range(40)}), rule())
    for _, rows in rated.groupby("unit"):
        assert all(before != "green" for before, after in pairwise(rows["rating"]) if after == "red")


# Judged only on what could have been recorded


def row(result: str, **keys: Any) -> dict[str, Any]:
    quarter = {"unit": "SC1", "role": "end_to_end", "months": 3, "whole": True, "kpi": "job_starts", "rated": True}
    quarter |= {"denominator": 400.0, "target": 0.015, "period": pd.Period("2020-03", "M")}
    return quarter | {"judged_on": pd.Timestamp("2020-03-31"), "result": result} | keys


@pytest.mark.parametrize(("rule", "rating"), [("hit", "green"), ("missed", "amber")])
def test_what_is_not_clear_counts_as_the_rule_says(rule: Any, rating: str) -> None:
    frame = ratings.rate_scores(pd.DataFrame([row("not_clear")]), Rating(source="made up", not_clear=rule))
    assert frame["rating"].tolist() == [rating]


def test_a_quarter_is_rated_when_the_last_of_its_kpis_is_judged() -> None:
    late = row("so_far", kpi="outcomes", judged_on=pd.Timestamp("2020-05-31"))
    waiting = ratings.rate_scores(pd.DataFrame([row("missed"), late]), Rating(source="made up"))
    assert waiting[["rating", "why_not", "so_far"]].iloc[0].tolist() == ["", "so far", True]
    done = ratings.rate_scores(pd.DataFrame([row("missed"), late | {"result": "hit"}]), Rating(source="made up"))
    assert done[["rating", "judged_on"]].iloc[0].tolist() == ["amber", pd.Timestamp("2020-05-31")]


def test_what_no_rating_rests_on_or_is_too_small_holds_up_no_quarter() -> None:
    late = {"kpi": "outcomes", "judged_on": pd.Timestamp("2020-05-31")}
    rule = Rating(source="made up", smallest=10)
    for keys in ({"rated": False}, {"denominator": 9.0}, {"target": np.nan}):
        frame = ratings.rate_scores(pd.DataFrame([row("hit"), row("so_far", **late | keys)]), rule)
        assert frame[["rating", "judged_on"]].iloc[0].tolist() == ["green", pd.Timestamp("2020-03-31")]


def test_a_late_record_alone_changes_no_rating() -> None:
    """The sample's quarter to March 2020, judged then and a year after the contract began to be reported on."""
    snapshot = load_snapshot("whp-sample", "2020-03", known_at="2020-06-30")
    then = ratings.history(snapshot, "contract", 2)
    assert then["then_on"].notna().all()
    assert not then["differs"].any()
