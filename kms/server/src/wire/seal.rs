//! Whether a server is sealed, on the wire.

use hufu_core::{Error, Reason};
use hufu_engine::api::RootTranscriptView;
use hufu_proto::v1;
use hufu_proto::v1::seal_status::{Seat, State};
use hufu_wiring::{SignedManifest, UnsealError, Waiting};

use super::time::timestamp;

/// A server that waits.
pub(crate) fn sealed(waiting: &Waiting, manifest: &SignedManifest) -> v1::SealStatus {
    let seat = |(custodian, submitted): &(_, bool)| Seat { custodian: format!("{custodian}"), submitted: *submitted };
    v1::SealStatus {
        state: State::Sealed.into(),
        request: waiting.request.to_bytes(),
        manifest: manifest.to_bytes(),
        threshold: waiting.threshold.into(),
        seats: waiting.seats.iter().map(seat).collect(),
        expire_time: Some(timestamp(waiting.request.expires_at_ms)),
    }
}

/// A server that has its root.
pub(crate) fn unsealed() -> v1::SealStatus {
    v1::SealStatus { state: State::Unsealed.into(), ..v1::SealStatus::default() }
}

/// What was done with the root, as the wire shows it.
pub(crate) fn root_transcript(view: RootTranscriptView) -> v1::RootTranscript {
    v1::RootTranscript {
        name: format!("rootTranscripts/{}", view.number),
        digest: view.digest.to_vec(),
        create_time: Some(timestamp(view.at_ms)),
        server: view.server.unwrap_or_default(),
        custodians: view.by,
        transcript: view.transcript,
    }
}

/// Why a share was not taken.
pub(crate) fn refused(error: &UnsealError) -> Error {
    match error {
        UnsealError::NoKey => Error::internal(error),
        _ => Error::new(Reason::ShareRefused, format!("the share is refused: {error}"))
            .field("handover")
            .help("make the handover anew from the request that `hufu unseal status` shows"),
    }
}
