//! Keys in software, wrapped at rest
