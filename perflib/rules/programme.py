"""What a programme demands, as data: its events, outcomes and windows, milestones, groups and areas.

A programme is one file, `params/programmes/<id>.yaml`. The code knows no programme by name: whatever differs between
them stands in the file, dated and sourced.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from pydantic import Field, model_validator

from perflib.rules.values import Dated, Rules, Sourced

CORE_EVENTS = ("referral", "start")
"""The two events that every programme has: a journey begins with the one, a cohort with the other."""


class EventType(Rules):
    """One kind of thing that happens to a participant."""

    label: str = Field(description="What it is called, in the plural, in tables and figures.")
    aliases: tuple[str, ...] = Field((), description="Other codes that extracts use for it.")
    repeats: bool = Field(False, description="True when it may happen more than once in a journey.")
    source: str = Field("", description="Where the programme's documents name it.")


class Claim(Rules):
    """The claim that a route to an outcome needs: submitted in time, and standing."""

    submitted: str
    paid: str
    rejected: str
    within_days: Dated[int] = Field(description="Last day for submitting, in days from the start.")


class Route(Rules):
    """One way of reaching an outcome: an event inside a window and, for some, a claim."""

    event: str
    within_days: Dated[int] | None = Field(None, description="Last day that counts, in days from the start.")
    claim: Claim | None = None


class Outcome(Sourced):
    """An outcome measure: the first event, by any of its routes, that counts."""

    label: str
    routes: tuple[Route, ...] = Field(min_length=1)


class Code(Rules):
    """One value that an attribute may take."""

    label: str
    aliases: tuple[str, ...] = ()
    source: str = ""


class Attribute(Rules):
    """A column of the participants table, or an attribute with a history.

    `codes` closes the list of values; without it any text is allowed. `minimum` and `maximum` make it a whole number.
    """

    label: str
    codes: dict[str, Code] = Field(default_factory=dict)
    blank: str | None = Field(None, description="What a blank cell means; None: it was not recorded.")
    minimum: int | None = None
    maximum: int | None = None
    bands: tuple[int, ...] = Field((), description="Lower ends of the bands that a number is shown in.")
    staff: bool = Field(False, description="True when the values name people who work for the provider.")

    @property
    def numeric(self) -> bool:
        """Whether the values are whole numbers."""
        return self.minimum is not None


class Target(Sourced):
    """A tender performance level: which participants are measured against the contract's profile."""

    name: str
    group: str | None = Field(None, description="One customer group; None for all.")
    area: bool = Field(False, description="True: measured inside each devolution area.")
    indicator: bool = Field(False, description="True: shown as an indicator; a miss is no breach.")


class Programme(Rules):
    """A programme as its documents define it.

    Windows count from the start date, which is day `start_day`: with 0, a window of 639 days from 1 January 2018
    ends on, and includes, 2 October 2019.
    """

    programme: str
    name: str
    source: str
    terms: dict[str, str] = Field(default_factory=dict, description="What the programme calls things.")
    events: dict[str, EventType]
    resolves: tuple[str, ...] = Field(description="Events of which the first resolves a referral.")
    start_day: Literal[0, 1] = 0
    outcomes: dict[str, Outcome]
    milestones: tuple[str, ...] = Field((), description="Events on the way to the outcome, in order.")
    measures: tuple[str, ...] = Field(description="What the tables of flows count, in order.")
    trends: tuple[str, ...] = Field(description="The measures that control charts are drawn of.")
    attributes: dict[str, Attribute]
    group: str = Field(description="The attribute that holds the customer group.")
    area: str | None = Field(None, description="The attribute that holds the devolution area.")
    units: tuple[str, ...] = Field((), description="Attributes that name who delivers, largest first.")
    demographics: tuple[str, ...] = Field((), description="Attributes whose outcomes are compared.")
    targets: dict[str, Target] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _names_are_known(self) -> Programme:
        events = [*CORE_EVENTS, *self.resolves, *self.milestones]
        for outcome in self.outcomes.values():
            for route in outcome.routes:
                claim = route.claim
                events += [route.event, *((claim.submitted, claim.paid, claim.rejected) if claim else ())]
        _known("event", events, self.events)
        _known("measure", [*self.measures, *self.trends], self.events | self.outcomes)
        attributes = [self.group, *self.units, *self.demographics, *([self.area] if self.area else [])]
        _known("attribute", attributes, self.attributes)
        groups = [target.group for target in self.targets.values() if target.group]
        _known("group", groups, self.attributes[self.group].codes)
        if overlap := self.events.keys() & self.outcomes.keys():
            raise ValueError(f"{sorted(overlap)} name both an event and an outcome")
        if "outcome" not in self.outcomes:
            raise ValueError("`outcomes` must define `outcome`, the programme's own measure")
        return self

    def label(self, measure: str) -> str:
        """Return what a measure is called, in the plural."""
        return self.outcomes[measure].label if measure in self.outcomes else self.events[measure].label


def _known(kind: str, names: Iterable[str], allowed: Iterable[str]) -> None:
    for name in names:
        if name not in allowed:
            raise ValueError(f"{name!r} is used but is no {kind} of the file (known: {', '.join(allowed)})")
