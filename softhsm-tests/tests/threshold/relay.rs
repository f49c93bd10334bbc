//! What stands between a service and its holders: it writes down every answer that a holder gives, stops at a chosen call until
//! somebody has been killed, and lets a holder cheat on the wire. To the service it is the holder, by the holder's own certificate.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use hufu_frost::{Identifier, SigningPackage, recognise};
use hufu_proto::v1;
use hufu_proto::v1::holder_service_client::HolderServiceClient;
use hufu_proto::v1::holder_service_server::{HolderService, HolderServiceServer};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::sync::Notify;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Identity, Server, ServerTlsConfig};
use tonic::{Request, Response, Status, async_trait};

/// A call of holders.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Call {
    Begin,
    Continue,
    Finish,
    Commit,
    Sign,
}

/// Where a call is stopped.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Side {
    /// Before the holder has seen it.
    Before,
    /// When the holder has answered, and the service has not seen it.
    After,
}

/// The call to stop at.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stop {
    /// The holder; any for the first that comes.
    pub(crate) holder: Option<usize>,
    pub(crate) call: Call,
    /// Which call of that kind to that holder, from 1.
    pub(crate) nth: usize,
    pub(crate) side: Side,
}

/// Relays before all holders, with one memory.
pub(crate) struct Relays {
    shared: Arc<Shared>,
    pub(crate) addresses: Vec<SocketAddr>,
    _runtime: Runtime,
}

#[derive(Default)]
struct Shared {
    stop: Mutex<Option<Armed>>,
    /// How often each call has come since the stop was set.
    counts: Mutex<BTreeMap<(usize, Call), usize>>,
    /// Whose signature shares are changed.
    cheat: Mutex<Option<usize>>,
    seen: Mutex<Seen>,
}

/// A stop that nobody has come to yet.
struct Armed {
    stop: Stop,
    reached: Sender<usize>,
    go_on: Arc<Notify>,
}

/// What is stopped at, to whoever kills.
pub(crate) struct Waits {
    reached: Receiver<usize>,
    go_on: Arc<Notify>,
}

impl Waits {
    /// Waits until somebody is there; answers with the holder whose call it is.
    pub(crate) fn reached(&self) -> usize {
        self.reached.recv_timeout(Duration::from_secs(120)).unwrap()
    }

    /// Lets it go on. Whoever died with the caller goes nowhere.
    pub(crate) fn go_on(&self) {
        self.go_on.notify_one();
    }
}

/// What holders have given out, whether or not it arrived.
#[derive(Default)]
struct Seen {
    /// Commitments, by holder: none comes twice.
    commitments: BTreeSet<(usize, Vec<u8>)>,
    /// Signing packages that were answered with a share, by the holder's nonces: one each.
    packages: BTreeMap<(usize, Vec<u8>), Vec<u8>>,
    /// What no holder may do, and one did.
    offences: Vec<String>,
}

/// The certificate authority, the certificate and the key of a holder, and where it is.
pub(crate) struct Behind<'a> {
    pub(crate) ca: &'a Path,
    pub(crate) address: SocketAddr,
}

impl Relays {
    /// Relays that call holders with that certificate and key.
    pub(crate) fn new(holders: &[Behind<'_>], certificate: &Path, key: &Path) -> Self {
        let runtime = Runtime::new().unwrap();
        let shared = Arc::<Shared>::default();
        let identity = Identity::from_pem(fs::read(certificate).unwrap(), fs::read(key).unwrap());
        let start = |(at, holder): (usize, &Behind<'_>)| {
            let read = |file: &str| fs::read(holder.ca.join(file)).unwrap();
            let tls = ClientTlsConfig::new().ca_certificate(Certificate::from_pem(read("ca.pem")));
            let endpoint = Endpoint::from_shared(format!("https://{}", holder.address)).unwrap();
            let endpoint = endpoint.tls_config(tls.identity(identity.clone())).unwrap();
            let own = Identity::from_pem(read("server.pem"), read("server.key"));
            runtime.block_on(async {
                let client = HolderServiceClient::new(endpoint.connect_lazy()).max_decoding_message_size(1 << 20);
                let relay = Relay { at, client, shared: shared.clone() };
                let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
                let address = listener.local_addr().unwrap();
                let server = Server::builder().tls_config(ServerTlsConfig::new().identity(own)).unwrap();
                let serving = { server }.add_service(HolderServiceServer::new(relay));
                tokio::spawn(serving.serve_with_incoming(TcpListenerStream::new(listener)));
                address
            })
        };
        let addresses = holders.iter().enumerate().map(start).collect();
        Self { shared, addresses, _runtime: runtime }
    }

    /// Stops at a call from now on; what comes out tells which holder's it was.
    pub(crate) fn stop_at(&self, stop: Stop) -> Waits {
        let ((there, reached), go_on) = (channel(), Arc::<Notify>::default());
        self.shared.counts.lock().unwrap().clear();
        *self.shared.stop.lock().unwrap() = Some(Armed { stop, reached: there, go_on: go_on.clone() });
        Waits { reached, go_on }
    }

    /// Has a holder answer with wrong signature shares; nobody with none.
    pub(crate) fn cheat(&self, holder: Option<usize>) {
        *self.shared.cheat.lock().unwrap() = holder;
    }

    /// Sees that no nonces were used twice; answers with how many commitments and signature shares there were.
    pub(crate) fn judge(&self) -> (usize, usize) {
        let seen = self.shared.seen.lock().unwrap();
        assert!(seen.offences.is_empty(), "{:?}", seen.offences);
        (seen.commitments.len(), seen.packages.len())
    }
}

struct Relay {
    at: usize,
    client: HolderServiceClient<Channel>,
    shared: Arc<Shared>,
}

impl Relay {
    /// Stops here, if it is here; a call that was stopped at on its way back is lost.
    async fn pause(&self, call: Call, nth: usize, side: Side) -> Result<(), Status> {
        let is_here = |armed: &mut Armed| {
            let Stop { holder, .. } = armed.stop;
            holder.is_none_or(|at| at == self.at)
                && (armed.stop.call, armed.stop.nth, armed.stop.side) == (call, nth, side)
        };
        let armed = self.shared.stop.lock().unwrap().take_if(is_here);
        let Some(armed) = armed else { return Ok(()) };
        armed.reached.send(self.at).unwrap();
        armed.go_on.notified().await;
        match side {
            Side::Before => Ok(()),
            Side::After => Err(Status::unavailable("the answer is lost")),
        }
    }

    fn count(&self, call: Call) -> usize {
        let mut counts = self.shared.counts.lock().unwrap();
        let count = counts.entry((self.at, call)).or_default();
        *count += 1;
        *count
    }

    async fn pass<Q, A, F>(
        &self,
        call: Call,
        request: Request<Q>,
        send: impl FnOnce(HolderServiceClient<Channel>, Q) -> F,
        note: impl FnOnce(&Self, &mut A),
    ) -> Result<Response<A>, Status>
    where
        F: Future<Output = Result<Response<A>, Status>>,
    {
        let nth = self.count(call);
        self.pause(call, nth, Side::Before).await?;
        let mut answer = send(self.client.clone(), request.into_inner()).await?.into_inner();
        note(self, &mut answer);
        self.pause(call, nth, Side::After).await?;
        Ok(Response::new(answer))
    }

    fn note_commitment(&self, answer: &[u8]) {
        if recognise(answer) == Some("hufu-sign-commitment") {
            // The two points are the end of it, each behind its length.
            let points = answer[answer.len() - 66..].to_vec();
            let seen = &mut *self.shared.seen.lock().unwrap();
            if !seen.commitments.insert((self.at, points)) {
                seen.offences.push(format!("holder {} committed to a nonce twice", self.at));
            }
        }
    }

    /// A holder's nonces make one share, of one message, in one set of signers.
    fn note_share(&self, package: &[u8], answer: &[u8]) {
        if recognise(answer) != Some("hufu-sign-share") {
            return;
        }
        let me = Identifier::new(u8::try_from(self.at + 1).unwrap()).unwrap();
        let (hiding, binding) = {
            let read = SigningPackage::from_bytes(package).unwrap();
            let (hiding, binding) = read.points_of(me).unwrap();
            (hiding.to_vec(), binding.to_vec())
        };
        let nonces = (self.at, [hiding, binding].concat());
        let seen = &mut *self.shared.seen.lock().unwrap();
        if seen.packages.insert(nonces, package.to_vec()).is_some() {
            seen.offences.push(format!("holder {} used a nonce in two shares", self.at));
        }
    }

    fn cheats(&self) -> bool {
        *self.shared.cheat.lock().unwrap() == Some(self.at)
    }
}

/// Nothing to write down.
fn nothing<A>(_: &Relay, _: &mut A) {}

#[async_trait]
impl HolderService for Relay {
    async fn get_holder(&self, request: Request<v1::GetHolderRequest>) -> Result<Response<v1::Holder>, Status> {
        self.client.clone().get_holder(request.into_inner()).await
    }

    async fn begin_generation(
        &self,
        request: Request<v1::BeginGenerationRequest>,
    ) -> Result<Response<v1::GenerationMessages>, Status> {
        let send = |mut client: HolderServiceClient<Channel>, it| async move { client.begin_generation(it).await };
        self.pass(Call::Begin, request, send, nothing).await
    }

    async fn continue_generation(
        &self,
        request: Request<v1::ContinueGenerationRequest>,
    ) -> Result<Response<v1::GenerationMessages>, Status> {
        let send = |mut client: HolderServiceClient<Channel>, it| async move { client.continue_generation(it).await };
        self.pass(Call::Continue, request, send, nothing).await
    }

    async fn finish_generation(
        &self,
        request: Request<v1::FinishGenerationRequest>,
    ) -> Result<Response<v1::HolderShare>, Status> {
        let send = |mut client: HolderServiceClient<Channel>, it| async move { client.finish_generation(it).await };
        self.pass(Call::Finish, request, send, nothing).await
    }

    async fn commit_to_sign(
        &self,
        request: Request<v1::CommitToSignRequest>,
    ) -> Result<Response<v1::CommitToSignResponse>, Status> {
        let send = |mut client: HolderServiceClient<Channel>, it| async move { client.commit_to_sign(it).await };
        let note = |relay: &Self, answer: &mut v1::CommitToSignResponse| relay.note_commitment(&answer.answer);
        self.pass(Call::Commit, request, send, note).await
    }

    async fn sign_share(
        &self,
        request: Request<v1::SignShareRequest>,
    ) -> Result<Response<v1::SignShareResponse>, Status> {
        let package = request.get_ref().package.clone();
        let send = |mut client: HolderServiceClient<Channel>, it| async move { client.sign_share(it).await };
        let note = |relay: &Self, answer: &mut v1::SignShareResponse| {
            relay.note_share(&package, &answer.answer);
            if let Some(last) = answer.answer.last_mut().filter(|_| relay.cheats()) {
                *last ^= 1;
            }
        };
        self.pass(Call::Sign, request, send, note).await
    }

    async fn list_holder_shares(
        &self,
        request: Request<v1::ListHolderSharesRequest>,
    ) -> Result<Response<v1::ListHolderSharesResponse>, Status> {
        self.client.clone().list_holder_shares(request.into_inner()).await
    }

    async fn destroy_holder_share(
        &self,
        request: Request<v1::DestroyHolderShareRequest>,
    ) -> Result<Response<v1::DestroyHolderShareResponse>, Status> {
        self.client.clone().destroy_holder_share(request.into_inner()).await
    }
}
