//! Who sends a request, and what that client may do. Every request except a probe has its `Access`
//! among the extensions.

use std::sync::Arc;

use hayrick_services::keys::key::{Key, Scope};

use crate::error::ApiError;

/// What one client may do.
#[derive(Debug, Clone)]
pub(crate) struct Access {
    client: Client,
}

#[derive(Debug, Clone)]
enum Client {
    Key(Arc<Key>),
    /// On this machine, without a key.
    Loopback,
    /// On any machine, without a key: the server was started with `--insecure`.
    Anonymous,
}

impl Access {
    /// What a key allows.
    pub(crate) fn of_key(key: Arc<Key>) -> Access {
        Access {
            client: Client::Key(key),
        }
    }

    /// What a client without a key may do on a server that needs none.
    pub(crate) fn open(is_loopback: bool) -> Access {
        Access {
            client: if is_loopback {
                Client::Loopback
            } else {
                Client::Anonymous
            },
        }
    }

    /// The client in the audit log: the id of its key, and never more of the key.
    pub(crate) fn actor(&self) -> &str {
        match &self.client {
            Client::Key(key) => &key.id,
            Client::Loopback => "loopback",
            Client::Anonymous => "anonymous",
        }
    }

    /// The client in the log: the name of its key.
    pub(crate) fn name(&self) -> &str {
        match &self.client {
            Client::Key(key) => &key.name,
            Client::Loopback | Client::Anonymous => self.actor(),
        }
    }

    /// The key, if the client sent one.
    pub(crate) fn key(&self) -> Option<&Arc<Key>> {
        match &self.client {
            Client::Key(key) => Some(key),
            Client::Loopback | Client::Anonymous => None,
        }
    }

    /// Refuses a client without this scope.
    ///
    /// # Errors
    /// 403, with the missing scope.
    pub(crate) fn check_scope(&self, scope: Scope) -> Result<(), ApiError> {
        let is_allowed = match &self.client {
            Client::Key(key) => key.has(scope),
            Client::Loopback => true,
            // Where every client is let in, none may change what runs here.
            Client::Anonymous => scope == Scope::Invoke,
        };
        if is_allowed {
            Ok(())
        } else {
            Err(ApiError::missing_scope(scope))
        }
    }

    /// Refuses a client that may not use this pipeline, whether it exists or not.
    ///
    /// # Errors
    /// 403.
    pub(crate) fn check_pipeline(&self, name: &str) -> Result<(), ApiError> {
        if self.may_use(name) {
            Ok(())
        } else {
            Err(ApiError::pipeline_not_allowed(name))
        }
    }

    /// Whether the client may use this pipeline.
    pub(crate) fn may_use(&self, name: &str) -> bool {
        self.pipelines()
            .is_none_or(|pipelines| pipelines.iter().any(|pipeline| pipeline == name))
    }

    /// The only pipelines that the client may use; `None` means all.
    pub(crate) fn pipelines(&self) -> Option<&[String]> {
        self.key().and_then(|key| key.pipelines.as_deref())
    }
}
