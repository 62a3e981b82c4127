"""A Dask cluster gives the bytes that this machine gives, and a lost worker loses nothing."""

import os
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from perflib.cli import main

DASK = [sys.executable, "-m", "dask"]


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@pytest.fixture
def cluster(tmp_path_factory):
    """Return the address of a scheduler and its two workers, each started by its command line."""
    folder = tmp_path_factory.mktemp("dask")
    address = f"tcp://127.0.0.1:{free_port()}"
    quiet = {"cwd": folder, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "start_new_session": True}
    port = address.rpartition(":")[2]
    scheduler = subprocess.Popen([*DASK, "scheduler", "--host", "127.0.0.1", "--port", port, "--no-dashboard"], **quiet)
    worker = [*DASK, "worker", address, "--nthreads", "1", "--no-dashboard", "--death-timeout", "60"]
    workers = [
        subprocess.Popen([*worker, "--name", name, "--local-directory", str(folder / name)], **quiet)
        for name in ("first", "second")
    ]
    from distributed import Client

    with Client(address, timeout=60) as client:
        client.wait_for_workers(2, timeout=120)
    yield address, workers
    for process in (*workers, scheduler):
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def files(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.slow
def test_a_cluster_of_which_a_worker_is_killed_makes_every_report_and_the_same_bytes(place, town_place, cluster):
    """The worker is killed when the first report is made, in the middle of its work."""
    address, workers = cluster
    shutil.copytree(town_place.root, place.root, dirs_exist_ok=True)
    base = [sys.executable, "-m", "perflib.cli", "run", "--contract", "town", "--from", "2020-01", "--to", "2020-03"]
    base += ["--notebook", "performance_summary", "--notebook", "service_standards"]
    over = [*base, "--out", "there", "--cluster", address]
    with subprocess.Popen(over, stderr=subprocess.PIPE, text=True) as run:
        assert run.stderr is not None
        assert "made" in run.stderr.readline()
        os.killpg(workers[0].pid, signal.SIGKILL)
        _, rest = run.communicate()
    assert run.returncode == 0, rest
    subprocess.run([*base, "--out", "here"], check=True, capture_output=True)
    assert files(place.root / "there") == files(place.root / "here")
    assert len([name for name in files(place.root / "there") if name.endswith(".ipynb")]) == 6


@pytest.mark.usefixtures("place")
def test_an_address_at_which_nobody_answers_is_one_line(capsys, monkeypatch):
    address = f"tcp://127.0.0.1:{free_port()}"
    monkeypatch.setattr("perflib.batch.dask_cluster.WAIT", 1)
    monkeypatch.setattr(sys, "argv", ["perflib", "run", "--contract", "whp-sample", "--cluster", address])
    with pytest.raises(SystemExit) as stop:
        main()
    assert stop.value.code == 1
    said = capsys.readouterr().err
    assert said == f"perflib: --cluster {address}: no Dask scheduler answers there. Start one, or correct it.\n"


@pytest.mark.usefixtures("place")
def test_without_dask_there_is_one_line_that_says_what_to_install(perflib, monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    said = perflib("run", "--contract", "whp-sample", "--cluster", "tcp://127.0.0.1:1")
    assert said.status == 2
    assert said.err == ("perflib: --cluster: needs Dask, which is not installed. Run: pip install 'perflib[cluster]'\n")


def test_a_worker_with_other_software_is_refused(cluster, capsys, monkeypatch, place):
    """As if this machine had another version than the workers."""
    del place
    address, _ = cluster
    monkeypatch.setattr("perflib.batch.dask_cluster.software", lambda: "another")
    monkeypatch.setattr(sys, "argv", ["perflib", "run", "--contract", "whp-sample", "--cluster", address])
    with pytest.raises(SystemExit) as stop:
        main()
    assert stop.value.code == 1
    assert "has another version of perflib, or of a package, than this machine" in capsys.readouterr().err
