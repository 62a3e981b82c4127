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

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from perflib.analysis import cohorts
from perflib.analysis.cohorts import NOT_RECORDED
from perflib.errors import ParameterError
from perflib.records.schemas import KEYS, TABLES
from perflib.records.snapshot import Snapshot
from perflib.rules.calendar import BASES, Window, window
from perflib.rules.dated import hint
from perflib.rules.management import CONTRACT, Kpi

OPTIONAL_REFERRAL = ("referral_id", "unit_type", "unit_id")


def rows(snapshot: Snapshot, kpi: Kpi, unit: str) -> pd.DataFrame | None:
    """List the rows of a table that a KPI counts, up to the end of the period.

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

    Examples
    --------
    >>> from perflib import sample_snapshot
    >>> snapshot = sample_snapshot()
    >>> len(rows(snapshot, snapshot.contract.kpis["satisfaction"], "subcontractor"))
    121
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
    items = items[items[day] <= pd.Timestamp(snapshot.as_of)]
    for name, codes in kpi.where.items():
        items = items[items[name].isin(codes)]
    number = pd.Series(1.0, index=items.index) if kpi.adds is None else items[kpi.adds].fillna(1)
    return pd.DataFrame(
        {"unit": _owners(snapshot, items, unit), "date": items[day], "number": number, "passed": _passed(kpi, items)}
    ).reset_index(drop=True)


def named_together(snapshot: Snapshot, unit: str) -> pd.Series:
    """Map referrals to the unit of a kind that the earliest row of a table names with them.

    Parameters
    ----------
    snapshot : Snapshot
    unit : str
        A unit type of the tables.

    Returns
    -------
    Series of str
        Index `referral_id`: those that a row of `KEYS`'s tables names together with such a unit.
    """
    parts = []
    for table in KEYS:
        items, columns = snapshot.current(table), TABLES[table]
        if items is None or not {"referral_id", "unit_id", "unit_type"} <= set(items):
            continue
        day = next(name for name, column in columns.items() if column.kind == "date" and column.required)
        mine = items[(items["unit_type"] == unit) & (items[day] <= pd.Timestamp(snapshot.as_of))]
        mine = mine.dropna(subset=["referral_id", "unit_id"])
        parts.append(mine[["referral_id", "unit_id"]].assign(day=mine[day]))
    if not parts:
        return pd.Series(dtype="str")
    rows = pd.concat(parts).sort_values(["day", "unit_id"]).drop_duplicates("referral_id")
    return rows.set_index(rows["referral_id"].astype("str"))["unit_id"].astype("str")


def answered(snapshot: Snapshot, unit: str, kind: str = "survey") -> pd.DataFrame | None:
    """Survey response rate of each unit by the end of the period: asked, answered.

    Returns
    -------
    DataFrame or None
        Index `unit`: `asked`, `answered`, `rate`. None where the extract has no table `feedback`.

    Examples
    --------
    >>> from perflib import sample_snapshot
    >>> answered(sample_snapshot(), "subcontractor").reset_index()
       unit  asked  answered      rate
    0  SC01    107        43  0.401869
    1  SC02    108        55  0.509259
    2  SC03     54        23  0.425926
    """
    items = snapshot.current("feedback")
    if items is None:
        return None
    end = pd.Timestamp(snapshot.as_of)
    items = items[(items["kind"] == kind) & (items["asked_date"].fillna(items["received_date"]) <= end)]
    replied = items["received_date"] <= end
    counts = pd.DataFrame({"asked": 1, "answered": replied.astype(int)}, index=items.index)
    frame = counts.groupby(_owners(snapshot, items, unit)).sum().rename_axis("unit")
    return frame.assign(rate=frame["answered"] / frame["asked"])


def activities(snapshot: Snapshot, kinds: Sequence[str]) -> pd.DataFrame | None:
    """Add up some kinds of activity on each period basis.

    Returns
    -------
    DataFrame or None
        Index `kind`, those that occur; a column for each of `BASES`. None where the extract has no such table.

    Examples
    --------
    >>> from perflib import sample_snapshot
    >>> activities(sample_snapshot(), ["eligibility_check", "placement"]).reset_index()
                    kind  month  rolling_3  rolling_12  cumulative
    0  eligibility_check   36.0      125.0       469.0      1114.0
    1          placement    5.0       20.0        87.0       195.0
    """
    items = snapshot.current("activities")
    if items is None:
        return None
    items = items[items["kind"].isin(kinds)]
    month, number = items["date"].dt.to_period("M"), items["number"].fillna(1)
    counts = {basis: number[span.contains(month)].groupby(items["kind"]).sum() for basis, span in _spans(snapshot)}
    return pd.DataFrame(counts, columns=list(BASES)).reindex(sorted(items["kind"].unique())).fillna(0)


def feedback(snapshot: Snapshot) -> pd.DataFrame | None:
    """Count surveys and complaints on each period basis: asked when they were sent, else when they came.

    Who is satisfied is said by the first KPI that is a share of this table.

    Returns
    -------
    DataFrame or None
        Index `basis`: `asked`, `answered`, `satisfied`, `complaints`, of them `upheld`. None where the extract has no
        such table.

    Examples
    --------
    >>> from perflib import sample_snapshot
    >>> feedback(sample_snapshot())[["asked", "answered", "complaints"]].reset_index()
            basis  asked  answered  complaints
    0       month      9         7           2
    1   rolling_3     29        14           2
    2  rolling_12    119        44           5
    3  cumulative    269       121           9
    """
    items = snapshot.current("feedback")
    if items is None:
        return None
    kpis = snapshot.contract.kpis.values()
    satisfied = next((kpi for kpi in kpis if kpi.table == "feedback" and kpi.kind == "share"), None)
    scored = rows(snapshot, satisfied, CONTRACT) if satisfied is not None else None
    decided = pd.DataFrame(columns=["date", "passed"]) if scored is None else scored[scored["passed"].notna()]
    said = pd.to_datetime(decided["date"]).dt.to_period("M")
    came, asked = (items[name].dt.to_period("M") for name in ("received_date", "asked_date"))
    complaint = items["kind"] == "complaint"
    upheld = complaint & (items["result"] == "upheld")
    counts = {
        basis: {
            "asked": (span.contains(asked) & (items["kind"] == "survey")).sum(),
            "answered": span.contains(said).sum(),
            "satisfied": (decided["passed"][span.contains(said)] == 1).sum(),
            "complaints": (complaint & span.contains(came)).sum(),
            "upheld": (upheld & span.contains(came)).sum(),
        }
        for basis, span in _spans(snapshot)
    }
    return pd.DataFrame.from_dict(counts, orient="index").rename_axis("basis").astype(int)


def checks(snapshot: Snapshot, by: str) -> pd.DataFrame | None:
    """Count the checks of one who checks that passed or failed: in the month, and to date.

    Returns
    -------
    DataFrame or None
        Index `kind`: `checked_month`, `passed_month`, `checked`, `passed` (to date), and `lower` and `upper`, the exact
        95 % interval of the share that passed. None where the extract has no such table.

    References
    ----------
    Clopper and Pearson 1934, Biometrika 26, 404-413.

    Examples
    --------
    >>> from perflib import sample_snapshot
    >>> checks(sample_snapshot(), "compliance")[["checked_month", "checked", "passed"]].reset_index()
             kind  checked_month  checked  passed
    0  compliance              0       38      38
    1    evidence              2       52      52
    2  submission             15      394     389
    """
    items = snapshot.current("checks")
    if items is None:
        return None
    items = items[(items["checked_by"] == by) & (items["check_date"] <= pd.Timestamp(snapshot.as_of))]
    items = items[items["result"].isin(["pass", "fail"])]
    now, passed = items["check_date"].dt.to_period("M") == snapshot.month, items["result"] == "pass"
    flags = {"checked_month": now, "passed_month": now & passed, "checked": True, "passed": passed}
    counts = pd.DataFrame(flags, index=items.index).groupby(items["kind"]).sum().astype(int)
    lower, upper = cohorts.exact_interval(counts["passed"], counts["checked"])
    return counts.assign(lower=lower, upper=upper)


def _spans(snapshot: Snapshot) -> list[tuple[str, Window]]:
    return [(basis, window(basis, snapshot.month, snapshot.first_day)) for basis in BASES]


def parents(snapshot: Snapshot, on: pd.Timestamp) -> dict[str, str]:
    """Map each unit to its parent on a day, by the units table; empty without one.

    Examples
    --------
    >>> from perflib import sample_snapshot
    >>> parents(sample_snapshot(), pd.Timestamp("2020-03-31"))["SC01-CW1"]
    'SC01'
    """
    table = snapshot.tables.get("units")
    if table is None or "parent" not in table:
        return {}
    held = table[(table["from_date"] <= on) & ~(table["to_date"] < on) & table["parent"].notna()]
    held = held.sort_values(["unit_id", "from_date", "parent"]).drop_duplicates("unit_id", keep="last")
    return dict(zip(held["unit_id"], held["parent"], strict=True))


def above(unit: str, parent: Mapping[str, str]) -> list[str]:
    """List the units that a unit lies in, the nearest first.

    >>> above("Leeds", {"Leeds": "SC1", "SC1": "north"})
    ['SC1', 'north']
    """
    chain: list[str] = []
    while unit in parent and parent[unit] not in chain:
        unit = parent[unit]
        chain.append(unit)
    return chain


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
        place = snapshot.rows_of(named["referral_id"])
        whose = cohorts.labels(snapshot, unit).to_numpy()
        owner = owner.fillna(pd.Series(whose[place], index=items.index).where(place >= 0).astype("str"))
    return owner.fillna(_above(snapshot, named, unit)).fillna(NOT_RECORDED)


def _above(snapshot: Snapshot, named: pd.DataFrame, unit: str) -> pd.Series:
    """Return the unit of the type asked for that is, or stands above, the one that a row names."""
    table = snapshot.tables.get("units", pd.DataFrame(columns=["unit_id", "unit_type"]))
    kind = dict(zip(table["unit_id"], table["unit_type"], strict=True))
    parent = parents(snapshot, pd.Timestamp(snapshot.as_of))
    chains = {name: [name, *above(name, parent)] for name in named["unit_id"].dropna().unique()}
    found = {name: next((one for one in chain if kind.get(one) == unit), None) for name, chain in chains.items()}
    return named["unit_id"].map(found).astype("str")
