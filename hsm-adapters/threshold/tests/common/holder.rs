//! A holder in memory: real key generation, real judgement, and moods in which it fails or cheats.

use std::collections::{BTreeMap, HashMap};
use std::convert::Infallible;
use std::sync::Arc;
use std::time::{Duration, Instant};

use hufu_core::BoxFuture;
use hufu_custodian::testing::Person;
use hufu_custodian::{Roster, Signed, VerifyingKey, open, seal};
use hufu_frost::dkg::{Agreement, Outgoing, Participant, Round, SealError, Sealer, Setup, Statement};
use hufu_frost::{
    Holder, Identifier, KeyVersion, Limits, Policy, RandomError, Requester, SetId, ShareId, SignedGenerationMandate,
    VerifySignature,
};
use hufu_secret::SecretBytes;
use hufu_threshold::{HolderInfo, HolderLink, LinkError, Message, Share};
use parking_lot::Mutex;

use super::{DEPLOYMENT, KEY, NOW_MS, REQUESTER};

/// A call.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) enum Step {
    Describe,
    Begin,
    Continue,
    Finish,
    Commit,
    Sign,
    Destroy,
}

/// How it takes a call.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Mood {
    Down,
    /// It never answers.
    Hangs,
    Refuses,
    /// It answers something else than it should.
    Cheats,
    /// It lets the call have its effect, and the answer is lost, once.
    LosesTheAnswer,
}

pub(crate) struct TestHolder {
    name: String,
    person: Arc<Person>,
    roster: Arc<Roster>,
    pub(crate) info: Mutex<HolderInfo>,
    pub(crate) moods: Mutex<HashMap<Step, Mood>>,
    pub(crate) calls: Mutex<Vec<Step>>,
    state: Mutex<State>,
}

struct State {
    generations: HashMap<[u8; 32], Generation>,
    holder: Holder<Verifier>,
}

struct Generation {
    mandate: SignedGenerationMandate,
    me: Identifier,
    participant: Option<Participant>,
}

impl TestHolder {
    pub(crate) fn new(person: Arc<Person>, roster: Arc<Roster>, requester: &VerifyingKey) -> Self {
        let known = Requester { public_key: requester.spki().to_vec(), keys: [KEY.to_owned()].into() };
        let policy = Policy {
            deployment: DEPLOYMENT.into(),
            mandate_lifetime_ms_max: 120_000,
            requesters: BTreeMap::from([(REQUESTER.to_owned(), known)]),
        };
        let name = person.name().to_string();
        let info = HolderInfo {
            name: name.clone(),
            deployment: DEPLOYMENT.into(),
            roster: roster.hash().0.to_vec(),
            version: "0.0.0".into(),
            simulated: false,
        };
        Self {
            name,
            person,
            roster,
            info: Mutex::new(info),
            moods: Mutex::default(),
            calls: Mutex::default(),
            state: Mutex::new(State {
                generations: HashMap::new(),
                holder: Holder::new(policy, Limits::default(), Verifier, [], NOW_MS),
            }),
        }
    }

    pub(crate) fn feels(&self, step: Step, mood: Mood) {
        self.moods.lock().insert(step, mood);
    }

    /// How many shares it holds.
    pub(crate) fn shares(&self) -> usize {
        self.state.lock().holder.shares().count()
    }

    /// Notes the call; whether it is to cheat.
    async fn enter(&self, step: Step) -> Result<bool, LinkError> {
        self.calls.lock().push(step);
        let mood = self.moods.lock().get(&step).copied();
        match mood {
            Some(Mood::Down) => Err(LinkError::Unreachable("connection refused".into())),
            Some(Mood::Refuses) => Err(LinkError::Refused("policy".into())),
            Some(Mood::Hangs) => {
                tokio::time::sleep(Duration::from_secs(3_600)).await;
                Err(LinkError::Unreachable("never".into()))
            }
            Some(Mood::Cheats) => Ok(true),
            Some(Mood::LosesTheAnswer) | None => Ok(false),
        }
    }

    /// Whether this answer is lost on its way.
    fn leave<T>(&self, step: Step, answer: T) -> Result<T, LinkError> {
        let mut moods = self.moods.lock();
        if moods.get(&step) == Some(&Mood::LosesTheAnswer) {
            moods.remove(&step);
            return Err(LinkError::Unreachable("connection reset".into()));
        }
        Ok(answer)
    }

    fn send(&self, set: SetId, from: Identifier, outgoing: Outgoing) -> Message {
        let Outgoing { to, round, bytes } = outgoing;
        let statement = Statement { set, from, to, round, bytes };
        Message {
            from: from.number().into(),
            to: to.map_or(0, |to| to.number().into()),
            round: 1 + round as u32,
            signed: self.person.sign(statement.to_bytes()).to_bytes(),
        }
    }

    fn begin(&self, mandate: &[u8]) -> Result<Vec<Message>, LinkError> {
        let mandate = SignedGenerationMandate::from_bytes(mandate).unwrap();
        let said = mandate.mandate();
        let requester = self.roster.find(&said.requester.parse().unwrap()).map_err(refused)?;
        if !requester.signing.verifies(mandate.signed(), mandate.signature()) {
            return Err(refused("mandate not signed by its requester"));
        }
        let is_over = |generation: &Generation| generation.participant.is_none();
        if self.state.lock().generations.get(&mandate.set_id().0).is_some_and(is_over) {
            return Err(refused("the mandate has made its share"));
        }
        let (set, me) = (mandate.set_id(), said.number(&self.name).unwrap());
        let setup = Setup::new(said.suite, said.threshold, set, me).unwrap();
        let (participant, first) = Participant::begin(setup, &mut random).unwrap();
        let generation = Generation { mandate, me, participant: Some(participant) };
        self.state.lock().generations.insert(set.0, generation);
        Ok(vec![self.send(set, me, first)])
    }

    fn go_on(&self, set: [u8; 32], messages: Vec<Message>, cheats: bool) -> Result<Vec<Message>, LinkError> {
        let mut state = self.state.lock();
        let generation = state.generations.get_mut(&set).ok_or_else(|| refused("no such generation"))?;
        let me = generation.me;
        let mut sent = Vec::new();
        for message in messages {
            let signed = Signed::from_bytes(&message.signed).unwrap();
            signed.verify(&self.roster).map_err(refused)?;
            let Statement { from, round, bytes, .. } = Statement::from_bytes(&signed.statement).unwrap();
            let mut sealer =
                Envelopes { person: &self.person, roster: &self.roster, mandate: &generation.mandate, cheats };
            let participant = generation.participant.as_mut().unwrap();
            sent.extend(participant.receive(from, round, &bytes, &mut sealer).map_err(refused)?);
        }
        for outgoing in &mut sent {
            if cheats && outgoing.round == Round::Outcome {
                // The last byte is of a verifying share: another point, or none.
                *outgoing.bytes.last_mut().unwrap() ^= 1;
            }
        }
        Ok(sent.into_iter().map(|outgoing| self.send(SetId(set), me, outgoing)).collect())
    }

    fn keep(&self, set: [u8; 32], outcomes: &[Message]) -> Result<Share, LinkError> {
        let mut state = self.state.lock();
        let State { generations, holder } = &mut *state;
        let generation = generations.get_mut(&set).ok_or_else(|| refused("no such generation"))?;
        let said = generation.mandate.mandate();
        let mut agreement = Agreement::new(said.suite, said.threshold, SetId(set));
        for outcome in outcomes {
            let signed = Signed::from_bytes(&outcome.signed).unwrap();
            signed.verify(&self.roster).map_err(refused)?;
            let statement = Statement::from_bytes(&signed.statement).unwrap();
            agreement.receive(statement.from, &statement.bytes).map_err(refused)?;
        }
        let group = agreement.finish().map_err(refused)?;
        if let Some(participant) = generation.participant.take() {
            holder.install(said.key.clone(), participant.finish().unwrap());
        }
        Ok(Share {
            key_version: said.key.to_string(),
            group: group.to_bytes(),
            number: generation.me.number().into(),
        })
    }
}

impl HolderLink for TestHolder {
    fn name(&self) -> &str {
        &self.name
    }

    fn address(&self) -> &str {
        "memory"
    }

    fn describe(&self, _: Instant) -> BoxFuture<'_, Result<HolderInfo, LinkError>> {
        Box::pin(async {
            self.enter(Step::Describe).await?;
            Ok(self.info.lock().clone())
        })
    }

    fn begin_generation<'a>(
        &'a self,
        mandate: &'a [u8],
        _: Instant,
    ) -> BoxFuture<'a, Result<Vec<Message>, LinkError>> {
        Box::pin(async move {
            let cheats = self.enter(Step::Begin).await?;
            let mut sent = self.begin(mandate)?;
            if cheats {
                // Under another's name.
                sent[0].signed = Person::new(&self.name, "north").sign(b"?".to_vec()).to_bytes();
            }
            Ok(sent)
        })
    }

    fn continue_generation(
        &self,
        generation: [u8; 32],
        messages: Vec<Message>,
        _: Instant,
    ) -> BoxFuture<'_, Result<Vec<Message>, LinkError>> {
        Box::pin(async move {
            let cheats = self.enter(Step::Continue).await?;
            self.go_on(generation, messages, cheats)
        })
    }

    fn finish_generation(
        &self,
        generation: [u8; 32],
        outcomes: Vec<Message>,
        _: Instant,
    ) -> BoxFuture<'_, Result<Share, LinkError>> {
        Box::pin(async move {
            let cheats = self.enter(Step::Finish).await?;
            let mut share = self.keep(generation, &outcomes)?;
            if cheats {
                share.group.push(0);
            }
            self.leave(Step::Finish, share)
        })
    }

    fn commit_to_sign(&self, request: Vec<u8>, _: Instant) -> BoxFuture<'_, Result<Vec<u8>, LinkError>> {
        Box::pin(async move {
            let cheats = self.enter(Step::Commit).await?;
            let decision = self.state.lock().holder.commit(&request, NOW_MS, &mut random);
            Ok(altered(decision.release(|_| Ok::<_, Infallible>(())).unwrap(), cheats))
        })
    }

    fn sign_share(&self, package: Vec<u8>, _: Instant) -> BoxFuture<'_, Result<Vec<u8>, LinkError>> {
        Box::pin(async move {
            let cheats = self.enter(Step::Sign).await?;
            let decision = self.state.lock().holder.sign(&package, NOW_MS);
            Ok(altered(decision.release(|_| Ok::<_, Infallible>(())).unwrap(), cheats))
        })
    }

    fn destroy_share<'a>(
        &'a self,
        key_version: &'a str,
        group_digest: [u8; 32],
        _: Instant,
    ) -> BoxFuture<'a, Result<(), LinkError>> {
        Box::pin(async move {
            self.enter(Step::Destroy).await?;
            let (name, version) = key_version.split_once("/versions/").unwrap();
            let key = KeyVersion { name: name.into(), version: version.parse().unwrap() };
            let mut state = self.state.lock();
            let is_it = |id: &&ShareId| {
                let share = state.holder.share(id).unwrap();
                id.key == key && share.group().digest().0 == group_digest
            };
            let Some(id) = state.holder.shares().find(is_it).cloned() else {
                return Err(LinkError::Absent("no such share".into()));
            };
            state.holder.remove(&id);
            Ok(())
        })
    }
}

/// One bit of the last byte is another, if it is to be: of a point or of a scalar.
fn altered(mut answer: Vec<u8>, is: bool) -> Vec<u8> {
    if let Some(last) = answer.last_mut().filter(|_| is) {
        *last ^= 1;
    }
    answer
}

fn refused(why: impl ToString) -> LinkError {
    LinkError::Refused(why.to_string())
}

pub(crate) fn random(buffer: &mut [u8]) -> Result<(), RandomError> {
    getrandom::fill(buffer).map_err(|_| RandomError)
}

/// Requesters' keys as the roster writes them.
struct Verifier;

impl VerifySignature for Verifier {
    fn verifies(&self, public_key: &[u8], signed: &[u8], signature: &[u8]) -> bool {
        VerifyingKey::from_spki(public_key).is_ok_and(|key| key.verifies(signed, signature))
    }
}

/// Sealing as in a holder's process, by the keys of the roster.
struct Envelopes<'a> {
    person: &'a Person,
    roster: &'a Roster,
    mandate: &'a SignedGenerationMandate,
    cheats: bool,
}

impl Sealer for Envelopes<'_> {
    fn seal(&mut self, to: Identifier, binding: &[u8], secret: &SecretBytes) -> Result<Vec<u8>, SealError> {
        let name = &self.mandate.mandate().holders[usize::from(to.number()) - 1];
        let key = &self.roster.find(&name.parse().unwrap()).unwrap().sealing;
        let mut secret = SecretBytes::from_slice(secret.expose());
        if self.cheats {
            *secret.expose_mut().last_mut().unwrap() ^= 1;
        }
        seal(key, binding, &secret).map_err(|_| SealError::Own)
    }

    fn open(&mut self, _: Identifier, binding: &[u8], sealed: &[u8]) -> Result<SecretBytes, SealError> {
        open(self.person, binding, sealed).map_err(|_| SealError::Sealed)
    }
}
