"""Forecasts of outcomes: what will be recorded, of which cohorts, in which months, and how sure that is.

A model is a function of `(development, draws, rng)` that returns `(paths, basis)`: simulated futures as whole numbers,
of shape (draws, cohorts, coming months), and sentences on what it leaned on. All models see the same `Development` and
return through the same `Forecast`; `MODELS` names them.
"""

from perflib.analysis.forecast.backtest import backtest
from perflib.analysis.forecast.development import Development, development, developments
from perflib.analysis.forecast.models import MODELS, outcomes, project
from perflib.analysis.forecast.result import Forecast

__all__ = ["MODELS", "Development", "Forecast", "backtest", "development", "developments", "outcomes", "project"]
