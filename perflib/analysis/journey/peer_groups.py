"""Peer support groups: who is in which, who moves on or back, how long it takes, and the jobs that come of them.

A caseworker's assessment places a participant in one of four groups, from "not thinking of work" to "very close to
it". Moves between them tell of the job starts to come before outcomes do.

Conventions
-----------
- A placement is an event `peer_group` with the group in `value`; anything else there is set aside and counted. A
  placement of the same group again is a confirmation, not a move.
- A group is held from the day of the placement to the day of the next, or to the exit; on the programme and not placed
  yet is `not_placed`. The last placement before the start holds from the start. Of two on one day the one recorded last
  holds, of two recorded on one day the lower group; those that do not hold are set aside and counted.
- An advance is a move to a higher group, a retreat one to a lower; each counts once, however many groups it passes. A
  move by more than one group is a skip. Retreats stand beside advances, so that an advance made by assessing low first
  is seen.
- Days of a caseload are days on the programme. With `at_event` a move belongs to whoever had the participant on the day
  of it, and a day to whoever had them on it; with `at_start` both belong to whoever had them at the start.
- A job belongs to the group held at the close of the day before it began: of a job and a new group on one day, the job
  comes of the group before. At risk of a job is who is on the programme and not in work at the close of the day before;
  a job begun by the day of the start comes of none. Overlapping jobs are one.
- Rates are for each 100 participants in 30 days, with exact Poisson limits (Garwood 1936).
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from perflib.analysis import cohorts, measures
from perflib.analysis.journey import work
from perflib.analysis.journey.positions import LEFT, exits
from perflib.analysis.survival import ANY, Incidence, cumulative_incidence
from perflib.errors import ParameterError
from perflib.records.snapshot import Snapshot, remembered
from perflib.rules.calendar import window

EVENT = "peer_group"
GROUPS = {"1": "Pre-contemplation", "2": "Contemplation", "3": "Preparation", "4": "Candidate Pool"}
"""Codes and names, from the furthest from work to the nearest (KS tender answer to question 2.13.1)."""

NOT_PLACED = "not_placed"
PLACES = [NOT_PLACED, *GROUPS]
NOT_YET = "not_on_programme"

NOT_A_GROUP, NO_START, AFTER_EXIT, SAME_DAY = (
    "not a group",
    "no start",
    "on or after the exit",
    "a later placement holds from that day",
)

PEOPLE, DAYS = 100, 30
"""What rates are for each of."""

AT = ("at_event", "at_start")
At = Literal["at_event", "at_start"]

Numbers = NDArray[np.int64]


def known(snapshot: Snapshot) -> bool:
    """Test for any recorded placement.

    Examples
    --------
    >>> from perflib import sample_snapshot
    >>> known(sample_snapshot())
    True
    """
    return bool((snapshot.events["event"] == EVENT).any())


@remembered
def _placements(snapshot: Snapshot) -> pd.DataFrame:
    """Return every placement: `place`, `day`, `group` and the reason why it does not count, '' where it does."""
    measures.check(snapshot, EVENT)
    rows = snapshot.events[snapshot.events["event"] == EVENT]
    place = snapshot.rows_of(rows["referral_id"])
    number = pd.to_numeric(rows["value"], errors="coerce").to_numpy(dtype=float)
    start, leave = (column.to_numpy("datetime64[s]")[place] for column in _on_programme(snapshot))
    happened = rows["event_date"].to_numpy("datetime64[s]")
    found = pd.DataFrame(
        {
            "place": place,
            "day": np.maximum(happened, start),
            "happened": happened,
            "recorded": rows["recorded_date"].to_numpy(),
            "group": number,
        }
    )
    reason = np.select(
        [~np.isin(number, [int(code) for code in GROUPS]), np.isnat(start), happened >= leave],
        [NOT_A_GROUP, NO_START, AFTER_EXIT],
        "",
    )
    found = found.assign(reason=pd.array(reason, dtype="str"))
    found = found.sort_values(["place", "happened", "recorded", "group"], ascending=[True, True, True, False])
    counted = found["reason"] == ""
    twice = found[counted].duplicated(["place", "day"], keep="last")
    found.loc[twice.index[twice], "reason"] = SAME_DAY
    return found.reset_index(drop=True)


def _on_programme(snapshot: Snapshot) -> tuple[pd.Series, pd.Series]:
    """Return when each journey started and left, each missing where it has not."""
    return snapshot.journeys["start"], exits(snapshot)


def set_aside(snapshot: Snapshot) -> pd.Series:
    """Count placements that do not count, by reason.

    Examples
    --------
    >>> from perflib import sample_snapshot
    >>> int(set_aside(sample_snapshot()).sum())
    0
    """
    reasons = _placements(snapshot)["reason"]
    return reasons[reasons != ""].value_counts().sort_index().rename("placements")


@remembered
def spells(snapshot: Snapshot) -> pd.DataFrame:
    """List every spell of a participant in one group, from the start to the exit.

    Returns
    -------
    DataFrame
        `place` (in journeys), `group` (of `PLACES`), `from_date`, `to_date` (missing while it lasts), `next` (the group
        after it, 'left', or missing while it lasts); one row a spell, in order.

    Examples
    --------
    >>> from perflib import sample_snapshot
    >>> spells(sample_snapshot()).head(2)
       place       group  from_date    to_date  next
    0      0  not_placed 2018-01-22 2018-01-23     1
    1      0           1 2018-01-23 2019-04-23  left
    """
    start, leave = _on_programme(snapshot)
    began = np.flatnonzero(start.notna() & ~(leave <= start))
    placed = _placements(snapshot)
    placed = placed[placed["reason"] == ""]
    first = pd.DataFrame({"place": began, "day": start.to_numpy()[began], "group": 0.0})
    found = pd.concat([first, placed[["place", "day", "group"]]], ignore_index=True)
    found = found.sort_values(["place", "day"], kind="stable")  # of one day, a placement is after having none
    found = found.drop_duplicates(["place", "day"], keep="last")
    same = (found["group"] == found["group"].shift()) & (found["place"] == found["place"].shift())
    found = found[~same].reset_index(drop=True)
    group = np.array(PLACES)[found["group"].astype(int)]
    last = found["place"] != found["place"].shift(-1)
    leaving = leave.to_numpy()[found["place"]]
    following = pd.Series(np.append(group[1:], ""), dtype="str").mask(last, LEFT).mask(last & np.isnat(leaving))
    return pd.DataFrame(
        {
            "place": found["place"],
            "group": pd.array(group, dtype="str"),
            "from_date": found["day"],
            "to_date": found["day"].shift(-1).where(~last, leaving),
            "next": following,
        }
    )


def group_at(snapshot: Snapshot, day: date) -> pd.Series:
    """Look up the group of each journey at the close of a day.

    Returns
    -------
    Series aligned with `snapshot.journeys`
        Of `PLACES`; missing where it was not on the programme.

    Examples
    --------
    >>> from perflib import sample_snapshot
    >>> from datetime import date
    >>> group_at(sample_snapshot(), date(2019, 12, 31)).value_counts().sort_index().to_dict()
    {'1': 28, '2': 43, '3': 28, '4': 34}
    """
    found, end = spells(snapshot), pd.Timestamp(_within(snapshot, day))
    now = found[(found["from_date"] <= end) & ~(found["to_date"] <= end)]
    held = now.set_index("place")["group"].reindex(range(len(snapshot.journeys)))
    return held.set_axis(snapshot.journeys.index)


def _within(snapshot: Snapshot, day: date) -> date:
    if day > snapshot.as_of:
        raise ParameterError(f"day {day}: is after {snapshot.as_of}, the last that is known. Choose an earlier day.")
    return day


def occupancy(snapshot: Snapshot, days: Iterable[date] | None = None) -> pd.DataFrame:
    """Count who was in which group at the close of some days.

    Parameters
    ----------
    snapshot : Snapshot
    days : iterable of date, optional
        By default the last day of every month of the contract.

    Returns
    -------
    DataFrame of int
        Index `date`; columns `PLACES`, adding up to those on the programme.

    Examples
    --------
    >>> from perflib import sample_snapshot
    >>> occupancy(sample_snapshot()).tail(2).reset_index()
            date  not_placed   1   2   3   4
    0 2020-02-29           2  28  49  35  35
    1 2020-03-31           1  31  50  38  35
    """
    days = [min(month.end_time.date(), snapshot.as_of) for month in snapshot.months] if days is None else list(days)
    asked = np.array([_within(snapshot, day) for day in days], dtype="datetime64[s]")
    found = spells(snapshot)
    counts = {}
    for name in PLACES:
        mine = found[found["group"] == name]
        begun = np.sort(mine["from_date"].to_numpy("datetime64[s]"))
        done = np.sort(mine["to_date"].dropna().to_numpy("datetime64[s]"))
        counts[name] = np.searchsorted(begun, asked, side="right") - np.searchsorted(done, asked, side="right")
    return pd.DataFrame(counts, index=pd.DatetimeIndex(asked, name="date"))


def transitions(snapshot: Snapshot, earlier: date, later: date | None = None) -> pd.DataFrame:
    """Count in which group those on the programme were on two days.

    Parameters
    ----------
    snapshot : Snapshot
    earlier, later : date
        `later` is the snapshot's last day by default.

    Returns
    -------
    DataFrame of int
        Index `was`: `PLACES`, and `not_on_programme` for those who started between; columns `now`: `PLACES` and `left`.
        What happened between the two days is in `moves`.

    Raises
    ------
    ParameterError
        `earlier` is after `later`, or the snapshot does not hold the days.

    Examples
    --------
    >>> from perflib import sample_snapshot
    >>> from datetime import date
    >>> transitions(sample_snapshot(), date(2019, 12, 31)).loc["2"].to_dict()
    {'not_placed': 0, '1': 1, '2': 22, '3': 12, '4': 0, 'left': 8}
    """
    later = snapshot.as_of if later is None else later
    if earlier > later:
        raise ParameterError(f"earlier={earlier}: is after {later}. Give the two days in order.")
    was, now = group_at(snapshot, earlier).rename("was"), group_at(snapshot, later).rename("now")
    either = was.notna() | now.notna()
    table = pd.crosstab(was[either].fillna(NOT_YET), now[either].fillna(LEFT))
    return table.reindex(index=[*PLACES, NOT_YET], columns=[*PLACES, LEFT], fill_value=0)


@remembered
def moves(snapshot: Snapshot) -> pd.DataFrame:
    """List every move from one group to another; the first placement is none.

    Returns
    -------
    DataFrame
        `place` (in journeys), `day`, `was`, `now`, and `steps`: groups moved on, below 0 where back.

    Examples
    --------
    >>> from perflib import sample_snapshot
    >>> moves(sample_snapshot()).head(2)
       place        day was now  steps
    0      1 2018-05-25   3   4      1
    1      6 2019-03-11   3   4      1
    """
    found = spells(snapshot)
    mine = found[(found["group"] != NOT_PLACED) & found["next"].isin(list(GROUPS))]
    frame = mine[["place", "to_date", "group", "next"]].set_axis(["place", "day", "was", "now"], axis="columns")
    return frame.assign(steps=frame["now"].astype(int) - frame["was"].astype(int)).reset_index(drop=True)


def summary(snapshot: Snapshot) -> pd.Series:
    """Count placements and moves since day one.

    Returns
    -------
    Series of int
        `participants` (started), of whom `never_placed` and `never_placed_left` (left without); `placements` that
        count, of which `first`, `confirmed` (the same group again), `advances` and `retreats`; of the moves
        `skips_on` and `skips_back` (by more than one group); `set_aside`.

    Examples
    --------
    >>> from perflib import sample_snapshot
    >>> summary(sample_snapshot())[["placements", "advances", "retreats"]].to_dict()
    {'placements': 368, 'advances': 104, 'retreats': 32}
    """
    found, moved, placed = spells(snapshot), moves(snapshot), _placements(snapshot)
    counted = placed[placed["reason"] == ""]
    ever = counted["place"].nunique()
    never = found[~found["place"].isin(counted["place"])]
    return pd.Series(
        {
            "participants": int(cohorts.started(snapshot).sum()),
            "never_placed": int(cohorts.started(snapshot).sum()) - ever,
            "never_placed_left": int((never["next"] == LEFT).sum()),
            "placements": len(counted),
            "first": ever,
            "confirmed": len(counted) - ever - len(moved),
            "advances": int((moved["steps"] > 0).sum()),
            "retreats": int((moved["steps"] < 0).sum()),
            "skips_on": int((moved["steps"] > 1).sum()),
            "skips_back": int((moved["steps"] < -1).sum()),
            "set_aside": int((placed["reason"] != "").sum()),
        }
    )


def time_in_group(snapshot: Snapshot, group: str) -> Incidence:
    """Estimate how long participants stay in a group, and where they go; those still in it are censored.

    Parameters
    ----------
    snapshot : Snapshot
    group : str
        Of `PLACES`.

    Returns
    -------
    Incidence
        Causes `on` (to a higher group; of those not placed yet, to any), `back` and `left` (the programme).

    References
    ----------
    Aalen and Johansen 1978, Scandinavian Journal of Statistics 5, 141-150.

    Examples
    --------
    >>> from perflib import sample_snapshot
    >>> time_in_group(sample_snapshot(), "1").at([90, 180])[["at_risk", "share"]].round(2).reset_index()
       day  at_risk  share
    0   90       58   0.00
    1  180       38   0.19
    """
    mine = _of_group(snapshot, group)
    order = {name: rank for rank, name in enumerate(PLACES)}
    step = mine["next"].map(order).astype("float64") - order[group]
    cause = np.select([mine["next"] == LEFT, step > 0, step < 0], [3, 1, 2], 0)
    days = (mine["to_date"].fillna(pd.Timestamp(snapshot.as_of)) - mine["from_date"]).dt.days
    return cumulative_incidence(days, cause, ["on", "back", LEFT])


def _of_group(snapshot: Snapshot, group: str) -> pd.DataFrame:
    if group not in PLACES:
        raise ParameterError(f"group={group!r}: give one of {', '.join(PLACES)}.")
    found = spells(snapshot)
    return found[found["group"] == group]


def times_in_group(snapshot: Snapshot) -> pd.DataFrame:
    """Summarise how long participants stay in each group.

    Returns
    -------
    DataFrame
        Index `group` (`PLACES`): `entered`, of whom `on`, `back`, `left` and `still` (in it), and the days by which
        half were out of it: `median`, `lower`, `upper`; missing where half are not.

    References
    ----------
    Aalen and Johansen 1978, Scandinavian Journal of Statistics 5, 141-150.

    Examples
    --------
    >>> from perflib import sample_snapshot
    >>> times_in_group(sample_snapshot()).loc["1", ["entered", "on", "still"]].to_dict()
    {'entered': 75, 'on': 28, 'still': 31}
    """
    rows: dict[str, dict[str, float]] = {}
    for group in PLACES:
        found = time_in_group(snapshot, group)
        median, lower, upper = found.quantile(cause=ANY)
        gone = {cause: int(found.events[cause].sum()) for cause in found.causes}
        rows[group] = {"entered": found.followed, **gone, "still": int(found.censored.sum())}
        rows[group] |= {"median": median, "lower": lower, "upper": upper}
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("group")


def advances(
    snapshot: Snapshot, by: str | None = None, basis: str | None = None, at: At = "at_event", level: float = 0.95
) -> pd.DataFrame:
    """Count advances and retreats, and hold them against the days of the caseload.

    Parameters
    ----------
    snapshot : Snapshot
    by : str, optional
        An attribute, such as the caseworker.
    basis : str, optional
        'month', 'rolling_<n>' or 'cumulative': their sum. By default a row for each month of the contract.
    at : {'at_event', 'at_start'}
        To whom a move and a day belong, as the conventions say.
    level : float
        Of the limits.

    Returns
    -------
    DataFrame
        Index (`by`,) `month`, or with a basis the values of `by`, or 'all': `caseload_days`, `advances`, `retreats`,
        `net` (advances less retreats), `skips` (advances by more than one group), `advance_rate`, `lower`, `upper` (its
        limits), `retreat_rate` and `net_rate`. Rates are missing where there was no caseload.

    References
    ----------
    Garwood 1936, Biometrika 28, 437-442.

    Examples
    --------
    >>> from perflib import sample_snapshot
    >>> advances(sample_snapshot(), basis="cumulative")[["caseload_days", "advances", "retreats"]].reset_index()
       all  caseload_days  advances  retreats
    0  all          62000       104        32
    """
    months = snapshot.months.rename("month")
    owned = _owned(snapshot, by, at)
    code, names = pd.factorize(owned["value"], sort=True)
    owned = owned.assign(code=code).sort_values("from_date", ignore_index=True)
    moved = pd.merge_asof(
        moves(snapshot).sort_values("day"), owned, left_on="day", right_on="from_date", by="place", direction="backward"
    )
    month = moved["day"].to_numpy("datetime64[M]").astype(np.int64) - months[0].ordinal
    cell, steps = moved["code"].to_numpy() * len(months) + month, moved["steps"].to_numpy()

    def count(which: NDArray[np.bool_]) -> Numbers:
        return np.bincount(cell[which], minlength=len(names) * len(months))

    frame = pd.DataFrame(
        {
            "caseload_days": _days_by_month(snapshot, owned, len(names)).ravel(),
            "advances": count(steps > 0),
            "retreats": count(steps < 0),
            "net": count(steps > 0) - count(steps < 0),
            "skips": count(steps > 1),
        },
        index=pd.MultiIndex.from_product([names, months], names=[by or "all", "month"]),
    )
    if basis is not None:
        span = window(basis, snapshot.month, snapshot.first_day)
        inside = span.contains(pd.PeriodIndex(frame.index.get_level_values("month")))
        frame = frame[inside].groupby(level=0).sum()
    elif by is None:
        frame = frame.droplevel(0)
    rates = _rates(frame["advances"], frame["caseload_days"], level)
    each = PEOPLE * DAYS / frame["caseload_days"].where(frame["caseload_days"] > 0)
    rates = rates.rename(columns={"rate": "advance_rate"})
    return frame.assign(**rates, retreat_rate=frame["retreats"] * each, net_rate=frame["net"] * each)


def _owned(snapshot: Snapshot, by: str | None, at: str) -> pd.DataFrame:
    """Return whose each participant was on the programme: `place`, `value`, `from_date`, `to_date` (no longer)."""
    if at not in AT:
        raise ParameterError(f"at={at!r}: give one of {', '.join(AT)}.")
    start, leave = _on_programme(snapshot)
    after = pd.Timestamp(snapshot.as_of) + pd.Timedelta(days=1)
    owned = pd.DataFrame({"place": np.arange(len(start)), "from_date": start, "to_date": leave.fillna(after)})
    owned = owned[owned["from_date"] < owned["to_date"]]
    if by is None:
        return owned.assign(value="all")
    at_start = cohorts.labels(snapshot, by)
    if at == "at_start" or snapshot.history.empty:
        return owned.assign(value=at_start)
    parts = _split(snapshot, owned, by)
    values = []
    for _, rows in parts.groupby(parts.groupby("place").cumcount()):
        days = pd.Series(pd.NaT, index=start.index, dtype="datetime64[s]")
        days.iloc[rows["place"].to_numpy()] = rows["from_date"].to_numpy()
        held = snapshot.attribute(by, days).astype("str").fillna(cohorts.NOT_RECORDED)
        values.append(pd.Series(held.to_numpy()[rows["place"]], index=rows.index))
    return parts.assign(value=pd.concat([parts["from_date"][:0].astype("str"), *values]))


def _split(snapshot: Snapshot, owned: pd.DataFrame, by: str) -> pd.DataFrame:
    """Return stretches on the programme cut wherever an attribute was recorded anew."""
    changes = snapshot.history[snapshot.history["attribute"] == by]
    place = snapshot.rows_of(changes["referral_id"])
    cuts = pd.DataFrame({"place": place, "cut": changes["from_date"].to_numpy()}).merge(owned, on="place")
    cuts = cuts[(cuts["cut"] > cuts["from_date"]) & (cuts["cut"] < cuts["to_date"])]
    cuts = cuts.assign(from_date=cuts["cut"]).drop(columns="cut").drop_duplicates()
    parts = pd.concat([owned, cuts]).sort_values(["place", "from_date"], ignore_index=True)
    following = parts["from_date"].shift(-1).where(parts["place"] == parts["place"].shift(-1))
    return parts.assign(to_date=following.fillna(parts["to_date"]))


def _days_by_month(snapshot: Snapshot, owned: pd.DataFrame, size: int) -> Numbers:
    """Return the days of each value's stretches in each month, shape (size, months).

    What a stretch has of a month is what of the month is before its end, less what of it is before its beginning.
    """
    edges = (snapshot.months[0].ordinal + np.arange(len(snapshot.months) + 1)).astype("datetime64[M]")
    first = edges.astype("datetime64[D]").astype(np.int64)
    length, code, width = np.diff(first), owned["code"].to_numpy(), len(first)

    def before(dates: pd.Series) -> Numbers:
        day = np.clip(dates.to_numpy("datetime64[D]").astype(np.int64), first[0], first[-1])
        month = np.searchsorted(first, day, side="right") - 1
        cell = code * width + month
        part = np.bincount(cell, day - first[month], size * width).reshape(size, width)
        there = np.bincount(cell, minlength=size * width).reshape(size, width)
        later = there[:, ::-1].cumsum(axis=1)[:, ::-1] - there
        return np.rint(part[:, :-1]).astype(np.int64) + later[:, :-1] * length

    return before(owned["to_date"]) - before(owned["from_date"])


def _rates(count: pd.Series, days: pd.Series, level: float) -> pd.DataFrame:
    rate, lower, upper = cohorts.poisson_ratio(count, days / (PEOPLE * DAYS), level)
    return pd.DataFrame({"rate": rate, "lower": lower, "upper": upper}, index=count.index)


def job_starts(snapshot: Snapshot, basis: str = "cumulative", level: float = 0.95) -> pd.DataFrame:
    """Count the job starts that come of each group, and hold them against the days at risk of one.

    Parameters
    ----------
    snapshot : Snapshot
    basis : str
        The days counted: 'month', 'rolling_<n>' or 'cumulative'.
    level : float
        Of the limits.

    Returns
    -------
    DataFrame
        Index `group` (`PLACES`): `days` (at risk), `job_starts` (spells of work that began), `rate`, `lower`, `upper`,
        `out_of_work` (in the group at the snapshot's end, and at risk) and `expected`: the job starts of the next 30
        days among them, at that rate.

    References
    ----------
    Garwood 1936, Biometrika 28, 437-442.

    Examples
    --------
    >>> from perflib import sample_snapshot
    >>> job_starts(sample_snapshot())[["days", "job_starts", "rate"]].round(1).tail(2).reset_index()
      group   days  job_starts  rate
    0     3  12672          19   4.5
    1     4  10342          19   5.5
    """
    since = pd.Timestamp(window(basis, snapshot.month, snapshot.first_day).start) - pd.Timedelta(days=1)
    end = pd.Timestamp(snapshot.as_of)
    found = spells(snapshot)
    from_date = found["from_date"].where(found["from_date"] > since, since)
    found = found.assign(from_date=from_date, to_date=found["to_date"].fillna(end))
    found = found[found["from_date"] < found["to_date"]]
    work = _work(snapshot)
    both = found.merge(work.assign(until=work["until"].fillna(end)), on="place")
    finish = both["to_date"].where(both["to_date"] < both["until"], both["until"])
    busy = finish - both["from_date"].where(both["from_date"] > both["begin"], both["begin"])
    began = both[(both["begin"] > both["from_date"]) & (both["begin"] <= both["to_date"])]
    days = (found["to_date"] - found["from_date"]).dt.days.groupby(found["group"]).sum()
    days = days.sub(busy.dt.days.clip(lower=0).groupby(both["group"]).sum(), fill_value=0)
    now = group_at(snapshot, snapshot.as_of)
    idle = now[~now.index.isin(now.index[work.loc[work["until"].isna(), "place"]])]
    counts = {"days": days, "job_starts": began["group"].value_counts(), "out_of_work": idle.value_counts()}
    frame = pd.DataFrame(counts, index=pd.Index(PLACES, name="group")).fillna(0).astype(int)
    rates = _rates(frame["job_starts"], frame["days"], level)
    return frame.assign(**rates, expected=frame["out_of_work"] * rates["rate"] / PEOPLE)


def _work(snapshot: Snapshot) -> pd.DataFrame:
    """Return the spells of work: `place`, `begin`, `until` (missing while it lasts)."""
    found = work.work_spells(snapshot)
    place = snapshot.rows_of(found["referral_id"])
    return pd.DataFrame({"place": place, "begin": found["from_date"], "until": found["to_date"]})


def time_to_job(snapshot: Snapshot, group: str = "4") -> Incidence:
    """Estimate how long it takes from entering a group to a job, for those who enter it out of work.

    Parameters
    ----------
    snapshot : Snapshot
    group : str
        Of `PLACES`; by default the candidate pool.

    Returns
    -------
    Incidence
        Causes `job_start`, `moved` (to another group first) and `left` (the programme). `before` counts those who
        entered it in work, who are not followed.

    References
    ----------
    Aalen and Johansen 1978, Scandinavian Journal of Statistics 5, 141-150.

    Examples
    --------
    >>> from perflib import sample_snapshot
    >>> time_to_job(sample_snapshot(), "4").at([30, 90])[["at_risk", "share"]].round(2).reset_index()
       day  at_risk  share
    0   30       50   0.04
    1   90       34   0.23
    """
    mine = _of_group(snapshot, group).reset_index(drop=True)
    last = mine["to_date"].fillna(pd.Timestamp(snapshot.as_of))
    both = mine[["place", "from_date"]].reset_index().merge(_work(snapshot), on="place")
    busy = (both["begin"] <= both["from_date"]) & ~(both["until"] <= both["from_date"])
    free = ~mine.index.isin(both.loc[busy, "index"])
    job = both[both["begin"] > both["from_date"]].groupby("index")["begin"].min().reindex(mine.index)
    found = job <= last
    days = (job.where(found, last) - mine["from_date"]).dt.days
    cause = np.select([found, mine["next"] == LEFT, mine["next"].notna()], [1, 3, 2], 0)
    return cumulative_incidence(days[free], cause[free], ["job_start", "moved", LEFT], before=int((~free).sum()))
