"""How the trainings went, in curves and in words."""

from collections.abc import Iterator

from diffkit import Line, Note, Series
from diffkit_plugins.soft_prompt_kl.trained import Evaluated, Trained, Training

_ENDS = {
    "steps": "when its steps were used up",
    "patience": "as nothing better had been found for too long",
}


def course(trained: Trained) -> Iterator[Note | Series]:
    """How the trainings went in words, and their curves."""
    yield convergence(trained)
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


def convergence(trained: Trained) -> Note:
    """Where each training began, what it reached and why it ended."""
    return Note(
        text=" ".join(
            f"Training{_which(trained, place)} {_course(training)}"
            for place, training in enumerate(trained.trainings, 1)
        )
    )


def _course(training: Training) -> str:
    first, last = training.history[0], training.history[-1]
    best = max(training.history, key=lambda one: one.score)
    words = f"began with {_nats(first)} in held-out contexts"
    if best is first:
        words += f" and found nothing better in {last.step} steps"
    else:
        words += f", had its best prompt at step {best.step} with {_nats(best)}"
    words += f", and ended at step {last.step}, {_ENDS[training.stopped]}."
    grown = last.length - first.length
    return words + (f" The prompt grew by {grown} tokens." if grown else "")


def _nats(one: Evaluated) -> str:
    return f"{one.divergence:.3g} nats per token (base moved by {one.moved:.3g})"


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
