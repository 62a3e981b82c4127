"""Sections of the participant journey report that show only what the extract has."""

from __future__ import annotations

from perflib.analysis import journey
from perflib.analysis.journey import peer_groups
from perflib.disclosure.columns import count, month, number, percent
from perflib.disclosure.presenter import Figure, Table
from perflib.disclosure.sentences import Name, Sentence, sentence
from perflib.records.snapshot import Snapshot
from perflib.reporting.participant_journey.figures import group_changes, job_survival
from perflib.reporting.participant_journey.tables import caseworkers, group_jobs, group_times, in_work, job_gaps, moves


def groups(snapshot: Snapshot) -> list[Table | Figure] | Sentence:
    """Peer support groups: who is in which, who moves, and the jobs that come of them."""
    if peer_groups.EVENT not in snapshot.programme.events:
        return sentence("{programme} has no peer support groups.", programme=Name(snapshot.programme.name))
    if not peer_groups.known(snapshot):
        return sentence("The extract holds no placement in a peer support group.")
    caseworker = next((name for name, kind in snapshot.programme.attributes.items() if kind.staff), None)
    return [
        group_times(snapshot),
        group_jobs(snapshot),
        group_changes(snapshot),
        moves(snapshot),
        *([caseworkers(snapshot, caseworker)] if caseworker else []),
    ]


def reviews(snapshot: Snapshot) -> Table | Sentence:
    """Who had a review in each month."""
    programme, event = snapshot.programme, "review"
    if event not in programme.events:
        return sentence(
            "{programme} names no reviews, and no management regime of the contract does.",
            programme=Name(programme.name),
        )
    label = programme.label(event)
    frame = journey.reviews(snapshot, event).tail(12).reset_index()
    known = bool((snapshot.events["event"] == event).any())
    return Table(
        frame if known else frame.iloc[:0],
        f"{label}: of those on the programme all month, who had one",
        {
            "month": month("Month"),
            "participants": count("On the programme all month"),
            "reviewed": count("Had one"),
            "share": percent("Share", "reviewed", "participants"),
            "longest_gap": number("Longest without (days)", of=("participants",), places=0),
        },
        note="Who is overdue is for those who may see it: perflib rows CONTRACT MONTH overdue:review --to FILE.",
        empty="the extract holds none",
    )


def work(snapshot: Snapshot) -> list[Table | Figure] | Sentence:
    """Who is in work, how long work lasts, and how long it takes to find it again."""
    if "job_start" not in snapshot.programme.events:
        return sentence("{programme} has no jobs in its file.", programme=Name(snapshot.programme.name))
    if journey.work_spells(snapshot).empty:
        return sentence("The extract holds no job.")
    return [in_work(snapshot), job_survival(snapshot), job_gaps(snapshot)]
