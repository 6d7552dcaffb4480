import threading

import pytest
import torch

from diffkit.engine import load_pair, paired_gradient
from diffkit.engine.loading.loader import NetworkCache
from diffkit.organism import Identical, Source
from diffkit.sampling import Sampling

from .adapters import make_adapter, pair_of, plain


@pytest.fixture
def pair(bases, tmp_path):
    return pair_of(bases["qwen3"], make_adapter(bases["qwen3"], tmp_path / "a"))


def trainable(model):
    return [n for n, p in model.network.module.named_parameters() if p.requires_grad]


def test_no_parameter_requires_gradients_after_any_call(pair, texts):
    inputs = pair.base.inputs(texts, max_tokens=8)
    embeds = pair.base.embed(inputs.ids)
    calls = {
        "logits": lambda m: m.logits(inputs),
        "resid": lambda m: m.resid(inputs, [1]),
        "embed": lambda m: m.embed(inputs.ids),
        "unembed": lambda m: m.unembed(embeds),
        "generate": lambda m: m.generate(["the"], Sampling(max_new_tokens=2)),
    }
    assert not trainable(pair.base)
    for name, call in calls.items():
        for model in (pair.base, pair.finetuned, pair.base):
            call(model)
            assert not trainable(model), name
    with pair.control(0) as control:
        assert not trainable(control.finetuned)
    assert not trainable(pair.base)
    paired_gradient(pair, embeds, None, inputs.mask, lambda b, f: (b - f).square().mean())
    list(pair.deltas())
    assert not trainable(pair.base)


def test_after_twenty_swaps_the_base_is_bit_equal(bases, pair, texts):
    inputs = pair.base.inputs(texts, max_tokens=16)
    untouched = load_pair(Source(at=str(bases["qwen3"])), Identical()).base.logits(inputs)
    finetuned = pair.finetuned.logits(inputs)
    for _ in range(20):
        assert torch.equal(pair.finetuned.logits(inputs), finetuned)
        assert torch.equal(pair.base.logits(inputs), untouched)


def test_two_threads_each_get_their_side(pair, texts):
    inputs = pair.base.inputs(texts, max_tokens=16)
    expected = {m: (m.logits(inputs), m.resid(inputs, [1])) for m in (pair.base, pair.finetuned)}
    wrong = []

    def read(model):
        for _ in range(40):
            if not torch.equal(model.logits(inputs), expected[model][0]):
                wrong.append("logits")
            if not torch.equal(model.resid(inputs, [1]), expected[model][1]):
                wrong.append("resid")

    threads = [threading.Thread(target=read, args=(m,)) for m in (*expected, *expected)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_edits_belong_to_their_thread(pair, texts):
    inputs = pair.base.inputs(texts, max_tokens=16)
    before = pair.base.logits(inputs)
    seen = []
    with pair.base.edit(0, torch.zeros_like):
        thread = threading.Thread(target=lambda: seen.append(pair.base.logits(inputs)))
        thread.start()
        thread.join()
    assert torch.equal(seen[0], before)


def test_the_other_side_inside_a_pass_is_an_error_not_a_wrong_number(pair, texts):
    inputs = pair.base.inputs(texts, max_tokens=8)
    with (
        pair.base.edit(0, lambda hidden: hidden + pair.finetuned.embed(inputs.ids)),
        pytest.raises(RuntimeError, match="another side"),
    ):
        pair.base.logits(inputs)


def test_many_organisms_on_one_base_load_it_once(bases, tmp_path, texts):
    with NetworkCache() as networks:
        pairs = [
            pair_of(
                bases["qwen3"],
                make_adapter(bases["qwen3"], tmp_path / str(n), seed=n),
                networks=networks,
            )
            for n in range(3)
        ]
        assert len(networks) == 1
        assert len({id(p.base.network) for p in pairs}) == 1
        inputs = pairs[0].base.inputs(texts, max_tokens=16)
        together = [p.finetuned.logits(inputs) for p in pairs]
        for n, logits in enumerate(together):
            alone = pair_of(bases["qwen3"], tmp_path / str(n)).finetuned.logits(inputs)
            assert torch.equal(logits, alone)
        pairs[0].close()
        assert torch.equal(pairs[1].finetuned.logits(inputs), together[1])
        pair_of(bases["qwen3"], tmp_path / "0", networks=networks, dtype="bfloat16")
        assert len(networks) == 2
    assert len(networks) == 0


def test_closing_takes_the_adapter_off(pair, texts):
    inputs = pair.base.inputs(texts, max_tokens=8)
    before = pair.base.logits(inputs)
    size = sum(p.numel() for p in pair.base.network.module.parameters())
    for seed in range(5):
        with pair.control(seed) as control:
            control.finetuned.logits(inputs)
            assert torch.equal(control.base.logits(inputs), before)
    assert sum(p.numel() for p in pair.base.network.module.parameters()) == size
    pair.close()
    pair.close()
    assert torch.equal(pair.base.logits(inputs), before)
    assert sum(p.numel() for p in pair.base.network.module.parameters()) < size


def test_a_closed_pair_leaves_room_for_the_next(bases, tmp_path, texts):
    """All adapters gone and another one put on: peft keeps its empty layers in between."""
    base = bases["qwen3"]
    adapter = make_adapter(base, tmp_path / "a")
    with NetworkCache() as networks:
        with pair_of(base, adapter, networks=networks) as first:
            inputs = first.base.inputs(texts, max_tokens=8)
            expected = first.finetuned.logits(inputs)
        with pair_of(base, adapter, networks=networks) as second:
            assert torch.equal(second.finetuned.logits(inputs), expected)
            reference = plain(base)(input_ids=inputs.ids, attention_mask=inputs.mask.long()).logits
            torch.testing.assert_close(
                second.base.logits(inputs)[inputs.mask], reference[inputs.mask]
            )


def test_a_closed_side_is_not_used_in_silence(pair, texts):
    inputs = pair.base.inputs(texts, max_tokens=8)
    pair.close()
    with pytest.raises(RuntimeError, match="closed"):
        pair.finetuned.logits(inputs)
