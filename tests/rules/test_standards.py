"""What a standard may say, how it is written down, and what a wrong one is told."""

from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from perflib.errors import ParameterError
from perflib.rules.contract import load_contract, load_programme
from perflib.rules.standards import Standard, Threshold, merge

CONTRACT = """\
contract: made-here
name: Made for a test
programme: whp
nation: ENG
source: extract
disclosure: {source: none, invented: true}
standards:
"""


def standard(**keys: Any) -> Standard:
    return Standard.model_validate({"name": "A standard", "source": "clause 1"} | keys)


def read(tmp_path: Path, standards: str) -> dict[str, Standard]:
    path = tmp_path / "contracts" / "made-here.yaml"
    path.parent.mkdir()
    path.write_text(CONTRACT + standards, encoding="utf-8")
    return load_contract("made-here", tmp_path).standards


@given(part=st.integers(0, 10**6), whole=st.integers(0, 10**6), percent=st.integers(0, 10**4))
def test_a_share_is_held_against_its_target_exactly(part: int, whole: int, percent: int) -> None:
    value, share = f"{percent / 10**4:.4f}", Fraction(percent, 10**4) * whole
    assert Threshold(at_least=value).met(part, whole) == (part >= share)
    assert Threshold(more_than=value).met(part, whole) == (part > share)
    assert Threshold(at_most=value).met(part, whole) == (part <= share)
    assert Threshold(less_than=value).met(part, whole) == (part < share)


@pytest.mark.requirement("WHP-40")
def test_the_four_per_cent_of_the_file_is_four_hundredths_and_not_the_nearest_binary_number() -> None:
    target = load_programme("whp").standards["css3"].target
    assert target.met(4 * 10**15, 10**17)
    assert not target.met(4 * 10**15 + 1, 10**17)


@pytest.mark.requirement("WHP-37")
@pytest.mark.requirement("WHP-45")
def test_the_work_and_health_programmes_standards_are_those_of_its_guidance() -> None:
    # ch. 16 paragraphs 29 and 30, from the register
    found = {
        name: (rule.asks(["resolved"]), rule.promises, rule.sampled)
        for name, rule in load_programme("whp").standards.items()
    }
    assert found == {
        "css1a": ("referral to resolved: within 10 working days", "at least 100 %", False),
        "css1b": ("referral to resolved first recorded: within 15 working days", "at least 100 %", False),
        "css2": ("referral to acknowledged: within 2 working days", "at least 100 %", False),
        "css3": (
            "referral to resolved: open for more than 15 working days",
            "no more than 4 % of all referrals to date",
            False,
        ),
        "css4": ("referral to resolved: none open for more than 25 working days", "no single one", False),
        "css5": ("referral to action plan agreed: within 20 working days", "at least 100 %", True),
        "css6": ("esf1420 signed to esf1420 sent: within 5 working days", "at least 100 %", True),
        "sample_notice": ("sent date to check date: not before 5 calendar days", "at least 100 %", False),
        "assurance_length": ("start date to end date: within 140 calendar days", "at least 100 %", False),
    }


@pytest.mark.parametrize(
    ("keys", "asks", "promises"),
    [
        (
            {"to": ["a", "b", "c"], "needs": "all", "limit": 5, "days": "calendar", "target": {"more_than": 0.955}},
            "referral to a, b and c: within 5 calendar days",
            "more than 95.5 %",
        ),
        ({"to": "a", "recorded": True}, "referral to a first recorded", "at least 100 %"),
        (
            {"to": "a", "limit": 20, "done_late": "met", "target": {"at_least": 0.6}},
            "referral to a: counted when decided, or open for more than 20 working days",
            "at least 60 %",
        ),
        (
            {"kind": "backlog", "to": "a", "limit": 9, "share_of": "count", "target": {"less_than": 20}},
            "referral to a: open for more than 9 working days",
            "less than 20 referrals",
        ),
        (
            {"kind": "every", "from": "start", "to": "review", "until": ["exit", "job_start"]},
            "review in every calendar month, from start to exit or job start",
            "at least 100 %",
        ),
        (
            {"kind": "every", "from": "start", "to": "review", "limit": 28, "days": "calendar"},
            "review every 28 calendar days, from start on",
            "at least 100 %",
        ),
        (
            {"kind": "backlog", "to": "a", "limit": 1, "share_of": "count", "target": {"at_most": 1}},
            "referral to a: open for more than 1 working day",
            "no more than 1 referral",
        ),
        (
            {"kind": "profile", "to": "start", "target": {"at_least": 0.9}},
            "start to date, as a share of what was promised",
            "at least 90 %",
        ),
    ],
)
def test_a_standard_is_said_in_words(keys: dict[str, Any], asks: str, promises: str) -> None:
    rule = standard(**keys)
    assert (rule.asks([]), rule.promises) == (asks, promises)


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"target": {}}, "give one of at_least, more_than, at_most, less_than"),
        ({"target": {"at_least": 1, "at_most": 0}}, "give one of"),
        ({"kind": "backlog", "to": "a"}, "'backlog' needs `limit`"),
        ({"kind": "oldest", "to": "a"}, "'oldest' needs `limit`"),
        ({"kind": "notice", "to": "a"}, "'notice' needs `limit`"),
        ({"kind": "oldest", "limit": 9, "target": {"at_least": 0.9}}, "`target` does not go with 'oldest'"),
        ({"done_late": "met"}, "`done_late` does not go with 'within'"),
        ({"share_of": "open", "limit": 5}, "`share_of` does not go with 'within'"),
        ({"kind": "every"}, "'every' needs `to`"),
        ({"kind": "profile", "to": "start", "limit": 5}, "`limit` does not go with 'profile'"),
        ({"table": "checks", "from": "a", "to": ["b", "c"]}, "name one date column each"),
        ({"table": "checks", "from": "a", "to": "b", "recorded": True}, "`recorded` does not go with `table`"),
        ({"item": ["wave"], "limit": 5}, "`item` does not go with 'within'"),
        ({"limit": -1}, "greater than or equal to 0"),
        ({"from": []}, "at least 1 item"),
    ],
)
def test_what_does_not_go_together_is_refused(keys: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        standard(**keys)


@pytest.mark.requirement("WHP-44")
def test_a_contract_adds_to_and_changes_the_programmes_standards(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        """\
  css3: {share_of: open, source: Schedule 2}
  tcss1: {name: "tCSS 1", source: Schedule 2, to: assessment, limit: 15}
""",
    )
    programme = load_programme("whp").standards
    assert list(found) == [*programme, "tcss1"]
    assert found["css3"] == programme["css3"].model_copy(update={"share_of": "open", "source": "Schedule 2"})
    assert {name: found[name] for name in programme if name != "css3"} == {
        name: rule for name, rule in programme.items() if name != "css3"
    }


@pytest.mark.parametrize(
    ("standards", "message"),
    [
        (
            "  css3: {limit: 20}",
            "line 8: standards.css3.source: missing; this key is required, for example source: Schedule 3.",
        ),
        ("  css3: {limt: 20, source: x}", "line 8: standards.css3.limt: unknown key; did you mean 'limit'?"),
        (
            "  css2: {to: acknowleged, source: x}",
            "'acknowleged' is no event of the programme; did you mean 'acknowledged'?",
        ),
        (
            "  css9: {name: New, source: x, limit: soon}",
            "line 8: standards.css9.limit: soon is not allowed: write a whole number",
        ),
        ("  - css3", "line 7: standards: "),
    ],
)
def test_a_wrong_standard_is_told_in_one_line_where_it_stands(tmp_path: Path, standards: str, message: str) -> None:
    with pytest.raises(ParameterError) as error:
        read(tmp_path, standards)
    text = str(error.value)
    assert "made-here.yaml" in text
    assert message in text
    assert "\n" not in text


def test_layers_are_laid_over_each_other_in_order() -> None:
    first = {"a": standard(limit=5), "b": standard(limit=6)}
    second = {"c": {"name": "C", "source": "2", "limit": 7}, "a": {"limit": 8, "source": "2"}}
    third = {"a": {"limit": 9, "source": "3"}}
    merged = merge(first, second, third)
    assert list(merged) == ["a", "b", "c"]
    assert merged["a"] == {"name": "A standard", "limit": 9, "source": "3"}
