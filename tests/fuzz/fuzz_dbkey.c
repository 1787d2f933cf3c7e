/* Property: a name survives being stored, whatever its bytes; the stored form is free of spaces and control
 * bytes, so that a list of names comes apart where it was joined; reading any text gives no more bytes than
 * it has. */
#include "db/dbkey.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span name = span_of(data, size);
    struct buf stored;
    struct buf back;
    struct span list;
    struct span first;
    if (size > 4096)
        return 0;
    buf_init(&stored, 4 * size + 64);
    buf_init(&back, 4 * size + 64);
    dbkey_put_name(&stored, name);
    must(buf_ok(&stored));
    for (size_t i = 0; i < stored.len; i++)
        must(stored.at[i] > 0x20 && stored.at[i] < 0x7f);
    dbkey_put_text(&back, buf_span(&stored));
    must(buf_ok(&back) && span_eq(buf_span(&back), name));
    size_t alone = stored.len;
    buf_str(&stored, " com.other");
    list = buf_span(&stored);
    must(dbkey_next_name(&list, &first) && first.len == alone);
    must(dbkey_next_name(&list, &first) && span_eq(first, SPAN_LIT("com.other")) &&
         !dbkey_next_name(&list, &first));
    buf_clear(&back);
    dbkey_put_text(&back, name);
    must(buf_ok(&back) && back.len <= size);
    buf_fini(&stored);
    buf_fini(&back);
    return 0;
}
