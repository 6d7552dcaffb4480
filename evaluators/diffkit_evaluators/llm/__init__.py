"""Language models behind OpenAI-compatible endpoints, for investigators and graders.

Takes messages, tools and an optional schema of the answer. Gives replies. Every request and
response is written to the transcript, answers are cached, and calls, tokens and cost are counted.
Nothing here imports `openai` before a language model is called.
"""

from diffkit_evaluators.llm.client import check_ready
from diffkit_evaluators.llm.config import ChatConfig, ChatModel, model_family
from diffkit_evaluators.llm.errors import (
    CapReached,
    LanguageModelError,
    Malformed,
    ModelFailed,
    Refused,
)
from diffkit_evaluators.llm.model import LanguageModel, complete_structured
from diffkit_evaluators.llm.redaction import delimit_untrusted
from diffkit_evaluators.llm.response import Reply, RequestedCall

__all__ = [
    "CapReached",
    "ChatConfig",
    "ChatModel",
    "LanguageModel",
    "LanguageModelError",
    "Malformed",
    "ModelFailed",
    "Refused",
    "Reply",
    "RequestedCall",
    "check_ready",
    "complete_structured",
    "delimit_untrusted",
    "model_family",
]
