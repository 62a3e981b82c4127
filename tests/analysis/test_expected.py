"""Expected so far: delays corrected for right truncation, profiles moved by them, and limits that hold."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from perflib.analysis import cohorts, expected
from perflib.analysis.expected import Delay, by_recorded_month, change, compare, estimate, estimate_parts, so_far
from perflib.errors import ParameterError

TRUE = np.cumsum([0.2, 0.3, 0.2, 0.15, 0.1, 0.05])


def delayed(shares, seed=0, draws=expected.DRAWS) -> Delay:
    rng = np.random.default_rng(seed)
    rises = np.diff(shares, prepend=0.0)
    drawn = np.cumsum(rng.multinomial(400, rises, draws) / 400, axis=1)
    return Delay(np.asarray(shares, dtype=float), drawn, 400, "records", seed)


def by_chain_ladder(delays, longest, size):
    """D by development factors of the run-off triangle: cumulative counts by month of the event."""
    months = int(longest.max())
    cells = np.zeros((months + 1, size))
    np.add.at(cells, (months - longest, delays), 1)
    cumulative = cells.cumsum(axis=1)
    shares = np.ones(size)
    for k in range(size - 1, 0, -1):
        old = np.arange(months + 1) <= months - k
        shares[k - 1] = shares[k] * cumulative[old, k - 1].sum() / cumulative[old, k].sum()
    return shares


@given(st.integers(0, 2**32 - 1), st.integers(6, 40))
def test_shares_are_those_of_the_chain_ladder(seed, months):
    rng = np.random.default_rng(seed)
    longest = np.repeat(np.arange(months), 60)
    delays = np.searchsorted(TRUE, rng.random(len(longest)))
    seen = delays <= longest
    found = estimate(delays[seen], longest[seen], [1.0])
    size = len(found.shares)
    assert found.shares == pytest.approx(by_chain_ladder(delays[seen], longest[seen], size))


def test_the_estimate_is_right_on_average_and_what_ignores_truncation_is_not():
    rng = np.random.default_rng(1)
    found, naive = [], []
    for _ in range(300):
        longest = np.repeat(np.arange(12), 20)
        delays = np.searchsorted(TRUE, rng.random(len(longest)))
        seen = delays <= longest
        found.append(estimate(delays[seen], longest[seen], [1.0]).within(np.arange(6)))
        naive.append([(delays[seen] <= k).mean() for k in range(6)])
    error = np.std(found, axis=0) / np.sqrt(300)
    assert (np.abs(np.mean(found, axis=0) - TRUE) <= 4 * error + 1e-9).all()
    assert (np.mean(naive, axis=0)[:4] > TRUE[:4] + 0.03).all()


def test_the_draws_are_as_wide_as_the_estimate_varies():
    rng = np.random.default_rng(2)
    shares, spread = [], []
    for seed in range(300):
        longest = np.repeat(np.arange(15), 30)
        delays = np.searchsorted(TRUE, rng.random(len(longest)))
        seen = delays <= longest
        found = estimate(delays[seen], longest[seen], [1.0], seed=seed)
        shares.append(found.within(np.arange(5)))
        spread.append(found.draws[:, :5].std(axis=0))
    assert np.mean(spread, axis=0) == pytest.approx(np.std(shares, axis=0), rel=0.15)


def test_fewer_than_thirty_records_leave_the_programmes_own_delays():
    assert estimate(np.zeros(29, int), np.full(29, 9), [0.5, 1.0]).shares.tolist() == [0.5, 1.0]
    assert estimate(np.zeros(30, int), np.full(30, 9), [0.5, 1.0]).shares.tolist() == [1.0]


def test_what_is_too_recent_to_be_seen_is_as_the_programme_says():
    # all of this month and the last: no record can show a delay of two months
    found = estimate(np.zeros(60, int), np.repeat([0, 1], 30), [0.4, 0.8, 1.0])
    assert found.shares == pytest.approx([0.8, 0.8, 1.0])


@given(
    st.lists(st.floats(0, 1), min_size=1, max_size=12),
    st.lists(st.floats(0.01, 1), min_size=1, max_size=6),
)
def test_a_moved_profile_is_the_sum_of_its_rises_each_recorded_in_its_time(rises, weights):
    profile, shares = np.cumsum(rises), np.cumsum(weights) / np.sum(weights)
    moved = by_recorded_month(profile, shares)
    months = np.diff(shares, prepend=0.0)
    by_hand = [
        sum(rise * months[: a - j + 1].sum() for j, rise in enumerate(rises) if j <= a) for a in range(len(rises))
    ]
    assert moved == pytest.approx(by_hand)
    assert (moved <= profile + 1e-9).all()


@given(st.integers(1, 20), st.integers(0, 2**32 - 1))
def test_periods_add_up(months, seed):
    rng = np.random.default_rng(seed)
    happens = rng.gamma(2, 5, (3, months))
    each = [so_far(happens, TRUE, month, month) for month in range(months)]
    assert np.sum(each, axis=0) == pytest.approx(so_far(happens, TRUE))


def test_a_month_that_nothing_is_known_of_matters_only_while_it_is_being_recorded():
    happens = np.array([[np.nan, 5.0, 5.0, 5.0]])
    assert np.isnan(so_far(happens, [0.5, 1.0], 1, 1)).all()
    assert so_far(happens, [0.5, 1.0], 2, 3).tolist() == [10.0]


def test_limits_are_exact_where_delays_are_certain():
    found = compare([10, 3], [[8.0], [0.5]], expected.NO_DELAY)
    low, high = stats.chi2.ppf(0.025, [20, 6]) / 2, stats.chi2.ppf(0.975, [22, 8]) / 2
    assert found["lower"].to_numpy() == pytest.approx(low / [8, 0.5])
    assert found["upper"].to_numpy() == pytest.approx(high / [8, 0.5])
    assert found["status"].tolist() == ["in line", "above"]


def test_drawn_limits_are_the_exact_ones_where_delays_hardly_vary():
    almost = delayed([0.5, 1.0])
    draws = np.full((expected.DRAWS, 2), [0.5, 1.0])
    draws[0, 0] += 1e-9
    narrow = Delay(almost.shares, draws, 400, "records", 3)
    happens = np.array([[30.0, 40.0]])
    exact = compare([52], [[50.0]], expected.NO_DELAY).iloc[0]
    found = compare([52], happens, narrow).iloc[0]
    assert (found["lower"], found["upper"]) == pytest.approx((exact["lower"], exact["upper"]), rel=0.001)


def test_a_provider_on_its_profile_is_in_line_nineteen_times_in_twenty():
    rng = np.random.default_rng(4)
    lines = 0
    happens = np.full(24, 12.0)
    for seed in range(400):
        count = rng.poisson(happens)
        longest = np.repeat(np.arange(23, -1, -1), count)
        delays = np.searchsorted(TRUE, rng.random(len(longest)))
        seen = delays <= longest
        delay = estimate(delays[seen], longest[seen], [1.0], seed=seed)
        lines += compare([seen.sum()], happens[None], delay)["status"].iloc[0] == "in line"
    assert lines >= stats.binom.ppf(0.01, 400, 0.95)


def test_the_limits_are_wider_by_the_uncertainty_of_the_delays():
    happens = np.array([[0.0, 0.0, 400.0]])
    sure, unsure = expected.ON_PROFILE_CLOCK, delayed([0.3, 1.0])
    certain = compare([120], [[0.0, 0.0, 120.0]], sure).iloc[0]
    found = compare([120], happens, unsure).iloc[0]
    assert found["expected"] == pytest.approx(120)
    assert found["lower"] < certain["lower"]
    assert found["upper"] > certain["upper"]


def test_nothing_expected_yet_is_too_early_and_nothing_promised_is_no_profile():
    found = compare([0, 0, 1], [[0.0], [np.nan], [0.0]], expected.NO_DELAY)
    assert found["status"].tolist() == ["too early", "no profile", "above"]


def test_the_case_of_the_definition(make):
    """100 starts of January, 10 % by March; 70 % recorded in the month, the rest in the next."""
    delay = {"values": (0.7, 1.0), "source": "the definition", "invented": True}
    lines = [f"P{i} start=2018-01-15 job_outcome=2018-03-20/2018-0{3 if i < 7 else 4}-25" for i in range(10)]
    lines += [f"S{i} start=2018-01-15" for i in range(90)]
    profile = {"from": "2018-01", "values": [0, 0, 0.10], "source": "the definition"}
    for month, recorded, so_many in (("2018-03", 7, 7), ("2018-04", 10, 10)):
        snapshot = make(lines, month, profiles=[profile], recording_delay=[delay])
        row = cohorts.against_profile(snapshot).loc[pd.Period("2018-01", "M")]
        assert row[["starts", "recorded", "status"]].tolist() == [100, recorded, "in line"]
        assert row["expected"] == pytest.approx(so_many)
        assert cohorts.conversion(snapshot).iloc[0]["expected"] == pytest.approx(so_many)


def test_a_later_look_at_a_month_that_only_adds_late_records_changes_nothing(make):
    profile = {"from": "2018-01", "values": [0, 0, 0.10], "source": "none"}
    lines = [f"P{i} start=2018-01-15 job_outcome=2018-03-20/2018-04-25" for i in range(10)]
    then, later = (make(lines, "2018-03", known_at=day, profiles=[profile]) for day in ("2018-03-31", "2018-06-30"))
    assert cohorts.against_profile(then).equals(cohorts.against_profile(later))


def test_before_the_month_has_ended_the_one_before_is_compared(make):
    profile = {"from": "2018-01", "values": [0.1, 0.2], "source": "none"}
    lines = [f"P{i} start=2018-01-15 job_outcome=2018-02-10" for i in range(10)]
    snapshot = make(lines, "2018-02", known_at="2018-02-15", profiles=[profile])
    frame = cohorts.against_profile(snapshot)
    assert [str(month) for month in frame.index] == ["2018-01"]
    assert frame[["recorded", "expected"]].to_numpy().tolist() == [[0, 1.0]]
    early = make(lines, "2018-01", known_at="2018-01-20", profiles=[profile])
    assert cohorts.against_profile(early).empty
    assert cohorts.conversion(early)["status"].tolist()[:1] == ["too early"]


def test_a_profile_of_what_is_recorded_is_not_moved(make):
    profile = {"from": "2018-01", "values": [0, 0, 0.10], "source": "none"}
    delay = {"values": (0.7, 1.0), "source": "none"}
    lines = [f"P{i} start=2018-01-15" for i in range(100)]
    keys = {"profiles": [profile], "recording_delay": [delay], "profile_clock": "recorded"}
    assert cohorts.against_profile(make(lines, "2018-03", **keys))["expected"].iloc[0] == pytest.approx(10)


def test_participants_are_chosen_by_value_band_label_or_mask(make):
    snapshot = make(
        """
        A start=2018-01-15 age=52 sex=f customer_group=ltu
        B start=2018-01-15 age=30 sex=m customer_group=ltu
        C start=2018-01-15 age=64 sex=m customer_group=disability
        """,
        "2018-02",
    )
    old = cohorts.triangle(snapshot, where={"age": "50 and over"})
    assert old.starts.sum() == 2
    assert cohorts.triangle(snapshot, where={"age": "50 and over", "sex": "Male"}).starts.sum() == 1
    assert cohorts.triangle(snapshot, where={"customer_group": ["ltu", "disability"]}).starts.sum() == 3
    assert cohorts.triangle(snapshot, where=np.array([True, False, False])).starts.sum() == 1
    both = cohorts.triangle(snapshot, by=("sex", "customer_group")).starts
    assert both.groupby(level=["sex", "customer_group"]).sum().to_dict() == {
        ("f", "ltu"): 1,
        ("m", "disability"): 1,
        ("m", "ltu"): 1,
    }
    with pytest.raises(ParameterError, match="age has no '90'"):
        cohorts.triangle(snapshot, where={"age": "90"})


def recorded(rng, each, changed_at=None, months=27, slow=4.0, quick=1.0):
    """Months of events, and how many months later each is recorded, seen to the last month."""
    event = np.repeat(np.arange(months), each)
    mean = np.where(event >= (months if changed_at is None else changed_at), slow, quick)
    late = np.floor(rng.random(len(event)) + rng.exponential(mean)).astype(int)
    seen = event + late < months
    return event[seen], late[seen]


def test_delays_that_do_not_change_are_rarely_taken_for_changed():
    rng = np.random.default_rng(5)
    found = 0
    for _ in range(300):
        event, late = recorded(rng, 12)
        found += change(late, 26 - event) is not None
    assert found <= stats.binom(300, 0.05).ppf(0.999)


@pytest.mark.parametrize("changed_at", [8, 13, 18])
def test_a_change_of_delays_is_found_near_its_month(changed_at):
    rng = np.random.default_rng(6)
    found = []
    for _ in range(30):
        event, late = recorded(rng, 25, changed_at)
        found.append(change(late, 26 - event))
    assert None not in found
    assert abs(27 - np.median(found) - changed_at) <= 1


def test_a_provider_on_its_profile_is_in_line_when_delays_change_on_the_way():
    """25 outcomes a month are expected; from the fourteenth month on they are recorded four months late, not one."""
    rng, happens = np.random.default_rng(7), np.full((1, 27), 25.0)
    found, pooled = [], []
    for seed in range(100):
        event, late = recorded(rng, rng.poisson(happens[0]), 13)
        parts = estimate_parts(late, 26 - event, [1.0], "programme", seed, None, 26, 26)
        assert parts.earlier is not None
        found.append(compare([len(event)], happens, parts)["status"].iloc[0])
        pooled.append(compare([len(event)], happens, estimate(late, 26 - event, [1.0], seed=seed))["status"].iloc[0])
    assert found.count("in line") >= stats.binom(100, 0.95).ppf(0.001)
    assert pooled.count("in line") < 85


def test_each_part_of_a_changed_delay_is_applied_to_its_own_months():
    """Two months of ten: the first is recorded a month late, the second at once."""
    before = Delay(np.array([0.0, 1.0]), np.tile([0.0, 1.0], (expected.DRAWS, 1)), 50, "records", 0)
    now = replace(expected.NO_DELAY, earlier=before, since=101, last=101)
    happens = [10.0, 10.0]
    assert [float(now.expects(happens, month, month)) for month in (0, 1)] == [0.0, 20.0]
    assert [float(now.expects([*happens, 10.0], month, month, beyond=1)) for month in (0, 1, 2)] == [0.0, 20.0, 10.0]
    months = pd.PeriodIndex(pd.arrays.PeriodArray(np.array([100, 101]), dtype="period[M]"))
    assert now.share_recorded(months, months[0]) == 0.0
    assert now.share_recorded(months[1:], months[1]) == 1.0
    assert now.judged_from(months) == months[1]


def test_delays_that_nothing_shows_may_be_none_or_as_slow_as_the_allowance():
    """Nine recorded of twenty expected: below if the stated delays were sure, and not where they may be slower."""
    happens, stated = [[10.0, 10.0]], [0.9, 1.0]
    slow = expected.of_allowance(365)
    sure, unsure = (estimate(np.zeros(9, int), np.full(9, 1), stated, slowest=slowest) for slowest in (None, slow))
    assert sure.shares.tolist() == pytest.approx(unsure.shares[:2].tolist())
    assert compare([9], happens, sure)["status"].tolist() == ["below"]
    assert compare([9], happens, unsure)["status"].tolist() == ["in line"]
    assert (unsure.draws[:, 0] == 1).any()
