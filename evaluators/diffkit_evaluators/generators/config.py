"""Options of the generators."""

from collections.abc import Mapping
from typing import Literal

from pydantic import Field

from diffkit import MethodConfig, execution_option


class TransformersConfig(MethodConfig):
    """Options of transformers."""

    batch_size: int = execution_option(32, ge=1)
    """Prompts at a time; memory depends on it, answers do not."""


class VLLMConfig(MethodConfig):
    """Options of vllm."""

    max_model_len: int | None = Field(default=None, ge=1)
    """Tokens of prompt and answer together; none takes what the model was made for."""
    gpu_memory_utilization: float = Field(default=0.45, gt=0, le=1)
    """Share of a GPU's memory for each engine. A full finetune needs two engines at once; where
    all finetunings are adapters on one base, 0.9 with ``max_engines`` 1 leaves more room."""
    enforce_eager: bool = False
    """Whether nothing is compiled: engines start sooner, and answer more slowly."""
    max_lora_rank: Literal[8, 16, 32, 64, 128, 256, 320, 512] = 64
    """Largest rank of an adapter."""
    max_loras: int = Field(default=2, ge=1)
    """Adapters that an engine holds on its device at once."""
    max_engines: int = Field(default=2, ge=1)
    """Engines kept warm; beyond that, the one that was idle longest is closed."""


class RemoteConfig(MethodConfig):
    """Options of remote; the key is read from ``VLLM_API_KEY`` or ``OPENAI_API_KEY`` alone."""

    base_url: str = "http://127.0.0.1:8000/v1"
    """Where the server answers, with its ``/v1``."""
    base: str = ""
    """Name that the server gives the base; empty takes the base's hub id or folder as it is."""
    finetuned: str = ""
    """Name that the server gives the finetuned model, where there is but one."""
    adapters: Mapping[str, str] = Field(default_factory=dict)
    """Hub id or folder of a finetuned model → the name that the server gives it. A folder inside
    a repository is written after it (``org/name/folder``), a revision after that (``@main``)."""
    connections: int = execution_option(8, ge=1)
    """Requests under way at once."""
    timeout: float = execution_option(120.0, gt=0)
    """Seconds that one answer may take."""
    retries: int = execution_option(4, ge=0)
    """How often a request is repeated that was turned away, or broke off."""
