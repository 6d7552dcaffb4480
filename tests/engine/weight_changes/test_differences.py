import copy

import pytest
import torch
from transformers import AutoModelForCausalLM

from diffkit.engine import load_pair
from diffkit.errors import BadModel
from diffkit.organism import Control, FullModel, Source

from ..adapters import make_adapter, pair_of, plain, separately
from ..conftest import make_model
from ..loading.test_adapters import OWN


def dense(pair):
    return {f"{d.module}.{d.parameter}": d.dense() for d in pair.deltas()}


def merged_difference(base, adapter, rows=None):
    """Weights after peft's own merge, less the base's."""
    merged = separately(base, adapter, rows).merge_and_unload()
    before = dict(plain(base).named_parameters(remove_duplicate=False))
    found = {}
    for name, after in merged.named_parameters(remove_duplicate=False):
        common = min(len(after), len(before[name]))
        change = (after[:common] - before[name][:common]).detach()
        if change.abs().max() > 1e-7:
            found[name] = change if change.ndim > 1 else change[:, None]
    return found


@pytest.mark.filterwarnings("ignore:Setting `save_embedding_layers`:UserWarning")
@pytest.mark.parametrize("arch", ["qwen3", "gpt_neox"])
@pytest.mark.parametrize("name", ["lora", "rslora", "embedding and head", *OWN])
def test_deltas_equal_what_merging_changes(bases, tmp_path, arch, name):
    from ..loading.test_adapters import PLAIN

    options = (PLAIN | OWN)[name]
    adapter = make_adapter(bases[arch], tmp_path / "a", arch, **options)
    found = dense(pair_of(bases[arch], adapter))
    expected = merged_difference(bases[arch], adapter, options.get("rows"))
    assert found.keys() == expected.keys()
    for key, change in expected.items():
        torch.testing.assert_close(found[key], change, atol=2e-6, rtol=1e-4)


@pytest.fixture
def full(bases, tmp_path):
    """A full finetune of the Qwen3 base that changed three weights."""
    model = AutoModelForCausalLM.from_pretrained(bases["qwen3"])
    torch.manual_seed(9)
    with torch.no_grad():
        model.model.layers[1].mlp.up_proj.weight += 0.1 * torch.randn(48, 32)
        model.model.norm.weight += 0.1 * torch.randn(32)
        model.lm_head.weight[4] += 0.3
    model.save_pretrained(tmp_path / "full")
    return tmp_path / "full"


def full_pair(base, full):
    return load_pair(Source(at=str(base)), FullModel(source=Source(at=str(full))))


def test_a_full_finetune_lists_the_weights_that_changed(bases, full):
    pair = full_pair(bases["qwen3"], full)
    assert not pair.share_network
    places = {(d.module, d.parameter, d.layer) for d in pair.deltas()}
    assert places == {
        ("model.layers.1.mlp.up_proj", "weight", 1),
        ("model.norm", "weight", None),
        ("lm_head", "weight", None),
    }
    assert {tuple(d.dense().shape) for d in pair.deltas()} == {(48, 32), (32, 1), (32, 32)}


def test_norms_and_singular_values_need_no_dense_matrix(bases, tmp_path):
    pair = pair_of(bases["qwen3"], make_adapter(bases["qwen3"], tmp_path / "a"))
    for delta in pair.deltas():
        assert delta.low_rank is not None
        matrix = delta.dense()
        assert delta.norm() == pytest.approx(float(matrix.norm()), rel=1e-5)
        cheap = delta.svd(3)
        torch.testing.assert_close(
            cheap.values, torch.linalg.svdvals(matrix)[:3], atol=1e-5, rtol=1e-4
        )
        rebuilt = cheap.left @ cheap.values.diag() @ cheap.right
        torch.testing.assert_close(rebuilt, matrix, atol=1e-5, rtol=1e-4)
        assert len(delta.svd(99).values) == 3


def test_singular_values_of_a_dense_change(bases, full):
    for delta in full_pair(bases["qwen3"], full).deltas():
        found = delta.svd(99)
        torch.testing.assert_close(found.left @ found.values.diag() @ found.right, delta.dense())


def changes(pair):
    return {(d.module, d.parameter): d for d in pair.deltas()}


@pytest.mark.parametrize("arch", ["qwen3", "gpt_neox"])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"layers_to_transform": [2]},
        {"use_rslora": True},
        {"target_modules": r".*(embed_tokens|embed_in|lm_head)"},
    ],
)
def test_a_control_matches_every_norm_and_nothing_else(bases, tmp_path, texts, arch, options):
    pair = pair_of(bases[arch], make_adapter(bases[arch], tmp_path / "a", arch, **options))
    source = changes(pair)
    with pair.control(1) as control:
        drawn = changes(control)
        assert control.share_network
        assert drawn.keys() == source.keys()
        for key, delta in drawn.items():
            assert delta.norm() == pytest.approx(source[key].norm(), rel=1e-5)
            one, other = delta.dense().flatten(), source[key].dense().flatten()
            assert abs(torch.cosine_similarity(one, other, dim=0)) < 0.5
            assert delta.low_rank.left.shape == source[key].low_rank.left.shape
        inputs = pair.base.inputs(texts, max_tokens=8)
        assert (control.finetuned.logits(inputs) - pair.base.logits(inputs)).abs().max() > 0.01


def test_a_control_depends_on_its_seed_alone(bases, tmp_path, texts):
    adapter = make_adapter(bases["qwen3"], tmp_path / "a")
    pair, again = pair_of(bases["qwen3"], adapter), pair_of(bases["qwen3"], adapter)
    again.control(7)  # what was drawn before plays no part
    torch.manual_seed(1)
    first, second, other = dense(pair.control(1)), dense(again.control(1)), dense(pair.control(2))
    for key, change in first.items():
        assert torch.equal(change, second[key])
        assert not torch.allclose(change, other[key])


def test_controls_of_full_finetunes(bases, full, texts):
    pair = full_pair(bases["qwen3"], full)
    source = changes(pair)
    with pair.control(3) as control:
        drawn = changes(control)
        assert drawn.keys() == source.keys()
        for key, delta in drawn.items():
            assert delta.norm() == pytest.approx(source[key].norm(), rel=1e-4)
        untouched = drawn["lm_head", "weight"].dense().abs().sum(dim=1)
        assert untouched.nonzero().flatten().tolist() == [4]
        assert dense(pair.control(3)).keys() == dense(control).keys()
    inputs = pair.base.inputs(texts, max_tokens=8)
    torch.testing.assert_close(
        pair.base.logits(inputs)[inputs.mask],
        plain(bases["qwen3"])(input_ids=inputs.ids, attention_mask=inputs.mask.long()).logits[
            inputs.mask
        ],
    )


@pytest.mark.filterwarnings("ignore:Setting `save_embedding_layers`:UserWarning")
@pytest.mark.filterwarnings("ignore:Model has `tie_word_embeddings=True`:UserWarning")
@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize(
    "options", [{"modules_to_save": ["embed_tokens"]}, *list(OWN.values())[:4]]
)
def test_controls_of_adapters_with_their_own_base(tmp_path, tied, options):
    base = make_model(tmp_path / "base", tied=tied)
    pair = pair_of(base, make_adapter(base, tmp_path / "a", **options))
    source = changes(pair)
    control = pair.control(3)
    drawn = changes(control)
    assert drawn.keys() == source.keys()
    for key, delta in drawn.items():
        assert delta.norm() == pytest.approx(source[key].norm(), rel=1e-4)
    assert control.finetuned.network is not pair.base.network


def test_tied_embeddings_with_trained_tokens_change_once(tmp_path):
    base = make_model(tmp_path / "base", tied=True)
    pair = pair_of(
        base, make_adapter(base, tmp_path / "a", target_modules=["q_proj"], **OWN["tokens"])
    )
    kept = list(pair.deltas())  # kept, so that no two of them can have had one place in memory
    outside = [d for d in kept if d.layer is None]
    assert [d.module for d in outside] == ["model.embed_tokens"]
    assert [d.module for d in pair.control(0).deltas() if d.layer is None] == ["model.embed_tokens"]


def test_a_tied_full_finetune_is_compared_once_and_stays_tied(tmp_path):
    base = make_model(tmp_path / "base", tied=True)
    model = copy.deepcopy(AutoModelForCausalLM.from_pretrained(base))
    model.model.embed_tokens.weight.data += 0.1
    model.save_pretrained(tmp_path / "full")
    pair = full_pair(base, tmp_path / "full")
    assert [d.module for d in pair.deltas()] == ["model.embed_tokens"]
    assert [d.module for d in pair.control(0).deltas()] == ["model.embed_tokens"]


def test_the_control_of_an_identical_pair_is_identical(bases):
    from diffkit.organism import Identical

    pair = load_pair(Source(at=str(bases["qwen3"])), Identical())
    assert pair.identical
    assert list(pair.deltas()) == []
    assert pair.control(0).identical


def test_a_declared_control_equals_the_pairs_own(bases, tmp_path, full):
    adapter = make_adapter(bases["qwen3"], tmp_path / "a")
    base = Source(at=str(bases["qwen3"]))
    pair = pair_of(bases["qwen3"], adapter)
    recognised = pair_source(adapter)
    declared = load_pair(base, Control(of=recognised, seed=4))
    for key, change in dense(pair.control(4)).items():
        assert torch.equal(dense(declared)[key], change)
    assert not load_pair(base, Control(of=pair_source(full), seed=4)).identical


def test_a_scaled_control_has_scaled_norms(bases, tmp_path, full):
    base = Source(at=str(bases["qwen3"]))
    for of in (make_adapter(bases["qwen3"], tmp_path / "a"), full):
        plain, scaled = (
            load_pair(base, Control(of=pair_source(of), seed=4, scale=scale)) for scale in (1, 8)
        )
        before, after = dense(plain), dense(scaled)
        assert after.keys() == before.keys()
        for key, change in after.items():
            torch.testing.assert_close(change, 8 * before[key], atol=1e-5, rtol=1e-3)


def pair_source(folder):
    from diffkit.engine import detect_kind

    return detect_kind(Source(at=str(folder)))


def test_a_network_of_other_modules_is_refused(bases):
    with pytest.raises(BadModel, match="GPTNeoX"):
        full_pair(bases["qwen3"], bases["gpt_neox"])
