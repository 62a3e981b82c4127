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


def read(folder: Path) -> dict[str, Any]:
    """Return the manifest of a folder, empty if it has none."""
    return _load(folder / MANIFEST) or {"reports": []}


def issued(folder: Path) -> dict[str, Any] | None:
    """Return what a month was issued with; None if it was not issued."""
    return _load(folder / ISSUED)


def _load(path: Path) -> dict[str, Any] | None:
    if not path.is_file():
        return None
    try:
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        raise PerfError(f"{path}: was changed since perflib wrote it: it is not JSON. Put it back as it was.") from None
    return found


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
