//! One small world for each interface a plugin can export. `serve!` combines the ones that a plugin
//! needs.

pub mod lifecycle {
    wit_bindgen::generate!({
        path: "../../wit",
        inline: "
            package hayrick:sdk;
            world set-up {
                export hayrick:pipeline/lifecycle@0.1.0;
            }
        ",
        with: { "hayrick:pipeline/types@0.1.0": crate::hayrick::pipeline::types },
        pub_export_macro: true,
    });
}

pub mod chat {
    wit_bindgen::generate!({
        path: "../../wit",
        inline: "
            package hayrick:sdk;
            world chats {
                export hayrick:pipeline/chat@0.1.0;
            }
        ",
        with: { "hayrick:pipeline/types@0.1.0": crate::hayrick::pipeline::types },
        pub_export_macro: true,
    });
}

pub mod api {
    wit_bindgen::generate!({
        path: "../../wit",
        inline: "
            package hayrick:sdk;
            world has-api {
                export hayrick:pipeline/api@0.1.0;
            }
        ",
        with: {
            "hayrick:pipeline/types@0.1.0": crate::hayrick::pipeline::types,
            "hayrick:pipeline/uploads@0.1.0": crate::hayrick::pipeline::uploads,
        },
        pub_export_macro: true,
    });
}

pub mod embeddings {
    wit_bindgen::generate!({
        path: "../../wit",
        inline: "
            package hayrick:sdk;
            world makes-embeddings {
                export hayrick:pipeline/embeddings@0.1.0;
            }
        ",
        with: { "hayrick:pipeline/types@0.1.0": crate::hayrick::pipeline::types },
        pub_export_macro: true,
    });
}

pub mod files {
    wit_bindgen::generate!({
        path: "../../wit",
        inline: "
            package hayrick:sdk;
            world takes-files {
                export hayrick:pipeline/files@0.1.0;
            }
        ",
        with: {
            "hayrick:pipeline/types@0.1.0": crate::hayrick::pipeline::types,
            "hayrick:pipeline/uploads@0.1.0": crate::hayrick::pipeline::uploads,
        },
        pub_export_macro: true,
    });
}

pub mod job {
    wit_bindgen::generate!({
        path: "../../wit",
        inline: "
            package hayrick:sdk;
            world runs-jobs {
                export hayrick:pipeline/job-handler@0.1.0;
            }
        ",
        with: { "hayrick:pipeline/types@0.1.0": crate::hayrick::pipeline::types },
        pub_export_macro: true,
    });
}
