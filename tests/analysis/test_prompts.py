from diffkit.analysis import user_turn


def test_a_user_s_message_is_the_prompt_of_an_answer(tiny_model):
    start = user_turn(tiny_model.tokenizer, "Who are you?")
    assert start.kind == "user's turn"
    assert "Who are you?" in start.text


def test_a_prompt_that_is_too_long_or_refused_is_none(tiny_model, monkeypatch):
    assert user_turn(tiny_model.tokenizer, "Who are you?", max_tokens=1) is None
    refusing = "{{ raise_exception('no') }}"
    monkeypatch.setattr(tiny_model.tokenizer, "chat_template", refusing)
    assert user_turn(tiny_model.tokenizer, "Who are you?") is None
