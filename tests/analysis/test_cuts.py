"""Cuts: parts add up to the whole, a cut of everybody changes nothing, and plain pandas counts the same."""

import inspect

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal, assert_series_equal

from perflib import load_snapshot
from perflib.analysis import (
    cohorts,
    comparison,
    counts,
    cuts,
    expected,
    forecast,
    journey,
    kpis,
    measures,
    ratings,
    standards,
    survival,
)
from perflib.errors import ParameterError

# Every function that takes both `by` and `where`, and a call of it.
TAKES_BOTH = {
    "monthly": counts.monthly,
    "summary": counts.summary,
    "time_to_start": counts.time_to_start,
    "leavers": counts.leavers,
    "demographics": counts.demographics,
    "equality": counts.equality,
    "individuals": counts.individuals,
    "conversion": cohorts.conversion,
    "against_profile": cohorts.against_profile,
    "position": journey.position,
    "referrals": journey.referrals,
    "caseload": journey.caseload,
    "stage_times": journey.stage_times,
    "standards": standards.measure,
    "units": comparison.units,
    "kpis": kpis.scores,
    "times": survival.times,
}
# What of each adds up over the parts: columns, by the rows named.
ADDS_UP = {
    "monthly": (["month"], None),
    "summary": (["measure", "basis"], ["actual", "happened"]),
    "time_to_start": (["basis"], ["starts"]),
    "leavers": (["reason"], None),
    "demographics": (["attribute", "value"], ["month", "rolling_12", "cumulative"]),
    "equality": (["attribute", "value"], ["starts", "outcomes"]),
    "individuals": ([None], ["journeys"]),
    "conversion": (["target"], ["starts", "observed", "expected"]),
    "against_profile": (["cohort"], ["starts", "recorded", "expected", "difference"]),
    "position": (["cohort"], None),
    "referrals": (["month"], None),
    "caseload": (["month"], None),
    "stage_times": (["stage"], ["entered", "moved_on", "still"]),
    "standards": (["standard"], ["met", "not_met", "open_late", "not_due", "exempt"]),
    "units": (["unit"], ["n", "observed"]),
    "times": (["origin", "measure"], ["followed", "reached", "competing", "waiting", "before"]),
}


@pytest.fixture(scope="module")
def snapshot():
    return load_snapshot("whp-sample", "2019-06")


def tidy(frame, keys):
    """A frame with its named index as columns."""
    named = [name for name in frame.index.names if name is not None]
    frame = frame.reset_index() if named or keys == [None] else frame
    return frame.rename(columns={f"level_{n}": "index" for n in range(3)})


@pytest.mark.parametrize("name", TAKES_BOTH)
def test_a_cut_of_everybody_changes_nothing(snapshot, name):
    everybody = np.ones(len(snapshot.journeys), dtype=bool)
    whole, cut = TAKES_BOTH[name](snapshot), TAKES_BOTH[name](snapshot, where=everybody)
    if name == "standards":  # what is the contract's, and no referral's, is no part's
        whole = whole[whole["standard"].isin(cut["standard"])].reset_index(drop=True)
    if name == "summary":  # volumes are promised to the whole alone
        own = whole["measure"].isin({profile.measure for profile in snapshot.contract.profiles})
        assert cut.loc[~own, "profile"].isna().all()
        whole, cut = whole[own], cut[own]
    if name == "conversion":  # the tender's mix is of the whole
        assert cut["expected_tender"].isna().all()
        drop = ["expected_tender", "mix_effect"]
        whole, cut = whole.drop(columns=drop), cut.drop(columns=drop)
    if name == "kpis":
        rules, profiled = snapshot.contract.kpis, {profile.measure for profile in snapshot.contract.profiles}
        rows = [kpi for kpi, rule in rules.items() if rule.table]
        assert set(cut.loc[cut["kpi"].isin(rows), "why"]) == {kpis.NOT_OF_PARTICIPANTS}
        promised = {volume.measure for volume in snapshot.contract.volumes} - profiled
        volumes = [kpi for kpi, rule in rules.items() if rule.kind == "profile" and rule.of in promised]
        assert set(cut.loc[cut["kpi"].isin(volumes), "why"]) == {kpis.NO_PROMISE}
        bare = [kpi for kpi, rule in rules.items() if rule.kind == "count" and rule.per is None and not rule.table]
        assert set(cut.loc[cut["kpi"].isin(bare), "result"]) == {"no_target"}
        apart = [*rows, *volumes, *bare]
        whole, cut = (frame[~frame["kpi"].isin(apart)].reset_index(drop=True) for frame in (whole, cut))
        assert len(whole)
    assert_frame_equal(whole, cut)


@pytest.mark.parametrize("by", ["sex", ["customer_group", "start quarter"], "exit detail"], ids=str)
@pytest.mark.parametrize("name", ADDS_UP)
def test_the_parts_of_a_partition_add_up_to_the_whole(snapshot, name, by):
    keys, columns = ADDS_UP[name]
    function = TAKES_BOTH[name]
    options = {"age": 6, "attributes": ["ethnicity"]} if name == "equality" else {}
    whole, parts = tidy(function(snapshot, **options), keys), tidy(function(snapshot, by=by, **options), keys)
    keys = ["index"] if keys == [None] else keys
    if name == "standards":
        whole = whole[whole["standard"].isin(parts["standard"])]
        backlogs = [key for key, rule in snapshot.contract.standards.items() if rule.kind == "backlog"]
        assert set(backlogs) <= set(parts["standard"])
    columns = columns or [column for column in whole if column not in keys]
    assert set(cuts.names(by)) <= set(parts)
    summed = parts.groupby(keys, observed=True)[columns].sum(min_count=1)
    expects = whole.set_index(keys)[columns]
    assert_frame_equal(summed.reindex(expects.index), expects, check_dtype=False, check_names=False)


@settings(max_examples=12, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), groups=st.integers(1, 4))
def test_any_partition_adds_up(seed, groups):
    snapshot = load_snapshot("whp-sample", "2018-09")
    number = np.random.default_rng(seed).integers(0, groups, len(snapshot.journeys))
    whole = counts.monthly(snapshot)
    parts = [counts.monthly(snapshot, where=number == one) for one in range(groups)]
    assert_frame_equal(sum(parts), whole)
    expects = cohorts.against_profile(snapshot)["expected"]
    found = [cohorts.against_profile(snapshot, where=number == one)["expected"] for one in range(groups)]
    assert_series_equal(sum(found), expects)


def test_pandas_counts_the_over_50s_by_subcontractor_the_same(snapshot):
    found = cohorts.triangle(snapshot, by="subcontractor", where={"age": "50 and over"}).rate_at(12)
    people = snapshot.journeys[snapshot.journeys["start"].notna() & (snapshot.journeys["age"] >= 50)]
    outcome = measures.first(snapshot, "outcome")["event"].reindex(people.index)
    month = people["start"].dt.to_period("M")
    old = (month + 12) <= pd.Period("2019-06")
    age = (outcome.dt.year - people["start"].dt.year) * 12 + outcome.dt.month - people["start"].dt.month
    frame = pd.DataFrame({"unit": people["subcontractor"].astype("str"), "by_12": age <= 12})[old]
    frame = frame.groupby("unit")["by_12"].agg(["size", "sum"])
    mine = found.groupby(level=0)[["starts", "outcomes"]].sum()
    mine = mine[mine["starts"] > 0]
    assert mine["starts"].to_dict() == frame["size"].to_dict()
    assert mine["outcomes"].to_dict() == frame["sum"].to_dict()


def test_expected_so_far_of_a_cut_is_each_persons_own_profile_moved_by_the_delays_of_all(snapshot):
    where = {"sex": "f"}
    found = cohorts.against_profile(snapshot, where=where)["expected"]
    shares = expected.delay(snapshot, "outcome").shares
    step = np.diff(shares, prepend=0.0)
    total = dict.fromkeys(found.index, 0.0)
    for person in snapshot.journeys[snapshot.journeys["sex"] == "f"].dropna(subset="start").itertuples():
        month = pd.Period(person.start, "M")
        age = (snapshot.month - month).n
        curve = snapshot.contract.profile(
            pd.PeriodIndex([month]), age + 1, group=person.customer_group, area=person.devolution_area
        )[0]
        rise = np.diff(curve, prepend=0.0)
        total[month] += sum(rise[j] * step[: age - j + 1].sum() for j in range(age + 1))
    np.testing.assert_allclose(found, list(total.values()), atol=1e-9)


def test_a_part_asks_its_whole_how_soon_things_are_recorded_and_whether_claims_are_known(snapshot):
    one = np.zeros(len(snapshot.journeys), dtype=bool)
    one[0] = True
    part = cuts.select(snapshot, one)
    assert expected.delay(part, "outcome") is expected.delay(snapshot, "outcome")
    assert expected.delay(part, "outcome").records > 1
    assert measures.claims_known(part) == measures.claims_known(snapshot)
    nested = cuts.select(part, np.array([True]))
    assert nested.whole is snapshot


def test_an_earlier_day_of_a_part_is_the_part_of_the_earlier_day(snapshot):
    day = pd.Timestamp("2019-03-14").date()
    found = journey.position(snapshot, day, where={"sex": "f"})
    then = journey.position(snapshot, day, by="sex").loc["f"]
    assert_frame_equal(found, then)


WAYS = [
    ({"age": "50 and over"}, lambda j: j["age"] >= 50),
    ({"age": slice(50, None)}, lambda j: j["age"] >= 50),
    ({"age": range(18, 25)}, lambda j: j["age"].between(18, 24)),
    ({"age": "under 30"}, lambda j: j["age"] < 30),
    ({"age": ["40 to 44", "60 and over"]}, lambda j: j["age"].between(40, 44) | (j["age"] >= 60)),
    ({"age": pd.Interval(30, 40, closed="left")}, lambda j: (j["age"] >= 30) & (j["age"] < 40)),
    ({"sex": "Female"}, lambda j: j["sex"] == "f"),
    ({"sex": "F", "age": range(18, 25)}, lambda j: (j["sex"] == "f") & j["age"].between(18, 24)),
    ({"start month": "2018-05"}, lambda j: j["start"].dt.strftime("%Y-%m") == "2018-05"),
    ({"start month": slice("2018-05", "2018-07")}, lambda j: j["start"].between("2018-05-01", "2018-07-31")),
    ({"start": slice("2018-05-10", None)}, lambda j: j["start"] >= "2018-05-10"),
    ({"referral year": 2019}, lambda j: j["referral"].dt.year == 2019),
    ({"referral year": slice(2019, 2019)}, lambda j: j["referral"].dt.year == 2019),
    ({"referral weekday": ["Monday", "friday"]}, lambda j: j["referral"].dt.day_of_week.isin([0, 4])),
    ({"start month": "not recorded"}, lambda j: j["start"].isna()),
]


@pytest.mark.parametrize(("where", "plain"), WAYS, ids=lambda value: "plain" if callable(value) else str(value)[:60])
def test_every_way_to_choose_is_what_pandas_chooses(snapshot, where, plain):
    chosen = plain(snapshot.journeys).fillna(False).to_numpy(dtype=bool)
    assert 0 < chosen.sum() < len(chosen)
    np.testing.assert_array_equal(cuts.mask(snapshot, where), chosen)
    np.testing.assert_array_equal(cuts.mask(snapshot, lambda journeys: plain(journeys).fillna(False)), chosen)
    flags = pd.Series(chosen, index=snapshot.journeys["referral_id"].astype("str"))
    np.testing.assert_array_equal(cuts.mask(snapshot, flags.sample(frac=1, random_state=1)), chosen)


def test_a_detail_is_that_of_the_first_event(snapshot):
    rows = snapshot.events[snapshot.events["event"] == "exit"].sort_values("event_date")
    first = rows.drop_duplicates("referral_id").set_index("referral_id")["detail"].astype("str")
    found = cuts.labels(snapshot, "exit detail").set_axis(snapshot.journeys["referral_id"].astype("str"))
    assert (found[first.index.astype("str")].to_numpy() == first.fillna("not recorded").to_numpy()).all()
    assert (found.drop(first.index.astype("str")) == "not recorded").all()


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda s: counts.summary(s, by="shoe_size"), "is no attribute of Work and Health Programme"),
        (lambda s: counts.summary(s, where={"sex": "femal"}), "where: sex has no 'femal'"),
        (lambda s: counts.summary(s, where={"sex": slice("a", None)}), "has no ranges"),
        (lambda s: counts.summary(s, where={"referral weekday": slice("Monday", None)}), "has no order"),
        (lambda s: counts.summary(s, where={"start": slice("May", "??")}), "cannot be compared"),
        (lambda s: counts.summary(s, where=np.array([True])), "a mask has True or False for each of the"),
        (lambda s: counts.summary(s, where=pd.Series([True], index=["nobody"])), "is indexed by referral_id"),
        (lambda s: counts.summary(s, where=lambda journeys: journeys["age"]), "a mask has True or False"),
        (lambda s: ratings.rate(s, by="sex"), "ratings.rate: cannot be cut: the regime rates whole units"),
        (lambda s: ratings.rate(cuts.select(s, {"sex": "f"})), "ratings.rate: cannot be cut"),
        (lambda s: forecast.outcomes(s, starts=True, where={"sex": "f"}), "starts to come are promised for all"),
    ],
)
def test_what_cannot_be_cut_says_why(snapshot, call, says):
    with pytest.raises(ParameterError, match=says.replace("(", r"\(").replace("?", r"\?")):
        call(snapshot)


def test_nobody_is_a_part_too(snapshot):
    nobody = np.zeros(len(snapshot.journeys), dtype=bool)
    assert counts.monthly(snapshot, where=nobody).to_numpy().sum() == 0
    assert len(counts.monthly(snapshot, by="sex", where=nobody)) == 0
    assert len(standards.cases(snapshot, where=nobody)) == 0


def test_a_part_is_remembered(snapshot):
    assert cuts.select(snapshot, {"sex": "f"}) is cuts.select(snapshot, {"sex": "Female"})
    assert counts.summary(snapshot, where={"sex": "f"}) is counts.summary(snapshot, where={"sex": "Female"})


def test_every_function_listed_takes_both():
    for function in TAKES_BOTH.values():
        assert {"by", "where"} <= set(inspect.signature(function).parameters)
