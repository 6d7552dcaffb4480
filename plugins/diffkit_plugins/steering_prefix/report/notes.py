"""Findings in words: the result, and reservations about it.

Takes an evaluated prefix and its baselines. Gives notes.
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
    """A sentence if the budget allowed no step, with a space before it; else empty.

    It is empty for a user's own optimiser, which may log several steps as one.
    """
    if search.optimiser not in OPTIMISERS or len(search.result.trace) > 1:
        return ""
    if search.result.projected is not None:
        return " The budget paid for no step after the soft prompt's own tokens; raise budget."
    return " The budget paid for no step: this is a random start; raise budget."


def retokenisation_notes(
    layout: PromptLayout, slots: Sequence[PromptSlot], given: Mapping[str, str]
) -> Iterator[Note]:
    """A note on each prefix whose tokens depend on the suffix.

    Args:
        layout: tokenises the prefixes.
        slots: of all suffixes; the first gives the tokens.
        given: prefixes in words, by name.
    """
    for name, words in given.items():
        ids = layout.prefix(words, slots[0])
        differing = sum(not layout.tokenises_to(words, ids, slot) for slot in slots)
        if differing:
            yield Note(
                text=f"{words!r} ({name}) does not stand as it is before "
                f"{format_count(differing, 'suffix')} of {len(slots)}: it is tokenised together "
                "with what follows, or otherwise than before the first held-out suffix. Its "
                f"numbers are those of {layout.tokenizer.decode(list(ids))!r} as it stands there."
            )


def summary_note(
    best: PrefixEvaluation,
    search: SearchRun,
    baselines: PrefixBaselines,
    evaluator: PrefixEvaluator,
    wording: ReportWording,
) -> Note:
    """A summary: the share of the gap that is closed, and a comparison with random prefixes.

    Args:
        best: the prefix.
        search: the search that found it.
        baselines: on the held-out suffixes.
        evaluator: of the problem.
        wording: of the task.
    """
    half, random = baselines.half, baselines.random
    closed, by_random = half.gap.closed(best.held_out.loss), half.gap.closed(random.best)
    used = half.objective.items + evaluator.training.half.objective.items
    tried = evaluator.problem.tried
    return Note(
        text=f"{wording.task.format(prefix=repr(best.text))}: on "
        f"{format_count(half.objective.items, 'suffix')} that the search never saw it closes "
        f"{closed:.0%} of the gap; the best of {format_count(len(random.losses), 'random prefix')} "
        f"closes {by_random:.0%}. {baselines.verdict(best.held_out.loss)}{no_step_note(search)} "
        f"The {used} suffixes that were used are those of {tried} after which there is most to "
        "explain."
    )
