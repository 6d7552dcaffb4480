"""The grader that lets the models decide."""

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

    A prediction is confirmed where the predicted side's answers hold its phrase more often than the
    other side's by a one-sided exact test, and else refuted. Its score is ½ + ½ (2 p o − p²), where
    p is the probability given to it and o is 1 where it is confirmed, else 0: Brier's rule,
    compared with a forecaster who expects no difference. So

    - honest probabilities score best, and a hedge earns its square at most;
    - what is bound to fail (nonsense, phrases that both always or never say) earns nothing, however
      low its p: a p of 0 is worth ½, which is the chance;
    - a mean over predictions, so that many poor ones do not help; none counts twice.

    A verdict without predictions scores 0 where something targeted was done, as one that is sure
    and wrong; on nulls it has predicted nothing, which is worth the chance. The truth plays no
    other part: side effects count like intended effects, and nothing can be won on identical
    models.
    """

    needs: ClassVar[frozenset[GraderNeed]] = frozenset({"generators"})

    def grade(
        self, attempt: Attempt, sheet: AnswerSheet, config: PredictiveConfig, context: GradeContext
    ) -> Grade:
        """The mean score of the predictions.

        Raises:
            UserError: the models cannot be asked.
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
    """Without a prediction none is confirmed; no probability was given that could be scored."""
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
