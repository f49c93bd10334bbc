//! The suite of the store: what every database behind the seam must do.
//!
//! A store's own tests call [`suite`] with something that opens an empty store, [`reopening`] where closing and
//! opening again means something, and [`sharing`] where several servers may write to one database. A check that fails
//! panics and names what was expected.

mod fixture;
mod guards;
mod limits;
mod model;
mod numbering;
mod paging;
mod random;
mod reopening;
mod rows;
mod segments;
mod sharing;

pub use reopening::reopening;
pub use sharing::sharing;

use std::sync::Arc;

use hufu_core::store::{CommitError, Store, StoreError};

/// A check could not go on: an error of the store where none was due.
#[derive(Debug, thiserror::Error)]
pub enum Failed {
    /// Of a commit.
    #[error(transparent)]
    Commit(#[from] CommitError),
    /// Of a read.
    #[error(transparent)]
    Read(#[from] StoreError),
    /// A task of the check has panicked.
    #[error(transparent)]
    Task(#[from] tokio::task::JoinError),
}

/// Random histories that are compared with the model.
const HISTORIES: u64 = 24;

/// Runs every check, each on a fresh and empty store.
///
/// # Errors
/// [`Failed`].
///
/// # Panics
/// When the store breaks a promise of the seam.
pub async fn suite(fresh: impl AsyncFn() -> Arc<dyn Store>) -> Result<(), Failed> {
    guards::absence(&*fresh().await).await?;
    guards::revisions(&*fresh().await).await?;
    guards::see_earlier_writes(&*fresh().await).await?;
    guards::refusals_leave_nothing(&*fresh().await).await?;
    guards::all_refused(&*fresh().await).await?;
    guards::without_writes(&*fresh().await).await?;
    numbering::a_group_takes_one_number(&*fresh().await).await?;
    numbering::audit_only_tells_the_newest(&*fresh().await).await?;
    numbering::gapless_under_concurrency(fresh().await).await?;
    rows::put_replace_delete(&*fresh().await).await?;
    rows::several_writes_to_a_row(&*fresh().await).await?;
    rows::collections_are_apart(&*fresh().await).await?;
    rows::bodies_of_any_size(&*fresh().await).await?;
    paging::lists(&*fresh().await).await?;
    paging::orders_ids_by_bytes(&*fresh().await).await?;
    paging::last_of_a_scope(&*fresh().await).await?;
    paging::due_rows(&*fresh().await).await?;
    paging::feed(&*fresh().await).await?;
    segments::found_and_paged(&*fresh().await).await?;
    segments::heads(&*fresh().await).await?;
    segments::never_twice(&*fresh().await).await?;
    limits::greatest_numbers(&*fresh().await).await?;
    limits::what_no_database_holds(&*fresh().await).await?;
    limits::searches_beyond(&*fresh().await).await?;
    for seed in 0..HISTORIES {
        random::history(&*fresh().await, seed).await?;
    }
    Ok(())
}
