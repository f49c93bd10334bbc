//! Ledger leaves: the next event of a key version, chained to the one before.

use hufu_core::changeset::{Collection, Row};
use hufu_core::record::VersionRecord;
use hufu_core::revocation::RevocationReason;
use hufu_core::{Error, Reason};
use hufu_log::{leaf_row_id, leaf_scope};
use hufu_tlog::leaf_hash;
use hufu_verify::{Event, Leaf};

/// What an event says beyond its kind.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct EventDetail {
    /// Why, in a revocation.
    pub(crate) reason: Option<RevocationReason>,
    /// Since when the key is claimed to be compromised.
    pub(crate) compromised_at: Option<u64>,
    /// What an event of kind policy is about.
    pub(crate) policy: Option<PolicyDetail>,
}

/// What was decided about a version's destruction. On the ledger, so that an older row cannot pass for the newest.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum PolicyDetail {
    /// It shall be destroyed at that time.
    DestroyAt(u64),
    /// It shall not.
    DestroyCancelled,
    /// The destruction has begun.
    Destroying,
}

impl PolicyDetail {
    fn extension(self) -> (String, Vec<u8>) {
        match self {
            Self::DestroyAt(at) => ("destroy-at".to_owned(), at.to_be_bytes().to_vec()),
            Self::DestroyCancelled => ("destroy-cancelled".to_owned(), Vec::new()),
            Self::Destroying => ("destroying".to_owned(), Vec::new()),
        }
    }
}

impl EventDetail {
    /// An event of kind policy.
    pub(crate) fn policy(policy: PolicyDetail) -> Self {
        Self { policy: Some(policy), ..Self::default() }
    }
}

/// A leaf that waits for its index.
pub(crate) struct NextLeaf {
    /// The row that holds it.
    pub(crate) row: Row,
    /// Its leaf hash (RFC 6962 §2.1).
    pub(crate) hash: [u8; 32],
    /// Its number among the events of the key.
    pub(crate) sequence: u64,
}

/// The next event of a version; the first one has sequence number 0 and no predecessor.
pub(crate) fn next_leaf(
    origin: &str,
    version: &VersionRecord,
    first: bool,
    event: Event,
    at: u64,
    detail: EventDetail,
    evidence: [u8; 32],
) -> Result<NextLeaf, Error> {
    let sequence = if first { 0 } else { version.last_sequence + 1 };
    let leaf = Leaf {
        origin: origin.to_owned(),
        sequence,
        previous: (!first).then_some(version.last_event),
        event,
        key_id: Some(version.ledger_id),
        algorithm: Some(version.algorithm.name().to_owned()),
        at,
        not_before: None,
        not_after: None,
        reason: detail.reason.map(on_ledger).transpose()?,
        compromised_at: detail.compromised_at,
        evidence,
        extensions: detail.policy.map(PolicyDetail::extension).into_iter().collect(),
    };
    let body = leaf.encode().map_err(Error::internal)?;
    let hash = leaf_hash(&body).0;
    Ok(NextLeaf { row: row(&version.ledger_id, sequence, body), hash, sequence })
}

/// An event of what is no key: a ceremony, the rules in force, a share set, a tenant's wrapping keys.
pub(crate) struct PlainEvent<'a> {
    pub(crate) origin: &'a str,
    /// Its id, which stands where keys have theirs.
    pub(crate) id: [u8; 32],
    pub(crate) sequence: u64,
    pub(crate) previous: Option<[u8; 32]>,
    pub(crate) at: u64,
    /// What it tells: hashes, by name.
    pub(crate) names: [(&'static str, [u8; 32]); 2],
    pub(crate) evidence: [u8; 32],
}

/// Its leaf: of kind policy. Everyone who watches the log sees that a ceremony was asked for, and which roster and policy are in
/// force; whoever remembers a head finds it there.
pub(crate) fn plain_leaf(of: &PlainEvent<'_>) -> Result<NextLeaf, Error> {
    let leaf = Leaf {
        origin: of.origin.to_owned(),
        sequence: of.sequence,
        previous: of.previous,
        event: Event::Policy,
        key_id: Some(of.id),
        algorithm: None,
        at: of.at,
        not_before: None,
        not_after: None,
        reason: None,
        compromised_at: None,
        evidence: of.evidence,
        extensions: of.names.map(|(name, hash)| (name.to_owned(), hash.to_vec())).into(),
    };
    let body = leaf.encode().map_err(Error::internal)?;
    let hash = leaf_hash(&body).0;
    Ok(NextLeaf { row: row(&of.id, of.sequence, body), hash, sequence: of.sequence })
}

/// Extension of an audit-head leaf: number of the writer's next record, big-endian.
pub(crate) const NEXT_SEQ: &str = "next-seq";

fn row(ledger_id: &[u8; 32], sequence: u64, body: Vec<u8>) -> Row {
    Row {
        collection: Collection::Leaf,
        id: leaf_row_id(ledger_id, sequence),
        scope: leaf_scope(ledger_id),
        due: None,
        revision: 1,
        body,
        tag: Vec::new(),
    }
}

fn on_ledger(reason: RevocationReason) -> Result<hufu_verify::RevocationReason, Error> {
    hufu_verify::RevocationReason::from_code(reason.code())
        .ok_or_else(|| Error::new(Reason::Internal, "a revocation reason that the ledger does not know"))
}
