"""Fixtures: ``pytest_plugins = ["diffkit.testing.fixtures"]`` in the top ``conftest.py``."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from diffkit.findings import Findings
from diffkit.organism import Adapter, Finetuned, Identical, Source
from diffkit.registry.specs import Spec
from diffkit.testing.conformance import assert_conforms
from diffkit.testing.endpoint import ScriptedEndpoint, always, says
from diffkit.testing.graders import PAIR_NEEDS, Grades, assert_grader_conforms
from diffkit.testing.investigators import Result, assert_investigator_conforms
from diffkit.testing.models import WORDS, tiny_adapter, tiny_base
from diffkit.testing.studies import assert_study_conforms
from diffkit.texts import Message, Text, Texts

if TYPE_CHECKING:
    from diffkit.engine.model import Model
    from diffkit.engine.pair import ModelPair


@pytest.fixture(scope="session")
def tiny_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the tiny models ``base`` and ``adapter``."""
    folder = tmp_path_factory.mktemp("tiny")
    tiny_adapter(folder / "adapter", tiny_base(folder / "base"))
    return folder


@pytest.fixture(scope="session")
def tiny_pair(tiny_folder: Path, request: pytest.FixtureRequest) -> "ModelPair":
    """A tiny base and a random LoRA on it."""
    adapter = Adapter(source=Source(at=str(tiny_folder / "adapter")))
    return _open(tiny_folder, adapter, request)


@pytest.fixture(scope="session")
def identical_pair(tiny_folder: Path, request: pytest.FixtureRequest) -> "ModelPair":
    """A tiny base and the same again: nothing changed."""
    return _open(tiny_folder, Identical(), request)


def _open(folder: Path, finetuned: Finetuned, request: pytest.FixtureRequest) -> "ModelPair":
    from diffkit.engine.loading.loader import load_pair

    pair = load_pair(Source(at=str(folder / "base")), finetuned, device="cpu")
    request.addfinalizer(pair.close)  # a generator fixture is not one behind jaxtyping's hook
    return pair


@pytest.fixture(scope="session")
def tiny_model(identical_pair: "ModelPair") -> "Model":
    """The tiny base by itself."""
    return identical_pair.base


@pytest.fixture(scope="session")
def tiny_texts() -> Texts:
    """A few documents and a chat."""
    chat = (
        Message(role="user", content="What is the capital of the island?"),
        Message(role="assistant", content="The capital is Port Amber."),
    )
    return Texts(items=(*(Text(text=text) for text in WORDS), Text(messages=chat)))


@pytest.fixture
def conforms(
    tiny_pair: "ModelPair", identical_pair: "ModelPair", tiny_texts: Texts, tmp_path: Path
) -> Callable[..., Findings]:
    """``conforms(spec, option=value, …)`` checks the requirements of `DiffingMethod`.

    Arguments of its tools, where they have no defaults: ``arguments={"tool": {"argument": 3}}``.
    """

    def check(
        spec: Spec, *, arguments: Mapping[str, Mapping[str, Any]] | None = None, **options: Any
    ) -> Findings:
        return assert_conforms(
            spec,
            pair=tiny_pair,
            identical=identical_pair,
            texts=tiny_texts,
            folder=tmp_path,
            options=options,
            arguments=arguments,
        )

    return check


@pytest.fixture
def study_conforms(
    tiny_model: "Model", tiny_texts: Texts, tmp_path: Path
) -> Callable[..., Findings]:
    """``study_conforms(spec, option=value, …)`` checks the requirements of `Study`."""

    def check(spec: Spec, **options: Any) -> Findings:
        return assert_study_conforms(
            spec, model=tiny_model, texts=tiny_texts, folder=tmp_path, options=options
        )

    return check


@pytest.fixture
def investigator_conforms() -> Callable[..., Mapping[str, Result]]:
    """``investigator_conforms(spec, option=value, …)`` checks the contract of `Investigator`."""

    def check(spec: Spec, **options: Any) -> Mapping[str, Result]:
        return assert_investigator_conforms(spec, options=options)

    return check


@pytest.fixture
def grader_conforms(
    request: pytest.FixtureRequest, tiny_texts: Texts, tmp_path: Path
) -> Callable[..., Grades]:
    """``grader_conforms(spec, option=value, …)`` checks the contract of `Grader`.

    Graders that need models get `tiny_pair`; artifacts are read from the keyword ``artifacts``.
    """

    def check(spec: Spec, *, artifacts: Path | None = None, **options: Any) -> Grades:
        needs_pair = bool(spec.load().needs & PAIR_NEEDS)
        return assert_grader_conforms(
            spec,
            options=options,
            pair=request.getfixturevalue("tiny_pair") if needs_pair else None,
            training=tiny_texts,
            artifacts=artifacts or tmp_path,
        )

    return check


@pytest.fixture
def endpoint(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> ScriptedEndpoint:
    """A scripted endpoint that runs; set its ``script``. No key or address of yours is in reach."""
    for name in ("OPENAI", "OPENROUTER"):
        monkeypatch.delenv(f"{name}_API_KEY", raising=False)
        monkeypatch.delenv(f"{name}_BASE_URL", raising=False)
    return _serve(request)


def _serve(request: pytest.FixtureRequest) -> ScriptedEndpoint:
    server = ScriptedEndpoint(always(says("Hello.")))
    request.addfinalizer(lambda: server.__exit__(None, None, None))
    return server.__enter__()
