"""How long the clocks of a million referrals take, beside one `numpy.busday_count` over the same referrals.

Run from the project's root: `python benchmarks/standards/speed.py`. Rewrites `speed.csv` beside it, in about half a
minute. Each task is run fifteen times in turn with numpy's call, after a first run that is not counted. Times are of
the processor, so that other work on the machine matters little; `ratio` is the median of the fifteen ratios.

- `clocks`: the state of every referral under each of the Work and Health Programme's seven standards.
- `cases`: the same as one table of seven million rows.
- `measure`: counts, rates, and the slowest case of each.
- `backlog`: a backlog at every month end, its three shares and its oldest.
"""

from datetime import date
from pathlib import Path
from time import process_time

import numpy as np
import pandas as pd

from perflib.analysis import standards
from perflib.analysis.standards.clocks import Journeys, run
from perflib.records.snapshot import Snapshot
from perflib.rules.calendar import working_days
from perflib.rules.contract import load_contract

REFERRALS = 1_000_000
ROUNDS = 15
FIRST, LAST = np.datetime64("2018-01-15"), np.datetime64("2022-02-28")
MISSING = np.datetime64("NaT", "s")


def million():
    """A snapshot of referrals over four years: nine in ten resolved, most of them in time."""
    random = np.random.default_rng(20180115)
    contract = load_contract("whp-sample")
    referral = (FIRST + random.integers(0, (LAST - FIRST).astype(int), REFERRALS)).astype("datetime64[s]")

    def later(begun, days, happened):
        return np.where(happened, begun + random.integers(0, days, REFERRALS) * np.timedelta64(86_400, "s"), MISSING)

    result, agreed, sent = random.random(REFERRALS), random.random(REFERRALS), random.random(REFERRALS)
    start = later(referral, 25, result < 0.65)
    signed = later(start, 3, result < 0.65)
    dates = {
        "referral": referral,
        "acknowledged": later(referral, 5, result < 0.99),
        "start": start,
        "did_not_attend": later(referral, 25, (result >= 0.65) & (result < 0.80)),
        "did_not_start": later(referral, 25, (result >= 0.80) & (result < 0.90)),
        "action_plan_agreed": later(start, 15, agreed < 0.95),
        "esf1420_signed": signed,
        "esf1420_sent": later(signed, 9, sent < 0.97),
    }
    columns = {"referral_id": pd.Series(np.arange(REFERRALS).astype("U7"), dtype="str")}
    for event, happened in dates.items():
        columns |= {event: happened, f"{event}_recorded": later(happened, 5, ~np.isnat(happened))}
    return Snapshot(
        contract, pd.Period(str(LAST)[:7], "M"), LAST.item(), date(2018, 1, 15), pd.DataFrame(columns), None, None, {}
    )


def timed(call):
    begun = process_time()
    call()
    return process_time() - begun


def main():
    snapshot = million()
    journeys = snapshot.journeys
    calendar = np.busdaycalendar(holidays=working_days("ENG").holidays)
    begun = journeys["referral"].to_numpy().astype("datetime64[D]")
    ended = journeys["start"].fillna(pd.Timestamp(LAST)).to_numpy().astype("datetime64[D]")

    def clocks():
        known = Journeys(snapshot)
        return [run(known, name) for name in snapshot.contract.standards]

    tasks = {
        "clocks": clocks,
        "cases": lambda: standards.cases(snapshot),
        "measure": lambda: standards.measure.__wrapped__(snapshot),  # each call anew
        "backlog": lambda: standards.backlog(snapshot),
    }
    rows = []
    for name, task in tasks.items():
        task()
        pairs = [(timed(task), timed(lambda: np.busday_count(begun, ended, busdaycal=calendar))) for _ in range(ROUNDS)]
        own, numpys = np.median(pairs, axis=0)
        ratio = np.median([mine / its for mine, its in pairs])
        rows.append((name, round(1000 * own), round(1000 * numpys), round(ratio, 1)))
    table = pd.DataFrame(rows, columns=["task", "milliseconds", "busday_count_milliseconds", "ratio"])
    table.to_csv(Path(__file__).with_name("speed.csv"), index=False)
    print(table.to_string(index=False))


if __name__ == "__main__":
    main()
