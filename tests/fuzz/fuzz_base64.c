/* Every way to decode against one digit at a time and against libcrypto: whole groups up to the first that
 * holds another byte, the same bytes, and nothing written beyond the room that the header asks for. */
#include <openssl/evp.h>
#include <stdlib.h>

#include "parser/base64.h"
#include "tests/fuzz/foreign.h"
#include "tests/fuzz/inside.h"

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* How many groups are whole; `out` gets their bytes. */
static size_t slow(const uint8_t *data, size_t size, uint8_t *out)
{
    for (size_t groups = 0;; groups++) {
        uint32_t word = 0;
        if (size - groups * 4 < 4)
            return groups;
        for (size_t i = 0; i < 4; i++) {
            uint8_t c = data[groups * 4 + i];
            const char *found = c == 0 ? NULL : strchr(digits, c);
            must(base64_digit(c) == (found == NULL ? -1 : (int)(found - digits)));
            if (found == NULL)
                return groups;
            word = word << 6 | (uint32_t)(found - digits);
        }
        for (int shift = 16; shift >= 0; shift -= 8)
            *out++ = (uint8_t)(word >> shift);
    }
}

static void check_group(const uint8_t group[4])
{
    uint8_t got[4] = {0, 0, 0, 0xa5};
    uint8_t want[3];
    size_t pad = group[3] != '=' ? 0 : group[2] != '=' ? 1 : 2;
    bool good = true;

    for (size_t i = 0; i < 4 - pad; i++)
        good = good && base64_digit(group[i]) >= 0;
    size_t len = base64_decode_group(group, got);
    must(len == (good ? 3 - pad : 0) && got[3] == 0xa5);
    if (!good)
        return;
    must(EVP_DecodeBlock(want, group, 4) == 3);
    foreign_wrote(want, sizeof want);
    must(memcmp(got, want, len) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t room = size / 4 * 3 + BASE64_SLOP;
    uint8_t *want = malloc(room);

    must(want != NULL);
    size_t groups = slow(data, size, want);
    for (unsigned way = 0; way < BASE64_WAYS; way++) {
        uint8_t *out = malloc(room);
        const uint8_t *at = data;
        if (!base64_way_found((enum base64_way)way)) {
            free(out);
            continue;
        }
        must(out != NULL);
        uint8_t *end = base64_way_runner((enum base64_way)way)(&at, data + size, out);
        must(at == data + groups * 4 && end == out + groups * 3 && memcmp(out, want, groups * 3) == 0);
        free(out);
    }
    if (groups != 0) {
        uint8_t *again = malloc(groups * 3);
        must(again != NULL && EVP_DecodeBlock(again, data, (int)(groups * 4)) == (int)(groups * 3));
        foreign_wrote(again, groups * 3);
        must(memcmp(again, want, groups * 3) == 0);
        free(again);
    }
    for (size_t at = 0; size - at >= 4; at++)
        check_group(data + at);
    free(want);
    return 0;
}
