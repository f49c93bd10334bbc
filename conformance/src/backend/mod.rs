//! The suite of [`KeyBackend`]: whatever a backend says it can do, it must do right; whatever it refuses, it must
//! refuse in a typed way.
//!
//! It makes keys under fresh random identities and destroys them again, so that it may run on a token in use.

mod agreement;
mod encapsulation;
mod encryption;
mod import;
mod lifecycle;
mod limits;
mod mac;
mod random;
mod record;
mod signing;
mod survey;
mod wrapping;

pub use record::record;
pub use survey::{Finding, Row, survey};

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use hufu_core::algorithm::{Algorithm, Purpose, Scheme, TABLE};
use hufu_core::ambient::{Rng, random_array};
use hufu_core::backend::{
    BackendError, Capabilities, Generated, KeyBackend, KeyHandle, Operation, Outcome, PublicKey, Template,
};
use hufu_core::record::{VersionUid, WrappingKeyId};

/// What is tested, and with what help.
#[derive(Clone, Copy)]
pub struct Subject<'a> {
    /// The backend under test.
    pub backend: &'a dyn KeyBackend,
    /// Verifies signatures and encrypts to public keys: the software backend, which is tested against vectors.
    pub verifier: &'a dyn KeyBackend,
    /// Draws identities and nonces.
    pub rng: &'a dyn Rng,
    /// The key that wraps material, for backends that keep wrapped material.
    pub wrapping_key: Option<WrappingKeyId>,
}

/// What was tested and what was not.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Report {
    /// Rows of the table of algorithms that were tested.
    pub tested: Vec<String>,
    /// Rows that the backend refuses, with its reason, and checks that do not apply.
    pub skipped: Vec<String>,
}

/// A check that failed.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{subject}: {check}: {found}")]
pub struct Failure {
    /// What was under test: algorithm, purpose and scheme.
    pub subject: String,
    /// What should hold.
    pub check: &'static str,
    /// What was found.
    pub found: String,
}

/// Runs every check that the backend's capabilities allow.
///
/// # Errors
/// The first [`Failure`].
pub async fn backend_suite(subject: &Subject<'_>) -> Result<Report, Failure> {
    let mut report = Report::default();
    let capabilities = subject.backend.capabilities();
    for row in TABLE {
        for (purpose, scheme) in row.schemes {
            let case = Case { subject: *subject, algorithm: row.algorithm, purpose: *purpose, scheme: *scheme };
            match capabilities.check(row.algorithm, *purpose, *scheme) {
                Ok(()) => {
                    case.run(&mut report).await?;
                    report.tested.push(case.to_string());
                }
                Err(why) => {
                    case.refused(&capabilities, &why).await?;
                    report.skipped.push(format!("{case}: {why}"));
                }
            }
        }
    }
    random::check(subject, &mut report).await?;
    limits::check_inventory(subject).await?;
    Ok(report)
}

/// One row of the table of algorithms.
#[derive(Clone, Copy)]
struct Case<'a> {
    subject: Subject<'a>,
    algorithm: Algorithm,
    purpose: Purpose,
    scheme: Scheme,
}

impl fmt::Display for Case<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.algorithm, self.purpose, self.scheme)
    }
}

impl Case<'_> {
    async fn run(&self, report: &mut Report) -> Result<(), Failure> {
        let key = self.generate().await?;
        let other = self.generate().await?;
        match self.purpose {
            Purpose::Sign => signing::check(self, &key, &other, report).await?,
            Purpose::Encrypt if self.algorithm.is_asymmetric() => encryption::check_to(self, &key, &other).await?,
            Purpose::Encrypt => encryption::check_aead(self, &key, &other).await?,
            Purpose::Mac => mac::check(self, &key, &other).await?,
            Purpose::Encapsulate => encapsulation::check(self, &key, &other).await?,
            Purpose::Agree => agreement::check(self, &key, &other).await?,
            Purpose::Wrap => wrapping::check(self, &key, &other).await?,
            Purpose::Import => import::check(self, &key, &other, report).await?,
        }
        wrapping::check_exit(self, &key).await?;
        wrapping::check_rewrap(self, &key).await?;
        limits::check(self, &key).await?;
        lifecycle::check_destroy(self, &key, &other, report).await
    }

    /// A refusal carries a reason, and asking all the same gets `Unsupported`.
    async fn refused(&self, capabilities: &Capabilities, why: &str) -> Result<(), Failure> {
        let row = (self.algorithm, self.purpose, self.scheme);
        let told = capabilities.refusals.iter().any(|(a, p, s, why)| (*a, *p, *s) == row && !why.is_empty());
        self.ensure(told, "a refused row has a reason in the capabilities", &why)?;
        let template = self.template()?;
        let answer = self.perform(Operation::Generate(&template)).await;
        let typed = matches!(answer, Err(BackendError::Unsupported(_)));
        self.ensure(typed, "generating a refused row answers `unsupported`", &answer)
    }

    fn template(&self) -> Result<Template, Failure> {
        let uid = VersionUid(random_array(self.subject.rng).map_err(|e| self.failure("randomness", &e))?);
        Ok(Template {
            uid,
            algorithm: self.algorithm,
            purpose: self.purpose,
            scheme: self.scheme,
            binding: Arc::from(format!("conformance {self} {uid}").into_bytes()),
            wrapping_key: self.subject.wrapping_key,
            exit: hufu_core::record::Exit::Never,
        })
    }

    /// Generates a key that stays, and returns the handle that the engine would use.
    async fn generate(&self) -> Result<KeyHandle, Failure> {
        self.generate_as(self.template()?).await
    }

    async fn generate_as(&self, template: Template) -> Result<KeyHandle, Failure> {
        let answer = self.perform(Operation::Generate(&template)).await;
        let Ok(Outcome::Generated(generated)) = answer else {
            return Err(self.failure("a key is generated", &answer));
        };
        self.handle(template, *generated)
    }

    fn handle(&self, template: Template, generated: Generated) -> Result<KeyHandle, Failure> {
        let Generated { locator, public_key, .. } = generated;
        let pair = public_key.is_some() == self.algorithm.is_asymmetric();
        self.ensure(pair, "a pair has a public key and a secret key has none", &public_key)?;
        Ok(KeyHandle {
            uid: template.uid,
            algorithm: self.algorithm,
            scheme: self.scheme,
            locator,
            binding: template.binding,
            public_key: public_key.map(Arc::from),
            distinguishing_id: None,
        })
    }

    async fn perform(&self, operation: Operation<'_>) -> Result<Outcome, BackendError> {
        self.subject.backend.perform(operation, in_seconds(60)).await
    }

    async fn bytes(&self, check: &'static str, operation: Operation<'_>) -> Result<Vec<u8>, Failure> {
        match self.perform(operation).await {
            Ok(Outcome::Bytes(bytes)) => Ok(bytes),
            answer => Err(self.failure(check, &answer)),
        }
    }

    fn public_key<'a>(&self, key: &'a KeyHandle) -> PublicKey<'a> {
        PublicKey {
            algorithm: self.algorithm,
            scheme: self.scheme,
            spki: key.public_key.as_deref().unwrap_or_default(),
            distinguishing_id: key.distinguishing_id.as_deref(),
        }
    }

    fn failure(&self, check: &'static str, found: &dyn fmt::Debug) -> Failure {
        Failure { subject: self.to_string(), check, found: format!("{found:?}") }
    }

    fn ensure(&self, holds: bool, check: &'static str, found: &dyn fmt::Debug) -> Result<(), Failure> {
        if holds { Ok(()) } else { Err(self.failure(check, found)) }
    }
}

fn in_seconds(seconds: u64) -> Instant {
    Instant::now() + Duration::from_secs(seconds)
}

/// Runs a future on a runtime of its own, from a thread that has none.
fn block_on<T>(future: impl Future<Output = T>) -> std::io::Result<T> {
    Ok(tokio::runtime::Builder::new_current_thread().enable_time().build()?.block_on(future))
}
