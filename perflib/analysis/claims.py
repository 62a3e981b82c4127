"""From an outcome to its payment: what is claimed, what waits, what lapses, and when.

Conventions
-----------
- Only outcomes reached by a route that has a `claim:` are claimed. A referral whose outcome counts by a route without
  one is paid without a claim, and stands in no list here.
- One claim a referral and outcome: that of the first event of such a route inside its window. The claim that stands
  decides: paid before submitted, else the last that was rejected. A claim submitted after its last day does not stand.
- The last day is that of the programme (WHP: day 700 from the start). Days left count to it: 0 on the day itself,
  and a claim may still be submitted that day. *Start 1 January 2018, seen on 2 November 2019: 30 days left.*
- A claim that was rejected can be claimed again until its last day; then it has lapsed, as one never submitted has.
- Evidence is in order when each item that the extract lists for the outcome or its claim has been checked, and not
  later than the claim was submitted. An item is told by `ref`: that of the outcome or that of the claim.
- Duties are apart when nobody who checked an item submitted the claim.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from perflib.analysis import measures
from perflib.records.snapshot import Snapshot, remembered
from perflib.rules.programme import Route

TO_CLAIM, REJECTED, SUBMITTED, PAID, LAPSED = "to_claim", "rejected", "submitted", "paid", "lapsed"
STATES = (TO_CLAIM, REJECTED, SUBMITTED, PAID, LAPSED)

IN_ORDER, CHECKED_LATE = "in order", "checked after submission"
NOT_CHECKED, NO_EVIDENCE = "not checked", "not recorded"
EVIDENCE = (IN_ORDER, CHECKED_LATE, NOT_CHECKED, NO_EVIDENCE)

WITHIN = (30, 60, 90)
"""Days to a deadline that lists and tables look ahead."""

COLUMNS = ["place", "event", "ref", "reached", "last_day", "days_left", "submitted", "decided", "state"]


def claimed_outcomes(snapshot: Snapshot) -> list[str]:
    """List the outcomes of the programme that have a route with a claim.

    Examples
    --------
    >>> from perflib import sample_snapshot
    >>> claimed_outcomes(sample_snapshot())
    ['outcome']
    """
    outcomes = snapshot.programme.outcomes
    return [name for name, outcome in outcomes.items() if any(route.claim for route in outcome.routes)]


@remembered
def ledger(snapshot: Snapshot, measure: str = "outcome") -> pd.DataFrame:
    """List the outcomes that need a claim, with what has become of it by the close of the day.

    Parameters
    ----------
    snapshot : Snapshot
    measure : str
        An outcome of the programme.

    Returns
    -------
    DataFrame
        One row a claim, by last day: `place` (row in journeys), `event`, `ref` (of the event), `reached` (day),
        `last_day`, `days_left` (may be negative), `submitted` and `decided` (days, missing until then) and `state`,
        one of `STATES`. With the extract's `evidence`: `evidence`, one of `EVIDENCE`, and `duties_apart` (missing where
        nobody is named).

    Raises
    ------
    ParameterError
        The programme has no such measure.

    Examples
    --------
    >>> from perflib import sample_snapshot
    >>> ledger(sample_snapshot())["state"].value_counts().to_dict()
    {'paid': 1}
    """
    measures.check(snapshot, measure)
    outcome = snapshot.programme.outcomes.get(measure)
    events = measures.candidates(snapshot, measure) if outcome else pd.DataFrame()
    if events.empty or not events["claimable"].any():
        return _with_evidence(snapshot, pd.DataFrame(columns=[*COLUMNS, "claim_ref"]))
    unclaimed = events.loc[~events["claimable"] & (events["reason"] == ""), "place"]
    reached = events[events["claimable"] & events["reason"].isin(["", measures.NO_CLAIM])]
    reached = reached[~reached["place"].isin(unclaimed)]
    reached = reached.sort_values(["place", "event_date", "first_recorded"]).drop_duplicates("place")
    assert outcome is not None, "a measure with claimable events is an outcome"
    parts = [_route(snapshot, reached, route, outcome.routes) for route in outcome.routes if route.claim]
    found = pd.concat(parts).sort_values(["last_day", "place"], ignore_index=True)
    return _with_evidence(snapshot, found)


def _route(snapshot: Snapshot, reached: pd.DataFrame, route: Route, routes: tuple[Route, ...]) -> pd.DataFrame:
    """Lay the claims of one route beside the outcomes reached by it."""
    claim = route.claim
    assert claim is not None, "only routes with a claim have a ledger"
    today = pd.Timestamp(snapshot.as_of)
    rows = reached[reached["event"] == route.event].rename(columns={"event_date": "reached"})
    claims = measures.claims_of(snapshot, claim, routes).merge(rows[["place", "last_day"]], on="place")
    late = claims["submitted"] > claims["last_day"]
    rejected = claims["status"] == claim.rejected
    order = np.select([rejected | late, claims["status"] == claim.submitted], [0, 1], 2)
    best = claims.assign(order=order, late=late).sort_values(["place", "order", "status_date"])
    best = best.drop_duplicates("place", keep="last").rename(columns={"ref": "claim_ref"})
    found = rows.merge(best.drop(columns="last_day"), "left", on="place")
    over = found["last_day"] < today
    state = np.select(
        [found["order"] == 2, found["order"] == 1, over, found["order"] == 0],
        [PAID, SUBMITTED, LAPSED, REJECTED],
        TO_CLAIM,
    )
    decided = found["status_date"].where(found["status"] != claim.submitted)
    left = (found["last_day"] - today).dt.days
    return found.assign(state=state, decided=decided, days_left=left)[[*COLUMNS, "claim_ref"]]


def _with_evidence(snapshot: Snapshot, claims: pd.DataFrame) -> pd.DataFrame:
    """Add whether the evidence of each claim is in order, and whether the duties are apart."""
    items = snapshot.current("evidence")
    if items is None or claims.empty:
        return claims.drop(columns="claim_ref")
    known = items[items["checked_date"].isna() | (items["checked_date"] <= pd.Timestamp(snapshot.as_of))]
    known = known.assign(place=snapshot.rows_of(known["referral_id"]))
    own = known.merge(claims.reset_index()[["index", "place", "ref", "claim_ref", "submitted"]], on="place")
    own = own[(own["ref_x"] == own["ref_y"]) | (own["ref_x"] == own["claim_ref"])]
    late = own["checked_date"] > own["submitted"]
    named = own["checked_by"].notna() & own["submitted_by"].notna()
    same = (own["checked_by"] == own["submitted_by"]).astype(float).where(named)
    by_claim = own.assign(unchecked=own["checked_date"].isna(), late=late, same=same).groupby("index")
    unchecked, late, same = (by_claim[name].max().reindex(claims.index) for name in ("unchecked", "late", "same"))
    evidence = np.select(
        [unchecked.isna(), unchecked.eq(True), late.eq(True)], [NO_EVIDENCE, NOT_CHECKED, CHECKED_LATE], IN_ORDER
    )
    return claims.drop(columns="claim_ref").assign(evidence=evidence, duties_apart=same.map({0.0: True, 1.0: False}))


def stages(snapshot: Snapshot, measure: str = "outcome") -> pd.Series:
    """Count claims by state, with the outcomes that are paid without a claim.

    Returns
    -------
    Series of int
        Index `STATES` and `no_claim_needed`.

    Examples
    --------
    >>> from perflib import sample_snapshot
    >>> stages(sample_snapshot()).to_dict()
    {'no_claim_needed': 27, 'to_claim': 0, 'rejected': 0, 'submitted': 0, 'paid': 1, 'lapsed': 0}
    """
    counted = ledger(snapshot, measure)["state"].value_counts().reindex(STATES, fill_value=0)
    return pd.concat([pd.Series({"no_claim_needed": len(without_claim(snapshot, measure))}), counted]).astype(int)


def without_claim(snapshot: Snapshot, measure: str = "outcome") -> pd.DataFrame:
    """List the outcomes that count by a route without a claim: `place` and `reached`, the first of each referral."""
    events = measures.candidates(snapshot, measure)
    rows = events[~events["claimable"] & (events["reason"] == "")].sort_values(["place", "event_date"])
    return rows.drop_duplicates("place")[["place", "event_date"]].rename(columns={"event_date": "reached"})


def to_submit(snapshot: Snapshot, measure: str = "outcome", within: Sequence[int] = WITHIN) -> pd.DataFrame:
    """Count claims that can still be submitted, by days left.

    Parameters
    ----------
    snapshot : Snapshot
    measure : str
    within : sequence of int
        Days: a claim with 30 days left is within 30.

    Returns
    -------
    DataFrame
        Index: upper end of each band in days, the last one missing (later than all). Columns `to_claim` (never
        submitted) and `rejected` (to be claimed again), int.

    Examples
    --------
    >>> from perflib import sample_snapshot
    >>> int(to_submit(sample_snapshot()).to_numpy().sum())
    0
    """
    rows = ledger(snapshot, measure)
    rows = rows[rows["state"].isin([TO_CLAIM, REJECTED])]
    return _by_band(rows["days_left"], rows["state"], [TO_CLAIM, REJECTED], within)


def to_reach(snapshot: Snapshot, measure: str = "outcome", within: Sequence[int] = WITHIN) -> pd.DataFrame:
    """Count participants who can still reach the outcome, by days left in its longest window and last milestone.

    Who has left counts too: an outcome inside the window counts all the same.

    Returns
    -------
    DataFrame
        Index as in `to_submit`; columns `none` and the milestones of the programme in order: the furthest that is
        recorded, int.

    Examples
    --------
    >>> from perflib import sample_snapshot
    >>> to_reach(sample_snapshot()).sum().gt(0).to_dict()
    {'none': True, 'first_earnings': True, 'earnings_1000': True, 'earnings_2000': True}
    """
    programme, journeys, today = snapshot.programme, snapshot.journeys, pd.Timestamp(snapshot.as_of)
    windows = [route.within_days for route in programme.outcomes[measure].routes if route.within_days is not None]
    names = ["none", *programme.milestones]
    if not windows:
        return _by_band(pd.Series(dtype=float), pd.Series(dtype=str), names, within)
    last = pd.concat([measures.last_days(journeys["start"], item, programme) for item in windows], axis=1).max(axis=1)
    events = measures.candidates(snapshot, measure)
    reached = events.loc[events["reason"].isin(["", measures.NO_CLAIM]), "place"]
    waiting = journeys["start"].notna() & (last >= today) & ~journeys.index.isin(reached)
    furthest = pd.Series("none", index=journeys.index)
    for name in programme.milestones:
        furthest[journeys[name].notna()] = name
    return _by_band((last - today).dt.days[waiting], furthest[waiting], names, within)


def _by_band(left: pd.Series, kind: pd.Series, kinds: Sequence[str], within: Sequence[int]) -> pd.DataFrame:
    ends = [*(float(end) for end in within), np.nan]
    band = np.searchsorted(np.asarray(within, dtype=float), left.to_numpy(dtype=float))
    counts = pd.crosstab(band, kind.to_numpy()) if len(left) else pd.DataFrame()
    counts = counts.reindex(index=range(len(ends)), columns=list(kinds), fill_value=0).fillna(0).astype(int)
    return counts.set_axis(pd.Index(ends, name="within"), axis="index").rename_axis(columns=None)
