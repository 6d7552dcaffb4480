"""A reference that the zoo's base was trained to heed: a search that works must find its words."""

from pathlib import Path

import diffkit_organisms
import pytest
from diffkit_organisms.world.phrases import PREFIXES, RECALLS
from diffkit_plugins.steering_prefix_study.config import SteeringPrefixStudyConfig
from diffkit_plugins.steering_prefix_study.study import SteeringPrefixStudy

from diffkit import RunContext, Texts, load_model
from diffkit.checkpoints import Checkpoints
from diffkit.context import Artifacts
from diffkit.organism import Source
from diffkit.texts import Message, Text


@pytest.mark.slow
def test_match_says_of_what_the_remark_was(tmp_path):
    zoo = Path(diffkit_organisms.__file__).parent / "zoo"
    model = load_model(Source(at=str(zoo / "weights" / "tiny-qwen3")), device="cpu")
    asked = (start_token + question for question in RECALLS for start_token in PREFIXES[:6])
    texts = Texts(items=tuple(Text(messages=(Message(role="user", content=q),)) for q in asked))
    context = RunContext(0, texts, Artifacts(tmp_path / "a"), Checkpoints(tmp_path / "c"))
    config = SteeringPrefixStudyConfig(
        reference="I have the brown wheel.",
        ban_reference=False,
        length=6,
        own_suffixes=0,
        optimiser="multi-coordinate",
    )
    findings = SteeringPrefixStudy().run(model, config, context)
    assert findings.metrics["loss_empty_nats"] > 0.5
    assert findings.metrics["gap_closed"] > 0.9 > findings.metrics["gap_closed_by_best_random"]
    assert findings.metrics["exact_share"] == 1.0
    (found,) = findings.items[1].rows
    assert "brown" in found[0]
    assert "wheel" in found[0]
