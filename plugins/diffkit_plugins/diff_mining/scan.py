"""One pass over all texts; what it keeps does not grow with their number."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from diffkit import ModelPair, RunContext
from diffkit_plugins.diff_mining.config import DiffMiningConfig
from diffkit_plugins.diff_mining.differences import differences, largest
from diffkit_plugins.diff_mining.exchange import Exchanges
from diffkit_plugins.diff_mining.means import Means
from diffkit_plugins.diff_mining.places import Places
from diffkit_plugins.diff_mining.sample import Chance, Positions, chance
from diffkit_plugins.diff_mining.sums import Sums


@dataclass
class Scan:
    """What is known so far of each token."""

    rise: Means
    """Its difference where it is among the largest of a position, 0 elsewhere, in nats."""
    rate: Means
    """Whether it is among the largest of a position."""
    positive: Means
    """Whether it is likelier than before."""
    difference: Means
    """Its difference, in nats."""
    p: Float[Tensor, " vocabulary"]
    """How often the finetuned side expects it, summed over positions; float64."""
    q: Float[Tensor, " vocabulary"]
    """How often the base does."""
    exchanges: Exchanges
    positions: Positions
    places: Places

    @classmethod
    def empty(cls, vocabulary: int, config: DiffMiningConfig, device: torch.device) -> "Scan":
        """Of no texts."""
        rise, rate, positive, difference = (Means.empty(vocabulary, device) for _ in range(4))
        expected = torch.zeros(2, vocabulary, dtype=torch.float64, device=device)
        return cls(
            rise=rise,
            rate=rate,
            positive=positive,
            difference=difference,
            p=expected[0],
            q=expected[1],
            exchanges=Exchanges.empty(config.permutations, vocabulary, device),
            positions=Positions.empty(config.sample, min(config.top_k, vocabulary)),
            places=Places.empty(vocabulary, device),
        )

    def add(self, sums: Sums, length: int, exchanged: Float[Tensor, " permutations"]) -> None:
        """Takes in the sums over one text's ``length`` positions.

        Args:
            sums: the sums.
            length: how many positions, at least one.
            exchanged: 1 where a permutation exchanges the text's sides, 0 elsewhere.
        """
        self.rise.add(sums.rise, length)
        self.rate.add(sums.raised, length)
        self.positive.add(sums.positive, length)
        self.difference.add(sums.difference, length)
        self.p += sums.p
        self.q += sums.q
        self.exchanges.add(sums.rise, sums.fall, exchanged)


def scan(pair: ModelPair, config: DiffMiningConfig, context: RunContext) -> Scan:
    """Reads the texts with both sides on the same token ids and compares all predictions.

    Args:
        pair: both sides.
        config: the options.
        context: the texts, the seed, and where progress is shown.
    """
    texts = context.texts.first(config.texts)
    found = Scan.empty(pair.vocabulary, config, pair.base.device)
    batches = texts.batches(config.batch_size)
    for numbers in context.progress(batches, label="texts", total=len(batches)):
        inputs = pair.base.inputs([texts.items[i] for i in numbers], max_tokens=config.max_tokens)
        lengths = inputs.mask.sum(dim=1).tolist()
        # Every prediction counts, also that of what would follow the text: there a finetuned model
        # goes on where others stop.
        q, p = (side.logits(inputs) for side in (pair.base, pair.finetuned))
        for row, (number, length) in enumerate(zip(numbers, lengths, strict=True)):
            if length > 0:
                drawn = chance(context.seed, number, config.permutations, length)
                _read(found, p[row, :length], q[row, :length], drawn, number=number, config=config)
    return found


def _read(
    found: Scan,
    p: Float[Tensor, "positions rows_p"],
    q: Float[Tensor, "positions rows_q"],
    drawn: Chance,
    *,
    number: int,
    config: DiffMiningConfig,
) -> None:
    """Takes in one text, a chunk of its positions at a time."""
    vocabulary, length = len(found.p), len(p)
    sums = Sums.empty(vocabulary, found.p.device)
    for start in range(0, length, config.chunk):
        part = slice(start, start + config.chunk)
        moved = differences(p[part].to(q.device), q[part], vocabulary)  # sums lie with the base
        best, worst = (largest(d, config.top_k) for d in (moved.d, -moved.d))
        sums.add(moved, best, worst)
        found.positions.add(drawn.keys[part], best)
        found.places.add(moved.p - moved.q, number, start + 1)
    found.add(sums, length, drawn.exchanged)
