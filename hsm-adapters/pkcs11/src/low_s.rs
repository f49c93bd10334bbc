//! Low s for secp256k1: of the two signatures (r, s) and (r, n − s) the one whose s is at most n / 2.

/// The order of the group (SEC 2 §2.4.1), big-endian.
const N: [u8; 32] = [
    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfe, 0xba, 0xae, 0xdc,
    0xe6, 0xaf, 0x48, 0xa0, 0x3b, 0xbf, 0xd2, 0x5e, 0x8c, 0xd0, 0x36, 0x41, 0x41,
];

/// n / 2, rounded down.
const HALF_N: [u8; 32] = [
    0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x5d, 0x57, 0x6e,
    0x73, 0x57, 0xa4, 0x50, 0x1d, 0xdf, 0xe9, 0x2f, 0x46, 0x68, 0x1b, 0x20, 0xa0,
];

/// Makes s of r ‖ s low. Signatures are public, so it need not take constant time.
pub(crate) fn normalize(signature: &mut [u8]) {
    let Some(s) = signature.last_chunk_mut::<32>() else { return };
    if *s <= HALF_N {
        return;
    }
    let mut borrow = 0u8;
    for (digit, order) in s.iter_mut().zip(N).rev() {
        let (difference, under) = order.overflowing_sub(*digit);
        let (difference, under_again) = difference.overflowing_sub(borrow);
        *digit = difference;
        borrow = u8::from(under || under_again);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn normalized(s: [u8; 32]) -> [u8; 32] {
        let mut signature = [[7; 32], s].concat();
        normalize(&mut signature);
        assert_eq!(signature[..32], [7; 32]);
        signature[32..].try_into().unwrap()
    }

    #[test]
    fn high_s_is_subtracted_from_the_order_and_low_s_stays() {
        let mut one = [0; 32];
        one[31] = 1;
        let mut order_minus_1 = N;
        order_minus_1[31] -= 1;
        assert_eq!(normalized(order_minus_1), one);
        assert_eq!(normalized(one), one);
        assert_eq!(normalized(HALF_N), HALF_N);
        let mut above_half = HALF_N;
        above_half[31] += 1;
        assert_eq!(normalized(above_half), HALF_N);
    }
}
