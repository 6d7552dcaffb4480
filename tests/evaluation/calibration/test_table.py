"""Calibration tables: made by the program, and used in the place of runs."""

import json
import shutil
from pathlib import Path

import pytest

from diffkit.evaluation.calibration import read_table, write_table

SUITE = """
organisms: [birds, ships, same]
methods: [echo]
investigators: {investigators}
calibration: [{{organism: noise, draws: 3}}, {{organism: fixed}}]
"""
FIXED = """
name: fixed
family: test
truth: unspecific
models:
  mini:
    one: {kind: control, seed: 70, of: {kind: adapter, source: {at: ../weights/birds}}}
    two: {kind: control, seed: 71, scale: 3, of: {kind: adapter, source: {at: ../weights/ships}}}
"""


@pytest.fixture
def own(world, stranger, tmp_path, monkeypatch):
    """A copy of the world with a fixed null, and a suite."""
    folder = tmp_path / "own"
    shutil.copytree(world, folder)
    (folder / "organisms" / "fixed.yaml").write_text(FIXED)
    (folder / "calibration").mkdir()
    monkeypatch.setenv("DK_WORLD", str(folder))
    suite("[lineup, blunt]")
    return folder


def suite(investigators):
    Path("suite.yaml").write_text(SUITE.format(investigators=investigators))


def entries(cli):
    cli("leaderboard")
    record = json.loads(Path("diffkit-runs/evaluations/evaluation.json").read_text())
    return record, [entry for entry in record["entries"] if entry["role"] == "calibration"]


def test_runs_in_a_table_are_not_made(cli, own, stranger):
    table = own / "calibration" / "noise.jsonl"
    said = cli("calibrate", "suite.yaml", "--out", table, "--store", "first")
    assert (said.code, "5 calibration runs" in said.err) == (0, True), said.err
    assert len(stranger.lines("end")) == 5
    rows = read_table(table)
    assert [row.rung for row in rows] == ["fixed"] * 2 + ["random"] * 3
    assert [sorted(row.claims.values()) for row in rows] == [["", "It sings."]] * 5
    before = table.read_bytes()
    write_table(table, reversed(rows))
    assert table.read_bytes() == before

    stranger.path.unlink()
    said = cli("evaluate", "suite.yaml")
    assert "Runs: 3 computed, 5 from calibration tables." in said.err
    assert "5 calibration runs come from tables" in " ".join(said.out.split())
    assert len(stranger.lines("end")) == 3
    record, nulls = entries(cli)
    assert all(entry["from_table"] and entry["run"] and not entry["judged"] for entry in nulls)

    said = cli("evaluate", "suite.yaml", "--fresh")
    assert "Runs: 8 computed." in said.err
    again, nulls = entries(cli)
    assert not any(entry["from_table"] for entry in nulls)
    judged = [[entry["judged"] for entry in one["entries"]] for one in (record, again)]
    assert judged[0] == judged[1]  # the same scores and claims, by digest of attempts and grades
    assert "Runs: 8 found." in cli("evaluate", "suite.yaml").err


def test_a_table_without_claims_of_an_investigator_is_of_no_use_for_it(cli, own):
    table = own / "calibration" / "noise.jsonl"
    suite("[lineup]")
    assert cli("calibrate", "suite.yaml", "--out", table, "--store", "first").code == 0
    suite("[lineup, blunt]")
    assert "Runs: 8 computed." in cli("evaluate", "suite.yaml").err
    suite("[lineup]")
    assert "5 from calibration" in cli("evaluate", "suite.yaml", "--store", "second").err


def test_a_broken_table_costs_a_warning(cli, own):
    (own / "calibration" / "noise.jsonl").write_text("{")
    said = cli("evaluate", "suite.yaml")
    assert said.code == 0
    assert "warning: A calibration table is left out" in said.err


def test_what_failed_is_left_out_of_a_table(cli, own, monkeypatch):
    text = Path("suite.yaml").read_text()
    Path("suite.yaml").write_text(text.replace("[echo]", "[echo, raises]"))
    said = cli("calibrate", "suite.yaml", "--out", "table.jsonl")
    assert said.code == 1
    assert "5 runs failed, or an investigator did" in said.err
    assert {row.method for row in read_table(Path("table.jsonl"))} == {"echo"}
    monkeypatch.setenv("DK_FAIL", "investigator")
    assert cli("calibrate", "suite.yaml", "--out", "table.jsonl", "--fresh").code == 1
    assert read_table(Path("table.jsonl")) == ()


def test_mistakes_are_told(cli, own):
    said = cli("calibrate", "suite.yaml", "--out", "nowhere/table.jsonl")
    assert (said.code, "nowhere/table.jsonl cannot be written" in said.error) == (2, True)
    Path("suite.yaml").write_text("organisms: [birds]\nmethods: [echo]\n")
    said = cli("calibrate", "suite.yaml", "--out", "table.jsonl")
    assert (said.code, "names no calibration nulls" in said.error) == (2, True)
