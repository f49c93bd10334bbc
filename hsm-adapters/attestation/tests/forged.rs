//! Chains that were made here, with every name and extension of the genuine ones: what a forger without the vendor's
//! keys can do, and what a holder of one of them must not be able to do.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking, its helpers too")]

mod common;

use common::{PINNED_MS, Parts, fault, fixtures, from_pem, signed_data};
use hufu_attestation::{AttestationError, CertificateFault, INPUT_LEN_MAX, Policy, Statement, public_key};
use rcgen::{
    BasicConstraints, CertificateParams, CustomExtension, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, KeyUsagePurpose, PublicKeyData, RsaKeySize, date_time_ymd,
};

const YUBICO: [u64; 9] = [1, 3, 6, 1, 4, 1, 41482, 3, 0];
const LUNA: [u64; 9] = [1, 3, 6, 1, 4, 1, 12383, 2, 0];
const LUNA_USAGE: [u64; 9] = [1, 3, 6, 1, 4, 1, 12383, 1, 0];

/// A certificate that was made here, and the key that it is about.
struct Made {
    der: Vec<u8>,
    issuer: Issuer<'static, KeyPair>,
}

fn arc(mut arc: [u64; 9], last: u64) -> Vec<u64> {
    arc[8] = last;
    arc.to_vec()
}

fn params(name: &str, is_ca: IsCa) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = is_ca;
    params.not_before = date_time_ymd(2020, 1, 1);
    params.not_after = date_time_ymd(2032, 1, 1);
    params
}

fn authority() -> IsCa {
    IsCa::Ca(BasicConstraints::Unconstrained)
}

fn root(params: CertificateParams) -> Made {
    let key = KeyPair::generate().unwrap();
    let der = params.self_signed(&key).unwrap().der().to_vec();
    Made { der, issuer: Issuer::new(params, key) }
}

fn issued(params: CertificateParams, by: &Made) -> Made {
    issued_for(KeyPair::generate().unwrap(), params, by)
}

fn issued_for(key: KeyPair, params: CertificateParams, by: &Made) -> Made {
    let der = params.signed_by(&key, &by.issuer).unwrap().der().to_vec();
    Made { der, issuer: Issuer::new(params, key) }
}

fn spki(made: &Made) -> Vec<u8> {
    made.issuer.key().subject_public_key_info()
}

fn extension(oid: Vec<u64>, content: &[u8]) -> CustomExtension {
    CustomExtension::from_oid_content(&oid, content.to_vec())
}

/// The parameters of a YubiKey's chain: root, device, key. Each test spoils one thing.
struct YubiKey {
    root: CertificateParams,
    device: CertificateParams,
    leaf: CertificateParams,
}

impl YubiKey {
    fn new() -> Self {
        let mut leaf = params("YubiKey PIV Attestation 9c", IsCa::NoCa);
        leaf.custom_extensions = vec![
            extension(arc(YUBICO, 3), &[5, 4, 3]),
            extension(arc(YUBICO, 7), &[2, 1, 7]),
            extension(arc(YUBICO, 8), &[3, 1]),
        ];
        Self {
            root: params("Yubico PIV Root CA Serial 263751", authority()),
            device: params("Yubico PIV Attestation", authority()),
            leaf,
        }
    }

    fn with(extensions: &[(u64, &[u8])]) -> Self {
        let mut made = Self::new();
        for (last, content) in extensions {
            made.leaf.custom_extensions.retain(|known| known.oid_components().last() != Some(*last));
            made.leaf.custom_extensions.push(extension(arc(YUBICO, *last), content));
        }
        made
    }

    /// Root, device or key.
    fn at(&mut self, place: usize) -> &mut CertificateParams {
        match place {
            0 => &mut self.root,
            1 => &mut self.device,
            _ => &mut self.leaf,
        }
    }

    fn parts(self) -> Parts {
        self.parts_for(KeyPair::generate().unwrap())
    }

    fn parts_for(self, key: KeyPair) -> Parts {
        let root = root(self.root);
        let device = issued(self.device, &root);
        let leaf = issued_for(key, self.leaf, &device);
        Parts {
            public_key: spki(&leaf),
            statement: leaf.der,
            intermediates: device.der,
            anchors: root.der,
            at_ms: PINNED_MS,
        }
    }

    fn fault(self) -> Result<Statement, CertificateFault> {
        self.parts().verify().map_err(fault)
    }
}

#[test]
fn the_forger_knows_the_format() {
    let statement = YubiKey::new().parts().verify().unwrap();
    assert_eq!((statement.serial.as_deref(), statement.firmware.as_deref()), (Some("7"), Some("5.4.3")));
    assert_eq!(statement.model.as_deref(), Some("YubiKey"));
    assert!(!statement.policies.contains(&Policy::FipsSeries));
    let statement = luna(LunaChain::new()).verify().unwrap();
    assert_eq!((statement.serial.as_deref(), statement.model.as_deref()), (Some("521174"), Some("Luna K7")));
}

#[test]
fn same_names_under_another_root_are_refused() {
    let Some(folder) = fixtures() else { return };
    let read = |name: &str| from_pem(&std::fs::read(folder.join(name)).unwrap());
    let forged = Parts { anchors: read("yubikey-piv-root.pem"), ..YubiKey::new().parts() };
    assert_eq!(forged.verify().map_err(fault), Err(CertificateFault::Algorithm), "an ECDSA signature for an RSA key");
    let genuine = Parts {
        statement: read("yubikey-piv-attestation.pem"),
        public_key: common::public_key_of(&read("yubikey-piv-attestation.pem")).unwrap(),
        ..forged
    };
    assert_eq!(genuine.verify().map_err(fault), Err(CertificateFault::Algorithm));
    let rsa = KeyPair::generate_rsa_for(&rcgen::PKCS_RSA_SHA256, RsaKeySize::_2048).unwrap();
    let made = YubiKey::new();
    let same_kind = made.device.self_signed(&rsa).unwrap().der().to_vec();
    let swapped = Parts { intermediates: same_kind, ..genuine };
    assert_eq!(swapped.verify().map_err(fault), Err(CertificateFault::Signature));
}

#[test]
fn another_root_of_the_same_name_and_kind_is_refused() {
    let (one, other) = (YubiKey::new().parts(), YubiKey::new().parts());
    let mixed = Parts { anchors: other.anchors.clone(), ..one.clone() };
    assert_eq!(mixed.verify().map_err(fault), Err(CertificateFault::Signature));
    let mixed = Parts { intermediates: other.intermediates, ..one.clone() };
    assert_eq!(mixed.verify().map_err(fault), Err(CertificateFault::Signature));
    let mixed = Parts { statement: other.statement, public_key: other.public_key, ..one };
    assert_eq!(mixed.verify().map_err(fault), Err(CertificateFault::Signature));
}

#[test]
fn only_authorities_issue() {
    for is_ca in [IsCa::NoCa, IsCa::ExplicitNoCa] {
        let mut made = YubiKey::new();
        made.device.is_ca = is_ca;
        assert_eq!(made.fault(), Err(CertificateFault::NotAuthority));
    }
    let mut made = YubiKey::new();
    made.device.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    assert_eq!(made.fault(), Err(CertificateFault::NotAuthority));
    let mut made = YubiKey::new();
    made.root.key_usages = vec![KeyUsagePurpose::CrlSign];
    assert_eq!(made.fault(), Err(CertificateFault::NotAuthority));
    let mut made = YubiKey::new();
    made.root.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    assert_eq!(made.fault(), Err(CertificateFault::PathLength));
    let mut made = YubiKey::new();
    made.leaf.is_ca = authority();
    assert_eq!(made.fault(), Err(CertificateFault::Authority));
}

#[test]
fn unknown_critical_extensions_are_refused() {
    for place in [2, 1] {
        let mut made = YubiKey::new();
        let mut unknown = extension(vec![1, 2, 3, 4], &[5, 0]);
        unknown.set_criticality(true);
        made.at(place).custom_extensions.push(unknown);
        assert_eq!(made.fault(), Err(CertificateFault::Critical("1.2.3.4".into())));
    }
}

#[test]
fn every_certificate_must_be_valid_now() {
    for place in 0..3 {
        let mut made = YubiKey::new();
        made.at(place).not_after = date_time_ymd(2025, 1, 1);
        assert_eq!(made.fault(), Err(CertificateFault::Expired));
        let mut made = YubiKey::new();
        made.at(place).not_before = date_time_ymd(2026, 1, 1);
        assert_eq!(made.fault(), Err(CertificateFault::NotYetValid));
    }
}

#[test]
fn claims_that_cannot_be_read_are_refused() {
    let cases: [&[(u64, &[u8])]; 7] = [
        &[(3, &[5, 4])],
        &[(7, &[4, 1, 7])],
        &[(7, &[2, 5, 1, 2, 3, 4, 5])],
        &[(8, &[0, 1])],
        &[(8, &[1, 9])],
        &[(8, &[1])],
        &[(9, &[])],
    ];
    for case in cases {
        let found = YubiKey::with(case).fault();
        assert!(matches!(found, Err(CertificateFault::Claim(_))), "{case:?}: {found:?}");
    }
    for name in ["YubiKey PIV Attestation f9", "YubiKey PIV Attestation +9", "YubiKey PIV Attestation ", "9c"] {
        let mut made = YubiKey::new();
        made.leaf.distinguished_name.push(DnType::CommonName, name);
        let found = made.fault();
        assert!(matches!(found, Err(CertificateFault::Claim(_))), "{name}: {found:?}");
    }
}

#[test]
fn each_kind_of_signature_counts_or_is_refused() {
    let rsa = |algorithm| KeyPair::generate_rsa_for(algorithm, RsaKeySize::_2048).unwrap();
    let ec = |algorithm| KeyPair::generate_for(algorithm).unwrap();
    for (name, key, accepted) in [
        ("P-256", ec(&rcgen::PKCS_ECDSA_P256_SHA256), true),
        ("P-384", ec(&rcgen::PKCS_ECDSA_P384_SHA384), true),
        ("RSA, SHA-256", rsa(&rcgen::PKCS_RSA_SHA256), true),
        ("RSA, SHA-384", rsa(&rcgen::PKCS_RSA_SHA384), true),
        ("RSA, SHA-512", rsa(&rcgen::PKCS_RSA_SHA512), true),
        ("Ed25519", ec(&rcgen::PKCS_ED25519), false),
    ] {
        let made = YubiKey::new();
        let root = root(made.root);
        let device = issued_for(key, made.device, &root);
        let leaf = issued(made.leaf, &device);
        let parts = Parts {
            public_key: spki(&leaf),
            statement: leaf.der,
            intermediates: device.der,
            anchors: root.der,
            at_ms: PINNED_MS,
        };
        let found = parts.verify().map(|_| ()).map_err(fault);
        assert_eq!(found, if accepted { Ok(()) } else { Err(CertificateFault::Algorithm) }, "{name}");
    }
}

#[test]
fn factorable_rsa_keys_are_refused() {
    let rsa = || KeyPair::generate_rsa_for(&rcgen::PKCS_RSA_SHA256, RsaKeySize::_2048).unwrap();
    for (firmware, refused) in [([4, 2, 5], false), ([4, 2, 6], true), ([4, 3, 4], true), ([4, 3, 5], false)] {
        let found = YubiKey::with(&[(3, &firmware)]).parts_for(rsa()).verify();
        assert_eq!(matches!(found, Err(AttestationError::Vulnerable(_))), refused, "{firmware:?}: {found:?}");
        assert!(YubiKey::with(&[(3, &firmware)]).parts().verify().is_ok(), "only RSA is concerned");
    }
}

#[test]
fn issuers_in_a_circle_end() {
    let (one, two) = (root(params("One", authority())), root(params("Two", authority())));
    let cross = |name: &str, subject: &Made, by: &Made| {
        let key = KeyPair::from_pem(&subject.issuer.key().serialize_pem()).unwrap();
        issued_for(key, params(name, authority()), by).der
    };
    let circle = [cross("One", &one, &two), cross("Two", &two, &one)];
    let pem: String = circle.iter().map(|der| pem("CERTIFICATE", der)).collect();
    let leaf = issued(YubiKey::new().leaf, &one);
    let parts = Parts {
        public_key: spki(&leaf),
        statement: leaf.der,
        intermediates: pem.into_bytes(),
        anchors: YubiKey::new().parts().anchors,
        at_ms: PINNED_MS,
    };
    assert!(matches!(parts.verify(), Err(AttestationError::UnknownAnchor { .. })));
}

#[test]
fn long_paths_are_refused() {
    let top = root(params("0", authority()));
    let mut made = Vec::from([issued(params("1", authority()), &top)]);
    for name in 2..8 {
        made.push(issued(params(&name.to_string(), authority()), made.last().unwrap()));
    }
    let leaf = issued(YubiKey::new().leaf, made.last().unwrap());
    let pem: String = made.iter().map(|made| pem("CERTIFICATE", &made.der)).collect();
    let parts = Parts {
        public_key: spki(&leaf),
        statement: leaf.der,
        intermediates: pem.into_bytes(),
        anchors: top.der,
        at_ms: PINNED_MS,
    };
    assert_eq!(parts.verify().map_err(fault), Err(CertificateFault::PathLength));
}

#[test]
fn inputs_are_bounded() {
    let parts = YubiKey::new().parts();
    let long = vec![0x30; INPUT_LEN_MAX + 1];
    for spoiled in [
        Parts { statement: long.clone(), ..parts.clone() },
        Parts { intermediates: long.clone(), ..parts.clone() },
        Parts { anchors: long.clone(), ..parts.clone() },
        Parts { public_key: long, ..parts.clone() },
    ] {
        assert!(matches!(spoiled.verify(), Err(AttestationError::TooLong(_))));
    }
    assert!(matches!(Parts { anchors: Vec::new(), ..parts.clone() }.verify(), Err(AttestationError::Anchor(_))));
    let not_a_root = Parts { anchors: parts.intermediates.clone(), ..parts };
    assert!(matches!(not_a_root.verify(), Err(AttestationError::Anchor(_))));
}

#[test]
fn public_keys_are_read_in_each_form() {
    let key = KeyPair::generate().unwrap();
    let der = key.subject_public_key_info();
    let request = params("x", IsCa::NoCa).serialize_request(&key).unwrap().pem().unwrap();
    for bytes in [der.clone(), key.public_key_pem().into_bytes(), request.into_bytes()] {
        assert_eq!(public_key(&bytes).unwrap(), der);
    }
    let two = key.public_key_pem().repeat(2);
    assert_eq!(public_key(two.as_bytes()), Err(AttestationError::PublicKey));
}

/// The certificates of a Luna's chain: root, manufacturing, hardware, device, key.
struct LunaChain {
    usages: [u64; 5],
    serials: [[u8; 4]; 2],
}

impl LunaChain {
    fn new() -> Self {
        Self { usages: [1, 7, 8, 12, 13], serials: [521_174_u32.to_le_bytes(); 2] }
    }
}

fn luna(chain: LunaChain) -> Parts {
    let [top, below @ ..] = ["Chrysalis-ITS Root", "Manufacturing", "Hardware", "Luna K7-521174", "key"];
    let usage = |params: &mut CertificateParams, last| {
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::Other(arc(LUNA_USAGE, last))];
    };
    let mut top = params(top, authority());
    usage(&mut top, chain.usages[0]);
    let mut made = vec![root(top)];
    for (name, last) in below.into_iter().zip(&chain.usages[1..]) {
        let mut next = params(name, if name == "key" { IsCa::NoCa } else { authority() });
        usage(&mut next, *last);
        let serial = match name {
            "key" => chain.serials[0],
            _ => chain.serials[1],
        };
        next.custom_extensions = vec![extension(arc(LUNA, 1), &serial), extension(arc(LUNA, 3), &[84, 0, 7, 0])];
        made.push(issued(next, made.last().unwrap()));
    }
    let certificates: Vec<_> = made.iter().rev().map(|made| made.der.clone()).collect();
    Parts {
        statement: signed_data(&certificates),
        intermediates: Vec::new(),
        anchors: made[0].der.clone(),
        public_key: spki(&made[4]),
        at_ms: PINNED_MS,
    }
}

#[test]
fn an_authority_of_the_vendor_has_one_place() {
    for (place, usage) in [(0, 7), (1, 8), (2, 12), (3, 8), (3, 7)] {
        let mut chain = LunaChain::new();
        chain.usages[place] = usage;
        assert_eq!(luna(chain).verify().map_err(fault), Err(CertificateFault::Place), "{place} as {usage}");
    }
    let mut chain = LunaChain::new();
    chain.usages[4] = 12;
    assert!(matches!(luna(chain).verify(), Err(AttestationError::Statement(_))));
}

#[test]
fn key_and_device_name_one_serial_number() {
    let chain = LunaChain { serials: [[1, 0, 0, 0], [2, 0, 0, 0]], ..LunaChain::new() };
    assert!(matches!(luna(chain).verify().map_err(fault), Err(CertificateFault::Claim(_))));
}

#[test]
fn signed_data_with_anything_else_is_refused() {
    let parts = luna(LunaChain::new());
    let mut with_signer = parts.statement.clone();
    let end = with_signer.len() - 1;
    assert_eq!(with_signer[end - 1..], [0x31, 0]);
    with_signer[end] = 1;
    for statement in [with_signer, parts.statement[..end].to_vec(), signed_data(&[]), signed_data(&[vec![5, 0]])] {
        assert!(matches!(Parts { statement, ..parts.clone() }.verify(), Err(AttestationError::Statement(_))));
    }
    let in_pem = pem("PKCS7", &parts.statement).into_bytes();
    assert_eq!(Parts { statement: in_pem, ..parts.clone() }.verify(), parts.verify());
}

fn pem(label: &str, der: &[u8]) -> String {
    der::pem::encode_string(label, der::pem::LineEnding::LF, der).unwrap()
}

proptest::proptest! {
    #[test]
    fn rubbish_is_judged_without_panic(bytes: Vec<u8>, at_ms: u64) {
        let anchors = bytes.clone();
        let parts = Parts { statement: bytes.clone(), intermediates: Vec::new(), anchors, public_key: bytes, at_ms };
        assert!(parts.verify().is_err());
    }

    #[test]
    fn spoiled_files_are_judged_without_panic(at in 0_usize..4096, byte: u8) {
        let good = luna(LunaChain::new());
        let mut statement = good.statement.clone();
        let at = at % statement.len();
        statement[at] = byte;
        let _ = Parts { statement, ..good }.verify();
    }
}
