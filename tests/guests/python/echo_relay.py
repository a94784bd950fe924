"""Runs the command in the last user message, `verb:rest`. The same guest exists in Rust and in JavaScript."""

import asyncio
import re

from componentize_py_types import Err
from wit_world import exports
from wit_world.exports.chat import ChatRequest
from wit_world.imports import llm, response
from wit_world.imports.types import Chunk_Text, Failure, FailureKind, Message, Options, Part_Text, Role, TextPart

DEFAULTS = Options(model=None, temperature=None, max_tokens=None, seed=None, tools=[], response_format=None, extra=None)


class Lifecycle(exports.Lifecycle):
    async def setup(self) -> None:
        pass


class Chat(exports.Chat):
    async def run_chat_completion(self, request: ChatRequest) -> None:
        verb, colon, rest = last_user_text(request).partition(":")
        match verb if colon else "":
            case "echo":
                await echo(rest)
            case "relay":
                await relay(request.messages)
            case "forward":
                await response.forward(await llm.generate_stream(request.messages, DEFAULTS))
            case "gather":
                await gather(rest)
            case "body":
                await send_text(request.body)
            case "fail":
                raise parse_failure(rest)
            case _:
                raise failure(
                    FailureKind.INVALID_INPUT,
                    "begin the message with echo:, relay:, forward:, gather:, body: or fail:",
                )


async def echo(text: str) -> None:
    """Sends the text back word by word."""
    for word in re.findall(r"[^ ]* |[^ ]+", text):
        await send_text(word)


async def relay(messages: list[Message]) -> None:
    """Relays a generation chunk by chunk."""
    with await llm.generate_stream(messages, DEFAULTS) as generation:
        while (chunk := await generation.next()) is not None:
            await response.send(chunk)


async def gather(questions: str) -> None:
    """Asks all questions, separated by bars, concurrently, and sends the answers in order."""
    answers = [llm.generate([user_message(question)], DEFAULTS) for question in questions.split("|")]
    for answer in await asyncio.gather(*answers):
        await send_text(answer.text + "\n")


async def send_text(text: str) -> None:
    await response.send(Chunk_Text(text))


def last_user_text(request: ChatRequest) -> str:
    """The text of the user's last message, or an empty string."""
    messages = [message for message in request.messages if message.role == Role.USER]
    return "".join(part.value.text for message in messages[-1:] for part in message.content if isinstance(part, Part_Text))


def user_message(text: str) -> Message:
    return Message(role=Role.USER, content=[Part_Text(TextPart(text, None))], name=None, tool_calls=[], tool_call_id=None, fields=None)


def parse_failure(text: str) -> Err[Failure]:
    """Parses `kind:message`."""
    kind, _, message = text.partition(":")
    try:
        return failure(FailureKind[kind.replace("-", "_").upper()], message)
    except KeyError:
        return failure(FailureKind.INVALID_INPUT, f"unknown kind of failure: {kind}")


def failure(kind: FailureKind, message: str) -> Err[Failure]:
    return Err(Failure(kind=kind, message=message, retry_after=None, limit=None))
