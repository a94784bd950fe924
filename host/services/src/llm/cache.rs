//! The response cache of one upstream: whole answers by the whole request.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hayrick_types::chunk::Chunk;
use hayrick_types::settings::upstream::CacheSettings;
use sha2::{Digest, Sha256};
use tokio::time::Instant;

/// Text of an answer that is kept; with `entries_max` it bounds the memory a cache can take.
const ANSWER_BYTES_MAX: usize = 256 << 10;
/// Chunks of an answer that is kept: tokens of a few bytes cost more than their text.
const ANSWER_CHUNKS_MAX: usize = 16 << 10;

/// SHA-256 of a request's body, which names the model too.
type Key = [u8; 32];

/// Answers, oldest first.
pub(crate) struct Cache {
    config: CacheSettings,
    entries: Mutex<Entries>,
}

#[derive(Default)]
struct Entries {
    answers: HashMap<Key, Arc<[Chunk]>>,
    /// Every entry lives equally long, so the order of arrival is the order of expiry.
    expiries: VecDeque<(Instant, Key)>,
}

/// Writes an answer down while it passes.
pub(crate) struct Recorder {
    cache: Arc<Cache>,
    key: Key,
    chunks: Vec<Chunk>,
    bytes: usize,
}

impl Cache {
    pub(crate) fn new(config: CacheSettings) -> Arc<Cache> {
        Arc::new(Cache {
            config,
            entries: Mutex::default(),
        })
    }

    /// The answer to this request.
    ///
    /// # Errors
    /// It is not there: a recorder for the answer to come.
    pub(crate) fn get(self: &Arc<Self>, request: &[u8]) -> Result<Arc<[Chunk]>, Recorder> {
        let key = Sha256::digest(request).into();
        let mut entries = self.entries();
        entries.drop_expired();
        let answer = entries.answers.get(&key).cloned();
        answer.ok_or_else(|| Recorder {
            cache: Arc::clone(self),
            key,
            chunks: Vec::new(),
            bytes: 0,
        })
    }

    fn insert(&self, key: Key, answer: Arc<[Chunk]>) {
        let mut entries = self.entries();
        entries.drop_expired();
        if entries.answers.insert(key, answer).is_none() {
            entries
                .expiries
                .push_back((Instant::now() + self.config.ttl, key));
        }
        while entries.expiries.len() > self.config.entries_max {
            entries.drop_oldest();
        }
    }

    fn entries(&self) -> MutexGuard<'_, Entries> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Entries {
    fn drop_expired(&mut self) {
        let now = Instant::now();
        while self
            .expiries
            .front()
            .is_some_and(|(expiry, _)| *expiry <= now)
        {
            self.drop_oldest();
        }
    }

    fn drop_oldest(&mut self) {
        if let Some((_, key)) = self.expiries.pop_front() {
            self.answers.remove(&key);
        }
    }
}

impl Recorder {
    /// Writes a chunk down, unless the answer is too long to be kept.
    pub(crate) fn note(&mut self, chunk: &Chunk) {
        self.bytes += chunk.len();
        if self.fits() {
            self.chunks.push(chunk.clone());
        } else {
            self.chunks = Vec::new();
            // Stays over the limit, whatever comes.
            self.bytes = usize::MAX / 2;
        }
    }

    /// Keeps the answer, which is whole.
    pub(crate) fn keep(self) {
        if self.bytes <= ANSWER_BYTES_MAX {
            self.cache.insert(self.key, self.chunks.into());
        }
    }

    fn fits(&self) -> bool {
        self.bytes <= ANSWER_BYTES_MAX && self.chunks.len() < ANSWER_CHUNKS_MAX
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const TTL: Duration = Duration::from_secs(10);

    fn cache() -> Arc<Cache> {
        Cache::new(CacheSettings {
            ttl: TTL,
            entries_max: 2,
        })
    }

    fn keep(cache: &Arc<Cache>, request: &[u8], text: &str) {
        let mut recorder = cache.get(request).err().unwrap();
        recorder.note(&Chunk::Text(text.to_owned()));
        recorder.keep();
    }

    #[tokio::test(start_paused = true)]
    async fn answers_are_repeated_until_they_expire() {
        let cache = cache();
        keep(&cache, b"a", "one");
        assert_eq!(
            cache.get(b"a").ok().unwrap().to_vec(),
            [Chunk::Text("one".to_owned())]
        );
        assert!(cache.get(b"b").is_err());
        tokio::time::advance(TTL).await;
        assert!(cache.get(b"a").is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn the_oldest_makes_room_and_twins_count_once() {
        let cache = cache();
        let twin = cache.get(b"a").err().unwrap();
        for request in [b"a", b"b"] {
            keep(&cache, request, "x");
        }
        twin.keep();
        assert!(cache.get(b"a").is_ok() && cache.get(b"b").is_ok());
        keep(&cache, b"c", "x");
        assert!(cache.get(b"a").is_err() && cache.get(b"b").is_ok() && cache.get(b"c").is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_over_the_limit_is_not_kept() {
        let cache = cache();
        keep(&cache, b"a", &"x".repeat(ANSWER_BYTES_MAX + 1));
        assert!(cache.get(b"a").is_err());
        let mut recorder = cache.get(b"a").err().unwrap();
        for _ in 0..=ANSWER_CHUNKS_MAX {
            recorder.note(&Chunk::Text("x".to_owned()));
        }
        recorder.keep();
        assert!(cache.get(b"a").is_err());
    }
}
