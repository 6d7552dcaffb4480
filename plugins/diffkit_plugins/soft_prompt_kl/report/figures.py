"""Curves of the trainings, and a map of the completions (t-SNE)."""

import importlib.util
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from diffkit import Figure, Line, ModelPair, Note, RunContext, Series
from diffkit_plugins.soft_prompt_kl.comparison import Advantage, PassageDivergences
from diffkit_plugins.soft_prompt_kl.config import SoftPromptKLConfig
from diffkit_plugins.soft_prompt_kl.prediction import states
from diffkit_plugins.soft_prompt_kl.training.validation import (
    HeldOutEvaluation,
    PromptTraining,
    TrainedPrompts,
)

_ENDS = {
    "steps": "when its steps were used up",
    "patience": "as nothing better had been found for too long",
}

_READ = {
    "completions": "completions of held-out contexts",
    "texts": "held-out texts",
    "both": "completions of held-out contexts and held-out texts, half each",
}


def training_curves(trained: TrainedPrompts, config: SoftPromptKLConfig) -> Iterator[Note | Series]:
    """How the trainings went in words, and their curves."""
    yield convergence(trained, config)
    quantities = {
        "divergence": "sides apart, held out",
        "base_kl": "base moved, held out",
        "training": "objective",
    }
    yield Series(
        title="Training: divergence of the sides, how far the prompt moves the base, objective",
        x_label="step",
        y_label="nats per token",
        lines=tuple(
            _line(words + _which(trained, place), training, quantity)
            for place, training in enumerate(trained.trainings, 1)
            for quantity, words in quantities.items()
        ),
    )
    yield Series(
        title="Norm of the soft tokens in training",
        x_label="step",
        y_label="mean norm, vocabulary's median",
        lines=tuple(
            _line("norm" + _which(trained, place), training, "norm")
            for place, training in enumerate(trained.trainings, 1)
        ),
    )


def convergence(trained: TrainedPrompts, config: SoftPromptKLConfig) -> Note:
    """Where each training began, what it reached, why it ended, and what best means."""
    courses = (
        f"Training{_which(trained, place)} {_course(training, config)}"
        for place, training in enumerate(trained.trainings, 1)
    )
    return Note(text=" ".join((*courses, _meaning(config), *_costly(trained, config))))


def _meaning(config: SoftPromptKLConfig) -> str:
    away = f", less anchor={config.anchor:g} times how far the base is moved" * bool(config.anchor)
    return (
        f"The score is divergence={config.divergence}, clipped, on {_READ[config.source]}{away}; "
        "the best has the largest. These figures are of the draws that chose the prompt; the table "
        "above is of completions that are drawn afresh."
    )


def _costly(trained: TrainedPrompts, config: SoftPromptKLConfig) -> Iterator[str]:
    if config.anchor and trained.best.score < 0:
        yield (
            f"The best score, {trained.best.score:.3g}, is below 0: the prompt costs the base more "
            "than it parts the sides."
        )


def _course(training: PromptTraining, config: SoftPromptKLConfig) -> str:
    first, last = training.history[0], training.history[-1]
    best = max(training.history, key=lambda one: one.score)
    words = f"began with a score of {_score(first, config)}"
    if best is first:
        words += f" and found nothing better in {last.step} steps"
    else:
        words += f", had its best prompt at step {best.step} with {_score(best, config)}"
    words += f", and ended at step {last.step}, {_ENDS[training.stopped]}."
    if last.length > first.length:
        words += f" The prompt grew to {last.length} tokens; the best one has {best.length}."
    return words


def _score(one: HeldOutEvaluation, config: SoftPromptKLConfig) -> str:
    if not config.anchor:  # the score is the divergence, and the base is not looked at
        return f"{one.score:.3g} nats per token"
    parts = f"sides apart {one.divergence:.3g} nats per token, base moved by {one.base_kl:.3g}"
    return f"{one.score:.3g} ({parts})"


def _which(trained: TrainedPrompts, place: int) -> str:
    if len(trained.trainings) == 1:
        return ""
    return f" {place}" + (" (kept)" if trained.trainings[place - 1] is trained.best else "")


def _line(name: str, training: PromptTraining, quantity: str) -> Line:
    return Line(
        name=name,
        x=tuple(float(one.step) for one in training.history),
        y=tuple(float(getattr(one, quantity)) for one in training.history),
    )


FEWEST = 8
"""Completions that a map needs."""

MOST = 250
"""Completions of each kind on it, the first ones: time and memory grow with the square."""

_TITLE = "Map of completions with the prompt and without (t-SNE)"


def completion_map(
    pair: ModelPair,
    config: SoftPromptKLConfig,
    prompt: Float[Tensor, "length hidden"],
    found: Advantage,
    context: RunContext,
) -> Figure | Note | None:
    """Draws a t-SNE (van der Maaten and Hinton 2008) of held-out completions.

    A completion is the mean over its tokens of what the finetuned side's unembedding reads less
    what the base's does, so that those in which the sides part in the same way lie together.

    Returns:
        The figure; a note where matplotlib is missing; none where completions are too few, or all
        states differ alike (by nothing, where finetuning changed the unembedding alone).
    """
    prompted = _moved(pair, config, prompt, found.prompted)
    plain = _moved(pair, config, None, found.plain)
    moved = np.concatenate([prompted, plain])
    if len(moved) < FEWEST or not np.ptp(moved, axis=0).any():
        return None
    if importlib.util.find_spec("matplotlib") is None:
        return Note(text="A map of the completions (t-SNE) needs: pip install 'diffkit[plots]'.")
    places = _places(moved, context.seed)
    of_prompt = np.arange(len(places)) < len(prompted)
    artifact = context.artifacts.write("tsne.png", _png(places, of_prompt))
    return Figure(title=_TITLE, artifact=artifact, text=_words(places, of_prompt))


def _moved(
    pair: ModelPair,
    config: SoftPromptKLConfig,
    prompt: Float[Tensor, "length hidden"] | None,
    measured: PassageDivergences,
) -> Float[np.ndarray, "completions hidden"]:
    """How each completion's mean state differs, finetuned − base; empty ones are left out."""
    passages = [one.passage for one in measured.passages if len(one.kl)][:MOST]
    found = []
    for start in range(0, len(passages), config.micro_batch):
        batch = passages[start : start + config.micro_batch]
        base, finetuned = (
            torch.stack([each.float().mean(dim=0) for each in states(side, prompt, batch)]).cpu()
            for side in (pair.base, pair.finetuned)
        )
        found.append(finetuned - base)
    return torch.cat(found).numpy() if found else np.zeros((0, pair.base.d_model), np.float32)


def _places(
    moved: Float[np.ndarray, "completions hidden"], seed: int
) -> Float[np.ndarray, "completions 2"]:
    from sklearn.manifold import TSNE

    # Exact: Barnes and Hut's sums are added up by threads, in an order that may differ.
    map_ = TSNE(
        perplexity=min(30.0, (len(moved) - 1) / 3),
        init="pca",
        method="exact",
        random_state=seed % 2**32,
    )
    places: Float[np.ndarray, "completions 2"] = map_.fit_transform(moved)
    return places


def _png(places: Float[np.ndarray, "completions 2"], of_prompt: Any) -> bytes:
    """Drawn through matplotlib's objects alone: no global state, no date in the file."""
    import io

    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure as Drawing

    drawing = Drawing(figsize=(6.4, 4.8), layout="constrained")
    FigureCanvasAgg(drawing)
    axes = drawing.add_subplot()
    kinds = (("with the prompt", of_prompt, "#D55E00"), ("without", ~of_prompt, "#0072B2"))
    for label, kind, colour in kinds:
        axes.scatter(places[kind, 0], places[kind, 1], label=label, color=colour, s=18)
    axes.set(title="Mean state of each completion, finetuned − base", xticks=[], yticks=[])
    axes.legend()
    buffer = io.BytesIO()
    drawing.savefig(buffer, format="png", dpi=100, metadata={"Software": None})
    return buffer.getvalue()


def _words(places: Float[np.ndarray, "completions 2"], of_prompt: Any) -> str:
    from scipy.spatial.distance import cdist

    distances = cdist(places, places)
    np.fill_diagonal(distances, np.inf)
    alike = float((of_prompt[distances.argmin(axis=1)] == of_prompt).mean())
    chance = _share_of_pairs(of_prompt)
    return (
        f"{int(of_prompt.sum())} completions with the prompt, {int((~of_prompt).sum())} without. A "
        "point is a completion: the mean over its tokens of what the finetuned side's unembedding "
        f"reads less what the base's does. For {alike:.0%} of them the nearest is of the same "
        "kind: near 100 %, the prompt brings out a difference of another kind than shows without "
        f"it. Were both kinds alike, it would be {chance:.0%} by chance, and less where the same "
        "draws have a context go on in the same words with the prompt and without: such twins lie "
        "together."
    )


def _share_of_pairs(of_prompt: Bool[np.ndarray, " completions"]) -> float:
    """Share of all pairs that are of one kind."""
    total = len(of_prompt)
    counts = (int(of_prompt.sum()), int((~of_prompt).sum()))
    return sum(count * (count - 1) for count in counts) / (total * (total - 1))
