"""The official openai client against a running Hayrick, whose address is in HAYRICK_URL.

It serves the guests echo-relay, embedder, panic and slow-stream, and the built-in model.
"""

import asyncio
import json
import os
import time
import urllib.request

import openai
import pytest

URL = os.environ["HAYRICK_URL"]
SOON = 20.0


@pytest.fixture
def client():
    with openai.OpenAI(base_url=f"{URL}/v1", api_key="unused", max_retries=0, timeout=SOON) as client:
        yield client


def user(text):
    return [{"role": "user", "content": text}]


def status(pipeline):
    with urllib.request.urlopen(f"{URL}/status/{pipeline}", timeout=SOON) as answer:
        return json.load(answer)


def test_plain(client):
    answer = client.chat.completions.create(model="echo-relay", messages=user("echo:Hello"))
    assert answer.choices[0].message.content == "Hello"
    assert answer.choices[0].message.role == "assistant"
    assert answer.choices[0].finish_reason == "stop"
    assert answer.object == "chat.completion"


def test_streamed(client):
    stream = client.chat.completions.create(model="echo-relay", messages=user("relay:Hello"), stream=True)
    chunks = list(stream)
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks)
    assert "built-in model" in text
    assert len({chunk.id for chunk in chunks}) == 1
    assert [chunk.choices[0].finish_reason for chunk in chunks][-1] == "stop"


def test_usage(client):
    plain = client.chat.completions.create(model="echo-relay", messages=user("relay:Hello"))
    stream = client.chat.completions.create(
        model="echo-relay", messages=user("relay:Hello"), stream=True, stream_options={"include_usage": True}
    )
    *_, last = stream
    assert last.choices == []
    assert last.usage == plain.usage
    assert last.usage.total_tokens == last.usage.prompt_tokens + last.usage.completion_tokens > 0


def test_models(client):
    assert {"echo-relay", "panic", "slow-stream"} == {model.id for model in client.models.list()}
    assert client.models.retrieve("panic").id == "panic"


def test_unknown_model(client):
    with pytest.raises(openai.NotFoundError) as caught:
        client.chat.completions.create(model="absent", messages=user("hi"))
    assert "absent" in caught.value.message
    assert caught.value.request_id


def test_wrong_request(client):
    with pytest.raises(openai.BadRequestError) as caught:
        client.chat.completions.create(model="echo-relay", messages="no list")
    assert "messages" in caught.value.message


def test_broken_plugin(client):
    with pytest.raises(openai.InternalServerError) as caught:
        client.chat.completions.create(model="panic", messages=user("hi"))
    assert "panicked" in caught.value.message
    with pytest.raises(openai.APIError):
        list(client.chat.completions.create(model="panic", messages=user("hi"), stream=True))


def test_cancel_half_way(client):
    with client.chat.completions.create(model="slow-stream", messages=user("5000"), stream=True) as stream:
        for chunk in stream:
            if chunk.choices[0].delta.content:
                break
        assert status("slow-stream")["active_runs"] == 1
    deadline = time.monotonic() + SOON
    while status("slow-stream")["active_runs"]:
        assert time.monotonic() < deadline, "the run went on without its client"
        time.sleep(0.02)


def test_64_at_once():
    async def ask(client, number):
        stream = await client.chat.completions.create(model="echo-relay", messages=user(f"echo:number {number}"), stream=True)
        return "".join([chunk.choices[0].delta.content or "" async for chunk in stream])

    async def ask_all():
        async with openai.AsyncOpenAI(base_url=f"{URL}/v1", api_key="unused", max_retries=0, timeout=SOON) as client:
            return await asyncio.gather(*(ask(client, number) for number in range(64)))

    assert asyncio.run(ask_all()) == [f"number {number}" for number in range(64)]


def test_embeddings(client):
    # Without encoding_format the client asks for base64, and decodes it.
    made = client.embeddings.create(model="embedder", input=["red apple", "Red apple pie", "stock market"])
    vectors = [item.embedding for item in made.data]
    assert [item.index for item in made.data] == [0, 1, 2]

    def near(a, b):
        return sum(x * y for x, y in zip(vectors[a], vectors[b]))

    assert near(0, 1) > 0.7 > near(0, 2)
    plain = client.embeddings.create(model="embedder", input="red apple", encoding_format="float")
    assert plain.data[0].embedding == pytest.approx(vectors[0])
    assert plain.usage.total_tokens > 0


def test_completions(client):
    answer = client.completions.create(model="echo-relay", prompt="echo:one two", echo=True)
    assert answer.object == "text_completion"
    assert answer.choices[0].text == "echo:one twoone two"
    assert answer.choices[0].finish_reason == "stop"
    stream = client.completions.create(
        model="echo-relay", prompt="relay:Hello", stream=True, stream_options={"include_usage": True}
    )
    *frames, last = list(stream)
    assert "built-in model" in "".join(frame.choices[0].text for frame in frames)
    assert frames[-1].choices[0].finish_reason == "stop"
    assert last.usage.total_tokens > 0
    with pytest.raises(openai.NotFoundError):
        client.completions.create(model="nobody", prompt="x")
