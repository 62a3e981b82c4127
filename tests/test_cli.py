"""What a new user types, and what `perflib` answers: one clear line for whatever is wrong, and never an identifier."""

import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from unittest.mock import Mock

import pandas as pd
import pytest

from perflib.records.loading import load_snapshot
from perflib.reporting.losses import BANNER

LITTLE = """\
ref-001x referral 2020-01-06 2020-01-06
ref-001x start    2020-01-20 2020-01-21
ref-002x referral 2020-01-07 2020-01-07
ref-002x start    2020-02-03 2020-02-04
"""
IDENTIFIERS = ("ref-001x", "ref-002x", "person-1", "person-2")


@pytest.fixture
def little(place):
    """Return a place with a contract of two people."""
    words = [line.split() for line in LITTLE.splitlines()]
    events = pd.DataFrame(words, columns=["referral_id", "event", "event_date", "recorded_date"])
    groups = {"customer_group": ["disability", "ltu"]}
    people = pd.DataFrame({"referral_id": IDENTIFIERS[:2], "participant_id": IDENTIFIERS[2:]} | groups)
    place.extract("little", {"participants": people, "events": events})
    place.contract("little")
    return place


def change(file: str, old: str, new: str) -> Callable[[Path], None]:
    """Return what replaces words in a file below the current folder."""

    def apply(root: Path) -> None:
        path = root / file
        text = path.read_text(encoding="utf-8")
        assert old in text
        path.write_text(text.replace(old, new), encoding="utf-8")

    return apply


def write(file: str, content: bytes) -> Callable[[Path], None]:
    def apply(root: Path) -> None:
        (root / file).parent.mkdir(parents=True, exist_ok=True)
        (root / file).write_bytes(content)

    return apply


def remove(file: str) -> Callable[[Path], None]:
    return lambda root: (root / file).unlink()


PEOPLE, EVENTS = "extracts/little/participants.csv", "extracts/little/events.csv"
FILE = "params/contracts/little.yaml"
RELEASE = "\nreleases:\n  - {through: 2020-03, on: 2020-05-28}\n"


@dataclass(frozen=True)
class Wrong:
    """Something wrong: what is changed, what is typed, and what the line says."""

    rule: str
    change: Callable[[Path], None]
    command: str
    status: int
    says: tuple[str, ...]


# What is typed is wrong: the rule, the command, the status, what the line says.
TYPED = """\
an unknown contract | check litle | 2 | 'litle' ; did you mean 'little'?
an unknown contract in a run | run --contract town | 2 | 'town' ; little
an id that leads elsewhere | run --contract ../contracts/little --out o | 2 | '../contracts/little' ; no plain name
an id that leads elsewhere in a check | check ../contracts/little | 2 | no plain name
an id that leads elsewhere for a new file | new ../other --programme whp | 2 | small letters, digits and hyphens
an id that leads elsewhere at an issue | issue ../little 2020-03 | 2 | no plain name
an unknown programme | new other --programme wph | 2 | 'wph' ; did you mean 'whp'?
a folder of parameters that is not there | run --params elsewhere | 2 | --params elsewhere ; no such folder
a month before the first referral | run --contract little --month 2019-12 | 1 | no referral was recorded by 2019-12-31
a month after the data | run --contract little --month 2020-07 | 2 | 2020-07 ; recorded to 2020-06-30 ; 2020-06 or
a month in another form | run --contract little --month June | 2 | 'June' ; YYYY-MM
a month that the year does not have | check little --month 2020-13 | 2 | '2020-13' ; YYYY-MM
a day that never was | run --contract little --month 2020-03 --known-at 2020-06-31 | 2 | '2020-06-31'
a day in words | check little --known-at yesterday | 2 | 'yesterday'
months the wrong way round | run --contract little --from 2020-03 --to 2020-01 | 2 | --from 2020-03 --to 2020-01 ; after
a first month without a last | run --contract little --from 2020-03 | 2 | --from and --to
a month and several months | run --month 2020-02 --from 2020-01 --to 2020-02 | 2 | --month ; not both
an unknown notebook | run --contract little --notebook trends | 2 | --notebook trends ; cohort_trends
an unknown audience | run --contract little --audience public | 2 | --audience ; 'public' ; 'internal', 'external'
an unknown option | run --contrct little | 2 | --contrct ; --contract
an unknown command | runn | 2 | 'runn' ; 'run'
a missing argument | rows little | 2 | rows ; month
a missing contract | check | 2 | Missing argument 'contract' ; Give one of: little
a folder to start in that is not empty | init params | 2 | params ; not empty
no number of workers | run --workers two | 2 | --workers
outside without a release | run --contract little --month 2020-03 --audience external | 1 | no release covers 2020-03
a new contract that is there already | new little --programme whp | 2 | little.yaml ; already
an id that is no file name | new Little/North --programme whp | 2 | 'Little/North' ; small letters
a new contract without a programme | new other | 2 | --programme
an unknown measure | rows little 2020-03 starts --to out.csv | 2 | 'starts' ; start
rows where a file cannot be | rows little 2020-03 start --to extracts | 1 | extracts
a sample of a contract that has none | sample little --out sample | 2 | little.yaml ; no sample
"""

# What stands in a file is wrong.
FILED = [
    Wrong(
        "a missing column",
        change(EVENTS, "recorded_date", "recorded_on"),
        "check little",
        1,
        ("events.csv", "'recorded_date' is missing", "recorded_on"),
    ),
    Wrong(
        "a missing identifier column",
        change(PEOPLE, "participant_id", "person"),
        "check little",
        1,
        ("participants.csv", "'participant_id'"),
    ),
    Wrong("an empty file", write(EVENTS, b""), "check little", 1, ("events.csv", "empty")),
    Wrong(
        "events without a row",
        write(EVENTS, b"referral_id,event,event_date,recorded_date\n"),
        "check little",
        1,
        ("events.csv", "no rows"),
    ),
    Wrong(
        "participants without a row",
        write(PEOPLE, b"referral_id,participant_id\n"),
        "check little",
        1,
        ("participants.csv", "no rows"),
    ),
    Wrong(
        "an encoding that is not the stated one",
        write(PEOPLE, "referral_id,participant_id,centre\nref-001x,person-1,Café\n".encode("cp1252")),
        "check little",
        1,
        ("participants.csv", "not utf-8", "encoding: cp1252"),
    ),
    Wrong(
        "an encoding that does not exist",
        change(FILE, "known_to: 2020-06-30", "encoding: latin99"),
        "check little",
        1,
        ("latin99",),
    ),
    Wrong(
        "a file that is no Parquet file",
        lambda root: (root / EVENTS).rename((root / EVENTS).with_suffix(".parquet")),
        "check little",
        1,
        ("events.parquet", "Parquet"),
    ),
    Wrong("a missing file", remove(EVENTS), "check little", 1, ("events.csv", "is missing")),
    Wrong(
        "a missing folder",
        lambda root: shutil.rmtree(root / "extracts"),
        "run --contract little",
        1,
        ("little.yaml", "is no folder"),
    ),
    Wrong(
        "dates that cannot be read",
        change(EVENTS, "2020-0", "soon-"),
        "check little",
        1,
        ("events.csv", "2020-12-31 or 31/12/2020"),
    ),
    Wrong(
        "an unknown programme in a file",
        change(FILE, "programme: whp", "programme: wph"),
        "check little",
        2,
        ("little.yaml line", "'wph'"),
    ),
    Wrong(
        "a misspelt key",
        change(FILE, "nation:", "naton:"),
        "check little",
        2,
        ("little.yaml line", "naton", "did you mean 'nation'?"),
    ),
    Wrong(
        "a value that is not allowed",
        change(FILE, "report_lag: 0", "report_lag: ten"),
        "check little",
        2,
        ("little.yaml line", "report_lag", "ten is not allowed", "a whole number"),
    ),
    Wrong(
        "a missing key", change(FILE, "\nsource:", "\n# source:"), "check little", 2, ("little.yaml", "source: missing")
    ),
    Wrong(
        "a file that is not YAML",
        change(FILE, "nation: ENG", "nation: [ENG"),
        "check little",
        2,
        ("little.yaml line", "not valid YAML"),
    ),
    Wrong("a folder of parameters without a contract", remove(FILE), "run", 2, ("holds no contract", "perflib new")),
    Wrong(
        "a month before the contract",
        change(FILE, "# first_day: 2018-01-15", "first_day: 2020-01-06"),
        "run --contract little --month 2019-12",
        2,
        ("2019-12", "before the contract's first month, 2020-01"),
    ),
    Wrong(
        "an outside audience before the release",
        change(FILE, "\n# releases:\n#   - {through: 2020-02, on: 2020-05-28}", RELEASE),
        "run --contract little --month 2020-03 --audience external --known-at 2020-05-27",
        1,
        ("published on 2020-05-28", "--known-at 2020-05-28"),
    ),
    Wrong(
        "a place for reports that is a file",
        write("taken", b""),
        "run --contract little --month 2020-03 --out taken",
        1,
        ("taken",),
    ),
    Wrong(
        "a place for reports below a file",
        write("taken", b""),
        "run --contract little --month 2020-03 --out taken/reports",
        1,
        ("taken",),
    ),
    Wrong("a sample where a folder cannot be", write("taken", b""), "sample whp-sample --out taken", 1, ("taken",)),
]


def typed() -> list[Wrong]:
    fields = ([field.strip() for field in line.split("|")] for line in TYPED.splitlines())
    return [
        Wrong(rule, lambda _: None, command, int(status), tuple(says.split(" ; ")))
        for rule, command, status, says in fields
    ]


@pytest.mark.usefixtures("in_process")
@pytest.mark.parametrize("wrong", [*typed(), *FILED], ids=lambda wrong: wrong.rule)
def test_what_is_wrong_is_said_in_one_line_that_names_nobody(wrong, little, perflib):
    wrong.change(little.root)
    said = perflib(*wrong.command.split())
    assert said.status == wrong.status
    assert said.out == ""
    assert said.err.startswith("perflib")
    assert said.err.count("\n") == 1
    assert all(words in said.err for words in wrong.says), said.err
    assert "Traceback" not in said.err
    assert not any(name in said.err for name in IDENTIFIERS)


def test_without_a_command_there_is_help(perflib):
    said = perflib()
    assert said.status == 0
    assert "check" in said.out
    assert said.err == ""


@pytest.mark.usefixtures("little", "in_process")
def test_an_interruption_is_one_line(monkeypatch, perflib):
    monkeypatch.setattr("perflib.batch.run.run_in", Mock(side_effect=KeyboardInterrupt))
    said = perflib("run", "--contract", "little")
    assert said.status == 130
    assert said.err == "perflib: interrupted; reports already made are whole.\n"


@pytest.mark.usefixtures("in_process")
def test_three_commands_lead_from_an_extract_to_a_report(place, perflib):
    folder = place.extract("elsewhere")
    assert perflib("new", "town", "--programme", "whp").status == 0
    change("params/contracts/town.yaml", "source: ../../extracts/town", f"source: {folder}")(place.root)
    assert perflib("check", "town").status == 0
    said = perflib("run", "--contract", "town", "--notebook", "cohort_trends")
    assert said.status == 0
    assert said.out == "1 of 1 reports made; reports/index.html\n"
    # The last event was recorded on Tuesday 30 June 2020, so June is whole.
    assert sorted(path.relative_to("reports").as_posix() for path in Path("reports").rglob("*.*")) == [
        "index.html",
        "manifest.json",
        "town/2020-06/cohort_trends.html",
        "town/2020-06/cohort_trends.ipynb",
        "town/2020-06/headlines.json",
        "town/2020-06/manifest.json",
        "town/2020-06/tables.xlsx",
    ]


def test_a_contract_file_may_be_written_from_a_folder_below_the_one_with_params(little, perflib, monkeypatch):
    (little.root / "notes" / "deep").mkdir(parents=True)
    monkeypatch.chdir(little.root / "notes" / "deep")
    assert perflib("new", "other", "--programme", "whp").status == 0
    assert (little.params / "contracts" / "other.yaml").is_file()
    assert perflib("check", "little").status == 0


def test_check_says_what_is_not_used_and_why_without_saying_whose_it_is(little, perflib):
    """Cells that stand in the wrong column may hold identifiers, which are not repeated."""
    more = """\
ref-001x,teleported,2020-02-03,2020-02-04
ref-001x,ref-001x,2020-01-20,2020-01-21
ref-002x,start,2020-02-30,2020-02-04
ref-002x,start,person-2,2020-02-04
"""
    (little.root / EVENTS).write_text((little.root / EVENTS).read_text() + more)
    change(PEOPLE, "person-2,ltu", "person-2,ref-002x")(little.root)
    said = perflib("check", "little", "--month", "2020-03")
    assert said.status == 0
    assert "5 rows or cells are not used" in said.out
    assert "'teleported'" in said.out
    assert "'2020-02-30'" in said.out
    assert "customer_group" in said.out
    assert not any(name in said.out + said.err for name in IDENTIFIERS)


SWAPPED = """\
ref-003x referral 01/16/2020 2020-02-01
ref-004x referral 01/17/2020 2020-02-01
ref-005x referral 01/20/2020 2020-02-01
ref-006x referral 01/21/2020 2020-02-01
ref-007x referral 01/22/2020 2020-02-01
ref-008x referral 01/23/2020 2020-02-01
"""


@pytest.fixture
def lossy(little):
    """Return the place of `little`, with six referrals more whose dates are in another order than all others."""
    with (little.root / EVENTS).open("a", encoding="utf-8") as file:
        file.write(SWAPPED.replace(" ", ","))
    with (little.root / PEOPLE).open("a", encoding="utf-8") as file:
        file.writelines(f"ref-00{n}x,person-{n},ltu\n" for n in range(3, 9))
    return little


def test_above_the_tolerance_check_and_run_stop_with_the_line_that_says_what_to_mend(lossy, perflib):
    checked = perflib("check", "little", "--month", "2020-03")
    assert (checked.status, checked.err.count("\n")) == (1, 1)
    ran = perflib("run", "--contract", "little", "--month", "2020-03", "--notebook", "performance_summary")
    assert (ran.status, ran.out) == (1, "")
    assert ran.err.count("\n") == 1
    for said in (checked.err, ran.err):
        assert "event_date" in said
        assert "6 of 10" in said
        assert "tolerance 2 %" in said
        assert "--accept-losses" in said
        assert not any(name in said for name in IDENTIFIERS)
    assert not list((lossy.root / "reports").rglob("*.html"))


@pytest.mark.usefixtures("in_process")
def test_with_accept_losses_it_goes_on_and_the_report_carries_a_banner_and_the_account(lossy, perflib):
    assert perflib("check", "little", "--month", "2020-03", "--accept-losses").status == 0
    run = ["run", "--contract", "little", "--month", "2020-03", "--notebook", "performance_summary"]
    assert perflib(*run, "--accept-losses").status == 0
    page = (lossy.root / "reports/little/2020-03/performance_summary.html").read_text(encoding="utf-8")
    assert page.index(BANNER) < page.index("Quarters are")
    assert "6 of 10" in page
    assert page.index("Where every row of the extract went") < page.index("Where these figures come from")
    assert perflib(*run).status == 1  # what is there is not taken for a yes
    change(FILE, "nation:", "tolerance: 1\nnation:")(lossy.root)
    assert perflib(*run).status == 0
    page = (lossy.root / "reports/little/2020-03/performance_summary.html").read_text(encoding="utf-8")
    assert BANNER not in page
    assert "12 rows of the extract are not used" in page


def test_new_runs_the_check_before_it_says_written(lossy, perflib):
    said = perflib("new", "other", "--from", lossy.root / "extracts/little", "--programme", "whp")
    assert said.out.index("Account of every line") < said.out.index("other.yaml: written")
    first = perflib("check", "other").out.splitlines()
    assert said.out.splitlines()[: len(first)] == first
    if said.status:
        assert "written, but the extract cannot be used with it yet" in said.out
        assert "To mend first: " in said.out


def test_new_says_what_cannot_be_read_in_the_extract_that_it_looked_at(little, perflib):
    change(EVENTS, "2020-0", "4383")(little.root)  # days as Excel counts them, cut by hand
    said = perflib("new", "other", "--from", little.root / "extracts/little", "--programme", "whp")
    assert (said.status, said.err) == (1, "")
    assert "written, but the extract cannot be used with it yet" in said.out


def test_check_says_what_can_have_no_data(little, perflib):
    change(FILE, "# management: ks", "management: ks")(little.root)
    said = perflib("check", "little", "--month", "2020-03").out
    assert "the programme has no event or outcome sustained_outcome" in said
    assert "the extract has no table notes" in said


def test_check_says_when_a_day_is_later_than_the_extract(little, perflib):
    change(FILE, ", known_to: 2020-06-30", "")(little.root)
    words = "what was recorded after 2020-02-04 is not in the extract"  # the last day in it
    assert words in perflib("check", "little", "--month", "2020-01", "--known-at", "2020-03-31").out
    assert words not in perflib("check", "little", "--month", "2020-01").out


@pytest.fixture
def town(place, town_place):
    """Return a place of its own with the contract `town`."""
    shutil.copytree(town_place.root, place.root, dirs_exist_ok=True)
    return place


@pytest.mark.requirement("SES-07", "SES-11")
@pytest.mark.parametrize("measure", ["referral", "start", "job_start", "outcome"])
@pytest.mark.usefixtures("town")
def test_rows_has_a_line_for_each_that_the_report_counts(measure, perflib):
    """The figure is the one of the report's table, since day one."""
    assert perflib("rows", "town", "2020-03", measure, "--to", "private/rows.csv").status == 0
    rows = pd.read_csv("private/rows.csv")
    shown = flows(load_snapshot("town", "2020-03"))
    assert len(rows) == shown[measure] > 0
    assert set(rows["measure"]) == {measure}
    assert (rows["happened"] <= "2020-03-31").all()
    assert {"referral_id", "participant_id"} <= set(rows)


def flows(snapshot):
    """Return what the table of flows shows since day one."""
    from perflib.disclosure.presenter import Presenter
    from perflib.disclosure.rules import Disclosure
    from perflib.reporting.cohort_trends import tables

    lines = Presenter(Disclosure()).table(tables.flow_table(snapshot)).data["rows"]
    labels = {snapshot.programme.label(name): name for name in snapshot.programme.measures}
    return {labels[line["Measure"]]: line["Since day one"] for line in lines}


def test_rows_go_nowhere_below_a_reports_folder(town, perflib):
    """A reports folder is one of that name, or one that a run has written to."""
    (town.root / "shared" / "town").mkdir(parents=True)
    (town.root / "shared" / "manifest.json").write_text('{"reports": []}')
    (town.root / "link").symlink_to("shared/town")
    for place in ("reports/rows.csv", "reports/town/2020-03/rows.csv", "shared/town/rows.csv", "link/rows.csv"):
        said = perflib("rows", "town", "2020-03", "start", "--to", place)
        assert said.status == 2
        assert said.err.count("\n") == 1
        assert "reports folder" in said.err
        assert not Path(place).exists()


@pytest.mark.usefixtures("town")
def test_rows_leaves_out_what_was_recorded_later(perflib):
    counts = []
    for day in ("2020-03-31", "2020-06-30"):
        perflib("rows", "town", "2020-03", "outcome", "--known-at", day, "--to", "rows.csv")
        counts.append(len(pd.read_csv("rows.csv")))
    late = load_snapshot("town", "2020-03", "2020-06-30").journeys
    # Outcomes that happened by the end of March; those recorded after it are known only in June.
    assert counts[1] - counts[0] == (late["job_outcome_recorded"] > "2020-03-31").sum() > 0


def test_a_sample_written_to_files_is_the_sample(place, perflib):
    assert perflib("sample", "whp-sample", "--out", "extracts/whp-sample").status == 0
    built_in = load_snapshot("whp-sample", "2020-06")
    text = built_in.contract.path.read_text(encoding="utf-8")
    text = re.sub(r"(?m)^source:\n(?:  .*\n)+", "source: ../../extracts/whp-sample\n", text)
    (place.params / "contracts").mkdir(parents=True)
    (place.params / "contracts" / "whp-sample.yaml").write_text(text, encoding="utf-8")
    from_files = load_snapshot("whp-sample", "2020-06")
    assert from_files.contract.source != built_in.contract.source
    assert from_files.equals(built_in)
    assert from_files.fingerprint == built_in.fingerprint


@pytest.mark.usefixtures("in_process")
def test_the_version_is_that_of_the_package(perflib):
    result = perflib("--version")
    assert (result.status, result.out) == (0, f"perflib {version('perflib')}\n")


@pytest.mark.usefixtures("little", "in_process")
def test_list_names_contracts_with_their_months_programmes_and_notebooks(perflib, place):
    broken = place.root / "params/contracts/broken.yaml"
    broken.write_text("contract: broken\n", encoding="utf-8")
    lines = perflib("list").out.splitlines()
    contracts = lines[1 : lines.index("Programmes:")]
    assert [line.split(":")[0].strip() for line in contracts] == ["broken", "little"]
    assert "cannot be used: " in contracts[0]
    assert re.fullmatch(r"  little: 2020-01 to 2020-0\d, whp", contracts[1])
    assert "  whp: Work and Health Programme" in lines
    assert "  cohort_trends" in lines


@pytest.mark.usefixtures("little")
def test_the_shell_completes_commands_contracts_and_notebooks(perflib, monkeypatch):
    monkeypatch.setenv("_PERFLIB_COMPLETE", "complete_bash")
    for words, expected in (
        ("perflib ver", {"verify"}),
        ("perflib check ", {"little"}),
        ("perflib run --contract li", {"little"}),
        ("perflib open cohort", {"cohort_trends"}),
        ("perflib new other --programme w", {"whp"}),
    ):
        monkeypatch.setenv("COMP_WORDS", words)
        monkeypatch.setenv("COMP_CWORD", str(words.count(" ")))
        assert set(perflib().out.split()) == expected, words


@pytest.mark.usefixtures("in_process")
def test_init_writes_a_folder_in_which_the_next_commands_work(place, perflib, monkeypatch):
    said = perflib("init", "reports-of-mine").out
    folder = place.root / "reports-of-mine"
    assert {path.name for path in folder.iterdir()} == {"params", "notebooks", "README.md"}
    assert (folder / "params/contracts/whp-sample.yaml").is_file()
    monkeypatch.chdir(folder)
    assert "whp-sample: 2018-01 to" in perflib("list").out
    command = said.splitlines()[-1].rpartition("; perflib ")[2].split()
    assert perflib(*command, "--dry-run").status == 0
