"""The figures of the subcontractor comparison: funnels, a caterpillar of rates, what case mix moves, and trends."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from numpy.typing import NDArray

from perflib.analysis import comparison
from perflib.analysis.comparison import Comparison, funnel
from perflib.disclosure.chart_style import AXIS, PALETTE
from perflib.disclosure.columns import Column, count, number, percent, percent_words, staff, status, text
from perflib.disclosure.names import Names
from perflib.disclosure.presenter import Figure, Table
from perflib.disclosure.sentences import Amount, sentence
from perflib.disclosure.words import listed, month_words
from perflib.records.snapshot import Snapshot

BLUE, TEAL, PLUM, ORANGE = PALETTE[:4]
MOST_NAMES = 15
"""Above so many units only those signalled are named in a funnel."""

MOST_PANELS = 24
"""So many units, the largest, have a panel of their own."""

TICKS = (0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 20_000, 50_000)

OF = ("n", "observed")
SIGNALS = {"below": "below", "above": "above", "": "in line"}


def unit_column(snapshot: Snapshot, unit: str, names: Names) -> Column:
    """Return the column of the units: of staff, where the units are people."""
    attribute = snapshot.programme.attributes[unit]
    return staff(attribute.label, names=names) if attribute.staff else text(attribute.label, names=names)


def _ratio(frame: pd.DataFrame) -> pd.Series:
    return frame["observed"] / frame["expected"].where(frame["expected"] > 0)


def _unadjusted(frame: pd.DataFrame) -> pd.Series:
    return frame["observed"] / frame["expected_unadjusted"].where(frame["expected_unadjusted"] > 0)


def counted(snapshot: Snapshot, unit: str, measure: str, names: Names) -> dict[str, Column]:
    """Return the columns of what a unit had, what was expected of it, and their ratio."""
    label = comparison.measures_compared(snapshot)[measure]
    return {
        "unit": unit_column(snapshot, unit, names),
        "n": count("Cases"),
        "observed": count(label),
        "expected": number("Expected", of=OF, people=True),
        "ratio": number("Ratio", of=OF, places=2, make=_ratio),
    }


def funnel_plot(snapshot: Snapshot, unit: str, measure: str, names: Names) -> Figure:
    """Observed over expected by what was expected, for the month of start alone and for case mix too."""
    found = comparison.compare(snapshot, unit, measure)
    frame = found.compared.reset_index()
    frame["reading"] = frame["signal"].map(SIGNALS)
    label = comparison.measures_compared(snapshot)[measure]
    columns = counted(snapshot, unit, measure, names) | {
        "expected_unadjusted": number("Expected, unadjusted", of=OF, people=True),
        "ratio_unadjusted": number("Ratio, unadjusted", of=OF, places=2, make=_unadjusted),
        "lower_95": number("95% limit, lower", of=OF, places=2),
        "upper_95": number("95% limit, upper", of=OF, places=2),
        "lower_998": number("99.8% limit, lower", of=OF, places=2),
        "upper_998": number("99.8% limit, upper", of=OF, places=2),
        "outside": text("Outside its own limit", of=OF),
        "reading": status("Signal", of=OF),
    }
    frame["outside"] = frame["outside"].replace("", "no")
    middle = _middle_rate(found)

    def draw(panels: NDArray[np.object_], data: pd.DataFrame) -> None:
        axes: Axes
        for axes, kind, title in zip(
            panels, ("_unadjusted", ""), ("Month of start alone", "Case mix too"), strict=True
        ):
            axes.set_title(title)
            axes.set_xlabel("expected")
            there = data[(data[f"expected{kind}"] > 0) & data[f"ratio{kind}"].notna()]
            if there.empty:  # small expected numbers are hidden outside, or rounded to nought
                axes.text(0.5, 0.5, "too few to draw", ha="center", transform=axes.transAxes)
                continue
            x, y = there[f"expected{kind}"], there[f"ratio{kind}"]
            axes.set_ylim(0, max(2.0, 1.1 * float(data["ratio"].max()), 1.1 * float(data["ratio_unadjusted"].max())))
            grid = np.geomspace(max(0.7 * x.min(), 0.5), 1.3 * x.max(), 120)
            for level, dash in ((0.95, (0, (4, 2))), (0.998, "solid")):
                for limit in funnel.limits(grid / middle, middle, level):
                    axes.plot(grid, limit / middle, color=AXIS, linewidth=1, linestyle=dash)
            axes.axhline(1, color=AXIS, linewidth=1.2)
            flagged = (there["reading"] != SIGNALS[""]).to_numpy()
            for chosen, face, marker in ((~flagged, BLUE, "o"), (flagged, ORANGE, "D")):
                axes.scatter(x[chosen], y[chosen], s=36, facecolor=face, edgecolor=PLUM, marker=marker, zorder=3)
            shown = there if len(there) <= MOST_NAMES else there[flagged]
            _name_points(axes, x[shown.index], y[shown.index], shown["unit"])
            axes.set_xscale("log")
            ticks = [tick for tick in TICKS if grid[0] <= tick <= grid[-1]]
            axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
            axes.minorticks_off()
        panels[0].set_ylabel("observed over expected")

    def alt(data: pd.DataFrame) -> str:
        low = data.loc[data["reading"] == "below", "unit"].tolist()
        high = data.loc[data["reading"] == "above", "unit"].tolist()
        said = [f"{listed(units)} {word}" for units, word in ((low, "below"), (high, "above")) if units]
        ratios = data["ratio"].dropna()
        run = (
            f"Adjusted ratios run from {ratios.min():.2f} to {ratios.max():.2f}."
            if len(ratios)
            else "No ratio can be shown."
        )
        return (
            f"Two funnels of {len(data)} units: observed {label.lower()} over expected, by how much was expected, with "
            f"limits at 95 and 99.8% that narrow to the right; first allowing for the month of start alone, then for "
            f"case mix too. {run} "
            f"Signalled: {listed(said) if said else 'none'}."
        )

    return Figure(
        Table(
            frame,
            f"{label}: observed and expected",
            columns,
            note="A ratio of 1 is what all units together reach with such participants in the same time. A diamond is "
            "a signal: it stays when the number of units compared is allowed for (false discovery rate 5%). The limits "
            "drawn are for the middle unit; each unit's own are in the table.",
            empty="no unit is large or old enough to be compared yet",
        ),
        draw,
        f"{label}: observed over expected, unadjusted and adjusted for case mix",
        alt,
        size=(7.4, 3.9),
        panels=(1, 2),
        raster=False,
    )


def _name_points(axes: Axes, x: pd.Series, y: pd.Series, names: pd.Series) -> None:
    """Write the names of points to their right, from the top down, each below those already written near it."""
    reach, gap = 0.28 * np.log(x.max() / x.min() + 1), 0.06 * axes.get_ylim()[1]
    written: list[tuple[float, float]] = []
    for point in y.dropna().sort_values(ascending=False).index:
        across, height = float(np.log(x[point])), float(y[point])
        for other, at in written:
            height = min(height, at - gap) if abs(across - other) < reach else height
        written.append((across, height))
        axes.annotate(
            names[point],
            (x[point], y[point]),
            xytext=(1.06 * x[point], height),
            textcoords="data",
            fontsize=8.5,
            va="center",
        )


def _middle_rate(found: Comparison) -> float:
    """Return the rate that the middle unit is held to, for the curves of a funnel."""
    rates = found.compared["expected"] / found.compared["n"]
    return float(np.clip(rates.median(), 0.001, 0.999)) if len(rates) else np.nan


def caterpillar(snapshot: Snapshot, unit: str, measure: str, names: Names) -> Figure:
    """The rate of each unit, shrunken, with its interval, and its place with an interval."""
    found = comparison.compare(snapshot, unit, measure)
    label = comparison.measures_compared(snapshot)[measure]
    frame = found.compared.reset_index()
    frame = frame.assign(short=frame["p_below"], places=_places(frame))
    reference = found.reference
    against = "promised" if (found.compared["target"] != found.compared["expected"]).any() else "average"

    def draw(axes: Axes, data: pd.DataFrame) -> None:
        y = np.arange(len(data))[::-1]
        axes.hlines(y, 100 * data["shrunk_lower"], 100 * data["shrunk_upper"], color=BLUE, linewidth=2, alpha=0.5)
        axes.scatter(100 * data["shrunk"], y, color=BLUE, s=30, zorder=3)
        axes.axvline(100 * reference, color=PLUM, linewidth=1.2, linestyle=(0, (4, 2)))
        axes.set_yticks(y, data["unit"])
        axes.grid(visible=False, axis="y")
        axes.grid(visible=True, axis="x")
        axes.set_xlim(left=0)
        axes.set_xlabel("% reaching it, with everybody's caseload; dashed: all units")

    def alt(data: pd.DataFrame) -> str:
        known = data.dropna(subset="shrunk")
        if known.empty:
            return "Rates by unit; none of them can be shown."
        top, bottom = known.iloc[0], known.iloc[-1]
        return (
            f"One line a unit, the highest first: its probable rate with a 95% interval, from {top['unit']} at "
            f"{percent_words(top['shrunk'])} to {bottom['unit']} at {percent_words(bottom['shrunk'])}; all units "
            f"{percent_words(reference)}. Most intervals overlap."
        )

    return Figure(
        Table(
            frame,
            f"{label}: probable rate and place of each unit",
            {
                "unit": unit_column(snapshot, unit, names),
                "shrunk": percent("Probable rate", of=OF),
                "shrunk_lower": percent("95% from", of=OF),
                "shrunk_upper": percent("95% to", of=OF),
                "places": text("Place, 95% interval", of=OF),
                "short": percent(f"Chance of being below {_AGAINST[against]}", of=OF, places=0),
            },
            note="Each rate is drawn towards the average by as much as its size and the spread between units call for. "
            "The scale is the rate of all units at an equal age.",
            empty="no unit is large or old enough to be compared yet",
        ),
        draw,
        f"{label}: the probable rate of each unit, with everybody's caseload",
        alt,
        size=(7.4, 0.27 * len(frame) + 1.2),
    )


_AGAINST = {"promised": "what was promised", "average": "the average"}


def _places(frame: pd.DataFrame) -> list[str]:
    """Return the interval of each unit's place in words."""
    whole = len(frame)
    return [
        f"{low:.0f} to {high:.0f} of {whole}"
        for low, high in zip(frame["rank_lower"], frame["rank_upper"], strict=True)
    ]


def case_mix_shift(snapshot: Snapshot, unit: str, measure: str, names: Names) -> Figure:
    """The ratio of each unit before and after its caseload is allowed for."""
    found = comparison.compare(snapshot, unit, measure)
    label = comparison.measures_compared(snapshot)[measure]
    frame = found.compared.sort_values("ratio", ascending=False).reset_index()
    columns = counted(snapshot, unit, measure, names) | {
        "expected_unadjusted": number("Expected, unadjusted", of=OF, people=True),
        "ratio_unadjusted": number("Ratio, unadjusted", of=OF, places=2, make=_unadjusted),
        "ratio_lower": number("Ratio, 95% from", of=OF, places=2),
        "ratio_upper": number("Ratio, 95% to", of=OF, places=2),
    }

    def draw(axes: Axes, data: pd.DataFrame) -> None:
        y = np.arange(len(data))[::-1]
        axes.hlines(y, data["ratio_lower"], data["ratio_upper"], color=BLUE, linewidth=2, alpha=0.35)
        axes.scatter(data["ratio_unadjusted"], y, facecolor="white", edgecolor=PLUM, s=38, zorder=3, label="unadjusted")
        axes.scatter(data["ratio"], y, color=BLUE, s=30, zorder=4, label="adjusted for case mix, with 95% interval")
        axes.axvline(1, color=AXIS, linewidth=1.2)
        axes.set_yticks(y, data["unit"])
        axes.grid(visible=False, axis="y")
        axes.grid(visible=True, axis="x")
        axes.set_xlabel("observed over expected")
        axes.legend(loc="lower left", bbox_to_anchor=(0, 1.01), ncols=2, borderaxespad=0, fontsize=9.5)

    def alt(data: pd.DataFrame) -> str:
        moved = (data["ratio"] - data["ratio_unadjusted"]).abs()
        if moved.isna().all():
            return "Ratios before and after adjusting; none of them can be shown."
        most = data.iloc[int(moved.fillna(-1).argmax())]
        return (
            f"Two points a unit: observed over expected before and after caseload is allowed for. The most that one "
            f"moves is {moved.max():.2f}: {most['unit']}, from {most['ratio_unadjusted']:.2f} to {most['ratio']:.2f}."
        )

    return Figure(
        Table(
            frame,
            f"{label}: ratios before and after adjusting for case mix",
            columns,
            empty="no unit is large or old enough to be compared yet",
        ),
        draw,
        f"{label}: what case mix changes",
        alt,
        size=(7.4, 0.27 * len(frame) + 1.4),
    )


def trends(snapshot: Snapshot, unit: str, measure: str, names: Names) -> Figure:
    """Observed over expected of each unit by quarter of start, as small multiples."""
    found = comparison.compare(snapshot, unit, measure)
    label = comparison.measures_compared(snapshot)[measure]
    largest = found.compared.nlargest(MOST_PANELS, "n").index
    rows = found.quarters[found.quarters["expected"] > 0].reset_index()
    rows = rows[rows["unit"].isin(largest)]
    ends = sorted(rows["quarter"].unique())
    frame = rows.assign(period=[f"to {end:%b %Y}" for end in rows["quarter"]])
    order = {f"to {end:%b %Y}": place for place, end in enumerate(ends)}
    columns: dict[str, Column] = {"unit": unit_column(snapshot, unit, names), "period": text("Quarter of start")}
    columns |= {name: column for name, column in counted(snapshot, unit, measure, names).items() if name != "unit"}
    columns |= {
        "lower_95": number("95% limit, lower", of=OF, places=2),
        "upper_95": number("95% limit, upper", of=OF, places=2),
    }
    wide = 3
    deep = max(1, -(-frame["unit"].nunique() // wide))

    def draw(panels: NDArray[np.object_], data: pd.DataFrame) -> None:
        flat, units = np.ravel(panels), data["unit"].unique()
        for axes, name in zip(flat, units, strict=False):
            mine = data[data["unit"] == name]
            x = mine["period"].map(order)
            axes.fill_between(x, mine["lower_95"], mine["upper_95"].clip(upper=3), color=BLUE, alpha=0.10, linewidth=0)
            axes.plot(x, mine["ratio"], color=BLUE, linewidth=1.5, marker="o", markersize=3.5)
            beyond = ~mine["ratio"].between(mine["lower_95"], mine["upper_95"]) & mine["ratio"].notna()
            axes.scatter(x[beyond], mine["ratio"][beyond], color=ORANGE, edgecolor=PLUM, marker="D", s=30, zorder=3)
            axes.axhline(1, color=AXIS, linewidth=1)
            axes.set_title(name, fontsize=10)
            axes.set_ylim(0, 3)
            axes.set_xticks([0, len(ends) - 1], [f"{ends[0]:%b %y}", f"{ends[-1]:%b %y}"], fontsize=8.5)
        for axes in flat[len(units) :]:
            axes.set_visible(False)
        flat[0].set_ylabel("ratio")

    def alt(data: pd.DataFrame) -> str:
        beyond = ~data["ratio"].between(data["lower_95"], data["upper_95"]) & data["ratio"].notna()
        times = data[beyond].groupby("unit").size().sort_values(ascending=False)
        said = [
            f"{name} in {number} quarters" if number > 1 else f"{name} in one quarter" for name, number in times.items()
        ]
        return (
            f"{data['unit'].nunique()} small charts, one a unit: observed over expected by quarter of start, with 95% "
            f"limits about 1. Outside them: {listed(said) if said else 'none'}; one in twenty would be by chance."
        )

    left = len(found.compared) - len(largest)
    return Figure(
        Table(
            frame,
            f"{label}: observed over expected by unit and quarter of start",
            columns,
            note="A quarter is named by its last month. Diamonds are outside the 95% limits, as one quarter in twenty "
            "would be by chance."
            + (f" The {MOST_PANELS} largest units are drawn; {left} others are not." if left > 0 else ""),
            empty="no unit is large or old enough to be compared yet",
            order=("unit", "quarter"),
        ),
        draw,
        f"{label}: each unit by quarter of start, to {month_words(snapshot.month)}",
        alt,
        size=(7.4, 1.55 * deep + 0.4),
        panels=(deep, wide),
        raster=False,
    )


def calibration(snapshot: Snapshot, unit: str, measure: str) -> Figure:
    """Observed and expected of tenths of all cases, by their chance."""
    found = comparison.compare(snapshot, unit, measure).case_mix
    label = comparison.measures_compared(snapshot)[measure]
    table = found.calibration().reset_index()

    def draw(axes: Axes, data: pd.DataFrame) -> None:
        axes.vlines(data["group"], data["lower"], data["upper"], color=AXIS, linewidth=5, alpha=0.25)
        axes.plot(data["group"], data["expected"], color=PLUM, linewidth=1.4, linestyle=(0, (4, 2)), label="expected")
        axes.scatter(data["group"], data["reached"], color=BLUE, s=30, zorder=3, label="observed")
        axes.set_xlabel("tenths of all cases, from the least likely to the most")
        axes.set_ylabel(label.lower())
        axes.set_ylim(bottom=0)
        axes.set_xticks(data["group"])
        axes.legend(loc="upper left")

    def alt(data: pd.DataFrame) -> str:
        away = (~data["reached"].between(data["lower"], data["upper"]) & data["reached"].notna()).sum()
        return (
            f"Ten points, observed numbers of tenths of all cases ordered by their chance, and a line of the expected "
            f"numbers with the reach of chance. {away} of {len(data)} are outside it."
        )

    of = ("n", "reached")
    return Figure(
        Table(
            table,
            f"{label}: observed and expected by tenths of chance",
            {
                "group": number("Tenth", places=0),
                "n": count("Cases"),
                "reached": count("Observed"),
                "expected": number("Expected", of=of, people=True),
                "lower": number("Chance, 95% from", of=of, people=True),
                "upper": number("Chance, 95% to", of=of, people=True),
            },
            note=sentence(
                "How often, of two who began in one month, the one who reached it had been given the greater chance: "
                "{share}% (50% is a coin's).",
                share=Amount(100 * found.discrimination(), of=tuple(table[["n", "reached"]].sum()), places=0),
            ),
            empty="nobody has reached it yet",
        ),
        draw,
        f"{label}: does the case mix model expect the right numbers?",
        alt,
        size=(7.4, 3.0),
    )
