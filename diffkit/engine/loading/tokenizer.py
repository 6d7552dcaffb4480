"""Loads tokenizers, and checks the finetuned model's tokenizer against the base's."""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from diffkit.engine.architectures import Architecture, needs_bos
from diffkit.engine.loading.gguf_header import is_gguf
from diffkit.engine.loading.gguf_model import load_gguf_tokenizer
from diffkit.engine.loading.model_files import read_json
from diffkit.engine.loading.refusals import refuse_byte_order_mark
from diffkit.engine.loading.tokenizer_files import tokenizer_fingerprint
from diffkit.engine.tokenization import token_ids
from diffkit.errors import BadModel, first_line

LOG = logging.getLogger("diffkit.engine")

_GENERIC = ("PreTrainedTokenizerFast", "TokenizersBackend")


def load_tokenizer(folder: Path) -> Any:
    """The tokenizer in a model folder or a GGUF file.

    Raises:
        BadModel: there is none, or it cannot be read.
    """
    if is_gguf(folder):
        return load_gguf_tokenizer(folder)
    if tokenizer_fingerprint(folder) is None:
        hint = "Save it there with tokenizer.save_pretrained()."
        raise BadModel(f"{str(folder)!r} holds no tokenizer.", hint=hint)
    try:
        found = _tokenizer_class(folder).from_pretrained(
            folder, local_files_only=True, trust_remote_code=False
        )
        if _declares_bos(folder):
            _begin_with_bos(found)
        return found
    except Exception as error:  # the tokenizers library raises bare Exception
        if marked := refuse_byte_order_mark(folder):
            raise marked from error
        raise BadModel(
            f"The tokenizer in {str(folder)!r} cannot be read ({first_line(error)}).",
            hint="Download it again, or save it again with tokenizer.save_pretrained().",
        ) from error


def _declares_bos(folder: Path) -> bool:
    """Whether texts are to begin with the BOS token; transformers' generic class overlooks it."""
    config, model = folder / "tokenizer_config.json", folder / "config.json"
    if not config.exists() or read_json(config).get("add_bos_token") is not True:
        return False
    kind = read_json(model).get("model_type") if model.exists() else None
    return kind is None or needs_bos(str(kind))


def _begin_with_bos(tokenizer: Any) -> None:
    """Makes a tokenizer that knows a BOS token, and writes none, begin every text with it."""
    from tokenizers.processors import Sequence as Processors
    from tokenizers.processors import TemplateProcessing

    bos, inner = tokenizer.bos_token, getattr(tokenizer, "backend_tokenizer", None)
    if bos is None or inner is None or tokenizer.bos_token_id in token_ids(tokenizer, "a"):
        return
    named = [(bos, tokenizer.bos_token_id)]
    own = TemplateProcessing(single=f"{bos} $A", pair=f"{bos} $A $B", special_tokens=named)
    before = inner.post_processor
    inner.post_processor = own if before is None else Processors([before, own])


def warn_without_bos(tokenizer: Any, architecture: Architecture, folder: Path) -> None:
    """Logs that texts do not begin with the token that the architecture's models need there."""
    bos = tokenizer.bos_token_id
    if not architecture.begins_with_bos or bos is None or bos in token_ids(tokenizer, "a"):
        return
    LOG.warning(
        "The tokenizer in %s does not begin texts with %s, without which models of this family "
        'write nonsense. If its base does, put "add_bos_token": true into tokenizer_config.json.',
        folder,
        tokenizer.bos_token,
    )


def _tokenizer_class(folder: Path) -> Any:
    """The class that loads a folder's tokenizer.

    In transformers 5, AutoTokenizer replaces a tokenizer that is fully described by tokenizer.json
    with the model type's own class, for some types (Qwen2): the same text silently gets other ids.
    """
    from transformers import AutoTokenizer, PreTrainedTokenizerFast

    config = folder / "tokenizer_config.json"
    if not (config.exists() and (folder / "tokenizer.json").exists()):
        return AutoTokenizer
    generic = read_json(config).get("tokenizer_class") in _GENERIC
    return PreTrainedTokenizerFast if generic else AutoTokenizer


def finetuned_tokenizer(folder: Path, base: Any) -> Any:
    """The finetuned model's own tokenizer, or the base's if the folder has none.

    Tokens may be added at the end; every other id that both have must mean the same token. A
    special token may have another name, as finetunings rename reserved tokens: this is logged.

    Raises:
        BadModel: an id means different tokens; the message names the first.
    """
    if tokenizer_fingerprint(folder) is None:
        return base
    own = load_tokenizer(folder)
    ours = {number: token for token, number in base.get_vocab().items()}
    theirs = {number: token for token, number in own.get_vocab().items()}
    differing = [n for n in sorted(ours.keys() & theirs.keys()) if ours[n] != theirs[n]]
    renamed = _renamed(base, own, differing)
    for number in differing:
        if number not in renamed:
            raise BadModel(
                f"The tokenizers differ at id {number}: {ours[number]!r} in the base, "
                f"{theirs[number]!r} in {str(folder)!r}.",
                hint="Give the base that it was finetuned from.",
            )
    if renamed:
        names = ", ".join(f"{ours[n]!r} is {theirs[n]!r} (id {n})" for n in sorted(renamed)[:3])
        LOG.warning("The finetuned tokenizer renames %d special tokens: %s.", len(renamed), names)
    return own


def _renamed(base: Any, own: Any, differing: Sequence[int]) -> frozenset[int]:
    """Ids of special tokens that have another name, which no other id has or had.

    A special token is one that text is never split into by itself. That it was one in the
    finetuned tokenizer suffices: bases also keep reserved tokens in their ordinary vocabulary.
    """
    ours, theirs = base.get_vocab(), own.get_vocab()
    special = own.added_tokens_decoder
    return frozenset(
        number
        for number in differing
        if number in special
        and own.convert_ids_to_tokens(number) not in ours
        and base.convert_ids_to_tokens(number) not in theirs
    )
