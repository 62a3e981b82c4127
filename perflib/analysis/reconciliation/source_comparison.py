"""One source beside another: what the provider's own system and the department's say of the same events.

Conventions
-----------
- Sources are compared event by event where both record that kind of event at all: what the other was never meant to
  hold is not missing from it.
- Each source is taken by itself: of its own rows the one that holds, after its corrections and withdrawals. Rows of
  two sources tell of one event when referral, event and `ref` are the same, whatever their `event_id`; of an event that
  repeats and has no `ref`, when the date is too.
- The month is that of the earlier of the two dates. Days from one to the other are calendar days between the days on
  which each first recorded it, negative where the second had it before the first.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from perflib.analysis import measures
from perflib.analysis.cohorts import NOT_RECORDED
from perflib.analysis.reconciliation import known_rows
from perflib.records.current_rows import event_keys
from perflib.records.snapshot import Snapshot, remembered
from perflib.rules.calendar import since_first, working_days

CRM, PRAP = "crm", "prap"
"""The provider's own system, and the department's."""

COUNTS = ["both", "first_only", "second_only", "dates_differ", "next_day"]


@remembered
def sources(snapshot: Snapshot, pair: tuple[str, str] = (CRM, PRAP)) -> pd.DataFrame | None:
    """Compare what two sources say of the events that both record.

    What the second does not have yet counts as missing from it, however lately the first recorded it.

    Parameters
    ----------
    snapshot : Snapshot
    pair : (str, str)
        Codes of the events' `source`: from which, to which.

    Returns
    -------
    DataFrame or None
        One row an event and month to the report month, in the programme's order: `event`, `label`, `month`; numbers of
        events in `both`, in the `first_only` and in the `second_only`, of those in both with `dates_differ`, and of
        those that the second recorded no later than the `next_day` (the working day after the first did); days from
        one to the other, `median`, `p90` and `longest`, missing where none is in both. None where the extract has
        no rows of one of the two.

    Examples
    --------
    >>> from perflib import sample_snapshot
    >>> list(sources(sample_snapshot()).columns[:4])
    ['event', 'label', 'month', 'both']
    """
    programme = snapshot.programme
    rows = [frame[["event", "source"]].value_counts() for frame in (snapshot.events, snapshot.other_rows)]
    counts = pd.concat([part.rename(index=str) for part in rows]).groupby(level=["event", "source"]).sum()
    by_source = counts.unstack("source", fill_value=0).reindex(columns=list(pair), fill_value=0)
    if (by_source.sum() == 0).any():
        return None
    common = [name for name in programme.events if name in by_source.index and by_source.loc[name].all()]
    events = _paired(snapshot, known_rows.rows(snapshot, common), pair)
    groups = events[events["month"] <= snapshot.month].groupby(["event", "month"])
    days = groups["days"]
    found = groups[COUNTS].sum().assign(median=days.median(), p90=days.quantile(0.9), longest=days.max()).reset_index()
    found.insert(1, "label", found["event"].map(programme.label))
    return found.sort_values("event", key=lambda names: names.map(common.index), kind="stable", ignore_index=True)


def _paired(snapshot: Snapshot, rows: pd.DataFrame, pair: tuple[str, str]) -> pd.DataFrame:
    """Return one row for each event that either source tells of: what each says, and how they differ."""
    repeats = snapshot.programme.repeating
    standing = [known_rows.resolved(snapshot, rows[rows["source"] == name], pair)[0] for name in pair]
    events = pd.concat(standing, ignore_index=True)
    events = events.assign(
        key=event_keys(events.assign(event_id=pd.Series(np.nan, events.index, dtype="str")), repeats)
    )
    first, second = (
        events[events["source"] == name]
        .groupby("key")
        .agg(event=("event", "first"), date=("event_date", "min"), recorded=("first_recorded", "min"))
        for name in pair
    )
    found = first.merge(second, how="outer", on="key", suffixes=("_first", "_second"))
    had, has = found["date_first"].notna(), found["date_second"].notna()
    recorded = found["recorded_first"], found["recorded_second"]
    return pd.DataFrame(
        {
            "event": found["event_first"].fillna(found["event_second"]),
            "month": found[["date_first", "date_second"]].min(axis="columns").dt.to_period("M"),
            "both": had & has,
            "first_only": had & ~has,
            "second_only": has & ~had,
            "dates_differ": had & has & (found["date_first"] != found["date_second"]),
            "next_day": working_days(snapshot.contract.nation).count(*map(since_first, recorded)) <= 1,
            "days": (recorded[1] - recorded[0]).dt.days,
        }
    )


def source_mix(snapshot: Snapshot) -> pd.DataFrame:
    """Count the milestones and outcomes to date by where they come from.

    Returns
    -------
    DataFrame
        One row a measure and source: `measure`, `label`, `source` ('not recorded' where the extract does not say),
        `count` (referrals, by the source of the first such event that counts) and `share` of the measure's.

    Examples
    --------
    >>> from perflib import sample_snapshot
    >>> source_mix(sample_snapshot())[["measure", "source", "count"]].tail(3)
             measure source  count
    2  earnings_2000   hmrc     37
    3        outcome  claim      1
    4        outcome   hmrc     27
    """
    programme = snapshot.programme
    frames = []
    for name in dict.fromkeys([*programme.milestones, *programme.outcomes]):
        routes = programme.outcomes[name].routes if name in programme.outcomes else ()
        events = snapshot.events[snapshot.events["event"].isin([route.event for route in routes] or [name])]
        events = events.assign(place=snapshot.rows_of(events["referral_id"]))
        reached = measures.first(snapshot, name).dropna(subset="event").rename_axis("place").reset_index()
        reached = reached.set_axis(["place", "event_date", "first_recorded"], axis="columns")
        rows = reached.merge(events, on=list(reached)).drop_duplicates("place")
        counts = rows["source"].astype("str").fillna(NOT_RECORDED).value_counts().sort_index()
        frame = pd.DataFrame({"source": counts.index, "count": counts.to_numpy()})
        frames.append(frame.assign(measure=name, label=programme.label(name), share=frame["count"] / max(len(rows), 1)))
    columns = ["measure", "label", "source", "count", "share"]
    return pd.concat(frames, ignore_index=True)[columns] if frames else pd.DataFrame(columns=columns)
