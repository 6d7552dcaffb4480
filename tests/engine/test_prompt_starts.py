import pytest
from tokenizers.processors import TemplateProcessing

from diffkit import Text, Texts, prompt_starts
from diffkit.texts import Message

from .conftest import SPECIALS, TEMPLATE, make_tokenizer

PAD, EOS, _, USER, ASSISTANT = range(len(SPECIALS))


def chat(*contents, system=None):
    first = (Message(role="system", content=system),) if system else ()
    roles = ("user", "assistant")
    turns = (Message(role=roles[i % 2], content=words) for i, words in enumerate(contents))
    return Text(messages=(*first, *turns))


def opened(tokenizer, *texts, **limits):
    limits = {"turns": 10, "documents": 10, "tokens": 3, **limits}
    return prompt_starts(tokenizer, Texts(items=texts), **limits)


def words_by_kind(found):
    return [(opening.kind, opening.text) for opening in found]


DOCUMENT = Text(text="the cat sat on the mat")
CHAT = chat("who is the cat", "the dog", "what is red", "the sky")


def test_each_kind_comes_in_order_with_its_words_decoded():
    found = opened(make_tokenizer(), CHAT, DOCUMENT)
    asked = "<user> who is the cat <eos>"
    assert words_by_kind(found) == [
        ("document", "<eos>"),
        ("chat", "<user>"),
        ("empty turn", "<user> <eos> <assistant>"),
        ("user's turn", f"{asked} <assistant>"),
        ("user's turn", f"{asked} <assistant> the dog <eos> <user> what is red <eos> <assistant>"),
        ("first words", "the cat sat"),
    ]
    assert [opening.ids for opening in found[:3]] == [(EOS,), (USER,), (USER, EOS, ASSISTANT)]


def test_openings_with_the_same_ids_come_once_and_do_not_use_up_the_limit():
    other = Text(text="the cat sat by")
    found = opened(make_tokenizer(), DOCUMENT, other, CHAT, CHAT, Text(text="a dog"), documents=2)
    assert len({opening.ids for opening in found}) == len(found)
    assert words_by_kind(found)[-2:] == [("first words", "the cat sat"), ("first words", "a dog")]


def test_limits_hold_and_long_openings_are_left_out():
    found = opened(make_tokenizer(), CHAT, DOCUMENT, turns=1, documents=0)
    assert [opening.kind for opening in found][3:] == ["user's turn"]
    short = opened(make_tokenizer(), CHAT, DOCUMENT, max_tokens=6)
    assert "user's turn" not in [opening.kind for opening in short]
    assert all(len(opening.ids) <= 6 for opening in short)


def test_a_chat_that_ends_with_the_user_and_a_systems_words_are_kept():
    (*_, last) = opened(make_tokenizer(), chat("who is red", system="the sky"))
    assert last.text == "<unk> the sky <eos> <user> who is red <eos> <assistant>"


def test_without_a_template_there_is_no_chat_to_start():
    found = opened(make_tokenizer(template=None), CHAT, DOCUMENT)
    assert words_by_kind(found) == [
        ("document", "<eos>"),
        ("user's turn", "who is the cat"),
        ("user's turn", "who is the cat the dog what is red"),
        ("first words", "the cat sat"),
    ]


def test_documents_alone_and_no_texts_are_no_fault():
    kinds = [opening.kind for opening in opened(make_tokenizer(), DOCUMENT, Text(text=""))]
    assert kinds == ["document", "chat", "empty turn", "first words"]
    assert len(opened(make_tokenizer())) == 3


def test_a_document_starts_with_what_the_tokenizer_sets_before_it():
    from tokenizers.processors import TemplateProcessing

    tokenizer = make_tokenizer(extra=["<s>"])
    tokenizer.add_special_tokens({"bos_token": "<s>"})
    assert opened(tokenizer)[0].ids == (EOS,)  # there is one, and it is not set before texts
    tokenizer.backend_tokenizer.post_processor = TemplateProcessing(
        single="<s> $A", special_tokens=[("<s>", tokenizer.bos_token_id)]
    )
    (first, *_, last) = opened(tokenizer, DOCUMENT)
    assert (first.kind, first.text, last.text) == ("document", "<s>", "<s> the cat")


def test_a_tokenizer_that_has_no_starting_token_has_no_documents_start():
    tokenizer = make_tokenizer()
    tokenizer.eos_token = None
    assert "document" not in [opening.kind for opening in opened(tokenizer, DOCUMENT)]


@pytest.mark.parametrize(
    "refusal",
    [
        "{% if messages[0].role == 'system' %}{{ raise_exception('no system') }}{% endif %}",
        "{% if not messages[-1].content %}{{ raise_exception('empty') }}{% endif %}",
    ],
)
def test_what_the_template_refuses_is_left_out(refusal):
    texts = (chat("who", system="the sky"), CHAT)
    all_of_them = opened(make_tokenizer(), *texts)
    found = opened(make_tokenizer(template=refusal + TEMPLATE), *texts)
    assert len(found) == len(all_of_them) - 1
    assert set(found) < set(all_of_them)


def test_a_template_that_does_not_show_the_users_words_has_no_chats_start():
    found = opened(make_tokenizer(template="<assistant>"))
    assert [opening.kind for opening in found] == ["document", "empty turn"]


def test_an_end_that_the_tokenizer_appends_ends_no_prompt():
    plain, appending = make_tokenizer(), make_tokenizer()
    appending.backend_tokenizer.post_processor = TemplateProcessing(
        single="$A <eos>", pair="$A $B <eos>", special_tokens=[("<eos>", EOS)]
    )
    assert appending("the cat").input_ids[-1] == EOS
    texts = (CHAT, DOCUMENT, Text(text="the cat"))
    assert opened(appending, *texts, tokens=4) == opened(plain, *texts, tokens=4)
