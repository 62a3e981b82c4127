"""What an analyst's own table of a report is told about the contract: attributes, and what units are called."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from perflib.analysis.cuts import NOT_RECORDED
from perflib.disclosure.columns import Column, text
from perflib.disclosure.names import Names
from perflib.records.snapshot import Snapshot


@dataclass(frozen=True)
class AttributeColumns:
    """The columns of a contract's attributes, with the names that each audience may see.

    Parameters
    ----------
    snapshot : Snapshot
    """

    snapshot: Snapshot

    def column(self, name: str) -> Column | None:
        """Column of an attribute: units and staff by the names that may be shown, codes by their labels."""
        programme = self.snapshot.programme
        if name not in programme.attributes:
            return None
        if name in programme.units:
            from perflib.reporting.performance_ratings.tables import unit_column  # draws, and so is slow to import

            return unit_column(self.snapshot, name)
        codes = {code: rule.label for code, rule in programme.attributes[name].codes.items()}
        return text(programme.attributes[name].label, names=Names({}, codes))

    def named(self, values: pd.Series) -> str | None:
        """Unit type whose units some values name; None where they name none."""
        cells = set(values.dropna().astype("str")) - {NOT_RECORDED}
        for unit in self.snapshot.programme.units:
            if cells & set(self.snapshot.journeys[unit].dropna().astype("str")):
                return unit
        return None
