//! A server without an HSM: its root is split before its first start, and each start waits for three people.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use crate::error::Error;
use crate::tool::Tool;

use super::{Promise, Scene, Server};

/// The log's origin, and the deployment's name; as in [`CONFIG`].
pub(super) const ORIGIN: &str = "quickstart.hufu.invalid/log";

const CONFIG: &str = r#"mode = "development"
tenants = ["acme"]
[server]
listen = "127.0.0.1:0"
[server.tls]
certificate = "server.pem"
key = "server.secret"
client_authorities = ["ca.pem"]
[storage]
kind = "sqlite"
path = "hufu.db"
[custodians]
roster = "people.roster"
set = "root.set"
[ledger]
origin = "quickstart.hufu.invalid/log"
outside_dir = "outside"
[[principals]]
name = "admin"
tenant = "acme"
role = "admin"
certificate = "admin.pem"
"#;

/// What each kind takes. Two people of two organisations rotate a key; a recovery takes three, and time in which it can be vetoed.
const POLICY: &str = r#"
[rules.rotate-key]
approvals = 2
organisations = 2
lifetime_max_s = 86400
logged_first = true

[rules.recovery]
approvals = 3
organisations = 2
veto = "custodian"
delay_s = 5
lifetime_max_s = 86400
shares = 3
"#;

impl Scene {
    /// Splits the root, and starts the server, which waits for shares.
    pub(super) fn begin(&mut self) -> Result<Server, Error> {
        self.story.chapter("A server whose root five people hold");
        self.story.step("The roster: who gets a share, and who decides in ceremonies");
        self.roster()?;
        self.story.step("Begin the installation: any 3 of 5 shares open it");
        self.certificates()?;
        self.write("hufu.toml", CONFIG)?;
        let words = self.words()?;
        let init = format!("init --threshold 3 --config hufu.toml --out shares --words {words}");
        let init = Tool::new(&self.hufud).args(init.split(' '));
        self.story.act(init.in_dir(&self.dir), Promise::DONE.saying(&["any 3 of 5 shares open the server"]))?;
        self.story.step("The rules of ceremonies: who, how many, how long it can be vetoed");
        self.write("policy.toml", &format!("format = 1\ndeployment = \"{ORIGIN}\"\nnumber = 1\n{POLICY}"))?;
        self.does("ceremony policy policy.toml", Promise::DONE)?;
        self.write(
            "hufu.toml",
            &format!("{CONFIG}[ceremonies]\nroster = \"people.roster\"\npolicy = \"policy.toml\"\n"),
        )?;
        self.story.step("Start it: it is sealed");
        let tool = Tool::new(&self.hufud).args(["--config", "hufu.toml"]).in_dir(&self.dir);
        let server = Server::start_sealed(tool, &self.dir)?;
        self.story.remark(&format!("sealed, at {}", server.ready().address));
        self.write(
            "profile.toml",
            &format!(
                "server = \"{}\"\ntenant = \"acme\"\nca_file = \"ca.pem\"\ncertificate_file = \"admin.pem\"\n\
                 key_file = \"admin.secret\"\n",
                server.ready().address
            ),
        )?;
        Ok(server)
    }

    /// Three people bring their shares.
    pub(super) fn unseal(&mut self) -> Result<(), Error> {
        self.story.step("Nothing works before three people have brought their shares");
        self.does("key list", Promise::UNREACHABLE.saying(&["sealed"]))?;
        for (name, says) in [("alice", &["sealed"]), ("dave", &["sealed"]), ("erin", &["unsealed"])] {
            let share = format!("--share shares/{name}.share --key {name}.key --passphrase-file pass");
            let line = format!("unseal share {share} --log-key shares/log.pub --yes");
            self.does(&line, Promise::DONE.saying(says))?;
        }
        self.until("key list", "the server did not open")?;
        self.story.step("What the three of them signed is written down, for whoever asks who opened it");
        self.does(
            "unseal transcript 1 --out opening.transcript",
            Promise::DONE.saying(&["root-opened", "alice, dave, erin"]),
        )
    }

    /// Tries a command until it works: what it waits for comes by itself.
    pub(super) fn until(&self, line: &str, otherwise: &str) -> Result<(), Error> {
        const TRIES: u32 = 120;
        let mut said = String::new();
        for _ in 0..TRIES {
            let outcome = self.command(line).capture()?;
            if outcome.code == Some(0) {
                return Ok(());
            }
            said = outcome.text;
            std::thread::sleep(std::time::Duration::from_millis(500));
        }
        Err(Error::Unexpected { step: line.to_owned(), expected: otherwise.to_owned(), output: said })
    }

    /// An authority, a server and an administrator.
    fn certificates(&self) -> Result<(), Error> {
        let new = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2";
        let by_ca = "-CA ca.pem -CAkey ca.secret -addext basicConstraints=critical,CA:FALSE";
        for line in [
            format!("{new} -subj /CN=quickstart -keyout ca.secret -out ca.pem"),
            format!(
                "{new} {by_ca} -subj /CN=hufud -addext subjectAltName=IP:127.0.0.1 -keyout server.secret -out server.pem"
            ),
            format!("{new} {by_ca} -subj /CN=admin -keyout admin.secret -out admin.pem"),
        ] {
            Tool::new("openssl").args(line.split(' ')).in_dir(&self.dir).quiet()?;
        }
        for name in ["server.secret", "admin.secret"] {
            keep_private(&self.dir.join(name))?;
        }
        Ok(())
    }
}

/// Readable by its owner alone.
pub(super) fn keep_private(path: &Path) -> Result<(), Error> {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).map_err(Error::file("protect", path))
}
