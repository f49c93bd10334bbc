//! What the texts that people carry are called.

use std::fmt;
use std::str::FromStr;

use crate::Error;

/// What a text holds. The list is closed: a text of another kind is none of ours.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Label {
    /// A custodian's share, sealed.
    Share,
    /// All shares of one splitting, each sealed.
    ShareSet,
    /// What is publicly known of a splitting.
    ShareManifest,
    /// What a target asks of custodians.
    HandoverRequest,
    /// A custodian's word that its new share is there and good.
    Confirmation,
    /// A share on its way to the target of a ceremony, sealed to it.
    Handover,
    /// All custodians of a deployment.
    Roster,
    /// The roster that a tool holds for good.
    RosterPin,
    /// A custodian's public keys, as they want to be in a roster.
    Custodian,
    /// A custodian's private keys under a passphrase, or where to find them on a token.
    CustodianKey,
    /// A challenge to whoever wants to be in a roster.
    Enrolment,
    /// What the challenger keeps until the answer comes.
    AwaitedEnrolment,
    /// The answer to a challenge.
    EnrolmentAnswer,
    /// What a ceremony is to do.
    Request,
    /// A yes to a request.
    Approval,
    /// A no to a request.
    Veto,
    /// That a ceremony is taken back.
    Cancellation,
    /// All that happened in a ceremony.
    Transcript,
    /// What a service says of a key that shares are sealed to.
    TargetEvidence,
    /// A custodian's share on its way to a ceremony, with the statement that goes with it.
    CeremonyShare,
    /// That a root was split among custodians, or that they opened a server.
    RootTranscript,
}

impl Label {
    /// Every label.
    pub const ALL: [Self; 21] = [
        Self::Share,
        Self::ShareSet,
        Self::ShareManifest,
        Self::HandoverRequest,
        Self::Confirmation,
        Self::Handover,
        Self::Roster,
        Self::RosterPin,
        Self::Custodian,
        Self::CustodianKey,
        Self::Enrolment,
        Self::AwaitedEnrolment,
        Self::EnrolmentAnswer,
        Self::Request,
        Self::Approval,
        Self::Veto,
        Self::Cancellation,
        Self::Transcript,
        Self::TargetEvidence,
        Self::CeremonyShare,
        Self::RootTranscript,
    ];

    /// As it stands in the text.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Share => "SHARE",
            Self::ShareSet => "SHARE SET",
            Self::ShareManifest => "SHARE MANIFEST",
            Self::HandoverRequest => "HANDOVER REQUEST",
            Self::Confirmation => "CONFIRMATION",
            Self::Handover => "HANDOVER",
            Self::Roster => "ROSTER",
            Self::RosterPin => "ROSTER PIN",
            Self::Custodian => "CUSTODIAN",
            Self::CustodianKey => "CUSTODIAN KEY",
            Self::Enrolment => "ENROLMENT",
            Self::AwaitedEnrolment => "AWAITED ENROLMENT",
            Self::EnrolmentAnswer => "ENROLMENT ANSWER",
            Self::Request => "REQUEST",
            Self::Approval => "APPROVAL",
            Self::Veto => "VETO",
            Self::Cancellation => "CANCELLATION",
            Self::Transcript => "TRANSCRIPT",
            Self::TargetEvidence => "TARGET EVIDENCE",
            Self::CeremonyShare => "CEREMONY SHARE",
            Self::RootTranscript => "ROOT TRANSCRIPT",
        }
    }

    /// The bytes, if the text holds what was wanted.
    pub(crate) fn wanted(self, (found, bytes): (Self, Vec<u8>)) -> Result<Vec<u8>, Error> {
        if found == self { Ok(bytes) } else { Err(Error::Label { wanted: self, found }) }
    }
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Label {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        Self::ALL.into_iter().find(|label| label.as_str() == text).ok_or(Error::Text("its kind is not known here"))
    }
}
