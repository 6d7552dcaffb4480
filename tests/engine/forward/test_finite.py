"""NaN and infinity are refused where they arise, by side, place and next step."""

import pytest
import torch
from safetensors.torch import load_file, save_file

from diffkit import Inputs, Sampling, Text, paired_gradient
from diffkit.engine.loading.loader import load_model, load_pair
from diffkit.engine.pair import ModelPair
from diffkit.errors import NonFinite
from diffkit.organism import FullModel, Source

from ..adapters import make_adapter, pair_of, plain
from ..conftest import make_model, make_tokenizer

TEXTS = [Text(text="the cat sat on the mat"), Text(text="a dog ran")]


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    return make_model(tmp_path_factory.mktemp("base") / "b")


@pytest.fixture(scope="module")
def loud(base, tmp_path_factory):
    """A full model that float32 holds and float16 does not."""
    folder = tmp_path_factory.mktemp("loud")
    model = plain(base)
    for layer in model.model.layers:
        layer.mlp.down_proj.weight.data *= 3e5
    model.save_pretrained(folder)
    make_tokenizer().save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def diverged(base, tmp_path_factory):
    """A full model with a NaN that only the token ``dog`` meets."""
    folder = tmp_path_factory.mktemp("diverged")
    model = plain(base)
    model.model.embed_tokens.weight.data[8] = torch.nan
    model.save_pretrained(folder)
    return folder


def full_pair(base, folder, **options):
    return load_pair(Source(at=str(base)), FullModel(source=Source(at=str(folder))), **options)


def overflowing(side):
    """Every way to read a side, by name."""
    inputs = side.inputs(TEXTS, max_tokens=16)
    left = side.inputs(TEXTS, max_tokens=16, padding="left")
    embeds = side.embed(inputs.ids)
    new = Sampling(max_new_tokens=2)
    return {
        "logits": lambda: side.logits(inputs),
        "last logits": lambda: side.logits(left, keep=1),
        "final states": lambda: side.final_states(inputs),
        "residual stream": lambda: side.resid(inputs, [-1]),
        "embedding to residual": lambda: side.embedding_to_residual(-1)(embeds[:1]),
        "generate": lambda: side.generate(["the cat"], new),
        "generate ids": lambda: side.generate_ids(left, new),
        "prefix cache": lambda: side.prefix_cache(inputs.ids[0, :2]).logits(inputs),
    }


@pytest.mark.parametrize(
    "read",
    [
        "logits",
        "last logits",
        "final states",
        "residual stream",
        "embedding to residual",
        "generate",
        "generate ids",
        "prefix cache",
    ],
)
def test_a_float16_overflow_names_the_side_and_the_format_that_helps(base, loud, read):
    pair = full_pair(base, loud, dtype="float16")
    assert all(bool(torch.as_tensor(w).isfinite().all()) for _, w in pair.base.weights())
    with pytest.raises(NonFinite, match=r"The finetuned side gives (NaN|infinity) as") as caught:
        overflowing(pair.finetuned)[read]()
    assert "try: --dtype float32" in str(caught.value)
    side = full_pair(base, loud, dtype="float32").finetuned
    overflowing(side)[read]()  # the next step that the error names


def test_mixed_generation_and_log_probs_name_the_side_too(base, loud):
    pair = full_pair(base, loud, dtype="float16")
    left = pair.base.inputs(TEXTS, max_tokens=16, padding="left")
    with pytest.raises(NonFinite, match="The finetuned side"):
        pair.generate_mixed(left, lambda p, q, rows: p + q, Sampling(max_new_tokens=2))
    with pytest.raises(NonFinite, match="The finetuned side"):
        pair.log_probs(left)


def test_the_base_is_named_where_it_is_the_base(base, loud):
    pair = full_pair(loud, base, dtype="float16")
    with pytest.raises(NonFinite, match=r"^The base gives"):
        pair.log_probs(pair.base.inputs(TEXTS, max_tokens=16))


def test_the_place_is_named_and_padding_does_not_count(base, diverged):
    pair = full_pair(base, diverged)
    side = pair.finetuned
    fine = side.inputs([Text(text="the cat sat on the mat"), Text(text="a cat")], max_tokens=16)
    expected = plain(base)(input_ids=fine.ids[:1]).logits[0]
    torch.testing.assert_close(side.logits(fine)[0], expected)
    with pytest.raises(NonFinite) as caught:
        side.logits(side.inputs(TEXTS, max_tokens=16))
    assert "of 3 of the text 'a dog ran'" in str(caught.value)
    assert "Its weight model.embed_tokens.weight holds NaN" in str(caught.value)
    assert "--dtype" not in str(caught.value)  # another format would not help


def test_a_row_without_a_token_may_hold_anything(base, tmp_path):
    model = plain(base)
    model.lm_head.weight.data[30] = torch.nan  # the tokenizer has 25 tokens
    model.save_pretrained(tmp_path)
    pair = full_pair(base, tmp_path)
    assert pair.log_probs(pair.base.inputs(TEXTS, max_tokens=16)).finetuned.isfinite().all()


@pytest.mark.parametrize("options", [{}, {"bias": "all"}])
def test_a_diverged_adapter_is_refused_by_its_tensor(base, tmp_path, options):
    folder = make_adapter(base, tmp_path / "a", **options)
    file = folder / "adapter_model.safetensors"
    tensors = load_file(file)
    name = sorted(tensors)[1]
    tensors[name][0] = torch.nan
    save_file(tensors, file)
    with pytest.raises(NonFinite, match="finetuned side") as caught:
        pair_of(base, folder)
    assert name in str(caught.value)


def test_weight_changes_that_are_no_numbers_are_not_left_out(base, diverged):
    with pytest.raises(NonFinite, match="embed_tokens"):
        list(full_pair(base, diverged).deltas())


def test_gradients_are_refused_where_they_overflow(base, loud):
    pair = full_pair(base, loud)
    embeds = pair.finetuned.embed(pair.base.inputs(TEXTS[:1], max_tokens=16).ids).requires_grad_()
    mask = torch.ones(embeds.shape[:2], dtype=torch.bool)
    logits = pair.finetuned.logits(Inputs(mask, embeds=embeds))
    with pytest.raises(NonFinite, match="as a gradient"):
        (logits.sum() * 1e38 * 1e38).backward()
    with pytest.raises(NonFinite, match="as a gradient"):
        paired_gradient(pair, embeds, None, mask, lambda b, f: 3e38 * b[..., 0].sum())
    found = paired_gradient(pair, embeds, None, mask, lambda b, f: torch.inf * b.sum())
    assert not found.base.isfinite().all()  # the loss's own fault, which its caller reports


def test_an_edit_that_overflows_is_named(base):
    model = load_model(Source(at=str(base)))
    inputs = model.inputs(TEXTS, max_tokens=16)
    with (
        model.edit(1, lambda hidden: hidden * torch.inf),
        pytest.raises(NonFinite, match=r"The model gives NaN .* while an edit"),
    ):
        model.logits(inputs)


def test_a_mix_that_excludes_every_token_is_refused(base):
    model = load_model(Source(at=str(base)))
    left = model.inputs(TEXTS, max_tokens=16, padding="left")
    with pytest.raises(ValueError, match="excludes every token"):
        ModelPair(model, model).generate_mixed(
            left, lambda p, q, rows: p * -torch.inf, Sampling(max_new_tokens=2)
        )
