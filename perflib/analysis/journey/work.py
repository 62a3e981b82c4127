"""Spells of work: when jobs begin and end, how long they last, and the gaps between them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from perflib.analysis.cohorts import NOT_RECORDED
from perflib.analysis.cuts import By, Where, each, select
from perflib.analysis.earlier_day import row_of
from perflib.analysis.journey.positions import NEVER, exits, on_programme
from perflib.analysis.survival import EXIT, Incidence, cumulative_incidence
from perflib.records.snapshot import Snapshot


def work_spells(snapshot: Snapshot) -> pd.DataFrame:
    """List every spell of work: jobs of one journey that overlap are one.

    Returns
    -------
    DataFrame
        `referral_id`, `from_date`, `to_date` (missing while the job is open); one row a spell, in order.

    Examples
    --------
    >>> from perflib import sample_snapshot
    >>> work_spells(sample_snapshot()).head(2)
      referral_id  from_date    to_date
    0     S000002 2018-07-25 2018-11-29
    1     S000007 2018-03-29 2018-11-13
    """
    jobs = _jobs(snapshot).sort_values(["referral_id", "from_date", "to_date"])
    end = jobs["to_date"].fillna(NEVER)
    number = pd.Series(pd.factorize(jobs["referral_id"])[0], index=jobs.index)
    reach = end.groupby(number).cummax().groupby(number).shift()
    new = ~(jobs["from_date"] <= reach)
    spell = jobs.assign(to_date=end).groupby(new.cumsum())
    merged = spell.agg(
        referral_id=("referral_id", "first"), from_date=("from_date", "min"), to_date=("to_date", "max")
    ).reset_index(drop=True)
    return merged.assign(to_date=merged["to_date"].where(merged["to_date"] < NEVER))


def _jobs(snapshot: Snapshot) -> pd.DataFrame:
    """Match ends to starts."""
    events = snapshot.events
    rows = events.loc[events["event"].isin(["job_start", "job_end"]), ["referral_id", "ref", "event", "event_date"]]
    rows = rows.assign(ends=rows["event"] == "job_end").rename(columns={"event_date": "from_date"})

    named, job = rows[rows["ref"].notna()], ["referral_id", "ref"]
    ends = named.loc[named["ends"], [*job, "from_date"]].rename(columns={"from_date": "to_date"})
    named = named[~named["ends"]].merge(ends, "left", on=job)
    named["to_date"] = named["to_date"].where(named["to_date"] >= named["from_date"])
    named = named.sort_values([*job, "from_date", "to_date"]).drop_duplicates([*job, "from_date"])

    # in the order of their days, on one day the end first
    loose = rows[rows["ref"].isna()].sort_values(["referral_id", "from_date", "ends"], ascending=[True, True, False])
    near = {by: loose.groupby("referral_id")[["ends", "from_date"]].shift(by) for by in (-1, 1, 2)}
    after, before = (near[by]["from_date"].where(near[by]["ends"].eq(True)) for by in (-1, 1))
    own_day = before.where((before == loose["from_date"]) & ~near[2]["ends"].eq(False))
    loose = loose.assign(to_date=after.fillna(own_day))[~loose["ends"]]

    columns = ["referral_id", "ref", "from_date", "to_date"]
    return pd.concat([named[columns], loose[columns]], ignore_index=True)


def stray_ends(snapshot: Snapshot) -> int:
    """Count the ends of jobs that close no job.

    Examples
    --------
    >>> from perflib import sample_snapshot
    >>> stray_ends(sample_snapshot())
    0
    """
    events, key = snapshot.events, ["referral_id", "ref", "to_date"]
    ends = events.loc[events["event"] == "job_end"].rename(columns={"event_date": "to_date"})[key]
    closed = _jobs(snapshot).dropna(subset="to_date")[key]
    return int((~pd.MultiIndex.from_frame(ends).isin(pd.MultiIndex.from_frame(closed))).sum())


WORK_WEEKS = (0, 4, 13, 26)
"""Lower ends of the bands in which spells of work are shown, in weeks."""


def _followed_spells(snapshot: Snapshot) -> pd.DataFrame:
    """Return the spells of work of started journeys, with `place`, `start` and `until` when they are followed."""
    spells = work_spells(snapshot)
    place = row_of(snapshot, spells["referral_id"])
    end = pd.Timestamp(snapshot.as_of)
    until = exits(snapshot).fillna(end).to_numpy()[place]
    spells = spells.assign(place=place, start=snapshot.journeys["start"].to_numpy()[place], until=until)
    return spells[spells["start"].notna()]


def job_survival(snapshot: Snapshot, where: Where = None) -> Incidence:
    """Estimate how long spells of work last; `waiting` is the share that still lasts after so many days.

    Parameters
    ----------
    snapshot : Snapshot
    where : mapping, mask or callable, optional
        Only these people, as for `cuts.mask`.

    Returns
    -------
    Incidence
        The only cause is `job_end`. `before` counts the spells that began before the start, which are not followed.

    References
    ----------
    Aalen and Johansen 1978, Scandinavian Journal of Statistics 5, 141-150. With one cause, the Kaplan-Meier estimate.

    Examples
    --------
    >>> from perflib import sample_snapshot
    >>> job_survival(sample_snapshot()).at([30, 182])[["at_risk", "share"]].round(2).reset_index()
       day  at_risk  share
    0   30       48   0.24
    1  182       20   0.48
    """
    snapshot = select(snapshot, where)
    spells = _followed_spells(snapshot)
    before = spells["from_date"] < spells["start"]
    mine = spells[~before & (spells["from_date"] <= spells["until"])]
    ended = mine["to_date"] <= mine["until"]
    duration = (mine["to_date"].where(ended, mine["until"]) - mine["from_date"]).dt.days
    return cumulative_incidence(duration, ended, ["job_end"], before=int(before.sum()))


def retention(snapshot: Snapshot, weeks: Sequence[int] = (13, 26), by: By = None, where: Where = None) -> pd.DataFrame:
    """Share of spells of work that last so many weeks (Kaplan-Meier).

    Parameters
    ----------
    snapshot : Snapshot
    weeks : sequence of int
    by : str or sequence of str, optional
        Groups: one or several names, as for `cuts.labels`.
    where : mapping, mask or callable, optional
        Only these people, as for `cuts.mask`.

    Returns
    -------
    DataFrame
        Index (`by`,) `weeks`: `spells` (followed), `at_risk` (still lasting and followed then), `share` (that lasts
        longer), `lower`, `upper` (95 %). A spell that still lasts counts for as long as it has been followed.

    References
    ----------
    Kaplan and Meier 1958, Journal of the American Statistical Association 53, 457-481.

    Examples
    --------
    >>> from perflib import sample_snapshot
    >>> retention(sample_snapshot())[["spells", "at_risk", "share"]].round(2).reset_index()
       weeks  spells  at_risk  share
    0     13      64       36   0.66
    1     26      64       20   0.52
    """
    if by is not None or where is not None:
        return each(retention, snapshot, by, where, weeks=weeks)
    found = job_survival(snapshot)
    ended = found.at([7 * number for number in weeks])
    lasting = {"share": 1 - ended["share"], "lower": 1 - ended["upper"], "upper": 1 - ended["lower"]}
    frame = pd.DataFrame({"spells": found.followed, "at_risk": ended["at_risk"], **lasting})
    return frame.set_axis(pd.Index(list(weeks), name="weeks"))


def job_gaps(snapshot: Snapshot, where: Where = None) -> Incidence:
    """Estimate how long it takes from the end of a spell of work to the next job, while on the programme.

    Parameters
    ----------
    snapshot : Snapshot
    where : mapping, mask or callable, optional
        Only these people, as for `cuts.mask`.

    Returns
    -------
    Incidence
        Causes `job_start` and `exit`.

    References
    ----------
    Aalen and Johansen 1978, Scandinavian Journal of Statistics 5, 141-150.

    Examples
    --------
    >>> from perflib import sample_snapshot
    >>> job_gaps(sample_snapshot()).at([30, 90])[["at_risk", "share"]].round(2).reset_index()
       day  at_risk  share
    0   30       27   0.06
    1   90       17   0.17
    """
    snapshot = select(snapshot, where)
    spells = _followed_spells(snapshot)
    following = spells["from_date"].shift(-1).where(spells["place"] == spells["place"].shift(-1))
    mine = (spells["to_date"] >= spells["start"]) & (spells["to_date"] <= spells["until"])
    ended, until, again = spells.loc[mine, "to_date"], spells.loc[mine, "until"], following[mine]
    found = again <= until
    left = exits(snapshot).notna().to_numpy()[spells.loc[mine, "place"]] & ~found
    duration = (again.where(found, until) - ended).dt.days
    return cumulative_incidence(duration, np.select([found, left], [1, 2], 0), ["job_start", EXIT])


def in_work(snapshot: Snapshot, by: str | None = None, where: Where = None) -> pd.DataFrame:
    """Count who is in work at the snapshot's end, by how long the present spell of work has lasted.

    Parameters
    ----------
    snapshot : Snapshot
    by : str, optional
        An attribute, as at the snapshot's end.
    where : mapping, mask or callable, optional
        Only these people, as for `cuts.mask`.

    Returns
    -------
    DataFrame of int
        One row, or one a value with participants: `on_programme`, `in_work`, and one column a band of `WORK_WEEKS`
        ('0 to 3 weeks', ..., '26 weeks and over'), which add up to `in_work`.

    Examples
    --------
    >>> from perflib import sample_snapshot
    >>> in_work(sample_snapshot())[["on_programme", "in_work"]].reset_index()
       all  on_programme  in_work
    0  all           155       29
    """
    snapshot = select(snapshot, where)
    there = on_programme(snapshot)
    spells = _followed_spells(snapshot)
    live = spells[spells["to_date"].isna() & there[spells["place"]]]
    weeks = (pd.Timestamp(snapshot.as_of) - live["from_date"]).dt.days // 7
    edges = [*WORK_WEEKS, np.inf]
    bands = [f"{low} to {high - 1} weeks" for low, high in zip(WORK_WEEKS, WORK_WEEKS[1:], strict=False)]
    bands.append(f"{WORK_WEEKS[-1]} weeks and over")
    values = snapshot.attribute(by, "at_period_end").astype("str").fillna(NOT_RECORDED) if by else None
    group = pd.Series("all", snapshot.journeys.index) if values is None else values
    band = pd.cut(weeks, edges, right=False, labels=bands)
    counts = pd.crosstab(group.to_numpy()[live["place"]], band, dropna=False).reindex(columns=bands, fill_value=0)
    total = group[there].value_counts().sort_index().rename("on_programme")
    total = total if by else total.reindex(["all"], fill_value=0)
    counts = counts.reindex(total.index, fill_value=0)
    frame = pd.concat([total, counts.sum(axis=1).rename("in_work"), counts], axis=1)
    return frame.rename_axis(index=by or "all", columns=None)
