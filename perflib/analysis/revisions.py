"""What a later look at a month holds that an earlier one did not: late records, corrections, withdrawals.

Conventions
-----------
- A record is what the snapshot holds of one referral, event and `ref`. Where one look has several, they are matched one
  to one: first those that are the same, then those of one date, then the others.
- A record of the second look alone is late where it was recorded after the first look's `known_at`, and found where it
  says that it was recorded by then: an extract that only grows holds none of the latter.
- That a record was confirmed since, with the same date and content, is no change.
"""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from perflib.records.snapshot import Snapshot

KEY = ["referral_id", "event", "ref"]
CONTENT = ["value", "detail", "first_recorded"]
KINDS = ("late", "found", "moved", "altered", "gone")


def changes(before: Snapshot, after: Snapshot) -> pd.DataFrame:
    """Diff the events of one month between two snapshots of it.

    Parameters
    ----------
    before, after : Snapshot
        Of the same contract and month; `after` is the later look.

    Returns
    -------
    DataFrame
        One row an event of which something differs, in the programme's order: `event`, and numbers of records `late`,
        `found`, `moved` (to another date), `altered` (of the same date, with another value, detail or first recorded
        date) and `gone` (withdrawn, moved out of the month, or no longer in the extract). A record is counted once.

    Examples
    --------
    >>> from perflib import load_snapshot
    >>> month = load_snapshot("whp-sample", "2019-06")
    >>> changes(month, month).empty
    True
    """
    old, new = _records(before), _records(after)
    _, old, new = _matched(old, new, [*KEY, "event_date", *CONTENT])
    altered, old, new = _matched(old, new, [*KEY, "event_date"])
    moved, old, new = _matched(old, new, KEY)
    late = new["recorded_date"] > pd.Timestamp(before.known_at)
    found = dict(zip(KINDS, (new[late], new[~late], moved, altered, old), strict=True))
    counts = pd.DataFrame({kind: records["event"].value_counts() for kind, records in found.items()})
    counts = counts.reindex([event for event in after.programme.events if event in counts.index])
    return counts.fillna(0).astype("int64").rename_axis("event").reset_index()


def changes_elsewhere(before: Snapshot, after: Snapshot) -> pd.DataFrame:
    """Diff everything but the events between two snapshots of one month.

    Parameters
    ----------
    before, after : Snapshot
        As in `changes`.

    Returns
    -------
    DataFrame
        One row a column or table that differs: `table`; `column`, an attribute of the participants of both looks as it
        stands at their start, empty for a whole table; `changed`, numbers of participants; `added` and `gone`, numbers
        of rows of the table.
    """
    rows = []
    theirs = [name for name in before.journeys if name in after.journeys and name not in _dates(after)]
    old, new = (look.journeys.set_index("referral_id") for look in (before, after))
    both = old.index.intersection(new.index)
    for name in [name for name in theirs if name != "referral_id"]:
        then, now = (_text(look[name].reindex(both)) for look in (old, new))
        rows.append(("participants", name, int((then != now).sum()), 0, 0))
    for name in sorted({*before.tables, *after.tables} - {"participants"}):
        held = [look.tables.get(name, pd.DataFrame()).apply(_text) for look in (before, after)]
        columns = sorted({str(column) for table in held for column in table})
        first, second = (table.reindex(columns=columns, fill_value="") for table in held)
        _, gone, added = _matched(first, second, columns)
        rows.append((name, "", 0, len(added), len(gone)))
    frame = pd.DataFrame(rows, columns=["table", "column", "changed", "added", "gone"])
    return frame[frame[["changed", "added", "gone"]].any(axis="columns")].reset_index(drop=True)


def _dates(snapshot: Snapshot) -> set[str]:
    """Return the columns of the journeys that hold what the events say."""
    return {column for event in snapshot.programme.events for column in (event, f"{event}_recorded")}


def _records(snapshot: Snapshot) -> pd.DataFrame:
    """Return the current events with what tells one from another, a blank being one like another."""
    columns = [*KEY, "event_date", *CONTENT, "recorded_date"]
    rows = snapshot.events.reindex(columns=columns)
    return rows.assign(**{name: _text(rows[name]) for name in (*KEY, "value", "detail")})


def _text(values: pd.Series) -> pd.Series:
    return values.astype("str").fillna("")


def _matched(
    old: pd.DataFrame, new: pd.DataFrame, on: Sequence[str]
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Return the rows of the second frame that have an equal in the first, one to one, and what is left of each."""
    first, second = (_numbered(frame, on) for frame in (old, new))
    return new[second.isin(first)], old[~first.isin(second)], new[~second.isin(first)]


def _numbered(frame: pd.DataFrame, on: Sequence[str]) -> pd.MultiIndex:
    """Return the rows by some columns and, where several are the same in these, a number."""
    turn = frame.groupby(list(on), sort=False, dropna=False).cumcount()
    return pd.MultiIndex.from_frame(frame[list(on)].assign(turn=turn))
