//! What wraps key material, and wrapped material on its way in.

use std::time::Instant;

use hufu_core::backend::{Arrival, BackendError, KeyBackend, KeyHandle, Operation, Outcome, Template, Wrapping};
use minicbor::Decoder;

use super::request::{
    Public, Writer, Written, decode_handle, decode_public, encode_handle, encode_public, handle_len, public_len,
};
use super::{WireError, array};

/// [`Wrapping`], owned.
pub enum OwnedWrapping {
    /// [`Wrapping::Key`].
    Key(Box<KeyHandle>),
    /// [`Wrapping::Public`].
    Public(Public),
    /// [`Wrapping::Group`].
    Group,
}

/// [`Arrival`], owned.
pub struct OwnedArrival {
    by: OwnedWrapping,
    wrapped: Vec<u8>,
    public_key: Option<Vec<u8>>,
}

pub(super) fn wrapping_len(by: &Wrapping<'_>) -> usize {
    match by {
        Wrapping::Key(key) => handle_len(key),
        Wrapping::Public(key) => public_len(key),
        Wrapping::Group => 0,
    }
}

pub(super) fn encode_wrapping(writer: &mut Writer<'_>, by: Wrapping<'_>) -> Written {
    match by {
        Wrapping::Key(key) => encode_handle(writer.array(2)?.u8(1)?, key),
        Wrapping::Public(key) => encode_public(writer.array(2)?.u8(2)?, key),
        Wrapping::Group => writer.array(1)?.u8(3)?.ok(),
    }
}

pub(super) fn encode_arrival(writer: &mut Writer<'_>, arrival: Arrival<'_>) -> Written {
    encode_wrapping(writer.array(3)?, arrival.by)?;
    writer.bytes(arrival.wrapped)?;
    match arrival.public_key {
        Some(spki) => writer.bytes(spki)?.ok(),
        None => writer.null()?.ok(),
    }
}

impl OwnedWrapping {
    pub(super) fn decode(d: &mut Decoder<'_>) -> Result<Self, WireError> {
        let len = d.array()?.ok_or(WireError::Malformed)?;
        match (d.u8()?, len) {
            (1, 2) => Ok(Self::Key(Box::new(decode_handle(d)?))),
            (2, 2) => Ok(Self::Public(decode_public(d)?)),
            (3, 1) => Ok(Self::Group),
            _ => Err(WireError::Malformed),
        }
    }

    pub(super) async fn perform_wrap(
        &self,
        key: &KeyHandle,
        backend: &dyn KeyBackend,
        deadline: Instant,
    ) -> Result<Outcome, BackendError> {
        match self {
            Self::Key(by) => backend.perform(Operation::Wrap(key, Wrapping::Key(by)), deadline).await,
            Self::Public(by) => {
                let by = by.borrowed();
                backend.perform(Operation::Wrap(key, Wrapping::Public(&by)), deadline).await
            }
            Self::Group => backend.perform(Operation::Wrap(key, Wrapping::Group), deadline).await,
        }
    }
}

impl OwnedArrival {
    pub(super) fn decode(d: &mut Decoder<'_>) -> Result<Self, WireError> {
        array(d, 3)?;
        let (by, wrapped) = (OwnedWrapping::decode(d)?, d.bytes()?.to_vec());
        let public_key = d.decode::<Option<&minicbor::bytes::ByteSlice>>()?.map(|spki| spki.to_vec());
        Ok(Self { by, wrapped, public_key })
    }

    pub(super) async fn perform_unwrap(
        &self,
        template: &Template,
        backend: &dyn KeyBackend,
        deadline: Instant,
    ) -> Result<Outcome, BackendError> {
        let by = match &self.by {
            OwnedWrapping::Key(by) => Wrapping::Key(by),
            OwnedWrapping::Group => Wrapping::Group,
            OwnedWrapping::Public(_) => {
                return Err(BackendError::InvalidInput("a public key opens nothing".to_owned()));
            }
        };
        let arrival = Arrival { by, wrapped: &self.wrapped, public_key: self.public_key.as_deref() };
        backend.perform(Operation::Unwrap(template, arrival), deadline).await
    }
}
