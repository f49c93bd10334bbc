//! The only writer: gathers changesets, seals audit, commits
