//! Devices that hold different keys: a new key goes to the first that can hold it, a key in use to the one that holds it.

use std::sync::Arc;
use std::time::Instant;

use hufu_core::BoxFuture;
use hufu_core::algorithm::{Algorithm, Purpose, Scheme, TABLE};
use hufu_core::backend::{
    Arrival, BackendError, Capabilities, DeviceStatus, Health, KeyBackend, KeyHandle, Operation, Outcome, Template,
    Wrapping,
};
use hufu_core::record::{Exit, Locator, Protection};

/// Devices in the order in which they are asked for new keys.
pub struct Devices {
    first: Arc<dyn KeyBackend>,
    others: Vec<Arc<dyn KeyBackend>>,
}

impl Devices {
    /// Puts devices together. The first also draws the random bytes.
    #[must_use]
    pub fn new(first: Arc<dyn KeyBackend>, others: Vec<Arc<dyn KeyBackend>>) -> Self {
        Self { first, others }
    }

    fn all(&self) -> impl Iterator<Item = &Arc<dyn KeyBackend>> {
        std::iter::once(&self.first).chain(&self.others)
    }

    fn holder(&self, key: &KeyHandle) -> Result<&Arc<dyn KeyBackend>, BackendError> {
        let missing = || BackendError::Missing("the version is on none of the devices".to_owned());
        self.all().find(|device| device.holds(&key.locator)).ok_or_else(missing)
    }

    fn maker(&self, template: &Template) -> Result<&Arc<dyn KeyBackend>, BackendError> {
        let Template { algorithm, purpose, scheme, exit, .. } = *template;
        self.capabilities().check_exit(algorithm, purpose, scheme, exit).map_err(BackendError::Unsupported)?;
        let able = |device: &&Arc<dyn KeyBackend>| {
            device.capabilities().check_exit(algorithm, purpose, scheme, exit).is_ok()
        };
        Ok(self.all().find(able).unwrap_or(&self.first))
    }

    async fn dispatch(&self, operation: Operation<'_>, deadline: Instant) -> Result<Outcome, BackendError> {
        let device = match &operation {
            Operation::Find(uid) => {
                // A device that does not answer may hold it: only all of them can say that it is nowhere.
                for device in self.all() {
                    if let found @ Outcome::Found(true) = device.perform(Operation::Find(*uid), deadline).await? {
                        return Ok(found);
                    }
                }
                return Ok(Outcome::Found(false));
            }
            Operation::Inventory(max) => {
                let mut listed = Vec::new();
                for device in self.all() {
                    if let Outcome::Inventory(uids) = device.perform(Operation::Inventory(*max), deadline).await? {
                        listed.extend(uids);
                    }
                }
                listed.truncate(*max);
                return Ok(Outcome::Inventory(listed));
            }
            Operation::Destroy(uid) => {
                for device in self.all() {
                    device.perform(Operation::Destroy(*uid), deadline).await?;
                }
                return Ok(Outcome::Done);
            }
            // What was wrapped for a key is opened where that key is.
            Operation::Unwrap(_, Arrival { by: Wrapping::Key(key), .. }) => self.holder(key)?,
            Operation::Generate(template) | Operation::Unwrap(template, _) => self.maker(template)?,
            // Work with public keys and random bytes need no key of theirs.
            used => match used.key() {
                Some(key) => self.holder(key)?,
                None => &self.first,
            },
        };
        device.perform(operation, deadline).await
    }
}

impl KeyBackend for Devices {
    fn name(&self) -> &str {
        self.first.name()
    }

    fn protection(&self) -> Protection {
        self.first.protection()
    }

    fn capabilities(&self) -> Capabilities {
        // Asked each time: a group of tokens learns what its tokens can do as they come.
        united(&self.all().map(|device| device.capabilities()).collect::<Vec<_>>())
    }

    fn perform<'a>(
        &'a self,
        operation: Operation<'a>,
        deadline: Instant,
    ) -> BoxFuture<'a, Result<Outcome, BackendError>> {
        Box::pin(self.dispatch(operation, deadline))
    }

    fn health(&self) -> Health {
        let down = |device: &Arc<dyn KeyBackend>| match device.health() {
            Health::Serving => None,
            Health::Down(why) => Some(Health::Down(format!("{}: {why}", device.name()))),
        };
        self.all().find_map(down).unwrap_or(Health::Serving)
    }

    fn generation(&self) -> u64 {
        self.all().map(|device| device.generation()).sum()
    }

    fn distrust(&self) {
        // Which of them was wrong is not known here.
        self.all().for_each(|device| device.distrust());
    }

    fn holds(&self, locator: &Locator) -> bool {
        self.all().any(|device| device.holds(locator))
    }

    fn devices(&self) -> Vec<DeviceStatus> {
        self.all().flat_map(|device| device.devices()).collect()
    }

    fn returns(&self) -> Option<u64> {
        self.all().filter_map(|device| device.returns()).reduce(u64::wrapping_add)
    }
}

/// What any can do; and of what none can, the reasons of all. While one has never been reached, nobody knows what none can.
fn united(of_each: &[Capabilities]) -> Capabilities {
    let mut united = Capabilities { simulated: of_each.iter().any(|one| one.simulated), ..Capabilities::default() };
    for exit in [Exit::Replicable, Exit::Exportable] {
        if of_each.iter().any(|one| one.allows(exit)) {
            united.exits.push(exit);
        }
    }
    for entry in TABLE {
        for (purpose, scheme) in entry.schemes {
            let row = (entry.algorithm, *purpose, *scheme);
            let checked: Vec<_> = of_each.iter().map(|one| one.check(row.0, row.1, row.2)).collect();
            if checked.iter().any(Result::is_ok) {
                united.schemes.push(row);
                if let Err(why) = arrival(of_each, row) {
                    united.stays_out.push((row.0, row.1, row.2, why));
                }
                for exit in [Exit::Replicable, Exit::Exportable] {
                    let exits = of_each.iter().map(|one| one.check_exit(row.0, row.1, row.2, exit));
                    let refused: Option<Vec<_>> = exits.map(Result::err).collect();
                    if let Some(refused) = refused {
                        united.kept.push((row.0, row.1, row.2, exit, refused.join("; ")));
                    }
                }
            } else if of_each.iter().all(|one| one.knows(row.0, row.1, row.2)) {
                let why = checked.into_iter().filter_map(Result::err).collect::<Vec<_>>().join("; ");
                united.refusals.push((row.0, row.1, row.2, why));
            }
        }
    }
    united
}

/// Whether a key of a row can come in: by the device that opens what comes in, which is the first that can.
fn arrival(of_each: &[Capabilities], row: (Algorithm, Purpose, Scheme)) -> Result<(), String> {
    let opens = |one: &&Capabilities| one.schemes.iter().any(|(_, purpose, _)| *purpose == Purpose::Import);
    match of_each.iter().find(opens) {
        Some(device) => device.check_arrival(row.0, row.1, row.2),
        None => Err("no device takes keys in".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use hufu_core::backend::{Generated, SignInput};
    use hufu_core::record::{Attestation, VersionUid};

    use super::*;

    /// Holds keys of one algorithm; answers its name for a signature.
    struct Fake(&'static str, Algorithm);

    impl KeyBackend for Fake {
        fn name(&self) -> &str {
            self.0
        }

        fn protection(&self) -> Protection {
            Protection::Hsm
        }

        fn capabilities(&self) -> Capabilities {
            let mut capabilities = Capabilities::default();
            if self.0 == "away" {
                return capabilities;
            }
            for entry in TABLE {
                for (purpose, scheme) in entry.schemes {
                    let row = (entry.algorithm, *purpose, *scheme);
                    if entry.algorithm == self.1 {
                        capabilities.schemes.push(row);
                    } else {
                        capabilities.refusals.push((row.0, row.1, row.2, format!("{} cannot", self.0)));
                    }
                }
            }
            capabilities
        }

        fn perform<'a>(
            &'a self,
            operation: Operation<'a>,
            _: Instant,
        ) -> BoxFuture<'a, Result<Outcome, BackendError>> {
            Box::pin(async move {
                Ok(match operation {
                    Operation::Generate(_) => {
                        let locator = Locator::Sealed { device: self.0.to_owned(), blob: Arc::from([]) };
                        let attestation = Attestation::Software;
                        Outcome::Generated(Box::new(Generated { locator, public_key: None, attestation }))
                    }
                    Operation::Sign(..) => Outcome::Bytes(self.0.as_bytes().to_vec()),
                    _ => Outcome::Done,
                })
            })
        }

        fn health(&self) -> Health {
            if self.0 != "token" { Health::Down("unplugged".to_owned()) } else { Health::Serving }
        }

        fn holds(&self, locator: &Locator) -> bool {
            matches!(locator, Locator::Sealed { device, .. } if device == self.0)
        }
    }

    fn devices() -> Devices {
        Devices::new(Arc::new(Fake("token", Algorithm::P256)), vec![Arc::new(Fake("tpm", Algorithm::Sm2))])
    }

    async fn made_and_used(algorithm: Algorithm, scheme: Scheme) -> Result<Vec<u8>, BackendError> {
        let (devices, deadline) = (devices(), Instant::now() + Duration::from_secs(5));
        let (uid, binding) = (VersionUid([1; 16]), Arc::from([]));
        let template = Template {
            uid,
            algorithm,
            purpose: Purpose::Sign,
            scheme,
            binding,
            wrapping_key: None,
            exit: hufu_core::record::Exit::Never,
        };
        let Outcome::Generated(made) = devices.perform(Operation::Generate(&template), deadline).await? else {
            panic!("a key is made");
        };
        let (locator, binding) = (made.locator, Arc::from([]));
        let handle =
            KeyHandle { uid, algorithm, scheme, locator, binding, public_key: None, distinguishing_id: None };
        match devices.perform(Operation::Sign(&handle, SignInput::Message(b"")), deadline).await? {
            Outcome::Bytes(bytes) => Ok(bytes),
            other => panic!("{other:?}"),
        }
    }

    #[tokio::test]
    async fn keys_are_made_where_they_can_be_and_used_where_they_are() {
        assert_eq!(made_and_used(Algorithm::P256, Scheme::EcdsaSha256).await.unwrap(), b"token");
        assert_eq!(made_and_used(Algorithm::Sm2, Scheme::Sm2Sm3).await.unwrap(), b"tpm");
        let refused = made_and_used(Algorithm::Ed25519, Scheme::Ed25519).await;
        assert_eq!(refused, Err(BackendError::Unsupported("token cannot; tpm cannot".to_owned())));
    }

    #[test]
    fn what_a_device_can_that_was_never_reached_is_not_refused() {
        let away = Devices::new(
            Arc::new(Fake("away", Algorithm::P256)),
            vec![Arc::new(Fake("tpm", Algorithm::Sm2)) as Arc<dyn KeyBackend>],
        );
        let knows =
            |devices: &Devices, algorithm, scheme| devices.capabilities().knows(algorithm, Purpose::Sign, scheme);
        assert!(knows(&away, Algorithm::Sm2, Scheme::Sm2Sm3), "the other one can");
        assert!(!knows(&away, Algorithm::P256, Scheme::EcdsaSha256), "the one that is away may");
        assert!(knows(&devices(), Algorithm::Ed25519, Scheme::Ed25519), "none can");
    }

    #[test]
    fn a_device_that_is_down_is_named() {
        assert_eq!(devices().health(), Health::Down("tpm: unplugged".to_owned()));
    }
}
