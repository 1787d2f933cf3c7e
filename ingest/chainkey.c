#include "ingest/chainkey.h"

#include "base/hash.h"
#include "base/limits.h"
#include "parser/tbs.h"
#include "verify/digest.h"

#define CHAINKEY_TAIL 64 /* bytes of the signature: differ where two certificates differ */

struct slot {
    size_t len; /* 0: empty */
    struct chainkey key;
    uint8_t der[LIMIT_CHAINKEY_BYTES];
};

static _Thread_local struct slot slots[LIMIT_CHAINKEYS];
static _Thread_local struct chainkey large; /* of a certificate that is not remembered */

static void read_key(struct span der, struct chainkey *key)
{
    struct cert cert;

    (void)tbs_read_certificate(der, &cert);
    key->subject = cert.subject;
    key->has_key = cert.spki.at != NULL;
    if (!key->has_key)
        return;
    digest_sha256(cert.spki, key->spki_sha256);
    if (der.len <= LIMIT_ISSUER_BYTES)
        digest_sha256(der, key->sha256);
}

const struct chainkey *chainkey_of(struct span der)
{
    size_t tail = der.len < CHAINKEY_TAIL ? der.len : CHAINKEY_TAIL;

    if (der.len == 0 || der.len > LIMIT_CHAINKEY_BYTES) {
        read_key(der, &large);
        return &large;
    }
    struct slot *slot = &slots[hash_keyed(span_part(der, der.len - tail, der.len)) % LIMIT_CHAINKEYS];
    if (slot->len != der.len || memcmp(slot->der, der.at, der.len) != 0) {
        memcpy(slot->der, der.at, der.len);
        slot->len = der.len;
        read_key(span_of(slot->der, slot->len), &slot->key);
    }
    return &slot->key;
}
