//! Share sets and deposits, asked for and answered.

use hufu_core::name::{DepositName, SetId, ShareSetName, TenantId};
pub use hufu_shares::Epoch as ShareEpoch;

/// A share set as read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ShareSetView {
    /// Its name.
    pub name: ShareSetName,
    /// The resource name of what is shared.
    pub subject: String,
    /// The epoch whose shares count.
    pub current: ShareEpoch,
    /// The epoch that is being confirmed.
    pub next: Option<ShareEpoch>,
    /// When it came here.
    pub created_at: u64,
}

/// A custodian's share, as it is fetched.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FetchShare {
    /// The set.
    pub set: ShareSetName,
    /// Whose.
    pub custodian: String,
    /// Of which epoch; the newest in which the custodian has one when nothing.
    pub epoch: Option<u32>,
}

/// What an application has to know before it deposits a key.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DepositTerms {
    /// The roster in force, as bytes.
    pub roster: Vec<u8>,
    /// SubjectPublicKeyInfo of whoever signs as the dealer: the log's key.
    pub dealer: Vec<u8>,
    /// The least threshold that is accepted.
    pub threshold_min: u8,
    /// The service's time.
    pub now_ms: u64,
}

/// Deposits a key.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CreateDeposit {
    /// The tenant.
    pub tenant: TenantId,
    /// The name inside the tenant.
    pub deposit: String,
    /// What the application dealt: an unsigned manifest, and shares that are sealed (`hufu_shares::Dealt`).
    pub dealt: Vec<u8>,
}

/// What custodians brought for a deposit, sealed to the applicant's key.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Handovers {
    /// The signed manifest of the shares.
    pub manifest: Vec<u8>,
    /// Handovers, each signed by its custodian.
    pub handovers: Vec<Vec<u8>>,
    /// The transcript of the ceremony.
    pub transcript: Vec<u8>,
}

/// A deposit as read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DepositView {
    /// Its name.
    pub name: DepositName,
    /// The set of its shares.
    pub set: SetId,
    /// The signed manifest of the epoch that counts.
    pub manifest: Vec<u8>,
    /// When it was deposited.
    pub created_at: u64,
    /// When it is given up, unless that is taken back.
    pub delete_at: Option<u64>,
}
