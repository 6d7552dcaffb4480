"""From sources to a model pair."""

import threading
from pathlib import Path

import torch

from diffkit.engine.attach import attach
from diffkit.engine.effective import effective_weights
from diffkit.engine.lora import plan_adapter
from diffkit.engine.model import Model
from diffkit.engine.network import Network
from diffkit.engine.pair import ModelPair
from diffkit.engine.reading import read_network
from diffkit.engine.tokenizers import finetuned_tokenizer
from diffkit.engine.weights import (
    declared_dtype,
    fingerprint,
    kind,
    resolve,
    resolve_base,
    tokenizer_fingerprint,
)
from diffkit.errors import BadModel
from diffkit.organism import Adapter, Control, Finetuned, FullModel, Identical, Source


class Networks:
    """Base networks that are loaded, each once, however many organisms descend from it."""

    def __init__(self) -> None:
        self._loaded: dict[tuple[str | None, ...], Network] = {}
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._loaded)

    def __enter__(self) -> "Networks":
        return self

    def __exit__(self, *_: object) -> None:
        self.clear()

    def get(
        self, folder: Path, *, device: str, dtype: str | None, attention: str | None
    ) -> Network:
        """The network of a full model, known by content and by how it is loaded.

        Raises:
            BadModel, BadFile: it cannot be loaded.
        """
        content = (fingerprint(folder), tokenizer_fingerprint(folder), declared_dtype(folder))
        key = (*content, device, dtype, attention)
        with self._lock:
            if key not in self._loaded:
                self._loaded[key] = read_network(
                    folder, device=device, dtype=dtype, attention=attention
                )
            return self._loaded[key]

    def clear(self) -> None:
        """Forgets all networks; each is freed once no pair uses it."""
        with self._lock:
            self._loaded.clear()


def recognise(source: Source) -> Adapter | FullModel:
    """What lies at a source.

    Raises:
        BadModel: nothing does, or it is no model.
    """
    adapter = kind(resolve(source)) == "adapter"
    return Adapter(source=source) if adapter else FullModel(source=source)


def load_pair(
    base: Source,
    finetuned: Finetuned,
    *,
    device: str = "auto",
    dtype: str | None = None,
    attention: str | None = None,
    networks: Networks | None = None,
) -> ModelPair:
    """Loads a base and its finetuned descendant.

    Args:
        base: a full model.
        finetuned: an adapter, a full model, the base itself, or a random change.
        device: a torch device; ``auto`` takes CUDA where there is any.
        dtype: ``float32``, ``bfloat16`` or ``float16``; none keeps the base's stored format.
        attention: attention implementation of transformers; none takes its default.
        networks: keeps bases loaded from one pair to the next.

    Raises:
        BadModel: a source cannot be loaded, or the two do not belong together.
        BadFile: a file is malformed.
    """
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    folder = resolve_base(base)
    networks = Networks() if networks is None else networks
    network = networks.get(folder, device=device, dtype=dtype, attention=attention)
    return _pair(Model(network), folder, finetuned)


def _pair(base: Model, folder: Path, finetuned: Finetuned) -> ModelPair:
    if isinstance(finetuned, Identical):
        return ModelPair(base, base)
    if isinstance(finetuned, Control):
        with _pair(base, folder, finetuned.of) as source:
            return source.control(finetuned.seed)
    own = resolve(finetuned.source)
    if kind(own) != finetuned.kind:
        what = {"adapter": "an adapter", "full": "a full model"}
        raise BadModel(
            f"{finetuned.source.at!r} is {what[kind(own)]}, not {what[finetuned.kind]}.",
            cure=f"Declare it as kind: {kind(own)}.",
        )
    tokenizer = finetuned_tokenizer(own, base.tokenizer)
    if isinstance(finetuned, FullModel):
        if fingerprint(own) == fingerprint(folder):
            return ModelPair(base, Model(base.network, None, tokenizer))
        return ModelPair(base, Model(_beside(base.network, own), None, tokenizer))
    plan = plan_adapter(own, folder)
    network = base.network if plan.shared else base.network.reload()
    return ModelPair(base, Model(network, attach(network, plan), tokenizer))


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
