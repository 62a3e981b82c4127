"""The index of a folder of reports: what there is, for which contract and month, and what failed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

import pandas as pd
from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template

from perflib.batch.page_style import STYLE, TEMPLATES

CHANGES = "changes"
"""What stands for a notebook in the entry of the page that says what a revision changed."""

TABLES = "tables"
"""What stands for a notebook in the entry of a month's spreadsheet."""


@dataclass(frozen=True)
class Entry:
    """One report of the index.

    Attributes
    ----------
    contract, month, notebook : str
        Which report; the month as "YYYY-MM", or the day as "YYYY-MM-DD"; empty for a contract that was refused.
    title : str
        What the link says.
    status : {"made", "kept", "failed"}
        Made by this run, kept from one before, or not made.
    href : str
        Its address relative to the index; empty if it failed.
    error : str
        Why it failed, in one line.
    edition : str
        "issued 3 April 2020", "revision", or nothing.
    """

    contract: str
    month: str
    notebook: str
    title: str
    status: Literal["made", "kept", "failed"]
    href: str = ""
    error: str = ""
    edition: str = ""


@dataclass(frozen=True)
class Standing:
    """Where a contract stands: its key figures as they were shown, by their labels."""

    contract: str
    month: str
    href: str
    figures: Mapping[str, str]


def write_index(
    path: Path | str,
    entries: Iterable[Entry],
    standings: Sequence[Standing] = (),
    *,
    title: str = "Performance reports",
) -> None:
    """Write the index page: failures, the latest month of each contract, how they stand, and the earlier months.

    Each report is linked once. What was issued says so, with its revision beside it. A contract whose latest
    month is before the newest of all says how many months it is behind.

    The same entries give the same bytes, in whatever order they come.

    Parameters
    ----------
    path : path
        Where to write; its folder must be there.
    entries : iterable of Entry
        One a report.
    standings : sequence of Standing
        One a contract; contracts are set beside each other where there are several.
    title : str
        The heading of the page.
    """
    ordered = sorted(entries, key=_order)
    cells: dict[tuple[str, str], list[Entry]] = {}
    latest: dict[str, str] = {}
    for entry in ordered:
        cells.setdefault((entry.contract, entry.month), []).append(entry)
        if entry.status != "failed":
            latest[entry.contract] = entry.month
    months = sorted({entry.month for entry in ordered if entry.month}, reverse=True)
    earlier = {place: of for place, of in cells.items() if place[1] and place[1] != latest.get(place[0])}
    page = _template().render(
        title=title,
        style=STYLE,
        contracts=list(dict.fromkeys(entry.contract for entry in ordered if entry.month)),
        months={month: label(month) for month in months},
        cells=cells,
        latest=latest,
        behind=_months_behind(latest),
        earlier=earlier,
        earlier_contracts=list(dict.fromkeys(contract for contract, _ in earlier)),
        earlier_months=[month for month in months if any(month == held for _, held in earlier)],
        standings=sorted(standings, key=lambda standing: standing.contract) if len(standings) > 1 else [],
        headers=list(dict.fromkeys(header for standing in standings for header in standing.figures)),
        when={standing.month: label(standing.month) for standing in standings},
        failed=[entry for entry in ordered if entry.status == "failed"],
        made=sum(entry.status != "failed" and entry.notebook not in (CHANGES, TABLES) for entry in ordered),
    )
    Path(path).write_text(page, encoding="utf-8")


def _order(entry: Entry) -> tuple[str | bool, ...]:
    """Order entries: what a revision changed comes first, the spreadsheet last."""
    name = entry.notebook
    return (entry.contract, entry.month, entry.edition, name != CHANGES, name == TABLES, entry.title, name)


def _months_behind(latest: Mapping[str, str]) -> dict[str, int]:
    """Count the calendar months from each contract's latest month to the newest of all."""
    ordinals = {contract: pd.Period(month, "M").ordinal for contract, month in latest.items()}
    return {contract: max(ordinals.values()) - ordinal for contract, ordinal in ordinals.items()}


def label(month: str) -> str:
    """Return a month, or the day of a report made before its month had ended, in short."""
    day = pd.Timestamp(month)
    return f"{day:%b %Y}" if len(month) == len("2020-06") else f"{day.day} {day:%b %Y}"


@cache
def _template() -> Template:
    loader = FileSystemLoader(TEMPLATES)
    environment = Environment(
        autoescape=True, loader=loader, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.get_template("site.html.j2")
