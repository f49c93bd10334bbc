//! CryptoService: use of keys.

use hufu_core::Error;
use hufu_core::record::Protection;
use hufu_proto::v1;
use hufu_proto::v1::crypto_service_server::CryptoService;
use hufu_secret::SecretBytes;
use tonic::{Request, Response, Status, async_trait};

use super::{Call, Edge, Method};
use crate::wire::enums::Wire as _;
use crate::wire::{crypto, key, name};

type Answer<T> = Result<Response<T>, Status>;

#[async_trait]
impl CryptoService for Edge {
    async fn sign(&self, request: Request<v1::SignRequest>) -> Answer<v1::SignResponse> {
        if request.get_ref().request_id.is_empty() {
            return self.serve(Method::Sign, request, sign).await;
        }
        self.change(Method::Sign, request, sign).await
    }

    async fn sign_batch(&self, request: Request<v1::SignBatchRequest>) -> Answer<v1::SignBatchResponse> {
        self.serve(Method::SignBatch, request, sign_batch).await
    }

    async fn verify(&self, request: Request<v1::VerifyRequest>) -> Answer<v1::VerifyResponse> {
        self.serve(Method::Verify, request, verify).await
    }

    async fn encrypt(&self, request: Request<v1::EncryptRequest>) -> Answer<v1::EncryptResponse> {
        self.serve(Method::Encrypt, request, encrypt).await
    }

    async fn decrypt(&self, request: Request<v1::DecryptRequest>) -> Answer<v1::DecryptResponse> {
        self.serve(Method::Decrypt, request, decrypt).await
    }

    async fn generate_data_key(
        &self,
        request: Request<v1::GenerateDataKeyRequest>,
    ) -> Answer<v1::GenerateDataKeyResponse> {
        self.serve(Method::GenerateDataKey, request, generate_data_key).await
    }

    async fn mac(&self, request: Request<v1::MacRequest>) -> Answer<v1::MacResponse> {
        self.serve(Method::Mac, request, mac).await
    }

    async fn verify_mac(&self, request: Request<v1::VerifyMacRequest>) -> Answer<v1::VerifyMacResponse> {
        self.serve(Method::VerifyMac, request, verify_mac).await
    }

    async fn encapsulate(&self, request: Request<v1::EncapsulateRequest>) -> Answer<v1::EncapsulateResponse> {
        self.serve(Method::Encapsulate, request, encapsulate).await
    }

    async fn decapsulate(&self, request: Request<v1::DecapsulateRequest>) -> Answer<v1::DecapsulateResponse> {
        self.serve(Method::Decapsulate, request, decapsulate).await
    }

    async fn derive_shared_secret(
        &self,
        request: Request<v1::DeriveSharedSecretRequest>,
    ) -> Answer<v1::DeriveSharedSecretResponse> {
        self.serve(Method::DeriveSharedSecret, request, derive_shared_secret).await
    }

    async fn generate_random(
        &self,
        request: Request<v1::GenerateRandomRequest>,
    ) -> Answer<v1::GenerateRandomResponse> {
        self.serve(Method::GenerateRandom, request, generate_random).await
    }
}

async fn sign(call: Call, request: v1::SignRequest) -> Result<v1::SignResponse, Error> {
    let selector = name::selector(&request.name, "name")?;
    let format = crypto::format(request.format)?;
    let input = crypto::sign_input(request.data)?;
    let mandate = key::mandate(request.mandate, crypto::MANDATE_LEN_MAX)?;
    let signed = call.engine.sign_under(&call.caller, &selector, input, format, mandate.as_deref()).await?;
    Ok(crypto::signed(signed, format))
}

async fn sign_batch(call: Call, request: v1::SignBatchRequest) -> Result<v1::SignBatchResponse, Error> {
    let selector = name::selector(&request.name, "name")?;
    let format = crypto::format(request.format)?;
    let inputs = crypto::batch(request.items)?;
    let signed = call.engine.sign_batch(&call.caller, &selector, inputs, format).await?;
    Ok(crypto::signed_batch(signed, format))
}

async fn verify(call: Call, request: v1::VerifyRequest) -> Result<v1::VerifyResponse, Error> {
    let selector = name::selector(&request.name, "name")?;
    let format = crypto::format(request.format)?;
    let input = crypto::verify_input(request.data)?;
    let signature = crypto::signature(&request.signature)?;
    let verified = call.engine.verify(&call.caller, &selector, input, signature, format).await?;
    Ok(crypto::verified(&verified))
}

async fn encrypt(call: Call, request: v1::EncryptRequest) -> Result<v1::EncryptResponse, Error> {
    let plaintext = SecretBytes::from_vec(request.plaintext);
    let selector = name::selector(&request.name, "name")?;
    let encrypted = call.engine.encrypt(&call.caller, &selector, plaintext, &request.additional_data).await?;
    Ok(crypto::encrypted(encrypted))
}

async fn decrypt(call: Call, request: v1::DecryptRequest) -> Result<v1::DecryptResponse, Error> {
    let selector = name::selector(&request.name, "name")?;
    let (ciphertext, aad) = (crypto::ciphertext(&request.ciphertext)?, &request.additional_data);
    let decrypted = call.engine.decrypt(&call.caller, &selector, ciphertext, aad).await?;
    Ok(crypto::decrypted(&decrypted))
}

async fn generate_data_key(
    call: Call,
    request: v1::GenerateDataKeyRequest,
) -> Result<v1::GenerateDataKeyResponse, Error> {
    let selector = name::selector(&request.name, "name")?;
    let len = crypto::data_key_len(request.length_bytes)?;
    let key = call.engine.generate_data_key(&call.caller, &selector, len, &request.additional_data).await?;
    Ok(crypto::data_key(key))
}

async fn mac(call: Call, request: v1::MacRequest) -> Result<v1::MacResponse, Error> {
    let selector = name::selector(&request.name, "name")?;
    let mac = call.engine.mac(&call.caller, &selector, &request.data).await?;
    Ok(crypto::mac(mac))
}

async fn verify_mac(call: Call, request: v1::VerifyMacRequest) -> Result<v1::VerifyMacResponse, Error> {
    let selector = name::selector(&request.name, "name")?;
    let verified = call.engine.verify_mac(&call.caller, &selector, &request.data, &request.mac).await?;
    Ok(crypto::verified_mac(&verified))
}

async fn encapsulate(call: Call, request: v1::EncapsulateRequest) -> Result<v1::EncapsulateResponse, Error> {
    let selector = name::selector(&request.name, "name")?;
    let made = call.engine.encapsulate(&call.caller, &selector).await?;
    Ok(crypto::encapsulated(made))
}

async fn decapsulate(call: Call, request: v1::DecapsulateRequest) -> Result<v1::DecapsulateResponse, Error> {
    let selector = name::selector(&request.name, "name")?;
    let ciphertext = crypto::ciphertext(&request.ciphertext)?;
    let recovered = call.engine.decapsulate(&call.caller, &selector, ciphertext).await?;
    Ok(crypto::decapsulated(&recovered))
}

async fn derive_shared_secret(
    call: Call,
    request: v1::DeriveSharedSecretRequest,
) -> Result<v1::DeriveSharedSecretResponse, Error> {
    let selector = name::selector(&request.name, "name")?;
    let derivation = crypto::derivation(request.kdf, request.salt, request.info, request.length_bytes)?;
    let peer = crypto::peer(&request.peer_public_key)?;
    let derived = call.engine.derive_shared_secret(&call.caller, &selector, peer, &derivation).await?;
    Ok(crypto::derived(&derived))
}

async fn generate_random(
    call: Call,
    request: v1::GenerateRandomRequest,
) -> Result<v1::GenerateRandomResponse, Error> {
    let tenant = name::tenant(&request.parent, "parent")?;
    let len = crypto::random_len(request.length_bytes)?;
    let protection = Protection::optional(request.protection, "protection")?;
    let random = call.engine.random(&call.caller, &tenant, len, protection).await?;
    Ok(crypto::random(&random))
}
