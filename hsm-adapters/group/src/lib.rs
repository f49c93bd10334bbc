//! Several devices behind one protection.

mod devices;

pub use devices::Devices;
