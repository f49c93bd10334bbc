//! Holders in memory, a requester, and the backend over them.

#![allow(dead_code, reason = "each test program uses a part of it")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test may fail by panicking")]

pub(crate) mod holder;

use std::sync::Arc;
use std::time::{Duration, Instant};

use hufu_core::algorithm::{Algorithm, Purpose, Scheme};
use hufu_core::ambient::Clock;
use hufu_core::backend::{
    Among, BackendError, Generated, HoldersError, KeyBackend, KeyHandle, Operation, Outcome, Shared, SignInput,
    Template, Under,
};
use hufu_core::name::VersionName;
use hufu_core::record::{Exit, Locator, VersionUid};
use hufu_custodian::testing::Person;
use hufu_custodian::{Custodian, Roster, Signer};
use hufu_frost::{
    GenerationMandate, KeyVersion, Mandate, MessageDigest, PublicKeyDigest, SignedGenerationMandate, SignedMandate,
    Suite, Threshold,
};
use hufu_threshold::{Config, HolderLink, ThresholdBackend};

use holder::TestHolder;

pub(crate) const NOW_MS: u64 = 1_700_000_000_000;
pub(crate) const DEPLOYMENT: &str = "kms.example/log";
pub(crate) const KEY: &str = "tenants/t/keys/k";
pub(crate) const REQUESTER: &str = "wallet";
/// Long after every test, but for what must never come.
pub(crate) const LONG: Duration = Duration::from_secs(60);
/// What a holder has that never answers: a test with one waits so long, a few times.
const SHORT: Duration = Duration::from_secs(3);

pub(crate) struct Scene {
    pub(crate) holders: Vec<Arc<TestHolder>>,
    pub(crate) backend: ThresholdBackend,
    requester: Person,
    threshold: u8,
    suite: Suite,
}

struct FixedClock;

impl Clock for FixedClock {
    fn now_ms(&self) -> u64 {
        NOW_MS
    }

    fn uptime(&self) -> Duration {
        Duration::ZERO
    }
}

/// Holders `h1` to `hN` and the requester `wallet`, and someone who is neither.
pub(crate) fn scene(suite: Suite, threshold: u8, count: u8) -> Scene {
    scene_with(suite, threshold, count, config(LONG))
}

/// As [`scene`], where holders that hang are given up.
pub(crate) fn impatient_scene(suite: Suite, threshold: u8, count: u8) -> Scene {
    scene_with(suite, threshold, count, config(SHORT))
}

pub(crate) fn config(step_timeout: Duration) -> Config {
    Config { deployment: DEPLOYMENT.into(), simulations_allowed: false, step_timeout, generation_timeout: LONG }
}

pub(crate) fn scene_with(suite: Suite, threshold: u8, count: u8, config: Config) -> Scene {
    let people: Vec<_> = (1..=count).map(|nth| Arc::new(Person::new(&format!("h{nth}"), "north"))).collect();
    let requester = Person::new(REQUESTER, "south");
    let as_role =
        |person: &Person, role: &str| Custodian { roles: vec![role.parse().unwrap()], ..person.custodian() };
    let mut entries: Vec<_> = people.iter().map(|person| as_role(person, "holder")).collect();
    entries.push(as_role(&requester, "requester"));
    let roster = Arc::new(Roster::first(DEPLOYMENT, entries).unwrap());
    let holder =
        |person: &Arc<Person>| Arc::new(TestHolder::new(person.clone(), roster.clone(), requester.verifying_key()));
    let holders: Vec<_> = people.iter().map(holder).collect();
    let links = holders.iter().map(|holder| holder.clone() as Arc<dyn HolderLink>).collect();
    let backend = ThresholdBackend::new(config, (*roster).clone(), Arc::new(FixedClock), links).unwrap();
    Scene { holders, backend, requester, threshold, suite }
}

pub(crate) fn soon() -> Instant {
    Instant::now() + LONG
}

fn version() -> VersionName {
    format!("{KEY}/versions/1").parse().unwrap()
}

impl Scene {
    pub(crate) fn names(&self) -> Vec<String> {
        self.holders.iter().map(|holder| holder.name().to_owned()).collect()
    }

    fn algorithm(&self) -> (Algorithm, Scheme) {
        match self.suite {
            Suite::Ed25519 => (Algorithm::Ed25519, Scheme::Ed25519),
            Suite::Bip340 => (Algorithm::Secp256k1, Scheme::SchnorrBip340),
        }
    }

    pub(crate) fn generation_mandate(&self) -> GenerationMandate {
        let mut seed = [0; 32];
        holder::random(&mut seed).unwrap();
        GenerationMandate {
            deployment: DEPLOYMENT.into(),
            key: KeyVersion { name: KEY.into(), version: 1 },
            suite: self.suite,
            threshold: Threshold::new(self.threshold, u8::try_from(self.holders.len()).unwrap()).unwrap(),
            holders: self.names(),
            expires_at_ms: NOW_MS + 60_000,
            requester: REQUESTER.into(),
            seed,
        }
    }

    /// Makes a key under a mandate that may be for something else.
    pub(crate) async fn generate_under(&self, mandate: GenerationMandate) -> Result<Generated, BackendError> {
        let signature = Signer::sign(&self.requester, &mandate.to_be_signed().unwrap()).unwrap();
        let mandate = SignedGenerationMandate::new(mandate, signature).unwrap().to_bytes();
        let (algorithm, scheme) = self.algorithm();
        let template = Template {
            uid: VersionUid([1; 16]),
            algorithm,
            purpose: Purpose::Sign,
            scheme,
            binding: Arc::from([]),
            wrapping_key: None,
            exit: Exit::Never,
        };
        let (version, holders) = (version(), self.names());
        let among = Among { version: &version, threshold: self.threshold, holders: &holders, mandate: &mandate };
        match self.backend.perform(Operation::GenerateAmong(&template, among), soon()).await? {
            Outcome::Generated(generated) => Ok(*generated),
            other => panic!("{other:?}"),
        }
    }

    pub(crate) async fn generate(&self) -> Result<Generated, BackendError> {
        self.generate_under(self.generation_mandate()).await
    }

    pub(crate) async fn key(&self) -> KeyHandle {
        let generated = self.generate().await.unwrap();
        let (algorithm, scheme) = self.algorithm();
        KeyHandle {
            uid: VersionUid([1; 16]),
            algorithm,
            scheme,
            locator: generated.locator,
            binding: Arc::from([]),
            public_key: generated.public_key.map(Arc::from),
            distinguishing_id: None,
        }
    }

    pub(crate) fn mandate(&self, key: &KeyHandle, message: &[u8]) -> Mandate {
        let mut seed = [0; 32];
        holder::random(&mut seed).unwrap();
        Mandate {
            deployment: DEPLOYMENT.into(),
            key: KeyVersion { name: KEY.into(), version: 1 },
            message: MessageDigest::of(message),
            seed,
            attempts: 5,
            expires_at_ms: NOW_MS + 60_000,
            requester: REQUESTER.into(),
            public_key: PublicKeyDigest::of(key.public_key.as_deref().unwrap()),
        }
    }

    pub(crate) async fn sign_under(
        &self,
        key: &KeyHandle,
        message: &[u8],
        mandate: Mandate,
    ) -> Result<(Vec<u8>, Vec<String>), BackendError> {
        let signature = Signer::sign(&self.requester, &mandate.to_be_signed().unwrap()).unwrap();
        let mandate = SignedMandate::new(mandate, signature).unwrap().to_bytes();
        let holders = self.names();
        let under = Under { holders: &holders, mandate: &mandate };
        let operation = Operation::SignUnder(key, SignInput::Message(message), under);
        match self.backend.perform(operation, soon()).await? {
            Outcome::SignedByHolders { signature, faults } => {
                Ok((signature, faults.iter().map(ToString::to_string).collect()))
            }
            other => panic!("{other:?}"),
        }
    }

    pub(crate) async fn sign(&self, key: &KeyHandle, message: &[u8]) -> Result<(Vec<u8>, Vec<String>), BackendError> {
        self.sign_under(key, message, self.mandate(key, message)).await
    }

    pub(crate) async fn destroy(&self, key: &KeyHandle) -> Result<(), BackendError> {
        let Locator::Holders { group } = &key.locator else { panic!("{:?}", key.locator) };
        let (version, holders) = (version(), self.names());
        let shared = Shared { version: &version, holders: &holders, group };
        self.backend.perform(Operation::DestroyAmong(shared), soon()).await.map(|_| ())
    }
}

pub(crate) fn holders_error(error: BackendError) -> HoldersError {
    match error {
        BackendError::Holders(error) => *error,
        other => panic!("{other:?}"),
    }
}
