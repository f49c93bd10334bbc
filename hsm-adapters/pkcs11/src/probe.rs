//! What the token can do: listed by the token, then tried with a key that is thrown away.

use cryptoki::context::Function;
use cryptoki::error::{Error, RvError};
use cryptoki::mechanism::{Mechanism, MechanismType};
use cryptoki::session::Session;
use cryptoki::slot::Slot;
use hufu_core::algorithm::{Algorithm, Form, Purpose, Scheme, TABLE};
use hufu_core::backend::{Capabilities, Outcome};
use hufu_core::record::{Exit, VersionUid};
use hufu_secret::SecretBytes;

use crate::attributes::{self, Dialect, Plan, dialects};
use crate::fault::{Fault, describe};
use crate::generate::{self, Made};
use crate::import;
use crate::input::Input;
use crate::keys;
use crate::library::Library;
use crate::mechanism::{self, Hashing, Mechanisms, Row};
use crate::token::Token;
use crate::usage::{self, Rejections, Use};
use crate::vendor::{EcPoint, VendorProfile};
use crate::{peer, public_key, replica, sm2, wrapping};

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
    mechanisms: Mechanisms,
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
            generate: served.mechanisms.generate,
            mechanism: served.mechanisms.usage,
            exit,
        })
    }

    /// How a key of a row is used.
    pub(crate) fn usage(&self, row: Row) -> Option<Use> {
        self.find(row).map(|served| served.how)
    }

    fn refuse(&mut self, row: Row, why: String) {
        self.capabilities.refusals.push((row.algorithm, row.purpose, row.scheme, why));
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
pub(crate) fn profile(library: &Library, session: &Session, token: &Token) -> Result<Profile, Fault> {
    let slot = token.slot(library)?;
    let mechanisms = library.get_mechanism_list(slot)?;
    let offered = Offered { library, vendor: &token.profile, slot, mechanisms };
    let capabilities = Capabilities { simulated: token.simulated, ..Default::default() };
    let mut profile = Profile { served: Vec::new(), capabilities };
    for entry in TABLE {
        for (purpose, scheme) in entry.schemes {
            let row = Row { algorithm: entry.algorithm, purpose: *purpose, scheme: *scheme };
            if let Some(why) = token.profile.refusal(row.scheme) {
                profile.refuse(row, format!("refused by the vendor profile `{}`: {why}", token.profile.name()));
                continue;
            }
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
                Err(why) => profile.refuse(row, why),
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
        let proven = wrapping::prove(session, &arrived, &plan, served.how);
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
    let read = |public| public_key::read(session, public, plan.algorithm, plan.dialect.ec_point);
    let spki = made.public.map(read).transpose()?;
    let Outcome::Bytes(wrapped) = replica::wrap(session, group, made.key)? else {
        return Err(wrong("wrapping answers no bytes"));
    };
    let arrived = replica::unwrap(session, group, plan, &wrapped, spki.as_deref())?;
    let proven = wrapping::prove(session, &arrived, plan, served.how);
    generate::remove(session, &arrived)?;
    proven
}

struct Offered<'a> {
    library: &'a Library,
    vendor: &'a VendorProfile,
    slot: Slot,
    mechanisms: Vec<MechanismType>,
}

impl Offered<'_> {
    fn offers(&self, mechanism: MechanismType) -> bool {
        self.mechanisms.contains(&mechanism)
            || (mechanism::is_vendors(mechanism) && self.library.get_mechanism_info(self.slot, mechanism).is_ok())
    }

    /// Whether the token lists the mechanisms, for keys of that length.
    fn check(&self, row: Row, wanted: Mechanisms) -> Result<(), String> {
        for mechanism in [wanted.generate, wanted.usage] {
            if !self.offers(mechanism) {
                return Err(format!("the token offers no {}", mechanism::shown(mechanism)));
            }
        }
        // Tokens tell lengths of symmetric keys in bits or in bytes; those of pairs are in bits everywhere.
        if !row.algorithm.is_asymmetric() {
            return Ok(());
        }
        let info = self.library.get_mechanism_info(self.slot, wanted.generate).map_err(|error| describe(&error))?;
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
        let info = self.library.get_mechanism_info(self.slot, MechanismType::RSA_PKCS_KEY_PAIR_GEN);
        let min = info.ok().and_then(|info| u32::try_from(info.min_key_size()).ok());
        let bits = modulus_bits(algorithm);
        min.unwrap_or(bits).clamp(TRIAL_MODULUS_BITS_MIN, bits)
    }

    /// Serves a row as another length of modulus is served, if the token makes this one.
    fn serve_too(&self, served: Served, row: Row) -> Result<Served, String> {
        self.check(row, mechanism::of(row, served.how.hashing, &self.vendor.mechanisms)?)?;
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
    let mechanisms = mechanism::of(row, hashing, &offered.vendor.mechanisms)?;
    offered.check(row, mechanisms)?;
    let Row { algorithm, scheme, .. } = row;
    let signature = offered.vendor.mechanisms.sm2.map(|sm2| sm2.signature).unwrap_or_default();
    let encrypt = offered.library.encrypt().filter(|_| offered.vendor.quirks.wrong_ciphertext_len);
    let (mechanism, rejects_with, wraps_point) = (mechanisms.usage, [None; 2], false);
    let how = Use { algorithm, scheme, hashing, mechanism, signature, encrypt, rejects_with, wraps_point };
    let (made, dialect) = make(offered, session, row, mechanisms)?;
    let tried = if scheme == Scheme::Sm2Sm3 {
        exercise_sm2(session, &made, how, offered.vendor.ec_point).map(|rejects_with| Use { rejects_with, ..how })
    } else {
        exercise_in_forms(session, &made, row, how, offered.vendor.ec_point)
    };
    let removed = generate::remove(session, &made);
    let offers = mechanism::shown(mechanisms.usage);
    let failed = |fault| format!("the token offers {offers}, but a trial failed: {}", in_words(&fault));
    let how = tried.map_err(failed)?;
    removed.map_err(failed)?;
    Ok(Served { row, dialect, mechanisms, how })
}

/// Uses a key as the token takes it: points bare, as PKCS #11 v3.0 §2.3.15 demands, or wrapped, as older tokens want them.
fn exercise_in_forms(session: &Session, made: &Made, row: Row, how: Use, form: EcPoint) -> Result<Use, Fault> {
    let exercised =
        |how: Use| exercise(session, made, row, how, form).map(|rejects_with| Use { rejects_with, ..how });
    let bare = exercised(how);
    if bare.is_ok() || row.purpose != Purpose::Agree {
        return bare;
    }
    exercised(Use { wraps_point: true, ..how }).or(bare)
}

/// Makes a key for a trial in the strictest dialect that the token takes: gone with the session if it can be, else on the
/// token under a random identity.
fn make(
    offered: &Offered<'_>,
    session: &Session,
    row: Row,
    mechanisms: Mechanisms,
) -> Result<(Made, Dialect), String> {
    let mut uid = VersionUid([0; 16]);
    session.generate_random_slice(&mut uid.0).map_err(|error| describe(&error))?;
    let quirks = offered.vendor.quirks;
    let mut why = String::new();
    for permanent in [false, true].into_iter().filter(|permanent| *permanent || !quirks.token_objects_only) {
        for dialect in dialects(quirks, offered.vendor.ec_point) {
            if dialect.edwards_by_name && !matches!(row.algorithm, Algorithm::Ed25519 | Algorithm::X25519) {
                continue;
            }
            let plan = Plan {
                uid,
                algorithm: row.algorithm,
                purpose: row.purpose,
                permanent,
                modulus_bits: offered.trial_modulus_bits(row.algorithm),
                dialect,
                generate: mechanisms.generate,
                mechanism: mechanisms.usage,
                exit: Exit::Never,
            };
            match generate::make(session, &plan) {
                Ok(made) => return Ok((made, dialect)),
                Err(fault) => {
                    why = format!("the token makes no such key: {}", in_words(&fault));
                    if permanent {
                        keys::forget(session, uid);
                    }
                }
            }
        }
    }
    Err(why)
}

/// Uses a key once in each way; the codes with which the token rejects ciphertexts, where those are none of the standard's.
fn exercise(session: &Session, made: &Made, row: Row, how: Use, form: EcPoint) -> Result<Rejections, Fault> {
    match (row.purpose, row.scheme) {
        (Purpose::Sign, scheme) => {
            usage::perform(session, made.key, how, &Input::Message(PLAINTEXT.to_vec()))?;
            if let Some(len) = scheme.digest_len().filter(|_| how.hashing == Hashing::Ours) {
                usage::perform(session, made.key, how, &Input::Digest(vec![0x5a; len]))?;
            }
            Ok([None; 2])
        }
        (Purpose::Mac, _) => {
            usage::perform(session, made.key, how, &Input::Mac(PLAINTEXT.to_vec()))?;
            Ok([None; 2])
        }
        (Purpose::Encrypt, Scheme::RsaOaepSha256) => exercise_oaep(session, made),
        (Purpose::Encrypt, _) => exercise_aead(session, made, how),
        (Purpose::Encapsulate, _) => exercise_kem(session, made, how),
        (Purpose::Agree, _) => exercise_agreement(session, made, how, form),
        (Purpose::Wrap, _) => Err(wrong("keys that wrap others are not tried")),
        (Purpose::Import, scheme) => import::exercise(session, made, scheme).map(|()| [None; 2]),
    }
}

/// The number that a vendor gives a mechanism proves nothing: ECDSA on the same curve answers as many bytes.
pub(crate) fn exercise_sm2(session: &Session, made: &Made, how: Use, ec_point: EcPoint) -> Result<Rejections, Fault> {
    let public = made.public.ok_or_else(|| wrong("the pair has no public half"))?;
    let spki = public_key::read(session, public, how.algorithm, ec_point)?;
    let digest = [0x5a; 32];
    match usage::perform(session, made.key, how, &Input::Digest(digest.to_vec()))? {
        Outcome::Bytes(signature) if sm2::verifies(&spki, &digest, &signature) => Ok([None; 2]),
        _ => Err(wrong("what it signs is no SM2 signature")),
    }
}

fn exercise_aead(session: &Session, made: &Made, how: Use) -> Result<Rejections, Fault> {
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
    Ok([rejection(usage::perform(session, made.key, how, &input).map(|_| ()))?, None])
}

pub(crate) fn exercise_oaep(session: &Session, made: &Made) -> Result<Rejections, Fault> {
    let public = made.public.ok_or_else(|| wrong("the pair has no public half"))?;
    let mut ciphertext = session.encrypt(&usage::oaep(), public, PLAINTEXT)?;
    let opened = SecretBytes::from_vec(session.decrypt(&usage::oaep(), made.key, &ciphertext)?);
    if opened.expose() != PLAINTEXT {
        return Err(wrong("what was encrypted decrypts to something else"));
    }
    ciphertext.iter_mut().skip(100).take(1).for_each(|byte| *byte ^= 1);
    // A number beyond the modulus is refused by other means than a padding that does not fit.
    let beyond = vec![0xff; ciphertext.len()];
    let reject = |ciphertext: &[u8]| {
        let opened = session.decrypt(&usage::oaep(), made.key, ciphertext);
        rejection(opened.map(|_| ()).map_err(Fault::from))
    };
    Ok([reject(&ciphertext)?, reject(&beyond)?])
}

/// Both sides must hold one secret, and a changed ciphertext must give another one (FIPS 203 §6.3).
pub(crate) fn exercise_kem(session: &Session, made: &Made, how: Use) -> Result<Rejections, Fault> {
    let public = made.public.ok_or_else(|| wrong("the pair has no public half"))?;
    let template = attributes::shared_secret();
    let (mut ciphertext, secret) = session.encapsulate_key(&Mechanism::MlKem, public, &template)?;
    let secret = usage::take_secret(session, secret, usage::SHARED_SECRET_LEN)?;
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
    Ok([None; 2])
}

/// The token must agree with a pair that is made here.
pub(crate) fn exercise_agreement(
    session: &Session,
    made: &Made,
    how: Use,
    form: EcPoint,
) -> Result<Rejections, Fault> {
    let public = made.public.ok_or_else(|| wrong("the pair has no public half"))?;
    let spki = public_key::read(session, public, how.algorithm, form)?;
    let theirs = peer::checked(how.algorithm, &spki).map_err(Fault::Answer)?;
    let (point, expected) = peer::trial(how.algorithm, &theirs).map_err(Fault::Answer)?;
    match usage::perform(session, made.key, how, &Input::Agree(point))? {
        Outcome::Plaintext(found) if found == expected => Ok([None; 2]),
        _ => Err(wrong("both sides agree on different secrets")),
    }
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
