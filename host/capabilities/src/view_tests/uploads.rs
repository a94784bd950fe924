//! `uploads`: files are read by their handles.

use bytes::Bytes;
use hayrick_services::uploads::spool::{Owner, Spool};
use hayrick_types::settings::server::ServerSettings;
use wasmtime::component::Resource;

use crate::bindings::sync::hayrick::pipeline_sync::uploads::HostUpload;
use crate::guest_state::GuestState;
use crate::uploads::view;
use crate::view_tests::{Host, policy};

/// Gives the run a file, and returns the number of its handle.
async fn push(run: &mut GuestState, content: &'static [u8]) -> u32 {
    let folder = tempfile::tempdir().unwrap();
    let spool = Spool::new(folder.path(), &ServerSettings::default());
    let owner = Owner {
        client: "c",
        pipeline: "p",
    };
    let mut file = spool
        .begin(
            "notes.txt".to_owned(),
            Some("text/plain".to_owned()),
            100,
            owner,
        )
        .await
        .unwrap();
    file.write(Bytes::from_static(content)).await.unwrap();
    run.push_upload(file.finish()).unwrap().rep()
}

#[tokio::test]
async fn a_file_is_read_in_pieces_until_its_end() {
    let host = Host::start().await;
    let mut run = host.run("echo", &policy());
    let number = push(&mut run, b"hello").await;
    let handle = || Resource::new_own(number);
    let mut view = view(&mut run);
    assert_eq!(
        HostUpload::name(&mut view, handle()).await.unwrap(),
        "notes.txt"
    );
    assert_eq!(HostUpload::size(&mut view, handle()).await.unwrap(), 5);
    let mut pieces = Vec::new();
    for _ in 0..4 {
        let piece = HostUpload::read(&mut view, handle(), 2).await;
        pieces.push(piece.unwrap().unwrap());
    }
    assert_eq!(pieces, [&b"he"[..], b"ll", b"o", b""]);
    HostUpload::drop(&mut view, handle()).await.unwrap();
    assert!(HostUpload::size(&mut view, handle()).await.is_err());
}

#[tokio::test]
async fn one_run_cannot_use_the_handle_of_another() {
    let host = Host::start().await;
    let (mut run, mut other) = (host.run("echo", &policy()), host.run("echo", &policy()));
    let number = push(&mut run, b"secret").await;
    let stolen = HostUpload::read(&mut view(&mut other), Resource::new_own(number), 10).await;
    assert!(stolen.is_err());
}
