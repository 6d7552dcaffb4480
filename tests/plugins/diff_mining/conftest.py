"""Runs of the method and a second, slow implementation of what it counts."""

from dataclasses import dataclass

import pytest
import torch
from diffkit_plugins.diff_mining.config import DiffMiningConfig
from diffkit_plugins.diff_mining.method import DiffMining

from diffkit import RunContext, position_labels
from diffkit.checkpoints import Checkpoints
from diffkit.context import Artifacts, no_progress
from diffkit.method import run_method

READ = ("text", "user", "answer")
"""The labels of predicted tokens that are read by default."""


def context(texts, folder, progress=no_progress):
    return RunContext(
        seed=0,
        texts=texts,
        artifacts=Artifacts(folder),
        checkpoints=Checkpoints(folder),
        progress=progress,
    )


@pytest.fixture
def run(tmp_path, tiny_texts):
    def call(pair, texts=tiny_texts, /, **options):
        return run_method(DiffMining(), pair, DiffMiningConfig(**options), context(texts, tmp_path))

    return call


@dataclass
class Naive:
    """Everything kept: for each text, [positions, vocabulary] in float64."""

    p: list
    q: list
    positions: list
    """The index of each token that is predicted."""

    @property
    def d(self):
        return [p.log() - q.log() for p, q in zip(self.p, self.q, strict=True)]

    @property
    def lengths(self):
        return torch.tensor([float(len(p)) for p in self.p]).double()

    def rises(self, k, exchanged=None):
        """Each text's rises summed over positions, the sides of some texts exchanged."""
        swapped = [0.0] * len(self.p) if exchanged is None else [float(e) for e in exchanged]
        signed = [(1 - 2 * swap) * d for swap, d in zip(swapped, self.d, strict=True)]
        return torch.stack([among(d, k).sum(0) for d in signed])


def among(d, k):
    """The differences where they are above 0 and among the k largest of their position."""
    kept = torch.zeros_like(d)
    for row, values in enumerate(d):
        for token in values.argsort(descending=True)[:k]:
            kept[row, token] = max(values[token], 0.0)
    return kept


def naive(pair, texts, max_tokens=256):
    found = Naive([], [], [])
    for text in texts.items:
        inputs = pair.base.inputs([text], max_tokens=max_tokens)
        labels = position_labels(pair.base.tokenizer, text)[1:max_tokens]
        read = torch.tensor([label in READ for label in labels])
        found.positions.append([at for at, one in enumerate(read.tolist(), 1) if one])
        for side, rows in ((pair.finetuned, found.p), (pair.base, found.q)):
            logits = side.logits(inputs)[0, :-1, : pair.vocabulary]  # the last predicts nothing
            rows.append(logits.double().softmax(-1)[read])
    return found


def mean_and_error(sums, lengths):
    """A ratio of sums over texts, and its standard error by residuals."""
    mean = sums.sum(0) / lengths.sum()
    residuals = sums - mean * lengths[:, None]
    count = len(lengths)
    error = (residuals.square().sum(0) * count / (count - 1)).sqrt() / lengths.sum()
    return mean, error
