"""Work out the account of a snapshot from where each of its rows went.

`take_snapshot` gives every row of a table one of the ways below. Their numbers, and what the readers say of lines, make
the account; that both add up is checked there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from types import MappingProxyType

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from perflib.records.account import Account, ColumnAccount, Complaint, Lines, TableAccount
from perflib.records.cells import REMEDIES
from perflib.records.mapping import FIRST, Origin, Part, as_in_the_extract
from perflib.records.schemas import NOT_RECORDED, ROW_NOT_USED, SET_ASIDE

Ways = NDArray[np.int8]


class Way(IntEnum):
    """Where a row went. Of the events of a wide row the first of these decides where the row went."""

    USED = 0
    CORRECTED = 1
    WITHDRAWN = 2
    SET_ASIDE = 3
    REPEAT = 4
    AFTER_KNOWN_AT = 5
    AFTER_PERIOD = 6
    NOTHING = 7


NO_EVENT = "no event of the row has a date"
ONLY_NOTED = ""
"""The effect of what is told although it is used."""


@dataclass(frozen=True)
class Whence:
    """Where the rows of one table were read from, and where they went.

    Attributes
    ----------
    file : str
        What messages call it.
    origins, parts : sequences of Origin and Part
        As in `RawTable`.
    ways : ndarray of int
        The `Way` of each row, by ascending row number.
    """

    file: str
    origins: Sequence[Origin]
    parts: Sequence[Part]
    ways: Ways

    @property
    def has_own_rows(self) -> bool:
        """Whether its rows are not those of its files: a row there may be several events."""
        places = [origin.place for origin in self.origins]
        return any(origin.rows is not None for origin in self.origins) or len(set(places)) < len(places)


def account(
    whence: Mapping[str, Whence],
    set_aside: pd.DataFrame,
    notes: Sequence[Complaint],
    columns: Sequence[ColumnAccount],
    remedies: Mapping[str, str] = MappingProxyType({}),
) -> Account:
    """Return the account of some tables.

    Parameters
    ----------
    whence : mapping of str to Whence
        By table.
    set_aside : DataFrame
        As in a snapshot, but with our names of tables and columns, and our numbers of rows.
    notes : sequence of Complaint
        What is told although it is used.
    columns : sequence of ColumnAccount
    remedies : mapping of str to str, optional
        What to do, by reason, besides `cells.REMEDIES`.
    """
    tables: list[TableAccount] = []
    for name, table in whence.items():
        places = {origin.place: origin for origin in table.origins}
        lost = [row for origin in places.values() for row in origin.lost]
        lines = sum((origin.lines for origin in places.values()), Lines())
        swallowed = sum(row.swallowed for row in lost)
        files = tuple(places)
        if table.has_own_rows:
            ways = np.concatenate([_ways_of_rows(place, whence) for place in places]) if places else table.ways
            tables.append(_table(name, lines, ways, len(lost), swallowed, files))
            alone = Lines(lines=len(table.ways), records=len(table.ways))
            tables.append(_table(name, alone, table.ways, 0, 0, files, events=True))
        else:
            tables.append(_table(name, lines, table.ways, len(lost), swallowed, files))
    return Account(tuple(tables), (*_complaints(whence, set_aside, remedies), *notes), tuple(columns))


def _table(
    name: str, lines: Lines, ways: Ways, lost: int, swallowed: int, files: tuple[str, ...], *, events: bool = False
) -> TableAccount:
    count = np.bincount(ways, minlength=len(Way))
    return TableAccount(
        name,
        "events" if events else "rows",
        lines=lines.lines,
        header=lines.header,
        blank=lines.blank,
        continuation=lines.continuation,
        records=lines.records,
        used=int(count[[Way.USED, Way.CORRECTED, Way.WITHDRAWN]].sum()),
        corrected=int(count[Way.CORRECTED]),
        withdrawn=int(count[Way.WITHDRAWN]),
        repeats=int(count[Way.REPEAT]),
        set_aside=int(count[Way.SET_ASIDE]) + lost,
        swallowed=swallowed,
        after_known_at=int(count[Way.AFTER_KNOWN_AT]),
        after_period=int(count[Way.AFTER_PERIOD]),
        files=files,
    )


def _ways_of_rows(place: str, whence: Mapping[str, Whence]) -> Ways:
    """Return where the rows of a file or sheet went: as the first way of what any table makes of them."""
    rows: list[NDArray[np.int64]] = []
    ways: list[Ways] = []
    for table in whence.values():
        first = 0
        for part in table.parts:
            if part.place == place:
                rows.append(part.rows)
                ways.append(table.ways[first : first + len(part.rows)])
            first += len(part.rows)
        for origin in table.origins:
            if origin.place == place and origin.rows is not None:  # of a row that makes no event
                rows.append(origin.rows.to_numpy())
                ways.append(np.full(len(origin.rows), Way.NOTHING, dtype=np.int8))
    went = pd.Series(np.concatenate(ways), index=np.concatenate(rows)).groupby(level=0).min().to_numpy()
    return np.where(went == Way.NOTHING, Way.SET_ASIDE, went).astype(np.int8)


def rows_without_events(origins: Sequence[Origin], parts: Mapping[str, Sequence[Part]]) -> pd.DataFrame:
    """Return lines of `set_aside` for rows of wide tables of which nothing is made; they name the file themselves."""
    lines = [pd.DataFrame(columns=SET_ASIDE)]
    for origin in {origin.place: origin for origin in origins if origin.rows is not None}.values():
        rows = np.array([], dtype=np.int64) if origin.rows is None else origin.rows.to_numpy()
        made = [part.rows for own in parts.values() for part in own if part.place == origin.place]
        empty = np.setdiff1d(rows, np.concatenate(made)) if made else rows
        lines.append(lost_rows(origin.place, empty.tolist(), NO_EVENT))
    return pd.concat(lines, ignore_index=True)


def lost_rows(table: str, rows: Sequence[int] | pd.Index, reason: str | Sequence[str]) -> pd.DataFrame:
    """Return lines of `set_aside` for whole rows; they carry no value, since it might identify someone."""
    fixed = {"table": table, "row": rows, "column": "", "value": "", "reason": reason, "effect": ROW_NOT_USED}
    return pd.DataFrame(fixed, columns=SET_ASIDE)


def _complaints(whence: Mapping[str, Whence], set_aside: pd.DataFrame, remedies: Mapping[str, str]) -> list[Complaint]:
    """Return one complaint for each kind of fault, the most frequent first."""
    if set_aside.empty:
        return []
    mapped = {name: table.parts for name, table in whence.items() if len(table.parts)}
    placed = as_in_the_extract(set_aside, mapped) if mapped else set_aside
    ours = set_aside.loc[placed.index]
    owners = {origin.place: name for name, table in reversed(list(whence.items())) for origin in table.origins}
    kinds = placed.assign(
        ours=ours["table"].map(
            {name: name if name in whence else owners.get(name, name) for name in ours["table"].unique()}
        ),
        column=ours["column"].to_numpy(),
        file=placed["table"].map(
            {name: whence[name].file if name in whence else name for name in placed["table"].unique()}
        ),
        value=placed["value"].where(placed["value"] != ""),
    ).sort_values(["file", "row"], kind="stable")
    complaints = []
    for key, rows in kinds.groupby(["ours", "column", "reason", "effect"], sort=True):
        table, column, reason, effect = map(str, key)
        first, examples = f"{rows['file'].iloc[0]} row {rows['row'].iloc[0]}", rows["value"].dropna()
        remedy = remedies.get(reason) or REMEDIES.get(reason, "").format(column=f"{table}.{column}")
        example = str(examples.iloc[0]) if len(examples) else ""
        files = rows["file"].nunique()
        complaints.append(Complaint(table, column, reason, effect, len(rows), files, first, example, remedy))
    return sorted(complaints, key=lambda one: -one.count)


def column_accounts(
    faults: pd.DataFrame, tables: Mapping[str, pd.DataFrame], seen: Mapping[str, NDArray[np.bool_]]
) -> list[ColumnAccount]:
    """Return how many cells of each column with faults hold anything, and how many of those cannot be used.

    Of tables that say when a row was recorded only the rows `seen` count. An unusable cell is missing in the table.
    """
    bad = faults[(faults["reason"] != "blank") & faults["effect"].isin([ROW_NOT_USED, NOT_RECORDED])]
    found = []
    for name, column in sorted(set(zip(bad["table"], bad["column"], strict=True))):
        if name not in tables or column not in tables[name]:
            continue
        values = tables[name][column]
        rows = bad.loc[(bad["table"] == name) & (bad["column"] == column), "row"].unique()
        filled = values.notna().to_numpy() & seen[name] if name in seen else values.notna().to_numpy()
        held = int(np.count_nonzero(filled & ~np.isin(values.index.to_numpy(), rows)))
        found.append(ColumnAccount(name, column, held + len(rows), len(rows)))
    return found


def by_number(frame: pd.DataFrame, ways: Ways) -> Ways:
    """Return the ways of rows in the order of their numbers."""
    numbers = frame.index.to_numpy()
    if not len(numbers) or (numbers[1:] > numbers[:-1]).all():
        return ways
    ordered = np.full(int(numbers.max()) - min(FIRST, int(numbers.min())) + 1, -1, dtype=np.int8)
    ordered[numbers - min(FIRST, int(numbers.min()))] = ways
    return ordered[ordered >= 0]
