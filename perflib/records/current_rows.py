"""Which row of an event holds: corrections, withdrawals and sources that disagree.

Conventions
-----------
- A row's key is its `event_id` within its referral and event; without one, referral, event and `ref`; an event that
  repeats and has neither adds its date.
- Rows wholly equal are repeats: the first in the file counts.
- `withdraw` removes its own source's rows of the key that were recorded before it, and those of the same day that name
  the same event date; a record made later (or on the same day, with another date) stands.
- Of the rows that stand, the current one is from the best source, then the latest recorded; among rows still equal
  the earliest date, and the others are counted as conflicts. Sources that the contract does not name are equally good.
  The order of the file never matters.
- First recorded is the earliest `recorded_date` among the rows that stand, whichever is current.

Worked case: a start of 1 February recorded that day, corrected on 5 March to 31 January: current 31 January, first
recorded 1 February.

An extract's rows are put in order once. Most of them are then seen to share their key with no other, and hold in any
snapshot that knows them: only the others are compared. Text is compared by the numbers of its categories, which are in
alphabetical order, so that a million referrals are sorted as whole numbers.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from itertools import accumulate
from operator import mul
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pandas.api.types import is_datetime64_any_dtype

Numbers = NDArray[np.integer]
Flags = NDArray[np.bool_]

CONFLICT = "two records of one event, recorded on one day by equally good sources"
DAY = np.timedelta64(1, "D")
ROWS_OF_A_BLOCK, MOST_BLOCKS = 500_000, 32
"""How many rows are sorted at once, about; an extract is in no more blocks than that."""

MISSING = np.iinfo(np.int32).min
"""A missing date, as a day."""

SORTED = ["referral_id", "event", "event_date", "ref", "event_id"]
"""In which order the current rows are."""

SAID = ["referral_id", "event", "ref", "value", "detail"]
"""What a row says besides its date."""


class Resolved(NamedTuple):
    """What `resolve` found.

    Attributes
    ----------
    holds : ndarray of bool
        For each row, whether it is the current one of its event.
    first_recorded : Series of categories of dates
        For each row that holds, when its event was first recorded.
    conflicts : ndarray of int
        Places of the rows that say something else than the current row although nothing makes them worse than it.
    repeats : ndarray of int
        Places of the rows wholly equal to an earlier one of the file.
    withdrawn : ndarray of int
        Places of the rows that withdraw, or are withdrawn by, another.
    """

    holds: Flags
    first_recorded: pd.Series
    conflicts: Numbers
    repeats: Numbers
    withdrawn: Numbers


def categorical(values: pd.Series) -> pd.Series:
    """Return text or dates as categories, in order.

    >>> categorical(pd.Series(["b", "a", None])).cat.codes.tolist()
    [1, 0, -1]
    """
    if isinstance(values.dtype, pd.CategoricalDtype) and values.cat.categories.is_monotonic_increasing:
        return values
    filled = values.notna().to_numpy()
    names = pd.Index(values[filled])
    if names.is_monotonic_increasing and names.is_unique:
        numbers = np.where(filled, np.cumsum(filled) - 1, -1)
    else:
        numbers, names = pd.factorize(values, sort=True)
    if not isinstance(names, pd.DatetimeIndex):
        names = names.astype("str")
    return of_codes(numbers, names, values)


def of_codes(numbers: Numbers, names: pd.Index, like: pd.Series | None = None) -> pd.Series:
    """Return categories by their numbers, with the index and name of another column. The names are in order."""
    assert names.is_monotonic_increasing  # pandas then need not look for what stands twice
    found = pd.Categorical.from_codes(numbers, categories=names, validate=False)
    return pd.Series(found, copy=False) if like is None else pd.Series(found, like.index, name=like.name, copy=False)


def union_categories(columns: Sequence[pd.Series]) -> list[pd.Series]:
    """Return several columns of categories with the same categories: all that any of them has."""
    first = columns[0].cat.categories
    if all(column.cat.categories.equals(first) for column in columns[1:]):
        return [of_codes(codes(column), first, column) for column in columns]
    names = [pd.Series(column.cat.categories) for column in columns]
    every = categorical(pd.concat(names, ignore_index=True))
    numbers = np.split(every.cat.codes.to_numpy(), np.cumsum([len(name) for name in names])[:-1])
    pairs = zip(columns, numbers, strict=True)
    return [_numbered(column, np.append(number, -1), every.cat.categories) for column, number in pairs]


def take_rows(values: pd.Series, rows: Flags) -> Any:
    """Return the array of some rows of a column: dates as dates, text in the categories that are left.

    >>> take_rows(categorical(pd.Series(["b", "a"])), np.array([True, False])).categories.tolist()
    ['b']
    """
    values = categorical(values)
    numbers, names = codes(values), values.cat.categories
    if names.empty and not is_dates(values):  # a column that the extract does not have
        return values.array[: np.count_nonzero(rows)]
    if is_dates(values):
        table = np.append(names.to_numpy(), np.datetime64("NaT"))
    else:
        used = _named(values, rows)
        table = np.where(used, np.cumsum(used) - 1, -1).astype(code_dtype(len(names)))
        names = names if used[:-1].all() else names[used[:-1]]
    found, filled = np.empty(np.count_nonzero(rows), dtype=table.dtype), 0
    for block in _blocks(rows):
        part = table[numbers[block][rows[block]]]
        found[filled : filled + len(part)] = part
        filled += len(part)
    return found if is_dates(values) else of_codes(found, names).array


def distinct(values: pd.Series, rows: Flags) -> pd.Series:
    """Return each text that some rows of a column of categories have, once and in order.

    >>> distinct(categorical(pd.Series(["b", "a", "b"])), np.array([True, False, True])).tolist()
    ['b']
    """
    values = categorical(values)
    return of_codes(np.flatnonzero(_named(values, rows)), values.cat.categories)


def _blocks(rows: Flags) -> list[slice]:
    """Return blocks of rows that are few enough to stay in the processor's own memory."""
    return [slice(start, start + ROWS_OF_A_BLOCK) for start in range(0, len(rows), ROWS_OF_A_BLOCK)]


def _numbered(values: pd.Series, number: Numbers, names: pd.Index) -> pd.Series:
    """Return categories under other numbers and names; the last number is for what is missing."""
    return of_codes(number.astype(code_dtype(len(names)))[codes(values)], names, values)


def _named(values: pd.Series, rows: Flags | None = None) -> Flags:
    """Return which categories any row has, or any of some; the last, which stands for what is missing, never."""
    found, numbers = np.zeros(len(values.cat.categories) + 1, dtype=bool), codes(values)
    if rows is None:
        found[numbers] = True
    else:
        for block in _blocks(rows):
            found[numbers[block][rows[block]]] = True
    found[-1] = False
    return found


def code_dtype(names: int) -> np.dtype[Any]:
    """Return the least kind of number for the places of so many names, and -1."""
    return np.min_scalar_type(-1 - names)


def codes(values: pd.Series) -> Numbers:
    """Return a number for each distinct value, -1 for a missing one, in the values' own order."""
    return categorical(values).array.codes


def as_text(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table with its categories as text."""
    kept = table.select_dtypes("category").items()
    texts = {str(name): values.cat.categories.array.take(codes(values), allow_fill=True) for name, values in kept}
    return table.assign(**texts)


def isin_codes(values: pd.Series, known: pd.Series) -> Flags:
    """Return which values are among those known: `isin`, by the numbers of the categories where both have the same."""
    if isinstance(values.dtype, pd.CategoricalDtype) and values.dtype == known.dtype:
        found = _named(known)
        return codes(values) >= 0 if found[:-1].all() else found[codes(values)]
    return pd.Index(known.unique()).get_indexer(pd.Index(values)) >= 0


def is_dates(values: pd.Series) -> bool:
    """Return whether a column holds dates, or categories of dates."""
    kind = values.cat.categories.dtype if isinstance(values.dtype, pd.CategoricalDtype) else values.dtype
    return is_datetime64_any_dtype(kind)


def day_numbers(values: pd.Series) -> NDArray[np.int32]:
    """Return dates, or categories of dates, as days since 1970, the least integer for a missing one.

    >>> day_numbers(pd.to_datetime(pd.Series(["1970-01-31", None]))).tolist()
    [30, -2147483648]
    """
    if isinstance(values.dtype, pd.CategoricalDtype):
        return np.append(day_numbers(pd.Series(values.cat.categories)), MISSING)[codes(values)]
    numbers = values.to_numpy(dtype="datetime64[D]").view(np.int64)
    return np.maximum(numbers, MISSING).astype(np.int32)


def to_date(day: np.integer) -> date:
    """Return the date of a day since 1970."""
    return pd.Timestamp(int(day), unit="D").date()


def is_after(values: pd.Series, day: date) -> Flags:
    """Return which dates, or categories of dates, are later than a day; a missing one is not."""
    if isinstance(values.dtype, pd.CategoricalDtype):
        return np.append(is_after(pd.Series(values.cat.categories), day), False)[codes(values)]
    return (values > pd.Timestamp(day)).to_numpy()


def event_keys(events: pd.DataFrame, repeating: Collection[str]) -> Numbers:
    """Return a number for each row, equal for rows that tell of the same event."""
    ref = codes(events["ref"])
    dated = events["event"].isin(repeating).to_numpy() & (ref < 0)
    happened = np.zeros(len(events), dtype=np.int32)
    happened[dated] = day_numbers(events["event_date"][dated])
    number = _combined(codes(events["referral_id"]), codes(events["event"]), ref, happened)
    name = codes(events["event_id"])
    if not (name >= 0).any():
        return number
    return np.where(name >= 0, -1 - _combined(codes(events["referral_id"]), codes(events["event"]), name), number)


def shared_event_ids(events: pd.DataFrame) -> Numbers:
    """Return the places of rows whose `event_id` stands for another referral or event too.

    Parameters
    ----------
    events : DataFrame
        Rows of the events table, with categories.
    """
    name = codes(events["event_id"])
    rows = np.flatnonzero(name >= 0)
    if not len(rows):
        return rows
    event = _combined(codes(events["referral_id"])[rows], codes(events["event"])[rows])
    last = np.zeros(int(name.max()) + 1, dtype=event.dtype)
    last[name[rows]] = event
    several = np.zeros(len(last), dtype=bool)
    several[name[rows][event != last[name[rows]]]] = True
    return rows[several[name[rows]]]


def _says(rows: pd.DataFrame) -> Numbers:
    """Return a number for each row, equal for rows that say the same; it does not depend on their order."""
    return _combined(*(codes(rows[name]) for name in SAID), day_numbers(rows["event_date"]))


def _combined(*parts: Numbers) -> Numbers:
    """Return one number for each distinct row of several integer columns, in the order of the rows."""
    return _combine(parts, [_span(part) for part in parts])


def _combine(parts: Sequence[Numbers], spans: Sequence[tuple[int, int]]) -> Numbers:
    """Do what `_combined` does with the least number of each column, and how many there are to its greatest."""
    number, size = np.zeros(len(parts[0]), dtype=np.int64), 1
    for part, (low, span) in zip(parts, spans, strict=True):
        if span == 1:
            continue
        if size * span >= np.iinfo(np.int64).max:
            number = pd.factorize(number, sort=True)[0].astype(np.int64)
            size = len(number)
        if size > 1:
            number *= span
        number += part
        number -= low
        size *= span
    return number


def _span(part: Numbers) -> tuple[int, int]:
    """Return the least number, and how many there are from it to the greatest."""
    return (int(part.min()), int(part.max()) - int(part.min()) + 1) if len(part) else (0, 1)


def sort_positions(*parts: Numbers) -> Numbers:
    """Return the places of rows in the order of several integer columns, the earlier of equal rows first.

    As many columns as fit make one number together with the row's place: to sort numbers takes a fraction of the time
    that it takes to find their order.

    >>> sort_positions(np.array([2, 1, 1]), np.array([0, 9, 8])).tolist()
    [2, 1, 0]
    """
    return _order(parts, [_span(part) for part in parts], np.arange(len(parts[0])))


def _order(parts: Sequence[Numbers], spans: Sequence[tuple[int, int]], places: Numbers) -> Numbers:
    """Do what `sort_positions` does for the rows at some places, ascending; `spans` are those of the columns."""
    rows = len(places)
    bits = rows.bit_length()
    used = sum(size << bits < np.iinfo(np.int64).max for size in accumulate((span for _, span in spans), mul))
    if not rows or not used:
        return places[np.lexsort([part[places] for part in parts[::-1]])]
    number = _combine([part[places] for part in parts[:used]], spans[:used])
    number <<= bits
    number |= np.arange(rows)
    number.sort()
    place = number & ((1 << bits) - 1)
    number >>= bits
    same = number[1:] == number[:-1]
    tied = np.flatnonzero(np.append(same, False) | np.append(False, same))
    place = places[place]
    if used < len(parts) and len(tied):
        rest = [part[place[tied]] for part in parts[used:]]
        place[tied] = place[tied][np.lexsort([*rest[::-1], number[tied]])]
    return place


def in_order(events: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of the events table sorted by referral, event, date, ref and event_id.

    Of rows equal in all of these the earlier comes first. A block of referrals at a time is sorted, and several at
    once: what is worked out of a block stays in the processor's own memory.
    """
    columns = [codes(events[name]) for name in SORTED]
    blocks = min(MOST_BLOCKS, len(events) // ROWS_OF_A_BLOCK) or 1
    spans = [_span(column) for column in columns]
    block = (columns[0] >> (int(columns[0].max(initial=0)) // blocks).bit_length()).astype(np.int8)

    def sort(number: np.int8) -> Numbers:
        return _order(columns, spans, np.flatnonzero(block == number))

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        places = np.concatenate([np.array([], dtype=np.intp), *pool.map(sort, np.unique(block))])
        taken = pool.map(lambda column: column[1].array.take(places), events.items())
        return pd.DataFrame(dict(zip(events, taken, strict=True)), index=events.index.take(places), copy=False)


def is_unique_key(events: pd.DataFrame, repeating: Collection[str]) -> Flags:
    """Return which rows, in order, are seen to share their key with no other, whichever of them are usable.

    Such are the only row of a referral and event, the only row of a day of an event that repeats and has no ref, and
    the only row of an `event_id`. An `event_id` is looked for in the whole extract: what it makes too many is compared.
    """
    named = codes(events["event_id"])
    event = run_starts(codes(events["referral_id"])) | run_starts(codes(events["event"]))
    day = event | run_starts(codes(events["event_date"]))
    dated = events["event"].isin(repeating).to_numpy() & (codes(events["ref"]) < 0)
    found = _single(event) | (dated & _single(day))
    if (named >= 0).any():
        times = np.append(np.bincount(named[named >= 0]), 0)
        found = np.where(named >= 0, (times[named] == 1) | _single(event), found)
    return found


def resolve(
    events: pd.DataFrame, lone: Flags, usable: Flags, repeating: Collection[str], source_order: Sequence[str]
) -> Resolved:
    """Find the current row of every event that stands, the rows that lost a conflict, and those told twice.

    Parameters
    ----------
    events : DataFrame
        Rows of the events table in the order of `in_order`; index the row number in the file.
    lone : ndarray of bool
        Which of them are seen to be `is_unique_key`.
    usable : ndarray of bool
        Which of them can be used, and are known.
    repeating : collection of str
        Events that may happen more than once in a journey.
    source_order : sequence of str
        Sources from the best to the least; those not named, and rows without one, come after.

    Returns
    -------
    Resolved
    """
    holds = usable & lone & (events["action"] != "withdraw").to_numpy()
    others = np.flatnonzero(usable & ~lone)
    several = events.take(others)
    repeated = _repeated(several)
    told, several = others[~repeated], several[~repeated]
    recorded = categorical(events["recorded_date"])
    first_recorded = codes(recorded).copy()
    current, first, conflicts, withdrawn = _resolve_several(
        several, pd.factorize(event_keys(several, repeating))[0], first_recorded[told], source_order
    )
    holds[told[current]] = True
    first_recorded[told[current]] = first
    since = of_codes(first_recorded, recorded.cat.categories, recorded)
    alone_withdrawn = np.flatnonzero(usable & lone & ~holds)
    gone = np.append(told[withdrawn], alone_withdrawn)
    return Resolved(holds, since, told[conflicts], others[repeated], gone)


def run_starts(values: NDArray[Any]) -> Flags:
    """Return which values differ from the one before."""
    return np.append(True, values[1:] != values[:-1])[: len(values)]


def _single(first: Flags) -> Flags:
    """Return which rows are the only one of their group, by which are the first of it."""
    return first & np.append(first[1:], True)[: len(first)]


def _repeated(rows: pd.DataFrame) -> Flags:
    """Return which rows are wholly equal to an earlier one."""
    dates = ["event_date", "recorded_date"]
    texts = [codes(rows[name]) for name in rows.columns.difference(dates)]
    return pd.Series(_combined(*texts, *(day_numbers(rows[name]) for name in dates))).duplicated().to_numpy()


def _resolve_several(
    rows: pd.DataFrame, key: Numbers, recorded: Numbers, source_order: Sequence[str]
) -> tuple[Numbers, Numbers, Numbers, Numbers]:
    """Apply the conventions to keys that may have more than one row.

    `recorded` are numbers in the order of the days. Returns the places of the current rows, when each was first
    recorded, the places of the rows in conflict, and of those withdrawn.
    """
    best_first = pd.Index(list(dict.fromkeys(source_order)), dtype="str")
    rank = best_first.get_indexer(pd.Index(rows["source"]))
    rank = np.where(rank < 0, len(best_first), rank)
    happened = day_numbers(rows["event_date"])
    origin, says = codes(rows["source"]), _says(rows)
    told = pd.DataFrame({"key": key, "origin": origin, "recorded": recorded, "happened": happened})
    gone = _withdrawn(told, (rows["action"] == "withdraw").to_numpy())
    place = np.flatnonzero(~gone)

    place = place[sort_positions(*(part[place] for part in (key, rank, -recorded, happened, says, origin)))]
    first = run_starts(key[place])
    current = place[first]
    held = current[np.cumsum(first) - 1]
    equal = (rank[place] == rank[held]) & (recorded[place] == recorded[held])
    conflicts = place[equal & (says[place] != says[held])]
    first_recorded = np.minimum.reduceat(recorded[place], np.flatnonzero(first)) if len(place) else recorded[place]
    return current, first_recorded, conflicts, np.flatnonzero(gone)


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
