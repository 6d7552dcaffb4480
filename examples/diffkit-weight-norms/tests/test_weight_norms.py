"""weight-norms against torch.linalg, on LoRA and on full finetuning."""

import pytest
import torch
from diffkit_weight_norms import SPEC, register_methods
from diffkit_weight_norms.config import WeightNormsConfig
from diffkit_weight_norms.measure import concentration, measure_changes
from diffkit_weight_norms.method import WeightNorms
from diffkit_weight_norms.report import direction_logits

from diffkit import ModelPair, RunContext, Series, Source, Table, TokenTable, load_pair
from diffkit.checkpoints import Checkpoints
from diffkit.context import Artifacts
from diffkit.method import run_method
from diffkit.organism import FullModel


def run(pair, tiny_texts, folder, **options):
    context = RunContext(
        seed=0, texts=tiny_texts, artifacts=Artifacts(folder), checkpoints=Checkpoints(folder)
    )
    return run_method(WeightNorms(), pair, WeightNormsConfig(**options), context)


def merged(folder, base, adapter):
    """The adapter's change as a full model."""
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    model = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(base), adapter)
    model.merge_and_unload().save_pretrained(folder)
    return FullModel(source=Source(at=str(folder)))


@pytest.fixture(scope="module")
def full_pair(tiny_folder, tmp_path_factory):
    folder = tmp_path_factory.mktemp("full")
    full = merged(folder, tiny_folder / "base", tiny_folder / "adapter")
    with load_pair(Source(at=str(tiny_folder / "base")), full) as pair:
        yield pair


@pytest.fixture(params=["lora", "full"])
def pair(request, tiny_pair, full_pair):
    return {"lora": tiny_pair, "full": full_pair}[request.param]


def test_it_registers_its_one_method():
    specs = []
    register_methods(specs.append)
    assert specs == [SPEC]


def test_it_conforms(conforms):
    conforms(SPEC)


def test_measures_agree_with_torch(pair):
    deltas = {f"{d.module}.{d.parameter}": d.dense() for d in pair.deltas()}
    changes = list(measure_changes(pair, pair.deltas(), values=4))
    assert len(changes) == len(deltas) == 8  # 4 modules in each of 2 blocks
    for change in changes:
        dense = deltas[change.name]
        left, values, _ = torch.linalg.svd(dense)
        assert change.shape == tuple(dense.shape)
        assert change.frobenius == pytest.approx(float(torch.linalg.matrix_norm(dense)), rel=1e-5)
        assert change.spectral == pytest.approx(float(torch.linalg.matrix_norm(dense, 2)), rel=1e-5)
        assert change.stable_rank == pytest.approx(
            float((values**2).sum() / values[0] ** 2), rel=1e-4
        )
        torch.testing.assert_close(change.values, values[:4], rtol=1e-4, atol=1e-5)
        assert abs(float(change.top @ left[:, 0])) == pytest.approx(1, abs=1e-4)


def test_relative_norms_are_to_the_base_weight(pair):
    weights = dict(pair.base.network.module.named_parameters())
    for change in measure_changes(pair, pair.deltas(), values=1):
        module = change.name.removesuffix(".weight")
        weight = weights.get(change.name, weights.get(f"{module}.base_layer.weight"))
        assert change.base == pytest.approx(float(torch.linalg.matrix_norm(weight)), rel=1e-5)


def test_lora_and_its_merged_model_say_the_same(tiny_pair, full_pair, tiny_texts, tmp_path):
    lora, full = (run(p, tiny_texts, tmp_path) for p in (tiny_pair, full_pair))
    assert lora.change_score == pytest.approx(full.change_score, rel=1e-4)
    assert lora.metrics == pytest.approx(full.metrics, rel=1e-4)


def test_random_controls_tie_in_norm_and_not_in_concentration(tiny_pair):
    def measured(pair):
        return list(measure_changes(pair, pair.deltas(), values=1))

    planted = measured(tiny_pair)
    with tiny_pair.control(seed=1) as control:
        drawn = measured(control)
    assert [c.frobenius for c in drawn] == pytest.approx([c.frobenius for c in planted], rel=1e-3)
    assert concentration(drawn) != pytest.approx(concentration(planted), rel=1e-3)


def test_concentration_is_one_for_rank_one_and_one_over_rank_for_equal_values(tiny_pair):
    (change, *_) = measure_changes(tiny_pair, tiny_pair.deltas(), values=4)
    flat = torch.full((4,), change.frobenius / 2)
    equal = type(change)(**{**vars(change), "values": flat})
    single = type(change)(**{**vars(change), "values": torch.tensor([change.frobenius])})
    assert concentration([equal]) == pytest.approx(1 / 4)
    assert concentration([single]) == pytest.approx(1)
    assert concentration([]) is None


def test_the_lens_finds_a_token_whatever_the_sign(tiny_pair):
    norm = tiny_pair.base.network.module.model.norm.weight
    row = tiny_pair.base.network.module.lm_head.weight[42] / norm
    for sign in (1, -1):
        assert direction_logits(tiny_pair, sign * row / row.norm()).argmax() == 42


def test_swapping_sides_changes_no_norm(full_pair, tiny_texts, tmp_path):
    swapped = ModelPair(full_pair.finetuned, full_pair.base)
    there, back = (run(p, tiny_texts, tmp_path) for p in (full_pair, swapped))
    assert there.change_score == pytest.approx(back.change_score)


def test_findings_are_tables_of_tokens_then_norms_then_spectra(pair, tiny_texts, tmp_path):
    findings = run(pair, tiny_texts, tmp_path, directions=2, tokens=5, spectra=3)
    kinds = [type(item) for item in findings.items]
    assert kinds == [TokenTable, TokenTable, Table, Series]
    tokens, _, norms, spectra = findings.items
    assert len(tokens.rows) == 5
    assert len(norms.rows) == 8
    assert len(spectra.lines) == 3
    assert 0 < findings.change_score <= 1
