//! Configuration to concrete adapters
