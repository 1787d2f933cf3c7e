/* What fuzz targets of the parser share: a span given out must lie inside the input or be absent. */
#ifndef CTVIGIL_INSIDE_H
#define CTVIGIL_INSIDE_H

#include "base/span.h"
#include "model/cert.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static inline void inside(struct span input, struct span part)
{
    if (part.at == NULL) {
        must(part.len == 0);
        return;
    }
    must(part.at >= input.at && part.len <= input.len &&
         (size_t)(part.at - input.at) <= input.len - part.len);
}

static inline void inside_cert(struct span input, const struct cert *cert)
{
    const struct span spans[] = {
        cert->der,        cert->tbs,     cert->serial,     cert->tbs_sig_oid,
        cert->sig_oid,    cert->sig,     cert->issuer,     cert->subject,
        cert->spki,       cert->key_oid, cert->curve_oid,  cert->exts,
        cert->exts_outer, cert->san,     cert->sct_list,   cert->aki,
        cert->aki_key_id, cert->ski,     cert->eku,        cert->key_usage,
        cert->policies,   cert->aia,     cert->crl_points, cert->name_constraints,
    };

    for (size_t i = 0; i < countof(spans); i++)
        inside(input, spans[i]);
}

#endif
