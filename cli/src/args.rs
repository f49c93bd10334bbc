use std::{path::PathBuf, time::Duration};

use clap::{
    Parser, Subcommand,
    builder::{PossibleValue, PossibleValuesParser, RangedU64ValueParser, TypedValueParser},
};
use hufu_sdk::Word;

use crate::{app::App, command, exit, failure::Failure, output::Output, time::parse_duration};

/// Keys, their use and their proofs: the client of the key management service `hufud`.
///
/// A key is named `NAME`, one of its versions `NAME@VERSION`. Without a version, a key is used by its primary version,
/// and changed in its newest one. In place of a file, `-` is standard input or standard output.
///
/// The profile says which service and as whom: `--profile`, else the variable HUFU_PROFILE, else
/// `./hufu-data/profiles/admin.toml`.
#[derive(Debug, Parser)]
#[command(name = "hufu", version, after_help = exit::HELP)]
pub(crate) struct Cli {
    /// Profile of the service and the client
    #[arg(long, global = true, help_heading = "Global options", value_name = "FILE")]
    profile: Option<PathBuf>,
    /// How results are written; keys, signatures and other data that go to standard output go there as they are
    #[arg(long, global = true, help_heading = "Global options", value_enum, default_value_t)]
    output: Output,
    /// Longest time for a call, all its attempts together [default: 30s]
    #[arg(long, global = true, help_heading = "Global options", value_name = "DURATION", value_parser = parse_duration)]
    timeout: Option<Duration>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Create keys and lead them through their life
    #[command(subcommand)]
    Key(command::key::Command),
    /// Sign a file
    Sign(command::sign::Sign),
    /// Verify a signature; ends with 0 when it is good, with 1 when it is bad, with 3 when the key is compromised
    Verify(command::sign::Verify),
    /// Encrypt a file
    Encrypt(command::encrypt::Encrypt),
    /// Decrypt a file
    Decrypt(command::encrypt::Decrypt),
    /// Make or check a message authentication code
    Mac(command::mac::Mac),
    /// Share secrets with the holder of a key (key encapsulation)
    #[command(subcommand)]
    Kem(command::kem::Command),
    /// Agree on a secret with the holder of another key, and derive a key from it (Diffie-Hellman)
    Derive(command::derive::Derive),
    /// Random bytes from the service or its token
    Random(command::random::Random),
    /// Hardware security modules
    #[command(subcommand)]
    Hsm(command::hsm::Command),
    /// Checkpoints and proofs of the ledger
    #[command(subcommand)]
    Ledger(command::ledger::Command),
    /// Who did what with which key
    #[command(subcommand)]
    Audit(command::audit::Command),
    /// The tenant, and the key that its keys are wrapped under
    #[command(subcommand)]
    Tenant(command::tenant::Command),
    /// Work of those who hold shares and approve: keys, enrolment, the roster, shares
    #[cfg(feature = "custodian")]
    #[command(subcommand)]
    Custodian(command::custodian::Command),
    /// What people decide together: requests, approvals, vetoes, transcripts; what is signed and verified needs no service
    #[cfg(feature = "custodian")]
    #[command(subcommand)]
    Ceremony(command::ceremony::Command),
    /// What custodians hold together: sets of shares, and who has confirmed
    #[cfg(feature = "custodian")]
    #[command(subcommand)]
    ShareSet(command::share_set::Command),
    /// Own keys, deposited among custodians for recovery
    #[cfg(feature = "custodian")]
    #[command(subcommand)]
    Deposit(command::deposit::Command),
    /// A server that starts sealed: whose shares it waits for, and how they come to it
    #[cfg(feature = "custodian")]
    #[command(subcommand)]
    Unseal(command::unseal::Command),
    /// State of the service
    Status(command::status::Status),
    /// Print a completion script for a shell
    Completion(command::completion::Completion),
}

impl Cli {
    pub(crate) async fn run(self) -> Result<(), Failure> {
        let app = App { profile: self.profile, output: self.output, timeout: self.timeout };
        match self.command {
            Command::Key(command) => command.run(&app).await,
            Command::Sign(command) => command.run(&app).await,
            Command::Verify(command) => command.run(&app).await,
            Command::Encrypt(command) => command.run(&app).await,
            Command::Decrypt(command) => command.run(&app).await,
            Command::Mac(command) => command.run(&app).await,
            Command::Kem(command) => command.run(&app).await,
            Command::Derive(command) => command.run(&app).await,
            Command::Random(command) => command.run(&app).await,
            Command::Hsm(command) => command.run(&app).await,
            Command::Ledger(command) => command.run(&app).await,
            Command::Audit(command) => command.run(&app).await,
            Command::Tenant(command) => command.run(&app).await,
            #[cfg(feature = "custodian")]
            Command::Custodian(command) => command.run(&app).await,
            #[cfg(feature = "custodian")]
            Command::Ceremony(command) => command.run(&app).await,
            #[cfg(feature = "custodian")]
            Command::ShareSet(command) => command.run(&app).await,
            #[cfg(feature = "custodian")]
            Command::Deposit(command) => command.run(&app).await,
            #[cfg(feature = "custodian")]
            Command::Unseal(command) => command.run(&app).await,
            Command::Status(command) => command.run(&app).await,
            Command::Completion(command) => command.run(),
        }
    }
}

/// Reads a word of the API, however it is capitalized and with or without hyphens; lists the known ones in the help.
pub(crate) fn word<T: Word + Send + Sync + 'static>() -> impl TypedValueParser<Value = T> {
    let known = T::words().into_iter().map(|word| {
        let plain = word.replace('-', "");
        let other = (plain != word).then_some(plain);
        PossibleValue::new(word).aliases(other)
    });
    PossibleValuesParser::new(known).try_map(|word| T::from_word(&word))
}

/// Reads how many to show: at least one.
pub(crate) fn limit() -> impl TypedValueParser<Value = usize> {
    RangedU64ValueParser::<usize>::new().range(1..)
}

/// Reads `k=v`.
pub(crate) fn label(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        _ => Err("write it as KEY=VALUE".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory as _, error::ErrorKind};

    use super::*;

    fn parse(line: &str) -> Result<Cli, clap::Error> {
        Cli::try_parse_from(line.split(' '))
    }

    #[test]
    fn the_definition_is_sound() {
        Cli::command().debug_assert();
    }

    const DOCUMENTED: &[&str] = &[
        "hufu key create k --algorithm p256 --protection hsm",
        "hufu key create k --algorithm rsa3072 --protection software --purpose encrypt --allow-digest --label a=b",
        "hufu key create k --algorithm aes256-gcm --protection hsm --scheme aes-gcm --pre-active --label a=b=c",
        "hufu --profile p.toml --output json key list",
        "hufu key list --output json --profile p.toml",
        "hufu key show k@3",
        "hufu key rotate k",
        "hufu key activate k@1",
        "hufu key suspend k",
        "hufu key resume k@2",
        "hufu key revoke k --reason key-compromise --compromised-at 2025-01-31T12:00:00Z",
        "hufu key revoke k@1 --reason keyCompromise",
        "hufu key revoke k@1 --reason cACompromise",
        "hufu key schedule-destroy k@1 --after 24h --yes",
        "hufu key cancel-destroy k@1",
        "hufu key public k@1 --out pub.pem",
        "hufu key create w --algorithm aes256-kwp --protection software --purpose wrap",
        "hufu key create k --algorithm p256 --protection software --exit exportable",
        "hufu key import k --algorithm p256 --protection hsm --in key.pem",
        "hufu key import k --algorithm sm2 --protection software --in - --public k.pub --log-key log.pub --sm2-id x",
        "hufu key import-job create k --algorithm p256 --protection hsm --public k.pub --job j --lifetime 2h --out o",
        "hufu key import-job create k --algorithm hmac-sha256 --protection hsm --import-algorithm rsa4096 --out o",
        "hufu key import-job show j",
        "hufu key import-job verify o --log-key log.pub",
        "hufu key import-job finish j --in w",
        "hufu key wrap-for-import --offer o --log-key log.pub --in key.pem --out w",
        "hufu key wrap k@1 --by w --out b",
        "hufu key unwrap k2 --by w@1 --in b",
        "hufu key export k@1 --to r.pem --out w --yes",
        "hufu key unwrap-export --in w --with r.key --out k.der",
        "hufu sign k --in f --out f.sig --digest --format raw",
        "hufu verify k --in f --sig f.sig",
        "hufu encrypt k --in - --out - --aad a",
        "hufu decrypt k --in f --out g",
        "hufu mac k --in f",
        "hufu mac k --in f --verify m",
        "hufu key create k --algorithm ml-dsa-65 --protection software",
        "hufu key create k --algorithm ml-kem-768 --protection software --purpose encapsulate --scheme ml-kem",
        "hufu key create k --algorithm aes128-gcm --protection hsm",
        "hufu kem encapsulate k --out c --secret s",
        "hufu kem decapsulate k@1 --in c --out s",
        "hufu key create k --algorithm x25519 --protection software",
        "hufu key create k --algorithm p256 --purpose agree --protection hsm",
        "hufu derive k --peer p.pem --kdf hkdf-sha256 --salt s --info i --bytes 64 --out o",
        "hufu derive k@1 --peer p.pem --kdf x963-sm3 --out -",
        "hufu random --bytes 32",
        "hufu hsm verify-attestation s.pem --key k.pem --anchor r.pem",
        "hufu hsm verify-attestation s --key k --anchor r --intermediate i --at 2025-06-19T12:00:00Z --output json",
        #[cfg(feature = "assess")]
        "hufu hsm assess --module m.so --pin-file p --token 0123 --report r",
        #[cfg(feature = "assess")]
        "hufu hsm assess --module m.so --pin-file p --label l --report r --quick --yes --random-bytes 125000",
        #[cfg(feature = "assess")]
        "hufu hsm group-key front --module m.so --token 1=a --token 2=b --replace --yes",
        "hufu hsm status",
        "hufu ledger checkpoint --out c",
        "hufu ledger key",
        "hufu ledger prove k@1 --out b",
        "hufu ledger verify b --key log.pub",
        "hufu audit list --key k --limit 5",
        "hufu audit verify",
        "hufu audit check a.jsonl",
        "hufu key revoke k --reason superseded --yes",
        "hufu verify k --in f --sig f.sig --allow-compromised",
        "hufu ledger verify b --key log.pub --public k.pem --public-out -",
        "hufu status --wait 30s",
        "hufu audit export --out a.jsonl",
        "hufu status",
        #[cfg(feature = "custodian")]
        "hufu custodian new alice --full-name Alice --organisation north --role officer --out k --memory-mib 64",
        #[cfg(feature = "custodian")]
        "hufu custodian new a --full-name A --organisation n --role o --out k --suite sm2 --passphrase-file p",
        #[cfg(feature = "custodian")]
        "hufu custodian new a --full-name A --organisation n --role o --out k --module m --token 1 --pin-file p",
        #[cfg(feature = "custodian")]
        "hufu custodian show k --entry-out e --output json",
        #[cfg(feature = "custodian")]
        "hufu custodian enrol challenge e --deployment log.example --lifetime 2h --out c --awaited a",
        #[cfg(feature = "custodian")]
        "hufu custodian enrol answer c --key k --deployment log.example --out a --passphrase-file p --yes",
        #[cfg(feature = "custodian")]
        "hufu custodian enrol accept a --awaited w --out e",
        #[cfg(feature = "custodian")]
        "hufu custodian roster new --deployment log.example --entry e --entry f --out r",
        #[cfg(feature = "custodian")]
        "hufu custodian roster new --after r --entry e --out s",
        #[cfg(feature = "custodian")]
        "hufu custodian roster show r",
        #[cfg(feature = "custodian")]
        "hufu custodian roster verify r --pin p",
        #[cfg(feature = "custodian")]
        "hufu custodian roster pin r --pin p --words lusab-babad",
        #[cfg(feature = "custodian")]
        "hufu custodian convert k --to printable",
        #[cfg(feature = "custodian")]
        "hufu custodian share check --share s --key k --log-key log.pub --pin p",
        #[cfg(feature = "custodian")]
        "hufu custodian hand-over --request r --share s --key k --out h --log-key log.pub --passphrase-file p --yes",
        #[cfg(feature = "custodian")]
        "hufu ceremony words f.toml --output json",
        #[cfg(feature = "custodian")]
        "hufu ceremony policy p.toml",
        #[cfg(feature = "custodian")]
        "hufu ceremony sign f.toml --key k --out r --pin p --yes",
        #[cfg(feature = "custodian")]
        "hufu ceremony approve --request r --ceremony abababababababababababababababababababababababababababababababab --roster r --policy p --pin p --key k --out a --lifetime 2d",
        #[cfg(feature = "custodian")]
        "hufu ceremony approve --transcript t --log-key l --pin p --key k --out a --module m --pin-file f --yes",
        #[cfg(feature = "custodian")]
        "hufu ceremony veto --transcript t --before o --log-key l --pin p --key k --out a --reason no",
        #[cfg(feature = "custodian")]
        "hufu ceremony verify t --pin p --log-key l --policy p --before o",
        #[cfg(feature = "custodian")]
        "hufu custodian share fetch --set 00112233445566778899aabbccddeeff --name a --log-key l --pin p --epoch 2 --out s",
        #[cfg(feature = "custodian")]
        "hufu custodian share confirm --share s --key k --log-key l --passphrase-file p --out c",
        #[cfg(feature = "custodian")]
        "hufu share-set list --limit 5",
        #[cfg(feature = "custodian")]
        "hufu share-set list --root",
        #[cfg(feature = "custodian")]
        "hufu share-set show 00112233445566778899aabbccddeeff",
        #[cfg(feature = "custodian")]
        "hufu share-set confirm c",
        #[cfg(feature = "custodian")]
        "hufu deposit create d --secret-file - --threshold 2 --custodian a --custodian b --pin p --log-key l",
        #[cfg(feature = "custodian")]
        "hufu deposit create d --secret-file k.pem --curve p256 --threshold 1 --custodian a --pin p --log-key l",
        #[cfg(feature = "custodian")]
        "hufu deposit list",
        #[cfg(feature = "custodian")]
        "hufu deposit show d",
        #[cfg(feature = "custodian")]
        "hufu deposit recover d --ceremony 7 --as k --pin p --log-key l --passphrase-file f --out o",
        #[cfg(feature = "custodian")]
        "hufu deposit delete d --yes",
        #[cfg(feature = "custodian")]
        "hufu deposit cancel-delete d",
        #[cfg(feature = "custodian")]
        "hufu unseal transcripts",
        #[cfg(feature = "custodian")]
        "hufu unseal transcript 3 --out o",
        #[cfg(feature = "custodian")]
        "hufu unseal confirm c",
        #[cfg(feature = "custodian")]
        "hufu ceremony guide 7 --key k --pin p --log-key l --policy f --script",
        #[cfg(feature = "custodian")]
        "hufu ceremony approve 7 --key k --pin p --log-key l",
        #[cfg(feature = "custodian")]
        "hufu ceremony propose r --next e --key k",
        #[cfg(feature = "custodian")]
        "hufu ceremony list --deployment",
        #[cfg(feature = "custodian")]
        "hufu ceremony target a --drill --log-key l --out e",
        #[cfg(feature = "custodian")]
        "hufu ceremony submit-share 7 --as k --share s --pin p --log-key l --policy f",
        #[cfg(feature = "custodian")]
        "hufu ceremony execute 7 --yes",
        #[cfg(feature = "custodian")]
        "hufu ceremony transcript 7 --out t",
        #[cfg(feature = "custodian")]
        "hufu key create k --algorithm aes256-gcm --protection hsm --threshold 2/3 --custodian a --custodian b --custodian c",
        #[cfg(feature = "custodian")]
        "hufu unseal status --output json",
        #[cfg(feature = "custodian")]
        "hufu unseal request --out r",
        #[cfg(feature = "custodian")]
        "hufu unseal submit --handover h",
        #[cfg(feature = "custodian")]
        "hufu unseal share --share s --key k --module m --pin-file p",
        "hufu completion bash",
    ];

    #[test]
    fn documented_lines_are_read() {
        for line in DOCUMENTED {
            assert!(parse(line).is_ok(), "{line}: {}", parse(line).unwrap_err());
        }
    }

    #[test]
    fn other_lines_are_usage_errors() {
        for line in [
            "hufu key create k --algorithm p256",
            "hufu key create k --algorithm p999 --protection hsm",
            "hufu key create K --algorithm p256 --protection hsm",
            "hufu key create k@1 --algorithm p256 --protection hsm",
            "hufu key create k --algorithm p256 --protection hsm --label nothing",
            "hufu key rotate k@1",
            "hufu key revoke k",
            "hufu key revoke k --reason unspecified",
            "hufu key revoke k --reason superseded --compromised-at yesterday",
            "hufu key schedule-destroy k",
            "hufu sign k --in f",
            "hufu sign k@0 --in f --out g",
            "hufu mac k --in f --out g --verify h",
            "hufu kem encapsulate k --out c",
            "hufu ceremony approve --pin p --key k --out a",
            "hufu ceremony approve --request r --pin p --key k --out a",
            "hufu ceremony approve --transcript t --pin p --key k --out a",
            "hufu kem decapsulate k --in c",
            "hufu derive k --peer p.pem --out o",
            "hufu derive k --peer p.pem --kdf hkdf-sha256 --bytes 1025 --out o",
            "hufu random --bytes 0",
            "hufu random --bytes 65537",
            "hufu ledger verify b",
            "hufu hsm verify-attestation s --key k",
            "hufu key list --limit 0",
            "hufu key show k --limit 0",
            "hufu audit list --limit 0",
            "hufu hsm assess --module m.so --pin-file p --report r",
            "hufu hsm assess --module m.so --pin-file p --token 1 --label l --report r",
            "hufu hsm assess --module m.so --pin 1234 --token 1 --report r",
            "hufu hsm assess --module m.so --pin-file p --token 1 --report r --random-bytes 99",
            "hufu hsm group-key front --module m.so",
            "hufu custodian new Alice --full-name A --organisation n --role o --out k",
            "hufu custodian new a --full-name A --organisation n --role o --out k --passphrase secret",
            "hufu custodian new a --full-name A --organisation n --role o --out k --memory-mib 8",
            "hufu custodian new a --full-name A --organisation n --role o --out k --token 1",
            "hufu custodian new a --full-name A --organisation n --role o --out k --pin-file p",
            "hufu custodian enrol answer c --key k --out a",
            "hufu custodian roster new --entry e --out r",
            "hufu custodian convert k",
            "hufu hsm group-key Front --module m.so --token 1=a",
            "hufu hsm group-key front --module m.so --token 1",
            "hufu nonsense",
        ] {
            let error = parse(line).unwrap_err();
            assert_eq!(error.exit_code(), 2, "{line}");
            assert_ne!(error.kind(), ErrorKind::DisplayHelp, "{line}");
        }
    }

    #[test]
    fn help_tells_the_exit_codes() {
        let help = Cli::command().render_help().to_string();
        assert!(help.contains("refused by policy"), "{help}");
    }
}
