"""The grader that removes a method's directions from the finetuned model."""

import random
from collections.abc import Sequence
from statistics import fmean
from typing import ClassVar, TypeVar

from diffkit import AnswerSheet, Attempt, Grade, GradeContext, Grader, GraderNeed, ModelPair, Texts
from diffkit_evaluators.graders.finetuning_loss.config import FinetuningLossConfig
from diffkit_evaluators.graders.finetuning_loss.directions import (
    DirectionsByLayer,
    NoDirections,
    orthonormal_by_layer,
    random_directions,
    read_directions,
)
from diffkit_evaluators.graders.finetuning_loss.losses import PairLosses, pair_losses

T = TypeVar("T")


class FinetuningLossGrader(Grader[FinetuningLossConfig]):
    """The share of the learnt loss that is lost without the directions that a method found.

    In the span of the directions that the run saved, the finetuned model's residual stream is
    replaced by the base's, in all their layers at once, and its loss on the organism's training
    data is measured. The score is how far the loss moves from the finetuned model's to the base's.
    Chance is the mean over random directions, equally many in the same layers (after Minder and
    others 2025, arXiv 2510.13900, who replace one direction).

    It grades the method, and does not depend on the attempt. Without directions, without training
    data, or if nothing was learnt of it, score and chance are 0.
    """

    needs: ClassVar[frozenset[GraderNeed]] = frozenset({"findings", "training", "pair"})
    grades_attempt: ClassVar[bool] = False

    def grade(
        self,
        attempt: Attempt,
        sheet: AnswerSheet,
        config: FinetuningLossConfig,
        context: GradeContext,
    ) -> Grade:
        """The share of the gap between both models' losses that the directions explain."""
        del attempt
        if not context.training or context.pair is None:
            return _grade_of_nothing("what it was trained on is not known")
        try:
            left = read_directions(context.artifacts, config.slots)
            with context.pair() as pair:
                bases = orthonormal_by_layer(left, pair.base)
                return _grade_directions(pair, bases, context.training, sheet.reference, config)
        except NoDirections as none:
            return _grade_of_nothing(str(none))


def _grade_directions(
    pair: ModelPair,
    bases: DirectionsByLayer,
    training: Texts,
    ordinary: Sequence[str],
    config: FinetuningLossConfig,
) -> Grade:
    """The loss that the directions explain, on training data and on ordinary texts."""
    taught = Texts(items=tuple(_sample(training.items, config)))
    if pair_losses(pair, taught, (), config).gap <= 0:
        return _grade_of_nothing("it predicts its training data no better than the base does")
    sets = [bases, *random_directions(pair, bases, taught, config)]
    learnt = pair_losses(pair, taught, sets, config)
    usual = pair_losses(pair, Texts.of(*_sample(ordinary, config)), sets, config)
    share, *others = (rise / learnt.gap for rise in learnt.rises)
    chance = fmean(map(_clip, others))
    count = sum(map(len, bases.values()))
    return Grade(
        score=_clip(share),
        chance=chance,
        parts={
            "share": share,
            "random_share": fmean(others),
            "gap_nats": learnt.gap,
            **_rises("training", learnt),
            **(_rises("ordinary", usual) if usual.tokens else {}),
            "directions": count,
        },
        reasons=f"Without its {count} directions {_clip(share):.0%} of what the finetuned side "
        f"learnt of its training data is gone, and {chance:.0%} without random ones.",
    )


def _rises(name: str, measured: PairLosses) -> dict[str, float]:
    """Increase of the finetuned model's loss, in nats per token."""
    own, *others = measured.rises
    return {f"{name}_rise_nats": own, f"random_{name}_rise_nats": fmean(others)}


def _clip(share: float) -> float:
    return min(max(share, 0.0), 1.0)


def _sample(items: Sequence[T], config: FinetuningLossConfig) -> list[T]:
    """A seeded sample."""
    rng = random.Random(config.seed)  # noqa: S311 - a reproducible sample
    return rng.sample(items, min(config.texts, len(items)))


def _grade_of_nothing(reason: str) -> Grade:
    parts = {"share": 0, "random_share": 0}
    return Grade(score=0, chance=0, parts=parts, reasons=f"Nothing to measure: {reason}.")
