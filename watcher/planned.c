#include "watcher/planned.h"

#include <stdlib.h>

#include "base/text.h"
#include "db/db_alert_raise.h"
#include "db/db_domain.h"
#include "db/db_planned.h"

#define TEXT_MAX 512

static const struct watch *find(const struct watch *watches, size_t count, int64_t id)
{
    for (size_t i = 0; i < count; i++)
        if (watches[i].id == id)
            return &watches[i];
    return NULL;
}

/* As rule_key.c weighs a key that is not known. */
static enum alert_severity severity_of(const struct watch *watch)
{
    if (watch->severity[ALERT_KIND_UNEXPECTED_KEY] != 0)
        return (enum alert_severity)(watch->severity[ALERT_KIND_UNEXPECTED_KEY] - 1);
    return watch->keys == WATCH_KEYS_ADVISE ? ALERT_LOW : alert_kind_severity(ALERT_KIND_UNEXPECTED_KEY);
}

/* The alert is there, so of the issuance nothing counts but that it names the alert. */
static enum err_code tell(struct pgconn *conn, const struct watch *watch, const struct db_planned *one,
                          struct err *why)
{
    char hex[65];
    bool raised = false;
    struct buf expected;
    struct buf found;
    struct issuance issuance = {.issuer = SPAN_LIT("\x30\x00")};
    struct alert alert = {.domain_id = watch->id, .issuance = &issuance, .finding_count = 1};
    buf_init(&expected, TEXT_MAX);
    buf_init(&found, TEXT_MAX);
    memcpy(issuance.tbs_fp, one->tbs_fp, 32);
    buf_fmt(&expected, "one certificate of the planned key, and that is there (tbs_fp %s)",
            text_hex(span_of(one->first_fp, 32), hex));
    buf_fmt(&found, "another one (spki:%s)", text_hex(span_of(one->spki_sha256, 32), hex));
    must(buf_ok(&expected) && buf_ok(&found));
    alert.domain = span_str(watch->name);
    alert.findings[0] = (struct alert_finding){ALERT_KIND_UNEXPECTED_KEY, severity_of(watch), DB_PLANNED_RULE,
                                               buf_span(&expected), buf_span(&found)};
    enum err_code code = db_alert_raise(conn, &alert, NULL, 0, NULL, NULL, &raised, why);
    buf_fini(&expected);
    buf_fini(&found);
    return code;
}

enum err_code planned_look(struct pgconn *conn, uint64_t *told, struct err *why)
{
    struct watch *watches = NULL;
    size_t watch_count = 0;
    uint64_t generation = 0;
    int64_t after = 0;
    enum err_code code = ERR_OK;
    *told = 0;
    do {
        struct db_planned *list = NULL;
        size_t count = 0;
        code = db_planned_list(conn, &after, &list, &count, why);
        if (code == ERR_OK && count != 0 && watches == NULL)
            code = db_domain_load(conn, &watches, &watch_count, &generation, why);
        for (size_t i = 0; code == ERR_OK && i < count; i++) {
            const struct watch *watch = find(watches, watch_count, list[i].domain_id);
            if (watch == NULL || watch->keys == WATCH_KEYS_OFF)
                continue;
            code = tell(conn, watch, &list[i], why);
            *told += code == ERR_OK;
        }
        free(list);
    } while (code == ERR_OK && after != 0);
    watch_free(watches, watch_count);
    return code;
}
