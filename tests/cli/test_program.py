"""The program as a whole: what it imports, where its store is, how it ends."""

import json
import os
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest
from dk_fixtures import python_path

HEAVY = {"torch", "transformers", "nnsight", "peft", "vllm", "openai", "streamlit", "scipy"}
CODE = """
import sys
from diffkit.cli import main
sys.argv[0] = "diffkit"
try:
    main()
except SystemExit as ended:
    print(ended.code, *sys.modules, file=sys.stderr)
"""


@pytest.mark.parametrize(
    "words", ["--help", "methods", "methods kl", "organisms list", "plugins", "runs list --json"]
)
def test_what_is_light_imports_nothing_heavy(tmp_path, words):
    done = subprocess.run(
        [sys.executable, "-c", CODE, *words.split()],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    code, *modules = done.stderr.splitlines()[-1].split()
    assert code == "0", done.stderr
    assert done.stdout
    assert not HEAVY & set(modules)
    if words == "--help":
        # either would double the time to the first word
        assert not {"rich", "pydantic"} & set(modules)


def test_the_store_is_the_option_then_the_environment_then_here(cli, monkeypatch):
    assert "Runs in diffkit-runs" in cli("runs", "list").out
    monkeypatch.setenv("DIFFKIT_STORE", "from-env")
    assert "Runs in from-env" in cli("runs", "list").out
    assert "Runs in given" in cli("--store", "given", "runs", "list").out
    assert "Runs in given" in cli("runs", "list", "--store", "given").out
    assert "Runs in given" in cli("runs", "list", "--store=given").out
    assert not list(Path.cwd().iterdir())  # reading makes no store
    assert cli("run", "echo", "--organism", "same").code == 0
    assert (Path("from-env") / "store.json").exists()


def test_help_and_version(cli):
    said = cli("--help")
    assert (said.code, said.err) == (0, "")
    reading = ["plugins", "methods", "organisms", "runs", "leaderboard", "report", "doctor"]
    for command in [*reading, "run", "evaluate", "demo"]:
        assert f"  {command} " in said.out
        assert cli(command, "--help").code == 0
    assert cli("-h").out == said.out
    assert cli("runs", "list", "-h").out == cli("runs", "list", "--help").out
    assert cli("--version").out == f"{version('diffkit')}\n"
    said = cli()
    assert (said.code, said.err.startswith("Usage: diffkit")) == (2, True)


def test_python_m_and_the_script_are_the_same(stranger):
    script = Path(sys.executable).with_name("diffkit")
    for command in ([sys.executable, "-m", "diffkit"], [str(script)]):
        done = subprocess.run([*command, "--version"], capture_output=True, text=True, check=True)
        assert done.stdout == f"{version('diffkit')}\n"


def test_a_reader_that_has_seen_enough_costs_no_words(tmp_path):
    for words in (["methods", "kl"], ["methods", "kl", "--json"]):
        read, write = os.pipe()
        os.close(read)
        done = subprocess.run(
            [sys.executable, "-m", "diffkit", *words],
            cwd=tmp_path,
            stdout=write,
            stderr=subprocess.PIPE,
            check=False,
        )
        os.close(write)
        assert (done.returncode, done.stderr) == (0, b"")


def test_a_reader_that_has_gone_does_not_hide_a_failure(tmp_path):
    read, write = os.pipe()
    os.close(read)
    command = [sys.executable, "-m", "diffkit", "doctor", "--store", str(tmp_path / "file")]
    (tmp_path / "file").write_text("")
    done = subprocess.run(command, stdout=write, stderr=subprocess.PIPE, check=False)
    os.close(write)
    assert (done.returncode, done.stderr) == (1, b"")


@pytest.mark.parametrize("encoding", ["ascii", "cp1252"])
def test_an_encoding_that_lacks_signs_gets_others(cli, site, encoding):
    assert cli("run", "echo", "--organism", "birds", "--set", "word=⏎–\U0001f426").code == 0
    (run,) = cli("runs", "list", "--json").json()
    environment = {"PYTHONIOENCODING": encoding, "PYTHONPATH": python_path(site)}
    shown = b""
    for words in (
        *(["methods", "echo"], ["organisms", "show", "birds"], ["organisms", "list"]),
        *(["runs", "list"], ["runs", "show", run["digest"]], ["run", "echo", "--organism", "–"]),
        ["runs", "show", run["digest"], "--json"],
    ):
        done = subprocess.run(
            [sys.executable, "-m", "diffkit", *words],
            capture_output=True,
            env={**os.environ, **environment},
            check=False,
        )
        assert done.returncode == (2 if words[0] == "run" else 0), done.stderr
        assert b"UnicodeEncodeError" not in done.stderr
        shown = done.stdout
    found = json.loads(shown.decode(encoding))
    assert found["manifest"]["options"]["word"] == "⏎–\U0001f426"


def test_a_run_says_where_it_is_and_is_found_again(cli, stranger):
    first = cli("run", "echo", "--organism", "birds", "--set", "word=hello")
    assert first.code == 0
    assert "hello of 2 texts" in first.out
    again = cli("run", "echo", "--organism", "birds", "--set", "word=hello")
    assert again.out == first.out
    assert "was found in the store; --fresh computes it anew" in again.err
    assert len(stranger.lines("end")) == 1


def test_several_methods_share_the_loaded_models(cli, monkeypatch):
    from diffkit.engine.loading.loader import NetworkCache

    caches, get = set(), NetworkCache.get
    monkeypatch.setattr(
        NetworkCache, "get", lambda self, *a, **k: caches.add(id(self)) or get(self, *a, **k)
    )
    done = cli("run", "kl,diff-mining", "--organism", "tiny-aversion", "--texts-limit", "2")
    assert done.code == 0, done.err
    assert len(caches) == 1
    assert done.err.count("Next: diffkit report") == 2


def test_a_preset_is_other_defaults_that_options_override(cli):
    from diffkit.cli.run_target import RunRequest, resolve_run

    def config(*settings):
        method = "residual-reachability"
        given = RunRequest(method, "tiny-aversion", settings=settings, preset="small")
        return resolve_run(given).config

    cli("methods")
    assert (config().texts, config().length) == (8, 8)
    assert config("texts=3").texts == 3
    done = cli("run", "kl", "--organism", "tiny-aversion", "--preset", "huge")
    assert done.code != 0
    assert "small" in done.err


def test_output_in_a_file_has_no_escapes(cli):
    said = cli("run", "echo", "--organism", "birds")
    assert "\x1b" not in said.out + said.err


def test_no_full_stop_follows_a_question(cli):
    said = cli("export", "inspekt")
    assert "Did you mean 'inspect'? See `diffkit export --help`." in said.error
    assert ". See `diffkit" in cli("runs", "show").error
    assert ".." not in cli("runs", "show").error


def test_no_summary_is_cut_where_there_is_room(cli, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setenv("TERMINAL_WIDTH", "200")
    for group in ([], ["runs"], ["organisms"], ["grader"], ["export"]):
        assert "..." not in cli(*group, "--help").out.partition("Commands:")[2]


def test_a_shell_completes_commands(tmp_path):
    environment = {"_DIFFKIT_COMPLETE": "complete_bash", "COMP_WORDS": "diffkit ru"}
    done = subprocess.run(
        [sys.executable, "-m", "diffkit"],
        env={**os.environ, **environment, "COMP_CWORD": "1"},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.split() == ["run", "runs"]
