//! The application without its fence, as a process of its own: what `livegrant serve` does, with the one defence off that
//! no setting turns off. Only the negative control starts it.

use std::path::PathBuf;

use livegrant::app::App;
use livegrant::clock::Clock;
use livegrant::db::{Db, Fence};
use livegrant::settings::Settings;
use livegrant::telemetry;

/// The variable that says where the settings are, and that this is such a process.
pub const CONFIG: &str = "LIVEGRANT_NODE_WITHOUT_FENCE";
/// The test's name in its binary.
pub const NAME: &str = "nodes::unfenced::the_node_without_its_fence";

/// No test: returns at once unless this process was started as a node.
#[test]
fn the_node_without_its_fence() {
    #[expect(clippy::disallowed_methods, reason = "tells this process, not the application, what it is")]
    let Some(config) = std::env::var_os(CONFIG) else { return };
    actix::System::new().block_on(async {
        let settings = Settings::load(&PathBuf::from(config)).expect("the settings are right");
        let metrics = telemetry::init(&settings.telemetry);
        let db = Db::open(&settings.database, Clock::system()).await.expect("the database opens");
        let (app, server) =
            App::start_on(db.with_fence(Fence::Off), settings, metrics).await.expect("the node starts");
        println!("serving {}", app.address);
        server.await.expect("the server runs until it is killed");
    });
}
