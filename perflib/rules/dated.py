"""Values that carry the date they hold from and the place they were taken from.

A value is dated by the day it applies to (a start, a referral), not by the day a report is made. Before its first
`from` a dated value has no answer; from then on the latest `from` on or before the day holds.

>>> days = Dated[int].model_validate([{"value": 639, "from": "2017-11-01", "source": "WHP-19"}])
>>> days.on(date(2018, 1, 1))
639
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from difflib import get_close_matches
from typing import Annotated, Any, Generic, TypeAlias, TypeVar

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    RootModel,
    model_validator,
)

from perflib.errors import ParameterError
from perflib.rules.calendar import month

T = TypeVar("T")
Place: TypeAlias = tuple[int | str, ...]
"""Where something stands in a parameter file: keys, and numbers from 0 in lists."""


class Misplaced(ValueError):
    """A fault that a model finds when it compares its parts, with the place of the part that is wrong."""

    def __init__(self, message: str, *place: int | str) -> None:
        super().__init__(message)
        self.place = place


def hint(name: str, known: Iterable[str]) -> str:
    """Suggest what a misspelt name may have meant, or else list the names there are.

    >>> hint("statr", ["start", "exit"])
    "did you mean 'start'?"
    """
    known = list(known)
    close = get_close_matches(name, known, n=1)
    return f"did you mean {close[0]!r}?" if close else f"known: {', '.join(known) or 'none'}."


def _month(value: Any) -> pd.Period:
    try:
        return month(value)
    except ParameterError as error:
        raise ValueError(str(error)) from None


def check_known(named: Mapping[Place, str], known: Iterable[str], what: str) -> None:
    """Refuse the first name that is not among those known; `named` maps the place of each in its file to the name.

    Raises
    ------
    Misplaced
        A name is not among those known; has its place in the file.
    """
    known = list(known)
    for place, name in named.items():
        if name not in known:
            raise Misplaced(f"{name!r} is no {what}; {hint(name, known)}", *place)


Month = Annotated[pd.Period, BeforeValidator(_month), PlainSerializer(str)]
"""A calendar month, written YYYY-MM."""

Name = Annotated[str, AfterValidator(lambda text: text.strip().casefold())]
"""A code as records hold it: trimmed and casefolded."""


class Rules(BaseModel):
    """What every parameter model shares: no unknown keys, no change after reading."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, arbitrary_types_allowed=True, populate_by_name=True, allow_inf_nan=False
    )


class Sourced(Rules):
    """A value with the place it was taken from."""

    source: str = Field(min_length=1, description="Document and clause, schedule or table.")
    invented: bool = Field(False, description="True when no document gives the value: reports then say so.")


class DatedValue(Sourced, Generic[T]):
    """A value and the first day it applies to."""

    value: T = Field(description="The value itself.")
    since: date = Field(alias="from", description="The first day the value applies to.")


class Dated(RootModel[tuple[DatedValue[T], ...]], Generic[T]):
    """A value that may change: the latest `from` on or before a day holds."""

    model_config = ConfigDict(frozen=True)

    @model_validator(mode="before")
    @classmethod
    def _one_is_a_list(cls, data: Any) -> Any:
        return [data] if isinstance(data, dict) else data

    @model_validator(mode="after")
    def _in_order(self) -> Dated[T]:
        days = [item.since for item in self.root]
        if not days or days != sorted(set(days)):
            raise ValueError("give each value once, in the order of its `from` date")
        return self

    def on(self, day: date) -> T | None:
        """Value in force on `day`; None before the first."""
        return next((item.value for item in reversed(self.root) if item.since <= day), None)

    def at(self, days: ArrayLike) -> NDArray[np.float64]:
        """Value in force on each day (datetime64); NaN before the first and where the day is missing."""
        dates = np.asarray(days, dtype="datetime64[D]")
        since = np.array([item.since for item in self.root], dtype="datetime64[D]")
        values = np.array([np.nan, *(item.value for item in self.root)], dtype=float)
        place = np.searchsorted(since, dates, side="right")
        return values[np.where(np.isnat(dates), 0, place)]
