/* Where a certificate stood: in which file, inside of what, as which one. */
#ifndef CTVIGIL_CERTPLACE_H
#define CTVIGIL_CERTPLACE_H

#include <jansson.h>

#include "base/buf.h"
#include "cli/sniff.h"

#define CERTPLACE_DEPTH 6 /* base64 of gzip of PEM of PKCS#7 of a certificate, and one to spare */

struct certplace_layer {
    enum sniff kind;
    unsigned number;   /* which one of those inside, from 1; 0: there is but one */
    struct span label; /* of a PEM block; absent otherwise */
};

struct certplace {
    const char *file;                              /* as the user named it; "standard input" */
    struct certplace_layer layer[CERTPLACE_DEPTH]; /* from the outermost */
    unsigned depth;
    unsigned count; /* certificates and entries of this file so far, this one counted */
};

/* "bundle.pem: PEM block 2 (CERTIFICATE)", visible text; and with the bytes of the file's name and of labels
 * as they are, for those who make the whole visible. */
void certplace_text(const struct certplace *place, struct buf *out);
void certplace_raw(const struct certplace *place, struct buf *out);
/* {"file", "layers": ["pem", "certificate"], "number"}; a new object, owned by the caller. */
json_t *certplace_json(const struct certplace *place);

#endif
