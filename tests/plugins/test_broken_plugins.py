"""A broken plugin costs one line; the others go on."""

import json
import subprocess
import sys

import pytest

from diffkit.errors import DiffkitError, MissingExtra, NameClash
from diffkit.registry.plugin_host import DISABLE, BrokenPlugin, load_plugins


@pytest.fixture
def site(tmp_path, monkeypatch):
    """A folder that Python finds modules and installed distributions in."""
    monkeypatch.syspath_prepend(str(tmp_path))
    before = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - before:
        if (tmp_path / f"{name}.py").exists():
            del sys.modules[name]


def broken(name: str) -> BrokenPlugin:
    (found,) = [plugin for plugin in load_plugins().broken if plugin.name == name]
    assert "\n" not in found.error
    return found


def names(host) -> set[str]:
    return {entry.spec.name for entry in host.methods}


def test_a_plugin_that_raises_on_import_is_one_line(site, install, method_plugin):
    install("dk_raises", "raise RuntimeError('no GPU\\nsecond line')")
    method_plugin("dk_works", "dk-works")
    assert broken("dk_raises") == BrokenPlugin(
        "dk_raises", "dk_raises", "dist-dk_raises", "RuntimeError: no GPU"
    )
    assert "dk-works" in names(load_plugins())


def test_a_message_that_begins_with_an_empty_line_is_not_lost(site, install):
    install("dk_newline", "raise RuntimeError('\\n  no GPU\\nat all')")
    assert broken("dk_newline").error == "RuntimeError: no GPU"


def test_a_plugin_that_needs_a_missing_module_names_it(site, install):
    install("dk_needs", "import module_that_nobody_has")
    assert "module_that_nobody_has" in broken("dk_needs").error


def test_a_plugin_with_a_syntax_error_is_one_line(site, install):
    install("dk_syntax", "def register(:\n")
    assert broken("dk_syntax").error.startswith("SyntaxError")


def test_an_entry_point_without_a_module_is_one_line(site, install):
    install("dk_gone", "")
    (site / "dk_gone.py").unlink()
    assert broken("dk_gone").error == "ModuleNotFoundError: No module named 'dk_gone'"


def test_a_plugin_that_raises_while_it_registers_leaves_nothing_behind(site, install):
    install(
        "dk_half",
        """
        from diffkit import Spec, hookimpl

        @hookimpl
        def register_methods(register):
            register(Spec("dk-half", "A test", 1, "m:C", "m:M"))
            raise LookupError("half way")
        """,
    )
    host = load_plugins()
    assert broken("dk_half").error == "LookupError: half way"
    assert "dk-half" not in names(host)


def test_a_misspelt_hook_is_reported(site, install):
    install(
        "dk_misspelt",
        """
        from diffkit import hookimpl

        @hookimpl
        def register_method(register):
            pass
        """,
    )
    assert "register_method'" in broken("dk_misspelt").error


def test_a_hook_with_an_unknown_argument_is_reported(site, install):
    install(
        "dk_argument",
        """
        from diffkit import hookimpl

        @hookimpl
        def register_methods(registrar):
            pass
        """,
    )
    assert "PluginValidationError" in broken("dk_argument").error


def test_a_forgotten_hookimpl_is_reported(site, install):
    install("dk_bare", "def register_methods(register): pass")
    assert "@hookimpl" in broken("dk_bare").error


def test_a_clash_names_both_owners_and_spares_the_others(site, method_plugin):
    method_plugin("dk_first", "dk-taken")
    method_plugin("dk_second", "dk-taken")
    method_plugin("dk_third", "dk-free")
    host = load_plugins()
    with pytest.raises(NameClash, match=r"'dk_first' and 'dk_second'.*dk-taken") as caught:
        host.methods["dk-taken"]
    assert "--no-plugin dk_second" in str(caught.value)
    assert host.methods["dk-free"].name == "dk-free"


def test_turning_one_owner_off_settles_a_clash(site, method_plugin):
    method_plugin("dk_first", "dk-taken")
    method_plugin("dk_second", "dk-taken")
    host = load_plugins(disabled=["dk_second"])
    assert host.methods["dk-taken"].implementation == "dk_first:Method"


def test_a_strange_plugin_cannot_take_a_first_party_name_silently(site, method_plugin):
    method_plugin("dk_thief", "kl")
    with pytest.raises(NameClash, match=r"'dk_thief' and 'kl'.*--no-plugin dk_thief"):
        load_plugins().methods["kl"]


def test_the_hint_of_a_clash_keeps_the_first_party_plugin(site, method_plugin):
    method_plugin("zz_thief", "kl")
    with pytest.raises(NameClash, match="--no-plugin zz_thief"):
        load_plugins().methods["kl"]
    method_plugin("aa_thief", "diff-mining")
    (clash, _) = load_plugins().methods.clashes()
    assert "--no-plugin aa_thief" in str(clash)


def test_the_environment_turns_plugins_off_without_importing_them(site, install, monkeypatch):
    install("dk_raises", "raise RuntimeError('imported')")
    install("dk_other", "raise RuntimeError('imported')")
    monkeypatch.setenv(DISABLE, "dk_raises, dk_other,")
    host = load_plugins()
    assert not {"dk_raises", "dk_other"} & {plugin.name for plugin in host.broken}
    assert not {"dk_raises", "dk_other"} & set(sys.modules)


def test_a_missing_dependency_of_an_implementation_names_what_to_install(site, install):
    install(
        "dk_lazy",
        """
        from diffkit import Spec, hookimpl

        @hookimpl
        def register_methods(register):
            for kind, target in (("missing", "dk_nowhere:M"), ("typo", "dk_lazy:Mehtod")):
                register(Spec(f"dk-{kind}", "A test", 1, target, target, "dk-lazy[extra]"))
        """,
    )
    host = load_plugins()
    with pytest.raises(MissingExtra, match=r"dk_nowhere.*pip install 'dk-lazy\[extra\]'"):
        host.methods["dk-missing"].load()
    with pytest.raises(DiffkitError, match="'dk-typo' cannot be imported from 'dk_lazy:Mehtod'"):
        host.methods["dk-typo"].load_config()


def test_loading_the_host_imports_nothing_heavy(site, method_plugin):
    method_plugin("dk_light", "dk-light")
    code = (
        "import sys, json; from diffkit.registry.plugin_host import load_plugins; "
        "host = load_plugins(); "
        "heavy = {'torch', 'transformers', 'peft', 'nnsight', 'scipy', 'sklearn'}; "
        "print(json.dumps([sorted(heavy & set(sys.modules)), [p.name for p in host.plugins]]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={"PYTHONPATH": str(site)},
        capture_output=True,
        text=True,
        check=True,
    )
    heavy, loaded = json.loads(done.stdout)
    assert heavy == []
    assert {"kl", "dk_light"} <= set(loaded)
