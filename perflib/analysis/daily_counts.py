"""Scores on the doors: what was recorded today, this week and this month, for a day's and a week's summary.

Conventions
-----------
- Everything is counted on the day on which it was first recorded, so that a day's figures do not change afterwards
  unless a record is withdrawn.
- The day is the snapshot's `known_at`. A week runs from Monday; it and the month are counted to the day. The week
  before is the whole week that ended on the last Sunday.
- What is expected to be recorded in a month is shared out over its working days: to the day means the part of the
  working days gone by.
"""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pandas as pd

from perflib.analysis import cohorts, counts, measures
from perflib.records.snapshot import Snapshot
from perflib.rules.calendar import working_days


def spans(day: date) -> dict[str, tuple[date, date]]:
    """First and last day of each span of a summary.

    >>> {name: (str(first), str(last)) for name, (first, last) in spans(date(2020, 6, 10)).items()}["week"]
    ('2020-06-08', '2020-06-10')
    """
    monday = day - timedelta(days=day.weekday())
    return {
        "day": (day, day),
        "week": (monday, day),
        "week_before": (monday - timedelta(days=7), monday - timedelta(days=1)),
        "month": (day.replace(day=1), day),
    }


def scores(snapshot: Snapshot) -> pd.DataFrame:
    """Count each measure by the day on which it was recorded, in the spans that end on the snapshot's day.

    Returns
    -------
    DataFrame
        Index `measure`; `label`, the counts of each of `spans`, `cumulative` (all that is known) and `promised`: what
        was expected to be recorded this month to the day; NaN where the contract file says nothing.
    Examples
    --------
    >>> from perflib import sample_snapshot
    >>> scores(sample_snapshot()).loc[["referral", "start"], ["day", "week", "month", "cumulative"]].reset_index()
        measure  day  week  month  cumulative
    0  referral    0     0     15         389
    1     start    1     2     12         233
    """
    day = snapshot.known_at
    gone = _share_gone(snapshot, day)
    rows = {}
    promises = counts.expected_recorded(snapshot, whole=False)
    for name in snapshot.programme.measures:
        recorded = measures.occurrences(snapshot, name)["recorded"]
        row: dict[str, object] = {"label": snapshot.programme.label(name)}
        for span, (first, last) in spans(day).items():
            row[span] = int(recorded.between(pd.Timestamp(first), pd.Timestamp(last)).sum())
        rows[name] = row | {"cumulative": len(recorded), "promised": gone * float(promises[name].iloc[-1])}
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("measure")


def _share_gone(snapshot: Snapshot, day: date) -> float:
    """Return the share of the reporting month's working days that have gone by at the close of a day."""
    first, last = snapshot.month.start_time, snapshot.month.end_time.normalize()
    days = pd.date_range(first, last).to_numpy(dtype="datetime64[D]")
    working = np.asarray(working_days(snapshot.contract.nation).is_working(days))
    return float(working[days <= np.datetime64(day)].sum() / working.sum())


def by_unit(snapshot: Snapshot, attribute: str, names: tuple[str, ...]) -> pd.DataFrame:
    """Count measures recorded in the month to the day, by who delivers at the start.

    Returns
    -------
    DataFrame of int
        Index the values of the attribute, every one of the contract; columns `names`.

    Examples
    --------
    >>> from perflib import sample_snapshot
    >>> by_unit(sample_snapshot(), "subcontractor", ("referral", "start")).reset_index()
      subcontractor  referral  start
    0          SC01         6      6
    1          SC02         7      4
    2          SC03         2      2
    """
    first, last = (pd.Timestamp(day) for day in spans(snapshot.known_at)["month"])
    labels = cohorts.labels(snapshot, attribute)
    frame = pd.DataFrame(index=pd.Index(sorted(labels.unique()), name=attribute))
    for name in names:
        found = measures.occurrences(snapshot, name)
        inside = found.loc[found["recorded"].between(first, last), "place"]
        frame[name] = labels.iloc[inside].value_counts().reindex(frame.index, fill_value=0)
    return frame
