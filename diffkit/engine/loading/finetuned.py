"""Loads the finetuned side: an adapter on its base, a full model, or two adapters."""

from pathlib import Path

from diffkit.engine.loading.adapters import AdapterPlan, attach_adapter, plan_adapter
from diffkit.engine.loading.full_model import refuse_beside_int8
from diffkit.engine.loading.model_files import (
    fingerprint,
    folder_kind,
    resolve_source,
)
from diffkit.engine.loading.tokenizer import finetuned_tokenizer
from diffkit.engine.loading.tokenizer_files import end_tokens
from diffkit.engine.model import Model
from diffkit.engine.network import Network
from diffkit.engine.pair import ModelPair
from diffkit.engine.weight_changes.effective_weights import effective_weights
from diffkit.errors import BadModel
from diffkit.organism import Adapter, AdapterPair, FullModel


def declared_folder(finetuned: Adapter | FullModel) -> Path:
    """The folder of a finetuned model, checked to be of its declared kind.

    Raises:
        BadModel: there is none, or it is of the other kind.
    """
    own = resolve_source(finetuned.source)
    if folder_kind(own) != finetuned.kind:
        what = {"adapter": "an adapter", "full": "a full model"}
        raise BadModel(
            f"{finetuned.source.at!r} is {what[folder_kind(own)]}, not {what[finetuned.kind]}.",
            hint=f"Declare it as kind: {folder_kind(own)}.",
        )
    return own


def load_finetuned(base: Model, folder: Path, finetuned: Adapter | FullModel) -> Model:
    """The finetuned model, on its base's network wherever both can share one.

    Args:
        base: the base side.
        folder: the base's folder.
        finetuned: the finetuned side to load.

    Raises:
        BadModel: it cannot be loaded, or does not belong to the base.
        BadFile: a file is malformed.
    """
    own = declared_folder(finetuned)
    tokenizer = finetuned_tokenizer(own, base.tokenizer)
    if isinstance(finetuned, FullModel):
        if fingerprint(own) == fingerprint(folder):
            ends = frozenset(end_tokens(own))
            return Model(base.network, None, tokenizer, ends)
        refuse_beside_int8(base.network, f"The full model {str(own)!r}")
        return Model(_full_model_beside(base.network, own), None, tokenizer)
    plan = plan_adapter(own, folder)
    if not plan.shared:
        refuse_beside_int8(base.network, f"The adapter {str(own)!r}, which has {plan.reasons[0]},")
    network = base.network if plan.shared else base.network.reload()
    return Model(network, attach_adapter(network, plan), tokenizer)


def _full_model_beside(base: Network, folder: Path) -> Network:
    """A finetuned full model, loaded like its base."""
    network: Network = base.reload(folder)
    hint = "Give the base that it was finetuned from."
    kinds = (type(network.module).__name__, type(base.module).__name__)
    if kinds[0] != kinds[1]:
        raise BadModel(f"{str(folder)!r} is a {kinds[0]} and its base a {kinds[1]}.", hint=hint)
    mine, theirs = _shapes(network), _shapes(base)
    for name in sorted(mine.keys() | theirs.keys()):
        if mine.get(name) != theirs.get(name):
            raise BadModel(
                f"{str(folder)!r} is not built like its base: {name} has shape "
                f"{mine.get(name, 'nothing')} and not {theirs.get(name, 'nothing')}.",
                hint=hint,
            )
    return network


def _shapes(network: Network) -> dict[str, list[int | str]]:
    """Shapes by name; sides may differ in their rows of vocabulary."""
    parts = network.architecture
    rows = {parts.embed, parts.unembed}
    return {
        weight.name: [
            "rows" if weight.module in rows else weight.value.shape[0],
            *weight.value.shape[1:],
        ]
        for weight in effective_weights(network.module, None)
    }


def load_adapter_pair(base: Model, folder: Path, finetuned: AdapterPair) -> ModelPair:
    """The base with the first adapter beside the base with the second, on one network.

    Args:
        base: the base without an adapter.
        folder: its folder.
        finetuned: the two adapters.

    Raises:
        BadModel: one does not fit the base, or cannot share its weights.
        BadFile: a file is malformed.
    """
    first, second = (_shared_plan(one, folder) for one in (finetuned.first, finetuned.second))
    ours = finetuned_tokenizer(first.folder, base.tokenizer)
    theirs = finetuned_tokenizer(second.folder, base.tokenizer)
    finetuned_tokenizer(second.folder, ours)  # refused where the two added different tokens
    before = Model(base.network, attach_adapter(base.network, first), ours)
    if fingerprint(first.folder) == fingerprint(second.folder):
        after = Model(base.network, before.adapter, theirs)
        return ModelPair(before, after, owns_base=True)
    try:
        after = Model(base.network, attach_adapter(base.network, second), theirs)
    except BaseException:
        ModelPair(before, before, owns_base=True).close()
        raise
    return ModelPair(before, after, owns_base=True)


def _shared_plan(adapter: Adapter, base: Path) -> AdapterPlan:
    plan = plan_adapter(declared_folder(adapter), base)
    if not plan.shared:
        raise BadModel(
            f"{str(plan.folder)!r} has {', '.join(plan.reasons)}; two adapters are compared with "
            "each other only where both are plain LoRA.",
            hint="Give two plain LoRA adapters, or compare each with the base.",
        )
    return plan
