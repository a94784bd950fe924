//! Answers that are too long, empty, late or forged.

use crate::hostile::case::Component::{Guest, Hostile};
use crate::hostile::case::Drive::{Chat, Crowd, HangUp, Stream, Unread};
use crate::hostile::case::Expect::{Answers, Contained, Fails};
use crate::hostile::case::{Case, Drive, Expect, Theme};

const GO_ON: &[&str] = &["go on"];
const ENDED: &[&str] = &["wall_time_max", "cpu_time_max"];

const fn case(name: &'static str, drive: Drive, expect: Expect, tries: &'static str) -> Case {
    Case::of(Theme::Answer, name, drive, expect, tries)
}

/// The cases.
pub const CASES: [Case; 30] = [
    case(
        "unread-flood",
        Unread,
        Fails(&[]),
        "floods a client that never reads",
    )
    .by(Guest("flood-output")),
    case(
        "unread-tiny-chunks",
        Unread,
        Fails(&[]),
        "floods a client that never reads with single bytes",
    )
    .by(Hostile("tiny-chunks")),
    case(
        "unread-empty-chunks",
        Unread,
        Fails(&[]),
        "floods a client that never reads with empty chunks",
    )
    .by(Hostile("empty-chunks")),
    case(
        "flood",
        Chat(GO_ON),
        Fails(&["output_bytes_max"]),
        "sends until it is stopped",
    )
    .by(Guest("flood-output")),
    case(
        "flood-streamed",
        Stream,
        Fails(&["output_bytes_max"]),
        "the same, streamed",
    )
    .by(Guest("flood-output")),
    case(
        "flood-and-hang-up",
        HangUp,
        Fails(&[]),
        "floods a client that has hung up",
    )
    .by(Guest("flood-output")),
    case(
        "ignores-refusals",
        Chat(GO_ON),
        Fails(&["output_bytes_max"]),
        "keeps sending after it was refused",
    ),
    case(
        "big-chunk",
        Chat(GO_ON),
        Fails(&["chunk_bytes_max"]),
        "sends one chunk of two mebibytes",
    )
    .by(Guest("big-chunk")),
    case(
        "never-ends",
        Chat(GO_ON),
        Fails(&["wall_time_max"]),
        "sleeps forever",
    )
    .by(Guest("sleep-forever")),
    case(
        "never-returns",
        Stream,
        Fails(&["wall_time_max"]),
        "sends one chunk and sleeps forever",
    ),
    case(
        "never-sends",
        Stream,
        Answers(""),
        "succeeds without sending anything",
    ),
    case(
        "tiny-chunks",
        Stream,
        Contained,
        "sends a million chunks of one byte",
    ),
    case(
        "empty-chunks",
        Stream,
        Fails(ENDED),
        "sends empty chunks forever",
    ),
    case(
        "empty-chunks-gathered",
        Chat(GO_ON),
        Fails(ENDED),
        "the same, in a whole answer",
    )
    .by(Hostile("empty-chunks")),
    case(
        "empty-tool-calls",
        Chat(GO_ON),
        Fails(&[]),
        "sends empty tool calls, each of which a whole answer has to store",
    ),
    case(
        "empty-tool-calls-streamed",
        Stream,
        Fails(&[]),
        "the same, streamed",
    )
    .by(Hostile("empty-tool-calls")),
    case(
        "sends-after-return",
        Stream,
        Contained,
        "leaves a task behind that keeps sending",
    ),
    case(
        "sends-after-finish",
        Stream,
        Answers("after the end"),
        "finishes the answer and goes on",
    ),
    case(
        "forged-text",
        Stream,
        Answers("forged"),
        "sends text that imitates frames and headers",
    ),
    case(
        "forged-text-gathered",
        Chat(GO_ON),
        Answers("forged"),
        "the same, in a whole answer",
    )
    .by(Hostile("forged-text")),
    case(
        "forged-events",
        Stream,
        Answers(""),
        "sends events that try to break out of their frame",
    ),
    case(
        "forged-fields",
        Stream,
        Answers("true"),
        "sends fields that try to replace the answer's own",
    ),
    case(
        "forged-fields-gathered",
        Chat(GO_ON),
        Answers("true"),
        "the same, in a whole answer",
    )
    .by(Hostile("forged-fields")),
    case(
        "deep-answer",
        Stream,
        Contained,
        "sends fields and events nested a hundred thousand levels deep",
    ),
    case(
        "deep-answer-gathered",
        Chat(GO_ON),
        Contained,
        "the same, in a whole answer",
    )
    .by(Hostile("deep-answer")),
    case(
        "wide-fields",
        Crowd(2),
        Fails(&[]),
        "sends fields with fifteen thousand members, forty times",
    ),
    case(
        "usage-lies",
        Chat(GO_ON),
        Answers("text"),
        "reports absurd token counts",
    ),
    case(
        "error-text",
        Chat(GO_ON),
        Fails(&[]),
        "fails with four mebibytes of forged text",
    ),
    case(
        "error-text-streamed",
        Stream,
        Fails(&[]),
        "the same, streamed",
    )
    .by(Hostile("error-text")),
    case(
        "retry-after-lies",
        Chat(GO_ON),
        Fails(&["busy"]),
        "claims that the host is busy forever, in text that imitates a header",
    ),
];
