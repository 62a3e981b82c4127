"""Findings of the participant journey report."""

from __future__ import annotations

from perflib.analysis import journey, survival
from perflib.disclosure.sentences import Amount, Choice, Count, Day, IfShown, Listed, Name, Sentence, sentence
from perflib.records.snapshot import Snapshot
from perflib.reporting.since_last_month import seen_differently


def findings(snapshot: Snapshot) -> list[Sentence | Choice]:
    """Where everybody stands, in sentences."""
    position = journey.position(snapshot).sum()
    names = journey.stages(snapshot)
    starts = int(position.sum())
    if starts == 0:
        return [sentence("Nobody has started yet.")]
    stages = [
        sentence("{n} {stage}", n=Count(position[code]), stage=Name(label.lower()))
        for code, label in names.items()
        if position[code] > 0
    ]
    load = journey.in_work(snapshot).iloc[0]
    in_work = (
        sentence(", {n} of them in work", n=Count(load["in_work"]))
        if "job_start" in snapshot.programme.events
        else sentence("")
    )
    sentences: list[Sentence | Choice] = [
        sentence(
            "Of {starts} starts, on {day}: {stages}.",
            starts=Count(starts),
            day=Day(snapshot.as_of),
            stages=Listed(stages),
        ),
        sentence(
            "{there} were on the programme that day{in_work}.", there=Count(load["on_programme"]), in_work=in_work
        ),
    ]
    times = survival.times(snapshot, [("referral", "start")]).iloc[0]
    if times["reached"] > 0:
        half, most = (
            Amount(times[name], of=(times["reached"],), places=0) for name in ("reached_median", "reached_p90")
        )
        within = sentence(
            "Half of those who started waited at most {half} days from referral; nine in ten at most {most} days.",
            half=half,
            most=most,
        )
        sentences.append(IfShown(Count(times["reached"]), within))
    return sentences


def changes(earlier: Snapshot | None, later: Snapshot) -> list[Sentence]:
    """How many journeys did not stand where the last report said, and why."""
    return seen_differently(
        earlier, lambda before: journey.changed_since(before, later).set_index("reason")["journeys"], "journeys"
    )
