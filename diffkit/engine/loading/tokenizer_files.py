"""What of a model folder decides how texts are read and where completions end, without torch."""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from diffkit.engine.chats.chat_template import TEMPLATE_DAY
from diffkit.engine.loading.gguf_header import gguf_digest, is_gguf
from diffkit.engine.loading.model_files import canonical_fields, read_json, sha256_of

_VOLATILE_TOKENIZER = frozenset(
    {"_commit_hash", "name_or_path", "tokenizer_file", "transformers_version", "is_local"}
)

_TOKENIZER_FILES = (
    "tokenizer.json",
    "special_tokens_map.json",
    "chat_template.jinja",
    "added_tokens.json",
    "vocab.json",
    "vocab.txt",
    "merges.txt",
    "tokenizer.model",
    "spiece.model",
    "sentencepiece.bpe.model",
    "sentencepiece.model",
    "spm.model",
    "tekken.json",
    "tokenizer.tiktoken",
)

_NAMED_TEMPLATES = "additional_chat_templates"
"""Folder of further chat templates; without chat_template.jinja its `default` is the template."""


READING_VERSION = 2
"""Raised when the engine reads texts, or ends turns, otherwise than it did."""

DOCUMENT_ENDS = ("<|endoftext|>", "<|end_of_text|>", "<|end▁of▁sentence|>", "</s>", "<eos>")
"""What models name the token between two documents, where their eos token ends a turn."""


def tokenizer_fingerprint(folder: Path) -> str | None:
    """SHA-256, in hexadecimal, of a folder's tokenizer and chat template; none without one.

    Raises:
        BadFile: its tokenizer_config.json is malformed.
    """
    if is_gguf(folder):
        return sha256_of(["gguf", gguf_digest(folder)])
    config = folder / "tokenizer_config.json"
    options = read_json(config) if config.exists() else {}
    files = [folder / name for name in _TOKENIZER_FILES if (folder / name).exists()]
    files += _further_tokenizer_files(folder, options)
    parts = [f"{f.name}:{hashlib.sha256(f.read_bytes()).hexdigest()}" for f in files]
    if config.exists():
        parts.append(canonical_fields(options, _VOLATILE_TOKENIZER))
    if any("strftime_now" in words for words in _templates(files, options)):
        parts.append(f"clock:{TEMPLATE_DAY.date()}")
    return sha256_of(parts) if parts else None


def _further_tokenizer_files(folder: Path, options: Mapping[str, Any]) -> list[Path]:
    """Files of a tokenizer that only some folders have: versions of it, and named templates."""
    versions = options.get("fast_tokenizer_files")
    names = sorted(map(str, versions)) if isinstance(versions, list) else []
    found = [folder / name for name in names if name not in _TOKENIZER_FILES]
    if not (folder / "chat_template.jinja").exists():
        found += sorted((folder / _NAMED_TEMPLATES).glob("*.jinja"))
    return [path for path in found if path.is_file()]


def _templates(files: Iterable[Path], options: Mapping[str, Any]) -> Iterator[str]:
    """The chat templates in a tokenizer's files and in its options."""
    yield json.dumps(options.get("chat_template"))
    for file in files:
        if file.suffix == ".jinja":
            yield file.read_text(encoding="utf-8", errors="replace")


def end_tokens(folder: Path) -> tuple[int, ...]:
    """The ids in generation_config.json that end a completion, without those of config.json.

    Those of config.json are part of the fingerprint, and those of the tokenizer of its own.

    Raises:
        BadFile: one of the two is malformed.
    """
    generation = folder / "generation_config.json"
    if not generation.exists():
        return ()
    config = read_json(folder / "config.json")
    inner = config.get("text_config")
    known = _ids(config) | _ids(inner if isinstance(inner, Mapping) else {})
    return tuple(sorted(_ids(read_json(generation)) - known))


def _ids(config: Mapping[str, Any]) -> set[int]:
    end = config.get("eos_token_id")
    ids = end if isinstance(end, list) else [end]
    return {one for one in ids if isinstance(one, int)}


def reading_version(folder: Path) -> int | None:
    """`READING_VERSION`; none for a tokenizer whose texts version 1 already read in the same way.

    Since version 2 documents start with the token between documents, and answers end with the
    template's token, where these are not the eos token. Nothing changed for a folder whose template
    writes the eos token and whose vocabulary has no other end of documents.

    Raises:
        BadFile: its tokenizer_config.json or tokenizer.json is malformed.
    """
    config, words = folder / "tokenizer_config.json", folder / "tokenizer.json"
    if is_gguf(folder) or not (config.exists() and words.exists()):
        return READING_VERSION
    options = read_json(config)
    templates = [
        one for one in _templates(sorted(folder.glob("*.jinja")), options) if one != "null"
    ]
    end = options.get("eos_token")
    end = end.get("content") if isinstance(end, Mapping) else end
    added = {token.get("content") for token in read_json(words).get("added_tokens", ())}
    others = added.intersection(DOCUMENT_ENDS) - {end}
    as_before = not templates or (
        end is not None and not others and all(str(end) in one for one in templates)
    )
    return None if as_before else READING_VERSION
