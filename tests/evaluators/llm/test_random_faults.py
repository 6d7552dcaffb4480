"""Many conversations with an endpoint that fails in all ways: nothing is lost, nothing twice."""

from concurrent.futures import ThreadPoolExecutor

from diffkit_evaluators.llm import ChatConfig, LanguageModel, LanguageModelError

from diffkit import ChatSession
from diffkit.testing.endpoint import always, random_faults, says

COUNT = 40


def _talk(config, number, memory):
    """Three turns, each made again until there are words; what was said, and what was used."""
    chat = ChatSession(cache=memory)
    model = LanguageModel(config, "investigator", chat, sleep=lambda seconds: None)
    messages, said = [{"role": "user", "content": f"Talk {number}"}], []
    while len(said) < 3:
        try:
            reply = model.complete(messages)
        except LanguageModelError:
            continue
        if reply.text == "right":
            said.append(reply.text)
            messages += [reply.message, {"role": "user", "content": "And?"}]
    return said, chat.usage["investigator"]


def test_all_end_and_what_was_answered_is_not_asked_again(endpoint, bench):
    endpoint.script = random_faults(3, always(says("right")), 0.4)
    config = ChatConfig(model={"name": "m", "base_url": endpoint.url}, backoff=0, retries=1)

    def run(number):
        return _talk(config, number, bench.chat.cache)

    with ThreadPoolExecutor(8) as pool:
        first = list(pool.map(run, range(COUNT)))
    asked = endpoint.calls
    assert [said for said, _ in first] == [["right"] * 3] * COUNT
    assert asked > 3 * COUNT
    with ThreadPoolExecutor(8) as pool:
        second = list(pool.map(run, range(COUNT)))
    assert endpoint.calls == asked
    for (_, before), (_, after) in zip(first, second, strict=True):
        assert after == before.model_copy(update={"remembered": before.calls})
