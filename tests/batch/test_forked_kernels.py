"""Forked kernels give what ordinary ones give, share nothing, and end with whoever asked for them."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from queue import Empty
from unittest.mock import Mock

import nbformat
import pytest
from papermill.exceptions import PapermillExecutionError

from perflib.batch import forked_kernels, run
from perflib.batch.execute import make_report
from perflib.batch.forked_kernels import (
    PARENT,
    PromptClient,
    environment,
    forking_parent,
    ordinary_kernels,
    socket_folder,
)
from perflib.batch.job import Job, Limits
from perflib.disclosure.html import MIME

KERNEL = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
PARAMETERS = "contract = 'whp-sample'\nmonth = None\nknown_at = None\nparams = 'params'"
LIMITS = Limits(seconds=120)

SAY = """
from perflib.disclosure.rules import Disclosure
from perflib.disclosure.presenter import Presenter
from perflib.disclosure.sentences import Name, sentence
show = Presenter(Disclosure("internal", 0, 1, True))
"""

# What one run could leave to the next.
STATE = """
import os, random, sys, gc, locale, signal, threading
import matplotlib, numpy as np, pandas as pd
state = {
    "rcParams": str(matplotlib.rcParams),
    "environment": sorted(f"{k}={v}" for k, v in os.environ.items()
                          if not k.startswith(("JPY_", "PERFLIB_", "IPYTHONDIR"))),
    "options": pd.describe_option(_print_desc=False),
    "folder": os.getcwd(),
    "open": sorted(f for f in (os.readlink(f"/proc/self/fd/{n}") for n in os.listdir("/proc/self/fd")
                   if os.path.exists(f"/proc/self/fd/{n}")) if f.startswith("/") and "/dev/" not in f),
    "threads": sorted(t.name for t in threading.enumerate() if "dirty" in t.name),
    "modules": "dirty" in sys.modules,
    "locale": str(locale.getlocale()),
}
import hashlib
digest = {name: hashlib.sha256(str(value).encode()).hexdigest() for name, value in state.items()}
show([sentence("{name}: {value}", name=Name(name), value=Name(value)) for name, value in digest.items()])
"""

DIRTY = """
import os, random, sys, tempfile, threading, time, types
import matplotlib, numpy as np, pandas as pd
matplotlib.rcParams["font.size"] = 40
os.environ["DIRTY"] = "yes"
pd.set_option("display.max_rows", 3)
np.random.seed(1); random.seed(1)
os.chdir(tempfile.gettempdir())
kept = open(os.path.join(tempfile.gettempdir(), f"dirty-{os.getpid()}"), "w"); os.remove(kept.name)
sys.modules["dirty"] = types.ModuleType("dirty")
threading.Thread(target=time.sleep, args=(60,), name="dirty", daemon=True).start()
show(sentence("Dirty."))
"""


def notebook(path: Path, *cells: str) -> Path:
    made = nbformat.v4.new_notebook(
        metadata=KERNEL,
        cells=[
            nbformat.v4.new_markdown_cell("# A page"),
            nbformat.v4.new_code_cell(PARAMETERS, metadata={"tags": ["parameters"]}),
            *(nbformat.v4.new_code_cell(cell) for cell in cells),
        ],
    )
    path.write_text(nbformat.writes(made), encoding="utf-8")
    return path


def job(path: Path, month: str = "2020-06") -> Job:
    return Job(str(path), "whp-sample", month, "2020-06-30", "params", "internal", "")


@pytest.fixture(scope="module")
def parent(tmp_path_factory):
    """Return a folder and the environment in which kernels are forked."""
    folder = tmp_path_factory.mktemp("p")
    with forking_parent(folder) as found:
        yield folder, found


def made(page: Path, folder: Path, found, limits: Limits = LIMITS, **options):
    with environment(found):
        return make_report(job(page, **options), folder, limits)


def text_of(result) -> list[str]:
    shown = json.loads(result.files[f"{result.job.name}.ipynb"])
    outputs = [output for cell in shown["cells"] for output in cell.get("outputs", [])]
    return [line for output in outputs if MIME in output["data"] for line in output["data"][MIME]["sentences"]]


CHECKED = "from perflib.reporting.front_matter import check_parameters\ncheck_parameters(globals())"
PID = """
import os
parent = os.getppid()
command = open(f"/proc/{parent}/cmdline").read().replace(chr(0), " ")
show([sentence("{text}", text=Name(text)) for text in (str(parent), command)])
"""


def test_a_kernel_is_a_fork_of_the_parent_and_without_one_an_ordinary_process(tmp_path, parent):
    page = notebook(tmp_path / "who.ipynb", SAY, PID)
    forked = text_of(made(page, *parent))
    assert "perflib.batch.forked_kernels" in forked[1]
    ordinary = text_of(made(page, tmp_path, {}))
    assert int(ordinary[0]) == os.getpid()


class Scripted(PromptClient):
    """A client of a kernel that answers, and is heard, as a script says: what comes, or None if nothing does."""

    def __init__(self, answers, heard, alive):
        super().__init__()
        self.answers, self.heard, self.alive, self.asked = iter(answers), iter(heard), alive, 0

    def kernel_info(self):
        self.asked += 1

    async def get_shell_msg(self, **_):
        return self._next(self.answers)

    async def get_iopub_msg(self, **_):
        return self._next(self.heard)

    async def is_alive(self):
        return self.alive

    def _next(self, script):
        found = next(script, None)
        if found is None:
            raise Empty
        return found


@pytest.mark.parametrize(
    ("answers", "heard", "asked"),
    [(["yes"], ["busy"], 1), ([None, "yes"], ["busy"], 2), (["yes"] * 2, [None, "busy"], 2)],
)
def test_a_client_asks_until_the_kernel_answers_and_its_output_is_heard(answers, heard, asked):
    client = Scripted(answers, heard, alive=True)
    asyncio.run(client.wait_for_ready(timeout=60))
    assert client.asked == asked


@pytest.mark.parametrize(
    ("alive", "timeout", "says"), [(True, 0, "did not answer in 0 seconds"), (False, None, "ended before it answered")]
)
def test_a_client_of_a_kernel_that_ends_or_never_answers_says_so(alive, timeout, says):
    with pytest.raises(RuntimeError, match=says):
        asyncio.run(Scripted([], [], alive).wait_for_ready(timeout))


@pytest.fixture(scope="module")
def snapshots(tmp_path_factory):
    """Return a folder of a run, with the snapshots of the sample that its notebooks read."""
    folder = tmp_path_factory.mktemp("s")
    run.read_periods(run.Request("whp-sample", ("2020-06",), "2020-06-30"), folder)
    return folder


@pytest.mark.parametrize(
    "page",
    [
        pytest.param(path, id=path.stem, marks=[] if path.stem == "cohort_trends" else pytest.mark.slow)
        for path in run.find_notebooks()
    ],
)
def test_a_forked_kernel_gives_the_bytes_that_an_ordinary_one_gives(page, snapshots, parent):
    forked, ordinary = made(page, snapshots, parent[1]), made(page, snapshots, {})
    assert forked.error is None
    assert forked.files == ordinary.files


def test_no_state_crosses_from_one_run_to_another(tmp_path, parent):
    """And the search for it can fail: in one kernel it finds every kind of it."""
    state, dirty = notebook(tmp_path / "state.ipynb", SAY, STATE), notebook(tmp_path / "dirty.ipynb", SAY, DIRTY)
    before = made(state, *parent)
    assert made(dirty, *parent).error is None
    after = made(state, *parent)
    assert text_of(before) == text_of(after)
    both = text_of(made(notebook(tmp_path / "both.ipynb", SAY, DIRTY, STATE), *parent))[1:]
    told = {line.partition(": ")[0] for line in set(both) - set(text_of(before))}
    assert told == {"rcParams", "environment", "options", "folder", "threads", "modules", "open"}


def test_the_parent_imports_what_notebooks_use_and_nothing_of_what_makes_reports():
    """What a kernel imports itself, each kernel pays for; what no notebook uses, every run does."""
    code = "import sys; from perflib.batch import forked_kernels; forked_kernels._import_all(); print(*sys.modules)"
    said = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    there = set(said.split())
    used = {f"perflib.reporting.{name}" for name in ("cohort_trends.tables", "contract_review", "front_matter")}
    assert (
        used
        | {
            "perflib.analysis.cohorts",
            "perflib.disclosure.presenter",
            "seaborn",
            "holidays.countries",
            "ipykernel.zmqshell",
        }
        <= there
    )
    assert there.isdisjoint({"papermill", "nbconvert", "nbformat", "jsonschema", "perflib.batch.render"})


def test_random_numbers_differ_between_forks(tmp_path, parent):
    page = notebook(
        tmp_path / "random.ipynb", SAY, "import numpy as np\nshow(sentence('{n}', n=Name(str(np.random.random()))))"
    )
    assert text_of(made(page, *parent)) != text_of(made(page, *parent))


ENDS = {
    "raises": ("raise ValueError('ref-1')", "ValueError in cell 5. Run the notebook in JupyterLab to see why."),
    "leaves": ("import os\nos._exit(3)", "its kernel died: it was killed, or met the memory limit."),
    "is killed": ("import os\nos.kill(os.getpid(), 9)", "its kernel died: it was killed, or met the memory limit."),
    "breaks": ("import ctypes\nctypes.string_at(0)", "its kernel died: it was killed, or met the memory limit."),
    "hangs": ("import time\ntime.sleep(600)", "was stopped after 6 seconds. Raise --time-limit, or see what hangs."),
    "fills memory": ("kept = bytearray(10**10)", "cell 5 needs more memory than the limit gives it."),
}


@pytest.mark.parametrize("forked", [True, False], ids=["forked", "ordinary"])
@pytest.mark.parametrize(("cell", "says"), ENDS.values(), ids=list(ENDS))
def test_a_kernel_that_fails_is_told_in_one_line(cell, says, forked, tmp_path, parent):
    page = notebook(tmp_path / "page.ipynb", SAY, cell)
    began = time.monotonic()
    with ordinary_kernels(tmp_path) as ordinary:
        result = made(page, tmp_path, parent[1] if forked else ordinary, Limits(6 if "sleep" in cell else 120, 2000))
    assert result.status == "failed"
    assert says in result.error
    assert time.monotonic() - began < 120
    assert not any("ref-1" in line for line in result.trace)
    assert result.trace
    assert not list(tmp_path.glob("perflib-*"))


@pytest.mark.parametrize("forked", [True, False], ids=["forked", "ordinary"])
def test_the_memory_limit_counts_what_the_report_adds_and_not_the_libraries(forked, tmp_path, parent):
    """64 MB, the least that can be asked for, are enough for a page that does little, and not for 400 MB of data."""
    found = parent[1] if forked else {"JUPYTER_DEFAULT_PROVISIONER_NAME": "perflib-forked"}
    little = notebook(tmp_path / "little.ipynb", SAY, "import matplotlib.pyplot, pyarrow\nkept = bytearray(2 * 10**7)")
    much = notebook(tmp_path / "much.ipynb", SAY, "kept = bytearray(4 * 10**8)")
    assert made(little, tmp_path, found, Limits(120, 64)).error is None
    assert "needs more memory than the limit gives it" in made(much, tmp_path, found, Limits(120, 64)).error
    assert made(much, tmp_path, found, Limits(120, 800)).error is None


@pytest.mark.parametrize("name", ["MemoryError", "ArrowMemoryError", "CellExecutionError"])
def test_an_error_for_which_no_memory_was_left_to_report_it_is_one_of_memory(name, tmp_path, monkeypatch):
    """The last is what papermill says where a kernel sent no words."""
    failed = Mock(side_effect=PapermillExecutionError(3, 1, "", name, "", []))
    monkeypatch.setattr("papermill.execute_notebook", failed)
    page = notebook(tmp_path / "page.ipynb", SAY)
    assert make_report(job(page), tmp_path, Limits(60, 64)).error == (
        "cell 4 needs more memory than the limit gives it. Raise --memory-limit."
    )


def children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def wait_until(holds, seconds: float = 60) -> bool:
    end = time.monotonic() + seconds
    while not holds() and time.monotonic() < end:
        time.sleep(0.05)
    return holds()


def test_a_kernel_whose_parent_was_killed_is_told_and_the_next_is_an_ordinary_one(tmp_path):
    kill = "import os, signal\nos.kill(os.getppid(), signal.SIGKILL)\nimport time\ntime.sleep(60)"
    page, who = notebook(tmp_path / "kill.ipynb", SAY, kill), notebook(tmp_path / "who.ipynb", SAY, PID)
    with forking_parent(tmp_path) as found:
        failed = made(page, tmp_path, found)
        assert failed.error == "its kernel died: it was killed, or met the memory limit."
        assert failed.again
        assert int(text_of(made(who, tmp_path, found))[0]) == os.getpid()


def test_no_kernel_outlives_the_process_that_asked_for_it(tmp_path):
    """The process is killed while a cell sleeps; the parent, which stays, has no kernel then."""
    page = notebook(
        tmp_path / "sleeps.ipynb", SAY, f"open({str(tmp_path / 'begun')!r}, 'w')\nimport time\ntime.sleep(600)"
    )
    code = (
        "import sys; from pathlib import Path; from perflib.batch.execute import make_report; "
        "from perflib.batch.job import Job, Limits; "
        f"make_report(Job({str(page)!r}, 'whp-sample', '2020-06', '2020-06-30', 'params', 'internal', ''), "
        f"Path({str(tmp_path)!r}), Limits())"
    )
    with forking_parent(tmp_path) as found:
        parent = children(os.getpid())[-1]
        process = subprocess.Popen([sys.executable, "-c", code], env=os.environ | dict(found))
        assert wait_until((tmp_path / "begun").exists)
        kernels = children(parent)
        assert len(kernels) == 1
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert wait_until(lambda: not alive(kernels[0]))
        assert alive(parent)
    assert not alive(parent)


def test_where_nothing_can_be_forked_kernels_are_ordinary(tmp_path, monkeypatch):
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    monkeypatch.setattr(forked_kernels, "SHORT_FOLDERS", ())
    far = tmp_path / ("x" * 120)
    far.mkdir()
    with forking_parent(far) as found:  # the address of its socket would be too long
        assert PARENT not in found


def test_a_kernel_that_is_not_installed_is_named(tmp_path, parent):
    page = notebook(tmp_path / "page.ipynb", SAY)
    node = nbformat.read(page, as_version=4)
    node.metadata["kernelspec"]["name"] = "r-4"
    nbformat.write(node, page)
    assert "its kernel 'r-4' is not installed" in made(page, *parent).error


LONG = "a" * 110
"""Longer than the path of a Unix socket may be."""


def test_a_long_temporary_folder_and_what_the_user_starts_ipython_with_change_nothing(tmp_path, parent, monkeypatch):
    """A plain variable of the user's start-up files would be taken for a parameter that the notebook does not have."""
    page = notebook(tmp_path / "page.ipynb", CHECKED, SAY)
    before = made(page, *parent)
    startup = tmp_path / "ipython" / "profile_default" / "startup"
    startup.mkdir(parents=True)
    (startup / "00-mine.py").write_text('DATA_DIR = "/data"\n', encoding="utf-8")
    (tmp_path / "mine.py").write_text('MINE = "/data"\n', encoding="utf-8")
    monkeypatch.setenv("IPYTHONDIR", str(startup.parents[1]))
    monkeypatch.setenv("PYTHONSTARTUP", str(tmp_path / "mine.py"))
    folder = tmp_path / LONG
    folder.mkdir()

    with forking_parent(folder) as found:
        after = made(page, folder, found)

    assert PARENT in found
    assert [before.status, after.status] == ["made", "made"]
    assert after.files == before.files
    assert not list(folder.iterdir())


def test_sockets_stand_where_only_this_user_can_open_them_and_their_path_is_short_enough(tmp_path):
    folder = tmp_path / LONG
    folder.mkdir()
    with socket_folder(folder) as short, socket_folder(tmp_path) as near:
        assert near.parent == tmp_path
        assert short.parent != folder
        assert len(f"{short}/kernel-5") < 107
        assert short.stat().st_mode & 0o777 == 0o700
    assert not short.exists()


def test_where_no_folder_has_a_short_path_kernels_are_talked_to_by_tcp(tmp_path, monkeypatch):
    page = notebook(tmp_path / "page.ipynb", SAY)
    monkeypatch.setattr("perflib.batch.forked_kernels.SHORT_FOLDERS", ())
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    folder = tmp_path / LONG
    folder.mkdir()
    with forking_parent(folder) as found:
        assert PARENT not in found
        assert made(page, folder, found).status == "made"
