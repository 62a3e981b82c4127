"""What the tables about performance say as of the report's own day.

Conventions
-----------
- The day is the reporting month's last, or `known_at` if that is earlier. What was recorded by `known_at` is known; a
  date after the day had not come then, and is left out. Days by which something is due are plans, and stay.
- What was due on the day itself is not overdue yet.
- A table that the extract does not have is None: not supplied, which is not the same as empty.
"""

from __future__ import annotations

import pandas as pd

from perflib.records.schemas import TABLES
from perflib.records.snapshot import Snapshot
from perflib.rules.management import CONTRACT

PLANNED = {"opened_date", "due_date", "plan_due_date", "implementation_due_date", "period_end", "from_date"}
"""Dates that may lie ahead of the day."""


def last_day(snapshot: Snapshot) -> pd.Timestamp:
    """Return the day at whose close things are judged."""
    return pd.Timestamp(snapshot.as_of)


def facts(snapshot: Snapshot, table: str) -> pd.DataFrame | None:
    """Current rows of an optional table at the close of the day.

    Parameters
    ----------
    snapshot : Snapshot
    table : str
        One of `schemas.KEYS`.

    Returns
    -------
    DataFrame or None
        As `Snapshot.current` gives it, without dates that had not come; None where the extract has no such table.

    Examples
    --------
    >>> from perflib import sample_snapshot
    >>> facts(sample_snapshot(), "plans")[["plan_id", "kind", "unit_id", "closed_date"]]
      plan_id kind unit_id closed_date
    0      P1  pip    SC03  2019-10-14
    """
    rows = snapshot.current(table)
    if rows is None:
        return None
    dates = [name for name, column in TABLES[table].items() if column.kind == "date" and name not in PLANNED]
    on = last_day(snapshot)
    return rows.assign(**{name: rows[name].where(rows[name] <= on) for name in dates if name in rows})


def unit_of(snapshot: Snapshot, rows: pd.DataFrame) -> pd.DataFrame:
    """Read the `unit_type` and `unit` of each row; the contract where the row names none.

    Examples
    --------
    >>> from perflib import sample_snapshot
    >>> snapshot = sample_snapshot()
    >>> unit_of(snapshot, facts(snapshot, "plans"))
           unit_type  unit
    0  subcontractor  SC03
    """
    table = snapshot.tables.get("units")
    kinds = {} if table is None else dict(zip(table["unit_id"], table["unit_type"], strict=True))
    whole = rows["unit_id"].isna() | (rows["unit_type"] == CONTRACT)
    kind = rows["unit_type"].fillna(rows["unit_id"].map(kinds).astype("str"))
    return pd.DataFrame(
        {
            "unit_type": kind.mask(whole, CONTRACT).fillna(""),
            "unit": rows["unit_id"].mask(whole, snapshot.contract.contract),
        }
    )
