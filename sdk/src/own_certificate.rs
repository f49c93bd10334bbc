use std::time::SystemTime;

use x509_cert::{Certificate, der::DecodePem as _, time::Time};

use crate::{Error, Profile, profile::read};

/// Checks the time of the client's own certificate. What is wrong with its form is told when TLS is set up.
pub(crate) fn check(profile: &Profile) -> Result<(), Error> {
    let pem = read("client certificate", &profile.certificate_file)?;
    let Some(certificate) = first(&pem) else { return Ok(()) };
    let validity = certificate.tbs_certificate().validity();
    let now = SystemTime::now();
    if validity.not_after.to_system_time() < now {
        return Err(refused(profile, "has expired", "not after", &validity.not_after));
    }
    if validity.not_before.to_system_time() > now {
        return Err(refused(profile, "is not valid yet", "not before", &validity.not_before));
    }
    Ok(())
}

/// The first certificate of a PEM file, which is the client's own.
fn first(pem: &[u8]) -> Option<Certificate> {
    const BEGIN: &[u8] = b"-----BEGIN CERTIFICATE-----";
    const END: &[u8] = b"-----END CERTIFICATE-----";
    let position = |of: &[u8], what: &[u8]| of.windows(what.len()).position(|window| window == what);
    let begin = pem.get(position(pem, BEGIN)?..)?;
    let whole = begin.get(..position(begin, END)? + END.len())?;
    Certificate::from_pem(whole).ok()
}

fn refused(profile: &Profile, what: &str, bound: &str, time: &Time) -> Error {
    Error::CertificateRefused {
        message: format!(
            "this client's certificate `{}` {what} ({bound} {})",
            profile.certificate_file.display(),
            time.to_date_time()
        ),
        help: Some(
            "have it renewed, with the same key if the service is to know it without more ado; or is this machine's \
             clock wrong?"
                .to_owned(),
        ),
    }
}
