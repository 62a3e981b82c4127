"""Extracts written by hand, a line a row, for the tests of `records`."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from perflib.records.snapshot import Extract, Snapshot, load_extract, load_snapshot, take_snapshot
from perflib.rules.contract import Contract, load_contract

Row = Mapping[str, str]

EVENTS = ("referral_id", "event", "event_date", "recorded_date")
ATTRIBUTES = ("referral_id", "attribute", "value", "from_date", "recorded_date")

CONTRACT = """\
contract: made-here
name: Made for a test
programme: whp
nation: ENG
source: {folder: extract}
disclosure: {source: none, invented: true}
"""


def rows(text: str, columns: Sequence[str] = EVENTS) -> list[dict[str, str]]:
    """Read a line a row: the columns in order, then `name=value` for any other. A missing last date repeats the date
    before it, so that an event is recorded on the day it happened.
    """
    table = []
    for line in filter(str.strip, text.splitlines()):
        words = line.split()
        plain = [word for word in words if "=" not in word]
        plain += plain[-1:] * (len(columns) - len(plain))
        table.append(dict(zip(columns, plain, strict=True)) | dict(word.split("=") for word in words if "=" in word))
    return table


@dataclass(frozen=True)
class Made:
    """A contract whose extract was made for a test."""

    contract: Contract

    @property
    def folder(self) -> Path:
        return self.contract.path.parent / "extract"

    def extract(self) -> Extract:
        return load_extract(self.contract)

    def snapshot(self, month: str = "2020-12", known_at: str | date | None = None) -> Snapshot:
        return take_snapshot(self.extract(), month, known_at)


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Made]:
    """Return a function that writes an extract and a contract, and returns both as `Made`."""

    def make(
        events: str | Iterable[Row] = "",
        participants: Iterable[Row] | None = None,
        attributes: str | Iterable[Row] | None = None,
        *,
        keys: str = "",
        **tables: Iterable[Row],
    ) -> Made:
        events = rows(events) if isinstance(events, str) else list(events)
        if participants is None:
            referrals = dict.fromkeys(row["referral_id"] for row in events)
            participants = [{"referral_id": name, "participant_id": f"person of {name}"} for name in referrals]
        tables |= {"participants": participants, "events": events}
        if attributes is not None:
            tables["attributes"] = rows(attributes, ATTRIBUTES) if isinstance(attributes, str) else attributes
        params = tmp_path_factory.mktemp("params")
        path = params / "contracts" / "made-here.yaml"
        (path.parent / "extract").mkdir(parents=True)
        path.write_text(CONTRACT + keys, encoding="utf-8")
        for name, table in tables.items():
            pd.DataFrame(list(table)).to_csv(path.parent / "extract" / f"{name}.csv", index=False)
        return Made(load_contract("made-here", params))

    return make
