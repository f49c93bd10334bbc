//! A root that custodians hold together: the real backend, and the master keys that their shares make.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use hufu_core::BoxFuture;
use hufu_core::ambient::Rng;
use hufu_core::backend::{BackendError, KeyBackend, KeyHandle, Operation, Outcome, SignInput};
use hufu_core::record::{Deployment, Locator};
use hufu_custodian::testing::Person;
use hufu_custodian::{Roster, VerifyingKey};
use hufu_engine::{BeforeFirst, SplitRoot, beginning_of_root, root_shares};
use hufu_sealed::{MasterKey, SealedBackend};
use hufu_secret::SecretBytes;
use hufu_shares::{ROOT_SUBJECT, RootRecord, Share, SignedManifest, Subject, Terms, deal};
use parking_lot::Mutex;

use super::real::{LONG, RealSoftware, still};
use super::server::Site;

/// What stands for the token in the database.
pub(crate) const CUSTODIANS: &str = "custodians";

/// The custodians, beside the servers: what they know survives every crash.
pub(crate) struct SimSplit {
    rng: Arc<dyn Rng>,
    /// Those of the first start: three, two of whom open it.
    pub(crate) people: Vec<Person>,
    roster: Roster,
    /// What `root.set` holds, once there is a deployment; and the first shares.
    pub(crate) first: Mutex<Option<(SignedManifest, Vec<Share>)>>,
    /// The master key that the shares of a manifest make.
    pub(crate) masters: Mutex<BTreeMap<[u8; 32], Arc<SecretBytes>>>,
    /// Whether servers are not told of it: they do not know which share set is the root's.
    pub(crate) unsaid: AtomicBool,
}

/// A start: the backend in the place of the token, whose master key is there.
pub(crate) struct SplitStart {
    pub(crate) token: Arc<dyn KeyBackend>,
    backend: Arc<SealedBackend>,
    master: Arc<MasterKey>,
    /// The manifest of the shares that opened it; nothing at the first start.
    asked: Option<SignedManifest>,
    split: Arc<SimSplit>,
}

impl SimSplit {
    pub(crate) fn new(rng: Arc<dyn Rng>) -> Self {
        let people: Vec<Person> = ["old-1", "old-2", "old-3"].map(|name| Person::new(name, "north")).into();
        let roster = Roster::first("first", people.iter().map(Person::custodian).collect()).unwrap();
        Self {
            rng,
            people,
            roster,
            first: Mutex::default(),
            masters: Mutex::default(),
            unsaid: AtomicBool::new(false),
        }
    }

    /// The manifest whose shares are asked for at a start.
    pub(crate) async fn asked(&self, site: &Site) -> Result<Option<SignedManifest>, String> {
        let Some(first) = self.first.lock().as_ref().map(|(first, _)| first.clone()) else { return Ok(None) };
        let dealt = root_shares(site.store.as_ref(), &first).await.map_err(|error| error.to_string())?;
        Ok(Some(dealt.map_or(first, |(manifest, roster)| {
            assert_eq!(roster.hash(), manifest.unverified().roster());
            manifest
        })))
    }

    /// Starts with the shares that are asked for, if their master key is known.
    pub(crate) async fn start(self: &Arc<Self>, site: &Site) -> Result<SplitStart, String> {
        let asked = self.asked(site).await?;
        let master = match &asked {
            None => MasterKey::generate(self.rng.as_ref()).unwrap(),
            Some(asked) => {
                let known = self.masters.lock().get(&asked.digest().0).cloned();
                let known = known.ok_or("nobody has brought those shares")?;
                MasterKey::of(SecretBytes::from_slice(known.expose())).unwrap()
            }
        };
        let master = Arc::new(master);
        let backend = Arc::new(SealedBackend::new(master.clone(), self.rng.clone()).unwrap());
        let token = Arc::new(RealSoftware::around(backend.clone()));
        Ok(SplitStart { token, backend, master, asked, split: self.clone() })
    }
}

impl SplitStart {
    /// What deals the shares of a first start.
    pub(crate) fn before(&self) -> Option<Arc<dyn BeforeFirst>> {
        self.asked.is_none().then(|| {
            Arc::new(Dealing { split: self.split.clone(), master: self.master.clone() }) as Arc<dyn BeforeFirst>
        })
    }

    /// What the engine has of it, once the deployment is there.
    pub(crate) fn held(&self) -> Option<Arc<dyn SplitRoot>> {
        if self.split.unsaid.load(Ordering::Relaxed) {
            return None;
        }
        let first = || self.split.first.lock().as_ref().unwrap().0.clone();
        let manifest = self.asked.clone().unwrap_or_else(first);
        Some(Arc::new(Held { manifest, backend: self.backend.clone() }))
    }
}

struct Dealing {
    split: Arc<SimSplit>,
    master: Arc<MasterKey>,
}

impl BeforeFirst for Dealing {
    fn make_safe<'a>(
        &'a self,
        deployment: &'a Deployment,
        token: &'a dyn KeyBackend,
        log_key: &'a KeyHandle,
    ) -> BoxFuture<'a, Result<RootRecord, String>> {
        Box::pin(async move {
            let subject = Subject { name: format!("{ROOT_SUBJECT}{}", deployment.id), public_key: None };
            let holders: Vec<_> = self.split.people.iter().map(Person::name).collect();
            let dealer = VerifyingKey::from_spki(&deployment.log_public_key).unwrap();
            let terms = Terms {
                subject: &subject,
                threshold: 2,
                holders: &holders,
                roster: &self.split.roster,
                dealer: &dealer,
                now_ms: 1,
                after: None,
            };
            let master = self.master.read().unwrap();
            let dealt = deal(&terms, &master, self.split.rng.as_ref()).unwrap();
            let statement = dealt.statement();
            let sign = Operation::Sign(log_key, SignInput::Message(&statement));
            let Ok(Outcome::Bytes(signature)) = token.perform(sign, Instant::now()).await else {
                return Err("not signed".to_owned());
            };
            let (manifest, shares) = dealt.signed(&signature).unwrap();
            self.split.masters.lock().insert(manifest.digest().0, master);
            let record = beginning_of_root(&deployment.log_origin, &self.split.roster, &manifest);
            *self.split.first.lock() = Some((manifest, shares));
            Ok(record)
        })
    }
}

struct Held {
    manifest: SignedManifest,
    backend: Arc<SealedBackend>,
}

impl SplitRoot for Held {
    fn manifest(&self) -> &SignedManifest {
        &self.manifest
    }

    fn rewrapped<'a>(
        &'a self,
        keys: &'a [KeyHandle],
        under: SecretBytes,
        _: Instant,
    ) -> BoxFuture<'a, Result<Vec<Locator>, BackendError>> {
        Box::pin(async move {
            let under = MasterKey::of(under)?;
            let move_one = |key| still(self.backend.rewrapped(key, &under, Instant::now() + LONG));
            keys.iter().map(move_one).collect()
        })
    }
}
