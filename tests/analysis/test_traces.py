import torch

from diffkit.analysis import trace_tokens


class Letters:
    def decode(self, ids):
        return "".join("abcdefgh"[token] for token in ids)


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
