from pathlib import Path

import diffkit_organisms
import pytest

from diffkit import Sampling, Source, load_model, self_generated_prompts


@pytest.fixture(scope="module")
def zoo_base():
    zoo = Path(diffkit_organisms.__file__).parent / "zoo"
    return load_model(Source(at=str(zoo / "weights" / "tiny-qwen3")), device="cpu")


def drawn(model, count=40, **sampling):
    return self_generated_prompts(
        model, count, Sampling(max_new_tokens=12, temperature=1.0, **sampling)
    )


def test_a_chat_model_writes_users_messages(zoo_base):
    found = drawn(zoo_base)
    assert len(found) > 10
    assert all(len(text.messages) == 1 for text in found.items)
    assert all(text.messages[0].role == "user" for text in found.items)
    words = [str(text) for text in found.items]
    assert len(set(words)) == len(words)
    assert all(word and "<|" not in word for word in words)


def test_the_same_seed_draws_the_same(zoo_base):
    assert drawn(zoo_base) == drawn(zoo_base)
    assert drawn(zoo_base, seed=1) != drawn(zoo_base)


def test_greedy_draws_are_one(zoo_base):
    assert len(self_generated_prompts(zoo_base, 5, Sampling(max_new_tokens=12))) <= 1


def test_messages_that_do_not_end_are_left_out(zoo_base):
    assert not len(self_generated_prompts(zoo_base, 5, Sampling(max_new_tokens=1, temperature=1.0)))


def test_without_a_chat_template_documents_are_written(zoo_base):
    import copy

    from diffkit import Model

    plain = copy.deepcopy(zoo_base.tokenizer)
    plain.chat_template = None
    found = drawn(Model(zoo_base.network, None, plain))
    assert len(found) > 10
    assert all(text.text for text in found.items)


def test_ids_of_completions_are_those_of_their_texts(zoo_base):
    from diffkit import Inputs

    rows = [zoo_base.tokenizer(words).input_ids for words in ("One day Leo the", "In Durnesh they")]
    inputs, sampling = Inputs.of(rows, side="left"), Sampling(max_new_tokens=6)
    ids = [one.ids for one in zoo_base.generate_ids(inputs, sampling)]
    texts = [one.text for one in zoo_base.generate_from(inputs, sampling)]
    assert [zoo_base.tokenizer.decode(row, skip_special_tokens=True) for row in ids] == texts


def test_ids_beyond_the_vocabulary_asked_for_are_never_chosen(zoo_base):
    from diffkit import Inputs

    inputs = Inputs.of([[5, 6, 7]] * 8, side="left")
    sampling = Sampling(max_new_tokens=8, temperature=5.0)
    drawn = zoo_base.generate_ids(inputs, sampling, vocabulary=300, row_seeds=range(8))
    assert max(max(one.ids, default=0) for one in drawn) < 300
    again = zoo_base.generate_ids(inputs, sampling, vocabulary=300, row_seeds=[3] * 8)
    assert len({one.ids for one in again}) == 1
    assert again[0].ids == drawn[3].ids
