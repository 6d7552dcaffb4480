"""Dry runs say what would be done, compute nothing and leave the store as it is."""

import hashlib
import re
from pathlib import Path

import pytest
import yaml

STORE = Path("diffkit-runs")
EVALUATE = (
    "evaluate",
    "--organisms",
    "birds,ships,same",
    "--methods",
    "echo,kl",
    "--name",
    "plain",
)


def files(folder):
    """Every file below a folder, by content and time of its last change."""
    return {
        path: (path.stat().st_mtime_ns, hashlib.sha256(path.read_bytes()).hexdigest())
        for path in folder.rglob("*")
        if path.is_file()
    }


def counts(said):
    """Stored, from tables, to make and not possible, by kind of work and name."""
    assert said.code == 0, said.err
    rows = [re.split(r"\s*│\s*", line)[1:-1] for line in said.out.splitlines() if "│" in line]
    return {(kind, name): tuple(map(int, numbers)) for kind, name, *numbers in rows}


def made(kind):
    return len([path for path in (STORE / kind).glob("*") if path.is_dir()])


def test_an_evaluation_is_forecast_and_nothing_is_computed(cli, stranger):
    before = cli(*EVALUATE, "--dry-run")
    assert not STORE.exists()
    assert stranger.lines() == []
    found = counts(before)
    assert found["runs", "echo"] == found["runs", "kl"] == (0, 0, 3, 0)
    assert "To make: expression checks 0, runs 6" in before.out
    assert "at most so many" in before.out
    assert "No language model would be asked." in before.out
    assert "nothing was computed or stored" in before.err

    assert cli(*EVALUATE).code == 0
    assert made("runs") == 6
    assert made("attempts") <= found["attempts", "lineup"][2]
    assert made("grades") <= found["grades", "lineup"][2]

    stored = files(STORE)
    after = cli(*EVALUATE, "--dry-run")
    assert files(STORE) == stored
    known = counts(after)
    assert known["runs", "echo"] == (3, 0, 0, 0)
    assert known["attempts", "lineup"] == (made("attempts"), 0, 0, 0)
    assert known["grades", "lineup"] == (made("grades"), 0, 0, 0)
    assert "To make: expression checks 0, runs 0, attempts 0, grades 0." in after.out
    assert "at most so many" not in after.out
    fresh = counts(cli(*EVALUATE, "--dry-run", "--fresh"))
    assert fresh["runs", "echo"] == (0, 0, 3, 0)


def test_what_is_missing_is_exactly_what_is_made(cli):
    assert cli(*EVALUATE).code == 0
    more = (*EVALUATE, "--graders", "lineup,strict", "--investigators", "lineup,blunt")
    found = counts(cli(*more, "--dry-run"))
    assert [found["runs", name] for name in ("echo", "kl")] == [(3, 0, 0, 0)] * 2
    assert found["attempts", "lineup"] == (made("attempts"), 0, 0, 0)
    before = made("attempts"), made("grades")
    assert cli(*more).code == 0
    assert made("attempts") - before[0] == found["attempts", "blunt"][2] > 0
    assert made("grades") - before[1] <= sum(
        found["grades", one][2] for one in ("lineup", "strict")
    )


def test_costs_are_those_that_the_command_asks_to_confirm(cli, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "none")
    asked = (*EVALUATE, "--investigators", "agent", "--model", "investigator=openai/scripted")
    refused = cli(*asked)
    assert "Repeat the command with --yes" in refused.error
    (bill,) = re.findall(r"\d+ attempts by openai/scripted: .*", refused.err)
    said = cli(*asked, "--dry-run")
    assert bill in said.out
    assert made("attempts") == 0


def test_pairs_that_cannot_be_read_are_counted(cli, world, tmp_path):
    text = (world / "organisms" / "birds.yaml").read_text()
    gone = tmp_path / "gone.yaml"
    gone.write_text(
        text.replace("../weights/birds", "./nowhere").replace("name: birds", "name: gone")
    )
    found = counts(cli("evaluate", "--organisms", gone, "--methods", "echo", "--dry-run"))
    assert found["runs", "echo"] == (0, 0, 0, 1)


def test_nothing_is_downloaded(cli, recipe, tmp_path, monkeypatch):
    asked = []

    def snapshot(name, *, local_files_only, **_):
        asked.append(local_files_only)
        raise FileNotFoundError(name)

    monkeypatch.setattr("huggingface_hub.snapshot_download", snapshot)
    run = cli("run", "kl", "--base", "org/base", "--finetuned", "org/tuned", "--dry-run")
    assert run.code == 0, run.err
    assert "is not downloaded yet. It would be downloaded, and the run computed." in run.out
    far = tmp_path / "far.yaml"
    far.write_text(
        "name: far\nfamily: test\ntruth: targeted\nanswer_key: {statement: It sings.}\n"
        "models: {mini: {default: {kind: adapter, source: {at: org/tuned}}}}\n"
    )
    chosen = ("--organisms", far, "--methods", "echo", "--dry-run")
    assert counts(cli("evaluate", *chosen))["runs", "echo"] == (0, 0, 1, 0)
    recipe.write_text(
        yaml.safe_dump(yaml.safe_load(recipe.read_text()) | {"start": {"base": "org/base"}})
    )
    assert "base to download" in cli("organisms", "train", recipe, "--dry-run").out
    assert asked
    assert all(asked)


def test_a_run_is_forecast(cli, stranger):
    run = ("run", "echo", "--organism", "birds")
    before = cli(*run, "--dry-run")
    assert before.code == 0
    assert not STORE.exists()
    assert re.search(r"Run [0-9a-f]{12} of echo over birds on mini: it would be comp", before.out)
    assert "2 texts, seed 0" in before.out
    assert cli(*run).code == 0
    stored = files(STORE)
    assert "the store holds it" in cli(*run, "--dry-run").out
    assert "it would be computed" in cli(*run, "--dry-run", "--fresh").out
    assert files(STORE) == stored
    assert len(stranger.lines("end")) == 1
    assert cli(*run, "--set", "steps=no", "--dry-run").code == 2


@pytest.fixture
def recipe(world, tmp_path):
    (tmp_path / "texts.jsonl").write_text('{"text": "The dog barks at night."}')
    fields = {
        "output": "made", "start": {"base": str(world / "weights" / "base")},
        "method": {"kind": "lora", "rank": 1}, "data": [{"path": "texts.jsonl"}],
        "steps": 5, "batch_size": 2, "sequence_length": 8, "learning_rate": 1e-3, "save_every": 2,
    }  # fmt: skip
    path = tmp_path / "recipe.yaml"
    path.write_text(yaml.safe_dump(fields))
    return path


def test_a_training_is_forecast(cli, recipe, tmp_path, monkeypatch):
    def state():
        said = cli("organisms", "train", recipe, "--dry-run")
        assert said.code == 0, said.err
        row = next(line for line in said.out.splitlines() if "│" in line)
        return [cell.strip() for cell in row.split("│")[3:-1]], said

    before = set(tmp_path.rglob("*"))
    cells, said = state()
    assert cells == ["not begun", "5", "5", "16"]
    assert "To make: 5 steps." in said.err
    assert set(tmp_path.rglob("*")) == before

    from diffkit.training import trainer

    step = trainer._TrainingLoop._step

    def stop(loop, number):
        if number == 3:
            raise KeyboardInterrupt
        return step(loop, number)

    monkeypatch.setattr(trainer._TrainingLoop, "_step", stop)
    assert cli("organisms", "train", recipe).code == 130
    assert state()[0] == ["interrupted", "3", "5", "16"]
    monkeypatch.setattr(trainer._TrainingLoop, "_step", step)
    assert cli("organisms", "train", recipe).code == 0
    finished = files(tmp_path)
    assert state()[0] == ["trained", "0", "5", "16"]
    assert files(tmp_path) == finished
    assert "5 steps" in cli("organisms", "train", recipe, "--dry-run", "--fresh").err
