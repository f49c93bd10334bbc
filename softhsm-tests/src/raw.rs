//! Requests made of bytes, so that they can be wrong in every way.

use std::fs;
use std::time::Duration;

use hufu_sdk::Profile;
use prost::bytes::{Buf as _, BufMut as _};
use tonic::client::Grpc;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::codegen::http::uri::PathAndQuery;
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Identity};
use tonic::{Request, Status};

const TIMEOUT: Duration = Duration::from_secs(40);

/// A connection with the profile's certificates that knows nothing of the API. Call it on a Tokio runtime.
pub fn raw_channel(profile: &Profile) -> Channel {
    let read = |path| fs::read(path).expect("a file of the profile");
    let tls = ClientTlsConfig::new()
        .ca_certificate(Certificate::from_pem(read(&profile.ca_file)))
        .identity(Identity::from_pem(read(&profile.certificate_file), read(&profile.key_file)));
    let endpoint = Endpoint::from_shared(profile.server.clone()).expect("the server of the profile");
    endpoint.timeout(TIMEOUT).tls_config(tls).expect("certificates of the profile").connect_lazy()
}

/// Sends any bytes to any method.
#[derive(Clone, Debug)]
pub struct Raw(Channel);

impl Raw {
    /// Over a channel.
    pub fn new(channel: Channel) -> Self {
        Self(channel)
    }

    /// Calls `/package.Service/Method` with an encoded message; answers with the encoded answer, or the first one of a
    /// stream.
    ///
    /// # Errors
    /// The status of a failed call.
    pub async fn call(&self, path: &str, message: Vec<u8>) -> Result<Vec<u8>, Status> {
        let mut grpc =
            Grpc::new(self.0.clone()).max_encoding_message_size(usize::MAX).max_decoding_message_size(8 << 20);
        grpc.ready().await.map_err(|error| Status::from_error(Box::new(error)))?;
        let path = PathAndQuery::try_from(path).expect("a path");
        let answer = grpc.server_streaming(Request::new(message), path, Bytes).await?;
        Ok(answer.into_inner().message().await?.unwrap_or_default())
    }
}

/// Writes the wire format by hand (protobuf encoding: varints and length-delimited fields).
#[derive(Clone, Debug, Default)]
pub struct Body(Vec<u8>);

impl Body {
    /// Begins with an encoded message: of what is appended, the last value of a field counts.
    pub fn of(message: &impl prost::Message) -> Self {
        Self(message.encode_to_vec())
    }

    /// Appends a string, bytes or message field.
    #[must_use]
    pub fn bytes(mut self, field: u32, value: &[u8]) -> Self {
        self.varint_raw(u64::from(field) << 3 | 2);
        self.varint_raw(value.len() as u64);
        self.0.extend_from_slice(value);
        self
    }

    /// Appends a number, enum or boolean field; negative numbers as protobuf writes them.
    #[must_use]
    pub fn number(mut self, field: u32, value: i64) -> Self {
        self.varint_raw(u64::from(field) << 3);
        self.varint_raw(value.cast_unsigned());
        self
    }

    /// Appends bytes that may be anything.
    #[must_use]
    pub fn junk(mut self, bytes: &[u8]) -> Self {
        self.0.extend_from_slice(bytes);
        self
    }

    /// The encoded message.
    pub fn finish(self) -> Vec<u8> {
        self.0
    }

    fn varint_raw(&mut self, mut value: u64) {
        loop {
            let [low, ..] = value.to_le_bytes();
            value >>= 7;
            if value == 0 {
                self.0.push(low & 0x7f);
                return;
            }
            self.0.push(low | 0x80);
        }
    }
}

/// A codec that leaves messages as they are.
#[derive(Clone, Copy, Debug)]
struct Bytes;

impl Codec for Bytes {
    type Encode = Vec<u8>;
    type Decode = Vec<u8>;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for Bytes {
    type Item = Vec<u8>;
    type Error = Status;

    fn encode(&mut self, item: Vec<u8>, to: &mut EncodeBuf<'_>) -> Result<(), Status> {
        to.put_slice(&item);
        Ok(())
    }
}

impl Decoder for Bytes {
    type Item = Vec<u8>;
    type Error = Status;

    fn decode(&mut self, from: &mut DecodeBuf<'_>) -> Result<Option<Vec<u8>>, Status> {
        let mut message = vec![0; from.remaining()];
        from.copy_to_slice(&mut message);
        Ok(Some(message))
    }
}
