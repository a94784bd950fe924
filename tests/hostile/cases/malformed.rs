//! Files that are not components, and components that no toolchain produces.

use crate::hostile::case::Component::Made;
use crate::hostile::case::Drive::{Crowd, Deploy};
use crate::hostile::case::Expect::{Answers, Contained, Fails, Refused, RefusedOrHarmless};
use crate::hostile::case::{Case, Drive, Expect, Theme};
use crate::hostile::forge;
use crate::hostile::siblings;

const ANY: &[&str] = &[];

const fn case(
    name: &'static str,
    make: fn() -> Vec<u8>,
    expect: Expect,
    tries: &'static str,
) -> Case {
    Case::of(Theme::Malformed, name, Deploy, expect, tries).by(Made(make))
}

const fn run(
    name: &'static str,
    make: fn() -> Vec<u8>,
    drive: Drive,
    expect: Expect,
    tries: &'static str,
) -> Case {
    Case::of(Theme::Malformed, name, drive, expect, tries).by(Made(make))
}

/// The cases.
pub const CASES: [Case; 37] = [
    case(
        "empty-file",
        forge::empty,
        Refused(&["empty"]),
        "no bytes at all",
    ),
    case(
        "preamble-alone",
        forge::preamble_alone,
        Refused(ANY),
        "a component with nothing in it",
    ),
    case(
        "truncated",
        forge::truncated,
        Refused(ANY),
        "half of a component",
    ),
    case(
        "core-module",
        forge::core_module,
        Refused(&["core module"]),
        "a core module, not a component",
    ),
    case(
        "text-format",
        forge::text,
        Refused(ANY),
        "a component in the text format",
    ),
    case(
        "zeros",
        forge::zeros,
        Refused(ANY),
        "a hundred megabytes of zeros after the preamble",
    ),
    case(
        "flipped-1",
        forge::flipped_1,
        RefusedOrHarmless,
        "a component with eight bits changed",
    ),
    case(
        "flipped-2",
        forge::flipped_2,
        RefusedOrHarmless,
        "the same, elsewhere",
    ),
    case(
        "flipped-3",
        forge::flipped_3,
        RefusedOrHarmless,
        "the same, elsewhere",
    ),
    case(
        "custom-sections",
        forge::custom_sections,
        RefusedOrHarmless,
        "fifty mebibytes of meaningless custom sections",
    ),
    case(
        "lying-length",
        forge::lying_length,
        Refused(ANY),
        "a section that claims to be four gibibytes long",
    ),
    case(
        "nested",
        forge::nested,
        Refused(ANY),
        "two thousand nested components",
    ),
    case(
        "many-functions",
        forge::many_functions,
        RefusedOrHarmless,
        "a hundred thousand functions",
    ),
    case(
        "large-function",
        forge::large_function,
        RefusedOrHarmless,
        "one function that is slow to compile",
    ),
    case(
        "branch-tables",
        forge::branch_tables,
        RefusedOrHarmless,
        "jumps with sixty thousand targets",
    ),
    case(
        "deep-blocks",
        forge::deep_blocks,
        RefusedOrHarmless,
        "fifty thousand nested blocks",
    ),
    case(
        "many-memories",
        forge::many_memories,
        Refused(ANY),
        "150 memories",
    ),
    case(
        "large-memory",
        forge::large_memory,
        Refused(ANY),
        "four gibibytes of memory from the start",
    ),
    case(
        "many-instances",
        forge::many_instances,
        Refused(ANY),
        "five thousand instances",
    ),
    case(
        "many-tables",
        forge::many_tables,
        Refused(ANY),
        "ninety tables",
    ),
    case(
        "large-table",
        forge::large_table,
        Refused(ANY),
        "a table of ten million elements",
    ),
    case(
        "large-elements",
        forge::large_elements,
        RefusedOrHarmless,
        "a million elements to fill a table with",
    ),
    case(
        "start-spins",
        forge::start_spins,
        Refused(&["setup_time_max", "cpu_time_max"]),
        "computes forever during instantiation",
    ),
    case(
        "start-traps",
        forge::start_traps,
        Refused(ANY),
        "traps during instantiation",
    ),
    case(
        "start-recurses",
        forge::start_recurses,
        Refused(&["stack"]),
        "overflows its stack during instantiation",
    ),
    case(
        "unknown-import",
        forge::unknown_import,
        Refused(ANY),
        "imports a function that is in no interface",
    ),
    case(
        "chat-twice",
        forge::chat_twice,
        Refused(ANY),
        "exports `chat` twice",
    ),
    case(
        "wrong-types",
        forge::wrong_types,
        Refused(ANY),
        "exports a plugin's interfaces without their functions",
    ),
    case(
        "lookalikes",
        forge::lookalikes,
        Refused(ANY),
        "exports names that look like a plugin's",
    ),
    run(
        "smith-6",
        forge::smith_6,
        Drive::Stream,
        Answers(""),
        "a valid module from wasm-smith next to the real one",
    ),
    run(
        "smith-7",
        forge::smith_7,
        Drive::Stream,
        Answers(""),
        "the same, from another seed",
    ),
    run(
        "smith-10",
        forge::smith_10,
        Drive::Stream,
        Answers(""),
        "the same, from another seed",
    ),
    run(
        "smith-12",
        forge::smith_12,
        Drive::Stream,
        Answers(""),
        "the same, from another seed",
    ),
    run(
        "some-memories",
        forge::some_memories,
        Drive::Stream,
        Answers(""),
        "four memories, the maximum",
    ),
    run(
        "pool-hog",
        forge::staying_memories,
        Crowd(256),
        Contained,
        "256 runs of four memories each, to leave no memories for others",
    ),
    run(
        "held-stacks",
        siblings::many,
        Crowd(23),
        Fails(&["suspended_calls_max"]),
        "23 runs of 190 suspended calls each, to leave no stacks for others",
    ),
    run(
        "held-stacks-crowd",
        siblings::few,
        Crowd(128),
        Contained,
        "128 runs of as many suspended calls as a run may have",
    ),
];
