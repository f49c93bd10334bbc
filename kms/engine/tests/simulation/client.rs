//! Clients: each asks one thing after another, at random, and sometimes the same again.

use hufu_core::BoxFuture;
use hufu_core::Error;
use hufu_core::ambient::random_array;
use hufu_core::name::{KeyName, VersionNumber};
use hufu_core::revocation::RevocationReason;
use hufu_engine::api::{Change, Selector};

use crate::common::ambient::SimRng;
use crate::common::world::{ALICE, BOB, Member};
use crate::oracle::Oracle;
use crate::request::{Answer, Call, KEYS, KeyPlan, Request};

/// Two in each of two tenants.
pub(crate) const MEMBERS: [Member; 4] =
    [ALICE, BOB, Member { id: "amy", pin: [3; 32], ..ALICE }, Member { id: "ben", pin: [4; 32], ..BOB }];

/// A call under way.
pub(crate) struct Pending {
    pub(crate) call: Call,
    pub(crate) server: usize,
    pub(crate) future: BoxFuture<'static, Result<Answer, Error>>,
}

/// A client.
#[derive(Default)]
pub(crate) struct Client {
    pub(crate) pending: Option<Pending>,
    last: Option<Call>,
}

impl Client {
    /// What it asks next.
    pub(crate) fn next(&mut self, number: u64, chance: &SimRng, oracle: &Oracle) -> Call {
        let call = match self.last.take() {
            // The same again, or something else under the same id.
            Some(last) if last.request_id.is_some() && chance.chance(3_000) => {
                let other = chance.chance(1_000);
                let request = if other { draw(last.member, chance, oracle) } else { last.request };
                Call { number, request, ..last }
            }
            _ => {
                let member = chance.pick(&MEMBERS);
                let request = draw(member, chance, oracle);
                let identified = request.is_change() && chance.chance(5_000);
                let request_id = identified.then(|| random_array(chance).unwrap());
                Call { number, member, request, request_id }
            }
        };
        self.last = Some(call.clone());
        call
    }
}

fn draw(member: Member, chance: &SimRng, oracle: &Oracle) -> Request {
    let plan = chance.pick(&KEYS);
    let key = plan.name(member);
    let Some(latest) = oracle.latest(&key) else {
        return Request::Create { plan, activate: chance.chance(8_000) };
    };
    let any = VersionNumber::new(u32::try_from(chance.below(u64::from(latest)) + 1).unwrap()).unwrap();
    let number = if chance.chance(7_000) { any } else { VersionNumber::new(latest).unwrap() };
    match chance.below(100) {
        0..=1 => Request::Create { plan, activate: true },
        2..=9 => Request::Rotate { etag: oracle.key_etag(&key, chance), key },
        10..=11 => Request::Update { description: chance.next().to_string(), key },
        12..=30 => {
            let version = key.version(number);
            let etag = chance.chance(2_000).then(|| oracle.version_revision(&version));
            Request::Change { etag: etag.flatten(), version, change: change(chance) }
        }
        31 => Request::ListAudit,
        32 => Request::ListKeys,
        33 => Request::RotateTenant,
        _ => use_of(plan, Selector { key, number: chance.chance(2_000).then_some(number) }, chance, oracle),
    }
}

fn change(chance: &SimRng) -> Change {
    match chance.below(20) {
        0 => Change::Activate,
        1..=4 => Change::Suspend,
        5..=11 => Change::Resume,
        12 => Change::Revoke { reason: RevocationReason::Superseded, compromised_at: None },
        13 => Change::Revoke { reason: RevocationReason::KeyCompromise, compromised_at: Some(1_700_000_000_000) },
        14..=18 => Change::ScheduleDestroy { after_ms: 1_000 + chance.below(5_000) },
        _ => Change::CancelDestroy,
    }
}

fn use_of(plan: KeyPlan, selector: Selector, chance: &SimRng, oracle: &Oracle) -> Request {
    let message = chance.next().to_be_bytes().to_vec();
    let again = chance.chance(4_000);
    let known = if again { oracle.known_output(&selector.key, chance) } else { None };
    match (plan.id, known) {
        ("seal", None) => Request::Encrypt { selector, plaintext: message },
        ("seal", Some((_, ciphertext))) => Request::Decrypt { key: of(&selector), ciphertext },
        ("mac", None) => Request::Mac { selector, data: message },
        ("mac", Some((data, mac))) => Request::VerifyMac { selector, data, mac },
        (_, None) => Request::Sign { selector, message },
        (_, Some((message, signature))) => Request::Verify { selector, message, signature },
    }
}

fn of(selector: &Selector) -> KeyName {
    selector.key.clone()
}
