//! What callers may send at most.

/// Longest message to sign, MAC or encrypt, in bytes.
pub const MESSAGE_LEN_MAX: usize = 1 << 20;
/// Longest signature that is looked at, in bytes: ML-DSA-87 has 4,627.
pub const SIGNATURE_LEN_MAX: usize = 5_120;
/// Longest associated data, in bytes.
pub const AAD_LEN_MAX: usize = 64 << 10;
/// Most inputs of a batch.
pub const BATCH_LEN_MAX: usize = 1_024;
/// Operations of one batch under way at once: a share of a backend's queue that leaves room for other callers.
pub const BATCH_UNDER_WAY_MAX: usize = 8;
/// Longest public key of a peer to agree with, in bytes: that of P-384 has 120.
pub const PEER_KEY_LEN_MAX: usize = 4_096;
/// Longest salt and longest info of a key derivation, in bytes each.
pub const INFO_LEN_MAX: usize = 1_024;
/// Longest key that is derived from a shared secret, in bytes.
pub const DERIVED_LEN_MAX: usize = 1_024;
/// Most random bytes a call.
pub const RANDOM_LEN_MAX: usize = 64 << 10;
/// Most labels of a key; each key and value at most 63 bytes.
pub const LABELS_MAX: usize = 64;
/// Largest page of a list.
pub const PAGE_SIZE_MAX: u32 = 1_000;
/// Page size when the caller names none.
pub const PAGE_SIZE_DEFAULT: u32 = 50;
/// Longest delay before a destruction, in milliseconds: 365 days. The shortest is configured.
pub const DESTROY_DELAY_MS_MAX: u64 = 365 * 86_400_000;
/// Shortest and longest rotation period, in milliseconds: an hour, 3,660 days.
pub const ROTATION_PERIOD_MS: std::ops::RangeInclusive<u64> = 3_600_000..=3_660 * 86_400_000;
/// Shortest and longest time that an import job waits, in milliseconds: a minute, seven days.
pub const IMPORT_JOB_LIFETIME_MS: std::ops::RangeInclusive<u64> = 60_000..=7 * 86_400_000;
/// How long an import job waits when the caller names no time: a day.
pub const IMPORT_JOB_LIFETIME_MS_DEFAULT: u64 = 86_400_000;
/// Most open import jobs of a tenant.
pub const IMPORT_JOBS_OPEN_MAX: u32 = 32;
/// Longest wrapped key, in bytes.
pub const BLOB_LEN_MAX: usize = 16 << 10;
/// Most deposits of a tenant.
pub const DEPOSITS_MAX: u32 = 1_000;
