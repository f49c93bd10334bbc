//! A key version: one piece of key material and its life.

use std::fmt;
use std::sync::Arc;

use minicbor::{Decode, Encode};

use super::{Exit, Protection, Record, WrappingKeyId};
use crate::algorithm::{Algorithm, Purpose, Scheme};
use crate::changeset::Collection;
use crate::name::{KeyId, KeyName, TenantId, VersionName, VersionNumber};
use crate::revocation::Revocation;

/// States of a key version (SP 800-57pt1r5 §7.1).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Encode, Decode)]
#[cbor(index_only)]
pub enum KeyState {
    /// Made, not yet in use.
    #[n(1)]
    PreActive,
    /// In use.
    #[n(2)]
    Active,
    /// Set aside; can be resumed.
    #[n(3)]
    Suspended,
    /// No longer protects.
    #[n(4)]
    Deactivated,
    /// Known or suspected to be in other hands.
    #[n(5)]
    Compromised,
    /// About to be deleted; unusable.
    #[n(6)]
    Destroying,
    /// Gone from the live store.
    #[n(7)]
    Destroyed,
}

impl fmt::Display for KeyState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::PreActive => "pre-active",
            Self::Active => "active",
            Self::Suspended => "suspended",
            Self::Deactivated => "deactivated",
            Self::Compromised => "compromised",
            Self::Destroying => "destroying",
            Self::Destroyed => "destroyed",
        })
    }
}

/// Random identity of a version, 16 bytes; on a token it is the CKA_ID.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Encode, Decode)]
#[cbor(transparent)]
pub struct VersionUid(#[cbor(n(0), with = "minicbor::bytes")] pub [u8; 16]);

impl fmt::Display for VersionUid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for VersionUid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Where to find the material of a version.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub enum Locator {
    /// An object on a token. Never a slot number or a label: those move and repeat.
    #[n(1)]
    Token {
        /// Serial number of the token.
        #[n(0)]
        serial: String,
        /// CKA_ID.
        #[n(1)]
        uid: VersionUid,
        /// SHA-256 of the SubjectPublicKeyInfo; nothing for secret keys.
        #[cbor(n(2), with = "minicbor::bytes")]
        fingerprint: Option<[u8; 32]>,
    },
    /// Material wrapped by the tenant's key, AES-256-GCM with the version's binding as associated data.
    #[n(2)]
    Wrapped {
        /// `[domain, version, …]` of the software adapter.
        #[cbor(n(0), with = "arc_bytes")]
        blob: Arc<[u8]>,
        /// The key that wraps it.
        #[n(1)]
        wrapping_key: WrappingKeyId,
    },
    /// Nothing is left of it.
    #[n(3)]
    Gone,
    /// Material that only one device can open; the device itself keeps none of it.
    #[n(4)]
    Sealed {
        /// Which device, in the adapter's words.
        #[n(0)]
        device: String,
        /// `[domain, version, …]` of the adapter.
        #[cbor(n(1), with = "arc_bytes")]
        blob: Arc<[u8]>,
    },
    /// An object on every token of a group.
    #[n(5)]
    Group {
        /// The group's name, which never changes.
        #[n(0)]
        group: String,
        /// CKA_ID.
        #[n(1)]
        uid: VersionUid,
        /// SHA-256 of the SubjectPublicKeyInfo; nothing for secret keys.
        #[cbor(n(2), with = "minicbor::bytes")]
        fingerprint: Option<[u8; 32]>,
    },
    /// Shares of it, one at each of several holders, who sign together: it was never whole.
    #[n(6)]
    Holders {
        /// The public side of the shares, in the encoding of `hufu-frost`: the key, and what each holder's part is verified with.
        #[cbor(n(0), with = "arc_bytes")]
        group: Arc<[u8]>,
    },
    /// Shares of it, sealed to custodians: nobody uses it before a ceremony has put it together.
    #[n(7)]
    Shares {
        /// The share set.
        #[cbor(n(0), with = "minicbor::bytes")]
        set: [u8; 16],
    },
}

/// Where a key lives and who says so.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub enum Attestation {
    /// The service itself says so.
    #[n(1)]
    Software,
    /// The driver of the token says so, by PKCS#11 attributes.
    #[n(2)]
    DriverAsserted {
        /// Serial number of the token.
        #[n(0)]
        serial: String,
        /// Whether the token is a simulation (SoftHSM, Kryoptic, NSS, swtpm): never real protection.
        #[n(1)]
        simulated: bool,
        /// Manufacturer and model as the token states them.
        #[n(2)]
        model: String,
    },
    /// The vendor of the device says so, in a signed statement about this very key. An adapter answers so only after
    /// it has verified the statement; who doubts that verifies it again.
    #[n(3)]
    VendorAttested {
        /// Serial number of the token.
        #[n(0)]
        serial: String,
        /// Manufacturer and model as the statement tells them.
        #[n(1)]
        model: String,
        /// Who signed, such as `Thales`.
        #[n(2)]
        vendor: String,
        /// The statement with all intermediate certificates, as the offline verifier reads it; at most 64 KiB.
        #[cbor(n(3), with = "arc_bytes")]
        statement: Arc<[u8]>,
    },
    /// Each holder has said so, and signed it: the key was made among them and is nowhere whole.
    #[n(4)]
    Holders {
        /// So many sign together.
        #[n(0)]
        threshold: u8,
        /// So many have a share.
        #[n(1)]
        holders: u8,
        /// Whether a holder keeps its share by a token that is a simulation.
        #[n(2)]
        simulated: bool,
    },
    /// The service itself says so: it was whole in a locked process while it was split, and is in shares at rest.
    #[n(5)]
    Split {
        /// So many shares make it.
        #[n(0)]
        threshold: u8,
        /// So many there are.
        #[n(1)]
        shares: u8,
    },
}

impl Attestation {
    /// The vendor's statement, where there is one.
    #[must_use]
    pub fn statement(&self) -> Option<&[u8]> {
        match self {
            Self::VendorAttested { statement, .. } => Some(statement),
            _ => None,
        }
    }

    /// Whether the key must not pass for hardware-protected.
    #[must_use]
    pub fn is_simulated(&self) -> bool {
        matches!(self, Self::DriverAsserted { simulated: true, .. } | Self::Holders { simulated: true, .. })
    }
}

/// Where key material comes from.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default, Encode, Decode)]
#[cbor(index_only)]
pub enum Origin {
    /// The backend made it.
    #[default]
    #[n(1)]
    Generated,
    /// It came from outside, through an import job: others have had it before.
    #[n(2)]
    Imported,
    /// It was wrapped by a key of this service, and unwrapped again: there was, or is, another version of it.
    #[n(3)]
    Unwrapped,
    /// It was made in a locked process and split among custodians, before it came where it is: they can make it again together.
    #[n(4)]
    Split,
    /// Custodians put it together in a ceremony, when it was lost or wanted.
    #[n(5)]
    Recovered,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Generated => "generated",
            Self::Imported => "imported",
            Self::Unwrapped => "unwrapped",
            Self::Split => "split",
            Self::Recovered => "recovered",
        })
    }
}

/// A key version.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(map)]
pub struct VersionRecord {
    /// The tenant that owns it.
    #[n(0)]
    pub tenant: TenantId,
    /// The key it belongs to.
    #[n(1)]
    pub key: KeyId,
    /// Its number.
    #[n(2)]
    pub number: VersionNumber,
    /// Its identity on devices.
    #[n(3)]
    pub uid: VersionUid,
    /// The kind of key, as of the key.
    #[n(4)]
    pub algorithm: Algorithm,
    /// How it is used, as of the key.
    #[n(5)]
    pub scheme: Scheme,
    /// What it is for, as of the key.
    #[n(6)]
    pub purpose: Purpose,
    /// Where its material lives, as of the key.
    #[n(7)]
    pub protection: Protection,
    /// Whether raw digests are accepted, as of the key.
    #[n(8)]
    pub digest_allowed: bool,
    /// SM2 distinguishing identifier, as of the key.
    #[n(9)]
    pub distinguishing_id: Option<String>,
    /// Its state.
    #[n(10)]
    pub state: KeyState,
    /// Where to find the material.
    #[n(11)]
    pub locator: Locator,
    /// SubjectPublicKeyInfo (RFC 5280 §4.1.2.7), DER; nothing for secret keys.
    #[cbor(n(12), with = "minicbor::bytes")]
    pub public_key: Option<Vec<u8>>,
    /// Where it lives and who says so.
    #[n(13)]
    pub attestation: Attestation,
    /// Its id on the ledger.
    #[cbor(n(14), with = "minicbor::bytes")]
    pub ledger_id: [u8; 32],
    /// Sequence number of its last ledger event.
    #[n(15)]
    pub last_sequence: u64,
    /// Leaf hash of its last ledger event.
    #[cbor(n(16), with = "minicbor::bytes")]
    pub last_event: [u8; 32],
    /// When it was created.
    #[n(17)]
    pub created_at: u64,
    /// When it was activated.
    #[n(18)]
    pub activated_at: Option<u64>,
    /// When it stopped protecting.
    #[n(19)]
    pub deactivated_at: Option<u64>,
    /// Its revocation, if it was revoked.
    #[n(20)]
    pub revocation: Option<Revocation>,
    /// When it shall be destroyed, if that is scheduled.
    #[n(21)]
    pub destroy_at: Option<u64>,
    /// When it was destroyed.
    #[n(22)]
    pub destroyed_at: Option<u64>,
    /// When its destruction was scheduled.
    #[n(23)]
    pub destroy_scheduled_at: Option<u64>,
    /// Whether its material may ever leave, as of the key.
    #[cbor(n(24), default)]
    pub exit: Exit,
    /// Where its material comes from.
    #[cbor(n(27), default)]
    pub origin: Origin,
    /// The set of its shares at custodians, where there is one.
    #[cbor(n(28), with = "minicbor::bytes")]
    pub share_set: Option<[u8; 16]>,
    /// The identity of the material before it was recovered for the first time, which ciphertexts know it by.
    #[n(29)]
    pub first_uid: Option<VersionUid>,
    /// Of a destroyed version: holders that have not confirmed that their shares are gone. They are fewer than sign together.
    #[n(30)]
    pub unconfirmed: Option<Vec<String>>,
}

impl VersionRecord {
    /// What the version's ciphertexts name it by: the same for all its life, wherever its material is.
    #[must_use]
    pub fn identity(&self) -> VersionUid {
        self.first_uid.unwrap_or(self.uid)
    }

    /// The name of the key it belongs to.
    #[must_use]
    pub fn key_name(&self) -> KeyName {
        KeyName { tenant: self.tenant.clone(), key: self.key.clone() }
    }

    /// The resource name.
    #[must_use]
    pub fn name(&self) -> VersionName {
        self.key_name().version(self.number)
    }

    /// Whether it can ever be said to be erased: nobody but the backend has ever had its material, not even wrapped.
    #[must_use]
    pub fn may_be_erased(&self) -> bool {
        self.origin == Origin::Generated && self.exit == Exit::Never
    }
}

impl Record for VersionRecord {
    const COLLECTION: Collection = Collection::Version;
    const DOMAIN: &'static str = "hufu-version";

    fn id(&self) -> String {
        self.name().row_id()
    }

    fn scope(&self) -> String {
        self.key_name().to_string()
    }

    fn due(&self) -> Option<u64> {
        match self.state {
            KeyState::Destroyed => None,
            KeyState::Destroying => Some(0),
            _ => self.destroy_at,
        }
    }
}

mod arc_bytes {
    //! `Arc<[u8]>` as a CBOR byte string.

    use std::sync::Arc;

    use minicbor::decode::Error as DecodeError;
    use minicbor::encode::{Error as EncodeError, Write};
    use minicbor::{Decoder, Encoder};

    pub(super) fn encode<C, W: Write>(
        bytes: &Arc<[u8]>,
        e: &mut Encoder<W>,
        _: &mut C,
    ) -> Result<(), EncodeError<W::Error>> {
        e.bytes(bytes)?.ok()
    }

    pub(super) fn decode<C>(d: &mut Decoder<'_>, _: &mut C) -> Result<Arc<[u8]>, DecodeError> {
        d.bytes().map(Into::into)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attestations_keep_their_encoding() {
        let driver = Attestation::DriverAsserted { serial: "5".into(), simulated: true, model: "m".into() };
        let vendor = Attestation::VendorAttested {
            serial: "5".into(),
            model: "m".into(),
            vendor: "v".into(),
            statement: Arc::from([1, 2]),
        };
        for (attestation, encoded) in
            [(Attestation::Software, "820180"), (driver, "8202836135f5616d"), (vendor, "8203846135616d6176420102")]
        {
            assert_eq!(hex::encode(minicbor::to_vec(&attestation).unwrap()), encoded);
            assert_eq!(minicbor::decode::<Attestation>(&hex::decode(encoded).unwrap()).unwrap(), attestation);
        }
    }
}
