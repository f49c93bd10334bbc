//! Holders with judgement, a requester, and a record of every nonce that was ever used.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex};

use ed25519_dalek::Signer;
use hufu_frost::{
    Ask, AuditRecord, Coordinator, Decision, Group, Holder, Identifier, KeyShare, KeyVersion, Limits, Mandate,
    MessageDigest, Policy, Progress, Request, Requester, SessionId, SignedMandate, SigningPackage, Suite,
    UsedSession, VerifySignature, recognise,
};
use hufu_secret::SecretBytes;

pub(crate) const NOW_MS: u64 = 1_700_000_000_000;
pub(crate) const KEY: &str = "tenants/t/keys/k";

pub(crate) fn key() -> KeyVersion {
    KeyVersion { name: KEY.into(), version: 1 }
}

/// Ed25519 alone, pinned as 32 bytes.
pub(crate) struct Verifier;

impl VerifySignature for Verifier {
    fn verifies(&self, public_key: &[u8], signed: &[u8], signature: &[u8]) -> bool {
        let key =
            <[u8; 32]>::try_from(public_key).ok().and_then(|key| ed25519_dalek::VerifyingKey::from_bytes(&key).ok());
        let signature = ed25519_dalek::Signature::from_slice(signature);
        matches!((key, signature), (Some(key), Ok(signature)) if key.verify_strict(signed, &signature).is_ok())
    }
}

/// What survives a holder's restart.
#[derive(Clone, Default)]
pub(crate) struct Journal {
    pub(crate) used: Arc<Mutex<BTreeMap<SessionId, u64>>>,
}

impl Journal {
    /// Writes down what the record says is used, and gives the answer out.
    pub(crate) fn release(&self, decision: Decision) -> Result<(Vec<u8>, AuditRecord), &'static str> {
        let mut kept = None;
        let answer = decision.release(|record| {
            kept = Some(record.clone());
            let used = record.used_until_ms.map(|until| (record.session.unwrap(), until));
            let before = used.and_then(|(session, until)| self.used.lock().unwrap().insert(session, until));
            if before.is_none() { Ok(()) } else { Err("used before") }
        });
        answer.map(|answer| (answer, kept.unwrap()))
    }
}

pub(crate) fn requester() -> ed25519_dalek::SigningKey {
    ed25519_dalek::SigningKey::from_bytes(&[0x42; 32])
}

pub(crate) fn policy() -> Policy {
    let known = |seed: &ed25519_dalek::SigningKey, keys: &[&str]| Requester {
        public_key: seed.verifying_key().to_bytes().to_vec(),
        keys: keys.iter().map(ToString::to_string).collect(),
    };
    let stranger = ed25519_dalek::SigningKey::from_bytes(&[0x43; 32]);
    Policy {
        deployment: "deployment".into(),
        mandate_lifetime_ms_max: 120_000,
        requesters: [("wallet".into(), known(&requester(), &[KEY])), ("other".into(), known(&stranger, &["x"]))]
            .into(),
    }
}

pub(crate) fn mandate(group: &Group, message: &[u8]) -> Mandate {
    Mandate {
        deployment: "deployment".into(),
        key: key(),
        message: MessageDigest::of(message),
        seed: [1; 32],
        attempts: 8,
        expires_at_ms: NOW_MS + 60_000,
        requester: "wallet".into(),
        public_key: group.public_key_digest(),
    }
}

pub(crate) fn signed(mandate: Mandate) -> SignedMandate {
    let signature = requester().sign(&mandate.to_be_signed().unwrap()).to_bytes().to_vec();
    SignedMandate::new(mandate, signature).unwrap()
}

pub(crate) fn copy_of(share: &KeyShare) -> KeyShare {
    let secret = SecretBytes::from_slice(share.secret().expose());
    KeyShare::new(share.group().clone(), share.me(), secret).unwrap()
}

pub(crate) fn holder(share: &KeyShare, limits: Limits, journal: &Journal) -> Holder<Verifier> {
    let used = journal.used.lock().unwrap().clone();
    let used =
        used.into_iter().map(|(session, until_ms)| UsedSession { session, requester: "wallet".into(), until_ms });
    let mut holder = Holder::new(policy(), limits, Verifier, used, NOW_MS);
    holder.install(key(), copy_of(share));
    holder
}

pub(crate) fn release(decision: Decision) -> (Vec<u8>, AuditRecord) {
    let mut kept = None;
    let answer = decision.release(|record| {
        kept = Some(record.clone());
        Ok::<_, ()>(())
    });
    (answer.unwrap(), kept.unwrap())
}

type Points = (Vec<u8>, Vec<u8>);

/// Every commitment and every share that a holder has let out, judged as they leave.
#[derive(Default)]
pub(crate) struct NonceRecord {
    committed: BTreeSet<Points>,
    /// Which nonces have made a share, and over what.
    spent: BTreeMap<Points, (Identifier, SessionId, MessageDigest)>,
    pub(crate) audits: Vec<(Identifier, AuditRecord)>,
}

impl NonceRecord {
    fn commitment(&mut self, answer: &[u8], suite: Suite) {
        if recognise(answer) == Some("hufu-sign-commitment") {
            let len = suite.point_len();
            let binding = answer[answer.len() - len..].to_vec();
            let head = &answer[..answer.len() - len - 2];
            let points = (head[head.len() - len..].to_vec(), binding);
            assert!(self.committed.insert(points), "a nonce was committed to twice");
        }
    }

    fn share(&mut self, holder: Identifier, package: &[u8], answer: &[u8]) {
        if recognise(answer) == Some("hufu-sign-share") {
            let package = SigningPackage::from_bytes(package).unwrap();
            let (hiding, binding) = package.points_of(holder).unwrap();
            let points = (hiding.to_vec(), binding.to_vec());
            assert!(self.committed.contains(&points), "a share of nonces that were never committed to");
            let what = (holder, package.session(), package.purpose().message);
            assert_eq!(self.spent.insert(points, what), None, "a nonce was used twice");
            let of_session = self.spent.values().filter(|spent| (spent.0, spent.1) == (holder, package.session()));
            assert_eq!(of_session.count(), 1, "two shares in one session");
        }
    }

    pub(crate) fn shares(&self) -> usize {
        self.spent.len()
    }
}

/// What happens to a holder around one request.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Blow {
    /// It dies before it hears the request.
    DiesBefore,
    /// It acts on the request and dies before its answer is out.
    DiesAfter,
    /// It starts anew before it hears the request: no nonce is left, the journal is.
    RestartsBefore,
    /// It acts on the request, starts anew, and its answer gets out all the same.
    RestartsAfter,
}

pub(crate) struct Field {
    shares: Vec<KeyShare>,
    holders: BTreeMap<Identifier, Holder<Verifier>>,
    journals: BTreeMap<Identifier, Journal>,
    pub(crate) record: NonceRecord,
    random: Box<dyn hufu_frost::Random>,
    /// How many requests were delivered so far.
    pub(crate) step: usize,
}

impl Field {
    pub(crate) fn new(shares: &[KeyShare]) -> Self {
        let journals: BTreeMap<_, Journal> = shares.iter().map(|share| (share.me(), Journal::default())).collect();
        let start = |share: &KeyShare| (share.me(), holder(share, Limits::default(), &journals[&share.me()]));
        Self {
            holders: shares.iter().map(start).collect(),
            journals: journals.clone(),
            shares: shares.iter().map(copy_of).collect(),
            record: NonceRecord::default(),
            random: Box::new(super::random("field")),
            step: 0,
        }
    }

    pub(crate) fn group(&self) -> Group {
        self.shares[0].group().clone()
    }

    pub(crate) fn live(&self) -> Vec<Identifier> {
        self.holders.keys().copied().collect()
    }

    pub(crate) fn kill(&mut self, holder: Identifier) {
        self.holders.remove(&holder);
    }

    pub(crate) fn restart(&mut self, me: Identifier) {
        let share = self.shares.iter().find(|share| share.me() == me).unwrap();
        self.holders.insert(me, holder(share, Limits::default(), &self.journals[&me]));
    }

    /// One request to one holder; `None` when no answer comes.
    pub(crate) fn deliver(&mut self, ask: &Ask, blow: Option<Blow>) -> Option<Vec<u8>> {
        self.step += 1;
        match blow {
            Some(Blow::DiesBefore) => self.kill(ask.holder),
            Some(Blow::RestartsBefore) => self.restart(ask.holder),
            _ => {}
        }
        let suite = self.shares[0].group().suite();
        let holder = self.holders.get_mut(&ask.holder)?;
        let decision = match &ask.request {
            Request::Commit(request) => holder.commit(request, NOW_MS, self.random.as_mut()),
            Request::Sign(package) => holder.sign(package, NOW_MS),
        };
        let (answer, audit) = self.journals[&ask.holder].release(decision).unwrap();
        self.record.audits.push((ask.holder, audit));
        // What has left the holder counts, whether it arrives or not.
        match &ask.request {
            Request::Commit(_) => self.record.commitment(&answer, suite),
            Request::Sign(package) => self.record.share(ask.holder, package, &answer),
        }
        match blow {
            Some(Blow::DiesAfter) => {
                self.kill(ask.holder);
                return None;
            }
            Some(Blow::RestartsAfter) => self.restart(ask.holder),
            _ => {}
        }
        Some(answer)
    }

    /// One signature from begin to end. `tamper` sees each request and answer and may change or drop the answer.
    pub(crate) fn sign(
        &mut self,
        mandate: SignedMandate,
        message: &[u8],
        blow: impl Fn(usize, &Ask) -> Option<Blow>,
        mut tamper: impl FnMut(&Ask, Option<Vec<u8>>) -> Option<Vec<u8>>,
    ) -> (Progress, Coordinator) {
        let begun = Coordinator::begin(self.group(), mandate, message.to_vec(), &self.live(), NOW_MS);
        let (mut coordinator, asks) = begun.unwrap();
        let mut queue: VecDeque<Ask> = asks.into();
        while let Some(ask) = queue.pop_front() {
            let step = self.step;
            let answer = self.deliver(&ask, blow(step, &ask));
            let progress = match tamper(&ask, answer) {
                Some(answer) => coordinator.answered(ask.ticket, &answer, NOW_MS),
                None => coordinator.unanswered(ask.ticket, NOW_MS),
            };
            match progress {
                Progress::Ask(asks) => queue.extend(asks),
                over => return (over, coordinator),
            }
        }
        panic!("nobody is asked and nothing has come out");
    }
}
