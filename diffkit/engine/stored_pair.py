"""A pair as it lies on disk, for engines that load the weights themselves."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from diffkit.engine.encode import encode_prompt
from diffkit.engine.ends import ends_of
from diffkit.engine.lora import MERGE, AdapterPlan, plan_adapter
from diffkit.engine.places import read_config, refuse_without_place
from diffkit.engine.sides import declared_folder
from diffkit.engine.stored import read_header
from diffkit.engine.tokenizers import finetuned_tokenizer, load_tokenizer
from diffkit.engine.weights import fingerprint, resolve_base, weight_files
from diffkit.errors import BadModel
from diffkit.organism import Adapter, Between, Control, Finetuned, FullModel, Source
from diffkit.texts import Text

_DTYPES = {"F32": "float32", "BF16": "bfloat16", "F16": "float16"}
"""Number formats in the words of safetensors, and in torch's."""


@dataclass(frozen=True)
class StoredSide:
    """One side: where its weights lie, and all that generating needs besides them."""

    model: Path
    """Folder of a full model."""
    adapter: Path | None
    """Folder of a plain LoRA adapter on it; none without one."""
    rank: int
    """The adapter's largest rank; 0 without one."""
    tokenizer: Any
    """A transformers tokenizer."""
    rows: int
    """Rows of the vocabulary: how many logits there are."""
    ends: frozenset[int]
    """Ids that end a completion."""

    @property
    def vocabulary(self) -> int:
        """Number of real tokens; ids from here on are never chosen."""
        return min(len(self.tokenizer), self.rows)

    def encode(self, prompts: Sequence[Text | str]) -> list[list[int]]:
        """Token ids of prompts, those that `Model.generate` reads."""
        return [encode_prompt(self.tokenizer, prompt) for prompt in prompts]


@dataclass(frozen=True)
class StoredPair:
    """Both sides."""

    base: StoredSide
    finetuned: StoredSide
    dtype: str
    """Number format that `load_pair` gives both where none is asked for."""


def stored_pair(base: Source, finetuned: Finetuned) -> StoredPair:
    """Finds a pair on disk, or on the hub, without loading its weights.

    Args:
        base: a full model.
        finetuned: an adapter, a full model, the base itself, or two adapters.

    Raises:
        BadModel: a source cannot be used, or the two do not belong together; an adapter is more
            than plain LoRA; or it is a random change, which lies nowhere.
        BadFile: a file is malformed.
    """
    folder = resolve_base(base)
    plain = _full(folder, load_tokenizer(folder))
    match finetuned:
        case Adapter():
            sides = plain, _adapted(plain, finetuned)
        case FullModel():
            sides = plain, _beside(plain, finetuned)
        case Between(first=first, second=second):
            sides = _adapted(plain, first), _adapted(plain, second)
            finetuned_tokenizer(declared_folder(second), sides[0].tokenizer)
        case Control():
            raise BadModel("A random change does not lie on disk.", cure="Load it with load_pair.")
        case _:
            sides = plain, plain
    return StoredPair(*sides, dtype=_dtype(folder))


def _full(folder: Path, tokenizer: Any) -> StoredSide:
    from transformers import GenerationConfig

    config = read_config(folder)
    generation = None
    if (folder / "generation_config.json").exists():
        generation = GenerationConfig.from_pretrained(folder, local_files_only=True)
    ends = ends_of(tokenizer, config, generation)
    return StoredSide(folder, None, 0, tokenizer, int(config.vocab_size), ends)


def _beside(plain: StoredSide, finetuned: FullModel) -> StoredSide:
    own = declared_folder(finetuned)
    tokenizer = finetuned_tokenizer(own, plain.tokenizer)
    same = fingerprint(own) == fingerprint(plain.model)
    return _full(plain.model if same else own, tokenizer)


def _adapted(plain: StoredSide, adapter: Adapter) -> StoredSide:
    plan = plan_adapter(declared_folder(adapter), plain.model)
    if not plan.shared:
        what = f"{str(plan.folder)!r} is more than plain LoRA: it has {', '.join(plan.reasons)}."
        raise BadModel(what, cure=MERGE)
    refuse_without_place(plan, plain.model)
    tokenizer = finetuned_tokenizer(plan.folder, plain.tokenizer)
    ends = plain.ends | ends_of(tokenizer)
    return StoredSide(plain.model, plan.folder, _rank(plan), tokenizer, plain.rows, ends)


def _rank(plan: AdapterPlan) -> int:
    patterns = (plan.options.get("rank_pattern") or {}).values()
    return max(map(int, (plan.options["r"], *patterns)))


def _dtype(folder: Path) -> str:
    """What transformers takes of itself: config.json's number format, or else the tensors'."""
    declared = read_config(folder).dtype
    if declared is not None:
        return str(declared).removeprefix("torch.")
    found = (_DTYPES.get(tensor.dtype) for tensor in read_header(weight_files(folder)[0]))
    return next(filter(None, found), "float32")
