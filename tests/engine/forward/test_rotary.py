"""Logits of a text are those of the text alone, read by a fresh model, in every batch."""

from copy import deepcopy

import pytest
import torch
from transformers import AutoConfig, AutoModelForCausalLM

from diffkit import Architecture, Inputs, Sampling, Text, register_architecture
from diffkit.engine.architectures import _TABLE
from diffkit.engine.loading.loader import load_model
from diffkit.organism import Source

from ..adapters import plain
from ..conftest import WORDS, make_config, make_tokenizer

DYNAMIC = {"rope_type": "dynamic", "factor": 2.0, "rope_theta": 10000.0}
LONG = {
    "rope_type": "longrope",
    "rope_theta": 10000.0,
    "short_factor": [1.0] * 4,
    "long_factor": [4.0] * 4,
    "original_max_position_embeddings": 12,
}
KINDS = {
    **{kind: {} for kind in sorted(_TABLE)},
    "dynamic llama": {"max_position_embeddings": 12, "rope_parameters": DYNAMIC},
    "dynamic qwen3": {"max_position_embeddings": 12, "rope_parameters": DYNAMIC},
    "dynamic gpt_neox": {
        "max_position_embeddings": 12,
        "rope_parameters": DYNAMIC | {"partial_rotary_factor": 1.0},
    },
    "longrope phi3": {"rope_parameters": LONG},
    "longrope llama": {"rope_parameters": LONG},
    "dynamic gemma3_text": {
        "max_position_embeddings": 12,
        "rope_parameters": {
            "sliding_attention": {"rope_type": "default", "rope_theta": 10000.0},
            "full_attention": DYNAMIC,
        },
    },
    "opt": {},
    "falcon": {},
    "bloom": {},
    "mpt": {},
    "stablelm": {"num_key_value_heads": 2, "max_position_embeddings": 64},
}
OTHERS = {
    "opt": Architecture(
        "model.decoder.layers",
        "model.decoder.embed_tokens",
        "model.decoder.final_layer_norm",
        "lm_head",
    ),
    "falcon": Architecture(
        "transformer.h", "transformer.word_embeddings", "transformer.ln_f", "lm_head"
    ),
    "bloom": Architecture(
        "transformer.h", "transformer.word_embeddings", "transformer.ln_f", "lm_head"
    ),
    "mpt": Architecture("transformer.blocks", "transformer.wte", "transformer.norm_f", "lm_head"),
    "stablelm": Architecture("model.layers", "model.embed_tokens", "model.norm", "lm_head"),
}
LENGTHS = (5, 30, 11, 12, 13, 1, 20)


def make(folder, name):
    kind = name.split()[-1]
    torch.manual_seed(0)
    config = make_config(kind).to_dict() if kind not in OTHERS else other(kind)
    config.pop("model_type", None)
    model = AutoModelForCausalLM.from_config(
        AutoConfig.for_model(kind, **config | deepcopy(KINDS[name]))
    )
    for parameter in model.parameters():
        parameter.data += 0.1 * torch.randn_like(parameter)
    model.save_pretrained(folder)
    make_tokenizer().save_pretrained(folder)
    return folder


def other(kind):
    common = {"vocab_size": 32, "hidden_size": 32, "num_hidden_layers": 2}
    common |= {"num_attention_heads": 4, "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 1}
    if kind == "opt":
        common |= {"ffn_dim": 48, "word_embed_proj_dim": 32, "max_position_embeddings": 64}
    return common


@pytest.fixture(scope="module", params=KINDS)
def case(tmp_path_factory, request):
    """The folder, the model, texts of several lengths, and logits of each alone, read freshly."""
    for kind, architecture in OTHERS.items():
        if request.param == kind:
            register_architecture(kind, architecture)
    folder = make(tmp_path_factory.mktemp("m") / "base", request.param)
    texts = [Text(text=" ".join((WORDS * 2)[i : i + n])) for i, n in enumerate(LENGTHS)]
    model = load_model(Source(at=str(folder)))
    alone = []
    for text in texts:
        with torch.no_grad():
            ids = torch.tensor([model.tokenizer(text.text).input_ids])
            alone.append(plain(folder)(input_ids=ids).logits[0])
    yield folder, model, texts, alone
    for kind in OTHERS:
        _TABLE.pop(kind, None)


@pytest.mark.parametrize("padding", ["left", "right"])
@pytest.mark.parametrize("size", [1, 3, len(LENGTHS)])
def test_logits_do_not_depend_on_the_batch(case, padding, size):
    _, model, texts, alone = case
    for first in range(0, len(texts), size):
        inputs = model.inputs(texts[first : first + size], max_tokens=64, padding=padding)
        logits = model.logits(inputs)
        states = model.project(model.final_states(inputs))
        embedded = model.logits(inputs.with_embeds(model.embed(inputs.ids)))
        for read in (logits, states, embedded):
            for row, expected in enumerate(alone[first : first + size]):
                found = read[row][inputs.mask[row]]
                torch.testing.assert_close(found, expected, atol=2e-5, rtol=2e-5)


def test_residual_streams_do_not_depend_on_the_batch(case):
    _, model, texts, alone = case
    inputs = model.inputs(texts, max_tokens=64)
    read = model.unembed(model.resid(inputs, [-1])[0])
    for row, expected in enumerate(alone):
        torch.testing.assert_close(read[row][inputs.mask[row]], expected, atol=2e-5, rtol=2e-5)


def test_generation_reads_each_row_as_if_it_were_alone(case):
    folder, model, texts, _ = case
    new = Sampling(max_new_tokens=4, stop_at_eos=False)
    prompts = [text.text for text in texts]
    together = [one.text for one in model.generate(prompts, new)]
    for prompt, found in zip(prompts, together, strict=True):
        ids = model.tokenizer(prompt).input_ids
        for _ in range(4):
            with torch.no_grad():
                logits = plain(folder)(input_ids=torch.tensor([ids])).logits
            ids.append(int(logits[0, -1, : model.vocabulary].argmax()))
        assert found == model.tokenizer.decode(ids[-4:], skip_special_tokens=True)


def test_a_cached_prefix_gives_the_logits_of_whole_rows(case):
    _, model, texts, alone = case
    ids = torch.tensor(model.tokenizer(texts[1].text).input_ids)
    for shared in (4, 11, 20):
        rest = ids[None, shared:]
        rows = Inputs(torch.ones_like(rest, dtype=torch.bool), ids=rest)
        found = model.prefix_cache(ids[:shared]).logits(rows)
        torch.testing.assert_close(found[0], alone[1][shared:], atol=2e-5, rtol=2e-5)
