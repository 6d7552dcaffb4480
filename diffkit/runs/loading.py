"""Opens what a run looks at."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from diffkit.runs.subject import ModelSpec, PairSpec

if TYPE_CHECKING:
    import torch

    from diffkit.engine.load import Networks
    from diffkit.engine.model import Model
    from diffkit.engine.pair import ModelPair


@dataclass(frozen=True)
class Opened:
    """A loaded pair or model, and where its weights lie."""

    subject: "ModelPair | Model"
    device: "torch.device"


@contextmanager
def opened(
    subject: PairSpec | ModelSpec, device: str, networks: "Networks | None" = None
) -> Iterator[Opened]:
    """The pair or model of ``subject``, until the context ends.

    Raises:
        BadModel, BadFile, BadDevice: as `load_pair` and `load_model` do.
    """
    from diffkit.engine.load import load_model, load_pair

    if isinstance(subject, ModelSpec):
        model = load_model(
            subject.base,
            device=device,
            dtype=subject.dtype,
            attention=subject.attention,
            networks=networks,
        )
        yield Opened(model, model.device)
        return
    with load_pair(
        subject.base,
        subject.finetuned,
        device=device,
        dtype=subject.dtype,
        attention=subject.attention,
        networks=networks,
    ) as pair:
        yield Opened(pair, pair.base.device)
