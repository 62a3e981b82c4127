"""The form of what is shown: the HTML of a disclosed table, and the type of an output's data."""

from __future__ import annotations

import re
from collections.abc import Sequence
from html import escape
from typing import Any

import pandas as pd

from perflib.disclosure.columns import Column
from perflib.disclosure.rules import MARK, Disclosed

MIME = "application/vnd.perflib+json"
"""The type under which a notebook keeps what an output shows, as data."""


def anchor(heading: str) -> str:
    """Write the address of a heading within its page.

    >>> anchor("What will happen, and how sure")
    'what-will-happen-and-how-sure'
    """
    return re.sub(r"\W+", "-", heading.lower()).strip("-") or "section"


def table_html(caption: str, disclosed: Disclosed, *, notes: Sequence[str] = (), total: str | None = None) -> str:
    """Return a captioned table with headers to its rows and columns, in a box that scrolls where it is too wide.

    Parameters
    ----------
    caption : str
        Names the table and the box.
    disclosed : Disclosed
        What it holds; the first column names the rows.
    notes : sequence of str
        Sentences below it.
    total : str, optional
        The name of the rows to set off as totals.
    """
    heads = "".join(
        f'<th scope="col"{" class=num" if column.numeric else ""}>{escape(column.header)}</th>'
        for column in disclosed.columns.values()
    )
    cells = [
        [
            _cell_html(first, column, value, hidden)
            for value, hidden in zip(disclosed.frame[key], disclosed.hidden[key], strict=True)
        ]
        for first, (key, column) in enumerate(disclosed.columns.items())
    ]
    names = disclosed.frame.iloc[:, 0].astype(str)
    rows = "".join(
        f"<tr{' class=total' if name == total else ''}>{''.join(row)}</tr>"
        for name, row in zip(names, zip(*cells, strict=True), strict=True)
    )
    below = "".join(f"<p>{escape(note)}</p>" for note in notes)
    return (
        f'<div class="scroll" role="group" tabindex="0" aria-label="Table: {escape(caption)}"><table>'
        f"<caption>{escape(caption)}</caption><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table></div>"
        + (f'<div class="notes">{below}</div>' if below else "")
    )


def _cell_html(place: int, column: Column, value: Any, hidden: bool) -> str:
    printed = escape(MARK if hidden else column.text(value))
    kinds = {"num": column.numeric, "day": column.kind in ("month", "date"), "none": hidden or pd.isna(value)}
    names = " ".join(name for name, there in kinds.items() if there)
    style = f' class="{names}"' if names else ""
    if place == 0:
        return f'<th scope="row"{style}>{printed}</th>'
    if column.kind == "status" and not hidden:
        printed = f'<span class="status {re.sub(r"[^a-z]+", "-", printed.lower())}">{printed}</span>'
    return f"<td{style}>{printed}</td>"
