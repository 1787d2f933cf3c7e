/* Everything found lies inside the input; the bare TBS of a certificate gives the same facts; a byte behind
 * it changes nothing but one finding; a copy elsewhere reads the same. */
#include <stdlib.h>

#include "parser/ext.h"
#include "parser/tbs.h"
#include "tests/fuzz/dermutate.h"
#include "tests/fuzz/inside.h"

static void same_facts(const struct cert *a, const struct cert *b)
{
    must(a->not_before == b->not_before && a->not_after == b->not_after && a->version == b->version);
    must(a->path_len == b->path_len && a->key_bits == b->key_bits && a->ext_count == b->ext_count);
    must(a->flags == b->flags && a->key_usage_bits == b->key_usage_bits && a->key_alg == b->key_alg);
    must(span_eq(a->serial, b->serial) && span_eq(a->issuer, b->issuer) && span_eq(a->subject, b->subject));
    must(span_eq(a->spki, b->spki) && span_eq(a->exts, b->exts) && span_eq(a->san, b->san));
    must(span_eq(a->sct_list, b->sct_list) && span_eq(a->ski, b->ski) &&
         span_eq(a->aki_key_id, b->aki_key_id));
}

static void with_trailing_byte(struct span input, const struct cert *cert)
{
    uint8_t *copy = malloc(input.len + 1);
    struct cert other;

    must(copy != NULL);
    memcpy(copy, input.at, input.len);
    copy[input.len] = 0x30;
    must(tbs_read_certificate(span_of(copy, input.len + 1), &other));
    same_facts(cert, &other);
    must(finding_has(&other.findings, FINDING_TRAILING_BYTES));
    free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span input = span_of(data, size);
    struct finding_set ignored = {{0, 0}};
    struct cert cert;
    struct cert bare;
    struct ext ext;
    struct ext_item item;

    bool good = tbs_read_certificate(input, &cert);
    inside_cert(input, &cert);
    must(good != finding_has(&cert.findings, FINDING_CERTIFICATE_UNREADABLE));
    ext_init(&ext, cert.exts, &ignored);
    while (ext_next(&ext, &item)) {
        inside(cert.exts, item.whole);
        inside(item.whole, item.oid);
        inside(item.whole, item.value);
        inside(item.whole, item.head);
    }
    if (good) {
        must(cert.serial.at != NULL && cert.issuer.at != NULL && cert.subject.at != NULL &&
             cert.spki.at != NULL);
        must(tbs_read(cert.tbs, &bare));
        same_facts(&cert, &bare);
        with_trailing_byte(input, &cert);
    }
    (void)tbs_read(input, &bare);
    inside_cert(input, &bare);
    return 0;
}
