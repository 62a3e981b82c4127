"""How often control charts alarm without cause, and how well `shift` finds a step: simulated.

Run from the project's root: `python benchmarks/trends/alarms.py`. Rewrites the two tables beside it, in about
five minutes on one core.

`false_alarms.csv`: stable series; percentage with any signal, and percentage of which `shift` says something at
the end. `steps.csv`: 24 stable months, then a step and some months at the new level; percentage in which `shift`
says the right direction, and of those the percentage with exactly the right first month, and the mean error of
the first month in months. Standard errors are for the first percentage of a row. The u′ chart
alarms as p′ does: its limits are the same.
"""

from pathlib import Path

import numpy as np
import pandas as pd

from perflib.analysis import control_charts

HERE = Path(__file__).parent
SERIES = 20_000
SHIFTS = 1_000


def percentage(hits, digits=1):
    return round(100 * float(np.mean(hits)), digits)


def standard_error(hits):
    share = float(np.mean(hits))
    return round(100 * (share * (1 - share) / len(hits)) ** 0.5, 2)


def stable(random, series, size, months):
    """Values, and denominators or None, of one kind of stable series."""
    if series == "normal":
        return random.normal(size=(size, months)), None
    n, p, sd = {
        "n 250, p .30, monthly s.d. .04": (250, 0.30, 0.04),
        "n 250, p .30, chance alone": (250, 0.30, 0.0),
        "n 2000, p .025, chance alone": (2000, 0.025, 0.0),
        "n 100, p .03, chance alone": (100, 0.03, 0.0),
    }[series]
    denominators = np.full((size, months), float(n))
    return random.binomial(n, random.normal(p, sd, denominators.shape)) / denominators, denominators


def limits(chart, x, n, screen):
    if chart == "xmr":
        return control_charts._xmr(x, screen)
    if chart == "p":
        centre = x.mean(axis=1, keepdims=True)
        return centre, 3 * np.sqrt(centre * (1 - centre) / n)
    return control_charts._prime(x, n, screen)


def last_shift(chart, x, n, **options):
    """What `shift` says of one series."""
    months = pd.period_range("2018-01", periods=len(x), freq="M")
    if n is None:
        return control_charts.shift(control_charts.control_chart(pd.Series(x, months), **options))
    counts = pd.Series(np.round(x * n), months)
    return control_charts.shift(control_charts.control_chart(counts, pd.Series(n, months), chart, **options))


def false_alarms():
    cases = [("xmr", "normal", 24, length, screen) for length in (6, 7, 8) for screen in (False, True)]
    cases += [("xmr", "normal", months, 7, False) for months in (12, 36, 60)]
    for series in ("n 250, p .30, monthly s.d. .04", "n 250, p .30, chance alone"):
        cases += [(chart, series, 24, 7, False) for chart in ("p", "p_prime")]
    for series in ("n 2000, p .025, chance alone", "n 100, p .03, chance alone"):
        cases += [("p_prime", series, 24, 7, False)]
    for chart, series, months, run_length, screen in cases:
        random = np.random.default_rng(1)
        x, n = stable(random, series, SERIES, months)
        centre, half = limits(chart, x, n, screen)
        rule, _ = control_charts._signals(control_charts._off_centre(x, centre), half, run_length)
        hits = (rule > 0).any(axis=1)
        said = None
        if chart != "p":
            options = {"run_length": run_length, "screen": screen}
            rows = [None] * SHIFTS if n is None else n[:SHIFTS]
            said = percentage(
                [last_shift(chart, *row, **options) is not None for row in zip(x[:SHIFTS], rows, strict=True)]
            )
        yield {
            "chart": chart,
            "series": series,
            "months": months,
            "run_length": run_length,
            "screen": screen,
            "any_signal_pct": percentage(hits),
            "standard_error": standard_error(hits),
            "shift_said_pct": said,
        }


def steps():
    cases = [("xmr", "normal", step, after) for step in (1.5, 2, 3, 4) for after in (1, 3, 6, 12)]
    series = "n 2000, p .025, chance alone"
    cases += [("u_prime", series, share, after) for share in (0.75, 0.5) for after in (1, 3, 6, 12)]
    for chart, series, step, after in cases:
        random = np.random.default_rng(2)
        x, n = stable(random, series, SHIFTS, 24 + after)
        if n is None:
            x[:, 24:] -= step
        else:
            x[:, 24:] = random.binomial(2000, 0.025 * step, (SHIFTS, after)) / 2000
        rows = [None] * SHIFTS if n is None else n
        said = [last_shift(chart, *row) for row in zip(x, rows, strict=True)]
        error = np.array(
            [s.since.ordinal - pd.Period("2020-01", "M").ordinal for s in said if s and s.direction == "fell"]
        )
        yield {
            "chart": chart,
            "series": series,
            "step": f"{step:g} s.d. down" if n is None else f"to {step:.0%}",
            "months_after": after,
            "fall_said_pct": percentage([s is not None and s.direction == "fell" for s in said]),
            "standard_error": standard_error([s is not None and s.direction == "fell" for s in said]),
            "month_right_pct": percentage(error == 0),
            "mean_error_months": round(float(np.abs(error).mean()), 2),
        }


if __name__ == "__main__":
    for name, table in (("false_alarms", false_alarms()), ("steps", steps())):
        frame = pd.DataFrame(table)
        frame.to_csv(HERE / f"{name}.csv", index=False, lineterminator="\n")
        print(frame.to_string(index=False), end="\n\n")
