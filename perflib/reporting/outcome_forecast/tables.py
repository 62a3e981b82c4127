"""Tables of the outcome forecast."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from perflib.analysis.forecast import early_warning, outcomes
from perflib.analysis.forecast.backtest import BANDS, HORIZONS, backtest, by_maturity
from perflib.analysis.forecast.backtest import summary as summed
from perflib.analysis.forecast.result import Forecast, summary
from perflib.disclosure.columns import Column, count, month, number, percent, status, text
from perflib.disclosure.presenter import Figure, Table
from perflib.disclosure.words import month_words
from perflib.records.snapshot import Snapshot
from perflib.reporting.outcome_forecast import figures

NEXT, LATER = 3, max(early_warning.AHEAD)


MODEL = "milestones"


LEAST_TO_CHECK = 20
"""Forecasts from which a 95 % interval can be checked: of fewer, one that is too narrow may well hold all."""


ORIGINS, BACKTEST_DRAWS = 6, 100
"""The method shown, and the page's own backtest: enough to judge by, and done in a few seconds."""


COHORTS = 18
"""Cohorts in the table: the latest that are still open."""


MODEL_NAMES = {
    "milestones": "Milestones",
    "hazard": "Hazard",
    "cape_cod": "Cape Cod",
    "chain_ladder": "Chain ladder",
    "profile": "The bid alone",
}


SCENARIOS = {
    "base": "As forecast, starts going on as now",
    "job_entry": "Job entry",
    "referrals": "Referrals",
    "conversion": "Start conversion",
}


STATUSES = {
    "may be missed": "At risk",
    "behind profile": "Behind profile",
    "on course": "On course",
    "too few": "Too few to say",
    "no profile": "No profile",
}


NO_PROMISE = "no profile"


def chance(probability: float) -> str:
    """Return a probability as a table shows it: never 0% or 100%.

    >>> chance(0.004), chance(0.37), chance(0.998)
    ('under 1%', '37%', 'over 99%')
    """
    if np.isnan(probability):
        return NO_PROMISE
    if probability < 0.01 or probability > 0.99:
        return "under 1%" if probability < 0.5 else "over 99%"
    return f"{round(100 * probability)}%"


def forecast(snapshot: Snapshot) -> Forecast:
    """The forecast that the page is about."""
    return outcomes(snapshot, model=MODEL)


def next(found: Forecast, months: int = NEXT) -> pd.Series:
    """Return the forecast of all that is recorded in the next months together."""
    return summary(found.paths[:, :, :months].sum(axis=(1, 2))[:, None], pd.Index(["next"])).iloc[0]


def levels(snapshot: Snapshot) -> Table:
    """The chance that each level, group, area and the profile is missed."""
    frame = early_warning.levels(snapshot, MODEL)
    chances = ("miss", f"miss_{LATER}")
    frame = frame.assign(
        status=frame["status"].map(STATUSES),
        **{f"{key}_words": frame[key].map(chance) for key in chances},
    )
    of = ("recorded",)
    columns: dict[str, Column] = {
        "name": text("Level"),
        "starts": count("Starts"),
        "recorded": count("Recorded"),
        "promised": number("Profile in the end", of=("starts",), people=True, places=0, missing=NO_PROMISE),
        "expected": number("Expected in the end", of=of, people=True, places=0),
        "lower_95": number("95% from", of=of, people=True, places=0),
        "upper_95": number("95% to", of=of, people=True, places=0),
        "miss_words": text("Chance of missing it", of=of),
        "status": status("Early warning", of=of),
    }
    columns[f"miss_{LATER}_words"] = text(f"Below profile in {LATER} months", of=of)
    threshold = chance(snapshot.contract.early_warning.probability)
    return Table(
        frame,
        "The chance of missing each level, of those who have started",
        columns,
        note=f"At risk: a chance of {threshold} or more, when all cohorts are final. Behind profile: as likely "
        "within months, but not in the end. The last column: the chance of being below "
        "profile by then.",
        empty="nobody has started yet",
    )


def fan(snapshot: Snapshot) -> Figure:
    """Outcomes to date and to come against the profile."""
    return figures.fan(snapshot, forecast(snapshot))


def pipeline(snapshot: Snapshot) -> Figure:
    """The pipeline by milestone and age."""
    return figures.pipeline(snapshot, forecast(snapshot))


def cohort_table(snapshot: Snapshot) -> Table:
    """What each open cohort will have in the end."""
    found = forecast(snapshot)
    part = found.development
    promised = np.where(part.starts > 0, part.starts * part.profile.iloc[:, -1], 0.0)
    reached = part.recorded.to_numpy() + found.paths.sum(axis=2)
    frame = found.cohorts.assign(
        starts=part.starts.astype(int),
        recorded=part.recorded.astype(int),
        promised=np.where(promised > 0, promised, np.nan),
        below=[chance(p) for p in np.where(promised > 0, (reached < promised).mean(axis=0), np.nan)],
    )
    frame = frame[(part.starts > 0) & (part.age < part.last)].tail(COHORTS).rename_axis("cohort").reset_index()
    of = ("recorded", "starts")
    columns: dict[str, Column] = {
        "cohort": month("Cohort"),
        "starts": count("Starts"),
        "recorded": count("Recorded"),
        "expected": number("Expected in the end", of=of, people=True),
        "lower_80": number("80% from", of=of, people=True, places=0),
        "upper_80": number("80% to", of=of, people=True, places=0),
        "promised": number("Profile in the end", of=("starts",), people=True, missing=NO_PROMISE),
        "below": text("Chance of fewer", of=of),
    }
    return Table(
        frame,
        "What each cohort that is still open will have in the end",
        columns,
        note=f"The latest {COHORTS} cohorts at most. Intervals of one cohort are wide: of ten cohorts about two end "
        "outside their 80% interval.",
        empty="no cohort is open",
    )


def next_months(snapshot: Snapshot) -> Table:
    """What will be recorded in each of the next months, and in all of them."""
    found = forecast(snapshot)
    part = found.development
    rows = found.months.head(NEXT).assign(promised=part.promised.sum(axis=0)[:NEXT])
    rows.index = pd.Index([month_words(m) for m in found.months.index[:NEXT]])
    whole = next(found).to_frame("Together").T.assign(promised=rows["promised"].sum())
    frame = pd.concat([rows, whole]).rename_axis("month").reset_index().assign(recorded=int(part.recorded.sum()))
    of = ("recorded",)
    columns: dict[str, Column] = {"month": text("Month of recording")}
    columns |= {
        key: number(header, of=of, people=True, places=0)
        for key, header in ({"expected": "Expected"} | figures.INTERVALS).items()
    }
    promised = {"promised": number("Profile", people=True, places=0)} if frame["promised"].gt(0).any() else {}
    return Table(
        frame,
        f"{snapshot.programme.label(part.measure)} that will be recorded in the next {NEXT} months",
        columns | promised,
        note="Of those who have started by now, by the month of recording. Some of them have happened already.",
        empty="nothing is to come",
    )


def needs(snapshot: Snapshot) -> Table:
    """What the pipeline must deliver a month to meet the contract's level."""
    found = forecast(snapshot)
    frame = early_warning.needed(snapshot, found)
    labels = [snapshot.programme.label(name) for name in frame["measure"]]
    frame = frame.assign(label=labels, recorded=int(found.development.recorded.sum()))
    of = ("recorded",)
    return Table(
        frame,
        "What a month must bring for the contract's level to be met, one lever at a time",
        {
            "label": text("Recorded a month"),
            "recent": number("In the last 3 months", of=of, people=True),
            "expected": number(f"Expected, next {early_warning.NEXT} months", of=of, people=True),
            "needed": number("Needed", of=of, people=True, missing="not known"),
        },
        note="Needed: the monthly number needed if nothing else changes. Needed below expected: there is room to "
        "spare. Of those who have started by now.",
        empty="the programme file names no milestone",
    )


def scenarios(snapshot: Snapshot) -> Table:
    """What would follow of a change in job entry, referral volume or start conversion."""
    frame = early_warning.scenarios(snapshot, MODEL)
    recorded = int(forecast(snapshot).development.recorded.sum())
    names = [_scenario(row) for row in frame.to_dict("records")]
    frame = frame.assign(name=names, recorded=recorded, miss_words=frame["miss"].map(chance))
    of = ("recorded",)
    columns: dict[str, Column] = {
        "name": text("If"),
        "starts": number("Starts to come", people=True, places=0),
        "expected": number("Outcomes in the end", of=of, people=True, places=0),
        "lower_95": number("95% from", of=of, people=True, places=0),
        "upper_95": number("95% to", of=of, people=True, places=0),
        "difference": number("Difference", of=of, people=True, places=0, signed=True),
        "promised": number("Profile", people=True, places=0, missing=NO_PROMISE),
        "miss_words": text("Chance of fewer than the profile", of=of),
    }
    return Table(
        frame,
        f"Scenarios, of those who have started and of {early_warning.COMING} months of starts to come",
        columns,
        note=f"Starts to come: as forecast, the pace of the last {early_warning.PACE} months. More starts "
        "have a larger profile too, so volume alone hardly moves the chance. The forecast holds none of this.",
    )


def _scenario(row: Mapping[Hashable, Any]) -> str:
    """Return a scenario in words."""
    name, change = str(row["scenario"]), float(row["change"])
    if name == "base":
        return SCENARIOS[name]
    return f"{SCENARIOS[name]} {abs(100 * change):.0f}% {'higher' if change > 0 else 'lower'}"


def past_scores(snapshot: Snapshot) -> pd.DataFrame:
    """Score the models on earlier months, with the draws and origins of the report."""
    return backtest(snapshot, ORIGINS, draws=BACKTEST_DRAWS)


def scores(snapshot: Snapshot) -> Table:
    """How good each model's forecasts were, over the earlier months."""
    frame = summed(past_scores(snapshot))
    return Table(
        _named(frame),
        f"Forecasts made again from earlier months (at most {ORIGINS}), against what came",
        {
            "name": text("Method"),
            "horizon": text("Scored on"),
            "cells": number("Forecasts", places=0),
            "observed": count("Outcomes that came", adds_up=False),
            **_score_columns(),
        },
        note="Error: mean miss in % of what came; bias: too high (+) or too low; CRPS: the score by which the best is "
        f"chosen, the lower the better. Each forecast has {BACKTEST_DRAWS} simulated futures; forecasts a month apart "
        "share much of what came.",
        empty="no earlier month can be scored yet",
    )


def scores_by_age(snapshot: Snapshot) -> Table:
    """How good the forecasts of single cohorts were, by the age they had."""
    frame = by_maturity(snapshot, ORIGINS, draws=BACKTEST_DRAWS)
    near = f"{HORIZONS[0]} months"
    frame = frame[(frame["model"] == forecast(snapshot).model) & (frame["horizon"] == near)]
    order = list(BANDS.values())
    return Table(
        _named(frame).sort_values("age", key=lambda ages: ages.map(order.index)),
        f"The same forecasts cohort by cohort, of the next {HORIZONS[0]} months, by the cohort's age",
        {
            "age": text("Age of the cohort"),
            "cells": number("Forecasts", places=0),
            "observed": count("Outcomes that came"),
            **_score_columns(),
        },
        note="A single cohort's months are small numbers: their error is mostly chance.",
        empty="no earlier month can be scored yet",
    )


def _named(frame: pd.DataFrame) -> pd.DataFrame:
    names = frame["model"].map(lambda model: MODEL_NAMES.get(model, model))
    return frame.assign(name=names, crps_rate=frame["crps"], observed=frame["observed"].astype(int))


def _score_columns() -> dict[str, Column]:
    of = ("observed",)
    return {
        "wmape": percent("Error", of=of, places=0, missing="none came"),
        "bias": percent("Bias", of=of, places=0, signed=True, missing="none came"),
        "crps": number(
            "CRPS for each 100 outcomes", of=of, make=lambda frame: 100 * frame["crps_rate"], missing="none came"
        ),
        "covered_80": percent("Within 80% interval", of=of, places=0),
        "covered_95": percent("Within 95% interval", of=of, places=0),
    }
