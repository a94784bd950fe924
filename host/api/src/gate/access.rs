//! Who asks, and what that one may do. Every request but a probe's has it among its extensions.

use std::sync::Arc;

use hayrick_services::keys::key::{Key, Scope};

use crate::error::ApiError;

/// What one client may do.
#[derive(Debug, Clone)]
pub(crate) struct Access {
    who: Who,
}

#[derive(Debug, Clone)]
enum Who {
    Key(Arc<Key>),
    /// A client of this machine, without a key.
    Loopback,
    /// A client without a key where anybody may come.
    Anonymous,
}

impl Access {
    /// What a key gives.
    pub(crate) fn of_key(key: Arc<Key>) -> Access {
        Access { who: Who::Key(key) }
    }

    /// Everything, without a key.
    pub(crate) fn open(is_loopback: bool) -> Access {
        Access {
            who: if is_loopback {
                Who::Loopback
            } else {
                Who::Anonymous
            },
        }
    }

    /// Who it is, for the audit log: the id of a key, never more of it.
    pub(crate) fn actor(&self) -> &str {
        match &self.who {
            Who::Key(key) => &key.id,
            Who::Loopback => "loopback",
            Who::Anonymous => "anonymous",
        }
    }

    /// The key, if there is one.
    pub(crate) fn key(&self) -> Option<&Arc<Key>> {
        match &self.who {
            Who::Key(key) => Some(key),
            Who::Loopback | Who::Anonymous => None,
        }
    }

    /// Refuses who has not this scope.
    ///
    /// # Errors
    /// 403, with the scope that lacks.
    pub(crate) fn check_scope(&self, scope: Scope) -> Result<(), ApiError> {
        let may = match &self.who {
            Who::Key(key) => key.has(scope),
            Who::Loopback => true,
            // Where anybody may come, nobody may change what runs here.
            Who::Anonymous => scope == Scope::Invoke,
        };
        if may {
            Ok(())
        } else {
            Err(ApiError::no_scope(scope))
        }
    }

    /// Refuses who may not use this pipeline, whether it is there or not.
    ///
    /// # Errors
    /// 403.
    pub(crate) fn check_pipeline(&self, name: &str) -> Result<(), ApiError> {
        if self.may_use(name) {
            Ok(())
        } else {
            Err(ApiError::no_access(name))
        }
    }

    /// Whether it may use this pipeline.
    pub(crate) fn may_use(&self, name: &str) -> bool {
        self.pipelines()
            .is_none_or(|own| own.iter().any(|own| own == name))
    }

    /// The only pipelines it may use; none means all.
    pub(crate) fn pipelines(&self) -> Option<&[String]> {
        self.key().and_then(|key| key.pipelines.as_deref())
    }
}
