"""Referrals and their results, and the caseload, month by month."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from perflib.analysis import measures
from perflib.analysis.cohorts import started
from perflib.analysis.cuts import NOT_RECORDED, By, Where, each, mask
from perflib.analysis.journey.positions import NEVER, exits, last_day, on_programme
from perflib.analysis.journey.work import work_spells
from perflib.records.snapshot import Snapshot, remembered


def referrals(snapshot: Snapshot, by: By = None, where: Where = None) -> pd.DataFrame:
    """Count what has become of the referrals of each month.

    Parameters
    ----------
    snapshot : Snapshot
    by : str or sequence of str, optional
        Groups: one or several names, as for `cuts.labels`.
    where : mapping, mask or callable, optional
        Only these people, as for `cuts.mask`.

    Returns
    -------
    DataFrame of int
        Index `month` of the referral; `referral` (all), one column for each event that resolves a referral (the first
        of them that happened; on one day the programme's order decides) and `open`.

    Examples
    --------
    >>> from perflib import sample_snapshot
    >>> referrals(sample_snapshot()).tail(2).reset_index()
         month  referral  start  did_not_attend  did_not_start  open
    0  2020-02        24     14               5              5     0
    1  2020-03        15      6               4              2     3
    """
    if by is not None or where is not None:
        return each(referrals, snapshot, by, where)
    journeys, resolves = snapshot.journeys, list(snapshot.programme.resolves)
    month = journeys["referral"].dt.to_period("M")
    dates = journeys[resolves]
    order = dates.fillna(NEVER).to_numpy().argmin(axis=1)
    result = pd.Series(np.array(resolves)[order], index=journeys.index).where(dates.notna().any(axis=1), "open")
    table = pd.crosstab(month, result)
    months = snapshot.months.union(pd.PeriodIndex(table.index, freq="M")).rename("month")
    table = table.reindex(index=months, columns=pd.Index([*resolves, "open"]), fill_value=0)
    table.insert(0, "referral", table.sum(axis=1))
    return table


@remembered
def caseload(snapshot: Snapshot, by: By = None, where: Where = None) -> pd.DataFrame:
    """Count who is on the programme on the first day of each month, in and out of work.

    Parameters
    ----------
    snapshot : Snapshot
    by : str or sequence of str, optional
        Groups: one or several names, as for `cuts.labels`.
    where : mapping, mask or callable, optional
        Only these people, as for `cuts.mask`.

    Returns
    -------
    DataFrame of int
        Index `month`; `on_programme`, `in_work`, `out_of_work`.

    Examples
    --------
    >>> from perflib import sample_snapshot
    >>> caseload(sample_snapshot()).tail(2).reset_index()
         month  on_programme  in_work  out_of_work
    0  2020-02           141       27          114
    1  2020-03           149       29          120
    """
    if by is not None or where is not None:
        return each(caseload, snapshot, by, where)
    journeys = snapshot.journeys
    months = snapshot.months.rename("month")
    days = months.to_timestamp().to_numpy(dtype="datetime64[s]")
    leave = exits(snapshot)
    on_programme = _present(journeys["start"], leave, days)
    spells = work_spells(snapshot)
    place = snapshot.rows_of(spells["referral_id"])
    start, exit_day = (pd.Series(column.to_numpy()[place], index=spells.index) for column in (journeys["start"], leave))
    begin = spells["from_date"].where(~(spells["from_date"] < start), start).where(start.notna())
    finish = spells["to_date"].where(~(spells["to_date"].fillna(NEVER) > exit_day), exit_day)
    in_work = _present(begin, finish, days)
    return pd.DataFrame(
        {"on_programme": on_programme, "in_work": in_work, "out_of_work": on_programme - in_work}, index=months
    )


def active(snapshot: Snapshot, by: str | None = None, where: Where = None) -> pd.Series:
    """Count the caseload at the close of the snapshot's day: started, not exited, and inside the window.

    Parameters
    ----------
    snapshot : Snapshot
    by : str, optional
        An attribute, as it holds on that day: 'caseworker' for the caseload of each worker.
    where : mapping, mask or callable, optional
        Only these people, as for `cuts.mask`.

    Returns
    -------
    Series of int
        Index the values, the largest caseload first; or the one row 'all'.

    Examples
    --------
    >>> from perflib import sample_snapshot
    >>> int(active(sample_snapshot())["all"])
    155
    """
    end = pd.Timestamp(snapshot.as_of)
    inside = ~(snapshot.journeys["start"] + last_day(snapshot) < end).to_numpy()
    keep = on_programme(snapshot) & inside & mask(snapshot, where)
    whose = pd.Series("all", index=snapshot.journeys.index)
    if by is not None:
        whose = snapshot.attribute(by, "at_period_end").astype("str").fillna(NOT_RECORDED)
    found = whose[keep].value_counts().sort_index().sort_values(ascending=False, kind="stable")
    found = found if by is not None else found.reindex(["all"], fill_value=0)
    return found.rename("caseload").rename_axis(by or "all")


def nearest(
    snapshot: Snapshot,
    measure: str = "earnings_1000",
    after: str = "first_earnings",
    by: By = None,
    where: Where = None,
) -> pd.DataFrame:
    """Count who has reached one step and not the next, inside the window and by whole months since the step.

    Parameters
    ----------
    snapshot : Snapshot
    measure, after : str
        The next step, and the step before it: events or outcomes of the programme.
    by : str or sequence of str, optional
        Groups: one or several names, as for `cuts.labels`.
    where : mapping, mask or callable, optional
        Only these people, as for `cuts.mask`.

    Returns
    -------
    DataFrame
        Index (`by`,) `months` (calendar months since `after`, from 0 to the most): `people`.

    Raises
    ------
    ParameterError
        The programme has no such step.

    Examples
    --------
    >>> from perflib import sample_snapshot
    >>> int(nearest(sample_snapshot())["people"].sum())
    13
    """
    if by is not None or where is not None:
        return each(nearest, snapshot, by, where, measure=measure, after=after)
    step, following = (measures.first(snapshot, name)["event"] for name in (after, measure))
    inside = ~(snapshot.journeys["start"] + last_day(snapshot) < pd.Timestamp(snapshot.as_of)).to_numpy()
    waiting = step[started(snapshot) & inside & step.notna().to_numpy() & following.isna().to_numpy()]
    months = snapshot.month.ordinal - pd.PeriodIndex(waiting, freq="M").asi8
    counts = np.bincount(months) if len(months) else np.zeros(0, dtype=np.int64)
    return pd.DataFrame({"people": counts}, index=pd.RangeIndex(len(counts), name="months"))


def _present(begin: pd.Series, finish: pd.Series, days: NDArray[np.datetime64]) -> NDArray[np.int64]:
    """Count the spells that hold on each day: begun on or before it, not finished on or before it."""
    real = begin.notna() & ~(finish < begin)
    begun = np.sort(begin[real].to_numpy(dtype="datetime64[s]"))
    done = np.sort(finish[real].dropna().to_numpy(dtype="datetime64[s]"))
    return np.searchsorted(begun, days, side="right") - np.searchsorted(done, days, side="right")
