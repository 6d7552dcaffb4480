"""``diffkit ask``: the tools of a method, listed and called about a run."""

import pytest

BIRDS = ("--organism", "birds")


def test_tools_are_listed_with_bounds_and_meaning(cli, stranger):
    said = cli("ask", "echo", *BIRDS)
    assert said.code == 0, said.err
    assert "The store does not hold this run of 'echo'; it is computed first." in said.err
    assert "repeat: Says the word of the run again." in said.out
    assert "≥ 1, ≤ 9" in said.out
    assert "How often." in said.out
    assert "required" in said.out
    assert "diffkit ask echo repeat --organism birds --arg NAME=VALUE" in said.err
    listed = cli("ask", "echo", *BIRDS, "--json").json()
    (run,) = cli("runs", "list", "--json").json()
    assert (listed["run"], listed["labels"]) == (run["digest"], run["labels"])
    assert listed["labels"]["organism"] == "birds"
    found = {tool["name"]: tool for tool in listed["tools"]}
    assert list(found) == ["repeat", "broken"]
    times, layer = found["repeat"]["arguments"]
    assert (times["name"], times["bounds"], times["default"]) == ("times", {"≥": 1, "≤": 9}, 1)
    assert layer["help"] == "Block, from 0."
    assert len(stranger.lines("end")) == 1


def test_a_tool_answers_about_the_run_that_the_flags_say(cli, stranger):
    assert cli("run", "echo", *BIRDS, "--seed", 3, "--set", "word=ho").code == 0
    asked = ("ask", "echo", "repeat", *BIRDS, "--seed", 3, "--set", "word=ho")
    said = cli(*asked, "--arg", "times=2", "--texts-limit", 2)
    assert said.code == 0, said.err
    assert "● hoho of 2 texts, seed 3, artifact of" in said.out
    assert "was found in the store" in said.err
    answer = cli(*asked, "--json").json()
    assert (answer["labels"]["organism"], answer["labels"]["base"]) == ("birds", "mini")
    (note,) = answer["findings"]
    assert note["kind"] == "note"
    assert note["text"].startswith("ho of 2 texts, seed 3")
    assert len(stranger.lines("end")) == 1


@pytest.mark.parametrize(
    ("args", "code", "words"),
    [
        (["repat"], 2, "no tool of 'echo' named 'repat'. Did you mean 'repeat'? List them with "
                       "`diffkit ask echo --organism birds`."),
        (["repeat", "--arg", "tims=2"], 2, "no argument of 'repeat' named 'tims'. Did you mean"),
        (["repeat", "--arg", "times=10"], 2, "Argument 'times' of 'repeat': Input should be less "
                                             "than or equal to 9, got 10. See `diffkit ask echo"),
        (["repeat", "--arg", "times"], 2, "--arg 'times' is not key=value. Try: --arg layer=3"),
        (["repeat", "--arg", "times=[1"], 2, "The value of --arg 'times=[1' is not YAML."),
        (["repeat", "--arg", "layer=7"], 2, "There is no layer 7. Take one from 0 to 1."),
        (["broken"], 2, "Argument 'answer' of 'broken': this field is required"),
        (["broken", "--arg", "answer=raise"], 1, "The tool 'broken' failed: ArithmeticError: no"),
        (["broken", "--arg", "answer=x"], 1, "The tool 'broken' failed: ValidationError"),
    ],
)  # fmt: skip
def test_a_mistake_in_asking_is_one_line(cli, args, code, words):
    said = cli("ask", "echo", *args, *BIRDS)
    assert said.code == code
    assert words in said.error


def test_a_run_can_be_computed_anew_and_text_stays_text(cli, stranger):
    words = ("--set", "word=2: 3", "--json")
    for fresh in ((), ("--fresh",)):
        (note,) = cli("ask", "echo", "repeat", *BIRDS, *words, *fresh).json()["findings"]
        assert note["text"].startswith("2: 3 of 2 texts")
    assert len(stranger.lines("end")) == 2


def test_a_method_that_has_no_tools_for_a_run_says_so(cli, monkeypatch):
    monkeypatch.setattr("dk_stranger.method.Echo.tools", lambda *_: ())
    said = cli("ask", "echo", *BIRDS)
    assert said.code == 0, said.err
    assert "'echo' has no tools for this run. Its findings: diffkit run echo --organism" in said.err
    assert cli("ask", "echo", *BIRDS, "--json").json()["tools"] == []
    assert "no tool of 'echo' named 'repeat'" in cli("ask", "echo", "repeat", *BIRDS).error


def test_a_method_without_tools_says_so_before_anything_is_run(cli, stranger):
    said = cli("ask", "raises", *BIRDS)
    assert said.code == 2
    assert "The method 'raises' has no tools. Its findings are all" in said.error
    assert said.error.endswith("diffkit run raises --organism birds")
    assert "no method named 'ecko'" in cli("ask", "ecko", *BIRDS).error
    assert stranger.lines() == []
