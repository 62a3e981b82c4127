"""Synthetic contracts: documented processes that make an extract in memory from a seed.

Nobody in them is real. They are processes of persons, not of monthly totals, so that cohorts, pipeline, delays and
comparisons hang together as they do in an extract. All of them share what is in `people` and `journey`:

1. *Referral.* New people arrive month by month (Poisson; ramp-up, season, shock), each with characteristics, a customer
   group and a frailty; a referral is allocated to a caseworker of a subcontractor, or to a centre.
2. *Resolution.* The referral is acknowledged, then resolved as a start, `did_not_attend` or `did_not_start`, after some
   working days that depend on the unit's pace.
3. *What follows a start* is the process's own: `earnings`, `sustainment` or `course`, as `process:` in the contract
   file says.
4. *Return.* Some who did not start, and a few early leavers, are referred again later.
5. *Recording.* Every row is recorded some time after it happened. Some first records are wrong and corrected later.
   Some faults may be planted.

The horizon only cuts: nothing that is drawn depends on `last_day`, so an extract with an earlier `last_day` is the
later one less the rows recorded after it. Each part of the process has a random stream of its own: a change to the
chance of a review moves no job.

Conventions: day 0 is the start date; "working days" are Monday to Friday (no bank holidays); delays are lognormal, cut
to whole days. Provider and department act on working days only; jobs end, and pay days fall, on any day.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from perflib.errors import ParameterError
from perflib.records.sample.course import Course
from perflib.records.sample.earnings import Earnings
from perflib.records.sample.journeys import Process, make_extract
from perflib.records.sample.sustainment import Sustainment
from perflib.rules.dated import hint

PROCESSES: dict[str, type[Process]] = {"earnings": Earnings, "sustainment": Sustainment, "course": Course}
"""The processes by the name that a contract file gives under `source: {sample: {process: ...}}`."""


def read_process(parameters: Mapping[str, Any]) -> Process:
    """Return the process that a contract file describes under `source: {sample: ...}`.

    Without `process` it is that of earnings.

    Raises
    ------
    ParameterError
        There is no such process or parameter, or a value is not allowed.

    Examples
    --------
    >>> read_process({"process": "course", "seed": 7}).seed
    7
    """
    name = str(parameters.get("process", "earnings"))
    if name not in PROCESSES:
        raise ParameterError(f"source.sample.process: {name!r}: {hint(name, PROCESSES)}")
    try:
        return PROCESSES[name].model_validate(parameters)
    except ValidationError as error:
        fault = error.errors()[0]
        place = ".".join(["source", "sample", *(str(part) for part in fault["loc"])])
        raise ParameterError(f"{place}: {fault['input']!r}: {fault['msg']}.") from None


__all__ = ["PROCESSES", "Process", "make_extract", "read_process"]
