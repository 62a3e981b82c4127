"""The optional tables that KPIs are counted from: checks, feedback, activities. Whose each row is, and what it says.

Conventions
-----------
- Of rows alike in their key the latest recorded holds (`Snapshot.current`). A row is of the day in the table's first
  date column that every row must have, and of no month while that is blank: an unanswered survey, for one.
- A row is the unit's that it names. One that names another kind of unit is that of the referral's unit at its start
  (at the referral, where there is none) and, without a referral, of the unit above the one named, by the units table.
- A row is decided when it says whether it passes: a blank, or a code that is neither, is not.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from perflib.analysis import cohorts
from perflib.analysis.cohorts import NOT_RECORDED
from perflib.errors import ParameterError
from perflib.records.schemas import KEYS, TABLES
from perflib.records.snapshot import Snapshot
from perflib.rules.management import CONTRACT, Kpi
from perflib.rules.values import hint

OPTIONAL_REFERRAL = ("referral_id", "unit_type", "unit_id")


def rows(snapshot: Snapshot, kpi: Kpi, unit: str) -> pd.DataFrame | None:
    """Return the rows of a table that a KPI counts, up to the end of the period.

    Parameters
    ----------
    snapshot : Snapshot
    kpi : Kpi
        One with a `table`.
    unit : str
        An attribute, a unit type, or `contract`.

    Returns
    -------
    DataFrame or None
        `unit` ('not recorded' where it cannot be told), `date`, `number` (1, or the value of the column added up) and
        `passed` (1 or 0; missing while it is not decided). None where the extract has no such table.

    Raises
    ------
    ParameterError
        The KPI names a table or a column that an extract does not have.
    """
    table = str(kpi.table)
    if table not in KEYS:
        raise ParameterError(f"KPI {kpi.name!r}: {table!r} is no table that is counted; {hint(table, KEYS)}")
    columns = TABLES[table]
    for name in (*kpi.where, *kpi.passes, *kpi.fails, *kpi.least, *kpi.more_than, *([kpi.adds] if kpi.adds else [])):
        if name not in columns:
            raise ParameterError(f"KPI {kpi.name!r}: the table {table} has no column {name!r}; {hint(name, columns)}")
    items = snapshot.current(table)
    if items is None:
        return None
    day = next(name for name, column in columns.items() if column.kind == "date" and column.required)
    items = items[items[day] <= pd.Timestamp(snapshot.period_end)]
    for name, codes in kpi.where.items():
        items = items[items[name].isin(codes)]
    number = pd.Series(1.0, index=items.index) if kpi.adds is None else items[kpi.adds].fillna(1)
    return pd.DataFrame(
        {"unit": _owners(snapshot, items, unit), "date": items[day], "number": number, "passed": _passed(kpi, items)}
    ).reset_index(drop=True)


def answered(snapshot: Snapshot, unit: str, kind: str = "survey") -> pd.DataFrame | None:
    """Return how many of each unit's participants were asked, and answered, by the end of the period.

    Returns
    -------
    DataFrame or None
        Index `unit`: `asked`, `answered`, `rate`. None where the extract has no table `feedback`.
    """
    items = snapshot.current("feedback")
    if items is None:
        return None
    end = pd.Timestamp(snapshot.period_end)
    items = items[(items["kind"] == kind) & (items["asked_date"].fillna(items["received_date"]) <= end)]
    replied = items["received_date"] <= end
    counts = pd.DataFrame({"asked": 1, "answered": replied.astype(int)}, index=items.index)
    frame = counts.groupby(_owners(snapshot, items, unit)).sum().rename_axis("unit")
    return frame.assign(rate=frame["answered"] / frame["asked"])


def _passed(kpi: Kpi, items: pd.DataFrame) -> pd.Series:
    """Return which rows pass: 1, 0, or missing where that is not decided."""
    passed = pd.Series(np.nan, index=items.index)
    for name, codes in kpi.passes.items():
        no = items[name].isin(kpi.fails[name]) if name in kpi.fails else items[name].notna()
        passed = passed.mask(no, 0.0).mask(items[name].isin(codes), 1.0)
    for name, least in kpi.least.items():
        passed = passed.mask(items[name].notna(), (items[name] >= least).astype(float))
    for name, bound in kpi.more_than.items():
        passed = passed.mask(items[name].notna(), (items[name] > bound).astype(float))
    return passed


def _owners(snapshot: Snapshot, items: pd.DataFrame, unit: str) -> pd.Series:
    """Return the unit of each row."""
    if unit == CONTRACT:
        return pd.Series(snapshot.contract.contract, index=items.index, dtype="str")
    named = items.reindex(columns=list(OPTIONAL_REFERRAL))
    owner = named["unit_id"].where(named["unit_type"] == unit).astype("str")
    if unit in snapshot.programme.attributes:
        place = pd.Index(snapshot.journeys["referral_id"]).get_indexer(pd.Index(named["referral_id"]))
        whose = cohorts.labels(snapshot, unit).to_numpy()
        owner = owner.fillna(pd.Series(whose[place], index=items.index).where(place >= 0).astype("str"))
    return owner.fillna(_above(snapshot, named, unit)).fillna(NOT_RECORDED)


def _above(snapshot: Snapshot, named: pd.DataFrame, unit: str) -> pd.Series:
    """Return the unit of the type asked for that stands above the one that a row names."""
    table = snapshot.tables.get("units")
    if table is None or table.empty:
        return pd.Series(np.nan, index=named.index, dtype="str")
    latest = table.sort_values(["unit_id", "from_date"]).drop_duplicates("unit_id", keep="last").set_index("unit_id")
    parent, kind = latest["parent"], latest["unit_type"]
    above = named["unit_id"]
    for _ in range(len(kind.unique())):
        above = above.where((above.map(kind) == unit) | above.isna(), above.map(parent))
    return above.where(above.map(kind) == unit).astype("str")
