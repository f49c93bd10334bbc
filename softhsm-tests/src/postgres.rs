//! A schema of its own in a PostgreSQL that the environment names.

use std::env;
use std::process;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::Tool;

/// Names the connection URL of a PostgreSQL for tests.
const VARIABLE: &str = "HUFU_TEST_POSTGRES";

/// A schema that is dropped at the end.
#[derive(Debug)]
pub struct ScratchSchema {
    /// The connection URL.
    pub url: String,
    /// The name of the schema.
    pub schema: String,
}

/// A schema of its own, or nothing, which is printed, when the environment names no PostgreSQL.
pub fn scratch_postgres(test: &str) -> Option<ScratchSchema> {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let Ok(url) = env::var(VARIABLE) else {
        println!("skipped: {test} on PostgreSQL: {VARIABLE} is not set");
        return None;
    };
    let schema = format!("hufu_e2e_{}_{}", process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
    Some(ScratchSchema { url, schema })
}

impl Drop for ScratchSchema {
    fn drop(&mut self) {
        let sql = format!("DROP SCHEMA IF EXISTS {} CASCADE", self.schema);
        // What is left behind in a scratch database harms nobody.
        let _ = Tool::new("psql").args([&self.url, "-q", "-c", &sql]).output();
    }
}
