"""The site: built strictly and without network, with every link in place and every public module in the reference."""

import doctest
import os
import re
import subprocess
import sys
from pathlib import Path
from urllib.parse import unquote

import pandas as pd
import pytest

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
GUIDES = [path for path in sorted((DOCS / "guides").glob("*.md")) if ">>> " in path.read_text(encoding="utf-8")]

OFFLINE_BUILD = """
import socket

def refuse(*_):
    raise OSError("the site is built without network")

socket.socket.connect = socket.getaddrinfo = refuse
from mkdocs.__main__ import cli

cli()
"""

HOUSE_WORDS = [
    "snapshot",
    "journey",
    "start",
    "cohort",
    "age",
    "profile",
    "tender level",
    "milestone",
    "expected so far",
]
HOUSE_WORDS += ["known at", "set aside", "unit", "regime", "briefing", "revision"]


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The pages by their place in the site, and the folder they are in."""
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-c", OFFLINE_BUILD, "build", "--strict", "--quiet"]
    command += ["--config-file", str(ROOT / "mkdocs.yml"), "--site-dir", str(folder)]
    built = subprocess.run(
        command, cwd=folder, env=os.environ | {"NO_MKDOCS_2_WARNING": "1"}, capture_output=True, text=True
    )
    assert built.returncode == 0, built.stdout + built.stderr
    return {path: path.read_text(encoding="utf-8") for path in folder.rglob("*.html")}


def test_no_page_fetches_anything(site):
    fetches = re.compile(r"""<(?:script|img|iframe|source|video|audio|embed|object|link)\b[^>]*?(?:https?:)?//[^>]*>""")
    found = {f"{path.name}: {tag}" for path, page in site.items() for tag in fetches.findall(page)}
    assert not found
    folder = next(path.parent for path in site if path.name == "404.html")
    styles = [path.read_text(encoding="utf-8") for path in folder.rglob("*.css")]
    assert styles
    assert not any(re.search(r"(url\(|@import)\s*['\"]?(https?:)?//", style) for style in styles)


def test_every_link_leads_somewhere(site):
    pages = {
        path: page for path, page in site.items() if path.name != "404.html"
    }  # its links are from the server's root
    ids = {path: set(re.findall(r'\bid="([^"]+)"', page)) for path, page in pages.items()}
    broken = []
    for path, page in pages.items():
        for link in set(re.findall(r'\b(?:href|src)="([^"]*)"', page)):
            target, _, anchor = unquote(link).replace("&amp;", "&").partition("#")
            if re.match(r"[a-z]+:", target):
                continue
            file = (path.parent / target).resolve() if target else path
            if not file.is_file() or (anchor and file in ids and anchor not in ids[file]):
                broken.append(f"{path.name}: {link}")
    assert not broken


def test_the_reference_has_every_public_module(site):
    shown = {name for page in site.values() for name in re.findall(r'\bid="(perflib\.[\w.]+)"', page)}
    floors = [ROOT / "perflib" / floor for floor in ("rules", "records", "analysis", "disclosure")]
    modules = {
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        for floor in floors
        for path in floor.rglob("*.py")
        if not path.stem.startswith("_") or path.stem == "__init__"
    }
    old_names = {"perflib.analysis.trends", "perflib.analysis.journeys"}
    assert not sorted(modules - shown - {"perflib.analysis"} - old_names)


def test_the_words_page_says_each_house_word_in_one_line():
    lines = re.findall(r"^\| \*\*(.+?)\*\* \| (.+?) \|", (DOCS / "nomenclature.md").read_text(encoding="utf-8"), re.M)
    assert [word for word, _ in lines if word in HOUSE_WORDS] == HOUSE_WORDS
    assert all(len(meaning.split()) <= 40 for _, meaning in lines)


@pytest.mark.parametrize("guide", GUIDES, ids=lambda path: path.stem)
def test_what_a_guide_shows_is_what_comes_out(guide, monkeypatch):
    monkeypatch.chdir(ROOT)
    failed, tried = doctest.testfile(str(guide), module_relative=False, optionflags=doctest.NORMALIZE_WHITESPACE)
    assert tried
    assert not failed


def test_the_readme_claims_what_the_benchmarks_measured():
    """Each figure of the table "Measured", from the file that its row names."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")

    def row(file, **where):
        frame = pd.read_csv(ROOT / "benchmarks" / file)
        for key, value in where.items():
            frame = frame[frame[key] == value]
        (only,) = frame.to_dict("records")
        return only

    batch = row("batch/speed.csv", set="four", way="perflib")
    peer = row("batch/speed.csv", set="four", way="papermill + nbconvert, 2")
    assert f"{batch['pages']:.0f} reports take {batch['seconds']:g} s on two cores: {peer['ratio']:.1f} times" in readme
    million = {"participants": 1_000_000, "processors": 2}
    ours, scan = row("records/speed.csv", task="perflib", **million), row("records/speed.csv", task="scan", **million)
    assert f"1,000,000 participants take {ours['seconds']:.1f} s on two cores: {scan['ratio']:.1f} times" in readme
    calm, broken = (
        row("forecast/study.csv", scenario=f"{kind} 250", month="all", model="milestones")["total_95"]
        for kind in ("calm", "shocked")
    )
    assert f"held in {100 * calm:.0f} % of calm" in readme
    assert f"and in {100 * broken:.0f} % after a break" in readme
