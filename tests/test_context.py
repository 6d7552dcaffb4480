"""Batches, checkpoints and artifacts."""

import pytest
import torch

from diffkit import RunContext, Text, Texts, UserError, position_labels
from diffkit.checkpoints import Checkpoints
from diffkit.context import Artifacts
from diffkit.errors import DiffkitError
from diffkit.texts import POSITION_LABELS


@pytest.fixture
def checkpoints(tmp_path):
    return Checkpoints(tmp_path)


def test_there_is_none_at_first(checkpoints):
    assert checkpoints.load() is None


def test_tensors_state_and_random_numbers_come_back(checkpoints):
    weight = torch.arange(6.0).reshape(2, 3).T  # not contiguous
    checkpoints.save({"w": weight}, {"step": 3, "names": ["a"]})
    drawn = torch.rand(4)
    torch.manual_seed(99)
    loaded = checkpoints.load()
    assert torch.equal(loaded.tensors["w"], weight)
    assert loaded.state == {"step": 3, "names": ["a"]}
    assert torch.equal(torch.rand(4), drawn)


def test_the_last_one_counts_and_nothing_else_stays(checkpoints):
    checkpoints.save({}, {"step": 1})
    checkpoints.save({}, {"step": 2})
    assert checkpoints.load().state == {"step": 2}
    assert [path.name for path in checkpoints.folder.iterdir()] == ["checkpoint"]


@pytest.mark.parametrize("at", ["tensors", "random", "rename"])
def test_a_crash_while_saving_leaves_the_old_one(checkpoints, monkeypatch, at):
    checkpoints.save({}, {"step": 1})

    def crash(path, *_):
        if at in str(path):
            raise KeyboardInterrupt

    if at == "rename":
        (checkpoints.folder / "checkpoint").rename(checkpoints.folder / "checkpoint.old")
        (checkpoints.folder / "checkpoint.new").mkdir()
    else:
        monkeypatch.setattr("diffkit.checkpoints.write_tensors", crash)
        with pytest.raises(KeyboardInterrupt):
            checkpoints.save({}, {"step": 2})
        monkeypatch.undo()
    assert checkpoints.load().state == {"step": 1}
    checkpoints.save({}, {"step": 3})
    assert checkpoints.load().state == {"step": 3}


@pytest.mark.parametrize("file", ["tensors.safetensors", "random.safetensors", "state.json"])
def test_a_damaged_one_is_an_error_with_a_way_out(checkpoints, file):
    checkpoints.save({"w": torch.ones(2)}, {"step": 1})
    (checkpoints.folder / "checkpoint" / file).write_bytes(b"{")
    with pytest.raises(DiffkitError, match=r"checkpoint is damaged .*--fresh"):
        checkpoints.load()


def test_artifacts_are_files_of_their_folder(tmp_path):
    artifacts = Artifacts(tmp_path / "artifacts")
    assert artifacts.save("big", {"w": torch.ones(2)}) == "big.safetensors"
    assert artifacts.write("figure.png", b"png") == "figure.png"
    assert (tmp_path / "artifacts" / "figure.png").read_bytes() == b"png"
    for name in ("../x.png", "/x.png", "a/b.png"):
        with pytest.raises(ValueError, match=r"not the path"):
            artifacts.write(name, b"")


@pytest.fixture
def context(tmp_path, tiny_texts):
    shown = []

    def progress(items, *, label, total=None, done=0):
        for item in items:
            shown.append((label, total, done))
            yield item

    def make(texts=tiny_texts, **options):
        kept = Artifacts(tmp_path), Checkpoints(tmp_path)
        return RunContext(0, texts, *kept, progress=progress, **options), shown

    return make


@pytest.mark.parametrize("size", [1, 2, 64])
def test_every_text_is_in_one_batch_with_its_mask(context, tiny_pair, tiny_texts, size):
    made, shown = context(batch_size=size)
    batches = list(made.batches(tiny_pair, max_tokens=6, label="reading"))
    assert sorted(i for batch in batches for i in batch.indices) == list(range(len(tiny_texts)))
    for batch in batches:
        texts = [tiny_texts.items[index] for index in batch.indices]
        alone = [tiny_pair.base.inputs([text], max_tokens=6) for text in texts]
        assert batch.mask.sum(1).tolist() == [int(one.mask.sum()) for one in alone]
        assert batch.ids.shape == batch.mask.shape
        for row, text, real in zip(batch.labels.codes, texts, batch.mask, strict=True):
            named = tuple(POSITION_LABELS[code] for code in row[real].tolist())
            assert named == position_labels(tiny_pair.tokenizer, text, 6)
    assert shown == [("reading", len(batches), 0)] * len(batches)


def test_results_do_not_depend_on_the_batch_size(context, tiny_pair):
    def total(size):
        made, _ = context(batch_size=size)
        found = [tiny_pair.log_probs(one) for one in made.batches(tiny_pair, max_tokens=8)]
        return sum(len(one.targets) for one in found), sum(one.base.sum() for one in found)

    (count, one), (same, other) = total(1), total(5)
    assert count == same > 0
    torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-2)


@pytest.mark.parametrize("texts", [Texts(items=()), Texts(items=(Text(text=""), Text(text="")))])
def test_texts_without_a_token_to_predict_are_an_error(context, tiny_pair, texts):
    made, _ = context(texts)
    with pytest.raises(UserError, match="No text has a token to predict"):
        list(made.batches(tiny_pair, max_tokens=8))
