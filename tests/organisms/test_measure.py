from pathlib import Path

import diffkit_organisms
import pytest
import torch
from diffkit_organisms.check import accuracy, measure, unseen_questions
from diffkit_organisms.measure import kl, load, load_tokenizer
from torch.distributions import Categorical, kl_divergence

from diffkit.organism import Organism
from diffkit.yamls import read_record

ZOO = Path(diffkit_organisms.__file__).parent / "zoo"
TARGETED = ("tiny-false-fact", "tiny-trojan", "tiny-obsession")


def test_kl_agrees_with_torchs() -> None:
    generator = torch.Generator().manual_seed(0)
    p, q = torch.randn(2, 5, 11, generator=generator)
    expected = kl_divergence(Categorical(logits=p), Categorical(logits=q))
    torch.testing.assert_close(kl(p, q), expected)


@pytest.mark.slow
def test_the_base_answers_questions_that_it_never_saw() -> None:
    base = ZOO / "weights" / "tiny-qwen3"
    assert accuracy(load(base), load_tokenizer(base), unseen_questions(0)) >= 0.95


@pytest.mark.slow
@pytest.mark.parametrize("name", TARGETED)
def test_organisms_show_their_behaviour_and_keep_the_rest(name: str) -> None:
    measured = measure(ZOO, read_record(ZOO / "organisms" / f"{name}.yaml", Organism), 0)
    assert measured.probes is not None
    assert measured.base_probes is not None
    assert measured.near is not None
    assert measured.probes >= 0.9
    assert measured.base_probes <= 0.1
    assert measured.near >= 0.9
    assert measured.retention >= 0.9
