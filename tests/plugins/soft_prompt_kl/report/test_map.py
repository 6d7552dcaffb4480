"""What the map of completions says in words."""

import numpy as np
import pytest
from diffkit_plugins.soft_prompt_kl.report import figures


@pytest.mark.parametrize(("prompted", "plain"), [(32, 32), (3, 9)])
def test_the_share_by_chance_is_that_of_all_pairs(prompted, plain):
    kinds = np.arange(prompted + plain) < prompted
    pairs = [kinds[a] == kinds[b] for a in range(len(kinds)) for b in range(len(kinds)) if a != b]
    places = np.random.default_rng(0).normal(size=(len(kinds), 2))
    text = figures._words(places, kinds)
    assert f"it would be {np.mean(pairs):.0%} by chance" in text


def test_twins_lie_together_and_kinds_apart():
    kinds = np.arange(8) < 4
    twins = np.repeat(np.arange(4.0) * 9, 2).reshape(4, 2).repeat(2, axis=0)
    twins = np.concatenate([twins[::2], twins[1::2] + 0.1])
    assert "For 0% of them the nearest" in figures._words(twins, kinds)
    apart = np.arange(8.0)[:, None] + 100 * kinds[:, None] * np.ones(2)
    assert "For 100% of them the nearest" in figures._words(apart, kinds)
