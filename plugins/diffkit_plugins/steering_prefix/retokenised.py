"""Prefixes in words that are other tokens before some suffixes than before others."""

from collections.abc import Iterator, Mapping, Sequence

from diffkit import Note
from diffkit_plugins.steering_prefix.counted import counted
from diffkit_plugins.steering_prefix.layout import Layout, Place


def retokenised(
    layout: Layout, places: Sequence[Place], given: Mapping[str, str]
) -> Iterator[Note]:
    """A note on each prefix of which one row of tokens stands for several.

    Args:
        layout: tokenises.
        places: all that it is measured before; the first is where its tokens come from.
        given: prefixes by what they are called, in words.
    """
    for name, words in given.items():
        ids = layout.prefix(words, places[0])
        other = sum(not layout.stands(words, ids, place) for place in places)
        if other:
            yield Note(
                text=f"{words!r} ({name}) does not stand as it is before "
                f"{counted(other, 'suffix')} of {len(places)}: it is tokenised together with what "
                "follows, or otherwise than before the first held-out suffix. Its numbers are "
                f"those of {layout.tokenizer.decode(list(ids))!r} as it stands there."
            )
