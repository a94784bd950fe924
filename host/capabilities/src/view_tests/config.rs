//! `config`: the operator's values, and nobody else's.

use crate::bindings::sync::hayrick::pipeline_sync::config::Host as _;
use crate::config::view;
use crate::view_tests::{Host, policy};

#[tokio::test]
async fn a_plugin_reads_its_own_values_only() {
    let host = Host::start().await;
    let mut echo = policy();
    echo.config.insert("style".to_owned(), "brief".to_owned());
    let (mut echo, mut other) = (host.run("echo", &echo), host.run("other", &policy()));

    let (mut own, mut foreign) = (view(&mut echo), view(&mut other));
    assert_eq!(
        own.get("style".to_owned()).await.unwrap().as_deref(),
        Some("brief")
    );
    assert_eq!(own.keys().await.unwrap(), ["style"]);
    assert_eq!(foreign.get("style".to_owned()).await.unwrap(), None);
    assert!(foreign.keys().await.unwrap().is_empty());
}
