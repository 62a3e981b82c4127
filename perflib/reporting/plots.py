"""Pictures of results for the analyst, in the suite's style: what `.plot()` returns."""

from __future__ import annotations

from dataclasses import dataclass
from functools import singledispatch
from html import escape
from typing import Any

import matplotlib.figure
import pandas as pd
import seaborn
from matplotlib.axes import Axes
from matplotlib.ticker import PercentFormatter

from perflib.analysis.cohorts import Triangle
from perflib.analysis.comparison import Comparison
from perflib.analysis.forecast.result import Forecast
from perflib.analysis.regression import BeforeAfter
from perflib.analysis.survival import Incidence
from perflib.disclosure.chart_style import PALETTE, chart_style, image_uri
from perflib.errors import ParameterError

BLUE, TEAL = PALETTE[:2]


@dataclass(frozen=True)
class Plot:
    """A picture with its words. It is not disclosed, so a report does not take it.

    Attributes
    ----------
    figure : matplotlib.figure.Figure
    image : str
        As a data: address.
    alt : str
        What there is to see, in words.
    """

    figure: matplotlib.figure.Figure
    image: str
    alt: str

    def _repr_html_(self) -> str:
        return f'<img alt="{escape(self.alt)}" src="{self.image}">'

    def __repr__(self) -> str:
        return f"<Plot: {self.alt}>"


def plot(result: Any) -> Plot:
    """Draw a result.

    Raises
    ------
    ParameterError
        There is no picture of such a result.
    """
    with chart_style():
        figure = matplotlib.figure.Figure(figsize=(7.4, 3.7), layout="constrained")
        alt = _draw(result, figure.subplots())
        image = image_uri(figure, raster=False)
    return Plot(figure, image, alt)


@singledispatch
def _draw(result: Any, axes: Axes) -> str:
    del axes
    raise ParameterError(f"plot(): {type(result).__name__} has no picture; its numbers are in .frame.")


@_draw.register
def _triangle(result: Triangle, axes: Axes) -> str:
    rates = result.counts.div(result.starts.where(result.starts > 0), axis=0)
    rates = rates.set_axis(pd.RangeIndex(len(rates))).assign(start=result.cohorts.year.astype(str))
    long = rates.rename_axis("line").reset_index().melt(["line", "start"], var_name="age", value_name="rate")
    long = long.dropna().astype({"age": int})
    colours = _colours(long["start"].nunique())
    seaborn.lineplot(long, x="age", y="rate", hue="start", units="line", estimator=None, lw=1, ax=axes, palette=colours)
    axes.yaxis.set_major_formatter(PercentFormatter(1))
    axes.set(xlabel="Age in months", ylabel=f"Share with {result.measure}")
    return f"A line a cohort: the share of its starts with {result.measure} by age in months, to {long['age'].max()}."


def _colours(number: int) -> list[str]:
    return [PALETTE[place % len(PALETTE)] for place in range(number)]


@_draw.register
def _forecast(result: Forecast, axes: Axes) -> str:
    months = result.months.assign(month=pd.PeriodIndex(result.months.index, freq="M").to_timestamp())
    for name, alpha in (("95", 0.15), ("80", 0.3)):
        axes.fill_between(months["month"], months[f"lower_{name}"], months[f"upper_{name}"], color=BLUE, alpha=alpha)
    seaborn.lineplot(months, x="month", y="expected", color=BLUE, ax=axes)
    axes.set(xlabel="", ylabel="Outcomes recorded", ylim=(0, None))
    total = result.total.iloc[0]
    return (
        "Expected outcomes in each coming month, with 80 and 95 % bands. "
        f"In all {total['expected']:,.0f} are expected, "
        f"95 % interval {total['lower_95']:,.0f} to {total['upper_95']:,.0f}."
    )


@_draw.register
def _comparison(result: Comparison, axes: Axes) -> str:
    units = result.units[result.units["apart"] == ""].sort_values("ratio")
    reach = [units["ratio"] - units["ratio_lower"], units["ratio_upper"] - units["ratio"]]
    axes.errorbar(units["ratio"], units.index.astype(str), xerr=reach, fmt="o", color=BLUE, ecolor=TEAL)
    axes.axvline(1, color="black", lw=0.8)
    axes.set(xlabel="Observed over expected, with 95 % interval", ylabel="")
    return f"{len(units)} units, each with its ratio of observed to expected and a 95 % interval."


@_draw.register
def _incidence(result: Incidence, axes: Axes) -> str:
    cause = result.causes[0]
    axes.step(result.share.index, result.share[cause], where="post", color=BLUE)
    axes.fill_between(result.share.index, result.lower[cause], result.upper[cause], step="post", color=BLUE, alpha=0.2)
    axes.yaxis.set_major_formatter(PercentFormatter(1))
    axes.set(xlabel="Days", ylabel=f"Share with {cause}", ylim=(0, None))
    last = result.share[cause].iloc[-1] if result.followed else 0.0
    return f"The share with {cause} by day, with a 95 % band: {last:.0%} by day {result.last_day}."


@_draw.register
def _before_after(result: BeforeAfter, axes: Axes) -> str:
    rows = result.cohorts
    months = pd.PeriodIndex(rows.index, freq="M").to_timestamp()
    axes.plot(months, rows["rate"], "o", color=TEAL, label="Rate")
    axes.plot(months, rows["fitted"], color=BLUE, label="Fitted")
    axes.plot(months, rows["without"], "--", color=BLUE, label="Had nothing changed")
    axes.legend()
    axes.yaxis.set_major_formatter(PercentFormatter(1))
    step = result.table.loc["step"]
    return f"Rates by start month with the fitted step: an odds ratio of {step['odds_ratio']:.2f} at the change."
