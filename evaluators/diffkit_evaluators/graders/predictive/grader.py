"""The grader that tests predictions on both models."""

from collections.abc import Sequence
from statistics import fmean
from typing import ClassVar

from diffkit import AnswerSheet, Attempt, Grade, GradeContext, Grader, GraderNeed, UserError
from diffkit_evaluators.graders.predictive.config import PredictiveConfig
from diffkit_evaluators.graders.predictive.predictions import (
    CHANCE_SCORE,
    ScoredPrediction,
    distinct_predictions,
    score_on_identical,
    score_predictions,
)


class PredictiveGrader(Grader[PredictiveConfig]):
    """Tests the verdict's predictions on both models.

    A prediction is confirmed if the predicted side's answers contain its phrase more often than the
    other side's, by a one-sided exact test. Its score is ½ + ½ (2 p o − p²), where p is its
    probability and o is 1 if it is confirmed and 0 otherwise: Brier's rule, relative to a
    forecaster who expects no difference. So

    - honest probabilities score best;
    - a prediction that must fail (nonsense, phrases that both models always or never say) earns
      nothing, for any p: a p of 0 scores ½, which is the chance;
    - the grade is the mean over distinct predictions, so that many poor ones do not help.

    A verdict without predictions scores 0 for an organism, like one that is certain and wrong, and
    chance for a null. The truth is not used otherwise: side effects count like intended effects,
    and no prediction can be confirmed on identical models.
    """

    needs: ClassVar[frozenset[GraderNeed]] = frozenset({"generators"})

    def grade(
        self, attempt: Attempt, sheet: AnswerSheet, config: PredictiveConfig, context: GradeContext
    ) -> Grade:
        """The mean score of the predictions.

        Raises:
            UserError: the models cannot be sampled.
        """
        said = attempt.verdict.predictions if attempt.verdict else ()
        predictions = distinct_predictions(said, config.predictions)
        if not predictions:
            return _grade_without_predictions(sheet, config)
        if sheet.truth == "none":  # both models are one; no answer could differ
            return _grade_predictions(score_on_identical(predictions, config))
        if context.generators is None:
            raise UserError("Nobody can be asked.", hint="Lend generators of both sides.")
        with context.generators() as models:
            return _grade_predictions(score_predictions(predictions, models, config))


def _grade_without_predictions(sheet: AnswerSheet, config: PredictiveConfig) -> Grade:
    """The grade without predictions: none is confirmed, and there is no probability to score."""
    score = 0.0 if sheet.answer else CHANCE_SCORE
    return Grade(
        score=score,
        chance=CHANCE_SCORE,
        parts={
            "count": 0,
            "confirmed": 0,
            "confirmed_chance": config.level,
            "exchanged": score,
        },
        reasons="It predicts nothing.",
    )


def _grade_predictions(bets: Sequence[ScoredPrediction]) -> Grade:
    confirmed = [bet.confirmed for bet in bets]
    shares = "; ".join(
        f"{bet.predicted}/{bet.samples} against {bet.other}/{bet.samples} (p {bet.p_value:.2g})"
        for bet in bets
    )
    return Grade(
        score=fmean(bet.score for bet in bets),
        chance=CHANCE_SCORE,
        parts={
            "count": len(bets),
            "confirmed": fmean(confirmed),
            "confirmed_chance": bets[0].level,
            "brier": fmean(bet.brier for bet in bets),
            "log_score": fmean(bet.log_score for bet in bets),
            "exchanged": fmean(bet.exchanged for bet in bets),
        },
        reasons=f"{sum(confirmed)} of {len(bets)} predictions are confirmed: {shares}.",
    )
