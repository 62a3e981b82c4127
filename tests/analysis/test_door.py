"""The analyst's door: what `perflib.analysis` names, what it loads, and the names it had before."""

import importlib
import pkgutil
import pydoc
import subprocess
import sys

import pytest

from perflib import analysis, sample_snapshot
from perflib.analysis import control_charts, counts, journey, kpis

FORMER = {"trends": control_charts, "journeys": journey}


def test_dir_names_every_public_module_and_nothing_else():
    modules = {module.name for module in pkgutil.iter_modules(analysis.__path__)}
    assert modules - FORMER.keys() == set(dir(analysis)) == set(analysis.__all__)


@pytest.mark.parametrize("name", analysis.__all__)
def test_each_public_module_has_one_line_in_help(name):
    text = pydoc.plain(pydoc.render_doc(analysis))
    (line,) = [
        line for line in text.split("NAME")[1].split("PACKAGE CONTENTS")[0].splitlines() if name in line.split()[:1]
    ]
    assert len(line.split()) > 4


@pytest.mark.parametrize("name", analysis.__all__)
def test_each_public_module_is_an_attribute(name):
    assert getattr(analysis, name) is importlib.import_module(f"perflib.analysis.{name}")


def test_another_name_is_no_attribute():
    with pytest.raises(AttributeError, match="no attribute 'scorecard'"):
        _ = analysis.scorecard


def test_importing_perflib_loads_no_analysis():
    code = "import sys, perflib; print([name for name in sys.modules if name.startswith('perflib.analysis')])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "[]"


def test_importing_the_door_loads_no_room():
    code = "import sys, perflib.analysis; print([name for name in sys.modules if name.startswith('perflib.analysis.')])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "[]"


@pytest.mark.parametrize(("former", "name"), [("trends", "control_chart"), ("journeys", "position")])
def test_a_former_name_still_works_and_warns(former, name):
    module = importlib.import_module(f"perflib.analysis.{former}")
    with pytest.warns(DeprecationWarning, match=f"perflib.analysis.{former} is now perflib.analysis"):
        found = getattr(module, name)
    assert found is getattr(FORMER[former], name)


@pytest.mark.parametrize("former", FORMER)
def test_what_the_new_module_lacks_the_former_name_lacks_too(former):
    with pytest.raises(AttributeError):
        _ = importlib.import_module(f"perflib.analysis.{former}").no_such_function


def test_from_import_of_a_former_name_warns_where_it_stands():
    with pytest.warns(DeprecationWarning, match="is now") as caught:
        exec("from perflib.analysis.trends import control_chart", {})
    assert "importlib" not in caught[0].filename


def test_kpis_are_kpis_and_counts_are_counts():
    assert {"numerator", "denominator", "target"} <= set(kpis.scores(sample_snapshot("2018-06")))
    assert hasattr(counts, "summary")
    assert not hasattr(kpis, "summary")
