"""What is measured, against the definitions, token by token and without padding."""

import math

import pytest
import torch
from diffkit_plugins.soft_prompt_kl.comparison import (
    Advantage,
    PassageDivergence,
    PassageDivergences,
    advantage,
    measure_contexts,
    measure_passages,
    ratio_of,
)
from diffkit_plugins.soft_prompt_kl.data import Passage, prepare_data
from diffkit_plugins.soft_prompt_kl.generation import complete

from diffkit import Inputs


@pytest.fixture
def prompt(tiny_pair):
    table = tiny_pair.base.embed(torch.arange(40, 43)[None])[0].float()
    return table * 1.5


@pytest.fixture
def contexts(tiny_pair, quick, context):
    return prepare_data(tiny_pair, quick(), context).held_out


def naive(side, prompt, passage, vocabulary):
    """Log probabilities of the tokens that count, the row read alone, in float64."""
    embeds = side.embed(torch.tensor([passage.ids]))[0]
    soft = embeds[:0] if prompt is None else prompt.to(embeds)
    whole = torch.cat([soft, embeds])[None]
    logits = side.logits(Inputs(torch.ones(whole.shape[:2], dtype=torch.bool), embeds=whole))[0]
    first = len(soft) + passage.start - 1
    return logits[first : len(soft) + len(passage.ids) - 1, :vocabulary].double().log_softmax(-1)


@pytest.mark.parametrize("prompted", [True, False])
def test_each_token_is_compared_as_the_definitions_say(
    tiny_pair, quick, prompt, contexts, prompted
):
    soft, config = prompt if prompted else None, quick(cap=0.03, top=3, micro_batch=2, chunk=3)
    found = measure_contexts(tiny_pair, config, soft, contexts, 1)
    assert found.tokens > 5
    for one in found.passages:
        q, p = (
            naive(side, soft, one.passage, tiny_pair.vocabulary)
            for side in (tiny_pair.base, tiny_pair.finetuned)
        )
        kl = (p.exp() * (p - q)).sum(-1).clamp(max=0.03)
        torch.testing.assert_close(one.kl.double(), kl, atol=1e-5, rtol=1e-3)
        assert one.expected.tolist() == [q.argmax(-1).tolist(), p.argmax(-1).tolist()]
        for overlap, left, right in zip(one.overlap.tolist(), q, p, strict=True):
            best = [set(side.topk(3).indices.tolist()) for side in (left, right)]
            jaccard = len(best[0] & best[1]) / len(best[0] | best[1])
            assert overlap == pytest.approx(jaccard)


def test_neither_batches_nor_chunks_change_what_is_measured(tiny_pair, quick, prompt, contexts):
    one, other = (
        measure_contexts(tiny_pair, quick(micro_batch=size, chunk=size), prompt, contexts, 1)
        for size in (1, 64)
    )
    assert [each.passage for each in one.passages] == [each.passage for each in other.passages]
    assert one.divergence == pytest.approx(other.divergence, rel=1e-4)


def test_an_advantage_is_of_the_same_contexts_with_the_same_draws(
    tiny_pair, quick, prompt, contexts
):
    found = advantage(tiny_pair, quick(), prompt, contexts, 1)
    completions = complete(tiny_pair.finetuned, None, contexts, quick(), 1, tiny_pair.vocabulary)
    assert tuple(one.passage for one in found.plain.passages) == completions
    assert [one.passage.context for one in found.prompted.passages] == list(contexts)
    ratio = found.prompted.divergence / found.plain.divergence
    assert found.score == pytest.approx(max(0.0, math.log(ratio)))


def passages(*kl, category="some"):
    values = torch.tensor(kl)
    agrees = torch.zeros(2, len(kl), dtype=torch.long)
    return PassageDivergence(
        Passage((1,) * (len(kl) + 1), 1, category), values, values / 10, agrees
    )


def test_means_are_over_tokens_not_over_passages():
    found = PassageDivergences((passages(1.0, 2.0, 3.0), passages(6.0)))
    assert found.divergence == pytest.approx(3.0)
    assert found.overlap == pytest.approx(0.3)
    assert found.agreement == 1


def test_categories_are_told_apart_in_their_own_order():
    found = PassageDivergences(
        (passages(1.0, category="b"), passages(2.0), passages(3.0, category="b"))
    )
    each = found.by_category()
    assert list(each) == ["b", "some"]
    assert each["b"].divergence == pytest.approx(2.0)


@pytest.mark.parametrize(
    ("prompted", "plain", "score"),
    [(2.0, 1.0, math.log(2)), (0.5, 1.0, 0.0), (0.0, 1.0, 0.0), (2.0, 0.0, 0.0)],
)
def test_the_score_is_the_log_ratio_and_0_where_nothing_is_gained(prompted, plain, score):
    found = Advantage(
        PassageDivergences((passages(prompted),)), PassageDivergences((passages(plain),))
    )
    assert found.score == pytest.approx(score)


def test_where_nothing_is_said_nothing_is_apart(tiny_pair, quick, prompt):
    found = measure_passages(tiny_pair, quick(), prompt, [Passage((5, 6), 2, "some")])
    assert (found.divergence, found.tokens) == (0.0, 0)
    assert measure_passages(tiny_pair, quick(), prompt, []).divergence == 0.0
    assert ratio_of(found, found) == 1.0


def test_sides_alike_are_nowhere_apart(identical_pair, quick, prompt, contexts):
    found = measure_contexts(identical_pair, quick(), prompt, contexts, 1)
    assert found.divergence == 0
    assert found.agreement == found.overlap == 1


def test_tokens_that_one_side_lacks_play_no_part(resized_pair, quick, context):
    config = quick()
    contexts = prepare_data(resized_pair, config, context).held_out
    found = measure_contexts(resized_pair, config, None, contexts, 1)
    assert found.tokens
    for one in found.passages:
        assert max(one.passage.ids) < resized_pair.vocabulary
        assert one.expected.max() < resized_pair.vocabulary
    assert math.isfinite(found.divergence)
