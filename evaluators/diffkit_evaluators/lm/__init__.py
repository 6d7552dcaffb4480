"""Language models behind an OpenAI-compatible endpoint: asked, written down, remembered, priced.

Nothing here imports `openai` before a model is asked.
"""

from diffkit_evaluators.lm.config import ChatConfig, ChatModel
from diffkit_evaluators.lm.errors import (
    CapReached,
    LanguageModelError,
    Malformed,
    ModelFailed,
    Refused,
)
from diffkit_evaluators.lm.family import family
from diffkit_evaluators.lm.fence import fence
from diffkit_evaluators.lm.model import LanguageModel
from diffkit_evaluators.lm.ready import ready
from diffkit_evaluators.lm.reply import AskedTool, Reply
from diffkit_evaluators.lm.structured import structured

__all__ = [
    "AskedTool",
    "CapReached",
    "ChatConfig",
    "ChatModel",
    "LanguageModel",
    "LanguageModelError",
    "Malformed",
    "ModelFailed",
    "Refused",
    "Reply",
    "family",
    "fence",
    "ready",
    "structured",
]
