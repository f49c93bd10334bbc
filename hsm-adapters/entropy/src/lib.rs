//! What can be told of random numbers by looking at them: SP 800-90B health tests and estimates of min-entropy, and the
//! statistical tests of SP 800-22 and GM/T 0005.
//!
//! Statistics refute, they never prove: a counter encrypted under a known key passes every test here. What fails is
//! bad; what passes is not shown to be good.
//!
//! Pure functions of their input, without dependencies, so that the service in use and the assessment of a device share
//! them.

mod binomial;
mod bits;
pub mod estimate;
mod health;
mod special;
mod suite;
pub mod test;

pub use bits::Bits;
pub use health::{ALPHA_LOG2, AdaptiveProportion, Failure, Health, RepetitionCount, STARTUP_LEN, WINDOW_LEN};
pub use suite::{ALPHA, Grade, SEQUENCE_BITS, Standard, Tested, run_suite};
