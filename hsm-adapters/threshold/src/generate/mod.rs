//! A key among holders: their messages are carried from one to another, until all have said the same and have kept it.
//!
//! All holders must take part. What fails is thrown away whole, and whoever failed is named. A holder that has kept its share before
//! another one failed is told to delete it; where its policy does not let this service do that, the share stays, and is worth
//! nothing: no key was registered, and no requester signs for one that is not.

mod post;

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use hufu_core::backend::{Among, BackendError, Generated, HolderFault, Outcome, Template};
use hufu_core::record::{Attestation, Locator};
use hufu_frost::{Group, KeyVersion, SetId, SignedGenerationMandate};

use crate::backend::{ThresholdBackend, suite};
use crate::link::{LinkError, Message, Share};
use crate::seat::Seat;
use crate::words;
use post::Post;

/// Most times that messages are carried: one more than there are rounds in which holders wait for others.
const ROUNDS_MAX: usize = 4;

/// How often a holder is asked to keep its share that does not answer.
const KEEPS_MAX: usize = 3;

/// Time to delete what was kept of a key that came to nothing.
const CLEANING: Duration = Duration::from_secs(5);

/// One key generation.
struct Generation<'a> {
    backend: &'a ThresholdBackend,
    mandate: SignedGenerationMandate,
    /// In the order of their numbers.
    seats: Vec<&'a Seat>,
    deadline: Instant,
}

impl ThresholdBackend {
    /// Has holders make a key among themselves.
    pub(crate) async fn generate(
        &self,
        template: &Template,
        among: Among<'_>,
        deadline: Instant,
    ) -> Result<Outcome, BackendError> {
        let mandate = SignedGenerationMandate::from_bytes(among.mandate).map_err(invalid)?;
        self.check(&mandate, template, &among)?;
        let _permit = self.generations.try_acquire().map_err(|_| BackendError::Overloaded)?;
        let seats = self.seats_of(among.holders)?;
        let generation = Generation { backend: self, mandate, seats, deadline };
        let group = generation.run().await?;
        let simulated = generation.seats.iter().any(|seat| seat.is_simulated());
        let threshold = group.threshold();
        let attestation = Attestation::Holders { threshold: threshold.t(), holders: threshold.n(), simulated };
        let locator = Locator::Holders { group: group.to_bytes().into() };
        let public_key = Some(group.spki().to_vec());
        Ok(Outcome::Generated(Box::new(Generated { locator, public_key, attestation })))
    }

    /// Refuses a mandate that is for something else, before anybody is asked.
    fn check(
        &self,
        mandate: &SignedGenerationMandate,
        template: &Template,
        among: &Among<'_>,
    ) -> Result<(), BackendError> {
        let said = mandate.mandate();
        let key = KeyVersion { name: among.version.key.to_string(), version: among.version.number.value() };
        let wanted = suite(template.algorithm, template.scheme);
        let same = [
            (said.deployment == self.config.deployment, "another deployment"),
            (said.key == key, "another key version"),
            (Some(said.suite) == wanted, "another algorithm"),
            (
                said.threshold.t() == among.threshold && said.holders == among.holders,
                "other holders or another threshold",
            ),
            (said.expires_at_ms > self.clock.now_ms(), "a time that has ended"),
        ];
        match same.into_iter().find(|(same, _)| !same) {
            Some((_, what)) => Err(words::error(true, format!("the mandate is for {what}"), Vec::new())),
            None => Ok(()),
        }
    }

    fn seats_of(&self, holders: &[String]) -> Result<Vec<&Seat>, BackendError> {
        let seat = |name: &String| {
            self.seat(name)
                .ok_or_else(|| BackendError::InvalidInput(format!("the service has no link to a holder `{name}`")))
        };
        holders.iter().map(seat).collect()
    }
}

impl Generation<'_> {
    async fn run(&self) -> Result<Group, BackendError> {
        self.all("not all holders can take part", |seat| self.backend.introduce(seat, self.deadline)).await?;
        let mut post = Post::new(&self.backend.roster, &self.mandate);
        let began = self.all("not all holders began to make the key", |seat| self.begin(seat)).await?;
        self.carry(&mut post, began)?;
        for _ in 0..ROUNDS_MAX {
            if post.is_empty() {
                break;
            }
            let boxes = post.empty();
            let exchange = |nth: usize, seat| self.exchange(seat, boxes.get(nth).cloned().unwrap_or_default());
            let sent = self.each("not all holders went on making the key", exchange).await?;
            self.carry(&mut post, sent)?;
        }
        let (group, outcomes) =
            post.finish().map_err(|faults| failed("the holders did not come to one key", faults))?;
        match self.each("not all holders have kept their shares", |_, seat| self.keep(seat, &outcomes)).await {
            Ok(kept) => self.confirm(&group, kept).await,
            Err(error) => Err(self.clean(&group, error).await),
        }
    }

    /// Puts what holders have sent, in their order, into the boxes of those it is for.
    fn carry(&self, post: &mut Post<'_>, sent: Vec<Vec<Message>>) -> Result<(), BackendError> {
        let faults: Vec<HolderFault> =
            sent.into_iter().zip(1..).filter_map(|(messages, number)| post.take(number, messages).err()).collect();
        if faults.is_empty() { Ok(()) } else { Err(failed("the key was thrown away", faults)) }
    }

    async fn begin(&self, seat: &Seat) -> Result<Vec<Message>, LinkError> {
        let mandate = self.mandate.to_bytes();
        let timeout = self.backend.config.generation_timeout;
        seat.call(timeout, self.deadline, |until| seat.link.begin_generation(&mandate, until)).await
    }

    async fn exchange(&self, seat: &Seat, messages: Vec<Message>) -> Result<Vec<Message>, LinkError> {
        if messages.is_empty() {
            return Ok(Vec::new());
        }
        let (timeout, SetId(set)) = (self.backend.config.generation_timeout, self.mandate.set_id());
        seat.call(timeout, self.deadline, |until| seat.link.continue_generation(set, messages, until)).await
    }

    /// Has a holder keep its share. One that does not answer may have kept it: doing so again changes nothing.
    async fn keep(&self, seat: &Seat, outcomes: &[Message]) -> Result<Share, LinkError> {
        let (timeout, SetId(set)) = (self.backend.config.generation_timeout, self.mandate.set_id());
        let mut last = LinkError::Unreachable("it was not asked".to_owned());
        for _ in 0..KEEPS_MAX {
            let keep = |until| seat.link.finish_generation(set, outcomes.to_vec(), until);
            match seat.call(timeout, self.deadline, keep).await {
                Err(error @ LinkError::Unreachable(_)) => last = error,
                answer => return answer,
            }
        }
        Err(last)
    }

    /// Compares what holders say they keep with what all of them signed.
    async fn confirm(&self, group: &Group, kept: Vec<Share>) -> Result<Group, BackendError> {
        let version = self.mandate.mandate().key.to_string();
        let bytes = group.to_bytes();
        let wrong = kept.into_iter().zip(1..).zip(&self.seats).filter(|((share, number), _)| {
            *share != Share { key_version: version.clone(), group: bytes.clone(), number: *number }
        });
        let faults: Vec<_> =
            wrong.map(|(_, seat)| words::misconduct(seat.name(), "keeps another share than it said")).collect();
        if faults.is_empty() {
            return Ok(group.clone());
        }
        Err(self.clean(group, failed("the key was thrown away", faults)).await)
    }

    /// Has shares deleted of a key that came to nothing, and tells what is left of it.
    async fn clean(&self, group: &Group, error: BackendError) -> BackendError {
        let version = self.mandate.mandate().key.to_string();
        let names: Vec<_> = self.seats.iter().map(|seat| seat.name()).collect();
        let left = self.backend.delete_shares(&version, group.digest(), &names, Instant::now() + CLEANING).await;
        let BackendError::Holders(mut error) = error else { return error };
        if !left.is_empty() {
            let names = left.iter().map(|(holder, _)| format!("`{holder}`")).collect::<Vec<_>>().join(", ");
            tracing::warn!(version, holders = names, "shares of a key that came to nothing may be left");
            let of = group.public_key_digest();
            let left = "which signs nothing: their operators can discard it";
            error.what = format!("{}; {names} may have kept a share of the public key {of}, {left}", error.what);
        }
        BackendError::Holders(error)
    }

    /// Asks every holder the same, side by side: all must answer.
    async fn all<'s, T, F>(&'s self, what: &str, ask: impl Fn(&'s Seat) -> F) -> Result<Vec<T>, BackendError>
    where
        F: Future<Output = Result<T, LinkError>>,
    {
        self.each(what, |_, seat| ask(seat)).await
    }

    /// As [`Self::all`], with the holder's place.
    async fn each<'s, T, F>(&'s self, what: &str, ask: impl Fn(usize, &'s Seat) -> F) -> Result<Vec<T>, BackendError>
    where
        F: Future<Output = Result<T, LinkError>>,
    {
        let answers = join_all(self.seats.iter().enumerate().map(|(nth, seat)| ask(nth, seat))).await;
        let (mut good, mut bad) = (Vec::with_capacity(answers.len()), Vec::new());
        for (answer, seat) in answers.into_iter().zip(&self.seats) {
            match answer {
                Ok(answer) => good.push(answer),
                Err(error) => bad.push((seat.name().to_owned(), error)),
            }
        }
        if bad.is_empty() { Ok(good) } else { Err(words::not_all(what, bad)) }
    }
}

fn failed(what: &str, faults: Vec<HolderFault>) -> BackendError {
    for fault in &faults {
        tracing::error!(holder = fault.holder, what = fault.what, "a key generation failed");
    }
    words::error(false, what, faults)
}

fn invalid(error: impl std::fmt::Display) -> BackendError {
    BackendError::InvalidInput(format!("the mandate: {error}"))
}
