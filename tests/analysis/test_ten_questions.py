"""The ten questions of docs/guides/ten-questions.md, each against an answer worked out another way."""

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from scipy import stats
from statsmodels.duration.survfunc import SurvfuncRight

from perflib import load_snapshot
from perflib.analysis import cohorts, comparison, cuts, expected, journey, regression, survival
from perflib.errors import ParameterError

MONTH = pd.Period("2020-06")


@pytest.fixture(scope="module")
def snapshot():
    return load_snapshot("whp-sample", "2020-06")


@pytest.fixture(scope="module")
def aged(snapshot):
    """Starts of cohorts that are 12 months old, by plain pandas: the first outcome that counts."""
    people = snapshot.journeys.dropna(subset="start").copy()
    events = snapshot.events.astype({"referral_id": "str", "event": "str"})
    start = people.set_index(people["referral_id"].astype("str"))["start"]
    work = events[events["event"] == "job_outcome"]
    day = (work["event_date"].to_numpy() - start.reindex(work["referral_id"]).to_numpy()).astype("timedelta64[D]")
    work = work[(day.astype(float) >= 0) & (day.astype(float) <= 639)]
    own = events[events["event"] == "self_employed_outcome"]
    assert set(snapshot.programme.outcomes["outcome"].routes[0].event.split()) == {"job_outcome"}
    own = own[[_claimed(events, start, row) for row in own.itertuples()]]
    first = pd.concat([work, own]).groupby("referral_id")["event_date"].min()
    people["outcome"] = first.reindex(people["referral_id"].astype("str")).to_numpy()
    people["cohort"] = people["start"].dt.to_period("M")
    gone = 12 * (people["outcome"].dt.year - people["start"].dt.year)
    people["reached"] = (gone + people["outcome"].dt.month - people["start"].dt.month <= 12).astype(int)
    return people[people["cohort"] + 12 <= MONTH]


def _claimed(events, start, row):
    """Whether a self-employed outcome is in time, and a claim of the referral that stands was submitted by day 700."""
    begun = start.get(row.referral_id)
    if begun is None or not 0 <= (row.event_date - begun).days <= 639:
        return False
    mine = events[events["referral_id"] == row.referral_id]
    employed = set(mine.loc[mine["event"] == "job_outcome", "ref"].dropna())
    claims = mine[mine["event"].str.startswith("claim_") & ~mine["ref"].isin(employed)]
    for _, claim in claims.groupby(claims["ref"].astype("str")):
        submitted = claim.loc[claim["event"] == "claim_submitted", "event_date"]
        latest = claim.sort_values("event_date")["event"].iloc[-1]
        if latest != "claim_rejected" and len(submitted) and (submitted.max() - begun).days <= 700:
            return True
    return False


def test_1_over_50s_by_subcontractor(snapshot, aged):
    found = cohorts.rates(snapshot, 12, by="subcontractor", where={"age": "50 and over"})
    old = aged[aged["age"] >= 50]
    counted = old.groupby(old["subcontractor"].astype("str"))["reached"].agg(["size", "sum"])
    assert found["starts"].to_dict() == counted["size"].to_dict()
    assert found["outcomes"].to_dict() == counted["sum"].to_dict()
    for unit, row in found.iterrows():
        exact = stats.binomtest(int(row["outcomes"]), int(row["starts"])).proportion_ci(method="exact")
        assert (row["lower"], row["upper"]) == pytest.approx((exact.low, exact.high)), unit


def test_2_ethnicity_by_area(snapshot, aged):
    found = cohorts.rates(snapshot, 12, by=["devolution_area", "ethnicity"])
    keys = [aged[name].astype("str").fillna("not recorded") for name in ("devolution_area", "ethnicity")]
    counted = aged.groupby(keys)["reached"].agg(["size", "sum"])
    assert found["starts"].to_dict() == counted["size"].to_dict()
    assert found["outcomes"].to_dict() == counted["sum"].to_dict()
    assert found["starts"].sum() == len(aged)


def median_with_competing(days, cause):
    """Aalen-Johansen by hand: the first day on which half have reached cause 1."""
    left, reached = 1.0, 0.0
    for day in np.unique(days[cause > 0]):
        at_risk = (days >= day).sum()
        reached += left * ((days == day) & (cause == 1)).sum() / at_risk
        left *= 1 - ((days == day) & (cause > 0)).sum() / at_risk
        if reached >= 0.5 - 1e-9:
            return day
    return np.nan


def test_3_days_from_referral_to_start_by_month_and_centre(snapshot):
    found = survival.times(snapshot, [("referral", "start")], by=["referral month", "centre"])
    found = found.set_index(["referral month", "centre"])["median"]
    people = snapshot.journeys
    end = pd.Timestamp("2020-06-30")
    ends = people[["start", "did_not_attend", "did_not_start"]]
    first = ends.min(axis=1)
    days = (first.fillna(end) - people["referral"]).dt.days
    cause = np.where(first.isna(), 0, np.where(ends["start"] == first, 1, 2))
    keys = [people["referral"].dt.strftime("%Y-%m"), people["centre"].astype("str").fillna("not recorded")]
    groups = pd.DataFrame({"days": days, "cause": cause}).groupby(keys)
    answers = {key: median_with_competing(rows["days"].to_numpy(), rows["cause"].to_numpy()) for key, rows in groups}
    assert len(answers) == len(found)
    np.testing.assert_allclose([found[key] for key in answers], list(answers.values()))


def test_4_cohorts_behind_their_profile(snapshot):
    found = cohorts.against_profile(snapshot, by="customer_group")
    shares = expected.delay(snapshot, "outcome").shares
    people = snapshot.journeys.dropna(subset="start")
    keys = [people["customer_group"].astype("str"), people["start"].dt.to_period("M")]
    for (group, cohort), rows in people.groupby(keys):
        age = (MONTH - cohort).n
        total = 0.0
        for area in rows["devolution_area"]:
            curve = snapshot.contract.profile(pd.PeriodIndex([cohort]), age + 1, group=group, area=area)[0]
            rise = np.diff(curve, prepend=0.0)
            total += sum(rise[j] * shares[min(age - j, len(shares) - 1)] for j in range(age + 1))
        row = found.loc[(group, cohort)]
        assert row["expected"] == pytest.approx(total)
        assert row["difference"] == pytest.approx(row["recorded"] - total)


def test_5_who_is_nearest_the_thousand_pounds(snapshot):
    found = journey.nearest(snapshot, "earnings_1000", after="first_earnings")["people"]
    people = snapshot.journeys
    waiting = people[people["start"].notna() & people["first_earnings"].notna() & people["earnings_1000"].isna()]
    waiting = waiting[(pd.Timestamp("2020-06-30") - waiting["start"]).dt.days <= 639]
    since = waiting["first_earnings"]
    months = (12 * (2020 - since.dt.year) + 6 - since.dt.month).value_counts()
    assert {month: people for month, people in found.items() if people} == months.to_dict()
    by_group = journey.nearest(snapshot, by="customer_group")["people"]
    assert by_group.groupby("months").sum().to_dict() == found.to_dict()


def plain_spells(snapshot):
    """Spells of work of each referral: jobs by their ref, those that overlap taken as one."""
    events = snapshot.events.astype({"referral_id": "str", "event": "str", "ref": "str"})
    jobs = events[events["event"] == "job_start"].merge(
        events[events["event"] == "job_end"], "left", on=["referral_id", "ref"], suffixes=("", "_end")
    )
    rows = []
    for referral, mine in jobs.sort_values("event_date").groupby("referral_id"):
        spells = []
        ends = mine["event_date_end"].fillna(pd.Timestamp("2200-01-01"))
        for begin, end in zip(mine["event_date"], ends, strict=True):
            if spells and begin <= spells[-1][1]:
                spells[-1][1] = max(spells[-1][1], end)
            else:
                spells.append([begin, end])
        rows += [(referral, *spell) for spell in spells]
    return pd.DataFrame(rows, columns=["referral_id", "begin", "end"])


def test_6_job_retention_by_group(snapshot):
    found = journey.retention(snapshot, weeks=(13, 26), by="customer_group")
    people = snapshot.journeys.set_index(snapshot.journeys["referral_id"].astype("str"))
    spells = plain_spells(snapshot).join(people[["start", "exit", "customer_group"]], on="referral_id")
    until = spells["exit"].fillna(pd.Timestamp("2020-06-30"))
    mine = spells["start"].notna() & (spells["begin"] >= spells["start"]) & (spells["begin"] <= until)
    spells, until = spells[mine], until[mine]
    ended = spells["end"] <= until
    days = (spells["end"].where(ended, until) - spells["begin"]).dt.days
    for group, rows in spells.groupby(spells["customer_group"].astype("str")):
        curve = SurvfuncRight(days[rows.index], ended[rows.index].astype(int))
        for weeks in (13, 26):
            share = curve.surv_prob[np.searchsorted(curve.surv_times, 7 * weeks, side="right") - 1]
            row = found.loc[(group, weeks)]
            assert row["share"] == pytest.approx(share)
            assert row["spells"] == len(rows)
            assert row["lower"] < row["share"] < row["upper"]


def test_7_caseload_a_worker(snapshot):
    found = journey.active(snapshot, by="caseworker")
    people, end = snapshot.journeys, pd.Timestamp("2020-06-30")
    there = people["start"].notna() & ~(people["exit"] <= end) & ((end - people["start"]).dt.days <= 639)
    held = people[there]["caseworker"].astype("str").fillna("not recorded")
    history = snapshot.tables["attributes"]
    history = history[(history["attribute"] == "caseworker") & (history["from_date"] <= end)]
    last = history.sort_values(["from_date", "recorded_date"]).groupby(history["referral_id"].astype("str"))["value"]
    now = last.last().reindex(people[there]["referral_id"].astype("str"))
    held = pd.Series(now.to_numpy(), index=held.index).astype("str").fillna(held)
    assert found.to_dict() == held.value_counts().to_dict()
    assert found.is_monotonic_decreasing
    assert journey.active(snapshot)["all"] == found.sum() == there.sum()


def test_8_before_and_after_with_the_trend_allowed_for(snapshot, aged):
    found = regression.before_after(snapshot, "2018-10", age=12)
    delay = expected.delay(snapshot, "outcome").shares
    counted = aged.groupby("cohort")["reached"].agg(["size", "sum"])
    waited = [(MONTH - (cohort + 12)).n for cohort in counted.index]
    counted = counted[[delay[min(wait, len(delay) - 1)] >= 0.95 for wait in waited]]
    month = np.array([(cohort - pd.Period("2018-10")).n for cohort in counted.index])
    design = np.column_stack([np.ones(len(month)), month, month >= 0, np.where(month >= 0, month, 0)]).astype(float)
    beta, cells = np.zeros(4), counted.to_numpy(dtype=float)
    for _ in range(50):  # Newton's method, by hand
        chance = 1 / (1 + np.exp(-design @ beta))
        information = design.T @ (design * (cells[:, 0] * chance * (1 - chance))[:, None])
        beta = beta + np.linalg.solve(information, design.T @ (cells[:, 1] - cells[:, 0] * chance))
    error = np.sqrt(np.diag(np.linalg.inv(information)))
    np.testing.assert_allclose(found.table["odds_ratio"], np.exp(beta[1:]), rtol=1e-6)
    np.testing.assert_allclose(found.table["upper"], np.exp(beta[1:] + 1.959964 * error[1:]), rtol=1e-5)
    assert found.cohorts["starts"].to_list() == counted["size"].to_list()
    before = found.cohorts.index < pd.Period("2018-10")
    np.testing.assert_allclose(found.cohorts["without"][before], found.cohorts["fitted"][before])


def test_8_too_few_cohorts_on_a_side_are_refused(snapshot):
    with pytest.raises(ParameterError, match="3 cohorts before it are old enough; 6 are needed"):
        regression.before_after(snapshot, "2018-04")


def test_9_two_subcontractors_at_an_equal_mix(snapshot, aged):
    found = comparison.pair(snapshot, "SC01", "SC02", age=12, adjust=["customer_group", "sex"])
    frame = aged.astype({"subcontractor": "str", "customer_group": "str", "sex": "str"})
    weights, rates, variance = {}, {"SC01": 0.0, "SC02": 0.0}, 0.0
    for key, rows in frame.groupby(["customer_group", "sex"]):
        units = {unit: rows.loc[rows["subcontractor"] == unit, "reached"] for unit in rates}
        if all(len(unit) for unit in units.values()):
            weights[key] = units
    total = sum(len(unit) for units in weights.values() for unit in units.values())
    for units in weights.values():
        weight = sum(map(len, units.values())) / total
        for unit, reached in units.items():
            rates[unit] += weight * reached.mean()
            variance += weight**2 * reached.mean() * (1 - reached.mean()) / len(reached)
    assert found.units["standardised"].to_dict() == pytest.approx(rates)
    assert found.difference == pytest.approx(rates["SC01"] - rates["SC02"])
    assert found.upper - found.difference == pytest.approx(1.959964 * np.sqrt(variance), rel=1e-5)
    assert found.strata["weight"].sum() == pytest.approx(1)


def test_9_units_that_serve_different_people_are_refused(snapshot):
    apart = cuts.mask(snapshot, {"subcontractor": "SC01", "sex": "f"})
    apart |= cuts.mask(snapshot, {"subcontractor": "SC02", "sex": "m"})
    with pytest.raises(ParameterError, match=r"cannot be compared at equal mix: 0 of the \d+ starts of SC0"):
        comparison.pair(snapshot, "SC01", "SC02", adjust=["sex"], where=apart)


def test_10_the_odds_ratio_of_one_year_of_age(snapshot, aged):
    model = regression.logit(snapshot, "age", age=12)
    known = aged.dropna(subset="age")
    plain = sm.Logit(known["reached"].to_numpy(), sm.add_constant(known["age"].to_numpy(dtype=float))).fit(disp=False)
    assert model.params["age"] == pytest.approx(plain.params[1])
    assert model.conf_int().loc["age"].tolist() == pytest.approx(plain.conf_int()[1].tolist())
    assert model.nobs == len(known)
    assert "Logit Regression Results" in str(model.summary())


def test_the_log_rank_test_between_two_groups_is_the_sum_over_days_by_hand(snapshot):
    found = regression.log_rank(snapshot, "sex", where={"sex": ["f", "m"]})
    rows = regression.waits(snapshot)
    rows = rows[rows["sex"].isin(["f", "m"])]
    days, came, first = rows["days"].to_numpy(), rows["reached"].to_numpy() == 1, (rows["sex"] == "f").to_numpy()
    above, variance = 0.0, 0.0
    for day in np.unique(days[came]):
        n, of_first, events = (days >= day).sum(), ((days >= day) & first).sum(), ((days == day) & came).sum()
        above += ((days == day) & came & first).sum() - events * of_first / n
        if n > 1:
            variance += events * of_first / n * (1 - of_first / n) * (n - events) / (n - 1)
    assert found["statistic"] == pytest.approx(above**2 / variance)
    assert found["p"] == pytest.approx(stats.chi2.sf(above**2 / variance, 1))


def test_hazard_ratios_leave_out_who_lacks_a_number(snapshot):
    result = regression.hazard(snapshot, "age + sex")
    rows = regression.waits(snapshot)
    assert result.model.endog.shape[0] == rows["age"].notna().sum()
    score = result.model.score(result.params)
    np.testing.assert_allclose(score, 0, atol=1e-3)


def test_adjusted_odds_ratios_are_those_of_one_model_by_hand(snapshot, aged):
    table, result = regression.adjusted(snapshot, ["sex", "customer_group"])
    frame = aged.astype({"sex": "str", "customer_group": "str"})
    largest = {name: frame[name].value_counts().index[0] for name in ("sex", "customer_group")}
    columns = {
        (name, value): (frame[name] == value).astype(float)
        for name in largest
        for value in sorted(frame[name].unique())
        if value != largest[name]
    }
    plain = sm.Logit(frame["reached"].to_numpy(), sm.add_constant(pd.DataFrame(columns).to_numpy())).fit(disp=False)
    for place, key in enumerate(columns, start=1):
        assert table.loc[key, "odds_ratio"] == pytest.approx(np.exp(plain.params[place]))
        assert table.loc[key, "upper"] == pytest.approx(np.exp(plain.conf_int()[place][1]))
    for name, value in largest.items():
        assert table.loc[(name, value), "odds_ratio"] == 1
    assert "Logit Regression Results" in str(result.summary())


def test_groups_of_which_nothing_can_be_said_are_left_out(snapshot):
    table, result = regression.adjusted(snapshot)
    assert (table["starts"] >= 10).all()
    assert ((table["outcomes"] > 0) & (table["outcomes"] < table["starts"])).all()
    assert np.isfinite(result.bse).all()


def test_diagnostics_are_those_of_statsmodels(snapshot):
    result = regression.logit(snapshot, "age + sex")
    other = sm.GLM(result.model.endog, result.model.exog, family=sm.families.Binomial()).fit().get_influence()
    found = regression.influence(result)
    np.testing.assert_allclose(np.sort(found["leverage"]), np.sort(other.hat_matrix_diag), rtol=1e-5)
    np.testing.assert_allclose(found["cooks_distance"], np.sort(other.cooks_distance[0])[::-1], rtol=1e-4)
    fit = regression.calibration(result, groups=5)
    chance, reached = result.predict(), result.model.endog
    lowest = np.argsort(chance, kind="stable")[: len(chance) // 5 + (len(chance) % 5 > 0)]
    assert fit["expected"].iloc[0] == pytest.approx(chance[lowest].sum())
    assert fit["observed"].iloc[0] == reached[lowest].sum()
    assert fit["starts"].sum() == result.nobs


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda s: regression.logit(s, "age +"), "cannot be read"),
        (lambda s: regression.logit(s, "shoe"), "cannot be read. It may name cohort"),
        (lambda s: regression.logit(s, "age", age=0), "Some must, and some not"),
        (lambda s: regression.log_rank(s, "sex", where={"sex": "f"}), "everybody is in one group"),
        (lambda s: comparison.pair(s, "SC01", "SC99"), "subcontractor 'SC99': has no start"),
        (lambda s: comparison.pair(s, "SC01", "SC02", adjust=["shoe"]), "'shoe': is no attribute"),
    ],
)
def test_what_cannot_be_answered_says_why(snapshot, call, says):
    with pytest.raises(ParameterError, match=says):
        call(snapshot)
