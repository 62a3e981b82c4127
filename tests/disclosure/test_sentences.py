"""Sentences: each value as its type discloses it, and no number that no type discloses."""

from datetime import date

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from perflib.disclosure.rules import Disclosure
from perflib.disclosure.sentences import (
    Amount,
    ByAudience,
    ByNumber,
    Count,
    Day,
    FirstOf,
    IfShown,
    Listed,
    Month,
    Name,
    Plain,
    Share,
    as_text,
    name_list,
    sentence,
)

INSIDE = Disclosure()
OUTSIDE = Disclosure("external", suppress_below=10, round_to=5, names=False)


@pytest.mark.parametrize(
    ("value", "inside", "outside"),
    [
        (Count(1234), "1,234", "1,235"),
        (Count(9), "9", "fewer than 10"),
        (Count(np.int64(0)), "0", "0"),
        (Count(np.nan), "not available", "not available"),
        (Share(40, 160), "25%", "25%"),
        (Share(155, 160), "97%", "not shown (fewer than 10)"),  # five are left over
        (Share(12, 121, places=1), "9.9%", "8.3%"),  # 10 of 120
        (Share(404, 10_000, places=1), "4.0%", "4.0%"),  # 405 of 10,000 outside
        (Share(404, 10_000, places=1, target=0.04), "4.04%", "4.05%"),
        (Amount(504.2, people=True, places=0), "504", "505"),
        (Amount(504.2, of=(9,), people=True, places=0), "504", "not shown (fewer than 10)"),
        (Amount(-3.24, of=(40,), signed=True), "−3.2", "−3.2"),
        (Plain(1500), "1,500", "1,500"),
        (Plain(0.075, percent=True), "7.5%", "7.5%"),
        (Plain(np.float64(0.949), 0, percent=True), "95%", "95%"),
        (Plain(0.9999, 0, percent=True), "99%", "99%"),  # rounding reaches nothing that was not reached
        (Plain(0.9499, 0, percent=True, target=0.95), "94.99%", "94.99%"),
        (Plain(None), "not available", "not available"),
        (Name("SC05", "Subcontractor 3"), "SC05", "Subcontractor 3"),
        (Month(pd.Period("2020-06", "M")), "June 2020", "June 2020"),
        (Day(date(2020, 6, 3)), "3 June 2020", "3 June 2020"),
        (Listed([Count(9), Count(40), Name("x")]), "9, 40 and x", "fewer than 10, 40 and x"),
        (name_list(["a", "b", "c"], "; ", "; or "), "a; b; or c", "a; b; or c"),
        (sentence("{n} of {all}", n=Count(9), all=Count(41)), "9 of 41", "fewer than 10 of 40"),
    ],
)
def test_a_value_is_written_as_its_type_discloses_it(value, inside, outside):
    assert (value.words(INSIDE), value.words(OUTSIDE)) == (inside, outside)


def test_a_number_is_worked_out_from_the_counts_as_they_are_shown():
    ratio = Amount(lambda seen, due: 100 * seen / due, of=(12,), beside=(48.0,), places=1)
    assert ratio.words(INSIDE) == "25.0"
    assert ratio.words(OUTSIDE) == "20.0"  # 10 of 50


@pytest.mark.parametrize("value", [9, 9.5, np.int64(9), "9", "nine", None, True, pd.Period("2020-06", "M")])
def test_a_bare_value_is_refused(value):
    with pytest.raises(TypeError):
        sentence("outcomes recorded: {n}.", n=value)
    with pytest.raises(TypeError):
        Listed([value])
    with pytest.raises(TypeError):
        as_text([value] if value is not None else [9], INSIDE)


@pytest.mark.parametrize(
    "make",
    [
        lambda: Count(-1),
        lambda: Count(1.5),
        lambda: Count("9"),
        lambda: Count(True),
        lambda: Amount(9),  # of what counts is not said
        lambda: Plain("9"),
        lambda: Name(9),
        lambda: sentence("{n} of {m}", n=Count(1)),
        lambda: sentence("{n}", n=Count(1), m=Count(2)),
        lambda: sentence("{n:.2f}", n=Count(1)),
        lambda: sentence("{n!r}", n=Count(1)),
    ],
)
def test_what_cannot_be_disclosed_or_written_is_refused_where_it_is_made(make):
    with pytest.raises(TypeError):
        make()


def test_the_number_that_the_table_beside_it_hides_is_not_in_the_sentence():
    recorded = sentence("Method: Milestones; outcomes recorded: {recorded}.", recorded=Count(9))
    assert as_text(recorded, OUTSIDE) == ["Method: Milestones; outcomes recorded: fewer than 10."]


def test_a_figure_that_begins_a_sentence_has_a_capital_and_no_other_word_is_changed():
    few = sentence("{n} started.", n=Count(3))
    assert as_text(few, OUTSIDE) == ["Fewer than 10 started."]
    assert as_text(sentence("{few}", few=few), OUTSIDE) == ["Fewer than 10 started."]
    assert as_text(sentence("So far {few}", few=few), OUTSIDE) == ["So far fewer than 10 started."]
    assert as_text(sentence("{unit} started.", unit=Name("a team")), OUTSIDE) == ["a team started."]


def test_words_depend_on_what_may_be_shown():
    choice = IfShown(Count(9), sentence("shown"), sentence("hidden"))
    assert (choice.words(INSIDE), choice.words(OUTSIDE)) == ("shown", "hidden")
    share = IfShown(Share(155, 160), sentence("shown"))
    assert (share.words(INSIDE), share.words(OUTSIDE)) == ("shown", None)
    any_hidden = IfShown([Count(40), Count(9)], None, sentence("Some are not shown."))
    assert (as_text(any_hidden, INSIDE), as_text(any_hidden, OUTSIDE)) == ([], ["Some are not shown."])
    audience = ByAudience(sentence("inside"), sentence("outside"))
    assert (audience.words(INSIDE), audience.words(OUTSIDE)) == ("inside", "outside")


def test_the_number_of_items_that_are_said_decides_between_its_and_their():
    levels = [IfShown(Count(40), sentence("one level")), IfShown(Count(9), sentence("another"))]
    said = sentence(
        "Below {whose} profile: {levels}.",
        whose=ByNumber(levels, sentence("its"), sentence("their")),
        levels=Listed(levels),
    )
    assert as_text(said, INSIDE) == ["Below their profile: one level and another."]
    assert as_text(said, OUTSIDE) == ["Below its profile: one level."]


def test_a_list_that_begins_a_sentence_with_a_figure_has_a_capital():
    said = sentence("{parts} are not used.", parts=Listed([sentence("{n} rows", n=Count(9)), sentence("more")]))
    assert as_text(said, OUTSIDE) == ["Fewer than 10 rows and more are not used."]


def test_a_sentence_without_anything_to_say_is_left_out_and_so_is_an_item_of_a_list():
    levels = Listed([IfShown(Count(n), sentence("{n}", n=Count(n))) for n in (4, 40, 50)])
    below = sentence("Below: {levels}.", levels=levels)
    assert as_text([below], OUTSIDE) == ["Below: 40 and 50."]
    none = sentence("Below: {levels}.", levels=Listed([IfShown(Count(4), sentence("four"))]))
    assert as_text([none, below], OUTSIDE) == ["Below: 40 and 50."]
    assert as_text(FirstOf(none, sentence("None is below.")), OUTSIDE) == ["None is below."]
    assert as_text(FirstOf(none, sentence("None is below.")), INSIDE) == ["Below: four."]
    assert as_text(FirstOf([none], [none, below]), OUTSIDE) == ["Below: 40 and 50."]
    zero = sentence("Left: {n}.", n=Amount(0.2, of=(40,), people=True, places=0, none_if_zero=True))
    assert as_text(zero, INSIDE) == []


@given(st.integers(0, 200), st.integers(0, 200), st.integers(0, 200))
def test_two_worlds_that_differ_in_small_counts_alone_read_the_same(small, other, large):
    small, other = 1 + small % 9, 1 + other % 9

    def page(n):
        whole = n + 20 + large
        return [
            sentence("{n} of {all}: {share}.", n=Count(n), all=Count(20 + large), share=Share(n, whole)),
            sentence("{gap} fewer.", gap=Amount(lambda seen: 50 - seen, of=(n,), people=True)),
            IfShown(Count(n), sentence("{n} are enough.", n=Count(n)), sentence("Too few.")),
            sentence("Of them: {all}.", all=Listed([Count(n), IfShown(Count(n), sentence("{n}", n=Count(n)))])),
        ]

    assert as_text(page(small), OUTSIDE) == as_text(page(other), OUTSIDE)
