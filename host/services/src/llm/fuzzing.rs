//! What must hold of the parsers of upstreams for any bytes: for the fuzz targets, and for the test
//! that replays their seeds.

use std::collections::VecDeque;

use hayrick_types::chunk::Chunk;

use crate::llm::openai::response::decode;
use crate::llm::openai::tool_calls::ToolCalls;
use crate::llm::sse::Decoder;

/// The events of a stream that comes in these pieces, and whether it was refused for an event over
/// the limit.
fn events<'a>(
    pieces: impl IntoIterator<Item = &'a [u8]>,
    event_bytes_max: usize,
) -> (Vec<Vec<u8>>, bool) {
    let mut decoder = Decoder::new(event_bytes_max);
    let mut events = Vec::new();
    for piece in pieces {
        decoder.push(piece);
        loop {
            match decoder.next() {
                Ok(Some(event)) => events.push(event.data.to_vec()),
                Ok(None) => break,
                Err(_) => return (events, true),
            }
        }
    }
    (events, false)
}

/// The input's first byte is the limit of an event, the next four are the lengths of pieces, over
/// and over, and the rest is the stream.
///
/// # Panics
/// The pieces yield other events than the whole stream, or an event over the limit.
pub fn check_stream(input: &[u8]) {
    let Some((&[max, ref cuts @ ..], stream)) = input.split_first_chunk::<5>() else {
        return;
    };
    let mut rest = stream;
    let pieces = cuts.iter().cycle().map_while(|&cut| {
        // A stream of empty pieces would never end.
        let (piece, after) = rest
            .split_at_checked(usize::from(cut).max(1))
            .unwrap_or((rest, &[]));
        rest = after;
        (!piece.is_empty()).then_some(piece)
    });
    let max = usize::from(max);
    let (cut, whole) = (events(pieces, max), events([stream], max));
    assert_eq!(cut, whole, "the pieces on the left, the whole on the right");
    assert!(
        cut.0.iter().all(|event| event.len() <= max),
        "an event is longer than the limit"
    );
}

/// Any bytes as an event of an answer, or as a whole answer.
///
/// # Panics
/// The chunks have more text than the input.
pub fn check_answer(data: &[u8]) {
    let mut chunks = VecDeque::new();
    if decode(data, &mut ToolCalls::default(), &mut chunks).is_err() {
        return;
    }
    let bytes: usize = chunks.iter().map(Chunk::len).sum();
    assert!(bytes <= data.len(), "{} bytes became {bytes}", data.len());
    let finishes = chunks
        .iter()
        .filter(|chunk| matches!(chunk, Chunk::Finish(_)))
        .count();
    assert!(finishes <= 1, "one answer ended {finishes} times");
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    /// Checks every seed of a target, and returns how many there are.
    fn replay(target: &str, check: fn(&[u8])) -> usize {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../../tests/fuzz/seeds")
            .join(target);
        let seeds = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| std::fs::read(entry.unwrap().path()).unwrap());
        seeds.inspect(|seed| check(seed)).count()
    }

    #[test]
    fn the_seeds_of_the_fuzz_targets_still_hold() {
        assert!(replay("sse", check_stream) >= 5);
        assert!(replay("upstream_answer", check_answer) >= 5);
    }
}
