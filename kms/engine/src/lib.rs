//! Use cases of the key management service
