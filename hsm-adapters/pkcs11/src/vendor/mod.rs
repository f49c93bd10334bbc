//! Vendor profiles: what is known of a kind of token before it is tried, as data.
//!
//! A profile explains and corrects; it never adds an ability. What a token can do is found out by trial all the same, and what
//! one profile knows to be a simulation stays one under every other.

mod builtin;
mod error;
mod file;
mod text;

use std::fmt;
use std::sync::Arc;

use cryptoki::context::Pkcs11;
use cryptoki::mechanism::MechanismType;
use hufu_core::algorithm::Scheme;

use crate::token_info::TokenInfo;

pub use error::ProfileError;
pub use file::check_init_string;

/// Longest profile, in bytes.
pub const PROFILE_LEN_MAX: usize = 64 << 10;

/// Longest initialisation string, in bytes.
pub const INIT_STRING_LEN_MAX: usize = 4_096;

/// What is known of a vendor's tokens (docs/operations/vendor-profiles.md).
#[derive(Clone, PartialEq, Eq)]
pub struct VendorProfile {
    pub(crate) name: String,
    pub(crate) title: String,
    pub(crate) matches: Vec<Match>,
    pub(crate) init_string: Option<String>,
    pub(crate) simulation: Simulation,
    pub(crate) login: bool,
    pub(crate) sessions_max: Option<usize>,
    pub(crate) ec_point: EcPoint,
    pub(crate) quirks: Quirks,
    /// What is refused whatever a trial would say, and why.
    pub(crate) refused: Vec<(Scheme, String)>,
    pub(crate) mechanisms: VendorMechanisms,
    /// As it was read, for another process.
    text: Arc<str>,
}

/// Which tokens a profile is for: all that is named must be contained, whatever the case of the letters.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Match {
    pub(crate) manufacturer: Option<String>,
    pub(crate) model: Option<String>,
    pub(crate) library: Option<String>,
}

/// Whether keys must not pass for hardware-protected.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Simulation {
    Always,
    Never,
    /// When the token states one of these.
    Stated(Vec<String>),
}

/// How a token shows CKA_EC_POINT (PKCS #11 v3.1 §6.3.3).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) enum EcPoint {
    /// The bare point.
    Raw,
    /// The point in a DER OCTET STRING, as the standard says.
    Der,
    /// One or the other; the lengths tell which.
    #[default]
    Either,
}

/// Departures from the standard that are worked around.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Quirks {
    /// Keys are token objects, also those of trials.
    pub(crate) token_objects_only: bool,
    /// The template of a public key names no uses: neither CKA_VERIFY nor CKA_ENCRYPT nor CKA_WRAP.
    pub(crate) no_public_uses: bool,
    /// CKA_ALLOWED_MECHANISMS is not asked for.
    pub(crate) no_allowed_mechanisms: bool,
    /// The length that C_Encrypt tells beforehand leaves the tag of GCM out: it is not asked for.
    pub(crate) wrong_ciphertext_len: bool,
    /// A token that is write-protected shares the serial number of the one that is meant, and is passed over.
    pub(crate) skip_write_protected: bool,
}

/// Numbers of mechanisms that PKCS #11 does not define.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct VendorMechanisms {
    pub(crate) sm2: Option<Sm2Mechanisms>,
    pub(crate) sm3: Option<Sm3Mechanisms>,
    pub(crate) sm4: Option<Sm4Mechanisms>,
}

/// SM2 signatures (GB/T 32918.2) of e = SM3(Z_A ‖ M), which is computed here.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Sm2Mechanisms {
    pub(crate) generate: MechanismType,
    pub(crate) sign: MechanismType,
    pub(crate) signature: SignatureForm,
}

/// HMAC-SM3 (GB/T 15852.2).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Sm3Mechanisms {
    /// CKM_GENERIC_SECRET_KEY_GEN when the vendor has no other.
    pub(crate) generate: MechanismType,
    pub(crate) hmac: MechanismType,
}

/// SM4-GCM (RFC 8998), with the parameters of CKM_AES_GCM.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Sm4Mechanisms {
    pub(crate) generate: MechanismType,
    pub(crate) gcm: MechanismType,
}

/// How a token writes r and s.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) enum SignatureForm {
    /// r ‖ s of 32 bytes each.
    #[default]
    Raw,
    /// A DER SEQUENCE of two INTEGERs.
    Der,
}

impl VendorProfile {
    /// Reads a profile.
    ///
    /// # Errors
    /// [`ProfileError`] names the field and how to mend it; unknown fields are refused.
    pub fn parse(text: &str) -> Result<Self, ProfileError> {
        file::parse(text)
    }

    /// The profile of that name that ships with the product.
    ///
    /// # Errors
    /// [`ProfileError`] with the names that there are.
    pub fn named(name: &str) -> Result<Self, ProfileError> {
        builtin::named(name)
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What it is for, in a line for people.
    #[must_use]
    pub fn title(&self) -> &str {
        &self.title
    }

    /// As it was read: [`VendorProfile::parse`] gives the same profile.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The string for C_Initialize, if the profile has one.
    #[must_use]
    pub fn init_string(&self) -> Option<&str> {
        self.init_string.as_deref()
    }

    /// Why a scheme is refused, if it is.
    pub(crate) fn refusal(&self, scheme: Scheme) -> Option<&str> {
        self.refused.iter().find(|(refused, _)| *refused == scheme).map(|(_, why)| why.as_str())
    }

    fn fits(&self, stated: &Stated) -> bool {
        self.matches.iter().any(|one| one.fits(stated))
    }

    fn is_simulated(&self, stated: &Stated) -> bool {
        match &self.simulation {
            Simulation::Always => true,
            Simulation::Never => false,
            Simulation::Stated(words) => {
                let token = format!("{} {}", stated.manufacturer, stated.model);
                words.iter().any(|word| contains(&token, word))
            }
        }
    }
}

impl fmt::Debug for VendorProfile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "VendorProfile({})", self.name)
    }
}

/// What module and token say of themselves.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Stated {
    manufacturer: String,
    model: String,
    /// CK_INFO: manufacturer and description of the library.
    library: String,
}

impl Stated {
    pub(crate) fn read(context: &Pkcs11, token: &TokenInfo) -> Self {
        // A library that says nothing valid of itself is chosen for by its token.
        let library = context.get_library_info();
        let library = library.map(|info| format!("{} {}", info.manufacturer_id(), info.library_description()));
        Self {
            manufacturer: token.manufacturer.clone(),
            model: token.model.clone(),
            library: library.unwrap_or_default(),
        }
    }
}

impl Match {
    fn fits(&self, stated: &Stated) -> bool {
        let pairs = [
            (&self.manufacturer, &stated.manufacturer),
            (&self.model, &stated.model),
            (&self.library, &stated.library),
        ];
        pairs.into_iter().all(|(wanted, stated)| wanted.as_ref().is_none_or(|wanted| contains(stated, wanted)))
    }
}

/// The profile for a token: the one that was named, or the first of those that ship with the product that fits.
pub(crate) fn choose(named: Option<&VendorProfile>, stated: &Stated) -> VendorProfile {
    named.cloned().unwrap_or_else(|| builtin::fitting(stated))
}

/// Whether any profile knows the token as a simulation. A profile that an operator has written cannot make a program a device.
pub(crate) fn is_simulated(chosen: &VendorProfile, stated: &Stated) -> bool {
    chosen.is_simulated(stated) || builtin::fitting(stated).is_simulated(stated)
}

/// Whether a text contains another, whatever the case of the letters and the number of spaces.
fn contains(text: &str, part: &str) -> bool {
    let plain = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase();
    plain(text).contains(&plain(part))
}

#[cfg(test)]
mod tests;
