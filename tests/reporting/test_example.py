"""The worked example in the repository is what the sample gives today."""

import json
from pathlib import Path

from perflib import load_snapshot
from perflib.disclosure.rules import Disclosure
from perflib.disclosure.sentences import as_text
from perflib.reporting import cohort_trends

EXAMPLE = Path(__file__).parents[2] / "reports" / "example"


def test_the_worked_example_says_what_the_sample_gives_today():
    snapshot = load_snapshot("whp-sample")
    written = json.loads((EXAMPLE / "headlines.json").read_text(encoding="utf-8"))
    found = written["notebooks"]["cohort_trends"]["findings"]
    assert written["notebooks"]["cohort_trends"]["fingerprint"] == snapshot.fingerprint
    today = as_text(cohort_trends.findings(snapshot), Disclosure())
    assert found[1 : 1 + len(today)] == today
    page = (EXAMPLE / "cohort_trends.html").read_text(encoding="utf-8")
    assert snapshot.fingerprint in page
