//! The form of an answer's body: events, or JSON documents. Servers label them wrongly, so the first
//! byte decides.

use crate::llm::sse::{Decoder, Event, EventTooLong};

const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

/// A body as far as it has come.
pub(crate) struct Body {
    form: Form,
    event_bytes_max: usize,
}

enum Form {
    /// Nothing but space has come, or a part of a byte order mark.
    Unknown(Vec<u8>),
    Events(Box<Decoder>),
    /// One JSON document, or one per line; `next` is where the next one begins.
    Documents {
        text: Vec<u8>,
        next: usize,
        is_whole: bool,
    },
    /// A web page.
    Page,
}

impl Body {
    /// A body that refuses events of more than `event_bytes_max` bytes.
    pub(crate) fn new(event_bytes_max: usize) -> Body {
        Body {
            form: Form::Unknown(Vec::new()),
            event_bytes_max,
        }
    }

    /// Takes a piece; `false` if documents are longer than `bytes_max`.
    pub(crate) fn push(&mut self, piece: &[u8], bytes_max: usize) -> bool {
        if let Form::Unknown(begun) = &mut self.form {
            begun.extend_from_slice(piece);
            let begun = std::mem::take(begun);
            self.form = self.form_of(begun);
            return true;
        }
        match &mut self.form {
            Form::Events(decoder) => decoder.push(piece),
            Form::Documents { text, .. } => {
                if text.len() + piece.len() > bytes_max {
                    return false;
                }
                text.extend_from_slice(piece);
            }
            Form::Unknown(_) | Form::Page => {}
        }
        true
    }

    fn form_of(&self, begun: Vec<u8>) -> Form {
        let text = begun.strip_prefix(BYTE_ORDER_MARK).unwrap_or(&begun);
        let text = text.trim_ascii_start();
        match text.first() {
            None => Form::Unknown(Vec::new()),
            _ if BYTE_ORDER_MARK.starts_with(text) => Form::Unknown(begun),
            Some(b'{' | b'[') => Form::Documents {
                text: text.to_vec(),
                next: 0,
                is_whole: false,
            },
            Some(b'<') => Form::Page,
            Some(_) => {
                let mut decoder = Box::new(Decoder::new(self.event_bytes_max));
                decoder.push(text);
                Form::Events(decoder)
            }
        }
    }

    /// No more pieces will come. An event may lack the empty line behind it.
    pub(crate) fn finish(&mut self) {
        match &mut self.form {
            Form::Events(decoder) => decoder.push(b"\n\n"),
            Form::Documents { is_whole, .. } => *is_whole = true,
            Form::Unknown(_) | Form::Page => {}
        }
    }

    /// The next event, or the next document of a body that has ended.
    ///
    /// # Errors
    /// An event is longer than the limit.
    pub(crate) fn next_event(&mut self) -> Result<Option<Event<'_>>, EventTooLong> {
        match &mut self.form {
            Form::Events(decoder) => decoder.next(),
            Form::Documents {
                text,
                next,
                is_whole: true,
            } => Ok(next_document(text, next)),
            _ => Ok(None),
        }
    }

    /// Whether the answer comes piece by piece.
    pub(crate) fn is_stream(&self) -> bool {
        matches!(self.form, Form::Events(_))
    }

    /// What the server sent instead of an answer; a page is `<`.
    pub(crate) fn stray(&self) -> &[u8] {
        match &self.form {
            Form::Events(decoder) => decoder.stray(),
            Form::Page => b"<",
            Form::Unknown(_) | Form::Documents { .. } => &[],
        }
    }
}

/// The document that begins at `next`, which moves behind it. A text that is not a document ends the
/// body.
fn next_document<'a>(text: &'a [u8], next: &mut usize) -> Option<Event<'a>> {
    let rest = text.get(*next..)?.trim_ascii();
    if rest.is_empty() {
        return None;
    }
    let mut documents =
        serde_json::Deserializer::from_slice(rest).into_iter::<serde::de::IgnoredAny>();
    let length = match documents.next() {
        Some(Ok(_)) => documents.byte_offset(),
        _ => rest.len(),
    };
    let begin = text.len() - text.get(*next..)?.trim_ascii_start().len();
    *next = begin + length;
    Some(Event {
        data: rest.get(..length)?,
        is_error: false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn events(pieces: &[&[u8]]) -> Vec<String> {
        let mut body = Body::new(100);
        let mut events = Vec::new();
        let mut take = |body: &mut Body| {
            while let Some(event) = body.next_event().unwrap() {
                events.push(String::from_utf8(event.data.to_vec()).unwrap());
            }
        };
        for piece in pieces {
            assert!(body.push(piece, 1000));
            take(&mut body);
        }
        body.finish();
        take(&mut body);
        events
    }

    #[test]
    fn the_first_byte_decides_the_form() {
        let cases: [(&str, &[&str]); 7] = [
            ("data: a\n\n", &["a"]),
            ("\u{feff}\n data: a\n\ndata: b", &["a", "b"]),
            (" \n\n{\"a\":1}\n", &["{\"a\":1}"]),
            ("\u{feff}{\"a\":1}", &["{\"a\":1}"]),
            ("{\"a\":1}\n{\"b\":2}\n", &["{\"a\":1}", "{\"b\":2}"]),
            ("{\"a\":1", &["{\"a\":1"]),
            ("<html>", &[]),
        ];
        for (text, expected) in cases {
            assert_eq!(events(&[text.as_bytes()]), expected, "{text:?}");
            let bytes: Vec<&[u8]> = text.as_bytes().chunks(1).collect();
            assert_eq!(events(&bytes), expected, "{text:?} byte by byte");
        }
    }
}
