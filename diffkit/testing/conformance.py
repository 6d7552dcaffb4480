"""What every method promises, checked on a tiny pair in seconds."""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from diffkit.context import Artifacts, Checkpoints, RunContext
from diffkit.findings import Figure, Findings, Note
from diffkit.registry import Spec
from diffkit.testing.options import assert_options_conform
from diffkit.texts import Texts

if TYPE_CHECKING:
    from torch import Tensor

    from diffkit.engine.pair import ModelPair


def assert_conforms(
    spec: Spec,
    *,
    pair: "ModelPair",
    identical: "ModelPair",
    texts: Texts,
    folder: Path,
    options: Mapping[str, Any] | None = None,
) -> Findings:
    """Checks the promises of `DiffingMethod`, and returns what the method found on ``pair``.

    Args:
        spec: what the plugin registers.
        pair: two sides that differ.
        identical: two sides that do not.
        texts: what the method may read.
        folder: an empty folder for artifacts and checkpoints.
        options: options that differ from the defaults, to keep the run short.

    Raises:
        AssertionError: a promise is broken; the message says which.
    """
    _require(spec.name == spec.name.lower() and " " not in spec.name, "names are kebab-case")
    _require(bool(spec.summary) and "\n" not in spec.summary, "the summary is one line")
    assert_options_conform(spec)
    config = spec.load_config()(**(options or {}))
    before = _state(pair)
    first = _run(spec, pair, config, texts, folder / "first")
    second = _run(spec, pair, config, texts, folder / "second")
    _require(_state(pair) == before, "the pair's weights are as they were, and frozen")
    _require(first == second, "the same seed gives the same findings")
    _assert_findings_conform(first, folder / "first")
    _assert_identity_conforms(_run(spec, identical, config, texts, folder / "identical"))
    return first


def _assert_findings_conform(findings: Findings, folder: Path) -> None:
    again = Findings.model_validate_json(findings.model_dump_json())
    _require(again == findings, "findings survive JSON")
    for item in findings.items:
        if isinstance(item, Figure):
            there = (folder / "artifacts" / item.artifact).is_file()
            _require(there, f"the artifact {item.artifact!r} of a figure was written")


def _assert_identity_conforms(findings: Findings) -> None:
    """Identical weights: a score of 0 and one note."""
    score = findings.change_score
    _require(score in (0, None), f"identical weights score 0, not {score}")
    kinds = [type(item) for item in findings.items]
    _require(kinds == [Note], f"identical weights give one Note and nothing else, not {kinds}")


def _run(spec: Spec, pair: "ModelPair", config: Any, texts: Texts, folder: Path) -> Findings:
    import torch

    context = RunContext(
        seed=0,
        texts=texts,
        artifacts=Artifacts(folder / "artifacts"),
        checkpoints=Checkpoints(folder),
    )
    torch.manual_seed(context.seed)
    findings = spec.load().run(pair, config, context)
    _require(isinstance(findings, Findings), f"run() returns Findings, not {type(findings)}")
    return findings  # type: ignore[no-any-return]


def _state(pair: "ModelPair") -> list[tuple[str, bool, str]]:
    """Every parameter of both sides: its name, whether it takes gradients, and a hash of it."""
    return [
        (name, weight.requires_grad, _hash(weight))
        for side in (pair.base, pair.finetuned)
        for name, weight in side.network.module.named_parameters()
    ]


def _hash(weight: "Tensor") -> str:
    import torch

    raw = weight.detach().cpu().contiguous().view(torch.uint8)
    return hashlib.sha256(raw.numpy().tobytes()).hexdigest()


def _require(condition: bool, promise: str) -> None:
    if not condition:
        msg = f"broken promise: {promise}"
        raise AssertionError(msg)
