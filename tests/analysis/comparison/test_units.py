"""Units compared: on a provider's extract whose weak unit is known, on contracts made here, and by simulation."""

import json
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import special, stats

from perflib import load_snapshot
from perflib.analysis import comparison, standards
from perflib.analysis.comparison import compare, compare_cases, units
from perflib.errors import ParameterError
from perflib.records.snapshot import Snapshot
from perflib.rules.contract import LeastDifference, load_contract

ANSWERS = Path(__file__).parents[2] / "answers"


def read(folder: Path, month: str, **tables: pd.DataFrame) -> Callable[[str], Snapshot]:
    """Return a function that gives a month of an extract written to a folder."""
    for name, table in tables.items():
        table.to_csv(folder / f"{name}.csv", index=False)
    (folder / "contracts").mkdir()
    (folder / "contracts" / "made.yaml").write_text(
        "contract: made\nname: Made for a test\nprogramme: whp\nnation: WLS\n"
        f"source: {{folder: {json.dumps(str(folder))}, known_to: {pd.Period(month).end_time:%Y-%m-%d}}}\n"
        "disclosure: {source: made up, invented: true}\n",
        encoding="utf-8",
    )
    return cache(lambda month: load_snapshot("made", month, params=folder))


@pytest.fixture(scope="module")
def wales(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Snapshot]:
    """A function that gives a month of a provider's extract, with its subcontractors and characteristics.

    Its description says that SC04 has a bit over half the others' job entry, and that the other eight are equal.
    """
    people = pd.read_parquet(ANSWERS / "whp-wales-part" / "participants.parquet")
    people = people.merge(pd.read_parquet(ANSWERS / "whp-wales-units.parquet"), on="referral_id")
    events = pd.read_parquet(ANSWERS / "whp-wales-part" / "events.parquet")
    return read(tmp_path_factory.mktemp("wales"), "2020-09", participants=people, events=events)


@pytest.fixture(scope="module")
def sample() -> Snapshot:
    return load_snapshot("whp-sample", "2019-12")


@pytest.fixture(scope="module")
def late(wales: Callable[[str], Snapshot]) -> Snapshot:
    return wales("2020-09")


@pytest.mark.requirement("WL-30", "Q-04")
def test_the_weak_unit_is_the_only_signal_and_below_its_outer_limit(late):
    found = units(late, measure="first_earnings")
    weak = found.loc["SC04"]
    assert weak["ratio"] < weak["lower_998"]
    assert weak["outside"] == "below 99.8"
    assert weak["signal"] == "below"
    assert (found.drop("SC04")["signal"] == "").all()
    assert found.index[-1] == "SC04"
    assert weak[["rank_lower", "rank_upper"]].tolist() == [8, 9]
    assert weak["p_below"] > 0.99


def test_nothing_is_claimed_of_anybody_in_the_sixth_month(wales):
    found = units(wales("2018-06"), measure="first_earnings")
    assert (found["signal"] == "").all()
    assert (found["outside"] == "").all()
    assert (found["rank_lower"].dropna() == 1).all()


def test_observed_and_expected_are_counted_from_the_journeys(late):
    """Observed: first earnings of starters. Expected for the month of start alone: each month's share, summed."""
    journeys = late.journeys[late.journeys["start"].notna()]
    month, reached = journeys["start"].dt.to_period("M"), journeys["first_earnings"].notna()
    share = reached.groupby(month).transform("mean")
    found = units(late, measure="first_earnings").sort_index()
    assert found["n"].tolist() == journeys["subcontractor"].value_counts().sort_index().tolist()
    assert found["observed"].tolist() == reached.groupby(journeys["subcontractor"]).sum().tolist()
    expected = share.groupby(journeys["subcontractor"]).sum().to_numpy()
    assert found["expected_unadjusted"].to_numpy() == pytest.approx(expected, abs=0.01)
    assert found["expected"].sum() == pytest.approx(reached.sum(), abs=0.01)


def test_a_change_is_from_the_close_of_the_last_quarter(late):
    """September closes a quarter itself: the one before closed with June."""
    assert comparison.last_quarter_end(late).isoformat() == "2020-06-30"
    found = units(late, measure="first_earnings").loc["SC04"]
    assert found["signal_before"] == "below"
    assert found["change"] == pytest.approx(found["ratio"] - found["ratio_before"])


def test_quarters_add_up_to_the_unit(late):
    found = compare(late, measure="first_earnings")
    sums = found.quarters.groupby(level="unit")[["n", "observed", "expected"]].sum()
    whole = found.units.sort_index()[["n", "observed", "expected"]]
    assert sums.to_numpy() == pytest.approx(whole.to_numpy().astype(float))
    ends = found.quarters.index.get_level_values("quarter").unique()
    assert all(month.month % 3 == 0 for month in ends)


def test_limits_of_a_quarter_are_the_95_percent_limits_of_its_cases():
    """Spiegelhalter's interpolated limits, by SciPy's binomial: 30 and 70 cases a quarter, of which .4 reach it.

    Two quarters with the same rate, so that each case has the chance .4 and nothing is adjusted.
    """
    rows = rows_of({"A": 60, "B": 140}, {"A": 0.4, "B": 0.4}, months=("2020-03", "2020-06"))
    rows["reached"] = np.arange(len(rows)) // 2 % 5 < 2
    found = compare_cases(rows).quarters
    for unit, n in (("A", 30), ("B", 70)):
        binomial = stats.binom(n, 0.4)
        limits = []
        for tail in (0.025, 0.975):
            count = binomial.ppf(tail)
            limits.append((count - (binomial.cdf(count) - tail) / binomial.pmf(count)) / n / 0.4)
        assert found.loc[unit, ["n", "observed"]].to_numpy().tolist() == [[n, 0.4 * n]] * 2
        for quarter in found.loc[unit, ["lower_95", "upper_95"]].to_numpy():
            assert quarter == pytest.approx(limits, rel=1e-4)


def test_the_same_snapshot_gives_the_same_draws(wales):
    pd.testing.assert_frame_equal(units(wales("2019-06")), units(wales("2019-06")))


def rows_of(sizes, chance, months=("2020-01",), **columns):
    """Cases of units of given sizes, reached in exactly the given share, spread over months alike."""
    frames = []
    for unit, n in sizes.items():
        reached = np.arange(n) < round(n * chance[unit])
        cohort = np.resize(months, n)
        frames.append(pd.DataFrame({"unit": unit, "cohort": cohort, "reached": reached}))
    return pd.concat(frames, ignore_index=True).assign(**columns)


def test_units_that_differ_only_in_caseload_have_an_adjusted_ratio_of_one():
    """Half the odds for those with a condition, whom A has 20 % of and B 80 %: 1,000 cases each."""
    random = np.random.default_rng(6)
    harder = random.random(2000) < np.repeat([0.2, 0.8], 1000)
    reached = random.random(2000) < np.where(harder, 0.15, 0.35)
    rows = pd.DataFrame({"unit": np.repeat(["A", "B"], 1000), "cohort": "2020-01", "reached": reached})
    found = compare_cases(rows.assign(condition=np.where(harder, "y", "n")), ["condition"]).units
    assert found["ratio"].to_numpy() == pytest.approx([1, 1], abs=0.08)
    assert (found["ratio_lower"] < 1).all()
    assert (found["ratio_upper"] > 1).all()
    assert (found["signal"] == "").all()
    assert found.loc["A", "ratio_unadjusted"] > 1.15
    assert found.loc["B", "ratio_unadjusted"] < 0.85
    assert set(compare_cases(rows).units["signal"]) == {"above", "below"}


def test_a_young_caseload_is_held_to_what_it_has_had_time_for():
    """OLD began in two months, YOUNG in the last alone, of which a tenth as many have reached it by now."""
    rows = pd.concat(
        [
            rows_of({"OLD": 300}, {"OLD": 0.4}, ["2019-01"]),
            rows_of({"OLD": 200, "YOUNG": 200}, {"OLD": 0.04, "YOUNG": 0.04}, ["2020-01"]),
        ]
    )
    found = compare_cases(rows).units
    assert found["observed"].to_dict() == {"OLD": 128, "YOUNG": 8}
    assert found["ratio"].to_numpy() == pytest.approx([1, 1])


def test_each_kind_of_unit_that_cannot_be_judged_is_listed_apart_and_why():
    months = pd.concat(
        [
            rows_of({"A": 200, "B": 200}, {"A": 0.3, "B": 0.2}),
            rows_of(
                {"one": 1, "not recorded": 60, "none": 60, "all": 60},
                dict.fromkeys(["one", "all"], 1) | {"not recorded": 0.3, "none": 0},
            ),
            rows_of({"A": 50, "B": 50, "joined": 40}, dict.fromkeys("AB", 0) | {"joined": 0}, ["2020-09"]),
        ]
    )
    found = compare_cases(months).units
    assert found["apart"].to_dict() == {
        "all": "",
        "A": "",
        "B": "",
        "none": "",
        "not recorded": "unit not recorded",
        "joined": "too soon",
        "one": "too small",
    }
    judged = ["p_value", "q_value", "lower_95", "upper_998", "shrunk", "rank", "p_below"]
    assert found.loc[found["apart"] != "", judged].isna().all(axis=None)
    assert (found.loc[found["apart"] != "", ["outside", "signal"]] == "").all(axis=None)
    assert found.loc["joined", "since"] == "2020-09"
    assert found.loc["none", ["observed", "ratio", "signal"]].tolist() == [0, 0, "below"]
    assert found.loc["all", ["observed", "signal"]].tolist() == [60, "above"]
    assert 0 < found.loc["none", "shrunk"] < found.loc["all", "shrunk"] < 1
    assert compare_cases(months, smallest=1, least_expected=0.1).units.loc["one", "apart"] == ""


def test_one_unit_alone_is_its_own_average_and_compared_with_nobody():
    """So are two that never had participants in one month."""
    found = compare_cases(rows_of({"A": 100}, {"A": 0.3})).units.loc["A"]
    assert found[["ratio", "own"]].tolist() == pytest.approx([1, 1])
    assert found[["apart", "signal"]].tolist() == ["no other unit", ""]
    rows = [rows_of({name: 100}, {name: share}, [name]) for name, share in (("A", 0.5), ("B", 0.1))]
    assert compare_cases(pd.concat(rows)).units["apart"].tolist() == ["no other unit"] * 2


def test_two_equal_units_are_beyond_their_limits_as_often_as_stated():
    """Each is half of the average it is held to. Their counts given the total are hypergeometric: summed exactly."""
    n, total = 60, 36
    count = np.arange(total + 1)
    outside = []
    for x in count:
        rows = rows_of({"A": n, "B": n}, {"A": x / n, "B": (total - x) / n})
        found = compare_cases(rows).units.loc["A"]
        assert found["own"] == pytest.approx(0.5)
        outside.append(found["outside"] != "")
    weight = stats.hypergeom.pmf(count, 2 * n, total, n)
    assert weight[np.array(outside)].sum() == pytest.approx(0.05, abs=0.02)


def test_a_measure_that_nobody_has_reached_yet_compares_nobody():
    found = compare_cases(rows_of({"A": 100, "B": 50}, {"A": 0, "B": 0}))
    assert found.compared.empty
    assert set(found.units["apart"]) == {"too soon"}


@settings(max_examples=15, deadline=None)
@given(st.permutations(["A", "B", "C", "D"]), st.integers(0, 9))
def test_names_and_the_order_of_rows_decide_nothing(names, seed):
    random = np.random.default_rng(4)
    sizes, unit = [40, 80, 120, 60], np.repeat(range(4), [40, 80, 120, 60])
    rows = pd.DataFrame({"cohort": "2020-01", "reached": random.random(sum(sizes)) < 0.1 + 0.1 * unit})
    mine = ["n", "observed", "expected", "ratio", "lower_998", "upper_95", "p_value", "q_value", "signal"]
    one = compare_cases(rows.assign(unit=np.array(["A", "B", "C", "D"])[unit])).units[mine]
    renamed = rows.assign(unit=np.array(names)[unit]).sample(frac=1, random_state=seed)
    other = compare_cases(renamed).units[mine]
    back = dict(zip(names, ["A", "B", "C", "D"], strict=True))
    pd.testing.assert_frame_equal(other.rename(index=back).sort_index(), one.sort_index(), check_index_type=False)


@pytest.mark.slow
def test_equal_units_are_signalled_as_often_as_the_limits_say_and_planted_ones_are_found():
    """40 units of 30 to 400, 50 contracts: within three standard errors; `benchmarks/comparison` has 4,000."""
    random = np.random.default_rng(28)
    beyond, outer, found, ranks = [], [], [], []
    for planted in (False, True):
        for _ in range(25):
            sizes = random.integers(30, 401, 40)
            effect = np.zeros(40)
            if planted:
                sizes[0], effect[0] = 300, -0.7
            unit = np.repeat(np.arange(40), sizes)
            reached = random.random(len(unit)) < special.expit(-1.1 + effect[unit])
            rows = pd.DataFrame({"unit": unit, "cohort": 0, "reached": reached}).astype({"unit": "category"})
            table = compare_cases(rows).units
            if planted:
                found.append(table.loc[0, "signal"] == "below")
            else:
                beyond.append((table["outside"] != "").mean())
                outer.append(table["outside"].str.endswith("99.8").mean())
                ranks.append((table["rank_upper"] - table["rank_lower"]).mean())
    error = np.sqrt(0.05 * 0.95 / (25 * 40))
    assert np.mean(beyond) == pytest.approx(0.05, abs=3 * error)
    assert np.mean(outer) < 0.002 + 3 * np.sqrt(0.002 / 1000)
    assert np.mean(found) > 0.6
    assert np.mean(ranks) > 35


@pytest.fixture(scope="module")
def moved(tmp_path_factory: pytest.TempPathFactory) -> Snapshot:
    """A1 and A2 moved to SC2 in October 2018, A1 after its outcome; A3 moved to SC1 in November, before its own."""
    names = ["A1", "A2", "A3", "A4"]
    people = pd.DataFrame({"referral_id": names, "participant_id": names, "subcontractor": ["SC1", "SC1", "SC2", ""]})
    happened = [(name, event, "2018-01-10") for name in names for event in ("referral", "start")]
    happened += [("A1", "job_outcome", "2018-08-01"), ("A3", "job_outcome", "2018-12-01")]
    events = pd.DataFrame(happened, columns=["referral_id", "event", "event_date"])
    history = [("A1", "SC2", "2018-10-01"), ("A2", "SC2", "2018-10-01"), ("A3", "SC1", "2018-11-01")]
    attributes = pd.DataFrame(history, columns=["referral_id", "value", "from_date"]).assign(attribute="subcontractor")
    return read(
        tmp_path_factory.mktemp("moved"),
        "2018-12",
        participants=people,
        events=events.assign(recorded_date=events["event_date"]),
        attributes=attributes.assign(recorded_date=attributes["from_date"]),
    )("2018-12")


@pytest.mark.requirement("Q-04")
@pytest.mark.parametrize(
    ("attribution", "expected"),
    [
        ("at_start", ["SC1", "SC1", "SC2", "not recorded"]),
        ("at_event", ["SC1", "SC2", "SC1", "not recorded"]),
        ("at_period_end", ["SC2", "SC2", "SC1", "not recorded"]),
    ],
)
def test_who_moved_is_whose_the_call_says(moved, attribution, expected):
    rows = comparison.cases(moved, measure="outcome", attribution=attribution)
    assert rows["unit"].astype("str").tolist() == expected
    assert rows["reached"].tolist() == [True, False, True, False]


def with_roles(snapshot: Snapshot, **role: str) -> Snapshot:
    table = pd.DataFrame({"unit_id": list(role), "unit_type": "subcontractor", "role": list(role.values())})
    table = table.assign(parent=None, from_date=pd.Timestamp("2018-01-01"), to_date=pd.NaT)
    return replace(snapshot, tables={**snapshot.tables, "units": table})


@pytest.mark.requirement("KS-40")
def test_a_specialist_is_never_ranked_on_outcomes_but_has_its_standards(late):
    roles = with_roles(late, SC04="specialist", SC05="end_to_end", GYM="specialist")
    found = units(roles, measure="first_earnings")
    numbers = ["n", "observed", "expected", "ratio", "shrunk", "rank", "p_value"]
    assert found.loc[["SC04", "GYM"], numbers].isna().all(axis=None)
    assert found.loc[["SC04", "GYM"], "apart"].tolist() == ["specialist"] * 2
    assert found["rank"].max() <= 8
    timely = units(roles, measure="css1a")
    assert timely.loc["SC04", "apart"] == ""
    assert timely.loc["SC04", "n"] > 0


@pytest.mark.requirement("KS-01")
@pytest.mark.requirement("KS-39")
@pytest.mark.parametrize(
    "measure", ["start", "job_start", "first_earnings", "earnings_2000", "outcome", "css1a", "css2"]
)
def test_every_end_to_end_unit_has_the_same_measures(sample, measure):
    role = comparison.roles(sample)
    found = compare(sample, measure=measure).units
    assert role[role == "end_to_end"].index.isin(found.index).all()
    assert found.loc[role[role == "end_to_end"].index, "n"].gt(0).all()


def test_a_unit_has_the_role_of_its_parent_and_that_of_the_day(moved):
    lines = [
        ("SC1", "subcontractor", "specialist", None, "2018-01-01", "2018-06-30"),
        ("SC1", "subcontractor", "end_to_end", None, "2018-07-01", None),
        ("SC2", "subcontractor", "specialist", None, "2018-01-01", None),
        ("SC2-A", "centre", None, "SC2", "2018-01-01", None),
        ("SC9", "subcontractor", "end_to_end", None, "2019-01-01", None),
    ]
    table = pd.DataFrame(lines, columns=["unit_id", "unit_type", "role", "parent", "from_date", "to_date"])
    table[["from_date", "to_date"]] = table[["from_date", "to_date"]].apply(pd.to_datetime)
    snapshot = replace(moved, tables={**moved.tables, "units": table})
    assert comparison.roles(snapshot).to_dict() == {"SC1": "end_to_end", "SC2": "specialist"}
    assert comparison.roles(snapshot, "centre").to_dict() == {"SC2-A": "specialist"}


def unlike(reached):
    """Journeys of two subcontractors of 2,000 each, of whom so many were acknowledged within two working days."""
    for name, number in zip(("SC1", "SC2"), reached, strict=True):
        for n in range(2000):
            day = "2018-02-06" if n < number else "2018-02-20"
            yield f"{name}-{n} referral=2018-02-05 subcontractor={name} acknowledged={day} start=2018-02-12"


@pytest.mark.parametrize(
    ("reached", "said"),
    [
        ((1990, 1950), ""),  # 99.5 % and 97.5 %: each one point from what is expected, and sure
        ((1990, 1890), "above"),  # 99.5 % and 94.5 %: two and a half points
    ],
)
def test_a_difference_too_small_to_matter_is_no_signal_however_sure(make, reached, said):
    snapshot = make(unlike(reached), month="2018-04")
    found = compare(snapshot, measure="css2").units
    assert (found["q_value"] < 0.001).all()
    assert found.loc["SC1", "signal"] == said
    own = snapshot.contract.model_copy(
        update={"least_difference": LeastDifference(ratio=0, points=0, source="none", invented=True)}
    )
    assert compare(replace(snapshot, contract=own), measure="css2").units.loc["SC1", "signal"] == "above"


def test_cases_of_a_standard_are_those_that_count(late):
    rows = comparison.cases(late, measure="css1a")
    counts = standards.measure(late).set_index("standard").loc["css1a"]
    assert len(rows) == counts[standards.COUNTED].sum()
    assert rows["reached"].sum() == counts["met"]


def test_cases_of_starts_are_referrals(late):
    rows = comparison.cases(late, measure="start")
    assert len(rows) == len(late.journeys)
    assert rows["reached"].sum() == late.journeys["start"].notna().sum()


def test_what_is_promised_is_the_target_where_the_contract_promises(sample):
    found = compare(sample).compared
    assert (found["target"] - found["expected"]).abs().max() > 1
    assert (compare(sample, measure="first_earnings").compared.eval("target - expected") == 0).all()


def test_a_programme_file_cannot_adjust_for_who_delivers(tmp_path):
    source = (Path(load_contract.__code__.co_filename).parents[2] / "params" / "programmes" / "whp.yaml").read_text(
        "utf-8"
    )
    (tmp_path / "programmes").mkdir()
    changed = source.replace("subcontractor:   {label: Subcontractor}", "subcontractor:   {label: Sub, case_mix: true}")
    assert changed != source
    (tmp_path / "programmes" / "whp.yaml").write_text(changed, encoding="utf-8")
    (tmp_path / "contracts").mkdir()
    (tmp_path / "contracts" / "one.yaml").write_text("contract: one\nprogramme: whp\n", encoding="utf-8")
    with pytest.raises(ParameterError, match="names who delivers, and cannot be adjusted for"):
        load_contract("one", tmp_path)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"unit": "planet"}, "unit='planet'"),
        ({"measure": "joy"}, "measure 'joy'"),
        ({"attribution": "never"}, "attribution='never'"),
        ({"adjust": ("centre",)}, "adjust='centre'"),
        ({"adjust": ("height",)}, "adjust='height'"),
    ],
)
def test_what_the_programme_does_not_have_is_refused(late, arguments, message):
    with pytest.raises(ParameterError, match=message):
        units(late, **arguments)
