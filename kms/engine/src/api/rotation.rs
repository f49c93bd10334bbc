//! A tenant's wrapping key, and how far its rotation is.

use hufu_core::name::TenantId;
use hufu_core::record::WrappingKeyId;

/// The wrapping key of a tenant's material.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TenantKey {
    /// The tenant.
    pub tenant: TenantId,
    /// The key that wraps its new material.
    pub wrapping_key: WrappingKeyId,
    /// How far the rotation to that key is; nothing when none is under way.
    pub rotation: Option<RotationProgress>,
}

/// How far a rotation is, as this server has seen it. After a restart it counts again from the start: what is done is passed
/// quickly.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct RotationProgress {
    /// When it began.
    pub began_at: u64,
    /// Wrapping keys that are to be destroyed.
    pub old_keys: u64,
    /// Keys of the tenant that were looked at in this pass.
    pub done: u64,
    /// Keys of the tenant in all, as far as they are counted.
    pub total: u64,
    /// Versions and import keys that this server has wrapped anew.
    pub rewrapped: u64,
    /// What could not be wrapped anew, and keeps the old keys alive: it is in the alarms.
    pub left: u64,
    /// Nothing is under the old keys any more: they are destroyed once every call under way has ended.
    pub clean: bool,
}
