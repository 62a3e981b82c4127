"""Findings of the ratings report."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

from perflib.analysis import oversight, ratings
from perflib.disclosure.sentences import ByAudience, Choice, FirstOf, Listed, Name, Plain, Sentence, sentence
from perflib.disclosure.words import capital
from perflib.records.snapshot import Snapshot
from perflib.reporting.contract_review.evidence import not_supplied, plans_open
from perflib.reporting.performance_ratings.tables import (
    NO_RATING,
    NO_REGIME,
    all_ratings,
    by_kinds,
    rated_units,
    unit_names,
)
from perflib.reporting.subcontractor_comparison.tables import unit_of
from perflib.rules.management import CONTRACT

WAYS = {"improved": "up from the quarter before", "worsened": "down from the quarter before"}


def findings(snapshot: Snapshot) -> Choice:
    """Who holds Amber or Red, what has changed, and what is not as the regime wants it."""
    return by_kinds(snapshot, lambda shown: _findings(snapshot, shown) if shown else NO_REGIME)


def _findings(snapshot: Snapshot, shown: list[str]) -> list[Sentence | Choice]:
    sentences: list[Sentence | Choice] = [] if snapshot.contract.rating is not None else [NO_RATING]
    for unit in shown:
        if unit in (CONTRACT, unit_of(snapshot)):
            sentences += _held(snapshot, unit)
    plans = oversight.plans(snapshot)
    if plans is None:
        return [*sentences, sentence("Plans. {none}", none=not_supplied("plans"))]
    sentences.append(ByAudience(plans_open(plans)))
    found = oversight.exceptions(snapshot, all_ratings(snapshot, shown))
    if found is not None and len(found):
        wrong = [
            sentence("{what} ({n})", what=Name(what), n=Plain(number))
            for what, number in found["what"].value_counts().items()
        ]
        sentences.append(sentence("To put right: {wrong}.", wrong=Listed(wrong, "; ")))
    return [FirstOf(sentences, sentence("Every unit that is rated is Green, and no plan lacks anything."))]


def _held(snapshot: Snapshot, unit: str) -> list[Sentence]:
    """Return which units of a kind hold Red or Amber, which have changed, and which hold them for long."""
    held = ratings.held(rated_units(snapshot, unit))
    if held.empty:
        return []
    if unit == CONTRACT:
        return [_whole(row) for row in held.to_dict("records") if row["rating"] != "green" or row["way"] in WAYS]
    called = unit_names(snapshot)
    by_heading = [
        *((f"Rated {rating.capitalize()}", held["rating"] == rating) for rating in ("red", "amber")),
        *((capital(words), held["way"] == way) for way, words in WAYS.items()),
        ("Amber or Red for so many quarters that it is consistent", held["consistent"].astype(bool)),
    ]
    return [
        sentence(
            "{heading}: {units}.",
            heading=Name(heading),
            units=Listed([called[name] for name in held.loc[chosen, "unit"]]),
        )
        for heading, chosen in by_heading
        if chosen.any()
    ]


def _whole(row: Mapping[Hashable, Any]) -> Sentence:
    """State the rating of the contract itself, and how it has changed."""
    way = WAYS.get(row["way"])
    return sentence(
        "The contract as a whole is {rating}{way}{consistent}.",
        rating=Name(row["rating"].capitalize()),
        way=sentence(", {way}", way=Name(way)) if way else sentence(""),
        consistent=sentence(", and has been Amber or Red for long") if row["consistent"] else sentence(""),
    )


def conventions(snapshot: Snapshot) -> list[Sentence]:
    """How ratings are made, for this contract."""
    rule = snapshot.contract.rating
    if rule is None:
        return [NO_REGIME if snapshot.contract.management is None else NO_RATING]
    hit = {
        "all": sentence("all of its targets are hit"),
        "any": sentence("any of its targets is hit"),
        "share": sentence("at least {share} of its targets are hit", share=Plain(rule.share or 0, percent=True)),
    }[rule.hit]
    nothing = {
        "skips": sentence("is passed over"),
        "resets": sentence("ends a run of missed quarters"),
        "misses": sentence("counts as missed"),
    }[rule.no_data]
    return [
        sentence(
            "Green: {hit}. Amber: they are missed, for one quarter. Red: for {quarters} quarters running{same}. Miss, "
            "hit, miss is Amber, Green, Amber.",
            hit=hit,
            quarters=Plain(rule.red_after),
            same=sentence(", one KPI in all of them") if rule.same_kpi else sentence(""),
        ),
        sentence(
            "A quarter of fewer than {months} months, or one that is running, is not rated; one without figures "
            "{nothing}. A KPI of fewer than {smallest} is not judged. One short of its target, but not clearly, counts "
            "as {counts}.",
            months=Plain(rule.least_months),
            nothing=nothing,
            smallest=Plain(rule.smallest),
            counts=sentence("hit") if rule.not_clear == "hit" else sentence("missed"),
        ),
        sentence(
            "A quarter is rated on the first day on which 95% of each KPI is expected to be recorded; KPIs "
            "against a profile compare what was recorded with what was expected so far."
        ),
        sentence(
            "Amber or Red for {quarters} quarters running is called consistent. Source: {source}{invented}.",
            quarters=Plain(rule.consistent),
            source=Name(rule.source),
            invented=sentence(" (invented)") if rule.invented else sentence(""),
        ),
        sentence(
            "Small units hit and miss targets by chance. The subcontractor comparison says who differs significantly."
        ),
    ]
