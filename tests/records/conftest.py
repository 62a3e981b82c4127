"""Extracts written by hand, a line a row, for the tests of `records`."""

import csv
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pytest

from perflib.records.snapshot import Extract, Snapshot, load_extract, take_snapshot
from perflib.rules.contract import Contract, load_contract

Row = Mapping[str, str]

EVENTS = ("referral_id", "event", "event_date", "recorded_date")
ATTRIBUTES = ("referral_id", "attribute", "value", "from_date", "recorded_date")
REQUIRED = {"participants": ("referral_id", "participant_id"), "events": EVENTS, "attributes": ATTRIBUTES}

CONTRACT = """\
contract: made-here
name: Made for a test
programme: whp
nation: ENG
source: {folder: %s, known_to: 2020-12-31}
disclosure: {source: none, invented: true}
"""


def rows(text: str, columns: Sequence[str] = EVENTS) -> list[dict[str, str]]:
    """Read a line a row: the columns in order, then `name=value` for any other. A last date that is left out is the
    date before it: what happens is recorded that day.
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
    """A contract and its extract, made for a test. Whatever was recorded until the end of 2020 is in the extract."""

    contract: Contract

    @property
    def folder(self) -> Path:
        return self.contract.path.parent / "extract"

    def write(self, **tables: Iterable[Row]) -> None:
        """Replace tables; the columns of a file are those of its rows, in the order in which they first appear."""
        for name, table in tables.items():
            columns = list(dict.fromkeys(column for row in table for column in row)) or REQUIRED[name]
            with (self.folder / f"{name}.csv").open("w", newline="", encoding="utf-8") as file:
                writer = csv.DictWriter(file, columns, lineterminator="\n")
                writer.writeheader()
                writer.writerows(table)

    def extract(self) -> Extract:
        return load_extract(self.contract)

    def snapshot(self, month: str = "2020-12", known_at: str | date | None = None) -> Snapshot:
        return take_snapshot(self.extract(), month, known_at)


@pytest.fixture(scope="session")
def contract_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Contract]:
    """Return a function that writes and reads a contract whose source is a folder; `keys` are added to its file."""

    def make(folder: Path | str, keys: str = "") -> Contract:
        params = tmp_path_factory.mktemp("params")
        (params / "contracts").mkdir()
        text = CONTRACT % folder + keys
        (params / "contracts" / "made-here.yaml").write_text(text, encoding="utf-8")
        return load_contract("made-here", params)

    return make


@pytest.fixture(scope="session")
def made(contract_of: Callable[..., Contract]) -> Callable[..., Made]:
    """Return a function that writes an extract and a contract for it. Every referral is a person of its own unless
    participants are given.
    """

    def make(
        events: str | Iterable[Row],
        participants: Sequence[Row] | None = None,
        attributes: str | None = None,
        *,
        keys: str = "",
        **tables: Sequence[Row],
    ) -> Made:
        happened = rows(events) if isinstance(events, str) else list(events)
        if participants is None:
            referrals = dict.fromkeys(row["referral_id"] for row in happened)
            participants = [{"referral_id": name, "participant_id": f"person-of-{name}"} for name in referrals]
        if attributes is not None:
            tables["attributes"] = rows(attributes, ATTRIBUTES)
        it = Made(contract_of("extract", keys))
        it.folder.mkdir()
        it.write(participants=participants, events=happened, **tables)
        return it

    return make
