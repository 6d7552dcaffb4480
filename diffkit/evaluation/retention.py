"""What finetuning cost: right answers that are left."""

import re
from pathlib import Path
from typing import Any

from diffkit.errors import BadFile
from diffkit.evaluation.asking import Answers, Ask
from diffkit.evaluation.shares import Share, share
from diffkit.texts import Text, Texts

SLACK = 24
"""Tokens that an answer may be longer than the longest right one: it may say it in a sentence."""

WORD = re.compile(r"\w+")

Questions = dict[Ask, str]
"""Question → its one right answer."""


def read_questions(path: Path, tokenizer: Any) -> Questions:
    """Questions and right answers: chats that end with the answer.

    Args:
        path: JSONL of chats.
        tokenizer: tells how long answers may be.

    Raises:
        BadFile: the file is missing or malformed, or a line is no such chat.
    """
    chats = Texts.read(path).items
    for number, chat in enumerate(chats, 1):
        if len(chat.messages) < 2 or chat.messages[-1].role != "assistant":
            what = f"holds no question with an answer in its text number {number}."
            cure = "Put {\"messages\": [a user's message, the assistant's answer]} on each line."
            raise BadFile(path, what, field="messages", cure=cure)
    rights = [chat.messages[-1].content for chat in chats]
    longest = max(len(tokenizer(right)["input_ids"]) for right in rights) + SLACK
    return {
        Ask(Text(messages=chat.messages[:-1]), longest): right
        for chat, right in zip(chats, rights, strict=True)
    }


def retention(said: Answers, questions: Questions) -> Share:
    """Share of the questions whose answer holds the words of the right one, whatever is around."""
    right = sum(_words(answer) in _words(said[ask]) for ask, answer in questions.items())
    return share(right, len(questions))


def _words(text: str) -> str:
    """Casefolded words with one space around each, so that no word is found inside another."""
    return f" {' '.join(WORD.findall(text.casefold()))} "
