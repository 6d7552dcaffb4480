"""A token is plausible where one side gives it the uniform share at one position."""

import math

import torch

from diffkit.analysis import LargestProbabilities, PredictionChunk


def chunk(base, finetuned):
    p, q = (torch.tensor(rows).log() for rows in (finetuned, base))
    places = torch.arange(len(p))
    return PredictionChunk(slice(0, len(p)), places, places, q, p)


def test_the_largest_of_both_sides_and_all_positions_counts():
    found = LargestProbabilities.empty(4, torch.device("cpu"))
    assert not found.plausible.any()  # nothing was read
    found.add(chunk([[0.9, 0.05, 0.03, 0.02]], [[0.5, 0.3, 0.15, 0.05]]))
    found.add(chunk([[0.6, 0.1, 0.25, 0.05]], [[0.7, 0.1, 0.1, 0.1]]))
    torch.testing.assert_close(found.log.exp(), torch.tensor([0.9, 0.3, 0.25, 0.1]))
    assert found.plausible.tolist() == [True, True, True, False]


def test_the_vocabulary_s_size_sets_the_share():
    rows = [[1 - 99 * 0.005] + [0.005] * 99]
    found = LargestProbabilities.empty(100, torch.device("cpu"))
    found.add(chunk(rows, rows))
    assert found.plausible.tolist() == [True] + [False] * 99
    assert math.exp(float(found.log[1])) < 1 / 100


def test_sides_exchanged_have_the_same_plausible_tokens():
    one, other = [[0.7, 0.2, 0.1]], [[0.1, 0.5, 0.4]]
    there, back = (LargestProbabilities.empty(3, torch.device("cpu")) for _ in range(2))
    there.add(chunk(one, other))
    back.add(chunk(other, one))
    assert torch.equal(there.log, back.log)
