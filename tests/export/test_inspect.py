"""Evaluations as logs of inspect_ai, read back by inspect_ai."""

import pytest
from dk_attempts import ATTACK, body, said
from dk_evaluated import BIRDS, KEYS, evaluate
from inspect_ai.analysis import evals_df, samples_df
from inspect_ai.log import list_eval_logs, read_eval_log

from diffkit.chat.transcript import Request, Response, ToolCall
from diffkit.evaluation import handle_of
from diffkit.export.attempts import exported_attempts
from diffkit.export.conversation import conversation
from diffkit.export.inspect_logs import build_blind_log, build_logs, write_log
from diffkit.runs.store import Store


@pytest.fixture
def exported(tmp_path):
    """The logs by task, read back."""
    evaluation = evaluate(tmp_path / "store")
    folder = tmp_path / "logs"

    def export(*, blind=False):
        tries = exported_attempts(evaluation, Store(tmp_path / "store"))
        truths = {handle_of(BIRDS): BIRDS.text}
        made = (
            [build_blind_log(evaluation, tries)] if blind else build_logs(evaluation, tries, truths)
        )
        folder.mkdir(exist_ok=True)
        for log in made:
            write_log(log, folder)
        found = [read_eval_log(path) for path in list_eval_logs(str(folder))]
        return {log.eval.task: log for log in found}

    return export


def by_id(log):
    return {(one.id.split("/")[0], one.epoch): one for one in log.samples}


def test_there_is_a_log_for_each_investigator_method_and_arm(exported):
    logs = exported()
    assert set(logs) == {"zoo/kl/method/agent", "zoo/kl/method/lineup", "zoo/blackbox/agent"}
    log = logs["zoo/kl/method/agent"]
    assert (log.status, log.eval.model, log.eval.solver) == ("success", "openai/x", "agent")
    assert log.eval.config.epochs == 2
    assert log.eval.dataset.samples == 2
    assert set(by_id(log)) == {("birds", 1), ("birds", 2), ("noise", 1)}
    assert logs["zoo/blackbox/agent"].eval.dataset.samples == 1


def test_a_sample_holds_truth_claim_grades_and_metadata(exported):
    first = by_id(exported()["zoo/kl/method/agent"])["birds", 1]
    assert first.target == "It sings of birds."
    score = first.scores["rubric"]
    assert (score.value, score.answer, score.explanation) == (0.5, "Of birds.", "Half.")
    assert score.metadata["chance"] == 0.125
    assert first.scores["strict"].value != first.scores["strict"].value  # not a number: no score
    assert first.metadata["outcome"] == "verdict"
    assert first.metadata["verdict"]["p_targeted"] == 0.9
    assert first.metadata["attempt"] == KEYS["r0"]
    assert first.metadata["grader_errors"] == {"strict": "It raised."}
    assert first.metadata["guesses"][0]["questions"] == 1


def test_messages_are_those_of_the_transcript_each_once(exported):
    first = by_id(exported()["zoo/kl/method/agent"])["birds", 1]
    assert [one.role for one in first.messages] == [
        *("system", "user", "assistant", "tool", "assistant")
    ]
    asks, told, last = first.messages[2:]
    (call,) = asks.tool_calls
    assert (call.id, call.function) == ("id-hello", "ask_models")
    assert call.arguments == {"prompts": ["hello"]}
    assert told.tool_call_id == call.id
    assert [part.type for part in asks.content] == ["reasoning", "text"]
    assert last.text == "Of birds."
    assert first.output.completion == "Of birds."
    assert [one.role for one in first.input] == ["system", "user"]


def test_usage_is_kept_by_model_and_role(exported):
    log = exported()["zoo/kl/method/agent"]
    first = by_id(log)["birds", 1]
    assert first.role_usage["investigator"].total_cost == 0.0042
    assert first.model_usage["openai/judge"].total_cost == 0.5
    assert log.stats.model_usage["openai/x"].input_tokens == 3 * 1234
    scores = {score.name: score for score in log.results.scores}
    assert scores["rubric"].metrics["mean"].value == 0.25
    assert (scores["strict"].scored_samples, scores["strict"].unscored_samples) == (0, 1)


def test_a_spent_budget_is_a_limit_and_a_model_error_an_error(exported):
    logs = exported()
    spent = by_id(logs["zoo/kl/method/agent"])["noise", 1]
    assert spent.limit.reason == "No calls are left."
    assert spent.target == "Nothing targeted was done (unspecific)."
    (failed,) = logs["zoo/blackbox/agent"].samples
    assert failed.error.message == "It was overloaded."
    assert failed.metadata["methods"] == ["kl", "lens"]


def test_an_investigator_without_a_language_model_is_exported_too(exported):
    log = exported()["zoo/kl/method/lineup"]
    assert log.eval.model == "lineup"
    assert log.samples[0].messages == []
    assert log.samples[0].metadata["verdict"]["claim"] == "birds"


def test_what_an_organism_said_stays_data(exported):
    spent = by_id(exported()["zoo/kl/method/agent"])["noise", 1]
    assert spent.messages[1].content == ATTACK


def test_a_second_export_writes_the_same(exported):
    first = exported()
    assert {task: log.model_dump() for task, log in exported().items()} == {
        task: log.model_dump() for task, log in first.items()
    }


def test_blind_logs_hold_no_name_truth_or_grade(exported):
    (log,) = exported(blind=True).values()
    assert len(log.samples) == 5
    assert {one.target for one in log.samples} == {""}
    assert {one.scores for one in log.samples} == {None}
    assert [one.id for one in log.samples] == sorted(key[:12] for key in KEYS.values())
    text = log.model_dump_json()
    hidden = ("noise", "mini", "unspecific", "targeted was", "lineup", "openai", "kl/", "rubric")
    for word in (*hidden, "It sings of birds.", "default", "lens", "Half."):
        assert word not in text
    assert KEYS["r0"] in text


@pytest.mark.filterwarnings("ignore:The inplace keyword")  # inspect_ai's use of pandas
def test_data_frames_read_the_logs(exported, tmp_path):
    exported()
    frame = samples_df(str(tmp_path / "logs"), quiet=True)
    assert len(frame) == 5
    assert sorted(frame["epoch"]) == [1, 1, 1, 1, 2]
    assert set(evals_df(str(tmp_path / "logs"), quiet=True)["model"]) == {"openai/x", "lineup"}


def test_an_answer_that_no_request_repeats_is_kept():
    asks = said("", "hello")
    events = (
        Request(role="investigator", call=1, model="m", messages=({"role": "user"},)),
        Response(role="investigator", call=1, body=body(said("one"))),
        Request(role="investigator", call=2, model="m", earlier=1, messages=({"role": "user"},)),
        Response(role="grader", call=1, body=body(said("another's"))),
        Response(role="investigator", call=2, body=body(asks)),
        ToolCall(name="ask_models", arguments='{"prompts": ["hello"]}', result="hi"),
    )
    *_, last, told = messages = conversation(events)
    assert [one["role"] for one in messages] == ["user", "assistant", "user", "assistant", "tool"]
    assert last == asks
    assert (told["tool_call_id"], told["content"]) == ("id-hello", "hi")


def test_an_answer_keeps_its_thoughts_where_they_are_not_sent_again():
    asked, first = {"role": "user", "content": "?"}, said("", "hello", reasoning="So.")
    again = {**said("", "hello"), "tool_calls": [{"id": "mended", "type": "function"}]}
    told = {"role": "tool", "tool_call_id": "mended", "content": "hi"}
    events = (
        Request(role="investigator", call=1, model="m", messages=(asked,)),
        Response(role="investigator", call=1, body=body(first)),
        Request(role="investigator", call=2, model="m", earlier=1, messages=(again, told)),
    )
    _, answer, result = conversation(events)
    assert (answer["reasoning"], answer["tool_calls"][0]["id"]) == ("So.", "mended")
    assert result == told


def test_a_conversation_that_begins_anew_is_exported_once():
    asked, told = {"role": "user", "content": "?"}, {"role": "user", "content": "Go on."}
    whole = (asked, said("one"), told)
    events = (
        Request(role="investigator", call=1, model="m", messages=(asked,)),
        Response(role="investigator", call=1, body=body(said("one", reasoning="So."))),
        Request(role="investigator", call=2, model="m", messages=whole),
        Request(role="investigator", call=2, model="m", messages=whole),
        Response(role="investigator", call=2, body=body(said("two"))),
    )
    messages = conversation(events)
    assert [one["content"] for one in messages] == ["?", "one", "Go on.", "two"]
