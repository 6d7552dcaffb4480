"""Diffing methods, which compare two models, and studies, which look at one."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from pydantic import Field

from diffkit.organism import Record

if TYPE_CHECKING:
    from diffkit.context import RunContext
    from diffkit.engine.model import Model
    from diffkit.engine.pair import ModelPair
    from diffkit.findings import Findings
    from diffkit.tool import AgentTool, FinishedRun


class MethodConfig(Record):
    """Options of a method, investigator or grader; subclass it, with a docstring under each field.

    Give bounds with `pydantic.Field` and units in the docstrings: help, documents and JSON Schema
    read the same words. An option that cannot change the result is an `execution_option`.
    """


def execution_option(default: Any, **bounds: Any) -> Any:
    """A field that changes how a run is executed (batch size, say) but never what it finds.

    Such options stay out of a run's key.
    """
    return Field(default, json_schema_extra={"execution": True}, **bounds)


def execution_options(config: type[MethodConfig]) -> frozenset[str]:
    """Names of the options that stay out of a run's key."""
    return frozenset(
        name
        for name, field in config.model_fields.items()
        if isinstance(field.json_schema_extra, dict) and field.json_schema_extra.get("execution")
    )


C = TypeVar("C", bound=MethodConfig)


class DiffingMethod(ABC, Generic[C]):
    """Compares the two sides of a pair.

    A method is never given the organism: no name, no truth, no probes and no training data.
    """

    @abstractmethod
    def run(self, pair: "ModelPair", config: C, context: "RunContext") -> "Findings":
        """Compares the sides of ``pair``.

        On identical weights the findings are a ``change_score`` of 0 and one `Note`. The same
        pair, options, seed and texts give the same findings, byte for byte on one machine.

        Args:
            pair: both sides; gradients reach inputs, never parameters.
            config: the validated options.
            context: seed, texts, and places for artifacts and checkpoints.
        """

    def tools(self, pair: "ModelPair", config: C, run: "FinishedRun") -> "Sequence[AgentTool[Any]]":
        """What may be asked besides the findings of a finished run; by default nothing.

        Args:
            pair: the pair that was compared.
            config: the options of the run.
            run: what it left.
        """
        del pair, config, run
        return ()


class Study(ABC, Generic[C]):
    """An experiment on one model. It has options, findings and artifacts, and no leaderboard."""

    @abstractmethod
    def run(self, model: "Model", config: C, context: "RunContext") -> "Findings":
        """Carries the experiment out.

        The same model, options, seed and texts give the same findings. There is no change score.

        Args:
            model: the model; gradients reach inputs, never parameters.
            config: the validated options.
            context: seed, texts, and places for artifacts and checkpoints.
        """
