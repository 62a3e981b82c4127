"""What a revision says of what was issued: the key figures that moved, and why.

The key figures and findings are those that the reports showed, so that they are disclosed as they were and as they
are; the numbers of records behind them go through the contract's rule for the audience, as everything does.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import nbformat
import pandas as pd

from perflib.batch import archive, manifest
from perflib.batch.forked_kernels import environment
from perflib.batch.job import month_of, software
from perflib.batch.render import render
from perflib.disclosure.columns import text
from perflib.disclosure.presenter import Presenter, Shown, Table
from perflib.disclosure.sentences import Day, Month, Name, Plain, Sentence, as_text, name_list, sentence
from perflib.disclosure.words import day_words, month_words
from perflib.records import snapshot_cache
from perflib.records.loading import load_snapshot
from perflib.records.snapshot import Snapshot
from perflib.reporting.front_matter import disclosure
from perflib.reporting.revision_records import record_changes
from perflib.rules.calendar import day as to_day
from perflib.rules.calendar import month as to_month
from perflib.rules.contract import Contract

NAMED = 20
"""How many parameters that changed are named."""


NUMBER = re.compile(r"\d+(?:[,.]\d+)*")


def what_changed(out: Path, folder: Path, headlines: Mapping[str, Any], snapshots: Path) -> dict[str, bytes]:
    """Return the page that says what a revision changed, and the same as data.

    Parameters
    ----------
    out : Path
        The reports folder.
    folder : Path
        The revision's, below it; its reports are there.
    headlines : mapping
        The revision's.
    snapshots : Path
        Where this run's prepared snapshots are.
    """
    issued = out / folder.parent / month_of(folder)
    record = manifest.issued(issued)
    assert record is not None, "a revision is of what was issued"
    made = [entry for entry in manifest.read(out / folder)["reports"] if entry["status"] == "made"]
    look = made[0]
    with environment({snapshot_cache.FOLDER: str(snapshots)}):
        after = load_snapshot(record["contract"], record["month"], look["known_at"], look["params"])
    show = Presenter(disclosure(after, look["audience"]))
    before = archive.snapshot_of(archive.place_of(issued, record), record, same_rules=False)
    then = json.loads((issued / "headlines.json").read_text(encoding="utf-8"))
    figures, findings = _figures(then, headlines), _findings(then, headlines)
    titles = {Path(entry["report"]).name: entry["title"] for entry in made}
    other = [*_parameters(before, after.contract), *_notebooks(issued, out / folder, titles), *_software(record)]
    records = [show(content) for content in record_changes(before, after, record)]
    sections = {
        "": [show(_opening(record, look, titles, figures, findings))],
        "Key figures and findings": [show(table) for table in _moved(figures, findings, titles)],
        "Records": records,
        "Parameters, notebooks and software": [show(other or sentence("They are as they were."))],
    }
    data = {
        "contract": record["contract"],
        "month": record["month"],
        "issued": {key: record[key] for key in ("on", "known_at", "fingerprint")},
        "revision": {key: look[key] for key in ("known_at", "fingerprint")},
        "figures": figures[figures["issued"] != figures["now"]].to_dict("records"),
        "findings": findings.to_dict("records"),
        "records": [shown.data for shown in records],
        "other": as_text(other, show.disclosure),
    }
    facts = {
        "Contract": record["contract"],
        "Month": month_words(to_month(record["month"])),
        "As known on": day_words(to_day(look["known_at"])),
        "For": "internal readers" if look["audience"] == "internal" else "publication",
        "Edition": "revision of what was issued",
    }
    title = f"What changed: {record['contract']}, {facts['Month']}"
    page = render(_notebook(sections), title=title, facts=facts, provenance=[f"perflib {version('perflib')}."])
    return {"changes.html": page.encode(), "changes.json": manifest.as_json(data)}


def _notebook(sections: Mapping[str, Sequence[Shown]]) -> Any:
    """Return what is shown as the executed notebook that the renderer takes."""
    node: Any = nbformat.v4
    cells = [node.new_markdown_cell("# What changed since this month was issued")]
    for heading, held in sections.items():
        cells += [node.new_markdown_cell(f"## {heading}")] if heading else []
        cells += [
            node.new_code_cell(outputs=[node.new_output("display_data", data=shown._repr_mimebundle_())])
            for shown in held
        ]
    return node.new_notebook(cells=cells)


def _opening(
    record: Mapping[str, Any],
    look: Mapping[str, Any],
    titles: Mapping[str, str],
    figures: pd.DataFrame,
    findings: pd.DataFrame,
) -> list[Sentence]:
    """Return what was issued when, what is compared with it, and how much of it moved."""
    on = sentence(" on {day}", day=Day(to_day(record["on"]))) if record["on"] else sentence("")
    then, now = (Day(to_day(item["known_at"])) for item in (record, look))
    moved = (figures["issued"] != figures["now"]).sum()
    sentences = [
        sentence(
            "{month} was issued{on}, as known on {then}; what was issued stands unchanged. The reports beside this "
            "page were made again, as known on {now}.",
            month=Month(to_month(record["month"])),
            on=on,
            then=then,
            now=now,
        ),
        sentence(
            "Reading differently now: {moved} of {figures} key figures, and {findings} {sentences} of the findings.",
            moved=Plain(moved),
            figures=Plain(len(figures)),
            findings=Plain(len(findings)),
            sentences=Name("sentence" if len(findings) == 1 else "sentences"),
        ),
    ]
    new = [title for name, title in titles.items() if name not in record["reports"]]
    missing = [title for name, title in record["reports"].items() if name not in titles]
    return [
        *sentences,
        sentence("Not among what was issued: {new}.", new=name_list(new)),
        sentence("Not made again: {missing}.", missing=name_list(missing)),
    ]


def _figures(issued: Mapping[str, Any], now: Mapping[str, Any]) -> pd.DataFrame:
    """Return the key figures of the reports that both have, as each shows them."""
    rows = []
    for report, mine in now["notebooks"].items():
        theirs = issued["notebooks"].get(report, {"shown": {}, "labels": {}})
        labels = theirs["labels"] | mine["labels"]
        for key in labels if report in issued["notebooks"] else ():
            values = [held["shown"].get(key, "not given") for held in (theirs, mine)]
            rows.append((report, key, labels[key], *values))
    return pd.DataFrame(rows, columns=["report", "key", "figure", "issued", "now"])


def _findings(issued: Mapping[str, Any], now: Mapping[str, Any]) -> pd.DataFrame:
    """Return the sentences that only one of two reports has, beside one that is the same but for its numbers."""
    rows = []
    for report in [report for report in now["notebooks"] if report in issued["notebooks"]]:
        theirs, mine = (_sentences(held["notebooks"][report]) for held in (issued, now))
        gone = {NUMBER.sub("#", words): words for key, words in theirs.items() if key not in mine}
        new = [words for key, words in mine.items() if key not in theirs]
        rows += [(report, gone.pop(NUMBER.sub("#", words), "not said"), words) for words in new]
        rows += [(report, words, "not said") for words in gone.values()]
    return pd.DataFrame(rows, columns=["report", "issued", "now"])


def _sentences(held: Mapping[str, Any]) -> dict[str, str]:
    """Return a report's sentences, by their words without the day on which it was known."""
    day = day_words(to_day(held["known_at"]))
    return {words.replace(day, ""): words for words in held["findings"]}


def _moved(figures: pd.DataFrame, findings: pd.DataFrame, titles: Mapping[str, str]) -> list[Table]:
    both = {"title": text("Report"), "issued": text("As issued"), "now": text("Now")}
    moved = figures[figures["issued"] != figures["now"]]
    return [
        Table(
            moved.assign(title=moved["report"].map(titles)),
            "Key figures that read differently now",
            {"figure": text("Key figure")} | both,
            empty="every key figure reads as it was issued",
        ),
        Table(
            findings.assign(title=findings["report"].map(titles)),
            "Findings that read differently now",
            both,
            empty="every finding reads as it was issued",
        ),
    ]


def _parameters(before: Snapshot | None, now: Contract) -> list[Sentence]:
    """Return which parameters were others, by name: their values may be for fewer readers than this page."""
    if before is None:
        return [sentence("Whether the parameters have changed cannot be said.")]
    then, since = (
        contract.model_dump(mode="json", exclude={"path"}, warnings="none") for contract in (before.contract, now)
    )
    names = list(_different(then, since))
    if not names:
        return []
    more = sentence(", and {n} more", n=Plain(len(names) - NAMED)) if len(names) > NAMED else sentence("")
    return [sentence("Parameters that have changed: {names}{more}.", names=name_list(names[:NAMED], ", "), more=more)]


def _different(before: Any, after: Any, path: str = "") -> Iterator[str]:
    """Yield the keys at which two mappings differ, as a path of keys."""
    if isinstance(before, dict) and isinstance(after, dict):
        for key in sorted({*before, *after}):
            yield from _different(before.get(key), after.get(key), f"{path}.{key}" if path else str(key))
    elif before != after:
        yield path


def _notebooks(issued: Path, folder: Path, titles: Mapping[str, str]) -> list[Sentence]:
    """Return which notebooks have other cells than those that were executed for what was issued."""
    changed = [
        title
        for name, title in titles.items()
        if (issued / f"{name}.ipynb").is_file() and _cells(issued / f"{name}.ipynb") != _cells(folder / f"{name}.ipynb")
    ]
    return [sentence("The notebook has changed: {names}.", names=name_list(changed))] if changed else []


def _cells(path: Path) -> list[str]:
    """Return the cells of an executed notebook, but for the one with the parameters it was given."""
    return [
        "".join(cell["source"])
        for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]
        if "injected-parameters" not in cell["metadata"].get("tags", [])
    ]


def _software(record: Mapping[str, Any]) -> list[Sentence]:
    if record["software"] == software():
        return []
    then, now = record["perflib"], version("perflib")
    if then != now:
        return [
            sentence(
                "What was issued was made by perflib {then}, this revision by perflib {now}.",
                then=Name(then),
                now=Name(now),
            )
        ]
    return [
        sentence(
            "Made by perflib {now} then and now, but its source, or the version of a package, has changed.",
            now=Name(now),
        )
    ]
