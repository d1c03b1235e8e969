//! The last administrator stays (FC8, FL15): a change that would leave nobody with `system:admin` for good is refused.
//! Platform administrators count; grants with an end do not. Serialised, because it counts over several rows.

use crate::db::Work;
use crate::refusal::Refusal;
use crate::sql_one;

/// Refuses the unit of work when after it nobody is an administrator. Call it after the rows have been changed.
pub async fn stays(work: &mut Work) -> Result<(), Refusal> {
    work.serialise("last administrator").await?;
    let (administrators,) = sql_one!(
        work.conn(),
        (i64,),
        "SELECT count(*) FROM sys_login_user u
          WHERE u.status = 1 AND (u.is_platform
             OR EXISTS (SELECT 1 FROM sys_user_role held
                          JOIN sys_role r ON r.id = held.role_id AND r.status = 1
                          JOIN sys_role_menu m ON m.role_id = r.id
                          JOIN sys_permission p ON p.id = m.permission_id
                         WHERE held.account_id = u.user_id AND held.started AND held.valid_to IS NULL
                           AND p.code = 'system:admin')
             OR EXISTS (SELECT 1 FROM hr_staff s
                          JOIN hr_r_staff_position held ON held.staff_id = s.id
                          JOIN hr_position o ON o.id = held.position_id AND o.status = 1
                          JOIN hr_r_position_permission m ON m.position_id = o.id
                          JOIN sys_permission p ON p.id = m.permission_id
                         WHERE s.account_id = u.user_id AND s.status = 'active' AND held.started
                           AND held.valid_to IS NULL AND p.code = 'system:admin'))"
    )?;
    if administrators > 0 {
        return Ok(());
    }
    Err(Refusal::Forbidden {
        code: "last_administrator",
        detail: "this would leave nobody with system:admin; make another administrator first".to_owned(),
    })
}
