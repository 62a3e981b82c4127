"""The only things a notebook may display: tables, figures, key figures, sentences and notices.

`Presenter` makes them from undisclosed data for one audience. What it returns carries nothing but disclosed values, in
each of its forms: HTML for the page and JupyterLab, one line of plain text, and JSON for the workbook and headlines.

The JSON is one of
- `table` and `figure`: caption, columns (key, header, kind, places), rows (header to value; "[c]" where hidden, null
  where there is none), notes; a figure has `alt` and `table`, the caption of its numbers, too
- `headlines`: values, labels and printed texts by key
- `text` (sentences), `notice` (heading, text), `withheld` (caption, text)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from html import escape
from typing import Any

import matplotlib.figure
import pandas as pd

from perflib.disclosure.chart_style import chart_style, image_uri
from perflib.disclosure.columns import Column, count, date, month, number, percent, staff, status, text
from perflib.disclosure.html import MIME, table_html
from perflib.disclosure.rules import MARK, Disclosed, Disclosure
from perflib.errors import RenderError

__all__ = [
    "MIME",
    "Column",
    "Figure",
    "Presenter",
    "Shown",
    "Table",
    "Tiles",
    "count",
    "date",
    "month",
    "number",
    "percent",
    "staff",
    "status",
    "text",
]


@dataclass(frozen=True)
class Table:
    """A table, not yet disclosed.

    Parameters
    ----------
    frame : DataFrame
        One row a line; may hold columns that are not shown but that shown ones are made of.
    caption : str
        What the table shows, over which period.
    columns : mapping of str to Column
        The columns to show, in order. The first names the rows.
    total, within : str, optional
        Which row is the sum of the others; see `Disclosure.apply`.
    note : str, optional
        A sentence below the table.
    internal_only : bool
        True where no outside audience may see it.
    empty : str
        Why there may be no rows: "no outcome has been recorded yet".
    """

    frame: pd.DataFrame
    caption: str
    columns: Mapping[str, Column]
    total: str | None = None
    within: str | None = None
    note: str | None = None
    internal_only: bool = False
    empty: str = "there are no rows"

    def __post_init__(self) -> None:
        if not self.caption.strip():
            raise RenderError(f"a table of {', '.join(self.columns) or 'no columns'} has no caption: say what it shows")
        headers = [column.header for column in self.columns.values()]
        twice = {header for header in headers if headers.count(header) > 1 or not header.strip()}
        if twice or not headers:
            raise RenderError(
                f"table {self.caption!r}: each column needs a header of its own,"
                f" not {', '.join(map(repr, sorted(twice))) or 'none'}"
            )


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
    changes : mapping of str to str
        A short remark by key, made with the disclosure's own words: "12 more than in May".
    """

    values: Mapping[str, Any]
    columns: Mapping[str, Column]
    changes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Shown:
    """Something disclosed, ready to be displayed."""

    html: str
    data: dict[str, Any]

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        del include, exclude
        plain = f"{self.data['kind']}: {self.data['caption']}" if "caption" in self.data else self.data["kind"]
        return {"text/html": self.html, "text/plain": plain, MIME: self.data}


class Presenter:
    """Makes what an audience may see.

    Parameters
    ----------
    disclosure : Disclosure
        The rule that is applied to everything.

    Examples
    --------
    >>> show = Presenter(Disclosure("external", suppress_below=10))
    >>> frame = pd.DataFrame({"group": ["A"], "starts": [3]})
    >>> columns = {"group": text("Group"), "starts": count("Starts")}
    >>> show.table(Table(frame, "Starts by group", columns)).data["rows"]
    [{'Group': 'A', 'Starts': '[c]'}]
    """

    def __init__(self, disclosure: Disclosure) -> None:
        self.disclosure = disclosure

    def table(self, table: Table) -> Shown:
        """Return a table, or one sentence where the audience may not see it or it has no rows."""
        if instead := self._instead(table, table.caption):
            return instead
        disclosed = self._disclose(table)
        notes = self._notes(table, disclosed)
        return Shown(
            table_html(table.caption, disclosed, notes=notes, total=table.total),
            {"kind": "table", "caption": table.caption, **_records(disclosed), "notes": notes},
        )

    def figure(self, figure: Figure) -> Shown:
        """Return a chart with its numbers, or one sentence where it may not be seen or there is nothing to draw.

        Raises
        ------
        RenderError
            If the alternative text is empty.
        """
        if instead := self._instead(figure.data, figure.caption):
            return instead
        disclosed = self._disclose(figure.data)
        data = disclosed.frame
        numeric = data[[key for key, column in disclosed.columns.items() if column.numeric]]
        if numeric.isna().all(axis=None):
            hidden = disclosed.hidden.to_numpy().any()
            why = "every number in it is too small to be shown" if hidden else figure.data.empty
            return _withheld(figure.caption, f"Nothing to show: {why}.")
        alt = figure.alt if isinstance(figure.alt, str) else figure.alt(data)
        if not alt.strip():
            raise RenderError(f"figure {figure.caption!r} has no alternative text: say in words what there is to see")
        raster = numeric.size >= 600 if figure.raster is None else figure.raster
        with chart_style():
            drawing = matplotlib.figure.Figure(figsize=figure.size)
            axes = drawing.subplots(*figure.panels, sharex=figure.share, sharey=figure.share)
            figure.draw(axes, data)
            image = image_uri(drawing, raster=raster)
        notes = self._notes(figure.data, disclosed)
        caption = escape(figure.caption)
        html = (
            f'<figure><figcaption>{caption}</figcaption><div class="scroll" role="group" tabindex="0"'
            f' aria-label="Chart: {caption}"><img alt="{escape(alt)}" src="{image}"></div>'
            "<details><summary>Data for this chart</summary>"
            f"{table_html(figure.data.caption, disclosed, notes=notes, total=figure.data.total)}</details></figure>"
        )
        return Shown(
            html,
            {
                "kind": "figure",
                "caption": figure.caption,
                "alt": alt,
                "table": figure.data.caption,
                **_records(disclosed),
                "notes": notes,
            },
        )

    def tiles(self, tiles: Tiles) -> Shown:
        """Return key figures, each with its label and what has changed."""
        exact = pd.DataFrame([tiles.values])
        disclosed = self.disclosure.apply(exact, tiles.columns)
        shown, html = {}, []
        for key, column in disclosed.columns.items():
            value = disclosed.frame[key].iloc[0]
            if not disclosed.hidden[key].iloc[0]:
                shown[key] = column.text(value)
            elif column.kind == "count" and self.disclosure.hides(tiles.values[key]):
                shown[key] = self.disclosure.count(tiles.values[key])
            else:
                shown[key] = "not shown"
            change = tiles.changes.get(key)
            html.append(
                f"<div><dt>{escape(column.header)}</dt><dd>{escape(shown[key])}</dd>"
                f"{f'<dd>{escape(change)}</dd>' if change else ''}</div>"
            )
        data = {
            "kind": "headlines",
            "values": {key: _value(disclosed, 0, key) for key in shown},
            "labels": {key: column.header for key, column in disclosed.columns.items()},
            "shown": shown,
        }
        return Shown(f'<dl class="tiles">{"".join(html)}</dl>', data)

    def say(self, *sentences: str) -> Shown:
        """Return plain sentences: one as a paragraph, more as a list.

        The numbers in them must have been written by the disclosure (`Disclosure.count`, `.percent`, `.number`).

        Raises
        ------
        RenderError
            No sentence was given.
        """
        if not sentences:
            raise RenderError("say() was given no sentence: say what there is to see, or that there is nothing")
        items = [escape(sentence) for sentence in sentences]
        html = f"<p>{items[0]}</p>" if len(items) == 1 else f"<ul>{''.join(f'<li>{item}</li>' for item in items)}</ul>"
        return Shown(f'<div class="findings">{html}</div>', {"kind": "text", "sentences": list(sentences)})

    def notice(self, sentence: str, *, heading: str = "Please note") -> Shown:
        """Return a banner: a restriction, placeholder targets, a source that cannot say something."""
        html = f'<div class="notice" role="note"><p><strong>{escape(heading)}</strong> {escape(sentence)}</p></div>'
        return Shown(html, {"kind": "notice", "heading": heading, "text": sentence})

    def _instead(self, table: Table, caption: str) -> Shown | None:
        """Return the sentence that replaces a table this audience may not see, or one without rows."""
        if table.internal_only and self.disclosure.audience != "internal":
            return _withheld(caption, "This is for internal readers and is not shown here.")
        if not self.disclosure.names and any(column.kind == "staff" for column in table.columns.values()):
            return _withheld(caption, "This names members of staff and is not shown to this audience.")
        if table.frame.empty:
            return _withheld(caption, f"Nothing to show: {table.empty}.")
        return None

    def _disclose(self, table: Table) -> Disclosed:
        return self.disclosure.apply(table.frame, table.columns, total=table.total, within=table.within)

    def _notes(self, table: Table, disclosed: Disclosed) -> list[str]:
        return ([table.note] if table.note else []) + self.disclosure.notes(disclosed)


def _withheld(caption: str, why: str) -> Shown:
    html = f'<p class="withheld"><strong>{escape(caption)}</strong> {escape(why)}</p>'
    return Shown(html, {"kind": "withheld", "caption": caption, "text": why})


def _value(disclosed: Disclosed, row: int, key: str) -> int | float | str | None:
    if disclosed.hidden[key].iloc[row]:
        return MARK
    return disclosed.columns[key].value(disclosed.frame[key].iloc[row])


def _records(disclosed: Disclosed) -> dict[str, Any]:
    columns = disclosed.columns
    return {
        "columns": [
            {
                "key": key,
                "header": column.header,
                "kind": column.kind,
                "places": column.places,
                "missing": column.missing,
            }
            for key, column in columns.items()
        ],
        "rows": [
            {column.header: _value(disclosed, row, key) for key, column in columns.items()}
            for row in range(len(disclosed.frame))
        ],
    }
