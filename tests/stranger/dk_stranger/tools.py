"""The tools of echo."""

from pydantic import Field

from diffkit import AgentTool, Finding, FinishedRun, ModelPair, Note, Record, UserError


class RepeatArguments(Record):
    """Arguments of repeat."""

    times: int = Field(default=1, ge=1, le=9)
    """How often."""
    layer: int = Field(default=0, ge=0)
    """Block, from 0."""


class Repeat(AgentTool[RepeatArguments]):
    """Says the echo again."""

    name = "repeat"
    summary = "Says the word of the run again."
    Arguments = RepeatArguments

    def __init__(self, pair: ModelPair, word: str, run: FinishedRun) -> None:
        self._layers, self._word, self._run = pair.base.layers, word, run

    def call(self, arguments: RepeatArguments) -> tuple[Finding, ...]:
        if arguments.layer >= self._layers:
            what = f"There is no layer {arguments.layer}."
            raise UserError(what, hint=f"Take one from 0 to {self._layers - 1}.")
        size = (self._run.artifacts / "total.safetensors").stat().st_size
        about = f"{len(self._run.texts)} texts, seed {self._run.seed}, artifact of {size} bytes"
        return (Note(text=f"{self._word * arguments.times} of {about}"),)


class BrokenArguments(Record):
    """Arguments of broken."""

    answer: str
    """What it gives back instead of findings."""


class Broken(AgentTool[BrokenArguments]):
    """Breaks its promise."""

    name = "broken"
    summary = "Raises, or answers in no findings."
    Arguments = BrokenArguments

    def call(self, arguments: BrokenArguments) -> tuple[Finding, ...]:
        if arguments.answer == "raise":
            raise ArithmeticError("no good\nat all")
        return arguments.answer
