#include "db/logalert.h"

#include "base/buf.h"
#include "base/clock.h"
#include "db/alertjson.h"
#include "db/pgexec.h"

#define FINDINGS_MAX (1u << 16)

static const char raise_sql[] =
    "WITH made AS (INSERT INTO alert (log, kind, severity, dedup, findings, first_seen)"
    " VALUES (nullif($1::int2, 0), $2, $3, $4, $5::jsonb, $6) ON CONFLICT DO NOTHING RETURNING id),"
    " told AS (INSERT INTO outbox (alert, channel) SELECT m.id, c.name FROM made AS m CROSS JOIN channel AS c"
    "  WHERE c.enabled ORDER BY m.id, c.name)"
    " SELECT id FROM made UNION ALL SELECT id FROM alert WHERE dedup = $4";

enum err_code logalert_raise(struct pgconn *conn, int32_t log_id, const struct alert_finding *finding,
                             const char *dedup, int64_t *id, struct err *why)
{
    struct pgexec_args args = PGEXEC_NO_ARGS;
    struct alert alert = {.finding_count = 1};
    struct buf findings;
    int64_t raised = 0;
    alert.findings[0] = *finding;
    buf_init(&findings, FINDINGS_MAX);
    alertjson_findings(&findings, &alert);
    pgexec_int(&args, log_id);
    pgexec_text(&args, alert_kind_name(finding->kind));
    pgexec_text(&args, alert_severity_name(finding->severity));
    pgexec_text(&args, dedup);
    pgexec_text(&args, buf_text(&findings));
    pgexec_time(&args, clock_wall_ms());
    enum err_code code = buf_ok(&findings) ? pgexec_number(conn, raise_sql, &args, &raised, why)
                                           : err_set(why, ERR_MEMORY, "database: no memory for an alert");
    buf_fini(&findings);
    if (id != NULL)
        *id = raised;
    return code;
}
