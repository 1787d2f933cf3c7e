#include "cli/pkcs7.h"

#define CONTEXT_0 0xa0

/* Goes into the next element, which is to be `tag`; one that is cut off is read as far as it goes. */
static bool enter(struct pkcs7 *pkcs7, struct der *in, uint32_t tag)
{
    struct der_item item;
    bool cut = false;

    if (in->failed || !der_next_cut(in, &item, &cut) || item.tag != tag)
        return false;
    pkcs7->damaged = pkcs7->damaged || cut;
    *in = der_of(item.value, in->findings);
    return true;
}

/* ContentInfo: type, [0] content; SignedData: version, digestAlgorithms, encapContentInfo, [0] certificates.
 */
void pkcs7_init(struct pkcs7 *pkcs7, struct span bytes)
{
    struct der in = der_of(bytes, &pkcs7->ignored);
    struct der_item item;

    *pkcs7 = (struct pkcs7){.damaged = false};
    pkcs7->certs = der_of(SPAN_NONE, &pkcs7->ignored);
    if (!enter(pkcs7, &in, DER_SEQUENCE) || !der_expect(&in, DER_OID, &item) ||
        !enter(pkcs7, &in, CONTEXT_0) || !enter(pkcs7, &in, DER_SEQUENCE) ||
        !der_expect(&in, DER_INTEGER, &item) || !der_expect(&in, DER_SET, &item) ||
        !der_expect(&in, DER_SEQUENCE, &item))
        pkcs7->damaged = true;
    else if (der_more(&in) && *in.at == CONTEXT_0 && enter(pkcs7, &in, CONTEXT_0))
        pkcs7->certs = in;
}

bool pkcs7_next(struct pkcs7 *pkcs7, struct span *der)
{
    struct der_item item;
    bool cut = false;

    while (der_more(&pkcs7->certs) && der_next_cut(&pkcs7->certs, &item, &cut)) {
        pkcs7->damaged = pkcs7->damaged || cut;
        *der = item.whole;
        if (item.tag == DER_SEQUENCE)
            return true;
    }
    pkcs7->damaged = pkcs7->damaged || pkcs7->certs.failed;
    return false;
}
