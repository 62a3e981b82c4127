"""Findings and key figures of the trend report."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from perflib.analysis import cohorts, journey, measures, trend_charts
from perflib.analysis import counts as counts_analysis
from perflib.analysis.control_charts import Shift
from perflib.analysis.expected import NO_PROFILE, TOO_EARLY, last_month
from perflib.disclosure.columns import count
from perflib.disclosure.presenter import Tiles
from perflib.disclosure.sentences import (
    Amount,
    ByNumber,
    Choice,
    Count,
    Day,
    FirstOf,
    IfShown,
    Listed,
    Month,
    Name,
    Plain,
    Sentence,
    Share,
    name_list,
    sentence,
)
from perflib.disclosure.words import AGAINST_PROFILE
from perflib.records.snapshot import Snapshot
from perflib.reporting import control_chart
from perflib.reporting.kpi_tables import last_quarter
from perflib.rules.calendar import Window, running_quarter, window

HEADLINE_MEASURES = ("referral", "start", "outcome")


def headline_window(snapshot: Snapshot) -> tuple[Window, str]:
    """Return the quarter that the report is about, and what to call it.

    The last quarter that has ended; before the contract's first quarter has ended, everything since day one.
    """
    last = last_quarter(snapshot)
    if last is None:
        return window("cumulative", snapshot.month, snapshot.first_day), "Since day one (no quarter has ended yet)"
    return last, last.label


def key_figures(snapshot: Snapshot) -> Tiles:
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
        {
            name: sentence("{n} in the quarter before", n=Count(before[name].sum()))
            for name in values.index
            if comparable
        },
    )


def findings(snapshot: Snapshot) -> list[Sentence | Choice]:
    """What this quarter shows, most important first."""
    return [_volumes(snapshot), *outcomes(snapshot), *shifts(snapshot), *_so_far(snapshot)]


def _volumes(snapshot: Snapshot) -> Sentence:
    """Return the referrals and starts recorded in the headline quarter, beside what was expected to be recorded."""
    span, name = headline_window(snapshot)
    names = ("referral", "start")
    counts, expects = (
        counts_analysis.monthly(snapshot, names, "recorded"),
        counts_analysis.expected_recorded(snapshot, names),
    )
    volumes = []
    for measure in names:
        actual = counts.loc[span.contains(counts.index), measure].sum()
        expected = expects.loc[span.contains(expects.index), measure].sum(skipna=False)
        beside = (
            sentence(" ({expected} expected)", expected=Amount(expected, people=True, places=0))
            if expected > 0
            else sentence("")
        )
        volumes.append(
            sentence(
                "{n} {measure} recorded{beside}", n=Count(actual), measure=_label(snapshot, measure), beside=beside
            )
        )
    return sentence("{period}: {volumes}.", period=Name(name), volumes=Listed(volumes))


def _label(snapshot: Snapshot, measure: str) -> Name:
    return Name(snapshot.programme.label(measure).lower())


def outcomes(snapshot: Snapshot) -> list[Sentence | Choice]:
    """Outcomes recorded so far against the profile, and which levels differ significantly from it."""
    frame = cohorts.conversion(snapshot)
    label = _label(snapshot, "outcome")
    whole = frame[frame["area"].isna()].iloc[0] if len(frame) else None
    if whole is None or whole["status"] in (NO_PROFILE, TOO_EARLY):
        reached = measures.first(snapshot, "outcome")["event"].notna().sum()
        if not snapshot.contract.profiles:
            why = sentence("the contract file gives no profile")
        elif whole is None or whole["status"] == TOO_EARLY:
            why = sentence("it is too early, since none is expected to be recorded yet")
        else:
            why = sentence("no profile in the contract file covers some of the starts, by their group and month")
        return [
            sentence(
                "{n} {label} so far. They cannot be compared with a profile: {why}.",
                n=Count(reached),
                label=label,
                why=why,
            )
        ]
    observed = Count(whole["observed"])
    too_few = sentence(
        "{n} {label} recorded so far: too few to be compared with the profile here.", n=observed, label=label
    )
    return [IfShown(observed, _beside_profile(snapshot, frame, whole), too_few)]


def _beside_profile(snapshot: Snapshot, frame: pd.DataFrame, whole: pd.Series[Any]) -> list[Sentence | Choice]:
    """Return how the whole contract and its levels stand, where there is enough to compare."""
    label = snapshot.programme.label("outcome")
    sentences: list[Sentence | Choice] = [
        against_profile(label, whole["observed"], whole["expected"], str(whole["status"]))
    ]
    for status, words in (("below", "Significantly below"), ("above", "Significantly above")):
        levels = [
            IfShown(Count(row["observed"]), _level(row))
            for row in frame.iloc[1:].to_dict("records")
            if row["status"] == status
        ]
        sentences.append(
            sentence(
                "{where} {whose} profile: {levels}.",
                where=Name(words),
                whose=ByNumber(levels, sentence("its"), sentence("their")),
                levels=Listed(levels),
            )
        )
    mix = whole["mix_effect"]
    if pd.notna(mix) and abs(mix) >= max(1, 0.02 * whole["expected"]):
        sentences.append(
            sentence(
                "The actual mix of groups leads one to expect {n} {more} outcomes so far than the tender's mix.",
                n=Amount(abs(mix), people=True, places=0),
                more=Name("more" if mix > 0 else "fewer"),
            )
        )
    return sentences + _other_outcomes(snapshot)


def _level(row: Mapping[Hashable, Any]) -> Sentence:
    """Return what a tender level is called, with its area."""
    if not isinstance(row["area"], str):
        return sentence("{level}", level=Name(row["name"]))
    return sentence("{level} ({area})", level=Name(row["name"]), area=Name(row["area"]))


def against_profile(label: str, recorded: float, expected: float, status: str) -> Sentence:
    """Say how outcomes stand against their profile.

    Parameters
    ----------
    label : str
        What the outcomes are called, in the plural.
    recorded, expected : float
        Numbers of people; the per cent is of them as they are shown.
    status : str
        A key of `AGAINST_PROFILE`.

    Examples
    --------
    >>> from perflib.disclosure.rules import Disclosure
    >>> against_profile("Outcomes", 596, 504, "above").words(Disclosure("internal"))
    'Outcomes are 18% above profile so far: 596 recorded, 504 expected (significantly above).'
    """

    def gap(sign: int) -> Amount:
        return Amount(
            lambda seen, due: max(0.0, sign * 100 * (seen / due - 1)) if due > 0 else 0.0,
            of=(recorded,),
            beside=(expected,),
            places=0,
            none_if_zero=True,
        )

    return sentence(
        "{label} are {gap} so far: {recorded} recorded, {expected} expected ({status}).",
        label=Name(label),
        gap=FirstOf(
            sentence("{percent}% above profile", percent=gap(1)),
            sentence("{percent}% below profile", percent=gap(-1)),
            sentence("at their profile"),
        ),
        recorded=Count(recorded),
        expected=Amount(expected, people=True, places=0),
        status=Name(AGAINST_PROFILE[status]),
    )


def _other_outcomes(snapshot: Snapshot) -> list[Sentence | Choice]:
    """Return the programme's other outcomes recorded so far, each beside its own profile where there is one."""
    sentences: list[Sentence | Choice] = []
    for name in [name for name in snapshot.programme.outcomes if name != "outcome"]:
        recorded, expected, status = cohorts.to_date(snapshot, name)[["recorded", "expected", "status"]]
        n, label = Count(recorded), _label(snapshot, name)
        if expected > 0:
            shown = against_profile(snapshot.programme.label(name), recorded, expected, status)
        else:
            shown = sentence(
                "{n} {label} recorded so far, of which the contract file expects none yet.", n=n, label=label
            )
        sentences.append(IfShown(n, shown, sentence("{n} {label} recorded so far.", n=n, label=label)))
    return sentences


def shifts(snapshot: Snapshot) -> list[Sentence]:
    """Which measures stand lower or higher at their end than before, since when; and which do not."""
    sentences: list[Sentence] = []
    steady: list[str] = []
    unstable: list[str] = []
    young: list[str] = []
    for trend in trend_charts.all_trends(snapshot):
        if trend.shift is None:
            listing = young if control_chart.judged(trend).empty else unstable if trend.unstable else steady
            listing.append(trend.label.lower())
        else:
            sentences.append(sentence("{shift}.", shift=shift_words(trend)))
    return [
        *sentences,
        sentence("Too little is fully recorded yet to judge {measures}.", measures=name_list(young)),
        sentence("No shift is signalled in {measures}.", measures=name_list(steady)),
        sentence(
            "There is no stable level to judge {measures} by: most months lie outside what one level would keep to. If "
            "they were being built up, state in the contract file, under changes, when that ended.",
            measures=name_list(unstable),
        ),
    ]


def shift_words(trend: trend_charts.TrendChart, *, lower: bool = False, short: bool = False) -> Sentence:
    """Say since when a measure stands elsewhere, by how much, and, unless `short`, from what level to what."""
    found = trend.shift
    assert found is not None, "the trend has a shift"
    before, after, change = _levels(trend, found)
    levels = sentence(", from {before} to {after} {scale}", before=before, after=after, scale=Name(trend.unit))
    return sentence(
        "{measure} have {direction}{change} since {start}{since}{levels}",
        measure=Name(trend.label.lower() if lower else trend.label),
        direction=Name("fallen" if found.after < found.before else "risen"),
        change=change,
        start=sentence("the cohort of ") if trend.by_cohort else sentence(""),
        since=Month(found.since),
        levels=sentence("") if short else levels,
    )


def _levels(trend: trend_charts.TrendChart, found: Shift) -> tuple[Amount, Amount, Sentence | Choice]:
    """Level before a shift and after it, and the change per cent, each hidden where it rests on few people."""
    points = control_chart.judged(trend)
    points = points[points["phase"] == points["phase"].iloc[-1]]
    counted = points[["numerator", "denominator"] if trend.per else ["value"]]
    spans = ((found.before, counted[: found.since - 1].tail(12)), (found.after, counted[found.since :]))
    of = [tuple(months.sum()) for _, months in spans]
    places = 0 if min(found.before, found.after) * trend.scale >= 20 else 1
    before, after = (
        Amount(_rounded(trend.scale * level, places), of=counts, places=places)
        for (level, _), counts in zip(spans, of, strict=True)
    )
    if not found.before > 0:
        return before, after, sentence("")
    percent = Amount(100 * abs(found.after / found.before - 1), of=(*of[0], *of[1]), places=0)
    return before, after, IfShown([before, after], sentence(" by {percent}%", percent=percent), sentence(""))


def _rounded(value: float, places: int) -> float:
    """Round half away from zero: 262.5 is 263."""
    return float(np.floor(value * 10**places + 0.5) / 10**places)


def _so_far(snapshot: Snapshot) -> list[Sentence]:
    running = running_quarter(
        max(last_month(snapshot), snapshot.first_month), snapshot.contract.quarter_basis, snapshot.first_day
    )
    if running is None or headline_window(snapshot)[0].basis == "cumulative":
        return []
    counts = counts_analysis.monthly(snapshot, ("referral", "start"), "recorded")
    inside = running.contains(counts.index)
    volumes = [
        sentence("{n} {measure}", n=Count(counts.loc[inside, name].sum()), measure=_label(snapshot, name))
        for name in ("referral", "start")
    ]
    return [
        sentence(
            "{quarter}: {volumes} recorded. A quarter that is still running is not judged.",
            quarter=Name(running.label),
            volumes=Listed(volumes),
        )
    ]


def referrals(snapshot: Snapshot) -> list[Sentence | Choice]:
    """People and referrals, and those still waiting."""
    people = counts_analysis.individuals(snapshot)
    table = journey.referrals(snapshot)
    referred, started = people.to_dict("records")
    waits = counts_analysis.time_to_start(snapshot).T["rolling_3"]
    sentences: list[Sentence | Choice] = [
        sentence(
            "{referrals} referrals of {referred} people since {day}; {starts} starts of {started} people.",
            referrals=Count(referred["journeys"]),
            referred=Count(referred["individuals"]),
            day=Day(snapshot.first_day),
            starts=Count(started["journeys"]),
            started=Count(started["individuals"]),
        ),
        sentence("{n} referrals are still open.", n=Count(table["open"].sum())),
    ]
    if waits["starts"] > 0:
        median, most = (Amount(waits[name], of=(waits["starts"],), places=0) for name in ("median", "p90"))
        waited = sentence(
            "Half of those who started in the last three months had waited {median} days or less from referral, nine "
            "in ten {most} days or less.",
            median=median,
            most=most,
        )
        sentences.append(IfShown(Count(waits["starts"]), waited))
    return sentences


def equality_findings(snapshot: Snapshot) -> list[Sentence | Choice]:
    """Which groups differ from everybody else by more than chance and the number of comparisons would explain."""
    frame = counts_analysis.equality(snapshot)
    if frame.empty:
        return [sentence("No cohort is old enough for a fair comparison of groups yet.")]
    others = frame.groupby("attribute")[["starts", "outcomes"]].transform("sum") - frame[["starts", "outcomes"]]
    signalled = frame.join(others.add_prefix("other_"))[frame["signal"] != ""].to_dict("records")
    age, label = Plain(counts_analysis.equal_age(snapshot)), _label(snapshot, "outcome")
    if not signalled:
        return [
            sentence(
                "No group differs significantly from the rest in {label} within {age} months.",
                label=label,
                age=age,
            )
        ]
    hidden = sentence("Differences that rest on too few people are not shown.")
    return [
        *(IfShown(_counts(row), _difference(row, label, age)) for row in signalled),
        IfShown([part for row in signalled for part in _counts(row)], None, hidden),
    ]


def _counts(row: Mapping[Hashable, Any]) -> list[Count]:
    """Return the counts that a group's gap to the rest would give away."""
    pairs = [(row[f"{who}outcomes"], row[f"{who}starts"]) for who in ("", "other_")]
    return [Count(part) for reached, starts in pairs for part in (reached, starts, starts - reached)]


def _difference(row: Mapping[Hashable, Any], label: Name, age: Plain) -> Sentence:
    """Return how a group differs from the rest, from the counts as they are shown."""
    return sentence(
        "{attribute}, {value}: {rate} had {label} within {age} months, {signal} than the rest by {gap} points. This "
        "does not allow for other characteristics.",
        attribute=Name(row["attribute"]),
        value=Name(row["value"]),
        rate=Share(row["outcomes"], row["starts"]),
        label=label,
        age=age,
        signal=Name(row["signal"]),
        gap=Amount(
            lambda reached, starts, others, of_others: abs(100 * (reached / starts - others / of_others)),
            of=(row["outcomes"], row["starts"], row["other_outcomes"], row["other_starts"]),
            places=0,
        ),
    )
