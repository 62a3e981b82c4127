"""What the department pays: a fee by the month, a price for each outcome, and more for outcomes above a volume.

Conventions
-----------
- A price holds for the outcomes (or claims: `priced_on`) from its `from` day on. *1,500 from April 2018 and 1,600 from
  April 2019: an outcome of 31 March 2019 is worth 1,500.*
- The fee is of whole months: that in force on the first of the month, from the month of its first `from` on.
- Outcomes are counted towards the accelerator in the order of the days on which they are priced. *Above 100, 2,000 for
  1,500: with 120 outcomes, `excess` pays 100 × 1,500 + 20 × 2,000, and `all` pays 120 × 2,000.*
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from perflib.rules.dated import Dated, Name, Rules, Sourced


class Accelerator(Sourced):
    """A higher price for outcomes above a volume."""

    measure: Name = Field("outcome", description="The outcome whose volume counts, and whose price rises.")
    above: int = Field(ge=0, description="How many outcomes are paid at the ordinary price.")
    price: float = Field(ge=0, description="Pounds for each outcome above it.")
    pays: Literal["excess", "all"] = Field(
        description="`excess`: the outcomes above the volume alone; `all`: every outcome, once the volume is passed."
    )


class Prices(Rules):
    """Fees and prices in pounds, without VAT."""

    service_fee: Dated[float] | None = Field(None, description="Pounds a calendar month, whatever is achieved.")
    outcomes: dict[Name, Dated[float]] = Field(
        default_factory=dict, description="Pounds for each, by outcome of the programme."
    )
    accelerator: Accelerator | None = Field(None, description="A higher price above a volume; none: there is none.")
    priced_on: Literal["outcome_date", "claim_date"] = Field(
        "outcome_date",
        description="Which day decides the price: that on which the outcome was reached, or that of its claim; an "
        "outcome without a claim goes by its own.",
    )

    @property
    def invented(self) -> bool:
        """Whether no document gives one of the values."""
        dated = [self.service_fee, *self.outcomes.values()]
        values = [value for item in dated if item is not None for value in item.root]
        return any(value.invented for value in values) or bool(self.accelerator and self.accelerator.invented)
