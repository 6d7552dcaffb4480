"""What an adapter's files say of the base that it was trained on."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from diffkit.engine.architectures import architecture_of
from diffkit.engine.loading.gguf_header import is_gguf
from diffkit.engine.loading.model_files import content_digest, fingerprint, read_json
from diffkit.errors import BadModel

_NOT_COMPUTED = frozenset(
    {
        "architectures",
        "bos_token_id",
        "chunk_size_feed_forward",
        "decoder_start_token_id",
        "eos_token_id",
        "id2label",
        "initializer_range",
        "is_decoder",
        "label2id",
        "output_attentions",
        "output_hidden_states",
        "pad_token_id",
        "problem_type",
        "return_dict",
        "sep_token_id",
        "task_specific_params",
        "tokenizer_class",
    }
)
"""Fields of config.json that change no forward pass: names of tokens, labels, initialisation."""


def vocabulary_rows(
    options: Mapping[str, Any], shapes: Mapping[str, tuple[int, ...]], base: Path
) -> tuple[int | None, int | None]:
    """Rows of the vocabulary in the adapter (none where it does not say), and in the base.

    Embeddings are stored under several names: as they are, as saved modules, as the layers below
    a LoRA or below trained tokens. A LoRA on them has a factor with a row or column for each.
    """
    config = _config(base)
    own = config.get("vocab_size")
    for inner, shape in _embedding_tensors(config, shapes):
        if inner == "lora_embedding_A":
            return shape[1], own
        if inner == "lora_B.weight" or (inner.endswith("weight") and "lora_" not in inner):
            return shape[0], own
    beyond = [token for token in _trained_tokens(options) if own is not None and token >= own]
    return max(beyond) + 1 if beyond else None, own


def _embedding_tensors(
    config: Mapping[str, Any], shapes: Mapping[str, tuple[int, ...]]
) -> Iterator[tuple[str, tuple[int, ...]]]:
    """The adapter's tensors in the embedding and in the head: names inside the module, shapes."""
    try:
        parts = architecture_of(str(config.get("model_type")))
    except BadModel:  # other engines read architectures that this one does not know
        return
    for module in (parts.embed, parts.unembed):
        inside = f"base_model.model.{module}."
        for key, shape in shapes.items():
            if key.startswith(inside):
                yield key.removeprefix(inside), shape


def _trained_tokens(options: Mapping[str, Any]) -> list[int]:
    """The ids of the rows that were trained, in any module."""
    given = options.get("trainable_token_indices") or []
    rows = given.values() if isinstance(given, Mapping) else [given]
    return [int(token) for row in rows for token in row]


def refuse_other_base(folder: Path, base: Path) -> None:
    """Refuses an adapter that diffkit trained on another base.

    Raises:
        BadModel: its note names another base.
    """
    note = folder / "diffkit.json"
    if not note.exists():
        return
    record = read_json(note)
    trained_on, computed = record.get("base_fingerprint"), record.get("base_forward_fingerprint")
    if trained_on is None or trained_on == fingerprint(base):
        return
    if computed is not None and computed == forward_fingerprint(base):
        return
    if computed is None and trained_on in padded_otherwise(base):  # notes before version 0.7
        return
    raise BadModel(
        f"{folder} was trained on another base than {base} (the fingerprints differ).",
        hint="Give the base that it was trained on.",
    )


def _config(base: Path) -> Mapping[str, Any]:
    if is_gguf(base):
        from diffkit.engine.loading.gguf_model import read_gguf_config

        found: Mapping[str, Any] = read_gguf_config(base).to_dict()
        return found
    return read_json(base / "config.json")


def forward_fingerprint(folder: Path) -> str:
    """SHA-256, in hexadecimal, of what a full model computes: as `fingerprint`, in fewer fields.

    Another padding token or another end changes nothing that an adapter was trained on.

    Raises:
        BadModel, BadFile: as `fingerprint`.
    """
    if is_gguf(folder):
        return fingerprint(folder)
    config = read_json(folder / "config.json")
    kept = {key: value for key, value in config.items() if value is not None}
    return content_digest(folder, kept, _NOT_COMPUTED)


def padded_otherwise(folder: Path) -> Iterator[str]:
    """The fingerprints that a full model had if only its padding token was another.

    Raises:
        BadModel, BadFile: as `fingerprint`.
    """
    if is_gguf(folder):
        return
    config = read_json(folder / "config.json")
    tokens = range(int(config.get("vocab_size", 0)))
    named = [config.get(f"{name}_token_id") for name in ("bos", "eos", "unk")]
    bare = {key: value for key, value in config.items() if key != "pad_token_id"}
    yield content_digest(folder, bare)
    for pad in (None, *tokens[:16], *tokens[-16:], *named):
        yield content_digest(folder, bare | {"pad_token_id": pad})
