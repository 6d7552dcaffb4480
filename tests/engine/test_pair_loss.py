import pytest
import torch

from diffkit.engine import load_pair, pair_loss, paired_gradient
from diffkit.maths import DIVERGENCES
from diffkit.organism import FullModel, Identical, Source

from .adapters import make_adapter, pair_of, plain
from .conftest import make_model, make_tokenizer


def naive(pair, states_base, states_finetuned, divergence, weights):
    """All logits of both sides at once, in the number format of the models."""
    leaves = [s.clone().requires_grad_() for s in (states_base, states_finetuned)]
    sides = (pair.base, pair.finetuned)
    log_q, log_p = (
        side.project(leaf)[:, : pair.vocabulary].float().log_softmax(-1)
        for side, leaf in zip(sides, leaves, strict=True)
    )
    values = weights * divergence(log_p, log_q)
    values.sum().backward()
    return values.detach(), [leaf.grad for leaf in leaves]


def states_of(pair, texts):
    """Both sides' states at all positions, [positions hidden]."""
    inputs = pair.base.inputs(texts, max_tokens=16)
    return [side.final_states(inputs).flatten(0, 1) for side in (pair.base, pair.finetuned)]


def lora(root, kind):
    base = make_model(root / "base", kind, tied=kind == "gemma2")
    return pair_of(base, make_adapter(base, root / "adapter", kind))


def two_networks(root, _kind):
    """The finetuned side has a token and rows that the base lacks, likely ones at that."""
    base = make_model(root / "base")
    model = plain(base)
    model.resize_token_embeddings(37, mean_resizing=False)
    with torch.no_grad():
        model.lm_head.weight[:25] += 0.2 * torch.randn(25, 32, generator=torch.manual_seed(3))
        model.lm_head.weight[25:] *= 5
    model.save_pretrained(root / "full")
    make_tokenizer(["new"]).save_pretrained(root / "full")
    full = FullModel(source=Source(at=str(root / "full")))
    return load_pair(Source(at=str(base)), full)


@pytest.fixture(scope="module", params=["qwen3", "gpt_neox", "gemma2", "two networks"])
def pair(request, tmp_path_factory):
    make = two_networks if request.param == "two networks" else lora
    return make(tmp_path_factory.mktemp("pair"), request.param)


def embedded(pair, texts):
    inputs = pair.base.inputs(texts, max_tokens=16)
    return inputs.mask, pair.base.embed(inputs.ids)


@pytest.mark.parametrize("name", DIVERGENCES)
@pytest.mark.parametrize("chunk", [1, 4, 99])
def test_losses_and_gradients_equal_those_of_all_logits_at_once(pair, texts, name, chunk):
    states = states_of(pair, texts)
    weights = torch.linspace(0, 2, len(states[0]))
    leaves = [s.clone().requires_grad_() for s in states]
    found = pair_loss(
        pair, *leaves, lambda p, q, at: weights[at] * DIVERGENCES[name](p, q), chunk=chunk
    )
    values, gradients = naive(pair, *states, DIVERGENCES[name], weights)
    (3 * found.total).backward()
    torch.testing.assert_close(found.values, values, atol=1e-6, rtol=1e-5)
    torch.testing.assert_close(found.total.detach(), values.sum())
    assert not found.values.requires_grad
    for leaf, gradient in zip(leaves, gradients, strict=True):
        assert gradient.abs().max() > 1e-3
        torch.testing.assert_close(leaf.grad, 3 * gradient, atol=1e-5, rtol=1e-4)
    parameters = [
        p for side in (pair.base, pair.finetuned) for p in side.network.module.parameters()
    ]
    assert all(p.grad is None for p in parameters)


@pytest.mark.parametrize("name", DIVERGENCES)
@pytest.mark.parametrize("checkpointing", [False, True])
def test_gradients_reach_the_inputs_as_through_all_logits(pair, texts, name, checkpointing):
    mask, embeds = embedded(pair, texts)
    values = []

    def plainly(base, finetuned):
        log_q, log_p = (x[mask][:, : pair.vocabulary].log_softmax(-1) for x in (base, finetuned))
        return DIVERGENCES[name](log_p, log_q).mean()

    def by_chunks(base, finetuned):
        count = mask.sum()
        found = pair_loss(
            pair,
            base[mask],
            finetuned[mask],
            lambda p, q, _: DIVERGENCES[name](p, q) / count,
            chunk=5,
        )
        values.append(found.values)
        return found.total

    networks = {side.network for side in (pair.base, pair.finetuned)}
    expected = paired_gradient(pair, embeds, None, mask, plainly)
    for network in networks:
        network.checkpointing(checkpointing)
    found = paired_gradient(pair, embeds, None, mask, by_chunks, read="states")
    for network in networks:
        network.checkpointing(False)
    assert found.loss == pytest.approx(expected.loss, rel=1e-5, abs=1e-7)
    assert found.loss == pytest.approx(values[0].sum().item())
    assert expected.total.abs().max() > 1e-3
    torch.testing.assert_close(found.base, expected.base, atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(found.finetuned, expected.finetuned, atol=1e-5, rtol=1e-4)


def test_bfloat16_states_are_compared_in_float32(tmp_path, texts):
    base = make_model(tmp_path / "base")
    adapter = make_adapter(base, tmp_path / "adapter")
    pair = pair_of(base, adapter, dtype="bfloat16")
    states = states_of(pair, texts)
    leaves = [s.clone().requires_grad_() for s in states]
    found = pair_loss(pair, *leaves, lambda p, q, _: DIVERGENCES["kl"](p, q), chunk=4)
    found.total.backward()
    values, gradients = naive(pair, *states, DIVERGENCES["kl"], torch.ones(len(states[0])))
    assert found.values.dtype == torch.float32
    torch.testing.assert_close(found.values, values, atol=1e-5, rtol=1e-4)
    for leaf, gradient in zip(leaves, gradients, strict=True):
        assert leaf.grad.dtype == torch.bfloat16
        torch.testing.assert_close(leaf.grad, gradient, atol=1e-3, rtol=2e-2)


def test_the_base_against_itself_gives_0_and_no_gradient_worth_the_name(bases, texts):
    pair = load_pair(Source(at=str(bases["qwen3"])), Identical())
    leaves = [s.requires_grad_() for s in states_of(pair, texts)]
    found = pair_loss(pair, *leaves, lambda p, q, _: DIVERGENCES["kl"](p, q))
    found.total.backward()
    assert (found.values == 0).all()
    assert found.total == 0
    assert all(leaf.grad.abs().max() < 1e-6 for leaf in leaves)


def test_only_what_asks_for_a_gradient_has_one(pair, texts):
    base, finetuned = states_of(pair, texts)
    kl = DIVERGENCES["kl"]
    without = pair_loss(pair, base, finetuned, lambda p, q, _: kl(p, q))
    assert not without.total.requires_grad
    leaf = finetuned.clone().requires_grad_()
    weight = torch.ones((), requires_grad=True)
    one = pair_loss(pair, base, leaf, lambda p, q, _: weight * kl(p, q))
    one.total.backward()
    assert torch.equal(one.values, without.values)
    assert leaf.grad.abs().max() > 0
    assert base.grad is None
    assert weight.grad is None


def test_a_loss_of_one_side_leaves_the_other_at_0(pair, texts):
    base, finetuned = (s.requires_grad_() for s in states_of(pair, texts))
    pair_loss(pair, base, finetuned, lambda p, _q, _at: p[:, 0]).total.backward()
    assert base.grad.abs().max() == 0
    assert finetuned.grad.abs().max() > 0


def test_no_positions_are_a_loss_of_0(pair, texts):
    base, finetuned = (s[:0].requires_grad_() for s in states_of(pair, texts))
    found = pair_loss(pair, base, finetuned, lambda p, q, _: DIVERGENCES["jsd"](p, q))
    found.total.backward()
    assert found.total == 0
    assert found.values.shape == (0,)


def test_no_more_than_a_chunk_is_ever_projected(pair, texts, monkeypatch):
    sizes = []
    plainly = type(pair.base).project

    def watched(self, states):
        sizes.append(len(states))
        return plainly(self, states)

    leaves = [s.requires_grad_() for s in states_of(pair, texts)]
    monkeypatch.setattr(type(pair.base), "project", watched)
    pair_loss(pair, *leaves, lambda p, q, _: DIVERGENCES["kl"](p, q), chunk=3)
    count = len(leaves[0])
    assert max(sizes) == 3
    assert sum(sizes) == 2 * count


def test_a_raising_loss_leaves_the_pair_usable(pair, texts):
    leaves = [s.requires_grad_() for s in states_of(pair, texts)]

    def burn(*_):
        raise ZeroDivisionError("burnt")

    with pytest.raises(ZeroDivisionError, match="burnt"):
        pair_loss(pair, *leaves, burn)
    with torch.no_grad():
        assert pair_loss(pair, *leaves, lambda p, q, _: DIVERGENCES["kl"](p, q)).total > 0
