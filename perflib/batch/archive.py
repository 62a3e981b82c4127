"""What a month was issued from, kept apart from the reports: parameters, notebooks and snapshots.

`<store>/<contract>/<month>/<audience>/` has `params/`, `notebooks/`, `snapshots/` and a copy of `issued.json`, which
has the SHA-256 of each. The snapshots hold people: the store is a folder that only its user can open, and never part
of a folder of reports.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from perflib.batch import manifest
from perflib.errors import PerfError
from perflib.records import snapshot_cache
from perflib.records.snapshot import Snapshot
from perflib.rules.calendar import day as to_day
from perflib.rules.contract import BUILT_IN, Contract, find_params, load_contract

PARAMS, NOTEBOOKS, SNAPSHOTS = "params", "notebooks", "snapshots"


def keep(place: Path, contract: Contract, params: str, notebooks: Iterable[Path]) -> None:
    """Copy a contract's parameter files and the notebooks of its reports to a folder that has the snapshots already.

    Parameters
    ----------
    place : Path
        The folder.
    contract : Contract
        As its reports were made with.
    params : str
        The folder of parameter files that it was read from.
    notebooks : iterable of Path

    Raises
    ------
    PerfError
        The copies do not say what the contract says.
    """
    named = {"contracts": contract.contract, "programmes": contract.programme.programme}
    if contract.management is not None:
        named["management"] = contract.management.management
    for kind, name in named.items():
        (place / PARAMS / kind).mkdir(parents=True)
        files = [folder / kind / f"{name}.yaml" for folder in (find_params(params), BUILT_IN)]
        shutil.copyfile(next(path for path in files if path.is_file()), place / PARAMS / kind / f"{name}.yaml")
    (place / NOTEBOOKS).mkdir()
    for path in notebooks:
        shutil.copyfile(path, place / NOTEBOOKS / path.name)
    if snapshot_cache.rules(contract_of(place, contract.contract)) != snapshot_cache.rules(contract):
        raise PerfError(f"{contract.path}: its parameters rest on a file that cannot be kept with what is issued.")


def place_of(folder: Path, record: Mapping[str, Any]) -> Path:
    """Return where what a month's folder was issued from is kept; it may have been moved away since."""
    return (folder.resolve() / record["store"]).resolve()


def contract_of(place: Path, contract: str) -> Contract:
    """Return a contract's parameters as they were when it was issued."""
    return load_contract(contract, place / PARAMS)


def snapshot_of(place: Path, record: Mapping[str, Any], *, same_rules: bool = True) -> Snapshot | None:
    """Return the snapshot that a month was issued from.

    Parameters
    ----------
    place : Path
    record : mapping
        Its `issued.json`.
    same_rules : bool
        Whether it must be one that the present software reads with the same parameters.

    Returns
    -------
    Snapshot or None
        None if it is not there as it was issued, or cannot be read by the present software.
    """
    if not place.is_dir() or any(manifest.altered(place, record["frozen"])):
        return None
    month, known_at = pd.Period(record["month"], "M"), to_day(record["known_at"])
    path = snapshot_cache.place(place / SNAPSHOTS, record["contract"], month, known_at)
    try:
        return snapshot_cache.read(path, contract_of(place, record["contract"]), same_rules=same_rules)
    except (PerfError, ImportError, AttributeError, TypeError):  # of another version of perflib, or of pandas
        return None
