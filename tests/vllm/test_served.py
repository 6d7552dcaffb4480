import pytest
from diffkit_evaluators.generators.config import RemoteConfig
from diffkit_evaluators.generators.remote_backend import RemoteBackend

from diffkit import Message, PairSource, Sampling, Text, UserError
from diffkit.organism import Adapter

WORDS = ["Where is the bakery?", "What is 3 plus 4?", "Tell me a story."]
PROMPTS = [*WORDS, *(Text(messages=(Message(role="user", content=word),)) for word in WORDS)]
SAMPLING = Sampling(max_new_tokens=24)


@pytest.fixture
def source(pair_source, weights):
    return pair_source(Adapter(source=weights("tiny-trojan")))


@pytest.fixture
def generators(served, source, weights):
    adapters = {weights("tiny-trojan").at: served.adapter}
    config = RemoteConfig(base_url=served.url, base=served.model, adapters=adapters)
    backend = RemoteBackend()
    with backend.open(source, config) as generators:
        yield generators
    backend.close()


@pytest.mark.parametrize("stop_at_eos", [True, False])
def test_greedy_completions_are_those_of_transformers(generators, source, stop_at_eos):
    sampling = SAMPLING.model_copy(update={"stop_at_eos": stop_at_eos})
    with source.load() as pair:
        for model, side in ((pair.base, generators.base), (pair.finetuned, generators.finetuned)):
            wanted = model.generate(PROMPTS, sampling)
            given = side.generate(PROMPTS, sampling)
            assert [one.text for one in given] == [one.text for one in wanted]
            assert [one.finished for one in given] == [one.finished for one in wanted]
            assert [one.tokens for one in given] == [one.tokens for one in wanted]


def test_an_answer_that_was_begun_is_gone_on_with(generators, source):
    begun = Text(
        messages=(
            Message(role="user", content="Where is the bakery?"),
            Message(role="assistant", content="The bakery is"),
        )
    )
    with source.load() as pair:
        (wanted,) = pair.finetuned.generate([begun], SAMPLING)
    (given,) = generators.finetuned.generate([begun], SAMPLING)
    assert given.text == wanted.text


def test_draws_come_from_the_seed(generators):
    drawn = Sampling(max_new_tokens=16, temperature=1.2, seed=4)
    once = [one.text for one in generators.base.generate(["Tell me"] * 4, drawn)]
    assert [one.text for one in generators.base.generate(["Tell me"] * 4, drawn)] == once
    assert len(set(once)) > 1


def test_what_the_server_refuses_is_an_error_in_our_words(generators):
    with pytest.raises(UserError, match="HTTP 400") as failure:
        generators.finetuned.generate(["the bakery " * 40_000], SAMPLING)
    assert "other" not in str(failure.value)
    assert "bakery" not in str(failure.value)


def test_a_model_that_is_not_served_is_an_error(served, source, weights):
    config = RemoteConfig(base_url=served.url, base=served.model, finetuned="nobody")
    assert isinstance(source, PairSource)
    with (
        pytest.raises(UserError, match="no model 'nobody'"),
        RemoteBackend().open(source, config),
    ):
        pass
