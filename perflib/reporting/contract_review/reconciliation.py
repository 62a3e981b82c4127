"""Our own figures beside the department's, and one source beside another: what differs, by how much, and why."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from perflib.analysis import reconciliation
from perflib.disclosure.columns import count, month, number, percent, text
from perflib.disclosure.presenter import Showable, Table
from perflib.disclosure.sentences import Amount, Day, Month, Name, Plain, Sentence, name_list, sentence
from perflib.disclosure.words import listed, month_words
from perflib.records.snapshot import Snapshot
from perflib.reporting.cohort_trends.tables import basis_name
from perflib.reporting.contract_review.evidence import not_supplied

RECENT = 12
"""Months of the MI pack that are compared."""

REASONS = {
    "late": "recorded after the pack was made",
    "corrected": "corrected since",
    "one_source": "in our own system only",
    "clock": "counted by the month of recording",
    "returns": "people counted, not referrals",
    "set_aside": "rows that are not used",
}


def mi_pack(snapshot: Snapshot) -> list[Showable]:
    """The department's MI pack beside our own figures, and the sources beside each other."""
    found = reconciliation.with_mi_pack(snapshot, months=RECENT)
    pack: list[Showable] = (
        [[not_supplied("mi_pack")]] if found is None else [agreement(snapshot, found), differences(found)]
    )
    compared = sources(snapshot)
    return [*pack, [compared] if isinstance(compared, Sentence) else compared, source_mix(snapshot)]


def agreement(snapshot: Snapshot, found: pd.DataFrame) -> list[Sentence]:
    """How many figures of the pack agree, and what is left unexplained."""
    compared = found[found["problem"] == ""]
    if compared.empty:
        return [
            sentence(
                "The MI pack holds no figure of the {months} months to {month} that we have too.",
                months=Plain(RECENT),
                month=Month(snapshot.month),
            )
        ]
    differs = compared["difference"] != 0
    sentences = [
        sentence(
            "Of {figures} figures of the department's MI packs, the last made on {day}, {alike} are our own to the "
            "unit, and {explained} differ by what is explained.",
            figures=Plain(len(compared)),
            day=Day(max(compared["made"])),
            alike=Plain((~differs).sum()),
            explained=Plain((differs & (compared["unexplained"].abs() < 0.5)).sum()),
        )
    ]
    left = compared[compared["unexplained"].abs() >= 0.5]
    single = left[left["basis"] == "month"]
    sentences += [_unexplained(row) for row in (single if len(single) else left).to_dict("records")]
    problems = found[found["problem"] != ""]
    if len(problems):
        sentences.append(
            sentence(
                "{lines} lines of the pack could not be compared: {problems}.",
                lines=Plain(len(problems)),
                problems=name_list(sorted(set(problems["problem"]))),
            )
        )
    sentences.append(
        sentence("In a dispute the department's figure wins: what differs is to be explained or corrected.")
    )
    return sentences


def _unexplained(row: Mapping[Hashable, Any]) -> Sentence:
    return sentence(
        "Not explained: {figure}, {month}: {short} {more} in the pack than in our records.",
        figure=Name(row["label"]),
        month=Month(row["month"]),
        short=Amount(abs(row["unexplained"]), of=(row["own"],), people=True, places=0, none_if_zero=True),
        more=Name("more" if row["unexplained"] > 0 else "fewer"),
    )


def differences(found: pd.DataFrame) -> Table:
    """The figures of the pack that are not our own."""
    mine = found[(found["problem"] == "") & (found["difference"] != 0)]
    reasons = mine[list(REASONS)]
    frame = mine.assign(
        basis=mine["basis"].map(lambda name: "start cohort" if name == "cohort" else basis_name(name).lower()),
        explained=reasons.sum(axis=1),
        why=[
            listed([REASONS[name] for name in REASONS if row[name] != 0]) or np.nan
            for row in reasons.to_dict("records")
        ],
        of_whom=[
            " ".join(name for name in (row["group"], row["area"]) if name) or np.nan for row in mine.to_dict("records")
        ],
    ).sort_values(["month", "figure", "basis"], ascending=[False, True, True], kind="stable", ignore_index=True)
    of = ("own",)
    return Table(
        frame,
        "Where the MI pack differs from our own figures",
        {
            "label": text("Figure"),
            "month": month("Month"),
            "basis": text("Basis"),
            "of_whom": text("Of", missing="all"),
            "own": count("Ours", adds_up=False),
            "pack": count("Pack", adds_up=False),
            "difference": number("Pack less ours", of=of, people=True, signed=True, places=0),
            "explained": number("Explained", of=of, people=True, signed=True, places=0),
            "why": text("By what", missing="nothing"),
            "unexplained": number("Left", of=of, people=True, signed=True, places=0),
        },
        note="Ours is as known now. The referrals behind a difference are written by perflib rows CONTRACT MONTH "
        "difference:FIGURE:YYYY-MM, for those who may see them.",
        empty="the pack's figures are our own",
    )


def sources(snapshot: Snapshot) -> Table | Sentence:
    """What the provider's own system and the department's hold of the same events."""
    found = reconciliation.sources(snapshot)
    if found is None:
        return sentence("CRM and PRaP cannot be compared: the extract has no rows of one of the two.")
    recent = found[found["month"] > snapshot.month - RECENT]
    sums = recent.groupby(["event", "label"], sort=False)[
        ["both", "first_only", "second_only", "dates_differ", "next_day"]
    ]
    frame = sums.sum().reset_index()
    frame["longest"] = recent.groupby("event", sort=False)["longest"].max().reindex(frame["event"]).to_numpy()
    return Table(
        frame,
        f"CRM beside PRaP, the {RECENT} months to {month_words(snapshot.month)}",
        {
            "label": text("Event"),
            "both": count("In both"),
            "first_only": count("In the CRM only"),
            "second_only": count("In PRaP only"),
            "dates_differ": count("Dates differ"),
            "next_day": percent("In PRaP by the next working day", "next_day", "both", missing="none in both"),
            "longest": number("Longest (days)", of=("both",), places=0, missing="none in both"),
        },
        empty="no event is recorded by both",
    )


def source_mix(snapshot: Snapshot) -> Table:
    """Milestones and outcomes to date, by where they come from."""
    frame = reconciliation.source_mix(snapshot)
    totals = frame.groupby("measure")["count"].transform("sum")
    return Table(
        frame.assign(
            source=frame["source"].str.upper().where(frame["source"].str.len() <= 4, frame["source"]), of=totals
        ),
        f"Where milestones and outcomes come from, to {month_words(snapshot.month)}",
        {
            "label": text("Measure"),
            "source": text("Source"),
            "count": count("Recorded", adds_up=False),
            "share": percent("Share", "count", "of", missing="none"),
        },
        empty="no milestone has been recorded yet",
    )


def labour_market(snapshot: Snapshot) -> Table | Sentence:
    """Series of the labour market that came with the extract, for context."""
    found = reconciliation.labour_market(snapshot)
    if found is None:
        return not_supplied("labour_market")
    return Table(
        found.assign(series=found["series"].str.replace("_", " ").str.capitalize()),
        "The labour market, for context",
        {
            "series": text("Series"),
            "month": month("Month"),
            "value": number("Value", places=0, missing="no number"),
            "source": text("Source"),
            "revisions": number("Revised", places=0),
        },
        note="As last published by the day of this report. Nothing is concluded from it.",
        empty="no month of it has been published",
    )
