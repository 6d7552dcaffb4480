"""Two adapters of one base, compared with each other."""

from pathlib import Path

from diffkit.engine.attach import attach
from diffkit.engine.lora import AdapterPlan, plan_adapter
from diffkit.engine.model import Model
from diffkit.engine.pair import ModelPair
from diffkit.engine.sides import declared_folder
from diffkit.engine.tokenizers import finetuned_tokenizer
from diffkit.engine.weights import fingerprint
from diffkit.errors import BadModel
from diffkit.organism import Adapter, Between


def between(base: Model, folder: Path, finetuned: Between) -> ModelPair:
    """The base with the first adapter beside the base with the second, on one network.

    Args:
        base: the base without an adapter.
        folder: where it lies.
        finetuned: the two adapters.

    Raises:
        BadModel: one does not fit the base, or cannot share its weights.
        BadFile: a file is malformed.
    """
    first, second = (_plan(one, folder) for one in (finetuned.first, finetuned.second))
    ours = finetuned_tokenizer(first.folder, base.tokenizer)
    theirs = finetuned_tokenizer(second.folder, base.tokenizer)
    finetuned_tokenizer(second.folder, ours)  # refused where the two added different tokens
    before = Model(base.network, attach(base.network, first), ours)
    if fingerprint(first.folder) == fingerprint(second.folder):
        after = Model(base.network, before.adapter, theirs)
        return ModelPair(before, after, owns_base=True)
    try:
        after = Model(base.network, attach(base.network, second), theirs)
    except BaseException:
        ModelPair(before, before, owns_base=True).close()
        raise
    return ModelPair(before, after, owns_base=True)


def _plan(adapter: Adapter, base: Path) -> AdapterPlan:
    plan = plan_adapter(declared_folder(adapter), base)
    if not plan.shared:
        raise BadModel(
            f"{str(plan.folder)!r} has {', '.join(plan.reasons)}; two adapters are compared with "
            "each other only where both are plain LoRA.",
            cure="Give two plain LoRA adapters, or compare each with the base.",
        )
    return plan
