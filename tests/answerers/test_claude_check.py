"""Asking Claude whether the key and the models fit, before anybody asks a question."""

from __future__ import annotations

import pytest

from knowledge import AnswererUnavailableError, ConfigurationError, KnowledgeBase, Settings
from knowledge.adapters.claude_answerer import ClaudeAnswerer
from knowledge.adapters.claude_understander import ClaudeUnderstander
from tests.standins.messages_api import MessagesApi, serving


async def check(settings: Settings, part: type[ClaudeAnswerer | ClaudeUnderstander] = ClaudeAnswerer) -> str:
    built = part.build(settings=settings)
    try:
        return await built.check()
    finally:
        await built.close()


async def test_models_that_may_be_used_are_named(claude_settings: Settings):
    assert await check(claude_settings) == "claude-sonnet-5-5"
    assert await check(claude_settings, ClaudeUnderstander) == "claude-haiku-5-5"


@pytest.mark.parametrize(
    ("change", "part", "said"),
    [
        ({"anthropic_api_key": "sk-ant-wrong"}, ClaudeAnswerer, "ANTHROPIC_API_KEY"),
        ({"model": "claude-9"}, ClaudeAnswerer, "FOOTNOTE_MODEL=claude-9: Claude has no such model"),
        ({"small_model": "claude-9"}, ClaudeUnderstander, "FOOTNOTE_SMALL_MODEL=claude-9: Claude has no such model"),
        ({"model": "claude-opus-5-5"}, ClaudeAnswerer, "FOOTNOTE_MODEL=claude-opus-5-5: this model is retired"),
    ],
)
async def test_what_may_not_be_used_is_wrong_configuration(
    api: MessagesApi,
    change: dict[str, str],
    part: type[ClaudeAnswerer | ClaudeUnderstander],
    said: str,
):
    api.lifecycles["claude-opus-5-5"] = "retired"
    given = {"anthropic_api_key": api.key, "anthropic_base_url": api.url} | change
    with pytest.raises(ConfigurationError, match=said) as caught:
        await check(Settings(**given), part)  # type: ignore[arg-type]
    assert "sk-ant" not in str(caught.value)


async def test_a_model_that_will_go_is_named_as_such(api: MessagesApi, claude_settings: Settings):
    api.lifecycles["claude-sonnet-5-5"] = "deprecated"
    assert "deprecated" in await check(claude_settings)


async def test_a_proxy_that_lists_no_models_is_not_in_the_way():
    async with serving(MessagesApi(lists_models=False)) as api:
        assert "not checked" in await check(Settings(anthropic_api_key=api.key, anthropic_base_url=api.url))


async def test_a_service_that_is_away_is_not_wrong_configuration():
    settings = Settings(anthropic_api_key="sk-ant-test", anthropic_base_url="http://127.0.0.1:9")
    with pytest.raises(AnswererUnavailableError, match="could not be reached"):
        await check(settings)
    kb = await KnowledgeBase.open(settings)
    await kb.warm_up()
    await kb.close()


async def test_a_wrong_key_refuses_the_start(api: MessagesApi):
    kb = await KnowledgeBase.open(Settings(anthropic_api_key="sk-ant-wrong", anthropic_base_url=api.url))
    with pytest.raises(ConfigurationError, match="ANTHROPIC_API_KEY"):
        await kb.warm_up()
    await kb.close()
