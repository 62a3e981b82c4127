"""A folder to work in, for somebody who installed perflib and has no copy of its repository."""

from __future__ import annotations

import shutil
from pathlib import Path

from perflib.batch.run import NOTEBOOKS
from perflib.errors import ParameterError
from perflib.rules.contract import BUILT_IN

README = """\
# Performance reports

`params/` holds the rules: contracts, programmes, ways of managing. `notebooks/` holds the reports: change a copy, not
the original. What a run writes goes to `reports/`.

    perflib list                                           contracts, their months, programmes, notebooks
    perflib run --contract whp-sample                      the reports of the last whole month; open reports/index.html
    perflib open cohort_trends whp-sample 2020-06          a copy of a notebook in JupyterLab

Your own extract: `perflib new my-contract --from FOLDER` looks at it and proposes how it is read; `perflib check
my-contract` says what is not used and why. It holds personal data: keep it out of this folder if you share it.

Exit statuses: 0 done, 1 an extract or a report failed, 2 a parameter or an option is wrong.
"""


def write(folder: Path) -> list[Path]:
    """Write parameters, notebooks and a README.

    Parameters
    ----------
    folder : Path
        A new folder, or an empty one.

    Returns
    -------
    list of Path
        What was written.

    Raises
    ------
    ParameterError
        The folder holds something, or is no folder.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ParameterError(f"{folder}: is there and not empty. Name a new folder.")
    only_text = shutil.ignore_patterns("__pycache__", ".*")
    for name, source in (("params", BUILT_IN), ("notebooks", NOTEBOOKS)):
        shutil.copytree(source, folder / name, ignore=only_text)
    (folder / "README.md").write_text(README, encoding="utf-8")
    return [folder / "params", folder / "notebooks", folder / "README.md"]
