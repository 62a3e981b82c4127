"""A small synthetic contract for examples: some 300 participants, made in memory in a fraction of a second.

It is the built-in Work and Health Programme sample with fewer people and units. No file in `params/contracts` names it,
so `perflib run` makes no report of it.
"""

from __future__ import annotations

from datetime import date
from functools import lru_cache
from typing import Any

from perflib.records.snapshot import Extract, Snapshot, load_extract, take_snapshot
from perflib.rules.contract import BUILT_IN, Contract, load_contract
from perflib.rules.data_source import SampleSource

SHARE = 0.07
"""The small sample's promised volumes over those of the built-in sample; its profiles are the same."""

PROCESS: dict[str, Any] = {
    "seed": 7,
    "last_day": date(2020, 6, 30),
    "people_per_month": 12,
    "ramp_up_months": 6,
    "subcontractors": [
        {"unit_id": "SC01", "share": 0.5, "role": "own", "caseworkers": 2, "centres": 2},
        {"unit_id": "SC02", "share": 0.3, "effect": 0.4},
        {"unit_id": "SC03", "share": 0.2, "effect": -0.6, "caseworkers": 1},
    ],
    "faults": {"repeated": 0.005, "impossible_age": 0.005, "dated_ahead": 0.02},
}
"""What differs from the built-in sample's process: who delivers, how many come, and when the records end."""

UNITS = {"SC04": "SC03", "SC06": "SC02", "SC09": "SC01", "SC08-1": "SC01-1"}
"""Units of the built-in sample that its plans and targets name, and those that stand for them here."""


def sample_snapshot(month: str = "2020-03", known_at: str | None = None) -> Snapshot:
    """Load a small synthetic snapshot for examples, without files: about 300 participants of three subcontractors.

    It is made from a seed and kept in memory: the same call returns the same object. Its people and figures are
    invented. The shock of April 2020 lies after the default month.

    Parameters
    ----------
    month : str, default '2020-03'
        Reporting month, YYYY-MM, from 2018-01 to 2020-06.
    known_at : str, optional
        Rows recorded later are left out; by default the month's last day.

    Returns
    -------
    Snapshot

    Raises
    ------
    ParameterError
        The month lies outside the sample, or `known_at` is no date.

    Examples
    --------
    >>> snapshot = sample_snapshot()
    >>> snapshot.contract.contract, str(snapshot.month), len(snapshot.journeys)
    ('small-sample', '2020-03', 389)
    >>> sample_snapshot() is snapshot
    True
    """
    return _snapshot(month, known_at)


@lru_cache(maxsize=8)
def _snapshot(month: str, known_at: str | None) -> Snapshot:
    return take_snapshot(_extract(), month, known_at)


@lru_cache(maxsize=1)
def _extract() -> Extract:
    return load_extract(_contract())


def _contract() -> Contract:
    whole = load_contract("whp-sample", BUILT_IN)
    assert isinstance(whole.source, SampleSource)
    given: dict[str, Any] = whole.source.sample["registers"]
    rows = {table: [_moved(row) for row in rows] for table, rows in given["rows"].items()}
    registers = {**given, "checks": 1, "surveys": 2, "rows": rows}
    source = SampleSource(sample=PROCESS | {"registers": registers})
    volumes = tuple(
        volume.model_copy(update={"values": tuple(round(SHARE * value) for value in volume.values)})
        for volume in whole.volumes
    )
    name = {"contract": "small-sample", "name": "Small sample contract"}
    return whole.model_copy(update={**name, "source": source, "volumes": volumes})


def _moved(row: dict[str, Any]) -> dict[str, Any]:
    return row | {"unit_id": UNITS.get(row["unit_id"], row["unit_id"])} if "unit_id" in row else row
