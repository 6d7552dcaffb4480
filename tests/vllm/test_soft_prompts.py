"""A prompt that soft-prompt-kl trained is served by vLLM."""

import torch
from diffkit_plugins.soft_prompt_kl.config import SoftPromptKLConfig
from diffkit_plugins.soft_prompt_kl.generation import opening_ids, prompted_completions
from diffkit_plugins.soft_prompt_kl.prompt_file import BEST, load_prompt, save_prompt

from diffkit import Artifacts, Inputs, Sampling
from diffkit.organism import Adapter

TEXTS = ["Where is the bakery?", "What is 3 plus 4?", "Tell me a story."]
SAMPLING = Sampling(max_new_tokens=16)


def test_a_prompt_from_a_file_has_both_sides_say_what_transformers_says(
    backend, config, pair_source, weights, tmp_path
):
    source = pair_source(Adapter(source=weights("tiny-trojan")))
    with source.load() as pair, backend.open(source, config) as generators:
        table = pair.base.embed(torch.arange(pair.vocabulary)[None])[0]
        chance = torch.Generator().manual_seed(0)
        drawn = table[torch.randperm(len(table), generator=chance)[:4]] * 1.3
        save_prompt(Artifacts(tmp_path), BEST, drawn, pair, SoftPromptKLConfig())
        prompt = load_prompt(tmp_path / f"{BEST}.safetensors", pair)
        said = {}
        for name, model in (("base", pair.base), ("finetuned", pair.finetuned)):
            served = getattr(generators, name)
            done = prompted_completions(served, model, prompt, TEXTS, SAMPLING)
            said[name] = [(one.text, one.tokens, one.finished) for one in done]
            assert said[name] == [in_process(model, prompt, text) for text in TEXTS]
            plain = prompted_completions(served, model, None, TEXTS, SAMPLING)
            assert [one.text for one in plain] != [text for text, _, _ in said[name]]
    assert said["base"] != said["finetuned"]


def in_process(model, prompt, text):
    tokens = model.embed(torch.tensor([opening_ids(model, text)]))[0]
    embeds = torch.cat([prompt.to(tokens), tokens])[None]
    mask = torch.ones(embeds.shape[:2], dtype=torch.bool)
    (one,) = model.generate_from(Inputs(mask, embeds=embeds), SAMPLING)
    return one.text, one.tokens, one.finished
