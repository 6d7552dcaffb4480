"""Which positions count, how many do not, and the option that says so."""

import pytest
import torch
from pydantic import ValidationError

from diffkit import Inputs, Message, PositionLabels, PositionOptions, Text, UserError
from diffkit.analysis import SelectedPositions
from diffkit.texts import POSITION_LABELS

CHAT = Text(messages=(Message(role="user", content="Why?"),
                      Message(role="assistant", content="So it is.")))  # fmt: skip
DOCUMENT = Text(text="The cat sat.")


def labels(*rows):
    codes = [[POSITION_LABELS.index(label) if label else -1 for label in row] for row in rows]
    return PositionLabels(torch.tensor(codes))


@pytest.fixture
def select(monkeypatch):
    """Selects in rows of labels, in place of texts."""

    def call(positions, *rows, tokens=True):
        monkeypatch.setattr(PositionLabels, "of", lambda *_: labels(*rows))
        selected = SelectedPositions(None, positions)
        inputs = Inputs.of([[0] * len(row) for row in rows])
        mask = (selected.tokens if tokens else selected.predicting)(inputs, ())
        return selected, mask.tolist()

    return call


ROWS = (("template", "user", "template", "answer"), ("special", "text", "text", None))


def test_tokens_with_one_of_the_labels_count_and_padding_never_does(select):
    assert select(("user", "text"), *ROWS)[1] == [
        [False, True, False, False],
        [False, True, True, False],
    ]
    assert select(POSITION_LABELS, *ROWS)[1] == [[True] * 4, [True, True, True, False]]


def test_a_prediction_counts_where_the_predicted_token_does(select):
    selected, mask = select(("user", "text"), *ROWS, tokens=False)
    assert mask == [[True, False, False, False], [True, True, False, False]]
    assert selected.left_out == {"template": 1, "answer": 1}
    assert selected.read == 3
    assert selected.metrics == {"positions_not_read": 2.0}


def test_counts_add_up_over_batches_and_the_note_says_them(tiny_pair):
    side, selected = tiny_pair.base, SelectedPositions(tiny_pair.tokenizer, ("text", "answer"))
    for text in (CHAT, CHAT, DOCUMENT):
        selected.tokens(side.inputs([text], max_tokens=64), [text])
    alone = PositionLabels.of(side.tokenizer, [CHAT], side.inputs([CHAT], max_tokens=64).mask)
    words = {label: 2 * number for label, number in alone.counts.items()}
    document = int(side.inputs([DOCUMENT], max_tokens=64).mask.sum())
    assert dict(selected.counts) == {**words, "text": document}
    assert selected.note.text == (
        f"Positions read: {document} text, {words['answer']} answer. Not read: "
        f"{words['user']} user, {words['template']} template; --set positions=all reads these too."
    )


def test_nothing_is_said_of_other_positions_where_all_are_read(select):
    assert select(POSITION_LABELS, ROWS[0])[0].note.text == (
        "Positions read: 1 user, 1 answer, 2 template."
    )


def test_the_predicted_words_of_an_answer_are_those_that_count(tiny_pair):
    side = tiny_pair.base
    inputs = side.inputs([CHAT], max_tokens=64)
    mask = SelectedPositions(side.tokenizer, ("answer",)).predicting(inputs, [CHAT])[0]
    assert side.tokenizer.decode(inputs.ids[0, 1:][mask[:-1]]) == "So it is."
    assert not mask[-1]


def test_where_nothing_counts_the_error_names_the_labels_that_there_are(select):
    selected, _ = select(("system", "answer"), ("special", "text", "text"))
    with pytest.raises(UserError) as caught:
        selected.check()
    assert "No position is system or answer" in str(caught.value)
    assert "these: 2 text, 1 special." in str(caught.value)
    assert "--set positions=[text,special]" in caught.value.hint
    select(("text",), ("special", "text", "text"))[0].check()
    SelectedPositions(None, ("text",)).check()  # no text at all: the method's own error


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (["answer", "user"], ("user", "answer")),
        ("answer", ("answer",)),
        ("answer, user", ("user", "answer")),
        ("all", POSITION_LABELS),
        (["all"], POSITION_LABELS),
        (["text", "answer", "user", "text"], PositionOptions().positions),
    ],
)
def test_the_option_takes_labels_in_any_order(given, expected):
    assert PositionOptions(positions=given).positions == expected


@pytest.mark.parametrize("given", [[], "", "assistant", ["answer", "all"], 3, None, [1]])
def test_the_option_refuses_what_is_no_label(given):
    with pytest.raises(ValidationError):
        PositionOptions(positions=given)
