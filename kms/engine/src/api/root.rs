//! What was done with a root that custodians hold, as it is read.

/// That the root was split, or that a server was opened.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RootTranscriptView {
    /// 0 for the beginning; openings from 1.
    pub number: u64,
    /// SHA-256 of the record: what names it on the ledger.
    pub digest: [u8; 32],
    /// When it was done, in milliseconds since the Unix epoch.
    pub at_ms: u64,
    /// The audit trail of the server that was opened; nothing for the beginning.
    pub server: Option<String>,
    /// Whose shares opened the server; who has confirmed the own share, for the beginning.
    pub by: Vec<String>,
    /// `hufu_shares::RootTranscript`, closed; empty in lists.
    pub transcript: Vec<u8>,
}
