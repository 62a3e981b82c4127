"""Findings and key figures of the trend report."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

import pandas as pd

from perflib.analysis import cohorts, journey, measures, trend_charts
from perflib.analysis import counts as counts_analysis
from perflib.analysis.control_charts import Shift
from perflib.analysis.expected import NO_PROFILE, TOO_EARLY
from perflib.disclosure.columns import count
from perflib.disclosure.presenter import Tiles
from perflib.disclosure.rules import Disclosure
from perflib.disclosure.words import AGAINST_PROFILE, capital, day_words, listed, month_words
from perflib.records.snapshot import Snapshot
from perflib.reporting import control_chart
from perflib.rules.calendar import Window, quarter, running_quarter, window

HEADLINE_MEASURES = ("referral", "start", "outcome")


def headline_window(snapshot: Snapshot) -> tuple[Window, str]:
    """Return the quarter that the report is about, and what to call it.

    The last quarter ended by the report month; before the contract's first quarter has ended, everything since day one.
    """
    last = quarter(snapshot.month, snapshot.contract.quarter_basis, snapshot.first_day)
    if last is None:
        return window("cumulative", snapshot.month, snapshot.first_day), "Since day one (no quarter has ended yet)"
    return last, last.label


def key_figures(snapshot: Snapshot, d: Disclosure) -> Tiles:
    """The last ended quarter's referrals, starts and outcomes, beside the quarter before.

    By the month in which they were recorded: by when they happened, the last months would always seem to fall.
    """
    span, _ = headline_window(snapshot)
    counts = counts_analysis.monthly(snapshot, HEADLINE_MEASURES, clock="recorded")
    values = counts[span.contains(counts.index)].sum()
    before = counts[(counts.index < span.first) & (counts.index >= span.first - span.full)]
    comparable = span.basis == "quarter" and len(before) == span.full
    return Tiles(
        dict(values),
        {name: count(f"{snapshot.programme.label(name)} recorded, {span.label}") for name in HEADLINE_MEASURES},
        {name: f"{d.count(before[name].sum())} in the quarter before" for name in values.index if comparable},
    )


def findings(snapshot: Snapshot, d: Disclosure) -> list[str]:
    """What this quarter shows, most important first."""
    return [
        *_volumes(snapshot, d),
        *outcomes(snapshot, d),
        *shifts(snapshot, d),
        *_so_far(snapshot, d),
    ]


def _volumes(snapshot: Snapshot, d: Disclosure) -> list[str]:
    """Return the referrals and starts recorded in the headline quarter, beside what was expected to be recorded."""
    span, name = headline_window(snapshot)
    names = ("referral", "start")
    counts, expects = (
        counts_analysis.monthly(snapshot, names, "recorded"),
        counts_analysis.expected_recorded(snapshot, names),
    )
    said = []
    for measure in names:
        actual = counts.loc[span.contains(counts.index), measure].sum()
        expected = expects.loc[span.contains(expects.index), measure].sum(skipna=False)
        words = f"{d.count(actual)} {snapshot.programme.label(measure).lower()} recorded"
        if expected > 0:
            words += f" ({d.number(expected, people=True, places=0)} expected)"
        said.append(words)
    return [f"{name}: {listed(said)}."]


def outcomes(snapshot: Snapshot, d: Disclosure) -> list[str]:
    """Outcomes recorded so far against the profile, and which levels differ significantly from it."""
    frame = cohorts.conversion(snapshot)
    label = snapshot.programme.label("outcome")
    whole = frame[frame["area"].isna()].iloc[0] if len(frame) else None
    if whole is None or whole["status"] in (NO_PROFILE, TOO_EARLY):
        reached = measures.first(snapshot, "outcome")["event"].notna().sum()
        if not snapshot.contract.profiles:
            why = "the contract file gives no profile"
        elif whole is None or whole["status"] == TOO_EARLY:
            why = "it is too early, since none is expected to be recorded yet"
        else:
            why = "no profile in the contract file covers some of the starts, by their group and month"
        return [capital(f"{d.count(reached)} {label.lower()} so far. They cannot be compared with a profile: {why}.")]
    if d.hides(whole["observed"]):
        few = "too few to be compared with the profile here"
        return [capital(f"{d.count(whole['observed'])} {label.lower()} recorded so far: {few}.")]
    sentences = [against_profile(label, whole["observed"], whole["expected"], str(whole["status"]), d)]
    for status, words in (("below", "Significantly below"), ("above", "Significantly above")):
        names = [
            f"{row['name']}{f' ({row.area})' if isinstance(row['area'], str) else ''}"
            for _, row in frame.iloc[1:].iterrows()
            if row["status"] == status and not d.hides(row["observed"])
        ]
        if names:
            sentences.append(f"{words} {'its' if len(names) == 1 else 'their'} profile: {listed(names)}.")
    mix = whole["mix_effect"]
    if pd.notna(mix) and abs(mix) >= max(1, 0.02 * whole["expected"]):
        extra = f"{d.number(abs(mix), people=True, places=0)} {'more' if mix > 0 else 'fewer'}"
        sentences.append(f"The actual mix of groups leads one to expect {extra} outcomes so far than the tender's mix.")
    return sentences + _other_outcomes(snapshot, d)


def against_profile(label: str, recorded: float, expected: float, status: str, d: Disclosure) -> str:
    """Say how outcomes stand against their profile.

    >>> against_profile("Outcomes", 596, 504, "above", Disclosure("internal"))
    'Outcomes are 18% above profile so far: 596 recorded, 504 expected (significantly above).'
    """
    percent = round(100 * (d.rounded(recorded) / d.rounded(expected) - 1)) if d.rounded(expected) > 0 else 0
    gap = f"{abs(percent)}% {'above' if percent > 0 else 'below'} profile" if percent else "at their profile"
    numbers = f"{d.count(recorded)} recorded, {d.number(expected, people=True, places=0)} expected"
    return f"{label} are {gap} so far: {numbers} ({AGAINST_PROFILE[status]})."


def _other_outcomes(snapshot: Snapshot, d: Disclosure) -> list[str]:
    """Return the programme's other outcomes recorded so far, each beside its own profile where there is one."""
    sentences = []
    for name in [name for name in snapshot.programme.outcomes if name != "outcome"]:
        recorded, expected, status = cohorts.to_date(snapshot, name)[["recorded", "expected", "status"]]
        label = snapshot.programme.label(name)
        if not d.hides(recorded) and expected > 0:
            sentences.append(against_profile(label, recorded, expected, status, d))
        else:
            without = "" if d.hides(recorded) else ", of which the contract file expects none yet"
            sentences.append(capital(f"{d.count(recorded)} {label.lower()} recorded so far{without}."))
    return sentences


def shifts(snapshot: Snapshot, d: Disclosure) -> list[str]:
    """Which measures stand lower or higher at their end than before, since when; and which do not."""
    sentences: list[str] = []
    steady: list[str] = []
    unstable: list[str] = []
    young: list[str] = []
    for trend in trend_charts.all_trends(snapshot):
        if trend.shift is None:
            listing = young if control_chart.judged(trend).empty else unstable if trend.unstable else steady
            listing.append(trend.label.lower())
            continue
        found = trend.shift
        before, after = _levels(trend, found, d)
        unit = "cohort" if trend.by_cohort else "month"
        sentences.append(
            f"{trend.label} {found.direction} from {month_words(found.since)}: {after} {trend.unit}, "
            f"{before} in the {unit}s before ({found.months} complete {unit}{'' if found.months == 1 else 's'} at the "
            f"new level{'; trial limits' if trend.chart.trial else ''})."
        )
    if young:
        sentences.append(f"Too little is fully recorded yet to judge {listed(young)}.")
    if steady:
        sentences.append(f"No shift is signalled in {listed(steady)}.")
    if unstable:
        sentences.append(
            f"There is no stable level to judge {listed(unstable)} by: most months lie outside what one level would "
            f"keep to. If they were being built up, state in the contract file, under changes, when that ended."
        )
    return sentences


def _levels(trend: trend_charts.TrendChart, found: Shift, d: Disclosure) -> list[str]:
    """Return the level before a shift and after it, each hidden where it rests on few people."""
    points = control_chart.judged(trend)
    points = points[points["phase"] == points["phase"].iloc[-1]]
    counted = points[["numerator", "denominator"] if trend.per else ["value"]]
    spans = ((found.before, counted[: found.since - 1].tail(12)), (found.after, counted[found.since :]))
    return [d.number(trend.scale * level, of=months.sum(), places=1) for level, months in spans]


def _so_far(snapshot: Snapshot, d: Disclosure) -> list[str]:
    running = running_quarter(snapshot.month, snapshot.contract.quarter_basis, snapshot.first_day)
    if running is None or headline_window(snapshot)[0].basis == "cumulative":
        return []
    counts = counts_analysis.monthly(snapshot, ("referral", "start"), "recorded")
    inside = running.contains(counts.index)
    said = [
        f"{d.count(counts.loc[inside, m].sum())} {snapshot.programme.label(m).lower()}" for m in ("referral", "start")
    ]
    return [f"{running.label}: {listed(said)} recorded. A quarter that is still running is not judged."]


def referrals(snapshot: Snapshot, d: Disclosure) -> list[str]:
    """People and referrals, and those still waiting."""
    people = counts_analysis.individuals(snapshot)
    table = journey.referrals(snapshot)
    referred, started = people.to_dict("records")
    sentences = [
        capital(
            f"{d.count(referred['journeys'])} referrals of {d.count(referred['individuals'])} people since "
            f"{day_words(snapshot.first_day)}; {d.count(started['journeys'])} starts of "
            f"{d.count(started['individuals'])} people."
        ),
        capital(f"{d.count(table['open'].sum())} referrals are still open."),
    ]
    waits = counts_analysis.time_to_start(snapshot).T["rolling_3"]
    if waits["starts"] > 0 and not d.hides(waits["starts"]):
        median, most = (d.number(waits[name], places=0) for name in ("median", "p90"))
        sentences.append(
            f"Half of those who started in the last three months had waited {median} days or less from referral, nine "
            f"in ten {most} days or less."
        )
    return sentences


def equality(snapshot: Snapshot, d: Disclosure) -> list[str]:
    """Which groups differ from everybody else by more than chance and the number of comparisons would explain."""
    frame = counts_analysis.equality(snapshot)
    if frame.empty:
        return ["No cohort is old enough for a fair comparison of groups yet."]
    others = frame.groupby("attribute")[["starts", "outcomes"]].transform("sum") - frame[["starts", "outcomes"]]
    signalled = frame.join(others.add_prefix("other_"))[frame["signal"] != ""]
    age, label = counts_analysis.equal_age(snapshot), snapshot.programme.label("outcome").lower()
    if signalled.empty:
        return [f"No group differs from the rest in {label} within {age} months by more than chance would explain."]
    shown = [
        row
        for row in signalled.to_dict("records")
        if not any(
            d.hides(count)
            for who in ("", "other_")
            for count in (row[f"{who}outcomes"], row[f"{who}starts"], row[f"{who}starts"] - row[f"{who}outcomes"])
        )
    ]
    sentences = [
        f"{row['attribute']}, {row['value']}: {d.percent(row['outcomes'], row['starts'])} had {label} within {age} "
        f"months, {row['signal']} than the rest by {d.number(_gap(row, d), places=0)} points. "
        f"This does not allow for other characteristics."
        for row in shown
    ]
    if len(shown) < len(signalled):
        sentences.append("Differences that rest on too few people are not shown.")
    return sentences


def _gap(row: Mapping[Hashable, Any], d: Disclosure) -> float:
    """Return how many points a group's rate is from that of the rest, from the counts as they are shown."""
    rates = [d.rounded(row[f"{who}outcomes"]) / d.rounded(row[f"{who}starts"]) for who in ("", "other_")]
    return abs(100 * (rates[0] - rates[1]))
