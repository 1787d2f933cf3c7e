#include "ingest/finalhead.h"

#include "base/limits.h"
#include "ingest/ask.h"
#include "ingest/frontier.h"
#include "ingest/rfc6962.h"
#include "verify/merkle.h"

#define TRANSFER_MS   30000
#define DOCUMENTS_MAX 256 /* tiles of a walk up to the head: a few per level */

static enum err_code document(const char *user_agent, const char *url, struct ask *ask,
                              const atomic_bool *stop, struct err *why)
{
    *ask = (struct ask){.url = url, .ceiling = LIMIT_SMALL_BYTES};
    enum err_code code = ask_all(user_agent, ask, 1, TRANSFER_MS, stop, why);
    if (code == ERR_OK && ask->code != ERR_OK)
        code = err_set(why, ask->code, "%s", ask->why.text);
    return code;
}

static enum err_code by_proof(const struct ctlog *log, const char *user_agent, uint64_t size,
                              const uint8_t root[32], const struct head *head, const atomic_bool *stop,
                              struct err *why)
{
    char url[PROTO_URL_MAX];
    struct ask ask;
    rfc6962_consistency_url(log, size, head->size, url);
    enum err_code code = document(user_agent, url, &ask, stop, why);
    if (code == ERR_OK)
        code = rfc6962_consistency_read(ask.body, size, root, head->size, head->root, why);
    ask_fini(&ask, 1);
    return code;
}

/* The tree of the final size, rebuilt from hash tiles that lead up to our own root. */
static enum err_code by_tiles(const struct ctlog *log, const char *user_agent, uint64_t size,
                              const uint8_t root[32], const struct head *head, const atomic_bool *stop,
                              struct err *why)
{
    char url[PROTO_URL_MAX];
    struct frontier frontier;
    enum err_code code = ERR_OK;
    unsigned count = 0;
    frontier_begin(&frontier, true, size, head);
    while (frontier_url(&frontier, log, url, &code)) {
        struct ask ask;
        if (++count > DOCUMENTS_MAX)
            return err_set(why, ERR_PROOF, "more than %d hash tiles", DOCUMENTS_MAX);
        code = document(user_agent, url, &ask, stop, why);
        if ((ask.status == 404 || ask.status == 403) && frontier_missing(&frontier)) {
            err_clear(why);
            code = ERR_OK;
        } else if (code == ERR_OK) {
            code = frontier_take(&frontier, ask.body, why);
        }
        ask_fini(&ask, 1);
        if (code != ERR_OK)
            return code;
    }
    if (code != ERR_OK)
        return err_set(why, ERR_PROOF, "its hash tiles do not lead to the root of %" PRIu64 " entries",
                       head->size);
    uint8_t found[32];
    merkle_root(&frontier.unverified, found);
    /* Tiles that give the verified root can hold no other tree of the smaller size. */
    if (memcmp(found, root, sizeof(found)) != 0)
        return err_set(why, ERR_INCONSISTENT, "its tree of %" PRIu64 " entries has another root", size);
    return ERR_OK;
}

enum err_code finalhead_check(const struct ctlog *log, const char *user_agent, uint64_t final_size,
                              const uint8_t final_root[32], const struct head *head, const atomic_bool *stop,
                              struct err *why)
{
    static const struct compact nothing;
    uint8_t empty[32];
    must(final_size <= head->size);
    merkle_root(&nothing, empty);
    const uint8_t *same = final_size == 0 ? empty : final_size == head->size ? head->root : NULL;
    if (same != NULL)
        return memcmp(same, final_root, sizeof(empty)) == 0
                   ? ERR_OK
                   : err_set(why, ERR_INCONSISTENT, "its tree of %" PRIu64 " entries has another root",
                             final_size);
    return log->protocol == CTLOG_STATIC_CT
               ? by_tiles(log, user_agent, final_size, final_root, head, stop, why)
               : by_proof(log, user_agent, final_size, final_root, head, stop, why);
}
