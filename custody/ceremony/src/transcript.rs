//! The transcript: one file that proves what happened, to someone who has only the pins.

use std::sync::Arc;

use hufu_custodian::{Roster, RosterHash, VerifyingKey};
use minicbor::bytes::ByteVec;
use minicbor::{Decode, Encode};

use crate::canonical::Format;
use crate::ceremony::Seen;
use crate::event::{EVENTS_MAX, Event};
use crate::report::Report;
use crate::text::Ident;
use crate::{Ceremony, CeremonyId, CeremonyPolicy, Grounds, Head, PolicyHash, Refusal};

/// Longest transcript in bytes.
pub const TRANSCRIPT_LEN_MAX: usize = 4 << 20;

const TRANSCRIPT: Format =
    Format { what: "a transcript", domain: "hufu-ceremony-transcript", len_max: TRANSCRIPT_LEN_MAX };
const CLOSING: Format = Format { what: "a closing", domain: "hufu-ceremony-closing", len_max: 4 << 10 };

/// All of a ceremony, with what it stands on, closed by the service's signature.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(map)]
pub struct Transcript {
    /// The roster, as its bytes.
    #[n(0)]
    roster: ByteVec,
    /// The policy, as its bytes.
    #[n(1)]
    policy: ByteVec,
    /// Every event.
    #[n(2)]
    events: Vec<Event>,
    /// The software that went through it: name and version.
    #[n(3)]
    software: Ident,
    /// The service's signature over [`Closing`].
    #[cbor(n(4), with = "minicbor::bytes")]
    signature: Vec<u8>,
}

/// What the service signs: nothing else of the transcript can then be changed, for all of it is named by its hash.
#[derive(Encode, Decode)]
#[cbor(map)]
struct Closing<'a> {
    #[n(0)]
    ceremony: CeremonyId,
    #[n(1)]
    head: Head,
    #[n(2)]
    events: u64,
    #[n(3)]
    roster: RosterHash,
    #[n(4)]
    policy: PolicyHash,
    #[b(5)]
    software: &'a str,
}

/// What whoever verifies knows from elsewhere: compared by people, never taken from the transcript.
#[derive(Clone, Debug)]
pub struct Pins {
    /// The roster's hash.
    pub roster: RosterHash,
    /// The policy's hash, if it is known.
    pub policy: Option<PolicyHash>,
    /// The service's key.
    pub service: VerifyingKey,
    /// What was seen of the ceremony before, if anything: the transcript must contain it.
    pub seen: Option<Seen>,
}

impl Transcript {
    /// The transcript of a ceremony so far. `software` is the name and version of the service's; `sign` signs with its key.
    ///
    /// # Errors
    /// Whatever `sign` answers.
    pub fn close<E>(
        ceremony: &Ceremony,
        software: Ident,
        sign: impl FnOnce(&[u8]) -> Result<Vec<u8>, E>,
    ) -> Result<Self, E> {
        let signature = sign(&closing(ceremony, &software))?;
        let grounds = ceremony.grounds();
        Ok(Self {
            roster: grounds.roster().to_bytes().into(),
            policy: grounds.policy().to_bytes().into(),
            events: ceremony.events().to_vec(),
            software,
            signature,
        })
    }

    /// Its canonical bytes.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        TRANSCRIPT.write(self)
    }

    /// Reads what [`Transcript::to_bytes`] wrote. Nothing is verified.
    ///
    /// # Errors
    /// [`Refusal::Codec`], [`Refusal::Malformed`], [`Refusal::TooLarge`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Refusal> {
        TRANSCRIPT.read(bytes)
    }

    /// The name and version of the software that wrote it.
    #[must_use]
    pub fn software(&self) -> &str {
        self.software.as_str()
    }
}

/// Verifies a transcript without anything but the pins: every event is judged again, with every signature.
///
/// # Errors
/// The first thing that is wrong; [`Refusal::Event`] names the event.
pub fn verify(transcript: &[u8], pins: &Pins) -> Result<Report, Refusal> {
    let Transcript { roster, policy, events, software, signature } = Transcript::from_bytes(transcript)?;
    let roster = Roster::from_bytes(&roster).map_err(|error| Refusal::malformed("a roster", error))?;
    if roster.hash() != pins.roster {
        return Err(Refusal::OtherRoster);
    }
    let policy = CeremonyPolicy::from_bytes(&policy)?;
    if pins.policy.is_some_and(|pinned| pinned != policy.hash()) {
        return Err(Refusal::OtherPolicy);
    }
    if events.len() > EVENTS_MAX {
        return Err(Refusal::TooMany { what: "events", max: EVENTS_MAX });
    }
    let ceremony = Ceremony::replay(Arc::new(Grounds::new(roster, policy)?), &events)?;
    let signed = closing(&ceremony, &software);
    if !pins.service.verifies(&signed, &signature) {
        return Err(Refusal::ServiceSignature);
    }
    pins.seen.map_or(Ok(()), |seen| ceremony.extends(&seen))?;
    Ok(Report::new(ceremony, software))
}

fn closing(ceremony: &Ceremony, software: &Ident) -> Vec<u8> {
    CLOSING.write(&Closing {
        ceremony: ceremony.id(),
        head: ceremony.head(),
        events: u64::try_from(ceremony.events().len()).unwrap_or(u64::MAX),
        roster: ceremony.grounds().roster_hash(),
        policy: ceremony.grounds().policy_hash(),
        software: software.as_str(),
    })
}
