import torch
from hypothesis import given
from hypothesis import strategies as st

from diffkit.analysis import token_table, top_positive, trace_tokens
from diffkit.findings import TokenScore


class Letters:
    def convert_ids_to_tokens(self, token):
        return self.decode([token])

    def decode(self, ids):
        return "".join("abcdefgh"[token] for token in ids)


SCORES = torch.tensor([0.5, -1.0, 2.0, 0.0, 2.0])


def rows(**options):
    return token_table("T", SCORES, Letters(), 3, unit="nats", **options).rows


@given(st.lists(st.integers(-3, 3), max_size=8), st.integers(0, 9))
def test_top_positive_is_a_stable_sort_of_what_is_above_0(scores, count):
    expected = sorted(range(len(scores)), key=lambda token: -scores[token])[:count]
    found = top_positive(torch.tensor(scores, dtype=torch.float64), count)
    assert found == [token for token in expected if scores[token] > 0]


def test_a_table_has_the_largest_scores_above_0_first():
    assert rows() == (
        TokenScore(token="c", score=2.0),
        TokenScore(token="e", score=2.0),
        TokenScore(token="a", score=0.5),
    )


def test_all_scores_count_where_negative_ones_do():
    found = token_table("T", SCORES, Letters(), 9, unit="nats", positive=False)
    assert [row.token for row in found.rows] == list("ceadb")
    assert (found.title, found.unit) == ("T", "nats")


def test_a_spread_that_is_not_a_number_is_left_out():
    spread = torch.tensor([0.1, 0.2, 0.25, 0.4, torch.nan])
    assert [row.spread for row in rows(spread=spread)][:2] == [0.25, None]


def test_another_order_decides_which_tokens_are_shown():
    found = rows(order=torch.tensor([3.0, 2.0, 1.0, -1.0, -1.0]))
    assert [(row.token, row.score) for row in found] == [("a", 0.5), ("b", -1.0), ("c", 2.0)]


def test_the_last_words_have_predictions_and_the_first_have_none():
    base = torch.tensor([[0.1, 0.9], [0.6, 0.4]])
    first, *others = trace_tokens(
        Letters(), ["x", "y", "z"], [1.0, -2.0], base=base, finetuned=base.flip(1), candidates=1
    )
    assert (first.token, first.score, first.base, first.finetuned) == ("x", None, (), ())
    assert [(one.token, one.score) for one in others] == [("y", 1.0), ("z", -2.0)]
    assert [one.base[0].token for one in others] == ["b", "a"]
    assert [one.finetuned[0].token for one in others] == ["a", "b"]


def test_every_word_may_have_a_prediction():
    base = torch.tensor([[0.25, 0.75]])
    (one,) = trace_tokens(Letters(), ["x"], [0.5], base=base, finetuned=base, candidates=5)
    assert [(c.token, c.probability) for c in one.base] == [("b", 0.75), ("a", 0.25)]
