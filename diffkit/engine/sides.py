"""The finetuned side: an adapter on its base, or a full model beside it."""

from pathlib import Path

from diffkit.engine.attach import attach
from diffkit.engine.effective import effective_weights
from diffkit.engine.lora import plan_adapter
from diffkit.engine.model import Model
from diffkit.engine.network import Network
from diffkit.engine.quantized import refuse_beside
from diffkit.engine.tokenizers import finetuned_tokenizer
from diffkit.engine.weights import fingerprint, kind, resolve
from diffkit.errors import BadModel
from diffkit.organism import Adapter, FullModel


def declared_folder(finetuned: Adapter | FullModel) -> Path:
    """The folder of a finetuned model that is of the kind that it is said to be.

    Raises:
        BadModel: there is none, or it is of the other kind.
    """
    own = resolve(finetuned.source)
    if kind(own) != finetuned.kind:
        what = {"adapter": "an adapter", "full": "a full model"}
        raise BadModel(
            f"{finetuned.source.at!r} is {what[kind(own)]}, not {what[finetuned.kind]}.",
            cure=f"Declare it as kind: {kind(own)}.",
        )
    return own


def finetuned_side(base: Model, folder: Path, finetuned: Adapter | FullModel) -> Model:
    """The finetuned model, on its base's network wherever that can serve both.

    Args:
        base: the base side.
        folder: where the base lies.
        finetuned: what is loaded.

    Raises:
        BadModel: it cannot be loaded, or does not belong to the base.
        BadFile: a file is malformed.
    """
    own = declared_folder(finetuned)
    tokenizer = finetuned_tokenizer(own, base.tokenizer)
    if isinstance(finetuned, FullModel):
        if fingerprint(own) == fingerprint(folder):
            return Model(base.network, None, tokenizer)
        refuse_beside(base.network, f"The full model {str(own)!r}")
        return Model(_beside(base.network, own), None, tokenizer)
    plan = plan_adapter(own, folder)
    if not plan.shared:
        refuse_beside(base.network, f"The adapter {str(own)!r}, which has {plan.reasons[0]},")
    network = base.network if plan.shared else base.network.reload()
    return Model(network, attach(network, plan), tokenizer)


def _beside(base: Network, folder: Path) -> Network:
    """A finetuned full model, loaded like its base."""
    network: Network = base.reload(folder)
    cure = "Give the base that it was finetuned from."
    kinds = (type(network.module).__name__, type(base.module).__name__)
    if kinds[0] != kinds[1]:
        raise BadModel(f"{str(folder)!r} is a {kinds[0]} and its base a {kinds[1]}.", cure=cure)
    mine, theirs = _shapes(network), _shapes(base)
    for name in sorted(mine.keys() | theirs.keys()):
        if mine.get(name) != theirs.get(name):
            raise BadModel(
                f"{str(folder)!r} is not built like its base: {name} has shape "
                f"{mine.get(name, 'nothing')} and not {theirs.get(name, 'nothing')}.",
                cure=cure,
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
