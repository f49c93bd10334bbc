//! Audit records and segments: format, hash chain, verification
