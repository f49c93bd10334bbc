//! The form of a profile: TOML, each field checked, unknown ones refused.

use std::collections::BTreeMap;
use std::sync::Arc;

use cryptoki::mechanism::MechanismType;
use hufu_core::algorithm::{Scheme, TABLE};
use serde::Deserialize;

use super::text::{self, check_name, check_text};
use super::{
    EcPoint, INIT_STRING_LEN_MAX, Match, PROFILE_LEN_MAX, ProfileError, Quirks, SignatureForm, Simulation,
    Sm2Mechanisms, Sm3Mechanisms, Sm4Mechanisms, VendorMechanisms, VendorProfile,
};

/// The format of this release.
const FORMAT: u64 = 1;
const TITLE_LEN_MAX: usize = 128;
const MATCHES_MAX: usize = 16;
/// CK_TOKEN_INFO and CK_INFO have fields of at most 32 bytes; a library is matched by two of them.
const FRAGMENT_LEN_MAX: usize = 65;
const REASON_LEN_MAX: usize = 256;
const SESSIONS_MAX: u64 = 1_024;
/// CKM_VENDOR_DEFINED: the numbers from here on are the vendors' (PKCS #11 v3.1 §6.1).
const VENDOR_FROM: u64 = 0x8000_0000;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    format: u64,
    name: String,
    title: String,
    #[serde(default, rename = "match")]
    matches: Vec<MatchTable>,
    #[serde(default)]
    module: ModuleTable,
    #[serde(default)]
    token: TokenTable,
    #[serde(default)]
    quirks: QuirksTable,
    #[serde(default)]
    refused: BTreeMap<String, String>,
    #[serde(default)]
    mechanisms: MechanismsTable,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MatchTable {
    manufacturer: Option<String>,
    model: Option<String>,
    library: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct ModuleTable {
    init_string: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct TokenTable {
    simulated: Option<bool>,
    simulated_if: Option<Vec<String>>,
    login: Option<bool>,
    sessions_max: Option<u64>,
    #[serde(default)]
    ec_point: EcPointWord,
}

#[derive(Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum EcPointWord {
    Raw,
    Der,
    #[default]
    Either,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct QuirksTable {
    token_objects_only: bool,
    no_public_uses: bool,
    no_allowed_mechanisms: bool,
    wrong_ciphertext_len: bool,
    skip_write_protected: bool,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct MechanismsTable {
    sm2: Option<Sm2Table>,
    sm3: Option<Sm3Table>,
    sm4: Option<Sm4Table>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Sm2Table {
    generate: u64,
    sign: u64,
    #[serde(default)]
    signature: SignatureWord,
}

#[derive(Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum SignatureWord {
    #[default]
    Raw,
    Der,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Sm3Table {
    generate: Option<u64>,
    hmac: u64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Sm4Table {
    generate: u64,
    gcm: u64,
}

pub(super) fn parse(text: &str) -> Result<VendorProfile, ProfileError> {
    if text.len() > PROFILE_LEN_MAX {
        let problem = format!("is longer than {PROFILE_LEN_MAX} bytes");
        return Err(ProfileError::new("the file", problem, "it describes one kind of token; take the rest out"));
    }
    let file: File = toml::from_str(text).map_err(|error| text::malformed(text, &error))?;
    let name = file.name.clone();
    check_name("name", &name)?;
    profile(file, text).map_err(|error| error.of(&name))
}

fn profile(file: File, text: &str) -> Result<VendorProfile, ProfileError> {
    if file.format != FORMAT {
        let problem = format!("is {}", file.format);
        return Err(ProfileError::new("format", problem, format!("this release reads format {FORMAT}")));
    }
    check_text("title", &file.title, TITLE_LEN_MAX)?;
    let init_string = file.module.init_string;
    init_string.iter().try_for_each(|string| check_init_string("module.init_string", string))?;
    Ok(VendorProfile {
        matches: matches(file.matches)?,
        init_string,
        login: file.token.login.unwrap_or(true),
        sessions_max: sessions_max(file.token.sessions_max)?,
        ec_point: match file.token.ec_point {
            EcPointWord::Raw => EcPoint::Raw,
            EcPointWord::Der => EcPoint::Der,
            EcPointWord::Either => EcPoint::Either,
        },
        simulation: simulation(file.token.simulated, file.token.simulated_if)?,
        quirks: quirks(&file.quirks),
        refused: refused(file.refused)?,
        mechanisms: mechanisms(&file.mechanisms)?,
        name: file.name,
        title: file.title,
        text: Arc::from(text),
    })
}

/// Checks a string that C_Initialize is to be given.
///
/// # Errors
/// [`ProfileError`] when it is empty or too long, or holds control characters.
pub fn check_init_string(field: &str, string: &str) -> Result<(), ProfileError> {
    check_text(field, string, INIT_STRING_LEN_MAX)
}

fn matches(tables: Vec<MatchTable>) -> Result<Vec<Match>, ProfileError> {
    if tables.len() > MATCHES_MAX {
        let problem = format!("is there {} times", tables.len());
        return Err(ProfileError::new("match", problem, format!("at most {MATCHES_MAX} times")));
    }
    tables.into_iter().map(one_match).collect()
}

fn one_match(table: MatchTable) -> Result<Match, ProfileError> {
    let MatchTable { manufacturer, model, library } = table;
    let named = [("match.manufacturer", &manufacturer), ("match.model", &model), ("match.library", &library)];
    if named.iter().all(|(_, value)| value.is_none()) {
        let fix = "name a manufacturer, model or library, as `pkcs11-tool -L` and `-I` show them";
        return Err(ProfileError::new("match", "is empty and would fit every token", fix));
    }
    for (field, value) in named {
        value.iter().try_for_each(|value| check_text(field, value, FRAGMENT_LEN_MAX))?;
    }
    Ok(Match { manufacturer, model, library })
}

fn simulation(always: Option<bool>, stated: Option<Vec<String>>) -> Result<Simulation, ProfileError> {
    match (always, stated) {
        (Some(_), Some(_)) => {
            let fix = "keep `simulated` if it is so for every token of this kind, else `simulated_if`";
            Err(ProfileError::new("token.simulated_if", "is there beside `simulated`", fix))
        }
        (None, Some(words)) => {
            let (field, fix) = ("token.simulated_if", "name 1 to 16 parts of manufacturer and model");
            if words.is_empty() || words.len() > MATCHES_MAX {
                return Err(ProfileError::new(field, format!("has {} words", words.len()), fix));
            }
            words.iter().try_for_each(|word| check_text(field, word, FRAGMENT_LEN_MAX))?;
            Ok(Simulation::Stated(words))
        }
        (Some(false), None) => Ok(Simulation::Never),
        (Some(true), None) => Ok(Simulation::Always),
        (None, None) => {
            let fix = "write `simulated = true` for a token in software, `simulated = false` for a device";
            Err(ProfileError::new("token.simulated", "is missing", fix))
        }
    }
}

fn sessions_max(wanted: Option<u64>) -> Result<Option<usize>, ProfileError> {
    let Some(wanted) = wanted else { return Ok(None) };
    let max = usize::try_from(wanted).ok().filter(|_| (1..=SESSIONS_MAX).contains(&wanted));
    let wrong = || {
        let fix = format!("write 1 to {SESSIONS_MAX}, or leave it out");
        ProfileError::new("token.sessions_max", format!("is {wanted}"), fix)
    };
    max.map(Some).ok_or_else(wrong)
}

fn quirks(table: &QuirksTable) -> Quirks {
    Quirks {
        token_objects_only: table.token_objects_only,
        no_public_uses: table.no_public_uses,
        no_allowed_mechanisms: table.no_allowed_mechanisms,
        wrong_ciphertext_len: table.wrong_ciphertext_len,
        skip_write_protected: table.skip_write_protected,
    }
}

fn refused(table: BTreeMap<String, String>) -> Result<Vec<(Scheme, String)>, ProfileError> {
    let schemes: Vec<Scheme> = TABLE.iter().flat_map(|entry| entry.schemes).map(|(_, scheme)| *scheme).collect();
    let one = |(name, why): (String, String)| {
        let scheme = schemes.iter().copied().find(|scheme| scheme.name() == name).ok_or_else(|| {
            let fix = "write the name of a scheme, as `hufu status` and docs/operations/conformance.md show them";
            ProfileError::new("refused", "names a scheme that is not there", fix)
        })?;
        check_text(&format!("refused.{name}"), &why, REASON_LEN_MAX)?;
        Ok((scheme, why))
    };
    table.into_iter().map(one).collect()
}

fn mechanisms(table: &MechanismsTable) -> Result<VendorMechanisms, ProfileError> {
    let sm2 = table.sm2.as_ref().map(|sm2| {
        let signature = match sm2.signature {
            SignatureWord::Raw => SignatureForm::Raw,
            SignatureWord::Der => SignatureForm::Der,
        };
        let (generate, sign) = (vendor("sm2.generate", sm2.generate)?, vendor("sm2.sign", sm2.sign)?);
        Ok(Sm2Mechanisms { generate, sign, signature })
    });
    let sm3 = table.sm3.as_ref().map(|sm3| {
        let generate = sm3.generate.map(|number| vendor("sm3.generate", number)).transpose()?;
        let generate = generate.unwrap_or(MechanismType::GENERIC_SECRET_KEY_GEN);
        Ok(Sm3Mechanisms { generate, hmac: vendor("sm3.hmac", sm3.hmac)? })
    });
    let sm4 = table.sm4.as_ref().map(|sm4| {
        Ok(Sm4Mechanisms { generate: vendor("sm4.generate", sm4.generate)?, gcm: vendor("sm4.gcm", sm4.gcm)? })
    });
    Ok(VendorMechanisms { sm2: sm2.transpose()?, sm3: sm3.transpose()?, sm4: sm4.transpose()? })
}

/// A number of the vendor's. One of the standard's would let another cipher pass for SM4.
fn vendor(field: &str, number: u64) -> Result<MechanismType, ProfileError> {
    let wrong = || {
        let fix = format!("write the number of the vendor's header, {VENDOR_FROM:#x} to 0xffffffff");
        ProfileError::new(&format!("mechanisms.{field}"), format!("is {number:#x}, none of a vendor's"), fix)
    };
    let in_range = u32::try_from(number).is_ok_and(|number| u64::from(number) >= VENDOR_FROM);
    if !in_range {
        return Err(wrong());
    }
    MechanismType::new_vendor_defined(number).map_err(|_| wrong())
}
