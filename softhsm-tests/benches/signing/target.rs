//! The server under load: its keys and connections to it.

use hufu_proto::v1::crypto_service_client::CryptoServiceClient;
use hufu_sdk::NewKey;
use hufu_sdk::v1::{Algorithm, Protection};
use hufu_softhsm_tests::{Daemon, raw_channel};
use tonic::transport::Channel;
use tonic_health::pb::health_client::HealthClient;

/// Connections that the callers share.
const CONNECTIONS: usize = 4;

/// A key that signs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Key {
    /// P-256 in software.
    P256,
    /// P-256 on the token.
    P256Hsm,
    /// SM2 in software.
    Sm2,
}

impl Key {
    const ALL: [Self; 3] = [Self::P256, Self::P256Hsm, Self::Sm2];

    /// The library below it.
    pub(crate) fn library(self) -> &'static str {
        match self {
            Self::P256 => "aws-lc-rs P-256",
            Self::P256Hsm => "SoftHSM P-256",
            Self::Sm2 => "sm2 crate",
        }
    }

    /// As the tables name it.
    pub(crate) fn words(self) -> &'static str {
        match self {
            Self::P256 => "P-256 in software",
            Self::P256Hsm => "P-256 on SoftHSM",
            Self::Sm2 => "SM2 in software",
        }
    }

    /// Its resource name.
    pub(crate) fn resource(self) -> String {
        format!("tenants/dev/keys/{}", self.id())
    }

    fn id(self) -> &'static str {
        match self {
            Self::P256 => "p256",
            Self::P256Hsm => "p256-hsm",
            Self::Sm2 => "sm2",
        }
    }

    fn template(self) -> NewKey {
        let (algorithm, protection) = match self {
            Self::P256 => (Algorithm::P256, Protection::Software),
            Self::P256Hsm => (Algorithm::P256, Protection::Hsm),
            Self::Sm2 => (Algorithm::Sm2, Protection::Software),
        };
        NewKey::new(self.id(), algorithm, protection)
    }
}

/// A server with its keys, and connections to it.
pub(crate) struct Target {
    pub(crate) pid: u32,
    pub(crate) crypto: Vec<CryptoServiceClient<Channel>>,
    pub(crate) health: Vec<HealthClient<Channel>>,
}

impl Target {
    /// Creates the keys and connects.
    pub(crate) async fn prepare(daemon: &Daemon) -> Self {
        let admin = daemon.client("admin");
        for key in Key::ALL {
            admin.create_key(key.template()).await.unwrap();
        }
        let channels: Vec<Channel> = (0..CONNECTIONS).map(|_| raw_channel(&daemon.profile("app"))).collect();
        Self {
            pid: daemon.pid(),
            crypto: channels.iter().cloned().map(CryptoServiceClient::new).collect(),
            health: channels.into_iter().map(HealthClient::new).collect(),
        }
    }
}
