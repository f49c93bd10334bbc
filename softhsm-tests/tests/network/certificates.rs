//! Who is let in: TLS 1.3, a certificate of the authority, and a principal behind it.

use std::fs;
use std::path::{Path, PathBuf};

use hufu_sdk::{Client, Error, Profile};
use hufu_softhsm_tests::{Cli, Daemon, openssl, openssl_ok, raw_channel, refusal};
use tonic::Code;
use tonic::transport::{Certificate, ClientTlsConfig, Endpoint};

use super::{scene, serves};

/// Makes a key and a certificate by the authority of a directory; answers with the files.
fn certificate(dir: &Path, authority: &Path, name: &str, further: &str) -> (PathBuf, PathBuf) {
    openssl_ok(dir, &format!("genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out {name}.key"));
    openssl_ok(dir, &format!("req -new -key {name}.key -subj /CN={name} -out {name}.csr"));
    let (ca, key) = (authority.join("ca.pem"), authority.join("ca.key"));
    fs::write(dir.join("client.ext"), "extendedKeyUsage=clientAuth\n").unwrap();
    openssl_ok(
        dir,
        &format!(
            "x509 -req -in {name}.csr -CA {} -CAkey {} -CAcreateserial -extfile client.ext {further} -out {name}.pem",
            ca.display(),
            key.display()
        ),
    );
    (dir.join(format!("{name}.pem")), dir.join(format!("{name}.key")))
}

/// An authority that the server does not know.
fn foreign_authority(dir: &Path) -> PathBuf {
    let authority = dir.join("foreign");
    fs::create_dir(&authority).unwrap();
    openssl_ok(&authority, "genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out ca.key");
    openssl_ok(&authority, "req -x509 -new -key ca.key -subj /CN=foreign -days 2 -out ca.pem");
    authority
}

/// The admin's profile with another certificate, also as a file for the command.
fn profile(daemon: &Daemon, (certificate_file, key_file): (PathBuf, PathBuf)) -> (Profile, PathBuf) {
    let profile = Profile { certificate_file, key_file, ..daemon.profile("admin") };
    let file = daemon.scratch().join("stranger.toml");
    let text = format!(
        "server = {:?}\ntenant = {:?}\nca_file = {:?}\ncertificate_file = {:?}\nkey_file = {:?}\n",
        profile.server, profile.tenant, profile.ca_file, profile.certificate_file, profile.key_file
    );
    fs::write(&file, text).unwrap();
    (profile, file)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_without_a_principal_is_unauthenticated() {
    let (daemon, client) = scene().await;
    let authority = daemon.dir().join("ca");
    let files = certificate(daemon.scratch(), &authority, "nobody", "-days 2");
    let (profile, file) = profile(&daemon, files);
    let mut system = hufu_sdk::v1::GetStatusRequest::default();
    let channel = raw_channel(&profile);
    let mut service = hufu_proto::v1::system_service_client::SystemServiceClient::new(channel);
    let told = refusal(&service.get_status(std::mem::take(&mut system)).await.unwrap_err());
    assert_eq!((told.code, told.reason.as_str()), (Code::Unauthenticated, "UNAUTHENTICATED"), "{told:?}");
    let error = Client::new(&profile).unwrap().status().await.unwrap_err();
    assert_eq!(error.reason(), Some("UNAUTHENTICATED"), "{error:?}");
    Cli::new(daemon.scratch(), &file).refused("UNAUTHENTICATED", "status");
    serves(&daemon, &client).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_of_another_authority_or_of_another_time_is_refused() {
    let (daemon, client) = scene().await;
    let foreign = foreign_authority(daemon.scratch());
    let own = daemon.dir().join("ca");
    for (name, authority, further) in [("stranger", &foreign, "-days 2"), ("expired", &own, "-days -1")] {
        let (profile, file) = profile(&daemon, certificate(daemon.scratch(), authority, name, further));
        let error = match Client::new(&profile) {
            Ok(client) => client.status().await.unwrap_err(),
            // An expired certificate is not even shown to the service.
            Err(error) => error,
        };
        // TLS 1.3 lets a client finish before the server has looked: the alert may be lost with the connection.
        assert!(matches!(error, Error::CertificateRefused { .. } | Error::Transport { .. }), "{name}: {error:?}");
        let code = Cli::new(daemon.scratch(), &file).run("--timeout 5s status").code;
        assert!(matches!(code, 3 | 5), "{name}: {code}");
    }
    serves(&daemon, &client).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_let_in_without_a_certificate() {
    let (daemon, client) = scene().await;
    let profile = daemon.profile("admin");
    let tls = ClientTlsConfig::new().ca_certificate(Certificate::from_pem(fs::read(&profile.ca_file).unwrap()));
    let channel = Endpoint::from_shared(profile.server).unwrap().tls_config(tls).unwrap().connect_lazy();
    let mut system = hufu_proto::v1::system_service_client::SystemServiceClient::new(channel);
    let status = system.get_status(hufu_sdk::v1::GetStatusRequest {}).await.unwrap_err();
    // The connection ends before the service has seen a request, let alone answered it.
    assert!(std::error::Error::source(&status).is_some() && refusal(&status).reason.is_empty(), "{status:?}");
    serves(&daemon, &client).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tls_1_3_is_the_only_version() {
    let (daemon, client) = scene().await;
    let profiles = daemon.dir().join("profiles");
    let connect = |version: &str| {
        let line = format!(
            "s_client -connect {} {version} -alpn h2 -CAfile ../ca/ca.pem -cert admin.pem -key admin.key",
            daemon.address()
        );
        let output = openssl(&profiles, &line);
        String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned()
    };
    let newest = connect("-tls1_3");
    assert!(newest.contains("Verify return code: 0 (ok)") && newest.contains("ALPN protocol: h2"), "{newest}");
    assert!(newest.contains("TLSv1.3"), "{newest}");
    let older = connect("-tls1_2");
    assert!(older.contains("protocol version") && !older.contains("ALPN protocol: h2"), "{older}");
    serves(&daemon, &client).await;
}
