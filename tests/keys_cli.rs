//! `hayrick keys` and `hayrick audit`, with and without a running server.

use std::os::unix::fs::PermissionsExt;

use serde_json::Value;

use crate::support::command::{clean, hayrick};
use crate::support::folder::Folder;
use crate::support::host::TestHost;
use crate::support::keys::{REQUIRED, create_key, keys};

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

#[test]
fn a_key_is_shown_once_and_never_again() {
    let folder = Folder::fresh();
    let data_dir = folder.path().join("data");
    let made = keys(
        &data_dir,
        &[
            "create",
            "--name",
            "ci \u{e9}",
            "--scope",
            "invoke",
            "--rate",
            "60/min",
            "--concurrency",
            "4",
            "--expires",
            "30d",
        ],
    );
    assert_eq!(made.code, Some(0), "{made:?}");
    let key = made.stdout.trim();
    assert!(
        key.starts_with("hrk_") && key.len() == 81 && made.stderr.contains("only time"),
        "{made:?}"
    );
    let secret = &key[17..];
    let limited = create_key(
        &data_dir,
        &[
            "--scope",
            "deploy",
            "--scope",
            "admin",
            "--pipeline",
            "a",
            "--pipeline",
            "b",
        ],
    );

    let listed = keys(&data_dir, &["list"]);
    let lines: Vec<Vec<&str>> = listed
        .stdout
        .lines()
        .map(|line| line.split_whitespace().collect())
        .collect();
    assert_eq!(
        lines[0],
        [
            "ID",
            "NAME",
            "STATUS",
            "SCOPES",
            "PIPELINES",
            "RATE",
            "CONCURRENCY"
        ]
    );
    assert_eq!(
        lines[1][1..],
        ["ci", "\u{e9}", "active", "invoke", "all", "60/min", "4"]
    );
    assert_eq!(
        lines[2],
        [
            &limited.id,
            "test",
            "active",
            "deploy,admin",
            "a,b",
            "-",
            "-"
        ]
    );
    let as_json = keys(&data_dir, &["list", "--json"]);
    let first = &json(&as_json.stdout)[0];
    assert_eq!(
        first["expires_at"].as_u64().unwrap() - first["created_at"].as_u64().unwrap(),
        30 * 86_400
    );
    for printed in [
        &listed.stdout,
        &as_json.stdout,
        &std::fs::read_to_string(data_dir.join("keys.json")).unwrap(),
    ] {
        assert!(
            !printed.contains(secret) && !printed.contains(&limited.key[17..]),
            "{printed}"
        );
    }

    let revoked = keys(&data_dir, &["revoke", &limited.id]);
    assert_eq!(
        (revoked.code, revoked.stdout.trim()),
        (Some(0), format!("{} is revoked", limited.id).as_str())
    );
    assert_eq!(
        json(&keys(&data_dir, &["list", "--json"]).stdout)[1]["status"],
        "revoked"
    );
    let absent = keys(&data_dir, &["revoke", "absent"]);
    assert!(
        absent.code == Some(3) && absent.stderr.contains("hayrick keys list"),
        "{absent:?}"
    );
}

#[test]
fn invalid_arguments_create_no_key() {
    let folder = Folder::fresh();
    for (args, code, cure) in [
        (&["--name", ""][..], 1, "--name"),
        (&["--name", "a\nb"], 1, "--name"),
        (&["--name", "n", "--rate", "60"], 1, "60/min"),
        (&["--name", "n", "--rate", "0/s"], 1, "60/min"),
        (&["--name", "n", "--pipeline", "../x"], 1, "name"),
        (&["--name", "n", "--pipeline", "status"], 1, "route"),
        (&["--name", "n", "--scope", "root"], 2, "admin"),
        (&["--name", "n", "--burst", "5"], 2, "--rate"),
        (&["--name", "n", "--concurrency", "0"], 2, "--concurrency"),
        (&["--name", "n", "--expires", "soon"], 2, "--expires"),
        (&[], 2, "--name"),
    ] {
        let ended = keys(folder.path(), &[&["create"], args].concat());
        assert!(
            ended.code == Some(code) && ended.stderr.contains(cure) && ended.stdout.is_empty(),
            "{args:?}: {ended:?}"
        );
    }
    assert_eq!(
        json(&keys(folder.path(), &["list", "--json"]).stdout),
        Value::Array(Vec::new())
    );
}

#[test]
fn every_key_change_is_audited() {
    let folder = Folder::fresh();
    let made = create_key(folder.path(), &[]);
    keys(folder.path(), &["revoke", &made.id]);
    let data_dir = folder.path().to_str().unwrap();
    let lines = json(&hayrick(&["audit", "--json", "--data-dir", data_dir]).stdout);
    let line =
        |index: usize, name: &str| lines[index][name].as_str().unwrap_or_default().to_owned();
    for (index, action) in ["key.create", "key.revoke"].into_iter().enumerate() {
        let found = ["actor", "action", "subject", "outcome"].map(|name| line(index, name));
        assert_eq!(found, ["local", action, &made.id, "ok"]);
        assert!(
            lines[index]["at"].as_u64() > Some(1_700_000_000_000),
            "{lines}"
        );
    }
    assert_eq!(lines.as_array().unwrap().len(), 2);
    let newest = hayrick(&["audit", "--limit", "1", "--data-dir", data_dir]);
    let cells: Vec<&str> = newest
        .stdout
        .lines()
        .nth(1)
        .unwrap()
        .split_whitespace()
        .skip(1)
        .collect();
    assert_eq!(
        cells,
        ["local", "key.revoke", &made.id, "ok", "-"],
        "{newest:?}"
    );
    let path = folder.path().join("audit.log");
    assert_eq!(
        std::fs::metadata(&path).unwrap().permissions().mode() & 0o777,
        0o600
    );
    assert!(
        !std::fs::read_to_string(&path)
            .unwrap()
            .contains(&made.key[17..])
    );
}

#[test]
fn no_key_is_created_if_the_audit_log_cannot_be_written() {
    let folder = Folder::fresh();
    // A folder in place of the file, so nothing can be written.
    folder.subfolder("audit.log");
    let refused = keys(folder.path(), &["create", "--name", "n"]);
    assert!(
        refused.code == Some(1)
            && refused.stdout.is_empty()
            && refused.stderr.contains("audit log"),
        "{refused:?}"
    );
}

#[tokio::test]
async fn commands_send_their_api_key_to_the_server() {
    let host = TestHost::builder()
        .guest("echo-relay")
        .config(REQUIRED)
        .start()
        .await;
    let made = host.create_key(&[]).await;
    let port = host.address().rsplit(':').next().unwrap();
    let without = hayrick(&["status", "--port", port]);
    assert!(
        without.code == Some(1) && without.stderr.contains("hayrick keys create"),
        "{without:?}"
    );
    for args in [&["status"][..], &["jobs", "list", "echo-relay"]] {
        let by_flag = hayrick(&[args, &["--port", port, "--api-key", &made.key]].concat());
        assert_eq!(by_flag.code, Some(0), "{by_flag:?}");
        let mut command = clean(tokio::process::Command::new(env!("CARGO_BIN_EXE_hayrick")));
        let by_variable = command
            .args(args)
            .args(["--port", port])
            .env("HAYRICK_API_KEY", &made.key)
            .output()
            .await
            .unwrap();
        assert!(by_variable.status.success(), "{by_variable:?}");
    }
    let smuggled = hayrick(&["status", "--port", port, "--api-key", "a\r\nHost: x"]);
    assert!(
        smuggled.code == Some(1) && smuggled.stderr.contains("--api-key"),
        "{smuggled:?}"
    );
    let mut help = clean(tokio::process::Command::new(env!("CARGO_BIN_EXE_hayrick")));
    let help = help
        .args(["status", "--help"])
        .env("HAYRICK_API_KEY", &made.key)
        .output()
        .await
        .unwrap();
    assert!(!String::from_utf8(help.stdout).unwrap().contains(&made.key));
}

#[tokio::test]
async fn the_last_use_of_a_key_survives_a_shutdown() {
    let mut host = TestHost::builder().config(REQUIRED).start().await;
    let made = host.create_key(&[]).await;
    host.sigterm();
    host.ended().await;
    let listed = json(&keys(&host.data_path(""), &["list", "--json"]).stdout);
    assert_eq!(listed[0]["id"], made.id);
    assert!(
        listed[0]["last_used_at"].as_u64() >= listed[0]["created_at"].as_u64(),
        "{listed}"
    );
}
