#include "verify/sth.h"

#include "base/limits.h"
#include "verify/digest.h"
#include "verify/logkey.h"

static void sth_put_u64(uint8_t *out, uint64_t value)
{
    for (unsigned i = 0; i < 8; i++)
        out[i] = (uint8_t)(value >> (56 - 8 * i));
}

void sth_message(uint64_t size, int64_t timestamp_ms, const uint8_t root[32], uint8_t out[STH_MESSAGE_BYTES])
{
    out[0] = 0; /* Version v1 */
    out[1] = 1; /* SignatureType tree_hash */
    sth_put_u64(out + 2, (uint64_t)timestamp_ms);
    sth_put_u64(out + 10, size);
    memcpy(out + 18, root, 32);
}

enum err_code sth_verify(const struct ctlog *log, uint64_t unverified_size, int64_t unverified_timestamp_ms,
                         const uint8_t unverified_root[32], struct span digitally_signed, struct head *head,
                         struct err *why)
{
    uint8_t message[STH_MESSAGE_BYTES];
    uint8_t empty[32];
    enum err_code code;

    if (unverified_timestamp_ms < 0)
        return err_set(why, ERR_FORMAT, "%s: the tree head has a timestamp before 1970", log->name);
    if (unverified_size > LIMIT_TREE_SIZE)
        return err_set(why, ERR_FORMAT, "%s: a tree of %" PRIu64 " entries is not believable", log->name,
                       unverified_size);
    sth_message(unverified_size, unverified_timestamp_ms, unverified_root, message);
    code = logkey_verify(log, span_of(message, sizeof message), digitally_signed, why);
    if (code != ERR_OK)
        return code;
    if (unverified_size == 0) {
        digest_sha256(SPAN_NONE, empty);
        if (memcmp(empty, unverified_root, sizeof empty) != 0)
            return err_set(why, ERR_PROOF, "%s: the head of an empty tree has another root", log->name);
    }
    head->size = unverified_size;
    head->timestamp_ms = unverified_timestamp_ms;
    memcpy(head->root, unverified_root, sizeof head->root);
    return ERR_OK;
}
