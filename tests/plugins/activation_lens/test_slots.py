"""Slots have names, and are found wherever texts and padding put them."""

import pytest
import torch
from diffkit_plugins.activation_lens.config import ActivationLensConfig
from diffkit_plugins.activation_lens.measure import ReadPlan, read_batch
from diffkit_plugins.activation_lens.slots import Slot, SlotPositions, configured_slots

from diffkit import Inputs

NAMES = {
    "0": Slot("first", 0),
    "17": Slot("first", 17),
    "last": Slot("last", 0),
    "last−2": Slot("last", -2),
    "answer+0": Slot("answer", 0),
    "answer+3": Slot("answer", 3),
    "answer−1": Slot("answer", -1),
    "all": Slot("all"),
}
ROWS = [[5, 6, 7], [8], [9, 10, 11, 12, 13]]


@pytest.mark.parametrize(("name", "slot"), NAMES.items())
def test_a_slot_is_found_by_its_name(name, slot):
    assert slot.name == name
    assert Slot.named(name) == slot
    assert Slot.named(f" {name.replace('−', '-')} ") == slot


@pytest.mark.parametrize("name", ["", "-1", "answer", "last+1", "first", "all+1", "1.5", "answer0"])
def test_what_is_no_name_is_no_slot(name):
    assert Slot.named(name) is None


def test_a_run_looks_forward_back_around_the_answer_and_at_all():
    config = ActivationLensConfig(first=2, last=2, answer=1)
    names = [slot.name for slot in configured_slots(config)]
    assert names == ["0", "1", "last", "last−1", "answer−1", "answer+0", "answer+1", "all"]
    bare = ActivationLensConfig(first=0, last=0, answer=None)
    assert configured_slots(bare) == (Slot("all"),)


@pytest.mark.parametrize("side", ["left", "right"])
def test_each_slot_takes_its_own_token(side):
    inputs = Inputs.of(ROWS, side=side)
    slots = [NAMES[name] for name in ("0", "all", "last", "last−2", "answer+0", "answer−1")]
    places = SlotPositions.of(inputs, slots, [1, None, 5], inputs.mask)
    stream = inputs.ids[None, :, :, None].float()
    taken = places.take(stream)[..., 0, 0].masked_fill(~places.present, -1)
    assert taken.tolist() == [
        [5, 6, 7, 5, 6, 5],
        [8, 8, 8, -1, -1, -1],
        [9, 11, 13, 11, -1, 13],  # the answer's own first token was cut off
    ]


def test_a_text_of_no_token_has_no_slot():
    short = Inputs.of([[], [3]])
    places = SlotPositions.of(short, list(NAMES.values()), [0, 0], short.mask)
    assert not places.present[0].any()
    found = [name for name, there in zip(NAMES, places.present[1], strict=True) if there]
    assert found == ["0", "last", "answer+0", "all"]


def test_padding_that_is_not_a_number_counts_nowhere():
    inputs = Inputs.of([[1, 2], [3, 4, 5]], side="left")
    stream = torch.arange(6.0).reshape(1, 2, 3, 1)
    stream[0, 0, 0] = torch.nan
    slots = [NAMES[name] for name in ("0", "last", "all")]
    taken = SlotPositions.of(inputs, slots, [None, None], inputs.mask).take(stream)
    assert taken[..., 0, 0].tolist() == [[1, 2, 1.5], [3, 5, 4]]


def test_padding_may_go_to_either_side(tiny_pair):
    slots = tuple(NAMES[name] for name in ("0", "last", "answer+0", "all"))
    plan, found = ReadPlan((0, 1), slots, (1,)), []
    for side in ("left", "right"):
        inputs = Inputs.of(ROWS, side=side)
        positions = SlotPositions.of(inputs, slots, [1, None, 2], inputs.mask)
        there = positions.present
        batch = read_batch(tiny_pair, inputs, plan, positions)
        taken = (
            batch.difference[there],
            batch.base[there],
            batch.norms[there],
            batch.second,
        )
        found.append(taken)
    for left, right in zip(*found, strict=True):
        torch.testing.assert_close(left, right, rtol=1e-4, atol=1e-4)
