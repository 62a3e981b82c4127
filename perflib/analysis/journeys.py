"""Deprecated name of `perflib.analysis.journey`, kept for one release."""

from __future__ import annotations

import warnings
from typing import Any


def __getattr__(name: str) -> Any:
    from perflib.analysis import journey

    if name.startswith("__"):
        raise AttributeError(name)
    value = getattr(journey, name)
    warnings.warn("perflib.analysis.journeys is now perflib.analysis.journey.", DeprecationWarning, stacklevel=2)
    return value
