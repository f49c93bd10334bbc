use std::path::PathBuf;

use clap::{Args, ValueEnum};
use hufu_custodian::{Label, Name};
use hufu_custodian_keys::{Cost, Identity, KeyFile, Suite, TokenAccess, TokenSelector};

use crate::{
    app::App,
    custody::{access, files, tpm},
    failure::Failure,
    sink,
    view::custodian::CustodianView,
};

#[derive(Debug, Args)]
#[command(group(clap::ArgGroup::new("which").args(["token", "label"])))]
pub(crate) struct New {
    /// How the custodian is called everywhere: lower-case letters, digits, hyphens
    name: Name,
    /// What people call the custodian
    #[arg(long, value_name = "TEXT")]
    full_name: String,
    /// Whom the custodian works for
    #[arg(long, value_name = "NAME")]
    organisation: Name,
    /// What the custodian may do; once for each role
    #[arg(long = "role", value_name = "NAME", required = true)]
    roles: Vec<Name>,
    /// Where the key file goes: never over one that is there
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// The algorithms of the two keys
    #[arg(long, value_enum, default_value_t)]
    suite: SuiteArgument,
    /// Memory in MiB that each guess of the passphrase costs
    #[arg(long, value_name = "MIB", default_value_t = 256, value_parser = clap::value_parser!(u32).range(64..=2048), conflicts_with = "device")]
    memory_mib: u32,
    #[command(flatten)]
    access: access::Access,
    /// Serial number of the token
    #[arg(long, value_name = "SERIAL", requires = "module", conflicts_with = "tpm")]
    token: Option<String>,
    /// Label of the token, if there is only one such
    #[arg(long, value_name = "LABEL", requires = "module", conflicts_with = "tpm")]
    label: Option<String>,
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum SuiteArgument {
    /// ECDSA and HPKE on P-256: what every token and TPM knows
    #[default]
    P256,
    /// Ed25519, and HPKE on X25519
    Curve25519,
    /// SM2 signatures and SM2 encryption
    Sm2,
}

impl New {
    pub(crate) fn run(self, app: &App) -> Result<(), Failure> {
        if sink::is_stdout(&self.out) || self.out.exists() {
            let message = format!("`{}` is there already, or is no file", self.out.display());
            return Err(Failure::usage(message, "keys that are written over are lost: name another file"));
        }
        let (out, (file, _)) = (self.out.clone(), self.make()?);
        files::write(&out, Label::CustodianKey, &file.to_bytes(), sink::Access::Secret)?;
        app.output.show(&CustodianView::of_keys(&file))
    }

    fn make(self) -> Result<(KeyFile, hufu_custodian_keys::CustodianKeys), Failure> {
        let Self { name, full_name, organisation, roles, access, .. } = self;
        let identity = Identity { name, full_name, organisation, roles };
        let suite = match self.suite {
            SuiteArgument::P256 => Suite::P256,
            SuiteArgument::Curve25519 => Suite::Curve25519,
            SuiteArgument::Sm2 => Suite::Sm2,
        };
        let token = match (self.token, self.label) {
            (Some(serial), _) => Some(TokenSelector::Serial(serial)),
            (None, label) => label.map(TokenSelector::Label),
        };
        if let Some(tcti) = &access.tpm {
            return tpm::make(identity, suite, tcti, || access.new_pin());
        }
        let Some(module) = access.module.clone() else {
            let cost = Cost::with_memory_mib(self.memory_mib)?;
            return Ok(KeyFile::in_file(identity, suite, &access.new_passphrase()?, cost)?);
        };
        let which = "name it with `--token SERIAL` or `--label LABEL`";
        let token = token.ok_or_else(|| Failure::usage("the module may have several tokens", which))?;
        let pin = access.pin("PIN of the token")?;
        Ok(KeyFile::on_token(identity, suite, TokenAccess { module, token, pin })?)
    }
}
