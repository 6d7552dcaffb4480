"""vLLM on this machine: one engine for each full model, adapters by request."""

import itertools
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

from diffkit import (
    GeneratorBackend,
    GeneratorPair,
    ModelOnDisk,
    PairOnDisk,
    PairSource,
    find_pair_on_disk,
)
from diffkit_evaluators.generators.config import VLLMConfig
from diffkit_evaluators.generators.engine_pool import EngineKey, EnginePool
from diffkit_evaluators.generators.vllm_adapters import (
    check_adapter,
    unsupported_control,
    write_adapter,
)
from diffkit_evaluators.generators.vllm_engine import Engine
from diffkit_evaluators.generators.vllm_generator import VLLMGenerator


class AnonymousLinks:
    """A temporary folder of links with numbers as names, since engines repeat names in errors."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="diffkit-")
        self._numbers = itertools.count(1)

    def link(self, target: Path) -> Path:
        """A new link to ``target``."""
        link = Path(self._folder.name) / f"model-{next(self._numbers)}"
        link.symlink_to(target.resolve(), target_is_directory=True)
        return link

    def close(self) -> None:
        """Removes the links, not their targets."""
        self._folder.cleanup()


class VLLMBackend(GeneratorBackend[VLLMConfig]):
    """Keeps engines running from one pair to the next.

    A base and the adapters on it share an engine; a full finetune has its own. vLLM uses
    the device that it was built for, regardless of the device of the pair.
    """

    def __init__(self) -> None:
        self._links = AnonymousLinks()
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
                check_adapter(side, config.max_lora_rank)
            lent = self._engines.acquire({base, finetuned}, most=config.max_engines)
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

    def _stored(self, source: PairSource, stack: ExitStack) -> PairOnDisk:
        """The pair on disk; a random change is written there first."""
        if source.finetuned.kind != "control":
            return find_pair_on_disk(source.base, source.finetuned)
        if source.finetuned.of.kind == "full":
            raise unsupported_control()
        pair = find_pair_on_disk(source.base, source.finetuned.of)
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="diffkit-")))
        rank = write_adapter(source.load(), folder)
        if not rank:
            return replace(pair, finetuned=pair.base)
        return replace(pair, finetuned=replace(pair.finetuned, adapter=folder, rank=rank))

    def _side(self, engine: Engine, side: ModelOnDisk, stack: ExitStack) -> VLLMGenerator:
        adapter = None
        if side.adapter is not None:
            adapter = stack.enter_context(engine.with_adapter(self._links.link(side.adapter)))
        return VLLMGenerator(engine, side, adapter)
