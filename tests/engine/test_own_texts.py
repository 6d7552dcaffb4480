from pathlib import Path

import diffkit_organisms
import pytest

from diffkit import Sampling, Source, load_model, own_texts


@pytest.fixture(scope="module")
def zoo_base():
    zoo = Path(diffkit_organisms.__file__).parent / "zoo"
    return load_model(Source(at=str(zoo / "weights" / "tiny-qwen3")), device="cpu")


def drawn(model, count=40, **sampling):
    return own_texts(model, count, Sampling(max_new_tokens=12, temperature=1.0, **sampling))


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
    assert len(own_texts(zoo_base, 5, Sampling(max_new_tokens=12))) <= 1


def test_messages_that_do_not_end_are_left_out(zoo_base):
    assert not len(own_texts(zoo_base, 5, Sampling(max_new_tokens=1, temperature=1.0)))


def test_without_a_chat_template_documents_are_written(zoo_base):
    import copy

    from diffkit import Model

    plain = copy.deepcopy(zoo_base.tokenizer)
    plain.chat_template = None
    found = drawn(Model(zoo_base.network, None, plain))
    assert len(found) > 10
    assert all(text.text for text in found.items)
