"""What an extract does not say: rows and cells not used, values not recorded, outcomes that do not count."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from perflib.analysis import measures
from perflib.analysis.cohorts import started
from perflib.analysis.journey.positions import exits
from perflib.analysis.journey.work import stray_ends
from perflib.records.schemas import NOT_RECORDED
from perflib.records.snapshot import ONCE, Snapshot


def not_used(snapshot: Snapshot) -> pd.DataFrame:
    """Count the rows and cells that were set aside, by reason.

    Returns
    -------
    DataFrame
        `table`, `column`, `reason`, `effect`, `count`, `rows` (the first row numbers in the file), `example` (the
        first value that is not blank; empty for identifiers); most frequent first.

    Examples
    --------
    >>> from perflib import sample_snapshot
    >>> not_used(sample_snapshot())[["table", "column", "count"]]
              table column  count
    0        events             1
    1  participants    age      1
    """
    aside = snapshot.set_aside.sort_values(["table", "row"], kind="stable")
    aside = aside.assign(value=aside["value"].where(aside["value"] != ""))
    groups = aside.groupby(["table", "column", "reason", "effect"], sort=True, observed=True)
    counts = groups.agg(
        count=("row", "size"),
        rows=("row", lambda rows: ", ".join(str(row) for row in rows.head(5)) + (" ..." if len(rows) > 5 else "")),
        example=("value", "first"),
    ).reset_index()
    counts["example"] = counts["example"].fillna("")
    return counts.sort_values(
        ["count", "table", "column", "reason"], ascending=[False, True, True, True], kind="stable"
    )


@dataclass(frozen=True)
class Lost:
    """How much of an extract is not used. Repeats and rows outside the snapshot are not lost.

    Attributes
    ----------
    rows, cells : int
        Rows set aside, and cells of other rows that count as not recorded.
    records : int
        All rows, those set aside among them.
    reason : str
        The most frequent reason; empty where nothing is lost.
    """

    rows: int
    cells: int
    records: int
    reason: str


def lost(snapshot: Snapshot) -> Lost:
    """Count the rows and cells that are lost to a snapshot."""
    aside = snapshot.set_aside[snapshot.set_aside["effect"] != ONCE]
    cells = (aside["effect"] == NOT_RECORDED).to_numpy()
    tables = [table for table in snapshot.account.tables if table.counts == "rows"]
    rows = sum(table.set_aside for table in tables) or len(aside[~cells].drop_duplicates(["table", "row"]))
    records = sum(table.known for table in tables) or len(snapshot.events) + len(snapshot.journeys) + rows
    reasons = aside["reason"].value_counts()
    return Lost(rows, int(cells.sum()), records, str(reasons.index[0]) if len(reasons) else "")


def completeness(snapshot: Snapshot) -> pd.DataFrame:
    """Completeness of each attribute that the extract has.

    Returns
    -------
    DataFrame
        `attribute` (label), `referrals`, `recorded`, `share`. An attribute that is nowhere recorded is left out: the
        extract does not have it.

    Examples
    --------
    >>> from perflib import sample_snapshot
    >>> completeness(sample_snapshot()).head(2)
                  attribute  referrals  recorded  share
    0        Customer group        389       389    1.0
    1  Devolution deal area        389       389    1.0
    """
    rows = []
    for name, attribute in snapshot.programme.attributes.items():
        recorded = int(snapshot.journeys[name].notna().sum())
        if recorded:
            rows.append({"attribute": attribute.label, "referrals": len(snapshot.journeys), "recorded": recorded})
    frame = pd.DataFrame(rows, columns=["attribute", "referrals", "recorded"])
    return frame.assign(share=frame["recorded"] / frame["referrals"])


def oddities(snapshot: Snapshot) -> pd.DataFrame:
    """Count what is used but looks wrong, and outcomes that do not count.

    Returns
    -------
    DataFrame
        `what`, `count`; only what occurs.

    Examples
    --------
    >>> from perflib import sample_snapshot
    >>> len(oddities(sample_snapshot()))
    0
    """
    journeys, rows = snapshot.journeys, {}
    rows["starts dated before their referral"] = int((journeys["start"] < journeys["referral"]).sum())
    too_early = journeys["start"] < snapshot.first_month.start_time
    rows["starts dated before the contract's first month: in totals, in no month's count"] = int(too_early.sum())
    rows["ends of jobs that end none"] = stray_ends(snapshot)
    left = exits(snapshot)
    rows["leavers dated before their start"] = int((left < journeys["start"]).sum())
    rows["leavers without a start"] = int((left.notna() & ~started(snapshot)).sum())
    for name in snapshot.programme.milestones:
        early = int((journeys[name] < journeys["start"]).sum())
        rows[f"{snapshot.programme.label(name)}: dated before the start"] = early
        rows[f"{snapshot.programme.label(name)}: without a start"] = int(
            (journeys[name].notna() & ~started(snapshot)).sum()
        )
    for outcome, rules in snapshot.programme.outcomes.items():
        for reason, count in measures.excluded(snapshot, outcome).items():
            rows[f"{rules.label} that do not count: {reason}"] = int(count)
    frame = pd.DataFrame({"what": list(rows), "count": list(rows.values())})
    return frame[frame["count"] > 0].reset_index(drop=True)
