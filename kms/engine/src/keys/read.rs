//! Read keys, versions and public keys.

use hufu_core::changeset::{Collection, Row};
use hufu_core::name::{KeyName, TenantId, VersionName, VersionNumber};
use hufu_core::policy::Action;
use hufu_core::record::KeyRecord;
use hufu_core::store::Page;
use hufu_core::{Error, Reason};
use std::sync::Arc;

use crate::alarms::QUARANTINE;
use crate::api::{
    Caller, Key, KeyDetail, PAGE_SIZE_DEFAULT, PAGE_SIZE_MAX, PageRequest, Paged, PublicKeyView, Selector, Version,
    VersionDetail,
};
use crate::directory::VersionEntry;
use crate::engine::Engine;
use crate::fault;

impl Engine {
    /// A key with its newest version.
    ///
    /// # Errors
    /// [`Reason::KeyNotFound`], [`Reason::Quarantined`].
    pub async fn key(&self, caller: &Caller, name: &KeyName) -> Result<KeyDetail, Error> {
        let result = match self.authorize(caller, Action::GetKey, &name.tenant, Some(name)) {
            Ok(_) => self.detail(name).await,
            Err(error) => Err(error),
        };
        self.conclude(caller, Action::GetKey, || name.to_string(), result).await
    }

    /// The keys of a tenant, by name.
    ///
    /// # Errors
    /// [`Reason::PageTokenInvalid`].
    pub async fn list_keys(
        &self,
        caller: &Caller,
        tenant: &TenantId,
        page: PageRequest,
    ) -> Result<Paged<KeyDetail>, Error> {
        let result = self.list_keys_checked(caller, tenant, &page).await;
        self.conclude(caller, Action::ListKeys, || format!("tenants/{tenant}"), result).await
    }

    /// A version.
    ///
    /// # Errors
    /// [`Reason::VersionNotFound`].
    pub async fn version(&self, caller: &Caller, name: &VersionName) -> Result<VersionDetail, Error> {
        let result = match self.authorize(caller, Action::GetKey, &name.key.tenant, Some(&name.key)) {
            Ok(_) => self.version_detail(name).await,
            Err(error) => Err(error),
        };
        self.conclude(caller, Action::GetKey, || name.to_string(), result).await
    }

    /// The versions of a key, the newest first.
    ///
    /// # Errors
    /// [`Reason::KeyNotFound`], [`Reason::PageTokenInvalid`].
    pub async fn list_versions(
        &self,
        caller: &Caller,
        key: &KeyName,
        page: PageRequest,
    ) -> Result<Paged<VersionDetail>, Error> {
        let result = self.list_versions_checked(caller, key, &page).await;
        self.conclude(caller, Action::GetKey, || key.to_string(), result).await
    }

    /// The public key of a version.
    ///
    /// # Errors
    /// [`Reason::WrongPurpose`] when the key has no public half.
    pub async fn public_key(&self, caller: &Caller, selector: &Selector) -> Result<PublicKeyView, Error> {
        let result = self.public_key_checked(caller, selector).await;
        self.conclude(caller, Action::GetPublicKey, || selector.key.to_string(), result).await
    }

    /// The selected version, ready for use.
    pub(crate) async fn select(&self, selector: &Selector) -> Result<Arc<VersionEntry>, Error> {
        let number = match selector.number {
            Some(number) => number,
            None => {
                let key = self.directory.key(&selector.key).await?;
                key.key.record.primary.ok_or_else(|| {
                    Error::new(Reason::WrongState, "the key has no active version yet")
                        .field("name")
                        .help("activate a version")
                })?
            }
        };
        self.directory.version(&selector.key.version(number)).await
    }

    pub(crate) async fn detail(&self, name: &KeyName) -> Result<KeyDetail, Error> {
        let key = self.directory.read_key(name).await?;
        self.detail_of(key).await
    }

    pub(super) async fn version_detail(&self, name: &VersionName) -> Result<VersionDetail, Error> {
        let row = self.store.get(Collection::Version, &name.row_id()).await.map_err(fault::store)?;
        match row {
            Some(row) => self.detail_of_row(&row),
            None => {
                self.directory.read_version(name).await.map(|version| VersionDetail { version, quarantined: false })
            }
        }
    }

    async fn detail_of(&self, key: Key) -> Result<KeyDetail, Error> {
        let name = key.record.name().version(key.record.latest);
        let VersionDetail { version, quarantined } = self.version_detail(&name).await?;
        Ok(KeyDetail { key, latest: version, quarantined })
    }

    fn detail_of_row(&self, row: &Row) -> Result<VersionDetail, Error> {
        let record = self.directory.open_version(row).map_err(|error| {
            self.alarms.raise(QUARANTINE, &row.id, &format!("the version row: {error}"));
            Error::new(Reason::Quarantined, "stored data disagree: the version is locked")
        })?;
        let quarantined = self.alarms.is_quarantined(&record.name().to_string());
        Ok(VersionDetail { version: Version { record: Arc::new(record), revision: row.revision }, quarantined })
    }

    async fn list_keys_checked(
        &self,
        caller: &Caller,
        tenant: &TenantId,
        page: &PageRequest,
    ) -> Result<Paged<KeyDetail>, Error> {
        self.authorize(caller, Action::ListKeys, tenant, None)?;
        let prefix = format!("tenants/{tenant}/keys/");
        let (rows, next) = self.page(Collection::Key, tenant.as_str(), &prefix, page).await?;
        let mut items = Vec::with_capacity(rows.len());
        for row in rows {
            match self.keyring.integrity().open::<KeyRecord>(&row) {
                Ok(record) => {
                    items.push(self.detail_of(Key { record: Arc::new(record), revision: row.revision }).await?);
                }
                Err(error) => self.alarms.raise(QUARANTINE, &row.id, &format!("the key row: {error}")),
            }
        }
        Ok(Paged { items, next })
    }

    async fn list_versions_checked(
        &self,
        caller: &Caller,
        key: &KeyName,
        page: &PageRequest,
    ) -> Result<Paged<VersionDetail>, Error> {
        self.authorize(caller, Action::GetKey, &key.tenant, Some(key))?;
        let latest = self.directory.read_key(key).await?.record.latest.value();
        let newest = first_of_page(&page.token, latest)?;
        // Versions are numbered without gaps and their rows stay for ever: the page before `newest` is known by its numbers.
        let below = newest.saturating_sub(page_size(page));
        let after = VersionNumber::new(below).ok().map(|number| key.version(number).row_id());
        let query = Page { after: after.as_deref(), limit: newest - below };
        let rows = self.store.list(Collection::Version, &key.to_string(), query).await.map_err(fault::store)?;
        let items = rows.iter().rev().map(|row| self.detail_of_row(row)).collect::<Result<_, _>>()?;
        Ok(Paged { items, next: if below == 0 { String::new() } else { below.to_string() } })
    }

    async fn public_key_checked(&self, caller: &Caller, selector: &Selector) -> Result<PublicKeyView, Error> {
        let key = &selector.key;
        self.authorize(caller, Action::GetPublicKey, &key.tenant, Some(key))?;
        let selector = match selector.number {
            Some(_) => selector.clone(),
            None => Selector { key: key.clone(), number: Some(self.directory.key(key).await?.shown()) },
        };
        let entry = self.select(&selector).await?;
        match &entry.version.record.public_key {
            Some(spki) => Ok(PublicKeyView { version: entry.version.clone(), spki: spki.clone() }),
            None => Err(Error::new(Reason::WrongPurpose, "a secret key has no public half").field("name")),
        }
    }

    /// A page of rows. Tokens are the last id without its prefix, so that they fit one list alone.
    pub(crate) async fn page(
        &self,
        collection: Collection,
        scope: &str,
        prefix: &str,
        page: &PageRequest,
    ) -> Result<(Vec<Row>, String), Error> {
        let size = page_size(page);
        let after = match page.token.as_str() {
            "" => None,
            token if token.len() <= 64 && token.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-') => {
                Some(format!("{prefix}{token}"))
            }
            _ => return Err(page_token_invalid()),
        };
        let query = Page { after: after.as_deref(), limit: size + 1 };
        let mut rows = self.store.list(collection, scope, query).await.map_err(fault::store)?;
        let more = rows.len() > size as usize;
        rows.truncate(size as usize);
        let last = rows.last().filter(|_| more).and_then(|row| row.id.strip_prefix(prefix));
        let next = last.unwrap_or_default().to_owned();
        Ok((rows, next))
    }
}

impl crate::directory::KeyEntry {
    /// The version that a reader means by the key's name: the primary one, or the newest while none is primary.
    fn shown(&self) -> hufu_core::name::VersionNumber {
        self.key.record.primary.unwrap_or(self.key.record.latest)
    }
}

/// The newest version of a page: its token is that number, and none means the newest of all.
fn first_of_page(token: &str, latest: u32) -> Result<u32, Error> {
    if token.is_empty() {
        return Ok(latest);
    }
    let number = token.parse().ok().filter(|number| (1..=latest).contains(number));
    number.filter(|number: &u32| number.to_string() == token).ok_or_else(page_token_invalid)
}

/// The page size that is meant.
pub(crate) fn page_size(page: &PageRequest) -> u32 {
    if page.size == 0 { PAGE_SIZE_DEFAULT } else { page.size.min(PAGE_SIZE_MAX) }
}

pub(crate) fn page_token_invalid() -> Error {
    Error::new(Reason::PageTokenInvalid, "the page token is not one that this list gave").field("page_token")
}

/// Refuses a change of what the caller has not seen.
pub(super) fn check_etag(etag: Option<u64>, revision: u64) -> Result<(), Error> {
    match etag {
        Some(etag) if etag != revision => {
            Err(Error::new(Reason::EtagMismatch, "the resource has changed since it was read")
                .field("etag")
                .help("read the resource again and repeat the request with its new etag"))
        }
        _ => Ok(()),
    }
}
