"""Reviews due each month, and people who are overdue for a review or a contact."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from perflib.analysis import measures, standards
from perflib.analysis.cohorts import labels, started
from perflib.analysis.earlier_day import at as at
from perflib.analysis.journey.positions import Days, Numbers, exits, on_programme
from perflib.analysis.standards.clocks import of_contract
from perflib.errors import ParameterError
from perflib.records.snapshot import Snapshot
from perflib.rules.dated import hint

FAR = 10**6
"""More days than any date has: `row * FAR + day` puts days in the order of their journeys."""


def reviews(snapshot: Snapshot, event: str = "review", by: str | None = None) -> pd.DataFrame:
    """Count, for each calendar month, who of those on the programme all month had a review in it.

    Parameters
    ----------
    snapshot : Snapshot
    event : str
        An event that repeats.
    by : str, optional
        An attribute, as at the start.

    Returns
    -------
    DataFrame
        Index (`by`,) `month`, every month of the contract: `participants` (on the programme all month), `reviewed`
        (with a review in it), `share`, and `longest_gap`: the most days that any of them had gone without one at the
        month's end, since the last or since the start. Share and gap are missing where nobody was there all month, or
        the extract holds no such event.

    Examples
    --------
    >>> from perflib import sample_snapshot
    >>> reviews(sample_snapshot()).tail(2).round(2).reset_index()
         month  participants  reviewed  share  longest_gap
    0  2020-02           135        95    0.7        131.0
    1  2020-03           145       102    0.7        106.0
    """
    frame, months = snapshot.journeys, snapshot.months
    values = labels(snapshot, by) if by else pd.Series("all", index=frame.index)
    group, names = pd.factorize(values, sort=True)
    row, month = _whole_months(snapshot)
    ends = _closes(months)
    last, reviewed = _last_time(snapshot, event, row, ends[month])
    reviewed &= last.astype("datetime64[M]") == ends[month].astype("datetime64[M]")

    cell, cells = group[row] * len(months) + month, len(names) * len(months)
    index = pd.MultiIndex.from_product([names, months], names=[by or "all", "month"])
    counts = pd.DataFrame(
        {
            "participants": np.bincount(cell, minlength=cells),
            "reviewed": np.bincount(cell[reviewed], minlength=cells),
        },
        index=index if by else index.droplevel(0),
    )
    gap = np.full(cells, -1)
    np.maximum.at(gap, cell, (ends[month] - last).astype(np.int64))
    known = (counts["participants"] > 0) & bool(frame[event].notna().any())
    return counts.assign(
        share=(counts["reviewed"] / counts["participants"]).where(known),
        longest_gap=pd.Series(gap, counts.index).where(known),
    )


def _closes(months: pd.PeriodIndex) -> Days:
    """Return the last day of each month."""
    return np.asarray(months.to_timestamp(how="end").to_numpy("datetime64[D]"))


def _whole_months(snapshot: Snapshot) -> tuple[Numbers, Numbers]:
    """Return the row and month, from 0, of every journey and month that it was on the programme for all of."""
    origin = snapshot.first_month.ordinal
    keep = started(snapshot)
    first = _month(snapshot.journeys.loc[keep, "start"] - pd.Timedelta(days=1)) + 1 - origin
    leave = exits(snapshot)[keep]
    last = _month(leave.fillna(pd.Timestamp(snapshot.as_of) + pd.Timedelta(days=1))) - 1 - origin
    first = np.maximum(first, 0)
    spans = np.maximum(last - first + 1, 0)
    row = np.repeat(np.arange(len(spans)), spans)
    month = np.arange(len(row)) - (np.cumsum(spans) - spans)[row] + first[row]
    return np.flatnonzero(keep)[row], month


def _month(dates: pd.Series) -> Numbers:
    """Return the number of each date's month, as pandas numbers them."""
    return np.asarray(dates.to_numpy("datetime64[M]"), dtype=np.int64)


def _last_time(snapshot: Snapshot, event: str, row: Numbers, day: Days) -> tuple[Days, NDArray[np.bool_]]:
    """Return when each journey last had an event by a day, or else started, and whether it had."""
    held = measures.occurrences(snapshot, event)
    start = snapshot.journeys["start"].to_numpy("datetime64[D]")
    place, happened = held["place"].to_numpy(), held["event"].to_numpy("datetime64[D]")
    since = happened >= start[place]
    begun = np.flatnonzero(~np.isnat(start))
    number = np.concatenate([begun, place[since]]) * FAR
    number += np.concatenate([start[begun], happened[since]]).astype(np.int64)
    had = np.repeat([False, True], [len(begun), since.sum()])
    order = np.lexsort((had, number))
    found = order[np.searchsorted(number[order], row * FAR + day.astype(np.int64), side="right") - 1]
    return (number[found] - row * FAR).astype("datetime64[D]"), had[found]


def overdue(snapshot: Snapshot, what: str) -> pd.DataFrame:
    """List the referrals with something overdue at the snapshot's end.

    For those who may see them, never for a report.

    Parameters
    ----------
    snapshot : Snapshot
    what : str
        A standard of the contract: its cases that are open late. Or an event that repeats, such as a review: whoever
        is on the programme and has not had one for more than a calendar month, since the last or since the start.

    Returns
    -------
    DataFrame
        `referral_id`, the programme's `units` as at the snapshot's end, `since` (day 0, or the last time), `due` and
        `days_over` (calendar days since it was due), longest first.

    Raises
    ------
    ParameterError
        Neither a standard about referrals nor an event that repeats.

    Examples
    --------
    >>> from perflib import sample_snapshot
    >>> list(overdue(sample_snapshot(), "review").columns)
    ['referral_id', 'subcontractor', 'centre', 'caseworker', 'since', 'due', 'days_over']
    """
    frame, end = snapshot.journeys, pd.Timestamp(snapshot.as_of)
    repeating = snapshot.programme.repeating
    if what in snapshot.contract.standards and of_contract(snapshot.contract.standards[what]):
        raise ParameterError(f"what={what!r}: is about the contract as a whole, so no referral is overdue for it.")
    if what in snapshot.contract.standards:
        late = standards.cases(snapshot, [what])
        late = late[late["state"] == "open_late"]
        row = snapshot.rows_of(late["referral_id"])
        since, due = late["day0"], late["due"]
    elif what in repeating:
        row = np.flatnonzero(on_programme(snapshot))
        last, _ = _last_time(snapshot, what, row, np.full(len(row), snapshot.as_of, dtype="datetime64[D]"))
        since = pd.Series(last.astype("datetime64[s]"))
        due = since + pd.DateOffset(months=1)
        over = (due < end).to_numpy()
        row, since, due = row[over], since[over], due[over]
    else:
        raise ParameterError(f"what={what!r}: {hint(what, [*snapshot.contract.standards, *repeating])}")
    units = {name: snapshot.attribute(name, "at_period_end").to_numpy()[row] for name in snapshot.programme.units}
    found = pd.DataFrame({"referral_id": frame["referral_id"].to_numpy()[row], **units})
    found = found.assign(since=since.to_numpy(), due=due.to_numpy())
    found = found.assign(days_over=(end - found["due"]).dt.days)
    return found.sort_values(["days_over", "referral_id"], ascending=[False, True], ignore_index=True)
