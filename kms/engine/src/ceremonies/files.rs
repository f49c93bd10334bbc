//! What lies beside ceremonies: rosters and policies by their hash, shares as they were sealed.

use std::sync::Arc;

use hufu_ceremony::{CeremonyPolicy, Grounds, PolicyHash};
use hufu_core::Error;
use hufu_core::changeset::{Collection, Write};
use hufu_core::record::{CeremonyFile, CeremonyRecord, DepositRelease, Record as _};
use hufu_custodian::{Roster, RosterHash};
use sha2::{Digest as _, Sha256};

use crate::engine::Engine;
use crate::fault;

pub(super) fn roster_file(roster: &Roster) -> CeremonyFile {
    CeremonyFile { id: roster_id(roster.hash()), bytes: roster.to_bytes() }
}

pub(super) fn policy_file(policy: &CeremonyPolicy) -> CeremonyFile {
    CeremonyFile { id: policy_id(policy.hash()), bytes: policy.to_bytes() }
}

/// A public key that a request names by its fingerprint.
pub(super) fn public_key_file(spki: &[u8]) -> CeremonyFile {
    CeremonyFile { id: public_key_id(&Sha256::digest(spki).into()), bytes: spki.to_vec() }
}

pub(super) fn share_file(number: u64, index: u32, sealed: Vec<u8>) -> CeremonyFile {
    CeremonyFile { id: share_id(number, index), bytes: sealed }
}

/// Deletes a share.
pub(super) fn share_gone(number: u64, index: u32) -> Write {
    Write::Delete(Collection::CeremonyFile, share_id(number, index))
}

fn share_id(number: u64, index: u32) -> String {
    format!("share/{number:020}/{index:02}")
}

/// The id of the file that holds a roster.
pub(crate) fn roster_id(hash: RosterHash) -> String {
    format!("roster/{}", hex::encode(hash.0))
}

fn public_key_id(fingerprint: &[u8; 32]) -> String {
    format!("spki/{}", hex::encode(fingerprint))
}

fn policy_id(hash: PolicyHash) -> String {
    format!("policy/{hash}")
}

impl Engine {
    /// Writes a file. One that is there already under its hash is the same.
    pub(super) fn put_file(&self, file: &CeremonyFile) -> Write {
        Write::Put(self.keyring.integrity().row(file, 1))
    }

    /// The roster of a hash: the bytes are what the hash says, or nothing.
    pub(super) async fn roster(&self, hash: RosterHash) -> Result<Option<Roster>, Error> {
        let Some(bytes) = self.file(&roster_id(hash)).await? else { return Ok(None) };
        Ok(Roster::from_bytes(&bytes).ok().filter(|roster| roster.hash() == hash))
    }

    /// The SubjectPublicKeyInfo of a fingerprint.
    pub(super) async fn public_key_beside(&self, fingerprint: &[u8; 32]) -> Result<Option<Vec<u8>>, Error> {
        let found = self.file(&public_key_id(fingerprint)).await?;
        Ok(found.filter(|spki| Sha256::digest(spki).as_slice() == fingerprint))
    }

    /// The policy of a hash.
    pub(super) async fn ceremony_policy(&self, hash: PolicyHash) -> Result<Option<CeremonyPolicy>, Error> {
        let Some(bytes) = self.file(&policy_id(hash)).await? else { return Ok(None) };
        Ok(CeremonyPolicy::from_bytes(&bytes).ok().filter(|policy| policy.hash() == hash))
    }

    /// Roster and policy of these hashes.
    pub(super) async fn grounds(&self, roster: RosterHash, policy: PolicyHash) -> Result<Arc<Grounds>, Error> {
        let first = &self.ceremonies()?.first;
        if (first.roster_hash(), first.policy_hash()) == (roster, policy) {
            return Ok(first.clone());
        }
        let lost = || self.directory.quarantine("ceremonies", "a roster or policy is missing or not as it was");
        let roster = self.roster(roster).await?.ok_or_else(lost)?;
        let policy = self.ceremony_policy(policy).await?.ok_or_else(lost)?;
        Grounds::new(roster, policy).map(Arc::new).map_err(|_| lost())
    }

    /// Roster and policy of a ceremony's row.
    pub(super) async fn grounds_of(&self, record: &CeremonyRecord) -> Result<Arc<Grounds>, Error> {
        self.grounds(RosterHash(record.roster), PolicyHash(record.policy)).await
    }

    /// A share as it was brought.
    pub(super) async fn share_brought(&self, number: u64, index: u32) -> Result<Option<Vec<u8>>, Error> {
        self.file(&share_id(number, index)).await
    }

    /// What a ceremony has released of a deposit, while it is kept.
    pub(super) async fn release_of(&self, number: u64) -> Result<Option<DepositRelease>, Error> {
        let id = DepositRelease::row_id(number);
        let row = self.store.get(Collection::CeremonyFile, &id).await.map_err(fault::store)?;
        let Some(row) = row else { return Ok(None) };
        let opened = self.keyring.integrity().open::<DepositRelease>(&row);
        opened.map(Some).map_err(|_| self.directory.quarantine(&id, "the row is not as the service wrote it"))
    }

    /// Deletes what was released, with what custodians brought.
    pub(crate) fn release_gone(&self, release: &DepositRelease) -> Vec<Write> {
        let mut gone = vec![Write::Delete(Collection::CeremonyFile, release.id())];
        gone.extend(release.shares.iter().map(|index| share_gone(release.number, *index)));
        gone
    }

    async fn file(&self, id: &str) -> Result<Option<Vec<u8>>, Error> {
        let row = self.store.get(Collection::CeremonyFile, id).await.map_err(fault::store)?;
        Ok(row.and_then(|row| self.keyring.integrity().open::<CeremonyFile>(&row).ok()).map(|file| file.bytes))
    }
}
