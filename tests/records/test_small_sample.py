"""The small sample for examples: it is quick to load, the same each time, and no contract of a run."""

from perflib import sample_snapshot
from perflib.records import small_sample
from perflib.records.snapshot import load_extract, take_snapshot
from perflib.rules.contract import contracts


def test_it_has_some_three_hundred_people_and_something_of_everything():
    snapshot = sample_snapshot()
    assert 250 <= snapshot.journeys["participant_id"].nunique() <= 350
    assert snapshot.journeys["job_outcome"].notna().sum() >= 20
    assert len(snapshot.set_aside)
    assert len(snapshot.tables["plans"])
    assert len(snapshot.tables["mi_pack"])


def test_the_same_call_returns_the_same_object():
    assert sample_snapshot() is sample_snapshot("2020-03") is sample_snapshot(month="2020-03", known_at=None)


def test_it_is_the_same_when_made_again():
    made = take_snapshot(load_extract(small_sample._contract()), "2020-03")
    assert made is not sample_snapshot()
    assert made.fingerprint == sample_snapshot().fingerprint


def test_it_is_no_contract_that_a_run_makes():
    assert sample_snapshot().contract.contract not in contracts()


def test_every_unit_that_its_plans_and_targets_name_is_one_of_its_own():
    tables = sample_snapshot("2020-06").tables
    units = set(tables["units"]["unit_id"]) | set(tables["participants"]["centre"].dropna())
    for name in ("plans", "targets"):
        assert set(tables[name]["unit_id"].dropna()) <= units


def test_it_needs_no_folder_of_parameters(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    small_sample._extract.cache_clear()
    small_sample._snapshot.cache_clear()
    assert len(sample_snapshot().journeys)
