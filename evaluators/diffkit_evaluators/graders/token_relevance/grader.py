"""The grader of the tokens that a method ranks first."""

import random
from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import ClassVar

from diffkit import (
    AnswerSheet,
    Attempt,
    Grade,
    GradeContext,
    Grader,
    GraderNeed,
    MethodConfig,
    TruthStatement,
    UsageEstimate,
)
from diffkit_evaluators.graders.judge import CHARACTERS_PER_TOKEN, TRIES
from diffkit_evaluators.graders.token_relevance.config import TokenRelevanceConfig
from diffkit_evaluators.graders.token_relevance.relevance import (
    STATEMENT_CHARACTERS,
    TOKEN_CHARACTERS,
    Relevance,
    RelevantWords,
    ShownToken,
    first_tokens,
    judge_relevance,
    relevance_of,
    relevant_words,
)
from diffkit_evaluators.llm import LanguageModel, check_ready

_TASK_CHARACTERS = 4_000
"""Length of task, schema and message in characters, for estimates alone."""
_WORD_CHARACTERS = 12


class TokenRelevanceGrader(Grader[TokenRelevanceConfig]):
    """The share of the tokens in a method's first table that are relevant to the truth.

    Without a language model, a token is relevant if it is a content word of the statement or its
    key facts, or a word that distinguishes the training examples from ordinary texts; white space
    and case are ignored. A language model also accepts parts of words and related words, in several
    orders that must agree (after Minder and others 2025, arXiv 2510.13900).

    Chance is the mean share that is relevant to the truths of other organisms on the same base:
    some tokens are relevant to anything.

    It grades the method, and does not depend on the attempt. Without a table of tokens, and for
    nulls, score and chance are 0.
    """

    needs: ClassVar[frozenset[GraderNeed]] = frozenset({"findings"})
    grades_attempt: ClassVar[bool] = False

    def grade(
        self,
        attempt: Attempt,
        sheet: AnswerSheet,
        config: TokenRelevanceConfig,
        context: GradeContext,
    ) -> Grade:
        """The share of relevant tokens; the part ``weighted`` weights them by their scores.

        Raises:
            LanguageModelError: the judge cannot be reached, refuses, or cannot be read.
        """
        del attempt
        if sheet.answer is None:
            return Grade(score=0, chance=0, reasons="Nothing targeted was done.")
        findings = context.findings
        tokens = first_tokens(findings, config.tables, config.tokens) if findings else ()
        known = relevant_words(sheet.statements, sheet.reference, config.words)
        if config.model is None or not tokens:
            by_truth = {
                handle: _relevance_by_words(tokens, words) for handle, words in known.items()
            }
        else:
            model = LanguageModel(config, "grader", context.chat)
            by_truth = {
                one.handle: relevance_of(
                    tokens,
                    judge_relevance(model, tokens, one, known[one.handle].apart, config.rotations),
                )
                for one in _judged_statements(sheet, config.wrong)
            }
        return _grade(tokens, by_truth, sheet.answer, permutable=config.model is None)

    def validate(self, config: TokenRelevanceConfig, investigator: MethodConfig) -> None:
        """Refuses, with `UserError`, a judge that cannot be called."""
        del investigator
        if config.model is not None:
            check_ready(config, "grader")

    def estimate(self, config: TokenRelevanceConfig) -> UsageEstimate | None:
        """The usage of all orders and truths, each with the maximum number of requests."""
        if config.model is None:
            return None
        calls = min(config.max_calls, TRIES * config.rotations * (1 + config.wrong))
        shown = config.tables * config.tokens * TOKEN_CHARACTERS
        told = _TASK_CHARACTERS + STATEMENT_CHARACTERS + config.words * _WORD_CHARACTERS
        return UsageEstimate(
            role="grader",
            model=config.model.name,
            calls=calls,
            prompt_tokens=calls * (shown + told) // CHARACTERS_PER_TOKEN,
            completion_tokens=calls * config.max_completion_tokens,
            dollars=config.max_dollars,
        )


def _relevance_by_words(tokens: Sequence[ShownToken], words: RelevantWords) -> Relevance:
    return relevance_of(tokens, [token.key in words for token in tokens])


def _judged_statements(sheet: AnswerSheet, wrong: int) -> list[TruthStatement]:
    """The truth and some other truths, the same ones for all methods."""
    others = [one for one in sheet.statements if one.handle != sheet.answer]
    others.sort(key=lambda one: one.handle)
    rng = random.Random(sheet.answer)  # noqa: S311 - a reproducible draw
    own = [one for one in sheet.statements if one.handle == sheet.answer]
    return own + rng.sample(others, min(wrong, len(others)))


def _grade(
    tokens: Sequence[ShownToken],
    by_truth: Mapping[str, Relevance],
    answer: str,
    *,
    permutable: bool,
) -> Grade:
    own = by_truth[answer]
    others = [one for handle, one in by_truth.items() if handle != answer] or [own]
    chance = fmean(one.share for one in others)
    parts = {
        "weighted": own.weighted,
        "weighted_chance": fmean(one.weighted for one in others),
        "tokens": len(tokens),
    }
    if_true = {
        handle: {"top1": one.share, "weighted": one.weighted} for handle, one in by_truth.items()
    }
    return Grade(
        score=own.share,
        chance=chance,
        parts=parts,
        if_true=if_true if permutable else {},
        reasons=_reason(len(tokens), own.share, chance),
    )


def _reason(tokens: int, own: float, others: float) -> str:
    if not tokens:
        return "Nothing to look at: the method shows no table of tokens."
    return (
        f"{own:.0%} of its first {tokens} tokens are relevant to the truth, {others:.0%} to others."
    )
