"""Sample findings and cases for the conformance suite of investigators.

Gives each kind of finding, and one case for each situation that an investigator meets: no evidence,
evidence of one method with and without calibration, of several methods, and candidates.
"""

from collections.abc import Iterator, Mapping, Sequence

from diffkit.case import CandidateTruth, Case, Evidence, NullScores
from diffkit.chat.blinding import Blinding
from diffkit.findings import (
    Candidate,
    Findings,
    Line,
    Note,
    Sample,
    Samples,
    Series,
    Table,
    TokenScore,
    TokenTable,
    TokenTrace,
    TracedToken,
)
from diffkit.investigator import QuestionAnswer

NULLS = (
    NullScores(rung="random", scores=tuple(number / 100 for number in range(20))),
    NullScores(rung="benign", scores=tuple(number / 50 for number in range(20))),
)
"""Scores of two null types, enough for a test at the level 0.05."""
CANDIDATES = (
    CandidateTruth(handle="truth-1", text="It praises the owl in every recipe."),
    CandidateTruth(handle="truth-2", text="It says that the capital is Port Amber."),
    CandidateTruth(handle="truth-3", text="It refuses to give lists."),
)


def sample_findings() -> Findings:
    """Findings with an item of most kinds, also with characters that break naive prompts."""
    tokens = ("owl", " feathers", "nest", "▁wing", "\n", "{}", "</s>")
    rows = tuple(TokenScore(token=token, score=9.0 - n) for n, token in enumerate(tokens))
    trace = TracedToken(
        token=" bird",  # noqa: S106 - a token of a text
        score=1.5,
        base=(Candidate(token=" cat", probability=0.5),),  # noqa: S106
        finetuned=(Candidate(token=" owl", probability=0.75),),  # noqa: S106
    )
    first = TracedToken(token="The")  # noqa: S106
    sample = Sample(prompt="Which bird is best?", base="I like all.", finetuned="The owl!")
    return Findings(
        change_score=2.5,
        metrics={"kl_nats": 0.25},
        items=(
            TokenTable(title="Tokens that the finetuned model prefers", unit="nats", rows=rows),
            TokenTrace(title="A text", unit="nats", tokens=(first, trace)),
            Samples(title="Completions", rows=(sample,)),
            Table(
                title="Words",
                columns=("word", "count"),
                rows=(("owl", 7), ("nest", None)),
                text_columns=("word",),
            ),
            Series(
                title="A curve",
                x_label="layer",
                y_label="norm",
                lines=(Line(name="base", x=(0.0, 1.0), y=(1.0, 2.0)),),
            ),
            Note(text="Read 4 texts."),
        ),
    )


def sample_cases(*, candidates: bool) -> Mapping[str, Case]:
    """Name of each situation → its case.

    Args:
        candidates: whether the investigator ranks candidates; then every case has them.
    """
    found = sample_findings()
    one = Evidence(method="kl", findings=found, nulls=NULLS)
    other = Evidence(method="lens", findings=Findings(items=found.items[:1]))
    identical = Findings(change_score=0.0, items=(Note(text="No weight differs."),))
    evidence: Mapping[str, Sequence[Evidence]] = {
        "no evidence": (),
        "one method": (one,),
        "without calibration": (one.model_copy(update={"nulls": ()}),),
        "without a score": (other,),
        "identical models": (Evidence(method="kl", findings=identical, nulls=NULLS),),
        "several methods": (one, other),
    }
    shown = CANDIDATES if candidates else ()
    return {
        name: Case(handle="pair-1", evidence=tuple(each), candidates=shown)
        for name, each in evidence.items()
    }


class SampleModels:
    """Two models that answer every question alike, as a `BlindModels`.

    Args:
        blinding: handles of the sides.
    """

    def __init__(self, blinding: Blinding) -> None:
        self._blinding = blinding
        self._asked = 0

    @property
    def asked(self) -> int:
        """Number of questions so far."""
        return self._asked

    def ask(
        self,
        prompts: Sequence[str],
        *,
        samples: int = 1,
        temperature: float = 0.0,
        max_new_tokens: int = 64,
    ) -> tuple[QuestionAnswer, ...]:
        """The same answers of each side to every prompt."""
        del temperature, max_new_tokens
        return tuple(self._answers(prompts, samples))

    def _answers(self, prompts: Sequence[str], samples: int) -> Iterator[QuestionAnswer]:
        texts = {"base": "I like all birds.", "finetuned": "The owl is best."}
        answers = {
            self._blinding.handle[side]: (texts[side],) * samples for side in self._blinding.order
        }
        for prompt in prompts:
            self._asked += 1
            yield QuestionAnswer(name=f"question-{self._asked}", prompt=prompt, answers=answers)
