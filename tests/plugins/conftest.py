"""Tiny pairs, and small plugins installed the way pip would leave them."""

from textwrap import dedent

import pytest

from diffkit.testing.fixtures import (  # noqa: F401
    conforms,
    identical_pair,
    tiny_folder,
    tiny_pair,
    tiny_texts,
)

METHOD = """
from diffkit import Spec, hookimpl

@hookimpl
def register_methods(register):
    register(Spec({name!r}, "A test", 1, "{module}:Options", "{module}:Method"))
"""


@pytest.fixture
def install(tmp_path):
    """Writes a module and the metadata that make it an installed plugin of the same name."""

    def write(plugin, source):
        (tmp_path / f"{plugin}.py").write_text(dedent(source))
        metadata = tmp_path / f"{plugin}-1.0.dist-info"
        metadata.mkdir()
        words = f"Metadata-Version: 2.1\nName: dist-{plugin}\nVersion: 1.0\n"
        (metadata / "METADATA").write_text(words)
        (metadata / "entry_points.txt").write_text(f"[diffkit]\n{plugin} = {plugin}\n")

    return write


@pytest.fixture
def method_plugin(install):
    """Installs a plugin that registers one method."""

    def write(plugin, name):
        install(plugin, METHOD.format(name=name, module=plugin))

    return write
