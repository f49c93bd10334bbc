//! The assessment from beginning to end.

use std::num::NonZeroUsize;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use hufu_conformance::backend::{Finding, Row, Subject, survey};
use hufu_core::backend::{KeyBackend, KeyHandle};
use hufu_pkcs11::{Config, Pkcs11Backend};
use hufu_secret::SecretBytes;

use crate::ambient::{HostRng, verifier};
use crate::error::{Error, Left};
use crate::keys;
use crate::plan::Plan;
use crate::raw::{Raw, Rule, attributes, limits};
use crate::recovery::{self, Patient};
use crate::report::{self, Algorithm, Check, Cleanup, Decision, Outcome, Report, Verdict, Weight};
use crate::tracked::Tracked;
use crate::{random, speed, verdict};

/// Random bytes that are drawn after the deaths, to see whether earlier ones come again.
const AFTERWARDS_LEN: usize = 4_096;

const OBJECTS: Rule = Rule {
    name: "keys as token objects, as many as are harmless",
    standard: "PKCS#11 v3.1 §4.4",
    weight: Weight::Important,
};

/// Assesses a token; `tell` hears what is being done, in words for people. When `stop` completes, what was made is destroyed and
/// the answer is [`Error::Stopped`].
///
/// # Errors
/// [`Error`] when there is nothing to report on. What the token does wrong is in the report.
pub async fn assess(mut plan: Plan, tell: &dyn Fn(&str), stop: impl Future<Output = ()>) -> Result<Report, Error> {
    let (began, started_at_ms) = (Instant::now(), now_ms());
    tell("opening the token and trying what it can do");
    let backend = open(&mut plan)?;
    let raw = Raw::new(&plan, backend.token_view())?;
    let backend = Tracked::new(backend);
    let objects_before = raw.objects();
    let found = tokio::select! {
        found = examine(&plan, &backend, &raw, tell) => Some(found),
        () = stop => None,
    };
    tell("destroying what was made");
    let keys_made = backend.count();
    let left: Vec<String> = backend.clean_up().await.iter().map(ToString::to_string).collect();
    let Some(found) = found else { return Err(Error::Stopped(Left(left))) };
    let mut report = found?;
    report.cleanup = Cleanup { keys_made, left, objects_before, objects_after: raw.objects() };
    report.started_at_ms = started_at_ms;
    report.took_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
    report.verdict = verdict::of(&report);
    Ok(report)
}

fn open(plan: &mut Plan) -> Result<Pkcs11Backend, Error> {
    let pin = std::mem::replace(&mut plan.pin, SecretBytes::zeroed(0));
    let sessions = speed::CALLERS.into_iter().max().unwrap_or(1);
    let sessions = NonZeroUsize::new(usize::from(sessions)).unwrap_or(NonZeroUsize::MIN);
    let (profile, init_string) = (plan.profile.clone(), plan.init_string.clone());
    let config = Config { sessions, profile, init_string, ..Config::new(&plan.module, plan.token.clone(), pin) };
    Ok(Pkcs11Backend::open(config)?)
}

async fn examine(plan: &Plan, backend: &dyn KeyBackend, raw: &Raw, tell: &dyn Fn(&str)) -> Result<Report, Error> {
    let verifier = verifier()?;
    let mut report = empty(plan, raw.describe(plan, backend)?);
    let subject = Subject { backend, verifier: &verifier, rng: &HostRng, wrapping_key: None };
    let rows = survey(&subject, |name| tell(&format!("conformance: {name}"))).await;
    report.algorithms = rows.into_iter().map(algorithm).collect();
    report.attributes = attributes::check(raw, |name| tell(&format!("attributes: {name}")));
    tell("limits");
    report.limits = vec![limits::sessions(raw, plan.sessions_max())];
    let signing = keys::algorithm(backend);
    report.speed_algorithm = signing.map(|(algorithm, scheme)| format!("{algorithm} {scheme}"));
    if let Some(signing) = signing {
        report.limits.push(objects(backend, signing, plan.objects()).await);
        let key = keys::make(backend, signing).await?;
        for callers in speed::CALLERS {
            tell(&format!("speed: {callers} at once"));
            report.speed.push(speed::measure(backend, &verifier, &key, (callers, plan.speed_time())).await);
        }
        examine_random(
            plan,
            backend,
            Some(Patient { backend, verifier: &verifier, key: &key, raw }),
            &mut report,
            tell,
        )
        .await;
    } else {
        examine_random(plan, backend, None, &mut report, tell).await;
    }
    Ok(report)
}

/// The random numbers, before and after the deaths.
async fn examine_random(
    plan: &Plan,
    backend: &dyn KeyBackend,
    patient: Option<Patient<'_>>,
    report: &mut Report,
    tell: &dyn Fn(&str),
) {
    let len = plan.random_len();
    let sample = random::draw(backend, len, |done| tell(&format!("random bytes: {done} of {len}"))).await;
    if let Some(patient) = patient {
        report.recovery = recovery::check(patient, |name| tell(&format!("recovery: {name}"))).await;
    }
    // A token that gives none says so in the algorithms.
    let Ok(sample) = sample else { return };
    let after = random::draw(backend, AFTERWARDS_LEN, |_| ()).await.map(|sample| sample.bytes).unwrap_or_default();
    let judging = |done, of| tell(&format!("statistics: sequence {} of {of}", done + 1));
    report.random = Some(random::judge(&sample, &after, judging));
}

/// Makes keys as token objects; they stay until the end.
async fn objects(
    backend: &dyn KeyBackend,
    signing: (hufu_core::algorithm::Algorithm, hufu_core::algorithm::Scheme),
    max: usize,
) -> Check {
    let began = Instant::now();
    let mut made: Vec<KeyHandle> = Vec::new();
    while made.len() < max {
        match keys::make(backend, signing).await {
            Ok(key) => made.push(key),
            Err(error) => return OBJECTS.found(Outcome::Fails, format!("{} made, then {error}", made.len())),
        }
    }
    let each_ms = began.elapsed().as_secs_f64() * 1e3 / made.len().max(1) as f64;
    OBJECTS.found(Outcome::Holds, format!("{max} made at once, {each_ms:.1} ms each"))
}

fn algorithm(row: Row) -> Algorithm {
    let Row { name, finding, skipped } = row;
    let (outcome, detail) = match finding {
        Finding::Holds => (Outcome::Holds, String::new()),
        Finding::Refused(why) => (Outcome::NotSupported, why),
        Finding::Fails(failure) => (Outcome::Fails, format!("{}: {}", failure.check, failure.found)),
    };
    Algorithm { name, outcome, detail, skipped }
}

fn empty(plan: &Plan, token: report::Token) -> Report {
    Report {
        format: report::FORMAT,
        version: report::VERSION,
        hufu_version: env!("CARGO_PKG_VERSION"),
        started_at_ms: 0,
        took_ms: 0,
        quick: plan.quick,
        verdict: Verdict { outcome: Decision::Refused, reasons: Vec::new() },
        token,
        algorithms: Vec::new(),
        attributes: Vec::new(),
        limits: Vec::new(),
        speed: Vec::new(),
        speed_algorithm: None,
        recovery: Vec::new(),
        random: None,
        cleanup: Cleanup { keys_made: 0, left: Vec::new(), objects_before: None, objects_after: None },
    }
}

fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
