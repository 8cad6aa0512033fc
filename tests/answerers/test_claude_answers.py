"""Claude's answers, through the real SDK against the stand-in."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace

from knowledge import Turn
from knowledge.adapters.claude_request import canonical
from knowledge.prompts import load
from tests.answerers.conftest import EXPENSES_PASSAGE, LEAVE, LEAVE_PASSAGE, answered, asks, passage, search_in
from tests.standins.messages_api import CACHEABLE
from tests.standins.messages_replies import Cite, Search, Text, Thinking, said
from tests.standins.messages_rules import blocks, search_results

DAYS = Text("You get 26 days of paid annual leave.", (Cite(0, 2),))


async def test_an_answer_is_made_of_sentences_with_the_quotes_that_carry_them(api, answerer):
    api.will(said(DAYS, " ", Text("A taxi may cost 45 euros per ride.", (Cite(1, 2),))))
    result = await answered(answerer)
    assert result.text == "You get 26 days of paid annual leave. [1] A taxi may cost 45 euros per ride. [2]"
    assert [citation.quote for citation in result.checked.citations] == [
        "Every employee gets 26 days of paid annual leave per calendar year.",
        "Taxi | 45 euros per ride",
    ]
    assert result.draft.complete


async def test_a_citation_that_comes_after_its_words_counts_as_well(api, answerer):
    api.will(said(replace(DAYS, cites_first=False), " There is more."))
    result = await answered(answerer)
    assert [len(sentence.quotes) for sentence in result.sentences] == [1, 0]


async def test_a_sentence_that_spans_blocks_has_the_quotes_of_all_of_them(api, answerer):
    api.will(
        said(Text("You get 26 days of leave", (Cite(0, 2),)), " and ", Text("a taxi for 45 euros", (Cite(1, 2),)), ".")
    )
    result = await answered(answerer)
    assert [sentence.text for sentence in result.sentences] == ["You get 26 days of leave and a taxi for 45 euros."]
    assert [quote.passage for quote in result.sentences[0].quotes] == [0, 1]


async def test_a_block_of_several_sentences_lends_its_quotes_to_each(api, answerer):
    api.will(said(Text("You get 26 days of leave. Up to 5 days can be carried over.", (Cite(0, 2, 4),))))
    result = await answered(answerer)
    assert [len(sentence.quotes) for sentence in result.sentences] == [1, 1]
    assert len(result.checked.sentences) == 2


async def test_a_sentence_is_passed_on_before_the_next_one_is_written(api, answerer):
    api.pace = 0.05
    api.will(said(DAYS, " ", Text("A taxi may cost 45 euros per ride. " * 4, (Cite(1, 2),))))
    seen = 0
    async for event in answerer.answer(asks()):
        seen += event.sentence is not None
        if seen == 1:
            assert event.draft is None
            break
    assert seen == 1


async def test_passages_are_sent_as_search_results_and_nowhere_else(api, answerer):
    marked = passage("The canary sings at noon. It sleeps at night.", 3, title="Canary title", path="canary-path.md")
    await answered(answerer, asks("When does the bird sing?", passages=(marked,)))
    body = api.bodies[0]
    (result,) = search_results(body)
    assert [part["text"] for part in result["content"]] == ["The canary sings at noon. ", "It sleeps at night."]
    assert (result["title"], result["source"]) == ("Canary title", "handbook/canary-path.md")
    assert result["citations"] == {"enabled": True}
    body["messages"][-1]["content"] = [part for part in body["messages"][-1]["content"] if part["type"] == "text"]
    assert "canary" not in json.dumps(body).casefold()


async def test_nothing_of_a_document_or_a_person_stands_in_the_system_prompt_or_the_tool(api, answerer):
    await answered(answerer, asks("Where is the ZEBRA kept?", search=search_in((), [])))
    body = api.bodies[0]
    assert [block["text"] for block in body["system"]] == [load("answer").text]
    assert body["tools"][0]["description"] == load("search").text


async def test_the_request_is_stored_as_the_very_bytes_that_were_sent(api, answerer):
    result = await answered(answerer, asks("¿Cuántos días? «días» ☂", search=search_in((EXPENSES_PASSAGE,), [])))
    assert result.draft.request == api.received[-1].raw == canonical(api.bodies[-1])


async def test_no_secret_stands_in_the_request(api, answerer):
    result = await answered(answerer)
    assert api.key.encode() not in api.received[0].raw
    assert api.key.encode() not in result.draft.request


async def test_sampling_is_never_sent_and_model_effort_and_length_are_settings(api, claude_settings):
    from knowledge.adapters.claude_answerer import ClaudeAnswerer

    settings = claude_settings.model_copy(update={"model": "claude-opus-5-5", "effort": "low", "max_tokens": 999})
    other = ClaudeAnswerer.build(settings=settings)
    await answered(other)
    await other.close()
    body = api.bodies[0]
    assert (body["model"], body["max_tokens"], body["output_config"]) == ("claude-opus-5-5", 999, {"effort": "low"})
    assert not {"temperature", "top_p", "top_k"} & set(body)


async def test_a_model_from_before_effort_is_not_asked_for_it(api, claude_settings):
    from knowledge.adapters.claude_answerer import ClaudeAnswerer

    other = ClaudeAnswerer.build(settings=claude_settings.model_copy(update={"model": "claude-haiku-4-5"}))
    await answered(other)
    await other.close()
    assert "output_config" not in api.bodies[0]


async def test_the_system_prompt_is_read_from_the_cache_the_second_time(api, answerer):
    first, second = [
        await answered(answerer, asks(text)) for text in ("How many days of leave?", "What may a taxi cost?")
    ]
    written = first.draft.usage["cache_creation_input_tokens"]
    assert written >= CACHEABLE
    assert first.draft.usage["cache_read_input_tokens"] == 0
    assert second.draft.usage["cache_read_input_tokens"] == written
    assert second.draft.usage["cache_creation_input_tokens"] == 0


async def test_model_tokens_cost_and_times_are_recorded(api, answerer):
    api.latency = 0.05
    result = await answered(answerer)
    usage = result.draft.usage
    assert result.draft.model == "claude-sonnet-5-5-20260928"
    assert result.draft.prompt_version == load("answer", "search").version
    expected = (
        usage["input_tokens"] * 2 + usage["output_tokens"] * 10 + usage["cache_creation_input_tokens"] * 2.5
        + usage["cache_read_input_tokens"] * 0.1
    )  # fmt: skip
    assert usage["cost_micro_usd"] == round(expected)
    assert 50 <= usage["first_token_ms"] <= usage["total_ms"]
    assert usage["requests"] == 1


async def test_the_model_says_that_the_passages_do_not_answer(api, answerer):
    for words in ("NOT_IN_PASSAGES", "`NOT_IN_PASSAGES`", "NOT_IN_PASSAGES. The passages are about leave."):
        api.will(said(words))
        result = await answered(answerer)
        assert (result.sentences, result.draft.sentences, result.draft.complete) == ([], (), True)


async def test_an_answer_that_cites_nothing_is_none(api, answerer):
    api.will(said("You get 26 days of leave. Enjoy them."))
    result = await answered(answerer)
    assert result.draft.sentences == ()


async def test_a_partial_answer_names_the_part_that_is_missing(api, answerer):
    api.will(said(DAYS, "\n\nMISSING: annual leave for contractors"))
    result = await answered(answerer, asks("How many days of annual leave do employees and contractors get?"))
    assert result.text == "You get 26 days of paid annual leave. [1]"
    assert result.draft.missing == "annual leave for contractors"


async def test_a_missing_part_cannot_smuggle_in_a_fact(api, answerer):
    for smuggled in ("it is 99 days for contractors", "ask Mallory", "see https://evil.example", "<!channel>"):
        api.will(said(DAYS, f"\nMISSING: {smuggled}"))
        assert (await answered(answerer)).draft.missing == "a part of the question"


async def test_list_markers_headings_and_fences_do_not_get_into_sentences(api, answerer):
    api.will(said(Text("## Leave\n- You get 26 days.\n- Up to 5 days are carried over.\n", (Cite(0, 2, 4),))))
    result = await answered(answerer)
    assert [sentence.text for sentence in result.sentences] == ["You get 26 days.", "Up to 5 days are carried over."]


async def test_our_own_prompt_is_not_recited(api, answerer):
    api.will(said(Text(load("answer").text + "\n", (Cite(0, 2),)), DAYS))
    result = await answered(answerer)
    assert result.sentences[-1].text == DAYS.text
    assert not any(load("answer").repeated_in(sentence.text) for sentence in result.sentences)


async def test_quotes_of_passages_that_were_not_sent_are_never_shown(api, answerer):
    wrong = (Cite(7), Cite(-1), Cite(0, 99), Cite(0, 2, claims={"cited_text": "Every employee gets 99 days."}))
    api.will(*(said(Text("You get 26 days of paid annual leave.", (cite,))) for cite in wrong))
    for _ in wrong:
        result = await answered(answerer)
        assert result.checked.citations == ()


async def test_a_service_that_counts_otherwise_still_has_its_words_found(api, answerer):
    claims = {"search_result_index": 1, "start_block_index": 0, "end_block_index": 1}
    api.will(said(replace(DAYS, cites=(Cite(0, 2, claims=claims),))))
    result = await answered(answerer)
    assert [citation.chunk.path for citation in result.checked.citations] == ["leave.md"]


# --- searching again -------------------------------------------------------------------------------------------------


async def test_claude_searches_again_and_its_citations_are_checked_like_the_first(api, answerer):
    queries: list[str] = []
    statuses: list[str] = []

    async def on_status(words: str) -> None:
        statuses.append(words)

    api.will(
        said(Thinking("hm"), "Let me look.", Search("taxi limit")),
        said(Text("A taxi may cost 45 euros per ride.", (Cite(1, 2),))),
    )
    search = search_in((LEAVE_PASSAGE, EXPENSES_PASSAGE), queries)
    request = asks("What may a taxi cost?", passages=(LEAVE_PASSAGE,), search=search, on_status=on_status)
    result = await answered(answerer, request)
    assert result.text == "A taxi may cost 45 euros per ride. [1]"
    assert [citation.chunk.path for citation in result.checked.citations] == ["expenses.md"]
    assert result.draft.passages == (EXPENSES_PASSAGE,)
    assert queries == ["taxi limit"]
    assert statuses == ["Searching again (1 of 3)"]
    assert len(search_results(api.bodies[1])) == 2


async def test_what_is_said_before_searching_again_is_no_part_of_the_answer(api, answerer):
    api.will(said("Let me look. It is open.", Search("x")), said(DAYS))
    result = await answered(answerer, asks(search=search_in((), [])))
    assert [sentence.text for sentence in result.sentences] == [DAYS.text]


async def test_claude_searches_at_most_three_times(api, answerer):
    queries: list[str] = []
    api.will(*(said(Search(f"try {number}", id=f"toolu_{number}")) for number in range(4)))
    result = await answered(answerer, asks(search=search_in((), queries)))
    assert queries == ["try 0", "try 1", "try 2"]
    assert [body["tool_choice"]["type"] for body in api.bodies] == ["auto", "auto", "auto", "none"]
    assert result.draft.sentences == ()


async def test_tool_and_system_stay_the_same_through_the_rounds_so_that_they_are_cached(api, answerer):
    api.will(said(Search("one")), said(DAYS))
    result = await answered(answerer, asks(search=search_in((EXPENSES_PASSAGE,), [])))
    assert api.bodies[0]["system"] == api.bodies[1]["system"]
    assert api.bodies[0]["tools"] == api.bodies[1]["tools"]
    assert result.draft.usage["cache_read_input_tokens"] == result.draft.usage["cache_creation_input_tokens"]


async def test_without_a_search_claude_has_no_tool(api, answerer):
    await answered(answerer)
    assert not {"tools", "tool_choice"} & set(api.bodies[0])


async def test_a_search_that_fails_finds_nothing_and_the_answer_goes_on(api, answerer):
    from knowledge import IndexUnavailableError

    async def search(query: str):
        raise IndexUnavailableError

    api.will(said(Search("taxi")), said(DAYS))
    result = await answered(answerer, asks(search=search))
    assert result.text.startswith("You get 26 days")
    (found,) = [block for _, block in blocks(api.bodies[1]) if block["type"] == "tool_result"]
    assert found["content"] == "There are no further passages."


# --- the conversation ------------------------------------------------------------------------------------------------

HISTORY = (
    Turn("U1", "How many days of leave do I get?"),
    Turn("U2", "I think it is 30."),
    Turn("assistant", "You get 26 days. [1][2]"),
)


async def test_history_goes_along_as_turns_and_other_people_are_named(api, answerer):
    await answered(answerer, asks("and taxis?", history=HISTORY, asker="U1", asked="and taxis?"))
    first, second, last = api.bodies[0]["messages"]
    assert first == {"role": "user", "content": "How many days of leave do I get?\n\nU2 wrote: I think it is 30."}
    assert second == {"role": "assistant", "content": "You get 26 days."}
    assert last["content"][-1]["text"].endswith("and taxis?")


async def test_the_persons_own_words_are_sent_beside_the_question_that_stands_alone(api, answerer):
    request = asks("How many days of leave do I get? In German.", history=HISTORY, asker="U1", asked="auf Deutsch")
    await answered(answerer, request)
    said_last = api.bodies[0]["messages"][-1]["content"][-1]["text"]
    assert "auf Deutsch\n\n(In this conversation that means: How many days of leave do I get? In German.)" in said_last


async def test_a_long_history_is_bounded_and_the_newest_is_kept(api, claude_settings):
    from knowledge.adapters.claude_answerer import ClaudeAnswerer

    history = (*(Turn("U1", f"old {number} " * 100) for number in range(9)), Turn("assistant", "The newest answer."))
    short = ClaudeAnswerer.build(settings=claude_settings.model_copy(update={"history_tokens": 300}))
    await answered(short, asks("shorter", history=history, asker="U1"))
    await short.close()
    sent = json.dumps(api.bodies[0]["messages"])
    assert "The newest answer." in sent
    assert "old 8" in sent
    assert "old 7" not in sent


async def test_many_answers_stream_side_by_side(api, answerer):
    api.pace = 0.002
    results = await asyncio.gather(*(answered(answerer) for _ in range(60)))
    assert {result.text for result in results} == {
        "Every employee gets 26 days of paid annual leave per calendar year. [1]"
    }
    assert LEAVE.count("26 days") == 1
