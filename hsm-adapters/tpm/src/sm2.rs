//! What an SM2 signature signs (GB/T 32918.2 §5.5 and §6.1): the TPM takes e, and knows no distinguishing identifier.

use hufu_core::backend::BackendError;
use sm3::{Digest as _, Sm3};

use crate::public_key::COORDINATE_LEN;

/// a, b, x_G and y_G of the recommended curve (GB/T 32918.5 §2).
const CURVE: [[u8; COORDINATE_LEN]; 4] = [
    hex_literal("fffffffeffffffffffffffffffffffffffffffff00000000fffffffffffffffc"),
    hex_literal("28e9fa9e9d9f5e344d5a9e4bcf6509a7f39789f515ab8f92ddbcbd414d940e93"),
    hex_literal("32c4ae2c1f1981195f9904466a39c9948fe30bbff2660be1715a4589334c74c7"),
    hex_literal("bc3736a2f4f6779c59bdcee36b692153d0a9877cc62a474002df32e52139f0a0"),
];

/// e = SM3(Z_A ‖ M), for a public key x ‖ y and its distinguishing identifier.
pub(crate) fn digest(
    distinguishing_id: &str,
    point: &[u8; 2 * COORDINATE_LEN],
    message: &[u8],
) -> Result<[u8; 32], BackendError> {
    let bits = u16::try_from(distinguishing_id.len().saturating_mul(8));
    let bits =
        bits.map_err(|_| BackendError::InvalidInput("the distinguishing identifier is too long".to_owned()))?;
    let mut z = Sm3::new_with_prefix(bits.to_be_bytes());
    z.update(distinguishing_id);
    CURVE.iter().for_each(|parameter| z.update(parameter));
    z.update(point);
    Ok(Sm3::new_with_prefix(z.finalize()).chain_update(message).finalize().into())
}

/// Reads 64 hexadecimal digits at compile time.
#[expect(clippy::indexing_slicing, reason = "evaluated at compile time alone")]
const fn hex_literal(digits: &str) -> [u8; COORDINATE_LEN] {
    let digits = digits.as_bytes();
    let mut bytes = [0; COORDINATE_LEN];
    let mut at = 0;
    while at < digits.len() {
        let value = match digits[at] {
            digit @ b'0'..=b'9' => digit - b'0',
            digit => digit - b'a' + 10,
        };
        bytes[at / 2] = bytes[at / 2] << 4 | value;
        at += 1;
    }
    bytes
}
