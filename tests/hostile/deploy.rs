//! Deploys and undeploys components: over HTTP, or by a file in the plugins folder.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::client::Client;

/// Time between two checks of the status.
const INTERVAL: Duration = Duration::from_millis(50);

/// How to deploy.
#[derive(Debug, Clone)]
pub enum Deployer {
    /// The server's plugins folder.
    Folder(PathBuf),
    /// `POST /deploy/{name}` and `POST /undeploy/{name}`.
    Http,
}

/// The outcome of a deploy.
#[derive(Debug, Clone)]
pub enum Deployed {
    Serves,
    Refused(String),
    /// Neither: the server did not say.
    Lost(String),
}

impl Deployer {
    /// Deploys a component and waits until it serves or is refused.
    pub async fn deploy(
        &self,
        client: &Client,
        pipeline: &str,
        content: Vec<u8>,
        patience: Duration,
    ) -> Deployed {
        match self {
            Deployer::Folder(folder) => {
                let (aside, file) = (
                    folder.join(format!(".{pipeline}.new")),
                    folder.join(format!("{pipeline}.wasm")),
                );
                if let Err(error) =
                    std::fs::write(&aside, content).and_then(|()| std::fs::rename(&aside, &file))
                {
                    return Deployed::Lost(format!("{}: {error}", file.display()));
                }
                settled(client, pipeline, patience).await
            }
            Deployer::Http => {
                let request = client
                    .request("POST", &format!("/deploy/{pipeline}"))
                    .header("content-type", "application/wasm");
                match request.timeout(patience).body(content).send().await {
                    Ok(response) if response.status().is_success() => Deployed::Serves,
                    Ok(response) => {
                        let status = response.status().as_u16();
                        let body = response.text().await.unwrap_or_default();
                        if (400..500).contains(&status) && status != 401 && status != 404 {
                            Deployed::Refused(body)
                        } else {
                            Deployed::Lost(format!("{status} {body}"))
                        }
                    }
                    Err(error) => Deployed::Lost(error.to_string()),
                }
            }
        }
    }

    /// Undeploys a pipeline, whether or not it exists.
    pub async fn undeploy(&self, client: &Client, pipeline: &str) {
        match self {
            Deployer::Folder(folder) => {
                // Usually the file does not exist.
                let _ = std::fs::remove_file(folder.join(format!("{pipeline}.wasm")));
                let start = Instant::now();
                while client.get(&format!("/status/{pipeline}")).await.0 == 200
                    && start.elapsed() < Duration::from_secs(10)
                {
                    tokio::time::sleep(INTERVAL).await;
                }
            }
            Deployer::Http => {
                // A pipeline that does not exist counts as undeployed.
                let _ = client
                    .request("POST", &format!("/undeploy/{pipeline}"))
                    .timeout(Duration::from_secs(30))
                    .send()
                    .await;
            }
        }
    }
}

async fn settled(client: &Client, pipeline: &str, patience: Duration) -> Deployed {
    let start = Instant::now();
    while start.elapsed() < patience {
        let (_, status) = client.get(&format!("/status/{pipeline}")).await;
        if let Some(reason) = status["last_error"]["reason"].as_str() {
            return Deployed::Refused(reason.to_owned());
        }
        if status["state"] == "ready" {
            return Deployed::Serves;
        }
        tokio::time::sleep(INTERVAL).await;
    }
    Deployed::Lost("the server neither served nor refused it".to_owned())
}
