"""The forecasting models by name, and the one way to call them."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import overload

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import ThreadpoolController

from perflib.analysis.cuts import Where, refuse, select
from perflib.analysis.forecast.bid import profile
from perflib.analysis.forecast.cape_cod import cape_cod
from perflib.analysis.forecast.chain_ladder import chain_ladder
from perflib.analysis.forecast.development import Development, development, developments
from perflib.analysis.forecast.hazard import hazard
from perflib.analysis.forecast.milestones import milestones
from perflib.analysis.forecast.result import Forecast, forecast_of, seed_of, split
from perflib.analysis.forecast.volumes import coming_starts, thinned
from perflib.errors import ParameterError
from perflib.records.snapshot import Snapshot, remembered

Model = Callable[[Development, int, np.random.Generator], tuple[NDArray[np.integer], tuple[str, ...]]]

MODELS: dict[str, Model] = {
    "milestones": milestones,
    "hazard": hazard,
    "cape_cod": cape_cod,
    "chain_ladder": chain_ladder,
    "profile": profile,
}


@overload
def outcomes(
    snapshot: Snapshot,
    measure: str = ...,
    model: str = ...,
    by: None = ...,
    draws: int = ...,
    starts: bool = ...,
    where: Where = ...,
) -> Forecast: ...


@overload
def outcomes(
    snapshot: Snapshot,
    measure: str = ...,
    model: str = ...,
    *,
    by: str,
    draws: int = ...,
    starts: bool = ...,
    where: Where = ...,
) -> dict[str, Forecast]: ...


def outcomes(
    snapshot: Snapshot,
    measure: str = "outcome",
    model: str = "milestones",
    by: str | None = None,
    draws: int = 2000,
    starts: bool = False,
    where: Where = None,
) -> Forecast | dict[str, Forecast]:
    """Forecast the outcomes of the contract's cohorts, by the month in which they will be recorded.

    The same snapshot gives the same numbers, every time.

    Parameters
    ----------
    snapshot : Snapshot
    measure : str
        An outcome or an event of the programme.
    model : str
        One of `MODELS`.
    by : str, optional
        An attribute (group, area) as at the start: then one forecast for each value. In every path the values add up to
        the forecast without `by`; `result.split` says how.
    draws : int
        Simulated futures.
    starts : bool
        Whether cohorts that have yet to start are forecast too, from the start volumes that the contract promises for
        the coming months; nothing is added where it promises none.
    where : mapping, mask or callable, optional
        Only these people, as for `cuts.mask`; refused with `starts`, which are promised for the whole contract.

    Returns
    -------
    Forecast, or dict of str to Forecast

    Raises
    ------
    ParameterError
        There is no such model, measure or attribute, or less than 2 draws are asked for.

    Examples
    --------
    >>> from perflib import sample_snapshot
    >>> found = outcomes(sample_snapshot(), model="chain_ladder", draws=200)
    >>> found.cohorts["expected"].loc["2018-10":"2018-12"].round(0)
    cohort
    2018-10    6.0
    2018-11    0.0
    2018-12    1.0
    Freq: M, Name: expected, dtype: float64
    """
    check(model, draws)
    if starts:
        refuse("forecast.outcomes(starts=True)", "starts to come are promised for all", snapshot, where)
    snapshot = select(snapshot, where)
    whole = _whole(snapshot, measure, model, draws, starts)
    if by is None:
        return whole
    alone = {}
    for value, part in developments(snapshot, measure, by).items():
        if starts and len(part.starts) < len(whole.development.starts):
            extra = whole.development.starts[len(part.starts) :]
            share = part.starts.sum() / max(whole.development.starts[: len(part.starts)].sum(), 1)
            part = part.with_starts((extra * share).round().astype(int))
        alone[value] = project(part, model, draws)
    return split(whole, alone)


def check(model: str, draws: int) -> None:
    """Refuse a model that there is not, and less than two draws.

    Raises
    ------
    ParameterError
        No such model, or fewer than two draws.
    """
    if model not in MODELS:
        raise ParameterError(f"model={model!r}: give {', '.join(MODELS)}.")
    if draws < 2:
        raise ParameterError(f"draws={draws}: give 2 or more; intervals need some hundreds.")


@remembered
def _whole(snapshot: Snapshot, measure: str, model: str, draws: int, starts: bool) -> Forecast:
    now = development(snapshot, measure)
    volumes = coming_starts(snapshot, now.month, draws, seed_of(now.contract, now.month)) if starts else None
    if volumes is None or not len(volumes.most):
        return project(now, model, draws)
    found = project(now.with_starts(volumes.most), model, draws)
    paths = thinned(found.paths, volumes)
    basis = (*found.basis, volumes.basis)
    return forecast_of(paths, found.development, model=model, basis=basis, seed=found.seed)


@cache
def _linear_algebra() -> ThreadpoolController:
    """The libraries of linear algebra that are loaded, NumPy's and SciPy's."""
    return ThreadpoolController()


def project(part: Development, model: str = "milestones", draws: int = 2000) -> Forecast:
    """Forecast a development; `outcomes` has the parameters.

    Linear algebra has one thread meanwhile: on matrices as small as a model's, threads wait for each other for longer
    than they work, and would make the last digits depend on the machine.

    Raises
    ------
    ParameterError
        There is no such model, or less than 2 draws are asked for.
    """
    check(model, draws)
    seed = seed_of(part.contract, part.month)
    with _linear_algebra().limit(limits=1, user_api="blas"):
        paths, basis = MODELS[model](part, draws, np.random.default_rng(seed))
    return forecast_of(paths, part, model=model, basis=basis, seed=seed)
