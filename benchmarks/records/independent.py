"""Count the records of a file without perflib: what an account must add up to."""

from __future__ import annotations

import csv
import re
import sqlite3
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

MAIN = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
OFFICE = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}"


@dataclass(frozen=True)
class Count:
    """What stands in a file.

    Attributes
    ----------
    records : int
        Rows that are not blank, the header among them in CSV and Excel.
    lines : int or None
        Lines of a CSV file, blank ones too.
    """

    records: int
    lines: int | None = None


def count(folder: Path, table: str, form: str) -> Count | None:
    """Count the records of a table; None where the file cannot be read at all."""
    try:
        match form:
            case "csv":
                return in_csv((folder / f"{table}.csv").read_bytes())
            case "xlsx":
                return in_xlsx(folder / f"{table}.xlsx")
            case "parquet":
                import duckdb

                with duckdb.connect() as base:
                    query = f"SELECT count(*) FROM (SELECT * FROM read_parquet('{folder / table}.parquet'))"
                    return Count(int(base.execute(query).fetchall()[0][0]))
            case _:
                with sqlite3.connect(folder / "extract.db") as base:
                    return Count(len(base.execute(f"SELECT * FROM {table}").fetchall()))
    except Exception:
        return None


def in_csv(content: bytes, encoding: str = "utf-8-sig") -> Count:
    """Count the lines of a CSV file, and the records that the standard library's reader finds."""
    csv.field_size_limit(sys.maxsize)
    text = content.decode(encoding)
    lines = re.split("\r\n|\n|\r", text)
    if lines[-1] == "":
        lines.pop()
    first = next((line for line in lines if line.strip()), "")
    delimiter = max(",;|\t", key=first.count)
    rows = csv.reader(re.findall("[^\r\n]*(?:\r\n|\n|\r)|[^\r\n]+$", text), delimiter=delimiter)
    return Count(sum(any(cell.strip() for cell in row) for row in rows), len(lines))


def in_xlsx(path: Path) -> Count:
    """Count the rows of a workbook's first sheet that hold anything."""
    with zipfile.ZipFile(path) as book:
        shared = []
        if "xl/sharedStrings.xml" in book.namelist():
            root = ElementTree.fromstring(book.read("xl/sharedStrings.xml"))
            shared = ["".join(text.text or "" for text in item.iter(f"{MAIN}t")) for item in root.iter(f"{MAIN}si")]
        sheet = ElementTree.fromstring(book.read("xl/worksheets/sheet1.xml"))
    filled: dict[str, bool] = {}
    for number, row in enumerate(sheet.iter(f"{MAIN}row"), 1):
        name = row.get("r", str(number))
        filled[name] = filled.get(name, False) or any(_held(cell, shared) for cell in row.iter(f"{MAIN}c"))
    return Count(sum(filled.values()))


def _held(cell: ElementTree.Element, shared: list[str]) -> bool:
    value = cell.find(f"{MAIN}v")
    text = "".join(part.text or "" for part in cell.iter(f"{MAIN}t"))
    if value is not None and value.text is not None:
        text = shared[int(value.text)] if cell.get("t") == "s" else value.text
    return bool(text.strip())
