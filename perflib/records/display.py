"""How results show themselves in a notebook: a table of a screen's height, and what it means.

Nothing here is disclosed: these are for the analyst who may see the records. A report shows through `open_report`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from html import escape
from typing import Any, ClassVar

import pandas as pd

from perflib.errors import ParameterError

ROWS = 12
"""Lines of a table that are shown, so that it fits on a screen."""

COLUMNS = 14

_drawers: list[Callable[[Any], Any]] = []


def draws(drawer: Callable[[Any], Any]) -> None:
    """Register what draws results: reporting does so when it is imported."""
    _drawers[:] = [drawer]


@dataclass(frozen=True)
class Explanation:
    """What a result says: its definition, formula and source, and who is in the denominator.

    Attributes
    ----------
    definition, formula, denominator, source : str
    """

    definition: str
    formula: str
    denominator: str
    source: str

    def __str__(self) -> str:
        return "\n".join(f"{name}: {value}" for name, value in self._lines())

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        lines = "".join(f"<dt>{name}</dt><dd>{escape(value)}</dd>" for name, value in self._lines())
        return f"<dl>{lines}</dl>"

    def _lines(self) -> list[tuple[str, str]]:
        return [
            ("Definition", self.definition),
            ("Formula", self.formula),
            ("Who is in the denominator", self.denominator),
            ("Source", self.source),
        ]


class ShowsItself:
    """A result that shows its frame, draws itself and says what it means."""

    explanation: ClassVar[Explanation]

    @property
    def frame(self) -> pd.DataFrame:
        """The numbers that are shown."""
        raise AttributeError("frame")

    @property
    def caption(self) -> str:
        """What it is, in a line."""
        return type(self).__name__

    def explain(self) -> Explanation:
        """Definition, formula, source, and who is in the denominator."""
        return self.explanation

    def plot(self) -> Any:
        """Draw in the suite's style.

        Raises
        ------
        ParameterError
            `perflib.reporting`, which draws, has not been imported.
        """
        if not _drawers:
            raise ParameterError("plot(): charts are drawn by perflib.reporting. Import it first.")
        return _drawers[0](self)

    def __repr__(self) -> str:
        rows, columns = self.frame.shape
        return f"<{self.caption}: {rows} rows x {columns} columns; .frame, .plot(), .explain()>"

    def _repr_html_(self) -> str:
        return table_html(self.frame, self.caption)


def table_html(frame: pd.DataFrame, caption: str) -> str:
    """Accessible HTML table of a frame, cut to a screen's height and width.

    Parameters
    ----------
    frame : DataFrame
    caption : str

    Examples
    --------
    >>> frame = pd.DataFrame({"starts": range(100)}, index=pd.RangeIndex(100, name="cohort"))
    >>> html = table_html(frame, "Starts")
    >>> html.count("<tr>"), "The last 12 of 100 rows" in html
    (13, True)
    """
    shown = frame.iloc[-ROWS:, :COLUMNS]
    names = [str(name) if name is not None else "" for name in shown.index.names]
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in [*names, *map(str, shown.columns)])
    body = ""
    for key, row in zip(shown.index, shown.itertuples(index=False), strict=True):
        keys = key if isinstance(key, tuple) else (key,)
        cells = "".join(f'<th scope="row">{escape(str(part))}</th>' for part in keys)
        body += f"<tr>{cells}{''.join(f'<td>{_written(value)}</td>' for value in row)}</tr>"
    left = [f"The last {len(shown)} of {len(frame):,} rows" if len(frame) > len(shown) else ""]
    left.append(f"the first {COLUMNS} of {frame.shape[1]} columns" if frame.shape[1] > COLUMNS else "")
    note = "; ".join(part for part in left if part)
    note = f"<p>{note}. All are in <code>.frame</code>.</p>" if note else ""
    return (
        f'<div style="max-height: 30em; overflow: auto" role="group" tabindex="0" aria-label="{escape(caption)}">'
        f"<table><caption>{escape(caption)}</caption><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
        f"{note}</div>"
    )


def _written(value: Any) -> str:
    if pd.api.types.is_scalar(value) and pd.isna(value):
        return ""
    if isinstance(value, float):
        return f"{value:,.0f}" if value.is_integer() else f"{value:,.2f}"
    return escape(str(value))
