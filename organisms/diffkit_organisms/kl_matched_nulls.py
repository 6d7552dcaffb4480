"""Random changes with the same mean KL as the organisms.

Noise with the norms of an organism's weights changes a model's predictions too little.
"""

from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path
from statistics import median

from diffkit import NetworkCache, Texts, control_scale_for_kl, load_pair, mean_kl
from diffkit.options.yaml_records import read_record
from diffkit.organism import Adapter, BaseModelEntry, Control, Source
from diffkit_organisms.world.definitions import (
    RANDOM_NULL_NUMBERS,
    control_fields,
    null_fields,
    write_yaml,
)

ROUNDS = 8
"""Greatest number of scales that are tried for a null; the search starts at the scale of the null
before."""

FEW_TEXTS = 40
"""Number of neutral texts on which the mean KL is measured."""


def write_kl_matched(zoo: Path, sources: dict[str, Sequence[str]]) -> None:
    """Measures the organisms of ``zoo`` and writes its ``tiny-random-loud-*`` nulls.

    Each null is a random change whose norms are scaled until its mean KL from the base on neutral
    texts is the organisms' median.

    Args:
        zoo: folder with trained weights.
        sources: base → names of the organisms' weights.
    """
    found: dict[str, dict[int, float]] = {}
    for base, names in sources.items():
        entry = read_record(zoo / "bases" / f"{base}.yaml", BaseModelEntry)
        texts = Texts.read(zoo / "bases" / entry.texts).first(FEW_TEXTS) if entry.texts else None
        scale = _ScaleSearch(zoo, base, names, texts or Texts.default())
        found[base] = dict(scale.all())
    for purpose, numbers in RANDOM_NULL_NUMBERS.items():
        models = {
            base: control_fields(names, numbers, found[base]) for base, names in sources.items()
        }
        summary = f"Random changes as loud as the median organism, for {purpose}"
        fields = null_fields(f"tiny-random-loud-{purpose}", summary, models)
        write_yaml(zoo / "organisms", fields["name"], fields)


class _ScaleSearch:
    """Finds the scales of the random changes on one base."""

    def __init__(self, zoo: Path, base: str, names: Sequence[str], texts: Texts) -> None:
        self.weights = zoo / "weights"
        self.base = Source(at=str(self.weights / base))
        self.names, self.texts = names, texts
        self.networks = NetworkCache()

    def all(self) -> Iterator[tuple[int, float]]:
        """Yields the number and the scale of each random change."""
        with self.networks:
            target = median(self.drift(self.adapter(name)) for name in self.names)
            scale = 1.0
            for number in chain(*RANDOM_NULL_NUMBERS.values()):
                scale = self.one(number, target, scale)
                yield number, scale

    def one(self, number: int, target: float, scale: float) -> float:
        """The scale at which the random change with this number has the mean KL ``target``."""
        of = self.adapter(self.names[number % len(self.names)])
        found = control_scale_for_kl(
            lambda scale: self.drift(Control(of=of, seed=number, scale=scale)),
            target,
            start=scale,
            rounds=ROUNDS,
        )
        return round(found, 3)

    def adapter(self, name: str) -> Adapter:
        """The adapter of that name."""
        return Adapter(source=Source(at=str(self.weights / name)))

    def drift(self, finetuned: Adapter | Control) -> float:
        """Mean KL of a finetuned side from the base, in nats per token."""
        with load_pair(self.base, finetuned, networks=self.networks) as pair:
            return mean_kl(pair, self.texts)
