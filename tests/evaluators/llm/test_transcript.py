from diffkit.testing.endpoint import always, calls, in_turn, says


def test_a_message_is_written_once(bench, ask, tools):
    bench.endpoint.script = in_turn(calls(("ask_models", {"prompts": ["Hi"]})), says("Done."))
    model = bench.model()
    reply = model.complete(ask, tools=tools)
    result = {"role": "tool", "tool_call_id": reply.tool_calls[0].id, "content": "Hello."}
    model.complete([*ask, reply.message, result], tools=tools)
    first, second = bench.events("request")
    assert (first.earlier, list(first.messages)) == (0, ask)
    assert (second.earlier, list(second.messages)) == (1, [reply.message, result])


def test_another_conversation_is_written_in_full(bench, ask):
    model = bench.model()
    other = [{"role": "user", "content": "Something else?"}]
    for messages in (ask, other, [*other, *ask], other):
        model.complete(messages)
    assert [(one.earlier, len(one.messages)) for one in bench.events("request")] == [
        (0, 1),
        (0, 1),
        (1, 1),
        (0, 1),
    ]


def test_the_rest_of_the_body_is_written_too(bench, ask, tools):
    model = {"name": "m", "base_url": bench.endpoint.url, "parameters": {"seed": 3}}
    bench.model(model=model).complete(ask, tools=tools, tool_choice="required")
    (request,) = bench.events("request")
    body = bench.endpoint.requests[0]
    assert (request.model, request.role, request.call) == ("m", "investigator", 1)
    assert {**request.parameters, "model": "m", "messages": list(request.messages)} == body


def test_responses_are_written_as_they_came(bench, ask):
    bench.model().complete(ask)
    (response,) = bench.events("response")
    assert response.body["choices"][0]["message"]["content"] == "Hello."
    assert response.body["usage"]["prompt_tokens"] > 0
    assert (response.call, response.remembered) == (1, False)


def test_remembered_answers_are_in_the_transcript_too(bench, ask):
    bench.model().complete(ask)
    bench.fresh()
    bench.model().complete(ask)
    first, second = bench.events("response")
    assert (first.remembered, second.remembered) == (False, True)
    assert first.body == second.body


def test_calls_are_numbered_over_all_that_share_a_talk(bench, ask):
    bench.endpoint.script = always(says("x"))
    for _ in range(3):
        bench.model().complete(ask)
    assert [one.call for one in bench.events("request")] == [1, 2, 3]
    assert [one.call for one in bench.events("response")] == [1, 2, 3]
