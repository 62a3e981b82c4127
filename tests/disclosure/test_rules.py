"""The disclosure rules, and attempts to get round them."""

from html import escape

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import LinearConstraint, milp

from perflib.disclosure.columns import count, number, percent, percent_words, status, text
from perflib.disclosure.names import Names
from perflib.disclosure.presenter import Presenter, Table
from perflib.disclosure.rules import Disclosure
from perflib.errors import DisclosureError

TEN = Disclosure("external", suppress_below=10)
FIVES = Disclosure("external", round_to=5)


def shown(rule, data, columns, **totals):
    disclosed = rule.apply(pd.DataFrame(data), columns, **totals)
    return disclosed.frame.where(~disclosed.hidden, "[c]")


def test_counts_from_1_to_9_are_hidden_below_10_and_zero_is_shown():
    table = shown(TEN, {"g": list("abcd"), "n": [0, 1, 9, 10]}, {"g": text("g"), "n": count("n")})
    assert table["n"].tolist() == [0, "[c]", "[c]", 10]


@pytest.mark.requirement("WL-23")
def test_a_rate_is_hidden_with_its_numerator_and_with_its_denominator():
    data = {"g": list("abc"), "n": [3, 0, 40], "d": [60, 8, 160]}
    table = shown(TEN, data, {"g": text("g"), "rate": percent("rate", "n", "d")})
    assert table["rate"].tolist() == ["[c]", "[c]", 0.25]


def test_a_rate_is_hidden_where_few_are_left_over_and_the_numerator_with_it():
    # 155 of 160 leaves 5, which anybody can subtract; a ratio to a target leaves nobody over.
    data = {"g": ["a"], "n": [155], "d": [160]}
    share = shown(TEN, data, {"g": text("g"), "n": count("n"), "d": count("d"), "r": percent("r", "n", "d")})
    ratio = shown(TEN, data, {"g": text("g"), "n": count("n"), "d": count("d"), "r": number("r", "n", "d")})
    assert share.loc[0, ["n", "d", "r"]].tolist() == ["[c]", 160, "[c]"]
    assert ratio.loc[0, ["n", "d", "r"]].tolist() == [155, 160, 155 / 160]


def test_what_is_made_of_a_hidden_number_is_hidden_at_any_remove():
    columns = {
        "g": text("g"),
        "expected": number("expected", of=("starts",), people=True),
        "difference": number("difference", of=("outcomes", "expected"), make=lambda f: f["outcomes"] - f["expected"]),
        "rating": status("rating", of=("difference",)),
        "target": number("target"),
    }
    data = {"g": ["a"], "starts": [7], "outcomes": [12], "expected": [9.5], "rating": ["Red"], "target": [4.0]}
    table = shown(TEN, data, columns)
    assert table.loc[0, ["expected", "difference", "rating", "target"]].tolist() == ["[c]", "[c]", "[c]", 4.0]


def test_a_value_that_is_not_there_is_not_marked_as_hidden():
    data = {"g": ["a"], "n": [np.nan], "d": [4]}
    disclosed = TEN.apply(pd.DataFrame(data), {"g": text("g"), "r": percent("r", "n", "d")})
    assert not disclosed.hidden["r"].any()
    assert disclosed.frame["r"].isna().all()


def test_a_rate_the_caller_left_out_is_not_worked_out_again():
    data = {"g": ["a", "b"], "n": [20, 20], "d": [40, 40], "r": [0.5, np.nan]}
    table = TEN.apply(pd.DataFrame(data), {"g": text("g"), "r": percent("r", "n", "d")}).frame
    assert table["r"].tolist() == [0.5, pytest.approx(np.nan, nan_ok=True)]


def test_one_small_part_of_a_total_takes_the_next_smallest_with_it():
    # 3 is 55 - 40 - 12 otherwise; zero is known to be shown, so it cannot cover for 3.
    data = {"g": ["a", "b", "c", "d", "All"], "n": [3, 40, 12, 0, 55]}
    table = shown(TEN, data, {"g": text("g"), "n": count("n")}, total="All")
    assert table["n"].tolist() == ["[c]", 40, "[c]", 0, 55]


def test_small_parts_that_add_up_to_too_little_take_another_with_them():
    # 2 + 3 would be known to be 5, so neither could be more than 4; with 20 each may be anything up to 9.
    data = {"g": ["a", "b", "c", "d", "All"], "n": [2, 3, 20, 30, 55]}
    table = shown(TEN, data, {"g": text("g"), "n": count("n")}, total="All")
    assert table["n"].tolist() == ["[c]", "[c]", "[c]", 30, 55]


def test_two_small_parts_that_cover_for_each_other_take_nothing_with_them():
    data = {"g": ["a", "b", "c", "All"], "n": [6, 7, 20, 33]}
    table = shown(TEN, data, {"g": text("g"), "n": count("n")}, total="All")
    assert table["n"].tolist() == ["[c]", "[c]", 20, 33]


def test_a_total_column_is_protected_like_a_total_row():
    columns = {"g": text("g"), "met": count("met"), "late": count("late"), "all": count("all", parts=("met", "late"))}
    table = shown(TEN, {"g": ["a"], "met": [40], "late": [3], "all": [43]}, columns)
    assert table.loc[0].tolist() == ["a", "[c]", "[c]", 43]


def test_blocks_of_rows_each_add_up_to_the_total():
    data = {
        "g": ["All", "Women", "Men", "18 to 24", "25 to 49", "50 and over"],
        "by": ["", "sex", "sex", "age", "age", "age"],
        "n": [100, 4, 96, 30, 30, 40],
    }
    columns = {"g": text("g"), "n": count("n")}
    table = shown(TEN, data, columns, total="All", within="by")
    assert table["n"].tolist() == [100, "[c]", "[c]", 30, 30, 40]


def test_parts_that_do_not_add_up_are_refused_without_saying_by_how_much():
    data = {"g": ["a", "b", "All"], "n": [3, 40, 48]}
    with pytest.raises(DisclosureError, match="row 3, column 'n': the parts do not add up") as error:
        TEN.apply(pd.DataFrame(data), {"g": text("g"), "n": count("n")}, total="All")
    assert "48" not in str(error.value)


def test_individuals_counted_in_several_rows_need_not_add_up():
    data = {"g": ["a", "b", "All"], "n": [30, 40, 60]}
    table = shown(TEN, data, {"g": text("g"), "n": count("n", adds_up=False)}, total="All")
    assert table["n"].tolist() == [30, 40, 60]


def test_counts_are_rounded_halves_up_and_rates_are_of_rounded_counts():
    # 13 of 67 is 19.4%, from which 13 and 67 can be found; 15 of 65 is 23%.
    data = {"g": ["a"], "n": [13], "d": [67]}
    columns = {"g": text("g"), "n": count("n"), "d": count("d"), "r": percent("r", "n", "d")}
    disclosed = FIVES.apply(pd.DataFrame(data), columns)
    assert disclosed.frame.loc[0, ["n", "d", "r"]].tolist() == [15, 65, 15 / 65]
    assert disclosed.columns["r"].text(15 / 65) == "23%"
    assert Disclosure(round_to=10).count(25) == "30"


def test_expected_numbers_are_rounded_as_counts_are_and_differences_are_of_rounded_numbers():
    data = {"g": ["a"], "starts": [100], "outcomes": [52], "expected": [43.2], "days": [12.34]}
    columns = {
        "g": text("g"),
        "difference": number("d", of=("outcomes",), make=lambda f: f["outcomes"] - f["expected"], people=True),
        "expected": number("e", of=("starts",), people=True),
        "days": number("days", of=("starts",)),
    }
    disclosed = FIVES.apply(pd.DataFrame(data), columns)
    assert disclosed.frame.loc[0, ["expected", "difference", "days"]].tolist() == [45, 5, 12.34]
    assert disclosed.columns["expected"].text(45.0) == "45"


def test_without_a_rule_nothing_is_hidden_or_rounded():
    data = {"g": ["a", "All"], "n": [3, 3]}
    table = shown(Disclosure(), data, {"g": text("g"), "n": count("n")}, total="All")
    assert table["n"].tolist() == [3, 3]


def test_sentences_follow_the_same_rule():
    rule = Disclosure("external", suppress_below=10, round_to=5)
    assert rule.count(9) == "fewer than 10"
    assert rule.count(np.nan) == "not available"
    assert rule.percent(20, 0) == "not available"
    assert rule.percent(8, 100) == rule.percent(95, 100) == "not shown (fewer than 10)"
    assert rule.number(1.23, of=(4, 100)) == "not shown (fewer than 10)"
    assert rule.number(-13.2, of=(40, 100), people=True, signed=True) == "−15"
    assert Disclosure().number(1234.56, places=1, signed=True) == "+1,234.6"


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        (lambda: Disclosure(suppress_below=2), "2 would hide"),
        (lambda: Disclosure(suppress_below=-1), "suppress_below is -1"),
        (lambda: Disclosure(round_to=0), "round_to is 0"),
        (lambda: shown(TEN, {"n": [-3]}, {"n": count("n")}), "'n' is a count"),
        (lambda: shown(TEN, {"n": [3.5]}, {"n": count("n")}), "'n' is a count"),
        (lambda: shown(TEN, {"n": [3]}, {"m": count("m")}), "'m' is not in the frame"),
        (lambda: shown(TEN, {"n": [3]}, {"r": percent("r", "n", "d")}), "'d' is not in the frame"),
        (lambda: shown(TEN, {"g": ["a"], "n": [3]}, {"g": text("g"), "n": count("n")}, total="All"), "has it in 0"),
        (lambda: shown(TEN, {"n": [3], "m": [3.5]}, {"n": count("n", parts=("m",))}), "its part 'm' is not a count"),
    ],
)
def test_a_wrong_rule_or_table_is_one_line_that_names_the_fault(fault, says):
    with pytest.raises(DisclosureError, match=says) as error:
        fault()
    assert "\n" not in str(error.value)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 15), min_size=1, max_size=6), st.integers(3, 8))
def test_no_part_can_be_found_by_subtracting_from_its_total(parts, below):
    """k hidden parts of at least 1 that leave R can hold v in one of them if, and only if, R - v >= k - 1."""
    rule = Disclosure("external", suppress_below=below)
    data = {"g": [*map(str, range(len(parts))), "All"], "n": [*parts, sum(parts)]}
    printed = shown(rule, data, {"g": text("g"), "n": count("n")}, total="All")["n"].tolist()
    assert all(value == "[c]" for value, exact in zip(printed, data["n"], strict=True) if 0 < exact < below)
    if printed[-1] == "[c]":
        return
    hidden = printed[:-1].count("[c]")
    left = int(printed[-1] - sum(value for value in printed[:-1] if value != "[c]"))
    if any(0 < exact < below for exact in parts):
        feasible = [v for v in range(1, left + 1) if (left - v >= hidden - 1 if hidden > 1 else v == left)]
        assert set(range(1, below)) <= set(feasible)


@settings(max_examples=30, deadline=None)
@given(st.data())
def test_no_small_count_can_be_found_from_rows_columns_and_rates_together(data):
    """An intruder sets up all that is printed as equations in whole numbers, and asks what each small count may be."""
    below = data.draw(st.integers(3, 6))
    height, width = data.draw(st.integers(1, 4)), data.draw(st.integers(2, 3))
    inner = np.array(data.draw(st.lists(st.integers(0, 12), min_size=height * width, max_size=height * width)))
    table = inner.reshape(height, width)
    table = np.column_stack([table, table.sum(axis=1)])
    table = np.vstack([table, table.sum(axis=0)])
    keys = [f"c{i}" for i in range(width)]
    frame = pd.DataFrame(table, columns=[*keys, "all"])
    frame.insert(0, "g", [*map(str, range(height)), "All"])
    columns = {"g": text("g"), **{key: count(key) for key in keys}, "all": count("all", parts=keys)}
    columns["rate"] = percent("rate", "c0", "all")
    disclosed = Disclosure("external", suppress_below=below).apply(frame, columns, total="All")
    printed = disclosed.frame[[*keys, "all"]].to_numpy(dtype=float).ravel()
    assert np.isnan(printed[((table > 0) & (table < below)).ravel()]).all()

    place = np.arange(table.size).reshape(table.shape)
    equations = np.zeros((height + 1 + width + 1, table.size))
    for row in range(height + 1):
        equations[row, place[row]] = [*[1] * width, -1]
    for column in range(width + 1):
        equations[height + 1 + column, place[:, column]] = [*[1] * height, -1]
    closed = LinearConstraint(equations, 0, 0)

    def extreme(cell, most, shown):
        """Return the least or most that a cell can be, `below` standing for anything more."""
        low, high = np.where(np.isnan(shown), 1, shown), np.where(np.isnan(shown), np.inf, shown)
        high[cell] = min(high[cell], below)
        goal = np.zeros(table.size)
        goal[cell] = -1 if most else 1
        found = milp(goal, integrality=np.ones(table.size), bounds=(low, high), constraints=[closed])
        return round(abs(found.fun))

    for cell in np.flatnonzero((table > 0) & (table < below)):
        if_all_were_hidden = np.where(table.ravel() > 0, np.nan, 0)
        assert extreme(cell, False, printed) == extreme(cell, False, if_all_were_hidden)
        assert extreme(cell, True, printed) >= below - 1


@pytest.mark.parametrize(
    ("part", "whole", "places", "written", "kept"),
    [
        (6669, 6672, 1, "99.9%", 0.999),
        (6672, 6672, 1, "100.0%", 1),
        (1, 6000, 1, "<0.1%", 0.001),
        (0, 6000, 1, "0.0%", 0),
        (2, 6000, 1, "<0.1%", 0.001),
        (6, 6000, 1, "0.1%", 0.001),
        (999, 1000, 0, "99%", 0.99),
        (4, 1000, 0, "<1%", 0.01),
        (1, 3, 1, "33.3%", 0.333),
    ],
)
def test_a_rounded_share_never_reaches_what_was_not_reached(part, whole, places, written, kept):
    column = percent("Share", "part", "whole", places=places)
    assert column.text(part / whole) == written
    assert column.value(part / whole) == pytest.approx(kept)
    assert Disclosure().percent(part, whole, places=places) == written
    frame = pd.DataFrame({"name": ["A"], "part": [part], "whole": [whole]})
    shown = Presenter(Disclosure()).table(Table(frame, "Shares", {"name": text("Name"), "share": column}))
    assert f">{escape(written)}</td>" in shown.html


@given(part=st.integers(0, 10**5), whole=st.integers(1, 10**5), places=st.integers(0, 3))
def test_only_nobody_is_nought_and_only_everybody_a_hundred(part, whole, places):
    part = min(part, whole)
    written = percent_words(part / whole, places)
    assert (written.strip("%") == f"{0:.{places}f}") == (part == 0)
    assert (written.strip("%") == f"{100:.{places}f}") == (part == whole)


@given(part=st.integers(0, 10**4), whole=st.integers(1, 10**4), target=st.integers(0, 100))
def test_a_share_beside_its_target_looks_like_it_only_where_it_is(part, whole, target):
    part = min(part, whole)
    written = percent_words(part / whole, 1, target=target / 100).strip("<%")
    if 100 * part != target * whole and 0 < target < 100 and abs(part / whole - target / 100) > 1e-5:
        assert float(written) != target


@pytest.mark.parametrize(
    ("units", "called"),
    [
        (["Alpha", "Beta", "Gamma", "All"], ["Unit 2", "Unit 9", "Unit 10", "All"]),  # by name: sorted anew
        (["Alpha", "Alpha", "Beta", "Beta"], ["Unit 9", "Unit 9", "Unit 10", "Unit 10"]),
        (["Beta", "Alpha", "Gamma"], ["Unit 9", "Unit 10", "Unit 2"]),  # by a rate: kept
    ],
)
def test_rows_in_the_order_of_names_do_not_tell_outside_which_unit_is_which(units, called):
    names = Names({"Alpha": "Unit 10", "Beta": "Unit 9", "Gamma": "Unit 2"})
    frame = pd.DataFrame({"unit": units, "n": range(20, 20 + len(units))})
    columns = {"unit": text("Unit", names=names), "n": count("n")}
    outside, inside = (Disclosure("any", names=seen).apply(frame, columns).frame for seen in (False, True))
    assert outside["unit"].tolist() == called
    assert inside["unit"].tolist() == units
    if called[-1] == "All":
        assert outside["n"].tolist() == [22, 21, 20, 23]
