"""Requirements of every method, checked on a tiny pair in seconds."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from diffkit.findings import Findings, Note
from diffkit.method import DiffingMethod
from diffkit.registry.specs import Spec
from diffkit.testing.options import assert_options_conform
from diffkit.testing.requirements import (
    assert_findings_conform,
    assert_named,
    implementation,
    require,
    run_in,
    state_of,
)
from diffkit.testing.tools import assert_tools_conform
from diffkit.texts import Texts
from diffkit.tool import FinishedRun

if TYPE_CHECKING:
    from diffkit.engine.pair import ModelPair


def assert_conforms(
    spec: Spec,
    *,
    pair: "ModelPair",
    identical: "ModelPair",
    texts: Texts,
    folder: Path,
    options: Mapping[str, Any] | None = None,
    arguments: Mapping[str, Mapping[str, Any]] | None = None,
) -> Findings:
    """Checks the requirements of `DiffingMethod` and its tools; returns what it found on ``pair``.

    Args:
        spec: what the plugin registers.
        pair: two sides that differ.
        identical: two sides that do not.
        texts: what the method may read.
        folder: an empty folder for artifacts and checkpoints.
        options: options that differ from the defaults, to keep the run short.
        arguments: for each tool that cannot be called with defaults alone, its arguments.

    Raises:
        AssertionError: a requirement is violated; the message says which.
    """
    assert_named(spec.name, spec.summary)
    assert_options_conform(spec)
    config = spec.load_config()(**(options or {}))
    sides = (pair.base, pair.finetuned)
    before = state_of(sides)
    first = _run(spec, pair, config, texts, folder / "first")
    second = _run(spec, pair, config, texts, folder / "second")
    require(first == second, "the same seed gives the same findings")
    left = FinishedRun(first, folder / "first" / "artifacts", texts)
    assert_findings_conform(first, left.artifacts)
    assert_tools_conform(lambda: _method(spec).tools(pair, config, left), left, arguments or {})
    require(state_of(sides) == before, "the pair's weights are as they were, and frozen")
    _assert_identity_conforms(_run(spec, identical, config, texts, folder / "identical"))
    return first


def _assert_identity_conforms(findings: Findings) -> None:
    """Identical weights: a score of 0 and one note."""
    score = findings.change_score
    require(score in (0, None), f"identical weights score 0, not {score}")
    kinds = [type(item) for item in findings.items]
    require(kinds == [Note], f"identical weights give one Note and nothing else, not {kinds}")


def _run(spec: Spec, pair: "ModelPair", config: Any, texts: Texts, folder: Path) -> Findings:
    method = _method(spec)
    if pair.same_weights:  # as the host does it
        return run_in(lambda _: method.identical(config), texts, folder)
    return run_in(lambda context: method.run(pair, config, context), texts, folder)


def _method(spec: Spec) -> DiffingMethod[Any]:
    return implementation(spec, DiffingMethod)  # type: ignore[type-abstract]
