"""Findings in words: what was found, and what a reader should know of it.

Takes an evaluated prefix. Gives notes.
"""

from collections.abc import Iterator, Mapping, Sequence

from diffkit import Note
from diffkit_plugins.steering_prefix.baselines import PrefixBaselines, format_count
from diffkit_plugins.steering_prefix.evaluation import PrefixEvaluation, PrefixEvaluator
from diffkit_plugins.steering_prefix.optimisers.registry import OPTIMISERS
from diffkit_plugins.steering_prefix.prompts.layout import PromptLayout, PromptSlot
from diffkit_plugins.steering_prefix.report.texts import ReportWording
from diffkit_plugins.steering_prefix.search.results import SearchRun


def no_step_note(search: SearchRun) -> str:
    """A sentence that says so, with a space before it; empty where there were steps.

    A user's own optimiser may note how things stand as seldom as it likes: of it nothing is said.
    """
    if search.optimiser not in OPTIMISERS or len(search.found.trail) > 1:
        return ""
    if search.found.projected is not None:
        return " The budget paid for no step after the soft prompt's own tokens; raise budget."
    return " The budget paid for no step: this is a random start; raise budget."


def retokenisation_notes(
    layout: PromptLayout, places: Sequence[PromptSlot], given: Mapping[str, str]
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
                f"{format_count(other, 'suffix')} of {len(places)}: it is tokenised together with "
                "what follows, or otherwise than before the first held-out suffix. Its numbers are "
                f"those of {layout.tokenizer.decode(list(ids))!r} as it stands there."
            )


def summary_note(
    best: PrefixEvaluation,
    search: SearchRun,
    baselines: PrefixBaselines,
    evaluation: PrefixEvaluator,
    wording: ReportWording,
) -> Note:
    """How much the prefix does, whether random ones do as much, and what was left out.

    Args:
        best: the prefix.
        search: how it was found.
        baselines: what it is held against on the held-out suffixes.
        evaluation: of which problem.
        wording: what it is to do.
    """
    half, chance = baselines.half, baselines.chance
    closed, random = half.gap.closed(best.held_out.loss), half.gap.closed(chance.best)
    used = half.objective.items + evaluation.training.half.objective.items
    tried = evaluation.problem.tried
    return Note(
        text=f"{wording.task.format(prefix=repr(best.text))}: on "
        f"{format_count(half.objective.items, 'suffix')} that the search never saw it closes "
        f"{closed:.0%} of the gap; the best of {format_count(len(chance.losses), 'random prefix')} "
        f"closes {random:.0%}. {baselines.verdict(best.held_out.loss)}{no_step_note(search)} "
        f"The {used} suffixes that were used are those of {tried} after which there is most to "
        "explain."
    )
