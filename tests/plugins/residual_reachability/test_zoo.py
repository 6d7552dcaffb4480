"""What S says of a shipped organism, beside random changes of the same norms."""

from pathlib import Path

import diffkit_organisms
import pytest
from diffkit_plugins.residual_reachability.config import ResidualReachabilityConfig
from diffkit_plugins.residual_reachability.method import ResidualReachability

from diffkit import Note, RunContext, Table, Texts, load_pair
from diffkit.checkpoints import Checkpoints
from diffkit.context import Artifacts
from diffkit.method import run_method
from diffkit.registry.catalogue import read_base, read_organism

ZOO = Path(diffkit_organisms.__file__).parent / "zoo"
BASE = read_base(ZOO / "bases" / "tiny-qwen3.yaml")


@pytest.fixture
def run(tmp_path):
    def call(pair):
        context = RunContext(
            seed=0,
            texts=Texts.read(BASE.texts),
            artifacts=Artifacts(tmp_path),
            checkpoints=Checkpoints(tmp_path),
        )
        return run_method(
            ResidualReachability(), pair, ResidualReachabilityConfig(texts=8), context
        )

    return call


@pytest.mark.slow
def test_the_trojan_is_more_like_a_prompt_than_rotations_and_random_changes_are_not(run):
    trojan = read_organism(ZOO / "organisms" / "tiny-trojan.yaml").models["tiny-qwen3"]["default"]
    with load_pair(BASE.source, trojan, device="cpu") as pair:
        findings = run(pair)
        with pair.control(0) as control:
            random = run(control)
    assert findings.metrics["median_s"] < random.metrics["median_s"] - 0.05
    assert findings.metrics["share_of_places_with_negative_s"] > 0.7
    assert findings.change_score > random.change_score
    assert [type(item) for item in findings.items] == [Table, Table, Note, Note]


def test_the_base_against_itself_is_nothing(run):
    identical = read_organism(ZOO / "organisms" / "tiny-identical.yaml").models["tiny-qwen3"]
    with load_pair(BASE.source, identical["default"], device="cpu") as pair:
        findings = run(pair)
    assert findings.change_score == 0
    assert [type(item) for item in findings.items] == [Note]
