"""What outcomes are worth: fee and prices, earned so far, waiting, at risk, lost, and still to come.

Conventions
-----------
- Pounds without VAT, by the contract's `prices:`; `rules.prices` says how a price is dated and what an accelerator
  pays.
- An outcome is earned when it counts: by a route without a claim, or with a claim that stands. One that can still be
  claimed waits; one whose claim has lapsed is lost. *Price 1,500: of ten outcomes six need no claim, one is paid, one
  submitted, one to be claimed, one lapsed: 12,000 earned, 1,500 waiting, 1,500 lost.*
- Outcomes count towards the accelerator when they are earned or waiting, in the order of their days; a lost one is
  priced at the ordinary price.
- What is still to come is the forecast of the people who have started (`forecast.outcomes`): each simulated outcome at
  the price of the month in which it will be recorded, after those earned and waiting, which are taken to be paid.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from perflib.analysis import claims, forecast
from perflib.analysis.forecast.result import Forecast, summary
from perflib.errors import ParameterError
from perflib.records.snapshot import Snapshot, remembered
from perflib.rules.prices import Prices

EARNED, WAITING, LOST = "earned", "waiting", "lost"
STANDING = {
    "no_claim_needed": EARNED,
    claims.PAID: EARNED,
    claims.SUBMITTED: EARNED,
    claims.TO_CLAIM: WAITING,
    claims.REJECTED: WAITING,
    claims.LAPSED: LOST,
}
"""What each state of a claim means for income."""


def prices(snapshot: Snapshot) -> Prices:
    """Prices of the contract.

    Raises
    ------
    ParameterError
        The contract's file has no `prices:`.
    """
    found = snapshot.contract.prices
    if found is None:
        raise ParameterError(f"{snapshot.contract.path}: no `prices:`. Give the fee and the price of each outcome.")
    return found


@remembered
def priced(snapshot: Snapshot) -> pd.DataFrame:
    """Price each outcome, with the state of its claim.

    Returns
    -------
    DataFrame
        One row an outcome, by outcome and day: `measure`, `place` (row in journeys), `day` (that decides the price),
        `state` (of `claims.STATES`, or `no_claim_needed`), `standing` (earned, waiting, lost) and `amount` (pounds;
        missing before the first price).

    Raises
    ------
    ParameterError
        The contract has no prices.
    """
    rules = prices(snapshot)
    parts = [_priced(snapshot, rules, measure) for measure in rules.outcomes]
    empty = pd.DataFrame(columns=["measure", "place", "day", "state", "standing", "amount"])
    return pd.concat(parts, ignore_index=True) if parts else empty


def _priced(snapshot: Snapshot, rules: Prices, measure: str) -> pd.DataFrame:
    free = claims.without_claim(snapshot, measure).assign(state="no_claim_needed")
    rows = pd.concat([free, claims.ledger(snapshot, measure)[["place", "reached", "state", "submitted"]]])
    by_claim = rules.priced_on == "claim_date"
    day = rows["submitted"].fillna(rows["reached"]) if by_claim else rows["reached"]
    rows = rows.assign(measure=measure, day=day, standing=rows["state"].map(STANDING))
    rows = rows.sort_values(["day", "place"], ignore_index=True)
    amount = pd.Series(rules.outcomes[measure].at(rows["day"]), index=rows.index)
    higher = rules.accelerator
    if higher is not None and higher.measure == measure:
        counts = rows["standing"] != LOST
        above = counts & (counts.cumsum() > higher.above)
        if higher.pays == "all" and above.any():
            above = counts
        amount = amount.mask(above, higher.price)
    return rows.assign(amount=amount)[["measure", "place", "day", "state", "standing", "amount"]]


def totals(snapshot: Snapshot) -> pd.DataFrame:
    """Add up outcomes and pounds by the state of their claims.

    Returns
    -------
    DataFrame
        Index `state`, in the order of `STANDING`; columns `standing`, `outcomes` (int) and `amount` (pounds).

    Raises
    ------
    ParameterError
        The contract has no prices.
    """
    rows = priced(snapshot).groupby("state")["amount"]
    found = pd.DataFrame({"outcomes": rows.size(), "amount": rows.sum()}).reindex(list(STANDING)).fillna(0)
    return found.astype({"outcomes": int, "amount": float}).assign(standing=pd.Series(STANDING))


def by_month(snapshot: Snapshot) -> pd.DataFrame:
    """Income of each month: the fee, and outcomes by the month of the day that decides their price.

    Returns
    -------
    DataFrame
        Index every month of the contract; columns `service_fee`, `earned`, `waiting` and `lost`, in pounds.

    Raises
    ------
    ParameterError
        The contract has no prices.
    """
    rows, months = priced(snapshot), snapshot.months
    days = pd.PeriodIndex(pd.to_datetime(rows["day"]), freq="M")
    amounts = rows.groupby([days, rows["standing"]])["amount"].sum().unstack()
    amounts = amounts.reindex(index=months, columns=[EARNED, WAITING, LOST]).fillna(0.0)
    amounts.insert(0, "service_fee", fees(prices(snapshot), months))
    return amounts.rename_axis(index="month", columns=None)


def fees(rules: Prices, months: pd.PeriodIndex) -> NDArray[np.float64]:
    """Service fee of each month, in pounds; 0 before the first and where there is none.

    Examples
    --------
    >>> fee = {"value": 1000, "from": "2018-01-15", "source": "Schedule 4"}
    >>> fees(Prices(service_fee=fee), pd.period_range("2017-12", "2018-02", freq="M")).tolist()
    [0.0, 1000.0, 1000.0]
    """
    if rules.service_fee is None:
        return np.zeros(len(months))
    first = pd.Period(rules.service_fee.root[0].since, "M")
    days = np.maximum(months.start_time.to_numpy(), np.datetime64(rules.service_fee.root[0].since))
    return np.where(months < first, 0.0, rules.service_fee.at(days))


def expected(snapshot: Snapshot, measure: str = "outcome", model: str = "milestones") -> pd.DataFrame:
    """Income from the outcomes of everybody who has started, when all are recorded, with its uncertainty.

    Parameters
    ----------
    snapshot : Snapshot
    measure : str
        One of the outcomes that have a price.
    model : str
        One of `forecast.MODELS`.

    Returns
    -------
    DataFrame
        Index `to_come` and `in_the_end` (with what is earned and waiting); columns `expected`, `lower_80`, `upper_80`,
        `lower_95`, `upper_95`, in pounds.

    Raises
    ------
    ParameterError
        The contract has no prices, or the measure has none.
    """
    rules = prices(snapshot)
    if measure not in rules.outcomes:
        raise ParameterError(f"{snapshot.contract.path}: prices: no price for {measure!r}. Give one under `outcomes:`.")
    rows = priced(snapshot)
    rows = rows[(rows["measure"] == measure) & (rows["standing"] != LOST)]
    draws = _worth(rules, measure, forecast.outcomes(snapshot, measure, model), len(rows), rows["amount"].sum())
    return summary(np.column_stack([draws, draws + rows["amount"].sum()]), pd.Index(["to_come", "in_the_end"]))


def _worth(rules: Prices, measure: str, found: Forecast, already: int, so_far: float) -> NDArray[np.float64]:
    """Worth of the simulated outcomes still to come, one a draw, after `already` outcomes worth `so_far`."""
    coming = found.paths.sum(axis=1)
    ordinary = rules.outcomes[measure].at(found.development.months.start_time)
    higher = rules.accelerator
    if higher is None or higher.measure != measure:
        return coming @ ordinary
    room = max(higher.above - already, 0)
    below = np.diff(np.minimum(coming.cumsum(axis=1), room), axis=1, prepend=0)
    worth = below @ ordinary + higher.price * (coming - below).sum(axis=1)
    if higher.pays == "all":
        passes = already + coming.sum(axis=1) > higher.above
        worth = np.where(passes, higher.price * (already + coming.sum(axis=1)) - so_far, worth)
    return np.asarray(worth, dtype=float)


def at_risk(snapshot: Snapshot) -> pd.DataFrame:
    """Add up the pounds at risk by reason; an outcome may stand under several.

    Returns
    -------
    DataFrame
        Index `reason`; columns `outcomes` (int) and `amount` (pounds).

    Raises
    ------
    ParameterError
        The contract has no prices.
    """
    rows = priced(snapshot)
    parts = []
    for measure in claims.claimed_outcomes(snapshot):
        own = rows.loc[rows["measure"] == measure, ["place", "amount"]]
        parts.append(claims.ledger(snapshot, measure).merge(own, on="place"))
    found = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=[*claims.COLUMNS, "amount"])
    open_now = found["state"].isin([claims.TO_CLAIM, claims.REJECTED])
    reasons = {
        f"To be claimed within {claims.WITHIN[0]} days": open_now & (found["days_left"] <= claims.WITHIN[0]),
        "Rejected, to be claimed again": found["state"] == claims.REJECTED,
        "Claim lapsed": found["state"] == claims.LAPSED,
    }
    if "evidence" in found:
        not_paid = found["state"] != claims.PAID
        reasons["Evidence not in order, not paid yet"] = not_paid & (found["evidence"] != claims.IN_ORDER)
        reasons["Checked and submitted by one person"] = not_paid & found["duties_apart"].eq(False).fillna(False)
    table = {why: (int(rows.sum()), float(found.loc[rows, "amount"].sum())) for why, rows in reasons.items()}
    return pd.DataFrame.from_dict(table, orient="index", columns=["outcomes", "amount"]).rename_axis("reason")
