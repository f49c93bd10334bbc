//! A certificate authority for development: its certificates are for this directory alone.

use std::net::IpAddr;
use std::path::Path;

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, SanType,
};

use super::{PRINCIPALS, TENANT};
use crate::config::PrincipalConfig;
use crate::files;
use crate::open::Error;

const FILE_LEN_MAX: u64 = 64 << 10;

/// Organization in every certificate of a development start, by which it is known for one.
pub(crate) const DEVELOPMENT_ORGANIZATION: &str = "Hufu development, not for production";

/// Makes what is missing: the authority, a server certificate for this address, a certificate for each principal.
pub(super) fn ensure(dir: &Path, ip: IpAddr) -> Result<Vec<PrincipalConfig>, Error> {
    let ca_dir = dir.join("ca");
    files::private_dir(&ca_dir).map_err(|error| Error::File(ca_dir.clone(), error))?;
    let issuer = authority(&ca_dir)?;
    server(&ca_dir, &issuer, ip)?;
    let profiles = dir.join("profiles");
    files::private_dir(&profiles).map_err(|error| Error::File(profiles.clone(), error))?;
    PRINCIPALS.iter().map(|(name, role)| client(&profiles, &issuer, name, role)).collect()
}

fn authority(dir: &Path) -> Result<Issuer<'static, KeyPair>, Error> {
    let key = key(&dir.join("ca.key"))?;
    let mut params = CertificateParams::default();
    params.distinguished_name = named("Hufu development authority");
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let path = dir.join("ca.pem");
    if !path.exists() {
        let certificate = params.self_signed(&key).map_err(failed)?;
        write(&path, certificate.pem().as_bytes())?;
    }
    Ok(Issuer::new(params, key))
}

fn server(dir: &Path, issuer: &Issuer<'static, KeyPair>, ip: IpAddr) -> Result<(), Error> {
    let key = key(&dir.join("server.key"))?;
    let mut params = CertificateParams::new(vec!["localhost".to_owned()]).map_err(failed)?;
    params.distinguished_name = named("hufud");
    let own = [ip, IpAddr::from([127, 0, 0, 1]), IpAddr::from([0, 0, 0, 0, 0, 0, 0, 1])];
    params.subject_alt_names.extend(own.map(SanType::IpAddress));
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let certificate = params.signed_by(&key, issuer).map_err(failed)?;
    write(&dir.join("server.pem"), certificate.pem().as_bytes())
}

fn client(dir: &Path, issuer: &Issuer<'static, KeyPair>, name: &str, role: &str) -> Result<PrincipalConfig, Error> {
    let key = key(&dir.join(format!("{name}.key")))?;
    let path = dir.join(format!("{name}.pem"));
    if !path.exists() {
        let mut params = CertificateParams::default();
        params.distinguished_name = named(name);
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        let certificate = params.signed_by(&key, issuer).map_err(failed)?;
        write(&path, certificate.pem().as_bytes())?;
    }
    Ok(PrincipalConfig {
        name: name.to_owned(),
        tenant: TENANT.to_owned(),
        role: role.to_owned(),
        certificate: Some(path),
        pin: None,
        active: true,
    })
}

fn key(path: &Path) -> Result<KeyPair, Error> {
    let unreadable = |error| Error::File(path.to_owned(), error);
    if let Some(pem) = files::read_if_there(path, FILE_LEN_MAX).map_err(unreadable)? {
        let pem = hufu_secret::SecretBytes::from_vec(pem);
        return KeyPair::from_pem(&String::from_utf8_lossy(pem.expose())).map_err(failed);
    }
    let key = KeyPair::generate().map_err(failed)?;
    write(path, hufu_secret::SecretBytes::from_vec(key.serialize_pem().into_bytes()).expose())?;
    Ok(key)
}

fn named(name: &str) -> DistinguishedName {
    let mut distinguished = DistinguishedName::new();
    distinguished.push(DnType::CommonName, name);
    distinguished.push(DnType::OrganizationName, DEVELOPMENT_ORGANIZATION);
    distinguished
}

fn write(path: &Path, content: &[u8]) -> Result<(), Error> {
    files::replace(path, content).map_err(|error| Error::File(path.to_owned(), error))
}

fn failed(error: rcgen::Error) -> Error {
    Error::Certificate(error.to_string())
}
