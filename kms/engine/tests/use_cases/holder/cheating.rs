//! Holders that cheat in a key generation are named; couriers that do are not taken for holders.

use hufu_core::Reason;
use hufu_custodian::{Signed, seal};
use hufu_engine::api::GenerationMessage;
use hufu_frost::dkg::{Round, Statement};
use hufu_frost::{Identifier, SetId, Suite};
use hufu_secret::SecretBytes;

use super::field::{Field, NAMES, rows, rule, signed_by};

/// The statement in a message.
fn statement(message: &GenerationMessage) -> Statement {
    Statement::from_bytes(&Signed::from_bytes(&message.signed).unwrap().statement).unwrap()
}

/// The same message with another content, signed by its own sender: what a holder that cheats sends.
fn by_the_sender(field: &Field, message: &GenerationMessage, bytes: Vec<u8>) -> GenerationMessage {
    let changed = Statement { bytes, ..statement(message) };
    let signed = field.people[usize::from(message.from) - 1].sign(changed.to_bytes()).to_bytes();
    GenerationMessage { signed, ..message.clone() }
}

fn is(message: &GenerationMessage, from: u8, round: Round) -> bool {
    message.from == from && message.round == round.number()
}

#[test]
fn holder_that_deals_a_wrong_share_is_named() {
    // What opens and is no share, what does not open, and what was sealed for another one.
    for how in 0..3 {
        let mut field = Field::new();
        let mandate = signed_by(&field.wallet, field.mandate_to_generate(1, Suite::Ed25519));
        let cheat = |field: &Field, at: usize, message: GenerationMessage| {
            if at != 0 || !is(&message, 2, Round::Share) {
                return message;
            }
            let bytes = match how {
                0 => {
                    let binding = binding(&statement(&message), 1);
                    let to = field.roster.find(&NAMES[0].parse().unwrap()).unwrap().sealing.clone();
                    seal(&to, &binding, &SecretBytes::from_slice(b"no share")).unwrap()
                }
                1 => vec![7; 100],
                _ => {
                    let binding = binding(&statement(&message), 1);
                    let to = field.roster.find(&NAMES[2].parse().unwrap()).unwrap().sealing.clone();
                    seal(&to, &binding, &SecretBytes::from_slice(b"no share")).unwrap()
                }
            };
            by_the_sender(field, &message, bytes)
        };
        let (who, error) = field.rounds(&mandate, cheat).unwrap_err();
        assert_eq!((who, error.by_rule()), (0, Some("misbehaviour")));
        assert!(error.message().contains("`east`"), "{error}");
        // The generation is over there, for good.
        let again = field.begin(0, &mandate.to_bytes());
        assert_eq!(rule(again), (Reason::HolderRefused, Some("mandate-used")));
        assert_eq!(rows(&field.worlds[0])["shares"], 0);
    }
}

/// What a share is sealed under.
fn binding(of: &Statement, receiver: u8) -> Vec<u8> {
    let receiver = Identifier::new(receiver).unwrap();
    hufu_core::codec::encode("hufu-dkg-sealing", 1, &(of.set, of.from, receiver))
}

#[test]
fn holder_that_shows_two_first_rounds_is_noticed_before_a_share_is_dealt() {
    let mut field = Field::new();
    let mandate = signed_by(&field.wallet, field.mandate_to_generate(1, Suite::Ed25519));
    // Another polynomial of the same generation: that of a holder that was started anew in between.
    let mut other = Field::new();
    other.wallet = std::mem::replace(&mut field.wallet, hufu_custodian::testing::Person::new("wallet", "shop"));
    let setup = hufu_frost::dkg::Setup::new(
        Suite::Ed25519,
        mandate.mandate().threshold,
        mandate.set_id(),
        Identifier::new(2).unwrap(),
    );
    let mut random = |buffer: &mut [u8]| {
        buffer.fill(0x5a);
        Ok(())
    };
    let (_, second) = hufu_frost::dkg::begin(setup.unwrap(), &mut random).unwrap();
    let mut dealt = 0;
    let cheat = |field: &Field, at: usize, message: GenerationMessage| {
        dealt += usize::from(message.round == Round::Share.number());
        if at == 0 && is(&message, 2, Round::Commitment) {
            return by_the_sender(field, &message, second.clone());
        }
        message
    };
    let (_, error) = field.rounds(&mandate, cheat).unwrap_err();
    assert_eq!((error.by_rule(), dealt), (Some("disagreement"), 0), "{error}");
    assert!(!NAMES.iter().any(|name| error.message().contains(name)), "nobody is named: {error}");
}

#[test]
fn courier_that_changes_messages_is_refused_and_ends_nothing() {
    let mut field = Field::new();
    let mandate = signed_by(&field.wallet, field.mandate_to_generate(1, Suite::Ed25519));
    let set = mandate.set_id();
    let firsts: Vec<_> = (0..3).map(|at| field.begin(at, &mandate.to_bytes()).unwrap().messages.remove(0)).collect();
    let east = firsts[1].clone();
    let forged = {
        let changed = Statement { bytes: vec![1; 10], ..statement(&east) };
        let signature = field.stranger.sign(changed.to_bytes()).signature;
        let signed = Signed { signer: NAMES[1].parse().unwrap(), statement: changed.to_bytes(), signature };
        GenerationMessage { signed: signed.to_bytes(), ..east }
    };
    let other_set = {
        let changed = Statement { set: SetId([9; 32]), ..statement(&east) };
        let signed = field.people[1].sign(changed.to_bytes()).to_bytes();
        GenerationMessage { signed, ..east }
    };
    let cases = [
        (forged, Some("bad-signature")),
        // Of one who is in the roster, under another's number.
        (GenerationMessage { from: 3, ..east.clone() }, Some("bad-signature")),
        (GenerationMessage { round: 2, ..east.clone() }, None),
        (GenerationMessage { to: 1, ..east.clone() }, None),
        (GenerationMessage { from: 9, ..east.clone() }, None),
        (GenerationMessage { signed: vec![0; 9_000], ..east.clone() }, None),
        (GenerationMessage { signed: b"noise".to_vec(), ..east }, None),
        (other_set, None),
    ];
    for (message, expected) in cases {
        // A good one before it is not taken either.
        let refused = field.go_on(0, set, vec![firsts[2].clone(), message]).unwrap_err();
        assert_eq!(refused.by_rule(), expected, "{refused:?}");
        assert!(!refused.message().contains("misbehaviour"));
    }
    let unknown = field.go_on(0, SetId([1; 32]), vec![east.clone()]);
    assert_eq!(rule(unknown), (Reason::HolderRefused, Some("no-such-generation")));
    let echo = field.go_on(0, set, vec![firsts[2].clone(), east]).unwrap();
    assert_eq!(echo.messages.len(), 1, "it goes on as if nothing had been");
}

#[test]
fn outcome_that_differs_ends_the_generation_and_keeps_nothing() {
    // Of another group of the same generation, and of another generation.
    for (version, expected) in [(1, "disagreement"), (2, "misbehaviour")] {
        let mut field = Field::new();
        let mandate = signed_by(&field.wallet, field.mandate_to_generate(1, Suite::Ed25519));
        let outcomes = field.rounds(&mandate, |_, _, message| message).unwrap();
        let elsewhere = Field::with_chance(200).generate(version, Suite::Ed25519);
        let content = (mandate.set_id(), Identifier::new(2).unwrap(), Group(elsewhere.to_bytes()));
        let bytes = hufu_core::codec::encode("hufu-dkg-outcome", 1, &content);
        let mut changed = outcomes.clone();
        changed[1] = by_the_sender(&field, &outcomes[1], bytes);
        let refused = field.finish(0, mandate.set_id(), changed).unwrap_err();
        assert_eq!((refused.by_rule(), refused.message().contains("`east`")), (Some(expected), version == 2));
        let gone = field.finish(0, mandate.set_id(), outcomes);
        assert_eq!(rule(gone), (Reason::HolderRefused, Some("no-such-generation")));
        assert_eq!(rows(&field.worlds[0])["shares"], 0);
    }
}

struct Group(Vec<u8>);

impl<C> minicbor::Encode<C> for Group {
    fn encode<W: minicbor::encode::Write>(
        &self,
        e: &mut minicbor::Encoder<W>,
        _: &mut C,
    ) -> Result<(), minicbor::encode::Error<W::Error>> {
        e.bytes(&self.0)?.ok()
    }
}
