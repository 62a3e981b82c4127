"""One report: what it is made of, what it may take, and what became of it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from importlib.metadata import distributions
from pathlib import Path
from typing import Literal

from perflib.rules.calendar import month as to_month

HERE = Path(__file__).parents[1]

REVISION = "-revision"
"""How the name of the folder ends that stands beside the folder of a month that was issued."""


@dataclass(frozen=True)
class Job:
    """One report to make; everything in it is plain, so that it can be sent to another process.

    Attributes
    ----------
    notebook : str
        Its file.
    contract, month, known_at, params : str
        The notebook's parameters.
    audience : {'internal', 'external'}
    fingerprint : str
        Of the rows used.
    key : str
        Of everything that the report depends on: two jobs with one key give the same bytes.
    revision : bool
        Whether the month was issued, with something that is different now.
    """

    notebook: str
    contract: str
    month: str
    known_at: str
    params: str
    audience: str
    fingerprint: str
    key: str = ""
    revision: bool = False

    @property
    def name(self) -> str:
        """The notebook's own name, without folder and ending."""
        return Path(self.notebook).stem

    @property
    def folder(self) -> Path:
        """Where its report goes, below the reports folder: that of its month or, before that has ended, of its day."""
        ended = date.fromisoformat(self.known_at) >= to_month(self.month).end_time.date()
        return Path(self.contract) / f"{self.month if ended else self.known_at}{REVISION if self.revision else ''}"

    @property
    def report(self) -> str:
        """What the manifest and the log call its report."""
        return f"{self.folder.as_posix()}/{self.name}"


@dataclass(frozen=True)
class Limits:
    """What one report may take."""

    seconds: float = 600
    """Of time, from the start of its kernel."""
    megabytes: int | None = None
    """Of memory for the kernel's data; None: no limit."""


@dataclass(frozen=True)
class Result:
    """What became of a job.

    Attributes
    ----------
    job : Job
    title : str
        Of the report.
    status : {'made', 'kept', 'issued', 'failed'}
        Made now, kept since it was up to date, kept as it was issued, or not made.
    error : str or None
        Why it failed, in one line without a word of the data.
    trace : tuple of str
        Where it failed: file, line and function of each call, without a word of the data.
    again : bool
        Whether it failed by what another try might mend.
    files : mapping of str to bytes
        What was made: file name, content.
    seconds : float
        How long that took.
    """

    job: Job
    title: str
    status: Literal["made", "kept", "issued", "failed"] = "made"
    error: str | None = None
    trace: tuple[str, ...] = ()
    again: bool = False
    files: Mapping[str, bytes] = field(default_factory=dict)
    seconds: float = 0.0


def revises(folder: Path) -> bool:
    """Return whether a folder is that of a revision."""
    return folder.name.endswith(REVISION)


def month_of(folder: Path) -> str:
    """Return the month of a folder of reports, or of the revision of one, or its day.

    >>> month_of(Path("whp-north/2020-06-revision"))
    '2020-06'
    """
    return folder.name.removesuffix(REVISION)


def report_key(job: Job, rules: str, state: str) -> str:
    """Return the key of a job: a digest of everything that its report depends on.

    Parameters
    ----------
    job : Job
    rules : str
        A digest of the contract's parameters, resolved.
    state : str
        A digest of what the snapshot holds.
    """
    parts = (
        Path(job.notebook).read_bytes(),
        *(text.encode() for text in (job.contract, job.month, job.known_at, job.params, job.audience, rules, state)),
        software().encode(),
    )
    return hashlib.sha256(b"".join(hashlib.sha256(part).digest() for part in parts)).hexdigest()


@cache
def software() -> str:
    """Return a digest of perflib's own source and of the version of every package that is installed."""
    digest = hashlib.sha256()
    for path in sorted(path for path in HERE.rglob("*") if path.suffix in (".py", ".j2", ".css", ".json")):
        digest.update(path.relative_to(HERE).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    for package in sorted({f"{found.name}=={found.version}" for found in distributions()}):
        digest.update(package.encode())
    return digest.hexdigest()
