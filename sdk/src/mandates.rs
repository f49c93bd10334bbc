//! Keys of holders: what a requester signs so that holders make such a key, or sign with it.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use hufu_frost::{
    GenerationMandate, KeyVersion, Mandate, MessageDigest, PublicKeyDigest, SignedGenerationMandate, SignedMandate,
    Suite, Threshold,
};
use hufu_proto::v1;

use crate::{
    Client, Error, KeyRef, NewKey,
    client::{crypto, keys},
    request_id,
    retry::Repeat,
};

/// Someone whose mandates holders follow: a name in their roster, and the private key that belongs to it, wherever it is.
pub trait Requester {
    /// The name in the holders' roster.
    fn name(&self) -> &str;

    /// Signs the bytes of a mandate, as the roster says that this requester signs.
    ///
    /// # Errors
    /// Words for people.
    fn sign(&self, statement: &[u8]) -> Result<Vec<u8>, String>;
}

/// How far a mandate goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Terms {
    /// How often holders may try a signature, 1 to 8: a mandate is worth so many signatures at most, all of one message.
    pub attempts: u8,
    /// How long it is good for, counted from when it is signed, by this machine's clock. Holders have bounds of their own.
    pub good_for: Duration,
    /// The deployment whose key it is: the origin of its log. What the service says when it is not given.
    pub deployment: Option<String>,
}

impl Default for Terms {
    /// Five attempts in two minutes.
    fn default() -> Self {
        Self { attempts: 5, good_for: Duration::from_secs(120), deployment: None }
    }
}

/// Keys of holders, under mandates. Each method fails with [`Error`] as the service answers, and with [`Error::Mandate`] when none
/// was signed.
impl Client {
    /// Has holders create a key among themselves. Its `sharing` says who they are, and how many of them sign together.
    ///
    /// # Errors
    /// `TOO_FEW_HOLDERS`, `MANDATE_REFUSED`. Else see above.
    pub async fn create_key_among(
        &self,
        key: NewKey,
        requester: &dyn Requester,
        terms: &Terms,
    ) -> Result<v1::Key, Error> {
        let sharing = key.sharing.clone().ok_or_else(|| unfit("a key of holders has to say who they are"))?;
        let suite = suite(key.algorithm, key.scheme.unwrap_or_default())?;
        let name = KeyVersion { name: format!("{}/keys/{}", self.parent(), key.id), version: 1 };
        let mandate = self.generation_mandate(name, suite, sharing, requester, terms).await?;
        let request = key.into_request(self.parent(), request_id::random()?)?;
        let request = v1::CreateKeyRequest { mandate, ..request };
        self.call(Repeat::Safe, request, |channel, request| async move { keys(channel).create_key(request).await })
            .await
    }

    /// Has a key's holders make its next version, which becomes the primary one.
    ///
    /// # Errors
    /// As [`Client::create_key_among`].
    pub async fn rotate_key_among(
        &self,
        key: &KeyRef,
        requester: &dyn Requester,
        terms: &Terms,
    ) -> Result<v1::Key, Error> {
        let found = self.key(key).await?;
        let latest = found.latest_version.as_ref().ok_or(Error::Incomplete("the latest version"))?;
        let KeyVersion { name, version } = version_of(&latest.name)?;
        let next = version.checked_add(1).ok_or_else(|| unfit("version numbers have run out"))?;
        let sharing = found.sharing.clone().ok_or_else(|| unfit("the key is not one of holders"))?;
        let suite = suite(found.algorithm(), found.scheme())?;
        let mandate =
            self.generation_mandate(KeyVersion { name, version: next }, suite, sharing, requester, terms).await?;
        // The mandate is for the version after the one that was seen.
        let request =
            v1::RotateKeyRequest { name: found.name, etag: found.etag, request_id: request_id::random()?, mandate };
        self.call(Repeat::Safe, request, |channel, request| async move { keys(channel).rotate_key(request).await })
            .await
    }

    /// Has a key's holders sign a message: with the primary version, when none is named. Under a request id at most once, as
    /// [`Client::sign_once`].
    ///
    /// # Errors
    /// As [`Client::create_key_among`].
    pub async fn sign_among(
        &self,
        key: &KeyRef,
        message: &[u8],
        requester: &dyn Requester,
        terms: &Terms,
        request_id: Option<&str>,
    ) -> Result<v1::SignResponse, Error> {
        let version = match key.version() {
            Some(_) => key.name(self.tenant()),
            None => self.key(key).await?.primary_version,
        };
        let version: KeyRef = version.parse()?;
        let public_key = self.public_key(&version).await?;
        let mandate = Mandate {
            deployment: self.deployment(terms).await?,
            key: version_of(&public_key.key_version)?,
            message: MessageDigest::of(message),
            seed: seed()?,
            attempts: terms.attempts,
            expires_at_ms: expiry(terms),
            requester: requester.name().to_owned(),
            public_key: PublicKeyDigest::of(&public_key.spki_der),
        };
        let signature = sign(requester, mandate.to_be_signed())?;
        let mandate = SignedMandate::new(mandate, signature).map_err(unfit)?.to_bytes();
        let request = v1::SignRequest {
            name: public_key.key_version,
            data: Some(v1::sign_request::Data::Message(message.to_vec())),
            format: v1::SignatureFormat::Raw.into(),
            request_id: request_id.unwrap_or_default().to_owned(),
            mandate,
        };
        let repeat = if request_id.is_some() { Repeat::Safe } else { Repeat::WhenAsked };
        self.call(repeat, request, |channel, request| async move { crypto(channel).sign(request).await }).await
    }

    async fn generation_mandate(
        &self,
        key: KeyVersion,
        suite: Suite,
        sharing: v1::Sharing,
        requester: &dyn Requester,
        terms: &Terms,
    ) -> Result<Vec<u8>, Error> {
        let small = |number: usize| u8::try_from(number).unwrap_or(u8::MAX);
        let t = u8::try_from(sharing.threshold).unwrap_or(u8::MAX);
        let mandate = GenerationMandate {
            deployment: self.deployment(terms).await?,
            key,
            suite,
            threshold: Threshold::new(t, small(sharing.members.len())).map_err(unfit)?,
            holders: sharing.members,
            expires_at_ms: expiry(terms),
            requester: requester.name().to_owned(),
            seed: seed()?,
        };
        let signature = sign(requester, mandate.to_be_signed())?;
        Ok(SignedGenerationMandate::new(mandate, signature).map_err(unfit)?.to_bytes())
    }

    async fn deployment(&self, terms: &Terms) -> Result<String, Error> {
        match &terms.deployment {
            Some(deployment) => Ok(deployment.clone()),
            None => Ok(self.log_key().await?.origin),
        }
    }
}

/// Whether holders sign with keys of that kind.
fn suite(algorithm: v1::Algorithm, scheme: v1::Scheme) -> Result<Suite, Error> {
    match (algorithm, scheme) {
        (v1::Algorithm::Ed25519, v1::Scheme::Unspecified | v1::Scheme::Ed25519) => Ok(Suite::Ed25519),
        (v1::Algorithm::Secp256k1, v1::Scheme::SchnorrBip340) => Ok(Suite::Bip340),
        _ => Err(unfit("holders make Schnorr signatures together: ed25519, or secp256k1 with schnorr-bip340")),
    }
}

/// A version's name in its parts.
fn version_of(name: &str) -> Result<KeyVersion, Error> {
    let parts = name.rsplit_once("/versions/").and_then(|(key, version)| Some((key, version.parse().ok()?)));
    let (name, version) = parts.ok_or(Error::Incomplete("the name of the version"))?;
    Ok(KeyVersion { name: name.to_owned(), version })
}

fn sign(requester: &dyn Requester, statement: Result<Vec<u8>, hufu_frost::Error>) -> Result<Vec<u8>, Error> {
    requester.sign(&statement.map_err(unfit)?).map_err(Error::Mandate)
}

fn seed() -> Result<[u8; 32], Error> {
    let mut seed = [0; 32];
    getrandom::fill(&mut seed).map_err(|_| Error::Randomness)?;
    Ok(seed)
}

fn expiry(terms: &Terms) -> u64 {
    let end = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().saturating_add(terms.good_for);
    u64::try_from(end.as_millis()).unwrap_or(u64::MAX)
}

fn unfit(why: impl ToString) -> Error {
    Error::Mandate(why.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_has_two_parts() {
        let version = version_of("tenants/t/keys/k/versions/7").unwrap();
        assert_eq!((version.name.as_str(), version.version), ("tenants/t/keys/k", 7));
        for bad in ["tenants/t/keys/k", "tenants/t/keys/k/versions/", "tenants/t/keys/k/versions/-1"] {
            assert!(version_of(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn other_schemes_are_refused_before_anybody_signs() {
        assert_eq!(suite(v1::Algorithm::Ed25519, v1::Scheme::Unspecified).unwrap(), Suite::Ed25519);
        assert_eq!(suite(v1::Algorithm::Secp256k1, v1::Scheme::SchnorrBip340).unwrap(), Suite::Bip340);
        assert!(suite(v1::Algorithm::Secp256k1, v1::Scheme::Unspecified).is_err(), "that would be ECDSA");
        assert!(suite(v1::Algorithm::P256, v1::Scheme::Unspecified).is_err());
    }
}
