/* Whatever surrounds it, a watched name between bytes that can not belong to a name is found, in every form
 * it is promised to be found in; and nothing of it reads outside the input. */
#include "watcher/rawscan.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void note(void *arg, const struct watch *watch)
{
    (void)watch;
    *(size_t *)arg += 1;
}

/* The name put into the input at `at`, as ASCII or as BMPString, with a byte on both sides that ends names.
 */
static size_t find_planted(const struct rawscan *scan, struct span input, size_t at, const char *name,
                           bool wide)
{
    size_t len = strlen(name);
    size_t planted_len = (wide ? 2 : 1) * len + 4;
    uint8_t *bytes = malloc(input.len + planted_len);
    size_t hits = 0;
    size_t end = at;
    must(bytes != NULL);
    if (at != 0)
        memcpy(bytes, input.at, at);
    bytes[end++] = 0xff;
    bytes[end++] = 0xff;
    for (size_t i = 0; i < len; i++) {
        if (wide)
            bytes[end++] = 0;
        bytes[end++] = (uint8_t)name[i];
    }
    bytes[end++] = 0xff;
    bytes[end++] = 0xff;
    if (input.len != at)
        memcpy(bytes + end, input.at + at, input.len - at);
    rawscan_find(scan, span_of(bytes, end + input.len - at), note, &hits);
    free(bytes);
    return hits;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char name[] = "mail.example.com";
    static char host[] = "www.example.org";
    struct watch watches[2] = {{.id = 1, .kind = WATCH_DNS, .name = name},
                               {.id = 2, .kind = WATCH_DNS, .name = host, .exact = true}};
    struct rawscan *scan = rawscan_new(watches, 2);
    size_t hits = 0;
    must(scan != NULL);
    rawscan_find(scan, span_of(data, size), note, &hits);
    size_t at = size == 0 ? 0 : data[0] % size;
    must(find_planted(scan, span_of(data, size), at, name, false) != 0);
    must(find_planted(scan, span_of(data, size), at, host, false) != 0);
    must(find_planted(scan, span_of(data, size), at, name, true) != 0);
    must(find_planted(scan, span_of(data, size), at, "*.example.org", true) != 0);
    rawscan_free(scan);
    return 0;
}
