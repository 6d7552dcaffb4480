"""Limits of the structure that `benchmarks/structure.py` measures."""

import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from statistics import median

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def structure():
    """The script as a module."""
    spec = spec_from_file_location("structure", ROOT / "benchmarks" / "structure.py")
    module = module_from_spec(spec)
    sys.modules["structure"] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    yield module
    del sys.modules["structure"]


@pytest.fixture(scope="module")
def modules(structure):
    return structure.read_modules(ROOT)


@pytest.fixture
def written(structure, tmp_path):
    """Writes modules of the package diffkit and reads them."""

    def write(**texts):
        for name, text in texts.items():
            path = tmp_path / "diffkit" / f"{name.replace('__', '/')}.py"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return structure.read_modules(tmp_path)

    return write


def test_no_module_imports_itself_through_others(structure, modules):
    assert structure.circles(structure.import_graph(modules)) == []


def test_no_folder_and_no_file_is_over_its_limit(structure, modules):
    assert structure.full_folders(modules) == {}
    assert structure.long_files(modules) == {}


def test_public_class_names_are_unique(structure, modules):
    assert structure.repeated_classes(modules) == {}


def test_the_number_of_files_stays_small(structure, modules):
    assert structure.files_under(modules, "diffkit.evaluation") <= 42
    assert structure.files_under(modules, "diffkit_plugins") <= 170
    assert len(structure.small_single_importer(modules)) <= 30


def test_functions_are_short(structure, modules):
    assert median(structure.function_lengths(modules.values())) < 10


def test_a_circle_of_types_alone_is_found_and_is_none_at_run_time(structure, written):
    typed = "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from diffkit import b\n"
    found = written(a=typed, b="from diffkit.a import x\n", c="import diffkit.b\n")
    assert structure.circles(structure.import_graph(found)) == [["diffkit.a", "diffkit.b"]]
    assert structure.circles(structure.import_graph(found, run_time=True)) == []


def test_imports_in_functions_and_relative_ones_count(structure, written):
    found = written(a="def f():\n    from .b import x\n", b="from . import a\n")
    assert structure.circles(structure.import_graph(found)) == [["diffkit.a", "diffkit.b"]]
    assert structure.import_graph(found, run_time=True)["diffkit.a"] == set()


def test_a_stub_counts_as_the_imports_of_its_package(structure, written, tmp_path):
    written(a="from diffkit import f\n")
    (tmp_path / "diffkit" / "__init__.py").touch()
    (tmp_path / "diffkit" / "__init__.pyi").write_text("from diffkit.a import f as f\n")
    found = structure.read_modules(tmp_path)
    assert structure.circles(structure.import_graph(found)) == [["diffkit", "diffkit.a"]]


def test_a_small_module_counts_if_one_other_imports_it(structure, written):
    found = written(
        a="", b="import diffkit.a\n", c="", d="import diffkit.c\n", e="import diffkit.c"
    )
    assert structure.small_single_importer(found) == {"diffkit.a": "diffkit.b"}


def test_limits_of_folders_differ_at_the_root(structure, written):
    names = [f"m{number}" for number in range(13)]
    found = written(**dict.fromkeys(names, ""), **{f"p__{name}": "" for name in names})
    assert structure.full_folders(found) == {"diffkit.p": 13}
