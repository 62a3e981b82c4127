"""Random draws, dates and texts: what every part of a synthetic contract is made with."""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum
from typing import Annotated, Any, Self, TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, model_validator
from scipy.special import ndtri

Days: TypeAlias = NDArray[np.datetime64]
Floats: TypeAlias = NDArray[np.float64]
Ints: TypeAlias = NDArray[np.int64]
Flags: TypeAlias = NDArray[np.bool_]

Share = Annotated[float, Field(ge=0, le=1)]

NEVER = np.datetime64("2200-01-01", "D")
"""The date of what does not happen: later than any `last_day`, so never recorded."""


class Parameters(BaseModel):
    """What every parameter model of a sample shares: no unknown keys, no change after reading."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Delay(Parameters):
    """A lognormal delay, cut to whole days: working or calendar days, as its use says."""

    median: float = Field(gt=0, description="Days.")
    p95: float = Field(gt=0, description="Days within which 95 % of cases fall.")

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.p95 < self.median:
            raise ValueError(f"p95 ({self.p95:g}) is less than the median ({self.median:g})")
        return self

    def days(self, u: Floats, pace: Floats | float = 1.0) -> Ints:
        """Return whole days for uniform draws; `pace` multiplies the median.

        >>> Delay(median=34, p95=76).days(np.array([0.5, 0.95])).tolist()
        [34, 76]
        """
        spread = np.log(self.p95 / self.median) / ndtri(0.95)
        days: Floats = pace * self.median * np.exp(spread * ndtri(u))
        return np.floor(days + 1e-9).astype(np.int64)


class Part(IntEnum):
    """The parts of the process, each with a random stream of its own. A new part goes to the end."""

    VOLUME = 0
    REFERRED = 1
    PERSON = 2
    ALLOCATION = 3
    SERVICE = 4
    RETURNING = 5
    SUPPORT = 6
    REVIEWS = 7
    DISENGAGING = 8
    JOBS = 9
    LEAVING = 10
    MOVING = 11
    JOBS_RECORDED = 12
    EARNINGS = 13
    CLAIMS = 14
    ARMS = 15
    COURSES = 16
    SESSIONS = 17
    CONSENT = 18
    SCORES = 19
    EXEMPTIONS = 20
    FAULTS = 21
    REGISTERS = 22
    EVIDENCE = 23


def uniform(seed: int, part: Part, rows: int, columns: int, nth: int = 0) -> Floats:
    """Return uniform draws from the stream of one part; `nth` tells apart the rounds, or places, it is drawn for.

    Row i is the same however many rows are asked for: this is what lets `last_day` only cut.
    """
    return np.random.default_rng([seed, int(part), nth]).random((rows, columns))


def choose(u: Floats, shares: Sequence[float] | Floats) -> Ints:
    """Return the place each draw falls in among shares: one list for all, or one row a draw.

    >>> choose(np.array([0.1, 0.9]), [0.5, 0.5]).tolist()
    [0, 1]
    """
    limits = np.cumsum(np.atleast_2d(shares), axis=1)
    places: Ints = (u[:, None] * limits[:, -1:] >= limits[:, :-1]).sum(axis=1)
    return places


def workday(days: Days, later: Ints | int = 0) -> Days:
    """Return the working day so many working days later; a weekend counts as the Monday after it.

    >>> workday(np.array(["2020-02-01"], dtype="M8[D]"), 1).tolist()
    [datetime.date(2020, 2, 4)]
    """
    return np.busday_offset(days, later, roll="forward")


def numbered(letter: str, size: int) -> list[str]:
    """Return identifiers.

    >>> numbered("S", 2)
    ['S000001', 'S000002']
    """
    return [f"{letter}{number:06d}" for number in range(1, size + 1)]


def text(values: Sequence[str | None], places: Ints) -> Any:
    """Return the texts at the given places; -1 is missing."""
    return pd.array(list(values), dtype="str").take(places, allow_fill=True)


def dates(days: Days) -> Days:
    """Return days as a table holds them; what never happens is missing."""
    return np.where(days < NEVER, days, np.datetime64("NaT")).astype("M8[us]")
