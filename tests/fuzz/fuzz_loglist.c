/* Whatever the bytes are: a list that is taken has a usable log; every usable one has the key whose hash is
 * its id, URLs that may be connected to and a name; no id is usable twice; an entry that is refused says why.
 */
#include "base/limits.h"
#include "ingest/loglist.h"
#include "verify/digest.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void usable(const struct listed *log)
{
    uint8_t id[32];

    digest_sha256(span_of(log->log.key, log->log.key_len), id);
    must(log->has_id && memcmp(id, log->log.log_id, 32) == 0);
    must(strncmp(log->log.url, "https://", 8) == 0 || strncmp(log->log.url, "http://", 7) == 0);
    must(log->log.name[0] != '\0' && strlen(log->log.name) < CTLOG_NAME_MAX);
    for (const char *at = log->log.name; *at != '\0'; at++)
        must(*at > ' ' && *at < 0x7f);
    must(!log->has_interval || log->begin_ms < log->end_ms);
    must(log->previous_count <= LISTED_OWNERS_MAX && (unsigned)log->state <= LISTED_REJECTED);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct loglist *list = NULL;
    struct err why = {0};
    size_t refused = 0;

    if (loglist_parse(span_of(data, size), &list, &why) != ERR_OK) {
        must(list == NULL && why.text[0] != '\0');
        return 0;
    }
    must(list->count <= LIMIT_LOGLIST_LOGS && list->refused < list->count);
    for (size_t i = 0; i < list->count; i++) {
        refused += list->logs[i].refused[0] != '\0';
        if (list->logs[i].refused[0] != '\0')
            continue;
        usable(&list->logs[i]);
        for (size_t k = 0; k < i; k++)
            must(list->logs[k].refused[0] != '\0' ||
                 memcmp(list->logs[k].log.log_id, list->logs[i].log.log_id, 32) != 0);
    }
    must(refused == list->refused);
    loglist_free(list);
    return 0;
}
