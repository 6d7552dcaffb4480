"""Specs that classes describe themselves, and the contracts of a registration."""

import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any, Literal

import pytest
from pydantic import Field

from diffkit import DiffingMethod, ImportPath, InputFile, MethodConfig, Record, Spec, Study
from diffkit.errors import DiffkitError
from diffkit.registry.plugin_host import PluginHost, _register
from diffkit.registry.specs import check_option_types, check_words


class Good(DiffingMethod):
    """Finds nothing at all. There is more to say of it.

    Much more.
    """

    name, version, requires = "good-one", 3, "diffkit[vllm]"

    class Config(MethodConfig):
        count: int = Field(3, ge=1)
        """How many."""

    def run(self, pair, config, context):
        raise NotImplementedError


class Plain(Study):
    name, version, summary = "plain", 1, "A study without options."

    def run(self, model, config, context):
        raise NotImplementedError


@pytest.fixture
def module(monkeypatch):
    """A module of this file's classes that targets can name."""
    monkeypatch.setitem(sys.modules, "spec_cases", sys.modules[__name__])
    return "spec_cases"


def test_a_class_describes_itself(module):
    spec = Spec.of(f"{module}:Good")
    assert spec == Spec(
        name="good-one",
        summary="Finds nothing at all. There is more to say of it",
        version=3,
        config="spec_cases:Good.Config",
        implementation="spec_cases:Good",
        requires="diffkit[vllm]",
    )
    assert spec.load_config() is Good.Config
    assert isinstance(spec.load(), Good)


def test_a_study_without_options_has_none(module):
    spec = Spec.of(f"{module}:Plain")
    assert (spec.subject, spec.summary) == ("model", "A study without options")
    assert spec.load_config() is MethodConfig


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("Good", "A method.", 1), "'Good' is not in kebab-case"),
        (("good_one", "A method.", 1), "not in kebab-case"),
        ((None, "A method.", 1), "not in kebab-case"),
        (("good", "", 1), "summary of 'good' is not one line"),
        (("good", "Two\nlines.", 1), "not one line"),
        (("good", "A method.", 0), "version of 'good' is 0"),
        (("good", "A method.", "1"), "version of 'good' is '1'"),
        (("good", "A method.", True), "version of 'good' is True"),
    ],
)
def test_names_summaries_and_versions_are_checked(words, said):
    with pytest.raises(ValueError, match=said):
        check_words(*words)


def options(annotation: Any) -> type[MethodConfig]:
    return type(
        "Options",
        (MethodConfig,),
        {
            "__annotations__": {"one": annotation},
            "__module__": __name__,
            "one": Field(None),
            "model_config": {"arbitrary_types_allowed": True},
        },
    )


class Inner(Record):
    size: int = 1


@pytest.mark.parametrize(
    "annotation",
    [
        int,
        float | None,
        Literal["a", 1],
        tuple[int | float, ...],
        dict[str, list[Inner]],
        ImportPath,
        InputFile | None,
        Inner,
        frozenset[str],
        bool,
    ],
)
def test_types_that_json_can_hold_are_options(annotation):
    check_option_types(options(annotation))


@pytest.mark.parametrize(
    "annotation",
    [object, complex, Any, bytes, Callable[[int], int], type, list[object], complex | None],
)
def test_other_types_are_refused_by_name_of_the_option(annotation):
    with pytest.raises(TypeError, match="option 'one' has the type"):
        check_option_types(options(annotation))


def test_options_that_are_no_model_are_refused():
    with pytest.raises(TypeError, match="no MethodConfig"):
        check_option_types(dict)


def test_a_plugin_with_such_an_option_is_broken_and_named(module, monkeypatch):
    monkeypatch.setattr(Good, "Config", options(object))
    with pytest.raises(TypeError, match="option 'one' has the type object"):
        Spec.of(f"{module}:Good")
    spec = Spec("bad", "A method.", 1, f"{module}:Good.Config", f"{module}:Good")
    with pytest.raises(DiffkitError, match="'bad' cannot be used: the option 'one'"):
        spec.load_config()


def test_a_registered_name_is_checked():
    plugin = ModuleType("plugin")
    from diffkit import hookimpl

    @hookimpl
    def register_methods(register):
        register(Spec("Not Kebab", "A method.", 1, "a:b", "a:c"))

    plugin.register_methods = register_methods
    with pytest.raises(ValueError, match="'Not Kebab' is not in kebab-case"):
        _register(plugin, "plugin", PluginHost(), first_party=False)
