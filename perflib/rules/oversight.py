"""What follows from performance, as data: the instruments that may be used, and the reports that are due.

Both a programme (what the department may do, and asks for) and a regime of management (what the provider does) have
them; a contract's are those of the two together.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from perflib.rules.dated import Sourced

Rhythm = Literal["day", "week", "month", "quarter"]


class Instrument(Sourced):
    """A plan, a notice or a sanction: what a row of the table `plans` may be."""

    name: str = Field(description="What reports call it.")
    level: int | None = Field(None, ge=1, description="The level of the department's regime that it belongs to.")
    steps: tuple[str, ...] = Field((), description="Its steps in order, where it has any; `step` counts from 1.")
    answers_rating: bool = Field(False, description="True: it is what an Amber or Red rating asks for.")
    answers_warning: bool = Field(False, description="True: it is what an indicator that points to a miss may lead to.")
    weeks: int | None = Field(None, ge=1, description="How long it runs, where no due date is recorded.")
    review_weeks: int | None = Field(None, ge=1, description="Weeks from one review to the next.")


class Report(Sourced):
    """A report, return or meeting that comes again and again."""

    name: str = Field(description="What it is called.")
    every: Rhythm = Field(description="How often: each working day, week (Monday to Sunday), month or quarter.")
    within: int | None = Field(None, ge=0, description="Working days from the period's end within which it is due.")
    reviewed: bool = Field(False, description="True: somebody signs that it was looked at.")


class Assurance(Sourced):
    """How the department's assurance team rates a provider's controls, and what its ratings lead to.

    Remedial action may follow when a rating among the `poor` is followed by the same or a worse one for the same
    reasons, or by more of the poor until there are `run` of them, whatever the reasons, or when a plan is late.
    """

    ratings: tuple[str, ...] = Field(min_length=2, description="From the worst to the best.")
    poor: int = Field(ge=1, description="How many of them, from the worst, may lead to remedial action.")
    run: int = Field(ge=2, description="The number of poor ratings running that does, whatever the reasons.")
    same_reasons: Literal["any", "all"] = Field(
        "any", description="Whether one reason in common makes the reasons the same, or only all of them."
    )

    @model_validator(mode="after")
    def _some_are_good(self) -> Assurance:
        if self.poor >= len(self.ratings):
            raise ValueError(f"`poor` must leave one of the {len(self.ratings)} ratings that is not")
        return self
