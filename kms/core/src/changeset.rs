//! What a use case wants written, decided purely and committed whole or not at all.

use std::sync::Arc;

use crate::audit::AuditEntry;

/// The kinds of rows.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum Collection {
    /// Tenants.
    Tenant,
    /// Principals, by certificate pin.
    Principal,
    /// Wrapping keys.
    WrappingKey,
    /// Keys.
    Key,
    /// Key versions, scope: the key.
    Version,
    /// Intents on backends.
    Intent,
    /// Request ids already served.
    Request,
    /// Encryptions reserved under a version.
    Usage,
    /// Leases.
    Lease,
    /// Single rows.
    Meta,
    /// Ledger leaves, scope: the ledger key id; id: key id and event sequence number.
    Leaf,
    /// Leaf ids by log index.
    LeafIndex,
    /// Hash tiles of the log.
    Tile,
    /// Checkpoints of the log, by size.
    Checkpoint,
    /// Which version a piece of key material belongs to, by its identity on devices.
    Material,
    /// Import jobs, scope: the tenant.
    ImportJob,
    /// Ceremonies by number, scope: the tenant, or the deployment.
    Ceremony,
    /// What lies beside ceremonies: rosters and policies by hash, sealed shares.
    CeremonyFile,
    /// Shares that this process holds of threshold keys, where it is a holder.
    HolderShare,
    /// Sessions in which a holder has signed, until their mandates end.
    HolderSession,
    /// Share sets, scope: the tenant.
    ShareSet,
    /// Keys that shares are sealed to for a ceremony.
    Target,
    /// Keys of applications, deposited for recovery, scope: the tenant.
    Deposit,
    /// That the root was split among custodians, and each time they opened a server.
    RootTranscript,
}

impl Collection {
    /// Every collection.
    pub const ALL: [Self; 24] = [
        Self::Tenant,
        Self::Principal,
        Self::WrappingKey,
        Self::Key,
        Self::Version,
        Self::Intent,
        Self::Request,
        Self::Usage,
        Self::Lease,
        Self::Meta,
        Self::Leaf,
        Self::LeafIndex,
        Self::Tile,
        Self::Checkpoint,
        Self::Material,
        Self::ImportJob,
        Self::Ceremony,
        Self::CeremonyFile,
        Self::HolderShare,
        Self::HolderSession,
        Self::ShareSet,
        Self::Target,
        Self::Deposit,
        Self::RootTranscript,
    ];

    /// A stable number for storage; never reused.
    #[must_use]
    pub fn code(self) -> i16 {
        match self {
            Self::Tenant => 1,
            Self::Principal => 2,
            Self::WrappingKey => 3,
            Self::Key => 4,
            Self::Version => 5,
            Self::Intent => 6,
            Self::Request => 7,
            Self::Usage => 8,
            Self::Lease => 9,
            Self::Meta => 10,
            Self::Leaf => 11,
            Self::LeafIndex => 12,
            Self::Tile => 13,
            Self::Checkpoint => 14,
            Self::Material => 15,
            Self::ImportJob => 16,
            Self::Ceremony => 17,
            Self::CeremonyFile => 18,
            Self::HolderShare => 19,
            Self::HolderSession => 20,
            Self::ShareSet => 21,
            Self::Target => 22,
            Self::Deposit => 26,
            Self::RootTranscript => 30,
        }
    }
}

/// A row: index columns and a versioned body.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Row {
    /// Which collection it is in.
    pub collection: Collection,
    /// Its id, unique in the collection.
    pub id: String,
    /// What it belongs to; lists are by scope. May be empty.
    pub scope: String,
    /// When it wants attention, in milliseconds since the Unix epoch.
    pub due: Option<u64>,
    /// Counts the writes of this row, from 1.
    pub revision: u64,
    /// The encoded record.
    pub body: Vec<u8>,
    /// HMAC-SHA-256 over all the above under the integrity key; empty where the collection authenticates itself.
    pub tag: Vec<u8>,
}

/// Tags rows and tells which tags are its own: what a row says counts only if this deployment wrote it.
pub trait RowSeal: Send + Sync + 'static {
    /// The row with its tag.
    fn seal(&self, row: Row) -> Row;

    /// Whether the row has the tag that it was given.
    fn is_genuine(&self, row: &Row) -> bool;
}

/// A condition under which a changeset may be written.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Guard {
    /// There is no such row.
    Absent(Collection, String),
    /// The row is there and has this revision.
    Revision(Collection, String, u64),
}

/// One write.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Write {
    /// Inserts the row, or replaces the one of the same id.
    Put(Row),
    /// Removes the row, if it is there.
    Delete(Collection, String),
}

/// Something whose change others must hear of: a key's name or a principal's row id.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct Subject(pub Arc<str>);

impl Subject {
    /// The subject of a key or principal.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self(text.into())
    }
}

/// An entry of the change feed, in commit order.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FeedItem {
    /// What changed.
    pub subject: Subject,
    /// Row id of the ledger leaf that tells of it, still without an index.
    pub leaf: Option<String>,
}

/// Under which state of the world an output was granted. The journal withholds the output if any subject has
/// changed since.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Grant {
    /// Commit order that the decision had seen.
    pub epoch: u64,
    /// Key and principal on which it rests.
    pub subjects: Vec<Subject>,
}

/// Everything that one use case commits.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Changeset {
    /// All must hold, or nothing of this changeset is written.
    pub guards: Vec<Guard>,
    /// The rows.
    pub writes: Vec<Write>,
    /// What is recorded. Never empty.
    pub audit: Vec<AuditEntry>,
    /// What others must hear of. A changeset with feed items takes a number in the commit order.
    pub feed: Vec<FeedItem>,
    /// For changesets that release an output.
    pub grant: Option<Grant>,
    /// Whether it may use the space that is set aside for the day the disk is full: for what takes use away from keys, for
    /// telling the ledger of it, and for starting at all.
    pub urgent: bool,
}

impl Changeset {
    /// A changeset that only records.
    #[must_use]
    pub fn audit_only(entry: AuditEntry) -> Self {
        Self { audit: vec![entry], ..Self::default() }
    }

    /// The same, urgent.
    #[must_use]
    pub fn urgent(self) -> Self {
        Self { urgent: true, ..self }
    }

    /// Whether it writes nothing but audit records.
    #[must_use]
    pub fn is_audit_only(&self) -> bool {
        self.guards.is_empty() && self.writes.is_empty() && self.feed.is_empty()
    }
}
