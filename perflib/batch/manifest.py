"""What a month's folder says of its own files: what they were made from, and what they were when that was written.

`manifest.json` has an entry for each report; `issued.json` stands beside it once the month was issued. Every file of a
reports folder is written beside its place and then renamed, so that it is whole or not there.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from perflib.batch.workers import MAKING
from perflib.errors import PerfError

MANIFEST = "manifest.json"
ISSUED = "issued.json"


ENTRY = {"report", "title", "status", "error", "notebook", "params", "known_at", "audience", "fingerprint", "key"}
"""What a manifest says of each report, at the least."""


def read(folder: Path) -> dict[str, Any]:
    """Read the manifest of a folder; one that is missing or damaged has no reports, so that they are made again.

    Raises
    ------
    PerfError
        It is damaged, and the month was issued.
    """
    path = folder / MANIFEST
    held = _sound(path)
    if held is None and path.is_file() and (folder / ISSUED).is_file():
        raise PerfError(f"{path}: was changed since the month was issued. Put it back as it was.")
    return held or {"reports": []}


def _sound(path: Path) -> dict[str, Any] | None:
    """Read a manifest; None if it is missing, is cut short or has another shape."""
    held = load(path)
    reports = held.get("reports") if isinstance(held, dict) else None
    if not isinstance(reports, list):
        return None
    return held if all(isinstance(entry, dict) and entry.keys() >= ENTRY for entry in reports) else None


def issued(folder: Path) -> dict[str, Any] | None:
    """Read what a month was issued with; None if it was not issued.

    Raises
    ------
    PerfError
        The record is damaged.
    """
    path = folder / ISSUED
    record = load(path)
    if not path.is_file():
        return None
    if not isinstance(record, dict):
        raise PerfError(f"{path}: was changed since perflib wrote it: it is not JSON. Put it back as it was.")
    return record


def load(path: Path) -> Any:
    """Read a JSON file; None if it is missing or damaged."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError, ValueError, RecursionError):
        return None


def damaged(out: Path) -> Iterator[str]:
    """Yield each month's manifest that cannot be read, and what follows."""
    for path in sorted(out.glob(f"*/*/{MANIFEST}")):
        if _sound(path) is None and not (path.parent / ISSUED).is_file():
            yield f"{path}: is damaged, so the reports of that folder count as not made."


def as_json(data: Any) -> bytes:
    """Return data as these files keep it."""
    return (json.dumps(data, indent=1, ensure_ascii=False) + "\n").encode()


def write(path: Path, content: bytes) -> None:
    """Write a file whole or not at all.

    Raises
    ------
    OSError
        The file cannot be written; names the file, not the temporary one.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f"{MAKING}{path.name}")
    try:
        beside.write_bytes(content)
        os.replace(beside, path)
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from None
    finally:
        beside.unlink(missing_ok=True)


def digests(files: Mapping[str, bytes]) -> dict[str, str]:
    """Return the SHA-256 of each file."""
    return {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}


def altered(folder: Path, recorded: Mapping[str, str]) -> Iterator[str]:
    """Yield, for each file that is not what was recorded of it, its path and what has become of it."""
    for name, digest in recorded.items():
        path = folder / name
        if not path.is_file():
            yield f"{path}: is missing"
        elif hashlib.sha256(path.read_bytes()).hexdigest() != digest:
            yield f"{path}: was changed"
