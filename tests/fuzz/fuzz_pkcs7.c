/* Every certificate lies inside of the bytes, behind the one before; a whole one that is cut off is damaged.
 */
#include "cli/pkcs7.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t count_of(struct span bytes, bool *damaged)
{
    const uint8_t *at = bytes.at;
    struct pkcs7 pkcs7;
    struct span der;
    size_t count = 0;

    pkcs7_init(&pkcs7, bytes);
    for (; pkcs7_next(&pkcs7, &der); count++) {
        must(der.len != 0 && der.at >= at && der.at + der.len <= bytes.at + bytes.len);
        at = der.at + der.len;
    }
    must(!pkcs7_next(&pkcs7, &der));
    *damaged = pkcs7.damaged;
    return count;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    bool damaged;
    bool damaged_cut;
    size_t count = count_of(span_of(data, size), &damaged);

    if (size == 0)
        return 0;
    must(count_of(span_of(data, size - 1), &damaged_cut) <= count || damaged_cut);
    return 0;
}
