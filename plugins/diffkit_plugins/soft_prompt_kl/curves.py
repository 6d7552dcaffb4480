"""How the trainings went, in curves and in words."""

from collections.abc import Iterator

from diffkit import Line, Note, Series
from diffkit_plugins.soft_prompt_kl.trained import Evaluated, Trained, Training

_ENDS = {
    "steps": "when its steps were used up",
    "patience": "as held-out divergence no longer rose",
}


def course(trained: Trained) -> Iterator[Note | Series]:
    """All of them."""
    yield convergence(trained)
    yield divergence_curves(trained)
    yield norm_curves(trained)


def divergence_curves(trained: Trained) -> Series:
    """Held-out divergence and training objective of each training, by step."""
    lines = []
    for place, training in enumerate(trained.trainings, 1):
        which = f" {place}" if len(trained.trainings) > 1 else ""
        lines.append(_line(f"held out{which}", training, "divergence"))
        lines.append(_line(f"training objective{which}", training, "training"))
    return Series(
        title="Training curves",
        x_label="step",
        y_label="nats per token",
        lines=tuple(lines),
    )


def norm_curves(trained: Trained) -> Series:
    """Mean norm of the soft tokens, by step."""
    return Series(
        title="Norm of the soft tokens in training",
        x_label="step",
        y_label="mean norm, vocabulary's median",
        lines=tuple(
            _line(f"training {place}", training, "norm")
            for place, training in enumerate(trained.trainings, 1)
        ),
    )


def convergence(trained: Trained) -> Note:
    """Where each training began, what it reached and why it ended."""
    many = len(trained.trainings) > 1
    words = [
        (f"Training {place}" + (" (kept)" if training is trained.best else "") if many
         else "The training") + _course(training)
        for place, training in enumerate(trained.trainings, 1)
    ]  # fmt: skip
    return Note(text=" ".join(words))


def _course(training: Training) -> str:
    first, last = training.history[0], training.history[-1]
    best = max(training.history, key=lambda one: one.score)
    words = f" began at a held-out divergence of {_nats(first)} with random tokens"
    if best is first:
        words += f" and never found a better prompt in {last.step} steps"
    else:
        words += f", found its best prompt at step {best.step} with {_nats(best)}"
    words += f", and ended at step {last.step} with {_nats(last)}, {_ENDS[training.stopped]}."
    grown = last.length - first.length
    return words + (f" It grew by {grown} tokens." if grown else "")


def _nats(one: Evaluated) -> str:
    return f"{one.divergence:.3g} nats per token"


def _line(name: str, training: Training, quantity: str) -> Line:
    # Nothing was trained on before the first evaluation.
    history = training.history[1 if quantity == "training" else 0 :]
    return Line(
        name=name,
        x=tuple(float(one.step) for one in history),
        y=tuple(float(getattr(one, quantity)) for one in history),
    )
