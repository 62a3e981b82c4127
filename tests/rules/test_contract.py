"""Contract files: what was promised, where the extract is, and the one line that says what is wrong with one."""

from collections.abc import Callable
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from perflib.errors import ParameterError
from perflib.rules.contract import (
    BUILT_IN,
    Contract,
    FolderSource,
    SampleSource,
    contracts,
    find_params,
    load_contract,
    load_programme,
)
from perflib.rules.new_contract import new_contract

LEAST = """\
contract: north
name: North
programme: whp
nation: ENG
source: ../extracts/north
disclosure: {source: made up}
"""

Read = Callable[[str], Contract]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    (tmp_path / "contracts").mkdir()
    return tmp_path / "contracts" / "north.yaml"


@pytest.fixture
def read(path: Path) -> Read:
    """Return a function that reads the least contract file with lines added to it."""

    def write_and_read(lines: str = "") -> Contract:
        path.write_text(LEAST + lines, encoding="utf-8")
        return load_contract("north", path.parents[1])

    return write_and_read


def months(*values: str) -> pd.PeriodIndex:
    return pd.PeriodIndex(values, freq="M")


def test_the_least_that_a_contract_needs_and_what_holds_without_more(read: Read) -> None:
    contract = read()
    assert contract.programme == load_programme("whp")
    assert contract.first_day is None
    assert contract.source_order == ("hmrc", "prap", "claim", "crm")
    assert (contract.history, contract.quarter_basis, contract.report_lag) == ("appended", "financial", 0)
    assert (contract.disclosure.internal.suppress_below, contract.disclosure.external.names) == (0, False)
    assert contract.invented == ()


def test_every_contract_that_comes_with_perflib_is_sound() -> None:
    assert "whp-sample" in contracts(BUILT_IN)
    for name in contracts(BUILT_IN):
        assert load_contract(name).contract == name


# ----------------------------------------------------------------------------------------------------------- source


@pytest.mark.parametrize(
    ("line", "source"),
    [
        ("source: ../extracts/north", FolderSource(folder="../extracts/north")),
        ("source: {folder: ../extracts/north}", FolderSource(folder="../extracts/north")),
        ("source: {folder: x, encoding: cp1252}", FolderSource(folder="x", encoding="cp1252")),
        ("source: {folder: x, known_to: 2020-09-30}", FolderSource(folder="x", known_to=date(2020, 9, 30))),
        ("source: {sample: {seed: 7}}", SampleSource(sample={"seed": 7})),
    ],
)
def test_a_source_is_a_path_alone_a_folder_or_the_sample(
    line: str, source: FolderSource | SampleSource, path: Path
) -> None:
    path.write_text(LEAST.replace("source: ../extracts/north", line), encoding="utf-8")
    assert load_contract("north", path.parents[1]).source == source


def test_the_words_on_yes_and_no_are_words_and_not_truth_values(read: Read) -> None:
    contract = read("provider: Yes\npackage_area: off\nreleases: [{through: 2020-06, on: 2020-08-13}]\n")
    assert (contract.provider, contract.package_area) == ("Yes", "off")
    assert contract.release(pd.Period("2020-06", "M")) == date(2020, 8, 13)


def test_yaml_anchors_and_merges_are_read(read: Read) -> None:
    contract = read(
        "volumes:\n"
        "  - &first {measure: start, from: 2018-01, source: made up, values: [1]}\n"
        "  - {<<: *first, measure: referral}\n"
    )
    assert [volume.measure for volume in contract.volumes] == ["start", "referral"]


# ---------------------------------------------------------------------------------------------------- what is wrong
# What is added to the least file, the line it then stands in, and what is said.

PROFILE = "profiles:\n  - {from: 2018-01, source: made up, values: [0, .1, .2]"
WRONG = {
    "a misspelt key": ("report_lagg: 3\n", 7, "report_lagg: unknown key; did you mean 'report_lag'?"),
    "a misspelt key of a profile": (
        PROFILE + ", measur: start}",
        8,
        "profiles[0].measur: unknown key; did you mean 'measure'?",
    ),
    "a key twice": ("name: South\n", 7, "not valid YAML: the key 'name' stands twice."),
    "a key twice, further in": ("mix: {ltu: .5, ltu: .5}\n", 7, "not valid YAML: the key 'ltu' stands twice."),
    "a profile that falls": (
        "profiles:\n  - {from: 2018-01, source: made up, values: [0, 0.2, 0.1]}\n",
        8,
        "profiles[0].values: [0, 0.2, 0.1] is not allowed: a cumulative profile never falls; "
        "give outcomes a start by the end of each month.",
    ),
    "a profile below zero": (
        "profiles:\n  - {from: 2018-01, source: made up, values: [-1]}\n",
        8,
        "profiles[0].values[0]: -1 is not allowed: write a number, 0 or more, for example 0.5.",
    ),
    "a profile without values": (
        "profiles:\n  - {from: 2018-01, source: made up, values: []}\n",
        8,
        "profiles[0].values: [] is not allowed: write a list, for example [0.5].",
    ),
    "a profile without source": (
        "profiles:\n  - {from: 2018-01, values: [0]}\n",
        8,
        "profiles[0].source: missing; this key is required, for example source: Schedule 3.",
    ),
    "a profile of an unknown measure": (
        PROFILE + ", measure: outcom}",
        8,
        "profiles[0].measure: 'outcom' is no event or outcome of whp; did you mean 'outcome'?",
    ),
    "a profile of an unknown group": (
        PROFILE + ", group: veterans}",
        8,
        "profiles[0].group: 'veterans' is no customer group of whp; known: disability, early_access, ltu.",
    ),
    "a profile twice": (
        PROFILE + "}\n  - {from: 2018-01, source: made up, values: [0]}\n",
        9,
        "profiles[1]: one for the same measure, group, area and month stands above.",
    ),
    "a volume of an unknown measure": (
        "volumes:\n  - {measure: strat, from: 2018-01, source: made up, values: [1]}\n",
        8,
        "volumes[0].measure: 'strat' is no event or outcome of whp; did you mean 'start'?",
    ),
    "a change of an unknown measure": (
        "changes:\n  - {month: 2020-04, reason: rule, measures: [start, reveiw]}\n",
        8,
        "changes[0].measures[1]: 'reveiw' is no event or outcome of whp; did you mean 'review'?",
    ),
    "shares that do not add up": (
        "mix: {disability: .7, ltu: .2}\n",
        7,
        "mix: the shares add up to 0.9, not to 1.",
    ),
    "a share below zero": (
        "mix: {disability: 1.5, ltu: -0.5}\n",
        7,
        "mix.ltu: -0.5 is not allowed: write a number, 0 or more, for example 0.5.",
    ),
    "a share of an unknown group": (
        "mix: {disabilty: 1}\n",
        7,
        "mix.disabilty: 'disabilty' is no customer group of whp; did you mean 'disability'?",
    ),
    "a date in another form": (
        "first_day: 15/01/2018\n",
        7,
        "first_day: 15/01/2018 is not allowed: write a date as YYYY-MM-DD, for example 2020-06-30.",
    ),
    "a date that the calendar does not have": (
        "first_day: 2018-02-30\n",
        7,
        "first_day: 2018-02-30 is not allowed: write a date as YYYY-MM-DD, for example 2020-06-30.",
    ),
    "a month that is a date": (
        "releases: [{through: 2020-06-30, on: 2020-08-13}]\n",
        7,
        "releases[0].through: 2020-06-30 is not allowed: write a month as YYYY-MM, for example 2020-06.",
    ),
    "a month that there is not": (
        "changes: [{month: 2020-13, reason: rule}]\n",
        7,
        "changes[0].month: 2020-13 is not allowed: write a month as YYYY-MM, for example 2020-06.",
    ),
    "a number below its bound": (
        "report_lag: -1\n",
        7,
        "report_lag: -1 is not allowed: write a whole number, 0 or more, for example 5.",
    ),
    "a word for a number": (
        "report_lag: soon\n",
        7,
        "report_lag: soon is not allowed: write a whole number, 0 or more, for example 5.",
    ),
    "a word that is not allowed": (
        "quarter_basis: lunar\n",
        7,
        "quarter_basis: lunar is not allowed: write one of financial, calendar, contract, department.",
    ),
    "a word for a list": (
        "source_order: HMRC\n",
        7,
        "source_order: HMRC is not allowed: write a list, for example source_order: [HMRC].",
    ),
    "a number for words": (
        "changes: [{month: 2020-04, reason: 2020}]\n",
        7,
        'changes[0].reason: 2020 is not allowed: write it in quotation marks: reason: "2020".',
    ),
    "a number that begins with zeros": (
        "source_order: [prap, 007]\n",
        7,
        'source_order[1]: 007 is not allowed: write it in quotation marks: "007".',
    ),
    "one of what is a list": (
        "releases: {through: 2020-06, on: 2020-08-13}\n",
        7,
        "releases: {through: 2020-06, on: 2020-08-13} is not allowed: "
        "write a list, for example [{on: 2020-06-30, through: 2020-06}].",
    ),
    "a number between two others": (
        "early_warning: {source: x, probability: 2}\n",
        7,
        "early_warning.probability: 2 is not allowed: write a number, more than 0, less than 1, for example 0.5.",
    ),
    "a value without end": (
        "profiles: [{from: 2018-01, source: made up, values: [.inf]}]\n",
        7,
        "profiles[0].values[0]: .inf is not allowed: write a number, 0 or more, for example 0.5.",
    ),
    "lists in lists without end": (
        f"provider: {'[' * 20_000}{']' * 20_000}\n",
        7,
        "nests more than 50 levels deep; no parameter stands so deep.",
    ),
    "lists in lists until the stack is full": (
        f"provider: {'[' * 200_000}\n",
        7,
        "nests more than 50 levels deep; no parameter stands so deep.",
    ),
    "a tag": (
        "report_lag: !!float x\n",
        7,
        "the tag !!float is not allowed; write the value alone.",
    ),
    "an anchor that holds itself": (
        "provider: &x [*x]\n",
        7,
        "not valid YAML: an anchor holds itself; write out what is meant.",
    ),
    "anchors that unfold to 43 million values": (
        "".join(f"k{i}: &a{i} [{','.join([f'*a{i - 1}' if i else '1'] * 9)}]\n" for i in range(8)),
        12,
        "holds more than 200,000 values, once its anchors are written out.",
    ),
    "a bracket left open": (
        "mix: {ltu: 1\n",
        8,
        "not valid YAML: a bracket is not closed, or a comma is missing before this line.",
    ),
    "a tab": ("\tmix: {}\n", 7, "not valid YAML: a tab stands before a word; indent with spaces."),
    "a list for a key": ("[a, b]: c\n", 7, "not valid YAML: a key must be one word."),
    "a second document": (
        "---\nname: South\n",
        7,
        "not valid YAML: a second document begins here; write one file for each.",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_is_said_in_one_line_with_file_line_place_and_what_is_allowed(
    case: str, read: Read, path: Path
) -> None:
    lines, line, message = WRONG[case]
    with pytest.raises(ParameterError) as error:
        read(lines)
    assert str(error.value) == f"{path} line {line}: {message}"


# What is replaced in the least file, by what, the line, and what is said.
REPLACED = {
    "another nation": (
        "ENG",
        "UK",
        " line 4: nation: UK is not allowed: write one of ENG, WLS, SCT, NIR.",
    ),
    "another name than the file's": (
        "contract: north",
        "contract: south",
        " line 1: contract: 'south' is not the file's own name, 'north'.",
    ),
    "an id that is a number": (
        "contract: north",
        "contract: 2020",
        ' line 1: contract: 2020 is not allowed: write the file\'s own name in quotation marks: contract: "north".',
    ),
    "a name that is a number": (
        "name: North",
        "name: 007",
        ' line 2: name: 007 is not allowed: write it in quotation marks: name: "007".',
    ),
    "no programme": (
        "programme: whp\n",
        "",
        ": programme: missing; name a programme, for example programme: whp.",
    ),
    "a key is missing": (
        "disclosure: {source: made up}\n",
        "",
        ": disclosure: missing; this key is required, for example disclosure: {source: Schedule 3}.",
    ),
    "a key is missing further in": (
        "{source: made up}",
        "{invented: true}",
        " line 6: disclosure.source: missing; this key is required, for example source: Schedule 3.",
    ),
    "a misspelt key of a source": (
        "../extracts/north",
        "{foldr: x}",
        " line 5: source.foldr: unknown key; did you mean 'folder'? (1 more after this one)",
    ),
    "a source that is a list": (
        "../extracts/north",
        "[x]",
        " line 5: source: [x] is not allowed: write keys with values, for example {folder: ../extracts/north}.",
    ),
}


@pytest.mark.parametrize("case", REPLACED)
def test_what_is_wrong_with_a_required_key_is_said_in_one_line(case: str, path: Path) -> None:
    old, new, message = REPLACED[case]
    assert old in LEAST
    path.write_text(LEAST.replace(old, new), encoding="utf-8")
    with pytest.raises(ParameterError) as error:
        load_contract("north", path.parents[1])
    assert str(error.value) == f"{path}{message}"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", ": holds no keys. Write `name: value` lines, as in params/contracts/."),
        (b"# nothing yet\n", ": holds no keys. Write `name: value` lines, as in params/contracts/."),
        (b"- a list\n", ": holds no keys. Write `name: value` lines, as in params/contracts/."),
        (b"name: Caf\xe9\n", ": cannot be read ('utf-8' codec can't decode byte 0xe9 in position 9: "),
        (
            b"name: x\nname2: \x07\n",
            " line 2: not valid YAML: a character that cannot be shown (#x0007) stands here; delete",
        ),
    ],
)
def test_a_file_that_is_no_yaml_of_keys_is_said_in_one_line(content: bytes, message: str, path: Path) -> None:
    path.write_bytes(content)
    with pytest.raises(ParameterError) as error:
        load_contract("north", path.parents[1])
    assert str(error.value).startswith(f"{path}{message}")
    assert "\n" not in str(error.value)


def test_an_unknown_programme_is_said_with_the_line_and_the_one_that_was_meant(path: Path) -> None:
    path.write_text(LEAST.replace("whp", "wph"), encoding="utf-8")
    with pytest.raises(ParameterError) as error:
        load_contract("north", path.parents[1])
    folder = path.parents[1] / "programmes"
    expected = f"{path} line 3: programme: programme 'wph': {folder} has no file wph.yaml; did you mean 'whp'?"
    assert str(error.value) == expected


def test_an_unknown_contract_is_said_with_the_one_that_was_meant(read: Read, path: Path) -> None:
    read()
    with pytest.raises(ParameterError) as error:
        load_contract("nort", path.parents[1])
    assert str(error.value) == f"contract 'nort': {path.parent} has no file nort.yaml; did you mean 'north'?"


def test_a_fault_in_the_programme_names_both_files(path: Path) -> None:
    (path.parents[1] / "programmes").mkdir()
    mine = path.parents[1] / "programmes" / "mine.yaml"
    mine.write_text("programme: mine\nstart_dya: 0\n", encoding="utf-8")
    path.write_text(LEAST.replace("whp", "mine"), encoding="utf-8")
    with pytest.raises(ParameterError) as error:
        load_contract("north", path.parents[1])
    expected = f"{path} line 3: programme: {mine} line 2: start_dya: unknown key; did you mean 'start_day'?"
    assert str(error.value).startswith(expected)


# --------------------------------------------------------------------------------------------------------- profiles

THREE = months("2018-01", "2018-12", "2019-04")


def test_a_profile_is_cumulative_by_age_and_its_last_value_holds(read: Read) -> None:
    # design.md, "Profile": [0, 0, .01], 100 January starts, in March: 1.
    contract = read("profiles: [{from: 2018-01, source: made up, values: [0, 0, 0.01]}]\n")
    promised = contract.profile(months("2018-01"), 5, group=None)
    np.testing.assert_array_equal(promised, [[0, 0, 0.01, 0.01, 0.01]])
    assert 100 * promised[0, 2] == 1


def test_a_profile_holds_for_cohorts_from_its_month_on_until_the_next(read: Read) -> None:
    contract = read(
        "profiles:\n"
        "  - {from: 2019-04, source: variation, values: [0.5]}\n"  # the order in the file does not matter
        "  - {from: 2018-02, source: tender, values: [0.1, 0.2]}\n"
    )
    promised = contract.profile(months("2018-01", "2018-02", "2019-03", "2019-04", "2020-01"), 2, group=None)
    np.testing.assert_array_equal(promised, [[np.nan, np.nan], [0.1, 0.2], [0.1, 0.2], [0.5, 0.5], [0.5, 0.5]])


def test_a_group_in_an_area_comes_before_the_group_the_area_and_all(read: Read) -> None:
    contract = read(
        "profiles:\n"
        "  - {from: 2018-01, source: x, values: [0.1]}\n"
        "  - {from: 2018-01, source: x, values: [0.2], area: GM}\n"
        "  - {from: 2018-01, source: x, values: [0.3], group: ltu}\n"
        "  - {from: 2018-01, source: x, values: [0.4], group: ltu, area: GM}\n"
        "  - {from: 2018-01, source: x, values: [0.9], measure: job_start}\n"
    )
    found = {
        (group, area): contract.profile(months("2018-01"), 1, group=group, area=area).item()
        for group in (None, "ltu", "disability")
        for area in (None, "GM", "elsewhere")
    }
    assert found == {
        (None, None): 0.1,
        (None, "GM"): 0.2,
        (None, "elsewhere"): 0.1,
        ("ltu", None): 0.3,
        ("ltu", "GM"): 0.4,
        ("ltu", "elsewhere"): 0.3,
        ("disability", None): 0.1,
        ("disability", "GM"): 0.2,
        ("disability", "elsewhere"): 0.1,
    }
    assert contract.profile(months("2018-01"), 1, group="ltu", measure="job_start").item() == 0.9
    assert np.isnan(contract.profile(months("2018-01"), 1, group="ltu", measure="exit").item())


def test_before_a_groups_own_profile_that_for_all_holds(read: Read) -> None:
    contract = read(
        "profiles:\n"
        "  - {from: 2018-06, source: x, values: [0.1]}\n"
        "  - {from: 2019-01, source: x, values: [0.3], group: ltu}\n"
    )
    promised = contract.profile(THREE, 1, group="ltu")
    np.testing.assert_array_equal(promised, [[np.nan], [0.1], [0.3]])


def test_without_a_profile_for_all_the_groups_are_averaged_with_the_tenders_mix(read: Read) -> None:
    # 60 x .10 + 40 x .05 = 8 of 100 starts: design.md, "tMPL 1 and 5".
    contract = read(
        "mix: {disability: 0.6, ltu: 0.4}\n"
        "profiles:\n"
        "  - {from: 2018-12, source: x, values: [0, 0.10], group: disability}\n"
        "  - {from: 2018-12, source: x, values: [0, 0.05], group: ltu}\n"
    )
    promised = contract.profile(THREE, 2, group=None)
    np.testing.assert_allclose(promised, [[np.nan, np.nan], [0, 0.08], [0, 0.08]], rtol=1e-12)
    assert np.isnan(contract.profile(THREE, 2, group="early_access")).all()  # nothing was promised for it


def test_without_a_mix_nothing_is_promised_for_all(read: Read) -> None:
    contract = read("profiles: [{from: 2018-01, source: x, values: [0.1], group: ltu}]\n")
    assert np.isnan(contract.profile(THREE, 2, group=None)).all()
    assert contract.profile(THREE, 0, group="ltu").shape == (3, 0)


# ------------------------------------------------------------------------- volumes, releases, changes, what is made up


def test_a_volume_is_promised_for_each_month_from_its_first_and_a_variation_replaces_it(read: Read) -> None:
    contract = read(
        "volumes:\n"
        "  - {measure: start, from: 2018-02, source: tender, values: [10, 20, 30]}\n"
        "  - {measure: start, from: 2018-04, source: variation, values: [5, 6]}\n"
        "  - {measure: referral, from: 2018-02, source: tender, values: [99]}\n"
    )
    asked = pd.period_range("2018-01", "2018-06", freq="M")
    expected = [np.nan, 10, 20, 5, 6, np.nan]
    np.testing.assert_array_equal(contract.volume("start", asked), expected)
    assert contract.volume("start", asked).index.equals(asked)
    assert contract.volume("exit", asked).isna().all()


@pytest.mark.requirement("SES-34")
def test_a_months_figures_may_be_seen_from_the_first_release_that_reaches_it(read: Read) -> None:
    contract = read("releases:\n  - {through: 2020-05, on: 2020-08-20}\n  - {through: 2020-02, on: 2020-05-21}\n")
    found = {month: contract.release(pd.Period(month, "M")) for month in ("2019-12", "2020-02", "2020-03", "2020-06")}
    assert found == {
        "2019-12": date(2020, 5, 21),
        "2020-02": date(2020, 5, 21),
        "2020-03": date(2020, 8, 20),
        "2020-06": None,
    }


def test_a_stated_change_concerns_the_measures_it_names_or_all(read: Read) -> None:
    contract = read(
        "changes:\n"
        "  - {month: 2020-04, reason: referrals suspended, measures: [referral]}\n"
        "  - {month: 2020-07, reason: new rule}\n"
    )
    assert contract.stated_changes("referral") == {
        pd.Period("2020-04", "M"): "referrals suspended",
        pd.Period("2020-07", "M"): "new rule",
    }
    assert list(contract.stated_changes("start")) == [pd.Period("2020-07", "M")]


def test_what_no_document_vouches_for_is_named(read: Read) -> None:
    contract = read(
        "profiles: [{from: 2018-01, source: x, values: [0.1], invented: true}]\n"
        "volumes: [{measure: start, from: 2018-01, source: x, values: [1]}]\n"
    )
    assert contract.invented == ("profiles",)


@pytest.mark.parametrize("name", ["2020", "007", "2020-06-30", "true", "null", "1e5", "north"])
def test_a_new_contract_may_be_called_a_number_and_is_read_as_its_text(name: str, path: Path) -> None:
    file = path.with_name(f"{name}.yaml")
    file.write_text(new_contract(name, load_programme("whp")), encoding="utf-8")
    contract = load_contract(name, path.parents[1])
    assert (contract.contract, contract.name) == (name, name)


def test_sources_are_read_as_records_read_them(read: Read) -> None:
    assert read("source_order: [PRaP, ' HMRC']\n").source_order == ("prap", "hmrc")


# ------------------------------------------------------------------------------------------------ folders of parameters


def test_parameters_are_found_where_they_are_given(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(path.parents[2])
    assert find_params(path.parents[1]) == path.parents[1]  # a whole path
    assert find_params(path.parents[1].name).resolve() == path.parents[1].resolve()  # from here
    with pytest.raises(
        ParameterError, match=r"^--params nowhere: no such folder. Give the folder that holds contracts/"
    ):
        find_params("nowhere")
    with pytest.raises(ParameterError, match=r"no such folder"):
        find_params(path.parent / "nowhere")


def test_parameters_are_found_from_a_folder_below(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "params" / "contracts").mkdir(parents=True)
    (tmp_path / "params" / "contracts" / "north.yaml").write_text(LEAST, encoding="utf-8")
    (tmp_path / "notebooks" / "mine").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "notebooks" / "mine")
    assert find_params().resolve() == (tmp_path / "params").resolve()
    assert contracts() == ["north"]
    assert load_contract("north").path.resolve() == (tmp_path / "params" / "contracts" / "north.yaml").resolve()


def test_where_there_are_none_those_that_come_with_perflib_are_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert find_params() == BUILT_IN
    assert load_contract("whp-sample").contract == "whp-sample"


def test_a_folder_of_ones_own_takes_from_perflib_what_it_does_not_have(read: Read, path: Path) -> None:
    read()
    assert load_programme("whp", path.parents[1]) == load_programme("whp", BUILT_IN)
    assert load_contract("whp-sample", path.parents[1]).contract == "whp-sample"
    assert contracts(path.parents[1]) == ["north"]
