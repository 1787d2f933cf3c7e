/* The first byte chooses the type. What is read as proper must be written by text_time in the same digits. */
#include <stdlib.h>

#include "base/text.h"
#include "parser/der.h"
#include "parser/when.h"
#include "tests/fuzz/inside.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char text[TEXT_TIME_MAX];
    char digits[32];
    size_t count = 0;
    int64_t unix_s = INT64_MIN;

    if (size == 0)
        return 0;
    uint32_t tag = (data[0] & 1u) != 0 ? DER_UTC_TIME : DER_GENERALIZED_TIME;
    enum when when = when_read(tag, span_of(data + 1, size - 1), &unix_s);
    if (when == WHEN_UNREADABLE) {
        must(unix_s == INT64_MIN);
        return 0;
    }
    /* A day of slack on both sides for offsets. */
    must(unix_s >= -62167219200 - 86400 * 2 && unix_s <= 253402300800 + 86400 * 2);
    if (when != WHEN_OK)
        return 0;
    must(size - 1 == (tag == DER_UTC_TIME ? 13u : 15u) && data[size - 1] == 'Z');
    (void)text_time(unix_s * 1000, false, text);
    for (const char *at = text; *at != '\0'; at++) {
        if (*at >= '0' && *at <= '9')
            digits[count++] = *at;
    }
    size_t skip = tag == DER_UTC_TIME ? 2 : 0;
    must(count == 14 && memcmp(digits + skip, data + 1, count - skip) == 0);
    return 0;
}
