//! A bounded decoder of server-sent events: it takes bytes as the network delivers them, and
//! returns the data of whole events.

/// A stream may begin with it; it does not belong to the first line.
const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

/// One event is longer than the limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct EventTooLong;

/// Bytes that are kept of lines that belong to no event.
const STRAY_BYTES_MAX: usize = 1 << 10;

/// One event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Event<'a> {
    pub(crate) data: &'a [u8],
    /// Its type is `error` (LM Studio, Anthropic), or its data came in a field of that name
    /// (llama.cpp).
    pub(crate) is_error: bool,
}

/// Holds at most one unfinished event and one piece of network input. Only `data` and errors matter
/// to chat APIs; other fields are skipped.
pub(crate) struct Decoder {
    input: Vec<u8>,
    /// Where the current line starts in `input`.
    line_start: usize,
    /// How far `input` was searched for the line's end, so that no byte is searched twice.
    searched: usize,
    /// The last line ended in CR, so an LF that follows belongs to it.
    after_cr: bool,
    at_stream_start: bool,
    /// The lines of data of the current event.
    data: Vec<u8>,
    has_data: bool,
    is_error: bool,
    /// The beginning of lines that are not a field of an event: a server that fails may send plain
    /// text.
    stray: Vec<u8>,
    /// The event in `data` was returned.
    given_out: bool,
    event_bytes_max: usize,
}

impl Decoder {
    /// A decoder that refuses events of more than `event_bytes_max` bytes.
    pub(crate) fn new(event_bytes_max: usize) -> Decoder {
        Decoder {
            input: Vec::new(),
            line_start: 0,
            searched: 0,
            after_cr: false,
            at_stream_start: true,
            data: Vec::new(),
            has_data: false,
            is_error: false,
            stray: Vec::new(),
            given_out: false,
            event_bytes_max,
        }
    }

    /// Adds bytes from the network.
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.input.drain(..self.line_start);
        self.searched -= self.line_start;
        self.line_start = 0;
        self.input.extend_from_slice(bytes);
    }

    /// The data of the next whole event; `None` until more input comes.
    ///
    /// # Errors
    /// The event, or a line of any kind, is longer than the limit.
    pub(crate) fn next(&mut self) -> Result<Option<Event<'_>>, EventTooLong> {
        if std::mem::take(&mut self.given_out) {
            self.data.clear();
            self.has_data = false;
            self.is_error = false;
        }
        while let Some((start, end)) = self.next_line() {
            if start == end && self.has_data {
                self.given_out = true;
                return Ok(Some(Event {
                    data: &self.data,
                    is_error: self.is_error,
                }));
            }
            self.take_line(start, end)?;
        }
        self.check(self.unfinished())?;
        Ok(None)
    }

    /// Bytes of the unfinished line, without a byte order mark or the beginning of one.
    fn unfinished(&self) -> usize {
        let line = self.input.get(self.line_start..).unwrap_or_default();
        let mark = BYTE_ORDER_MARK.len().min(line.len());
        let has_mark = self.at_stream_start && line.get(..mark) == BYTE_ORDER_MARK.get(..mark);
        if has_mark {
            line.len() - mark
        } else {
            line.len()
        }
    }

    /// Where the next whole line starts and ends in the input, its ending left out.
    fn next_line(&mut self) -> Option<(usize, usize)> {
        if self.after_cr {
            match self.input.get(self.line_start) {
                // The LF may be in the next piece.
                None => return None,
                Some(b'\n') => self.line_start += 1,
                Some(_) => {}
            }
            self.after_cr = false;
        }
        self.searched = self.searched.max(self.line_start);
        let rest = self.input.get(self.searched..)?;
        let Some(found) = rest.iter().position(|byte| matches!(byte, b'\n' | b'\r')) else {
            self.searched = self.input.len();
            return None;
        };
        let (start, end) = (self.line_start, self.searched + found);
        self.after_cr = self.input.get(end) == Some(&b'\r');
        self.line_start = end + 1;
        self.searched = end + 1;
        Some((self.after_byte_order_mark(start, end), end))
    }

    fn after_byte_order_mark(&mut self, start: usize, end: usize) -> usize {
        let is_first = std::mem::take(&mut self.at_stream_start);
        let has_mark = is_first
            && self
                .input
                .get(start..end)
                .is_some_and(|line| line.starts_with(BYTE_ORDER_MARK));
        if has_mark {
            start + BYTE_ORDER_MARK.len()
        } else {
            start
        }
    }

    fn take_line(&mut self, start: usize, end: usize) -> Result<(), EventTooLong> {
        self.check(end - start)?;
        let line = self.input.get(start..end).unwrap_or_default();
        let (name, value) = field(line);
        match name {
            b"data" => {}
            b"error" => self.is_error = true,
            b"event" => {
                self.is_error = value == b"error";
                return Ok(());
            }
            b"" | b"id" | b"retry" => return Ok(()),
            _ => {
                let room = STRAY_BYTES_MAX.saturating_sub(self.stray.len());
                self.stray.extend(line.iter().take(room));
                self.stray.push(b' ');
                return Ok(());
            }
        }
        if self.has_data {
            self.data.push(b'\n');
        }
        self.has_data = true;
        self.data.extend_from_slice(value);
        Ok(())
    }

    /// The beginning of what was sent outside of any event.
    pub(crate) fn stray(&self) -> &[u8] {
        &self.stray
    }

    fn check(&self, line_bytes: usize) -> Result<(), EventTooLong> {
        if self.data.len() + line_bytes > self.event_bytes_max {
            Err(EventTooLong)
        } else {
            Ok(())
        }
    }
}

/// The name and the value of a line; the name of a comment is empty.
fn field(line: &[u8]) -> (&[u8], &[u8]) {
    let colon = line.iter().position(|byte| *byte == b':');
    let (name, value) = line.split_at(colon.unwrap_or(line.len()));
    let value = value.strip_prefix(b":").unwrap_or(value);
    (name, value.strip_prefix(b" ").unwrap_or(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The events of these network pieces.
    fn decode<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Result<Vec<String>, EventTooLong> {
        let mut decoder = Decoder::new(64);
        let mut events = Vec::new();
        for piece in pieces {
            decoder.push(piece);
            while let Some(event) = decoder.next()? {
                events.push(String::from_utf8(event.data.to_vec()).unwrap());
            }
        }
        Ok(events)
    }

    #[test]
    fn each_form_of_event_is_read_however_the_network_cuts_it() {
        let cases: [(&str, &[&str]); 11] = [
            ("data: a\n\ndata: b\n\n", &["a", "b"]),
            ("data: a\r\n\r\ndata: b\r\n\r\n", &["a", "b"]),
            ("data: a\r\rdata: b\r\r", &["a", "b"]),
            ("data:a\n\ndata:  b\n\n", &["a", " b"]),
            (": ping\n\ndata: a\n: pong\n\n\n\n", &["a"]),
            ("data: a\ndata: b\ndata\ndata: c\n\n", &["a\nb\n\nc"]),
            (
                "event: x\nid: 1\nretry: 5\ndataset: no\ndata: a\n\n",
                &["a"],
            ),
            ("data: grüße 🌾\n\n", &["grüße 🌾"]),
            ("\u{feff}data: a\n\n", &["a"]),
            ("data: [DONE]\n\n", &["[DONE]"]),
            ("data: a\n\ndata: half", &["a"]),
        ];
        for (input, expected) in cases {
            for size in 1..=input.len() {
                assert_eq!(
                    decode(input.as_bytes().chunks(size)).unwrap(),
                    expected,
                    "{input:?} in pieces of {size}"
                );
            }
        }
    }

    #[test]
    fn an_event_over_the_limit_is_refused_before_it_is_whole() {
        let line = format!("data: {}", "x".repeat(100));
        assert_eq!(decode([line.as_bytes()]), Err(EventTooLong));
        let lines = format!("data: {}\n", "x".repeat(30)).repeat(3);
        assert_eq!(decode([lines.as_bytes()]), Err(EventTooLong));
        assert_eq!(decode(lines.as_bytes().chunks(1)), Err(EventTooLong));
        let comment = format!(": {}", "x".repeat(100));
        assert_eq!(decode([comment.as_bytes()]), Err(EventTooLong));
        let many = "data: 0123456789\n\n".repeat(100);
        assert_eq!(decode([many.as_bytes()]).unwrap().len(), 100);
    }
}
