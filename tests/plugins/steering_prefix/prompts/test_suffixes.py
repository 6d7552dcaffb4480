from diffkit_plugins.steering_prefix.config import CompletionOptions
from diffkit_plugins.steering_prefix.prompts.suffixes import Suffix, sample_suffixes

from diffkit import Message, Text, Texts


def chat(*turns):
    roles = ("system", "user", "assistant") if turns[0] is not None else ("", "user", "assistant")
    texts = [
        Message(role=role, content=words)
        for role, words in zip(roles, turns, strict=False)
        if words is not None
    ]
    return Text(messages=tuple(texts))


def drawn(model, texts, seed=0, **options):
    return list(sample_suffixes(model.tokenizer, texts, CompletionOptions(**options), seed))


def test_they_are_what_a_user_says_first_and_first_words_of_documents(tiny_model):
    texts = Texts(
        items=(
            chat("Be kind.", " Where is the cat? ", "Here."),
            Text(text="The cat sat on the mat, and the dog lay by the door."),
            Text(messages=(Message(role="assistant", content="Hello."),)),
        )
    )
    found = drawn(tiny_model, texts, suffix_tokens=16)
    assert set(found) == {
        Suffix("Where is the cat?", "chat"),
        Suffix(first_words(tiny_model, texts.items[1].text, 4), "document"),
    }


def first_words(model, words, tokens):
    return model.tokenizer.decode(model.tokenizer(words).input_ids[:tokens]).strip()


def test_what_users_say_at_length_is_left_out_and_documents_are_cut(tiny_model):
    long = "The cat sat on the mat. " * 10
    texts = Texts(items=(chat(None, long), Text(text=long)))
    (only,) = drawn(tiny_model, texts, suffix_tokens=20)
    assert only == Suffix(first_words(tiny_model, long, 5), "document")


def test_none_comes_twice_and_empty_ones_never(tiny_model):
    texts = Texts(
        items=(chat(None, "Hello"), chat(None, "Hello "), chat(None, " "), Text(text=" "))
    )
    assert drawn(tiny_model, texts) == [Suffix("Hello", "chat")]


def test_the_order_comes_from_the_seed(tiny_model):
    texts = Texts(items=tuple(chat(None, f"Number {number}") for number in range(20)))
    orders = [drawn(tiny_model, texts, seed) for seed in (0, 0, 1)]
    assert orders[0] == orders[1] != orders[2]
    assert set(orders[0]) == set(orders[2])
