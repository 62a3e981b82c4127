"""Findings and key figures of the contract review."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

import numpy as np

from perflib.analysis import counts, oversight, standards
from perflib.analysis.forecast import early_warning
from perflib.disclosure.columns import number
from perflib.disclosure.presenter import Tiles
from perflib.disclosure.rules import Disclosure
from perflib.disclosure.words import listed
from perflib.records.snapshot import Snapshot
from perflib.reporting.cohort_trends import tables
from perflib.reporting.contract_review.evidence import plans_open
from perflib.reporting.contract_review.tables import is_staff


def key_figures(snapshot: Snapshot, d: Disclosure) -> Tiles:
    """Where the contract stands against its own promises: what contracts of other size and mix can be set beside."""
    volumes = counts.summary(snapshot).query("measure == 'start' and basis == 'rolling_12'").iloc[0]
    whole = tables.levels(snapshot)[["observed", "ratio", "lower", "upper"]].head(1)
    level = (whole if len(whole) else whole.reindex([0])).iloc[0]
    missed = early_warning.levels(snapshot)["miss"]
    values = {
        "start": volumes["actual"],
        "starts_for_100": 100 * volumes["of_profile"],
        "observed": level["observed"],
        "outcomes_for_100": 100 * level["ratio"],
        "standards": (standards.of_provider(snapshot)["status"] == "not_met").sum(),
        "miss": 100 * (missed.iloc[0] if len(missed) else np.nan),
    }
    of = ("observed",)
    low, high = (d.number(100 * level[name], of=(level["observed"],), places=0) for name in ("lower", "upper"))
    return Tiles(
        values,
        {
            "starts_for_100": number("Starts for each 100 promised, a year", of=("start",), places=0, missing="none"),
            "outcomes_for_100": number("Outcomes for each 100 promised, to date", of=of, places=0, missing="none"),
            "miss": number("Chance of missing its level, per cent", of=of, places=0, missing="none"),
            "standards": number("Standards not met", places=0),
        },
        {"outcomes_for_100": f"95% interval {low} to {high}"} if level["ratio"] == level["ratio"] else {},
    )


def findings(snapshot: Snapshot, d: Disclosure) -> list[str]:
    """What the meeting has to talk about first."""
    sentences = []
    frame = tables.levels(snapshot)
    below = [str(name) for name in frame.loc[frame["status"] == "below", "name"]]
    if below:
        sentences.append(f"Below the promise by more than chance would explain: {listed(below)}.")
    likely = early_warning.levels(snapshot)
    missed = [str(name) for name in likely.loc[likely["status"] == "may be missed", "name"]]
    if missed:
        sentences.append(f"May be missed when all cohorts are final: {listed(missed)}.")
    rates = standards.of_provider(snapshot)
    short = [_missed(row, snapshot, d) for row in rates[rates["status"] == "not_met"].to_dict("records")]
    if short:
        sentences.append(f"Standards not met since day one: {'; '.join(short)}.")
    plans = oversight.plans(snapshot)
    if plans is not None:
        running = plans["state"].isin(oversight.RUNNING)
        of_staff = int((running & is_staff(snapshot, plans["unit_type"])).sum())
        left_out = f" Of single members of staff, and not in this pack: {of_staff}." if of_staff else ""
        sentences.append(plans_open(plans) + left_out)
    told = oversight.notice_counts(snapshot)
    if told is not None and int(told["open"].sum() + told["open_late"].sum()):
        waiting = int(told["open"].sum() + told["open_late"].sum())
        sentences.append(f"Issues that were found and the department has not been told of yet: {waiting}.")
    return sentences or ["No level is below its promise, no standard is missed and no plan is open."]


def _missed(row: Mapping[Hashable, Any], snapshot: Snapshot, d: Disclosure) -> str:
    """Return a missed standard with its rate, where it is one and may be shown."""
    name, rule = str(row["name"]), snapshot.contract.standards[str(row["standard"])]
    if not row["whole"] > 0 or rule.kind == "oldest" or any(d.hides(row[key]) for key in ("part", "whole")):
        return name
    rate = d.percent(row["part"], row["whole"], places=1, target=float(rule.target.value))
    return name if rate.startswith("not") else f"{name} ({rate})"


def conventions(snapshot: Snapshot) -> list[str]:
    """What the pack rests on."""
    source = snapshot.programme.source
    return [
        f"The headings are those of the department's guidance ({source}); those without data say so.",
        "Outcomes are held to the profile at each cohort's own age; period bases are cut at the contract's first "
        "month.",
        "Nothing in this pack amends rights, remedies or obligations: the contract takes precedence.",
    ]
