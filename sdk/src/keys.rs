use std::{collections::BTreeMap, time::Duration};

use hufu_proto::v1;

use crate::{Client, Error, KeyRef, Pages, client::keys, request_id, retry::Repeat, wire};

/// Items that are asked for in one page of a list.
pub(crate) const PAGE_SIZE: i32 = 500;

/// A key to be created. What is not set is the service's default.
#[derive(Clone, Debug)]
pub struct NewKey {
    /// Id of the key.
    pub id: String,
    /// Algorithm.
    pub algorithm: v1::Algorithm,
    /// Where the private or secret part shall live.
    pub protection: v1::Protection,
    /// Purpose; default by algorithm.
    pub purpose: Option<v1::Purpose>,
    /// Scheme; default by algorithm and purpose.
    pub scheme: Option<v1::Scheme>,
    /// Whether digests are accepted in place of messages.
    pub digest_allowed: bool,
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// Free text.
    pub description: String,
    /// How often it ought to be rotated.
    pub rotation_period: Option<Duration>,
    /// Distinguishing identifier, SM2 only.
    pub sm2_distinguishing_id: Option<String>,
    /// Leaves the first version pre-active.
    pub pre_active: bool,
    /// Whether its material may ever leave; never by default.
    pub exit: Option<v1::Exit>,
    /// Among whom its material is shared.
    pub sharing: Option<v1::Sharing>,
}

/// A change to a key: what is `None` stays as it is.
#[derive(Clone, Debug, Default)]
pub struct KeyChange {
    /// All labels anew.
    pub labels: Option<BTreeMap<String, String>>,
    /// The description anew.
    pub description: Option<String>,
    /// The rotation period anew; `Some(None)` for none.
    pub rotation_period: Option<Option<Duration>>,
    /// The change is refused unless the key's etag is this one.
    pub etag: Option<String>,
}

impl NewKey {
    /// A key with the defaults of its algorithm, active at once.
    pub fn new(id: impl Into<String>, algorithm: v1::Algorithm, protection: v1::Protection) -> Self {
        Self {
            id: id.into(),
            algorithm,
            protection,
            purpose: None,
            scheme: None,
            digest_allowed: false,
            labels: BTreeMap::new(),
            description: String::new(),
            rotation_period: None,
            sm2_distinguishing_id: None,
            pre_active: false,
            exit: None,
            sharing: None,
        }
    }

    pub(crate) fn into_request(self, parent: String, request_id: String) -> Result<v1::CreateKeyRequest, Error> {
        let key = v1::Key {
            algorithm: self.algorithm.into(),
            scheme: self.scheme.unwrap_or_default().into(),
            purpose: self.purpose.unwrap_or_default().into(),
            protection: self.protection.into(),
            digest_allowed: self.digest_allowed,
            labels: self.labels.into_iter().collect(),
            description: self.description,
            sm2_distinguishing_id: self.sm2_distinguishing_id.unwrap_or_default(),
            rotation_period: self.rotation_period.map(period).transpose()?,
            exit: self.exit.unwrap_or_default().into(),
            sharing: self.sharing,
            ..Default::default()
        };
        Ok(v1::CreateKeyRequest {
            parent,
            key_id: self.id,
            key: Some(key),
            pre_active: self.pre_active,
            request_id,
            mandate: Vec::new(),
        })
    }
}

impl KeyChange {
    fn into_request(self, name: String, request_id: String) -> Result<v1::UpdateKeyRequest, Error> {
        let mut key = v1::Key { name, etag: self.etag.unwrap_or_default(), ..Default::default() };
        let mut paths = Vec::new();
        if let Some(labels) = self.labels {
            key.labels = labels.into_iter().collect();
            paths.push("labels".to_owned());
        }
        if let Some(description) = self.description {
            key.description = description;
            paths.push("description".to_owned());
        }
        if let Some(rotation_period) = self.rotation_period {
            key.rotation_period = rotation_period.map(period).transpose()?;
            paths.push("rotation_period".to_owned());
        }
        Ok(v1::UpdateKeyRequest { key: Some(key), update_mask: Some(prost_types::FieldMask { paths }), request_id })
    }
}

/// Keys. Each method fails with [`Error`] as the service answers; the API's comments list the reasons.
impl Client {
    /// Creates a key and its first version.
    ///
    /// # Errors
    /// See above.
    pub async fn create_key(&self, key: NewKey) -> Result<v1::Key, Error> {
        let request = key.into_request(self.parent(), request_id::random()?)?;
        self.call(Repeat::Safe, request, |channel, request| async move { keys(channel).create_key(request).await })
            .await
    }

    /// Reads a key.
    ///
    /// # Errors
    /// See above.
    pub async fn key(&self, key: &KeyRef) -> Result<v1::Key, Error> {
        let request = v1::GetKeyRequest { name: key.key_name(self.tenant()) };
        self.call(Repeat::Safe, request, |channel, request| async move { keys(channel).get_key(request).await }).await
    }

    /// Lists the tenant's keys in the order of their ids.
    pub fn keys(&self) -> Pages<'_, v1::Key> {
        Pages::new(move |page_token| {
            let request = v1::ListKeysRequest { parent: self.parent(), page_size: PAGE_SIZE, page_token };
            Box::pin(async move {
                let page =
                    self.call(Repeat::Safe, request, |channel, request| async move {
                        keys(channel).list_keys(request).await
                    })
                    .await?;
                Ok((page.keys, page.next_page_token))
            })
        })
    }

    /// Changes labels, description or rotation period.
    ///
    /// # Errors
    /// See above.
    pub async fn update_key(&self, key: &KeyRef, change: KeyChange) -> Result<v1::Key, Error> {
        let request = change.into_request(key.key_name(self.tenant()), request_id::random()?)?;
        self.call(Repeat::Safe, request, |channel, request| async move { keys(channel).update_key(request).await })
            .await
    }

    /// Makes a new version and makes it the primary one.
    ///
    /// # Errors
    /// See above.
    pub async fn rotate_key(&self, key: &KeyRef) -> Result<v1::Key, Error> {
        let request = v1::RotateKeyRequest {
            name: key.key_name(self.tenant()),
            etag: String::new(),
            request_id: request_id::random()?,
            mandate: Vec::new(),
        };
        self.call(Repeat::Safe, request, |channel, request| async move { keys(channel).rotate_key(request).await })
            .await
    }
}

pub(crate) fn period(duration: Duration) -> Result<prost_types::Duration, Error> {
    wire::duration(duration)
        .ok_or_else(|| Error::Usage { message: "the duration is too long".to_owned(), help: None })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_key_asks_for_defaults() {
        let key = NewKey::new("k", v1::Algorithm::Sm2, v1::Protection::Software);
        let request = key.into_request("tenants/t".to_owned(), "id".to_owned()).unwrap();
        let key = request.key.unwrap();
        assert_eq!(request.key_id, "k");
        assert_eq!(key.algorithm(), v1::Algorithm::Sm2);
        assert_eq!(key.scheme(), v1::Scheme::Unspecified);
        assert_eq!(key.purpose(), v1::Purpose::Unspecified);
        assert_eq!(key.rotation_period, None);
    }

    #[test]
    fn a_change_names_what_it_changes() {
        let change = KeyChange { labels: Some(BTreeMap::new()), rotation_period: Some(None), ..KeyChange::default() };
        let request = change.into_request("n".to_owned(), "id".to_owned()).unwrap();
        assert_eq!(request.update_mask.unwrap().paths, ["labels", "rotation_period"]);
    }

    #[test]
    fn a_period_beyond_protobuf_is_refused() {
        assert!(matches!(period(Duration::MAX), Err(Error::Usage { .. })));
    }
}
