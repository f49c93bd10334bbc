//! Hufu wire types: the messages and gRPC services of `hufu.v1`, generated from `proto/hufu/v1/*.proto`.
//!
//! The comments of the `.proto` files are the API's documentation. Clients and servers convert these types to their own
//! at their edge; nothing else in the workspace sees them.

mod reason;
mod redact;

/// The package `hufu.v1`: messages, and a client and a server module for each service.
#[expect(clippy::too_many_lines, reason = "generated")]
pub mod v1 {
    tonic::include_proto!("hufu.v1");
}

/// The encoded `google.protobuf.FileDescriptorSet` of the package and of what it imports, for gRPC reflection and for
/// tests that walk every method.
pub const FILE_DESCRIPTOR_SET: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/hufu.v1.bin"));

/// `domain` of the `google.rpc.ErrorInfo` in every error.
pub const ERROR_DOMAIN: &str = "hufu";
