//! Reads `/metrics`.

use super::host::TestHost;

/// The value of a metric with these labels; `None` if there is no such line.
pub async fn metric(host: &TestHost, name: &str) -> Option<f64> {
    let reply = host.client.get("/metrics").await;
    assert_eq!(reply.status, 200, "{}", reply.body);
    let line = reply
        .body
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.map(|number| number.parse().unwrap())
}

/// How often a pipeline reached a limit; the empty name stands for clients.
pub async fn reached(host: &TestHost, limit: &str, pipeline: &str) -> u64 {
    let name = format!("hayrick_limit_reached_total{{limit=\"{limit}\",pipeline=\"{pipeline}\"}}");
    metric(host, &name).await.map_or(0, |count| count as u64)
}
