/* The first byte: RSA with an exponent of so many bytes, or a curve. A zero in front changes nothing, an even
 * number is told, and a multiple of a small prime. */
#include "tests/fuzz/inside.h"
#include "verify/weakkey.h"

#define BIT(flaw) (UINT32_C(1) << WEAKKEY_##flaw)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t padded[1025];
    if (size < 2 || size > 1024)
        return 0;
    size_t cut = data[0] & 15u;
    bool curve = (data[0] & 16u) != 0;
    struct span rest = span_of(data + 1, size - 1);
    cut = cut < rest.len ? cut : rest.len;
    struct span first = span_part(rest, 0, cut);
    struct span second = span_part(rest, cut, rest.len);
    if (curve) {
        must((weakkey_ec(first, second) & ~(BIT(EC_CURVE) | BIT(EC_POINT))) == 0);
        return 0;
    }
    uint32_t found = weakkey_rsa(second, first);
    must(found < UINT32_C(1) << WEAKKEY_COUNT);
    if (second.len == 0 || (second.at[0] & 0x80) != 0)
        return 0;
    padded[0] = 0;
    memcpy(padded + 1, second.at, second.len);
    must(weakkey_rsa(span_of(padded, second.len + 1), first) == found);
    must((second.at[second.len - 1] & 1) != 0 || (found & BIT(RSA_EVEN)) != 0);
    return 0;
}
