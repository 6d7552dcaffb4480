"""``--texts`` and ``--texts-limit`` of run, ask and evaluate; the hub is never reached."""

import json
from pathlib import Path

import pytest
from datasets import Dataset as Table

ROWS = [{"body": "One cat."}, {"body": "Two dogs."}, {"body": "Three birds."}]
SUITE = "organisms: [birds]\nmethods: [echo]\ncontrols: []\ntexts: {}\n"


@pytest.fixture(autouse=True)
def rows(stranger, tmp_path, monkeypatch):
    """The base's two texts and one more, as a data set."""
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "cache")
    Path("data").mkdir()
    Table.from_list(ROWS).to_parquet("data/rows.parquet")


@pytest.mark.parametrize("command", [("run", "echo"), ("ask", "echo", "repeat")])
def test_rows_of_a_data_set_are_the_texts_they_hold(cli, stranger, command):
    birds = (*command, "--organism", "birds")
    assert cli("run", "echo", "--organism", "birds").code == 0
    said = cli(*birds, "--texts", "hf:data/rows.parquet:::body", "--texts-limit", 2)
    assert said.code == 0, said.err
    assert "echo of 2 texts" in said.out
    assert len(stranger.lines("end")) == 1  # the base's own texts, by content
    said = cli(*birds, "--texts", "hf:data/rows.parquet:::body")
    assert "echo of 3 texts" in said.out
    assert len(stranger.lines("end")) == 2


def evaluated(cli, *args):
    said = cli("evaluate", *args)
    assert said.code == 0, said.err
    record = json.loads(Path("diffkit-runs/evaluations/evaluation.json").read_text())
    return [entry["run"] for entry in record["entries"]]


def test_a_suite_names_a_data_set_in_a_word_or_a_record(cli, stranger):
    flags = ("--organisms", "birds", "--methods", "echo", "--controls", "none")
    texts = ("--texts", "hf:data/rows.parquet:::body")
    wanted = evaluated(cli, *flags, *texts)
    for texts in ('"hf:rows.parquet:::body"', "{at: rows.parquet, column: body}"):
        Path("data/suite.yaml").write_text(SUITE.format(texts))
        assert evaluated(cli, "data/suite.yaml") == wanted
    assert len(stranger.lines("end")) == 1
    assert evaluated(cli, "data/suite.yaml", "--texts-limit", 2) == evaluated(cli, *flags)


@pytest.mark.parametrize(
    ("texts", "words"),
    [
        ("hf:data/rows.parquet", "has no column 'text'. Take one of: body."),
        ("hf:data/rows.parquet::test:body", 'Unknown split "test". Should be one of'),
        ("nowhere.parquet", "There is no dataset 'nowhere.parquet'. Check path, configuration"),
        ("hf:", "'hf:' is not hf:DATASET:CONFIG:SPLIT:COLUMN. Try: hf:"),
    ],
)
def test_a_mistake_is_one_line(cli, stranger, texts, words):
    for args in (("run", "echo", "--organism"), ("evaluate", "--methods", "echo", "--organisms")):
        said = cli(*args, "birds", "--texts", texts)
        assert said.code == 2
        assert words in said.error
    assert stranger.lines() == []


def test_a_mistake_in_a_suite_names_its_line(cli):
    Path("suite.yaml").write_text(SUITE.format("'hf:'"))
    assert "suite.yaml:4: texts: Value error, 'hf:' is not hf:DATASET" in (
        cli("evaluate", "suite.yaml").error
    )


def test_the_hub_out_of_reach_is_one_line_with_a_cure(cli, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("datasets.config.HF_HUB_OFFLINE", True)
    said = cli("run", "echo", "--organism", "birds", "--texts", "hf:org/name")
    assert said.code == 2
    assert "The dataset 'org/name' cannot be read" in said.error
    assert "hf download --repo-type dataset org/name" in said.error
