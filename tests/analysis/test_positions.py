"""Which positions count, and the sentence about those that do not."""

import torch

from diffkit import Message, PositionLabels, Text
from diffkit.analysis import PositionCounts, selected_positions
from diffkit.engine.positions.selection import POSITION_LABELS


def labels(*rows):
    codes = [[POSITION_LABELS.index(label) if label else -1 for label in row] for row in rows]
    return PositionLabels(torch.tensor(codes))


FIRST = labels(("template", "user", "template", "answer"), ("special", "text", "text", None))
SECOND = labels(("system", "template", "user", "answer"))


def test_each_selection_keeps_its_labels_and_never_padding():
    kept = {
        name: selected_positions(FIRST, name).tolist() for name in ("all", "content", "answers")
    }
    assert kept["all"] == [[True] * 4, [True, True, True, False]]
    assert kept["content"] == [[False, True, False, True], [False, True, True, False]]
    assert kept["answers"] == [[False, False, False, True], [False, True, True, False]]


def test_counts_add_up_over_batches():
    counts = PositionCounts().add(FIRST).add(SECOND)
    assert counts.total == 11
    expected = {"template": 3, "user": 2, "answer": 2, "special": 1, "text": 2, "system": 1}
    assert dict(counts.counts) == expected


def test_the_sentence_says_how_many_were_left_out():
    counts = PositionCounts({"template": 780, "text": 739})
    assert counts.describe("content") == "Template positions: 780 of 1,519, left out."
    kept = "Template positions: 780 of 1,519, counted like all others."
    assert counts.describe("all") == kept
    several = PositionCounts({"user": 3, "template": 1, "answer": 2}).describe("answers")
    assert several == "User positions: 3, template positions: 1 of 6, left out."
    nothing = PositionCounts().describe("content")
    assert nothing == "Template positions: 0 of 0, counted like all others."


def test_predictions_count_where_the_predicted_token_does(tiny_pair):
    chat = Text(messages=(Message(role="user", content="Why?"),
                          Message(role="assistant", content="So it is.")))  # fmt: skip
    side = tiny_pair.base
    inputs = side.inputs([chat], max_tokens=64)
    found = PositionLabels.of(side.tokenizer, [chat], inputs.mask)
    counted = selected_positions(found.predicted, "answers")[0]
    predicted = inputs.ids[0, 1:][counted[:-1]]
    assert side.tokenizer.decode(predicted) == "So it is."
    assert not counted[-1]
