//! Threshold Schnorr signatures (RFC 9591) as state machines over bytes.
