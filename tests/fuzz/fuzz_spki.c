/* What is said of a key lies in its bytes: spans inside, a size that the bytes can hold, an algorithm only
 * with the identifier that names it. What follows the key does not change it, and a key cut short is not a
 * good one. */
#include <stdlib.h>

#include "parser/der.h"
#include "parser/spki.h"
#include "tests/fuzz/dermutate.h"
#include "tests/fuzz/inside.h"

static void read(struct span spki, struct cert *cert)
{
    *cert = (struct cert){.spki = spki};
    spki_read(cert);
    inside(spki, cert->key_oid);
    inside(spki, cert->curve_oid);
    must(cert->key_alg == CERT_KEY_UNKNOWN || cert->key_oid.at != NULL);
    must(cert->curve_oid.at == NULL || cert->key_alg == CERT_KEY_EC);
    must(cert->key_alg <= CERT_KEY_ML_DSA);
    if (cert->key_alg != CERT_KEY_UNKNOWN)
        must(spki_alg_name(cert) != NULL && cert_key_alg_name(cert->key_alg)[0] != '\0');
    if (cert->key_alg == CERT_KEY_RSA || cert->key_alg == CERT_KEY_DSA)
        must(cert->key_bits <= spki.len * 8);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span input = span_of(data, size);
    struct finding_set findings = {{0, 0}};
    struct der in = der_of(input, &findings);
    struct der_item item;
    struct cert whole;
    struct cert part;

    read(input, &whole);
    if (!der_next(&in, &item))
        return 0;
    read(item.whole, &part);
    must(part.key_alg == whole.key_alg && part.key_bits == whole.key_bits);
    must(part.key_oid.at == whole.key_oid.at && part.curve_oid.at == whole.curve_oid.at);
    if (finding_none(&findings)) {
        read(span_part(item.whole, 0, item.whole.len - 1), &part);
        must(finding_has(&part.findings, FINDING_SPKI_UNREADABLE) || part.key_bits <= whole.key_bits);
    }
    return 0;
}
