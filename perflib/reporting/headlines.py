"""What a report says in sentences and key figures, made from the figures and disclosed as they are written."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

import pandas as pd

from perflib.analysis import cohorts, journeys, kpis, measures, quality
from perflib.analysis.trends import Shift
from perflib.records.snapshot import Snapshot
from perflib.reporting import figures
from perflib.reporting.columns import count
from perflib.reporting.disclosure import Disclosure
from perflib.reporting.present import Tiles
from perflib.reporting.words import alternatives, capital, day_words, listed, month_words
from perflib.rules.calendar import Window, quarter, running_quarter, window

HELD = {
    "courses": "courses",
    "assessments": "assessments",
    "consent": "statements of consent",
    "exemptions": "requests for exemption",
}
"""Tables that not every extract has, and what a row of them is."""

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
    counts = kpis.monthly(snapshot, HEADLINE_MEASURES, clock="recorded")
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
    span, name = headline_window(snapshot)
    counts, promised = kpis.monthly(snapshot, ("referral", "start")), kpis.promised(snapshot, ("referral", "start"))
    inside = span.contains(counts.index)
    said = []
    for measure in ("referral", "start"):
        actual, profile = counts.loc[inside, measure].sum(), promised.loc[inside, measure].sum(skipna=False)
        words = f"{d.count(actual)} {snapshot.programme.label(measure).lower()}"
        if profile > 0:
            words += f" against {d.number(profile, people=True, places=0)} promised"
        said.append(words)
    return [f"{name}: {listed(said)}."]


def outcomes(snapshot: Snapshot, d: Disclosure) -> list[str]:
    """Outcomes to date against the profile, and which levels are missed by more than chance."""
    frame = cohorts.conversion(snapshot)
    label = snapshot.programme.label("outcome").lower()
    whole = frame[frame["area"].isna()].iloc[0] if len(frame) else None
    if whole is None or whole["status"] == "no profile":
        reached = measures.first(snapshot, "outcome")["event"].notna().sum()
        if not snapshot.contract.profiles:
            why = "the contract file gives no profile"
        elif whole is None or whole["expected"] == 0:
            why = "no cohort is old enough to have been promised any"
        else:
            why = "no profile in the contract file covers some of the starts, by their group and month"
        return [capital(f"{d.count(reached)} {label} to date. They cannot be compared with a promise: {why}.")]
    if d.hides(whole["observed"]):
        return [capital(f"{d.count(whole['observed'])} {label} to date: too few to be compared with the promise here.")]
    said = {
        "below": "fewer than the promise by more than chance would explain",
        "above": "more than the promise by more than chance would explain",
        "in line": "in line with the promise",
    }
    sentences = [_against_promise(label, whole["observed"], whole["expected"], d) + f", {said[str(whole['status'])]}."]
    for status, words in (("below", "Below"), ("above", "Above")):
        names = [
            f"{row['name']}{f' ({row.area})' if isinstance(row['area'], str) else ''}"
            for _, row in frame.iloc[1:].iterrows()
            if row["status"] == status and not d.hides(row["observed"])
        ]
        if names:
            sentences.append(f"{words} the promise by more than chance would explain: {listed(names)}.")
    mix = whole["mix_effect"]
    if pd.notna(mix) and abs(mix) >= max(1, 0.02 * whole["expected"]):
        extra = f"{d.number(abs(mix), people=True, places=0)} {'more' if mix > 0 else 'fewer'}"
        sentences.append(
            f"The actual mix of groups is promised {extra} outcomes than the tender's mix would be; that is apart from "
            f"how each group has done."
        )
    return sentences + _other_outcomes(snapshot, d)


def _against_promise(label: str, observed: float, expected: float, d: Disclosure) -> str:
    """Return an outcome to date beside its promise, in words."""
    ratio = cohorts.poisson_ratio(d.rounded(observed), d.rounded(expected))
    per_hundred, low, high = (d.number(100 * float(value), of=(observed,), places=0) for value in ratio)
    return (
        f"{d.count(observed)} {label} to date, where the profile promises "
        f"{d.number(expected, people=True, places=0)} by the ages the cohorts have reached: {per_hundred} for "
        f"each 100 promised (95% interval {low} to {high})"
    )


def _other_outcomes(snapshot: Snapshot, d: Disclosure) -> list[str]:
    """Return the programme's other outcomes to date, each beside its own promise where there is one."""
    contract, sentences = snapshot.contract, []
    for name in [name for name in snapshot.programme.outcomes if name != "outcome"]:
        t = cohorts.triangle(snapshot, name, clock=contract.profile_clock)
        totals = cohorts.against_profile(t, contract)[["observed", "expected"]].sum(skipna=False)
        label, (observed, expected) = snapshot.programme.label(name).lower(), totals
        if d.hides(observed):
            sentences.append(f"{d.count(observed)} {label} to date.")
        elif expected > 0:
            sentences.append(f"{_against_promise(label, observed, expected, d)}.")
        else:
            sentences.append(f"{d.count(observed)} {label} to date, of which the contract file promises none.")
    return [capital(sentence) for sentence in sentences]


def shifts(snapshot: Snapshot, d: Disclosure) -> list[str]:
    """Which measures stand lower or higher at their end than before, since when; and which do not."""
    sentences: list[str] = []
    steady: list[str] = []
    unstable: list[str] = []
    young: list[str] = []
    for trend in kpis.all_trends(snapshot):
        if trend.shift is None:
            listing = young if figures.judged(trend).empty else unstable if trend.unstable else steady
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


def _levels(trend: kpis.Trend, found: Shift, d: Disclosure) -> list[str]:
    """Return the level before a shift and after it, each hidden where it rests on few people."""
    points = figures.judged(trend)
    points = points[points["phase"] == points["phase"].iloc[-1]]
    counted = points[["numerator", "denominator"] if trend.per else ["value"]]
    spans = ((found.before, counted[: found.since - 1].tail(12)), (found.after, counted[found.since :]))
    return [d.number(trend.scale * level, of=months.sum(), places=1) for level, months in spans]


def _so_far(snapshot: Snapshot, d: Disclosure) -> list[str]:
    running = running_quarter(snapshot.month, snapshot.contract.quarter_basis, snapshot.first_day)
    if running is None or headline_window(snapshot)[0].basis == "cumulative":
        return []
    counts = kpis.monthly(snapshot, ("referral", "start"))
    inside = running.contains(counts.index)
    said = [
        f"{d.count(counts.loc[inside, m].sum())} {snapshot.programme.label(m).lower()}" for m in ("referral", "start")
    ]
    return [f"{running.label}: {listed(said)}. A quarter that is still running is not judged."]


def referrals(snapshot: Snapshot, d: Disclosure) -> list[str]:
    """People and referrals, and those still waiting."""
    people = kpis.individuals(snapshot)
    table = journeys.referrals(snapshot)
    referred, started = people.to_dict("records")
    sentences = [
        capital(
            f"{d.count(referred['journeys'])} referrals of {d.count(referred['individuals'])} people since "
            f"{day_words(snapshot.first_day)}; {d.count(started['journeys'])} starts of "
            f"{d.count(started['individuals'])} people."
        ),
        capital(f"{d.count(table['open'].sum())} referrals are still open."),
    ]
    waits = kpis.time_to_start(snapshot).T["rolling_3"]
    if waits["starts"] > 0 and not d.hides(waits["starts"]):
        median, most = (d.number(waits[name], places=0) for name in ("median", "p90"))
        sentences.append(
            f"Half of those who started in the last three months had waited {median} days or less from referral, nine "
            f"in ten {most} days or less."
        )
    return sentences


def equality(snapshot: Snapshot, d: Disclosure) -> list[str]:
    """Which groups differ from everybody else by more than chance and the number of comparisons would explain."""
    frame = kpis.equality(snapshot)
    if frame.empty:
        return ["No cohort is old enough for a fair comparison of groups yet."]
    others = frame.groupby("attribute")[["starts", "outcomes"]].transform("sum") - frame[["starts", "outcomes"]]
    signalled = frame.join(others.add_prefix("other_"))[frame["signal"] != ""]
    age, label = kpis.equal_age(snapshot), snapshot.programme.label("outcome").lower()
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


def too_young(snapshot: Snapshot, d: Disclosure) -> list[str]:
    """What cannot be said yet."""
    t = cohorts.triangle(snapshot)
    final = cohorts.is_final(snapshot).reindex(t.starts.index)
    starts, settled = t.starts.sum(), t.starts[final].sum()
    label = snapshot.programme.label("outcome").lower()
    sentences = []
    if starts == 0:
        return ["Nobody has started yet, so nothing can be said of outcomes."]
    if not has_last_day(snapshot):
        sentences.append(_without_last_day(snapshot, label, d))
    elif settled == 0:
        day = cohorts.final_from(snapshot).reindex(t.starts.index)[t.starts > 0].min()
        when = "" if pd.isna(day) else f" The first becomes final on {day_words(day.date())}."
        sentences.append(f"No cohort is final yet: no final rate of {label} can be given.{when}")
    else:
        sentences.append(
            f"{final.sum()} of {len(final)} cohorts are final, with {d.count(settled)} of {d.count(starts)} starts. "
            f"Rates of {label} are of cohorts observed to the same age; those of the other cohorts are not given."
        )
    shares = [(trend, trend.recorded.tail(3)) for trend in kpis.all_trends(snapshot) if not trend.by_cohort]
    late = [
        f"{trend.label.lower()} ({trend.recorded.iloc[-1]:.0%})"
        for trend, share in shares
        if share.notna().all() and share.iloc[-1] < 0.95
    ]
    if late:
        sentences.append(
            f"Of what happened in {month_words(snapshot.month)}, this share is expected to be recorded by "
            f"{day_words(snapshot.known_at)}: {listed(late)}. Months below 95% are drawn hollow and not signalled."
        )
    return sentences


def has_last_day(snapshot: Snapshot) -> bool:
    """Return whether the programme gives a last day for its outcome, after which a cohort is final."""
    return all(route.within_days for route in snapshot.programme.outcomes["outcome"].routes)


def _without_last_day(snapshot: Snapshot, label: str, d: Disclosure) -> str:
    """Return what can be said of the end where outcomes have no last day: the cohorts that everybody has left."""
    programme, contract = snapshot.programme, snapshot.contract
    said = f"{programme.name} gives no last day for {label}, so no cohort is final by a date."
    left = cohorts.all_left(snapshot)
    frame = cohorts.against_profile(cohorts.triangle(snapshot, clock=contract.profile_clock), contract)[left]
    starts, observed = frame["starts"].sum(), frame["observed"].sum()
    if starts == 0:
        return f"{said} Somebody of every cohort is still on the programme."
    rate = "" if d.hides(starts) or d.hides(observed) else f", {d.percent(observed, starts)}"
    return (
        f"{said} Everybody has left {left.sum()} of {len(left)} cohorts: of {d.count(starts)} starts in these, "
        f"{d.count(observed)} reached {label}{rate}."
    )


def data_quality(snapshot: Snapshot, d: Disclosure) -> list[str]:
    """How much was not used, and what the extract cannot say."""
    aside = quality.not_used(snapshot)
    used = f"{d.count(len(snapshot.journeys))} referrals and {d.count(len(snapshot.events))} events are used."
    sentences = [capital(used)]
    if aside.empty:
        sentences.append("Every row and cell known by then is used.")
    else:
        effects = aside.groupby("effect")["count"].sum()
        said = [f"{d.count(total)} with the effect “{effect}”" for effect, total in effects.items()]
        sentences.append(capital(f"{d.count(aside['count'].sum())} rows or cells are set aside: {listed(said)}."))
    if snapshot.not_yet_known:
        sentences.append(
            capital(
                f"{d.count(snapshot.not_yet_known)} referrals of the participants table had no event recorded by "
                f"{day_words(snapshot.known_at)} and are not in this report."
            )
        )
    programme, people = snapshot.programme, snapshot.journeys
    if programme.since is not None and (people["referral"] < pd.Timestamp(programme.since)).any():
        early = d.count((people["referral"] < pd.Timestamp(programme.since)).sum())
        sentences.append(
            capital(
                f"{early} referrals were made before {day_words(programme.since)}: they follow earlier rules, "
                f"which are not in the programme's file."
            )
        )
    held = [f"{d.count(len(snapshot.tables[name]))} {words}" for name, words in HELD.items() if name in snapshot.tables]
    if held:
        sentences.append(f"The extract also holds {listed(held)}.")
    lacking = _lacking(snapshot)
    if lacking:
        sentences.append(f"{programme.name} has no {alternatives(lacking)}: nothing here rests on them.")
    blank = [item.label.lower() for name, item in programme.attributes.items() if people[name].isna().all()]
    if blank:
        sentences.append(f"Recorded of nobody: {listed(blank)}.")
    absent = [name for name in programme.measures if measures.occurrences(snapshot, name).empty]
    if absent:
        sentences.append(f"Not one of these is recorded: {listed([programme.label(name).lower() for name in absent])}.")
    if "exit" in absent:
        sentences.append("Without leavers, everybody who has started counts as on the programme.")
    if not measures.claims_known(snapshot) and any(
        route.claim for outcome in snapshot.programme.outcomes.values() for route in outcome.routes
    ):
        sentences.append("No claim has been recorded: outcomes that need one are counted without it.")
    if snapshot.contract.history == "overwritten":
        sentences.append(
            "The source is overwritten at each export: this report cannot tell what was known earlier, and an earlier "
            "report cannot be made again."
        )
    return sentences


def _lacking(snapshot: Snapshot) -> list[str]:
    """Return what other programmes have and this one's file does not name."""
    programme = snapshot.programme
    routes = [route for outcome in programme.outcomes.values() for route in outcome.routes]
    has = {
        "customer groups": bool(programme.attributes[programme.group].codes),
        "areas": programme.area is not None,
        "units that deliver": bool(programme.units),
        "milestones": bool(programme.milestones),
        "jobs": "job_start" in programme.events,
        "claims": any(name.startswith("claim") for name in programme.events) or any(route.claim for route in routes),
        "tender levels": bool(programme.targets),
        "service standards": bool(snapshot.contract.standards),
        "last day for an outcome": has_last_day(snapshot),
    }
    return [name for name, there in has.items() if not there]
