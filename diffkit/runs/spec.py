"""The specification of a run, and its identity, which needs no loaded model."""

from dataclasses import dataclass, field

from diffkit.method import MethodConfig, execution_options
from diffkit.registry.specs import Spec
from diffkit.runs.labels import RunLabels
from diffkit.runs.manifest import Identity
from diffkit.runs.models import ModelSpec, PairSpec
from diffkit.texts import Texts

ENGINE_VERSION = 1
"""Raised when the same weights may give other numbers."""


@dataclass(frozen=True)
class RunSpec:
    """One run: a method or study with options over its subject, texts and seed."""

    method: Spec
    config: MethodConfig
    subject: PairSpec | ModelSpec
    """Two models for a method, one for a study."""
    texts: Texts
    seed: int = 0
    labels: RunLabels = field(default_factory=RunLabels)
    """Names of what is compared; no part of the identity."""

    def identity(self) -> Identity:
        """Everything that determines the run's findings.

        Raises:
            BadModel: a model folder is missing or cannot be used.
            BadFile: a weights file is damaged.
        """
        options = self.config.model_dump(mode="json")
        hidden = execution_options(type(self.config))
        subject = self.subject.identity()
        return Identity(
            method=self.method.name,
            version=self.method.version,
            options={name: value for name, value in options.items() if name not in hidden},
            base=subject.base,
            finetuned=subject.finetuned,
            tokenizer=subject.tokenizer,
            texts=self.texts.digest,
            seed=self.seed,
            dtype=subject.dtype,
            engine=ENGINE_VERSION,
        )
