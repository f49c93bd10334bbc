//! Why a store does not open.

/// Why a store does not open. Never carries a connection URL.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// There is no database, and none may be created.
    #[error("there is no database at `{0}`")]
    Absent(String),
    /// Another process, or another store of this one, has the database open.
    #[error("the database `{0}` is already open")]
    AlreadyOpen(String),
    /// A later release has migrated the database.
    #[error("the schema is at version {found}, this release knows versions up to {known}")]
    NewerSchema {
        /// Version in the database.
        found: i64,
        /// Newest version that this release knows.
        known: i64,
    },
    /// It is no database, or one of somebody else.
    #[error("not a database of ours: {0}")]
    Foreign(String),
    /// The database is ours and broken.
    #[error("the database is damaged: {0}")]
    Damaged(String),
    /// The connection URL does not parse.
    #[error("the connection URL is malformed")]
    Url,
    /// The schema name is no plain lower-case identifier.
    #[error("`{0}` is no schema name")]
    SchemaName(String),
    /// A remote database would be reached without verified TLS.
    #[error("a remote database needs `sslmode=verify-full` or `verify-ca`")]
    PlainConnection,
    /// The server could lose acknowledged commits.
    #[error("the server runs with `{0}` off and would lose acknowledged commits")]
    NotDurable(&'static str),
    /// The file system or the server refuses.
    #[error("the database is unavailable: {0}")]
    Unavailable(String),
}
