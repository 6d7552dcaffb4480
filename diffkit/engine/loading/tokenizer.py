"""Loads tokenizers, and checks the finetuned model's tokenizer against the base's."""

from pathlib import Path
from typing import Any

from diffkit.engine.loading.gguf_header import is_gguf
from diffkit.engine.loading.gguf_model import load_gguf_tokenizer
from diffkit.engine.loading.model_files import read_json
from diffkit.engine.loading.refusals import refuse_byte_order_mark
from diffkit.engine.loading.tokenizer_files import tokenizer_fingerprint
from diffkit.errors import BadModel, first_line

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
        return _tokenizer_class(folder).from_pretrained(
            folder, local_files_only=True, trust_remote_code=False
        )
    except Exception as error:  # the tokenizers library raises bare Exception
        if marked := refuse_byte_order_mark(folder):
            raise marked from error
        raise BadModel(
            f"The tokenizer in {str(folder)!r} cannot be read ({first_line(error)}).",
            hint="Download it again, or save it again with tokenizer.save_pretrained().",
        ) from error


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

    Tokens may be added at the end; every id that both have must mean the same token.

    Raises:
        BadModel: an id means different tokens; the message names the first.
    """
    if tokenizer_fingerprint(folder) is None:
        return base
    own = load_tokenizer(folder)
    ours = {number: token for token, number in base.get_vocab().items()}
    theirs = {number: token for token, number in own.get_vocab().items()}
    for number in sorted(ours.keys() & theirs.keys()):
        if ours[number] != theirs[number]:
            raise BadModel(
                f"The tokenizers differ at id {number}: {ours[number]!r} in the base, "
                f"{theirs[number]!r} in {str(folder)!r}.",
                hint="Give the base that it was finetuned from.",
            )
    return own
