"""The figures of the department's MI pack, read: of what, of when, and which of them cannot be compared."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

import numpy as np
import pandas as pd

from perflib.records.schemas import KEYS, attribute_aliases
from perflib.records.snapshot import Snapshot
from perflib.rules.calendar import BASES

COHORT = "cohort"
"""The basis of what a start cohort has reached to date."""


def figures(snapshot: Snapshot) -> pd.DataFrame | None:
    """Read the figures of the department's MI pack to the report month, each as last recorded.

    Returns
    -------
    DataFrame or None
        One row a figure: `figure`, `label`, `month` (Period[M]), `basis`, `group` and `area` ('' for all), `made` (the
        day it was recorded), `pack` (NaN where it is no number) and `problem`: why it cannot be compared, '' where it
        can. None where the extract has no MI pack.

    Examples
    --------
    >>> from perflib import sample_snapshot
    >>> figures(sample_snapshot())[["figure", "month", "basis", "pack"]].tail(2).reset_index()
       row figure    month       basis  pack
    0  205  start  2020-02  cumulative   223
    1  204  start  2020-02       month    14
    """
    if "mi_pack" not in snapshot.tables:
        return None
    programme, rows = snapshot.programme, snapshot.tables["mi_pack"]
    aliases = {alias: name for name, event in programme.events.items() for alias in event.aliases}
    rows = rows.assign(
        figure=rows["figure"].astype("str").replace(aliases),
        month=rows["month"].dt.to_period("M"),
        basis=rows["basis"].astype("str").fillna("month"),
        group=rows["group"].astype("str").replace(attribute_aliases(programme.attributes[programme.group])).fillna(""),
        area=rows["area"].astype("str").fillna(""),
        made=rows["recorded_date"],
        text=rows["value"].astype("str"),
    )
    key = list(KEYS["mi_pack"])
    rows = rows[rows["month"] <= snapshot.month].drop_duplicates([*key, "made", "text"])
    rows = rows.assign(twice=rows.duplicated([*key, "made"], keep=False))
    rows = rows.sort_values([*key, "made", "text"]).drop_duplicates(key, keep="last")
    number = pd.to_numeric(rows["text"], errors="coerce")
    rows = rows.assign(pack=number.where(np.isfinite(number) & ~rows["twice"]))
    areas = set() if programme.area is None else set(snapshot.journeys[programme.area])
    problem = [_problem(snapshot, row, areas) for row in rows.to_dict("records")]
    known = {*programme.events, *programme.outcomes}
    label = [programme.label(name) if name in known else name for name in rows["figure"]]
    return rows.assign(label=label, problem=pd.Series(problem, index=rows.index, dtype="str"))


def _problem(snapshot: Snapshot, line: dict[Hashable, Any], areas: set[str]) -> str:
    """Return why a line of the pack cannot be compared, '' where it can."""
    programme = snapshot.programme
    if line["figure"] not in programme.events and line["figure"] not in programme.outcomes:
        return "not an event or outcome of the programme"
    if line["basis"] not in (*BASES, COHORT):
        return "not a basis"
    if line["twice"]:
        return "two values recorded on one day"
    if np.isnan(line["pack"]):
        return "not a number"
    if line["month"] < snapshot.first_month:
        return "before the contract's first month"
    if line["made"] < line["month"].start_time:
        return "made before its month began"
    if line["group"] and line["group"] not in programme.attributes[programme.group].codes:
        return "not a customer group of the programme"
    return "no referral is of this area" if line["area"] and line["area"] not in areas else ""
