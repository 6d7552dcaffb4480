"""Every architecture that diffkit knows, against transformers and peft used plainly."""

from operator import attrgetter

import pytest
import torch
from transformers.pytorch_utils import Conv1D

from diffkit.engine.architectures import _TABLE, architecture_of
from diffkit.sampling import Sampling
from diffkit.texts import Text

from .adapters import arguments, make_adapter, pair_of, plain, separately
from .conftest import make_model
from .loading.test_adapters import compare
from .weight_changes.test_differences import changes, dense, full_pair, merged_difference

ARCHITECTURES = [
    "gemma2",
    "gemma3_text",
    "gpt2",
    "gpt_neox",
    "llama",
    "mistral",
    "olmo2",
    "phi3",
    "qwen2",
    "qwen3",
]
TIED = {"gemma2", "gemma3_text", "gpt2"}
"""Those that share embedding and unembedding unless told otherwise."""
GREEDY = Sampling(max_new_tokens=8, stop_at_eos=False)
PROMPTS = ["the cat sat on the mat", "a dog", "who is blue"]
pytestmark = pytest.mark.filterwarnings("ignore:fan_in_fan_out is set to:UserWarning")  # in peft


class Case:
    """A pair with a LoRA on every linear layer, and its sides loaded plainly."""

    def __init__(self, kind, root):
        self.kind = kind
        self.folder = make_model(root / "base", kind, tied=kind in TIED)
        self.adapter = make_adapter(
            self.folder, root / "adapter", kind, target_modules="all-linear"
        )
        self.pair = pair_of(self.folder, self.adapter)
        self.references = {
            "base": plain(self.folder),
            "finetuned": separately(self.folder, self.adapter).get_base_model(),
        }


@pytest.fixture(scope="module", params=ARCHITECTURES)
def case(tmp_path_factory, request):
    return Case(request.param, tmp_path_factory.mktemp(request.param))


@pytest.fixture(scope="module", params=["base", "finetuned"])
def side(case, request):
    """One side, and the same model as transformers and peft load it."""
    return getattr(case.pair, request.param), case.references[request.param]


def hooked(reference, path, inputs):
    """Every block's output, by plain hooks, and the logits."""
    seen = []

    def keep(_module, _arguments, output):
        seen.append(output[0] if isinstance(output, tuple) else output)

    hooks = [block.register_forward_hook(keep) for block in attrgetter(path)(reference)]
    with torch.no_grad():
        logits = reference(**arguments(inputs)).logits
    for hook in hooks:
        hook.remove()
    return torch.stack(seen), logits


def test_every_known_architecture_is_tested():
    assert set(ARCHITECTURES) == set(_TABLE)


def test_the_parts_are_those_that_transformers_names(case):
    parts, module = architecture_of(case.kind), case.pair.base.network.module
    assert attrgetter(parts.embed)(module) is module.get_input_embeddings()
    assert attrgetter(parts.unembed)(module) is module.get_output_embeddings()
    assert case.pair.share_network
    assert all(p.layer is not None for p in case.pair.deltas())


def test_texts_get_the_ids_of_the_stored_tokenizer(case):
    ids = case.pair.base.inputs([Text(text="the cat sat")], max_tokens=16).ids
    assert ids.tolist() == [[5, 7, 9]]


def test_residuals_and_logits_equal_plain_hooks(case, side, texts):
    model, reference = side
    inputs = model.inputs(texts, max_tokens=16)
    expected, logits = hooked(reference, architecture_of(case.kind).blocks, inputs)
    torch.testing.assert_close(model.resid(inputs, range(4)), expected, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(model.logits(inputs), logits, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(model.logits(inputs, 2), model.logits(inputs)[:, -2:])
    torch.testing.assert_close(model.logits(inputs, slice(1, 3)), model.logits(inputs)[:, 1:3])
    torch.testing.assert_close(model.unembed(expected[-1]), logits, atol=1e-5, rtol=1e-5)


def test_the_sides_differ(case, texts):
    inputs = case.pair.base.inputs(texts, max_tokens=16)
    base, finetuned = (case.pair.base.logits(inputs), case.pair.finetuned.logits(inputs))
    assert (base - finetuned).abs().max() > 0.01


def test_padding_on_either_side_agrees_at_real_tokens(side, texts):
    model, _ = side
    left, right = (model.inputs(texts, max_tokens=16, padding=p) for p in ("left", "right"))
    assert not torch.equal(left.mask, right.mask)
    for read in (model.logits, lambda i: torch.cat(list(model.resid(i, range(4))), dim=-1)):
        torch.testing.assert_close(
            read(left)[left.mask], read(right)[right.mask], atol=1e-5, rtol=1e-5
        )


def test_embeddings_give_the_same_as_ids(side, texts):
    model, _ = side
    inputs = model.inputs(texts, max_tokens=16)
    embedded = inputs.with_embeds(model.embed(inputs.ids))
    torch.testing.assert_close(model.logits(embedded), model.logits(inputs))


def test_greedy_generation_equals_transformers(side):
    model, reference = side
    batch = model.inputs([Text(text=p) for p in PROMPTS], max_tokens=16, padding="left")
    reference.generation_config.eos_token_id = None
    with torch.no_grad():
        theirs = reference.generate(
            input_ids=batch.ids,
            attention_mask=batch.mask.long(),
            do_sample=False,
            max_new_tokens=GREEDY.max_new_tokens,
            suppress_tokens=list(range(model.vocabulary, model.vocab_rows)),
            pad_token_id=0,
        )[:, batch.ids.shape[1] :]
    expected = model.tokenizer.batch_decode(theirs, skip_special_tokens=True)
    assert [c.text for c in model.generate(PROMPTS, GREEDY)] == expected
    assert len(set(expected)) > 1


def test_edits_reach_logits_residuals_and_generation(side, texts):
    model, _ = side
    inputs = model.inputs(texts, max_tokens=16)
    direction = torch.linspace(-2, 2, 32)
    before, plainly = model.resid(inputs, [1, 3]), model.generate(PROMPTS, GREEDY)
    with model.edit(1, lambda hidden: hidden + 5 * direction):
        after = model.resid(inputs, [1, 3])
        torch.testing.assert_close(after[0], before[0] + 5 * direction)
        torch.testing.assert_close(model.unembed(after[1]), model.logits(inputs))
        assert model.generate(PROMPTS, GREEDY) != plainly
    assert torch.equal(model.resid(inputs, [1, 3]), before)


def test_deltas_equal_what_merging_changes(case):
    found = dense(case.pair)
    turned = {
        f"{name}.weight"
        for name, module in case.references["base"].named_modules()
        if isinstance(module, Conv1D)
    }
    expected = merged_difference(case.folder, case.adapter)
    assert found.keys() == expected.keys()
    for key, change in expected.items():
        upright = change.T if key in turned else change
        torch.testing.assert_close(found[key], upright, atol=2e-6, rtol=1e-4)
    assert bool(turned) == (case.kind == "gpt2")


def test_a_control_matches_every_norm(case, texts):
    inputs = case.pair.base.inputs(texts, max_tokens=8)
    source = changes(case.pair)
    with case.pair.control(1) as control:
        drawn = changes(control)
        assert drawn.keys() == source.keys()
        for key, delta in drawn.items():
            assert delta.norm() == pytest.approx(source[key].norm(), rel=1e-5)
        assert (control.finetuned.logits(inputs) - control.base.logits(inputs)).abs().max() > 0.01


def change(base, folder, kind):
    """Saves a finetune of one matrix in block 1 and of the final norm; gives the first change."""
    model, parts = plain(base), architecture_of(kind)
    modules = attrgetter(parts.blocks)(model)[1].modules()
    weight = [m for m in modules if isinstance(m, torch.nn.Linear | Conv1D)][-1].weight.data
    before = weight.clone()
    weight += 0.1 * torch.randn_like(weight)
    attrgetter(parts.final_norm)(model).weight.data += 0.1
    model.save_pretrained(folder)
    return weight - before


def test_full_finetunes_and_their_controls(case, tmp_path, texts):
    expected = change(case.folder, tmp_path / "full", case.kind)
    pair = full_pair(case.folder, tmp_path / "full")
    found = [d for d in pair.deltas() if d.layer == 1]
    assert len(found) == 1
    upright = expected.T if case.kind == "gpt2" else expected
    torch.testing.assert_close(found[0].dense(), upright)
    source, drawn = changes(pair), changes(pair.control(3))
    assert drawn.keys() == source.keys()
    for key, delta in drawn.items():
        assert delta.norm() == pytest.approx(source[key].norm(), rel=1e-4)
        assert delta.dense().shape == source[key].dense().shape


DORA = {"gpt2": ["c_fc", "wte"], "gemma3_text": ["down_proj", "embed_tokens"]}
"""Where weights lie turned, and where embeddings have a scale."""


@pytest.mark.parametrize("kind", DORA)
@pytest.mark.parametrize("options", [{"use_dora": True}, {}, {"init_lora_weights": "pissa"}])
def test_other_kinds_of_lora_on_turned_weights_and_scaled_embeddings(
    tmp_path, texts, kind, options
):
    base = make_model(tmp_path / "base", kind)
    adapter = make_adapter(base, tmp_path / "a", kind, target_modules=DORA[kind], **options)
    pair = compare(base, adapter, texts)
    expected = merged_difference(base, adapter)
    found = dense(pair)
    assert found.keys() == expected.keys()
    for key, difference in expected.items():
        upright = difference.T if "c_fc.weight" in key else difference
        torch.testing.assert_close(found[key], upright, atol=2e-6, rtol=1e-4)
