"""Sections of the participant journey report that show only what the extract has."""

from __future__ import annotations

from perflib.analysis import journey
from perflib.analysis.journey import peer_groups
from perflib.disclosure.columns import count, month, number, percent
from perflib.disclosure.presenter import Presenter, Shown, Table
from perflib.records.snapshot import Snapshot
from perflib.reporting.front_matter import together
from perflib.reporting.participant_journey.figures import group_changes, job_survival
from perflib.reporting.participant_journey.tables import caseworkers, group_jobs, group_times, in_work, job_gaps, moves


def groups(snapshot: Snapshot, show: Presenter) -> Shown:
    """Peer support groups: who is in which, who moves, and the jobs that come of them."""
    if peer_groups.EVENT not in snapshot.programme.events:
        return show.say(f"{snapshot.programme.name} has no peer support groups.")
    if not peer_groups.known(snapshot):
        return show.say("The extract holds no placement in a peer support group.")
    shown = [show.table(group_times(snapshot)), show.table(group_jobs(snapshot)), show.figure(group_changes(snapshot))]
    shown.append(show.table(moves(snapshot)))
    caseworker = next((name for name, kind in snapshot.programme.attributes.items() if kind.staff), None)
    return together(*shown, *([show.table(caseworkers(snapshot, caseworker))] if caseworker else []))


def reviews(snapshot: Snapshot, show: Presenter) -> Shown:
    """Who had a review in each month."""
    programme, event = snapshot.programme, "review"
    if event not in programme.events:
        return show.say(f"{programme.name} names no reviews, and no management regime of the contract does.")
    label = programme.label(event)
    frame = journey.reviews(snapshot, event).tail(12).reset_index()
    known = bool((snapshot.events["event"] == event).any())
    return show.table(
        Table(
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
    )


def work(snapshot: Snapshot, show: Presenter) -> Shown:
    """Who is in work, how long work lasts, and how long it takes to find it again."""
    if "job_start" not in snapshot.programme.events:
        return show.say(f"{snapshot.programme.name} has no jobs in its file.")
    if journey.work_spells(snapshot).empty:
        return show.say("The extract holds no job.")
    tables = show.table(in_work(snapshot)), show.table(job_gaps(snapshot))
    return together(tables[0], show.figure(job_survival(snapshot)), tables[1])
