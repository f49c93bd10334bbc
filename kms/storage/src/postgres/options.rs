//! How a database is reached.

use std::time::Duration;

use sqlx::ConnectOptions;
use sqlx::postgres::{PgConnectOptions, PgSslMode};

use crate::OpenError;

/// How a database is reached.
#[derive(Clone, Debug)]
pub struct PostgresOptions {
    /// The schema that holds the tables: lower-case letters, digits and `_`, at most 63.
    pub schema: String,
    /// Connections for reads.
    pub readers: usize,
    /// Longest wait for a connection, a lock or an answer.
    pub wait_max: Duration,
    /// Accepts a server that can lose commits (`fsync` off) and remote servers without verified TLS.
    pub development: bool,
}

impl Default for PostgresOptions {
    fn default() -> Self {
        Self { schema: "hufu".into(), readers: 4, wait_max: Duration::from_secs(10), development: false }
    }
}

/// The driver's options of a session.
pub(super) fn session_options(url: &str, options: &PostgresOptions) -> Result<PgConnectOptions, OpenError> {
    check_schema_name(&options.schema)?;
    let parsed: PgConnectOptions = url.parse().map_err(|_| OpenError::Url)?;
    if !options.development && !is_protected(&parsed) {
        return Err(OpenError::PlainConnection);
    }
    let timeout = format!("{}ms", options.wait_max.as_millis().max(1));
    let settings = [
        ("search_path", options.schema.as_str()),
        ("statement_timeout", &timeout),
        ("lock_timeout", &timeout),
        ("idle_in_transaction_session_timeout", &timeout),
        // Guards and `append_segment` rest on a fresh snapshot for each statement.
        ("default_transaction_isolation", "read committed"),
    ];
    Ok(parsed
        .application_name(&format!("hufu {}", options.schema))
        .statement_cache_capacity(32)
        .options(settings)
        .disable_statement_logging())
}

fn check_schema_name(name: &str) -> Result<(), OpenError> {
    let starts = name.starts_with(|first: char| first.is_ascii_lowercase() || first == '_');
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    if starts && name.len() <= 63 && name.chars().all(plain) {
        Ok(())
    } else {
        Err(OpenError::SchemaName(name.into()))
    }
}

/// Whether nobody on the way can read or pose as the server.
fn is_protected(options: &PgConnectOptions) -> bool {
    let host = options.get_host();
    let local = options.get_socket().is_some() || host.starts_with('/') || host == "localhost";
    let loopback = host.trim_matches(['[', ']']).parse().is_ok_and(|ip: std::net::IpAddr| ip.is_loopback());
    let verified = matches!(options.get_ssl_mode(), PgSslMode::VerifyCa | PgSslMode::VerifyFull);
    local || loopback || verified
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(url: &str, options: &PostgresOptions) -> Option<OpenError> {
        session_options(url, options).err()
    }

    #[test]
    fn remote_servers_need_verified_tls() {
        let options = PostgresOptions::default();
        assert_eq!(outcome("postgres://u:p@db.example/x", &options), Some(OpenError::PlainConnection));
        assert_eq!(
            outcome("postgres://u:p@db.example/x?sslmode=require", &options),
            Some(OpenError::PlainConnection)
        );
        assert_eq!(outcome("postgres://u:p@db.example/x?sslmode=verify-full", &options), None);
        assert_eq!(outcome("postgres://u:p@127.0.0.1/x", &options), None);
        assert_eq!(outcome("postgres://u:p@[::1]/x", &options), None);
        let development = PostgresOptions { development: true, ..options };
        assert_eq!(outcome("postgres://u:p@db.example/x", &development), None);
    }

    #[test]
    fn bad_urls_and_schema_names_are_refused_without_repeating_the_url() {
        let options = PostgresOptions::default();
        assert_eq!(outcome("postgres://u:secret@:99999/x", &options), Some(OpenError::Url));
        for name in ["", "Hufu", "a\"b", "1a", "a b"] {
            let options = PostgresOptions { schema: name.into(), ..PostgresOptions::default() };
            assert_eq!(outcome("postgres://u:p@localhost/x", &options), Some(OpenError::SchemaName(name.into())));
        }
    }
}
