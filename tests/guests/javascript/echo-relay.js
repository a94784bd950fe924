// Runs the command in the last user message, `verb:rest`. The same guest exists in Rust and in
// Python. It uses the contract's synchronous twin, so it does in sequence what Rust and Python do
// concurrently.

import llm from "hayrick:pipeline-sync/llm@0.1.0";
import response from "hayrick:pipeline-sync/response@0.1.0";

const DEFAULTS = { model: null, temperature: null, maxTokens: null, seed: null, tools: [], responseFormat: null, extra: null };
const KINDS = ["invalid-input", "not-found", "denied", "unavailable", "timeout", "cancelled", "limit", "failed"];

export const lifecycle = {
  setup() {},
};

export const chat = {
  runChatCompletion(request) {
    const [verb, rest] = splitOnce(lastUserText(request));
    switch (rest === null ? null : verb) {
      case "echo":
        return echo(rest);
      case "relay":
        return relay(request.messages);
      case "forward":
        return response.forward(llm.generateStream(request.messages, DEFAULTS));
      case "gather":
        return gather(rest);
      case "body":
        return sendText(request.body);
      case "fail":
        throw parseFailure(rest);
      default:
        throw failure("invalid-input", "begin the message with echo:, relay:, forward:, gather:, body: or fail:");
    }
  },
};

/** Sends the text back word by word. */
function echo(text) {
  for (const word of text.match(/[^ ]* |[^ ]+/g) ?? []) sendText(word);
}

/** Relays a generation chunk by chunk. */
function relay(messages) {
  const generation = llm.generateStream(messages, DEFAULTS);
  for (let chunk; (chunk = generation.next()) !== null; ) response.send(chunk);
}

/** Asks all questions, separated by bars, and sends the answers in order. */
function gather(questions) {
  const answers = questions.split("|").map((question) => llm.generate([userMessage(question)], DEFAULTS));
  for (const answer of answers) sendText(answer.text + "\n");
}

function sendText(text) {
  response.send({ tag: "text", val: text });
}

/** The text of the user's last message, or an empty string. */
function lastUserText(request) {
  const message = request.messages.findLast((message) => message.role === "user");
  const parts = message?.content ?? [];
  return parts.map((part) => (part.tag === "text" ? part.val.text : "")).join("");
}

function userMessage(text) {
  return { role: "user", content: [{ tag: "text", val: { text, fields: null } }], name: null, toolCalls: [], toolCallId: null, fields: null };
}

/** Parses `kind:message`. */
function parseFailure(text) {
  const [kind, message] = splitOnce(text);
  if (!KINDS.includes(kind)) return failure("invalid-input", `unknown kind of failure: ${kind}`);
  return failure(kind, message ?? "");
}

function failure(kind, message) {
  return { kind, message, retryAfter: null, limit: null };
}

/** The text before and after the first colon; the second part is null without a colon. */
function splitOnce(text) {
  const at = text.indexOf(":");
  return at < 0 ? [text, null] : [text.slice(0, at), text.slice(at + 1)];
}
