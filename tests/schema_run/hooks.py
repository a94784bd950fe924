"""Gives most requests of the schema's run a pipeline, job and task that are there: names made up reach nothing but 404."""

import json
import os
import re
import urllib.request
import uuid

import schemathesis

URL = os.environ["HAYRICK_URL"]
SOON = 20.0
NAME = r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}"
# What echo-relay does with the text behind the colon.
VERBS = ["echo:", "relay:", "forward:", "gather:", "body:"]
PIPELINES = ["echo-relay", "files-echo", "job-worker", "api-describes", "absent"]


def ask(path, body=None):
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(URL + path, data, {"content-type": "application/json"})
    with urllib.request.urlopen(request, timeout=SOON) as answer:
        return json.load(answer)


def ended_job(program):
    job = ask("/job-worker/jobs", {"type": "x", "data": program, "max_attempts": 1})
    return ask(f"/job-worker/jobs/{job['id']}?wait=10")["id"]


# One that has a result and one that has an error. Both have ended, so no request waits for them.
JOBS = [ended_job({"do": "return", "value": {"a": [1, None]}}), ended_job({"do": "permanent", "error": "no"})]


def pick(choices, value):
    """One of them for every value, always the same."""
    return choices[sum(value.encode()) % len(choices)]


def is_uuid(value):
    try:
        return str(uuid.UUID(value)) == value.lower()
    except ValueError:
        return False


def replace(path, name, value):
    """A value that breaks its rule stays: the server is to refuse it."""
    if name == "id" and "/job" in path:
        return pick([*JOBS, value], value) if is_uuid(value) else value
    if (name == "id" and "/tasks" in path) or not re.fullmatch(NAME, value):
        return value
    if "/job" in path:
        return pick(["job-worker", "job-worker", "echo-relay", value], value)
    if "/run" in path:
        return pick(["api-describes", "api-describes", "echo-relay", value], value)
    if "/files" in path:
        return pick(["files-echo", "files-echo", "echo-relay", value], value)
    return pick([*PIPELINES, value], value)


@schemathesis.hook
def map_path_parameters(context, path_parameters):
    for name, value in (path_parameters or {}).items():
        if isinstance(value, str):
            path_parameters[name] = replace(context.operation.path, name, value)
    return path_parameters


@schemathesis.hook
def map_body(context, body):
    """A pipeline that is there, and a last message that it has an answer to. What breaks a rule still does."""
    if context.operation.path in ("/completions", "/v1/completions") and isinstance(body, dict):
        if isinstance(body.get("prompt"), str) and isinstance(body.get("model"), str):
            body["prompt"] = "echo:" + body["prompt"]
            body["model"] = pick(["echo-relay", "echo-relay", "files-echo", "absent"], body["model"])
        return body
    if context.operation.path.endswith("/embeddings") and isinstance(body, dict) and isinstance(body.get("model"), str):
        body["model"] = pick(["embedder", "embedder", "embedder", "echo-relay", "absent"], body["model"])
        return body
    if not context.operation.path.endswith("/chat/completions") or not isinstance(body, dict):
        return body
    model, messages = body.get("model"), body.get("messages")
    if isinstance(model, str) and model and isinstance(messages, list) and messages:
        body["model"] = pick(["echo-relay", "echo-relay", "echo-relay", "files-echo", "absent"], model)
        body["messages"] = [*messages, {"role": "user", "content": pick(VERBS, model) + model}]
    return body


@schemathesis.hook
def map_case(context, case):
    """One key for a job: the document cannot say that the header and the field have to agree."""
    headers, body = case.headers or {}, case.body
    if isinstance(body, dict) and "idempotency_key" in body and "idempotency-key" in headers:
        body["idempotency_key"] = headers["idempotency-key"]
    return case
