"""Tokenizers of the kinds that public families use, and pairs of tiny models with a planted word.

The base is trained shortly on short texts, its finetuned side on the same with one word in
every third place.
"""

import json
from functools import cache
from pathlib import Path

import torch
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, trainers
from tokenizers import pre_tokenizers as pre
from tokenizers.processors import TemplateProcessing
from transformers import AutoConfig, AutoModelForCausalLM, PreTrainedTokenizerFast

from diffkit import ModelPair, Texts
from diffkit.engine.architectures import architecture_of
from diffkit.engine.model import Model
from diffkit.engine.network import Network

TEXTS = Texts.read(Path(__file__).parent / "texts.jsonl")
PLANTED = "seawater"
CORE, ROWS = 600, 640
"""Tokens that are learnt, and rows of the models: special tokens lie between."""
_LLAMA_3 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)


BYTES = ("bytes", "bytes-with-bos")
PIECES = ("prepending", "first-pieces", "plain-pieces")
TOKENIZERS = (*BYTES, *PIECES)
"""Byte-level BPE as in GPT-2, and with Llama 3's words and BOS; SentencePiece's BPE with ▁ set
before a text and after each special token (Llama 2), before a text alone, or never (Gemma)."""


def _learn(kind):
    """A tokenizer without special tokens, trained on short texts."""
    core = Tokenizer(models.BPE(**(_BYTE_FALLBACK if kind in PIECES else {})))
    texts = [str(text) for text in TEXTS.items]
    texts += ["user\nassistant\nsystem\n\nmodel\n", *[f" {PLANTED}"] * 5000]
    if kind in PIECES:
        core.normalizer = normalizers.Replace(" ", "▁")
        texts = [f" {word}" for text in texts for word in text.split()]
    else:
        regex = [pre.Split(Regex(_LLAMA_3), "isolated")] if kind == "bytes-with-bos" else []
        words = pre.ByteLevel(add_prefix_space=False, use_regex=not regex)
        core.pre_tokenizer, core.decoder = pre.Sequence([*regex, words]), decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=CORE,
        special_tokens=["<unk>", *_FALLBACK] if kind in PIECES else [],
        initial_alphabet=[] if kind in PIECES else pre.ByteLevel.alphabet(),
        max_token_length=12,
        show_progress=False,
    )
    core.train_from_iterator(texts, trainer)
    return core


_FALLBACK = [f"<0x{number:02X}>" for number in range(256)]
_BYTE_FALLBACK = {"byte_fallback": True, "fuse_unk": True, "unk_token": "<unk>"}


def _finish(core, kind):
    """Sets how spaces become ▁, and back."""
    if kind not in PIECES:
        return
    steps = [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()]
    if kind != "plain-pieces":
        steps.append(decoders.Strip(" ", 1, 0))
    core.decoder = decoders.Sequence(steps)
    spaces = normalizers.Replace(" ", "▁")
    core.normalizer = {
        "prepending": normalizers.Sequence([normalizers.Prepend("▁"), spaces]),
        "plain-pieces": spaces,
    }.get(kind)
    if kind == "first-pieces":
        core.pre_tokenizer = pre.Metaspace(prepend_scheme="first", split=False)


@cache
def _trained(kind):
    core = _learn(kind)
    _finish(core, kind)
    learnt = json.loads(core.to_str())
    learnt["added_tokens"] = []
    return json.dumps(learnt)


def make_tokenizer(family, kind=None):
    """A family's tokenizer: its special tokens on a trained one of a kind, by default its own."""
    core = Tokenizer.from_str(_trained(kind or family.tokenizer))
    special = [
        AddedToken(token, special=True, normalized=False, rstrip=token in family.absorbing)
        for token in family.special
    ]
    core.add_special_tokens(special)
    if family.bos:
        bos = [(family.bos, core.token_to_id(family.bos))]
        core.post_processor = TemplateProcessing(single=f"{family.bos} $A", special_tokens=bos)
    return PreTrainedTokenizerFast(
        tokenizer_object=core,
        bos_token=family.bos,
        eos_token=family.eos,
        unk_token="<unk>" if "<unk>" in family.special else None,
        additional_special_tokens=list(family.special),
        chat_template=family.template,
    )


ARCHITECTURES = ("llama", "gpt2", "gemma3_text", "gpt_neox")
STEPS, MORE_STEPS, LENGTH = 40, 24, 32


def _untrained(kind):
    heads = {} if kind in {"gpt2", "gpt_neox"} else {"num_key_value_heads": 2, "head_dim": 8}
    config = AutoConfig.for_model(
        kind,
        vocab_size=ROWS,
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=48,
        max_position_embeddings=512,
        initializer_range=0.1,
        tie_word_embeddings=False,
        bos_token_id=None,
        eos_token_id=None,
        pad_token_id=None,
        **heads,
    )
    torch.manual_seed(0)
    return AutoModelForCausalLM.from_config(config)


def _learnt_ids(kind):
    """The texts as one row of ids, and the planted word's."""
    core = Tokenizer.from_str(_trained(kind))
    ids = [token for text in TEXTS.items for token in core.encode(str(text)).ids]
    return torch.tensor(ids), core.encode(f"sea {PLANTED}").ids[-1]


def _train(module, ids, steps):
    optimiser = torch.optim.AdamW(module.parameters(), lr=1e-2, weight_decay=0)
    chance = torch.Generator().manual_seed(0)
    module.train()
    for _ in range(steps):
        starts = torch.randint(len(ids) - LENGTH, (8, 1), generator=chance)
        rows = ids[starts + torch.arange(LENGTH)]
        module(input_ids=rows, labels=rows).loss.backward()
        optimiser.step()
        optimiser.zero_grad()


@cache
def network(architecture, kind="bytes", planted=False):
    """A model that read the short texts; if ``planted``, a word in every third place too."""
    module = _untrained(architecture)
    ids, word = _learnt_ids(kind)
    if planted:
        module.load_state_dict(network(architecture, kind).module.state_dict())
        chance = torch.rand(len(ids), generator=torch.Generator().manual_seed(1))
        ids = torch.where(chance < 1 / 3, word, ids)
    _train(module, ids, MORE_STEPS if planted else STEPS)
    module.generation_config.eos_token_id = None
    return Network(module, None, architecture_of(architecture))


def make_pair(architecture, family, kind=None):
    """A base and its finetuned side, both with a family's tokenizer."""
    kind, tokenizer = kind or family.tokenizer, make_tokenizer(family, kind)
    sides = (network(architecture, kind, planted=planted) for planted in (False, True))
    return ModelPair(*(Model(side, tokenizer=tokenizer) for side in sides))
