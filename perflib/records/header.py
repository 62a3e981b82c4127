"""Which row of a file is its header, and which rows below it are no records: shared by all files without types.

Conventions
-----------
- The header is the first of the `TOP` first rows that names most of the columns asked for; a blank cell in it takes
  what stands above it, as where cells are merged. Lines of title may stand above it.
- A row that repeats the header, a total, and lines of text at the foot are no records. They are set aside by name.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from typing import TypeAlias

import numpy as np
import pandas as pd

from perflib.records.mapping import Lost, same

TOP = 20
"""Rows among which the header is looked for, and rows at the foot that may be text."""

HEADER_AGAIN, TOTAL, FOOT = "the header again, not a record", "a total, not a record", "a line of text, not a record"
_TOTAL = re.compile(r"\s*(?:grand\s+|sub-?\s*)?totals?(?:\s*[:(]|\s+\w.*|\s*$)", re.IGNORECASE | re.DOTALL)
_NUMBER = re.compile(r"-?\d+(\.\d+)?")

Rows: TypeAlias = Sequence[Sequence[str | None]]


def header_row(top: Rows, wanted: Collection[str] | None) -> int:
    """Return the position of the header: the first of the rows with most of what is wanted, or with most texts."""
    if wanted is None:
        scores = [len({cell for cell in row if cell and not _NUMBER.fullmatch(cell)}) for row in top]
    else:
        scores = [len({same(cell) for cell in header(top, row)} & set(wanted)) for row in range(len(top))]
    return scores.index(max(scores)) if scores else 0


def header(top: Rows, row: int) -> list[str]:
    """Return the names in a header row; a blank one takes the nearest above it."""
    names = []
    for position in range(len(top[row])):
        above = [line[position] for line in top[: row + 1] if position < len(line) and (line[position] or "").strip()]
        names.append(above[-1] or "" if above else "")
    return names


def no_records(cells: pd.DataFrame) -> list[Lost]:
    """Return the rows that are no records, by their numbers: the header again, totals, text at the foot."""
    names = [same(name) for name in cells.columns]
    named = [position for position, name in enumerate(names) if name]
    if not named or not len(cells):
        return []
    found = []
    foot = cells.iloc[-TOP:].to_numpy(dtype=object)
    for position in range(len(foot) - 1, -1, -1):
        reason = _why_no_record(foot[position], names, foot=True)
        if reason is None:
            break
        found.append(Lost(int(cells.index[len(cells) - len(foot) + position]), reason))
    first = cells.iloc[: len(cells) - len(found), named[0]].astype("str")
    likely = (first == cells.columns[named[0]]) | first.str.contains("total", case=False, regex=False)
    for position in np.flatnonzero(likely.fillna(False).to_numpy(dtype=bool)).tolist():
        reason = _why_no_record(cells.iloc[position].tolist(), names, foot=False)
        if reason is not None:
            found.append(Lost(int(cells.index[position]), reason))
    return sorted(found)


def _why_no_record(row: Sequence[object], names: Sequence[str], *, foot: bool) -> str | None:
    filled = {
        position: str(cell).strip() for position, cell in enumerate(row) if isinstance(cell, str) and cell.strip()
    }
    if not filled:
        return None
    again = sum(same(cell) == names[position] for position, cell in filled.items())
    if again * 2 > len(filled) and again > 1:
        return HEADER_AGAIN
    if any(_TOTAL.fullmatch(cell) for cell in list(filled.values())[:2]) and len(filled) < len(names):
        return TOTAL
    if foot and len(filled) == 1 and len(names) > 2:
        ((position, text),) = filled.items()
        if re.search(r"\s|:|^[*#=_-]{3,}", text) and not any(
            names[position].endswith(end) for end in ("note", "notes")
        ):
            return FOOT
    return None
