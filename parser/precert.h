/* The TBS that precertificate and final certificate share (RFC 6962 section 3.2, protocol.md 1.9): TBS
 * without SCT list and without poison, lengths re-encoded minimally, [3] dropped when no extension remains.
 * No allocation: the result is a list of pieces to hash or to compare. */
#ifndef CTVIGIL_PRECERT_H
#define CTVIGIL_PRECERT_H

#include "model/cert.h"

/* Real certificates need up to 7 pieces. Each CT extension between two others takes one more; those of which
 * more than about 60 stand so apart are not taken out. */
#define PRECERT_PIECES_MAX 64

struct precert_pieces {
    struct span piece[PRECERT_PIECES_MAX]; /* into the certificate, and into scratch */
    size_t count;
    size_t length; /* sum */
    uint8_t scratch[128];
};

/* Pieces of cert's TBS without CT extensions. For a bare precert leaf TBS without CT extensions this is the
 * TBS itself. False: the TBS can not be taken apart, something stands behind extensions of which none
 * remains, or the pieces are too many (then piece[0] is the whole TBS). The pieces point into `out`. */
bool precert_normal_form(const struct cert *cert, struct precert_pieces *out);

/* The same for a precertificate signed by a Precertificate Signing Certificate: issuer and AKI are replaced
 * by those of `preissuer` (whose own issuer is the real CA). */
bool precert_normal_form_preissuer(const struct cert *cert, const struct cert *preissuer,
                                   struct precert_pieces *out);

/* The TBS that a log hashes for a precertificate (RFC 6962 section 3.2): as the normal form, but only the
 * critical poison is taken out. `preissuer`: NULL, or the Precertificate Signing Certificate. False: there is
 * no such poison, or as for the normal form. */
bool precert_logged_form(const struct cert *precert, const struct cert *preissuer,
                         struct precert_pieces *out);

/* Is `der` a certificate whose TBS is that of `logged` with one poison more, both in DER? For nearly all
 * precertificates it is, and this says so for a part of what parser/tbs.h and precert_logged_form cost. False
 * says nothing. Neither signature nor algorithm is looked at. */
bool precert_is_usual(struct span der, const struct cert *logged);

/* Does this normal form equal the bytes of `tbs`? */
bool precert_pieces_equal(const struct precert_pieces *pieces, struct span tbs);

#endif
