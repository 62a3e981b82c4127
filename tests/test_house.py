"""The rules of the house, read from the source: no module of `perflib` is imported here."""

import ast
import json
import re
import subprocess
from collections.abc import Iterable, Iterator
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import pytest
from numpydoc.hooks.validate_docstrings import AstValidator
from numpydoc.validate import validate

ROOT = Path(__file__).parents[1]

# A module imports from its own floor and those before it.
FLOORS = ("errors", "rules", "records", "analysis", "disclosure", "reporting", "batch", "cli")
# What stands outside the floors: the package itself offers load_snapshot, from records.
FLOOR_OF = {"perflib": "records", "perflib.__main__": "cli"}

# File: the clock calls it may make, and why.
CLOCK_ALLOWED: dict[str, set[str]] = {}

# numpydoc's checks that public functions and classes pass; the others are about typography, or ask for
# sections where a sentence and the type hints do.
DOCSTRING_CHECKS = {
    "GL06": "a section has a name that numpydoc knows",
    "GL07": "sections come in numpydoc's order",
    "GL08": "there is a docstring",
    "SS01": "it starts with a summary",
    "SS02": "the summary starts with a capital",
    "SS03": "the summary is a sentence",
    "PR01": "every parameter is documented where any is",
    "PR02": "no parameter is documented that does not exist",
    "PR03": "parameters come in the signature's order",
    "PR10": "a space stands before the colon between a parameter and its type",
}

NOTEBOOK_PARAMETERS = ["contract", "month", "known_at", "params"]
LONGEST_CELL = 12


def relative(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_name(path): path for path in sorted((ROOT / "perflib").rglob("*.py"))}
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))


def floor(module: str) -> str:
    return FLOOR_OF.get(module) or module.split(".")[1]


ANALYSIS = [path for module, path in MODULES.items() if floor(module) == "analysis"]


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def imported_names(tree: ast.Module, package: tuple[str, ...] = ()) -> Iterator[str]:
    """Every name imported, wherever the import stands; `from a import b` gives `a.b`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) + 1 - node.level] if node.level else ()
            start = ".".join([*above, *([node.module] if node.module else [])])
            yield from (f"{start}.{alias.name}" for alias in node.names)


def module_holding(name: str) -> str:
    """The module of perflib that a name is, or is in; "" for other packages."""
    while name and name not in MODULES:
        name = name.rpartition(".")[0]
    return name


def import_graph() -> dict[str, set[str]]:
    """Module -> modules of perflib that it imports."""
    graph = {}
    for module, path in MODULES.items():
        names = imported_names(tree_of(path), path.relative_to(ROOT).parent.parts)
        graph[module] = {module_holding(name) for name in names} - {module, ""}
    return graph


def calls(path: Path) -> Iterator[tuple[ast.Call, str]]:
    """Every call in a file, with what is called as it is written: `open`, `pd.read_csv`."""
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Call):
            yield node, ast.unparse(node.func)


def assert_none(wrong: Iterable[str]) -> None:
    wrong = sorted(set(wrong))
    assert not wrong, "\n" + "\n".join(wrong)


def test_every_module_stands_on_a_floor():
    assert_none(module for module in MODULES if floor(module) not in FLOORS)


def test_a_module_imports_only_from_its_own_floor_or_those_before():
    assert_none(
        f"{module} imports {other}"
        for module, others in import_graph().items()
        for other in others
        if FLOORS.index(floor(other)) > FLOORS.index(floor(module))
    )


def test_disclosure_and_batch_know_nothing_of_employment_programmes():
    """Disclosure stands on errors alone; the batch reads contracts, months and snapshots, and asks no analysis."""
    subjects = ("analysis", "rules.programme", "rules.management", "rules.standards", "rules.oversight")
    assert_none(
        f"{module} imports {other}"
        for module, others in import_graph().items()
        for other in others
        if (floor(module) == "disclosure" and floor(other) not in ("disclosure", "errors"))
        or (floor(module) == "batch" and other.removeprefix("perflib.").startswith(subjects))
    )


def test_no_module_imports_itself_through_others():
    TopologicalSorter(import_graph()).prepare()  # names the cycle if there is one


def test_analysis_draws_nothing():
    drawing = {"matplotlib", "seaborn", "plotly", "altair", "bokeh", "IPython"}
    assert_none(
        f"{relative(path)} imports {name}"
        for path in ANALYSIS
        for name in imported_names(tree_of(path))
        if name.split(".")[0] in drawing
    )


def test_analysis_reads_and_writes_no_file():
    opens = re.compile(
        r"(^|\.)(open|Path|memmap|fromfile|tofile|loadtxt|genfromtxt|savetxt|save|savez|(read|write|scan)_\w+"
        r"|to_(csv|parquet|excel|pickle|feather|hdf|sql))$"
    )
    assert_none(
        f"{relative(path)}:{call.lineno}: {called}"
        for path in ANALYSIS
        for call, called in calls(path)
        if opens.search(called)
    )


def conditions(tree: ast.Module) -> Iterator[ast.AST]:
    """What decides which way a program goes: tests, filters, patterns, comparisons."""
    for node in ast.walk(tree):
        match node:
            case ast.If() | ast.IfExp() | ast.While() | ast.Assert():
                yield node.test
            case ast.comprehension():
                yield from node.ifs
            case ast.match_case():
                yield node.pattern
                yield from [node.guard] if node.guard else []
            case ast.Compare():
                yield node


def test_no_condition_names_a_programme_a_regime_or_a_contract():
    names = {path.stem for path in (ROOT / "params").glob("*/*.yaml")}
    assert names, "no parameter files found"
    assert_none(
        f"{relative(path)}:{line}: {name}"
        for path in MODULES.values()
        for line, name in named_in_conditions(tree_of(path), names)
    )


def named_in_conditions(tree: ast.Module, names: set[str]) -> Iterator[tuple[int, str]]:
    for condition in conditions(tree):
        words = [part for part in ast.walk(condition) if isinstance(part, ast.Constant) and isinstance(part.value, str)]
        yield from ((word.lineno, word.value) for word in words if word.value.strip(" -_").casefold() in names)


@pytest.mark.parametrize(
    "written",
    [
        "if programme == 'ses': pass",
        "x = 1 if 'whp' in name else 2",
        "if contract.startswith('SES-'): pass",
        "kept = [row for row in rows if row != 'ses']",
        "while name not in ('whp', 'jobs2'): pass",
        "match name:\n    case 'whp': pass",
        "assert name != 'whp'",
        "is_work = name == 'whp'",
    ],
)
def test_a_programme_named_in_a_condition_is_found(written):
    assert list(named_in_conditions(ast.parse(written), {"whp", "ses", "jobs2"}))
    assert not list(named_in_conditions(ast.parse(written), {"mentoring"}))


def clock_readings(path: Path) -> Iterator[tuple[str, str]]:
    """What reads the clock in a file, with its place."""
    reads = re.compile(r"(^|\.)(today|now|utcnow)$|^time\.(time|time_ns|localtime|gmtime|ctime|strftime)$")
    for call, called in calls(path):
        words = [arg.value for arg in call.args if isinstance(arg, ast.Constant)]
        asks = re.search(r"(Timestamp|datetime64|to_datetime|Period)$", called) and {"now", "today"} & set(words)
        if reads.search(called) or asks:
            yield called, f"{relative(path)}:{call.lineno}: {ast.unparse(call)}"
    for name in imported_names(tree_of(path)):
        if name.startswith("time.") and reads.search(name):
            yield name, f"{relative(path)}: imports {name}"


def test_nothing_reads_the_clock():
    assert_none(
        place
        for path in MODULES.values()
        for reading, place in clock_readings(path)
        if reading not in CLOCK_ALLOWED.get(relative(path), ())
    )


def test_a_file_that_may_read_the_clock_does():
    for file, allowed in CLOCK_ALLOWED.items():
        assert allowed == {reading for reading, _ in clock_readings(ROOT / file)}


@cache
def project_lines() -> list[tuple[str, str]]:
    """Place and text of each line of the text files that are in git, or would be added."""
    listing = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    lines = []
    for name in sorted(set(listing.split("\0")) - {""}):
        data = (ROOT / name).read_bytes() if (ROOT / name).is_file() else b""
        if b"\0" not in data:
            text = data.decode("utf-8", errors="replace")  # an extract for the tests may be in another encoding
            lines += [(f"{name}:{n}", line) for n, line in enumerate(text.splitlines(), start=1)]
    return lines


@pytest.mark.parametrize(
    "pattern",  # in two halves, so that this file does not hold what it looks for
    [
        pytest.param(r"(pypi|pythonhosted)\." + r"(org|io)|files\." + r"python", id="address of a Python registry"),
        pytest.param(r"registry\." + r"npmjs|deb\." + r"debian|conda\." + r"anaconda", id="address of another one"),
        pytest.param(r"(^|[^\w.])/" + r"(work|farm|root)/", id="path of one machine"),
        pytest.param(r"\b(TO" + r"DO|FIX" + r"ME|XX" + r"X|NotImplemented" + r"Error)\b", id="unfinished work"),
        pytest.param(r"pytest\." + r"(mark\.)?(skip|xfail|importorskip)", id="test that does not run"),
        pytest.param(r"^(<<<<<<<|>>>>>>>)( |$)", id="merge conflict"),
    ],
)
def test_no_file_of_the_project_holds(pattern):
    assert_none(f"{place}: {line[:120]}" for place, line in project_lines() if re.search(pattern, line))


def test_no_lock_with_download_addresses_is_in_the_project():
    files = {place.rpartition(":")[0] for place, _ in project_lines()}
    assert not {"uv.lock", "pylock.toml", "poetry.lock"} & files


def public_objects(parent: ast.Module | ast.ClassDef) -> Iterator[tuple[list[ast.AST], ast.AST]]:
    """The public functions and classes, and the public methods of those classes, each with its parents."""
    for node in parent.body:
        if not isinstance(node, ast.FunctionDef | ast.ClassDef) or node.name.startswith("_"):
            continue
        if "overload" not in map(ast.unparse, node.decorator_list):
            yield [parent], node
        if isinstance(node, ast.ClassDef):
            yield from (([parent, *parents], inner) for parents, inner in public_objects(node))


class FieldsAreParameters(AstValidator):
    """numpydoc's validator, to which the fields of a dataclass or a model are the parameters of its class."""

    @property
    def signature_parameters(self) -> tuple[str, ...]:
        body = self.node.body if self.is_class else []
        fields = tuple(ast.unparse(item.target) for item in body if isinstance(item, ast.AnnAssign))
        return fields or super().signature_parameters


def docstring_findings(path: Path) -> Iterator[str]:
    """What numpydoc finds amiss with the public functions, classes and methods of a file."""
    for parents, node in public_objects(tree_of(path)):
        lists_parameters = re.search(r"^Parameters\n---", ast.get_docstring(node) or "", re.MULTILINE)
        checks = DOCSTRING_CHECKS.keys() - (set() if lists_parameters else {"PR01"})
        report = validate(node.name, FieldsAreParameters, ast_node=node, filename=path, ancestry=parents)
        for check, message in report["errors"]:
            if check in checks:
                yield f"{relative(path)}:{node.lineno}: {node.name}: {check} {message}"


@pytest.mark.parametrize("path", MODULES.values(), ids=relative)
def test_public_docstrings_follow_numpydoc(path):
    assert_none(docstring_findings(path))


def code_cells(path: Path) -> list[dict]:
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return [cell for cell in cells if cell["cell_type"] == "code"]


def source(cell: dict) -> str:
    return "".join(cell["source"])


def notebook_tree(path: Path) -> ast.Module:
    return ast.parse("\n".join(source(cell) for cell in code_cells(path)))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=relative)
class TestNotebook:
    def test_it_is_kept_without_outputs(self, path):
        assert_none(source(cell) for cell in code_cells(path) if cell["outputs"] or cell["execution_count"])

    def test_its_parameters_are_those_of_every_notebook(self, path):
        (cell,) = (cell for cell in code_cells(path) if "parameters" in cell["metadata"].get("tags", []))
        assigned = [
            ast.unparse(statement.target if isinstance(statement, ast.AnnAssign) else statement.targets[0])
            for statement in ast.parse(source(cell)).body
        ]
        assert assigned == NOTEBOOK_PARAMETERS

    def test_it_imports_only_perflib(self, path):
        assert {name.split(".")[0] for name in imported_names(notebook_tree(path))} == {"perflib"}

    def test_it_calls_and_does_not_compute(self, path):
        computing = ast.operator | ast.For | ast.While | ast.comprehension
        defining = ast.FunctionDef | ast.ClassDef | ast.Lambda
        parts = [part for part in ast.walk(notebook_tree(path)) if not isinstance(part, ast.BitOr)]  # str | None
        assert_none(type(part).__name__ for part in parts if isinstance(part, computing | defining))

    def test_its_cells_are_short(self, path):
        assert_none(source(cell) for cell in code_cells(path) if len(source(cell).splitlines()) > LONGEST_CELL)

    def test_it_runs_in_any_environment(self, path):
        metadata = json.loads(path.read_text(encoding="utf-8"))["metadata"]
        assert metadata["kernelspec"]["name"] == "python3"


REPORTING = [path for module, path in MODULES.items() if floor(module) == "reporting"]
# Of these values the first argument is text that is not disclosed: it may not be made from a number.
TEXT_VALUES = {"Name"}


def _is_literal(node: ast.AST | None) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def _writes_a_number(node: ast.AST) -> bool:
    """Whether text is put together here: by an f-string, `str`, `repr`, `format` or `%`."""
    if isinstance(node, ast.JoinedStr):
        return True
    if isinstance(node, ast.Call):
        return ast.unparse(node.func) in ("str", "repr", "format") or ast.unparse(node.func).endswith(".format")
    return isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mod)


def test_the_template_of_a_sentence_is_a_literal():
    assert_none(
        f"{relative(path)}:{call.lineno}: {ast.unparse(call)[:60]}"
        for path in (*REPORTING, MODULES["perflib.batch.revision_page"])
        for call, called in calls(path)
        if called.split(".")[-1] == "Sentence"
        or (called.split(".")[-1] == "sentence" and not _is_literal(call.args[0] if call.args else None))
    )


def test_no_name_in_a_sentence_is_made_from_a_number():
    assert_none(
        f"{relative(path)}:{call.lineno}: {ast.unparse(call)[:60]}"
        for path in REPORTING
        for call, called in calls(path)
        if called.split(".")[-1] in TEXT_VALUES
        for argument in (*call.args, *(keyword.value for keyword in call.keywords))
        for node in ast.walk(argument)
        if _writes_a_number(node)
    )


def test_reporting_writes_no_number_for_an_audience_itself():
    written = {"count", "percent", "number", "hides", "rounded"}
    asked = re.compile(r"(^|\.)(d|disclosure|show\.disclosure)\.(\w+)$")
    assert_none(
        f"{relative(path)}:{call.lineno}: {called}"
        for path in REPORTING
        for call, called in calls(path)
        if (found := asked.search(called)) and found[3] in written
    )


def test_reporting_returns_what_is_shown_and_never_asks_who_reads_it():
    opens = {"perflib.reporting.front_matter"}  # it makes the presenter
    shows = {"Presenter", "Disclosure", "Shown"}
    assert_none(
        f"{module} imports {name}"
        for module, path in MODULES.items()
        if floor(module) == "reporting" and module not in opens
        for name in imported_names(tree_of(path))
        if name.split(".")[-1] in shows
    )


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_cell_of_a_notebook_shows_one_thing_of_its_own_report(path):
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    code = [ast.parse("".join(cell["source"])).body for cell in cells if cell["cell_type"] == "code"][1:]
    opening, shown = code[0], [statement for body in code for statement in body if isinstance(statement, ast.Expr)]
    imports = [ast.unparse(statement) for statement in opening if isinstance(statement, ast.ImportFrom)]
    listed = _listed(path.stem)
    assert path.stem in imports[-1].removeprefix("from perflib.reporting import ").split(", ")
    assert all(len(body) == 1 for body in code[1:])
    calls_ = [ast.unparse(statement.value) for statement in shown[1:]]
    wrong = [call for call in calls_ if not re.match(rf"show\((front_matter|data_quality|{path.stem})\.\w+\(", call)]
    assert_none(wrong)
    own = {found[1] for call in calls_ if (found := re.match(rf"show\({path.stem}\.(\w+)", call))}
    assert own == listed, own ^ listed


def _listed(report: str) -> set[str]:
    """What the package of a report lists in `__all__`."""
    tree = tree_of(ROOT / "perflib" / "reporting" / report / "__init__.py")
    (names,) = (
        node.value for node in tree.body if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__"
    )
    return set(ast.literal_eval(names))
