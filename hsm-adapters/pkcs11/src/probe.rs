//! What the token can do: listed by the token, then tried with a key that is thrown away.

use cryptoki::context::{Function, Pkcs11};
use cryptoki::error::{Error, RvError};
use cryptoki::mechanism::{Mechanism, MechanismType};
use cryptoki::session::Session;
use cryptoki::slot::Slot;
use hufu_core::algorithm::{Algorithm, Form, Purpose, Scheme, TABLE};
use hufu_core::backend::{Capabilities, Outcome};
use hufu_core::record::{Exit, VersionUid};
use hufu_secret::SecretBytes;

use crate::attributes::{self, DIALECTS, Dialect, Plan};
use crate::fault::{Fault, describe};
use crate::generate::{self, Made};
use crate::import;
use crate::input::Input;
use crate::mechanism::{self, Hashing, Mechanisms, Row};
use crate::replica;
use crate::usage::{self, Use};
use crate::wrapping;

/// A trial needs no longer modulus, which would take a second or more; many tokens allow none shorter than 2048 bits.
const TRIAL_MODULUS_BITS_MIN: u32 = 1024;
const PLAINTEXT: &[u8] = b"trial";

/// What was found out about a token.
#[derive(Debug)]
pub(crate) struct Profile {
    served: Vec<Served>,
    pub(crate) capabilities: Capabilities,
}

/// A row that the token serves, and how.
#[derive(Clone, Copy, Debug)]
struct Served {
    row: Row,
    dialect: Dialect,
    mechanism: MechanismType,
    how: Use,
}

impl Profile {
    /// How a permanent key of a row is made.
    pub(crate) fn plan(&self, row: Row, uid: VersionUid, exit: Exit) -> Option<Plan> {
        let served = self.find(row)?;
        Some(Plan {
            uid,
            algorithm: row.algorithm,
            purpose: row.purpose,
            permanent: true,
            modulus_bits: modulus_bits(row.algorithm),
            dialect: served.dialect,
            mechanism: served.mechanism,
            exit,
        })
    }

    /// How a key of a row is used.
    pub(crate) fn usage(&self, row: Row) -> Option<Use> {
        self.find(row).map(|served| served.how)
    }

    fn find(&self, row: Row) -> Option<&Served> {
        self.served.iter().find(|served| served.row == row)
    }

    /// What is known of RSA keys of another length with the same use.
    fn another_length(&self, row: Row) -> Option<Served> {
        row.algorithm.modulus_len()?;
        self.served.iter().find(|served| served.row.scheme == row.scheme).copied()
    }
}

/// Tries every row of the table of algorithms.
pub(crate) fn profile(context: &Pkcs11, slot: Slot, session: &Session, simulated: bool) -> Result<Profile, Fault> {
    let offered = Offered { context, slot, mechanisms: context.get_mechanism_list(slot)? };
    let mut profile = Profile { served: Vec::new(), capabilities: Capabilities { simulated, ..Default::default() } };
    for entry in TABLE {
        for (purpose, scheme) in entry.schemes {
            let row = Row { algorithm: entry.algorithm, purpose: *purpose, scheme: *scheme };
            // The trial of one length of modulus tells about the others: making RSA keys is slow on real tokens.
            let tried = match profile.another_length(row) {
                Some(served) => offered.serve_too(served, row),
                None => try_row(&offered, session, row),
            };
            match tried {
                Ok(served) => {
                    profile.served.push(served);
                    profile.capabilities.schemes.push((row.algorithm, row.purpose, row.scheme));
                }
                Err(why) => {
                    profile.capabilities.refusals.push((row.algorithm, row.purpose, row.scheme, why));
                }
            }
        }
    }
    profile.capabilities.stays_out = arrivals(&profile, session);
    Ok(profile)
}

/// Tries to move a key of each row that is served under the key of a group, from the token to itself. Answers which cannot, and
/// why.
pub(crate) fn replication(profile: &Profile, session: &Session, group: &str) -> Result<Vec<Kept>, Fault> {
    let mut kept: Vec<Kept> = Vec::new();
    let mut tried: Vec<(Row, Option<String>)> = Vec::new();
    for served in &profile.served {
        let row = served.row;
        let known =
            tried.iter().find(|(other, _)| row.algorithm.modulus_len().is_some() && other.scheme == row.scheme);
        let verdict = match known {
            Some((_, verdict)) => verdict.clone(),
            None => replicate(profile, served, session, group)?.err(),
        };
        if let Some(why) = &verdict {
            kept.push((row.algorithm, row.purpose, row.scheme, Exit::Replicable, why.clone()));
        }
        tried.push((row, verdict));
    }
    Ok(kept)
}

/// Tries to take a key of each row in that is served. Answers which cannot, and why.
fn arrivals(profile: &Profile, session: &Session) -> Vec<(Algorithm, Purpose, Scheme, String)> {
    let takes = profile.served.iter().any(|served| served.row.purpose == Purpose::Import);
    let mut out: Vec<(Algorithm, Purpose, Scheme, String)> = Vec::new();
    for served in profile.served.iter().filter(|served| takes && served.row.purpose != Purpose::Import) {
        let Row { algorithm, purpose, scheme } = served.row;
        // RSA keys are not tried: to make one is slow, opening has no time for it after a device has died, and what comes in is
        // proven anyway.
        if algorithm.modulus_len().is_some() {
            continue;
        }
        if let Err(why) = arrive(profile, served, session) {
            out.push((algorithm, purpose, scheme, why));
        }
    }
    out
}

/// Takes a key in that the token made for the trial, and is gone with the session.
fn arrive(profile: &Profile, served: &Served, session: &Session) -> Result<(), String> {
    let row = served.row;
    let failed = |fault| format!("the token takes in no such key, says a trial: {}", in_words(&fault));
    let Some(plan) = profile.plan(row, VersionUid([0x5a; 16]), Exit::Never) else { return Ok(()) };
    let plan = Plan { permanent: false, ..plan };
    let made = generate::make(session, &Plan { exit: Exit::Exportable, ..plan }).map_err(failed)?;
    let arrived = import::take_in(session, &made, &plan).and_then(|arrived| {
        let proven = wrapping::prove(session, &arrived, row.purpose, served.how);
        generate::remove(session, &arrived)?;
        proven
    });
    generate::remove(session, &made).map_err(failed)?;
    arrived.map_err(failed)
}

/// A row of [`Capabilities::kept`].
pub(crate) type Kept = (Algorithm, Purpose, Scheme, Exit, String);

/// Tries one row with keys that are gone with the session.
fn replicate(
    profile: &Profile,
    served: &Served,
    session: &Session,
    group: &str,
) -> Result<Result<(), String>, Fault> {
    let row = served.row;
    let Some(plan) = profile.plan(row, VersionUid([0x5a; 16]), Exit::Replicable) else { return Ok(Ok(())) };
    let plan = Plan { permanent: false, ..plan };
    let failed = |fault| format!("a trial of its replication failed: {}", in_words(&fault));
    let made = match generate::make(session, &plan) {
        Ok(made) => made,
        Err(fault) => return Ok(Err(failed(fault))),
    };
    let moved = move_to_itself(session, group, &plan, &made, served);
    generate::remove(session, &made)?;
    Ok(moved.map_err(failed))
}

fn move_to_itself(session: &Session, group: &str, plan: &Plan, made: &Made, served: &Served) -> Result<(), Fault> {
    let spki = generate::public_key(session, made, plan.algorithm)?;
    let Outcome::Bytes(wrapped) = replica::wrap(session, group, made.key)? else {
        return Err(wrong("wrapping answers no bytes"));
    };
    let arrived = replica::unwrap(session, group, plan, &wrapped, spki.as_deref())?;
    let proven = wrapping::prove(session, &arrived, served.row.purpose, served.how);
    generate::remove(session, &arrived)?;
    proven
}

struct Offered<'a> {
    context: &'a Pkcs11,
    slot: Slot,
    mechanisms: Vec<MechanismType>,
}

impl Offered<'_> {
    /// Whether the token lists the mechanisms, for keys of that length.
    fn check(&self, row: Row, wanted: Mechanisms) -> Result<(), String> {
        for mechanism in [wanted.generate, wanted.usage] {
            if !self.mechanisms.contains(&mechanism) {
                return Err(format!("the token offers no {mechanism}"));
            }
        }
        // Tokens tell lengths of symmetric keys in bits or in bytes; those of pairs are in bits everywhere.
        if !row.algorithm.is_asymmetric() {
            return Ok(());
        }
        let info = self.context.get_mechanism_info(self.slot, wanted.generate).map_err(|error| describe(&error))?;
        let known = info.max_key_size() > 0;
        let fits = |bits: u32| {
            usize::try_from(bits).is_ok_and(|bits| (info.min_key_size()..=info.max_key_size()).contains(&bits))
        };
        match wanted.key_bits {
            Some(bits) if known && !fits(bits) => {
                Err(format!("the token makes no keys of {bits} bits with {}", wanted.generate))
            }
            _ => Ok(()),
        }
    }

    /// The shortest modulus that the token makes, within reason; 0 for other keys.
    fn trial_modulus_bits(&self, algorithm: Algorithm) -> u32 {
        if algorithm.modulus_len().is_none() {
            return 0;
        }
        let info = self.context.get_mechanism_info(self.slot, MechanismType::RSA_PKCS_KEY_PAIR_GEN);
        let min = info.ok().and_then(|info| u32::try_from(info.min_key_size()).ok());
        let bits = modulus_bits(algorithm);
        min.unwrap_or(bits).clamp(TRIAL_MODULUS_BITS_MIN, bits)
    }

    /// Serves a row as another length of modulus is served, if the token makes this one.
    fn serve_too(&self, served: Served, row: Row) -> Result<Served, String> {
        self.check(row, mechanism::of(row, served.how.hashing)?)?;
        Ok(Served { row, how: Use { algorithm: row.algorithm, ..served.how }, ..served })
    }
}

fn try_row(offered: &Offered<'_>, session: &Session, row: Row) -> Result<Served, String> {
    let ours = try_hashing(offered, session, row, Hashing::Ours);
    if ours.is_ok() || !mechanism::may_hash_on_token(row.scheme) {
        return ours;
    }
    try_hashing(offered, session, row, Hashing::Token).or(ours)
}

fn try_hashing(offered: &Offered<'_>, session: &Session, row: Row, hashing: Hashing) -> Result<Served, String> {
    let mechanisms = mechanism::of(row, hashing)?;
    offered.check(row, mechanisms)?;
    let Row { algorithm, scheme, .. } = row;
    let how = Use { algorithm, scheme, hashing, rejects_with: None };
    let (made, dialect) = make(offered, session, row, mechanisms.usage)?;
    let tried = exercise(session, &made, row, how);
    let removed = generate::remove(session, &made);
    let failed = |fault| format!("the token offers {}, but a trial failed: {}", mechanisms.usage, in_words(&fault));
    let rejects_with = tried.map_err(failed)?;
    removed.map_err(failed)?;
    Ok(Served { row, dialect, mechanism: mechanisms.usage, how: Use { rejects_with, ..how } })
}

/// Makes a key for a trial in the strictest dialect that the token takes: gone with the session if it can be, else on the
/// token under a random identity.
fn make(
    offered: &Offered<'_>,
    session: &Session,
    row: Row,
    mechanism: MechanismType,
) -> Result<(Made, Dialect), String> {
    let mut uid = VersionUid([0; 16]);
    session.generate_random_slice(&mut uid.0).map_err(|error| describe(&error))?;
    let mut why = String::new();
    for permanent in [false, true] {
        for dialect in DIALECTS {
            if dialect.edwards_by_name && row.algorithm != Algorithm::Ed25519 {
                continue;
            }
            let plan = Plan {
                uid,
                algorithm: row.algorithm,
                purpose: row.purpose,
                permanent,
                modulus_bits: offered.trial_modulus_bits(row.algorithm),
                dialect,
                mechanism,
                exit: Exit::Never,
            };
            match generate::make(session, &plan) {
                Ok(made) => return Ok((made, dialect)),
                Err(fault) => why = format!("the token makes no such key: {}", in_words(&fault)),
            }
        }
    }
    Err(why)
}

/// Uses a key once in each way; the code with which the token rejects a ciphertext, where that is none of the standard's.
fn exercise(session: &Session, made: &Made, row: Row, how: Use) -> Result<Option<RvError>, Fault> {
    match (row.purpose, row.scheme) {
        (Purpose::Sign, scheme) => {
            usage::perform(session, made.key, how, &Input::Message(PLAINTEXT.to_vec()))?;
            if let Some(len) = scheme.digest_len().filter(|_| how.hashing == Hashing::Ours) {
                usage::perform(session, made.key, how, &Input::Digest(vec![0x5a; len]))?;
            }
            Ok(None)
        }
        (Purpose::Mac, _) => {
            usage::perform(session, made.key, how, &Input::Mac(PLAINTEXT.to_vec()))?;
            Ok(None)
        }
        (Purpose::Encrypt, Scheme::RsaOaepSha256) => exercise_oaep(session, made),
        (Purpose::Encrypt, _) => exercise_aead(session, made, how),
        (Purpose::Encapsulate, _) => exercise_kem(session, made, how),
        (Purpose::Wrap, _) => Err(wrong("keys that wrap others are not tried")),
        (Purpose::Import, scheme) => import::exercise(session, made, scheme).map(|()| None),
    }
}

fn exercise_aead(session: &Session, made: &Made, how: Use) -> Result<Option<RvError>, Fault> {
    let nonce = [0x5a; 12];
    let data = SecretBytes::from_slice(PLAINTEXT);
    let Outcome::Bytes(mut data) =
        usage::perform(session, made.key, how, &Input::Seal { nonce, aad: Vec::new(), data })?
    else {
        return Err(wrong("sealing answers no ciphertext"));
    };
    let input = Input::Open { nonce, aad: Vec::new(), data: data.clone() };
    match usage::perform(session, made.key, how, &input)? {
        Outcome::Plaintext(opened) if opened.expose() == PLAINTEXT => {}
        _ => return Err(wrong("what was sealed opens to something else")),
    }
    data.iter_mut().take(1).for_each(|byte| *byte ^= 1);
    let input = Input::Open { nonce, aad: Vec::new(), data };
    rejection(usage::perform(session, made.key, how, &input).map(|_| ()))
}

pub(crate) fn exercise_oaep(session: &Session, made: &Made) -> Result<Option<RvError>, Fault> {
    let public = made.public.ok_or_else(|| wrong("the pair has no public half"))?;
    let mut ciphertext = session.encrypt(&usage::oaep(), public, PLAINTEXT)?;
    let opened = SecretBytes::from_vec(session.decrypt(&usage::oaep(), made.key, &ciphertext)?);
    if opened.expose() != PLAINTEXT {
        return Err(wrong("what was encrypted decrypts to something else"));
    }
    ciphertext.iter_mut().skip(100).take(1).for_each(|byte| *byte ^= 1);
    let opened = session.decrypt(&usage::oaep(), made.key, &ciphertext);
    rejection(opened.map(|_| ()).map_err(Fault::from))
}

/// Both sides must hold one secret, and a changed ciphertext must give another one (FIPS 203 §6.3).
pub(crate) fn exercise_kem(session: &Session, made: &Made, how: Use) -> Result<Option<RvError>, Fault> {
    let public = made.public.ok_or_else(|| wrong("the pair has no public half"))?;
    let template = attributes::shared_secret();
    let (mut ciphertext, secret) = session.encapsulate_key(&Mechanism::MlKem, public, &template)?;
    let secret = usage::take_secret(session, secret)?;
    let decapsulate =
        |ciphertext: &[u8]| match usage::perform(session, made.key, how, &Input::Decapsulate(ciphertext.to_vec()))? {
            Outcome::Plaintext(found) => Ok(found),
            _ => Err(wrong("decapsulating answers no secret")),
        };
    if how.algorithm.encapsulation_len() != Some(ciphertext.len()) || decapsulate(&ciphertext)? != secret {
        return Err(wrong("what was encapsulated decapsulates to something else"));
    }
    ciphertext.iter_mut().take(1).for_each(|byte| *byte ^= 1);
    if decapsulate(&ciphertext)? == secret {
        return Err(wrong("it decapsulates a ciphertext that is not genuine"));
    }
    Ok(None)
}

fn rejection(result: Result<(), Fault>) -> Result<Option<RvError>, Fault> {
    match result {
        Ok(()) => Err(wrong("it opens a ciphertext that is not genuine")),
        Err(Fault::Answer(_)) => Ok(None),
        Err(Fault::Device(Error::Pkcs11(code, Function::Decrypt))) => Ok(Some(code)),
        Err(fault) => Err(fault),
    }
}

/// Length of an RSA modulus; 0 for other keys.
fn modulus_bits(algorithm: Algorithm) -> u32 {
    match algorithm.entry().form {
        Form::Rsa(bits) => bits,
        _ => 0,
    }
}

fn wrong(why: &str) -> Fault {
    Fault::Answer(hufu_core::backend::BackendError::Failed(why.to_owned()))
}

fn in_words(fault: &Fault) -> String {
    match fault {
        Fault::Device(error) => describe(error),
        Fault::Absent(why) => (*why).to_owned(),
        Fault::Answer(answer) => answer.to_string(),
    }
}
