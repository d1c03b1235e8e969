//! Several nodes behind the real nginx and the real `HAProxy`, with the configurations of `deploy/`: what a client sees
//! when it never speaks to a node itself. `scripts/cluster.sh` starts everything, each test a cluster of its own on a
//! database of its own.
//!
//! It says nothing about how fast.

#[path = "../support/mod.rs"]
mod support;

mod addresses;
mod cluster;
mod leaving;
mod streams;
mod wire;

/// Makes of each body two tests, `NAME::behind_nginx` and `NAME::behind_haproxy`, each with a cluster of two nodes.
macro_rules! behind_each {
    ($($(#[$meta:meta])* async fn $name:ident($cluster:ident: Cluster) $body:block)+) => {$(
        $(#[$meta])*
        mod $name {
            #[allow(unused_imports, clippy::allow_attributes, reason = "a body may need nothing of its file")]
            use super::*;

            async fn body($cluster: &mut $crate::cluster::Cluster) $body

            #[test]
            fn behind_nginx() {
                $crate::cluster::run("nginx", &[], async |cluster| body(cluster).await);
            }

            #[test]
            fn behind_haproxy() {
                $crate::cluster::run("haproxy", &[], async |cluster| body(cluster).await);
            }
        }
    )+};
}
pub(crate) use behind_each;
