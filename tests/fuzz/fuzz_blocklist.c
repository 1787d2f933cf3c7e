/* A line is a note, no line of ours, or the hex of as many octets as it says. */
#include "base/text.h"
#include "tests/fuzz/inside.h"
#include "watcher/blocklist.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t out[32];
    char hex[65];
    int octets = blocklist_line(span_of(data, size), out);
    must(octets >= -1 && octets <= 32);
    if (octets <= 0)
        return 0;
    must(octets == 10 || octets == 20 || octets == 32);
    (void)text_hex(span_of(out, (size_t)octets), hex);
    must(size >= 2 * (size_t)octets);
    uint8_t again[32];
    must(blocklist_line(span_str(hex), again) == octets && memcmp(out, again, (size_t)octets) == 0);
    return 0;
}
