"""The map that loops differentiate, against `resid` and models without feed-forward parts."""

import pytest
import torch

from diffkit.engine import Inputs, load_pair
from diffkit.engine.architectures import _TABLE
from diffkit.errors import UserError
from diffkit.organism import Identical, Source

from .adapters import make_adapter, pair_of, plain
from .conftest import make_model

OUT = ("down_proj", "mlp.c_proj", "dense_4h_to_h")
"""What ends a feed-forward part, by architecture."""


@pytest.fixture(scope="module", params=sorted(_TABLE))
def folder(tmp_path_factory, request):
    return make_model(tmp_path_factory.mktemp(request.param) / "base", request.param)


@pytest.fixture(scope="module")
def model(folder):
    return load_pair(Source(at=str(folder)), Identical(), device="cpu").base


@pytest.fixture(scope="module")
def embeds():
    return torch.randn(3, 6, 32, generator=torch.Generator().manual_seed(0))


def as_inputs(embeds):
    return Inputs(torch.ones(embeds.shape[:2], dtype=torch.bool), embeds=embeds)


@pytest.mark.parametrize("layer", [0, 2, 1.0])
def test_it_is_resid(model, embeds, layer):
    (expected,) = model.resid(as_inputs(embeds), [layer])
    torch.testing.assert_close(model.embedding_to_residual(layer)(embeds), expected)


def test_its_gradient_is_that_of_resid(model, embeds):
    found = []
    for read in (model.embedding_to_residual(2), lambda leaf: model.resid(as_inputs(leaf), [2])[0]):
        leaf = embeds.clone().requires_grad_()
        read(leaf).square().sum().backward()
        found.append(leaf.grad)
    torch.testing.assert_close(*found)
    assert not any(p.requires_grad for p in model.network.module.parameters())


def test_without_feed_forward_parts_it_is_a_model_whose_parts_put_out_nothing(
    folder, model, embeds
):
    bare = plain(folder)
    cleared = [p for name, p in bare.named_parameters() if any(part in name for part in OUT)]
    assert len(cleared) in (4, 8)
    for parameter in cleared:
        parameter.data.zero_()
    kept = []
    layers = getattr(bare, bare.base_model_prefix)
    blocks = layers.h if hasattr(layers, "h") else layers.layers
    blocks[-1].register_forward_hook(lambda _m, _a, out: kept.append(out))
    with torch.no_grad():
        bare(inputs_embeds=embeds, use_cache=False)
    expected = kept[0][0] if isinstance(kept[0], tuple) else kept[0]
    torch.testing.assert_close(model.embedding_to_residual(-1, mlps=False)(embeds), expected)
    assert (model.embedding_to_residual(-1)(embeds) - expected).abs().max() > 0.01


def test_after_the_final_norm_it_is_what_transformers_calls_the_last_hidden_state(
    folder, model, embeds
):
    with torch.no_grad():
        whole = plain(folder)(inputs_embeds=embeds, output_hidden_states=True)
    found = model.embedding_to_residual(-1, final_norm=True)(embeds)
    torch.testing.assert_close(found, whole.hidden_states[-1], rtol=1e-4, atol=1e-4)


def test_the_final_norm_follows_the_last_block_alone(model):
    with pytest.raises(UserError, match="The final norm does not follow block 1"):
        model.embedding_to_residual(1, final_norm=True)


def test_no_later_block_runs_and_no_hook_is_left(model, embeds):
    ran = []
    blocks = model.network.blocks
    hook = blocks[2].register_forward_hook(lambda *_: ran.append(1))
    model.embedding_to_residual(1, mlps=False)(embeds)
    hook.remove()
    assert not ran
    assert not any(part._forward_hooks for part in blocks.modules())


def test_edits_in_force_are_made(model, embeds):
    before = model.embedding_to_residual(1)(embeds)
    with model.edit(1, lambda stream: stream + 1):
        torch.testing.assert_close(model.embedding_to_residual(1)(embeds), before + 1)


def test_gradients_flow_where_blocks_are_checkpointed_elsewhere(model, embeds):
    leaf = embeds.clone().requires_grad_()
    model.network.checkpointing(True)
    try:
        model.embedding_to_residual(1)(leaf).sum().backward()
    finally:
        model.network.checkpointing(False)
    assert leaf.grad.abs().sum() > 0


def test_both_sides_of_a_shared_network_have_their_own(bases, tmp_path, embeds):
    pair = pair_of(bases["qwen3"], make_adapter(bases["qwen3"], tmp_path))
    trunks = [side.embedding_to_residual(3) for side in (pair.base, pair.finetuned)]
    (base, finetuned, again) = (trunks[i](embeds) for i in (0, 1, 0))
    assert torch.equal(base, again)
    (expected,) = pair.finetuned.resid(as_inputs(embeds), [3])
    torch.testing.assert_close(finetuned, expected)
    assert (finetuned - base).abs().max() > 0.01
