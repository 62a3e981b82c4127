"""What a report says of rows and cells that are not used: on its first screen, as a banner, and in full at its end."""

from __future__ import annotations

import pandas as pd

from perflib.analysis import quality
from perflib.disclosure.columns import number, text
from perflib.disclosure.presenter import Presenter, Shown, Table
from perflib.disclosure.rules import Disclosure
from perflib.disclosure.words import capital
from perflib.records.snapshot import Snapshot

BANNER = "Too much is missing."
INTERNAL = "internal"


def sentence(snapshot: Snapshot, d: Disclosure) -> str | None:
    """Say in one line how much of the extract is not used; None where everything is."""
    lost = quality.lost(snapshot)
    parts = [
        f"{d.count(count)} {name if count == 1 else f'{name}s'}"
        for count, name in ((lost.rows, "row"), (lost.cells, "cell"))
        if count
    ]
    if not parts:
        return None
    share = (
        f" ({d.percent(lost.rows, lost.records, places=1)} of its rows)" if lost.rows and not d.hides(lost.rows) else ""
    )
    one = lost.rows + lost.cells == 1
    return capital(
        f"{' and '.join(parts)} of the extract {'is' if one else 'are'} not used{share}, "
        f"most often for this reason: {lost.reason}. The account at the end says where every row went."
    )


def notices(snapshot: Snapshot, show: Presenter) -> list[Shown]:
    """Return what stands on the first screen: a banner above the tolerance, one line below it, else nothing."""
    d = show.disclosure
    over = snapshot.account.over(snapshot.contract.tolerance)
    if over is not None:
        words = f" {capital(over)}" if d.audience == INTERNAL else ""
        return [
            show.notice(
                f"More of the extract is lost than the contract tolerates.{words} Every figure below is of what is "
                f"left: do not rely on it before the extract is mended.",
                heading=BANNER,
            )
        ]
    said = sentence(snapshot, d)
    return [] if said is None else [show.notice(said, heading="Not used.")]


ACCOUNT = {
    "lines": "Lines",
    "header": "Header",
    "blank": "Blank",
    "continuation": "Continuation",
    "records": "Records",
    "used": "Used",
    "repeats": "Repeats",
    "set_aside": "Set aside",
    "outside": "Outside",
}


def account(snapshot: Snapshot) -> Table:
    """Say where every row of every table went."""
    rows = [
        {"table": f"{item.table}{'' if item.counts == 'rows' else ' (events)'}", "files": ", ".join(item.files)}
        | {name: getattr(item, name) for name in ACCOUNT}
        for item in snapshot.account.tables
    ]
    frame = pd.DataFrame(rows, columns=["table", "files", *ACCOUNT])
    return Table(
        frame,
        "Where every row of the extract went",
        {"table": text("Table"), "files": text("From", missing="")}
        | {name: number(header, places=0) for name, header in ACCOUNT.items()},
        internal_only=True,
        note="Lines = header + blank + continuation (lines of a cell that holds line breaks) + records. Records = used "
        "+ repeats + set aside + outside. Used includes rows that a later row corrected or withdrew. Outside are rows "
        "recorded after the day of this report, of after its month, or of other contracts.",
        empty="the source keeps no account",
    )
