"""Rows that end early leave the batch, and the others do not notice."""

import pytest
import torch

from diffkit.engine.generation import CachedDecoding, generate_batch
from diffkit.engine.inputs import Inputs
from diffkit.sampling import Sampling

from .adapters import plain
from .conftest import make_model
from .test_breadth import ARCHITECTURES, TIED

ROWS = 12
HOT = Sampling(max_new_tokens=16, temperature=2.0, seed=5)


@pytest.mark.parametrize("kind", ARCHITECTURES)
def test_a_shrinking_batch_gives_what_each_row_gives_alone(kind, tmp_path, monkeypatch):
    network = plain(make_model(tmp_path / kind, kind, tied=kind in TIED))
    size = network.config.get_text_config().vocab_size
    ends = frozenset(range(0, size, 6))  # a sixth of all tokens: rows end here and there
    ids = torch.randint(0, size, (ROWS, 5), generator=torch.Generator().manual_seed(0))
    widths = []
    run = CachedDecoding._run
    monkeypatch.setattr(
        CachedDecoding,
        "_run",
        lambda self, given, positions: widths.append(len(positions)) or run(self, given, positions),
    )

    @torch.no_grad()
    def said(rows, first):
        inputs = Inputs(ids=ids[rows], mask=torch.ones(len(rows), 5, dtype=torch.bool))
        numbers = range(first, first + len(rows))
        step = CachedDecoding(network, inputs, keeps_few=True)
        return generate_batch(step, HOT, vocabulary=size, eos_ids=ends, row_seeds=numbers)

    together = said(list(range(ROWS)), 0)
    assert min(widths) < ROWS / 2
    assert len({len(row.ids) for row in together}) > 3
    assert [said([row], row)[0] for row in range(ROWS)] == together
