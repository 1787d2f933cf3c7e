/* However many messages come together, however they are cut, each way gives each the digest that libcrypto
 * gives it alone. */
#include <stdlib.h>

#include "base/cur.h"
#include "verify/digest.h"

#define FUZZ_JOBS   24
#define FUZZ_PIECES 3

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Own memory of exactly this size, so that a byte read beyond is seen. */
static struct span fuzz_piece(struct cur *cur)
{
    size_t len = (size_t)cur_uint(cur, 1) * 5;
    size_t left = cur_left(cur);
    uint8_t *copy = malloc(len == 0 ? 1 : len);

    must(copy != NULL);
    memset(copy, 0xa5, len);
    if (left != 0 && len != 0)
        memcpy(copy, cur->at, left < len ? left : len);
    return span_of(copy, len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct cur cur = cur_of(span_of(data, size));
    struct span piece[FUZZ_JOBS][FUZZ_PIECES];
    struct digest_job job[FUZZ_JOBS];
    uint8_t out[FUZZ_JOBS][32];
    size_t count = (size_t)cur_uint(&cur, 1) % (FUZZ_JOBS + 1);

    for (size_t i = 0; i < count; i++) {
        job[i] = (struct digest_job){piece[i], (size_t)cur_uint(&cur, 1) % (FUZZ_PIECES + 1), out[i]};
        for (size_t k = 0; k < job[i].count; k++)
            piece[i][k] = fuzz_piece(&cur);
    }
    for (unsigned way = 0; way < DIGEST_WAYS; way++) {
        if (!digest_way_found((enum digest_way)way))
            continue;
        memset(out, 0, sizeof out);
        digest_many_by((enum digest_way)way, job, count);
        for (size_t i = 0; i < count; i++) {
            uint8_t want[32];
            digest_sha256_pieces(job[i].piece, job[i].count, want);
            must(memcmp(want, out[i], 32) == 0);
        }
    }
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < job[i].count; k++)
            free((void *)(uintptr_t)piece[i][k].at);
    return 0;
}
