"""What a report says of rows and cells that are not used: on its first screen, as a banner, and in full at its end."""

from __future__ import annotations

import pandas as pd

from perflib.analysis import quality
from perflib.disclosure.columns import number, text
from perflib.disclosure.presenter import Notice, Table
from perflib.disclosure.sentences import ByAudience, Count, IfShown, Listed, Name, Sentence, Share, Value, sentence
from perflib.disclosure.words import capital, day_words
from perflib.records.snapshot import Snapshot

BANNER = "Too much is missing."


def not_used(snapshot: Snapshot) -> Sentence | None:
    """Say in one line how much of the extract is not used; None where everything is."""
    lost = quality.lost(snapshot)
    parts = [_counted(count, name) for count, name in ((lost.rows, "row"), (lost.cells, "cell")) if count]
    if not parts:
        return None
    rows, share = Count(lost.rows), Share(lost.rows, lost.records, places=1)
    return sentence(
        "{parts} of the extract {are} not used{share}, most often for this reason: {reason}. The account at the end "
        "says where every row went.",
        parts=Listed(parts),
        are=_of_one(lost.rows + lost.cells, "is", "are"),
        share=IfShown([rows], sentence(" ({share} of its rows)", share=share), sentence(""))
        if lost.rows
        else sentence(""),
        reason=Name(lost.reason),
    )


def _counted(count: int, name: str) -> Sentence:
    """Return a number of rows or cells."""
    return sentence("{n} {name}", n=Count(count), name=_of_one(count, name, f"{name}s"))


def _of_one(count: int, one: str, more: str) -> Value:
    """Return what is said of one where it can be seen that it is one, else what is said of more."""
    return IfShown(Count(count), Name(one if count == 1 else more), Name(more))


def notices(snapshot: Snapshot) -> list[Notice]:
    """What stands on the first screen: a banner above the tolerance, one line below it, else nothing."""
    over = snapshot.account.over(snapshot.contract.tolerance)
    if over is not None:
        words = sentence(
            "More of the extract is lost than the contract tolerates.{over} Every figure below is of what is left: do "
            "not rely on it before the extract is mended.",
            over=ByAudience(sentence(" {over}", over=Name(capital(over))), sentence("")),
        )
        return [Notice(words, BANNER)]
    line = not_used(snapshot)
    return [] if line is None else [Notice(line, "Not used.")]


ACCOUNT = {
    "known": "Records",
    "used": "Used",
    "repeats": "Repeats",
    "set_aside": "Set aside",
    "after_period": "Of later months",
}


def account(snapshot: Snapshot) -> Table:
    """Say where every row of every table went, of those that were known on the report's day.

    What is recorded later is left out, so that the page stays the same when the extract grows.
    """
    rows = [
        {"table": f"{item.table}{'' if item.counts == 'rows' else ' (events)'}", "files": ", ".join(item.files)}
        | {name: getattr(item, name) for name in ACCOUNT}
        for item in snapshot.account.tables
    ]
    frame = pd.DataFrame(rows, columns=["table", "files", *ACCOUNT])
    return Table(
        frame,
        f"Where every row of the extract went, as known on {day_words(snapshot.known_at)}",
        {"table": text("Table"), "files": text("From", missing="")}
        | {name: number(header, places=0) for name, header in ACCOUNT.items()},
        internal_only=True,
        note="Records = used + repeats + set aside + of later months. Used includes rows that a later row corrected or "
        "withdrew. Rows recorded after that day are not counted here: `perflib check` accounts for every line of the "
        "files.",
        empty="the source keeps no account",
    )
