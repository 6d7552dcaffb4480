"""The test holds its level where nothing but chance is at work, and lets real rises through."""

import pytest
import torch
from diffkit_plugins.diff_mining.exchanges import ExchangeSums, exchange_test
from diffkit_plugins.diff_mining.statistics import text_draws

TEXTS, TOKENS, PERMUTATIONS, WORLDS = 12, 12, 39, 200


def world(seed, *, always=(), texts=TEXTS, permutations=PERMUTATIONS):
    """The test where each text's rises and falls are exchangeable.

    Args:
        always: tokens with the rise that they have in every text, in nats.
    """
    generator = torch.Generator().manual_seed(seed)
    # Tokens of one text go together, some are livelier than others, and tails are heavy.
    lively = torch.rand(TOKENS, generator=generator)
    rises, falls = torch.rand(2, texts, TOKENS, generator=generator).pow(4).mul(lively).double()
    swapped = torch.rand(texts, 1, generator=generator) < 0.5
    rises, falls = torch.where(swapped, falls, rises), torch.where(swapped, rises, falls)
    for token, rise in always:
        rises[:, token], falls[:, token] = rise, 0.0
    sums = ExchangeSums.empty(permutations, TOKENS, torch.device("cpu"))
    for text in range(texts):
        sums.add(rises[text], falls[text], text_draws(seed, text, permutations, 1).exchanged)
    return exchange_test(sums)


def test_the_level_is_held_in_exchangeable_worlds():
    passed = [bool(world(seed).beyond.any()) for seed in range(WORLDS)]
    assert 0.01 <= sum(passed) / WORLDS <= 0.095  # 0.05 and 2.6 to 3 standard errors


def test_a_token_that_always_rises_is_beyond_chance_alone():
    tested = world(0, always=[(5, 1.0)])
    assert tested.beyond.nonzero().flatten().tolist() == [5]
    assert float(tested.p[5]) == pytest.approx(1 / (PERMUTATIONS + 1))
    assert float(tested.consistency[5]) == pytest.approx(TEXTS**0.5)
    assert float(tested.p.max()) == 1.0


def test_a_token_is_beyond_chance_beside_one_that_rises_much_more():
    # Of unstandardised sums, an exchange leaves the larger one 0.61 of its rise, more than the
    # smaller one has: the smaller one would never be beyond chance.
    tested = world(3, always=[(5, 10.0), (7, 1.0)], texts=60, permutations=99)
    assert tested.beyond.nonzero().flatten().tolist() == [5, 7]
    assert tested.p[[5, 7]].tolist() == pytest.approx([0.01, 0.01])


@pytest.mark.parametrize("scale", [1e-6, 1e6])
def test_p_values_do_not_depend_on_the_size_of_rises(scale):
    nets = torch.randn(20, 8, generator=torch.Generator().manual_seed(1)).double() + 0.4
    found = []
    for size in (1.0, scale):
        sums = ExchangeSums.empty(99, 8, torch.device("cpu"))
        for text, net in enumerate(nets * size):
            sums.add(net.clamp(min=0), (-net).clamp(min=0), text_draws(0, text, 99, 1).exchanged)
        found.append(exchange_test(sums).p)
    assert torch.equal(*found)
    assert len(set(found[0].tolist())) > 2


def test_no_token_moves_and_none_is_beyond_chance():
    sums = ExchangeSums.empty(19, 3, torch.device("cpu"))
    sums.add(torch.zeros(3), torch.zeros(3), torch.ones(19).double())
    tested = exchange_test(sums)
    assert tested.p.tolist() == [1.0] * 3
    assert tested.consistency.tolist() == [0.0] * 3


def test_tokens_that_are_not_tested_neither_count_nor_raise_the_bar():
    nets = torch.randn(20, 8, generator=torch.Generator().manual_seed(1)).double() + 0.4
    wanted = torch.tensor([True, False] * 4)

    def tested(some, *given):
        sums = ExchangeSums.empty(99, some.shape[1], torch.device("cpu"))
        for text, net in enumerate(some):
            sums.add(net.clamp(min=0), (-net).clamp(min=0), text_draws(0, text, 99, 1).exchanged)
        return exchange_test(sums, *given).p

    assert torch.equal(tested(nets, wanted)[wanted], tested(nets[:, wanted]))
    assert tested(nets, wanted)[~wanted].tolist() == [1.0] * 4
