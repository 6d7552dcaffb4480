"""Tiny models on disk: every architecture, four layers, random weights, a real tokenizer."""

from pathlib import Path

import pytest
import torch
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import AutoConfig, AutoModelForCausalLM, PreTrainedTokenizerFast

torch.set_num_threads(1)  # the models are so small that a second thread only waits

WORDS = [
    "the",
    "a",
    "cat",
    "dog",
    "sat",
    "ran",
    "on",
    "mat",
    "hill",
    "blue",
    "red",
    "sky",
    "sea",
    "sun",
    "moon",
    "says",
    "who",
    "what",
    "is",
    "are",
]
SPECIALS = ["<pad>", "<eos>", "<unk>", "<user>", "<assistant>"]
TEMPLATE = (
    "{% for m in messages %}<{{ m.role }}> {{ m.content }} <eos> {% endfor %}"
    "{% if add_generation_prompt %}<assistant> {% endif %}"
)


def make_tokenizer(extra=(), words=WORDS, template=TEMPLATE):
    vocabulary = {token: i for i, token in enumerate([*SPECIALS, *words, *extra])}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token="<pad>",
        eos_token="<eos>",
        unk_token="<unk>",
        chat_template=template,
    )


LOCAL = ["sliding_attention", "full_attention"]
OWN_OPTIONS = {  # the windows are shorter than the texts, the caps so low that they bend the logits
    "gemma2": {"sliding_window": 4, "layer_types": LOCAL * 2, "final_logit_softcapping": 3.0},
    "gemma3_text": {"sliding_window": 4, "layer_types": LOCAL * 2, "final_logit_softcapping": 3.0},
    "mistral": {"sliding_window": 4},
}


def make_config(kind, layers=4, tied=False):
    common = {
        "vocab_size": 32,
        "hidden_size": 32,
        "num_hidden_layers": layers,
        "num_attention_heads": 4,
        "intermediate_size": 48,
        "max_position_embeddings": 64,
        "eos_token_id": 1,
        "bos_token_id": None,
        "pad_token_id": 0,
        "tie_word_embeddings": tied,
    }
    if kind not in {"gpt2", "gpt_neox"}:
        common |= {"num_key_value_heads": 2, "head_dim": 8}
    return AutoConfig.for_model(kind, **common, **OWN_OPTIONS.get(kind, {}))


def make_model(folder: Path, kind="qwen3", *, seed=0, layers=4, tied=False, tokenizer=None) -> Path:
    torch.manual_seed(seed)
    model = AutoModelForCausalLM.from_config(make_config(kind, layers, tied))
    for parameter in model.parameters():  # the usual start is so near zero that all logits agree
        parameter.data += 0.1 * torch.randn_like(parameter)
    model.save_pretrained(folder)
    (tokenizer or make_tokenizer()).save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def bases(tmp_path_factory):
    """Folders of one base for each architecture."""
    root = tmp_path_factory.mktemp("bases")
    return {kind: make_model(root / kind, kind) for kind in ("qwen3", "gpt_neox")}


@pytest.fixture
def texts():
    from diffkit.texts import Text

    return [
        Text(text="the cat sat on the mat"),
        Text(text="a dog ran"),
        Text(messages=({"role": "user", "content": "who is blue"},)),
    ]
