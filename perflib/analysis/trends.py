"""Deprecated name of `perflib.analysis.control_charts`, kept for one release."""

from __future__ import annotations

import warnings
from typing import Any


def __getattr__(name: str) -> Any:
    from perflib.analysis import control_charts

    if name.startswith("__"):
        raise AttributeError(name)
    value = getattr(control_charts, name)
    warnings.warn("perflib.analysis.trends is now perflib.analysis.control_charts.", DeprecationWarning, stacklevel=2)
    return value
