//! Row tags: HMAC-SHA-256 under a key that the root wraps (invariant 7: the database is not trusted blindly).

use aws_lc_rs::hmac;
use hufu_core::changeset::{Row, RowSeal};
use hufu_core::codec::CodecError;
use hufu_core::record::Record;
use hufu_secret::SecretBytes;

/// Makes and checks row tags.
pub struct Integrity {
    key: hmac::Key,
}

impl Integrity {
    /// With a key of 32 bytes.
    #[must_use]
    pub fn new(key: &SecretBytes) -> Self {
        Self { key: hmac::Key::new(hmac::HMAC_SHA256, key.expose()) }
    }

    /// The record as a tagged row.
    #[must_use]
    pub fn row<R: Record>(&self, record: &R, revision: u64) -> Row {
        self.seal(record.to_row(revision))
    }

    /// Reads a record from a row whose tag is right.
    ///
    /// # Errors
    /// [`CodecError::Malformed`] also when the tag is wrong: the row is then not one that this deployment wrote.
    pub fn open<R: Record>(&self, row: &Row) -> Result<R, CodecError> {
        if self.is_genuine(row) { R::from_row(row) } else { Err(CodecError::Malformed { domain: R::DOMAIN }) }
    }
}

impl Integrity {
    /// The tag of bytes of a domain under a tenant's own key, which is derived from the integrity key.
    #[must_use]
    pub fn tag_of_tenant(&self, domain: &str, tenant: &str, bytes: &[u8]) -> [u8; 32] {
        let mut tag = [0; 32];
        tag.copy_from_slice(hmac::sign(&self.tenant_key(tenant), &parted(domain, bytes)).as_ref());
        tag
    }

    /// Whether a tag is that of [`Self::tag_of_tenant`].
    #[must_use]
    pub fn is_tag_of_tenant(&self, domain: &str, tenant: &str, bytes: &[u8], tag: &[u8]) -> bool {
        hmac::verify(&self.tenant_key(tenant), &parted(domain, bytes), tag).is_ok()
    }

    /// A key a tenant: what one tenant's tags say, no other's do. No row gives these bytes: they begin otherwise.
    fn tenant_key(&self, tenant: &str) -> hmac::Key {
        let derived = hmac::sign(&self.key, &parted("hufu-tenant-tag-key-v1", tenant.as_bytes()));
        hmac::Key::new(hmac::HMAC_SHA256, derived.as_ref())
    }
}

/// Bytes behind the domain that they belong to.
fn parted(domain: &str, bytes: &[u8]) -> Vec<u8> {
    [domain.as_bytes(), &[0], bytes].concat()
}

impl RowSeal for Integrity {
    fn seal(&self, row: Row) -> Row {
        let tag = hmac::sign(&self.key, &message(&row)).as_ref().to_vec();
        Row { tag, ..row }
    }

    fn is_genuine(&self, row: &Row) -> bool {
        hmac::verify(&self.key, &message(row), &row.tag).is_ok()
    }
}

/// Everything of the row but the tag, each part with its length, so that no two rows give the same bytes.
fn message(row: &Row) -> Vec<u8> {
    let due = row.due.map_or([0; 9], |due| {
        let mut bytes = [1; 9];
        bytes.iter_mut().skip(1).zip(due.to_be_bytes()).for_each(|(to, from)| *to = from);
        bytes
    });
    let parts: [&[u8]; 6] = [
        &row.collection.code().to_be_bytes(),
        row.id.as_bytes(),
        row.scope.as_bytes(),
        &due,
        &row.revision.to_be_bytes(),
        &row.body,
    ];
    let mut message = b"hufu-row-tag-v1\0".to_vec();
    for part in parts {
        message.extend_from_slice(&(part.len() as u64).to_be_bytes());
        message.extend_from_slice(part);
    }
    message
}

#[cfg(test)]
mod tests {
    use super::*;
    use hufu_core::name::TenantId;
    use hufu_core::record::{Tenant, WrappingKeyId};

    #[test]
    fn tags_of_tenants_are_apart() {
        let integrity = Integrity::new(&SecretBytes::from_slice(&[7; 32]));
        let tag = integrity.tag_of_tenant("domain", "dev", b"bytes");
        assert!(integrity.is_tag_of_tenant("domain", "dev", b"bytes", &tag));
        for (domain, tenant, bytes) in
            [("domaim", "dev", &b"bytes"[..]), ("domain", "dew", b"bytes"), ("domain", "dev", b"byte")]
        {
            assert!(!integrity.is_tag_of_tenant(domain, tenant, bytes, &tag));
        }
    }

    #[test]
    fn any_change_of_a_row_is_noticed() {
        let integrity = Integrity::new(&SecretBytes::from_slice(&[7; 32]));
        let id = TenantId::parse("dev").unwrap();
        let keys = (WrappingKeyId([1; 16]), WrappingKeyId([2; 16]));
        let tenant =
            Tenant { id, created_at: 1, material_key: keys.0, audit_key: keys.1, rotation: None, on_ledger: None };
        let row = integrity.row(&tenant, 3);
        assert_eq!(integrity.open::<Tenant>(&row), Ok(tenant));

        let changes: [fn(&mut Row); 5] = [
            |row| row.revision += 1,
            |row| row.id.push('x'),
            |row| row.scope.push('x'),
            |row| row.due = Some(0),
            |row| row.body[20] ^= 1,
        ];
        for change in changes {
            let mut changed = row.clone();
            change(&mut changed);
            assert!(integrity.open::<Tenant>(&changed).is_err());
        }
        let stranger = Integrity::new(&SecretBytes::from_slice(&[8; 32]));
        assert!(stranger.open::<Tenant>(&row).is_err());
    }
}
