//! The command line of `hufud`.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use clap::{ArgGroup, Parser, Subcommand, ValueEnum};
use hufu_core::name::VersionName;
use tracing_subscriber::EnvFilter;

/// Port of the development server.
const PORT: u16 = 8743;

const EXIT_CODES: &str = "\
Exit codes:
  0  stopped in order after SIGTERM or SIGINT
  1  stopped by a failure while serving
  2  the command line is wrong
  3  did not start: configuration, key store, database or ledger do not allow it";

/// Hufu, a hardware-backed key management service.
#[derive(Parser, Debug)]
#[command(name = "hufud", version, after_help = EXIT_CODES)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
#[command(group(ArgGroup::new("mode").required(true).args(["dev", "config"])))]
pub struct Args {
    /// Work on the installation instead of serving it.
    #[command(subcommand)]
    pub work: Option<Work>,

    /// Run a development server: SQLite, a SoftHSM token of its own, development certificates. Nothing in it is safe.
    #[arg(long)]
    pub dev: bool,

    /// Run as this file says.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,

    /// What the server is: a holder has shares of threshold keys, and its file a section `[holder]`; it serves nothing else.
    #[arg(long, value_name = "ROLE", default_value = "service", conflicts_with = "dev")]
    pub role: ServerRole,

    /// Where a development server keeps everything.
    #[arg(long, value_name = "DIR", default_value = "./hufu-data", conflicts_with = "config")]
    pub data_dir: PathBuf,

    /// Where a development server listens; port 0 picks a free one.
    #[arg(long, value_name = "ADDR:PORT", default_value_t = default_listen(), conflicts_with = "config")]
    pub listen: SocketAddr,

    /// PKCS#11 module of a development server, instead of the SoftHSM that is installed.
    #[arg(long, value_name = "PATH", conflicts_with = "config")]
    pub pkcs11_module: Option<PathBuf>,

    /// What is logged: `info`, `debug`, or `target=level,…`.
    #[arg(long, global = true, value_name = "FILTER", default_value = "info", value_parser = filter)]
    pub log: String,

    /// How it is logged, on standard error; by default text on a terminal and JSON elsewhere.
    #[arg(long, global = true, value_name = "FORMAT")]
    pub log_format: Option<LogFormat>,
}

/// What else than serving can be done.
#[derive(Subcommand, Debug)]
pub enum Work {
    /// Root slots: the tokens whose root keys wrap what the service keeps wrapped.
    #[command(subcommand)]
    Root(RootWork),
    /// The shares of a holder, which must be stopped.
    #[command(subcommand)]
    Shares(SharesWork),
    /// Lay the foundation of an installation and end. With `[custodians]` the root is split among them: each share is written
    /// to a file, sealed to its custodian, and the server starts sealed from then on.
    Init(InitWork),
    /// The process that puts shares together. The service starts it.
    #[command(hide = true, name = hufu_wiring::SHARE_OPENER)]
    ShareOpener,
}

/// How an installation is begun.
#[derive(clap::Args, Debug)]
pub struct InitWork {
    /// The server's configuration.
    #[arg(long, value_name = "FILE")]
    pub config: PathBuf,
    /// How many shares open the server.
    #[arg(long, value_name = "T", requires = "out", value_parser = clap::value_parser!(u8).range(1..=64))]
    pub threshold: Option<u8>,
    /// A custodian who gets a share, once for each; when nobody is named, everyone of the roster with the role `custodian`.
    #[arg(long = "custodian", value_name = "NAME", requires = "threshold")]
    pub custodians: Vec<String>,
    /// A new directory for the shares.
    #[arg(long, value_name = "DIR", requires_all = ["threshold", "words"])]
    pub out: Option<PathBuf>,
    /// The sixteen words of the roster, as a custodian said them, in quotes: so that nobody has put another roster there.
    #[arg(long, value_name = "WORDS", requires = "threshold")]
    pub words: Option<String>,
}

/// Work on root slots. On SQLite the server must be stopped; on PostgreSQL servers may run.
#[derive(Subcommand, Debug)]
pub enum RootWork {
    /// Show the slots, and how much rests on each.
    Show {
        /// The server's configuration.
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
    },
    /// Move everything from one slot to another, and retire the old one; when it was cut off, the same line goes on.
    Move {
        /// The server's configuration.
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
        /// The slot that is to be retired; `token` is that of `[token]`.
        #[arg(long, value_name = "SLOT")]
        from: String,
        /// The slot that is to carry everything.
        #[arg(long, value_name = "SLOT")]
        to: String,
        /// Destroy the old slot's root key on its token afterwards. What no other slot wraps, such as an older backup of the
        /// database, will never open again.
        #[arg(long)]
        destroy_root_key: bool,
        /// Do not ask before the root key is destroyed.
        #[arg(long)]
        yes: bool,
    },
    /// Make a new root key on the slot's token, and move everything to it; when it was cut off, the same line goes on. The old
    /// root key stays on the token until `destroy-key`.
    Rotate {
        /// The server's configuration.
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
        /// The slot, as the configuration names it; `token` is that of `[token]`.
        #[arg(long, value_name = "SLOT")]
        slot: String,
    },
    /// Destroy the root key of a retired slot on its token.
    DestroyKey {
        /// The server's configuration.
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
        /// The slot.
        #[arg(long, value_name = "SLOT")]
        slot: String,
        /// Do not ask.
        #[arg(long)]
        yes: bool,
    },
}

/// Work on the shares of a holder, by whoever runs it.
#[derive(Subcommand, Debug)]
pub enum SharesWork {
    /// Show every share that there is or was, with the SHA-256 of its public key (`hufu key public` tells the key).
    List {
        /// The holder's configuration.
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
    },
    /// Destroy one share, whatever the policy lets callers do: one of a key that came to nothing, or that is destroyed elsewhere.
    Discard {
        /// The holder's configuration.
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
        /// The key version, `tenants/T/keys/K/versions/N`.
        #[arg(long, value_name = "NAME", value_parser = version_name)]
        key_version: VersionName,
        /// The SHA-256 of its public key, as `list` shows it.
        #[arg(long, value_name = "HEX", value_parser = digest)]
        public_key: Digest,
        /// Do not ask.
        #[arg(long)]
        yes: bool,
    },
    /// Make a new key that shares are wrapped under, bring all of them under it, and destroy the old one. When it was cut off, the
    /// holder's next start ends it.
    RotateKey {
        /// The holder's configuration.
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
    },
}

/// A SHA-256.
#[derive(Clone, Copy, Debug)]
pub struct Digest(pub [u8; 32]);

/// What a server is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum ServerRole {
    /// A key management service.
    Service,
    /// A holder of shares of threshold keys.
    Holder,
}

/// How log lines look.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum LogFormat {
    /// One JSON object a line.
    Json,
    /// For people.
    Text,
}

fn default_listen() -> SocketAddr {
    (Ipv4Addr::LOCALHOST, PORT).into()
}

fn filter(text: &str) -> Result<String, String> {
    EnvFilter::try_new(text).map(|_| text.to_owned()).map_err(|error| error.to_string())
}

fn version_name(text: &str) -> Result<VersionName, String> {
    text.parse().map_err(|error: hufu_core::Error| error.message().to_owned())
}

fn digest(text: &str) -> Result<Digest, String> {
    let mut bytes = [0; 32];
    hex::decode_to_slice(text, &mut bytes).map_err(|_| "64 hexadecimal digits".to_owned())?;
    Ok(Digest(bytes))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    fn parse(line: &str) -> Result<Args, clap::Error> {
        Args::try_parse_from(std::iter::once("hufud").chain(line.split_whitespace()))
    }

    #[test]
    fn the_command_line_is_well_formed() {
        Args::command().debug_assert();
    }

    #[test]
    fn one_mode_is_needed_and_only_one() {
        let args = parse("--dev").unwrap();
        assert_eq!((args.data_dir, args.listen.to_string()), ("./hufu-data".into(), "127.0.0.1:8743".into()));
        assert_eq!(parse("--dev --listen 127.0.0.1:0").unwrap().listen.port(), 0);
        assert!(parse("--config hufu.toml").unwrap().config.is_some());
        for line in [
            "root show --config x",
            "root move --config x --from token --to vault --destroy-root-key",
            "root destroy-key --config x --slot token --yes",
            "shares list --config x",
            "shares rotate-key --config x",
            &format!(
                "shares discard --config x --key-version tenants/t/keys/k/versions/1 --public-key {}",
                "ab".repeat(32)
            ),
        ] {
            assert!(parse(line).unwrap().work.is_some(), "{line}");
        }
        assert_eq!(parse("--config hufu.toml").unwrap().role, ServerRole::Service);
        assert_eq!(parse("--role holder --config holder.toml").unwrap().role, ServerRole::Holder);
        for line in [
            "--dev --role holder",
            "--role keeper --config x",
            "root",
            "root show",
            "root move --config x --from token",
            "shares discard --config x --key-version tenants/t/keys/k --public-key ab",
            "--dev root show --config x",
        ] {
            assert!(parse(line).is_err(), "{line}");
        }
        for line in ["", "--dev --config x", "--config x --data-dir y", "--dev --log =x=", "--dev --listen here"] {
            assert_eq!(parse(line).unwrap_err().exit_code(), 2, "{line}");
        }
    }
}
