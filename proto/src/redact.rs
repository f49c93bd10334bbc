//! `Debug` of the messages that carry secrets: lengths and names, never the bytes.

use std::fmt;

use crate::v1::{
    DecapsulateResponse, DecryptResponse, DeriveSharedSecretResponse, EncapsulateResponse, EncryptRequest,
    GenerateDataKeyResponse, GenerateRandomResponse,
};

/// Stands for secret bytes in `Debug` output.
struct Secret<'a>(&'a [u8]);

impl fmt::Debug for Secret<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{} secret bytes]", self.0.len())
    }
}

impl fmt::Debug for EncryptRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EncryptRequest")
            .field("name", &self.name)
            .field("plaintext", &Secret(&self.plaintext))
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for DecryptResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DecryptResponse")
            .field("plaintext", &Secret(&self.plaintext))
            .field("key_version", &self.key_version)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for GenerateDataKeyResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GenerateDataKeyResponse")
            .field("plaintext", &Secret(&self.plaintext))
            .field("ciphertext", &self.ciphertext)
            .field("key_version", &self.key_version)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for GenerateRandomResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GenerateRandomResponse")
            .field("data", &Secret(&self.data))
            .field("protection", &self.protection())
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for EncapsulateResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EncapsulateResponse")
            .field("shared_secret", &Secret(&self.shared_secret))
            .field("ciphertext", &self.ciphertext)
            .field("key_version", &self.key_version)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for DecapsulateResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DecapsulateResponse")
            .field("shared_secret", &Secret(&self.shared_secret))
            .field("key_version", &self.key_version)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for DeriveSharedSecretResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeriveSharedSecretResponse")
            .field("secret", &Secret(&self.secret))
            .field("key_version", &self.key_version)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: [u8; 4] = [201, 202, 203, 204];

    #[test]
    fn debug_shows_no_secret_bytes() {
        let shown = [
            format!("{:?}", EncryptRequest { plaintext: SECRET.to_vec(), ..Default::default() }),
            format!("{:?}", DecryptResponse { plaintext: SECRET.to_vec(), ..Default::default() }),
            format!("{:?}", GenerateDataKeyResponse { plaintext: SECRET.to_vec(), ..Default::default() }),
            format!("{:?}", GenerateRandomResponse { data: SECRET.to_vec(), ..Default::default() }),
            format!("{:?}", EncapsulateResponse { shared_secret: SECRET.to_vec(), ..Default::default() }),
            format!("{:?}", DeriveSharedSecretResponse { secret: SECRET.to_vec(), ..Default::default() }),
            format!("{:?}", DecapsulateResponse { shared_secret: SECRET.to_vec(), ..Default::default() }),
        ];
        for text in shown {
            assert!(text.contains("[4 secret bytes]"), "{text}");
            assert!(!text.contains("201"), "{text}");
        }
    }
}
