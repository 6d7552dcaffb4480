"""Requirements of every study, checked on a tiny model in seconds."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from diffkit.findings import Findings
from diffkit.method import Study
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
from diffkit.texts import Texts

if TYPE_CHECKING:
    from diffkit.engine.model import Model


def assert_study_conforms(
    spec: Spec,
    *,
    model: "Model",
    texts: Texts,
    folder: Path,
    options: Mapping[str, Any] | None = None,
) -> Findings:
    """Checks the requirements of `Study`, and returns what it found in ``model``.

    Args:
        spec: what the plugin registers.
        model: the model that is studied.
        texts: what the study may read.
        folder: an empty folder for artifacts and checkpoints.
        options: options that differ from the defaults, to keep the run short.

    Raises:
        AssertionError: a requirement is violated; the message says which.
    """
    assert_named(spec.name, spec.summary)
    assert_options_conform(spec)
    config = spec.load_config()(**(options or {}))
    before = state_of([model])
    first, second = (
        run_in(lambda context: _study(spec).run(model, config, context), texts, folder / name)
        for name in ("first", "second")
    )
    require(state_of([model]) == before, "the model's weights are as they were, and frozen")
    require(first == second, "the same seed gives the same findings")
    require(first.change_score is None, "a study has no change score")
    assert_findings_conform(first, folder / "first" / "artifacts")
    return first


def _study(spec: Spec) -> Study[Any]:
    return implementation(spec, Study)  # type: ignore[type-abstract]
