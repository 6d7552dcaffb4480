"""One loaded network with the adapters on it, and the lock that spans every use of it."""

import inspect
import itertools
import logging
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from operator import attrgetter
from typing import Any

from torch import nn

from diffkit.engine.architectures import Architecture
from diffkit.engine.forward.half_precision import multiply_in_float32
from diffkit.engine.forward.limits import position_limit
from diffkit.engine.forward.rotary import read_rows_alone

LOG = logging.getLogger("diffkit.engine")

_names = itertools.count()


def _cannot_reload(*_: Any) -> "Network":
    msg = "this network was not read from a folder, so it cannot be read again"
    raise RuntimeError(msg)


class Network:
    """A transformers module, its tokenizer, and LoRA adapters known by opaque names.

    Several sides share one network: the base is the network with its adapters off. Switching
    changes state that a forward pass, a trace and a checkpointed backward pass read, so all three
    run inside `side`, which holds one lock.
    """

    def __init__(self, module: nn.Module, tokenizer: Any, architecture: Architecture) -> None:
        self.module = module
        self.tokenizer = tokenizer
        self.architecture = architecture
        self.lock = threading.RLock()
        self.users = 0
        self.reload: Callable[..., Network] = _cannot_reload
        self._peft: Any = None
        self._adapters: set[str] = set()
        self._layers: list[Any] = []
        self._warned: set[str] = set()
        self._active: str | None = None
        self._traced: Any = None
        self._checkpointing = False
        self.projects: bool | None = None  # found out when first asked
        self.position_limit = position_limit(module)
        read_rows_alone(module)
        multiply_in_float32(module)
        self.keeps_few = "logits_to_keep" in inspect.signature(module.forward).parameters
        self._freeze()
        module.eval()

    @contextmanager
    def side(self, adapter: str | None) -> Iterator[nn.Module]:
        """The module with one adapter on (none: the base), for as long as the context lasts.

        Raises:
            RuntimeError: the adapter has been taken off, or another side of this network is in use
                further up in the same thread.
        """
        with self.lock:
            if adapter is not None and adapter not in self._adapters:
                # peft would run the base instead, without a word
                msg = "this side is closed: its adapter has been taken off"
                raise RuntimeError(msg)
            if self.users and adapter != self._active:
                msg = "another side of this network is in use in this thread"
                raise RuntimeError(msg)
            if adapter != self._active:
                self._switch(adapter)
            self.users += 1
            try:
                yield self.module
            finally:
                self.users -= 1

    def warn_once(self, what: str) -> None:
        """Logs a warning, and no second time for this network."""
        if what not in self._warned:
            self._warned.add(what)
            LOG.warning(what)

    @property
    def blocks(self) -> nn.ModuleList:
        """The transformer blocks."""
        blocks: nn.ModuleList = attrgetter(self.architecture.blocks)(self.module)
        return blocks

    @property
    def softcap(self) -> float | None:
        """The bound that the network puts on its logits; none where it has none."""
        config: Any = self.module.config
        field = self.architecture.softcap
        return None if field is None else getattr(config, field)

    @property
    def traced(self) -> Any:
        """The module as nnsight sees it; `side` must be held."""
        if self._traced is None:
            from nnsight import NNsight

            self._traced = NNsight(self.module)
        return self._traced

    def add(self, config: Any, *, own: bool = False) -> str:
        """Puts an untrained adapter on the network and returns its name.

        Args:
            config: a peft configuration.
            own: whether this network has this one side alone; it then stays switched on, which
                kinds that replace weights of the base (bias, saved modules) need.
        """
        from peft import PeftModel

        name = f"x{next(_names):06d}"
        with self.lock, warnings.catch_warnings():
            # what peft says of an option that it sets itself, by what each module is
            warnings.filterwarnings("ignore", message="fan_in_fan_out is set to")
            if self._peft is None:
                self._peft = PeftModel(self.module, config, adapter_name=name)
            else:
                self._peft.add_adapter(name, config)
            self._adapters.add(name)
            self._survey()
            if own:
                self._active = name
            else:
                self._switch(None)
        return name

    @property
    def peft(self) -> Any:
        """The peft model around the module; only where an adapter has been added."""
        return self._peft

    def delete(self, adapter: str) -> None:
        """Takes an adapter off and frees its weights. The base's weights are not touched."""
        with self.lock:
            self._switch(None)
            self._peft.delete_adapter(adapter)
            self._adapters.discard(adapter)
            self._survey()
            self._switch(None)

    def _survey(self) -> None:
        """Looks through the modules after adapters came or went, so that a switch need not."""
        from peft.tuners.tuners_utils import BaseTunerLayer

        modules = self.module.modules()
        self._layers = [layer for layer in modules if isinstance(layer, BaseTunerLayer)]
        self._traced = None  # its tree of modules is out of date
        multiply_in_float32(self.module)
        self.module.eval()  # layers of a new adapter start in training mode
        self._freeze()

    def _switch(self, adapter: str | None) -> None:
        """Turns exactly one adapter on, or all off; generation may do so at every token.

        In peft's inference mode, as otherwise it makes the weights of the adapter trainable.
        """
        for layer in self._layers:
            layer.set_adapter([] if adapter is None else [adapter], inference_mode=True)
        self._active = adapter

    def _freeze(self) -> None:
        module: Any = self.module
        module.requires_grad_(False)
        # peft hooks the embeddings of a checkpointed model, so that what they give requires
        # gradients, and does not take the hooks off again; here inputs say what requires them.
        module.disable_input_require_grads()

    def checkpointing(self, on: bool) -> None:
        """Whether passes with gradients keep block inputs alone and run blocks again backward.

        Reentrant, as switching adapters between forward and backward makes the other kind raise.
        """
        with self.lock:
            self._checkpointing = on
            module: Any = self.module
            if on:
                module.gradient_checkpointing_enable({"use_reentrant": True})
            else:
                module.gradient_checkpointing_disable()
            self._freeze()

    @contextmanager
    def recomputing(self, wanted: bool) -> Iterator[None]:
        """Marks the blocks for checkpointing during one forward pass, where it is on.

        transformers checkpoints only layers in training mode. The flag is set on those layers
        alone and never on what is inside them, so dropout stays off.
        """
        from transformers.modeling_layers import GradientCheckpointingLayer

        if not (wanted and self._checkpointing):
            yield
            return
        layers = [m for m in self.module.modules() if isinstance(m, GradientCheckpointingLayer)]
        for layer in layers:
            layer.training = True
        try:
            yield
        finally:
            for layer in layers:
                layer.training = False
