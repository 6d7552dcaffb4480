"""vLLM on this machine: an engine for each full model, adapters by request."""

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

from diffkit import (
    GeneratorBackend,
    GeneratorPair,
    PairSource,
    StoredPair,
    StoredSide,
    stored_pair,
)
from diffkit_evaluators.generators.config import VLLMConfig
from diffkit_evaluators.generators.control_adapter import no_adapter, write_adapter
from diffkit_evaluators.generators.engine_pool import EngineKey, EnginePool
from diffkit_evaluators.generators.opaque_links import OpaqueLinks
from diffkit_evaluators.generators.vllm_adapters import refuse_adapter
from diffkit_evaluators.generators.vllm_engine import Engine
from diffkit_evaluators.generators.vllm_generator import VLLMGenerator


class VLLMBackend(GeneratorBackend[VLLMConfig]):
    """Keeps engines warm from one pair to the next.

    A base and the adapters on it are one engine; a full finetune has one of its own. vLLM takes
    the device that it was built for, whatever the pair was to be loaded on.
    """

    def __init__(self) -> None:
        self._links = OpaqueLinks()
        self._engines = EnginePool(self._start)

    @contextmanager
    def open(self, source: PairSource, config: VLLMConfig) -> Iterator[GeneratorPair]:
        """The generators of a pair, until the context ends.

        Raises:
            UserError: vLLM cannot generate from such a pair.
        """
        with ExitStack() as stack:
            pair = self._stored(source, stack)
            dtype = source.dtype or pair.dtype
            base, finetuned = (
                EngineKey(side.model, dtype, side.model == pair.base.model, config)
                for side in (pair.base, pair.finetuned)
            )
            for side in (pair.base, pair.finetuned):
                refuse_adapter(side, config.max_lora_rank)
            lent = self._engines.borrowed({base, finetuned}, most=config.max_engines)
            engines = stack.enter_context(lent)
            yield GeneratorPair(
                self._side(engines[base], pair.base, stack),
                self._side(engines[finetuned], pair.finetuned, stack),
            )

    def close(self) -> None:
        """Closes all engines."""
        self._engines.close()
        self._links.close()

    def _start(self, key: EngineKey) -> Engine:
        return Engine(key, self._links.link(key.model))

    def _stored(self, source: PairSource, stack: ExitStack) -> StoredPair:
        """The pair on disk; a random change is written there first."""
        if source.finetuned.kind != "control":
            return stored_pair(source.base, source.finetuned)
        if source.finetuned.of.kind == "full":
            raise no_adapter()
        pair = stored_pair(source.base, source.finetuned.of)
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="diffkit-")))
        rank = write_adapter(source.load(), folder)
        if not rank:
            return replace(pair, finetuned=pair.base)
        return replace(pair, finetuned=replace(pair.finetuned, adapter=folder, rank=rank))

    def _side(self, engine: Engine, side: StoredSide, stack: ExitStack) -> VLLMGenerator:
        adapter = None
        if side.adapter is not None:
            adapter = stack.enter_context(engine.wearing(self._links.link(side.adapter)))
        return VLLMGenerator(engine, side, adapter)
