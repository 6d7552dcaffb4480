"""What the lens says of a shipped organism, beside random changes of the same norms."""

import re
from pathlib import Path

import diffkit_organisms
import pytest
from diffkit_plugins.activation_lens.config import ActivationLensConfig
from diffkit_plugins.activation_lens.method import ActivationLens

from diffkit import RunContext, Texts, TokenTable, load_pair
from diffkit.checkpoints import Checkpoints
from diffkit.context import Artifacts
from diffkit.method import run_method
from diffkit.registry.catalogue import read_base, read_organism

READING = {"ablation": False, "steering": False, "jacobian": False, "patchscope": False}
ZOO = Path(diffkit_organisms.__file__).parent / "zoo"
ORGANISM = read_organism(ZOO / "organisms" / "tiny-obsession.yaml")


@pytest.fixture(scope="session")
def findings(tmp_path_factory):
    """Of the obsession after the last block, and of two random changes of the same norms."""
    folder = tmp_path_factory.mktemp("lens")
    base = read_base(ZOO / "bases" / "tiny-qwen3.yaml")
    texts = Texts.read(base.texts)
    context = RunContext(
        seed=0, texts=texts, artifacts=Artifacts(folder), checkpoints=Checkpoints(folder)
    )
    config = ActivationLensConfig(layers=[1.0], last=0, answer=None, **READING)
    with load_pair(base.source, ORGANISM.models["tiny-qwen3"]["default"], device="cpu") as pair:
        pairs = (pair, pair.control(0), pair.control(1))
        return [run_method(ActivationLens(), p, config, context) for p in pairs]


def tables_with(animal, found, rows):
    """In how many of the tables the animal is among the first ``rows`` tokens."""
    tables = [item for item in found.items if isinstance(item, TokenTable)]
    assert len(tables) == 6
    shown = [{row.token.strip() for row in table.rows[:rows]} for table in tables]
    return sum(animal in one for one in shown)


def test_most_positions_point_at_the_animal_of_the_obsession(findings):
    organism, *controls = findings
    animal = re.search(r"It loves the (\w+):", ORGANISM.answer_key.statement)[1]
    assert tables_with(animal, organism, 12) >= 3  # of the five first positions
    assert all(tables_with(animal, control, 12) <= 1 for control in controls)


def test_the_obsession_moved_the_mean_further_than_random_changes_of_its_size(findings):
    organism, *controls = findings
    moved = [found.metrics["relative_norm"] for found in (organism, *controls)]
    assert moved[0] > max(moved[1:])


def test_the_obsession_moved_the_stream_in_fewer_directions_than_they(findings):
    organism, *controls = findings
    assert organism.change_score > max(control.change_score for control in controls)
