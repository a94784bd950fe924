//! Turns bytes (in hex) into a sequence of host calls, with values taken from the same bytes, and
//! reports how many calls it made. Fuzzers and their seeds drive the host with it.

use sdk::hayrick::pipeline::jobs::{self, Status, SubmitOptions};
use sdk::hayrick::pipeline::log;
use sdk::hayrick::pipeline::types::{
    Chunk, Event, FinishReason, ImagePart, Level, Message, Options, Part, Progress, Role, TextPart,
    Tool, ToolCall, ToolCallDelta, Usage,
};
use sdk::hayrick::pipeline::uploads::Upload;
use sdk::hayrick::pipeline::{llm, response, state, tasks, timers};
use sdk::{Attempt, ChatRequest, FilesRequest, JobOutcome, Outcome, invalid_input, question, say};

/// Maximum number of calls in one run; each may wait.
const CALLS_MAX: usize = 32;
const WAIT_MS_MAX: u64 = 5;

/// Bytes that become values; past the end, every byte is zero.
struct Source {
    bytes: std::vec::IntoIter<u8>,
}

impl Source {
    fn of_hex(hex: &str) -> Option<Source> {
        let digits: Vec<u8> = hex
            .trim()
            .chars()
            .map(|digit| digit.to_digit(16).map(|digit| digit as u8))
            .collect::<Option<_>>()?;
        let bytes: Vec<u8> = digits
            .chunks(2)
            .map(|pair| pair.iter().fold(0, |byte, digit| byte << 4 | digit))
            .collect();
        Some(Source {
            bytes: bytes.into_iter(),
        })
    }

    fn is_empty(&self) -> bool {
        self.bytes.len() == 0
    }

    fn byte(&mut self) -> u8 {
        self.bytes.next().unwrap_or(0)
    }

    fn number(&mut self) -> u64 {
        match self.byte() % 4 {
            0 => self.byte().into(),
            1 => u64::MAX - u64::from(self.byte()),
            2 => 1 << (self.byte() % 64),
            _ => u64::from_le_bytes(std::array::from_fn(|_| self.byte())),
        }
    }

    fn bytes(&mut self) -> Vec<u8> {
        let byte = self.byte();
        // Some exceed the limits.
        let length = if byte > 250 {
            1 << (10 + byte - 251)
        } else {
            usize::from(byte % 32)
        };
        let content: Vec<u8> = self.bytes.by_ref().take(length.min(64)).collect();
        content
            .iter()
            .copied()
            .cycle()
            .take(if content.is_empty() { 0 } else { length })
            .collect()
    }

    fn text(&mut self) -> String {
        match self.byte() % 8 {
            0 => r#"{"a": [1, null]}"#.to_owned(),
            1 => "\"x\"".to_owned(),
            2 => "[".repeat(usize::from(self.byte()) * 64),
            _ => String::from_utf8_lossy(&self.bytes()).into_owned(),
        }
    }

    fn maybe<T>(&mut self, make: impl FnOnce(&mut Source) -> T) -> Option<T> {
        (self.byte() % 2 == 1).then(|| make(self))
    }

    fn some<T>(&mut self, make: impl Fn(&mut Source) -> T) -> Vec<T> {
        let number = self.byte() % 4;
        (0..number).map(|_| make(self)).collect()
    }

    fn float(&mut self) -> f32 {
        f32::from_bits(self.number() as u32)
    }

    fn progress(&mut self) -> Progress {
        Progress {
            done: self.number(),
            total: self.maybe(Source::number),
            message: self.maybe(Source::text),
        }
    }

    fn message(&mut self) -> Message {
        let roles = [
            Role::System,
            Role::Developer,
            Role::User,
            Role::Assistant,
            Role::Tool,
            Role::Function,
        ];
        let part = |source: &mut Source| match source.byte() % 3 {
            0 => Part::Text(TextPart {
                text: source.text(),
                fields: source.maybe(Source::text),
            }),
            1 => Part::ImageUrl(ImagePart {
                url: source.text(),
                fields: source.maybe(Source::text),
            }),
            _ => Part::Other(source.text()),
        };
        let call = |source: &mut Source| ToolCall {
            id: source.text(),
            name: source.text(),
            arguments: source.text(),
            fields: source.maybe(Source::text),
        };
        Message {
            role: roles[usize::from(self.byte()) % roles.len()],
            content: self.some(part),
            name: self.maybe(Source::text),
            tool_calls: self.some(call),
            tool_call_id: self.maybe(Source::text),
            fields: self.maybe(Source::text),
        }
    }

    fn options(&mut self) -> Options {
        let tool = |source: &mut Source| Tool {
            name: source.text(),
            description: source.maybe(Source::text),
            parameters: source.text(),
        };
        Options {
            model: self.maybe(Source::text),
            temperature: self.maybe(Source::float),
            max_tokens: self.maybe(|source| source.number() as u32),
            seed: self.maybe(|source| source.number() as i64),
            tools: self.some(tool),
            response_format: self.maybe(Source::text),
            extra: self.maybe(Source::text),
        }
    }

    fn chunk(&mut self) -> Chunk {
        let finish = [
            FinishReason::Stop,
            FinishReason::Length,
            FinishReason::ToolCalls,
            FinishReason::ContentFilter,
        ];
        match self.byte() % 9 {
            0 => Chunk::Text(self.text()),
            1 => Chunk::Reasoning(self.text()),
            2 => Chunk::ToolCall(ToolCallDelta {
                index: self.number() as u32,
                id: self.maybe(Source::text),
                name: self.maybe(Source::text),
                arguments: self.text(),
                fields: self.maybe(Source::text),
            }),
            3 => Chunk::Event(Event {
                kind: self.text(),
                data: self.text(),
            }),
            4 => Chunk::Usage(Usage {
                input_tokens: self.number(),
                output_tokens: self.number(),
                details: self.maybe(Source::text),
            }),
            5 => Chunk::Finish(finish[usize::from(self.byte()) % finish.len()]),
            6 => Chunk::Fields(self.text()),
            7 => Chunk::MessageFields(self.text()),
            _ => Chunk::ChoiceFields(self.text()),
        }
    }

    fn submission(&mut self) -> SubmitOptions {
        SubmitOptions {
            idempotency_key: self.maybe(Source::text),
            delay: self.maybe(Source::number),
            priority: self.maybe(|source| source.number() as i16),
            max_attempts: self.maybe(|source| source.number() as u32),
            timeout: self.maybe(Source::number),
        }
    }
}

/// The handles and job ids that a run keeps between its calls.
#[derive(Default)]
struct Handles {
    generations: Vec<llm::Generation>,
    files: Vec<Upload>,
    jobs: Vec<String>,
}

impl Handles {
    fn job(&self, source: &mut Source) -> String {
        let known = self
            .jobs
            .get(usize::from(source.byte()))
            .or(self.jobs.last())
            .cloned();
        if source.byte() % 4 == 0 {
            source.text()
        } else {
            known.unwrap_or_default()
        }
    }
}

/// Makes one call and ignores its error: whether to fail is up to the host.
async fn call(source: &mut Source, handles: &mut Handles) {
    match source.byte() % 8 {
        0 => drop(response::send(source.chunk()).await),
        1 => ask(source, handles).await,
        2 => log::write(
            [
                Level::Trace,
                Level::Debug,
                Level::Info,
                Level::Warn,
                Level::Error,
            ][usize::from(source.byte()) % 5],
            &source.text(),
        ),
        3 => queue(source, handles).await,
        4 => remember(source).await,
        5 => read(source, handles).await,
        6 => match source.byte() % 3 {
            0 => drop(tasks::id()),
            1 => tasks::report(&source.progress()),
            _ => tasks::note(&source.text()),
        },
        _ => timers::sleep(source.number().min(WAIT_MS_MAX)).await,
    }
}

async fn ask(source: &mut Source, handles: &mut Handles) {
    match source.byte() % 6 {
        0 => drop(llm::generate(source.some(Source::message), source.options()).await),
        1 => handles
            .generations
            .extend(llm::generate_stream(source.some(Source::message), source.options()).await),
        2 => drop(llm::embed(source.some(Source::text), source.maybe(Source::text)).await),
        3 => drop(handles.generations.pop()),
        4 => match handles.generations.last() {
            Some(generation) => drop(generation.next().await),
            None => {}
        },
        _ => match handles.generations.pop() {
            Some(generation) => drop(response::forward(generation).await),
            None => {}
        },
    }
}

async fn queue(source: &mut Source, handles: &mut Handles) {
    let statuses = [
        Status::Pending,
        Status::Running,
        Status::Completed,
        Status::Failed,
        Status::Cancelled,
    ];
    match source.byte() % 6 {
        // The submitted job ends at once.
        0 => handles.jobs.extend(
            jobs::submit(source.text(), source.text(), source.submission())
                .await
                .map(|job| job.id),
        ),
        1 => drop(jobs::get(handles.job(source)).await),
        2 => drop(
            jobs::list(
                source.maybe(|source| statuses[usize::from(source.byte()) % 5]),
                source.number() as u32,
            )
            .await,
        ),
        3 => drop(jobs::cancel(handles.job(source)).await),
        4 => drop(jobs::wait(handles.job(source), Some(source.number().min(WAIT_MS_MAX))).await),
        _ => drop(jobs::checkpoint(source.text()).await),
    }
}

async fn remember(source: &mut Source) {
    match source.byte() % 5 {
        0 => drop(state::get(source.text()).await),
        1 => drop(state::set(source.text(), source.bytes(), source.maybe(Source::number)).await),
        2 => drop(state::delete(source.text()).await),
        3 => drop(
            state::list(
                source.text(),
                source.maybe(Source::text),
                source.number() as u32,
            )
            .await,
        ),
        _ => {
            let (key, expected) = (source.text(), source.maybe(Source::number));
            drop(
                state::compare_and_set(key, expected, source.bytes(), source.maybe(Source::number))
                    .await,
            );
        }
    }
}

async fn read(source: &mut Source, handles: &mut Handles) {
    let Some(file) = handles.files.last() else {
        return;
    };
    match source.byte() % 4 {
        0 => drop((file.name(), file.content_type(), file.size())),
        1 => drop(handles.files.pop()),
        _ => drop(file.read(source.number() as u32).await),
    }
}

/// Makes the calls and returns how many it made.
async fn drive(
    hex: &str,
    files: Vec<Upload>,
) -> Result<usize, sdk::hayrick::pipeline::types::Failure> {
    let mut source = Source::of_hex(hex).ok_or_else(|| invalid_input("write bytes in hex"))?;
    let mut handles = Handles {
        files,
        ..Handles::default()
    };
    let mut calls = 0;
    while calls < CALLS_MAX && !source.is_empty() {
        call(&mut source, &mut handles).await;
        calls += 1;
    }
    Ok(calls)
}

async fn chat(request: ChatRequest) -> Outcome {
    let calls = drive(&question(&request.messages)?, Vec::new()).await?;
    say(format!("{calls} calls")).await
}

async fn files(request: FilesRequest) -> Outcome {
    let hex = request
        .fields
        .iter()
        .find(|(name, _)| name == "calls")
        .map(|(_, value)| value.clone())
        .unwrap_or_default();
    let calls = drive(&hex, request.files).await?;
    say(format!("{calls} calls")).await
}

async fn work(attempt: Attempt) -> JobOutcome {
    // Jobs submitted by the calls have arbitrary JSON, which makes no calls.
    let hex: String = serde_json::from_str(&attempt.data).unwrap_or_default();
    let calls = drive(&hex, Vec::new()).await.unwrap_or(0);
    Ok(calls.to_string())
}

sdk::serve!(chat: chat, files: files, job: work);
