"""Which row of an event holds: corrections, withdrawals and sources that disagree.

Conventions
-----------
- A row's key is its `event_id`; without one, referral, event and `ref`; an event that repeats and has neither adds its
  date.
- Rows wholly equal are repeats: the first in the file counts.
- `withdraw` removes its own source's rows of the key that were recorded before it, and those of the same day that name
  the same event date; a record made later (or on the same day, with another date) stands.
- Of the rows that stand, the current one is from the best source, then the latest recorded; among rows still equal
  the earliest date, and the others are counted as conflicts. Sources that the contract does not name are equally good.
  The order of the file never matters.
- First recorded is the earliest `recorded_date` among the rows that stand, whichever is current.

Worked case: a start of 1 February recorded that day, corrected on 5 March to 31 January: current 31 January, first
recorded 1 February.

Most rows share their key with no other, and hold: only the others are compared. Text is compared by the numbers of its
categories, which are in alphabetical order, so that a million referrals are sorted as whole numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from operator import mul
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Numbers = NDArray[np.integer]
Flags = NDArray[np.bool_]

CONFLICT = "two records of one event, recorded on one day by equally good sources"
DAY = np.timedelta64(1, "D")
SAID = ["referral_id", "event", "ref", "value", "detail"]
"""What a row says besides its date."""


class Resolved(NamedTuple):
    """What `resolve` found.

    Attributes
    ----------
    holds : ndarray of bool
        For each row, whether it is the current one of its event.
    first_recorded : ndarray of datetime64
        For each row that holds, when its event was first recorded.
    conflicts : ndarray of int
        Places of the rows that say something else than the current row although nothing makes them worse than it.
    repeats : ndarray of int
        Places of the rows wholly equal to an earlier one.
    """

    holds: Flags
    first_recorded: NDArray[np.datetime64]
    conflicts: Numbers
    repeats: Numbers


def categorical(values: pd.Series) -> pd.Series:
    """Return text as categories, in alphabetical order.

    >>> categorical(pd.Series(["b", "a", None])).cat.codes.tolist()
    [1, 0, -1]
    """
    if isinstance(values.dtype, pd.CategoricalDtype) and values.cat.categories.is_monotonic_increasing:
        return values
    numbers, names = pd.factorize(values, sort=True)
    found = pd.Categorical.from_codes(numbers, pd.Index(names, dtype="str"))
    return pd.Series(found, index=values.index, name=values.name)


def shared(columns: Sequence[pd.Series]) -> list[pd.Series]:
    """Return several columns of categories with the same categories: all that any of them has."""
    if all(column.cat.categories.equals(columns[0].cat.categories) for column in columns[1:]):
        return list(columns)
    names = [pd.Series(column.cat.categories) for column in columns]
    every = categorical(pd.concat(names, ignore_index=True))
    numbers = np.split(every.cat.codes.to_numpy(), np.cumsum([len(name) for name in names])[:-1])
    pairs = zip(columns, numbers, strict=True)
    return [_numbered(column, np.append(number, -1), every.cat.categories) for column, number in pairs]


def trimmed(values: pd.Series) -> pd.Series:
    """Return categories without those that no row has.

    >>> trimmed(categorical(pd.Series(["b", "a"]))[:1]).cat.categories.tolist()
    ['b']
    """
    names = values.cat.categories
    used = np.zeros(len(names) + 1, dtype=bool)  # the last for what is missing
    used[values.cat.codes] = True
    if used[:-1].all():
        return values
    number = np.append(np.cumsum(used[:-1]) - 1, -1)
    return _numbered(values, number, names[used[:-1]])


def _numbered(values: pd.Series, number: Numbers, names: pd.Index) -> pd.Series:
    """Return categories under other numbers and names."""
    found = pd.Categorical.from_codes(number[values.cat.codes], categories=names)
    return pd.Series(found, index=values.index, name=values.name)


def codes(values: pd.Series) -> Numbers:
    """Return a number for each distinct value, -1 for a missing one, in the values' own order."""
    return categorical(values).cat.codes.to_numpy()


def among(values: pd.Series, known: pd.Series) -> Flags:
    """Return which values are among those known: `isin`, by the numbers of the categories where both have the same."""
    if isinstance(values.dtype, pd.CategoricalDtype) and values.dtype == known.dtype:
        found = np.zeros(len(values.cat.categories) + 1, dtype=bool)  # the last for what is missing
        found[known.cat.codes] = True
        found[-1] = False
        return found[values.cat.codes]
    return pd.Index(known.unique()).get_indexer(pd.Index(values)) >= 0


def days(values: pd.Series) -> Numbers:
    """Return dates as days since 1970, the least integer for a missing one."""
    return values.to_numpy(dtype="datetime64[D]").view(np.int64)


def keys(events: pd.DataFrame, repeating: Sequence[str]) -> Numbers:
    """Return a number for each row, equal for rows that tell of the same event."""
    ref = codes(events["ref"])
    dated = events["event"].isin(repeating).to_numpy() & (ref < 0)
    happened = np.zeros(len(events), dtype=np.int32)
    happened[dated] = days(events["event_date"][dated])
    number = _combine(codes(events["referral_id"]), codes(events["event"]), ref, happened)
    named = events["event_id"].notna().to_numpy()
    return np.where(named, -1 - codes(events["event_id"]), number) if named.any() else number


def _says(rows: pd.DataFrame) -> Numbers:
    """Return a number for each row, equal for rows that say the same; it does not depend on their order."""
    return _combine(*(codes(rows[name]) for name in SAID), days(rows["event_date"]))


def _combine(*parts: Numbers) -> Numbers:
    """Return one number for each distinct row of several integer columns, in the order of the rows."""
    number = np.zeros(len(parts[0]), dtype=np.int64)
    for part in parts:
        low, span = _span(part)
        if span == 1:
            continue
        if int(number.max(initial=0)) >= np.iinfo(np.int64).max // span - 1:
            number = pd.factorize(number, sort=True)[0].astype(np.int64)
        number *= span
        number += part
        number -= low
    return number


def _span(part: Numbers) -> tuple[int, int]:
    """Return the least number, and how many there are from it to the greatest."""
    low = int(part.min(initial=0))
    return low, int(part.max(initial=0)) - low + 1


def order(*parts: Numbers) -> Numbers:
    """Return the places of rows in the order of several integer columns, the earlier of equal rows first.

    As many columns as fit make one number together with the row's place: to sort numbers takes a fraction of the time
    that it takes to find their order.

    >>> order(np.array([2, 1, 1]), np.array([0, 9, 8])).tolist()
    [2, 1, 0]
    """
    rows = len(parts[0])
    bits = rows.bit_length()
    sizes = accumulate((_span(part)[1] for part in parts), mul)
    used = sum(size << bits < np.iinfo(np.int64).max for size in sizes)
    if not rows or not used:
        return np.lexsort(parts[::-1])
    number = _combine(*parts[:used])
    number <<= bits
    number |= np.arange(rows)
    number.sort()
    place = number & ((1 << bits) - 1)
    number >>= bits
    same = number[1:] == number[:-1]
    tied = np.flatnonzero(np.append(same, False) | np.append(False, same))
    if used < len(parts) and len(tied):
        rest = [part[place[tied]] for part in parts[used:]]
        place[tied] = place[tied][np.lexsort([*rest[::-1], number[tied]])]
    return place


def resolve(events: pd.DataFrame, usable: Flags, repeating: Sequence[str], source_order: Sequence[str]) -> Resolved:
    """Find the current row of every event that stands, the rows that lost a conflict, and those told twice.

    Parameters
    ----------
    events : DataFrame
        Rows of the events table.
    usable : ndarray of bool
        Which of them can be used, and are known.
    repeating : sequence of str
        Events that may happen more than once in a journey.
    source_order : sequence of str
        Sources from the best to the least; those not named, and rows without one, come after.

    Returns
    -------
    Resolved
    """
    key = keys(events, repeating)
    key[~usable] = np.iinfo(np.int64).min
    alike = _alike(key) & usable
    holds = usable & ~alike & (events["action"] != "withdraw").to_numpy()
    first_recorded = events["recorded_date"].to_numpy().copy()

    place = np.flatnonzero(alike)
    several, key = events.take(place), pd.factorize(key[place])[0]
    repeated = several.duplicated().to_numpy()
    told = place[~repeated]
    current, first, conflicts = _resolve_several(several[~repeated], key[~repeated], source_order)
    holds[told[current]] = True
    first_recorded[told[current]] = first
    return Resolved(holds, first_recorded, told[conflicts], place[repeated])


def in_order(events: pd.DataFrame, chosen: Flags) -> Numbers:
    """Return the places of the chosen rows, sorted by referral, event and date."""
    place = np.flatnonzero(chosen)
    texts = [codes(events[name])[place] for name in ("referral_id", "event", "ref", "event_id")]
    return place[order(*texts[:2], days(events["event_date"])[place], *texts[2:])]


def _alike(key: Numbers) -> Flags:
    """Return which rows share their key with another."""
    ordered = np.sort(key)
    twice = ordered[1:][ordered[1:] == ordered[:-1]]
    return pd.Series(key).isin(twice).to_numpy()


def _resolve_several(
    rows: pd.DataFrame, key: Numbers, source_order: Sequence[str]
) -> tuple[Numbers, NDArray[np.datetime64], Numbers]:
    """Apply the conventions to keys that have more than one row.

    Returns the places of the current rows, when each was first recorded, and the places of the rows in conflict.
    """
    best_first = pd.Index(list(dict.fromkeys(source_order)), dtype="str")
    rank = best_first.get_indexer(pd.Index(rows["source"]))
    rank = np.where(rank < 0, len(best_first), rank)
    recorded, happened = days(rows["recorded_date"]), days(rows["event_date"])
    origin, says = codes(rows["source"]), _says(rows)
    told = pd.DataFrame({"key": key, "origin": origin, "recorded": recorded, "happened": happened})
    place = np.flatnonzero(~_withdrawn(told, (rows["action"] == "withdraw").to_numpy()))

    place = place[order(*(part[place] for part in (key, rank, -recorded, happened, says, origin)))]
    first = np.append(True, key[place][1:] != key[place][:-1])[: len(place)]
    current = place[first]
    held = current[np.cumsum(first) - 1]
    equal = (rank[place] == rank[held]) & (recorded[place] == recorded[held])
    conflicts = place[equal & (says[place] != says[held])]
    dates = rows["recorded_date"].to_numpy()[place]
    first_recorded = np.minimum.reduceat(dates, np.flatnonzero(first)) if len(place) else dates
    return current, first_recorded, conflicts


def _withdrawn(told: pd.DataFrame, withdraws: Flags) -> Flags:
    """Return which rows withdraw, or are withdrawn by, another of their key and source."""
    withdrawals, gone = told[withdraws], withdraws.copy()
    near = np.flatnonzero(~withdraws & told["key"].isin(withdrawals["key"]).to_numpy())
    records = told.iloc[near]
    latest = withdrawals.groupby(["key", "origin"])["recorded"].max().rename("latest")
    earlier = records["recorded"] < records.join(latest, on=["key", "origin"])["latest"]
    named = pd.MultiIndex.from_frame(records).isin(pd.MultiIndex.from_frame(withdrawals))
    gone[near] = earlier.to_numpy() | named
    return gone
