/* Certificates written out as they are (`ctvigil cert --der`, `--pem`), to standard output or to a file that
 * is there whole or not at all. */
#ifndef CTVIGIL_CERTOUT_H
#define CTVIGIL_CERTOUT_H

#include <stdio.h>

#include "base/err.h"
#include "cli/certview.h"

enum certout_form { CERTOUT_NONE, CERTOUT_DER, CERTOUT_PEM };

struct certout {
    enum certout_form form;
    const char *path; /* NULL: standard output */
    char *beside;     /* where it is written to first */
    FILE *file;
    struct err why; /* the first thing that went wrong */
};

MUST_USE enum err_code certout_open(struct certout *out, enum certout_form form, const char *path,
                                    struct err *why);
/* The certificate of `view`: of a log entry the one that was logged, of a bare TBSCertificate that one, in
 * DER alone. Errors wait for certout_close. */
void certout_put(struct certout *out, const struct certview *view);
/* `good` false: what was written is thrown away. */
MUST_USE enum err_code certout_close(struct certout *out, bool good, struct err *why);

#endif
