use super::*;

const MINIMAL: &str = "format = 1\nname = \"acme\"\ntitle = \"Acme HSM\"\n";

fn with(rest: &str) -> Result<VendorProfile, ProfileError> {
    VendorProfile::parse(&format!("{MINIMAL}{rest}"))
}

fn stated(manufacturer: &str, model: &str, library: &str) -> Stated {
    Stated { manufacturer: manufacturer.to_owned(), model: model.to_owned(), library: library.to_owned() }
}

fn fitting(manufacturer: &str, model: &str, library: &str) -> VendorProfile {
    choose(None, &stated(manufacturer, model, library))
}

#[test]
fn each_token_gets_its_profile() {
    for (manufacturer, model, library, name, simulated) in [
        ("SoftHSM project", "SoftHSM v2", "SoftHSM Implementation of PKCS11", "softhsm", true),
        ("Kryoptic Project", "v1", "Kryoptic PKCS11 Module", "kryoptic", true),
        ("Mozilla Foundation", "NSS 3", "Mozilla Foundation NSS Internal Crypto Services", "nss", true),
        ("IBM", "SW   TPM", "tpm2-pkcs11.github.io TPM2.0 Cryptoki", "tpm2-pkcs11", true),
        ("Infineon", "SLB9670", "tpm2-pkcs11.github.io TPM2.0 Cryptoki", "tpm2-pkcs11", false),
        ("IBM Corp.", "IBM SoftTok", "IBM openCryptoki", "opencryptoki", true),
        ("IBM Corp.", "IBM EP11Tok", "IBM openCryptoki", "opencryptoki", false),
        ("Yubico (www.yubico.com)", "YubiHSM", "Yubico YubiHSM PKCS#11 Library", "standard", false),
        ("Thales", "Luna K7", "", "standard", false),
        ("Utimaco", "HSM Simulator", "", "standard", true),
        ("IBM", "SW   TPM swtpm", "", "standard", true),
        ("", "", "", "standard", false),
    ] {
        let stated = stated(manufacturer, model, library);
        let profile = choose(None, &stated);
        assert_eq!((profile.name(), is_simulated(&profile, &stated)), (name, simulated), "{stated:?}");
    }
}

#[test]
fn no_profile_makes_a_program_a_device() {
    let claims = with("[token]\nsimulated = false\n[[match]]\nmanufacturer = \"softhsm\"").unwrap();
    let softhsm = stated("SoftHSM project", "SoftHSM v2", "");
    assert_eq!(choose(Some(&claims), &softhsm).name(), "acme");
    assert!(is_simulated(&claims, &softhsm));
    assert!(!is_simulated(&claims, &stated("Acme", "HSM", "")));
}

#[test]
fn a_profile_says_what_is_written() {
    let profile = with(
        "[[match]]\nmanufacturer = \"acme\"\nmodel = \"K7\"\n[[match]]\nlibrary = \"acme p11\"\n\
         [module]\ninit_string = \"slots='1'\"\n\
         [token]\nsimulated_if = [\"emulator\"]\nlogin = false\nsessions_max = 3\nec_point = \"raw\"\n\
         [quirks]\ntoken_objects_only = true\nno_public_uses = true\n\
         [refused]\nrsa-oaep-sha256 = \"it hangs\"\n\
         [mechanisms]\nsm2 = { generate = 0x80000101, sign = 0x80000102, signature = \"der\" }\n\
         sm3 = { hmac = 0x80000103 }\nsm4 = { generate = 0x80000104, gcm = 0x80000105 }\n",
    )
    .unwrap();
    assert_eq!((profile.name(), profile.title(), profile.init_string()), ("acme", "Acme HSM", Some("slots='1'")));
    assert!(profile.fits(&stated("ACME  Inc.", "k7 v2", "")));
    assert!(profile.fits(&stated("", "", "The Acme P11 library")));
    assert!(!profile.fits(&stated("Acme", "K6", "other")));
    assert!(profile.is_simulated(&stated("Acme", "Emulator", "")));
    assert_eq!((profile.login, profile.sessions_max, profile.ec_point), (false, Some(3), EcPoint::Raw));
    let quirks = Quirks { token_objects_only: true, no_public_uses: true, ..Quirks::default() };
    assert_eq!(profile.quirks, quirks);
    assert_eq!(profile.refusal(Scheme::RsaOaepSha256), Some("it hangs"));
    assert_eq!(profile.refusal(Scheme::RsaPssSha256), None);
    let sm2 = profile.mechanisms.sm2.unwrap();
    assert_eq!((*sm2.generate, *sm2.sign, sm2.signature), (0x8000_0101, 0x8000_0102, SignatureForm::Der));
    let sm3 = profile.mechanisms.sm3.unwrap();
    assert_eq!((sm3.generate, *sm3.hmac), (MechanismType::GENERIC_SECRET_KEY_GEN, 0x8000_0103));
    assert_eq!(*profile.mechanisms.sm4.unwrap().gcm, 0x8000_0105);
    assert_eq!(VendorProfile::parse(profile.text()), Ok(profile));
}

#[test]
fn what_is_wrong_is_named_with_its_field() {
    let sound = "[token]\nsimulated = true\n";
    for (rest, field) in [
        ("", "token.simulated"),
        ("[token]\nsimulated = true\nsimulated_if = [\"x\"]", "token.simulated_if"),
        ("[token]\nsimulated_if = []", "token.simulated_if"),
        ("[token]\nsimulated_if = [\"\"]", "token.simulated_if"),
        ("[token]\nsimulated = true\nsessions_max = 0", "token.sessions_max"),
        ("[token]\nsimulated = true\nec_point = \"bare\"", "line 6: ec_point"),
        ("[token]\nsimulated = true\nsessions = 4", "line 6: sessions"),
        ("[token]\nsimulated = true\n[quirks]\nodd = true", "line 7: odd"),
        ("[token]\nsimulated = true\n[[match]]", "match"),
        ("[token]\nsimulated = true\n[[match]]\nmodel = \"\"", "match.model"),
        ("[token]\nsimulated = true\n[module]\ninit_string = \"a\\u0000b\"", "module.init_string"),
        ("[token]\nsimulated = true\n[refused]\necdsa = \"no\"", "refused"),
        ("[token]\nsimulated = true\n[refused]\nml-dsa = \"\"", "refused.ml-dsa"),
        // CKM_AES_GCM: one cipher for another.
        (
            "[token]\nsimulated = true\n[mechanisms]\nsm4 = { generate = 0x80000001, gcm = 0x1087 }",
            "mechanisms.sm4.gcm",
        ),
        ("[token]\nsimulated = true\n[mechanisms]\nsm3 = { hmac = 0x100000000 }", "mechanisms.sm3.hmac"),
        ("[token]\nsimulated = true\n[mechanisms]\nsm2 = { generate = 0x80000001 }", "line 7: sm2"),
    ] {
        let error = with(rest).unwrap_err();
        assert_eq!(error.field(), field, "{rest}: {error}");
    }
    let long = "x".repeat(129);
    for (text, field) in [
        (format!("format = 2\nname = \"a\"\ntitle = \"b\"\n{sound}"), "format"),
        (format!("format = 1\nname = \"A b\"\ntitle = \"b\"\n{sound}"), "name"),
        (format!("format = 1\nname = \"a\"\ntitle = \"{long}\"\n{sound}"), "title"),
        ("#".repeat(PROFILE_LEN_MAX + 1), "the file"),
        ("format = 1\nname = ".to_owned(), "line 2: name"),
    ] {
        assert_eq!(VendorProfile::parse(&text).unwrap_err().field(), field, "{text}");
    }
}

#[test]
fn errors_tell_what_to_write() {
    let error = with("[token]\nsimulated = true\nsessions_max = 4096").unwrap_err().to_string();
    let expected = "the vendor profile `acme`: `token.sessions_max` is 4096: write 1 to 1024, or leave it out";
    assert_eq!(error, expected);
    let error = VendorProfile::named("luna").unwrap_err().to_string();
    assert!(error.contains("`luna`") && error.contains("softhsm, kryoptic, nss"), "{error}");
}

#[test]
fn as_many_matches_as_there_may_be() {
    let many = |count| with(&format!("[token]\nsimulated = true\n{}", "[[match]]\nmodel = \"x\"\n".repeat(count)));
    assert!(many(16).is_ok());
    assert_eq!(many(17).unwrap_err().field(), "match");
    assert!(fitting("x", "x", "x").mechanisms == VendorMechanisms::default());
}

#[test]
fn damaged_profiles_are_read_without_harm() {
    for name in ["nss", "tpm2-pkcs11", "opencryptoki"] {
        let profile = VendorProfile::named(name).unwrap();
        let text = profile.text();
        for (at, character) in text.char_indices() {
            let (before, after) = (&text[..at], &text[at + character.len_utf8()..]);
            for damaged in [
                before.to_owned(),
                format!("{before}{after}"),
                format!("{before}[{after}"),
                format!("{before}\"{after}"),
            ] {
                if let Ok(read) = VendorProfile::parse(&damaged) {
                    assert_eq!(VendorProfile::parse(read.text()), Ok(read));
                }
            }
        }
    }
}
