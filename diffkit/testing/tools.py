"""Requirements of every tool of a method."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from diffkit.findings import Findings
from diffkit.organism import Record
from diffkit.testing.options import assert_field_conforms
from diffkit.testing.requirements import assert_findings_conform, assert_named, require
from diffkit.tool import AgentTool, FinishedRun

Arguments = Mapping[str, Mapping[str, Any]]
"""Tool → its arguments."""


def assert_tools_conform(
    make: Callable[[], Sequence[AgentTool[Any]]], run: FinishedRun, arguments: Arguments
) -> None:
    """Checks the requirements of `AgentTool`: each tool is made and called twice.

    Args:
        make: makes the tools of a method.
        run: the run that they are asked about.
        arguments: for each tool that cannot be called with defaults alone, its arguments.

    Raises:
        AssertionError: a requirement is violated; the message says which, and of which tool.
    """
    tools, again = make(), make()
    names = [tool.name for tool in tools]
    require(len(set(names)) == len(names), f"names of tools are unique, not {names}")
    unknown = sorted(set(arguments) - set(names))
    require(not unknown, f"arguments are handed in for tools that are there, not {unknown}")
    for tool, other in zip(tools, again, strict=True):
        assert_named(tool.name, tool.summary)
        given = _arguments(tool, arguments)
        answer = _answer(tool, given)
        same = answer == _answer(other, given)
        require(same, f"the same arguments give the same findings of tool {tool.name!r}")
        assert_findings_conform(answer, run.artifacts)


def _arguments(tool: AgentTool[Any], arguments: Arguments) -> Record:
    name, model = tool.name, tool.Arguments
    record = isinstance(model, type) and issubclass(model, Record)
    require(record, f"the arguments of tool {name!r} are a Record")
    for field, about in model.model_fields.items():
        assert_field_conforms(f"argument {field!r} of tool {name!r}", about)
    try:
        made: Record = model.model_validate(dict(arguments.get(name, {})))
    except ValidationError as error:
        fields = sorted({str(one["loc"][0]) for one in error.errors() if one["loc"]})
        hint = f"hand in arguments={{{name!r}: {{…}}}}"
        msg = f"tool {name!r} cannot be called: check {', '.join(fields)}; {hint}"
        raise AssertionError(msg) from error
    return made


def _answer(tool: AgentTool[Any], given: Record) -> Findings:
    said = tool.call(given)
    kind = type(said).__name__
    require(isinstance(said, tuple), f"tool {tool.name!r} answers in a tuple, not in {kind}")
    return Findings(items=said)
