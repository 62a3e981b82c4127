"""A run that is killed, or cannot write, leaves whole reports or none, and the next run goes on where it was."""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import nbformat
import pytest

from perflib.batch.workers import locked

MONTHS = ("2020-01", "2020-02", "2020-03")
KERNEL = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
CELL = """
from perflib import load_snapshot, month_before
from perflib.disclosure.sentences import Name, sentence
from perflib.reporting import open_report
snapshot = load_snapshot(contract, month, known_at, params)
show = open_report(snapshot)
mine, earlier = (Name(one.fingerprint) for one in (snapshot, month_before(snapshot)))
show(sentence("{month}, {mine}, after {earlier}.", month=Name(str(snapshot.month)), mine=mine, earlier=earlier))
"""


@pytest.fixture
def light(place, town_place):
    """Return the current folder with the contract `town` and three notebooks that do little."""
    shutil.copytree(town_place.root, place.root, dirs_exist_ok=True)
    for name in ("one", "two", "three"):
        made = nbformat.v4.new_notebook(
            metadata=KERNEL,
            cells=[
                nbformat.v4.new_markdown_cell(f"# Page {name}"),
                nbformat.v4.new_code_cell(
                    "contract = 'town'\nmonth = None\nknown_at = None\nparams = 'params'",
                    metadata={"tags": ["parameters"]},
                ),
                nbformat.v4.new_code_cell(CELL),
            ],
        )
        (place.root / f"{name}.ipynb").write_text(nbformat.writes(made), encoding="utf-8")
    return place.root


def command(out: str, *more: str) -> list[str]:
    pages = [word for name in ("one", "two", "three") for word in ("--notebook", f"{name}.ipynb")]
    span = ["--from", MONTHS[0], "--to", MONTHS[-1]]
    return [sys.executable, "-m", "perflib.cli", "run", "--contract", "town", *span, *pages, "--out", out, *more]


def bytes_of(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def processes_with(word: str) -> list[int]:
    """Return the processes in whose environment a word stands."""
    found = []
    for path in Path("/proc").glob("[0-9]*/environ"):
        try:
            state = (path.parent / "stat").read_text().rpartition(")")[2].split()[0]
            if state != "Z" and word.encode() in path.read_bytes():
                found.append(int(path.parent.name))
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            continue
    return found


def gone(word: str, seconds: float = 60) -> bool:
    end = time.monotonic() + seconds
    while processes_with(word) and time.monotonic() < end:
        time.sleep(0.05)
    return not processes_with(word)


@pytest.mark.slow
def test_a_run_killed_at_twenty_moments_and_resumed_gives_the_bytes_of_an_undisturbed_one(light, tmp_path):
    """Killed while it starts, and after one, two or three reports; each run goes on where the last one was.

    Moments follow what a run prints, not the clock, so that a busy machine sees them too. Nothing outlives a killed
    run.
    """
    temporary = Path(tempfile.mkdtemp(prefix="f", dir="/tmp"))  # short: the addresses of sockets have a length
    mark = f"MARK={tmp_path}"
    environment = os.environ | {"TMPDIR": str(temporary), "MARK": str(tmp_path)}
    began = time.monotonic()
    subprocess.run(command("whole"), check=True, capture_output=True, env=environment)
    length = time.monotonic() - began
    expected = bytes_of(light / "whole")
    assert len([name for name in expected if name.endswith(".html")]) == 10
    chance, partly = random.Random(20), 0
    for moment in range(20):
        with subprocess.Popen(
            command("killed"), env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
        ) as process:
            assert process.stderr is not None
            made = (line for line in process.stderr if "] made " in line)
            for _ in zip(range(moment % 4), made, strict=False):
                pass
            time.sleep(chance.random() * length / (9 if moment % 4 else 2))
            process.send_signal(signal.SIGKILL)
        assert gone(mark)
        present = bytes_of(light / "killed") if (light / "killed").is_dir() else {}
        pages = [name for name in present if name.endswith(".html") and "/" in name and ".making-" not in name]
        assert all(present[name] == expected[name] for name in pages)
        partly += 0 < len(pages) < 9
        if len(pages) == 9:
            shutil.rmtree(light / "killed")
    assert partly, "no run was killed in the middle: the test shows nothing"
    last = subprocess.run(command("killed"), check=True, capture_output=True, text=True, env=environment)
    assert "of 9 reports made" in last.stdout
    assert bytes_of(light / "killed") == expected
    assert gone(mark)
    assert list(temporary.iterdir()) == []
    temporary.rmdir()


@pytest.mark.parametrize("workers", ["2", pytest.param("1", marks=pytest.mark.slow)])
@pytest.mark.parametrize(("number", "status"), [("SIGINT", 130), ("SIGTERM", 143), ("SIGHUP", 129)])
def test_an_interruption_stops_at_once_and_leaves_nothing_behind(number, status, workers, light, tmp_path):
    """One of the notebooks waits for a minute, so that the run is never over when it is interrupted."""
    waiting = (
        (light / "three.ipynb").read_text(encoding="utf-8").replace("show =", "import time; time.sleep(60); show =")
    )
    (light / "three.ipynb").write_text(waiting, encoding="utf-8")
    temporary = Path(tempfile.mkdtemp(prefix="f", dir="/tmp"))  # short: the addresses of sockets have a length
    environment = os.environ | {"MARK": str(tmp_path), "TMPDIR": str(temporary)}
    run = command("out", "--workers", workers)
    with subprocess.Popen(run, env=environment, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        first = process.stderr.readline()  # one report is made
        began = time.monotonic()
        process.send_signal(getattr(signal, number))
        rest = process.stderr.read()
    assert process.returncode == status
    assert time.monotonic() - began < 30
    assert first.startswith("[1/9] made town/")
    assert rest.splitlines()[-1] == "perflib: interrupted; reports already made are whole."
    assert gone(f"MARK={tmp_path}")
    assert not list((light / "out").rglob(".*"))
    temporary.rmdir()  # which holds nothing: the snapshots of the run are gone


def test_a_run_started_with_nohup_outlives_its_terminal(light, tmp_path):
    """SIGHUP was ignored when it started, and stays so."""
    environment = os.environ | {"MARK": str(tmp_path)}
    with subprocess.Popen(["nohup", *command("out")], env=environment, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        assert "made town/" in next(line for line in process.stderr if line.startswith("["))
        process.send_signal(signal.SIGHUP)
        process.stderr.read()
    assert process.returncode == 0
    assert len(list((light / "out").rglob("town/*/*.html"))) == 9


@pytest.mark.parametrize(
    ("mount", "says"),
    [("size=48k", "No space left on device."), ("ro", "Read-only file system.")],
    ids=["full", "read-only"],
)
def test_a_place_that_cannot_be_written_is_told_and_nothing_half_written_stays(mount, says, light):
    """On a file system of its own, in a mount namespace of its own."""
    (light / "out").mkdir()
    steps = f"mount -t tmpfs -o {mount} tmpfs out && {' '.join(command('out'))}; status=$?; find out -name '.*' -type f"
    user = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
    alone = ["unshare", *user, "--mount", "sh", "-c", f"{steps}; exit $status"]
    said = subprocess.run(alone, capture_output=True, text=True, check=False)
    assert said.returncode == 1, said.stderr
    assert says in said.stderr
    assert "Traceback" not in said.stderr
    assert ".making-" not in said.stdout


@pytest.mark.usefixtures("light")
def test_a_second_run_into_the_same_folder_is_refused():
    with locked(Path("out")):
        second = subprocess.run(command("out"), capture_output=True, text=True, check=False)
    assert second.returncode == 1
    assert second.stderr == (
        "perflib: --out out: another run is writing there. Wait for its end, or give another folder.\n"
    )


@pytest.mark.slow
def test_what_is_up_to_date_is_kept_and_what_changed_is_made_again(light):
    """A note in the contract file changes nothing; a parameter, a notebook or a row of the extract does."""

    def run(*more: str) -> str:
        return subprocess.run(command("out", *more), capture_output=True, text=True, check=True).stdout

    assert run("--dry-run").splitlines()[-1] == "9 of 9 reports would be made"
    assert not (light / "out").exists()
    assert run() == "9 of 9 reports made; out/index.html\n"
    before = bytes_of(light / "out")
    assert run() == "0 of 9 reports made, 9 up to date; out/index.html\n"
    contract = light / "params" / "contracts" / "town.yaml"
    contract.write_text(contract.read_text() + "# a note\n")
    assert run("--dry-run").splitlines()[-1] == "0 of 9 reports would be made"
    (light / "two.ipynb").write_text((light / "two.ipynb").read_text().replace("Page two", "Page 2"))
    changed = [line for line in run("--dry-run").splitlines() if "would be made:" in line]
    assert changed == [
        f"town/{month}/two: would be made: the parameters, the notebook or the software have changed"
        for month in MONTHS
    ]
    events = light / "extracts" / "town" / "events.csv"
    with events.open("a") as file:  # a person leaves in March, of whom nothing of the kind was known
        file.write("ref-00001x,exit,2020-03-30,2020-03-31\n")
    lines = run("--dry-run").splitlines()
    assert "town/2020-03/one: would be made: the data have changed" in lines
    assert "town/2020-01/one: up to date" in lines
    assert run() == "5 of 9 reports made, 4 up to date; out/index.html\n"
    assert run("--force") == "9 of 9 reports made; out/index.html\n"
    after = bytes_of(light / "out")
    assert {name for name in before if before[name] != after[name] and name.endswith(".html")} == {
        "town/2020-01/two.html",
        "town/2020-02/two.html",
        *(f"town/2020-03/{name}.html" for name in ("one", "two", "three")),
    }
    assert set(before) == set(after)
    assert json.loads(after["manifest.json"])["refused"] == []
