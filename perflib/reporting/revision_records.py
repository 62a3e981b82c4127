"""The records behind a revision: what came late, moved, was corrected or withdrawn."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from perflib.analysis.revisions import KINDS, changes, changes_elsewhere
from perflib.disclosure.columns import count, text
from perflib.disclosure.presenter import Showable, Table
from perflib.disclosure.sentences import Count, Day, Sentence, sentence
from perflib.records.snapshot import Snapshot

HEADERS = {
    "late": "Recorded since",
    "found": "Recorded by then, not counted then",
    "moved": "Moved to another date",
    "altered": "Otherwise corrected",
    "gone": "Withdrawn or no longer there",
}


def record_changes(before: Snapshot | None, after: Snapshot, record: Mapping[str, Any]) -> list[Showable]:
    """How the records differ."""
    if before is None:
        same = record["fingerprint"] == after.fingerprint
        return [
            sentence(
                "What it was issued from is not there as it was, or cannot be read by this version of perflib; the "
                "records are {same}.",
                same=sentence("the same") if same else sentence("not the same"),
            )
        ]
    if before.fingerprint == after.fingerprint:
        return [[sentence("The records are the same."), *_set_aside(before, after)]]
    events, elsewhere = changes(before, after), changes_elsewhere(before, after)
    programme = after.programme
    kinds = [kind for kind in KINDS if events[kind].any()]
    attributes = {name: attribute.label for name, attribute in programme.attributes.items()}
    what = [
        attributes.get(row["column"], row["column"].replace("_", " ")).capitalize()
        or f"Table of {row['table'].replace('_', ' ')}"
        for row in elsewhere.to_dict("records")
    ]
    shown: list[Showable] = [
        Table(
            events.assign(label=[programme.label(event) for event in events["event"]]),
            sentence("Records of events that differ from what was known on {day}", day=Day(before.known_at)),
            {"label": text("Event"), **{kind: count(HEADERS[kind]) for kind in kinds}},
            note="Of events that happened by the end of the month. A record is counted once.",
            empty="no event differs",
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
            Table(elsewhere.assign(what=what), "What else differs in the extract", {"what": text("What"), **there})
        )
    aside = _set_aside(before, after)
    return [*shown, aside] if aside else shown


def _set_aside(before: Snapshot, after: Snapshot) -> list[Sentence]:
    if before.set_aside.equals(after.set_aside):
        return []
    then, now = (Count(len(look.set_aside)) for look in (before, after))
    return [sentence("Rows and cells set aside: {then} then, {now} now.", then=then, now=now)]
