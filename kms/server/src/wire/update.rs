//! Updates of keys with a field mask (AIP-134).

use hufu_core::{Error, Reason};
use hufu_engine::api::UpdateKey;
use hufu_proto::v1;

use super::key::rotation_period;
use super::{etag, missing, name};

/// Fields that a mask may name, and so the most paths it may have.
const FIELDS: [&str; 3] = ["labels", "description", "rotation_period"];

/// Reads an update: only what the mask names is taken.
///
/// # Errors
/// `FIELD_MASK_INVALID` for an empty mask or another field, else the field at fault.
pub fn update(request: v1::UpdateKeyRequest) -> Result<UpdateKey, Error> {
    let key = request.key.ok_or_else(|| missing("key"))?;
    let paths = request.update_mask.ok_or_else(|| missing("update_mask"))?.paths;
    check(&paths)?;
    let named = |field: &str| paths.iter().any(|path| path == field);
    Ok(UpdateKey {
        name: name::key(&key.name, "key.name")?,
        etag: etag::revision(&key.etag, "key.etag")?,
        labels: named("labels").then(|| key.labels.into_iter().collect()),
        description: named("description").then_some(key.description),
        rotation_period_ms: match named("rotation_period") {
            true => Some(rotation_period(key.rotation_period)?),
            false => None,
        },
    })
}

fn check(paths: &[String]) -> Result<(), Error> {
    let known = |path: &String| FIELDS.contains(&path.as_str());
    if !paths.is_empty() && paths.len() <= FIELDS.len() && paths.iter().all(known) {
        return Ok(());
    }
    let message = "the mask names one or more of `labels`, `description`, `rotation_period`, and nothing else";
    Err(Error::new(Reason::FieldMaskInvalid, message).field("update_mask"))
}

#[cfg(test)]
mod tests {
    use prost_types::FieldMask;

    use super::*;

    fn request(paths: &[&str]) -> v1::UpdateKeyRequest {
        let key = v1::Key {
            name: "tenants/dev/keys/k".into(),
            description: "new".into(),
            etag: "\"3\"".into(),
            ..Default::default()
        };
        let update_mask = Some(FieldMask { paths: paths.iter().map(|path| (*path).to_owned()).collect() });
        v1::UpdateKeyRequest { key: Some(key), update_mask, ..Default::default() }
    }

    #[test]
    fn only_what_the_mask_names_is_taken() {
        let read = update(request(&["description"])).unwrap();
        assert_eq!((read.description.as_deref(), read.etag), (Some("new"), Some(3)));
        assert_eq!((read.labels, read.rotation_period_ms), (None, None));
        let read = update(request(&["labels", "rotation_period"])).unwrap();
        assert_eq!((read.labels.map(|l| l.len()), read.rotation_period_ms), (Some(0), Some(None)));
        assert_eq!(read.description, None);
    }

    #[test]
    fn other_masks_are_refused() {
        for paths in [&[][..], &["name"], &["labels", "algorithm"], &["*"], &["labels"; 4]] {
            let error = update(request(paths)).unwrap_err();
            assert_eq!((error.reason(), error.at_field()), (Reason::FieldMaskInvalid, Some("update_mask")));
        }
        let unmasked = v1::UpdateKeyRequest { update_mask: None, ..request(&[]) };
        assert_eq!(update(unmasked).unwrap_err().reason(), Reason::MissingField);
    }
}
