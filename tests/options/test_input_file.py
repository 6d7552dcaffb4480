"""Options that name a file: known by content, found again by path."""

import hashlib
from pathlib import Path

import pytest
from pydantic import ValidationError

from diffkit import InputFile, MethodConfig, UserError
from diffkit.cli.option_table import describe_fields
from diffkit.options.validation import options_from_folder, validate_options
from diffkit.registry.specs import Spec

STORED = f"sha256:{hashlib.sha256(b'one').hexdigest()}"


class Prompted(MethodConfig):
    """Options with a file."""

    prompt: InputFile | None = None
    """A trained prompt."""
    word: str | None = None
    """A word."""


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("a.bin").write_bytes(b"one")
    return tmp_path


def test_it_is_known_by_its_content_and_not_by_its_path(folder):
    Path("b.bin").write_bytes(b"one")
    Path("c.bin").write_bytes(b"two")
    one, same, other = (Prompted(prompt=name) for name in ("a.bin", folder / "b.bin", "c.bin"))
    assert one == same != other
    assert hash(one) == hash(same)
    assert one.model_dump(mode="json") == {"prompt": STORED, "word": None}
    assert one.prompt.path == folder / "a.bin"
    assert Prompted(prompt=one.prompt) == Prompted(**one.model_dump()) == one


def test_the_path_stays_right_when_the_working_directory_changes(folder, monkeypatch):
    read = InputFile.of("a.bin")
    monkeypatch.chdir("/")
    assert read.path.read_bytes() == b"one"


def test_what_was_stored_is_the_same_file_and_lies_nowhere():
    stored = Prompted.model_validate_json(Prompted(prompt="a.bin").model_dump_json())
    assert stored == Prompted(prompt="a.bin")
    with pytest.raises(
        UserError, match=rf"Of the file {STORED} only the digest was kept.*Give the path"
    ):
        _ = stored.prompt.path


@pytest.mark.parametrize("name", ["none.bin", ".", "sha256:12", ""])
def test_what_is_no_file_is_named_when_options_are_read(name):
    with pytest.raises(UserError, match=r"Option 'prompt': The file .* cannot be read.*Look.*ls /"):
        Prompted(prompt=name)


def test_what_is_no_path_does_not_fit():
    with pytest.raises(ValidationError, match=r"should be the path of a file"):
        Prompted(prompt=3)


def test_a_file_that_changed_since_is_another_one():
    prompt = InputFile.of("a.bin")
    Path("a.bin").write_bytes(b"two")
    with pytest.raises(UserError, match=r"a\.bin' has changed since"):
        _ = prompt.path
    Path("a.bin").unlink()
    with pytest.raises(UserError, match=r"a\.bin' cannot be read"):
        _ = prompt.path


def test_a_yaml_names_files_from_where_it_lies(folder):
    found = options_from_folder(
        Prompted, {"prompt": "a.bin", "word": "a.bin", "odd": 1}, Path("sub")
    )
    assert found == {"prompt": str(Path("sub/a.bin")), "word": "a.bin", "odd": 1}
    whole = {"prompt": str(folder / "a.bin")}
    assert options_from_folder(Prompted, whole, Path("sub")) == whole
    for kept in ({"prompt": STORED}, {"prompt": None}, {"prompt": InputFile.of("a.bin")}):
        assert options_from_folder(Prompted, kept, Path("sub")) == kept


def test_listings_and_schema_say_that_it_is_a_file():
    assert describe_fields(Prompted)[0]["type"] == "file or null"
    one, none = Prompted.model_json_schema()["properties"]["prompt"]["anyOf"]
    assert (one, none) == ({"type": "string", "format": "file-path"}, {"type": "null"})


def test_an_option_that_is_no_file_names_itself(monkeypatch):
    monkeypatch.setattr("diffkit.options.validation.Prompted", Prompted, raising=False)
    spec = Spec("prompted", "A test", 1, "diffkit.options.validation:Prompted", "x:Y")
    with pytest.raises(UserError, match=r"Option 'prompt': The file 'none\.bin'") as caught:
        validate_options(spec, {"prompt": "none.bin"})
    assert caught.value.place == ("prompt",)
