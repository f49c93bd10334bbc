//! The use of keys: sign, verify, encrypt, decrypt, encapsulate, agree, authenticate, draw random bytes.

mod ciphertext;
mod decrypt;
mod derive;
mod device_random;
mod encapsulate;
mod encrypt;
mod input;
mod kdf;
mod mac;
mod random;
mod sign;
mod sign_once;
mod sign_under;
mod signature;
mod usage;
mod verify;

pub(crate) use device_random::DeviceRandom;
pub(crate) use usage::UsageBlocks;
