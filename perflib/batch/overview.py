"""What gathers the reports: a month's workbook and headlines, and the index and manifest of all.

They are written from what the reports show, so that they hold nothing that was not disclosed.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

from perflib.batch import manifest
from perflib.batch.index_page import CHANGES, TABLES, Entry, Standing, label, write_index
from perflib.batch.job import month_of, revises
from perflib.batch.manifest import MANIFEST, altered, as_json, digests
from perflib.batch.workers import MAKING
from perflib.disclosure.html import MIME
from perflib.disclosure.words import day_words, listed
from perflib.errors import where

GATHERED = "the workbook and the headlines"

REVIEW, STANDING = "contract_review", ("starts_for_100", "outcomes_for_100", "miss", "standards")
"""The notebook whose key figures set contracts beside each other, and those figures in their order."""

HEADLINES = "headlines.json"


def gather(folder: Path, out: Path, snapshots: Path) -> dict[str, bytes]:
    """Return a month's workbook, headlines and manifest, and what a revision changed; nothing if they are up to date.

    Parameters
    ----------
    folder : Path
        The month's, below `out`.
    out : Path
        The reports folder.
    snapshots : Path
        Where this run's prepared snapshots are.
    """
    held = manifest.read(out / folder)
    made = [entry for entry in _made(held) if not any(altered(out / folder, entry.get("files", {})))]
    if not made or (is_gathered(held) and not any(altered(out / folder, held.get("files", {})))):
        return {}
    shown = {entry["report"]: list(_shown(out / f"{entry['report']}.ipynb")) for entry in made}
    headlines = {
        "contract": folder.parts[0],
        "month": month_of(folder),
        "audience": made[0]["audience"],
        "notebooks": {
            Path(entry["report"]).name: {
                "known_at": entry["known_at"],
                "fingerprint": entry["fingerprint"],
                "values": _merged(shown[entry["report"]], "values"),
                "labels": _merged(shown[entry["report"]], "labels"),
                "shown": _merged(shown[entry["report"]], "shown"),
                "findings": [
                    line for item in shown[entry["report"]] if item["kind"] == "text" for line in item["sentences"]
                ],
            }
            for entry in made
        },
    }
    files = {
        HEADLINES: as_json(headlines),
        "tables.xlsx": _workbook(folder, made, [item for items in shown.values() for item in items]),
    }
    if revises(folder):
        from perflib.batch.revision_page import what_changed  # which takes the renderer, for revisions alone

        files |= what_changed(out, folder, headlines, snapshots)
    return files | {MANIFEST: as_json(held | {"gathered": _keys(made), "files": digests(files)})}


def gather_or_say(folder: Path, out: Path, snapshots: Path) -> tuple[dict[str, bytes], str | None, tuple[str, ...]]:
    """Gather a month's reports as `gather` does; what goes wrong is returned, so that no other month loses its files.

    Returns
    -------
    files, error, trace
        The error in one line without a word of the data, None where there is none.
    """
    try:
        return gather(folder, out, snapshots), None, ()
    except Exception as error:  # its words might come from the data
        return {}, f"{GATHERED} could not be made: {type(error).__name__}.", tuple(where(error))


def is_gathered(held: Mapping[str, Any]) -> bool:
    """Return whether a month's workbook and headlines are of the reports that its manifest has."""
    return held.get("gathered") == _keys(_made(held))


def _made(held: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [entry for entry in held["reports"] if entry["status"] == "made"]


def _keys(made: Sequence[Mapping[str, Any]]) -> str:
    return digests({"": as_json([(entry["report"], entry["key"]) for entry in made])})[""]


def _workbook(folder: Path, made: Sequence[Mapping[str, Any]], items: Sequence[Mapping[str, Any]]) -> bytes:
    from perflib.batch.workbook import write_workbook

    known = sorted({entry["known_at"] for entry in made})
    with tempfile.TemporaryDirectory(prefix="perflib-") as workplace:
        book = Path(workplace) / "tables.xlsx"
        write_workbook(
            book,
            [item for item in items if item["kind"] in ("table", "figure")],
            title=f"{folder.parts[0]}, {label(month_of(folder))}{', revision' if revises(folder) else ''}",
            about=[
                f"As known on {listed([day_words(date.fromisoformat(day)) for day in known])}.",
                *(f"Data fingerprint: {value}." for value in sorted({entry["fingerprint"] for entry in made})),
            ],
        )
        return book.read_bytes()


def _shown(path: Path) -> Iterator[dict[str, Any]]:
    """Yield what a notebook displayed, as data; groups taken apart."""
    for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
        for output in cell.get("outputs", []):
            if MIME in output.get("data", {}):
                data = output["data"][MIME]
                yield from data["items"] if data["kind"] == "group" else [data]


def _merged(shown: Sequence[Mapping[str, Any]], key: str) -> dict[str, Any]:
    return {name: value for item in shown if item["kind"] == "headlines" for name, value in item[key].items()}


def write_overview(out: Path, refused: Sequence[Mapping[str, Any]] | None = None) -> None:
    """Write the manifest of all reports and the index, from the manifests of the months.

    Parameters
    ----------
    out : Path
        The reports folder.
    refused : sequence of mapping, optional
        `contract`, `error` and `trace` of each that could not be reported; by default what the manifest says.
    """
    if refused is None:
        refused = manifest.read(out).get("refused", [])
    months = [path.parent for path in sorted(out.glob(f"*/*/{MANIFEST}"))]
    entries = [entry for folder in months for entry in manifest.read(folder)["reports"]]
    manifest.write(out / MANIFEST, as_json({"reports": entries, "refused": list(refused)}))
    failures = [Entry(item["contract"], "", "", "no report", "failed", "", item["error"]) for item in refused]
    beside = out / f"{MAKING}index.html"
    entries_ = [*failures, *(entry for folder in months for entry in _entries(out, folder))]
    write_index(beside, entries_, _standings(out, months))
    os.replace(beside, out / "index.html")


def _standings(out: Path, months: Sequence[Path]) -> list[Standing]:
    """Return where each contract stands against its own promises, in the last month whose review was made."""
    latest: dict[str, Standing] = {}
    for folder in months:  # in the order of their months
        if revises(folder):
            continue
        if figures := _key_figures(folder / HEADLINES):
            report = (folder / f"{REVIEW}.html").relative_to(out).as_posix()
            latest[folder.parent.name] = Standing(folder.parent.name, month_of(folder), report, figures)
    return list(latest.values())


def _key_figures(path: Path) -> dict[str, str] | None:
    """Read the key figures of a month's review, by label; empty without a review, None where the file is damaged."""
    held = manifest.load(path)
    try:
        review = held["notebooks"].get(REVIEW)
        if review is None:
            return {}
        return {review["labels"][key]: review["shown"][key] for key in STANDING if key in review["shown"]}
    except (TypeError, KeyError, AttributeError):
        return None


def damaged_headlines(out: Path) -> Iterator[str]:
    """Yield each month's headlines that cannot be read, and what follows."""
    for path in sorted(out.glob(f"*/*/{HEADLINES}")):
        if _key_figures(path) is None:
            yield f"{path}: is damaged; `perflib run` for its month makes it again. Until then the index leaves it out."


def _entries(out: Path, folder: Path) -> Iterator[Entry]:
    """Yield what the index says of a month, or of its revision."""
    contract, month = folder.parent.name, month_of(folder)
    record = manifest.issued(folder)
    edition = "revision" if revises(folder) else "" if record is None else _issued_words(record)
    for entry in manifest.read(folder)["reports"]:
        report = f"{entry['report']}.html"
        href = report if entry["status"] == "made" and (out / report).is_file() else ""
        name = Path(entry["report"]).name
        yield Entry(contract, month, name, entry["title"], entry["status"], href, entry["error"] or "", edition)
    page = folder / f"{CHANGES}.html"
    if page.is_file():
        yield Entry(contract, month, CHANGES, "What changed", "made", page.relative_to(out).as_posix(), edition=edition)
    book = folder / "tables.xlsx"
    if book.is_file():
        title = "All tables (spreadsheet)"
        yield Entry(contract, month, TABLES, title, "made", book.relative_to(out).as_posix(), edition=edition)


def _issued_words(record: Mapping[str, Any]) -> str:
    return f"issued {day_words(date.fromisoformat(record['on']))}" if record["on"] else "issued"
