/* Names as they stand in a certificate, where their normal form (parser/names.h) does not say it: what could
 * not be read and is "?" there, what was trimmed, cut or decoded. A name that differs from its normal form in
 * nothing but the case of ASCII letters is told by that. Matching has no use for these; whoever judges an
 * alert or searches has. */
#ifndef CTVIGIL_ASFOUND_H
#define CTVIGIL_ASFOUND_H

#include "base/arena.h"
#include "model/cert.h"
#include "model/name.h"

/* `names` is what names_collect made of `cert`. Into `arena` goes an array of names, whose raw members are
 * spans into the certificate: dNSNames (NAME_DNS), e-mail addresses (NAME_EMAIL), iPAddresses of another
 * length than 4 and 16 (NAME_IP), and with NAME_FROM_CN common names that are not the last one or are longer
 * than LIMIT_CN_BYTES, because those are kept nowhere else. In the order of the certificate, each once for
 * each time it stands there; text is absent. For a certificate with nothing odd it costs a look at each name.
 * FINDING_NAMES_TRUNCATED when the arena is full: then there are none. URIs are not here, their text is what
 * was found; nor are names of other kinds. */
void asfound_collect(const struct cert *cert, const struct name *names, size_t name_count,
                     struct arena *arena, struct name **found, size_t *count, struct finding_set *findings);

#endif
