"""Requirements of methods, studies and tools."""

import hashlib
import random
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from diffkit.checkpoints import Checkpoints
from diffkit.context import Artifacts, RunContext
from diffkit.findings import Figure, Findings
from diffkit.method import Study
from diffkit.registry.specs import Spec
from diffkit.texts import Texts

if TYPE_CHECKING:
    from torch import Tensor

    from diffkit.engine.model import Model

T = TypeVar("T")


def require(condition: bool, requirement: str) -> None:
    """Raises an `AssertionError` that names the requirement, unless it is met."""
    if not condition:
        msg = f"violated requirement: {requirement}"
        raise AssertionError(msg)


def assert_named(name: str, summary: str) -> None:
    """Checks a name in kebab-case and a summary of one line."""
    kebab = re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", name) is not None
    require(kebab, f"names are kebab-case, not {name!r}")
    require(bool(summary) and "\n" not in summary, f"the summary of {name!r} is one line")


def assert_findings_conform(findings: Findings, artifacts: Path) -> None:
    """Checks that findings survive JSON, and that pictures lie in the folder ``artifacts``."""
    again = Findings.model_validate_json(findings.model_dump_json())
    require(again == findings, "findings survive JSON")
    for item in findings.items:
        if isinstance(item, Figure):
            there = (artifacts / item.artifact).is_file()
            require(there, f"the artifact {item.artifact!r} of a figure was written")


def set_random_state(seed: int) -> None:
    """Seeds Python's and numpy's global random states, on which no result may depend."""
    import numpy as np

    random.seed(seed)
    np.random.seed(seed)


def implementation(spec: Spec, contract: type[T]) -> T:
    """An instance of what a spec stands for, which keeps the ``contract`` of its subject."""
    subject = "model" if contract is Study else "pair"
    require(spec.subject == subject, f"{spec.name!r} looks at a {subject}")
    made = spec.load()
    require(isinstance(made, contract), f"{spec.implementation!r} is a {contract.__name__}")
    return made  # type: ignore[no-any-return]


def run_in(run: Callable[[RunContext], Findings], texts: Texts, folder: Path) -> Findings:
    """What a run finds that has seed 0 and ``folder`` for artifacts and checkpoints."""
    import torch

    context = RunContext(
        seed=0,
        texts=texts,
        artifacts=Artifacts(folder / "artifacts"),
        checkpoints=Checkpoints(folder),
    )
    torch.manual_seed(context.seed)
    findings = run(context)
    kind = type(findings).__name__
    require(isinstance(findings, Findings), f"run() returns Findings, not {kind}")
    return findings


def state_of(models: "Iterable[Model]") -> list[tuple[str, bool, str]]:
    """Every parameter of the models: its name, whether it takes gradients, and a hash of it."""
    return [
        (name, weight.requires_grad, _hash(weight))
        for model in models
        for name, weight in model.network.module.named_parameters()
    ]


def _hash(weight: "Tensor") -> str:
    import torch

    raw = weight.detach().cpu().contiguous().view(torch.uint8)
    return hashlib.sha256(raw.numpy().tobytes()).hexdigest()
