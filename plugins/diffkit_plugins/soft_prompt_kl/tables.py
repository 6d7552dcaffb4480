"""What was measured, as findings."""

import statistics
from collections.abc import Sequence

from diffkit import Note, Table
from diffkit.statistics import conformal_p
from diffkit_plugins.soft_prompt_kl.concentration import concentration
from diffkit_plugins.soft_prompt_kl.config import SoftPromptKLConfig
from diffkit_plugins.soft_prompt_kl.found import Found
from diffkit_plugins.soft_prompt_kl.measured import Advantage, ratio_of
from diffkit_plugins.soft_prompt_kl.raised import Raised


def metrics(found: Found) -> dict[str, float]:
    """The numbers of `summary`, by name."""
    prompted, plain = found.advantage.prompted, found.advantage.plain
    numbers = {
        "advantage": found.advantage.score,
        "concentration": concentration(found.said),
        "kl_prompted_nats": prompted.divergence,
        "kl_plain_nats": plain.divergence,
        "kl_hard_prompt_nats": found.hard.divergence,
        "base_moved_nats": found.moved,
        "same_likeliest_token_share_prompted": prompted.agreement,
        "same_likeliest_token_share_plain": plain.agreement,
        "likeliest_tokens_jaccard_prompted": prompted.overlap,
        "likeliest_tokens_jaccard_plain": plain.overlap,
        "tokens": float(prompted.tokens),
    }
    if found.controls:
        numbers["controls_p"] = conformal_p(found.advantage.score, found.controls)
    return numbers


def raised_metrics(raised: Sequence[Raised]) -> dict[str, float]:
    """The numbers of the trained divergence, by name."""
    return {
        f"trained_divergence_{name}_nats_on_{one.passages}": value
        for one in raised
        for name, value in (("prompted", one.prompted), ("plain", one.plain))
    }


def summary(found: Found, config: SoftPromptKLConfig, raised: Sequence[Raised] = ()) -> Table:
    """The divergence under the prompt, under none, and under the prompt as text.

    Args:
        found: what was measured.
        config: the divergence that was trained, and how many likeliest tokens were compared.
        raised: that divergence, where it is another than KL(finetuned ‖ base).
    """
    plain = found.advantage.plain
    columns = (found.advantage.prompted, plain, found.hard)
    rows = (
        ("KL(finetuned‖base), clipped, nats per token", *(one.divergence for one in columns)),
        ("… in times of that without a prompt", *(ratio_of(one, plain) for one in columns)),
        *(_raised_row(one, config.divergence) for one in raised),
        ("share with the same likeliest token", *(one.agreement for one in columns)),
        (f"overlap of the {config.top} likeliest (Jaccard)", *(one.overlap for one in columns)),
        ("KL(base‖base without the prompt), nats per token", found.moved, 0.0, None),
        ("tokens compared", *(one.tokens for one in columns)),
    )
    return Table(
        title="How far the sides part on what the finetuned side says in held-out contexts",
        columns=("", "soft prompt", "no prompt", "closest tokens as the prompt"),
        rows=rows,
    )


def _raised_row(one: Raised, divergence: str) -> tuple[str | float, ...]:
    what = f"divergence={divergence}, clipped, nats per token"
    name = what if one.passages == "completions" else "… on held-out texts"
    return name, one.prompted, one.plain, one.hard


def category_table(found: Advantage) -> Table:
    """The same by category of the contexts, where there are several."""
    plain = found.plain.by_category()
    rows = [
        (
            category,
            len(prompted.parted),
            prompted.divergence,
            plain[category].divergence,
            ratio_of(prompted, plain[category]),
            prompted.agreement,
        )
        for category, prompted in found.prompted.by_category().items()
    ]
    return Table(
        title="By category of the contexts: clipped KL(finetuned‖base), nats per token",
        columns=("", "contexts", "soft prompt", "no prompt", "ratio", "same likeliest token"),
        rows=tuple(sorted(rows, key=lambda row: -row[2])),
    )


def controls_note(found: Advantage, controls: Sequence[float], *, trained: bool) -> Note:
    """The advantage beside those of random changes as large.

    Args:
        found: of the pair.
        controls: theirs.
        trained: whether each has a prompt of its own, or all the one that was given.
    """
    p = conformal_p(found.score, controls)
    ranked = sorted(controls)
    prompts = "Prompts trained in the same way reach" if trained else "The same prompt reaches"
    return Note(
        text=f"Advantage log D(P)/D(∅) = {found.score:.3g}. {prompts}, for "
        f"{len(controls)} random changes of the base with the pair's own mean KL, "
        f"{ranked[0]:.3g} to {ranked[-1]:.3g} (median {statistics.median(ranked):.3g}): "
        f"p = {p:.2g}."
    )
