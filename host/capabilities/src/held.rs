//! How much memory the arguments of a waiting host call hold.

use crate::bindings::hayrick::pipeline::{http, jobs, types};

/// A value whose memory can be counted.
pub(crate) trait Heap: Sized {
    /// Bytes outside the value itself: texts, lists and what is in them.
    fn heap(&self) -> usize;

    /// All bytes of the values of a list.
    fn held_by_list(list: &[Self]) -> usize {
        list.iter().map(held).sum()
    }
}

/// All bytes of a value.
pub(crate) fn held<T: Heap>(value: &T) -> usize {
    size_of::<T>() + value.heap()
}

impl Heap for u8 {
    fn heap(&self) -> usize {
        0
    }

    /// Documents have millions of them.
    fn held_by_list(list: &[u8]) -> usize {
        list.len()
    }
}

impl Heap for String {
    fn heap(&self) -> usize {
        self.len()
    }
}

impl<T: Heap> Heap for Option<T> {
    fn heap(&self) -> usize {
        self.as_ref().map_or(0, Heap::heap)
    }
}

impl<T: Heap> Heap for Vec<T> {
    fn heap(&self) -> usize {
        T::held_by_list(self)
    }
}

impl<A: Heap, B: Heap> Heap for (A, B) {
    fn heap(&self) -> usize {
        self.0.heap() + self.1.heap()
    }
}

impl Heap for types::Message {
    fn heap(&self) -> usize {
        let types::Message {
            role: _,
            content,
            name,
            tool_calls,
            tool_call_id,
            fields,
        } = self;
        content.heap() + name.heap() + tool_calls.heap() + tool_call_id.heap() + fields.heap()
    }
}

impl Heap for types::Part {
    fn heap(&self) -> usize {
        match self {
            types::Part::Text(types::TextPart { text, fields }) => text.heap() + fields.heap(),
            types::Part::ImageUrl(types::ImagePart { url, fields }) => url.heap() + fields.heap(),
            types::Part::Other(json) => json.heap(),
        }
    }
}

impl Heap for types::ToolCall {
    fn heap(&self) -> usize {
        let types::ToolCall {
            id,
            name,
            arguments,
            fields,
        } = self;
        id.heap() + name.heap() + arguments.heap() + fields.heap()
    }
}

impl Heap for types::Options {
    fn heap(&self) -> usize {
        let types::Options {
            model,
            temperature: _,
            max_tokens: _,
            seed: _,
            tools,
            response_format,
            extra,
        } = self;
        model.heap() + tools.heap() + response_format.heap() + extra.heap()
    }
}

impl Heap for types::Tool {
    fn heap(&self) -> usize {
        let types::Tool {
            name,
            description,
            parameters,
        } = self;
        name.heap() + description.heap() + parameters.heap()
    }
}

impl Heap for jobs::SubmitOptions {
    fn heap(&self) -> usize {
        self.idempotency_key.heap()
    }
}

impl Heap for http::Request {
    fn heap(&self) -> usize {
        let http::Request {
            method,
            url,
            headers,
            body,
            timeout: _,
        } = self;
        method.heap() + url.heap() + headers.heap() + body.heap()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_list_holds_counts_even_if_it_is_empty() {
        let text = size_of::<String>();
        assert_eq!(held(&"abc".to_owned()), text + 3);
        let texts = vec![String::new(); 1000];
        assert_eq!(held(&texts), size_of::<Vec<String>>() + 1000 * text);
        let headers = vec![("a".to_owned(), "bc".to_owned())];
        assert_eq!(headers.heap(), 2 * text + 3);
    }
}
