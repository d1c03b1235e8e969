//! The last administrator stays, also when it is a position that makes him one.

use serde_json::{Value, json};

use super::{faulty, person, position, put};
use crate::support::{ok, served};

served! {
    async fn no_way_through_hr_leaves_nobody_with_everything(server: TestServer) {
        let chief = server.account("chief", &["system:admin"]).await;
        let throne = position(&chief, "throne", &["system:admin"]).await;
        let staff = person(&chief, &chief).await;
        put(&chief, &staff, &throne).await;
        // From here on only the position makes the administrator.
        ok(chief.delete(&format!("/api/v1/accounts/{}/roles/{}", chief.id, chief.role)).await);

        let (staff, throne) = (format!("/api/v1/staff/{staff}"), format!("/api/v1/positions/{throne}"));
        let place = format!("{staff}/positions/{}", throne.rsplit('/').next().unwrap_or_default());
        let place_guid = place.rsplit('/').next().unwrap_or_default();
        let limit = json!({ "position_guid": place_guid, "valid_to": "2999-01-01T00:00:00Z" });
        let row = |method, path: String, body| (method, path, body, 403, "last_administrator", "");
        faulty(&server, &chief, &[
            row("PATCH", throne.clone(), json!({ "status": 0 })),
            row("DELETE", format!("{throne}?force=true"), Value::Null),
            row("DELETE", format!("{throne}/permissions/system:admin"), Value::Null),
            row("PATCH", staff.clone(), json!({ "account_id": null })),
            row("PATCH", staff.clone(), json!({ "status": "on_leave" })),
            row("PATCH", staff.clone(), json!({ "status": "left" })),
            row("DELETE", staff.clone(), Value::Null),
            row("DELETE", place.clone(), Value::Null),
            row("POST", format!("{staff}/positions"), limit),
        ])
        .await;

        server.platform().await;
        ok(chief.delete(&place).await);
        assert!(chief.codes().await.is_empty());
    }
}
