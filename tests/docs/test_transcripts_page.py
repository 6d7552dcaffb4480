"""The page of transcripts describes every event, and its example reads them."""

import re
import sys
from pathlib import Path
from typing import get_args

import pytest
from dk_attempts import attempt, keep, story

from diffkit.chat.transcript import Event

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "reference" / "transcripts.md"


@pytest.fixture
def events(monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "tools" / "docs")
    import event_reference

    yield event_reference
    del sys.modules["event_reference"]


def test_every_event_and_field_is_documented(events):
    assert set(events.EVENTS) == set(get_args(get_args(Event)[0]))
    assert events.transcript_page() == PAGE.read_text(encoding="utf-8")
    assert not re.search(r"\|\s*\|$|None", events.transcript_page(), re.M)


def test_a_changed_field_is_noticed(events, monkeypatch, tmp_path):
    changed = tmp_path / "transcripts.md"
    text = PAGE.read_text(encoding="utf-8")
    changed.write_text(text.replace("US dollars", "Euros"), encoding="utf-8")
    monkeypatch.setattr(events, "TRANSCRIPTS", changed)
    assert events.transcript_page() == text


def test_the_pages_example_reads_a_transcript(tmp_path, monkeypatch, capsys):
    keep(tmp_path / "diffkit-runs", attempt(digest="0123abcd"), story("It sings."))
    monkeypatch.chdir(tmp_path)
    (block,) = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(), re.M | re.S)
    exec(compile(block, "block", "exec"), {})
    shown = capsys.readouterr().out
    assert 'ask_models {"prompts": ["hello"]} question-1 model-1: It sings.' in shown
    assert "1 It sings." in shown
    assert "1 0.0021 {'role': 'assistant'" in shown
