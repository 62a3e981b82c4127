"""Kernels that are forked from one process that has already done the imports.

Starting an ordinary kernel and importing what a report needs takes longer than the report's own work. `forking_parent`
keeps one process with the imports done, for the length of a run; `ForkedProvisioner`, which Jupyter finds through its
entry point `perflib-forked`, then starts each kernel as a fork of it; papermill and nbclient know nothing of this.
Where there is no such parent (not Linux, or it was killed), the provisioner starts an ordinary kernel.

The parent and a provisioner talk through one Unix socket a kernel: the provisioner sends command, environment and
folder, the parent answers with the process id and, when the kernel has ended, with its exit code. If either side goes
away, the kernel is killed with whatever it has started.
"""

from __future__ import annotations

import atexit
import contextlib
import ctypes
import gc
import importlib
import os
import pkgutil
import runpy
import selectors
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Client, Connection
from pathlib import Path
from queue import Empty
from typing import IO, Any

import zmq
from jupyter_client.asynchronous.client import AsyncKernelClient
from jupyter_client.connect import KernelConnectionInfo
from jupyter_client.provisioning.local_provisioner import LocalProvisioner

PARENT = "PERFLIB_KERNEL_PARENT"
"""The environment variable with the address of the forking parent's socket."""

MEMORY = "PERFLIB_KERNEL_MEMORY"
"""The environment variable with the memory that a kernel may take for its data beside the libraries', in bytes."""

STARTING, IMPORTING = 128 * 2**20, 1536 * 2**20
"""What a kernel takes before its first cell, in bytes: one that was forked, beside what it shares; an ordinary one.

Measured on Linux: 75 and 1,380 MB. Most of it is reserved and never used: the stacks of eleven threads, and what
OpenBLAS and Arrow keep ready.
"""

SHORT_FOLDERS = ("/tmp", "/var/tmp", "/dev/shm")
"""Where sockets may stand if the temporary folder has too long a path."""

PROVISIONER = {"JUPYTER_DEFAULT_PROVISIONER_NAME": "perflib-forked"}
"""The environment in which Jupyter uses `ForkedProvisioner` for every kernel that names no other."""

FLOORS = ("perflib.analysis", "perflib.disclosure", "perflib.reporting")
"""The packages whose modules notebooks use: all are imported before a kernel is forked."""

LIBRARIES = (
    "IPython.core.completerlib",
    "IPython.core.pylabtools",
    "IPython.extensions.storemagic",
    "holidays.countries",
    "ipykernel.debugger",
    "ipykernel.ipkernel",
    "ipykernel.kernelapp",
    "ipykernel.zmqshell",
    "matplotlib.backends.backend_agg",
    "matplotlib.backends.backend_svg",
    "matplotlib.pyplot",
    "pandas.io.formats.style",
    "pyarrow.pandas_compat",
    "seaborn",
    "sqlite3",
    "tornado.platform.asyncio",
)
"""What a kernel imports late, beside the modules of `perflib`.

Never `matplotlib_inline.backend_inline`, which looks for its kernel when it is imported.
"""

# What is read while modules are imported, and so too early for a kernel's own environment.
_ENVIRONMENT = {
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "MPLBACKEND": "module://matplotlib_inline.backend_inline",
}
_ADDRESS_LENGTH = 100  # that of a Unix socket ends at 107 bytes
_DEATH_SIGNAL = 1  # PR_SET_PDEATHSIG


def _die_with_parent() -> None:
    """Have the kernel of the system kill this process when the process that started it ends. Linux only."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_DEATH_SIGNAL, signal.SIGKILL)


@contextlib.contextmanager
def environment(values: Mapping[str, str]) -> Iterator[None]:
    """Set environment variables, which kernels inherit, as long as the block lasts."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


@contextlib.contextmanager
def socket_folder(folder: Path) -> Iterator[Path | None]:
    """Make a folder for sockets that only this user can open, as long as the block lasts.

    A socket's path has a greatest length, which a long TMPDIR exceeds: then it is made in a shorter place.

    Parameters
    ----------
    folder : Path
        Where it is made if its path is short enough there.

    Yields
    ------
    Path or None
        None where no place gives a path that is short enough.
    """
    own = os.environ.get("XDG_RUNTIME_DIR", "")
    for place in (os.fspath(folder), own, *SHORT_FOLDERS):
        if not place or len(os.fsencode(place)) > _ADDRESS_LENGTH - len("/perflib-12345678/kernel-5"):
            continue
        try:
            made = tempfile.TemporaryDirectory(prefix="perflib-", dir=place)
        except OSError:  # not there, full, or not ours to write to
            continue
        with made as path:
            yield Path(path)
        return
    yield None


@contextlib.contextmanager
def forking_parent(folder: Path) -> Iterator[Mapping[str, str]]:
    """Keep a process from which kernels are forked, as long as the block lasts.

    Parameters
    ----------
    folder : Path
        Where its socket stands: a folder that only this user can open.

    Yields
    ------
    mapping of str to str
        The environment that makes Jupyter fork its kernels, or start ordinary ones where that cannot be done.
    """
    with socket_folder(folder) as place:
        if sys.platform != "linux" or place is None:
            yield PROVISIONER
            return
        with _forking(place / "parent") as found:
            yield found


@contextlib.contextmanager
def _forking(address: Path) -> Iterator[Mapping[str, str]]:
    """Keep the process from which kernels are forked, which listens at an address."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(os.fspath(address))
        listener.listen(128)  # requests wait here while the parent imports
        parent = subprocess.Popen(
            [sys.executable, "-m", __name__, str(listener.fileno())],
            stdin=subprocess.PIPE,
            pass_fds=[listener.fileno()],
            start_new_session=True,
            env=os.environ | _ENVIRONMENT,
        )
    try:  # the listener is now the parent's alone: if it dies, a request is refused and does not wait
        yield PROVISIONER | {PARENT: os.fspath(address)}
    finally:
        with contextlib.suppress(OSError, subprocess.TimeoutExpired):
            parent.communicate(timeout=1)  # closes its standard input, by which it knows that the run is over
        parent.kill()
        parent.wait()


@contextlib.contextmanager
def ordinary_kernels(folder: Path) -> Iterator[Mapping[str, str]]:
    """Do as `forking_parent` does where nothing can be forked: kernels are ordinary ones, with their memory limited."""
    del folder
    yield PROVISIONER


class ForkedProvisioner(LocalProvisioner):
    """Starts a kernel as a fork of the forking parent where there is one, else as a process of its own."""

    process: Any  # a Popen, or what stands in for it

    async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> KernelConnectionInfo:
        """Start a kernel and return how to talk to it."""
        given, cwd = kwargs["env"], kwargs.get("cwd") or os.getcwd()
        try:
            self.process = _Forked.start(os.environ[PARENT], cmd, given, cwd)
        except (KeyError, OSError, EOFError):
            await super().launch_kernel(cmd, **kwargs)
        else:
            self.pid, self.cwd = self.process.pid, cwd
        if MEMORY in os.environ and sys.platform == "linux":
            _limit_memory(self.process.pid, int(os.environ[MEMORY]), isinstance(self.process, _Forked))
        return self.connection_info

    async def kill(self, restart: bool = False) -> None:
        """Kill the kernel and see it end, which its manager would look for every tenth of a second."""
        await super().kill(restart)
        if isinstance(self.process, _Forked):
            self.process.poll(0.1)


def _limit_memory(pid: int, allowed: int, forked: bool) -> None:
    """Limit what a kernel adds to its libraries. Linux only.

    The limit of the system counts all that a process has, so that of a fork begins at what it has from its parent.
    """
    import resource

    with contextlib.suppress(ProcessLookupError, FileNotFoundError, IndexError):  # it has ended
        status = Path(f"/proc/{pid}/status").read_text()
        inherited = 1024 * int(status.partition("VmData:")[2].split()[0]) if forked else 0
        limit = allowed + (inherited + STARTING if forked else IMPORTING)
        resource.prlimit(pid, resource.RLIMIT_DATA, (limit, limit))


class NotStarted(RuntimeError):
    """A kernel ended before it answered, or did not answer in time."""


class PromptClient(AsyncKernelClient):
    """Talks to a kernel as soon as it answers.

    Other clients look for a kernel that does not listen yet every tenth of a second, and once it answers wait until it
    has said nothing for a fifth, lest it still tell of what somebody else asked. A kernel of a run has one client.
    """

    def start_channels(self, *args: Any, **kwargs: Any) -> None:
        """Connect to the kernel as soon as it listens."""
        self.context.setsockopt(zmq.RECONNECT_IVL, 5)  # milliseconds
        super().start_channels(*args, **kwargs)

    async def wait_for_ready(self, timeout: float | None = None) -> None:
        """Wait until the kernel has answered and its output can be heard.

        Raises
        ------
        NotStarted
            It ended, or did not answer within `timeout` seconds.
        """
        end = None if timeout is None else time.monotonic() + timeout
        while True:
            self.kernel_info()
            with contextlib.suppress(Empty):
                await self.get_shell_msg(timeout=1)
                await self.get_iopub_msg(timeout=0.2)
                return
            if not await self.is_alive():
                raise NotStarted("the kernel ended before it answered")
            if end is not None and time.monotonic() > end:
                raise NotStarted(f"the kernel did not answer in {timeout:g} seconds")


@dataclass
class _Forked:
    """What `LocalProvisioner` uses of `subprocess.Popen`, for a kernel that is the child of another process."""

    pid: int
    connection: Connection
    returncode: int | None = None
    stdin: IO[bytes] | None = None
    stdout: IO[bytes] | None = None
    stderr: IO[bytes] | None = None

    @classmethod
    def start(cls, address: str, command: Sequence[str], environment: Mapping[str, str], cwd: str) -> _Forked:
        connection: Any = Client(address)
        connection.send([list(command), dict(environment), os.fspath(cwd)])
        return cls(connection.recv(), connection)

    def poll(self, timeout: float | None = 0) -> int | None:
        if self.returncode is None and self.connection.poll(timeout):
            try:
                self.returncode = self.connection.recv()
            except (EOFError, OSError):  # the parent is gone, and with it its kernels
                self.returncode = -signal.SIGKILL
        return self.returncode

    def wait(self) -> int | None:
        return self.poll(None)

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


def _serve(listener: socket.socket) -> tuple[list[str], dict[str, str], str]:
    """Fork a kernel for each request, and end when standard input is closed; returns in a kernel alone."""
    kernels: dict[int, tuple[int, int, Connection]] = {}  # pid: its descriptor, that of its connection, and that
    with selectors.DefaultSelector() as ready:
        ready.register(0, selectors.EVENT_READ)
        ready.register(listener, selectors.EVENT_READ)
        while True:
            for key, _ in ready.select():
                if key.fileobj == 0:
                    for pid in kernels:
                        _kill(pid)
                    os._exit(0)
                elif key.fileobj is listener:
                    connection: Any = Connection(listener.accept()[0].detach())
                    try:
                        request = connection.recv()
                    except (EOFError, OSError):  # who asked is gone
                        continue
                    pid = os.fork()
                    if pid == 0:
                        connection.close()
                        for ended, _, other in kernels.values():
                            os.close(ended)
                            other.close()
                        return request
                    os.setpgid(pid, pid)
                    kernels[pid] = os.pidfd_open(pid), connection.fileno(), connection
                    for descriptor in kernels[pid][:2]:
                        ready.register(descriptor, selectors.EVENT_READ, pid)
                    with contextlib.suppress(OSError):
                        connection.send(pid)
                elif key.data in kernels:  # the kernel has ended, or who asked for it is gone
                    ended, asked, connection = kernels.pop(key.data)
                    _kill(key.data)
                    code = os.waitstatus_to_exitcode(os.waitpid(key.data, 0)[1])
                    with contextlib.suppress(OSError):
                        connection.send(code)
                    for descriptor in (ended, asked):
                        ready.unregister(descriptor)
                    os.close(ended)
                    connection.close()


def _kill(pid: int) -> None:
    """Kill a kernel and whatever it has started."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)


def _import_all() -> None:
    """Import what a kernel will need, and nothing that starts a thread."""
    import pandas as pd

    floors = [importlib.import_module(name) for name in FLOORS]
    rooms = [room.name for floor in floors for room in pkgutil.walk_packages(floor.__path__, f"{floor.__name__}.")]
    sys.modules["debugpy"] = None  # type: ignore[assignment] # of no use here; each kernel would import it anew
    for name in (*LIBRARIES, *rooms):
        with contextlib.suppress(ImportError):  # a notebook that needs it will say so
            importlib.import_module(name)
    del sys.modules["debugpy"]
    pd.options.display.max_columns = 20  # what pandas chooses when it is imported in a kernel


def main() -> None:
    """Be the forking parent; in each fork, the kernel that was asked for."""
    with socket.socket(fileno=int(sys.argv[1])) as listener:
        _import_all()
        gc.collect()
        gc.freeze()  # the collector would write to, and so copy, the pages that kernels share
        command, environment, cwd = _serve(listener)
    os.setpgid(0, 0)
    _die_with_parent()
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.environ.clear()
    os.environ.update(environment, JPY_PARENT_PID="1")  # ipykernel need not watch for the parent's end
    os.chdir(cwd)
    sys.modules["numpy"].random.seed()  # a fork has the state of its parent
    atexit.register(os._exit, 0)  # the last to be called: taking the interpreter down would copy what is shared
    at = command.index("-m")
    sys.argv = command[at + 1 :]
    runpy.run_module(command[at + 1], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
