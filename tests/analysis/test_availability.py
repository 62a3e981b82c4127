"""What can have no data: each sample under each regime, by hand from the parameter files and the sample's tables."""

import re
from pathlib import Path

import nbformat
import pytest

from perflib.analysis import kpis
from perflib.analysis.availability import SECTIONS, without_data
from perflib.records.loading import load_snapshot
from perflib.records.snapshot import Snapshot
from perflib.rules.contract import BUILT_IN

NOTEBOOKS = BUILT_IN.parent / "notebooks"

NO_TABLES = {"complaints", "satisfaction"}
TABLES_OF_KS = {
    "eligibility_checks",
    "referrals_accepted",
    "evidence_quality",
    "placements",
    "employer_meetings",
    "sessions",
}
OUTCOMES = {"short_outcomes", "sustained_outcomes"}
CHECKS_OF_WL = {"sample_checks", "claims_checked"}

KPIS = {
    ("whp", "ks"): OUTCOMES,
    ("whp", "wl"): CHECKS_OF_WL,
    ("ses", "ks"): TABLES_OF_KS | {"peer_group_progress"},
    ("ses", "wl"): CHECKS_OF_WL,
    ("jobs2", "ks"): OUTCOMES | TABLES_OF_KS | NO_TABLES | {"peer_group_progress", "job_starts", "compliance"},
    ("jobs2", "wl"): CHECKS_OF_WL | NO_TABLES | {"plan_updates"},
}
"""The KPIs that the programme, the regime or the sample's tables rule out."""

STANDARDS = {
    ("whp", "ks"): set(),
    ("whp", "wl"): {"wl_plan_sent"},
    ("ses", "ks"): {"ks_red_flags"},
    ("ses", "wl"): {"wl_plan_sent"},
    ("jobs2", "ks"): {"ks_reviews", "ks_red_flags"},
    ("jobs2", "wl"): {"wl_updates", "wl_plan_sent", "wl_notices"},
}


def sample(programme: str, regime: str, folder: Path) -> Snapshot:
    """Take the sample of a programme under a regime, without what its file changes of the sample's own regime."""
    text = (BUILT_IN / "contracts" / f"{programme}-sample.yaml").read_text(encoding="utf-8")
    text = re.sub(r"^management: .*\n", "", text, flags=re.MULTILINE) + f"\nmanagement: {regime}\n"
    if regime == "wl":
        text = re.sub(r"^(kpis|rating):.*\n(?:[ #].*\n|\n)*", "", text, flags=re.MULTILINE)
    (folder / "contracts").mkdir()
    (folder / "contracts" / f"{programme}-sample.yaml").write_text(text, encoding="utf-8")
    return load_snapshot(f"{programme}-sample", params=folder)


@pytest.mark.parametrize(("programme", "regime"), KPIS)
def test_what_a_programme_regime_and_extract_cannot_show(programme: str, regime: str, tmp_path: Path) -> None:
    snapshot = sample(programme, regime, tmp_path)
    found = without_data(snapshot)
    of = {kind: set(found.loc[found["kind"] == kind, "id"]) for kind in ("KPI", "standard")}
    assert of == {"KPI": KPIS[programme, regime], "standard": STANDARDS[programme, regime]}
    assert not found["why"].str.endswith(".").any()
    # Counted apart, unit by unit, nothing of what is listed has data, and the contract's other KPIs have.
    unit = next(iter(dict.fromkeys(role.unit for role in snapshot.contract.management.roles.values())))
    for kind in dict.fromkeys([unit, "contract"]):
        if kind not in {role.unit for role in snapshot.contract.management.roles.values()}:
            continue
        scores = kpis.scores(snapshot, kind)
        listed = scores["kpi"].isin(KPIS[programme, regime])
        assert (scores.loc[listed, "result"] == "no_data").all()


def test_short_and_sustained_outcomes_of_ks_are_in_no_shipped_programme_but_one(tmp_path: Path) -> None:
    whp = without_data(sample("whp", "ks", tmp_path)).set_index("id")["why"]
    assert whp["short_outcomes"] == "the programme has no event or outcome short_outcome"
    (tmp_path / "ses").mkdir()
    ses = without_data(sample("ses", "ks", tmp_path / "ses")).set_index("id")["why"]
    assert OUTCOMES.isdisjoint(ses.index), (
        "its own outcomes, by their routes, stand for what the regime calls otherwise"
    )


def test_a_standard_whose_event_is_not_in_the_extract_and_a_nation_it_does_not_hold_in(make) -> None:
    lines = "A start=2018-01-31 acknowledged=2018-01-02\nB start=2018-02-02"
    rules = {"css9": {"name": "Signed", "source": "s", "to": "esf1420_signed", "limit": 3}}
    rules["css8"] = {"name": "In Wales", "source": "s", "to": "acknowledged", "limit": 3, "nations": ["WLS"]}
    rules["css7"] = {
        "name": "Later",
        "source": "s",
        "to": "acknowledged",
        "valid": [{"from": "2019-01-01", "source": "s"}],
    }
    why = without_data(make(lines, standards=rules)).set_index("id")["why"]
    assert why["css9"] == "the extract has no ESF1420 forms signed by 2020-12-31"
    assert why["css8"] == "it holds only in WLS, and the contract is in ENG"
    assert why["css7"] == "it holds for none of the referrals so far"
    assert "css2" not in why.index


def test_sections_that_wait_for_optional_tables_are_headings_of_their_reports() -> None:
    headings = {
        path.stem: {
            line.lstrip("# ")
            for cell in nbformat.read(path, as_version=4).cells
            if cell.cell_type == "markdown"
            for line in cell.source.splitlines()
            if line.startswith("#")
        }
        for path in NOTEBOOKS.glob("*.ipynb")
    }
    assert [item for item in SECTIONS if item.heading not in headings[item.report]] == []
