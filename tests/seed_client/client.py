"""Asks the three example pipelines what their customer's test script asks: a chat, a batch, and a job, whose end it awaits.

    python tests/seed_client/client.py http://127.0.0.1:1416

Prints the answers; ends with 1 if one of them is not as it should be. Needs nothing but Python."""

import json
import sys
from urllib.request import Request, urlopen

SERVER = sys.argv[1].rstrip("/") if len(sys.argv) > 1 else "http://127.0.0.1:1416"
# Seconds; a real model takes its time.
TIMEOUT = 120


def ask(path, body=None):
    data = None if body is None else json.dumps(body).encode()
    request = Request(SERVER + path, data=data, headers={"content-type": "application/json"})
    with urlopen(request, timeout=TIMEOUT) as response:
        return json.load(response)


def chat(model, content, **fields):
    messages = [{"role": "user", "content": content}]
    return ask("/v1/chat/completions", {"model": model, "messages": messages, **fields})


def text(answer):
    return answer["choices"][0]["message"]["content"]


def main():
    joke = text(chat("async-pipeline", "Tell me a joke about programming"))
    print(joke)
    if not joke:
        return "the chat has no answer"

    items = ["What is Python?", "What is machine learning?", "What is artificial intelligence?"]
    fields = {"batch_items": items, "instruction": "Provide a brief definition"}
    batch = text(chat("batch-async-pipeline", "Process these items", **fields))
    print(batch)
    if f"Successfully processed: {len(items)} items" not in batch:
        return "the batch was not processed"

    fields = {"submit_job": True, "job_type": "analysis", "instruction": "Extract key themes"}
    submitted = chat("job-queue-pipeline", "Analyze this text", **fields)
    print(text(submitted))
    job = ask(f"/job-queue-pipeline/job/{submitted['job_id']}?wait={TIMEOUT - 10}")
    print(f"job {job['id']} {job['status']}")
    print(job["result"])
    return None if job["status"] == "completed" else f"the job ended as {job['status']}: {job['error']}"


if __name__ == "__main__":
    sys.exit(main())
