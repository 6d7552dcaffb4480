"""Loads a model or a pair from its sources."""

import threading
from pathlib import Path

from diffkit.engine.loading.finetuned import load_adapter_pair, load_finetuned
from diffkit.engine.loading.full_model import read_network, resolve_device
from diffkit.engine.loading.model_files import (
    declared_dtype,
    fingerprint,
    folder_kind,
    resolve_base,
    resolve_source,
)
from diffkit.engine.loading.tokenizer_files import end_tokens, tokenizer_fingerprint
from diffkit.engine.model import Model
from diffkit.engine.network import Network
from diffkit.engine.pair import ModelPair
from diffkit.organism import Adapter, AdapterPair, Control, Finetuned, FullModel, Identical, Source


class NetworkCache:
    """Loaded base networks, each loaded once however many finetuned models share it."""

    def __init__(self) -> None:
        self._loaded: dict[tuple[str | None, ...], Network] = {}
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._loaded)

    def __enter__(self) -> "NetworkCache":
        return self

    def __exit__(self, *_: object) -> None:
        self.clear()

    def get(
        self, folder: Path, *, device: str, dtype: str | None, attention: str | None
    ) -> Network:
        """The network of a full model, identified by content and by how it is loaded.

        Raises:
            BadModel, BadFile: it cannot be loaded.
        """
        content = (fingerprint(folder), tokenizer_fingerprint(folder), declared_dtype(folder))
        ends = " ".join(map(str, end_tokens(folder)))
        key = (*content, ends, device, dtype, attention)
        with self._lock:
            if key not in self._loaded:
                self._loaded[key] = read_network(
                    folder, device=device, dtype=dtype, attention=attention
                )
            return self._loaded[key]

    def clear(self) -> None:
        """Drops all networks; each is freed when no pair uses it."""
        with self._lock:
            self._loaded.clear()


def detect_kind(source: Source) -> Adapter | FullModel:
    """The kind of model at a source: an adapter or a full model.

    Raises:
        BadModel: there is nothing, or no model.
    """
    adapter = folder_kind(resolve_source(source)) == "adapter"
    return Adapter(source=source) if adapter else FullModel(source=source)


def load_model(
    source: Source,
    *,
    device: str = "auto",
    dtype: str | None = None,
    attention: str | None = None,
    networks: NetworkCache | None = None,
) -> Model:
    """Loads one full model.

    Args:
        source: its folder or hub repository.
        device: a torch device; ``auto`` takes CUDA if available.
        dtype: ``float32``, ``bfloat16``, ``float16``, or ``int8`` for linear layers in 8 bits; none
            keeps the stored format.
        attention: attention implementation of transformers; none takes its default.
        networks: keeps models loaded between calls.

    Raises:
        BadModel, BadFile: it cannot be loaded.
        BadDevice: there is no such device.
    """
    device = resolve_device(device)
    return _load_model(resolve_base(source), device, dtype, attention, networks)


def load_pair(
    base: Source,
    finetuned: Finetuned,
    *,
    device: str = "auto",
    dtype: str | None = None,
    attention: str | None = None,
    networks: NetworkCache | None = None,
) -> ModelPair:
    """Loads a base and its finetuned descendant.

    Args:
        base: a full model.
        finetuned: an adapter, a full model, the base itself, a random change, or two adapters, of
            which the first then belongs to the base side.
        device: a torch device; ``auto`` takes CUDA if available.
        dtype: ``float32``, ``bfloat16``, ``float16``, or ``int8`` for linear layers in 8 bits; none
            keeps the base's stored format.
        attention: attention implementation of transformers; none takes its default.
        networks: keeps bases loaded between calls.

    Raises:
        BadModel: a source cannot be loaded, or the two do not belong together.
        BadFile: a file is malformed.
        BadDevice: there is no such device.
    """
    device = resolve_device(device)
    folder = resolve_base(base)
    model = _load_model(folder, device, dtype, attention, networks)
    with model.network.lock:  # attaching an adapter changes its modules: other pairs wait
        return _load_pair(model, folder, finetuned)


def _load_model(
    folder: Path,
    device: str,
    dtype: str | None,
    attention: str | None,
    networks: NetworkCache | None,
) -> Model:
    networks = NetworkCache() if networks is None else networks
    return Model(networks.get(folder, device=device, dtype=dtype, attention=attention))


def _load_pair(base: Model, folder: Path, finetuned: Finetuned) -> ModelPair:
    match finetuned:
        case Identical():
            return ModelPair(base, base)
        case Control(of=of, seed=seed, scale=scale):
            with _load_pair(base, folder, of) as source:
                return source.control(seed, scale)
        case AdapterPair():
            return load_adapter_pair(base, folder, finetuned)
        case _:
            return ModelPair(base, load_finetuned(base, folder, finetuned))
