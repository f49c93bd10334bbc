//! Objects on the token: finding them by CKA_ID and class, checking them, deleting them.

use std::collections::BTreeSet;
use std::time::Duration;

use cryptoki::context::Function;
use cryptoki::error::{Error, RvError};
use cryptoki::object::{Attribute, AttributeType, ObjectClass, ObjectHandle};
use cryptoki::session::Session;
use hufu_core::backend::{BackendError, KeyHandle};
use hufu_core::record::{Locator, VersionUid};
use sha2::{Digest, Sha256};

use crate::attributes::LABEL_PREFIX;
use crate::fault::{Fault, describe};
use crate::public_key;
use crate::replica::GROUP_LABEL_PREFIX;
use crate::token::Token;

/// Handles that are kept.
const HANDLES_MAX: usize = 65_536;

/// How long a deletion waits for uses to end, and a use for a deletion. A call that hangs must not hold the others.
pub(crate) const OBJECTS_WAIT_MAX: Duration = Duration::from_secs(1);

const CLASSES: [ObjectClass; 3] = [ObjectClass::PRIVATE_KEY, ObjectClass::SECRET_KEY, ObjectClass::PUBLIC_KEY];

/// Handles of loaded keys.
pub(crate) struct Handles {
    entries: quick_cache::sync::Cache<VersionUid, Found>,
}

#[derive(Clone, Copy)]
struct Found {
    handle: ObjectHandle,
    /// Fingerprint of the public half that was checked.
    fingerprint: Option<[u8; 32]>,
    /// In which generation of the token's sessions it was found.
    generation: u64,
}

impl Handles {
    pub(crate) fn new() -> Self {
        Self { entries: quick_cache::sync::Cache::new(HANDLES_MAX) }
    }
}

/// The handle of a version's private or secret key: from the cache, or found and checked.
pub(crate) fn load(token: &Token, session: &Session, key: &KeyHandle) -> Result<ObjectHandle, Fault> {
    let Locator::Token { serial, uid, fingerprint } = &key.locator else {
        return Err(missing("the version is on no token").into());
    };
    if *serial != token.serial || *uid != key.uid {
        return Err(missing("the version is on another token").into());
    }
    let generation = token.generation();
    let (uid, fingerprint) = (*uid, *fingerprint);
    if let Some(found) = token.handles.entries.get(&uid)
        && found.generation == generation
        && found.fingerprint == fingerprint
    {
        return Ok(found.handle);
    }
    let handle = find_checked(token, session, key, fingerprint)?;
    token.handles.entries.insert(uid, Found { handle, fingerprint, generation });
    Ok(handle)
}

fn find_checked(
    token: &Token,
    session: &Session,
    key: &KeyHandle,
    fingerprint: Option<[u8; 32]>,
) -> Result<ObjectHandle, Fault> {
    if !key.algorithm.is_asymmetric() {
        let found = find(token, session, key.uid, &[ObjectClass::SECRET_KEY])?;
        return only(&found, ObjectClass::SECRET_KEY);
    }
    let found = find(token, session, key.uid, &[ObjectClass::PUBLIC_KEY, ObjectClass::PRIVATE_KEY])?;
    let public = only(&found, ObjectClass::PUBLIC_KEY)?;
    let shown = fingerprint_of(&public_key::read(session, public, key.algorithm, token.profile.ec_point)?);
    let recorded = key.public_key.as_deref().map(fingerprint_of);
    if fingerprint != Some(shown) || recorded.is_some_and(|recorded| recorded != shown) {
        return Err(missing("the token holds another public key under that identity").into());
    }
    only(&found, ObjectClass::PRIVATE_KEY)
}

/// SHA-256 of a SubjectPublicKeyInfo.
pub(crate) fn fingerprint_of(spki: &[u8]) -> [u8; 32] {
    Sha256::digest(spki).into()
}

/// Whether any half of a version is on the token.
pub(crate) fn is_present(token: &Token, session: &Session, uid: VersionUid) -> Result<bool, Fault> {
    Ok(!look(session, uid)?.is_empty() || !all_visible(token, session, || look(session, uid))?.is_empty())
}

/// Deletes every half of a version and confirms that none is left.
pub(crate) fn destroy(token: &Token, session: &Session, uid: VersionUid) -> Result<(), Fault> {
    let Some(_alone) = token.objects.try_write_for(OBJECTS_WAIT_MAX) else {
        return Err(BackendError::Unavailable("a use of a key does not end".to_owned()).into());
    };
    token.handles.entries.remove(&uid);
    let found = all_visible(token, session, || look(session, uid))?;
    // The private half first: if it stops midway, what is left is the harmless half.
    for class in CLASSES {
        for (_, object) in found.iter().filter(|(of, _)| *of == class) {
            session.destroy_object(*object)?;
        }
    }
    if is_present(token, session, uid)? {
        return Err(BackendError::Failed("the token still shows the object that it deleted".to_owned()).into());
    }
    Ok(())
}

/// Deletes what a refused trial has left, as far as it can be: some drivers keep one half of a pair that they refuse.
pub(crate) fn forget(session: &Session, uid: VersionUid) {
    for (_, object) in look(session, uid).unwrap_or_default() {
        if let Err(error) = session.destroy_object(object) {
            tracing::warn!(why = describe(&error), "the trial of a key has left an object behind");
        }
    }
}

/// Identities on the token that could be ours, by label, at most so many.
pub(crate) fn inventory(token: &Token, session: &Session, max: usize) -> Result<Vec<VersionUid>, Fault> {
    all_visible(token, session, || {
        let mut uids = BTreeSet::new();
        for class in CLASSES {
            for object in session.find_objects(&[Attribute::Token(true), Attribute::Class(class)])? {
                if uids.len() >= max {
                    return Ok(uids.into_iter().collect());
                }
                uids.extend(ours(session, object)?);
            }
        }
        Ok(uids.into_iter().collect())
    })
}

fn ours(session: &Session, object: ObjectHandle) -> Result<Option<VersionUid>, Fault> {
    let (mut uid, mut labelled) = (None, false);
    for attribute in session.get_attributes(object, &[AttributeType::Id, AttributeType::Label])? {
        match attribute {
            Attribute::Id(id) => uid = id.try_into().ok().map(VersionUid),
            Attribute::Label(label) => labelled = is_of_a_version(&label),
            _ => {}
        }
    }
    Ok(uid.filter(|_| labelled))
}

/// The key of a group is no version's.
fn is_of_a_version(label: &[u8]) -> bool {
    label.starts_with(LABEL_PREFIX.as_bytes()) && !label.starts_with(GROUP_LABEL_PREFIX.as_bytes())
}

/// Finds the objects of a version. Absence is looked at twice, the second time knowing that nothing was hidden: private objects
/// cannot be seen while the application is logged out, and a key taken for destroyed would be one too many.
fn find(
    token: &Token,
    session: &Session,
    uid: VersionUid,
    wanted: &[ObjectClass],
) -> Result<Vec<(ObjectClass, ObjectHandle)>, Fault> {
    let found = look(session, uid)?;
    if wanted.iter().all(|wanted| found.iter().any(|(class, _)| class == wanted)) {
        return Ok(found);
    }
    all_visible(token, session, || look(session, uid))
}

/// Keys of a version that can be seen now: one search for all classes, because some tokens look at every object for each.
fn look(session: &Session, uid: VersionUid) -> Result<Vec<(ObjectClass, ObjectHandle)>, Fault> {
    let mut found = Vec::new();
    for object in session.find_objects(&[Attribute::Id(uid.0.to_vec())])? {
        if let Some(Attribute::Class(class)) = session.get_attributes(object, &[AttributeType::Class])?.pop()
            && CLASSES.contains(&class)
        {
            found.push((class, object));
        }
    }
    Ok(found)
}

/// Looks while the user is logged in from beginning to end, or fails as a session that has lost its login.
fn all_visible<T>(token: &Token, session: &Session, look: impl FnOnce() -> Result<T, Fault>) -> Result<T, Fault> {
    let lost = || Fault::Device(Error::Pkcs11(RvError::UserNotLoggedIn, Function::GetSessionInfo));
    let logged_in = || Ok::<_, Fault>(token.is_ready(session.get_session_info()?.session_state()));
    let generation = token.generation();
    if !logged_in()? {
        return Err(lost());
    }
    let seen = look()?;
    // Another session may have logged in again meanwhile; it voided the handles before it did.
    if logged_in()? && token.generation() == generation { Ok(seen) } else { Err(lost()) }
}

fn only(found: &[(ObjectClass, ObjectHandle)], class: ObjectClass) -> Result<ObjectHandle, Fault> {
    let mut of_class = found.iter().filter(|(of, _)| *of == class).map(|(_, object)| *object);
    match (of_class.next(), of_class.next()) {
        (Some(one), None) => Ok(one),
        (None, _) => Err(missing("the token holds no object of that identity").into()),
        _ => Err(missing("the token holds several objects of one identity").into()),
    }
}

fn missing(why: &str) -> BackendError {
    BackendError::Missing(why.to_owned())
}
