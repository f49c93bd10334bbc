use crate::Error;

/// A random UUID (RFC 9562, section 5.4) in its textual form.
pub(crate) fn random() -> Result<String, Error> {
    let mut bytes = [0_u8; 16];
    getrandom::fill(&mut bytes).map_err(|_| Error::Randomness)?;
    Ok(format(u128::from_be_bytes(bytes)))
}

fn format(random: u128) -> String {
    let version = 4_u128 << 76;
    let variant = 0b10_u128 << 62;
    let uuid = random & !(0xf << 76) & !(0b11 << 62) | version | variant;
    let hex = format!("{uuid:032x}");
    let (a, rest) = hex.split_at(8);
    let (b, rest) = rest.split_at(4);
    let (c, rest) = rest.split_at(4);
    let (d, e) = rest.split_at(4);
    format!("{a}-{b}-{c}-{d}-{e}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn version_and_variant_are_set() {
        assert_eq!(format(0), "00000000-0000-4000-8000-000000000000");
        assert_eq!(format(u128::MAX), "ffffffff-ffff-4fff-bfff-ffffffffffff");
    }

    #[test]
    fn two_differ() {
        assert_ne!(random().unwrap(), random().unwrap());
    }
}
