"""Tables and figures of an analyst's own frame: `show.table(frame, ...)`, `show.figure(draw, data=frame, ...)`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import pandas as pd
from pandas.api.types import is_datetime64_any_dtype, is_numeric_dtype

from perflib.disclosure.columns import Column, count, date, month, number, percent, text
from perflib.disclosure.content import Table
from perflib.disclosure.sentences import Sentence
from perflib.errors import DisclosureError, RenderError

Kinds = Mapping[str, Column | str]
IDENTIFIERS = ("referral_id", "participant_id")
PLAIN = {"count": count, "month": month, "date": date}
WORDS = "text, count, month, date, a share as 'outcomes / starts', or the name of an attribute"


class Attributes(Protocol):
    """What is known of the attributes that a frame may be cut by."""

    def column(self, name: str) -> Column | None:
        """Column of an attribute, with the names that the audience may see; None where it is none."""

    def named(self, values: pd.Series) -> str | None:
        """Attribute whose units or staff some values name; None where they name nobody."""


def table(
    frame: pd.DataFrame,
    caption: str | Sentence | None,
    columns: Kinds | None,
    *,
    audience: str,
    attributes: Attributes | None = None,
    note: str | Sentence | None = None,
) -> Table:
    """Make a table of a frame, or refuse what could not be disclosed.

    Parameters
    ----------
    frame : DataFrame
        A named index becomes columns.
    caption : str or Sentence
        What the table shows.
    columns : mapping of str to Column or str, optional
        The columns to show, in order, each with its kind: one of `disclosure.columns`, or a word (`WORDS`). Only an
        internal audience may do without.
    audience : str
    attributes : Attributes, optional
    note : str or Sentence, optional

    Raises
    ------
    DisclosureError
        An outside audience and no kinds; a column of identifiers; plain text that names units or staff.
    RenderError
        No caption, a column that the frame does not have, or a kind that is none.

    Examples
    --------
    >>> frame = pd.DataFrame({"starts": [40], "outcomes": [12]}, index=pd.Index(["A"], name="group"))
    >>> kinds = {"group": "text", "starts": "count", "outcomes": "count", "rate": "outcomes / starts"}
    >>> made = table(frame, "Outcomes", kinds, audience="external")
    >>> [column.kind for column in made.columns.values()]
    ['text', 'count', 'count', 'percent']
    """
    if caption is None:
        raise RenderError("a table of a frame has no caption: say what it shows (caption=)")
    named = [name for name in frame.index.names if name is not None]
    frame = frame.reset_index(named) if named else frame
    frame = frame.reset_index(drop=True).rename(columns=str)
    if columns is None:
        if audience != "internal":
            raise DisclosureError(
                f"table {caption!r}: is shown outside only with the kinds of its columns, so that its numbers can be "
                f"disclosed. Give columns=: for each {WORDS}; or a column of perflib.disclosure.columns."
            )
        columns = {str(name): _guess(str(name), frame[name], attributes) for name in frame}
    made = {name: _column(name, kind, frame, attributes) for name, kind in columns.items()}
    for name, column in made.items():
        if name in IDENTIFIERS:
            raise DisclosureError(f"table {caption!r}: {name} identifies participants, who are never shown.")
        if column.kind == "text" and column.names is None and audience != "internal" and name in frame:
            whose = attributes.named(frame[name]) if attributes is not None else None
            if whose is not None:
                raise DisclosureError(
                    f"table {caption!r}: {name} names units of {whose}, which are called otherwise outside. "
                    f"Give columns={{{name!r}: {whose!r}, ...}}."
                )
    return Table(frame, caption, made, note=note)


def _column(name: str, kind: Column | str, frame: pd.DataFrame, attributes: Attributes | None) -> Column:
    """Return the column of a kind in words."""
    if isinstance(kind, Column):
        return kind
    header = name.replace("_", " ").capitalize()
    if "/" in kind:
        above, below = (part.strip() for part in kind.split("/", 1))
        for part in (above, below):
            if part not in frame:
                raise RenderError(f"column {name!r}: {kind!r} is of {part!r}, which the frame does not have.")
        return percent(header, above, below)
    if name not in frame:
        raise RenderError(f"column {name!r}: the frame does not have it; it has {', '.join(map(str, frame))}.")
    if kind in PLAIN:
        return PLAIN[kind](header)
    known = attributes.column(name if kind == "text" else kind) if attributes is not None else None
    if known is not None:
        return known
    if kind != "text":
        raise RenderError(f"column {name!r}: {kind!r} is no kind; give {WORDS}.")
    if is_numeric_dtype(frame[name]):
        raise RenderError(f"column {name!r}: holds numbers, and is no text; give {WORDS}.")
    return text(header)


def _guess(name: str, values: pd.Series, attributes: Attributes | None) -> Column:
    """Return the column of values of which nothing is said, for an internal audience."""
    header = name.replace("_", " ").capitalize()
    if attributes is not None and (known := attributes.column(name)) is not None and not is_numeric_dtype(values):
        return known
    if isinstance(values.dtype, pd.PeriodDtype):
        return month(header)
    if is_datetime64_any_dtype(values):
        return date(header)
    if is_numeric_dtype(values):
        return number(header, places=0 if (values.dropna() % 1 == 0).all() else 2)
    return text(header)
