"""Tables of the ratings report."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from perflib.analysis import expected, oversight, ratings
from perflib.analysis import kpis as kpis_analysis
from perflib.disclosure.columns import Column, date, month, number, staff, status, text
from perflib.disclosure.names import Names
from perflib.disclosure.presenter import Showable, Table
from perflib.disclosure.sentences import ByAudience, Choice, Name, Sentence, sentence
from perflib.disclosure.words import listed
from perflib.records.snapshot import Snapshot
from perflib.reporting import kpi_tables
from perflib.reporting.subcontractor_comparison.tables import names, unit_of
from perflib.rules.management import CONTRACT, Rating

QUARTERS = 8
"""Quarters shown of each unit."""


JUDGED_AGAIN = 3
"""Quarters shown as they were judged then."""


NO_REGIME = sentence(
    "The contract names no regime of management: add `management:` to its file to have KPIs by role and ratings."
)


NO_RATING = sentence("The contract's regime of management rates nobody; its KPIs and plans follow.")


WHY = {
    "so far": "so far",
    "part quarter": "part quarter",
    "joined lately": "joined lately",
    "no data": "no data",
    "no target": "no target",
    "too few": "too few",
}


Row = Mapping[Hashable, Any]


def kinds(snapshot: Snapshot) -> list[str]:
    """Return the kinds of unit that have KPIs, in the order of the regime."""
    management = snapshot.contract.management
    return [] if management is None else list(dict.fromkeys(role.unit for role in management.roles.values()))


def by_kinds(snapshot: Snapshot, show: Callable[[list[str]], Showable]) -> Choice:
    """Show something of kinds of unit: of all to internal readers, of those that are no people to others."""
    known = kinds(snapshot)
    open_to_all = {CONTRACT, unit_of(snapshot)}
    return ByAudience(internal=show(known), outside=show([unit for unit in known if unit in open_to_all]))


def unit_names(snapshot: Snapshot) -> Names:
    """Return what units, and the contract among them, are called."""
    return Names(names(snapshot).outside, {snapshot.contract.contract: "Whole contract"})


def label(snapshot: Snapshot, unit: str) -> str:
    """Return what a kind of unit is called, in the singular."""
    if unit == CONTRACT:
        return "Contract"
    attribute = snapshot.programme.attributes.get(unit)
    return attribute.label if attribute is not None else unit.replace("_", " ").capitalize()


def unit_column(snapshot: Snapshot, unit: str) -> Column:
    """Return the column that names units of a kind: as members of staff, where they are."""
    column = text if unit in (CONTRACT, unit_of(snapshot)) else staff
    return column(label(snapshot, unit), names=unit_names(snapshot))


def rated_units(snapshot: Snapshot, unit: str) -> pd.DataFrame:
    """Return the ratings of a kind of unit; none where the regime rates nobody."""
    if snapshot.contract.rating is None:
        return ratings.rate_scores(kpis_analysis.scores(snapshot, unit)[:0], Rating(source="the regime rates nobody"))
    return ratings.rate(snapshot, unit)


def all_ratings(snapshot: Snapshot, units: list[str]) -> pd.DataFrame:
    """Return the ratings of several kinds of unit."""
    return pd.concat([rated_units(snapshot, unit) for unit in units], ignore_index=True)


def each_kind(snapshot: Snapshot) -> Choice:
    """The ratings of every kind of unit, quarter by quarter, and what they rest on."""

    def show(shown: list[str]) -> Showable:
        if not shown or snapshot.contract.rating is None:
            return NO_RATING if shown else NO_REGIME
        return [part for unit in shown for part in _ratings(snapshot, unit)]

    return by_kinds(snapshot, show)


def _ratings(snapshot: Snapshot, unit: str) -> list[Table | list[Sentence]]:
    """Return the ratings of one kind of unit."""
    rated = rated_units(snapshot, unit)
    if rated.empty:
        none = sentence("{unit}: none is recorded, so none is rated.", unit=Name(label(snapshot, unit)))
        return [[none]]
    again = [_then_and_now(snapshot, unit)] if unit in (CONTRACT, unit_of(snapshot)) else []
    return [_history(snapshot, unit, rated), _evidence(snapshot, unit, rated), *again]


def _history(snapshot: Snapshot, unit: str, rated: pd.DataFrame) -> Table:
    """Return one row a unit, with its ratings in the last quarters."""
    quarters = sorted(rated["period"].unique())[-QUARTERS:]
    words = rated["rating"].str.capitalize().mask(rated["rating"] == "", rated["why_not"].map(WHY))
    wide = rated.assign(words=words).pivot(index="unit", columns="period", values="words").reindex(columns=quarters)
    frame = wide.set_axis([f"{quarter}" for quarter in quarters], axis="columns").assign(unit=wide.index)
    running = rated["so_far"].any() and quarters[-1] > expected.last_month(snapshot)
    columns: dict[str, Column] = {"unit": unit_column(snapshot, unit)}
    for quarter in quarters:
        columns[f"{quarter}"] = status(f"To {quarter:%b %Y}", missing="not there")
    waiting = rated["so_far"].any()
    note = (
        "So far: the quarter is running, or less than 95% of some rated KPI is expected to be recorded yet. It is "
        "rated on the first day on which all its KPIs can be judged; until then the last rated quarter holds."
        if running or waiting
        else None
    )
    return Table(frame.reset_index(drop=True), f"{label(snapshot, unit)}: ratings by quarter", columns, note=note)


def _then_and_now(snapshot: Snapshot, unit: str) -> Table:
    """Return the last quarters as they were judged then, and as they would be judged now."""
    caption = f"{label(snapshot, unit)}: ratings as judged then, and as they would be judged now"
    if snapshot.contract.history == "overwritten":
        empty = "the source is overwritten at each export, so what was known earlier cannot be told"
        found = pd.DataFrame(columns=ratings.HISTORY_COLUMNS)
    else:
        empty = "no quarter is rated yet"
        found = ratings.history(snapshot, unit, JUDGED_AGAIN)
    frame = found.assign(
        was=[str(rating).capitalize() or np.nan for rating in found["then"]],
        is_=[str(rating).capitalize() or np.nan for rating in found["now"]],
        changed=["differs" if differs else "the same" for differs in found["differs"]],
    )
    return Table(
        frame.sort_values(["period", "unit"], ignore_index=True),
        caption,
        {
            "unit": unit_column(snapshot, unit),
            "period": month("Quarter to"),
            "was": status("Judged then", missing="not rated"),
            "then_on": date("On", missing="not rated"),
            "is_": status("Judged now", missing="not rated"),
            "changed": status("Difference"),
        },
        note="A record that came late changes no rating by having been late: a difference comes from a correction, a "
        "withdrawal, a start recorded late, or from what is now known of how soon things are recorded.",
        empty=empty,
    )


def _evidence(snapshot: Snapshot, unit: str, rated: pd.DataFrame) -> Table:
    """Return what the units that hold Amber or Red missed in the quarter that they were last rated in."""
    last = rated[rated["rating"] != ""].groupby("unit").tail(1)
    held = last[last["rating"].isin(["amber", "red"])]
    frame = held.assign(
        held=held["rating"].str.capitalize(),
        missed_=[listed([snapshot.contract.kpis[name].name for name in names]) for names in held["missed_kpis"]],
    )
    return Table(
        frame,
        f"{label(snapshot, unit)}: what Amber and Red rest on",
        {
            "unit": unit_column(snapshot, unit),
            "held": status("Rating"),
            "period": month("Quarter to"),
            "hit": number("Targets hit", places=0),
            "judged": number("Of", places=0),
            "missed_": text("Missed"),
            "run": number("Quarters running", places=0),
            "judged_on": date("Judged on", missing="not known"),
        },
        empty="none holds Amber or Red",
    )


def transitions(snapshot: Snapshot) -> Table | Sentence:
    """How ratings went on, from one rated quarter to the next."""
    unit = unit_of(snapshot)
    if unit not in kinds(snapshot) or snapshot.contract.rating is None:
        return sentence("Units of the supply chain are not rated here.")
    found = ratings.transitions(rated_units(snapshot, unit))
    frame = found.reset_index().assign(held=found.index.str.capitalize())
    columns: dict[str, Column] = {"held": status("From")}
    for name in ("green", "amber", "red", "improved", "worsened"):
        columns[name] = number(f"To {name.capitalize()}" if name in found.index else name.capitalize(), places=0)
    return Table(
        frame,
        f"From one rated quarter to the next, all quarters, each {label(snapshot, unit).lower()}",
        columns,
        note="A step over a change of hands is nobody's and is left out.",
    )


def kpis(snapshot: Snapshot) -> Choice:
    """The KPIs of every role, in the last quarter."""

    def show(shown: list[str]) -> Showable:
        return [kpi_tables.by_kpi(snapshot, unit, f"{label(snapshot, unit)}: ") for unit in shown] or NO_REGIME

    return by_kinds(snapshot, show)


def register(snapshot: Snapshot) -> Table:
    """The KPIs as the regime has them: who has each, what it is, and since when its target holds."""
    management = snapshot.contract.management
    roles = management.roles if management is not None else {}
    rows = []
    for kpi in snapshot.contract.kpis.values():
        for value in kpi.target.root if kpi.target is not None else (None,):
            asked = "none" if value is None else kpi_tables.threshold_words(value.value, kpi)
            rows.append(
                {
                    "name": kpi.name,
                    "roles": listed([roles[name].name for name in kpi.roles]) if kpi.roles else "the contract",
                    "asked": asked,
                    "since": np.nan if value is None else str(value.since),
                    "source": kpi.source
                    if value is None
                    else f"{value.source}{' (invented)' if value.invented else ''}",
                }
            )
    return Table(
        pd.DataFrame(rows, columns=["name", "roles", "asked", "since", "source"]),
        "The register of KPIs",
        {
            "name": text("KPI"),
            "roles": text("Who has it"),
            "asked": text("Target"),
            "since": date("Since", missing="none"),
            "source": text("Source"),
        },
        empty="the contract names no regime of management",
    )


def themes(snapshot: Snapshot) -> list[Table] | Sentence:
    """Which KPIs many units miss, quarter by quarter, and what lay behind the plans."""
    unit = unit_of(snapshot)
    if unit not in kinds(snapshot):
        return sentence("Units of the supply chain have no KPIs here.")
    found = oversight.themes(snapshot, kpis_analysis.scores(snapshot, unit))
    last = found[found["period"].isin(sorted(found["period"].unique())[-2:]) & (found["missed"] > 0)]
    missed = Table(
        last.assign(behind=[_words(names) for names in last["themes"]]),
        "KPIs missed by most units, in the last two quarters",
        {
            "name": text("KPI"),
            "period": month("Quarter to"),
            "missed": number("Units that missed it", places=0),
            "judged": number("Of", places=0),
            "behind": text("Plans opened, by theme", missing="none"),
        },
        empty="no KPI was missed",
    )
    causes = oversight.by_theme(snapshot)
    if causes is None:
        return [missed]
    words = {"plans": "Plans", "running": "Running", "closed": "Closed", "units": "Units", "kpis": "KPIs"}
    behind = Table(
        causes.assign(theme=causes["theme"].str.replace("_", " ").str.capitalize()),
        "What lay behind the plans",
        {"theme": text("Theme"), **{name: number(title, places=0) for name, title in words.items()}},
        empty="no plan has been opened",
    )
    return [missed, behind]


def _words(names: object) -> str | float:
    found = [str(name).replace("_", " ") for name in names] if isinstance(names, tuple | list) else []
    return listed(found) if found else np.nan
