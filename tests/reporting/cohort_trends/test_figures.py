"""What the charts say in words is true of their numbers; they are drawn for extracts of which little can be said."""

import re

import numpy as np
import pandas as pd
from bs4 import BeautifulSoup

from perflib.analysis import cohorts, control_charts, trend_charts
from perflib.analysis import counts as counts_analysis
from perflib.disclosure.presenter import Presenter
from perflib.disclosure.rules import Disclosure
from perflib.records.loading import load_snapshot
from perflib.reporting import control_chart
from perflib.reporting.cohort_trends import figures

INTERNAL = Presenter(Disclosure())
EXTERNAL = Presenter(Disclosure("external", suppress_below=10, round_to=5, names=False))
FIGURES = (
    figures.flows,
    figures.cohorts_against_profile,
    figures.triangle,
    figures.conversion_curves,
    figures.equality,
)


def charts(snapshot):
    """Return every figure of a snapshot."""
    return [make(snapshot) for make in FIGURES] + [
        control_chart.control_chart(trend) for trend in trend_charts.all_trends(snapshot)
    ]


def alt(figure, show=INTERNAL):
    return show.figure(figure).data["alt"]


def events_of(town_place, name, known_at="2020-05-28"):
    """Return the dates of one kind of event of `town` by March 2020, by referral, from the file."""
    events = pd.read_csv(town_place.root / "extracts" / "town" / "events.csv", parse_dates=[2, 3])
    known = (events["event_date"] <= "2020-03-31") & (events["recorded_date"] <= known_at)
    return events[known & (events["event"] == name)].set_index("referral_id")["event_date"]


def by_month(dates):
    months = pd.period_range("2019-01", "2020-03", freq="M")
    return dates.dt.to_period("M").value_counts().reindex(months, fill_value=0)


def test_flows_tell_the_first_last_and_highest_month(town_snapshot):
    said = alt(figures.flows(town_snapshot))
    for label, event in {"Referrals": "referral", "Starts": "start"}.items():
        counts = counts_analysis.monthly(town_snapshot, [event], "recorded")[event]
        assert (
            f"{label} went from {counts.iloc[0]} in January 2019 to {counts.iloc[-1]} in March 2020, with a highest "
            f"month of {counts.max()}"
        ) in said
    assert "Dotted lines show what was expected to be recorded." in said


def test_flows_without_a_promise_do_not_mention_one(wales):
    figure = figures.flows(wales("2020-02"))
    assert "expected" not in alt(figure) + figure.caption


def test_flows_of_one_month_tell_that_month(town_place):
    snapshot = load_snapshot("town", "2019-01", params=town_place.params)
    counts = [by_month(events_of(town_place, name, "2019-01-31"))["2019-01"] for name in ("referral", "start")]
    assert f"Referrals: {counts[0]} in January 2019; Starts: {counts[1]} in January 2019." in alt(
        figures.flows(snapshot)
    )


def test_cohorts_tell_how_many_are_above_and_below_the_promise(town_snapshot, town_place):
    starts = by_month(events_of(town_place, "start"))
    status = cohorts.against_profile(town_snapshot)["status"]
    chances = {name: (status == name).sum() for name in ("below", "above")}
    assert sum(chances.values()) > 0
    started = (starts > 0).sum()
    assert (
        f"Of {started} cohorts, {chances['below']} are significantly below their profile and "
        f"{chances['above']} significantly above. Cohorts that may still gain: {started} of {started}."
    ) in alt(figures.cohorts_against_profile(town_snapshot))


def test_cohorts_below_and_above_are_told_apart(town_snapshot, monkeypatch):
    frame = cohorts.against_profile(town_snapshot)
    frame = frame.assign(expected=np.where(np.arange(15) < 4, 40, 2.0), lower=3.0, upper=9.0)
    frame.loc["2019-05":"2019-06", "expected"] = 5.0
    monkeypatch.setattr(cohorts, "against_profile", lambda *_: frame)
    said = alt(figures.cohorts_against_profile(town_snapshot))
    started = (frame["starts"] > 0).sum()
    assert (
        f"Of {started} cohorts, 4 are significantly below their profile and {started - 6} significantly above." in said
    )


def test_cohorts_without_a_promise_tell_how_many_reached_it(wales):
    """Seven cohorts are final by the end of September 2020, those to July 2018."""
    snapshot = wales("2020-09")
    t = cohorts.triangle(snapshot)
    said = alt(figures.cohorts_against_profile(snapshot))
    assert (
        f"Job outcomes went from {t.latest.iloc[0]:.0f} in January 2018 to {t.latest.iloc[-1]:.0f} in September" in said
    )
    assert f"a highest month of {t.latest.max():.0f}" in said
    assert "Cohorts that may still gain: 26 of 33." in said


def test_the_triangle_tells_the_range_at_equal_ages(wales):
    snapshot = wales("2020-09")
    t = cohorts.triangle(snapshot)
    rates = t.counts[12].div(t.starts).dropna()
    assert (f"at 12 months from {100 * rates.min():.0f}% to {100 * rates.max():.0f}% in {len(rates)} cohorts") in alt(
        figures.triangle(snapshot)
    )
    assert len(rates) == 21  # January 2018 to September 2019


def test_the_curves_tell_the_shares_of_the_cohorts_observed_so_long(wales):
    snapshot = wales("2020-09")
    journeys = snapshot.journeys[snapshot.journeys["start"] < "2020-04-01"]  # six months before October 2020
    age = (
        journeys["first_earnings"].dt.to_period("M").array.asi8 - journeys["start"].dt.to_period("M").array.asi8
    ) <= 6
    share = (journeys["first_earnings"].notna().to_numpy() & age).sum() / len(journeys)
    assert f"by 6 months {100 * share:.0f}% first earnings" in alt(figures.conversion_curves(snapshot))


def test_a_control_chart_tells_its_range_and_its_signals(wales):
    snapshot = wales("2020-09")
    (trend,) = (trend for trend in trend_charts.all_trends(snapshot) if trend.measure == "job_start")
    points = trend.chart.points
    signalled = points[points["signal"].notna()]
    figure = control_chart.control_chart(trend)
    assert figure.caption == (
        "Job starts for each 100 participants on the programme without a job: fell from April 2020"
    )
    said = alt(figure)
    assert f"between {100 * points['value'].min():.1f} and {100 * points['value'].max():.1f}" in said
    assert f"{len(signalled)} months are signalled, the first April 2020 and the last July 2020." in said


def test_a_control_chart_without_a_shift_says_so(wales):
    (trend,) = (trend for trend in trend_charts.all_trends(wales("2020-02")) if trend.measure == "job_start")
    figure = control_chart.control_chart(trend)
    assert figure.caption.endswith("without a job: no shift")
    assert alt(figure).endswith("; no month is signalled.")


def test_months_still_being_recorded_are_drawn_hollow_and_told_in_the_table(wales):
    snapshot = wales("2020-09")
    (trend,) = (trend for trend in trend_charts.all_trends(snapshot) if trend.measure == "job_start")
    rows = INTERNAL.figure(control_chart.control_chart(trend)).data["rows"]
    states = pd.Series([row["Recording"] for row in rows], index=trend.chart.points.index)
    assert ((states == "still being recorded") == ~trend.chart.points["complete"]).all()
    assert states["2020-09"] == "still being recorded"
    assert all(row["Signal"] == "none" or row["Signal"] is None for row in rows if row["Recording"] != "complete")


def test_a_chart_of_which_nothing_is_recorded_makes_no_finding(town_place):
    for trend in trend_charts.all_trends(load_snapshot("town", "2019-01", params=town_place.params)):
        figure = control_chart.control_chart(trend)
        assert figure.caption.endswith(": too little is fully recorded yet to judge")
        assert "no month is signalled" in alt(figure)


def test_equality_tells_the_lowest_and_the_highest(wales):
    snapshot = wales("2020-09")
    frame = counts_analysis.equality(snapshot).sort_values("rate")
    low, high = frame.iloc[0], frame.iloc[-1]
    assert alt(figures.equality(snapshot)) == (
        "One line a group: the rate within 12 months with its 95% interval. The lowest is "
        f"{low['attribute']}: {low['value']} at {100 * low['rate']:.0f}%, the highest {high['attribute']}: "
        f"{high['value']} at {100 * high['rate']:.0f}%."
    )


def test_before_any_cohort_is_old_enough_groups_are_not_compared(town_place):
    shown = INTERNAL.figure(figures.equality(load_snapshot("town", "2019-02", params=town_place.params)))
    assert shown.data["kind"] == "withheld"
    assert "None" not in shown.html
    assert shown.data["text"] == "Nothing to show: no cohort is old enough for a fair comparison yet."


def test_every_figure_is_drawn_or_says_why_not_for_every_extract(edge_snapshot):
    """Outside; test_notebooks draws them for internal readers."""
    for figure in charts(edge_snapshot):
        shown = EXTERNAL.figure(figure)
        text = BeautifulSoup(shown.html, "html.parser").get_text(" ")
        said = f"{shown.data['caption']} {shown.data.get('alt', '')} {text}"
        assert not re.search(r"\b(nan|(?<!group: )None|NaT|inf)\b", said), said
        if shown.data["kind"] == "withheld":
            assert shown.data["text"].startswith("Nothing to show: ")
        else:
            assert shown.data["alt"].endswith(".")
            assert "<img" in shown.html


def test_what_is_said_outside_is_of_the_numbers_that_are_shown(town_snapshot):
    """Hidden months are not told as if they were low ones."""
    shown = Presenter(Disclosure("external", suppress_below=12)).figure(figures.flows(town_snapshot))
    starts = [row["Starts"] for row in shown.data["rows"]]
    assert "[c]" in starts
    told = [value for value in starts if value != "[c]"]
    (said,) = re.findall(r"Starts went .*?;|Starts went .*?\.", shown.data["alt"])
    assert [int(found) for found in re.findall(r"(?<!\d)\d{1,3}(?!\d)", said)] == [told[0], told[-1], max(told)]
    assert "of those shown (the others are too few)" in said


def test_no_signal_or_limit_gives_a_hidden_count_away(town_snapshot):
    """A count of few is hidden with whatever is worked out from it."""
    for trend in trend_charts.all_trends(town_snapshot):
        data = EXTERNAL.figure(control_chart.control_chart(trend)).data
        if data["kind"] == "figure":
            hidden = [row for row in data["rows"] if row[trend.label] == "[c]"]
            for row in hidden:
                assert {row[header] for header in ("Centre", "Lower limit", "Upper limit")} <= {"[c]", None}
                assert row["Signal"] in ("[c]", None)


def test_the_level_of_a_trend_of_few_is_hidden_outside():
    """Three job starts in two years: the centre times the denominators would tell how many."""
    months = pd.period_range("2018-01", periods=24, freq="M")
    counts = pd.Series(np.where(np.arange(24) % 8 == 3, 1.0, 0.0), months)
    many = pd.Series(100.0, months)
    for values, hidden in ((counts, True), (counts * 20, False)):
        data = EXTERNAL.figure(control_chart.control_chart(trend_of(values, many))).data
        assert ({row["Centre"] for row in data["rows"]} == {"[c]"}) == hidden


def trend_of(counts, denominators):
    chart = control_charts.control_chart(counts, denominators, "u_prime")
    recorded = pd.Series(1.0, counts.index)
    return trend_charts.TrendChart(
        "job_start", "Job starts", "participants on the programme", False, chart, None, recorded, None
    )


def test_outside_the_points_are_worked_out_from_rounded_counts():
    """12 of 103 is 11.7; rounded to 10 of 105 it is 9.5."""
    months = pd.period_range("2018-01", periods=24, freq="M")
    trend = trend_of(pd.Series(12.0, months), pd.Series(103.0, months))
    key = "Value (for each 100 participants on the programme)"
    assert INTERNAL.figure(control_chart.control_chart(trend)).data["rows"][0][key] == 11.7
    assert EXTERNAL.figure(control_chart.control_chart(trend)).data["rows"][0][key] == 9.5


def test_outside_a_gap_does_not_tell_what_the_others_reached(monkeypatch, town_snapshot):
    """Nought of 16 men, and a gap of 37.5 points: six of 16 women. 40 of 200 and 60 of 200 are both many enough."""
    few = [("Sex", "Male", 16, 0), ("Sex", "Female", 16, 6)]
    many = [("Age", "Under 25", 200, 40), ("Age", "Over 25", 200, 62)]
    gaps = []
    for groups in (few, many):
        frame = pd.DataFrame(groups, columns=["attribute", "value", "starts", "outcomes"])
        frame = frame.assign(rate=frame["outcomes"] / frame["starts"], lower=0.1, upper=0.9, signal="lower")
        monkeypatch.setattr(counts_analysis, "equality", lambda *_, frame=frame, **__: frame)
        shown = [show.figure(figures.equality(town_snapshot)).data["rows"][:2] for show in (INTERNAL, EXTERNAL)]
        gaps.append([[(row["Gap to the rest (points)"], row["Signal"]) for row in rows] for rows in shown])
    (few_inside, few_outside), (many_inside, many_outside) = gaps
    assert (few_inside, few_outside) == ([(-37.5, "lower"), (37.5, "lower")], [("[c]", "[c]")] * 2)
    assert [gap for gap, _ in many_inside] == [-11.0, 11.0]
    assert [gap for gap, _ in many_outside] == [-10.0, 10.0]  # of 40 and 60, as they are shown


def test_the_groups_of_an_attribute_add_up_to_everybody_so_that_none_can_be_worked_out(monkeypatch, town_snapshot):
    """4 of one sex, shown beside a total of 304, would be what is left of 300: another count is hidden too."""
    rows = [
        ("Sex", "Male", 300, 60),
        ("Sex", "Female", 4, 1),
        ("Age", "Under 25", 104, 31),
        ("Age", "Over 25", 200, 30),
    ]
    frame = pd.DataFrame(rows, columns=["attribute", "value", "starts", "outcomes"])
    frame = frame.assign(rate=frame["outcomes"] / frame["starts"], lower=0.1, upper=0.9, signal="")
    monkeypatch.setattr(counts_analysis, "equality", lambda *_, **__: frame)
    inside, outside = (show.figure(figures.equality(town_snapshot)).data["rows"] for show in (INTERNAL, EXTERNAL))
    assert (inside[-1]["Group"], inside[-1]["Starts"], inside[-1]["Reached it"]) == ("Everybody", 304, 61)
    assert [row["Starts"] for row in outside] == ["[c]", "[c]", 105, 200, 305]


def test_gaps_inside_are_those_of_the_analysis(wales):
    frame = counts_analysis.equality(wales("2020-09")).reset_index(drop=True)
    rows = INTERNAL.figure(figures.equality(wales("2020-09"))).data["rows"][:-1]
    headers = {"gap": "Gap to the rest (points)", "gap_lower": "Gap, 95% from", "gap_upper": "Gap, 95% to"}
    for key, header in headers.items():
        shown = pd.Series([row[header] for row in rows], dtype=float)
        pd.testing.assert_series_equal(shown, (100 * frame[key].astype(float)).round(1), check_names=False)
    assert frame["gap"].notna().sum() == 3
