"""Where the work of a run is done: processes on this machine, or a cluster; a private folder; a lock on the reports.

One run at a time may write to a reports folder. A run that was killed leaves nothing that the next one does not clear
away: what it made whole stays, what it was making is made again.
"""

from __future__ import annotations

import contextlib
import hashlib
import multiprocessing
import os
import shutil
import signal
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import BrokenExecutor, Executor, Future, ProcessPoolExecutor, as_completed
from functools import partial
from multiprocessing import connection
from pathlib import Path
from typing import TypeVar

from perflib.batch.forked_kernels import environment, forking_parent, ordinary_kernels
from perflib.batch.job import Job, Limits, Result
from perflib.errors import PerfError

T = TypeVar("T")
R = TypeVar("R")

MAKING = ".making-"
"""How the name of a file begins that is not whole yet."""


def processes() -> int:
    """Return how many processes make reports at once: one a core, but two for one, since part of their time is waiting.

    By measurement on two cores: a third costs the others more time than it fills of their waiting.
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(2, cores)


class Workshop:
    """Carries out tasks, each once, whatever becomes of the process that works on it.

    Parameters
    ----------
    start : callable or None
        Starts the executor that carries out the tasks; None: they are carried out here, one after the other.
    folder : Path
        A folder for this run alone, which only this user can open.
    """

    def __init__(self, start: Callable[[], Executor] | None, folder: Path) -> None:
        self.folder = folder
        self._start = start
        self._executor = start() if start else None

    def each(self, work: Callable[[T], R], tasks: Sequence[T]) -> Iterator[tuple[T, R | None]]:
        """Yield each task with what `work` returned for it, as they are done; None where its process died, twice.

        A process that dies takes the others' work with it. The tasks that were being worked on are then done one by
        one, so that the one at fault is known, and the rest as before.
        """
        if self._executor is None:
            yield from ((task, work(task)) for task in tasks)
            return
        marks = Path(tempfile.mkdtemp(prefix="tasks-", dir=self.folder))
        left = dict(enumerate(tasks))
        while left:
            yield from self._round(work, left, marks)
            if not left:
                return
            begun = sorted(int(mark.name) for mark in marks.iterdir())
            if not begun:  # processes that end before they begin would do so for ever
                yield from ((task, None) for task in left.values())
                return
            for number in begun:
                (marks / str(number)).unlink()
                alone = {number: left.pop(number)}
                yield from self._round(work, alone, marks)
                yield from ((task, None) for task in alone.values())
            for mark in marks.iterdir():
                mark.unlink()

    def make(self, jobs: Sequence[Job], limits: Limits) -> Iterator[tuple[Job, Result | None]]:
        """Yield each job with what became of it; None where the process that made it died, twice."""
        return self.each(partial(_make_report, folder=self.folder, limits=limits), jobs)

    def here(self, work: Callable[[T], R], tasks: Sequence[T]) -> Iterator[tuple[T, R | None]]:
        """Do as `each` does, on this machine."""
        return self.each(work, tasks)

    def _round(self, work: Callable[[T], R], left: dict[int, T], marks: Path) -> Iterator[tuple[T, R]]:
        """Yield tasks with their results, and take them out of `left`, until all are done or a process dies."""
        assert self._executor is not None
        futures: dict[Future[R], int] = {}
        with contextlib.suppress(BrokenExecutor):
            for number, task in left.items():
                futures[self._executor.submit(partial(_marked, work, marks / str(number)), task)] = number
        for future in as_completed(futures):
            if not isinstance(future.exception(), BrokenExecutor):
                yield left.pop(futures[future]), future.result()
        if left:
            self._executor.shutdown(cancel_futures=True)
            assert self._start is not None
            self._executor = self._start()

    def close(self) -> None:
        """End the processes at once."""
        if self._executor is not None:
            for process in multiprocessing.active_children():
                process.kill()
            self._executor.shutdown(wait=True, cancel_futures=True)


def _make_report(job: Job, folder: Path, limits: Limits) -> Result:
    from perflib.batch.execute import make_report  # what it imports is needed where reports are made, not here

    return make_report(job, folder, limits)


def _marked(work: Callable[[T], R], mark: Path, task: T) -> R:
    """Carry out a task, and leave a mark if this process dies over it."""
    mark.touch()
    result = work(task)
    mark.unlink()
    return result


@contextlib.contextmanager
def workshop(out: Path, reports: int, workers: int | None = None) -> Iterator[Workshop]:
    """Lock a reports folder, and open a workshop on this machine as long as the block lasts.

    Parameters
    ----------
    out : Path
        The reports folder; made if it is not there.
    reports : int
        How many reports will be made; for one alone, no process is started but its kernel.
    workers : int, optional
        How many processes; 1: this one.

    Raises
    ------
    PerfError
        Another run is writing to the folder.
    """
    count = min(workers or processes(), reports)
    parent = forking_parent if reports > 1 else ordinary_kernels
    with (
        locked(out),
        private_folder(out) as folder,
        parent(folder) as found,
        environment({**found, "TMPDIR": str(folder)}),
        _temporary(folder),
    ):
        start = partial(ProcessPoolExecutor, count, multiprocessing.get_context("spawn"), _begin) if count > 1 else None
        shop = Workshop(start, folder)
        try:
            yield shop
        finally:
            shop.close()


def _begin() -> None:
    """Prepare a process of this run: it ends with the run, which alone hears an interruption."""
    # What jsonschema checks addresses of other scripts with, where it finds it. To import it compiles a grammar, which
    # takes longer than many a report, and no notebook has such an address.
    sys.modules["rfc3987_syntax"] = None  # type: ignore[assignment]
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_the_run, daemon=True).start()


def _end_with_the_run() -> None:
    run = multiprocessing.parent_process()
    assert run is not None
    connection.wait([run.sentinel])
    os._exit(1)


@contextlib.contextmanager
def locked(out: Path) -> Iterator[None]:
    """Hold the folder itself, so that no file is left behind, and clear away what a killed run was writing.

    Raises
    ------
    PerfError
        Another run is writing to the folder.
    """
    out.mkdir(parents=True, exist_ok=True)
    if os.name != "posix":
        yield
        return
    import fcntl

    descriptor = os.open(out, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise PerfError(
            f"--out {out}: another run is writing there. Wait for its end, or give another folder."
        ) from None
    try:
        for path in out.rglob(f"{MAKING}*"):
            path.unlink(missing_ok=True)
        yield
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def _temporary(folder: Path) -> Iterator[None]:
    """Have this process's temporary files in a folder that the next run clears away, whatever becomes of this one."""
    before, tempfile.tempdir = tempfile.tempdir, str(folder)
    try:
        yield
    finally:
        tempfile.tempdir = before


@contextlib.contextmanager
def private_folder(out: Path) -> Iterator[Path]:
    """Make a folder that only this user can open, in the place where the next run for `out` clears it away."""
    own = hashlib.sha256(os.fsencode(out.resolve())).hexdigest()[:12]
    folder = Path(tempfile.gettempdir()) / f"perflib-run-{own}"
    if folder.is_dir() and not folder.is_symlink() and (os.name != "posix" or folder.stat().st_uid == os.getuid()):
        shutil.rmtree(folder)
    try:
        folder.mkdir(mode=0o700)
    except FileExistsError:  # somebody else's
        folder = Path(tempfile.mkdtemp(prefix="perflib-run-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
