"""What the sentences say is what the extract holds; each number is counted again here, from the extract's own rows."""

import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy import optimize, stats

from perflib.analysis import cohorts, trend_charts
from perflib.analysis import counts as counts_analysis
from perflib.analysis.expected import delay
from perflib.disclosure.presenter import Presenter
from perflib.disclosure.rules import Disclosure
from perflib.disclosure.sentences import as_text
from perflib.records.loading import load_snapshot
from perflib.reporting import cohort_trends, data_quality
from perflib.reporting.cohort_trends.findings import outcomes, shifts

INTERNAL = Disclosure()
EXTERNAL = Disclosure("external", suppress_below=10, round_to=5, names=False)
# As in the contract file of `town`, which gives one value a month of age.
PROFILE = {
    "disability": [0, 0, 0, 0, 0, 0, 0.02, 0.04, 0.06, 0.08, 0.1, 0.12],
    "early_access": [0, 0, 0, 0, 0, 0, 0.1, 0.2, 0.3, 0.4, 0.5],
    "ltu": [0, 0, 0, 0, 0, 0, 0.02, 0.04, 0.06, 0.08, 0.1, 0.2],
}
TENDER = {"disability": 0.6, "early_access": 0.2, "ltu": 0.2}


def numbers(sentence):
    """Return the numbers of a sentence, in their order."""
    return [float(found.replace(",", "")) for found in re.findall(r"\d[\d,]*(?:\.\d+)?", sentence)]


def every(snapshot, d):
    """Return all that is said."""
    parts = (
        cohort_trends.findings,
        cohort_trends.referrals,
        cohort_trends.equality_findings,
        data_quality.too_young,
        data_quality.data_quality,
    )
    return [sentence for part in parts for sentence in as_text(part(snapshot), d)]


@pytest.fixture(scope="module")
def seen(town_place):
    """Return the events of `town` that happened by March 2020 and were recorded by 28 May, from the file."""
    events = pd.read_csv(town_place.root / "extracts" / "town" / "events.csv", parse_dates=[2, 3])
    return events[(events["event_date"] <= "2020-03-31") & (events["recorded_date"] <= "2020-05-28")]


@pytest.fixture(scope="module")
def people(town_place):
    return pd.read_csv(town_place.root / "extracts" / "town" / "participants.csv", index_col="referral_id")


def of(events, name, column="event_date", first="2019-01", last="2020-03"):
    """Return the events of one kind in some months."""
    months = events[column].dt.to_period("M")
    return events[(events["event"] == name) & (months >= first) & (months <= last)]


def test_key_figures_are_what_was_recorded_in_the_quarter_and_in_the_one_before(town_snapshot, seen):
    """Outcomes are the employed ones: all lie inside their window of 639 days, and nobody is self-employed."""
    shown = Presenter(INTERNAL).tiles(cohort_trends.key_figures(town_snapshot))
    quarters = {"now": ("2020-01", "2020-03"), "before": ("2019-10", "2019-12")}
    counted = {
        name: [len(of(seen, event, "recorded_date", *months)) for months in quarters.values()]
        for name, event in {"referral": "referral", "start": "start", "outcome": "job_outcome"}.items()
    }
    assert shown.data["values"] == {name: now for name, (now, _) in counted.items()}
    assert all(f"<dd>{before} in the quarter before</dd>" in shown.html for _, before in counted.values())
    assert set(shown.data["labels"].values()) == {
        "Referrals recorded, January to March 2020",
        "Starts recorded, January to March 2020",
        "Job outcomes recorded, January to March 2020",
    }


def test_the_first_finding_counts_the_quarter_beside_what_was_promised(town_place, seen):
    """The file promises 10 starts in January 2019, 11 in February, and 12 a month from then to February 2020."""
    months = {"2019-03": (33, "January to March 2019"), "2020-02": (36, "October to December 2019")}
    for month, (promised, name) in months.items():
        snapshot = load_snapshot("town", month, "2020-05-28", town_place.params)
        first, last = ("2019-01", "2019-03") if month == "2019-03" else ("2019-10", "2019-12")
        referrals, starts = (len(of(seen, event, "recorded_date", first, last)) for event in ("referral", "start"))
        expects = counts_analysis.expected_recorded(snapshot, ["start"])["start"][first:last].sum()
        assert expects == pytest.approx(promised, rel=0.1)
        sentence = as_text(cohort_trends.findings(snapshot), INTERNAL)[0]
        assert sentence == (
            f"{name}: {referrals} referrals recorded and {starts} starts recorded ({expects:.0f} expected)."
        )


def test_a_quarter_that_is_running_is_told_and_not_judged(town_place, seen):
    snapshot = load_snapshot("town", "2020-02", "2020-05-28", town_place.params)
    counts = [len(of(seen, event, "recorded_date", "2020-01", "2020-02")) for event in ("referral", "start")]
    (sentence,) = (said for said in as_text(cohort_trends.findings(snapshot), INTERNAL) if "months so far" in said)
    assert sentence == (
        f"January to February 2020, 2 of 3 months so far: {counts[0]} referrals and {counts[1]} starts recorded. "
        "A quarter that is still running is not judged."
    )


def test_before_a_quarter_has_ended_everything_since_day_one_is_told(town_place, seen):
    snapshot = load_snapshot("town", "2019-02", "2020-05-28", town_place.params)
    counts = [len(of(seen, event, "recorded_date", last="2019-02")) for event in ("referral", "start")]
    expects = counts_analysis.expected_recorded(snapshot, ["start"])["start"].sum()
    sentence = as_text(cohort_trends.findings(snapshot), INTERNAL)[0]
    assert sentence == (
        f"Since day one (no quarter has ended yet): {counts[0]} referrals recorded and {counts[1]} starts recorded "
        f"({expects:.0f} expected)."
    )
    assert not cohort_trends.key_figures(snapshot).changes


def promised(group, age):
    """Return outcomes a start; the last value holds for later ages."""
    return PROFILE[group][min(age, len(PROFILE[group]) - 1)]


@pytest.fixture(scope="module")
def against(seen, people, town_snapshot):
    """Return recorded, expected so far, and expected of the tender's mix: a sum over starts and rises, one by one."""
    within = delay(town_snapshot, "outcome").within

    def so_far(group, age):
        rises = np.diff([promised(group, a) for a in range(age + 1)], prepend=0)
        return sum(rise * float(within(age - a)) for a, rise in enumerate(rises))

    starts = of(seen, "start").set_index("referral_id")["event_date"].dt.to_period("M")
    expected = tender = 0.0
    for referral, month in starts.items():
        age = (pd.Period("2020-03", "M") - month).n
        expected += so_far(people.loc[referral, "customer_group"], age)
        tender += sum(share * so_far(group, age) for group, share in TENDER.items())
    return len(of(seen, "job_outcome", "recorded_date")), expected, tender


def test_outcomes_are_held_to_the_promise_at_the_age_of_each_cohort(town_snapshot, against):
    observed, expected, _ = against
    sentence = as_text(outcomes(town_snapshot), INTERNAL)[0]
    # The least mean under which so many or more have a chance of 2.5 %: more than is expected.
    low = optimize.brentq(lambda mean: stats.poisson.sf(observed - 1, mean) - 0.025, 0.01, 200)
    assert low > expected
    assert numbers(sentence) == [round(100 * (observed / expected - 1)), observed, round(expected)]
    assert sentence.endswith("expected (significantly above).")


def test_the_mix_of_groups_is_told_apart_from_performance(town_snapshot, against):
    _, expected, tender = against
    (sentence,) = (said for said in as_text(outcomes(town_snapshot), INTERNAL) if "mix" in said)
    assert numbers(sentence) == [round(abs(expected - tender))]
    assert ("fewer" if expected < tender else "more") in sentence


def test_outside_the_ratio_is_of_the_counts_as_they_are_shown(town_snapshot, against):
    """Rounding goes before arithmetic, or the ratio would give away the exact counts."""
    observed, expected = (5 * np.floor(count / 5 + 0.5) for count in against[:2])
    sentence = as_text(outcomes(town_snapshot), EXTERNAL)[0]
    assert numbers(sentence) == [abs(round(100 * (observed / expected - 1))), observed, expected]


def test_a_level_that_few_have_reached_is_not_named_outside(town_snapshot, monkeypatch):
    frame = cohorts.conversion(town_snapshot).copy()
    frame["status"] = "below"
    frame.loc[1, ["name", "observed"]] = ["a level of few", 3]
    frame.loc[2, ["name", "observed"]] = ["a level of many", 30]
    monkeypatch.setattr(cohorts, "conversion", lambda _: frame)
    assert "a level of few" in " ".join(as_text(outcomes(town_snapshot), INTERNAL))
    outside = " ".join(as_text(outcomes(town_snapshot), EXTERNAL))
    assert "a level of few" not in outside
    assert "a level of many" in outside


def test_why_outcomes_cannot_be_compared_is_said(town_place, town_snapshot):
    young = load_snapshot("town", "2019-03", params=town_place.params)
    contract = town_snapshot.contract
    without = replace(town_snapshot, contract=contract.model_copy(update={"profiles": ()}))
    elsewhere = [profile.model_copy(update={"since": pd.Period("2019-06", "M")}) for profile in contract.profiles]
    later = replace(town_snapshot, contract=contract.model_copy(update={"profiles": tuple(elsewhere)}))
    reasons = {
        "it is too early, since none is expected to be recorded yet": young,
        "the contract file gives no profile": without,
        "no profile in the contract file covers some of the starts, by their group and month": later,
    }
    for reason, snapshot in reasons.items():
        (sentence,) = as_text(outcomes(snapshot), INTERNAL)
        assert sentence.endswith(f"job outcomes so far. They cannot be compared with a profile: {reason}.")


@pytest.mark.parametrize("month", ["2020-08", "2020-09"])
def test_job_starts_in_wales_are_said_to_have_fallen_from_april_2020(wales, month):
    """They halved then, by the description of the extract."""
    (sentence,) = (
        said for said in as_text(cohort_trends.findings(wales(month)), INTERNAL) if said.startswith("Job starts")
    )
    assert re.match(r"Job starts have fallen by \d+% since April 2020, from ", sentence)
    before, after, hundred = numbers(sentence.partition("2020")[2])
    assert hundred == 100
    assert 0.4 < after / before < 0.65
    assert abs(numbers(sentence)[0] - 100 * (1 - after / before)) < 3  # both levels are rounded


def test_nothing_was_said_to_have_fallen_in_wales_as_known_in_february_2020(wales):
    said = as_text(cohort_trends.findings(wales("2020-02")), INTERNAL)
    assert not any("have fallen" in sentence for sentence in said)
    assert any(re.match("No shift is signalled in .*job starts", sentence) for sentence in said)


def test_a_shift_tells_the_levels_of_the_chart(wales):
    """The mean of the months at the new level, and of the twelve complete months before it, by their denominators."""
    snapshot = wales("2020-09")
    (trend,) = (trend for trend in trend_charts.all_trends(snapshot) if trend.measure == "job_start")
    points = trend.chart.points[trend.chart.points["complete"]]
    after, before = points["2020-04":], points[:"2020-03"].tail(12)
    levels = [100 * part["numerator"].sum() / part["denominator"].sum() for part in (after, before)]
    (sentence,) = (said for said in as_text(shifts(snapshot), INTERNAL) if said.startswith("Job starts"))
    told = numbers(sentence.partition("2020")[2])
    assert told == [round(levels[1], 1), round(levels[0], 1), 100]
    assert numbers(sentence)[0] == round(100 * (1 - levels[0] / levels[1]))


def test_a_level_that_rests_on_few_is_not_told_outside(wales):
    """There were some 20 job starts a month at the new level: hidden where fewer than 200 in all are."""
    snapshot = wales("2020-09")
    hiding = Disclosure("external", suppress_below=200, round_to=5, names=False)
    for d, told in ((INTERNAL, True), (EXTERNAL, True), (hiding, False)):
        (sentence,) = (said for said in as_text(shifts(snapshot), d) if said.startswith("Job starts"))
        assert ("to not shown (fewer than 200)" in sentence) != told
        assert ("%" in sentence) == told


def test_a_trend_of_which_too_little_is_recorded_is_not_called_steady(town_place):
    snapshot = load_snapshot("town", "2019-01", params=town_place.params)
    said = as_text(shifts(snapshot), INTERNAL)
    assert said == ["Too little is fully recorded yet to judge referrals, starts, job starts and first earnings."]


def test_referrals_are_told_with_the_people_they_are_of_and_those_still_open(town_snapshot, seen, people):
    referred, started = of(seen, "referral")["referral_id"], of(seen, "start")["referral_id"]
    counts = [len(referred), people.loc[referred, "participant_id"].nunique()]
    counts += [len(started), people.loc[started, "participant_id"].nunique()]
    sentences = as_text(cohort_trends.referrals(town_snapshot), INTERNAL)
    first, last = (numbers(part) for part in sentences[0].split("since 1 January 2019"))
    assert first + last == counts
    resolved = set(started) | set(of(seen, "did_not_attend")["referral_id"])
    assert sentences[1] == f"{len(set(referred) - resolved)} referrals are still open."
    assert counts[0] > counts[1]  # one in twenty was referred twice


def test_waits_are_those_of_the_last_three_months(town_snapshot, seen):
    starts = of(seen, "start", first="2020-01").set_index("referral_id")["event_date"]
    referred = of(seen, "referral").set_index("referral_id")["event_date"]
    days = (starts - referred[starts.index]).dt.days
    assert numbers(as_text(cohort_trends.referrals(town_snapshot), INTERNAL)[2]) == [days.median(), days.quantile(0.9)]


def test_waits_of_few_are_not_told_outside(town_place):
    snapshot = load_snapshot("town", "2019-01", "2020-05-28", town_place.params)
    assert len(as_text(cohort_trends.referrals(snapshot), INTERNAL)) == 3
    hiding = replace(EXTERNAL, suppress_below=50)
    assert len(as_text(cohort_trends.referrals(snapshot), hiding)) == 2


GAPS = pd.DataFrame(
    {
        "attribute": ["Sex", "Sex", "Priority group", "Priority group"],
        "value": ["Female", "Male", "Veteran", "None"],
        "starts": [202, 298, 20, 480],
        "outcomes": [62, 38, 7, 93],
        "gap": [0.179, -0.179, 0.156, -0.156],
        "signal": ["higher", "", "higher", ""],
    }
)


def test_groups_that_differ_are_named_and_those_of_few_are_not_outside(town_snapshot, monkeypatch):
    """62 of 202 are 31 % and 38 of 298 13 %, a gap of 17.9 points; outside, of 60 in 200 and 40 in 300, 30 % and 16.7.
    Seven veterans of 20 are 35 %, and 93 of 480 19.4, a gap of 15.6; they are too few to be shown outside.
    """
    monkeypatch.setattr(counts_analysis, "equality", lambda _: GAPS)
    first = "Sex, Female: 31% had job outcomes within 12 months, higher than the rest by 18 points."
    last = "Priority group, Veteran: 35% had job outcomes within 12 months, higher than the rest by 16 points."
    warning = " This does not allow for other characteristics."
    assert as_text(cohort_trends.equality_findings(town_snapshot), INTERNAL) == [first + warning, last + warning]
    outside = as_text(cohort_trends.equality_findings(town_snapshot), EXTERNAL)
    rounded = "Sex, Female: 30% had job outcomes within 12 months, higher than the rest by 17 points."
    assert outside == [rounded + warning, "Differences that rest on too few people are not shown."]


def test_cohorts_are_final_when_window_and_allowance_have_passed(wales):
    """The month's last day and 639 + 130 days: those to July 2018 (7 September 2020), not August (8 October)."""
    snapshot = wales("2020-09")
    starts = snapshot.journeys["start"].dropna()
    settled = (starts < "2018-08-01").sum()
    sentence = as_text(data_quality.too_young(snapshot), INTERNAL)[0]
    assert numbers(sentence) == [7, 33, settled, len(starts)]


def test_the_first_final_day_is_that_of_the_first_cohort_with_a_start(town_place):
    """January 2019: 31 January and 769 days is 10 March 2021."""
    snapshot = load_snapshot("town", "2020-03", params=town_place.params)
    assert as_text(data_quality.too_young(snapshot), INTERNAL)[0].endswith("The first becomes final on 10 March 2021.")


def test_rows_that_are_not_used_are_counted_by_their_effect(place):
    place.contract()
    folder = place.extract()
    events = pd.read_csv(folder / "events.csv")
    fault = events.head(3).assign(event="teleported")
    pd.concat([events, fault, events.head(2)]).to_csv(folder / "events.csv", index=False)
    people = pd.read_csv(folder / "participants.csv")
    people.loc[:3, "age"] = -1
    people.to_csv(folder / "participants.csv", index=False)
    said = as_text(data_quality.data_quality(load_snapshot("town", "2020-03")), INTERNAL)
    assert said[1] == (
        "9 rows or cells are set aside: 4 with the effect “cell counted as not recorded”, 2 with the effect “counted "
        "once” and 3 with the effect “row not used”."
    )
    outside = as_text(data_quality.data_quality(load_snapshot("town", "2020-03")), EXTERNAL)
    assert outside[1].startswith("Fewer than 10 rows or cells are set aside: fewer than 10 with the effect")


def test_what_the_extract_cannot_say_is_said(edge, edge_snapshot):
    said = " ".join(every(edge_snapshot, INTERNAL))
    assert not [words for words in edge.says if words not in said]


def test_a_source_that_is_overwritten_is_said_to_forget(town_snapshot):
    contract = town_snapshot.contract.model_copy(update={"history": "overwritten"})
    said = as_text(data_quality.data_quality(replace(town_snapshot, contract=contract)), INTERNAL)
    assert "The source is overwritten at each export" in said[-1]


def test_every_sentence_is_whole_in_every_extract(edge_snapshot):
    for d in (INTERNAL, EXTERNAL):
        for sentence in every(edge_snapshot, d):
            assert sentence[0].isupper() or sentence[0].isdigit()
            assert sentence.endswith(".")
            assert not re.search(r"\b(nan|None|NaT|inf)\b|\[c\]", sentence)


def tells_no_small_count(sentences):
    counted = r"(?<![\d,.])(\d[\d,]*) (?:referrals|starts|people|events|rows|job outcomes|with the effect)"
    told = [int(n.replace(",", "")) for said in sentences for n in re.findall(counted, said)]
    return bool(told) and all(count == 0 or (count >= 10 and count % 5 == 0) for count in told)


def test_no_sentence_tells_a_small_or_unrounded_count_outside(town_snapshot, wales):
    for snapshot in (town_snapshot, wales("2020-09")):
        assert tells_no_small_count(every(snapshot, EXTERNAL))
        assert not tells_no_small_count(every(snapshot, INTERNAL))


def test_no_sentence_tells_a_small_count_outside_where_there_are_only_small_ones(edge_snapshot):
    assert tells_no_small_count(every(edge_snapshot, EXTERNAL))
