"""Streams follow Slack's rules: who reads, how long, how much, and when they are over."""

import pytest

GENERAL = "C0GENERAL"
RECIPIENT = {"recipient_team_id": "T0SANDBOX", "recipient_user_id": "U0ADA"}


@pytest.fixture
async def question(ada):
    return await ada.dm("how many days?")


@pytest.fixture
async def stream(client, question):
    started = await client.chat_startStream(channel=question.channel, thread_ts=question.ts)
    return {"channel": question.channel, "ts": started["ts"]}


async def test_a_stream_grows_and_ends_with_blocks_and_metadata(client, workspace, stream):
    metadata = {"event_type": "footnote_answer", "event_payload": {"answer_id": "1"}}
    await client.chat_appendStream(**stream, markdown_text="25 ")
    task = {"type": "task_update", "id": "find", "title": "Searching", "status": "in_progress"}
    await client.chat_appendStream(**stream, chunks=[task])
    await client.chat_appendStream(**stream, chunks=[{**task, "status": "complete"}])
    await client.chat_appendStream(**stream, chunks=[{"type": "markdown_text", "text": "days."}])
    message = workspace.find(**stream)
    assert (message.text, message.streaming) == ("25 days.", True)
    await client.chat_stopStream(**stream, blocks=[{"type": "divider"}], metadata=metadata)
    assert [block["type"] for block in message.blocks] == ["markdown", "task_card", "markdown", "divider"]
    assert message.blocks[1]["status"] == "complete"
    assert (message.streaming, message.metadata, message.edited) == (False, metadata, None)


async def test_a_stopped_stream_takes_nothing_more(client, stream, refused):
    await client.chat_stopStream(**stream, markdown_text="done")
    for call in (client.chat_appendStream(**stream, markdown_text="x"), client.chat_stopStream(**stream)):
        assert (await refused(call))["error"] == "message_not_in_streaming_state"


async def test_a_stream_dies_after_five_minutes_and_can_be_repaired_by_an_update(client, workspace, stream, refused):
    await client.chat_appendStream(**stream, markdown_text="half")
    early = client.chat_update(**stream, text="x")
    assert (await refused(early))["error"] == "streaming_state_conflict"
    later = workspace.clock() + 301
    workspace.clock = lambda: later
    for call in (client.chat_appendStream(**stream, markdown_text="x"), client.chat_stopStream(**stream)):
        assert (await refused(call))["error"] == "message_not_in_streaming_state"
    await client.chat_update(**stream, text="whole")
    assert workspace.find(**stream).text == "whole"


async def test_outside_direct_messages_a_stream_names_its_reader(client, ada, refused):
    question = await ada.say(GENERAL, "how?")
    where = {"channel": GENERAL, "thread_ts": question.ts}
    assert (await refused(client.chat_startStream(**where)))["error"] == "missing_recipient_team_id"
    no_user = client.chat_startStream(**where, recipient_team_id="T0SANDBOX")
    assert (await refused(no_user))["error"] == "missing_recipient_user_id"
    the_bot = client.chat_startStream(**where, recipient_team_id="T0SANDBOX", recipient_user_id="U0BOT")
    assert (await refused(the_bot))["error"] == "user_not_found"
    assert (await client.chat_startStream(**where, **RECIPIENT))["ok"]


async def test_a_stream_needs_a_thread(client, refused):
    bare = client.api_call("chat.startStream", json={"channel": "D0ADA"})
    assert (await refused(bare))["response_metadata"]["messages"] == ["[ERROR] missing required field: thread_ts"]
    nowhere = client.chat_startStream(channel="D0ADA", thread_ts="1.000000")
    assert (await refused(nowhere))["error"] == "thread_not_found"


@pytest.mark.parametrize(
    ("content", "code"),
    [
        ({"markdown_text": "x" * 12_001}, "msg_too_long"),
        ({}, "no_text"),
        ({"markdown_text": "x", "chunks": [{"type": "markdown_text", "text": "y"}]}, "markdown_text_conflict"),
        ({"chunks": [{"type": "task_update", "title": "no id"}]}, "invalid_chunks"),
        ({"chunks": [{"type": "blocks", "blocks": [{"type": "nonsense"}]}]}, "invalid_blocks"),
    ],
)
async def test_a_refused_append_leaves_the_stream_as_it_was(client, workspace, stream, refused, content, code):
    await client.chat_appendStream(**stream, markdown_text="kept")
    assert (await refused(client.chat_appendStream(**stream, **content)))["error"] == code
    assert workspace.find(**stream).text == "kept"


async def test_somebody_elses_message_is_no_stream(client, question, refused):
    append = client.chat_appendStream(channel=question.channel, ts=question.ts, markdown_text="x")
    assert (await refused(append))["error"] == "message_not_owned_by_app"


async def test_the_sdk_helper_streams(client, workspace, question):
    streamer = await client.chat_stream(channel=question.channel, thread_ts=question.ts, buffer_size=4)
    for word in ("one ", "two ", "three"):
        await streamer.append(markdown_text=word)
    await streamer.stop()
    assert workspace.all_messages(question.channel)[-1].text == "one two three"
