"""Nearest tokens against a loop over the vocabulary, and patterns against counting."""

import pytest
import torch
from diffkit_plugins.soft_prompt_kl.comparison import PassageDivergence, PassageDivergences
from diffkit_plugins.soft_prompt_kl.data import Passage, PromptContext
from diffkit_plugins.soft_prompt_kl.report.samples import most_divergent
from diffkit_plugins.soft_prompt_kl.report.tables import nearest_table, pattern_table
from diffkit_plugins.soft_prompt_kl.soft_prompt import nearest_tokens


def table_of(pair):
    return pair.base.embed(torch.arange(pair.vocabulary)[None])[0].float()


def test_tokens_are_nearest_to_themselves(tiny_pair):
    table = table_of(tiny_pair)
    found = nearest_tokens(tiny_pair, torch.stack([table[7], 3 * table[9]]))
    assert found.aligned.tolist() == [7, 9]
    assert found.closest[0] == 7
    torch.testing.assert_close(found.cosines, torch.ones(2))
    assert found.distances[0] == pytest.approx(0, abs=1e-3)
    assert found.norms[0] == pytest.approx(float(table[7].norm() / table.norm(dim=1).median()))


def test_distances_are_euclidean_and_in_own_norms(tiny_pair):
    table = table_of(tiny_pair)
    soft = torch.randn(3, table.shape[1], generator=torch.manual_seed(1)) * table.std()
    found = nearest_tokens(tiny_pair, soft)
    for row, token in enumerate(soft):
        distances = [float((token - other).norm()) for other in table]
        least = min(distances)
        assert distances[int(found.closest[row])] == pytest.approx(least, rel=1e-4)
        assert float(found.distances[row]) == pytest.approx(least / float(token.norm()), rel=1e-3)
    assert len(nearest_table(tiny_pair, found).rows) == 3


def test_the_prompt_as_text_stands_before_each_context(tiny_pair):
    table = table_of(tiny_pair)
    found = nearest_tokens(tiny_pair, table[[11, 12]])
    contexts = [PromptContext((5,), "a", "some", 3), PromptContext((6, 7), "b", "some", 4)]
    assert [one.ids for one in found.before(contexts)] == [(11, 12, 5), (11, 12, 6, 7)]
    assert [one.number for one in found.before(contexts)] == [3, 4]


def passages(ids, kl, base, finetuned, words=""):
    count = len(kl)
    return PassageDivergence(
        Passage(ids, len(ids) - count, "some", words),
        torch.tensor(kl),
        torch.zeros(count),
        torch.tensor([base, finetuned], dtype=torch.long),
    )


def test_patterns_are_after_what_the_sides_part_and_what_they_would_say(tiny_pair):
    decode = tiny_pair.base.tokenizer.decode
    # Twenty tokens: the two most divergent ones both follow token 40.
    quiet = [passages((30,) * 7, [0.1] * 6, [50] * 6, [50] * 6) for _ in range(3)]
    loud = passages((30, 40, 41), [0.0, 3.0], [50, 60], [50, 61])
    found = PassageDivergences((*quiet, loud, passages((40, 9), [0.2], [60], [61])))
    table = pattern_table(found, tiny_pair.base.tokenizer)
    (row, *reference) = table.rows
    assert row == (decode([61]), decode([60]), decode([40]), 2, pytest.approx(1.6))
    assert reference == []
    assert "2 most divergent of 21" in table.title


def test_patterns_of_nothing_are_none(tiny_pair):
    assert pattern_table(PassageDivergences(()), tiny_pair.base.tokenizer).rows == ()


def test_the_most_divergent_are_shown_once_each():
    one, same = (passages((1, 2), [kl], [0], [1], "same") for kl in (2.0, 5.0))
    other, empty = passages((1, 2), [3.0], [0], [1], "other"), passages((1,), [], [], [], "")
    found = PassageDivergences((one, other, same, empty))
    assert most_divergent(found, 3) == (same, other)
    assert most_divergent(found, 1) == (same,)
