"""Time spent in each stage, with people still in it censored."""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd

from perflib.analysis import measures
from perflib.analysis.cohorts import started
from perflib.analysis.cuts import By, Where, each, select
from perflib.analysis.earlier_day import at as at
from perflib.analysis.journey import positions
from perflib.analysis.journey.positions import Days, Numbers, places
from perflib.analysis.survival import ANY, EXIT, Incidence, cumulative_incidence
from perflib.errors import ParameterError
from perflib.records.snapshot import Snapshot, remembered
from perflib.rules.dated import hint


@remembered
def stage_spells(snapshot: Snapshot) -> pd.DataFrame:
    """List the stages that each started journey was in, one after the other, from the start on.

    Returns
    -------
    DataFrame
        `place` (in journeys), `stage`, `from_date`, `to_date` (missing while it lasts); one row a spell, in order.

    Examples
    --------
    >>> from perflib import sample_snapshot
    >>> stage_spells(sample_snapshot()).head(3)
       place          stage  from_date    to_date
    0      0   on_programme 2018-01-22 2019-04-23
    1      0           left 2019-04-23 2019-10-24
    2      0  past_last_day 2019-10-24        NaT
    """
    frame, programme = snapshot.journeys[started(snapshot)], snapshot.programme
    never, start = positions.NEVER.to_numpy().astype("datetime64[s]"), frame["start"].to_numpy("datetime64[s]")
    outcome = measures.first(snapshot, "outcome")["event"]

    def from_start(dates: pd.Series) -> Days:
        reached = dates.reindex(frame.index).fillna(positions.NEVER).to_numpy("datetime64[s]")
        return np.asarray(np.maximum(reached, start))

    furthest = np.array([from_start(outcome), *(from_start(frame[name]) for name in reversed(programme.milestones))])
    edges = np.vstack([start, np.minimum.accumulate(furthest)[::-1], np.full_like(start, never)])
    last = positions.last_day(snapshot)[frame.index] + pd.Timedelta(days=1) + frame["start"]
    over = from_start(last.where(last <= pd.Timestamp(snapshot.as_of)))
    left = from_start(frame[EXIT]) if EXIT in frame else np.full_like(start, never)
    first = np.minimum(edges[1], over)
    spells = [(positions.ON_PROGRAMME, start, np.minimum(left, first)), (positions.LEFT, left, first)]
    for rank, name in enumerate(programme.milestones, start=1):
        spells.append((name, edges[rank], np.minimum(edges[rank + 1], over)))
    spells.append((positions.OUTCOME, edges[-2], edges[-1]))
    spells.append((positions.PAST, np.where(edges[-2] < never, never, over), edges[-1]))
    row = np.flatnonzero(started(snapshot))
    parts = [
        pd.DataFrame({"place": row, "stage": name, "from_date": begin, "to_date": end})[begin < end]
        for name, begin, end in spells
    ]
    found: pd.DataFrame = pd.concat(parts).sort_values(["place", "from_date"], ignore_index=True)
    return found.assign(to_date=found["to_date"].mask(found["to_date"] >= never))


def time_in_stage(snapshot: Snapshot, stage: str, where: Where = None) -> Incidence:
    """Estimate how long journeys stay in a stage, and to which they go on.

    Parameters
    ----------
    snapshot : Snapshot
    stage : str
        Of `journey.stages`.
    where : mapping, mask or callable, optional
        Only these people, as for `cuts.mask`.

    Returns
    -------
    Incidence
        Causes are the stages that come next; `any` is moving on at all.

    Raises
    ------
    ParameterError
        The programme has no such stage.

    References
    ----------
    Aalen and Johansen 1978, Scandinavian Journal of Statistics 5, 141-150.

    Examples
    --------
    >>> from perflib import sample_snapshot
    >>> time_in_stage(sample_snapshot(), "on_programme").at([90, 365])[["at_risk", "share"]].round(2).reset_index()
       day  at_risk  share
    0   90      159   0.09
    1  365       55   0.20
    """
    snapshot = select(snapshot, where)
    if stage not in positions.stages(snapshot):
        raise ParameterError(f"stage={stage!r}: {hint(stage, positions.stages(snapshot))}")
    spells = stage_spells(snapshot)
    following = spells["stage"].shift(-1).where(spells["place"] == spells["place"].shift(-1))
    mine = spells["stage"] == stage
    causes = [name for name in places(snapshot.programme) if (following[mine] == name).any()] or ["moved_on"]
    number = following[mine].map({name: code for code, name in enumerate(causes, start=1)}).fillna(0)
    return cumulative_incidence(_lengths(spells[mine], snapshot.as_of), number, causes)


def _lengths(spells: pd.DataFrame, end: date) -> Numbers:
    """Return how many days each spell has lasted, to its end or to `end`."""
    last = spells["to_date"].fillna(pd.Timestamp(end))
    return np.asarray((last - spells["from_date"]).dt.days, dtype=np.int64)


def stage_times(snapshot: Snapshot, by: By = None, where: Where = None) -> pd.DataFrame:
    """Summarise how long journeys stay in each stage that can be left.

    Parameters
    ----------
    snapshot : Snapshot
    by : str or sequence of str, optional
        Groups: one or several names, as for `cuts.labels`.
    where : mapping, mask or callable, optional
        Only these people, as for `cuts.mask`.

    Returns
    -------
    DataFrame
        Index `stage`: `entered`, `moved_on`, `still` (in it), and the days by which half had moved on: `median`,
        `lower`, `upper`; missing where half have not.

    References
    ----------
    Aalen and Johansen 1978, Scandinavian Journal of Statistics 5, 141-150.

    Examples
    --------
    >>> from perflib import sample_snapshot
    >>> stage_times(sample_snapshot())[["entered", "moved_on", "still", "median"]].head(2).reset_index()
                stage  entered  moved_on  still  median
    0    on_programme      233       119    114   434.0
    1  first_earnings       40        27     13    35.0
    """
    if by is not None or where is not None:
        return each(stage_times, snapshot, by, where)
    rows = {}
    for stage in places(snapshot.programme):
        if stage in positions.stages(snapshot) and stage not in (positions.OUTCOME, positions.PAST):
            found = time_in_stage(snapshot, stage)
            median, lower, upper = found.quantile(cause=ANY)
            still = int(found.censored.sum())
            counts = {"entered": found.followed, "moved_on": found.followed - still, "still": still}
            rows[stage] = counts | {"median": median, "lower": lower, "upper": upper}
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("stage")
