"""Series that others publish, for context: each month's value as last published, with its vintage."""

from __future__ import annotations

import numpy as np
import pandas as pd

from perflib.records.snapshot import Snapshot


def labour_market(snapshot: Snapshot) -> pd.DataFrame | None:
    """List the labour market series of the extract, to the report month.

    Nothing is read into them: they are shown beside the contract's own trends, with where they come from. Values that
    were published several times are shown as last published by the day of the snapshot.

    Parameters
    ----------
    snapshot : Snapshot

    Returns
    -------
    DataFrame or None
        One row a series and month: `series`, `month` (Period[M]), `value` (NaN where it is no number), `source`,
        `vintage` (the day on which that value was recorded), `revisions` (how many times it was recorded anew with
        another value) and `problem` ('' or why there is no value). None where the extract has no such table.

    Examples
    --------
    >>> from perflib import sample_snapshot
    >>> labour_market(sample_snapshot("2020-06"))[["series", "month", "value", "revisions"]]
               series    month  value  revisions
    0  claimant_count  2020-03  31200          0
    1  claimant_count  2020-04  52900          0
    2  claimant_count  2020-05  66800          0
    """
    if "labour_market" not in snapshot.tables:
        return None
    rows = snapshot.tables["labour_market"]
    rows = rows.assign(month=rows["month"].dt.to_period("M"), text=rows["value"].astype("str"))
    rows = rows[rows["month"] <= snapshot.month].sort_values(["series", "month", "recorded_date", "text"])
    key = ["series", "month"]
    another = (rows["text"] != rows.groupby(key)["text"].shift()) & rows.duplicated(key)
    last = rows.assign(revisions=another.groupby([rows[name] for name in key]).transform("sum").astype("int64"))
    last = last.drop_duplicates(key, keep="last").rename(columns={"recorded_date": "vintage"})
    value = pd.to_numeric(last["text"], errors="coerce")
    value = value.where(np.isfinite(value))
    last = last.assign(value=value, problem=np.where(value.isna(), "not a number", ""))
    return last[["series", "month", "value", "source", "vintage", "revisions", "problem"]].reset_index(drop=True)
