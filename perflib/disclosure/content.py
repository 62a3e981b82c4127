"""What is shown, not yet disclosed: tables, figures, key figures and notices; sentences are in `sentences`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import pandas as pd

from perflib.disclosure.columns import Column
from perflib.disclosure.sentences import Choice, Sentence
from perflib.disclosure.values import check_values
from perflib.errors import RenderError


@dataclass(frozen=True)
class Table:
    """A table, not yet disclosed.

    Parameters
    ----------
    frame : DataFrame
        One row a line; may hold columns that are not shown but that shown ones are made of.
    caption : str or Sentence
        What the table shows, over which period.
    columns : mapping of str to Column
        The columns to show, in order. The first names the rows.
    total, within : str, optional
        Which row is the sum of the others; see `Disclosure.apply`.
    note : str or Sentence, optional
        What stands below the table.
    internal_only : bool
        True where no outside audience may see it.
    empty : str
        Why there may be no rows: "no outcome has been recorded yet".
    order : sequence of str
        Columns to sort the rows by, once units are called as the audience may know them.
    """

    frame: pd.DataFrame
    caption: str | Sentence
    columns: Mapping[str, Column]
    total: str | None = None
    within: str | None = None
    note: str | Sentence | None = None
    internal_only: bool = False
    empty: str = "there are no rows"
    order: Sequence[str] = ()

    def __post_init__(self) -> None:
        if isinstance(self.caption, str) and not self.caption.strip():
            raise RenderError(f"a table of {', '.join(self.columns) or 'no columns'} has no caption: say what it shows")
        headers = [column.header for column in self.columns.values()]
        twice = {header for header in headers if headers.count(header) > 1 or not header.strip()}
        if twice or not headers:
            raise RenderError(
                f"table {self.caption!r}: each column needs a header of its own,"
                f" not {', '.join(map(repr, sorted(twice))) or 'none'}"
            )


@dataclass(frozen=True)
class Point:
    """A sentence, with the report of the same month that argues it.

    Parameters
    ----------
    text : Sentence or Choice
        One that has nothing to say is left out with its link.
    report : str
        The report's file name without ending.
    title : str
        What the link is called.
    heading : str, optional
        The heading in it, word for word.
    """

    text: Sentence | Choice
    report: str
    title: str
    heading: str = ""


@dataclass(frozen=True)
class Figure:
    """A chart and the numbers behind it, not yet disclosed.

    Parameters
    ----------
    data : Table
        The numbers, given in a table below the chart.
    draw : callable
        Takes the axes (an array of axes where there are several panels) and the disclosed data, and draws. Hidden
        values are NaN.
    caption : str
        What the chart shows, best said as a finding.
    alt : str or callable
        What there is to see in it, in words, or a function of the disclosed data that says it.
    size : tuple of float
        Width and height in inches; a page is about 7.5 wide.
    panels : tuple of int
        Rows and columns of axes.
    share : bool
        Whether panels share their scales.
    raster : bool, optional
        PNG instead of SVG; by default from 600 numbers up.
    """

    data: Table
    draw: Callable[[Any, pd.DataFrame], None]
    caption: str
    alt: str | Callable[[pd.DataFrame], str]
    size: tuple[float, float] = (7.4, 3.7)
    panels: tuple[int, int] = (1, 1)
    share: bool = True
    raster: bool | None = None

    def __post_init__(self) -> None:
        if not self.caption.strip():
            raise RenderError(f"the figure of {self.data.caption!r} has no caption: say what it shows")


@dataclass(frozen=True)
class Tiles:
    """A few key figures, not yet disclosed.

    Parameters
    ----------
    values : mapping
        Numbers by key, with the counts they are made of.
    columns : mapping of str to Column
        Those to show, in order. The header is the label; the key is the key of `headlines.json`.
    changes : mapping of str to Sentence
        A short remark by key: "12 more than in May".
    """

    values: Mapping[str, Any]
    columns: Mapping[str, Column]
    changes: Mapping[str, Sentence | Choice] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_values(self.changes.values())


@dataclass(frozen=True)
class Notice:
    """A banner: a restriction, placeholder targets, a source that cannot say something.

    Parameters
    ----------
    text : Sentence
    heading : str
    """

    text: Sentence
    heading: str = "Please note"

    def __post_init__(self) -> None:
        check_values([self.text])


Showable: TypeAlias = "Table | Figure | Tiles | Notice | Point | Sentence | Choice | Sequence[Showable] | None"
"""What `show(...)` takes: one thing, a sequence of sentences (findings), or a sequence of anything (a section)."""
