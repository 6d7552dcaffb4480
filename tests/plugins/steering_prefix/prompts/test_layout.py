import pytest
from diffkit_plugins.steering_prefix.prompts.layout import PromptLayout, RoundTrips

from diffkit import Message, Text
from diffkit.testing.models import WORDS


@pytest.fixture
def tokenizer(tiny_model):
    return tiny_model.tokenizer


@pytest.fixture
def templated(tokenizer):
    """The tokenizer with another template, and as it was afterwards."""
    before = tokenizer.chat_template

    def change(template):
        tokenizer.chat_template = template
        return tokenizer

    yield change
    tokenizer.chat_template = before


def whole(tokenizer, words):
    chat = [{"role": "user", "content": words}]
    text = tokenizer.apply_chat_template(chat, tokenize=False, add_generation_prompt=True)
    return tuple(tokenizer(text, add_special_tokens=False).input_ids)


def test_a_chat_with_a_prefix_is_tokenised_as_the_user_would_have_said_it(tokenizer):
    layout = PromptLayout(tokenizer, " ")
    place = layout.place("What is the capital?", "chat")
    prefix = layout.prefix("The cat", place)
    assert tokenizer.decode(prefix) == "The cat"
    assert place.prompt(prefix) == whole(tokenizer, "The cat What is the capital?")
    assert place.before == (tokenizer.convert_tokens_to_ids("<|user|>"),)


def test_without_a_prefix_there_is_no_separator(tokenizer, tiny_model):
    place = PromptLayout(tokenizer, " - ").place("The dog lay by the door", "document")
    assert place.prompt(()) == place.bare
    assert tokenizer.decode(place.bare) == "The dog lay by the door"
    assert tokenizer.decode(place.rest) == " - The dog lay by the door"
    chat = PromptLayout(tokenizer, " ").place("Two and three", "chat")
    text = Text(messages=(Message(role="user", content="Two and three"),))
    inputs = tiny_model.inputs([text], max_tokens=99)
    opening = tokenizer.convert_tokens_to_ids("<|assistant|>")
    assert chat.bare == (*inputs.ids[0].tolist(), opening)


def test_a_document_starts_with_what_the_tokenizer_sets_before_it(tokenizer, monkeypatch):
    plain = PromptLayout(tokenizer, " ").place("The dog", "document")
    assert plain.before == ()
    begun = type("Begun", (), {})()
    begun.chat_template, begun.decode = None, tokenizer.decode

    def encode(words, *, add_special_tokens=True, verbose=True):
        found = tokenizer(words, add_special_tokens=False)
        if add_special_tokens:
            found["input_ids"] = [7, *found["input_ids"]]
        return found

    monkeypatch.setattr(type(begun), "__call__", staticmethod(encode), raising=False)
    place = PromptLayout(begun, " ").place("The dog", "document")
    assert (place.before, place.rest) == ((7,), plain.rest)
    assert place.bare == (7, *plain.bare)


def test_a_tokenizer_without_a_template_takes_what_a_user_says_as_a_document(templated):
    place = PromptLayout(templated(None), " ").place("The dog", "chat")
    assert (place.kind, place.before, place.words_before) == ("document", (), "")


def test_where_nothing_separates_them_the_suffix_is_tokenised_for_itself(tokenizer):
    layout = PromptLayout(tokenizer, "")
    place = layout.place("t sat on the mat", "document")
    assert tokenizer.decode(place.rest) == "t sat on the mat"
    assert place.rest == tuple(tokenizer("t sat on the mat").input_ids)


def test_tokens_read_back_where_their_words_are_tokenised_to_them(tokenizer):
    layout = PromptLayout(tokenizer, " ")
    places = [layout.place("What is it?", "chat"), layout.place("Two", "document")]
    reads_back = RoundTrips(tokenizer, places)
    own = layout.prefix("The cat", places[0])
    pieces = tuple(tokenizer.convert_tokens_to_ids(list("The"))) + own[1:]
    assert tokenizer.decode(pieces) == "The cat"
    assert reads_back([own, pieces, ()]) == [True, False, True]
    assert reads_back([]) == []
    half = tuple(tokenizer("\u260e").input_ids)[:1]  # a byte of three
    assert reads_back([half]) == [False]


def test_where_a_template_trims_a_prefix_cannot_begin_with_a_space(templated):
    trimming = (
        "{% for m in messages %}<|{{ m.role }}|>{{ m.content | trim }}<|end|>{% endfor %}"
        "{% if add_generation_prompt %}<|assistant|>{% endif %}"
    )
    spaced = tuple(templated(trimming)(" What", add_special_tokens=False).input_ids)
    assert not keeps(templated("<|user|>{{ messages[0].content }}<|end|>"), spaced).trims
    assert keeps(templated(trimming), spaced, says=False).trims


def keeps(tokenizer, ids, *, says=True):
    place = PromptLayout(tokenizer, " ").place("What is it?", "chat")
    assert RoundTrips(tokenizer, [place])([ids]) == [says]
    return place


def test_places_that_go_on_alike_are_tried_once(tokenizer, monkeypatch):
    layout = PromptLayout(tokenizer, " ")
    words = ("The cat", "What", "3 cats", "4 dogs", "(yes)")
    reads_back = RoundTrips(tokenizer, [layout.place(word, "chat") for word in words])
    tried = []

    def again(place, rows):
        tried.append(place.suffix)
        return [list(place.prompt(row)) for row in rows]

    monkeypatch.setattr(reads_back, "_again", again)
    assert reads_back([(1,)]) == [True]
    assert tried == ["What", "4 dogs", "(yes)"]


def pieces(scheme):
    """A tokenizer of the sentencepiece kind: a space is part of the word after it."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
    from transformers import PreTrainedTokenizerFast

    model = Tokenizer(models.BPE(unk_token="<unk>"))
    model.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme=scheme)
    model.decoder = decoders.Metaspace(prepend_scheme=scheme)
    special = ["<unk>", "<s>", "<|user|>", "<|end|>", "<|assistant|>"]
    trainer = trainers.BpeTrainer(vocab_size=300, special_tokens=special, show_progress=False)
    model.train_from_iterator([*WORDS, "a 0 Sell the bread"], trainer)
    model.post_processor = processors.TemplateProcessing(
        single="<s> $A", special_tokens=[("<s>", 1)]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=model,
        bos_token="<s>",
        chat_template="<s><|user|>{{ messages[0].content | trim }}<|end|><|assistant|>",
    )


@pytest.mark.parametrize("scheme", ["first", "always", "never"])
@pytest.mark.parametrize("kind", ["chat", "document"])
def test_words_with_their_spaces_are_tokenised_in_place_too(scheme, kind):
    tokenizer = pieces(scheme)
    layout = PromptLayout(tokenizer, " ")
    place = layout.place("What is the capital?", kind)
    prefix = layout.prefix("Sell the bread", place)
    assert place.before[0] == tokenizer.bos_token_id
    assert place.prompt(prefix) == tuple(layout.ids("Sell the bread What is the capital?", kind))
    assert tokenizer.decode(place.rest).strip().startswith("What is the capital?")
    spelt = tuple(tokenizer.convert_tokens_to_ids(list("the")))
    assert RoundTrips(tokenizer, [place])([prefix, (*prefix, *spelt)]) == [True, False]


def test_where_nothing_separates_them_words_read_back_before_each_suffix(tokenizer):
    layout = PromptLayout(tokenizer, "")
    places = [layout.place(words, "document") for words in ("The", "Two", "Two and")]
    assert len(RoundTrips(tokenizer, places)._places) == 3
