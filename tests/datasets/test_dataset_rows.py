"""Texts from Hugging Face datasets; the hub is never reached."""

import gc
import json
import sys

import pytest
from datasets import Dataset as Table
from datasets import DatasetDict, Features, Value

from diffkit.datasets.dataset import Dataset
from diffkit.datasets.dataset_rows import read_rows
from diffkit.errors import MissingExtra, UserError
from diffkit.texts import Message, Text

CHATS = [
    [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "What barks?"},
     {"role": "assistant", "content": "The dog."}],
    [{"role": "user", "content": "What purrs?"}, {"role": "assistant", "content": "The cat."}],
]  # fmt: skip
pytestmark = pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")
ROWS = [
    {"number": 1, "text": "The dog barks.", "messages": CHATS[0]},
    {"number": 2, "text": "The cat eats fish.", "messages": CHATS[1]},
    {"number": 3, "text": "", "messages": CHATS[0]},
]
DOCUMENTS = tuple(Text(text=str(row["text"])) for row in ROWS)


def write_lines(path, rows):
    path.parent.mkdir(exist_ok=True)
    path.write_text("\n".join(json.dumps(row) for row in rows))


@pytest.fixture(autouse=True)
def cache(request, tmp_path_factory, monkeypatch):
    """The library keeps copies in its cache: here, and not in the home of whoever tests."""
    folder = tmp_path_factory.mktemp("cache")
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", folder)
    yield
    if "csv" in request.node.name:  # the library leaves these open: no later test be blamed
        gc.collect()


@pytest.fixture
def root(tmp_path):
    """A folder with the same rows in every form."""
    table = Table.from_list(ROWS)
    table.to_parquet(tmp_path / "rows.parquet")
    table.select_columns(["number", "text"]).to_csv(tmp_path / "rows.csv", index=False)
    write_lines(tmp_path / "rows.jsonl", ROWS)
    (tmp_path / "rows.json").write_text(json.dumps(ROWS))
    table.save_to_disk(tmp_path / "saved")
    DatasetDict({"train": table, "rest": table.select([1])}).save_to_disk(tmp_path / "splits")
    write_lines(tmp_path / "folder" / "train.jsonl", ROWS)
    write_lines(tmp_path / "folder" / "test.jsonl", ROWS[:1])
    return tmp_path


FORMS = ["rows.parquet", "rows.jsonl", "rows.json", "saved", "splits", "folder"]


@pytest.mark.parametrize("at", FORMS)
def test_rows_are_documents_or_chats(root, at, capfd):
    assert read_rows(Dataset(at=at), root) == DOCUMENTS
    assert read_rows(Dataset(at=str(root / at), limit=2), root / "else") == DOCUMENTS[:2]
    chats = read_rows(Dataset(at=at, column="messages"), root)
    assert [[m.model_dump() for m in chat.messages] for chat in chats] == [*CHATS, CHATS[0]]
    assert capfd.readouterr().err == ""


def test_csv_holds_documents(root):
    assert read_rows(Dataset(at="rows.csv", limit=2), root) == DOCUMENTS[:2]


def test_other_splits_are_found(root):
    assert read_rows(Dataset(at="splits", split="rest"), root) == DOCUMENTS[1:2]
    assert read_rows(Dataset(at="folder", split="test"), root) == DOCUMENTS[:1]


def test_fields_of_a_turn_besides_role_and_content_are_dropped(tmp_path):
    turn = {"role": "user", "content": "Hi", "tool_calls": None}
    write_lines(tmp_path / "rows.jsonl", [{"chat": [turn]}])
    (text,) = read_rows(Dataset(at="rows.jsonl", column="chat"), tmp_path)
    assert text.messages == (Message(role="user", content="Hi"),)


@pytest.mark.parametrize("at", [*FORMS, "rows.csv"])
@pytest.mark.parametrize(
    ("changes", "words"),
    [({"column": "nope"}, "number, text"), ({"split": "nope"}, "train")],
)
def test_what_is_not_there_is_named_with_what_is(root, at, changes, words):
    with pytest.raises(UserError, match=r"'?nope'?") as caught:
        read_rows(Dataset(at=at, **changes), root)
    assert words in str(caught.value)
    assert at in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("at", ["nowhere.parquet", "./nowhere", "/nowhere/at/all", "notes.md"])
def test_files_that_are_missing_or_no_datasets_are_named(tmp_path, at):
    (tmp_path / "notes.md").write_text("# Notes")
    with pytest.raises(UserError, match=r"nowhere|notes\.md"):
        read_rows(Dataset(at=at), tmp_path)


@pytest.mark.parametrize("content", ["", "{", "\x00\x01", "[]"])
@pytest.mark.parametrize("name", ["rows.jsonl", "rows.parquet", "rows.csv"])
def test_empty_and_damaged_files_are_one_line(tmp_path, name, content):
    (tmp_path / name).write_text(content)
    with pytest.raises(UserError, match="rows") as caught:
        read_rows(Dataset(at=name), tmp_path)
    assert "\n" not in str(caught.value)


def test_an_empty_split_is_named(tmp_path, monkeypatch):
    none = Table.from_dict({"text": []}, features=Features({"text": Value("string")}))
    none.to_parquet(tmp_path / "none.parquet")
    with pytest.raises(UserError, match=r"'none.parquet' cannot be read .*\"train\".* no data"):
        read_rows(Dataset(at="none.parquet"), tmp_path)
    monkeypatch.setattr("datasets.load_dataset", lambda *_, **__: none)
    with pytest.raises(UserError, match=r"'train' of the dataset 'none.parquet' has no rows"):
        read_rows(Dataset(at="none.parquet"), tmp_path)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (3, "row 0.*3 is neither document nor chat"),
        (None, "row 0.*None is neither"),
        ([], "neither"),
        (["Hi"], "neither"),
        ([{"role": "user"}], "content: this field is required"),
        ([{"role": "tool", "content": "x"}], "role.*tool"),
        ([{"from": "human", "words": "x"}], "content"),
    ],
)
def test_rows_that_are_no_texts_are_named(tmp_path, value, words):
    write_lines(tmp_path / "rows.jsonl", [{"text": value}])
    with pytest.raises(UserError, match=words) as caught:
        read_rows(Dataset(at="rows.jsonl"), tmp_path)
    assert "\n" not in str(caught.value)


def test_the_hub_out_of_reach_is_one_line(tmp_path, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("datasets.config.HF_HUB_OFFLINE", True)
    with pytest.raises(UserError, match="'nobody/nothing' cannot be read") as caught:
        read_rows(Dataset(at="nobody/nothing"), tmp_path)
    assert "hf download --repo-type dataset nobody/nothing" in caught.value.hint
    assert "\n" not in str(caught.value)


def test_the_hub_is_asked_for_what_the_recipe_says(tmp_path, monkeypatch):
    asked = []

    def load(*args, **options):
        asked.append((args, options))
        return Table.from_list(ROWS)

    monkeypatch.setattr("datasets.load_dataset", load)
    source = Dataset(at="org/name", config="en", split="test", revision="abc", limit=1)
    assert read_rows(source, tmp_path) == DOCUMENTS[:1]
    assert asked == [(("org/name", "en"), {"split": "test", "revision": "abc"})]


def test_the_missing_library_is_named_with_its_command(root, monkeypatch):
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(MissingExtra, match=r"pip install 'diffkit\[train\]'"):
        read_rows(Dataset(at="rows.parquet"), root)
