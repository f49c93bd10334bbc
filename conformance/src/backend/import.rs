//! Keys that come in from outside: made by OpenSSL, wrapped for an import key, opened by the backend.

use hufu_core::algorithm::{Algorithm, Purpose, Scheme};
use hufu_core::ambient::random_array;
use hufu_core::backend::{BackendError, Generated, KeyHandle, Operation, Outcome, SignInput, Template};
use hufu_secret::SecretBytes;
use hufu_transport::{Hash, KEK_LEN, Receiver};

use super::wrapping::{is_rejected, unwrap};
use super::{Case, Failure, Report, in_seconds};

/// A key of OpenSSL's making: PKCS #8 and SubjectPublicKeyInfo, or bytes.
struct Foreign {
    row: (Algorithm, Purpose, Scheme),
    material: &'static [u8],
    public: Option<&'static [u8]>,
}

macro_rules! pair {
    ($algorithm:ident, $scheme:ident, $name:literal) => {
        Foreign {
            row: (Algorithm::$algorithm, Purpose::Sign, Scheme::$scheme),
            material: include_bytes!(concat!("../../data/", $name, ".der")),
            public: Some(include_bytes!(concat!("../../data/", $name, ".pub.der"))),
        }
    };
}

/// 0, 1, 2, …
const BYTES: [u8; 48] = {
    let mut bytes = [0; 48];
    let mut at = 0;
    while at < 48 {
        #[expect(clippy::indexing_slicing, clippy::cast_possible_truncation, reason = "evaluated when compiled")]
        {
            bytes[at] = at as u8;
        }
        at += 1;
    }
    bytes
};

const FOREIGN: &[Foreign] = &[
    pair!(P256, EcdsaSha256, "p256"),
    pair!(P384, EcdsaSha384, "p384"),
    pair!(Secp256k1, EcdsaSha256, "secp256k1"),
    pair!(Ed25519, Ed25519, "ed25519"),
    pair!(Sm2, Sm2Sm3, "sm2"),
    pair!(Rsa3072, RsaPssSha256, "rsa3072"),
    secret(Algorithm::HmacSha256, Purpose::Mac, Scheme::HmacSha256, 32),
    secret(Algorithm::HmacSha384, Purpose::Mac, Scheme::HmacSha384, 48),
    secret(Algorithm::Aes256Gcm, Purpose::Encrypt, Scheme::AesGcm, 32),
];

const fn secret(algorithm: Algorithm, purpose: Purpose, scheme: Scheme, len: usize) -> Foreign {
    Foreign { row: (algorithm, purpose, scheme), material: BYTES.split_at(len).0, public: None }
}

/// HMAC of `hufu` by OpenSSL, under 0, 1, 2, …: the first bytes.
const CODES: &[(Scheme, [u8; 4])] = &[(Scheme::HmacSha256, HMAC_SHA256), (Scheme::HmacSha384, HMAC_SHA384)];
const HMAC_SHA256: [u8; 4] = [0xdc, 0x0d, 0x8a, 0x4c];
const HMAC_SHA384: [u8; 4] = [0x5c, 0xb6, 0x06, 0x78];

pub(super) async fn check(
    case: &Case<'_>,
    key: &KeyHandle,
    other: &KeyHandle,
    report: &mut Report,
) -> Result<(), Failure> {
    let capabilities = case.subject.backend.capabilities();
    for foreign in FOREIGN {
        let (algorithm, purpose, scheme) = foreign.row;
        let target = Case { algorithm, purpose, scheme, ..*case };
        match capabilities.check_arrival(algorithm, purpose, scheme) {
            Ok(()) => check_foreign(case, &target, foreign, key, other).await?,
            Err(why) => report.skipped.push(format!("{case}: import of {target}: {why}")),
        }
    }
    Ok(())
}

/// Brings a foreign key in, for checks of the import key itself.
pub(super) async fn bring_something(case: &Case<'_>, by: &KeyHandle) -> Result<Outcome, BackendError> {
    let Some(foreign) = FOREIGN.first() else { return Ok(Outcome::Done) };
    let (algorithm, purpose, scheme) = foreign.row;
    let target = Case { algorithm, purpose, scheme, ..*case };
    let sealed = seal(case, by, foreign.material).map_err(|failure| BackendError::Failed(failure.to_string()))?;
    let (template, _) = unwrap(&target, by, &sealed, foreign.public).await?;
    case.perform(Operation::Destroy(template.uid)).await
}

async fn check_foreign(
    case: &Case<'_>,
    target: &Case<'_>,
    foreign: &Foreign,
    key: &KeyHandle,
    other: &KeyHandle,
) -> Result<(), Failure> {
    let sealed = seal(case, key, foreign.material)?;
    let came = unwrap(target, key, &sealed, foreign.public).await;
    let Ok((template, generated)) = came else {
        return Err(target.failure("a foreign key comes in", &came.map(|_| ())));
    };
    check_works(target, foreign, &template, generated).await?;
    let stranger = FOREIGN.iter().find(|f| f.row != foreign.row && f.public.is_some()).and_then(|f| f.public);
    if foreign.public.is_some() {
        refuses(target, key, &sealed, stranger).await?;
    }
    refuses(target, other, &sealed, foreign.public).await?;
    for at in [0, 100, 383, 384, 392, sealed.len() - 1] {
        let mut spoilt = sealed.clone();
        spoilt.iter_mut().skip(at).take(1).for_each(|byte| *byte ^= 0x10);
        refuses(target, key, &spoilt, foreign.public).await?;
    }
    for len in [0, 383, 384, sealed.len() - 8] {
        refuses(target, key, sealed.get(..len).unwrap_or_default(), foreign.public).await?;
    }
    // Good wrapping around something else.
    refuses(target, key, &seal(case, key, b"no key")?, foreign.public).await?;
    refuses(target, key, &seal(case, key, &[0x30; 700])?, foreign.public).await
}

/// It does what a key of its kind does, and OpenSSL's public key agrees.
async fn check_works(
    target: &Case<'_>,
    foreign: &Foreign,
    template: &Template,
    generated: Generated,
) -> Result<(), Failure> {
    let key = target.handle(template.clone(), generated)?;
    let public = key.public_key.as_deref() == foreign.public;
    target.ensure(public, "it has the expected public key", &key.public_key)?;
    match target.purpose {
        Purpose::Sign => {
            let signature = target.bytes("it signs", Operation::Sign(&key, SignInput::Message(b"m"))).await?;
            let public = target.public_key(&key);
            let verify = Operation::Verify(&public, SignInput::Message(b"m"), &signature);
            let answer = target.subject.verifier.perform(verify, in_seconds(60)).await;
            target.ensure(matches!(answer, Ok(Outcome::Verified(true))), "its signature is good", &answer)?;
        }
        Purpose::Mac => {
            let code = target.bytes("it makes codes", Operation::Mac(&key, b"hufu")).await?;
            let expected = CODES.iter().find(|(scheme, _)| *scheme == target.scheme).map(|(_, code)| code);
            let same = expected.is_some_and(|expected| code.starts_with(expected));
            target.ensure(same, "its code is OpenSSL's", &code)?;
        }
        _ => {
            let used = super::lifecycle::use_key(target, &key).await;
            target.ensure(used.is_ok(), "it works", &used)?;
        }
    }
    let answer = target.perform(Operation::Destroy(key.uid)).await;
    target.ensure(matches!(answer, Ok(Outcome::Done)), "it is destroyed", &answer)
}

/// One answer for everything, and nothing stays behind.
async fn refuses(target: &Case<'_>, by: &KeyHandle, sealed: &[u8], public: Option<&[u8]>) -> Result<(), Failure> {
    let before = inventory(target).await?;
    let answer = unwrap(target, by, sealed, public).await.map(|_| ());
    target.ensure(is_rejected(&answer), "what is not the key is rejected", &answer)?;
    let after = inventory(target).await?;
    target.ensure(before == after, "nothing stays behind", &(before, after))
}

async fn inventory(target: &Case<'_>) -> Result<usize, Failure> {
    match target.perform(Operation::Inventory(10_000)).await {
        Ok(Outcome::Inventory(uids)) => Ok(uids.len()),
        answer => Err(target.failure("the inventory answers", &answer)),
    }
}

fn seal(case: &Case<'_>, to: &KeyHandle, material: &[u8]) -> Result<Vec<u8>, Failure> {
    let hash = if case.scheme == Scheme::RsaAesKwpSha1 { Hash::Sha1 } else { Hash::Sha256 };
    let fresh: [u8; KEK_LEN] = random_array(case.subject.rng).map_err(|e| case.failure("randomness", &e))?;
    let receiver = Receiver::parse(to.public_key.as_deref().unwrap_or_default());
    let sealed = receiver.and_then(|receiver| {
        receiver.seal(hash, &SecretBytes::from_slice(&fresh), &SecretBytes::from_slice(material))
    });
    sealed.map_err(|error| case.failure("a key is wrapped for the import key", &error))
}
