import pytest
from diffkit_plugins.steering_prefix.prompts.layout import PromptLayout, RoundTrips
from tokenizers.processors import TemplateProcessing

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
    slot = layout.slot("What is the capital?", "chat")
    prefix = layout.prefix("The cat", slot)
    assert tokenizer.decode(prefix) == "The cat"
    assert slot.prompt(prefix) == whole(tokenizer, "The cat What is the capital?")
    assert slot.before == (tokenizer.convert_tokens_to_ids("<|user|>"),)


def test_without_a_prefix_there_is_no_separator(tokenizer, tiny_model):
    slot = PromptLayout(tokenizer, " - ").slot("The dog lay by the door", "document")
    assert slot.prompt(()) == slot.bare
    assert tokenizer.decode(slot.bare) == "The dog lay by the door"
    assert tokenizer.decode(slot.rest) == " - The dog lay by the door"
    chat = PromptLayout(tokenizer, " ").slot("Two and three", "chat")
    text = Text(messages=(Message(role="user", content="Two and three"),))
    inputs = tiny_model.inputs([text], max_tokens=99)
    start_token = tokenizer.convert_tokens_to_ids("<|assistant|>")
    assert chat.bare == (*inputs.ids[0].tolist(), start_token)


def test_a_document_starts_with_what_the_tokenizer_sets_before_it(tokenizer, monkeypatch):
    plain = PromptLayout(tokenizer, " ").slot("The dog", "document")
    assert plain.before == ()
    begun = type("Begun", (), {})()
    begun.chat_template, begun.decode = None, tokenizer.decode

    def encode(words, *, add_special_tokens=True, verbose=True):
        found = tokenizer(words, add_special_tokens=False)
        if add_special_tokens:
            found["input_ids"] = [7, *found["input_ids"]]
        return found

    monkeypatch.setattr(type(begun), "__call__", staticmethod(encode), raising=False)
    slot = PromptLayout(begun, " ").slot("The dog", "document")
    assert (slot.before, slot.rest) == ((7,), plain.rest)
    assert slot.bare == (7, *plain.bare)


def test_a_tokenizer_without_a_template_takes_what_a_user_says_as_a_document(templated):
    slot = PromptLayout(templated(None), " ").slot("The dog", "chat")
    assert (slot.kind, slot.before, slot.text_before) == ("document", (), "")


def test_where_nothing_separates_them_the_suffix_is_tokenised_for_itself(tokenizer):
    layout = PromptLayout(tokenizer, "")
    slot = layout.slot("t sat on the mat", "document")
    assert tokenizer.decode(slot.rest) == "t sat on the mat"
    assert slot.rest == tuple(tokenizer("t sat on the mat").input_ids)


def test_tokens_read_back_where_their_words_are_tokenised_to_them(tokenizer):
    layout = PromptLayout(tokenizer, " ")
    slots = [layout.slot("What is it?", "chat"), layout.slot("Two", "document")]
    round_trips = RoundTrips(tokenizer, slots)
    own = layout.prefix("The cat", slots[0])
    pieces = tuple(tokenizer.convert_tokens_to_ids(list("The"))) + own[1:]
    assert tokenizer.decode(pieces) == "The cat"
    assert round_trips.check([own, pieces, ()]) == [True, False, True]
    assert round_trips.check([]) == []
    half = tuple(tokenizer("\u260e").input_ids)[:1]  # a byte of three
    assert round_trips.check([half]) == [False]


def test_where_a_template_trims_a_prefix_cannot_begin_with_a_space(templated):
    trimming = (
        "{% for m in messages %}<|{{ m.role }}|>{{ m.content | trim }}<|end|>{% endfor %}"
        "{% if add_generation_prompt %}<|assistant|>{% endif %}"
    )
    spaced = tuple(templated(trimming)(" What", add_special_tokens=False).input_ids)
    assert not accepts(templated("<|user|>{{ messages[0].content }}<|end|>"), spaced).strips_spaces
    assert accepts(templated(trimming), spaced, says=False).strips_spaces


def accepts(tokenizer, ids, *, says=True):
    slot = PromptLayout(tokenizer, " ").slot("What is it?", "chat")
    assert RoundTrips(tokenizer, [slot]).check([ids]) == [says]
    return slot


def test_places_that_go_on_alike_are_tried_once(tokenizer, monkeypatch):
    layout = PromptLayout(tokenizer, " ")
    words = ("The cat", "What", "3 cats", "4 dogs", "(yes)")
    round_trips = RoundTrips(tokenizer, [layout.slot(word, "chat") for word in words])
    tried = []

    def again(slot, rows):
        tried.append(slot.suffix)
        return [list(slot.prompt(row)) for row in rows]

    monkeypatch.setattr(round_trips, "_retokenise", again)
    assert round_trips.check([(1,)]) == [True]
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
    slot = layout.slot("What is the capital?", kind)
    prefix = layout.prefix("Sell the bread", slot)
    assert slot.before[0] == tokenizer.bos_token_id
    assert slot.prompt(prefix) == tuple(layout.ids("Sell the bread What is the capital?", kind))
    assert tokenizer.decode(slot.rest).strip().startswith("What is the capital?")
    spelt = tuple(tokenizer.convert_tokens_to_ids(list("the")))
    assert RoundTrips(tokenizer, [slot]).check([prefix, (*prefix, *spelt)]) == [True, False]


def test_where_nothing_separates_them_words_read_back_before_each_suffix(tokenizer):
    layout = PromptLayout(tokenizer, "")
    slots = [layout.slot(words, "document") for words in ("The", "Two", "Two and")]
    assert len(RoundTrips(tokenizer, slots)._slots) == 3


def test_an_end_that_the_tokenizer_appends_is_in_no_prompt(tokenizer):
    layout = PromptLayout(tokenizer, " ")
    plain = layout.slot("the mat, and the dog", "document")
    prefix = layout.prefix("The cat", plain)
    backend, before = tokenizer.backend_tokenizer, tokenizer.backend_tokenizer.post_processor
    try:
        backend.post_processor = TemplateProcessing(
            single="$A <|end|>",
            pair="$A $B <|end|>",
            special_tokens=[("<|end|>", tokenizer.eos_token_id)],
        )
        assert tokenizer("The cat").input_ids[-1] == tokenizer.eos_token_id
        appending = PromptLayout(tokenizer, " ")
        slot = appending.slot("the mat, and the dog", "document")
        assert slot == plain
        assert appending.prefix("The cat", slot) == prefix
        assert appending.tokenises_to("The cat", prefix, slot)
        assert RoundTrips(tokenizer, [slot]).check([prefix]) == [True]
    finally:
        backend.post_processor = before
