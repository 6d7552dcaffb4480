import sys

import pytest
from diffkit_evaluators.llm import ChatConfig, LanguageModel, check_ready
from diffkit_evaluators.llm.client import _cached_client

from diffkit import ChatSession, UserError

LOCAL = {"name": "m", "base_url": "http://localhost:9/v1"}


@pytest.fixture(autouse=True)
def _nothing_set(monkeypatch, tmp_path):
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "OPENROUTER_API_KEY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    _cached_client.cache_clear()


@pytest.fixture(params=["looked at", "made"])
def begin(request):
    if request.param == "looked at":
        return lambda config: check_ready(config, "grader")
    return lambda config: LanguageModel(config, "grader", ChatSession())


@pytest.mark.parametrize(
    ("model", "hint"),
    [
        (None, "Name one: --model grader=openai/NAME."),
        ("openai/gpt-5", "Set OPENAI_API_KEY in the environment or in .env."),
        ("openrouter/vendor/m", "Set OPENROUTER_API_KEY in the environment or in .env."),
        ("gpt-4", "Write openai/gpt-4 or openrouter/VENDOR/NAME, or give the `base_url`"),
        ("anthropic/claude", "Write openai/NAME or openrouter/VENDOR/NAME, or give the `base_url`"),
    ],
)
def test_who_cannot_be_asked_is_refused_with_a_cure(begin, model, hint):
    with pytest.raises(UserError) as raised:
        begin(ChatConfig(model=model))
    assert hint in str(raised.value)
    assert len(raised.value.what.splitlines()) == 1


@pytest.mark.parametrize("module", ["openai", "tenacity"])
def test_a_missing_library_is_said_before_anything_is_asked(begin, monkeypatch, module):
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(UserError, match=r"pip install 'diffkit\[agents\]'"):
        begin(ChatConfig(model=LOCAL))


@pytest.mark.parametrize("proxy", ["socks5://localhost:9", "foo://me:secret-4711@localhost"])
def test_a_proxy_that_cannot_be_used_is_said(begin, monkeypatch, proxy):
    pytest.importorskip("openai")
    monkeypatch.setitem(sys.modules, "socksio", None)
    monkeypatch.setenv("ALL_PROXY", proxy)
    with pytest.raises(UserError, match="Correct ALL_PROXY") as raised:
        begin(ChatConfig(model=LOCAL))
    assert "secret-4711" not in str(raised.value)


def test_looking_sends_nothing(endpoint):
    config = ChatConfig(model={"name": "m", "base_url": endpoint.url})
    assert check_ready(config, "investigator").model == "m"
    assert endpoint.calls == 0
