"""A workshop carries out each task once, whatever becomes of its processes, and leaves nothing behind."""

import multiprocessing
import os
import subprocess
import sys
import threading
import time
from functools import partial
from pathlib import Path

import pytest

from perflib.batch import workers as module
from perflib.batch.workers import LOCK, MAKING, Workshop, locked, workshop
from perflib.errors import PerfError

# Tasks are expressions, so that any process can carry them out.
DIES = "__import__('os').kill(__import__('os').getpid(), 9)"


@pytest.fixture
def shop(tmp_path):
    """Return a workshop of two processes."""
    start = partial(module.ProcessPoolExecutor, 2, multiprocessing.get_context("spawn"))
    made = Workshop(start, tmp_path)
    yield made
    made.close()


def test_every_task_is_done_once(shop):
    done = list(shop.each(eval, [f"{n} * {n}" for n in range(20)]))
    assert sorted(result for _, result in done) == [n * n for n in range(20)]
    assert len(dict(done)) == 20


def test_a_task_that_kills_its_process_is_told_and_takes_no_other_with_it(shop):
    """Tried twice: among the others, and then alone."""
    tasks = [*(f"{n} + 100" for n in range(6)), DIES, *(f"{n} + 200" for n in range(6))]
    done = dict(shop.each(eval, tasks))
    assert len(done) == len(tasks)
    assert done.pop(DIES) is None
    assert all(result == eval(task) for task, result in done.items())


def test_a_process_that_is_killed_once_is_made_up_for(shop, tmp_path):
    """The first to come upon the file dies with it, as a process does that somebody kills."""
    mark = tmp_path / "once"
    mark.touch()
    once = f"__import__('os').path.exists({str(mark)!r}) and (__import__('os').remove({str(mark)!r}), {DIES})"
    done = dict(shop.each(eval, [once, "1", "2"]))
    assert done == {once: False, "1": 1, "2": 2}


def test_processes_that_cannot_begin_are_not_started_for_ever(tmp_path):
    start = partial(module.ProcessPoolExecutor, 2, multiprocessing.get_context("spawn"), os.abort)
    shop = Workshop(start, tmp_path)
    assert list(shop.each(eval, ["1", "2"])) == [("1", None), ("2", None)]
    shop.close()


def test_a_process_does_not_compile_the_grammar_that_jsonschema_would(tmp_path):
    with workshop(tmp_path / "out", 2, 2) as shop:
        task = "__import__('nbformat').__name__ in (m := __import__('sys').modules) and 'lark' not in m"
        assert list(shop.here(eval, [task])) == [(task, True)]


def test_without_processes_tasks_are_done_here_one_by_one(tmp_path):
    shop = Workshop(None, tmp_path)
    assert list(shop.each(eval, ["__import__('os').getpid()"])) == [("__import__('os').getpid()", os.getpid())]


@pytest.mark.usefixtures("in_process")
def test_two_runs_do_not_write_to_one_folder(tmp_path):
    with workshop(tmp_path, 1), pytest.raises(PerfError, match="another run is writing there"), workshop(tmp_path, 1):
        pass
    with workshop(tmp_path, 1):  # and it is free again
        pass


@pytest.mark.usefixtures("in_process")
def test_no_lock_stays_in_the_folder(tmp_path):
    with workshop(tmp_path, 1):
        assert (tmp_path / LOCK).is_file()
    assert list(tmp_path.iterdir()) == []


def test_the_lock_of_a_killed_run_is_free(tmp_path):
    begin = "from pathlib import Path; from perflib.batch.workers import locked"
    die = f"held = locked(Path({str(tmp_path)!r})); held.__enter__(); import os; os._exit(1)"
    subprocess.run([sys.executable, "-c", f"{begin}; {die}"], check=False)
    assert (tmp_path / LOCK).is_file()
    with locked(tmp_path):
        pass
    assert list(tmp_path.iterdir()) == []


def test_one_of_many_that_ask_at_once_has_the_lock(tmp_path):
    """Each takes it and gives it back again and again; two at once would find the other's mark."""
    mark, seen = tmp_path / "mark", []
    out = tmp_path / "out"

    def work():
        for _ in range(200):
            try:
                with locked(out):
                    mark.touch(exist_ok=False)
                    mark.unlink()
                seen.append("held")
            except PerfError:
                seen.append("refused")
            except FileExistsError:
                seen.append("two at once")

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(seen) <= {"held", "refused"}
    assert seen.count("held") >= 200 / 4


@pytest.mark.usefixtures("in_process")
def test_what_a_killed_run_was_writing_is_cleared_away(tmp_path):
    (tmp_path / "town").mkdir()
    (tmp_path / "town" / f"{MAKING}page.html").touch()
    whole = tmp_path / "town" / "page.html"
    whole.touch()
    with workshop(tmp_path, 1):
        assert [path for path in tmp_path.rglob("*") if path.is_file() and path.name != LOCK] == [whole]


@pytest.mark.usefixtures("in_process")
def test_the_folder_of_a_run_is_the_users_alone_and_goes_with_it(tmp_path):
    with workshop(tmp_path, 1) as shop:
        assert shop.folder.stat().st_mode & 0o077 == 0
        assert tmp_path not in shop.folder.parents
    assert not shop.folder.exists()


def test_the_folder_that_a_killed_run_left_is_cleared_away(tmp_path):
    """It held snapshots."""
    begin = "from pathlib import Path; from perflib.batch.workers import workshop"
    hold = f"held = workshop(Path({str(tmp_path)!r}), 1); shop = held.__enter__()"
    die = f"{hold}; (shop.folder / 'kept').touch(); print(shop.folder); import os; os._exit(1)"
    said = subprocess.run([sys.executable, "-c", f"{begin}; {die}"], capture_output=True, text=True, check=False)
    left = Path(said.stdout.strip())
    assert (left / "kept").is_file()
    with workshop(tmp_path, 1) as shop:
        assert shop.folder == left
        assert not (left / "kept").exists()
    assert not left.exists()


def test_an_interrupted_run_ends_its_processes_at_once(tmp_path):
    """Closing does not wait for what they are doing."""
    start = partial(module.ProcessPoolExecutor, 2, multiprocessing.get_context("spawn"))
    shop = Workshop(start, tmp_path)
    results = shop.each(eval, ["1", "__import__('time').sleep(600)"])
    assert next(results) == ("1", 1)
    began = time.monotonic()
    shop.close()
    assert time.monotonic() - began < 60
    assert not multiprocessing.active_children()
