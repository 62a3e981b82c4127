"""Reports of one month tell one story: each quantity has one key, one wording, one clock and one value."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import openpyxl  # type: ignore[import-untyped]
import pytest
from bs4 import BeautifulSoup

from perflib import load_snapshot
from perflib.analysis import cohorts, counts
from perflib.batch import run
from perflib.disclosure.presenter import MIME, Shown
from perflib.records.snapshot import Snapshot
from perflib.reporting import open_report

ROOT = Path(__file__).parents[2] / "notebooks"
NOTEBOOKS = sorted(path.stem for path in ROOT.glob("*.ipynb"))


def cells(name: str) -> list[str]:
    notebook = json.loads((ROOT / f"{name}.ipynb").read_text(encoding="utf-8"))
    return ["".join(cell["source"]) for cell in notebook["cells"] if cell["cell_type"] == "code"]


def shown(name: str, snapshot: Snapshot) -> list[dict[str, Any]]:
    """Run the calls of a notebook in this process and return what they show, as data; groups taken apart."""
    space: dict[str, Any] = {"snapshot": snapshot, "show": open_report(snapshot), "__name__": name}
    found = []
    for code in cells(name):
        imports = "\n".join(line for line in code.splitlines() if line.startswith(("from ", "import ")))
        exec(imports, space)
        last = code.strip().splitlines()[-1]
        if "check_parameters" in code or not re.match(r"[a-z_.]+\(", last):
            continue
        result = eval(last, space)
        if isinstance(result, Shown):
            found += parts(result.data)
    return found


def parts(data: dict[str, Any]) -> list[dict[str, Any]]:
    return data["items"] if data["kind"] == "group" else [data]


MONTHS = {"whp-sample": "2020-09", "ses-sample": "2020-09", "jobs2-sample": "2018-03"}


@pytest.fixture(scope="module")
def snapshot() -> Snapshot:
    return load_snapshot("whp-sample", MONTHS["whp-sample"])


@pytest.fixture(scope="module")
def reports(snapshot: Snapshot) -> dict[str, list[dict[str, Any]]]:
    return {name: shown(name, snapshot) for name in NOTEBOOKS}


def quantities(items: list[dict[str, Any]]) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yield what a number is of (caption, row, column; or a tile's key) and the number."""
    for item in items:
        if item["kind"] in ("table", "figure"):
            names = [column["header"] for column in item["columns"]]
            for row in item["rows"]:
                leading = [str(row[name]) for name in names if isinstance(row.get(name), str)]
                for name in names[1:]:
                    if not isinstance(row.get(name), str):
                        yield (item["caption"], *leading, str(row.get(names[0])), name), row.get(name)


def tiles(items: list[dict[str, Any]]) -> Iterator[tuple[str, str, Any]]:
    for item in items:
        if item["kind"] == "headlines":
            for key, value in item["values"].items():
                yield key, item["labels"][key], value


def test_a_key_has_one_value_in_all_reports(reports: dict[str, list[dict[str, Any]]]) -> None:
    """Rows that share their words within a report (points of a curve) are compared in their order."""
    by_key: dict[tuple[str, ...], dict[str, list[Any]]] = defaultdict(lambda: defaultdict(list))
    for report, items in reports.items():
        for key, value in quantities(items):
            by_key[key][report].append(value)
    assert len(by_key) > 500
    shared = {key: found for key, found in by_key.items() if len(found) > 1}
    assert len(shared) > 50
    assert {key: dict(found) for key, found in shared.items() if len(set(map(str, found.values()))) > 1} == {}


def test_a_caption_names_one_table(reports: dict[str, list[dict[str, Any]]]) -> None:
    """Two tables that differ in rows or columns have captions that differ."""
    tables: dict[str, list[Any]] = defaultdict(list)
    for items in reports.values():
        for item in items:
            if item["kind"] == "table":
                tables[item["caption"]].append((item["columns"], item["rows"]))
    assert {caption: found for caption, found in tables.items() if any(one != found[0] for one in found)} == {}


def test_a_tiles_key_has_one_label_and_value_and_a_label_one_key(reports: dict[str, list[dict[str, Any]]]) -> None:
    by_key: dict[str, set[Any]] = defaultdict(set)
    by_label: dict[str, set[Any]] = defaultdict(set)
    for items in reports.values():
        for key, label, value in tiles(items):
            by_key[key, label].add(value)
            by_label[label].add(key)
    assert by_key
    assert {key: found for key, found in by_key.items() if len(found) > 1} == {}
    assert {label: found for label, found in by_label.items() if len(found) > 1} == {}


def words(items: list[dict[str, Any]]) -> list[str]:
    return [sentence for item in items if item["kind"] == "text" for sentence in item["sentences"]]


def test_sentences_tiles_and_tables_say_the_same_of_outcomes(
    snapshot: Snapshot, reports: dict[str, list[dict[str, Any]]]
) -> None:
    """Recorded and expected so far, wherever they stand: in the analysis, tables, tiles and sentences."""
    level = cohorts.conversion(snapshot).iloc[0]
    to_date = counts.summary(snapshot).query("measure == 'outcome' and basis == 'cumulative'").iloc[0]
    by_cohort = cohorts.against_profile(snapshot)
    assert level["observed"] == to_date["actual"] == by_cohort["recorded"].sum()
    assert level["expected"] == pytest.approx(to_date["profile"]) == pytest.approx(by_cohort["expected"].sum())
    assert level["status"] == to_date["status"]

    said = [sentence for sentence in words(reports["cohort_trends"]) if "profile so far" in sentence]
    assert f"{level['observed']:,.0f} recorded, {level['expected']:,.0f} expected" in said[0]
    tile = {key: value for items in reports.values() for key, _, value in tiles(items)}
    assert tile["outcomes_for_100"] == pytest.approx(100 * level["ratio"], abs=0.5)


def test_the_tiles_of_a_quarter_are_the_numbers_of_its_sentence(reports: dict[str, list[dict[str, Any]]]) -> None:
    found = {key: value for key, _, value in tiles(reports["cohort_trends"])}
    sentence = words(reports["cohort_trends"])[0]
    assert f"{found['referral']:,.0f} referrals recorded" in sentence
    assert f"{found['start']:,.0f} starts recorded" in sentence


def test_what_is_compared_with_a_profile_is_what_was_recorded(
    snapshot: Snapshot, reports: dict[str, list[dict[str, Any]]]
) -> None:
    recorded = counts.monthly(snapshot, clock="recorded")
    table = next(item for item in reports["contract_review"] if item.get("caption", "").startswith("Recorded against"))
    for row in table["rows"]:
        if row["Basis"] == "In month":
            name = next(name for name in recorded if snapshot.programme.label(str(name)) == row["Measure"])
            assert row["Recorded"] == recorded[name].iloc[-1]
    review = next(item for item in reports["contract_review"] if "Performance return" in item.get("caption", ""))
    rows = {row["Measure"]: row["Sep 2020"] for row in review["rows"]}
    assert rows["Job outcomes"] == recorded["outcome"].iloc[-1] == 27


def test_every_measure_that_is_recorded_late_is_named_with_its_share(
    snapshot: Snapshot, reports: dict[str, list[dict[str, Any]]]
) -> None:
    sentence = next(
        words_ for words_ in words(reports["cohort_trends"]) if "share is expected to be recorded" in words_
    )
    month = counts.summary(snapshot).query("basis == 'month'").set_index("measure")["recorded_share"]
    for name, share in month[month < 0.95].items():
        assert f"{snapshot.programme.label(str(name)).lower()} ({share:.0%})" in sentence
    assert "job outcomes" in sentence


def test_no_page_says_promised_of_what_is_compared(reports: dict[str, list[dict[str, Any]]]) -> None:
    for name in ("cohort_trends", "performance_summary"):
        assert not [sentence for sentence in words(reports[name]) if "promise" in sentence]


Month = tuple[Path, dict[str, list[dict[str, Any]]]]


@pytest.fixture(scope="module")
def reports_of_three(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of every report of a month of each sample."""
    folder = tmp_path_factory.mktemp("made")
    jobs = [job for name, month in MONTHS.items() for job in run.plan([name], [month], run.find_notebooks(None))]
    run.run(jobs, folder)
    return folder


@pytest.fixture(scope="module", params=list(MONTHS))
def month(request: pytest.FixtureRequest, reports_of_three: Path) -> Month:
    """Return the folder of a month, and what its executed notebooks display, as data."""
    folder = reports_of_three / request.param / MONTHS[request.param]
    displayed: dict[str, list[dict[str, Any]]] = {}
    for path in sorted(folder.glob("*.ipynb")):
        code = json.loads(path.read_text(encoding="utf-8"))["cells"]
        shown_by = [output["data"] for cell in code for output in cell.get("outputs", [])]
        displayed[path.stem] = [item for data in shown_by if MIME in data for item in parts(data[MIME])]
    return folder, displayed


@pytest.mark.slow
def test_pages_of_a_month_hold_the_same(month: Month) -> None:
    _, displayed = month
    assert sorted(displayed) == NOTEBOOKS
    test_a_key_has_one_value_in_all_reports(displayed)
    test_a_caption_names_one_table(displayed)
    test_a_tiles_key_has_one_label_and_value_and_a_label_one_key(displayed)


@pytest.mark.slow
def test_headlines_are_the_tiles_and_sentences_of_the_pages(month: Month) -> None:
    folder, displayed = month
    headlines = json.loads((folder / "headlines.json").read_text(encoding="utf-8"))["notebooks"]
    for name, items in displayed.items():
        kept = headlines[name]
        on_page = {key: (label, value) for key, label, value in tiles(items)}
        assert on_page == {key: (kept["labels"][key], value) for key, value in kept["values"].items()}
        assert set(kept["findings"]) <= set(words(items))


@pytest.mark.slow
def test_the_workbook_has_the_numbers_of_every_table(month: Month) -> None:
    folder, displayed = month
    book = openpyxl.load_workbook(folder / "tables.xlsx", read_only=True)
    sheets: dict[str, list[list[list[Any]]]] = defaultdict(list)
    for sheet in book.worksheets:
        rows = [list(row) for row in sheet.iter_rows(values_only=True)]
        if title := re.match(r"Table \d+: (.*?)( \[note.*)?$", str(rows[0][0])):
            sheets[title[1]].append(rows)
    tables = [item for items in displayed.values() for item in items if item["kind"] == "table" and item["rows"]]
    assert len(tables) > 40
    for item in tables:
        headers = [column["header"] for column in item["columns"]]
        on_page = [row[name] for row in item["rows"] for name in headers if isinstance(row[name], int | float)]
        in_book = [
            [cell for row in rows for cell in row if isinstance(cell, int | float)]
            for rows in sheets[item["caption"]]
            if headers in [row[: len(headers)] for row in rows]
        ]
        assert any(numbers == pytest.approx(on_page) for numbers in in_book), item["caption"]


@pytest.mark.slow
def test_the_index_has_the_key_figures_of_the_review(month: Month) -> None:
    folder, displayed = month
    review = {label: key for key, label, _ in tiles(displayed["contract_review"])}
    headlines = json.loads((folder / "headlines.json").read_text(encoding="utf-8"))["notebooks"]["contract_review"]
    index = BeautifulSoup((folder.parents[1] / "index.html").read_text(encoding="utf-8"), "html.parser")
    compared = next(table for table in index.find_all("table") if "Standards not met" in table.get_text())
    heads = [cell.get_text(strip=True) for cell in compared.select("thead th")]
    row = next(row for row in compared.select("tbody tr") if folder.parent.name in row.get_text())
    cells_there = dict(zip(heads, [cell.get_text(strip=True) for cell in row.select("th, td")], strict=True))
    assert {head: cell for head, cell in cells_there.items() if head in review} == {
        head: headlines["shown"][key] for head, key in review.items() if head in cells_there
    }
    assert len(set(cells_there) & set(review)) > 2


@pytest.mark.slow
def test_every_page_opens_with_its_findings_and_reads_well(
    reports_of_three: Path, audit: Callable[[Path, int], dict[str, Any]]
) -> None:
    """On a first screen of 1280 by 900 pixels; everything unfolded for the checker of accessibility."""
    for name in NOTEBOOKS:
        found = audit(reports_of_three / "whp-sample" / MONTHS["whp-sample"] / f"{name}.html", 1280)
        assert found["first_finding"] is not None, name
        assert found["first_finding"] < 900, name
        assert (found["violations"], found["requests"], found["width"]) == ([], [], 1280), name


@pytest.mark.slow
def test_each_point_of_the_briefing_leads_to_a_heading_of_a_report(month: Month) -> None:
    folder, _ = month
    page = BeautifulSoup((folder / "briefing.html").read_text(encoding="utf-8"), "html.parser")
    links = [str(link["href"]) for link in page.select(".findings a")]
    assert links
    for link in links:
        name, _, heading = link.partition("#")
        report = BeautifulSoup((folder / name).read_text(encoding="utf-8"), "html.parser")
        assert report.find(id=heading) is not None, link
