"""Rows not used, missing values, and months too young to judge: the part every report shares."""

from __future__ import annotations

import pandas as pd

from perflib.analysis import cohorts, measures, quality, trend_charts
from perflib.disclosure.columns import count, date, month, number, percent, percent_words, text
from perflib.disclosure.presenter import Table
from perflib.disclosure.rules import Disclosure
from perflib.disclosure.words import alternatives, capital, day_words, listed, month_words
from perflib.records.snapshot import Snapshot

HELD = {
    "courses": "courses",
    "assessments": "assessments",
    "consent": "statements of consent",
    "exemptions": "requests for exemption",
}
"""Tables that not every extract has, and what a row of them is."""


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
    shares = [(trend, trend.recorded.tail(3)) for trend in trend_charts.all_trends(snapshot) if not trend.by_cohort]
    late = [
        f"{trend.label.lower()} ({percent_words(trend.recorded.iloc[-1], target=0.95)})"
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


def maturity(snapshot: Snapshot, months: int = 12) -> Table:
    """The cohorts that become final next."""
    t = cohorts.triangle(snapshot)
    final = cohorts.final_from(snapshot).reindex(t.starts.index)
    frame = pd.DataFrame({"starts": t.starts, "age": t.observed_age, "final": final})
    coming = frame[(final > pd.Timestamp(snapshot.known_at)).to_numpy()].head(months)
    return Table(
        coming.reset_index(),
        "The cohorts that become final next",
        {
            "cohort": month("Cohort"),
            "starts": count("Starts"),
            "age": number("Age (months)", places=0),
            "final": date("Final from"),
        },
        note="A cohort is final when its youngest member is past the window and everything has had time to be "
        "recorded.",
        empty="every cohort is final"
        if has_last_day(snapshot)
        else f"{snapshot.programme.name} gives no last day for an outcome, so no cohort is final by a date",
    )


def not_used(snapshot: Snapshot) -> Table:
    """Rows and cells that were set aside."""
    return Table(
        quality.not_used(snapshot).assign(column=lambda rows: rows["column"].mask(rows["column"] == "")),
        "Rows and cells that are not used, and why",
        {
            "reason": text("Reason"),
            "table": text("Table"),
            "column": text("Column", missing="the whole row"),
            "effect": text("Effect"),
            "count": number("Count", places=0),
            "rows": text("First rows in the file"),
        },
        internal_only=True,
        note="Row numbers are those of the file, its header being row 1.",
        empty="every row and cell known by then is used",
    )


def completeness(snapshot: Snapshot) -> Table:
    """How often each attribute was recorded."""
    return Table(
        quality.completeness(snapshot),
        "How often each characteristic was recorded",
        {
            "attribute": text("Characteristic"),
            "referrals": count("Referrals"),
            "recorded": count("Recorded"),
            "share": percent("Share", "recorded", "referrals"),
        },
    )


def oddities(snapshot: Snapshot) -> Table:
    """What is used but looks wrong."""
    return Table(
        quality.oddities(snapshot),
        "What looks wrong, and outcomes that do not count",
        {"what": text("What"), "count": count("Count")},
        empty="nothing of the kind was found",
    )
