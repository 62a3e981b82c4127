"""Publication: which months an outside audience may see, and from when."""

from __future__ import annotations

import pandas as pd

from perflib.errors import DisclosureError
from perflib.records.snapshot import Snapshot
from perflib.rules.contract import Contract


def check_released(contract: Contract, month: pd.Period, known_at: object) -> None:
    """Refuse a report for an outside audience before the month's figures are published.

    Raises
    ------
    DisclosureError
        No release covers the month, or it is later than `known_at`.
    """
    day = contract.release(month)
    if day is None:
        raise DisclosureError(
            f"{contract.path}: no release covers {month}, so nobody outside may see it. "
            f"Add one under `releases`, e.g. `- {{through: {month}, on: YYYY-MM-DD}}`, with the day on which it is "
            f"published."
        )
    if pd.Timestamp(known_at) < pd.Timestamp(day):  # type: ignore[arg-type]
        raise DisclosureError(
            f"{contract.path}: the figures for {month} are published on {day}. For an outside audience make the report "
            f"as known on that day or later (--known-at {day})."
        )


def published(snapshot: Snapshot) -> bool:
    """Return whether the month's figures were published by `known_at`."""
    day = snapshot.contract.release(snapshot.month)
    return day is not None and day <= snapshot.known_at
