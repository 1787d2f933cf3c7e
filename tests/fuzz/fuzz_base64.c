/* Decoding in one run against one digit at a time: whole groups up to the first that holds another byte, the
 * same bytes, and nothing written beyond the room that the header asks for. */
#include <stdlib.h>

#include "parser/base64.h"
#include "tests/fuzz/inside.h"

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t room = size / 4 * 3 + BASE64_SLOP;
    uint8_t *out = malloc(room);
    const uint8_t *at = data;
    size_t groups = 0;
    size_t len = 0;

    must(out != NULL);
    memset(out, 0xa5, room);
    uint8_t *end = base64_decode_run(&at, data + size, out);
    for (bool whole = true; whole && (groups + 1) * 4 <= size; groups += whole) {
        uint32_t word = 0;
        for (size_t i = 0; i < 4; i++) {
            uint8_t c = data[groups * 4 + i];
            const char *found = c == 0 ? NULL : strchr(digits, c);
            must(base64_digit(c) == (found == NULL ? -1 : (int)(found - digits)));
            whole = whole && found != NULL;
            word = word << 6 | (uint32_t)(found == NULL ? 0 : found - digits);
        }
        for (int shift = 16; whole && shift >= 0; shift -= 8)
            must(out[len++] == (uint8_t)(word >> shift));
    }
    must(at == data + groups * 4 && end == out + len);
    free(out);
    return 0;
}
