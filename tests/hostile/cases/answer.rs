//! What goes out to the client: too much, too little, at the wrong time, and in disguise.

use crate::hostile::case::Component::{Guest, Hostile};
use crate::hostile::case::Drive::{Chat, HangUp, Stream, Unread};
use crate::hostile::case::Expect::{Answers, Contained, Fails};
use crate::hostile::case::{Case, Drive, Expect, Theme};

const GO_ON: &[&str] = &["go on"];
const ENDED: &[&str] = &["wall_time_max", "cpu_time_max"];

const fn case(name: &'static str, drive: Drive, expect: Expect, tries: &'static str) -> Case {
    Case::of(Theme::Answer, name, drive, expect, tries)
}

/// The cases.
pub const CASES: [Case; 29] = [
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
        "floods it with single bytes",
    )
    .by(Hostile("tiny-chunks")),
    case(
        "unread-empty-chunks",
        Unread,
        Fails(&[]),
        "floods it with nothing at all",
    )
    .by(Hostile("empty-chunks")),
    case(
        "flood",
        Chat(GO_ON),
        Fails(&["output_bytes_max"]),
        "sends as long as it may",
    )
    .by(Guest("flood-output")),
    case(
        "flood-streamed",
        Stream,
        Fails(&["output_bytes_max"]),
        "sends as long as it may, to a stream",
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
        "goes on sending after it was refused",
    ),
    case(
        "big-chunk",
        Chat(GO_ON),
        Fails(&["chunk_bytes_max"]),
        "one chunk of two mebibytes",
    )
    .by(Guest("big-chunk")),
    case(
        "never-ends",
        Chat(GO_ON),
        Fails(&["wall_time_max"]),
        "sleeps for ever",
    )
    .by(Guest("sleep-forever")),
    case(
        "never-returns",
        Stream,
        Fails(&["wall_time_max"]),
        "sends one chunk and sleeps for ever",
    ),
    case(
        "never-sends",
        Stream,
        Answers(""),
        "ends well and says nothing",
    ),
    case(
        "tiny-chunks",
        Stream,
        Contained,
        "a million chunks of one byte",
    ),
    case(
        "empty-chunks",
        Stream,
        Fails(ENDED),
        "chunks without a byte, for ever",
    ),
    case(
        "empty-chunks-gathered",
        Chat(GO_ON),
        Fails(ENDED),
        "the same for a whole answer",
    )
    .by(Hostile("empty-chunks")),
    case(
        "empty-tool-calls",
        Chat(GO_ON),
        Fails(&[]),
        "empty tool calls, which a whole answer has to collect",
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
        "leaves a task behind that goes on sending",
    ),
    case(
        "sends-after-finish",
        Stream,
        Answers("after the end"),
        "says it is finished and goes on",
    ),
    case(
        "forged-text",
        Stream,
        Answers("forged"),
        "text that tries to be frames and headers",
    ),
    case(
        "forged-text-gathered",
        Chat(GO_ON),
        Answers("forged"),
        "the same in a whole answer",
    )
    .by(Hostile("forged-text")),
    case(
        "forged-events",
        Stream,
        Answers(""),
        "events that try to leave their frame",
    ),
    case(
        "forged-fields",
        Stream,
        Answers("true"),
        "fields that try to take the place of the answer's own",
    ),
    case(
        "forged-fields-gathered",
        Chat(GO_ON),
        Answers("true"),
        "the same in a whole answer",
    )
    .by(Hostile("forged-fields")),
    case(
        "deep-answer",
        Stream,
        Answers(""),
        "fields and events nested a hundred thousand levels deep",
    ),
    case(
        "deep-answer-gathered",
        Chat(GO_ON),
        Answers(""),
        "the same in a whole answer",
    )
    .by(Hostile("deep-answer")),
    case(
        "usage-lies",
        Chat(GO_ON),
        Answers("text"),
        "says it used more tokens than there are",
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
        "claims that the host is busy forever, in a text that tries to be a header",
    ),
];
