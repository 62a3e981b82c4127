"""What was issued stays as it was: later records make a revision that says what moved, and a changed byte is found."""

import json
import shutil
import stat
from pathlib import Path

import nbformat
import pandas as pd
import pytest
from bs4 import BeautifulSoup

from perflib.batch import manifest
from perflib.records import snapshot_cache

MONTH, LATER = "2020-03", "2020-06-30"
REPORTS, STORE = Path("reports"), Path("issued/little/2020-03/internal")
ISSUED, REVISION = REPORTS / "little" / MONTH, REPORTS / "little" / f"{MONTH}-revision"
EVENTS, PARAMETERS = Path("extracts/little/events.csv"), Path("params/contracts/little.yaml")
RUN = ("run", "--contract", "little", "--month", MONTH, "--notebook", "page.ipynb")
ISSUE = ("issue", "little", MONTH, "--on", "2020-04-06")

FIRST = """\
referral_id,event,event_date,recorded_date,ref,action
ref-001x,referral,2020-03-02,2020-03-02,,record
ref-001x,start,2020-03-09,2020-03-10,,record
ref-001x,job_start,2020-03-20,2020-03-21,J1,record
ref-002x,referral,2020-03-03,2020-03-03,,record
ref-002x,start,2020-03-12,2020-03-13,,record
ref-003x,referral,2020-03-04,2020-03-04,,record
"""
# A start that is recorded in April, one that moves by a day, and a job that is withdrawn.
LATE = """\
ref-003x,start,2020-03-20,2020-04-15,,record
ref-002x,start,2020-03-13,2020-04-16,,record
ref-001x,job_start,2020-03-20,2020-04-17,J1,withdraw
"""
# Recorded in March, it says, and not there when March was issued.
FOUND = "ref-003x,assessment,2020-03-25,2020-03-30,,record\n"

CELL = """
from perflib import load_snapshot
from perflib.reporting import open_report
from perflib.disclosure.presenter import Tiles, count
from perflib.disclosure.sentences import Count, Name, sentence
snapshot = load_snapshot(contract, month, known_at, params)
show = open_report(snapshot)
names = ("referral", "start", "job_start")
counts = dict(snapshot.journeys[list(names)].notna().sum())
show(Tiles(counts, {name: count(snapshot.programme.label(name)) for name in names}))
"""
SAY = """
template = "{n} people have started {month}, as known on {day}."
show(sentence(template, n=Count(counts["start"]), month=Name(str(month)), day=Name(str(known_at))))
"""


def page(name: str, *cells: str) -> None:
    parameters = "contract = 'little'\nmonth = None\nknown_at = None\nparams = 'params'"
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    made = nbformat.v4.new_notebook(
        metadata=kernel | {"title": name.capitalize()},
        cells=[
            nbformat.v4.new_markdown_cell("# A page"),
            nbformat.v4.new_code_cell(parameters, metadata={"tags": ["parameters"]}),
            *(nbformat.v4.new_code_cell(cell) for cell in cells),
        ],
    )
    Path(f"{name}.ipynb").write_text(nbformat.writes(made), encoding="utf-8")


def add(rows: str) -> None:
    EVENTS.write_text(EVENTS.read_text() + rows)


def files(folder: Path) -> dict[str, tuple[bytes, int]]:
    """Return every file of a folder, with the time when it was changed last."""
    return {
        path.relative_to(folder).as_posix(): (path.read_bytes(), path.stat().st_mtime_ns)
        for path in folder.rglob("*")
        if path.is_file()
    }


def flip(path: Path) -> None:
    """Change one byte in the middle of a file, as somebody can who may write to it."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.chmod(0o600)
    path.write_bytes(content)


@pytest.fixture
def little(place, in_process):
    """Return a place with a contract of three people and a light notebook, run in this process."""
    del in_process
    names = ["ref-001x", "ref-002x", "ref-003x"]
    people = pd.DataFrame({"referral_id": names, "participant_id": ["p-1x", "p-2x", "p-3x"]})
    place.extract("little", {"participants": people, "events": pd.DataFrame()})
    EVENTS.write_text(FIRST)
    place.contract("little", more="\nreleases:\n  - {through: 2020-03, on: 2020-05-28}\n")
    page("page", CELL, SAY)
    return place


@pytest.fixture(scope="module")
def kept(tmp_path_factory) -> Path:
    """Return a folder for what is made once and copied."""
    return tmp_path_factory.mktemp("kept")


@pytest.fixture
def made(little, perflib, kept):
    """Return that place once its report for March was made."""
    return once(kept / "made", little, lambda: perflib(*RUN))


@pytest.fixture
def issued(made, perflib, kept):
    """Return that place once its report for March was issued."""
    return once(kept / "issued", made, lambda: perflib(*ISSUE))


def once(copy: Path, place, command):
    """Carry out a command in a place, or take what it made there the first time."""
    if copy.is_dir():
        shutil.copytree(copy, place.root, dirs_exist_ok=True)
    else:
        said = command()
        assert said.status == 0, said.err
        shutil.copytree(place.root, copy)
    return place


def shown(data, caption: str) -> dict[str, dict[str, object]]:
    """Return the rows of a table of `changes.json`, by their first column."""
    (table,) = (item for item in data["records"] if item.get("caption", "").startswith(caption))
    return {row.pop(next(iter(row))): row for row in table["rows"]}


# Issuing


@pytest.mark.usefixtures("issued")
def test_what_is_issued_is_read_only_and_recorded_byte_for_byte():
    record = json.loads((ISSUED / "issued.json").read_text())
    assert {path.name for path in ISSUED.iterdir()} == {*record["files"], "issued.json"}
    assert {"page.html", "page.ipynb", "tables.xlsx", "headlines.json", "manifest.json"} == set(record["files"])
    assert all(stat.S_IMODE(path.stat().st_mode) == 0o444 for path in ISSUED.iterdir())
    assert (record["on"], record["known_at"], record["audience"]) == ("2020-04-06", "2020-03-31", "internal")


@pytest.mark.usefixtures("issued")
def test_what_the_reports_were_made_from_is_kept_apart_for_the_user_alone():
    kept = {path.relative_to(STORE).as_posix(): path for path in STORE.rglob("*") if path.is_file()}
    assert set(kept) == {
        "issued.json",
        "notebooks/page.ipynb",
        "params/contracts/little.yaml",
        "params/programmes/whp.yaml",
        "snapshots/little_2020-03_2020-03-31.snapshot",
    }
    assert stat.S_IMODE(Path("issued").stat().st_mode) == 0o700
    assert all(stat.S_IMODE(path.stat().st_mode) == 0o400 for path in kept.values())
    assert b"ref-001x" in kept["snapshots/little_2020-03_2020-03-31.snapshot"].read_bytes()
    assert not any(b"ref-0" in path.read_bytes() for path in REPORTS.rglob("*.*") if path.is_file())


@pytest.mark.usefixtures("issued")
def test_the_index_says_when_a_month_was_issued():
    index = BeautifulSoup((REPORTS / "index.html").read_text(), "html.parser")
    assert [line.text for line in index.select(".latest p")] == ["Mar 2020", "Issued 6 April 2020"]


def other_store(place):
    (place.root / "open").mkdir(mode=0o755)


REFUSED = {
    "there is no report": (lambda _: shutil.rmtree(ISSUED), ISSUE, 2, "holds no report"),
    "a report was changed": (
        lambda _: flip(ISSUED / "page.html"),
        ISSUE,
        1,
        "page.html: was changed since it was made",
    ),
    "a workbook is missing": (lambda _: (ISSUED / "tables.xlsx").unlink(), ISSUE, 1, "tables.xlsx: is missing"),
    "the data have changed": (lambda _: add(FOUND), ISSUE, 1, "not what would be made now: the data have changed"),
    "the store is part of the reports": (
        lambda _: None,
        (*ISSUE, "--store", "reports/frozen"),
        2,
        "lies in the reports folder",
    ),
    "others can open the store": (other_store, (*ISSUE, "--store", "open"), 2, "chmod 700 open"),
    "the month is no month": (lambda _: None, ("issue", "little", "2020-13"), 2, "YYYY-MM"),
}


@pytest.mark.parametrize(("change", "command", "status", "says"), REFUSED.values(), ids=list(REFUSED))
def test_it_is_refused_in_one_line_when(change, command, status, says, made, perflib):
    change(made)
    said = perflib(*command)
    assert (said.status, said.out) == (status, "")
    assert says in said.err
    assert said.err.count("\n") == 1
    assert not list(Path().rglob("*.snapshot"))
    assert not (ISSUED / "issued.json").exists()


@pytest.mark.usefixtures("issued")
def test_it_is_refused_when_the_month_was_issued_already(perflib):
    before = files(Path())
    said = perflib(*ISSUE)
    assert said.status == 2
    assert f"{ISSUED}: was issued already on 2020-04-06." in said.err
    assert files(Path()) == before


@pytest.mark.usefixtures("made")
def test_it_is_refused_when_a_report_failed(perflib):
    page("broken", "raise ValueError('ref-001x')")
    perflib(*RUN, "--notebook", "broken.ipynb")
    said = perflib(*ISSUE)
    assert said.status == 1
    assert f"little/{MONTH}/broken: failed: ValueError in cell 4." in said.err


@pytest.mark.usefixtures("made")
def test_it_is_refused_when_the_run_was_broken_off_before_the_workbook_was_written(perflib):
    held = json.loads((ISSUED / "manifest.json").read_text())
    held["reports"][0]["key"] = "of a report that was made since"
    (ISSUED / "manifest.json").write_text(json.dumps(held))
    said = perflib(*ISSUE)
    assert said.status == 1
    assert f"{ISSUED}: its run was broken off." in said.err


@pytest.mark.usefixtures("made")
def test_it_is_refused_when_the_reports_are_of_two_looks(perflib):
    page("other", CELL)
    perflib("run", "--contract", "little", "--month", MONTH, "--notebook", "other.ipynb", "--known-at", "2020-04-30")
    said = perflib(*ISSUE)
    assert said.status == 1
    assert "its reports differ in known_at: 2020-03-31, 2020-04-30." in said.err


@pytest.mark.usefixtures("issued")
def test_an_issue_that_was_broken_off_is_done_again(perflib):
    """The store was written, the reports folder does not say so yet."""
    (ISSUED / "issued.json").unlink()
    assert perflib(*ISSUE).status == 0
    assert perflib("verify", ISSUED).status == 0


@pytest.mark.usefixtures("issued")
def test_two_folders_of_reports_do_not_share_what_one_was_issued_from(perflib):
    """Another audience's have a place of their own; the same audience's must be kept elsewhere."""
    external = ("--audience", "external", "--known-at", "2020-05-28", "--out", "reports-external")
    perflib(*RUN, *external)
    assert perflib(*ISSUE, "--out", "reports-external").status == 0
    assert STORE.is_dir()
    perflib(*RUN, "--known-at", "2020-04-30", "--out", "again")
    said = perflib(*ISSUE, "--out", "again")
    assert said.status == 2
    assert "Give another --store." in said.err
    assert perflib(*ISSUE, "--out", "again", "--store", "issued-again").status == 0
    assert all(perflib("verify", Path(out, "little", MONTH)).status == 0 for out in ("reports", "again"))


# Running again


@pytest.mark.usefixtures("issued")
def test_a_run_with_nothing_new_says_that_the_report_is_up_to_date_as_issued(perflib):
    before = files(ISSUED)
    add(LATE)  # after the day on which the report is as known: such a run sees nothing of them
    for more in ((), ("--force",)):
        said = perflib(*RUN, *more)
        assert said.out == "0 of 1 reports made, 1 up to date (issued); reports/index.html\n"
        assert f"issued little/{MONTH}/page" in said.err
        assert perflib(*RUN, *more, "--dry-run").out.startswith(f"little/{MONTH}/page: up to date (issued)\n")
    assert files(ISSUED) == before
    assert not REVISION.exists()


@pytest.mark.usefixtures("issued")
def test_late_records_make_a_revision_that_names_the_figures_that_moved_and_why(perflib):
    """By hand: two starts of three referrals, and a job; then the third start, one moved by a day, and no job."""
    before = files(ISSUED)
    add(LATE + FOUND)
    dry = perflib(*RUN, "--known-at", LATER, "--dry-run").out
    assert dry.startswith(
        f"little/{MONTH}-revision/page: would be made: is issued, and was made as known at 2020-03-31"
    )
    said = perflib(*RUN, "--known-at", LATER)
    assert said.out == "1 of 1 reports made, 1 of them as a revision of what was issued; reports/index.html\n"
    assert files(ISSUED) == before

    data = json.loads((REVISION / "changes.json").read_text())
    assert [(row["figure"], row["issued"], row["now"]) for row in data["figures"]] == [
        ("Job starts", "1", "0"),
        ("Starts", "2", "3"),
    ]
    assert [(row["issued"], row["now"]) for row in data["findings"]] == [
        (
            f"2 people have started {MONTH}, as known on 2020-03-31.",
            f"3 people have started {MONTH}, as known on {LATER}.",
        )
    ]
    nought = {"Recorded since": 0, "Recorded by then, not counted then": 0, "Moved to another date": 0}
    nought |= {"Withdrawn or no longer there": 0}
    assert shown(data, "Records of events") == {
        "Assessments": nought | {"Recorded by then, not counted then": 1},
        "Starts": nought | {"Recorded since": 1, "Moved to another date": 1},
        "Job starts": nought | {"Withdrawn or no longer there": 1},
    }
    assert data["other"] == []
    text = BeautifulSoup((REVISION / "changes.html").read_text(), "html.parser").text
    assert "issued on 6 April 2020, as known on 31 March 2020" in text
    assert "2 of 3 key figures, and 1 sentence of the findings" in text
    assert "revision of what was issued" in (REVISION / "page.html").read_text()
    assert not any("ref-0" in path.read_text() for path in REVISION.glob("*.*") if path.suffix != ".xlsx")

    latest = BeautifulSoup((REPORTS / "index.html").read_text(), "html.parser").select_one(".latest")
    assert [line.text for line in latest.select("p")] == ["Mar 2020", "Issued 6 April 2020", "Revision"]
    links = [link["href"] for link in latest.find_all("a")]
    issued, revision = f"little/{MONTH}", f"little/{MONTH}-revision"
    assert links == [
        f"{issued}/page.html",
        f"{issued}/tables.xlsx",
        f"{revision}/changes.html",
        f"{revision}/page.html",
        f"{revision}/tables.xlsx",
    ]

    assert perflib(*RUN, "--known-at", LATER).out == "0 of 1 reports made, 1 up to date; reports/index.html\n"
    for report in (ISSUED, REVISION, REVISION / "page.html", REVISION / "changes.html"):
        assert perflib("verify", report).status == 0, report
    assert files(ISSUED) == before


@pytest.mark.usefixtures("issued")
def test_other_parameters_notebooks_and_software_are_named_as_reasons(perflib, monkeypatch):
    text = PARAMETERS.read_text()
    PARAMETERS.write_text(text.replace("report_lag: 0", "report_lag: 0\nprovider: Another"))
    page("page", CELL, SAY, "show(sentence('More.'))")
    monkeypatch.setattr("perflib.batch.revision_page.software", lambda: "other")
    assert perflib(*RUN).status == 0
    data = json.loads((REVISION / "changes.json").read_text())
    assert data["figures"] == []
    assert [item["sentences"] for item in data["records"]] == [["The records are the same."]]
    assert data["other"] == [
        "Parameters that have changed: provider.",
        "The notebook has changed: Page.",
        "Made by perflib 0.1.0 then and now, but its source, or the version of a package, has changed.",
    ]


@pytest.mark.usefixtures("issued")
def test_a_report_that_was_not_issued_stands_in_the_revision(perflib):
    """Nothing is added to what was issued."""
    before = files(ISSUED)
    page("other", CELL)
    perflib("run", "--contract", "little", "--month", MONTH, "--notebook", "other.ipynb")
    assert files(ISSUED) == before
    text = BeautifulSoup((REVISION / "changes.html").read_text(), "html.parser").text
    assert "Not among what was issued: Other." in text
    assert "Not made again: Page." in text


@pytest.mark.usefixtures("issued")
def test_there_is_one_revision_and_it_is_one_look(perflib):
    """That of another day takes the place of all that was made as known on the day before."""
    add(LATE)
    page("other", CELL)
    perflib(*RUN, "--notebook", "other.ipynb", "--known-at", LATER)
    assert {"page.html", "other.html"} <= {path.name for path in REVISION.iterdir()}
    perflib(*RUN, "--known-at", "2020-04-15")
    assert not list(REVISION.glob("other.*"))
    held = json.loads((REVISION / "manifest.json").read_text())["reports"]
    assert [(entry["report"], entry["known_at"]) for entry in held] == [(f"little/{MONTH}-revision/page", "2020-04-15")]
    assert list(json.loads((REVISION / "headlines.json").read_text())["notebooks"]) == ["page"]
    assert perflib("verify", REVISION).status == 0


@pytest.mark.usefixtures("little")
def test_an_outside_audience_sees_no_small_number_in_what_a_revision_says(perflib):
    external = ("--audience", "external", "--out", "reports")
    perflib(*RUN, *external, "--known-at", "2020-05-28")
    assert perflib(*ISSUE).status == 0
    add("ref-003x,start,2020-03-20,2020-06-15,,record\n")
    assert perflib(*RUN, *external, "--known-at", LATER).status == 0
    data = json.loads((REVISION / "changes.json").read_text())
    assert shown(data, "Records of events") == {"Starts": {"Recorded since": "[c]"}}
    assert data["figures"] == []  # fewer than 10, then and now


def test_a_revision_says_so_when_what_was_issued_cannot_be_compared(issued, perflib):
    shutil.rmtree(issued.root / "issued")
    add(LATE)
    assert perflib(*RUN, "--known-at", LATER).status == 0
    data = json.loads((REVISION / "changes.json").read_text())
    assert len(data["figures"]) == 2
    assert "is not there as it was" in data["records"][0]["sentences"][0]


# Verifying


@pytest.mark.usefixtures("issued")
def test_what_was_issued_is_made_again_from_what_was_kept_whatever_has_become_of_the_rest(perflib):
    add(LATE + FOUND)
    PARAMETERS.write_text(PARAMETERS.read_text().replace("report_lag: 0", "report_lag: 9"))
    page("page", "show(None)")
    before = files(REPORTS)
    for report, number in ((ISSUED, "4 files"), (ISSUED / "page.html", "1 file"), (ISSUED / "tables.xlsx", "1 file")):
        said = perflib("verify", report)
        assert said.status == 0
        assert said.out == f"{report}: the same, byte for byte ({number} made again from what it was issued from).\n"
    assert files(REPORTS) == before


CHANGED = [
    *(ISSUED / name for name in ("page.html", "page.ipynb", "tables.xlsx", "headlines.json", "manifest.json")),
    STORE / "snapshots" / "little_2020-03_2020-03-31.snapshot",
    STORE / "params" / "contracts" / "little.yaml",
    STORE / "params" / "programmes" / "whp.yaml",
    STORE / "notebooks" / "page.ipynb",
]


@pytest.mark.parametrize("path", CHANGED, ids=lambda path: path.name)
@pytest.mark.usefixtures("issued")
def test_one_changed_byte_of_what_was_issued_or_of_what_it_was_made_from_is_found_and_named(path, perflib):
    flip(path)
    said = perflib("verify", ISSUED)
    assert said.status == 1
    assert said.out.endswith(f"{path}: was changed since it was issued.\n")


@pytest.mark.usefixtures("issued")
def test_a_record_that_was_changed_to_fit_a_changed_report_is_found(perflib):
    """The store has its own."""
    record = json.loads((ISSUED / "issued.json").read_text())
    flip(ISSUED / "page.html")
    record["files"]["page.html"] = manifest.digests({"": (ISSUED / "page.html").read_bytes()})[""]
    (ISSUED / "issued.json").chmod(0o600)
    (ISSUED / "issued.json").write_text(json.dumps(record))
    said = perflib("verify", ISSUED / "page.html")
    assert said.status == 1
    assert said.out == f"{ISSUED / 'issued.json'}: was changed since it was issued.\n"


@pytest.mark.usefixtures("made")
def test_a_report_that_was_not_issued_is_made_again_from_the_extract_as_it_is(perflib):
    assert perflib("verify", ISSUED).out.endswith("(4 files made again from the extract as it is now).\n")
    flip(ISSUED / "page.ipynb")
    said = perflib("verify", ISSUED / "page.ipynb")
    assert (said.status, said.out) == (1, f"{ISSUED / 'page.ipynb'}: was changed since it was made.\n")
    assert perflib("verify", ISSUED / "page.html").status == 0

    add("ref-003x,start,2020-03-25,2020-03-30,,record\n")
    said = perflib("verify", ISSUED / "page.html")
    assert (said.status, said.out) == (
        1,
        f"{ISSUED / 'page.html'}: made again, it is different: the data have changed.\n",
    )


CANNOT = {
    "it is no report": (lambda: None, "extracts/little/events.csv", "is no report"),
    "it is nowhere": (lambda: None, "reports/little/2020-04", "is no report"),
    "it is the folder of all": (lambda: None, "reports", "is no report"),
    "what it was issued from is not there": (lambda: shutil.rmtree("issued"), ISSUED, "is not there"),
    "the manifest cannot be read": (lambda: (ISSUED / "issued.json").write_text("{"), ISSUED, "issued.json"),
}


@pytest.mark.parametrize(("change", "report", "says"), CANNOT.values(), ids=list(CANNOT))
@pytest.mark.usefixtures("issued")
def test_it_cannot_be_checked_when(change, report, says, perflib):
    (ISSUED / "issued.json").chmod(0o600)
    change()
    said = perflib("verify", report)
    assert (said.status, said.out) == (2, "")
    assert said.err.startswith("perflib: cannot be checked: ")
    assert says in said.err


@pytest.mark.usefixtures("made")
def test_it_cannot_be_checked_when_the_extract_is_gone(perflib):
    shutil.rmtree("extracts")
    said = perflib("verify", ISSUED)
    assert said.status == 2
    assert "is no folder" in said.err


@pytest.mark.usefixtures("issued")
def test_it_cannot_be_checked_by_a_version_that_reads_the_parameters_otherwise(perflib, monkeypatch):
    rules = snapshot_cache.rules
    monkeypatch.setattr(snapshot_cache, "rules", lambda contract: rules(contract)[::-1])
    said = perflib("verify", ISSUED)
    assert said.status == 2
    assert "was kept by perflib 0.1.0" in said.err


@pytest.mark.usefixtures("issued")
def test_a_remake_that_differs_since_the_software_has_changed_says_so(perflib, monkeypatch):
    monkeypatch.setattr("perflib.batch.issue.software", lambda: "other")
    assert perflib("verify", ISSUED).status == 0  # what changed may be of no effect
    monkeypatch.setattr("perflib.batch.execute.version", lambda _: "9.9")
    said = perflib("verify", ISSUED)
    assert said.status == 1
    assert said.out == (
        f"{ISSUED / 'page.html'}: made again, it is different: it was made by other software (perflib 0.1.0).\n"
    )


def test_with_real_kernels_what_was_issued_is_made_again_with_the_same_bytes(little, perflib, monkeypatch):
    """The others in this file run notebooks in this process; and the folder of parameters has a path of its own."""
    monkeypatch.undo()
    monkeypatch.chdir(little.root)
    params = ("--params", little.params)
    assert perflib(*RUN, *params).status == 0
    assert perflib(*ISSUE).status == 0
    PARAMETERS.write_text(PARAMETERS.read_text().replace("report_lag: 0", "report_lag: 9"))
    assert perflib("verify", ISSUED).status == 0
