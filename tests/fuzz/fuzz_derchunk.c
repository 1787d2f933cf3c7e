/* Certificates lie inside what was unpacked, one behind the other; nothing becomes larger than a row may be,
 * whatever it claims; and what is taken out and packed again is the same. */
#include "db/derchunk.h"
#include "tests/fuzz/inside.h"

static size_t walk(struct span plain, struct buf *again)
{
    const uint8_t *seen = plain.at;
    struct span rest = plain;
    struct span der;
    size_t count = 0;

    while (derchunk_next(&rest, &der)) {
        inside(plain, der);
        must(der.at == seen + 4);
        seen = der.at + der.len;
        derchunk_put(again, der);
        count++;
    }
    inside(plain, rest);
    must(again->len + rest.len == plain.len);
    must(again->len == 0 || memcmp(again->at, plain.at, again->len) == 0);
    return count;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buf plain;
    struct buf packed;
    struct buf again;
    struct span bytes = span_of(data, size);
    int64_t claims = size > 4 ? data[0] << 16 | data[1] << 8 | data[2] : (int64_t)size;

    buf_init(&plain, DERCHUNK_PLAIN_MAX);
    buf_init(&packed, 2 * DERCHUNK_PLAIN_MAX);
    buf_init(&again, DERCHUNK_PLAIN_MAX);
    (void)walk(bytes, &again);
    for (int64_t len = claims; len > 0; len /= 7) {
        if (derchunk_unpack(bytes, len, &plain, NULL) != ERR_OK)
            continue;
        must((int64_t)plain.len == len);
        buf_clear(&again);
        (void)walk(buf_span(&plain), &again);
    }
    if (size != 0) {
        must(derchunk_pack(bytes, &packed, NULL) == ERR_OK);
        must(derchunk_unpack(buf_span(&packed), (int64_t)size, &plain, NULL) == ERR_OK);
        must(span_eq(buf_span(&plain), bytes));
    }
    buf_fini(&plain);
    buf_fini(&packed);
    buf_fini(&again);
    return 0;
}
