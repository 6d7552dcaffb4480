from diffkit_plugins.steering_prefix.prompts.layout import PromptLayout
from diffkit_plugins.steering_prefix.report.notes import retokenisation_notes


def places_of(layout, *suffixes):
    return [layout.slot(suffix, "document") for suffix in suffixes]


def test_a_prefix_of_the_same_tokens_everywhere_needs_no_note(tiny_model):
    layout = PromptLayout(tiny_model.tokenizer, " ")
    given = {"yours": "The cat", "none": ""}
    assert list(retokenisation_notes(layout, places_of(layout, "sat", "The dog"), given)) == []


def test_one_that_grows_together_with_some_suffixes_is_told(tiny_model):
    """Without a separator ` ca` and `t …` are one token."""
    layout = PromptLayout(tiny_model.tokenizer, "")
    slots = places_of(layout, ".", "t sat")
    assert layout.tokenises_to(" ca", layout.prefix(" ca", slots[0]), slots[0])
    (note,) = retokenisation_notes(layout, slots, {"yours": " ca"})
    assert note.text.startswith("' ca' (yours) does not stand as it is before 1 suffix of 2")
