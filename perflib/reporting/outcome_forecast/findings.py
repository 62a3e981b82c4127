"""Findings and key figures of the outcome forecast."""

from __future__ import annotations

from typing import Any

import pandas as pd

from perflib.analysis.forecast import early_warning
from perflib.analysis.forecast.backtest import HORIZONS, best
from perflib.analysis.forecast.backtest import summary as summed
from perflib.analysis.forecast.result import Forecast
from perflib.disclosure.columns import number
from perflib.disclosure.presenter import Tiles
from perflib.disclosure.rules import Disclosure
from perflib.disclosure.words import capital, listed, month_words
from perflib.records.snapshot import Snapshot
from perflib.reporting.outcome_forecast.tables import (
    LEAST_TO_CHECK,
    MODEL,
    MODEL_NAMES,
    NEXT,
    chance_words,
    forecast,
    next,
    past_scores,
)


def tiles(snapshot: Snapshot, d: Disclosure) -> Tiles:
    """What is expected in the next months and in the end."""
    found = forecast(snapshot)
    part, total = found.development, found.total.iloc[0]
    near = next(found)
    label = snapshot.programme.label(part.measure)
    recorded = int(part.recorded.sum())
    of: dict[str, Any] = {"of": ("recorded",), "people": True}
    places = [int(value < 9.95) for value in (near["expected"], total["expected"])]
    values = {"recorded": recorded, "outcome_next": near["expected"], "outcome_expected": total["expected"]}
    return Tiles(
        values,
        {
            "outcome_next": number(f"{label} expected in the next {NEXT} months", places=places[0], **of),
            "outcome_expected": number(f"{label} expected in all, of those started", places=places[1], **of),
        },
        {
            "outcome_next": f"95% interval {_interval(near, recorded, d)}",
            "outcome_expected": f"95% interval {_interval(total, recorded, d)}",
        },
    )


def _interval(row: pd.Series, recorded: int, d: Disclosure) -> str:
    return " to ".join(d.number(row[key], of=(recorded,), people=True, places=0) for key in ("lower_95", "upper_95"))


def _people(value: float, recorded: int, d: Disclosure) -> str:
    """Return a number of people who are expected: a small one with a decimal place, so that little is not nothing."""
    return d.number(value, of=(recorded,), people=True, places=1 if value < 9.95 else 0)


def findings(snapshot: Snapshot, d: Disclosure) -> list[str]:
    """What will happen, what will be missed, what would put it right, and how far to trust it."""
    found = forecast(snapshot)
    part, total = found.development, found.total.iloc[0]
    label, recorded = snapshot.programme.label(part.measure).lower(), int(part.recorded.sum())
    starts = int(part.starts.sum())
    if not starts or d.hides(starts):
        started = f"{d.count(starts)} have started" if starts else "Nobody has started yet"
        return [capital(f"{started}: there is nothing to forecast that could be shown.")]
    expected = _people(total["expected"], recorded, d)
    sentences = [
        capital(
            f"{expected} {label} are expected in all of the {d.count(starts)} who have started by "
            f"{month_words(part.month)} (95% interval {_interval(total, recorded, d)}); {d.count(recorded)} are "
            f"recorded."
        )
    ]
    levels = early_warning.levels(snapshot, MODEL)
    whole = levels.iloc[0]
    if whole["promised"] > 0:
        sentences[0] += f" The contract promises {d.number(whole['promised'], people=True, places=0)}."
    threshold = snapshot.contract.early_warning.probability
    endangered = levels[(levels["status"] == "may be missed") & ~levels["recorded"].map(d.hides)]
    if len(endangered):
        said = [f"{row['name']} (chance {chance_words(row['miss'])})" for row in endangered.to_dict("records")]
        sentences.append(f"May be missed by the people who have started: {'; '.join(said)}.")
    if levels["status"].isin(["too few", "no profile"]).all() and whole["promised"] > 0:
        sentences.append(
            "So little is promised to those who have started that chance would decide: nothing is warned of."
        )
    elif endangered.empty and (levels["status"] != "no profile").any():
        sentences.append(
            f"No level has a chance of {chance_words(threshold)} or more of being missed by those who have started."
        )
    behind = levels[levels["status"] == "behind profile"]
    if len(behind):
        sentences.append(
            f"To be met in the end, but with a chance of {chance_words(threshold)} or more of being behind the profile "
            f"within {max(early_warning.AHEAD)} months: {listed(list(behind['name']))}."
        )
    sentences += _mending(snapshot, found, levels, d)
    return [*sentences, verdict(snapshot)[0]]


def _mending(snapshot: Snapshot, found: Forecast, levels: pd.DataFrame, d: Disclosure) -> list[str]:
    """Return what would still meet the contract's level, where it may be missed."""
    recorded = int(found.development.recorded.sum())
    if levels["status"].iloc[0] != "may be missed" or d.hides(recorded):
        return []
    table = early_warning.needed(snapshot, found)
    table = table[table["needed"].notna() & (table["needed"] > table["expected"])]
    if table.empty:
        return []
    said = [
        f"{_people(row['needed'], recorded, d)} {snapshot.programme.label(row['measure']).lower()} a month "
        f"instead of {_people(row['expected'], recorded, d)}"
        for row in table.to_dict("records")
    ]
    return [f"{levels['name'].iloc[0]} would still be met, on average, with any one of: {'; or '.join(said)}."]


def verdict(snapshot: Snapshot) -> list[str]:
    """Which model would have served best here, from how many origins, and how far the forecasts were off."""
    scores = past_scores(snapshot)
    chosen = best(scores)
    if chosen is None:
        if snapshot.contract.history == "overwritten":
            return ["The source is overwritten, so that no forecast can be made again as things were known then."]
        return [
            "These forecasts cannot be judged on this contract yet: no month of it lies far enough back for what was "
            "forecast then to have come."
        ]
    name = MODEL_NAMES.get(chosen.model, chosen.model)
    if not chosen.enough:
        return [
            f"{chosen.origins} earlier forecasts can be judged: too few of them, or too few outcomes after them, to "
            f"say which method serves best here."
        ]
    said = (
        f"Made again from {chosen.origins} earlier months, as things were known then, “{name}” would have served best "
        f"here"
    )
    if chosen.second is not None:
        other = MODEL_NAMES.get(chosen.second, chosen.second)
        said += f": better than “{other}”, the next, in {chosen.ahead} of {chosen.origins}"
    rows = summed(scores[(scores["model"] == MODEL) & (scores["horizon"] == f"{HORIZONS[0]} months")])
    own = rows.to_dict("records")[0]
    few = (
        " So few forecasts cannot check an interval, and they share much of what came. Where earlier forecasts were "
        "surer than right it has been widened: these times are counted after that."
        if own["cells"] < LEAST_TO_CHECK
        else ""
    )
    return [
        f"{said}.",
        f"The forecast shown here missed what was recorded in the next {HORIZONS[0]} months by "
        f"{100 * own['wmape']:.0f}% on average, and its 95% interval held it in "
        f"{round(own['covered_95'] * own['cells'])} of {own['cells']:.0f} times.{few}",
    ]


def method(snapshot: Snapshot) -> list[str]:
    """What the forecast rests on, and its conventions."""
    found = forecast(snapshot)
    return [
        f"Method: {MODEL_NAMES.get(found.model, found.model)}. " + " ".join(found.basis),
        "A cohort is the month of start. Everything is by the month in which it is recorded, so that months that are "
        "still being recorded do not read as a fall.",
        "An interval says where 80 or 95 of 100 simulated futures lie. A sudden change that nobody could know of is in "
        "none of them: look at the scenarios.",
        f"{len(found.paths):,} futures are simulated; the same contract and month give the same ones every time.",
    ]
