"""Where everybody stands: stages of the journey, spells of work, and who is on the programme.

Conventions
-----------
- A started participant stands at the outcome; else, once the last day for one is over, past it; else at the last
  milestone in the programme's order (whatever the order in which they were recorded), left or not, since the outcome
  may still come; else has left, or is on the programme.
- A participant is on the programme from the start date until the day before the exit, and in work from a job's start
  until the day before its end. Who left before starting was never on the programme.
- A job is closed by the first end with its `ref` that is not before it; without refs by the next end on or before the
  next start, or one of its own day that closes no other job; else it is open. Overlapping jobs are one spell of work.
  *1 February to 15 March and 10 March to 30 June: 1 February to 30 June.*
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from perflib.analysis import measures
from perflib.analysis.cohorts import cohort_months, started
from perflib.records.snapshot import Snapshot, remembered

OUTCOME, PAST, LEFT, ON_PROGRAMME = "outcome", "past_last_day", "left", "on_programme"
NEVER = pd.Timestamp("9999-12-31").as_unit("s")


def stages(snapshot: Snapshot) -> dict[str, str]:
    """Return the stages at which a started participant may stand, code to label, from the furthest to the first."""
    programme = snapshot.programme
    reached = {name: programme.label(name) for name in ("outcome", *reversed(programme.milestones))}
    return reached | {ON_PROGRAMME: "On programme", LEFT: "Left", PAST: "Past the last day for an outcome"}


def stage(snapshot: Snapshot) -> pd.Series:
    """Return the stage of each journey at the end of the reporting month.

    Returns
    -------
    Series aligned with `snapshot.journeys`
        Codes of `stages`; missing where the journey has not started.
    """
    journeys, end = snapshot.journeys, pd.Timestamp(snapshot.period_end)
    place = pd.Series(ON_PROGRAMME, index=journeys.index, dtype="str")
    if "exit" in journeys:
        place[journeys["exit"].notna()] = LEFT
    place[(journeys["start"] + last_day(snapshot)) < end] = PAST
    for name in snapshot.programme.milestones:
        place[journeys[name].notna() & (place != PAST)] = name
    place[measures.first(snapshot, "outcome")["event"].notna()] = OUTCOME
    return place.where(started(snapshot))


def last_day(snapshot: Snapshot) -> pd.Series:
    """Return, for each journey, how long after the start an outcome can happen by any route; missing without an end."""
    starts, never = snapshot.journeys["start"], np.full(len(snapshot.journeys), np.nan)
    routes = snapshot.programme.outcomes["outcome"].routes
    days = np.maximum.reduce([route.within_days.at(starts) if route.within_days else never for route in routes])
    return pd.Series(pd.to_timedelta(days - snapshot.programme.start_day, unit="D"), index=starts.index)


def position(snapshot: Snapshot) -> pd.DataFrame:
    """Count where the started participants of each cohort stand at the end of the reporting month.

    Returns
    -------
    DataFrame of int
        Index `cohort`, as in `cohorts.triangle`; columns `stages`, adding up to the cohort's starts.
    """
    keep = started(snapshot)
    cohort = snapshot.journeys.loc[keep, "start"].dt.to_period("M")
    table = pd.crosstab(cohort, stage(snapshot)[keep])
    return table.reindex(index=cohort_months(snapshot), columns=pd.Index(list(stages(snapshot))), fill_value=0)


def referrals(snapshot: Snapshot) -> pd.DataFrame:
    """Count what has become of the referrals of each month.

    Returns
    -------
    DataFrame of int
        Index `month` of the referral; `referral` (all), one column for each event that resolves a referral (the first
        of them that happened; on one day the programme's order decides) and `open`.
    """
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


def work_spells(snapshot: Snapshot) -> pd.DataFrame:
    """Return every spell of work: jobs of one journey that overlap are one.

    Returns
    -------
    DataFrame
        `referral_id`, `from_date`, `to_date` (missing while the job is open); one row a spell, in order.
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
    """Return how many ends of jobs end no job."""
    events, key = snapshot.events, ["referral_id", "ref", "to_date"]
    ends = events.loc[events["event"] == "job_end"].rename(columns={"event_date": "to_date"})[key]
    closed = _jobs(snapshot).dropna(subset="to_date")[key]
    return int((~pd.MultiIndex.from_frame(ends).isin(pd.MultiIndex.from_frame(closed))).sum())


@remembered
def caseload(snapshot: Snapshot) -> pd.DataFrame:
    """Count who is on the programme on the first day of each month, in and out of work.

    Returns
    -------
    DataFrame of int
        Index `month`; `on_programme`, `in_work`, `out_of_work`.
    """
    journeys = snapshot.journeys
    months = snapshot.months.rename("month")
    days = months.to_timestamp().to_numpy(dtype="datetime64[s]")
    leave = journeys["exit"] if "exit" in journeys else pd.Series(pd.NaT, index=journeys.index)
    on_programme = _present(journeys["start"], leave, days)
    spells = work_spells(snapshot)
    place = pd.Index(journeys["referral_id"]).get_indexer(pd.Index(spells["referral_id"]))
    start, exit_day = (pd.Series(column.to_numpy()[place], index=spells.index) for column in (journeys["start"], leave))
    begin = spells["from_date"].where(~(spells["from_date"] < start), start).where(start.notna())
    finish = spells["to_date"].where(~(spells["to_date"].fillna(NEVER) > exit_day), exit_day)
    in_work = _present(begin, finish, days)
    return pd.DataFrame(
        {"on_programme": on_programme, "in_work": in_work, "out_of_work": on_programme - in_work}, index=months
    )


def _present(begin: pd.Series, finish: pd.Series, days: NDArray[np.datetime64]) -> NDArray[np.int64]:
    """Count the spells that hold on each day: begun on or before it, not finished on or before it."""
    real = begin.notna() & ~(finish < begin)
    begun = np.sort(begin[real].to_numpy(dtype="datetime64[s]"))
    done = np.sort(finish[real].dropna().to_numpy(dtype="datetime64[s]"))
    return np.searchsorted(begun, days, side="right") - np.searchsorted(done, days, side="right")
