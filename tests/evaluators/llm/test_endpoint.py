import os

import pytest
from diffkit_evaluators.llm import ChatModel
from diffkit_evaluators.llm.endpoint import resolve_endpoint

from diffkit import UserError


@pytest.fixture(autouse=True)
def _nothing_set(monkeypatch, tmp_path):
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "OPENROUTER_API_KEY", "OPENROUTER_BASE_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    ("name", "variable"),
    [("openai/gpt-5", "OPENAI_API_KEY"), ("openrouter/vendor/model", "OPENROUTER_API_KEY")],
)
def test_a_missing_key_names_its_variable(name, variable):
    with pytest.raises(UserError, match=f"Set {variable}"):
        resolve_endpoint(ChatModel(name=name))


def test_names_lead_to_their_providers(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "key-of-openai")
    monkeypatch.setenv("OPENROUTER_API_KEY", "key-of-openrouter")
    openai, router = (
        resolve_endpoint(ChatModel(name=n)) for n in ("openai/gpt-5", "openrouter/v/m:free")
    )
    assert (openai.url, openai.model) == ("https://api.openai.com/v1", "gpt-5")
    assert (router.url, router.model) == ("https://openrouter.ai/api/v1", "v/m:free")
    assert (openai.api_key.key, router.api_key.key) == ("key-of-openai", "key-of-openrouter")


def test_addresses_of_providers_may_be_others(monkeypatch):
    for provider in ("OPENAI", "OPENROUTER"):
        monkeypatch.setenv(f"{provider}_API_KEY", "some-key")
        monkeypatch.setenv(f"{provider}_BASE_URL", f"http://{provider.lower()}.local/v1/")
    assert resolve_endpoint(ChatModel(name="openai/m")).url == "http://openai.local/v1"
    assert resolve_endpoint(ChatModel(name="openrouter/v/m")).url == "http://openrouter.local/v1"


def test_an_address_in_the_environment_holds_no_password(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "some-key")
    monkeypatch.setenv("OPENAI_BASE_URL", "http://me:secret@host/v1")
    with pytest.raises(UserError, match="OPENAI_BASE_URL") as raised:
        resolve_endpoint(ChatModel(name="openai/m"))
    assert "secret" not in str(raised.value)


def test_a_server_of_ones_own_needs_no_key_and_calls_models_as_it_likes(monkeypatch):
    local = ChatModel(name="openai/gpt-oss-20b", base_url="http://localhost:8000/v1")
    assert (resolve_endpoint(local).model, resolve_endpoint(local).api_key.key) == (
        "openai/gpt-oss-20b",
        "none",
    )
    monkeypatch.setenv("OPENAI_API_KEY", "its-key")
    assert resolve_endpoint(local).api_key.key == "its-key"


@pytest.mark.parametrize("name", ["gpt-5", "openai/", "nobody/model"])
def test_a_name_without_an_endpoint_says_what_to_write(name):
    with pytest.raises(UserError, match="base_url"):
        resolve_endpoint(ChatModel(name=name))


def test_keys_are_read_from_dotenv_and_put_nowhere_else(tmp_path):
    (tmp_path / ".env").write_text("OPENAI_API_KEY='key-of-dotenv'\n")
    assert resolve_endpoint(ChatModel(name="openai/m")).api_key.key == "key-of-dotenv"
    assert "OPENAI_API_KEY" not in os.environ


def test_the_environment_goes_before_dotenv(tmp_path, monkeypatch):
    (tmp_path / ".env").write_text("OPENAI_API_KEY=key-of-dotenv\n")
    monkeypatch.setenv("OPENAI_API_KEY", "key-of-shell")
    assert resolve_endpoint(ChatModel(name="openai/m")).api_key.key == "key-of-shell"


def test_a_dotenv_that_is_no_text_is_said(tmp_path):
    (tmp_path / ".env").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UserError, match=r"\.env"):
        resolve_endpoint(ChatModel(name="openai/m"))


def test_a_key_that_no_header_can_hold_is_refused_without_being_told(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-“quoted”")
    with pytest.raises(UserError, match="OPENAI_API_KEY") as raised:
        resolve_endpoint(ChatModel(name="openai/m"))
    assert "quoted" not in str(raised.value)


def test_printing_an_endpoint_does_not_print_its_key(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-very-secret")
    assert "very-secret" not in repr(resolve_endpoint(ChatModel(name="openai/m")))
