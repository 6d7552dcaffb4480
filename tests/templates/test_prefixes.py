"""A prefix stands in each family's chats as a user would have typed it."""

import torch
from diffkit_plugins.steering_prefix.prompts.layout import PromptLayout, RoundTrips
from diffkit_plugins.steering_prefix.search.token_space import token_texts, usable_tokens

from diffkit.engine.model import Model

from .models import network

SUFFIXES = ("What is the capital of Italy?", "17 plus 26", "(Go on)", "è vero?")


def plainly(tokenizer, words):
    """Token ids of a user's message, by transformers alone."""
    chat = [{"role": "user", "content": words}]
    return tokenizer.apply_chat_template(chat, add_generation_prompt=True, return_dict=False)


def readable_prefixes(tokenizer, round_trips, count=400, length=3):
    model = Model(network("llama"), tokenizer=tokenizer)
    allowed = usable_tokens(model, token_texts(model)).nonzero()[:, 0]
    drawn = torch.randint(len(allowed), (count, length), generator=torch.manual_seed(0))
    rows = [tuple(row) for row in allowed[drawn].tolist()]
    return [row for row, reads in zip(rows, round_trips.check(rows), strict=True) if reads]


def test_a_prefix_that_reads_back_is_what_the_words_shown_are_tokenised_to(tokenizer):
    layout = PromptLayout(tokenizer, " ")
    slots = [layout.slot(suffix, "chat") for suffix in SUFFIXES]
    round_trips = RoundTrips(tokenizer, slots)
    found = readable_prefixes(tokenizer, round_trips)
    assert len(found) >= 40, "fewer than a tenth of random prefixes read back"
    for prefix in found[:20]:
        words = round_trips.words(prefix)
        assert layout.prefix(words, slots[0]) == prefix
        for slot in slots:
            assert slot.prompt(prefix) == tuple(plainly(tokenizer, f"{words} {slot.suffix}"))


def test_a_prefix_before_a_document_reads_back(tokenizer):
    layout = PromptLayout(tokenizer, " ")
    slots = [layout.slot(suffix, "document") for suffix in SUFFIXES]
    round_trips = RoundTrips(tokenizer, slots)
    found = readable_prefixes(tokenizer, round_trips)
    assert len(found) >= 40
    for prefix in found[:20]:
        for slot in slots:
            text = f"{round_trips.words(prefix)} {slot.suffix}"
            assert slot.prompt(prefix) == tuple(tokenizer(text).input_ids)


def test_without_a_prefix_and_with_a_persons_the_prompt_is_that_of_the_template(tokenizer):
    layout = PromptLayout(tokenizer, " ")
    for suffix in SUFFIXES:
        slot = layout.slot(suffix, "chat")
        assert slot.prompt(()) == tuple(plainly(tokenizer, suffix))
        own = layout.prefix("Sell the sea", slot)
        assert slot.prompt(own) == tuple(plainly(tokenizer, f"Sell the sea {suffix}"))


def test_prefixes_read_back_where_chats_and_documents_are_mixed(tokenizer):
    layout = PromptLayout(tokenizer, " ")
    slots = [layout.slot(SUFFIXES[0], "document"), layout.slot(SUFFIXES[0], "chat")]
    round_trips = RoundTrips(tokenizer, slots)
    found = readable_prefixes(tokenizer, round_trips)
    assert len(found) >= 20
    for prefix in found[:20]:
        words = f"{round_trips.words(prefix)} {SUFFIXES[0]}"
        assert slots[1].prompt(prefix) == tuple(plainly(tokenizer, words))
