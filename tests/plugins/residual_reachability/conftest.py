"""Trunks whose reachable sets are known, and a small GPT-NeoX."""

import pytest
import torch

from diffkit import Source, load_pair
from diffkit.organism import Identical
from diffkit.testing.models import _tokenizer


@pytest.fixture(scope="session")
def neox_folder(tmp_path_factory):
    """A random GPT-NeoX of 3 blocks and 24 hidden dimensions."""
    from transformers import GPTNeoXConfig, GPTNeoXForCausalLM

    folder, tokenizer = tmp_path_factory.mktemp("neox"), _tokenizer()
    config = GPTNeoXConfig(
        vocab_size=len(tokenizer),
        hidden_size=24,
        num_hidden_layers=3,
        num_attention_heads=3,
        intermediate_size=48,
        max_position_embeddings=64,
        initializer_range=0.2,
    )
    torch.manual_seed(0)
    GPTNeoXForCausalLM(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def neox(neox_folder):
    return load_pair(Source(at=str(neox_folder)), Identical(), device="cpu").base


@pytest.fixture
def draw():
    """Normal numbers of a shape, the same each time."""
    generator = torch.Generator().manual_seed(0)
    return lambda *shape: torch.randn(*shape, generator=generator)
