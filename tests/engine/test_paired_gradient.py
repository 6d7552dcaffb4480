import pytest
import torch

from diffkit.engine import paired_gradient

from .adapters import make_adapter, pair_of, plain, separately


def kl(base, finetuned):
    p, q = finetuned.log_softmax(-1), base.log_softmax(-1)
    return (p.exp() * (p - q)).sum(-1).mean()


@pytest.fixture(params=["qwen3", "gpt_neox"])
def case(bases, tmp_path, request):
    base = bases[request.param]
    adapter = make_adapter(base, tmp_path / "a", request.param)
    return base, adapter, pair_of(base, adapter)


def parameters(pair):
    return pair.base.network.module.parameters()


def reference(base, adapter, embeds_base, embeds_finetuned, mask):
    """Two models loaded one beside the other, one ordinary backward pass."""
    leaves = [e.clone().requires_grad_() for e in (embeds_base, embeds_finetuned)]
    models = (plain(base), separately(base, adapter))
    logits = [
        m(inputs_embeds=leaf, attention_mask=mask.long()).logits
        for m, leaf in zip(models, leaves, strict=True)
    ]
    loss = kl(*logits)
    loss.backward()
    return loss.item(), leaves[0].grad, leaves[1].grad


def kl_of_states(pair):
    """The same loss, from what the unembeddings read."""
    return lambda base, finetuned: kl(pair.base.project(base), pair.finetuned.project(finetuned))


@pytest.mark.parametrize("read", ["logits", "states"])
@pytest.mark.parametrize("checkpointing", [False, True])
@pytest.mark.parametrize("same", [False, True])
def test_gradients_equal_two_separate_models(case, texts, checkpointing, same, read):
    base, adapter, pair = case
    inputs = pair.base.inputs(texts[:1], max_tokens=16)
    embeds = pair.base.embed(inputs.ids)
    other = None if same else embeds + 0.1
    loss, at_base, at_finetuned = reference(
        base, adapter, embeds, embeds if same else other, inputs.mask
    )
    pair.base.network.checkpointing(checkpointing)
    wanted = kl if read == "logits" else kl_of_states(pair)
    found = paired_gradient(pair, embeds, other, inputs.mask, wanted, read=read)
    assert not any(p.requires_grad or p.grad is not None for p in parameters(pair))
    assert found.loss == pytest.approx(loss, abs=1e-5)
    torch.testing.assert_close(found.base, at_base, atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(found.finetuned, at_finetuned, atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(found.total, at_base + at_finetuned, atol=1e-5, rtol=1e-4)


def test_checkpointing_runs_blocks_again_and_leaves_the_rest_alone(case, texts):
    _, _, pair = case
    inputs = pair.base.inputs(texts, max_tokens=16)
    embeds = pair.base.embed(inputs.ids)
    runs = []
    mlp = pair.base.network.blocks[1].mlp
    hook = mlp.register_forward_hook(lambda module, *_: runs.append(module.training))

    def count():
        runs.clear()
        paired_gradient(pair, embeds, None, inputs.mask, kl)
        return len(runs)

    assert count() == 2
    pair.base.network.checkpointing(True)
    assert count() == 4
    assert not any(runs)
    assert not any(m.training for m in pair.base.network.module.modules())
    pair.base.network.checkpointing(False)
    assert count() == 2
    hook.remove()


def test_checkpointing_does_not_disturb_generation_or_reading(case, texts):
    from diffkit.sampling import Sampling

    _, _, pair = case
    inputs = pair.base.inputs(texts, max_tokens=16)
    sampling = Sampling(max_new_tokens=5, stop_at_eos=False)
    before = pair.finetuned.generate(["the cat"], sampling), pair.finetuned.resid(inputs, [2])
    pair.base.network.checkpointing(True)
    after = pair.finetuned.generate(["the cat"], sampling), pair.finetuned.resid(inputs, [2])
    assert after[0] == before[0]
    assert torch.equal(after[1], before[1])


@pytest.mark.parametrize("read", ["logits", "states"])
def test_edits_hold_in_recomputed_blocks(case, texts, read):
    _, _, pair = case
    loss = kl if read == "logits" else kl_of_states(pair)
    inputs = pair.base.inputs(texts, max_tokens=16)
    embeds = pair.base.embed(inputs.ids)
    found = []
    for checkpointing in (False, True):
        pair.base.network.checkpointing(checkpointing)
        with pair.finetuned.edit(2, lambda hidden: hidden * 1.5):
            found.append(paired_gradient(pair, embeds, None, inputs.mask, loss, keep=2, read=read))
    torch.testing.assert_close(found[0].finetuned, found[1].finetuned, atol=1e-5, rtol=1e-4)
    plainly = paired_gradient(pair, embeds, None, inputs.mask, loss, keep=2, read=read)
    assert (plainly.finetuned - found[0].finetuned).abs().max() > 1e-4


def test_a_loss_of_one_side_has_no_gradient_at_the_other(case, texts):
    _, _, pair = case
    inputs = pair.base.inputs(texts, max_tokens=16)
    embeds = pair.base.embed(inputs.ids)
    found = paired_gradient(
        pair, embeds, None, inputs.mask, lambda _base, finetuned: finetuned.mean()
    )
    assert found.base.abs().max() == 0
    assert found.finetuned.abs().max() > 0


def test_embeddings_require_no_gradients_whatever_came_while_blocks_ran_again(case):
    pair = case[2]
    network, ids = pair.base.network, torch.tensor([[5, 6]])
    network.checkpointing(True)
    pair.control(1).close()  # an adapter that comes and goes
    assert not pair.base.embed(ids).requires_grad
    assert not pair.finetuned.embed(ids).requires_grad
    network.checkpointing(False)
    assert not pair.base.embed(ids).requires_grad
