#include "ingest/finalhead.h"

#include "base/limits.h"
#include "ingest/frontier.h"
#include "verify/merkle.h"

#define TRANSFER_MS   30000
#define DOCUMENTS_MAX 256 /* tiles of a walk up to the head: a few per level */

/* One document of the proof; one that is not there is another answer, not an error. */
static enum err_code document(const struct courtesy *courtesy, const struct ctlog *log, const char *url,
                              struct frontier *frontier, const atomic_bool *stop, struct err *why)
{
    struct ask ask = {.url = url, .ceiling = LIMIT_SMALL_BYTES};
    enum err_code code = courtesy_ask(courtesy, log, &ask, TRANSFER_MS, stop, why);
    if (code == ERR_OK && ask.code != ERR_OK && !frontier_absent(frontier, ask.status))
        code = err_set(why, ask.code, "%s", ask.why.text);
    else if (code == ERR_OK && ask.code == ERR_OK)
        code = frontier_take(frontier, ask.body, why);
    ask_fini(&ask, 1);
    return code;
}

static enum err_code ask_log(const struct courtesy *courtesy, const struct ctlog *log,
                             struct frontier *frontier, const atomic_bool *stop, struct err *why)
{
    char url[PROTO_URL_MAX];
    enum err_code code = ERR_OK;
    unsigned count = 0;
    while (frontier_url(frontier, log, url, &code)) {
        if (++count > DOCUMENTS_MAX)
            return err_set(why, ERR_PROOF, "more than %d documents for one proof", DOCUMENTS_MAX);
        code = document(courtesy, log, url, frontier, stop, why);
        if (code != ERR_OK)
            return code;
    }
    return code == ERR_OK
               ? ERR_OK
               : err_set(why, ERR_PROOF, "what it answers does not lead to the root of %" PRIu64 " entries",
                         frontier->tree);
}

enum err_code finalhead_check(const struct courtesy *courtesy, const struct ctlog *log, uint64_t final_size,
                              const uint8_t final_root[32], const struct head *head, const atomic_bool *stop,
                              struct err *why)
{
    static const struct compact nothing;
    struct head claim = {.size = final_size};
    uint8_t empty[32];
    must(final_size <= head->size);
    merkle_root(&nothing, empty);
    const uint8_t *same = final_size == 0 ? empty : final_size == head->size ? head->root : NULL;
    bool fits = same != NULL && memcmp(same, final_root, sizeof(empty)) == 0;
    if (same == NULL) {
        struct frontier frontier;
        memcpy(claim.root, final_root, sizeof(claim.root));
        frontier_begin_claim(&frontier, log->protocol == CTLOG_STATIC_CT, &claim, head);
        enum err_code code = ask_log(courtesy, log, &frontier, stop, why);
        if (code != ERR_OK)
            return code;
        fits = frontier_fits(&frontier);
    }
    return fits ? ERR_OK
                : err_set(why, ERR_INCONSISTENT, "its tree of %" PRIu64 " entries has another root",
                          final_size);
}
