/* The dotted form of an identifier leads back to its octets; what is no identifier is shown as hex. The
 * identifiers known by name are found by their octets, and by nothing else. */
#include <stdlib.h>

#include "parser/oid.h"
#include "tests/fuzz/inside.h"

static size_t put_arc(uint8_t *out, uint64_t arc)
{
    uint8_t bytes[10];
    size_t count = 0;

    do
        bytes[count++] = (uint8_t)(arc & 0x7f);
    while ((arc >>= 7) != 0);
    for (size_t i = 0; i < count; i++)
        out[i] = (uint8_t)(bytes[count - 1 - i] | (i + 1 < count ? 0x80 : 0));
    return count;
}

/* False: an arc is larger than this reader can hold. */
static bool read_back(const char *text, uint8_t out[OID_TEXT_MAX], size_t *len)
{
    uint64_t first = 0;

    *len = 0;
    for (size_t arcs = 0; *text != '\0'; arcs++) {
        uint64_t arc = 0;
        must(*text >= '0' && *text <= '9' && (text[0] != '0' || text[1] < '0' || text[1] > '9'));
        for (; *text >= '0' && *text <= '9'; text++) {
            if (arc > UINT64_MAX / 10 - 100)
                return false;
            arc = arc * 10 + (uint64_t)(*text - '0');
        }
        if (arcs == 0)
            first = arc;
        else
            *len += put_arc(out + *len, arcs == 1 ? first * 40 + arc : arc);
        must(arcs != 0 || first <= 2);
        must(*text == '\0' || (*text == '.' && text[1] != '\0'));
        text += *text == '.';
    }
    return true;
}

/* Arcs end where the octets end, and none begins with a needless 0x80. */
static bool is_proper(struct span oid)
{
    bool begins = true;

    for (size_t i = 0; i < oid.len; i++) {
        if (begins && oid.at[i] == 0x80)
            return false;
        begins = oid.at[i] < 0x80;
    }
    return begins && oid.len != 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span input = span_of(data, size);
    enum oid found = oid_find(input);
    char text[OID_TEXT_MAX];
    uint8_t octets[OID_TEXT_MAX + 16];
    size_t len;

    must(found == OID_UNKNOWN || span_eq(oid_bytes(found), input));
    for (unsigned id = OID_UNKNOWN + 1; id < OID_COUNT; id++) {
        must(oid_find(oid_bytes((enum oid)id)) == (enum oid)id);
        must(!span_eq(oid_bytes((enum oid)id), input) || found == (enum oid)id);
    }
    must(oid_text(input, text) == text && memchr(text, 0, sizeof text) != NULL);
    size_t shown = strlen(text);
    bool cut = shown >= 2 && strcmp(text + shown - 2, "..") == 0;
    if (found != OID_UNKNOWN)
        must(strcmp(text, oid_dotted(found)) == 0);
    if (text[0] == '#') {
        must(cut || shown == 1 + 2 * size);
        must(size == 0 || size > 160 || data[size - 1] >= 0x80);
    } else if (!cut && is_proper(input) && read_back(text, octets, &len)) {
        must(span_eq(span_of(octets, len), input));
    }
    return 0;
}
