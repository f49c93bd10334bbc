//! Shares of a scalar, and sharing anew: refresh, reshare, confirmation.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail by panicking")]

mod common;

use common::{Foreign, Scene, System, random};
use hufu_custodian::testing::Person;
use hufu_custodian::{Name, Signed};
use hufu_secret::SecretBytes;
use hufu_shares::{
    Contribution, Curve, Epochs, Error, Fault, HandoverRequest, LIFETIME_MS_MAX, Manifest, OpenedShare, Plan, Point,
    Resharing, Scheme, Share, SignedManifest, Wanted, combine, deal, draft, feldman, receive,
};

const CURVES: [Curve; 2] = [Curve::P256, Curve::Sm2];

#[test]
fn feldman_shares_verify_and_combine_and_a_changed_one_does_not() {
    for curve in CURVES {
        for (threshold, count) in (1..=16).flat_map(|count| (1..=count).map(move |threshold| (threshold, count))) {
            let secret = random(32);
            let (commitments, shares) = feldman::split(curve, &secret, threshold, count, &System).unwrap();
            assert!((1..).zip(&shares).all(|(index, share)| feldman::verify(curve, &commitments, index, share)));
            let places: Vec<(u8, &SecretBytes)> = (1..).zip(&shares).collect();
            let from = usize::from(count - threshold);
            assert_eq!(feldman::combine(curve, &places[from..]).unwrap(), secret);
            if threshold > 1 {
                assert_ne!(feldman::combine(curve, &places[from + 1..]).unwrap(), secret);
                assert!(!feldman::verify(curve, &commitments, 2, &shares[0]));
            }
            assert!(!feldman::verify(curve, &commitments, 0, &shares[0]));
            assert!(!feldman::verify(curve, &commitments[1..], 1, &shares[0]));
            let mut other = SecretBytes::from_slice(shares[0].expose());
            other.expose_mut()[31] ^= 1;
            assert!(!feldman::verify(curve, &commitments, 1, &other));
        }
    }
}

#[test]
fn scalars_that_are_none_and_places_that_make_no_sense_are_refused() {
    for curve in CURVES {
        for bad in [SecretBytes::zeroed(32), SecretBytes::from_slice(&[0xff; 32]), random(31), random(33)] {
            assert!(matches!(feldman::split(curve, &bad, 2, 3, &System), Err(Error::Terms(_))));
        }
        let (_, shares) = feldman::split(curve, &random(32), 2, 3, &System).unwrap();
        let refused = |shares: &[(u8, &SecretBytes)]| {
            assert!(matches!(feldman::combine(curve, shares), Err(Error::Points(_))));
        };
        refused(&[]);
        refused(&[(0, &shares[0]), (1, &shares[1])]);
        refused(&[(1, &shares[0]), (1, &shares[0])]);
        refused(&[(1, &SecretBytes::from_slice(&[0xff; 32])), (2, &shares[1])]);
    }
}

mod foreign {
    use elliptic_curve::ff::PrimeField;
    use elliptic_curve::group::{Group, GroupEncoding};
    use vsss_rs::{DefaultShare, IdentifierPrimeField, ReadableShareSet, Share as _, ShareVerifierGroup, feldman};

    use super::*;

    /// What a foreign implementation splits, ours verifies and combines.
    fn theirs<G>(curve: Curve)
    where
        G: Group<Scalar: PrimeField<Repr: From<[u8; 32]>>> + GroupEncoding + Default,
    {
        type Shares<F> = DefaultShare<IdentifierPrimeField<F>, IdentifierPrimeField<F>>;
        let secret = random(32);
        let bytes: [u8; 32] = secret.expose().try_into().unwrap();
        let scalar = IdentifierPrimeField(Option::<G::Scalar>::from(G::Scalar::from_repr(bytes.into())).unwrap());
        let (shares, verifiers) =
            feldman::split_secret::<Shares<G::Scalar>, ShareVerifierGroup<G>>(3, 5, &scalar, None, Foreign).unwrap();
        let commitments: Vec<Point> =
            verifiers.iter().skip(1).map(|point| Point(point.0.to_bytes().as_ref().try_into().unwrap())).collect();
        let shares: Vec<SecretBytes> =
            shares.iter().map(|share| SecretBytes::from_slice(share.value().0.to_repr().as_ref())).collect();
        assert!((1..).zip(&shares).all(|(index, share)| feldman_verify(curve, &commitments, index, share)));
        let places: Vec<(u8, &SecretBytes)> = (1..).zip(&shares).skip(2).collect();
        assert_eq!(super::feldman::combine(curve, &places).unwrap(), secret);

        // And theirs combines what ours splits.
        let (_, ours) = super::feldman::split(curve, &secret, 3, 5, &System).unwrap();
        let ours: Vec<Shares<G::Scalar>> = (1u64..)
            .zip(&ours)
            .map(|(at, share)| {
                let bytes: [u8; 32] = share.expose().try_into().unwrap();
                let value = Option::<G::Scalar>::from(G::Scalar::from_repr(bytes.into())).unwrap();
                Shares::with_identifier_and_value(
                    IdentifierPrimeField(G::Scalar::from(at)),
                    IdentifierPrimeField(value),
                )
            })
            .collect();
        assert_eq!(ours[1..4].to_vec().combine().unwrap(), scalar);
    }

    fn feldman_verify(curve: Curve, commitments: &[Point], index: u8, share: &SecretBytes) -> bool {
        super::feldman::verify(curve, commitments, index, share)
    }

    #[test]
    fn a_foreign_implementation_agrees() {
        theirs::<p256::ProjectivePoint>(Curve::P256);
        theirs::<sm2::ProjectivePoint>(Curve::Sm2);
    }
}

#[test]
fn a_scalar_is_dealt_and_its_public_key_is_in_the_manifest() {
    let scene = Scene::new(3);
    for curve in CURVES {
        let secret = random(32);
        let (manifest, shares) = scene.deal_scalar(curve, 2, &secret);
        let opened = vec![scene.open(&shares[2]), scene.open(&shares[0])];
        assert_eq!(combine(&manifest, &manifest.digest(), opened).unwrap(), secret);
    }
}

#[test]
fn a_public_key_that_is_not_the_secrets_is_refused() {
    let mut scene = Scene::new(3);
    let secret = random(32);
    scene.subject.public_key = Some([3; 32]);
    let names = scene.names();
    let wrong = hufu_shares::deal_scalar(&scene.terms(2, &names, None), Curve::P256, &secret, &System);
    assert_eq!(wrong.unwrap_err(), Error::Manifest("its commitments are of another public key"));
    for curve in CURVES {
        scene.subject.public_key = Some(fingerprint(curve, &secret));
        scene.deal_scalar(curve, 2, &secret);
    }
}

/// By the libraries' own encoding.
fn fingerprint(curve: Curve, secret: &SecretBytes) -> [u8; 32] {
    use sha2::Digest as _;
    let key = match curve {
        Curve::P256 => {
            let pair =
                aws_lc_rs::agreement::PrivateKey::from_private_key(&aws_lc_rs::agreement::ECDH_P256, secret.expose());
            let point = pair.unwrap().compute_public_key().unwrap();
            hex::decode("3059301306072a8648ce3d020106082a8648ce3d030107034200")
                .unwrap()
                .into_iter()
                .chain(point.as_ref().to_vec())
                .collect::<Vec<u8>>()
        }
        Curve::Sm2 => {
            use sm2::pkcs8::EncodePublicKey as _;
            sm2::SecretKey::from_slice(secret.expose())
                .unwrap()
                .public_key()
                .to_public_key_der()
                .unwrap()
                .as_bytes()
                .to_vec()
        }
    };
    sha2::Sha256::digest(key).into()
}

/// The dealer signs a manifest that custodians made.
fn signed(scene: &Scene, manifest: &Manifest) -> SignedManifest {
    SignedManifest::new(manifest, &scene.dealer.sign(manifest.to_bytes()).signature).unwrap()
}

/// A scalar of 2 of 3 (custodians 1 to 3 of 5), and its opened shares.
fn shared(scene: &Scene, curve: Curve, secret: &SecretBytes) -> (SignedManifest, Vec<OpenedShare>) {
    let holders = scene.names()[..3].to_vec();
    let dealt = hufu_shares::deal_scalar(&scene.terms(2, &holders, None), curve, secret, &System).unwrap();
    let (manifest, shares) = scene.sign(dealt);
    (manifest, shares.iter().map(|share| scene.open(share)).collect())
}

fn contribute(scene: &Scene, plan: &Plan, opened: &OpenedShare) -> Signed {
    scene.people[usize::from(opened.index()) - 1].sign(plan.contribute(opened, &System).unwrap().to_bytes())
}

#[test]
fn a_scalar_is_refreshed_and_reshared_without_anyone_who_has_it() {
    let scene = Scene::new(5);
    for curve in CURVES {
        let secret = random(32);
        let (old, opened) = shared(&scene, curve, &secret);
        let names = scene.names();
        for (threshold, holders) in [(2, &names[..3]), (3, &names[1..5]), (1, &names[4..5]), (5, &names[..])] {
            let terms = scene.terms(threshold, holders, Some(old.unverified()));
            let plan = Plan::new(&terms).unwrap();
            let contributions: Vec<Contribution> = [2, 0]
                .map(|at: usize| plan.check(&contribute(&scene, &plan, &opened[at]), &scene.roster).unwrap())
                .to_vec();
            let new = signed(&scene, &draft(&terms, &contributions).unwrap());
            let key = |manifest: &SignedManifest| match manifest.unverified().scheme() {
                Scheme::Feldman { coefficients, .. } => coefficients[0],
                Scheme::Shamir { .. } => panic!("a scalar"),
            };
            assert_eq!(key(&new), key(&old));
            let shares: Vec<OpenedShare> = holders
                .iter()
                .map(|name| {
                    let person = scene.people.iter().find(|person| person.name() == *name).unwrap();
                    let share = receive(&plan, &contributions, &new, &scene.dealer_key, person).unwrap();
                    let file = Share::keep(&share, &new, &person.custodian().sealing).unwrap();
                    Share::from_bytes(&file.to_bytes()).unwrap().open(&scene.dealer_key, person).unwrap()
                })
                .collect();
            let from = shares.len() - usize::from(threshold);
            let enough = shares.into_iter().skip(from);
            assert_eq!(combine(&new, &new.digest(), enough).unwrap(), secret);
        }
    }
}

#[test]
fn who_contributes_something_false_is_named() {
    let scene = Scene::new(5);
    let secret = random(32);
    let (old, opened) = shared(&scene, Curve::P256, &secret);
    let (_, others) = shared(&scene, Curve::P256, &random(32));
    let holders = scene.names()[2..5].to_vec();
    let terms = scene.terms(2, &holders, Some(old.unverified()));
    let plan = Plan::new(&terms).unwrap();
    // A share of another set.
    let error = plan.contribute(&others[0], &System).unwrap_err();
    assert!(matches!(error, Error::Refused(refusal) if refusal.fault == Fault::OtherSet));
    let good = contribute(&scene, &plan, &opened[0]);
    let refused = |signed: &Signed, fault: Fault| match plan.check(signed, &scene.roster).unwrap_err() {
        Error::Refused(refusal) => {
            assert_eq!((refusal.custodian.as_str(), refusal.fault), (signed.signer.as_str(), fault))
        }
        other => panic!("{other}"),
    };
    // Someone else's contribution under one's own signature: who signed is named.
    let replayed = scene.people[1].sign(good.statement.clone());
    refused(&replayed, Fault::OtherSeat(scene.people[0].name()));
    // Another plan.
    let terms_other = scene.terms(3, &holders, Some(old.unverified()));
    let for_another = contribute(&scene, &Plan::new(&terms_other).unwrap(), &opened[0]);
    refused(&for_another, Fault::OtherRequest);
    // A false constant term: the commitments of another secret.
    let false_share = contribute_false(&scene, &plan, &opened[0]);
    refused(&false_share, Fault::Commitment);
    // One byte changed has no signature any more.
    let mut changed = good;
    *changed.statement.last_mut().unwrap() ^= 1;
    assert!(matches!(plan.check(&changed, &scene.roster), Err(Error::Custodian(_))));
    // What is sealed to one seat changed by the contributor itself: named by the one who receives it.
    let spoilt = scene.people[0].sign(changed.statement);
    let contributions = vec![
        plan.check(&spoilt, &scene.roster).unwrap(),
        plan.check(&contribute(&scene, &plan, &opened[1]), &scene.roster).unwrap(),
    ];
    let new = signed(&scene, &draft(&terms, &contributions).unwrap());
    match receive(&plan, &contributions, &new, &scene.dealer_key, &scene.people[4]).unwrap_err() {
        Error::Refused(refusal) => {
            assert_eq!((refusal.custodian.as_str(), refusal.fault), ("custodian-1", Fault::NotOpened))
        }
        other => panic!("{other}"),
    }
    // Too few, too many, and one twice.
    for wrong in
        [&contributions[..1], &[&contributions[..], &contributions[..1]].concat(), &vec![contributions[0].clone(); 2]]
    {
        assert!(matches!(draft(&terms, wrong), Err(Error::Points(_))));
    }
    // One that nobody has checked before is checked where it is used.
    let unchecked = [Contribution::from_bytes(&false_share.statement).unwrap(), contributions[1].clone()];
    match draft(&terms, &unchecked).unwrap_err() {
        Error::Refused(refusal) => assert_eq!((refusal.index, refusal.fault), (1, Fault::Commitment)),
        other => panic!("{other}"),
    }
    // Another manifest than these contributions make, and another dealer.
    let again =
        [plan.check(&contribute(&scene, &plan, &opened[0]), &scene.roster).unwrap(), contributions[1].clone()];
    let error = receive(&plan, &again, &new, &scene.dealer_key, &scene.people[4]).unwrap_err();
    assert_eq!(error, Error::OtherManifest);
    let mallory = Person::new("mallory", "south").custodian().signing;
    assert_eq!(receive(&plan, &contributions, &new, &mallory, &scene.people[4]).unwrap_err(), Error::Dealer);
}

/// Commitments whose constant term is another share's: the second and the first coefficient change places.
fn contribute_false(scene: &Scene, plan: &Plan, opened: &OpenedShare) -> Signed {
    let mut bytes = plan.contribute(opened, &System).unwrap().to_bytes();
    // Two points of 33 bytes, each after its head of two bytes, after the head of an array of two under key 3.
    let at = bytes.windows(4).position(|head| head == [3, 0x82, 0x58, 33]).unwrap() + 4;
    let (first, second) = (bytes[at..at + 33].to_vec(), bytes[at + 35..at + 68].to_vec());
    bytes[at..at + 33].copy_from_slice(&second);
    bytes[at + 35..at + 68].copy_from_slice(&first);
    scene.people[usize::from(opened.index()) - 1].sign(bytes)
}

#[test]
fn byte_secrets_are_not_reshared_by_custodians() {
    let scene = Scene::new(3);
    let (old, _) = scene.deal(2, &random(32));
    let names = scene.names();
    assert_eq!(Plan::new(&scene.terms(2, &names, Some(old.unverified()))).unwrap_err(), Error::NoScalar);
}

fn confirmed_by(scene: &Scene, share: &Share) -> Signed {
    let opened = scene.open(share);
    scene.people[usize::from(share.index()) - 1].sign(opened.confirm().to_bytes())
}

/// Read again, as after a restart.
fn again(epochs: &Epochs, scene: &Scene) {
    assert_eq!(Epochs::from_bytes(&epochs.to_bytes(), &scene.dealer_key).unwrap(), *epochs);
}

#[test]
fn an_epoch_dies_only_when_the_next_is_confirmed() {
    let scene = Scene::new(4);
    let secret = random(32);
    let (first, shares) = scene.deal(2, &secret);
    let mut epochs = Epochs::new(first.clone(), &scene.dealer_key).unwrap();
    epochs.admit(&scene.open(&shares[0])).unwrap();
    assert!(epochs.confirm(&confirmed_by(&scene, &shares[1]), &scene.roster).unwrap());
    assert!(!epochs.confirm(&confirmed_by(&scene, &shares[1]), &scene.roster).unwrap());
    assert_eq!(epochs.current().confirmed(), [scene.people[1].name()]);

    let names = scene.names();
    let dealt = deal(&scene.terms(2, &names, Some(first.unverified())), &secret, &System).unwrap();
    let (second, new_shares) = scene.sign(dealt);
    epochs.propose(second, &Resharing::Refresh, 3).unwrap();
    again(&epochs, &scene);
    for share in &new_shares[..2] {
        epochs.confirm(&confirmed_by(&scene, share), &scene.roster).unwrap();
        epochs.confirm(&confirmed_by(&scene, share), &scene.roster).unwrap();
    }
    let awaited = vec!["custodian-3".parse::<Name>().unwrap(), "custodian-4".parse().unwrap()];
    assert_eq!(epochs.advance().unwrap_err(), Error::Unconfirmed(awaited.clone()));
    assert_eq!(epochs.awaited(), awaited);
    epochs.admit(&scene.open(&shares[0])).unwrap();
    assert_eq!(epochs.admit(&scene.open(&new_shares[0])).unwrap_err().fault, Fault::Unconfirmed(2));

    epochs.confirm(&confirmed_by(&scene, &new_shares[3]), &scene.roster).unwrap();
    assert_eq!(epochs.advance().unwrap().epoch(), 2);
    again(&epochs, &scene);
    epochs.admit(&scene.open(&new_shares[2])).unwrap();
    let dead = epochs.admit(&scene.open(&shares[1])).unwrap_err();
    assert_eq!((dead.custodian.as_str(), dead.fault), ("custodian-2", Fault::DeadEpoch(1)));
    match epochs.confirm(&confirmed_by(&scene, &shares[0]), &scene.roster).unwrap_err() {
        Error::Refused(refusal) => assert_eq!(refusal.fault, Fault::DeadEpoch(1)),
        other => panic!("{other}"),
    }
    assert!(matches!(epochs.advance(), Err(Error::Epochs(_))));
    // The one who was away confirms late.
    assert!(epochs.confirm(&confirmed_by(&scene, &new_shares[2]), &scene.roster).unwrap());
    assert!(epochs.current().awaited().is_empty());
    again(&epochs, &scene);
}

#[test]
fn a_refresh_is_no_reshare_and_a_reshare_is_as_it_was_approved() {
    let scene = Scene::new(4);
    let secret = random(32);
    let names = scene.names();
    let first = scene.sign(deal(&scene.terms(2, &names[..3], None), &secret, &System).unwrap()).0;
    let next = |threshold, holders: &[Name]| {
        scene.sign(deal(&scene.terms(threshold, holders, Some(first.unverified())), &secret, &System).unwrap()).0
    };
    let turned: Vec<Name> = names[..3].iter().rev().cloned().collect();
    let epochs = Epochs::new(first.clone(), &scene.dealer_key).unwrap();
    let refused = |manifest: SignedManifest, how: Resharing<'_>| {
        assert!(matches!(epochs.clone().propose(manifest, &how, 3), Err(Error::Epochs(_))));
    };
    refused(next(1, &names[..3]), Resharing::Refresh);
    refused(next(2, &names[1..]), Resharing::Refresh);
    refused(next(2, &names), Resharing::Refresh);
    refused(next(2, &turned), Resharing::Refresh);
    epochs.clone().propose(next(2, &names[..3]), &Resharing::Refresh, 3).unwrap();

    let approved = Resharing::Reshare { threshold: 3, custodians: &names };
    refused(next(2, &names), approved);
    refused(next(3, &names[..3]), approved);
    epochs.clone().propose(next(3, &names), &approved, 3).unwrap();
    for required in [0, 2, 5] {
        assert!(matches!(epochs.clone().propose(next(3, &names), &approved, required), Err(Error::Epochs(_))));
    }
}

#[test]
fn epochs_take_nobodys_word_but_the_dealers() {
    let scene = Scene::new(3);
    let mallory = Person::new("mallory", "south").custodian().signing;
    let secret = random(32);
    let first = scene.deal(2, &secret).0;
    assert_eq!(Epochs::new(first.clone(), &mallory).unwrap_err(), Error::Dealer);
    let mut epochs = Epochs::new(first.clone(), &scene.dealer_key).unwrap();
    assert_eq!(Epochs::from_bytes(&epochs.to_bytes(), &mallory).unwrap_err(), Error::Dealer);

    // A manifest whose signature is someone else's.
    let names = scene.names();
    let second = deal(&scene.terms(2, &names, Some(first.unverified())), &secret, &System).unwrap();
    let (signed, other) = (scene.sign(second).0, scene.deal(2, &secret).0);
    let (signature, foreign) = (signed.to_bytes(), other.to_bytes());
    let at = signature.len() - hufu_custodian::SIGNATURE_LEN;
    let forged = [&signature[..at], &foreign[foreign.len() - hufu_custodian::SIGNATURE_LEN..]].concat();
    let forged = SignedManifest::from_bytes(&forged).unwrap();
    assert_eq!(epochs.propose(forged, &Resharing::Refresh, 2).unwrap_err(), Error::Dealer);
    epochs.propose(signed, &Resharing::Refresh, 2).unwrap();
}

#[test]
fn another_dealer_begins_no_next_epoch() {
    let scene = Scene::new(3);
    let secret = random(32);
    let (first, _) = scene.deal(2, &secret);
    let (mallory, names) = (Scene::new(1), scene.names());
    let terms =
        hufu_shares::Terms { dealer: &mallory.dealer_key, ..scene.terms(2, &names, Some(first.unverified())) };
    assert!(matches!(deal(&terms, &random(32), &System), Err(Error::Epochs(why)) if why.contains("dealer")));
}

#[test]
fn no_share_of_a_key_is_wanted_for_unsealing() {
    let scene = Scene::new(3);
    let check = |scene: &Scene, made_at_ms, expires_at_ms, now_ms| {
        let (manifest, _) = scene.deal(2, &random(32));
        let target = scene.people[0].custodian().sealing;
        let of = manifest.digest();
        let request = HandoverRequest { wanted: Wanted::Unseal, manifest: of, target, made_at_ms, expires_at_ms };
        request.check(manifest.unverified(), now_ms)
    };
    assert_eq!(check(&scene, 0, LIFETIME_MS_MAX, 1), Ok(()));
    assert!(check(&scene, 0, LIFETIME_MS_MAX + 1, 1).is_err(), "it lives too long");
    assert!(check(&scene, 0, 10, 10).is_err(), "it has expired");
    let key = hufu_shares::Subject { name: "tenants/acme/keys/app/versions/1".to_owned(), public_key: None };
    assert!(check(&Scene { subject: key, ..Scene::new(3) }, 0, 10, 1).is_err(), "it is no root");
    let (other, _) = scene.deal(2, &random(32));
    let (manifest, target) = (scene.deal(2, &random(32)).0, scene.people[0].custodian().sealing);
    let of_other = HandoverRequest {
        wanted: Wanted::Unseal,
        manifest: other.digest(),
        target,
        made_at_ms: 0,
        expires_at_ms: 10,
    };
    assert!(of_other.check(manifest.unverified(), 1).is_err(), "it is of another set");
}

#[test]
fn confirmations_that_do_not_belong_are_refused() {
    let scene = Scene::new(3);
    let (first, shares) = scene.deal(2, &random(32));
    let (_, foreign) = scene.deal(2, &random(32));
    let mut epochs = Epochs::new(first, &scene.dealer_key).unwrap();
    assert!(matches!(epochs.confirm(&confirmed_by(&scene, &foreign[0]), &scene.roster), Err(Error::Refused(_))));
    let statement = scene.open(&shares[0]).confirm().to_bytes();
    let stolen = scene.people[1].sign(statement.clone());
    assert!(matches!(epochs.confirm(&stolen, &scene.roster), Err(Error::Refused(_))));
    let forged = Signed { signer: scene.people[0].name(), ..stolen };
    assert!(matches!(epochs.confirm(&forged, &scene.roster), Err(Error::Custodian(_))));
    assert_eq!(epochs.current().awaited().len(), 3);
    let mut other = scene.people[0].sign(statement);
    other.statement[0] ^= 1;
    assert!(epochs.confirm(&other, &scene.roster).is_err());
}

#[test]
fn an_epoch_of_something_else_is_not_the_next() {
    let scene = Scene::new(3);
    let secret = random(32);
    let first = scene.deal(2, &secret).0;
    let mut epochs = Epochs::new(first.clone(), &scene.dealer_key).unwrap();
    let names = scene.names();
    let dealt = |after: &SignedManifest| {
        scene.sign(deal(&scene.terms(2, &names, Some(after.unverified())), &secret, &System).unwrap()).0
    };
    let second = dealt(&first);
    let (foreign, _) = scene.deal(2, &secret);
    for wrong in [dealt(&second), dealt(&foreign), foreign, first] {
        assert!(matches!(epochs.propose(wrong, &Resharing::Refresh, 2), Err(Error::Epochs(_))));
    }
    epochs.propose(second.clone(), &Resharing::Refresh, 2).unwrap();
    epochs.withdraw();
    assert!(epochs.next().is_none());
    assert!(matches!(Epochs::new(second, &scene.dealer_key), Err(Error::Epochs(_))));
}
