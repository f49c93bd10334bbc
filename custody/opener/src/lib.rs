//! The one place where a key that custodians hold together is whole.
//!
//! A [`Task`] makes a key and splits it, or puts one together from what custodians handed over: for a backend, which gets it wrapped
//! under a key of its own ([`Task::Recover`]), to see that it could be done ([`Task::Rehearse`]), or to share it anew
//! ([`Task::Redeal`]). Whoever asks gets public things, sealed shares and wrapped material, never the secret.
//!
//! The service asks a [`ShareOpener`]. [`ChildOpener`] starts a process for each task, hardened and with an empty environment, which
//! reads one task from the socket on its standard input, answers and ends ([`serve`]). [`Opener`] does the same in the
//! process that asks: for tests.
//!
//! The target's private key may be in an HSM, which only the service reaches. So the service takes the Diffie-Hellman step of each handover
//! before it asks ([`points`]), and sends the values along: they open these handovers and nothing else.

mod answer;
mod child;
mod frame;
mod points;
mod seam;
mod secret;
mod serve;
mod task;
mod work;

pub use answer::{Answer, Refused, Wrong};
pub use child::ChildOpener;
pub use points::points;
pub use seam::{OpenerError, ShareOpener};
pub use serve::serve;
pub use task::{Agreed, Hash, NewTerms, Opening, Recover, Redeal, Split, Task, WrapTo};
pub use work::{Make, Opener};
