"""The tables of a report as a spreadsheet: a cover, contents, notes, and one sheet a table.

It is written from what `present` has disclosed and in the layout of the Analysis Function's guidance (gptables).
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pandas as pd

_OPTIONS = {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}


def write_workbook(
    path: Path | str,
    tables: Iterable[Mapping[str, Any]],
    *,
    title: str,
    about: Sequence[str] = (),
    created: date = date(2000, 1, 1),
) -> None:
    """Write tables, and the numbers behind figures, to an .xlsx file.

    The same arguments give the same bytes.

    Parameters
    ----------
    path : path
        Where to write; its folder must be there.
    tables : iterable of mapping
        What `Shown.data` holds. Those that are neither a table nor a figure are passed over.
    title : str
        The title of the cover.
    about : sequence of str
        Paragraphs of the cover: contract, month, day known, audience.
    created : date
        The file's date of creation, such as the day known.
    """
    tables = [table for table in tables if table["kind"] in ("table", "figure")]
    texts = dict.fromkeys(note for table in tables for note in table["notes"])
    notes = {note: f"note{number}" for number, note in enumerate(texts, start=1)}
    listed = pd.DataFrame({"Note reference": list(notes.values()), "Note text": list(notes)})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import gptables
        from gptables.core.wrappers import GPWorksheet

        sheets = {
            f"Table {number}": gptables.GPTable(**_sheet(number, table, notes))
            for number, table in enumerate(tables, start=1)
        }
        # gptables would make a link of "[Acme](north)"
        with patch.object(GPWorksheet, "_replace_url", staticmethod(lambda string: string)):
            workbook = gptables.produce_workbook(
                str(path),
                sheets,
                cover=gptables.Cover(title=_plain(title), about=[_plain(line) for line in about] or None),
                contentsheet_label="Contents" if sheets else None,
                notes_table=listed if notes else None,
                workbook_options=_OPTIONS,
            )
        day = datetime(created.year, created.month, created.day, tzinfo=UTC)
        workbook.set_properties({"title": title, "created": day})
        workbook.close()


def _plain(words: str) -> str:
    """Return words in which gptables finds no reference to a note: it looks for two dollar signs."""
    return words.replace("$$", "$ $")


def _sheet(number: int, table: Mapping[str, Any], notes: Mapping[str, str]) -> dict[str, Any]:
    missing = {column["header"]: column["missing"] for column in table["columns"]}
    frame = pd.DataFrame(
        [{_plain(header): _cell(row[header], missing[header]) for header in missing} for row in table["rows"]],
        columns=[_plain(header) for header in missing],
        dtype=object,
    )
    references = "".join(f"$${notes[note]}$$" for note in table["notes"])
    caption = _plain(table.get("table", table["caption"]))
    formats = [
        {"column": {"columns": [place], "format": {"num_format": _format(column), "align": "right"}}}
        for place, column in enumerate(table["columns"])
        if column["kind"] in ("count", "number", "percent")
    ]
    return {
        "table": frame,
        "table_name": f"table_{number}",
        "title": f"Table {number}: {caption} {references}".strip(),
        "instructions": "This worksheet contains one table."
        + (" Its notes are on the notes worksheet." if references else ""),
        "index_columns": {2: 0},
        "additional_formatting": formats,
    }


def _cell(value: Any, missing: str) -> Any:
    """Return a cell's content: never blank, and never bare punctuation, which gptables refuses."""
    if value is None:
        return missing
    if isinstance(value, str) and not any(character.isalnum() for character in value):
        return f"{missing} ({value.strip()})" if value.strip() else missing
    return _plain(value) if isinstance(value, str) else value


def _format(column: Mapping[str, Any]) -> str:
    places = "." + "0" * column["places"] if column["places"] else ""
    return f"0{places}%" if column["kind"] == "percent" else f"#,##0{places}"
