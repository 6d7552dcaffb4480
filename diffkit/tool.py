"""Tools: further questions that a method can answer about a finished run."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar

from pydantic import BaseModel

from diffkit.organism import Record

if TYPE_CHECKING:
    from diffkit.findings import Finding, Findings
    from diffkit.texts import Texts

A = TypeVar("A", bound=Record)
_DEFINITIONS = "#/$defs/"


class AgentTool(ABC, Generic[A]):
    """A question that an agent, or a person, may ask a method about a finished run.

    It has the pair, and never the organism. The message of a `UserError` is shown to the caller,
    who can then correct the arguments.
    """

    name: ClassVar[str]
    """In kebab-case, unique among the tools of its method."""
    summary: ClassVar[str]
    """One line: what it does and what it returns."""
    Arguments: type[A]
    """A `Record` with bounds, and a docstring under each field."""

    @abstractmethod
    def call(self, arguments: A) -> "tuple[Finding, ...]":
        """Answers; the same arguments give the same findings.

        Raises:
            UserError: the arguments are valid but do not fit this run.
        """

    def prompts(self, arguments: A) -> tuple[str, ...]:
        """Prompts of the caller that a call sends to a model: each counts as a question."""
        del arguments
        return ()


@dataclass(frozen=True)
class FinishedRun:
    """A finished run, for the tools of its method."""

    findings: "Findings"
    """Its findings."""
    artifacts: Path
    """Folder of its artifacts; it does not exist if there are none."""
    texts: "Texts"
    """Its texts."""
    seed: int = 0
    """Its seed."""


def json_schema(record: type[BaseModel]) -> dict[str, Any]:
    """The JSON Schema of ``record`` as a language model reads it.

    Records within it go by their titles, not by the names of their classes: a record that sets
    title and description (``class Bet(Record, title="Bet", json_schema_extra=…)``) can be renamed
    and documented anew without another word in a prompt.
    """
    schema = record.model_json_schema()
    parts: dict[str, Any] = schema.get("$defs", {})
    titles = {name: str(part.get("title", name)) for name, part in parts.items()}
    if len(set(titles.values())) < len(titles):
        return schema
    if parts:
        schema["$defs"] = {
            titles[name]: parts[name] for name in sorted(parts, key=titles.__getitem__)
        }
    renamed: dict[str, Any] = _with_references(schema, titles)
    return renamed


def _with_references(part: Any, titles: Mapping[str, str]) -> Any:
    if isinstance(part, list):
        return [_with_references(one, titles) for one in part]
    if not isinstance(part, dict):
        return part
    name = str(part.get("$ref", "")).removeprefix(_DEFINITIONS)
    if name in titles:
        return {**part, "$ref": f"{_DEFINITIONS}{titles[name]}"}
    return {key: _with_references(one, titles) for key, one in part.items()}
