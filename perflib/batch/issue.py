"""A month's reports as they were issued, and whether a report is what it is made from.

`issue` makes the files of a month read-only, writes beside them `issued.json` with the SHA-256 of each, and keeps apart
what they were made from (`frozen`). `verify` makes reports again, those of a month that was issued from what was kept
and others from the extract as it is now, and compares every byte. Neither writes a report.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pandas as pd

from perflib.batch import archive, manifest
from perflib.batch.job import Job, Limits, month_of, revises, software
from perflib.batch.manifest import ISSUED, MANIFEST, altered, as_json
from perflib.batch.overview import gather, is_gathered, write_overview
from perflib.batch.run import Request, find_notebooks, jobs_of, read_periods, why
from perflib.batch.workers import MAKING, Workshop, locked, workshop
from perflib.errors import ParameterError, PerfError
from perflib.rules.contract import check_plain, load_contract

ONE_LOOK = ("known_at", "fingerprint", "audience", "params")
"""What all reports of an issued month have in common."""


def issue(contract: str, month: str, out: Path, store: Path | None = None, on: date | None = None) -> Path:
    """Freeze a month's reports as they were issued; return where what they were made from is kept.

    Parameters
    ----------
    contract, month : str
    out : Path
        The reports folder.
    store : Path, optional
        Where to keep what they were made from; by default the folder `issued` beside the reports folder.
    on : date, optional
        The day of issue.

    Raises
    ------
    ParameterError
        There is no report, the month is issued already, or the store is not a private folder outside the reports.
    PerfError
        A report failed, is not what the manifest says, or is not what would be made now.
    """
    check_plain(contract, "contract")
    folder, store = out / contract / month, out.absolute().parent / "issued" if store is None else store
    if not (folder / MANIFEST).is_file():
        raise ParameterError(f"{folder}: holds no report. Make it: perflib run --contract {contract} --month {month}")
    if revises(folder):
        raise ParameterError(f"{folder}: is a revision. Give the month: {month_of(folder)}.")
    _check_store(store, out)
    with locked(out):
        if (record := manifest.issued(folder)) is not None:
            raise ParameterError(f"{folder}: was issued already{_on(record)}. A later run writes a revision beside it.")
        held = manifest.read(folder)
        _check_sound(folder, held)
        place = store / contract / month / held["reports"][0]["audience"]
        making = place.with_name(f"{MAKING}{place.name}")
        shutil.rmtree(making, ignore_errors=True)
        store.mkdir(mode=0o700, parents=True, exist_ok=True)
        (making / archive.SNAPSHOTS).mkdir(parents=True)
        try:
            record = {"on": on and str(on), **_kept(folder, held, making, place)}
            _check_other(place, record)
            manifest.write(making / ISSUED, as_json(record))
            shutil.rmtree(place, ignore_errors=True)
            os.replace(making, place)
        finally:
            shutil.rmtree(making, ignore_errors=True)
        manifest.write(folder / ISSUED, as_json(record))
        for path in [folder / name for name in [*record["files"], ISSUED]]:
            path.chmod(0o444)
        for path in [place / name for name in _files(place)]:
            path.chmod(0o400)
        write_overview(out)
    return place


def _kept(folder: Path, held: Mapping[str, Any], making: Path, place: Path) -> dict[str, Any]:
    """Keep what a month's reports were made from in a folder that will be renamed, and return the record of it all."""
    first = held["reports"][0]
    jobs = _jobs_now(folder, held["reports"], making / archive.SNAPSHOTS)
    for job in jobs:
        if (reason := why(job, folder.parents[1])) is not None:
            raise PerfError(f"{job.report}: is not what would be made now: {reason}. Run perflib run before.")
    contract = load_contract(folder.parent.name, first["params"])
    archive.keep(making, contract, first["params"], [Path(job.notebook) for job in jobs])
    return {
        "contract": contract.contract,
        "month": folder.name,
        **{key: first[key] for key in ONE_LOOK},
        "perflib": version("perflib"),
        "software": software(),
        "reports": {Path(entry["report"]).name: entry["title"] for entry in held["reports"]},
        "files": manifest.digests({name: (folder / name).read_bytes() for name in [*_recorded(held), MANIFEST]}),
        "store": Path(os.path.relpath(place.resolve(), folder.resolve())).as_posix(),
        "frozen": manifest.digests({name: (making / name).read_bytes() for name in _files(making)}),
    }


def _check_store(store: Path, out: Path) -> None:
    """Refuse a place whose files others can see: they name participants."""
    if out.resolve() in (store.resolve(), *store.resolve().parents):
        raise ParameterError(
            f"--store {store}: lies in the reports folder, which is shared. Choose a place outside it."
        )
    if os.name == "posix" and store.is_dir() and store.stat().st_mode & 0o077:
        raise ParameterError(
            f"--store {store}: can be opened by others, and what is kept there names participants. "
            f"Run: chmod 700 {store}"
        )


def _check_sound(folder: Path, held: Mapping[str, Any]) -> None:
    """Refuse a month of which a report failed or is not what was made, or whose reports are not of one look."""
    for entry in held["reports"]:
        if entry["status"] == "failed":
            raise PerfError(f"{entry['report']}: failed: {entry['error']} Mend it and run perflib run before.")
        if "files" not in entry:
            raise PerfError(f"{entry['report']}: was made by an earlier perflib. Run perflib run before.")
    for fault in altered(folder, _recorded(held)):
        raise PerfError(f"{fault} since it was made. Make it again: perflib run --force")
    if not is_gathered(held):
        raise PerfError(f"{folder}: its run was broken off. Run perflib run before.")
    for key in ONE_LOOK:
        if len(values := sorted({entry[key] for entry in held["reports"]})) > 1:
            raise PerfError(
                f"{folder}: its reports differ in {key}: {', '.join(values)}. Make them again in one run before."
            )


def _check_other(place: Path, record: Mapping[str, Any]) -> None:
    """Refuse a place that holds what another folder of reports was issued from; one broken off is replaced."""
    if (other := manifest.issued(place)) is not None and other["files"] != record["files"]:
        raise ParameterError(
            f"{place}: holds what other reports of {record['contract']} for {record['month']} were issued from. "
            f"Give another --store."
        )


def _on(record: Mapping[str, Any]) -> str:
    return f" on {record['on']}" if record["on"] else ""


def _recorded(held: Mapping[str, Any]) -> dict[str, str]:
    """Return every file that a month's manifest vouches for, with its SHA-256."""
    made = [entry.get("files", {}) for entry in held["reports"] if entry["status"] == "made"]
    return {name: digest for files in [*made, held.get("files", {})] for name, digest in files.items()}


def _files(place: Path) -> list[str]:
    return sorted(path.relative_to(place).as_posix() for path in place.rglob("*") if path.is_file())


def _jobs_now(folder: Path, entries: Sequence[Mapping[str, Any]], snapshots: Path) -> list[Job]:
    """Return the jobs that make a month's reports from the extract as it is now, and keep their snapshots."""
    month = str(pd.Period(month_of(folder), "M"))
    wanted: dict[Request, list[str]] = {}
    for entry in entries:
        request = Request(folder.parent.name, (month,), entry["known_at"], entry["params"], entry["audience"], True)
        wanted.setdefault(request, []).append(entry["notebook"])
    return [
        replace(job, revision=revises(folder))
        for request, names in wanted.items()
        for job in jobs_of(request, read_periods(request, snapshots), find_notebooks(names))
    ]


@dataclass(frozen=True)
class Verdict:
    """Whether a report is what is made when it is made again, and what is to be said of it."""

    same: bool
    words: str


def verify(report: Path) -> Verdict:
    """Make a report again and compare every byte.

    Parameters
    ----------
    report : Path
        A file of a month's folder, or the folder.

    Raises
    ------
    PerfError
        It cannot be checked: it is no report, what it was issued from is not there, or it cannot be made again.
    """
    given = report if report.is_dir() else report.parent
    folder, record = given.resolve(), manifest.issued(given)
    out = folder.parent.parent
    if not (out / MANIFEST).is_file():
        recorded = {}
    elif record is None:
        recorded = _recorded(manifest.read(given))
    else:
        recorded = {name: digest for name, digest in record["files"].items() if name != MANIFEST}
    names = list(recorded) if report.is_dir() else [report.name]
    if not recorded or not recorded.keys() >= set(names):
        raise ParameterError(f"{report}: is no report, nor a month's folder of reports, that a run has made.")
    faults = altered(given, {name: recorded[name] for name in names})
    if record is not None:
        place = archive.place_of(folder, record)
        if not (place / ISSUED).is_file():
            raise ParameterError(f"{place}: what {given} was issued from is not there.")
        faults = _issued_faults(given, place, record, names)
    if (fault := next(faults, None)) is not None:
        return Verdict(False, f"{fault} since it was {'made' if record is None else 'issued'}.")
    held = manifest.read(folder)
    made = [entry for entry in held["reports"] if entry["status"] == "made"]
    entries = [entry for entry in made if entry["files"].keys() >= set(names)] or made
    with workshop(out, len(entries)) as shop:
        if record is None:
            jobs = _jobs_now(folder, entries, shop.folder)
            remade = _made_again(shop, jobs)
        else:
            jobs = []
            remade = _made_from_frozen(shop, place, record, entries)
        if not remade.keys() >= set(names):
            remade |= _gathered_again(shop, folder, held, remade)
    other = [name for name in names if (folder / name).read_bytes() != remade[name]]
    if other:
        return Verdict(False, f"{given / other[0]}: made again, it is different{_why(jobs, folder, record)}.")
    source = "the extract as it is now" if record is None else "what it was issued from"
    files = "1 file" if len(names) == 1 else f"{len(names)} files"
    return Verdict(True, f"{report}: the same, byte for byte ({files} made again from {source}).")


def _issued_faults(given: Path, place: Path, record: Mapping[str, Any], names: Sequence[str]) -> Iterator[str]:
    """Yield what is not as it was issued, of some files of a month and of what it was issued from."""
    if (given / ISSUED).read_bytes() != (place / ISSUED).read_bytes():
        yield f"{given / ISSUED}: was changed"
    yield from altered(given, {name: record["files"][name] for name in [*names, MANIFEST]})
    yield from altered(place, record["frozen"])


def _why(jobs: Sequence[Job], folder: Path, record: Mapping[str, Any] | None) -> str:
    """Return why reports may come out otherwise than they did, where that can be told."""
    if record is not None:
        return (
            "" if record["software"] == software() else f": it was made by other software (perflib {record['perflib']})"
        )
    reasons = [reason for job in jobs if (reason := why(job, folder.parents[1])) is not None]
    return f": {reasons[0]}" if reasons else ""


def _made_again(shop: Workshop, jobs: Sequence[Job]) -> dict[str, bytes]:
    """Return the files of reports, made again."""
    files: dict[str, bytes] = {}
    for job, result in shop.make(jobs, Limits()):
        if result is None or result.error is not None:
            raise PerfError(
                f"{job.report}: {result.error if result else 'the process that made it was killed, twice.'}"
            )
        files |= result.files
    return files


def _made_from_frozen(
    shop: Workshop, place: Path, record: Mapping[str, Any], entries: Sequence[Mapping[str, Any]]
) -> dict[str, bytes]:
    """Return the files of reports, made again from what they were issued from."""
    if archive.snapshot_of(place, record) is None:
        raise PerfError(
            f"{place}: was kept by perflib {record['perflib']} and its packages, and cannot be read by perflib "
            f"{version('perflib')} with these. Install requirements.lock of that version."
        )
    copy = shop.folder / "frozen"
    shutil.copytree(place / archive.PARAMS, copy)
    for path in (place / archive.SNAPSHOTS).iterdir():
        shutil.copy(path, shop.folder)
    jobs = [
        Job(
            str(place / archive.NOTEBOOKS / f"{Path(entry['report']).name}.ipynb"),
            record["contract"],
            record["month"],
            record["known_at"],
            copy.as_posix(),
            record["audience"],
            record["fingerprint"],
        )
        for entry in entries
    ]
    made = _made_again(shop, jobs)
    # A notebook keeps its parameters, the folder of parameter files among them.
    return {
        name: content.replace(copy.as_posix().encode(), record["params"].encode()) for name, content in made.items()
    }


def _gathered_again(
    shop: Workshop, folder: Path, held: Mapping[str, Any], remade: Mapping[str, bytes]
) -> dict[str, bytes]:
    """Return what is gathered from a month's reports, as they were made again."""
    out = shop.folder / "remade"
    month = Path(folder.parent.name) / folder.name
    for name, content in remade.items():
        manifest.write(out / month / name, content)
    entries = [entry | {"files": {}} for entry in held["reports"]]  # whatever the files were, these are gathered
    manifest.write(out / month / MANIFEST, as_json({"reports": entries}))
    if revises(folder):
        (out / month.parent / month_of(folder)).symlink_to(folder.parent / month_of(folder), target_is_directory=True)
    return gather(month, out, shop.folder)
