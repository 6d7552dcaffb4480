"""One vLLM engine in a process of its own."""

import itertools
import os
import threading
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import torch

from diffkit import DiffkitError, UserError
from diffkit_evaluators.generators.engine_pool import EngineKey, call_with_watchdog
from diffkit_evaluators.generators.worker_extension import ParentWatchExtension


@dataclass(frozen=True)
class NewTokens:
    """The generated tokens of one prompt."""

    ids: tuple[int, ...]
    """Token ids, without the one that ended it."""
    finished: bool
    """Whether the model ended the answer."""


def new_tokens(output: Any) -> NewTokens:
    """The tokens of a completion of vLLM, which includes the one that ended it."""
    ids = tuple(output.token_ids)
    finished = output.finish_reason == "stop"
    return NewTokens(ids[:-1] if finished else ids, finished)


# vLLM reads its environment when it is imported. Values that the user has set stay.
os.environ.setdefault("VLLM_LOGGING_LEVEL", "ERROR")

os.environ.setdefault("VLLM_NO_USAGE_STATS", "1")  # it would report home what it runs

os.environ.setdefault("VLLM_WORKER_MULTIPROCESSING_METHOD", "spawn")  # forks copy held locks

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # what its own parts say of each other
    from vllm import LLM, SamplingParams
    from vllm.lora.request import LoRARequest
    from vllm.v1.engine.exceptions import EngineDeadError

T = TypeVar("T")

_ids = itertools.count(1)
"""Numbers of adapters, by which vLLM identifies them."""


class Engine:
    """A vLLM engine; several threads may use it, one after the other.

    Args:
        key: its parameters.
        folder: the model, under a neutral name.

    Raises:
        UserError: vLLM cannot run this model here.
    """

    def __init__(self, key: EngineKey, folder: Path) -> None:
        options = key.config
        lora: dict[str, Any] = {"enable_lora": key.adapters}
        if key.adapters:
            lora |= {"max_loras": options.max_loras, "max_lora_rank": options.max_lora_rank}
        try:
            self._llm = LLM(
                str(folder),
                dtype=key.dtype,
                skip_tokenizer_init=True,  # token ids go in and come out
                generation_config="vllm",  # the model's own defaults play no part
                enable_prompt_embeds=True,
                enable_prefix_caching=False,  # answers would depend on what was asked before
                max_model_len=options.max_model_len,
                gpu_memory_utilization=options.gpu_memory_utilization,
                enforce_eager=options.enforce_eager,
                use_tqdm_on_load=False,
                worker_extension_cls=f"{ParentWatchExtension.__module__}.{ParentWatchExtension.__name__}",
                **lora,
            )
            self._llm.collective_rpc(
                ParentWatchExtension.exit_with_parent.__name__, args=(os.getpid(),)
            )
        except Exception as error:  # the libraries that vLLM uses may raise anything
            what = f"vLLM cannot start an engine for this model ({type(error).__name__})."
            hint = "See why with VLLM_LOGGING_LEVEL=INFO, or use the generator transformers."
            raise UserError(what, hint=hint) from error
        self._lock = threading.Lock()
        self.broken = False

    @property
    def hidden(self) -> int:
        """Width of the residual stream."""
        return int(self._llm.model_config.get_hidden_size())

    @property
    def dtype(self) -> torch.dtype:
        """Number format of the activations."""
        dtype: torch.dtype = self._llm.model_config.dtype
        return dtype

    @property
    def length(self) -> int:
        """Maximum number of tokens of prompt and answer."""
        return int(self._llm.model_config.max_model_len)

    @contextmanager
    def with_adapter(self, folder: Path) -> Iterator[LoRARequest]:
        """Loads an adapter under a neutral name, until the context ends.

        Raises:
            UserError: vLLM does not support it.
        """
        number = next(_ids)
        request = LoRARequest(f"adapter-{number}", number, str(folder))
        with self._turn():
            try:
                self._watched(partial(self._llm.llm_engine.add_lora, request))
            except EngineDeadError:
                raise
            except Exception as error:  # the worker may raise anything
                what = f"vLLM does not take this adapter ({type(error).__name__})."
                raise UserError(what, hint="Use the generator transformers for it.") from error
        try:
            yield request
        finally:
            if not self.broken:
                with self._turn():
                    self._watched(partial(self._llm.llm_engine.remove_lora, number))

    def generate(
        self,
        prompts: Sequence[Any],
        sampling: Sequence[SamplingParams],
        adapter: LoRARequest | None,
    ) -> list[NewTokens]:
        """Generates from prompts in vLLM's format."""
        with self._turn():
            ask = partial(self._llm.generate, list(prompts), list(sampling), use_tqdm=False)
            answers = self._watched(partial(ask, lora_request=adapter))
        return [new_tokens(answer.outputs[0]) for answer in answers]

    def close(self) -> None:
        """Ends the engine's process, which frees all its memory."""
        self.broken = True
        self._llm.llm_engine.engine_core.shutdown()

    def _watched(self, call: Callable[[], T]) -> T:
        return call_with_watchdog(call, self._llm.llm_engine.engine_core.ensure_alive)

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """Exclusive use of the engine.

        Raises:
            DiffkitError: it failed, and will be restarted for the next pair.
        """
        with self._lock:
            try:
                yield
            except UserError:
                raise
            except BaseException as error:  # what was not finished would be in the next answer
                self.broken = True
                if not isinstance(error, Exception):
                    raise
                what = f"A vLLM engine failed ({type(error).__name__})."
                raise DiffkitError(what, hint="Run again: it is started anew.") from error
