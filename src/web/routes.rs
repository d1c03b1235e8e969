//! Every route of the API, in one place. Registering a handler here also describes it (`openapi.rs`).
//! Upgrade requests to `/ws/permission` do not come here: they go to `realtime/gateway.rs`.

use super::operations;
use crate::access::http as access;
use crate::auth::http::{accounts, sessions, signing_in};
use crate::cluster;
use crate::hr::http::{organizations, positions, staff, tree};
use crate::inbox::http as notifications;
use crate::leave::http as leave_http;
use crate::mcp::http as mcp;
use crate::realtime::http::{debug, online, push, receipts};
use crate::realtime::{bans::http as bans, streams};
use crate::workflow::http::{instances as runs, logs as workflow_logs, tasks};
use utoipa_actix_web::service_config::ServiceConfig;

/// Registers all routes.
pub fn configure(app: &mut ServiceConfig<'_>) {
    app.service(signing_in::post_login)
        .service(signing_in::post_refresh)
        .service(signing_in::post_logout)
        .service(signing_in::post_stream_ticket)
        .service(sessions::get_own_sessions)
        .service(sessions::delete_own_session)
        .service(accounts::get_me)
        .service(accounts::post_change_password)
        .service(accounts::get_accounts)
        .service(accounts::post_account)
        .service(accounts::patch_account)
        .service(accounts::post_reset_password)
        .service(sessions::get_sessions)
        .service(sessions::post_end_sessions)
        .service(sessions::delete_session)
        .service(sessions::post_logout_all)
        .service(sessions::post_push_force_logout);
    app.service(access::roles::get_roles)
        .service(access::roles::post_role)
        .service(access::roles::get_role)
        .service(access::roles::patch_role)
        .service(access::roles::delete_role)
        .service(access::roles::put_role_permissions)
        .service(access::roles::post_role_permissions_add)
        .service(access::roles::post_role_permissions_remove)
        .service(access::account_roles::get_account_roles)
        .service(access::account_roles::put_account_roles)
        .service(access::account_roles::post_account_role)
        .service(access::account_roles::delete_account_role)
        .service(access::system::post_init_permissions)
        .service(access::system::post_adjust);
    app.service(organizations::get_organizations)
        .service(organizations::post_organization)
        // Before the one with a guid: the first that fits is asked.
        .service(tree::get_organization_tree)
        .service(organizations::get_organization)
        .service(organizations::patch_organization)
        .service(tree::delete_organization);
    app.service(positions::get_positions)
        .service(positions::post_position)
        .service(positions::get_position)
        .service(positions::patch_position)
        .service(positions::delete_position)
        .service(positions::get_position_permissions)
        .service(positions::post_position_permission)
        .service(positions::delete_position_permission);
    app.service(staff::get_staff)
        .service(staff::post_staff)
        .service(staff::get_staff_record)
        .service(staff::patch_staff)
        .service(staff::delete_staff)
        .service(staff::post_staff_position)
        .service(staff::delete_staff_position);
    app.service(access::own::get_own_permissions)
        .service(access::own::get_own_menus)
        .service(access::own::get_function_codes)
        .service(access::own::get_function_codes_v1)
        .service(access::catalogue::get_permissions)
        .service(access::catalogue::post_permission)
        .service(access::catalogue::patch_permission)
        .service(access::catalogue::delete_permission)
        .service(access::check::post_check)
        .service(access::check::get_explain)
        .service(access::check::get_review)
        .service(access::logs::get_permission_changes)
        .service(access::logs::get_audit);
    app.service(online::get_socket)
        .service(streams::get_events)
        .service(streams::post_ack)
        .service(streams::get_poll)
        .service(online::get_online_users)
        .service(online::get_connections)
        .service(cluster::http::get_nodes)
        .service(online::delete_connection)
        .service(bans::get_bans)
        .service(bans::delete_ban)
        .service(receipts::get_latest_receipt)
        .service(receipts::get_receipt)
        .service(push::post_push_permission_update)
        .service(push::post_push_role_change)
        .service(push::post_push_batch)
        .service(debug::post_echo)
        .service(debug::get_trace);
    people(app);
    leave(app);
    inbox(app);
    definitions(app);
    instances(app);
    models(app);
    app.service(operations::get_healthz).service(operations::get_readyz).service(operations::get_metrics);
}

/// Organisations as a tree, personnel files, data scopes.
fn people(app: &mut ServiceConfig<'_>) {
    app.service(access::logs::get_audit_export)
        .service(tree::post_organization_move)
        .service(staff::get_staff_history)
        .service(staff::patch_staff_position);
}

/// Leave: types, requests, calendar, balances.
fn leave(app: &mut ServiceConfig<'_>) {
    // Before what has a guid in its place.
    app.service(leave_http::types::get_leave_types)
        .service(leave_http::types::post_leave_type)
        .service(leave_http::types::patch_leave_type)
        .service(leave_http::days::get_leave_calendar)
        .service(leave_http::days::get_calendar_days)
        .service(leave_http::days::put_calendar_days)
        .service(leave_http::days::get_leave_blocks)
        .service(leave_http::days::post_leave_block)
        .service(leave_http::days::delete_leave_block)
        .service(leave_http::balances::get_leave_balance)
        .service(leave_http::balances::put_leave_balance);
    app.service(leave_http::leaves::get_leaves)
        .service(leave_http::leaves::post_leave)
        .service(leave_http::leaves::get_leave)
        .service(leave_http::leaves::patch_leave)
        .service(leave_http::leaves::delete_leave)
        .service(leave_http::leaves::post_leave_submit)
        .service(leave_http::leaves::post_leave_withdraw)
        .service(leave_http::leaves::post_leave_resubmit);
}

/// The inbox and what is sent into it.
fn inbox(app: &mut ServiceConfig<'_>) {
    // Fixed paths before those with an id.
    app.service(notifications::lists::get_notifications)
        .service(notifications::lists::get_counts)
        .service(notifications::preferences::get_preferences)
        .service(notifications::preferences::put_preferences)
        .service(notifications::preferences::get_tenant_preferences)
        .service(notifications::preferences::put_tenant_preferences)
        .service(notifications::sending::post_position_change)
        .service(notifications::sending::post_approval)
        .service(notifications::sending::post_message)
        .service(notifications::sending::post_broadcast)
        .service(notifications::sending::get_delivery)
        .service(notifications::marks::post_bulk);
    app.service(notifications::lists::get_notification)
        .service(notifications::marks::post_read)
        .service(notifications::marks::post_unread)
        .service(notifications::marks::post_seen)
        .service(notifications::marks::post_archive)
        .service(notifications::marks::post_unarchive)
        .service(notifications::marks::post_snooze)
        .service(notifications::marks::post_unsnooze)
        .service(notifications::marks::delete_notification);
    app.service(notifications::seed::get_seed_notifications)
        .service(notifications::seed::get_seed_counts)
        .service(notifications::seed::post_mark_all_read)
        .service(notifications::seed::post_mark_seen)
        .service(notifications::seed::post_mark_read);
}

/// Definitions of workflows.
fn definitions(app: &mut ServiceConfig<'_>) {
    use crate::workflow::http::{definitions, substitutes};
    app.service(definitions::get_definitions)
        .service(definitions::post_definition)
        .service(definitions::get_definition)
        .service(definitions::patch_definition)
        .service(definitions::post_validate)
        .service(definitions::post_simulate)
        .service(definitions::post_publish)
        .service(definitions::post_suspend)
        .service(definitions::post_activate)
        .service(definitions::post_retire)
        .service(definitions::get_stats)
        .service(substitutes::get_substitutes)
        .service(substitutes::post_substitute)
        .service(substitutes::delete_substitute);
}

/// Instances of workflows, their tasks and their logs.
fn instances(app: &mut ServiceConfig<'_>) {
    app.service(runs::get_instances)
        .service(runs::post_instance)
        .service(runs::post_instance_preview)
        .service(runs::get_instance)
        .service(runs::get_graph)
        .service(runs::get_logs)
        .service(runs::post_withdraw)
        .service(runs::post_resubmit)
        .service(runs::post_remind)
        .service(runs::post_copy)
        .service(runs::post_comment)
        .service(runs::post_terminate);
    app.service(tasks::get_tasks)
        .service(tasks::post_batch_approve)
        .service(tasks::post_approve)
        .service(tasks::post_reject)
        .service(tasks::post_return)
        .service(tasks::post_transfer)
        .service(tasks::post_delegate)
        .service(tasks::post_add_sign)
        .service(tasks::post_remove_sign)
        .service(tasks::post_take_back)
        .service(tasks::post_handover);
    app.service(workflow_logs::get_workflow_logs).service(workflow_logs::post_check_workflow);
}

/// MCP and the tokens of programs.
fn models(app: &mut ServiceConfig<'_>) {
    app.service(mcp::post_mcp)
        .service(mcp::get_resource_metadata)
        .service(mcp::get_mcp_metadata)
        .service(mcp::get_api_clients)
        .service(mcp::post_api_client)
        .service(mcp::delete_api_client);
}
