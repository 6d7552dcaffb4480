"""Calls the tools of a method about a finished run."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from diffkit.errors import DiffkitError, RunFailed, one_line
from diffkit.findings import Finding, Findings
from diffkit.method import DiffingMethod
from diffkit.organism import Record
from diffkit.registry.specs import Spec, load_implementation
from diffkit.runs.manifest import StoredRun
from diffkit.runs.readable_texts import readable_texts
from diffkit.runs.spec import RunSpec, open_models
from diffkit.tool import AgentTool, FinishedRun

Tools = Mapping[str, AgentTool[Any]]


def has_tools(method: Spec) -> bool:
    """Whether a method may have tools; no model is loaded."""
    made = load_implementation(method)
    return isinstance(made, DiffingMethod) and type(made).tools is not DiffingMethod.tools


@contextmanager
def open_tools(spec: RunSpec, run: StoredRun, device: str) -> Iterator[Tools]:
    """The tools of a finished run by name, with its pair loaded until the context ends.

    Args:
        spec: the run's specification; its method has tools.
        run: the finished run.
        device: the device to load the pair on.

    Raises:
        RunFailed: the method raised, or two of its tools have one name.
        BadModel, BadFile, BadDevice: models or device cannot be used.
    """
    with open_models(spec.subject, device) as loaded:
        yield tools_by_name(spec, run, loaded.subject)


def tools_by_name(spec: RunSpec, run: StoredRun, subject: Any) -> Tools:
    """The tools of a finished run by name.

    Args:
        spec: the run's specification.
        run: the finished run.
        subject: its loaded pair.

    Raises:
        RunFailed: the method raised, or two of its tools have one name.
    """
    method: Any = load_implementation(spec.method)
    texts = readable_texts(subject, spec.texts).texts
    left = FinishedRun(run.findings, run.artifacts, texts, spec.seed)
    with _attribute_errors(f"The tools of {spec.method.name!r}"):
        return _by_name(method.tools(subject, spec.config, left))


def _by_name(tools: Any) -> Tools:
    named: dict[str, AgentTool[Any]] = {}
    for tool in tools:
        if tool.name in named:
            msg = f"two of them are named {tool.name!r}"
            raise ValueError(msg)
        named[tool.name] = tool
    return named


def call_tool(tool: AgentTool[Any], arguments: Record) -> tuple[Finding, ...]:
    """The answer of a tool.

    Raises:
        UserError: the arguments do not fit this run.
        RunFailed: the tool raised, or its answer is not a tuple of findings.
    """
    with _attribute_errors(f"The tool {tool.name!r}"):
        return Findings(items=tool.call(arguments)).items


@contextmanager
def _attribute_errors(who: str) -> Iterator[None]:
    try:
        yield
    except DiffkitError:
        raise  # its message says what to do
    except (Exception, SystemExit) as error:
        what = f"{who} failed: {one_line(error).rstrip(' .:')}."
        hint = "Repeat with `diffkit --debug …` for the traceback."
        raise RunFailed(what, hint=hint) from error
