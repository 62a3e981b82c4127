"""Snapshots that a run has taken already, kept in files for its notebooks.

A run takes each contract's month once; its notebooks, in processes of their own, read what it took instead of the
extract. `kept` looks in the folder that the environment variable PERFLIB_PREPARED names. What it finds there is used
only if it is whole and was taken with the same parameters; anything else is taken from the source again.

The files hold people, and can run code when they are read: the folder must be the user's alone.
"""

from __future__ import annotations

import hashlib
import os
import pickle
from dataclasses import fields
from datetime import date
from pathlib import Path

import pandas as pd

from perflib.records.snapshot import Snapshot
from perflib.rules.contract import Contract

FOLDER = "PERFLIB_PREPARED"
"""The environment variable with the folder of prepared snapshots."""

_DIGEST = 32


def keep(snapshot: Snapshot, path: Path) -> None:
    """Write a snapshot to a file, whole or not at all; its contract's parameters are not in it."""
    held = {
        item.name: getattr(snapshot, item.name) for item in fields(snapshot) if item.init and item.name != "contract"
    }
    content = rules(snapshot.contract) + pickle.dumps(held, protocol=pickle.HIGHEST_PROTOCOL)
    beside = path.with_name(f".making-{path.name}")
    beside.write_bytes(hashlib.sha256(content).digest() + content)
    os.replace(beside, path)


def read(path: Path, contract: Contract, *, same_rules: bool = True) -> Snapshot | None:
    """Return the snapshot in a file; None if there is none, it is not whole, or the parameters were others.

    With `same_rules` false it may have been taken with other parameters.
    """
    try:
        content = path.read_bytes()
    except OSError:
        return None
    digest, content = content[:_DIGEST], content[_DIGEST:]
    if hashlib.sha256(content).digest() != digest or (same_rules and content[:_DIGEST] != rules(contract)):
        return None
    return Snapshot(contract, **pickle.loads(content[_DIGEST:]))


def rules(contract: Contract) -> bytes:
    """Return a digest of a contract's parameters, those of its programme among them."""
    return hashlib.sha256(contract.model_dump_json(exclude={"path"}, warnings="none").encode()).digest()


def place(folder: Path, contract: str, month: pd.Period, known_at: date) -> Path:
    """Return where a run keeps a snapshot."""
    return folder / f"{contract}_{month}_{known_at}.snapshot"


def kept(contract: Contract, month: pd.Period, known_at: date) -> Snapshot | None:
    """Return the snapshot of a month that this process's run has taken, None if there is none that can be used."""
    folder = os.environ.get(FOLDER)
    return None if folder is None else read(place(Path(folder), contract.contract, month, known_at), contract)
