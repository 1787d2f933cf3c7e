/* The normal form is a TBS of the length it claims, holds no CT extension, is its own normal form, and keeps
 * every other fact. */
#include <stdlib.h>

#include "parser/precert.h"
#include "parser/tbs.h"
#include "tests/fuzz/dermutate.h"
#include "tests/fuzz/inside.h"

static uint8_t *join(const struct precert_pieces *pieces)
{
    uint8_t *bytes = malloc(pieces->length + 1);
    size_t at = 0;

    must(bytes != NULL && pieces->count <= PRECERT_PIECES_MAX);
    for (size_t i = 0; i < pieces->count; i++) {
        memcpy(bytes + at, pieces->piece[i].at, pieces->piece[i].len);
        at += pieces->piece[i].len;
    }
    must(at == pieces->length);
    return bytes;
}

static void check(const struct cert *cert)
{
    struct precert_pieces pieces;
    struct precert_pieces again;
    struct cert shared;

    bool good = precert_normal_form(cert, &pieces);
    uint8_t *bytes = join(&pieces);
    struct span tbs = span_of(bytes, pieces.length);
    must(precert_pieces_equal(&pieces, tbs));
    must(good || pieces.count == 0 || span_eq(cert->tbs, tbs));
    if (good) {
        must(tbs_read(tbs, &shared));
        must(shared.sct_list.at == NULL && (shared.flags & CERT_POISON) == 0);
        must(precert_normal_form(&shared, &again) && precert_pieces_equal(&again, tbs));
        must(span_eq(shared.serial, cert->serial) && span_eq(shared.issuer, cert->issuer));
        must(span_eq(shared.spki, cert->spki) && span_eq(shared.san, cert->san));
        must(shared.not_after == cert->not_after && shared.ext_count <= cert->ext_count);
    }
    if (good && precert_normal_form_preissuer(cert, cert, &again)) {
        uint8_t *swapped = join(&again);
        must(tbs_read(span_of(swapped, again.length), &shared) && span_eq(shared.issuer, cert->issuer));
        free(swapped);
    }
    free(bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct cert cert;

    (void)tbs_read_certificate(span_of(data, size), &cert);
    check(&cert);
    (void)tbs_read(span_of(data, size), &cert);
    check(&cert);
    return 0;
}
