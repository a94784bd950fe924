//! The batch plugin with a slow model that refuses some items and counts concurrent requests.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::await_event::{SOON, within};
use crate::support::client::Reply;
use crate::support::fake_upstream::{Behaviour, FakeUpstream};
use crate::support::host::{TestHost, TestHostBuilder};
use crate::support::raw_client::{RawClient, request};
use crate::support::report::say;

const BATCH: &str = "batch-async-pipeline";
/// Maximum number of items that wait for the model at the same time.
const CONCURRENT_MAX: usize = 5;

/// The plugin with a model that answers each item after a pause.
async fn over(pause: Duration, refused: Option<&'static str>) -> (FakeUpstream, TestHostBuilder) {
    let upstream = FakeUpstream::start(Behaviour::Work { pause, refused }).await;
    let section = format!(
        "[upstreams.fake]\nbase_url = '{}'\nmodel = 'fake-model'\nretries_max = 0",
        upstream.base_url()
    );
    (upstream, TestHost::builder().plugin(BATCH).config(&section))
}

fn batch(items: &[String], sequential: bool) -> Value {
    let message = json!({"role": "user", "content": "go on"});
    json!({"model": BATCH, "messages": [message], "batch_items": items, "instruction": "Praise it", "sequential": sequential})
}

fn items(count: usize) -> Vec<String> {
    (1..=count).map(|number| format!("item-{number}")).collect()
}

/// The positions of the lines with this prefix, in the order of the numbers after it.
fn places(text: &str, begin: &str) -> Vec<(usize, usize)> {
    let numbered = text
        .lines()
        .enumerate()
        .filter_map(|(place, line)| Some((line.strip_prefix(begin)?, place)));
    let mut places: Vec<(usize, usize)> = numbered
        .map(|(rest, place)| {
            (
                rest.split(|char: char| !char.is_ascii_digit())
                    .next()
                    .unwrap()
                    .parse()
                    .unwrap(),
                place,
            )
        })
        .collect();
    places.sort_unstable();
    places
}

async fn task_of(host: &TestHost, reply: &Reply) -> Value {
    host.client
        .get(&format!(
            "/{BATCH}/tasks/{}",
            reply.header("x-hayrick-run").unwrap()
        ))
        .await
        .json()
}

#[tokio::test]
async fn every_item_is_announced_then_completed_before_the_summary() {
    let (upstream, host) = over(Duration::from_millis(20), None).await;
    let host = host.start().await;
    let reply = host.client.chat_with(&batch(&items(12), false)).await;
    let text = reply.text();
    assert!(
        text.starts_with(
            "Starting batch processing of 12 items...\n\nProcessing item 1/12: item-1..."
        ),
        "{text}"
    );
    let summary =
        "\n\nBatch processing completed:\n✓ Successfully processed: 12 items\n✗ Failed: 0 items";
    assert!(text.ends_with(summary), "{text}");

    let (announced, completed) = (
        places(&text, "Processing item "),
        places(&text, "✓ Completed item "),
    );
    let numbers =
        |places: &[(usize, usize)]| places.iter().map(|(number, _)| *number).collect::<Vec<_>>();
    assert_eq!(
        (numbers(&announced), numbers(&completed)),
        ((1..=12).collect(), (1..=12).collect()),
        "{text}"
    );
    assert!(
        announced
            .iter()
            .zip(&completed)
            .all(|(before, after)| before.1 < after.1),
        "{text}"
    );
    // They start in order, each as soon as an earlier one is done, not in waves.
    assert!(
        announced.iter().map(|(_, place)| place).is_sorted(),
        "{text}"
    );
    assert!(
        announced[CONCURRENT_MAX].1 < completed.iter().map(|(_, place)| *place).max().unwrap(),
        "{text}"
    );
    for number in 1..=12 {
        assert!(
            text.contains(&format!(
                "✓ Completed item {number}: item-{number}...\ndone: item-{number}"
            )),
            "{text}"
        );
    }
    let asked = upstream.requests();
    assert!(
        asked.len() == 12
            && asked
                .iter()
                .all(|request| request.body.contains("Instruction: Praise it")),
        "{}",
        asked.len()
    );
    assert_eq!(upstream.counts().busy_max, CONCURRENT_MAX);
    assert_eq!(
        task_of(&host, &reply).await["progress"],
        json!({"done": 12, "total": 12, "message": null})
    );
}

#[tokio::test]
async fn a_thousand_items_are_as_fast_as_their_model() {
    const COUNT: usize = 1000;
    const PAUSE: Duration = Duration::from_millis(50);
    let (upstream, host) = over(PAUSE, None).await;
    let host = host.alone().start().await;
    let begun = host.stopwatch();
    let text = host
        .client
        .chat_with(&batch(&items(COUNT), false))
        .await
        .text();
    let took = begun.elapsed();
    let least = PAUSE * (COUNT / CONCURRENT_MAX) as u32;
    let ratio = took.as_secs_f64() / least.as_secs_f64();
    say(&format!(
        "{COUNT} items of {PAUSE:?}, {CONCURRENT_MAX} at a time, took {took:.2?}: {ratio:.2} of the model's own {least:?}"
    ));
    assert!(
        text.contains("✓ Successfully processed: 1000 items"),
        "{}",
        &text[text.len().saturating_sub(200)..]
    );
    let counts = upstream.counts();
    assert_eq!((counts.requests, counts.busy_max), (COUNT, CONCURRENT_MAX));
    assert!(took >= least && ratio < 1.5, "{ratio:.2}");
}

#[tokio::test]
async fn failed_items_are_listed_in_order_and_the_others_continue() {
    let (_upstream, host) = over(Duration::from_millis(5), Some("bad")).await;
    let host = host.start().await;
    let mut items = items(20);
    for place in [16, 9, 2] {
        items[place] = format!("bad-{place}");
    }
    let reply = host.client.chat_with(&batch(&items, false)).await;
    let text = reply.text();
    let (_, summary) = text
        .split_once("\n\nBatch processing completed:\n")
        .unwrap();
    let lines: Vec<&str> = summary.lines().collect();
    assert_eq!(
        lines[..4],
        [
            "✓ Successfully processed: 17 items",
            "✗ Failed: 3 items",
            "",
            "Failed items:"
        ],
        "{text}"
    );
    let failed: Vec<&str> = lines[4..]
        .iter()
        .map(|line| line.split_once(':').unwrap().0)
        .collect();
    assert_eq!(failed, ["- bad-2", "- bad-9", "- bad-16"], "{text}");
    assert!(
        lines[4..].iter().all(|line| line.contains("500")),
        "the failure does not contain the error of the model: {text}"
    );
    assert_eq!(places(&text, "✓ Completed item ").len(), 17, "{text}");
    assert_eq!(task_of(&host, &reply).await["status"], "completed");
}

#[tokio::test]
async fn sequential_mode_processes_one_item_at_a_time_and_reports_the_success_rate() {
    let (upstream, host) = over(Duration::from_millis(5), Some("bad")).await;
    let host = host.start().await;
    let items = ["one", "bad", "three"].map(str::to_owned);
    let text = host.client.chat_with(&batch(&items, true)).await.text();
    let (before, failure, after) = (
        "[2/3] Processing: bad...\n✗ Failed item 2: ",
        "500",
        "\n[3/3] Processing: three...",
    );
    let begin = "Starting batch processing of 3 items...\n\n[1/3] Processing: one...\n✓ Completed item 1: one...\ndone: one\n";
    let rest = text
        .strip_prefix(begin)
        .and_then(|rest| rest.strip_prefix(before))
        .unwrap_or_else(|| panic!("{text}"));
    let (item, rest) = rest.split_once(after).unwrap_or_else(|| panic!("{text}"));
    assert!(item.contains(failure), "{text}");
    let end = "\n✓ Completed item 3: three...\ndone: three\n\nBatch processing completed!\n\
               Total items: 3\nSuccessful: 2\nFailed: 1\nSuccess rate: 66.7%";
    assert_eq!(rest, end);
    assert_eq!(upstream.counts().busy_max, 1);
}

#[tokio::test]
async fn lines_are_streamed_while_the_batch_is_running() {
    let (upstream, host) = over(Duration::from_millis(500), None).await;
    let host = host.start().await;
    let mut body = batch(&items(20), false);
    body["stream"] = true.into();
    let mut stream = host.client.stream_with(&body).await;
    let mut text = String::new();
    while !text.contains("✓ Completed item") {
        text.push_str(stream.next_text().await.text());
    }
    // Five at a time: of four rounds, the last begins a second and a half after the first.
    assert!(
        upstream.counts().requests < 20,
        "the first result arrived after the last item was requested"
    );
    text.push_str(&stream.rest_text().await);
    assert!(
        text.ends_with("✓ Successfully processed: 20 items\n✗ Failed: 0 items"),
        "{text}"
    );
}

#[tokio::test]
async fn unusual_batches_get_sensible_answers() {
    let (upstream, host) = over(Duration::ZERO, None).await;
    let host = host.start().await;
    let empty = host.client.chat_with(&batch(&[], false)).await.text();
    let summary =
        "Batch processing completed:\n✓ Successfully processed: 0 items\n✗ Failed: 0 items";
    assert_eq!(
        empty,
        format!("Starting batch processing of 0 items...\n\n\n{summary}")
    );
    assert!(
        host.client
            .chat_with(&batch(&[], true))
            .await
            .text()
            .ends_with("Success rate: n/a")
    );
    for (field, value, fragments) in [
        (
            "batch_items",
            json!(["a", 2]),
            &["batch_items[1]", "not a string"][..],
        ),
        ("batch_items", json!("a"), &["batch_items is not an array"]),
        (
            "batch_items",
            json!(vec!["x"; 100_000]),
            &["100000 items", "maximum of 10000", "smaller batches"],
        ),
        ("instruction", json!(1), &["instruction is not a string"]),
        ("sequential", json!("yes"), &["sequential is not a boolean"]),
    ] {
        let mut body = batch(&items(1), false);
        body[field] = value;
        let reply = host.client.chat_with(&body).await;
        assert_eq!(reply.status, 400, "{fragments:?}: {}", reply.body);
        assert!(
            fragments
                .iter()
                .all(|fragment| reply.error().contains(fragment)),
            "{fragments:?}: {}",
            reply.body
        );
    }
    assert_eq!(upstream.counts().requests, 0);
}

#[tokio::test]
async fn a_request_without_a_batch_is_answered_as_a_question() {
    let upstream = FakeUpstream::start(Behaviour::Ok).await;
    let host = TestHost::builder()
        .plugin(BATCH)
        .upstream(&upstream.base_url())
        .start()
        .await;
    assert_eq!(
        host.client.chat(BATCH, "Who are you?").await.text(),
        "Hello from upstream"
    );
    assert!(
        upstream
            .request()
            .await
            .body
            .contains("Process this item: Who are you?"),
        "{:?}",
        upstream.request().await
    );
}

#[tokio::test]
async fn a_client_that_hangs_up_stops_calls_to_the_model() {
    let (upstream, host) = over(Duration::from_millis(30), None).await;
    let host = host.start().await;
    for (stream, sequential) in [(true, false), (false, false), (true, true)] {
        let before = upstream.counts().requests;
        let mut body = batch(&items(1000), sequential);
        body["stream"] = stream.into();
        let client =
            RawClient::send(host.address(), &request(host.address(), &body.to_string())).await;
        within(
            "some items are requested",
            SOON,
            upstream.reach(|counts| counts.requests >= before + 10),
        )
        .await;
        drop(client);
        host.is_idle(BATCH).await;
        within(
            "the model gets no more requests",
            SOON,
            upstream.reach(|counts| counts.busy == 0),
        )
        .await;
        let asked = upstream.counts().requests - before;
        assert!(asked < 1000, "all items were asked for");
        let counts = host.client.get(&format!("/{BATCH}/tasks")).await.json()["counts"].clone();
        assert_eq!(
            (&counts["processing"], &counts["completed"]),
            (&0.into(), &0.into()),
            "{counts}"
        );
    }
}
