"""The snapshot of an earlier day, as known since: what had happened by its close."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from datetime import date

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from perflib.errors import ParameterError
from perflib.records.schemas import NOT_RECORDED as CELL_NOT_USED
from perflib.records.snapshot import Snapshot, remembered

Numbers = NDArray[np.int64]


@dataclass(frozen=True, eq=False, repr=False)
class _Day(Snapshot):
    """A snapshot of which things stand at the close of any day of its month."""

    last_day: date = date.max

    @property
    def as_of(self) -> date:
        return min(self.last_day, self.known_at)


def at(snapshot: Snapshot, day: date) -> Snapshot:
    """Return the snapshot of an earlier day, as known since: with what had happened by its close.

    The last day of a month gives what `load_snapshot` gives for that month and the same `known_at`.

    Parameters
    ----------
    snapshot : Snapshot
    day : date
        From the contract's first month to the snapshot's last day.

    Raises
    ------
    ParameterError
        A day that the snapshot does not hold.
    """
    if not snapshot.first_month.start_time.date() <= day <= snapshot.as_of:
        raise ParameterError(
            f"day {day}: must be from {snapshot.first_month.start_time.date()} to {snapshot.as_of}. "
            f"Choose another day, or the snapshot of a later month."
        )
    found = cut(snapshot, day)
    people = snapshot.tables["participants"]
    people = people[people["referral_id"].isin(found.journeys["referral_id"])]
    aside = snapshot.set_aside
    of_others = (aside["table"] == "participants") & ~aside["row"].isin(people.index)
    aside = aside[~(of_others & (aside["effect"] == CELL_NOT_USED))]
    texts = found.events.select_dtypes("category")
    events = found.events.assign(**{str(name): texts[name].cat.remove_unused_categories() for name in texts})
    found = replace(found, tables={**snapshot.tables, "participants": people}, set_aside=aside, events=events)
    if len(snapshot.history):  # who has not started by then is read at the referral
        held = {name: found.attribute(name) for name in snapshot.history["attribute"].unique()}
        found = replace(found, journeys=found.journeys.assign(**held))
    return found


def cut(snapshot: Snapshot, day: date) -> Snapshot:
    """Return the snapshot of a day, but for attributes and tables, which stay as they are."""
    end = pd.Timestamp(day)
    referred = (snapshot.journeys["referral"] <= end).to_numpy()
    frame = snapshot.journeys[referred].reset_index(drop=True)
    for name in snapshot.programme.events:
        if name in frame and (later := frame[name] > end).any():
            frame = frame.assign(**{column: frame[column].mask(later) for column in (name, f"{name}_recorded")})
    events = snapshot.events[(snapshot.events["event_date"] <= end).to_numpy() & referred[_rows(snapshot)]]
    whole = {item.name: getattr(snapshot, item.name) for item in fields(Snapshot) if item.init}
    changed = {"month": pd.Period(day, "M"), "journeys": frame, "events": events, "last_day": day}
    return _Day(**whole | changed | {"whole": snapshot.whole and cut(snapshot.whole, day)})


@remembered
def _rows(snapshot: Snapshot) -> Numbers:
    """Return the row of each event's journey."""
    return row_of(snapshot, snapshot.events["referral_id"])


def row_of(snapshot: Snapshot, referrals: pd.Series) -> Numbers:
    """Return the row in journeys of each referral."""
    found = pd.Index(snapshot.journeys["referral_id"]).get_indexer(pd.Index(referrals))
    return np.asarray(found, dtype=np.int64)
