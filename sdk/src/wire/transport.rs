//! What went wrong below gRPC, told so that it can be mended.
//!
//! TLS 1.3 lets a client finish its handshake before the server has looked at the client's certificate, so a refusal
//! arrives later, as a broken connection; and the layers between rustls and tonic keep it only as text.

use std::{error::Error as StdError, io};

use tonic::{Status, TimeoutExpired};

use crate::Error;

/// The error of a call that failed in the transport; `None` when the service itself answered.
pub(crate) fn error(status: &Status) -> Option<Error> {
    let source = status.source()?;
    let chain: Vec<&(dyn StdError + 'static)> =
        std::iter::successors(Some(source), |&error| error.source()).take(16).collect();
    // A connection that broke is "cancelled" as well.
    if chain.iter().any(|error| error.is::<TimeoutExpired>()) {
        return Some(timed_out());
    }
    let text: Vec<String> = chain.iter().map(ToString::to_string).collect();
    Some(from_tls(&text).unwrap_or_else(|| from_connection(&chain, &text)))
}

/// The error of a call that had no answer before its deadline.
pub(crate) fn timed_out() -> Error {
    Error::Unavailable {
        reason: "DEADLINE_EXCEEDED".to_owned(),
        message: "the service did not answer in time".to_owned(),
        retry_after: None,
        help: None,
    }
}

fn from_tls(text: &[String]) -> Option<Error> {
    let has = |what: &str| text.iter().any(|line| line.contains(what));
    let last = text.last().map(String::as_str).unwrap_or_default();
    if has("received fatal alert") {
        return Some(Error::CertificateRefused {
            message: format!("the service does not accept this client's certificate ({last})"),
            help: Some(
                "check `certificate_file` and `key_file` of the profile: issued by this service's authority, not \
                 expired, and not of another installation"
                    .to_owned(),
            ),
        });
    }
    has("invalid peer certificate").then(|| {
        Error::Untrusted {
        message: format!("the service's certificate is not trusted ({last})"),
        help: Some(
            "check `ca_file` and `server` of the profile: the authority must be the service's, and the host one that \
             its certificate names"
                .to_owned(),
        ),
    }
    })
}

fn from_connection(chain: &[&(dyn StdError + 'static)], text: &[String]) -> Error {
    let kind = chain.iter().find_map(|error| error.downcast_ref::<io::Error>()).map(io::Error::kind);
    let has = |what: &str| text.iter().any(|line| line.contains(what));
    let last = text.last().map_or("connection failed", String::as_str);
    let (message, help) = match kind {
        _ if has("dns error") => (
            format!("the service cannot be reached: its host name cannot be resolved ({last})"),
            "check `server` of the profile, and this machine's name service",
        ),
        _ if has("corrupt message") => (
            format!("what listens there does not speak TLS ({last})"),
            "check `server` of the profile: metrics and ledger have other ports than gRPC",
        ),
        Some(io::ErrorKind::ConnectionRefused) => (
            "the service cannot be reached: nothing listens there".to_owned(),
            "is `hufud` running, and is `server` of the profile its address?",
        ),
        Some(io::ErrorKind::TimedOut) => (
            "the service cannot be reached: no answer in time".to_owned(),
            "is `server` of the profile the address of `hufud`, and does a firewall let it through?",
        ),
        Some(io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable) => (
            format!("the service cannot be reached: {last}"),
            "is `server` of the profile the address of `hufud`, and is there a way to it?",
        ),
        _ => (
            format!("the connection to the service failed: {last}"),
            "if it fails each time, the service may be refusing this client's certificate: check `certificate_file` \
             and `key_file` of the profile, and the service's log for `handshake refused`",
        ),
    };
    Error::Transport { message, help: Some(help.to_owned()) }
}
