/* domain import: history that others kept. */
#ifndef CTVIGIL_DOMAINIMPORT_H
#define CTVIGIL_DOMAINIMPORT_H

#include "cli/cmd.h"

struct domainimport {
    const char *crtsh;       /* a file; NULL: none */
    const char *certspotter; /* a folder; NULL: none */
    bool list;               /* what was imported, and whether a log has shown it since */
    const char *accept;      /* a reference: as if certspotter had told of it */
    const char *tbs;         /* hex: the stored issuance that is meant; NULL: what was imported says it */
    const char *drop;        /* a reference */
};

/* The exit code. What is taken goes to unverified_cert (db/db_known.h); issuances of registered domains that
 * certspotter had told of are accepted (keys.tbs). */
int domainimport_run(const struct cmd *cmd, const struct domainimport *what);

#endif
