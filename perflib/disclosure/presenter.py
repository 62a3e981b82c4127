"""The only things a notebook may display: tables, figures, key figures, sentences and notices.

`Presenter` makes them from undisclosed data for one audience: `show(x)`. What it returns carries nothing but disclosed
values, in each of its forms: HTML for the page and JupyterLab, one line of plain text, and JSON for the workbook and
headlines.

The JSON is one of
- `table` and `figure`: caption, columns (key, header, kind, places), rows (header to value; "[c]" where hidden, null
  where there is none), notes; a figure has `alt` and `table`, the caption of its numbers, too
- `headlines`: values, labels and printed texts by key
- `text` (sentences; with `links`, the address and title beside each, or null), `notice` (heading, text), `withheld`
  (caption, text)
- `group` (items): several of these, shown together
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from html import escape
from typing import Any, TypeAlias

import matplotlib.figure
import pandas as pd

from perflib.disclosure import own_frames
from perflib.disclosure.chart_style import chart_style, image_uri
from perflib.disclosure.columns import Column, count, date, month, number, percent, staff, status, text
from perflib.disclosure.content import Figure, Notice, Point, Showable, Table, Tiles
from perflib.disclosure.html import MIME, anchor, table_html
from perflib.disclosure.rules import MARK, Disclosed, Disclosure
from perflib.disclosure.sentences import Choice, Sentence, as_text, chosen, is_sequence
from perflib.errors import RenderError

__all__ = [
    "MIME",
    "Column",
    "Figure",
    "Notice",
    "Point",
    "Presenter",
    "Showable",
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


LONG = 15
"""Rows above which a table is folded: a page is read to its end when it is short."""

Said: TypeAlias = tuple[str, tuple[str, str] | None]
"""A disclosed sentence, and the address and title of a link beside it."""


@dataclass(frozen=True)
class Shown:
    """Something disclosed, ready to be displayed.

    Attributes
    ----------
    html : str
    data : dict
        The same as data; see above.
    frame : DataFrame or None
        The numbers of a table, of a figure or of key figures, as this audience may see them; NaN where hidden.
    """

    html: str
    data: dict[str, Any]
    frame: pd.DataFrame | None = field(default=None, compare=False)

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
    attributes : own_frames.Attributes, optional
        What is known of the attributes that an analyst's own frame may be cut by.

    Examples
    --------
    >>> show = Presenter(Disclosure("external", suppress_below=10))
    >>> frame = pd.DataFrame({"group": ["A"], "starts": [3]})
    >>> columns = {"group": text("Group"), "starts": count("Starts")}
    >>> show(Table(frame, "Starts by group", columns)).data["rows"]
    [{'Group': 'A', 'Starts': '[c]'}]
    >>> from perflib.disclosure.sentences import Count, sentence
    >>> show(sentence("{starts} have started.", starts=Count(3))).data["sentences"]
    ['Fewer than 10 have started.']
    """

    def __init__(self, disclosure: Disclosure, attributes: own_frames.Attributes | None = None) -> None:
        self.disclosure = disclosure
        self.attributes = attributes

    def __call__(self, content: Showable) -> Shown:
        """Disclose and show a table, figure, key figures, sentences, a notice, or several of these together.

        Parameters
        ----------
        content : Table, Figure, Tiles, Notice, Point, Sentence, Choice, sequence of these, or None
            Sentences that follow each other in a sequence are one list; a sequence within a sequence is one of its
            own. None and an empty sequence show nothing.

        Raises
        ------
        TypeError
            It is something else, such as a bare string: its numbers could not be disclosed.
        """
        content = chosen(content, self.disclosure)
        parts = list(self._parts(content))
        is_one = not is_sequence(content) or all(part.data["kind"] == "text" for part in parts)
        return parts[0] if is_one and len(parts) == 1 else _together(parts)

    def _parts(self, content: Showable) -> Iterator[Shown]:
        """Yield what is shown, in order, sentences that follow each other in one list."""
        sentences: list[Said] = []
        for item in self._flat(content):
            if isinstance(item, Sentence | Point):
                sentences += self._said(item)
                continue
            if sentences:
                yield self._say(sentences)
                sentences = []
            if is_sequence(item):
                yield from self._parts(item)
            elif item is not None:
                yield self._one(item)
        if sentences:
            yield self._say(sentences)

    def _flat(self, content: Showable) -> Iterator[Any]:
        """Yield the items of a sequence, those of a choice within it in its place."""
        content = chosen(content, self.disclosure)
        for item in content if is_sequence(content) else [content]:  # type: ignore[union-attr]
            if isinstance(item, Choice):
                yield from self._flat(item)
            else:
                yield item

    def _one(self, content: Any) -> Shown:
        match content:
            case Table():
                return self.table(content)
            case Figure():
                return self.figure(content)
            case Tiles():
                return self.tiles(content)
            case Notice():
                return self.notice(content)
        raise TypeError(
            f"show() was given {content!r}: give a Table, Figure, Tiles, Notice or Sentence, or a sequence of them"
        )

    def table(
        self,
        table: Table | pd.DataFrame,
        caption: str | Sentence | None = None,
        columns: own_frames.Kinds | None = None,
        note: str | Sentence | None = None,
    ) -> Shown:
        """Show a table, or one sentence where the audience may not see it or it has no rows.

        Parameters
        ----------
        table : Table or DataFrame
            A frame of one's own needs a caption and, unless the audience is internal, the kinds of its columns.
        caption, columns, note
            Of a frame, as for `own_frames.table`.

        Examples
        --------
        >>> frame = pd.DataFrame({"group": ["A", "B"], "starts": [40, 4], "outcomes": [20, 2]})
        >>> kinds = {"group": "text", "starts": "count", "outcomes": "count", "rate": "outcomes / starts"}
        >>> Presenter(Disclosure("external", suppress_below=5)).table(frame, "By group", kinds).data["rows"][1]
        {'Group': 'B', 'Starts': '[c]', 'Outcomes': '[c]', 'Rate': '[c]'}
        """
        if not isinstance(table, Table):
            table = self._own(table, caption, columns, note)
        caption = self._text(table.caption)
        if instead := self._instead(table, caption):
            return instead
        disclosed = self._disclose(table)
        notes = self._notes(table, disclosed)
        html = table_html(caption, disclosed, notes=notes, total=table.total)
        if len(disclosed.frame) > LONG:
            html = f"<details><summary>{escape(caption)}: {len(disclosed.frame)} rows</summary>{html}</details>"
        return Shown(
            html,
            {"kind": "table", "caption": caption, **_records(disclosed), "notes": notes},
            disclosed.frame,
        )

    def _own(
        self,
        frame: pd.DataFrame,
        caption: str | Sentence | None,
        columns: own_frames.Kinds | None,
        note: str | Sentence | None = None,
    ) -> Table:
        return own_frames.table(
            frame, caption, columns, audience=self.disclosure.audience, attributes=self.attributes, note=note
        )

    def figure(
        self,
        figure: Figure | Callable[[Any, pd.DataFrame], Any],
        data: pd.DataFrame | None = None,
        columns: own_frames.Kinds | None = None,
        alt: str | Callable[[pd.DataFrame], str] = "",
        caption: str = "",
        **options: Any,
    ) -> Shown:
        """Show a chart with its numbers, or one sentence where it may not be seen or there is nothing to draw.

        Parameters
        ----------
        figure : Figure or callable
            A chart of one's own is a function that takes the axes and the disclosed frame, and draws:
            `lambda axes, frame: seaborn.barplot(frame, x="starts", y="group", ax=axes)`.
        data, columns
            Its frame and the kinds of its columns, as for `own_frames.table`.
        alt, caption, **options
            As for `Figure`.

        Raises
        ------
        RenderError
            If the alternative text is empty.
        """
        if not isinstance(figure, Figure):
            if data is None:
                raise RenderError(f"figure {caption!r}: give the frame that is drawn (data=)")
            figure = Figure(self._own(data, f"{caption}: the numbers", columns), figure, caption, alt, **options)
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
        caption, data_caption = escape(figure.caption), self._text(figure.data.caption)
        html = (
            f'<figure><figcaption>{caption}</figcaption><div class="scroll" role="group" tabindex="0"'
            f' aria-label="Chart: {caption}"><img alt="{escape(alt)}" src="{image}"></div>'
            "<details><summary>Data for this chart</summary>"
            f"{table_html(data_caption, disclosed, notes=notes, total=figure.data.total)}</details></figure>"
        )
        return Shown(
            html,
            {
                "kind": "figure",
                "caption": figure.caption,
                "alt": alt,
                "table": data_caption,
                **_records(disclosed),
                "notes": notes,
            },
            data,
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
            change = tiles.changes[key].words(self.disclosure) if key in tiles.changes else None
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
        return Shown(f'<dl class="tiles">{"".join(html)}</dl>', data, disclosed.frame)

    def notice(self, notice: Notice) -> Shown:
        """Return a banner."""
        text, heading = self._text(notice.text), notice.heading
        html = f'<div class="notice" role="note"><p><strong>{escape(heading)}</strong> {escape(text)}</p></div>'
        return Shown(html, {"kind": "notice", "heading": heading, "text": text})

    def _said(self, item: Sentence | Point) -> list[Said]:
        """Disclose a sentence, with the address and the title of its link where it is a point."""
        if isinstance(item, Sentence):
            return [(text, None) for text in as_text(item, self.disclosure)]
        address = f"{item.report}.html" + (f"#{anchor(item.heading)}" if item.heading else "")
        return [(text, (address, item.title)) for text in as_text(item.text, self.disclosure)]

    def _say(self, said: list[Said]) -> Shown:
        """Return disclosed sentences: one as a paragraph, more as a list."""
        items = [f"{escape(text)}{_link_html(link)}" for text, link in said]
        sentences = [text for text, _ in said]
        links = {"links": [link and list(link) for _, link in said]} if any(link for _, link in said) else {}
        html = f"<p>{items[0]}</p>" if len(items) == 1 else f"<ul>{''.join(f'<li>{item}</li>' for item in items)}</ul>"
        return Shown(f'<div class="findings">{html}</div>', {"kind": "text", "sentences": sentences, **links})

    def _text(self, text: str | Sentence) -> str:
        """Return a caption, a note or a banner as this audience may read it."""
        return text if isinstance(text, str) else " ".join(as_text(text, self.disclosure))

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
        return self.disclosure.apply(
            table.frame, table.columns, total=table.total, within=table.within, order=table.order
        )

    def _notes(self, table: Table, disclosed: Disclosed) -> list[str]:
        return ([self._text(table.note)] if table.note else []) + self.disclosure.notes(disclosed)


def _link_html(link: tuple[str, str] | None) -> str:
    return f' <a href="{escape(link[0])}">{escape(link[1])}</a>' if link else ""


def _together(shown: Sequence[Shown]) -> Shown:
    """Return several things as one output of a cell."""
    return Shown("".join(item.html for item in shown), {"kind": "group", "items": [item.data for item in shown]})


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
