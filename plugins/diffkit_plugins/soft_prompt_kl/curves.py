"""How the trainings went, in curves and in words."""

from collections.abc import Iterator

from diffkit import Line, Note, Series
from diffkit_plugins.soft_prompt_kl.config import SoftPromptKLConfig
from diffkit_plugins.soft_prompt_kl.trained import Evaluated, Trained, Training

_ENDS = {
    "steps": "when its steps were used up",
    "patience": "as nothing better had been found for too long",
}
_READ = {
    "completions": "completions of held-out contexts",
    "texts": "held-out texts",
    "both": "completions of held-out contexts and held-out texts, half each",
}


def course(trained: Trained, config: SoftPromptKLConfig) -> Iterator[Note | Series]:
    """How the trainings went in words, and their curves."""
    yield convergence(trained, config)
    quantities = {
        "divergence": "sides apart, held out",
        "moved": "base moved, held out",
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


def convergence(trained: Trained, config: SoftPromptKLConfig) -> Note:
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


def _costly(trained: Trained, config: SoftPromptKLConfig) -> Iterator[str]:
    if config.anchor and trained.best.score < 0:
        yield (
            f"The best score, {trained.best.score:.3g}, is below 0: the prompt costs the base more "
            "than it parts the sides."
        )


def _course(training: Training, config: SoftPromptKLConfig) -> str:
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


def _score(one: Evaluated, config: SoftPromptKLConfig) -> str:
    if not config.anchor:  # the score is the divergence, and the base is not looked at
        return f"{one.score:.3g} nats per token"
    parts = f"sides apart {one.divergence:.3g} nats per token, base moved by {one.moved:.3g}"
    return f"{one.score:.3g} ({parts})"


def _which(trained: Trained, place: int) -> str:
    if len(trained.trainings) == 1:
        return ""
    return f" {place}" + (" (kept)" if trained.trainings[place - 1] is trained.best else "")


def _line(name: str, training: Training, quantity: str) -> Line:
    return Line(
        name=name,
        x=tuple(float(one.step) for one in training.history),
        y=tuple(float(getattr(one, quantity)) for one in training.history),
    )
