//! Builds the application from its settings: the only room that knows all the others. `serve` and the tests use the
//! same [`App::start`]. One port serves REST, page and sockets: the actix-web app behind actix-http's own service,
//! which hands upgrade requests to the gateway (`docs/adr/0001-the-socket-from-actix-http.md`).

use crate::auth::Keys;
use crate::clock::Clock;
use crate::cluster::members::{self, Members};
use crate::cluster::{bus, jobs};
use crate::core::Core;
use crate::db::{Db, DbError};
use crate::inbox::due;
use crate::mcp::http::Mcp;
use crate::policy::PolicyTable;
use crate::realtime::bans::Bans;
use crate::realtime::dismissed::Dismissed;
use crate::realtime::door::Door;
use crate::realtime::gateway::Gateway;
use crate::realtime::nodes::{self, DOORBELLS, Desk, Filled};
use crate::realtime::receipts::{self, Ledger};
use crate::realtime::relay::Relay;
use crate::realtime::shared::SharedError;
use crate::realtime::subject::EngineClock;
use crate::realtime::tasks::Tasks;
use crate::realtime::watch::{Feed, Watch};
use crate::realtime::{postman, presence, recall, recorder, relay};
use crate::refusal::Refusal;
use crate::settings::Settings;
use crate::telemetry::Metrics;
use crate::upkeep::{self, Depths};
use crate::web::connection::Connection;
use crate::web::connections::Connections;
use crate::web::denials::Denials;
use crate::web::in_flight::InFlight;
use crate::web::methods::{Methods, head_as_get, otherwise};
use crate::web::operations::Stopping;
use crate::web::problem::Problem;
use crate::web::slashes::trailing_slash;
use crate::web::{idempotency, openapi, page, request, routes};
use crate::workflow::timers;
use actix_http::{HttpService, Protocol};
use actix_server::{Server, ServerHandle};
use actix_service::{Service, apply_fn_factory, fn_service, map_config};
use actix_web::body::MessageBody;
use actix_web::dev::{AppConfig, ServiceFactory, ServiceRequest, ServiceResponse};
use actix_web::middleware::{Next, from_fn};
use actix_web::{App as WebApp, Error, web};
use livegrant_actors::bus::Bus;
use livegrant_actors::{Engine, EngineConfig, EngineHandle, Outside};
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::sync::{mpsc, watch};

/// An idle connection is kept this long: longer than the 60 s of common proxies, or they would send a request into a
/// connection that is just being closed.
const KEEP_ALIVE: Duration = Duration::from_secs(65);

/// Time for the last bytes of the last answer to leave.
const LAST_BYTES: Duration = Duration::from_millis(200);

/// Why the application did not start; one line for the operator.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The database is away or its schema does not fit.
    #[error(transparent)]
    Database(#[from] DbError),
    /// The address cannot be served.
    #[error("server.host and server.port: {address} cannot be served: {cause}")]
    Address {
        /// What was asked for.
        address: String,
        /// Why not.
        cause: std::io::Error,
    },
    /// Redis's address cannot be read.
    #[error("redis.url: {0}")]
    Redis(#[from] SharedError),
    /// Anything else.
    #[error(transparent)]
    Other(#[from] Refusal),
}

/// Time for the records of the last connections to be written when the process stops.
const LAST_RECORDS: Duration = Duration::from_secs(5);

/// Time for what is written last; a database that is away must not hold up the end.
const LAST_WORDS: Duration = Duration::from_secs(5);

/// A running application.
pub struct App {
    /// Where it listens.
    pub address: SocketAddr,
    /// Its rooms.
    pub core: Core,
    server: ServerHandle,
    stopping: Stopping,
    requests: InFlight,
    relay: Relay,
    /// What looks after the house, without which changes are enforced and told all the same.
    house: Tasks,
    records: Arc<Feed<recorder::Note>>,
    denials: Arc<Denials>,
}

/// What every worker builds its part of the application from.
#[derive(Clone)]
struct Rooms {
    core: Core,
    keys: Arc<Keys>,
    metrics: Metrics,
    stopping: Stopping,
    requests: InFlight,
    door: Arc<Door>,
    bans: Arc<Bans>,
    dismissed: Arc<Dismissed>,
    ledger: Arc<Ledger>,
    denials: Arc<Denials>,
    mcp: Arc<Mcp>,
}

impl App {
    /// Opens the database, loads the policy, starts the engine and listens. Answers the running application and a
    /// future that ends with the server.
    pub async fn start(
        settings: Settings,
        clock: Clock,
        metrics: Metrics,
    ) -> Result<(Self, Server), StartError> {
        let db = Db::open(&settings.database, clock).await?;
        Self::start_on(db, settings, metrics).await
    }

    /// The same on a database that is already open.
    pub async fn start_on(
        db: Db,
        settings: Settings,
        metrics: Metrics,
    ) -> Result<(Self, Server), StartError> {
        let bus = bus(&settings);
        Self::start_with(db, settings, metrics, bus).await
    }

    /// The same as one node of the cluster that the bus joins.
    pub async fn start_with(
        db: Db,
        settings: Settings,
        metrics: Metrics,
        bus: Arc<dyn Bus>,
    ) -> Result<(Self, Server), StartError> {
        db.check_schema().await?;
        let listener = listen(&settings, settings.server.port)?;
        let streams = match settings.server.compat_sse_port {
            0 => None,
            port => Some(listen(&settings, port)?),
        };
        let address = listener
            .local_addr()
            .map_err(|cause| StartError::Address { address: settings.server.host.clone(), cause })?;
        let policy = PolicyTable::load(db.clone(), &settings.policy).await?;
        let keys = Arc::new(Keys::prepare(&db, &settings.auth).await?);
        let (applied, receiver) = watch::channel(policy.applied());
        let clock = db.clock().clone();
        let bans = Arc::new(Bans::new(&settings.realtime, &settings.server.trusted_proxies));
        let dismissed = Arc::new(Dismissed::default());
        let (records, to_record) = recorder::feed();
        let (listeners, to_show) = presence::listeners();
        let (letterbox, inside) = postman::letterbox();
        let node = bus.node();
        let mut observer = Watch::new(
            clock.clone(),
            Arc::clone(&records),
            Arc::clone(&listeners),
            Arc::clone(&bans),
            Arc::clone(&dismissed),
            letterbox.clone(),
        );
        let shared = nodes::tasks::shared(&settings, node)?;
        if let Some(shared) = &shared {
            observer = observer.with_shared(Arc::clone(&shared.events));
        }
        let engine = engine(&settings, &clock, observer, bus);
        let members = Arc::new(Members::new(node, &settings.cluster, &address.to_string()));
        let settings = Arc::new(settings);
        let core = Core { db, policy, clock, settings, engine, node, members, applied: receiver };
        recall::recall(&core).await?;
        let (doorbell, rung) = mpsc::channel(DOORBELLS);
        let relay = relay::start(&core, applied, rung, letterbox);
        let filled = Arc::new(Filled::default());
        let mut house = Tasks::default();
        postman::start(&core, &mut house, inside);
        let desk = Desk {
            doorbell,
            presence: Arc::clone(&listeners),
            dismissed: Arc::clone(&dismissed),
            receipts: Arc::clone(&filled),
            again: Arc::default(),
        };
        nodes::tasks::start(&core, &mut house, desk, shared);
        let presence_of_nodes = Arc::clone(&listeners);
        house.run("members", members::run(core.clone(), move || presence_of_nodes.compare()));
        house.run("records", recorder::run(core.clone(), to_record));
        house.run("left records", recorder::tend(core.clone(), Arc::clone(&records)));
        house.run("presence", presence::run(core.clone(), Arc::clone(&listeners), to_show));
        let ledger = Arc::new(Ledger::default());
        house.run("receipts", receipts::tell(core.clone(), Arc::clone(&ledger), filled));
        let queued = Arc::clone(&records);
        let depths = Depths { relay: Box::new(relay.waiting()), records: Box::new(move || queued.waiting()) };
        house.run("upkeep", upkeep::run(core.clone(), depths));
        house.run("inbox", inbox_clock(core.clone()));
        house.run("timers", timers::run(core.clone()));
        let denials = Arc::new(Denials::default());
        house.run("denials", upkeep::count_denials(core.clone(), Arc::clone(&denials)));
        let (stopping, requests) = (Stopping::default(), InFlight::default());
        let door = Arc::new(Door::new(core.clone(), Arc::clone(&keys), Arc::clone(&bans), listeners));
        let rooms = Rooms {
            core: core.clone(),
            keys,
            metrics,
            stopping: stopping.clone(),
            requests: requests.clone(),
            door,
            bans,
            dismissed,
            ledger,
            denials: Arc::clone(&denials),
            mcp: Arc::new(Mcp::new(&core, &denials)),
        };
        let server = serve(&rooms, listener, streams)
            .map_err(|cause| StartError::Address { address: address.to_string(), cause })?;
        let app = Self {
            address,
            core,
            server: server.handle(),
            stopping,
            requests,
            relay,
            house,
            records,
            denials,
        };
        Ok((app, server))
    }

    /// Waits until a part that the application cannot do without crashes, and names it.
    pub async fn failed(&self) -> String {
        tokio::select! {
            failure = self.core.engine.failed() => format!("the engine: {failure}"),
            task = self.relay.tasks.failed() => format!("the relay's task {task}"),
            task = self.house.failed() => format!("the house's task {task}"),
        }
    }

    /// Waits until every connection that has come or gone so far is recorded.
    pub async fn recorded(&self) {
        recorder::flush(&self.records).await;
    }

    /// Stops in order: not ready, tabs told to move, requests finished, connections recorded, versions stored, database
    /// closed.
    pub async fn stop(&self) {
        self.stopping.begin();
        self.core.members.drain();
        let server = &self.core.settings.server;
        // Balancers that ask `/readyz` notice before anybody is refused.
        tokio::time::sleep(Duration::from_secs(server.leave_seconds)).await;
        self.core.engine.drain(Duration::from_secs(self.core.settings.realtime.drain_seconds)).await;
        // From here on no connection is accepted. The server itself would also wait for those that idle.
        let closed = self.server.stop(true);
        let answered = async {
            tokio::select! {
                () = closed => {}
                () = async { self.requests.none().await; tokio::time::sleep(LAST_BYTES).await } => {}
            }
        };
        if tokio::time::timeout(Duration::from_secs(server.shutdown_seconds), answered).await.is_err() {
            tracing::warn!("requests were still running at the deadline");
        }
        if tokio::time::timeout(LAST_RECORDS, self.recorded()).await.is_err() {
            tracing::warn!("the last connection records were not written; the next start closes them");
        }
        self.house.stop();
        self.relay.tasks.stop();
        if tokio::time::timeout(LAST_WORDS, self.last_words()).await.is_err() {
            tracing::warn!(
                "the database did not take this node's last words; the others find out by themselves"
            );
        }
        self.core.engine.stop();
        self.core.db.close().await;
    }
}

impl App {
    /// What is written last: nothing that would be missed for long.
    async fn last_words(&self) {
        upkeep::write_denials(&self.core, self.denials.finished(i64::MAX)).await;
        if let Err(error) = self.core.policy.store_versions().await {
            tracing::warn!(%error, "permission versions not stored");
        }
        if let Err(error) = members::leave(&self.core).await {
            tracing::warn!(%error, "this node stays on the list until it is missed");
        }
        if let Err(error) = jobs::give_back(&self.core).await {
            tracing::warn!(%error, "jobs not given back; another node takes them when their time is over");
        }
    }
}

/// Looks for snoozes and notices that are over, on one node at a time.
async fn inbox_clock(core: Core) {
    let every = Duration::from_millis(core.settings.inbox.look_ms);
    jobs::run_once(core, "inbox clock", every, |core| async move { Box::pin(due::look(&core)).await }).await;
}

fn listen(settings: &Settings, port: u16) -> Result<TcpListener, StartError> {
    let address = format!("{}:{port}", settings.server.host);
    TcpListener::bind(&address)
        .and_then(|listener| listener.set_nonblocking(true).map(|()| listener))
        .map_err(|cause| StartError::Address { address, cause })
}

fn engine(settings: &Settings, clock: &Clock, observer: Watch, bus: Arc<dyn Bus>) -> EngineHandle {
    let realtime = &settings.realtime;
    let seconds = Duration::from_secs;
    let config = EngineConfig {
        shards: settings.server.worker_count(),
        max_tabs: realtime.max_connections,
        max_tabs_per_account: realtime.max_connections_per_user,
        outbox_bytes: realtime.outbox_bytes,
        frame_max_bytes: realtime.frame_max_bytes,
        heartbeat_interval: seconds(realtime.heartbeat_seconds),
        heartbeat_timeout: seconds(realtime.heartbeat_timeout_seconds),
        idle_timeout: seconds(realtime.idle_timeout_seconds),
        event_heartbeat: seconds(realtime.event_heartbeat_seconds),
        checkpoint_interval: seconds(realtime.checkpoint_seconds),
        expiry_warning: seconds(realtime.expiry_warning_seconds),
        merge_window: Duration::from_millis(realtime.merge_window_ms),
        client_messages_per_minute: realtime.messages_per_minute,
        so_sndbuf: realtime.send_buffer_bytes as usize,
        ..EngineConfig::default()
    };
    let time = Arc::new(EngineClock { clock: clock.clone(), node: bus.node() });
    let outside = Outside { bus, time: Arc::clone(&time) as _, ids: time, observer: Arc::new(observer) };
    Engine::start(config, outside)
}

/// Serves the port, and the streams' own one if there is one (S0-45): the same workers, the same places, fewer routes.
fn serve(rooms: &Rooms, listener: TcpListener, streams: Option<TcpListener>) -> std::io::Result<Server> {
    let workers = rooms.core.settings.server.worker_count();
    let shutdown = rooms.core.settings.server.shutdown_seconds;
    let limits = &rooms.core.settings.server;
    let connections = Connections::new(limits.max_connections_per_address, limits.trusted_proxies.clone());
    let of_a_worker = limits.max_connections.div_ceil(workers);
    let server = Server::build()
        .workers(workers)
        .shutdown_timeout(shutdown)
        .max_concurrent_connections(of_a_worker)
        // The process decides about its own end: tabs are told first (`App::stop`).
        .disable_signals();
    let factory = |offer: Offer| {
        let (rooms, connections) = (rooms.clone(), connections.clone());
        move || service(&rooms, &connections, offer)
    };
    let server = server.listen("livegrant", listener, factory(Offer::Everything))?;
    let server = match streams {
        Some(streams) => server.listen("streams", streams, factory(Offer::Streams))?,
        None => server,
    };
    Ok(server.run())
}

/// What a listener offers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Offer {
    /// REST, page, sockets, streams, MCP.
    Everything,
    /// The event streams, and what a supervisor asks.
    Streams,
}

fn service(
    rooms: &Rooms,
    connections: &Connections,
    offer: Offer,
) -> impl ServiceFactory<
    TcpStream,
    Config = (),
    InitError = impl std::fmt::Debug + use<>,
    Error = impl std::fmt::Debug + use<>,
> + use<> {
    let timeout = Duration::from_secs(rooms.core.settings.server.request_timeout_seconds);
    let gateway = Arc::new(Gateway::new(Arc::clone(&rooms.door)));
    let upgrade = fn_service(move |(request, framed)| {
        let gateway = Arc::clone(&gateway);
        async move {
            gateway.upgrade(request, framed).await;
            Ok::<(), Error>(())
        }
    });
    let http = HttpService::build()
        .client_request_timeout(timeout)
        .keep_alive(KEEP_ALIVE)
        .on_connect_ext(|connection: &Connection, data| {
            data.insert(connection.taker());
        })
        .upgrade(upgrade)
        .finish(map_config(web_app(rooms, offer), |()| AppConfig::default()));
    let connections = connections.clone();
    apply_fn_factory(http, move |stream: TcpStream, http| {
        let peer = stream.peer_addr().ok();
        let place = peer.and_then(|peer| connections.take(peer.ip()));
        let answered =
            place.map(|place| (place, http.call((Connection::new(stream), Protocol::Http1, peer))));
        async move {
            // The place is held until the connection has ended or become a tab's.
            if let Some((_place, answered)) = answered { answered.await } else { Ok(()) }
        }
    })
}

fn web_app(
    rooms: &Rooms,
    offer: Offer,
) -> WebApp<
    impl ServiceFactory<
        ServiceRequest,
        Config = (),
        Response = ServiceResponse<impl MessageBody + use<>>,
        Error = Error,
        InitError = (),
    > + use<>,
> {
    use utoipa_actix_web::AppExt;
    let settings = Arc::clone(&rooms.core.settings);
    let (app, document) = WebApp::new()
        .into_utoipa_app()
        .openapi(openapi::frame())
        .configure(routes::configure)
        .split_for_parts();
    let methods = Methods::of(&document);
    app.app_data(web::Data::new(rooms.core.clone()))
        .app_data(web::Data::from(Arc::clone(&rooms.keys)))
        .app_data(web::Data::from(Arc::clone(&rooms.door)))
        .app_data(web::Data::from(Arc::clone(&rooms.bans)))
        .app_data(web::Data::from(Arc::clone(&rooms.dismissed)))
        .app_data(web::Data::from(Arc::clone(&rooms.ledger)))
        .app_data(web::Data::from(Arc::clone(&rooms.denials)))
        .app_data(web::Data::from(Arc::clone(&rooms.mcp)))
        .app_data(web::Data::new(rooms.metrics.clone()))
        .app_data(web::Data::new(rooms.stopping.clone()))
        .app_data(web::Data::new(rooms.requests.clone()))
        .app_data(web::Data::new(settings.server.clone()))
        .app_data(web::PayloadConfig::new(settings.server.body_limit_bytes))
        .app_data(web::QueryConfig::default().error_handler(|error, _| {
            Problem::from(Refusal::invalid("query", "invalid", error.to_string())).into()
        }))
        .app_data(
            web::PathConfig::default()
                .error_handler(|_, _| Problem::from(Refusal::NotFound { what: "path" }).into()),
        )
        .configure(page::configure)
        .configure(|app| {
            if settings.docs.enabled {
                openapi::serve(app, document);
            }
        })
        .app_data(web::Data::new(methods))
        .default_service(web::to(otherwise))
        .wrap(from_fn(idempotency::around))
        .wrap(from_fn(move |request, next| only(offer, request, next)))
        .wrap(from_fn(trailing_slash))
        .wrap(from_fn(head_as_get))
        .wrap(from_fn(request::around))
}

/// The paths of the streams' own port.
const STREAMS: [&str; 4] = ["/api/v1/events", "/api/v1/events/ack", "/healthz", "/readyz"];

/// Lets through what the listener offers.
async fn only<B: MessageBody>(
    offer: Offer,
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<B>, Error> {
    if offer == Offer::Streams && !STREAMS.contains(&request.path()) {
        return Err(Problem::from(Refusal::NotFound { what: "path" }).into());
    }
    next.call(request).await
}
