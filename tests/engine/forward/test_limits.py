"""Inputs are held to what a network has rows and positions for."""

import pytest
import torch

from diffkit import Inputs, Sampling, Text
from diffkit.engine.forward.limits import position_limit
from diffkit.engine.loading.loader import load_model
from diffkit.errors import BadModel
from diffkit.organism import Source

from ..adapters import make_adapter, pair_of, plain
from ..conftest import WORDS, make_model, make_tokenizer

LEARNED = 64
"""max_position_embeddings of the tiny models."""
LONG = " ".join(WORDS * 4)
NEW = Sampling(max_new_tokens=4, stop_at_eos=False)


@pytest.fixture(scope="module")
def gpt2(tmp_path_factory):
    return make_model(tmp_path_factory.mktemp("gpt2") / "base", "gpt2")


def padded_tokenizer():
    """Thirty-six ids where the models have 32 rows; the last is the padding."""
    tokenizer = make_tokenizer(extra=[f"x{i}" for i in range(10)] + ["[PAD]"])
    tokenizer.pad_token = "[PAD]"
    return tokenizer


@pytest.mark.filterwarnings("ignore:fan_in_fan_out is set to:UserWarning")  # in peft
@pytest.mark.parametrize("kind", ["qwen3", "gpt2", "gpt_neox", "gemma3_text"])
@pytest.mark.parametrize("where", ["base", "adapter"])
def test_a_padding_id_without_a_row_changes_nothing(tmp_path, kind, where, texts):
    usual = make_model(tmp_path / "usual", kind)
    folder = make_model(
        tmp_path / "base", kind, tokenizer=padded_tokenizer() if where == "base" else None
    )
    adapter = make_adapter(folder, tmp_path / "a", kind)
    if where == "adapter":
        padded_tokenizer().save_pretrained(adapter)
    expected = load_model(Source(at=str(usual)))
    wanted = expected.logits(expected.inputs(texts, max_tokens=16))
    pair = pair_of(folder, adapter)
    for side in (pair.base, pair.finetuned):
        for padding in ("left", "right"):
            inputs = side.inputs(texts, max_tokens=16, padding=padding)
            side.resid(inputs, [0, -1])
            side.final_states(inputs)
            side.embed(inputs.ids)
            pair.log_probs(inputs)
            found = side.logits(inputs)[inputs.mask]
            if side is pair.base:
                mask = expected.inputs(texts, max_tokens=16).mask
                torch.testing.assert_close(found, wanted[mask], atol=1e-5, rtol=1e-5)
        prompts = ["the cat sat", "a"]
        alone = [side.generate([prompt], NEW)[0].text for prompt in prompts]
        assert [one.text for one in side.generate(prompts, NEW)] == alone


def test_any_number_of_tokens_can_be_embedded(gpt2):
    ids = torch.arange(32).repeat(1, 4)
    expected = plain(gpt2).transformer.wte(ids)
    assert torch.equal(load_model(Source(at=str(gpt2))).embed(ids), expected)


def test_a_token_without_a_row_is_named(tmp_path):
    folder = make_model(tmp_path / "base", tokenizer=padded_tokenizer())
    model = load_model(Source(at=str(folder)))
    inputs = model.inputs([Text(text="a cat"), Text(text="the x9 sat")], max_tokens=16)
    reads = (
        lambda: model.logits(inputs),
        lambda: model.embed(inputs.ids),
        lambda: model.generate(["the x9 sat"], NEW),
        lambda: model.prefix_cache(inputs.ids[1]),
    )
    for read in reads:
        with pytest.raises(BadModel, match=r"The token 'x9' \(id 34\) .* has no row .* has 32"):
            read()


@pytest.mark.parametrize(
    ("kind", "limit"), [("gpt2", LEARNED), ("gpt_neox", None), ("llama", None), ("gemma2", None)]
)
def test_only_learned_positions_are_a_limit(tmp_path, kind, limit):
    module = plain(make_model(tmp_path / "base", kind))
    assert position_limit(module) == limit
    ids = torch.ones(1, LEARNED + 1, dtype=torch.long)
    if limit is None:
        module(input_ids=ids)
    else:
        with pytest.raises(IndexError):
            module(input_ids=ids)


def test_texts_are_cut_at_the_learned_positions_and_it_is_said_once(gpt2, caplog):
    model = load_model(Source(at=str(gpt2)))
    short = model.inputs([Text(text="a cat")], max_tokens=2048)
    assert not caplog.records
    inputs = model.inputs([Text(text=LONG), Text(text="a cat")], max_tokens=2048)
    model.inputs([Text(text=LONG)], max_tokens=2048)
    assert [record.getMessage() for record in caplog.records] == [
        "Texts are cut at the 64 positions that were learned."
    ]
    assert inputs.mask.sum(dim=1).tolist() == [LEARNED, 2]
    ids = model.tokenizer(LONG).input_ids[:LEARNED]
    expected = plain(gpt2)(input_ids=torch.tensor([ids])).logits
    torch.testing.assert_close(model.logits(inputs)[:1], expected, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(
        model.logits(inputs)[1:, :2], model.logits(short), atol=1e-5, rtol=1e-5
    )


def test_what_cannot_be_cut_is_refused_by_name(gpt2):
    model = load_model(Source(at=str(gpt2)))
    ids = torch.tensor([model.tokenizer(LONG).input_ids])
    inputs = Inputs(torch.ones_like(ids, dtype=torch.bool), ids=ids)
    embeds = model.embed(ids)
    cached = model.prefix_cache(ids[0, :60])
    reads = (
        lambda: model.logits(inputs),
        lambda: model.final_states(inputs),
        lambda: model.resid(inputs, [0]),
        lambda: model.logits(inputs.with_embeds(embeds)),
        lambda: model.embedding_to_residual(0)(embeds),
        lambda: model.generate([LONG], NEW),
        lambda: cached.logits(model.inputs([Text(text="the cat sat on the mat")], max_tokens=9)),
    )
    for read in reads:
        with pytest.raises(BadModel, match=r"has learned 64 positions.*max_tokens=64"):
            read()


@pytest.mark.parametrize("batch_size", [1, 3])
def test_generation_ends_where_the_positions_end(gpt2, batch_size):
    model = load_model(Source(at=str(gpt2)))
    prompts = [" ".join((WORDS * 4)[:count]) for count in (61, 5, 63)]
    done = model.generate(prompts, NEW, batch_size=batch_size)
    assert [(one.tokens, one.finished) for one in done] == [(3, False), (4, False), (1, False)]
    reference = plain(gpt2)
    for prompt, one in zip(prompts, done, strict=True):
        ids = model.tokenizer(prompt).input_ids
        for _ in range(one.tokens):
            with torch.no_grad():
                logits = reference(input_ids=torch.tensor([ids])).logits[0, -1, : model.vocabulary]
            ids.append(int(logits.argmax()))
        new = model.tokenizer.decode(ids[-one.tokens :], skip_special_tokens=True)
        assert one.text == new
    full = " ".join((WORDS * 4)[:64])
    with pytest.raises(BadModel, match="no token can follow"):
        model.generate([full], NEW)
