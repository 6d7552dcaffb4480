import pytest
import torch
from diffkit_evaluators.generators.vllm_adapters import write_adapter

from diffkit import Source, UserError, detect_kind, load_pair
from diffkit.organism import Adapter, Control, Identical
from diffkit.testing.models import tiny_base


def test_the_written_adapter_is_the_random_change(sources, tmp_path, tiny_texts):
    control = Control(of=Adapter(source=sources["adapter"]), seed=5, scale=2.0)
    with load_pair(sources["base"], control, device="cpu") as pair:
        assert write_adapter(pair, tmp_path) == 4
        inputs = pair.base.inputs(tiny_texts.items, max_tokens=16)
        wanted, base = pair.finetuned.logits(inputs), pair.base.logits(inputs)
    with load_pair(sources["base"], detect_kind(Source(at=str(tmp_path))), device="cpu") as again:
        assert torch.allclose(again.finetuned.logits(inputs), wanted, atol=1e-4)
    assert not torch.allclose(base, wanted, atol=1e-2)


def test_nothing_is_written_where_nothing_changed(sources, tmp_path):
    with load_pair(sources["base"], Identical(), device="cpu") as pair:
        assert write_adapter(pair, tmp_path) == 0
    assert not list(tmp_path.iterdir())


def test_a_change_of_whole_matrices_is_refused(sources, tmp_path):
    other = detect_kind(Source(at=str(tiny_base(tmp_path / "other", seed=3))))
    with (
        load_pair(sources["base"], other, device="cpu") as pair,
        pytest.raises(UserError, match="generator transformers"),
    ):
        write_adapter(pair, tmp_path)
