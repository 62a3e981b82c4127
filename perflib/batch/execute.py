"""The making of one report: papermill executes its notebook, nbconvert renders it.

`make_report` is a function of its arguments alone and writes nothing that lasts: what it made is in what it returns. So
it runs the same in this process, in another, and on another machine.
"""

from __future__ import annotations

import os
import re
import tempfile
import time
import warnings
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from importlib.metadata import version
from pathlib import Path
from typing import Any

import nbformat
import papermill
from jupyter_client.kernelspec import NoSuchKernel
from nbclient.exceptions import CellTimeoutError, DeadKernelError
from nbformat import NotebookNode
from papermill.exceptions import PapermillExecutionError
from traitlets.config import Config

from perflib import errors
from perflib.batch import forked_kernels
from perflib.batch.job import Job, Limits, Result
from perflib.batch.render import render
from perflib.disclosure.audience import AUDIENCE
from perflib.disclosure.words import day_words, month_words
from perflib.errors import PerfError, where
from perflib.records import snapshot_cache
from perflib.rules.calendar import month as to_month

KNOWN_ERRORS = {name for name, kind in vars(errors).items() if isinstance(kind, type) and issubclass(kind, PerfError)}
"""Errors whose words were written for the user; those of any other might quote the data."""


KERNEL = ["--IPKernelApp.log_level=CRITICAL", "--IPKernelApp.exec_PYTHONSTARTUP=False"]
"""Arguments of a kernel. Its IPython folder is an empty one: what a user's own start-up does is none of a report's."""


def _title(notebook: str) -> str:
    """Return what the reports of a notebook are called."""
    node: Any = nbformat.read(notebook, as_version=4)  # type: ignore[no-untyped-call]
    return str(node.metadata.get("title", Path(notebook).stem.replace("_", " ").capitalize()))


def make_report(job: Job, folder: Path, limits: Limits, cwd: Path | None = None) -> Result:
    """Execute one notebook and render its report; what goes wrong is in the result, not raised.

    Parameters
    ----------
    job : Job
    folder : Path
        This run's own, where prepared snapshots are.
    limits : Limits
    cwd : Path, optional
        The kernel's folder; by default the current one.
    """
    began = time.monotonic()
    result = _made(job, folder, limits, cwd)
    return replace(result, seconds=time.monotonic() - began)


def _made(job: Job, folder: Path, limits: Limits, cwd: Path | None) -> Result:
    title = job.name
    try:
        title = _title(job.notebook)
        notebook = _execute(job, folder, limits, cwd)
        page = render(
            notebook,
            title=f"{title}: {job.contract}, {month_words(to_month(job.month))}",
            facts={
                "Contract": job.contract,
                "Month": month_words(to_month(job.month)),
                "As known on": day_words(date.fromisoformat(job.known_at)),
                "For": "internal readers" if job.audience == "internal" else "publication",
                **({"Edition": "revision of what was issued"} if job.revision else {}),
            },
            provenance=[f"perflib {version('perflib')}."],
        )
    except PapermillExecutionError as error:
        return Result(job, title, "failed", _one_line(error, limits), tuple(_cell_trace(error)))
    except PerfError as error:
        return Result(job, title, "failed", str(error), tuple(where(error)))
    except NoSuchKernel as error:
        said = (
            f"{job.notebook}: its kernel {error.name!r} is not installed. Choose another in JupyterLab, or install it."
        )
        return Result(job, title, "failed", said, tuple(where(error)))
    except CellTimeoutError as error:
        return Result(
            job,
            title,
            "failed",
            f"was stopped after {limits.seconds:g} seconds. Raise --time-limit, or see what hangs.",
            tuple(where(error)),
        )
    except DeadKernelError as error:
        died = "its kernel died: it was killed, or met the memory limit."
        return Result(job, title, "failed", died, tuple(where(error)), again=True)
    except forked_kernels.NotStarted as error:
        return Result(job, title, "failed", f"cannot be made: {error}.", tuple(where(error)), again=True)
    except OSError as error:
        said = f"{error.filename}: cannot be read or written: {error.strerror}."
        return Result(job, title, "failed", said, tuple(where(error)))
    except Exception as error:  # what fails here must not stop the other jobs; its words might come from the data
        said = f"{type(error).__name__}. Run the notebook in JupyterLab to see why."
        return Result(job, title, "failed", said, tuple(where(error)), again=isinstance(error, RuntimeError))
    files = {f"{job.name}.html": page, f"{job.name}.ipynb": _written(notebook)}
    return Result(job, title, files={name: text.encode() for name, text in files.items()})


def _written(notebook: NotebookNode) -> str:
    return str(nbformat.writes(notebook)) + "\n"  # type: ignore[no-untyped-call]


def _execute(job: Job, folder: Path, limits: Limits, cwd: Path | None) -> NotebookNode:
    """Run the notebook in a kernel of its own and take out what differs from run to run."""
    environment = {
        "OPENBLAS_NUM_THREADS": "1",
        "OMP_NUM_THREADS": "1",
        AUDIENCE: job.audience,
        snapshot_cache.FOLDER: str(folder),
    }
    if limits.megabytes is not None:
        environment[forked_kernels.MEMORY] = str(limits.megabytes * 2**20)
    given = {"contract": job.contract, "month": job.month, "known_at": job.known_at, "params": job.params}
    end = time.monotonic() + limits.seconds
    with (
        tempfile.TemporaryDirectory(prefix="ipython-", dir=folder) as profile,
        forked_kernels.environment(environment | {"IPYTHONDIR": profile}),
        warnings.catch_warnings(),
        forked_kernels.socket_folder(folder) as sockets,
    ):
        warnings.simplefilter("ignore")
        notebook = papermill.execute_notebook(
            job.notebook,
            None,
            given,
            cwd=cwd,
            progress_bar=False,
            extra_arguments=KERNEL,
            config=Config(
                KernelManager=_transport(sockets), AsyncKernelManager={"client_factory": forked_kernels.PromptClient}
            ),
            timeout_func=lambda cell: max(1, round(end - time.monotonic())),  # noqa: ARG005
            shutdown_kernel="immediate",
        )
    times = ("start_time", "end_time", "duration", "input_path", "output_path")
    for metadata in (notebook.metadata, *(cell.metadata for cell in notebook.cells)):
        for key in times:
            metadata.get("papermill", {}).pop(key, None)
        metadata.pop("execution", None)
    for number, cell in enumerate(notebook.cells):
        cell["id"] = f"cell-{number:02d}"
        if cell.cell_type == "code":
            cell.outputs = [output for output in cell.outputs if output.get("name") != "stderr"]
    return notebook


def _transport(folder: Path | None) -> dict[str, str]:
    """Return how to talk to a kernel: through sockets of its own, since two kernels that start at one moment can take
    the same TCP port; by TCP where there is no folder for them.
    """
    return {"transport": "ipc", "ip": f"{folder}/kernel"} if os.name == "posix" and folder is not None else {}


NOT_TOLD = "CellExecutionError"
"""What papermill calls an error that the kernel could not report, having no memory left for that either."""


def _one_line(error: PapermillExecutionError, limits: Limits) -> str:
    """Return what went wrong in a cell, without words that might come from the data."""
    if error.ename in KNOWN_ERRORS:
        return " ".join(str(error.evalue).split())
    if error.ename.endswith("MemoryError") or (error.ename == NOT_TOLD and limits.megabytes is not None):
        return f"cell {error.cell_index + 1} needs more memory than the limit gives it. Raise --memory-limit."
    return f"{error.ename} in cell {error.cell_index + 1}. Run the notebook in JupyterLab to see why."


def _cell_trace(error: PapermillExecutionError) -> Iterator[str]:
    """Yield where an error arose in a kernel, whose traceback is text: the lines that name a file and function."""
    yield f"cell {error.cell_index + 1}"
    for line in error.traceback:
        for file, number, function in re.findall(r"File \S*?([\w.]+):(\d+), in (\w+)", _plain(line)):
            yield f"{file}:{number} in {function}"
    yield error.ename


def _plain(line: str) -> str:
    """Return a line of a traceback without its colours."""
    return re.sub(r"\x1b\[[0-9;]*m", "", line)
