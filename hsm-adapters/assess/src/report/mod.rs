//! The report: its fields are the form for programs; [`write()`] makes that for people as well.

mod markdown;
mod plot;
mod text;

use std::io;
use std::path::Path;

use serde::Serialize;

use crate::error::Error;

/// What the JSON form calls itself.
pub const FORMAT: &str = "hufu-hsm-assessment";

/// Version of the JSON form. Fields are added within a version, never renamed.
pub const VERSION: u32 = 1;

/// All that was found.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// [`FORMAT`].
    pub format: &'static str,
    /// [`VERSION`].
    pub version: u32,
    /// Version of the program that assessed.
    pub hufu_version: &'static str,
    /// When it began, in milliseconds since 1970.
    pub started_at_ms: u64,
    /// How long it took.
    pub took_ms: u64,
    /// Whether this is the short form, which admits nothing.
    pub quick: bool,
    /// Admitted, or not, and why.
    pub verdict: Verdict,
    /// What was assessed.
    pub token: Token,
    /// What is claimed, and what holds.
    pub algorithms: Vec<Algorithm>,
    /// Whether attributes are enforced.
    pub attributes: Vec<Check>,
    /// How much it bears.
    pub limits: Vec<Check>,
    /// Speed, and right answers under concurrent use.
    pub speed: Vec<Speed>,
    /// What signed for the speed.
    pub speed_algorithm: Option<String>,
    /// Deaths and recoveries.
    pub recovery: Vec<Check>,
    /// The random numbers.
    pub random: Option<Random>,
    /// Whether everything that was made is gone.
    pub cleanup: Cleanup,
}

/// The decision.
#[derive(Clone, Debug, Serialize)]
pub struct Verdict {
    /// The decision.
    pub outcome: Decision,
    /// Why it is no better, the gravest first.
    pub reasons: Vec<Reason>,
}

/// The decision.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Decision {
    /// Nothing was found against it.
    Admitted,
    /// Usable, knowing these.
    AdmittedWithReservations,
    /// Not to be used.
    Refused,
}

/// Why a decision is no better.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Reason {
    /// How grave it is.
    pub weight: Weight,
    /// Which part of the report.
    pub area: &'static str,
    /// What was found.
    pub text: String,
}

/// How grave it is that something does not hold.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Weight {
    /// Good to know.
    Informative,
    /// A reservation.
    Important,
    /// A refusal.
    Critical,
}

/// What the token says of itself.
#[derive(Clone, Debug, Serialize)]
pub struct Token {
    /// The module's path.
    pub module: String,
    /// CK_INFO: the library's description and version.
    pub library: String,
    /// CK_INFO: the version of PKCS#11 that it states.
    pub cryptoki_version: String,
    /// Manufacturer.
    pub manufacturer: String,
    /// Model.
    pub model: String,
    /// Serial number.
    pub serial: String,
    /// Label.
    pub label: String,
    /// Hardware and firmware.
    pub hardware_version: String,
    /// Firmware.
    pub firmware_version: String,
    /// Whether it is a program that passes for a token.
    pub simulated: bool,
    /// Name of the vendor profile that it was driven by.
    pub vendor_profile: String,
    /// Mechanisms that it lists.
    pub mechanisms: Vec<String>,
}

/// One row of the table of algorithms, or a check that belongs to none.
#[derive(Clone, Debug, Serialize)]
pub struct Algorithm {
    /// Algorithm, purpose and scheme.
    pub name: String,
    /// What was found.
    pub outcome: Outcome,
    /// Why.
    pub detail: String,
    /// Checks that did not apply.
    pub skipped: Vec<String>,
}

/// What a check found.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// It holds.
    Holds,
    /// It does not.
    Fails,
    /// The token does not have this, and says so.
    NotSupported,
    /// It could not be tried, and this is why.
    Skipped,
}

/// One check.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Check {
    /// What should hold.
    pub name: &'static str,
    /// Where that is written.
    pub standard: &'static str,
    /// How grave it is if it does not.
    pub weight: Weight,
    /// What was found.
    pub outcome: Outcome,
    /// In words.
    pub detail: String,
}

/// Signatures with so many sessions at work.
#[derive(Clone, Debug, Serialize)]
pub struct Speed {
    /// Sessions at work.
    pub sessions: u8,
    /// How many signatures were made.
    pub signatures: usize,
    /// A second.
    pub signatures_per_second: f64,
    /// Half took no longer, in microseconds.
    pub p50_us: f64,
    /// All but one of a hundred took no longer.
    pub p99_us: f64,
    /// How many were verified afterwards.
    pub verified: usize,
    /// How many of those were bad.
    pub wrong: usize,
    /// Calls that failed.
    pub errors: usize,
    /// The first of them.
    pub first_error: Option<String>,
}

/// The random numbers.
#[derive(Clone, Debug, Serialize)]
pub struct Random {
    /// Bytes drawn.
    pub len: usize,
    /// Bytes a second.
    pub bytes_per_second: f64,
    /// The continuous tests of SP 800-90B §4.4.
    pub health: Check,
    /// Blocks of 16 bytes that came twice, also across a new session.
    pub repeated_blocks: usize,
    /// Estimates of min-entropy (SP 800-90B §6.3).
    pub estimates: Vec<Estimate>,
    /// The least of them, in bits a byte.
    pub min_entropy_bits_per_byte: f64,
    /// The tests of SP 800-22 and GM/T 0005.
    pub tests: Vec<StatisticalTest>,
    /// How often each byte came: 256 counts.
    pub histogram: Vec<u32>,
}

/// One estimate of min-entropy.
#[derive(Clone, Debug, Serialize)]
pub struct Estimate {
    /// Its name.
    pub name: &'static str,
    /// The section of SP 800-90B.
    pub section: &'static str,
    /// Bits of min-entropy for each bit.
    pub bits_per_bit: f64,
}

/// One statistical test over all sequences.
#[derive(Clone, Debug, Serialize)]
pub struct StatisticalTest {
    /// Name and parameter.
    pub name: &'static str,
    /// `SP 800-22, GM/T 0005`, or the latter alone.
    pub standard: &'static str,
    /// `passed`, `weak` or `failed`.
    pub grade: &'static str,
    /// One for each sequence of a million bits.
    pub p_values: Vec<f64>,
    /// How many are at least 0.01.
    pub passed: usize,
}

/// What was made, and what is left.
#[derive(Clone, Debug, Serialize)]
pub struct Cleanup {
    /// Keys that were asked for.
    pub keys_made: usize,
    /// Identities of those that could not be destroyed.
    pub left: Vec<String>,
    /// Objects that the user saw before; nothing if the token does not tell.
    pub objects_before: Option<usize>,
    /// Objects that the user saw afterwards.
    pub objects_after: Option<usize>,
}

/// Writes `report.json`, `report.md` and the plots into a directory, which is made if it is not there.
///
/// # Errors
/// [`Error::Write`] or [`Error::Encode`].
pub fn write(report: &Report, directory: &Path) -> Result<(), Error> {
    let failed = |path: &Path, cause: io::Error| Error::Write { path: path.display().to_string(), cause };
    std::fs::create_dir_all(directory).map_err(|cause| failed(directory, cause))?;
    let json = serde_json::to_string_pretty(report)? + "\n";
    let mut files = plot::all(report);
    files.push(("report.json", json));
    files.push(("report.md", markdown::of(report)));
    for (name, content) in files {
        let path = directory.join(name);
        std::fs::write(&path, content).map_err(|cause| failed(&path, cause))?;
    }
    Ok(())
}
