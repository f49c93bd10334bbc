//! Why something about a ceremony is refused.

use hufu_codec::CodecError;
use hufu_custodian::Name;

use crate::{Kind, State};

/// Why something about a ceremony is refused. [`Refusal::reason`] is stable; the text may change.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// A file or bytes that are not what they should be.
    #[error("{what} is malformed: {why}")]
    Malformed {
        /// What it should be.
        what: &'static str,
        /// What is wrong with it.
        why: String,
    },
    /// Bytes that a newer release wrote, or that are something else.
    #[error(transparent)]
    Codec(#[from] CodecError),
    /// More than the limit.
    #[error("{what} has more than {max} bytes")]
    TooLarge {
        /// What it is.
        what: &'static str,
        /// The limit in bytes.
        max: usize,
    },
    /// More of something than a ceremony takes.
    #[error("a ceremony takes at most {max} {what}")]
    TooMany {
        /// Of what.
        what: &'static str,
        /// The limit.
        max: usize,
    },
    /// The policy has no rule for this kind.
    #[error("the policy allows no ceremony of kind `{0}`")]
    NoRule(Kind),
    /// The act opens a secret, and what a recovery takes cannot be asked of it.
    #[error("this `{kind}` hands a secret out and takes what the policy's rule for `recovery` says: {why}")]
    HeldToRecovery {
        /// Of which kind the act is.
        kind: Kind,
        /// What is in the way, and what to do.
        why: &'static str,
    },
    /// The request asks for less than the policy.
    #[error("the request asks for {asked} {what}, the policy for {needed}")]
    WeakerThanPolicy {
        /// Of what.
        what: &'static str,
        /// What the request has.
        asked: u32,
        /// What the policy has.
        needed: u32,
    },
    /// Not even everyone together would be enough.
    #[error("the roster has too few people, organisations or roles for this: {0}")]
    QuorumUnreachable(String),
    /// The request's times do not fit together, or not to the policy.
    #[error("the request's time does not fit: {0}")]
    Window(&'static str),
    /// Nobody of this name is in the roster that the request is bound to.
    #[error("the roster has no custodian `{0}`")]
    UnknownCustodian(Name),
    /// A signature that is not that custodian's, or not over these bytes.
    #[error("the signature of `{0}` does not verify")]
    BadSignature(Name),
    /// Someone signed a statement that speaks of someone else.
    #[error("`{signer}` signed a statement of `{named}`")]
    NotTheSigner {
        /// Who signed.
        signer: Name,
        /// Whom the statement names.
        named: Name,
    },
    /// Someone has not the role for this.
    #[error("`{who}` has not the role for this: {needed}")]
    MissingRole {
        /// Who.
        who: Name,
        /// What would be needed.
        needed: String,
    },
    /// Bound to another deployment.
    #[error("this is for another deployment")]
    OtherDeployment,
    /// Bound to another roster.
    #[error("this is bound to another roster")]
    OtherRoster,
    /// Bound to another policy.
    #[error("this is bound to another policy")]
    OtherPolicy,
    /// Signed for another request.
    #[error("this was signed for another request")]
    OtherRequest,
    /// Signed for another ceremony, perhaps of the same request.
    #[error("this was signed for another ceremony")]
    OtherCeremony,
    /// A statement that says something else than what it is used for.
    #[error("the statement says `{0}`")]
    OtherWord(&'static str),
    /// A share that is sealed to another target.
    #[error("the share is sealed to another target than the request's")]
    OtherTarget,
    /// Fewer shares than make the key: the ceremony could begin, and then only fail.
    #[error("request and policy ask for {asked} shares, and it takes {needed} to make the key")]
    FewerShares {
        /// What they ask for.
        asked: u32,
        /// What the manifest of the shares says.
        needed: u32,
    },
    /// The target does not prove what the request asks of it.
    #[error("the target does not prove what the request asks of it: {0}")]
    Evidence(String),
    /// A share of another set or epoch.
    #[error("the share of `{0}` is of another set or epoch than the request's")]
    OtherShares(Name),
    /// Whoever proposes does not approve.
    #[error("`{0}` proposed this, and does not approve it")]
    ProposerApproves(Name),
    /// One person approves once.
    #[error("`{0}` has approved already")]
    AlreadyApproved(Name),
    /// The decision is dated after the service's clock, or after its own end.
    #[error(
        "`{0}` decided at a time that has not come yet, or after the decision's own end: set the clock right and sign again"
    )]
    DecidedInTheFuture(Name),
    /// The decision's own time is over.
    #[error("the decision of `{0}` has expired")]
    DecisionExpired(Name),
    /// The ceremony's time is over.
    #[error("the ceremony has expired")]
    CeremonyExpired,
    /// The ceremony's time is not over.
    #[error("the ceremony has not expired")]
    NotExpired,
    /// Not in this state.
    #[error("a ceremony that is {state} takes no {event}")]
    WrongState {
        /// The state.
        state: State,
        /// What was tried.
        event: &'static str,
    },
    /// Before the request's time.
    #[error("the request is for a later time")]
    TooEarly,
    /// The delay goes on.
    #[error("the delay has {0} ms left")]
    DelayGoesOn(u64),
    /// Approvals have expired since the quorum was there.
    #[error("approvals have expired: {0}")]
    QuorumLapsed(String),
    /// An index that no share has.
    #[error("`{who}` brings a share of index {index}, which no share has")]
    ShareIndex {
        /// Who.
        who: Name,
        /// The index.
        index: u32,
    },
    /// A second share of a custodian or of an index.
    #[error("`{who}` brings a second share, or one of index {index}, which is there already")]
    ShareTwice {
        /// Who.
        who: Name,
        /// The index.
        index: u32,
    },
    /// Shares are struck out that nobody brought.
    #[error("`{who}` brought no such share of index {index}")]
    NotBrought {
        /// Who.
        who: Name,
        /// The index.
        index: u32,
    },
    /// Shares are struck out when they have done their work, or when there are enough others.
    #[error("shares are struck out only while too few right ones are there, and nothing was done with them")]
    StruckTooLate,
    /// Someone has brought something wrong too often.
    #[error("`{who}` has brought {max} shares that were struck out, and brings no more to this ceremony")]
    StruckOut {
        /// Who.
        who: Name,
        /// How often.
        max: usize,
    },
    /// Not all shares are there.
    #[error("{missing} shares are missing")]
    SharesMissing {
        /// So many.
        missing: u32,
    },
    /// A step that is done already.
    #[error("the step `{0}` is done already")]
    StepTwice(String),
    /// The outcome must be in the ledger.
    #[error("the outcome of this kind has a receipt of the ledger")]
    ReceiptMissing,
    /// The policy lets nobody do it in another way.
    #[error("the policy in force has `{0}` done by ceremonies alone")]
    OnlyByCeremony(Kind),
    /// What is said to be in the ledger is not.
    #[error("the receipt of the ledger does not prove that the request is in it")]
    ReceiptFalse,
    /// The request is in the ledger already.
    #[error("the request is logged already")]
    LoggedTwice,
    /// A clock ran backwards.
    #[error("time runs backwards")]
    TimeBackwards,
    /// An event that does not follow the one before it.
    #[error("the event does not follow the one before it")]
    BrokenChain,
    /// The first event is no proposal, or a later one is.
    #[error("a ceremony begins with its proposal, and has only one")]
    NotFirst,
    /// A chain that was seen longer, or otherwise.
    #[error("this does not contain what was seen of the ceremony before: it is older, or another")]
    RolledBack,
    /// The service did not sign this.
    #[error("the service's signature does not verify")]
    ServiceSignature,
    /// What is wrong with an event of a list.
    #[error("event {at}: {why}")]
    Event {
        /// Its place, from 1.
        at: usize,
        /// What is wrong with it.
        why: Box<Refusal>,
    },
}

impl Refusal {
    /// The stable name of the reason, in capitals; the one of the cause for [`Refusal::Event`].
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Malformed { .. } | Self::Codec(CodecError::Malformed { .. }) => "CEREMONY_MALFORMED",
            Self::Codec(CodecError::Newer { .. }) => "CEREMONY_NEWER",
            Self::TooLarge { .. } => "CEREMONY_TOO_LARGE",
            Self::TooMany { .. } => "CEREMONY_TOO_MANY",
            Self::NoRule(_) => "CEREMONY_NO_RULE",
            Self::HeldToRecovery { .. } => "CEREMONY_HELD_TO_RECOVERY",
            Self::WeakerThanPolicy { .. } => "CEREMONY_WEAKER_THAN_POLICY",
            Self::QuorumUnreachable(_) => "CEREMONY_QUORUM_UNREACHABLE",
            Self::Window(_) => "CEREMONY_WINDOW",
            Self::UnknownCustodian(_) => "CEREMONY_UNKNOWN_CUSTODIAN",
            Self::BadSignature(_) => "CEREMONY_BAD_SIGNATURE",
            Self::NotTheSigner { .. } => "CEREMONY_NOT_THE_SIGNER",
            Self::MissingRole { .. } => "CEREMONY_MISSING_ROLE",
            Self::OtherDeployment => "CEREMONY_OTHER_DEPLOYMENT",
            Self::OtherRoster => "CEREMONY_OTHER_ROSTER",
            Self::OtherPolicy => "CEREMONY_OTHER_POLICY",
            Self::OtherRequest => "CEREMONY_OTHER_REQUEST",
            Self::OtherCeremony => "CEREMONY_OTHER_CEREMONY",
            Self::OtherWord(_) => "CEREMONY_OTHER_WORD",
            Self::OtherTarget => "CEREMONY_OTHER_TARGET",
            Self::Evidence(_) => "CEREMONY_EVIDENCE",
            Self::FewerShares { .. } => "CEREMONY_FEWER_SHARES",
            Self::OtherShares(_) => "CEREMONY_OTHER_SHARES",
            Self::ProposerApproves(_) => "CEREMONY_PROPOSER_APPROVES",
            Self::AlreadyApproved(_) => "CEREMONY_ALREADY_APPROVED",
            Self::DecidedInTheFuture(_) => "CEREMONY_DECIDED_IN_THE_FUTURE",
            Self::DecisionExpired(_) => "CEREMONY_DECISION_EXPIRED",
            Self::CeremonyExpired => "CEREMONY_EXPIRED",
            Self::NotExpired => "CEREMONY_NOT_EXPIRED",
            Self::WrongState { .. } => "CEREMONY_WRONG_STATE",
            Self::TooEarly => "CEREMONY_TOO_EARLY",
            Self::DelayGoesOn(_) => "CEREMONY_DELAY_GOES_ON",
            Self::QuorumLapsed(_) => "CEREMONY_QUORUM_LAPSED",
            Self::ShareIndex { .. } => "CEREMONY_SHARE_INDEX",
            Self::ShareTwice { .. } => "CEREMONY_SHARE_TWICE",
            Self::NotBrought { .. } => "CEREMONY_NOT_BROUGHT",
            Self::StruckTooLate => "CEREMONY_STRUCK_TOO_LATE",
            Self::StruckOut { .. } => "CEREMONY_STRUCK_OUT",
            Self::SharesMissing { .. } => "CEREMONY_SHARES_MISSING",
            Self::StepTwice(_) => "CEREMONY_STEP_TWICE",
            Self::ReceiptMissing => "CEREMONY_RECEIPT_MISSING",
            Self::OnlyByCeremony(_) => "CEREMONY_ONLY",
            Self::ReceiptFalse => "CEREMONY_RECEIPT_FALSE",
            Self::LoggedTwice => "CEREMONY_LOGGED_TWICE",
            Self::TimeBackwards => "CEREMONY_TIME_BACKWARDS",
            Self::BrokenChain => "CEREMONY_BROKEN_CHAIN",
            Self::NotFirst => "CEREMONY_NOT_FIRST",
            Self::RolledBack => "CEREMONY_ROLLED_BACK",
            Self::ServiceSignature => "CEREMONY_SERVICE_SIGNATURE",
            Self::Event { why, .. } => why.reason(),
        }
    }

    pub(crate) fn malformed(what: &'static str, why: impl ToString) -> Self {
        Self::Malformed { what, why: why.to_string() }
    }
}
