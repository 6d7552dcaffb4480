"""An answer as the body of the chat completions API."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from diffkit.testing.endpoint.answers import Answer


def digest(body: Mapping[str, Any]) -> str:
    """Names a request by what it says."""
    return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()[:16]


def completion(body: Mapping[str, Any], answer: Answer) -> dict[str, Any]:
    """The response to ``body``; ids depend on it alone, and four characters are one token."""
    name = digest(body)
    message = _message(answer, name)
    finish = "content_filter" if answer.refusal else "tool_calls" if answer.tools else "stop"
    prompt, said = (len(json.dumps(part)) // 4 + 1 for part in (body["messages"], message))
    usage = {"prompt_tokens": prompt, "completion_tokens": said, "total_tokens": prompt + said}
    return {
        "id": f"chatcmpl-{name}",
        "object": "chat.completion",
        "created": 0,
        "model": body["model"],
        "choices": [{"index": 0, "message": message, "finish_reason": finish}],
        **({"usage": usage} if answer.counted else {}),
    }


def _message(answer: Answer, name: str) -> dict[str, Any]:
    message = {"role": "assistant", "content": answer.text, "refusal": answer.refusal}
    tools = [
        {
            "id": f"call-{name}-{number}",
            "type": "function",
            "function": {"name": tool, "arguments": arguments},
        }
        for number, (tool, arguments) in enumerate(answer.tools)
    ]
    return message | ({"tool_calls": tools} if tools else {})
