"""An investigator and a grader."""

import os

from diffkit import (
    AnswerSheet,
    Attempt,
    AttemptContext,
    Case,
    Grade,
    GradeContext,
    Grader,
    Investigator,
    Verdict,
)
from dk_stranger.config import BluntConfig, Nothing
from dk_stranger.method import note


class Blunt(Investigator[BluntConfig]):
    """Says the same of everything."""

    def investigate(self, case: Case, config: BluntConfig, context: AttemptContext) -> Verdict:
        note("investigate", case.handle)
        if os.environ.get("DK_FAIL") == "investigator":
            raise ConnectionError("no line\nno answer")
        return Verdict(change=config.change, claim="It sings.")


class Strict(Grader[Nothing]):
    """Finds nothing good enough."""

    def grade(
        self, attempt: Attempt, sheet: AnswerSheet, config: Nothing, context: GradeContext
    ) -> Grade:
        note("grade", attempt.digest)
        if os.environ.get("DK_FAIL") == "grader":
            raise ConnectionError("no line")
        return Grade(score=0, chance=0.5)
