use hufu_proto::v1;
use zeroize::Zeroizing;

use crate::{Client, Error, KeyRef, client::crypto, retry::Repeat};

/// What is signed or verified.
#[derive(Clone, Copy, Debug)]
pub enum Data<'a> {
    /// A message, which the service hashes: at most [`INPUT_LEN_MAX`](crate::INPUT_LEN_MAX) bytes.
    Message(&'a [u8]),
    /// A digest of the scheme's length, for keys that allow it.
    Digest(&'a [u8]),
}

/// What was decrypted.
#[derive(Debug)]
pub struct Decrypted {
    /// The plaintext; overwritten when it is dropped.
    pub plaintext: Zeroizing<Vec<u8>>,
    /// The version that decrypted.
    pub key_version: String,
    /// Where the key lives.
    pub protection: v1::Protection,
    /// Whether anything below the key is simulated.
    pub simulated: bool,
}

/// A data key.
#[derive(Debug)]
pub struct DataKey {
    /// The data key in clear; overwritten when it is dropped.
    pub plaintext: Zeroizing<Vec<u8>>,
    /// The data key encrypted: keep this.
    pub ciphertext: Vec<u8>,
    /// The version that encrypted.
    pub key_version: String,
    /// Where the key lives.
    pub protection: v1::Protection,
    /// Whether anything below the key is simulated.
    pub simulated: bool,
}

/// A shared secret, and the ciphertext that carries it to the holder of the private key.
#[derive(Debug)]
pub struct Encapsulated {
    /// The shared secret; overwritten when it is dropped.
    pub shared_secret: Zeroizing<Vec<u8>>,
    /// The ciphertext. It does not tell for which version it was made: keep the name beside it.
    pub ciphertext: Vec<u8>,
    /// The version for which it was made.
    pub key_version: String,
    /// Where the private key lives.
    pub protection: v1::Protection,
    /// Whether anything below the key is simulated.
    pub simulated: bool,
}

/// A recovered shared secret.
#[derive(Debug)]
pub struct Decapsulated {
    /// The shared secret; overwritten when it is dropped.
    pub shared_secret: Zeroizing<Vec<u8>>,
    /// The version that decapsulated.
    pub key_version: String,
    /// Where the private key lives.
    pub protection: v1::Protection,
    /// Whether anything below the key is simulated.
    pub simulated: bool,
}

/// How a key is derived from a shared secret.
#[derive(Clone, Copy, Debug)]
pub struct Derivation<'a> {
    /// The function.
    pub kdf: v1::Kdf,
    /// The salt of HKDF, at most 1024 bytes; empty for the others.
    pub salt: &'a [u8],
    /// What the key is for and between whom, at most 1024 bytes.
    pub info: &'a [u8],
    /// Length of the key in bytes: 1 to 1024.
    pub length_bytes: u32,
}

/// A key derived from a shared secret.
#[derive(Debug)]
pub struct Derived {
    /// The derived key; overwritten when it is dropped.
    pub secret: Zeroizing<Vec<u8>>,
    /// The version that agreed.
    pub key_version: String,
    /// Where the private key lives.
    pub protection: v1::Protection,
    /// Whether anything below the key is simulated.
    pub simulated: bool,
}

/// Random bytes.
#[derive(Debug)]
pub struct Random {
    /// The bytes; overwritten when they are dropped.
    pub data: Zeroizing<Vec<u8>>,
    /// The source.
    pub protection: v1::Protection,
    /// Whether the source is simulated.
    pub simulated: bool,
}

/// Use of keys. A key without a version is used by its primary version, and checked by each version that may.
///
/// Each method fails with [`Error`] as the service answers. A bad signature or code is an answer, not an error.
impl Client {
    /// Signs.
    ///
    /// # Errors
    /// See above.
    pub async fn sign(
        &self,
        key: &KeyRef,
        data: Data<'_>,
        format: v1::SignatureFormat,
    ) -> Result<v1::SignResponse, Error> {
        let request = self.sign_request(key, data, format, "");
        self.call(Repeat::WhenAsked, request, |channel, request| async move { crypto(channel).sign(request).await })
            .await
    }

    /// Signs at most once under a request id, a UUID: a repetition within 24 hours is answered with the same signature. For
    /// those who must account for each signature; costs the service a second write.
    ///
    /// # Errors
    /// `OUTCOME_UNKNOWN` when a signature may have been made that was lost, and another one would differ. Else see above.
    pub async fn sign_once(
        &self,
        key: &KeyRef,
        data: Data<'_>,
        format: v1::SignatureFormat,
        request_id: &str,
    ) -> Result<v1::SignResponse, Error> {
        if request_id.is_empty() {
            return Err(Error::RequestId);
        }
        let request = self.sign_request(key, data, format, request_id);
        self.call(Repeat::Safe, request, |channel, request| async move { crypto(channel).sign(request).await }).await
    }

    fn sign_request(
        &self,
        key: &KeyRef,
        data: Data<'_>,
        format: v1::SignatureFormat,
        request_id: &str,
    ) -> v1::SignRequest {
        use v1::sign_request::Data as Wire;
        v1::SignRequest {
            name: key.name(self.tenant()),
            data: Some(match data {
                Data::Message(message) => Wire::Message(message.to_vec()),
                Data::Digest(digest) => Wire::Digest(digest.to_vec()),
            }),
            format: format.into(),
            request_id: request_id.to_owned(),
            mandate: Vec::new(),
        }
    }

    /// Signs many messages or digests under one version: all of them, or none. At most 1024.
    ///
    /// # Errors
    /// See above.
    pub async fn sign_batch(
        &self,
        key: &KeyRef,
        items: &[Data<'_>],
        format: v1::SignatureFormat,
    ) -> Result<v1::SignBatchResponse, Error> {
        let request = v1::SignBatchRequest {
            name: key.name(self.tenant()),
            items: items.iter().map(|&data| item(data)).collect(),
            format: format.into(),
        };
        self.call(
            Repeat::WhenAsked,
            request,
            |channel, request| async move { crypto(channel).sign_batch(request).await },
        )
        .await
    }

    /// Verifies a signature.
    ///
    /// # Errors
    /// See above.
    pub async fn verify(
        &self,
        key: &KeyRef,
        data: Data<'_>,
        signature: &[u8],
        format: v1::SignatureFormat,
    ) -> Result<v1::VerifyResponse, Error> {
        use v1::verify_request::Data as Wire;
        let request = v1::VerifyRequest {
            name: key.name(self.tenant()),
            data: Some(match data {
                Data::Message(message) => Wire::Message(message.to_vec()),
                Data::Digest(digest) => Wire::Digest(digest.to_vec()),
            }),
            signature: signature.to_vec(),
            format: format.into(),
        };
        self.call(Repeat::WhenAsked, request, |channel, request| async move { crypto(channel).verify(request).await })
            .await
    }

    /// Encrypts. The additional data are authenticated and have to be given again to decrypt.
    ///
    /// # Errors
    /// See above.
    pub async fn encrypt(
        &self,
        key: &KeyRef,
        plaintext: &[u8],
        additional_data: &[u8],
    ) -> Result<v1::EncryptResponse, Error> {
        let request = v1::EncryptRequest {
            name: key.name(self.tenant()),
            plaintext: plaintext.to_vec(),
            additional_data: additional_data.to_vec(),
        };
        self.call(
            Repeat::WhenAsked,
            request,
            |channel, request| async move { crypto(channel).encrypt(request).await },
        )
        .await
    }

    /// Decrypts, by whichever version of the key encrypted.
    ///
    /// # Errors
    /// See above.
    pub async fn decrypt(&self, key: &KeyRef, ciphertext: &[u8], additional_data: &[u8]) -> Result<Decrypted, Error> {
        let request = v1::DecryptRequest {
            name: key.name(self.tenant()),
            ciphertext: ciphertext.to_vec(),
            additional_data: additional_data.to_vec(),
        };
        let answer =
            self.call(Repeat::WhenAsked, request, |channel, request| async move {
                crypto(channel).decrypt(request).await
            })
            .await?;
        Ok(Decrypted {
            protection: answer.protection(),
            simulated: answer.simulated,
            plaintext: Zeroizing::new(answer.plaintext),
            key_version: answer.key_version,
        })
    }

    /// Makes a data key of 16 to 64 bytes and encrypts it.
    ///
    /// # Errors
    /// See above.
    pub async fn generate_data_key(
        &self,
        key: &KeyRef,
        length_bytes: u32,
        additional_data: &[u8],
    ) -> Result<DataKey, Error> {
        let request = v1::GenerateDataKeyRequest {
            name: key.name(self.tenant()),
            length_bytes,
            additional_data: additional_data.to_vec(),
        };
        let answer = self
            .call(Repeat::WhenAsked, request, |channel, request| async move {
                crypto(channel).generate_data_key(request).await
            })
            .await?;
        Ok(DataKey {
            protection: answer.protection(),
            simulated: answer.simulated,
            plaintext: Zeroizing::new(answer.plaintext),
            ciphertext: answer.ciphertext,
            key_version: answer.key_version,
        })
    }

    /// Makes a message authentication code.
    ///
    /// # Errors
    /// See above.
    pub async fn mac(&self, key: &KeyRef, data: &[u8]) -> Result<v1::MacResponse, Error> {
        let request = v1::MacRequest { name: key.name(self.tenant()), data: data.to_vec() };
        self.call(Repeat::WhenAsked, request, |channel, request| async move { crypto(channel).mac(request).await })
            .await
    }

    /// Checks a message authentication code.
    ///
    /// # Errors
    /// See above.
    pub async fn verify_mac(&self, key: &KeyRef, data: &[u8], mac: &[u8]) -> Result<v1::VerifyMacResponse, Error> {
        let request = v1::VerifyMacRequest { name: key.name(self.tenant()), data: data.to_vec(), mac: mac.to_vec() };
        self.call(
            Repeat::WhenAsked,
            request,
            |channel, request| async move { crypto(channel).verify_mac(request).await },
        )
        .await
    }

    /// Makes a shared secret for a key of purpose `ENCAPSULATE`.
    ///
    /// # Errors
    /// See above.
    pub async fn encapsulate(&self, key: &KeyRef) -> Result<Encapsulated, Error> {
        let request = v1::EncapsulateRequest { name: key.name(self.tenant()) };
        let answer =
            self.call(Repeat::WhenAsked, request, |channel, request| async move {
                crypto(channel).encapsulate(request).await
            })
            .await?;
        Ok(Encapsulated {
            protection: answer.protection(),
            simulated: answer.simulated,
            shared_secret: Zeroizing::new(answer.shared_secret),
            ciphertext: answer.ciphertext,
            key_version: answer.key_version,
        })
    }

    /// Recovers a shared secret. A ciphertext that was made for another version gives another secret and no error: name the
    /// version where the key was rotated.
    ///
    /// # Errors
    /// See above.
    pub async fn decapsulate(&self, key: &KeyRef, ciphertext: &[u8]) -> Result<Decapsulated, Error> {
        let request = v1::DecapsulateRequest { name: key.name(self.tenant()), ciphertext: ciphertext.to_vec() };
        let answer =
            self.call(Repeat::WhenAsked, request, |channel, request| async move {
                crypto(channel).decapsulate(request).await
            })
            .await?;
        Ok(Decapsulated {
            protection: answer.protection(),
            simulated: answer.simulated,
            shared_secret: Zeroizing::new(answer.shared_secret),
            key_version: answer.key_version,
        })
    }

    /// Agrees on a secret with the holder of a public key (SubjectPublicKeyInfo, DER), by a key of purpose `AGREE`, and derives a
    /// key from it.
    ///
    /// # Errors
    /// See above.
    pub async fn derive_shared_secret(
        &self,
        key: &KeyRef,
        peer_public_key: &[u8],
        derivation: Derivation<'_>,
    ) -> Result<Derived, Error> {
        let request = v1::DeriveSharedSecretRequest {
            name: key.name(self.tenant()),
            peer_public_key: peer_public_key.to_vec(),
            kdf: derivation.kdf.into(),
            salt: derivation.salt.to_vec(),
            info: derivation.info.to_vec(),
            length_bytes: derivation.length_bytes,
        };
        let answer = self
            .call(Repeat::WhenAsked, request, |channel, request| async move {
                crypto(channel).derive_shared_secret(request).await
            })
            .await?;
        Ok(Derived {
            protection: answer.protection(),
            simulated: answer.simulated,
            secret: Zeroizing::new(answer.secret),
            key_version: answer.key_version,
        })
    }

    /// Random bytes from the token or from the service: 1 to 65536.
    ///
    /// # Errors
    /// See above.
    pub async fn generate_random(&self, length_bytes: u32, source: v1::Protection) -> Result<Random, Error> {
        let request = v1::GenerateRandomRequest { parent: self.parent(), length_bytes, protection: source.into() };
        let answer = self
            .call(Repeat::WhenAsked, request, |channel, request| async move {
                crypto(channel).generate_random(request).await
            })
            .await?;
        Ok(Random { protection: answer.protection(), simulated: answer.simulated, data: Zeroizing::new(answer.data) })
    }
}

fn item(data: Data<'_>) -> v1::SignItem {
    use v1::sign_item::Data as Wire;
    v1::SignItem {
        data: Some(match data {
            Data::Message(message) => Wire::Message(message.to_vec()),
            Data::Digest(digest) => Wire::Digest(digest.to_vec()),
        }),
    }
}
