"""The code blocks of all documents: Python runs, commands and options exist."""

import re
import shutil
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("examples/*/*.md")])
BLOCK = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)
FILE = re.compile(r"# [\w/-]+\.py")
NEEDS_MORE = {
    "adapters.md": "a GGUF file, which the test of such files makes",
    "soft-prompt-kl.md": "a trained prompt, which its own test makes",
    "transcripts.md": "a transcript, which its own test makes",
}


def python_blocks(page: Path) -> list[str]:
    """The Python of a page that is run as it is: no files of a package."""
    blocks = BLOCK.findall(page.read_text(encoding="utf-8"))
    return [block for block in blocks if not FILE.match(block)]


RUN = [page for page in PAGES if python_blocks(page) and page.name not in NEEDS_MORE]


@pytest.fixture
def check(monkeypatch):
    """The script that checks documents."""
    monkeypatch.syspath_prepend(ROOT / "tools" / "docs")
    before = set(sys.modules)
    import check

    yield check
    for name in set(sys.modules) - before:
        if Path(getattr(sys.modules[name], "__file__", None) or "/").parent.name == "docs":
            del sys.modules[name]


@pytest.fixture
def reader(tmp_path, monkeypatch):
    """The folder of a reader who has cloned the repository, with a store of their own."""
    (tmp_path / "organisms").symlink_to(ROOT / "organisms")
    monkeypatch.setenv("DIFFKIT_STORE", str(tmp_path / "store"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_block_with_a_command_or_an_option_that_is_not_there_is_found(check):
    block = "diffkit run kl --organism tiny-trojan --colour red\ndiffkit dance\n"
    assert list(check.command_faults(block)) == [
        "`diffkit run kl --organism tiny-trojan --colour red` has no option --colour",
        "`diffkit dance` names no command",
    ]


def test_every_document_is_as_it_should_be(check):
    assert list(check.faults()) == []


@pytest.mark.slow
@pytest.mark.parametrize("page", RUN, ids=lambda page: page.name)
def test_python_blocks_run(page, reader, capsys):
    names = {"__name__": "block"}
    for block in python_blocks(page):
        exec(compile(block, page.name, "exec"), names)


@pytest.mark.slow
def test_the_block_that_serves_a_soft_prompt_runs(reader, monkeypatch, capsys):
    from diffkit.cli import main

    arguments = "run soft-prompt-kl --organism tiny-trojan --set steps=2 --set evaluate_every=1"
    monkeypatch.setattr(sys, "argv", ["diffkit", *arguments.split()])
    with pytest.raises(SystemExit) as ended:
        main()
    assert not ended.value.code
    (prompt,) = (reader / "store").glob("runs/*/artifacts/best.safetensors")
    shutil.copy(prompt, reader)
    (block,) = python_blocks(ROOT / "docs" / "methods" / "soft-prompt-kl.md")
    exec(compile(block, "block", "exec"), {})


def test_the_tutorial_shows_the_example_s_file():
    example = ROOT / "examples" / "diffkit-top-shift" / "diffkit_top_shift.py"
    text = (ROOT / "docs" / "tutorials" / "first-method.md").read_text(encoding="utf-8")
    (block,) = BLOCK.findall(text)
    assert block == f"# {example.name}\n{example.read_text(encoding='utf-8')}"
