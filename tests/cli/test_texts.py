"""``--texts`` and ``--texts-limit`` of run, ask and evaluate; the hub is never reached."""

import json
from pathlib import Path

import diffkit_organisms
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


@pytest.fixture
def code():
    Path("data/code.jsonl").write_text('{"text": "a = 1"}\n{"text": "b", "category": "own"}\n')


def test_sources_with_categories_are_read_in_order_and_known_by_content(cli, stranger, code):
    birds = ("run", "echo", "--organism", "birds", "--texts-limit", 2)
    body = "hf:data/rows.parquet:::body"
    said = cli(*birds, "--texts", "code=data/code.jsonl", "--texts", f"prose={body}")
    assert said.code == 0, said.err
    assert "echo of 4 texts" in said.out
    Path("data/code.jsonl").rename("again.jsonl")
    same = ("--texts", "code=again.jsonl", "--texts", f"prose={body}")
    assert cli(*birds, *same).out == said.out
    assert len(stranger.lines("end")) == 1
    for other in (("--texts", "again.jsonl", "--texts", f"prose={body}"), (*same[2:], *same[:2])):
        assert cli(*birds, *other).code == 0
    assert len(stranger.lines("end")) == 3


def test_a_suite_lists_sources_with_categories(cli, stranger, code):
    flags = ("--organisms", "birds", "--methods", "echo", "--controls", "none")
    body = "hf:data/rows.parquet:::body"
    texts = ("--texts", "code=data/code.jsonl", "--texts", f"prose={body}")
    wanted = evaluated(cli, *flags, *texts)
    for listed in (
        '[code=code.jsonl, "prose=hf:rows.parquet:::body"]',
        "[code=code.jsonl, {at: rows.parquet, column: body, category: prose}]",
    ):
        Path("data/suite.yaml").write_text(SUITE.format(listed))
        assert evaluated(cli, "data/suite.yaml") == wanted
    assert len(stranger.lines("end")) == 1


def test_the_next_command_repeats_every_source(cli, code):
    texts = ("--texts", "code=data/code.jsonl", "--texts", "data/code.jsonl")
    said = cli("ask", "echo", "--organism", "birds", *texts)
    assert said.code == 0, said.err
    assert " ".join(texts) in said.err.replace("\n", " ")


@pytest.mark.parametrize(
    ("texts", "words"),
    [
        ("hf:data/rows.parquet", "has no column 'text'. Take one of: body."),
        ("hf:data/rows.parquet::test:body", 'Unknown split "test". Should be one of'),
        ("nowhere.parquet", "There is no dataset 'nowhere.parquet'. Check path, configuration"),
        ("code=", "'code=' names a category and no texts. Try: code=texts.jsonl"),
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
    assert "suite.yaml:4: texts: 'hf:' is not hf:DATASET" in (cli("evaluate", "suite.yaml").error)


def test_the_hub_out_of_reach_is_one_line_with_a_cure(cli, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("datasets.config.HF_HUB_OFFLINE", True)
    said = cli("run", "echo", "--organism", "birds", "--texts", "hf:org/name")
    assert said.code == 2
    assert "The dataset 'org/name' cannot be read" in said.error
    assert "hf download --repo-type dataset org/name" in said.error


def test_a_chat_that_the_template_refuses_is_left_out_of_a_run_and_said(cli, stranger):
    zoo = Path(diffkit_organisms.__file__).parent / "zoo" / "weights"
    system = [{"role": "system", "content": "Be short."}, {"role": "user", "content": "Hi"}]
    lines = [{"text": "One."}, {"messages": system}, {"text": "Two."}]
    Path("texts.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    pair = ("--base", zoo / "tiny-qwen3", "--finetuned", zoo / "tiny-trojan")
    said = cli("run", "echo", *pair, "--texts", "texts.jsonl")
    assert said.code == 0, said.err
    assert "echo of 2 texts" in said.out
    assert "1 of 3 texts are left out" in said.out
    assert "1 of 3 texts are left out" in said.err
    Path("texts.jsonl").write_text(json.dumps({"messages": system}))
    said = cli("run", "echo", *pair, "--texts", "texts.jsonl")
    assert (said.code, "refuses all 1 texts" in said.err) == (2, True)
