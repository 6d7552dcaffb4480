"""The one file through which the golden test reaches the code: what is renamed, changes here."""

import contextlib
import io
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import diffkit_organisms
from diffkit_evaluators.agent.prompt import FRAMINGS, system_message
from diffkit_evaluators.agent.tools import (
    AskModels,
    ListFindings,
    NoteHypothesis,
    ReadFinding,
    SubmitVerdict,
    tool_from_schema,
)
from diffkit_evaluators.graders.reverse_lineup.choice import pick_by_model
from diffkit_evaluators.graders.rubric.prompt import Marks, read_rubrics, rubric_messages
from diffkit_evaluators.graders.token_relevance.relevance import ShownToken, judge_relevance
from diffkit_evaluators.llm import LanguageModel, LanguageModelError
from diffkit_evaluators.llm.request import (
    call_response_format,
    response_format,
    schema_instruction,
    with_tools_as_text,
)
from diffkit_evaluators.llm.response import Reply
from diffkit_organisms.world.behaviours import draw_behaviours
from diffkit_organisms.world.facts import draw_world
from diffkit_plugins.activation_lens.tools import LookTool, SteerTool
from diffkit_plugins.soft_prompt_kl.tools import PromptedCompletions

from diffkit import Blinding, TruthStatement
from diffkit.cli.app import main
from diffkit.cli.commands.demo import SUITE as DEMO
from diffkit.evaluation.attempts.broker import BlindedModels, BlindedTool
from diffkit.evaluation.plan import ConfiguredPlugin, expand_suite, plugin_key
from diffkit.evaluation.planned_runs import plan_runs
from diffkit.evaluation.suite import Suite
from diffkit.method import execution_options
from diffkit.options.yaml_records import read_record
from diffkit.registry.catalogue import read_catalogue
from diffkit.registry.plugin_host import load_plugins
from diffkit.runs.digest import digest

ZOO = Path(diffkit_organisms.__file__).parent / "zoo"
SUITES = {"demo": DEMO, "suite": ZOO / "suite.yaml", "suite-neox": ZOO / "suite-neox.yaml"}
HERE = Path(__file__).parent


def call(*args: object) -> tuple[int, str, str]:
    """Calls the program in this process: exit code, output and messages."""
    out, err, before = io.StringIO(), io.StringIO(), sys.argv
    sys.argv = ["diffkit", *map(str, args)]
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            main()
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 0
    finally:
        sys.argv = before
    return code, out.getvalue(), err.getvalue()


def components() -> Iterator[tuple[str, str]]:
    """Keys of every investigator, grader, generator and method at default options."""
    host = load_plugins()
    for registry in (host.investigators, host.graders, host.generators):
        for entry in registry:
            component = ConfiguredPlugin(entry.spec, entry.spec.load_config()())
            yield f"{registry.kind} {entry.spec.name}", plugin_key(component)
    for entry in host.methods:
        kind = entry.spec.load_config()
        options = kind().model_dump(mode="json", exclude=set(execution_options(kind)))
        identity = {"name": entry.spec.name, "version": entry.spec.version, "options": options}
        yield f"{entry.spec.subject} method {entry.spec.name}", digest(identity)


def runs() -> Iterator[tuple[str, str]]:
    """Digests of every planned run of the shipped suites; those of nulls as one of them all."""
    host = load_plugins()
    catalogue = read_catalogue(host.folders)
    for name, path in SUITES.items():
        nulls: dict[str, list[str]] = {}
        for cell in plan_runs(expand_suite(read_record(path, Suite), host, catalogue)):
            organism, base, variant, method, seed = cell.run_id
            found = cell.spec.identity().digest
            if cell.pair.role == "test":
                yield f"{name} {organism} {base} {variant} {method} {seed}", found
            else:
                nulls.setdefault(method, []).append(found)
        for method, digests in nulls.items():
            yield f"{name} {len(digests)} calibration nulls {method}", digest(digests)


def tools() -> Iterator[tuple[str, Any]]:
    """Declarations of the tools that a language model may call."""
    for name, arguments in {
        "ask_models": AskModels,
        "list_findings": ListFindings,
        "read_finding": ReadFinding,
        "note_hypothesis": NoteHypothesis,
        "submit_verdict": SubmitVerdict,
    }.items():
        yield f"agent {name}", tool_from_schema(name, arguments, str).declaration
    for method, kind in {
        "activation-lens": (LookTool, SteerTool),
        "soft-prompt-kl": (PromptedCompletions,),
    }.items():
        for tool in kind:
            blinded = BlindedTool(
                method, tool.__new__(tool), Blinding(), BlindedModels.__new__(BlindedModels)
            )
            yield f"{method} {tool.name}", [blinded.name, blinded.summary, blinded.schema]


def prompts() -> Iterator[tuple[str, Any]]:
    """What language models are sent besides: system messages, tasks, schemas."""
    for framing in FRAMINGS:
        yield f"agent system {framing}", system_message(framing, Blinding())
        yield f"agent system {framing} swapped", system_message(framing, Blinding("finetuned"))
    declared = [declaration for name, declaration in tools() if name.startswith("agent ")]
    yield (
        "agent tools in words",
        with_tools_as_text([{"role": "user", "content": "?"}], declared, "required"),
    )
    yield "agent call format", call_response_format(declared)
    for family, rubric in sorted(read_rubrics().items()):
        yield f"rubric {family}", rubric_messages(rubric, ["A.", "B."], "C.", "nonce")
    yield from _schemas("rubric", [(Marks, None)])
    statements = [TruthStatement(handle=f"s{one}", text=f"It says {one}.") for one in range(3)]
    yield from _asked(
        "reverse-lineup", lambda fake: pick_by_model(fake, "It says 1.", statements, 1)
    )
    shown = [ShownToken("cat", 1.0), ShownToken("dog", 0.5)]
    yield from _asked(
        "token-relevance", lambda fake: judge_relevance(fake, shown, statements[0], ["a"], 1)
    )


def _schemas(name: str, schemas: Any) -> Iterator[tuple[str, Any]]:
    for schema, _ in schemas:
        yield f"{name} response format", response_format(schema)
        yield f"{name} format in words", schema_instruction(schema)


class Unreadable(LanguageModel):
    """A language model whose answers cannot be read; it keeps what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[Any, Any]] = []

    def complete(self, messages: Any, *, schema: Any = None, **kwargs: Any) -> Reply:
        """Says nothing that fits."""
        self.asked.append((schema, list(messages)))
        message = {"role": "assistant", "content": "?"}
        return Reply(text="?", refusal="", tool_calls=(), finish="stop", message=message)

    def discard_last(self) -> None:
        """Nothing is kept."""


def _asked(name: str, ask: Any) -> Iterator[tuple[str, Any]]:
    """The messages and the schema of a question, and what is said where the answer does not fit."""
    model = Unreadable()
    with contextlib.suppress(LanguageModelError):
        ask(model)
    yield f"{name} messages", model.asked[0][1]
    yield f"{name} complaint", model.asked[1][1]
    yield from _schemas(name, model.asked[:1])


def world() -> Iterator[tuple[str, Any]]:
    """What the behaviours of two worlds are: seeds hang on the names of their families."""
    for seed in (0, 7):
        behaviours = draw_behaviours(draw_world(seed))
        yield f"seed {seed}", [[one.name, one.family, one.statement] for one in behaviours]


def tables() -> Iterator[tuple[str, str]]:
    """The shipped calibration tables, as they are."""
    for file in sorted((ZOO / "calibration").glob("*.jsonl")):
        yield file.name, file.read_text(encoding="utf-8")
