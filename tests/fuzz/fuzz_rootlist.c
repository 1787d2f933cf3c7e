/* Whatever the bytes are: a list that is read has as many certificates as it says, each of a size that can be
 * stored, and a second reading gives the same; what is refused says why. */
#include "base/hash.h"
#include "base/limits.h"
#include "ingest/rootlist.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct seen {
    size_t count;
    uint64_t hash;
    size_t stop_at; /* an error here; 0: none */
};

static enum err_code each(void *arg, struct span der, struct err *why)
{
    struct seen *seen = arg;

    must(der.len > 0 && der.len <= LIMIT_ISSUER_BYTES);
    seen->count++;
    seen->hash = seen->hash * 31 + hash_keyed(der);
    return seen->count == seen->stop_at ? err_set(why, ERR_CLOSED, "enough") : ERR_OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct seen seen[2] = {{0}, {0}};
    struct rootlist list[2];
    struct err why[2] = {{0}, {0}};
    enum err_code code[2];

    for (size_t i = 0; i < 2; i++) {
        code[i] = rootlist_read(span_of(data, size), each, &seen[i], &list[i], &why[i]);
        must(code[i] == ERR_OK || (code[i] == ERR_FORMAT && why[i].text[0] != '\0'));
        must(seen[i].count == list[i].count && list[i].count <= LIMIT_ROOTS);
    }
    must(code[0] == code[1] && seen[0].hash == seen[1].hash && list[0].refused == list[1].refused);
    if (seen[0].count != 0) {
        struct seen stopped = {.stop_at = seen[0].count};
        must(rootlist_read(span_of(data, size), each, &stopped, &list[0], &why[0]) == ERR_CLOSED);
    }
    return 0;
}
