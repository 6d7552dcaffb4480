import json
from concurrent.futures import ThreadPoolExecutor
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from diffkit.testing.endpoint import ScriptedEndpoint, always, at_first, fails, random_faults, says
from diffkit.testing.endpoint.faults import FAULTS


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
