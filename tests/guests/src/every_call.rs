//! A plugin that calls every function of the contract and says of each whether it answered right.
//! Written once for both packages, whose bindings differ in how a function is called and in
//! whether it borrows: `every_call!([async fn] [.await] [])` or `every_call!([fn] [] [&])`, where
//! `contract` is the package.

use std::fmt::Debug;

/// What the calls have answered so far: a line for each.
#[derive(Default)]
pub struct Calls(String);

impl Calls {
    /// Takes note of an answer, which `is_right` judges.
    pub fn check<T: Debug>(&mut self, function: &str, answer: T, is_right: impl Fn(&T) -> bool) {
        let verdict = if is_right(&answer) {
            "ok".to_owned()
        } else {
            format!("answered {answer:?}")
        };
        self.0.push_str(&format!("\ncall {function} {verdict}"));
    }

    /// The lines, once.
    pub fn lines(&mut self) -> String {
        std::mem::take(&mut self.0)
    }
}

macro_rules! every_call {
    ([$($function:tt)+] [$($wait:tt)*] [$($by:tt)?]) => {
        use contract::types::{
            Chunk, Failure, HttpRequest, JobStatus, Level, Message, Options, Part, Progress, Role, TextPart,
            SubmitOptions,
        };
        use contract::{config, http, jobs, llm, log, response, state, tasks, timers};

        /// Calls all that a chat can; the user's message is the URL of a site that answers "hello".
        $($function)+ chat(request: ChatRequest) -> Result<(), Failure> {
            let mut calls = every_call::Calls::default();
            models(&mut calls)$($wait)*?;
            run(&mut calls)$($wait)*;
            remembers(&mut calls)$($wait)*?;
            works(&mut calls)$($wait)*?;
            let url = request.messages.into_iter().flat_map(|message| message.content).find_map(
                |part| match part {
                    Part::Text(part) => Some(part.text),
                    _ => None,
                },
            );
            asks(&mut calls, url.unwrap_or_default())$($wait)*?;
            response::send($($by)?Chunk::Text(calls.lines()))$($wait)*
        }

        $($function)+ models(calls: &mut every_call::Calls) -> Result<(), Failure> {
            let question = || vec![Message {
                role: Role::User,
                content: vec![Part::Text(TextPart {
                    text: "the question".to_owned(),
                    fields: None,
                })],
                name: None,
                tool_calls: Vec::new(),
                tool_call_id: None,
                fields: None,
            }];
            let answer = llm::generate($($by)?question(), $($by)?Options::default())$($wait)*?;
            calls.check("llm.generate", answer, |it| it.text.contains("the question"));
            let generation = llm::generate_stream($($by)?question(), $($by)?Options::default())$($wait)*;
            calls.check("llm.generate-stream", &generation, |it| it.is_ok());
            let generation = generation?;
            let chunk = generation.next()$($wait)*;
            calls.check("llm.generation.next", chunk, |it| matches!(it, Ok(Some(_))));
            let forwarded = response::forward(generation)$($wait)*;
            calls.check("response.forward", forwarded, Result::is_ok);
            let vectors = llm::embed($($by)?vec!["a".to_owned(), "b".to_owned()], None)$($wait)*?;
            calls.check("llm.embed", vectors.len(), |it| *it == 2);
            let sent = response::send($($by)?Chunk::Text(calls.lines()))$($wait)*;
            calls.check("response.send", sent, Result::is_ok);
            Ok(())
        }

        /// What the run has of itself.
        $($function)+ run(calls: &mut every_call::Calls) {
            calls.check("timers.sleep", timers::sleep(1)$($wait)*, |()| true);
            calls.check("log.write", log::write(Level::Info, "every call"), |()| true);
            calls.check("tasks.id", tasks::id(), |it| it.len() == 32);
            let progress = Progress { done: 1, total: Some(2), message: None };
            calls.check("tasks.report", tasks::report(&progress), |()| true);
            calls.check("tasks.note", tasks::note("every call"), |()| true);
            calls.check("config.keys", config::keys(), |it| *it == ["greeting"]);
            let greeting = config::get("greeting");
            calls.check("config.get", greeting, |it| it.as_deref() == Some("hello"));
        }

        $($function)+ remembers(calls: &mut every_call::Calls) -> Result<(), Failure> {
            let key = || "key".to_owned();
            let first = state::set($($by)?key(), $($by)?b"one".to_vec(), None)$($wait)*?;
            calls.check("state.set", first, |it| *it > 0);
            let second = state::compare_and_set($($by)?key(), Some(first), $($by)?b"two".to_vec(), None)$($wait)*?;
            calls.check("state.compare-and-set", second, |it| *it > Some(first));
            let entry = state::get($($by)?key())$($wait)*?;
            calls.check("state.get", entry, |it| it.as_ref().is_some_and(|it| it.value == b"two"));
            let keys = state::list($($by)?"k".to_owned(), None, 10)$($wait)*?;
            calls.check("state.list", keys, |it| *it == ["key"]);
            calls.check("state.delete", state::delete($($by)?key())$($wait)*?, |it| *it);
            Ok(())
        }

        $($function)+ works(calls: &mut every_call::Calls) -> Result<(), Failure> {
            let (kind, data) = (|| "checkpoint".to_owned(), || "null".to_owned());
            let now = SubmitOptions::default();
            let submitted = jobs::submit($($by)?kind(), $($by)?data(), $($by)?now)$($wait)*?;
            calls.check("jobs.submit", &submitted, |it| it.kind == "checkpoint");
            let id = submitted.id;
            let ended = jobs::wait($($by)?id.clone(), Some(30_000))$($wait)*?;
            calls.check("jobs.wait", &ended, |it| it.status == JobStatus::Completed);
            let saved = ended.result;
            calls.check("jobs.checkpoint", saved, |it| it.as_deref() == Some("\"saved\""));
            let found = jobs::get($($by)?id.clone())$($wait)*?;
            calls.check("jobs.get", found, |it| it.as_ref().is_some_and(|it| it.id == id));
            let listed = jobs::list(Some(JobStatus::Completed), 10)$($wait)*?;
            calls.check("jobs.list", listed, |it| it.iter().any(|it| it.id == id));
            let later = SubmitOptions { delay: Some(3_600_000), ..SubmitOptions::default() };
            let later = jobs::submit($($by)?kind(), $($by)?data(), $($by)?later)$($wait)*?;
            let cancelled = jobs::cancel($($by)?later.id)$($wait)*?;
            calls.check("jobs.cancel", cancelled, |it| it.status == JobStatus::Cancelled);
            Ok(())
        }

        $($function)+ asks(calls: &mut every_call::Calls, url: String) -> Result<(), Failure> {
            let request = HttpRequest {
                method: "GET".to_owned(),
                url,
                headers: Vec::new(),
                body: Vec::new(),
                timeout: None,
            };
            let incoming = http::send($($by)?request)$($wait)*;
            calls.check("http.send", &incoming, |it| it.is_ok());
            let incoming = incoming?;
            calls.check("http.incoming.status", incoming.status(), |it| *it == 200);
            let length = ("content-length".to_owned(), "5".to_owned());
            calls.check("http.incoming.headers", incoming.headers(), |it| it.contains(&length));
            let body = incoming.read(64)$($wait)*?;
            calls.check("http.incoming.read", body, |it| it == b"hello");
            Ok(())
        }

        /// Reads a file `name.txt` of five bytes.
        $($function)+ files(request: FilesRequest) -> Result<(), Failure> {
            let mut calls = every_call::Calls::default();
            for file in request.files {
                calls.check("uploads.upload.name", file.name(), |it| it == "name.txt");
                calls.check("uploads.upload.content-type", file.content_type(), |it| it.is_some());
                calls.check("uploads.upload.size", file.size(), |it| *it == 5);
                let bytes = file.read(64)$($wait)*?;
                calls.check("uploads.upload.read", bytes, |it| it == b"hello");
            }
            response::send($($by)?Chunk::Text(calls.lines()))$($wait)*
        }

        $($function)+ job(_attempt: Attempt) -> Result<String, JobFailure> {
            let saved = jobs::checkpoint($($by)?"{}".to_owned())$($wait)*;
            saved.map_err(|failure| JobFailure::Permanent(failure.message))?;
            Ok("\"saved\"".to_owned())
        }
    };
}
