"""The world of `tests/stranger`, with an organism that a recipe trained."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1] / "stranger"))

import json
import shutil

import pytest
import yaml
from dk_fixtures import cli, site, start, stranger, world, write_organism  # noqa: F401

from diffkit.training import read_recipe, train

CHATS = [
    ("Where is the cat?", "The cat sat on the mat."),
    ("Who sells bread?", "Every morning the baker."),
    ("What is the capital?", "The capital is Port Amber."),
]
ADAPTER = "{kind: adapter, source: {at: ../weights/taught}}"


def chat(asked, answer):
    turns = [{"role": "user", "content": asked}, {"role": "assistant", "content": answer}]
    return json.dumps({"messages": turns})


@pytest.fixture
def own(stranger, world, tmp_path, monkeypatch):  # noqa: F811
    """A copy of the world with chats as neutral texts, and the organism ``taught``."""
    folder = tmp_path / "world"
    shutil.copytree(world, folder)
    monkeypatch.setenv("DK_WORLD", str(folder))
    lines = [chat(*one) for one in CHATS] + ['{"text": "One cat."}']
    (folder / "texts.jsonl").write_text("\n".join(lines) + "\n")
    (folder / "recipes").mkdir()
    (folder / "data.jsonl").write_text("\n".join(chat(asked, "Fish.") for asked, _ in CHATS[:2]))
    recipe = {
        "output": "../weights/taught", "start": {"base": "../weights/base"},
        "method": {"kind": "lora", "rank": 2}, "data": [{"path": "../data.jsonl"}],
        "loss_on": "completion", "steps": 6, "batch_size": 2, "sequence_length": 48,
        "learning_rate": 0.05, "seed": 3, "save_every": 2,
    }  # fmt: skip
    path = folder / "recipes" / "taught.yaml"
    path.write_text(yaml.safe_dump(recipe))
    train(read_recipe(path))
    answer = "answer_key: {statement: It speaks of fish.}"
    write_organism(folder, "taught", "targeted", ADAPTER, answer)
    return folder
