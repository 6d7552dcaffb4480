"""The public names: a change here is a change that others notice."""

import ast
import importlib.metadata
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import diffkit
from diffkit.registry import hookspecs
from diffkit.registry.plugin_host import load_plugins

ROOT = Path(__file__).parents[1]
NAMES = [
    "AgentTool",
    "AlignedFinding",
    "AlignedRow",
    "AlignedRuns",
    "AnswerCache",
    "AnswerKey",
    "AnswerSheet",
    "Architecture",
    "Artifacts",
    "Attempt",
    "AttemptContext",
    "BaseModelEntry",
    "BlindModels",
    "BlindTool",
    "Blinding",
    "Candidate",
    "CandidateTruth",
    "Case",
    "ChatRefused",
    "ChatSession",
    "Checkpoint",
    "Checkpoints",
    "Completion",
    "Detection",
    "DiffingMethod",
    "DiffkitError",
    "Event",
    "Evidence",
    "Figure",
    "Finding",
    "Findings",
    "FinishedRun",
    "Generator",
    "GeneratorBackend",
    "GeneratorPair",
    "Grade",
    "GradeContext",
    "Grader",
    "GraderNeed",
    "ImportPath",
    "InputFile",
    "Inputs",
    "InterimVerdict",
    "InterimVerdictEvent",
    "Investigator",
    "InvestigatorNeed",
    "JointNullScores",
    "Line",
    "Listing",
    "Message",
    "MethodConfig",
    "Model",
    "ModelOnDisk",
    "ModelPair",
    "NONE_OF_THESE",
    "NetworkCache",
    "NoVerdict",
    "Note",
    "NullScores",
    "NullTest",
    "OpenedStore",
    "Organism",
    "Outcome",
    "PairLogProbs",
    "PairLoss",
    "PairOnDisk",
    "PairSource",
    "PairedGradient",
    "Place",
    "PositionLabel",
    "PositionLabels",
    "PositionOptions",
    "Prediction",
    "Price",
    "Prices",
    "Probes",
    "Progress",
    "PromptStart",
    "QuestionAnswer",
    "Record",
    "Register",
    "RegisterFolder",
    "Request",
    "Response",
    "Retry",
    "RunContext",
    "Sample",
    "Samples",
    "Sampling",
    "SearchHit",
    "SearchResults",
    "Series",
    "Side",
    "Source",
    "Spec",
    "StoredRecord",
    "StoredRun",
    "Study",
    "Table",
    "Text",
    "TextBatch",
    "Texts",
    "TokenScore",
    "TokenTable",
    "TokenTrace",
    "ToolCall",
    "TracedToken",
    "Transcript",
    "TranscriptNote",
    "TruncatedSVD",
    "TruthStatement",
    "Unavailable",
    "Usage",
    "UsageEstimate",
    "UserError",
    "Verdict",
    "WeightDelta",
    "align_runs",
    "answer_start",
    "appended_ids",
    "compare",
    "control_scale_for_kl",
    "detect_kind",
    "execution_option",
    "find_pair_on_disk",
    "finding_text",
    "hookimpl",
    "json_schema",
    "list_findings_text",
    "load_import_path",
    "load_model",
    "load_pair",
    "mean_kl",
    "open_store",
    "pair_loss",
    "paired_gradient",
    "position_labels",
    "prompt_starts",
    "read_transcript",
    "register_architecture",
    "render_chat",
    "self_generated_prompts",
    "top_tokens",
    "without_end",
]
ALIASES = {"NONE_OF_THESE", "Event", "Finding", "GraderNeed", "Need", "Side"}
"""What is no class and no function."""
HOOKS = [name for name in vars(hookspecs) if name.startswith("register_")]


def test_the_public_names_are_these():
    assert sorted(diffkit.__all__) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_each_public_name_is_there(name):
    value = getattr(diffkit, name)
    assert callable(value) or name in ALIASES


def test_the_stub_says_in_all_what_it_imports():
    tree = ast.parse((ROOT / "diffkit" / "__init__.pyi").read_text())
    imports = [node for node in tree.body if isinstance(node, ast.ImportFrom)]
    assert sorted(alias.name for node in imports for alias in node.names) == NAMES


def test_a_name_that_is_not_there_is_an_attribute_error():
    with pytest.raises(AttributeError, match=r"Nothing"):
        _ = diffkit.Nothing


def test_importing_diffkit_imports_nothing_heavy():
    code = "import sys, diffkit; diffkit.Spec; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    heavy = {"torch", "transformers", "nnsight", "vllm", "openai", "streamlit", "scipy", "rich"}
    assert not heavy & set(done.stdout.split())


def test_reading_a_leaderboard_imports_nothing_slow():
    code = "import sys, diffkit.evaluation.leaderboard.build; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    slow = {"torch", "transformers", "nnsight", "openai", "scipy.stats", "sklearn"}
    assert not slow & set(done.stdout.split())


def test_installed_entry_points_are_those_of_the_project_file():
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["entry-points"]
    installed = importlib.metadata.distribution("diffkit").entry_points.select(group="diffkit")
    found = {point.name: point.value for point in installed}
    assert found == declared["diffkit"], "install again: pip install -e ."


def test_every_hook_is_hooked_by_a_plugin_that_ships():
    used = {
        hook
        for plugin in load_plugins().plugins
        if plugin.distribution == "diffkit"
        for hook in plugin.hooks
    }
    assert used == set(HOOKS)


@pytest.mark.parametrize("hook", HOOKS)
def test_every_hook_has_a_heading(hook):
    headings = [line for line in _page().splitlines() if line.startswith("#")]
    assert any(f"`{hook}" in line or hook in line for line in headings)


def _page() -> str:
    return (ROOT / "docs" / "reference" / "hooks.md").read_text(encoding="utf-8")
