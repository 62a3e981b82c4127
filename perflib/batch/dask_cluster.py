"""A workshop whose reports are made by the workers of a Dask cluster.

Extracts are read here, on the machine that has them: a worker is sent the notebook, the parameter files and the
prepared snapshots, and sends the report back. It needs perflib in the same version and the same packages, nothing else,
and no storage is shared. The cluster is started by Dask's own means (`dask scheduler` and `dask worker`, SSHCluster,
Kubernetes, SLURM); a job whose worker is lost is given to another.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import CancelledError, as_completed
from dataclasses import replace
from functools import cache, partial
from pathlib import Path
from typing import Any, TypeVar

from perflib.batch.forked_kernels import environment, forking_parent
from perflib.batch.job import Job, Limits, Result, software
from perflib.batch.workers import Workshop, locked, private_folder, stoppable
from perflib.errors import ParameterError, PerfError, install

T = TypeVar("T")
R = TypeVar("R")
Files = Mapping[str, Any]

WAIT = 10
"""Seconds within which a scheduler must answer."""

TRIES = 3
"""How often a job is sent whose files were lost with a worker."""


class Cluster(Workshop):
    """Carries out a run's work on this machine, but for the making of reports."""

    def __init__(self, client: Any, folder: Path) -> None:
        super().__init__(None, folder)
        self._client = client

    def make(self, jobs: Sequence[Job], limits: Limits) -> Iterator[tuple[Job, Result | None]]:
        """Yield each job with what became of it; None where workers were lost over it again and again."""
        left = dict.fromkeys(jobs)
        executor = self._client.get_executor()
        for _ in range(TRIES):
            tasks = self._with_files(list(left))
            futures = {executor.submit(partial(_made_there, limits=limits), task): task[0] for task in tasks}
            for future in as_completed(futures):
                with contextlib.suppress(CancelledError):  # what it was sent was lost with a worker
                    job = futures[future]
                    yield job, future.result() if future.exception() is None else None
                    del left[job]
            if not left:
                return
        yield from left.items()

    def _with_files(self, jobs: Sequence[Job]) -> list[tuple[Job, Files]]:
        """Return each job with the files that it needs, sent to the cluster once."""
        sent: dict[Path, Any] = {}

        def send(path: Path) -> Any:
            if path not in sent:
                (sent[path],) = self._client.scatter([path.read_bytes()])
            return sent[path]

        snapshots = {path.name: path for path in self.folder.glob("*.snapshot")}
        tasks: list[tuple[Job, Files]] = []
        for job in jobs:
            files = {name: path for name, path in snapshots.items() if name.startswith(f"{job.contract}_")}
            files |= {Path(job.notebook).name: Path(job.notebook)} | _parameter_files(job.params)
            tasks.append((job, {name: send(path) for name, path in files.items()}))
        return tasks

    def here(self, work: Callable[[T], R], tasks: Sequence[T]) -> Iterator[tuple[T, R | None]]:
        """Do each task on this machine."""
        yield from ((task, work(task)) for task in tasks)


def _parameter_files(params: str) -> dict[str, Path]:
    """Return the parameter files by their path from the current folder; those at an absolute path are not sent."""
    folder = Path(params)
    return {} if folder.is_absolute() else {str(path): path for path in sorted(folder.rglob("*.yaml"))}


def _made_there(task: tuple[Job, Files], limits: Limits) -> Result:
    """Make a report in a folder of its own on a worker."""
    from perflib.batch.execute import make_report

    job, files = task
    with tempfile.TemporaryDirectory(prefix="perflib-") as place, environment(_parent()):
        folder = Path(place)
        for name, content in files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(content)
        there = replace(job, notebook=str(folder / Path(job.notebook).name))
        return replace(make_report(there, folder, limits, cwd=folder), job=job)


@cache
def _parent() -> Mapping[str, str]:
    """Return how this worker's kernels are forked: from one process, kept until the worker ends."""
    held = contextlib.ExitStack()
    atexit.register(held.close)
    folder = Path(held.enter_context(tempfile.TemporaryDirectory(prefix="perflib-")))
    return held.enter_context(forking_parent(folder))


@contextlib.contextmanager
def cluster(out: Path, address: str) -> Iterator[Cluster]:
    """Lock a reports folder, and open a workshop on a Dask cluster as long as the block lasts.

    Parameters
    ----------
    out : Path
        The reports folder.
    address : str
        Of the scheduler, e.g. tcp://10.0.0.1:8786.

    Raises
    ------
    ParameterError
        Dask is not installed.
    PerfError
        No scheduler answers, there is no worker, or a worker has other software than this machine.
    """
    try:
        from distributed import Client
    except ImportError:
        raise ParameterError(f"--cluster: needs Dask, which is not installed. {install('cluster')}") from None
    with stoppable(), locked(out), private_folder(out) as folder:
        try:
            client = Client(address, timeout=WAIT, set_as_default=False)  # type: ignore[no-untyped-call]
        except (OSError, ValueError):
            raise PerfError(
                f"--cluster {address}: no Dask scheduler answers there. Start one, or correct it."
            ) from None
        with client:
            try:
                found = client.run(_software)
            except Exception:  # a worker without perflib cannot even be asked
                raise PerfError(f"--cluster {address}: a worker has no perflib. Install this version on it.") from None
            other = sorted(worker for worker, theirs in found.items() if theirs != software())
            if not found:
                raise PerfError(f"--cluster {address}: has no workers. Start some: dask worker {address}")
            if other:
                raise PerfError(
                    f"--cluster {address}: the worker {other[0]} has another version of perflib, or of a package, than "
                    f"this machine. Install requirements.lock and this perflib on it."
                )
            yield Cluster(client, folder)


def _software() -> str:
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    return software()
