"""Where participants stand on a day, and how they move between stages from one day to another."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import date

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from perflib.analysis import measures
from perflib.analysis.cohorts import cohort_months, started
from perflib.analysis.cuts import By, Where, each
from perflib.analysis.earlier_day import at, cut
from perflib.analysis.survival import EXIT
from perflib.errors import ParameterError
from perflib.records.snapshot import Snapshot
from perflib.rules.programme import Programme

OUTCOME, PAST, LEFT, ON_PROGRAMME = "outcome", "past_last_day", "left", "on_programme"


NEVER = pd.Timestamp("9999-12-31").as_unit("s")


def stages(snapshot: Snapshot) -> dict[str, str]:
    """Map the stages of a started participant, code to label, from the furthest to the first.

    Examples
    --------
    >>> from perflib import sample_snapshot
    >>> list(stages(sample_snapshot()))[:3]
    ['outcome', 'earnings_2000', 'earnings_1000']
    """
    programme = snapshot.programme
    reached = {name: programme.label(name) for name in ("outcome", *reversed(programme.milestones))}
    return reached | {ON_PROGRAMME: "On programme", LEFT: "Left", PAST: "Past the last day for an outcome"}


def stage(snapshot: Snapshot) -> pd.Series:
    """Classify each journey by its stage at the close of the snapshot's day.

    Returns
    -------
    Series aligned with `snapshot.journeys`
        Codes of `stages`; missing where the journey has not started.

    Examples
    --------
    >>> from perflib import sample_snapshot
    >>> stage(sample_snapshot()).value_counts()[["on_programme", "outcome"]].to_dict()
    {'on_programme': 114, 'outcome': 28}
    """
    journeys, end = snapshot.journeys, pd.Timestamp(snapshot.as_of)
    place = pd.Series(ON_PROGRAMME, index=journeys.index, dtype="str")
    if "exit" in journeys:
        place[journeys["exit"].notna()] = LEFT
    place[(journeys["start"] + last_day(snapshot)) < end] = PAST
    for name in snapshot.programme.milestones:
        place[journeys[name].notna() & (place != PAST)] = name
    place[measures.first(snapshot, "outcome")["event"].notna()] = OUTCOME
    return place.where(started(snapshot))


def last_day(snapshot: Snapshot) -> pd.Series:
    """Days after the start within which an outcome can happen by any route; missing without an end.

    Examples
    --------
    >>> from perflib import sample_snapshot
    >>> last_day(sample_snapshot()).max().days
    639
    """
    starts, never = snapshot.journeys["start"], np.full(len(snapshot.journeys), np.nan)
    routes = snapshot.programme.outcomes["outcome"].routes
    days = np.maximum.reduce([route.within_days.at(starts) if route.within_days else never for route in routes])
    return pd.Series(pd.to_timedelta(days - snapshot.programme.start_day, unit="D"), index=starts.index)


def position(snapshot: Snapshot, day: date | None = None, by: By = None, where: Where = None) -> pd.DataFrame:
    """Count where the started participants of each cohort stand at the close of a day.

    Parameters
    ----------
    snapshot : Snapshot
    day : date, optional
        From the contract's first month on; what has been recorded since, up to `known_at`, counts. By default the
        snapshot's own day (`as_of`): the reporting month's last, or `known_at` if that is earlier.
    by : str or sequence of str, optional
        Groups: one or several names, as for `cuts.labels`.
    where : mapping, mask or callable, optional
        Only these people, as for `cuts.mask`.

    Returns
    -------
    DataFrame of int
        Index `cohort`, every month of the contract to that day's; columns `stages`, adding up to the cohort's starts by
        that day.

    Raises
    ------
    ParameterError
        A day that the snapshot does not hold.

    Examples
    --------
    >>> from datetime import date
    >>> from perflib import load_snapshot
    >>> snapshot = load_snapshot("whp-sample", "2020-06")
    >>> int(position(snapshot, date(2020, 6, 10)).to_numpy().sum()), int(position(snapshot).to_numpy().sum())
    (3847, 3907)
    """
    if by is not None or where is not None:
        return each(position, snapshot, by, where, day=day)
    if day is not None:
        snapshot = at(snapshot, day)
    keep = started(snapshot)
    cohort = snapshot.journeys.loc[keep, "start"].dt.to_period("M")
    table = pd.crosstab(cohort, stage(snapshot)[keep])
    return table.reindex(index=cohort_months(snapshot), columns=pd.Index(list(stages(snapshot))), fill_value=0)


OPEN, NOT_REFERRED = "open", "not_referred"


Days = NDArray[np.datetime64]


Numbers = NDArray[np.int64]


WITHDRAWN, LATE, CORRECTED, ELSEWHERE = "withdrawn", "recorded late", "corrected", "changed elsewhere"


def places(programme: Programme) -> dict[str, str]:
    """Map the positions of a journey, code to label, from the first to the last."""
    names = (*programme.milestones, "outcome")
    resolved = [name for name in programme.resolves if name != "start"]
    return (
        {NOT_REFERRED: "Not referred yet", OPEN: "Referred, not resolved"}
        | {name: programme.label(name) for name in resolved}
        | {ON_PROGRAMME: "On programme"}
        | {name: programme.label(name) for name in names}
        | {LEFT: "Left", PAST: "Past the last day for an outcome"}
    )


def place(snapshot: Snapshot) -> pd.Series:
    """Classify each journey by its position at the snapshot's end.

    Returns
    -------
    Series aligned with `snapshot.journeys`
        Codes of `places`.

    Examples
    --------
    >>> from perflib import sample_snapshot
    >>> place(sample_snapshot()).value_counts().loc[["open", "on_programme"]].to_dict()
    {'open': 3, 'on_programme': 114}
    """
    resolved = [name for name in snapshot.programme.resolves if name != "start"]
    dates = snapshot.journeys[resolved].fillna(NEVER)
    first = np.array(resolved)[dates.to_numpy().argmin(axis=1)]
    waiting = pd.Series(first, index=dates.index, dtype="str").where((dates < NEVER).any(axis=1), OPEN)
    return stage(snapshot).fillna(waiting)


def place_at(snapshot: Snapshot, day: date) -> pd.Series:
    """Classify each journey by its position at the close of a day.

    Returns
    -------
    Series aligned with `snapshot.journeys`
        Codes of `places`.

    Examples
    --------
    >>> from perflib import sample_snapshot
    >>> from datetime import date
    >>> place_at(sample_snapshot(), date(2020, 2, 14)).value_counts().loc[["open", "on_programme"]].to_dict()
    {'open': 5, 'on_programme': 106}
    """
    then = place(cut(snapshot, day))
    found = pd.Series(NOT_REFERRED, index=snapshot.journeys.index, dtype="str")
    found[(snapshot.journeys["referral"] <= pd.Timestamp(day)).to_numpy()] = then.to_numpy()
    return found


def position_at(snapshot: Snapshot, day: date) -> pd.DataFrame:
    """Count where the started participants of each cohort stood at the close of a day, as `journey.position`.

    Returns
    -------
    DataFrame of int
        Index `cohort`, every month of the contract to that day's; columns the stages, adding up to the cohort's starts
        by that day.

    Examples
    --------
    >>> from perflib import sample_snapshot
    >>> from datetime import date
    >>> position_at(sample_snapshot(), date(2020, 2, 14))[["outcome", "on_programme", "left"]].tail(2).reset_index()
        cohort  outcome  on_programme  left
    0  2020-01        0            17     0
    1  2020-02        0             8     0
    """
    return position(snapshot, day)


def occupancy(snapshot: Snapshot, days: Iterable[date] | None = None) -> pd.DataFrame:
    """Count how many journeys stood in each place at the close of some days.

    Parameters
    ----------
    snapshot : Snapshot
    days : iterable of date, optional
        By default the last day of the reporting month (`as_of`) and of each of the twelve before it.

    Returns
    -------
    DataFrame of int
        Index `date`; columns `places` but `not_referred`, adding up to the referrals to that day.

    Examples
    --------
    >>> from perflib import sample_snapshot
    >>> from datetime import date
    >>> occupancy(sample_snapshot(), [date(2020, 2, 14)])[["open", "on_programme", "left"]].reset_index()
            date  open  on_programme  left
    0 2020-02-14     5           106    44
    """
    days = [min(month.end_time.date(), snapshot.as_of) for month in snapshot.months[-13:]] if days is None else days
    codes = list(places(snapshot.programme))[1:]
    slim = _what_places_need(snapshot)
    counts = {day: place(cut(slim, day)).value_counts() for day in days}
    frame = pd.DataFrame(counts).T.reindex(columns=codes).fillna(0).astype(int)
    return frame.set_axis(pd.DatetimeIndex(list(frame.index), name="date"), axis="index")


def _what_places_need(snapshot: Snapshot) -> Snapshot:
    """Return the snapshot with only the dates and events on which places depend."""
    programme = snapshot.programme
    columns = [name for name in dated(programme) if name in snapshot.journeys]
    columns += [f"{name}_recorded" for name in columns]
    return replace(
        snapshot,
        journeys=snapshot.journeys[["referral_id", *columns]],
        events=snapshot.events[snapshot.events["event"].isin(counted(programme))],
    )


def dated(programme: Programme) -> list[str]:
    """List the events whose first dates decide a journey's position."""
    return [*dict.fromkeys(["referral", "start", *programme.resolves, *programme.milestones]), EXIT]


def counted(programme: Programme) -> list[str]:
    """List the events that decide whether an outcome counts."""
    routes = [route for outcome in programme.outcomes.values() for route in outcome.routes]
    claims = [name for route in routes if (it := route.claim) for name in (it.submitted, it.paid, it.rejected)]
    return [*(route.event for route in routes), *claims]


def flows(snapshot: Snapshot, earlier: date, later: date | None = None) -> pd.DataFrame:
    """Count from where to where journeys moved between two days.

    Parameters
    ----------
    snapshot : Snapshot
        What is known of both days.
    earlier, later : date
        `later` is the snapshot's last day by default.

    Returns
    -------
    DataFrame of int
        Index `was`, columns `now`, both `places`; row sums are where journeys stood on the earlier day, column sums
        where they stood on the later one, and the row `not_referred` those referred between.

    Raises
    ------
    ParameterError
        `earlier` is after `later`, or the snapshot does not hold the days.

    Examples
    --------
    >>> from perflib import sample_snapshot
    >>> from datetime import date
    >>> flows(sample_snapshot(), date(2019, 12, 31)).loc["on_programme", ["on_programme", "left"]].to_dict()
    {'on_programme': 74, 'left': 15}
    """
    then = snapshot if later is None else cut(snapshot, later)
    if earlier > then.as_of:
        raise ParameterError(f"earlier={earlier}: is after {then.as_of}. Give the two days in order.")
    codes = list(places(snapshot.programme))
    table = pd.crosstab(place_at(then, earlier).rename("was"), place(then).rename("now"))
    return table.reindex(index=codes, columns=codes, fill_value=0)


def exits(snapshot: Snapshot) -> pd.Series:
    """Exit date of each journey; missing while it has not left.

    Examples
    --------
    >>> from perflib import sample_snapshot
    >>> int(exits(sample_snapshot()).notna().sum())
    78
    """
    return snapshot.journeys[EXIT] if EXIT in snapshot.journeys else pd.Series(pd.NaT, snapshot.journeys.index)


def on_programme(snapshot: Snapshot) -> NDArray[np.bool_]:
    """Mask of the journeys that are on the programme at the close of the snapshot's day.

    Examples
    --------
    >>> from perflib import sample_snapshot
    >>> int(on_programme(sample_snapshot()).sum())
    155
    """
    end = pd.Timestamp(snapshot.as_of)
    return (snapshot.journeys["start"].notna() & ~(exits(snapshot) <= end)).to_numpy()
