"""Rows not used, missing values, and months too young to judge: the part every report shares."""

from __future__ import annotations

import pandas as pd

from perflib.analysis import cohorts, measures, quality
from perflib.analysis.expected import NEARLY_ALL, delay, known_month
from perflib.disclosure.columns import count, date, month, number, percent, text
from perflib.disclosure.presenter import Table
from perflib.disclosure.sentences import (
    Count,
    Day,
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
from perflib.records.snapshot import Snapshot

HELD = {
    "courses": "courses",
    "assessments": "assessments",
    "consent": "statements of consent",
    "exemptions": "requests for exemption",
}
"""Tables that not every extract has, and what a row of them is."""


def too_young(snapshot: Snapshot) -> list[Sentence]:
    """What cannot be said yet."""
    t = cohorts.triangle(snapshot)
    final = cohorts.is_final(snapshot).reindex(t.starts.index)
    starts, settled = t.starts.sum(), t.starts[final].sum()
    label = Name(snapshot.programme.label("outcome").lower())
    sentences = []
    if starts == 0:
        return [sentence("Nobody has started yet, so nothing can be said of outcomes.")]
    if not has_last_day(snapshot):
        sentences.append(_without_last_day(snapshot, label))
    elif settled == 0:
        day = cohorts.final_from(snapshot).reindex(t.starts.index)[t.starts > 0].min()
        when = sentence("") if pd.isna(day) else sentence(" The first becomes final on {day}.", day=Day(day.date()))
        sentences.append(
            sentence("No cohort is final yet: no final rate of {label} can be given.{when}", label=label, when=when)
        )
    else:
        sentences.append(
            sentence(
                "{final} of {cohorts} cohorts are final, with {settled} of {starts} starts. Rates of {label} are of "
                "cohorts observed to the same age; those of the other cohorts are not given.",
                final=Plain(final.sum()),
                cohorts=Plain(len(final)),
                settled=Count(settled),
                starts=Count(starts),
                label=label,
            )
        )
    known = known_month(snapshot)
    shares = {
        name: delay(snapshot, name).share_recorded(pd.PeriodIndex([snapshot.month]), known)
        for name in snapshot.programme.measures
    }
    late = [
        sentence(
            "{measure} ({share})",
            measure=Name(snapshot.programme.label(name).lower()),
            share=Plain(share, 0, percent=True, target=NEARLY_ALL),
        )
        for name, share in shares.items()
        if share < NEARLY_ALL
    ]
    if late:
        sentences.append(
            sentence(
                "Of what happened in {month}, this share is expected to be recorded by {day}: {late}. Months below 95% "
                "are drawn hollow and not signalled.",
                month=Month(snapshot.month),
                day=Day(snapshot.known_at),
                late=Listed(late),
            )
        )
    return sentences


def has_last_day(snapshot: Snapshot) -> bool:
    """Return whether the programme gives a last day for its outcome, after which a cohort is final."""
    return all(route.within_days for route in snapshot.programme.outcomes["outcome"].routes)


def _without_last_day(snapshot: Snapshot, label: Name) -> Sentence:
    """Return what can be said of the end where outcomes have no last day: the cohorts that everybody has left."""
    programme = snapshot.programme
    lacking = sentence(
        "{programme} gives no last day for {label}, so no cohort is final by a date.",
        programme=Name(programme.name),
        label=label,
    )
    left = cohorts.all_left(snapshot)
    t = cohorts.recorded_triangle(snapshot)
    gone = left.reindex(t.starts.index).to_numpy(dtype=bool)
    starts, observed = t.starts[gone].sum(), t.latest[gone].sum()
    if starts == 0:
        return sentence("{lacking} Somebody of every cohort is still on the programme.", lacking=lacking)
    rate = IfShown(
        [Count(starts), Count(observed)],
        sentence(", {rate}", rate=Share(observed, starts)),
        sentence(""),
    )
    return sentence(
        "{lacking} Everybody has left {left} of {cohorts} cohorts: of {starts} starts in these, {observed} reached "
        "{label}{rate}.",
        lacking=lacking,
        left=Plain(left.sum()),
        cohorts=Plain(len(left)),
        starts=Count(starts),
        observed=Count(observed),
        label=label,
        rate=rate,
    )


def data_quality(snapshot: Snapshot) -> list[Sentence]:
    """How much was not used, and what the extract cannot say."""
    aside = quality.not_used(snapshot)
    sentences = [
        sentence(
            "{referrals} referrals and {events} events are used.",
            referrals=Count(len(snapshot.journeys)),
            events=Count(len(snapshot.events)),
        )
    ]
    if aside.empty:
        sentences.append(sentence("Every row and cell known by then is used."))
    else:
        effects = [
            sentence("{n} with the effect “{effect}”", n=Count(total), effect=Name(effect))
            for effect, total in aside.groupby("effect")["count"].sum().items()
        ]
        sentences.append(
            sentence(
                "{n} rows or cells are set aside: {effects}.", n=Count(aside["count"].sum()), effects=Listed(effects)
            )
        )
    if snapshot.not_yet_known:
        sentences.append(
            sentence(
                "{n} referrals of the participants table had no event recorded by {day} and are not in this report.",
                n=Count(snapshot.not_yet_known),
                day=Day(snapshot.known_at),
            )
        )
    programme, people = snapshot.programme, snapshot.journeys
    if programme.since is not None and (people["referral"] < pd.Timestamp(programme.since)).any():
        sentences.append(
            sentence(
                "{n} referrals were made before {day}: they follow earlier rules, which are not in the programme's "
                "file.",
                n=Count((people["referral"] < pd.Timestamp(programme.since)).sum()),
                day=Day(programme.since),
            )
        )
    held = [
        sentence("{n} {what}", n=Count(len(snapshot.tables[name])), what=Name(words))
        for name, words in HELD.items()
        if name in snapshot.tables
    ]
    if held:
        sentences.append(sentence("The extract also holds {held}.", held=Listed(held)))
    lacking = _lacking(snapshot)
    if lacking:
        sentences.append(
            sentence(
                "{programme} has no {lacking}: nothing here rests on them.",
                programme=Name(programme.name),
                lacking=name_list(lacking, ", ", " or "),
            )
        )
    blank = [item.label.lower() for name, item in programme.attributes.items() if people[name].isna().all()]
    if blank:
        sentences.append(sentence("Recorded of nobody: {blank}.", blank=name_list(blank)))
    absent = [name for name in programme.measures if measures.occurrences(snapshot, name).empty]
    if absent:
        labels = name_list([programme.label(name).lower() for name in absent])
        sentences.append(sentence("Not one of these is recorded: {absent}.", absent=labels))
    if "exit" in absent:
        sentences.append(sentence("Without leavers, everybody who has started counts as on the programme."))
    if not measures.claims_known(snapshot) and any(
        route.claim for outcome in snapshot.programme.outcomes.values() for route in outcome.routes
    ):
        sentences.append(sentence("No claim has been recorded: outcomes that need one are counted without it."))
    if snapshot.contract.history == "overwritten":
        sentences.append(
            sentence(
                "The source is overwritten at each export: this report cannot tell what was known earlier, and an "
                "earlier report cannot be made again."
            )
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
