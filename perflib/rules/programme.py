"""What a programme demands, as data: its events, outcomes and windows, milestones, groups and areas.

A programme is one file, `params/programmes/<id>.yaml`. The code knows no programme by name: whatever differs between
them stands in the file, dated and sourced.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from perflib.rules.dated import Dated, Misplaced, Name, Place, Rules, Sourced, check_known
from perflib.rules.oversight import Assurance, Instrument, Report
from perflib.rules.standards import Standard, check_events

CORE_EVENTS = ("referral", "start")
"""The two events that every programme has: a journey begins with the one, a cohort with the other."""


class EventType(Rules):
    """One kind of thing that happens to a participant."""

    label: str = Field(description="What it is called, in the plural, in tables and figures.")
    aliases: tuple[Name, ...] = Field((), description="Other codes that extracts use for it.")
    repeats: bool = Field(False, description="True when it may happen more than once in a journey.")
    source: str = Field("", description="Where the programme's documents name it.")


class Claim(Rules):
    """The claim that a route to an outcome needs: submitted in time, and standing."""

    submitted: str = Field(description="The event that submits it.")
    paid: str = Field(description="The event that pays it.")
    rejected: str = Field(description="The event that rejects it.")
    within_days: Dated[int] = Field(description="Last day for submitting, in days from the start.")

    @property
    def events(self) -> tuple[str, str, str]:
        """Its events, in order: submitted, paid, rejected."""
        return self.submitted, self.paid, self.rejected


class Route(Rules):
    """One way of reaching an outcome: an event inside a window and, for some, a claim."""

    event: str = Field(description="The event that reaches it.")
    within_days: Dated[int] | None = Field(None, description="Last day that counts, in days from the start.")
    claim: Claim | None = Field(None, description="The claim that it needs; none: it counts without one.")


class Outcome(Sourced):
    """An outcome measure: the first event, by any of its routes, that counts."""

    label: str = Field(description="What it is called, in the plural.")
    routes: tuple[Route, ...] = Field(min_length=1, description="The ways of reaching it; the first to count does.")


class Code(Rules):
    """One value that an attribute may take."""

    label: str = Field(description="What it is called.")
    aliases: tuple[Name, ...] = Field((), description="Other words that extracts use for it.")
    source: str = Field("", description="Where the programme's documents name it.")


class Attribute(Rules):
    """A column of the participants table, or an attribute with a history.

    `codes` closes the list of values; without it any text is allowed. `minimum` and `maximum` make it a whole number.
    """

    label: str = Field(description="What it is called.")
    source: str = Field("", description="Where the programme's documents ask for it.")
    codes: dict[Name, Code] = Field(default_factory=dict, description="The values it may take; none: any text.")
    blank: str | None = Field(None, description="What a blank cell means; None: it was not recorded.")
    minimum: int | None = Field(None, description="Of a whole number, the least that can be true.")
    maximum: int | None = Field(None, description="Of a whole number, the greatest that can be true.")
    bands: tuple[int, ...] = Field((), description="Lower ends of the bands that a number is shown in.")
    staff: bool = Field(False, description="True when the values name people who work for the provider.")
    case_mix: bool = Field(
        False,
        description="True when it is known at the referral and nobody who delivers can influence it: units are then "
        "compared as though all had the same.",
    )

    @model_validator(mode="after")
    def _is_one_kind(self) -> Attribute:
        if (self.minimum is None) != (self.maximum is None):
            raise ValueError("a number needs both `minimum` and `maximum`")
        if self.numeric and (self.codes or self.blank is not None):
            raise ValueError("a number has neither `codes` nor a meaning for `blank`")
        if list(self.bands) != sorted(set(self.bands)):
            raise ValueError("`bands` must rise")
        return self

    @property
    def numeric(self) -> bool:
        """Whether the values are whole numbers."""
        return self.minimum is not None


class Trend(Rules):
    """A measure of which a control chart is drawn: by month as it is, by month for each of those it could have
    happened to, or by start cohort at an age that all cohorts in the chart have reached.
    """

    measure: str = Field(description="An event or outcome of the programme.")
    per: Literal["on_programme", "out_of_work"] | None = Field(
        None, description="Whom it could have happened to, counted on the first day of each month; None: counts alone."
    )
    at_age: int | None = Field(None, ge=0, description="By start cohort: the share of starts that reached it by then.")

    @model_validator(mode="after")
    def _one_of_the_two(self) -> Trend:
        if self.per is not None and self.at_age is not None:
            raise ValueError("give `per` or `at_age`, not both")
        return self


class Target(Sourced):
    """A tender performance level: which participants are measured against the contract's profile."""

    name: str = Field(description="What it is called.")
    group: str | None = Field(None, description="One customer group; None for all.")
    area: bool = Field(False, description="True: measured inside each devolution area.")
    indicator: bool = Field(False, description="True: shown as an indicator; a miss is no breach.")


class RecordingDelay(Sourced):
    """How soon what has happened is recorded, until the extract holds records enough to show it."""

    measure: str | None = Field(None, description="An event or outcome; None: every one without an entry of its own.")
    values: tuple[Annotated[float, Field(ge=0, le=1)], ...] = Field(
        min_length=1,
        description="The share first recorded within 0, 1, 2 ... calendar months of the month in which it happened; "
        "the last one is 1.",
    )

    @field_validator("values")
    @classmethod
    def _rises_to_one(cls, values: tuple[float, ...]) -> tuple[float, ...]:
        if list(values) != sorted(values) or values[-1] != 1:
            raise ValueError("shares recorded within 0, 1, 2 ... months never fall, and the last one is 1")
        return values


class Programme(Rules):
    """A programme as its documents define it.

    Windows count from the start date, which is day `start_day`: with 0, a window of 639 days from 1 January 2018
    ends on, and includes, 2 October 2019.
    """

    programme: str = Field(description="Its id: the file's own name.")
    name: str = Field(description="What reports call it.")
    source: str = Field(description="The document that these rules are from, with its version.")
    since: date | None = Field(
        None,
        alias="from",
        description="The first day of referral that these rules are for; earlier referrals follow rules that are not "
        "in the file, and reports count them.",
    )
    terms: dict[str, str] = Field(default_factory=dict, description="What the programme calls things.")
    events: dict[Name, EventType] = Field(description="What may happen to a participant, by code.")
    resolves: tuple[str, ...] = Field(description="Events of which the first resolves a referral.")
    start_day: Literal[0, 1] = Field(0, description="The number of the start date in a window: day 0, or day 1.")
    outcomes: dict[str, Outcome] = Field(description="Its outcomes; `outcome` is its own measure.")
    milestones: tuple[str, ...] = Field((), description="Events on the way to the outcome, in order.")
    recording_delay: tuple[RecordingDelay, ...] = Field(
        (),
        description="How soon events and outcomes are recorded, for contracts with fewer than 30 records of one; with "
        "none, 95 % within the contract's `recording_allowance`.",
    )
    measures: tuple[str, ...] = Field(description="What the tables of flows count, in order.")
    trends: tuple[Trend, ...] = Field(description="The measures that control charts are drawn of.")
    attributes: dict[Name, Attribute] = Field(description="What is recorded of participants, by column.")
    group: str = Field(description="The attribute that holds the customer group.")
    area: str | None = Field(None, description="The attribute that holds the devolution area.")
    units: tuple[str, ...] = Field((), description="Attributes that name who delivers, largest first.")
    demographics: tuple[str, ...] = Field((), description="Attributes whose outcomes are compared.")
    targets: dict[str, Target] = Field(
        default_factory=dict, description="Its tender performance levels; their values are in each contract's profiles."
    )
    standards: dict[Name, Standard] = Field(default_factory=dict, description="Its service standards, by id.")
    levels: dict[int, str] = Field(
        default_factory=dict,
        description="The levels at which the department may act, each at any time and beside others.",
    )
    instruments: dict[Name, Instrument] = Field(
        default_factory=dict, description="What the department may use or ask for when performance falls short."
    )
    reports: dict[Name, Report] = Field(default_factory=dict, description="What it asks for, and how often.")
    assurance: Assurance | None = Field(None, description="How its assurance team rates; none: not documented.")

    @model_validator(mode="after")
    def _names_are_known(self) -> Programme:
        events: dict[Place, str] = {("events", name): name for name in CORE_EVENTS}
        events |= _places("resolves", self.resolves) | _places("milestones", self.milestones)
        for name, outcome in self.outcomes.items():
            for i, route in enumerate(outcome.routes):
                events["outcomes", name, "routes", i, "event"] = route.event
                for part in ("submitted", "paid", "rejected") if route.claim else ():
                    events["outcomes", name, "routes", i, "claim", part] = getattr(route.claim, part)
        check_known(events, self.events, "event of the programme")
        check_events(self.standards, self.events)
        measures: dict[Place, str] = _places("measures", self.measures)
        measures |= {("trends", i, "measure"): trend.measure for i, trend in enumerate(self.trends)}
        measures |= {
            ("recording_delay", i, "measure"): item.measure
            for i, item in enumerate(self.recording_delay)
            if item.measure is not None
        }
        check_known(measures, [*self.outcomes, *self.events], "event or outcome of the programme")
        attributes = _places("units", self.units) | _places("demographics", self.demographics)
        attributes["group",] = self.group
        if self.area:
            attributes["area",] = self.area
        check_known(attributes, self.attributes, "attribute of the programme")
        if delivers := [name for name in self.units if self.attributes[name].case_mix]:
            raise Misplaced("names who delivers, and cannot be adjusted for", "attributes", delivers[0], "case_mix")
        groups: dict[Place, str] = {
            ("targets", name, "group"): target.group for name, target in self.targets.items() if target.group
        }
        check_known(groups, self.attributes[self.group].codes, "customer group of the programme")
        for name, instrument in self.instruments.items():
            if instrument.level is not None and instrument.level not in self.levels:
                raise Misplaced(f"{instrument.level} is no level of the programme", "instruments", name, "level")
        if overlap := self.events.keys() & self.outcomes.keys():
            name = min(overlap)
            raise Misplaced(f"{name!r} names both an event and an outcome", "outcomes", name)
        if "outcome" not in self.outcomes:
            raise Misplaced("`outcome`, the programme's own measure, must be defined", "outcomes")
        _check_aliases({name: event.aliases for name, event in self.events.items()}, "events")
        for name, attribute in self.attributes.items():
            aliases = {code: entry.aliases for code, entry in attribute.codes.items()}
            _check_aliases(aliases, "attributes", name, "codes")
        return self

    @property
    def routes(self) -> tuple[Route, ...]:
        """Every route of every outcome, in order."""
        return tuple(route for outcome in self.outcomes.values() for route in outcome.routes)

    @property
    def claims(self) -> tuple[str, ...]:
        """The events of the claims of `routes`: submitted, paid, rejected; an event of two routes stands twice."""
        return tuple(name for route in self.routes if route.claim for name in route.claim.events)

    @property
    def repeating(self) -> list[str]:
        """The events that may happen more than once in a journey."""
        return [name for name, event in self.events.items() if event.repeats]

    def label(self, measure: str) -> str:
        """Label of a measure, in the plural."""
        return self.outcomes[measure].label if measure in self.outcomes else self.events[measure].label


def _places(key: str, names: Iterable[str]) -> dict[Place, str]:
    """Return the names of a list by their places in the file."""
    return {(key, i): name for i, name in enumerate(names)}


def _check_aliases(aliases: Mapping[str, Iterable[str]], *place: str) -> None:
    """Refuse an alias that stands for two codes."""
    meaning = {code: code for code in aliases}
    for code, names in aliases.items():
        for name in names:
            if meaning.setdefault(name, code) != code:
                raise Misplaced(f"{name!r} stands for both {meaning[name]!r} and {code!r}", *place, code, "aliases")
