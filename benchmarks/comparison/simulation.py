"""How often units are called different that are not, and found that are: 40 units of 30 to 400 cases.

Run from the project's root: `python benchmarks/comparison/simulation.py`. Rewrites `simulation.csv` beside it, in a few
minutes on one core. Each row is 1,000 contracts; `error` is the Monte Carlo standard error of `value`.

Every case has a characteristic (half the odds for those who have it, 20 to 60 % of a unit's cases) and began in one of
three months, which reached it to 10, 25 and 40 %. Units differ by a normal effect on the logit with s.d. `spread`. In
the planted scenarios two units, of 150 and 300 cases, have an effect of -.7 besides (half the odds).

- `false 95`, `false 99.8`: equal units beyond the limit of that name, by mid-P value (nominal .05, .002).
- `line 95`, `line 99.8`: equal units beyond the line that is drawn (Spiegelhalter's interpolated limit).
- `false signals a contract`: equal units signalled at a false discovery rate of 5 %, a contract.
- `n = 10 ...`: the same for units of 10 cases with a known chance from .1 to .5; `arcsine` for contrast.
- `power ...`: planted units found, by the limit, by the false discovery rate, and by the limits that allow for spread:
  with winsorised and corrected overdispersion, and without winsorising. `false ... spread`: others beyond those.
- `rmse raw`, `rmse shrunken`: of the rates that a unit would have with everybody's caseload, as observed over expected
  and as shrunken; `coverage`: of their 95 % intervals, and of the ranks'; `places`: mean width of a rank interval.
"""

from pathlib import Path

import numpy as np
import pandas as pd
from scipy import special, stats

from perflib.analysis.comparison import compare_cases, funnel

CONTRACTS, UNITS = 1000, 40
PLANTED = {0: 150, 1: 300}
EFFECT = -0.7


def contract(random, spread, planted):
    """Return the cases of a contract, and its units' effects."""
    sizes = random.integers(30, 401, UNITS)
    true = spread * random.standard_normal(UNITS)
    if planted:
        sizes[list(PLANTED)] = list(PLANTED.values())
        true[list(PLANTED)] += EFFECT
    unit = np.repeat(np.arange(UNITS), sizes)
    harder = random.random(len(unit)) < np.repeat(random.uniform(0.2, 0.6, UNITS), sizes)
    month = random.integers(0, 3, len(unit))
    chance = special.expit(special.logit([0.10, 0.25, 0.40])[month] - np.log(2) * harder + true[unit])
    rows = pd.DataFrame({"unit": unit, "cohort": month, "reached": random.random(len(unit)) < chance, "harder": harder})
    return rows.astype({"unit": "category", "harder": "category"}), true


def measured(rows, true, planted, seed):
    """Return what is counted of one contract."""
    found = compare_cases(rows, ["harder"], seed=seed)
    units = found.units.sort_index()
    equal = ~np.isin(np.arange(UNITS), list(PLANTED)) if planted else np.ones(UNITS, dtype=bool)
    unit, chance = rows["unit"].cat.codes, found.case_mix.chance
    n, rate = funnel.matched(np.bincount(unit, chance), np.bincount(unit, chance**2))
    others = 1 - units["own"].to_numpy()
    n = n / others
    plain = funnel.overdispersion(units["observed"] / others, n, rate, winsorised=0)
    low, high = (limit / rate for limit in plain.limits(n, rate, 0.998))
    far = units["outside"].str.endswith("99.8").to_numpy()
    rates = special.expit(special.logit(found.reference) + true - np.average(true, weights=units["n"]))
    ranks = (-true).argsort().argsort() + 1
    values = {
        "false 95": (units["outside"] != "")[equal].mean(),
        "false 99.8": far[equal].mean(),
        "line 95": (~units["ratio"].between(units["lower_95"], units["upper_95"]))[equal].mean(),
        "line 99.8": (~units["ratio"].between(units["lower_998"], units["upper_998"]))[equal].mean(),
        "false signals a contract": (units["signal"] != "")[equal].sum(),
        "false 99.8 spread": units["outside_spread"].str.endswith("99.8")[equal].mean(),
        "false 99.8 spread, not winsorised": (~units["ratio"].between(low, high))[equal].mean(),
        "rmse raw": np.square(units["ratio"] * found.reference - rates).mean(),
        "rmse shrunken": np.square(units["shrunk"] - rates).mean(),
        "coverage of rates": units["shrunk_lower"].le(rates).mul(units["shrunk_upper"].ge(rates)).mean(),
        "places of a rank interval": (units["rank_upper"] - units["rank_lower"] + 1).mean(),
    }
    if planted:
        below = units[~equal]
        values |= {
            "power 99.8": (below["outside"] == "below 99.8").mean(),
            "power signal": (below["signal"] == "below").mean(),
            "power 99.8 spread": (below["outside_spread"] == "below 99.8").mean(),
            "power 99.8 spread, not winsorised": (below["ratio"] < low[~equal]).mean(),
        }
    if len(set(true)) == UNITS:
        values["coverage of ranks"] = units["rank_lower"].le(ranks).mul(units["rank_upper"].ge(ranks)).mean()
    return values


def tiny():
    """Return the exact rates of false signals of units of 10, averaged over chances from .1 to .5."""
    n, count = 10, np.arange(11)
    rates = {}
    for level in (0.95, 0.998):
        name = f"{100 * level:g}"
        for chance in np.linspace(0.1, 0.5, 81):
            weight = stats.binom.pmf(count, n, chance)
            low, high = funnel.limits(n, chance, level)
            z = (np.arcsin(np.sqrt(count / n)) - np.arcsin(np.sqrt(chance))) * 2 * np.sqrt(n)
            beyond = {
                "mid-P": funnel.mid_p(count, n, chance) < 1 - level,
                "line": (count / n < low) | (count / n > high),
                "arcsine": np.abs(z) > stats.norm.ppf((1 + level) / 2),
            }
            for rule, flags in beyond.items():
                rates.setdefault(f"n = 10, {rule} {name}", []).append(weight[flags].sum())
    return {name: np.mean(values) for name, values in rates.items()}


def main():
    tables = [pd.Series(tiny(), name="value").rename_axis("measure").reset_index().assign(scenario="exact")]
    for spread in (0.0, 0.25):
        for planted in (False, True):
            random = np.random.default_rng([6, int(100 * spread), planted])
            rows = []
            for seed in range(CONTRACTS):
                cases, true = contract(random, spread, planted)
                rows.append(measured(cases, true, planted, seed))
            frame = pd.DataFrame(rows)
            value, error = frame.mean(), frame.std() / np.sqrt(CONTRACTS)
            for name in ("rmse raw", "rmse shrunken"):
                error[name] /= 2 * np.sqrt(value[name])
                value[name] **= 0.5
            scenario = f"spread {spread:g}" + (", two planted" if planted else "")
            tables.append(pd.DataFrame({"scenario": scenario, "measure": value.index, "value": value, "error": error}))
    table = pd.concat(tables)[["scenario", "measure", "value", "error"]].round(4)
    table.to_csv(Path(__file__).with_name("simulation.csv"), index=False)
    print(table.to_string(index=False))


if __name__ == "__main__":
    main()
