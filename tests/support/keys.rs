//! API keys as an operator creates them, and requests with them.

use std::path::Path;

use serde_json::Value;

use super::await_event::{SOON, eventually};
use super::client::Reply;
use super::command::{CommandOutput, hayrick};
use super::host::TestHost;

/// Settings for tests that cause many failures on purpose.
pub const MANY_FAILURES: &str = "[keys]\nfailures_per_minute = 100000";
/// The same settings, with keys required.
pub const REQUIRED: &str = "[keys]\nfailures_per_minute = 100000\nrequired = true";

/// A created key.
#[derive(Debug, Clone)]
pub struct CreatedKey {
    pub id: String,
    pub key: String,
}

/// Runs `hayrick keys` with this data folder.
pub fn keys(data_dir: &Path, args: &[&str]) -> CommandOutput {
    hayrick(&[&["keys"], args, &["--data-dir", data_dir.to_str().unwrap()]].concat())
}

/// Creates a key in this data folder.
pub fn create_key(data_dir: &Path, args: &[&str]) -> CreatedKey {
    let made = keys(
        data_dir,
        &[&["create", "--name", "test", "--json"], args].concat(),
    );
    assert_eq!(made.code, Some(0), "{made:?}");
    let made: Value = serde_json::from_str(&made.stdout).unwrap();
    let field = |name: &str| made[name].as_str().unwrap().to_owned();
    CreatedKey {
        id: field("id"),
        key: field("key"),
    }
}

impl TestHost {
    /// Creates a key while the host is running, and waits until it is accepted.
    pub async fn create_key(&self, args: &[&str]) -> CreatedKey {
        let made = create_key(&self.data_path(""), args);
        eventually("the key is accepted", SOON, async || {
            // A path that needs a key but no scope, and has no side effects.
            (self.as_key(&made.key, "GET", "/nowhere", "").await.status != 401).then_some(())
        })
        .await;
        made
    }

    /// Sends a request with this key.
    pub async fn as_key(&self, key: &str, method: &str, path: &str, body: &str) -> Reply {
        self.client
            .send_with(
                method,
                path,
                &[("authorization", format!("Bearer {key}"))],
                body,
            )
            .await
    }
}
