"""An analyst's own copy of a notebook, its parameters set to a contract and month."""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Sequence
from datetime import date
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import nbformat
import pandas as pd

from perflib.batch import manifest
from perflib.batch.run import find_notebooks
from perflib.errors import ParameterError, install
from perflib.rules.contract import find_params, load_contract


def write(
    notebook: str,
    contract: str,
    month: pd.Period,
    known_at: date | None,
    params: Path,
    folder: Path,
    force: bool = False,
) -> Path:
    """Write the copy, and return where it is: `<folder>/<contract>/<month>/<notebook>.ipynb`.

    Parameters
    ----------
    notebook : str
        By name or path.
    contract : str
    month : Period
    known_at : date, optional
    params : Path
        The folder of parameter files; the copy is given its whole path, so that it finds it from wherever it is.
    folder : Path
    force : bool
        Whether to write over a copy that was changed.

    Raises
    ------
    ParameterError
        There is no such notebook or contract, or a copy that was changed is there.
    """
    from papermill.iorw import load_notebook_node
    from papermill.parameterize import parameterize_notebook

    (source,) = find_notebooks([notebook])
    load_contract(contract, params)
    given = {"contract": contract, "month": str(month), "known_at": known_at and str(known_at)}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        node: Any = load_notebook_node(str(source))
        node = parameterize_notebook(node, given | {"params": str(find_params(params).resolve())})
    for number, cell in enumerate(node.cells):
        cell["id"] = f"cell-{number:02d}"
    content = f"{nbformat.writes(node)}\n".encode()  # type: ignore[no-untyped-call]
    path = folder / contract / str(month) / source.name
    if path.is_file() and path.read_bytes() != content and not force:
        raise ParameterError(
            f"{path}: is there already and differs, so it may hold your work. Open it as it is with "
            f"`jupyter lab {path}`, or give --force to write it anew."
        )
    manifest.write(path, content)
    return path


def launch(path: Path, options: Sequence[str] = ()) -> None:
    """Open a notebook in JupyterLab, in the place of this process.

    Parameters
    ----------
    path : Path
    options : sequence of str
        Passed on to JupyterLab: `--no-browser`, `--port=8890` and the like.

    Raises
    ------
    ParameterError
        JupyterLab is not installed.
    """
    if find_spec("jupyterlab") is None:
        raise ParameterError(f"JupyterLab is not installed. {install('lab')}. The notebook is {path}.")
    os.execv(sys.executable, [sys.executable, "-m", "jupyterlab", str(path), *options])
