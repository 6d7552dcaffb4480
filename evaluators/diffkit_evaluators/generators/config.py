"""Options of the generators."""

from collections.abc import Mapping
from typing import Literal

from pydantic import Field

from diffkit import MethodConfig, execution_option


class TransformersConfig(MethodConfig):
    """Options of transformers."""

    batch_size: int = execution_option(32, ge=1)
    """Number of prompts in a batch; affects memory, not answers."""


class VLLMConfig(MethodConfig):
    """Options of vllm."""

    max_model_len: int | None = Field(default=None, ge=1)
    """Maximum number of tokens of prompt and answer; null uses the model's own maximum."""
    gpu_memory_utilization: float = Field(default=0.45, gt=0, le=1)
    """Share of a GPU's memory for each engine. A full finetune needs two engines at once; if all
    finetunings are adapters on one base, use 0.9 with ``max_engines`` 1."""
    enforce_eager: bool = False
    """Whether to compile nothing: engines start sooner and generate more slowly."""
    max_lora_rank: Literal[8, 16, 32, 64, 128, 256, 320, 512] = 64
    """Maximum rank of an adapter."""
    max_loras: int = Field(default=2, ge=1)
    """Maximum number of adapters on an engine's device at once."""
    max_engines: int = Field(default=2, ge=1)
    """Maximum number of running engines; beyond it, the one idle longest is closed."""


class RemoteConfig(MethodConfig):
    """Options of remote; the key is read from ``VLLM_API_KEY`` or ``OPENAI_API_KEY`` alone."""

    base_url: str = "http://127.0.0.1:8000/v1"
    """URL of the server, with its ``/v1``."""
    base: str = ""
    """The base's name on the server; empty uses the base's hub id or folder."""
    finetuned: str = ""
    """The finetuned model's name on the server, if there is only one."""
    adapters: Mapping[str, str] = Field(default_factory=dict)
    """Hub id or folder of a finetuned model → its name on the server. A folder inside a repository
    is written after it (``org/name/folder``), a revision after that (``@main``)."""
    connections: int = execution_option(8, ge=1)
    """Maximum number of simultaneous requests."""
    timeout: float = execution_option(120.0, gt=0)
    """Time limit for one answer, in seconds."""
    retries: int = execution_option(4, ge=0)
    """How often a failed request is repeated."""
