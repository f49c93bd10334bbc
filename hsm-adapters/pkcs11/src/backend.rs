//! The backend: what is asked, handed to a session, answered.

mod arrival;

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use cryptoki::session::Session;
use hufu_core::BoxFuture;
use hufu_core::backend::{
    Arrival, BackendError, Capabilities, DeviceStatus, Generated, Health, KeyBackend, KeyHandle, Operation, Outcome,
    Template, Wrapping,
};
use hufu_core::record::{Exit, Locator, Protection, VersionUid};
use hufu_secret::SecretBytes;
use parking_lot::RwLockReadGuard;

use crate::attributes::Plan;
use crate::breaker::Breaker;
use crate::config::{Config, OpenError};
use crate::credentials::Credentials;
use crate::crew::Patience;
use crate::fault::Fault;
use crate::input::{Input, RANDOM_LEN_MAX, invalid};
use crate::link::Link;
use crate::mechanism::Row;
use crate::module::Module;
use crate::pool::Pool;
use crate::probe::Profile;
use crate::recovery::Repeat;
use crate::token::{Found, Known, Token, TokenView, find_one};
use crate::token_info::TokenInfo;
use crate::vendor::{self, Stated};
use crate::{generate, keys, probe, public_key, replica, usage};

/// How long opening may take: every algorithm is tried.
const OPEN_WAIT_MAX: Duration = Duration::from_secs(120);

/// Faults in a row, beyond one of each session, that open the breaker.
const FAULTS_MORE: u32 = 2;

/// Keys in one PKCS#11 token.
pub struct Pkcs11Backend {
    name: String,
    token: Arc<Token>,
    profile: Profile,
    group: Option<Arc<str>>,
    sessions: u32,
    under_way: AtomicU32,
    pool: Pool,
}

impl Pkcs11Backend {
    /// Loads the module if it is not loaded yet, logs in, tries what the token can do, and starts the sessions.
    ///
    /// It blocks: call it before serving. The module stays loaded until the process ends. SoftHSM reads `SOFTHSM2_CONF` when
    /// its module is loaded first.
    ///
    /// # Errors
    /// [`OpenError`] when the module, the token or the PIN is not usable.
    pub fn open(config: Config) -> Result<Self, OpenError> {
        let module = Module::load(&config.module, config.init_string())?;
        let (info, known) = know(&module, &config)?;
        let sessions = known.profile.sessions_max.and_then(NonZeroUsize::new);
        let sessions = sessions.map_or(config.sessions, |max| max.min(config.sessions));
        let credentials = Credentials::new(config.pin, config.login_watch);
        // One incident may hit every session once.
        let breaker = Breaker::new(u32::try_from(sessions.get()).unwrap_or(u32::MAX).saturating_add(FAULTS_MORE));
        let token = Arc::new(Token::new(module, &info, known, credentials, breaker));
        let mut link = Link::new(Arc::clone(&token));
        let library = token.module.enter().library().clone();
        let mut profile = link.run(Repeat::Safe, Instant::now() + OPEN_WAIT_MAX, |token, session| {
            probe::profile(&library, session, token)
        })?;
        let group: Option<Arc<str>> = config.group.map(Arc::from);
        if let Some(group) = &group {
            join(&mut link, &mut profile, group)?;
        }
        let name = format!("token:{}", token.serial);
        let pool = Pool::start(sessions, config.hang_after, link)?;
        let sessions = u32::try_from(sessions.get()).unwrap_or(u32::MAX);
        Ok(Self { name, token, profile, group, sessions, under_way: AtomicU32::new(0), pool })
    }

    /// Serial number of the token.
    #[must_use]
    pub fn serial(&self) -> &str {
        &self.token.serial
    }

    /// Where its token is now.
    #[must_use]
    pub fn token_view(&self) -> TokenView {
        TokenView(Arc::clone(&self.token))
    }

    /// Whether calls are refused at once, until the token works again.
    #[must_use]
    pub fn is_refusing(&self) -> bool {
        self.token.breaker.is_open()
    }

    /// Name of the vendor profile that the token is driven by.
    #[must_use]
    pub fn profile_name(&self) -> &str {
        self.token.profile.name()
    }

    /// Manufacturer and model as the token states them.
    #[must_use]
    pub fn model(&self) -> &str {
        &self.token.model
    }

    /// The token's label.
    #[must_use]
    pub fn label(&self) -> &str {
        &self.token.label
    }

    /// By how much the call that hangs the longest has outlived its deadline; zero while none does.
    #[must_use]
    pub fn overdue(&self) -> Duration {
        self.pool.overdue()
    }

    async fn dispatch(&self, operation: Operation<'_>, deadline: Instant) -> Result<Outcome, BackendError> {
        match operation {
            Operation::Generate(template) => self.generate(template, deadline).await,
            Operation::Find(uid) => {
                self.repeat(deadline, Patience::Short, move |token, session| {
                    keys::is_present(token, session, uid).map(Outcome::Found)
                })
                .await
            }
            Operation::Inventory(max) => {
                self.repeat(deadline, Patience::Long, move |token, session| {
                    keys::inventory(token, session, max).map(Outcome::Inventory)
                })
                .await
            }
            Operation::Destroy(uid) => {
                self.repeat(deadline, Patience::Short, move |token, session| {
                    keys::destroy(token, session, uid).map(|()| Outcome::Done)
                })
                .await
            }
            Operation::Sign(key, input) | Operation::SignOnce(key, input) => {
                self.use_key(key, Input::sign(key, input)?, deadline).await
            }
            Operation::Mac(key, data) => self.use_key(key, Input::mac(key, data)?, deadline).await,
            Operation::Seal(key, input) => self.use_key(key, Input::seal(key, input)?, deadline).await,
            Operation::Open(key, input) => self.use_key(key, Input::open(key, input)?, deadline).await,
            Operation::DecryptWith(key, data) => self.use_key(key, Input::decrypt(key, data)?, deadline).await,
            Operation::Decapsulate(key, data) => self.use_key(key, Input::decapsulate(key, data)?, deadline).await,
            Operation::Agree(key, peer) => self.use_key(key, Input::agree(key, peer)?, deadline).await,
            Operation::Random(len) => self.random(len, deadline).await,
            Operation::Verify(..) | Operation::EncryptTo(..) | Operation::Encapsulate(..) => {
                let why = "work with public keys needs no token; the software backend does it";
                Err(BackendError::Unsupported(why.to_owned()))
            }
            Operation::Level(_) => Ok(Outcome::Done),
            Operation::Wrap(key, Wrapping::Group) => self.wrap_for_group(key, deadline).await,
            Operation::Unwrap(template, arrival @ Arrival { by: Wrapping::Group, .. }) => {
                self.unwrap_of_group(template, arrival, deadline).await
            }
            Operation::Unwrap(template, Arrival { by: Wrapping::Key(by), wrapped, public_key }) => {
                self.import(template, by, wrapped, public_key, deadline).await
            }
            Operation::Wrap(..) => {
                Err(BackendError::Unsupported("no key of the service wraps keys on a token".to_owned()))
            }
            Operation::Unwrap(..) => Err(BackendError::Unsupported("not with this token".to_owned())),
            Operation::Rewrap(..) => Err(BackendError::Unsupported("keys on a token are not wrapped".to_owned())),
            Operation::GenerateAmong(..) | Operation::SignUnder(..) | Operation::DestroyAmong(_) => {
                Err(BackendError::not_of_holders())
            }
        }
    }

    async fn generate(&self, template: &Template, deadline: Instant) -> Result<Outcome, BackendError> {
        let plan = self.plan(template)?;
        let work = move |link: &mut Link| {
            link.run(Repeat::Unsafe, deadline, |token, session| generated(token, session, &plan))
        };
        self.pool.run(deadline, Patience::Long, work).await
    }

    /// How a key is made, if the token can make it.
    fn plan(&self, template: &Template) -> Result<Plan, BackendError> {
        let Template { uid, algorithm, purpose, scheme, exit, .. } = *template;
        let possible = self.profile.capabilities.check_exit(algorithm, purpose, scheme, exit);
        possible.map_err(BackendError::Unsupported)?;
        let plan = self.profile.plan(Row { algorithm, purpose, scheme }, uid, exit);
        plan.ok_or_else(|| BackendError::Unsupported(format!("{algorithm} with {scheme}")))
    }

    fn group(&self) -> Result<Arc<str>, BackendError> {
        let none = || BackendError::Unsupported("the token is in no group".to_owned());
        self.group.clone().ok_or_else(none)
    }

    async fn wrap_for_group(&self, key: &KeyHandle, deadline: Instant) -> Result<Outcome, BackendError> {
        let (group, key) = (self.group()?, key.clone());
        self.repeat(deadline, Patience::Short, move |token, session| {
            let _no_deletion = no_deletion(token)?;
            let handle = keys::load(token, session, &key)?;
            replica::wrap(session, &group, handle)
        })
        .await
    }

    async fn use_key(&self, key: &KeyHandle, input: Input, deadline: Instant) -> Result<Outcome, BackendError> {
        let Locator::Token { .. } = key.locator else {
            return Err(BackendError::Missing("the version is on no token".to_owned()));
        };
        let (algorithm, scheme) = (key.algorithm, key.scheme);
        let row = Row { algorithm, purpose: scheme.purpose(), scheme };
        let how = self.profile.usage(row).ok_or_else(|| {
            let why = self.profile.capabilities.check(algorithm, row.purpose, scheme);
            BackendError::Unsupported(why.err().unwrap_or_default())
        })?;
        // A second signature of that kind would differ from the first, which the caller may have to account for. What else is
        // done with a key is told by its input: the caller brings the nonce.
        let repeat = if scheme.is_randomised() { Repeat::Unsafe } else { Repeat::Safe };
        let key = key.clone();
        let work = move |link: &mut Link| {
            link.run(repeat, deadline, |token, session| {
                let _no_deletion = no_deletion(token)?;
                let handle = keys::load(token, session, &key)?;
                usage::perform(session, handle, how, &input)
            })
        };
        self.pool.run(deadline, Patience::Short, work).await
    }

    async fn random(&self, len: usize, deadline: Instant) -> Result<Outcome, BackendError> {
        if len > RANDOM_LEN_MAX {
            return Err(invalid("too many random bytes in one call"));
        }
        self.repeat(deadline, Patience::Short, move |_, session| {
            let mut bytes = SecretBytes::zeroed(len);
            if len > 0 {
                session.generate_random_slice(bytes.expose_mut())?;
            }
            Ok(Outcome::Plaintext(bytes))
        })
        .await
    }

    async fn repeat(
        &self,
        deadline: Instant,
        patience: Patience,
        work: impl Fn(&Token, &Session) -> Result<Outcome, Fault> + Send + 'static,
    ) -> Result<Outcome, BackendError> {
        let work = move |link: &mut Link| link.run(Repeat::Safe, deadline, &work);
        self.pool.run(deadline, patience, work).await
    }
}

/// What the token states, and what the vendor profiles know of it.
fn know(module: &Module, config: &Config) -> Result<(TokenInfo, Known), OpenError> {
    let entered = module.enter();
    let Found { info, .. } = find_one(entered.library(), &config.token, config.profile.as_ref())?;
    let stated = Stated::read(entered.library(), &info);
    let profile = vendor::choose(config.profile.as_ref(), &stated);
    let simulated = config.simulated.unwrap_or_else(|| vendor::is_simulated(&profile, &stated));
    Ok((info, Known { profile, simulated }))
}

impl KeyBackend for Pkcs11Backend {
    fn name(&self) -> &str {
        &self.name
    }

    fn protection(&self) -> Protection {
        Protection::Hsm
    }

    fn capabilities(&self) -> Capabilities {
        self.profile.capabilities.clone()
    }

    fn perform<'a>(
        &'a self,
        operation: Operation<'a>,
        deadline: Instant,
    ) -> BoxFuture<'a, Result<Outcome, BackendError>> {
        Box::pin(async move {
            if Instant::now() >= deadline {
                return Err(BackendError::DeadlineExceeded);
            }
            self.token.breaker.check()?;
            let _under_way = UnderWay::begin(&self.under_way);
            self.dispatch(operation, deadline).await
        })
    }

    fn health(&self) -> Health {
        self.token.health()
    }

    fn holds(&self, locator: &Locator) -> bool {
        matches!(locator, Locator::Token { serial, .. } if *serial == self.token.serial)
    }

    fn generation(&self) -> u64 {
        self.token.generation()
    }

    fn distrust(&self) {
        self.token.void_handles();
    }

    fn devices(&self) -> Vec<DeviceStatus> {
        vec![DeviceStatus {
            serial: self.token.serial.clone(),
            model: self.token.model.clone(),
            label: self.token.label.clone(),
            health: self.token.health(),
            breaker_open: self.token.breaker.is_open(),
            generation: self.token.generation(),
            sessions: self.sessions,
            in_flight: self.under_way.load(Ordering::Relaxed),
            simulated: self.token.simulated,
            missing: 0,
            profile: self.token.profile.name().to_owned(),
        }]
    }
}

/// A call under way.
struct UnderWay<'a>(&'a AtomicU32);

impl<'a> UnderWay<'a> {
    fn begin(count: &'a AtomicU32) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(count)
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

fn generated(token: &Token, session: &Session, plan: &Plan) -> Result<Outcome, Fault> {
    refuse_taken(token, session, plan.uid)?;
    let made = generate::make(session, plan)?;
    let read = |public| public_key::read(session, public, plan.algorithm, token.profile.ec_point);
    let public_key = made.public.map(read).transpose()?;
    Ok(outcome(token, plan, public_key))
}

fn outcome(token: &Token, plan: &Plan, public_key: Option<Vec<u8>>) -> Outcome {
    let fingerprint = public_key.as_deref().map(keys::fingerprint_of);
    let locator = Locator::Token { serial: token.serial.clone(), uid: plan.uid, fingerprint };
    let attestation = token.attestation();
    Outcome::Generated(Box::new(Generated { locator, public_key, attestation }))
}

/// Admits the token to its group, and finds out which keys can be replicated.
fn join(link: &mut Link, profile: &mut Profile, group: &str) -> Result<(), OpenError> {
    let joined = link.run(Repeat::Safe, Instant::now() + OPEN_WAIT_MAX, |_, session| {
        replica::admit(session, group)?;
        probe::replication(profile, session, group)
    });
    match joined {
        Ok(kept) => {
            profile.capabilities.exits.push(Exit::Replicable);
            profile.capabilities.kept = kept;
            Ok(())
        }
        Err(BackendError::Unsupported(why)) => Err(OpenError::Group { group: group.to_owned(), why }),
        Err(error) => Err(error.into()),
    }
}

/// Held while a key is looked up and used: nothing is deleted meanwhile.
fn no_deletion(token: &Token) -> Result<RwLockReadGuard<'_, ()>, Fault> {
    let held = token.objects.try_read_for(keys::OBJECTS_WAIT_MAX);
    held.ok_or_else(|| BackendError::Unavailable("a deletion does not end".to_owned()).into())
}

fn refuse_taken(token: &Token, session: &Session, uid: VersionUid) -> Result<(), Fault> {
    if keys::is_present(token, session, uid)? {
        return Err(BackendError::Failed("the token already holds an object of that identity".to_owned()).into());
    }
    Ok(())
}
