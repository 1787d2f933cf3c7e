#include "ingest/chains.h"

#include <stdlib.h>

#include "base/limits.h"
#include "ingest/chainkey.h"

#define LISTS    256
#define LIST_MAX (ENTRY_CHAIN_MAX * 32)
#define MET      128
#define MET_TAIL 32
#define OFFERED  1024 /* by the first bits of their hash */

/* Fingerprints of one chain. */
struct list {
    size_t len;
    bool complete;  /* all of them are known */
    uint64_t round; /* reply in which they were looked for last */
    uint8_t bytes[LIST_MAX];
};

/* Of one reply: length, and the last bytes of the first and of the last certificate, which are those of a
 * signature. Two chains that a log makes alike there hide one another in this reply, and nowhere else. */
struct met {
    size_t len;
    uint8_t tail[2][MET_TAIL];
};

struct chains {
    uint64_t round;
    struct list list[LISTS];
    struct met met[MET];
    uint8_t offered[OFFERED][32]; /* hashes of certificates that the table has had from here */
};

struct chains *chains_new(void)
{
    return calloc(1, sizeof(struct chains));
}

void chains_free(struct chains *chains)
{
    free(chains);
}

/* Fingerprints ------------------------------------------------------------------------------------ */

static void list_bring(struct chains *chains, struct issuers *issuers, int32_t log_id, struct span all)
{
    size_t len = all.len < LIST_MAX ? all.len - all.len % 32 : LIST_MAX;
    if (len < 2 * 32)
        return;
    struct list *list = &chains->list[(all.at[0] ^ all.at[len - 32]) % LISTS];
    bool same = list->len == len && memcmp(list->bytes, all.at, len) == 0;
    if (same && (list->complete || list->round == chains->round))
        return;
    list->len = len;
    list->complete = true;
    list->round = chains->round;
    memcpy(list->bytes, all.at, len);
    for (size_t at = 32; at < len; at += 32)
        list->complete = issuers_hint(issuers, log_id, all.at + at) && list->complete;
}

/* Certificates ------------------------------------------------------------------------------------ */

static bool met_before(struct chains *chains, struct span first, struct span last, size_t len)
{
    if (first.len < MET_TAIL || last.len < MET_TAIL)
        return false;
    const uint8_t *tail[2] = {first.at + first.len - MET_TAIL, last.at + last.len - MET_TAIL};
    struct met *place = &chains->met[(tail[0][MET_TAIL - 1] ^ tail[1][MET_TAIL - 2]) % MET];
    if (place->len == len && memcmp(place->tail[0], tail[0], MET_TAIL) == 0 &&
        memcmp(place->tail[1], tail[1], MET_TAIL) == 0)
        return true;
    place->len = len;
    memcpy(place->tail[0], tail[0], MET_TAIL);
    memcpy(place->tail[1], tail[1], MET_TAIL);
    return false;
}

static void cert_bring(struct chains *chains, struct issuers *issuers, int32_t log_id, struct span der,
                       bool first)
{
    if (der.len > LIMIT_ISSUER_BYTES)
        return;
    const struct chainkey *key = chainkey_of(der);
    if (!key->has_key)
        return; /* nothing that could certify */
    uint8_t *offered = chains->offered[(key->sha256[0] << 8 | key->sha256[1]) % OFFERED];
    if (memcmp(offered, key->sha256, 32) == 0)
        return;
    if (issuers_offer(issuers, log_id, key->sha256, der, first))
        memcpy(offered, key->sha256, 32);
}

static void certs_bring(struct chains *chains, struct issuers *issuers, int32_t log_id,
                        const struct entry *entry)
{
    uint32_t count = entry->chain_count;
    struct span first = entry->unverified_chain[0];
    struct span last = entry->unverified_chain[count - 1];
    if (met_before(chains, first, last, (size_t)(last.at + last.len - first.at)))
        return;
    for (uint32_t i = 0; i < count; i++)
        cert_bring(chains, issuers, log_id, entry->unverified_chain[i], i == 0);
}

void chains_bring(struct chains *chains, struct issuers *issuers, int32_t log_id, const struct batch *batch)
{
    chains->round++;
    memset(chains->met, 0, sizeof(chains->met));
    for (size_t i = 0; i < batch->entry_count; i++) {
        const struct entry *entry = &batch->entries[i];
        if (entry->kind == ENTRY_OPAQUE)
            continue;
        if (entry->unverified_fingerprints.len != 0)
            list_bring(chains, issuers, log_id, entry->unverified_fingerprints);
        else if (entry->chain_count != 0)
            certs_bring(chains, issuers, log_id, entry);
    }
}
