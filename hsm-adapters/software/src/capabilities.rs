//! What the backend can do: every row of the table of algorithms, and let material leave that was made to.

use hufu_core::algorithm::TABLE;
use hufu_core::backend::Capabilities;
use hufu_core::record::Exit;

pub(crate) fn all() -> Capabilities {
    let rows =
        TABLE.iter().flat_map(|row| row.schemes.iter().map(|(purpose, scheme)| (row.algorithm, *purpose, *scheme)));
    Capabilities { schemes: rows.collect(), exits: vec![Exit::Exportable], ..Capabilities::default() }
}
