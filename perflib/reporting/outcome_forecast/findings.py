"""Findings and key figures of the outcome forecast."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from perflib.analysis.forecast import early_warning
from perflib.analysis.forecast.backtest import HORIZONS, best
from perflib.analysis.forecast.backtest import summary as summed
from perflib.analysis.forecast.result import Forecast
from perflib.disclosure.columns import number
from perflib.disclosure.presenter import Tiles
from perflib.disclosure.sentences import (
    Amount,
    Choice,
    Count,
    FirstOf,
    IfShown,
    Listed,
    Month,
    Name,
    Plain,
    Sentence,
    name_list,
    sentence,
)
from perflib.records.snapshot import Snapshot
from perflib.reporting.outcome_forecast.tables import (
    LEAST_TO_CHECK,
    MODEL_NAMES,
    NEXT,
    NO_PROMISE,
    forecast,
    next,
    past_scores,
)

CALLED = {
    "milestones": "the milestones model",
    "hazard": "the hazard model",
    "cape_cod": "Cape Cod",
    "chain_ladder": "the chain ladder",
    "profile": "the bid alone",
}
"""What sentences call the models."""


def key_figures(snapshot: Snapshot) -> Tiles:
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
            "outcome_next": sentence("95% interval {interval}", interval=_interval(near, recorded)),
            "outcome_expected": sentence("95% interval {interval}", interval=_interval(total, recorded)),
        },
    )


def _interval(row: pd.Series, recorded: int) -> Sentence:
    low, high = (Amount(row[key], of=(recorded,), people=True, places=0) for key in ("lower_95", "upper_95"))
    return sentence("{low} to {high}", low=low, high=high)


def _people(value: float, recorded: int) -> Amount:
    """Return a number of people who are expected: a small one with a decimal place, so that little is not nothing."""
    return Amount(value, of=(recorded,), people=True, places=1 if value < 9.95 else 0)


def _chance(probability: float, *of: float) -> Sentence:
    """Return a probability as people say it, hidden with the counts that it is made of."""
    if np.isnan(probability):
        return sentence("{none}", none=Name(NO_PROMISE))
    if probability < 0.01:
        return sentence("under 1%")
    if probability > 0.99:
        return sentence("over 99%")
    percent = round(100 * probability)
    return sentence("{n}%", n=Amount(percent, of=of, places=0) if of else Plain(percent))


def findings(snapshot: Snapshot) -> Sentence | Choice:
    """What will happen, what will be missed, what would put it right, and how far to trust it."""
    starts = int(forecast(snapshot).development.starts.sum())
    if not starts:
        return sentence("Nobody has started yet: there is nothing to forecast that could be shown.")
    few = sentence("{n} have started: there is nothing to forecast that could be shown.", n=Count(starts))
    return IfShown(Count(starts), _findings(snapshot), few)


def _findings(snapshot: Snapshot) -> list[Sentence | Choice]:
    found = forecast(snapshot)
    part, total = found.development, found.total.iloc[0]
    recorded = int(part.recorded.sum())
    levels = early_warning.levels(snapshot, found.model)
    whole = levels.iloc[0]
    promise = (
        sentence(" The profile is {promised} in the end.", promised=Amount(whole["promised"], people=True, places=0))
        if whole["promised"] > 0
        else sentence("")
    )
    return [
        sentence(
            "{expected} {label} are expected in the end of the {starts} who have started by {month} (95% interval "
            "{interval}). {recorded} are recorded.{promise}",
            expected=_people(total["expected"], recorded),
            label=Name(snapshot.programme.label(part.measure).lower()),
            starts=Count(int(part.starts.sum())),
            month=Month(part.month),
            interval=_interval(total, recorded),
            recorded=Count(recorded),
            promise=promise,
        ),
        *_warnings(snapshot, levels),
        *_mending(snapshot, found, levels),
        verdict(snapshot)[0],
    ]


def _warnings(snapshot: Snapshot, levels: pd.DataFrame) -> list[Sentence | Choice]:
    """Which levels are at risk, in the end or on the way; or that none is known to be."""
    threshold = _chance(snapshot.contract.early_warning.probability)
    at_risk = levels[levels["status"] == "may be missed"]
    every = len(at_risk) == len(levels) > 1
    endangered = sentence(
        "At risk: {every}{levels}{close}.",
        every=sentence("all {n} levels (", n=Plain(len(levels))) if every else sentence(""),
        close=sentence(")") if every else sentence(""),
        levels=Listed(
            [
                IfShown(
                    Count(row["recorded"]),
                    _level(row, short=every),
                )
                for row in at_risk.to_dict("records")
            ],
            "; ",
        ),
    )
    none = None
    if levels["status"].isin(["too few", "no profile"]).all() and levels["promised"].iloc[0] > 0:
        none = sentence("The profile of those who have started is too small to warn of anything: chance would decide.")
    elif (levels["status"] != "no profile").any():
        none = sentence(
            "No level is at risk: each has a chance of less than {threshold} of being missed.",
            threshold=threshold,
        )
    behind = sentence(
        "Expected to be met in the end, but likely to fall behind profile within {months} months (chance of "
        "{threshold} or more): {levels}.",
        threshold=threshold,
        months=Plain(max(early_warning.AHEAD)),
        levels=name_list(levels.loc[levels["status"] == "behind profile", "name"]),
    )
    return [FirstOf(endangered, none), behind]


def _level(row: Mapping[Hashable, Any], *, short: bool) -> Sentence:
    chance = _chance(row["miss"], row["recorded"])
    if short:
        return sentence("{level}, {chance}", level=Name(row["name"].partition(":")[0]), chance=chance)
    return sentence("{level} ({chance})", level=Name(row["name"]), chance=chance)


def _mending(snapshot: Snapshot, found: Forecast, levels: pd.DataFrame) -> list[Sentence | Choice]:
    """Return what would still meet the contract's level, where it may be missed."""
    recorded = int(found.development.recorded.sum())
    if levels["status"].iloc[0] != "may be missed":
        return []
    table = early_warning.needed(snapshot, found)
    table = table[table["needed"].notna() & (table["needed"] > table["expected"])]
    levers = [
        sentence(
            "{needed} {label} a month ({expected} are expected)",
            needed=_people(row["needed"], recorded),
            label=Name(snapshot.programme.label(row["measure"]).lower()),
            expected=_people(row["expected"], recorded),
        )
        for row in table.to_dict("records")
    ]
    met = sentence(
        "{level} needs, if nothing else changes, any one of: {levers}.",
        level=Name(levels["name"].iloc[0]),
        levers=Listed(levers, "; or "),
    )
    return [IfShown(Count(recorded), met)]


def verdict(snapshot: Snapshot) -> list[Sentence]:
    """Which model would have served best here, from how many origins, and how far the forecasts were off."""
    scores = past_scores(snapshot)
    chosen = best(scores)
    if chosen is None and snapshot.contract.history == "overwritten":
        return [
            sentence(
                "Earlier forecasts cannot be tested: the source is overwritten, so nobody knows what was known then."
            )
        ]
    if chosen is None:
        return [
            sentence("The forecast cannot be tested on this contract yet: no month lies far enough back to compare.")
        ]
    origins = Plain(chosen.origins)
    if not chosen.enough:
        return [
            sentence(
                "Tested on {origins} earlier months: too few months, or too few outcomes after them, to say which "
                "model is the most accurate here.",
                origins=origins,
            )
        ]
    better = sentence("")
    if chosen.second is not None:
        better = sentence(" each time")
        if chosen.ahead < chosen.origins:
            better = sentence(
                ". It beat {other}, the second, in {ahead} of {origins}",
                other=_model(chosen.second),
                ahead=Plain(chosen.ahead),
                origins=origins,
            )
    rows = summed(
        scores[(scores["model"] == forecast(snapshot).model) & (scores["horizon"] == f"{HORIZONS[0]} months")]
    )
    own = rows.to_dict("records")[0]
    few = (
        sentence(
            " So few tests cannot check an interval. Where earlier intervals were too narrow, they have been widened "
            "first."
        )
        if own["cells"] < LEAST_TO_CHECK
        else sentence("")
    )
    return [
        sentence(
            "Tested on {origins} earlier months, {model} was the most accurate{better}.",
            origins=origins,
            model=_model(chosen.model),
            better=better,
        ),
        sentence(
            "Over {months} months this model was off by {missed}% on average. Its 95% interval held what came in "
            "{held} of {cells} tests.{few}",
            months=Plain(HORIZONS[0]),
            missed=Amount(100 * own["wmape"], of=(int(own["observed"]),), places=0),
            held=Plain(round(own["covered_95"] * own["cells"])),
            cells=Plain(own["cells"]),
            few=few,
        ),
    ]


def _model(name: str) -> Name:
    return Name(CALLED.get(name, MODEL_NAMES.get(name, name)))


def method(snapshot: Snapshot) -> list[Sentence]:
    """What the forecast rests on, and its conventions."""
    found = forecast(snapshot)
    return [
        sentence(
            "Made by {model} from {recorded} outcomes recorded. {basis}",
            model=_model(found.model),
            recorded=Count(int(found.development.recorded.sum())),
            basis=name_list(found.basis, " "),
        ),
        sentence(
            "A cohort is the month of start. Everything is by the month in which it is recorded, so that months that "
            "are still being recorded do not read as a fall."
        ),
        sentence(
            "An interval says where 80 or 95 of 100 simulated futures lie. A sudden change that nobody could know of "
            "is in none of them: look at the scenarios."
        ),
        sentence(
            "{futures} futures are simulated; the same contract and month give the same ones every time.",
            futures=Plain(len(found.paths)),
        ),
    ]
