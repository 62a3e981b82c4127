"""Findings of the participant journey report."""

from __future__ import annotations

from perflib.analysis import journey, survival
from perflib.disclosure.rules import Disclosure
from perflib.disclosure.words import capital, day_words, listed
from perflib.records.snapshot import Snapshot
from perflib.reporting.since_last_month import seen_differently


def findings(snapshot: Snapshot, d: Disclosure) -> list[str]:
    """Where everybody stands, in sentences."""
    position = journey.position(snapshot).sum()
    names = journey.stages(snapshot)
    starts = int(position.sum())
    if starts == 0:
        return ["Nobody has started yet."]
    shares = [f"{d.count(position[code])} {label.lower()}" for code, label in names.items() if position[code] > 0]
    sentences = [f"Of {d.count(starts)} starts, on {day_words(snapshot.as_of)}: {listed(shares)}."]
    load = journey.in_work(snapshot).iloc[0]
    in_work = f", {d.count(load['in_work'])} of them in work" if "job_start" in snapshot.programme.events else ""
    sentences.append(capital(f"{d.count(load['on_programme'])} were on the programme that day{in_work}."))
    times = survival.times(snapshot, [("referral", "start")]).iloc[0]
    if times["reached"] > 0 and not d.hides(times["reached"]):
        half, most = (d.number(times[name], places=0) for name in ("reached_median", "reached_p90"))
        sentences.append(
            f"Of those who start at all, half do so within {half} days of referral and nine in ten within {most}."
        )
    return sentences


def changes(earlier: Snapshot | None, later: Snapshot, d: Disclosure) -> list[str]:
    """How many journeys did not stand where the last report said, and why."""
    return seen_differently(
        earlier, lambda before: journey.changed_since(before, later).set_index("reason")["journeys"], "journeys", d
    )
