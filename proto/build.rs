//! Generates the wire types from the `.proto` files, without `protoc`.

use std::{env, error::Error, fs, path::PathBuf};

use prost::Message as _;

const PROTOS: [&str; 12] = [
    "hufu/v1/audit.proto",
    "hufu/v1/ceremony.proto",
    "hufu/v1/crypto.proto",
    "hufu/v1/deposit.proto",
    "hufu/v1/errors.proto",
    "hufu/v1/holder.proto",
    "hufu/v1/keys.proto",
    "hufu/v1/ledger.proto",
    "hufu/v1/resources.proto",
    "hufu/v1/share.proto",
    "hufu/v1/system.proto",
    "hufu/v1/unseal.proto",
];

/// Messages that carry secrets: their `Debug` is written by hand in `src/redact.rs`.
const REDACTED: [&str; 7] = [
    ".hufu.v1.EncryptRequest",
    ".hufu.v1.DecryptResponse",
    ".hufu.v1.GenerateDataKeyResponse",
    ".hufu.v1.GenerateRandomResponse",
    ".hufu.v1.EncapsulateResponse",
    ".hufu.v1.DecapsulateResponse",
    ".hufu.v1.DeriveSharedSecretResponse",
];

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=hufu");
    let mut files = protox::compile(PROTOS, ["."])?;
    tonic_prost_build::configure().skip_debug(REDACTED).compile_fds(files.clone())?;

    // Comments are in the source and in rustdoc; reflection goes without them.
    for file in &mut files.file {
        file.source_code_info = None;
    }
    let out = PathBuf::from(env::var("OUT_DIR")?).join("hufu.v1.bin");
    fs::write(out, files.encode_to_vec())?;
    Ok(())
}
