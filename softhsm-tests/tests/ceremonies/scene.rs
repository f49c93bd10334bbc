//! A server, and custodians that it knows.

use std::fs;
use std::time::Duration;

use hufu_ceremony::Pins;
use hufu_sdk::v1::ceremony;
use hufu_sdk::{Client, KeyRef, v1};
use hufu_softhsm_tests::{ConfigBuilder, Council, Daemon, Storage, wait_until};
use tokio::runtime::Runtime;

/// Nothing here depends on how fast it is.
pub(crate) const LONG: Duration = Duration::from_secs(180);

/// A server, and custodians that it knows.
pub(crate) struct Scene {
    pub(crate) daemon: Daemon,
    pub(crate) builder: ConfigBuilder,
    pub(crate) council: Council,
}

fn rules() -> String {
    let rule = "approvals = 2\norganisations = 2\nlifetime_max_s = 604800\n";
    let others = ["rotate-label", "rotate-tenant-key", "rotate-root", "destruction"];
    let others = others.map(|kind| format!("[rules.{kind}]\n{rule}")).concat();
    format!("[rules.rotate-key]\n{rule}logged_first = true\n{others}")
}

impl Scene {
    /// The first start makes the log, whose origin is the deployment's name; the second one knows the people.
    pub(crate) fn new(runtime: &Runtime) -> Self {
        let builder = ConfigBuilder::new(Storage::Sqlite);
        let daemon = Daemon::start_config(&builder);
        let council = runtime.block_on(async {
            let client = daemon.client("admin");
            let refused = client.ceremony("ceremonies/1").await.unwrap_err();
            assert_eq!(refused.reason(), Some("CEREMONIES_OFF"), "{refused}");
            Council::of(&client, &rules()).await
        });
        let stopped = daemon.terminate();
        let section = council.write(stopped.scratch());
        let file = stopped.scratch().join("hufu.toml");
        fs::write(&file, format!("{}{section}", fs::read_to_string(&file).unwrap())).unwrap();
        let daemon = stopped.start();
        builder.write_profiles(&daemon);
        Self { daemon, builder, council }
    }

    pub(crate) fn client(&self) -> Client {
        self.daemon.client("admin")
    }

    /// The same, where no runtime has been entered.
    pub(crate) fn client_on(&self, runtime: &Runtime) -> Client {
        let _entered = runtime.enter();
        self.client()
    }

    pub(crate) fn killed_and_started(self) -> Self {
        let daemon = self.daemon.kill().start();
        self.builder.write_profiles(&daemon);
        Self { daemon, ..self }
    }

    pub(crate) async fn propose(&self, number: u64, act: &str) -> v1::Ceremony {
        self.council.propose(&self.client(), number, act).await
    }

    pub(crate) async fn approval(&self, name: &str, who: usize) -> Vec<u8> {
        self.council.approval(&self.client(), name, who).await
    }

    pub(crate) async fn approve(&self, name: &str, who: usize) -> v1::Ceremony {
        self.council.approve(&self.client(), name, who).await
    }

    pub(crate) async fn state(&self, name: &str) -> ceremony::State {
        self.client().ceremony(name).await.unwrap().state()
    }

    pub(crate) fn wait_for(&self, runtime: &Runtime, name: &str, state: ceremony::State) {
        let seen = wait_until(LONG, || (runtime.block_on(self.state(name)) == state).then_some(()));
        seen.unwrap_or_else(|| panic!("{name} is not {state:?}: {}", self.daemon.log()));
    }

    pub(crate) fn pins(&self) -> Pins {
        self.council.pins()
    }
}

pub(crate) async fn newest(client: &Client, id: &str) -> String {
    let key: KeyRef = id.parse().unwrap();
    let name = client.key(&key).await.unwrap().latest_version.unwrap().name;
    name.rsplit('/').next().unwrap().to_owned()
}
