//! An application's own key, deposited for recovery. It is split here: the service gets shares that only custodians can open.

use std::time::SystemTime;

use hufu_custodian::{Name, Roster, RosterHash, VerifyingKey};
use hufu_proto::v1;
use hufu_secret::{Rng, RngError, SecretBytes};
use hufu_shares::{Dealt, Scheme, SignedManifest, Subject, Terms, deal, deal_scalar};
use hufu_transport::{Pair, from_pkcs8, public_key_of};
use hufu_verify::VerifierKey;
use sha2::{Digest as _, Sha256};
use x509_cert::der::pem;

use crate::{Client, Error, Pages, client::deposits, request_id, retry::Repeat};

/// Longest secret that is deposited, in bytes.
pub const DEPOSIT_LEN_MAX: usize = hufu_shares::SECRET_LEN_MAX;

/// Label of a private key in PEM (RFC 7468 §10).
const PRIVATE_KEY: &str = "PRIVATE KEY";
/// Longest private key in PEM, in bytes: far more than a scalar needs.
const PEM_LEN_MAX: usize = 1 << 10;

/// A key that is deposited.
#[derive(Debug)]
pub enum DepositSecret {
    /// Any bytes, 1 to 4096 of them.
    Bytes(SecretBytes),
    /// A private key of P-256 in PKCS #8: every custodian can check its share against the public key.
    P256(SecretBytes),
    /// A private key of SM2 in PKCS #8, likewise.
    Sm2(SecretBytes),
}

/// A deposit that is to be made.
#[derive(Debug)]
pub struct NewDeposit {
    /// Its name inside the tenant: 1 to 63 of a-z, 0-9 and `-`.
    pub id: String,
    /// The key.
    pub secret: DepositSecret,
    /// So many custodians can make it again together.
    pub threshold: u8,
    /// Who gets a share, each once, at most 64.
    pub custodians: Vec<String>,
    /// Hash of the roster that the application was configured with. Nothing is sealed to the people of another one.
    pub roster: [u8; 32],
    /// The log's key that the application was configured with: it signs what is said of the shares.
    pub log_key: VerifierKey,
}

/// Deposits. Names are `tenants/T/deposits/D`.
impl Client {
    /// Splits a key, seals each share to its custodian, and deposits that. What comes back is signed by the log's key and says what
    /// was dealt here.
    ///
    /// # Errors
    /// [`Error::Deposit`] when the service names another roster or another log than the application knows, or has signed something
    /// else; [`Error::Usage`]; [`Error`] as the service answers: `SHARE_REFUSED`, `ALREADY_EXISTS`.
    pub async fn create_deposit(&self, new: &NewDeposit) -> Result<v1::Deposit, Error> {
        let request = v1::GetDepositTermsRequest { parent: self.parent() };
        let terms = self.call(Repeat::Safe, request, |channel, request| async move {
            deposits(channel).get_deposit_terms(request).await
        });
        let dealt = new.deal(&terms.await?, format!("{}/deposits/{}", self.parent(), new.id))?;
        let request = v1::CreateDepositRequest {
            parent: self.parent(),
            deposit_id: new.id.clone(),
            dealt: dealt.to_bytes(),
            request_id: request_id::random()?,
        };
        let answer = self.call(Repeat::Safe, request, |channel, request| async move {
            deposits(channel).create_deposit(request).await
        });
        let deposit = answer.await?;
        let signed = SignedManifest::from_bytes(&deposit.manifest).map_err(refused)?;
        if *signed.verify(&new.dealer()?).map_err(refused)? == *dealt.manifest() {
            return Ok(deposit);
        }
        Err(Error::Deposit("the service has signed something else than was dealt: tell its operators".to_owned()))
    }

    /// A deposit.
    ///
    /// # Errors
    /// [`Error`] as the service answers: `DEPOSIT_NOT_FOUND`.
    pub async fn deposit(&self, id: &str) -> Result<v1::Deposit, Error> {
        let request = v1::GetDepositRequest { name: format!("{}/deposits/{id}", self.parent()) };
        self.call(
            Repeat::Safe,
            request,
            |channel, request| async move { deposits(channel).get_deposit(request).await },
        )
        .await
    }

    /// The deposits of the tenant, by name.
    pub fn deposits(&self) -> Pages<'_, v1::Deposit> {
        Pages::new(move |page_token| {
            let request = v1::ListDepositsRequest { parent: self.parent(), page_size: 0, page_token };
            Box::pin(async move {
                let answer = self.call(Repeat::Safe, request, |channel, request| async move {
                    deposits(channel).list_deposits(request).await
                });
                answer.await.map(|page| (page.deposits, page.next_page_token))
            })
        })
    }

    /// Has a deposit given up: nobody recovers the key any more once the delay is over. The answer says when that is.
    ///
    /// # Errors
    /// [`Error`] as the service answers: `DEPOSIT_NOT_FOUND`.
    pub async fn delete_deposit(&self, id: &str) -> Result<v1::DeleteDepositResponse, Error> {
        let name = format!("{}/deposits/{id}", self.parent());
        let request = v1::DeleteDepositRequest { name, request_id: request_id::random()? };
        let answer = self.call(Repeat::Safe, request, |channel, request| async move {
            deposits(channel).delete_deposit(request).await
        });
        answer.await
    }

    /// Takes back that a deposit is given up.
    ///
    /// # Errors
    /// [`Error`] as the service answers: `WRONG_STATE` when it is not, `DEPOSIT_NOT_FOUND`.
    pub async fn cancel_delete_deposit(&self, id: &str) -> Result<v1::Deposit, Error> {
        let name = format!("{}/deposits/{id}", self.parent());
        let request = v1::CancelDeleteDepositRequest { name, request_id: request_id::random()? };
        let answer = self.call(Repeat::Safe, request, |channel, request| async move {
            deposits(channel).cancel_delete_deposit(request).await
        });
        answer.await
    }
}

/// What a ceremony has released.
impl Client {
    /// What custodians brought in an executed recovery of a deposit, named `ceremonies/N`: sealed to the applicant's own key. Verify the
    /// transcript before you believe any of it.
    ///
    /// # Errors
    /// [`Error`] as the service answers: `WRONG_STATE` when nothing is released.
    pub async fn fetch_handovers(&self, ceremony: &str) -> Result<v1::FetchHandoversResponse, Error> {
        let request = v1::FetchHandoversRequest { ceremony: ceremony.to_owned() };
        self.call(Repeat::Safe, request, |channel, request| async move {
            deposits(channel).fetch_handovers(request).await
        })
        .await
    }
}

/// A recovered key as it was deposited: bytes as they were, a private key as PKCS #8 in PEM.
///
/// # Errors
/// [`Error::Usage`] when it is no key of its scheme.
pub fn recovered_key(scheme: &Scheme, secret: &SecretBytes) -> Result<SecretBytes, Error> {
    let curve = match scheme {
        Scheme::Shamir { .. } => return Ok(SecretBytes::from_slice(secret.expose())),
        Scheme::Feldman { curve: hufu_shares::Curve::P256, .. } => hufu_transport::Curve::P256,
        Scheme::Feldman { curve: hufu_shares::Curve::Sm2, .. } => hufu_transport::Curve::Sm2,
    };
    let wrong = || usage("this is no private key of that curve".to_owned());
    let der = hufu_transport::to_pkcs8(Pair::Ec(curve), secret, None).map_err(|_| wrong())?;
    let mut text = SecretBytes::zeroed(PEM_LEN_MAX);
    let written = pem::encode(PRIVATE_KEY, pem::LineEnding::LF, der.expose(), text.expose_mut());
    let len = written.map_err(|_| wrong())?.len();
    text.truncate(len);
    Ok(text)
}

impl NewDeposit {
    fn deal(&self, offered: &v1::DepositTerms, subject: String) -> Result<Dealt, Error> {
        let (roster, dealer) = (self.pinned(offered)?, self.dealer()?);
        if offered.dealer != dealer.spki() {
            return Err(Error::Deposit("the service's log key is not the one that is pinned here".to_owned()));
        }
        let holders: Result<Vec<Name>, _> = self.custodians.iter().map(|name| name.parse()).collect();
        let holders = holders.map_err(|error: hufu_custodian::Error| usage(error.to_string()))?;
        let now_ms = SystemTime::UNIX_EPOCH.elapsed().map_err(|_| usage("the clock is before 1970".to_owned()))?;
        let now_ms = u64::try_from(now_ms.as_millis()).unwrap_or(u64::MAX);
        let subject = Subject { name: subject, public_key: self.secret.public_key()? };
        let terms = Terms {
            subject: &subject,
            threshold: self.threshold,
            holders: &holders,
            roster: &roster,
            dealer: &dealer,
            now_ms,
            after: None,
        };
        self.secret.deal(&terms)
    }

    /// The roster that the service names, if it is the one that is pinned here.
    fn pinned(&self, offered: &v1::DepositTerms) -> Result<Roster, Error> {
        let roster = Roster::from_bytes(&offered.roster).map_err(|error| refused(error.into()))?;
        if roster.hash() == RosterHash(self.roster) {
            return Ok(roster);
        }
        let found = roster.hash();
        Err(Error::Deposit(format!("the service's roster {found} is not the one that is pinned here")))
    }

    fn dealer(&self) -> Result<VerifyingKey, Error> {
        VerifyingKey::from_ed25519(self.log_key.public_key()).map_err(|error| refused(error.into()))
    }
}

impl DepositSecret {
    fn deal(&self, terms: &Terms<'_>) -> Result<Dealt, Error> {
        let dealt = match self {
            Self::Bytes(secret) => deal(terms, secret, &System),
            Self::P256(key) => {
                let scalar = scalar(hufu_transport::Curve::P256, key)?;
                deal_scalar(terms, hufu_shares::Curve::P256, &scalar, &System)
            }
            Self::Sm2(key) => {
                let scalar = scalar(hufu_transport::Curve::Sm2, key)?;
                deal_scalar(terms, hufu_shares::Curve::Sm2, &scalar, &System)
            }
        };
        dealt.map_err(|error| usage(error.to_string()))
    }

    /// SHA-256 of the SubjectPublicKeyInfo of a private key.
    fn public_key(&self) -> Result<Option<[u8; 32]>, Error> {
        match self {
            Self::Bytes(_) => Ok(None),
            Self::P256(key) | Self::Sm2(key) => Ok(public_key_of(key).map(|spki| Sha256::digest(spki).into())),
        }
    }
}

fn scalar(curve: hufu_transport::Curve, key: &SecretBytes) -> Result<SecretBytes, Error> {
    from_pkcs8(Pair::Ec(curve), key).map_err(|_| usage("this is no private key of that curve in PKCS#8".to_owned()))
}

/// The operating system's randomness.
struct System;

impl Rng for System {
    fn fill(&self, buffer: &mut [u8]) -> Result<(), RngError> {
        getrandom::fill(buffer).map_err(|_| RngError)
    }
}

fn refused(error: hufu_shares::Error) -> Error {
    Error::Deposit(error.to_string())
}

fn usage(message: String) -> Error {
    Error::Usage { message, help: None }
}
