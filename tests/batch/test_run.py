"""What a run writes: the same bytes each time, nothing that identifies anybody, and whole or not at all."""

import base64
import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from unittest.mock import Mock
from urllib.parse import unquote

import nbformat
import openpyxl
import pandas as pd
import pytest
from bs4 import BeautifulSoup

from perflib.batch import overview, run
from perflib.batch.workers import workshop
from perflib.disclosure.html import MIME
from perflib.errors import DisclosureError, ParameterError
from perflib.records import snapshot

HARD = Path(__file__).parents[1] / "answers" / "whp-hard"
MONTH, PUBLISHED = "2020-03", "2020-05-28"
REPORTS = Path("reports")
KERNEL = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
MONTHLY = ("cohort_trends.html", "cohort_trends.ipynb", "headlines.json", "manifest.json", "tables.xlsx")


def jobs(contract="town", month=MONTH, notebooks=("cohort_trends",), **options):
    return run.plan([contract], [month], run.find_notebooks([str(name) for name in notebooks]), **options)


def bytes_of(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def leftovers(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.name.startswith(".")]


def notebook(path: Path, *cells: str) -> Path:
    """Write a notebook with the parameters that each must have."""
    parameters = "contract = 'town'\nmonth = None\nknown_at = None\nparams = 'params'"
    made = nbformat.v4.new_notebook(
        metadata=KERNEL,
        cells=[
            nbformat.v4.new_markdown_cell("# A page"),
            nbformat.v4.new_code_cell(parameters, metadata={"tags": ["parameters"]}),
            *(nbformat.v4.new_code_cell(cell) for cell in cells),
        ],
    )
    path.write_text(nbformat.writes(made), encoding="utf-8")
    return path


PAGE = """
from perflib import load_snapshot
from perflib.disclosure.sentences import sentence
from perflib.reporting import open_report
show = open_report(load_snapshot(contract, month, known_at, params))
show(sentence("A finding."))
"""


@pytest.fixture
def town(place, town_place, in_process):
    """Return a place of its own with the contract `town`; notebooks run in this process."""
    del in_process
    shutil.copytree(town_place.root, place.root, dirs_exist_ok=True)
    return place


# Privacy: what identifies somebody


def texts(path: Path) -> Iterator[str]:
    """Every text in a file: the members of a workbook, the strings of JSON, and the images in any of them."""
    if path.suffix == ".xlsx":
        with zipfile.ZipFile(path) as book:
            found = [book.read(name).decode() for name in book.namelist()]
    elif path.suffix in (".ipynb", ".json"):
        found = list(strings(json.loads(path.read_text(encoding="utf-8"))))
    else:
        found = [path.read_text(encoding="utf-8")]
    for text in found:
        yield text
        for encoded, image in re.findall(r'data:image/svg\+xml(;base64)?,([^"]+)"', text):
            yield base64.b64decode(image).decode() if encoded else unquote(image)


def strings(data: object) -> Iterator[str]:
    if isinstance(data, dict):
        for key, value in data.items():
            yield from (str(key), *strings(value))
    elif isinstance(data, list):
        for item in data:
            yield from strings(item)
    else:
        yield str(data)


def files_with(words: set[str], folder: Path) -> dict[str, list[str]]:
    """Return the files in which a word stands, whatever its case."""
    pattern = re.compile("|".join(map(re.escape, sorted(words))), re.IGNORECASE)
    every = {
        path.name: [word for text in texts(path) for word in pattern.findall(text)] for path in folder.rglob("*.*")
    }
    return {name: words for name, words in every.items() if words}


def test_the_search_finds_a_word_in_every_kind_of_file(town_reports):
    """It must be able to fail: the label of a line is in the page, its images, the notebook, workbook and headlines."""
    found = files_with({"referrals"}, town_reports)
    assert set(found) == {"cohort_trends.html", "cohort_trends.ipynb", "tables.xlsx", "headlines.json"}
    drawn = [text for text in texts(town_reports / "town" / MONTH / "cohort_trends.html") if text.startswith("<?xml")]
    assert any("Referrals" in image for image in drawn)


@pytest.mark.usefixtures("in_process")
def test_no_file_identifies_a_participant_of_an_extract_of_edge_cases(place):
    tables = {path.stem: pd.read_csv(path, dtype=str) for path in HARD.glob("*.csv") if path.stem != "answers"}
    for frame in tables.values():  # names that stand nowhere by chance
        frame["referral_id"] = "journey-" + frame["referral_id"]
    tables["participants"]["participant_id"] = "somebody-" + tables["participants"]["participant_id"]
    place.extract("hard", tables)
    place.contract("hard")
    results = run.run(jobs("hard", "2020-06", ()), REPORTS, workers=1)
    assert [result.error for result in results] == [None] * len(results)
    assert not files_with({"journey-", "somebody-"}, REPORTS)


WRONG_CELLS = {
    "participants": ["customer_group", "age", "sex", "ethnicity", "disability"],
    "events": ["event", "event_date", "recorded_date", "value", "detail", "ref", "source", "action", "event_id"],
}


def test_no_file_repeats_an_identifier_that_stands_in_the_wrong_cell(town):
    for table, columns in WRONG_CELLS.items():
        path = town.root / "extracts" / "town" / f"{table}.csv"
        frame = pd.read_csv(path, dtype=str)
        for number, column in enumerate(columns):
            frame.loc[number::50, column] = "ref-00007x" if number % 2 else "person-00003x"
        frame.to_csv(path, index=False)
    (result,) = run.run(jobs(accept_losses=True), REPORTS)
    assert result.error is None
    assert not files_with({"ref-0", "person-0"}, REPORTS)


STAFF = """
import pandas as pd
from perflib import load_snapshot
from perflib.reporting import open_report
from perflib.disclosure.presenter import Table, count, staff
snapshot = load_snapshot(contract, month, known_at, params)
show = open_report(snapshot)
held = snapshot.journeys["caseworker"].value_counts().rename("held").rename_axis("who").reset_index()
show(Table(held, "Who holds how many", {"who": staff("Who"), "held": count("Held")}))
"""


@pytest.mark.parametrize(("audience", "named"), [("internal", True), ("external", False)])
def test_staff_are_named_for_internal_readers_alone(audience, named, town):
    page = notebook(town.root / "staff.ipynb", STAFF)
    (result,) = run.run(jobs(notebooks=[page], audience=audience, known_at=PUBLISHED), REPORTS)
    assert result.error is None
    found = files_with({"casey worker", "robin helper"}, REPORTS)
    assert set(found) == ({"staff.html", "staff.ipynb", "tables.xlsx"} if named else set())


# Privacy: small numbers


def small(folder: Path) -> list[str]:
    """Return every place in a month's files where a count from 1 to 9, or one that is not rounded, is shown."""
    page = json.loads((folder / "cohort_trends.ipynb").read_text(encoding="utf-8"))
    shown = [output["data"][MIME] for cell in page["cells"] for output in cell.get("outputs", [])]
    items = [item for data in shown for item in (data["items"] if data["kind"] == "group" else [data])]
    tables = {item.get("table", item["caption"]): item for item in items if item["kind"] in ("table", "figure")}
    counts = {
        caption: [c["header"] for c in item["columns"] if c["kind"] == "count"] for caption, item in tables.items()
    }
    rows = {
        "notebook": {caption: item["rows"] for caption, item in tables.items()},
        "page": page_tables(folder / "cohort_trends.html"),
        "workbook": sheets(folder / "tables.xlsx", list(counts)),
    }
    headlines = json.loads((folder / "headlines.json").read_text(encoding="utf-8"))
    assert all(set(found) == set(counts) for found in rows.values())
    return [
        *(
            f"{form}: {caption}, {header}: {row[header]}"
            for form, found in rows.items()
            for caption, headers in counts.items()
            for row in found[caption]
            for header in headers
            if is_small(row[header])
        ),
        *(f"sentence: {text}" for item in items for text in item.get("sentences", []) if tells_few(text)),
        *(f"headlines: {text}" for text in strings(headlines) if tells_few(text)),
        *(
            f"headlines: {value}"
            for value in headlines["notebooks"]["cohort_trends"]["values"].values()
            if is_small(value)
        ),
    ]


def is_small(value: object) -> bool:
    number = pd.to_numeric(str(value).replace(",", ""), errors="coerce")
    return bool(pd.notna(number) and (0 < number < 10 or number % 5))


def tells_few(sentence: str) -> bool:
    """Return whether a sentence tells a small or unrounded number of people or of what they did."""
    counted = r"(?<![\d,.])([\d,]+) (?:referrals|starts|people|events|rows|job outcomes|in the quarter)"
    return any(is_small(number) for number in re.findall(counted, sentence))


def page_tables(path: Path) -> dict[str, list[dict[str, str]]]:
    tables = BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser").select("main table")
    heads = [[head.text for head in table.thead.find_all("th")] for table in tables]
    lines = [
        [[cell.text for cell in row.find_all(["th", "td"])] for row in table.tbody.find_all("tr")] for table in tables
    ]
    return {
        table.caption.text: [dict(zip(head, line, strict=True)) for line in rows]
        for table, head, rows in zip(tables, heads, lines, strict=True)
    }


def sheets(path: Path, captions: list[str]) -> dict[str, list[dict[str, str]]]:
    """Return the table of each sheet, which follows its title and instructions."""
    found = {}
    for sheet in openpyxl.load_workbook(path).worksheets:
        if sheet.title.startswith("Table "):
            lines = [[cell for cell in line if cell is not None] for line in sheet.iter_rows(values_only=True)]
            title = lines[0][0].partition(": ")[2]
            heads, *rows = (line for line in lines[2:] if len(line) > 1)
            caption = max((caption for caption in captions if title.startswith(caption)), key=len)
            found[caption] = [dict(zip(heads, row, strict=True)) for row in rows]
    return found


@pytest.mark.usefixtures("town")
def test_no_small_or_unrounded_count_is_shown_to_an_outside_audience():
    run.run(jobs(audience="external", known_at=PUBLISHED), REPORTS)
    assert small(REPORTS / "town" / MONTH) == []
    assert "[c]" in (REPORTS / "town" / MONTH / "cohort_trends.html").read_text()


def test_internal_readers_see_small_counts_in_every_form(town_reports):
    """So that the test before this one can fail."""
    found = small(town_reports / "town" / MONTH)
    assert {place.partition(":")[0] for place in found} == {"notebook", "page", "workbook", "sentence", "headlines"}


@pytest.mark.parametrize(
    ("month", "known_at", "says"),
    [
        ("2020-04", "2020-05-28", "no release covers 2020-04"),
        ("2020-03", "2020-05-27", "published on 2020-05-28"),
        ("2020-03", None, "published on 2020-05-28"),  # as known at the month's end
    ],
)
@pytest.mark.usefixtures("town")
def test_an_outside_audience_is_refused_what_is_not_published(month, known_at, says):
    with pytest.raises(DisclosureError, match=says):
        jobs(month=month, known_at=known_at, audience="external")


# The same bytes


def test_two_runs_give_the_same_bytes_with_one_worker_or_two_whatever_fails_beside_them(
    place, town_place, town_reports
):
    """Real kernels, in processes whose hashes differ; beside a notebook that fails and quotes a participant.

    The page is the one that a notebook run in this process makes.
    """
    shutil.copytree(town_place.root, place.root, dirs_exist_ok=True)
    notebook(place.root / "broken.ipynb", "raise ValueError('ref-00001x has no start')")
    base = [sys.executable, "-m", "perflib.cli", "run", "--contract", "town", "--month", MONTH]
    base += ["--known-at", PUBLISHED, "--notebook", "cohort_trends", "--notebook", "broken.ipynb"]
    runs = [
        subprocess.Popen(
            [*base, "--workers", str(workers), "--out", f"with-{workers}"],
            env=os.environ | {"PYTHONHASHSEED": str(workers)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for workers in (1, 2)
    ]
    failure = "ValueError in cell 4. Run the notebook in JupyterLab to see why."
    for workers, process in zip((1, 2), runs, strict=True):
        out, err = process.communicate(timeout=300)
        assert process.returncode == 1
        assert out == f"1 of 2 reports made; with-{workers}/index.html\n"
        assert err.splitlines()[-1] == f"failed: town/{MONTH}/broken: {failure}"
        assert "Traceback" not in err
        assert "ref-00001x" not in err
    written = bytes_of(place.root / "with-1")
    assert written == bytes_of(place.root / "with-2")
    assert {f"town/{MONTH}/{name}" for name in MONTHLY} | {"index.html", "manifest.json"} == set(written)
    assert not any(b"ref-00001x" in content for content in written.values())
    entries = {entry["report"]: entry for entry in json.loads(written["manifest.json"])["reports"]}
    assert entries[f"town/{MONTH}/broken"]["error"] == failure
    assert entries[f"town/{MONTH}/cohort_trends"]["status"] == "made"

    page = f"town/{MONTH}/cohort_trends.html"
    assert bytes_of(town_reports)[page] == written[page]


# Whole or not at all


FAILURES = {
    "an error of ours": ("from perflib.errors import DataError\nraise DataError('events.csv: bad')", "events.csv: bad"),
    "an error of another": (
        "{}['person-00001x']",
        "KeyError in cell 4. Run the notebook in JupyterLab to see why.",
    ),
    "a bare frame": ("import pandas as pd\npd.DataFrame({'a': [1]})", "bare data frame"),
    "a file": ("open('person-00001x/no.csv')", "FileNotFoundError in cell 4."),
}


@pytest.mark.parametrize(("cell", "says"), FAILURES.values(), ids=list(FAILURES))
def test_a_failed_job_is_listed_in_one_line_stops_no_other_and_is_replaced_by_a_good_run(cell, says, town):
    broken = notebook(town.root / "broken.ipynb", cell)
    whole = notebook(town.root / "whole.ipynb")
    results = run.run(jobs(notebooks=[broken, whole]), REPORTS, workers=1)
    assert [result.error is None for result in results] == [False, True]
    error = results[0].error
    assert says in error
    assert "\n" not in error
    folder = REPORTS / "town" / MONTH
    assert sorted(path.name for path in folder.iterdir()) == [
        "headlines.json",
        "manifest.json",
        "tables.xlsx",
        "whole.html",
        "whole.ipynb",
    ]
    assert not leftovers(REPORTS)
    manifest = json.loads((REPORTS / "manifest.json").read_text())["reports"]
    assert [(entry["status"], entry["error"]) for entry in manifest] == [("failed", error), ("made", None)]
    index = BeautifulSoup((REPORTS / "index.html").read_text(), "html.parser")
    assert error in index.select_one(".failures").text
    assert not files_with({"person-0"}, REPORTS)

    notebook(broken)
    run.run(jobs(notebooks=[broken]), REPORTS)
    assert (folder / "broken.html").is_file()
    manifest = json.loads((REPORTS / "manifest.json").read_text())["reports"]
    assert [(entry["status"], entry["error"]) for entry in manifest] == [("made", None), ("made", None)]
    assert "broken.html" in (REPORTS / "index.html").read_text()
    assert error not in (REPORTS / "index.html").read_text()


def test_a_place_that_cannot_be_written_fails_its_own_job_alone(town):
    town.contract("other", source="../../extracts/town")
    REPORTS.mkdir()
    (REPORTS / "other").write_text("a file where a folder should be")
    page = notebook(town.root / "page.ipynb")
    results = run.run(jobs("other", notebooks=[page]) + jobs(notebooks=[page]), REPORTS, workers=1)
    assert results[0].error is not None
    assert "reports/other" in results[0].error
    assert results[1].error is None
    assert not leftovers(REPORTS)


def test_a_contract_that_cannot_be_read_stops_no_other(town, perflib):
    town.contract("absent")
    notebook(town.root / "page.ipynb")
    said = perflib("run", "--contract", "absent", "--contract", "town", "--month", MONTH, "--notebook", "page.ipynb")
    assert said.status == 1
    assert said.out == "1 of 1 reports made; reports/index.html\n"
    assert re.search(r"^failed: absent: .*absent.yaml: source: .*$", said.err, re.MULTILINE)
    assert (REPORTS / "town" / MONTH / "page.html").is_file()


def test_a_month_that_is_also_the_one_before_the_next_is_taken_once(town, monkeypatch):
    del town
    take, taken = snapshot.take_snapshot, []
    monkeypatch.setattr(run, "take_snapshot", lambda *given: taken.append(str(given[1])) or take(*given))
    both = run.read_periods(run.Request("town", ("2020-02", MONTH)))
    assert taken == ["2020-02", "2020-01", MONTH]
    assert both == [
        *run.read_periods(run.Request("town", ("2020-02",))),
        *run.read_periods(run.Request("town", (MONTH,))),
    ]


def test_what_nobody_foresaw_in_one_extract_stops_no_other(town, monkeypatch):
    """The words of such an error may hold data: where it arose is kept, they are not."""
    read = run.read_periods

    def fails(request, folder):
        if request.contract == "broken":
            raise ValueError("R-1 cannot be read")
        return read(request, folder)

    monkeypatch.setattr(run, "read_periods", fails)
    requests = [run.Request(contract, (MONTH,)) for contract in ("broken", "town")]
    with workshop(REPORTS, 2, 1) as shop:
        planned, refused = run.plan_in(shop, requests, [notebook(town.root / "page.ipynb")])
        results = run.run_in(shop, planned, REPORTS, refused=refused)
    assert [(result.job.contract, result.status) for result in results] == [("town", "made")]
    assert refused[0].error == "ValueError while its extract was read. Run `perflib check broken` to see why."
    (held,) = json.loads((REPORTS / "manifest.json").read_text())["refused"]
    assert re.fullmatch(r"test_run\.py:\d+ in fails", held["trace"][-2])
    assert held["trace"][-1] == "ValueError"
    assert not any(b"R-1" in content for content in bytes_of(REPORTS).values())


def test_an_interrupted_run_leaves_whole_reports_or_none(town, monkeypatch):
    import papermill

    first, second = notebook(town.root / "first.ipynb"), notebook(town.root / "second.ipynb")
    execute = papermill.execute_notebook
    monkeypatch.setattr(
        "papermill.execute_notebook", Mock(side_effect=[execute(str(first), None, {}), KeyboardInterrupt])
    )
    with pytest.raises(KeyboardInterrupt):
        run.run(jobs(notebooks=[first, second]), REPORTS, workers=1)
    made = [f"town/{MONTH}/{name}" for name in ("first.html", "first.ipynb", "manifest.json")]
    assert sorted(bytes_of(REPORTS)) == made
    assert not leftovers(REPORTS)

    monkeypatch.setattr("papermill.execute_notebook", execute)
    results = run.run(jobs(notebooks=[first, second]), REPORTS, workers=1)
    assert [result.status for result in results] == ["kept", "made"]
    assert len(json.loads((REPORTS / "manifest.json").read_text())["reports"]) == 2


# Damaged since it was made


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:40])


DAMAGE = {
    "a page": ("town/2020-03/page.html", cut),
    "a notebook": ("town/2020-03/page.ipynb", cut),
    "a workbook": ("town/2020-03/tables.xlsx", cut),
    "headlines": ("town/2020-03/headlines.json", cut),
    "headlines of another shape": ("town/2020-03/headlines.json", lambda path: path.write_text("{}")),
    "a month's manifest": ("town/2020-03/manifest.json", cut),
    "a month's manifest of another shape": (
        "town/2020-03/manifest.json",
        lambda path: path.write_text('{"reports": [1]}'),
    ),
    "a month's manifest nested too deep": ("town/2020-03/manifest.json", lambda path: path.write_text("[" * 200_000)),
    "the whole manifest": ("manifest.json", cut),
    "the index": ("index.html", cut),
}


@pytest.mark.parametrize(("name", "damage"), DAMAGE.values(), ids=list(DAMAGE))
def test_what_was_damaged_is_made_again_to_the_same_bytes(name, damage, town, perflib):
    notebook(town.root / "page.ipynb", PAGE)
    run = ("run", "--contract", "town", "--notebook", "page.ipynb", "--from", "2020-02", "--to", MONTH)
    assert perflib(*run).status == 0
    before = bytes_of(REPORTS)
    damage(REPORTS / name)
    said = perflib(*run)
    assert said.status == 0
    assert "Traceback" not in said.err
    assert bytes_of(REPORTS) == before
    assert perflib(*run).out == "0 of 2 reports made, 2 up to date; reports/index.html\n"


@pytest.mark.parametrize(("name", "damage"), DAMAGE.values(), ids=list(DAMAGE))
def test_what_was_damaged_stops_no_run_of_another_month(name, damage, town, perflib):
    notebook(town.root / "page.ipynb", PAGE)
    run = ("run", "--contract", "town", "--notebook", "page.ipynb", "--month")
    assert perflib(*run, MONTH).status == 0
    damage(REPORTS / name)
    said = perflib(*run, "2020-02")
    assert said.status == 0
    assert said.out == "1 of 1 reports made; reports/index.html\n"
    told = [line for line in said.err.splitlines() if "damaged" in line]
    assert len(told) == ("headlines" in name or (name.startswith("town") and "manifest" in name))
    assert all(name in line for line in told)
    assert (REPORTS / "town" / "2020-02" / "page.html").is_file()


def test_a_damaged_report_beside_those_of_a_run_is_left_out_of_what_is_gathered(town, perflib):
    for page in ("one", "two"):
        notebook(town.root / f"{page}.ipynb", PAGE)
        assert perflib("run", "--contract", "town", "--notebook", f"{page}.ipynb", "--month", MONTH).status == 0
    cut(REPORTS / "town" / MONTH / "two.ipynb")
    said = perflib("run", "--force", "--contract", "town", "--notebook", "one.ipynb", "--month", MONTH)
    assert (said.status, said.out) == (0, "1 of 1 reports made; reports/index.html\n")
    both = ("--notebook", "one.ipynb", "--notebook", "two.ipynb", "--month", MONTH)
    assert perflib("run", "--contract", "town", *both).out.startswith("1 of 2 reports made, 1 up to date;")
    headlines = json.loads((REPORTS / "town" / MONTH / "headlines.json").read_text())
    assert set(headlines["notebooks"]) == {"one", "two"}


def test_reports_for_another_audience_are_refused_though_the_whole_manifest_is_damaged(town, perflib):
    notebook(town.root / "page.ipynb", PAGE)
    run = ("run", "--contract", "town", "--notebook", "page.ipynb", "--month", MONTH, "--known-at", PUBLISHED)
    assert perflib(*run).status == 0
    cut(REPORTS / "manifest.json")
    said = perflib(*run, "--audience", "external")
    assert said.status == 2
    assert "holds reports for the internal audience" in said.err


# What is gathered


def test_a_later_run_adds_to_the_manifest_and_the_index(town):
    page = notebook(town.root / "page.ipynb")
    for month in ("2020-02", "2020-03"):
        run.run(jobs(month=month, notebooks=[page]), REPORTS)
    manifest = json.loads((REPORTS / "manifest.json").read_text())["reports"]
    assert [entry["report"] for entry in manifest] == ["town/2020-02/page", "town/2020-03/page"]
    index = BeautifulSoup((REPORTS / "index.html").read_text(), "html.parser")
    links = {link["href"] for link in index.find_all("a", href=re.compile("^town"))}
    assert links == {
        f"town/{month}/{name}" for month in ("2020-02", "2020-03") for name in ("page.html", "tables.xlsx")
    }
    assert all((REPORTS / link).is_file() for link in links)
    page = REPORTS / "town/2020-03/page.html"
    around = BeautifulSoup(page.read_text(), "html.parser").select(".masthead a")
    assert [(page.parent / link["href"]).resolve() for link in around] == [
        (REPORTS / name).resolve() for name in ("index.html", "town/2020-03/tables.xlsx")
    ]


def test_a_job_is_planned_for_each_contract_month_and_notebook(town):
    town.contract("other", source="../../extracts/town", report_lag="20")
    pages = [notebook(town.root / "one.ipynb"), notebook(town.root / "two.ipynb")]
    planned = run.plan(["town", "other"], ["2020-02", "2020-03"], pages)
    assert [(job.contract, job.month, job.name, job.known_at) for job in planned] == [
        ("town", "2020-02", "one", "2020-02-29"),
        ("town", "2020-02", "two", "2020-02-29"),
        ("town", "2020-03", "one", "2020-03-31"),
        ("town", "2020-03", "two", "2020-03-31"),
        ("other", "2020-02", "one", "2020-03-20"),
        ("other", "2020-02", "two", "2020-03-20"),
        ("other", "2020-03", "one", "2020-04-20"),
        ("other", "2020-03", "two", "2020-04-20"),
    ]


def test_a_notebook_without_one_of_the_parameters_is_refused(tmp_path):
    cell = nbformat.v4.new_code_cell("contract = 'town'\nmonth = None", metadata={"tags": ["parameters"]})
    path = tmp_path / "mine.ipynb"
    made = nbformat.v4.new_notebook(cells=[cell], metadata=KERNEL)
    path.write_text(nbformat.writes(made))
    with pytest.raises(ParameterError, match=r"mine.ipynb: has no parameter 'known_at'"):
        run.find_notebooks([str(path)])


def test_a_month_whose_workbook_cannot_be_made_costs_no_other_its_files(town, monkeypatch):
    """One of two workbooks fails: the reports, the other month's files and the index are there, and it is said."""
    earlier = str(pd.Period(MONTH, "M") - 1)
    page = notebook(town.root / "whole.ipynb")
    write = overview._workbook

    def failing(folder, *rest):
        if folder.name == earlier:
            raise ValueError("person-00001x")
        return write(folder, *rest)

    monkeypatch.setattr(overview, "_workbook", failing)
    planned = run.plan(["town"], [earlier, MONTH], [page], known_at=PUBLISHED)
    results = run.run(planned, REPORTS, workers=1)

    assert [result.status for result in results] == ["made", "made", "failed"]
    assert results[-1].error == "the workbook and the headlines could not be made: ValueError."
    assert results[-1].job.report == f"town/{earlier}/tables"
    assert (REPORTS / "town" / MONTH / "tables.xlsx").is_file()
    assert (REPORTS / "town" / earlier / "whole.html").is_file()
    index = (REPORTS / "index.html").read_text()
    assert "could not be made: ValueError." in index
    assert "person-00001x" not in index
