//! The configuration: one TOML file, documented in `hufu.example.toml`.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::num::{NonZeroU32, NonZeroUsize};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;

use crate::identities::invalid;
use crate::threshold::ThresholdConfig;

/// Longest configuration file, in bytes.
const FILE_LEN_MAX: u64 = 1 << 20;
/// With its prefix it fits the label of a PKCS#11 object on every token.
const GROUP_NAME_LEN_MAX: usize = 16;

/// What a deployment consists of. Relative paths are relative to the configuration file.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Whether simulated parts are allowed.
    #[serde(default)]
    pub mode: Mode,
    /// The gRPC listener.
    pub server: ServerConfig,
    /// The database.
    pub storage: StorageConfig,
    /// The token that holds the root key, the log key and the keys of protection `hsm`; nothing where there is a group.
    #[serde(default)]
    pub token: Option<TokenConfig>,
    /// Tokens that hold the same keys, in place of one token.
    #[serde(default)]
    pub group: Option<GroupConfig>,
    /// Custodians who hold the root together, in place of token and group: the server starts sealed.
    #[serde(default)]
    pub custodians: Option<CustodiansConfig>,
    /// Roster and policy of ceremonies; without them there are none.
    #[serde(default)]
    pub ceremonies: Option<CeremoniesConfig>,
    /// Holders who make keys among themselves and sign together; without them there are no keys of holders.
    #[serde(default)]
    pub threshold: Option<ThresholdConfig>,
    /// What makes the deployment a holder of shares of threshold keys; nothing where it keeps keys itself.
    #[serde(default)]
    pub holder: Option<HolderConfig>,
    /// Further root slots: tokens with a root key each, any of which opens what the service keeps wrapped; none when missing.
    #[serde(default)]
    pub root: Vec<RootConfig>,
    /// A TPM 2.0 beside the token, for keys that the token cannot hold; none when missing.
    #[serde(default)]
    pub tpm: Option<TpmConfig>,
    /// The ledger.
    pub ledger: LedgerConfig,
    /// Where `/metrics` and `/healthz` are served over HTTP; nowhere when missing.
    #[serde(default)]
    pub metrics_listen: Option<SocketAddr>,
    /// Shortest delay before a destruction.
    #[serde(default = "default_destroy_delay", deserialize_with = "duration")]
    pub destroy_delay_min: Duration,
    /// From which date on (`2030-12-31`, midnight UTC) no more keys of an algorithm are made.
    #[serde(default)]
    pub retire: BTreeMap<String, String>,
    /// Tenants.
    #[serde(default)]
    pub tenants: Vec<String>,
    /// Who may connect, and as what.
    #[serde(default)]
    pub principals: Vec<PrincipalConfig>,
    /// The directory of a development start.
    #[serde(skip)]
    pub(crate) dev_dir: Option<PathBuf>,
}

/// Whether simulated parts are allowed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// Simulated tokens are refused at start.
    #[default]
    Production,
    /// Simulated tokens are allowed and marked.
    Development,
}

/// The gRPC listener.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServerConfig {
    /// Address and port.
    pub listen: SocketAddr,
    /// Certificates.
    pub tls: TlsConfig,
}

/// Certificates of the listener, PEM files.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TlsConfig {
    /// The server's certificate, followed by its intermediates.
    pub certificate: PathBuf,
    /// The server's private key, PKCS#8.
    pub key: PathBuf,
    /// Authorities that client certificates must lead to.
    pub client_authorities: Vec<PathBuf>,
}

/// The database.
#[derive(Clone, Debug, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase", deny_unknown_fields)]
pub enum StorageConfig {
    /// One file, one server.
    Sqlite {
        /// The database file.
        path: PathBuf,
    },
    /// Several servers.
    Postgres {
        /// A file with the connection URL, readable by the service alone. The URL may hold a password: it is never an argument.
        url_file: PathBuf,
        /// The schema.
        #[serde(default = "default_schema")]
        schema: String,
    },
}

/// The token.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TokenConfig {
    /// The vendor's PKCS#11 module.
    pub module: PathBuf,
    /// Serial number of the token. Slot numbers move and labels repeat.
    pub serial: String,
    /// Where the user PIN comes from.
    pub pin: PinSource,
    /// The vendor profile, one of those that ship with Hufu; chosen by what the token states when missing.
    #[serde(default)]
    pub profile: Option<String>,
    /// A file with a vendor profile, in place of `profile`.
    #[serde(default)]
    pub profile_file: Option<PathBuf>,
    /// What the module is initialised with, in place of the profile's string.
    #[serde(default)]
    pub init_string: Option<String>,
    /// Sessions, each with a thread of its own.
    #[serde(default = "default_sessions")]
    pub sessions: NonZeroUsize,
    /// Where the module runs.
    #[serde(default)]
    pub isolation: Isolation,
    /// The program that the module runs in; `hufu-hsm-worker` beside the service's own when missing.
    #[serde(default)]
    pub worker: Option<PathBuf>,
    /// Environment variables, by name, that the module needs besides the usual ones.
    #[serde(default)]
    pub environment: Vec<String>,
    /// A call into the module that takes longer hangs: another session takes its place. Making a key may take ten times as
    /// long.
    #[serde(default = "default_hang_after", deserialize_with = "duration")]
    pub hang_after: Duration,
    /// How often signatures are checked before they are released.
    #[serde(default)]
    pub verify: VerifyConfig,
    /// With `verify = "sampled"`: one of so many is checked.
    #[serde(default = "default_verify_one_of")]
    pub verify_one_of: NonZeroU32,
}

/// Tokens that hold the same keys (docs/operations/groups.md).
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GroupConfig {
    /// Its name, which never changes: lower-case letters, digits and hyphens, at most 16.
    pub name: String,
    /// How many tokens hold a key before its creation completes.
    pub copies: NonZeroUsize,
    /// How keys come from one token to the others.
    pub replication: ReplicationConfig,
    /// Its tokens.
    #[serde(rename = "token")]
    pub tokens: Vec<TokenConfig>,
}

/// How keys come from one token of a group to the others.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ReplicationConfig {
    /// The devices copy every key by themselves.
    Vendor,
    /// The service copies keys that are replicable, under a key that the tokens share.
    Wrapped,
}

/// Custodians who hold the root together (docs/operations/split-root.md).
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CustodiansConfig {
    /// The roster, as the custodians' tools pin it.
    pub roster: PathBuf,
    /// The public part of the share set, which `hufud init` writes.
    pub set: PathBuf,
}

/// Ceremonies (docs/operations/ceremonies.md). Both files are the first ones: later ones come from ceremonies.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CeremoniesConfig {
    /// The roster, as the custodians' tools pin it.
    pub roster: PathBuf,
    /// The policy, TOML.
    pub policy: PathBuf,
    /// The least threshold of keys that applications deposit, 1 to 64.
    #[serde(default = "deposit_threshold_min")]
    pub deposit_threshold_min: u8,
}

fn deposit_threshold_min() -> u8 {
    2
}

/// A holder of shares of threshold keys (docs/operations/holders.md).
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HolderConfig {
    /// Its name in the roster.
    pub name: String,
    /// The deployment whose keys it holds shares of: the origin of its log.
    pub deployment: String,
    /// The roster of holders and requesters.
    pub roster: PathBuf,
    /// The hash of that roster as its operator has compared it: 64 hexadecimal digits, or its sixteen words.
    pub pin: String,
    /// What it lets be done, TOML.
    pub policy: PathBuf,
    /// Its own keys, a file that `hufu custodian new` has made.
    pub identity: PathBuf,
    /// Where the passphrase of that file comes from; for keys on a token, the token's PIN.
    pub passphrase: PinSource,
    /// The vendor's PKCS#11 module, for keys on a token.
    #[serde(default)]
    pub module: Option<PathBuf>,
}

/// A further root slot.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RootConfig {
    /// Its name, as stored with what its root key wraps: it never changes and is never used again.
    pub slot: String,
    /// Its token. `sessions`, `verify` and `verify_one_of` do not matter to it.
    pub token: TokenConfig,
}

/// Where a token's module runs (docs/design/0006-driver-isolation.md).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Isolation {
    /// In a supervised process of its own: what it does costs that process.
    #[default]
    Process,
    /// In the service's process: a little faster, and its crash is the service's.
    InProcess,
}

/// How often signatures of the token are checked. Those of RSA always are.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum VerifyConfig {
    /// Each one.
    Always,
    /// The first of each key after the token was lost, or the service was started.
    #[default]
    Reopened,
    /// As `reopened`, and one of `verify_one_of`.
    Sampled,
}

/// A TPM 2.0.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TpmConfig {
    /// Where it is, as the TCG software stack writes it, such as `device:/dev/tpmrm0`.
    pub tcti: String,
    /// Where the PIN comes from that guards its keys.
    pub pin: PinSource,
}

/// Where a PIN comes from. Never from an argument or an environment variable.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
pub enum PinSource {
    /// A file that a credential store provides; not beside the database.
    File(PathBuf),
    /// The terminal, at start.
    Prompt,
}

/// The ledger.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LedgerConfig {
    /// The log's origin, and the deployment's name: one that you own and that no other log has or has had, such as
    /// `kms.example.com/log-2026`. The first start keeps it for ever.
    pub origin: String,
    /// Where checkpoint and tiles are served over HTTP; nowhere when missing.
    #[serde(default)]
    pub listen: Option<SocketAddr>,
    /// Directory for the newest checkpoint and audit head, on another disk than the database.
    pub outside_dir: PathBuf,
    /// How often the audit trail's head goes on the ledger.
    #[serde(default = "default_audit_head_period", deserialize_with = "duration")]
    pub audit_head_period: Duration,
}

/// Who may connect, and as what.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PrincipalConfig {
    /// Its name.
    pub name: String,
    /// The tenant it belongs to.
    pub tenant: String,
    /// `admin`, `operator`, `application` or `auditor`; at a holder `coordinator` or `auditor`.
    pub role: String,
    /// Its certificate, a PEM file; the public key is what counts.
    #[serde(default)]
    pub certificate: Option<PathBuf>,
    /// SHA-256 of the SubjectPublicKeyInfo in hexadecimal, in place of a certificate.
    #[serde(default)]
    pub pin: Option<String>,
    /// Whether it may act.
    #[serde(default = "default_true")]
    pub active: bool,
}

/// Why a configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A file cannot be read.
    #[error("cannot read `{path}`: {error}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// The file is not the TOML it should be.
    #[error("`{path}`: {error}")]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong, and where.
        error: Box<toml::de::Error>,
    },
    /// A value cannot be used.
    #[error("`{field}`: {problem}")]
    Invalid {
        /// The field.
        field: &'static str,
        /// What is wrong.
        problem: String,
    },
}

impl Config {
    /// Reads a configuration file.
    ///
    /// # Errors
    /// [`ConfigError`]; unknown fields are refused.
    pub fn from_file(path: &Path) -> Result<Self, ConfigError> {
        let text = crate::files::read_text(path, FILE_LEN_MAX)?;
        let mut config: Self = toml::from_str(&text)
            .map_err(|error| ConfigError::Malformed { path: path.to_owned(), error: Box::new(error) })?;
        let base = path.parent().unwrap_or(Path::new("."));
        config.paths().for_each(|path| *path = base.join(&*path));
        Ok(config)
    }

    /// Every token: the one or those of the group, and those of further root slots.
    pub fn tokens(&self) -> impl Iterator<Item = &TokenConfig> {
        self.key_tokens().chain(self.root.iter().map(|root| &root.token))
    }

    /// The tokens that hold keys of protection `hsm`.
    pub(crate) fn key_tokens(&self) -> impl Iterator<Item = &TokenConfig> {
        self.token.iter().chain(self.group.iter().flat_map(|group| &group.tokens))
    }

    /// Refuses what no token or group can be, before anything is touched.
    pub(crate) fn check_tokens(&self) -> Result<(), ConfigError> {
        let group = match (&self.token, &self.group, &self.custodians) {
            (Some(_), None, None) => return Ok(()),
            (None, None, Some(_)) => return self.check_custodians(),
            (None, Some(group), None) => group,
            (None, None, None) => {
                return Err(invalid("token", "is missing: name a `[token]`, a `[group]` or `[custodians]`"));
            }
            _ => return Err(invalid("token", "name one of `[token]`, `[group]` and `[custodians]`")),
        };
        let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if group.name.is_empty() || group.name.len() > GROUP_NAME_LEN_MAX || !group.name.chars().all(is_plain) {
            let form = format!("has 1 to {GROUP_NAME_LEN_MAX} lower-case letters, digits and hyphens");
            return Err(invalid("group.name", &form));
        }
        if group.copies.get() > group.tokens.len() {
            return Err(invalid("group.copies", "there are fewer tokens"));
        }
        let serials: BTreeSet<&str> = group.tokens.iter().map(|token| token.serial.as_str()).collect();
        if serials.len() < group.tokens.len() {
            return Err(invalid("group.token", "two have the same serial number"));
        }
        Ok(())
    }

    /// What needs a token to stand beside.
    fn check_custodians(&self) -> Result<(), ConfigError> {
        if !self.root.is_empty() {
            return Err(invalid("root", "further root slots stand beside a `[token]` or a `[group]`"));
        }
        if self.tpm.is_some() {
            return Err(invalid("tpm", "stands beside a `[token]` or a `[group]`"));
        }
        Ok(())
    }

    fn paths(&mut self) -> impl Iterator<Item = &mut PathBuf> {
        let storage = match &mut self.storage {
            StorageConfig::Sqlite { path } | StorageConfig::Postgres { url_file: path, .. } => path,
        };
        let group = self.group.iter_mut().flat_map(|group| &mut group.tokens);
        let tokens = self.token.iter_mut().chain(group).chain(self.root.iter_mut().map(|root| &mut root.token));
        let tokens = tokens.flat_map(|token| {
            let pin = match &mut token.pin {
                PinSource::File(path) => Some(path),
                PinSource::Prompt => None,
            };
            pin.into_iter().chain(&mut token.worker).chain(&mut token.profile_file)
        });
        let tpm = match self.tpm.as_mut().map(|tpm| &mut tpm.pin) {
            Some(PinSource::File(path)) => Some(path),
            Some(PinSource::Prompt) | None => None,
        };
        let tls = &mut self.server.tls;
        [storage, &mut tls.certificate, &mut tls.key, &mut self.ledger.outside_dir]
            .into_iter()
            .chain(tokens)
            .chain(tpm)
            .chain(self.ceremonies.iter_mut().flat_map(|of| [&mut of.roster, &mut of.policy]))
            .chain(self.threshold.iter_mut().flat_map(ThresholdConfig::paths))
            .chain(self.holder.iter_mut().flat_map(HolderConfig::paths))
            .chain(&mut tls.client_authorities)
            .chain(self.custodians.iter_mut().flat_map(|custodians| [&mut custodians.roster, &mut custodians.set]))
            .chain(self.principals.iter_mut().filter_map(|principal| principal.certificate.as_mut()))
    }
}

impl HolderConfig {
    fn paths(&mut self) -> impl Iterator<Item = &mut PathBuf> {
        let passphrase = match &mut self.passphrase {
            PinSource::File(path) => Some(path),
            PinSource::Prompt => None,
        };
        [&mut self.roster, &mut self.policy, &mut self.identity].into_iter().chain(passphrase)
    }
}

fn default_true() -> bool {
    true
}

fn default_schema() -> String {
    "hufu".to_owned()
}

fn default_sessions() -> NonZeroUsize {
    NonZeroUsize::MIN.saturating_add(1)
}

pub(crate) fn default_hang_after() -> Duration {
    Duration::from_secs(3)
}

pub(crate) fn default_verify_one_of() -> NonZeroU32 {
    NonZeroU32::MIN.saturating_add(99)
}

fn default_destroy_delay() -> Duration {
    Duration::from_secs(24 * 3_600)
}

fn default_audit_head_period() -> Duration {
    Duration::from_secs(600)
}

pub(crate) fn duration<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let text = String::deserialize(deserializer)?;
    humantime::parse_duration(&text).map_err(serde::de::Error::custom)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_is_a_configuration() {
        let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../hufu.example.toml");
        let config = Config::from_file(&example).unwrap();
        assert_eq!(config.mode, Mode::Production);
        assert!(config.tokens().all(|token| token.isolation == Isolation::Process));
        assert_eq!((config.tokens().count(), config.check_tokens().is_ok()), (1, true));
        assert!(!config.principals.is_empty());
    }

    #[test]
    fn isolation_is_by_process_or_not_at_all() {
        let read =
            |word: &str| toml::from_str::<std::collections::BTreeMap<String, Isolation>>(&format!("is = {word:?}"));
        assert_eq!(read("process").unwrap()["is"], Isolation::Process);
        assert_eq!(read("in-process").unwrap()["is"], Isolation::InProcess);
        assert!(read("none").is_err());
    }

    #[test]
    fn a_group_is_judged_whole() {
        let read = |group: &str| {
            let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../hufu.example.toml");
            let mut config = Config::from_file(&example).unwrap();
            let table: BTreeMap<String, GroupConfig> = toml::from_str(group).unwrap();
            (config.token, config.group) = (None, table.into_values().next());
            config.check_tokens().map_err(|error| error.to_string())
        };
        let tokens = "[[group.token]]\nmodule = \"m\"\nserial = \"1\"\npin = \"prompt\"\n\
                      [[group.token]]\nmodule = \"m\"\nserial = \"2\"\npin = \"prompt\"\n";
        let head = "[group]\nname = \"front\"\nreplication = \"wrapped\"\ncopies = 2\n";
        assert_eq!(read(&format!("{head}{tokens}")), Ok(()));
        for (from, to, about) in [
            ("copies = 2", "copies = 3", "copies"),
            ("\"front\"", "\"Front\"", "name"),
            ("\"front\"", "\"\"", "name"),
            ("\"front\"", "\"a-name-too-long-for-it\"", "name"),
            ("serial = \"2\"", "serial = \"1\"", "serial"),
        ] {
            let error = read(&format!("{head}{tokens}").replace(from, to)).unwrap_err();
            assert!(error.contains(about), "{from}: {error}");
        }
        let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../hufu.example.toml");
        let mut config = Config::from_file(&example).unwrap();
        config.token = None;
        assert!(config.check_tokens().is_err(), "neither token nor group");
    }

    #[test]
    fn unknown_fields_are_refused() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("hufu.toml");
        std::fs::write(&path, "mode = \"production\"\ninsecure = true\n").unwrap();
        let error = Config::from_file(&path).unwrap_err().to_string();
        assert!(error.contains("insecure"), "{error}");
    }
}
