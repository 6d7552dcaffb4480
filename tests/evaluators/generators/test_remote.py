import json
import sys
from pathlib import Path

import pytest
import torch
from diffkit_evaluators.generators.config import RemoteConfig
from diffkit_evaluators.generators.remote_backend import RemoteBackend, served_names

from diffkit import Message, PairSource, Sampling, Source, Text, UserError
from diffkit.organism import Adapter, AdapterPair, Control, FullModel, Identical

sys.path.append(str(Path(__file__).parent))

from stand_in import StandIn

BASE = Source(at="org/base")
OTHER = Adapter(source=Source(at="org/secret-trojan"))
CHAT = Text(messages=(Message(role="user", content="Who?"),))


def pair(finetuned=OTHER):
    return PairSource(base=BASE, finetuned=finetuned, load=lambda: pytest.fail("loaded"))


@pytest.fixture
def server():
    stand_in = StandIn()
    yield stand_in
    stand_in.close()


@pytest.fixture
def config(server):
    return RemoteConfig(base_url=server.url, base="the-base", finetuned="the-other", retries=0)


@pytest.fixture
def backend():
    backend = RemoteBackend()
    yield backend
    backend.close()


def test_sides_are_asked_by_their_names(server, backend, config):
    drawn = Sampling(temperature=0.5, top_p=0.9, min_p=0.1)
    with backend.open(pair(), config) as generators:
        (base,) = generators.base.generate(["Once"], Sampling(max_new_tokens=7, seed=2))
        (finetuned,) = generators.finetuned.generate([CHAT], drawn)
    assert (base.text, base.prompt, base.tokens, base.finished) == (
        "the-base said",
        "Once",
        4,
        True,
    )
    assert (finetuned.text, finetuned.tokens, finetuned.finished) == ("the-other said", 5, False)
    (document, said), (chat, talked) = server.requests
    assert (document, chat) == ("/v1/completions", "/v1/chat/completions")
    assert (said["prompt"], said["max_tokens"], said["temperature"]) == ("Once", 7, 0)
    assert talked["messages"] == [{"role": "user", "content": "Who?"}]
    assert (talked["temperature"], talked["top_p"], talked["min_p"]) == (0.5, 0.9, 0.1)
    assert talked["add_generation_prompt"] is True


def test_defaults_of_the_models_own_play_no_part(server, backend, config):
    with backend.open(pair(), config) as generators:
        generators.base.generate(["Once"], Sampling(stop_at_eos=False))
    _, said = server.requests[0]
    assert (said["top_k"], said["min_p"], said["repetition_penalty"]) == (0, 0, 1)
    assert said["ignore_eos"] is True


def test_an_answer_that_was_begun_is_gone_on_with(server, backend, config):
    begun = Text(messages=(*CHAT.messages, Message(role="assistant", content="It was")))
    with backend.open(pair(), config) as generators:
        generators.base.generate([begun], Sampling())
    _, said = server.requests[0]
    assert said["continue_final_message"]
    assert not said["add_generation_prompt"]


def test_each_prompt_has_a_seed_of_its_own_and_they_come_back_in_order(server, backend, config):
    with backend.open(pair(), config) as generators:
        prompts = [f"Number {n}" for n in range(30)]
        answers = generators.base.generate(prompts, Sampling(seed=1))
        seeds = {body["prompt"]: body["seed"] for _, body in server.requests}
        server.requests.clear()
        generators.base.generate(prompts, Sampling(seed=1))
    assert [answer.prompt for answer in answers] == prompts
    assert len(set(seeds.values())) == 30
    assert {body["prompt"]: body["seed"] for _, body in server.requests} == seeds


def test_no_more_requests_at_once_than_connections(server, backend, config):
    config = config.model_copy(update={"connections": 2})
    with backend.open(pair(), config) as generators:
        generators.base.generate(["Once"] * 20, Sampling())
    assert server.most <= 2


@pytest.mark.parametrize("key", ["VLLM_API_KEY", "OPENAI_API_KEY"])
def test_the_key_comes_from_the_environment(server, backend, config, monkeypatch, key):
    for name in ("VLLM_API_KEY", "OPENAI_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv(key, "sesame")
    with backend.open(pair(), config) as generators:
        generators.base.generate(["Once"], Sampling())
    assert server.keys == ["Bearer sesame"]


@pytest.mark.parametrize("status", [400, 401, 404, 500])
def test_errors_do_not_repeat_what_the_server_said(server, backend, config, status):
    server.status = status
    server.body = json.dumps({"error": {"message": "no adapter at /secret-trojan/the-other"}})
    with (
        backend.open(pair(), config) as generators,
        pytest.raises(UserError, match=f"HTTP {status}") as failure,
    ):
        generators.finetuned.generate([CHAT], Sampling())
    assert "trojan" not in str(failure.value)
    assert "the-other" not in str(failure.value)


@pytest.mark.parametrize("body", ["trojan", "{}", '{"choices": []}', "[]"])
def test_answers_that_are_none_are_errors(server, backend, config, body):
    server.body = body
    with backend.open(pair(), config) as generators, pytest.raises(UserError) as failure:
        generators.base.generate([CHAT], Sampling())
    assert "trojan" not in str(failure.value)


def test_a_server_that_is_not_there_is_an_error(backend, config):
    away = config.model_copy(update={"base_url": "http://127.0.0.1:9/v1"})
    with pytest.raises(UserError, match="cannot be reached"), backend.open(pair(), away):
        pass


def test_a_name_that_is_not_served_is_an_error_before_anything_is_asked(server, backend, config):
    server.names = ["the-base", "something else"]
    with (
        pytest.raises(UserError, match="no model 'the-other', for the finetuned side"),
        backend.open(pair(), config),
    ):
        pass
    assert not server.requests


def test_embeddings_are_refused_with_a_cure(backend, config):
    with (
        backend.open(pair(), config) as generators,
        pytest.raises(UserError, match="vllm or transformers"),
    ):
        generators.base.generate_from([torch.zeros(2, 3)], Sampling())


def names(finetuned, /, **options):
    found = served_names(pair(finetuned), RemoteConfig(**options))
    return found.base, found.finetuned


def test_finetuned_models_are_found_by_hub_id_folder_and_revision(tmp_path):
    given = {"org/a": "one", "org/a/in": "two", "org/a@v2": "three", str(tmp_path): "four"}

    def name(**source):
        return names(FullModel(source=Source(**source)), adapters=given)

    assert name(at="org/a") == ("org/base", "one")
    assert name(at="org/a", subfolder="in") == ("org/base", "two")
    assert name(at="org/a", revision="v2") == ("org/base", "three")
    assert name(at=f"{tmp_path}/../{tmp_path.name}") == ("org/base", "four")


def test_two_adapters_have_two_names():
    both = AdapterPair(first=OTHER, second=Adapter(source=Source(at="org/b")))
    assert names(both, adapters={"org/secret-trojan": "one", "org/b": "two"}) == ("one", "two")


def test_identical_sides_are_both_the_base():
    assert names(Identical(), base="b") == ("b", "b")


def test_what_no_server_holds_is_refused():
    with pytest.raises(UserError, match="generator transformers"):
        names(Control(of=OTHER), finetuned="x")


def test_a_side_without_a_name_is_an_error_that_says_where_to_put_it():
    with pytest.raises(UserError, match=r"adapters=\{'org/secret-trojan': NAME\}"):
        names(OTHER, adapters={"org/else": "x"})


def test_one_name_for_both_sides_is_an_error():
    with pytest.raises(UserError, match="one name"):
        names(OTHER, base="b", finetuned="b")
