"""A token is plausible where it comes near the likeliest one in one prediction of one side."""

import torch

from diffkit.analysis import PlausibleTokens, PredictionChunk
from diffkit.analysis.plausible_tokens import PLAUSIBLE_SHARE


def chunk(base, finetuned):
    p, q = (torch.tensor(rows, dtype=torch.float32).log() for rows in (finetuned, base))
    places = torch.arange(len(p))
    return PredictionChunk(slice(0, len(p)), places, places, q, p)


def plausible(size, *chunks):
    found = PlausibleTokens.empty(size, torch.device("cpu"))
    for one in chunks:
        found.add(one)
    return found


LITTLE = PLAUSIBLE_SHARE * 0.5
FIRST = chunk([[0.999 - LITTLE, 0.001, LITTLE, 1e-9]], [[0.5, 0.499, LITTLE * 0.5, 1e-9]])
SECOND = chunk([[1.0, 1e-9, 1e-9, 1e-9]], [[1.0, 1e-9, PLAUSIBLE_SHARE * 1.1, 1e-9]])


def test_the_largest_ratio_of_both_sides_and_all_positions_counts():
    assert plausible(4, FIRST).mask.tolist() == [True, True, False, False]
    both = plausible(4, FIRST, SECOND)
    assert both.mask.tolist() == [True, True, True, False]
    expected = torch.tensor([1.0, 0.998, PLAUSIBLE_SHARE * 1.1, 2e-9])
    torch.testing.assert_close(both.largest.exp(), expected)
    assert torch.equal(plausible(4, SECOND, FIRST).largest, both.largest)


def test_nothing_is_plausible_before_a_prediction():
    assert not plausible(4).mask.any()


def test_exchanging_the_sides_changes_nothing():
    there, back = (FIRST.base.exp().tolist(), FIRST.finetuned.exp().tolist())
    one, other = (plausible(4, chunk(*sides)) for sides in ((there, back), (back, there)))
    assert torch.equal(one.largest, other.largest)


def test_where_all_tokens_are_equally_likely_all_are_plausible():
    rows = [[1 / 5000] * 5000]
    assert plausible(5000, chunk(rows, rows)).mask.all()
