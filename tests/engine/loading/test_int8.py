"""Bases in 8 bits; without bitsandbytes a stand-in records what transformers is asked for."""

import importlib.util
import sys

import pytest
import torch
from transformers import AutoModelForCausalLM

from diffkit.engine import load_model, load_pair
from diffkit.errors import BadModel, MissingExtra
from diffkit.organism import Adapter, AdapterPair, FullModel, Identical, Source
from diffkit.runs.spec import PairSpec

from ..adapters import make_adapter, pair_of
from ..conftest import make_model

real = pytest.mark.skipif(
    importlib.util.find_spec("bitsandbytes") is None, reason="bitsandbytes is not installed"
)


@pytest.fixture
def asked(monkeypatch):
    """What transformers was asked for in 8 bits; models are loaded plainly, and say they are so."""
    plainly, calls = AutoModelForCausalLM.from_pretrained, []

    def load(folder, *, quantization_config=None, device_map=None, **options):
        loaded = plainly(folder, **options)
        if quantization_config:
            calls.append({"config": quantization_config, "device_map": device_map, **options})
            loaded[0].is_loaded_in_8bit = True
        return loaded

    monkeypatch.setattr("diffkit.engine.loading.full_model.import_module", lambda name: None)
    monkeypatch.setattr(AutoModelForCausalLM, "from_pretrained", load)
    return calls


def source(folder):
    return Source(at=str(folder))


def adapter(base, folder, **options):
    return Adapter(source=source(make_adapter(base, folder, **options)))


def test_linear_layers_are_asked_for_in_8_bits_and_the_rest_as_stored(bases, asked):
    load_model(source(bases["qwen3"]), device="cpu", dtype="int8")
    (call,) = asked
    assert call["config"].load_in_8bit
    assert call["device_map"] == {"": "cpu"}
    assert call["dtype"] == "auto"


def test_no_other_format_asks_for_it(bases, asked):
    load_model(source(bases["qwen3"]), device="cpu", dtype="float32")
    assert asked == []


def test_plain_adapters_share_the_base(bases, asked, tmp_path):
    base = bases["qwen3"]
    first, second = (adapter(base, tmp_path / str(seed), seed=seed) for seed in (1, 2))
    for finetuned in (Identical(), first, AdapterPair(first=first, second=second)):
        with load_pair(source(base), finetuned, device="cpu", dtype="int8") as pair:
            assert pair.share_network
    assert len(asked) == 3


def test_what_would_be_a_second_network_is_refused(bases, asked, tmp_path):
    base = bases["qwen3"]
    full = FullModel(source=source(make_model(tmp_path / "full", seed=9)))
    other = adapter(base, tmp_path / "dora", use_dora=True)
    for finetuned, words in ((full, "The full model .*full'"), (other, "which has use_dora,")):
        with pytest.raises(BadModel, match=rf"{words} cannot be compared .*8 bits.*bfloat16"):
            load_pair(source(base), finetuned, device="cpu", dtype="int8")
    same = FullModel(source=source(base))
    assert load_pair(source(base), same, device="cpu", dtype="int8").identical


def test_a_missing_library_is_named_with_its_extra(bases, monkeypatch):
    monkeypatch.setitem(sys.modules, "bitsandbytes", None)
    with pytest.raises(MissingExtra, match=r"'int8' needs .*pip install 'diffkit\[quantized\]'"):
        load_model(source(bases["qwen3"]), device="cpu", dtype="int8")


def test_the_key_says_the_stored_format_too(bases):
    formats = [
        PairSpec(source(bases["qwen3"]), Identical(), dtype).identity().dtype
        for dtype in ("int8", None, "bfloat16")
    ]
    assert formats == ["int8+stored:float32/default", "stored:float32/default", "bfloat16/default"]


@real
def test_in_8_bits_a_pair_is_nearly_what_it_was(bases, tmp_path, texts):
    base, own = bases["qwen3"], make_adapter(bases["qwen3"], tmp_path / "a")
    with pair_of(base, own) as whole, pair_of(base, own, dtype="int8") as small:
        inputs = whole.base.inputs(texts, max_tokens=16)
        for side in ("base", "finetuned"):
            exact, near = (getattr(pair, side).logits(inputs) for pair in (whole, small))
            assert 0 < (near - exact).norm() < 0.1 * exact.norm()
        weights = {p.dtype for p in small.base.network.module.parameters()}
        assert torch.int8 in weights


@real
def test_deltas_and_controls_of_a_plain_lora_read_no_rounded_weight(bases, tmp_path):
    base, own = bases["qwen3"], make_adapter(bases["qwen3"], tmp_path / "a")
    with pair_of(base, own) as whole, pair_of(base, own, dtype="int8") as small:
        for pair in ((whole, small), (whole.control(0), small.control(0))):
            exact, near = (list(one.deltas()) for one in pair)
            assert [delta.module for delta in exact] == [delta.module for delta in near]
            for one, other in zip(exact, near, strict=True):
                assert torch.equal(one.dense(), other.dense())


@real
def test_gradients_reach_the_inputs(bases, texts):
    grads = []
    for dtype in (None, "int8"):
        model = load_model(source(bases["qwen3"]), device="cpu", dtype=dtype)
        inputs = model.inputs(texts, max_tokens=16)
        embeds = model.embed(inputs.ids).detach().requires_grad_()
        model.logits(inputs.with_embeds(embeds)).log_softmax(-1)[..., 0].mean().backward()
        grads.append(embeds.grad.flatten())
    assert torch.cosine_similarity(*grads, dim=0) > 0.9
