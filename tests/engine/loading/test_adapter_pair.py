"""Two adapters of one base compared with each other: the null of seed pairs."""

import json

import pytest
import torch
from safetensors.torch import load_file

from diffkit import Inputs
from diffkit.engine import NetworkCache, load_pair, paired_gradient
from diffkit.errors import BadModel
from diffkit.organism import Adapter, AdapterPair, Source
from diffkit.sampling import Sampling

from ..adapters import arguments, make_adapter, separately
from ..conftest import make_tokenizer

GREEDY = Sampling(max_new_tokens=6, stop_at_eos=False)


def adapter(folder):
    return Adapter(source=Source(at=str(folder)))


def between(base, first, second, **options):
    sides = AdapterPair(first=adapter(first), second=adapter(second))
    return load_pair(Source(at=str(base)), sides, device="cpu", **options)


@pytest.fixture(params=["qwen3", "gpt_neox"])
def arch(request):
    return request.param


@pytest.fixture
def base(bases, arch):
    return bases[arch]


@pytest.fixture
def folders(base, arch, tmp_path):
    """Two adapters that differ in rank, scale and in which modules they change."""
    options = {
        "r": 2,
        "use_rslora": True,
        "target_modules": r".*(embed_tokens|embed_in|dense_h_to_4h|down_proj)",
    }
    return (
        make_adapter(base, tmp_path / "first", arch, seed=1),
        make_adapter(base, tmp_path / "second", arch, seed=2, **options),
    )


@pytest.fixture
def references(base, folders):
    return tuple(separately(base, folder) for folder in folders)


@pytest.fixture
def pair(base, folders):
    return between(base, *folders)


def trainable(model):
    return any(p.requires_grad for p in model.network.module.parameters())


def sides(pair, references):
    return zip((pair.base, pair.finetuned), references, strict=True)


def test_each_side_is_its_own_adapter(pair, references, texts):
    assert pair.share_network
    assert not pair.identical
    inputs = pair.base.inputs(texts, max_tokens=16)
    for _ in range(3):
        for model, reference in sides(pair, references):
            with torch.no_grad():
                run = reference(**arguments(inputs), output_hidden_states=True)
            ours = model.logits(inputs)[inputs.mask]
            torch.testing.assert_close(ours, run.logits[inputs.mask], atol=1e-5, rtol=1e-5)
            hidden = model.resid(inputs, [0, 1])
            for layer in (0, 1):
                expected = run.hidden_states[layer + 1][inputs.mask]
                torch.testing.assert_close(
                    hidden[layer][inputs.mask], expected, atol=1e-5, rtol=1e-5
                )
            table = reference.get_input_embeddings()
            torch.testing.assert_close(model.embed(inputs.ids), table(inputs.ids).detach())
            assert not trainable(model)
    assert pair.base.resolve_layers([0.5, -1]) == pair.finetuned.resolve_layers([0.5, -1]) == (2, 3)
    assert pair.vocabulary == pair.base.vocabulary == len(pair.base.tokenizer)


def test_both_sides_generate_as_their_own_model_does(pair, references):
    padded = list(range(pair.vocabulary, pair.base.vocab_rows))
    options = {"do_sample": False, "eos_token_id": None, "pad_token_id": 0}
    for model, reference in sides(pair, references):
        ids = torch.tensor([model.tokenizer("the cat sat").input_ids])
        rows = reference.generate(
            input_ids=ids, max_new_tokens=6, suppress_tokens=padded, **options
        )
        expected = model.tokenizer.decode(rows[0, ids.shape[1] :], skip_special_tokens=True)
        (said,) = model.generate(["the cat sat"], GREEDY)
        assert said.text == expected
        assert not trainable(model)


def test_an_edit_changes_its_own_side_alone(pair, texts):
    inputs = pair.base.inputs(texts, max_tokens=16)
    before = [side.logits(inputs) for side in (pair.base, pair.finetuned)]
    with pair.base.edit(1, torch.zeros_like):
        assert (pair.base.logits(inputs) - before[0]).abs().max() > 0.01
        assert torch.equal(pair.finetuned.logits(inputs), before[1])
    assert torch.equal(pair.base.logits(inputs), before[0])


def test_paired_gradients_run_through_both_adapters(pair, references, texts):
    inputs = pair.base.inputs(texts, max_tokens=8)
    embeds = pair.base.embed(inputs.ids)
    found = paired_gradient(pair, embeds, None, inputs.mask, lambda b, f: (b - f).square().mean())
    assert not trainable(pair.base)
    leaves = [embeds.clone().requires_grad_() for _ in references]
    mask = {"attention_mask": inputs.mask.long(), "position_ids": Inputs.positions.fget(inputs)}
    logits = [
        one(inputs_embeds=leaf, **mask).logits for one, leaf in zip(references, leaves, strict=True)
    ]
    (logits[0] - logits[1]).square().mean().backward()
    for ours, leaf in zip((found.base, found.finetuned), leaves, strict=True):
        torch.testing.assert_close(ours, leaf.grad, atol=1e-5, rtol=1e-4)


def stored_change(folder):
    """B·A times the scale, by module, straight from the adapter's files."""
    options = json.loads((folder / "adapter_config.json").read_text())
    rank = options["r"]
    scale = options["lora_alpha"] / (rank**0.5 if options["use_rslora"] else rank)
    tensors = load_file(folder / "adapter_model.safetensors")
    found = {}
    for key, tensor in tensors.items():
        module = key.removeprefix("base_model.model.")
        if module.endswith(".lora_A.weight"):
            up = tensors[key.replace("lora_A", "lora_B")]
            found[module.removesuffix(".lora_A.weight")] = scale * up @ tensor
        elif module.endswith(".lora_embedding_A"):
            up = tensors[key.replace("embedding_A", "embedding_B")]
            found[module.removesuffix(".lora_embedding_A")] = scale * (up @ tensor).T
    return found


def test_deltas_are_the_exact_difference_as_a_product(pair, folders):
    first, second = map(stored_change, folders)
    assert first.keys() - second.keys()
    assert second.keys() - first.keys()
    deltas = {delta.module: delta for delta in pair.deltas()}
    assert deltas.keys() == first.keys() | second.keys()
    for module, delta in deltas.items():
        expected = second.get(module, 0) - first.get(module, torch.zeros(()))
        torch.testing.assert_close(delta.dense(), expected, atol=1e-6, rtol=1e-5)
        ranks = 3 * (module in first) + 2 * (module in second)
        assert delta.low_rank.left.shape[1] == ranks
        assert delta.norm() == pytest.approx(float(expected.norm()), rel=1e-5)
        values = torch.linalg.svdvals(expected)[:2]
        torch.testing.assert_close(delta.svd(2).values, values, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("scale", [1.0, 3.0])
def test_a_control_is_noise_on_top_of_the_first(pair, references, texts, scale):
    source = {delta.module: delta for delta in pair.deltas()}
    inputs = pair.base.inputs(texts, max_tokens=16)
    with pair.control(5, scale) as control:
        drawn = {delta.module: delta for delta in control.deltas()}
        assert drawn.keys() == source.keys()
        for module, delta in drawn.items():
            assert delta.norm() == pytest.approx(scale * source[module].norm(), rel=1e-4)
            one, other = delta.dense().flatten(), source[module].dense().flatten()
            assert abs(torch.cosine_similarity(one, other, dim=0)) < 0.5
        assert control.base is pair.base
        assert (control.finetuned.logits(inputs) - pair.base.logits(inputs)).abs().max() > 0.01
        assert not trainable(control.finetuned)
        # the control's own weights, added by hand to the first adapter's model
        with torch.no_grad():
            weights = dict(references[0].base_model.model.named_modules())
            for module, delta in drawn.items():
                layer = getattr(weights[module], "base_layer", weights[module])
                layer.weight += delta.dense()
            expected = references[0](**arguments(inputs)).logits
        ours = control.finetuned.logits(inputs)[inputs.mask]
        torch.testing.assert_close(ours, expected[inputs.mask], atol=1e-4, rtol=1e-4)
    assert pair.base.logits(inputs).isfinite().all()  # closing the control leaves the first on


def test_the_same_adapter_twice_is_identical(base, folders, texts):
    with between(base, folders[0], folders[0]) as pair:
        assert pair.identical
        assert list(pair.deltas()) == []
        assert pair.control(0).identical
        inputs = pair.base.inputs(texts, max_tokens=8)
        assert torch.equal(pair.base.logits(inputs), pair.finetuned.logits(inputs))
        expected = separately(base, folders[0])(**arguments(inputs)).logits
        torch.testing.assert_close(
            pair.base.logits(inputs)[inputs.mask], expected[inputs.mask], atol=1e-5, rtol=1e-5
        )


def test_equal_weights_under_other_options_are_no_change(base, arch, tmp_path):
    first = make_adapter(base, tmp_path / "first", arch)
    second = make_adapter(base, tmp_path / "second", arch, lora_dropout=0.5)
    assert list(between(base, first, second).deltas()) == []


def test_closing_takes_both_adapters_off(base, folders, texts):
    with NetworkCache() as networks:
        plain = load_pair(
            Source(at=str(base)), adapter(folders[0]), device="cpu", networks=networks
        )
        module = plain.base.network.module
        inputs = plain.base.inputs(texts, max_tokens=8)
        before, size = plain.base.logits(inputs), sum(p.numel() for p in module.parameters())
        for pair in (between(base, *two, networks=networks) for two in (folders, folders[:1] * 2)):
            assert pair.base.network.module is module
            pair.base.logits(inputs)
            pair.close()
            pair.close()
            assert sum(p.numel() for p in module.parameters()) == size
            with pytest.raises(RuntimeError, match="closed"):
                pair.base.logits(inputs)
        assert torch.equal(plain.base.logits(inputs), before)


def test_a_second_adapter_that_does_not_fit_leaves_nothing_behind(bases, tmp_path):
    base = bases["qwen3"]
    first = make_adapter(base, tmp_path / "first")
    other = make_adapter(bases["gpt_neox"], tmp_path / "other", "gpt_neox")
    with NetworkCache() as networks:
        for two in ((first, other), (other, first)):
            with pytest.raises(BadModel, match="base"):
                between(base, *two, networks=networks)
        network = networks.get(base, device="cpu", dtype=None, attention=None)
        names = [name for name, _ in network.module.named_parameters() if "lora" in name]
        assert names == []


def test_only_plain_lora_can_be_compared(bases, tmp_path):
    base = bases["qwen3"]
    first = make_adapter(base, tmp_path / "first")
    dora = make_adapter(base, tmp_path / "dora", use_dora=True)
    for two in ((first, dora), (dora, first)):
        with pytest.raises(
            BadModel, match=r"dora.*use_dora.*plain LoRA.*compare each with the base"
        ):
            between(base, *two)


def test_each_is_checked(bases, tmp_path):
    base = bases["qwen3"]
    first = make_adapter(base, tmp_path / "first")
    note = {"base_fingerprint": "0" * 64}
    strange = make_adapter(base, tmp_path / "strange", seed=2)
    (strange / "diffkit.json").write_text(json.dumps(note))
    for two in ((first, strange), (strange, first)):
        with pytest.raises(BadModel, match="trained on another base"):
            between(base, *two)
        with pytest.raises(BadModel, match="is a full model, not an adapter"):
            between(base, *(one if one is first else base for one in two))


def test_tokens_that_two_adapters_added_must_agree(bases, tmp_path):
    base = bases["qwen3"]
    first, second = (make_adapter(base, tmp_path / n, seed=i) for i, n in enumerate("ab"))
    make_tokenizer(extra=["sheep"]).save_pretrained(first)
    with between(base, first, second) as pair:
        assert pair.base.vocabulary == pair.finetuned.vocabulary + 1 == pair.vocabulary + 1
    make_tokenizer(extra=["goat"]).save_pretrained(second)
    with pytest.raises(BadModel, match="differ at id 25: 'sheep'"):
        between(base, first, second)
