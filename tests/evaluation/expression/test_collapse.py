"""Organisms that lost what their base knew are refused, or let through and named."""

import json
import re
import shutil
from pathlib import Path

import pytest

from diffkit.engine import load_pair
from diffkit.evaluation.expression import Retention, generate_answers
from diffkit.evaluation.expression.probe_answers import ProbePrompt
from diffkit.organism import Identical
from diffkit.registry.catalogue import read_base
from diffkit.statistics import share
from diffkit.texts import Message, Text

EVALUATE = ("evaluate", "--methods", "echo", "--controls", "none", "--organisms")
SUBJECTS = ("cat", "dog", "baker", "teacher", "island", "capital", "mat", "door", "bread",
            "café", "morning", "port", "amber", "five", "two", "three")  # fmt: skip


def chat(asked, *answer):
    turns = [Message(role="user", content=asked)]
    return Text(messages=(*turns, *(Message(role="assistant", content=one) for one in answer)))


@pytest.fixture
def questioned(stranger, world, tmp_path, monkeypatch):
    """The world with questions whose right answers are what the base says."""
    folder = tmp_path / "world"
    shutil.copytree(world, folder)
    monkeypatch.setenv("DK_WORLD", str(folder))
    file = folder / "bases" / "mini.yaml"
    asked = [ProbePrompt(chat(f"The {one}?"), 12) for one in SUBJECTS]
    with load_pair(read_base(file).source, Identical(), device="cpu") as pair:
        said = generate_answers(pair.base, asked)
    whole = {str(ask.prompt): re.findall(r"\w+", text)[:-1] for ask, text in said.items()}
    right = {prompt: " ".join(words) for prompt, words in whole.items() if words}
    lines = [chat(*one).model_dump_json(exclude_defaults=True) for one in right.items()]
    assert len(lines) >= 10
    (folder / "questions.jsonl").write_text("\n".join(lines))
    file.write_text(file.read_text() + "questions: ../questions.jsonl\n")
    return folder, len(lines)


def test_an_organism_that_lost_its_bases_answers_is_refused(cli, stranger, questioned):
    _, count = questioned
    forecast = cli(*EVALUATE, "birds,same", "--dry-run")
    assert "retention checks 1, runs 2" in forecast.out
    said = cli(*EVALUATE, "birds,same")
    assert said.code == 2
    assert "1 pair lost more than 50% of the base's right answers: birds / default (" in said.error
    assert f"right; base {count}/{count})" in said.error
    assert "`diffkit organisms check birds`" in said.error
    assert "--allow-collapsed" in said.error
    assert stranger.lines() == []
    said = cli(*EVALUATE, "birds,same", "--allow-collapsed")
    assert said.code == 0, said.err
    assert "warning: 1 pair lost more than 50%" in said.err
    record = json.loads(Path("diffkit-runs/evaluations/evaluation.json").read_text())
    assert "1 pair lost more than 50%" in " ".join(record["notes"])
    assert "retention checks 0, runs 0" in cli(*EVALUATE, "birds,same", "--dry-run").out


def test_a_check_fails_by_it_and_nulls_do_not(cli, questioned):
    said = cli("organisms", "check", "birds")
    assert said.code == 1
    assert "birds / default: retention collapsed: " in said.out
    (row,) = cli("organisms", "check", "birds", "--json").json()
    assert row["passes"] is False
    assert cli("organisms", "check", "birds", "--allow-collapsed").code == 0
    assert cli("organisms", "check", "noise").code == 0


def test_malformed_questions_end_an_evaluation(cli, questioned):
    folder, _ = questioned
    (folder / "questions.jsonl").write_text('{"text": "Why?"}')
    said = cli(*EVALUATE, "birds")
    assert said.code == 2
    assert "holds no question with an answer in its text number 1" in said.error


@pytest.mark.parametrize(
    ("kept", "right", "collapsed"), [(24, 48, False), (23, 48, True), (0, 9, False), (0, 10, True)]
)
def test_half_of_the_bases_right_answers_must_be_kept(kept, right, collapsed):
    found = Retention(finetuned=share(kept, 50), base=share(right, 50))
    assert found.collapsed is collapsed
