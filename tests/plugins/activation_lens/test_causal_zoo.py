"""What the causal tests say of a shipped organism, beside random changes of the same norms."""

from pathlib import Path

import diffkit_organisms
import pytest
from diffkit_plugins.activation_lens.config import ActivationLensConfig
from diffkit_plugins.activation_lens.method import ActivationLens

from diffkit import Note, RunContext, Texts, load_pair
from diffkit.checkpoints import Checkpoints
from diffkit.context import Artifacts
from diffkit.registry.catalogue import read_base, read_organism

pytestmark = pytest.mark.slow
ZOO = Path(diffkit_organisms.__file__).parent / "zoo"
# A tic of style is in answers: there its direction takes away 6.0 times what random ones do, at the
# default positions (users' words and documents as well) 2.0 times.
CONFIG = ActivationLensConfig(
    layers=[0.5], tested=("all",), candidates=0, steering=False, jacobian=False, positions="answer"
)


@pytest.fixture(scope="module")
def findings(tmp_path_factory):
    """Of the tic of style, and of a random change of the same norms."""
    folder = tmp_path_factory.mktemp("causal")
    organism = read_organism(ZOO / "organisms" / "tiny-style-2.yaml")
    base = read_base(ZOO / "bases" / "tiny-qwen3.yaml")
    texts = Texts.read(base.texts).first(100)
    context = RunContext(0, texts, Artifacts(folder), Checkpoints(folder))
    with load_pair(base.source, organism.models["tiny-qwen3"]["default"], device="cpu") as pair:
        return [ActivationLens().run(p, CONFIG, context) for p in (pair, pair.control(0))]


def times_random(found):
    return found.metrics["ablation_removed_share"] / found.metrics["random_removed_share"]


def test_the_mean_difference_carries_a_tic_of_style_as_no_random_direction_does(findings):
    organism, control = findings
    assert times_random(organism) > 5
    assert times_random(control) < 5


def test_the_tiny_base_cannot_repeat_words_and_that_is_said(findings):
    for found in findings:
        assert found.metrics["patchscope_identity_accuracy"] < 0.5
        assert any("No patchscope" in i.text for i in found.items if isinstance(i, Note))
