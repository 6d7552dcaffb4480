"""Places of prefixes where no completions are needed."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import islice

from diffkit import RunContext, Texts, UserError
from diffkit_plugins.steering_prefix.layout import Layout, Place
from diffkit_plugins.steering_prefix.search_options import CompletionOptions
from diffkit_plugins.steering_prefix.suffixes import suffixes

Halves = tuple[tuple[Place, ...], tuple[Place, ...]]
"""Places in training, and held out."""


def places_of(
    layout: Layout, config: CompletionOptions, texts: Texts, seed: int
) -> Iterator[Place]:
    """Places before the suffixes of the texts, in an order drawn by the seed."""
    from jinja2 import TemplateError

    for suffix in suffixes(layout.tokenizer, texts, config, seed):
        try:
            yield layout.place(suffix.words, suffix.kind)
        except TemplateError:  # some templates refuse what others take
            continue


def split_places(
    layout: Layout, config: CompletionOptions, context: RunContext, *, in_context: bool
) -> Halves:
    """As many places as there are to be suffixes, half held out; or the one without a suffix.

    Raises:
        UserError: the texts give fewer than two suffixes.
    """
    if not in_context:
        return (alone(layout),), (alone(layout),)
    count = min(config.suffixes, config.kept_suffixes)
    places = tuple(islice(places_of(layout, config, context.texts, context.seed), count))
    if len(places) < 2:
        cure = "Give texts with more suffixes, or raise suffixes or suffix_tokens."
        raise UserError(f"The texts give {len(places)} suffixes; two are needed.", cure=cure)
    return places[::2], places[1::2]


def alone(layout: Layout) -> Place:
    """A prefix as what a user begins to say, or as a document's beginning, and nothing after it."""
    place = layout.place("a", "chat")
    nothing = place.before or (layout.opening,)
    return replace(place, suffix="", rest=(), bare=nothing, words_after="")
