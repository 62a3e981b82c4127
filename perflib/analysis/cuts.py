"""Cuts: any figure for some of the people (`where=`), or for each group of them (`by=`).

Conventions
-----------
- A cut chooses referrals. What is counted of them is defined as it is for everybody: windows, claims, maturity,
  intervals and "expected so far". Each person brings the profile of their own group.
- How soon things are recorded, whether claims are known, and whether an event is in the extract at all are questions
  of the whole contract: a part asks its whole (`Snapshot.whole`).
- What is promised to the contract as a whole (volumes, the tender's mix, a standard of months) is promised to no part
  of it: there a part has no profile.
- Attributes are those at the start, or at the referral of who has not started.
- A name is an attribute of the programme or the contract ('age'), a date part ('start month', 'referral quarter',
  'job_start year', 'start weekday') or a detail of an event ('exit detail', 'peer_group value').
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from perflib.errors import ParameterError
from perflib.records.snapshot import Snapshot, remembered
from perflib.rules.calendar import quarter_of
from perflib.rules.dated import hint

By = str | Sequence[str] | None
Where = Mapping[str, Any] | NDArray[np.bool_] | pd.Series | Callable[[pd.DataFrame], Any] | None
Flags = NDArray[np.bool_]
Found = TypeVar("Found", pd.DataFrame, pd.Series)

NOT_RECORDED = "not recorded"
PARTS = ("month", "quarter", "year", "weekday")
DETAILS = ("detail", "value")
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


def names(by: By) -> tuple[str, ...]:
    """Normalise `by=` to a tuple of names.

    >>> names(None), names("age"), names(["sex", "age"])
    ((), ('age',), ('sex', 'age'))
    """
    return () if by is None else (by,) if isinstance(by, str) else tuple(by)


@remembered
def labels(snapshot: Snapshot, name: str) -> pd.Series:
    """Label every journey by an attribute, a date part or a detail; 'not recorded' where it is missing.

    A number is shown in the bands of the programme file, as '25 to 34'.

    Parameters
    ----------
    snapshot : Snapshot
    name : str
        See the conventions of this module.

    Returns
    -------
    Series of str, aligned with `snapshot.journeys`

    Raises
    ------
    ParameterError
        There is no such attribute, event or part.

    Examples
    --------
    >>> from perflib import sample_snapshot
    >>> labels(sample_snapshot(), "customer_group").value_counts().to_dict()
    {'disability': 275, 'ltu': 76, 'early_access': 38}
    >>> labels(sample_snapshot(), "start year").value_counts().sort_index().to_dict()
    {'2018': 73, '2019': 119, '2020': 41, 'not recorded': 156}
    """
    if name in snapshot.programme.attributes:
        return _of_attribute(snapshot, name)
    event, part = _event_and_part(snapshot, name)
    if part in DETAILS:
        return _of_event(snapshot, event, part)
    return _of_date(snapshot, event, part).astype("str").where(snapshot.journeys[event].notna(), NOT_RECORDED)


def _event_and_part(snapshot: Snapshot, name: str) -> tuple[str, str]:
    event, _, part = name.rpartition(" ")
    if event in snapshot.programme.events and part in (*PARTS, *DETAILS):
        return event, part
    raise ParameterError(
        f"by={name!r}: is no attribute of {snapshot.programme.name} ({', '.join(snapshot.programme.attributes)}), nor "
        f"a part of an event's date ('start {PARTS[0]}', {', '.join(PARTS[1:])}), nor its {' or '.join(DETAILS)} "
        f"('exit detail')."
    )


def _of_attribute(snapshot: Snapshot, name: str) -> pd.Series:
    rules, values = snapshot.programme.attributes[name], snapshot.journeys[name]
    if not rules.bands:
        return values.astype("str").fillna(NOT_RECORDED)
    edges = [*rules.bands, np.inf]
    bands = [f"{low} to {high - 1}" for low, high in zip(edges[:-2], edges[1:-1], strict=True)]
    bands.append(f"{edges[-2]} and over")
    banded = pd.cut(values.astype("Float64").astype("float64"), edges, right=False, labels=bands)
    return banded.astype("object").fillna(NOT_RECORDED).astype("str")


def _of_date(snapshot: Snapshot, event: str, part: str) -> pd.Series:
    """Return a part of the first date of an event; what it is where there is no date does not matter."""
    dates = snapshot.journeys[event]
    if part == "weekday":
        return dates.dt.day_of_week.map(dict(enumerate(WEEKDAYS)))
    if part == "year":
        return dates.dt.year.astype("Int64")
    months = dates.dt.to_period("M")
    return months if part == "month" else quarter_of(months, snapshot.contract.quarter_basis, snapshot.first_day)


def _of_event(snapshot: Snapshot, event: str, part: str) -> pd.Series:
    """Return the detail or value of the first event of a kind, of its current rows."""
    found = np.full(len(snapshot.journeys), NOT_RECORDED, dtype=object)
    if part in snapshot.events:
        rows = snapshot.events[snapshot.events["event"] == event]
        rows = rows.assign(journey_row=snapshot.rows_of(rows["referral_id"]))
        rows = rows.sort_values(["journey_row", "event_date", "first_recorded"], kind="stable")
        rows = rows.drop_duplicates("journey_row")
        found[rows["journey_row"].to_numpy()] = rows[part].astype("str").fillna(NOT_RECORDED).to_numpy()
    return pd.Series(found, index=snapshot.journeys.index, dtype="str")


def mask(snapshot: Snapshot, where: Where = None) -> Flags:
    """Mask the journeys that `where=` chooses.

    Parameters
    ----------
    snapshot : Snapshot
    where : mapping, mask or callable, optional
        - A mapping of names to what is wanted: a value or several; a code or its label; a band, of the programme's
          ('50 and over') or another ('under 30', '40 to 44'); a range, ends included: `range(50, 65)` (whole numbers,
          the last left out as ever), `slice(50, None)`, `slice("2019-04", "2019-06")` of 'start month', or of an
          event's days: `{"start": slice("2019-04-01", None)}`. All must hold.
        - Booleans: an array aligned with the journeys, or a Series indexed by referral.
        - A function of the `journeys` frame that returns booleans.

    Returns
    -------
    ndarray of bool, shape (journeys,)

    Raises
    ------
    ParameterError
        No such name or value, or a mask of another length.

    Examples
    --------
    >>> from perflib import sample_snapshot
    >>> snapshot = sample_snapshot()
    >>> int(mask(snapshot, {"age": "50 and over"}).sum()), int(mask(snapshot, {"age": slice(50, None)}).sum())
    (72, 72)
    >>> int(mask(snapshot, lambda journeys: journeys["age"] >= 50).sum())
    72
    """
    size = len(snapshot.journeys)
    if where is None:
        return np.ones(size, dtype=bool)
    if isinstance(where, Mapping):
        parts = [_wanted(snapshot, name, wanted) for name, wanted in where.items()]
        return np.logical_and.reduce([np.ones(size, dtype=bool), *parts])
    flags = where(snapshot.journeys) if callable(where) else where
    if isinstance(flags, pd.Series):
        if not flags.index.equals(snapshot.journeys.index):
            flags = _by_referral(snapshot, flags)
        flags = flags.fillna(False).astype(bool) if flags.dtype == "boolean" else flags
    flags = np.asarray(flags)
    if flags.shape != (size,) or flags.dtype != bool:
        raise ParameterError(f"where: a mask has True or False for each of the {size} journeys.")
    return flags


def _by_referral(snapshot: Snapshot, flags: pd.Series) -> pd.Series:
    """Align booleans that are indexed by referral."""
    rows = pd.Index(flags.index).get_indexer(pd.Index(snapshot.journeys["referral_id"].astype("str")))
    if not flags.index.is_unique or (len(rows) and (rows < 0).all()):
        raise ParameterError(
            "where: a Series is indexed by referral_id, each once, or as `snapshot.journeys`; this one is neither."
        )
    return pd.Series(np.where(rows >= 0, flags.to_numpy(dtype=bool)[rows], False), index=snapshot.journeys.index)


def _wanted(snapshot: Snapshot, name: str, wanted: Any) -> Flags:
    """Mask the journeys of which one name is as wanted."""
    if isinstance(wanted, slice | range | pd.Interval):
        return _in_range(snapshot, name, wanted)
    found = labels(snapshot, name)
    known = {value.casefold(): value for value in found.unique()}
    rules = snapshot.programme.attributes.get(name)
    if rules is not None:
        known |= {code.casefold(): code for code in rules.codes}
        known |= {code.label.casefold(): key for key, code in rules.codes.items()}
    keep = np.zeros(len(found), dtype=bool)
    single = isinstance(wanted, str) or np.isscalar(wanted) or isinstance(wanted, pd.Period)
    for value in [wanted] if single else wanted:
        text = str(value).casefold()
        if text in known:
            keep |= (found == known[text]).to_numpy()
        elif rules is not None and rules.numeric and (band := _band(text)) and _is_there(snapshot, name, band):
            keep |= _in_range(snapshot, name, band)
        else:
            raise ParameterError(f"where: {name} has no {str(value)!r}; {hint(str(value), sorted(known.values()))}")
    return keep


def _is_there(snapshot: Snapshot, name: str, band: slice) -> bool:
    """Return whether a band may be asked for: a single number that nobody has is a slip of the pen."""
    return band.start != band.stop or bool(_in_range(snapshot, name, band).any())


def _band(text: str) -> slice | None:
    """Read a band in words; None where it is none.

    >>> _band("50 and over"), _band("40 to 44"), _band("under 30"), _band("37"), _band("old")
    (slice(50, None, None), slice(40, 44, None), slice(None, 29, None), slice(37, 37, None), None)
    """
    if not (read := re.fullmatch(r"(under )?(\d+)(?: to (\d+)| (and over))?", text)):
        return None
    under, number, last, over = read.groups()
    if under:
        return None if last or over else slice(None, int(number) - 1)
    return slice(int(number), None if over else int(last or number))


def _in_range(snapshot: Snapshot, name: str, wanted: slice | range | pd.Interval) -> Flags:
    """Mask the journeys of which a number, a date or a part of one lies in a range; never what is missing."""
    read: Callable[[Any], Any] = pd.Timestamp
    if name in snapshot.programme.events:
        values = snapshot.journeys[name]
    elif name in (attributes := snapshot.programme.attributes):
        if not attributes[name].numeric:
            raise ParameterError(f"where: {name} is no number and no date, and has no ranges. Name its values.")
        values, read = snapshot.journeys[name].astype("Float64").astype("float64"), float
    else:
        event, part = _event_and_part(snapshot, name)
        if part not in ("month", "quarter", "year"):
            raise ParameterError(f"where: {name} has no order, and so no ranges. Name its values.")
        values = _of_date(snapshot, event, part).where(snapshot.journeys[event].notna())
        read = int if part == "year" else _month
    keep = values.notna().to_numpy(dtype=bool).copy()
    if isinstance(wanted, range):
        return keep & values.isin(list(wanted)).to_numpy(dtype=bool)
    low, high = (wanted.start, wanted.stop) if isinstance(wanted, slice) else (wanted.left, wanted.right)
    known = values[keep]
    try:
        inside = np.ones(len(known), dtype=bool)
        if low is not None:
            inside &= (known > read(low) if _open(wanted, "left") else known >= read(low)).to_numpy(dtype=bool)
        if high is not None:
            inside &= (known < read(high) if _open(wanted, "right") else known <= read(high)).to_numpy(dtype=bool)
    except ValueError:
        raise ParameterError(f"where: {name} cannot be compared with {wanted!r}.") from None
    keep[keep] = inside
    return keep


def _month(value: Any) -> pd.Period:
    return pd.Period(value, "M")


def _open(wanted: slice | pd.Interval, side: str) -> bool:
    return isinstance(wanted, pd.Interval) and wanted.closed not in (side, "both")


def select(snapshot: Snapshot, where: Where = None) -> Snapshot:
    """Snapshot of the chosen referrals alone, which any function of `perflib.analysis` takes.

    It knows the snapshot that it is a part of (`whole`). The account of the extract stays that of the whole.

    Parameters
    ----------
    snapshot : Snapshot
    where : mapping, mask or callable, optional
        As for `mask`; without it the snapshot itself is returned.

    Examples
    --------
    >>> from perflib import sample_snapshot
    >>> from perflib.analysis import counts
    >>> counts.individuals(select(sample_snapshot(), {"sex": "Female"}))
              journeys  individuals
    referral       118          101
    start           74           74
    """
    if where is None:
        return snapshot
    keep = mask(snapshot, where)
    key = (select, keep.tobytes())
    if key not in snapshot._memory:
        snapshot._memory[key] = _part(snapshot, keep)
    return snapshot._memory[key]


def _part(snapshot: Snapshot, keep: Flags) -> Snapshot:
    journeys = snapshot.journeys[keep].reset_index(drop=True)
    rows = snapshot.rows_of(snapshot.events["referral_id"])
    chosen = np.append(keep, False)  # a row of no journey has the number -1
    kept = set(journeys["referral_id"])
    tables = {
        name: table[table["referral_id"].isin(kept)] if "referral_id" in table else table
        for name, table in snapshot.tables.items()
    }
    others = snapshot.other_rows
    others = others[others["referral_id"].isin(kept)] if "referral_id" in others else others
    events = snapshot.events[chosen[rows]]
    whole = snapshot.whole or snapshot
    return replace(snapshot, journeys=journeys, events=events, tables=tables, other_rows=others, whole=whole)


def groups(snapshot: Snapshot, by: By, where: Where = None) -> tuple[NDArray[np.int64], pd.MultiIndex]:
    """Codes of the group of each journey, -1 where `where` leaves it out, and the groups they number.

    Parameters
    ----------
    snapshot : Snapshot
    by : str or sequence of str
        Names, as for `labels`; every combination that occurs is a group.
    where : mapping, mask or callable, optional
        As for `mask`.

    Examples
    --------
    >>> from perflib import sample_snapshot
    >>> codes, values = groups(sample_snapshot(), ["sex", "customer_group"])
    >>> len(codes), values[0]
    (389, ('f', 'disability'))
    """
    keep, chosen = mask(snapshot, where), names(by)
    values = pd.MultiIndex.from_arrays([labels(snapshot, name)[keep] for name in chosen], names=chosen)
    number, found = pd.factorize(values, sort=True)
    assert isinstance(found, pd.MultiIndex), "combinations of several names stay so"
    codes = np.full(len(keep), -1, dtype=np.int64)
    codes[keep] = number
    return codes, found


def parts(snapshot: Snapshot, by: By, where: Where = None) -> Iterator[tuple[tuple[str, ...], Snapshot]]:
    """Yield each group's values and its part of the snapshot, in the order of the values."""
    codes, found = groups(snapshot, by, where)
    for number, values in enumerate(found):
        yield tuple(values), select(snapshot, codes == number)


def each(function: Callable[..., Found], snapshot: Snapshot, by: By, where: Where, **options: Any) -> Found:
    """Apply a function to the chosen people, or to each group of them, and join what it returns.

    Parameters
    ----------
    function : callable
        Of a snapshot and `options`; returns a frame or a Series.
    snapshot : Snapshot
    by : str or sequence of str, optional
        Groups: one or several names, as for `labels`.
    where : mapping, mask or callable, optional
        As for `mask`.
    **options
        Passed on.

    Returns
    -------
    DataFrame or Series
        What the function returns. With `by` the groups come first: as columns where its rows are only numbered, as
        levels of the index where they are named. Empty, with those names, where nobody is chosen.

    Examples
    --------
    >>> from perflib import sample_snapshot
    >>> from perflib.analysis import counts
    >>> each(counts.time_to_start, sample_snapshot(), "sex", None, bases=["cumulative"])["starts"].to_dict()
    {('f', 'cumulative'): 74, ('m', 'cumulative'): 159}
    """
    if by is None:
        return function(select(snapshot, where), **options)
    chosen: tuple[str, ...] = names(by)
    found: dict[tuple[str, ...], Any] = {
        values: function(part, **options) for values, part in parts(snapshot, by, where)
    }
    if not found:
        nobody = select(snapshot, np.zeros(len(snapshot.journeys), dtype=bool))
        found = {("",) * len(chosen): function(nobody, **options).iloc[:0]}
    items: list[Any] = list(found.values())
    joined: Any = pd.concat(items, keys=list(found), names=[*chosen, *items[0].index.names])
    if any(not isinstance(item.index, pd.RangeIndex) or item.index.name is not None for item in items):
        return joined
    there = [name for name in chosen if name in joined]  # the function has said it already
    return joined.droplevel(there).reset_index([name for name in chosen if name not in there]).reset_index(drop=True)


def refuse(what: str, why: str, snapshot: Snapshot, *cuts: By | Where) -> None:
    """Refuse a cut where only the whole contract makes sense.

    Raises
    ------
    ParameterError
        A cut is asked for, or the snapshot is a part of a contract (`select`).
    """
    if snapshot.whole is not None or any(cut is not None for cut in cuts):
        raise ParameterError(f"{what}: cannot be cut: {why}. Ask for the whole contract, without by= and where=.")
