"""Participants whose position on an earlier day is seen differently now, and why."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from perflib.analysis.earlier_day import at as at
from perflib.analysis.journey.positions import (
    CORRECTED,
    ELSEWHERE,
    LATE,
    NOT_REFERRED,
    WITHDRAWN,
    counted,
    dated,
    place,
    place_at,
)
from perflib.errors import ParameterError
from perflib.records.current_rows import event_keys
from perflib.records.snapshot import Snapshot


def changed_since(earlier: Snapshot, later: Snapshot) -> pd.DataFrame:
    """Count the journeys that did not stand, on an earlier snapshot's last day, where it said they did; and why.

    Parameters
    ----------
    earlier, later : Snapshot
        Of one contract; the later one knows more and reaches as far.

    Returns
    -------
    DataFrame
        One row a place and reason: `was` and `now` (of `places`; `not_referred` where the referral is not known, or is
        no more), `reason` and `journey`. The reason is `withdrawn` where an event of the journey is known no more,
        else `recorded late` where one was not known, else `corrected` where one has another date; `changed elsewhere`
        where nothing of the journey's own explains it, but rules, or whether any claims are known at all.

    Raises
    ------
    ParameterError
        The snapshots are of two contracts, or `later` reaches or is known less far.
    """
    if earlier.contract.contract != later.contract.contract:
        raise ParameterError(f"later: is of {later.contract.contract}, not of {earlier.contract.contract}.")
    if (earlier.as_of, earlier.known_at) > (later.as_of, later.known_at) or earlier.known_at > later.known_at:
        raise ParameterError(
            f"later: reaches to {later.as_of}, known at {later.known_at}, and `earlier` to "
            f"{earlier.as_of}, known at {earlier.known_at}. Give the two the other way round."
        )
    seen = [
        pd.Series(where.to_numpy(), pd.Index(whole.journeys["referral_id"]))
        for where, whole in ((place(earlier), earlier), (place_at(later, earlier.as_of), later))
    ]
    both = pd.concat(seen, axis=1, keys=["was", "now"]).fillna(NOT_REFERRED)
    changed = both[both["was"] != both["now"]]
    reason = _reasons(earlier, later, changed.index)
    counts = changed.assign(reason=reason).groupby(["was", "now", "reason"]).size()
    return counts.rename("journeys").reset_index()


def _reasons(earlier: Snapshot, later: Snapshot, referrals: pd.Index) -> NDArray[np.str_]:
    """Return for each referral what has become of the events that decide where it stands."""
    decisive = {*dated(earlier.programme), *counted(earlier.programme)}
    repeating = earlier.programme.repeating
    parts = [
        snapshot.events[snapshot.events["event"].isin(decisive) & snapshot.events["referral_id"].isin(referrals)]
        for snapshot in (earlier, later)
    ]
    events = pd.concat(parts)
    events = events.assign(
        key=event_keys(events, repeating), known=np.repeat(["was", "now"], [len(part) for part in parts])
    )
    dates = events.pivot(index=["referral_id", "key"], columns="known", values="event_date")
    dates = dates.reindex(columns=["was", "now"]).astype("datetime64[s]")
    gone = dates["was"].notna() & dates["now"].isna()
    moved = dates["was"].notna() & dates["now"].notna() & (dates["was"] != dates["now"])
    new = dates["was"].isna() & (dates["now"] <= pd.Timestamp(earlier.as_of))
    found = pd.DataFrame({WITHDRAWN: gone, LATE: new, CORRECTED: moved}).groupby(level="referral_id").any()
    found = found.reindex(referrals, fill_value=False)
    return np.select([found[name] for name in found], list(found.columns), ELSEWHERE)
