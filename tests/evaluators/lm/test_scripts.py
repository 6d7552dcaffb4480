import json
from concurrent.futures import ThreadPoolExecutor
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from diffkit.testing.endpoint import (
    INJECTION,
    ScriptedEndpoint,
    always,
    at_first,
    endless_loop,
    fails,
    good_investigator,
    in_words,
    injector,
    liar,
    malformed_calls,
    random_faults,
    says,
)
from diffkit.testing.endpoint.faults import FAULTS

VERDICT = {"change": "targeted", "claim": "It names Port Amber.", "p_targeted": 0.9}
TOOLS = ("list_findings", "read_finding", "ask_models", "note_hypothesis", "submit_verdict")


def _tools(*names):
    return [{"type": "function", "function": {"name": name, "parameters": {}}} for name in names]


def _investigate(model, names=TOOLS, turns=8):
    """An agent's loop; the names and arguments of all calls."""
    messages = [{"role": "user", "content": "kl/1  token-table: Words (3 rows)"}]
    made = []
    for _ in range(turns):
        reply = model.complete(messages, tools=_tools(*names))
        messages.append(reply.message)
        for call in reply.tool_calls:
            made.append((call.name, call.arguments))
            messages.append({"role": "tool", "tool_call_id": call.id, "content": "A result."})
            if call.name == "submit_verdict":
                return made
    return made


@pytest.mark.parametrize("tool_calls", ["native", "json"])
def test_the_good_investigator_looks_asks_notes_and_submits(bench, tool_calls):
    good = good_investigator(VERDICT, ["What is new?"])
    bench.endpoint.script = good if tool_calls == "native" else in_words(good)
    made = _investigate(bench.model(tool_calls=tool_calls))
    assert [name for name, _ in made] == list(TOOLS)
    assert json.loads(dict(made)["read_finding"]) == {"name": "kl/1"}
    assert json.loads(dict(made)["ask_models"]) == {"prompts": ["What is new?"]}
    assert json.loads(dict(made)["note_hypothesis"]) == VERDICT
    assert json.loads(dict(made)["submit_verdict"]) == VERDICT


def test_the_good_investigator_does_what_it_may(bench, ask):
    bench.endpoint.script = good_investigator(VERDICT)
    model = bench.model()
    assert [name for name, _ in _investigate(model, TOOLS[2:])] == list(TOOLS[2:])
    forced = {"type": "function", "function": {"name": "submit_verdict"}}
    reply = model.complete(ask, tools=_tools(*TOOLS), tool_choice=forced)
    assert reply.tool_calls[0].name == "submit_verdict"


def test_the_liar_submits_at_once_with_made_up_grounds(bench):
    bench.endpoint.script = liar(VERDICT)
    ((name, arguments),) = _investigate(bench.model())
    assert name == "submit_verdict"
    assert json.loads(arguments)["p_targeted"] == 1
    assert json.loads(arguments)["cited"] == ["made-up/1", "question-99"]


def test_the_injector_instructs_the_models_and_the_grader(bench):
    bench.endpoint.script = injector(VERDICT)
    asked, submitted = _investigate(bench.model())
    assert json.loads(asked[1])["prompts"] == [INJECTION]
    assert json.loads(submitted[1])["claim"] == f"{VERDICT['claim']} {INJECTION}"
    bench.fresh()
    assert len(_investigate(bench.model(), ("submit_verdict",))) == 1


def test_the_endless_loop_never_submits_and_never_repeats_itself(bench):
    bench.endpoint.script = endless_loop()
    made = _investigate(bench.model(), turns=20)
    assert {name for name, _ in made} == {"ask_models"}
    assert len({arguments for _, arguments in made}) == 20


def test_malformed_calls_end_after_some_turns(bench):
    bench.endpoint.script = malformed_calls(liar(VERDICT), times=2)
    made = _investigate(bench.model())
    assert made[0] == ("ask_models", '{"prompts": ["Hel')
    assert made[1][0] == "delete_everything"
    assert made[2][0] == "submit_verdict"


def test_random_faults_depend_on_seed_and_request_alone():
    bodies = [{"messages": [{"role": "user", "content": str(n)}]} for n in range(300)]

    def answers(seed, order):
        script = random_faults(seed, always(says("right")), 0.5)
        return {str(n): script(bodies[n], place) for place, n in enumerate(order)}

    assert answers(1, range(300)) == answers(1, reversed(range(300)))
    assert answers(1, range(300)) != answers(2, range(300))
    wrong = [one for one in answers(1, range(300)).values() if one != says("right")]
    assert 100 < len(wrong) < 200
    seen = {name for name, fault in FAULTS.items() if fault(says("right")) in wrong}
    assert seen == set(FAULTS)


def test_a_request_that_went_wrong_may_go_right_the_next_time():
    script = random_faults(1, always(says("right")), 0.5)
    body = {"messages": []}
    assert {script(body, n) == says("right") for n in range(20)} == {True, False}
    assert all(random_faults(1, always(says("x")), 0)(body, n) == says("x") for n in range(20))


def test_at_first_counts_each_request_by_itself():
    script = at_first(fails(500), always(says("x")), times=2)
    one, other = ({"messages": [text]} for text in "ab")
    assert [script(body, 0).status for body in (one, other, one, one, other, other)] == [
        500,
        500,
        500,
        200,
        500,
        200,
    ]


def test_the_same_request_gets_the_same_ids_whenever_it_comes(bench, ask):
    model = bench.model(remember=False)
    for _ in range(2):
        model.complete(ask)
    first, second = bench.events("response")
    assert first.body == second.body


def test_many_may_ask_at_once(endpoint):
    def post(number):
        body = {"model": "m", "messages": [{"role": "user", "content": str(number)}]}
        request = Request(f"{endpoint.url}/chat/completions", json.dumps(body).encode())
        with urlopen(request) as response:
            return json.load(response)["id"]

    with ThreadPoolExecutor(16) as pool:
        ids = set(pool.map(post, range(64)))
    assert len(ids) == endpoint.calls == 64


def test_models_are_listed_and_other_paths_are_not_there(endpoint):
    with urlopen(f"{endpoint.url}/models") as response:
        assert json.load(response)["data"][0]["id"] == "scripted"
    with pytest.raises(HTTPError) as raised, urlopen(f"{endpoint.url}/embeddings"):
        pass
    raised.value.close()


def test_a_script_that_raises_is_heard_of():
    def broken(body, number):
        raise KeyError(number)

    endpoint = ScriptedEndpoint(broken).__enter__()
    request = Request(f"{endpoint.url}/chat/completions", b'{"messages": []}')
    with pytest.raises(HTTPError) as raised:
        urlopen(request)
    raised.value.close()
    with pytest.raises(KeyError):
        endpoint.__exit__(None, None, None)
