#include "lib/inner.h"
#include "parser/precert.h"

INNER(pieces, struct precert_pieces, struct ctvigil_common)

bool ctvigil_common_of(struct ctvigil_common *common, const struct ctvigil_cert *cert)
{
    return precert_normal_form(inner_cert_in(cert), pieces_of(common));
}

bool ctvigil_common_of_signed(struct ctvigil_common *common, const struct ctvigil_cert *cert,
                              const struct ctvigil_cert *signer)
{
    return precert_normal_form_preissuer(inner_cert_in(cert), inner_cert_in(signer), pieces_of(common));
}

size_t ctvigil_common_count(const struct ctvigil_common *common)
{
    return pieces_in(common)->count;
}

struct ctvigil_bytes ctvigil_common_piece(const struct ctvigil_common *common, size_t i)
{
    const struct precert_pieces *pieces = pieces_in(common);

    return inner_bytes(i < pieces->count ? pieces->piece[i] : SPAN_NONE);
}

size_t ctvigil_common_size(const struct ctvigil_common *common)
{
    return pieces_in(common)->length;
}
