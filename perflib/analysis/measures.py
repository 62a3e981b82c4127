"""What counts as a measure, and when: single events, and outcomes by their routes, windows and claims.

Conventions
-----------
- The start date is day 0 of a window (`start_day` of the programme); both ends count. *Start 1 January 2018, window
  639: 2 October 2019 counts.*
- An outcome is the first event of any of its routes that counts, once a referral. Before the start, or after the
  window, nothing counts; without a start it is outside every cohort, and counted by `excluded`.
- A route with a claim counts when a claim of the referral stands and was submitted by its last day. A claim's status is
  its latest event; on one day paid beats rejected beats submitted. Claims whose `ref` belongs to an event of a route
  without a claim are that route's, and do not matter. A paid claim of which no submission is known counts by the day it
  was paid.
- Where no claim at all is known, the route counts without one; `claims_known` says so.
- Recorded means the day on which the event itself was first recorded, whatever the claim. Of two events that count,
  the first to happen is the outcome, by either clock: the other may have been recorded before it.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import pandas as pd

from perflib.errors import ParameterError
from perflib.records.snapshot import Snapshot, remembered
from perflib.rules.dated import Dated
from perflib.rules.programme import CORE_EVENTS, Claim, Programme, Route

Clock = Literal["event", "recorded"]

NOT_STARTED, BEFORE_START, AFTER_WINDOW, NO_CLAIM = (
    "no start",
    "before the start",
    "after the window",
    "no standing claim in time",
)


def claims_known(snapshot: Snapshot) -> bool:
    """Test for any recorded claim; without one, outcomes that need a claim count without it.

    Examples
    --------
    >>> from perflib import sample_snapshot
    >>> claims_known(sample_snapshot())
    True
    """
    events = (snapshot.whole or snapshot).events
    return bool(events["event"].isin(snapshot.programme.claims).any())


def check(snapshot: Snapshot, measure: str) -> None:
    """Refuse a measure that the programme does not have.

    Raises
    ------
    ParameterError
        The programme has no such event or outcome.

    Examples
    --------
    >>> from perflib import sample_snapshot
    >>> check(sample_snapshot(), "outcome")  # raises ParameterError for a name that the programme does not have
    """
    programme = snapshot.programme
    if measure not in programme.outcomes and measure not in programme.events:
        known = ", ".join([*programme.outcomes, *programme.events])
        raise ParameterError(f"measure {measure!r}: {programme.name} has {known}.")


@remembered
def first(snapshot: Snapshot, measure: str) -> pd.DataFrame:
    """First date on which each journey reached a measure, and the day on which that was first recorded.

    Parameters
    ----------
    snapshot : Snapshot
    measure : str
        An outcome or an event of the programme.

    Returns
    -------
    DataFrame aligned with `snapshot.journeys`
        `event` and `recorded`, datetime64; missing where the measure was not reached, or nothing counts.

    Examples
    --------
    >>> from perflib import sample_snapshot
    >>> first(sample_snapshot(), "outcome").notna().sum().to_dict()
    {'event': 28, 'recorded': 28}
    """
    check(snapshot, measure)
    journeys = snapshot.journeys
    if measure in snapshot.programme.events:
        return pd.DataFrame({"event": journeys[measure], "recorded": journeys[f"{measure}_recorded"]})
    events = candidates(snapshot, measure)
    counted = events[events["reason"] == ""].sort_values(["place", "event_date", "first_recorded"])
    counted = counted.drop_duplicates("place").set_index("place")
    return pd.DataFrame({"event": counted["event_date"], "recorded": counted["first_recorded"]}, index=journeys.index)


def occurrences(snapshot: Snapshot, measure: str) -> pd.DataFrame:
    """List every time a measure was reached: `place` (row in journeys), `event`, `recorded`.

    An event counts each time (a second claim is another); a referral, a start and an outcome once a referral.

    Examples
    --------
    >>> from perflib import sample_snapshot
    >>> len(occurrences(sample_snapshot(), "job_start"))
    64
    """
    check(snapshot, measure)
    if measure in snapshot.programme.events and measure not in CORE_EVENTS:
        rows = snapshot.events[snapshot.events["event"] == measure]
        return pd.DataFrame(
            {
                "place": snapshot.rows_of(rows["referral_id"]),
                "event": rows["event_date"].to_numpy(),
                "recorded": rows["first_recorded"].to_numpy(),
            }
        )
    return first(snapshot, measure).dropna(subset="event").rename_axis("place").reset_index()


def excluded(snapshot: Snapshot, measure: str = "outcome") -> pd.Series:
    """Count the outcome events that do not count, by reason.

    Examples
    --------
    >>> from perflib import sample_snapshot
    >>> excluded(sample_snapshot()).to_dict()
    {}
    """
    events = candidates(snapshot, measure)
    return events.loc[events["reason"] != "", "reason"].value_counts().sort_index()


def elapsed(starts: pd.Series, dates: pd.Series, programme: Programme) -> pd.Series:
    """Day of the window of each date, as the programme counts; missing where either date is."""
    return (dates - starts).dt.days + programme.start_day


@remembered
def candidates(snapshot: Snapshot, measure: str) -> pd.DataFrame:
    """List every event of an outcome's routes, with the reason why it does not count.

    Returns
    -------
    DataFrame
        One row an event: `place` (row in journeys), `event`, `ref`, `event_date`, `first_recorded`, `claimable`
        (whether its route needs a claim), `last_day` (the last day for that claim) and `reason`, '' where it counts.

    Examples
    --------
    >>> from perflib import sample_snapshot
    >>> candidates(sample_snapshot(), "outcome").groupby(["event", "reason"]).size().to_dict()
    {('job_outcome', ''): 27, ('self_employed_outcome', ''): 1}
    """
    routes = snapshot.programme.outcomes[measure].routes
    return pd.concat([_route(snapshot, route, routes) for route in routes], ignore_index=True)


def _route(snapshot: Snapshot, route: Route, routes: tuple[Route, ...]) -> pd.DataFrame:
    journeys, events = snapshot.journeys, snapshot.events
    rows = events.loc[events["event"] == route.event, ["referral_id", "event", "ref", "event_date", "first_recorded"]]
    place = snapshot.rows_of(rows["referral_id"])
    starts = pd.Series(journeys["start"].to_numpy()[place], index=rows.index)
    day = elapsed(starts, rows["event_date"], snapshot.programme)
    reason = pd.Series("", index=rows.index, dtype="str")
    last_day = pd.Series(pd.NaT, index=rows.index, dtype="datetime64[us]")
    if route.claim is not None:
        last_day = last_days(starts, route.claim.within_days, snapshot.programme)
        if claims_known(snapshot):
            reason[~_claimed_in_time(snapshot, route.claim, routes)[place]] = NO_CLAIM
    if route.within_days is not None:
        reason[(day > route.within_days.at(starts)).to_numpy()] = AFTER_WINDOW
    reason[(day < snapshot.programme.start_day).to_numpy()] = BEFORE_START
    reason[starts.isna().to_numpy()] = NOT_STARTED
    columns = rows[["event", "ref", "event_date", "first_recorded"]].astype({"event": "str", "ref": "str"})
    return columns.assign(place=place, claimable=route.claim is not None, last_day=last_day, reason=reason)


def last_days(starts: pd.Series, within: Dated[int], programme: Programme) -> pd.Series:
    """Last day of a window that counts from each start; missing where there is no start or no window yet.

    Examples
    --------
    >>> from perflib import sample_snapshot
    >>> programme = sample_snapshot().programme
    >>> last_days(pd.Series(pd.to_datetime(["2018-01-01"])), programme.routes[0].within_days, programme).tolist()
    [Timestamp('2019-10-02 00:00:00')]
    """
    days = within.at(starts) - programme.start_day
    return starts + pd.to_timedelta(pd.Series(days, index=starts.index), unit="D")


def claims_of(snapshot: Snapshot, claim: Claim, routes: tuple[Route, ...]) -> pd.DataFrame:
    """List the claims of a route, one row a claim, with its status: its latest event.

    Returns
    -------
    DataFrame
        `place` (row in journeys), `ref` ('' where there is none), `submitted` (the day of the last submission or, where
        only the payment is known, of that), `status` (an event of the claim) and `status_date`.
    """
    events = snapshot.events
    strength = {claim.submitted: 0, claim.rejected: 1, claim.paid: 2}
    rows = _by_claim(snapshot, events[events["event"].isin(list(strength))])
    rows = rows.assign(strength=rows["event"].map(strength))
    unclaimed = [route.event for route in routes if route.claim is None]
    others = _by_claim(snapshot, events[events["event"].isin(unclaimed) & events["ref"].notna()])
    one_claim = ["place", "ref"]
    rows = rows[~pd.MultiIndex.from_frame(rows[one_claim]).isin(pd.MultiIndex.from_frame(others[one_claim]))]
    rows = rows.sort_values([*one_claim, "event_date", "strength"])
    status = rows.drop_duplicates(one_claim, keep="last")
    submitted = rows[rows["event"] == claim.submitted].drop_duplicates(one_claim, keep="last")
    found = status.merge(submitted[[*one_claim, "event_date"]], "left", on=one_claim, suffixes=("", "_submitted"))
    paid = found["event"] == claim.paid
    return pd.DataFrame(
        {
            "place": found["place"],
            "ref": found["ref"],
            "submitted": found["event_date_submitted"].fillna(found["event_date"].where(paid)),
            "status": found["event"],
            "status_date": found["event_date"],
        }
    )


def _claimed_in_time(snapshot: Snapshot, claim: Claim, routes: tuple[Route, ...]) -> np.ndarray:
    """Flag the journeys of which a claim that stands was submitted by its last day."""
    found = claims_of(snapshot, claim, routes)
    standing = found[found["status"] != claim.rejected]
    place = standing["place"].to_numpy()
    starts = pd.Series(snapshot.journeys["start"].to_numpy()[place], index=standing.index)
    timely = elapsed(starts, standing["submitted"], snapshot.programme) <= claim.within_days.at(starts)
    flags = np.zeros(len(snapshot.journeys), dtype=bool)
    flags[place[timely.to_numpy()]] = True
    return flags


def _by_claim(snapshot: Snapshot, rows: pd.DataFrame) -> pd.DataFrame:
    """Events with what tells claims apart: `place` (in journeys) and `ref`, '' where there is none."""
    words = rows[["event", "ref"]].astype("str")
    return words.fillna("").assign(place=snapshot.rows_of(rows["referral_id"]), event_date=rows["event_date"])
