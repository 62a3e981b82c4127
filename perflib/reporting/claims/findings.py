"""Findings of the claims report."""

from __future__ import annotations

from perflib.analysis import claims
from perflib.analysis import income as incomes
from perflib.disclosure.sentences import Amount, ByAudience, Count, Name, Plain, Sentence, sentence
from perflib.records.snapshot import Snapshot
from perflib.reporting.claims.tables import claimed


def findings(snapshot: Snapshot) -> list[Sentence | ByAudience]:
    """What must be claimed soon, what has lapsed, whether evidence is in order, and what it is worth."""
    return [*_deadlines(snapshot), *_evidence(snapshot), *_money(snapshot)]


def _deadlines(snapshot: Snapshot) -> list[Sentence | ByAudience]:
    name = claimed(snapshot)
    if name is None:
        return [
            sentence(
                "The rules of {programme} name no outcome with a last day for its claim.",
                programme=Name(snapshot.programme.name),
            ),
        ]
    rows = claims.ledger(snapshot, name)
    waiting = rows[rows["state"].isin([claims.TO_CLAIM, claims.REJECTED])]
    soon, lapsed = int((waiting["days_left"] <= claims.WITHIN[0]).sum()), int((rows["state"] == claims.LAPSED).sum())
    days = Plain(claims.WITHIN[0])
    found: list[Sentence | ByAudience] = []
    if soon:
        found.append(
            sentence(
                "{soon} of {waiting} outcomes that wait for a claim must be claimed within {days} days.",
                soon=Count(soon),
                waiting=Count(len(waiting)),
                days=days,
            )
        )
    elif len(waiting):
        found.append(
            sentence(
                "Outcomes that wait for a claim: {waiting}. None lapses within {days} days.",
                waiting=Count(len(waiting)),
                days=days,
            )
        )
    else:
        found.append(sentence("No outcome waits for a claim."))
    if lapsed:
        found.append(
            sentence(
                "Claims that have lapsed: {lapsed} of {all} outcomes that needed one.",
                lapsed=Count(lapsed),
                all=Count(len(rows)),
            )
        )
    return found


def _evidence(snapshot: Snapshot) -> list[Sentence]:
    name = claimed(snapshot)
    rows = claims.ledger(snapshot, name) if name else None
    if rows is None or "evidence" not in rows:
        return []
    rows = rows[rows["submitted"].notna()]
    wrong, same = int((rows["evidence"] != claims.IN_ORDER).sum()), int(rows["duties_apart"].eq(False).sum())
    found = []
    if wrong:
        found.append(
            sentence(
                "Of {all} claims submitted, {wrong} went without evidence checked before.",
                all=Count(len(rows)),
                wrong=Count(wrong),
            )
        )
    if same:
        found.append(
            sentence(
                "Of {all} claims submitted, {same} were checked and submitted by one person.",
                all=Count(len(rows)),
                same=Count(same),
            )
        )
    return found


def _money(snapshot: Snapshot) -> list[Sentence | ByAudience]:
    if snapshot.contract.prices is None:
        return [sentence("Nothing is said of money: the contract's file gives no prices.")]
    totals = incomes.totals(snapshot)
    earned, lost = totals[totals["standing"] == incomes.EARNED], totals[totals["standing"] == incomes.LOST]
    found: list[Sentence | ByAudience] = []
    if "outcome" in snapshot.contract.prices.outcomes:
        end = incomes.expected(snapshot)
        reached = int(earned["outcomes"].sum())
        found.append(
            ByAudience(
                sentence(
                    "Outcomes have earned £{earned} so far. £{end} is expected in the end (95% interval £{low} to "
                    "£{high}).",
                    earned=_pounds(earned["amount"].sum(), reached),
                    end=_pounds(end["expected"]["in_the_end"], reached),
                    low=_pounds(end["lower_95"]["in_the_end"], reached),
                    high=_pounds(end["upper_95"]["in_the_end"], reached),
                )
            )
        )
    if lapsed := int(lost["outcomes"].sum()):
        cost = _pounds(lost["amount"].sum(), lapsed)
        found.append(ByAudience(sentence("Lapsed claims have cost £{cost}.", cost=cost)))
    return found


def _pounds(amount: float, outcomes: float) -> Amount:
    return Amount(amount, of=(outcomes,), places=0)


def conventions(snapshot: Snapshot) -> list[Sentence]:
    """What needs a claim, by when, and which day decides the price."""
    programme, rules = snapshot.programme, snapshot.contract.prices
    found = []
    for outcome in programme.outcomes.values():
        for route in outcome.routes:
            if route.claim is not None:
                day = route.claim.within_days.on(snapshot.as_of)
                found.append(
                    sentence(
                        "{event} need a claim, submitted by day {day} from the start (the start is day {first}).",
                        event=Name(programme.label(route.event)),
                        day=Plain(day),
                        first=Plain(programme.start_day),
                    )
                )
    if rules is not None:
        decides = "it was claimed" if rules.priced_on == "claim_date" else "it was reached"
        found.append(
            sentence("An outcome's price is that in force on the day on which {decides}.", decides=Name(decides))
        )
        higher = rules.accelerator
        if higher is not None:
            paid = "the outcomes above it" if higher.pays == "excess" else "all outcomes, once it is passed"
            found.append(
                sentence(
                    "Above {above} outcomes the price is £{price}, for {paid}.",
                    above=Plain(higher.above),
                    price=Plain(higher.price, places=0),
                    paid=Name(paid),
                )
            )
    return found or [sentence("No outcome needs a claim, and no price is given.")]
