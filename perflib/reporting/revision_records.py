"""The records behind a revision: what came late, moved, was corrected or withdrawn."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from perflib.analysis.revisions import KINDS, changes, changes_elsewhere
from perflib.disclosure.columns import count, text
from perflib.disclosure.presenter import Presenter, Shown, Table
from perflib.disclosure.rules import Disclosure
from perflib.disclosure.words import day_words
from perflib.records.snapshot import Snapshot

HEADERS = {
    "late": "Recorded since",
    "found": "Recorded by then, not counted then",
    "moved": "Moved to another date",
    "altered": "Otherwise corrected",
    "gone": "Withdrawn or no longer there",
}


def record_changes(before: Snapshot | None, after: Snapshot, record: Mapping[str, Any], show: Presenter) -> list[Shown]:
    """Return how the records differ."""
    if before is None:
        lacking = "What it was issued from is not there as it was, or cannot be read by this version of perflib"
        same = record["fingerprint"] == after.fingerprint
        return [show.say(f"{lacking}; the records are {'' if same else 'not '}the same.")]
    if before.fingerprint == after.fingerprint:
        return [show.say("The records are the same.", *_set_aside(before, after, show.disclosure))]
    events, elsewhere = changes(before, after), changes_elsewhere(before, after)
    programme = after.programme
    kinds = [kind for kind in KINDS if events[kind].any()]
    then = day_words(before.known_at)
    attributes = {name: attribute.label for name, attribute in programme.attributes.items()}
    what = [
        attributes.get(row["column"], row["column"].replace("_", " ")).capitalize()
        or f"Table of {row['table'].replace('_', ' ')}"
        for row in elsewhere.to_dict("records")
    ]
    shown = [
        show.table(
            Table(
                events.assign(label=[programme.label(event) for event in events["event"]]),
                f"Records of events that differ from what was known on {then}",
                {"label": text("Event"), **{kind: count(HEADERS[kind]) for kind in kinds}},
                note="Of events that happened by the end of the month. A record is counted once.",
                empty="no event differs",
            )
        )
    ]
    if len(elsewhere):
        columns = {
            "changed": count("Participants whose value differs"),
            "added": count("Rows added"),
            "gone": count("Rows no longer there"),
        }
        there = {name: column for name, column in columns.items() if elsewhere[name].any()}
        shown.append(
            show.table(
                Table(elsewhere.assign(what=what), "What else differs in the extract", {"what": text("What"), **there})
            )
        )
    aside = _set_aside(before, after, show.disclosure)
    return [*shown, show.say(*aside)] if aside else shown


def _set_aside(before: Snapshot, after: Snapshot, d: Disclosure) -> list[str]:
    if before.set_aside.equals(after.set_aside):
        return []
    then, now = (d.count(len(look.set_aside)) for look in (before, after))
    return [f"Rows and cells set aside: {then} then, {now} now."]
