//! Vectors of texts.

/// One vector for each text, in the order of the texts.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Embeddings {
    pub vectors: Vec<Vec<f32>>,
    /// Tokens of the texts, if the model counted them.
    pub tokens: Option<u64>,
}
