//! The backend: which operation goes where.

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use hufu_core::BoxFuture;
use hufu_core::algorithm::{Algorithm, Purpose, Scheme, TABLE};
use hufu_core::ambient::Clock;
use hufu_core::backend::{BackendError, Capabilities, DeviceStatus, Health, KeyBackend, Operation, Outcome};
use hufu_core::record::{Locator, Protection};
use hufu_custodian::Roster;
use hufu_frost::Suite;
use tokio::sync::Semaphore;

use crate::groups::Groups;
use crate::link::{HolderInfo, HolderLink, LinkError};
use crate::seat::Seat;

/// Most signatures under way at once; more are refused.
const SIGNATURES_MAX: usize = 256;

/// Most keys being made at once; more are refused. Holders have few open themselves.
const GENERATIONS_MAX: usize = 2;

/// A row of the table of algorithms.
type Row = (Algorithm, Purpose, Scheme);

const SCHNORR_ALONE: &str = "holders make Schnorr signatures together: ed25519, or secp256k1 with schnorr-bip340";
const NOTHING_COMES_IN: &str = "what holders share is made among them and was never whole";

/// What the backend is told.
#[derive(Clone, Debug)]
pub struct Config {
    /// The deployment whose keys these are: the origin of its log.
    pub deployment: String,
    /// Whether holders whose tokens are simulations may take part.
    pub simulations_allowed: bool,
    /// How long a holder has for a step of a signature, before another one is asked.
    pub step_timeout: Duration,
    /// How long a holder has for a step of a key generation, or to delete a share.
    pub generation_timeout: Duration,
}

/// Why there can be no such backend.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ThresholdError {
    /// One holder would be the key.
    #[error("at least two holders sign together, and {0} are named")]
    TooFew(usize),
    /// A holder that the roster does not know, or not as a holder.
    #[error("`{0}` is no holder of the roster")]
    Unknown(String),
    /// A holder is named twice.
    #[error("the holder `{0}` is named twice")]
    Twice(String),
    /// The roster is of another deployment.
    #[error("the roster is of the deployment `{0}`")]
    OtherDeployment(String),
}

/// Keys that holders share.
pub struct ThresholdBackend {
    pub(crate) config: Config,
    pub(crate) roster: Roster,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) seats: Vec<Seat>,
    pub(crate) groups: Groups,
    /// Whose turn it is among equals.
    pub(crate) turn: AtomicUsize,
    pub(crate) signatures: Semaphore,
    pub(crate) generations: Semaphore,
}

impl ThresholdBackend {
    /// A backend over links to holders, all of whom the roster knows. Reaches nobody yet: [`Self::probe`] does.
    ///
    /// # Errors
    /// [`ThresholdError`].
    pub fn new(
        config: Config,
        roster: Roster,
        clock: Arc<dyn Clock>,
        links: Vec<Arc<dyn HolderLink>>,
    ) -> Result<Self, ThresholdError> {
        if links.len() < 2 {
            return Err(ThresholdError::TooFew(links.len()));
        }
        if roster.deployment() != config.deployment {
            return Err(ThresholdError::OtherDeployment(roster.deployment().to_owned()));
        }
        for (nth, link) in links.iter().enumerate() {
            let name = link.name();
            if !is_holder(&roster, name) {
                return Err(ThresholdError::Unknown(name.to_owned()));
            }
            if links.iter().take(nth).any(|other| other.name() == name) {
                return Err(ThresholdError::Twice(name.to_owned()));
            }
        }
        Ok(Self {
            config,
            roster,
            clock,
            seats: links.into_iter().map(Seat::new).collect(),
            groups: Groups::default(),
            turn: AtomicUsize::new(0),
            signatures: Semaphore::new(SIGNATURES_MAX),
            generations: Semaphore::new(GENERATIONS_MAX),
        })
    }

    /// Asks every holder who it is, side by side, and says who did not answer as it should, and why.
    pub async fn probe(&self, deadline: Instant) -> Vec<(String, LinkError)> {
        let asked = self.seats.iter().map(|seat| async {
            let answer = self.introduce(seat, deadline).await;
            answer.err().map(|error| (seat.name().to_owned(), error))
        });
        join_all(asked).await.into_iter().flatten().collect()
    }

    /// The holder of that name.
    pub(crate) fn seat(&self, name: &str) -> Option<&Seat> {
        self.seats.iter().find(|seat| seat.name() == name)
    }

    /// Asks a holder who it is: the one that is meant, of this deployment, with this roster, and with a true token unless
    /// simulations are allowed.
    pub(crate) async fn introduce(&self, seat: &Seat, deadline: Instant) -> Result<(), LinkError> {
        let info = seat.call(self.config.step_timeout, deadline, |until| seat.link.describe(until)).await?;
        let fits = self.fits(seat.name(), &info);
        seat.learn(info);
        fits.map_err(|why| LinkError::Refused(why.to_owned()))
    }

    fn fits(&self, name: &str, info: &HolderInfo) -> Result<(), &'static str> {
        if info.name != name {
            return Err("another holder answers there");
        }
        if info.deployment != self.config.deployment {
            return Err("it holds shares of another deployment");
        }
        if info.roster != self.roster.hash().0 {
            return Err("it goes by another roster of holders and requesters");
        }
        if info.simulated && !self.config.simulations_allowed {
            return Err("its token is a simulation, which a production configuration does not take");
        }
        Ok(())
    }

    async fn dispatch(&self, operation: Operation<'_>, deadline: Instant) -> Result<Outcome, BackendError> {
        match operation {
            Operation::GenerateAmong(template, among) => self.generate(template, among, deadline).await,
            Operation::SignUnder(key, input, under) => self.sign(key, input, under, deadline).await,
            Operation::DestroyAmong(shared) => self.destroy(shared, deadline).await,
            // Nothing is at holders by the identity of a version alone: they know names and public keys.
            Operation::Find(_) => Ok(Outcome::Found(false)),
            Operation::Inventory(_) => Ok(Outcome::Inventory(Vec::new())),
            Operation::Destroy(_) | Operation::Level(_) => Ok(Outcome::Done),
            Operation::Generate(_) | Operation::Sign(..) | Operation::SignOnce(..) => {
                Err(unsupported("holders do nothing without a mandate that a requester has signed"))
            }
            Operation::Verify(..) | Operation::EncryptTo(..) | Operation::Encapsulate(_) => {
                Err(unsupported("work with public keys needs no holders; the software backend does it"))
            }
            _ => Err(unsupported("holders sign, and do nothing else")),
        }
    }
}

impl KeyBackend for ThresholdBackend {
    fn name(&self) -> &str {
        "holders"
    }

    fn protection(&self) -> Protection {
        Protection::Threshold
    }

    fn capabilities(&self) -> Capabilities {
        let rows =
            TABLE.iter().flat_map(|entry| entry.schemes.iter().map(|(purpose, s)| (entry.algorithm, *purpose, *s)));
        let (able, others): (Vec<_>, Vec<_>) =
            rows.partition(|(algorithm, _, scheme)| suite(*algorithm, *scheme).is_some());
        let because = |rows: &[Row], why: &str| rows.iter().map(|(a, p, s)| (*a, *p, *s, why.to_owned())).collect();
        Capabilities {
            refusals: because(&others, SCHNORR_ALONE),
            stays_out: because(&able, NOTHING_COMES_IN),
            schemes: able,
            simulated: self.seats.iter().any(Seat::is_simulated),
            ..Capabilities::default()
        }
    }

    fn perform<'a>(
        &'a self,
        operation: Operation<'a>,
        deadline: Instant,
    ) -> BoxFuture<'a, Result<Outcome, BackendError>> {
        Box::pin(self.dispatch(operation, deadline))
    }

    /// Whether any two holders answer: fewer sign nothing, whatever the threshold.
    fn health(&self) -> Health {
        let serving = self.seats.iter().filter(|seat| seat.is_serving()).count();
        if serving >= 2 {
            return Health::Serving;
        }
        Health::Down(format!("{serving} of {} holders answer", self.seats.len()))
    }

    fn holds(&self, locator: &Locator) -> bool {
        matches!(locator, Locator::Holders { .. })
    }

    fn devices(&self) -> Vec<DeviceStatus> {
        self.seats.iter().map(Seat::status).collect()
    }
}

/// How holders make signatures of a scheme, where they can.
pub(crate) fn suite(algorithm: Algorithm, scheme: Scheme) -> Option<Suite> {
    match (algorithm, scheme) {
        (Algorithm::Ed25519, Scheme::Ed25519) => Some(Suite::Ed25519),
        (Algorithm::Secp256k1, Scheme::SchnorrBip340) => Some(Suite::Bip340),
        _ => None,
    }
}

/// Whether the roster knows someone of that name in the role of a holder.
fn is_holder(roster: &Roster, name: &str) -> bool {
    let (Ok(name), Ok(role)) = (name.parse(), "holder".parse()) else { return false };
    roster.find(&name).is_ok_and(|custodian| custodian.has_role(&role))
}

fn unsupported(why: &str) -> BackendError {
    BackendError::Unsupported(why.to_owned())
}
