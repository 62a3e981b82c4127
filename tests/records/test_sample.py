"""The synthetic contract: laws that hold for every draw, and figures beside those published.

"WHP statistics" is DWP, Work and Health Programme statistics to February 2020 (published 28 May 2020): 166,160
referrals of 138,330 individuals, 103,300 starts, 75 % of individuals started, starts 72 % disability, 9 % early access
and 19 % long-term unemployed, 63 % men.
"""

from datetime import date

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal
from pydantic import ValidationError

from perflib.errors import ParameterError
from perflib.records.sample import make_extract, read_process
from perflib.records.sample.earnings import OUTCOME_HOURS, Earnings
from perflib.records.sample.jobs import LIVING_WAGE
from perflib.records.sample.people import Group, Shock, Subcontractor

BELIEVED = {"HMRC": 0, "PRaP": 1, "claim": 2, "CRM": 3}  # the order of design.md, "What counts", rule 4
MILESTONES = ["first_earnings", "earnings_1000", "earnings_2000", "job_outcome"]
HISTORY = ["customer_group", "subcontractor", "centre", "caseworker"]


@pytest.fixture(scope="module")
def extract():
    return make_extract(Earnings())


@pytest.fixture(scope="module")
def february():
    """The sample as known on the last day of the WHP statistics."""
    return make_extract(Earnings(last_day=date(2020, 2, 29)))


def current(events: pd.DataFrame, event: str, known_at: str | pd.Timestamp = "2040-01-01") -> pd.Series:
    """Date of an event without repeats, by referral: best source, then latest recorded; withdrawals taken out."""
    rows = events[(events["event"] == event) & (events["recorded_date"] <= pd.Timestamp(known_at))]
    withdrawn = rows.loc[rows["action"] == "withdraw", "referral_id"]
    rows = rows[~(rows["referral_id"].isin(withdrawn) & (rows["source"] == "HMRC"))]
    rows = rows.assign(rank=rows["source"].map(BELIEVED)).sort_values(
        ["rank", "recorded_date"], ascending=[True, False], kind="stable"
    )
    return rows.groupby("referral_id")["event_date"].first()


def outcomes(events: pd.DataFrame) -> pd.Series:
    """Date of the first outcome by either route, by referral."""
    routes = [current(events, "job_outcome"), current(events, "self_employed_outcome")]
    return pd.concat(routes).groupby(level=0).min()


def working_days(first: pd.Series, then: pd.Series) -> np.ndarray:
    """Mondays to Fridays from one date to the other, for the referrals that have both."""
    first, then = first.align(then, join="inner")
    return np.busday_count(first.to_numpy().astype("M8[D]"), then.to_numpy().astype("M8[D]"))


# ---- the same process, the same frames


def test_the_same_process_gives_identical_frames(extract):
    again = make_extract(Earnings())
    for name, table in extract.items():
        assert_frame_equal(again[name], table)


def test_another_seed_gives_another_extract(extract):
    assert not make_extract(Earnings(seed=17))["events"].equals(extract["events"])


def test_each_part_has_its_own_stream_so_that_fewer_reviews_move_nothing_else(extract):
    fewer = make_extract(Earnings(reviews_held=0.3))["events"]
    events = extract["events"]
    assert (fewer["event"] == "review").sum() < 0.5 * (events["event"] == "review").sum()
    assert_frame_equal(
        fewer[fewer["event"] != "review"].reset_index(drop=True),
        events[events["event"] != "review"].reset_index(drop=True),
    )


def test_before_the_shock_a_contract_with_it_is_the_contract_without_it():
    parameters = {"people_per_month": 60, "last_day": date(2020, 3, 31)}
    with_shock = make_extract(Earnings(**parameters, shock=Shock(month="2020-04")))
    assert_frame_equal(make_extract(Earnings(**parameters, shock=None))["events"], with_shock["events"])


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 1000),
    last=st.dates(date(2018, 1, 15), date(2021, 6, 30)),
    earlier=st.integers(0, 1200),
)
def test_an_extract_made_earlier_is_the_later_one_less_what_was_recorded_since(seed, last, earlier):
    cut = max(date(2018, 1, 15), date.fromordinal(last.toordinal() - earlier))
    process = Earnings(seed=seed, people_per_month=25, moved=0.3, group_corrected=0.2, last_day=last)
    later, sooner = make_extract(process), make_extract(process.model_copy(update={"last_day": cut}))
    for name in ("events", "attributes"):
        known = later[name][later[name]["recorded_date"] <= pd.Timestamp(cut)].reset_index(drop=True)
        assert_frame_equal(sooner[name], known)
    referred = current(later["events"], "referral", cut).index
    people = later["participants"].set_index("referral_id").loc[referred]
    assert_frame_equal(
        sooner["participants"].set_index("referral_id").drop(columns=HISTORY), people.drop(columns=HISTORY)
    )
    assert_frame_equal(sooner["units"], later["units"])


# ---- laws of the records


def test_nothing_is_recorded_after_the_last_day_or_before_it_happened(extract):
    events, attributes = extract["events"], extract["attributes"]
    assert events["recorded_date"].max() == pd.Timestamp("2020-09-30")
    assert attributes["recorded_date"].max() <= pd.Timestamp("2020-09-30")
    assert (events["event_date"] <= events["recorded_date"]).all()
    assert (attributes["from_date"] <= attributes["recorded_date"]).all()
    assert events["event_date"].min() >= pd.Timestamp("2018-01-15")


def test_referral_ids_are_unique_and_every_row_has_a_known_one(extract):
    ids = extract["participants"]["referral_id"]
    assert ids.is_unique
    assert ids.str.fullmatch(r"S\d{6}").all()
    assert extract["participants"]["participant_id"].str.fullmatch(r"P\d{6}").all()
    assert set(extract["events"]["referral_id"]) == set(ids)
    assert set(extract["attributes"]["referral_id"]) == set(ids)


def test_events_are_in_the_order_of_recording_then_referral(extract):
    order = extract["events"][["recorded_date", "referral_id"]]
    assert_frame_equal(order, order.sort_values(["recorded_date", "referral_id"], kind="stable"))


def test_every_column_is_text_or_a_date_filled_where_the_records_require_it(extract):
    for table in extract.values():
        assert all(str(dtype) in ("str", "datetime64[us]") for dtype in table.dtypes)
    assert extract["events"][["referral_id", "event", "event_date", "recorded_date", "source"]].notna().all(axis=None)
    assert extract["attributes"].notna().all(axis=None)
    assert set(extract["events"]["action"]) == {"record", "withdraw"}
    assert list(extract["units"]["role"].value_counts().sort_index().items()) == [
        ("end_to_end", 8),
        ("own", 1),
        ("specialist", 2),
    ]


def test_each_referral_is_resolved_once_at_the_earliest_the_working_day_after_it(extract):
    events = extract["events"]
    results = [current(events, event) for event in ("start", "did_not_attend", "did_not_start")]
    resolved = pd.concat(results)
    assert resolved.index.is_unique
    assert working_days(current(events, "referral"), resolved).min() >= 1


@pytest.mark.parametrize("known_at", ["2018-12-31", "2019-06-30", "2020-02-29", "2020-09-30"])
def test_milestones_come_in_order_whenever_the_extract_is_looked_at(extract, known_at):
    dates = pd.DataFrame({event: current(extract["events"], event, known_at) for event in MILESTONES})
    assert len(dates) > 5
    for before, after in zip(MILESTONES, MILESTONES[1:], strict=False):
        reached = dates[dates[after].notna()]
        withdrawn = reached[before].isna()
        assert not withdrawn.any()
        assert (reached[before] <= reached[after]).all()


@pytest.mark.requirement("WHP-19")
def test_outcomes_of_both_routes_fall_by_day_639_of_the_start(extract):
    events = extract["events"]
    days = (outcomes(events) - current(events, "start")).dt.days.dropna()
    assert len(days) == len(outcomes(events))
    assert days.min() > 0
    assert days.max() <= 639


def test_support_ends_by_day_456_for_those_out_of_work_and_by_day_639_for_all(extract):
    events = extract["events"]
    exits = events[events["event"] == "exit"].set_index("referral_id")
    day = (exits["event_date"] - current(events, "start")).dt.days.dropna()
    in_work = events[events["event"] == "job_start"]["referral_id"]
    assert day.max() <= 639 + 2  # an exit on a weekend is that of the Monday after
    assert day[~day.index.isin(in_work)].max() <= 456 + 2
    assert (exits["detail"] == "completed_in_work").sum() > 0
    assert day[exits["detail"] == "completed_in_work"].min() >= 639


def test_a_job_ends_after_it_began_and_before_the_next_begins(extract):
    jobs = extract["events"][extract["events"]["event"].isin(["job_start", "job_end"])]
    jobs = jobs.pivot(index=["referral_id", "ref"], columns="event", values="event_date").sort_index()
    assert jobs["job_start"].notna().all()
    assert (jobs["job_end"].dropna() >= jobs["job_start"][jobs["job_end"].notna()]).all()
    next_start = jobs.groupby(level="referral_id")["job_start"].shift(-1)
    both = next_start.notna() & jobs["job_end"].notna()
    assert both.sum() > 20
    assert (jobs["job_end"][both] < next_start[both]).all()


def test_every_self_employed_outcome_is_claimed_and_a_decision_follows_its_claim():
    tables = make_extract(Earnings(self_employed=1, claims_rejected=0.4, people_per_month=100))
    claims = tables["events"][tables["events"]["source"] == "claim"]
    assert "job_outcome" not in set(tables["events"]["event"])  # no pay, nothing for HMRC to see
    outcome = claims[claims["event"] == "self_employed_outcome"].set_index("referral_id")
    dates = claims.pivot(index=["referral_id", "ref"], columns="event", values="event_date")
    assert (dates.xs("C1", level="ref")["claim_submitted"].reindex(outcome.index) == outcome["recorded_date"]).all()
    assert (dates[["claim_paid", "claim_rejected"]].notna().sum(axis=1) <= 1).all()
    assert not (dates["claim_paid"] <= dates["claim_submitted"]).any()
    second = dates.xs("C2", level="ref")["claim_submitted"]
    assert len(second) > 5
    assert (second > dates.xs("C1", level="ref")["claim_rejected"].reindex(second.index)).all()


def test_provider_and_department_act_on_working_days_only(extract):
    events = extract["events"]
    any_day = events["event"].isin([*MILESTONES, "job_end", "self_employed_outcome"])
    assert (events.loc[~any_day, "event_date"].dt.day_of_week < 5).all()
    assert (events["recorded_date"].dt.day_of_week < 5).all()


def test_a_correction_brings_the_date_forward_and_is_recorded_later(extract):
    events = extract["events"][extract["events"]["action"] == "record"]
    for event, source in (("start", "PRaP"), ("job_outcome", "HMRC")):
        rows = events[(events["event"] == event) & (events["source"] == source)]
        twice = rows[rows.duplicated("referral_id", keep=False)].groupby("referral_id")
        assert twice.ngroups > 3
        assert (twice.size() == 2).all()
        assert (twice["event_date"].last() < twice["event_date"].first()).all()
        assert (twice["recorded_date"].last() > twice["recorded_date"].first()).all()


def test_some_outcomes_are_withdrawn_by_the_source_that_gave_them(extract):
    events = extract["events"]
    withdrawn = events[events["action"] == "withdraw"]
    given = events[(events["event"] == "job_outcome") & (events["action"] == "record")].set_index("referral_id")
    given = given.loc[withdrawn["referral_id"]]
    assert 0 < len(withdrawn) < 0.05 * len(events[events["event"] == "job_outcome"])
    assert set(withdrawn["event"]) == {"job_outcome"}
    assert (given["source"].to_numpy() == withdrawn["source"].to_numpy()).all()
    assert (given["event_date"].to_numpy() == withdrawn["event_date"].to_numpy()).all()
    assert (given["recorded_date"].to_numpy() < withdrawn["recorded_date"].to_numpy()).all()


def test_estimates_of_first_earnings_come_before_hmrc_and_within_five_days_of_its_date(extract):
    rows = extract["events"][extract["events"]["event"] == "first_earnings"]
    both = rows.pivot(index="referral_id", columns="source", values=["event_date", "recorded_date"]).dropna()
    assert len(both) > 100
    assert (both["event_date", "CRM"] - both["event_date", "HMRC"]).abs().max() <= pd.Timedelta(days=5)
    assert (both["recorded_date", "CRM"] < both["recorded_date", "HMRC"]).mean() > 0.9


def test_attributes_are_recorded_with_the_referral_and_the_participants_table_has_the_last_known():
    tables = make_extract(Earnings(people_per_month=60, moved=0.3, group_corrected=0.2))
    attributes = tables["attributes"]
    first = attributes.groupby(["attribute", "referral_id"]).first()
    referred = current(tables["events"], "referral")
    for attribute in HISTORY:
        assert first.loc[attribute, "recorded_date"].equals(referred.rename("recorded_date"))
    last = attributes.sort_values(["from_date", "recorded_date"], kind="stable").groupby(["referral_id", "attribute"])
    last = last["value"].last().unstack()[HISTORY]
    assert_frame_equal(
        tables["participants"].set_index("referral_id")[HISTORY], last, check_names=False, check_index_type=False
    )
    assert (attributes.groupby("attribute").size() > len(referred) + 20).all()


def test_caseworkers_and_centres_belong_to_their_subcontractor(extract):
    people = extract["participants"]
    assert (people["centre"].str[:4] == people["subcontractor"]).all()
    assert (people["caseworker"].str[:4] == people["subcontractor"]).all()
    assert people.groupby("caseworker")["centre"].nunique().max() == 1
    assert not people["subcontractor"].isin(["SP01", "SP02"]).any()  # specialists own no referrals


def test_nobody_of_a_suspended_group_is_referred_and_others_still_are():
    tables = make_extract(Earnings(people_per_month=100, group_corrected=0))
    group = tables["participants"].set_index("referral_id")["customer_group"]
    referred = current(tables["events"], "referral")
    assert referred[group == "ltu"].max() < pd.Timestamp("2020-04-01")
    assert (group == "ltu").sum() > 200
    assert referred[group == "disability"].max() > pd.Timestamp("2020-09-01")


def test_an_outcome_takes_416_hours_at_the_living_wage_paid_in_whole_weeks_or_months():
    # 16 hours a week for 182 days: 416 hours. At 37.5 hours a week that is 77.7 days, paid on day 84 by the week; at
    # 16 hours 182 days, paid on day 210 by the 30 days. Jobs that last, at the living wage of the start's threshold.
    process = Earnings(pay_premium=0, outcome_corrected=0, job_length=1e5, job_length_shape=5, disengaged=0)
    events = make_extract(process)["events"]
    jobs = events[events["event"] == "job_start"].set_index("referral_id")["event_date"]
    assert jobs.index.is_unique
    start, outcome = current(events, "start").reindex(jobs.index), current(events, "job_outcome").reindex(jobs.index)
    same_rate = (start >= "2018-04-01") & (jobs < "2019-04-01")
    days = (outcome - jobs)[same_rate].dropna().dt.days
    assert len(days) > 50
    assert (days.min(), days.max()) == (84, 210)


def test_the_threshold_is_the_one_published_for_each_year():
    # 416 hours at the National Living Wage: 2017 £3,120.00, 2018 £3,257.28, ... 2025 £5,079.36 (gov.uk rates).
    thresholds = [round(OUTCOME_HOURS * rate, 2) for rate in LIVING_WAGE.values()]
    assert thresholds == [3120.0, 3257.28, 3415.36, 3627.52, 3706.56, 3952.0, 4334.72, 4759.04, 5079.36]


# ---- figures


def test_the_sample_is_of_the_size_that_reports_are_tried_on(extract):
    assert 6_000 <= len(extract["participants"]) <= 7_000
    assert len(extract["events"]) < 100_000


def test_three_quarters_of_individuals_start_as_published(february):
    people = february["participants"].set_index("referral_id")
    started = people.loc[current(february["events"], "start").index, "participant_id"].nunique()
    assert started / people["participant_id"].nunique() == pytest.approx(103_300 / 138_330, abs=0.025)


def test_there_are_six_referrals_for_five_individuals_as_published(february):
    people = february["participants"]
    assert len(people) / people["participant_id"].nunique() == pytest.approx(166_160 / 138_330, abs=0.03)


def test_starts_by_group_and_the_share_of_men_are_as_published(february):
    people = february["participants"].set_index("referral_id")
    groups = people.loc[current(february["events"], "start").index, "customer_group"].value_counts(normalize=True)
    for group, published in {"disability": 0.72, "early_access": 0.09, "ltu": 0.19}.items():
        assert groups[group] == pytest.approx(published, abs=0.025)
    assert (people["sex"] == "M").mean() == pytest.approx(0.63, abs=0.025)
    assert (people["devolution_area"] == "GM").mean() == pytest.approx(0.25, abs=0.025)
    assert people["age"].astype(int).between(18, 66).all()


def test_of_starters_to_august_2018_about_88_per_cent_have_no_outcome_by_february_2019():
    # Disability Rights UK, May 2019, on the WHP statistics to February 2019: 88 % without.
    events = make_extract(Earnings(last_day=date(2019, 6, 30)))["events"]
    start, outcome = current(events, "start"), outcomes(events)
    starters = start[start <= "2018-08-31"].index
    assert 1 - starters.isin(outcome[outcome <= "2019-02-28"].index).mean() == pytest.approx(0.88, abs=0.04)


def test_of_mature_starters_three_tenths_earn_and_a_fifth_reach_an_outcome(extract):
    # Bands of ours: no figure for mature WHP starters is published (Restart's, at 12 months: 42 % and 25 %).
    events = extract["events"]
    start = current(events, "start")
    mature = start[start <= "2018-12-31"].index
    assert 0.25 <= mature.isin(current(events, "first_earnings").index).mean() <= 0.36
    assert 0.16 <= mature.isin(outcomes(events).index).mean() <= 0.26


def test_subcontractors_differ_as_their_effects_say():
    tables = make_extract(Earnings(people_per_month=500))
    people, start = tables["participants"].set_index("referral_id"), current(tables["events"], "start")
    mature = people.loc[start[start <= "2018-12-31"].index]
    rate = mature.index.to_series().isin(outcomes(tables["events"]).index).groupby(mature["subcontractor"]).mean()
    assert rate["SC04"] < 0.75 * rate[["SC01", "SC02", "SC03"]].min()  # log hazard -.55
    assert rate["SC05"] > rate[["SC01", "SC02", "SC03"]].max()  # +.35


def test_job_starts_fall_at_the_shock_and_only_then():
    def fall(shock: Shock | None) -> float:
        events = make_extract(Earnings(people_per_month=400, shock=shock))["events"]
        days = events.loc[events["event"] == "job_start", "event_date"]
        return days.between("2020-04-01", "2020-06-30").sum() / days.between("2020-01-01", "2020-03-31").sum()

    assert fall(Shock(job_entry=0.5, referrals=1, recovery_months=1000)) == pytest.approx(0.5, abs=0.12)
    assert fall(None) == pytest.approx(1, abs=0.15)


def test_referrals_rise_over_the_ramp_up_and_fall_at_the_shock(extract):
    months = current(extract["events"], "referral").dt.to_period("M").value_counts().sort_index()
    assert months["2018-02":"2018-04"].mean() < 0.45 * months["2018-10":"2019-03"].mean()
    assert months["2020-04":"2020-06"].mean() < 0.75 * months["2020-01":"2020-03"].mean()


def test_hmrc_records_half_in_34_days_and_95_per_cent_in_76(extract):
    # As in extracts seen: medians 33 to 34 days, 95th percentiles 73 to 77.
    rows = extract["events"][(extract["events"]["event"] == "first_earnings") & (extract["events"]["source"] == "HMRC")]
    rows = rows[rows["event_date"] <= "2020-02-29"]  # so that the longest delays are in
    days = (rows["recorded_date"] - rows["event_date"]).dt.days
    assert days.median() == pytest.approx(34, abs=3)
    assert days.quantile(0.95) == pytest.approx(76, abs=8)


def test_service_is_mostly_but_not_always_in_time(extract):
    events = extract["events"]
    referred = current(events, "referral")
    resolved = events[events["event"].isin(["start", "did_not_attend", "did_not_start"])].groupby("referral_id")
    result = pd.concat([current(events, event) for event in ("start", "did_not_attend", "did_not_start")])
    assert 0.90 <= (working_days(referred, current(events, "acknowledged")) <= 2).mean() < 1
    assert 0.85 <= (working_days(referred, result) <= 10).mean() < 0.97
    assert 0.93 <= (working_days(referred, resolved["recorded_date"].first()) <= 15).mean() < 1
    assert 0 < (working_days(referred, result) > 15).mean() < 0.04
    assert 0.85 <= (working_days(referred, current(events, "action_plan_agreed")) <= 20).mean() < 0.99
    sent = working_days(current(events, "esf1420_signed"), current(events, "esf1420_sent"))
    assert 0.90 <= (sent <= 5).mean() < 1


def test_reviews_are_about_monthly_and_stop_at_the_exit(extract):
    reviews = extract["events"][extract["events"]["event"] == "review"]
    gaps = reviews.groupby("referral_id")["event_date"].diff().dt.days.dropna()
    assert gaps.min() >= 14
    assert gaps.median() == pytest.approx(30, abs=4)
    exits = current(extract["events"], "exit")
    last = reviews.groupby("referral_id")["event_date"].max()
    assert (last.reindex(exits.index).dropna() < exits.loc[last.index.intersection(exits.index)]).all()


def test_peer_groups_are_four_and_tell_something_of_the_chance_of_work(extract):
    rows = extract["events"][extract["events"]["event"] == "peer_group"]
    first = rows.groupby("referral_id")["value"].first()
    assert set(rows["value"]) == {"1", "2", "3", "4"}
    assert rows.duplicated("referral_id").any()  # people move between them
    works = first.index.to_series().isin(current(extract["events"], "job_start").index).groupby(first).mean()
    assert works["4"] > 1.5 * works["1"]


# ---- other contracts


def test_a_contract_three_weeks_old_has_referrals_and_no_outcome():
    tables = make_extract(Earnings(last_day=date(2018, 2, 5), people_per_month=500))
    assert len(tables["participants"]) > 20
    assert {"referral", "acknowledged", "start"} <= set(tables["events"]["event"])
    assert not {"job_outcome", "self_employed_outcome", "exit"} & set(tables["events"]["event"])


def test_a_contract_may_have_one_referral():
    tables = make_extract(Earnings(seed=5, people_per_month=0.1, last_day=date(2018, 12, 31)))
    assert len(tables["participants"]) == 1
    assert tables["events"]["event"].iloc[0] == "referral"


def test_a_contract_without_referrals_has_empty_tables_of_the_same_form(extract):
    tables = make_extract(Earnings(people_per_month=0))
    for name in ("participants", "events", "attributes"):
        assert len(tables[name]) == 0
        assert tables[name].dtypes.equals(extract[name].dtypes)


def test_a_contract_may_have_one_group_one_subcontractor_no_area_no_forms_and_no_shock():
    process = Earnings(
        people_per_month=50,
        groups=[Group(code="all", share=1)],
        subcontractors=[Subcontractor(unit_id="X", share=1)],
        devolution_areas={},
        esf_forms=False,
        shock=None,
    )
    tables = make_extract(process)
    assert set(tables["participants"]["customer_group"]) == {"all"}
    assert tables["participants"]["devolution_area"].isna().all()
    assert not tables["events"]["event"].str.startswith("esf").any()
    assert (tables["attributes"]["attribute"].value_counts() == len(tables["participants"])).all()


def test_the_day_before_a_suspension_and_a_month_without_a_working_day_are_no_trouble():
    suspended = Group(code="all", share=1, suspended=(date(2018, 4, 1), date(2018, 4, 30)))
    process = Earnings(first_day=date(2018, 3, 31), last_day=date(2018, 6, 30), groups=[suspended])  # a Saturday
    assert current(make_extract(process)["events"], "referral").min() >= pd.Timestamp("2018-05-01")


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"last_day": date(2018, 1, 14)}, "last_day 2018-01-14 is before first_day 2018-01-15"),
        ({"groups": [{"code": "a", "share": 0.5}]}, "the shares of groups add up to 0.5, not to 1"),
        ({"subcontractors": [{"unit_id": "a", "share": 0.9}]}, "the shares of subcontractors add up to 0.9, not to 1"),
        (
            {"subcontractors": [{"unit_id": "a", "share": 1, "role": "specialist"}]},
            "a specialist is allocated no referrals: leave its share at 0",
        ),
        ({"devolution_areas": {"A": 0.6, "B": 0.5}}, "the shares of devolution_areas add up to more than 1"),
        ({"hmrc": {"median": 30, "p95": 20}}, "p95 (20) is less than the median (30)"),
        ({"shock": {"month": "2020-13"}}, "String should match pattern"),
        ({"sed": 3}, "Extra inputs are not permitted"),
    ],
)
def test_parameters_that_cannot_be_are_refused_with_what_is_wrong(parameters, message):
    with pytest.raises(ValidationError) as error:
        Earnings(**parameters)
    assert message in str(error.value)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"process": "cuorse"}, "source.sample.process: 'cuorse': did you mean 'course'?"),
        ({"process": "course", "sessions": 9}, "source.sample.sessions: 9: Input should be less than or equal to 5."),
        ({"seed": -1}, "source.sample.seed: -1: Input should be greater than or equal to 0."),
    ],
)
def test_a_contract_file_that_asks_for_what_there_is_not_is_told_so_in_one_line(given, message):
    with pytest.raises(ParameterError) as error:
        read_process(given)
    assert str(error.value) == message


def test_without_a_process_the_sample_is_of_earnings():
    assert read_process({"seed": 4}) == Earnings(seed=4)


# ---- planted faults


def test_faults_are_planted_in_the_shares_asked_for_and_nothing_else_moves(extract):
    asked = {"repeated": 0.05, "impossible_age": 0.1, "dated_ahead": 0.2}
    faulty = make_extract(Earnings(faults=asked))
    people, events = faulty["participants"], faulty["events"]
    assert (people["age"] == "-3").mean() == pytest.approx(0.1, abs=0.02)
    assert_frame_equal(people.drop(columns="age"), extract["participants"].drop(columns="age"))
    assert events.duplicated().sum() / len(people) == pytest.approx(0.05, abs=0.015)
    assert set(events.loc[events.duplicated(), "event"]) == {"referral"}
    exits = events[events["event"] == "exit"]
    ahead = exits["event_date"] > exits["recorded_date"]
    assert ahead.mean() == pytest.approx(0.2, abs=0.04)
    others = events[events["event"] != "exit"].drop_duplicates(ignore_index=True)
    assert_frame_equal(others, extract["events"][extract["events"]["event"] != "exit"].reset_index(drop=True))
    assert not (extract["participants"]["age"] == "-3").any()
