#include "db/logrow.h"

#include <stdio.h>
#include <string.h>

bool logrow_get(const PGresult *res, int row, struct ctlog *log)
{
    struct span log_id = pgexec_get_bytes(res, row, 6);
    struct span key = pgexec_get_bytes(res, row, 7);
    *log = (struct ctlog){.id = (int32_t)pgexec_get_int(res, row, 0)};
    (void)snprintf(log->name, sizeof log->name, "%s", pgexec_get_text(res, row, 1));
    (void)snprintf(log->url, sizeof log->url, "%s", pgexec_get_text(res, row, 3));
    (void)snprintf(log->submission_url, sizeof log->submission_url, "%s", pgexec_get_text(res, row, 4));
    (void)snprintf(log->origin, sizeof log->origin, "%s", pgexec_get_text(res, row, 5));
    (void)snprintf(log->operator_key, sizeof log->operator_key, "%s", pgexec_get_text(res, row, 8));
    log->page = (uint32_t)pgexec_get_int(res, row, 9);
    log->page_align = (uint32_t)pgexec_get_int(res, row, 10);
    if (log_id.len != sizeof log->log_id || key.len > sizeof log->key)
        return false;
    memcpy(log->log_id, log_id.at, log_id.len);
    if (key.len != 0)
        memcpy(log->key, key.at, key.len);
    log->key_len = key.len;
    return ctlog_protocol_parse(pgexec_get_text(res, row, 2), &log->protocol);
}
