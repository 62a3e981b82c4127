"""The way to a snapshot: what a run has prepared, or else the contract's source."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pandas as pd

from perflib.records import snapshot_cache
from perflib.records.snapshot import Snapshot, known_on, load_extract, take_snapshot
from perflib.rules.calendar import month as to_month
from perflib.rules.contract import Contract, load_contract

PARAMETERS = ("contract", "month", "known_at", "params")
"""The arguments of `load_snapshot`, which every notebook has as its parameters."""


def load_snapshot(
    contract: str | Contract,
    month: str | pd.Period | None = None,
    known_at: str | date | None = None,
    params: str | Path = "params",
) -> Snapshot:
    """Return one contract's month as it was known on one day.

    Parameters
    ----------
    contract : str or Contract
        Id of a contract file, or a contract already read.
    month : str or Period, optional
        Reporting month, YYYY-MM; by default the last whole month that the extract holds.
    known_at : str or date, optional
        Rows recorded later are left out; by default the month's last day plus the contract's `report_lag`.
    params : str or Path
        Folder of parameter files.

    Returns
    -------
    Snapshot

    Raises
    ------
    ParameterError
        The contract, month or date is not one that can be reported.
    DataError
        The extract cannot be read, or holds no referral.

    Examples
    --------
    >>> load_snapshot("whp-sample", "2020-06").period_end
    datetime.date(2020, 6, 30)
    """
    resolved = load_contract(contract, params) if isinstance(contract, str) else contract
    if month is not None:
        period = to_month(month)
        found = snapshot_cache.kept(resolved, period, known_on(period, known_at, resolved))
        if found is not None:
            return found
    return take_snapshot(load_extract(resolved), month, known_at)


def month_before(snapshot: Snapshot) -> Snapshot | None:
    """Return the same contract's month before, as it was known when it was reported; None for the first month."""
    if snapshot.month <= snapshot.first_month:
        return None
    return load_snapshot(snapshot.contract, snapshot.month - 1)
