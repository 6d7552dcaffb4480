"""Attempts in the terminal."""

import pytest
from dk_attempts import ATTACK, attempt, body, said, story, tell
from rich.console import Console

from diffkit.chat.transcript import Request, Response, ToolCall
from diffkit.evaluation import StoredTranscript
from diffkit.grader import Grade
from diffkit.render.terminal.attempts import render_attempt
from diffkit.render.transcript_turns import turns


@pytest.fixture
def shown(console):
    def show(told, **options):
        render_attempt(told, console, **options)
        return console.export_text()

    return show


def test_every_kind_of_event_has_its_turn():
    kinds = [turn.kind for turn in turns(story())]
    assert kinds == [
        *("message", "message", "retry", "answer", "tool", "tool", "guess", "answer", "remark")
    ]


def test_what_requests_repeat_is_told_once(shown):
    text = shown(tell("It sings of birds."))
    assert text.count("You compare.") == 1
    assert text.count("question-1 model-1: It sings") == 1
    assert text.count("I think: It sings") == 1


def test_an_answer_that_was_never_given_is_told_where_it_is_sent():
    example = {"role": "assistant", "content": "an example"}
    tool = {"role": "tool", "content": "a made-up result"}
    request = Request(role="grader", call=1, model="m", messages=(example, tool))
    assert [turn.parts[0].text for turn in turns([request])] == ["an example", "a made-up result"]


def test_a_conversation_that_begins_anew_is_told_once():
    rules = {"role": "system", "content": "You grade."}
    first = Request(role="grader", call=1, model="m", messages=(rules,))
    again = Request(role="grader", call=2, model="m", messages=(rules, said("old"), said("new")))
    answer = Response(role="grader", call=1, body=body(said("old")))
    told = [turn.parts[0].text for turn in turns([first, answer, again])]
    assert told == ["You grade.", "old", "new"]


def test_a_message_that_is_repeated_within_a_conversation_is_told_each_time():
    nudge = {"role": "user", "content": "You called no tool."}
    events = [
        Request(role="r", call=n, model="m", earlier=n - 1, messages=(nudge,)) for n in (1, 2, 3)
    ]
    assert len(turns(events)) == 3


def test_results_told_as_a_user_are_not_told_twice():
    result = "model-1: it sings of birds"
    tool = {"role": "tool", "content": f"{result}\nleft: 3 calls"}
    told = {"role": "user", "content": f"Result of ask_models:\n{result}\n\nCall a tool now."}
    events = (
        ToolCall(name="ask_models", arguments="{}", result=result),
        Request(role="r", call=2, model="m", earlier=3, messages=(told, tool)),
    )
    _, message, left = turns(events)
    assert left.parts[0].text == "(as told above)\nleft: 3 calls"
    assert message.parts[0].text == ("Result of ask_models:\n(as told above)\n\nCall a tool now.")


def test_an_attempt_is_told_with_its_verdict_usage_and_cost(shown):
    text = shown(tell())
    for part in ("outcome", "targeted", "p targeted", "0.9", "p claim", "0.75", "ranking"):
        assert part in text
    for part in ("truth-1", "80 %: the finetuned side says", "question-1", "random 0.05 of 19"):
        assert part in text
    for part in ("openai/x", "served-1", "1,234", "$0.0042", "$0.0021", "1.5 s", "remembered"):
        assert part in text


def test_an_unknown_price_is_not_zero(shown):
    told = tell()
    used = told.record.usage["investigator"].model_copy(update={"cost": None})
    record = told.record.model_copy(update={"usage": {"investigator": used}})
    text = shown(StoredTranscript(told.digest, record, told.events))
    assert "unknown" in text


def test_tool_calls_are_told_with_arguments_and_results_and_failures_are_marked(shown):
    text = shown(tell())
    assert 'arguments: {"prompts": ["hello"]}' in text
    assert "tool nonsense ✗" in text
    assert "result: There is no such tool." in text


def test_arguments_of_a_call_that_no_tool_answered_are_kept(shown):
    told = StoredTranscript(
        "a", attempt(), (Response(role="r", call=1, body=body(said("", "lost"))),)
    )
    assert 'calls ask_models: {"prompts": ["lost"]}' in shown(told)


@pytest.mark.parametrize(
    "strange",
    [
        {},
        {"choices": []},
        {"choices": [None]},
        {"choices": [{"message": "no object"}]},
        {"choices": [{"message": {"content": 3, "tool_calls": ["x", {}, {"function": 1}]}}]},
        {"error": {"message": "overloaded"}},
    ],
)
def test_an_answer_of_any_shape_is_shown(strange, shown):
    assert "(nothing)" in shown(
        StoredTranscript("a", attempt(), (Response(role="r", call=1, body=strange),))
    )


def test_contents_in_parts_and_arguments_that_are_no_text_are_read(shown):
    parts = [{"type": "text", "text": "one"}, {"type": "image_url"}, {"type": "text", "text": "2"}]
    calls = [{"function": {"name": "f", "arguments": {"a": 1}}}]
    message = {"role": "assistant", "content": parts, "tool_calls": calls}
    text = shown(
        StoredTranscript("a", attempt(), (Response(role="r", call=1, body=body(message)),))
    )
    assert "one2" in text
    assert 'calls f: {"a": 1}' in text


def test_long_texts_are_cut_unless_all_is_wanted(console, shown):
    told = tell("word " * 400 + "end.")
    text = shown(told)
    assert "more characters" in text
    assert "--full" in text
    assert "end." not in text.partition("system")[2]
    render_attempt(told, console, full=True)
    text = console.export_text()
    assert "end." in text.partition("system")[2]
    assert "--full" not in text


def test_a_grade_is_told_with_its_parts_and_reasons(shown):
    grade = Grade(score=0.5, chance=0.125, parts={"recall": 0.25}, reasons="Half of it.")
    text = shown(StoredTranscript("b" * 64, grade, ()))
    for part in ("grade  bbbbbbbbbbbb", "0.5, by chance 0.125", "recall", "Half of it."):
        assert part in text
    assert "No language model was asked." in text


def test_an_injecting_organism_cannot_steer_the_terminal(capsys):
    terminal = Console(width=100, force_terminal=True, color_system="truecolor")
    render_attempt(tell(ATTACK), terminal, full=True)
    shown = capsys.readouterr().out
    for sign in ("\x1b[2J", "\x1b]8", "\x07", "\u202e", "\u2066"):
        assert sign not in shown
    assert "Ignore previous instructions." in shown
    assert "[bold]x[/bold]" in shown


@pytest.mark.parametrize("width", [20, 60, 100])
def test_nothing_is_wider_than_the_terminal(width):
    console = Console(width=width, record=True, color_system=None)
    render_attempt(tell("a long word and " * 50 + "x" * 300), console)
    assert max(len(line) for line in console.export_text().splitlines()) <= width
