"""Loads models and tokenizers from GGUF files, their weights no longer quantised.

transformers reads the weights. What it would lose without a word is refused by name here: tensors
and settings that it does not carry over, and rules of splitting words that it does not know.
"""

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from diffkit.engine.loading.gguf_header import OTHER_SOURCE, GGUFHeader, read_gguf_header
from diffkit.errors import BadFile, BadModel, first_line


def read_gguf_config(path: Path) -> Any:
    """The transformers configuration of a GGUF file.

    Raises:
        BadModel: its architecture is unknown, or a setting would be lost.
        BadFile: the file is damaged.
    """
    from transformers import AutoConfig

    header = read_gguf_header(path)
    try:
        config = AutoConfig.from_pretrained(path.parent, gguf_file=path.name, local_files_only=True)
    except Exception as error:  # transformers raises errors of many libraries
        what = f"{str(path)!r} has the architecture {header.architecture!r}, "
        what += f"which cannot be read from a GGUF file ({first_line(error)})."
        raise BadModel(what, hint=OTHER_SOURCE) from error
    _carry_settings(header, config)
    return config


_SETTINGS = {
    "attention.head_count": ("num_attention_heads", "n_head"),
    "attention.head_count_kv": ("num_key_value_heads",),
    "attention.key_length": ("head_dim",),
    "attention.layer_norm_epsilon": ("layer_norm_eps", "layer_norm_epsilon", "norm_epsilon"),
    "attention.layer_norm_rms_epsilon": ("rms_norm_eps", "norm_eps"),
    "attention.sliding_window": ("sliding_window",),
    "attn_logit_softcapping": ("attn_logit_softcapping",),
    "block_count": ("num_hidden_layers", "n_layer"),
    "embedding_length": ("hidden_size", "n_embd"),
    "final_logit_softcapping": ("final_logit_softcapping",),
    "rope.freq_base": ("rope_theta",),
}
"""Setting of a GGUF file: what transformers calls it; the first that a configuration has counts."""

_CARRIED = (
    "attention.key_length",
    "attention.sliding_window",
    "attn_logit_softcapping",
    "final_logit_softcapping",
)
"""Settings that can be set where transformers leaves them out, if its configuration has them."""

_OPTIONAL = _CARRIED[1:]
"""Settings that do nothing where a configuration has none."""


def _carry_settings(header: GGUFHeader, config: Any) -> None:
    """Puts settings into the configuration that transformers left out, or refuses them by name."""
    own = header.architecture
    for name, names in _SETTINGS.items():
        said = header.fields.get(f"{own}.{name}")
        kept = next((v for v in (_setting(config, n) for n in names) if v is not None), None)
        if not isinstance(said, int | float) or _equal(said, kept, name):
            continue
        if name not in _CARRIED or not hasattr(config, names[0]):
            raise _lost(header, f"{own}.{name} is {said:g}", f"makes {kept} of it")
        setattr(config, names[0], said)
    scaling = str(header.fields.get(f"{own}.rope.scaling.type", "none"))
    rope = getattr(config, "rope_parameters", None) or {}
    if scaling != "none" and rope.get("rope_type", "default") == "default":
        raise _lost(header, f"{own}.rope.scaling.type is {scaling!r}", "would leave it out")


def _setting(config: Any, name: str) -> Any:
    if name == "rope_theta":
        rope = getattr(config, "rope_parameters", None) or {}
        return (rope.get("full_attention") or rope).get(name)
    if name == "head_dim" and getattr(config, name, None) is None:
        heads = getattr(config, "num_attention_heads", 0)
        return config.hidden_size // heads if heads else None
    return getattr(config, name, None)


def _equal(said: int | float, kept: object, name: str) -> bool:
    if kept is None:  # an array in the file, or a part that this architecture has not
        return name not in _OPTIONAL
    return isinstance(kept, int | float) and math.isclose(said, kept, rel_tol=1e-5)


def _lost(header: GGUFHeader, what: str, then: str) -> BadModel:
    return BadModel(f"{str(header.path)!r}: {what}, and transformers {then}.", hint=OTHER_SOURCE)


def load_gguf(path: Path, dtype: torch.dtype | None, attention: str | None) -> Any:
    """The transformers model of a GGUF file, on the CPU.

    Its weights become dense as each is read, so that the file and one copy of them are in memory.

    Args:
        path: the file.
        dtype: number format of the weights; none takes `GGUFHeader.dtype`.
        attention: attention implementation of transformers; none takes its default.

    Returns:
        The model, and what transformers says about the loading.

    Raises:
        BadModel: it cannot be loaded, or a tensor would be lost.
    """
    from transformers import AutoModelForCausalLM, GgufConfig

    header = read_gguf_header(path)
    config = read_gguf_config(path)
    _refuse_lost_tensors(header, config)
    with _without_bar():
        module, info = AutoModelForCausalLM.from_pretrained(
            path.parent,
            gguf_file=path.name,
            config=config,
            dtype=dtype or getattr(torch, header.dtype),
            attn_implementation=attention,
            quantization_config=GgufConfig(dequantize=True),
            local_files_only=True,
            trust_remote_code=False,
            output_loading_info=True,
        )
    module.generation_config.eos_token_id = _end_ids(header) or None
    return module, info


@contextmanager
def _without_bar() -> Iterator[None]:
    """Turns off the progress bar of transformers' reader, which has no switch of its own."""
    from transformers import modeling_gguf_pytorch_utils as reader

    plain = reader.tqdm
    reader.tqdm = lambda rows, **_: rows
    try:
        yield
    finally:
        reader.tqdm = plain


def _end_ids(header: GGUFHeader) -> list[int]:
    """Ids that end a text, a turn or a message, as llama.cpp has it."""
    names = (f"tokenizer.ggml.{end}_token_id" for end in ("eos", "eot", "eom"))
    return sorted({int(header.fields[name]) for name in names if name in header.fields})


def _refuse_lost_tensors(header: GGUFHeader, config: Any) -> None:
    """Refuses tensors that have no place in transformers' model, as it would overlook them."""
    from transformers import AutoModelForCausalLM
    from transformers.modeling_gguf_pytorch_utils import (
        TENSOR_PROCESSORS,
        TensorProcessor,
        get_gguf_hf_weights_map,
    )

    with torch.device("meta"):
        module = AutoModelForCausalLM.from_config(config)
    processor = TENSOR_PROCESSORS.get(header.architecture, TensorProcessor)
    try:
        known = get_gguf_hf_weights_map(module, processor(config=config.to_dict()))
    except NotImplementedError:  # read by transformers' younger loader, which reports them itself
        return
    for entry in header.tensors:
        if entry.name not in known and entry.name != "output.weight":
            raise _lost(header, f"it holds {entry.name}", "would leave it out")


_WORD_RULES = {"default", "gpt-2", "gpt2", "mpt", "olmo", "jais", "phi-2", "roberta-bpe"}
"""Names of the rule by which GPT-2 splits words."""

_DIGIT_RULES = {"smollm", "starcoder", "refact", "command-r", "codeshell"}
"""Names of the same rule with each digit apart."""

_LLAMA3_RULES = {"llama3", "llama-v3", "llama-bpe", "falcon3", "falcon-h1", "pixtral", "midm-2.0"}
"""Names of Llama 3's rule: a text begins with a token, and whole words come before merges."""


def load_gguf_tokenizer(path: Path) -> Any:
    """The tokenizer of a GGUF file, with its chat template.

    transformers overlooks that a text begins with a token, and some rules of splitting words.

    Raises:
        BadModel: the file holds none, or one that cannot be read.
        BadFile: the file is damaged.
    """
    from transformers import PreTrainedTokenizerFast

    header = read_gguf_header(path)
    if "tokenizer.ggml.tokens" not in header.fields:
        raise BadModel(f"{str(path)!r} holds no tokenizer.", hint=OTHER_SOURCE)
    _refuse_unknown_rule(header)
    try:
        tokenizer = PreTrainedTokenizerFast.from_pretrained(
            path.parent, gguf_file=path.name, local_files_only=True
        )
    except Exception as error:  # the tokenizers library raises bare Exception
        what = f"the tokenizer cannot be read ({first_line(error)})."
        raise BadFile(path, what, hint=OTHER_SOURCE) from error
    backend = tokenizer.backend_tokenizer
    _split_words(backend, header.fields)
    _add_ends(backend, header.fields, tokenizer.convert_ids_to_tokens)
    return PreTrainedTokenizerFast(
        tokenizer_object=backend,
        chat_template=header.fields.get("tokenizer.chat_template"),
        **{
            name: token
            for name in ("bos_token", "eos_token", "unk_token", "pad_token")
            if (token := getattr(tokenizer, name)) is not None
        },
    )


def _refuse_unknown_rule(header: GGUFHeader) -> None:
    from transformers.integrations.gguf import gguf_tokenizer_mapping

    known = {*_WORD_RULES, *_DIGIT_RULES, *gguf_tokenizer_mapping.GGUF_PRE_TOKENIZER_SPLITS}
    rule = header.fields.get("tokenizer.ggml.pre", "default")
    if header.fields.get("tokenizer.ggml.model") == "gpt2" and rule not in known:
        what = f"its tokenizer splits words by the rule {rule!r}"
        raise _lost(header, what, "does not know it")


def _split_words(backend: Any, fields: Mapping[str, Any]) -> None:
    from tokenizers import pre_tokenizers

    rule = fields.get("tokenizer.ggml.pre")
    if fields.get("tokenizer.ggml.model") != "gpt2":
        return
    if rule in _DIGIT_RULES:
        digits = pre_tokenizers.Digits(individual_digits=True)
        words = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
        backend.pre_tokenizer = pre_tokenizers.Sequence([digits, words])
    if rule in _LLAMA3_RULES or rule == "tekken":
        backend.model.ignore_merges = True


def _add_ends(backend: Any, fields: Mapping[str, Any], token_of: Any) -> None:
    """Lets a text begin and end with the tokens that the file asks for, as llama.cpp does."""
    from tokenizers.processors import TemplateProcessing

    rule, kind = fields.get("tokenizer.ggml.pre"), fields.get("tokenizer.ggml.model")
    usual = {"bos": kind == "llama" or rule in _LLAMA3_RULES or rule == "tekken", "eos": False}
    ids = {
        name: int(fields[f"tokenizer.ggml.{name}_token_id"])
        for name, default in usual.items()
        if fields.get(f"tokenizer.ggml.add_{name}_token", default)
        and f"tokenizer.ggml.{name}_token_id" in fields
    }
    ends = {name: token_of(number) for name, number in ids.items()}
    template = [*([ends["bos"]] if "bos" in ends else []), "$A"]
    template += [ends["eos"]] if "eos" in ends else []
    special = [(ends[name], ids[name]) for name in ends]
    backend.post_processor = TemplateProcessing(single=template, special_tokens=special)
