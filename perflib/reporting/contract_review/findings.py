"""Findings and key figures of the contract review."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from perflib.analysis import counts, oversight, standards
from perflib.analysis.forecast import early_warning
from perflib.disclosure.columns import number, text
from perflib.disclosure.presenter import Tiles
from perflib.disclosure.sentences import (
    Amount,
    Choice,
    IfShown,
    Listed,
    Name,
    Plain,
    Sentence,
    Share,
    name_list,
    sentence,
)
from perflib.disclosure.words import AGAINST_PROFILE
from perflib.records.snapshot import Snapshot
from perflib.reporting.cohort_trends import tables
from perflib.reporting.contract_review.evidence import plans_open
from perflib.reporting.contract_review.tables import is_staff
from perflib.reporting.outcome_forecast.tables import chance


def key_figures(snapshot: Snapshot) -> Tiles:
    """Where the contract stands against its own profile: what contracts of other size and mix can be set beside."""
    volumes = counts.summary(snapshot).query("measure == 'start' and basis == 'rolling_12'").iloc[0]
    whole = tables.levels(snapshot)[["observed", "ratio", "lower", "upper", "status"]].head(1)
    level = (whole if len(whole) else whole.reindex([0])).iloc[0]
    missed = early_warning.levels(snapshot)["miss"]
    values = {
        "start": volumes["actual"],
        "starts_for_100": 100 * volumes["of_profile"],
        "observed": level["observed"],
        "outcomes_for_100": 100 * level["ratio"],
        "standards": (standards.of_provider(snapshot)["status"] == "not_met").sum(),
        "miss": chance(missed.iloc[0] if len(missed) else np.nan),
    }
    of = ("observed",)
    return Tiles(
        values,
        {
            "starts_for_100": number(
                "Starts recorded for each 100 expected, a year", of=("start",), places=0, missing="none"
            ),
            "outcomes_for_100": number(
                "Outcomes recorded for each 100 expected so far", of=of, places=0, missing="none"
            ),
            "miss": text("Chance of missing its level", of=of),
            "standards": number("Standards not met", places=0),
        },
        {"outcomes_for_100": _interval(level)} if level["ratio"] == level["ratio"] else {},
    )


def _interval(level: pd.Series[Any]) -> Sentence:
    low, high = (Amount(100 * level[name], of=(level["observed"],), places=0) for name in ("lower", "upper"))
    status = Name(AGAINST_PROFILE[level["status"]])
    return sentence("{status}, 95% interval {low} to {high}", status=status, low=low, high=high)


def findings(snapshot: Snapshot) -> list[Sentence]:
    """What the meeting has to talk about first."""
    sentences = []
    frame = tables.levels(snapshot)
    below = frame.loc[frame["status"] == "below", "name"]
    if len(below):
        sentences.append(
            sentence(
                "Significantly below {whose} profile: {levels}.",
                whose=sentence("its") if len(below) == 1 else sentence("their"),
                levels=name_list(below),
            )
        )
    likely = early_warning.levels(snapshot)
    missed = likely.loc[likely["status"] == "may be missed", "name"]
    if len(missed):
        sentences.append(sentence("At risk when all cohorts are final: {levels}.", levels=name_list(missed)))
    rates = standards.of_provider(snapshot)
    short = [_missed(row, snapshot) for row in rates[rates["status"] == "not_met"].to_dict("records")]
    if short:
        sentences.append(sentence("Standards not met since day one: {standards}.", standards=Listed(short, "; ")))
    plans = oversight.plans(snapshot)
    if plans is not None:
        running = plans["state"].isin(oversight.RUNNING)
        of_staff = int((running & is_staff(snapshot, plans["unit_type"])).sum())
        left_out = sentence(" Of single members of staff, and not in this pack: {n}.", n=Plain(of_staff))
        sentences.append(
            sentence(
                "{open}{left_out}",
                open=plans_open(plans),
                left_out=left_out if of_staff else sentence(""),
            )
        )
    told = oversight.notice_counts(snapshot)
    waiting = 0 if told is None else int(told["open"].sum() + told["open_late"].sum())
    if waiting:
        sentences.append(
            sentence(
                "Issues that were found and the department has not been told of yet: {waiting}.", waiting=Plain(waiting)
            )
        )
    return sentences or [sentence("No level is below its profile, no standard is missed and no plan is open.")]


def _missed(row: Mapping[Hashable, Any], snapshot: Snapshot) -> Sentence | Choice:
    """Return a missed standard with its rate, where it is one and may be shown."""
    name, rule = Name(row["name"]), snapshot.contract.standards[str(row["standard"])]
    bare = sentence("{standard}", standard=name)
    if not row["whole"] > 0 or rule.kind == "oldest":
        return bare
    rate = Share(row["part"], row["whole"], places=1, target=float(rule.target.value))
    return IfShown(rate, sentence("{standard} ({rate})", standard=name, rate=rate), bare)


def conventions(snapshot: Snapshot) -> list[Sentence]:
    """What the pack rests on."""
    return [
        sentence(
            "The headings are those of the department's guidance ({source}); those without data say so.",
            source=Name(snapshot.programme.source),
        ),
        sentence(
            "Outcomes recorded are held to what the profile leads one to expect to be recorded by now, at each "
            "cohort's own age; period bases are cut at the contract's first month."
        ),
        sentence("Nothing in this pack amends rights, remedies or obligations: the contract takes precedence."),
    ]
