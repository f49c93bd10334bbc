//! Three holders, a requester, and the files that an operator makes for them.

use std::collections::BTreeMap;
use std::fs;
use std::time::{SystemTime, UNIX_EPOCH};

use hufu_custodian::testing::Person;
use hufu_custodian::{Custodian, Label, Roster, armour};
use hufu_custodian_keys::{Cost, Identity, KeyFile, SecretBytes, Suite as KeySuite};
use hufu_frost::{
    Ask, Coordinator, GenerationMandate, Group, Identifier, KeyVersion, Mandate, MessageDigest, Progress, Request,
    SetId, SignedGenerationMandate, SignedMandate, SigningPackage, Suite, Threshold, recognise,
};
use hufu_proto::v1;
use hufu_proto::v1::holder_service_client::HolderServiceClient;
use hufu_softhsm_tests::{ConfigBuilder, Daemon, Stopped, Storage, raw_channel};
use tonic::Status;
use tonic::transport::Channel;

pub(crate) const NAMES: [&str; 3] = ["north", "east", "south"];
pub(crate) const DEPLOYMENT: &str = "kms.example/log";
pub(crate) const MESSAGE: &[u8] = b"the army moves when the halves meet";
const PASSPHRASE: &str = "halves of a tiger";
const POLICY: &str = "format = 1\nmandate_lifetime_s_max = 600\n\
    [[requester]]\nname = \"wallet\"\nkeys = [\"tenants/t/keys/*\"]\nmay_generate = true\n";

/// Who there is, and what each of them has on disk.
pub(crate) struct Papers {
    pub(crate) wallet: Person,
    pub(crate) roster: Roster,
    keys: BTreeMap<&'static str, String>,
}

impl Papers {
    pub(crate) fn new() -> Self {
        let wallet = Person::new("wallet", "shop");
        let requester = Custodian { roles: vec!["requester".parse().unwrap()], ..wallet.custodian() };
        let (mut entries, mut keys) = (vec![requester], BTreeMap::new());
        for name in NAMES {
            let identity = Identity {
                name: name.parse().unwrap(),
                full_name: format!("The holder in the {name}"),
                organisation: name.parse().unwrap(),
                roles: vec!["holder".parse().unwrap()],
            };
            // What a guess costs is not what is tested here.
            let cost = Cost::with_memory_mib(64).unwrap();
            let passphrase = SecretBytes::from_slice(PASSPHRASE.as_bytes());
            let (file, _) = KeyFile::in_file(identity, KeySuite::P256, &passphrase, cost).unwrap();
            entries.push(file.custodian().clone());
            keys.insert(name, armour::write(Label::CustodianKey, &file.to_bytes()).unwrap());
        }
        Self { wallet, roster: Roster::first(DEPLOYMENT, entries).unwrap(), keys }
    }

    pub(crate) fn builder(&self, name: &str) -> ConfigBuilder {
        let section = format!(
            "[holder]\nname = \"{name}\"\ndeployment = \"{DEPLOYMENT}\"\nroster = \"holders.roster\"\npin = \"{}\"\n\
             policy = \"holder-policy.toml\"\nidentity = \"holder.key\"\npassphrase.file = \"passphrase\"\n",
            self.roster.hash().words()
        );
        ConfigBuilder::new(Storage::Sqlite).with_holder(section)
    }

    /// A holder that was never started.
    pub(crate) fn prepare(&self, name: &str) -> Stopped {
        let prepared = Daemon::prepare(&self.builder(name));
        let write = |file: &str, text: &str| fs::write(prepared.scratch().join(file), text).unwrap();
        write("holders.roster", &armour::write(Label::Roster, &self.roster.to_bytes()).unwrap());
        write("holder-policy.toml", POLICY);
        write("holder.key", &self.keys[name]);
        write("passphrase", &format!("{PASSPHRASE}\n"));
        prepared
    }

    pub(crate) fn start(&self, prepared: Stopped, name: &str) -> Daemon {
        let daemon = prepared.start();
        self.builder(name).write_profiles(&daemon);
        daemon
    }

    pub(crate) fn mandate_to_generate(&self, version: u32) -> GenerationMandate {
        GenerationMandate {
            deployment: DEPLOYMENT.into(),
            key: key(version),
            suite: Suite::Ed25519,
            threshold: Threshold::new(2, 3).unwrap(),
            holders: NAMES.map(String::from).into(),
            expires_at_ms: now_ms() + 300_000,
            requester: "wallet".into(),
            seed: [u8::try_from(version).unwrap(); 32],
        }
    }

    pub(crate) fn signed(&self, mandate: GenerationMandate) -> SignedGenerationMandate {
        let signature = self.wallet.sign(mandate.to_be_signed().unwrap()).signature;
        SignedGenerationMandate::new(mandate, signature).unwrap()
    }

    pub(crate) fn mandate(&self, group: &Group, version: u32, seed: u8) -> SignedMandate {
        let mandate = Mandate {
            deployment: DEPLOYMENT.into(),
            key: key(version),
            message: MessageDigest::of(MESSAGE),
            seed: [seed; 32],
            attempts: 8,
            expires_at_ms: now_ms() + 300_000,
            requester: "wallet".into(),
            public_key: group.public_key_digest(),
        };
        let signature = self.wallet.sign(mandate.to_be_signed().unwrap()).signature;
        SignedMandate::new(mandate, signature).unwrap()
    }
}

pub(crate) fn key(version: u32) -> KeyVersion {
    KeyVersion { name: "tenants/t/keys/k".into(), version }
}

pub(crate) fn now_ms() -> u64 {
    u64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis()).unwrap()
}

pub(crate) fn connect(daemon: &Daemon, profile: &str) -> HolderServiceClient<Channel> {
    HolderServiceClient::new(raw_channel(&daemon.profile(profile)))
}

/// Three running holders, and every nonce that they have committed to or used.
pub(crate) struct House {
    pub(crate) papers: Papers,
    daemons: Vec<Option<Daemon>>,
    spent: Vec<(u8, Vec<u8>)>,
}

impl House {
    pub(crate) fn new() -> Self {
        let papers = Papers::new();
        let start = |name: &&str| Some(papers.start(papers.prepare(name), name));
        let daemons = NAMES.iter().map(start).collect();
        Self { papers, daemons, spent: Vec::new() }
    }

    pub(crate) fn client(&self, at: usize) -> HolderServiceClient<Channel> {
        connect(self.daemons[at].as_ref().unwrap(), "app")
    }

    /// Ends a holder with SIGKILL and starts it again on what it had on disk.
    pub(crate) fn kill_and_start(&mut self, at: usize) {
        let stopped = self.daemons[at].take().unwrap().kill();
        self.daemons[at] = Some(self.papers.start(stopped, NAMES[at]));
    }

    pub(crate) async fn begin(&self, at: usize, mandate: Vec<u8>) -> Result<v1::GenerationMessages, Status> {
        self.client(at)
            .begin_generation(v1::BeginGenerationRequest { mandate })
            .await
            .map(tonic::Response::into_inner)
    }

    /// Carries all rounds; `before` is called before each message arrives at a holder.
    pub(crate) async fn rounds(
        &mut self,
        mandate: &SignedGenerationMandate,
        mut before: impl FnMut(&mut Self, usize, u32),
    ) -> Result<Vec<v1::GenerationMessage>, Status> {
        let generation = mandate.set_id().0.to_vec();
        let mut sent = Vec::new();
        for at in 0..NAMES.len() {
            sent.extend(self.begin(at, mandate.to_bytes()).await?.messages);
        }
        let mut outcomes = Vec::new();
        while !sent.is_empty() {
            let (over, carried): (Vec<_>, Vec<_>) = sent.into_iter().partition(|message| message.round == 4);
            outcomes.extend(over);
            sent = Vec::new();
            for at in 0..NAMES.len() {
                let number = u32::try_from(at + 1).unwrap();
                let is_for = |one: &&v1::GenerationMessage| one.from != number && (one.to == 0 || one.to == number);
                let messages: Vec<_> = carried.iter().filter(is_for).cloned().collect();
                let Some(first) = messages.first() else { continue };
                before(self, at, first.round);
                let request = v1::ContinueGenerationRequest { generation: generation.clone(), messages };
                sent.extend(self.client(at).continue_generation(request).await?.into_inner().messages);
            }
        }
        Ok(outcomes)
    }

    pub(crate) async fn finish(
        &self,
        at: usize,
        set: SetId,
        outcomes: Vec<v1::GenerationMessage>,
    ) -> Result<v1::HolderShare, Status> {
        let request = v1::FinishGenerationRequest { generation: set.0.to_vec(), outcomes };
        self.client(at).finish_generation(request).await.map(tonic::Response::into_inner)
    }

    async fn deliver(&mut self, ask: &Ask) -> Result<Vec<u8>, Status> {
        let mut client = self.client(usize::from(ask.holder.number()) - 1);
        match &ask.request {
            Request::Commit(request) => {
                let request = v1::CommitToSignRequest { request: request.clone() };
                Ok(client.commit_to_sign(request).await?.into_inner().answer)
            }
            Request::Sign(package) => {
                let request = v1::SignShareRequest { package: package.clone() };
                let answer = client.sign_share(request).await?.into_inner().answer;
                self.note(ask.holder, package, &answer);
                Ok(answer)
            }
        }
    }

    /// No nonce makes two shares.
    fn note(&mut self, holder: Identifier, package: &[u8], answer: &[u8]) {
        if recognise(answer) == Some("hufu-sign-share") {
            let package = SigningPackage::from_bytes(package).unwrap();
            let (hiding, binding) = package.points_of(holder).unwrap();
            let used = (holder.number(), [hiding, binding].concat());
            assert!(!self.spent.contains(&used), "a nonce was used in two shares");
            self.spent.push(used);
        }
    }

    /// One signature; `before` is called before each request.
    pub(crate) async fn sign(
        &mut self,
        group: &Group,
        mandate: SignedMandate,
        mut before: impl FnMut(&mut Self, &Ask),
    ) -> (Vec<u8>, Coordinator) {
        let live: Vec<_> = group.threshold().holders().collect();
        let begun = Coordinator::begin(group.clone(), mandate, MESSAGE.to_vec(), &live, now_ms());
        let (mut coordinator, mut asks) = begun.unwrap();
        while !asks.is_empty() {
            let ask = asks.remove(0);
            before(self, &ask);
            let answer = self.deliver(&ask).await.unwrap();
            match coordinator.answered(ask.ticket, &answer, now_ms()) {
                Progress::Ask(more) => asks.extend(more),
                Progress::Signed(signature) => return (signature, coordinator),
                Progress::Failed(error) => panic!("{error}: {:?}", coordinator.faults()),
            }
        }
        panic!("nobody is asked and nothing has come out");
    }
}
