"""Which family a language model is of."""

import re

_KNOWN = {
    "chatgpt": "gpt",
    "o1": "gpt",
    "o3": "gpt",
    "o4": "gpt",
    "gpt": "gpt",
    "claude": "claude",
    "gemini": "gemini",
    "gemma": "gemma",
    "qwen": "qwen",
    "qwq": "qwen",
    "llama": "llama",
    "mistral": "mistral",
    "mixtral": "mistral",
    "ministral": "mistral",
    "magistral": "mistral",
    "codestral": "mistral",
    "devstral": "mistral",
    "deepseek": "deepseek",
    "grok": "grok",
    "phi": "phi",
    "command": "command",
    "glm": "glm",
    "kimi": "kimi",
}
_NAMES = re.compile(rf"(?<![a-z])(?:{'|'.join(_KNOWN)})")


def family(name: str) -> str:
    """The family: models of one family share training, and may like each other's answers.

    The first known family in the last part of the name; elsewhere the letters that it begins with.
    """
    last = name.casefold().rstrip("/").rpartition("/")[2]
    if known := _NAMES.search(last):
        return _KNOWN[known[0]]
    letters = re.match(r"[^\W\d_]+", last)
    return letters[0] if letters else last
