package tokenizer

// LibraryVersion is that of Hugging Face's tokenizers crate, as third_party/tokenizers/Cargo.toml pins it.
const LibraryVersion = "0.22.2"
