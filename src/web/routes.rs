//! Every route of the API, in one place. Registering a handler here also describes it (`openapi.rs`).
//! Upgrade requests to `/ws/permission` do not come here: they go to `realtime/gateway.rs`.

use super::operations;
use crate::access::http as access;
use crate::auth::http as auth;
use crate::realtime::http as realtime;
use utoipa_actix_web::service_config::ServiceConfig;

/// Registers all routes.
pub fn configure(app: &mut ServiceConfig<'_>) {
    app.service(auth::post_login)
        .service(auth::post_refresh)
        .service(auth::post_logout)
        .service(auth::post_stream_ticket)
        .service(auth::get_own_sessions)
        .service(auth::delete_own_session)
        .service(auth::get_me)
        .service(auth::post_change_password)
        .service(auth::get_accounts)
        .service(auth::post_account)
        .service(auth::patch_account)
        .service(auth::post_reset_password)
        .service(auth::get_sessions)
        .service(auth::post_end_sessions)
        .service(auth::delete_session)
        .service(auth::post_logout_all);
    app.service(access::get_roles)
        .service(access::post_role)
        .service(access::get_role)
        .service(access::patch_role)
        .service(access::delete_role)
        .service(access::put_role_permissions)
        .service(access::post_role_permissions_add)
        .service(access::post_role_permissions_remove)
        .service(access::get_account_roles)
        .service(access::put_account_roles)
        .service(access::post_account_role)
        .service(access::delete_account_role)
        .service(access::post_init_permissions)
        .service(access::post_adjust);
    app.service(realtime::get_socket)
        .service(realtime::get_online_users)
        .service(realtime::get_connections)
        .service(realtime::delete_connection)
        .service(realtime::get_latest_receipt)
        .service(realtime::get_receipt)
        .service(realtime::post_broadcast)
        .service(realtime::post_push_permission_update)
        .service(realtime::post_push_role_change)
        .service(realtime::post_push_batch)
        .service(realtime::post_push_force_logout);
    app.service(operations::get_healthz).service(operations::get_readyz).service(operations::get_metrics);
}
