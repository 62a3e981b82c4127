"""Every row that a snapshot knows of an event, those among them that another row replaced."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np
import pandas as pd

from perflib.records.current_rows import as_text, categorical, in_order, is_unique_key, resolve
from perflib.records.snapshot import Snapshot

RECORD = "record"
"""What a row does unless its `action` says otherwise."""


def rows(snapshot: Snapshot, events: Collection[str]) -> pd.DataFrame:
    """List every usable row of some events of the snapshot's referrals.

    Parameters
    ----------
    snapshot : Snapshot
    events : collection of str
        Names of events.

    Returns
    -------
    DataFrame
        The columns of the events table, text as categories; index the row number in the file. Repeats are left out.

    Examples
    --------
    >>> from perflib import sample_snapshot
    >>> len(rows(sample_snapshot(), ["start"]))
    237
    """
    held = snapshot.events[snapshot.events["event"].isin(events)].drop(columns="first_recorded")
    other = not_held(snapshot, events)
    sound = other["event_date"].notna() & (other["event_date"] <= other["recorded_date"])
    sound &= other["action"].isin([RECORD, "withdraw"]) & (snapshot.rows_of(other["referral_id"]) >= 0)
    every = pd.concat([as_text(held).assign(action=RECORD), other[sound]])
    texts = every.columns.difference(["event_date", "recorded_date"])
    return every.assign(**{name: categorical(every[name]) for name in texts})


def not_held(snapshot: Snapshot, events: Collection[str]) -> pd.DataFrame:
    """List known rows that another row replaced or withdrew, with `action` where it was left blank.

    Examples
    --------
    >>> from perflib import sample_snapshot
    >>> len(not_held(sample_snapshot(), ["start"]))
    4
    """
    other = as_text(snapshot.other_rows[snapshot.other_rows["event"].isin(events)])
    return other.assign(action=other["action"].fillna(RECORD))


def resolved(snapshot: Snapshot, rows: pd.DataFrame, source_order: Sequence[str]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Resolve rows to the current ones, with `first_recorded`, and those that lost a conflict.

    Examples
    --------
    >>> from perflib import sample_snapshot
    >>> snapshot = sample_snapshot()
    >>> current, lost = resolved(snapshot, rows(snapshot, ["start"]), snapshot.contract.source_order)
    >>> len(current), len(lost)
    (233, 0)
    """
    rows, repeating = in_order(rows), snapshot.programme.repeating
    found = resolve(rows, is_unique_key(rows, repeating), np.full(len(rows), True), repeating, source_order)
    current = rows.assign(first_recorded=found.first_recorded.astype("datetime64[s]"))[found.holds]
    return current, rows.iloc[found.conflicts]
