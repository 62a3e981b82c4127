"""pyproject.toml, environment.yml, requirements.lock and the imports say the same."""

import ast
import re
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions, requires
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version
from rattler import MatchSpec

ROOT = Path(__file__).parents[1]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
ENVIRONMENT = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))
LOCK = (ROOT / "requirements.lock").read_text(encoding="utf-8")

# Name in pyproject.toml: its name on conda-forge, where that differs.
CONDA_NAME = {"matplotlib": "matplotlib-base", "jupyter-client": "jupyter_client"}

# Dependencies that no module imports: why they are there.
NOT_IMPORTED = {
    "ipykernel": "the kernel that notebooks run in",
    "jupyterlab": "where analysts open the notebooks",
    "psycopg": "what SQLAlchemy reads PostgreSQL with",
}


def bounds(requirements: list[str]) -> dict[str, SpecifierSet]:
    return {canonicalize_name(item.name): item.specifier for item in map(Requirement, requirements)}


RUNTIME = bounds(PYPROJECT["project"]["dependencies"])
EXTRAS = {name: bounds(items) for name, items in PYPROJECT["project"]["optional-dependencies"].items()}
OPTIONAL = {name: specifier for extra in EXTRAS.values() for name, specifier in extra.items()}
DEVELOPMENT = bounds(PYPROJECT["dependency-groups"]["dev"])
DOCUMENTATION = bounds(PYPROJECT["dependency-groups"]["docs"])
INSTALLED = RUNTIME | OPTIONAL | DEVELOPMENT | DOCUMENTATION
"""What the lock and environment.yml have: all but the benchmarks'."""
CONDA = [item for item in ENVIRONMENT["dependencies"] if isinstance(item, str)]
(PIP,) = (item["pip"] for item in ENVIRONMENT["dependencies"] if isinstance(item, dict))


def locked() -> dict[str, list[Version]]:
    """Name -> the versions in the lock: more than one where Pythons or platforms differ."""
    versions: dict[str, list[Version]] = {}
    for name, version in re.findall(r"^([\w.-]+)==([^\s;]+)", LOCK, re.MULTILINE):
        versions.setdefault(canonicalize_name(name), []).append(Version(version))
    return versions


def imported(folder: str) -> set[str]:
    """The distributions, by canonical name, that the modules under a folder import; not Python's own."""
    packages = set()
    for path in (ROOT / folder).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                packages |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and not node.level:
                packages.add(node.module.split(".")[0])
    distributions = packages_distributions()
    return {
        canonicalize_name(distributions.get(package, [package])[0])
        for package in packages - sys.stdlib_module_names - {"perflib", "tests"}
    }


def test_conda_and_pip_sections_hold_every_dependency_with_its_bounds():
    conda = {spec.name.normalized: SpecifierSet(str(spec.version)) for spec in map(MatchSpec, CONDA) if spec.version}
    python = conda.pop("python")
    pip = bounds([item for item in PIP if not item.startswith("-")])

    declared = {CONDA_NAME.get(name, name): specifier for name, specifier in INSTALLED.items()}
    assert conda | pip == declared
    assert not conda.keys() & pip.keys()
    assert python == SpecifierSet(PYPROJECT["project"]["requires-python"])


@pytest.mark.parametrize("spec", CONDA)
def test_conda_reads_each_line_of_the_environment(spec):
    assert MatchSpec(spec, strict=True).name.normalized == spec.split()[0]


def test_the_environment_uses_conda_forge_alone_and_ends_with_the_project_itself():
    assert ENVIRONMENT["name"] == "perflib"
    assert ENVIRONMENT["channels"] == ["conda-forge"]
    assert "pip" in CONDA
    assert [item for item in PIP if item.startswith("-")] == ["-e ."] == PIP[-1:]


def test_the_lock_has_every_dependency_within_its_bounds():
    versions = locked()
    wrong = [
        f"{name}{specifier}: {', '.join(map(str, versions.get(name, []))) or 'not locked'}"
        for name, specifier in INSTALLED.items()
        if not versions.get(name) or not all(version in specifier for version in versions[name])
    ]
    assert not wrong


def test_every_pin_of_the_lock_has_hashes_and_nothing_else():
    pin = r"[\w.-]+==[^\s;]+(?: ; [^\\\n]+)?(?: \\\n    --hash=sha256:[0-9a-f]{64})+\n"
    assert re.fullmatch(f"(?:{pin})+", LOCK)
    assert not re.findall(r"https?:|file:|://| @ ", LOCK)


def test_the_build_backend_is_locked_so_that_installing_the_project_needs_no_network():
    assert bounds(PYPROJECT["build-system"]["requires"]).items() <= DEVELOPMENT.items()
    assert {"editables", "uv"} <= DEVELOPMENT.keys()


def test_perflib_imports_what_it_declares_and_declares_what_it_imports():
    imports, declared = imported("perflib"), RUNTIME.keys() | OPTIONAL.keys()
    assert imports - declared == set(), "imported, and not declared"
    assert declared - imports - NOT_IMPORTED.keys() == set(), "declared, and neither imported nor explained"
    assert imports & NOT_IMPORTED.keys() == set(), "imported, and explained as not imported"


def test_no_dependency_is_declared_twice():
    declared = [*RUNTIME, *(name for extra in EXTRAS.values() for name in extra)]
    assert sorted(declared) == sorted(set(declared))


def needed_without_extras() -> set[str]:
    """The installed distributions that perflib needs, directly or not, when no extra is asked for."""
    found, left = set(), set(RUNTIME)
    while left:
        name = left.pop()
        found.add(name)
        wanted = map(Requirement, requires(name) or [])
        left |= {
            canonicalize_name(item.name)
            for item in wanted
            if item.marker is None or item.marker.evaluate({"extra": ""})
        } - found
    return found


def test_what_only_an_extra_brings_is_needed_by_nothing_else():
    """So that an extra is one: a dependency that is there anyway would be none."""
    assert OPTIONAL.keys() & needed_without_extras() == set()


def test_everything_can_be_imported_without_the_extras():
    """In a Python of its own, from which the modules of the extras are hidden."""
    brought = {module for module, names in packages_distributions().items() for name in names if name in OPTIONAL}
    assert brought >= {"distributed", "jupyterlab", "psycopg", "python_calamine"}
    code = (
        f"import sys; sys.modules.update(dict.fromkeys({sorted(brought)!r})); "
        "import importlib, pkgutil, perflib; "
        "names = [found.name for found in pkgutil.walk_packages(perflib.__path__, 'perflib.')]; "
        "print(len([importlib.import_module(name) for name in names]))"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=ROOT)
    assert said.returncode == 0, said.stderr
    assert int(said.stdout) > 100


def test_the_lock_is_made_with_every_extra_and_the_groups_that_it_has():
    (command,) = re.findall(r"pip compile pyproject.toml (.*?) --python-version", (ROOT / "Makefile").read_text())
    assert command.split() == ["--all-extras", "--group", "dev", "--group", "docs"]


def test_tests_import_what_is_declared():
    assert imported("tests") - RUNTIME.keys() - OPTIONAL.keys() - DEVELOPMENT.keys() == set()


def test_continuous_integration_runs_every_test_once():
    steps = subprocess.run(
        ["make", "--dry-run", "--assume-old=.venv/.ready", "test", "test-slow"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    chosen = re.findall(r'pytest -n logical -m ("not slow"|slow) (.*)', steps)
    assert chosen == [('"not slow"', "--doctest-modules tests perflib"), ("slow", "tests")]
    assert (ROOT / ".ci" / "run").read_text().splitlines()[-1] == "exec make test test-slow"


@pytest.mark.parametrize(("version", "accepted"), [((3, 10), 0), ((3, 11), 1), ((3, 13), 1), ((3, 14), 0)])
def test_make_accepts_the_pythons_that_the_project_does_and_says_so_in_a_line(tmp_path, version, accepted):
    assert accepted == (Version(".".join(map(str, version))) in SpecifierSet(PYPROJECT["project"]["requires-python"]))
    python = tmp_path / "python"
    python.write_text(
        f'#!/bin/sh\n[ "$1" = -c ] || {{ echo went on; exit 3; }}\n'
        f'exec {sys.executable} -c "import sys; sys.version_info = {version}; $2"\n'
    )
    python.chmod(0o755)

    run = subprocess.run(
        ["make", "--no-print-directory", f"PYTHON={python}", f"VENV={tmp_path / 'venv'}", "reports"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert run.returncode == 2
    assert ("went on" in run.stdout) == accepted
    assert ("is not Python 3.11, 3.12 or 3.13" in run.stderr) != accepted
