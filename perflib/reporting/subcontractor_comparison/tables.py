"""Tables of the subcontractor comparison."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from perflib.analysis import comparison, standards
from perflib.analysis.cohorts import NOT_RECORDED
from perflib.analysis.forecast.result import seed_of
from perflib.disclosure.columns import Column, count, number, percent, status, text
from perflib.disclosure.names import Names
from perflib.disclosure.presenter import Figure, Table
from perflib.disclosure.sentences import Name, Sentence, sentence
from perflib.disclosure.words import month_words
from perflib.records.snapshot import Snapshot
from perflib.reporting import kpi_tables
from perflib.reporting.subcontractor_comparison import figures
from perflib.reporting.subcontractor_comparison.figures import SIGNALS, unit_column

Row = Mapping[Hashable, Any]


def unit_of(snapshot: Snapshot) -> str:
    """Return which units are compared: the largest that the programme file names under `units`, else its groups."""
    programme = snapshot.programme
    return programme.units[0] if programme.units else programme.group


def units(snapshot: Snapshot) -> list[str]:
    """Return the units that are known, in the order of their names; those not recorded are none."""
    unit = unit_of(snapshot)
    active = comparison.activity(snapshot, unit).index.get_level_values("unit")
    return sorted({*active, *comparison.roles(snapshot, unit).index} - {NOT_RECORDED})


def names(snapshot: Snapshot) -> Names:
    """Return what each unit is called: by name where the audience may see names, else by a number in no order."""
    known = units(snapshot)
    order = np.random.default_rng(seed_of(snapshot.contract.contract, snapshot.first_month)).permutation(len(known))
    label = snapshot.programme.attributes[unit_of(snapshot)].label
    return Names({name: f"{label} {place + 1}" for name, place in zip(known, order, strict=True)})


def overview(snapshot: Snapshot) -> Table:
    """Every unit's reading on every measure."""
    unit, known = unit_of(snapshot), units(snapshot)
    board = comparison.board(snapshot, unit)
    frame = pd.DataFrame({"unit": known}, index=pd.Index(known, name="id"))
    columns: dict[str, Column] = {"unit": unit_column(snapshot, unit, names(snapshot))}
    for name in comparison.measures_compared(snapshot):
        if name in snapshot.contract.standards or name in snapshot.contract.kpis:
            continue
        found = board[board.index.get_level_values("measure") == name].droplevel("measure").reindex(frame.index)
        frame[f"{name}_n"], frame[f"{name}_observed"] = found["n"], found["observed"]
        frame[name] = [reading(row) or np.nan for row in found.to_dict("records")]
        title = snapshot.programme.label(name)
        columns[name] = status(title, of=(f"{name}_n", f"{name}_observed"), missing="no case")
    return Table(
        frame.reset_index(drop=True),
        f"Where each stands, to {month_words(snapshot.month)}",
        columns,
        note="Below or above: a signal that stays when the number of units is allowed for. In line: no more different "
        "than chance makes equals.",
        empty="no unit is known yet",
    )


def reading(row: Row) -> str | None:
    """Return how a unit stands on one measure, in a few words; None where it has no case."""
    if pd.isna(row["apart"]):
        return None
    return row["apart"] or SIGNALS[row["signal"]]


def _each(snapshot: Snapshot, draw: Callable[..., Figure]) -> list[Figure]:
    """Return a figure for each of the measures compared in full."""
    unit, called = unit_of(snapshot), names(snapshot)
    return [draw(snapshot, unit, name, called) for name in comparison.headline_measures(snapshot)]


def funnels(snapshot: Snapshot) -> list[Figure]:
    """Observed over expected of each unit, by how much was expected."""
    return _each(snapshot, figures.funnel_plot)


def caterpillars(snapshot: Snapshot) -> list[Figure]:
    """The probable rate of each unit."""
    return _each(snapshot, figures.caterpillar)


def trends(snapshot: Snapshot) -> list[Figure]:
    """Observed over expected of each unit, by quarter of start."""
    return _each(snapshot, figures.trends)


def case_mix(snapshot: Snapshot) -> list[Figure]:
    """The ratio of each unit before and after its caseload is allowed for."""
    return _each(snapshot, figures.case_mix_shift)


def effects(snapshot: Snapshot) -> Table:
    """How much each characteristic goes with the outcome, as odds ratios."""
    frame = comparison.compare(snapshot, unit_of(snapshot)).case_mix.effects
    attributes = snapshot.programme.attributes
    frame = frame.assign(
        name=[
            f"{attributes[key].label}: "
            f"{attributes[key].codes[value].label if value in attributes[key].codes else value}"
            for key, value in zip(frame["characteristic"], frame["value"], strict=True)
        ]
    )
    of = ("n", "reached")
    return Table(
        frame,
        f"{snapshot.programme.label('outcome')}: what goes with a greater or lesser chance, all units together",
        {
            "name": text("At the start"),
            "n": count("Starts"),
            "reached": count("Reached it"),
            "odds_ratio": number("Odds ratio", of=of, places=2),
            "lower": number("95% from", of=of, places=2, missing="compared with this, or too few"),
            "upper": number("95% to", of=of, places=2, missing="compared with this, or too few"),
        },
        note="Each against the most frequent value of its kind, the others held equal. These go together; they need "
        "not be causes.",
        empty="no characteristic is recorded, or nobody has reached it yet",
    )


def calibration(snapshot: Snapshot) -> Figure:
    """Whether the case mix model expects the right numbers."""
    return figures.calibration(snapshot, unit_of(snapshot), "outcome")


def by_standard(snapshot: Snapshot) -> Table:
    """The share in time of each unit's cases of each standard."""
    targets = standards.measure(snapshot).set_index("standard")
    titles = {
        name: f"{title} ({targets['rule'][name]} {100 * targets['target'][name]:g}%)"
        for name, title in comparison.measures_compared(snapshot).items()
        if name in snapshot.contract.standards
    }
    return Table(
        *_shares(snapshot, titles, "Share in time since day one, by unit"),
        note="Whether a standard is met is one question, whether a unit differs from the others another: all may be "
        "alike and all miss it. Who differs stands at the top of the report.",
        empty="no unit is known yet",
    )


def _shares(snapshot: Snapshot, titles: Mapping[str, str], caption: str) -> tuple[pd.DataFrame, str, dict[str, Column]]:
    """Return a table of each unit's share of each measure, its caption and its columns."""
    unit, known = unit_of(snapshot), units(snapshot)
    board = comparison.board(snapshot, unit)
    frame = pd.DataFrame({"unit": known}, index=pd.Index(known, name="id"))
    columns: dict[str, Column] = {"unit": unit_column(snapshot, unit, names(snapshot))}
    for name, title in titles.items():
        found = board[board.index.get_level_values("measure") == name].droplevel("measure").reindex(frame.index)
        frame[f"{name}_n"], frame[f"{name}_met"] = found["n"], found["observed"]
        columns[name] = percent(title, f"{name}_met", f"{name}_n", missing="none due")
    return frame.reset_index(drop=True), caption, columns


def kpis(snapshot: Snapshot) -> list[Table] | Sentence:
    """Each KPI of the regime: how many units hit its target and, of those that are shares, each unit's."""
    unit = unit_of(snapshot)
    if not kpi_tables.has_kpis(snapshot, unit):
        return sentence(
            "The contract names no regime of management that has KPIs for each {unit}.",
            unit=Name(snapshot.programme.attributes[unit].label.lower()),
        )
    compared = comparison.measures_compared(snapshot)
    titles = {name: title for name, title in compared.items() if name in snapshot.contract.kpis}
    shares = Table(
        *_shares(snapshot, titles, "Share that passed since day one, by unit"),
        note="Of the rows that are decided: compliance checks passed, participants satisfied. Who differs from the "
        "others stands at the top of the report.",
        empty="no unit is known yet",
    )
    return [kpi_tables.by_kpi(snapshot, unit), *([shares] if titles else [])]
