"""The sentences of the briefing: the state of the contract, the points for decision, what has changed."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from perflib.analysis import claims, comparison, standing, trend_charts
from perflib.analysis.standing import LEVEL, STANDARD, TREND, UNIT, Standing
from perflib.disclosure.presenter import Point
from perflib.disclosure.sentences import (
    Amount,
    Choice,
    Count,
    IfShown,
    Listed,
    Month,
    Name,
    Plain,
    Sentence,
    name_list,
    sentence,
)
from perflib.disclosure.values import Value
from perflib.records.snapshot import Snapshot
from perflib.reporting.cohort_trends.findings import shift_words
from perflib.reporting.participant_journey import changes as late_records
from perflib.reporting.subcontractor_comparison.tables import names

NOW = {"above": "ahead of profile so far", "below": "behind profile so far", "in line": "in line with profile so far"}
MOST = 5
"""Points for decision: more are not read."""

WAYS = {
    "at risk": "is at risk",
    "below": "is significantly below what is expected",
    "above": "is significantly above what is expected",
    "fallen": "have fallen",
    "risen": "have risen",
    "not met": "is not met",
}


def headline(snapshot: Snapshot) -> Sentence | Choice:
    """Where the contract stands now and at the end, with the reason and the lever, in a sentence or two."""
    found = standing.standing(snapshot)
    if found is None:
        return sentence("Nobody has started yet: there are no outcomes to judge or to forecast.")
    label = Name(snapshot.programme.label("outcome").lower())
    if np.isnan(found.profile):
        whole = sentence(
            "{recorded} {label} are recorded, and {expected} are expected in the end of the {starts} who have started. "
            "The contract gives no profile to compare them with.",
            recorded=Count(found.recorded),
            label=label,
            expected=_people(found.expected, found),
            starts=Count(found.starts),
        )
        return _unless_few(found, whole)
    now = sentence(
        "{label}: {state} ({recorded} recorded{expected})",
        label=Name(snapshot.programme.label("outcome")),
        state=Name(NOW.get(found.status, "too early to judge")),
        recorded=Count(found.recorded),
        expected=sentence(", {n} expected", n=_people(found.expected_so_far, found))
        if found.expected_so_far > 0
        else sentence(""),
    )
    contrast = found.at_risk == (found.status != "below")
    whole = sentence(
        "{now} {link} {end}{reason}.{lever}",
        now=now,
        link=Name("but" if contrast and found.status in NOW else "and"),
        end=_end(found),
        reason=_reason(found),
        lever=_lever(snapshot, found),
    )
    return _unless_few(found, whole)


def _unless_few(found: Standing, whole: Sentence) -> Choice:
    few = sentence("{n} have started: too few to say where the contract stands.", n=Count(found.starts))
    hidden = sentence("{n} outcomes are recorded: too few to say where the contract stands.", n=Count(found.recorded))
    return IfShown(Count(found.starts), IfShown(Count(found.recorded), whole, hidden), few)


def _end(found: Standing) -> Sentence:
    """Say what is likely in the end, of those who have started."""
    values = {"expected": _people(found.expected, found), "profile": _people(found.profile, found)}
    if found.at_risk:
        short = _people(found.short, found)
        return sentence("likely to end about {short} short ({expected} of {profile})", short=short, **values)
    if found.miss < 0.1 and found.expected > found.profile:
        return sentence("likely to end above profile ({expected}, profile {profile})", **values)
    return sentence("likely to end near its profile ({expected}, profile {profile})", **values)


def _people(value: float, found: Standing) -> Amount:
    return Amount(value, of=(found.recorded,), people=True, places=0 if value >= 9.95 or value < 0.05 else 1)


def _reason(found: Standing) -> Sentence:
    if not found.at_risk or found.reason is None:
        return sentence("")
    return sentence(": {why}", why=shift_words(found.reason, lower=True, short=True))


def _lever(snapshot: Snapshot, found: Standing) -> Sentence:
    if not found.at_risk or found.lever is None:
        return sentence("")
    return sentence(
        " {needed} {label} a month are needed; {expected} are expected.",
        needed=_people(found.lever.needed, found),
        label=Name(snapshot.programme.label(found.lever.measure).lower()),
        expected=_people(found.lever.expected, found),
    )


def points(snapshot: Snapshot) -> list[Point | Sentence]:
    """Up to five points that somebody must decide on, dearest first, each with where it is argued."""
    signals = standing.signals(snapshot)
    found = [
        *_levels(snapshot, signals[signals["kind"] == LEVEL]),
        *_units(snapshot, signals[(signals["kind"] == UNIT) & (signals["way"] == "below")]),
        *_trends(snapshot, signals[signals["kind"] == TREND]),
        *_claims(snapshot),
        *_standards(snapshot, signals[signals["kind"] == STANDARD]),
    ]
    return [*found[:MOST]] or [sentence("Nothing needs a decision this month.")]


def _levels(snapshot: Snapshot, rows: pd.DataFrame) -> list[Point]:
    if rows.empty:
        return []
    targets = snapshot.programme.targets
    listed: list[Value] = [
        _unless_hidden(
            row,
            sentence("{name} ({short} short)", name=Name(_level_name(snapshot, row["name"])), short=_cost(row)),
            sentence("{name}", name=Name(_level_name(snapshot, row["name"]))),
        )
        for row in rows.to_dict("records")
        if row["cost"] >= snapshot.contract.early_warning.least or row["name"] in targets
    ]
    text = sentence("At risk in the end: {levels}.", levels=Listed(listed))
    return [Point(text, "outcome_forecast", "Outcome forecast", "Which levels may be missed")] if listed else []


def _level_name(snapshot: Snapshot, name: str) -> str:
    level, _, area = name.partition(" (")
    target = snapshot.programme.targets.get(level)
    short = target.name.partition(":")[0] if target is not None else level
    return f"{short} ({area}" if area and target is not None else short if target is not None else name


def _units(snapshot: Snapshot, rows: pd.DataFrame) -> list[Point]:
    if rows.empty:
        return []
    called, titles = names(snapshot), comparison.measures_compared(snapshot)
    listed: list[Value] = [
        _unless_hidden(
            row,
            sentence(
                "{unit} ({measure}: {lost} fewer than expected)",
                unit=called[row["name"]],
                lost=_cost(row),
                measure=Name(titles[row["measure"]]),
            ),
            sentence("{unit} ({measure})", unit=called[row["name"]], measure=Name(titles[row["measure"]])),
        )
        for row in rows.to_dict("records")
    ]
    text = sentence("Significantly below what is expected of their participants: {units}.", units=Listed(listed))
    return [
        Point(text, "subcontractor_comparison", "Subcontractor comparison", "Who is different, and how sure is that?")
    ]


def _cost(row: Mapping[Hashable, Any]) -> Amount:
    """Write what a signal costs, hidden with the count that it is made of."""
    return Amount(row["cost"], of=(row["made_of"],), people=True, places=0)


def _unless_hidden(row: Mapping[Hashable, Any], whole: Sentence, bare: Sentence) -> Choice:
    return IfShown(Count(row["made_of"]), whole, bare)


def _trends(snapshot: Snapshot, rows: pd.DataFrame) -> list[Point]:
    falls = {trend.measure: trend for trend in standing.falling(snapshot)}
    if not falls:
        return []
    listed: list[Value] = []
    for name, trend in falls.items():
        assert trend.shift is not None, "what has fallen has a shift"
        label, since = Name(trend.label.lower()), Month(trend.shift.since)
        row = rows[rows["name"] == name].to_dict("records")[0]
        whole = sentence("{measure} (since {since}, {lost} fewer so far)", measure=label, since=since, lost=_cost(row))
        listed.append(_unless_hidden(row, whole, sentence("{measure} (since {since})", measure=label, since=since)))
    text = sentence("Below their earlier level: {falls}.", falls=Listed(listed))
    return [Point(text, "cohort_trends", "Cohort trends", "Trends")]


def _claims(snapshot: Snapshot) -> list[Point]:
    if not claims.claimed_outcomes(snapshot):
        return []
    soon = int(claims.to_submit(snapshot, claims.claimed_outcomes(snapshot)[0]).iloc[0].sum())
    if not soon:
        return []
    text = sentence(
        "Outcomes that must be claimed within {days} days: {n}.", days=Plain(claims.WITHIN[0]), n=Count(soon)
    )
    return [Point(text, "claims", "Claims", "Deadlines")]


def _standards(snapshot: Snapshot, rows: pd.DataFrame) -> list[Point]:
    if rows.empty:
        return []
    worst = rows.iloc[0]
    name = snapshot.contract.standards[str(worst["name"])].name
    text = sentence(
        "{n} of the service standards are not met. Most cases are missed on: {name} ({late}).",
        n=Plain(len(rows)),
        name=Name(name),
        late=Count(worst["cost"]),
    )
    if len(rows) == 1:
        text = sentence("One service standard is not met: {name} ({late} late or missed).", name=Name(name),
                        late=Count(worst["cost"]))  # fmt: skip
    return [Point(text, "service_standards", "Service standards", "What the standards show")]


def changes(before: Snapshot | None, snapshot: Snapshot) -> list[Sentence]:
    """What is new since last month, what has gone, and which records came late."""
    if before is None:
        return [sentence("This is the contract's first month: there is no earlier one to compare with.")]
    found = standing.since(before, snapshot)
    month = Month(before.month)
    said = []
    new = [_signal(snapshot, row) for row in found[found["change"] == "new"].to_dict("records")]
    gone = [_signal(snapshot, row) for row in found[found["change"] == "gone"].to_dict("records")]
    if new:
        said.append(sentence("New since {month}: {signals}.", month=month, signals=Listed(new, "; ")))
    if gone:
        said.append(sentence("No longer so since {month}: {signals}.", month=month, signals=Listed(gone, "; ")))
    said = said or [sentence("No signal is new since {month}, and none has gone.", month=month)]
    return [*said, *late_records(before, snapshot)]


def _signal(snapshot: Snapshot, row: Mapping[Hashable, Any]) -> Sentence:
    kind, name = row["kind"], str(row["name"])
    shown: Value = Name(name)
    if kind == LEVEL:
        shown = Name(_level_name(snapshot, name))
    elif kind == UNIT:
        shown = names(snapshot)[name]
    elif kind == TREND:
        shown = Name(snapshot.programme.label(name).lower())
    elif name in snapshot.contract.standards:
        shown = Name(snapshot.contract.standards[name].name)
    return sentence("{name} {way}", name=shown, way=Name(WAYS[row["way"]]))


def conventions(snapshot: Snapshot) -> list[Sentence]:
    """How the briefing reads."""
    return [
        sentence(
            "Outcomes are those recorded so far, against what the profile leads one to expect to be recorded by now. "
            "In the end: the forecast for everybody who has started, when all is recorded."
        ),
        sentence("Points stand in the order of what they cost: outcomes first, then people."),
        sentence(
            "Trends: {trends}.",
            trends=name_list([trend.label.lower() for trend in trend_charts.all_trends(snapshot)] or ["none yet"]),
        ),
    ]
