//! The backend: what is asked, handed to a session, answered.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::{Duration, Instant};

use cryptoki::session::Session;
use hufu_core::BoxFuture;
use hufu_core::backend::{
    BackendError, Capabilities, Generated, Health, KeyBackend, KeyHandle, Operation, Outcome, Template,
};
use hufu_core::record::{Locator, Protection, VersionUid};
use hufu_secret::SecretBytes;

use crate::attributes::Plan;
use crate::breaker::Breaker;
use crate::config::{Config, OpenError};
use crate::credentials::Credentials;
use crate::crew::Patience;
use crate::fault::Fault;
use crate::input::{Input, RANDOM_LEN_MAX, invalid, purpose};
use crate::link::Link;
use crate::mechanism::Row;
use crate::module::Module;
use crate::pool::Pool;
use crate::probe::Profile;
use crate::recovery::Repeat;
use crate::token::{Found, Known, Token, TokenView, find_one};
use crate::token_info::TokenInfo;
use crate::vendor::{self, Stated};
use crate::{generate, keys, probe, public_key, usage};

/// How long opening may take: every algorithm is tried.
const OPEN_WAIT_MAX: Duration = Duration::from_secs(120);

/// Faults in a row, beyond one of each session, that open the breaker.
const FAULTS_MORE: u32 = 2;

/// Keys in one PKCS#11 token.
pub struct Pkcs11Backend {
    name: String,
    token: Arc<Token>,
    profile: Profile,
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
        let profile = link.run(Repeat::Safe, Instant::now() + OPEN_WAIT_MAX, |token, session| {
            probe::profile(&library, session, token)
        })?;
        let name = format!("token:{}", token.serial);
        let pool = Pool::start(sessions, config.hang_after, link)?;
        Ok(Self { name, token, profile, pool })
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
            Operation::Wrap(..) | Operation::Unwrap(..) => {
                Err(BackendError::Unsupported("not with this token".to_owned()))
            }
        }
    }

    async fn generate(&self, template: &Template, deadline: Instant) -> Result<Outcome, BackendError> {
        let Template { uid, algorithm, purpose, scheme, .. } = *template;
        self.profile.capabilities.check(algorithm, purpose, scheme).map_err(BackendError::Unsupported)?;
        let plan = self.profile.plan(Row { algorithm, purpose, scheme }, uid);
        let plan = plan.ok_or_else(|| BackendError::Unsupported(format!("{algorithm} with {scheme}")))?;
        let work = move |link: &mut Link| {
            link.run(Repeat::Unsafe, deadline, |token, session| generated(token, session, &plan))
        };
        self.pool.run(deadline, Patience::Long, work).await
    }

    async fn use_key(&self, key: &KeyHandle, input: Input, deadline: Instant) -> Result<Outcome, BackendError> {
        let Locator::Token { .. } = key.locator else {
            return Err(BackendError::Missing("the version is on no token".to_owned()));
        };
        let (algorithm, scheme) = (key.algorithm, key.scheme);
        let row = Row { algorithm, purpose: purpose(scheme), scheme };
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
                let Some(_no_deletion) = token.objects.try_read_for(keys::OBJECTS_WAIT_MAX) else {
                    return Err(BackendError::Unavailable("a deletion does not end".to_owned()).into());
                };
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
            self.dispatch(operation, deadline).await
        })
    }

    fn health(&self) -> Health {
        self.token.health()
    }

    fn vendor_profile(&self) -> String {
        self.token.profile.name().to_owned()
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
}

fn generated(token: &Token, session: &Session, plan: &Plan) -> Result<Outcome, Fault> {
    refuse_taken(token, session, plan.uid)?;
    let made = generate::make(session, plan)?;
    let read = |public| public_key::read(session, public, plan.algorithm, token.profile.ec_point);
    let public_key = made.public.map(read).transpose()?;
    let fingerprint = public_key.as_deref().map(keys::fingerprint_of);
    let locator = Locator::Token { serial: token.serial.clone(), uid: plan.uid, fingerprint };
    let attestation = token.attestation();
    Ok(Outcome::Generated(Box::new(Generated { locator, public_key, attestation })))
}

fn refuse_taken(token: &Token, session: &Session, uid: VersionUid) -> Result<(), Fault> {
    if keys::is_present(token, session, uid)? {
        return Err(BackendError::Failed("the token already holds an object of that identity".to_owned()).into());
    }
    Ok(())
}
