"""A pair on disk, for engines that load the weights themselves."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from diffkit.engine.loading.adapters import AdapterPlan, plan_adapter
from diffkit.engine.loading.finetuned import declared_folder
from diffkit.engine.loading.gguf_header import is_gguf
from diffkit.engine.loading.model_files import (
    fingerprint,
    resolve_base,
    weight_files,
)
from diffkit.engine.loading.refusals import MERGE_HINT
from diffkit.engine.loading.safetensors_header import read_header
from diffkit.engine.loading.tokenizer import finetuned_tokenizer, load_tokenizer
from diffkit.engine.loading.tokenizer_files import end_tokens
from diffkit.engine.tokenization import encode_prompt, eos_ids_of
from diffkit.errors import BadModel, first_line
from diffkit.organism import Adapter, AdapterPair, Control, Finetuned, FullModel, Source
from diffkit.texts import Text

_PREFIX = "base_model.model."


def read_config(folder: Path) -> Any:
    """The configuration of a full model's language part.

    Raises:
        BadModel: transformers cannot read it.
    """
    from transformers import AutoConfig

    try:
        config = AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    except Exception as error:  # the libraries that transformers uses may raise anything
        what = f"{str(folder)!r} cannot be loaded ({first_line(error)})."
        raise BadModel(what, hint="Download it again, or save it again.") from error
    return config.get_text_config()


def check_adapter_targets(plan: AdapterPlan, base: Path) -> None:
    """Checks that each tensor of an adapter belongs to a module of the base.

    Other engines silently ignore tensors that do not. No weights are loaded.

    Args:
        plan: the plan of a plain LoRA adapter.
        base: folder of the full model.

    Raises:
        BadModel: a tensor belongs to no module of the base, or to one of another size.
    """
    import torch
    from transformers import AutoModelForCausalLM

    with torch.device("meta"):
        network = AutoModelForCausalLM.from_config(read_config(base), trust_remote_code=False)
    weights = {name: getattr(module, "weight", None) for name, module in network.named_modules()}
    for key, shape in sorted(plan.shapes.items()):
        module, _, part = key.removeprefix(_PREFIX).rpartition(".lora_")
        weight = weights.get(module)
        outer = shape[0] if "B" in part else shape[1]  # the other one is the rank
        if weight is None or outer not in weight.shape:
            what = f"{plan.folder} does not fit this base: it holds {key} of shape {list(shape)}."
            raise BadModel(what, hint="Give the base that the adapter was trained on.")


_DTYPES = {"F32": "float32", "BF16": "bfloat16", "F16": "float16"}
"""Number formats: safetensors' names and torch's."""


@dataclass(frozen=True)
class ModelOnDisk:
    """One side: the folders of its weights, and what generation needs besides them."""

    model: Path
    """Folder of a full model."""
    adapter: Path | None
    """Folder of a plain LoRA adapter on it; none without one."""
    rank: int
    """The adapter's largest rank; 0 without one."""
    tokenizer: Any
    """A transformers tokenizer."""
    vocab_rows: int
    """Rows of the vocabulary: the number of logits, padded rows included."""
    eos_ids: frozenset[int]
    """Ids that end a completion."""

    @property
    def vocabulary(self) -> int:
        """Number of real tokens; ids from here on are never chosen."""
        return min(len(self.tokenizer), self.vocab_rows)

    def encode(self, prompts: Sequence[Text | str]) -> list[list[int]]:
        """Token ids of prompts, the same as in `Model.generate`."""
        return [encode_prompt(self.tokenizer, prompt) for prompt in prompts]


@dataclass(frozen=True)
class PairOnDisk:
    """Both sides."""

    base: ModelOnDisk
    finetuned: ModelOnDisk
    dtype: str
    """Number format that `load_pair` gives both where none is asked for."""


def find_pair_on_disk(base: Source, finetuned: Finetuned) -> PairOnDisk:
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
    _refuse_gguf(folder)
    plain = _full_model(folder, load_tokenizer(folder))
    match finetuned:
        case Adapter():
            sides = plain, _with_adapter(plain, finetuned)
        case FullModel():
            sides = plain, _beside(plain, finetuned)
        case AdapterPair(first=first, second=second):
            sides = _with_adapter(plain, first), _with_adapter(plain, second)
            finetuned_tokenizer(declared_folder(second), sides[0].tokenizer)
        case Control():
            raise BadModel("A random change does not lie on disk.", hint="Load it with load_pair.")
        case _:
            sides = plain, plain
    return PairOnDisk(*sides, dtype=_dtype(folder))


def _refuse_gguf(path: Path) -> None:
    if is_gguf(path):
        what = f"{str(path)!r} is a GGUF file, which another engine would load in another way."
        raise BadModel(what, hint="Take the generator `transformers`, or give the model's folder.")


def _full_model(folder: Path, tokenizer: Any) -> ModelOnDisk:
    from transformers import GenerationConfig

    config = read_config(folder)
    generation = None
    if (folder / "generation_config.json").exists():
        generation = GenerationConfig.from_pretrained(folder, local_files_only=True)
    eos_ids = eos_ids_of(tokenizer, config, generation)
    return ModelOnDisk(folder, None, 0, tokenizer, int(config.vocab_size), eos_ids)


def _beside(plain: ModelOnDisk, finetuned: FullModel) -> ModelOnDisk:
    own = declared_folder(finetuned)
    _refuse_gguf(own)
    tokenizer = finetuned_tokenizer(own, plain.tokenizer)
    same = fingerprint(own) == fingerprint(plain.model)
    same = same and end_tokens(own) == end_tokens(plain.model)
    return _full_model(plain.model if same else own, tokenizer)


def _with_adapter(plain: ModelOnDisk, adapter: Adapter) -> ModelOnDisk:
    plan = plan_adapter(declared_folder(adapter), plain.model)
    if not plan.shared:
        what = f"{str(plan.folder)!r} is more than plain LoRA: it has {', '.join(plan.reasons)}."
        raise BadModel(what, hint=MERGE_HINT)
    check_adapter_targets(plan, plain.model)
    tokenizer = finetuned_tokenizer(plan.folder, plain.tokenizer)
    eos_ids = plain.eos_ids | eos_ids_of(tokenizer)
    return ModelOnDisk(plain.model, plan.folder, _rank(plan), tokenizer, plain.vocab_rows, eos_ids)


def _rank(plan: AdapterPlan) -> int:
    patterns = (plan.options.get("rank_pattern") or {}).values()
    return max(map(int, (plan.options["r"], *patterns)))


def _dtype(folder: Path) -> str:
    """The number format that transformers uses by default: config.json's, or else the tensors'."""
    declared = read_config(folder).dtype
    if declared is not None:
        return str(declared).removeprefix("torch.")
    found = (_DTYPES.get(tensor.dtype) for tensor in read_header(weight_files(folder)[0]))
    return next(filter(None, found), "float32")
