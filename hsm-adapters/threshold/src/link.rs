//! The way to one holder: the calls of its service, as plain types.

use std::time::Instant;

use hufu_core::BoxFuture;

/// The way to one holder. Each call ends before its deadline, whatever the holder does, and connects by itself when it must.
pub trait HolderLink: Send + Sync + 'static {
    /// The holder's name in the roster.
    fn name(&self) -> &str;

    /// Where it is, for people.
    fn address(&self) -> &str;

    /// Who answers there.
    fn describe(&self, deadline: Instant) -> BoxFuture<'_, Result<HolderInfo, LinkError>>;

    /// Begins to make a key under a mandate to generate.
    fn begin_generation<'a>(
        &'a self,
        mandate: &'a [u8],
        deadline: Instant,
    ) -> BoxFuture<'a, Result<Vec<Message>, LinkError>>;

    /// Brings what others have sent, and takes what it sends.
    fn continue_generation(
        &self,
        generation: [u8; 32],
        messages: Vec<Message>,
        deadline: Instant,
    ) -> BoxFuture<'_, Result<Vec<Message>, LinkError>>;

    /// Brings all outcomes: the holder keeps its share. Doing so again changes nothing.
    fn finish_generation(
        &self,
        generation: [u8; 32],
        outcomes: Vec<Message>,
        deadline: Instant,
    ) -> BoxFuture<'_, Result<Share, LinkError>>;

    /// Round 1 of a signature: brings a [`hufu_frost::SigningRequest`], takes a commitment or a refusal.
    fn commit_to_sign(&self, request: Vec<u8>, deadline: Instant) -> BoxFuture<'_, Result<Vec<u8>, LinkError>>;

    /// Round 2 of a signature: brings a [`hufu_frost::SigningPackage`], takes a signature share or a refusal.
    fn sign_share(&self, package: Vec<u8>, deadline: Instant) -> BoxFuture<'_, Result<Vec<u8>, LinkError>>;

    /// Has the holder delete its share of a key version.
    fn destroy_share<'a>(
        &'a self,
        key_version: &'a str,
        group_digest: [u8; 32],
        deadline: Instant,
    ) -> BoxFuture<'a, Result<(), LinkError>>;
}

/// Who a holder says it is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HolderInfo {
    /// Its name in the roster.
    pub name: String,
    /// The deployment whose keys it holds shares of.
    pub deployment: String,
    /// Hash of the roster that it goes by, 32 bytes.
    pub roster: Vec<u8>,
    /// Its release.
    pub version: String,
    /// Whether its shares are kept by a token that is a simulation.
    pub simulated: bool,
}

/// A message of a key generation.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Message {
    /// The sender's number, from 1.
    pub from: u32,
    /// The receiver's number; 0 for all others, and for an outcome.
    pub to: u32,
    /// The round: 1 commitment, 2 echo, 3 share, 4 outcome.
    pub round: u32,
    /// A [`hufu_frost::dkg::Statement`] that its sender has signed.
    pub signed: Vec<u8>,
}

/// A share that a holder keeps.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Share {
    /// The key version, `tenants/T/keys/K/versions/N`.
    pub key_version: String,
    /// The public side of the shares, as `hufu-frost` encodes it.
    pub group: Vec<u8>,
    /// The holder's number, from 1.
    pub number: u32,
}

/// Why a call gave nothing. The words are for the caller of the service.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum LinkError {
    /// It does not answer, or has no time now.
    #[error("no answer: {0}")]
    Unreachable(String),
    /// It says no.
    #[error("refused: {0}")]
    Refused(String),
    /// It has nothing of that name.
    #[error("absent: {0}")]
    Absent(String),
}
