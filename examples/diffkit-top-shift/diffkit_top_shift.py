"""top-shift: tokens that are the most probable next token more often after finetuning."""

from typing import TYPE_CHECKING

from pydantic import Field

from diffkit import DiffingMethod, Findings, MethodConfig, Register, Spec, hookimpl

if TYPE_CHECKING:  # these import torch, and this file must be quick to list
    from diffkit import ModelPair, RunContext


class TopShift(DiffingMethod):
    """Tokens that are the most probable next token more often after finetuning."""

    name, version = "top-shift", 1

    class Config(MethodConfig):
        max_tokens: int = Field(64, ge=2)
        """Tokens read of each text."""
        rows: int = Field(20, ge=1)
        """Rows of the table."""

    def run(self, pair: "ModelPair", config: Config, context: "RunContext") -> Findings:
        from diffkit.analysis import token_table

        shift, positions = 0, 0
        for batch in context.batches(pair, max_tokens=config.max_tokens):
            both = pair.log_probs(batch)
            for side, sign in (both.finetuned, 1), (both.base, -1):
                shift += sign * side.argmax(-1).bincount(minlength=pair.vocabulary).double().cpu()
            positions += len(both.targets)
        share, title = shift / positions, "Predicted first more often"
        table = token_table(title, share, pair.tokenizer, config.rows, unit="share of positions")
        return Findings(change_score=float(share.abs().sum() / 2), items=(table,))


@hookimpl
def register_methods(register: Register) -> None:
    register(Spec.of("diffkit_top_shift:TopShift"))
