"""Diffing methods, which compare two models, and studies, which look at one."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Literal

from pydantic import Field, field_validator
from typing_extensions import TypeVar

from diffkit.findings import Findings, Note
from diffkit.organism import Record
from diffkit.texts import POSITION_LABELS, PositionLabel

if TYPE_CHECKING:
    from diffkit.context import RunContext
    from diffkit.engine.model import Model
    from diffkit.engine.pair import ModelPair
    from diffkit.tool import AgentTool, FinishedRun


class MethodConfig(Record):
    """Options of a method, investigator or grader; subclass it, with a docstring under each field.

    Give bounds with `pydantic.Field` and units in the docstrings: help, documentation and JSON
    Schema show the same text. An option that cannot change the result is an `execution_option`.
    """

    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {"small": {}}
    """Sets of other defaults by name, for ``--preset``. Every method has ``small``, for large
    models on a CPU. A run is known by the options, not by the preset's name."""


class PositionOptions(MethodConfig):
    """Options of a method that reads texts: which of their positions count.

    Subclass it in place of `MethodConfig`; `diffkit.analysis.SelectedPositions` applies it.
    """

    positions: tuple[PositionLabel, ...] = Field(
        default=("text", "user", "answer"), min_length=1, validate_default=True
    )
    """Positions that are read: documents, users' words and answers, but not what the chat template
    writes, which is the same in each chat. A prediction counts as the predicted token does.
    ``all`` reads every position."""

    @field_validator("positions", mode="before")
    @classmethod
    def _listed(cls, given: Any) -> Any:
        """A list, also of one label, of labels with commas between them, and of ``all``."""
        words = given.split(",") if isinstance(given, str) else given
        if not isinstance(words, Sequence):
            return given
        labels = [word.strip() if isinstance(word, str) else word for word in words]
        return POSITION_LABELS if labels == ["all"] else labels

    @field_validator("positions")
    @classmethod
    def _in_order(cls, given: tuple[PositionLabel, ...]) -> tuple[PositionLabel, ...]:
        """The same labels give the same key in any order."""
        return tuple(label for label in POSITION_LABELS if label in given)


def execution_option(default: Any, **bounds: Any) -> Any:
    """A field that changes how a run is executed (batch size, for example) but not its findings.

    Such options are not part of a run's key.
    """
    return Field(default, json_schema_extra={"execution": True}, **bounds)


def execution_options(config: type[MethodConfig]) -> frozenset[str]:
    """Names of the options that are not part of a run's key."""
    return frozenset(
        name
        for name, field in config.model_fields.items()
        if isinstance(field.json_schema_extra, dict) and field.json_schema_extra.get("execution")
    )


C = TypeVar("C", bound=MethodConfig, default=Any)


class DiffingMethod(ABC, Generic[C]):
    """Compares the two sides of a pair.

    A method never sees the organism: no name, no truth, no probes and no training data.

    A class that `Spec.of` registers also has ``name``, ``version`` and a nested class ``Config``.
    """

    subject: ClassVar[Literal["pair", "model"]] = "pair"
    """What it reads; `Spec.of` takes it over."""
    identical_note: ClassVar[str] = "Both sides have the same weights."
    """Text of the note that is found on identical weights."""

    @abstractmethod
    def run(self, pair: "ModelPair", config: C, context: "RunContext") -> Findings:
        """Compares the sides of ``pair``, which have different weights.

        The same pair, options, seed and texts give the same findings, byte for byte on one
        machine.

        Args:
            pair: both sides; gradients reach inputs, never parameters.
            config: the validated options.
            context: seed, texts, and places for artifacts and checkpoints.
        """

    def identical(self, config: C) -> Findings:
        """The findings on identical weights, which the host asks for instead of `run`.

        By default a change score of 0 and `identical_note`.

        Args:
            config: the validated options.
        """
        del config
        return Findings(change_score=0.0, items=(Note(text=self.identical_note),))

    def tools(self, pair: "ModelPair", config: C, run: "FinishedRun") -> "Sequence[AgentTool[Any]]":
        """Tools that answer questions about a finished run; by default there are none.

        Args:
            pair: the pair that was compared.
            config: the options of the run.
            run: its findings and artifacts.
        """
        del pair, config, run
        return ()


def run_method(
    method: DiffingMethod[C], pair: "ModelPair", config: C, context: "RunContext"
) -> Findings:
    """Runs a method as the host does: identical weights do not reach its `DiffingMethod.run`.

    Raises:
        TypeError: the method did not return `Findings`.
    """
    if pair.same_weights:
        return checked_findings(method.identical(config))
    return checked_findings(method.run(pair, config, context))


def checked_findings(findings: Any) -> Findings:
    """What a plugin returned, if it is findings.

    Raises:
        TypeError: it is something else.
    """
    if not isinstance(findings, Findings):
        msg = f"run() returned {type(findings).__name__}, not Findings"
        raise TypeError(msg)
    return findings


class Study(ABC, Generic[C]):
    """An experiment on one model. It has options, findings and artifacts, and no leaderboard."""

    subject: ClassVar[Literal["pair", "model"]] = "model"
    """What it reads; `Spec.of` takes it over."""

    @abstractmethod
    def run(self, model: "Model", config: C, context: "RunContext") -> Findings:
        """Carries out the experiment.

        The same model, options, seed and texts give the same findings. There is no change score.

        Args:
            model: the model; gradients reach inputs, never parameters.
            config: the validated options.
            context: seed, texts, and places for artifacts and checkpoints.
        """
