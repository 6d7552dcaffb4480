"""What the draws of momentum, GCG and HotFlip are made of."""

import pytest
import torch
from diffkit_plugins.steering_prefix.config import SearchOptions
from diffkit_plugins.steering_prefix.search import FirstOrderGains, Proposals, TokenSpace


@pytest.fixture
def space(distance_to):
    return TokenSpace.of(distance_to(" cat"), SearchOptions(ban=("dog",)))


@pytest.fixture
def ids(space):
    return torch.tensor(space.model.tokenizer("The cat", add_special_tokens=False).input_ids)


@pytest.fixture
def gradient(space, ids):
    generator = torch.Generator().manual_seed(0)
    return torch.randn(len(ids), space.embeddings.shape[1], generator=generator)


def test_a_promise_is_the_first_order_drop(space, ids, gradient):
    values = FirstOrderGains.of(space, ids, gradient).values
    for slot, token in enumerate(ids.tolist()):
        for other in space.allowed.nonzero().squeeze(1).tolist()[::25]:
            if other != token:
                step = space.embeddings[other] - space.embeddings[token]
                drop = -float(gradient[slot] @ step)
                assert float(values[slot, other]) == pytest.approx(drop, abs=1e-5)


def test_neither_barred_tokens_nor_those_in_place_are_promised(space, ids, gradient):
    values = FirstOrderGains.of(space, ids, gradient).values
    assert torch.isinf(values[:, ~space.allowed]).all()
    assert torch.isinf(values[torch.arange(len(ids)), ids]).all()


def test_aligned_proposals_are_the_nearest_by_cosine_drawn_by_promise(space, ids, gradient):
    proposals = FirstOrderGains.of(space, ids, gradient).aligned(7, 0.4)
    for slot, token in enumerate(ids.tolist()):
        steps = space.embeddings - space.embeddings[token]
        cosines = torch.nn.functional.cosine_similarity(-gradient[slot][None], steps)
        cosines[~space.allowed] = -2
        cosines[token] = -2
        assert set(proposals.tokens[slot].tolist()) == set(cosines.topk(7).indices.tolist())
        promised = -(steps[proposals.tokens[slot]] @ gradient[slot])
        z = (promised - promised.mean()) / promised.std(correction=0)
        assert torch.allclose(proposals.probabilities[slot], torch.softmax(z / 0.4, 0), atol=1e-4)


def test_the_top_proposals_are_equally_likely(space, ids, gradient):
    gains = FirstOrderGains.of(space, ids, gradient)
    proposals = gains.top(5)
    assert torch.equal(proposals.tokens, gains.values.topk(5, dim=1).indices)
    assert torch.allclose(proposals.probabilities, torch.tensor(0.2))


def test_flips_come_in_the_order_of_their_promises(space, ids, gradient):
    gains = FirstOrderGains.of(space, ids, gradient)
    flips = gains.flips(4)
    assert flips.shape == (4 * len(ids), len(ids))
    changed = flips != ids
    assert (changed.sum(dim=1) == 1).all()
    promised = gains.values[changed.nonzero()[:, 1], flips[changed]]
    assert (promised.diff() <= 0).all()


@pytest.mark.parametrize("changes", [1, 2])
def test_so_many_positions_change_and_all_are_drawn(changes):
    ids = torch.zeros(4, dtype=torch.long)
    proposals = Proposals(torch.arange(1, 9).view(4, 2), torch.full((4, 2), 0.5))
    drawn = proposals.draw(ids, 200, changes, torch.Generator().manual_seed(0))
    assert ((drawn != 0).sum(dim=1) == changes).all()
    for slot in range(4):
        assert set(drawn[:, slot].tolist()) == {0, *proposals.tokens[slot].tolist()}


def test_one_position_can_change_only_once():
    proposals = Proposals(torch.tensor([[5]]), torch.tensor([[1.0]]))
    drawn = proposals.draw(torch.tensor([0]), 3, 2, torch.Generator())
    assert drawn.tolist() == [[5]] * 3


def test_one_nearest_token_is_always_drawn(space, ids, gradient):
    proposals = FirstOrderGains.of(space, ids, gradient).aligned(1, 0.4)
    assert torch.equal(proposals.probabilities, torch.ones(len(ids), 1))
