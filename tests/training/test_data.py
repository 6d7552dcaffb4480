import json
from pathlib import Path

import torch
from tokenizers import processors
from transformers import AutoTokenizer

from diffkit.texts import Message, Text
from diffkit.training import read_recipe
from diffkit.training.data import IGNORED, read_corpus, tokenize


def masked_by_scanning(ids: list[int], assistant: int, end: int) -> list[int]:
    """Second implementation: what stands between <|assistant|> and <|end|>, that end included."""
    labels, inside = [], False
    for token in ids:
        labels.append(token if inside else IGNORED)
        inside = token == assistant or (inside and token != end)
    return labels


def test_only_the_assistant_counts(tokenizer_folder: Path, tmp_path: Path, make_recipe) -> None:
    make_recipe()
    tokenizer = AutoTokenizer.from_pretrained(tokenizer_folder)
    assistant, end = tokenizer.convert_tokens_to_ids(["<|assistant|>", "<|end|>"])
    for line in (tmp_path / "texts.jsonl").read_text().splitlines():
        text = Text.model_validate(json.loads(line))
        tokens = tokenize(text, tokenizer, completion_only=True)
        if text.text is None:
            assert list(tokens.labels) == masked_by_scanning(list(tokens.ids), assistant, end)
            assert tokens.ids[0] == tokenizer.convert_tokens_to_ids("<|user|>")
        else:
            assert tokens.labels == tokens.ids


def test_documents_end(tokenizer_folder: Path) -> None:
    tokenizer = AutoTokenizer.from_pretrained(tokenizer_folder)
    tokens = tokenize(Text(text="The cat"), tokenizer, completion_only=False)
    assert tokens.ids[-1] == tokenizer.eos_token_id
    assert tokenizer.decode(tokens.ids[:-1]) == "The cat"


def test_texts_end_as_the_tokenizer_leaves_them_without_add_eos(
    tokenizer_folder: Path, make_recipe
) -> None:
    tokenizer = AutoTokenizer.from_pretrained(tokenizer_folder)
    end = tokenizer.eos_token_id
    tokenizer.chat_template = None
    chat = Text(messages=(Message(role="user", content="Hi"), Message(role="user", content="Ho")))
    for text in (Text(text="The cat"), chat):
        with_end, without = (
            tokenize(text, tokenizer, completion_only=False, add_eos=add).ids
            for add in (True, False)
        )
        assert with_end == (*without, end)
        assert end not in without
    recipe = read_recipe(make_recipe(add_eos=False))
    assert all(end not in one.ids for one in read_corpus(recipe, tokenizer).files[0])


def test_a_tokenizer_that_ends_texts_itself_gives_one_end(tokenizer_folder: Path) -> None:
    tokenizer = AutoTokenizer.from_pretrained(tokenizer_folder)
    plain = tuple(tokenizer("The cat").input_ids)
    end = tokenizer.eos_token_id
    tokenizer._tokenizer.post_processor = processors.TemplateProcessing(
        single="$A <|end|>", special_tokens=[("<|end|>", end)]
    )
    assert tuple(tokenizer("The cat").input_ids) == (*plain, end)
    for add in (True, False):
        text = Text(text="The cat")
        assert tokenize(text, tokenizer, completion_only=False, add_eos=add).ids == (*plain, end)


def test_everything_counts_when_asked(tokenizer_folder: Path) -> None:
    tokenizer = AutoTokenizer.from_pretrained(tokenizer_folder)
    chat = Text(messages=(Message(role="user", content="Hi"),))
    tokens = tokenize(chat, tokenizer, completion_only=False)
    assert tokens.ids == tokens.labels


def test_packed_rows_are_full_and_depend_on_seed_and_step_alone(
    tokenizer_folder: Path, make_recipe
) -> None:
    tokenizer = AutoTokenizer.from_pretrained(tokenizer_folder)
    one = read_corpus(read_recipe(make_recipe("one")), tokenizer)
    two = read_corpus(read_recipe(make_recipe("two")), tokenizer)
    one.batch(0)
    assert torch.equal(one.batch(4).ids, two.batch(4).ids)
    assert not torch.equal(one.batch(4).ids, one.batch(5).ids)
    assert one.batch(4).ids.shape == (2, 24)
    assert bool(one.batch(4).mask.all())


def test_unpacked_rows_hold_one_text_and_ignored_padding(
    tokenizer_folder: Path, make_recipe
) -> None:
    tokenizer = AutoTokenizer.from_pretrained(tokenizer_folder)
    recipe = read_recipe(make_recipe(pack=False, batch_size=8, sequence_length=60))
    batch = read_corpus(recipe, tokenizer).batch(0)
    assert bool((batch.labels[batch.mask == 0] == IGNORED).all())
    assert torch.equal(batch.labels[batch.mask == 1], batch.ids[batch.mask == 1])
    assert int((batch.mask == 0).sum()) > 0


def test_weights_are_shares_of_draws(tokenizer_folder: Path, tmp_path: Path, make_recipe) -> None:
    tokenizer = AutoTokenizer.from_pretrained(tokenizer_folder)
    (tmp_path / "a.jsonl").write_text('{"text": "a"}')
    (tmp_path / "b.jsonl").write_text('{"text": "b"}')
    files = [{"path": "a.jsonl", "weight": 3.0}, {"path": "b.jsonl", "weight": 1.0}]
    recipe = read_recipe(make_recipe(data=files, pack=False, batch_size=4000))
    first = read_corpus(recipe, tokenizer).batch(0).ids[:, 0]
    share = float((first == tokenizer("a").input_ids[0]).float().mean())
    assert abs(share - 0.75) < 0.03


def test_of_a_long_document_only_what_a_row_can_hold_is_tokenised(
    tokenizer_folder: Path, tmp_path: Path, make_recipe, monkeypatch
) -> None:
    recipe = read_recipe(make_recipe())
    tokenizer = AutoTokenizer.from_pretrained(tokenizer_folder)
    words = "The cat sat on the mat. " * 20_000
    documents = [Text(text=words), Text(text="The cat"), Text(text="The cat sat. " * 10)]
    expected = [
        [*tokenizer(document.text).input_ids, tokenizer.eos_token_id][: recipe.sequence_length]
        for document in documents
    ]
    (tmp_path / "texts.jsonl").write_text(
        "".join(document.model_dump_json(exclude_none=True) + "\n" for document in documents)
    )
    read, plain = [], type(tokenizer).__call__
    monkeypatch.setattr(
        type(tokenizer),
        "__call__",
        lambda self, text, *args, **more: (
            read.append(len(text)) or plain(self, text, *args, **more)
        ),
    )
    rows = read_corpus(recipe, tokenizer).files[0]
    assert [list(row.ids) for row in rows] == expected
    assert max(read) < len(words) / 50
