"""No control character of a file, a model or a plugin reaches the terminal or a page."""

import csv
import io
import json
import re
import shutil

import pytest
from dk_attempts import attempt, keep, story
from dk_fixtures import add_metadata
from rich.text import Text

from diffkit.cli import streams
from diffkit.cli.app_context import context

ATTACK = (
    "=1+1 \x1b[2J\x1b]8;;https://evil\x07\b\r\u202eevil\u2066\x9b31m\x85\u2028\u200f\x7f\x00 end"
)
"""Escape, bell, backspace, carriage return, changes of direction, C1, delete and null."""
CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")
KEY = "a1" * 32
PLUGIN = '''
from diffkit import Spec, hookimpl
from diffkit.method import MethodConfig
from pydantic import Field

ATTACK = {attack!r}

class Config(MethodConfig):
    """Options."""
    word: str = Field(default=ATTACK, description=ATTACK)

def spec(name, kind):
    config = "dk_hostile:Config"
    return Spec(name=name, summary=ATTACK, version=1, config=config, implementation=kind)

@hookimpl
def register_methods(register):
    register(spec("hostile-method", "dk_hostile.method:Hostile"))

@hookimpl
def register_graders(register):
    register(spec("hostile-grader", "dk_hostile.method:Grading"))

@hookimpl
def register_investigators(register):
    register(spec("hostile-investigator", "dk_hostile.method:Investigating"))
'''
METHOD = """
from diffkit import *
from dk_hostile import ATTACK, Config

class Hostile(DiffingMethod[Config]):
    def run(self, pair, config, context):
        if "fail" in config.word:
            raise ArithmeticError(ATTACK)
        for step in context.progress(range(2), label=ATTACK):
            context.status(ATTACK)
        items = (
            Table(title=ATTACK, columns=(ATTACK, "n"), rows=((ATTACK, 1.0),)),
            Note(text=f"{config.word} {context.texts.items[0]}"),
        )
        return Findings(change_score=1.0, metrics={ATTACK: 1.0}, items=items)

    def identical(self, config):
        return Findings(change_score=0.0)

class Investigating(Investigator[Config]):
    def investigate(self, case, config, context):
        return Verdict(change="targeted", claim=ATTACK)

class Grading(Grader[Config]):
    def grade(self, attempt, sheet, config, context):
        return Grade(score=1, chance=0.5, reasons=ATTACK)
"""
BROKEN = "raise ImportError({attack!r})"


@pytest.fixture(params=["streams", "consoles"])
def guard(request, monkeypatch):
    """What holds control characters: the streams too, or the consoles alone."""
    if request.param == "consoles":
        monkeypatch.setattr(streams, "_without_controls", lambda text, *, escapes: text)


@pytest.fixture
def shown(cli, world, tmp_path, monkeypatch, guard):
    """The program in a world of hostile files and plugins."""
    for name, text in (("dk_hostile", PLUGIN), ("dk_broken", BROKEN)):
        package = tmp_path / "site" / name
        package.mkdir(parents=True)
        (package / "__init__.py").write_text(text.format(attack=ATTACK))
        add_metadata(package.parent, name, name.replace("dk_", ""))
    (tmp_path / "site" / "dk_hostile" / "method.py").write_text(METHOD)
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    mine = tmp_path / "world"
    shutil.copytree(world, mine)
    monkeypatch.setenv("DK_WORLD", str(mine))
    birds = mine / "organisms" / "birds.yaml"
    quoted = json.dumps(ATTACK)
    birds.write_text(
        birds.read_text()
        .replace("family: test", f"family: {quoted}\nsummary: {quoted}")
        .replace("statement: It sings of birds.", f"statement: {quoted}\n  key_facts: [{quoted}]")
        .replace("answer_key: {statement", "answer_key:\n  {statement")
        .replace(f"  {{statement: {quoted}", f"  statement: {quoted}")
        .replace("]}", "]")
        + f"probes: {{prompts: [{quoted}], check: {{contains: [{quoted}]}}}}\n"
    )
    (mine / "texts.jsonl").write_text(json.dumps({"text": ATTACK, "category": ATTACK}) + "\n" * 2)
    (mine / "organisms" / "bad.yaml").write_text(f"name: bad\n{quoted}: {quoted}\n")
    return cli


def harmless(said):
    """What was said, once nothing in it could control a terminal."""
    for stream in (said.out, said.err):
        found = CONTROL.search(stream)
        assert not found, (found, stream[max(0, found.start() - 200) : found.end() + 40])
    return said


def run_digest(shown):
    said = harmless(shown("runs", "list", "--json"))
    return json.loads(said.out)[0]["digest"]


def test_listings_of_plugins_and_organisms(shown):
    for words in (
        ("plugins",),
        ("methods",),
        ("graders",),
        ("methods", "hostile-method"),
        ("graders", "hostile-grader"),
        ("investigators", "hostile-investigator"),
        ("organisms", "list"),
        ("organisms", "show", "birds"),
        ("doctor",),
    ):
        said = harmless(shown(*words))
        assert "1+1" in said.out + said.err, words
        if words != ("doctor",):
            assert json.loads(harmless(shown(*words, "--json")).out)
    harmless(shown("methods", "hostile-method", "--schema"))


def test_errors_with_the_contents_of_files(shown, tmp_path):
    quoted = json.dumps(ATTACK)
    for name, content in {
        "field": f"{quoted}: 1\n",
        "value": f"name: {quoted}\nseeds: {quoted}\nmethods: {quoted}\norganisms: {quoted}\n",
        "names": f"methods: {{{quoted}: {{}}}}\norganisms: [{quoted}]\n",
        "options": f"methods: {{echo: {{{quoted}: 1}}}}\norganisms: [birds]\n",
    }.items():
        path = tmp_path / f"{name}.yaml"
        path.write_text(content)
        for words in (
            ("evaluate", path),
            ("calibrate", path, "--out", "table.jsonl"),
            ("organisms", "train", path),
            ("organisms", "show", path),
            ("run", "echo", "--organism", path),
            ("run", "echo", "--organism", "birds", "--config", path),
            ("evaluate", "--organisms", "birds", "--methods", "echo", "--prices", path),
        ):
            said = harmless(shown(*words))
            assert said.code, words
            assert "error: " in said.err
    typed = (("run", ATTACK), ("runs", "show", ATTACK), ("report", ATTACK), (ATTACK,))
    for words in (*typed, ("run", "echo", "--organism", ATTACK), ("run", "echo", f"--{ATTACK}")):
        assert harmless(shown(*(word.replace("\0", "") for word in words))).code == 2


def test_failures_and_tracebacks(shown):
    failing = ("run", "hostile-method", "--organism", "birds", "--set", "word=fail")
    assert "ArithmeticError" in harmless(shown(*failing)).err
    said = harmless(shown("--debug", *failing))
    assert "Traceback" in said.err
    assert "failed" in harmless(shown("runs", "list")).out
    harmless(shown("runs", "list", "--json"))


def test_runs_evaluations_and_their_pages(shown, tmp_path):
    word = ATTACK.replace("\0", "")
    ran = harmless(shown("run", "hostile-method", "--organism", "birds", "--set", f"word={word}"))
    assert "1+1" in ran.out, ran.err
    digest = run_digest(shown)
    for words in (("runs", "list"), ("runs", "show", digest), ("runs", "show", digest, "--json")):
        harmless(shown(*words))
    harmless(shown("ask", "echo", "--organism", "birds"))
    harmless(shown("ask", "echo", "repeat", "--organism", "birds"))
    judges = ("--investigators", "hostile-investigator", "--graders", "hostile-grader")
    chosen = ("--organisms", "birds,ships", "--methods", "hostile-method,echo", "--name", "plain")
    harmless(shown("evaluate", *chosen, *judges, "--allow-inert"))
    harmless(shown("leaderboard"))
    harmless(shown("leaderboard", "--json"))
    harmless(shown("leaderboard", "--csv"))
    harmless(shown("runs", "list", "--attempts"))
    harmless(shown("grader", "check", "hostile-grader"))
    keep(context.store_folder, attempt(ATTACK, KEY), story(ATTACK))
    harmless(shown("runs", "show", KEY, "--full"))
    for number, words in enumerate(((digest,), (KEY,), ("--leaderboard",))):
        page = tmp_path / f"{number}.html"
        assert harmless(shown("report", *words, "--out", page)).code == 0
        text = page.read_text(encoding="utf-8")
        assert "1+1" in text
        assert not CONTROL.search(text), CONTROL.search(text)
    harmless(shown("organisms", "check", "birds", "ships"))
    harmless(shown("runs", "rm", digest))


def test_a_console_shows_signs_for_what_a_caller_did_not_clean(capsys):
    from diffkit.cli.console import SafeConsole

    SafeConsole(width=200).print(Text("a\x1b[2J\u202eb"), "c\x9b")
    assert capsys.readouterr().out == "a␛[2J⟨U+202E⟩b c⟨U+009B⟩\n"


@pytest.mark.parametrize(("terminal", "escape"), [(False, "␛"), (True, "\x1b")])
def test_a_stream_holds_controls_but_the_escapes_of_a_terminal(terminal, escape, monkeypatch):
    monkeypatch.delenv("FORCE_COLOR", raising=False)
    inner = io.TextIOWrapper(io.BytesIO(), encoding="utf-8", newline="")
    monkeypatch.setattr(inner, "isatty", lambda: terminal, raising=False)
    stream = streams.LenientStream(inner)
    stream.write("a\x1b[1m\x07\u202e\x85b\tc\r\n")
    stream.flush()
    written = inner.buffer.getvalue().decode()
    assert written == f"a{escape}[1m␇⟨U+202E⟩⟨U+0085⟩b\tc\r\n"


def test_csv_holds_no_formula_and_numbers_as_numbers(cli):
    from diffkit.cli.commands.leaderboard import _csv_cell

    for text in ("=1+1", "+1", "-cmd", "@sum", " =1", "\t=1", "＝1", "\r=1"):
        cell = _csv_cell(text)
        assert cell[0] in "'⇥␍", cell
        assert not CONTROL.search(cell)
    assert [_csv_cell(value) for value in (-1, 0.5, -2e-5, True, "a-b")] == [
        *(-1, 0.5, -2e-5, True, "a-b")
    ]
    assert cli("evaluate", "--organisms", "birds,same", "--methods", "echo").code == 0
    said = cli("leaderboard", "--csv").out
    rows = list(csv.DictReader(io.StringIO(said)))
    board = cli("leaderboard", "--json").json()
    assert [row["method"] for row in rows] == [row["method"] for row in board["rows"]]
    assert float(rows[0]["attempt_seconds"]) == board["rows"][0]["attempt_seconds"]
    assert "\r" not in said
