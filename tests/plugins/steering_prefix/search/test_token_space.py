from dataclasses import replace

import pytest
import torch
from diffkit_plugins.steering_prefix.config import SearchOptions
from diffkit_plugins.steering_prefix.search import TokenSpace, sample_prefixes

from diffkit import UserError


@pytest.fixture
def make(distance_to):
    def of(*ban, **options):
        return TokenSpace.of(distance_to(" cat"), SearchOptions(**options), ban)

    return of


def ids_of(space, text):
    ids = space.model.tokenizer(text, add_special_tokens=False).input_ids
    return torch.tensor([ids])


def test_special_tokens_halves_of_characters_and_control_characters_are_left_out(make):
    space = make()
    tokens = space.model.tokenizer.get_added_vocab().values()
    assert not space.allowed[list(tokens)].any()
    texts = {space.texts[token] for token in space.allowed.nonzero().squeeze(1).tolist()}
    assert " cat" in texts
    assert not any("\N{REPLACEMENT CHARACTER}" in text or "\x00" in text for text in texts)


def test_embeddings_are_what_the_model_reads(make):
    space = make()
    ids = ids_of(space, "The cat")
    assert torch.equal(space.embeddings[ids], space.model.embed(ids).float())


def test_no_token_that_says_a_banned_word_is_allowed(make):
    space = make("CAT", ban=("capital",))
    assert not space.allowed[ids_of(space, " cat")[0]].any()
    assert not space.allowed[ids_of(space, " capital")[0]].any()
    assert space.allowed[ids_of(space, " dog")[0]].all()


def test_a_banned_word_in_pieces_is_not_kept(make):
    space = make("cat")
    assert not space.accepts(ids_of(space, "c at")).any()
    assert space.accepts(ids_of(space, "dog at")).all()


def test_what_does_not_read_back_is_not_kept(make):
    space = replace(make(), round_trips=lambda prefixes: [False, True][: len(prefixes)])
    assert space.accepts(ids_of(space, " cat").repeat(2, 1)).tolist() == [False, True]


def test_nothing_is_read_back_that_is_not_allowed_anyway(make):
    def round_trips(prefixes):
        assert len(prefixes) == 1
        return [True]

    space = replace(make(), round_trips=round_trips)
    rows = torch.tensor([[0], ids_of(space, " cat")[0].tolist()])
    assert space.accepts(rows).tolist() == [False, True]


def test_printable_prefixes_have_single_spaces(make):
    space = make(printable=True)
    assert not space.accepts(ids_of(space, " ").repeat(1, 2)).any()
    assert make().accepts(ids_of(space, " ").repeat(1, 2)).all()


def test_more_words_can_be_banned(make):
    space = make().without(["cat"])
    assert not space.accepts(ids_of(space, " cat")).any()


def test_banning_everything_is_an_error(make):
    space = make()
    letters = {char for text in space.texts for char in text if char.isalnum()}
    everything = replace(space, printable=True, allowed=space.allowed.clone().fill_(False))
    with pytest.raises(UserError, match="No token is left"):
        everything.without(sorted(letters))


def test_a_soft_ban_allows_the_word_at_a_price(make):
    space = make(ban=("cat",), ban_weight=2.0)
    cat, dog = ids_of(space, " cat"), ids_of(space, " dog")
    assert space.accepts(cat).all()
    assert torch.isclose(space.penalty(cat)[0], torch.tensor(2.0))
    assert space.penalty(dog)[0] < 2.0
    both = torch.cat([cat, dog], dim=1)
    mean = (space.penalty(cat) + space.penalty(dog)) / 2
    assert torch.isclose(space.penalty(both), mean).all()


def test_a_word_without_a_token_is_disliked_as_the_mean_of_its_pieces(make):
    space = make(ban=("thrice",), ban_weight=1.0)
    mean = space.embeddings[ids_of(space, " thrice")[0]].mean(dim=0)
    assert torch.isclose(space.penalty_at(mean[None]), torch.tensor(1.0))


def test_the_penalty_has_a_gradient(make):
    space = make(ban=("cat",), ban_weight=1.0)
    leaf = space.embeddings[ids_of(space, " dog do")[0]].clone().requires_grad_()
    assert torch.autograd.gradcheck(
        lambda x: replace(space, disliked=doubled(space.disliked)).penalty_at(x),
        leaf.detach().double().requires_grad_(),
    )


def doubled(disliked):
    return replace(disliked, directions=disliked.directions.double())


def test_without_dislikes_nothing_is_penalised(make):
    space = make()
    assert space.penalty(ids_of(space, " cat")).tolist() == [0.0]
    assert make(ban=("cat",), ban_weight=1.0).penalty(torch.zeros(2, 0).long()).tolist() == [0, 0]


def test_what_a_prefix_said_can_be_banned(make):
    space = make()
    (ids,) = ids_of(space, " cat by dog.").tolist()
    banned = space.without(space.words_of(ids))
    assert not banned.allowed[ids[:3]].any()
    assert banned.allowed[ids_of(space, " cap")[0]].all()


def test_random_prefixes_are_allowed_and_reproducible(make):
    space = make("cat")
    one, two = (sample_prefixes(space, 3, 20, torch.Generator().manual_seed(5)) for _ in range(2))
    assert torch.equal(one, two)
    assert one.shape == (20, 3)
    assert space.accepts(one).all()


def test_where_nothing_reads_back_no_prefix_can_be_drawn(make):
    space = replace(make(), round_trips=lambda prefixes: [False] * len(prefixes))
    with pytest.raises(UserError, match="3 allowed tokens"):
        sample_prefixes(space, 3, 2, torch.Generator())
