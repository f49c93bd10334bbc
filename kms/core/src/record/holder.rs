//! What a holder of shares keeps: its shares, the sessions that it has signed in, and the latest time that it has seen.

use minicbor::{Decode, Encode};

use super::{Record, WrappingKeyId};
use crate::changeset::Collection;
use crate::name::VersionName;

/// A share of a threshold key. The row stays when the share is destroyed: what a mandate made is made once.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(map)]
pub struct HolderShare {
    /// The key's name, `tenants/T/keys/K`, of another deployment.
    #[n(0)]
    pub key: String,
    /// The version, from 1.
    #[n(1)]
    pub version: u32,
    /// The public side of the shares, in the encoding of `hufu-frost`.
    #[cbor(n(2), with = "minicbor::bytes")]
    pub group: Vec<u8>,
    /// This holder's number in it, from 1.
    #[n(3)]
    pub number: u8,
    /// What the share is wrapped under.
    #[n(4)]
    pub wrapping_key: WrappingKeyId,
    /// Nonce, ciphertext and tag of AES-256-GCM, associated data [`HolderShare::binding`]; nothing once it is destroyed.
    #[cbor(n(5), with = "minicbor::bytes")]
    pub sealed: Option<Vec<u8>>,
    /// When it was made.
    #[n(6)]
    pub made_at: u64,
    /// Under whose mandate.
    #[n(7)]
    pub requester: String,
    /// When it was destroyed.
    #[n(8)]
    pub destroyed_at: Option<u64>,
    /// SHA-256 of the key's `SubjectPublicKeyInfo`. Rows of earlier releases have none, and were one for each key version.
    #[cbor(n(9), with = "minicbor::bytes")]
    pub public_key: Option<[u8; 32]>,
}

impl HolderShare {
    /// The name of a key version; the row id of its only share in earlier releases.
    #[must_use]
    pub fn key_version(key: &str, version: u32) -> String {
        format!("{key}/versions/{version}")
    }

    /// The key version that the id of a row is about, when it is the id of one.
    #[must_use]
    pub fn key_version_of(id: &str) -> Option<VersionName> {
        let is_digest = |last: &str| last.len() == 64 && last.bytes().all(|byte| byte.is_ascii_hexdigit());
        let of_share = id.rsplit_once('/').filter(|(_, last)| is_digest(last)).map(|(version, _)| version);
        of_share.unwrap_or(id).parse().ok()
    }

    /// Associated data that ties the wrapped share to what it is: the key version, all of the group, the number and the key
    /// that wraps it.
    #[must_use]
    pub fn binding(&self, deployment: &str, group_digest: &[u8; 32]) -> Vec<u8> {
        let digest = minicbor::bytes::ByteArray::from(*group_digest);
        let whole = (deployment, &self.key, self.version, digest, self.number, self.wrapping_key);
        crate::codec::encode("hufu-holder-share-binding", 1, &whole)
    }
}

impl Record for HolderShare {
    const COLLECTION: Collection = Collection::HolderShare;
    const DOMAIN: &'static str = "hufu-holder-share";

    fn id(&self) -> String {
        let version = Self::key_version(&self.key, self.version);
        self.public_key.map_or_else(|| version.clone(), |digest| format!("{version}/{}", hex::encode(digest)))
    }
}

/// A session in which a share may have left: there is never a second one.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(map)]
pub struct HolderSession {
    /// The session.
    #[cbor(n(0), with = "minicbor::bytes")]
    pub session: [u8; 32],
    /// Under whose mandate.
    #[n(1)]
    pub requester: String,
    /// When its mandate ends, and the row is no longer needed.
    #[n(2)]
    pub until: u64,
}

impl HolderSession {
    /// The row id of a session.
    #[must_use]
    pub fn row_id(session: &[u8; 32]) -> String {
        hex::encode(session)
    }
}

impl Record for HolderSession {
    const COLLECTION: Collection = Collection::HolderSession;
    const DOMAIN: &'static str = "hufu-holder-session";

    fn id(&self) -> String {
        Self::row_id(&self.session)
    }

    fn due(&self) -> Option<u64> {
        Some(self.until)
    }
}

/// The latest time that a holder has seen: what expired before it stays expired, whatever the clock says.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Encode, Decode)]
#[cbor(map)]
pub struct HolderClock {
    /// Milliseconds since the Unix epoch.
    #[n(0)]
    pub latest: u64,
}

impl HolderClock {
    /// The only row id.
    pub const ID: &'static str = "holder-clock";
}

impl Record for HolderClock {
    const COLLECTION: Collection = Collection::Meta;
    const DOMAIN: &'static str = "hufu-holder-clock";

    fn id(&self) -> String {
        Self::ID.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn share() -> HolderShare {
        HolderShare {
            key: "tenants/t/keys/k".to_owned(),
            version: 1,
            group: vec![7; 100],
            number: 2,
            wrapping_key: WrappingKeyId([1; 16]),
            sealed: Some(vec![2; 60]),
            made_at: 5,
            requester: "wallet".to_owned(),
            destroyed_at: None,
            public_key: None,
        }
    }

    #[test]
    fn shares_read_back_and_a_destroyed_one_is_known() {
        let destroyed = HolderShare { sealed: None, destroyed_at: Some(9), ..share() };
        let of_key = HolderShare { public_key: Some([0xab; 32]), ..share() };
        for one in [share(), destroyed, of_key.clone()] {
            assert_eq!(HolderShare::from_row(&one.to_row(1)), Ok(one));
        }
        assert_eq!(share().id(), "tenants/t/keys/k/versions/1");
        assert_eq!(of_key.id(), format!("tenants/t/keys/k/versions/1/{}", "ab".repeat(32)));
        for one in [share(), of_key] {
            assert_eq!(HolderShare::key_version_of(&one.id()).unwrap().to_string(), "tenants/t/keys/k/versions/1");
        }
        for id in ["", "tenants/t/keys/k", "tenants/t/keys/k/versions/1/", "tenants/t/keys/k/versions/1/abcd"] {
            assert!(HolderShare::key_version_of(id).is_none(), "{id}");
        }
    }

    #[test]
    fn a_share_is_bound_to_all_that_it_is() {
        let bound = share().binding("d", &[3; 32]);
        let others = [
            share().binding("e", &[3; 32]),
            share().binding("d", &[4; 32]),
            HolderShare { key: "tenants/t/keys/l".to_owned(), ..share() }.binding("d", &[3; 32]),
            HolderShare { version: 2, ..share() }.binding("d", &[3; 32]),
            HolderShare { number: 1, ..share() }.binding("d", &[3; 32]),
            HolderShare { wrapping_key: WrappingKeyId([2; 16]), ..share() }.binding("d", &[3; 32]),
        ];
        assert!(others.iter().all(|other| *other != bound));
    }
}
